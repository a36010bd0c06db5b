package desk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/money"
)

func lineAmount(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }

// orderPart reads "goods TEA 2 20.00 3.80": kind, SKU ("-" for none), quantity, net and tax.
func orderPart(text string) flow.Part {
	f := strings.Fields(text)
	p := flow.Part{Kind: connector.LineKind(f[0]), Quantity: decimal.RequireFromString(f[2]), Net: lineAmount(f[3]), Tax: lineAmount(f[4])}
	if f[1] != "-" {
		p.SKU = f[1]
	}
	p.Gross = money.New(p.Net.Amount.Add(p.Tax.Amount), "EUR")
	p.TakenOff = p.Kind == connector.LineGoods && p.Quantity.IsZero() && p.Gross.IsZero()
	return p
}

// documentLine reads "- id-TEA TEA 2 20.00 3.80": kind, article, SKU, quantity, net and, where it is given, tax.
func documentLine(text string) connector.DocumentLine {
	f := strings.Fields(strings.ReplaceAll(text, "- ", "\x00 "))
	for i := range f {
		f[i] = strings.Trim(f[i], "\x00")
	}
	l := connector.DocumentLine{Kind: connector.LineKind(f[0]), ItemID: f[1], SKU: f[2], Quantity: decimal.RequireFromString(f[3]), Net: lineAmount(f[4])}
	if len(f) > 5 {
		tax := lineAmount(f[5])
		l.Tax = &tax
	}
	return l
}

