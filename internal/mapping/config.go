// Package mapping turns a source's values into a destination's: lookup tables for articles, taxes,
// payment and shipping methods and warehouses, and field rules in expressions that see the canonical
// record. Without a line of configuration, articles are found by their SKU and taxes by their rate.
//
// It does no I/O and knows neither a vendor nor the store: what the destination has is given to it.
package mapping

// Table maps a source's value to the destination's. A key is a value itself, a pattern with * for
// any text and ? for any character, or "*" alone for everything else. The value itself wins over a
// pattern, a pattern with more fixed characters over one with fewer. Letters match in any case.
type Table map[string]string

// Config says how a flow maps.
type Config struct {
	Items      Table `yaml:"items,omitempty" json:"items,omitempty" jsonschema_description:"article numbers: the source's SKU to the destination's; a SKU without a row stays as it is"`
	Taxes      Table `yaml:"taxes,omitempty" json:"taxes,omitempty" jsonschema_description:"taxes: the source's tax code, its name, a country with a rate (DE 19%) or a rate (19%) to the destination's tax code; without a row the destination's tax of the same rate is taken"`
	Payments   Table `yaml:"payments,omitempty" json:"payments,omitempty" jsonschema_description:"payment methods: the source's code to the destination's"`
	Terms      Table `yaml:"terms,omitempty" json:"terms,omitempty" jsonschema_description:"payment terms: the source's payment method or terms to the destination's payment terms"`
	Shipping   Table `yaml:"shipping,omitempty" json:"shipping,omitempty" jsonschema_description:"shipping methods: the source's code or title to the SKU of the article that carries the costs"`
	Charges    Table `yaml:"charges,omitempty" json:"charges,omitempty" jsonschema_description:"charges by type (tip, gift_wrap, cod_fee, duty, surcharge, other) or title to the SKU of the article that carries them"`
	Warehouses Table `yaml:"warehouses,omitempty" json:"warehouses,omitempty" jsonschema_description:"warehouses: the source's location to the destination's warehouse"`

	DiscountItem string `yaml:"discount_item,omitempty" json:"discount_item,omitempty" jsonschema_description:"SKU of the article that carries discounts on the whole order"`
	RoundingItem string `yaml:"rounding_item,omitempty" json:"rounding_item,omitempty" jsonschema_description:"SKU of the article that carries a difference of a cent"`
	GiftCardItem string `yaml:"gift_card_item,omitempty" json:"gift_card_item,omitempty" jsonschema_description:"SKU of the article for gift cards sold; empty takes the line's own SKU"`
	UnknownItem  string `yaml:"unknown_item,omitempty" json:"unknown_item,omitempty" jsonschema_description:"SKU of the article for lines whose SKU the destination does not have; empty holds the order"`

	OrderFields    map[string]string `yaml:"order_fields,omitempty" json:"order_fields,omitempty" jsonschema_description:"fields of the destination's sales order: name to an expression that sees order, for example order.customer_reference"`
	CustomerFields map[string]string `yaml:"customer_fields,omitempty" json:"customer_fields,omitempty" jsonschema_description:"fields of the destination's customer: name to an expression that sees customer"`
}
