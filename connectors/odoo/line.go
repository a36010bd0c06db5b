package odoo

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// Sequences sort the lines of a document and tell afterwards what each is: those from afterGoods on are
// neither goods nor shipping nor a charge.
const (
	firstLine    = 10
	afterGoods   = 9000
	roundingLine = 9900
)

// lineForm is what decides how a line is written.
type lineForm struct {
	taxField       string // tax_id or tax_ids
	pricePlaces    int32
	discountPlaces int32
	currency       money.Currency
	inclusive      bool // the order's prices include tax
}

// part is an amount on its way into a line.
type part struct {
	field    string // of the canonical order, for errors
	name     string
	quantity money.Decimal
	// net and gross are the amounts of the whole line; price is the price of one before discounts.
	net, gross           money.Money
	netPrice, grossPrice money.Decimal
	codes                connector.LineCodes
	delivery             bool
}

// lines gives the values of every line of a document, in order.
func (f lineForm) lines(draft connector.OrderDraft) ([]map[string]any, error) {
	var out []map[string]any
	sequence := int64(firstLine)
	add := func(p part, at int64) error {
		values, err := f.line(p)
		if err != nil {
			return err
		}
		values["sequence"] = at
		out = append(out, values)
		return nil
	}
	for _, p := range parts(draft) {
		if err := add(p, sequence); err != nil {
			return nil, err
		}
		sequence++
	}
	for i, d := range draft.Order.Discounts {
		if d.Allocated {
			continue
		}
		p := part{
			field: fmt.Sprintf("discounts[%d]", i), name: discountName(d), quantity: decimal.New(1, 0), net: d.Net.Neg(), gross: d.Gross.Neg(),
			codes: codesAt(draft.Discounts, i),
		}
		if err := add(p, afterGoods+int64(i)); err != nil {
			return nil, err
		}
	}
	if !draft.Rounding.IsZero() {
		p := part{
			field: "rounding_item", name: "Rounding", quantity: decimal.New(1, 0), net: draft.Rounding, gross: draft.Rounding,
			codes: connector.LineCodes{Item: draft.RoundingItem},
		}
		if err := add(p, roundingLine); err != nil {
			return nil, err
		}
	}
	for _, note := range notes(draft.Order) {
		out = append(out, map[string]any{"display_type": "line_note", "name": note, "sequence": int64(roundingLine + 1)})
	}
	return out, nil
}

// parts are the goods, the shipping and the charges of an order.
func parts(draft connector.OrderDraft) []part {
	var out []part
	for i, l := range draft.Order.Lines {
		out = append(out, part{
			field: fmt.Sprintf("lines[%d]", i), name: lineName(l, codesAt(draft.Lines, i).Item), quantity: l.Quantity,
			net: l.LineNet, gross: l.LineGross, netPrice: l.UnitPrice.Net.Amount, grossPrice: l.UnitPrice.Gross.Amount,
			codes: codesAt(draft.Lines, i),
		})
	}
	one := decimal.New(1, 0)
	for i, s := range draft.Order.ShippingLines {
		name := strings.TrimSpace(s.Title)
		if name == "" {
			name = "Shipping"
		}
		out = append(out, part{
			field: fmt.Sprintf("shipping_lines[%d]", i), name: name, quantity: one, net: s.Net, gross: s.Gross,
			codes: codesAt(draft.Shipping, i), delivery: true,
		})
	}
	for i, c := range draft.Order.Charges {
		name := strings.TrimSpace(c.Title)
		if name == "" {
			name = string(c.Type)
		}
		out = append(out, part{
			field: fmt.Sprintf("charges[%d]", i), name: name, quantity: one, net: c.Net, gross: c.Gross, codes: codesAt(draft.Charges, i),
		})
	}
	return out
}

func codesAt(list []connector.LineCodes, i int) connector.LineCodes {
	if i < len(list) {
		return list[i]
	}
	return connector.LineCodes{}
}

// lineName is what the document shows: the name in the shop with its options.
func lineName(l commerce.Line, item connector.Item) string {
	name := strings.TrimSpace(l.Name)
	if name == "" {
		name = item.Name
	}
	if name == "" {
		name = l.SKU
	}
	for _, p := range append(append([]commerce.Property{}, l.Options...), l.Properties...) {
		text := strings.TrimSpace(p.Value)
		if text == "" || strings.Contains(name, text) {
			continue
		}
		if p.Name != "" {
			text = p.Name + ": " + text
		}
		name += "\n" + text
	}
	return name
}

func discountName(d commerce.Discount) string {
	for _, text := range []string{d.Title, d.Code} {
		if text = strings.TrimSpace(text); text != "" {
			if d.Code != "" && text != d.Code {
				text += " (" + d.Code + ")"
			}
			return text
		}
	}
	return "Discount"
}

