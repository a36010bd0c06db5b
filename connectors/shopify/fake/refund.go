package fake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// How the goods of a refund go back.
const (
	Cancel    = "cancel"     // they were not sent yet
	Return    = "return"     // they were sent and came back
	NoRestock = "no_restock" // they are lost, or an edit took them off
)

// RefundOrder takes units of a line off an order or back, with their money or without: an edit of an
// order that is not paid writes the same without money.
func (v *Vendor) RefundOrder(id string, at int, quantity int64, restock string, withMoney bool) (commerce.Order, error) {
	v.mu.Lock()
	stated, sends, err := v.refundOrder(id, at, quantity, restock, withMoney)
	v.mu.Unlock()
	v.send(sends)
	return stated, err
}

func (v *Vendor) refundOrder(id string, at int, quantity int64, restock string, withMoney bool) (commerce.Order, []send, error) {
	before, ok := v.orders.text(id)
	if !ok {
		return commerce.Order{}, nil, fmt.Errorf("the shop has no order %q", id)
	}
	if at < 0 || at >= len(before.LineItems) || before.LineItems[at].CurrentQuantity < quantity {
		return commerce.Order{}, nil, fmt.Errorf("line %d has no %d units to refund", at, quantity)
	}
	o := *before
	o.UpdatedAt = v.seconds()
	o.LineItems = slices.Clone(before.LineItems)
	l := &o.LineItems[at]
	subtotal, tax := v.share(before, at, quantity)
	l.CurrentQuantity -= quantity
	if restock != Return {
		l.Fulfillable -= quantity
	}
	s := shaper{v: v, cur: money.Currency(o.Currency), o: v.truth[o.ID]}
	gross := subtotal
	if !o.TaxesIncluded {
		gross = subtotal.Add(tax)
	}
	r := refund{
		ID: v.id(), OrderID: o.ID, CreatedAt: o.UpdatedAt, ProcessedAt: o.UpdatedAt, Restock: restock == Return || restock == Cancel,
		Transactions: []transaction{}, Adjustments: []struct{}{}, Shipping: []struct{}{}, Duties: []struct{}{},
		back: s.set(money.Zero), removal: restock == Cancel || !withMoney && restock != Return,
	}
	r.AdminID = gid("Refund", r.ID)
	r.Lines = []refundLine{{
		ID: v.id(), LineItemID: l.ID, Quantity: quantity, RestockType: restock,
		Subtotal: json.Number(subtotal.String()), SubtotalSet: s.set(subtotal), TotalTax: json.Number(tax.String()), TotalTaxSet: s.set(tax),
	}}
	if withMoney {
		v.payBack(&o, &r, &s, gross)
	}
	o.Refunds = append(slices.Clone(before.Refunds), r)
	s.refunded(&o, subtotal, tax, gross)
	v.orders.put(o.ID, o.UpdatedAt.Time, &o)
	truth, err := v.refundTruth(&o, &r, at, subtotal, tax)
	if err != nil {
		return commerce.Order{}, nil, err
	}
	v.truth[o.ID] = &truth
	shown := v.shownOrder(&o)
	sends := append(v.news("refunds/create", o.ID, r), v.news("orders/updated", o.ID, shown)...)
	return truth, sends, nil
}

// share is what some units of a line are worth after discounts, and their tax: the last units get what
// is left of both.
func (v *Vendor) share(o *order, at int, quantity int64) (subtotal, tax money.Decimal) {
	l := &o.LineItems[at]
	cur := money.Currency(o.Currency)
	amount := number10(l.Price).Mul(decimal.NewFromInt(l.Quantity))
	for _, a := range l.Allocations {
		amount = amount.Sub(number10(a.Amount))
	}
	for _, t := range l.TaxLines {
		tax = tax.Add(number10(t.Price))
	}
	for _, r := range o.Refunds {
		for _, line := range r.Lines {
			if line.LineItemID == l.ID {
				amount, tax = amount.Sub(number10(line.Subtotal.String())), tax.Sub(number10(line.TotalTax.String()))
			}
		}
	}
	part := decimal.NewFromInt(quantity).DivRound(decimal.NewFromInt(l.CurrentQuantity), 20)
	return money.Round(amount.Mul(part), cur.Exponent(), money.HalfUp), money.Round(tax.Mul(part), cur.Exponent(), money.HalfUp)
}

// number10 reads an amount that the fake has written itself.
func number10(text string) money.Decimal { return decimal.RequireFromString(text) }

// payBack gives money back by the way of payment that brought the most in.
func (v *Vendor) payBack(o *order, r *refund, s *shaper, gross money.Decimal) {
	t := transaction{
		ID: v.id(), OrderID: o.ID, Amount: s.plain(gross), Currency: o.Currency, Kind: "refund", Status: "success", Gateway: "manual",
		CreatedAt: o.UpdatedAt, ProcessedAt: o.UpdatedAt, amount: s.set(gross),
	}
	if len(o.transactions) > 0 {
		first := o.transactions[0]
		t.Gateway, t.title, t.ParentID = first.Gateway, first.title, &first.ID
	}
	t.AdminID = gid("OrderTransaction", t.ID)
	r.Transactions, r.back = []transaction{t}, s.set(gross)
	o.transactions = append(slices.Clone(o.transactions), t)
}

