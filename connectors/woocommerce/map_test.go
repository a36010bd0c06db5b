package woocommerce_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	woofake "github.com/orderlyhq/orderly/connectors/woocommerce/fake"
	"github.com/orderlyhq/orderly/money"
)

func sample(t testing.TB) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/order.json")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// changed is the sample with some text for another.
func changed(t testing.TB, pairs ...string) []byte {
	t.Helper()
	body := string(sample(t))
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(body, pairs[i]) {
			t.Fatalf("the sample has no %q", pairs[i])
		}
		body = strings.Replace(body, pairs[i], pairs[i+1], 1)
	}
	return []byte(body)
}

func decode(t testing.TB, body []byte) commerce.Order {
	t.Helper()
	order, err := decoder().DecodeOrder(connector.Raw{Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return order
}

func eur(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }

func TestASampleWithTheOdditiesOfPHPAndPlugIns(t *testing.T) {
	o := decode(t, sample(t))
	proved(t, "sample", o)
	if o.Source.Store != "shop.example.com/de" || o.Source.AdminURL != "https://shop.example.com/de/wp-admin/post.php?action=edit&post=4711" || o.OrderNumber != "R-4711" {
		t.Errorf("source %+v, number %q", o.Source, o.OrderNumber)
	}
	if !o.OrderDate.Equal(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("date %s", o.OrderDate)
	}
	want := commerce.Customer{
		Type: commerce.Company, DisplayName: "Ada Beispiel", GivenName: "Ada", FamilyName: "Beispiel", CompanyName: "Beispiel & Töchter GmbH",
		Emails: []string{"ada@example.com"}, Phones: []string{"+49 228 1234"}, TaxIDs: []commerce.TaxID{{Scheme: "vat", Value: "EL123456789", Country: "GR"}},
	}
	if diff := cmp.Diff(want, o.Buyer); diff != "" {
		t.Errorf("buyer (-want +got):\n%s", diff)
	}
	if o.CustomerReference != "PO-7" || o.BillTo.AddressRegion != "NW" || o.ShipTo == nil || o.ShipTo.Use != commerce.UseShipping || o.ShipTo.AddressLocality != "Bonn" || o.ShipTo.Email != "" {
		t.Errorf("reference %q, bill to %+v, ship to %+v", o.CustomerReference, o.BillTo, o.ShipTo)
	}
	tea, tin := o.Lines[0], o.Lines[1]
	if tea.SKU != "TEA-100" || tea.Name != "Tea – 100 g" || len(tea.Options) != 1 || tea.Options[0] != (commerce.Property{Name: "Size", Value: "100 g"}) || tea.SourceVariantID != "502" {
		t.Errorf("line %+v", tea)
	}
	if tin.SKU != "10045" || tin.Quantity.String() != "1.5" || tin.Properties[0] != (commerce.Property{Name: "Engraving", Value: "A & B"}) || !tin.Taxes[0].TaxAmount.Equal(eur("1.20")) {
		t.Errorf("line %+v", tin)
	}
	if !tea.UnitPrice.Gross.Equal(eur("7.14")) || !tea.LineGross.Equal(eur("11.90")) || len(tea.Taxes) != 1 || tea.Taxes[0].Country != "DE" || !tea.Taxes[0].Included {
		t.Errorf("price %s, gross %s, taxes %+v", tea.UnitPrice.Gross, tea.LineGross, tea.Taxes)
	}
	coupon, fee := o.Discounts[0], o.Discounts[1]
	if coupon.Kind != commerce.DiscountFixed || !coupon.Allocated || !coupon.Amount.Equal(eur("2.38")) || coupon.Value.String() != "2.38" || tea.Discounts[0].DiscountID != coupon.DiscountID || !tea.Discounts[0].Amount.Equal(eur("2.38")) {
		t.Errorf("coupon %+v, line %+v", coupon, tea.Discounts)
	}
	if fee.Allocated || fee.Title != "Stammkunde" || !fee.Net.Equal(eur("0.30")) || !fee.Tax.Equal(eur("0.06")) || !fee.Amount.Equal(eur("0.36")) || !fee.Taxes[0].TaxAmount.Equal(eur("0.06")) {
		t.Errorf("fee below zero: %+v", fee)
	}
	if s := o.ShippingLines[0]; s.Method != "flat_rate" || !s.Gross.Equal(eur("4.90")) {
		t.Errorf("shipping %+v", s)
	}
	if p := o.Payments[0]; p.Method != "stripe" || p.Title != "Card – Visa" || !p.Amount.Equal(eur("23.94")) || p.State != commerce.PaymentPaid || !p.PaidAt.Equal(time.Date(2026, 3, 1, 9, 1, 0, 0, time.UTC)) {
		t.Errorf("payment %+v", p)
	}
	if diff := cmp.Diff(map[string]string{"status": "processing", "created_via": "checkout", "meta.is_vat_exempt": "no", "meta.shelf": "12"}, o.Extensions); diff != "" {
		t.Errorf("extensions (-want +got):\n%s", diff)
	}
	if !o.Totals.TaxInclusive.Equal(eur("23.94")) || !o.Totals.Allowances.Equal(eur("0.30")) || !o.Totals.Payable.IsZero() {
		t.Errorf("totals %+v", o.Totals)
	}
}

func TestStatuses(t *testing.T) {
	paid := `"date_paid_gmt": "2026-03-01T09:01:00"`
	for _, c := range []struct {
		status  string
		paid    bool
		order   commerce.OrderState
		payment commerce.PaymentState
		goods   commerce.FulfillmentState
	}{
		{"pending", false, commerce.StateOpen, commerce.PaymentPending, commerce.FulfillmentPending},
		{"on-hold", false, commerce.StateOpen, commerce.PaymentPending, commerce.FulfillmentPending},
		{"processing", true, commerce.StateConfirmed, commerce.PaymentPaid, commerce.FulfillmentPending},
		{"wc-processing", false, commerce.StateConfirmed, commerce.PaymentPending, commerce.FulfillmentPending},
		{"completed", true, commerce.StateComplete, commerce.PaymentPaid, commerce.FulfillmentShipped},
		{"cancelled", false, commerce.StateCancelled, commerce.PaymentVoided, commerce.FulfillmentCancelled},
		{"cancelled", true, commerce.StateCancelled, commerce.PaymentPaid, commerce.FulfillmentCancelled},
		{"trash", false, commerce.StateCancelled, commerce.PaymentVoided, commerce.FulfillmentCancelled},
		{"failed", false, commerce.StateOpen, commerce.PaymentFailed, commerce.FulfillmentPending},
		{"refunded", true, commerce.StateComplete, commerce.PaymentRefunded, commerce.FulfillmentUnknown},
		{"partial-shipped", true, commerce.StateUnknown, commerce.PaymentPaid, commerce.FulfillmentUnknown},
		{"awaiting-pickup", false, commerce.StateUnknown, commerce.PaymentUnknown, commerce.FulfillmentUnknown},
	} {
		body := changed(t, `"status": "processing"`, `"status": "`+c.status+`"`)
		if !c.paid {
			body = bytes.Replace(body, []byte(paid), []byte(`"date_paid_gmt": null`), 1)
		}
		o := decode(t, body)
		if o.OrderState != c.order || o.PaymentState != c.payment || o.FulfillmentState != c.goods || o.Extensions["status"] != c.status {
			t.Errorf("%s, paid %v: %s, %s, %s, %v", c.status, c.paid, o.OrderState, o.PaymentState, o.FulfillmentState, o.Extensions)
		}
		if prepaid := o.Totals.Prepaid.IsZero(); prepaid == c.paid {
			t.Errorf("%s, paid %v: prepaid %s", c.status, c.paid, o.Totals.Prepaid)
		}
	}
}

// Gift cards are money: the order costs what its parts cost, and a part of it is paid.
func TestGiftCards(t *testing.T) {
	named := decode(t, changed(t, `"total": "23.94"`, `"total": "13.94", "gift_cards": [{"id": 5, "code": "ABCD-EFGH-1234", "amount": "10.00"}]`))
	lowered := decode(t, changed(t, `"total": "23.94"`, `"total": "13.94"`))
	all := decode(t, changed(t, `"total": "23.94"`, `"total": "0.00"`, `"payment_method": "stripe"`, `"payment_method": ""`, `"transaction_id": "ch_made_up"`, `"transaction_id": ""`))
	for name, o := range map[string]commerce.Order{"named": named, "only lower": lowered, "all": all} {
		proved(t, name, o)
		card := o.Payments[0]
		if !card.GiftCard || card.State != commerce.PaymentPaid || !o.Totals.TaxInclusive.Equal(eur("23.94")) || !o.Totals.Prepaid.Equal(eur("23.94")) || !o.Totals.Payable.IsZero() || o.PaymentState != commerce.PaymentPaid {
			t.Errorf("%s: %+v, %+v", name, o.Payments, o.Totals)
		}
	}
	if !named.Payments[0].Amount.Equal(eur("10")) || named.Payments[0].Reference != "•••• 1234" || !named.Payments[1].Amount.Equal(eur("13.94")) {
		t.Errorf("%+v", named.Payments)
	}
	if len(all.Payments) != 1 {
		t.Errorf("%+v", all.Payments)
	}
	// A cent is rounding, and more than the parts is nobody's gift card: the difference stays to be seen.
	for total, difference := range map[string]string{"23.93": "-0.01", "25.00": "1.06"} {
		o := decode(t, changed(t, `"total": "23.94"`, `"total": "`+total+`"`))
		proof, err := o.Prove()
		if err != nil || proof.AddsUp || proof.Differences[len(proof.Differences)-1].Amount.Amount.StringFixed(2) != difference || o.Payments[0].GiftCard {
			t.Errorf("a total of %s: %+v, %v", total, proof, err)
		}
	}
}

func TestSeveralCouponsDoNotClaimTheLines(t *testing.T) {
	o := decode(t, changed(t, `"coupon_lines": [`, `"coupon_lines": [{"id": 18, "code": "ship", "discount": "0.00", "discount_tax": "0", "discount_type": "fixed_cart", "nominal_amount": 0, "free_shipping": true},`))
	if len(o.Discounts) != 3 || o.Discounts[0].Kind != commerce.DiscountFreeShipping || o.Discounts[0].Target != commerce.TargetShipping || o.Lines[0].Discounts[0].DiscountID != "" {
		t.Errorf("%+v, line %+v", o.Discounts, o.Lines[0].Discounts)
	}
	proved(t, "two coupons", o)
}

func TestALineLoweredWithoutACoupon(t *testing.T) {
	o := decode(t, changed(t, `"coupon_lines": [{"id": 17, "code": "welcome", "discount": "2.00", "discount_tax": "0.38", "meta_data": [{"id": 20, "key": "coupon_info", "value": "[3,\"welcome\",null,2.38]"}]}]`, `"coupon_lines": []`))
	if d := o.Discounts[0]; d.Kind != commerce.DiscountManual || !d.Allocated || !d.Amount.Equal(eur("2.38")) || o.Lines[0].Discounts[0].DiscountID != "" {
		t.Errorf("%+v", o.Discounts)
	}
	proved(t, "by hand", o)
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ from, to, field string }{
		"an amount":             {`"total": "6.30", "total_tax"`, `"total": "6,30", "total_tax"`, "line_items[1].total"},
		"a tax":                 {`"total": "1.9", "subtotal": "2.28"`, `"total": "x", "subtotal": "2.28"`, "line_items[0].taxes"},
		"a quantity":            {`"quantity": "1.5"`, `"quantity": "many"`, "line_items[1].quantity"},
		"a fee":                 {`"total": "-0.30"`, `"total": "--"`, "fee_lines[0].total"},
		"the total":             {`"total": "23.94"`, `"total": ""`, "total"},
		"a total that is words": {`"total": "23.94"`, `"total": "23 euro"`, "total"},
		"the currency":          {`"currency": "EUR"`, `"currency": "EURO"`, "currency"},
		"the id":                {`"id": 4711,`, `"id": 0,`, "id"},
		"the lines":             {`"line_items": {`, `"lines": {`, "line_items"},
		"a date":                {`"date_created_gmt": "2026-03-01T09:00:00"`, `"date_created_gmt": "yesterday"`, "date_created_gmt"},
		"a huge number":         {`"total": "23.94"`, `"total": "1e999999999"`, "total"},
		"a list of lines":       {`"shipping_lines": [`, `"shipping_lines": 5, "x": [`, "shipping_lines"},
	} {
		_, err := decoder().DecodeOrder(connector.Raw{Body: changed(t, c.from, c.to)})
		var e *connector.Error
		if !errors.As(err, &e) || e.Kind != connector.KindInvalid || !strings.HasPrefix(e.Field, c.field) || e.Message == "" {
			t.Errorf("%s: %v, want field %q", name, err, c.field)
		}
	}
	for _, body := range []string{"", "{", "null", "[]", `"x"`, "{}", `{"id":"x"}`, `{"order":{},"refunds":[]}`, `{"order":5,"refunds":[]}`, htmlPage} {
		if _, err := decoder().DecodeOrder(connector.Raw{Body: []byte(body)}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("an order %q: %v", body, err)
		}
		if _, err := decoder().DecodeCustomer(connector.Raw{Body: []byte(body)}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("a customer %q: %v", body, err)
		}
	}
	if _, err := decoder().DecodeCustomer(connector.Raw{Body: sample(t)}); connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("an order is no customer: %v", err)
	}
}

