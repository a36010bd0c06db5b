package fake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// everything is a shop that knows all there is.
func everything(seed uint64) fake.GeneratorOptions {
	return fake.GeneratorOptions{
		Seed: seed, GiftCards: true, DocumentDiscounts: true, Unknown: 50,
		Charges: []commerce.ChargeType{
			commerce.ChargeTip, commerce.ChargeGiftWrap, commerce.ChargeCOD, commerce.ChargeDuty, commerce.ChargeSurcharge, commerce.ChargeOther,
		},
	}
}

func TestEveryOrderAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := everything(rapid.Uint64().Draw(t, "seed"))
		o.GiftCards = rapid.Bool().Draw(t, "gift cards")
		o.DocumentDiscounts = rapid.Bool().Draw(t, "document discounts")
		if rapid.Bool().Draw(t, "a small catalogue") {
			o.Catalog = smallCatalog()
		}
		g := fake.NewGenerator(o)
		for range 10 {
			order := g.Order()
			mustAddUp(t, order)
			changed := g.Change(order)
			mustAddUp(t, changed)
			if reflect.DeepEqual(order, changed) {
				t.Fatalf("Change changed nothing of %s", jsonOf(order))
			}
			mustRefund(t, g, order)
		}
	})
}

// mustRefund refunds an order line by line until nothing is left that could be.
func mustRefund(t failer, g *fake.Generator, order commerce.Order) {
	lines := len(order.Lines)
	for n := 1; ; n++ {
		refunded, ok := g.Refund(order)
		if !ok {
			if n == 1 && order.PaymentState == commerce.PaymentPaid && order.Totals.TaxInclusive.Amount.IsPositive() && lines == 1 && len(order.Discounts) == 0 && len(order.ShippingLines)+len(order.Charges) == 0 {
				t.Fatalf("a paid order cannot be refunded: %s", jsonOf(order))
			}
			return
		}
		proof, err := refunded.Prove()
		if err != nil || !proof.AddsUp || len(refunded.Refunds) != n || n > lines {
			t.Fatalf("refund %d of %d lines: %v %+v", n, lines, err, proof)
		}
		if refunded.Totals.Refunded.Amount.GreaterThan(order.Totals.Prepaid.Amount) || !refunded.Totals.Refunded.Amount.GreaterThan(order.Totals.Refunded.Amount) {
			t.Fatalf("refunded %s after %s; paid was %s", refunded.Totals.Refunded, order.Totals.Refunded, order.Totals.Prepaid)
		}
		if all := refunded.Totals.Refunded.Equal(refunded.Totals.Prepaid); all != (refunded.PaymentState == commerce.PaymentRefunded) {
			t.Fatalf("payment state %s with %s of %s refunded", refunded.PaymentState, refunded.Totals.Refunded, refunded.Totals.Prepaid)
		}
		order = refunded
	}
}

type failer interface {
	Fatalf(format string, args ...any)
}

