package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// Running nodes look at the version of the configuration, so each pause by hand is another one. What a new configuration
// does is told once, by who applies it.
func TestPausesChangeTheVersionOfTheConfiguration(t *testing.T) {
	type change = func(ctx context.Context, s *store.Store, tx store.Tx) error
	for _, c := range []struct {
		name   string
		change change
		told   bool
		err    error
	}{
		{"a connection is paused", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.PauseConnection(ctx, tx, "erp", true, "stocktaking")
		}, true, nil},
		{"a connection goes on", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.PauseConnection(ctx, tx, "erp", false, "")
		}, true, nil},
		{"a flow is paused", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.PauseFlow(ctx, tx, erp.Flow, true, "stocktaking")
		}, true, nil},
		{"a flow goes on", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.PauseFlow(ctx, tx, erp.Flow, false, "")
		}, true, nil},
		{"a connection that does not exist is paused", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.PauseConnection(ctx, tx, "nobody", true, "")
		}, false, store.ErrNoRows},
		{"a flow that does not exist is paused", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.PauseFlow(ctx, tx, "nowhere", true, "")
		}, false, store.ErrNoRows},
		{"a used connection is removed", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.RemoveConnection(ctx, tx, "erp")
		}, false, nil},
		{"a connection is restored", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.RestoreConnection(ctx, tx, "erp")
		}, false, nil},
		{"a connection that does not exist is restored", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.RestoreConnection(ctx, tx, "nobody")
		}, false, store.ErrNoRows},
		{"a flow with a history is removed", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.RemoveFlow(ctx, tx, erp.Flow)
		}, false, nil},
		{"a flow is restored", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.RestoreFlow(ctx, tx, erp.Flow, start)
		}, false, nil},
		{"a flow that does not exist is restored", func(ctx context.Context, s *store.Store, tx store.Tx) error {
			return s.RestoreFlow(ctx, tx, "nowhere", start)
		}, false, store.ErrNoRows},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				connect(t, s)
				write(t, s, func(ctx context.Context, tx store.Tx) error {
					return errors.Join(
						s.SaveFlow(ctx, tx, store.Flow{Name: erp.Flow, Source: "shop", Destination: "erp", Config: "{}"}, start),
						s.TouchConfig(ctx, tx))
				})
				observe(t, s, order("1", start))
				before := configVersion(t, s)
				err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return c.change(ctx, s, tx) })
				if !errors.Is(err, c.err) {
					t.Errorf("error %v, want %v", err, c.err)
				}
				if told := configVersion(t, s) != before; told != c.told {
					t.Errorf("nodes hear of it: %v, want %v", told, c.told)
				}
			})
		})
	}
}

func configVersion(t testing.TB, s *store.Store) string {
	t.Helper()
	version, err := s.Meta(t.Context(), store.MetaConfigVersion)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func TestRemovedAndRestored(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		connect(t, s)
		observe(t, s, order("1", start))
		step := func(fn func(ctx context.Context, tx store.Tx) error, paused bool, why string) {
			t.Helper()
			write(t, s, fn)
			connections, err := s.Connections(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			flows, err := s.Flows(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(flows) != 1 || len(connections) != 2 {
				t.Fatalf("connections %+v, flows %+v", connections, flows)
			}
			if c, f := connections[0], flows[0]; c.Paused != paused || c.PausedWhy != why || f.Paused != paused || f.PausedWhy != why {
				t.Errorf("connection %s paused %v %q, flow %s paused %v %q; want %v %q", c.Name, c.Paused, c.PausedWhy, f.Name, f.Paused, f.PausedWhy, paused, why)
			}
		}
		step(func(ctx context.Context, tx store.Tx) error {
			return s.SaveFlow(ctx, tx, store.Flow{Name: erp.Flow, Source: "shop", Destination: "erp", Config: "{}"}, start)
		}, false, "")
		step(func(ctx context.Context, tx store.Tx) error {
			return errors.Join(s.RemoveFlow(ctx, tx, erp.Flow), s.RemoveConnection(ctx, tx, "erp"))
		}, true, "removed from the configuration")
		step(func(ctx context.Context, tx store.Tx) error {
			return errors.Join(s.RestoreFlow(ctx, tx, erp.Flow, start), s.RestoreConnection(ctx, tx, "erp"))
		}, false, "")
		step(func(ctx context.Context, tx store.Tx) error {
			return errors.Join(s.PauseFlow(ctx, tx, erp.Flow, true, "stocktaking"), s.PauseConnection(ctx, tx, "erp", true, "stocktaking"))
		}, true, "stocktaking")
	})
}

// Nobody waits for what a removed flow has not delivered; when the flow comes back, it is delivered.
func TestWhatARemovedFlowHasNotDeliveredIsLeftOutAndComesBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		connect(t, s)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.SaveFlow(ctx, tx, store.Flow{Name: erp.Flow, Source: "shop", Destination: "erp", Config: "{}"}, start)
		})
		read := observe(t, s, withBody(t, s, "one", order("1", start)))
		unread := observe(t, s, order("2", start)) // only its id is known: it is to be fetched first
		left := func() int64 {
			t.Helper()
			n, err := s.LeaveOutRemoved(t.Context(), start.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := left(); n != 0 {
			t.Errorf("%d orders of a flow that is there are left out", n)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.RemoveFlow(ctx, tx, erp.Flow) })
		if n := left(); n != 2 {
			t.Errorf("%d orders are left out; want 2", n)
		}
		if got := task(t, s, erp.Flow, read.RecordID); got.State != store.TaskSkipped || got.Reason != "its flow was removed from the configuration" {
			t.Errorf("task %+v", got)
		}
		if oldest, err := s.OldestTask(t.Context(), "", ""); err != nil || oldest != nil {
			t.Errorf("somebody waits for %+v, %v", oldest, err)
		}
		later := start.Add(time.Hour)
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.RestoreFlow(ctx, tx, erp.Flow, later) })
		works := take(t, s, "run", later)
		if len(works) != 1 || works[0].RecordID != read.RecordID {
			t.Errorf("after the flow came back %+v is due; want the order that was read", works)
		}
		if got := task(t, s, erp.Flow, unread.RecordID); got.State != store.TaskWaiting {
			t.Errorf("the order that was not read is %+v", got)
		}
	})
}

