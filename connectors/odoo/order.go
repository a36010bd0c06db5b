package odoo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
	"github.com/orderlyhq/orderly/money"
)

// orderHead is what is read of a sales order to say how it stands.
type orderHead struct {
	ID            int64      `json:"id"`
	Name          api.Text   `json:"name"`
	State         api.Text   `json:"state"`
	Ref           api.Text   `json:"client_order_ref"`
	Origin        api.Text   `json:"origin"`
	Date          api.Time   `json:"date_order"`
	Currency      api.Ref    `json:"currency_id"`
	Untaxed       api.Number `json:"amount_untaxed"`
	Tax           api.Number `json:"amount_tax"`
	Total         api.Number `json:"amount_total"`
	InvoiceStatus api.Text   `json:"invoice_status"`
	Lines         api.IDs    `json:"order_line"`
	Invoices      api.IDs    `json:"invoice_ids"`
}

var headFields = []string{
	"id", "name", "state", "client_order_ref", "origin", "date_order", "currency_id", "amount_untaxed", "amount_tax", "amount_total",
	"invoice_status", "order_line", "invoice_ids",
}

// lineHead is what is read of a line to say what it is, and to match it with what it is to become.
type lineHead struct {
	ID       int64      `json:"id"`
	Sequence int64      `json:"sequence"`
	Display  api.Text   `json:"display_type"`
	Product  api.Ref    `json:"product_id"`
	Name     api.Text   `json:"name"`
	Quantity api.Number `json:"product_uom_qty"`
	Price    api.Number `json:"price_unit"`
	Discount api.Number `json:"discount"`
	Net      api.Number `json:"price_subtotal"`
	Tax      api.Number `json:"price_tax"`
	Delivery api.Flag   `json:"is_delivery"`
	TaxID    api.IDs    `json:"tax_id"`
	TaxIDs   api.IDs    `json:"tax_ids"`
}

func (l lineHead) taxes() []int64 { return slices.Concat(l.TaxID, l.TaxIDs) }

// FindOrders implements connector.OrderWriter. The key is in client_order_ref, which Odoo neither
// keeps unique nor copies when somebody duplicates a document.
func (c *conn) FindOrders(ctx context.Context, keys []connector.Key) (map[connector.Key][]connector.Document, error) {
	found := map[connector.Key][]connector.Document{}
	for part := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(keys))), chunk) {
		domain, err := c.known.inCompany(ctx, api.Domain{}.Where("client_order_ref", "in", part))
		if err != nil {
			return nil, err
		}
		var rows []orderHead
		err = c.api.SearchRead(ctx, api.Query{
			Op: "find orders", Model: modelOrder, Domain: domain, Order: "id",
			Fields: []string{"id", "name", "state", "client_order_ref", "invoice_status"},
		}, &rows)
		if err != nil {
			return nil, err
		}
		for _, o := range rows {
			if key := connector.Key(o.Ref); slices.Contains(part, key) {
				found[key] = append(found[key], c.document(o))
			}
		}
	}
	return found, nil
}

// document says what an order is, without its amounts.
func (c *conn) document(o orderHead) connector.Document {
	id := formatID(o.ID)
	return connector.Document{
		Type: modelOrder, ID: id, Number: o.Name.String(), URL: c.url(modelOrder, id), Key: connector.Key(o.Ref.String()), State: o.state(),
	}
}

func (o orderHead) state() connector.DocumentState {
	switch o.State {
	case "draft", "sent":
		return connector.DocumentDraft
	case "sale", "done": // done is what Odoo 16 calls a locked order
		if o.InvoiceStatus == "invoiced" {
			return connector.DocumentInvoiced
		}
		return connector.DocumentConfirmed
	case "cancel":
		return connector.DocumentCancelled
	}
	return connector.DocumentUnknown
}

