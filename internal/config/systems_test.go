package config

import (
	"context"
	"errors"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// testConfig is the configuration of systems that are made up for the tests of this package: a shop,
// an ERP, and a CRM that can be both.
type testConfig struct {
	settings func(*testConfig) []connector.Setting

	token    connector.Secret
	secret   connector.Secret
	version  string
	company  string
	sandbox  bool
	pageSize int
	factor   float64
	wait     time.Duration
	scopes   []string
}

func (c *testConfig) Settings() []connector.Setting { return c.settings(c) }

func (c *testConfig) Open(context.Context, connector.Env) (connector.Connector, error) {
	return nil, errors.New("made up for tests")
}

func shopSettings(c *testConfig) []connector.Setting {
	return []connector.Setting{
		connector.SecretString(&c.token, "access_token", "token of the app", connector.Required(), connector.Example("shpat_0123")),
		connector.SecretString(&c.secret, "webhook_secret", "secret that webhooks are signed with"),
		connector.String(&c.version, "api_version", "version of the interface", connector.Allowed("2026-07", "2026-10")),
		connector.Bool(&c.sandbox, "sandbox", "a shop for tests"),
		connector.Int(&c.pageSize, "page_size", "records a page", connector.Advanced(), connector.Example("50")),
		connector.Number(&c.factor, "budget", "share of the rate limit", connector.Example("0.5")),
		connector.Duration(&c.wait, "patience", "how long to wait", connector.Example("10s")),
		connector.List(&c.scopes, "scopes", "rights to ask for", connector.Example("read_orders")),
	}
}

func erpSettings(c *testConfig) []connector.Setting {
	return []connector.Setting{
		connector.String(&c.company, "company", "the company's database", connector.Required(), connector.Example("SBODEMO")),
		connector.SecretString(&c.token, "password", "password of the user", connector.Required()),
	}
}

// systems are what the tests' files may name.
func systems() []connector.Definition {
	return []connector.Definition{
		{
			Name: "shop", Title: "Shop", Roles: connector.Source,
			New: func() connector.Config {
				return &testConfig{settings: shopSettings, version: "2026-10", pageSize: 50, factor: 0.5, wait: 10 * time.Second}
			},
			Traits: connector.Traits{Concurrency: 2, BaseURL: connector.BaseURLRule{Required: true, Example: "https://my-shop.example.com", Help: "address of the shop"}},
		},
		{
			Name: "erp", Title: "ERP One", Roles: connector.Destination,
			New:    func() connector.Config { return &testConfig{settings: erpSettings} },
			Traits: connector.Traits{Concurrency: 4, SelfSigned: true, BaseURL: connector.BaseURLRule{Required: true, Example: "https://erp.example.com:50000", Help: "address of the server"}},
		},
		{
			Name: "crm", Title: "CRM", Roles: connector.Source | connector.Destination,
			New: func() connector.Config {
				return &testConfig{settings: func(*testConfig) []connector.Setting { return nil }}
			},
			Traits: connector.Traits{BaseURL: connector.BaseURLRule{}},
		},
	}
}
