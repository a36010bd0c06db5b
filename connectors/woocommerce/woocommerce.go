// Package woocommerce is the connector of WooCommerce, a shop inside WordPress: orders and customers
// come from it. It knows the REST API wc/v3 and webhooks of versions 5.8 to 11, and older ones as far
// as they go; it knows no destination and nothing of how records are kept.
package woocommerce

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
)

// System is the name in configuration, addresses and records.
const System = "woocommerce"

var (
	_ connector.SourceConfig     = (*config)(nil)
	_ connector.WebhookReceiver  = (*conn)(nil)
	_ connector.WebhookRegistrar = (*conn)(nil)
	_ connector.Lister           = (*conn)(nil)
	_ connector.Counter          = (*conn)(nil)
	_ connector.Fetcher          = (*conn)(nil)
	_ connector.Feedback         = (*conn)(nil)
)

// Definition describes the system.
func Definition() connector.Definition {
	return connector.Definition{
		Name:  System,
		Title: "WooCommerce",
		Group: connector.GroupShop,
		Roles: connector.Source,
		New:   func() connector.Config { return newConfig() },
		Traits: connector.Traits{
			BaseURL: connector.BaseURLRule{
				Required: true,
				Example:  "https://shop.example.com",
				Help:     "address of the shop, as it stands in WordPress under Settings > General > WordPress Address",
			},
			// Shops share small machines: more at once makes hosts and security plug-ins refuse us.
			Concurrency: 2,
			// Times of change have whole seconds, are set before the database commits, and plug-ins hold
			// transactions open.
			Overlap: 2 * time.Minute,
			// Bodies are made of caches when the delivery runs, and may be older than the record.
			FetchAlways: true,
		},
	}
}

// conn is an open connection.
type conn struct {
	config *config
	env    connector.Env
	api    *api.Client
}

// Check implements connector.Connector.
func (c *conn) Check(ctx context.Context) (connector.Account, error) {
	index, err := c.api.Index(ctx)
	if err != nil {
		return connector.Account{}, err
	}
	account := connector.Account{ID: index.Home, Name: plainText(index.Name), TimeZone: index.TimeZone}
	if account.ID == "" {
		account.ID = c.env.BaseURL
	}
	page, err := c.api.List(ctx, "read the newest order", "orders", url.Values{"per_page": {"1"}, "_fields": {"id,version"}})
	if err != nil {
		return connector.Account{}, err
	}
	account.ServerTime = page.Date
	if len(page.Items) > 0 {
		if newest, err := decodeHead(page.Items[0]); err == nil {
			account.Version = string(newest.Version)
		}
	}
	var currency struct {
		Code string `json:"code"`
	}
	switch _, err := c.api.Get(ctx, "read the shop's currency", "data/currencies/current", nil, &currency); {
	case err == nil:
		account.Currency = currency.Code
	case !optional(err):
		return connector.Account{}, err
	}
	var setting struct {
		Value api.Flag `json:"value"`
	}
	switch _, err := c.api.Get(ctx, "read whether prices include tax", "settings/tax/woocommerce_prices_include_tax", nil, &setting); {
	case err == nil:
		included := bool(setting.Value)
		account.PricesIncludeTax = &included
	case !optional(err):
		return connector.Account{}, err
	}
	account.Findings = c.findings(index, account)
	return account, nil
}

// optional says whether an error only means that the key's user may not read something, or that the
// shop is too old to tell it.
func optional(err error) bool {
	switch connector.KindOf(err) {
	case connector.KindForbidden, connector.KindNotFound, connector.KindInvalid, connector.KindAuth:
		return true
	default:
		return false
	}
}

func (c *conn) findings(index api.Index, account connector.Account) []connector.Finding {
	var out []connector.Finding
	warn := func(text, fix string) {
		out = append(out, connector.Finding{Level: "warning", Text: text, Fix: fix})
	}
	if strings.HasPrefix(c.env.BaseURL, "http://") {
		warn("The shop is reached without TLS: orders and customers can be read on the way.", "Give the shop a certificate and change base_url to https.")
	}
	if home, err := url.Parse(index.Home); err == nil && home.Host != "" && c.config.signedURL == "" {
		if base, err := url.Parse(c.env.BaseURL); err == nil && (base.Host != home.Host || base.Scheme != home.Scheme) {
			warn("WordPress believes that its address is "+home.Scheme+"://"+home.Host+home.Path+".",
				"Use that address as base_url, or set signed_url to it when OAuth 1.0a is used behind a proxy.")
		}
	}
	if c.config.WebhookSecret == "" {
		warn("There is no webhook secret, so orders only come by schedule.", "Set webhook_secret to a long random text.")
	}
	if account.TimeZone == "" {
		warn("WordPress has an offset instead of a time zone, which is wrong for half of the year.", "Choose a city under Settings > General > Timezone.")
	}
	return out
}

// Close implements connector.Connector.
func (c *conn) Close(context.Context) error { return nil }

// asError gives the first *connector.Error in a chain.
func asError(err error) (*connector.Error, bool) { return errors.AsType[*connector.Error](err) }
