package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// OrdersOnPage is how many orders a page of the list has.
const OrdersOnPage = 50

// OrderPage is a page of the list of orders.
type OrderPage struct {
	Orders []store.TaskRow `json:"orders"`
	Next   string          `json:"next,omitempty"` // cursor of the page after
	// Partial says that the search was stopped before the page was full; Next goes on from there.
	Partial bool `json:"partial,omitempty"`
}

// ListOrders gives a page of the orders that a filter chooses.
func (d *Desk) ListOrders(ctx context.Context, f OrderFilter, limit int) (OrderPage, error) {
	tasks, err := f.Tasks(d.now())
	if err != nil {
		return OrderPage{}, err
	}
	tasks.Limit = limit
	page, err := d.store.ListTasks(ctx, tasks)
	if errors.Is(err, store.ErrCursor) {
		return OrderPage{}, Invalid("after", "this page of the list is not there any more; begin at the first one")
	}
	if err != nil {
		return OrderPage{}, err
	}
	return OrderPage{Orders: page.Tasks, Next: page.Next, Partial: page.Partial}, nil
}

// FindOrders gives the newest records that a text finds.
func (d *Desk) FindOrders(ctx context.Context, text string, limit int) ([]store.TaskRow, error) {
	page, err := d.store.ListTasks(ctx, store.TaskFilter{Search: text, Limit: limit})
	return page.Tasks, err
}

// countLimit is up to how many orders are counted for a person who looks at a list.
const countLimit = 10_000

// CountOrders counts the orders that a filter chooses; more says that there are, or may be, more.
func (d *Desk) CountOrders(ctx context.Context, f OrderFilter) (n int, more bool, err error) {
	tasks, err := f.First().Tasks(d.now())
	if err != nil {
		return 0, false, err
	}
	return d.store.CountMatching(ctx, tasks, countLimit)
}

// StateCounts counts the orders in each state, as far as the filter chooses by flows and connections alone; nil for
// filters that choose by more. The states that it chooses do not count.
func (d *Desk) StateCounts(ctx context.Context, f OrderFilter) (store.Counts, error) {
	rest := f.First()
	rest.Flow, rest.Source, rest.Destination, rest.States, rest.Sort = "", "", "", nil, ""
	if len(rest.Choices()) > 0 || rest.Kind != KindOrders {
		return nil, nil
	}
	flows, err := d.store.Flows(ctx)
	if err != nil {
		return nil, err
	}
	gone := f.Flow == "" && f.Source == "" && f.Destination == "" // counts flows that were removed as well
	counted := map[string]bool{}
	for _, fl := range flows {
		matches := func(want, have string) bool { return want == "" || want == have }
		counted[fl.Name] = matches(f.Flow, fl.Name) && matches(f.Source, fl.Source) && matches(f.Destination, fl.Destination)
	}
	sum := store.Counts{}
	for name, counts := range d.Figures().Counts {
		if gone || counted[name] {
			for state, n := range counts {
				sum[state] += n
			}
		}
	}
	return sum, nil
}

// OrderChoices are what a person can choose orders by.
type OrderChoices struct {
	Flows        []string `json:"flows"`
	Sources      []string `json:"sources"`
	Destinations []string `json:"destinations"`
}

// OrderChoices gives what orders can be chosen by.
func (d *Desk) OrderChoices(ctx context.Context) (OrderChoices, error) {
	flows, err := d.store.Flows(ctx)
	if err != nil {
		return OrderChoices{}, err
	}
	var c OrderChoices
	for _, f := range flows {
		c.Flows = addNew(c.Flows, f.Name)
		c.Sources = addNew(c.Sources, f.Source)
		c.Destinations = addNew(c.Destinations, f.Destination)
	}
	return c, nil
}

func addNew(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// Nothing says why a list is empty and what would change that.
type Nothing struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	// Sources says of each flow how its orders come.
	Sources []string `json:"sources,omitempty"`
	// Drop are fields of the filter without which there would be orders.
	Drop []Drop `json:"drop,omitempty"`
	// NoFlow says that there is no flow yet.
	NoFlow bool `json:"no_flow,omitempty"`
}

// Drop is a field of a filter without which there would be N orders, or more.
type Drop struct {
	OrderChoice
	N    int
	More bool
}

// dropLimit is up to how many orders are counted for a hint.
const dropLimit = 1000

