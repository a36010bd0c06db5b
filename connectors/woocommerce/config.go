package woocommerce

import (
	"context"
	"net/url"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
)

// Ways of telling the shop what became of an order.
const (
	feedbackMeta = "meta"
	feedbackNote = "meta_and_note"
)

// config is the configuration of a connection. Secrets are exported fields, because fmt hides no others.
type config struct {
	ConsumerKey    connector.Secret
	ConsumerSecret connector.Secret
	WebhookSecret  connector.Secret
	auth           string
	signedURL      string
	apiVersion     string
	plain          bool
	decimals       int
	customerRole   string
	feedback       string
}

func newConfig() *config {
	return &config{auth: string(api.AuthAuto), apiVersion: "wc/v3", decimals: 6, customerRole: "all", feedback: feedbackMeta}
}

// Settings implements connector.Config.
func (c *config) Settings() []connector.Setting {
	return []connector.Setting{
		connector.SecretString(&c.ConsumerKey, "consumer_key", "first part of the REST API key, beginning with ck_ (WooCommerce > Settings > Advanced > REST API)",
			connector.Required()),
		connector.SecretString(&c.ConsumerSecret, "consumer_secret", "second part of that key, beginning with cs_; it is shown only once",
			connector.Required()),
		connector.SecretString(&c.WebhookSecret, "webhook_secret", "long random text of your own that webhooks are signed with; without it orders only come by schedule"),
		connector.String(&c.auth, "auth", "how the key is sent: auto is basic over https and oauth1 over http; query is for web servers that take the Authorization header away",
			connector.Allowed(string(api.AuthAuto), string(api.AuthBasic), string(api.AuthQuery), string(api.AuthOAuth)), connector.Advanced()),
		connector.String(&c.signedURL, "signed_url", "with oauth1: the address that WordPress believes to have, where it is not base_url (behind a proxy that ends TLS)",
			connector.Example("http://shop.example.com"), connector.Advanced()),
		connector.String(&c.apiVersion, "api_version", "version of the REST API; no other than wc/v3 is tested", connector.Advanced()),
		connector.Bool(&c.plain, "plain_permalinks", "the shop has Plain permalinks, so that routes are sent as ?rest_route=", connector.Advanced()),
		// Not 3 to 5: what is rounded to them and then to the currency's may be a cent off.
		connector.Int(&c.decimals, "decimals", "decimals to ask amounts with, 2 or 6 to 8: with 6, as the shop calculates, totals of shops that round at the end can be proved; most shops show 2",
			connector.Advanced()),
		connector.String(&c.customerRole, "customer_role", "WordPress role of the accounts that are listed as customers, or all",
			connector.Example("customer"), connector.Advanced()),
		connector.String(&c.feedback, "feedback", "how the destination's number is written back: into private fields of the order, with a private note beside, or not at all",
			connector.Allowed(feedbackMeta, feedbackNote, "none"), connector.Advanced()),
	}
}

// Open implements connector.Config.
func (c *config) Open(_ context.Context, env connector.Env) (connector.Connector, error) {
	switch base, err := url.Parse(env.BaseURL); {
	case err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "":
		return nil, wrong("base_url", "is no address that begins with https:// or http://", "enter the shop's address, for example https://shop.example.com")
	case base.Scheme == "http" && (c.auth == string(api.AuthBasic) || c.auth == string(api.AuthQuery)):
		return nil, wrong("auth", "is "+c.auth+", which WooCommerce ignores without TLS", "set it to oauth1 or auto, or use an https address")
	case c.decimals != 2 && (c.decimals < 6 || c.decimals > 8):
		return nil, wrong("decimals", "is neither 2 nor 6 to 8", "leave it out, or set it to 6")
	}
	if c.signedURL != "" {
		if at, err := url.Parse(c.signedURL); err != nil || at.Host == "" {
			return nil, wrong("signed_url", "is no address", "enter the address that WordPress has under Settings > General, for example http://shop.example.com")
		}
	}
	return &conn{config: c, env: env, api: api.New(api.Account{
		Base: strings.TrimRight(env.BaseURL, "/"), Version: c.apiVersion, Plain: c.plain, Auth: api.Auth(c.auth),
		Key: c.ConsumerKey, Secret: c.ConsumerSecret, SignedBase: strings.TrimRight(c.signedURL, "/"), HTTP: env.HTTP, Now: env.Now,
	})}, nil
}

func wrong(setting, message, fix string) error {
	e := connector.Invalid(setting, "%s", message)
	e.Fix = fix
	return e
}

// Decoder implements connector.SourceConfig.
func (c *config) Decoder() connector.Decoder { return decoder{} }
