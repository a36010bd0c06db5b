package flow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/store"
)

// Flow is an open flow.
type Flow struct {
	Name        string
	Config      Config
	Mapper      *mapping.Mapper
	Source      *connector.Conn
	Destination string
	Removed     bool // it is open only for who looks at what it has carried
}

// Destination is an open connection that documents are made in. It remembers for a while what
// articles and taxes the system has.
type Destination struct {
	Name   string
	Conn   *connector.Conn
	Settle time.Duration // how long a call without a clear answer may still take effect
	Paused bool

	now   func() time.Time
	mu    sync.Mutex
	items map[string]cachedItems
	taxes cachedTaxes
	// pace is how long one record took lately, by which the size of a batch is chosen.
	pace time.Duration
}

// NewDestination gives a destination over an open connection.
func NewDestination(name string, conn *connector.Conn, settle time.Duration, now func() time.Time) *Destination {
	return &Destination{Name: name, Conn: conn, Settle: settle, now: now, items: map[string]cachedItems{}}
}

// Registry gives what is open; it changes while Orderly runs.
type Registry interface {
	Flow(name string) (*Flow, bool)
	Destination(name string) (*Destination, bool)
}

// Meter counts what flows do; every method must be cheap.
type Meter interface {
	Delivered(flow string, state store.TaskState, outcome string, took time.Duration)
}

// Runner carries records to their destinations.
type Runner struct {
	store    *store.Store
	registry Registry
	meter    Meter
	log      *slog.Logger
	now      func() time.Time
}

// NewRunner makes a runner.
func NewRunner(st *store.Store, registry Registry, meter Meter, log *slog.Logger, now func() time.Time) *Runner {
	return &Runner{store: st, registry: registry, meter: meter, log: log, now: now}
}

const (
	// maxBatch bounds how many records a lane takes at once.
	maxBatch = 32
	// batchTime is how long a batch should take: results are recorded together at its end.
	batchTime = 400 * time.Millisecond
)

// batchSize is how many records to take at once: many from a fast system, one from a slow one.
func (d *Destination) batchSize() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pace <= 0 {
		return 8
	}
	return int(min(max(batchTime/d.pace, 1), maxBatch))
}

func (d *Destination) took(records int, total time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := max(total/time.Duration(max(records, 1)), time.Microsecond)
	if d.pace == 0 {
		d.pace = one
		return
	}
	d.pace = (3*d.pace + one) / 4
}

// RunLane brings the due records of a destination's lane to their present state, a batch after the
// other, until there are none, the system needs a rest or the slice of time is over; more says that
// there are some left. It must be the lane's only worker; run is a name that no other run has.
func (r *Runner) RunLane(ctx context.Context, name string, number int, run string, slice time.Duration) (more bool, err error) {
	destination, ok := r.registry.Destination(name)
	if !ok || destination.Paused {
		return false, nil
	}
	end := r.now().Add(slice)
	for r.now().Before(end) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		works, err := r.store.TakeTasks(ctx, name, number, run, r.now(), destination.Settle, destination.batchSize())
		if err != nil || len(works) == 0 {
			return false, err
		}
		started := r.now()
		rest, err := r.carry(ctx, destination, run, works)
		if err != nil {
			return false, err
		}
		if rest {
			return false, nil // the due times say when to go on
		}
		destination.took(len(works), r.now().Sub(started))
	}
	return true, nil
}

// carry works on a batch: what can be asked for all records at once is asked once. rest says that
// the system is in trouble as a whole.
func (r *Runner) carry(ctx context.Context, destination *Destination, run string, works []store.Work) (rest bool, err error) {
	attempts := make([]*attempt, len(works))
	taken := map[connector.Key]bool{}
	for i, w := range works {
		a := r.newAttempt(destination, w, false)
		attempts[i] = a
		a.begin()
		switch {
		case !a.open():
		case taken[a.key]:
			a.giveBack(r.now()) // by another flow: it is looked at again when that has ended, which comes next
		default:
			taken[a.key] = true
		}
	}
	r.find(ctx, destination, attempts)
	r.readItems(ctx, destination, attempts)
	tired := false // once the system is in trouble, the rest of the batch is given back
	for _, a := range attempts {
		if tired && a.open() {
			a.giveBack(r.now().Add(restTime))
			continue
		}
		a.prepare(ctx)
		tired = tired || a.tired
	}
	r.deliver(ctx, destination, attempts)
	return r.record(ctx, run, attempts)
}

// record stores what came of a batch in one transaction, whatever became of the context: the calls
// have been made.
func (r *Runner) record(ctx context.Context, run string, attempts []*attempt) (rest bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	results := make([]store.Result, len(attempts))
	for i, a := range attempts {
		rest = rest || a.tired
		if results[i], err = a.close(ctx, run); err != nil {
			return false, err
		}
	}
	err = r.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		for i := range results {
			if _, err := r.store.FinishTask(ctx, tx, results[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for i, a := range attempts {
		r.meter.Delivered(a.work.Flow, results[i].State, results[i].Outcome, results[i].Ended.Sub(results[i].Started))
	}
	return rest, nil
}

// recordTime is how long recording what was done may take when Orderly is told to stop.
const recordTime = 30 * time.Second
