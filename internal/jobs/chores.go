package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/orderlyhq/orderly/internal/store"
)

// sweepArgs is the job of the leader that finds what is due: lanes with work and no job, chores, backfills,
// messages.
type sweepArgs struct{}

func (sweepArgs) Kind() string                 { return "sweep" }
func (sweepArgs) InsertOpts() river.InsertOpts { return once(queueSweep) }

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	runner *Runner
}

func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	return errors.Join(w.runner.sweepLanes(ctx), w.runner.sweepChores(ctx), w.runner.sweepBackfills(ctx), w.runner.sweepSends(ctx))
}

// sweepLanes wakes lanes that have something to do: a time has come, or a crash has left rows or lost a job.
func (r *Runner) sweepLanes(ctx context.Context) error {
	due, err := r.store.DueLanes(ctx, r.now())
	if err != nil {
		return err
	}
	due = r.elsewhere(due)
	if len(due) == 0 {
		return nil
	}
	return r.store.Write(ctx, func(ctx context.Context, tx store.Tx) error { return r.WakeLanes(ctx, tx, due...) })
}

// elsewhere leaves out the lanes that run here: they look again before they end. For the others it forgets that they
// had a job, because that may be what has gone wrong.
func (r *Runner) elsewhere(lanes []store.LaneRef) []store.LaneRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	var others []store.LaneRef
	for _, l := range lanes {
		if r.here[l] == nil {
			delete(r.open, l)
			others = append(others, l)
		}
	}
	return others
}

// sweepChores inserts the jobs of chores that are due. When each was due last is kept in the database, so that a
// restart neither forgets a chore nor repeats it.
func (r *Runner) sweepChores(ctx context.Context) error {
	ran, err := r.store.ChoresRan(ctx)
	if err != nil {
		return err
	}
	now := r.now()
	var due []Chore
	for _, c := range *r.chores.Load() {
		last := ran[c.id()]
		// A time in the future is that of a clock that was put back.
		if c.Schedule != nil && (last.IsZero() || last.After(now) || !c.Schedule.Next(last).After(now)) {
			due = append(due, c)
		}
	}
	// A transaction for each: one that waits for several jobs' rows would deadlock with the engine, which ends jobs in
	// batches.
	for _, c := range due {
		err := r.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			inserted, err := r.insertChore(ctx, tx, choreArgs{Name: c.Name, Subject: c.Subject})
			if err != nil || inserted.UniqueSkippedAsDuplicate {
				return err // the last one has not ended; it is due as soon as it has
			}
			return r.store.SetChoreRan(ctx, tx, c.id(), now)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) insertChore(ctx context.Context, tx store.Tx, args river.JobArgs) (*rivertype.JobInsertResult, error) {
	inserted, err := r.engine.insert(ctx, tx, args)
	if err != nil {
		return nil, err
	}
	store.AfterCommit(tx, func() { r.bell.ring(queueChores) })
	return inserted[0], nil
}

// RunNow runs a chore as soon as tx commits, whatever its schedule says, which goes on from there. One that runs already
// may have begun too early to see what tx changes: it is run once more after it.
func (r *Runner) RunNow(ctx context.Context, tx store.Tx, chore, subject string) error {
	if r.work.Chores[chore] == nil {
		return fmt.Errorf("there is no chore %q", chore)
	}
	runs, err := r.runNow(ctx, tx, choreArgs{Name: chore, Subject: subject})
	if err != nil {
		return err
	}
	ran := r.now()
	if runs {
		ran = time.Time{} // due when it has ended
	}
	return r.store.SetChoreRan(ctx, tx, Chore{Name: chore, Subject: subject}.id(), ran)
}

// WakeBackfills runs backfills as soon as tx commits.
func (r *Runner) WakeBackfills(ctx context.Context, tx store.Tx) error {
	_, err := r.runNow(ctx, tx, backfillArgs{})
	return err
}

// runNow has a job run at once, and says whether it runs already.
func (r *Runner) runNow(ctx context.Context, tx store.Tx, args river.JobArgs) (runs bool, err error) {
	inserted, err := r.insertChore(ctx, tx, args)
	if err != nil || !inserted.UniqueSkippedAsDuplicate {
		return false, err
	}
	switch inserted.Job.State {
	case rivertype.JobStateRetryable, rivertype.JobStateScheduled, rivertype.JobStateAvailable:
		return false, r.engine.now(ctx, tx, inserted.Job.ID)
	case rivertype.JobStateRunning:
		return true, nil
	}
	return false, nil
}

func (r *Runner) sweepBackfills(ctx context.Context) error {
	open, err := r.store.OpenBackfills(ctx, r.now())
	if err != nil || len(open) == 0 {
		return err
	}
	return r.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := r.insertChore(ctx, tx, backfillArgs{})
		return err
	})
}

// choreArgs names a chore.
type choreArgs struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
}

func (choreArgs) Kind() string                 { return "chore" }
func (choreArgs) InsertOpts() river.InsertOpts { return once(queueChores) }

type choreWorker struct {
	river.WorkerDefaults[choreArgs]
	runner *Runner
}

func (w *choreWorker) Work(ctx context.Context, job *river.Job[choreArgs]) error {
	do := w.runner.work.Chores[job.Args.Name]
	if do == nil {
		return river.JobCancel(fmt.Errorf("there is no chore %q", job.Args.Name)) // of another version
	}
	return w.runner.cut(ctx, func(ctx context.Context) error { return do(ctx, job.Args.Subject) })
}

// errStopping ends the work of a chore when the node stops.
var errStopping = errors.New("the node stops")

// cut runs a chore until it ends, its time is over or the node stops. What was cut goes on later.
func (r *Runner) cut(ctx context.Context, do func(ctx context.Context) error) error {
	short, cancel := context.WithTimeout(ctx, r.pace.chore)
	defer cancel()
	short, stop := context.WithCancelCause(short)
	defer stop(nil)
	ended := make(chan struct{})
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		select {
		case <-r.stopping:
			stop(errStopping)
		case <-ended:
		}
	}()
	err := do(short)
	close(ended)
	<-watching
	if err != nil && ctx.Err() == nil && short.Err() != nil {
		return river.JobSnooze(0)
	}
	return err
}

// backfillArgs is the job of all backfills.
type backfillArgs struct{}

func (backfillArgs) Kind() string                 { return "backfills" }
func (backfillArgs) InsertOpts() river.InsertOpts { return once(queueChores) }

type backfillWorker struct {
	river.WorkerDefaults[backfillArgs]
	runner *Runner
}

func (w *backfillWorker) Work(ctx context.Context, _ *river.Job[backfillArgs]) error {
	r := w.runner
	end := time.Now().Add(r.pace.slice)
	for !r.isStopping() && time.Now().Before(end) {
		more, err := r.work.Backfills(ctx, r.pace.step)
		if err != nil || !more {
			return err // the sweep finds what is due later
		}
	}
	return river.JobSnooze(0)
}
