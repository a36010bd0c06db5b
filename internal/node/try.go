package node

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/store"
)

// TryOpen opens a connection that may not be stored, beside the others, and closes it again: so
// contradictions of its settings are found. It calls nothing. The error is that of opening: a
// *connector.SettingsError or a *connector.Error that names the setting.
func (n *Node) TryOpen(ctx context.Context, c store.Connection) error {
	opened, err := n.trial().open(ctx, c)
	if err != nil {
		return err
	}
	opened.close(context.WithoutCancel(ctx), n.options.Log)
	return nil
}

// TryCheck opens a connection like TryOpen and checks it as Check does. Nothing of it is kept: tokens that
// it gets are forgotten, so it signs in by itself.
func (n *Node) TryCheck(ctx context.Context, c store.Connection) (Report, error) {
	opened, err := n.trial().open(ctx, c)
	if err != nil {
		return Report{}, err
	}
	defer opened.close(context.WithoutCancel(ctx), n.options.Log)
	r := newRegistry(map[string]*Connection{c.Name: opened}, map[string]error{})
	return newView(r, nil, n.options, n.store, n.meter).Check(ctx, c.Name), nil
}

func (n *Node) trial() *opener {
	return &opener{definitions: byName(n.options.Definitions), store: n.store, node: n.name, options: &n.options, meter: unheard{}, trial: true}
}

// HookAddress is where a connection's webhooks arrive, as its vendor knows it; "" without a public address.
func (n *Node) HookAddress(connection string) string { return n.options.hookAddress(connection) }

// PollNow has a source asked for changes as soon as tx commits, whatever its schedule says.
func (n *Node) PollNow(ctx context.Context, tx store.Tx, source string) error {
	return n.engine.RunNow(ctx, tx, chorePoll, source)
}

// Polled gives when each source was last due to be asked for changes, by its name.
func (n *Node) Polled(ctx context.Context) (map[string]time.Time, error) {
	ran, err := n.store.ChoresRan(ctx)
	if err != nil {
		return nil, err
	}
	polled := map[string]time.Time{}
	for id, at := range ran {
		if source, ok := strings.CutPrefix(id, chorePoll+"/"); ok {
			polled[source] = at
		}
	}
	return polled, nil
}

// trialState is the state of a connection that is only tried.
type trialState struct {
	mu     sync.Mutex
	values map[string][]byte
}

// Load implements connector.State.
func (s *trialState) Load(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[name], nil
}

// Update implements connector.State.
func (s *trialState) Update(ctx context.Context, name string, change func(ctx context.Context, current []byte) ([]byte, error)) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, err := change(ctx, s.values[name])
	if err != nil {
		return nil, err
	}
	if s.values == nil {
		s.values = map[string][]byte{}
	}
	s.values[name] = value
	return value, nil
}

// unheard counts nothing: a trial is no part of a connection's numbers.
type unheard struct{}

func (unheard) Request(httpx.Observation) {}
func (unheard) Breaker(string, string)    {}
