package flow

import (
	"cmp"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// maxLines bounds the lines of a document that a delivery keeps.
const maxLines = 500

// ReadBack is a document line by line, as the destination gave it in a delivery. It is kept to be shown:
// whether order and document are the same is decided by their totals.
type ReadBack struct {
	ID    string                   `json:"id"`              // of the document
	Lines []connector.DocumentLine `json:"lines,omitempty"` // none where the delivery did not read them
	More  int                      `json:"more,omitempty"`  // further lines, which are not kept
	// Articles are the ids of the destination's articles that the order's Parts became, in their order;
	// "" where the destination was left the choice, or where the part was left out.
	Articles []string `json:"articles,omitempty"`
	// RoundingArticle is the id of the article that carries a rounding.
	RoundingArticle string `json:"rounding_article,omitempty"`
}

// Part is a part of an order that becomes a line of a document.
type Part struct {
	Kind      connector.LineKind `json:"kind"`
	LineID    string             `json:"line_id,omitempty"`
	SKU       string             `json:"sku,omitempty"` // of goods
	Name      string             `json:"name"`
	Quantity  money.Decimal      `json:"quantity"`
	UnitPrice *money.Money       `json:"unit_price,omitempty"` // before discounts; gross where the order's prices are
	Net       money.Money        `json:"net"`                  // of the whole part; a discount's are below zero
	Tax       money.Money        `json:"tax"`
	Gross     money.Money        `json:"gross"`
	// TakenOff says that nothing is left of it: no document has it.
	TakenOff bool `json:"taken_off,omitempty"`
}

// Parts takes an order apart in the order in which its document is written: lines, shipping, charges, and
// discounts that are not in the lines.
func Parts(o commerce.Order) []Part {
	one := decimal.New(1, 0)
	var out []Part
	for _, l := range o.Lines {
		unit := l.UnitPrice.Net
		if o.PricesIncludeTax {
			unit = l.UnitPrice.Gross
		}
		out = append(out, Part{
			Kind: connector.LineGoods, LineID: l.LineID, SKU: l.SKU, Name: l.Name, Quantity: l.Quantity, UnitPrice: &unit,
			Net: l.LineNet, Tax: l.LineTax, Gross: l.LineGross, TakenOff: takenOff(l),
		})
	}
	for _, s := range o.ShippingLines {
		out = append(out, Part{Kind: connector.LineShipping, LineID: s.LineID, Name: s.Title, Quantity: one, Net: s.Net, Tax: s.Tax, Gross: s.Gross})
	}
	for _, c := range o.Charges {
		out = append(out, Part{Kind: connector.LineCharge, LineID: c.ChargeID, Name: cmp.Or(c.Title, string(c.Type)), Quantity: one, Net: c.Net, Tax: c.Tax, Gross: c.Gross})
	}
	for _, d := range o.Discounts {
		if !d.Allocated {
			out = append(out, Part{Kind: connector.LineDiscount, LineID: d.DiscountID, Name: cmp.Or(d.Title, d.Code), Quantity: one, Net: d.Net.Neg(), Tax: d.Tax.Neg(), Gross: d.Gross.Neg()})
		}
	}
	return out
}

// takenOff says whether a line was taken off its order: it is no line of the document.
func takenOff(l commerce.Line) bool { return l.Quantity.IsZero() && l.LineGross.IsZero() }

// readLines is what is kept of the document's lines, and of what the order's parts are mapped to.
func (a *attempt) readLines() *ReadBack {
	lines := a.document.Lines
	if a.document.ID == "" || lines == nil && a.draft == nil {
		return nil
	}
	kept := lines[:min(len(lines), maxLines)]
	out := &ReadBack{ID: a.document.ID, Lines: kept, More: len(lines) - len(kept)}
	if a.draft != nil {
		out.Articles, out.RoundingArticle = Articles(a.order, a.draft), a.draft.RoundingItem.ID
		out.Articles = out.Articles[:min(len(out.Articles), maxLines)]
	}
	return out
}

// Articles are the ids of the articles that the Parts of an order become by its draft.
func Articles(o commerce.Order, draft *connector.OrderDraft) []string {
	var out []string
	at := 0
	for _, l := range o.Lines {
		id := ""
		if !takenOff(l) {
			if at < len(draft.Lines) {
				id = draft.Lines[at].Item.ID
			}
			at++
		}
		out = append(out, id)
	}
	for _, list := range [][]connector.LineCodes{draft.Shipping, draft.Charges} {
		for _, codes := range list {
			out = append(out, codes.Item.ID)
		}
	}
	for i, codes := range draft.Discounts {
		if i < len(draft.Order.Discounts) && !draft.Order.Discounts[i].Allocated {
			out = append(out, codes.Item.ID)
		}
	}
	return out
}
