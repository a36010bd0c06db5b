package fake

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
)

// PutOrder implements fake.Shop. What WooCommerce does not know is not kept: carriers, kinds of charges,
// payments in part, by which discount a line was lowered.
func (v *Vendor) PutOrder(given commerce.Order) (commerce.Order, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.second()
	var o *order
	fresh := given.Source.ExternalID == ""
	if fresh {
		o = v.newOrder(now)
	} else {
		id, err := strconv.ParseInt(given.Source.ExternalID, 10, 64)
		if o = v.orders[id]; err != nil || o == nil {
			return given, fmt.Errorf("woocommerce: there is no order %q", given.Source.ExternalID)
		}
	}
	o.currency, o.include = string(given.DocumentCurrency), given.PricesIncludeTax
	if o.createdVia == "" {
		o.createdVia = "store-api"
	}
	v.people(o, given)
	v.parts(o, given)
	v.discounts(o, given)
	v.payment(o, given, now)
	v.refundsOf(o, given, now)
	v.keep(o, now)
	// A checkout sends order.updated, too, and that one first.
	v.tell(o, "order.updated", !fresh)
	if fresh {
		v.tell(o, "order.created", false)
	}
	return v.state(o), nil
}

func (v *Vendor) people(o *order, given commerce.Order) {
	who := given.Buyer
	email := who.Email()
	bill := commerce.Address{}
	if given.BillTo != nil {
		bill = *given.BillTo
		email = cmp.Or(bill.Email, email)
	} else {
		bill.GivenName, bill.FamilyName, bill.Company, bill.Phone = who.GivenName, who.FamilyName, who.CompanyName, who.Phone()
	}
	o.billing = postal(bill)
	o.billing.Company = cmp.Or(o.billing.Company, who.CompanyName)
	o.billing.Phone = cmp.Or(o.billing.Phone, who.Phone())
	o.billing.Email = &email
	o.shipping = addr{}
	if given.ShipTo != nil {
		o.shipping = postal(*given.ShipTo)
	}
	o.customer, _ = strconv.ParseInt(who.Source.ExternalID, 10, 64) // 0 is a guest
	o.meta = slices.DeleteFunc(o.meta, func(m meta) bool {
		return m.Key == "_billing_vat_number" || m.Key == "_purchase_order_number" || m.Key == "is_vat_exempt"
	})
	exempt := "no"
	if who.TaxExempt {
		exempt = "yes"
	}
	v.setMeta(o, metaInput{Key: "is_vat_exempt", Value: text(exempt)})
	if number := who.TaxID(); number != "" {
		v.setMeta(o, metaInput{Key: "_billing_vat_number", Value: text(number)})
	}
	if given.CustomerReference != "" {
		v.setMeta(o, metaInput{Key: "_purchase_order_number", Value: text(given.CustomerReference)})
	}
	o.note = ""
	for _, n := range given.Notes {
		if n.Audience == "buyer" && o.note == "" {
			o.note = strings.TrimSpace(n.Text)
		} else if n.Audience == "buyer" {
			o.note += "\n" + strings.TrimSpace(n.Text)
		}
	}
}

// postal gives an address in WooCommerce's fields; some countries' states have the country in front.
func postal(a commerce.Address) addr {
	out := addr{
		FirstName: a.GivenName, LastName: a.FamilyName, Company: a.Company, Address1: a.StreetAddress, Address2: a.ExtendedAddress,
		City: a.AddressLocality, State: a.AddressRegion, Postcode: a.PostalCode, Country: a.AddressCountry, Phone: a.Phone,
	}
	if out.FirstName == "" && out.LastName == "" {
		out.LastName = a.Name
	}
	if a.HouseNumber != "" {
		out.Address1 = strings.TrimSpace(a.StreetAddress + " " + a.HouseNumber)
	}
	if a.AddressRegion != "" {
		switch a.AddressCountry {
		case "DE":
			out.State = "DE-" + a.AddressRegion
		case "JP", "TR":
			out.State = a.AddressCountry + a.AddressRegion
		}
	}
	return out
}

