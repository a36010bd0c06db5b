package fake

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// Change gives an order with something changed, as a customer or the merchant would: more or less of
// an article, another address to ship to, a note. Something always is.
func (g *Generator) Change(order commerce.Order) commerce.Order {
	order.Lines = slices.Clone(order.Lines)
	switch {
	case g.chance(250) && order.ShipTo != nil:
		moved := *order.ShipTo
		moved.StreetAddress = fmt.Sprintf("%d New Road, %x", 1+g.random.IntN(200), g.random.Uint32())
		order.ShipTo = &moved
		return order
	case g.chance(750) && g.restock(&order):
		return order
	}
	order.Notes = append(slices.Clone(order.Notes), commerce.Note{
		Audience: "buyer", Text: fmt.Sprintf("Please ring twice (%08x)", g.random.Uint32()),
	})
	return order
}

// restock sets another quantity of a line that no discount touches; false when there is none.
func (g *Generator) restock(order *commerce.Order) bool {
	if slices.ContainsFunc(order.Discounts, func(d commerce.Discount) bool { return !d.Allocated }) {
		return false // it would have to be worked out again
	}
	var free []int
	for i, l := range order.Lines {
		if l.Quantity.IsPositive() && len(l.Discounts) == 0 && len(l.Taxes) <= 1 && l.Type == commerce.LineProduct {
			free = append(free, i)
		}
	}
	if len(free) == 0 {
		return false
	}
	line := &order.Lines[pick(g, free)]
	quantity := decimal.NewFromInt(1 + g.random.Int64N(9))
	if quantity.Equal(line.Quantity) {
		quantity = quantity.Add(decimal.New(1, 0))
	}
	line.Quantity = quantity
	c := counter{currency: order.DocumentCurrency, inclusive: order.PricesIncludeTax}
	amount := c.round(c.stated(line.UnitPrice.Net, line.UnitPrice.Gross).Mul(quantity))
	rate := money.Zero
	if len(line.Taxes) == 1 {
		rate = line.Taxes[0].Rate
	}
	net, tax, gross := c.split(amount, rate)
	line.LineNet, line.LineTax, line.LineGross = net, tax, gross
	if len(line.Taxes) == 1 {
		changed := line.Taxes[0]
		changed.TaxableAmount, changed.TaxAmount = &net, tax
		line.Taxes = []commerce.Tax{changed}
	}
	complete(order)
	settle(order)
	return true
}

// settle says how far the money has come after the total changed.
func settle(order *commerce.Order) {
	if order.PaymentState == commerce.PaymentPaid && order.Totals.Payable.Amount.IsPositive() {
		order.PaymentState = commerce.PaymentPartiallyPaid
	}
	if order.PaymentState == commerce.PaymentPartiallyPaid && !order.Totals.Payable.Amount.IsPositive() {
		order.PaymentState = commerce.PaymentPaid
	}
}

// Refund gives an order of which one line's money went back; false when nothing was paid or no line
// is left.
func (g *Generator) Refund(order commerce.Order) (commerce.Order, bool) {
	left := order.Totals.Prepaid.Amount.Sub(order.Totals.Refunded.Amount)
	var fit []int
	for i, l := range order.Lines {
		if l.Refunded.IsZero() && l.LineGross.Amount.IsPositive() && l.LineGross.Amount.LessThanOrEqual(left) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return order, false
	}
	order.Lines = slices.Clone(order.Lines)
	line := &order.Lines[pick(g, fit)]
	line.Refunded = line.Quantity
	order.Refunds = append(slices.Clone(order.Refunds), commerce.Refund{
		Reason: "changed their mind", Amount: line.LineGross,
		Lines: []commerce.RefundLine{{LineID: line.LineID, Quantity: line.Quantity, Restock: true, Net: line.LineNet, Tax: line.LineTax}},
	})
	order.PaymentState = commerce.PaymentPartiallyRefunded
	if left.Equal(line.LineGross.Amount) {
		order.PaymentState = commerce.PaymentRefunded
	}
	complete(&order)
	return order, true
}
