package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// What a person enters in a form is checked as a file is, value by value: the paths of problems are names
// of settings, fields of a flow.Config such as triggers.schedule, or name, system, from and to; "" is the
// whole.

// SettingsOf gives all settings of a connection of a system, with their defaults: those that every
// connection has, and the connector's own.
func SettingsOf(d connector.Definition) []connector.Setting { return settingsOf(d) }

// HidesValue says whether a setting's value is never shown: a secret, or an address with a password in it.
func HidesValue(s connector.Setting, value string) bool { return s.Secret || hasPassword(value) }

// EnterConnection makes or changes a connection; its settings are plain, without references. The error is
// an *Error with everything that is wrong.
func (s *State) EnterConnection(registry []connector.Definition, c store.Connection) error {
	r := &report{}
	if fix := wrongConnectionName(c.Name); fix != "" {
		r.fail(nil, keyName, fix, "is no name for a connection")
	}
	d, known := definitionOf(registry, c.System)
	if !known {
		r.fail(nil, keySystem, "choose one of the list", "there is no system %s", shown(c.System))
	} else {
		for _, problem := range bind(d, c.Settings) {
			r.fail(nil, problem.Setting, "", "%s", problem.Message)
		}
	}
	if err := r.err(""); err != nil {
		return err
	}
	c.Settings = maps.Clone(c.Settings)
	if i := slices.IndexFunc(s.Connections, func(o store.Connection) bool { return o.Name == c.Name }); i >= 0 {
		// That a connection becomes one of another system is for Diff to refuse.
		s.Connections[i].System, s.Connections[i].Settings = c.System, c.Settings
	} else {
		s.Connections = append(s.Connections, store.Connection{Name: c.Name, System: c.System, Settings: c.Settings})
	}
	return nil
}

// NoConnectionError says that there is no connection of a name.
type NoConnectionError struct{ Name string }

func (e *NoConnectionError) Error() string { return fmt.Sprintf("there is no connection %q", e.Name) }

// DropConnection removes a connection. One that a flow needs is refused with an *Error.
func (s *State) DropConnection(name string) error {
	i := slices.IndexFunc(s.Connections, func(c store.Connection) bool { return c.Name == name })
	if i < 0 {
		return &NoConnectionError{Name: name}
	}
	var flows []string
	for _, f := range s.Flows {
		if f.Source == name || f.Destination == name {
			flows = append(flows, f.Name)
		}
	}
	if len(flows) > 0 {
		r := &report{}
		r.fail(nil, "", "remove those first", "%s is needed by: %s", name, strings.Join(flows, ", "))
		return r.err("")
	}
	s.Connections = slices.Delete(s.Connections, i, i+1)
	return nil
}

// EnterFlow makes or changes a flow, and gives what may well be a mistake of the whole after it. The error
// is an *Error with everything that is wrong.
func (s *State) EnterFlow(registry []connector.Definition, f Flow) (warnings []Problem, err error) {
	r := &report{}
	if fix := wrongFlowName(f.Name); fix != "" {
		r.fail(nil, keyName, fix, "is no name for a flow")
	}
	s.checkEnd(r, registry, keyFrom, f.From, connector.Source)
	s.checkEnd(r, registry, keyTo, f.To, connector.Destination)
	if f.From != "" && f.From == f.To {
		r.fail(nil, keyTo, "name another connection", "the flow goes from %s to itself", f.From)
	}
	checkAllowed(r, "", reflect.ValueOf(f.Config))
	for _, problem := range f.Config.Check() {
		r.fail(nil, problem.Path, "", "%s", problem.Message)
	}
	if err := r.err(""); err != nil {
		return nil, err
	}
	before, err := s.readFlows()
	if err != nil {
		return nil, err
	}
	old := loopsOf(before)
	after := append(slices.DeleteFunc(before, func(o Flow) bool { return o.Name == f.Name }), f)
	slices.SortFunc(after, func(a, b Flow) int { return strings.Compare(a.Name, b.Name) })
	for _, l := range loopsOf(after) {
		switch {
		case l.warning:
			r.warn(nil, "", l.fix, "%s", l.message)
		case !slices.Contains(old, l):
			r.fail(nil, "", l.fix, "%s", l.message)
		}
	}
	if err := r.err(""); err != nil {
		return nil, err
	}
	text, err := json.Marshal(f.Config)
	if err != nil {
		return nil, fmt.Errorf("flow %s: %w", f.Name, err)
	}
	if i := slices.IndexFunc(s.Flows, func(o store.Flow) bool { return o.Name == f.Name }); i >= 0 {
		s.Flows[i].Source, s.Flows[i].Destination, s.Flows[i].Config = f.From, f.To, string(text)
	} else {
		s.Flows = append(s.Flows, store.Flow{Name: f.Name, Source: f.From, Destination: f.To, Config: string(text)})
	}
	return r.warnings, nil
}

