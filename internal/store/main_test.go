package store_test

import (
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

// sequential leaves out a long test of one goroutine where only races are looked for: make race. It runs in make test.
func sequential(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("one goroutine: there is nothing in it to race")
	}
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

// withBody gives an observation a body.
func withBody(t testing.TB, s *store.Store, body string, o store.Observation) store.Observation {
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

// task reads the one task of a record in a flow.
func task(t testing.TB, s *store.Store, flow string, recordID int64) store.TaskRow {
	t.Helper()
	tasks, err := s.Tasks(t.Context(), store.TaskFilter{Flow: flow, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range tasks {
		if row.RecordID == recordID {
			return row
		}
	}
	t.Fatalf("record %d has no task in flow %s", recordID, flow)
	return store.TaskRow{}
}

// take takes what is due in all lanes of the ERP.
func take(t testing.TB, s *store.Store, run string, now time.Time) []store.Work {
	t.Helper()
	var all []store.Work
	for number := range erp.Lanes {
		works, err := s.TakeTasks(t.Context(), "erp", number, run, now, settle, 100)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, works...)
	}
	return all
}

const settle = time.Minute

// finish records a result and gives whether the task is due again.
func finish(t testing.TB, s *store.Store, r store.Result) (again bool) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		again, err = s.FinishTask(ctx, tx, r)
		return err
	})
	return again
}

// synced is the result of a delivery that went well.
func synced(w store.Work, run string, at time.Time) store.Result {
	return store.Result{
		Work: w, Run: run, State: store.TaskSynced, Hash: "canonical", Outcome: "created", Started: at, Ended: at,
		Links: []store.Link{{Destination: "erp", RecordID: w.RecordID, Role: store.RoleOrder, DocumentType: "sale.order", DocumentID: "7-" + w.SourceID, Number: "S00" + w.SourceID}},
	}
}

// act does what a person wants with one task.
func act(t testing.TB, s *store.Store, action store.Action, taskID int64, now time.Time) (n int64) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		n, _, err = s.ActOn(ctx, tx, action, []int64{taskID}, "anna", "because", now)
		return err
	})
	return n
}
