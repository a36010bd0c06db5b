package desk_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

var ben = people.Person{ID: 2, Name: "ben", Role: people.Operator}

// eachTwoNodes runs a test with two nodes over one store. To the first one a second passes whenever it looks at its
// clock, so that it writes down every part of what it does.
func eachTwoNodes(t *testing.T, test func(o, other *mapOffice)) {
	t.Helper()
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		began, looks := time.Now(), atomic.Int64{}
		o.Desk = desk.New(desk.Options{Store: o.store, Node: o.node, Log: slog.New(slog.DiscardHandler), Now: func() time.Time {
			return began.Add(time.Duration(looks.Add(1)) * time.Second)
		}})
		if o.store.Dialect() == store.Postgres {
			test(o, newMapOffice(o.T, o.store, orderConfig))
			return
		}
		other := *o // one process alone works on a SQLite file, so these are two desks in it
		other.Desk = desk.New(desk.Options{Store: o.store, Node: o.node, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		test(o, &other)
	})
}

func TestABulkActionIsShownAndStartedOnAnotherNode(t *testing.T) {
	eachTwoNodes(t, func(o, other *mapOffice) {
		o.seen(700)
		o.started()
		other.started()
		b, err := o.PrepareBulk(o.Context(), o.anna, store.ActionHold, desk.Selection{All: true, Filter: desk.OrderFilter{Flow: "orders"}})
		if err != nil {
			o.Fatal(err)
		}
		if _, err := other.Bulk(o.Context(), b.ID); err != nil {
			o.Fatalf("the other node does not know it: %v", err)
		}
		b = other.await(b.ID, func(b desk.Bulk) bool { return b.State == desk.BulkReady })
		if b.Counted != 700 || b.Who != "anna" || b.Filter.Flow != "orders" || b.Action != store.ActionHold || len(other.startedBulks()) != 0 {
			o.Errorf("the other node shows %+v", b)
		}
		_, err = other.StartBulk(o.Context(), ben, b.ID, "")
		wrongField(o.T, err, "why")
		if b, err = other.StartBulk(o.Context(), ben, b.ID, "stock-taking"); err != nil {
			o.Fatal(err)
		}
		_, err = other.StartBulk(o.Context(), ben, b.ID, "again")
		wrongField(o.T, err, "")
		b = other.await(b.ID, func(b desk.Bulk) bool { return b.State.Ended() })
		if b.State != desk.BulkDone || b.Done != 700 || b.Changed != 700 || b.Who != "ben" || b.Why != "stock-taking" || b.Wish != "" {
			o.Errorf("it ended as %+v", b)
		}
		for _, node := range []*mapOffice{o, other} {
			if list := node.startedBulks(); len(list) != 1 || list[0].ID != b.ID || list[0].State != desk.BulkDone {
				o.Errorf("the list has %+v", list)
			}
		}
		entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Subject: "orders", Limit: 5})
		if err != nil || len(entries) != 1 || entries[0].Who != "ben" || entries[0].Action != "bulk hold" {
			o.Errorf("the audit says %+v, %v", entries, err)
		}
		_, err = other.StopBulk(o.Context(), ben, b.ID)
		wrongField(o.T, err, "")
	})
}

func TestABulkActionIsFollowedAndStoppedOnAnotherNode(t *testing.T) {
	eachTwoNodes(t, func(o, other *mapOffice) {
		o.seen(4000)
		o.started()
		other.started()
		b, err := o.RunBulk(o.Context(), o.anna, store.ActionSkip, desk.Selection{All: true}, "they are old")
		if err != nil {
			o.Fatal(err)
		}
		b = other.await(b.ID, func(b desk.Bulk) bool { return b.Done > 0 })
		if b.State != desk.BulkRunning || b.Done >= b.Counted || len(other.startedBulks()) != 1 {
			o.Errorf("its progress is %+v", b)
		}
		for range 2 { // a second one wishes the same
			if _, err := other.StopBulk(o.Context(), ben, b.ID); err != nil {
				o.Fatal(err)
			}
		}
		b = other.await(b.ID, func(b desk.Bulk) bool { return b.State.Ended() })
		if b.State != desk.BulkStopped || b.Done == 0 || b.Done >= b.Counted || b.Wish != "" || b.Problem != "" {
			o.Errorf("it ended as %+v", b)
		}
		entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Subject: "orders", Limit: 5})
		if err != nil || len(entries) != 2 || entries[0].Who != "ben" || entries[0].Action != "stop bulk skip" {
			o.Errorf("the audit says %+v, %v", entries, err)
		}
	})
}

