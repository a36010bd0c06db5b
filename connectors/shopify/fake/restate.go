package fake

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

var errNoLines = errors.New("lines: Shopify has no order without lines")

// restate gives a canonical order as Shopify would state it: with whole units, without discounts of no
// line, and with charges that Shopify has. Its sums stay what they are.
func (v *Vendor) restate(o commerce.Order) (commerce.Order, error) {
	if len(o.Lines) == 0 {
		return o, errNoLines
	}
	cur := o.DocumentCurrency
	if !cur.Known() {
		return o, fmt.Errorf("document_currency: %q is no currency", cur)
	}
	o.Source.System, o.TaxLevel, o.RoundingMode = "shopify", commerce.TaxByLine, money.HalfUp
	o.OrderType, o.Extensions = commerce.OrderSale, nil
	if o.Channel == "" {
		o.Channel = "web"
	}
	v.spreadDiscounts(&o)
	v.nameDiscounts(&o)
	v.renumberDiscounts(&o)
	o.Lines = slices.Clone(o.Lines)
	for i := range o.Lines {
		if !o.Lines[i].Quantity.IsInteger() || !o.Lines[i].Quantity.IsPositive() {
			return o, fmt.Errorf("lines[%d].quantity: Shopify counts in whole units, not %s", i, o.Lines[i].Quantity)
		}
		v.restateLine(&o, &o.Lines[i])
	}
	v.restateCharges(&o)
	v.restateShipping(&o)
	v.restatePayments(&o)
	o.TaxTotals = taxTotals(&o)
	if len(o.Notes) > 0 {
		texts := make([]string, len(o.Notes))
		for i, n := range o.Notes {
			texts[i] = n.Text
		}
		o.Notes = []commerce.Note{{Audience: "buyer", Text: strings.Join(texts, "\n")}}
	}
	o.BillTo, o.ShipTo = restateAddress(o.BillTo, commerce.UseBilling), restateAddress(o.ShipTo, commerce.UseShipping)
	var stated commerce.Stated
	if rounding := o.Totals.Rounding.Amount; !rounding.IsZero() {
		stated.Rounding = &rounding
	}
	return o, o.Complete(stated)
}

// spreadDiscounts gives what no line carries to the lines: Shopify allocates every discount.
func (v *Vendor) spreadDiscounts(o *commerce.Order) {
	o.Discounts, o.Lines = slices.Clone(o.Discounts), slices.Clone(o.Lines)
	for i := range o.Discounts {
		d := &o.Discounts[i]
		if d.Allocated {
			continue
		}
		weights := make([]money.Decimal, len(o.Lines))
		for j, l := range o.Lines {
			weights[j] = l.LineNet.Amount
		}
		places := o.DocumentCurrency.Exponent()
		nets, taxes := money.Allocate(d.Net.Amount, weights, places), money.Allocate(d.Tax.Amount, weights, places)
		for j := range o.Lines {
			l := &o.Lines[j]
			part := nets[j]
			if o.PricesIncludeTax {
				part = part.Add(taxes[j])
			}
			l.Discounts = append(slices.Clone(l.Discounts), commerce.LineDiscount{DiscountID: d.DiscountID, Amount: money.New(part, o.DocumentCurrency)})
			l.LineNet.Amount = l.LineNet.Amount.Sub(nets[j])
			l.LineTax.Amount = l.LineTax.Amount.Sub(taxes[j])
			l.LineGross.Amount = l.LineNet.Amount.Add(l.LineTax.Amount)
			if l.Taxes = slices.Clone(l.Taxes); len(l.Taxes) > 0 {
				l.Taxes[0].TaxAmount.Amount = l.Taxes[0].TaxAmount.Amount.Sub(taxes[j])
			}
		}
		d.Allocated, d.Target = true, commerce.TargetOrder
	}
}

// nameDiscounts makes a manual discount of what a line was lowered by without one.
func (v *Vendor) nameDiscounts(o *commerce.Order) {
	name := func(parts []commerce.LineDiscount, target commerce.DiscountTarget) {
		for _, part := range parts {
			if slices.ContainsFunc(o.Discounts, func(d commerce.Discount) bool { return d.DiscountID == part.DiscountID }) {
				continue
			}
			o.Discounts = append(o.Discounts, commerce.Discount{
				DiscountID: part.DiscountID, Title: "Discount", Kind: commerce.DiscountManual, Target: target, Value: part.Amount.Amount,
				Amount: part.Amount, Allocated: true, Net: part.Amount, Tax: money.New(money.Zero, o.DocumentCurrency), Gross: part.Amount,
			})
		}
	}
	for i := range o.Lines {
		name(o.Lines[i].Discounts, commerce.TargetLine)
	}
	for i := range o.ShippingLines {
		name(o.ShippingLines[i].Discounts, commerce.TargetShipping)
	}
}

