package commerce

import (
	"cmp"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/money"
)

// Totals is the chain of an order's amounts, in the order in which each follows from those before
// it (EN 16931 BR-CO-10, -13, -14, -15, -16):
//
//	lines_net      = Σ line net
//	tax_exclusive  = lines_net − allowances + charges
//	tax_inclusive  = tax_exclusive + tax
//	payable        = tax_inclusive − prepaid + rounding
//
// Charges include shipping. Allowances are the discounts that no line carries.
type Totals struct {
	LinesNet     money.Money `json:"lines_net"`
	Allowances   money.Money `json:"allowances"`
	Charges      money.Money `json:"charges"`
	TaxExclusive money.Money `json:"tax_exclusive"`
	Tax          money.Money `json:"tax"`
	TaxInclusive money.Money `json:"tax_inclusive"`
	Prepaid      money.Money `json:"prepaid"`
	Rounding     money.Money `json:"rounding"`
	Payable      money.Money `json:"payable"`
	Refunded     money.Money `json:"refunded"`
}

// Stated is what a source says of its totals itself; nil where it says nothing. What is stated
// stands; the rest of the chain is derived.
type Stated struct {
	Tax          *money.Decimal
	TaxInclusive *money.Decimal
	Prepaid      *money.Decimal
	Rounding     *money.Decimal
	Refunded     *money.Decimal
}

// Complete finishes an order that a decoder has filled: lists that are absent become empty, amounts
// that were left out become zero in the document's currency, and Totals is set from what the source
// states, with the rest of the chain derived from the parts. It fails with a *FieldError when an
// amount is in a currency other than the document's, when that is no currency, and when a number is
// out of any sensible size.
func (o *Order) Complete(stated Stated) error {
	o.fillLists()
	if err := o.checkNumbers(); err != nil {
		return err
	}
	o.visit(numbers{
		amount: func(_ place, m *money.Money) {
			if m.IsZero() {
				m.Currency = o.DocumentCurrency
			}
		},
		number: func(place, *money.Decimal) {},
	})
	derived := o.derive()
	override(&derived.Prepaid, stated.Prepaid)
	override(&derived.Rounding, stated.Rounding)
	override(&derived.Refunded, stated.Refunded)
	override(&derived.Tax, stated.Tax)
	override(&derived.TaxInclusive, stated.TaxInclusive)
	if stated.Tax != nil || stated.TaxInclusive != nil {
		if stated.TaxInclusive == nil {
			derived.TaxInclusive.Amount = derived.TaxExclusive.Amount.Add(derived.Tax.Amount)
		}
		derived.TaxExclusive.Amount = derived.TaxInclusive.Amount.Sub(derived.Tax.Amount)
	}
	derived.Payable.Amount = derived.TaxInclusive.Amount.Sub(derived.Prepaid.Amount).Add(derived.Rounding.Amount)
	o.Totals = derived
	return o.checkTotals()
}

// checkTotals is checkNumbers for the totals.
func (o *Order) checkTotals() error {
	c := check{currency: o.DocumentCurrency}
	o.Totals.visit(c.numbers())
	if c.err != nil {
		return c.err
	}
	return nil
}

func override(m *money.Money, stated *money.Decimal) {
	if stated != nil {
		m.Amount = *stated
	}
}

