package commerce

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/money"
)

func chain(t Totals) string {
	return fmt.Sprintf("%s-%s+%s=%s +%s=%s -%s+%s=%s refunded %s", t.LinesNet.Amount, t.Allowances.Amount, t.Charges.Amount,
		t.TaxExclusive.Amount, t.Tax.Amount, t.TaxInclusive.Amount, t.Prepaid.Amount, t.Rounding.Amount, t.Payable.Amount, t.Refunded.Amount)
}

func line(net, tax, gross string) Line {
	return Line{LineNet: eur(net), LineTax: eur(tax), LineGross: eur(gross), Taxes: []Tax{{Rate: number("0.19"), TaxAmount: eur(tax)}}}
}

func TestComplete(t *testing.T) {
	tenth := []Line{line("10.00", "1.90", "11.90")}
	for _, c := range []struct {
		name   string
		order  Order
		stated Stated
		want   string
	}{
		{"nothing", Order{}, Stated{}, "0-0+0=0 +0=0 -0+0=0 refunded 0"},
		{"a line", Order{Lines: tenth}, Stated{}, "10-0+0=10 +1.9=11.9 -0+0=11.9 refunded 0"},
		{
			"every part", Order{
				Lines:         tenth,
				ShippingLines: []ShippingLine{{Net: eur("4"), Tax: eur("0.76"), Gross: eur("4.76")}},
				Charges:       []Charge{{Net: eur("1"), Tax: eur("0.19"), Gross: eur("1.19")}},
				Discounts: []Discount{
					{Allocated: true, Net: eur("100"), Tax: eur("19"), Gross: eur("119")},
					{Net: eur("2"), Tax: eur("0.38"), Gross: eur("2.38")},
				},
				Payments: []Payment{{Amount: eur("5")}, {Amount: eur("2.47"), GiftCard: true}},
				Refunds:  []Refund{{Amount: eur("3")}, {Amount: eur("0.50")}},
			}, Stated{}, "10-2+5=13 +2.47=15.47 -7.47+0=8 refunded 3.5",
		},
		{"stated tax", Order{Lines: tenth}, Stated{Tax: new(number("1.91"))}, "10-0+0=10 +1.91=11.91 -0+0=11.91 refunded 0"},
		{"stated total", Order{Lines: tenth}, Stated{TaxInclusive: new(number("11.91"))}, "10-0+0=10.01 +1.9=11.91 -0+0=11.91 refunded 0"},
		{"stated tax and total", Order{Lines: tenth}, Stated{Tax: new(number("1.91")), TaxInclusive: new(number("11.90"))}, "10-0+0=9.99 +1.91=11.9 -0+0=11.9 refunded 0"},
		{"stated nothing to pay", Order{Lines: tenth}, Stated{Prepaid: new(number("11.90"))}, "10-0+0=10 +1.9=11.9 -11.9+0=0 refunded 0"},
		{"cash rounding", Order{Lines: tenth}, Stated{Rounding: new(number("-0.02")), Refunded: new(number("1"))}, "10-0+0=10 +1.9=11.9 -0+-0.02=11.88 refunded 1"},
		{
			"amounts with more decimals than the currency", Order{
				Lines:         []Line{{LineNet: eur("1.004"), LineTax: eur("0"), LineGross: eur("1.004")}},
				ShippingLines: []ShippingLine{{Net: eur("1.004"), Gross: eur("1.004")}},
			}, Stated{}, "1.01-0+1=2.01 +0=2.01 -0+0=2.01 refunded 0",
		},
		{
			"half a cent each of net and tax", Order{Lines: []Line{{LineNet: eur("16.806723"), LineTax: eur("3.193277"), LineGross: eur("20")}, {LineNet: eur("16.806723"), LineTax: eur("3.193277"), LineGross: eur("20")}}},
			Stated{}, "33.61-0+0=33.61 +6.39=40 -0+0=40 refunded 0",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.order.DocumentCurrency = "EUR"
			if err := c.order.Complete(c.stated); err != nil {
				t.Fatal(err)
			}
			if got := chain(c.order.Totals); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestCompleteFillsWhatIsLeftOut(t *testing.T) {
	order := Order{DocumentCurrency: "JPY", Lines: []Line{{}}, ShippingLines: []ShippingLine{{}}, Charges: []Charge{{}}}
	if err := order.Complete(Stated{}); err != nil {
		t.Fatal(err)
	}
	for _, list := range []any{order.Discounts, order.Payments, order.Refunds, order.Buyer.Emails, order.Buyer.Phones, order.Lines[0].Taxes, order.ShippingLines[0].Taxes, order.Charges[0].Taxes} {
		if got := fmt.Sprintf("%#v", list); strings.Contains(got, "nil") {
			t.Errorf("%s is no empty list", got)
		}
	}
	if got := order.Lines[0].LineNet.String() + ", " + order.Charges[0].Tax.String() + ", " + order.Totals.Payable.String(); got != "0 JPY, 0 JPY, 0 JPY" {
		t.Errorf("amounts that are left out are %s", got)
	}
}

// Each number that an order has, with what makes it one that cannot belong there.
func TestForeignNumbersAreRefused(t *testing.T) {
	var places []string
	probe := fullOrder()
	visitor := numbers{
		amount: func(at place, m *money.Money) { places = append(places, at.String()) },
		number: func(at place, d *money.Decimal) { places = append(places, at.String()) },
	}
	probe.visit(visitor)
	probe.Totals.visit(visitor)
	for _, field := range []string{
		"lines[0].quantity", "lines[0].unit_price.gross", "lines[0].list_price", "lines[0].discounts[0].amount", "lines[0].taxes[0].rate",
		"lines[0].taxes[0].taxable_amount", "lines[0].taxes[0].tax_amount", "lines[0].line_gross", "shipping_lines[0].discounts[0].amount",
		"shipping_lines[0].gross", "charges[0].taxes[0].tax_amount", "charges[0].net", "discounts[1].taxes[0].rate", "discounts[1].amount",
		"tax_totals[0].tax_amount", "payments[0].amount", "refunds[0].shipping", "refunds[0].lines[0].net", "totals.payable",
	} {
		if !slices.Contains(places, field) {
			t.Errorf("%s is not looked at", field)
		}
	}
	if want := countNumbers(reflect.ValueOf(probe)); len(places) != want {
		t.Errorf("%d numbers are looked at, and the order has %d: %v", len(places), want, places)
	}
	for i, field := range places {
		for _, c := range []struct{ name, message string }{{"currency", `is in "USD" but the order is in "EUR"`}, {"size", "has more than 40 digits"}} {
			order := fullOrder()
			seen := -1
			plain := false
			visitor := numbers{
				amount: func(_ place, m *money.Money) {
					if seen++; seen == i && c.name == "currency" {
						*m = money.New(number("1"), "USD")
					} else if seen == i {
						m.Amount = number("1e41")
					}
				},
				number: func(_ place, d *money.Decimal) {
					if seen++; seen == i {
						plain, *d = true, number("1e-41")
					}
				},
			}
			order.visit(visitor)
			order.Totals.visit(visitor)
			if plain && c.name == "currency" {
				continue
			}
			var found *FieldError
			if _, err := order.Prove(); !errors.As(err, &found) || found.Field != field || !strings.Contains(found.Message, c.message) {
				t.Errorf("%s, %s: Prove says %v", field, c.name, err)
			}
			if strings.HasPrefix(field, "totals.") {
				continue // Complete makes them
			}
			if err := order.Complete(Stated{}); !errors.As(err, &found) || found.Field != field || !strings.Contains(found.Message, c.message) {
				t.Errorf("%s, %s: Complete says %v", field, c.name, err)
			}
		}
	}
}

// countNumbers counts the decimals of an order that must be in its currency or in none.
func countNumbers(v reflect.Value) (n int) {
	switch v.Interface().(type) {
	case money.Money, money.Decimal:
		return 1
	}
	switch v.Kind() {
	case reflect.Pointer:
		return countNumbers(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			n += countNumbers(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "Transactions" && field.Name != "Presentment" {
				n += countNumbers(v.Field(i))
			}
		}
	}
	return n
}

func TestOrderNeedsACurrency(t *testing.T) {
	for _, currency := range []money.Currency{"", "eur", "XYZ"} {
		order := Order{DocumentCurrency: currency}
		var found *FieldError
		if err := order.Complete(Stated{}); !errors.As(err, &found) || found.Field != "document_currency" {
			t.Errorf("%q: %v", currency, err)
		}
	}
	order := Order{DocumentCurrency: "EUR"}
	var found *FieldError
	if err := order.Complete(Stated{Prepaid: new(number("1e50"))}); !errors.As(err, &found) || found.Field != "totals.prepaid" {
		t.Errorf("a stated amount out of size: %v", err)
	}
}

func differences(t *testing.T, order Order) []string {
	t.Helper()
	proof, err := order.Prove()
	if err != nil {
		t.Fatal(err)
	}
	if proof.AddsUp != (len(proof.Differences) == 0) {
		t.Errorf("adds up: %v, with %d differences", proof.AddsUp, len(proof.Differences))
	}
	var list []string
	for _, d := range proof.Differences {
		if !d.Stated.Amount.Sub(d.Derived.Amount).Equal(d.Amount.Amount) || d.Amount.Currency != order.DocumentCurrency {
			t.Errorf("%s: %s - %s is not %s", d.Field, d.Stated, d.Derived, d.Amount)
		}
		list = append(list, d.Field+" "+d.Amount.Amount.String())
	}
	return list
}

// One amount of a full order is raised by three cents, and each place where that shows is named.
func TestChangedAmountIsFound(t *testing.T) {
	if found := differences(t, fullOrder()); found != nil {
		t.Fatalf("the order does not add up to begin with: %v", found)
	}
	for _, c := range []struct {
		field  string
		amount func(*Order) *money.Money
		want   []string
	}{
		{"line_net", func(o *Order) *money.Money { return &o.Lines[0].LineNet }, []string{"lines[0].line_gross -0.03", "totals.lines_net -0.03", "totals.tax_inclusive -0.03"}},
		{"line_tax", func(o *Order) *money.Money { return &o.Lines[0].LineTax }, []string{"lines[0].line_gross -0.03", "lines[0].line_tax 0.03", "totals.tax -0.03", "totals.tax_inclusive -0.03"}},
		{"line_gross", func(o *Order) *money.Money { return &o.Lines[0].LineGross }, []string{"lines[0].line_gross 0.03"}},
		{"a line's tax", func(o *Order) *money.Money { return &o.Lines[0].Taxes[0].TaxAmount }, []string{"lines[0].line_tax -0.03"}},
		{"shipping net", func(o *Order) *money.Money { return &o.ShippingLines[0].Net }, []string{"shipping_lines[0].gross -0.03", "totals.charges -0.03", "totals.tax_inclusive -0.03"}},
		{"shipping gross", func(o *Order) *money.Money { return &o.ShippingLines[0].Gross }, []string{"shipping_lines[0].gross 0.03"}},
		{"a shipping line's tax", func(o *Order) *money.Money { return &o.ShippingLines[0].Taxes[0].TaxAmount }, []string{"shipping_lines[0].tax -0.03"}},
		{"charge net", func(o *Order) *money.Money { return &o.Charges[0].Net }, []string{"charges[0].gross -0.03", "totals.charges -0.03", "totals.tax_inclusive -0.03"}},
		{"charge tax", func(o *Order) *money.Money { return &o.Charges[0].Tax }, []string{"charges[0].gross -0.03", "charges[0].tax 0.03", "totals.tax -0.03", "totals.tax_inclusive -0.03"}},
		{"allowance net", func(o *Order) *money.Money { return &o.Discounts[1].Net }, []string{"discounts[1].gross -0.03", "totals.allowances -0.03", "totals.tax_inclusive 0.03"}},
		{"allowance gross", func(o *Order) *money.Money { return &o.Discounts[1].Gross }, []string{"discounts[1].gross 0.03"}},
		{"an allowance's tax", func(o *Order) *money.Money { return &o.Discounts[1].Taxes[0].TaxAmount }, []string{"discounts[1].tax -0.03"}},
		{"a saving inside the lines", func(o *Order) *money.Money { return &o.Discounts[0].Gross }, nil},
		{"the sum of a tax", func(o *Order) *money.Money { return &o.TaxTotals[0].TaxAmount }, []string{"totals.tax -0.03"}},
		{"totals.lines_net", func(o *Order) *money.Money { return &o.Totals.LinesNet }, []string{"totals.lines_net 0.03", "totals.tax_exclusive -0.03"}},
		{"totals.allowances", func(o *Order) *money.Money { return &o.Totals.Allowances }, []string{"totals.allowances 0.03", "totals.tax_exclusive 0.03"}},
		{"totals.charges", func(o *Order) *money.Money { return &o.Totals.Charges }, []string{"totals.charges 0.03", "totals.tax_exclusive -0.03"}},
		{"totals.tax_exclusive", func(o *Order) *money.Money { return &o.Totals.TaxExclusive }, []string{"totals.tax_exclusive 0.03"}},
		{"totals.tax", func(o *Order) *money.Money { return &o.Totals.Tax }, []string{"totals.tax 0.03", "totals.tax 0.03"}},
		{"totals.tax_inclusive", func(o *Order) *money.Money { return &o.Totals.TaxInclusive }, []string{"totals.tax_inclusive 0.03", "totals.payable -0.03"}},
		{"totals.prepaid", func(o *Order) *money.Money { return &o.Totals.Prepaid }, []string{"totals.payable 0.03"}},
		{"totals.rounding", func(o *Order) *money.Money { return &o.Totals.Rounding }, []string{"totals.payable -0.03"}},
		{"totals.payable", func(o *Order) *money.Money { return &o.Totals.Payable }, []string{"totals.payable 0.03"}},
		{"totals.refunded", func(o *Order) *money.Money { return &o.Totals.Refunded }, nil},
	} {
		t.Run(c.field, func(t *testing.T) {
			order := fullOrder()
			m := c.amount(&order)
			m.Amount = m.Amount.Add(number("0.03"))
			if diff := cmp.Diff(c.want, differences(t, order)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	proof := Proof{Differences: []Difference{{Amount: eur("0.01")}, {Amount: eur("-0.03")}}}
	for tolerance, want := range map[string]bool{"0.03": true, "0.029": false, "0": false, "1": true} {
		if proof.Within(number(tolerance)) != want {
			t.Errorf("within %s: %v", tolerance, !want)
		}
	}
	if !(Proof{AddsUp: true}).Within(money.Zero) {
		t.Error("no difference is not within nothing")
	}
}

func TestTolerance(t *testing.T) {
	taxed := func(rates ...string) (taxes []Tax) {
		for _, r := range rates {
			taxes = append(taxes, Tax{Rate: number(r)})
		}
		return taxes
	}
	lines := func(n int, rates ...string) []Line {
		return slices.Repeat([]Line{{Taxes: taxed(rates...)}}, n)
	}
	for _, c := range []struct {
		name  string
		order Order
		want  string
	}{
		{"nothing to round", Order{DocumentCurrency: "EUR"}, "0"},
		{"one line without tax", Order{DocumentCurrency: "EUR", Lines: lines(1)}, "0.01"},
		{"one line and its tax", Order{DocumentCurrency: "EUR", Lines: lines(1, "0.19")}, "0.015"},
		{"two lines of one tax", Order{DocumentCurrency: "EUR", Lines: lines(2, "0.19", "0.190")}, "0.025"},
		{"two taxes", Order{DocumentCurrency: "EUR", Lines: lines(1, "0.19", "0.07")}, "0.02"},
		{"shipping with a tax of its own", Order{DocumentCurrency: "EUR", Lines: lines(1, "0.19"), ShippingLines: []ShippingLine{{Taxes: taxed("0.07")}}}, "0.025"},
		{"a charge with a tax of its own", Order{DocumentCurrency: "EUR", Lines: lines(1, "0.19"), Charges: []Charge{{Taxes: taxed("0.07")}}}, "0.02"},
		{"never more than five minor units", Order{DocumentCurrency: "EUR", Lines: lines(50, "0.19")}, "0.05"},
		{"yen", Order{DocumentCurrency: "JPY", Lines: lines(1, "0.1")}, "1.5"},
		{"dinars", Order{DocumentCurrency: "KWD", Lines: lines(50)}, "0.005"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.order.Tolerance(); !got.Equal(number(c.want)) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// Whatever the lines of a shop that rounds by line, a system that taxes their gross sum by document
// comes to a tax within the tolerance.
func TestTaxByLineAndByDocumentAreWithinTheTaxTolerance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rates := []money.Decimal{number("0.19"), number("0.07"), number("0.2")}
		order := Order{DocumentCurrency: "EUR", PricesIncludeTax: true}
		gross, byLine := make([]money.Decimal, len(rates)), money.Zero
		for range rapid.IntRange(1, 80).Draw(t, "lines") {
			group := rapid.IntRange(0, len(rates)-1).Draw(t, "rate")
			amount := decimal.New(rapid.Int64Range(1, 100_000).Draw(t, "gross"), -2)
			tax := TaxInGross(amount, rates[group], "EUR", money.HalfUp)
			gross[group], byLine = gross[group].Add(amount), byLine.Add(tax)
			order.Lines = append(order.Lines, Line{LineGross: money.New(amount, "EUR"), Taxes: []Tax{{Rate: rates[group], TaxAmount: money.New(tax, "EUR")}}})
		}
		byDocument := money.Zero
		for i, rate := range rates {
			byDocument = byDocument.Add(TaxInGross(gross[i], rate, "EUR", money.HalfUp))
		}
		if off := byLine.Sub(byDocument).Abs(); off.GreaterThan(order.TaxTolerance()) {
			t.Fatalf("by line %s, by document %s: %s apart, tolerance %s", byLine, byDocument, off, order.TaxTolerance())
		}
	})
}

func TestTaxTolerance(t *testing.T) {
	lines := slices.Repeat([]Line{{Taxes: []Tax{{Rate: number("0.2")}}}}, 67)
	order := Order{DocumentCurrency: "GBP", Lines: lines, ShippingLines: []ShippingLine{{}}, Charges: []Charge{{}}}
	if got := order.TaxTolerance(); !got.Equal(number("0.35")) {
		t.Errorf("%s for 67 lines, a shipping line, a charge and a tax, want 0.35", got)
	}
	order.DocumentCurrency = "JPY"
	if got := order.TaxTolerance(); !got.Equal(number("35")) {
		t.Errorf("%s in yen, want 35", got)
	}
	if got := (&Order{DocumentCurrency: "EUR"}).TaxTolerance(); !got.IsZero() {
		t.Errorf("%s for nothing", got)
	}
}

// anyOrder draws orders whose parts are right in themselves. With fine, amounts have more decimals
// than the currency, as some shops keep them.
func anyOrder(t *rapid.T, fine bool) Order {
	order := Order{
		DocumentCurrency: rapid.SampledFrom([]money.Currency{"EUR", "JPY", "KWD"}).Draw(t, "currency"),
		RoundingMode:     rapid.SampledFrom([]money.RoundingMode{"", money.HalfUp, money.HalfEven, money.HalfDown}).Draw(t, "mode"),
	}
	places := order.DocumentCurrency.Exponent()
	if fine {
		places += 4
	}
	amount := func(name string) money.Money {
		return money.New(decimal.New(rapid.Int64Range(-2e6, 2e7).Draw(t, name), -places), order.DocumentCurrency)
	}
	part := func() (net, tax, gross money.Money, taxes []Tax) {
		net, tax = amount("net"), money.New(money.Zero, order.DocumentCurrency)
		for range rapid.IntRange(0, 2).Draw(t, "taxes") {
			one := Tax{Rate: number("0.19"), TaxAmount: amount("tax")}
			taxes = append(taxes, one)
			tax.Amount = tax.Amount.Add(one.TaxAmount.Amount)
		}
		return net, tax, money.New(net.Amount.Add(tax.Amount), net.Currency), taxes
	}
	for range rapid.IntRange(0, 4).Draw(t, "lines") {
		var l Line
		l.LineNet, l.LineTax, l.LineGross, l.Taxes = part()
		order.Lines = append(order.Lines, l)
	}
	for range rapid.IntRange(0, 2).Draw(t, "shipping lines") {
		var s ShippingLine
		s.Net, s.Tax, s.Gross, s.Taxes = part()
		order.ShippingLines = append(order.ShippingLines, s)
	}
	for range rapid.IntRange(0, 2).Draw(t, "charges") {
		var c Charge
		c.Net, c.Tax, c.Gross, c.Taxes = part()
		order.Charges = append(order.Charges, c)
	}
	for range rapid.IntRange(0, 2).Draw(t, "discounts") {
		var d Discount
		d.Net, d.Tax, d.Gross, d.Taxes = part()
		d.Allocated = rapid.Bool().Draw(t, "allocated")
		order.Discounts = append(order.Discounts, d)
	}
	for range rapid.IntRange(0, 2).Draw(t, "payments") {
		order.Payments = append(order.Payments, Payment{Amount: amount("paid")})
	}
	return order
}

func TestCompletedOrdersAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := anyOrder(t, rapid.Bool().Draw(t, "fine"))
		if err := order.Complete(Stated{}); err != nil {
			t.Fatal(err)
		}
		proof, err := order.Prove()
		if err != nil || !proof.AddsUp {
			t.Fatalf("%+v, %v; %s", proof, err, chain(order.Totals))
		}
		// The same by the standard's own equations, without the prover.
		o := order.Totals
		for name, ok := range map[string]bool{
			"BR-CO-13": o.TaxExclusive.Amount.Equal(o.LinesNet.Amount.Sub(o.Allowances.Amount).Add(o.Charges.Amount)),
			"BR-CO-15": o.TaxInclusive.Amount.Equal(o.TaxExclusive.Amount.Add(o.Tax.Amount)),
			"BR-CO-16": o.Payable.Amount.Equal(o.TaxInclusive.Amount.Sub(o.Prepaid.Amount).Add(o.Rounding.Amount)),
		} {
			if !ok {
				t.Fatalf("%s does not hold: %s", name, chain(o))
			}
		}
		exact := money.Zero
		for _, l := range order.Lines {
			exact = exact.Add(l.LineNet.Amount)
		}
		// Roundings of the total, the tax, the allowances and the charges meet in lines_net.
		if off := o.LinesNet.Amount.Sub(exact).Abs(); off.GreaterThan(decimal.New(2, -order.DocumentCurrency.Exponent())) {
			t.Fatalf("lines_net %s is %s away from its sum %s", o.LinesNet, off, exact)
		}
		before := chain(o)
		if err := order.Complete(Stated{}); err != nil || chain(order.Totals) != before {
			t.Fatalf("completing again gives %s, %v; before %s", chain(order.Totals), err, before)
		}
	})
}

// Whatever single amount of a proved order changes, the proof names the part and the amount.
func TestAnyChangedAmountIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := anyOrder(t, false)
		if err := order.Complete(Stated{}); err != nil {
			t.Fatal(err)
		}
		type proved struct {
			field  string
			amount *money.Money
			sign   int64 // of the difference when the amount grows
		}
		var candidates []proved
		for i := range order.Lines {
			l, at := &order.Lines[i], fmt.Sprintf("lines[%d].", i)
			candidates = append(candidates, proved{at + "line_gross", &l.LineNet, -1}, proved{at + "line_tax", &l.LineTax, 1}, proved{at + "line_gross", &l.LineGross, 1})
			for j := range l.Taxes {
				candidates = append(candidates, proved{at + "line_tax", &l.Taxes[j].TaxAmount, -1})
			}
		}
		for i := range order.ShippingLines {
			s, at := &order.ShippingLines[i], fmt.Sprintf("shipping_lines[%d].", i)
			candidates = append(candidates, proved{at + "gross", &s.Net, -1}, proved{at + "tax", &s.Tax, 1}, proved{at + "gross", &s.Gross, 1})
		}
		for i := range order.Charges {
			c, at := &order.Charges[i], fmt.Sprintf("charges[%d].", i)
			candidates = append(candidates, proved{at + "gross", &c.Net, -1}, proved{at + "tax", &c.Tax, 1}, proved{at + "gross", &c.Gross, 1})
		}
		for i := range order.Discounts {
			if d := &order.Discounts[i]; !d.Allocated {
				at := fmt.Sprintf("discounts[%d].gross", i)
				candidates = append(candidates, proved{at, &d.Net, -1}, proved{at, &d.Tax, -1}, proved{at, &d.Gross, 1})
			}
		}
		o := &order.Totals
		candidates = append(candidates,
			proved{"totals.lines_net", &o.LinesNet, 1}, proved{"totals.allowances", &o.Allowances, 1}, proved{"totals.charges", &o.Charges, 1},
			proved{"totals.tax_exclusive", &o.TaxExclusive, 1}, proved{"totals.tax", &o.Tax, 1}, proved{"totals.tax_inclusive", &o.TaxInclusive, 1},
			proved{"totals.payable", &o.Prepaid, 1}, proved{"totals.payable", &o.Rounding, -1}, proved{"totals.payable", &o.Payable, 1})

		changed := rapid.SampledFrom(candidates).Draw(t, "changed")
		by := decimal.New(rapid.Int64Range(1, 100000).Draw(t, "by"), -order.DocumentCurrency.Exponent())
		changed.amount.Amount = changed.amount.Amount.Add(by)

		proof, err := order.Prove()
		if err != nil || proof.AddsUp {
			t.Fatalf("still adds up, %v", err)
		}
		want := by.Mul(decimal.New(changed.sign, 0))
		if !slices.ContainsFunc(proof.Differences, func(d Difference) bool { return d.Field == changed.field && d.Amount.Amount.Equal(want) }) {
			t.Fatalf("%s %s is not among %+v", changed.field, want, proof.Differences)
		}
		if proof.Within(by.Sub(decimal.New(1, -6))) || !proof.Within(by) {
			t.Fatalf("a change of %s is judged otherwise: %+v", by, proof.Differences)
		}
	})
}
