package shopify_test

import (
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector/connectortest"
	"github.com/orderlyhq/orderly/connectors/shopify"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/fake/faketest"
)

// TestConformance runs the suite against every variant of a connection to Shopify.
func TestConformance(t *testing.T) {
	for name, variant := range map[string]struct {
		settings map[string]string
		options  []shopifyfake.Option
		enums    []connectortest.Enum
	}{
		"REST": {
			settings: map[string]string{"api": "rest"},
			enums:    []connectortest.Enum{{Path: "financial_status", State: payment}},
		},
		"REST on an old version": {
			settings: map[string]string{"api": "rest", "api_version": "2022-07"},
			enums:    []connectortest.Enum{{Path: "financial_status", State: payment}},
		},
		"GraphQL": {
			settings: map[string]string{"api": "graphql"},
			enums:    []connectortest.Enum{{Path: "displayFinancialStatus", State: payment}, {Path: "displayFulfillmentStatus", State: fulfillment}},
		},
		"GraphQL with client credentials": {
			settings: map[string]string{"api": "graphql"}, options: []shopifyfake.Option{shopifyfake.ClientCredentials()},
			enums: []connectortest.Enum{{Path: "displayFinancialStatus", State: payment}, {Path: "displayFulfillmentStatus", State: fulfillment}},
		},
		"REST with client credentials on the Standard plan": {
			settings: map[string]string{"api": "rest"}, options: []shopifyfake.Option{shopifyfake.ClientCredentials(), shopifyfake.Standard()},
			enums: []connectortest.Enum{{Path: "financial_status", State: payment}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				Definition: shopify.Definition(),
				New: faketest.Vendor(func(o fake.Options) fake.Vendor {
					return shopifyfake.New(o, variant.options...)
				}),
				Settings:      variant.settings,
				WebhookSecret: "client_secret",
				Enums:         variant.enums,
			})
		})
	}
}

func payment(o commerce.Order) string { return string(o.PaymentState) }

func fulfillment(o commerce.Order) string { return string(o.FulfillmentState) }