// mustAddUp checks an order's amounts beyond what Prove does: every tax is what its rate says, every
// discount what its parts are, and nothing is finer than the currency.
func mustAddUp(t failer, order commerce.Order) {
	proof, err := order.Prove()
	if err != nil || !proof.AddsUp {
		t.Fatalf("the order does not add up: %v %+v\n%s", err, proof.Differences, jsonOf(order))
	}
	savings := map[string]money.Decimal{}
	saved := func(list []commerce.LineDiscount) {
		for _, d := range list {
			savings[d.DiscountID] = savings[d.DiscountID].Add(d.Amount.Amount)
		}
	}
	for i, l := range order.Lines {
		mustTax(t, fmt.Sprintf("lines[%d]", i), order, l.LineNet, l.LineTax, l.LineGross, l.Taxes)
		saved(l.Discounts)
		if l.Type == commerce.LineGiftCard && len(l.Discounts) > 0 {
			t.Fatalf("lines[%d]: a gift card is sold for less than it is worth", i)
		}
		price := l.UnitPrice.Net.Amount
		stated := l.LineNet.Amount
		if order.PricesIncludeTax {
			price, stated = l.UnitPrice.Gross.Amount, l.LineGross.Amount
		}
		for _, d := range l.Discounts {
			stated = stated.Add(d.Amount.Amount)
		}
		if want := price.Mul(l.Quantity); !stated.Equal(want) {
			t.Fatalf("lines[%d]: %s before discounts is not price × quantity, %s", i, stated, want)
		}
	}
	for i, s := range order.ShippingLines {
		mustTax(t, fmt.Sprintf("shipping_lines[%d]", i), order, s.Net, s.Tax, s.Gross, s.Taxes)
		saved(s.Discounts)
	}
	for i, c := range order.Charges {
		mustTax(t, fmt.Sprintf("charges[%d]", i), order, c.Net, c.Tax, c.Gross, c.Taxes)
	}
	for i, d := range order.Discounts {
		if !d.Amount.Amount.IsPositive() {
			t.Fatalf("discounts[%d] saves %s", i, d.Amount)
		}
		if !d.Allocated {
			mustTax(t, fmt.Sprintf("discounts[%d]", i), order, d.Net, d.Tax, d.Gross, d.Taxes)
		} else if !savings[d.DiscountID].Equal(d.Amount.Amount) {
			t.Fatalf("discounts[%d] is %s but its parts are %s", i, d.Amount, savings[d.DiscountID])
		}
		if !d.Net.Amount.Add(d.Tax.Amount).Equal(d.Gross.Amount) {
			t.Fatalf("discounts[%d]: net, tax and gross do not add up: %s", i, jsonOf(d))
		}
	}
	for _, m := range []money.Money{
		order.Totals.LinesNet, order.Totals.TaxInclusive, order.Totals.Tax, order.Totals.Payable, order.Totals.Prepaid,
	} {
		if m.Currency != order.DocumentCurrency || !m.Round(money.HalfUp).Equal(m) {
			t.Fatalf("a total of %s in an order in %s", m, order.DocumentCurrency)
		}
	}
	if order.Totals.TaxInclusive.Amount.IsNegative() || order.Totals.Tax.Amount.IsNegative() {
		t.Fatalf("a total below zero: %s", jsonOf(order.Totals))
	}
	if paid := order.PaymentState == commerce.PaymentPaid; paid == order.Totals.Payable.Amount.IsPositive() {
		t.Fatalf("payment state %s with %s to pay", order.PaymentState, order.Totals.Payable)
	}
}

func mustTax(t failer, field string, order commerce.Order, net, tax, gross money.Money, taxes []commerce.Tax) {
	if len(taxes) != 1 {
		t.Fatalf("%s has %d taxes", field, len(taxes))
	}
	places := order.DocumentCurrency.Exponent()
	want := net.Amount.Mul(taxes[0].Rate).Round(places)
	if order.PricesIncludeTax {
		one := decimal.New(1, 0)
		want = gross.Amount.Sub(gross.Amount.DivRound(one.Add(taxes[0].Rate), 12)).Round(places)
	}
	if !tax.Amount.Equal(want) || !taxes[0].TaxAmount.Equal(tax) || !taxes[0].TaxableAmount.Equal(net) || !gross.Amount.Equal(net.Amount.Add(tax.Amount)) {
		t.Fatalf("%s: net %s, tax %s, gross %s at %s: want tax %s; stated %s", field, net, tax, gross, taxes[0].Rate, want, jsonOf(taxes[0]))
	}
}

func smallCatalog() fake.Catalog {
	return fake.Catalog{
		Items: []fake.CatalogItem{
			{SKU: "A", Name: "Article", Price: decimal.RequireFromString("8.39"), Rate: decimal.RequireFromString("0.07"), Stock: 1},
			{SKU: "B", Name: "Other", Price: decimal.RequireFromString("0.01"), Rate: decimal.RequireFromString("0.19"), Stock: 1},
		},
		Rates:      []money.Decimal{decimal.Zero, decimal.RequireFromString("0.07"), decimal.RequireFromString("0.19")},
		Currencies: []money.Currency{"EUR", "JPY"},
		Countries:  []string{"DE", "JP", "FR"},
	}
}

func TestOrdersStayInsideTheCatalogue(t *testing.T) {
	o := everything(3)
	o.Catalog, o.GiftCards, o.Unknown = smallCatalog(), false, 0
	g := fake.NewGenerator(o)
	for range 500 {
		order := g.Order()
		if !slices.Contains(o.Catalog.Currencies, order.DocumentCurrency) {
			t.Fatalf("currency %s", order.DocumentCurrency)
		}
		for _, a := range []*commerce.Address{order.BillTo, order.ShipTo} {
			if a != nil && !slices.Contains(o.Catalog.Countries, a.AddressCountry) {
				t.Fatalf("country %s", a.AddressCountry)
			}
		}
		for _, l := range order.Lines {
			if !slices.ContainsFunc(o.Catalog.Rates, l.Taxes[0].Rate.Equal) {
				t.Fatalf("rate %s", l.Taxes[0].Rate)
			}
		}
		if why := o.Catalog.MustHold(order); why != "" {
			t.Fatalf("an order must be held although none was asked for: %s", why)
		}
	}
}

