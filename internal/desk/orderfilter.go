package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// OrderFilter chooses orders, or customers, as a person says it: in a form, an address, a saved view or a call. Empty
// fields choose all.
type OrderFilter struct {
	Search      string // an id, number, e-mail address, name, amount or SKU
	Flow        string
	Source      string // connection
	Destination string // connection
	States      []store.TaskState
	Via         store.Via // how it was seen first
	Since       string    // first seen then or later: a day (2026-11-25), a time in UTC (2026-11-25T10:30), or so long ago (24h, 7d)
	Until       string    // first seen before; a day is included
	Min, Max    string    // amounts
	Kind        string    // KindOrders, KindCustomers or KindAll
	Document    string    // "yes" or "no": whether the destination has a document of it
	Cause       int64
	Sort        string // SortNewest or SortWaiting
	// After are the cursors of the pages that were turned, the last one of the page that is open.
	After []string
}

// Kinds of an OrderFilter.
const (
	KindOrders    = ""
	KindCustomers = "customer"
	KindAll       = "all"
)

// Orders of lists.
const (
	SortNewest  = ""
	SortWaiting = "waiting"
)

// maxTurned bounds how many pages back an address remembers.
const maxTurned = 40

// ParseOrderFilter reads a filter from the parameters of an address. What is wrong in them Tasks says.
func ParseOrderFilter(q url.Values) OrderFilter {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	f := OrderFilter{
		Search: get("q"), Flow: get("flow"), Source: get("connection"), Destination: get("destination"), Via: store.Via(get("via")),
		Since: get("since"), Until: get("until"), Min: get("min"), Max: get("max"), Kind: get("kind"), Document: get("document"), Sort: get("sort"),
	}
	if f.Kind == string(commerce.KindOrder) {
		f.Kind = KindOrders
	}
	for _, text := range q["state"] {
		for state := range strings.SplitSeq(text, ",") {
			if state = strings.TrimSpace(state); state != "" && !slices.Contains(f.States, store.TaskState(state)) {
				f.States = append(f.States, store.TaskState(state))
			}
		}
	}
	f.Cause, _ = strconv.ParseInt(get("cause"), 10, 64)
	for _, cursor := range q["after"] {
		if cursor != "" {
			f.After = append(f.After, cursor)
		}
	}
	return f
}

// Values writes a filter as the parameters of an address.
func (f OrderFilter) Values() url.Values {
	q := url.Values{}
	for _, p := range []struct{ name, value string }{
		{"q", f.Search}, {"flow", f.Flow}, {"connection", f.Source}, {"destination", f.Destination}, {"via", string(f.Via)},
		{"since", f.Since}, {"until", f.Until}, {"min", f.Min}, {"max", f.Max}, {"kind", f.Kind}, {"document", f.Document}, {"sort", f.Sort},
	} {
		if p.value != "" {
			q.Set(p.name, p.value)
		}
	}
	for _, state := range f.States {
		q.Add("state", string(state))
	}
	if f.Cause > 0 {
		q.Set("cause", strconv.FormatInt(f.Cause, 10))
	}
	for _, cursor := range f.After {
		q.Add("after", cursor)
	}
	return q
}

// First is the filter for the first page.
func (f OrderFilter) First() OrderFilter {
	f.After = nil
	return f
}

// Next is the filter for the page after, whose cursor the present page gives.
func (f OrderFilter) Next(cursor string) OrderFilter {
	f.After = append(slices.Clone(f.After), cursor)
	f.After = f.After[max(0, len(f.After)-maxTurned):]
	return f
}

// Previous is the filter for the page before; false on the first page.
func (f OrderFilter) Previous() (OrderFilter, bool) {
	if len(f.After) == 0 {
		return f, false
	}
	f.After = slices.Clone(f.After[:len(f.After)-1])
	return f, true
}

// OrderChoice is a field of a filter that chooses: what it is called, what it is set to, and the filter without it.
type OrderChoice struct {
	Name    string
	Value   string
	Without OrderFilter
}

