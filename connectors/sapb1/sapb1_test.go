package sapb1_test

import (
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector/connectortest"
	"github.com/orderlyhq/orderly/connectors/sapb1"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/fake/faketest"
)

func harness(settings map[string]string, options ...b1fake.Option) connectortest.Harness {
	return connectortest.Harness{
		Definition:    sapb1.Definition(),
		New:           faketest.Vendor(func(o fake.Options) fake.Vendor { return b1fake.New(o, options...) }),
		Settings:      settings,
		WebhookSecret: "webhook_secret",
		Exceptions: map[string]string{
			"webhooks/an altered body is refused": "SAP's own sample signs the body as it is after parsing and writing it again, so blanks between its values are not signed; TestSignaturesOfWebhooks alters the values",
		},
		Enums: []connectortest.Enum{
			{Path: "DocumentStatus", State: func(o commerce.Order) string { return string(o.OrderState) }},
		},
	}
}

func TestConformance(t *testing.T) {
	for name, h := range map[string]connectortest.Harness{
		"v2":                     harness(nil),
		"v1":                     harness(nil, b1fake.V1()),
		"addresses in the order": harness(map[string]string{"addresses": "order"}),
		"no user field":          harness(map[string]string{"create_key_field": "false"}, b1fake.WithoutUserField()),
		"own currency code":      harness(map[string]string{"currencies": "EUR=€"}, b1fake.OwnCurrencyCode("€")),
	} {
		t.Run(name, func(t *testing.T) { connectortest.Run(t, h) })
	}
}