func TestTheMixHasEverything(t *testing.T) {
	kinds := map[string]func(commerce.Order) bool{
		"a company with a VAT id":   func(o commerce.Order) bool { return o.Buyer.Type == commerce.Company && o.Buyer.TaxID() != "" },
		"a company without":         func(o commerce.Order) bool { return o.Buyer.Type == commerce.Company && o.Buyer.TaxID() == "" },
		"a purchase order number":   func(o commerce.Order) bool { return o.CustomerReference != "" },
		"euros":                     inCurrency("EUR"),
		"no decimals":               inCurrency("JPY"),
		"three decimals":            inCurrency("KWD"),
		"dollars":                   inCurrency("USD"),
		"francs":                    inCurrency("CHF"),
		"pounds":                    inCurrency("GBP"),
		"prices with tax":           func(o commerce.Order) bool { return o.PricesIncludeTax },
		"prices without tax":        func(o commerce.Order) bool { return !o.PricesIncludeTax && o.Totals.Tax.Amount.IsPositive() },
		"several rates":             func(o commerce.Order) bool { return len(rates(o)) > 1 },
		"a rate with a decimal":     func(o commerce.Order) bool { return slices.Contains(rates(o), "0.055") },
		"an export without tax":     func(o commerce.Order) bool { return o.Lines[0].Taxes[0].Category == "G" },
		"a supply inside the Union": func(o commerce.Order) bool { return o.Lines[0].Taxes[0].Category == "K" },
		"a percentage off":          discounted(commerce.DiscountPercent, commerce.TargetOrder),
		"an amount off":             discounted(commerce.DiscountFixed, commerce.TargetOrder),
		"loyalty":                   discounted(commerce.DiscountLoyalty, commerce.TargetOrder),
		"a percentage off a line":   discounted(commerce.DiscountPercent, commerce.TargetLine),
		"an amount off a line":      discounted(commerce.DiscountManual, commerce.TargetLine),
		"three for two":             discounted(commerce.DiscountBuyXGetY, commerce.TargetLine),
		"free shipping":             discounted(commerce.DiscountFreeShipping, commerce.TargetShipping),
		"two discounts":             func(o commerce.Order) bool { return len(o.Discounts) > 1 },
		"a line lowered twice":      anyLine(func(l commerce.Line) bool { return len(l.Discounts) > 1 }),
		"a discount that no line carries": func(o commerce.Order) bool {
			return slices.ContainsFunc(o.Discounts, func(d commerce.Discount) bool { return !d.Allocated })
		},
		"a gift card sold":       anyLine(func(l commerce.Line) bool { return l.Type == commerce.LineGiftCard }),
		"a gift card spent":      paidBy(func(p commerce.Payment) bool { return p.GiftCard }),
		"a gift card and a card": func(o commerce.Order) bool { return len(o.Payments) == 2 && o.PaymentState == commerce.PaymentPaid },
		"paid all by gift card":  func(o commerce.Order) bool { return len(o.Payments) == 1 && o.Payments[0].GiftCard },
		"a tip":                  charged(commerce.ChargeTip),
		"gift wrapping":          charged(commerce.ChargeGiftWrap),
		"cash on delivery":       charged(commerce.ChargeCOD),
		"duties":                 charged(commerce.ChargeDuty),
		"a surcharge":            charged(commerce.ChargeSurcharge),
		"another fee":            charged(commerce.ChargeOther),
		"paid":                   inPayment(commerce.PaymentPaid),
		"not paid":               inPayment(commerce.PaymentPending),
		"paid in part":           inPayment(commerce.PaymentPartiallyPaid),
		"authorized":             inPayment(commerce.PaymentAuthorized),
		"a total of zero":        func(o commerce.Order) bool { return o.Totals.TaxInclusive.IsZero() },
		"more than sixty lines":  func(o commerce.Order) bool { return len(o.Lines) > 60 },
		"one line":               func(o commerce.Order) bool { return len(o.Lines) == 1 },
		"an article twice":       func(o commerce.Order) bool { return len(o.Lines) == 2 && o.Lines[0].SKU == o.Lines[1].SKU },
		"a large quantity":       anyLine(func(l commerce.Line) bool { return l.Quantity.GreaterThan(decimal.New(100, 0)) }),
		"a sample for nothing":   anyLine(func(l commerce.Line) bool { return l.LineGross.IsZero() && len(l.Discounts) == 0 }),
		"no address":             func(o commerce.Order) bool { return o.BillTo == nil && o.ShipTo == nil },
		"nothing to ship to":     func(o commerce.Order) bool { return o.BillTo != nil && o.ShipTo == nil },
		"two addresses": func(o commerce.Order) bool {
			return o.ShipTo != nil && o.ShipTo.StreetAddress != o.BillTo.StreetAddress
		},
		"no telephone":                 func(o commerce.Order) bool { return o.Buyer.Phone() == "" },
		"no e-mail":                    func(o commerce.Order) bool { return o.Buyer.Email() == "" },
		"one name only":                func(o commerce.Order) bool { return o.Buyer.GivenName == "" && o.Buyer.FamilyName != "" },
		"a name in Chinese letters":    written(unicode.Han),
		"a name in Arabic letters":     written(unicode.Arabic),
		"a name in Cyrillic letters":   written(unicode.Cyrillic),
		"a name with a combining mark": written(unicode.Mn),
		"a note":                       func(o commerce.Order) bool { return len(o.Notes) > 0 },
		"an article the ERP has not":   func(o commerce.Order) bool { return fake.DefaultCatalog().MustHold(o) != "" },
	}
	found := map[string]int{}
	g := fake.NewGenerator(everything(1))
	const orders = 3000
	for range orders {
		order := g.Order()
		for name, is := range kinds {
			if is(order) {
				found[name]++
			}
		}
	}
	for name := range kinds {
		if found[name] == 0 {
			t.Errorf("%d orders and none of them has: %s", orders, name)
		}
	}
	if n := found["an article the ERP has not"]; n < orders*30/1000 || n > orders*70/1000 {
		t.Errorf("%d of %d orders must be held; asked for were 50 in a thousand", n, orders)
	}
}

