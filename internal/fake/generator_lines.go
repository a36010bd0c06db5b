package fake

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// lines fills the order with articles.
func (g *Generator) lines(order *commerce.Order, c counter, digital bool) {
	shelf := g.goods
	if digital {
		shelf = g.digital
	}
	count := g.lineCount()
	if digital {
		count = min(count, len(shelf)) // nobody needs the same twice
	}
	for _, item := range g.basket(shelf, count) {
		price := c.price(item.Price, c.rate(item.Rate))
		if g.chance(15) {
			price = money.Zero // a sample that comes with the order
		}
		order.Lines = append(order.Lines, g.line(c, item, price))
	}
	if g.options.GiftCards && g.chance(40) {
		card := CatalogItem{SKU: GiftCardSKU, Name: "Gift card", Price: decimal.New(int64(10*(1+g.random.IntN(10))), 0), Digital: true}
		line := g.line(c, card, c.price(card.Price, money.Zero))
		line.Type, line.Taxes[0].Category = commerce.LineGiftCard, "O"
		order.Lines = append(order.Lines, line)
	}
	if g.chance(g.options.Unknown) {
		item := pick(g, g.missing)
		at := g.random.IntN(len(order.Lines) + 1)
		order.Lines = slices.Insert(order.Lines, at, g.line(c, item, c.price(item.Price, c.rate(item.Rate))))
	}
}

// basket takes articles from a shelf: shops put what is bought again onto the line that is there, so
// one comes twice only seldom, or where there are more lines than articles.
func (g *Generator) basket(shelf []CatalogItem, count int) []CatalogItem {
	out := make([]CatalogItem, 0, count)
	for len(out) < count {
		for _, i := range g.random.Perm(len(shelf)) {
			out = append(out, shelf[i])
		}
	}
	out = out[:count]
	if count > 1 && g.chance(40) {
		out[1] = out[0]
	}
	return out
}

// lineCount is mostly small and sometimes more than a page of many systems.
func (g *Generator) lineCount() int {
	switch {
	case g.chance(550):
		return 1 + g.random.IntN(2)
	case g.chance(700):
		return 3 + g.random.IntN(4)
	case g.chance(930):
		return 7 + g.random.IntN(14)
	}
	return 61 + g.random.IntN(30)
}

func (g *Generator) quantity() int64 {
	switch {
	case g.chance(600):
		return 1
	case g.chance(650):
		return 2 + g.random.Int64N(2)
	case g.chance(900):
		return 4 + g.random.Int64N(9)
	}
	return 48 + g.random.Int64N(300)
}

func (g *Generator) line(c counter, item CatalogItem, price money.Decimal) commerce.Line {
	rate := c.rate(item.Rate)
	line := commerce.Line{
		Type: commerce.LineProduct, SKU: item.SKU, Name: item.Name, RequiresShip: !item.Digital,
		Quantity: decimal.NewFromInt(g.quantity()), UnitPrice: c.unit(price, rate),
	}
	c.fill(&line, price.Mul(line.Quantity), rate)
	return line
}

// fill sets a line's amounts and its one tax.
func (c counter) fill(line *commerce.Line, amount, rate money.Decimal) {
	line.LineNet, line.LineTax, line.LineGross = c.split(amount, rate)
	category := ""
	if len(line.Taxes) > 0 {
		category = line.Taxes[0].Category
	}
	line.Taxes = c.taxes(line.LineNet, line.LineTax, rate)
	if category != "" {
		line.Taxes[0].Category = category
	}
}

var deliveries = []struct{ method, title, carrier, price string }{
	{"standard", "Standardversand", "DHL", "4.12"},
	{"standard", "Standard shipping", "DHL", "5.79"},
	{"express", "Express ⚡ next day", "UPS", "14.90"},
	{"pallet", "Livraison sur palette", "Schenker", "79.33"},
	{"pickup", "Collect in the shop", "", "0"},
}

// shipping adds what the delivery costs.
func (g *Generator) shipping(order *commerce.Order, c counter) {
	way := pick(g, deliveries)
	rate := c.rate(g.standard)
	s := commerce.ShippingLine{Method: way.method, Title: way.title, Carrier: way.carrier}
	c.fillShipping(&s, c.price(decimal.RequireFromString(way.price), rate), rate)
	order.ShippingLines = []commerce.ShippingLine{s}
}

func (c counter) fillShipping(s *commerce.ShippingLine, amount, rate money.Decimal) {
	s.Net, s.Tax, s.Gross = c.split(amount, rate)
	s.Taxes = c.taxes(s.Net, s.Tax, rate)
}

var chargeTitles = map[commerce.ChargeType]string{
	commerce.ChargeTip: "Tip for the team", commerce.ChargeGiftWrap: "Gift wrapping 🎀", commerce.ChargeCOD: "Nachnahmegebühr",
	commerce.ChargeDuty: "Import duties", commerce.ChargeSurcharge: "Surcharge for small orders", commerce.ChargeOther: "Handling",
}

// charges adds tips and fees.
func (g *Generator) charges(order *commerce.Order, c counter, digital bool) {
	for _, kind := range g.options.Charges {
		if !g.chance(60) || digital && (kind == commerce.ChargeCOD || kind == commerce.ChargeGiftWrap) {
			continue
		}
		rate := c.rate(g.standard)
		if kind == commerce.ChargeTip || kind == commerce.ChargeDuty {
			rate = money.Zero
		}
		charge := commerce.Charge{Type: kind, Title: chargeTitles[kind]}
		amount := c.price(decimal.New(50+g.random.Int64N(950), -2), rate)
		charge.Net, charge.Tax, charge.Gross = c.split(amount, rate)
		charge.Taxes = c.taxes(charge.Net, charge.Tax, rate)
		order.Charges = append(order.Charges, charge)
	}
}
