package odoo_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	odoofake "github.com/orderlyhq/orderly/connectors/odoo/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// office is a pretend Odoo with an open connection and a customer.
type office struct {
	*testing.T
	vendor   *odoofake.Vendor
	conn     *connector.Conn
	customer connector.Document
	taxes    []connector.TaxCode
}

func newOffice(t *testing.T, options ...odoofake.Option) *office {
	t.Helper()
	o := &office{T: t, vendor: odoofake.New(fake.Options{BaseURL: "https://odoo.test", Catalog: fake.DefaultCatalog()}, options...)}
	o.conn = openConn(t, o.vendor, nil)
	var err error
	if o.customer, err = o.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{
		Key: "shop-c-1", Customer: commerce.Customer{DisplayName: "Erika Muster", Emails: []string{"erika@example.com"}},
	}); err != nil {
		t.Fatal(err)
	}
	if o.taxes, err = o.conn.Taxes.Taxes(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

// draft makes a draft of an order as the engine would.
func (o *office) draft(key connector.Key, order commerce.Order) connector.OrderDraft {
	o.Helper()
	d := connector.OrderDraft{
		Key: key, Order: order, Customer: o.customer,
		Lines: make([]connector.LineCodes, len(order.Lines)), Shipping: make([]connector.LineCodes, len(order.ShippingLines)),
		Charges: make([]connector.LineCodes, len(order.Charges)), Discounts: make([]connector.LineCodes, len(order.Discounts)),
	}
	for i, l := range order.Lines {
		d.Lines[i] = o.codes(l.SKU, l.Taxes, order.PricesIncludeTax)
	}
	for i, l := range order.ShippingLines {
		d.Shipping[i] = o.codes(fake.ShippingSKU, l.Taxes, order.PricesIncludeTax)
	}
	for i, l := range order.Charges {
		d.Charges[i] = o.codes(fake.FeeSKU, l.Taxes, order.PricesIncludeTax)
	}
	for i, l := range order.Discounts {
		if !l.Allocated {
			d.Discounts[i] = o.codes(fake.DiscountSKU, l.Taxes, order.PricesIncludeTax)
		}
	}
	d.RoundingItem = o.codes(fake.RoundingSKU, nil, false).Item
	return d
}

func (o *office) codes(sku string, taxes []commerce.Tax, inclusive bool) connector.LineCodes {
	o.Helper()
	found, err := o.conn.Items.FindItems(o.Context(), []string{sku})
	if err != nil || len(found[sku]) != 1 {
		o.Fatalf("article %s: %v, %v", sku, found, err)
	}
	codes := connector.LineCodes{Item: found[sku][0]}
	rates := []money.Decimal{}
	for _, tax := range taxes {
		rates = append(rates, tax.Rate)
	}
	if len(rates) == 0 {
		rates = append(rates, money.Zero)
	}
	for _, rate := range rates {
		for _, code := range o.taxes {
			if code.Rate.Equal(rate) && code.Included == inclusive {
				codes.TaxCodes = append(codes.TaxCodes, code)
			}
		}
	}
	return codes
}

// save writes a draft and, as the engine does, settles what rounding leaves.
func (o *office) save(d connector.OrderDraft) connector.Document {
	o.Helper()
	doc, err := o.conn.Orders.SaveOrder(o.Context(), d)
	if err != nil {
		o.Fatalf("order %s: %v", d.Key, err)
	}
	want := d.Order.Totals.TaxInclusive
	difference := want.Amount.Sub(doc.Totals.Gross.Amount)
	if difference.IsZero() {
		return doc
	}
	if difference.Abs().GreaterThan(d.Order.Tolerance()) {
		o.Fatalf("order %s of %s became %s: more than rounding leaves", d.Key, want, doc.Totals.Gross)
	}
	d.Existing, d.Rounding = &doc, money.New(difference, want.Currency)
	doc, err = o.conn.Orders.SaveOrder(o.Context(), d)
	if err != nil {
		o.Fatalf("order %s: rounding of %s: %v", d.Key, d.Rounding, err)
	}
	return doc
}

// TestGeneratedOrdersKeepTheirTotals writes what a shop's generator makes into every release.
func TestGeneratedOrdersKeepTheirTotals(t *testing.T) {
	for name, options := range map[string][]odoofake.Option{
		"19": {odoofake.Version(19)}, "18": {odoofake.Version(18)}, "17": {odoofake.Version(17)}, "16": {odoofake.Version(16)},
		"18 by the REST module": {odoofake.Version(18), odoofake.RESTModule()}, "17 with four decimals": {odoofake.Version(17), odoofake.PriceDecimals(4)},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, options...)
			g := fake.NewGenerator(fake.GeneratorOptions{Seed: 7, Charges: []commerce.ChargeType{commerce.ChargeTip}, GiftCards: true, DocumentDiscounts: true})
			for i := range 120 {
				order := g.Order()
				order.Source.ExternalID, order.OrderNumber = fmt.Sprint(i), fmt.Sprint(1000+i)
				doc := o.save(o.draft(connector.NewKey("shop", connector.Ref{Kind: commerce.KindOrder, ID: fmt.Sprint(i)}), order))
				totals := order.Totals
				if !doc.Totals.Gross.Equal(totals.TaxInclusive) {
					t.Errorf("order %d: %s became %s", i, totals.TaxInclusive, doc.Totals.Gross)
				}
				if off := doc.Totals.Tax.Amount.Sub(totals.Tax.Amount).Abs(); off.GreaterThan(order.TaxTolerance()) {
					t.Errorf("order %d: tax %s became %s", i, totals.Tax, doc.Totals.Tax)
				}
			}
		})
	}
}

