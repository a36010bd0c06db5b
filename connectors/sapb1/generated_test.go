package sapb1_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

func generator(seed uint64) *fake.Generator {
	return fake.NewGenerator(fake.GeneratorOptions{
		Seed: seed, Catalog: fake.DefaultCatalog(), DocumentDiscounts: true, GiftCards: true,
		Charges: []commerce.ChargeType{commerce.ChargeTip, commerce.ChargeGiftWrap, commerce.ChargeCOD, commerce.ChargeSurcharge},
	})
}

// codes finds the destination's values as the flow would.
func (p *pretend) codes(o commerce.Order, mapped bool) connector.OrderDraft {
	p.Helper()
	d := connector.OrderDraft{Order: o}
	line := func(sku string, taxes []commerce.Tax) connector.LineCodes {
		c := connector.LineCodes{Item: connector.Item{ID: sku, SKU: sku}}
		for _, t := range taxes {
			c.TaxCodes = append(c.TaxCodes, p.tax(t.Rate.String())...)
		}
		return c
	}
	extra := func(sku string) string {
		if mapped {
			return sku
		}
		return ""
	}
	for _, l := range o.Lines {
		d.Lines = append(d.Lines, line(l.SKU, l.Taxes))
	}
	for _, s := range o.ShippingLines {
		d.Shipping = append(d.Shipping, line(extra(fake.ShippingSKU), s.Taxes))
	}
	for _, c := range o.Charges {
		d.Charges = append(d.Charges, line(extra(fake.FeeSKU), c.Taxes))
	}
	for _, s := range o.Discounts {
		d.Discounts = append(d.Discounts, line(extra(fake.DiscountSKU), s.Taxes))
	}
	return d
}

// Orders as real shops have them arrive with their totals, or within the tolerance that a rounding settles.
func TestOrdersOfShopsArrive(t *testing.T) {
	for name, c := range map[string]struct {
		options []b1fake.Option
		mapped  bool
		off     int // how many in a thousand may need a rounding
	}{
		"articles": {nil, true, 0}, "freights v1": {[]b1fake.Option{b1fake.V1()}, false, 100},
		"prices of two decimals": {[]b1fake.Option{b1fake.PriceDecimals(2)}, true, 0}, "net prices": {[]b1fake.Option{b1fake.NetPrices()}, true, 400},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, nil)
			p.vendor = b1fake.New(fake.Options{BaseURL: vendorURL, Now: p.clock, Courier: p, Catalog: fake.DefaultCatalog()}, c.options...)
			p.conn = p.connect(map[string]string{"shipping_expense": "1", "charge_expense": "2", "discount_expense": "3"})
			g := generator(7)
			off, made := 0, 0
			for i := range 250 {
				o := g.Order()
				who, err := p.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: connector.Key(fmt.Sprint("shop-c-", i)), Customer: o.Buyer})
				if err != nil {
					t.Fatalf("customer %d: %v", i, err)
				}
				draft := p.codes(o, c.mapped)
				draft.Key, draft.Customer = connector.Key(fmt.Sprint("shop-", i)), who
				if o.ShipTo != nil {
					ship, err := p.conn.Addresses.SaveAddress(t.Context(), who, commerce.UseShipping, *o.ShipTo)
					if err != nil {
						t.Fatalf("address %d: %v", i, err)
					}
					draft.ShipTo = &ship
				}
				d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
				if err != nil {
					t.Fatalf("order %d: %v", i, err)
				}
				made++
				if difference := o.Totals.TaxInclusive.Amount.Sub(d.Totals.Gross.Amount); !difference.IsZero() {
					off++
					if tolerance := o.Tolerance(); c.off > 0 && difference.Abs().LessThanOrEqual(tolerance) {
						draft.Existing, draft.Rounding = &d, money.New(difference, o.DocumentCurrency)
						if d, err = p.conn.Orders.SaveOrder(t.Context(), draft); err != nil || !d.Totals.Gross.Equal(o.Totals.TaxInclusive) {
							t.Errorf("order %d: %+v, %v", i, d, err)
						}
					} else if c.off == 0 {
						t.Errorf("order %d: %s of %s", i, d.Totals.Gross, o.Totals.TaxInclusive)
					}
				}
			}
			if off > made*c.off/1000 {
				t.Errorf("%d of %d orders need a rounding", off, made)
			}
			p.healthy()
		})
	}
}

// What clerks type in is read with amounts that add up.
func TestOrdersOfClerksAreRead(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		p := open(t, nil)
		p.vendor = b1fake.New(fake.Options{BaseURL: vendorURL, Now: p.clock, Courier: p, Catalog: fake.DefaultCatalog()}, options...)
		p.conn = p.connect(nil)
		g := generator(11)
		for range 250 {
			o := g.Order()
			id, err := p.vendor.PutOrder(o)
			if err != nil {
				t.Fatal(err)
			}
			raw := read(t, p, commerce.KindOrder, id)
			got, err := p.conn.Decoder.DecodeOrder(raw)
			if err != nil {
				t.Fatal(err)
			}
			if proof, err := got.Prove(); err != nil || !proof.AddsUp {
				t.Errorf("order %s: %+v, %v\n%s", id, proof, err, raw.Body)
			}
			if !got.Totals.TaxInclusive.Amount.Sub(o.Totals.TaxInclusive.Amount).Abs().LessThanOrEqual(o.Tolerance()) || got.DocumentCurrency != o.DocumentCurrency || len(got.Lines) != len(o.Lines) {
				t.Errorf("order %s: %s, typed in as %s", id, got.Totals.TaxInclusive, o.Totals.TaxInclusive)
			}
			customer, err := p.conn.Decoder.DecodeCustomer(read(t, p, commerce.KindCustomer, got.Buyer.Source.ExternalID))
			if err != nil || !strings.EqualFold(customer.Email(), o.Buyer.Email()) {
				t.Errorf("customer of %s: %+v, %v", id, customer, err)
			}
		}
		p.healthy()
	})
}

func FuzzDecodeOrder(f *testing.F) {
	p := open(f, nil)
	id := p.typed(1)
	raw, err := p.conn.Fetcher.Fetch(f.Context(), connector.Ref{Kind: commerce.KindOrder, ID: id})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw.Body)
	f.Add(testdata(f, "order_v1.json"))
	f.Add(testdata(f, "order_v2_foreign.json"))
	f.Add([]byte(`{"DocEntry":1,"DocCurrency":"$","DocTotal":-1e30,"DocumentLines":[{"Quantity":0,"LineTotal":1}],"TotalDiscount":7}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := p.conn.Decoder.DecodeOrder(connector.Raw{Body: body})
		if err != nil {
			if connector.KindOf(err) != connector.KindInvalid {
				t.Error(err)
			}
			return
		}
		if _, err := o.Prove(); err != nil || o.Source.ExternalID == "" {
			t.Errorf("%v", err)
		}
	})
}

func FuzzDecodeCustomer(f *testing.F) {
	p := open(f, nil)
	d := p.customer("shop-c-1")
	raw, err := p.conn.Fetcher.Fetch(f.Context(), connector.Ref{Kind: commerce.KindCustomer, ID: d.ID})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw.Body)
	f.Add([]byte(`{"CardCode":"C1","BPAddresses":[{}],"ContactEmployees":[{"InternalCode":1}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := p.conn.Decoder.DecodeCustomer(connector.Raw{Body: body})
		if err != nil && connector.KindOf(err) != connector.KindInvalid || err == nil && c.Source.ExternalID == "" {
			t.Errorf("%+v, %v", c, err)
		}
	})
}
