package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// hurried is a pace for tests. Sweeps come at the start alone, one of the node and one of the leader; a test that must
// not be helped by them waits for swept.
func hurried() pace {
	return pace{
		slice: 300 * time.Millisecond, step: 50 * time.Millisecond, linger: 20 * time.Millisecond, look: 5 * time.Millisecond, rest: 50 * time.Millisecond,
		sweep: time.Hour, chore: 10 * time.Second, beat: 50 * time.Millisecond, lease: 10 * time.Second, dead: 20 * time.Second, rescue: time.Minute,
	}
}

func quiet() *slog.Logger {
	if os.Getenv("ORDERLY_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// start runs a runner until the test ends.
func start(t testing.TB, st *store.Store, work Work, chores []Chore, p pace) *Runner {
	t.Helper()
	if work.Lane == nil {
		work.Lane = func(context.Context, store.LaneRef, string, time.Duration) (bool, error) { return false, nil }
	}
	if work.Backfills == nil {
		work.Backfills = func(context.Context, time.Duration) (bool, error) { return false, nil }
	}
	r, err := newRunner(st, work, chores, quiet(), time.Now, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, r) })
	return r
}

func stop(t testing.TB, r *Runner) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := r.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// patience bounds how long a test waits for something that happens at once on an idle machine.
const patience = 30 * time.Second

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not in time: %s", what)
		}
	}
}

const lanes = 4

// carrier is a Work.Lane that carries records to nowhere, and notes what must never be.
type carrier struct {
	t     testing.TB
	st    *store.Store
	delay time.Duration

	mu      sync.Mutex
	running map[store.LaneRef]int
	runs    map[string]bool
	carried atomic.Int64
	latency []time.Duration
}

func newCarrier(t testing.TB, st *store.Store) *carrier {
	return &carrier{t: t, st: st, running: map[store.LaneRef]int{}, runs: map[string]bool{}}
}

func (c *carrier) lane(ctx context.Context, l store.LaneRef, run string, slice time.Duration) (more bool, err error) {
	c.mu.Lock()
	c.running[l]++
	if c.running[l] > 1 {
		c.t.Errorf("lane %v runs twice at a time", l)
	}
	c.runs[run] = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.running[l]--
		c.mu.Unlock()
	}()
	end := time.Now().Add(slice)
	for time.Now().Before(end) {
		works, err := c.st.TakeTasks(ctx, l.Connection, l.Number, run, time.Now(), time.Minute, 16)
		if err != nil || len(works) == 0 {
			return false, err
		}
		if c.delay > 0 {
			<-time.After(c.delay)
		}
		taken := time.Now()
		err = c.st.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx store.Tx) error {
			for _, w := range works {
				if _, err := c.st.FinishTask(ctx, tx, store.Result{Work: w, Run: run, State: store.TaskSynced, Ended: taken}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return false, err
		}
		c.mu.Lock()
		for _, w := range works {
			c.latency = append(c.latency, taken.Sub(w.WaitingSince))
		}
		c.mu.Unlock()
		c.carried.Add(int64(len(works)))
	}
	return true, nil
}

// observe stores an order and wakes its lane, as intake does.
func observe(ctx context.Context, st *store.Store, r *Runner, id string, lanes int) error {
	return st.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		o := store.Observation{
			Connection: "shop", Kind: "order", SourceID: id, Via: store.ViaWebhook, At: time.Now(), Hash: rndText(), Body: []byte{},
			Routes: []store.Route{{Flow: "shop-erp", Destination: "erp", Lanes: lanes}},
		}
		got, err := st.Observe(ctx, tx, o)
		if err != nil || r == nil {
			return err
		}
		return r.WakeLanes(ctx, tx, got.Wake...)
	})
}

func rndText() string { return fmt.Sprint(rand.Uint64()) }

func synced(t testing.TB, st *store.Store) int64 {
	t.Helper()
	counts, err := st.CountTasks(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return counts["shop-erp"][store.TaskSynced]
}

func TestWhatIsObservedIsCarried(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		c := newCarrier(t, st)
		r := start(t, st, Work{Lane: c.lane}, nil, hurried())
		for i := range 20 {
			if err := observe(t.Context(), st, r, fmt.Sprint(i), lanes); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "20 records are carried", func() bool { return synced(t, st) == 20 })
	})
}