func inCurrency(c money.Currency) func(commerce.Order) bool {
	return func(o commerce.Order) bool { return o.DocumentCurrency == c }
}

func inPayment(s commerce.PaymentState) func(commerce.Order) bool {
	return func(o commerce.Order) bool { return o.PaymentState == s }
}

func discounted(kind commerce.DiscountKind, target commerce.DiscountTarget) func(commerce.Order) bool {
	return func(o commerce.Order) bool {
		return slices.ContainsFunc(o.Discounts, func(d commerce.Discount) bool { return d.Kind == kind && d.Target == target })
	}
}

func anyLine(is func(commerce.Line) bool) func(commerce.Order) bool {
	return func(o commerce.Order) bool { return slices.ContainsFunc(o.Lines, is) }
}

func paidBy(is func(commerce.Payment) bool) func(commerce.Order) bool {
	return func(o commerce.Order) bool { return slices.ContainsFunc(o.Payments, is) }
}

func charged(kind commerce.ChargeType) func(commerce.Order) bool {
	return func(o commerce.Order) bool {
		return slices.ContainsFunc(o.Charges, func(c commerce.Charge) bool { return c.Type == kind })
	}
}

func written(script *unicode.RangeTable) func(commerce.Order) bool {
	return func(o commerce.Order) bool {
		return strings.ContainsFunc(o.Buyer.FamilyName, func(r rune) bool { return unicode.Is(script, r) })
	}
}

func rates(o commerce.Order) []string {
	var out []string
	for _, l := range o.Lines {
		if rate := l.Taxes[0].Rate.String(); l.Type == commerce.LineProduct && !slices.Contains(out, rate) {
			out = append(out, rate)
		}
	}
	return out
}

func TestWhatTheShopDoesNotKnowIsNotMade(t *testing.T) {
	g := fake.NewGenerator(fake.GeneratorOptions{Seed: 2})
	for range 1000 {
		order := g.Order()
		if len(order.Charges) > 0 {
			t.Fatal("a charge")
		}
		if anyLine(func(l commerce.Line) bool { return l.Type == commerce.LineGiftCard })(order) || paidBy(func(p commerce.Payment) bool { return p.GiftCard })(order) {
			t.Fatal("a gift card")
		}
		if slices.ContainsFunc(order.Discounts, func(d commerce.Discount) bool { return !d.Allocated }) {
			t.Fatal("a discount on the document")
		}
		if why := fake.DefaultCatalog().MustHold(order); why != "" {
			t.Fatal(why)
		}
	}
}

func TestASeedDecidesEverything(t *testing.T) {
	make100 := func(seed uint64) string {
		g := fake.NewGenerator(everything(seed))
		var all strings.Builder
		for range 100 {
			all.WriteString(jsonOf(g.Order()))
		}
		return all.String()
	}
	first := make100(7)
	if again := make100(7); again != first {
		t.Error("the same seed made other orders")
	}
	if make100(8) == first {
		t.Error("another seed made the same orders")
	}
}

