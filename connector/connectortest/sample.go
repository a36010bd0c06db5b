package connectortest

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// sample is an order that every system must be able to carry.
type sample struct {
	name  string
	order commerce.Order
}

// orderForm says what a sample order is like.
type orderForm struct {
	currency  money.Currency
	inclusive bool
	lines     []lineForm
	shipping  string // price in the sense of the order's prices; "" is none
	charge    string
	discount  string // on the whole order
	email     string
	note      string
	name      string // of the buyer
	company   string // for which the buyer buys
}

type lineForm struct {
	sku, quantity, price, rate string
	off                        string // taken off the line
}

var defaultLines = []lineForm{{sku: "MUG-BLUE", quantity: "2", price: "12.50", rate: "0.19"}, {sku: "TEA-100", quantity: "3", price: "8.39", rate: "0.07"}}

// order makes a canonical order that adds up, as a shop states it.
func (o orderForm) order() commerce.Order {
	if o.currency == "" {
		o.currency = "EUR"
	}
	if o.lines == nil {
		o.lines = defaultLines
	}
	if o.email == "" {
		o.email = "erika@example.com"
	}
	if o.name == "" {
		o.name = "Erika Muster"
	}
	given, family, _ := strings.Cut(o.name, " ")
	address := commerce.Address{
		Name: o.name, GivenName: given, FamilyName: family, StreetAddress: "Invalidenstraße 116", PostalCode: "10115", AddressLocality: "Berlin", AddressCountry: "DE",
	}
	bill, ship := address, address
	bill.Use, ship.Use = commerce.UseBilling, commerce.UseShipping
	out := commerce.Order{
		OrderType: commerce.OrderSale, OrderState: commerce.StateOpen, PaymentState: commerce.PaymentPaid, FulfillmentState: commerce.FulfillmentPending,
		OrderDate: start, DocumentCurrency: o.currency, PricesIncludeTax: o.inclusive, RoundingMode: money.HalfUp, TaxLevel: commerce.TaxByLine,
		Buyer: commerce.Customer{
			Type: commerce.Person, DisplayName: o.name, GivenName: given, FamilyName: family, Emails: []string{o.email}, Phones: []string{"+49 30 901820"},
			Addresses: []commerce.Address{bill}, Status: commerce.CustomerActive,
		},
		BillTo: &bill, ShipTo: &ship,
	}
	if o.company != "" {
		bill.Company, ship.Company = o.company, o.company
		out.Buyer.Type, out.Buyer.CompanyName, out.Buyer.Addresses = commerce.Company, o.company, []commerce.Address{bill}
	}
	if o.note != "" {
		out.Notes = []commerce.Note{{Audience: "buyer", Text: o.note}}
	}
	for i, l := range o.lines {
		out.Lines = append(out.Lines, o.line(i, l))
	}
	if o.shipping != "" {
		net, tax, gross, taxes := o.split(number(o.shipping), number("0.19"))
		out.ShippingLines = []commerce.ShippingLine{{LineID: "s1", Method: "standard", Title: "Standard", Net: net, Tax: tax, Gross: gross, Taxes: taxes}}
	}
	if o.charge != "" {
		net, tax, gross, taxes := o.split(number(o.charge), number("0.19"))
		out.Charges = []commerce.Charge{{ChargeID: "c1", Type: commerce.ChargeGiftWrap, Title: "Gift wrap", Net: net, Tax: tax, Gross: gross, Taxes: taxes}}
	}
	if o.discount != "" {
		net, tax, gross, taxes := o.split(number(o.discount), number("0.19"))
		amount := net
		if o.inclusive {
			amount = gross
		}
		out.Discounts = []commerce.Discount{{
			DiscountID: "d1", Code: "TENOFF", Title: "Ten off", Kind: commerce.DiscountFixed, Target: commerce.TargetOrder, Amount: amount, Net: net, Tax: tax, Gross: gross, Taxes: taxes,
		}}
	}
	if err := out.Complete(commerce.Stated{}); err != nil {
		panic(err) // the order is ours
	}
	// What is paid is paid in one go, so that states and amounts agree.
	out.Payments = []commerce.Payment{{PaymentID: "p1", Method: "card", Title: "Card", State: commerce.PaymentPaid, Amount: out.Totals.TaxInclusive, PaidAt: start}}
	if err := out.Complete(commerce.Stated{}); err != nil {
		panic(err)
	}
	return out
}

