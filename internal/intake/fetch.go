package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/personal"
	"github.com/orderlyhq/orderly/internal/store"
)

const (
	fetchBatch    = 16
	maxFetchTries = 12
)

// RunFetchLane fetches the due records of a source's lane, one after another, until there are none
// or the slice of time is over; more says that there are some left.
func (in *Intake) RunFetchLane(ctx context.Context, name string, number int, slice time.Duration) (more bool, err error) {
	source, ok := in.sources.Source(name)
	if !ok || source.Conn.Fetcher == nil || source.Paused {
		return false, nil
	}
	end := in.now().Add(slice)
	for in.now().Before(end) {
		wishes, err := in.store.DueFetches(ctx, name, number, in.now(), fetchBatch)
		if err != nil || len(wishes) == 0 {
			return false, err
		}
		if stop, err := in.fetchSome(ctx, source, wishes); stop || err != nil {
			return false, err
		}
	}
	return true, nil
}

// fetchSome fetches records one after another and stores them together; stop says that the lane should rest.
func (in *Intake) fetchSome(ctx context.Context, source *Source, wishes []store.FetchWish) (stop bool, err error) {
	b := batch{source: source, via: store.ViaFetch, priority: store.PriorityNew}
	moved := map[store.FetchWish]connector.Ref{} // wishes that another record answers
	for _, w := range wishes {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		event, err := in.fetch(ctx, source, w)
		if err != nil {
			if stop, err = in.fetchFailed(ctx, source, w, err); err != nil {
				return false, err
			}
			if stop {
				break
			}
			continue
		}
		answered := w
		if event.Ref != (connector.Ref{Kind: commerce.Kind(w.Kind), ID: w.SourceID}) {
			moved[w], answered = event.Ref, store.FetchWish{}
		}
		b.events, b.wishes = append(b.events, event), append(b.wishes, answered)
	}
	if len(b.events) == 0 {
		return stop, nil
	}
	// A wish is dropped with the same commit that stores the record which answers it, or a crash would lose it.
	_, err = in.observe(ctx, b, func(ctx context.Context, tx store.Tx, _ int) error {
		for w, ref := range moved {
			if err := in.store.DropFetch(ctx, tx, w, "it belongs to "+string(ref.Kind)+" "+ref.ID, in.now()); err != nil {
				return err
			}
		}
		return nil
	})
	return stop, err
}

// fetch reads one record. The answer may be another record than the one asked for.
func (in *Intake) fetch(ctx context.Context, source *Source, w store.FetchWish) (connector.Event, error) {
	raw, err := source.Conn.Fetcher.Fetch(ctx, connector.Ref{Kind: commerce.Kind(w.Kind), ID: w.SourceID})
	if err != nil {
		return connector.Event{}, err
	}
	if len(raw.Body) == 0 || raw.Ref.ID == "" {
		// Stored, it would ask for itself again, for ever.
		return connector.Event{}, connector.Errorf(connector.KindBug, "fetch", "the connector gave a record without a body or an id")
	}
	return connector.Event{
		Ref: raw.Ref, Topic: "fetch", Change: connector.Changed,
		UpdatedAt: raw.UpdatedAt, Form: raw.Form, Body: raw.Body,
	}, nil
}

// fetchFailed decides what becomes of a record that could not be read; stop says that the system as
// a whole is in trouble, so that the lane should rest.
func (in *Intake) fetchFailed(ctx context.Context, source *Source, w store.FetchWish, failure error) (stop bool, err error) {
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	kind := connector.KindOf(failure)
	reason := personal.Text(failure.Error()) // it is shown to everybody
	now := in.now()
	if kind == connector.KindNotFound {
		gone := connector.Event{Ref: connector.Ref{Kind: commerce.Kind(w.Kind), ID: w.SourceID}, Topic: "fetch", Change: connector.Deleted}
		_, err := in.observe(ctx, batch{source: source, via: store.ViaFetch, events: []connector.Event{gone}, wishes: []store.FetchWish{w}}, nil)
		return false, err
	}
	if kind.Temporary() || w.Tries < maxFetchTries {
		err := in.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			return in.store.PostponeFetch(ctx, tx, w, reason, now.Add(backoff(w.Tries+1, failure)))
		})
		return kind == connector.KindRateLimited || kind == connector.KindUnavailable || kind == connector.KindAuth, err
	}
	cause := store.Cause{State: store.TaskFailed, Step: store.StepFetch, Kind: string(kind), Code: string(kind), Message: "the record could not be read from " + source.Name}
	return false, in.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return in.store.GiveUpFetch(ctx, tx, w, cause, fmt.Sprintf("could not be read from %s: %s", source.Name, reason), now)
	})
}

// backoff is the vendor's own wish, or one that doubles from two seconds to ten minutes.
func backoff(tries int, failure error) time.Duration {
	wait := min(2*time.Second<<min(tries-1, 12), 10*time.Minute)
	if e, ok := asConnectorError(failure); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	return wait
}

// SyncRecord asks for one record to be read and brought to its destinations now, as a person wants
// it. It is stored when it returns, together with what also writes, if it is not nil.
func (in *Intake) SyncRecord(ctx context.Context, name string, ref connector.Ref, also func(context.Context, store.Tx) error) error {
	source, ok := in.sources.Source(name)
	if !ok {
		return fmt.Errorf("there is no source %q", name)
	}
	if also == nil {
		return in.syncRecord(ctx, source, ref, "", nil)
	}
	return in.syncRecord(ctx, source, ref, "", func(ctx context.Context, tx store.Tx, _ int) error { return also(ctx, tx) })
}

// syncRecord observes a wish for one record for a flow, "" for all of its source.
func (in *Intake) syncRecord(ctx context.Context, source *Source, ref connector.Ref, flow string, also func(context.Context, store.Tx, int) error) error {
	if source.Conn.Fetcher == nil {
		return &CannotError{Text: source.Conn.Definition.Title + " cannot read a single record"}
	}
	event := connector.Event{Ref: ref, Topic: "manual", Change: connector.Changed}
	_, err := in.observe(ctx, batch{
		source: source, via: store.ViaManual, events: []connector.Event{event}, priority: store.PriorityNew, force: true, only: flow,
	}, also)
	return err
}

// CheckWebhooks repairs a source's webhook subscriptions and gives their state after it.
func (in *Intake) CheckWebhooks(ctx context.Context, name string) ([]connector.Subscription, error) {
	source, ok := in.sources.Source(name)
	if !ok || source.Conn.Registrar == nil || source.Address == "" || source.Paused {
		return nil, nil
	}
	return source.Conn.Registrar.EnsureWebhooks(ctx, source.Address)
}