func simple(quantities map[string]int64) commerce.Order {
	order := commerce.Order{
		Source: commerce.Source{ExternalID: "1"}, OrderNumber: "1001", DocumentCurrency: "EUR", RoundingMode: money.HalfUp,
		BillTo: &commerce.Address{Name: "Erika Muster", StreetAddress: "Markt 1", PostalCode: "10115", AddressLocality: "Berlin", AddressCountry: "DE"},
	}
	eur := func(d money.Decimal) money.Money { return money.New(d, "EUR") }
	rate := decimal.RequireFromString("0.19")
	for _, sku := range []string{"MUG-BLUE", "POT-GLASS-1L", "SCALE-01"} {
		n := quantities[sku]
		if n == 0 {
			continue
		}
		net := decimal.NewFromInt(10 * n)
		tax := commerce.TaxOnNet(net, rate, "EUR", money.HalfUp)
		order.Lines = append(order.Lines, commerce.Line{
			LineID: sku, Type: commerce.LineProduct, SKU: sku, Name: sku, Quantity: decimal.NewFromInt(n),
			UnitPrice: commerce.Price{Net: eur(decimal.NewFromInt(10)), Gross: eur(decimal.RequireFromString("11.90"))},
			LineNet:   eur(net), LineTax: eur(tax), LineGross: eur(net.Add(tax)), Taxes: []commerce.Tax{{Name: "VAT", Rate: rate, TaxAmount: eur(tax)}},
		})
	}
	if err := order.Complete(commerce.Stated{}); err != nil {
		panic(err) // the order is ours
	}
	return order
}

func TestEditsOfAConfirmedOrder(t *testing.T) {
	for _, version := range []int{16, 17, 18, 19} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			o := newOffice(t, odoofake.Version(version))
			doc := o.save(o.draft("shop-1", simple(map[string]int64{"MUG-BLUE": 2, "POT-GLASS-1L": 1})))
			doc, err := o.conn.Confirmer.ConfirmOrder(t.Context(), doc)
			if err != nil || doc.State != connector.DocumentConfirmed {
				t.Fatalf("%s, %v", doc.State, err)
			}
			for _, change := range []map[string]int64{
				{"MUG-BLUE": 3, "POT-GLASS-1L": 1},                // more of one
				{"MUG-BLUE": 3, "POT-GLASS-1L": 1, "SCALE-01": 1}, // another article
				{"MUG-BLUE": 3, "SCALE-01": 1},                    // one taken off
				{"MUG-BLUE": 3, "SCALE-01": 1},                    // the same again
			} {
				d := o.draft("shop-1", simple(change))
				d.Existing = &doc
				after := o.save(d)
				if after.ID != doc.ID || after.State != connector.DocumentConfirmed {
					t.Fatalf("%v: document %s is %s; want %s confirmed", change, after.ID, after.State, doc.ID)
				}
			}
			if documents := o.vendor.Documents(); len(documents) != 1 {
				t.Errorf("%d documents; want 1", len(documents))
			}
		})
	}
}

