package sapb1_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	"github.com/orderlyhq/orderly/money"
)

// variants are companies in which an order must come out with the same totals.
func variants() map[string][]b1fake.Option {
	return map[string][]b1fake.Option{
		"v1": {b1fake.V1()}, "v2": nil, "prices of two decimals": {b1fake.PriceDecimals(2)}, "sales tax": {b1fake.SalesTax()}, "branches": {b1fake.Branches()},
	}
}

func TestOrderHasTheAmountsOfItsSource(t *testing.T) {
	for variant, options := range variants() {
		for _, c := range []struct {
			name     string
			currency money.Currency
			gross    bool
			lines    []sold
		}{
			{"prices without tax", "EUR", false, []sold{{"MUG", "3", "37.50", "0.19"}, {"TEA", "2", "16.78", "0.07"}}},
			{"prices with tax", "EUR", true, []sold{{"MUG", "3", "29.97", "0.19"}, {"TEA", "1", "8.98", "0.07"}}},
			{"an amount that no unit price gives", "EUR", false, []sold{{"MUG", "7", "10.00", "0.19"}}},
			{"such an amount with tax", "EUR", true, []sold{{"MUG", "7", "10.00", "0.19"}, {"TEA", "348", "1234.57", "0.07"}}},
			{"another currency", "USD", false, []sold{{"MUG", "7", "10.00", "0.19"}}},
			{"another currency with tax", "USD", true, []sold{{"MUG", "7", "10.00", "0.19"}}},
			{"no decimals", "JPY", true, []sold{{"MUG", "3", "1000", "0.19"}}},
			{"three decimals", "KWD", false, []sold{{"MUG", "3", "1.234", "0.19"}}},
			{"nothing to pay", "EUR", true, []sold{{"MUG", "1", "0", "0.19"}}},
			{"no tax", "EUR", false, []sold{{"MUG", "2", "9.99", "0"}}},
		} {
			t.Run(variant+"/"+c.name, func(t *testing.T) {
				p := open(t, nil, options...)
				draft := p.draft("shop-1", p.customer("shop-c-1"), c.currency, c.gross, c.lines...)
				d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
				if err != nil {
					t.Fatal(err)
				}
				p.totals(d, draft.Order)
				if d.State != connector.DocumentConfirmed || len(d.Lines) != len(c.lines) || d.Number == "" {
					t.Errorf("%+v", d)
				}
				truth := p.vendor.Documents()
				if len(truth) != 1 || truth[0].Key != "shop-1" || !truth[0].Totals.Gross.Equal(draft.Order.Totals.TaxInclusive) {
					t.Errorf("the vendor has %+v", truth)
				}
				p.healthy()
			})
		}
	}
}

// A company whose unit prices have two decimals, and which believes no stated total, has another total: it is read back as it is.
func TestTotalsAreTheVendorsOwn(t *testing.T) {
	p := open(t, nil, b1fake.PriceDecimals(2), b1fake.OwnTotals())
	customer := p.customer("shop-c-1")
	for key, gross := range map[string]bool{"shop-1": false, "shop-2": true} {
		draft := p.draft(key, customer, "EUR", gross, sold{"MUG", "7", "10.00", "0"})
		d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
		if err != nil || d.Totals.Gross.String() != "10.01 EUR" {
			t.Errorf("%+v, %v", d.Totals, err)
		}
		draft.Existing, draft.Rounding = &d, money.New(number("-0.01"), "EUR")
		if d, err = p.conn.Orders.SaveOrder(t.Context(), draft); err != nil || d.Totals.Gross.String() != "10.00 EUR" {
			t.Errorf("%+v, %v", d.Totals, err)
		}
	}
	p.healthy()
}

