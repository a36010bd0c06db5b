package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// find looks for the documents of the batch's orders that are not linked yet, in one call. It is
// done before every first write, not only in doubt: the destination may have been written by an
// Orderly whose store is lost.
func (r *Runner) find(ctx context.Context, destination *Destination, attempts []*attempt) {
	var keys []connector.Key
	var first *attempt
	for _, a := range attempts {
		if a.open() && a.isOrder() && a.existing == nil {
			keys = append(keys, a.key)
			if first == nil {
				first = a
			}
		}
	}
	if len(keys) == 0 {
		return
	}
	if destination.Conn.Orders == nil {
		for _, a := range attempts {
			if a.open() && a.isOrder() {
				a.fail(StepFind, connector.Errorf(connector.KindForbidden, "find the document", "%s takes no sales orders", destination.Conn.Definition.Title))
			}
		}
		return
	}
	found, err := destination.Conn.Orders.FindOrders(first.traced(ctx), slices.Compact(slices.Sorted(slices.Values(keys))))
	for _, a := range attempts {
		if !a.open() || !a.isOrder() || a.existing != nil {
			continue
		}
		if err != nil {
			a.fail(StepFind, err)
			continue
		}
		a.adopt(found[a.key])
	}
}

// adopt takes the document over that carries the record's key.
func (a *attempt) adopt(documents []connector.Document) {
	a.work.Uncertain = false // the search has told
	var live []connector.Document
	for _, d := range documents {
		if d.State != connector.DocumentCancelled && d.State != connector.DocumentRejected {
			live = append(live, d)
		}
	}
	switch {
	case len(live) > 1:
		a.hold(StepFind, connector.Error{
			Code: "duplicate_document", Field: "key", Value: string(a.key),
			Message: fmt.Sprintf("the destination has %d documents of this order: %s", len(live), numbers(live)),
			Fix:     "cancel all but one of them there and retry",
		})
	case len(live) == 1:
		a.existing = &live[0]
		a.step(StepFind, "found %s %s by its key", live[0].Type, name(live[0]))
	case len(documents) > 0:
		a.existing = &documents[0]
		a.step(StepFind, "found %s %s by its key; it is cancelled", documents[0].Type, name(documents[0]))
	default:
		a.step(StepFind, "the destination has no document with the key %s", a.key)
	}
}

func (a *attempt) isOrder() bool { return a.work.Kind == string(commerce.KindOrder) }

// name is a document as people know it.
func name(d connector.Document) string {
	if d.Number != "" {
		return d.Number
	}
	return d.ID
}

func numbers(documents []connector.Document) string {
	var list []string
	for _, d := range documents {
		list = append(list, name(d))
	}
	return strings.Join(list, ", ")
}

// How long what a destination has is remembered. A change there takes effect after this time at the
// latest; an article that was not found is asked for again each time.
const (
	itemsFor = 5 * time.Minute
	taxesFor = 5 * time.Minute
	// maxItems bounds what is remembered.
	maxItems = 50_000
)

type cachedItems struct {
	items []connector.Item
	until time.Time
}

type cachedTaxes struct {
	codes []connector.TaxCode
	until time.Time
}

// readItems looks up the articles of the batch's orders that are not remembered, in one call. The batch keeps what
// it has seen: by the time of its last order it may not be remembered any more.
func (r *Runner) readItems(ctx context.Context, destination *Destination, attempts []*attempt) {
	if destination.Conn.Items == nil {
		return
	}
	items, wanted := map[string][]connector.Item{}, map[string]bool{}
	var first *attempt
	for _, a := range attempts {
		a.items = items
		if !a.open() || !a.isOrder() || a.work.Deleted || a.order.OrderState == commerce.StateCancelled {
			continue
		}
		for _, sku := range a.flow.Mapper.SKUs(a.order) {
			if items[sku] != nil || wanted[sku] {
				continue
			}
			if remembered, ok := destination.item(sku); ok {
				items[sku] = remembered
				continue
			}
			wanted[sku] = true
			if first == nil {
				first = a
			}
		}
	}
	if len(wanted) == 0 {
		return
	}
	skus := make([]string, 0, len(wanted))
	for sku := range wanted {
		skus = append(skus, sku)
	}
	slices.Sort(skus)
	found, err := destination.Conn.Items.FindItems(first.traced(ctx), skus)
	if err == nil {
		destination.remember(found)
		maps.Copy(items, found)
		return
	}
	for _, a := range attempts {
		if a.open() && a.isOrder() && slices.ContainsFunc(a.flow.Mapper.SKUs(a.order), func(sku string) bool { return wanted[sku] }) {
			a.fail(StepMap, err)
		}
	}
}

// item gives the articles of a SKU as they are remembered.
func (d *Destination) item(sku string) ([]connector.Item, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.items[sku]
	if !ok || !d.now().Before(c.until) {
		return nil, false
	}
	return c.items, true
}

func (d *Destination) remember(found map[string][]connector.Item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.items)+len(found) > maxItems {
		clear(d.items)
	}
	until := d.now().Add(itemsFor)
	for sku, items := range found {
		d.items[sku] = cachedItems{items: items, until: until}
	}
}

// taxCodes gives the destination's taxes; nil where it has no TaxLister.
func (d *Destination) taxCodes(ctx context.Context) ([]connector.TaxCode, error) {
	if d.Conn.Taxes == nil {
		return nil, nil
	}
	d.mu.Lock()
	cached := d.taxes
	d.mu.Unlock()
	if d.now().Before(cached.until) {
		return cached.codes, nil
	}
	codes, err := d.Conn.Taxes.Taxes(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taxes = cachedTaxes{codes: codes, until: d.now().Add(taxesFor)}
	return codes, nil
}
