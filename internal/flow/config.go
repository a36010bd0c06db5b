// Package flow brings a destination to the present state of a record: it decodes, checks, maps,
// matches, delivers and reads back, and records what came of it. It is level-triggered: repeating any
// of it is always safe.
//
// It knows no vendor: what a system can do it finds in package connector's abilities.
package flow

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/money"
)

// Config is how a flow works, as orderly.yaml has it.
type Config struct {
	Records   []commerce.Kind `yaml:"records,omitempty" json:"records" jsonschema:"enum=order,enum=customer" jsonschema_description:"kinds of records to carry: order, customer"`
	Triggers  Triggers        `yaml:"triggers,omitempty" json:"triggers" jsonschema_description:"what sets the flow off, beside a person"`
	Since     string          `yaml:"since,omitempty" json:"since,omitempty" jsonschema_description:"date (2026-01-31) or time before which the first poll does not reach; empty begins when the flow is created"`
	Filter    string          `yaml:"filter,omitempty" json:"filter,omitempty" jsonschema_description:"expression that must be true for an order to be carried, for example order.totals.payable.amount > 0"`
	Customers Customers       `yaml:"customers,omitempty" json:"customers" jsonschema_description:"how customers are found and made"`
	Orders    Orders          `yaml:"orders,omitempty" json:"orders" jsonschema_description:"what becomes of orders"`
	Mapping   mapping.Config  `yaml:"mapping,omitempty" json:"mapping,omitzero" jsonschema_description:"how the source's values become the destination's"`
}

// Triggers are what sets a flow off.
type Triggers struct {
	Webhook  bool   `yaml:"webhook" json:"webhook" jsonschema_description:"take the source's webhooks and keep its subscriptions in order"`
	Schedule string `yaml:"schedule,omitempty" json:"schedule" jsonschema_description:"how often the source is asked for changes: an interval (10m), a cron expression (*/10 * * * *) or off"`
}

// ScheduleOff is the schedule of a flow that is not polled.
const ScheduleOff = "off"

// GuestPolicy is what becomes of buyers without an account.
type GuestPolicy string

// Guest policies.
const (
	GuestsByEmail    GuestPolicy = "by_email"    // one customer for an e-mail address
	GuestsPerOrder   GuestPolicy = "per_order"   // a customer of its own for each order
	GuestsOneAccount GuestPolicy = "one_account" // all on one collective account
)

// Customers says how customers are found and made.
type Customers struct {
	Match        []connector.MatchRule `yaml:"match,omitempty" json:"match" jsonschema:"enum=external_id,enum=tax_id,enum=email,enum=phone_and_name,enum=company_and_postcode" jsonschema_description:"rules by which a customer is found in the destination, the first that finds one wins"`
	Guests       GuestPolicy           `yaml:"guests,omitempty" json:"guests" jsonschema:"enum=by_email,enum=per_order,enum=one_account" jsonschema_description:"buyers without an account: by_email makes one customer for an e-mail address, per_order one for each order, one_account puts all on guest_account"`
	GuestAccount string                `yaml:"guest_account,omitempty" json:"guest_account,omitempty" jsonschema_description:"id of the destination's customer for guests, with guests: one_account"`
	Create       bool                  `yaml:"create" json:"create" jsonschema_description:"make customers that are not found; false holds their orders"`
	Update       bool                  `yaml:"update" json:"update" jsonschema_description:"bring customers up to date when they change in the source"`
}

// Reaction is what is done about a change in the source that comes after delivery.
type Reaction string

// Reactions.
const (
	ReactApply  Reaction = "apply"
	ReactHold   Reaction = "hold"
	ReactIgnore Reaction = "ignore"
)

// InvoicePolicy says when an invoice is made.
type InvoicePolicy string

// Invoice policies.
const (
	InvoiceNever  InvoicePolicy = "never"
	InvoicePaid   InvoicePolicy = "paid"
	InvoiceAlways InvoicePolicy = "always"
)