func TestARemovedConnectionLeavesNothingToItsNamesake(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		save := func(ctx context.Context, tx store.Tx) error {
			return s.SaveConnection(ctx, tx, store.Connection{Name: "shop", System: "shop", Settings: map[string]string{}}, start)
		}
		write(t, s, save)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			_, err := s.AddBackfill(ctx, tx, store.Cursor{Connection: "shop", Kind: "order", Flow: erp.Flow}, start)
			return err
		})
		if had, err := s.LeaseSecret(t.Context(), "shop", "token", "node", start, start.Add(time.Minute)); err != nil || !had {
			t.Fatalf("lease: %v, %v", had, err)
		}
		if err := s.SaveSecret(t.Context(), "shop", "token", "node", []byte("of the first account"), start); err != nil {
			t.Fatal(err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.RemoveConnection(ctx, tx, "shop") })
		write(t, s, save)
		if token, err := s.LoadSecret(t.Context(), "shop", "token"); err != nil || token != nil {
			t.Errorf("the new account has the token %q of the old one, %v", token, err)
		}
		if open, err := s.OpenBackfills(t.Context(), start.Add(time.Hour)); err != nil || len(open) != 0 {
			t.Errorf("the new account goes on with %+v, %v", open, err)
		}
	})
}

// A flow that comes back goes on where it was: what is unclear keeps its time, what could not be read is read first, and
// what a person holds is held.
func TestAFlowThatComesBackShortensNoSettleTimeAndUndoesNoHold(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		connect(t, s)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.SaveFlow(ctx, tx, store.Flow{Name: erp.Flow, Source: "shop", Destination: "erp", Config: "{}"}, start)
		})
		unclear := observe(t, s, withBody(t, s, "one", order("1", start))).RecordID
		w := take(t, s, "run1", start)[0]
		finish(t, s, store.Result{Work: w, Run: "run1", State: store.TaskFailed, Uncertain: true, Due: start.Add(settle), Ended: start})
		held := observe(t, s, withBody(t, s, "two", order("2", start))).RecordID
		act(t, s, store.ActionHold, task(t, s, erp.Flow, held).ID, start)
		unread := observe(t, s, order("3", start)).RecordID
		giveUp(t, s, store.FetchWish{RecordID: unread, Asked: 1}, start)

		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.RemoveFlow(ctx, tx, erp.Flow) })
		if n, err := s.LeaveOutRemoved(t.Context(), start); err != nil || n != 2 {
			t.Errorf("%d orders are left out, %v; want the two that nobody holds", n, err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.RestoreFlow(ctx, tx, erp.Flow, start) })
		if row := task(t, s, erp.Flow, unclear); row.State != store.TaskWaiting || !row.Due.Equal(start.Add(settle)) {
			t.Errorf("the unclear one is %+v; want it to wait for the settle time", row)
		}
		if row := task(t, s, erp.Flow, held); row.State != store.TaskHeld || !row.Pinned {
			t.Errorf("the one that a person holds is %+v", row)
		}
		if wishes := due(t, s, start); len(wishes) != 1 || wishes[0].RecordID != unread {
			t.Errorf("to be read are %+v; want the one that could not be read", wishes)
		}
	})
}