// readOrder reads an order. One that does not exist is KindNotFound: Odoo answers an empty list.
func (c *conn) readOrder(ctx context.Context, op, id string) (orderHead, error) {
	n, err := parseID("id", id)
	if err != nil {
		return orderHead{}, err
	}
	var rows []orderHead
	err = c.api.SearchRead(ctx, api.Query{Op: op, Model: modelOrder, Domain: api.Domain{}.Where("id", "=", n), Fields: headFields}, &rows)
	if err != nil {
		return orderHead{}, err
	}
	if len(rows) == 0 {
		return orderHead{}, connector.Errorf(connector.KindNotFound, op, "the sales order is not there any more, or hidden from this user")
	}
	return rows[0], nil
}

func (c *conn) readLines(ctx context.Context, op string, order int64) ([]lineHead, error) {
	taxField, err := c.known.taxField(ctx)
	if err != nil {
		return nil, err
	}
	fields := []string{"id", "sequence", "display_type", "product_id", "name", "product_uom_qty", "price_unit", "discount", "price_subtotal", "price_tax", taxField}
	if delivery, err := c.known.has(ctx, modelLine, "is_delivery"); err != nil {
		return nil, err
	} else if delivery {
		fields = append(fields, "is_delivery")
	}
	var rows []lineHead
	err = c.api.SearchRead(ctx, api.Query{
		Op: op, Model: modelLine, Domain: api.Domain{}.Where("order_id", "=", order), Order: "sequence, id", Fields: fields,
	}, &rows)
	return rows, err
}

// full is the document with its lines and amounts, rounded to the currency: Odoo answers in floating point.
func (c *conn) full(o orderHead, lines []lineHead) (connector.Document, error) {
	d := c.document(o)
	currency, err := currencyOf(o.Currency)
	if err != nil {
		return d, err
	}
	amount := func(n api.Number) money.Money { return money.New(n.Decimal, currency).Round(money.HalfUp) }
	d.Totals = &connector.DocumentTotals{Net: amount(o.Untaxed), Tax: amount(o.Tax), Gross: amount(o.Total)}
	d.Lines = []connector.DocumentLine{}
	for _, l := range lines {
		if l.Display != "" {
			continue
		}
		tax := amount(l.Tax)
		line := connector.DocumentLine{Kind: l.kind(), Name: l.Name.String(), Quantity: l.Quantity.Decimal, Net: amount(l.Net), Tax: &tax}
		if l.Product.ID != 0 {
			line.ItemID, line.SKU = formatID(l.Product.ID), referenceOf(l.Product.Name)
		}
		d.Lines = append(d.Lines, line)
	}
	return d, nil
}

// kind is what a line is for, as far as the place tells that we gave it.
func (l lineHead) kind() connector.LineKind {
	switch {
	case l.Sequence == roundingLine:
		return connector.LineRounding
	case l.Sequence >= afterGoods && l.Sequence < roundingLine:
		return connector.LineDiscount
	case bool(l.Delivery):
		return connector.LineShipping
	}
	return ""
}

// referenceOf is the internal reference of an article, which leads its display name: "[MUG-BLUE] Blue mug".
func referenceOf(display string) string {
	code, _, found := strings.Cut(display, "] ")
	code, bracket := strings.CutPrefix(code, "[")
	if !found || !bracket {
		return ""
	}
	return code
}

// reread reads a document's lines after it was written.
func (c *conn) reread(ctx context.Context, op string, o orderHead) (connector.Document, error) {
	lines, err := c.readLines(ctx, op, o.ID)
	if err != nil {
		return connector.Document{}, unread(op, err)
	}
	return c.full(o, lines)
}

// ReadOrder implements connector.OrderWriter.
func (c *conn) ReadOrder(ctx context.Context, id string) (connector.Document, error) {
	const op = "read the order"
	o, err := c.readOrder(ctx, op, id)
	if err != nil {
		return connector.Document{}, err
	}
	lines, err := c.readLines(ctx, op, o.ID)
	if err != nil {
		return connector.Document{}, err
	}
	return c.full(o, lines)
}

