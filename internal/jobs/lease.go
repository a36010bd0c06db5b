package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/orderlyhq/orderly/internal/store"
)

// lease is a node's right to run jobs on a database that nodes share. A node says every few seconds that it is there.
// One that cannot say so, because it has died, hangs or does not reach the database, loses its jobs to the others; it
// ends them by itself well before that, so that no job runs on two nodes.
//
// Times of the table are the database's, so the nodes' clocks do not count; a node's own end of the lease is measured
// from before it last spoke, by a clock that nobody sets.
type lease struct {
	runner *Runner
	node   string

	mu     sync.Mutex
	held   context.Context // has ended when the lease is over
	end    context.CancelCauseFunc
	expiry *time.Timer

	quit context.CancelFunc // nil before start and after stop
	done chan struct{}
}

// errLease is why a job ends that lost its lease.
var errLease = errors.New("this node has not reached the database for some time and leaves its jobs to others")

func newLease(r *Runner, node string) *lease {
	held, end := context.WithCancelCause(context.Background())
	end(errLease)
	return &lease{runner: r, node: node, held: held, end: end}
}

// start takes the lease and keeps it until stop.
func (l *lease) start(ctx context.Context) error {
	if err := l.beat(ctx); err != nil {
		return err
	}
	ctx, l.quit = context.WithCancel(context.WithoutCancel(ctx))
	l.done = make(chan struct{})
	go func() {
		defer close(l.done)
		l.keep(ctx)
	}()
	return nil
}

func (l *lease) keep(ctx context.Context) {
	ticker := time.NewTicker(l.runner.pace.beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := errors.Join(l.beat(ctx), l.takeOver(ctx)); err != nil && ctx.Err() == nil {
			l.runner.log.WarnContext(ctx, "this node cannot keep its lease on jobs; if that goes on, it ends them and others take them over", "error", err)
		}
	}
}

// stop ends the lease. Where all jobs have ended the others need not wait for it to run out.
func (l *lease) stop(ctx context.Context, idle bool) error {
	if l.quit == nil {
		return nil
	}
	l.quit()
	<-l.done
	l.quit = nil
	l.mu.Lock()
	l.expiry.Stop()
	l.end(errLease)
	l.mu.Unlock()
	if !idle {
		return nil
	}
	err := l.runner.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM nodes WHERE id = $1`, l.node)
		return err
	})
	if err != nil {
		return fmt.Errorf("leaving the other nodes: %w", err)
	}
	return nil
}

// beat says that the node is there, and holds the lease from before it said so.
func (l *lease) beat(ctx context.Context) error {
	spoke, clock := time.Now(), l.runner.store.Clock()
	ctx, cancel := context.WithTimeout(ctx, l.runner.pace.lease/2) // so that there is a second chance
	defer cancel()
	err := l.runner.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO nodes (id, seen_at) VALUES ($1, `+clock+`) ON CONFLICT (id) DO UPDATE SET seen_at = `+clock, l.node)
		return err
	})
	if err != nil {
		return fmt.Errorf("saying that this node is there: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.runner.pace.lease - time.Since(spoke)
	if l.expiry != nil && l.expiry.Stop() && left > 0 { // it is held without a gap
		l.expiry.Reset(left)
		return nil
	}
	l.end(errLease)
	if left <= 0 {
		return nil
	}
	held, end := context.WithCancelCause(context.Background())
	l.held, l.end = held, end
	l.expiry = time.AfterFunc(left, func() { end(errLease) })
	return nil
}

// under runs a job as long as the lease is held.
func (l *lease) under(ctx context.Context, job *rivertype.JobRow, run func(context.Context) error) error {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	if held.Err() != nil {
		return river.JobSnooze(l.runner.pace.beat)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(held, func() { cancel(context.Cause(held)) })()
	return run(ctx)
}

// takeOver gives the jobs of nodes that have died to those that live. The jobs are new ones, so that a node that was
// only thought to be dead ends a job that nobody has any more.
func (l *lease) takeOver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.runner.pace.lease/2)
	defer cancel()
	kinds := []string{laneArgs{}.Kind(), choreArgs{}.Kind(), backfillArgs{}.Kind(), sweepArgs{}.Kind(), sendArgs{}.Kind()}
	err := l.runner.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM nodes WHERE seen_at < `+l.runner.store.Clock()+` - $1`, forget.Milliseconds()); err != nil {
			return err
		}
		left, err := l.deadJobs(ctx, tx, kinds)
		if err != nil || len(left) == 0 {
			return err
		}
		if _, err := l.runner.engine.insert(ctx, tx, left...); err != nil {
			return err
		}
		store.AfterCommit(tx, func() {
			for _, queue := range []string{queueLanes, queueChores, queueSweep, queueSends} {
				l.runner.bell.ring(queue)
			}
			l.runner.log.InfoContext(ctx, "took over the jobs of a node that has gone", "jobs", len(left))
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("taking over the jobs of nodes that have gone: %w", err)
	}
	return nil
}

// forget is when a node that died is forgotten; its jobs were taken over long before.
const forget = 24 * time.Hour

// deadJobs removes the jobs that nodes run which were not seen for a time, and gives what they were. Jobs of nodes
// that the table does not know are left to River, which rescues them later.
func (l *lease) deadJobs(ctx context.Context, tx store.Tx, kinds []string) ([]river.JobArgs, error) {
	rows, err := tx.Query(ctx, `
		DELETE FROM river_job WHERE state = 'running' AND kind = ANY($1)
		AND attempted_by[array_length(attempted_by, 1)] IN (SELECT id FROM nodes WHERE seen_at < `+l.runner.store.Clock()+` - $2)
		RETURNING kind, args`, kinds, l.runner.pace.dead.Milliseconds())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var jobs []river.JobArgs
	for rows.Next() {
		var kind string
		var args []byte
		if err := rows.Scan(&kind, &args); err != nil {
			return nil, err
		}
		job, err := argsOf(kind, args)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, rows.Err()
}

// argsOf reads the arguments of a job.
func argsOf(kind string, args []byte) (river.JobArgs, error) {
	switch kind {
	case laneArgs{}.Kind():
		return decoded[laneArgs](args)
	case choreArgs{}.Kind():
		return decoded[choreArgs](args)
	case backfillArgs{}.Kind():
		return backfillArgs{}, nil
	case sweepArgs{}.Kind():
		return sweepArgs{}, nil
	case sendArgs{}.Kind():
		return decoded[sendArgs](args)
	}
	return nil, fmt.Errorf("there is no job %q", kind)
}

func decoded[T river.JobArgs](args []byte) (job T, err error) {
	if err := json.Unmarshal(args, &job); err != nil {
		return job, fmt.Errorf("reading a %s job: %w", job.Kind(), err)
	}
	return job, nil
}
