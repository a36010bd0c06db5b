package config

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orderlyhq/orderly/internal/secret"
	"github.com/orderlyhq/orderly/internal/store"
)

// State is a configuration as the store holds it, with its secrets: it must not be shown.
type State struct {
	PublicURL   string
	Connections []store.Connection // by name; only name, system, settings and pause
	Flows       []store.Flow       // by name; only name, ends, configuration and pause

	carried map[string]bool // flows that have carried something
	version string          // of what was loaded
}

// Resolve replaces the references of a file and checks the values that they lead to. The error is an
// *Error with everything that is wrong, at the lines where the references stand.
func (f *File) Resolve(resolver *secret.Resolver) (State, error) {
	r := &report{}
	var state State
	resolve := func(at *node, path, text string) string {
		value, err := resolver.Resolve(text)
		if err != nil {
			r.fail(at, path, "", "%v", err)
		}
		return value
	}
	if f.PublicURL != "" {
		at := f.root.get(keyPublicURL)
		before := len(r.problems)
		clean, err := checkPublicURL(resolve(at, keyPublicURL, f.PublicURL))
		if err != nil && len(r.problems) == before {
			r.fail(at, keyPublicURL, "set the variable to an address such as "+publicURLExample, "%v", err)
		}
		state.PublicURL = clean
	}
	for _, c := range f.Connections {
		path, at := join(keyConnections, c.Name), f.root.get(keyConnections).get(c.Name)
		settings := make(map[string]string, len(c.Settings))
		before := len(r.problems)
		for name, text := range c.Settings {
			settings[name] = resolve(at.get(name), join(path, name), text)
		}
		if len(r.problems) == before {
			for _, problem := range bind(f.systems[c.System], settings) {
				r.fail(at.find(problem.Setting), join(path, problem.Setting), "", "%s", problem.Message)
			}
		}
		state.Connections = append(state.Connections, store.Connection{Name: c.Name, System: c.System, Settings: settings})
	}
	for _, fl := range f.Flows {
		text, err := json.Marshal(fl.Config)
		if err != nil {
			return State{}, fmt.Errorf("flow %s: %w", fl.Name, err)
		}
		state.Flows = append(state.Flows, store.Flow{Name: fl.Name, Source: fl.From, Destination: fl.To, Config: string(text)})
	}
	if err := r.err(f.Name); err != nil {
		return State{}, err
	}
	return state, nil
}

// Load reads what the store holds.
func Load(ctx context.Context, st *store.Store) (State, error) {
	var state State
	var err error
	// First the version: a change in between is then found when a plan is applied.
	if state.version, err = st.Meta(ctx, store.MetaConfigVersion); err != nil {
		return State{}, err
	}
	if state.PublicURL, err = st.Meta(ctx, store.MetaPublicURL); err != nil {
		return State{}, err
	}
	if state.Connections, err = st.Connections(ctx); err != nil {
		return State{}, err
	}
	if state.Flows, err = st.Flows(ctx); err != nil {
		return State{}, err
	}
	state.carried = make(map[string]bool, len(state.Flows))
	for _, f := range state.Flows {
		if state.carried[f.Name], err = st.HasTasks(ctx, f.Name); err != nil {
			return State{}, err
		}
	}
	return state, nil
}
