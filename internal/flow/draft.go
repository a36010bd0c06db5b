package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// prepare decides what is to be done with a record and, for an order that is to be written, makes
// its draft: codes, customer, addresses. What it can finish by itself it finishes.
func (a *attempt) prepare(ctx context.Context) {
	if !a.open() {
		return
	}
	ctx = a.traced(ctx)
	switch {
	case !a.isOrder():
		a.carryCustomer(ctx)
	case a.work.Deleted:
		a.cancel(ctx, "deleted in the source")
	case a.order.OrderState == commerce.StateCancelled:
		a.cancel(ctx, "cancelled in the source")
	case a.existing != nil && a.existing.State == connector.DocumentCancelled:
		a.hold(StepFind, connector.Error{
			Code: "document_cancelled", Message: "the document is cancelled in the destination but the order is not in the source",
			Fix: "cancel the order in the source, or skip it",
		})
	case a.existing != nil && a.existing.State == connector.DocumentPending && !a.pendingAgain(ctx):
	default:
		a.makeDraft(ctx)
	}
}

// pendingAgain looks at a document that waited for somebody in the destination; true when it does
// not wait any more.
func (a *attempt) pendingAgain(ctx context.Context) bool {
	found, err := a.destination.Conn.Orders.FindOrders(ctx, []connector.Key{a.key})
	if err != nil {
		a.fail(StepFind, err)
		return false
	}
	a.existing = nil
	a.adopt(found[a.key])
	if a.open() && a.existing != nil && a.existing.State == connector.DocumentPending {
		a.document = *a.existing
		a.awaitApproval()
	}
	return a.open()
}

func (a *attempt) awaitApproval() {
	a.link(store.RoleOrder, a.document, a.customerID())
	reason := "waits in the destination: " + a.document.Reason
	if a.document.Reason == "" {
		reason = "waits for approval in the destination"
	}
	a.step(StepWrite, "%s", reason)
	a.end(store.TaskWaiting, OutcomeRetry, reason)
	a.result.Free = true
	a.result.Due = a.runner.now().Add(approvalWait)
}

func (a *attempt) makeDraft(ctx context.Context) {
	order := a.order
	// What was taken off an order is not a line of the document.
	order.Lines = slices.DeleteFunc(slices.Clone(order.Lines), takenOff)
	draft := &connector.OrderDraft{Key: a.key, Order: order, Existing: a.existing}
	if err := a.mapCodes(ctx, draft); err != nil {
		a.fail(StepMap, err)
		return
	}
	fields, err := a.flow.Mapper.OrderFields(order)
	if err != nil {
		a.fail(StepMap, connector.Invalid("mapping.order_fields", "%v", err))
		return
	}
	draft.Fields = fields
	draft.PaymentMethod, draft.PaymentTerms = a.flow.Mapper.Payment(order)
	draft.Warehouse = a.flow.Mapper.Warehouse(order.WarehouseHint)
	if a.hash, err = contentHash(draft); err != nil {
		a.fail(StepMap, connector.Errorf(connector.KindBug, "map", "%w", err))
		return
	}
	a.draft = draft
	if a.draftOnly {
		return
	}
	if a.existing != nil && a.keepsDocument() {
		return
	}
	a.matchParties(ctx)
}

// keepsDocument says that the existing document is not to be written: nothing in it would change, or
// the flow's policy leaves it as it is.
func (a *attempt) keepsDocument() bool {
	linked := a.work.DeliveredHash != ""
	switch {
	case linked && a.work.DeliveredHash == a.hash:
		a.step(StepWrite, "nothing has changed that the document shows")
	case linked && a.flow.Config.Orders.Edits == ReactIgnore:
		a.step(StepWrite, "the order has changed; the flow leaves documents as they are (orders.edits: ignore)")
	case linked && a.flow.Config.Orders.Edits == ReactHold:
		a.hold(StepWrite, connector.Error{
			Code: "edited", Message: "the order has changed in the source after it was delivered",
			Fix: "change the document by hand and skip, or set orders.edits to apply and retry",
		})
	default:
		return false
	}
	a.document, a.written = *a.existing, OutcomeUnchanged
	return true
}

