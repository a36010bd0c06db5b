package fake

import (
	"slices"
	"strings"
	"time"
)

// field describes a field of a model as fields_get does. What a record holds of it is, by its kind:
//
//	char, text, html, selection, date   string
//	integer, many2one                   int64
//	float, monetary                     float64, as in Odoo, whose noise is thereby the same
//	boolean                             bool
//	datetime                            time.Time
//	many2many                           []int64
//
// and nil where it is empty. A one2many is not held: it is found by its inverse.
type field struct {
	name, label       string
	kind              string
	relation, inverse string
	selection         [][2]string
	digits            string // the decimal accuracy by which a float is rounded; "" keeps what is given
	required          bool
	readonly          bool
	// computed says that Odoo works the value out: what a caller gives is silently ignored.
	computed bool
	// value works out a field that is not stored.
	value func(e *env, r *record) any
	// in says in which releases the field is there; nil is all.
	in func(version int) bool
}

func since(first int) func(int) bool { return func(v int) bool { return v >= first } }
func until(last int) func(int) bool  { return func(v int) bool { return v <= last } }

type fieldOption func(*field)

func required(f *field)      { f.required = true }
func computed(f *field)      { f.computed, f.readonly = true, true }
func from(v int) fieldOption { return func(f *field) { f.in = since(v) } }
func upTo(v int) fieldOption { return func(f *field) { f.in = until(v) } }

func digits(accuracy string) fieldOption { return func(f *field) { f.digits = accuracy } }

func shown(value func(e *env, r *record) any) fieldOption {
	return func(f *field) { f.value, f.computed, f.readonly = value, true, true }
}

func plain(kind, name, label string, options ...fieldOption) *field {
	f := &field{kind: kind, name: name, label: label}
	for _, option := range options {
		option(f)
	}
	return f
}

func char(name, label string, o ...fieldOption) *field    { return plain("char", name, label, o...) }
func text(name, label string, o ...fieldOption) *field    { return plain("text", name, label, o...) }
func html(name, label string, o ...fieldOption) *field    { return plain("html", name, label, o...) }
func integer(name, label string, o ...fieldOption) *field { return plain("integer", name, label, o...) }
func float(name, label string, o ...fieldOption) *field   { return plain("float", name, label, o...) }
func monetary(name, label string, o ...fieldOption) *field {
	return plain("monetary", name, label, o...)
}
func flag(name, label string, o ...fieldOption) *field   { return plain("boolean", name, label, o...) }
func date(name, label string, o ...fieldOption) *field   { return plain("date", name, label, o...) }
func moment(name, label string, o ...fieldOption) *field { return plain("datetime", name, label, o...) }

func toOne(name, label, relation string, o ...fieldOption) *field {
	f := plain("many2one", name, label, o...)
	f.relation = relation
	return f
}

func toMany(name, label, relation string, o ...fieldOption) *field {
	f := plain("many2many", name, label, o...)
	f.relation = relation
	return f
}

func lines(name, label, relation, inverse string, o ...fieldOption) *field {
	f := plain("one2many", name, label, o...)
	f.relation, f.inverse = relation, inverse
	return f
}

func choice(name, label string, values [][2]string, o ...fieldOption) *field {
	f := plain("selection", name, label, o...)
	f.selection = values
	return f
}

// pairs makes a selection whose labels nobody reads.
func pairs(values ...string) [][2]string {
	out := make([][2]string, len(values))
	for i, v := range values {
		out[i] = [2]string{v, v}
	}
	return out
}

// modelDef describes a model.
type modelDef struct {
	name, label string
	order       string // how search sorts by itself
	fields      []*field
	// indexed are the fields that searches look up by "=" and "in"; those in folded also by =ilike.
	indexed, folded []string
	// company says that records of other companies are hidden by a record rule.
	company bool
	// manager says that only administrators may use the model.
	manager bool
	// sales says that the model needs rights to sales orders.
	sales bool
}

