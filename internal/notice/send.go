package notice

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// together is how many messages are on their way to one endpoint at once; to one in trouble it is one.
const together = 8

// waits are the times between the attempts for a message to an endpoint: more than four days in all.
func waits() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
		24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
	}
}

// channelWaits is how many of the waits there are for alerts by e-mail and chat: later they are no news any more.
const channelWaits = 4

const (
	// disableAfter is how long an endpoint may fail before it is disabled.
	disableAfter = 4 * 24 * time.Hour
	// firstRest doubles with each failure in a row up to longestRest: an endpoint in trouble is asked with one message at
	// a time.
	firstRest   = 5 * time.Second
	longestRest = 5 * time.Minute
	// longestWait is as long as a receiver may ask us to wait.
	longestWait = 24 * time.Hour
	// recordTime is how long recording an attempt may take when the work is told to stop.
	recordTime = 15 * time.Second
)

// receiver is an endpoint or channel, ready to be sent to.
type receiver struct {
	id   string
	form string // for numbers: webhook, slack or email
	// endpoint is what is kept of an endpoint; nil for a channel.
	endpoint *store.Endpoint
	together int
	send     func(ctx context.Context, m store.Message, at time.Time) outcome
}

// outcome is how an attempt ended.
type outcome struct {
	status int
	err    error
	// gone says that the receiver wants nothing any more.
	gone bool
	// down says that the failure is the receiver's and not the message's: the next would fail as well.
	down       bool
	retryAfter time.Duration
}

// Send sends what is due for an endpoint or channel, until nothing is or ctx ends. No two calls for one receiver may
// overlap. Attempts that fail are recorded and tried again later; an error is trouble of our own.
func (n *Notices) Send(ctx context.Context, id string) error {
	for {
		r, err := n.receiver(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return n.drop(ctx, id)
		}
		if err != nil {
			return err
		}
		due, err := n.store.DueSendings(ctx, id, n.now(), r.together)
		if err != nil || len(due) == 0 {
			return err
		}
		errs := make([]error, len(due))
		var group sync.WaitGroup
		for i, s := range due {
			group.Go(func() { errs[i] = n.try(ctx, r, s) })
		}
		group.Wait()
		if err := errors.Join(append(errs, ctx.Err())...); err != nil {
			return err
		}
	}
}

// drop gives up what waits for a receiver that is not there any more, or is disabled.
func (n *Notices) drop(ctx context.Context, id string) error {
	return n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error { return n.store.GiveUp(ctx, tx, id, n.now()) })
}

// receiver gives what a message is sent with, as it is set now; ErrNotFound when there is none.
func (n *Notices) receiver(ctx context.Context, id string) (*receiver, error) {
	config, err := n.load(ctx)
	if err != nil {
		return nil, err
	}
	if id == ChannelEmail && config.Email != nil {
		return n.emailReceiver(*config.Email), nil
	}
	for _, s := range config.Slack {
		if s.Channel() == id {
			return n.slackReceiver(s), nil
		}
	}
	e, err := n.endpoint(ctx, id)
	if err != nil {
		return nil, err
	}
	if e.Disabled {
		return nil, noEndpoint(id)
	}
	return n.webhookReceiver(e), nil
}

// try makes one attempt and records it.
func (n *Notices) try(ctx context.Context, r *receiver, s store.Sending) error {
	_, err := n.attempt(ctx, r, s)
	return err
}

func (n *Notices) attempt(ctx context.Context, r *receiver, s store.Sending) (store.Attempt, error) {
	started := n.now()
	bounded, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	o := r.send(bounded, s.Message, started)
	if o.err != nil && ctx.Err() != nil {
		return store.Attempt{}, ctx.Err() // we were told to stop: the message is not to blame
	}
	ended := n.now()
	a := store.Attempt{At: started, Took: ended.Sub(started), Status: o.status}
	if o.err != nil {
		a.Error = inWords(o.err)
	}
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	return a, n.record(keep, r, s, a, o, ended)
}

