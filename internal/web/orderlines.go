package web

import (
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/money"
)

// linesView is the table of an order's lines beside those of the source and of the document.
type linesView struct {
	*desk.OrderLines
	source   bool // the source's own words are known for a line
	document bool // the document's lines are known
	codes    []string
}

// lines gives the table: with the document as it is at this moment when a preview has read it, and with what the
// parts would become.
func (o *orderView) lines() linesView {
	v := linesView{OrderLines: o.Lines}
	if o.preview != nil {
		v.OrderLines = desk.CompareNow(o.OrderStory, o.preview)
		v.codes = draftCodes(*o.Order, o.preview.Draft)
	}
	for _, row := range v.Rows {
		v.source = v.source || len(row.Source) > 0
		v.document = v.document || row.State != ""
	}
	return v
}

// verdict says how many lines differ; "" where the document's are not known.
func (v linesView) verdict() (tone, text string) {
	switch {
	case !v.document:
		return "", ""
	case v.Differing == 0:
		return "good", "every line is equal"
	}
	return "warn", plural(v.Differing, "line differs", "lines differ")
}

// code is what a part of the order would become; "" without a preview.
func (v linesView) code(i int) string {
	if i < len(v.codes) {
		return v.codes[i]
	}
	return ""
}

// draftCodes are the ERP's values for the parts of an order, in their order. Drafts leave out what was taken off.
func draftCodes(order commerce.Order, draft *connector.OrderDraft) []string {
	if draft == nil {
		return nil
	}
	var out []string
	rest := map[connector.LineKind][]connector.LineCodes{
		connector.LineGoods: draft.Lines, connector.LineShipping: draft.Shipping, connector.LineCharge: draft.Charges,
	}
	for i, d := range draft.Order.Discounts {
		if !d.Allocated && i < len(draft.Discounts) {
			rest[connector.LineDiscount] = append(rest[connector.LineDiscount], draft.Discounts[i])
		}
	}
	for _, part := range flow.Parts(order) {
		codes := rest[part.Kind]
		if part.TakenOff || len(codes) == 0 {
			out = append(out, "left out")
			continue
		}
		rest[part.Kind] = codes[1:]
		out = append(out, codeText(codes[0]))
	}
	return out
}

// lineSide is one side of a line, to be shown.
type lineSide struct {
	sku, name       string
	quantity, unit  string
	net, tax, gross string // tax and gross are "" where they are not given
}

func orderSide(p desk.LinePair) *lineSide {
	if p.Order == nil {
		return nil
	}
	out := &lineSide{sku: p.Order.SKU, name: p.Order.Name, quantity: p.Order.Quantity.String(), net: plain(p.Order.Net), tax: plain(p.Order.Tax), gross: plain(p.Order.Gross)}
	if p.Order.UnitPrice != nil {
		out.unit = plain(*p.Order.UnitPrice)
	}
	if out.sku == "" {
		out.sku = string(p.Order.Kind)
	}
	return out
}

func documentSide(p desk.LinePair) *lineSide {
	if p.Document == nil {
		return nil
	}
	l := p.Document
	out := &lineSide{sku: l.SKU, name: l.Name, quantity: l.Quantity.String(), net: plain(l.Net)}
	if l.Tax != nil {
		out.tax, out.gross = plain(*l.Tax), plain(money.New(l.Net.Amount.Add(l.Tax.Amount), l.Net.Currency))
	}
	if out.sku == "" {
		out.sku = string(l.Kind)
	}
	return out
}

func plain(m money.Money) string { return grouped(m.Amount.String()) }

// lineVerdict says how a line and its counterpart compare.
func lineVerdict(p desk.LinePair) (tone, text string) {
	switch p.State {
	case desk.LineEqual:
		return "good", "equal"
	case desk.LineDiffers:
		return "warn", "differs"
	case desk.LineMissing:
		return "warn", "not in the document"
	case desk.LineAdditional:
		return "warn", "only in the document"
	case desk.LineRounding:
		return "info", "rounding"
	case desk.LineTakenOff:
		return "info", "taken off"
	case desk.LineFree:
		return "info", "nothing to write"
	}
	return "", ""
}

// lineDifference says what differs, as the document has it less what the order has.
func lineDifference(p desk.LinePair) string {
	var parts []string
	if p.Named("article") {
		parts = append(parts, "another article")
	}
	if p.Named("quantity") {
		parts = append(parts, "quantity "+signed(p.Document.Quantity.Sub(p.Order.Quantity), false))
	}
	if p.Named("net") {
		parts = append(parts, "net "+signed(p.Document.Net.Amount.Sub(p.Order.Net.Amount), true))
	}
	if p.Named("tax") {
		parts = append(parts, "tax "+signed(p.Document.Tax.Amount.Sub(p.Order.Tax.Amount), true))
	}
	if p.Named("gross") {
		parts = append(parts, "gross "+signed(p.Document.Net.Amount.Add(p.Document.Tax.Amount).Sub(p.Order.Gross.Amount), true))
	}
	return strings.Join(parts, ", ")
}

// signed writes a difference with its sign.
func signed(d money.Decimal, amount bool) string {
	text := d.Abs().String()
	if amount {
		text = grouped(text)
	}
	if d.IsNegative() {
		return "−" + text
	}
	return "+" + text
}

// emptySide says why a side has no line.
func emptySide(p desk.LinePair, side string) string {
	switch {
	case p.Differing():
		return "No such line."
	case side == "Document" && p.State == "":
		return "Not known."
	}
	return "–"
}

// sourceWord is the name of a value in the source's record, without what only says that it is an amount.
func sourceWord(name string) string {
	for _, tail := range []string{".amount", ".shop_money", ".shopMoney"} {
		name = strings.TrimSuffix(name, tail)
	}
	return name
}