func (o *Order) fillLists() {
	o.Lines = orEmpty(o.Lines)
	o.ShippingLines = orEmpty(o.ShippingLines)
	o.Charges = orEmpty(o.Charges)
	o.Discounts = orEmpty(o.Discounts)
	o.Payments = orEmpty(o.Payments)
	o.Refunds = orEmpty(o.Refunds)
	o.Buyer.Emails = orEmpty(o.Buyer.Emails)
	o.Buyer.Phones = orEmpty(o.Buyer.Phones)
	for i := range o.Lines {
		o.Lines[i].Taxes = orEmpty(o.Lines[i].Taxes)
	}
	for i := range o.ShippingLines {
		o.ShippingLines[i].Taxes = orEmpty(o.ShippingLines[i].Taxes)
	}
	for i := range o.Charges {
		o.Charges[i].Taxes = orEmpty(o.Charges[i].Taxes)
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// derive works the chain out from the parts alone. Sums of amounts that the source keeps with more
// decimals than its currency has are rounded once, here; then lines_net is what makes the chain add
// up, which is at most a few minor units away from its own sum.
func (o *Order) derive() Totals {
	var lines, tax, charges, allowances, prepaid, refunded money.Decimal
	for i := range o.Lines {
		lines = lines.Add(o.Lines[i].LineNet.Amount)
		tax = tax.Add(o.Lines[i].LineTax.Amount)
	}
	for i := range o.ShippingLines {
		charges = charges.Add(o.ShippingLines[i].Net.Amount)
		tax = tax.Add(o.ShippingLines[i].Tax.Amount)
	}
	for i := range o.Charges {
		charges = charges.Add(o.Charges[i].Net.Amount)
		tax = tax.Add(o.Charges[i].Tax.Amount)
	}
	for i := range o.Discounts {
		if d := &o.Discounts[i]; !d.Allocated {
			allowances = allowances.Add(d.Net.Amount)
			tax = tax.Sub(d.Tax.Amount)
		}
	}
	for i := range o.Payments {
		prepaid = prepaid.Add(o.Payments[i].Amount.Amount)
	}
	for i := range o.Refunds {
		refunded = refunded.Add(o.Refunds[i].Amount.Amount)
	}
	amount := func(d money.Decimal) money.Money {
		return money.New(d, o.DocumentCurrency).Round(o.RoundingMode)
	}
	t := Totals{
		Allowances: amount(allowances),
		Charges:    amount(charges),
		Tax:        amount(tax),
		Prepaid:    amount(prepaid),
		Refunded:   amount(refunded),
		Rounding:   amount(money.Zero),
		// Net and tax that are each half a cent off still add up to a whole gross.
		TaxInclusive: amount(lines.Sub(allowances).Add(charges).Add(tax)),
	}
	t.TaxExclusive = amount(t.TaxInclusive.Amount.Sub(t.Tax.Amount))
	t.LinesNet = amount(t.TaxExclusive.Amount.Add(t.Allowances.Amount).Sub(t.Charges.Amount))
	t.Payable = amount(t.TaxInclusive.Amount.Sub(t.Prepaid.Amount))
	return t
}

// Difference is one place where an order's amounts do not add up: Stated is what the order says,
// Derived what its parts give, Amount is stated minus derived.
type Difference struct {
	Field   string      `json:"field"` // such as lines[2].line_gross or totals.tax_inclusive
	Stated  money.Money `json:"stated"`
	Derived money.Money `json:"derived"`
	Amount  money.Money `json:"amount"`
}

// Proof says whether an order's totals add up, and where by how much not.
type Proof struct {
	AddsUp      bool         `json:"adds_up"`
	Differences []Difference `json:"differences,omitempty"`
}

// Within says whether every difference is at most the tolerance (in the order's currency).
func (p Proof) Within(tolerance money.Decimal) bool {
	for _, d := range p.Differences {
		if d.Amount.Amount.Abs().GreaterThan(tolerance) {
			return false
		}
	}
	return true
}

// Prove checks the chain of totals: each line, shipping line, charge and allowance in itself, and the
// totals against their parts. Amounts are compared at the decimals of the currency. What is prepaid
// and refunded is taken as stated, since a source may know more of it than it lists. It fails as
// Complete does.
func (o *Order) Prove() (Proof, error) {
	if err := cmp.Or(o.checkNumbers(), o.checkTotals()); err != nil {
		return Proof{}, err
	}
	derived := o.derive()
	var p prover
	p.currency, p.mode = o.DocumentCurrency, o.RoundingMode
	for i, l := range o.Lines {
		p.part(fmt.Sprintf("lines[%d].line_gross", i), l.LineNet, l.LineTax, l.LineGross)
		p.taxes(fmt.Sprintf("lines[%d].line_tax", i), l.LineTax, l.Taxes)
	}
	for i, s := range o.ShippingLines {
		p.part(fmt.Sprintf("shipping_lines[%d].gross", i), s.Net, s.Tax, s.Gross)
		p.taxes(fmt.Sprintf("shipping_lines[%d].tax", i), s.Tax, s.Taxes)
	}
	for i, c := range o.Charges {
		p.part(fmt.Sprintf("charges[%d].gross", i), c.Net, c.Tax, c.Gross)
		p.taxes(fmt.Sprintf("charges[%d].tax", i), c.Tax, c.Taxes)
	}
	for i, d := range o.Discounts {
		if d.Allocated {
			continue
		}
		p.part(fmt.Sprintf("discounts[%d].gross", i), d.Net, d.Tax, d.Gross)
		if len(d.Taxes) > 0 {
			p.taxes(fmt.Sprintf("discounts[%d].tax", i), d.Tax, d.Taxes)
		}
	}
	t := o.Totals
	p.compare("totals.lines_net", t.LinesNet.Amount, derived.LinesNet.Amount)
	p.compare("totals.allowances", t.Allowances.Amount, derived.Allowances.Amount)
	p.compare("totals.charges", t.Charges.Amount, derived.Charges.Amount)
	p.compare("totals.tax_exclusive", t.TaxExclusive.Amount, t.LinesNet.Amount.Sub(t.Allowances.Amount).Add(t.Charges.Amount))
	p.compare("totals.tax", t.Tax.Amount, derived.Tax.Amount)
	if len(o.TaxTotals) > 0 {
		p.taxes("totals.tax", t.Tax, o.TaxTotals)
	}
	p.compare("totals.tax_inclusive", t.TaxInclusive.Amount, derived.TaxInclusive.Amount)
	p.compare("totals.payable", t.Payable.Amount, t.TaxInclusive.Amount.Sub(t.Prepaid.Amount).Add(t.Rounding.Amount))
	return Proof{AddsUp: len(p.found) == 0, Differences: p.found}, nil
}

type prover struct {
	currency money.Currency
	mode     money.RoundingMode
	found    []Difference
}

func (p *prover) compare(field string, stated, derived money.Decimal) {
	s := money.New(stated, p.currency).Round(p.mode)
	d := money.New(derived, p.currency).Round(p.mode)
	if s.Amount.Equal(d.Amount) {
		return
	}
	p.found = append(p.found, Difference{
		Field: field, Stated: s, Derived: d, Amount: money.New(s.Amount.Sub(d.Amount), p.currency),
	})
}

func (p *prover) part(field string, net, tax, gross money.Money) {
	p.compare(field, gross.Amount, net.Amount.Add(tax.Amount))
}

func (p *prover) taxes(field string, stated money.Money, taxes []Tax) {
	total := money.Zero
	for _, t := range taxes {
		total = total.Add(t.TaxAmount.Amount)
	}
	p.compare(field, stated.Amount, total)
}

// Tolerance is how far two systems that both round properly may be apart on this order: half a
// minor unit for each rounding that takes place (net and tax of a line, each tax group, each
// shipping line), but at most five minor units.
func (o *Order) Tolerance() money.Decimal {
	return o.halves(min(2*len(o.Lines)+o.taxGroups()+len(o.ShippingLines), 10))
}

// TaxTolerance is how far the tax alone may be apart where the gross total is the same: one system
// rounds it for each line, shipping line and charge, the other for each tax group. Unlike a
// difference of the total it grows with the order without anything being wrong: 67 lines at prices
// with 20 % in them have come to 12 pence.
func (o *Order) TaxTolerance() money.Decimal {
	return o.halves(len(o.Lines) + len(o.ShippingLines) + len(o.Charges) + o.taxGroups())
}

// halves is a number of half minor units as an amount.
func (o *Order) halves(n int) money.Decimal {
	return decimal.New(5*int64(n), -1-o.DocumentCurrency.Exponent())
}

// taxGroups counts the pairs of category and rate that have a sum of tax of their own.
func (o *Order) taxGroups() int {
	groups := map[string]bool{}
	count := func(taxes []Tax) {
		for _, t := range taxes {
			groups[t.Category+" "+t.Rate.String()] = true
		}
	}
	for i := range o.Lines {
		count(o.Lines[i].Taxes)
	}
	for i := range o.ShippingLines {
		count(o.ShippingLines[i].Taxes)
	}
	for i := range o.Charges {
		count(o.Charges[i].Taxes)
	}
	return len(groups)
}