// parts holds what is sold and what it costs. Lines that are there already keep their ids.
func (v *Vendor) parts(o *order, given commerce.Order) {
	held := map[string]int64{}
	for _, l := range o.lines {
		held[strconv.FormatInt(l.id, 10)] = l.id
	}
	o.lines, o.ships, o.fees = nil, nil, nil
	ids := map[string]int64{}
	bundles := slices.ContainsFunc(given.Lines, func(l commerce.Line) bool { return l.ParentLineID != "" })
	for _, l := range given.Lines {
		article := v.product(l.SKU, l.Name, l.UnitPrice.Net.Amount)
		out := &line{
			id: held[l.LineID], name: cmp.Or(l.Name, article.name), product: article.id, sku: l.SKU, hasSKU: true, class: l.TaxClass, quantity: l.Quantity,
		}
		if out.id == 0 {
			out.id = v.item()
		}
		if l.LineID != "" {
			ids[l.LineID] = out.id
		}
		if parent := ids[l.ParentLineID]; parent != 0 {
			out.meta = append(out.meta, meta{ID: v.metaID(), Key: "_bundled_by", Value: text(bundleKey(parent))})
		}
		if bundles {
			out.meta = append(out.meta, meta{ID: v.metaID(), Key: "_bundle_cart_key", Value: text(bundleKey(out.id))})
		}
		for _, p := range slices.Concat(l.Options, l.Properties) {
			out.meta = append(out.meta, meta{ID: v.metaID(), Key: p.Name, Value: text(p.Value), DisplayKey: p.Name, DisplayValue: text(p.Value)})
		}
		v.price(o, out, l.LineNet.Amount, l.LineTax.Amount, l.Taxes, savings(l.Discounts))
		o.lines = append(o.lines, out)
	}
	for _, s := range given.ShippingLines {
		out := &line{id: v.item(), name: s.Title, method: s.Method, instance: "1"}
		v.price(o, out, s.Net.Amount, s.Tax.Amount, s.Taxes, decimal.Zero)
		o.ships = append(o.ships, out)
	}
	for _, c := range given.Charges {
		out := &line{id: v.item(), name: c.Title}
		v.price(o, out, c.Net.Amount, c.Tax.Amount, c.Taxes, decimal.Zero)
		o.fees = append(o.fees, out)
	}
}

func bundleKey(id int64) string { return "bundle-" + strconv.FormatInt(id, 10) }

func savings(list []commerce.LineDiscount) dec {
	sum := decimal.Zero
	for _, d := range list {
		sum = sum.Add(d.Amount.Amount)
	}
	return sum
}

// price sets a line's amounts. Where prices include tax, WooCommerce keeps the net amount with the
// decimals that the division gives, and rounds it when it is shown.
func (v *Vendor) price(o *order, l *line, net, tax dec, taxes []commerce.Tax, saving dec) {
	places := exponent(o.currency)
	all := decimal.Zero
	for _, t := range taxes {
		if t.Rate.IsZero() && t.Category != "" && t.Category != "Z" && t.Category != "S" {
			continue // exempt: WooCommerce finds no rate
		}
		all = all.Add(t.Rate)
		l.taxes = append(l.taxes, lineTax{rate: v.rate(t.Country, t.Name, t.Rate), total: t.TaxAmount.Amount})
	}
	one := all.Add(decimal.New(1, 0))
	l.total, l.tax = net, tax
	l.subtotal, l.subTax = net, tax
	switch {
	case saving.IsZero():
	case o.include:
		gross := net.Add(tax).Add(saving)
		l.subTax = roundTax(gross.Sub(gross.DivRound(one, 12)), places, true)
		l.subtotal = gross.Sub(l.subTax)
	default:
		l.subtotal = net.Add(saving)
		l.subTax = roundTax(l.subtotal.Mul(all), places, false)
	}
	if o.exact {
		v.exactly(o, l, all)
		return
	}
	if o.include {
		for _, amount := range []struct{ net, tax *dec }{{&l.total, &l.tax}, {&l.subtotal, &l.subTax}} {
			if exact := amount.net.Add(*amount.tax).DivRound(one, 6); exact.Round(places).Equal(*amount.net) {
				*amount.net = exact
			}
		}
	}
	for i := range l.taxes {
		l.taxes[i].subtotal = l.taxes[i].total
		if !saving.IsZero() {
			l.taxes[i].subtotal = l.subTax
		}
	}
}

