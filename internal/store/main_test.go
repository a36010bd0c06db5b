package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// start is when most tests begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// eachDatabase runs a test on an empty store of each kind.
func eachDatabase(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	storetest.Each(t, test)
}

// write runs a write that must succeed.
func write(t testing.TB, s *store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// observe stores one observation.
func observe(t testing.TB, s *store.Store, o store.Observation) store.Observed {
	t.Helper()
	var observed store.Observed
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		observed, err = s.Observe(ctx, tx, o)
		return err
	})
	return observed
}

// body packs the body of an observation, with its hash.
func withBody(t testing.TB, s *store.Store, o store.Observation, body string) store.Observation {
	t.Helper()
	packed, err := s.Pack([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	o.Body, o.Hash = packed, "hash of "+body
	return o
}

var erp = store.Route{Flow: "shop-erp", Destination: "erp", Lanes: 4}

// order is an observation of an order of the shop, on its way to the ERP.
func order(id string, at time.Time) store.Observation {
	return store.Observation{Connection: "shop", Kind: "order", SourceID: id, Via: store.ViaWebhook, Topic: "orders/updated", At: at, FetchLanes: 2, Routes: []store.Route{erp}}
}

// smoke
func TestOrderGoesThroughTheStore(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		o := observe(t, s, withBody(t, s, order("1", start), "{}"))
		if o.Outcome != store.OutcomeChanged || o.Revision != 1 || len(o.Wake) != 1 {
			t.Fatalf("observed %+v", o)
		}
		works, err := s.TakeTasks(t.Context(), "erp", o.Wake[0].Number, "run1", start, time.Minute, 16)
		if err != nil || len(works) != 1 {
			t.Fatalf("taken %+v, %v", works, err)
		}
		if !bytes.Equal(works[0].Body, []byte("{}")) {
			t.Errorf("body %q", works[0].Body)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			again, err := s.FinishTask(ctx, tx, store.Result{Work: works[0], Run: "run1", State: store.TaskSynced, Hash: "h", Outcome: "created", Started: start, Ended: start.Add(time.Second),
				Links: []store.Link{{Destination: "erp", RecordID: works[0].RecordID, Role: store.RoleOrder, DocumentType: "sale.order", DocumentID: "7", Number: "S007"}}})
			if again {
				t.Error("again")
			}
			return err
		})
		// everything else once
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			_, err := s.Observe(ctx, tx, withBody(t, s, order("1", start.Add(time.Minute)), "{2}"))
			return err
		})
		thin := order("2", start)
		thin.Force = true
		observe(t, s, thin)
		if _, err := s.DueFetches(t.Context(), "shop", 0, start, 5); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Tasks(t.Context(), store.TaskFilter{Search: "S007", Flow: "shop-erp", Kind: "order", States: []store.TaskState{"waiting"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CountTasks(t.Context(), "order"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.DueLanes(t.Context(), start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Causes(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PollCursor(t.Context(), "shop", "order", start); err != nil {
			t.Fatal(err)
		}
		if st, err := s.TaskStory(t.Context(), works[0].TaskID); err != nil || len(st.Events) != 2 || len(st.Deliveries) != 1 || len(st.Links) != 1 {
			t.Fatal(st, err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := s.SaveConnection(ctx, tx, store.Connection{Name: "erp", System: "odoo"}, start); err != nil {
				return err
			}
			if err := s.SaveFlow(ctx, tx, store.Flow{Name: "shop-erp", Source: "shop", Destination: "erp"}, start); err != nil {
				return err
			}
			if err := s.SetLanes(ctx, tx, "erp", 8); err != nil {
				return err
			}
			for _, a := range []store.Action{store.ActionHold, store.ActionRelease, store.ActionSkip, store.ActionRetry} {
				if _, _, err := s.ActOn(ctx, tx, a, []int64{works[0].TaskID}, "me", "because", start); err != nil {
					return err
				}
			}
			id, err := s.SaveCause(ctx, tx, store.Cause{Flow: "shop-erp", State: "held"}, start)
			if err != nil {
				return err
			}
			if err := s.DropFetch(ctx, tx, store.FetchWish{RecordID: 2, Asked: 1}, store.TaskFailed, id, "gone", start); err != nil {
				return err
			}
			return s.Ignore(ctx, tx, "shop", "ping", start)
		})
	})
}
