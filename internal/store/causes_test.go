package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// withCause lets an order be held by a cause.
func withCause(t testing.TB, s *store.Store, id, value, amount, currency string, at time.Time) store.Work {
	t.Helper()
	observe(t, s, withBody(t, s, id+at.String(), order(id, at)))
	works := take(t, s, "run "+id+at.String(), at)
	if len(works) != 1 {
		t.Fatalf("%d orders are due", len(works))
	}
	finish(t, s, store.Result{
		Work: works[0], Run: "run " + id + at.String(), State: store.TaskHeld, Started: at, Ended: at,
		Summary: &store.Summary{Number: id, Amount: amount, Currency: currency},
		Cause:   &store.Cause{Flow: erp.Flow, State: store.TaskHeld, Step: "map", Kind: "unmapped", Code: "sku", Field: "lines[].sku " + value, Value: value, Message: "no article"},
	})
	return works[0]
}

// causes gives the causes in a state.
func causes(t testing.TB, s *store.Store, state store.CauseState, now time.Time) []store.Cause {
	t.Helper()
	list, err := s.Causes(t.Context(), store.CauseFilter{Flow: erp.Flow, State: state, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if state != "" && c.StateAt(now) != state {
			t.Errorf("%+v is %s, asked for %s", c, c.StateAt(now), state)
		}
	}
	return list
}

func TestCauseSaysWhatIsAtStake(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		withCause(t, s, "1", "A", "0.1", "EUR", start)
		withCause(t, s, "2", "A", "0.2", "EUR", start.Add(time.Minute))
		withCause(t, s, "3", "A", "99999999999.9999", "EUR", start.Add(2*time.Minute))
		withCause(t, s, "4", "A", "5", "CHF", start.Add(3*time.Minute))
		withCause(t, s, "5", "A", "", "", start.Add(4*time.Minute))
		withCause(t, s, "6", "B", "0.00001", "BTC", start.Add(5*time.Minute)) // finer than what is added up
		now := start.Add(time.Hour)
		list := causes(t, s, store.CauseOpen, now)
		if len(list) != 2 {
			t.Fatalf("%+v", list)
		}
		a, b := list[0], list[1]
		if a.Tasks != 5 || len(a.Stake) != 2 || a.Stake[0].String() != "5.00 CHF" || a.Stake[1].String() != "100000000000.2999 EUR" {
			t.Errorf("%d tasks, %v", a.Tasks, a.Stake)
		}
		if !a.FirstSeen.Equal(start) || !a.LastSeen.Equal(start.Add(4*time.Minute)) || !a.OpenedAt.Equal(start) || a.Kind != "unmapped" || a.Value != "A" {
			t.Errorf("%+v", a)
		}
		if b.Tasks != 1 || len(b.Stake) != 0 {
			t.Errorf("%+v", b)
		}
		unmapped, err := s.UnmappedValues(t.Context(), erp.Flow)
		if err != nil || len(unmapped) != 2 {
			t.Fatalf("%+v, %v", unmapped, err)
		}
		if u := unmapped[0]; u != (store.Unmapped{CauseID: a.ID, Flow: erp.Flow, Code: "sku", Field: "lines[].sku", Value: "A", Tasks: 5, LastAt: a.LastSeen}) {
			t.Errorf("%+v", u)
		}
		if none, err := s.UnmappedValues(t.Context(), "another"); err != nil || len(none) != 0 {
			t.Errorf("%+v, %v", none, err)
		}
	})
}

// A cause is closed when its last task leaves it, and opens again when it comes back, whether or not the chore has run.
func TestCauseClosesAndComesBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		w := withCause(t, s, "1", "A", "5", "EUR", start)
		now := start.Add(time.Minute)
		closes := func(want int64) {
			t.Helper()
			if n, err := s.CloseCauses(t.Context(), now); err != nil || n != want {
				t.Errorf("%d are closed, %v, want %d", n, err, want)
			}
		}
		open := func(want int) {
			t.Helper()
			if list := causes(t, s, store.CauseOpen, now); len(list) != want {
				t.Errorf("open %+v, want %d", list, want)
			}
			if list := causes(t, s, store.CauseClosed, now); len(list) != 1-want {
				t.Errorf("closed %+v, want %d", list, 1-want)
			}
			if n, err := s.CountOpenCauses(t.Context(), now); err != nil || n != want {
				t.Errorf("%d are open, %v, want %d", n, err, want)
			}
		}
		closes(0)
		open(1)
		act(t, s, store.ActionRetry, w.TaskID, now)
		open(0) // before the chore has noted it
		closes(1)
		closes(0)
		open(0)
		if c := causes(t, s, store.CauseClosed, now)[0]; !c.ClosedAt.Equal(now) || c.Tasks != 0 {
			t.Errorf("%+v", c)
		}
		now = start.Add(time.Hour)
		withCause(t, s, "1", "A", "5", "EUR", now)
		open(1)
		if c := causes(t, s, store.CauseOpen, now)[0]; !c.ClosedAt.IsZero() || !c.OpenedAt.Equal(now) || !c.FirstSeen.Equal(start) {
			t.Errorf("%+v", c)
		}
		if list := causes(t, s, "", now); len(list) != 1 {
			t.Errorf("%+v", list)
		}
	})
}

