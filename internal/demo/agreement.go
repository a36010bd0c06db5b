package demo

import (
	"fmt"
	"slices"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/sandbox"
)

// Agreement is a shop's orders beside the documents of an ERP, by the ground truth of both.
type Agreement struct {
	Made       int            `json:"made"`
	InERP      int            `json:"in_erp"`     // once, with equal totals
	Duplicates int            `json:"duplicates"` // documents beyond the first of an order
	Differing  int            `json:"differing_totals"`
	NotHeld    int            `json:"not_held"`       // have a document although a person had to decide first
	Held       map[string]int `json:"held,omitempty"` // by the reason that the sandbox put there
	Missing    []string       `json:"missing,omitempty"`
	Details    []string       `json:"details,omitempty"` // of what is wrong
}

// OK says whether every order is in the ERP exactly once with equal totals, or held for a reason.
func (a Agreement) OK() bool {
	return a.Duplicates == 0 && a.Differing == 0 && a.NotHeld == 0 && len(a.Missing) == 0
}

// heldTotal is the number of orders that had to be held.
func (a Agreement) heldTotal() int {
	n := 0
	for _, count := range a.Held {
		n += count
	}
	return n
}

// maxDetails bounds what is told of what is wrong.
const maxDetails = 20

// Agree compares a source's orders with a destination's documents. connection is the name of the
// source in Orderly, which is part of the documents' keys; held says what Orderly holds, or held until
// a person decided, by the id of the order.
func Agree(connection string, orders []sandbox.Order, documents []fake.Document, held map[string]string) Agreement {
	byKey := map[connector.Key][]fake.Document{}
	for _, d := range documents {
		if d.Key != "" && d.State != connector.DocumentCancelled {
			byKey[d.Key] = append(byKey[d.Key], d)
		}
	}
	a := Agreement{Made: len(orders), Held: map[string]int{}}
	detail := func(format string, args ...any) {
		if len(a.Details) < maxDetails {
			a.Details = append(a.Details, fmt.Sprintf(format, args...))
		}
	}
	for _, o := range orders {
		id := o.Source.ExternalID
		found := byKey[connector.NewKey(connection, connector.Ref{Kind: commerce.KindOrder, ID: id})]
		reason, isHeld := held[id]
		cancelled := o.OrderState == commerce.StateCancelled
		switch {
		case len(found) > 1:
			a.Duplicates += len(found) - 1
			detail("order %s has %d documents", o.OrderNumber, len(found))
		case len(found) == 0 && cancelled:
			a.InERP++ // nothing is what must be there
		case len(found) == 0 && o.MustHold != "":
			if !isHeld {
				a.Missing = append(a.Missing, id)
				detail("order %s must be held (%s) but is not", o.OrderNumber, o.MustHold)
				continue
			}
			a.Held[reason]++
		case len(found) == 0:
			a.Missing = append(a.Missing, id)
			detail("order %s is not in the ERP: %s", o.OrderNumber, reason)
		case o.MustHold != "" && !isHeld:
			a.NotHeld++
			detail("order %s must be held (%s) but has the document %s", o.OrderNumber, o.MustHold, found[0].ID)
		case cancelled:
			a.Differing++
			detail("order %s is cancelled but its document %s is not", o.OrderNumber, found[0].ID)
		case !sameTotals(o.Order, found[0]):
			a.Differing++
			detail("order %s: %s with tax %s in the shop, %+v in the document %s", o.OrderNumber, o.Totals.TaxInclusive, o.Totals.Tax, found[0].Totals, found[0].ID)
		default:
			a.InERP++
		}
	}
	slices.Sort(a.Missing)
	return a
}

// sameTotals compares gross and currency exactly, and the tax within what rounding allows.
func sameTotals(o commerce.Order, d fake.Document) bool {
	if d.Totals == nil || !d.Totals.Gross.Equal(o.Totals.TaxInclusive) {
		return false
	}
	return d.Totals.Tax.Amount.Sub(o.Totals.Tax.Amount).Abs().LessThanOrEqual(o.TaxTolerance())
}
