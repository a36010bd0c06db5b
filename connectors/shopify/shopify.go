// Package shopify connects shops on Shopify as a source of orders and customers, through the REST and
// the GraphQL form of the Admin API and through webhooks.
//
// It translates between Shopify's records and package commerce, and knows neither a destination nor
// what becomes of the records that it gives.
package shopify

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
)

// Definition describes Shopify.
func Definition() connector.Definition {
	return connector.Definition{
		Name: "shopify", Title: "Shopify", Group: connector.GroupShop, Roles: connector.Source, New: newConfig,
		Traits: connector.Traits{
			BaseURL: connector.BaseURLRule{
				Required: true, Example: "https://my-shop.myshopify.com",
				Help: "address of the shop at myshopify.com, never its public domain",
			},
			// The budget is the plan's: every answer says what is left of it, and the client obeys.
			Concurrency: 4,
			// The index behind updated_at lags by seconds, and its clock has seconds only.
			Overlap: 5 * time.Minute,
		},
	}
}

type conn struct {
	config  config
	decoder decoder
	env     connector.Env
	api     *api.Client
}

var (
	_ connector.Connector        = (*conn)(nil)
	_ connector.WebhookReceiver  = (*conn)(nil)
	_ connector.WebhookRegistrar = (*conn)(nil)
	_ connector.Lister           = (*conn)(nil)
	_ connector.Counter          = (*conn)(nil)
	_ connector.Fetcher          = (*conn)(nil)
	_ connector.Feedback         = (*conn)(nil)
	_ connector.SourceConfig     = (*config)(nil)
)

// Check reads the shop and the token's rights.
func (c *conn) Check(ctx context.Context) (connector.Account, error) {
	scopes, at, err := c.api.Scopes(ctx)
	if err != nil {
		return connector.Account{}, err
	}
	if !granted(scopes, "orders") {
		return connector.Account{}, &connector.Error{
			Kind: connector.KindForbidden, Op: "check", Code: "read_orders",
			Message: "the token may not read orders", Fix: "give the app the access scope read_orders and install it again",
		}
	}
	shop, err := c.shop(ctx)
	if err != nil {
		return connector.Account{}, err
	}
	account := connector.Account{
		ID: shop.Domain, Name: shop.Name, Version: c.api.Version(), Currency: shop.Currency, TimeZone: shop.TimeZone,
		PricesIncludeTax: &shop.TaxesIncluded, ServerTime: at,
	}
	account.Findings = append(c.scopeFindings(scopes), c.settingFindings(shop)...)
	if granted(scopes, "customers") {
		finding, err := c.protectedData(ctx)
		if err != nil {
			return connector.Account{}, err
		}
		account.Findings = append(account.Findings, finding...)
	}
	return account, nil
}

func (c *conn) shop(ctx context.Context) (api.Shop, error) {
	if c.config.API == apiREST {
		return c.api.Shop(ctx)
	}
	return c.api.GraphShop(ctx)
}

// granted says whether a resource may be read; the right to write it includes that.
func granted(scopes []string, resource string) bool {
	return slices.Contains(scopes, "read_"+resource) || slices.Contains(scopes, "write_"+resource)
}

func (c *conn) scopeFindings(scopes []string) []connector.Finding {
	var found []connector.Finding
	lacks := func(level, scope, text string) {
		found = append(found, connector.Finding{
			Level: level, Text: text, Fix: "give the app the access scope " + scope + " and install it again",
		})
	}
	if !slices.Contains(scopes, "read_all_orders") {
		found = append(found, connector.Finding{
			Level: "warning",
			Text:  "the app sees the orders of the last 60 days only: older ones cannot be listed or read",
			Fix:   "ask for read_all_orders in the app's API access requests, add it to the access scopes and install the app again",
		})
	}
	if !granted(scopes, "customers") {
		lacks("error", "read_customers", "the app may not read customers: orders come without their buyers")
	}
	if c.config.API == apiGraphQL && !granted(scopes, "products") {
		lacks("error", "read_products", "the app may not read products, which GraphQL needs for the articles of an order")
	}
	if !slices.Contains(scopes, "write_orders") {
		lacks("warning", "write_orders", "the app may not write orders: the ERP's number cannot be written back")
	}
	return found
}

func (c *conn) settingFindings(shop api.Shop) []connector.Finding {
	var found []connector.Finding
	if c.config.ClientSecret == "" && c.config.WebhookSecret == "" {
		found = append(found, connector.Finding{
			Level: "warning", Text: "without a secret no webhook can be proved to be Shopify's: orders come by schedule only",
			Fix: "set client_secret (for webhooks that Orderly makes) or webhook_secret (for those made in the shop's admin)",
		})
	}
	if answered := c.api.Version(); answered != "" && answered != c.config.APIVersion {
		found = append(found, connector.Finding{
			Level: "warning",
			Text:  fmt.Sprintf("Shopify answers with version %s of its API in place of %s, which it does not support", answered, c.config.APIVersion),
			Fix:   "set api_version to a version that Shopify supports",
		})
	}
	if host := c.shopHost(); host != "" && shop.Domain != "" && !strings.EqualFold(host, shop.Domain) {
		found = append(found, connector.Finding{
			Level: "error", Text: fmt.Sprintf("the shop's address is %s, not %s: its webhooks would be taken for another shop's", shop.Domain, host),
			Fix: "set base_url to https://" + shop.Domain,
		})
	}
	return found
}

// shopHost is the shop's host where base_url names one at myshopify.com; "" for a proxy or a test.
func (c *conn) shopHost() string {
	base, err := url.Parse(c.env.BaseURL)
	if err != nil || !strings.HasSuffix(strings.ToLower(base.Hostname()), ".myshopify.com") {
		return ""
	}
	return base.Hostname()
}

// protectedData looks whether names and addresses are kept back, which Shopify does without an error
// for apps that have no access to protected customer data.
// (shopify.dev/docs/apps/launch/protected-customer-data)
func (c *conn) protectedData(ctx context.Context) ([]connector.Finding, error) {
	page, err := c.listPage(ctx, ordersResource, window{}, "", 3)
	if err != nil {
		return nil, err
	}
	for _, body := range page.bodies {
		o, err := readOrder(connector.Raw{Form: c.config.API, Body: body})
		if err != nil || o.Customer == nil {
			continue
		}
		if anonymous(o) {
			return []connector.Finding{{
				Level: "error",
				Text:  "names, addresses and e-mail of buyers are kept back: the app has no access to protected customer data",
				Fix:   "ask for it (name, address, e-mail, phone) in the app's API access requests; custom apps of the Dev Dashboard have it, those of the shop's admin depend on its plan",
			}}, nil
		}
		return nil, nil
	}
	return nil, nil
}

// anonymous says that an order has a customer but tells nothing of who that is.
func anonymous(o *api.Order) bool {
	c := o.Customer
	nobody := c.FirstName == "" && c.LastName == "" && c.Email == "" && c.Phone == ""
	return nobody && o.Email == "" && nameless(o.BillingAddress) && nameless(o.ShippingAddress)
}

func nameless(a *api.Address) bool {
	return a == nil || a.FirstName == "" && a.LastName == "" && a.Name == "" && a.Address1 == ""
}

// Close has nothing to end: tokens live on.
func (c *conn) Close(context.Context) error { return nil }
