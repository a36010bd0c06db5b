package sapb1

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/internal/odata"
)

// items reads the articles of SKUs; a SKU is the article's code.
func (c *conn) items(ctx context.Context, op string, skus, selected []string, each func(api.Item)) error {
	var conditions []string
	wanted := slices.Compact(slices.Sorted(slices.Values(skus)))
	for _, sku := range wanted {
		if sku != "" && units(sku) <= maxItemCode {
			conditions = append(conditions, odata.Eq("ItemCode", sku))
		}
	}
	for _, filter := range odata.AnyOf(filterSize, conditions) {
		err := c.api.List(ctx, api.Ask{Op: op, Set: setItems, Select: selected, Filter: filter, OrderBy: "ItemCode"}, func(raw json.RawMessage) error {
			var item api.Item
			if err := json.Unmarshal(raw, &item); err != nil {
				return err
			}
			// A database may compare without regard to case.
			if slices.Contains(wanted, item.ItemCode) {
				each(item)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// FindItems implements connector.ItemFinder.
func (c *conn) FindItems(ctx context.Context, skus []string) (map[string][]connector.Item, error) {
	found := map[string][]connector.Item{}
	err := c.items(ctx, "find articles", skus, []string{"ItemCode", "ItemName", "Valid", "Frozen"}, func(item api.Item) {
		found[item.ItemCode] = append(found[item.ItemCode], connector.Item{
			ID: item.ItemCode, SKU: item.ItemCode, Name: item.ItemName, Inactive: item.Frozen == api.Yes || item.Valid == api.No,
		})
	})
	return found, err
}

// Taxes implements connector.TaxLister.
func (c *conn) Taxes(ctx context.Context) ([]connector.TaxCode, error) {
	table, err := c.known.taxes(ctx)
	return slices.Clone(table.codes), err
}

// Stock implements connector.StockReader.
func (c *conn) Stock(ctx context.Context, skus []string, warehouse string) ([]connector.StockLevel, error) {
	levels := map[string]*connector.StockLevel{}
	err := c.items(ctx, "read stock", skus, []string{"ItemCode", "QuantityOnStock", "ItemWarehouseInfoCollection"}, func(item api.Item) {
		level := levels[item.ItemCode]
		if level == nil {
			level = &connector.StockLevel{SKU: item.ItemCode, Warehouse: warehouse}
			levels[item.ItemCode] = level
		}
		for _, w := range item.Warehouses {
			if warehouse == "" || w.Code == warehouse {
				level.OnHand = level.OnHand.Add(w.InStock.Decimal)
				level.Available = level.Available.Add(w.InStock.Sub(w.Committed.Decimal))
			}
		}
	})
	out := make([]connector.StockLevel, 0, len(levels))
	for _, level := range levels {
		out = append(out, *level)
	}
	slices.SortFunc(out, func(a, b connector.StockLevel) int { return strings.Compare(a.SKU, b.SKU) })
	return out, err
}
