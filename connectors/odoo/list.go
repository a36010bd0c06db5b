package odoo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
)

// page is how many records a page has when nobody says.
const page = 200

// row is what a list reads of a record.
type row struct {
	ID      int64    `json:"id"`
	Written api.Time `json:"write_date"`
	Parent  api.Ref  `json:"parent_id"`
}

// cursor is where a list goes on. write_date is kept in microseconds, but read and, from Odoo 19 on,
// compared in whole seconds, so only the borders of seconds can be asked for exactly. A list therefore
// goes second by second where pages end: first the rest of the second by id, then later seconds.
type cursor struct {
	second time.Time
	after  int64 // the last id given of that second
}

func (c cursor) String() string { return api.FormatTime(c.second) + "|" + formatID(c.after) }

func parseCursor(text string) (cursor, error) {
	at, id, found := strings.Cut(text, "|")
	second, err1 := time.Parse(api.TimeLayout, at)
	after, err2 := strconv.ParseInt(id, 10, 64)
	if !found || err1 != nil || err2 != nil {
		return cursor{}, connector.Invalid("cursor", "is none of this connector")
	}
	return cursor{second: second, after: after}, nil
}

// listed is the model of a kind and the condition for its records.
func (c *conn) listed(ctx context.Context, kind commerce.Kind) (string, api.Domain, []string, error) {
	switch kind {
	case commerce.KindOrder:
		states := []string{"sale", "done", "cancel"}
		if c.config.quotations {
			states = append(states, "draft", "sent")
		}
		domain, err := c.known.inCompany(ctx, api.Domain{}.Where("state", "in", states))
		return modelOrder, domain, []string{"id", "write_date"}, err
	case commerce.KindCustomer:
		company, err := c.known.company(ctx)
		if err != nil {
			return "", nil, nil, err
		}
		// Colleagues and the company itself are contacts as well. Addresses are contacts below theirs.
		domain := api.Domain{}.Where("partner_share", "=", true).Where("id", "!=", company.Partner.ID)
		domain, err = c.known.inCompany(ctx, domain)
		return modelPartner, domain, []string{"id", "write_date", "parent_id"}, err
	}
	return "", nil, nil, connector.Invalid("kind", "Odoo has no records of kind %s", kind)
}

// List implements connector.Lister.
func (c *conn) List(ctx context.Context, q connector.Query) (connector.Page, error) {
	model, base, fields, err := c.listed(ctx, q.Kind)
	if err != nil {
		return connector.Page{}, err
	}
	if !q.Until.IsZero() {
		base = base.Where("write_date", "<", api.FormatTime(q.Until))
	}
	limit := q.Limit
	if limit <= 0 || limit > page {
		limit = page
	}
	read := func(order string, conditions ...[]any) ([]row, error) {
		domain := slices.Clone(base)
		for _, one := range conditions {
			domain = append(domain, one)
		}
		var rows []row
		err := c.api.SearchRead(ctx, api.Query{
			Op: "list " + string(q.Kind) + "s", Model: model, Domain: domain, Fields: fields, Order: order, Limit: limit,
		}, &rows)
		return rows, err
	}
	within := func(at time.Time, after int64) ([]row, error) {
		return read("id asc", api.Where("write_date", ">=", api.FormatTime(at)),
			api.Where("write_date", "<", api.FormatTime(at.Add(time.Second))), api.Where("id", ">", after))
	}
	since := q.Since.UTC().Truncate(time.Second)
	if q.Cursor != "" {
		at, err := parseCursor(q.Cursor)
		if err != nil {
			return connector.Page{}, err
		}
		rows, err := within(at.second, at.after)
		if err != nil || len(rows) > 0 {
			return listPage(q.Kind, rows, cursor{at.second, lastID(rows)}, at.second, true), err
		}
		since = at.second.Add(time.Second)
	}
	var from [][]any
	if !q.Since.IsZero() || q.Cursor != "" {
		from = append(from, api.Where("write_date", ">=", api.FormatTime(since)))
	}
	rows, err := read("write_date asc, id asc", from...)
	if err != nil {
		return connector.Page{}, err
	}
	if len(rows) < limit {
		return listPage(q.Kind, rows, cursor{}, lastTime(rows), false), nil
	}
	// The last second may go on beyond the page: it is left to the next one.
	border := lastTime(rows)
	whole := slices.IndexFunc(rows, func(r row) bool { return !r.Written.Before(border) })
	if whole > 0 {
		return listPage(q.Kind, rows[:whole], cursor{second: border}, border, true), nil
	}
	if rows, err = within(border, 0); err != nil {
		return connector.Page{}, err
	}
	return listPage(q.Kind, rows, cursor{border, lastID(rows)}, border, true), nil
}

