package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// OAuth is the way in by the identity provider, with client credentials (Working with SAP Business One Service Layer, webhook sample; OAuth 2.0, RFC 6749, 4.4).
type OAuth struct {
	TokenURL     string
	ClientID     string
	ClientSecret connector.Secret
	CompanyID    string // the number of the company in the system landscape directory
}

const tokenState = "token"

type token struct {
	Value string    `json:"value"`
	Ends  time.Time `json:"ends"`
}

// tokenMargin is how long before its end a token is not used any more.
const tokenMargin = time.Minute

func (c *Client) bearer(ctx context.Context, req *http.Request) error {
	kept, err := c.account.State.Load(ctx, tokenState)
	if err != nil {
		return err
	}
	t := readToken(kept)
	if t.Value == "" || !c.account.Now().Before(t.Ends.Add(-tokenMargin)) {
		if err := c.newToken(ctx, t.Value); err != nil {
			return err
		}
		if kept, err = c.account.State.Load(ctx, tokenState); err != nil {
			return err
		}
		t = readToken(kept)
	}
	if u, ok := ctx.Value(usedKey{}).(*used); ok {
		u.id = t.Value
	}
	req.Header.Set("Authorization", "Bearer "+t.Value)
	req.Header.Set("X-B1-COMPANYID", c.account.OAuth.CompanyID)
	return nil
}

func readToken(kept []byte) (t token) {
	if len(kept) == 0 || json.Unmarshal(kept, &t) != nil {
		return token{}
	}
	return t
}

// newToken gets a token in the place of the ended one, once for all nodes.
func (c *Client) newToken(ctx context.Context, ended string) error {
	o := c.account.OAuth
	_, err := c.account.State.Update(ctx, tokenState, func(ctx context.Context, current []byte) ([]byte, error) {
		if t := readToken(current); t.Value != "" && t.Value != ended && c.account.Now().Before(t.Ends.Add(-tokenMargin)) {
			return current, nil
		}
		var answer struct {
			Token   string `json:"access_token"`
			Seconds int64  `json:"expires_in"`
		}
		provider := &httpx.Client{Base: o.TokenURL, HTTP: c.account.HTTP}
		basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(o.ClientID) + ":" + url.QueryEscape(o.ClientSecret.Reveal())))
		_, err := provider.Do(ctx, httpx.Call{
			Op: "get a token", Method: http.MethodPost, Out: &answer, Safe: true,
			Header: http.Header{"Authorization": {"Basic " + basic}},
			Form:   url.Values{"grant_type": {"client_credentials"}, "scope": {"openid"}},
		})
		if err != nil {
			if kind := connector.KindOf(err); kind == connector.KindInvalid || kind == connector.KindAuth {
				return nil, &connector.Error{
					Kind: connector.KindAuth, Op: "get a token", Message: "the identity provider does not accept the client", Fix: "check client_id, client_secret and token_url",
				}
			}
			return nil, err
		}
		if answer.Token == "" || strings.ContainsAny(answer.Token, "\r\n") {
			return nil, connector.Errorf(connector.KindUnavailable, "get a token", "the answer has no token")
		}
		if answer.Seconds <= 0 || answer.Seconds > 24*3600 {
			answer.Seconds = 300
		}
		return json.Marshal(token{Value: answer.Token, Ends: c.account.Now().Add(time.Duration(answer.Seconds) * time.Second)})
	})
	return err
}
