package shopify_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
	"github.com/orderlyhq/orderly/money"
)

// decodeWith translates an order under settings.
func decodeWith(t testing.TB, body string, settings map[string]string) (commerce.Order, error) {
	t.Helper()
	config, ok := shopify.Definition().New().(connector.SourceConfig)
	if !ok {
		t.Fatal("the configuration is no source's")
	}
	if problems := connector.Bind(config.Settings(), settings); problems != nil && len(settings) > 0 {
		for _, p := range problems {
			if !strings.Contains(p.Message, "required") {
				t.Fatal(p)
			}
		}
	}
	return config.Decoder().DecodeOrder(connector.Raw{Body: []byte(body)})
}

// sums writes an order's amounts so that a person can check them at a glance.
func sums(o commerce.Order) string {
	var b strings.Builder
	for _, l := range o.Lines {
		fmt.Fprintf(&b, "%s %s %s: %s + %s = %s\n", l.Type, l.SKU, l.Quantity, l.LineNet.Amount, l.LineTax.Amount, l.LineGross.Amount)
	}
	for _, s := range o.ShippingLines {
		fmt.Fprintf(&b, "shipping %s: %s + %s = %s\n", s.Method, s.Net.Amount, s.Tax.Amount, s.Gross.Amount)
	}
	for _, c := range o.Charges {
		fmt.Fprintf(&b, "%s: %s + %s = %s\n", c.Type, c.Net.Amount, c.Tax.Amount, c.Gross.Amount)
	}
	for _, d := range o.Discounts {
		fmt.Fprintf(&b, "discount %s %s on %s: %s %v\n", d.Kind, d.Code+d.Title, d.Target, d.Amount.Amount, d.Allocated)
	}
	t := o.Totals
	fmt.Fprintf(&b, "total: %s + %s = %s %s, prepaid %s, payable %s", t.TaxExclusive.Amount, t.Tax.Amount, t.TaxInclusive.Amount, o.DocumentCurrency, t.Prepaid.Amount, t.Payable.Amount)
	return b.String()
}

// TestOurOwnPayloads translates the files of testdata. Each says in "_sums" what must come of it.
func TestOurOwnPayloads(t *testing.T) {
	files, err := filepath.Glob("testdata/order-*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Settings map[string]string `json:"_settings"`
				Sums     []string          `json:"_sums"`
				Differs  []string          `json:"_differences"`
				Seen     string            `json:"_presentment"`
			}
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatal(err)
			}
			o, err := decodeWith(t, string(body), want.Settings)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Join(want.Sums, "\n"), sums(o)); diff != "" {
				t.Errorf("amounts (-want +got):\n%s", diff)
			}
			proof, err := o.Prove()
			if err != nil {
				t.Fatal(err)
			}
			var differs []string
			for _, d := range proof.Differences {
				differs = append(differs, d.Field+" "+d.Amount.String())
			}
			if !slices.Equal(differs, want.Differs) {
				t.Errorf("does not add up: %q, want %q", differs, want.Differs)
			}
			seen := ""
			if o.Presentment != nil {
				seen = o.Presentment.TaxInclusive.String()
			}
			if seen != want.Seen {
				t.Errorf("the buyer saw %q, want %q", seen, want.Seen)
			}
		})
	}
}

