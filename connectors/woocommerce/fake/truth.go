package fake

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// state is an order as the shop states it, in the canonical model: the ground truth. It is made of
// what the database holds, not of what the API shows, and shares nothing with the connector.
func (v *Vendor) state(o *order) commerce.Order {
	currency := money.Currency(o.currency)
	source := v.source(o.id, "/wp-admin/post.php?action=edit&post=")
	source.ExternalNumber, source.UpdatedAt = o.number, o.modified
	out := commerce.Order{
		Source: source, OrderNumber: o.number, OrderDate: o.created, OrderType: commerce.OrderSale, Channel: "web",
		DocumentCurrency: currency, PricesIncludeTax: o.include, TaxLevel: commerce.TaxByLine, RoundingMode: money.HalfUp,
	}
	if o.createdVia != "store-api" {
		out.Channel = o.createdVia
	}
	if o.include {
		out.RoundingMode = money.HalfDown
	}
	b := books{v: v, o: o, out: &out, currency: currency, exact: o.exact && !v.sameRounded(o)}
	if b.exact {
		out.TaxLevel = commerce.TaxByDocument
	}
	b.buyer()
	b.sold()
	b.coupons()
	b.costs()
	b.taxTotals()
	b.paid()
	b.returned()
	b.status()
	out.Extensions = map[string]string{"status": o.status, "created_via": o.createdVia}
	for _, m := range o.meta {
		if !strings.HasPrefix(m.Key, "_") {
			out.Extensions["meta."+m.Key] = plain(m)
		}
	}
	s := v.sum(o)
	total := s.total
	for _, g := range o.giftCards {
		total = total.Add(g.amount)
	}
	if err := out.Complete(commerce.Stated{Tax: &s.tax, TaxInclusive: &total}); err != nil {
		v.strange("order %d is none: %v", o.id, err)
	}
	return out
}

// plain is a field's value where it is a text.
func plain(m meta) string {
	s, err := strconv.Unquote(string(m.Value))
	if err != nil {
		return ""
	}
	return s
}

func (v *Vendor) source(id int64, page string) commerce.Source {
	s := commerce.Source{System: "woocommerce", ExternalID: strconv.FormatInt(id, 10)}
	if at, err := url.Parse(v.options.BaseURL); err == nil {
		s.Store = at.Host + at.Path
	}
	s.AdminURL = v.options.BaseURL + page + s.ExternalID
	return s
}

// sameRounded says whether an order of a shop that rounds at the end has the same total either way;
// then nobody can tell, and amounts are shown rounded.
func (v *Vendor) sameRounded(o *order) bool {
	rounded := *o
	rounded.exact = false
	lines := func(list []*line) []*line {
		out := make([]*line, len(list))
		for i, l := range list {
			copied := *l
			copied.tax = roundTax(l.tax, exponent(o.currency), o.include)
			out[i] = &copied
		}
		return out
	}
	rounded.lines, rounded.fees, rounded.ships = lines(o.lines), lines(o.fees), lines(o.ships)
	return v.sum(&rounded).total.Equal(v.sum(o).total)
}

// books states an order.
type books struct {
	v        *Vendor
	o        *order
	out      *commerce.Order
	currency money.Currency
	exact    bool
}

func (b *books) money(d dec) money.Money { return money.New(d, b.currency) }

func (b *books) net(d dec) dec {
	if b.exact {
		return d
	}
	return d.Round(b.currency.Exponent())
}

func (b *books) tax(d dec) dec {
	if b.exact {
		return d
	}
	return roundTax(d, b.currency.Exponent(), b.o.include)
}

