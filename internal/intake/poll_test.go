package intake

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func (s *shop) poll(t testing.TB) {
	t.Helper()
	if err := s.intake.Poll(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
}

func cursor(t testing.TB, st *store.Store, at time.Time) store.Cursor {
	t.Helper()
	c, err := st.PollCursor(t.Context(), "shop", "order", at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPollFindsWhatChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		for i := range 5 {
			s.clock = s.clock.Add(time.Second)
			s.put(fmt.Sprint(i), "a")
		}
		s.clock = s.clock.Add(time.Minute)
		s.poll(t)
		if n := len(tasks(t, st, "shop-erp")); n != 5 || len(s.calls) != 3 {
			t.Errorf("%d tasks after %d pages, want 5 after 3", n, len(s.calls))
		}
		if !s.calls[0].Since.Equal(start.Add(-time.Hour)) {
			t.Errorf("the first poll begins at %v, want the flow's start", s.calls[0].Since)
		}
		began := s.clock
		s.clock = s.clock.Add(10 * time.Minute)
		s.put("4", "b")
		s.calls = nil
		s.poll(t)
		if want := began.Add(-time.Minute); !s.calls[0].Since.Equal(want) {
			t.Errorf("the next poll begins at %v, want the last one's start less the overlap, %v", s.calls[0].Since, want)
		}
		if row := tasks(t, st, "shop-erp")["4"]; row.Wanted != 2 {
			t.Errorf("%+v", row)
		}
	})
}

func TestPollThatIsCutGoesOnWhereItWas(t *testing.T) {
	for name, cut := range map[string]func(s *shop, cancel func()){
		"by the system": func(s *shop, _ func()) {
			if len(s.calls) == 2 {
				s.fail = connector.Errorf(connector.KindUnavailable, "list", "down")
			}
		},
		"by a stop": func(s *shop, cancel func()) {
			if len(s.calls) == 2 {
				cancel()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				s := newShop(t, st)
				for i := range 5 {
					s.put(fmt.Sprint(i), "a")
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s.onList = func() { cut(s, cancel) }
				if err := s.intake.Poll(ctx, "shop"); err == nil {
					t.Fatal("the cut is not told")
				}
				c := cursor(t, st, s.clock)
				if !c.Open || c.Position != "2" || c.Seen != 2 || len(tasks(t, st, "shop-erp")) != 2 {
					t.Errorf("cursor and rows do not go together: %+v with %d tasks", c, len(tasks(t, st, "shop-erp")))
				}
				if (c.Error != "") != (name == "by the system") {
					t.Errorf("the cursor says %q", c.Error)
				}
				s.onList, s.fail, s.calls = nil, nil, nil
				s.clock = s.clock.Add(time.Minute)
				s.poll(t)
				if s.calls[0].Cursor != "2" || !s.calls[0].Since.Equal(start.Add(-time.Hour)) {
					t.Errorf("it goes on with %+v", s.calls[0])
				}
				if n := len(tasks(t, st, "shop-erp")); n != 5 {
					t.Errorf("%d tasks", n)
				}
				// What changed while it was cut lies after its start, so the next poll has it.
				if c := cursor(t, st, s.clock); !c.Watermark.Equal(start) || c.Open || c.Error != "" {
					t.Errorf("after it: %+v", c)
				}
			})
		})
	}
}

// Positions end: after a restart of the vendor, or when they are old.
func TestPollWhosePositionIsRefusedBeginsItsWindowAgain(t *testing.T) {
	for _, kind := range []connector.ErrorKind{connector.KindInvalid, connector.KindNotFound} {
		t.Run(string(kind), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				s := newShop(t, st)
				for i := range 5 {
					s.put(fmt.Sprint(i), "a")
				}
				refuse := true
				s.onList = func() {
					s.fail = nil
					if refuse && s.calls[len(s.calls)-1].Cursor != "" {
						s.fail = connector.Errorf(kind, "list", "the position is not known")
					}
				}
				for range 2 {
					if err := s.intake.Poll(t.Context(), "shop"); connector.KindOf(err) != kind {
						t.Fatalf("the poll ends with %v", err)
					}
				}
				refuse, s.calls = false, nil
				s.clock = s.clock.Add(time.Minute)
				s.poll(t)
				if first := s.calls[0]; first.Cursor != "" || !first.Since.Equal(start.Add(-time.Hour)) {
					t.Errorf("it goes on with %+v, want the beginning of its window", first)
				}
				if c := cursor(t, st, s.clock); len(tasks(t, st, "shop-erp")) != 5 || c.Open || !c.Watermark.Equal(start) || c.Seen != 5 {
					t.Errorf("%d tasks, and the cursor is %+v", len(tasks(t, st, "shop-erp")), c)
				}
			})
		})
	}
}

