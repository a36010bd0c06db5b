package odoo_test

import (
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector/connectortest"
	"github.com/orderlyhq/orderly/connectors/odoo"
	odoofake "github.com/orderlyhq/orderly/connectors/odoo/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/fake/faketest"
)

func harness(settings map[string]string, options ...odoofake.Option) connectortest.Harness {
	return connectortest.Harness{
		Definition:    odoo.Definition(),
		New:           faketest.Vendor(func(o fake.Options) fake.Vendor { return odoofake.New(o, options...) }),
		Settings:      settings,
		WebhookSecret: "webhook_secret",
		Enums: []connectortest.Enum{
			{Path: "order.state", State: func(o commerce.Order) string { return string(o.OrderState) }},
		},
	}
}

func TestConformance(t *testing.T) {
	for name, h := range map[string]connectortest.Harness{
		"json2 19":       harness(map[string]string{"mode": "json2"}, odoofake.Version(19)),
		"auto 19":        harness(nil, odoofake.Version(19)),
		"jsonrpc 19":     harness(map[string]string{"mode": "jsonrpc"}, odoofake.Version(19)),
		"jsonrpc 18":     harness(map[string]string{"mode": "jsonrpc"}, odoofake.Version(18)),
		"auto 17":        harness(nil, odoofake.Version(17)),
		"jsonrpc 17":     harness(map[string]string{"mode": "jsonrpc"}, odoofake.Version(17)),
		"jsonrpc 16":     harness(map[string]string{"mode": "jsonrpc"}, odoofake.Version(16)),
		"rest_module 18": harness(nil, odoofake.Version(18), odoofake.RESTModule()),
	} {
		t.Run(name, func(t *testing.T) { connectortest.Run(t, h) })
	}
}