func TestAFieldOfAConfirmedOrderFollowsItsRule(t *testing.T) {
	for _, version := range []int{16, 17, 18, 19} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			o := newOffice(t, odoofake.Version(version))
			order := simple(map[string]int64{"MUG-BLUE": 2})
			doc, err := o.conn.Confirmer.ConfirmOrder(t.Context(), o.save(o.draft("shop-1", order)))
			if err != nil {
				t.Fatal(err)
			}
			d := o.draft("shop-1", order)
			d.Existing, d.Fields = &doc, map[string]any{"note": "Ring twice"}
			if after := o.save(d); after.ID != doc.ID || after.State != connector.DocumentConfirmed {
				t.Fatalf("document %s is %s; want %s confirmed", after.ID, after.State, doc.ID)
			}
			raw, err := o.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: doc.ID})
			if err != nil || !strings.Contains(string(raw.Body), "Ring twice") {
				t.Errorf("the note does not reach the order: %v\n%s", err, raw.Body)
			}
		})
	}
}

func TestALockedOrderIsLeftAlone(t *testing.T) {
	o := newOffice(t, odoofake.Version(18), odoofake.LockConfirmed())
	doc := o.save(o.draft("shop-1", simple(map[string]int64{"MUG-BLUE": 2})))
	doc, err := o.conn.Confirmer.ConfirmOrder(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	d := o.draft("shop-1", simple(map[string]int64{"MUG-BLUE": 5}))
	d.Existing = &doc
	if _, err := o.conn.Orders.SaveOrder(t.Context(), d); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("changing a locked order gives %v; want KindConflict", err)
	}
}

func TestWhatIsNotThereAnyMoreIsNamed(t *testing.T) {
	order := fake.NewGenerator(fake.GeneratorOptions{Seed: 5, Catalog: fake.DefaultCatalog()}).Order()
	for _, version := range []int{16, 17, 18, 19} {
		for name, test := range map[string]struct {
			spoil func(*connector.OrderDraft)
			kind  connector.ErrorKind
			field string
		}{
			"the customer":      {func(d *connector.OrderDraft) { d.Customer.ID = "999999" }, connector.KindNotFound, "customer"},
			"a billing address": {func(d *connector.OrderDraft) { d.BillTo = &connector.Document{ID: "999999"} }, connector.KindNotFound, "customer"},
			"an article":        {func(d *connector.OrderDraft) { d.Lines[0].Item.ID = "999999" }, connector.KindUnmapped, "lines[0].sku"},
			"a tax":             {func(d *connector.OrderDraft) { d.Lines[0].TaxCodes = []connector.TaxCode{{Code: "999999"}} }, connector.KindUnmapped, "taxes"},
		} {
			t.Run(fmt.Sprintf("%s in %d", name, version), func(t *testing.T) {
				o := newOffice(t, odoofake.Version(version))
				draft := o.draft("shop-1", order)
				test.spoil(&draft)
				_, err := o.conn.Orders.SaveOrder(t.Context(), draft)
				e, ok := errors.AsType[*connector.Error](err)
				if !ok || e.Kind != test.kind || e.Field != test.field {
					t.Errorf("SaveOrder gives %v; want %s with the field %s", err, test.kind, test.field)
				}
				if n := len(o.vendor.Documents()); n != 0 {
					t.Errorf("%d documents are left behind", n)
				}
			})
		}
	}
	o := newOffice(t)
	_, err := o.conn.Addresses.SaveAddress(t.Context(), connector.Document{ID: "999999"}, commerce.UseShipping, commerce.Address{Name: "A", StreetAddress: "B 1"})
	if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindNotFound || e.Field != "customer" {
		t.Errorf("SaveAddress of a customer that is not there gives %v; want KindNotFound with the field customer", err)
	}
}