func lastID(rows []row) int64 {
	if len(rows) == 0 {
		return 0
	}
	return rows[len(rows)-1].ID
}

func lastTime(rows []row) time.Time {
	if len(rows) == 0 {
		return time.Time{}
	}
	return rows[len(rows)-1].Written.Truncate(time.Second)
}

func listPage(kind commerce.Kind, rows []row, next cursor, watermark time.Time, more bool) connector.Page {
	p := connector.Page{More: more, Watermark: watermark}
	if more {
		p.Next = next.String()
	}
	seen := map[int64]bool{}
	for _, r := range rows {
		id := r.ID
		if r.Parent.ID != 0 {
			id = r.Parent.ID
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		p.Events = append(p.Events, connector.Event{
			Ref: connector.Ref{Kind: kind, ID: formatID(id)}, Topic: "poll", Change: connector.Changed, UpdatedAt: r.Written.Time,
		})
	}
	return p
}

// Count implements connector.Counter, which the community REST module has no call for.
func (c *fullConn) Count(ctx context.Context, q connector.Query) (int, error) {
	model, domain, _, err := c.listed(ctx, q.Kind)
	if err != nil {
		return 0, err
	}
	if q.Kind == commerce.KindCustomer {
		domain = domain.Where("parent_id", "=", false)
	}
	if !q.Since.IsZero() {
		domain = domain.Where("write_date", ">=", api.FormatTime(q.Since))
	}
	if !q.Until.IsZero() {
		domain = domain.Where("write_date", "<", api.FormatTime(q.Until))
	}
	return c.api.SearchCount(ctx, "count "+string(q.Kind)+"s", model, domain)
}

// orderRecord is an order with everything that it points at, each in Odoo's own form.
type orderRecord struct {
	Order    json.RawMessage   `json:"order"`
	Lines    []json.RawMessage `json:"lines"`
	Partners []json.RawMessage `json:"partners"`
	Products []json.RawMessage `json:"products"`
	Taxes    []json.RawMessage `json:"taxes"`
	// Invoices is null where the user may not read them.
	Invoices []json.RawMessage `json:"invoices"`
	places
}

// customerRecord is a contact with those below it.
type customerRecord struct {
	Partner  json.RawMessage   `json:"partner"`
	Children []json.RawMessage `json:"children"`
	places
}

// places are the codes of the countries and states that addresses point at.
type places struct {
	Countries map[int64]string `json:"countries"`
	Regions   map[int64]string `json:"regions"`
}

// Fetch implements connector.Fetcher.
func (c *conn) Fetch(ctx context.Context, ref connector.Ref) (connector.Raw, error) {
	id, err := parseID("id", ref.ID)
	if err != nil {
		return connector.Raw{}, err
	}
	switch ref.Kind {
	case commerce.KindOrder:
		return c.fetchOrder(ctx, id)
	case commerce.KindCustomer:
		return c.fetchCustomer(ctx, id)
	}
	return connector.Raw{}, connector.Invalid("kind", "Odoo has no records of kind %s", ref.Kind)
}

// one reads a record whole enough for both its raw form and what it points at.
func (c *conn) rows(ctx context.Context, op, model, order string, domain api.Domain, fields []string) ([]json.RawMessage, error) {
	var rows []json.RawMessage
	err := c.api.SearchRead(ctx, api.Query{Op: op, Model: model, Domain: domain, Fields: fields, Order: order}, &rows)
	return rows, err
}

// existing keeps of optional fields those that the model has here.
func (c *conn) existing(ctx context.Context, model string, fields []string, optional ...string) ([]string, error) {
	out := slices.Clone(fields)
	for _, name := range optional {
		has, err := c.known.has(ctx, model, name)
		if err != nil {
			return nil, err
		}
		if has {
			out = append(out, name)
		}
	}
	return out, nil
}

// any is a condition that no archived record is hidden by.
func anyState(domain api.Domain) api.Domain { return domain.Where("active", "in", []any{true, false}) }

func (c *conn) fetchOrder(ctx context.Context, id int64) (connector.Raw, error) {
	const op = "fetch the order"
	fields, err := c.existing(ctx, modelOrder, []string{
		"id", "name", "state", "client_order_ref", "origin", "date_order", "create_date", "write_date", "currency_id", "partner_id",
		"partner_invoice_id", "partner_shipping_id", "amount_untaxed", "amount_tax", "amount_total", "note", "invoice_status", "user_id", "team_id",
		"invoice_ids",
	}, "delivery_status", "commitment_date", "payment_term_id", "warehouse_id", "tax_calculation_rounding_method")
	if err != nil {
		return connector.Raw{}, err
	}
	rows, err := c.rows(ctx, op, modelOrder, "", api.Domain{}.Where("id", "=", id), fields)
	if err != nil {
		return connector.Raw{}, err
	}
	if len(rows) == 0 {
		return connector.Raw{}, connector.Errorf(connector.KindNotFound, op, "the sales order is not there any more, or hidden from this user")
	}
	record := orderRecord{Order: rows[0]}
	var head sourceOrder
	if err := json.Unmarshal(rows[0], &head); err != nil {
		return connector.Raw{}, connector.Errorf(connector.KindInvalid, op, "the order has another form than expected: %w", err)
	}
	if err := c.fetchLines(ctx, op, id, &record); err != nil {
		return connector.Raw{}, err
	}
	if err := c.fetchPartners(ctx, op, head, &record); err != nil {
		return connector.Raw{}, err
	}
	if err := c.fetchInvoices(ctx, op, head.Invoices, &record); err != nil {
		return connector.Raw{}, err
	}
	body, err := json.Marshal(record)
	return connector.Raw{
		Ref: connector.Ref{Kind: commerce.KindOrder, ID: formatID(id)}, Body: body, UpdatedAt: head.Written.Time,
	}, err
}

func (c *conn) fetchLines(ctx context.Context, op string, id int64, record *orderRecord) error {
	fields, err := c.existing(ctx, modelLine, []string{
		"id", "sequence", "display_type", "product_id", "name", "product_uom_qty", "price_unit", "discount", "price_subtotal", "price_tax", "price_total",
		"qty_delivered", "qty_invoiced",
	}, "tax_id", "tax_ids", "is_delivery", "is_downpayment")
	if err != nil {
		return err
	}
	if record.Lines, err = c.rows(ctx, op, modelLine, "sequence, id", api.Domain{}.Where("order_id", "=", id), fields); err != nil {
		return err
	}
	var products, taxes []int64
	for _, raw := range record.Lines {
		var l sourceLine
		if err := json.Unmarshal(raw, &l); err != nil {
			return connector.Errorf(connector.KindInvalid, op, "a line has another form than expected: %w", err)
		}
		if l.Product.ID != 0 {
			products = append(products, l.Product.ID)
		}
		taxes = append(taxes, slices.Concat(l.TaxID, l.TaxIDs)...)
	}
	if len(products) > 0 {
		domain := anyState(api.Domain{}.Where("id", "in", unique(products)))
		if record.Products, err = c.rows(ctx, op, modelProduct, "id", domain, []string{"id", "default_code", "barcode", "name", "type"}); err != nil {
			return err
		}
	}
	if len(taxes) > 0 {
		domain := anyState(api.Domain{}.Where("id", "in", unique(taxes)))
		record.Taxes, err = c.rows(ctx, op, modelTax, "sequence, id", domain, []string{"id", "name", "amount", "amount_type", "price_include", "country_id"})
	}
	return err
}

func unique(ids []int64) []int64 { return slices.Compact(slices.Sorted(slices.Values(ids))) }

func (c *conn) fetchPartners(ctx context.Context, op string, head sourceOrder, record *orderRecord) error {
	wanted := []int64{head.Partner.ID, head.BillTo.ID, head.ShipTo.ID}
	for round := 0; round < 2 && len(wanted) > 0; round++ {
		rows, err := c.partnerRows(ctx, op, api.Domain{}.Where("id", "in", unique(wanted)))
		if err != nil {
			return err
		}
		record.Partners = append(record.Partners, rows...)
		// The firm that a contact belongs to is read in the second round.
		var parents []int64
		for _, raw := range rows {
			var p partner
			if err := json.Unmarshal(raw, &p); err != nil {
				return connector.Errorf(connector.KindInvalid, op, "a contact has another form than expected: %w", err)
			}
			if p.Parent.ID != 0 && !slices.Contains(wanted, p.Parent.ID) {
				parents = append(parents, p.Parent.ID)
			}
		}
		wanted = parents
	}
	var err error
	record.places, err = c.places(ctx, record.Partners)
	return err
}

func (c *conn) partnerRows(ctx context.Context, op string, domain api.Domain) ([]json.RawMessage, error) {
	fields, err := c.existing(ctx, modelPartner, partnerFields, "mobile")
	if err != nil {
		return nil, err
	}
	return c.rows(ctx, op, modelPartner, "id", anyState(domain), fields)
}

// places gives the codes of the countries and states that contacts point at, and no others.
func (c *conn) places(ctx context.Context, rows []json.RawMessage) (places, error) {
	countries, err := c.known.countryCodes(ctx)
	if err != nil {
		return places{}, err
	}
	p := places{Countries: map[int64]string{}, Regions: map[int64]string{}}
	for _, raw := range rows {
		var at partner
		if err := json.Unmarshal(raw, &at); err != nil {
			return p, connector.Errorf(connector.KindInvalid, "fetch", "a contact has another form than expected: %w", err)
		}
		if code := countries[at.Country.ID]; code != "" {
			p.Countries[at.Country.ID] = code
		}
		if at.State.ID != 0 {
			regions, err := c.known.regionCodes(ctx)
			if err != nil {
				return p, err
			}
			p.Regions[at.State.ID] = regions[at.State.ID]
		}
	}
	return p, nil
}

func (c *conn) fetchInvoices(ctx context.Context, op string, ids []int64, record *orderRecord) error {
	record.Invoices = []json.RawMessage{}
	if len(ids) == 0 {
		return nil
	}
	rows, err := c.rows(ctx, op, modelMove, "id", api.Domain{}.Where("id", "in", ids), []string{
		"id", "name", "state", "move_type", "payment_state", "amount_total", "amount_residual",
	})
	if connector.KindOf(err) == connector.KindForbidden {
		record.Invoices = nil
		return nil
	}
	record.Invoices = append(record.Invoices, rows...)
	return err
}

// fetchCustomer reads a contact; one that belongs to another is answered by that one.
func (c *conn) fetchCustomer(ctx context.Context, id int64) (connector.Raw, error) {
	const op = "fetch the customer"
	var record customerRecord
	var head partner
	for range 5 { // contacts of contacts are rare, and never deep
		rows, err := c.partnerRows(ctx, op, api.Domain{}.Where("id", "=", id))
		if err != nil {
			return connector.Raw{}, err
		}
		if len(rows) == 0 {
			return connector.Raw{}, connector.Errorf(connector.KindNotFound, op, "the contact is not there any more, or hidden from this user")
		}
		record.Partner, head = rows[0], partner{}
		if err := json.Unmarshal(rows[0], &head); err != nil {
			return connector.Raw{}, connector.Errorf(connector.KindInvalid, op, "the contact has another form than expected: %w", err)
		}
		if head.Parent.ID == 0 {
			break
		}
		id = head.Parent.ID
	}
	updated := head.Written.Time
	record.Children = []json.RawMessage{}
	if len(head.Children) > 0 {
		rows, err := c.partnerRows(ctx, op, api.Domain{}.Where("parent_id", "=", id))
		if err != nil {
			return connector.Raw{}, err
		}
		for _, raw := range rows {
			var child partner
			if err := json.Unmarshal(raw, &child); err != nil {
				return connector.Raw{}, connector.Errorf(connector.KindInvalid, op, "a contact has another form than expected: %w", err)
			}
			if child.Written.After(updated) {
				updated = child.Written.Time
			}
		}
		record.Children = rows
	}
	var err error
	if record.places, err = c.places(ctx, append([]json.RawMessage{record.Partner}, record.Children...)); err != nil {
		return connector.Raw{}, err
	}
	body, err := json.Marshal(record)
	if err != nil {
		return connector.Raw{}, fmt.Errorf("encode the record: %w", err)
	}
	return connector.Raw{Ref: connector.Ref{Kind: commerce.KindCustomer, ID: formatID(id)}, Body: body, UpdatedAt: updated}, nil
}
