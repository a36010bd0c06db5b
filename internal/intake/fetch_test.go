package intake

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// slice is a slice of a clock that stands still: lanes run until they have nothing to do.
const slice = time.Second

func (s *shop) runLane(t testing.TB) {
	t.Helper()
	if _, err := s.intake.RunFetchLane(t.Context(), "shop", 0, slice); err != nil {
		t.Fatal(err)
	}
}

// deliver brings what is due to a destination.
func (s *shop) deliver(t testing.TB, st *store.Store, destination string) {
	t.Helper()
	works, err := st.TakeTasks(t.Context(), destination, 0, "run", s.clock, time.Minute, 100)
	if err != nil || len(works) == 0 {
		t.Fatalf("taken %+v, %v", works, err)
	}
	for _, w := range works {
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := st.FinishTask(ctx, tx, store.Result{Work: w, Run: "run", State: store.TaskSynced, Ended: s.clock})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (s *shop) wishes(t testing.TB, st *store.Store, at time.Time) []store.FetchWish {
	t.Helper()
	wishes, err := st.DueFetches(t.Context(), "shop", 0, at, 100)
	if err != nil {
		t.Fatal(err)
	}
	return wishes
}

func TestThinWebhookIsFetched(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.put("1", "a")
		for range 3 { // a burst costs one fetch
			s.post(t, "/hooks/shop", "right", `{"id":"1"}`)
		}
		s.woken = nil
		s.runLane(t)
		row := tasks(t, st, "shop-erp")["1"]
		if row.State != store.TaskWaiting || row.Due.IsZero() || row.Wanted != 1 || newest(t, st, row.RecordID) != "a" {
			t.Errorf("%+v", row)
		}
		if len(s.woken) != 2 || s.counts["fetch changed"] != 1 {
			t.Errorf("woken %v, counted %v", s.woken, s.counts)
		}
		if left := s.wishes(t, st, s.clock.Add(time.Hour)); len(left) != 0 {
			t.Errorf("still to be fetched: %+v", left)
		}
	})
}

func TestFetchMayBeAnsweredByAnotherRecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.put("1", "a")
		s.moved["payment7"] = "1"
		s.post(t, "/hooks/shop", "right", `{"id":"payment7"}`)
		s.runLane(t)
		rows := tasks(t, st, "shop-erp")
		if rows["1"].State != store.TaskWaiting || rows["1"].Wanted != 1 {
			t.Errorf("the order is %+v", rows["1"])
		}
		if child := rows["payment7"]; child.State != store.TaskSkipped || child.Reason == "" || !child.WaitingSince.IsZero() {
			t.Errorf("what belongs to it is %+v", child)
		}
		if left := s.wishes(t, st, s.clock.Add(time.Hour)); len(left) != 0 {
			t.Errorf("still to be fetched: %+v", left)
		}
	})
}

func TestRecordThatIsNotFoundIsDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.post(t, "/hooks/shop", "right", `{"id":"1","body":"a"}`)
		s.post(t, "/hooks/shop", "right", `{"id":"1"}`)
		s.runLane(t)
		if row := tasks(t, st, "shop-erp")["1"]; row.Wanted != 2 || s.counts["fetch deleted"] != 1 {
			t.Errorf("%+v, counted %v", row, s.counts)
		}
		if left := s.wishes(t, st, s.clock.Add(time.Hour)); len(left) != 0 {
			t.Errorf("still to be fetched: %+v", left)
		}
	})
}

func TestFetchThatFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  error
		tries int
		want  store.TaskState // after that many tries
	}{
		{"a system that is down is asked for ever", connector.Errorf(connector.KindUnavailable, "fetch", "down"), 30, store.TaskWaiting},
		{"a record that is refused again and again has failed", connector.Errorf(connector.KindForbidden, "fetch", "anna@example.com may not"), 13, store.TaskFailed},
		{"a connector's bug too", connector.Errorf(connector.KindBug, "fetch", "odd"), 13, store.TaskFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				s := newShop(t, st)
				s.fail = c.fail
				s.post(t, "/hooks/shop", "right", `{"id":"1"}`)
				for range c.tries {
					s.runLane(t)
					if len(s.wishes(t, st, s.clock)) > 0 {
						t.Fatal("tried again at once")
					}
					s.clock = s.clock.Add(10 * time.Minute)
				}
				row := tasks(t, st, "shop-erp")["1"]
				if row.State != c.want || row.Reason == "" || strings.Contains(row.Reason, "anna@") {
					t.Errorf("%+v, want it %s with a reason in which nobody is named", row, c.want)
				}
				if causes, err := st.Causes(t.Context(), store.CauseFilter{}); err != nil || (len(causes) > 0) != (c.want == store.TaskFailed) {
					t.Errorf("causes %+v, %v", causes, err)
				}
			})
		})
	}
}

// What is in the destinations may be old then, and each flow has to tell so.
func TestChangeThatCannotBeReadFailsTheTaskOfEveryFlow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.post(t, "/hooks/shop", "right", `{"id":"1","body":"a"}`)
		for _, destination := range []string{"erp", "crm"} {
			s.deliver(t, st, destination)
		}
		s.fail = connector.Errorf(connector.KindForbidden, "fetch", "no")
		s.post(t, "/hooks/shop", "right", `{"id":"1"}`)
		for range maxFetchTries + 1 {
			s.runLane(t)
			s.clock = s.clock.Add(10 * time.Minute)
		}
		for _, flow := range []string{"shop-erp", "shop-crm"} {
			row := tasks(t, st, flow)["1"]
			causes, err := st.Causes(t.Context(), store.CauseFilter{Flow: flow, Now: s.clock})
			if row.State != store.TaskFailed || err != nil || len(causes) != 1 || causes[0].ID != row.CauseID || causes[0].Tasks != 1 {
				t.Errorf("flow %s: %+v with causes %+v, %v", flow, row, causes, err)
			}
		}
		// Retried when it may be read, it is read first.
		s.fail = nil
		s.put("1", "b")
		row := tasks(t, st, "shop-erp")["1"]
		if err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, _, err := st.ActOn(ctx, tx, store.ActionRetry, []int64{row.ID}, "anna", "the key may read now", s.clock)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		s.runLane(t)
		for _, flow := range []string{"shop-erp", "shop-crm"} {
			if row := tasks(t, st, flow)["1"]; row.State != store.TaskWaiting || row.Wanted != 2 || row.Due.IsZero() {
				t.Errorf("read after all, the task of flow %s is %+v", flow, row)
			}
		}
	})
}

// A body that is missing would ask for itself for ever.
func TestFetchWithoutABodyIsABug(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.records["1"] = connector.Raw{Ref: connector.Ref{Kind: commerce.KindOrder, ID: "1"}}
		s.post(t, "/hooks/shop", "right", `{"id":"1"}`)
		s.runLane(t)
		if due := s.wishes(t, st, s.clock); len(due) != 0 {
			t.Errorf("to be fetched again at once: %+v", due)
		}
		if s.counts["fetch thin"] != 0 {
			t.Errorf("counted %v", s.counts)
		}
	})
}

func TestPersonAsksForARecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.put("1", "a")
		if err := s.intake.SyncRecord(t.Context(), "shop", connector.Ref{Kind: commerce.KindOrder, ID: "1"}, nil); err != nil {
			t.Fatal(err)
		}
		s.runLane(t)
		if row := tasks(t, st, "shop-erp")["1"]; row.State != store.TaskWaiting || row.Due.IsZero() {
			t.Errorf("%+v", row)
		}
		if err := s.intake.SyncRecord(t.Context(), "other", connector.Ref{Kind: commerce.KindOrder, ID: "1"}, nil); err == nil {
			t.Error("a source that does not exist is accepted")
		}
	})
}
