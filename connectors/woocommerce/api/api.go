// Package api is a client of the WooCommerce REST API, wc/v3: its types as shops really send them, the
// three ways of signing in, and what its errors mean. It knows nothing of the canonical model.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// Auth is a way of proving who calls.
type Auth string

// Ways to sign in (WooCommerce REST API documentation, "Authentication"). WooCommerce takes keys in the
// header or the query only over TLS, and without it only OAuth 1.0a.
const (
	AuthAuto  Auth = "auto" // basic over https, oauth1 over http
	AuthBasic Auth = "basic"
	AuthQuery Auth = "query" // for servers that take the Authorization header away
	AuthOAuth Auth = "oauth1"
)

// Account is what a Client needs to know of a shop.
type Account struct {
	Base    string // address of the shop, without a trailing slash
	Version string // "wc/v3"
	// Plain says that the shop has no readable permalinks, so that routes are a query parameter.
	Plain  bool
	Auth   Auth
	Key    connector.Secret
	Secret connector.Secret
	// SignedBase is the address that the shop believes to have, where it is not Base; OAuth signs it.
	SignedBase string
	HTTP       *http.Client
	Now        func() time.Time
}

// Client makes calls to one shop.
type Client struct {
	account Account
	http    httpx.Client
	// home is without the API's version.
	home string
}

// New makes a client.
func New(a Account) *Client {
	if a.Auth == AuthAuto || a.Auth == "" {
		a.Auth = AuthBasic
		if strings.HasPrefix(a.Base, "http://") {
			a.Auth = AuthOAuth
		}
	}
	c := &Client{account: a, home: a.Base + "/wp-json"}
	if a.Plain {
		c.home = a.Base + "/?rest_route="
	}
	c.http = httpx.Client{Base: a.Base, HTTP: straight(a.HTTP), Authorize: c.authorize, Explain: explain}
	return c
}

// straight is a client that follows no redirect: one from http to https or to another spelling of the
// address would make a GET of a POST and breaks a signature. The answer then names the true address.
func straight(client *http.Client) *http.Client {
	copied := *client
	copied.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &copied
}

func (c *Client) authorize(_ context.Context, req *http.Request) error {
	switch c.account.Auth {
	case AuthQuery:
		q := req.URL.Query()
		q.Set("consumer_key", c.account.Key.Reveal())
		q.Set("consumer_secret", c.account.Secret.Reveal())
		req.URL.RawQuery = q.Encode()
	case AuthOAuth:
		signed := *req.URL
		if c.account.SignedBase != "" {
			at, err := url.Parse(c.account.SignedBase + strings.TrimPrefix(req.URL.String(), c.account.Base))
			if err != nil {
				return fmt.Errorf("signed_url cannot be used as an address")
			}
			signed = *at
		}
		o := oauth{key: c.account.Key.Reveal(), secret: c.account.Secret.Reveal(), at: c.account.Now(), nonce: nonce()}
		req.URL.RawQuery = o.sign(req.Method, &signed).Encode()
	default:
		req.SetBasicAuth(c.account.Key.Reveal(), c.account.Secret.Reveal())
	}
	return nil
}

// path gives the address of a route of this API's version: "orders/28".
func (c *Client) path(route string) string {
	return c.home + "/" + c.account.Version + "/" + route
}

// List is a page of a list.
type Page struct {
	Items []json.RawMessage
	// Total is the number of all records of the list, -1 where the shop does not say.
	Total int
	Date  time.Time // the shop's clock
}

// List reads a page.
func (c *Client) List(ctx context.Context, op, route string, query url.Values) (Page, error) {
	resp, err := c.http.Do(ctx, httpx.Call{Op: op, Path: c.path(route), Query: query})
	if err != nil {
		return Page{}, err
	}
	page := Page{Total: -1}
	if err := json.Unmarshal(resp.Body, &page.Items); err != nil {
		return Page{}, unexpected(op, true, err)
	}
	if n, err := strconv.Atoi(resp.Header.Get("X-WP-Total")); err == nil {
		page.Total = n
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		page.Date = at
	}
	return page, nil
}

// Get reads one record as it stands. out, unless nil, gets it decoded, too.
func (c *Client) Get(ctx context.Context, op, route string, query url.Values, out any) (json.RawMessage, error) {
	resp, err := c.http.Do(ctx, httpx.Call{Op: op, Path: c.path(route), Query: query})
	if err != nil {
		return nil, err
	}
	return resp.Body, read(op, resp.Body, true, out)
}

// Write sends a record; out, unless nil, gets the answer.
func (c *Client) Write(ctx context.Context, op, method, route string, body, out any) error {
	resp, err := c.http.Do(ctx, httpx.Call{Op: op, Method: method, Path: c.path(route), JSON: body})
	if err != nil {
		return err
	}
	return read(op, resp.Body, false, out)
}

// Index is what a WordPress site says of itself to everybody.
type Index struct {
	Name       string       `json:"name"`
	URL        string       `json:"url"`
	Home       string       `json:"home"`
	TimeZone   string       `json:"timezone_string"`
	Namespaces List[string] `json:"namespaces"`
}

// Index reads the site's index, which needs no key.
func (c *Client) Index(ctx context.Context) (Index, error) {
	var out Index
	resp, err := c.http.Do(ctx, httpx.Call{Op: "read the site's index", Path: c.home + "/", Anonymous: true})
	if err != nil {
		return out, err
	}
	return out, read("read the site's index", resp.Body, true, &out)
}

func read(op string, body []byte, safe bool, out any) error {
	if out == nil {
		out = new(json.RawMessage)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return unexpected(op, safe, err)
	}
	return nil
}

func unexpected(op string, safe bool, err error) error {
	kind := connector.KindMaybeApplied
	if safe {
		kind = connector.KindUnavailable
	}
	e := connector.Errorf(kind, op, "the answer is not the JSON that was expected: %w", err)
	e.Fix = "see in a browser what the shop answers; security plug-ins and maintenance pages get in the way"
	return e
}

// withoutNotices drops what PHP wrote in front of the JSON: notices and warnings of plug-ins.
func withoutNotices(body []byte) []byte {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if json.Valid(body) || len(body) == 0 {
		return body
	}
	// A notice may have brackets of its own, so the rest must be JSON as well.
	for i, tries := 0, 0; i < len(body) && tries < 32; i++ {
		if body[i] != '{' && body[i] != '[' {
			continue
		}
		tries++
		if json.Valid(body[i:]) {
			return body[i:]
		}
	}
	return body
}
