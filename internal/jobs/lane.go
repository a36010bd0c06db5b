package jobs

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/orderlyhq/orderly/internal/store"
)

// laneArgs names the lane that a job runs.
type laneArgs struct {
	Connection string `json:"connection"`
	Number     int    `json:"number"`
	Fetch      bool   `json:"fetch"`
}

func (laneArgs) Kind() string                 { return "lane" }
func (laneArgs) InsertOpts() river.InsertOpts { return once(queueLanes) }

func (a laneArgs) lane() store.LaneRef { return store.LaneRef(a) }

// name is the lane as a text.
func name(l store.LaneRef) string {
	if l.Fetch {
		return fmt.Sprintf("fetch/%s/%d", l.Connection, l.Number)
	}
	return fmt.Sprintf("deliver/%s/%d", l.Connection, l.Number)
}

// WakeLanes makes sure that each of the lanes is run after tx commits. A lane has one job as long as it has work: one
// is inserted where there is none. It is called after the rows are written that give the lanes work.
//
// A job that runs looks once more before it ends, in a transaction that no waking one can overlap: on SQLite there is
// one writer, on PostgreSQL those that wake a lane share a lock that the one that ends its job takes alone.
func (r *Runner) WakeLanes(ctx context.Context, tx store.Tx, lanes ...store.LaneRef) error {
	if len(lanes) == 0 {
		return nil
	}
	if tx.Dialect() == store.SQLite {
		for _, l := range lanes {
			// Once for all that share the commit.
			store.AtCommit(tx, "jobs: wake "+name(l), func(ctx context.Context, tx store.Tx) error { return r.wakeOnSQLite(ctx, tx, l) })
		}
	} else if err := r.wakeOnPostgres(ctx, tx, lanes); err != nil {
		return err
	}
	store.AfterCommit(tx, func() { r.tell(lanes) })
	return nil
}

// tell gives lanes that run here the news.
func (r *Runner) tell(lanes []store.LaneRef) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range lanes {
		select {
		case r.here[l] <- struct{}{}:
		default: // it does not run here, or knows already
		}
	}
}

func (r *Runner) wakeOnSQLite(ctx context.Context, tx store.Tx, l store.LaneRef) error {
	if r.isOpen(l) {
		return nil
	}
	if _, err := r.engine.insert(ctx, tx, laneArgs(l)); err != nil {
		return err
	}
	store.AfterCommit(tx, func() {
		r.setOpen(l, true)
		r.bell.ring(queueLanes)
	})
	return nil
}

func (r *Runner) isOpen(l store.LaneRef) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[l]
}

// setOpen notes that a lane has an unfinished job. It errs on the safe side: it is set after the job is committed, and
// taken back before the end of the job is.
func (r *Runner) setOpen(l store.LaneRef, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if open {
		r.open[l] = true
	} else {
		delete(r.open, l)
	}
}

