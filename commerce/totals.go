package commerce

import (
	"fmt"

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

// Complete finishes an order that a decoder has filled: lists that are absent become empty, every
// amount gets its currency checked, and Totals is set from what the source states, with the rest of
// the chain derived from the parts. It fails, naming the field, when an amount is in a currency
// other than the document's.
func (o *Order) Complete(stated Stated) error {
	o.fillLists()
	derived, err := o.derive()
	if err != nil {
		return err
	}
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

// sum adds amounts in one currency and names the field of the first that is in another.
type sum struct {
	currency money.Currency
	total    money.Decimal
	err      error
}

func (s *sum) add(field string, m money.Money) {
	if s.err == nil && m.Currency != s.currency && !m.IsZero() {
		s.err = fmt.Errorf("%s is in %q but the order is in %q", field, m.Currency, s.currency)
	}
	s.total = s.total.Add(m.Amount)
}

// derive works the chain out from the parts alone. Sums of amounts that the source keeps with more
// decimals than its currency has are rounded once, here.
func (o *Order) derive() (Totals, error) {
	cur := o.DocumentCurrency
	lines, tax := sum{currency: cur}, sum{currency: cur}
	for i, l := range o.Lines {
		lines.add(fmt.Sprintf("lines[%d].line_net", i), l.LineNet)
		tax.add(fmt.Sprintf("lines[%d].line_tax", i), l.LineTax)
	}
	charges := sum{currency: cur}
	for i, s := range o.ShippingLines {
		charges.add(fmt.Sprintf("shipping_lines[%d].net", i), s.Net)
		tax.add(fmt.Sprintf("shipping_lines[%d].tax", i), s.Tax)
	}
	for i, c := range o.Charges {
		charges.add(fmt.Sprintf("charges[%d].net", i), c.Net)
		tax.add(fmt.Sprintf("charges[%d].tax", i), c.Tax)
	}
	allowances := sum{currency: cur}
	for i, d := range o.Discounts {
		if d.Allocated {
			continue
		}
		allowances.add(fmt.Sprintf("discounts[%d].net", i), d.Net)
		tax.add(fmt.Sprintf("discounts[%d].tax", i), d.Tax.Neg())
	}
	prepaid := sum{currency: cur}
	for i, p := range o.Payments {
		prepaid.add(fmt.Sprintf("payments[%d].amount", i), p.Amount)
	}
	refunded := sum{currency: cur}
	for i, r := range o.Refunds {
		refunded.add(fmt.Sprintf("refunds[%d].amount", i), r.Amount)
	}
	for _, s := range []sum{lines, tax, charges, allowances, prepaid, refunded} {
		if s.err != nil {
			return Totals{}, s.err
		}
	}
	amount := func(d money.Decimal) money.Money {
		return money.New(d, cur).Round(o.RoundingMode)
	}
	t := Totals{
		LinesNet:   amount(lines.total),
		Allowances: amount(allowances.total),
		Charges:    amount(charges.total),
		Tax:        amount(tax.total),
		Prepaid:    amount(prepaid.total),
		Refunded:   amount(refunded.total),
		Rounding:   amount(money.Zero),
		// Net and tax that are each half a cent off still add up to a whole gross.
		TaxInclusive: amount(lines.total.Sub(allowances.total).Add(charges.total).Add(tax.total)),
	}
	t.TaxExclusive = money.New(t.TaxInclusive.Amount.Sub(t.Tax.Amount), cur)
	t.Payable = money.New(t.TaxInclusive.Amount.Sub(t.Prepaid.Amount), cur)
	return t, nil
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

// Prove checks the chain of totals: each line, shipping line and charge in itself, and the totals
// against their parts. Amounts are compared at the decimals of the currency.
func (o *Order) Prove() (Proof, error) {
	derived, err := o.derive()
	if err != nil {
		return Proof{}, err
	}
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
	t := o.Totals
	p.compare("totals.lines_net", t.LinesNet.Amount, derived.LinesNet.Amount)
	p.compare("totals.allowances", t.Allowances.Amount, derived.Allowances.Amount)
	p.compare("totals.charges", t.Charges.Amount, derived.Charges.Amount)
	p.compare("totals.tax_exclusive", t.TaxExclusive.Amount, t.LinesNet.Amount.Sub(t.Allowances.Amount).Add(t.Charges.Amount))
	p.compare("totals.tax", t.Tax.Amount, derived.Tax.Amount)
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
	groups := map[string]bool{}
	for _, l := range o.Lines {
		for _, t := range l.Taxes {
			groups[t.Category+t.Rate.String()] = true
		}
	}
	halves := min(int64(2*len(o.Lines)+len(groups)+len(o.ShippingLines)), 10)
	return decimalFromHalves(halves).Shift(-o.DocumentCurrency.Exponent())
}
