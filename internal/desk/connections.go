package desk

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// Connection is an account of a system and how it stands.
type Connection struct {
	ConnectionHealth

	Source      bool      `json:"source"`      // its system can be one
	Destination bool      `json:"destination"` // its system can be one
	Flows       []string  `json:"flows"`       // that it is an end of
	Lanes       int       `json:"lanes"`
	UpdatedAt   time.Time `json:"updated_at"`
	Hooks       Hooks     `json:"webhooks"`
}

// Hooks is how a connection's webhooks stand.
type Hooks struct {
	Able    bool   `json:"able"`              // the system sends webhooks that are understood
	Wanted  bool   `json:"wanted"`            // a flow takes them
	ByHand  bool   `json:"by_hand"`           // subscriptions are made by hand at the vendor
	Address string `json:"address,omitempty"` // where they arrive; "" without a public address
}

// ConnectionDetail is everything that is shown of a connection.
type ConnectionDetail struct {
	Connection

	// Values are the settings as they are stored; those that are hidden are left out.
	Values map[string]string `json:"settings"`
	// Hidden are the names of settings that have a value which is never shown.
	Hidden  []string        `json:"hidden_settings"`
	Ignored []store.Ignored `json:"ignored_webhooks"`
}

// ConnectionInput is a connection as a person enters it.
type ConnectionInput struct {
	Name   string `json:"name"`
	System string `json:"system"`
	// Settings are texts by name. A hidden setting that is empty or left out stays as it is stored, another
	// one that is left out has its default.
	Settings map[string]string `json:"settings"`
	// Forget are the names of hidden settings whose stored value is to go.
	Forget []string `json:"forget,omitempty"`
	Why    string   `json:"why,omitempty"`
}

// checkTime bounds how long a person waits for a check that follows a change.
const checkTime = 20 * time.Second

// Connections gives all connections by name.
func (d *Desk) Connections(ctx context.Context) ([]Connection, error) {
	list, err := d.present(ctx)
	if err != nil {
		return nil, err
	}
	flows, err := d.presentFlows(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Connection, len(list))
	for i, c := range list {
		out[i] = d.connectionOf(c, flows)
	}
	return out, nil
}

func (d *Desk) connectionOf(c store.Connection, flows []store.Flow) Connection {
	out := Connection{ConnectionHealth: d.healthOf(c), Lanes: c.Lanes, UpdatedAt: c.UpdatedAt, Flows: []string{}}
	out.Hooks.Address = d.node.HookAddress(c.Name)
	if definition, ok := d.definition(c.System); ok {
		out.Source, out.Destination = definition.Roles&connector.Source != 0, definition.Roles&connector.Destination != 0
	}
	if open, err := d.node.Connection(c.Name); err == nil {
		out.Hooks.Able = open.Conn.Receiver != nil
		out.Hooks.ByHand = out.Hooks.Able && open.Conn.Registrar == nil
	}
	for _, f := range flows {
		if f.Source != c.Name && f.Destination != c.Name {
			continue
		}
		out.Flows = append(out.Flows, f.Name)
		if config, err := parseFlow(f); err == nil && f.Source == c.Name && config.Triggers.Webhook {
			out.Hooks.Wanted = true
		}
	}
	return out
}

// Connection gives everything of one connection.
func (d *Desk) Connection(ctx context.Context, name string) (*ConnectionDetail, error) {
	list, err := d.present(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(c store.Connection) bool { return c.Name == name })
	if i < 0 {
		return nil, &NotFoundError{Text: "There is no connection " + name + "."}
	}
	flows, err := d.presentFlows(ctx)
	if err != nil {
		return nil, err
	}
	out := &ConnectionDetail{Connection: d.connectionOf(list[i], flows), Values: map[string]string{}, Hidden: []string{}}
	if out.Ignored, err = d.store.IgnoredHooks(ctx, name); err != nil {
		return nil, err
	}
	if definition, ok := d.definition(list[i].System); ok {
		for _, s := range config.SettingsOf(definition) {
			value, given := list[i].Settings[s.Name]
			switch {
			case !given:
			case !config.HidesValue(s, value):
				out.Values[s.Name] = value
			case value != "":
				out.Hidden = append(out.Hidden, s.Name)
			}
		}
	}
	return out, nil
}