// renumberDiscounts names discounts by their place, as Shopify does, in the words that it has.
func (v *Vendor) renumberDiscounts(o *commerce.Order) {
	ids := map[string]string{}
	for i := range o.Discounts {
		d := &o.Discounts[i]
		id := strconv.Itoa(i)
		ids[d.DiscountID] = id
		d.DiscountID, d.Taxes = id, nil
		if d.Code != "" {
			d.Title = "" // an application of a code has no title
		}
		switch {
		case d.Target == commerce.TargetShipping && d.Kind == commerce.DiscountFreeShipping:
			d.Value = decimal.New(100, 0)
		case d.Kind == commerce.DiscountPercent, d.Kind == commerce.DiscountManual && d.Code == "":
		default:
			d.Kind = commerce.DiscountFixed
		}
		if d.Value.IsZero() {
			d.Value = d.Amount.Amount
		}
	}
	rename := func(from []commerce.LineDiscount) []commerce.LineDiscount {
		var out []commerce.LineDiscount
		for _, d := range from {
			if !d.Amount.IsZero() {
				out = append(out, commerce.LineDiscount{DiscountID: ids[d.DiscountID], Amount: d.Amount})
			}
		}
		return out
	}
	for i := range o.Lines {
		o.Lines[i].Discounts = rename(o.Lines[i].Discounts)
	}
	o.ShippingLines = slices.Clone(o.ShippingLines)
	for i := range o.ShippingLines {
		o.ShippingLines[i].Discounts = rename(o.ShippingLines[i].Discounts)
	}
}

// restateLine finds a unit price in whole minor units. Where price times quantity, less discounts, is
// not the line's amount, the rest is a manual discount.
func (v *Vendor) restateLine(o *commerce.Order, l *commerce.Line) {
	if l.LineID == "" || !digits(l.LineID) {
		l.LineID = strconv.FormatInt(v.id(), 10)
	}
	if l.Type == commerce.LineProduct && l.SKU == "" {
		l.Type = commerce.LineCustom
	}
	product, variant := v.article(l.SKU)
	l.SourceProductID, l.SourceVariantID = "", ""
	if l.Type != commerce.LineCustom {
		l.SourceProductID, l.SourceVariantID = strconv.FormatInt(product, 10), strconv.FormatInt(variant, 10)
	}
	l.ListPrice, l.TaxClass, l.Warehouse, l.UnitCode, l.GTIN, l.ParentLineID, l.Extensions = nil, "", "", "", "", "", nil
	l.Cancelled, l.Fulfilled, l.Refunded = money.Zero, money.Zero, money.Zero
	l.Taxes = restateTaxes(l.Taxes, l.LineNet, l.LineTax, o.PricesIncludeTax)
	want, price := l.LineNet.Amount, l.UnitPrice.Net.Amount
	if o.PricesIncludeTax {
		want, price = l.LineGross.Amount, l.UnitPrice.Gross.Amount
	}
	places := o.DocumentCurrency.Exponent()
	off := money.Zero
	for _, d := range l.Discounts {
		off = off.Add(d.Amount.Amount)
	}
	price = money.Round(price, places, money.HalfUp)
	rest := price.Mul(l.Quantity).Sub(off).Sub(want)
	if rest.IsNegative() {
		price = want.Add(off).DivRound(l.Quantity, 20).RoundCeil(places)
		rest = price.Mul(l.Quantity).Sub(off).Sub(want)
	}
	if rest.IsPositive() {
		id := strconv.Itoa(len(o.Discounts))
		saved := money.New(rest, o.DocumentCurrency)
		o.Discounts = append(o.Discounts, commerce.Discount{
			DiscountID: id, Title: "Discount", Kind: commerce.DiscountManual, Target: commerce.TargetLine, Value: rest, Amount: saved, Allocated: true,
			Net: saved, Tax: money.New(money.Zero, o.DocumentCurrency), Gross: saved,
		})
		l.Discounts = append(l.Discounts, commerce.LineDiscount{DiscountID: id, Amount: saved})
	}
	rate := money.Zero
	for _, t := range l.Taxes {
		rate = rate.Add(t.Rate)
	}
	at := money.New(price, o.DocumentCurrency)
	if o.PricesIncludeTax {
		l.UnitPrice = commerce.Price{Net: money.New(commerce.NetOfGross(price, rate), o.DocumentCurrency), Gross: at}
	} else {
		l.UnitPrice = commerce.Price{Net: at, Gross: money.New(price.Mul(rate.Add(decimal.New(1, 0))), o.DocumentCurrency)}
	}
}