// models are those of the modules base, product, sale_management, stock, account and base_automation
// that matter to a sales order.
func models(version int) []*modelDef {
	saleStates := [][2]string{{"draft", "Quotation"}, {"sent", "Quotation Sent"}, {"sale", "Sales Order"}, {"cancel", "Cancelled"}}
	if version < 17 {
		saleStates = slices.Insert(saleStates, 3, [2]string{"done", "Locked"})
	}
	lineTypes := [][2]string{{"line_section", "Section"}, {"line_note", "Note"}}
	if version >= 19 {
		lineTypes = slices.Insert(lineTypes, 1, [2]string{"line_subsection", "Subsection"})
	}
	roundings := pairs("round_per_line", "round_globally")
	priceDigits := "Product Price"
	unitDigits := "Product Unit of Measure"
	if version >= 19 {
		priceDigits, unitDigits = "", "Product Unit"
	}
	return []*modelDef{
		{name: "res.users", label: "User", fields: []*field{
			char("login", "Login", required), char("name", "Name"), char("tz", "Timezone"), char("lang", "Language"),
			toOne("partner_id", "Related Partner", "res.partner"), toOne("company_id", "Company", "res.company"),
			toMany("company_ids", "Companies", "res.company"), flag("active", "Active"),
		}},
		{name: "res.company", label: "Companies", fields: []*field{
			char("name", "Company Name", required), toOne("partner_id", "Partner", "res.partner"),
			toOne("currency_id", "Currency", "res.currency"), toOne("country_id", "Country", "res.country"),
			toOne("account_sale_tax_id", "Default Sale Tax", "account.tax"),
			choice("tax_calculation_rounding_method", "Tax Calculation Rounding Method", roundings),
		}},
		{name: "res.partner", label: "Contact", order: "id",
			indexed: []string{"ref", "email", "vat", "parent_id", "id"}, folded: []string{"email", "name", "vat"},
			fields: []*field{
				char("name", "Name"), char("ref", "Reference"), char("email", "Email"), char("phone", "Phone"),
				char("mobile", "Mobile", upTo(18)), char("street", "Street"), char("street2", "Street2"), char("zip", "Zip"),
				char("city", "City"), toOne("state_id", "State", "res.country.state"), toOne("country_id", "Country", "res.country"),
				char("country_code", "Country Code", shown(countryCode)), char("vat", "Tax ID"),
				char("company_name", "Company Name"), flag("is_company", "Is a Company"),
				choice("company_type", "Company Type", pairs("person", "company"), shown(companyType)),
				choice("type", "Address Type", pairs("contact", "invoice", "delivery", "other")),
				toOne("parent_id", "Related Company", "res.partner"), lines("child_ids", "Contact", "res.partner", "parent_id"),
				char("function", "Job Position"), html("comment", "Notes"), char("lang", "Language"), flag("active", "Active"),
				toOne("company_id", "Company", "res.company"), flag("partner_share", "Share Partner", shown(partnerShare)),
				toOne("property_payment_term_id", "Customer Payment Terms", "account.payment.term"),
				toOne("property_product_pricelist", "Pricelist", "product.pricelist"),
				char("x_orderly_id", "Orderly ID"), integer("color", "Color Index"), integer("customer_rank", "Customer Rank"),
				toOne("commercial_partner_id", "Commercial Entity", "res.partner", shown(commercial)),
			}},
		{name: "res.country", label: "Country", order: "name", indexed: []string{"code"}, fields: []*field{
			char("name", "Country Name", required), char("code", "Country Code", required), char("vat_label", "Vat Label"),
		}},
		{name: "res.country.state", label: "Country state", order: "code", indexed: []string{"country_id"}, fields: []*field{
			char("name", "State Name", required), char("code", "State Code", required), toOne("country_id", "Country", "res.country", required),
		}},
		{name: "res.lang", label: "Languages", fields: []*field{char("name", "Name", required), char("code", "Locale Code", required), flag("active", "Active")}},
		{name: "res.currency", label: "Currency", order: "active desc, name", indexed: []string{"name"}, fields: []*field{
			char("name", "Currency", required), flag("active", "Active"), integer("decimal_places", "Decimal Places", computed), float("rounding", "Rounding Factor"),
		}},
		{name: "decimal.precision", label: "Decimal Precision", fields: []*field{char("name", "Usage", required), integer("digits", "Digits", required)}},
		{name: "uom.uom", label: "Product Unit of Measure", fields: []*field{char("name", "Unit of Measure", required)}},
		{name: "product.product", label: "Product Variant", order: "default_code, name, id", company: true,
			indexed: []string{"default_code", "barcode", "id"},
			fields: []*field{
				char("name", "Name", required), char("default_code", "Internal Reference"), char("barcode", "Barcode"),
				float("list_price", "Sales Price", digits("Product Price")), toMany("taxes_id", "Sales Taxes", "account.tax"), toOne("uom_id", "Unit", "uom.uom"),
				choice("type", "Product Type", pairs("consu", "service", "product", "combo")), flag("active", "Active"), flag("sale_ok", "Sales"),
				text("description_sale", "Sales Description"), choice("invoice_policy", "Invoicing Policy", pairs("order", "delivery")),
				toOne("company_id", "Company", "res.company"),
				float("qty_available", "Quantity On Hand", shown(onHand)), float("free_qty", "Free To Use Quantity ", shown(available)),
				float("virtual_available", "Forecasted Quantity", shown(available)),
			}},
		{name: "account.tax", label: "Tax", order: "sequence, id", company: true, fields: []*field{
			char("name", "Tax Name", required), float("amount", "Amount", required), choice("amount_type", "Tax Computation", pairs("group", "fixed", "percent", "division"), required),
			choice("type_tax_use", "Tax Type", pairs("sale", "purchase", "none"), required), flag("active", "Active"), integer("sequence", "Sequence"),
			plainIncluded(version), choice("price_include_override", "Included in Price", pairs("tax_included", "tax_excluded"), from(18)),
			toOne("company_id", "Company", "res.company", required), toOne("country_id", "Country", "res.country"), char("country_code", "Country Code", shown(countryCode)),
		}},
		{name: "account.fiscal.position", label: "Fiscal Position", fields: []*field{char("name", "Fiscal Position", required)}},
		{name: "account.payment.term", label: "Payment Terms", company: true, fields: []*field{
			char("name", "Payment Terms", required), flag("active", "Active"), toOne("company_id", "Company", "res.company"),
		}},
		{name: "crm.team", label: "Sales Team", fields: []*field{char("name", "Sales Team", required)}},
		{name: "product.pricelist", label: "Pricelist", order: "sequence, id", company: true, indexed: []string{"currency_id"}, fields: []*field{
			char("name", "Pricelist Name", required), toOne("currency_id", "Currency", "res.currency", required), flag("active", "Active"),
			integer("sequence", "Sequence"), toOne("company_id", "Company", "res.company"),
		}},
		{name: "stock.warehouse", label: "Warehouse", order: "id", company: true, fields: []*field{
			char("name", "Warehouse", required), char("code", "Short Name", required), flag("active", "Active"), toOne("company_id", "Company", "res.company", required),
			toOne("lot_stock_id", "Location Stock", "stock.location"),
		}},
		{name: "stock.location", label: "Inventory Locations", fields: []*field{char("name", "Location Name", required), choice("usage", "Location Type", pairs("internal", "customer", "supplier"))}},
		{name: "stock.quant", label: "Quants", indexed: []string{"product_id"}, fields: []*field{
			toOne("product_id", "Product", "product.product", required), toOne("location_id", "Location", "stock.location", required),
			float("quantity", "Quantity"), float("reserved_quantity", "Reserved Quantity"), float("available_quantity", "Available Quantity", shown(quantAvailable)),
			moment("in_date", "Incoming Date"), toOne("lot_id", "Lot/Serial Number", "stock.lot"),
		}},
		{name: "stock.lot", label: "Lot/Serial", fields: []*field{char("name", "Name")}},
		{name: "stock.move", label: "Stock Move", indexed: []string{"picking_id"}, fields: []*field{
			toOne("picking_id", "Transfer", "stock.picking"), toOne("product_id", "Product", "product.product"), float("product_uom_qty", "Demand"),
		}},
		{name: "stock.picking", label: "Transfer", order: "id desc", indexed: []string{"sale_id"}, fields: []*field{
			char("name", "Reference"), choice("state", "Status", pairs("draft", "confirmed", "assigned", "done", "cancel")), char("origin", "Source Document"),
			toOne("partner_id", "Contact", "res.partner"), moment("scheduled_date", "Scheduled Date"), lines("move_ids", "Stock moves", "stock.move", "picking_id"), toOne("sale_id", "Sales Order", "sale.order"),
		}},
		{name: "sale.order", label: "Sales Order", order: "date_order desc, id desc", company: true, sales: true,
			indexed: []string{"client_order_ref", "partner_id", "id", "x_orderly_key", "origin"},
			fields: []*field{
				char("name", "Order Reference", required), choice("state", "Status", saleStates), toOne("partner_id", "Customer", "res.partner", required),
				toOne("partner_invoice_id", "Invoice Address", "res.partner", required), toOne("partner_shipping_id", "Delivery Address", "res.partner", required),
				char("client_order_ref", "Customer Reference"), char("origin", "Source Document"), char("x_orderly_key", "Orderly key"),
				moment("date_order", "Order Date", required), moment("commitment_date", "Delivery Date"), date("validity_date", "Expiration"),
				toOne("currency_id", "Currency", "res.currency", computed), toOne("pricelist_id", "Pricelist", "product.pricelist"),
				lines("order_line", "Order Lines", "sale.order.line", "order_id"),
				monetary("amount_untaxed", "Untaxed Amount", computed), monetary("amount_tax", "Taxes", computed), monetary("amount_total", "Total", computed),
				choice("invoice_status", "Invoice Status", pairs("upselling", "invoiced", "to invoice", "no"), computed),
				choice("delivery_status", "Delivery Status", pairs("pending", "started", "partial", "full"), computed, from(17)),
				flag("locked", "Locked", from(17)), html("note", "Terms and conditions"),
				toOne("fiscal_position_id", "Fiscal Position", "account.fiscal.position"), toOne("payment_term_id", "Payment Terms", "account.payment.term"),
				toOne("user_id", "Salesperson", "res.users"), toOne("team_id", "Sales Team", "crm.team"), toOne("company_id", "Company", "res.company", required),
				toOne("warehouse_id", "Warehouse", "stock.warehouse"), toMany("invoice_ids", "Invoices", "account.move", shown(orderInvoices)),
				lines("picking_ids", "Transfers", "stock.picking", "sale_id"),
				choice("tax_calculation_rounding_method", "Tax calculation rounding method", roundings, shown(orderRounding), from(17)),
			}},
		{name: "sale.order.line", label: "Sales Order Line", order: "order_id, sequence, id", sales: true,
			indexed: []string{"order_id", "product_id", "id"},
			fields: []*field{
				toOne("order_id", "Order Reference", "sale.order", required), integer("sequence", "Sequence"), choice("display_type", "Display Type", lineTypes),
				toOne("product_id", "Product", "product.product"), text("name", "Description", required),
				float("product_uom_qty", "Quantity", required, digits(unitDigits)), float("price_unit", "Unit Price", required, digits(priceDigits)),
				float("discount", "Discount (%)", digits("Discount")),
				toOne("product_uom", "Unit of Measure", "uom.uom", upTo(18)), toOne("product_uom_id", "Unit", "uom.uom", from(19)),
				toMany("tax_id", "Taxes", "account.tax", upTo(18)), toMany("tax_ids", "Taxes", "account.tax", from(19)),
				monetary("price_subtotal", "Subtotal", computed), float("price_tax", "Total Tax", computed), monetary("price_total", "Total", computed),
				float("qty_delivered", "Delivery Quantity", digits(unitDigits)), float("qty_invoiced", "Invoiced Quantity", computed, digits(unitDigits)),
				flag("is_delivery", "Is a Delivery"), flag("is_downpayment", "Is a down payment"), toOne("currency_id", "Currency", "res.currency", computed),
			}},
		{name: "account.journal", label: "Journal", company: true, fields: []*field{
			char("name", "Journal Name", required), char("code", "Short Code", required), choice("type", "Type", pairs("sale", "purchase", "cash", "bank", "general")), toOne("company_id", "Company", "res.company"),
		}},
		{name: "account.move", label: "Journal Entry", order: "id desc", company: true, indexed: []string{"id"}, fields: []*field{
			char("name", "Number"), choice("state", "Status", pairs("draft", "posted", "cancel"), computed), choice("move_type", "Type", pairs("entry", "out_invoice", "out_refund"), required),
			choice("payment_state", "Payment Status", pairs("not_paid", "in_payment", "paid", "partial", "reversed"), computed), date("invoice_date", "Invoice/Bill Date"),
			char("invoice_origin", "Origin", computed), char("ref", "Reference"), toOne("partner_id", "Partner", "res.partner"), toOne("currency_id", "Currency", "res.currency"),
			monetary("amount_untaxed", "Untaxed Amount", computed), monetary("amount_tax", "Tax", computed), monetary("amount_total", "Total", computed), monetary("amount_residual", "Amount Due", computed),
			toOne("company_id", "Company", "res.company"),
		}},
		{name: "sale.order.cancel", label: "Sales Order Cancel", sales: true, fields: []*field{
			toOne("order_id", "Sale Order", "sale.order", required),
		}},
		{name: "sale.advance.payment.inv", label: "Sales Advance Payment Invoice", sales: true, fields: []*field{
			choice("advance_payment_method", "Create Invoice", pairs("delivered", "percentage", "fixed"), required), toMany("sale_order_ids", "Orders", "sale.order"),
		}},
		{name: "account.payment.register", label: "Pay", fields: []*field{
			monetary("amount", "Amount"), date("payment_date", "Payment Date", required), char("communication", "Memo"),
			toOne("journal_id", "Journal", "account.journal"), toMany("line_ids", "Invoices", "account.move"),
		}},
		{name: "account.payment", label: "Payments", fields: []*field{
			monetary("amount", "Amount"), date("date", "Date"), char("memo", "Memo"), toOne("journal_id", "Journal", "account.journal"), toOne("partner_id", "Customer", "res.partner"),
		}},
		{name: "ir.model", label: "Models", manager: true, fields: []*field{char("model", "Model", required), char("name", "Model Description")}},
		{name: "ir.model.fields", label: "Fields", manager: true, indexed: []string{"model"}, fields: []*field{
			char("model", "Model Name", required), char("name", "Field Name", required), toOne("model_id", "Model", "ir.model"), char("ttype", "Field Type"),
		}},
		{name: "base.automation", label: "Automation Rule", manager: true, fields: []*field{
			char("name", "Automation Rule Name", required), toOne("model_id", "Model", "ir.model", required), flag("active", "Active"),
			choice("trigger", "Trigger", pairs("on_create_or_write", "on_create", "on_state_set", "on_unlink", "on_webhook"), required),
			char("record_getter", "Record Getter"), flag("log_webhook_calls", "Log Calls"), char("webhook_uuid", "Webhook UUID"), char("url", "Url", shown(webhookURL)),
			lines("action_server_ids", "Actions", "ir.actions.server", "base_automation_id"),
		}},
		{name: "ir.actions.server", label: "Server Action", manager: true, indexed: []string{"base_automation_id"}, fields: []*field{
			char("name", "Action Name", required), toOne("model_id", "Model", "ir.model", required), toOne("base_automation_id", "Automation Rule", "base.automation"),
			choice("state", "Type", pairs("code", "webhook", "object_write"), required), text("code", "Python Code"), char("webhook_url", "Webhook URL"), toMany("webhook_field_ids", "Webhook Fields", "ir.model.fields"),
		}},
	}
}