func (o orderForm) line(i int, l lineForm) commerce.Line {
	quantity, price, rate := number(l.quantity), number(l.price), number(l.rate)
	amount := money.Round(price.Mul(quantity), o.currency.Exponent(), money.HalfUp)
	line := commerce.Line{LineID: fmt.Sprintf("l%d", i+1), Type: commerce.LineProduct, SKU: l.sku, Name: "Article " + l.sku, Quantity: quantity, RequiresShip: true}
	if l.off != "" {
		off := number(l.off)
		amount = amount.Sub(off)
		line.Discounts = []commerce.LineDiscount{{DiscountID: "line", Amount: money.New(off, o.currency)}}
	}
	line.LineNet, line.LineTax, line.LineGross, line.Taxes = o.split(amount, rate)
	one := decimal.New(1, 0)
	if o.inclusive {
		line.UnitPrice = commerce.Price{Net: money.New(commerce.NetOfGross(price, rate), o.currency), Gross: money.New(price, o.currency)}
	} else {
		line.UnitPrice = commerce.Price{Net: money.New(price, o.currency), Gross: money.New(price.Mul(one.Add(rate)), o.currency)}
	}
	return line
}

// split gives net, tax and gross of an amount in the sense of the order's prices.
func (o orderForm) split(amount, rate money.Decimal) (net, tax, gross money.Money, taxes []commerce.Tax) {
	var t money.Decimal
	if o.inclusive {
		t = commerce.TaxInGross(amount, rate, o.currency, money.HalfUp)
		net, gross = money.New(amount.Sub(t), o.currency), money.New(amount, o.currency)
	} else {
		t = commerce.TaxOnNet(amount, rate, o.currency, money.HalfUp)
		net, gross = money.New(amount, o.currency), money.New(amount.Add(t), o.currency)
	}
	tax = money.New(t, o.currency)
	category := "S"
	if rate.IsZero() {
		category = "Z"
	}
	base := net
	return net, tax, gross, []commerce.Tax{{
		Name: "VAT " + rate.Shift(2).String() + "%", Category: category, Rate: rate, Country: "DE", TaxableAmount: &base, TaxAmount: tax, Included: o.inclusive,
	}}
}

// samples are the orders that money and text are checked with.
func samples() []sample {
	var many []lineForm
	for i := range 120 {
		many = append(many, lineForm{sku: []string{"MUG-BLUE", "TEA-100", "POT-1L", "BOOK-0"}[i%4], quantity: fmt.Sprint(1 + i%5), price: fmt.Sprintf("%d.%02d", 1+i%37, i%100), rate: []string{"0.19", "0.07", "0.19", "0"}[i%4]})
	}
	forms := []struct {
		name string
		form orderForm
	}{
		{"prices without tax", orderForm{}},
		{"prices with tax", orderForm{inclusive: true}},
		{"three times 9.99 with tax", orderForm{inclusive: true, lines: []lineForm{{sku: "MUG-BLUE", quantity: "3", price: "9.99", rate: "0.19"}}}},
		{"shipping", orderForm{shipping: "4.90"}},
		{"shipping with tax in the prices", orderForm{inclusive: true, shipping: "5.83"}},
		{"a discount on a line", orderForm{lines: []lineForm{{sku: "MUG-BLUE", quantity: "3", price: "12.50", rate: "0.19", off: "3.33"}, {sku: "TEA-100", quantity: "1", price: "8.39", rate: "0.07"}}}},
		{"no tax", orderForm{lines: []lineForm{{sku: "BOOK-0", quantity: "2", price: "20.00", rate: "0"}}}},
		{"nothing to pay", orderForm{lines: []lineForm{{sku: "MUG-BLUE", quantity: "1", price: "0.00", rate: "0.19"}}}},
		{"a hundred and twenty lines", orderForm{lines: many}},
		{"a currency without decimals", orderForm{currency: "JPY", lines: []lineForm{{sku: "MUG-BLUE", quantity: "3", price: "1250", rate: "0.19"}}}},
		{"a currency with three decimals", orderForm{currency: "KWD", lines: []lineForm{{sku: "MUG-BLUE", quantity: "3", price: "3.335", rate: "0.19"}}}},
		{"another currency", orderForm{currency: "USD"}},
		{"names of all scripts", orderForm{name: "小明 Желудёв-O’Connor", note: "Second line:\n\"quoted\" & <tagged> 🍵"}},
		{"a company", orderForm{company: "Teehaus Muster & Söhne GmbH"}},
		{"long texts", orderForm{
			company: strings.Repeat("Gesellschaft für Tee ", 4) + "mbH", note: strings.Repeat("Bitte klingeln, der Hund schläft. 🐕 ", 60),
		}},
		{"many of something small", orderForm{lines: []lineForm{{sku: "TEA-100", quantity: "1000", price: "0.03", rate: "0.07"}}}},
	}
	out := make([]sample, len(forms))
	for i, f := range forms {
		out[i] = sample{name: f.name, order: f.form.order()}
	}
	return out
}