func TestWhatIsInvalidIsNamed(t *testing.T) {
	base := `{"id":1,"name":"#1","currency":"EUR","line_items":[{"id":2,"price":"1.00","quantity":1},{"id":3,"price":"2.00","quantity":2}],"total_price":"5.00"}`
	for name, c := range map[string]struct{ from, to, field string }{
		"no JSON":                       {base, `<order/>`, ""},
		"a list":                        {base, `[]`, ""},
		"null":                          {base, `null`, ""},
		"no id":                         {`"id":1,`, ``, "id"},
		"an id that is null":            {`"id":1,`, `"id":null,`, "id"},
		"an id with a fraction":         {`"id":1,`, `"id":1.5,`, "id"},
		"an id of letters":              {`"id":1,`, `"id":"abc",`, "id"},
		"no currency":                   {`"currency":"EUR",`, ``, "currency"},
		"a currency that is none":       {`"EUR"`, `"EURO"`, "currency"},
		"a price in letters":            {`"price":"2.00"`, `"price":"two"`, "line_items[1].price"},
		"a price without end":           {`"price":"2.00"`, `"price":"1e999999999"`, "line_items[1].price"},
		"no price":                      {`"price":"2.00",`, ``, "line_items[1].price"},
		"no quantity":                   {`,"quantity":2`, ``, "line_items[1].quantity"},
		"no lines":                      {`"line_items":`, `"lines":`, "line_items"},
		"lines that are no list":        {`"line_items":[`, `"line_items":{},"x":[`, "line_items"},
		"a name that is a number":       {`"name":"#1"`, `"name":1`, "name"},
		"a total in another currency":   {`"total_price":"5.00"`, `"total_price_set":{"shop_money":{"amount":"5.00","currency_code":"USD"}}`, "total_price"},
		"a line in another currency":    {`"price":"2.00"`, `"price_set":{"shop_money":{"amount":"2.00","currency_code":"USD"}}`, "line_items[1].price"},
		"a time without an offset":      {`"name"`, `"created_at":"2026-01-02 03:04","name"`, "created_at"},
		"a total that is no number":     {`"5.00"`, `"5,00"`, "total_price"},
		"a tax rate that is no number":  {`"price":"2.00"`, `"price":"2.00","tax_lines":[{"rate":"x"}]`, "line_items[1].tax_lines[0].rate"},
		"an amount with no digits left": {`"5.00"`, `"` + strings.Repeat("9", 100) + `"`, "total_price"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeWith(t, strings.Replace(base, c.from, c.to, 1), nil)
			var e *connector.Error
			if connector.KindOf(err) != connector.KindInvalid {
				t.Fatalf("%v", err)
			}
			if e = err.(*connector.Error); e.Field != c.field { //nolint:errorlint // the decoder gives the error itself
				t.Errorf("field %q, want %q (%v)", e.Field, c.field, err)
			}
		})
	}
}

