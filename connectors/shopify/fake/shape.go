package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// shaper puts a canonical order into Shopify's shape. It works on the order as restate left it.
type shaper struct {
	v    *Vendor
	cur  money.Currency
	o    *commerce.Order
	out  *order
	apps map[string]int // discount id → index of its application
	// sums
	items, off, shipping, tax, subtotal money.Decimal
}

// set writes an amount in both currencies of the order.
func (s *shaper) set(d money.Decimal) set {
	shop := amount{plain(d, s.cur), string(s.cur)}
	seen := shop
	if p := s.v.presented; p.currency != "" && p.currency != s.cur {
		rounded := money.Round(d.Mul(p.rate), p.currency.Exponent(), money.HalfUp)
		seen = amount{plain(rounded, p.currency), string(p.currency)}
	}
	return set{Shop: shop, Presentment: seen}
}

func (s *shaper) plain(d money.Decimal) string { return plain(d, s.cur) }

// stated gives the one of two amounts that is in the sense of the order's prices.
func (s *shaper) stated(net, gross money.Money) money.Decimal {
	if s.o.PricesIncludeTax {
		return gross.Amount
	}
	return net.Amount
}

// shape makes the order. Amounts are worked out as Shopify does it: unit price times quantity, less the
// allocations of discounts; taxes are as the order states them.
func (s *shaper) shape() error {
	o, out := s.o, s.out
	out.Currency, out.PresentmentCurrency = string(s.cur), s.set(money.Zero).Presentment.Currency
	out.TaxesIncluded, out.Test, out.Confirmed = o.PricesIncludeTax, o.Test, true
	out.SourceName = o.Channel
	out.Note, out.PONumber = nil, text(o.CustomerReference)
	for _, n := range o.Notes {
		joined := strings.TrimPrefix(deref(out.Note)+"\n"+n.Text, "\n")
		out.Note = &joined
	}
	out.NoteAttributes = []pair{}
	if id := o.Buyer.TaxID(); id != "" {
		out.NoteAttributes = append(out.NoteAttributes, pair{taxIDAttribute, id})
	}
	out.BillingAddress, out.ShippingAddress = s.v.address(o.BillTo), s.v.address(o.ShipTo)
	s.applications()
	out.LineItems = make([]line, len(o.Lines))
	for i := range o.Lines {
		if err := s.line(i); err != nil {
			return err
		}
	}
	out.ShippingLines = make([]delivery, len(o.ShippingLines))
	for i := range o.ShippingLines {
		s.delivery(i)
	}
	s.charges()
	s.totals()
	return s.payments()
}

// applications lists the discounts; those of no line are not Shopify's and were spread by restate.
func (s *shaper) applications() {
	s.apps = map[string]int{}
	s.out.DiscountApplications, s.out.DiscountCodes = []discount{}, []code{}
	for i := range s.o.Discounts {
		d := &s.o.Discounts[i]
		s.apps[d.DiscountID] = i
		a := discount{
			TargetType: "line_item", Type: "automatic", ValueType: "fixed_amount", Value: s.plain(d.Value), Method: "each",
			TargetSelection: "explicit", Code: d.Code, Title: d.Title,
		}
		switch d.Target {
		case commerce.TargetShipping:
			a.TargetType, a.TargetSelection = "shipping_line", "all"
		case commerce.TargetOrder:
			a.Method, a.TargetSelection = "across", "all"
		}
		switch {
		case d.Kind == commerce.DiscountFreeShipping:
			a.ValueType, a.Value = "percentage", "100.0"
		case d.Kind == commerce.DiscountPercent:
			a.ValueType, a.Value = "percentage", d.Value.StringFixed(max(1, -d.Value.Exponent()))
		}
		switch {
		case d.Code != "":
			a.Type = "discount_code"
			s.out.DiscountCodes = append(s.out.DiscountCodes, code{d.Code, s.plain(d.Amount.Amount), a.ValueType})
		case d.Kind == commerce.DiscountManual:
			a.Type = "manual"
		}
		s.out.DiscountApplications = append(s.out.DiscountApplications, a)
	}
}

