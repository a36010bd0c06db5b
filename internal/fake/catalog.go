package fake

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/money"
)

// SKUs of the articles that carry what is not goods, for ERPs in which they are lines.
const (
	ShippingSKU = "SHIPPING"
	FeeSKU      = "FEE"
	DiscountSKU = "DISCOUNT"
	RoundingSKU = "ROUNDING"
	GiftCardSKU = "GIFTCARD"
)

// DefaultCatalog is what the shops of sandbox and demo sell: names in many scripts, prices that
// round badly, and two articles that no ERP knows.
func DefaultCatalog() Catalog {
	c := Catalog{
		Currencies: []money.Currency{"EUR", "USD", "GBP", "CHF", "JPY", "KWD"},
		Countries: []string{
			"DE", "AT", "CH", "FR", "NL", "BE", "IT", "ES", "PL", "SE", "GB", "IE", "GR", "BG", "TR",
			"US", "CA", "JP", "CN", "KR", "KW", "IL", "UA", "BR", "AU",
		},
	}
	for _, percent := range []string{"0", "2.6", "5", "5.5", "7", "8", "8.1", "10", "19", "20", "21"} {
		c.Rates = append(c.Rates, money.Percent(decimal.RequireFromString(percent)))
	}
	for _, a := range defaultArticles {
		c.Items = append(c.Items, CatalogItem{
			SKU: a.sku, Name: a.name, Price: decimal.RequireFromString(a.price),
			Rate: money.Percent(decimal.New(a.percent, 0)), Stock: a.stock, Digital: a.digital, Missing: a.missing,
		})
	}
	return c
}

// Item gives the article with a SKU.
func (c Catalog) Item(sku string) (CatalogItem, bool) {
	i := slices.IndexFunc(c.Items, func(item CatalogItem) bool { return item.SKU == sku })
	if i < 0 {
		return CatalogItem{}, false
	}
	return c.Items[i], true
}

// goods are the articles that people buy; the others carry shipping, fees and the like.
func (c Catalog) goods() []CatalogItem {
	return slices.DeleteFunc(slices.Clone(c.Items), func(item CatalogItem) bool {
		return slices.Contains([]string{ShippingSKU, FeeSKU, DiscountSKU, RoundingSKU, GiftCardSKU}, item.SKU)
	})
}

type article struct {
	sku, name, price string
	percent          int64
	stock            int64
	digital, missing bool
}