// TestBothFormsOfOneOrder translates each of the shop's orders from both forms: a webhook and a poll must
// not make two revisions that differ in what the ERP gets.
func TestBothFormsOfOneOrder(t *testing.T) {
	rest := newBench(t, map[string]string{"api": "rest"}, shopifyfake.Presentment("USD", decimal.RequireFromString("1.0837")))
	graph := rest.open(t, map[string]string{"api": "graphql"})
	g := generator(41)
	for range 120 {
		stated, err := g.Put(rest.vendor)
		if err != nil {
			t.Fatal(err)
		}
		ref := connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID}
		var orders [2]commerce.Order
		for i, conn := range []*connector.Conn{rest.conn, graph} {
			raw, err := conn.Fetcher.Fetch(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			if orders[i], err = conn.Decoder.DecodeOrder(raw); err != nil {
				t.Fatal(err)
			}
			orders[i].Buyer.Language = "" // told by GraphQL's customer alone
			orders[i].Payments = nil      // titles are, too
		}
		if diff := cmp.Diff(orders[0], orders[1], sameOrder); diff != "" {
			t.Fatalf("order %s (-rest +graphql):\n%s", stated.OrderNumber, diff)
		}
		a, b := mustJSON(t, orders[0]), mustJSON(t, orders[1])
		if a != b {
			t.Fatalf("order %s is written differently:\n%s", stated.OrderNumber, cmp.Diff(a, b))
		}
		tipped := slices.ContainsFunc(stated.Charges, func(c commerce.Charge) bool { return c.Type == commerce.ChargeTip })
		if seen := orders[0].Presentment; (stated.DocumentCurrency == "USD" || tipped) != (seen == nil) {
			t.Errorf("order %s in %s: the buyer saw %+v", stated.OrderNumber, stated.DocumentCurrency, seen)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTheBuyersCurrency translates orders in the currency that the buyer paid.
func TestTheBuyersCurrency(t *testing.T) {
	for _, form := range []string{"rest", "graphql"} {
		b := newBench(t, map[string]string{"api": form, "amounts": "presentment"}, shopifyfake.Presentment("JPY", decimal.RequireFromString("162.5")))
		stated, err := b.vendor.PutOrder(simple(3))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID})
		if err != nil {
			t.Fatal(err)
		}
		o, err := b.conn.Decoder.DecodeOrder(raw)
		if err != nil {
			t.Fatal(err)
		}
		// 10.70 EUR is 1,739 yen (1,738.75), and 32.10 EUR are 5,216 (5,216.25): one yen less than three times
		// that, as shops that convert each amount have it.
		if o.DocumentCurrency != "JPY" || o.AccountingCurrency != "EUR" || o.Totals.TaxInclusive.String() != "5216 JPY" || o.Lines[0].LineGross.String() != "1739 JPY" ||
			o.ExchangeRate == nil || !o.ExchangeRate.Rate.Equal(decimal.RequireFromString("0.0061541411")) || o.Presentment != nil {
			t.Errorf("%s: %s %+v", form, sums(o), o.ExchangeRate)
		}
		if proof, err := o.Prove(); err != nil || !proof.Within(o.Tolerance()) || proof.AddsUp {
			t.Errorf("%s: %v %+v", form, err, proof)
		}
	}
}

// TestOrderTaxesAreSpread gives taxes on the order alone and finds each on the lines to the cent.
func TestOrderTaxesAreSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := decimal.New(rapid.Int64Range(0, 300).Draw(t, "rate"), -3)
		included, onShipping := rapid.Bool().Draw(t, "included"), rapid.Bool().Draw(t, "shipping")
		taxable := money.Zero
		var lines []string
		for i := range rapid.IntRange(1, 12).Draw(t, "lines") {
			price := decimal.New(rapid.Int64Range(0, 99999).Draw(t, "price"), -2)
			quantity := rapid.Int64Range(1, 20).Draw(t, "quantity")
			lines = append(lines, fmt.Sprintf(`{"id":%d,"sku":"S","price":"%s","quantity":%d,"taxable":true}`, i+2, price.StringFixed(2), quantity))
			taxable = taxable.Add(price.Mul(decimal.NewFromInt(quantity)))
		}
		shipping := decimal.New(rapid.Int64Range(0, 2000).Draw(t, "cost"), -2)
		total := taxable.Add(shipping)
		if onShipping {
			taxable = total
		}
		tax := commerce.TaxOnNet(taxable, rate, "EUR", money.HalfUp)
		if included {
			tax = commerce.TaxInGross(taxable, rate, "EUR", money.HalfUp)
		} else {
			total = total.Add(tax)
		}
		body := fmt.Sprintf(`{"id":1,"currency":"EUR","taxes_included":%v,"total_price":"%s","total_tax":"%s","line_items":[%s],"shipping_lines":[{"id":99,"price":"%s"}],"tax_lines":[{"title":"VAT","rate":%s,"price":"%s"}]}`,
			included, total.StringFixed(2), tax.StringFixed(2), strings.Join(lines, ","), shipping.StringFixed(2), rate, tax.StringFixed(2))
		config, _ := shopify.Definition().New().(connector.SourceConfig)
		o, err := config.Decoder().DecodeOrder(connector.Raw{Body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		proof, err := o.Prove()
		if err != nil || !proof.AddsUp {
			t.Fatalf("%v %+v\n%s", err, proof.Differences, body)
		}
	})
}

func FuzzDecodeOrder(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(plainOrder))
	f.Add([]byte(`{"data":{"order":{"id":"gid://shopify/Order/1","totalPriceSet":{"shopMoney":{"amount":"1.0","currencyCode":"EUR"}},"lineItems":{"nodes":[{"id":"gid://shopify/LineItem/2","quantity":1,"originalUnitPriceSet":{"shopMoney":{"amount":"1.0","currencyCode":"EUR"}}}]}}}}`))
	config, _ := shopify.Definition().New().(connector.SourceConfig)
	decoder := config.Decoder()
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, form := range []string{"", "rest", "graphql"} {
			o, err := decoder.DecodeOrder(connector.Raw{Form: form, Body: body})
			if err != nil {
				if connector.KindOf(err) != connector.KindInvalid {
					t.Fatalf("%v", err)
				}
				continue
			}
			if o.Source.ExternalID == "" || !o.DocumentCurrency.Known() {
				t.Fatalf("an order without id or currency: %+v", o.Source)
			}
			if _, err := o.Prove(); err != nil {
				t.Fatalf("an order that cannot be proved: %v", err)
			}
			again, err := decoder.DecodeOrder(connector.Raw{Form: form, Body: body})
			if err != nil || cmp.Diff(o, again, sameOrder) != "" {
				t.Fatalf("the same bytes give another order: %v", err)
			}
		}
	})
}

