package sapb1

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/internal/odata"
	"github.com/orderlyhq/orderly/money"
)

// filterSize bounds a filter in an address, in bytes; web servers take 8,192 for the whole line, and proxies less.
const filterSize = 1800

// draftMark begins the id of a document that still waits for its approval: drafts are counted apart from orders.
const draftMark = "draft-"

// headerFields are what is read of a document: how it stands, its amounts and its lines.
var headerFields = []string{
	"DocEntry", "DocNum", "CardCode", "NumAtCard", "DocCurrency", "DocTotal", "DocTotalFc", "VatSum", "VatSumFc", "TotalDiscount", "TotalDiscountFC",
	"RoundingDiffAmount", "RoundingDiffAmountFC", "DocumentStatus", "Cancelled", "CancelStatus", "Confirmed", "AuthorizationStatus", "DocumentLines", "DocumentAdditionalExpenses",
}

// terms finds out what the company makes of an order.
func (c *conn) terms(ctx context.Context, o *commerce.Order) (terms, error) {
	t := terms{zone: c.config.zone()}
	t.today = c.env.Now().In(t.zone)
	var err error
	if t.keyField, err = c.known.keyField(ctx, tableOrders); err != nil {
		return t, err
	}
	admin, err := c.known.admin(ctx)
	if err != nil {
		return t, err
	}
	if t.currency, err = c.known.currency(ctx, o.DocumentCurrency); err != nil {
		return t, err
	}
	t.foreign, t.places = t.currency != admin.LocalCurrency, pricePlaces(admin)
	taxes, err := c.known.taxes(ctx)
	if err != nil {
		return t, err
	}
	t.taxField = taxes.field
	if i := slices.IndexFunc(taxes.codes, func(tax connector.TaxCode) bool { return tax.Rate.IsZero() }); i >= 0 {
		t.noTax = taxes.codes[i].Code
	}
	if o.BillTo != nil {
		if t.billState, err = c.known.state(ctx, o.BillTo.AddressCountry, o.BillTo.AddressRegion); err != nil {
			return t, err
		}
	}
	if o.ShipTo != nil {
		t.shipState, err = c.known.state(ctx, o.ShipTo.AddressCountry, o.ShipTo.AddressRegion)
	}
	return t, err
}

// fields translates a draft.
func (c *conn) fields(ctx context.Context, draft connector.OrderDraft) (api.Fields, error) {
	if draft.Customer.ID == "" {
		return nil, connector.Errorf(connector.KindBug, "save order", "the draft has no customer")
	}
	t, err := c.terms(ctx, &draft.Order)
	if err != nil {
		return nil, err
	}
	return c.config.orderFields(draft, t)
}

// SaveOrder implements connector.OrderWriter.
func (c *conn) SaveOrder(ctx context.Context, draft connector.OrderDraft) (connector.Document, error) {
	if draft.Existing != nil {
		return c.changeOrder(ctx, draft)
	}
	fields, err := c.fields(ctx, draft)
	if err != nil {
		return connector.Document{}, err
	}
	var made json.RawMessage
	if err := c.api.Create(ctx, "create order", setOrders, fields, &made); err != nil {
		return c.afterRefusal(ctx, draft, err)
	}
	return c.made(ctx, draft.Key, made)
}

// made reads the answer to a creation.
func (c *conn) made(ctx context.Context, key connector.Key, body json.RawMessage) (connector.Document, error) {
	var d api.Document
	if err := json.Unmarshal(body, &d); err != nil || d.DocEntry == 0 {
		return connector.Document{}, connector.Errorf(connector.KindMaybeApplied, "create order", "the answer is not the order that was made")
	}
	document, err := c.document(ctx, d, key)
	return document, afterwards("read the order that was made", err)
}

// afterwards is an error that came when the work was done: what is done is not unavailable.
func afterwards(op string, err error) error {
	if err == nil {
		return nil
	}
	e := *asError(err)
	e.Kind, e.Op = connector.KindMaybeApplied, op
	return &e
}

