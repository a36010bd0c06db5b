package odoo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
	"github.com/orderlyhq/orderly/money"
)

// move is an invoice.
type move struct {
	ID       int64      `json:"id"`
	Name     api.Text   `json:"name"`
	State    api.Text   `json:"state"`
	Type     api.Text   `json:"move_type"`
	Payment  api.Text   `json:"payment_state"`
	Untaxed  api.Number `json:"amount_untaxed"`
	Tax      api.Number `json:"amount_tax"`
	Total    api.Number `json:"amount_total"`
	Residual api.Number `json:"amount_residual"`
	Currency api.Ref    `json:"currency_id"`
}

// readInvoices gives the customer invoices of an order that are not cancelled, oldest first.
func (c *fullConn) readInvoices(ctx context.Context, op string, ids []int64) ([]move, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []move
	err := c.api.SearchRead(ctx, api.Query{
		Op: op, Model: modelMove, Order: "id",
		Domain: api.Domain{}.Where("id", "in", ids).Where("move_type", "=", "out_invoice").Where("state", "!=", "cancel"),
		Fields: []string{"id", "name", "state", "move_type", "payment_state", "amount_untaxed", "amount_tax", "amount_total", "amount_residual", "currency_id"},
	}, &rows)
	return rows, err
}

func (c *fullConn) invoiceDocument(m move, key connector.Key) (connector.Document, error) {
	id := formatID(m.ID)
	d := connector.Document{Type: modelMove, ID: id, Number: m.Name.String(), URL: c.url(modelMove, id), Key: key, State: connector.DocumentDraft}
	if m.State == "posted" {
		d.State = connector.DocumentInvoiced
		if m.Payment == "paid" || m.Payment == "in_payment" {
			d.State = connector.DocumentClosed
		}
	}
	if d.Number == "/" {
		d.Number = ""
	}
	currency, err := currencyOf(m.Currency)
	if err != nil {
		return d, err
	}
	amount := func(n api.Number) money.Money { return money.New(n.Decimal, currency).Round(money.HalfUp) }
	d.Totals = &connector.DocumentTotals{Net: amount(m.Untaxed), Tax: amount(m.Tax), Gross: amount(m.Total)}
	return d, nil
}

// FindInvoice implements connector.Invoicer.
func (c *fullConn) FindInvoice(ctx context.Context, order connector.Document) (*connector.Document, error) {
	const op = "find the invoice"
	o, err := c.readOrder(ctx, op, order.ID)
	if err != nil {
		return nil, err
	}
	found, err := c.readInvoices(ctx, op, o.Invoices)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	d, err := c.invoiceDocument(found[0], connector.Key(o.Ref.String()))
	return &d, err
}

// Invoice implements connector.Invoicer: the draft by Odoo's wizard, posted, and the payment by another
// wizard. Each step looks first what is there, so that it goes on where it was cut off.
func (c *fullConn) Invoice(ctx context.Context, order connector.Document, paid *connector.InvoicePayment) (connector.Document, error) {
	const op = "make the invoice"
	o, err := c.readOrder(ctx, op, order.ID)
	if err != nil {
		return connector.Document{}, err
	}
	if s := o.state(); s == connector.DocumentDraft || s == connector.DocumentCancelled {
		return connector.Document{}, &connector.Error{
			Kind: connector.KindConflict, Op: op, Field: "state", Value: o.State.String(),
			Message: "only a confirmed sales order can be invoiced", Fix: "confirm the order in Odoo, or let the flow confirm orders",
		}
	}
	found, err := c.readInvoices(ctx, op, o.Invoices)
	if err != nil {
		return connector.Document{}, err
	}
	if len(found) == 0 {
		if found, err = c.draftInvoice(ctx, op, o); err != nil {
			return connector.Document{}, err
		}
	}
	m := found[0]
	if !m.Total.Round(3).Equal(o.Total.Round(3)) {
		return connector.Document{}, &connector.Error{
			Kind: connector.KindConflict, Op: op, Field: "amount_total",
			Message: fmt.Sprintf("the invoice is over %s of the order's %s: Odoo invoices only what was delivered", m.Total.StringFixed(2), o.Total.StringFixed(2)),
			Fix:     "set the products' invoicing policy to ordered quantities, or invoice in Odoo after the delivery",
		}
	}
	if m.State == "draft" {
		if _, err := c.api.Do(ctx, op, modelMove, "action_post", m.ID, nil); err != nil {
			return connector.Document{}, err
		}
		if m, err = c.readMove(ctx, op, m.ID); err != nil {
			return connector.Document{}, unread(op, err)
		}
	}
	if paid != nil && m.Payment == "not_paid" && m.Residual.IsPositive() {
		if err := c.pay(ctx, m, *paid); err != nil {
			return connector.Document{}, err
		}
		if m, err = c.readMove(ctx, op, m.ID); err != nil {
			return connector.Document{}, unread(op, err)
		}
	}
	return c.invoiceDocument(m, connector.Key(o.Ref.String()))
}

