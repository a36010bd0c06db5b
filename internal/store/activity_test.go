package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// carried lets an order of a source come and be synced after a while, or come to another state.
func carried(t testing.TB, s *store.Store, source, id string, seen time.Time, after time.Duration, state store.TaskState) {
	t.Helper()
	route := store.Route{Flow: source + "-erp", Destination: "erp", Lanes: 1}
	o := withBody(t, s, id, order(id, seen))
	o.Connection, o.Routes = source, []store.Route{route}
	observe(t, s, o)
	if state == store.TaskWaiting {
		return
	}
	works, err := s.TakeTasks(t.Context(), "erp", 0, id, seen, settle, 1)
	if err != nil || len(works) != 1 {
		t.Fatal(len(works), err)
	}
	at := seen.Add(after)
	finish(t, s, store.Result{Work: works[0], Run: id, State: state, Hash: "h", Started: at, Ended: at, Outcome: "done"})
}

func TestActivityIsCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		now := start.Add(30 * time.Second)
		day := start.Add(-12 * time.Hour)
		carried(t, s, "shop", "old", day.Add(-time.Hour), 2*time.Hour, store.TaskSynced) // seen the day before, synced this day
		carried(t, s, "shop", "held long", day.Add(-time.Minute), 0, store.TaskHeld)
		for i := range 10 {
			carried(t, s, "shop", fmt.Sprint("n", i), start.Add(-3*time.Minute), time.Duration(i+1)*time.Second, store.TaskSynced)
		}
		carried(t, s, "shop", "skipped", start.Add(-time.Minute), 0, store.TaskSkipped)
		carried(t, s, "market", "failed", start.Add(-time.Minute), time.Second, store.TaskFailed)
		carried(t, s, "market", "synced", start, 20*time.Second, store.TaskSynced)
		carried(t, s, "market", "waiting", start, 0, store.TaskWaiting)

		minutes, err := s.PerMinute(t.Context(), "order", 5, now)
		if err != nil || len(minutes) != 5 {
			t.Fatalf("%+v, %v", minutes, err)
		}
		for i, want := range []store.Minute{{Seen: 0}, {Seen: 10, Synced: 10}, {}, {Seen: 2}, {Seen: 2, Synced: 1}} {
			want.At = start.Add(time.Duration(i-4) * time.Minute)
			if !minutes[i].At.Equal(want.At) || minutes[i].Seen != want.Seen || minutes[i].Synced != want.Synced {
				t.Errorf("minute %d: %+v, want %+v", i, minutes[i], want)
			}
		}
		if none, err := s.PerMinute(t.Context(), "customer", 2, now); err != nil || len(none) != 2 || none[0].Seen+none[1].Seen+none[1].Synced != 0 {
			t.Errorf("%+v, %v", none, err)
		}

		lags, err := s.Lags(t.Context(), "")
		if err != nil || len(lags) != 2 {
			t.Fatalf("%+v, %v", lags, err)
		}
		// Of eleven, the sixth and the tenth.
		if l := lags[1]; l != (store.Lag{Source: "shop", Tasks: 11, P50: 6 * time.Second, P95: 10 * time.Second}) {
			t.Errorf("%+v", l)
		}
		if l := lags[0]; l != (store.Lag{Source: "market", Tasks: 1, P50: 20 * time.Second, P95: 20 * time.Second}) {
			t.Errorf("%+v", l)
		}

		oldest, err := s.OldestTask(t.Context(), "", "order")
		if err != nil || oldest == nil || oldest.SourceID != "held long" {
			t.Errorf("%+v, %v", oldest, err)
		}
		if oldest, err := s.OldestTask(t.Context(), "market-erp", ""); err != nil || oldest == nil || oldest.SourceID != "failed" {
			t.Errorf("%+v, %v", oldest, err)
		}
		if oldest, err := s.OldestTask(t.Context(), "", "customer"); err != nil || oldest != nil {
			t.Errorf("%+v, %v", oldest, err)
		}
		if since, err := s.OldestWaiting(t.Context(), ""); err != nil || !since.Equal(day.Add(-time.Minute)) {
			t.Errorf("%v, %v", since, err)
		}

		days, err := s.Today(t.Context(), "order", day)
		if err != nil || len(days) != 2 {
			t.Fatalf("%+v, %v", days, err)
		}
		shop, market := days[1], days[0]
		if shop.Source != "shop" || shop.Seen != 11 || shop.Synced != 11 || shop.States[store.TaskSynced] != 10 || shop.States[store.TaskSkipped] != 1 || shop.States[store.TaskHeld] != 0 {
			t.Errorf("%+v", shop)
		}
		if market.Seen != 3 || market.Synced != 1 || market.States[store.TaskFailed] != 1 || market.States[store.TaskWaiting] != 1 || market.States.Total() != 3 {
			t.Errorf("%+v", market)
		}

		backlogs, err := s.Backlogs(t.Context(), now)
		if err != nil || len(backlogs) != 1 || backlogs[0] != (store.Backlog{Destination: "erp", Waiting: 1, Synced: 11}) {
			t.Errorf("%+v, %v", backlogs, err)
		}
		if rest, moves := backlogs[0].Rest(); !moves || rest != 10*time.Minute/11 {
			t.Errorf("%v, %v", rest, moves)
		}
		if rest, moves := (store.Backlog{Waiting: 5}).Rest(); moves || rest != 0 {
			t.Errorf("%v, %v", rest, moves)
		}
	})
}