// DropFlow removes a flow.
func (s *State) DropFlow(name string) error {
	i := slices.IndexFunc(s.Flows, func(f store.Flow) bool { return f.Name == name })
	if i < 0 {
		return &NoFlowError{Name: name}
	}
	s.Flows = slices.Delete(s.Flows, i, i+1)
	return nil
}

func (s *State) checkEnd(r *report, registry []connector.Definition, key, name string, role connector.Role) {
	i := slices.IndexFunc(s.Connections, func(c store.Connection) bool { return c.Name == name })
	switch {
	case name == "":
		r.fail(nil, key, "choose a connection", "is missing")
		return
	case i < 0:
		r.fail(nil, key, "choose one of the list", "there is no connection %s", shown(name))
		return
	}
	if d, ok := definitionOf(registry, s.Connections[i].System); ok && d.Roles&role == 0 {
		r.fail(nil, key, "choose another one", "%s is a connection of %s, which can be no %s", name, d.Title, roleName(role))
	}
}

// checkAllowed fails on values that are not among the allowed ones.
func checkAllowed(r *report, path string, v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		at, value := join(path, f.name), v.Field(f.index)
		if value.Kind() == reflect.Struct {
			checkAllowed(r, at, value)
			continue
		}
		if len(f.allowed) == 0 {
			continue
		}
		texts := []string{}
		if value.Kind() == reflect.Slice {
			for i := range value.Len() {
				texts = append(texts, value.Index(i).String())
			}
		} else {
			texts = append(texts, value.String())
		}
		for i, text := range texts {
			switch {
			case !slices.Contains(f.allowed, text):
				r.fail(nil, at, meant(text, f.allowed), "%s is not one of the values here", shown(text))
			case slices.Contains(texts[:i], text):
				r.fail(nil, at, "keep one", "%s stands twice in this list", shown(text))
			}
		}
	}
}

// readFlows gives the flows with their configurations read.
func (s *State) readFlows() ([]Flow, error) {
	flows := make([]Flow, len(s.Flows))
	for i, f := range s.Flows {
		c, err := flow.ParseConfig(f.Config)
		if err != nil {
			return nil, fmt.Errorf("flow %s: %w", f.Name, err)
		}
		flows[i] = Flow{Name: f.Name, From: f.Source, To: f.Destination, Config: c}
	}
	return flows, nil
}

func definitionOf(registry []connector.Definition, system string) (connector.Definition, bool) {
	i := slices.IndexFunc(registry, func(d connector.Definition) bool { return d.Name == system })
	if i < 0 {
		return connector.Definition{}, false
	}
	return registry[i], true
}

// FlowField describes a value of a flow.
type FlowField struct {
	Path    string   `json:"path"` // such as triggers.schedule
	Help    string   `json:"help"`
	Allowed []string `json:"allowed,omitempty"` // of the value, or of each value of a list
	Default string   `json:"default,omitempty"`
}

// FlowFields describes the values of a flow, tables of mappings left out.
func FlowFields() []FlowField {
	var fields []FlowField
	describe("", reflect.ValueOf(flow.NewConfig()), func(f FlowField) { fields = append(fields, f) })
	return fields
}

func describe(path string, defaults reflect.Value, tell func(FlowField)) {
	for _, f := range fieldsOf(defaults.Type()) {
		value := defaults.Field(f.index)
		switch value.Kind() {
		case reflect.Struct:
			describe(join(path, f.name), value, tell)
		case reflect.Map:
		default:
			tell(FlowField{Path: join(path, f.name), Help: f.help, Allowed: f.allowed, Default: leafText(value)})
		}
	}
}
