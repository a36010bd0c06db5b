package connectortest_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connector/connectortest"
)

// config is the configuration of the example's connector.
type config struct{ Token connector.Secret }

func (c *config) Settings() []connector.Setting {
	return []connector.Setting{connector.SecretString(&c.Token, "token", "the key of the API", connector.Required())}
}

func (c *config) Open(context.Context, connector.Env) (connector.Connector, error) {
	return shop{}, nil
}

// shop is the example's connector.
type shop struct{}

func (shop) Check(context.Context) (connector.Account, error) {
	return connector.Account{Name: "Tea"}, nil
}
func (shop) Close(context.Context) error { return nil }

// A connector's test is a harness and one call. New makes a pretend vendor for each check; here it knows
// nobody. The functions of Vendor that stand for what people do in the system (PutOrder, Restrict, …)
// are given where the vendor can do it. What the connector does otherwise than the suite wants is an
// exception with its reason.
func Example() {
	test := func(t *testing.T) { // in a package of your own: func TestConformance(t *testing.T)
		connectortest.Run(t, connectortest.Harness{
			Definition: connector.Definition{
				Name: "tea", Title: "Tea", Group: connector.GroupShop, Roles: connector.Source,
				New: func() connector.Config { return &config{} },
			},
			New: func(_ testing.TB, setup connectortest.Setup) *connectortest.Vendor {
				return &connectortest.Vendor{
					Handler:    http.NotFoundHandler(),
					Settings:   map[string]string{"token": "a-secret-of-the-test"},
					Unexpected: func() []string { return nil },
				}
			},
			Exceptions: map[string]string{
				"check/wrong credentials are not accepted": "the shop asks nobody who he is",
			},
		})
	}
	_ = test
}