// SaveOrder implements connector.OrderWriter: one call, which Odoo does wholly or not at all.
func (c *conn) SaveOrder(ctx context.Context, draft connector.OrderDraft) (connector.Document, error) {
	values, lines, err := c.orderValues(ctx, draft)
	if err != nil {
		return connector.Document{}, err
	}
	if draft.Existing != nil {
		return c.updateOrder(ctx, draft, values, lines)
	}
	const op = "create the order"
	values["order_line"] = commands(lines)
	ids, err := c.api.Create(ctx, op, modelOrder, []map[string]any{values}, nil)
	if err != nil {
		return connector.Document{}, namePart(err, draft)
	}
	o, err := c.readOrder(ctx, op, formatID(ids[0]))
	if err != nil {
		return connector.Document{}, unread(op, err)
	}
	if o.Currency.Name != string(draft.Order.DocumentCurrency) {
		return connector.Document{}, c.wrongCurrency(ctx, op, o, draft)
	}
	return c.reread(ctx, op, o)
}

// unread is the error of an order that was made and could then not be read: it is to be looked up.
func unread(op string, err error) error {
	e := connector.Errorf(connector.KindMaybeApplied, op, "the order was made, but could not be read back: %w", err)
	return e
}

// wrongCurrency takes an order back that Odoo made in another currency than was asked for.
func (c *conn) wrongCurrency(ctx context.Context, op string, o orderHead, draft connector.OrderDraft) error {
	if _, err := c.api.Do(ctx, op, modelOrder, "unlink", o.ID, nil); err != nil {
		return unread(op, err)
	}
	return &connector.Error{
		Kind: connector.KindUnmapped, Op: op, Field: "document_currency", Value: string(draft.Order.DocumentCurrency),
		Message: fmt.Sprintf("Odoo makes such orders in %s, because of the price list; the order was taken back", o.Currency.Name),
		Fix:     "switch price lists on in Odoo (Sales, Configuration, Settings), and name the right one in the setting price_lists",
	}
}

// namePart gives an error about a record that is not there any more the canonical field: the customer or
// one of its addresses, an article, a tax. Odoo names the model and the id.
func namePart(err error, draft connector.OrderDraft) error {
	e, ok := errors.AsType[*connector.Error](err)
	if !ok || e.Kind != connector.KindNotFound {
		return err
	}
	named := *e
	named.Err = err
	switch e.Field {
	case modelPartner:
		named.Field, named.Value = "customer", draft.Customer.ID
		named.Message = "the customer, or one of the addresses, is not in Odoo any more"
	case modelProduct, modelTax:
		named.Kind, named.Message = connector.KindUnmapped, "the article is not in Odoo any more"
		named.Field, named.Value = articleAt(draft, e.Value)
		if e.Field == modelTax {
			named.Field, named.Value, named.Message = "taxes", e.Value, "the tax is not in Odoo any more"
		}
		named.Fix = "correct the mapping, or add it in Odoo"
	}
	return &named
}

// articleAt is the field of the draft that has an article, and its SKU.
func articleAt(draft connector.OrderDraft, id string) (field, sku string) {
	for area, list := range map[string][]connector.LineCodes{
		"lines": draft.Lines, "shipping_lines": draft.Shipping, "charges": draft.Charges, "discounts": draft.Discounts,
	} {
		for i, codes := range list {
			if codes.Item.ID == id {
				return fmt.Sprintf("%s[%d].sku", area, i), codes.Item.SKU
			}
		}
	}
	return "rounding_item", draft.RoundingItem.SKU
}

func commands(lines []map[string]any) []any {
	out := make([]any, len(lines))
	for i, values := range lines {
		out[i] = []any{int64(0), int64(0), values}
	}
	return out
}

