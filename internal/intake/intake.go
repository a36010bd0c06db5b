// Package intake observes records: it receives webhooks, polls, fetches what came thin or stale, and
// lists on request. What it observes is durable in the store before anybody is told so.
//
// It knows no vendor and nothing of deliveries: that a record changed is all it says to the lanes.
package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// Source is an open connection that records come from, and where they go.
type Source struct {
	Name  string
	Conn  *connector.Conn
	Lanes int
	// Routes are the flows from here, by kind of record.
	Routes map[commerce.Kind][]store.Route
	// Since is before which a first poll does not reach; zero is its own start.
	Since time.Time
	// Kinds are the kinds that any flow wants.
	Kinds []commerce.Kind
	// Address is where the vendor's webhooks arrive, as the vendor knows it; "" when Orderly has no
	// public address.
	Address string
	Paused  bool
}

// Sources gives the open sources; it changes while Orderly runs.
type Sources interface {
	Source(name string) (*Source, bool)
}

// Waker wakes lanes, in the transaction that gives them work.
type Waker interface {
	WakeLanes(ctx context.Context, tx store.Tx, lanes ...store.LaneRef) error
}

// Meter counts what intake does; every method must be cheap.
type Meter interface {
	Observed(connection string, via store.Via, outcome store.Outcome)
	Ignored(connection, reason string)
	Refused(connection string, status int)
}

// Intake observes records.
type Intake struct {
	store   *store.Store
	sources Sources
	waker   Waker
	meter   Meter
	log     *slog.Logger
	now     func() time.Time
}

// New gives an intake that stores into st.
func New(st *store.Store, sources Sources, waker Waker, meter Meter, log *slog.Logger, now func() time.Time) *Intake {
	return &Intake{store: st, sources: sources, waker: waker, meter: meter, log: log, now: now}
}

// batch is events that are observed in one transaction.
type batch struct {
	source   *Source
	via      store.Via
	events   []connector.Event
	priority int
	force    bool
	wishes   []store.FetchWish // with store.ViaFetch, the one that each event answers
	only     string            // a flow; "" is all
	ignored  string
}

// observe stores a batch. also runs in the same transaction, after the events: a cursor that moves
// with them. It gives how many records changed.
func (in *Intake) observe(ctx context.Context, b batch, also func(ctx context.Context, tx store.Tx, changed int) error) (changed int, err error) {
	observations, err := in.prepare(b)
	if err != nil {
		return 0, err
	}
	outcomes := make([]store.Outcome, len(observations))
	err = in.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		changed = 0
		seen := map[store.LaneRef]bool{}
		var wake []store.LaneRef
		for i, o := range observations {
			observed, err := in.store.Observe(ctx, tx, o)
			if err != nil {
				return err
			}
			outcomes[i] = observed.Outcome
			if observed.Outcome == store.OutcomeChanged || observed.Outcome == store.OutcomeDeleted {
				changed++
			}
			for _, lane := range observed.Wake {
				if !seen[lane] {
					seen[lane] = true
					wake = append(wake, lane)
				}
			}
		}
		if b.ignored != "" {
			if err := in.store.Ignore(ctx, tx, b.source.Name, b.ignored, in.now()); err != nil {
				return err
			}
		}
		if also != nil {
			if err := also(ctx, tx, changed); err != nil {
				return err
			}
		}
		return in.waker.WakeLanes(ctx, tx, wake...)
	})
	if err != nil {
		return 0, fmt.Errorf("store %d events of %s: %w", len(b.events), b.source.Name, err)
	}
	for _, outcome := range outcomes {
		in.meter.Observed(b.source.Name, b.via, outcome)
	}
	if b.ignored != "" {
		in.meter.Ignored(b.source.Name, b.ignored)
	}
	return changed, nil
}

// prepare does the work that needs no transaction: hashing, compressing, sealing.
func (in *Intake) prepare(b batch) ([]store.Observation, error) {
	now := in.now()
	fetchLanes := 0
	if b.source.Conn.Fetcher != nil {
		fetchLanes = b.source.Lanes
	}
	observations := make([]store.Observation, len(b.events))
	for i, e := range b.events {
		o := store.Observation{
			Connection: b.source.Name,
			Kind:       string(e.Ref.Kind),
			SourceID:   e.Ref.ID,
			Via:        b.via,
			Topic:      e.Topic,
			DeliveryID: e.DeliveryID,
			Deleted:    e.Change == connector.Deleted,
			At:         now,
			SourceTime: e.UpdatedAt,
			Form:       e.Form,
			Wait:       e.Wait,
			FetchLanes: fetchLanes,
			Routes:     only(b.source.Routes[e.Ref.Kind], b.only),
			Priority:   b.priority,
			Force:      b.force,
		}
		if b.wishes != nil {
			o.FetchAsked, o.FetchEarly = b.wishes[i].Asked, b.wishes[i].Early
		}
		if e.Body != nil {
			sum := sha256.Sum256(e.Body)
			o.Hash = hex.EncodeToString(sum[:])
			packed, err := in.store.Pack(e.Body)
			if err != nil {
				return nil, fmt.Errorf("body of %s %s: %w", e.Ref.Kind, e.Ref.ID, err)
			}
			o.Body = packed
		}
		// A webhook's body may be older than the record; where the vendor is known for that, it is
		// kept as it came and the record is read.
		o.Thin = e.Body == nil || (b.via == store.ViaWebhook && b.source.Conn.Definition.Traits.FetchAlways && fetchLanes > 0)
		observations[i] = o
	}
	return observations, nil
}

func only(routes []store.Route, flow string) []store.Route {
	if flow == "" {
		return routes
	}
	for _, r := range routes {
		if r.Flow == flow {
			return []store.Route{r}
		}
	}
	return nil
}

func asConnectorError(err error) (*connector.Error, bool) {
	return errors.AsType[*connector.Error](err)
}