// afterRefusal tells a refusal from an approval: with an approval procedure the order is saved as a draft, and yet an error comes back,
// the same as for a record that is missing.
func (c *conn) afterRefusal(ctx context.Context, draft connector.OrderDraft, refusal error) (connector.Document, error) {
	if code(refusal) != api.CodeNoRecord {
		return connector.Document{}, refusal
	}
	drafts, err := c.findDrafts(ctx, []connector.Key{draft.Key})
	if err != nil {
		// The order may be among the drafts.
		return connector.Document{}, &connector.Error{Kind: connector.KindMaybeApplied, Op: "create order", Code: api.CodeNoRecord, Message: "refused or waiting for an approval: " + err.Error(), Err: err}
	}
	if found := drafts[draft.Key]; len(found) > 0 {
		return found[0], nil
	}
	return connector.Document{}, c.whatIsMissing(ctx, draft, refusal)
}

// whatIsMissing finds out whether it is the customer, an address of it or an article that a refused order refers to: they may have been removed since they were matched.
// The vendor says only that something is missing.
func (c *conn) whatIsMissing(ctx context.Context, draft connector.OrderDraft, refusal error) error {
	e := *asError(refusal)
	if e.Code != api.CodeNoRecord {
		return refusal
	}
	var partner api.BusinessPartner
	_, err := c.api.Get(ctx, "look for the customer", odata.ByKey(setPartners, draft.Customer.ID)+odata.Query("$select", "CardCode,BPAddresses"), &partner)
	gone := connector.KindOf(err) == connector.KindNotFound
	if err == nil {
		gone = lacks(partner, draft.BillTo, api.AddressBillTo) || lacks(partner, draft.ShipTo, api.AddressShipTo)
	}
	if gone {
		return &connector.Error{
			Kind: connector.KindNotFound, Op: e.Op, Field: "customer", Value: draft.Customer.ID, Code: e.Code,
			Message: "the customer, or an address of it, does not exist in Business One any more", Fix: "retry, so that the customer is matched or made anew",
		}
	}
	if field, article := c.missingArticle(ctx, draft); field != "" {
		return &connector.Error{
			Kind: connector.KindUnmapped, Op: e.Op, Field: field, Value: article, Code: e.Code,
			Message: "Business One has no such article", Fix: "create it there, or add a row to mapping.items",
		}
	}
	if e.Kind == connector.KindNotFound {
		e.Kind = connector.KindInvalid
		e.Fix = "a record that the order refers to is missing (article, warehouse, tax), or the setting branch is"
	}
	return &e
}

// missingArticle gives the first part of a draft whose article does not exist, and the article's code; "" when all are there, or when that cannot be found out.
func (c *conn) missingArticle(ctx context.Context, draft connector.OrderDraft) (field, article string) {
	type part struct{ field, article string }
	var (
		parts []part
		codes []string
	)
	for _, list := range []struct {
		name  string
		codes []connector.LineCodes
	}{{"lines", draft.Lines}, {"shipping_lines", draft.Shipping}, {"charges", draft.Charges}, {"discounts", draft.Discounts}} {
		for i, l := range list.codes {
			if l.Item.ID != "" {
				parts, codes = append(parts, part{fmt.Sprintf("%s[%d].sku", list.name, i), l.Item.ID}), append(codes, l.Item.ID)
			}
		}
	}
	known := map[string]bool{}
	if err := c.items(ctx, "look for the articles", codes, []string{"ItemCode"}, func(item api.Item) { known[item.ItemCode] = true }); err != nil {
		return "", "" // the refusal itself says more than that
	}
	for _, p := range parts {
		if !known[p.article] {
			return p.field, p.article
		}
	}
	return "", ""
}

func lacks(p api.BusinessPartner, address *connector.Document, kind string) bool {
	return address != nil && !slices.ContainsFunc(p.Addresses, func(a api.Address) bool { return a.Name == address.ID && a.Type == kind })
}

