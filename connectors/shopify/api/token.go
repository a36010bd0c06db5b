package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

const (
	// tokenState is the name of the token in the connection's state.
	tokenState = "access_token"
	// renewEarly is how long before its end a token is replaced.
	renewEarly = 5 * time.Minute
)

// token is an access token as it is kept in the state.
type token struct {
	Value   string    `json:"value"`
	Expires time.Time `json:"expires"`
}

func (t *token) fresh(now time.Time) bool {
	return t != nil && t.Value != "" && now.Before(t.Expires.Add(-renewEarly))
}

type usedTokenKey struct{}

// withUsedToken gives a context in which a call notes the token that it used, so that a refusal
// replaces that token and not one that another call has got meanwhile.
func withUsedToken(ctx context.Context) context.Context {
	return context.WithValue(ctx, usedTokenKey{}, new(string))
}

func usedToken(ctx context.Context) *string {
	if used, ok := ctx.Value(usedTokenKey{}).(*string); ok {
		return used
	}
	return new(string)
}

// authorize puts the token on a request, getting one first where there is none or it ends soon.
func (c *Client) authorize(ctx context.Context, req *http.Request) error {
	value := c.options.Token.Reveal()
	if value == "" {
		t := c.token.Load()
		if !t.fresh(c.options.Now()) {
			var err error
			if t, err = c.replace(ctx, ""); err != nil {
				return err
			}
		}
		value = t.Value
	}
	*usedToken(ctx) = value
	req.Header.Set("X-Shopify-Access-Token", value)
	return nil
}

// renew replaces the token that the shop refused.
func (c *Client) renew(ctx context.Context) error {
	if c.options.Token != "" {
		return &connector.Error{
			Kind: connector.KindAuth, Message: "Shopify does not accept the access token",
			Fix: "check access_token and base_url; a token of an app that was uninstalled is worth nothing",
		}
	}
	_, err := c.replace(ctx, *usedToken(ctx))
	return err
}

// replace gives a token other than the refused one: the one that another worker has stored, or a new
// one. A new one is stored before it is used.
func (c *Client) replace(ctx context.Context, refused string) (*token, error) {
	stored, err := c.options.State.Update(ctx, tokenState, func(ctx context.Context, current []byte) ([]byte, error) {
		var present token
		if json.Unmarshal(current, &present) == nil && present.fresh(c.options.Now()) && present.Value != refused {
			return current, nil
		}
		fresh, err := c.grant(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(fresh)
	})
	if err != nil {
		return nil, err
	}
	t := new(token)
	if err := json.Unmarshal(stored, t); err != nil {
		return nil, connector.Errorf(connector.KindBug, "sign in", "the stored token cannot be read: %w", err)
	}
	c.token.Store(t)
	return t, nil
}

// grant asks for a token by the client credentials grant. There is no refresh token: a new one is
// asked for whenever one is needed.
// (shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant)
func (c *Client) grant(ctx context.Context) (token, error) {
	var out struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"` // seconds; about a day
	}
	resp, err := c.reads.Do(ctx, httpx.Call{
		Op: "sign in", Method: http.MethodPost, Path: "/admin/oauth/access_token", Anonymous: true,
		Safe: true, // asking twice gives two tokens and changes nothing
		Form: url.Values{
			"grant_type":    {"client_credentials"},
			"client_id":     {c.options.ClientID},
			"client_secret": {c.options.Secret.Reveal()},
		},
		Out: &out,
	})
	if resp != nil && (resp.Status == http.StatusBadRequest || resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden) {
		return token{}, refusedGrant(resp)
	}
	if err != nil {
		return token{}, err
	}
	if out.AccessToken == "" || out.ExpiresIn <= 0 {
		return token{}, connector.Errorf(connector.KindUnavailable, "sign in", "the answer holds no token")
	}
	return token{Value: out.AccessToken, Expires: c.options.Now().Add(time.Duration(out.ExpiresIn) * time.Second)}, nil
}

func refusedGrant(resp *httpx.Response) error {
	var body struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(resp.Body, &body) // an HTML page has no code
	e := &connector.Error{
		Kind: connector.KindAuth, Op: "sign in", Code: clip(body.Error, 60),
		Message: "Shopify does not accept client_id and client_secret",
		Fix:     "copy both from the app's settings in the Dev Dashboard",
	}
	if body.Error == "shop_not_permitted" {
		e.Message = "the app and the shop do not belong to one organisation, so that client credentials are not allowed"
		e.Fix = "make the app in the Dev Dashboard of the organisation that owns the shop and install it, or give an access_token"
	}
	return e
}