// WhyNothing says why a filter chooses no order.
func (d *Desk) WhyNothing(ctx context.Context, f OrderFilter) (Nothing, error) {
	flows, err := d.store.Flows(ctx)
	if err != nil {
		return Nothing{}, err
	}
	flows = slices.DeleteFunc(flows, func(f store.Flow) bool { return f.Removed })
	if len(flows) == 0 {
		return Nothing{
			Title: "There is no flow yet", NoFlow: true,
			Text: "Orders come by a flow: from a shop or CRM to an ERP. Make one, and what is new in the shop appears here.",
		}, nil
	}
	if choices := f.Choices(); len(choices) > 0 {
		return d.whyNoneMatches(ctx, choices)
	}
	n := Nothing{Title: "No order has been seen yet", Text: "What is new in the source appears here within a moment. Run now brings what is there already."}
	if f.Kind == KindCustomers {
		n.Title, n.Text = "No customer has been seen yet", "Customers come by themselves when a flow carries records of kind customer; the customers of orders come with their orders."
	}
	looks := false
	for _, fl := range flows {
		text, looking := d.howOrdersCome(fl)
		n.Sources, looks = append(n.Sources, text), looks || looking
	}
	if !looks {
		n.Title = "Nobody looks for orders"
		n.Text = "No flow polls its source or takes its webhooks now, so nothing can appear here. Give a flow a schedule or webhooks, or resume what is paused."
	}
	return n, nil
}

func (d *Desk) whyNoneMatches(ctx context.Context, choices []OrderChoice) (Nothing, error) {
	n := Nothing{Title: "Nothing matches"}
	for _, choice := range choices {
		tasks, err := choice.Without.Tasks(d.now())
		if err != nil {
			return Nothing{}, err
		}
		count, more, err := d.store.CountMatching(ctx, tasks, dropLimit)
		if err != nil {
			return Nothing{}, err
		}
		if count > 0 {
			n.Drop = append(n.Drop, Drop{OrderChoice: choice, N: count, More: more})
		}
	}
	n.Text = "No order meets all of the filter together."
	if len(n.Drop) == 0 && len(choices) > 1 {
		n.Text = "No order meets the filter, nor would one if any single part of it were dropped."
	}
	if len(choices) == 1 && choices[0].Name == "search" {
		n.Text = "Nothing is found by “" + choices[0].Value + "”. Orders are found by id, number, e-mail, SKU and amount as a whole, and by names from three letters on; personal words once an order has been read."
	}
	return n, nil
}

// howOrdersCome says how a flow learns of orders; looks is false when it does not.
func (d *Desk) howOrdersCome(f store.Flow) (text string, looks bool) {
	c, err := flow.ParseConfig(f.Config)
	if err != nil {
		return fmt.Sprintf("%s: its configuration cannot be read", f.Name), false
	}
	health := d.healthNamed(f.Source)
	switch {
	case f.Paused:
		return fmt.Sprintf("%s is paused; what comes waits", f.Name), false
	case health != nil && health.Paused:
		return fmt.Sprintf("%s: its source %s is paused: %s", f.Name, f.Source, health.PausedWhy), false
	}
	var ways []string
	if c.Triggers.Schedule != "" && c.Triggers.Schedule != flow.ScheduleOff {
		ways = append(ways, "polls "+f.Source+" ("+c.Triggers.Schedule+")")
	}
	if c.Triggers.Webhook {
		ways = append(ways, hooksState(health))
	}
	if len(ways) == 0 {
		return fmt.Sprintf("%s has neither a schedule nor webhooks: only Run now brings orders", f.Name), false
	}
	if health != nil && health.Tone == Bad {
		ways = append(ways, "but "+f.Source+" is in trouble: "+health.Text)
	}
	return f.Name + " " + strings.Join(ways, ", "), true
}

func hooksState(health *ConnectionHealth) string {
	if health == nil || health.Report == nil {
		return "takes webhooks; its source has not been checked yet"
	}
	if health.Report.WebhookURL == "" {
		return "would take webhooks, but none can arrive: Orderly has no public address"
	}
	active := 0
	for _, s := range health.Report.Webhooks {
		if s.State == connector.SubscriptionActive {
			active++
		}
	}
	if active == 0 && len(health.Report.Webhooks) > 0 {
		return "takes webhooks, but no subscription is active yet"
	}
	return "takes webhooks at " + health.Report.WebhookURL + "; none has come yet"
}

func (d *Desk) healthNamed(connection string) *ConnectionHealth {
	for _, h := range d.Figures().Health {
		if h.Name == connection {
			return &h
		}
	}
	return nil
}

// Zone is a connection's time zone, an IANA name or "".
func (f *Figures) Zone(connection string) string {
	for _, h := range f.Health {
		if h.Name == connection {
			return h.Zone()
		}
	}
	return ""
}