// notes are what the buyer says, and the numbers that the buyer knows the order by. Notes among the
// merchant's staff are left out: lines are printed on what the buyer gets.
func notes(o commerce.Order) []string {
	var out []string
	if ref := strings.TrimSpace(o.CustomerReference); ref != "" {
		out = append(out, "Purchase order: "+ref)
	}
	for _, n := range o.Notes {
		if text := strings.TrimSpace(n.Text); text != "" && n.Audience != "merchant" {
			out = append(out, text)
		}
	}
	if o.ShipTo != nil {
		if text := strings.TrimSpace(o.ShipTo.DeliveryInstructions); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// line gives the values of a line whose total in Odoo is the source's amount.
func (f lineForm) line(p part) (map[string]any, error) {
	if p.codes.Item.ID == "" {
		return nil, unmappedItem(p.field)
	}
	item, err := parseID(p.field+".sku", p.codes.Item.ID)
	if err != nil {
		return nil, err
	}
	taxes := make([]int64, 0, len(p.codes.TaxCodes))
	inclusive := f.inclusive && len(p.codes.TaxCodes) == 0
	for i, code := range p.codes.TaxCodes {
		id, err := parseID(fmt.Sprintf("%s.taxes[%d]", p.field, i), code.Code)
		if err != nil {
			return nil, err
		}
		taxes = append(taxes, id)
		inclusive = inclusive || code.Included
	}
	// The price is gross where a tax is inside it. Without a tax, net and gross are the same.
	target, price := p.net, p.netPrice
	if inclusive {
		target, price = p.gross, p.grossPrice
	}
	unit, discount := f.price(target.Amount, price, p.quantity)
	values := map[string]any{
		"product_id": item, "name": p.name, "product_uom_qty": number(p.quantity), "price_unit": number(unit), "discount": number(discount),
		f.taxField: []any{[]any{int64(6), int64(0), taxes}},
	}
	if p.delivery {
		values["is_delivery"] = true
	}
	return values, nil
}

// steps is how many neighbouring prices are tried to meet an amount.
const steps = 100

// price finds a unit price and a discount in per cent from which Odoo, with its own decimals, works out
// exactly the amount: the price before discounts where there is one, else the plain price, else a
// neighbouring price with a small discount. Where nothing meets it, as for a large quantity of something
// cheap, the nearest plain price is given and the difference is left for rounding.
func (f lineForm) price(amount, before, quantity money.Decimal) (unit, discount money.Decimal) {
	plain := money.Round(commerce.PerUnit(amount, quantity), f.pricePlaces, money.HalfUp)
	if quantity.IsZero() {
		return money.Round(before, f.pricePlaces, money.HalfUp), money.Zero
	}
	before = money.Round(before, f.pricePlaces, money.HalfUp)
	if before.GreaterThan(plain) && !amount.IsZero() {
		if percent, ok := f.percent(amount, before, quantity); ok {
			return before, percent
		}
	}
	if f.total(plain, money.Zero, quantity).Equal(amount) {
		return plain, money.Zero
	}
	if amount.Sign() == quantity.Sign() && f.pricePlaces < unrounded {
		step := decimal.New(1, -f.pricePlaces)
		base := plain
		if before.GreaterThan(plain) {
			base = before
		}
		for i := range int64(steps) {
			candidate := base.Add(step.Mul(decimal.NewFromInt(i)))
			if percent, ok := f.percent(amount, candidate, quantity); ok {
				return candidate, percent
			}
		}
	}
	return plain, money.Zero
}

// percent gives the discount with which a price meets an amount exactly.
func (f lineForm) percent(amount, price, quantity money.Decimal) (money.Decimal, bool) {
	full := price.Mul(quantity)
	if full.IsZero() {
		return money.Zero, false
	}
	percent := money.Round(full.Sub(amount).Mul(hundred).DivRound(full, 12), f.discountPlaces, money.HalfUp)
	if percent.IsNegative() || percent.GreaterThanOrEqual(hundred) {
		return money.Zero, false
	}
	return percent, f.total(price, percent, quantity).Equal(amount)
}

// total is how Odoo works out a line: price less discount, times quantity, rounded to the currency.
func (f lineForm) total(price, percent, quantity money.Decimal) money.Decimal {
	rest := hundred.Sub(percent).Div(hundred)
	return money.Round(price.Mul(rest).Mul(quantity), f.currency.Exponent(), money.HalfUp)
}

func unmappedItem(field string) *connector.Error {
	what := "mapping.items, or give the line a SKU that Odoo knows"
	switch area, _, _ := strings.Cut(field, "["); area {
	case "shipping_lines":
		what = "mapping.shipping"
	case "charges":
		what = "mapping.charges"
	case "discounts":
		what = "mapping.discount_item"
	case "rounding_item":
		what = "mapping.rounding_item"
	}
	return &connector.Error{
		Kind: connector.KindUnmapped, Op: "write the order", Field: field, Message: "an order in Odoo needs a product for this, and none is mapped",
		Fix: "make a service product in Odoo and name its internal reference in " + what,
	}
}
