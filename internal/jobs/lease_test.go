package jobs

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// shared runs a test on PostgreSQL, which nodes share. One process works on a SQLite file, and releases at its start
// what an earlier one left: TestLaneOfACrashedNodeIsRescued.
func shared(t *testing.T, test func(t *testing.T, st *store.Store)) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		if st.Dialect() == store.Postgres {
			test(t, st)
		}
	})
}

// exec changes rows behind the program's back.
func exec(t testing.TB, st *store.Store, query string, args ...any) (changed int64) {
	t.Helper()
	err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) (err error) {
		changed, err = tx.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// nodes counts the nodes that say that they are there.
func nodes(t testing.TB, st *store.Store) (n int) {
	t.Helper()
	err := st.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM nodes`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestJobsOfADeadNodeAreTakenOverSoon(t *testing.T) {
	shared(t, func(t *testing.T, st *store.Store) {
		dead, err := newRunner(st, Work{Chores: map[string]func(context.Context, string) error{"poll": nil, "check": nil}}, nil, quiet(), time.Now, hurried())
		if err != nil {
			t.Fatal(err)
		}
		if err := observe(t.Context(), st, dead, "1", lanes); err != nil {
			t.Fatal(err)
		}
		err = st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := dead.engine.insert(ctx, tx, choreArgs{Name: "poll", Subject: "shop"}, sendArgs{Receiver: "r"}, backfillArgs{}, sweepArgs{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		// All of them run on a node that was seen last a minute ago, and began so lately that River lets them be.
		if n := exec(t, st, `UPDATE river_job SET state = 'running', attempt = 3, attempted_at = now(), attempted_by = '{before,gone}'`); n != 5 {
			t.Fatalf("%d jobs", n)
		}
		exec(t, st, `INSERT INTO nodes (id, seen_at) VALUES ('gone', `+st.Clock()+` - 60000)`)

		var polled, filled, sent atomic.Int64
		c := newCarrier(t, st)
		start(t, st, Work{
			Lane:      c.lane,
			Backfills: func(context.Context, time.Duration) (bool, error) { filled.Add(1); return false, nil },
			Chores:    map[string]func(context.Context, string) error{"poll": func(context.Context, string) error { polled.Add(1); return nil }},
			Send:      func(context.Context, string) error { sent.Add(1); return nil },
		}, nil, hurried())
		eventually(t, "the lane goes on", func() bool { return synced(t, st) == 1 })
		eventually(t, "the poll runs", func() bool { return polled.Load() == 1 })
		eventually(t, "the backfills go on", func() bool { return filled.Load() == 1 })
		eventually(t, "the messages are sent", func() bool { return sent.Load() == 1 })
	})
}

func TestJobsOfANodeThatLivesAreLeftToIt(t *testing.T) {
	shared(t, func(t *testing.T, st *store.Store) {
		var running atomic.Int64
		work := Work{Chores: map[string]func(context.Context, string) error{"poll": func(ctx context.Context, _ string) error {
			running.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}}}
		p := hurried()
		p.dead = time.Second
		first := start(t, st, work, nil, p)
		start(t, st, work, nil, p)
		if err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return first.RunNow(ctx, tx, "poll", "shop") }); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the poll runs", func() bool { return running.Load() == 1 })
		<-time.After(2 * p.dead)
		if n := running.Load(); n != 1 {
			t.Errorf("the poll was begun %d times", n)
		}
	})
}

// A node that does not reach the database ends what it runs before the others begin it.
func TestNodeThatCannotKeepItsLeaseEndsItsJobs(t *testing.T) {
	shared(t, func(t *testing.T, st *store.Store) {
		var running, most, begun atomic.Int64
		work := Work{Chores: map[string]func(context.Context, string) error{"poll": func(ctx context.Context, _ string) error {
			begun.Add(1)
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			<-ctx.Done()
			return ctx.Err()
		}}}
		p := hurried()
		p.lease, p.dead = 500*time.Millisecond, 2*time.Second
		hung := start(t, st, work, nil, p)
		if err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return hung.RunNow(ctx, tx, "poll", "shop") }); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the poll runs", func() bool { return running.Load() == 1 })
		start(t, st, work, nil, p)
		let := make(chan struct{})
		locked := make(chan struct{})
		released := make(chan error, 1)
		go func() {
			released <- st.Write(context.WithoutCancel(t.Context()), func(ctx context.Context, tx store.Tx) error {
				_, err := tx.Exec(ctx, `SELECT 1 FROM nodes WHERE id = $1 FOR UPDATE`, hung.lease.node)
				close(locked)
				<-let
				return err
			})
		}()
		<-locked
		eventually(t, "the node ends the poll by itself", func() bool { return begun.Load() == 1 && running.Load() == 0 })
		eventually(t, "the other one begins it", func() bool { return begun.Load() == 2 })
		if most.Load() != 1 {
			t.Errorf("the poll ran %d times at once", most.Load())
		}
		close(let)
		if err := <-released; err != nil {
			t.Fatal(err)
		}
		eventually(t, "the first node runs jobs again", func() bool {
			hung.lease.mu.Lock()
			defer hung.lease.mu.Unlock()
			return hung.lease.held.Err() == nil
		})
	})
}

func TestNodeThatStopsLeavesNothingBehind(t *testing.T) {
	shared(t, func(t *testing.T, st *store.Store) {
		r := start(t, st, Work{}, nil, hurried())
		if n := nodes(t, st); n != 1 {
			t.Errorf("%d nodes run", n)
		}
		stop(t, r)
		if n := nodes(t, st); n != 0 {
			t.Errorf("%d nodes are left", n)
		}
	})
}