func (b *books) buyer() {
	o, bill := b.o, b.o.billing
	who := commerce.Customer{
		Type: commerce.Person, GivenName: strings.TrimSpace(bill.FirstName), FamilyName: strings.TrimSpace(bill.LastName), CompanyName: strings.TrimSpace(bill.Company),
		Emails: given(*bill.Email), Phones: given(bill.Phone),
	}
	if who.CompanyName != "" {
		who.Type = commerce.Company
	}
	who.DisplayName = cmp.Or(strings.TrimSpace(who.GivenName+" "+who.FamilyName), who.CompanyName, who.Email())
	if o.customer != 0 {
		who.Source = commerce.Source{System: "woocommerce", Store: b.out.Source.Store, ExternalID: strconv.FormatInt(o.customer, 10)}
	}
	for _, m := range o.meta {
		switch m.Key {
		case "_billing_vat_number":
			who.TaxIDs = vat(plain(m), bill.Country)
		case "_purchase_order_number":
			b.out.CustomerReference = plain(m)
		case "is_vat_exempt":
			who.TaxExempt = plain(m) == "yes"
		}
	}
	b.out.Buyer = who
	b.out.BillTo = stated(bill, commerce.UseBilling)
	b.out.ShipTo = stated(o.shipping, commerce.UseShipping)
	if b.out.ShipTo == nil && b.out.BillTo != nil {
		same := *b.out.BillTo
		same.Use, same.Email = commerce.UseShipping, ""
		b.out.ShipTo = &same
	}
	if o.note != "" {
		b.out.Notes = []commerce.Note{{Audience: "buyer", Text: o.note}}
	}
}

func vat(number, country string) []commerce.TaxID {
	if prefix := number[:min(2, len(number))]; len(number) > 2 && strings.ToUpper(prefix) == prefix && strings.Trim(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		country = prefix
	}
	if country == "EL" {
		country = "GR"
	}
	return []commerce.TaxID{{Scheme: "vat", Value: number, Country: country}}
}

func given(text string) []string {
	if text = strings.TrimSpace(text); text == "" {
		return []string{}
	}
	return []string{text}
}

func stated(a addr, use commerce.AddressUse) *commerce.Address {
	out := &commerce.Address{
		Use: use, GivenName: strings.TrimSpace(a.FirstName), FamilyName: strings.TrimSpace(a.LastName), Company: strings.TrimSpace(a.Company),
		StreetAddress: strings.TrimSpace(a.Address1), ExtendedAddress: strings.TrimSpace(a.Address2), AddressLocality: strings.TrimSpace(a.City),
		AddressRegion: a.State, PostalCode: strings.TrimSpace(a.Postcode), AddressCountry: a.Country, Phone: strings.TrimSpace(a.Phone),
	}
	out.Name = strings.TrimSpace(out.GivenName + " " + out.FamilyName)
	if a.Email != nil {
		out.Email = *a.Email
	}
	switch a.Country {
	case "DE":
		out.AddressRegion = strings.TrimPrefix(a.State, "DE-")
	case "JP", "TR":
		out.AddressRegion = strings.TrimPrefix(a.State, a.Country)
	}
	if out.Blank() {
		return nil
	}
	return out
}

// taxes states the taxes of a line; sign is -1 for a discount.
func (b *books) taxes(l *line, sign int64) []commerce.Tax {
	out := []commerce.Tax{}
	factor := decimal.New(sign, 0)
	for _, t := range l.taxes {
		net := b.money(b.net(l.total).Mul(factor))
		out = append(out, commerce.Tax{
			Name: t.rate.name, Code: strconv.FormatInt(t.rate.id, 10), Rate: t.rate.rate, Country: t.rate.country, Included: b.o.include,
			TaxableAmount: &net, TaxAmount: b.money(b.tax(t.total).Mul(factor)),
		})
	}
	return out
}