func (s *shaper) line(i int) error {
	l := &s.o.Lines[i]
	id, err := strconv.ParseInt(l.LineID, 10, 64)
	if err != nil {
		return fmt.Errorf("lines[%d].line_id: %w", i, err)
	}
	price := s.stated(l.UnitPrice.Net, l.UnitPrice.Gross)
	quantity := l.Quantity.IntPart()
	out := line{
		ID: id, AdminID: gid("LineItem", id), CurrentQuantity: quantity, Fulfillable: quantity, Quantity: quantity,
		Service: "manual", GiftCard: l.Type == commerce.LineGiftCard, Name: l.Name, Title: l.Name,
		Price: s.plain(price), PriceSet: s.set(price), Properties: []pair{}, RequiresShipping: l.RequiresShip,
		SKU: text(l.SKU), Taxable: l.Type != commerce.LineGiftCard, TotalDiscount: s.plain(money.Zero), TotalDiscountSet: s.set(money.Zero),
		TaxLines: s.taxes(l.Taxes), Duties: []duty{},
	}
	for _, o := range l.Options {
		out.VariantTitle = text(o.Value)
		out.Title = strings.TrimSuffix(l.Name, " - "+o.Value)
	}
	if l.Type != commerce.LineCustom {
		product, variant := s.v.article(l.SKU)
		out.ProductID, out.VariantID, out.ProductExists = &product, &variant, true
	}
	if !s.o.CancelledAt.IsZero() {
		out.CurrentQuantity, out.Fulfillable = 0, 0
	}
	for _, p := range l.Properties {
		out.Properties = append(out.Properties, pair{p.Name, p.Value})
	}
	full := price.Mul(l.Quantity)
	allocations, off := s.allocations(l.Discounts)
	out.Allocations = allocations
	s.items, s.off, s.tax = s.items.Add(full), s.off.Add(off), s.tax.Add(l.LineTax.Amount)
	s.subtotal = s.subtotal.Add(full.Sub(off))
	if left := full.Sub(off); !left.Equal(s.stated(l.LineNet, l.LineGross)) {
		return fmt.Errorf("lines[%d]: %s × %s less %s is not the line's amount", i, price, l.Quantity, off)
	}
	s.out.LineItems[i] = out
	return nil
}

func (s *shaper) allocations(from []commerce.LineDiscount) ([]allocation, money.Decimal) {
	out, off := []allocation{}, money.Zero
	for _, d := range from {
		out = append(out, allocation{s.plain(d.Amount.Amount), s.set(d.Amount.Amount), s.apps[d.DiscountID]})
		off = off.Add(d.Amount.Amount)
	}
	return out, off
}

func (s *shaper) taxes(from []commerce.Tax) []tax {
	out := make([]tax, len(from))
	for i, t := range from {
		out[i] = tax{
			ChannelLiable: t.CollectedBy == "channel", Price: s.plain(t.TaxAmount.Amount), PriceSet: s.set(t.TaxAmount.Amount),
			Rate: json.Number(t.Rate.String()), Title: t.Name,
		}
	}
	return out
}

func (s *shaper) delivery(i int) {
	d := &s.o.ShippingLines[i]
	id, _ := strconv.ParseInt(d.LineID, 10, 64) // restate has given it
	allocations, off := s.allocations(d.Discounts)
	lowered := s.stated(d.Net, d.Gross)
	price := lowered.Add(off)
	s.shipping, s.off, s.tax = s.shipping.Add(price), s.off.Add(off), s.tax.Add(d.Tax.Amount)
	s.out.ShippingLines[i] = delivery{
		ID: id, Carrier: text(d.Carrier), Code: d.Method, Title: d.Title, Source: "shopify",
		Price: s.plain(price), PriceSet: s.set(price), DiscountedPrice: s.plain(lowered), DiscountedSet: s.set(lowered), CurrentSet: s.set(lowered),
		TaxLines: s.taxes(d.Taxes), Allocations: allocations,
	}
}

// charges puts tips and duties where Shopify has them; restate has made lines of the others.
func (s *shaper) charges() {
	tip, duties := money.Zero, money.Zero
	for _, c := range s.o.Charges {
		switch c.Type {
		case commerce.ChargeTip:
			tip = tip.Add(c.Gross.Amount)
		case commerce.ChargeDuty:
			price := s.stated(c.Net, c.Gross)
			duties = duties.Add(price)
			s.tax = s.tax.Add(c.Tax.Amount)
			first := &s.out.LineItems[0]
			first.Duties = append(first.Duties, duty{ID: c.ChargeID, Origin: "CN", Code: "0902", PriceSet: s.set(price), TaxLines: s.taxes(c.Taxes)})
		}
	}
	s.out.TotalTip, s.out.tip = s.plain(tip), s.set(tip)
	s.out.DutiesSet = nil
	if !duties.IsZero() {
		all := s.set(duties)
		s.out.DutiesSet = &all
	}
}

