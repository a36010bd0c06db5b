package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/secret"
	"github.com/orderlyhq/orderly/internal/store"
)

// Connection is an open connection with its way out.
type Connection struct {
	Name     string
	Settings *httpx.Settings
	Conn     *connector.Conn
	Gate     *httpx.Gate
	Paused   bool

	definition connector.Definition
	values     map[string]string // the connector's own, for connections that are opened beside
	env        connector.Env
	stored     store.Connection // what it was opened from
}

// as gives the open connection for what the store holds now, when only its pause may have changed:
// sessions and budgets go on.
func (c *Connection) as(now store.Connection) (*Connection, bool) {
	if c == nil || c.stored.System != now.System || !maps.Equal(c.stored.Settings, now.Settings) {
		return nil, false
	}
	same := *c
	same.stored, same.Paused = now, now.Paused
	return &same, true
}

// callMeter hears of a connection's calls.
type callMeter interface {
	Request(o httpx.Observation)
	Breaker(connection, state string)
}

// opener opens connections.
type opener struct {
	definitions map[string]connector.Definition
	store       *store.Store
	node        string
	options     *Options
	meter       callMeter
	trial       bool // nothing of what it opens is kept
}

// UnknownSystemError says that no connector is there for a connection's system.
type UnknownSystemError struct{ Connection, System string }

func (e *UnknownSystemError) Error() string {
	return fmt.Sprintf("connection %s: this Orderly has no connector for the system %q", e.Connection, e.System)
}

// open opens one connection; it calls nothing.
func (o *opener) open(ctx context.Context, c store.Connection) (*Connection, error) {
	definition, ok := o.definitions[c.System]
	if !ok {
		return nil, &UnknownSystemError{Connection: c.Name, System: c.System}
	}
	settings, own, problems := httpx.BindSettings(definition.Traits, c.Settings)
	if len(problems) > 0 {
		return nil, &connector.SettingsError{Connection: c.Name, Problems: problems}
	}
	redactor := secret.NewRedactor()
	for _, s := range definition.New().Settings() {
		if s.Secret {
			redactor.Add(own[s.Name])
		}
	}
	gate, err := httpx.NewGate(httpx.Options{
		Connection: c.Name, Settings: settings, UserAgent: "Orderly/" + o.options.Version, Redactor: redactor,
		Observe: o.meter.Request, OnBreaker: o.meter.Breaker,
	})
	if err != nil {
		if problem, ok := errors.AsType[*connector.SettingError](err); ok {
			return nil, &connector.SettingsError{Connection: c.Name, Problems: []*connector.SettingError{problem}}
		}
		return nil, fmt.Errorf("connection %s: %w", c.Name, err)
	}
	opened := &Connection{
		Name: c.Name, Settings: settings, Gate: gate, Paused: c.Paused, definition: definition, values: own, stored: c,
		env: connector.Env{
			Connection: c.Name, BaseURL: settings.BaseURL, HTTP: gate.Client(),
			State: o.state(c.Name),
			Log:   o.options.Log.With(slog.String("connection", c.Name)), Now: o.options.Now,
		},
	}
	if opened.Conn, err = connector.Open(ctx, definition, own, opened.env); err != nil {
		gate.Close()
		return nil, err
	}
	return opened, nil
}

func (o *opener) state(connection string) connector.State {
	if o.trial {
		return &trialState{}
	}
	return &connectionState{store: o.store, connection: connection, owner: o.node, now: o.options.Now}
}

// DryRun opens the connection once more, with a client that refuses every request that could change
// the system. The caller closes it.
func (c *Connection) DryRun(ctx context.Context) (*connector.Conn, error) {
	env := c.env
	env.HTTP = c.Gate.DryRunClient()
	return connector.Open(ctx, c.definition, c.values, env)
}

func (c *Connection) close(ctx context.Context, log *slog.Logger) {
	if err := c.Conn.Connector.Close(ctx); err != nil {
		log.WarnContext(ctx, "connection not closed in order", "connection", c.Name, "error", err)
	}
	c.Gate.Close()
}

// openAll opens all connections but those that are open already as they should be; those that cannot
// be opened are told with the reason.
func (o *opener) openAll(ctx context.Context, list []store.Connection, before map[string]*Connection) (open map[string]*Connection, failed map[string]error) {
	open, failed = map[string]*Connection{}, map[string]error{}
	for _, c := range list {
		if same, ok := before[c.Name].as(c); ok {
			open[c.Name] = same
			continue
		}
		opened, err := o.open(ctx, c)
		if err != nil {
			failed[c.Name] = err
			continue
		}
		open[c.Name] = opened
	}
	return open, failed
}

// byName puts a list of definitions in order by name.
func byName(list []connector.Definition) map[string]connector.Definition {
	out := make(map[string]connector.Definition, len(list))
	for _, d := range list {
		out[d.Name] = d
	}
	return out
}

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
