package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// Edit is a change that a person makes to what the store holds.
type Edit struct {
	Who, Why string
	Now      time.Time
	// Change makes the change. It is called again when somebody else was faster, with what there is then.
	Change func(*State) error
}

// Make makes a change to what the store holds and gives what it did. A change of nothing writes nothing.
func Make(ctx context.Context, st *store.Store, registry []connector.Definition, edit Edit) (Plan, error) {
	for try := 1; ; try++ {
		plan, err := Planned(ctx, st, registry, edit.Change)
		if err != nil || plan.Empty() {
			return plan, err
		}
		err = st.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			return plan.Write(ctx, st, tx, edit.Who, edit.Why, edit.Now)
		})
		if err == nil {
			return plan, nil
		}
		if !errors.Is(err, store.ErrConfigChanged) || try == applyTries {
			return Plan{}, err
		}
	}
}

// Planned gives what a change would do, and does nothing.
func Planned(ctx context.Context, st *store.Store, registry []connector.Definition, change func(*State) error) (Plan, error) {
	have, err := Load(ctx, st)
	if err != nil {
		return Plan{}, err
	}
	want := have.present()
	if err := change(&want); err != nil {
		return Plan{}, err
	}
	return Diff(registry, have, want)
}

// present is a copy to be changed, without what was removed: to want that would restore it.
func (s State) present() State {
	s.Connections = slices.DeleteFunc(slices.Clone(s.Connections), func(c store.Connection) bool { return c.Removed })
	for i := range s.Connections {
		s.Connections[i].Settings = maps.Clone(s.Connections[i].Settings)
	}
	s.Flows = slices.DeleteFunc(slices.Clone(s.Flows), func(f store.Flow) bool { return f.Removed })
	return s
}

// NoFlowError says that there is no flow of a name.
type NoFlowError struct{ Name string }

func (e *NoFlowError) Error() string { return fmt.Sprintf("there is no flow %q", e.Name) }

// ChangeFlow changes the configuration of a flow.
func (s *State) ChangeFlow(name string, change func(*flow.Config) error) error {
	i := slices.IndexFunc(s.Flows, func(f store.Flow) bool { return f.Name == name })
	if i < 0 {
		return &NoFlowError{Name: name}
	}
	config, err := flow.ParseConfig(s.Flows[i].Config)
	if err != nil {
		return fmt.Errorf("flow %s: %w", name, err)
	}
	if err := change(&config); err != nil {
		return err
	}
	text, err := json.Marshal(config)
	if err != nil {
		return fmt.Errorf("flow %s: %w", name, err)
	}
	s.Flows[i].Config = string(text)
	return nil
}