// Lanes end as soon as they have nothing to do, and nothing repairs a wake that is lost: there is no sweep.
func TestWakeWhileALaneEndsIsNotLost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		c := newCarrier(t, st)
		p := hurried()
		p.linger = 0
		r := start(t, st, Work{Lane: c.lane}, nil, p)
		swept(t, st)
		const callers, each = 4, 120
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				for i := range each {
					if err := observe(t.Context(), st, r, fmt.Sprintf("%d-%d", caller, i), lanes); err != nil {
						t.Error(err)
						return
					}
					<-time.After(rand.N(10 * time.Millisecond)) // so that lanes end in between
				}
			})
		}
		wg.Wait()
		eventually(t, "all records are carried without a sweep", func() bool { return synced(t, st) == callers*each })
	})
}

// A lane tries to end while a transaction that has woken it is still open: the end waits, and finds the record.
func TestEndOfALaneWaitsForThoseThatWakeIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		if st.Dialect() != store.Postgres {
			return // SQLite has one writer: they cannot meet
		}
		c := newCarrier(t, st)
		begun, goOn := make(chan struct{}), make(chan struct{})
		var first sync.Once
		p := hurried()
		p.linger, p.slice = 0, time.Minute
		r := start(t, st, Work{Lane: func(ctx context.Context, l store.LaneRef, run string, slice time.Duration) (bool, error) {
			more, err := c.lane(ctx, l, run, slice)
			first.Do(func() {
				close(begun)
				<-goOn
			})
			return more, err
		}}, nil, p)
		swept(t, st)
		if err := observe(t.Context(), st, r, "1", 1); err != nil {
			t.Fatal(err)
		}
		<-begun // the lane has carried the first and found no more
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			got, err := st.Observe(ctx, tx, store.Observation{
				Connection: "shop", Kind: "order", SourceID: "2", Via: store.ViaWebhook, At: time.Now(), Hash: "h", Body: []byte{},
				Routes: []store.Route{{Flow: "shop-erp", Destination: "erp", Lanes: 1}},
			})
			if err != nil {
				return err
			}
			if err := r.WakeLanes(ctx, tx, got.Wake...); err != nil {
				return err
			}
			close(goOn)
			eventually(t, "the lane waits for this transaction, or has ended", func() bool { return waiting(t, st) || unfinished(t, st) == 0 })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "both records are carried", func() bool { return synced(t, st) == 2 })
	})
}

// waiting says that somebody waits for an advisory lock of this database.
func waiting(t testing.TB, st *store.Store) (is bool) {
	t.Helper()
	err := st.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&is)
	})
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// swept waits for the sweeps of the start.
func swept(t testing.TB, st *store.Store) {
	t.Helper()
	eventually(t, "the sweeps of the start are done", func() (done bool) {
		err := st.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, `SELECT COUNT(*) >= 2 FROM river_job WHERE kind = 'sweep' AND state = 'completed'`).Scan(&done)
		})
		if err != nil {
			t.Fatal(err)
		}
		return done
	})
}

// Two nodes on one PostgreSQL share the lanes.
func TestLaneRunsOnOneNodeAtATime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		if st.Dialect() != store.Postgres {
			return // one process works on a SQLite file
		}
		c := newCarrier(t, st)
		c.delay = time.Millisecond
		p := hurried()
		p.slice = 100 * time.Millisecond
		p.linger = 0
		nodes := []*Runner{start(t, st, Work{Lane: c.lane}, nil, p), start(t, st, Work{Lane: c.lane}, nil, p)}
		const callers, each = 4, 100
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				for i := range each {
					if err := observe(t.Context(), st, nodes[i%2], fmt.Sprintf("%d-%d", caller, i), lanes); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		eventually(t, "all records are carried", func() bool { return synced(t, st) == callers*each })
		eventually(t, "all lanes end", func() bool { return unfinished(t, st) == 0 })
	})
}