// draft makes what is to be written of an order, with the destination's values found as the engine
// finds them.
func (f *fixture) draft(key connector.Key, order commerce.Order, customer connector.Document) connector.OrderDraft {
	f.Helper()
	order.Source.ExternalID, order.OrderNumber = string(key), string(key)
	d := connector.OrderDraft{Key: key, Order: order, Customer: customer}
	for _, l := range order.Lines {
		d.Lines = append(d.Lines, f.codes(l.SKU, l.Taxes, order.PricesIncludeTax))
	}
	for _, l := range order.ShippingLines {
		d.Shipping = append(d.Shipping, f.codes(shippingSKU, l.Taxes, order.PricesIncludeTax))
	}
	for _, l := range order.Charges {
		d.Charges = append(d.Charges, f.codes(chargeSKU, l.Taxes, order.PricesIncludeTax))
	}
	for _, l := range order.Discounts {
		codes := connector.LineCodes{}
		if !l.Allocated {
			codes = f.codes(discountSKU, l.Taxes, order.PricesIncludeTax)
		}
		d.Discounts = append(d.Discounts, codes)
	}
	d.RoundingItem = f.codes(roundingSKU, nil, order.PricesIncludeTax).Item
	if f.conn.Addresses == nil || customer.ID == "" {
		return d
	}
	for _, part := range []struct {
		use     commerce.AddressUse
		address *commerce.Address
		to      **connector.Document
	}{{commerce.UseBilling, order.BillTo, &d.BillTo}, {commerce.UseShipping, order.ShipTo, &d.ShipTo}} {
		if part.address != nil {
			doc, err := f.conn.Addresses.SaveAddress(f.ctx(), customer, part.use, *part.address)
			if err != nil {
				f.Fatalf("save the %s address: %v", part.use, err)
			}
			*part.to = &doc
		}
	}
	return d
}

// codes finds an article and the taxes of a line.
func (f *fixture) codes(sku string, taxes []commerce.Tax, inclusive bool) connector.LineCodes {
	f.Helper()
	out := connector.LineCodes{Item: connector.Item{ID: sku, SKU: sku}}
	if f.conn.Items != nil {
		if f.items == nil {
			f.items = map[string][]connector.Item{}
		}
		if _, known := f.items[sku]; !known {
			found, err := f.conn.Items.FindItems(f.ctx(), []string{sku})
			if err != nil {
				f.Fatalf("find the article %s: %v", sku, err)
			}
			f.items[sku] = found[sku]
		}
		if len(f.items[sku]) != 1 {
			f.Fatalf("the article %s is there %d times", sku, len(f.items[sku]))
		}
		out.Item = f.items[sku][0]
	}
	if f.conn.Taxes == nil {
		return out
	}
	if f.taxes == nil {
		var err error
		if f.taxes, err = f.conn.Taxes.Taxes(f.ctx()); err != nil {
			f.Fatalf("list the taxes: %v", err)
		}
	}
	rates := []money.Decimal{}
	for _, tax := range taxes {
		rates = append(rates, tax.Rate)
	}
	if len(rates) == 0 {
		rates = append(rates, money.Zero)
	}
	for _, rate := range rates {
		if code, ok := pickTax(f.taxes, rate, inclusive); ok {
			out.TaxCodes = append(out.TaxCodes, code)
		}
	}
	return out
}

// pickTax prefers a tax whose price includes it or not, as the order's prices do.
func pickTax(known []connector.TaxCode, rate money.Decimal, inclusive bool) (best connector.TaxCode, found bool) {
	for _, code := range known {
		if !code.Rate.Equal(rate) {
			continue
		}
		if !found || (code.Included == inclusive && best.Included != inclusive) {
			best, found = code, true
		}
	}
	return best, found
}