func TestCausesAreTakenCareOf(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		withCause(t, s, "1", "A", "5", "EUR", start)
		withCause(t, s, "2", "B", "5", "EUR", start.Add(time.Minute))
		now := start.Add(time.Hour)
		id := causes(t, s, "", now)[1].ID
		change := func(change func(ctx context.Context, tx store.Tx) error) {
			t.Helper()
			write(t, s, change)
		}
		is := func(want store.CauseState, at time.Time) {
			t.Helper()
			one, err := s.Causes(t.Context(), store.CauseFilter{ID: id, Now: at})
			if err != nil || len(one) != 1 || one[0].StateAt(at) != want {
				t.Fatalf("%+v, %v, want %s", one, err, want)
			}
			for _, state := range []store.CauseState{store.CauseOpen, store.CauseSnoozed, store.CauseIgnored, store.CauseClosed} {
				has := slices.ContainsFunc(causes(t, s, state, at), func(c store.Cause) bool { return c.ID == id })
				if has != (state == want) {
					t.Errorf("among the %s ones: %v, want it among the %s", state, has, want)
				}
			}
			open := 1
			if want == store.CauseOpen {
				open = 2
			}
			if n, err := s.CountOpenCauses(t.Context(), at); err != nil || n != open {
				t.Errorf("%d are open, %v, want %d", n, err, open)
			}
		}
		is(store.CauseOpen, now)
		change(func(ctx context.Context, tx store.Tx) error { return s.AssignCause(ctx, tx, id, "anna") })
		if mine, err := s.Causes(t.Context(), store.CauseFilter{Owner: "anna", Now: now}); err != nil || len(mine) != 1 || mine[0].ID != id || mine[0].Owner != "anna" {
			t.Errorf("%+v, %v", mine, err)
		}
		change(func(ctx context.Context, tx store.Tx) error { return s.SnoozeCause(ctx, tx, id, now.Add(time.Hour)) })
		is(store.CauseSnoozed, now)
		is(store.CauseOpen, now.Add(time.Hour))
		change(func(ctx context.Context, tx store.Tx) error { return s.IgnoreCause(ctx, tx, id, "test orders") })
		is(store.CauseIgnored, now)
		is(store.CauseIgnored, now.Add(2*time.Hour))
		withCause(t, s, "3", "A", "7", "EUR", now) // new ones are left out as well, where all can see them
		is(store.CauseIgnored, now)
		left := task(t, s, erp.Flow, 3)
		if left.State != store.TaskSkipped || left.CauseID != id || left.Pinned || !left.WaitingSince.IsZero() || !strings.Contains(left.Reason, "ignored (test orders): ") {
			t.Errorf("%+v", left)
		}
		if story, err := s.TaskStory(t.Context(), left.ID); err != nil || story.Deliveries[0].Outcome != "skipped" {
			t.Errorf("%+v, %v", story.Deliveries, err)
		}
		change(func(ctx context.Context, tx store.Tx) error { return s.ReopenCause(ctx, tx, id) })
		is(store.CauseOpen, now)
		for name, change := range map[string]func(ctx context.Context, tx store.Tx) error{
			"snooze": func(ctx context.Context, tx store.Tx) error { return s.SnoozeCause(ctx, tx, 99, now) },
			"ignore": func(ctx context.Context, tx store.Tx) error { return s.IgnoreCause(ctx, tx, 99, "why") },
			"assign": func(ctx context.Context, tx store.Tx) error { return s.AssignCause(ctx, tx, 99, "anna") },
			"reopen": func(ctx context.Context, tx store.Tx) error { return s.ReopenCause(ctx, tx, 99) },
		} {
			if err := s.Write(t.Context(), change); !errors.Is(err, store.ErrNoRows) {
				t.Errorf("%s a cause that is not there: %v", name, err)
			}
		}
		if err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return s.IgnoreCause(ctx, tx, id, "") }); err == nil {
			t.Error("a cause is ignored without a reason")
		}
		if one, err := s.Causes(t.Context(), store.CauseFilter{Now: now, Limit: 1}); err != nil || len(one) != 1 || one[0].Tasks != 2 {
			t.Errorf("the one with the most tasks: %+v, %v", one, err)
		}
	})
}