// Whatever is sold, the document has the source's amounts.
func TestAnyOrderHasTheAmountsOfItsSource(t *testing.T) {
	p := open(t, nil)
	customer := p.customer("shop-c-1")
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		currency := rapid.SampledFrom([]money.Currency{"EUR", "USD", "JPY"}).Draw(rt, "currency")
		gross := rapid.Bool().Draw(rt, "gross")
		var lines []sold
		for range rapid.IntRange(1, 5).Draw(rt, "lines") {
			cents := rapid.Int64Range(0, 5_000_000).Draw(rt, "amount")
			lines = append(lines, sold{
				sku: rapid.SampledFrom([]string{"MUG", "TEA", "Q'1"}).Draw(rt, "sku"), quantity: fmt.Sprint(rapid.IntRange(1, 400).Draw(rt, "quantity")),
				amount: money.New(number(fmt.Sprint(cents)).Shift(-currency.Exponent()), currency).Amount.String(), rate: rapid.SampledFrom([]string{"0", "0.07", "0.19", "0.055"}).Draw(rt, "rate"),
			})
		}
		draft := p.draft(fmt.Sprintf("shop-%d", n), customer, currency, gross, lines...)
		d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
		if err != nil {
			rt.Fatal(err)
		}
		if !d.Totals.Gross.Equal(draft.Order.Totals.TaxInclusive) || !d.Totals.Tax.Equal(draft.Order.Totals.Tax) {
			rt.Fatalf("%s with %s, want %s with %s", d.Totals.Gross, d.Totals.Tax, draft.Order.Totals.TaxInclusive, draft.Order.Totals.Tax)
		}
	})
	p.healthy()
}

// A clerk removed the customer, or its addresses, after it was matched.
func TestCustomerThatIsGone(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		for _, addressesOnly := range []bool{false, true} {
			p := open(t, nil, options...)
			customer := p.customer("shop-c-1")
			ship, err := p.conn.Addresses.SaveAddress(t.Context(), customer, commerce.UseShipping, anna().Addresses[0])
			if err != nil {
				t.Fatal(err)
			}
			draft := p.draft("shop-1", customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"})
			draft.ShipTo = &ship
			d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
			if err != nil {
				t.Fatal(err)
			}
			gone := func(name string, err error) {
				t.Helper()
				if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindNotFound || e.Field != "customer" {
					t.Errorf("%s: %v", name, err)
				}
			}
			p.vendor.DeleteCustomer(customer.ID, addressesOnly)
			next := draft
			next.Key = "shop-2"
			_, err = p.conn.Orders.SaveOrder(t.Context(), next)
			gone("a new order", err)
			gone("a new order in a batch", p.conn.Batch.SaveOrders(t.Context(), []connector.OrderDraft{next})[0].Err)
			next = draft
			next.Existing = &d
			_, err = p.conn.Orders.SaveOrder(t.Context(), next)
			gone("a changed order", err)
			if !addressesOnly {
				_, err = p.conn.Addresses.SaveAddress(t.Context(), customer, commerce.UseShipping, anna().Addresses[0])
				gone("an address", err)
				_, err = p.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-1", Customer: anna(), Existing: &customer})
				gone("a change of the customer", err)
			}
			// What is missing otherwise is not blamed on the customer.
			fresh := p.customer("shop-c-1")
			wrong := p.draft("shop-3", fresh, "EUR", false, sold{"MUG", "1", "12.50", "0.19"})
			wrong.Lines[0].Item.ID = "NONE"
			_, err = p.conn.Orders.SaveOrder(t.Context(), wrong)
			if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindUnmapped || e.Field != "lines[0].sku" || e.Value != "NONE" {
				t.Errorf("an article that is gone: %v", err)
			}
			p.healthy()
		}
	})
}

func TestRulesCannotReplaceLines(t *testing.T) {
	p := open(t, nil)
	draft := p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "1", "12.50", "0.19"})
	draft.Fields = map[string]any{"DocumentLines": "none"}
	_, err := p.conn.Orders.SaveOrder(t.Context(), draft)
	if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindInvalid || e.Field != "fields.DocumentLines" {
		t.Error(err)
	}
}