// rowsText writes rows as "part 0 = line 1 differs (net)".
func rowsText(rows []LinePair, parts []flow.Part, lines []connector.DocumentLine) string {
	var out []string
	for _, r := range rows {
		left, right := "nothing", "nothing"
		for i := range parts {
			if r.Order == &parts[i] {
				left = fmt.Sprint("part ", i)
			}
		}
		for j := range lines {
			if r.Document == &lines[j] {
				right = fmt.Sprint("line ", j)
			}
		}
		text := left + " = " + right + " " + string(r.State)
		if len(r.Differs) > 0 {
			text += " (" + strings.Join(r.Differs, ", ") + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func TestLinesOfOrderAndDocumentArePaired(t *testing.T) {
	for _, c := range []struct {
		name     string
		parts    []string
		articles []string
		lines    []string
		want     string
	}{
		{"equal", []string{"goods TEA 2 20.00 3.80"}, []string{"1"}, []string{"- 1 TEA 2 20.00 3.80"}, "part 0 = line 0 equal"},
		{"another scale", []string{"goods TEA 2 20.00 3.80"}, []string{"1"}, []string{"- 1 TEA 2.000 20 3.8"}, "part 0 = line 0 equal"},
		{"mapped to another SKU", []string{"goods TEA 2 20.00 3.80"}, []string{"7"}, []string{"- 7 DRINK 2 20.00 3.80"}, "part 0 = line 0 equal"},
		{"the same SKU of an article that it was not mapped to", []string{"goods TEA 2 20.00 3.80"}, []string{"7"}, []string{"- 8 TEA 2 20.00 3.80"}, "part 0 = line 0 differs (article)"},
		{"by SKU where the mapping is not known", []string{"goods tea 2 20.00 3.80"}, nil, []string{"- 1 TEA 2 20.00 3.80"}, "part 0 = line 0 equal"},
		{"everything differs but the article", []string{"goods TEA 2 20.00 3.80"}, []string{"1"}, []string{"- 1 TEA 3 30.00 5.70"}, "part 0 = line 0 differs (quantity, net, tax, gross)"},
		{"tax is not given", []string{"goods TEA 2 20.00 3.80"}, []string{"1"}, []string{"- 1 TEA 2 20.00"}, "part 0 = line 0 equal"},
		{
			"in another order", []string{"goods TEA 1 10.00 0", "goods MUG 1 5.00 0"}, []string{"1", "2"}, []string{"- 2 MUG 1 5.00 0", "- 1 TEA 1 10.00 0"},
			"part 0 = line 1 equal; part 1 = line 0 equal",
		},
		{
			"the same article twice, the other way round", []string{"goods TEA 1 10.00 0", "goods TEA 2 20.00 0"}, []string{"1", "1"}, []string{"- 1 TEA 2 20.00 0", "- 1 TEA 1 10.00 0"},
			"part 0 = line 1 equal; part 1 = line 0 equal",
		},
		{
			"the same article twice, and both differ", []string{"goods TEA 1 10.00 0", "goods TEA 2 20.00 0"}, []string{"1", "1"}, []string{"- 1 TEA 3 10.00 0", "- 1 TEA 4 20.00 0"},
			"part 0 = line 0 differs (quantity); part 1 = line 1 differs (quantity)",
		},
		{
			"one missing and one additional", []string{"goods TEA 1 10.00 0", "goods MUG 1 5.00 0"}, []string{"1", "2"}, []string{"- 1 TEA 1 10.00 0", "- 3 POT 2 9.00 0"},
			"part 0 = line 0 equal; part 1 = nothing missing; nothing = line 1 additional",
		},
		{"another article for the same amount", []string{"goods TEA 1 10.00 0"}, []string{"1"}, []string{"- 3 POT 1 10.00 0"}, "part 0 = line 0 differs (article)"},
		{"taken off the order and left at nothing", []string{"goods TEA 0 0 0"}, []string{""}, []string{"- 1 TEA 0 0 0"}, "part 0 = nothing taken_off; nothing = line 0 taken_off"},
		{
			"shipping and a charge as freights", []string{"shipping - 1 4.00 0.76", "charge - 1 2.00 0.38"}, []string{"", ""}, []string{"- - - 1 2.00 0.38", "shipping - - 1 4.00 0.76"},
			"part 0 = line 1 equal; part 1 = line 0 equal",
		},
		{"shipping as an article, whose mapping is not known", []string{"shipping - 1 4.00 0"}, nil, []string{"shipping 5 SHIP 1 4.10 0"}, "part 0 = line 0 differs (net, gross)"},
		{"shipping that costs nothing", []string{"shipping - 1 0 0"}, []string{""}, nil, "part 0 = nothing not_written"},
		{"shipping that costs nothing, as an article", []string{"shipping - 1 0 0"}, []string{"5"}, nil, "part 0 = nothing missing"},
		{"a discount on the order", []string{"discount - 1 -5.00 -0.95"}, []string{""}, []string{"discount - - 1 -5.00"}, "part 0 = line 0 equal"},
		{"a rounding of the head", []string{"goods TEA 1 10.00 0"}, []string{"1"}, []string{"- 1 TEA 1 10.00 0", "rounding - - 1 0.01"}, "part 0 = line 0 equal; nothing = line 1 rounding"},
		{"a rounding by an article", []string{"goods TEA 1 10.00 0"}, []string{"1"}, []string{"- 1 TEA 1 10.00 0", "- 99 ROUND 1 0.01 0"}, "part 0 = line 0 equal; nothing = line 1 rounding"},
		{"a rounding is no discount", []string{"discount - 1 -0.01 0"}, []string{""}, []string{"rounding - - 1 -0.01"}, "part 0 = nothing missing; nothing = line 0 rounding"},
		{"no lines at all", []string{"goods TEA 1 10.00 0"}, []string{"1"}, nil, "part 0 = nothing missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var parts []flow.Part
			for _, text := range c.parts {
				parts = append(parts, orderPart(text))
			}
			var lines []connector.DocumentLine
			for _, text := range c.lines {
				lines = append(lines, documentLine(text))
			}
			if got := rowsText(pairLines(parts, lines, c.articles, "99"), parts, lines); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// Nothing of either side is lost, and nothing is shown twice.
func TestEveryLineOfEitherSideIsShownOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.SampledFrom([]string{"0", "1", "2", "10.00", "-1.00"})
		article := rapid.SampledFrom([]string{"", "1", "2", "3"})
		var parts []flow.Part
		var articles []string
		for range rapid.IntRange(0, 7).Draw(t, "parts") {
			kind := rapid.SampledFrom([]string{"goods", "goods", "shipping", "charge", "discount"}).Draw(t, "kind")
			parts = append(parts, orderPart(fmt.Sprintf("%s %s %s %s %s", kind, rapid.SampledFrom([]string{"-", "1", "2"}).Draw(t, "sku"), few.Draw(t, "quantity"), few.Draw(t, "net"), few.Draw(t, "tax"))))
			articles = append(articles, article.Draw(t, "article"))
		}
		var lines []connector.DocumentLine
		for range rapid.IntRange(0, 7).Draw(t, "lines") {
			l := connector.DocumentLine{
				Kind:   connector.LineKind(rapid.SampledFrom([]string{"", "", "goods", "shipping", "charge", "discount", "rounding"}).Draw(t, "kind")),
				ItemID: article.Draw(t, "article"), SKU: article.Draw(t, "sku"), Quantity: decimal.RequireFromString(few.Draw(t, "quantity")), Net: lineAmount(few.Draw(t, "net")),
			}
			lines = append(lines, l)
		}
		if rapid.Bool().Draw(t, "the mapping is not known") {
			articles = nil
		}
		rows := pairLines(parts, lines, articles, article.Draw(t, "rounding"))
		seenParts, seenLines := map[*flow.Part]int{}, map[*connector.DocumentLine]int{}
		for _, r := range rows {
			if r.Order == nil && r.Document == nil {
				t.Fatalf("a row of nothing: %+v", r)
			}
			if r.Order != nil {
				seenParts[r.Order]++
			}
			if r.Document != nil {
				seenLines[r.Document]++
			}
			if (r.State == LineEqual) != (r.Order != nil && r.Document != nil && len(r.Differs) == 0) {
				t.Errorf("a row is %s: %+v", r.State, r)
			}
			if r.Order != nil && r.Document != nil && r.State == LineEqual && !(r.Order.Quantity.Equal(r.Document.Quantity) && r.Order.Net.Equal(r.Document.Net)) {
				t.Errorf("a row is equal, and is not: %+v and %+v", r.Order, r.Document)
			}
		}
		for i := range parts {
			if seenParts[&parts[i]] != 1 {
				t.Errorf("part %d is shown %d times", i, seenParts[&parts[i]])
			}
		}
		for j := range lines {
			if seenLines[&lines[j]] != 1 {
				t.Errorf("line %d is shown %d times", j, seenLines[&lines[j]])
			}
		}
	})
}

func FuzzSourceValues(f *testing.F) {
	f.Add(`{"line_items":[{"id":1,"sku":"TEA","price":"2.50"}]}`)
	f.Add(`{"order_line":[{"id":"gid://x/1","product_id":[5,"[TEA] Tea"],"price_unit":2.5,"x":null}`)
	f.Add(`[[[[{"id":{"id":"1"}}]]]]`)
	f.Fuzz(func(t *testing.T, text string) {
		part := orderPart("goods TEA 1 2.50 0")
		part.LineID = "1"
		s := OrderStory{Source: &OrderBody{Text: text}}
		rows := []LinePair{{Order: &part}, {}}
		s.sourceValues(rows)
		if len(rows[0].Source) > maxSourceValues || rows[1].Source != nil {
			t.Errorf("%+v", rows)
		}
	})
}

func TestTheSourcesOwnWordsForALine(t *testing.T) {
	for _, c := range []struct{ name, id, sku, text, want string }{
		{"Shopify", "11", "TEA", `{"id":11,"refunds":[{"refund_line_items":[{"line_item":{"id":11,"sku":"TEA","name":"a copy"}}]}],"line_items":[{"id":10,"sku":"MUG"},{"id":11,"sku":"TEA","name":"Tea","quantity":2,"vendor":"x","price":"2.50","price_set":{"shop_money":{"amount":"2.50","currency_code":"EUR"},"presentment_money":{"amount":"2.50"}}}]}`,
			"sku=TEA quantity=2 price=2.50 price_set.shop_money.amount=2.50"},
		{"Shopify by GraphQL", "11", "TEA", `{"lineItems":{"nodes":[{"id":"gid://shopify/LineItem/11","sku":"TEA","quantity":2}]}}`, "sku=TEA quantity=2"},
		{"Odoo", "11", "TEA", `{"lines":[{"id":11,"product_id":[5,"[TEA] Tea"],"product_uom_qty":2.0,"price_unit":2.5}]}`, "product_id=[TEA] Tea product_uom_qty=2.0 price_unit=2.5"},
		{"Business One", "0", "TEA", `{"DocumentLines":[{"LineNum":0,"ItemCode":"TEA","Quantity":2.0,"LineTotal":5.0}]}`, "ItemCode=TEA Quantity=2.0 LineTotal=5.0"},
		{"another thing with the same id", "11", "TEA", `{"meta_data":[{"id":11,"name":"colour","price":"9"}],"line_items":[{"id":11,"sku":"TEA","price":"2.50"}]}`, "sku=TEA price=2.50"},
		{"only another thing", "11", "TEA", `{"meta_data":[{"id":11,"name":"colour"}]}`, ""},
		{"no JSON", "11", "TEA", `<order id="11"/>`, ""},
		{"cut off", "11", "TEA", `{"line_items":[{"id":11,"sku":"TEA"`, ""},
	} {
		part := orderPart("goods " + c.sku + " 2 5.00 0")
		part.LineID, part.Name = c.id, "Tea"
		s := OrderStory{Source: &OrderBody{Text: c.text}}
		rows := []LinePair{{Order: &part}}
		s.sourceValues(rows)
		var got []string
		for _, v := range rows[0].Source {
			got = append(got, v.Name+"="+v.Value)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}
