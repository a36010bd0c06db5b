package node

import (
	"context"
	"fmt"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/store"
)

// Previewer says what delivering records by a flow would do, one after the other, over one connection
// that refuses every request that could change the destination. It is not safe for concurrent use.
type Previewer struct {
	runner      *flow.Runner
	destination *flow.Destination
	dry         *connector.Conn
}

// otherwise is a registry in which one flow works otherwise.
type otherwise struct {
	flow.Registry
	flow *flow.Flow
}

// Flow implements flow.Registry.
func (o otherwise) Flow(name string) (*flow.Flow, bool) {
	if name == o.flow.Name {
		return o.flow, true
	}
	return o.Registry.Flow(name)
}

// Previewer opens a previewer of a flow as it would work with another configuration; nil is its own.
// The caller closes it.
func (v *View) Previewer(ctx context.Context, flowName string, with *flow.Config) (*Previewer, error) {
	f, err := v.StoredFlow(flowName)
	if err != nil {
		return nil, err
	}
	open, ok := v.Flow(flowName)
	if !ok {
		return nil, v.failed[flowName]
	}
	if with != nil {
		changed := *open
		changed.Config = *with
		if changed.Mapper, err = mapping.New(with.Mapping, with.Filter); err != nil {
			return nil, fmt.Errorf("flow %s: %w", flowName, err)
		}
		open = &changed
	}
	to, err := v.connection(f.Destination)
	if err != nil {
		return nil, err
	}
	dry, err := to.DryRun(ctx)
	if err != nil {
		return nil, err
	}
	return &Previewer{
		runner:      flow.NewRunner(v.store, otherwise{Registry: v, flow: open}, v.meter, v.options.Log, v.options.Now),
		destination: flow.NewDestination(f.Destination, dry, to.Settings.SettleTime, v.options.Now),
		dry:         dry,
	}, nil
}

// Preview says what delivering a record would do, and writes nothing anywhere.
func (p *Previewer) Preview(ctx context.Context, w store.Work) (*flow.Preview, error) {
	return p.runner.Preview(ctx, p.destination, w)
}

// Draft says what the document of an order would be made of, without looking for it or the customer.
func (p *Previewer) Draft(ctx context.Context, w store.Work) *flow.Preview {
	return p.runner.PreviewDraft(ctx, p.destination, w)
}

// Close closes the connection.
func (p *Previewer) Close(ctx context.Context) {
	_ = p.dry.Connector.Close(context.WithoutCancel(ctx)) // it has read only
}
