// Package api is Shopify's Admin API as it is: its types, its calls over REST and GraphQL, its ways to
// sign in, its limits and its errors. It knows nothing of Orderly's model of an order.
package api

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// Options are what a client is made with.
type Options struct {
	BaseURL string // https://{shop}.myshopify.com, without a trailing slash
	Version string // "2026-07"
	HTTP    *http.Client
	State   connector.State
	Now     func() time.Time
	// Token is a token that never ends. Without one, ClientID and Secret get tokens that last a day.
	Token    connector.Secret
	ClientID string
	Secret   connector.Secret
}

// Client calls the Admin API of one shop.
type Client struct {
	options  Options
	reads    httpx.Client
	writes   httpx.Client
	token    atomic.Pointer[token]
	answered atomic.Pointer[string] // the version that the last answer was made with
}

// New makes a client. It makes no call.
func New(o Options) *Client {
	c := &Client{options: o}
	c.reads = httpx.Client{
		Base: o.BaseURL, HTTP: o.HTTP,
		Authorize: c.authorize, Renew: c.renew, Explain: explainRead, Limits: limits,
	}
	c.writes = c.reads
	c.writes.Explain = explainWrite
	return c
}

// Version gives the version that answers were made with: a version that Shopify does not support any
// more answers as the oldest that it does. (shopify.dev/docs/api/usage/versioning)
func (c *Client) Version() string {
	if answered := c.answered.Load(); answered != nil {
		return *answered
	}
	return ""
}

func (c *Client) do(ctx context.Context, call httpx.Call) (*httpx.Response, error) {
	client := &c.writes
	if call.Safe || call.Method == "" || call.Method == http.MethodGet {
		client = &c.reads
	}
	resp, err := client.Do(withUsedToken(ctx), call)
	if resp != nil {
		if version := resp.Header.Get("X-Shopify-Api-Version"); version != "" {
			c.answered.Store(&version)
		}
	}
	return resp, err
}

// path is an address below the version.
func (c *Client) path(rest string) string {
	return "/admin/api/" + c.options.Version + "/" + rest
}

// GraphQL runs a query or mutation and decodes its data into out. A mutation's userErrors are the
// caller's to look at. What only reads is safe to send twice.
func (c *Client) GraphQL(ctx context.Context, op, query string, variables map[string]any, safe bool, out any) error {
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	_, err := c.do(ctx, httpx.Call{
		Op: op, Method: http.MethodPost, Path: c.path("graphql.json"), Safe: safe, Out: &answer,
		JSON: map[string]any{"query": query, "variables": variables},
	})
	if err != nil {
		return err
	}
	kind := connector.KindMaybeApplied
	if safe {
		kind = connector.KindUnavailable
	}
	if len(answer.Data) == 0 || string(answer.Data) == "null" {
		return connector.Errorf(kind, op, "the answer holds neither data nor errors")
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return connector.Errorf(kind, op, "the answer's data is not what the query asks for: %w", err)
	}
	return nil
}

// Shop is the shop that the token is for.
type Shop struct {
	ID            ID     `json:"id"`
	Name          string `json:"name"`
	Domain        string `json:"myshopify_domain"`
	Currency      string `json:"currency"`
	TimeZone      string `json:"iana_timezone"`
	TaxesIncluded bool   `json:"taxes_included"`
}

// Shop reads the shop.
func (c *Client) Shop(ctx context.Context) (Shop, error) {
	var out struct {
		Shop Shop `json:"shop"`
	}
	_, err := c.do(ctx, httpx.Call{Op: "read the shop", Path: c.path("shop.json"), Out: &out})
	return out.Shop, err
}

// Scopes gives the rights that the token has, such as "read_orders", and the shop's time. The address has no version and
// needs no right. (shopify.dev/docs/api/admin-rest/latest/resources/accessscope)
func (c *Client) Scopes(ctx context.Context) ([]string, time.Time, error) {
	var out struct {
		Scopes []struct {
			Handle string `json:"handle"`
		} `json:"access_scopes"`
	}
	resp, err := c.do(ctx, httpx.Call{Op: "read the access scopes", Path: "/admin/oauth/access_scopes.json", Out: &out})
	if err != nil {
		return nil, time.Time{}, err
	}
	at, _ := http.ParseTime(resp.Header.Get("Date")) // zero where a proxy has dropped it
	scopes := make([]string, len(out.Scopes))
	for i, s := range out.Scopes {
		scopes[i] = s.Handle
	}
	return scopes, at, nil
}