// orderValues gives the header of a document and its lines.
func (c *conn) orderValues(ctx context.Context, draft connector.OrderDraft) (map[string]any, []map[string]any, error) {
	order := draft.Order
	customer, err := parseID("customer", draft.Customer.ID)
	if err != nil {
		return nil, nil, err
	}
	values := map[string]any{
		"partner_id": customer, "partner_invoice_id": customer, "partner_shipping_id": customer,
		"client_order_ref": string(draft.Key), "origin": originOf(order),
	}
	for name, d := range map[string]*connector.Document{"partner_invoice_id": draft.BillTo, "partner_shipping_id": draft.ShipTo} {
		if d == nil {
			continue
		}
		if values[name], err = parseID(name, d.ID); err != nil {
			return nil, nil, err
		}
	}
	if !order.OrderDate.IsZero() {
		values["date_order"] = api.FormatTime(order.OrderDate)
	}
	if !order.RequestedDeliveryDate.IsZero() {
		values["commitment_date"] = api.FormatTime(order.RequestedDeliveryDate)
	}
	list, err := c.known.priceList(ctx, order.DocumentCurrency)
	if err != nil {
		return nil, nil, err
	}
	if list.ID != 0 {
		values["pricelist_id"] = list.ID
	}
	if draft.PaymentTerms != "" {
		if values["payment_term_id"], err = c.known.paymentTerms(ctx, draft.PaymentTerms); err != nil {
			return nil, nil, err
		}
	}
	if draft.Warehouse != "" {
		if values["warehouse_id"], err = c.known.warehouse(ctx, draft.Warehouse); err != nil {
			return nil, nil, err
		}
	}
	if c.config.company != "" {
		company, err := c.known.company(ctx)
		if err != nil {
			return nil, nil, err
		}
		values["company_id"] = company.ID
	}
	lines, err := c.lineValues(ctx, draft)
	if err != nil {
		return nil, nil, err
	}
	return values, lines, c.setFields(ctx, modelOrder, values, draft.Fields)
}

func (c *conn) lineValues(ctx context.Context, draft connector.OrderDraft) ([]map[string]any, error) {
	form := lineForm{currency: draft.Order.DocumentCurrency, inclusive: draft.Order.PricesIncludeTax}
	var err error
	if form.taxField, err = c.known.taxField(ctx); err != nil {
		return nil, err
	}
	if form.pricePlaces, err = c.known.pricePlaces(ctx); err != nil {
		return nil, err
	}
	if form.discountPlaces, err = c.known.places(ctx, "discount"); err != nil {
		return nil, err
	}
	lines, err := form.lines(draft)
	if err != nil {
		return nil, err
	}
	// The app for shipping methods brings is_delivery; without it a line is a line.
	delivery, err := c.known.has(ctx, modelLine, "is_delivery")
	if err != nil {
		return nil, err
	}
	if !delivery {
		for _, values := range lines {
			delete(values, "is_delivery")
		}
	}
	return lines, nil
}

// originDate leads the date in an origin. Confirming overwrites date_order, so that the date must stand
// in a second place for somebody who finds the order confirmed already.
const originDate = " of "

// originOf is the document that the order comes from: its number and date.
func originOf(order commerce.Order) string {
	number := strings.TrimSpace(order.OrderNumber)
	if number == "" {
		number = order.Source.ExternalID
	}
	if order.OrderDate.IsZero() {
		return number
	}
	return number + originDate + api.FormatTime(order.OrderDate) + " UTC"
}

// dateOf reads the date out of an origin that originOf made; the zero time is none.
func dateOf(origin string) api.Time {
	at := strings.LastIndex(origin, originDate)
	if at < 0 {
		return api.Time{}
	}
	var date api.Time
	text, ok := strings.CutSuffix(origin[at+len(originDate):], " UTC")
	if !ok || date.UnmarshalJSON([]byte(`"`+text+`"`)) != nil {
		return api.Time{}
	}
	return date
}

