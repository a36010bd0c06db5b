package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// defaults fills in what Odoo does where a caller gives nothing.
func (e *env) defaults(t *table, given map[string]any) (map[string]any, *fault) {
	out := maps.Clone(given)
	if out == nil {
		out = map[string]any{}
	}
	fill := func(name string, value any) {
		if _, ok := out[name]; !ok && t.fields[name] != nil && value != nil {
			out[name] = value
		}
	}
	switch t.def.name {
	case "sale.order":
		return out, e.orderDefaults(out, fill)
	case "sale.order.line":
		return out, e.lineDefaults(out, fill)
	case "res.partner":
		fill("type", "contact")
		fill("active", true)
		fill("lang", "en_US")
		if out["company_type"] == "company" {
			fill("is_company", true)
		}
	case "sale.advance.payment.inv":
		fill("sale_order_ids", []any{[]any{number(6), number(0), e.active("sale.order")}})
	case "account.payment.register":
		return out, e.paymentDefaults(fill)
	case "base.automation":
		fill("active", true)
		if out["trigger"] == "on_webhook" {
			out["webhook_uuid"] = e.v.uuid()
		}
	case "ir.actions.server":
		if out["state"] == "webhook" && e.version < 19 {
			// The form names the action by what it does, whatever the caller called it.
			out["name"] = "Send Webhook Notification"
		}
	default:
		fill("active", true)
	}
	return out, nil
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// active gives the ids of a model that the context calls the active ones.
func (e *env) active(model string) []any {
	if e.context["active_model"] != model {
		return []any{}
	}
	if ids, ok := e.context["active_ids"].([]any); ok {
		return ids
	}
	return []any{}
}

func (e *env) orderDefaults(out map[string]any, fill func(string, any)) *fault {
	if date, ok := out["date_order"]; ok && !empty(date) {
		if _, err := e.moment(date); err != nil {
			return err
		}
	}
	if empty(out["name"]) {
		delete(out, "name")
		e.v.orderNumber++
		fill("name", fmt.Sprintf("S%05d", e.v.orderNumber))
	}
	partner, _ := asID(out["partner_id"])
	if !empty(out["partner_id"]) {
		p := e.table("res.partner").get(partner)
		if p == nil {
			return missingError("res.partner", partner, e.user.id)
		}
		addresses := e.addresses(p, []string{"delivery", "invoice"})
		fill("partner_invoice_id", number(addresses["invoice"]))
		fill("partner_shipping_id", number(addresses["delivery"]))
		if id := p.id64("property_payment_term_id"); id != 0 {
			fill("payment_term_id", number(id))
		}
		if id := p.id64("property_product_pricelist"); id != 0 {
			fill("pricelist_id", number(id))
		}
		if positions := e.table("account.fiscal.position").ids; len(positions) > 0 {
			fill("fiscal_position_id", number(positions[0]))
		}
	}
	fill("date_order", e.now.UTC().Format(momentLayout))
	fill("state", "draft")
	fill("user_id", number(e.user.id))
	if teams := e.table("crm.team").ids; len(teams) > 0 {
		fill("team_id", number(teams[0]))
	}
	fill("company_id", number(e.company()))
	for _, w := range e.table("stock.warehouse").all() {
		if w.id64("company_id") == e.company() {
			fill("warehouse_id", number(w.id))
			break
		}
	}
	if e.version < 19 { // from 19 on an order needs no price list
		for _, p := range e.table("product.pricelist").all() {
			if p.flag("active") {
				fill("pricelist_id", number(p.id))
				break
			}
		}
	}
	return nil
}

func (e *env) lineDefaults(out map[string]any, fill func(string, any)) *fault {
	fill("sequence", number(10))
	if !empty(out["display_type"]) {
		if !empty(out["product_id"]) || (!empty(out["product_uom_qty"]) && pyText(out["product_uom_qty"]) != "0") {
			return validationError("The operation cannot be completed: Forbidden values on non-accountable sale order line")
		}
		out["product_uom_qty"], out["price_unit"] = number(0), number(0)
		return nil
	}
	id, _ := asID(out["product_id"])
	product := e.table("product.product").get(id)
	if product == nil {
		if !empty(out["product_id"]) {
			return missingError("product.product", id, e.user.id)
		}
		return validationError("The operation cannot be completed: Missing required fields on accountable sale order line.")
	}
	fill("name", e.name("product.product", product))
	fill("product_uom_qty", number(1))
	fill("price_unit", product.number("list_price"))
	if uom := product.id64("uom_id"); uom != 0 {
		fill(e.uomField(), number(uom))
	}
	taxes := make([]any, 0, 1)
	for _, tax := range product.ids("taxes_id") {
		taxes = append(taxes, number(tax))
	}
	fill(e.taxField(), []any{[]any{number(6), number(0), taxes}})
	return nil
}

// taxField and uomField are two of the names that changed with Odoo 19.
func (e *env) taxField() string {
	if e.version >= 19 {
		return "tax_ids"
	}
	return "tax_id"
}

func (e *env) uomField() string {
	if e.version >= 19 {
		return "product_uom_id"
	}
	return "product_uom"
}

// settle works out what follows from a record's values after it was made or changed.
func (e *env) settle(t *table, id int64, before *record, given map[string]any) *fault {
	switch t.def.name {
	case "sale.order":
		e.orderCurrency(id)
		for _, line := range e.table("sale.order.line").by("order_id", id) {
			e.lineAmounts(line.id)
		}
		e.totals(id)
	case "sale.order.line":
		e.lineAmounts(id)
		e.totals(t.get(id).id64("order_id"))
	case "res.partner":
		return e.settlePartner(t, id, before, given)
	}
	return nil
}

// orderCurrency is that of the price list, whatever the caller wishes.
func (e *env) orderCurrency(id int64) {
	t := e.table("sale.order")
	o := t.get(id)
	values := map[string]any{"currency_id": e.table("res.company").get(o.id64("company_id")).values["currency_id"]}
	if list := e.table("product.pricelist").get(o.id64("pricelist_id")); list != nil {
		values["currency_id"] = list.values["currency_id"]
	}
	if o.text("invoice_status") == "" {
		values["invoice_status"] = "no"
	}
	e.modify(t, id, values, false)
}

// decimals is the number of decimals of an order's currency.
func (e *env) decimals(currency int64) int {
	if c := e.table("res.currency").get(currency); c != nil {
		return int(c.values["decimal_places"].(int64))
	}
	return 2
}

// lineAmounts works a line out as Odoo does by default: each line is rounded by itself, and a tax that
// is included in the price is taken out of what the price gives.
func (e *env) lineAmounts(id int64) {
	t := e.table("sale.order.line")
	line := t.get(id)
	order := e.table("sale.order").get(line.id64("order_id"))
	currency := order.id64("currency_id")
	places := e.decimals(currency)
	exact := line.number("price_unit") * (1 - line.number("discount")/100) * line.number("product_uom_qty")
	amount := roundTo(exact, places, 18) // amounts are stored as numeric, without noise
	var included, added float64
	var taxes []*record
	for _, tax := range line.ids(e.taxField()) {
		if r := e.table("account.tax").get(tax); r != nil {
			taxes = append(taxes, r)
			if e.included(r) {
				included += r.number("amount")
			}
		}
	}
	net := amount
	if included != 0 {
		net = roundTo(amount/(1+included/100), places, 18)
	}
	base := net
	if e.version >= 19 && included == 0 {
		base = exact // from 19 on, taxes are worked out before the line is rounded
	}
	for _, tax := range taxes {
		if !e.included(tax) {
			added += roundTo(base*tax.number("amount")/100, places, e.version)
		}
	}
	total := roundTo(amount+added, places, 18)
	tax := total - net
	if e.version < 18 && included == 0 { // the older releases keep the sum of the rounded taxes
		tax = added
	}
	e.modify(t, id, map[string]any{
		"price_subtotal": net, "price_tax": tax, "price_total": total, "currency_id": currency,
	}, false)
}

func (e *env) included(tax *record) bool {
	return e.stored(e.table("account.tax").fields["price_include"], tax) == true
}

// totals adds an order's lines up.
func (e *env) totals(id int64) {
	t := e.table("sale.order")
	o := t.get(id)
	if o == nil {
		return
	}
	var net, tax float64
	for _, line := range e.table("sale.order.line").by("order_id", id) {
		net += line.number("price_subtotal")
		tax += line.number("price_tax")
	}
	places := e.decimals(o.id64("currency_id"))
	e.modify(t, id, map[string]any{
		"amount_untaxed": roundTo(net, places, 18), "amount_tax": roundTo(tax, places, 18), "amount_total": roundTo(net+tax, places, 18),
	}, false)
}

// guardWrite refuses changes that the state of a document does not allow.
func (e *env) guardWrite(t *table, r *record, given map[string]any) *fault {
	if e.clerk {
		return nil
	}
	switch t.def.name {
	case "sale.order.line":
		if kind, ok := given["display_type"]; ok && (empty(kind) != (r.values["display_type"] == nil) || (!empty(kind) && kind != r.text("display_type"))) {
			return userError("You cannot change the type of a sale order line. Instead you should delete the current line and create a new line of the proper type.")
		}
		o := e.table("sale.order").get(r.id64("order_id"))
		if product, ok := given["product_id"]; ok && o.text("state") == "sale" {
			if id, _ := asID(product); id != r.id64("product_id") {
				return userError("You cannot modify the product of this order line.")
			}
		}
		if e.locked(o) {
			var names []string
			for _, name := range []string{"product_id", "name", "price_unit", e.uomField(), "product_uom_qty", e.taxField()} {
				if _, ok := given[name]; ok {
					names = append(names, t.fields[name].label)
				}
			}
			if len(names) > 0 {
				return userError("It is forbidden to modify the following fields in a locked order:\n%s", strings.Join(names, "\n"))
			}
		}
	case "sale.order":
		if list, ok := given["pricelist_id"]; ok && r.text("state") == "sale" && e.version >= 17 {
			if id, _ := asID(list); id != r.id64("pricelist_id") {
				return userError("You cannot change the pricelist of a confirmed order !")
			}
		}
	}
	return nil
}

func (e *env) locked(o *record) bool { return o.flag("locked") || o.text("state") == "done" }

// guardUnlink refuses to delete what must not vanish.
func (e *env) guardUnlink(t *table, r *record) *fault {
	if e.clerk {
		return nil
	}
	switch t.def.name {
	case "sale.order":
		if state := r.text("state"); state != "draft" && state != "cancel" {
			return userError("You can not delete a sent quotation or a confirmed sales order. You must first cancel it.")
		}
	case "sale.order.line":
		o := e.table("sale.order").get(r.id64("order_id"))
		if (o.text("state") == "sale" || o.text("state") == "done") && r.values["display_type"] == nil && !r.flag("is_delivery") {
			return userError("Once a sales order is confirmed, you can't remove one of its lines (we need to track if something gets invoiced or delivered).\n                Set the quantity to 0 instead.")
		}
	case "res.partner":
		if len(e.table("sale.order").by("partner_id", r.id)) > 0 {
			if e.version >= 19 {
				return userError("You cannot remove parts of a restricted audit trail. Archive the record instead.")
			}
			return userError("You cannot remove parts of the audit trail. Archive the record instead.")
		}
	}
	return nil
}

// orderMethods are what buttons on an order do.
func orderMethods() map[string]method {
	on := func(call func(e *env, o *record) (any, *fault)) method {
		return method{record: true, call: func(e *env, t *table, ids []int64, _ map[string]any) (any, *fault) {
			var result any = true
			for _, id := range ids {
				o := t.get(id)
				if !e.sees(t, o) {
					return nil, e.ruled(t.def, "write")
				}
				var err *fault
				if result, err = call(e, o); err != nil {
					return nil, err
				}
			}
			return result, nil
		}}
	}
	return map[string]method{
		"sale.order.action_confirm": on(confirm),
		"sale.order.action_cancel": on(func(e *env, o *record) (any, *fault) {
			if e.locked(o) {
				return nil, userError("You cannot cancel a locked order. Please unlock it first.")
			}
			if o.text("state") != "draft" && e.context["disable_cancel_warning"] != true {
				return map[string]any{
					"name": "Cancel Sales Order", "view_mode": "form", "res_model": "sale.order.cancel",
					"type": "ir.actions.act_window", "context": map[string]any{"default_order_id": o.id}, "target": "new",
				}, nil
			}
			return true, e.cancel(o)
		}),
		"sale.order.action_draft": on(func(e *env, o *record) (any, *fault) {
			if state := o.text("state"); state == "cancel" || state == "sent" {
				e.modify(e.table("sale.order"), o.id, map[string]any{"state": "draft"}, true)
			}
			return true, nil
		}),
		"sale.order.action_lock": on(func(e *env, o *record) (any, *fault) {
			e.modify(e.table("sale.order"), o.id, map[string]any{"locked": true}, true)
			return nil, nil
		}),
		"sale.order.action_unlock": on(func(e *env, o *record) (any, *fault) {
			e.modify(e.table("sale.order"), o.id, map[string]any{"locked": false}, true)
			return nil, nil
		}),
		"sale.order.cancel.action_cancel": on(func(e *env, wizard *record) (any, *fault) {
			return true, e.cancel(e.table("sale.order").get(wizard.id64("order_id")))
		}),
		"stock.quant.action_apply_inventory": {record: true, call: func(*env, *table, []int64, map[string]any) (any, *fault) { return nil, nil }},
		"res.partner.address_get": {params: []string{"adr_pref"}, record: true, reads: true, call: func(e *env, t *table, ids []int64, a map[string]any) (any, *fault) {
			wanted := []string{}
			if list, ok := a["adr_pref"].([]any); ok {
				for _, one := range list {
					wanted = append(wanted, pyText(one))
				}
			}
			if len(ids) == 0 {
				return map[string]any{"contact": false}, nil
			}
			return e.addresses(t.get(ids[0]), wanted), nil
		}},
	}
}

// confirm puts an order in force, overwrites its date, and makes the delivery.
func confirm(e *env, o *record) (any, *fault) {
	state := o.text("state")
	refused := state != "draft" && state != "sent"
	if e.version < 17 { // there an order in force may be confirmed again
		refused = state == "done" || state == "cancel"
	}
	if refused {
		switch {
		case e.version < 17:
			return nil, userError("It is not allowed to confirm an order in the following states: cancel, done")
		case e.version < 18:
			return nil, userError("The following orders are not in a state requiring confirmation: %s", o.text("name"))
		default:
			return nil, userError("Some orders are not in a state requiring confirmation.")
		}
	}
	values := map[string]any{"state": "sale", "date_order": e.now.UTC().Truncate(1e9), "invoice_status": "to invoice"}
	if e.v.lockConfirmed {
		if e.version < 17 {
			values["state"] = "done"
		} else {
			values["locked"] = true
		}
	}
	if e.table("sale.order").fields["delivery_status"] != nil {
		values["delivery_status"] = "pending"
	}
	o = e.modify(e.table("sale.order"), o.id, values, true)
	if len(e.table("stock.picking").by("sale_id", o.id)) == 0 {
		e.deliver(o)
	}
	return true, nil
}

// deliver makes the transfer of an order's goods and reserves them.
func (e *env) deliver(o *record) {
	var goods []*record
	for _, line := range e.table("sale.order.line").by("order_id", o.id) {
		p := e.table("product.product").get(line.id64("product_id"))
		if p != nil && p.text("type") != "service" && line.number("product_uom_qty") > 0 {
			goods = append(goods, line)
		}
	}
	if len(goods) == 0 {
		return
	}
	pickings := e.table("stock.picking")
	origin := o.text("name")
	if ref := o.text("client_order_ref"); ref != "" && e.version == 18 {
		origin += " - " + ref
	}
	e.v.transferNumber++
	p := e.insert(pickings, map[string]any{
		"name": fmt.Sprintf("WH/OUT/%05d", e.v.transferNumber), "state": "assigned", "origin": origin,
		"partner_id": o.id64("partner_shipping_id"), "scheduled_date": e.now.UTC().Truncate(1e9), "sale_id": o.id,
	})
	for _, line := range goods {
		e.insert(e.table("stock.move"), map[string]any{
			"picking_id": p.id, "product_id": line.id64("product_id"), "product_uom_qty": line.number("product_uom_qty"),
		})
		e.reserve(line.id64("product_id"), line.number("product_uom_qty"))
	}
}

func (e *env) reserve(product int64, quantity float64) {
	quants := e.table("stock.quant")
	for _, q := range quants.by("product_id", product) {
		e.modify(quants, q.id, map[string]any{"reserved_quantity": q.number("reserved_quantity") + quantity}, false)
		return
	}
}

func (e *env) cancel(o *record) *fault {
	moves := e.table("account.move")
	for _, id := range o.invoices {
		if m := moves.get(id); m != nil && m.text("state") == "draft" {
			e.modify(moves, id, map[string]any{"state": "cancel"}, true)
		}
	}
	pickings := e.table("stock.picking")
	for _, p := range pickings.by("sale_id", o.id) {
		if p.text("state") == "done" {
			continue
		}
		for _, m := range e.table("stock.move").by("picking_id", p.id) {
			e.reserve(m.id64("product_id"), -m.number("product_uom_qty"))
		}
		e.modify(pickings, p.id, map[string]any{"state": "cancel"}, true)
	}
	e.modify(e.table("sale.order"), o.id, map[string]any{"state": "cancel", "invoice_status": "no"}, true)
	return nil
}

// addresses says which contact of a partner serves for what.
func (e *env) addresses(p *record, wanted []string) map[string]int64 {
	out := map[string]int64{"contact": p.id}
	children := e.table("res.partner").by("parent_id", p.id)
	for _, kind := range wanted {
		out[kind] = p.id
		if at := slices.IndexFunc(children, func(c *record) bool { return c.text("type") == kind && c.values["active"] != false }); at >= 0 {
			out[kind] = children[at].id
		}
	}
	return out
}