func (b *books) sold() {
	bundles := map[string]string{}
	for _, l := range b.o.lines {
		for _, m := range l.meta {
			if m.Key == "_bundle_cart_key" {
				bundles[plain(m)] = strconv.FormatInt(l.id, 10)
			}
		}
	}
	for _, l := range b.o.lines {
		net, tax := b.net(l.total), b.tax(l.tax)
		before, beforeTax := b.net(l.subtotal), b.tax(l.subTax)
		line := commerce.Line{
			LineID: strconv.FormatInt(l.id, 10), Type: commerce.LineProduct, SKU: strings.TrimSpace(l.sku), Name: strings.TrimSpace(l.name), Quantity: l.quantity, TaxClass: l.class,
			UnitPrice: commerce.Price{Net: b.money(commerce.PerUnit(before, l.quantity)), Gross: b.money(commerce.PerUnit(before.Add(beforeTax), l.quantity))},
			Taxes:     b.taxes(l, 1), LineNet: b.money(net), LineTax: b.money(tax), LineGross: b.money(net.Add(tax)),
		}
		if l.product != 0 {
			line.SourceProductID = strconv.FormatInt(l.product, 10)
		} else {
			line.Type = commerce.LineCustom
		}
		if l.variation != 0 {
			line.SourceVariantID = strconv.FormatInt(l.variation, 10)
		}
		for _, m := range l.meta {
			switch {
			case m.Key == "_bundled_by":
				line.ParentLineID = bundles[plain(m)]
			case strings.HasPrefix(m.Key, "_") || plain(m) == "":
			case l.variation != 0:
				line.Options = append(line.Options, commerce.Property{Name: cmp.Or(m.DisplayKey, m.Key), Value: plain(m)})
			default:
				line.Properties = append(line.Properties, commerce.Property{Name: cmp.Or(m.DisplayKey, m.Key), Value: plain(m)})
			}
		}
		b.out.Lines = append(b.out.Lines, line)
	}
}

// sense gives an amount in the sense of the shop's prices.
func (b *books) sense(net, tax dec) dec {
	if b.o.include {
		return net.Add(tax)
	}
	return net
}

// coupons states what lowered the lines: codes, and by hand what they do not explain.
func (b *books) coupons() {
	var net, tax dec
	for _, c := range b.o.coupons {
		d := commerce.Discount{
			DiscountID: strconv.FormatInt(c.id, 10), Code: c.code, Title: c.code, Kind: commerce.DiscountFixed, Target: commerce.TargetOrder, Value: c.amount, Allocated: true,
			Amount: b.money(b.sense(c.discount, c.tax)), Net: b.money(c.discount), Tax: b.money(c.tax), Gross: b.money(c.discount.Add(c.tax)),
		}
		switch {
		case c.free:
			d.Kind, d.Target = commerce.DiscountFreeShipping, commerce.TargetShipping
		case c.kind == "percent":
			d.Kind = commerce.DiscountPercent
		case c.kind == "fixed_product":
			d.Target = commerce.TargetLine
		}
		b.out.Discounts = append(b.out.Discounts, d)
		net, tax = net.Sub(c.discount), tax.Sub(c.tax)
	}
	var lowered []int
	for i, l := range b.o.lines {
		lineNet, lineTax := b.net(l.subtotal).Sub(b.net(l.total)), b.tax(l.subTax).Sub(b.tax(l.tax))
		saving := b.sense(lineNet, lineTax)
		if saving.IsPositive() {
			net, tax = net.Add(lineNet), tax.Add(lineTax)
			lowered = append(lowered, i)
			b.out.Lines[i].Discounts = []commerce.LineDiscount{{Amount: b.money(saving)}}
		}
	}
	byHand := b.sense(net, tax).GreaterThan(b.out.Tolerance())
	if byHand {
		b.out.Discounts = append(b.out.Discounts, commerce.Discount{
			Kind: commerce.DiscountManual, Target: commerce.TargetLine, Allocated: true,
			Amount: b.money(b.sense(net, tax)), Net: b.money(net), Tax: b.money(tax), Gross: b.money(net.Add(tax)),
		})
	}
	if len(b.o.coupons) == 1 && !byHand {
		for _, i := range lowered {
			b.out.Lines[i].Discounts[0].DiscountID = b.out.Discounts[0].DiscountID
		}
	}
}