// exactly sets a line's amounts as a shop keeps them that rounds at the end.
func (v *Vendor) exactly(o *order, l *line, rate dec) {
	for _, amount := range []struct{ net, tax *dec }{{&l.total, &l.tax}, {&l.subtotal, &l.subTax}} {
		gross := amount.net.Add(*amount.tax)
		if o.include {
			*amount.net = gross.DivRound(rate.Add(decimal.New(1, 0)), 6)
			*amount.tax = gross.Sub(*amount.net)
		} else {
			*amount.tax = amount.net.Mul(rate)
		}
	}
	for i := range l.taxes {
		l.taxes[i].total, l.taxes[i].subtotal = l.tax, l.subTax
		if !rate.IsZero() {
			share := l.taxes[i].rate.rate
			l.taxes[i].total, l.taxes[i].subtotal = l.tax.Mul(share).DivRound(rate, 8), l.subTax.Mul(share).DivRound(rate, 8)
		}
	}
}

// discounts holds codes as coupons, which WooCommerce writes in lower case, and what no line carries
// as a fee below zero. A line that was lowered without a code only shows its two amounts.
func (v *Vendor) discounts(o *order, given commerce.Order) {
	o.coupons = nil
	for _, d := range given.Discounts {
		if !d.Allocated {
			taxes := slices.Clone(d.Taxes)
			for i := range taxes {
				taxes[i].TaxAmount = taxes[i].TaxAmount.Neg()
			}
			out := &line{id: v.item(), name: cmp.Or(d.Title, d.Code)}
			v.price(o, out, d.Net.Amount.Neg(), d.Tax.Amount.Neg(), taxes, decimal.Zero)
			o.fees = append(o.fees, out)
			continue
		}
		if d.Code == "" {
			continue
		}
		used := usedCoupon{id: v.item(), code: strings.ToLower(d.Code), coupon: coupon{kind: "fixed_cart", amount: d.Value}, discount: d.Net.Amount, tax: d.Tax.Amount}
		switch {
		case d.Kind == commerce.DiscountFreeShipping:
			// The delivery is one that costs nothing, and the coupon itself takes nothing away.
			used.coupon, used.discount, used.tax = coupon{kind: "fixed_cart", free: true}, decimal.Zero, decimal.Zero
		case d.Kind == commerce.DiscountPercent:
			used.kind = "percent"
		case d.Target == commerce.TargetLine:
			used.kind = "fixed_product"
		}
		o.coupons = append(o.coupons, used)
	}
}

// payment holds how the order is paid, and with it how far it has come.
func (v *Vendor) payment(o *order, given commerce.Order, now time.Time) {
	o.giftCards, o.method, o.title, o.reference = nil, "", "", ""
	for _, p := range given.Payments {
		if p.GiftCard {
			o.giftCards = append(o.giftCards, giftCard{id: v.item(), code: cmp.Or(p.Reference, "GIFT"), amount: p.Amount.Amount})
		} else if o.method == "" {
			o.method, o.title, o.reference = p.Method, p.Title, p.Reference
		}
	}
	paid := slices.Contains([]commerce.PaymentState{commerce.PaymentPaid, commerce.PaymentPartiallyRefunded, commerce.PaymentRefunded}, given.PaymentState)
	switch {
	case paid && o.paid.IsZero():
		o.paid = now
	case !paid:
		o.paid = time.Time{}
	}
	switch {
	case given.OrderState == commerce.StateCancelled:
		o.status = "cancelled"
	case given.PaymentState == commerce.PaymentRefunded:
		o.status = "refunded"
	case given.PaymentState == commerce.PaymentFailed:
		o.status = "failed"
	case given.OrderState == commerce.StateComplete || given.FulfillmentState == commerce.FulfillmentShipped || given.FulfillmentState == commerce.FulfillmentDelivered:
		o.status = "completed"
		if o.completed.IsZero() {
			o.completed = now
		}
	case paid, o.method == "cod":
		o.status = "processing"
	case o.method == "":
		o.status = "pending"
	default:
		o.status = "on-hold"
	}
}