// updateOrder brings a document to the values. In one that is in force Odoo lets lines change and grow but
// never vanish, and keeps the price list: what was taken off an order stays with a quantity of zero. One
// that is locked, invoiced or cancelled may only stay as it is.
func (c *conn) updateOrder(ctx context.Context, draft connector.OrderDraft, values map[string]any, lines []map[string]any) (connector.Document, error) {
	const op = "update the order"
	held, err := c.readOrder(ctx, op, draft.Existing.ID)
	if err != nil {
		return connector.Document{}, err
	}
	rows, err := c.readLines(ctx, op, held.ID)
	if err != nil {
		return connector.Document{}, err
	}
	changes := matchLines(rows, lines)
	if held.state() != connector.DocumentDraft {
		changes = keepingLines(changes, rows)
		if held.State != "sale" || held.state() != connector.DocumentConfirmed {
			// The amounts of a document that cannot be changed are right all the same.
			if len(changes) == 0 && held.Currency.Name == string(draft.Order.DocumentCurrency) && held.state() != connector.DocumentCancelled {
				return c.full(held, rows)
			}
			return connector.Document{}, conflict(op, held)
		}
		delete(values, "pricelist_id")
		if values, err = c.differing(ctx, op, held.ID, values); err != nil {
			return connector.Document{}, err
		}
		if len(changes) == 0 && len(values) == 0 && held.Currency.Name == string(draft.Order.DocumentCurrency) {
			return c.full(held, rows)
		}
	}
	if len(changes) > 0 {
		values["order_line"] = changes
	}
	if err := c.api.Write(ctx, op, modelOrder, held.ID, values); err != nil {
		return connector.Document{}, c.refused(ctx, op, held.ID, namePart(err, draft))
	}
	o, err := c.readOrder(ctx, op, draft.Existing.ID)
	if err != nil {
		return connector.Document{}, unread(op, err)
	}
	if o.Currency.Name != string(draft.Order.DocumentCurrency) {
		return connector.Document{}, &connector.Error{
			Kind: connector.KindUnmapped, Op: op, Field: "document_currency", Value: string(draft.Order.DocumentCurrency),
			Message: fmt.Sprintf("Odoo keeps this order in %s, because of the price list", o.Currency.Name),
			Fix:     "name the right price list in the setting price_lists, or cancel the order in Odoo",
		}
	}
	if len(changes) == 0 && o.Untaxed.Equal(held.Untaxed.Decimal) && o.Total.Equal(held.Total.Decimal) {
		return c.full(o, rows) // only the head has changed
	}
	return c.reread(ctx, op, o)
}

// differing gives those of the header's values that the document does not have: one in force is not
// written to without a reason, because Odoo tells its followers of each change.
func (c *conn) differing(ctx context.Context, op string, id int64, values map[string]any) (map[string]any, error) {
	var rows []map[string]json.RawMessage
	err := c.api.SearchRead(ctx, api.Query{
		Op: op, Model: modelOrder, Domain: api.Domain{}.Where("id", "=", id), Fields: slices.Sorted(maps.Keys(values)),
	}, &rows)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for name, want := range values {
		if len(rows) == 0 || !holds(rows[0][name], want) {
			out[name] = want
		}
	}
	return out, nil
}

// holds says whether a field has a value: Odoo gives false for what is empty, and the id with the name of
// what a field points at.
func holds(have json.RawMessage, want any) bool {
	if words, ok := want.(string); ok { // which may be escaped otherwise
		var held string
		return string(have) == "false" && words == "" || json.Unmarshal(have, &held) == nil && held == words
	}
	text, err := json.Marshal(want)
	if err != nil {
		return false
	}
	var pointed []json.RawMessage
	if json.Unmarshal(have, &pointed) == nil && len(pointed) == 2 {
		have = pointed[0]
	}
	return string(have) == string(text) || string(have) == "false" && string(text) == "null"
}

// refused looks why a write was refused: the document may have been confirmed meanwhile.
func (c *conn) refused(ctx context.Context, op string, id int64, err error) error {
	if connector.KindOf(err) != connector.KindInvalid {
		return err
	}
	now, readErr := c.readOrder(ctx, op, formatID(id))
	if readErr == nil && now.state() != connector.DocumentDraft {
		return conflict(op, now)
	}
	return err
}

func conflict(op string, o orderHead) *connector.Error {
	word := map[api.Text]string{"sale": "locked, invoiced or delivered", "done": "locked", "cancel": "cancelled"}[o.State]
	return &connector.Error{
		Kind: connector.KindConflict, Op: op, Field: "state", Value: o.State.String(),
		Message: "the sales order is " + word + " in Odoo and cannot be changed any more",
		Fix:     "change it in Odoo by hand, or unlock it there and retry",
	}
}

