package fake

import (
	"cmp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/money"
)

// calculate makes lines, discounts and taxes of an order that was written over the API: prices and
// rates are the shop's own.
func (v *Vendor) calculate(o *order, in orderInput) {
	for _, given := range in.Lines {
		o.lines = append(o.lines, v.inputLine(o, given))
	}
	for _, used := range in.Coupons {
		v.useCoupon(o, strings.ToLower(used.Code))
	}
	for _, given := range in.Ships {
		o.ships = append(o.ships, &line{id: v.item(), name: given.MethodTitle, method: given.Method, total: number(given.Total)})
	}
	for _, given := range in.Fees {
		o.fees = append(o.fees, &line{id: v.item(), name: given.Name, total: number(given.Total)})
	}
	for _, l := range o.lines {
		v.tax(o, l, false)
	}
	for _, l := range o.fees {
		v.tax(o, l, false)
	}
	for _, l := range o.ships {
		v.tax(o, l, true)
	}
}

func number(text string) dec {
	d, err := money.ParseDecimal(text)
	if err != nil {
		return decimal.Zero
	}
	return d
}

// inputLine makes a line; one whose article does not exist is empty, and no error.
func (v *Vendor) inputLine(o *order, given lineInput) *line {
	l := &line{id: v.item(), quantity: number(cmp.Or(given.Quantity.String(), "1"))}
	var article *product
	for _, p := range v.products {
		if given.Variation != 0 && p.id == given.Variation || given.Variation == 0 && given.Product != 0 && p.id == given.Product ||
			given.Product == 0 && given.SKU != "" && p.sku == given.SKU {
			article = p
		}
	}
	if article == nil {
		return l
	}
	l.product, l.name, l.sku, l.hasSKU, l.class, l.imageText = article.id, article.name, article.sku, true, article.class, true
	if article.parent != 0 {
		l.product, l.variation, l.imageText = article.parent, article.id, false
		for _, p := range v.products {
			if p.id == article.parent {
				l.parent = p.name
			}
		}
	}
	price := article.price
	if o.include {
		if rate := v.rateFor(o, l.class, false); rate != nil {
			price = price.DivRound(rate.rate.Add(decimal.New(1, 0)), 6)
		}
	}
	l.subtotal = price.Mul(l.quantity)
	if given.Subtotal != "" {
		l.subtotal = number(given.Subtotal)
	}
	l.total = l.subtotal
	if given.Total != "" {
		l.total = number(given.Total)
	}
	return l
}

// rateFor finds the shop's rate where the goods go; an order without an address is taxed at home.
func (v *Vendor) rateFor(o *order, class string, shipping bool) *rate {
	country := cmp.Or(o.shipping.Country, o.billing.Country, "DE")
	for _, r := range v.rates {
		if r.country == country && (r.class == class || r.class == "standard" && class == "") && (!shipping || r.shipping) {
			return r
		}
	}
	return nil
}

// tax works a line's tax out: by rate, exact, and rounded by line unless the shop rounds at the end
// (WC_Order_Item::set_taxes).
func (v *Vendor) tax(o *order, l *line, shipping bool) {
	r := v.rateFor(o, l.class, shipping)
	if r == nil {
		return
	}
	l.taxes = []lineTax{{rate: r, total: l.total.Mul(r.rate), subtotal: l.subtotal.Mul(r.rate)}}
	l.tax, l.subTax = l.taxes[0].total, l.taxes[0].subtotal
	if !o.exact {
		l.tax, l.subTax = roundTax(l.tax, exponent(o.currency), o.include), roundTax(l.subTax, exponent(o.currency), o.include)
	}
}

// useCoupon lowers the lines: a percentage of each, or an amount that is spread over them.
func (v *Vendor) useCoupon(o *order, code string) {
	c := v.coupons[code]
	used := usedCoupon{id: v.item(), code: code, coupon: c}
	weights := make([]dec, len(o.lines))
	all := decimal.Zero
	for i, l := range o.lines {
		weights[i] = l.total
		all = all.Add(l.total)
	}
	places := exponent(o.currency)
	parts := make([]dec, len(o.lines))
	switch c.kind {
	case "percent":
		for i, w := range weights {
			parts[i] = money.Percent(w.Mul(c.amount)).Round(places)
		}
	default:
		parts = money.Allocate(decimal.Min(c.amount, all), weights, places)
	}
	for i, l := range o.lines {
		l.total = l.total.Sub(parts[i])
		used.discount = used.discount.Add(parts[i])
		if r := v.rateFor(o, l.class, false); r != nil {
			used.tax = used.tax.Add(parts[i].Mul(r.rate))
		}
	}
	used.tax = roundTax(used.tax, places, o.include)
	o.coupons = append(o.coupons, used)
}

// rate finds or makes a rate.
func (v *Vendor) rate(country, name string, value dec) *rate {
	for _, r := range v.rates {
		if r.country == country && r.name == name && r.rate.Equal(value) {
			return r
		}
	}
	r := &rate{id: int64(len(v.rates) + 1), country: country, name: name, rate: value, shipping: true, class: "standard"}
	for _, other := range v.rates {
		if other.country == country && other.class == "standard" {
			r.class = "reduced-rate"
		}
	}
	v.rates = append(v.rates, r)
	return r
}
