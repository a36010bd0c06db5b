package jobs

import (
	"context"

	"github.com/riverqueue/river"

	"github.com/orderlyhq/orderly/internal/store"
)

// sendArgs names a receiver of messages that something waits for. A receiver has one job at a time, on whatever node,
// and a slow one holds up nobody but itself.
type sendArgs struct {
	Receiver string `json:"receiver"`
}

func (sendArgs) Kind() string                 { return "send" }
func (sendArgs) InsertOpts() river.InsertOpts { return once(queueSends) }

type sendWorker struct {
	river.WorkerDefaults[sendArgs]
	runner *Runner
}

func (w *sendWorker) Work(ctx context.Context, job *river.Job[sendArgs]) error {
	if w.runner.work.Send == nil {
		return nil
	}
	return w.runner.cut(ctx, func(ctx context.Context) error { return w.runner.work.Send(ctx, job.Args.Receiver) })
}

// sweepSends inserts the jobs of receivers that something is due for. Who writes a message wakes nobody: a second
// later is soon enough, and so a crash loses nothing.
func (r *Runner) sweepSends(ctx context.Context) error {
	if r.work.Send == nil {
		return nil
	}
	due, err := r.store.DueReceivers(ctx, r.now())
	if err != nil {
		return err
	}
	for _, receiver := range due { // a transaction for each, as for chores
		err := r.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			if _, err := r.engine.insert(ctx, tx, sendArgs{Receiver: receiver}); err != nil {
				return err
			}
			store.AfterCommit(tx, func() { r.bell.ring(queueSends) })
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
