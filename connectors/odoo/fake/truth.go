package fake

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// Documents gives every sales order with the lines and totals that it has: the ground truth.
func (v *Vendor) Documents() []fake.Document {
	v.mu.Lock()
	defer v.mu.Unlock()
	orders := v.tables["sale.order"].all()
	out := make([]fake.Document, len(orders))
	for i, o := range orders {
		out[i] = v.document(o)
	}
	return out
}

func (v *Vendor) document(o *record) fake.Document {
	currency := money.Currency(v.tables["res.currency"].get(o.id64("currency_id")).text("name"))
	amount := func(r *record, name string) money.Money {
		return money.New(decimal.NewFromFloat(r.number(name)), currency).Round(money.HalfUp)
	}
	d := fake.Document{
		Document: connector.Document{
			Type: "sale.order", ID: reference(o.id), Number: o.text("name"), Key: connector.Key(o.text("client_order_ref")), State: state(o),
			Totals: &connector.DocumentTotals{Net: amount(o, "amount_untaxed"), Tax: amount(o, "amount_tax"), Gross: amount(o, "amount_total")},
		},
		Currency: string(currency), Customer: reference(o.id64("partner_id")),
	}
	for _, line := range v.tables["sale.order.line"].by("order_id", o.id) {
		if p := v.tables["product.product"].get(line.id64("product_id")); p != nil {
			tax := amount(line, "price_tax")
			d.SKUs = append(d.SKUs, p.text("default_code"))
			d.Lines = append(d.Lines, connector.DocumentLine{
				ItemID: reference(p.id), SKU: p.text("default_code"), Name: line.text("name"), Quantity: decimal.NewFromFloat(line.number("product_uom_qty")),
				Net: amount(line, "price_subtotal"), Tax: &tax,
			})
		}
	}
	return d
}

func state(o *record) connector.DocumentState {
	switch o.text("state") {
	case "cancel":
		return connector.DocumentCancelled
	case "sale", "done":
		if o.text("invoice_status") == "invoiced" {
			return connector.DocumentInvoiced
		}
		return connector.DocumentConfirmed
	}
	return connector.DocumentDraft
}

// act does what a clerk does in the web client, as one transaction, and tells the rules about it.
func (v *Vendor) act(do func(e *env) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.clerk()
	if err := do(e); err != nil {
		e.rollback()
		return err
	}
	v.tell(e.changed)
	return nil
}

// failed turns a fault into an error; a nil *fault must not become one.
func failed(f *fault) error {
	if f == nil {
		return nil
	}
	return f
}

// PutOrder makes a sales order as a clerk would, confirmed unless it is a draft, and gives its id.
func (v *Vendor) PutOrder(order commerce.Order) (string, error) {
	var id int64
	err := v.act(func(e *env) error {
		partner, err := e.partner(order.Buyer)
		if err != nil {
			return err
		}
		values, err := e.orderValues(order)
		if err != nil {
			return err
		}
		values["partner_id"] = number(partner)
		if order.ShipTo != nil {
			ship, failure := e.create(e.table("res.partner"), e.addressValues(*order.ShipTo, map[string]any{
				"parent_id": number(partner), "type": "delivery", "name": order.ShipTo.Name,
			}))
			if failure != nil {
				return failure
			}
			values["partner_shipping_id"] = number(ship)
		}
		var failure *fault
		if id, failure = e.create(e.table("sale.order"), values); failure != nil {
			return failure
		}
		if order.OrderType != commerce.OrderDraft {
			date := e.table("sale.order").get(id).values["date_order"]
			if _, failure := confirm(e, e.table("sale.order").get(id)); failure != nil {
				return failure
			}
			e.modify(e.table("sale.order"), id, map[string]any{"date_order": date}, true)
		}
		return nil
	})
	return reference(id), err
}