// settings gives the settings to store: what was entered, over what is stored and hidden.
func (d *Desk) settings(in ConnectionInput, stored map[string]string) (map[string]string, error) {
	definition, ok := d.definition(in.System)
	if !ok {
		return nil, Invalid("system", "this Orderly cannot connect a system %q", in.System)
	}
	out, form := map[string]string{}, &FormError{}
	known := map[string]bool{}
	described := config.SettingsOf(definition)
	elsewhere := stored != nil && slices.ContainsFunc(described, func(s connector.Setting) bool {
		return !s.Secret && originOf(in.Settings[s.Name]) != originOf(stored[s.Name])
	})
	for _, s := range described {
		known[s.Name] = true
		text, given := in.Settings[s.Name]
		text = strings.TrimSpace(text)
		old, was := stored[s.Name]
		hidden := was && config.HidesValue(s, old)
		switch {
		case hidden && text == "" && slices.Contains(in.Forget, s.Name):
		case hidden && text == "" && elsewhere && s.Secret && old != "":
			form.Problems = append(form.Problems, FieldProblem{Field: s.Name, Message: "enter it again, because an address is another one: a secret is not sent to where it was not entered for"})
		case hidden && text == "":
			out[s.Name] = old
		case given && (text != s.Default || was) && (text != "" || (s.Type == connector.TypeString && s.Default != "")):
			out[s.Name] = text
		}
	}
	for name, text := range in.Settings {
		if !known[name] {
			out[name] = text // told as unknown, with the nearest that is known
		}
	}
	if len(form.Problems) > 0 {
		return nil, form
	}
	return out, nil
}