// Choices are the fields that are set, but for the kind and the order of the list.
func (f OrderFilter) Choices() []OrderChoice {
	f = f.First()
	var list []OrderChoice
	add := func(name, value string, clear func(f *OrderFilter)) {
		if value != "" && value != "0" {
			without := f
			clear(&without)
			list = append(list, OrderChoice{Name: name, Value: value, Without: without})
		}
	}
	states := make([]string, len(f.States))
	for i, s := range f.States {
		states[i] = string(s)
	}
	add("search", f.Search, func(f *OrderFilter) { f.Search = "" })
	add("state", strings.Join(states, ", "), func(f *OrderFilter) { f.States = nil })
	add("flow", f.Flow, func(f *OrderFilter) { f.Flow = "" })
	add("source", f.Source, func(f *OrderFilter) { f.Source = "" })
	add("destination", f.Destination, func(f *OrderFilter) { f.Destination = "" })
	add("seen by", string(f.Via), func(f *OrderFilter) { f.Via = "" })
	add("since", f.Since, func(f *OrderFilter) { f.Since = "" })
	add("until", f.Until, func(f *OrderFilter) { f.Until = "" })
	add("amount from", f.Min, func(f *OrderFilter) { f.Min = "" })
	add("amount to", f.Max, func(f *OrderFilter) { f.Max = "" })
	add("document", f.Document, func(f *OrderFilter) { f.Document = "" })
	add("cause", strconv.FormatInt(f.Cause, 10), func(f *OrderFilter) { f.Cause = 0 })
	return list
}

// Tasks is the filter as the store understands it. An error is an *InputError that names the field.
func (f OrderFilter) Tasks(now time.Time) (store.TaskFilter, error) {
	out := store.TaskFilter{
		Flow: f.Flow, Connection: f.Source, Destination: f.Destination, States: f.States, Via: f.Via, CauseID: f.Cause, Search: f.Search,
	}
	var err error
	if out.Kind, err = oneOf("kind", f.Kind, map[string]string{KindOrders: string(commerce.KindOrder), KindCustomers: string(commerce.KindCustomer), KindAll: ""}); err != nil {
		return out, err
	}
	for _, state := range f.States {
		if !slices.Contains(store.TaskStates, state) {
			return out, Invalid("state", "%q is no state; there are waiting, working, synced, held, failed and skipped", string(state))
		}
	}
	if !slices.Contains([]store.Via{"", store.ViaWebhook, store.ViaPoll, store.ViaManual, store.ViaBackfill, store.ViaFetch}, f.Via) {
		return out, Invalid("via", "%q is no way of seeing orders; there are webhook, poll, manual and backfill", string(f.Via))
	}
	order, err := oneOf("sort", f.Sort, map[string]string{SortNewest: string(store.NewestFirst), SortWaiting: string(store.LongestWaiting)})
	if err != nil {
		return out, err
	}
	if out.Order = store.TaskOrder(order); f.Search != "" {
		out.Order = store.NewestFirst
	}
	has, err := oneOf("document", f.Document, map[string]string{"": "", "yes": "yes", "no": "no"})
	if err != nil {
		return out, err
	}
	if has != "" {
		with := has == "yes"
		out.HasDocument = &with
	}
	if out.Since, err = parseWhen("since", f.Since, now, false); err != nil {
		return out, err
	}
	if out.Until, err = parseWhen("until", f.Until, now, true); err != nil {
		return out, err
	}
	if out.MinAmount, err = parseAmount("min", f.Min); err != nil {
		return out, err
	}
	if out.MaxAmount, err = parseAmount("max", f.Max); err != nil {
		return out, err
	}
	if len(f.After) > 0 {
		out.Cursor = f.After[len(f.After)-1]
	}
	return out, nil
}

func oneOf(field, value string, allowed map[string]string) (string, error) {
	if out, ok := allowed[value]; ok {
		return out, nil
	}
	return "", Invalid(field, "%q is none of the choices", value)
}

// parseWhen reads a time as people write it. A day as an end is included.
func parseWhen(field, text string, now time.Time, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			day = day.AddDate(0, 0, 1)
		}
		return day, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, Invalid(field, "%q is no time; write a day such as 2026-11-25, a time in UTC such as 2026-11-25 10:30, or how long ago: 24h, 7d", text)
}

func parseAmount(field, text string) (*money.Decimal, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no amount is what was asked for
	}
	d, err := money.ParseDecimal(text)
	if err != nil {
		return nil, Invalid(field, "%q is no amount; write it with a point: 1234.50", text)
	}
	return &d, nil
}