// withExtras adds shipping, a fee and a discount on the whole order.
func (p *pretend) withExtras(d connector.OrderDraft, mapped bool) connector.OrderDraft {
	p.Helper()
	c := d.Order.DocumentCurrency
	m := func(text string) money.Money { return money.New(number(text), c) }
	d.Order.ShippingLines = []commerce.ShippingLine{{Title: "DHL", Net: m("4.10"), Tax: m("0.78"), Gross: m("4.88"), Taxes: []commerce.Tax{{Rate: number("0.19"), TaxAmount: m("0.78")}}}}
	d.Order.Charges = []commerce.Charge{{Title: "Gift wrap", Net: m("2.00"), Tax: m("0.38"), Gross: m("2.38"), Taxes: []commerce.Tax{{Rate: number("0.19"), TaxAmount: m("0.38")}}}}
	d.Order.Discounts = []commerce.Discount{{Title: "Loyal", Amount: m("5.00"), Net: m("5.00"), Tax: m("0.95"), Gross: m("5.95"), Taxes: []commerce.Tax{{Rate: number("0.19"), TaxAmount: m("0.95")}}}}
	codes := connector.LineCodes{TaxCodes: p.tax("0.19")}
	if mapped {
		codes.Item = connector.Item{ID: "SHIPPING", SKU: "SHIPPING"}
	}
	d.Shipping, d.Charges = []connector.LineCodes{codes}, []connector.LineCodes{codes}
	if mapped {
		codes.Item = connector.Item{ID: "DISCOUNT", SKU: "DISCOUNT"}
	}
	d.Discounts = []connector.LineCodes{codes}
	if err := d.Order.Complete(commerce.Stated{}); err != nil {
		p.Fatal(err)
	}
	return d
}

func TestShippingFeesAndDiscounts(t *testing.T) {
	freights := map[string]string{"shipping_expense": "1", "charge_expense": "2", "discount_expense": "3"}
	for _, c := range []struct {
		name     string
		settings map[string]string
		mapped   bool
		lines    int
		body     string
	}{
		{"as articles", nil, true, 4, `"ItemCode":"DISCOUNT"`},
		{"as freights", freights, false, 4, `"ExpenseCode":3,"LineTotal":-5`},
		{"the discount as that of the document", map[string]string{"shipping_expense": "1", "charge_expense": "2"}, false, 4, `"TotalDiscount":5`},
	} {
		for _, currency := range []money.Currency{"EUR", "USD"} {
			t.Run(c.name+" in "+string(currency), func(t *testing.T) {
				p := open(t, c.settings)
				draft := p.withExtras(p.draft("shop-1", p.customer("shop-c-1"), currency, false, sold{"MUG", "4", "50.00", "0.19"}), c.mapped)
				d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
				if err != nil {
					t.Fatal(err)
				}
				p.totals(d, draft.Order)
				if len(d.Lines) != c.lines {
					t.Errorf("%d lines, want %d: %+v", len(d.Lines), c.lines, d.Lines)
				}
				p.linesAddUp(d)
				if body := string(p.last("POST", "/Orders").body); currency == "EUR" && !strings.Contains(body, c.body) {
					t.Errorf("%s is not in %s", c.body, body)
				}
				p.healthy()
			})
		}
	}
}

// linesAddUp wants the lines of a document, with what its head takes off or adds, to come to its net.
func (p *pretend) linesAddUp(d connector.Document) {
	p.Helper()
	sum := money.Zero
	for _, l := range d.Lines {
		sum = sum.Add(l.Net.Amount)
	}
	if !sum.Equal(d.Totals.Net.Amount) {
		p.Errorf("the lines come to %s, the document to %s: %+v", sum, d.Totals.Net, d.Lines)
	}
}

func (p *pretend) last(method, part string) exchange {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range slices.Backward(p.exchanges) {
		if e := v; e.method == method && strings.Contains(e.url, part) {
			return e
		}
	}
	p.Fatalf("no %s of %s", method, part)
	return exchange{}
}

func TestWhatNobodyMappedIsHeld(t *testing.T) {
	p := open(t, nil)
	customer := p.customer("shop-c-1")
	plain := p.draft("shop-1", customer, "EUR", false, sold{"MUG", "4", "50.00", "0.19"})
	for _, c := range []struct {
		name, field string
		change      func(d *connector.OrderDraft)
	}{
		{"shipping", "shipping_lines[0]", func(d *connector.OrderDraft) { *d = p.withExtras(*d, false) }},
		{"an article", "lines[0].sku", func(d *connector.OrderDraft) { d.Lines = []connector.LineCodes{{}} }},
		{"several taxes", "lines[0].taxes", func(d *connector.OrderDraft) {
			d.Lines = []connector.LineCodes{{Item: d.Lines[0].Item, TaxCodes: append(p.tax("0.19"), p.tax("0.07")...)}}
		}},
		{"a currency", "document_currency", func(d *connector.OrderDraft) { d.Order.DocumentCurrency = "CHF" }},
		{"payment terms", "payment_terms", func(d *connector.OrderDraft) { d.PaymentTerms = "net 30" }},
	} {
		draft := plain
		c.change(&draft)
		_, err := p.conn.Orders.SaveOrder(t.Context(), draft)
		e, ok := errors.AsType[*connector.Error](err)
		if !ok || e.Kind != connector.KindUnmapped || e.Field != c.field || e.Fix == "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if n := len(p.vendor.Documents()); n != 0 {
		t.Errorf("%d orders were made", n)
	}
	// Free shipping has nothing to be mapped.
	free := plain
	free.Order.ShippingLines, free.Shipping = []commerce.ShippingLine{{Title: "Free"}}, []connector.LineCodes{{}}
	if _, err := p.conn.Orders.SaveOrder(t.Context(), free); err != nil {
		t.Error(err)
	}
	p.healthy()
}