var defaultArticles = []article{
	{sku: "TEA-DARJ-100", name: "Darjeeling First Flush 100 g", price: "8.39", percent: 7, stock: 420},
	{sku: "TEA-DARJ-250", name: "Darjeeling First Flush 250 g", price: "18.69", percent: 7, stock: 180},
	{sku: "TEA-ASSAM-100", name: "Assam TGFOP 100 g", price: "5.99", percent: 7, stock: 350},
	{sku: "TEA-SENCHA-100", name: "Sencha 煎茶 100 g", price: "9.35", percent: 7, stock: 260},
	{sku: "TEA-GYOKURO-50", name: "Gyokuro 玉露 50 g", price: "21.03", percent: 7, stock: 75},
	{sku: "TEA-MATCHA-30", name: "Matcha 抹茶 30 g", price: "27.57", percent: 7, stock: 90},
	{sku: "TEA-OOLONG-100", name: "Tie Guan Yin 铁观音 100 g", price: "14.95", percent: 7, stock: 120},
	{sku: "TEA-PUERH-357", name: "Pu-Erh 普洱茶 Cake 357 g", price: "43.46", percent: 7, stock: 40},
	{sku: "TEA-ROOIBOS-200", name: "Rooibos Vanille 200 g", price: "6.54", percent: 7, stock: 300},
	{sku: "TEA-MINT-75", name: "Nane Çayı 75 g", price: "3.27", percent: 7, stock: 500},
	{sku: "TEA-CHAI-150", name: "Masala Chai मसाला चाय 150 g", price: "7.43", percent: 7, stock: 210},
	{sku: "TEA-IVAN-100", name: "Иван-чай ферментированный 100 г", price: "6.07", percent: 7, stock: 140},
	{sku: "TEA-ADVENT", name: "Teeadventskalender „24 Türchen“", price: "27.94", percent: 7, stock: 60},
	{sku: "TEA-SAMPLE-1", name: "Sample, one cup", price: "0.47", percent: 7, stock: 9000},
	{sku: "MUG-BLUE", name: "Mug, blue, 300 ml", price: "10.88", percent: 19, stock: 230},
	{sku: "MUG-RED", name: "Mug, red, 300 ml", price: "10.88", percent: 19, stock: 190},
	{sku: "MUG-WIDE-Ø12", name: "Schale Ø 12 cm", price: "13.40", percent: 19, stock: 88},
	{sku: "POT-GLASS-1L", name: "Teapot, glass, 1 l", price: "33.53", percent: 19, stock: 70},
	{sku: "POT-CAST-07", name: "鉄瓶 Cast-iron pot 0.7 l", price: "74.79", percent: 19, stock: 25},
	{sku: "POT-YIXING", name: "宜兴紫砂壶", price: "117.65", percent: 19, stock: 12},
	{sku: "WHISK-BAMBOO", name: "Chasen 茶筅", price: "18.07", percent: 19, stock: 65},
	{sku: "SPOON-BAMBOO", name: "Chashaku", price: "4.16", percent: 19, stock: 130},
	{sku: "STRAINER-S", name: "Sieb «fein», Edelstahl", price: "7.56", percent: 19, stock: 160},
	{sku: "FILTER-100", name: "Paper filters, 100 pieces", price: "3.35", percent: 19, stock: 800},
	{sku: "SCALE-01", name: "Scale, 0.1 g", price: "25.20", percent: 19, stock: 33},
	{sku: "KETTLE-V", name: "Kettle with temperature control ☕", price: "84.03", percent: 19, stock: 28},
	{sku: "TIN-100", name: "Tin for 100 g", price: "2.51", percent: 19, stock: 640},
	{sku: "TIN-250", name: "Tin for 250 g", price: "3.77", percent: 19, stock: 410},
	{sku: "GIFTBOX-L", name: "Gift box 🎁 large", price: "5.04", percent: 19, stock: 100},
	{sku: "CANDLE-07", name: "Stövchen mit Kerze", price: "12.18", percent: 19, stock: 54},
	{sku: "SUGAR-KANDIS", name: "Kandis, braun, 500 g", price: "2.79", percent: 7, stock: 220},
	{sku: "HONEY-LINDEN", name: "Lindenblütenhonig 500 g", price: "6.92", percent: 7, stock: 95},
	{sku: "BOOK-TEA", name: "The Book of Tea (茶の本)", price: "14.02", percent: 7, stock: 45},
	{sku: "EBOOK-TEA", name: "The Book of Tea, e-book", price: "7.99", percent: 19, stock: 100000, digital: true},
	{sku: "COURSE-1H", name: "Tasting online, one hour", price: "29.00", percent: 19, stock: 100000, digital: true},
	{sku: "STAMP-COLL", name: "Collector's stamp (no tax)", price: "4.00", percent: 0, stock: 500},
	{sku: "SERVICE-ENGRAVE", name: "Gravur, je Zeichen", price: "0.35", percent: 19, stock: 100000},
	{sku: GiftCardSKU, name: "Gift card", price: "25.00", percent: 0, stock: 100000},
	{sku: ShippingSKU, name: "Shipping", price: "4.12", percent: 19, stock: 100000},
	{sku: FeeSKU, name: "Fees and tips", price: "1.00", percent: 19, stock: 100000},
	{sku: DiscountSKU, name: "Discount", price: "0.00", percent: 19, stock: 100000},
	{sku: RoundingSKU, name: "Rounding", price: "0.00", percent: 0, stock: 100000},
	{sku: "NEW-2026-A", name: "Autumn edition (not in the ERP yet)", price: "11.50", percent: 19, stock: 10, missing: true},
	{sku: "LEGACY/77 B", name: "Old stock, SKU with a space (not in the ERP)", price: "1.99", percent: 7, stock: 3, missing: true},
}
