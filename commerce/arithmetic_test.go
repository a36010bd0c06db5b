package commerce

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/money"
)

// Three pieces at 1.08 net and 19 %: who taxes by the piece comes to another total than who taxes by
// the line. Both are right, so the shop's level is the one to keep.
func TestTaxByUnitAndByLineDiffer(t *testing.T) {
	price, three, rate := number("1.08"), number("3"), number("0.19")

	unit := price.Add(TaxOnNet(price, rate, "EUR", money.HalfUp)).Mul(three)
	if !unit.Equal(number("3.87")) {
		t.Errorf("taxed by unit %s, want 3.87", unit)
	}
	net := LineNet(price, three, money.Zero, "EUR", money.HalfUp)
	line := net.Add(TaxOnNet(net, rate, "EUR", money.HalfUp))
	if !line.Equal(number("3.86")) {
		t.Errorf("taxed by line %s, want 3.86", line)
	}

	byUnit := Order{DocumentCurrency: "EUR", TaxLevel: TaxByUnit, Lines: []Line{{
		Quantity: three, LineNet: eur("3.24"), LineTax: eur("0.63"), LineGross: eur("3.87"),
		Taxes: []Tax{{Rate: rate, TaxAmount: eur("0.63")}},
	}}}
	if err := byUnit.Complete(Stated{}); err != nil {
		t.Fatal(err)
	}
	if proof, err := byUnit.Prove(); err != nil || !proof.AddsUp {
		t.Errorf("the amounts of a shop that taxes by unit do not add up: %+v, %v", proof, err)
	}
	if off := unit.Sub(line); off.GreaterThan(byUnit.Tolerance()) {
		t.Errorf("the difference of %s is beyond the tolerance of %s", off, byUnit.Tolerance())
	}
}

// Three pieces at 9.99 with 19 % in it are 29.97 in the shop; from net prices, however exact, no
// system comes to that.
func TestGrossPriceThatNoNetPriceGives(t *testing.T) {
	three, rate, gross := number("3"), number("0.19"), number("29.97")
	equal := func(what string, got money.Decimal, want string) {
		t.Helper()
		if !got.Equal(number(want)) {
			t.Errorf("%s is %s, want %s", what, got, want)
		}
	}
	tax := TaxInGross(gross, rate, "EUR", money.HalfUp)
	equal("the tax in the line", tax, "4.79")
	equal("the net of the line", gross.Sub(tax), "25.18")

	rounded := money.Round(NetOfGross(number("9.99"), rate), 2, money.HalfUp)
	net := LineNet(rounded, three, money.Zero, "EUR", money.HalfUp)
	equal("the net by unit", net, "25.17")
	equal("the gross from the net by unit", net.Add(TaxOnNet(net, rate, "EUR", money.HalfUp)), "29.95")

	exact := NetOfGross(number("9.99"), rate)
	equal("the exact unit net, with six decimals", exact.Round(6), "8.394958")
	net = LineNet(exact, three, money.Zero, "EUR", money.HalfUp)
	equal("the net from the exact unit net", net, "25.18")
	back := net.Add(TaxOnNet(net, rate, "EUR", money.HalfUp))
	equal("the gross from the exact unit net", back, "29.96")

	order := Order{DocumentCurrency: "EUR", PricesIncludeTax: true, Lines: []Line{{
		Quantity: three, UnitPrice: Price{Net: money.New(exact, "EUR"), Gross: eur("9.99")},
		LineNet: eur("25.18"), LineTax: eur("4.79"), LineGross: eur("29.97"), Taxes: []Tax{{Rate: rate, TaxAmount: eur("4.79"), Included: true}},
	}}}
	if err := order.Complete(Stated{TaxInclusive: &gross}); err != nil {
		t.Fatal(err)
	}
	if proof, err := order.Prove(); err != nil || !proof.AddsUp {
		t.Errorf("the shop's amounts do not add up: %+v, %v", proof, err)
	}
	if off := gross.Sub(back); off.GreaterThan(order.Tolerance()) {
		t.Errorf("the cent that is lost (%s) is beyond the tolerance of %s", off, order.Tolerance())
	}
}

func TestArithmetic(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want money.Decimal
	}{
		{"a price for a hundred", LineNet(number("12.50"), number("30"), number("100"), "EUR", money.HalfUp), number("3.75")},
		{"a price for one where no base is given", LineNet(number("1.25"), number("3"), money.Zero, "EUR", money.HalfUp), number("3.75")},
		{"a third of a kilogram", LineNet(number("10"), number("0.333"), number("1"), "EUR", money.HalfUp), number("3.33")},
		{"half up", LineNet(number("0.125"), number("1"), number("1"), "EUR", money.HalfUp), number("0.13")},
		{"half even", LineNet(number("0.125"), number("1"), number("1"), "EUR", money.HalfEven), number("0.12")},
		{"yen have no decimals", LineNet(number("99.5"), number("1"), number("1"), "JPY", money.HalfUp), number("100")},
		{"dinars have three", LineNet(number("1.2345"), number("1"), number("1"), "KWD", money.HalfUp), number("1.235")},
		{"a return", LineNet(number("9.99"), number("-2"), number("1"), "EUR", money.HalfUp), number("-19.98")},
		{"tax on net", TaxOnNet(number("3.24"), number("0.19"), "EUR", money.HalfUp), number("0.62")},
		{"tax on yen", TaxOnNet(number("105"), number("0.1"), "JPY", money.HalfDown), number("10")},
		{"tax in gross", TaxInGross(number("119"), number("0.19"), "EUR", money.HalfUp), number("19")},
		{"no tax in gross", TaxInGross(number("119"), money.Zero, "EUR", money.HalfUp), number("0")},
		{"net of gross", NetOfGross(number("9.99"), number("0.19")), number("8.3949579832")},
		{"net of a rate that takes all", NetOfGross(number("9.99"), number("-1")), number("9.99")},
		{"per unit", PerUnit(number("10"), number("3")), number("3.3333333333")},
		{"per unit of none", PerUnit(number("10"), money.Zero), number("10")},
	} {
		if !c.got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestTaxInGrossIsTheRestOfTheNet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gross := decimal.New(rapid.Int64Range(-1e9, 1e9).Draw(t, "cents"), -2)
		rate := decimal.New(rapid.Int64Range(0, 300).Draw(t, "per mille"), -3)
		tax := TaxInGross(gross, rate, "EUR", money.HalfUp)
		net := gross.Sub(tax)
		// Whoever taxes the net again is at most one cent away.
		if again := TaxOnNet(net, rate, "EUR", money.HalfUp); again.Sub(tax).Abs().GreaterThan(number("0.01")) {
			t.Fatalf("gross %s: tax %s, and %s on the net", gross, tax, again)
		}
		quantity := decimal.New(rapid.Int64Range(1, 1000).Draw(t, "quantity"), 0)
		if back := LineNet(PerUnit(net, quantity), quantity, money.Zero, "EUR", money.HalfUp); !back.Equal(net) {
			t.Fatalf("%s ÷ %s × %s is %s", net, quantity, quantity, back)
		}
	})
}