func FuzzDecodeCustomer(f *testing.F) {
	f.Add([]byte(`{"customer":{"id":1,"email":"a@example.com","first_name":"A","addresses":[{"id":2,"default":true,"country":"de"}]}}`))
	f.Add([]byte(`{"data":{"customer":{"id":"gid://shopify/Customer/1","addressesV2":{"nodes":[{"id":"gid://shopify/MailingAddress/2?x=y"}]},"defaultEmailAddress":{"emailAddress":"a@example.com"}}}}`))
	config, _ := shopify.Definition().New().(connector.SourceConfig)
	decoder := config.Decoder()
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := decoder.DecodeCustomer(connector.Raw{Body: body})
		if err != nil {
			if connector.KindOf(err) != connector.KindInvalid {
				t.Fatalf("%v", err)
			}
			return
		}
		if c.Source.ExternalID == "" {
			t.Fatal("a customer without an id")
		}
	})
}

func FuzzReceive(f *testing.F) {
	for _, topic := range []string{"orders/create", "orders/edited", "orders/delete", "refunds/create", "customers/update", "customers/redact"} {
		f.Add(topic, []byte(plainOrder))
		f.Add(topic, []byte(`{"order_edit":{"order_id":5},"order_id":6,"customer":{"id":7}}`))
	}
	b := newBench(f, map[string]string{"client_secret": "a secret of the app"})
	f.Fuzz(func(t *testing.T, topic string, body []byte) {
		receipt, err := b.conn.Receiver.Receive(webhook(topic, sign("a secret of the app", body), body))
		switch {
		case err != nil && connector.KindOf(err) != connector.KindInvalid:
			t.Fatalf("%v", err)
		case err == nil && (receipt.Ignored == "") != (len(receipt.Events) == 1):
			t.Fatalf("%+v", receipt)
		}
		for _, e := range receipt.Events {
			if e.Ref.ID == "" || strings.Trim(e.Ref.ID, "0123456789") != "" {
				t.Fatalf("id %q", e.Ref.ID)
			}
		}
		if _, err := b.conn.Receiver.Receive(webhook(topic, sign("another secret", body), body)); connector.KindOf(err) != connector.KindForbidden {
			t.Fatalf("a forged webhook: %v", err)
		}
	})
}

func TestACompanyBuys(t *testing.T) {
	body, err := os.ReadFile("testdata/order-company.json")
	if err != nil {
		t.Fatal(err)
	}
	o, err := decodeWith(t, string(body), map[string]string{"tax_id_attribute": "vat_number"})
	if err != nil {
		t.Fatal(err)
	}
	b := o.Buyer
	if b.Type != commerce.Company || b.CompanyName != "Tea Ltd" || b.CustomerGroup != "55" || b.DisplayName != "Bo Li" || !b.Guest() || b.Email() != "buyer@example.com" ||
		b.TaxID() != "IT12345678901" || b.TaxIDs[0].Country != "IT" {
		t.Errorf("buyer %+v", b)
	}
	if o.CustomerReference != "PO-77" || o.PaymentTerms != "Net 30" || o.Notes[0].Text != "Ring twice" || o.Extensions["note_attribute.gift"] != "true" {
		t.Errorf("reference %q, terms %q, notes %+v, extensions %v", o.CustomerReference, o.PaymentTerms, o.Notes, o.Extensions)
	}
}

