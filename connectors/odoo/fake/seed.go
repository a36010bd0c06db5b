package fake

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/internal/fake"
)

// regions are the states that customers of the generator live in; Odoo has them for some countries only.
var regions = map[string][]string{
	"DE": {"BE", "BY", "NW", "SN", "HH"}, "US": {"IL", "NY", "CA"}, "CA": {"QC", "ON"}, "IT": {"MI", "RM"}, "JP": {"13"}, "CN": {"BJ"}, "TR": {"34"},
}

// seed makes a company that sells what is in the catalogue.
func (v *Vendor) seed(c fake.Catalog) {
	e := v.clerk()
	add := func(model string, values map[string]any) int64 { return e.insert(v.tables[model], values).id }
	for _, code := range c.Countries {
		id := add("res.country", map[string]any{"name": "Country " + code, "code": code, "vat_label": "VAT"})
		for _, region := range regions[code] {
			add("res.country.state", map[string]any{"name": "Region " + region, "code": region, "country_id": id})
		}
	}
	home := int64(1)
	currencies := c.Currencies
	if len(currencies) == 0 {
		currencies = append(currencies, "EUR")
	}
	company := add("res.partner", map[string]any{"name": "Pretend Trading", "is_company": true, "type": "contact", "active": true, "country_id": home})
	add("res.company", map[string]any{
		"name": "Pretend Trading", "partner_id": company, "currency_id": int64(1), "country_id": home, "tax_calculation_rounding_method": "round_per_line",
	})
	for _, currency := range currencies {
		places := currency.Exponent()
		id := add("res.currency", map[string]any{
			"name": string(currency), "active": true, "decimal_places": int64(places), "rounding": decimal.New(1, -places).InexactFloat64(),
		})
		add("product.pricelist", map[string]any{"name": "Public " + string(currency), "currency_id": id, "active": true, "sequence": int64(10)})
	}
	person := add("res.partner", map[string]any{"name": v.users[0].name, "type": "contact", "active": true})
	v.tables["res.users"].next = v.users[0].id
	add("res.users", map[string]any{
		"login": v.users[0].login, "name": v.users[0].name, "tz": "Europe/Berlin", "lang": "en_US", "partner_id": person, "company_id": int64(1), "company_ids": []int64{1}, "active": true,
	})
	add("uom.uom", map[string]any{"name": "Units"})
	add("crm.team", map[string]any{"name": "Sales"})
	add("account.journal", map[string]any{"name": "Customer Invoices", "code": "INV", "type": "sale", "company_id": int64(1)})
	add("account.journal", map[string]any{"name": "Bank", "code": "BNK1", "type": "bank", "company_id": int64(1)})
	add("account.journal", map[string]any{"name": "Payment provider", "code": "PAY", "type": "bank", "company_id": int64(1)})
	add("account.payment.term", map[string]any{"name": "Immediate Payment", "active": true})
	add("account.payment.term", map[string]any{"name": "30 Days", "active": true})
	stock := add("stock.location", map[string]any{"name": "WH/Stock", "usage": "internal"})
	add("stock.warehouse", map[string]any{"name": "Main", "code": "WH", "active": true, "company_id": int64(1), "lot_stock_id": stock})
	second := add("stock.location", map[string]any{"name": "WH2/Stock", "usage": "internal"})
	add("stock.warehouse", map[string]any{"name": "Second", "code": "WH2", "active": true, "company_id": int64(1), "lot_stock_id": second})

	taxes := map[string]int64{}
	for i, rate := range c.Rates {
		percent := rate.Shift(2)
		for _, included := range []bool{false, true} {
			values := map[string]any{
				"name": percent.String() + "%", "amount": percent.InexactFloat64(), "amount_type": "percent", "type_tax_use": "sale",
				"active": true, "sequence": int64(10 + i), "company_id": int64(1), "country_id": home,
			}
			kind := "tax_excluded"
			if included {
				kind, values["name"] = "tax_included", percent.String()+"% incl."
			}
			if v.version < 18 {
				values["price_include"] = included
			} else {
				values["price_include_override"] = kind
			}
			id := add("account.tax", values)
			if !included {
				taxes[rate.String()] = id
			}
		}
	}
	v.seedItems(e, c, taxes, stock)
	for model, t := range v.tables {
		v.describe(e, model, t)
	}
}

func (v *Vendor) seedItems(e *env, c fake.Catalog, taxes map[string]int64, stock int64) {
	for _, item := range c.Items {
		if item.Missing {
			continue
		}
		kind := "product"
		if v.version >= 18 {
			kind = "consu"
		}
		for _, sku := range []string{fake.ShippingSKU, fake.FeeSKU, fake.DiscountSKU, fake.RoundingSKU, fake.GiftCardSKU} {
			if strings.HasSuffix(item.SKU, sku) {
				kind = "service"
			}
		}
		product := e.insert(v.tables["product.product"], map[string]any{
			"name": item.Name, "default_code": item.SKU, "list_price": item.Price.InexactFloat64(), "taxes_id": []int64{taxes[item.Rate.String()]},
			"uom_id": int64(1), "type": kind, "active": true, "sale_ok": true, "invoice_policy": "order",
		})
		e.insert(v.tables["stock.quant"], map[string]any{
			"product_id": product.id, "location_id": stock, "quantity": float64(item.Stock), "reserved_quantity": 0.0,
		})
	}
}

// describe makes the records by which Odoo knows its own models and fields.
func (v *Vendor) describe(e *env, model string, t *table) {
	if model != "sale.order" && model != "res.partner" {
		return
	}
	m := e.insert(v.tables["ir.model"], map[string]any{"model": model, "name": t.def.label})
	for _, f := range t.def.fields {
		if t.fields[f.name] != nil {
			e.insert(v.tables["ir.model.fields"], map[string]any{"model": model, "name": f.name, "model_id": m.id, "ttype": f.kind})
		}
	}
	e.insert(v.tables["ir.model.fields"], map[string]any{"model": model, "name": "write_date", "model_id": m.id, "ttype": "datetime"})
}

func reference(id int64) string { return strconv.FormatInt(id, 10) }

func parseReference(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no id", text)
	}
	return id, nil
}