// costs states deliveries and fees; a fee below zero is a discount on the order.
func (b *books) costs() {
	for _, l := range b.o.ships {
		net, tax := b.net(l.total), b.tax(l.tax)
		b.out.ShippingLines = append(b.out.ShippingLines, commerce.ShippingLine{
			LineID: strconv.FormatInt(l.id, 10), Method: l.method, Title: strings.TrimSpace(l.name), Taxes: b.taxes(l, 1),
			Net: b.money(net), Tax: b.money(tax), Gross: b.money(net.Add(tax)),
		})
	}
	for _, l := range b.o.fees {
		net, tax, id := b.net(l.total), b.tax(l.tax), strconv.FormatInt(l.id, 10)
		if !net.Add(tax).IsNegative() {
			b.out.Charges = append(b.out.Charges, commerce.Charge{
				ChargeID: id, Type: commerce.ChargeOther, Title: strings.TrimSpace(l.name), Taxes: b.taxes(l, 1), Net: b.money(net), Tax: b.money(tax), Gross: b.money(net.Add(tax)),
			})
			continue
		}
		net, tax = net.Neg(), tax.Neg()
		b.out.Discounts = append(b.out.Discounts, commerce.Discount{
			DiscountID: id, Title: strings.TrimSpace(l.name), Kind: commerce.DiscountFixed, Target: commerce.TargetOrder, Value: b.sense(net, tax), Amount: b.money(b.sense(net, tax)),
			Taxes: b.taxes(l, -1), Net: b.money(net), Tax: b.money(tax), Gross: b.money(net.Add(tax)),
		})
	}
}

func (b *books) taxTotals() {
	for _, list := range [][]*line{b.o.lines, b.o.ships, b.o.fees} {
		for _, l := range list {
			for _, t := range b.taxes(l, 1) {
				i := slices.IndexFunc(b.out.TaxTotals, func(sum commerce.Tax) bool { return sum.Code == t.Code })
				if i < 0 {
					b.out.TaxTotals = append(b.out.TaxTotals, t)
					continue
				}
				sum := &b.out.TaxTotals[i]
				net := b.money(sum.TaxableAmount.Amount.Add(t.TaxableAmount.Amount))
				sum.TaxableAmount, sum.TaxAmount = &net, b.money(sum.TaxAmount.Amount.Add(t.TaxAmount.Amount))
			}
		}
	}
}

// paid states the payments: gift cards, and the one way in which the rest is paid.
func (b *books) paid() {
	for _, g := range b.o.giftCards {
		code := g.code
		if r := []rune(code); len(r) > 4 {
			code = "•••• " + string(r[len(r)-4:])
		}
		b.out.Payments = append(b.out.Payments, commerce.Payment{
			PaymentID: strconv.FormatInt(g.id, 10), Method: "gift_card", Title: "Gift card or store credit", State: commerce.PaymentPaid, GiftCard: true,
			Amount: b.money(g.amount), Reference: code,
		})
	}
	if b.o.method == "" && b.o.reference == "" {
		return
	}
	p := commerce.Payment{
		PaymentID: b.o.reference, Method: b.o.method, Title: strings.TrimSpace(b.o.title), Gateway: b.o.method, PaidAt: b.o.paid, Reference: b.o.reference, Amount: b.money(decimal.Zero),
	}
	if !b.o.paid.IsZero() {
		p.Amount = b.money(b.v.sum(b.o).total)
	}
	b.out.Payments = append(b.out.Payments, p)
}

func (b *books) returned() {
	for _, r := range b.o.refunds {
		out := commerce.Refund{RefundID: strconv.FormatInt(r.id, 10), At: r.created, Reason: r.reason, Amount: b.money(r.amount)}
		for _, l := range r.lines {
			back := commerce.RefundLine{Quantity: l.quantity.Neg(), Net: b.money(b.net(l.total.Neg())), Tax: b.money(b.tax(l.tax.Neg()))}
			for _, m := range l.meta {
				if m.Key == "_refunded_item_id" {
					back.LineID = plain(m)
				}
			}
			for i := range b.out.Lines {
				if b.out.Lines[i].LineID == back.LineID {
					b.out.Lines[i].Refunded = b.out.Lines[i].Refunded.Add(back.Quantity)
				}
			}
			out.Lines = append(out.Lines, back)
		}
		for _, l := range r.ships {
			gross := b.money(l.total.Add(l.tax).Neg())
			out.Shipping = &gross
		}
		b.out.Refunds = append(b.out.Refunds, out)
	}
}

