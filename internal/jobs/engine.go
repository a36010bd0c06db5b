package jobs

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"github.com/orderlyhq/orderly/internal/store"
)

// Queues. Each has its own workers, so that slow chores and receivers never hold up lanes, nor
// lanes the sweep.
const (
	queueLanes  = "lanes"
	queueChores = "chores"
	queueSweep  = "sweep"
	queueSends  = "sends"
)

const (
	laneWorkers  = 256 // lanes that run at once on a node: they mostly wait for vendors
	choreWorkers = 16
	sendWorkers  = 64 // receivers of messages, which may be slow
)

// engine is River on one of the databases.
type engine interface {
	start(ctx context.Context) error
	// stop lets running jobs end; it can be called again after its ctx has ended.
	stop(ctx context.Context) error
	// cancel cancels running jobs and waits for them.
	cancel(ctx context.Context) error
	insert(ctx context.Context, tx store.Tx, jobs ...river.JobArgs) ([]*rivertype.JobInsertResult, error)
	// now makes a job that waits for a later time run at once.
	now(ctx context.Context, tx store.Tx, id int64) error
	// complete ends a running lane's job as part of a transaction. Ctx is the one that the job got.
	complete(ctx context.Context, tx store.Tx, job *river.Job[laneArgs]) error
}

func newEngine(r *Runner) (engine, error) {
	config := r.riverConfig()
	if r.store.Dialect() == store.SQLite {
		// One process works on a SQLite file, and releases at its start what a crash left; nothing is rescued while it runs.
		config.RescueStuckJobsAfter = 365 * 24 * time.Hour
		for name, queue := range config.Queues {
			queue.FetchPollInterval = 500 * time.Millisecond
			config.Queues[name] = queue
		}
		return newRiver(&bellDriver[*sql.Tx]{Driver: riversqlite.New(r.store.Bookkeeping()), bell: r.bell}, config, store.SQLTx)
	}
	config.ID = rand.Text()
	r.lease = newLease(r, config.ID)
	config.Middleware = []rivertype.Middleware{river.WorkerMiddlewareFunc(r.lease.under)}
	return newRiver(&bellDriver[pgx.Tx]{Driver: riverpgxv5.New(r.store.Pool()), bell: r.bell}, config, store.PgxTx)
}

func (r *Runner) riverConfig() *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &laneWorker{runner: r})
	river.AddWorker(workers, &choreWorker{runner: r})
	river.AddWorker(workers, &backfillWorker{runner: r})
	river.AddWorker(workers, &sweepWorker{runner: r})
	river.AddWorker(workers, &sendWorker{runner: r})
	return &river.Config{
		Logger:       slog.New(&quieter{Handler: r.log.Handler(), least: slog.LevelWarn}),
		ErrorHandler: &failures{log: r.log},
		RetryPolicy:  retryPolicy{},
		Queues: map[string]river.QueueConfig{
			queueLanes:  {MaxWorkers: laneWorkers, FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond},
			queueChores: {MaxWorkers: choreWorkers, FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 200 * time.Millisecond},
			queueSends:  {MaxWorkers: sendWorkers, FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 200 * time.Millisecond},
			queueSweep:  {MaxWorkers: 1, FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 200 * time.Millisecond},
		},
		Workers:                     workers,
		JobTimeout:                  r.pace.rescue * 3 / 4,
		RescueStuckJobsAfter:        r.pace.rescue,
		CompletedJobRetentionPeriod: time.Minute,
		CancelledJobRetentionPeriod: time.Hour,
		DiscardedJobRetentionPeriod: 24 * time.Hour,
		PeriodicJobs: []*river.PeriodicJob{
			river.NewPeriodicJob(river.PeriodicInterval(r.pace.sweep), func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil },
				&river.PeriodicJobOpts{RunOnStart: true}),
		},
	}
}

// once keeps a job from being there twice while it is unfinished.
func once(queue string) river.InsertOpts {
	return river.InsertOpts{Queue: queue, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}

type riverEngine[TTx any] struct {
	client *river.Client[TTx]
	under  func(store.Tx) TTx
}

func newRiver[TTx any](driver riverdriver.Driver[TTx], config *river.Config, under func(store.Tx) TTx) (engine, error) {
	client, err := river.NewClient(driver, config)
	if err != nil {
		return nil, fmt.Errorf("setting up the job engine: %w", err)
	}
	return &riverEngine[TTx]{client: client, under: under}, nil
}

func (e *riverEngine[TTx]) start(ctx context.Context) error {
	if err := e.client.Start(ctx); err != nil {
		return fmt.Errorf("starting the job engine: %w", err)
	}
	return nil
}

func (e *riverEngine[TTx]) stop(ctx context.Context) error   { return e.client.Stop(ctx) }
func (e *riverEngine[TTx]) cancel(ctx context.Context) error { return e.client.StopAndCancel(ctx) }

func (e *riverEngine[TTx]) insert(ctx context.Context, tx store.Tx, jobs ...river.JobArgs) ([]*rivertype.JobInsertResult, error) {
	params := make([]river.InsertManyParams, len(jobs))
	for i, args := range jobs {
		params[i].Args = args
	}
	inserted, err := e.client.InsertManyTx(ctx, e.under(tx), params)
	if err != nil {
		return nil, fmt.Errorf("inserting %d jobs: %w", len(jobs), err)
	}
	return inserted, nil
}

func (e *riverEngine[TTx]) now(ctx context.Context, tx store.Tx, id int64) error {
	_, err := e.client.JobRetryTx(ctx, e.under(tx), id)
	return err
}

func (e *riverEngine[TTx]) complete(ctx context.Context, tx store.Tx, job *river.Job[laneArgs]) error {
	_, err := river.JobCompleteTx[*bellDriver[TTx]](ctx, e.under(tx), job)
	return err
}

// release gives back the jobs that a crash has left running in a SQLite database, and the lead over them.
func (r *Runner) release(ctx context.Context) error {
	err := r.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM river_leader`)
		return err
	})
	if err != nil {
		return fmt.Errorf("releasing the jobs of an earlier process: %w", err)
	}
	return nil
}

// retryPolicy waits twice as long after each failure, from five seconds to five minutes.
type retryPolicy struct{}

func (retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(min(5*time.Second<<min(max(job.Attempt-1, 0), 10), 5*time.Minute))
}

// failures logs what goes wrong in jobs.
type failures struct{ log *slog.Logger }

func (f *failures) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	f.log.WarnContext(ctx, "a job failed and will be tried again", "job", job.Kind, "args", string(job.EncodedArgs), "attempt", job.Attempt, "error", err)
	return nil
}

func (f *failures) HandlePanic(ctx context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	f.log.ErrorContext(ctx, "a bug: a job panicked; it will be tried again", "job", job.Kind, "args", string(job.EncodedArgs), "panic", value, "stack", trace)
	return nil
}

// quieter drops what River says below a level: every retry, every leader.
type quieter struct {
	slog.Handler
	least slog.Level
}

func (q *quieter) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= q.least && q.Handler.Enabled(ctx, level)
}

func (q *quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quieter{Handler: q.Handler.WithAttrs(attrs), least: q.least}
}

func (q *quieter) WithGroup(name string) slog.Handler {
	return &quieter{Handler: q.Handler.WithGroup(name), least: q.least}
}