func TestDiscountOverSeveralTaxesNeedsAnArticle(t *testing.T) {
	p := open(t, map[string]string{"shipping_expense": "1", "charge_expense": "2"})
	draft := p.withExtras(p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "4", "50.00", "0.19"}, sold{"TEA", "1", "8.39", "0.07"}), false)
	_, err := p.conn.Orders.SaveOrder(t.Context(), draft)
	if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindUnmapped || e.Field != "discounts[0]" {
		t.Error(err)
	}
}

func TestRoundingMovesTheTotal(t *testing.T) {
	for name, item := range map[string]string{"by Business One's own field": "", "by an article": "ROUNDING"} {
		for _, currency := range []money.Currency{"EUR", "USD"} {
			t.Run(name+" in "+string(currency), func(t *testing.T) {
				// This company turns gross prices into net ones first, and loses a cent.
				p := open(t, nil, b1fake.NetPrices())
				draft := p.draft("shop-1", p.customer("shop-c-1"), currency, true, sold{"MUG", "3", "29.97", "0.19"})
				draft.RoundingItem = connector.Item{ID: item, SKU: item}
				d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
				if err != nil {
					t.Fatal(err)
				}
				difference := draft.Order.Totals.TaxInclusive.Amount.Sub(d.Totals.Gross.Amount)
				if difference.IsZero() {
					t.Fatal("there is nothing to round: the test proves nothing")
				}
				draft.Existing, draft.Rounding = &d, money.New(difference, currency)
				for range 2 { // again, as after a lost answer
					if d, err = p.conn.Orders.SaveOrder(t.Context(), draft); err != nil {
						t.Fatal(err)
					}
					if !d.Totals.Gross.Equal(draft.Order.Totals.TaxInclusive) {
						t.Errorf("%s, want %s", d.Totals.Gross, draft.Order.Totals.TaxInclusive)
					}
					if p.linesAddUp(d); item == "" && (len(d.Lines) != 2 || d.Lines[1].Kind != connector.LineRounding || !d.Lines[1].Net.Amount.Equal(difference)) {
						t.Errorf("the rounding is not among the lines: %+v", d.Lines)
					}
				}
				// Without a rounding it goes away again.
				draft.Rounding = money.Money{}
				if d, err = p.conn.Orders.SaveOrder(t.Context(), draft); err != nil || d.Totals.Gross.Amount.Add(difference).Equal(d.Totals.Gross.Amount) || len(d.Lines) != 1 {
					t.Errorf("%+v, %v", d, err)
				}
				if !d.Totals.Gross.Amount.Add(difference).Equal(draft.Order.Totals.TaxInclusive.Amount) {
					t.Errorf("the rounding is still there: %s", d.Totals.Gross)
				}
				p.healthy()
			})
		}
	}
}