// originOf is where a setting that is an address leads: scheme, host and port; "" for other settings.
func originOf(setting string) string {
	u, err := url.Parse(strings.TrimSpace(setting))
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// prepare makes the connection to store of what a person entered, over the stored one if there is one.
func (d *Desk) prepare(in ConnectionInput, connections []store.Connection) (store.Connection, error) {
	var stored map[string]string
	if i := slices.IndexFunc(connections, func(c store.Connection) bool { return c.Name == in.Name && c.System == in.System }); i >= 0 {
		stored = connections[i].Settings
	}
	settings, err := d.settings(in, stored)
	return store.Connection{Name: in.Name, System: in.System, Settings: settings}, err
}

// TestConnection opens a connection as it was entered, signs in, and reads what the account is and may do.
// Nothing of it is stored.
func (d *Desk) TestConnection(ctx context.Context, in ConnectionInput) (node.Report, error) {
	state := config.State{}
	var err error
	if state.Connections, err = d.present(ctx); err != nil {
		return node.Report{}, err
	}
	c, err := d.prepare(in, state.Connections)
	if err != nil {
		return node.Report{}, err
	}
	if err := state.EnterConnection(d.definitions, c); err != nil {
		return node.Report{}, entered(err)
	}
	report, err := d.node.TryCheck(ctx, c)
	return report, entered(err)
}

// SaveConnection makes a connection, or with create false changes one. It is at work here when it returns.
func (d *Desk) SaveConnection(ctx context.Context, person people.Person, in ConnectionInput, create bool) error {
	if err := reason(in.Why, false); err != nil {
		return err
	}
	err := d.changeConfig(ctx, config.Edit{
		Who: person.Who(), Why: in.Why, Now: d.now(),
		Change: func(state *config.State) error {
			i := slices.IndexFunc(state.Connections, func(c store.Connection) bool { return c.Name == in.Name })
			switch {
			case create && i >= 0:
				return Invalid("name", "there is a connection of this name already; choose another one")
			case !create && i < 0:
				return &NotFoundError{Text: "There is no connection " + in.Name + " any more."}
			case !create:
				in.System = state.Connections[i].System
			}
			c, err := d.prepare(in, state.Connections)
			if err != nil {
				return err
			}
			if err := state.EnterConnection(d.definitions, c); err != nil {
				return err
			}
			return d.node.TryOpen(ctx, c)
		},
	})
	if err != nil {
		return entered(err)
	}
	d.checkSoon(ctx, in.Name)
	return nil
}

// checkSoon checks a connection after a change, so that who made it sees what came of it. It has no error:
// the check is repeated by itself.
func (d *Desk) checkSoon(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
	defer cancel()
	if _, err := d.node.Check(ctx, name); err != nil {
		d.log.WarnContext(ctx, "what a check found is not kept; it is repeated", "connection", name, "error", err)
	}
}

// RemoveConnection removes a connection that no flow needs. One that has a history is paused instead, and
// kept says so.
func (d *Desk) RemoveConnection(ctx context.Context, person people.Person, name, why string) (kept bool, err error) {
	if err := reason(why, true); err != nil {
		return false, err
	}
	err = d.changeConfig(ctx, config.Edit{
		Who: person.Who(), Why: why, Now: d.now(),
		Change: func(state *config.State) error { return state.DropConnection(name) },
	})
	if err != nil {
		return false, entered(err)
	}
	list, err := d.store.Connections(ctx)
	return slices.ContainsFunc(list, func(c store.Connection) bool { return c.Name == name }), err
}

// PauseConnection stops all calls to a connection's system, or lets them go on. Webhooks are taken
// meanwhile, and orders wait.
func (d *Desk) PauseConnection(ctx context.Context, person people.Person, name string, paused bool, why string) error {
	if err := d.hasConnection(ctx, name); err != nil {
		return err
	}
	return d.pause(ctx, person, "connection/"+name, paused, why, func(ctx context.Context, tx store.Tx) error {
		return d.store.PauseConnection(ctx, tx, name, paused, storedWhy(paused, why))
	})
}

func storedWhy(paused bool, why string) string {
	if !paused {
		return ""
	}
	return why
}

func (d *Desk) hasConnection(ctx context.Context, name string) error {
	list, err := d.present(ctx)
	if err == nil && !slices.ContainsFunc(list, func(c store.Connection) bool { return c.Name == name }) {
		err = &NotFoundError{Text: "There is no connection " + name + "."}
	}
	return err
}

// CheckConnection signs in to a connection now and keeps what it found.
func (d *Desk) CheckConnection(ctx context.Context, person people.Person, name string) (node.Report, error) {
	if err := d.hasConnection(ctx, name); err != nil {
		return node.Report{}, err
	}
	report, err := d.node.Check(ctx, name)
	if err != nil {
		return report, err
	}
	found := "in order"
	if !report.OK {
		found = "not in order"
	}
	return report, d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return d.store.Audit(ctx, tx, person.Who(), "check", "connection/"+name, "", found, d.now())
	})
}

// RepairWebhooks makes the webhook subscriptions at the vendor that are missing, and gives how they stand
// after it.
func (d *Desk) RepairWebhooks(ctx context.Context, person people.Person, name string) ([]connector.Subscription, error) {
	c, err := d.Connection(ctx, name)
	if err != nil {
		return nil, err
	}
	switch {
	case !c.Hooks.Able || c.Hooks.ByHand:
		return nil, Invalid("", "%s lets nobody but a person make webhook subscriptions; enter the address there by hand", c.Title)
	case c.Hooks.Address == "":
		return nil, Invalid("", "Orderly has no public address that webhooks could be sent to; set public_url in orderly.yaml, or --public-url")
	case !c.Hooks.Wanted:
		return nil, Invalid("", "no flow takes the webhooks of %s", name)
	case c.Paused:
		return nil, Invalid("", "%s is paused; resume it first", name)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	subscriptions, err := d.node.Intake().CheckWebhooks(ctx, name)
	if err != nil {
		return nil, told(err)
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return d.store.Audit(ctx, tx, person.Who(), "repair webhooks", "connection/"+name, "", fmt.Sprintf("%d subscriptions", len(subscriptions)), d.now())
	})
	if err != nil {
		return nil, err
	}
	d.checkSoon(ctx, name)
	return subscriptions, nil
}

// told turns a system's failure into one that is shown to the person who asked for the call.
func told(err error) error {
	if _, ok := errors.AsType[*connector.Error](err); ok {
		return Invalid("", "%v", err)
	}
	return err
}
