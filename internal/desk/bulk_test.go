package desk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/store"
)

// seen stores records that nobody has worked on yet.
func (o *mapOffice) seen(n int) {
	o.Helper()
	err := o.store.Write(o.Context(), func(ctx context.Context, tx store.Tx) error {
		for i := range n {
			if _, err := o.store.Observe(ctx, tx, store.Observation{
				Connection: "shop", Kind: string(commerce.KindOrder), SourceID: fmt.Sprint("many-", i), Via: store.ViaBackfill, At: time.Now(), Thin: true,
				Routes: []store.Route{{Flow: "orders", Destination: "erp", Lanes: 1}},
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.Fatal(err)
	}
}

// await waits until a bulk action is as wanted.
func (o *mapOffice) await(id string, wanted func(desk.Bulk) bool) desk.Bulk {
	o.Helper()
	changes, stop := o.Watch()
	defer stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		b, err := o.Bulk(o.Context(), id)
		if err != nil {
			o.Fatal(err)
		}
		if wanted(b) {
			return b
		}
		select {
		case <-changes:
		case <-tick.C:
		case <-deadline.C:
			o.Fatalf("it stays %+v", b)
		}
	}
}

// startedBulks gives the bulk actions that were started.
func (o *mapOffice) startedBulks() []desk.Bulk {
	o.Helper()
	list, err := o.Bulks(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	return list
}

func TestABulkActionIsCountedDoneAndAudited(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "X"), mapSale("2", "X", priced("81.00")), mapSale("3", "A"))
		o.seen(700)
		o.started()
		b, err := o.PrepareBulk(o.Context(), o.anna, store.ActionHold, desk.Selection{All: true, Filter: desk.OrderFilter{After: []string{"x"}}})
		if err != nil {
			o.Fatal(err)
		}
		b = o.await(b.ID, func(b desk.Bulk) bool { return b.State == desk.BulkReady })
		if b.Counted != 703 || b.Applies != 702 || b.ByState[store.TaskHeld] != 2 || b.ByState[store.TaskSynced] != 1 || len(b.Money) != 1 || b.Money[0].String() != "200.00 EUR" {
			o.Fatalf("counted %+v", b)
		}
		if o.state("1").Pinned || len(o.startedBulks()) != 0 {
			o.Error("counting has changed something")
		}
		_, err = o.StartBulk(o.Context(), o.anna, b.ID, "")
		wrongField(o.T, err, "why")
		if _, err := o.StartBulk(o.Context(), o.anna, b.ID, "stock-taking"); err != nil {
			o.Fatal(err)
		}
		_, err = o.StartBulk(o.Context(), o.anna, b.ID, "again")
		wrongField(o.T, err, "")
		b = o.await(b.ID, func(b desk.Bulk) bool { return b.State.Ended() })
		if b.State != desk.BulkDone || b.Done != 703 || b.Changed != 702 || b.Why != "stock-taking" || b.EndedAt.IsZero() {
			o.Errorf("it ended as %+v", b)
		}
		if n, _, err := o.CountOrders(o.Context(), desk.OrderFilter{States: []store.TaskState{store.TaskHeld}}); n != 702 || err != nil {
			o.Errorf("%d are held, %v", n, err)
		}
		entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Subject: "orders", Limit: 5})
		if err != nil || len(entries) != 1 || entries[0].Action != "bulk hold" || !strings.Contains(entries[0].Detail, "703 orders") {
			o.Errorf("the audit says %+v, %v", entries, err)
		}
		if list := o.startedBulks(); len(list) != 1 || list[0].ID != b.ID {
			o.Errorf("the list has %+v", list)
		}
	})
}

func TestABulkActionOnChosenOrders(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "X"), mapSale("2", "X"), mapSale("3", "X"))
		o.started()
		b, err := o.PrepareBulk(o.Context(), o.anna, store.ActionSkip, desk.Selection{IDs: []int64{o.state("1").ID, o.state("3").ID, 99_999}})
		if err != nil || b.State != desk.BulkReady || b.Counted != 2 {
			o.Fatalf("prepared %+v, %v", b, err)
		}
		if _, err := o.StartBulk(o.Context(), o.anna, b.ID, "tests of the shop"); err != nil {
			o.Fatal(err)
		}
		o.await(b.ID, func(b desk.Bulk) bool { return b.State == desk.BulkDone })
		if o.state("1").State != store.TaskSkipped || o.state("2").State != store.TaskHeld || o.state("3").State != store.TaskSkipped {
			o.Error("it has skipped others")
		}
	})
}

func TestABulkActionCanBeLeftAndStopped(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.seen(2000)
		_, err := o.PrepareBulk(o.Context(), o.anna, store.ActionRetry, desk.Selection{All: true})
		if err == nil {
			o.Error("a desk that is not open has begun a bulk action")
		}
		o.started()
		ctx, leave := context.WithCancel(o.Context())
		b, err := o.PrepareBulk(ctx, o.anna, store.ActionSkip, desk.Selection{All: true})
		if err != nil {
			o.Fatal(err)
		}
		o.await(b.ID, func(b desk.Bulk) bool { return b.State == desk.BulkReady })
		if _, err := o.StartBulk(ctx, o.anna, b.ID, "they are old"); err != nil {
			o.Fatal(err)
		}
		leave()
		b = o.await(b.ID, func(b desk.Bulk) bool { return b.Done > 0 })
		if b.State == desk.BulkRunning {
			if _, err := o.StopBulk(o.Context(), o.anna, b.ID); err != nil {
				o.Fatal(err)
			}
		}
		b = o.await(b.ID, func(b desk.Bulk) bool { return b.State.Ended() })
		if b.State != desk.BulkStopped || b.Done == 0 || b.Done >= b.Counted || int64(b.Done) != b.Changed {
			o.Errorf("it ended as %+v", b)
		}
		if n, _, err := o.CountOrders(o.Context(), desk.OrderFilter{States: []store.TaskState{store.TaskSkipped}}); int64(n) != b.Changed || err != nil {
			o.Errorf("%d are skipped; it says %d, %v", n, b.Changed, err)
		}
		_, err = o.StopBulk(o.Context(), o.anna, b.ID)
		wrongField(o.T, err, "")
		b, err = o.PrepareBulk(o.Context(), o.anna, store.ActionRelease, desk.Selection{All: true})
		if err != nil {
			o.Fatal(err)
		}
		if b, err = o.StopBulk(o.Context(), o.anna, b.ID); err != nil || b.State != desk.BulkStopped {
			o.Errorf("one that was not started ends as %+v, %v", b, err)
		}
		if _, err := o.Bulk(o.Context(), "nobody"); !isNotFound(err) {
			o.Errorf("an unknown one gives %v", err)
		}
		_, err = o.PrepareBulk(o.Context(), o.anna, "explode", desk.Selection{All: true})
		wrongField(o.T, err, "action")
		_, err = o.PrepareBulk(o.Context(), o.anna, store.ActionRetry, desk.Selection{})
		wrongField(o.T, err, "id")
		_, err = o.PrepareBulk(o.Context(), o.anna, store.ActionRetry, desk.Selection{All: true, Filter: desk.OrderFilter{Min: "x"}})
		wrongField(o.T, err, "min")
	})
}
