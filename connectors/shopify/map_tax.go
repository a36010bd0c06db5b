package shopify

import (
	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	"github.com/orderlyhq/orderly/money"
)

// taxes translates tax lines; gone is the tax of removed units, which each of them loses its share of.
func (m *mapper) taxes(field string, i int, lines []api.TaxLine, gone money.Decimal) []commerce.Tax {
	out := make([]commerce.Tax, 0, len(lines))
	weights := make([]money.Decimal, 0, len(lines))
	for _, t := range lines {
		amount, _ := m.amount(field, i, t.Price, t.PriceSet)
		weights = append(weights, amount)
		tax := commerce.Tax{Name: t.Title, Rate: t.Rate.Value, TaxAmount: m.money(amount), Included: m.o.TaxesIncluded}
		if t.ChannelLiable {
			tax.CollectedBy = "channel"
		}
		out = append(out, tax)
	}
	if gone.IsPositive() && len(out) > 0 {
		for j, less := range money.Allocate(gone, weights, m.currency.Exponent()) {
			out[j].TaxAmount.Amount = out[j].TaxAmount.Amount.Sub(less)
		}
	}
	return out
}

// taxSum gives the sum of taxes and of their rates.
func taxSum(taxes []commerce.Tax) (amount, rate money.Decimal) {
	for _, t := range taxes {
		amount, rate = amount.Add(t.TaxAmount.Amount), rate.Add(t.Rate)
	}
	return amount, rate
}

// orderTaxes spreads taxes that stand on the order alone, as imported orders may have them, over lines
// and shipping lines; nil where the lines have taxes of their own. A tax falls on the goods, and on
// shipping as well where only then its rate explains its amount.
func (m *mapper) orderTaxes() [][]commerce.Tax {
	o := m.o
	lines := len(o.LineItems)
	goods := make([]money.Decimal, lines+len(o.ShippingLines))
	for i := range o.LineItems {
		l := &o.LineItems[i]
		if len(l.TaxLines) > 0 {
			return nil
		}
		price, _ := m.amount("line_items.price", i, l.Price, l.PriceSet)
		_, off := m.allocations("line_items.discount_allocations", i, l)
		if l.Taxable && !l.GiftCard {
			goods[i] = m.round(price.Mul(l.Quantity.Value)).Sub(off).Sub(m.removed[l.ID].subtotal)
		}
	}
	all := append([]money.Decimal(nil), goods...)
	for i := range o.ShippingLines {
		s := &o.ShippingLines[i]
		if len(s.TaxLines) > 0 {
			return nil
		}
		price, _ := m.amount("shipping_lines.price", i, s.Price, s.PriceSet)
		for _, a := range s.Allocations {
			off, _ := m.amount("shipping_lines.discount_allocations", i, a.Amount, a.AmountSet)
			price = price.Sub(off)
		}
		all[lines+i] = price
	}
	taxes := m.taxes("tax_lines", -1, o.TaxLines, money.Zero)
	if total, _ := taxSum(taxes); total.IsZero() {
		return nil
	}
	spread := make([][]commerce.Tax, len(goods))
	for _, t := range taxes {
		weights := goods
		if m.distance(t, all).LessThan(m.distance(t, goods)) {
			weights = all
		}
		for i, amount := range money.Allocate(t.TaxAmount.Amount, weights, m.currency.Exponent()) {
			share := t
			share.TaxAmount = m.money(amount)
			spread[i] = append(spread[i], share)
		}
	}
	return spread
}

// distance is how far a tax is from what its rate gives on the amounts.
func (m *mapper) distance(t commerce.Tax, amounts []money.Decimal) money.Decimal {
	base := money.Zero
	for _, a := range amounts {
		base = base.Add(a)
	}
	if m.o.TaxesIncluded {
		base = base.DivRound(t.Rate.Add(decimal.New(1, 0)), 10)
	}
	return base.Mul(t.Rate).Sub(t.TaxAmount.Amount).Abs()
}
