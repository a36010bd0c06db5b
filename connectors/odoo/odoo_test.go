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

// noSignature is why altered bodies are taken.
const noSignature = "Odoo signs nothing: the secret at the end of the address is all the proof, and every record is fetched"

// exceptions16 are those of Odoo 16, which cannot send webhooks without code.
func exceptions16() map[string]string {
	out := map[string]string{}
	for _, name := range []string{
		"a new order is told", "a changed order is told", "the same delivery is the same again", "another connection takes it as well",
		"an altered body is refused", "a delivery without its proof is refused", "another secret is refused", "no secret takes nothing",
		"a proof made with an empty secret is refused",
		"garbage is survived", "a huge body is survived", "missing subscriptions are made", "looking changes nothing",
		"disabled subscriptions are enabled",
	} {
		out["webhooks/"+name] = "Odoo 16 has no webhooks: EnsureWebhooks says so, and changes come by the schedule"
	}
	return out
}

func harness(settings map[string]string, options ...odoofake.Option) connectortest.Harness {
	return connectortest.Harness{
		Definition:    odoo.Definition(),
		New:           faketest.Vendor(func(o fake.Options) fake.Vendor { return odoofake.New(o, options...) }),
		Settings:      settings,
		WebhookSecret: "webhook_secret",
		Exceptions:    map[string]string{"webhooks/an altered body is refused": noSignature},
		Enums: []connectortest.Enum{
			{Path: "order.state", State: func(o commerce.Order) string { return string(o.OrderState) }},
		},
	}
}

func TestConformance(t *testing.T) {
	sixteen := harness(map[string]string{"mode": "jsonrpc"}, odoofake.Version(16))
	sixteen.Exceptions = exceptions16()
	for name, h := range map[string]connectortest.Harness{
		"json2 19":       harness(map[string]string{"mode": "json2"}, odoofake.Version(19)),
		"auto 19":        harness(nil, odoofake.Version(19)),
		"jsonrpc 19":     harness(map[string]string{"mode": "jsonrpc"}, odoofake.Version(19)),
		"jsonrpc 18":     harness(map[string]string{"mode": "jsonrpc"}, odoofake.Version(18)),
		"auto 17":        harness(nil, odoofake.Version(17)),
		"jsonrpc 17":     harness(map[string]string{"mode": "jsonrpc"}, odoofake.Version(17)),
		"jsonrpc 16":     sixteen,
		"rest_module 18": harness(nil, odoofake.Version(18), odoofake.RESTModule()),
	} {
		t.Run(name, func(t *testing.T) { connectortest.Run(t, h) })
	}
}