// An order that changes after it was synced has the lag of its last way, not the time since it was first seen.
func TestLagIsOfTheLastWay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		carried(t, s, "shop", "1", start, time.Second, store.TaskSynced)
		o := withBody(t, s, "changed", order("1", start.Add(time.Hour)))
		o.Routes = []store.Route{{Flow: "shop-erp", Destination: "erp", Lanes: 1}}
		observe(t, s, o)
		if lags, err := s.Lags(t.Context(), ""); err != nil || lags[0].P50 != time.Second {
			t.Errorf("%+v, %v", lags, err)
		}
		works, err := s.TakeTasks(t.Context(), "erp", 0, "again", start.Add(time.Hour), settle, 1)
		if err != nil || len(works) != 1 {
			t.Fatal(len(works), err)
		}
		finish(t, s, store.Result{Work: works[0], Run: "again", State: store.TaskSynced, Ended: start.Add(time.Hour + 5*time.Second)})
		if lags, err := s.Lags(t.Context(), ""); err != nil || len(lags) != 1 || lags[0].Tasks != 1 || lags[0].P50 != 5*time.Second {
			t.Errorf("%+v, %v", lags, err)
		}
	})
}

// Whatever people look at changes, the version changes, and it stays while nothing does.
func TestVersionChangesWithWhatIsShown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.SaveConnection(ctx, tx, store.Connection{Name: "shop", System: "shopware"}, start)
		})
		last := ""
		changes := func(what string, want bool) {
			t.Helper()
			now, err := s.Version(t.Context())
			if err != nil || (now != last) != want {
				t.Errorf("%s: %q after %q, %v", what, now, last, err)
			}
			last = now
		}
		changes("the first one", true)
		changes("nothing", false)
		carried(t, s, "shop", "1", start, 0, store.TaskWaiting)
		changes("an order comes", true)
		carried(t, s, "shop", "1", start.Add(time.Minute), 0, store.TaskHeld)
		changes("an order is held", true)
		act(t, s, store.ActionSkip, 1, start)
		changes("somebody skips it", true)
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.SaveHealth(ctx, tx, "shop", "{}", start) })
		changes("a connection is checked", true)
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.TouchConfig(ctx, tx) })
		changes("the configuration is changed", true)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			_, err := s.AddBackfill(ctx, tx, store.Cursor{Connection: "shop", Kind: "order"}, start)
			return err
		})
		changes("a backfill begins", true)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.AddMapChanges(ctx, tx, []store.MapChange{{Flow: "f", Table: "items", Key: "A", After: "B", At: start, Who: "anna"}})
		})
		changes("a map is changed", true)
		changes("nothing", false)
	})
}

// What the source changes today may have come long ago: it is not new, and counts beside what the source says of today.
func TestChangesOfTheDayAreThoseOfTheSource(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		for _, c := range []struct {
			id      string
			at      time.Time
			changed time.Time
		}{
			{"old", start.Add(-48 * time.Hour), start.Add(-48 * time.Hour)},
			{"shipped today", start.Add(-48 * time.Hour), start.Add(-48 * time.Hour)},
			{"shipped today", start.Add(time.Hour), start.Add(time.Hour)},
			{"new", start.Add(time.Hour), start.Add(time.Hour)},
			{"late", start.Add(time.Hour), start.Add(-time.Hour)},
		} {
			o := withBody(t, s, c.id+c.at.String(), order(c.id, c.at))
			o.SourceTime = c.changed
			observe(t, s, o)
		}
		days, err := s.Today(t.Context(), "order", start)
		if err != nil || len(days) != 1 || days[0].Changed != 2 || days[0].Seen != 2 {
			t.Errorf("the day is %+v, %v; want two changed and two new", days, err)
		}
	})
}
