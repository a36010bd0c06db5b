package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// Action is what a change does.
type Action string

// Actions.
const (
	Create  Action = "create"
	Modify  Action = "change"
	Remove  Action = "remove"  // what has a history is paused instead, and kept
	Restore Action = "restore" // what was removed and kept
)

// Kinds of things that change.
const (
	KindConnection   = "connection"
	KindFlow         = "flow"
	KindInstallation = "installation" // values of the whole: public_url
)

// Change is one step from what the store holds to what a file wants.
type Change struct {
	Action  Action   `json:"action"`
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Details []Detail `json:"details,omitempty"`
}

// Detail is one value that changes. A secret's values are left out.
type Detail struct {
	Path   string `json:"path"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	Secret bool   `json:"secret,omitempty"`
}

// Plan is all changes, in the order in which Apply makes them.
type Plan struct {
	Changes []Change `json:"changes"`

	want    State
	have    map[string]store.Flow // by name
	version string                // what the store must still hold
}

// Empty says whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Changes) == 0 }

// SystemChangedError says that a connection's name is that of an account of another system, whose
// records would be taken for those of the new one.
type SystemChangedError struct{ Connection, Before, After string }

func (e *SystemChangedError) Error() string {
	return fmt.Sprintf("connection %s is of the system %s and cannot become one of %s, because its records would be mixed; give the new one another name", e.Connection, e.Before, e.After)
}

// EndsChangedError says that a flow that has carried records would go from or to another connection: what it has
// delivered would stay where it is, and could not be found again.
type EndsChangedError struct{ Flow, From, To string }

func (e *EndsChangedError) Error() string {
	return fmt.Sprintf("flow %s has carried records from %s to %s and cannot get other ends; remove it, and give the new one another name", e.Flow, e.From, e.To)
}

// Diff gives the changes that lead from what the store holds to what is wanted.
func Diff(registry []connector.Definition, have, want State) (Plan, error) {
	flows := map[string]store.Flow{}
	for _, f := range have.Flows {
		flows[f.Name] = f
	}
	plan := Plan{Changes: []Change{}, want: want, have: maps.Clone(flows), version: have.version}
	secrets := secretNames(registry)
	add := func(action Action, kind, name string, details []Detail) {
		plan.Changes = append(plan.Changes, Change{Action: action, Kind: kind, Name: name, Details: details})
	}
	if have.PublicURL != want.PublicURL {
		add(Modify, KindInstallation, keyPublicURL, []Detail{{Path: keyPublicURL, Before: have.PublicURL, After: want.PublicURL}})
	}
	before := map[string]store.Connection{}
	for _, c := range have.Connections {
		before[c.Name] = c
	}
	for _, c := range want.Connections {
		old, exists := before[c.Name]
		delete(before, c.Name)
		if exists && old.System != c.System {
			return Plan{}, &SystemChangedError{Connection: c.Name, Before: old.System, After: c.System}
		}
		secret := secrets[c.System]
		if secret == nil {
			secret = func(string) bool { return true } // nothing is known of them
		}
		details := difference(old.Settings, c.Settings, secret)
		switch {
		case !exists:
			add(Create, KindConnection, c.Name, append([]Detail{{Path: keySystem, After: c.System}}, details...))
		case old.Removed:
			add(Restore, KindConnection, c.Name, details)
		case len(details) > 0:
			add(Modify, KindConnection, c.Name, details)
		}
	}
	for _, f := range want.Flows {
		old, exists := flows[f.Name]
		delete(flows, f.Name)
		if exists && have.carried[f.Name] && (old.Source != f.Source || old.Destination != f.Destination) {
			return Plan{}, &EndsChangedError{Flow: f.Name, From: old.Source, To: old.Destination}
		}
		details := difference(flowValues(old, exists), flowValues(f, exists), nil)
		switch {
		case !exists:
			add(Create, KindFlow, f.Name, details)
		case old.Removed:
			add(Restore, KindFlow, f.Name, details)
		case len(details) > 0:
			add(Modify, KindFlow, f.Name, details)
		}
	}
	// Flows go before the connections that they need.
	for _, name := range slices.Sorted(maps.Keys(flows)) {
		if !flows[name].Removed {
			add(Remove, KindFlow, name, nil)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if !before[name].Removed {
			add(Remove, KindConnection, name, nil)
		}
	}
	return plan, nil
}

// secretNames gives the names of secret settings by system.
func secretNames(registry []connector.Definition) map[string]func(string) bool {
	secrets := map[string]func(string) bool{}
	for _, d := range registry {
		plain := map[string]bool{}
		for _, s := range settingsOf(d) {
			plain[s.Name] = !s.Secret
		}
		secrets[d.Name] = func(name string) bool { return !plain[name] }
	}
	return secrets
}

// difference gives the values that differ, by name; a nil secret makes none of them secret.
func difference(before, after map[string]string, secret func(string) bool) []Detail {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	var details []Detail
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, was := before[name]
		now, is := after[name]
		if was == is && old == now {
			continue
		}
		d := Detail{Path: name, Before: old, After: now}
		if secret != nil && (secret(name) || hasPassword(old) || hasPassword(now)) {
			d = Detail{Path: name, Secret: true}
		}
		details = append(details, d)
	}
	return details
}

// flowValues gives the values of a flow by path: all, or those that are not the defaults. Configurations are
// compared by what they mean, so that a newer Orderly with a new field finds no difference in an old
// one.
func flowValues(f store.Flow, all bool) map[string]string {
	if f.Name == "" {
		return nil
	}
	values := map[string]string{keyFrom: f.Source, keyTo: f.Destination}
	config, err := flow.ParseConfig(f.Config)
	if err != nil {
		values["configuration"] = "cannot be read by this version"
		return values
	}
	leaves("", reflect.ValueOf(config), reflect.ValueOf(flow.NewConfig()), func(path string, v reflect.Value, preset bool) {
		if all || !preset {
			values[path] = leafText(v)
		}
	})
	return values
}

// leaves shows each value of a configuration struct, and whether it is the default; rows of tables
// are values of their own.
func leaves(path string, v, defaults reflect.Value, show func(path string, v reflect.Value, preset bool)) {
	for _, f := range fieldsOf(v.Type()) {
		at, value, preset := join(path, f.name), v.Field(f.index), defaults.Field(f.index)
		switch value.Kind() {
		case reflect.Struct:
			leaves(at, value, preset, show)
		case reflect.Map:
			for _, key := range sortedKeys(value) {
				show(join(at, key.String()), value.MapIndex(key), false)
			}
		default:
			show(at, value, leafText(value) == leafText(preset))
		}
	}
}

func sortedKeys(m reflect.Value) []reflect.Value {
	return slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
}

// leafText is a value of a configuration as a person reads it.
func leafText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = leafText(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return v.Interface().(*money.Decimal).String()
	default:
		return fmt.Sprint(v.Interface())
	}
}

// Text is the plan as a person reads it before it is applied.
func (p Plan) Text() string {
	signs := map[Action]string{Create: "+", Modify: "~", Remove: "-", Restore: "+"}
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%s %s %s %s\n", signs[c.Action], c.Action, c.Kind, c.Name)
		if c.Action == Remove {
			b.WriteString("    what it has carried is kept\n")
		}
		for _, d := range c.Details {
			switch {
			case d.Secret && c.Action == Create:
				fmt.Fprintf(&b, "    %s: (secret)\n", d.Path)
			case d.Secret:
				fmt.Fprintf(&b, "    %s: changed (secret)\n", d.Path)
			case d.Before == "":
				fmt.Fprintf(&b, "    %s: %s\n", d.Path, d.After)
			case d.After == "":
				fmt.Fprintf(&b, "    %s: %s → (none)\n", d.Path, d.Before)
			default:
				fmt.Fprintf(&b, "    %s: %s → %s\n", d.Path, d.Before, d.After)
			}
		}
	}
	return b.String()
}

// Apply makes a plan's changes in one transaction, each with its entry in the audit. It fails with
// store.ErrConfigChanged when the configuration is not the one any more that the plan was made for.
func Apply(ctx context.Context, st *store.Store, plan Plan, who string, now time.Time) error {
	return st.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return plan.Write(ctx, st, tx, who, whyApplied, now)
	})
}

const (
	// whyApplied is why a file's changes are made.
	whyApplied = "configuration applied"
	// maxAudited bounds the values that the audit has of one change: a table of mappings has its own history.
	maxAudited = 200
)

// Write is Apply in a transaction of the caller's, for a change that needs more written with it.
func (p Plan) Write(ctx context.Context, st *store.Store, tx store.Tx, who, why string, now time.Time) error {
	if p.Empty() {
		return nil
	}
	if err := st.ChangeConfig(ctx, tx, p.version); err != nil {
		return err
	}
	for _, c := range p.Changes {
		if err := p.make(ctx, st, tx, c, who, why, now); err != nil {
			return err
		}
		details := c.Details
		if more := len(details) - maxAudited; more > 0 {
			details = append(slices.Clone(details[:maxAudited]), Detail{Path: fmt.Sprintf("and %d more values", more)})
		}
		detail, err := json.Marshal(details)
		if err != nil {
			return err
		}
		if err := st.Audit(ctx, tx, who, string(c.Action), c.Kind+"/"+c.Name, why, string(detail), now); err != nil {
			return err
		}
	}
	return nil
}

func (p Plan) make(ctx context.Context, st *store.Store, tx store.Tx, c Change, who, why string, now time.Time) error {
	switch {
	case c.Kind == KindInstallation:
		return st.SetMeta(ctx, tx, store.MetaPublicURL, p.want.PublicURL)
	case c.Kind == KindConnection && c.Action == Remove:
		return st.RemoveConnection(ctx, tx, c.Name)
	case c.Kind == KindFlow && c.Action == Remove:
		return st.RemoveFlow(ctx, tx, c.Name)
	case c.Kind == KindConnection:
		i := slices.IndexFunc(p.want.Connections, func(w store.Connection) bool { return w.Name == c.Name })
		if err := st.SaveConnection(ctx, tx, p.want.Connections[i], now); err != nil || c.Action != Restore {
			return err
		}
		return st.RestoreConnection(ctx, tx, c.Name)
	default:
		i := slices.IndexFunc(p.want.Flows, func(w store.Flow) bool { return w.Name == c.Name })
		if err := st.SaveFlow(ctx, tx, p.want.Flows[i], now); err != nil {
			return err
		}
		changes, err := p.mapChanges(c.Name, who, why, now)
		if err != nil {
			return err
		}
		if err := st.AddMapChanges(ctx, tx, changes); err != nil || c.Action != Restore {
			return err
		}
		return st.RestoreFlow(ctx, tx, c.Name, now)
	}
}

// applyTries is how often Ensure starts anew when nodes that start together apply the same file.
const applyTries = 5

// Ensure brings the store to what is wanted, and gives what was done. Several nodes may do it at
// once with the same file.
func Ensure(ctx context.Context, st *store.Store, registry []connector.Definition, want State, who string, now time.Time) (Plan, error) {
	for try := 1; ; try++ {
		have, err := Load(ctx, st)
		if err != nil {
			return Plan{}, err
		}
		plan, err := Diff(registry, have, want)
		if err != nil {
			return Plan{}, err
		}
		err = Apply(ctx, st, plan, who, now)
		if err == nil {
			return plan, nil
		}
		if !errors.Is(err, store.ErrConfigChanged) || try == applyTries {
			return Plan{}, err
		}
	}
}
