package jobs

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

type every time.Duration

func (e every) Next(after time.Time) time.Time { return after.Add(time.Duration(e)) }

func ran(t testing.TB, st *store.Store, chore string, at time.Time) {
	t.Helper()
	err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return st.SetChoreRan(ctx, tx, chore, at) })
	if err != nil {
		t.Fatal(err)
	}
}

// counter is a chore that counts how often it is done for each subject.
type counter struct{ n [4]atomic.Int64 }

func (c *counter) poll(_ context.Context, subject string) error {
	c.n[subject[0]-'a'].Add(1)
	return nil
}

func TestChoreRunsWhenItIsDue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ran(t, st, "poll/b", time.Now().Add(-time.Hour))
		ran(t, st, "poll/c", time.Now().Add(-time.Minute))
		ran(t, st, "poll/d", time.Now().Add(time.Hour)) // before the clock was put back
		var c counter
		work := Work{Chores: map[string]func(context.Context, string) error{"poll": c.poll}}
		hour := every(30 * time.Minute)
		p := hurried()
		p.sweep = 50 * time.Millisecond
		r := start(t, st, work, []Chore{{"poll", "a", hour}, {"poll", "b", hour}, {"poll", "c", hour}, {"poll", "d", hour}}, p)
		eventually(t, "what never ran, what is overdue and what ran in the future run", func() bool {
			return c.n[0].Load() == 1 && c.n[1].Load() == 1 && c.n[3].Load() == 1
		})
		// Another schedule makes the third due again and again.
		r.UpdateSchedules([]Chore{{"poll", "a", nil}, {"poll", "c", every(time.Millisecond)}})
		eventually(t, "the third runs by its new schedule", func() bool { return c.n[2].Load() >= 3 })
		if c.n[0].Load() != 1 || c.n[1].Load() != 1 {
			t.Error("what is not due ran again")
		}
	})
}

func TestChoreRunsNowWhenAPersonWantsIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ran(t, st, "poll/a", time.Now())
		var c counter
		work := Work{Chores: map[string]func(context.Context, string) error{"poll": c.poll}}
		r := start(t, st, work, []Chore{{"poll", "a", every(time.Hour)}}, hurried())
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return r.RunNow(ctx, tx, "poll", "a") })
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "it runs", func() bool { return c.n[0].Load() == 1 })
		err = st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return r.RunNow(ctx, tx, "dance", "a") })
		if err == nil {
			t.Error("a chore that does not exist is accepted")
		}
	})
}

func TestChoreThatFailsIsTriedAgainAndAtOnceWhenAsked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		var calls atomic.Int64
		work := Work{Chores: map[string]func(context.Context, string) error{"poll": func(context.Context, string) error {
			if calls.Add(1) <= 2 {
				return errors.New("down")
			}
			return nil
		}}}
		r := start(t, st, work, []Chore{{"poll", "a", every(time.Hour)}}, hurried())
		eventually(t, "it was tried", func() bool { return calls.Load() == 1 })
		now := func() bool {
			err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return r.RunNow(ctx, tx, "poll", "a") })
			if err != nil {
				t.Fatal(err)
			}
			return calls.Load() >= 2
		}
		eventually(t, "it was tried again because a person asked", now)
		eventually(t, "it was tried again by itself", func() bool { return calls.Load() >= 3 })
	})
}

func TestChoreIsCutAndGoesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		var calls atomic.Int64
		work := Work{Chores: map[string]func(context.Context, string) error{"poll": func(ctx context.Context, _ string) error {
			if calls.Add(1) < 3 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}}
		p := hurried()
		p.chore = 50 * time.Millisecond
		start(t, st, work, []Chore{{"poll", "a", every(time.Hour)}}, p)
		eventually(t, "it is called until it ends", func() bool { return calls.Load() == 3 })
	})
}

func TestStopCutsChores(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		begun := make(chan struct{})
		work := Work{Chores: map[string]func(context.Context, string) error{"poll": func(ctx context.Context, _ string) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		}}}
		p := hurried()
		p.chore = 45 * time.Second
		r := start(t, st, work, []Chore{{"poll", "a", every(time.Hour)}}, p)
		<-begun
		stop(t, r)
	})
}

func TestOpenBackfillsAreWorkedOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		var calls atomic.Int64
		r := start(t, st, Work{Backfills: func(context.Context, time.Duration) (bool, error) { return calls.Add(1) < 5, nil }}, nil, hurried())
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			if _, err := st.AddBackfill(ctx, tx, store.Cursor{Connection: "shop", Kind: "order", Flow: "shop-erp"}, time.Now()); err != nil {
				return err
			}
			return r.WakeBackfills(ctx, tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the backfill runs until there is no more", func() bool { return calls.Load() == 5 })
	})
}

func TestSweepFindsOpenBackfills(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := st.AddBackfill(ctx, tx, store.Cursor{Connection: "shop", Kind: "order", Flow: "shop-erp"}, time.Now())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var calls atomic.Int64
		start(t, st, Work{Backfills: func(context.Context, time.Duration) (bool, error) { calls.Add(1); return false, nil }}, nil, hurried())
		eventually(t, "the backfill is found", func() bool { return calls.Load() == 1 })
	})
}

func TestChoreThatRunsWhenItIsWantedRunsOnceMore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		var calls atomic.Int64
		goOn := make(chan struct{})
		work := Work{Chores: map[string]func(context.Context, string) error{"check": func(context.Context, string) error {
			if calls.Add(1) == 1 {
				<-goOn
			}
			return nil
		}}}
		p := hurried()
		p.sweep = 50 * time.Millisecond
		r := start(t, st, work, []Chore{{Name: "check", Subject: "shop", Schedule: every(time.Hour)}}, p)
		eventually(t, "the check runs", func() bool { return calls.Load() == 1 })
		if err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return r.RunNow(ctx, tx, "check", "shop") }); err != nil {
			t.Fatal(err)
		}
		close(goOn)
		eventually(t, "it runs once more", func() bool { return calls.Load() == 2 })
	})
}