func TestSamePageAgainEndsThePoll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		for i := range 5 {
			s.put(fmt.Sprint(i), "a")
		}
		s.again = true
		if err := s.intake.Poll(t.Context(), "shop"); connector.KindOf(err) != connector.KindBug {
			t.Errorf("%v", err)
		}
		if len(s.calls) != 2 {
			t.Errorf("%d pages were listed", len(s.calls))
		}
	})
}

func TestClockThatIsPutBackLosesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.clock = start.Add(2 * time.Hour) // ours is ahead of the vendor's
		s.poll(t)
		s.clock = start.Add(time.Minute) // and is put right
		s.put("1", "a")
		s.clock = start.Add(2 * time.Minute)
		s.poll(t)
		if n := len(tasks(t, st, "shop-erp")); n != 1 {
			t.Error("what changed before the wrong time was missed")
		}
	})
}

func TestPausedSourceIsNotAsked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.source.Paused = true
		s.poll(t)
		if len(s.calls) != 0 {
			t.Error("it was")
		}
	})
}

func (s *shop) addBackfill(t testing.TB, st *store.Store, until time.Time) (id int64) {
	t.Helper()
	total, err := s.intake.Count(t.Context(), "shop", "order", time.Time{}, until)
	if err != nil {
		t.Fatal(err)
	}
	err = st.Write(t.Context(), func(ctx context.Context, tx store.Tx) (err error) {
		id, err = st.AddBackfill(ctx, tx, store.Cursor{Connection: "shop", Kind: "order", Flow: "shop-erp", Until: until, Total: int64(total)}, s.clock)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func backfill(t testing.TB, st *store.Store, id int64) store.Cursor {
	t.Helper()
	c, err := st.Cursor(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBackfillListsEverythingForItsFlow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		for i := range 5 {
			s.put(fmt.Sprint(i), "a")
		}
		id := s.addBackfill(t, st, start.Add(time.Hour))
		if more, err := s.intake.RunBackfills(t.Context(), slice); more || err != nil {
			t.Fatal(more, err)
		}
		c := backfill(t, st, id)
		if c.State != store.CursorDone || c.Total != 5 || c.Seen != 5 || c.Changed != 5 {
			t.Errorf("%+v", c)
		}
		if erp, crm := len(tasks(t, st, "shop-erp")), len(tasks(t, st, "shop-crm")); erp != 5 || crm != 0 {
			t.Errorf("%d and %d tasks, want them in its own flow alone", erp, crm)
		}
	})
}

func TestBackfillIsStoppedByAPerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		for i := range 9 {
			s.put(fmt.Sprint(i), "a")
		}
		id := s.addBackfill(t, st, start.Add(time.Hour))
		s.onList = func() {
			if len(s.calls) != 2 {
				return
			}
			err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return st.StopBackfill(ctx, tx, id, s.clock) })
			if err != nil {
				t.Error(err)
			}
		}
		if _, err := s.intake.RunBackfills(t.Context(), slice); err != nil {
			t.Fatal(err)
		}
		if c := backfill(t, st, id); c.State != store.CursorStopped || c.Seen != 4 || len(s.calls) != 2 {
			t.Errorf("%+v after %d pages", c, len(s.calls))
		}
	})
}

func TestBackfillGoesOnAfterTheSystemWasDown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		for i := range 5 {
			s.put(fmt.Sprint(i), "a")
		}
		id := s.addBackfill(t, st, start.Add(time.Hour))
		s.onList = func() {
			if len(s.calls) == 2 {
				s.fail = connector.Errorf(connector.KindUnavailable, "list", "down")
			}
		}
		if more, err := s.intake.RunBackfills(t.Context(), slice); more || err != nil {
			t.Fatal(more, err)
		}
		c := backfill(t, st, id)
		if c.State == store.CursorDone || c.Seen != 2 || c.Error == "" || !c.Due.After(s.clock) {
			t.Errorf("while it is down: %+v", c)
		}
		s.fail, s.onList, s.clock = nil, nil, s.clock.Add(time.Minute)
		if _, err := s.intake.RunBackfills(t.Context(), slice); err != nil {
			t.Fatal(err)
		}
		if c := backfill(t, st, id); c.State != store.CursorDone || c.Seen != 5 || c.Error != "" {
			t.Errorf("after it: %+v", c)
		}
	})
}