// matchLines gives the commands that turn the lines held into those wanted. A line keeps its record as
// long as it is for the same product, or a note of the same kind.
func matchLines(held []lineHead, wanted []map[string]any) []any {
	var changes []any
	used := map[int64]bool{}
	for _, values := range wanted {
		at := slices.IndexFunc(held, func(l lineHead) bool { return !used[l.ID] && l.is(values) })
		if at < 0 {
			changes = append(changes, []any{int64(0), int64(0), values})
			continue
		}
		l := held[at]
		used[l.ID] = true
		if !l.equals(values) {
			changes = append(changes, []any{int64(1), l.ID, values})
		}
	}
	for _, l := range held {
		if !used[l.ID] {
			changes = append(changes, []any{int64(2), l.ID, int64(0)})
		}
	}
	// What goes away goes first: changes of it would be for nothing.
	slices.SortStableFunc(changes, func(a, b any) int {
		return cmp.Compare(rank(a), rank(b))
	})
	return changes
}

// keepingLines makes changes fit for an order in force: lines of goods are not removed but set to a
// quantity of zero; those that are there already need no change.
func keepingLines(changes []any, held []lineHead) []any {
	var kept []any
	for _, change := range changes {
		command, _ := change.([]any)
		if len(command) < 2 || command[0] != int64(2) {
			kept = append(kept, change)
			continue
		}
		at := slices.IndexFunc(held, func(l lineHead) bool { return l.ID == command[1] })
		switch {
		case at < 0 || held[at].Display != "": // a note may go
			kept = append(kept, change)
		case !held[at].Quantity.IsZero():
			kept = append(kept, []any{int64(1), held[at].ID, map[string]any{"product_uom_qty": 0}})
		}
	}
	return kept
}

func rank(command any) int64 {
	code, _ := command.([]any)[0].(int64)
	return map[int64]int64{2: 0, 1: 1, 0: 2}[code]
}

// is says whether a line is for what the values are for.
func (l lineHead) is(values map[string]any) bool {
	kind, _ := values["display_type"].(string)
	product, _ := values["product_id"].(int64)
	sequence, _ := values["sequence"].(int64)
	return l.Display.String() == kind && l.Product.ID == product && (l.Sequence >= afterGoods) == (sequence >= afterGoods)
}

// equals says whether a line has the values already.
func (l lineHead) equals(values map[string]any) bool {
	same := string(l.Name) == values["name"]
	if sequence, ok := values["sequence"].(int64); ok {
		same = same && l.Sequence == sequence
	}
	for name, have := range map[string]money.Decimal{"product_uom_qty": l.Quantity.Decimal, "price_unit": l.Price.Decimal, "discount": l.Discount.Decimal} {
		if want, ok := values[name].(fmt.Stringer); ok {
			d, err := decimal.NewFromString(want.String())
			same = same && err == nil && have.Round(unrounded).Equal(d.Round(unrounded))
		}
	}
	for _, name := range []string{"tax_id", "tax_ids"} {
		if list, ok := values[name].([]any); ok {
			want, _ := list[0].([]any)[2].([]int64)
			same = same && slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(l.taxes())))
		}
	}
	return same
}