// changeOrder brings an existing order to the draft's state.
func (c *conn) changeOrder(ctx context.Context, draft connector.OrderDraft) (connector.Document, error) {
	if strings.HasPrefix(draft.Existing.ID, draftMark) {
		present, err := c.ReadOrder(ctx, draft.Existing.ID)
		if err != nil {
			return connector.Document{}, err
		}
		if present.State == connector.DocumentPending || present.State == connector.DocumentRejected {
			return connector.Document{}, &connector.Error{
				Kind: connector.KindConflict, Op: "change order", Message: "the order waits for its approval in Business One and cannot be changed meanwhile", Fix: "approve or reject it there",
			}
		}
		draft.Existing = &present
	}
	fields, err := c.fields(ctx, draft)
	if err != nil {
		return connector.Document{}, err
	}
	entry, err := entryOf(draft.Existing.ID)
	if err != nil {
		return connector.Document{}, err
	}
	path := odata.ByKey(setOrders, entry)
	// A clerk may save the order between reading and writing.
	for attempt := 0; ; attempt++ {
		var present api.Document
		resp, err := c.api.Get(ctx, "read order", path, &present)
		if err != nil {
			return connector.Document{}, err
		}
		if err := changeable(present, fields); err != nil {
			return connector.Document{}, err
		}
		if due, _ := fields["DocDueDate"].(string); due < present.DocDate[:min(len(present.DocDate), len(due))] {
			delete(fields, "DocDueDate") // it would be before the day on which the order was posted
		}
		fields["DocumentLines"] = matched(fields["DocumentLines"].([]api.Fields), lineKeys(present.Lines), "ItemCode")
		fields["DocumentAdditionalExpenses"] = matched(fields["DocumentAdditionalExpenses"].([]api.Fields), expenseKeys(present.Expenses), "ExpenseCode")
		err = c.api.Replace(ctx, "change order", path, resp.Header.Get("ETag"), fields)
		if err == nil {
			break
		}
		if code(err) != api.CodeChanged || attempt == 2 {
			if connector.KindOf(err) == connector.KindInvalid {
				err = c.whatIsMissing(ctx, draft, err)
			}
			return connector.Document{}, err
		}
	}
	d, err := c.read(ctx, setOrders, entry)
	if err != nil {
		return connector.Document{}, afterwards("read the order after its change", err)
	}
	document, err := c.document(ctx, d, draft.Key)
	return document, afterwards("read the order after its change", err)
}

// changeable says whether an order may still be changed, and in this way.
func changeable(d api.Document, fields api.Fields) error {
	e := &connector.Error{Kind: connector.KindConflict, Op: "change order", Value: strconv.FormatInt(d.DocNum, 10)}
	switch {
	case d.Cancelled == api.Yes || d.CancelStatus == "csYes":
		e.Message, e.Fix = "the order is cancelled in Business One", "enter a new order there, or skip this one"
	case d.DocumentStatus == api.StatusClose:
		e.Message, e.Fix = "the order is closed in Business One: it was delivered, invoiced or closed by hand", "correct it by a credit memo there, or skip the change"
	case d.DocCurrency != fields["DocCurrency"]:
		e.Field, e.Message, e.Fix = "document_currency", "the order in Business One is in another currency, which cannot change any more", "cancel it there, then retry"
	default:
		return nil
	}
	return e
}

// numbered is what a line is matched by, and its number.
type numbered struct {
	key    string
	number int64
}

func lineKeys(lines []api.Line) []numbered {
	out := make([]numbered, len(lines))
	for i, l := range lines {
		out[i] = numbered{l.ItemCode, l.LineNum}
	}
	return out
}

func expenseKeys(expenses []api.Expense) []numbered {
	out := make([]numbered, len(expenses))
	for i, e := range expenses {
		out[i] = numbered{strconv.FormatInt(e.ExpenseCode, 10), e.LineNum}
	}
	return out
}

// matched gives each line the number of the present one with the same article, so that Business One changes that in the place of deleting and adding.
func matched(lines []api.Fields, present []numbered, by string) []api.Fields {
	for _, line := range lines {
		delete(line, "LineNum")
		i := slices.IndexFunc(present, func(n numbered) bool { return n.key == fmt.Sprint(line[by]) })
		if i >= 0 {
			line["LineNum"] = present[i].number
			present = slices.Delete(slices.Clone(present), i, i+1)
		}
	}
	return lines
}

