package desk

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// Rules are how a flow maps beside its tables: what is carried, fields set by expressions, and the policies
// that decide what a document looks like.
type Rules struct {
	Filter         string                  `json:"filter"`
	OrderFields    map[string]string       `json:"order_fields"`
	CustomerFields map[string]string       `json:"customer_fields"`
	PaymentStates  []commerce.PaymentState `json:"payment_states"` // empty carries all
	Confirm        bool                    `json:"confirm"`
	Invoice        flow.InvoicePolicy      `json:"invoice"`
	Edits          flow.Reaction           `json:"edits"`
	Cancellations  flow.Reaction           `json:"cancellations"`
	Tolerance      string                  `json:"tolerance"` // "" follows from the number of lines
	Guests         flow.GuestPolicy        `json:"guests"`
	GuestAccount   string                  `json:"guest_account"`
	CreateMissing  bool                    `json:"create_customers"`
}

// RuleProblem is a mistake in rules.
type RuleProblem struct {
	Path    string `json:"path"` // as in orderly.yaml: filter, mapping.order_fields.note, orders.tolerance
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"` // in the expression, from 1
	Column  int    `json:"column,omitempty"`
}

// RulesError is everything that is wrong with rules.
type RulesError struct{ Problems []RuleProblem }

func (e *RulesError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.Path + ": " + p.Message
	}
	return strings.Join(texts, "\n")
}

// Limits of rules.
const (
	maxFields     = 200
	maxExpression = 4000
	// mostRules bounds what one change can do: remove all fields of orders and of customers, add as many, and set the rest.
	mostRules = 4*maxFields + 20
)

func rulesOf(c flow.Config) Rules {
	r := Rules{
		Filter: c.Filter, OrderFields: maps.Clone(c.Mapping.OrderFields), CustomerFields: maps.Clone(c.Mapping.CustomerFields),
		PaymentStates: c.Orders.PaymentStates, Confirm: c.Orders.Confirm, Invoice: c.Orders.Invoice, Edits: c.Orders.Edits, Cancellations: c.Orders.Cancellations,
		Guests: c.Customers.Guests, GuestAccount: c.Customers.GuestAccount, CreateMissing: c.Customers.Create,
	}
	if c.Orders.Tolerance != nil {
		r.Tolerance = c.Orders.Tolerance.String()
	}
	return r
}

