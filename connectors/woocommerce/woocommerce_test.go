package woocommerce_test

import (
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector/connectortest"
	"github.com/orderlyhq/orderly/connectors/woocommerce"
	woofake "github.com/orderlyhq/orderly/connectors/woocommerce/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/fake/faketest"
)

func harness(options ...woofake.Option) connectortest.Harness {
	return connectortest.Harness{
		Definition: woocommerce.Definition(),
		New:        faketest.Vendor(func(o fake.Options) fake.Vendor { return woofake.New(o, options...) }),
		// The consumer's secret is another one.
		WebhookSecret: "webhook_secret",
		Enums: []connectortest.Enum{
			{Path: "status", State: func(o commerce.Order) string { return string(o.OrderState) }},
		},
	}
}

// keysInTheAddress is where WooCommerce itself wants the keys when no header
// can carry them: in the query, and as oauth_consumer_key in OAuth 1.0a.
var keysInTheAddress = map[string]string{
	"hygiene/no address holds a secret": "WooCommerce takes the keys in the address when no header can carry them",
}

func TestConformance(t *testing.T) {
	t.Run("basic auth over https", func(t *testing.T) { connectortest.Run(t, harness()) })
	t.Run("oauth over http", func(t *testing.T) {
		h := harness()
		h.BaseURL = "http://vendor.test/shop"
		h.Exceptions = keysInTheAddress
		connectortest.Run(t, h)
	})
	t.Run("keys in the query", func(t *testing.T) {
		h := harness()
		h.Settings = map[string]string{"auth": "query"}
		h.Exceptions = keysInTheAddress
		connectortest.Run(t, h)
	})
	t.Run("version 7.9", func(t *testing.T) { connectortest.Run(t, harness(woofake.Version79())) })
	t.Run("version 5.5", func(t *testing.T) { connectortest.Run(t, harness(woofake.Version55())) })
	t.Run("plain permalinks", func(t *testing.T) {
		h := harness()
		h.Settings = map[string]string{"plain_permalinks": "true"}
		connectortest.Run(t, h)
	})
	t.Run("taxes rounded at the end", func(t *testing.T) { connectortest.Run(t, harness(woofake.RoundAtEnd())) })
}
