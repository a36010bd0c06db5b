package shopify

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	"github.com/orderlyhq/orderly/money"
)

// removal is what was taken off a line before it was sent. Shopify writes it down as a refund whose
// goods are restocked as "cancel", or that brings no money back, as an edit of an unpaid order does.
type removal struct{ quantity, subtotal, tax money.Decimal }

// gross is the removal's amount with tax.
func (r removal) gross(included bool) money.Decimal {
	if included {
		return r.subtotal
	}
	return r.subtotal.Add(r.tax)
}

// isRemoval says whether a line of a refund takes units off the order, as opposed to goods that were
// sent and came back.
func isRemoval(r *api.Refund, l *api.RefundLine) bool {
	if l.RestockType == "return" {
		return false
	}
	return l.RestockType == "cancel" || len(r.Transactions) == 0 && r.TotalSet.Zero()
}

// removals gives what was taken off each line. A cancelled order is left as it was sold: it shows what
// was cancelled.
func (m *mapper) removals() map[api.ID]removal {
	out := map[api.ID]removal{}
	if !m.o.CancelledAt.IsZero() {
		return out
	}
	for i := range m.o.Refunds {
		r := &m.o.Refunds[i]
		for j := range r.Lines {
			l := &r.Lines[j]
			if !isRemoval(r, l) {
				continue
			}
			subtotal, tax := m.refundLine(i, l)
			sum := out[l.LineItemID]
			out[l.LineItemID] = removal{sum.quantity.Add(l.Quantity.Value), sum.subtotal.Add(subtotal), sum.tax.Add(tax)}
		}
	}
	return out
}

func (m *mapper) refundLine(i int, l *api.RefundLine) (subtotal, tax money.Decimal) {
	subtotal, _ = m.amount("refunds.refund_line_items", i, l.Subtotal, l.SubtotalSet)
	tax, _ = m.amount("refunds.refund_line_items", i, l.TotalTax, l.TotalTaxSet)
	return subtotal, tax
}

// anyReturn says whether something was refunded that stays in the document: goods that came back,
// shipping, or an amount by itself.
func (m *mapper) anyReturn() bool {
	for i := range m.o.Refunds {
		r := &m.o.Refunds[i]
		if len(r.ShippingLines) > 0 || len(r.Lines) == 0 || slices.ContainsFunc(r.Adjustments, api.Adjustment.IsShipping) {
			return true
		}
		for j := range r.Lines {
			if !isRemoval(r, &r.Lines[j]) {
				return true
			}
		}
	}
	return false
}

// removedMoney is the money that went back for what was taken off.
func (m *mapper) removedMoney() money.Decimal {
	total := money.Zero
	if !m.o.CancelledAt.IsZero() {
		return total
	}
	for i := range m.o.Refunds {
		r := &m.o.Refunds[i]
		gone := money.Zero
		for j := range r.Lines {
			if isRemoval(r, &r.Lines[j]) {
				subtotal, tax := m.refundLine(i, &r.Lines[j])
				gone = gone.Add(removal{subtotal: subtotal, tax: tax}.gross(m.o.TaxesIncluded))
			}
		}
		total = total.Add(decimal.Min(gone, m.moneyBack(r)))
	}
	return total
}

// moneyBack is the money of a refund: its successful transactions, or what its parts are worth where
// the transactions are in another currency.
func (m *mapper) moneyBack(r *api.Refund) money.Decimal {
	if r.TotalSet != nil {
		amount, _ := m.amount("refunds.total_refunded_set", -1, api.Number{}, r.TotalSet)
		return amount
	}
	total := money.Zero
	for i := range r.Transactions {
		t := &r.Transactions[i]
		if t.Kind != "refund" || t.Status != "success" {
			continue
		}
		amount, ok := m.transacted(t)
		if !ok {
			return m.worth(r)
		}
		total = total.Add(amount)
	}
	return total
}

func (m *mapper) worth(r *api.Refund) money.Decimal {
	total := m.refundedShipping(r)
	for j := range r.Lines {
		subtotal, tax := m.refundLine(-1, &r.Lines[j])
		total = total.Add(removal{subtotal: subtotal, tax: tax}.gross(m.o.TaxesIncluded))
	}
	return total
}