func TestABulkActionIsCancelledOnAnotherNode(t *testing.T) {
	eachTwoNodes(t, func(o, other *mapOffice) {
		o.seen(10)
		o.started()
		other.started()
		b, err := o.PrepareBulk(o.Context(), o.anna, store.ActionSkip, desk.Selection{All: true})
		if err != nil {
			o.Fatal(err)
		}
		if b, err = other.StopBulk(o.Context(), ben, b.ID); err != nil {
			o.Fatal(err)
		}
		b = o.await(b.ID, func(b desk.Bulk) bool { return b.State.Ended() })
		if b.State != desk.BulkStopped || !b.StartedAt.IsZero() {
			o.Errorf("it ended as %+v", b)
		}
		if entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Subject: "orders", Limit: 5}); err != nil || len(entries) != 0 {
			o.Errorf("the audit says %+v, %v", entries, err)
		}
	})
}

func TestABulkActionWhoseNodeWasStoppedIsOver(t *testing.T) {
	eachTwoNodes(t, func(o, other *mapOffice) {
		o.seen(10)
		if err := o.Start(o.Context()); err != nil {
			o.Fatal(err)
		}
		b, err := o.PrepareBulk(o.Context(), o.anna, store.ActionSkip, desk.Selection{All: true})
		if err != nil {
			o.Fatal(err)
		}
		o.await(b.ID, func(b desk.Bulk) bool { return b.State == desk.BulkReady })
		o.Stop()
		if b, err = other.Bulk(o.Context(), b.ID); err != nil || b.State != desk.BulkStopped || !strings.Contains(b.Problem, "Nothing was changed") {
			o.Errorf("it is %+v, %v", b, err)
		}
	})
}

func TestABulkActionWhoseNodeHasGoneIsStopped(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		for id, problem := range map[string]string{
			"running": "What is done stays done", "ready": "Nothing was changed", "counting": "Nothing was changed",
		} {
			row := store.Bulk{ID: id, Node: "gone", State: id, Ready: id == "ready", Body: []byte(`{"id":"` + id + `","action":"retry","state":"` + id + `","counted":9}`)}
			if id == "running" {
				row.Started = time.Now()
				row.Body = []byte(`{"id":"running","action":"retry","state":"running","counted":9,"done":4,"changed":3,"started_at":"2026-11-25T10:00:00Z"}`)
			}
			if err := o.store.SaveBulk(o.Context(), row); err != nil {
				o.Fatal(err)
			}
			if b, err := o.Bulk(o.Context(), id); err != nil || b.State != desk.BulkState(id) {
				o.Errorf("%s: while its node is there it is %+v, %v", id, b, err)
			}
			err := o.store.Write(o.Context(), func(ctx context.Context, tx store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE bulks SET seen_at = seen_at - 31000 WHERE id = $1`, id)
				return err
			})
			if err != nil {
				o.Fatal(err)
			}
			b, err := o.Bulk(o.Context(), id)
			if err != nil || b.State != desk.BulkStopped || !strings.Contains(b.Problem, problem) || b.EndedAt.IsZero() {
				o.Errorf("%s: it is %+v, %v", id, b, err)
			}
			_, err = o.StartBulk(o.Context(), o.anna, id, "")
			wrongField(o.T, err, "")
			_, err = o.StopBulk(o.Context(), o.anna, id)
			wrongField(o.T, err, "")
		}
		if list := o.startedBulks(); len(list) != 1 || list[0].Done != 4 || list[0].Changed != 3 || list[0].State != desk.BulkStopped {
			o.Errorf("the list has %+v", list)
		}
	})
}