// A document's lines say what each is for, as far as Odoo keeps that.
func TestLinesSayWhatTheyAreFor(t *testing.T) {
	o := newOffice(t)
	order := simple(map[string]int64{"MUG-BLUE": 2})
	eur := func(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }
	order.ShippingLines = []commerce.ShippingLine{{Title: "DHL", Net: eur("4.00"), Tax: eur("0"), Gross: eur("4.00")}}
	order.Discounts = []commerce.Discount{{Title: "Loyal", Amount: eur("1.00"), Net: eur("1.00"), Tax: eur("0"), Gross: eur("1.00")}}
	order.Notes = []commerce.Note{{Audience: "buyer", Text: "Ring twice"}}
	if err := order.Complete(commerce.Stated{}); err != nil {
		t.Fatal(err)
	}
	d := o.draft("shop-1", order)
	d.Rounding = eur("0.01")
	doc, err := o.conn.Orders.SaveOrder(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, l := range doc.Lines {
		kinds = append(kinds, string(l.Kind)+" "+l.SKU+" "+l.Net.Amount.StringFixed(2))
	}
	goods := order.Lines[0].LineNet.Amount.StringFixed(2)
	want := " MUG-BLUE " + goods + ", shipping SHIPPING 4.00, discount DISCOUNT -1.00, rounding ROUNDING 0.01"
	if got := strings.Join(kinds, ", "); got != want {
		t.Errorf("the lines are %s; want %s", got, want)
	}
}

// counter counts requests.
type counter struct {
	direct
	calls int
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	return c.direct.RoundTrip(r)
}

// Lines are read once: confirming does not read again what was read when the order was made.
func TestLinesAreReadOnce(t *testing.T) {
	o := newOffice(t)
	order := simple(map[string]int64{"MUG-BLUE": 2})
	count := &counter{direct: direct{o.vendor}}
	conn := openOver(t, o.vendor, count)
	deliver := func(key connector.Key, change func(*connector.Document)) (int, connector.Document) {
		before := count.calls
		doc, err := conn.Orders.SaveOrder(t.Context(), o.draft(key, order))
		if err != nil {
			t.Fatal(err)
		}
		change(&doc)
		if doc, err = conn.Confirmer.ConfirmOrder(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
		return count.calls - before, doc
	}
	deliver("shop-1", func(*connector.Document) {}) // what is looked up once
	// create, its head, its lines; the head, confirm, the head.
	if calls, doc := deliver("shop-2", func(*connector.Document) {}); calls != 6 || len(doc.Lines) != 1 {
		t.Errorf("an order takes %d calls and has the lines %+v", calls, doc.Lines)
	}
	if calls, doc := deliver("shop-3", func(d *connector.Document) { d.Lines = nil }); calls != 7 || len(doc.Lines) != 1 {
		t.Errorf("an order whose lines nobody knows takes %d calls and has the lines %+v", calls, doc.Lines)
	}
	stale := func(d *connector.Document) {
		d.Lines[0].SKU, d.Totals.Gross = "OLD", money.New(decimal.New(1, 0), "EUR")
	}
	if calls, doc := deliver("shop-4", stale); calls != 7 || len(doc.Lines) != 1 || doc.Lines[0].SKU != "MUG-BLUE" {
		t.Errorf("an order that has changed meanwhile takes %d calls and has the lines %+v", calls, doc.Lines)
	}

	// An update reads the lines to match them, and again when it has changed any.
	doc, err := conn.Orders.SaveOrder(t.Context(), o.draft("shop-5", order))
	if err != nil {
		t.Fatal(err)
	}
	update := func(change func(*commerce.Order)) (int, connector.Document) {
		changed := order
		changed.Lines = slices.Clone(order.Lines)
		change(&changed)
		d := o.draft("shop-5", changed)
		d.Existing = &doc
		before := count.calls
		after, err := conn.Orders.SaveOrder(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return count.calls - before, after
	}
	later := func(o *commerce.Order) { o.RequestedDeliveryDate = time.Now().AddDate(0, 0, 9) }
	if calls, after := update(later); calls != 4 || len(after.Lines) != 1 {
		t.Errorf("another day takes %d calls and has the lines %+v", calls, after.Lines)
	}
	more := func(o *commerce.Order) { o.Lines[0].Name = "Another mug" }
	if calls, after := update(more); calls != 5 || len(after.Lines) != 1 || after.Lines[0].Name != "Another mug" {
		t.Errorf("another name takes %d calls and has the lines %+v", calls, after.Lines)
	}
}