// record keeps how an attempt ended, and what follows from it for the endpoint, in one transaction.
func (n *Notices) record(ctx context.Context, r *receiver, s store.Sending, a store.Attempt, o outcome, now time.Time) error {
	state, due := next(r, s, o, now)
	var disabled string
	err := n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		disabled = ""
		if err := n.store.FinishAttempt(ctx, tx, s.ID, a, state, due, now); err != nil {
			return err
		}
		if r.endpoint == nil {
			return nil
		}
		if o.err == nil {
			return n.store.EndpointWorks(ctx, tx, r.id)
		}
		since, err := n.store.EndpointFails(ctx, tx, r.id, rest(r, o, now), now)
		if err != nil {
			return err
		}
		why := ""
		switch {
		case o.gone:
			why = "it answered 410 Gone: it wants no messages any more"
		case !since.IsZero() && now.Sub(since) >= disableAfter:
			why = fmt.Sprintf("it has taken no message since %s; the last attempt ended so: %s", clock(since), a.Error)
		default:
			return nil
		}
		was, err := n.store.DisableEndpoint(ctx, tx, r.id, why, now)
		if was {
			disabled = why
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("record an attempt for %s: %w", r.id, err)
	}
	if disabled != "" {
		n.log.WarnContext(ctx, "an endpoint of outgoing webhooks was disabled", "endpoint", r.id, "why", disabled)
	}
	n.meter.Noticed(r.form, result(state))
	return nil
}

func result(state store.SendingState) Result {
	switch state {
	case store.SendingSent:
		return ResultSent
	case store.SendingFailed:
		return ResultGivenUp
	default:
		return ResultFailed
	}
}

// next says what becomes of a sending after one more attempt. A test is not tried again: who asked for it was told how it
// went.
func next(r *receiver, s store.Sending, o outcome, now time.Time) (store.SendingState, time.Time) {
	list := waits()
	if r.endpoint == nil {
		list = list[:channelWaits]
	}
	switch {
	case o.err == nil:
		return store.SendingSent, time.Time{}
	case o.gone || s.Attempts >= len(list) || s.Message.Type == typeTest:
		return store.SendingFailed, time.Time{}
	}
	return store.SendingWaiting, now.Add(max(list[s.Attempts], min(o.retryAfter, longestWait)))
}

// rest says until when an endpoint in trouble is left alone.
func rest(r *receiver, o outcome, now time.Time) time.Time {
	if !o.down {
		return time.Time{}
	}
	wait := min(firstRest<<min(r.endpoint.Failures, 10), longestRest)
	return now.Add(max(wait, min(o.retryAfter, longestWait)))
}

// TestEndpoint sends a test message to an endpoint now and gives how that went. It is sent once, also to an endpoint
// that is disabled, and is then in the list of its sendings.
func (n *Notices) TestEndpoint(ctx context.Context, id, who, why string) (Attempt, error) {
	if _, err := n.load(ctx); err != nil {
		return Attempt{}, err
	}
	e, err := n.endpoint(ctx, id)
	if err != nil {
		return Attempt{}, err
	}
	var sending int64
	err = n.change(ctx, "test", id, who, why, func(ctx context.Context, tx store.Tx, now time.Time) error {
		// Due so late that nobody else sends it meanwhile.
		ids, err := n.store.AddMessage(ctx, tx, typeTest, []byte(`{"text":"This is a test message from Orderly."}`), []string{id}, now.Add(2*sendTime), now)
		if err == nil {
			sending = ids[0]
		}
		return err
	})
	if err != nil {
		return Attempt{}, err
	}
	s, err := n.store.Sending(ctx, sending)
	if err != nil {
		return Attempt{}, err
	}
	// Also when the caller has gone: it is on its way, and the list says how it went.
	a, err := n.attempt(context.WithoutCancel(ctx), n.webhookReceiver(e), s)
	return Attempt{At: a.At, TookMS: a.Took.Milliseconds(), Status: a.Status, Error: a.Error}, err
}
