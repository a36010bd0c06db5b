package desk

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// Flow is a way from one connection to another and how it stands.
type Flow struct {
	Name      string       `json:"name"`
	From      string       `json:"from"`
	To        string       `json:"to"`
	Config    flow.Config  `json:"config"`
	Paused    bool         `json:"paused"`
	PausedWhy string       `json:"paused_why,omitempty"`
	UpdatedAt time.Time    `json:"updated_at"`
	Problem   string       `json:"problem,omitempty"` // why it does not run
	Orders    store.Counts `json:"orders"`            // that it has seen, by state
	// The source's poll; zero where it is not polled, or was not yet.
	PolledAt time.Time `json:"polled_at,omitzero"`
	NextPoll time.Time `json:"next_poll,omitzero"`
}

// FlowInput is a flow as a person enters it.
type FlowInput struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
	// Config is how it works. The mapping of a flow that is there already stays as it is: Maps and Mapping
	// change it.
	Config flow.Config `json:"config"`
	Why    string      `json:"why,omitempty"`
}

// parseFlow reads a flow's configuration.
func parseFlow(f store.Flow) (flow.Config, error) { return flow.ParseConfig(f.Config) }

// Flows gives all flows by name.
func (d *Desk) Flows(ctx context.Context) ([]Flow, error) {
	list, err := d.presentFlows(ctx)
	if err != nil {
		return nil, err
	}
	polled, err := d.node.Polled(ctx)
	if err != nil {
		return nil, err
	}
	problems, counts := d.node.Problems(), d.Figures().Counts
	out := make([]Flow, len(list))
	for i, f := range list {
		one := Flow{
			Name: f.Name, From: f.Source, To: f.Destination, Paused: f.Paused, PausedWhy: f.PausedWhy, UpdatedAt: f.UpdatedAt,
			Orders: countsOf(counts[f.Name]), PolledAt: polled[f.Source],
		}
		if err := problems[f.Name]; err != nil {
			one.Problem = strings.TrimPrefix(err.Error(), "flow "+f.Name+": ")
		}
		if one.Config, err = parseFlow(f); err != nil {
			one.Problem, one.Config = err.Error(), flow.NewConfig()
		}
		if schedule, err := flow.ParseSchedule(one.Config.Triggers.Schedule); err == nil && schedule != nil && !f.Paused {
			from := one.PolledAt
			if from.IsZero() {
				from = d.now()
			}
			one.NextPoll = schedule.Next(from)
		}
		out[i] = one
	}
	return out, nil
}

// Flow gives one flow.
func (d *Desk) Flow(ctx context.Context, name string) (*Flow, error) {
	list, err := d.Flows(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(f Flow) bool { return f.Name == name })
	if i < 0 {
		return nil, &NotFoundError{Text: "There is no flow " + name + "."}
	}
	return &list[i], nil
}

// nextRuns is how many coming runs of a schedule are shown.
const nextRuns = 3

// NextRuns gives the coming runs of a schedule, none when it is off.
func (d *Desk) NextRuns(schedule string) ([]time.Time, error) {
	parsed, err := flow.ParseSchedule(schedule)
	if err != nil {
		return nil, Invalid("triggers.schedule", "%v", err)
	}
	if parsed == nil {
		return nil, nil
	}
	var runs []time.Time
	at := d.now()
	for range nextRuns {
		at = parsed.Next(at)
		runs = append(runs, at)
	}
	return runs, nil
}

// Ends gives the connections that a flow can begin and end at.
func (d *Desk) Ends(ctx context.Context) (from, to []Connection, err error) {
	list, err := d.Connections(ctx)
	for _, c := range list {
		if c.Source {
			from = append(from, c)
		}
		if c.Destination {
			to = append(to, c)
		}
	}
	return from, to, err
}

