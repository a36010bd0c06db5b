package store_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestABulkActionIsWrittenDownSealedWithWhatIsWished(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		save := func(b store.Bulk) {
			t.Helper()
			b.ID, b.Node, b.Body = "b1", "n1", []byte("mary@example.com, "+b.State)
			if err := s.SaveBulk(ctx, b); err != nil {
				t.Fatal(err)
			}
		}
		wish := func(wish store.Wish, want bool, states ...string) {
			t.Helper()
			if noted, err := s.WishBulk(ctx, "b1", wish, []byte("ben"), states...); err != nil || noted != want {
				t.Errorf("the wish to %s in %v: %v, %v", wish, states, noted, err)
			}
		}
		wished := func(want store.Wish) {
			t.Helper()
			if wish, who, err := s.BulkWish(ctx, "b1"); err != nil || wish != want || wish != "" && string(who) != "ben" {
				t.Errorf("wished is %q by %q, %v; want %q", wish, who, err, want)
			}
		}
		if _, err := s.Bulk(ctx, "b1"); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("one that is not there gives %v", err)
		}
		before, err := s.Version(ctx)
		if err != nil {
			t.Fatal(err)
		}
		save(store.Bulk{State: "ready", Ready: true})
		if now, err := s.Version(ctx); err != nil || now == before {
			t.Errorf("the version stays %s, %v", now, err)
		}
		b, err := s.Bulk(ctx, "b1")
		if err != nil || b.Node != "n1" || b.State != "ready" || string(b.Body) != "mary@example.com, ready" || b.Quiet < 0 || b.Quiet > time.Minute || b.Seen.IsZero() {
			t.Errorf("written down is %+v, %v", b, err)
		}
		var raw []byte
		err = s.Read(ctx, func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, `SELECT bulk FROM bulks WHERE id = 'b1'`).Scan(&raw)
		})
		if err != nil || len(raw) == 0 || bytes.Contains(raw, []byte("mary")) {
			t.Errorf("the database can be read: %q, %v", raw, err)
		}
		wished("")
		wish(store.WishStart, false, "running")
		wish(store.WishStart, true, "ready")
		wish(store.WishStart, false, "ready")
		save(store.Bulk{State: "ready", Ready: true})
		wished(store.WishStart)
		if err := s.DropBulkWish(ctx, "b1", store.WishStop); err != nil {
			t.Error(err)
		}
		wished(store.WishStart)
		save(store.Bulk{State: "running", Started: start})
		wished("")
		wish(store.WishStop, true, "ready", "running")
		wish(store.WishStop, false, "ready", "running")
		save(store.Bulk{State: "running", Started: start})
		wished(store.WishStop)
		save(store.Bulk{State: "stopped", Ended: true, Started: start})
		wished("")
		if err := s.SeeBulk(ctx, "b1"); err != nil {
			t.Error(err)
		}
		if list, err := s.Bulks(ctx, 5); err != nil || len(list) != 1 || !list[0].Started.Equal(start) {
			t.Errorf("the list has %+v, %v", list, err)
		}
		if p, err := s.Prune(ctx, store.Retention{Deliveries: time.Now().Add(-time.Hour)}); err != nil || p.Bulks != 0 {
			t.Errorf("pruned %+v, %v", p, err)
		}
		if p, err := s.Prune(ctx, store.Retention{Deliveries: time.Now().Add(time.Hour)}); err != nil || p.Bulks != 1 {
			t.Errorf("pruned %+v, %v", p, err)
		}
	})
}