func entryOf(id string) (int64, error) {
	entry, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, connector.Invalid("id", "%q is no number of a document in Business One", id)
	}
	return entry, nil
}

func (c *conn) read(ctx context.Context, set string, entry int64) (api.Document, error) {
	var d api.Document
	_, err := c.api.Get(ctx, "read order", odata.ByKey(set, entry)+odata.Query("$select", strings.Join(headerFields, ",")), &d)
	return d, err
}

// ReadOrder implements connector.OrderWriter.
func (c *conn) ReadOrder(ctx context.Context, id string) (connector.Document, error) {
	field, err := c.known.keyField(ctx, tableOrders)
	if err != nil {
		return connector.Document{}, err
	}
	number, isDraft := strings.CutPrefix(id, draftMark)
	entry, err := entryOf(number)
	if err != nil {
		return connector.Document{}, err
	}
	set := setOrders
	if isDraft {
		set = setDrafts
	}
	selected := headerFields
	if field != "" {
		selected = append(slices.Clone(selected), field)
	}
	var raw json.RawMessage
	_, err = c.api.Get(ctx, "read order", odata.ByKey(set, entry)+odata.Query("$select", strings.Join(selected, ",")), &raw)
	if err != nil {
		return connector.Document{}, err
	}
	var d api.Document
	if err := json.Unmarshal(raw, &d); err != nil {
		return connector.Document{}, connector.Errorf(connector.KindUnavailable, "read order", "the answer is no document: %w", err)
	}
	key := connector.Key(firstOf(api.UserText(raw, field), d.NumAtCard))
	if !isDraft {
		return c.document(ctx, d, key)
	}
	if d.DocumentStatus == api.StatusClose { // it has become an order
		found, err := c.FindOrders(ctx, []connector.Key{key})
		if err == nil && len(found[key]) > 0 {
			return found[key][0], nil
		}
		if err != nil {
			return connector.Document{}, err
		}
	}
	return c.waiting(ctx, d, key)
}

// FindOrders implements connector.OrderWriter. An order from before the company had the key field carries the key as the customer's reference.
// What is not among the orders may wait for its approval among the drafts.
func (c *conn) FindOrders(ctx context.Context, keys []connector.Key) (map[connector.Key][]connector.Document, error) {
	found, err := c.findIn(ctx, setOrders, "", keys, c.document)
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(keys), func(k connector.Key) bool { return len(found[k]) > 0 })
	if len(missing) == 0 {
		return found, nil
	}
	drafts, err := c.findDrafts(ctx, missing)
	if err != nil {
		return nil, err
	}
	for key, list := range drafts {
		found[key] = append(found[key], list...)
	}
	return found, nil
}

func (c *conn) findDrafts(ctx context.Context, keys []connector.Key) (map[connector.Key][]connector.Document, error) {
	return c.findIn(ctx, setDrafts, odata.And(odata.Eq("DocObjectCode", "oOrders"), odata.Eq("DocumentStatus", api.StatusOpen)), keys, c.waiting)
}

type reader func(context.Context, api.Document, connector.Key) (connector.Document, error)