// enterFlow makes or changes a flow in a configuration.
func (d *Desk) enterFlow(state *config.State, in FlowInput, create bool) ([]config.Problem, error) {
	i := slices.IndexFunc(state.Flows, func(f store.Flow) bool { return f.Name == in.Name })
	switch {
	case create && i >= 0:
		return nil, Invalid("name", "there is a flow of this name already; choose another one")
	case !create && i < 0:
		return nil, &NotFoundError{Text: "There is no flow " + in.Name + " any more."}
	case !create:
		present, err := parseFlow(state.Flows[i])
		if err != nil {
			return nil, err
		}
		in.Config.Mapping = present.Mapping
	}
	return state.EnterFlow(d.definitions, config.Flow{Name: in.Name, From: in.From, To: in.To, Config: in.Config})
}

// CheckFlow says what is wrong with a flow as it was entered, and what may well be a mistake. Nothing is
// stored.
func (d *Desk) CheckFlow(ctx context.Context, in FlowInput, create bool) (warnings []string, err error) {
	_, err = config.Planned(ctx, d.store, d.definitions, func(state *config.State) error {
		problems, err := d.enterFlow(state, in, create)
		warnings = texts(problems)
		return err
	})
	return warnings, entered(err)
}

// SaveFlow makes a flow, or with create false changes one, and gives what may well be a mistake of it. It
// is at work here when it returns.
func (d *Desk) SaveFlow(ctx context.Context, person people.Person, in FlowInput, create bool) (warnings []string, err error) {
	if err := reason(in.Why, false); err != nil {
		return nil, err
	}
	err = d.changeConfig(ctx, config.Edit{
		Who: person.Who(), Why: in.Why, Now: d.now(),
		Change: func(state *config.State) error {
			problems, err := d.enterFlow(state, in, create)
			warnings = texts(problems)
			return err
		},
	})
	return warnings, entered(err)
}

func texts(problems []config.Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, withFix(p.Message, p.Fix))
	}
	return out
}

// RemoveFlow removes a flow. One that has carried something is paused instead, and kept says so.
func (d *Desk) RemoveFlow(ctx context.Context, person people.Person, name, why string) (kept bool, err error) {
	if err := reason(why, true); err != nil {
		return false, err
	}
	err = d.changeConfig(ctx, config.Edit{
		Who: person.Who(), Why: why, Now: d.now(),
		Change: func(state *config.State) error { return state.DropFlow(name) },
	})
	if err != nil {
		return false, entered(err)
	}
	list, err := d.store.Flows(ctx)
	return slices.ContainsFunc(list, func(f store.Flow) bool { return f.Name == name }), err
}

// PauseFlow stops the deliveries of a flow, or lets them go on. Orders are taken meanwhile, and wait.
func (d *Desk) PauseFlow(ctx context.Context, person people.Person, name string, paused bool, why string) error {
	list, err := d.presentFlows(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(f store.Flow) bool { return f.Name == name }) {
		return &NotFoundError{Text: "There is no flow " + name + "."}
	}
	return d.pause(ctx, person, "flow/"+name, paused, why, func(ctx context.Context, tx store.Tx) error {
		return d.store.PauseFlow(ctx, tx, name, paused, storedWhy(paused, why))
	})
}

// ExportYAML gives the whole configuration as an orderly.yaml, with references in place of secrets.
func (d *Desk) ExportYAML(ctx context.Context) ([]byte, error) {
	state, err := config.Load(ctx, d.store)
	if err != nil {
		return nil, err
	}
	return config.Export(state, d.definitions)
}

// FlowFields describes the values of a flow, for forms.
func (d *Desk) FlowFields() []config.FlowField { return config.FlowFields() }

// MatchRules are the ways in which customers are found, in the order in which they are tried by default.
func MatchRules() []connector.MatchRule { return flow.NewConfig().Customers.Match }

// carries says whether a flow carries records of a kind.
func (f Flow) carries(kind commerce.Kind) bool { return slices.Contains(f.Config.Records, kind) }

// countsOf gives counts that are never nil.
func countsOf(counts store.Counts) store.Counts {
	if counts == nil {
		return store.Counts{}
	}
	return counts
}
