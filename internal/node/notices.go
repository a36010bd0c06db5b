package node

import (
	"context"
	"time"

	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/store"
)

// alertsEvery is how often is looked whether people must be told something.
const alertsEvery = time.Minute

// keepNotices is how long is kept what was told to others.
const keepNotices = 30 * 24 * time.Hour

// Notices gives what tells others: outgoing webhooks and alerts.
func (n *Node) Notices() *notice.Notices { return n.notices }

func newNotices(o Options, st *store.Store, meter Meter) *notice.Notices {
	return notice.New(notice.Options{Store: st, Meter: meter, Log: o.Log, Now: o.Now, PublicURL: o.PublicURL, Version: o.Version})
}

func (e *engine) alerts(ctx context.Context, _ string) error { return e.node.notices.Evaluate(ctx) }

// States of circuit breakers, as httpx names them.
const (
	breakerOpen   = "open"
	breakerClosed = "closed"
)

// breakerNotes is a meter that also keeps in the store which circuit breakers of this node are open: alerts are made
// on one node and know of all.
type breakerNotes struct {
	Meter
	node *Node
}

// Breaker hears of a breaker that changes. It is called while the breaker is locked, so the rest is done afterwards.
func (b breakerNotes) Breaker(connection, state string) {
	b.Meter.Breaker(connection, state)
	b.node.engine.after(0, func(ctx context.Context) { b.node.noteBreaker(ctx, connection) })
}

// noteBreaker keeps how a breaker is now, which may be another state than the one that was heard.
func (n *Node) noteBreaker(ctx context.Context, connection string) {
	n.breakers.Lock()
	defer n.breakers.Unlock()
	state := breakerClosed
	if c, err := n.Connection(connection); err == nil {
		state = c.Gate.State().Breaker
	}
	err := n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		switch state {
		case breakerOpen:
			return n.store.BreakerOpened(ctx, tx, connection, n.name, n.options.Now())
		case breakerClosed:
			return n.store.BreakerClosed(ctx, tx, connection, n.name)
		}
		return nil // it tries one call
	})
	if err != nil {
		n.options.Log.WarnContext(ctx, "the state of a circuit breaker is not kept; alerts may miss it", "connection", connection, "error", err)
	}
}

// forgetBreakers takes back what this node has noted, because it stops.
func (n *Node) forgetBreakers(ctx context.Context) error {
	return n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error { return n.store.ForgetBreakers(ctx, tx, n.name) })
}