func TestChangedOrder(t *testing.T) {
	for variant, options := range map[string][]b1fake.Option{"v1": {b1fake.V1()}, "v2": nil} {
		t.Run(variant, func(t *testing.T) {
			p := open(t, map[string]string{"shipping_expense": "1", "charge_expense": "2"}, options...)
			customer := p.customer("shop-c-1")
			before := p.withExtras(p.draft("shop-1", customer, "EUR", false, sold{"MUG", "4", "50.00", "0.19"}, sold{"Q'1", "1", "5.00", "0.19"}, sold{"MUG", "1", "12.00", "0.19"}), false)
			d, err := p.conn.Orders.SaveOrder(t.Context(), before)
			if err != nil {
				t.Fatal(err)
			}
			after := p.draft("shop-1", customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"}, sold{"TEA", "2", "16.78", "0.07"})
			after.Existing = &d
			d, err = p.conn.Orders.SaveOrder(t.Context(), after)
			if err != nil {
				t.Fatal(err)
			}
			p.totals(d, after.Order)
			if len(d.Lines) != 2 {
				t.Errorf("%d lines: what was taken off is still there", len(d.Lines))
			}
			body := string(p.last("PATCH", "/Orders").body)
			if !strings.Contains(body, `"LineNum":0`) || strings.Contains(body, "CardCode") || p.last("PATCH", "/Orders").header.Get("If-Match") == "" {
				t.Errorf("the change is %s", body)
			}
			if n := len(p.vendor.Documents()); n != 1 {
				t.Errorf("%d orders", n)
			}
			p.healthy()
		})
	}
}

// A clerk saves the order between reading and writing.
func TestChangeMeetsAClerk(t *testing.T) {
	p := open(t, nil)
	draft := p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "4", "50.00", "0.19"})
	d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	clerk := draft.Order
	clerk.Lines = clerk.Lines[:1]
	meddled := false
	p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
		if req.Method == "PATCH" && !meddled {
			meddled = true
			if err := p.vendor.ChangeOrder(d.ID, clerk); err != nil {
				t.Error(err)
			}
		}
		return nil, nil
	})
	draft.Existing = &d
	if d, err = p.conn.Orders.SaveOrder(t.Context(), draft); err != nil || !meddled {
		t.Fatal(err)
	}
	p.totals(d, draft.Order)
	if n := p.calls("PATCH", "/Orders"); n != 2 {
		t.Errorf("%d attempts", n)
	}
}

func TestOrderInAStateThatForbidsTheChange(t *testing.T) {
	p := open(t, nil)
	customer := p.customer("shop-c-1")
	draft := p.draft("shop-1", customer, "EUR", false, sold{"MUG", "4", "50.00", "0.19"})
	d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	other := p.draft("shop-1", customer, "USD", false, sold{"MUG", "4", "50.00", "0.19"})
	other.Existing = &d
	if _, err := p.conn.Orders.SaveOrder(t.Context(), other); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("another currency: %v", err)
	}
	for range 2 { // the second time it is cancelled already
		cancelled, err := p.conn.Orders.CancelOrder(t.Context(), d, "changed my mind")
		if err != nil || cancelled.State != connector.DocumentCancelled {
			t.Fatalf("%+v, %v", cancelled, err)
		}
	}
	draft.Existing = &d
	if _, err := p.conn.Orders.SaveOrder(t.Context(), draft); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("a cancelled order: %v", err)
	}
	found, err := p.conn.Orders.FindOrders(t.Context(), []connector.Key{"shop-1"})
	if err != nil || len(found["shop-1"]) != 1 || found["shop-1"][0].State != connector.DocumentCancelled {
		t.Errorf("%+v, %v", found, err)
	}
	p.healthy()
}

