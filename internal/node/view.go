package node

import (
	"context"
	"fmt"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/intake"
	"github.com/orderlyhq/orderly/internal/store"
)

// View is everything that the store holds, opened to look at and to ask, beside a node that may be
// running: it runs no lanes and delivers nothing.
type View struct {
	*registry
	options Options
	store   *store.Store
	meter   Meter
	flowOf  map[string]store.Flow
}

// Look opens a view. It calls no vendor.
func Look(ctx context.Context, o Options, st *store.Store, meter Meter) (*View, error) {
	o.complete()
	r, flows, err := openRegistry(ctx, &o, st, meter, "view-"+newName(), nil, nil)
	if err != nil {
		return nil, err
	}
	return newView(r, flows, o, st, meter), nil
}

// View gives what the node has open, to look at and to ask. It must not be closed: the connections are
// the node's.
func (n *Node) View(ctx context.Context) (*View, error) {
	flows, err := n.store.Flows(ctx)
	if err != nil {
		return nil, err
	}
	return newView(n.registry.Load(), flows, n.options, n.store, n.meter), nil
}

func newView(r *registry, flows []store.Flow, o Options, st *store.Store, meter Meter) *View {
	v := &View{registry: r, options: o, store: st, meter: meter, flowOf: map[string]store.Flow{}}
	for _, f := range flows {
		v.flowOf[f.Name] = f
	}
	return v
}

// Close closes the connections.
func (v *View) Close(ctx context.Context) {
	for _, name := range sortedNames(v.connections) {
		v.connections[name].close(ctx, v.options.Log)
	}
}

// Connections gives the names of the connections that are open.
func (v *View) Connections() []string { return sortedNames(v.connections) }

// Connection gives an open connection, or why it is not open.
func (v *View) Connection(name string) (*Connection, error) { return v.connection(name) }

// Flows gives the names of all flows.
func (v *View) Flows() []string { return sortedNames(v.flowOf) }

// StoredFlow gives a flow as the store holds it.
func (v *View) StoredFlow(name string) (store.Flow, error) {
	f, ok := v.flowOf[name]
	if !ok {
		return store.Flow{}, fmt.Errorf("there is no flow %q%s", name, didYouMean(name, v.Flows()))
	}
	return f, nil
}

// Problems are the connections and flows that are not open, with the reason.
func (v *View) Problems() map[string]error { return v.failed }

// nobody wakes no lane: a node that runs finds by itself what is due.
type nobody struct{}

// WakeLanes implements intake.Waker.
func (nobody) WakeLanes(context.Context, store.Tx, ...store.LaneRef) error { return nil }

// Intake gives an intake that stores wishes for whatever node runs.
func (v *View) Intake() *intake.Intake {
	return intake.New(v.store, v, nobody{}, v.meter, v.options.Log, v.options.Now)
}

// Preview says what delivering a record by a flow would do. It reads the record from the source when
// raw is nil, and writes nothing anywhere.
func (v *View) Preview(ctx context.Context, flowName string, ref connector.Ref, raw *connector.Raw) (*flow.Preview, error) {
	f, err := v.StoredFlow(flowName)
	if err != nil {
		return nil, err
	}
	open, ok := v.Flow(flowName)
	if !ok {
		return nil, v.failed[flowName]
	}
	if raw == nil {
		if open.Source.Fetcher == nil {
			return nil, fmt.Errorf("%s cannot read a single record; give it as a file", open.Source.Definition.Title)
		}
		fetched, err := open.Source.Fetcher.Fetch(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("read %s %s from %s: %w", ref.Kind, ref.ID, f.Source, err)
		}
		raw = &fetched
		if ref = fetched.Ref; ref.Kind == "" {
			ref.Kind = commerce.KindOrder
		}
	}
	p, err := v.Previewer(ctx, flowName, nil)
	if err != nil {
		return nil, err
	}
	defer p.Close(ctx)
	return p.Preview(ctx, store.Work{
		Flow: flowName, Connection: f.Source, Kind: string(ref.Kind), SourceID: ref.ID, Form: raw.Form, Body: raw.Body, SourceTime: raw.UpdatedAt, Attempts: 1,
	})
}