func (c *fullConn) readMove(ctx context.Context, op string, id int64) (move, error) {
	rows, err := c.readInvoices(ctx, op, []int64{id})
	if err == nil && len(rows) == 0 {
		err = connector.Errorf(connector.KindNotFound, op, "the invoice is not there any more")
	}
	if err != nil {
		return move{}, err
	}
	return rows[0], nil
}

// draftInvoice makes the invoice of what can be invoiced. The wizard is a throw-away record, so that one
// left behind does no harm.
func (c *fullConn) draftInvoice(ctx context.Context, op string, o orderHead) ([]move, error) {
	with := map[string]any{"active_model": modelOrder, "active_ids": []int64{o.ID}, "active_id": o.ID}
	wizard, err := c.api.Create(ctx, op, "sale.advance.payment.inv", []map[string]any{{"advance_payment_method": "delivered"}}, with)
	if err != nil {
		return nil, err
	}
	answer, err := c.api.Do(ctx, op, "sale.advance.payment.inv", "create_invoices", wizard[0], with)
	if connector.KindOf(err) == connector.KindInvalid && err != nil {
		e := connector.Errorf(connector.KindConflict, op, "Odoo finds nothing to invoice yet: %w", err)
		e.Fix = "set the products' invoicing policy to ordered quantities, or invoice in Odoo after the delivery"
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	var action struct {
		ID json.RawMessage `json:"res_id"`
	}
	var id int64
	if json.Unmarshal(answer, &action) == nil && json.Unmarshal(action.ID, &id) == nil && id > 0 {
		return c.readInvoices(ctx, op, []int64{id})
	}
	again, err := c.readOrder(ctx, op, formatID(o.ID))
	if err != nil {
		return nil, unread(op, err)
	}
	found, err := c.readInvoices(ctx, op, again.Invoices)
	if err == nil && len(found) == 0 {
		err = connector.Errorf(connector.KindMaybeApplied, op, "Odoo answered, but there is no invoice")
	}
	return found, err
}

// pay registers the buyer's payment: the invoice is paid then, or waits for the bank statement.
func (c *fullConn) pay(ctx context.Context, m move, paid connector.InvoicePayment) error {
	const op = "register the payment"
	with := map[string]any{"active_model": modelMove, "active_ids": []int64{m.ID}, "active_id": m.ID, "dont_redirect_to_payments": true}
	if string(paid.Amount.Currency) != m.Currency.Name {
		return connector.Errorf(connector.KindInvalid, op, "the payment is in %s, the invoice in %s", paid.Amount.Currency, m.Currency.Name)
	}
	values := map[string]any{"amount": number(paid.Amount.Amount)}
	if !paid.At.IsZero() {
		values["payment_date"] = paid.At.UTC().Format(api.DateLayout)
	}
	if paid.Reference != "" {
		values["communication"] = paid.Reference
	}
	if paid.Method != "" {
		journal, err := c.journal(ctx, paid.Method)
		if err != nil {
			return err
		}
		values["journal_id"] = journal
	}
	wizard, err := c.api.Create(ctx, op, "account.payment.register", []map[string]any{values}, with)
	if err != nil {
		return err
	}
	_, err = c.api.Do(ctx, op, "account.payment.register", "action_create_payments", wizard[0], with)
	return err
}

// journal gives the id of a bank or cash journal by id, short code or name: the payment method that the
// mapping names.
func (c *fullConn) journal(ctx context.Context, wanted string) (int64, error) {
	const op = "find the payment journal"
	var rows []struct {
		ID   int64    `json:"id"`
		Name api.Text `json:"name"`
		Code api.Text `json:"code"`
	}
	err := c.api.SearchRead(ctx, api.Query{
		Op: op, Model: "account.journal", Fields: []string{"id", "name", "code"}, Order: "id",
		Domain: api.Domain{}.Where("type", "in", []string{"bank", "cash", "credit"}),
	}, &rows)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if formatID(r.ID) == wanted || strings.EqualFold(r.Code.String(), wanted) || strings.EqualFold(r.Name.String(), wanted) {
			return r.ID, nil
		}
	}
	return 0, &connector.Error{
		Kind: connector.KindUnmapped, Op: op, Field: "payments[0].method", Value: wanted,
		Message: "Odoo has no bank or cash journal with this code or name", Fix: "add the journal in Odoo, or correct mapping.payments",
	}
}
