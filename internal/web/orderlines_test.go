package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/money"
)

func euro(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }

// besideView is an order with a line in every state.
func besideView() *orderView {
	goods := func(sku, quantity, net, tax string) *flow.Part {
		unit := euro("10.00")
		return &flow.Part{
			Kind: connector.LineGoods, SKU: sku, Name: "Name of " + sku, Quantity: decimal.RequireFromString(quantity), UnitPrice: &unit,
			Net: euro(net), Tax: euro(tax), Gross: money.New(euro(net).Amount.Add(euro(tax).Amount), "EUR"),
		}
	}
	line := func(kind connector.LineKind, sku, quantity, net string, tax ...string) *connector.DocumentLine {
		l := &connector.DocumentLine{Kind: kind, SKU: sku, Name: "Line of " + sku, Quantity: decimal.RequireFromString(quantity), Net: euro(net)}
		for _, text := range tax {
			amount := euro(text)
			l.Tax = &amount
		}
		return l
	}
	lines := &desk.OrderLines{ReadAt: time.Now(), Differing: 3, Note: "The document is of revision 1.", Rows: []desk.LinePair{
		{State: desk.LineEqual, Order: goods("TEA", "1", "10.00", "1.90"), Document: line("", "TEA", "1", "10.00", "1.90"), Source: []desk.SourceValue{{Name: "price_set.shop_money.amount", Value: "11.90"}}},
		{
			State: desk.LineDiffers, Order: goods("MUG", "2", "1000.00", "190.00"), Document: line("", "POT", "3", "1500.00", "189.99"),
			Differs: []string{"article", "quantity", "net", "tax", "gross"},
		},
		{State: desk.LineMissing, Order: goods("JAR", "1", "5.00", "0")},
		{State: desk.LineAdditional, Document: line("", "TIN", "1", "7.00")},
		{State: desk.LineRounding, Document: line(connector.LineRounding, "", "1", "0.01")},
		{State: desk.LineTakenOff, Order: goods("OFF", "0", "0", "0")},
		{State: desk.LineFree, Order: &flow.Part{Kind: connector.LineShipping, Name: "Pick up", Quantity: decimal.New(1, 0), Net: euro("0"), Tax: euro("0"), Gross: euro("0")}},
	}}
	return &orderView{OrderStory: &desk.OrderStory{Lines: lines, Order: &commerce.Order{DocumentCurrency: "EUR"}}}
}

// render gives the text of a table of lines.
func render(t *testing.T, o *orderView) string {
	t.Helper()
	var out strings.Builder
	v := &visit{Request: httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders/1", nil), clock: "utc", now: time.Now()}
	if err := orderLines(v, o).Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// row is the markup of a row of the table.
func row(t *testing.T, text, id string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, `<tr id="`+id+`"`)
	if !found {
		t.Fatalf("there is no %s in %s", id, text)
	}
	row, _, _ := strings.Cut(rest, "</tr>")
	return row
}

func TestLinesSideBySide(t *testing.T) {
	text := render(t, besideView())
	for _, want := range []string{"3 lines differ", "The document is of revision 1.", "read back", "Source, "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	for i, c := range []struct {
		has   string // separated by |
		marks int    // cells that differ
	}{
		{"price_set</dt><dd>11.90|TEA|at 10.00|badge good\">equal", 0},
		{"MUG|POT|" + grouped("1000.00") + "|" + grouped("1500.00") + "|another article, quantity +1, net +500.00, tax −0.01, gross +499.99|badge warn\">differs", 10},
		{"JAR|No such line.|not in the document", 0},
		{"No such line.|TIN|only in the document|–", 0},
		{"rounding|0.01|badge info", 0},
		{"OFF|taken off", 0},
		{"Pick up|shipping|nothing to write", 0},
	} {
		got := row(t, text, "line-"+string(rune('0'+i)))
		for want := range strings.SplitSeq(c.has, "|") {
			if !strings.Contains(got, want) {
				t.Errorf("row %d does not have %q: %s", i, want, got)
			}
		}
		// What differs is said in words and by a sign, not by colour alone.
		if n := strings.Count(got, ">differs: <"); n != c.marks || strings.Count(got, "≠") != c.marks {
			t.Errorf("row %d has %d marks, want %d: %s", i, n, c.marks, got)
		}
	}
}

func TestLinesWithoutADocument(t *testing.T) {
	o := besideView()
	for i := range o.Lines.Rows {
		o.Lines.Rows[i] = desk.LinePair{Order: &flow.Part{Name: "Tea", Quantity: decimal.New(1, 0), Net: euro("1"), Tax: euro("0"), Gross: euro("1")}}
	}
	o.Lines.Differing, o.Lines.Note = 0, "The document's lines were not read back."
	text := render(t, o)
	for _, gone := range []string{"of-document", "Comparison", "of-source", "every line is equal"} {
		if strings.Contains(text, gone) {
			t.Errorf("%q is shown although nothing is known of it", gone)
		}
	}
	if !strings.Contains(text, "lines were not read back") {
		t.Error("it does not say why")
	}
}

func TestAnOrdersLinesAreReadBack(t *testing.T) {
	s, synced, held := settledSite(t)
	page := s.get(people.Viewer, orderAddress(synced.ID))
	page.has(t, "a synced order", http.StatusOK, "every line is equal", "read back", "Source, shopify", `class="of-document wide"`, "Comparison")
	if strings.Contains(row(t, page.text, "line-0"), ">–<") {
		t.Errorf("a side of the first line is empty: %s", row(t, page.text, "line-0"))
	}
	s.get(people.Viewer, orderAddress(held.ID)).hasNot(t, "an order without a document", "every line is equal", "Comparison")
	s.get(people.Operator, orderAddress(synced.ID)+"/preview").has(t, "the preview", http.StatusOK, "Document, read now", "every line is equal", "In the ERP: ")
}