func (s *shaper) totals() {
	out := s.out
	total := s.o.Totals.TaxInclusive.Amount
	out.TotalLineItems, out.TotalLineItemsSet = s.plain(s.items), s.set(s.items)
	out.TotalDiscounts, out.TotalDiscountsSet = s.plain(s.off), s.set(s.off)
	out.CurrentDiscounts, out.CurrentDiscountsSet = out.TotalDiscounts, out.TotalDiscountsSet
	out.Subtotal, out.SubtotalSet = s.plain(s.subtotal), s.set(s.subtotal)
	out.CurrentSubtotal, out.CurrentSubtotalSet = out.Subtotal, out.SubtotalSet
	out.TotalShippingSet, out.CurrentShipping = s.set(s.shipping), s.set(s.shipping)
	out.TotalTax, out.TotalTaxSet = s.plain(s.tax), s.set(s.tax)
	out.CurrentTax, out.CurrentTaxSet = out.TotalTax, out.TotalTaxSet
	out.TotalPrice, out.TotalPriceSet = s.plain(total), s.set(total)
	out.CurrentTotal, out.CurrentTotalSet = out.TotalPrice, out.TotalPriceSet
	out.CashRounding = s.set(s.o.Totals.Rounding.Amount)
	out.TaxLines = s.taxes(s.o.TaxTotals)
	if !s.o.CancelledAt.IsZero() {
		zero, none := s.plain(money.Zero), s.set(money.Zero)
		out.CurrentTotal, out.CurrentTotalSet, out.CurrentTax, out.CurrentTaxSet = zero, none, zero, none
		out.CurrentSubtotal, out.CurrentSubtotalSet, out.CurrentDiscounts, out.CurrentDiscountsSet = zero, none, zero, none
		out.CurrentShipping = none
	}
}

// financialStatuses are Shopify's words for the states that it knows.
var financialStatuses = map[commerce.PaymentState]string{
	commerce.PaymentPending: "pending", commerce.PaymentAuthorized: "authorized", commerce.PaymentPartiallyPaid: "partially_paid",
	commerce.PaymentPaid: "paid", commerce.PaymentPartiallyRefunded: "partially_refunded", commerce.PaymentRefunded: "refunded",
	commerce.PaymentVoided: "voided",
}

// payments makes the transactions. A webhook shows the names of the gateways alone.
func (s *shaper) payments() error {
	o, out := s.o, s.out
	status, ok := financialStatuses[o.PaymentState]
	if !ok {
		return fmt.Errorf("payment_state: Shopify has no word for %q", o.PaymentState)
	}
	out.FinancialStatus = status
	out.GatewayNames, out.transactions = []string{}, nil
	received, due := money.Zero, o.Totals.TaxInclusive.Amount
	for i := range o.Payments {
		p := &o.Payments[i]
		id, err := strconv.ParseInt(p.PaymentID, 10, 64)
		if err != nil {
			return fmt.Errorf("payments[%d].payment_id: %w", i, err)
		}
		t := transaction{
			ID: id, AdminID: gid("OrderTransaction", id), OrderID: out.ID, Currency: string(s.cur), Gateway: p.Gateway, Status: "success", Kind: "sale",
			CreatedAt: out.CreatedAt, ProcessedAt: out.CreatedAt, Test: o.Test, PaymentID: p.Reference, SourceName: "web", title: p.Title,
		}
		worth := p.Amount.Amount
		switch {
		case worth.IsPositive():
		case p.State == commerce.PaymentAuthorized:
			t.Kind, worth = "authorization", due.Sub(received)
		default:
			t.Status, worth = "pending", due.Sub(received)
		}
		t.Amount, t.amount = s.plain(worth), s.set(worth)
		received = received.Add(p.Amount.Amount)
		out.transactions = append(out.transactions, t)
		if !slices.Contains(out.GatewayNames, p.Gateway) {
			out.GatewayNames = append(out.GatewayNames, p.Gateway)
		}
	}
	out.received = s.set(received)
	left := due.Sub(received)
	out.TotalOutstanding, out.outstanding = s.plain(left), s.set(left)
	return nil
}

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

// address writes an address; the province is a code where it is short enough to be one.
func (v *Vendor) address(a *commerce.Address) *address {
	if a == nil {
		return nil
	}
	out := &address{
		FirstName: text(a.GivenName), LastName: text(a.FamilyName), Company: text(a.Company), Address1: text(a.StreetAddress), Address2: text(a.ExtendedAddress),
		City: text(a.AddressLocality), Province: text(a.AddressRegion), Zip: text(a.PostalCode), Phone: text(a.Phone), Name: a.Name,
		CountryCode: text(a.AddressCountry), Country: text(v.country(a.AddressCountry)),
	}
	if len(a.AddressRegion) <= 3 {
		out.ProvinceCode = text(a.AddressRegion)
	}
	return out
}

// country gives the name of a country.
func (v *Vendor) country(code string) string {
	if name, ok := v.countries[code]; ok {
		return name
	}
	name := code
	if region, err := language.ParseRegion(code); err == nil {
		name = display.English.Regions().Name(region)
	}
	v.countries[code] = name
	return name
}