// refundedShipping is the shipping that a refund pays back, with tax.
func (m *mapper) refundedShipping(r *api.Refund) money.Decimal {
	total := money.Zero
	for _, s := range r.ShippingLines {
		subtotal, _ := m.amount("refunds.refund_shipping_lines", -1, api.Number{}, s.Subtotal)
		tax, _ := m.amount("refunds.refund_shipping_lines", -1, api.Number{}, s.Tax)
		total = total.Add(removal{subtotal: subtotal, tax: tax}.gross(m.o.TaxesIncluded))
	}
	for _, a := range r.Adjustments {
		if a.IsShipping() && len(r.ShippingLines) == 0 && !m.presentment {
			total = total.Add(removal{subtotal: a.Amount.Value.Neg(), tax: a.Tax.Value.Neg()}.gross(m.o.TaxesIncluded))
		}
	}
	return total
}

func (m *mapper) refunds() {
	for i := range m.o.Refunds {
		r := &m.o.Refunds[i]
		out := commerce.Refund{RefundID: string(r.ID), At: r.Happened(), Reason: r.Note, Amount: m.money(m.moneyBack(r))}
		for j := range r.Lines {
			l := &r.Lines[j]
			subtotal, tax := m.refundLine(i, l)
			line := commerce.RefundLine{
				LineID: string(l.LineItemID), Quantity: l.Quantity.Value, Restock: l.RestockType != "no_restock" && l.RestockType != "",
				Net: m.money(subtotal), Tax: m.money(tax),
			}
			if m.o.TaxesIncluded {
				line.Net = m.money(subtotal.Sub(tax))
			}
			out.Lines = append(out.Lines, line)
		}
		if shipping := m.refundedShipping(r); shipping.IsPositive() {
			gross := m.money(shipping)
			out.Shipping = &gross
		}
		m.out.Refunds = append(m.out.Refunds, out)
	}
}

// returned is how many units of a line came back after they were sent.
func (m *mapper) returned(id api.ID) money.Decimal {
	total := money.Zero
	for i := range m.o.Refunds {
		r := &m.o.Refunds[i]
		for j := range r.Lines {
			if l := &r.Lines[j]; l.LineItemID == id && (!m.o.CancelledAt.IsZero() || !isRemoval(r, l)) {
				total = total.Add(l.Quantity.Value)
			}
		}
	}
	return total
}

func (m *mapper) fulfillments() {
	for i := range m.o.Fulfillments {
		f := &m.o.Fulfillments[i]
		out := commerce.Fulfillment{
			FulfillmentID: string(f.ID), Location: string(f.LocationID), Carrier: f.TrackingCompany,
			State: shipmentState(f.Status), ShippedAt: f.CreatedAt.Time,
		}
		for j, number := range f.TrackingNumbers {
			t := commerce.Tracking{Number: number}
			if j < len(f.TrackingURLs) {
				t.URL = f.TrackingURLs[j]
			}
			out.Tracking = append(out.Tracking, t)
		}
		for _, l := range f.LineItems {
			out.Lines = append(out.Lines, commerce.FulfillmentLine{LineID: string(l.ID), Quantity: l.Quantity.Value})
		}
		m.out.Fulfillments = append(m.out.Fulfillments, out)
	}
}

func shipmentState(status string) commerce.FulfillmentState {
	switch status {
	case "success":
		return commerce.FulfillmentShipped
	case "pending", "open":
		return commerce.FulfillmentPending
	case "cancelled", "error", "failure":
		return commerce.FulfillmentCancelled
	}
	return commerce.FulfillmentUnknown
}

// fulfilled is how many units of a line were sent.
func (m *mapper) fulfilled(l *api.LineItem) money.Decimal {
	total := money.Zero
	for i := range m.o.Fulfillments {
		f := &m.o.Fulfillments[i]
		if f.Status != "success" {
			continue
		}
		for _, sent := range f.LineItems {
			if sent.ID == l.ID {
				total = total.Add(sent.Quantity.Value)
			}
		}
	}
	if total.IsZero() && len(m.o.Fulfillments) > 0 && l.CurrentQuantity.Given && l.Fulfillable.Given {
		return decimal.Max(l.CurrentQuantity.Value.Sub(l.Fulfillable.Value), money.Zero)
	}
	return total
}