func (c *conn) findIn(ctx context.Context, set, condition string, keys []connector.Key, read reader) (map[connector.Key][]connector.Document, error) {
	field, err := c.known.keyField(ctx, tableOrders)
	if err != nil {
		return nil, err
	}
	wanted := map[connector.Key]bool{}
	var conditions []string
	for _, key := range keys {
		if key == "" || wanted[key] {
			continue
		}
		wanted[key] = true
		if field != "" {
			conditions = append(conditions, odata.Eq(field, string(key)))
		}
		conditions = append(conditions, odata.Eq("NumAtCard", string(key)))
	}
	selected := headerFields
	if field != "" {
		selected = append(slices.Clone(selected), field)
	}
	found := map[connector.Key][]connector.Document{}
	for _, filter := range odata.AnyOf(filterSize, conditions) {
		err := c.api.List(ctx, api.Ask{Op: "find orders", Set: set, Select: selected, Filter: odata.And(filter, condition), OrderBy: "DocEntry"}, func(raw json.RawMessage) error {
			var d api.Document
			if err := json.Unmarshal(raw, &d); err != nil {
				return err
			}
			key := connector.Key(api.UserText(raw, field))
			if key == "" {
				key = connector.Key(d.NumAtCard)
			}
			if !wanted[key] {
				return nil
			}
			document, err := read(ctx, d, key)
			if err != nil || slices.ContainsFunc(found[key], func(other connector.Document) bool { return other.ID == document.ID }) {
				return err
			}
			found[key] = append(found[key], document)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// document translates an order; its totals are those in its own currency.
func (c *conn) document(ctx context.Context, d api.Document, key connector.Key) (connector.Document, error) {
	admin, err := c.known.admin(ctx)
	if err != nil {
		return connector.Document{}, err
	}
	return connector.Document{
		Type: setOrders, ID: strconv.FormatInt(d.DocEntry, 10), Number: strconv.FormatInt(d.DocNum, 10), Key: key, State: stateOf(d),
		Totals: c.config.totals(d, admin.LocalCurrency), Lines: c.config.lines(d, admin.LocalCurrency),
	}, nil
}

// waiting translates a draft that an approval procedure made of an order.
func (c *conn) waiting(ctx context.Context, d api.Document, key connector.Key) (connector.Document, error) {
	document, err := c.document(ctx, d, key)
	if err != nil {
		return document, err
	}
	document.Type, document.ID, document.Number = setDrafts, draftMark+document.ID, ""
	document.State, document.Reason = connector.DocumentPending, "an approval procedure of Business One holds it as a draft"
	if d.Authorization == "dasRejected" || d.Authorization == "dasCancelled" {
		document.State, document.Reason = connector.DocumentRejected, "the approval procedure of Business One rejected it"
	}
	return document, nil
}

func stateOf(d api.Document) connector.DocumentState {
	switch {
	case d.Cancelled == api.Yes || d.CancelStatus == "csYes" || d.CancelStatus == "csCancellation":
		return connector.DocumentCancelled
	case d.DocumentStatus == api.StatusClose:
		return connector.DocumentClosed
	case d.DocumentStatus == api.StatusOpen && d.Confirmed == api.No:
		return connector.DocumentDraft
	case d.DocumentStatus == api.StatusOpen || d.DocumentStatus == "":
		return connector.DocumentConfirmed
	}
	return connector.DocumentUnknown
}

// totals gives a document's amounts in its own currency: DocTotal is always in the company's.
func (c *config) totals(d api.Document, local string) *connector.DocumentTotals {
	currency := money.Currency(c.iso(firstOf(d.DocCurrency, local)))
	gross, tax := d.DocTotal.Decimal, d.VatSum.Decimal
	if d.DocCurrency != "" && d.DocCurrency != local {
		gross, tax = d.DocTotalFC.Decimal, d.VatSumFC.Decimal
	}
	amount := func(n money.Decimal) money.Money { return money.New(n, currency).Round(money.HalfUp) }
	g, t := amount(gross), amount(tax)
	return &connector.DocumentTotals{Net: money.New(g.Amount.Sub(t.Amount), currency), Tax: t, Gross: g}
}

// lines gives a document's articles and freights in its own currency, and what its head takes off or adds.
func (c *config) lines(d api.Document, local string) []connector.DocumentLine {
	currency := money.Currency(c.iso(firstOf(d.DocCurrency, local)))
	foreign := d.DocCurrency != "" && d.DocCurrency != local
	amount := func(own, other api.Number) money.Money {
		if foreign {
			own = other
		}
		return money.New(own.Decimal, currency).Round(money.HalfUp)
	}
	one := decimal.New(1, 0)
	discount := amount(d.TotalDiscount, d.TotalDiscountFC)
	out := make([]connector.DocumentLine, 0, len(d.Lines)+len(d.Expenses))
	for _, l := range d.Lines {
		line := connector.DocumentLine{
			ItemID: l.ItemCode, SKU: l.ItemCode, Name: l.ItemDescription, Quantity: l.Quantity.Decimal, Net: amount(l.LineTotal, l.RowTotalFC),
		}
		if discount.IsZero() { // with a discount on the document, the tax is that of what it leaves of the line
			tax := amount(firstNumber(l.NetTaxAmount, l.TaxTotal), l.NetTaxAmountFC)
			line.Tax = &tax
		}
		out = append(out, line)
	}
	for _, e := range d.Expenses {
		tax := amount(e.TaxSum, e.TaxSumFC)
		line := connector.DocumentLine{Name: firstOf(e.Remarks, fmt.Sprintf("freight %d", e.ExpenseCode)), Quantity: one, Net: amount(e.LineTotal, e.LineTotalFC), Tax: &tax}
		switch code := int(e.ExpenseCode); {
		case line.Net.Amount.IsNegative():
			line.Kind = connector.LineDiscount
		case code == c.shippingExpense:
			line.Kind = connector.LineShipping
		case code == c.chargeExpense:
			line.Kind = connector.LineCharge
		}
		out = append(out, line)
	}
	if !discount.IsZero() {
		out = append(out, connector.DocumentLine{Kind: connector.LineDiscount, Name: "total discount", Quantity: one, Net: discount.Neg()})
	}
	if rounding := amount(d.RoundingDiff, d.RoundingDiffFC); !rounding.IsZero() {
		out = append(out, connector.DocumentLine{Kind: connector.LineRounding, Name: "rounding difference", Quantity: one, Net: rounding})
	}
	return out
}

// ConfirmOrder implements connector.OrderConfirmer: it marks the order as approved.
func (c *conn) ConfirmOrder(ctx context.Context, doc connector.Document) (connector.Document, error) {
	present, err := c.ReadOrder(ctx, doc.ID)
	if err != nil || present.State != connector.DocumentDraft {
		if err == nil && (present.State == connector.DocumentCancelled || present.State == connector.DocumentPending || present.State == connector.DocumentRejected) {
			err = &connector.Error{Kind: connector.KindConflict, Op: "confirm order", Message: "the order is " + string(present.State) + " in Business One", Fix: "look at it there"}
		}
		return present, err
	}
	entry, err := entryOf(present.ID)
	if err != nil {
		return connector.Document{}, err
	}
	if err := c.api.Update(ctx, "confirm order", odata.ByKey(setOrders, entry), api.Fields{"Confirmed": api.Yes}); err != nil {
		return connector.Document{}, err
	}
	present.State = connector.DocumentConfirmed
	return present, nil
}

// CancelOrder implements connector.OrderWriter. A draft that waits for its approval is removed.
func (c *conn) CancelOrder(ctx context.Context, doc connector.Document, _ string) (connector.Document, error) {
	present, err := c.ReadOrder(ctx, doc.ID)
	if err != nil {
		return connector.Document{}, err
	}
	switch present.State {
	case connector.DocumentCancelled:
		return present, nil
	case connector.DocumentClosed:
		return connector.Document{}, &connector.Error{
			Kind: connector.KindConflict, Op: "cancel order", Message: "the order is closed in Business One: it was delivered, invoiced or closed by hand", Fix: "make a return or a credit memo there",
		}
	case connector.DocumentPending, connector.DocumentRejected:
		if err := c.api.Delete(ctx, "remove the draft", odata.ByKey(setDrafts, mustEntry(present.ID))); err != nil {
			return connector.Document{}, err
		}
	default:
		if err := c.api.Act(ctx, "cancel order", odata.ByKey(setOrders, mustEntry(present.ID))+"/Cancel", nil); err != nil {
			e := *asError(err)
			if e.Kind == connector.KindInvalid {
				e.Kind, e.Fix = connector.KindConflict, "a delivery or an invoice of the order may be in the way: look at it in Business One"
			}
			return connector.Document{}, &e
		}
	}
	present.State = connector.DocumentCancelled
	return present, nil
}

// mustEntry is for ids that were made from a number.
func mustEntry(id string) int64 {
	entry, _ := entryOf(strings.TrimPrefix(id, draftMark))
	return entry
}
