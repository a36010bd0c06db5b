package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
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
		b := batch{source: source, via: store.ViaFetch, priority: store.PriorityNew}
		for _, w := range wishes {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			event, asked, err := in.fetch(ctx, source, w)
			if err != nil {
				if stop, err := in.fetchFailed(ctx, source, w, err); stop || err != nil {
					if _, err := in.observe(ctx, b, nil); err != nil {
						return false, err
					}
					return false, err
				}
				continue
			}
			b.events, b.asked = append(b.events, event), append(b.asked, asked)
		}
		if len(b.events) > 0 {
			if _, err := in.observe(ctx, b, nil); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// fetch reads one record. The answer may be another record than the one asked for: then the wish is
// dropped and the true record is observed.
func (in *Intake) fetch(ctx context.Context, source *Source, w store.FetchWish) (connector.Event, int64, error) {
	ref := connector.Ref{Kind: commerce.Kind(w.Kind), ID: w.SourceID}
	raw, err := source.Conn.Fetcher.Fetch(ctx, ref)
	if err != nil {
		return connector.Event{}, 0, err
	}
	event := connector.Event{
		Ref: raw.Ref, Topic: "fetch", Change: connector.Changed,
		UpdatedAt: raw.UpdatedAt, Form: raw.Form, Body: raw.Body,
	}
	if raw.Ref == ref {
		return event, w.Asked, nil
	}
	err = in.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return in.store.DropFetch(ctx, tx, w, store.TaskSkipped, 0, "it belongs to "+string(raw.Ref.Kind)+" "+raw.Ref.ID, in.now())
	})
	return event, 0, err
}

// fetchFailed decides what becomes of a record that could not be read; stop says that the system as
// a whole is in trouble, so that the lane should rest.
func (in *Intake) fetchFailed(ctx context.Context, source *Source, w store.FetchWish, failure error) (stop bool, err error) {
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	kind := connector.KindOf(failure)
	now := in.now()
	if kind == connector.KindNotFound {
		gone := connector.Event{Ref: connector.Ref{Kind: commerce.Kind(w.Kind), ID: w.SourceID}, Topic: "fetch", Change: connector.Deleted}
		_, err := in.observe(ctx, batch{source: source, via: store.ViaFetch, events: []connector.Event{gone}, asked: []int64{w.Asked}}, nil)
		return false, err
	}
	if kind.Temporary() || w.Tries < maxFetchTries {
		err := in.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			return in.store.PostponeFetch(ctx, tx, w, failure.Error(), now.Add(backoff(w.Tries+1, failure)))
		})
		return kind == connector.KindRateLimited || kind == connector.KindUnavailable || kind == connector.KindAuth, err
	}
	return false, in.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		var causeID int64
		for _, route := range source.Routes[commerce.Kind(w.Kind)] {
			cause := store.Cause{Flow: route.Flow, State: store.TaskFailed, Step: "fetch", Code: string(kind), Message: "the record could not be read from " + source.Name}
			id, err := in.store.SaveCause(ctx, tx, cause, now)
			if err != nil {
				return err
			}
			causeID = id
		}
		return in.store.DropFetch(ctx, tx, w, store.TaskFailed, causeID, fmt.Sprintf("could not be read from %s: %v", source.Name, failure), now)
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
// it. It is stored when it returns.
func (in *Intake) SyncRecord(ctx context.Context, name string, ref connector.Ref) error {
	source, ok := in.sources.Source(name)
	if !ok {
		return fmt.Errorf("there is no source %q", name)
	}
	if source.Conn.Fetcher == nil {
		return fmt.Errorf("%s cannot read a single record", source.Conn.Definition.Title)
	}
	event := connector.Event{Ref: ref, Topic: "manual", Change: connector.Changed}
	_, err := in.observe(ctx, batch{source: source, via: store.ViaManual, events: []connector.Event{event}, priority: store.PriorityNew, force: true}, nil)
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
