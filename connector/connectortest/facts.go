package connectortest

import (
	"fmt"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
)

// fact is one thing that an order says.
type fact struct{ name, value string }

// facts are what an order says of money, goods, people and states. Left out is what one form of a vendor
// tells and another does not: ids of parts, the transactions behind a payment, payments of nothing, and
// the tax in a discount that is inside the lines already.
func facts(o commerce.Order) []fact {
	var out []fact
	say := func(name string, value ...any) {
		out = append(out, fact{name, strings.TrimSuffix(fmt.Sprintln(value...), "\n")})
	}
	say("order_number", o.OrderNumber)
	say("document_currency", o.DocumentCurrency)
	say("prices_include_tax", o.PricesIncludeTax)
	say("order_state", o.OrderState)
	say("payment_state", o.PaymentState)
	say("fulfillment_state", o.FulfillmentState)
	say("buyer", o.Buyer.Source.ExternalID, o.Buyer.DisplayName, o.Buyer.CompanyName, o.Buyer.Emails, o.Buyer.Phones)
	say("bill_to", address(o.BillTo))
	say("ship_to", address(o.ShipTo))
	for i, l := range o.Lines {
		at := fmt.Sprintf("lines[%d].", i)
		say(at+"sku", l.SKU)
		say(at+"name", l.Name)
		say(at+"quantity", l.Quantity)
		say(at+"line_net", l.LineNet)
		say(at+"line_tax", l.LineTax)
		say(at+"line_gross", l.LineGross)
		say(at+"taxes", rates(l.Taxes))
	}
	for i, l := range o.ShippingLines {
		say(fmt.Sprintf("shipping_lines[%d]", i), l.Net, l.Tax, l.Gross, rates(l.Taxes))
	}
	for i, c := range o.Charges {
		say(fmt.Sprintf("charges[%d]", i), c.Net, c.Tax, c.Gross, rates(c.Taxes))
	}
	for i, d := range o.Discounts {
		say(fmt.Sprintf("discounts[%d].amount", i), d.Amount)
		if !d.Allocated {
			say(fmt.Sprintf("discounts[%d]", i), d.Net, d.Tax, d.Gross)
		}
	}
	for i, p := range o.Payments {
		if !p.Amount.Amount.IsZero() {
			say(fmt.Sprintf("payments[%d]", i), p.Method, p.State, p.Amount)
		}
	}
	for i, n := range o.Notes {
		say(fmt.Sprintf("notes[%d]", i), n.Audience, n.Text)
	}
	t := o.Totals
	say("totals.lines_net", t.LinesNet)
	say("totals.allowances", t.Allowances)
	say("totals.charges", t.Charges)
	say("totals.tax_exclusive", t.TaxExclusive)
	say("totals.tax", t.Tax)
	say("totals.tax_inclusive", t.TaxInclusive)
	say("totals.prepaid", t.Prepaid)
	say("totals.rounding", t.Rounding)
	say("totals.payable", t.Payable)
	say("totals.refunded", t.Refunded)
	return out
}

func address(a *commerce.Address) string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%q", []string{
		a.Name, a.Company, a.StreetAddress, a.ExtendedAddress, a.PostalCode, a.AddressLocality, a.AddressRegion, a.AddressCountry,
	})
}

// rates are the taxes by rate and amount, whatever they are called.
func rates(taxes []commerce.Tax) string {
	var out []string
	for _, t := range taxes {
		out = append(out, fmt.Sprintf("%s: %s", t.Rate, t.TaxAmount))
	}
	return strings.Join(out, ", ")
}

// contradictions gives where two accounts of one order differ.
func contradictions(got, want commerce.Order) []string {
	var out []string
	have := map[string]string{}
	for _, f := range facts(got) {
		have[f.name] = f.value
	}
	for _, f := range facts(want) {
		value, there := have[f.name]
		if !there || value != f.value {
			out = append(out, fmt.Sprintf("%s is %q; want %q", f.name, value, f.value))
		}
		delete(have, f.name)
	}
	for _, f := range facts(got) {
		if _, more := have[f.name]; more {
			out = append(out, fmt.Sprintf("%s is %q; want none", f.name, f.value))
		}
	}
	return out
}