func TestMustHoldNamesTheLine(t *testing.T) {
	catalog := fake.DefaultCatalog()
	order := func(skus ...string) commerce.Order {
		var o commerce.Order
		for _, sku := range skus {
			o.Lines = append(o.Lines, commerce.Line{SKU: sku})
		}
		return o
	}
	for name, c := range map[string]struct {
		order commerce.Order
		want  string
	}{
		"all are known":                      {order("MUG-RED", "TIN-100"), ""},
		"one is in no catalogue":             {order("MUG-RED", "NOPE"), `lines[1].sku: the ERP does not know the article "NOPE"`},
		"one is known to the shop alone":     {order("LEGACY/77 B"), `lines[0].sku: the ERP does not know the article "LEGACY/77 B"`},
		"SKUs are compared letter by letter": {order("mug-red"), `lines[0].sku: the ERP does not know the article "mug-red"`},
		"none at all":                        {order(""), `lines[0].sku: the ERP does not know the article ""`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := catalog.MustHold(c.order); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// counterShop is a shop that only counts.
type counterShop struct {
	http.Handler
	customers map[string]int
	orders    []commerce.Order
	fail      error
}

func (s *counterShop) PutOrder(o commerce.Order) (commerce.Order, error) {
	o.Source.ExternalID = fmt.Sprint(len(s.orders) + 1)
	s.orders = append(s.orders, o)
	return o, s.fail
}

func (s *counterShop) PutCustomer(c commerce.Customer) (commerce.Customer, error) {
	s.customers[c.Email()]++
	c.Source.ExternalID = "customer of " + c.Email()
	return c, s.fail
}
func (s *counterShop) CancelOrder(string) error    { return nil }
func (s *counterShop) Orders() []commerce.Order    { return s.orders }
func (s *counterShop) Stats() fake.Stats           { return fake.Stats{} }
func (s *counterShop) Settings() map[string]string { return nil }
func (s *counterShop) ExpireSessions()             {}
func (s *counterShop) Close()                      {}

func TestNobodyHasAnothersTelephone(t *testing.T) {
	owner := map[string]string{}
	g := fake.NewGenerator(everything(4))
	for range 2000 {
		buyer := g.Order().Buyer
		if buyer.Phone() == "" || !strings.HasPrefix(buyer.Email(), "customer") {
			continue
		}
		key := buyer.DisplayName + " " + buyer.Phone()
		if other, taken := owner[key]; taken && other != buyer.Email() {
			t.Errorf("%s is two accounts: %s and %s", key, other, buyer.Email())
		}
		owner[key] = buyer.Email()
	}
	if len(owner) < 100 {
		t.Errorf("%d accounts with a telephone number", len(owner))
	}
}

func TestPutMakesAnAccountOnce(t *testing.T) {
	shop := &counterShop{customers: map[string]int{}}
	o := everything(5)
	o.Accounts = 10
	g := fake.NewGenerator(o)
	guests := 0
	for range 200 {
		order, err := g.Put(shop)
		if err != nil {
			t.Fatal(err)
		}
		if order.Source.ExternalID == "" {
			t.Fatal("the order is not the one that the shop states")
		}
		if order.Buyer.Guest() {
			guests++
		} else if want := "customer of " + order.Buyer.Email(); order.Buyer.Source.ExternalID != want {
			t.Fatalf("buyer %q, want %q", order.Buyer.Source.ExternalID, want)
		}
	}
	if guests < 50 || guests > 150 {
		t.Errorf("%d of 200 buyers are guests", guests)
	}
	for email, n := range shop.customers {
		if n != 1 {
			t.Errorf("%s was made %d times", email, n)
		}
	}
	if len(shop.customers) < 5 || len(shop.customers) > 10 {
		t.Errorf("%d accounts of 10 have bought", len(shop.customers))
	}
	shop.fail = errors.New("closed for stocktaking")
	if _, err := g.Put(shop); !errors.Is(err, shop.fail) {
		t.Errorf("got error %v, want the shop's", err)
	}
}

func TestSetUnknown(t *testing.T) {
	g := fake.NewGenerator(fake.GeneratorOptions{Seed: 1})
	g.SetUnknown(1000)
	for range 50 {
		if fake.DefaultCatalog().MustHold(g.Order()) == "" {
			t.Fatal("an order of known articles alone")
		}
	}
}

func BenchmarkOrder(b *testing.B) {
	g := fake.NewGenerator(everything(1))
	for b.Loop() {
		g.Order()
	}
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