// ChangeOrder implements fake.Changer: the lines, notes and reference become those of the order.
func (v *Vendor) ChangeOrder(text string, order commerce.Order) error {
	return v.act(func(e *env) error {
		o, err := e.order(text)
		if err != nil {
			return err
		}
		values, err := e.orderValues(order)
		if err != nil {
			return err
		}
		for _, name := range []string{"date_order", "pricelist_id"} {
			delete(values, name)
		}
		values["order_line"] = append([]any{[]any{number(5)}}, values["order_line"].([]any)...)
		return failed(e.write(e.table("sale.order"), o.id, values))
	})
}

// CancelOrder implements fake.Canceller.
func (v *Vendor) CancelOrder(text string) error {
	return v.act(func(e *env) error {
		o, err := e.order(text)
		if err != nil {
			return err
		}
		return failed(e.cancel(o))
	})
}

// DeleteOrder implements fake.Deleter.
func (v *Vendor) DeleteOrder(text string) error {
	return v.act(func(e *env) error {
		o, err := e.order(text)
		if err != nil {
			return err
		}
		return failed(e.unlink(e.table("sale.order"), o.id))
	})
}

// PutCustomer implements fake.CustomerKeeper.
func (v *Vendor) PutCustomer(customer commerce.Customer) (commerce.Customer, error) {
	err := v.act(func(e *env) error {
		t := e.table("res.partner")
		if customer.Source.ExternalID == "" {
			id, err := e.partner(customer)
			customer.Source.ExternalID = reference(id)
			return err
		}
		id, err := parseReference(customer.Source.ExternalID)
		if err != nil || t.get(id) == nil {
			return fmt.Errorf("no customer %q", customer.Source.ExternalID)
		}
		return failed(e.write(t, id, e.customerValues(customer)))
	})
	return customer, err
}

func (e *env) order(text string) (*record, error) {
	id, err := parseReference(text)
	if err != nil {
		return nil, err
	}
	o := e.table("sale.order").get(id)
	if o == nil {
		return nil, fmt.Errorf("no sales order %d", id)
	}
	return o, nil
}

// partner finds a customer by e-mail or makes one.
func (e *env) partner(c commerce.Customer) (int64, error) {
	t := e.table("res.partner")
	if id, err := parseReference(c.Source.ExternalID); err == nil && t.get(id) != nil {
		return id, nil
	}
	if c.Email() != "" && c.Source.ExternalID == "" {
		for _, p := range t.by(folded("email"), strings.ToLower(c.Email())) {
			if p.id64("parent_id") == 0 {
				return p.id, nil
			}
		}
	}
	id, failure := e.create(t, e.customerValues(c))
	if failure != nil {
		return 0, failure
	}
	for _, a := range c.Addresses {
		if a.Use == commerce.UseShipping {
			if _, failure := e.create(t, e.addressValues(a, map[string]any{"parent_id": number(id), "type": "delivery", "name": a.Name})); failure != nil {
				return 0, failure
			}
		}
	}
	return id, nil
}

func (e *env) customerValues(c commerce.Customer) map[string]any {
	name := c.DisplayName
	if name == "" {
		name = strings.TrimSpace(c.GivenName + " " + c.FamilyName)
	}
	if c.Type == commerce.Company && c.CompanyName != "" {
		name = c.CompanyName
	}
	if name == "" {
		name = "Customer"
	}
	values := map[string]any{"name": name, "is_company": c.Type == commerce.Company, "email": c.Email(), "phone": c.Phone(), "comment": c.Note}
	for _, a := range c.Addresses {
		if a.Use != commerce.UseShipping {
			return e.addressValues(a, values)
		}
	}
	return values
}

func (e *env) addressValues(a commerce.Address, values map[string]any) map[string]any {
	values["street"], values["street2"], values["zip"], values["city"] = a.StreetAddress, a.ExtendedAddress, a.PostalCode, a.AddressLocality
	for _, c := range e.table("res.country").by("code", a.AddressCountry) {
		values["country_id"] = number(c.id)
		for _, s := range e.table("res.country.state").by("country_id", c.id) {
			if s.text("code") == a.AddressRegion {
				values["state_id"] = number(s.id)
			}
		}
	}
	return values
}

