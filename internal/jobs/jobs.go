// Package jobs makes sure that work gets done: lanes run where records wait, polls and other chores run when they are
// due, on one node or on many. River is the engine under it: it hands out jobs, elects a leader, retries and rescues.
//
// The rows of the store are the queue and say what is to be done; a job only says that somebody has to look. So no
// promise rests on a job being kept: a sweep finds what waits without one. The package knows neither vendors nor what
// a lane or a chore does.
package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// Work is what jobs do. Every function returns soon after its context has ended.
type Work struct {
	// Lane works on what is due in a lane, one record after another, until there is nothing left or the slice of time is
	// over; more says that something is left. No two calls for one lane overlap. Run names this time of working: a row
	// that another run has marked as worked on was left behind.
	Lane func(ctx context.Context, lane store.LaneRef, run string, slice time.Duration) (more bool, err error)
	// Backfills goes on with the open backfills for a slice of time.
	Backfills func(ctx context.Context, slice time.Duration) (more bool, err error)
	// Chores are what schedules can name: polls, checks of webhooks, pruning. One that has not ended after a minute is
	// cut and started again, so it has to go on where it was. One that fails is tried again, later and later.
	Chores map[string]func(ctx context.Context, subject string) error
	// Send sends what is due for a receiver of messages, until nothing is left. No two calls for one receiver overlap. It
	// is cut and tried again as chores are. Nil where messages are not sent.
	Send func(ctx context.Context, receiver string) error
}

// Schedule says when something is due next.
type Schedule interface {
	Next(after time.Time) time.Time
}

// Chore is work that comes up again and again.
type Chore struct {
	Name     string // in Work.Chores
	Subject  string // such as a connection; may be empty
	Schedule Schedule
}

func (c Chore) id() string { return c.Name + "/" + c.Subject }

// Runner runs jobs on this node.
type Runner struct {
	store  *store.Store
	work   Work
	log    *slog.Logger
	now    func() time.Time
	pace   pace
	engine engine
	lease  *lease // nil on SQLite, which one process works on
	bell   *bell
	chores atomic.Pointer[[]Chore]
	// stopping is closed when Stop is called.
	stopping chan struct{}
	stopOnce sync.Once

	mu sync.Mutex
	// here are the lanes that run on this node, each with a channel that tells it of news.
	here map[store.LaneRef]chan struct{}
	// open, on SQLite, are lanes that surely have an unfinished job, so that waking them takes no statement.
	open map[store.LaneRef]bool
}

// pace is how long things take; tests hurry.
type pace struct {
	slice  time.Duration // a lane gives way to others after it
	step   time.Duration // a lane looks at least this often whether it shall stop
	linger time.Duration // a lane without work waits for more before its job ends
	look   time.Duration // on PostgreSQL, how often it looks while it waits
	rest   time.Duration // before a lane that cannot go on is tried again
	sweep  time.Duration // between sweeps
	chore  time.Duration // a chore is cut after it
	beat   time.Duration // between two times that a node says that it is there
	lease  time.Duration // a node that could not say so for this time ends its jobs
	dead   time.Duration // and after this time the others take them over
	rescue time.Duration // after this time, a job that does not end although its node lives is given up
}

func usualPace() pace {
	return pace{
		slice: 5 * time.Second, step: time.Second, linger: time.Second, look: 25 * time.Millisecond, rest: time.Second,
		sweep: time.Second, chore: time.Minute, beat: 2 * time.Second, lease: 8 * time.Second, dead: 20 * time.Second, rescue: 2 * time.Minute,
	}
}

// New makes a runner. Until Start it only wakes lanes for others to run.
func New(st *store.Store, work Work, chores []Chore, log *slog.Logger, now func() time.Time) (*Runner, error) {
	return newRunner(st, work, chores, log, now, usualPace())
}

func newRunner(st *store.Store, work Work, chores []Chore, log *slog.Logger, now func() time.Time, p pace) (*Runner, error) {
	r := &Runner{
		store: st, work: work, log: log, now: now, pace: p, bell: newBell(), stopping: make(chan struct{}),
		here: make(map[store.LaneRef]chan struct{}), open: make(map[store.LaneRef]bool),
	}
	r.UpdateSchedules(chores)
	var err error
	r.engine, err = newEngine(r)
	return r, err
}

// UpdateSchedules replaces the chores. What is running goes on.
func (r *Runner) UpdateSchedules(chores []Chore) { r.chores.Store(&chores) }

// Start begins to run jobs. On SQLite the caller holds the database's lock: jobs that say they run were left behind by
// a crash. Start returns when the engine runs; the end of ctx does not stop it.
func (r *Runner) Start(ctx context.Context) error {
	if r.store.Dialect() == store.SQLite {
		if err := r.release(ctx); err != nil {
			return err
		}
	}
	// One sweep at once: the leader's first comes some seconds after its election.
	err := r.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := r.engine.insert(ctx, tx, sweepArgs{})
		return err
	})
	if err != nil {
		return err
	}
	if r.lease != nil {
		if err := r.lease.start(ctx); err != nil {
			return err
		}
	}
	if err := r.engine.start(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(err, r.giveBack(ctx, true))
	}
	return nil
}

// giveBack ends the node's lease, if it has one.
func (r *Runner) giveBack(ctx context.Context, idle bool) error {
	if r.lease == nil {
		return nil
	}
	return r.lease.stop(ctx, idle)
}

// Stop ends the work on this node: records in hand are finished, nothing new is begun. When ctx ends before that, what
// still runs is cancelled, and Stop waits for it a little and says so.
func (r *Runner) Stop(ctx context.Context) error {
	r.stopOnce.Do(func() { close(r.stopping) })
	err := r.engine.stop(ctx)
	if err == nil || ctx.Err() == nil {
		return errors.Join(err, r.giveBack(ctx, err == nil))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hardStop)
	defer cancel()
	err = r.engine.cancel(ctx)
	return errors.Join(errors.New("jobs did not end in time and were cancelled"), err, r.giveBack(ctx, err == nil))
}

// hardStop is how long cancelled jobs have to end.
const hardStop = 10 * time.Second

func (r *Runner) isStopping() bool {
	select {
	case <-r.stopping:
		return true
	default:
		return false
	}
}
