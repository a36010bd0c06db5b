package fake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