// TestWhatWasSent reads fulfilments in REST's form; the contract data has them in GraphQL's.
func TestWhatWasSent(t *testing.T) {
	o, err := decodeWith(t, `{"id":1,"name":"#1","currency":"EUR","financial_status":"paid","fulfillment_status":"partial","closed_at":"2026-05-05T08:00:00+02:00","total_price":"30.00",
		"line_items":[{"id":2,"sku":"A","price":"10.00","quantity":3,"current_quantity":3,"fulfillable_quantity":1}],
		"fulfillments":[{"id":7,"status":"success","created_at":"2026-05-05T07:00:00+02:00","location_id":9,"tracking_company":"DHL","tracking_numbers":["JJD1","JJD2"],"tracking_urls":["https://dhl.example/JJD1"],"line_items":[{"id":2,"quantity":2}]},
			{"id":8,"status":"cancelled","created_at":"2026-05-05T07:00:00+02:00","line_items":[{"id":2,"quantity":1}]}]}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if o.FulfillmentState != commerce.FulfillmentPartial || o.OrderState != commerce.StateComplete || !o.Lines[0].Fulfilled.Equal(decimal.New(2, 0)) {
		t.Errorf("state %s, %s, sent %s", o.FulfillmentState, o.OrderState, o.Lines[0].Fulfilled)
	}
	f := o.Fulfillments
	if len(f) != 2 || f[0].State != commerce.FulfillmentShipped || f[1].State != commerce.FulfillmentCancelled || f[0].Carrier != "DHL" || f[0].Location != "9" ||
		len(f[0].Tracking) != 2 || f[0].Tracking[0].URL == "" || f[0].Tracking[1].Number != "JJD2" || f[0].Lines[0].LineID != "2" {
		t.Errorf("fulfilments %+v", f)
	}
}

// TestEveryWordIsTranslated has a state for each of Shopify's words, and one for words to come.
func TestEveryWordIsTranslated(t *testing.T) {
	for word, want := range map[string]commerce.PaymentState{
		"pending": "pending", "expired": "pending", "authorized": "authorized", "partially_paid": "partially_paid", "paid": "paid",
		"partially_refunded": "partially_refunded", "refunded": "refunded", "voided": "voided", "settled_in_gold": "unknown", "": "unknown",
	} {
		o, err := decodeWith(t, `{"id":1,"currency":"EUR","financial_status":"`+word+`","line_items":[]}`, nil)
		if err != nil || o.PaymentState != want {
			t.Errorf("%q is %s, want %s (%v)", word, o.PaymentState, want, err)
		}
	}
	for word, want := range map[string]commerce.FulfillmentState{
		"UNFULFILLED": "pending", "PARTIALLY_FULFILLED": "partial", "FULFILLED": "shipped", "RESTOCKED": "returned", "PENDING_FULFILLMENT": "pending",
		"OPEN": "pending", "IN_PROGRESS": "pending", "ON_HOLD": "on_hold", "SCHEDULED": "pending", "REQUEST_DECLINED": "pending", "LOST_AT_SEA": "unknown",
	} {
		o, err := decodeWith(t, `{"id":"gid://shopify/Order/1","currencyCode":"EUR","displayFulfillmentStatus":"`+word+`","lineItems":{"nodes":[]}}`, nil)
		if err != nil || o.FulfillmentState != want {
			t.Errorf("%q is %s, want %s (%v)", word, o.FulfillmentState, want, err)
		}
	}
}

// TestShippingPaidBackOnOldVersions is written as an adjustment.
func TestShippingPaidBackOnOldVersions(t *testing.T) {
	o, err := decodeWith(t, `{"id":1,"currency":"EUR","financial_status":"partially_refunded","payment_gateway_names":["paypal"],"total_price":"16.00","total_tax":"1.00","current_total_price":"10.50","total_outstanding":"0.00",
		"line_items":[{"id":2,"sku":"A","price":"10.00","quantity":1,"tax_lines":[{"title":"T","rate":0.05,"price":"0.50"}]}],
		"shipping_lines":[{"id":3,"title":"Post","price":"5.00","tax_lines":[{"title":"T","rate":0.1,"price":"0.50"}]}],
		"refunds":[{"id":4,"created_at":"2024-02-03T10:00:00Z","refund_line_items":[],"transactions":[{"kind":"refund","status":"success","amount":"5.50","currency":"EUR"}],
			"order_adjustments":[{"kind":"shipping_refund","amount":"-5.00","tax_amount":"-0.50"}]}]}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := o.Refunds[0]; r.Shipping == nil || r.Shipping.String() != "5.50 EUR" || r.Amount.String() != "5.50 EUR" {
		t.Errorf("refund %+v", r)
	}
	if o.Totals.TaxInclusive.String() != "16.00 EUR" || o.Totals.Prepaid.String() != "16.00 EUR" || o.Totals.Refunded.String() != "5.50 EUR" || len(o.ShippingLines) != 1 {
		t.Errorf("%s, refunded %s", sums(o), o.Totals.Refunded)
	}
}

func TestAnOrderIsNoCustomer(t *testing.T) {
	for _, body := range []string{`{"id":1,"currency":"EUR","line_items":[]}`, `{"order":{"id":1}}`, `{"data":{"order":{"id":"gid://shopify/Order/1"}}}`, `{"id":"gid://shopify/Order/1","lineItems":{"nodes":[]}}`} {
		if _, err := decoder(t).DecodeCustomer(connector.Raw{Body: []byte(body)}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{`{"id":1,"email":"a@example.com"}`, `{"id":"gid://shopify/Customer/1"}`, `{"customer":{"id":1}}`} {
		if _, err := decoder(t).DecodeOrder(connector.Raw{Body: []byte(body)}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("%s: %v", body, err)
		}
	}
}