// unfinished counts the jobs of lanes.
func unfinished(t testing.TB, st *store.Store) (n int) {
	t.Helper()
	err := st.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM river_job WHERE kind = 'lane' AND finalized_at IS NULL`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLaneOfACrashedNodeIsRescued(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		// A node takes a lane's job and dies.
		dead, err := New(st, Work{}, nil, quiet(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if err := observe(t.Context(), st, dead, "1", lanes); err != nil {
			t.Fatal(err)
		}
		left := `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now() - interval '1 hour'`
		if st.Dialect() == store.SQLite {
			left = `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = '2020-01-01 00:00:00'`
		}
		err = st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			n, err := tx.Exec(ctx, left)
			if n != 1 {
				t.Errorf("%d jobs", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		c := newCarrier(t, st)
		start(t, st, Work{Lane: c.lane}, nil, hurried())
		eventually(t, "the record is carried by another node", func() bool { return synced(t, st) == 1 })
	})
}

func TestSweepFindsWhatNobodyWoke(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		c := newCarrier(t, st)
		p := hurried()
		p.sweep = 50 * time.Millisecond
		start(t, st, Work{Lane: c.lane}, nil, p)
		if err := observe(t.Context(), st, nil, "1", lanes); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the record is carried", func() bool { return synced(t, st) == 1 })
		eventually(t, "its lane ends", func() bool { return unfinished(t, st) == 0 })
		if err := observe(t.Context(), st, nil, "2", lanes); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the next record is carried", func() bool { return synced(t, st) == 2 })
	})
}

func TestStopWaitsForTheRecordInHand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		begun, finish := make(chan struct{}), make(chan struct{})
		var ended atomic.Bool
		lane := func(ctx context.Context, l store.LaneRef, run string, slice time.Duration) (bool, error) {
			works, err := st.TakeTasks(ctx, l.Connection, l.Number, run, time.Now(), time.Minute, 1)
			if err != nil || len(works) == 0 {
				return false, err
			}
			close(begun)
			<-finish
			if ctx.Err() != nil {
				t.Error("the record in hand was cut off")
			}
			ended.Store(true)
			return true, nil
		}
		r := start(t, st, Work{Lane: lane}, nil, hurried())
		for i := range 2 {
			if err := observe(t.Context(), st, r, fmt.Sprint(i), 1); err != nil {
				t.Fatal(err)
			}
		}
		<-begun
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			stop(t, r)
			if !ended.Load() {
				t.Error("stopped before the record was finished")
			}
		}()
		<-r.stopping
		close(finish)
		<-stopped
		// The lane's job is given back for the next start.
		if n := unfinished(t, st); n != 1 {
			t.Errorf("%d unfinished jobs, want the lane's", n)
		}
	})
}

func TestStopCancelsWhatDoesNotEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		begun := make(chan struct{})
		lane := func(ctx context.Context, _ store.LaneRef, _ string, _ time.Duration) (bool, error) {
			close(begun)
			<-ctx.Done()
			return false, ctx.Err()
		}
		r := start(t, st, Work{Lane: lane}, nil, hurried())
		if err := observe(t.Context(), st, r, "1", 1); err != nil {
			t.Fatal(err)
		}
		<-begun
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := r.Stop(ctx); err == nil {
			t.Error("says that all is well")
		}
	})
}

func TestLaneThatCannotGoOnRests(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		for name, fail := range map[string]error{"with an error": errors.New("no"), "without": nil} {
			t.Run(name, func(t *testing.T) {
				var calls atomic.Int64
				p := hurried()
				p.rest, p.linger = 300*time.Millisecond, 0
				r := start(t, st, Work{Lane: func(context.Context, store.LaneRef, string, time.Duration) (bool, error) {
					calls.Add(1)
					return false, fail
				}}, nil, p)
				if err := observe(t.Context(), st, r, "1", 1); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				eventually(t, "it is tried again", func() bool { return calls.Load() >= 5 })
				if took := time.Since(began); took < 300*time.Millisecond {
					t.Errorf("called %d times in %v: it does not rest", calls.Load(), took)
				}
			})
		}
	})
}

func TestPanicInALaneIsSurvived(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		c := newCarrier(t, st)
		var once sync.Once
		r := start(t, st, Work{Lane: func(ctx context.Context, l store.LaneRef, run string, slice time.Duration) (bool, error) {
			once.Do(func() { panic("a bug") })
			return c.lane(ctx, l, run, slice)
		}}, nil, hurried())
		if err := observe(t.Context(), st, r, "1", 1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the record is carried all the same", func() bool { return synced(t, st) == 1 })
	})
}

func TestNothingIsLeftRunning(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		before := goleak.IgnoreCurrent()
		c := newCarrier(t, st)
		r := start(t, st, Work{Lane: c.lane}, nil, hurried())
		if err := observe(t.Context(), st, r, "1", 1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the record is carried", func() bool { return synced(t, st) == 1 })
		stop(t, r)
		// Connections that the store has opened meanwhile belong to it.
		goleak.VerifyNone(t, before, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
			goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
	})
}
