package node

import (
	"context"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/jobs"
	"github.com/orderlyhq/orderly/internal/store"
)

// Chores, by the names that they have in the database.
const (
	chorePoll     = "poll"
	choreWebhooks = "webhooks"
	chorePrune    = "prune"
	choreAlerts   = "alerts"
	choreCauses   = "causes"
	choreCheck    = "check"
)

// How often the chores come up that no configuration names.
const (
	webhooksEvery = 30 * time.Minute
	pruneEvery    = 6 * time.Hour
	causesEvery   = time.Minute
	checkEvery    = 5 * time.Minute
)

// every is a schedule of equal intervals.
type every time.Duration

func (e every) Next(after time.Time) time.Time { return after.Add(time.Duration(e)) }

// earliest is due when the first of several schedules is: a source that two flows poll.
type earliest []flow.Schedule

func (e earliest) Next(after time.Time) time.Time {
	first := e[0].Next(after)
	for _, s := range e[1:] {
		if next := s.Next(after); next.Before(first) {
			first = next
		}
	}
	return first
}

// engine runs what jobs say.
type engine struct {
	*jobs.Runner
	node *Node

	// later are things to be done after a time, or at the end.
	later  sync.WaitGroup
	mu     sync.Mutex // of ending: nothing is added to later once it is closed
	ending chan struct{}
}

func newEngine(n *Node) (*engine, error) {
	e := &engine{node: n, ending: make(chan struct{})}
	runner, err := jobs.New(n.store, jobs.Work{
		Lane:      e.lane,
		Send:      func(ctx context.Context, receiver string) error { return n.notices.Send(ctx, receiver) },
		Backfills: func(ctx context.Context, slice time.Duration) (bool, error) { return n.intake.RunBackfills(ctx, slice) },
		Chores: map[string]func(context.Context, string) error{
			chorePoll: e.poll, choreWebhooks: e.webhooks, chorePrune: e.prune, choreAlerts: e.alerts, choreCheck: e.check, choreCauses: e.closeCauses,
		},
	}, nil, n.options.Log, n.options.Now)
	e.Runner = runner
	return e, err
}

func (e *engine) lane(ctx context.Context, l store.LaneRef, run string, slice time.Duration) (bool, error) {
	if l.Fetch {
		return e.node.intake.RunFetchLane(ctx, l.Connection, l.Number, slice)
	}
	return e.node.runner.RunLane(ctx, l.Connection, l.Number, run, slice)
}

// shortWait is how long a poll waits for a source that asks for it before it goes on where it was; for
// longer the chore itself is tried again later.
const shortWait = 20 * time.Second

func (e *engine) poll(ctx context.Context, connection string) error {
	for {
		err := e.node.intake.Poll(ctx, connection)
		e.node.meter.Polled(connection, err)
		failure, ok := asConnectorError(err)
		if !ok || failure.RetryAfter <= 0 || failure.RetryAfter > shortWait {
			return err
		}
		timer := time.NewTimer(failure.RetryAfter)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

// webhooks keeps a source's subscriptions in order and tells what it repaired.
func (e *engine) webhooks(ctx context.Context, connection string) error {
	subscriptions, err := e.node.intake.CheckWebhooks(ctx, connection)
	if err != nil {
		return err
	}
	for _, s := range subscriptions {
		if s.State != connector.SubscriptionActive {
			e.node.options.Log.WarnContext(ctx, "a webhook subscription is not active; changes come by the schedule alone",
				"connection", connection, "topic", s.Topic, "state", s.State)
		}
	}
	return nil
}

// check keeps what a check of a connection finds, for who looks after it.
func (e *engine) check(ctx context.Context, connection string) error {
	_, err := e.node.Check(ctx, connection)
	return err
}

func (e *engine) prune(ctx context.Context, _ string) error { return e.node.prune(ctx) }

// closeCauses leaves out what nobody will deliver any more, and notes which causes are over.
func (e *engine) closeCauses(ctx context.Context, _ string) error {
	now := e.node.options.Now()
	_, err := e.node.store.LeaveOutRemoved(ctx, now)
	if err == nil {
		_, err = e.node.store.CloseCauses(ctx, now)
	}
	return err
}

// reschedule takes over what a registry says is to be done when.
func (e *engine) reschedule(r *registry) {
	chores := []jobs.Chore{{Name: chorePrune, Schedule: every(pruneEvery)}, {Name: choreAlerts, Schedule: every(alertsEvery)}, {Name: choreCauses, Schedule: every(causesEvery)}}
	for _, name := range sortedNames(r.sources) {
		source := r.sources[name]
		if schedules := r.schedules[name]; len(schedules) > 0 && source.Conn.Lister != nil {
			chores = append(chores, jobs.Chore{Name: chorePoll, Subject: name, Schedule: earliest(schedules)})
		}
		if r.wantsHooks(name) {
			chores = append(chores, jobs.Chore{Name: choreWebhooks, Subject: name, Schedule: every(webhooksEvery)})
		}
	}
	for _, name := range sortedNames(r.connections) {
		if !r.connections[name].stored.Removed {
			chores = append(chores, jobs.Chore{Name: choreCheck, Subject: name, Schedule: every(checkEvery)})
		}
	}
	e.UpdateSchedules(chores)
}

// after does something when a time is over, or when the engine stops if that is sooner; after its end it does nothing.
func (e *engine) after(wait time.Duration, do func(ctx context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.ending:
		return
	default:
	}
	e.later.Go(func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-e.ending:
		}
		ctx, cancel := context.WithTimeout(context.Background(), retireTime)
		defer cancel()
		do(ctx)
	})
}

func (e *engine) start(ctx context.Context) error {
	if err := e.Start(ctx); err != nil {
		return err
	}
	return e.checkChanged(ctx, newRegistry(nil, nil))
}

// checkChanged has connections checked now, and subscriptions of sources, that are new or not what they were before.
// What has not changed is checked when it is due: each change of a table of a mapping would otherwise call every vendor.
func (e *engine) checkChanged(ctx context.Context, before *registry) error {
	r := e.node.registry.Load()
	return e.node.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		for _, name := range sortedNames(r.connections) {
			if r.connections[name].stored.Removed || !r.otherConnection(before, name) {
				continue
			}
			if err := e.RunNow(ctx, tx, choreCheck, name); err != nil {
				return err
			}
		}
		for _, name := range sortedNames(r.sources) {
			if !r.wantsHooks(name) || !r.otherHooks(before, name) {
				continue
			}
			if err := e.RunNow(ctx, tx, choreWebhooks, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *engine) stop(ctx context.Context) error {
	err := e.Stop(ctx)
	e.mu.Lock()
	close(e.ending)
	e.mu.Unlock()
	e.later.Wait()
	return err
}
