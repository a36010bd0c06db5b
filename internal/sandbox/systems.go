package sandbox

import (
	"github.com/orderlyhq/orderly/commerce"
	odoofake "github.com/orderlyhq/orderly/connectors/odoo/fake"
	sapb1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
	woocommercefake "github.com/orderlyhq/orderly/connectors/woocommerce/fake"
	"github.com/orderlyhq/orderly/internal/fake"
)

// system is a pretend vendor that the sandbox can serve.
type system struct {
	name string // as in paths: the connector's name
	open func(fake.Options) fake.Vendor
	// knows says what a shop knows of that not every shop has; seed and catalogue are the sandbox's.
	knows fake.GeneratorOptions
}

// systems are all of them, in the order in which they are shown.
func systems() []system {
	return []system{
		{
			name: "shopify", open: func(o fake.Options) fake.Vendor { return shopifyfake.New(o) },
			knows: fake.GeneratorOptions{GiftCards: true, Charges: []commerce.ChargeType{commerce.ChargeTip}},
		},
		{
			name: "woocommerce", open: func(o fake.Options) fake.Vendor { return woocommercefake.New(o) },
			// A fee above zero is a charge, one below a discount that no line carries.
			knows: fake.GeneratorOptions{DocumentDiscounts: true, Charges: []commerce.ChargeType{commerce.ChargeOther}},
		},
		{name: "odoo", open: func(o fake.Options) fake.Vendor { return odoofake.New(o) }},
		{name: "sapb1", open: func(o fake.Options) fake.Vendor { return sapb1fake.New(o) }},
	}
}