func (r *Runner) wakeOnPostgres(ctx context.Context, tx store.Tx, lanes []store.LaneRef) error {
	locks := make([]int64, len(lanes))
	names := make([]string, len(lanes))
	for i, l := range lanes {
		locks[i], names[i] = lock(l), name(l)
	}
	slices.Sort(locks)
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared(l) FROM unnest(CAST($1 AS BIGINT[])) AS l`, locks); err != nil {
		return fmt.Errorf("waking lanes: %w", err)
	}
	// A statement of its own, so that it sees what was committed before the locks were had.
	rows, err := tx.Query(ctx, `
		SELECT CASE WHEN CAST(args->>'fetch' AS BOOLEAN) THEN 'fetch/' ELSE 'deliver/' END || (args->>'connection') || '/' || (args->>'number')
		FROM river_job WHERE queue = 'lanes' AND kind = 'lane' AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`)
	if err != nil {
		return fmt.Errorf("waking lanes: %w", err)
	}
	defer rows.Close()
	unfinished := map[string]bool{}
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return fmt.Errorf("waking lanes: %w", err)
		}
		unfinished[n] = true
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("waking lanes: %w", err)
	}
	var missing []river.JobArgs
	for i, l := range lanes {
		if !unfinished[names[i]] {
			unfinished[names[i]] = true
			missing = append(missing, laneArgs(l))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := r.engine.insert(ctx, tx, missing...); err != nil {
		return err
	}
	store.AfterCommit(tx, func() { r.bell.ring(queueLanes) })
	return nil
}

// lock is the number of a lane's advisory lock. Two lanes that share one only wait for each other.
func lock(l store.LaneRef) int64 {
	h := fnv.New64a()
	h.Write([]byte("orderly lane " + name(l)))
	return int64(h.Sum64())
}

// laneWorker runs a lane for a slice of time.
type laneWorker struct {
	river.WorkerDefaults[laneArgs]
	runner *Runner
}

func (w *laneWorker) Work(ctx context.Context, job *river.Job[laneArgs]) error {
	r, l := w.runner, job.Args.lane()
	news := r.enter(l)
	defer r.leave(l)
	run := rand.Text()
	end := time.Now().Add(r.pace.slice)
	idle := 0 // how often in a row the lane said that there is nothing to do although there is
	for !r.isStopping() && time.Now().Before(end) {
		more, err := r.work.Lane(ctx, l, run, r.pace.step)
		if ctx.Err() != nil {
			return fmt.Errorf("lane %s was cut off: %w", name(l), ctx.Err())
		}
		if err != nil {
			r.log.WarnContext(ctx, "a lane cannot go on and is tried again", "lane", name(l), "error", err)
			return river.JobSnooze(r.pace.rest)
		}
		if more {
			idle = 0
			continue
		}
		if r.linger(ctx, l, news) {
			idle = 0
			continue
		}
		ended, err := r.end(ctx, l, job)
		if err != nil {
			r.log.WarnContext(ctx, "a lane could not end and is tried again", "lane", name(l), "error", err)
			return river.JobSnooze(r.pace.rest)
		}
		if ended {
			return nil
		}
		if idle++; idle > 1 { // its system is down, or it is not set up: what is due stays so
			return river.JobSnooze(r.pace.rest)
		}
	}
	return river.JobSnooze(0) // to the end of the queue
}

func (r *Runner) enter(l store.LaneRef) chan struct{} {
	news := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.here[l] = news
	return news
}

func (r *Runner) leave(l store.LaneRef) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.here, l)
}

// linger waits a little for more work, because a job costs more than a record does. News of this process comes at
// once; for news of other nodes it has to look.
func (r *Runner) linger(ctx context.Context, l store.LaneRef, news <-chan struct{}) (more bool) {
	if r.crowded() {
		return false // others wait for the place
	}
	enough := time.NewTimer(r.pace.linger)
	defer enough.Stop()
	var look <-chan time.Time
	if r.store.Dialect() == store.Postgres {
		ticker := time.NewTicker(r.pace.look)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case <-news:
			return true
		case <-look:
			if due, err := r.due(ctx, l); err == nil && due { // an error shows itself at the end
				return true
			}
		case <-enough.C:
			return false
		case <-r.stopping:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// crowded says that more than half of the places for lanes are taken.
func (r *Runner) crowded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.here) > laneWorkers/2
}

func (r *Runner) due(ctx context.Context, l store.LaneRef) (due bool, err error) {
	err = r.store.Read(ctx, func(ctx context.Context, tx store.Tx) error {
		due, err = r.store.LaneDue(ctx, tx, l, r.now())
		return err
	})
	return due, err
}

// end ends a lane's job unless there is something to do. Waking it cannot come in between.
func (r *Runner) end(ctx context.Context, l store.LaneRef, job *river.Job[laneArgs]) (ended bool, err error) {
	jobCtx := context.WithoutCancel(ctx) // of the transaction that others may share
	look := func(ctx context.Context, tx store.Tx) error {
		due, err := r.store.LaneDue(ctx, tx, l, r.now())
		ended = err == nil && !due
		if !ended {
			return err
		}
		r.setOpen(l, false)
		return r.engine.complete(jobCtx, tx, job)
	}
	err = r.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		ended = false
		if tx.Dialect() == store.SQLite {
			store.AtCommit(tx, "jobs: end "+name(l), look) // before those that wake it
			return nil
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lock(l)); err != nil {
			return err
		}
		return look(ctx, tx)
	})
	if err != nil {
		return false, err
	}
	return ended, nil
}