// refundsOf holds refunds that are not there yet.
func (v *Vendor) refundsOf(o *order, given commerce.Order, now time.Time) {
	for _, r := range given.Refunds {
		if slices.ContainsFunc(o.refunds, func(held *refund) bool { return strconv.FormatInt(held.id, 10) == r.RefundID }) {
			continue
		}
		out := &refund{id: v.id(), created: now, amount: r.Amount.Amount, reason: r.Reason}
		for _, back := range r.Lines {
			l := &line{id: v.item(), quantity: back.Quantity.Neg(), total: back.Net.Amount.Neg(), tax: back.Tax.Amount.Neg(), hasSKU: true}
			l.subtotal, l.subTax = l.total, l.tax
			for _, sold := range o.lines {
				if strconv.FormatInt(sold.id, 10) == back.LineID {
					l.name, l.product, l.sku = sold.name, sold.product, sold.sku
				}
			}
			l.meta = []meta{{ID: v.metaID(), Key: "_refunded_item_id", Value: text(back.LineID)}}
			out.lines = append(out.lines, l)
		}
		if r.Shipping != nil && !r.Shipping.IsZero() {
			out.ships = []*line{{id: v.item(), name: "Shipping", method: "flat_rate", total: r.Shipping.Amount.Neg()}}
		}
		o.refunds = append(o.refunds, out)
	}
}

// CancelOrder implements fake.Shop.
func (v *Vendor) CancelOrder(id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	n, err := strconv.ParseInt(id, 10, 64)
	o := v.orders[n]
	if err != nil || o == nil {
		return fmt.Errorf("woocommerce: there is no order %q", id)
	}
	v.setStatus(o, "cancelled", v.second())
	v.keep(o, v.second())
	v.tell(o, "order.updated", true)
	return nil
}

// DeleteOrder implements fake.Deleter: an order that was in the trash is deleted for good, which
// sends no webhook of its own when the trash is emptied.
func (v *Vendor) DeleteOrder(id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	n, err := strconv.ParseInt(id, 10, 64)
	o := v.orders[n]
	if err != nil || o == nil {
		return fmt.Errorf("woocommerce: there is no order %q", id)
	}
	v.forget(o)
	v.tell(o, "order.deleted", false)
	return nil
}

// PutCustomer implements fake.Shop.
func (v *Vendor) PutCustomer(given commerce.Customer) (commerce.Customer, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	email := given.Email()
	var who *customer
	topic := "customer.updated"
	if given.Source.ExternalID == "" {
		switch {
		case email == "":
			return given, fmt.Errorf("woocommerce: an account needs an e-mail address")
		case v.withEmail(email) != nil:
			return given, fmt.Errorf("woocommerce: an account with this e-mail address is there already")
		}
		who, topic = v.newCustomer(email), "customer.created"
	} else {
		id, err := strconv.ParseInt(given.Source.ExternalID, 10, 64)
		if who = v.byCustomer[id]; err != nil || who == nil {
			return given, fmt.Errorf("woocommerce: there is no customer %q", given.Source.ExternalID)
		}
		who.modified, who.email = v.second(), cmp.Or(email, who.email)
	}
	who.first, who.last = given.GivenName, given.FamilyName
	if who.first == "" && who.last == "" {
		who.last = given.DisplayName
	}
	who.billing, who.shipping = addr{}, addr{}
	for _, a := range given.Addresses {
		if a.Use == commerce.UseShipping {
			who.shipping = postal(a)
		} else {
			who.billing = postal(a)
		}
	}
	billingEmail := ""
	if len(given.Emails) > 1 {
		billingEmail = given.Emails[1]
	}
	who.billing.Email = &billingEmail
	who.billing.Phone = cmp.Or(who.billing.Phone, given.Phone())
	who.billing.Company = cmp.Or(who.billing.Company, given.CompanyName)
	who.meta = nil
	if number := given.TaxID(); number != "" {
		who.meta = []meta{{ID: v.metaID(), Key: "_billing_vat_number", Value: text(number)}}
	}
	v.tellCustomer(who, topic)
	return v.stateCustomer(who), nil
}

// Orders implements fake.Shop.
func (v *Vendor) Orders() []commerce.Order {
	v.mu.Lock()
	defer v.mu.Unlock()
	ids := make([]int64, 0, len(v.orders))
	for id, o := range v.orders {
		if o.status != "checkout-draft" && o.status != "auto-draft" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	out := make([]commerce.Order, len(ids))
	for i, id := range ids {
		out[i] = v.state(v.orders[id])
	}
	return out
}
