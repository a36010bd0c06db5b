package fake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// invoiceMethods are the wizards and buttons that lead to a posted and paid invoice.
func invoiceMethods() map[string]method {
	return map[string]method{
		"sale.advance.payment.inv.create_invoices": {record: true, call: func(e *env, t *table, ids []int64, _ map[string]any) (any, *fault) {
			var made []int64
			for _, id := range ids {
				for _, order := range t.get(id).ids("sale_order_ids") {
					invoice, err := e.invoice(order)
					if err != nil {
						return nil, err
					}
					made = append(made, invoice)
				}
			}
			if len(made) == 0 {
				return nil, userError("Cannot create an invoice. No items are available to invoice.\n\nTo resolve this issue, please ensure that:\n   • The products have been delivered before attempting to invoice them.\n   • The invoicing policy of the product is configured correctly.")
			}
			return e.invoiceAction(made[0]), nil
		}},
		"account.move.action_post": {record: true, call: func(e *env, t *table, ids []int64, _ map[string]any) (any, *fault) {
			for _, id := range ids {
				if state := t.get(id).text("state"); state != "draft" {
					return nil, userError("The entry %s (id %d) must be in draft.", t.get(id).text("name"), id)
				}
				e.v.invoiceNumber++
				values := map[string]any{"state": "posted", "name": fmt.Sprintf("INV/%d/%05d", e.now.UTC().Year(), e.v.invoiceNumber)}
				if t.get(id).text("invoice_date") == "" {
					values["invoice_date"] = e.now.UTC().Format(dateLayout)
				}
				e.modify(t, id, values, true)
			}
			return false, nil
		}},
		"account.payment.register.action_create_payments": {record: true, call: func(e *env, t *table, ids []int64, _ map[string]any) (any, *fault) {
			for _, id := range ids {
				if err := e.pay(t.get(id)); err != nil {
					return nil, err
				}
			}
			if e.context["dont_redirect_to_payments"] == true {
				return true, nil
			}
			return map[string]any{"name": "Payments", "type": "ir.actions.act_window", "res_model": "account.payment", "context": map[string]any{"create": false}}, nil
		}},
	}
}

// invoice makes the draft invoice of what can be invoiced of an order.
func (e *env) invoice(id int64) (int64, *fault) {
	orders, lines := e.table("sale.order"), e.table("sale.order.line")
	o := orders.get(id)
	if o.text("state") != "sale" && o.text("state") != "done" {
		return 0, userError("Cannot create an invoice. No items are available to invoice.")
	}
	var net, tax float64
	open := false
	for _, line := range lines.by("order_id", id) {
		quantity := line.number("product_uom_qty")
		if line.values["display_type"] != nil || quantity == 0 {
			continue
		}
		if p := e.table("product.product").get(line.id64("product_id")); p.text("invoice_policy") == "delivery" {
			quantity = line.number("qty_delivered")
		}
		left := quantity - line.number("qty_invoiced")
		if left == 0 {
			continue
		}
		open = true
		share := left / line.number("product_uom_qty")
		net += line.number("price_subtotal") * share
		tax += line.number("price_tax") * share
		e.modify(lines, line.id, map[string]any{"qty_invoiced": quantity}, false)
	}
	if !open {
		return 0, userError("Cannot create an invoice. No items are available to invoice.")
	}
	places := e.decimals(o.id64("currency_id"))
	net, tax = roundTo(net, places, 18), roundTo(tax, places, 18)
	total := roundTo(net+tax, places, 18)
	m := e.insert(e.table("account.move"), map[string]any{
		"state": "draft", "move_type": "out_invoice", "payment_state": "not_paid", "invoice_origin": o.text("name"),
		"ref": o.text("client_order_ref"), "partner_id": o.id64("partner_invoice_id"), "currency_id": o.id64("currency_id"),
		"amount_untaxed": net, "amount_tax": tax, "amount_total": total, "amount_residual": total, "company_id": o.id64("company_id"),
	})
	changed := *e.modify(orders, id, map[string]any{"invoice_status": "invoiced"}, true)
	changed.invoices = append(slices.Clone(changed.invoices), m.id)
	e.put(orders, id, &changed)
	return m.id, nil
}

// invoiceAction is the window that opens after invoicing; callers read res_id.
func (e *env) invoiceAction(id int64) map[string]any {
	list, domain := "list", "[('move_type', 'in', ['out_invoice', 'out_refund'])]"
	if e.version < 18 {
		list, domain = "tree", "[('move_type', '=', 'out_invoice')]"
	}
	return map[string]any{
		"id": int64(263), "name": "Invoices", "type": "ir.actions.act_window", "xml_id": "account.action_move_out_invoice_type",
		"display_name": "Invoices", "domain": domain, "res_id": id, "res_model": "account.move", "target": "current",
		"view_mode": list + ",kanban,form,activity", "limit": int64(80), "context": map[string]any{"default_move_type": "out_invoice"},
		"binding_model_id": false, "binding_type": "action", "filter": false,
	}
}

func (e *env) paymentDefaults(fill func(string, any)) *fault {
	ids := e.active("account.move")
	if len(ids) == 0 {
		return userError("The register payment wizard should only be called on account.move or account.move.line records.")
	}
	fill("line_ids", []any{[]any{number(6), number(0), ids}})
	fill("payment_date", e.now.UTC().Format(dateLayout))
	id, _ := asID(ids[0])
	m := e.table("account.move").get(id)
	if m == nil {
		return missingError("account.move", id, e.user.id)
	}
	if m.text("state") != "posted" {
		return userError("You can only register payment for posted journal entries.")
	}
	if m.number("amount_residual") == 0 {
		return userError("You can't register a payment because there is nothing left to pay on the selected journal items.")
	}
	fill("amount", m.number("amount_residual"))
	fill("communication", m.text("name"))
	for _, j := range e.table("account.journal").all() {
		if kind := j.text("type"); kind == "bank" || kind == "cash" {
			fill("journal_id", number(j.id))
			break
		}
	}
	return nil
}

// pay books the payment of a wizard against its invoice.
func (e *env) pay(wizard *record) *fault {
	moves := e.table("account.move")
	for _, id := range wizard.ids("line_ids") {
		m := moves.get(id)
		if m.number("amount_residual") == 0 {
			return userError("You can't register a payment because there is nothing left to pay on the selected journal items.")
		}
		places := e.decimals(m.id64("currency_id"))
		residual := max(roundTo(m.number("amount_residual")-wizard.number("amount"), places, 18), 0)
		state := "partial"
		if residual == 0 {
			state = "in_payment"
		}
		e.modify(moves, id, map[string]any{"amount_residual": residual, "payment_state": state}, true)
		e.insert(e.table("account.payment"), map[string]any{
			"amount": wizard.number("amount"), "date": wizard.text("payment_date"), "memo": wizard.text("communication"),
			"journal_id": wizard.id64("journal_id"), "partner_id": m.id64("partner_id"),
		})
	}
	return nil
}

// htmlError is how the web server itself refuses a request.
func htmlError(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	_, _ = fmt.Fprintf(w, "<!doctype html>\n<html lang=en>\n<title>%s</title>\n<h1>%s</h1>\n<p>%s</p>\n", title, strings.TrimSpace(title[3:]), text)
}