func TestOrdersAreFoundByManyKeys(t *testing.T) {
	for name, options := range map[string][]b1fake.Option{"by the user field": nil, "by the reference number": {b1fake.WithoutUserField()}, "v1": {b1fake.V1()}} {
		t.Run(name, func(t *testing.T) {
			p := open(t, map[string]string{"create_key_field": "false"}, options...)
			customer := p.customer("shop-c-1")
			var keys []connector.Key
			for i := range 60 {
				key := connector.Key(fmt.Sprintf("shop--%030d", i))
				keys = append(keys, key)
				if i%2 == 0 {
					if _, err := p.conn.Orders.SaveOrder(t.Context(), p.draft(string(key), customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"})); err != nil {
						t.Fatal(err)
					}
				}
			}
			found, err := p.conn.Orders.FindOrders(t.Context(), keys)
			if err != nil || len(found) != 30 {
				t.Fatalf("%d found, %v", len(found), err)
			}
			for i, key := range keys {
				if got := found[key]; (i%2 == 0) != (len(got) == 1) || (len(got) == 1 && (got[0].Key != key || got[0].Totals == nil)) {
					t.Errorf("%s: %+v", key, got)
				}
			}
			for _, e := range p.exchanges {
				if len(e.url) > 2400 {
					t.Errorf("an address of %d bytes", len(e.url))
				}
			}
			p.healthy()
		})
	}
}

func TestApproval(t *testing.T) {
	for variant, options := range map[string][]b1fake.Option{"v1": {b1fake.V1(), b1fake.Approval()}, "v2": {b1fake.Approval()}} {
		t.Run(variant, func(t *testing.T) {
			p := open(t, nil, options...)
			draft := p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "4", "50.00", "0.19"})
			d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
			if err != nil || d.State != connector.DocumentPending || d.Reason == "" {
				t.Fatalf("%+v, %v", d, err)
			}
			found, err := p.conn.Orders.FindOrders(t.Context(), []connector.Key{"shop-1"})
			if err != nil || len(found["shop-1"]) != 1 || found["shop-1"][0].ID != d.ID {
				t.Fatalf("%+v, %v", found, err)
			}
			draft.Existing = &d
			if _, err := p.conn.Orders.SaveOrder(t.Context(), draft); connector.KindOf(err) != connector.KindConflict {
				t.Errorf("a change of what waits: %v", err)
			}
			p.vendor.Approve()
			now, err := p.conn.Orders.ReadOrder(t.Context(), d.ID)
			if err != nil || now.Type != "Orders" || now.State != connector.DocumentConfirmed || now.Key != "shop-1" {
				t.Fatalf("%+v, %v", now, err)
			}
			p.totals(now, draft.Order)
			draft.Existing = &now
			if _, err := p.conn.Orders.SaveOrder(t.Context(), draft); err != nil {
				t.Error(err)
			}
			p.healthy()
		})
	}
	t.Run("rejected and removed", func(t *testing.T) {
		p := open(t, nil, b1fake.Approval())
		d, err := p.conn.Orders.SaveOrder(t.Context(), p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "4", "50.00", "0.19"}))
		if err != nil {
			t.Fatal(err)
		}
		p.vendor.Reject()
		if now, err := p.conn.Orders.ReadOrder(t.Context(), d.ID); err != nil || now.State != connector.DocumentRejected {
			t.Errorf("%+v, %v", now, err)
		}
		if now, err := p.conn.Orders.CancelOrder(t.Context(), d, ""); err != nil || now.State != connector.DocumentCancelled {
			t.Errorf("%+v, %v", now, err)
		}
		if found, err := p.conn.Orders.FindOrders(t.Context(), []connector.Key{"shop-1"}); err != nil || len(found) != 0 {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name     string
		options  []b1fake.Option
		settings map[string]string
		currency money.Currency
		spoil    func(d *connector.OrderDraft, p *pretend)
		field    string
	}{
		{"no exchange rate", []b1fake.Option{b1fake.WithoutRates()}, nil, "USD", nil, "document_currency"},
		{"no branch", []b1fake.Option{b1fake.Branches()}, map[string]string{"branch": ""}, "EUR", nil, ""},
		{"an unknown warehouse", nil, map[string]string{"warehouse": "99"}, "EUR", nil, ""},
		{"an inactive article", nil, nil, "EUR", func(_ *connector.OrderDraft, p *pretend) { p.vendor.FreezeItem("MUG") }, ""},
		{"a field that is not there", nil, nil, "EUR", func(d *connector.OrderDraft, _ *pretend) { d.Fields = map[string]any{"U_Colour": "red"} }, "U_Colour"},
	} {
		for _, version := range []string{"v1", "v2"} {
			t.Run(c.name+" "+version, func(t *testing.T) {
				p := open(t, c.settings, c.options...)
				p.conn = p.connect(merged(c.settings, map[string]string{"api_version": version}))
				draft := p.draft("shop-1", p.customer("shop-c-1"), c.currency, false, sold{"MUG", "4", "50.00", "0.19"})
				if c.spoil != nil {
					c.spoil(&draft, p)
				}
				_, err := p.conn.Orders.SaveOrder(t.Context(), draft)
				e, ok := errors.AsType[*connector.Error](err)
				if !ok || e.Kind != connector.KindInvalid || e.Field != c.field || e.Message == "" || e.Code == "" {
					t.Errorf("%#v", err)
				}
				if len(p.vendor.Documents()) != 0 {
					t.Error("an order was made")
				}
			})
		}
	}
}

func merged(a, b map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		maps.Copy(out, m)
	}
	return out
}