// Orders says what becomes of orders.
type Orders struct {
	PaymentStates []commerce.PaymentState `yaml:"payment_states,omitempty" json:"payment_states,omitempty" jsonschema:"enum=pending,enum=authorized,enum=partially_paid,enum=paid,enum=partially_refunded,enum=refunded,enum=voided,enum=failed,enum=unknown" jsonschema_description:"carry only orders in one of these payment states; empty carries all. An order is looked at again at each change"`
	Confirm       bool                    `yaml:"confirm" json:"confirm" jsonschema_description:"put the sales order in force; false leaves it as a quotation or draft where the destination has them"`
	Invoice       InvoicePolicy           `yaml:"invoice,omitempty" json:"invoice" jsonschema:"enum=never,enum=paid,enum=always" jsonschema_description:"make the invoice: never, when the order is paid (with its payment), always"`
	Edits         Reaction                `yaml:"edits,omitempty" json:"edits" jsonschema:"enum=apply,enum=hold,enum=ignore" jsonschema_description:"an order that changes after it was delivered: apply brings the document up to date, hold asks a person, ignore leaves it"`
	Cancellations Reaction                `yaml:"cancellations,omitempty" json:"cancellations" jsonschema:"enum=apply,enum=hold,enum=ignore" jsonschema_description:"an order that is cancelled after it was delivered: apply cancels the document, hold asks a person, ignore leaves it"`
	Tolerance     *money.Decimal          `yaml:"tolerance,omitempty" json:"tolerance,omitempty" jsonschema:"type=string" jsonschema_description:"largest difference of totals that is settled by a rounding line, in the order's currency; empty follows from the number of lines, five minor units at most"`
	WriteBack     bool                    `yaml:"write_back" json:"write_back" jsonschema_description:"write the document's number back to the source where it can take it"`
	Attempts      int                     `yaml:"attempts,omitempty" json:"attempts" jsonschema:"minimum=1,maximum=100" jsonschema_description:"how often a delivery is tried before it has failed; waiting for a system that is down does not count"`
}

// NewConfig gives the defaults, which work without a line of configuration.
func NewConfig() Config {
	return Config{
		Records:  []commerce.Kind{commerce.KindOrder},
		Triggers: Triggers{Webhook: true, Schedule: "10m"},
		Customers: Customers{
			Match:  []connector.MatchRule{connector.MatchKey, connector.MatchTaxID, connector.MatchEmail, connector.MatchPhoneName},
			Guests: GuestsByEmail, Create: true, Update: true,
		},
		Orders: Orders{
			Confirm: true, Invoice: InvoiceNever, Edits: ReactApply, Cancellations: ReactApply, Attempts: 12,
		},
	}
}

// ParseConfig reads a flow's configuration as the store keeps it.
func ParseConfig(text string) (Config, error) {
	c := NewConfig()
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return Config{}, fmt.Errorf("configuration of the flow: %w", err)
	}
	return c, nil
}

// Problem is a mistake in a flow's configuration.
type Problem struct {
	Path    string // such as triggers.schedule
	Message string
}

// Check finds what is wrong with values that have the right form.
func (c Config) Check() []Problem {
	var problems []Problem
	fail := func(path, format string, args ...any) {
		problems = append(problems, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if _, err := ParseSchedule(c.Triggers.Schedule); err != nil {
		fail("triggers.schedule", "%v", err)
	}
	if _, err := c.SinceTime(); err != nil {
		fail("since", "%v", err)
	}
	if len(c.Records) == 0 {
		fail("records", "names no kind of record; write [order], [customer] or both")
	}
	if c.Customers.Guests == GuestsOneAccount && c.Customers.GuestAccount == "" {
		fail("customers.guest_account", "is required with guests: one_account: the id of the destination's collective customer")
	}
	if c.Orders.Attempts < 1 || c.Orders.Attempts > 100 {
		fail("orders.attempts", "%d is not between 1 and 100", c.Orders.Attempts)
	}
	if t := c.Orders.Tolerance; t != nil && t.IsNegative() {
		fail("orders.tolerance", "%s is below zero", t)
	}
	for _, p := range mapping.Check(c.Mapping, c.Filter) {
		fail(p.Path, "%s", p.Message)
	}
	return problems
}

// SinceTime is the time that Since names; zero when it is empty.
func (c Config) SinceTime() (time.Time, error) {
	if c.Since == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, c.Since); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a date (2026-01-31) nor a time (2026-01-31T08:00:00Z)", c.Since)
}

// Schedule says when something is due next.
type Schedule interface {
	Next(after time.Time) time.Time
}

// minInterval keeps a typing error from becoming a flood of requests.
const minInterval = time.Second

type interval time.Duration

func (i interval) Next(after time.Time) time.Time { return after.Add(time.Duration(i)) }

// ParseSchedule reads an interval (10m) or a cron expression with five fields in UTC; nil, without an
// error, is off.
func ParseSchedule(text string) (Schedule, error) {
	if text == ScheduleOff || text == "" {
		return nil, nil
	}
	if every, err := time.ParseDuration(text); err == nil {
		if every < minInterval {
			return nil, fmt.Errorf("%q is shorter than %s", text, minInterval)
		}
		return interval(every), nil
	}
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("%q is neither an interval (10m), a cron expression (*/10 * * * *) nor off", text)
	}
	return schedule, nil
}
