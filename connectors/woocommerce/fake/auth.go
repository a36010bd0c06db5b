package fake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// authenticate checks the key, as WC_REST_Authentication and the routes' permissions do: over TLS in the
// header or the query, without it only by OAuth 1.0a.
func (v *Vendor) authenticate(c *call) *reply {
	refuse := func(message string) *reply {
		a := failed(http.StatusUnauthorized, "woocommerce_rest_authentication_error", message, nil)
		return &a
	}
	var key *Key
	switch {
	case v.secure():
		user, password, given := c.request.BasicAuth()
		if q := c.query; q.Get("consumer_key") != "" && q.Get("consumer_secret") != "" {
			user, password, given = q.Get("consumer_key"), q.Get("consumer_secret"), true
		}
		if !given {
			return v.anonymous(c)
		}
		if key = v.key(user); key == nil {
			return v.anonymous(c)
		}
		if key.Secret != password {
			return refuse("Consumer secret is invalid.")
		}
	case c.query.Get("oauth_consumer_key") == "":
		return v.anonymous(c)
	default:
		for _, name := range []string{"oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method"} {
			if c.query.Get(name) == "" {
				return refuse("Missing OAuth parameter " + name)
			}
		}
		if key = v.key(c.query.Get("oauth_consumer_key")); key == nil {
			return refuse("Consumer key is invalid.")
		}
		if message := v.oauth(c, *key); message != "" {
			return refuse(message)
		}
	}
	reads := c.method == http.MethodGet || c.method == http.MethodHead
	switch {
	case reads && key.Permission == "write":
		return refuse("The API key provided does not have read permissions.")
	case !reads && key.Permission == "read":
		return refuse("The API key provided does not have write permissions.")
	case v.restricted:
		a := v.forbidden(c, http.StatusForbidden)
		return &a
	}
	return nil
}

func (v *Vendor) key(name string) *Key {
	for i := range v.keys {
		if v.keys[i].Key == name {
			return &v.keys[i]
		}
	}
	return nil
}

// anonymous is what somebody without a key gets to see: nothing.
func (v *Vendor) anonymous(c *call) *reply {
	a := v.forbidden(c, http.StatusUnauthorized)
	return &a
}

func (v *Vendor) forbidden(c *call, status int) reply {
	switch {
	case c.method == http.MethodPost:
		return failed(status, "woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources.", nil)
	case c.method == http.MethodDelete:
		return failed(status, "woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource.", nil)
	case c.method != http.MethodGet:
		return failed(status, "woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource.", nil)
	case strings.Contains(c.path, "/"):
		return failed(status, "woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.", nil)
	}
	return failed(status, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", nil)
}

// oauthWindow is how far a timestamp may be from the shop's clock, in seconds; nonces are kept as long.
const oauthWindow = 15 * 60

// oauth gives what is wrong with a signed request, or "".
func (v *Vendor) oauth(c *call, key Key) string {
	method := c.query.Get("oauth_signature_method")
	if method != "HMAC-SHA256" {
		if method == "HMAC-SHA1" {
			v.strange("%s %s: signed with SHA-1", c.method, c.path)
		}
		return "Invalid signature - signature method is invalid."
	}
	if !hmac.Equal([]byte(v.sign(c, key.Secret)), []byte(c.query.Get("oauth_signature"))) {
		return "Invalid signature - provided signature does not match."
	}
	now := v.now().Unix()
	at, err := strconv.ParseInt(c.query.Get("oauth_timestamp"), 10, 64)
	if err != nil || at < now-oauthWindow || at > now+oauthWindow {
		return "Invalid timestamp."
	}
	nonce := key.Key + " " + c.query.Get("oauth_nonce")
	if _, used := v.nonces[nonce]; used {
		return "Invalid nonce - nonce has already been used."
	}
	if len(v.nonces) > 100_000 {
		for old, used := range v.nonces {
			if used < now-oauthWindow {
				delete(v.nonces, old)
			}
		}
	}
	v.nonces[nonce] = at
	return ""
}

// sign works the signature out that a request should have: over the address that the shop believes
// to have and all parameters but the signature, sorted by name.
func (v *Vendor) sign(c *call, secret string) string {
	names := make([]string, 0, len(c.query))
	for name := range c.query {
		if name != "oauth_signature" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var pairs []string
	for _, name := range names {
		for _, value := range c.query[name] {
			pairs = append(pairs, encode(encode(name))+"%3D"+encode(encode(value)))
		}
	}
	mac := hmac.New(sha256.New, []byte(secret+"&"))
	mac.Write([]byte(c.method + "&" + encode(v.options.BaseURL+c.request.URL.EscapedPath()) + "&" + strings.Join(pairs, "%26")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// encode is PHP's rawurlencode.
func encode(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
