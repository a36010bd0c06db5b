package odoo

import (
	"context"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
	"github.com/orderlyhq/orderly/money"
)

// chunk is how many values one condition holds at most.
const chunk = 200

type product struct {
	ID        int64      `json:"id"`
	Code      api.Text   `json:"default_code"`
	Name      api.Text   `json:"name"`
	Active    api.Flag   `json:"active"`
	OnHand    api.Number `json:"qty_available"`
	Available api.Number `json:"free_qty"`
}

// FindItems implements connector.ItemFinder. The SKU is the variant's internal reference, which Odoo
// does not keep unique; archived products are found, too.
func (c *conn) FindItems(ctx context.Context, skus []string) (map[string][]connector.Item, error) {
	found := map[string][]connector.Item{}
	// A condition on active itself is what shows archived records without a context.
	err := c.products(ctx, "find articles", skus, api.Domain{}.Where("active", "in", []any{true, false}), []string{"active"}, nil, func(p product) {
		found[string(p.Code)] = append(found[string(p.Code)], connector.Item{
			ID: formatID(p.ID), SKU: string(p.Code), Name: p.Name.String(), Inactive: !bool(p.Active),
		})
	})
	return found, err
}

func (c *conn) products(ctx context.Context, op string, skus []string, domain api.Domain, fields []string, with map[string]any, each func(product)) error {
	domain, err := c.known.inCompany(ctx, domain)
	if err != nil {
		return err
	}
	wanted := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(skus))), func(sku string) bool { return sku == "" })
	for part := range slices.Chunk(wanted, chunk) {
		var rows []product
		err := c.api.SearchRead(ctx, api.Query{
			Op: op, Model: modelProduct, Fields: append([]string{"id", "default_code", "name"}, fields...),
			Domain: slices.Clone(domain).Where("default_code", "in", part), Order: "id", Context: with,
		}, &rows)
		if err != nil {
			return err
		}
		for _, p := range rows {
			if slices.Contains(part, string(p.Code)) {
				each(p)
			}
		}
	}
	return nil
}

// Stock implements connector.StockReader.
func (c *conn) Stock(ctx context.Context, skus []string, warehouse string) ([]connector.StockLevel, error) {
	var with map[string]any
	if warehouse != "" {
		if api.Mode(c.config.mode) == api.ModeRESTModule {
			e := connector.Invalid("warehouse", "the community REST module cannot tell warehouses apart")
			e.Fix = "leave the warehouse empty, or use mode jsonrpc or json2"
			return nil, e
		}
		id, err := c.known.warehouse(ctx, warehouse)
		if err != nil {
			return nil, err
		}
		// The name of the key changed with Odoo 18; a key that is not known does no harm.
		with = map[string]any{"warehouse": id, "warehouse_id": id}
	}
	levels := map[string]*connector.StockLevel{}
	err := c.products(ctx, "read stock", skus, nil, []string{"qty_available", "free_qty"}, with, func(p product) {
		level := levels[string(p.Code)]
		if level == nil {
			level = &connector.StockLevel{SKU: string(p.Code), Warehouse: warehouse}
			levels[level.SKU] = level
		}
		level.OnHand = level.OnHand.Add(p.OnHand.Decimal)
		level.Available = level.Available.Add(p.Available.Decimal)
	})
	out := make([]connector.StockLevel, 0, len(levels))
	for _, level := range levels {
		out = append(out, *level)
	}
	slices.SortFunc(out, func(a, b connector.StockLevel) int { return strings.Compare(a.SKU, b.SKU) })
	return out, err
}

type tax struct {
	ID       int64      `json:"id"`
	Name     api.Text   `json:"name"`
	Amount   api.Number `json:"amount"`
	Included api.Flag   `json:"price_include"`
	Country  api.Ref    `json:"country_id"`
}

// ratePlaces keeps the noise of floating point out of a rate: 8.1 % may come as 8.100000000000001.
const ratePlaces = 6

func (t tax) rate() money.Decimal { return money.Percent(t.Amount.Round(ratePlaces)) }

// Taxes implements connector.TaxLister. Taxes of other kinds than a percentage are left out: no rate
// of a source can mean them.
func (c *conn) Taxes(ctx context.Context) ([]connector.TaxCode, error) {
	company, err := c.known.company(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := c.readTaxes(ctx, api.Domain{}.
		Where("type_tax_use", "=", "sale").Where("amount_type", "=", "percent").Where("company_id", "=", company.ID))
	if err != nil {
		return nil, err
	}
	codes, err := c.known.countryCodes(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]connector.TaxCode, len(rows))
	for i, t := range rows {
		out[i] = connector.TaxCode{
			Code: formatID(t.ID), Name: t.Name.String(), Rate: t.rate(), Included: bool(t.Included), Country: codes[t.Country.ID],
			Default: company.DefaultTax != nil && company.DefaultTax.ID == t.ID,
		}
	}
	return out, nil
}

func (c *conn) readTaxes(ctx context.Context, domain api.Domain) ([]tax, error) {
	var rows []tax
	err := c.api.SearchRead(ctx, api.Query{
		Op: "read taxes", Model: modelTax, Domain: domain, Fields: []string{"id", "name", "amount", "price_include", "country_id"}, Order: "sequence, id",
	}, &rows)
	return rows, err
}

// hundred is what percentages are of.
var hundred = decimal.New(100, 0)
