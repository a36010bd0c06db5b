// Package desk is what a person can see of Orderly and do with it: the one service under the pages and
// the JSON API. Every change is made for a person, who stands in the audit with it.
//
// It knows neither HTTP nor HTML, and does not ask for roles: package people's guard stands before the
// pages and the calls that lead here.
package desk

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/store"
)

// Options say over what a desk stands.
type Options struct {
	Store       *store.Store
	Node        *node.Node
	Definitions []connector.Definition
	Log         *slog.Logger
	Now         func() time.Time
}

// Desk is safe for concurrent use.
type Desk struct {
	store       *store.Store
	node        *node.Node
	definitions []connector.Definition
	log         *slog.Logger
	now         func() time.Time

	figures atomic.Pointer[Figures]
	watch   watch
	runs    runs
	codes   codes
	bulks   bulks
	running sync.WaitGroup
	end     context.CancelFunc
}

// New makes a desk. Start must follow before figures are shown.
func New(o Options) *Desk {
	d := &Desk{store: o.Store, node: o.Node, definitions: o.Definitions, log: o.Log, now: o.Now}
	d.figures.Store(&Figures{})
	d.bulks.node = rand.Text()
	return d
}

// Start reads the figures once and keeps them and the watchers up to date until Stop.
func (d *Desk) Start(ctx context.Context) error {
	if err := d.readFigures(ctx); err != nil {
		return fmt.Errorf("figures of the dashboard: %w", err)
	}
	ctx, d.end = context.WithCancel(context.WithoutCancel(ctx))
	d.bulks.begin(ctx)
	d.running.Go(func() { d.keepFigures(ctx) })
	d.running.Go(func() { d.keepWatch(ctx) })
	d.running.Go(func() { d.keepBulks(ctx) })
	return nil
}

// Stop ends what Start began.
func (d *Desk) Stop() {
	if d.end != nil {
		d.end()
	}
	d.running.Wait()
}

// NotFoundError says that something is not there (any more).
type NotFoundError struct{ Text string }

func (e *NotFoundError) Error() string { return e.Text }

// InputError is a value that a person gave and that cannot be taken.
type InputError struct {
	Field   string // of the form, or ""
	Message string // what is wrong and what would be right
}

func (e *InputError) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// Invalid makes an InputError.
func Invalid(field, format string, args ...any) error {
	return &InputError{Field: field, Message: fmt.Sprintf(format, args...)}
}
