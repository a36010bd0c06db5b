package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestCountSinceTellsWhatBecameOfARun(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		before := start.Add(-time.Hour)
		observe(t, s, withBody(t, s, "old", order("old", before)))
		for _, w := range take(t, s, "run-0", before) {
			finish(t, s, synced(w, "run-0", before))
		}
		for _, id := range []string{"1", "2", "3", "4", "5"} {
			observe(t, s, withBody(t, s, id, order(id, start)))
		}
		works := take(t, s, "run-1", start)
		if len(works) < 4 {
			t.Fatalf("%d tasks taken", len(works))
		}
		finish(t, s, synced(works[0], "run-1", start))
		held := synced(works[1], "run-1", start)
		held.State, held.Reason = store.TaskHeld, "a person must look"
		finish(t, s, held)
		failed := synced(works[2], "run-1", start)
		failed.State, failed.Reason = store.TaskFailed, "given up"
		finish(t, s, failed)
		skipped := synced(works[3], "run-1", start)
		skipped.State, skipped.Reason = store.TaskSkipped, "left out"
		finish(t, s, skipped)
		got, err := s.CountSince(t.Context(), erp.Flow, "order", start)
		if want := (store.Became{Synced: 1, Waiting: 1, Held: 1, Failed: 1, Skipped: 1}); err != nil || got != want {
			t.Errorf("since the run began %+v, %v; want %+v", got, err, want)
		}
		if got, err := s.CountSince(t.Context(), "another", "order", start); err != nil || got != (store.Became{}) {
			t.Errorf("of another flow %+v, %v", got, err)
		}
		id, err := s.FindTask(t.Context(), erp.Flow, "shop", "order", "3")
		if err != nil || id == 0 {
			t.Errorf("the task of a record is %d, %v", id, err)
		}
		if _, err := s.FindTask(t.Context(), erp.Flow, "shop", "order", "none"); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("a record that is not there gives %v", err)
		}
		if id, err := s.RecordOfNumber(t.Context(), "shop", "order", "none"); err != nil || id != "" {
			t.Errorf("a number that is not there gives %q, %v", id, err)
		}
	})
}

func TestBackfillIsStoppedAndGoesOnWhereItWas(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		var id int64
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			id, err = s.AddBackfill(ctx, tx, store.Cursor{Connection: "shop", Kind: "order", Flow: erp.Flow, Total: 9}, start)
			return err
		})
		change := func(do func(context.Context, store.Tx, int64, time.Time) error) error {
			return s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return do(ctx, tx, id, start) })
		}
		if err := change(s.ResumeBackfill); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("one that runs cannot be resumed: %v", err)
		}
		if err := change(s.StopBackfill); err != nil {
			t.Fatal(err)
		}
		if err := change(s.StopBackfill); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("one that is stopped cannot be stopped: %v", err)
		}
		c, err := s.Cursor(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		// A page that was on its way when it was stopped.
		c.State, c.Position, c.Seen = store.CursorRunning, "page 2", 5
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.SaveCursor(ctx, tx, c, start) })
		if open, err := s.OpenBackfills(t.Context(), start); err != nil || len(open) != 0 {
			t.Errorf("a stopped backfill is open: %+v, %v", open, err)
		}
		if err := change(s.ResumeBackfill); err != nil {
			t.Fatal(err)
		}
		open, err := s.OpenBackfills(t.Context(), start)
		if err != nil || len(open) != 1 || open[0].Position != "page 2" || open[0].Seen != 5 || open[0].State != store.CursorReady {
			t.Errorf("it goes on as %+v, %v", open, err)
		}
	})
}

// Many backfills of one connection, paused or not, leave another's its turn.
func TestBackfillsOfAConnectionDoNotKeepOthersFromTheirTurn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for _, name := range []string{"asleep", "busy", "shop"} {
				if err := s.SaveConnection(ctx, tx, store.Connection{Name: name, System: "shop"}, start); err != nil {
					return err
				}
			}
			for _, name := range []string{"asleep", "busy"} {
				for range 120 {
					if _, err := s.AddBackfill(ctx, tx, store.Cursor{Connection: name, Kind: "order"}, start); err != nil {
						return err
					}
				}
			}
			if _, err := s.AddBackfill(ctx, tx, store.Cursor{Connection: "shop", Kind: "order"}, start); err != nil {
				return err
			}
			return s.PauseConnection(ctx, tx, "asleep", true, "because")
		})
		open, err := s.OpenBackfills(t.Context(), start)
		if err != nil {
			t.Fatal(err)
		}
		turns := map[string]int{}
		for _, c := range open {
			turns[c.Connection]++
		}
		if turns["asleep"] != 0 || turns["busy"] == 0 || turns["busy"] > 100 || turns["shop"] != 1 {
			t.Errorf("backfills that are worked on: %v", turns)
		}
	})
}

func TestIgnoredHooksAreCountedByReason(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		for i, reason := range []string{"ping", "unknown topic", "ping"} {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return s.Ignore(ctx, tx, "shop", reason, start.Add(time.Duration(i)*time.Minute))
			})
		}
		list, err := s.IgnoredHooks(t.Context(), "shop")
		if err != nil || len(list) != 2 || list[0].Reason != "ping" || list[0].Count != 2 || !list[0].LastAt.Equal(start.Add(2*time.Minute)) {
			t.Errorf("ignored: %+v, %v", list, err)
		}
		if list, err := s.IgnoredHooks(t.Context(), "erp"); err != nil || len(list) != 0 {
			t.Errorf("ignored of another connection: %+v, %v", list, err)
		}
	})
}
