package connectortest

import (
	"fmt"

	"github.com/orderlyhq/orderly/connector"
)

var (
	items = ability{"connector.ItemFinder", func(c *connector.Conn) bool { return c.Items != nil }}
	taxes = ability{"connector.TaxLister", func(c *connector.Conn) bool { return c.Taxes != nil }}
	stock = ability{"connector.StockReader", func(c *connector.Conn) bool { return c.Stock != nil }}
)

// itemChecks are about ItemFinder, TaxLister and StockReader.
func itemChecks() []check {
	return []check{
		{name: "items/an article is found by exactly its SKU", needs: []ability{items}, run: exactSKU},
		{name: "items/many at once", needs: []ability{items}, run: manySKUs},
		{name: "taxes/the rates of the catalogue are there", needs: []ability{taxes}, run: ratesAreThere},
		{name: "stock/what is there is told", needs: []ability{stock}, run: stockIsTold},
	}
}

func exactSKU(f *fixture) {
	for _, item := range f.catalog.Items {
		found, err := f.conn.Items.FindItems(f.ctx(), []string{item.SKU})
		if err != nil {
			f.Fatalf("find %q: %v", item.SKU, err)
		}
		if len(found) != 1 || len(found[item.SKU]) != 1 || found[item.SKU][0].SKU != item.SKU || found[item.SKU][0].ID == "" {
			f.Errorf("%q finds %+v; want that article alone", item.SKU, found)
		}
	}
	for _, sku := range []string{"NO-SUCH", "MUG", "%", "MUG-BLU_", "' or 1 eq 1"} {
		found, err := f.conn.Items.FindItems(f.ctx(), []string{sku})
		if err != nil || len(found) > 0 {
			f.Errorf("%q finds %+v, %v; want nothing", sku, found, err)
		}
	}
	if found, err := f.conn.Items.FindItems(f.ctx(), nil); err != nil || len(found) > 0 {
		f.Errorf("no SKU finds %+v, %v", found, err)
	}
}

func manySKUs(f *fixture) {
	var skus []string
	for i := range 250 {
		skus = append(skus, fmt.Sprintf("NOBODY-HAS-%d", i))
	}
	skus = append(skus, "MUG-BLUE", "TEA-100")
	found, err := f.conn.Items.FindItems(f.ctx(), skus)
	if err != nil || len(found) != 2 || len(found["MUG-BLUE"]) != 1 || len(found["TEA-100"]) != 1 {
		f.Errorf("of 252 SKUs %d are found, %v; want 2", len(found), err)
	}
}

func ratesAreThere(f *fixture) {
	known, err := f.conn.Taxes.Taxes(f.ctx())
	if err != nil {
		f.Fatalf("taxes: %v", err)
	}
	for _, rate := range f.catalog.Rates {
		code, ok := pickTax(known, rate, false)
		if !ok || code.Code == "" {
			f.Errorf("no tax has the rate %s", rate)
		}
	}
}

func stockIsTold(f *fixture) {
	levels, err := f.conn.Stock.Stock(f.ctx(), []string{"MUG-BLUE", "NO-SUCH"}, "")
	if err != nil {
		f.Fatalf("stock: %v", err)
	}
	if len(levels) != 1 || levels[0].SKU != "MUG-BLUE" || !levels[0].OnHand.Equal(number("100")) {
		f.Errorf("stock %+v; want 100 of MUG-BLUE", levels)
	}
}