func TestLongTextsFit(t *testing.T) {
	p := open(t, nil)
	draft := p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "4", "50.00", "0.19"})
	draft.Order.CustomerReference = strings.Repeat("Ä", 150)
	draft.Order.Notes = []commerce.Note{{Text: strings.Repeat("😀", 200)}}
	draft.Order.ShipTo.StreetAddress, draft.Order.ShipTo.Name = strings.Repeat("Straße ", 40), strings.Repeat("x", 200)
	draft.Order.Lines[0].Type, draft.Order.Lines[0].Name = commerce.LineCustom, strings.Repeat("n", 300)
	draft.Order.Lines[0].Options = []commerce.Property{{Name: "Engraving", Value: strings.Repeat("e", 300)}}
	d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	p.totals(d, draft.Order)
	p.healthy()
}

func TestBatch(t *testing.T) {
	for variant, options := range map[string][]b1fake.Option{"v1": {b1fake.V1()}, "v2": nil} {
		t.Run(variant, func(t *testing.T) {
			p := open(t, nil, options...)
			customer := p.customer("shop-c-1")
			var drafts []connector.OrderDraft
			for i := range 45 {
				drafts = append(drafts, p.draft(fmt.Sprintf("shop-%d", i), customer, "EUR", i%2 == 0, sold{"MUG", "3", "29.97", "0.19"}))
			}
			drafts[3].Lines = []connector.LineCodes{{}}                                                                       // is not sent at all
			drafts[7].Lines = []connector.LineCodes{{Item: connector.Item{ID: "NONE", SKU: "NONE"}, TaxCodes: p.tax("0.19")}} // is refused
			outcomes := p.conn.Batch.SaveOrders(t.Context(), drafts)
			for i, o := range outcomes {
				switch i {
				case 3:
					if connector.KindOf(o.Err) != connector.KindUnmapped {
						t.Errorf("%d: %v", i, o.Err)
					}
				case 7:
					if e, ok := errors.AsType[*connector.Error](o.Err); !ok || e.Kind != connector.KindUnmapped || e.Field != "lines[0].sku" {
						t.Errorf("%d: %v", i, o.Err)
					}
				default:
					if o.Err != nil || o.Document.Key != drafts[i].Key {
						t.Errorf("%d: %+v", i, o)
						continue
					}
					p.totals(o.Document, drafts[i].Order)
				}
			}
			if n, calls := len(p.vendor.Documents()), p.calls("POST", "$batch"); n != 43 || calls != 3 {
				t.Errorf("%d orders in %d calls", n, calls)
			}
			p.healthy()
		})
	}
}

func TestBatchWithApproval(t *testing.T) {
	p := open(t, nil, b1fake.Approval())
	customer := p.customer("shop-c-1")
	outcomes := p.conn.Batch.SaveOrders(t.Context(), []connector.OrderDraft{
		p.draft("shop-1", customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"}), p.draft("shop-2", customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"}),
	})
	for i, o := range outcomes {
		if o.Err != nil || o.Document.State != connector.DocumentPending {
			t.Errorf("%d: %+v", i, o)
		}
	}
}

// Whatever part of the answer is lost, nothing is said to have failed that was done.
func TestBatchAnswerIsLost(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  func(req *http.Request, p *pretend) (*http.Response, error)
	}{
		{"all of it", func(*http.Request, *pretend) (*http.Response, error) { return nil, errors.New("connection reset") }},
		{"a page of the load balancer", func(req *http.Request, _ *pretend) (*http.Response, error) {
			return answered(req, 502, "<html>Bad Gateway</html>"), nil
		}},
		{"a page with status 200", func(req *http.Request, _ *pretend) (*http.Response, error) {
			return answered(req, 200, "<html>Welcome</html>"), nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, nil)
			customer := p.customer("shop-c-1")
			drafts := []connector.OrderDraft{
				p.draft("shop-1", customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"}), p.draft("shop-2", customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"}),
			}
			p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
				if strings.HasSuffix(req.URL.Path, "$batch") {
					return c.cut(req, p)
				}
				return nil, nil
			})
			for i, o := range p.conn.Batch.SaveOrders(t.Context(), drafts) {
				if connector.KindOf(o.Err) != connector.KindMaybeApplied {
					t.Errorf("%d: %v", i, o.Err)
				}
			}
		})
	}
}