// ConfirmOrder implements connector.OrderConfirmer. Odoo overwrites the date with the moment of the
// confirmation; it is written back, also for somebody who was cut off between the two.
func (c *conn) ConfirmOrder(ctx context.Context, doc connector.Document) (connector.Document, error) {
	const op = "confirm the order"
	o, err := c.readOrder(ctx, op, doc.ID)
	if err != nil {
		return connector.Document{}, err
	}
	date := dateOf(o.Origin.String())
	switch o.state() {
	case connector.DocumentCancelled, connector.DocumentUnknown:
		return connector.Document{}, conflict(op, o)
	case connector.DocumentDraft:
		if date.IsZero() {
			date = o.Date
		}
		if _, err := c.api.Do(ctx, op, modelOrder, "action_confirm", o.ID, nil); err != nil {
			if connector.KindOf(err) != connector.KindInvalid {
				return connector.Document{}, err
			}
			// Somebody may have been faster.
			now, readErr := c.readOrder(ctx, op, doc.ID)
			if readErr != nil || now.state() == connector.DocumentDraft {
				return connector.Document{}, err
			}
			if now.state() == connector.DocumentCancelled {
				return connector.Document{}, conflict(op, now)
			}
		}
		if o, err = c.readOrder(ctx, op, doc.ID); err != nil {
			return connector.Document{}, unread(op, err)
		}
		if o.state() == connector.DocumentDraft {
			return connector.Document{}, connector.Errorf(connector.KindConflict, op, "Odoo did not confirm the order, and asks a person something first")
		}
	}
	if !date.IsZero() && !date.Equal(o.Date.Time) {
		if err := c.api.Write(ctx, op, modelOrder, o.ID, map[string]any{"date_order": api.FormatTime(date.Time)}); err != nil {
			if connector.KindOf(err) != connector.KindInvalid {
				return connector.Document{}, err
			}
			c.env.Log.WarnContext(ctx, "Odoo keeps the moment of the confirmation as the order's date", "connection", c.env.Connection, "order", o.Name.String(), "error", err)
		}
	}
	d, err := c.full(o, nil)
	if err == nil && doc.Lines != nil && doc.Totals != nil && sameTotals(*d.Totals, *doc.Totals) {
		d.Lines = doc.Lines // they were read a moment ago, and confirming changes none
		return d, nil
	}
	if err != nil {
		return d, err
	}
	lines, err := c.readLines(ctx, op, o.ID)
	if err != nil {
		return connector.Document{}, err
	}
	return c.full(o, lines)
}

func sameTotals(a, b connector.DocumentTotals) bool {
	return a.Net.Equal(b.Net) && a.Tax.Equal(b.Tax) && a.Gross.Equal(b.Gross)
}

// CancelOrder implements connector.OrderWriter. Odoo has no field for a reason; it asks a person whether
// to tell the customer by e-mail, which the context declines.
func (c *conn) CancelOrder(ctx context.Context, doc connector.Document, _ string) (connector.Document, error) {
	const op = "cancel the order"
	o, err := c.readOrder(ctx, op, doc.ID)
	if err != nil {
		return connector.Document{}, err
	}
	if o.state() != connector.DocumentCancelled {
		_, err := c.api.Do(ctx, op, modelOrder, "action_cancel", o.ID, map[string]any{"disable_cancel_warning": true})
		if err != nil && connector.KindOf(err) != connector.KindInvalid {
			return connector.Document{}, err
		}
		if o, err = c.cancelled(ctx, op, doc.ID, err); err != nil {
			return connector.Document{}, err
		}
	}
	lines, err := c.readLines(ctx, op, o.ID)
	if err != nil {
		return connector.Document{}, err
	}
	return c.full(o, lines)
}

// cancelled reads what came of a cancellation. The community REST module carries no context, and then
// Odoo waits for its own window to be confirmed.
func (c *conn) cancelled(ctx context.Context, op, id string, refusal error) (orderHead, error) {
	o, err := c.readOrder(ctx, op, id)
	if err != nil {
		return o, unread(op, err)
	}
	if o.state() == connector.DocumentCancelled {
		return o, nil
	}
	if refusal == nil {
		var wizard []int64
		wizard, refusal = c.api.Create(ctx, op, "sale.order.cancel", []map[string]any{{"order_id": o.ID}}, nil)
		if refusal == nil {
			_, refusal = c.api.Do(ctx, op, "sale.order.cancel", "action_cancel", wizard[0], nil)
		}
		if refusal == nil {
			if o, err = c.readOrder(ctx, op, id); err != nil {
				return o, unread(op, err)
			}
			if o.state() == connector.DocumentCancelled {
				return o, nil
			}
		}
	}
	if refusal != nil && connector.KindOf(refusal) != connector.KindInvalid {
		return o, refusal
	}
	e := conflict(op, o)
	e.Err = refusal
	e.Message, e.Fix = "Odoo does not let the order be cancelled: it may be locked", "unlock and cancel it in Odoo"
	return o, e
}