// put changes a configuration, and says everything that is wrong with the rules.
func (r Rules) put(c *flow.Config) error {
	var problems []RuleProblem
	fail := func(path, format string, args ...any) {
		problems = append(problems, RuleProblem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	for area, fields := range map[string]map[string]string{"mapping.order_fields": r.OrderFields, "mapping.customer_fields": r.CustomerFields} {
		if len(fields) > maxFields {
			fail(area, "has more than %d fields", maxFields)
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			switch {
			case strings.TrimSpace(name) == "" || !isText(name) || utf8.RuneCountInString(name) > maxMapText:
				fail(area+"."+name, "needs the name of a field of the ERP")
			case utf8.RuneCountInString(fields[name]) > maxExpression:
				fail(area+"."+name, "is longer than %d characters", maxExpression)
			case strings.TrimSpace(fields[name]) == "":
				fail(area+"."+name, "has no expression")
			}
		}
	}
	if utf8.RuneCountInString(r.Filter) > maxExpression {
		fail("filter", "is longer than %d characters", maxExpression)
	}
	mustBe(fail, "orders.invoice", r.Invoice, flow.InvoiceNever, flow.InvoicePaid, flow.InvoiceAlways)
	mustBe(fail, "orders.edits", r.Edits, flow.ReactApply, flow.ReactHold, flow.ReactIgnore)
	mustBe(fail, "orders.cancellations", r.Cancellations, flow.ReactApply, flow.ReactHold, flow.ReactIgnore)
	mustBe(fail, "customers.guests", r.Guests, flow.GuestsByEmail, flow.GuestsPerOrder, flow.GuestsOneAccount)
	for _, s := range r.PaymentStates {
		mustBe(fail, "orders.payment_states", s, PaymentStates()...)
	}
	c.Filter, c.Mapping.OrderFields, c.Mapping.CustomerFields = strings.TrimSpace(r.Filter), maps.Clone(r.OrderFields), maps.Clone(r.CustomerFields)
	c.Orders.PaymentStates, c.Orders.Confirm, c.Orders.Invoice = slices.Clone(r.PaymentStates), r.Confirm, r.Invoice
	c.Orders.Edits, c.Orders.Cancellations = r.Edits, r.Cancellations
	c.Customers.Guests, c.Customers.GuestAccount, c.Customers.Create = r.Guests, r.GuestAccount, r.CreateMissing
	c.Orders.Tolerance = nil
	if r.Tolerance != "" {
		if t, err := money.ParseDecimal(r.Tolerance); err != nil {
			fail("orders.tolerance", "%q is no number; write one such as 0.05", r.Tolerance)
		} else {
			c.Orders.Tolerance = &t
		}
	}
	for _, p := range mapping.Check(c.Mapping, c.Filter) {
		problem := RuleProblem{Path: p.Path, Message: p.Message}
		if p.At != nil {
			problem.Message, problem.Line, problem.Column = p.At.Message, p.At.Line, p.At.Column
		}
		problems = append(problems, problem)
	}
	for _, p := range c.Check() {
		if !strings.HasPrefix(p.Path, "mapping.") && p.Path != "filter" {
			problems = append(problems, RuleProblem{Path: p.Path, Message: p.Message})
		}
	}
	if len(problems) > 0 {
		return &RulesError{Problems: problems}
	}
	return nil
}

func mustBe[T ~string](fail func(path, format string, args ...any), path string, value T, allowed ...T) {
	if !slices.Contains(allowed, value) {
		fail(path, "%q is not one of the values here", string(value))
	}
}

// PaymentStates gives the states that a flow can choose among.
func PaymentStates() []commerce.PaymentState {
	return []commerce.PaymentState{
		commerce.PaymentPending, commerce.PaymentAuthorized, commerce.PaymentPartiallyPaid, commerce.PaymentPaid, commerce.PaymentPartiallyRefunded,
		commerce.PaymentRefunded, commerce.PaymentVoided, commerce.PaymentFailed, commerce.PaymentUnknown,
	}
}

// set gives one of the rules another text, as config.RuleValues has it.
func (r *Rules) set(path, text string) {
	field := func(fields *map[string]string, name string) {
		if *fields == nil {
			*fields = map[string]string{}
		}
		if text == "" {
			delete(*fields, name)
		} else {
			(*fields)[name] = text
		}
	}
	if name, ok := strings.CutPrefix(path, config.OrderField); ok {
		field(&r.OrderFields, name)
		return
	}
	if name, ok := strings.CutPrefix(path, config.CustomerField); ok {
		field(&r.CustomerFields, name)
		return
	}
	switch path {
	case "filter":
		r.Filter = text
	case "orders.payment_states":
		r.PaymentStates = nil
		for state := range strings.SplitSeq(text, ", ") {
			if state != "" {
				r.PaymentStates = append(r.PaymentStates, commerce.PaymentState(state))
			}
		}
	case "orders.confirm":
		r.Confirm = text == "true"
	case "orders.invoice":
		r.Invoice = flow.InvoicePolicy(text)
	case "orders.edits":
		r.Edits = flow.Reaction(text)
	case "orders.cancellations":
		r.Cancellations = flow.Reaction(text)
	case "orders.tolerance":
		r.Tolerance = text
	case "customers.guests":
		r.Guests = flow.GuestPolicy(text)
	case "customers.guest_account":
		r.GuestAccount = text
	case "customers.create":
		r.CreateMissing = text == "true"
	}
}

// RulesView is the rules of a flow as they are.
type RulesView struct {
	Flow        string     `json:"flow"`
	Flows       []string   `json:"flows"`
	Source      string     `json:"source"`
	Destination string     `json:"destination"`
	Rules       Rules      `json:"rules"`
	Last        *RulesPast `json:"last"` // the last change; null when there was none
}

// RulesPast is a change of rules that was made.
type RulesPast struct {
	At      time.Time         `json:"at"`
	Who     string            `json:"who"`
	Why     string            `json:"why,omitempty"`
	Changes []store.MapChange `json:"changes"`
	// Undoable says that all that was changed is still so.
	Undoable bool `json:"undoable"`
}

// Rules gives the rules of a flow; "" is the first one.
func (d *Desk) Rules(ctx context.Context, flowName string) (*RulesView, error) {
	names, err := d.flowNames(ctx)
	if err != nil {
		return nil, err
	}
	if flowName == "" {
		if len(names) == 0 {
			return &RulesView{Flows: names}, nil
		}
		flowName = names[0]
	}
	stored, c, err := d.flowConfig(ctx, flowName)
	if err != nil {
		return nil, err
	}
	v := &RulesView{Flow: stored.Name, Flows: names, Source: stored.Source, Destination: stored.Destination, Rules: rulesOf(c)}
	v.Last, err = d.lastRules(ctx, stored.Name, config.RuleValues(c))
	return v, err
}

// lastRules gives the last change of rules: what was written together.
func (d *Desk) lastRules(ctx context.Context, flowName string, present map[string]string) (*RulesPast, error) {
	changes, err := d.store.MapChanges(ctx, store.MapFilter{Flow: flowName, Table: config.TableRules, Limit: mostRules})
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	past := &RulesPast{At: changes[0].At, Who: changes[0].Who, Why: changes[0].Why, Undoable: true}
	for _, c := range changes {
		if !c.At.Equal(past.At) || c.Who != past.Who {
			break
		}
		past.Changes = append(past.Changes, c)
		past.Undoable = past.Undoable && present[c.Key] == c.After
	}
	return past, nil
}

// PlanRules says what saving rules would change, in words; "" when nothing would.
func (d *Desk) PlanRules(ctx context.Context, flowName string, rules Rules) (string, error) {
	plan, err := config.Planned(ctx, d.store, d.definitions, func(s *config.State) error { return s.ChangeFlow(flowName, rules.put) })
	return plan.Text(), noFlow(err)
}

// SaveRules makes rules a flow's own. They are at work when it returns.
func (d *Desk) SaveRules(ctx context.Context, person people.Person, flowName string, rules Rules, why string) error {
	return d.changeRules(ctx, person, flowName, why, func(flow.Config) (Rules, error) { return rules, nil })
}

// UndoRules takes the last change of a flow's rules back, as a new change. It refuses when something of
// it has changed since.
func (d *Desk) UndoRules(ctx context.Context, person people.Person, flowName, why string) error {
	return d.changeRules(ctx, person, flowName, why, func(c flow.Config) (Rules, error) {
		now, present := rulesOf(c), config.RuleValues(c)
		past, err := d.lastRules(ctx, flowName, present)
		if err != nil {
			return now, err
		}
		if past == nil {
			return now, &NotFoundError{Text: "There is no change of the rules of " + flowName + " to undo."}
		}
		for _, c := range past.Changes {
			if present[c.Key] != c.After {
				return now, Invalid("", "%s has changed since: the last change made it %s and it is %s now; change it by hand", c.Key, orEmpty(c.After), orEmpty(present[c.Key]))
			}
			now.set(c.Key, c.Before)
		}
		return now, nil
	})
}

func orEmpty(text string) string {
	if text == "" {
		return "empty"
	}
	return text
}

func (d *Desk) changeRules(ctx context.Context, person people.Person, flowName, why string, change func(now flow.Config) (Rules, error)) error {
	if utf8.RuneCountInString(why) > maxWhy {
		return Invalid("why", "the reason is longer than %d characters", maxWhy)
	}
	return d.changeConfig(ctx, config.Edit{
		Who: person.Who(), Why: why, Now: d.now(),
		Change: func(s *config.State) error {
			return s.ChangeFlow(flowName, func(c *flow.Config) error {
				rules, err := change(*c)
				if err != nil {
					return err
				}
				return rules.put(c)
			})
		},
	})
}