// refunded lowers the current sums.
func (s *shaper) refunded(o *order, subtotal, tax, gross money.Decimal) {
	lower := func(text *string, both *set, by money.Decimal) {
		left := number10(both.Shop.Amount).Sub(by)
		if text != nil {
			*text = s.plain(left)
		}
		*both = s.set(left)
	}
	lower(&o.CurrentTotal, &o.CurrentTotalSet, gross)
	lower(&o.CurrentTax, &o.CurrentTaxSet, tax)
	lower(&o.CurrentSubtotal, &o.CurrentSubtotalSet, subtotal)
	paid := number10(o.received.Shop.Amount)
	back := money.Zero
	for _, r := range o.Refunds {
		back = back.Add(number10(r.back.Shop.Amount))
	}
	due := number10(o.CurrentTotalSet.Shop.Amount)
	lower(&o.TotalOutstanding, &o.outstanding, number10(o.outstanding.Shop.Amount).Sub(due.Sub(paid.Sub(back))))
	switch {
	case back.IsPositive() && back.Equal(paid):
		o.FinancialStatus = "refunded"
	case back.IsPositive():
		o.FinancialStatus = "partially_refunded"
	}
}

// refundTruth states the order after a refund: what was taken off is gone from its lines, what came
// back stays in them.
func (v *Vendor) refundTruth(o *order, r *refund, at int, subtotal, tax money.Decimal) (commerce.Order, error) {
	truth := *v.truth[o.ID]
	cur := truth.DocumentCurrency
	truth.Source.UpdatedAt = o.UpdatedAt.Time
	for state, word := range financialStatuses {
		if word == o.FinancialStatus {
			truth.PaymentState = state
		}
	}
	net := subtotal
	if truth.PricesIncludeTax {
		net = subtotal.Sub(tax)
	}
	lineID := strconv.FormatInt(o.LineItems[at].ID, 10)
	quantity := decimal.NewFromInt(r.Lines[0].Quantity)
	truth.Refunds = append(slices.Clone(truth.Refunds), commerce.Refund{
		RefundID: strconv.FormatInt(r.ID, 10), At: r.CreatedAt.Time, Amount: money.New(number10(r.back.Shop.Amount), cur),
		Lines: []commerce.RefundLine{{LineID: lineID, Quantity: quantity, Restock: r.Restock, Net: money.New(net, cur), Tax: money.New(tax, cur)}},
	})
	truth.Lines = slices.Clone(truth.Lines)
	i := slices.IndexFunc(truth.Lines, func(l commerce.Line) bool { return l.LineID == lineID })
	l := &truth.Lines[i]
	if !r.removal {
		l.Refunded = l.Refunded.Add(quantity)
	} else {
		l.Quantity, l.Cancelled = l.Quantity.Sub(quantity), l.Cancelled.Add(quantity)
		l.LineNet.Amount, l.LineTax.Amount = l.LineNet.Amount.Sub(net), l.LineTax.Amount.Sub(tax)
		l.LineGross.Amount = l.LineNet.Amount.Add(l.LineTax.Amount)
		if l.Taxes = slices.Clone(l.Taxes); len(l.Taxes) > 0 {
			l.Taxes[0].TaxAmount.Amount = l.Taxes[0].TaxAmount.Amount.Sub(tax)
		}
		if l.Quantity.IsZero() {
			truth.Lines = slices.Delete(truth.Lines, i, i+1)
		}
		truth.TaxTotals = nil
	}
	prepaid, refunded := money.Zero, money.Zero
	for _, p := range truth.Payments {
		prepaid = prepaid.Add(p.Amount.Amount)
	}
	for _, other := range o.Refunds {
		back := number10(other.back.Shop.Amount)
		if other.removal {
			prepaid = prepaid.Sub(back)
		} else {
			refunded = refunded.Add(back)
		}
	}
	rounding := truth.Totals.Rounding.Amount
	err := truth.Complete(commerce.Stated{Prepaid: &prepaid, Refunded: &refunded, Rounding: &rounding})
	return truth, err
}

func graphRefund(r *refund, lines connection) object {
	list := connection{}
	for i := range r.Lines {
		l := &r.Lines[i]
		at := slices.IndexFunc(lines, func(o object) bool { return o["id"] == gid("LineItem", l.LineItemID) })
		list = append(list, object{
			"__typename": "RefundLineItem", "id": gid("RefundLineItem", l.ID), "quantity": l.Quantity, "lineItem": lines[at],
			"restockType": map[string]string{Cancel: "CANCEL", Return: "RETURN", NoRestock: "NO_RESTOCK"}[l.RestockType],
			"subtotalSet": bag(&l.SubtotalSet), "totalTaxSet": bag(&l.TotalTaxSet),
		})
	}
	transactions := connection{}
	for i := range r.Transactions {
		transactions = append(transactions, graphTransaction(&r.Transactions[i]))
	}
	return object{
		"__typename": "Refund", "id": r.AdminID, "createdAt": r.CreatedAt.graph(), "processedAt": r.ProcessedAt.graph(), "note": r.Note,
		"totalRefundedSet": bag(&r.back), "refundLineItems": list, "refundShippingLines": connection{}, "transactions": transactions,
	}
}
