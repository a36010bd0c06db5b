package desk

import (
	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/store"
)

// MapTable describes a table of a flow's mapping.
type MapTable struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	From  string `json:"from"` // what its rows begin with
	To    string `json:"to"`   // what they lead to
	// Without says what becomes of a value that has no row.
	Without string `json:"without"`
	// seen is the kind under which values of orders are noted that the table speaks of.
	seen string
	// article and tax say that rows lead to an article or a tax of the destination.
	article, tax bool
	table        func(*mapping.Config) *mapping.Table
}

// mapTables are all tables, in the order of a person's work.
var mapTables = []MapTable{
	{
		Name: "items", Title: "Articles", From: "SKU in the source", To: "SKU in the ERP",
		Without: "A SKU without a row stays as it is.",
		seen:    store.SeenSKU, article: true, table: func(c *mapping.Config) *mapping.Table { return &c.Items },
	},
	{
		Name: "taxes", Title: "Taxes", From: "Tax in the source: code, name, country with rate (DE 19%) or rate (19%)", To: "Tax code in the ERP",
		Without: "A tax without a row becomes the ERP's tax of the same rate.",
		seen:    store.SeenTax, tax: true, table: func(c *mapping.Config) *mapping.Table { return &c.Taxes },
	},
	{
		Name: "payments", Title: "Payments", From: "Payment method in the source", To: "Payment method in the ERP",
		Without: "A payment without a row leaves the method to the ERP's default.",
		seen:    store.SeenPayment, table: func(c *mapping.Config) *mapping.Table { return &c.Payments },
	},
	{
		Name: "terms", Title: "Terms", From: "Payment terms or method in the source", To: "Payment terms in the ERP",
		Without: "An order without a row leaves the terms to the ERP's default of the customer.",
		seen:    store.SeenPayment, table: func(c *mapping.Config) *mapping.Table { return &c.Terms },
	},
	{
		Name: "shipping", Title: "Shipping", From: "Shipping method in the source", To: "SKU of the ERP's article for it",
		Without: "Shipping without a row is left to the connection's own setting, or its orders are held.",
		seen:    store.SeenShipping, article: true, table: func(c *mapping.Config) *mapping.Table { return &c.Shipping },
	},
	{
		Name: "charges", Title: "Charges", From: "Type (tip, gift_wrap, cod_fee, duty, surcharge, other) or title", To: "SKU of the ERP's article for it",
		Without: "A charge without a row is left to the connection's own setting, or its orders are held.",
		seen:    store.SeenCharge, article: true, table: func(c *mapping.Config) *mapping.Table { return &c.Charges },
	},
	{
		Name: "warehouses", Title: "Warehouses", From: "Location in the source", To: "Warehouse in the ERP",
		Without: "A location without a row leaves the warehouse to the ERP's default.",
		seen:    store.SeenWarehouse, table: func(c *mapping.Config) *mapping.Table { return &c.Warehouses },
	},
}

// MapTables gives the tables that a flow's mapping has.
func MapTables() []MapTable { return mapTables }

// TableSettings is the name under which the single values are changed and have their history.
const TableSettings = config.TableSettings

// MapSetting is a single value of a flow's mapping.
type MapSetting struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Help  string `json:"help"`
	Value string `json:"value"`
	value func(*mapping.Config) *string
}

// mapSettings are the single values.
var mapSettings = []MapSetting{
	{
		Name: "discount_item", Title: "Discount article", Help: "SKU of the ERP's article that carries discounts on the whole order",
		value: func(c *mapping.Config) *string { return &c.DiscountItem },
	},
	{
		Name: "rounding_item", Title: "Rounding article", Help: "SKU of the ERP's article that carries a difference of a cent",
		value: func(c *mapping.Config) *string { return &c.RoundingItem },
	},
	{
		Name: "gift_card_item", Title: "Gift card article", Help: "SKU of the ERP's article for gift cards sold; empty takes the line's own SKU",
		value: func(c *mapping.Config) *string { return &c.GiftCardItem },
	},
	{
		Name: "unknown_item", Title: "Article for unknown SKUs", Help: "SKU of the ERP's article for lines whose SKU the ERP does not have; empty holds the order",
		value: func(c *mapping.Config) *string { return &c.UnknownItem },
	},
}

// mapTable gives a table by its name.
func mapTable(name string) (MapTable, error) {
	for _, t := range mapTables {
		if t.Name == name {
			return t, nil
		}
	}
	return MapTable{}, &NotFoundError{Text: "There is no table " + name + " of a mapping."}
}