// With two decimals or with six, for a shop that rounds by line the order is the same, unless its
// currency has three.
func TestDecimalsMakeNoDifferenceToAShopThatRoundsByLine(t *testing.T) {
	for version, options := range map[string][]woofake.Option{"11.0": nil, "7.9": {woofake.Version79()}} {
		six, two := open(t, nil, options...), open(t, map[string]string{"decimals": "2"}, options...)
		generator, same := everything(31), everything(31)
		for range 200 {
			a, err := six.vendor.PutOrder(generator.Order())
			if err != nil {
				t.Fatal(err)
			}
			b, err := two.vendor.PutOrder(same.Order())
			if err != nil {
				t.Fatal(err)
			}
			if a.DocumentCurrency.Exponent() > 2 {
				continue
			}
			if diff := cmp.Diff(six.fetch(t, a.Source.ExternalID), two.fetch(t, b.Source.ExternalID), sameDecimals...); diff != "" {
				t.Fatalf("%s (-six +two decimals):\n%s", version, diff)
			}
		}
	}
}

// Whatever the prices, rates and discounts are: what WooCommerce would hold is read to the cent.
func TestAmountsOfAnyOrderAreReadToTheCent(t *testing.T) {
	s := open(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]money.Currency{"EUR", "JPY", "KWD", "USD"}).Draw(t, "currency")
		places := currency.Exponent()
		amount := func(name string, most int64) money.Decimal {
			return decimal.New(rapid.Int64Range(0, most).Draw(t, name), -places)
		}
		order := commerce.Order{
			OrderType: commerce.OrderSale, DocumentCurrency: currency, PricesIncludeTax: rapid.Bool().Draw(t, "inclusive"),
			TaxLevel: commerce.TaxByLine, RoundingMode: money.HalfUp, PaymentState: commerce.PaymentPaid,
			Payments: []commerce.Payment{{Method: "card", State: commerce.PaymentPaid}},
		}
		for range rapid.IntRange(1, 12).Draw(t, "lines") {
			rate := decimal.New(rapid.SampledFrom([]int64{0, 26, 55, 70, 81, 190, 210}).Draw(t, "rate"), -3)
			quantity := decimal.NewFromInt(rapid.Int64Range(1, 400).Draw(t, "quantity"))
			price := amount("price", 99999)
			saving := decimal.Min(amount("saving", 999), price.Mul(quantity))
			stated := price.Mul(quantity).Sub(saving)
			m := func(d money.Decimal) money.Money { return money.New(d, currency) }
			line := commerce.Line{Type: commerce.LineProduct, SKU: "MUG-BLUE", Name: "Mug", Quantity: quantity}
			if order.PricesIncludeTax {
				tax := commerce.TaxInGross(stated, rate, currency, money.HalfDown)
				line.LineNet, line.LineTax, line.LineGross = m(stated.Sub(tax)), m(tax), m(stated)
			} else {
				tax := commerce.TaxOnNet(stated, rate, currency, money.HalfUp)
				line.LineNet, line.LineTax, line.LineGross = m(stated), m(tax), m(stated.Add(tax))
			}
			line.Taxes = []commerce.Tax{{Name: "VAT " + rate.String(), Category: "S", Rate: rate, Country: "DE", TaxAmount: line.LineTax}}
			if saving.IsPositive() {
				line.Discounts = []commerce.LineDiscount{{Amount: m(saving)}}
			}
			order.Lines = append(order.Lines, line)
		}
		if err := order.Complete(commerce.Stated{}); err != nil {
			t.Fatal(err)
		}
		held, err := s.vendor.PutOrder(order)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := s.conn.Fetcher.Fetch(s.context, connector.Ref{Kind: commerce.KindOrder, ID: held.Source.ExternalID})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.conn.Decoder.DecodeOrder(raw)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := got.Prove()
		if err != nil || !proof.AddsUp {
			t.Fatalf("%v %+v", err, proof.Differences)
		}
		for i, l := range order.Lines {
			if g := got.Lines[i]; !g.LineNet.Equal(l.LineNet) || !g.LineTax.Equal(l.LineTax) || !g.LineGross.Equal(l.LineGross) {
				t.Fatalf("lines[%d] is %s + %s, want %s + %s", i, g.LineNet, g.LineTax, l.LineNet, l.LineTax)
			}
		}
		if !got.Totals.TaxInclusive.Equal(order.Totals.TaxInclusive) || !got.Totals.Tax.Equal(order.Totals.Tax) {
			t.Fatalf("totals %+v, want %+v", got.Totals, order.Totals)
		}
		if diff := cmp.Diff(held, got, sameDecimals...); diff != "" {
			t.Fatalf("(-shop +decoded):\n%s", diff)
		}
	})
}
