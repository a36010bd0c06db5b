package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/store"
)

// Names under which the history of a flow's mapping has what is no row of a table.
const (
	TableSettings = "settings" // the mapping's single values, such as discount_item
	TableRules    = "rules"    // the filter, fields by expressions, and the policies for orders and customers
)

// Prefixes of the paths of fields that are set by expressions.
const (
	OrderField    = "mapping.order_fields."
	CustomerField = "mapping.customer_fields."
)

// RuleValues gives the rules of a flow as texts by path.
func RuleValues(c flow.Config) map[string]string {
	states := make([]string, len(c.Orders.PaymentStates))
	for i, s := range c.Orders.PaymentStates {
		states[i] = string(s)
	}
	values := map[string]string{
		"filter": c.Filter, "orders.payment_states": strings.Join(states, ", "), "orders.confirm": fmt.Sprint(c.Orders.Confirm), "orders.invoice": string(c.Orders.Invoice),
		"orders.edits": string(c.Orders.Edits), "orders.cancellations": string(c.Orders.Cancellations), "orders.tolerance": "",
		"customers.guests": string(c.Customers.Guests), "customers.guest_account": c.Customers.GuestAccount, "customers.create": fmt.Sprint(c.Customers.Create),
	}
	if c.Orders.Tolerance != nil {
		values["orders.tolerance"] = c.Orders.Tolerance.String()
	}
	for name, text := range c.Mapping.OrderFields {
		values[OrderField+name] = text
	}
	for name, text := range c.Mapping.CustomerFields {
		values[CustomerField+name] = text
	}
	return values
}

// history gives what a change of a flow's configuration does to the tables, single values and rules of its mapping. A
// flow that is new had none of them.
func history(before *flow.Config, after flow.Config) []store.MapChange {
	old, rules := mapping.Config{}, RuleValues(flow.NewConfig())
	if before != nil {
		old, rules = before.Mapping, RuleValues(*before)
	}
	var changes []store.MapChange
	compare := func(table string, before, after map[string]string) {
		keys := maps.Clone(after)
		if keys == nil {
			keys = map[string]string{}
		}
		maps.Copy(keys, before)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if before[key] != after[key] {
				changes = append(changes, store.MapChange{Table: table, Key: key, Before: before[key], After: after[key]})
			}
		}
	}
	was, is := reflect.ValueOf(old), reflect.ValueOf(after.Mapping)
	wasSingle, isSingle := map[string]string{}, map[string]string{}
	for _, f := range fieldsOf(is.Type()) {
		switch value := is.Field(f.index).Interface().(type) {
		case mapping.Table:
			compare(f.name, was.Field(f.index).Interface().(mapping.Table), value)
		case string:
			wasSingle[f.name], isSingle[f.name] = was.Field(f.index).String(), value
		}
	}
	compare(TableSettings, wasSingle, isSingle)
	compare(TableRules, rules, RuleValues(after))
	return changes
}

// mapChanges gives the history of a change of a flow.
func (p Plan) mapChanges(name, who, why string, now time.Time) ([]store.MapChange, error) {
	i := slices.IndexFunc(p.want.Flows, func(f store.Flow) bool { return f.Name == name })
	after, err := flow.ParseConfig(p.want.Flows[i].Config)
	if err != nil {
		return nil, fmt.Errorf("flow %s: %w", name, err)
	}
	var before *flow.Config
	if old, ok := p.have[name]; ok {
		// One that this version cannot read has no values to compare with.
		if c, err := flow.ParseConfig(old.Config); err == nil {
			before = &c
		}
	}
	changes := history(before, after)
	for i := range changes {
		changes[i].Flow, changes[i].Who, changes[i].Why, changes[i].At = name, who, why, now
	}
	return changes, nil
}
