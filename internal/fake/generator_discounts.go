package fake

import (
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

var hundred = decimal.New(100, 0)

// discounts lowers the order in the ways in which shops do. Gift cards are never sold for less.
func (g *Generator) discounts(order *commerce.Order, c counter) {
	if g.chance(12) {
		g.giveAway(order, c)
		return
	}
	if g.chance(90) {
		g.lineDiscount(order, c)
	}
	switch {
	case g.chance(110):
		percent := pick(g, []string{"5", "10", "12.5", "15", "20", "33"})
		g.orderPercent(order, c, "SAVE"+percent, decimal.RequireFromString(percent))
	case g.chance(70):
		value := c.price(decimal.New(int64(5*(1+g.random.IntN(4))), 0), money.Zero)
		spread(order, c, commerce.Discount{
			Code: pick(g, []string{"WELCOME", "MERCI", "ありがとう"}), Title: "Welcome", Kind: pick(g, []commerce.DiscountKind{commerce.DiscountFixed, commerce.DiscountLoyalty}),
			Target: commerce.TargetOrder, Value: value, Amount: c.money(value),
		})
	case g.options.DocumentDiscounts && g.chance(80):
		g.documentDiscount(order, c)
	}
	if g.chance(60) {
		freeShipping(order, c)
	}
}

// giveAway makes an order that costs nothing.
func (g *Generator) giveAway(order *commerce.Order, c counter) {
	g.orderPercent(order, c, "PRESS", hundred)
	freeShipping(order, c)
}

func (g *Generator) orderPercent(order *commerce.Order, c counter, code string, percent money.Decimal) {
	total := money.Zero
	for _, w := range weights(order, c) {
		total = total.Add(w)
	}
	spread(order, c, commerce.Discount{
		Code: code, Title: percent.String() + " % off", Kind: commerce.DiscountPercent, Target: commerce.TargetOrder,
		Value: percent, Amount: c.money(c.round(money.Percent(total.Mul(percent)))),
	})
}

// weights gives what each line can be lowered by.
func weights(order *commerce.Order, c counter) []money.Decimal {
	out := make([]money.Decimal, len(order.Lines))
	for i, l := range order.Lines {
		if l.Type != commerce.LineGiftCard {
			out[i] = c.stated(l.LineNet, l.LineGross)
		}
	}
	return out
}

// spread allocates a discount over the lines by largest remainder.
func spread(order *commerce.Order, c counter, d commerce.Discount) {
	parts := weights(order, c)
	total := money.Zero
	for _, w := range parts {
		total = total.Add(w)
	}
	amount := decimal.Min(d.Amount.Amount, total)
	if !amount.IsPositive() {
		return
	}
	d.Amount = c.money(amount)
	begin(order, c, &d)
	for i, part := range money.Allocate(amount, parts, c.currency.Exponent()) {
		if part.IsPositive() {
			lower(&order.Lines[i], c, &d, part)
		}
	}
	order.Discounts = append(order.Discounts, d)
}

// lineDiscount lowers one line.
func (g *Generator) lineDiscount(order *commerce.Order, c counter) {
	i := g.random.IntN(len(order.Lines))
	line := &order.Lines[i]
	amount := c.stated(line.LineNet, line.LineGross)
	d := commerce.Discount{Target: commerce.TargetLine, Kind: commerce.DiscountManual, Title: "Dented box"}
	switch {
	case line.Type == commerce.LineGiftCard:
		return
	case line.Quantity.GreaterThanOrEqual(decimal.New(3, 0)):
		d.Kind, d.Title, d.Code = commerce.DiscountBuyXGetY, "Three for two", "3FOR2"
		d.Value = c.stated(line.UnitPrice.Net, line.UnitPrice.Gross)
	case g.chance(500):
		d.Kind, d.Title, d.Value = commerce.DiscountPercent, "Sale", decimal.New(25, 0)
	default:
		d.Value = c.round(amount.Div(decimal.New(7, 0)))
	}
	part := d.Value
	if d.Kind == commerce.DiscountPercent {
		part = c.round(money.Percent(amount.Mul(d.Value)))
	}
	if !part.IsPositive() {
		return
	}
	begin(order, c, &d)
	d.Amount = c.money(part)
	lower(line, c, &d, part)
	order.Discounts = append(order.Discounts, d)
}

// freeShipping takes the costs of the delivery away.
func freeShipping(order *commerce.Order, c counter) {
	for i := range order.ShippingLines {
		s := &order.ShippingLines[i]
		amount := c.stated(s.Net, s.Gross)
		if !amount.IsPositive() {
			continue
		}
		d := commerce.Discount{Code: "FREESHIP", Title: "Free shipping", Kind: commerce.DiscountFreeShipping, Target: commerce.TargetShipping, Amount: c.money(amount)}
		begin(order, c, &d)
		d.Net, d.Tax, d.Gross = s.Net, s.Tax, s.Gross
		s.Discounts = append(s.Discounts, commerce.LineDiscount{DiscountID: d.DiscountID, Amount: d.Amount})
		c.fillShipping(s, money.Zero, s.Taxes[0].Rate)
		order.Discounts = append(order.Discounts, d)
	}
}

// documentDiscount lowers the document and no line. Such an allowance has one rate (EN 16931 BT-96),
// so it is given only where all goods have the same.
func (g *Generator) documentDiscount(order *commerce.Order, c counter) {
	total, rate := money.Zero, order.Lines[0].Taxes[0].Rate
	for i, w := range weights(order, c) {
		if order.Lines[i].Type == commerce.LineGiftCard || !order.Lines[i].Taxes[0].Rate.Equal(rate) {
			return
		}
		total = total.Add(w)
	}
	// Taxes are rounded by line and here once more; half of the goods is far from a tax below zero.
	amount := c.round(decimal.Min(total.Div(decimal.New(2, 0)), c.price(decimal.New(7, 0), money.Zero)))
	if !amount.IsPositive() {
		return
	}
	d := commerce.Discount{Title: "Rabatt für Stammkunden", Kind: commerce.DiscountFixed, Target: commerce.TargetOrder, Value: amount, Amount: c.money(amount)}
	begin(order, c, &d)
	d.Allocated = false
	d.Net, d.Tax, d.Gross = c.split(amount, rate)
	d.Taxes = c.taxes(d.Net, d.Tax, rate)
	order.Discounts = append(order.Discounts, d)
}

// begin gives a discount its number and amounts of nothing.
func begin(order *commerce.Order, c counter, d *commerce.Discount) {
	d.DiscountID = strconv.Itoa(len(order.Discounts) + 1)
	d.Allocated = true
	d.Net, d.Tax, d.Gross = c.money(money.Zero), c.money(money.Zero), c.money(money.Zero)
}

// lower takes a part of a discount off a line.
func lower(line *commerce.Line, c counter, d *commerce.Discount, part money.Decimal) {
	net, tax, gross := line.LineNet, line.LineTax, line.LineGross
	line.Discounts = append(line.Discounts, commerce.LineDiscount{DiscountID: d.DiscountID, Amount: c.money(part)})
	c.fill(line, c.stated(net, gross).Sub(part), line.Taxes[0].Rate)
	d.Net.Amount = d.Net.Amount.Add(net.Amount.Sub(line.LineNet.Amount))
	d.Tax.Amount = d.Tax.Amount.Add(tax.Amount.Sub(line.LineTax.Amount))
	d.Gross.Amount = d.Gross.Amount.Add(gross.Amount.Sub(line.LineGross.Amount))
}
