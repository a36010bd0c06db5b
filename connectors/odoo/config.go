package odoo

import (
	"context"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
	"github.com/orderlyhq/orderly/money"
)

// config is the configuration of a connection. Secrets are exported so that fmt lets them hide themselves.
type config struct {
	mode          string
	database      string
	login         string
	APIKey        connector.Secret
	company       string
	priceLists    []string
	quotations    bool
	WebhookSecret connector.Secret

	lists map[money.Currency]string // priceLists, taken apart
}

func newConfig() *config { return &config{mode: string(api.ModeAuto)} }

// Settings implements connector.Config.
func (c *config) Settings() []connector.Setting {
	return []connector.Setting{
		connector.String(&c.database, "database", "name of the database; Odoo Online names it like the first part of the address",
			connector.Required(), connector.Example("mycompany")),
		connector.String(&c.login, "login", "login of the user whose key it is, mostly an e-mail address; JSON-2 needs none",
			connector.Example("orderly@mycompany.example")),
		connector.SecretString(&c.APIKey, "api_key", "API key of that user (Preferences, Account Security, New API Key); the REST module takes the password",
			connector.Required()),
		connector.String(&c.mode, "mode", "how Odoo is called: auto takes json2 from Odoo 19 on and jsonrpc before; rest_module is the community module \"restful\"",
			connector.Allowed(string(api.ModeAuto), string(api.ModeJSON2), string(api.ModeJSONRPC), string(api.ModeRESTModule)), connector.Advanced()),
		connector.String(&c.company, "company", "name or id of the company that the orders belong to, where the database has several",
			connector.Example("My Company GmbH")),
		connector.List(&c.priceLists, "price_lists", "price list (id or name) for each currency, where the first one of a currency is not the right one",
			connector.Example("EUR=1,USD=Public USD"), connector.Advanced()),
		connector.Bool(&c.quotations, "quotations", "as a source, also give quotations that are not confirmed yet", connector.Advanced()),
		connector.SecretString(&c.WebhookSecret, "webhook_secret", "random text that ends the address for webhooks: the only proof that Odoo can give",
			connector.Advanced()),
	}
}

// Open implements connector.Config.
func (c *config) Open(_ context.Context, env connector.Env) (connector.Connector, error) {
	if api.Mode(c.mode) != api.ModeJSON2 && c.login == "" {
		e := connector.Invalid("login", "is needed by mode %s", c.mode)
		e.Fix = "enter the login of the user whose API key it is"
		return nil, e
	}
	c.lists = map[money.Currency]string{}
	for _, entry := range c.priceLists {
		code, list, found := strings.Cut(entry, "=")
		currency, err := money.ParseCurrency(code)
		if list = strings.TrimSpace(list); !found || err != nil || list == "" {
			e := connector.Invalid("price_lists", "the entry %q is no currency with a price list", entry)
			e.Fix = "write it as EUR=1 or EUR=Public Pricelist"
			return nil, e
		}
		c.lists[currency] = list
	}
	if strings.ContainsAny(c.WebhookSecret.Reveal(), "/?#% ") {
		e := connector.Invalid("webhook_secret", "has characters that do not belong into an address")
		e.Fix = "use letters and digits"
		return nil, e
	}
	opened := &conn{config: c, env: env, api: api.NewClient(api.Account{
		Mode: api.Mode(c.mode), Base: env.BaseURL, Database: c.database, Login: c.login, Secret: c.APIKey, HTTP: env.HTTP, State: env.State,
	})}
	opened.known = newLookup(opened)
	opened.api.Context = opened.known.context
	if api.Mode(c.mode) == api.ModeRESTModule {
		return opened, nil
	}
	return &fullConn{opened}, nil
}

// Decoder implements connector.SourceConfig.
func (c *config) Decoder() connector.Decoder { return decoder{} }