// The closed causes of a flow and an owner are chosen before the newest are.
func TestClosedCausesOfAFlowAreFoundBehindThoseOfOthers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for _, flow := range []string{"quiet", "busy", "busy", "busy"} {
				id, _, err := s.SaveCause(ctx, tx, store.Cause{Flow: flow, State: store.TaskHeld, Step: "map", Code: "sku", Message: rand.Text()}, start)
				if err != nil {
					return err
				}
				if flow == "quiet" {
					err = s.AssignCause(ctx, tx, id, "anna")
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		for i, age := range []time.Duration{2 * time.Hour, time.Hour} { // the quiet one first
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE causes SET closed_at = $1 WHERE (flow = 'quiet') = (CAST($2 AS INTEGER) = 0)`, start.Add(-age).UnixMilli(), i)
				return err
			})
		}
		for name, f := range map[string]store.CauseFilter{"of the flow": {Flow: "quiet"}, "of somebody": {Owner: "anna"}} {
			f.State, f.Limit, f.Now = store.CauseClosed, 2, start
			if list, err := s.Causes(t.Context(), f); err != nil || len(list) != 1 || list[0].Flow != "quiet" {
				t.Errorf("closed causes %s: %+v, %v", name, list, err)
			}
		}
	})
}

// A cause grows by tasks that come to it, not by those that are tried again and come back to it.
func TestCauseDoesNotGrowByWhatComesBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		at := start
		hold := func(value string, works ...store.Work) {
			t.Helper()
			for _, w := range works {
				finish(t, s, store.Result{
					Work: w, Run: at.String(), State: store.TaskHeld, Started: at, Ended: at,
					Cause: &store.Cause{Flow: erp.Flow, State: store.TaskHeld, Step: "map", Kind: "unmapped", Code: "sku", Value: value, Message: "no article " + value},
				})
			}
		}
		grown := func() (total int) {
			t.Helper()
			list, err := s.GrowingCauses(t.Context(), at.Add(-time.Minute), 1, at)
			if err != nil || len(list) > 1 {
				t.Fatalf("%+v, %v", list, err)
			}
			for _, g := range list {
				total += g.New
			}
			return total
		}
		retried := func() []store.Work {
			t.Helper()
			at = at.Add(time.Hour)
			rows, err := s.Tasks(t.Context(), store.TaskFilter{Limit: 9})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				act(t, s, store.ActionRetry, row.ID, at)
			}
			return take(t, s, at.String(), at)
		}
		observe(t, s, withBody(t, s, "1", order("1", at)))
		observe(t, s, withBody(t, s, "2", order("2", at)))
		hold("A", take(t, s, at.String(), at)...)
		if n := grown(); n != 2 {
			t.Errorf("of two that came it grows by %d", n)
		}
		hold("A", retried()...)
		if n := grown(); n != 0 {
			t.Errorf("of two that came back it grows by %d", n)
		}
		hold("B", retried()...)
		if n := grown(); n != 2 {
			t.Errorf("of two that came from another cause it grows by %d", n)
		}
		works := retried()
		finish(t, s, synced(works[0], at.String(), at))
		hold("B", works[1])
		works = retried()
		hold("B", works...)
		if n := grown(); n != 1 {
			t.Errorf("of one that came back and one that had gone it grows by %d", n)
		}
		// A fetch that is given up brings its tasks to a cause, too.
		record := observe(t, s, order("3", at)).RecordID
		giveUp(t, s, store.FetchWish{RecordID: record, Asked: 1}, at)
		list, err := s.GrowingCauses(t.Context(), at, 1, at)
		if err != nil || len(list) != 2 {
			t.Errorf("growing are %+v, %v", list, err)
		}
	})
}