// orderValues is an order as somebody would type it in.
func (e *env) orderValues(order commerce.Order) (map[string]any, error) {
	values := map[string]any{"client_order_ref": order.CustomerReference}
	if !order.OrderDate.IsZero() {
		values["date_order"] = order.OrderDate.UTC().Format(momentLayout)
	}
	for _, p := range e.table("product.pricelist").all() {
		if c := e.table("res.currency").get(p.id64("currency_id")); c != nil && c.text("name") == string(order.DocumentCurrency) {
			values["pricelist_id"] = number(p.id)
		}
	}
	if values["pricelist_id"] == nil {
		return nil, fmt.Errorf("no price list in %s", order.DocumentCurrency)
	}
	var lines []any
	add := func(sku, name string, quantity, net, gross money.Decimal, taxes []commerce.Tax) error {
		products := e.table("product.product").by("default_code", sku)
		if len(products) == 0 {
			return fmt.Errorf("no product %q", sku)
		}
		amount := net
		if order.PricesIncludeTax {
			amount = gross
		}
		line := map[string]any{
			"product_id": number(products[0].id), "name": name, "product_uom_qty": jsonNumber(quantity),
			"price_unit": jsonNumber(commerce.PerUnit(amount, quantity)), e.taxField(): []any{[]any{number(6), number(0), e.taxesLike(taxes, order.PricesIncludeTax)}},
		}
		lines = append(lines, []any{number(0), number(0), line})
		return nil
	}
	one := decimal.New(1, 0)
	for _, l := range order.Lines {
		if err := add(l.SKU, l.Name, l.Quantity, l.LineNet.Amount, l.LineGross.Amount, l.Taxes); err != nil {
			return nil, err
		}
	}
	for _, s := range order.ShippingLines {
		if err := add(e.skuLike(fake.ShippingSKU), s.Title, one, s.Net.Amount, s.Gross.Amount, s.Taxes); err != nil {
			return nil, err
		}
		lines[len(lines)-1].([]any)[2].(map[string]any)["is_delivery"] = true
	}
	for _, c := range order.Charges {
		if err := add(e.skuLike(fake.FeeSKU, "CHARGE"), c.Title, one, c.Net.Amount, c.Gross.Amount, c.Taxes); err != nil {
			return nil, err
		}
	}
	for _, d := range order.Discounts {
		if !d.Allocated {
			if err := add(e.skuLike(fake.DiscountSKU), "Discount "+d.Code, one, d.Net.Amount.Neg(), d.Gross.Amount.Neg(), d.Taxes); err != nil {
				return nil, err
			}
		}
	}
	for _, n := range order.Notes {
		lines = append(lines, []any{number(0), number(0), map[string]any{"display_type": "line_note", "name": n.Text}})
	}
	values["order_line"] = lines
	return values, nil
}

func jsonNumber(d money.Decimal) any { return d.InexactFloat64() }

// skuLike finds the article of the catalogue that carries what is not goods.
func (e *env) skuLike(suffixes ...string) string {
	for _, p := range e.table("product.product").all() {
		for _, suffix := range suffixes {
			if strings.HasSuffix(p.text("default_code"), suffix) {
				return p.text("default_code")
			}
		}
	}
	return ""
}

func (e *env) taxesLike(taxes []commerce.Tax, included bool) []any {
	out := []any{}
	for _, want := range taxes {
		for _, tax := range e.table("account.tax").all() {
			if e.included(tax) == included && decimal.NewFromFloat(tax.number("amount")).Equal(want.Rate.Shift(2)) {
				out = append(out, number(tax.id))
				break
			}
		}
	}
	return out
}

var (
	_ fake.Vendor         = (*Vendor)(nil)
	_ fake.ERP            = (*Vendor)(nil)
	_ fake.Changer        = (*Vendor)(nil)
	_ fake.Canceller      = (*Vendor)(nil)
	_ fake.Deleter        = (*Vendor)(nil)
	_ fake.CustomerKeeper = (*Vendor)(nil)
	_ fake.Restricter     = (*Vendor)(nil)
	_ fake.Disabler       = (*Vendor)(nil)
)