// restateTaxes keeps what a tax line of Shopify tells.
func restateTaxes(from []commerce.Tax, net, tax money.Money, included bool) []commerce.Tax {
	out := make([]commerce.Tax, 0, len(from))
	for _, t := range from {
		kept := commerce.Tax{Name: t.Name, Rate: t.Rate, TaxAmount: t.TaxAmount, Included: included}
		if t.CollectedBy == "channel" {
			kept.CollectedBy = t.CollectedBy
		}
		out = append(out, kept)
	}
	if len(out) == 0 && !tax.IsZero() {
		out = append(out, commerce.Tax{Name: "Tax", Rate: tax.Amount.DivRound(net.Amount, 4), TaxAmount: tax, Included: included})
	}
	return out
}

// restateCharges makes custom lines of the charges that Shopify does not have.
func (v *Vendor) restateCharges(o *commerce.Order) {
	kept := []commerce.Charge{}
	for _, c := range o.Charges {
		c.Taxes = restateTaxes(c.Taxes, c.Net, c.Tax, o.PricesIncludeTax)
		switch {
		case c.Type == commerce.ChargeTip && c.Tax.IsZero():
			c.ChargeID, c.Title, c.Taxes = "", "Tip", []commerce.Tax{}
			kept = append(kept, c)
		case c.Type == commerce.ChargeDuty:
			c.ChargeID, c.Title = strconv.FormatInt(v.id(), 10), "Duties"
			kept = append(kept, c)
		default:
			l := commerce.Line{
				Type: commerce.LineCustom, Name: c.Title, Quantity: decimal.New(1, 0), UnitPrice: commerce.Price{Net: c.Net, Gross: c.Gross},
				Taxes: c.Taxes, LineNet: c.Net, LineTax: c.Tax, LineGross: c.Gross,
			}
			v.restateLine(o, &l)
			o.Lines = append(o.Lines, l)
		}
	}
	o.Charges = kept
}

func (v *Vendor) restateShipping(o *commerce.Order) {
	for i := range o.ShippingLines {
		s := &o.ShippingLines[i]
		if s.LineID == "" || !digits(s.LineID) {
			s.LineID = strconv.FormatInt(v.id(), 10)
		}
		if s.Method == "" {
			s.Method = s.Title
		}
		s.Taxes = restateTaxes(s.Taxes, s.Net, s.Tax, o.PricesIncludeTax)
	}
}

func (v *Vendor) restatePayments(o *commerce.Order) {
	o.Payments = slices.Clone(o.Payments)
	for i := range o.Payments {
		p := &o.Payments[i]
		if p.PaymentID == "" || !digits(p.PaymentID) {
			p.PaymentID = strconv.FormatInt(v.id(), 10)
		}
		if p.Gateway == "" {
			p.Gateway = p.Method
		}
		if p.GiftCard {
			p.Gateway = "gift_card"
		}
		p.Method, p.GiftCard = p.Gateway, p.Gateway == "gift_card"
	}
}

// taxTotals adds the taxes up by name and rate.
func taxTotals(o *commerce.Order) []commerce.Tax {
	out := []commerce.Tax{}
	add := func(taxes []commerce.Tax) {
		for _, t := range taxes {
			i := slices.IndexFunc(out, func(s commerce.Tax) bool { return s.Name == t.Name && s.Rate.Equal(t.Rate) })
			if i < 0 {
				out = append(out, t)
				continue
			}
			out[i].TaxAmount.Amount = out[i].TaxAmount.Amount.Add(t.TaxAmount.Amount)
		}
	}
	for _, l := range o.Lines {
		add(l.Taxes)
	}
	for _, s := range o.ShippingLines {
		add(s.Taxes)
	}
	for _, c := range o.Charges {
		add(c.Taxes)
	}
	return out
}

// restateAddress keeps what Shopify has fields for.
func restateAddress(a *commerce.Address, use commerce.AddressUse) *commerce.Address {
	if a == nil {
		return nil
	}
	out := *a
	if out.GivenName == "" && out.FamilyName == "" {
		out.FamilyName = out.Name
	}
	out.Name = strings.TrimSpace(out.GivenName + " " + out.FamilyName)
	out.StreetAddress = strings.TrimSpace(out.StreetAddress + " " + out.HouseNumber)
	out.ExtendedAddress = strings.TrimSpace(out.ExtendedAddress + " " + out.DependentLocality)
	out.Use, out.HouseNumber, out.DependentLocality, out.Email, out.GLN, out.DeliveryInstructions = use, "", "", "", "", ""
	if use != commerce.UseOther {
		out.AddressID, out.Default = "", false
	}
	return &out
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
