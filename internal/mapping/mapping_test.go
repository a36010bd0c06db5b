package mapping

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

func TestTableFind(t *testing.T) {
	table := Table{"OLD-1": "NEW-1", "old-*": "OTHER", "OLD-1?": "TENS", "a/b*": "SLASH", "[x]": "BRACKET", "*": "REST"}
	for _, c := range []struct{ name, value, want string }{
		{"the value itself wins over a pattern", "OLD-1", "NEW-1"},
		{"letters match in any case", "oLd-1", "NEW-1"},
		{"more fixed characters win", "OLD-12", "TENS"},
		{"the wider pattern takes the rest", "OLD-123", "OTHER"},
		{"a slash is a character like any other", "A/B/C", "SLASH"},
		{"a bracket is a character like any other", "[X]", "BRACKET"},
		{"everything else", "FOO", "REST"},
		{"nothing at all is everything else", "", "REST"},
		{"an asterisk in the source is no key", "*", "REST"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := table.Index().Find(c.value); !ok || got != c.want {
				t.Errorf("Find(%q) = %q, %v; want %q", c.value, got, ok, c.want)
			}
		})
	}
	if got, ok := (Table{"A": "1"}).Index().Find("B"); ok {
		t.Errorf("a value without a row gives %q", got)
	}
	if got, _ := (Table{"second": "2", "first": "1"}).Index().Find("none", "second", "first"); got != "2" {
		t.Errorf("of several values the first with a row counts, not %q", got)
	}
}

func TestTableFindIsTheSameEachTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[ab*?]{1,4}`)
		table := Table(rapid.MapOf(key, rapid.StringMatching(`[a-z]{1,3}`)).Draw(t, "table"))
		value := rapid.StringMatching(`[ab]{0,4}`).Draw(t, "value")
		first, found := table.Index().Find(value)
		for range 5 {
			if again, foundAgain := table.Index().Find(value); again != first || foundAgain != found {
				t.Fatalf("Find(%q) gives %q and then %q", value, first, again)
			}
		}
	})
}

func number(text string) money.Decimal { return decimal.RequireFromString(text) }

func TestTaxes(t *testing.T) {
	known := []connector.TaxCode{
		{Code: "S19", Name: "19% sales", Rate: number("0.19"), Default: true},
		{Code: "S19I", Name: "19% sales included", Rate: number("0.19"), Included: true},
		{Code: "S7", Name: "7%", Rate: number("0.07")},
		{Code: "S7B", Name: "7% books", Rate: number("0.07")},
		{Code: "Z", Name: "0%", Rate: money.Zero},
		{Code: "AT20", Name: "20% AT", Rate: number("0.2"), Country: "AT"},
		{Code: "FR20", Name: "20% FR", Rate: number("0.2"), Country: "FR"},
	}
	tax := func(rate, name, country string) []commerce.Tax {
		return []commerce.Tax{{Name: name, Rate: number(rate), Country: country}}
	}
	for _, c := range []struct {
		name      string
		table     Table
		taxes     []commerce.Tax
		inclusive bool
		want      string
		wantErr   string
	}{
		{name: "by rate, the default one", taxes: tax("0.19", "VAT", ""), want: "S19"},
		{name: "by rate, the included one for prices that include tax", taxes: tax("0.19", "VAT", ""), inclusive: true, want: "S19I"},
		{name: "a rate worked out from amounts", taxes: tax("0.1900004", "VAT", ""), want: "S19"},
		{name: "by country", taxes: tax("0.20", "TVA", "FR"), want: "FR20"},
		{name: "several of one rate are a person's to settle", taxes: tax("0.07", "VAT", ""), wantErr: "several taxes"},
		{name: "a row settles it", table: Table{"7%": "S7B"}, taxes: tax("0.07", "VAT", ""), want: "S7B"},
		{name: "a row by country and rate", table: Table{"AT 19%": "S19I"}, taxes: tax("0.19", "VAT", "AT"), want: "S19I"},
		{name: "a row by name", table: Table{"Book VAT": "7% books"}, taxes: tax("0.07", "Book VAT", ""), want: "S7B"},
		{name: "a row that leads nowhere", table: Table{"19%": "GONE"}, taxes: tax("0.19", "VAT", ""), wantErr: "GONE"},
		{name: "an unknown rate", taxes: tax("0.081", "MWST", "CH"), wantErr: "no tax for sales of this rate"},
		{name: "no tax at all", taxes: nil, want: "Z"},
		{name: "several taxes on one line", taxes: append(tax("0.2", "a", "AT"), tax("0.19", "b", "")...), want: "AT20 S19"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := New(Config{Taxes: c.table}, "")
			if err != nil {
				t.Fatal(err)
			}
			codes, err := m.Taxes("lines[0]", c.taxes, c.inclusive, known)
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) || connector.KindOf(err) != connector.KindUnmapped {
					t.Fatalf("error %v; want KindUnmapped with %q", err, c.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, code := range codes {
				got = append(got, code.Code)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("codes %v; want %s", got, c.want)
			}
		})
	}
}

func sampleOrder() commerce.Order {
	eur := func(text string) money.Money { return money.New(number(text), "EUR") }
	return commerce.Order{
		OrderNumber: "1001", OrderDate: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC), DocumentCurrency: "EUR",
		CustomerReference: "PO-7", PaymentState: commerce.PaymentPaid,
		Buyer: commerce.Customer{DisplayName: "Anna", Emails: []string{"anna@example.com"}},
		Lines: []commerce.Line{
			{SKU: "A", Quantity: number("3"), LineNet: eur("29.97")},
			{SKU: "B", Quantity: number("1"), LineNet: eur("0.10")},
		},
		Totals: commerce.Totals{Payable: eur("35.78")},
	}
}

func TestExpressions(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       any
	}{
		{"a text", "order.order_number", "1001"},
		{"text put together", `"Web " + order.order_number`, "Web 1001"},
		{"an enumeration is a text", `order.payment_state == "paid"`, true},
		{"a decimal compared with a number", "order.totals.payable.amount >= 35.78", true},
		{"a decimal compared with a whole number", "order.totals.payable.amount > 36", false},
		{"decimals calculated exactly", "order.lines[1].line_net.amount + 0.2 == 0.3", true},
		{"a decimal from text", `order.totals.payable.amount == decimal("35.780")`, true},
		{"what is absent is empty", "order.ship_to.postal_code", ""},
		{"a list is searched", `any(order.lines, .sku == "B")`, true},
		{"a list is filtered", `len(filter(order.lines, .quantity > 1))`, 1},
		{"a time", "order.order_date.Year()", 2026},
		{"nested", `order.buyer.emails[0]`, "anna@example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := New(Config{OrderFields: map[string]string{"x": c.text}}, "")
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.OrderFields(sampleOrder())
			if err != nil {
				t.Fatal(err)
			}
			if got["x"] != c.want {
				t.Errorf("%s = %v (%T); want %v", c.text, got["x"], got["x"], c.want)
			}
		})
	}
}

func TestMistakesInExpressionsAreFoundWhenTheyAreLoaded(t *testing.T) {
	for _, c := range []struct {
		name, filter, field, path, want string
	}{
		{name: "an unknown field", filter: `order.order_numbr == "1"`, path: "filter", want: "order_numbr"},
		{name: "a filter that is no condition", filter: "order.order_number", path: "filter", want: "bool"},
		{name: "a text compared with an amount", filter: `order.order_number > order.totals.payable.amount`, path: "filter", want: "mismatched types"},
		{name: "not an expression", field: "order.", path: "mapping.order_fields.note", want: "unexpected"},
		{name: "a customer's field in an order's rule", field: "customer.note", path: "mapping.order_fields.note", want: "customer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := Config{}
			if c.field != "" {
				config.OrderFields = map[string]string{"note": c.field}
			}
			problems := Check(config, c.filter)
			if len(problems) != 1 || problems[0].Path != c.path || !strings.Contains(problems[0].Message, c.want) {
				t.Errorf("problems %+v; want one at %s with %q", problems, c.path, c.want)
			}
			if _, err := New(config, c.filter); err == nil {
				t.Error("New accepts it")
			}
		})
	}
}

func TestErrorsOfExpressionsHoldNoValues(t *testing.T) {
	m, err := New(Config{OrderFields: map[string]string{"x": "order.buyer.emails[3]"}}, `decimal(order.buyer.display_name) > 1`)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		second(m.OrderFields(sampleOrder())),
		second(m.Wanted(sampleOrder())),
	} {
		if err == nil {
			t.Fatal("no error")
		}
		if strings.Contains(err.Error(), "anna") || strings.Contains(err.Error(), "Anna") {
			t.Errorf("%v holds personal data", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzExpression(f *testing.F) {
	f.Add("order.totals.payable.amount / 0 > 1")
	f.Add(`order.lines[0].sku matches "("`)
	f.Fuzz(func(_ *testing.T, text string) {
		m, err := New(Config{}, text)
		if err == nil {
			_, _ = m.Wanted(sampleOrder())
		}
	})
}

func TestSKUs(t *testing.T) {
	m, err := New(Config{
		Items: Table{"OLD": "NEW"}, Shipping: Table{"*": "SHIP"}, Charges: Table{"tip": "TIP"},
		DiscountItem: "DISC", RoundingItem: "ROUND", GiftCardItem: "GIFT", UnknownItem: "MISC",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	order := commerce.Order{
		Lines: []commerce.Line{
			{SKU: "OLD"}, {SKU: "KEEP"}, {SKU: "KEEP"}, {SKU: "GC", Type: commerce.LineGiftCard}, {SKU: ""},
		},
		ShippingLines: []commerce.ShippingLine{{Method: "dhl"}},
		Charges:       []commerce.Charge{{Type: commerce.ChargeTip}, {Type: commerce.ChargeDuty}},
		Discounts:     []commerce.Discount{{Allocated: true}, {}},
	}
	got := strings.Join(m.SKUs(order), " ")
	if want := "NEW KEEP GIFT MISC SHIP TIP DISC ROUND"; got != want {
		t.Errorf("SKUs %s; want %s", got, want)
	}
}