// status states how far order, money and goods have come.
func (b *books) status() {
	type states struct {
		order   commerce.OrderState
		payment commerce.PaymentState // where it is not paid
		goods   commerce.FulfillmentState
	}
	known := map[string]states{
		"pending":    {commerce.StateOpen, commerce.PaymentPending, commerce.FulfillmentPending},
		"on-hold":    {commerce.StateOpen, commerce.PaymentPending, commerce.FulfillmentPending},
		"processing": {commerce.StateConfirmed, commerce.PaymentPending, commerce.FulfillmentPending},
		"completed":  {commerce.StateComplete, commerce.PaymentPending, commerce.FulfillmentShipped},
		"cancelled":  {commerce.StateCancelled, commerce.PaymentVoided, commerce.FulfillmentCancelled},
		"trash":      {commerce.StateCancelled, commerce.PaymentVoided, commerce.FulfillmentCancelled},
		"failed":     {commerce.StateOpen, commerce.PaymentFailed, commerce.FulfillmentPending},
		"refunded":   {commerce.StateComplete, commerce.PaymentRefunded, commerce.FulfillmentUnknown},
	}
	s, found := known[b.o.status]
	if !found {
		s = states{commerce.StateUnknown, commerce.PaymentUnknown, commerce.FulfillmentUnknown}
	}
	paid := !b.o.paid.IsZero()
	switch {
	case b.o.status == "failed" || b.o.status == "refunded":
	case paid && len(b.o.refunds) > 0:
		s.payment = commerce.PaymentPartiallyRefunded
	case paid:
		s.payment = commerce.PaymentPaid
	}
	b.out.OrderState, b.out.PaymentState, b.out.FulfillmentState = s.order, s.payment, s.goods
	for i := range b.out.Payments {
		if p := &b.out.Payments[i]; !p.GiftCard {
			p.State = s.payment
			if paid {
				p.State = commerce.PaymentPaid
			}
		}
	}
}

func (v *Vendor) stateCustomer(who *customer) commerce.Customer {
	source := v.source(who.id, "/wp-admin/user-edit.php?user_id=")
	source.UpdatedAt = who.modified
	if source.UpdatedAt.IsZero() {
		source.UpdatedAt = who.created
	}
	first, last := strings.TrimSpace(who.first), strings.TrimSpace(who.last)
	if first == "" && last == "" {
		first, last = strings.TrimSpace(who.billing.FirstName), strings.TrimSpace(who.billing.LastName)
	}
	out := commerce.Customer{
		Source: source, Type: commerce.Person, GivenName: first, FamilyName: last, CompanyName: strings.TrimSpace(who.billing.Company),
		Emails: given(who.email), Phones: given(who.billing.Phone), CreatedAt: who.created, Status: commerce.CustomerActive,
	}
	if other := *who.billing.Email; !strings.EqualFold(other, who.email) {
		out.Emails = append(out.Emails, given(other)...)
	}
	if out.CompanyName != "" {
		out.Type = commerce.Company
	}
	out.DisplayName = cmp.Or(strings.TrimSpace(first+" "+last), out.CompanyName, who.email, who.username)
	for _, m := range who.meta {
		if m.Key == "_billing_vat_number" {
			out.TaxIDs = vat(plain(m), who.billing.Country)
		}
	}
	for _, a := range []*commerce.Address{stated(who.billing, commerce.UseBilling), stated(who.shipping, commerce.UseShipping)} {
		if a != nil {
			a.Default = true
			out.Addresses = append(out.Addresses, *a)
		}
	}
	return out
}
