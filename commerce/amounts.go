package commerce

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/money"
)

// Bounds of a number in an order, in decimal digits before or after the point; far beyond what a
// sale has, so that text made of it stays short.
const maxPlaces = 40

// FieldError is something wrong with one field of a record.
type FieldError struct {
	Field   string // such as lines[2].line_net
	Message string // such as: is in "USD" but the order is in "EUR"
}

func (e *FieldError) Error() string { return e.Field + " " + e.Message }

// place is where a number stands in an order. It is text only when it is asked for, since nearly
// always nothing is wrong.
type place struct {
	list  string // "lines"; "" is the order itself
	index int
	field string // "line_net", or "taxes[#].rate" with inner for the #
	inner int
}

func (p place) String() string {
	field := strings.Replace(p.field, "#", strconv.Itoa(p.inner), 1)
	if p.list == "" {
		return field
	}
	return fmt.Sprintf("%s[%d].%s", p.list, p.index, field)
}

// numbers is who looks at the numbers of an order; number has quantities, rates and other decimals.
type numbers struct {
	amount func(at place, m *money.Money)
	number func(at place, d *money.Decimal)
}

// visit shows every number of the order but for its totals and what may be in another currency: the
// movements at payment gateways and the totals for the buyer.
func (o *Order) visit(n numbers) {
	if o.ExchangeRate != nil {
		n.number(place{field: "exchange_rate.rate"}, &o.ExchangeRate.Rate)
	}
	for i := range o.Lines {
		l, at := &o.Lines[i], place{list: "lines", index: i}
		n.number(at.in("quantity"), &l.Quantity)
		n.amount(at.in("unit_price.net"), &l.UnitPrice.Net)
		n.amount(at.in("unit_price.gross"), &l.UnitPrice.Gross)
		n.optional(at.in("list_price"), l.ListPrice)
		n.discounts(at, l.Discounts)
		n.taxes(at, l.Taxes)
		n.amount(at.in("line_net"), &l.LineNet)
		n.amount(at.in("line_tax"), &l.LineTax)
		n.amount(at.in("line_gross"), &l.LineGross)
		n.number(at.in("quantity_cancelled"), &l.Cancelled)
		n.number(at.in("quantity_fulfilled"), &l.Fulfilled)
		n.number(at.in("quantity_refunded"), &l.Refunded)
	}
	for i := range o.ShippingLines {
		s, at := &o.ShippingLines[i], place{list: "shipping_lines", index: i}
		n.discounts(at, s.Discounts)
		n.taxes(at, s.Taxes)
		n.triple(at, &s.Net, &s.Tax, &s.Gross)
	}
	for i := range o.Charges {
		c, at := &o.Charges[i], place{list: "charges", index: i}
		n.taxes(at, c.Taxes)
		n.triple(at, &c.Net, &c.Tax, &c.Gross)
	}
	for i := range o.Discounts {
		d, at := &o.Discounts[i], place{list: "discounts", index: i}
		n.number(at.in("value"), &d.Value)
		n.amount(at.in("amount"), &d.Amount)
		n.taxes(at, d.Taxes)
		n.triple(at, &d.Net, &d.Tax, &d.Gross)
	}
	for i := range o.TaxTotals {
		n.tax(place{field: "tax_totals[#].", inner: i}, &o.TaxTotals[i])
	}
	for i := range o.Payments {
		n.amount(place{list: "payments", index: i, field: "amount"}, &o.Payments[i].Amount)
	}
	for i := range o.Refunds {
		r, at := &o.Refunds[i], place{list: "refunds", index: i}
		n.optional(at.in("shipping"), r.Shipping)
		n.amount(at.in("amount"), &r.Amount)
		for j := range r.Lines {
			n.number(at.each("lines[#].quantity", j), &r.Lines[j].Quantity)
			n.amount(at.each("lines[#].net", j), &r.Lines[j].Net)
			n.amount(at.each("lines[#].tax", j), &r.Lines[j].Tax)
		}
	}
	for i := range o.Fulfillments {
		f, at := &o.Fulfillments[i], place{list: "fulfillments", index: i}
		for j := range f.Lines {
			n.number(at.each("lines[#].quantity", j), &f.Lines[j].Quantity)
		}
	}
}

func (p place) in(field string) place {
	p.field = field
	return p
}

func (p place) each(field string, inner int) place {
	p.field, p.inner = field, inner
	return p
}

func (n numbers) optional(at place, m *money.Money) {
	if m != nil {
		n.amount(at, m)
	}
}

func (n numbers) triple(at place, net, tax, gross *money.Money) {
	n.amount(at.in("net"), net)
	n.amount(at.in("tax"), tax)
	n.amount(at.in("gross"), gross)
}

func (n numbers) discounts(at place, list []LineDiscount) {
	for i := range list {
		n.amount(at.each("discounts[#].amount", i), &list[i].Amount)
	}
}

func (n numbers) taxes(at place, list []Tax) {
	for i := range list {
		n.tax(at.each("taxes[#].", i), &list[i])
	}
}

// tax shows the numbers of one tax; at.field ends before their names.
func (n numbers) tax(at place, t *Tax) {
	n.number(at.in(at.field+"rate"), &t.Rate)
	n.optional(at.in(at.field+"taxable_amount"), t.TaxableAmount)
	n.amount(at.in(at.field+"tax_amount"), &t.TaxAmount)
}

// visit shows every amount of the totals.
func (t *Totals) visit(n numbers) {
	for _, a := range []struct {
		field  string
		amount *money.Money
	}{
		{"totals.lines_net", &t.LinesNet},
		{"totals.allowances", &t.Allowances},
		{"totals.charges", &t.Charges},
		{"totals.tax_exclusive", &t.TaxExclusive},
		{"totals.tax", &t.Tax},
		{"totals.tax_inclusive", &t.TaxInclusive},
		{"totals.prepaid", &t.Prepaid},
		{"totals.rounding", &t.Rounding},
		{"totals.payable", &t.Payable},
		{"totals.refunded", &t.Refunded},
	} {
		n.amount(place{field: a.field}, a.amount)
	}
}

// check is a visitor that keeps the first number that cannot belong to the order.
type check struct {
	currency money.Currency
	err      *FieldError
}

func (c *check) numbers() numbers { return numbers{amount: c.amount, number: c.number} }

func (c *check) amount(at place, m *money.Money) {
	c.number(at, &m.Amount)
	if c.err == nil && m.Currency != c.currency && !m.IsZero() {
		c.err = &FieldError{Field: at.String(), Message: fmt.Sprintf("is in %q but the order is in %q", m.Currency, c.currency)}
	}
}

func (c *check) number(at place, d *money.Decimal) {
	if c.err != nil {
		return
	}
	// Digits in front of the point are those of the coefficient and its exponent together.
	if exponent := d.Exponent(); exponent < -maxPlaces || d.NumDigits()+int(exponent) > maxPlaces {
		c.err = &FieldError{Field: at.String(), Message: fmt.Sprintf("has more than %d digits before or after the point", maxPlaces)}
	}
}

// checkNumbers fails, naming the field, on an amount in another currency than the document's, and on
// a number out of any sensible size.
func (o *Order) checkNumbers() error {
	if !o.DocumentCurrency.Known() {
		return &FieldError{Field: "document_currency", Message: fmt.Sprintf("%q is no ISO 4217 currency code", o.DocumentCurrency)}
	}
	c := check{currency: o.DocumentCurrency}
	o.visit(c.numbers())
	if c.err != nil {
		return c.err
	}
	return nil
}