// plainIncluded is account.tax.price_include: a plain field up to Odoo 17, worked out from
// price_include_override later.
func plainIncluded(version int) *field {
	if version < 18 {
		return flag("price_include", "Included in Price")
	}
	return flag("price_include", "Included in Price", shown(func(_ *env, r *record) any {
		return r.text("price_include_override") == "tax_included"
	}))
}

func countryCode(e *env, r *record) any {
	if c := e.table("res.country").get(r.id64("country_id")); c != nil {
		return c.values["code"]
	}
	return nil
}

func companyType(_ *env, r *record) any {
	if r.flag("is_company") {
		return "company"
	}
	return "person"
}

func orderInvoices(_ *env, r *record) any { return slices.Clone(r.invoices) }

func orderRounding(e *env, r *record) any {
	if c := e.table("res.company").get(r.id64("company_id")); c != nil {
		return c.values["tax_calculation_rounding_method"]
	}
	return nil
}

func onHand(e *env, r *record) any {
	total := 0.0
	for _, q := range e.quants(r.id) {
		total += q.number("quantity")
	}
	return total
}

func available(e *env, r *record) any {
	total := 0.0
	for _, q := range e.quants(r.id) {
		total += q.number("quantity") - q.number("reserved_quantity")
	}
	return total
}

