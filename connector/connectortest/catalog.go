package connectortest

import (
	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/money"
)

// Articles that carry what is not goods, for destinations where shipping, fees and the like are
// lines.
const (
	shippingSKU = "SUITE-SHIPPING"
	chargeSKU   = "SUITE-CHARGE"
	discountSKU = "SUITE-DISCOUNT"
	roundingSKU = "SUITE-ROUNDING"
)

// catalog is what the suite's orders are made of.
func catalog() Catalog {
	item := func(sku, name, price, rate string) CatalogItem {
		return CatalogItem{SKU: sku, Name: name, Price: number(price), Rate: number(rate), Stock: 100}
	}
	return Catalog{
		Items: []CatalogItem{
			item("TEA-100", "Darjeeling 100 g", "8.39", "0.07"),
			item("MUG-BLUE", "Mug, blue", "12.50", "0.19"),
			item("POT-1L", "Teapot 1 l", "39.90", "0.19"),
			item("tea-100", "Another article whose SKU differs in case", "1.00", "0.19"),
			item("TEA-1", "An article whose SKU is the beginning of another's", "2.00", "0.07"),
			item("Q'UOTE\"1", "Mug with \"quotes\" and 'apostrophes'", "5.00", "0.19"),
			item("ÄÖÜ-茶", "Grüner Tee 緑茶", "15.00", "0.07"),
			item("BOOK-0", "Book without tax", "20.00", "0"),
			item(shippingSKU, "Shipping", "0", "0.19"),
			item(chargeSKU, "Fee", "0", "0.19"),
			item(discountSKU, "Discount", "0", "0.19"),
			item(roundingSKU, "Rounding", "0", "0"),
		},
		Rates:      []money.Decimal{number("0"), number("0.07"), number("0.19")},
		Currencies: []money.Currency{"EUR", "USD", "JPY", "KWD"},
		Countries:  []string{"DE", "AT", "CH", "US", "JP", "KW", "GB", "FR"},
	}
}

// number reads a number of the suite's own.
func number(text string) money.Decimal { return decimal.RequireFromString(text) }
