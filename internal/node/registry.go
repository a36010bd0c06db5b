package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/intake"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/store"
)

// registry is everything that is open at a time. It is never changed: a new configuration makes a
// new one.
type registry struct {
	connections  map[string]*Connection
	failed       map[string]error // connections and flows that could not be opened, by name
	flows        map[string]*flow.Flow
	destinations map[string]*flow.Destination
	sources      map[string]*intake.Source
	schedules    map[string][]flow.Schedule // of polls, by source
	hooks        map[string]bool            // sources whose webhooks a flow wants
	paused       map[string]bool            // flows
}

// wantsHooks says whether a source's webhook subscriptions are to be kept in order.
func (r *registry) wantsHooks(name string) bool {
	source := r.sources[name]
	return source != nil && r.hooks[name] && source.Conn.Registrar != nil && source.Address != ""
}

// otherConnection says whether a connection is not what it was before: another account or address, or not paused any more.
func (r *registry) otherConnection(before *registry, name string) bool {
	now, old := r.connections[name], before.connections[name]
	return old == nil || old.Gate != now.Gate || old.Paused && !now.Paused
}

// otherHooks says whether a source's subscriptions are to be others than before.
func (r *registry) otherHooks(before *registry, name string) bool {
	if !before.wantsHooks(name) || r.otherConnection(before, name) {
		return true
	}
	now, old := r.sources[name], before.sources[name]
	return now.Address != old.Address || !slices.Equal(now.Kinds, old.Kinds)
}

// Source implements intake.Sources.
func (r *registry) Source(name string) (*intake.Source, bool) {
	s, ok := r.sources[name]
	return s, ok
}

// Flow implements flow.Registry.
func (r *registry) Flow(name string) (*flow.Flow, bool) {
	f, ok := r.flows[name]
	return f, ok
}

// Destination implements flow.Registry.
func (r *registry) Destination(name string) (*flow.Destination, bool) {
	d, ok := r.destinations[name]
	return d, ok
}

func newRegistry(connections map[string]*Connection, failed map[string]error) *registry {
	return &registry{
		connections: connections, failed: failed,
		flows: map[string]*flow.Flow{}, destinations: map[string]*flow.Destination{}, sources: map[string]*intake.Source{},
		schedules: map[string][]flow.Schedule{}, hooks: map[string]bool{}, paused: map[string]bool{},
	}
}

// openRegistry opens what the store holds; connections that were open before and have not changed go
// on. ready, if not nil, is called when the connections are open and before the flows are.
func openRegistry(ctx context.Context, o *Options, st *store.Store, meter Meter, node string, before map[string]*Connection,
	ready func(context.Context, *registry) error,
) (*registry, []store.Flow, error) {
	connections, err := st.Connections(ctx)
	if err != nil {
		return nil, nil, err
	}
	flows, err := st.Flows(ctx)
	if err != nil {
		return nil, nil, err
	}
	opener := &opener{definitions: byName(o.Definitions), store: st, node: node, options: o, meter: meter}
	r := newRegistry(opener.openAll(ctx, connections, before))
	if ready != nil {
		if err := ready(ctx, r); err != nil {
			return nil, nil, err
		}
	}
	for _, f := range flows {
		r.addFlow(o, f)
	}
	return r, flows, nil
}

func (r *registry) connection(name string) (*Connection, error) {
	if c, ok := r.connections[name]; ok {
		return c, nil
	}
	if err, ok := r.failed[name]; ok {
		return nil, err
	}
	return nil, fmt.Errorf("there is no connection %q%s", name, didYouMean(name, sortedNames(r.connections)))
}

func didYouMean(name string, known []string) string {
	if nearest := connector.Nearest(name, known); nearest != "" {
		return "; did you mean " + nearest + "?"
	}
	return ""
}

// addFlow opens a flow over its connections. A flow that cannot be opened is told with the reason;
// its records wait.
func (r *registry) addFlow(o *Options, f store.Flow) {
	if err := r.openFlow(o, f); err != nil {
		r.failed[f.Name] = fmt.Errorf("flow %s: %w", f.Name, err)
	}
}

func (r *registry) openFlow(o *Options, f store.Flow) error {
	config, err := flow.ParseConfig(f.Config)
	if err != nil {
		return err
	}
	from, ok := r.connections[f.Source]
	if !ok {
		return fmt.Errorf("its source %s is not open", f.Source)
	}
	to, ok := r.connections[f.Destination]
	if !ok {
		// Intake goes on: what comes meanwhile waits for the destination.
		r.route(o, f, config, from, nil)
		return fmt.Errorf("its destination %s is not open", f.Destination)
	}
	mapper, err := mapping.New(config.Mapping, config.Filter)
	if err != nil {
		return err
	}
	r.flows[f.Name] = &flow.Flow{Name: f.Name, Config: config, Mapper: mapper, Source: from.Conn, Destination: f.Destination, Removed: f.Removed}
	if r.destinations[f.Destination] == nil {
		d := flow.NewDestination(f.Destination, to.Conn, to.Settings.SettleTime, o.Now)
		d.Paused = to.Paused
		r.destinations[f.Destination] = d
	}
	r.paused[f.Name] = f.Paused
	r.route(o, f, config, from, to)
	return nil
}

// hookAddress is where a connection's webhooks arrive; "" without a public address.
func (o *Options) hookAddress(connection string) string {
	if o.PublicURL == "" {
		return ""
	}
	return strings.TrimRight(o.PublicURL, "/") + "/hooks/" + connection
}

// route lets the records of a source go to a flow. One that was removed is open for who looks at what it has carried,
// and takes nothing new.
func (r *registry) route(o *Options, f store.Flow, config flow.Config, from, to *Connection) {
	if f.Removed {
		return
	}
	source := r.sources[f.Source]
	if source == nil {
		source = &intake.Source{
			Name: f.Source, Conn: from.Conn, Lanes: from.Settings.Concurrency, Paused: from.Paused,
			Routes: map[commerce.Kind][]store.Route{}, Address: o.hookAddress(f.Source),
		}
		r.sources[f.Source] = source
	}
	lanes := 1
	if to != nil {
		lanes = to.Settings.Concurrency
	}
	for _, kind := range config.Records {
		source.Routes[kind] = append(source.Routes[kind], store.Route{Flow: f.Name, Destination: f.Destination, Lanes: lanes})
		if !slices.Contains(source.Kinds, kind) {
			source.Kinds = append(source.Kinds, kind)
		}
	}
	// ParseConfig's caller has checked both when the flow was made.
	if since, err := config.SinceTime(); err == nil && !since.IsZero() && (source.Since.IsZero() || since.Before(source.Since)) {
		source.Since = since
	}
	if schedule, err := flow.ParseSchedule(config.Triggers.Schedule); err == nil && schedule != nil {
		r.schedules[f.Source] = append(r.schedules[f.Source], schedule)
	}
	if config.Triggers.Webhook {
		r.hooks[f.Source] = true
	}
}