func quantAvailable(_ *env, r *record) any {
	return r.number("quantity") - r.number("reserved_quantity")
}

// quants gives what lies where of a product, in the warehouse that the context asks for.
func (e *env) quants(product int64) []*record {
	held := e.table("stock.quant").by("product_id", product)
	var location int64
	for _, name := range []string{"warehouse_id", "warehouse"} {
		if id, ok := asID(e.context[name]); ok {
			if w := e.table("stock.warehouse").get(id); w != nil {
				location = w.id64("lot_stock_id")
			}
		}
	}
	if location == 0 {
		return held
	}
	return slices.DeleteFunc(held, func(q *record) bool { return q.id64("location_id") != location })
}

func commercial(e *env, r *record) any {
	if parent := e.table("res.partner").get(r.id64("parent_id")); parent != nil && !r.flag("is_company") {
		return commercial(e, parent)
	}
	return r.id
}

// partnerShare is true for everybody who is no internal user.
func partnerShare(e *env, r *record) any {
	for _, u := range e.table("res.users").all() {
		if u.id64("partner_id") == r.id {
			return false
		}
	}
	return true
}

// webhookURL is the address of a rule that is called from outside.
func webhookURL(e *env, r *record) any {
	if uuid := r.text("webhook_uuid"); uuid != "" {
		return strings.TrimRight(e.v.options.BaseURL, "/") + "/web/hook/" + uuid
	}
	return nil
}

// record is a row of a table.
type record struct {
	id     int64
	values map[string]any
	// owner is the user that made it; written is when it last changed, with microseconds.
	owner   int64
	written time.Time
	made    time.Time
	// invoices are those of a sales order.
	invoices []int64
}

func (r *record) text(name string) string {
	s, _ := r.values[name].(string)
	return s
}

func (r *record) flag(name string) bool {
	b, _ := r.values[name].(bool)
	return b
}

func (r *record) id64(name string) int64 {
	n, _ := r.values[name].(int64)
	return n
}

func (r *record) ids(name string) []int64 {
	ids, _ := r.values[name].([]int64)
	return ids
}

func (r *record) number(name string) float64 {
	switch n := r.values[name].(type) {
	case float64:
		return n
	case int64:
		return float64(n)
	}
	return 0
}

// Fields gives the type and the relation of a model's fields in the vendor's release, for tests against
// published lists.
func (v *Vendor) Fields(model string) map[string][2]string {
	t := v.tables[model]
	if t == nil {
		return nil
	}
	out := make(map[string][2]string, len(t.fields))
	for name, f := range t.fields {
		out[name] = [2]string{f.kind, f.relation}
	}
	return out
}
