package desk

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/store"
)

// RulesComparison is what other rules would change over the last orders.
type RulesComparison struct {
	Flow      string            `json:"flow"`
	Wanted    int               `json:"wanted"`   // orders that were to be compared
	Compared  int               `json:"compared"` // that were
	Unchanged int               `json:"unchanged"`
	Changed   []OrderDifference `json:"changed"`
	Unread    int               `json:"unread"`           // that have no content any more, or not yet
	Failed    string            `json:"failed,omitempty"` // why not all were compared
}

// OrderDifference is what would become otherwise of one order.
type OrderDifference struct {
	Task        store.TaskRow `json:"task"`
	Differences []Difference  `json:"differences"`
}

// Difference is one value of a document under the present rules and under the others.
type Difference struct {
	Field    string `json:"field"`
	Before   string `json:"before"`
	After    string `json:"after"`
	Personal bool   `json:"personal,omitempty"`
}

// compareChunk is how many orders are read at once.
const compareChunk = 20

// CompareRules makes dry runs of the newest orders of a flow under its present rules and under others. It
// compares what would be written: whether, and with which articles, taxes, warehouses, payment and fields.
// Customers are not searched again. heard is called after each order and ends the comparison by an error.
func (d *Desk) CompareRules(ctx context.Context, flowName string, rules Rules, orders int, heard func(done, of int) error) (*RulesComparison, error) {
	_, present, err := d.flowConfig(ctx, flowName)
	if err != nil {
		return nil, err
	}
	other := present
	if err := rules.put(&other); err != nil {
		return nil, err
	}
	if orders <= 0 {
		orders = CompareFew
	}
	tasks, err := d.store.Tasks(ctx, store.TaskFilter{Flow: flowName, Kind: string(commerce.KindOrder), Limit: min(orders, CompareMost)})
	if err != nil {
		return nil, err
	}
	out := &RulesComparison{Flow: flowName, Wanted: len(tasks), Changed: []OrderDifference{}}
	if len(tasks) == 0 {
		return out, nil
	}
	bounded, cancel := context.WithTimeout(ctx, compareTime)
	defer cancel()
	err = d.withPreviewers(bounded, flowName, func(p []*node.Previewer) error {
		done := 0
		for some := range slices.Chunk(tasks, compareChunk) {
			works, err := d.worksOf(bounded, some)
			if err != nil {
				return err
			}
			for _, t := range some {
				if w, ok := works[t.ID]; ok {
					out.add(t, compare(bounded, p, w, present, other))
				} else {
					out.Unread++
				}
				done++
				if err := bounded.Err(); err != nil {
					return err
				}
				if err := heard(done, len(tasks)); err != nil {
					return err
				}
			}
		}
		return nil
	}, &present, &other)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err() // nobody waits for it any more
	case errors.Is(err, context.DeadlineExceeded):
		out.Failed = "it took too long"
	case err != nil:
		out.Failed = err.Error()
	}
	return out, nil
}

func (c *RulesComparison) add(t store.TaskRow, differences []Difference) {
	c.Compared++
	if len(differences) == 0 {
		c.Unchanged++
		return
	}
	c.Changed = append(c.Changed, OrderDifference{Task: t, Differences: differences})
}

// worksOf gives the contents of orders, by task.
func (d *Desk) worksOf(ctx context.Context, tasks []store.TaskRow) (map[int64]store.Work, error) {
	ids := make([]int64, len(tasks))
	for i, t := range tasks {
		ids[i] = t.ID
	}
	works, err := d.store.Works(ctx, tasks[0].Destination, ids)
	if err != nil {
		return nil, err
	}
	byTask := map[int64]store.Work{}
	for _, w := range works {
		if len(w.Body) > 0 && !w.Deleted {
			w.DeliveredHash, w.Attempts, w.Links = "", 1, nil
			byTask[w.TaskID] = w
		}
	}
	return byTask, nil
}

// compare gives the differences between both dry runs of an order.
func compare(ctx context.Context, p []*node.Previewer, w store.Work, before, after flow.Config) []Difference {
	old, now := p[0].Draft(ctx, w), p[1].Draft(ctx, w)
	var out []Difference
	add := func(field, was, is string, personal bool) {
		if was != is {
			out = append(out, Difference{Field: field, Before: was, After: is, Personal: personal})
		}
	}
	add("would", wouldText(old), wouldText(now), false)
	was, is := map[string]string{}, map[string]string{}
	var names []string
	personal := map[string]bool{}
	read := func(preview *flow.Preview, c flow.Config, into map[string]string) {
		if preview.Draft == nil {
			return
		}
		paper := paperOfDraft(preview.Draft, rulesOf(c))
		var err error
		if paper.CustomerFields, err = customerFields(c, preview.Draft.Order.Buyer); err != nil {
			paper.CustomerFields = append(paper.CustomerFields, PaperValue{Name: "of all", Value: err.Error()})
		}
		for _, v := range paper.flat() {
			into[v.Name] = v.Value
			personal[v.Name] = personal[v.Name] || v.Personal
		}
	}
	read(old, before, was)
	read(now, after, is)
	if (old.Draft == nil) != (now.Draft == nil) {
		return out // that it is written at all is the difference
	}
	all := maps.Clone(was)
	maps.Copy(all, is)
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		add(name, was[name], is[name], personal[name])
	}
	return out
}

// wouldText says whether an order would be written, and why not.
func wouldText(p *flow.Preview) string {
	if p.Draft != nil {
		return "be written"
	}
	if p.Reason != "" {
		return p.Would + ": " + p.Reason
	}
	return p.Would
}
