package api

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oauth signs requests as OAuth 1.0a does without a token ("one-legged"), in the way that WooCommerce
// checks it: all parameters in the query, the body not signed (includes/class-wc-rest-authentication.php).
type oauth struct {
	key, secret string
	at          time.Time
	nonce       string
}

// nonce is a text that no request has had before.
func nonce() string { return rand.Text() }

// sign gives the query of a request with its signature.
func (o oauth) sign(method string, at *url.URL) url.Values {
	q := at.Query()
	q.Set("oauth_consumer_key", o.key)
	q.Set("oauth_nonce", o.nonce)
	q.Set("oauth_signature_method", "HMAC-SHA256")
	q.Set("oauth_timestamp", strconv.FormatInt(o.at.Unix(), 10))
	q.Set("oauth_signature", Signature(method, at, q, o.secret))
	return q
}

// Signature is the OAuth 1.0a signature (HMAC-SHA256) of a request with these parameters, of which
// oauth_signature is none.
func Signature(method string, at *url.URL, q url.Values, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret+"&"))
	mac.Write([]byte(signatureBase(method, at, q)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signatureBase is the text that is signed (RFC 5849, 3.4.1).
func signatureBase(method string, at *url.URL, q url.Values) string {
	var pairs []string
	for name, values := range q {
		if name == "oauth_signature" {
			continue
		}
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	bare := url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path}
	return strings.ToUpper(method) + "&" + escape(bare.String()) + "&" + escape(strings.Join(pairs, "&"))
}

// escape is percent-encoding as RFC 3986 has it.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
