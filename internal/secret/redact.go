package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Mask stands where a secret stood.
const Mask = "***"

// minMasked is the length below which a value is not looked for in texts: masking every "ab" would
// destroy them and hide nothing.
const minMasked = 4

// Redactor masks the secret values that it was told, and the values of fields whose name says that
// they are secret. It is safe for concurrent use; a nil Redactor knows names only.
type Redactor struct {
	mu       sync.Mutex
	values   map[string]bool
	replacer atomic.Pointer[strings.Replacer]
}

// NewRedactor makes a redactor that knows these values.
func NewRedactor(values ...string) *Redactor {
	r := &Redactor{values: map[string]bool{}}
	r.Add(values...)
	return r
}

// Add makes values known, in the forms in which they appear in traffic: as they are, escaped for
// URLs and JSON, and in Base64.
func (r *Redactor) Add(values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.values)
	for _, value := range values {
		if len(value) < minMasked {
			continue
		}
		r.values[value] = true
		for _, quoted := range jsonForms(value) {
			r.values[quoted] = true
		}
		r.values[url.QueryEscape(value)] = true
		r.values[url.PathEscape(value)] = true
		r.values[base64.StdEncoding.EncodeToString([]byte(value))] = true
	}
	if len(r.values) == before {
		return
	}
	// Longer values first, so that a secret that contains another one is masked whole.
	sorted := make([]string, 0, len(r.values))
	for value := range r.values {
		sorted = append(sorted, value)
	}
	slices.SortFunc(sorted, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	pairs := make([]string, 0, 2*len(sorted))
	for _, value := range sorted {
		pairs = append(pairs, value, Mask)
	}
	r.replacer.Store(strings.NewReplacer(pairs...))
}

// jsonForms gives the ways in which a text stands between quotes in JSON: encoders differ in
// whether they escape what HTML or a closing script tag would trip over.
func jsonForms(value string) []string {
	var plain strings.Builder
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return nil
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(plain.String()), `"`), `"`)
	html := strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(inner)
	return []string{inner, html, strings.ReplaceAll(inner, "/", `\/`)}
}

// Text masks every known value in a text.
func (r *Redactor) Text(text string) string {
	if r == nil {
		return text
	}
	replacer := r.replacer.Load()
	if replacer == nil {
		return text
	}
	return replacer.Replace(text)
}

// Body masks known values, and values behind secret names in JSON, XML and form-encoded text. The
// text may be cut off anywhere.
func (r *Redactor) Body(text string) string {
	return maskNamed(r.Text(text))
}

// Header gives a copy in which the values of secret headers and known values are masked.
func (r *Redactor) Header(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		masked := make([]string, len(values))
		for i, value := range values {
			if SensitiveName(name) {
				masked[i] = Mask
			} else {
				masked[i] = r.Text(value)
			}
		}
		out[name] = masked
	}
	return out
}

// URL gives an address as text without credentials, and with secret values of its query masked.
func (r *Redactor) URL(u *url.URL) string {
	clean := *u
	clean.User = nil
	clean.Fragment, clean.RawFragment = "", ""
	if clean.RawQuery != "" {
		parts := strings.Split(clean.RawQuery, "&")
		for i, part := range parts {
			name, _, found := strings.Cut(part, "=")
			if plain, err := url.QueryUnescape(name); found && (err != nil || SensitiveName(plain) || sensitiveParameter(plain)) {
				parts[i] = name + "=" + Mask
			}
		}
		clean.RawQuery = strings.Join(parts, "&")
	}
	return r.Text(clean.String())
}

// sensitiveWords are the parts of names that mark a value as secret, in lower case and without
// separators.
var sensitiveWords = []string{
	"password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "accesskey", "privatekey",
	"consumerkey", "credential", "authorization", "cookie", "sessionid", "signature", "hmac", "b1session",
}

// SensitiveName says whether a field, header or parameter of this name holds a secret: "password",
// "X-Shopify-Access-Token", "consumer_key".
func SensitiveName(name string) bool {
	folded := foldName(name)
	for _, word := range sensitiveWords {
		if strings.Contains(folded, word) {
			return true
		}
	}
	return false
}

// sensitiveParameter adds the short names that are secret in an address but common in bodies.
func sensitiveParameter(name string) bool {
	switch foldName(name) {
	case "key", "sig", "code", "auth", "sid":
		return true
	}
	return false
}

func foldName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '_' || c == '-' || c == '.' || c == ' ':
			return -1
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return c
	}, name)
}
