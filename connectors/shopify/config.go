package shopify

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
)

// Values of the settings api and amounts.
const (
	apiREST    = "rest"
	apiGraphQL = "graphql"

	amountsShop        = "shop"
	amountsPresentment = "presentment"
)

type config struct {
	API          string
	APIVersion   string
	AccessToken  connector.Secret
	ClientID     string
	ClientSecret connector.Secret
	// PreviousSecret is accepted beside ClientSecret while Shopify goes over from one to the other.
	PreviousSecret connector.Secret
	WebhookSecret  connector.Secret
	Amounts        string
	TaxIDAttribute string
	TagPrefix      string
}

func newConfig() connector.Config {
	return &config{API: apiGraphQL, APIVersion: "2026-07", Amounts: amountsShop, TagPrefix: "erp-"}
}

func (c *config) Settings() []connector.Setting {
	return []connector.Setting{
		connector.String(&c.API, "api", "which of Shopify's two interfaces lists and reads records; webhooks are the same with both",
			connector.Allowed(apiGraphQL, apiREST)),
		connector.String(&c.APIVersion, "api_version", "version of the Admin API, a year and month; Shopify supports each for a year and then answers with the oldest that it supports",
			connector.Example("2026-07"), connector.Advanced()),
		connector.SecretString(&c.AccessToken, "access_token", "token of a custom app that was made in the shop's admin before 2026; leave it empty when client_id is given",
			connector.Example("shpat_0123456789abcdef0123456789abcdef")),
		connector.String(&c.ClientID, "client_id", "client id of an app in the Dev Dashboard of the organisation that owns the shop",
			connector.Example("0123456789abcdef0123456789abcdef")),
		connector.SecretString(&c.ClientSecret, "client_secret", "client secret of the app (also called API secret key): it signs the webhooks that the app makes and, with client_id, gets tokens",
			connector.Example("shpss_0123456789abcdef0123456789abcdef")),
		connector.SecretString(&c.PreviousSecret, "previous_client_secret", "the client secret before the last rotation: it may sign webhooks for another hour",
			connector.Advanced()),
		connector.SecretString(&c.WebhookSecret, "webhook_secret", "key that the page Settings > Notifications > Webhooks of the shop's admin shows; needed only for webhooks that were made there by hand",
			connector.Example("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")),
		connector.String(&c.Amounts, "amounts", "which of an order's two currencies its document is in: the shop's, or the one that the buyer saw and paid",
			connector.Allowed(amountsShop, amountsPresentment), connector.Advanced()),
		connector.String(&c.TaxIDAttribute, "tax_id_attribute", "name of the order's note attribute in which the shop's theme keeps the buyer's VAT number; Shopify has no field for it",
			connector.Example("vat_number"), connector.Advanced()),
		connector.String(&c.TagPrefix, "tag_prefix", "the ERP's number is written back to the order as a tag that begins with this",
			connector.Example("erp-"), connector.Advanced()),
	}
}

var versionForm = regexp.MustCompile(`^(20\d\d-(0[1-9]|1[0-2])|unstable)$`)

// maxTag is the length of a tag on an order, in characters. The number needs room, too.
const maxTag = 40

func (c *config) check(env connector.Env) error {
	switch {
	case c.AccessToken == "" && c.ClientID == "":
		return invalid("access_token", "neither access_token nor client_id is given", "give the token of a custom app, or client_id and client_secret of an app of the Dev Dashboard")
	case c.AccessToken != "" && c.ClientID != "":
		return invalid("client_id", "both access_token and client_id are given", "leave one of them out")
	case c.ClientID != "" && c.ClientSecret == "":
		return invalid("client_secret", "client_id is given without client_secret", "copy both from the app's settings in the Dev Dashboard")
	case !versionForm.MatchString(c.APIVersion):
		return invalid("api_version", "the version is no year and month", "write it like 2026-07")
	case len(c.TagPrefix) > maxTag/2 || strings.Contains(c.TagPrefix, ",") || c.TagPrefix == "":
		return invalid("tag_prefix", "the prefix is empty, longer than 20 bytes or has a comma", "write something like erp-")
	}
	if base, err := url.Parse(env.BaseURL); err != nil || base.Host == "" {
		return invalid("base_url", "the address has no host", "write it like https://my-shop.myshopify.com")
	}
	return nil
}

func invalid(setting, message, fix string) error {
	return &connector.Error{Kind: connector.KindInvalid, Op: "open", Field: setting, Message: message, Fix: fix}
}

func (c *config) Open(_ context.Context, env connector.Env) (connector.Connector, error) {
	if err := c.check(env); err != nil {
		return nil, err
	}
	return &conn{
		config:  *c,
		decoder: c.decoder(),
		env:     env,
		api: api.New(api.Options{
			BaseURL: env.BaseURL, Version: c.APIVersion, HTTP: env.HTTP, State: env.State, Now: env.Now,
			Token: c.AccessToken, ClientID: c.ClientID, Secret: c.ClientSecret,
		}),
	}, nil
}

// Decoder translates both forms, whichever of them the setting api asks for: webhooks have REST's.
func (c *config) Decoder() connector.Decoder { return c.decoder() }

func (c *config) decoder() decoder {
	return decoder{presentment: c.Amounts == amountsPresentment, taxIDAttribute: c.TaxIDAttribute, tagPrefix: c.TagPrefix}
}