// mapCodes finds the destination's articles and taxes for every part of the order.
func (a *attempt) mapCodes(ctx context.Context, draft *connector.OrderDraft) error {
	known, err := a.destination.taxCodes(ctx)
	if err != nil {
		return err
	}
	m, order := a.flow.Mapper, draft.Order
	codes := func(field, sku string, taxes []commerce.Tax) (connector.LineCodes, error) {
		item, err := a.item(ctx, field, sku)
		if err != nil {
			return connector.LineCodes{}, err
		}
		var taxCodes []connector.TaxCode
		if a.destination.Conn.Taxes != nil {
			taxCodes, err = m.Taxes(field+".taxes", taxes, order.PricesIncludeTax, known)
		}
		return connector.LineCodes{Item: item, TaxCodes: taxCodes}, err
	}
	draft.Lines = make([]connector.LineCodes, len(order.Lines))
	for i, l := range order.Lines {
		sku := m.LineSKU(l)
		if sku == "" {
			return &connector.Error{
				Kind: connector.KindUnmapped, Code: "sku", Field: fmt.Sprintf("lines[%d].sku", i), Value: string(l.Type),
				Message: "the line has no SKU", Fix: "give the article a SKU in the source, or set mapping.unknown_item",
			}
		}
		if draft.Lines[i], err = codes(fmt.Sprintf("lines[%d]", i), sku, l.Taxes); err != nil {
			return err
		}
		draft.Lines[i].Warehouse = m.Warehouse(l.Warehouse)
	}
	draft.Shipping = make([]connector.LineCodes, len(order.ShippingLines))
	for i, s := range order.ShippingLines {
		if draft.Shipping[i], err = codes(fmt.Sprintf("shipping_lines[%d]", i), m.ShippingSKU(s), s.Taxes); err != nil {
			return err
		}
	}
	draft.Charges = make([]connector.LineCodes, len(order.Charges))
	for i, c := range order.Charges {
		if draft.Charges[i], err = codes(fmt.Sprintf("charges[%d]", i), m.ChargeSKU(c), c.Taxes); err != nil {
			return err
		}
	}
	draft.Discounts = make([]connector.LineCodes, len(order.Discounts))
	for i, d := range order.Discounts {
		if d.Allocated {
			continue
		}
		if draft.Discounts[i], err = codes(fmt.Sprintf("discounts[%d]", i), m.DiscountSKU(), d.Taxes); err != nil {
			return err
		}
	}
	draft.RoundingItem, err = a.item(ctx, "mapping.rounding_item", m.RoundingSKU())
	return err
}

// item gives the destination's article for a SKU; an empty SKU leaves the choice to the destination.
func (a *attempt) item(ctx context.Context, field, sku string) (connector.Item, error) {
	if sku == "" {
		return connector.Item{}, nil
	}
	if a.destination.Conn.Items == nil {
		return connector.Item{ID: sku, SKU: sku}, nil
	}
	all := a.items[sku]
	active := slices.DeleteFunc(slices.Clone(all), func(i connector.Item) bool { return i.Inactive })
	fallback := a.flow.Mapper.UnknownSKU()
	e := &connector.Error{Kind: connector.KindUnmapped, Field: field + ".sku", Value: sku}
	switch {
	case len(active) == 1:
		return active[0], nil
	case len(active) > 1:
		if chosen, ok, err := a.chooseItem(ctx, sku, active); ok || err != nil {
			return chosen, err
		}
		e.Code, e.Message = CodeItemAmbiguous, fmt.Sprintf("the destination has %d articles with this SKU", len(active))
		e.Fix = "choose the right one, or give them different SKUs there"
	case fallback != "" && fallback != sku:
		return a.item(ctx, field, fallback)
	case len(all) > 0:
		e.Code, e.Message = "sku_inactive", "the article with this SKU is inactive in the destination"
		e.Fix = "activate it there, or add a row to mapping.items"
	default:
		e.Code, e.Message = "sku", "the destination has no article with this SKU"
		e.Fix = "create it there, or add a row to mapping.items"
	}
	return connector.Item{}, e
}

// contentHash is a hash of what a document shows of an order. What happens around it (payments,
// shipments, refunds) leaves it as it is, so that a shipped order is not written again.
func contentHash(draft *connector.OrderDraft) (string, error) {
	d := *draft
	d.Existing = nil
	o := d.Order
	o.Source.UpdatedAt, o.Source.Revision = time.Time{}, ""
	o.OrderState, o.PaymentState, o.FulfillmentState = "", "", ""
	o.Payments, o.Refunds, o.Fulfillments, o.Risk = nil, nil, nil, nil
	o.Totals.Prepaid, o.Totals.Payable, o.Totals.Refunded = money.Money{}, money.Money{}, money.Money{}
	o.Lines = slices.Clone(o.Lines)
	for i := range o.Lines {
		o.Lines[i].Cancelled, o.Lines[i].Fulfilled, o.Lines[i].Refunded = money.Zero, money.Zero, money.Zero
	}
	// The buyer's account is a record of its own; the order shows who it is.
	o.Buyer = commerce.Customer{Source: commerce.Source{ExternalID: o.Buyer.Source.ExternalID}, DisplayName: o.Buyer.DisplayName, CompanyName: o.Buyer.CompanyName}
	d.Order = o
	return hashOf(d)
}

func hashOf(value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

func (a *attempt) tolerance() money.Decimal {
	if t := a.flow.Config.Orders.Tolerance; t != nil {
		return *t
	}
	return a.order.Tolerance()
}