func TestInvoiceAndPayment(t *testing.T) {
	for _, currency := range []money.Currency{"EUR", "USD"} {
		for variant, options := range map[string][]b1fake.Option{"v1": {b1fake.V1()}, "v2": nil} {
			t.Run(variant+" "+string(currency), func(t *testing.T) {
				p := open(t, map[string]string{"shipping_expense": "1", "charge_expense": "2"}, options...)
				draft := p.withExtras(p.draft("shop-1", p.customer("shop-c-1"), currency, false, sold{"MUG", "4", "50.00", "0.19"}), false)
				order, err := p.conn.Orders.SaveOrder(t.Context(), draft)
				if err != nil {
					t.Fatal(err)
				}
				if none, err := p.conn.Invoicer.FindInvoice(t.Context(), order); err != nil || none != nil {
					t.Fatalf("%+v, %v", none, err)
				}
				paid := &connector.InvoicePayment{Amount: draft.Order.Totals.TaxInclusive, At: p.clock(), Method: "card", Reference: "ch_1"}
				// The answer to the payment is lost, and the whole is done again.
				p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
					if strings.HasSuffix(req.URL.Path, "/IncomingPayments") {
						return nil, errors.New("connection reset")
					}
					return nil, nil
				})
				if _, err := p.conn.Invoicer.Invoice(t.Context(), order, paid); connector.KindOf(err) != connector.KindMaybeApplied {
					t.Fatal(err)
				}
				p.setSpoil(nil)
				for range 2 {
					invoice, err := p.conn.Invoicer.Invoice(t.Context(), order, paid)
					if err != nil {
						t.Fatal(err)
					}
					p.totals(invoice, draft.Order)
				}
				if n := p.calls("POST", "/Invoices"); n != 1 {
					t.Errorf("%d invoices", n)
				}
				if n := p.calls("POST", "/IncomingPayments"); n != 2 {
					t.Errorf("%d payments with the one that was lost", n)
				}
				found, err := p.conn.Invoicer.FindInvoice(t.Context(), order)
				if err != nil || found == nil || found.State != connector.DocumentInvoiced {
					t.Errorf("%+v, %v", found, err)
				}
				now, err := p.conn.Orders.ReadOrder(t.Context(), order.ID)
				if err != nil || now.State != connector.DocumentClosed {
					t.Errorf("%+v, %v", now, err)
				}
				if _, err := p.conn.Orders.CancelOrder(t.Context(), order, ""); connector.KindOf(err) != connector.KindConflict {
					t.Errorf("cancelling an invoiced order: %v", err)
				}
				p.healthy()
			})
		}
	}
}

func TestApprovedLater(t *testing.T) {
	p := open(t, map[string]string{"approved": "false"})
	d, err := p.conn.Orders.SaveOrder(t.Context(), p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "4", "50.00", "0.19"}))
	if err != nil || d.State != connector.DocumentDraft {
		t.Fatalf("%+v, %v", d, err)
	}
	for range 2 {
		if d, err = p.conn.Confirmer.ConfirmOrder(t.Context(), d); err != nil || d.State != connector.DocumentConfirmed {
			t.Fatalf("%+v, %v", d, err)
		}
	}
	if n := p.calls("PATCH", "/Orders"); n != 1 {
		t.Errorf("%d changes", n)
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings map[string]string
		wish     time.Time
		want     []string
	}{
		{"in the server's zone", map[string]string{"time_zone": "Europe/Berlin"}, time.Time{}, []string{`"DocDate":"2026-03-02"`, `"DocDueDate":"2026-03-09"`}},
		{"other days of delivery", map[string]string{"due_days": "0"}, time.Time{}, []string{`"DocDate":"2026-03-01"`, `"DocDueDate":"2026-03-01"`}},
		{"a wish", nil, time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC), []string{`"DocDueDate":"2026-04-01"`}},
		{"a wish in the past", nil, time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC), []string{`"DocDueDate":"2026-03-08"`}},
		{"the day of arrival", map[string]string{"posting_date": "today"}, time.Time{}, []string{`"DocDate":"2026-03-02"`, `"TaxDate":"2026-03-02"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, c.settings)
			draft := p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "4", "50.00", "0.19"})
			draft.Order.RequestedDeliveryDate = c.wish
			if _, err := p.conn.Orders.SaveOrder(t.Context(), draft); err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if body := string(p.last("POST", "/Orders").body); !strings.Contains(body, want) {
					t.Errorf("%s is not in %s", want, body)
				}
			}
		})
	}
}
