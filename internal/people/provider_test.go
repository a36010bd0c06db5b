package people_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// vendor is a small OpenID Connect provider: it signs with its own key, gives codes out once, and checks what a
// provider must: the client, its secret, the redirect and the proof of PKCE.
type vendor struct {
	*httptest.Server
	t        *testing.T
	key      *rsa.PrivateKey
	now      func() time.Time
	clientID string
	secret   string
	redirect string

	mu sync.Mutex
	// who signs in, as claims; each test changes what it wants.
	claims map[string]any
	// sign may replace the key that tokens are signed with, and header and body the token's.
	sign   *rsa.PrivateKey
	header map[string]any
	raw    string // in place of a token
	// userinfo is what the endpoint tells; nil is none.
	userinfo map[string]any
	// issuer is what the description says in place of the address.
	issuer string
	down   bool
	codes  map[string]grant
	calls  map[string]int
}

// grant is what a code stands for.
type grant struct{ challenge, nonce string }

func newVendor(t *testing.T, now func() time.Time) *vendor {
	t.Helper()
	v := &vendor{
		t: t, key: firstKey(), now: now, clientID: "orderly", secret: "a client secret", redirect: "https://orderly.example.com/sign-in/oidc",
		claims: map[string]any{"sub": "anna-1", "email": "Anna@Example.com", "email_verified": true},
		codes:  map[string]grant{}, calls: map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", v.describe)
	mux.HandleFunc("GET /keys", v.keys)
	mux.HandleFunc("GET /authorize", v.authorize)
	mux.HandleFunc("POST /token", v.token)
	mux.HandleFunc("GET /userinfo", v.tell)
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.calls[r.URL.Path]++
		if v.down {
			http.Error(w, "out of order: a secret of ours", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(v.Close)
	return v
}

// firstKey is what every provider begins with: making keys takes long.
var firstKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (v *vendor) write(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // who asks may have gone
}

func (v *vendor) describe(w http.ResponseWriter, _ *http.Request) {
	issuer := v.URL
	if v.issuer != "" {
		issuer = v.issuer
	}
	d := map[string]any{
		"issuer": issuer, "authorization_endpoint": v.URL + "/authorize", "token_endpoint": v.URL + "/token", "jwks_uri": v.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
	}
	if v.userinfo != nil {
		d["userinfo_endpoint"] = v.URL + "/userinfo"
	}
	v.write(w, d)
}

func (v *vendor) keys(w http.ResponseWriter, _ *http.Request) {
	b64 := base64.RawURLEncoding
	v.write(w, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": b64.EncodeToString(v.key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(v.key.E)).Bytes()),
	}}})
}

// authorize is the page where a person signs in; here everybody does at once.
func (v *vendor) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != v.clientID || q.Get("redirect_uri") != v.redirect || q.Get("response_type") != "code" {
		http.Error(w, "unknown client or redirect", http.StatusBadRequest)
		return
	}
	if q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("nonce") == "" || q.Get("state") == "" {
		http.Error(w, "this provider wants PKCE, a nonce and a state", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	v.codes[code] = grant{challenge: q.Get("code_challenge"), nonce: q.Get("nonce")}
	http.Redirect(w, r, v.redirect+"?"+url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {v.URL}}.Encode(), http.StatusFound)
}

func (v *vendor) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "a secret of ours"})
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	} else {
		id, secret = unescape(id), unescape(secret)
	}
	if id != v.clientID || secret != v.secret {
		refuse("invalid_client")
		return
	}
	g, known := v.codes[r.FormValue("code")]
	delete(v.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || r.FormValue("redirect_uri") != v.redirect || r.FormValue("grant_type") != "authorization_code" || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		refuse("invalid_grant")
		return
	}
	claims := map[string]any{"iss": v.URL, "aud": v.clientID, "iat": v.now().Unix(), "exp": v.now().Add(5 * time.Minute).Unix(), "nonce": g.nonce}
	maps.Copy(claims, v.claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	answer := map[string]any{"access_token": "an access token", "token_type": "Bearer", "expires_in": 300, "id_token": v.jwt(claims)}
	if v.raw != "" {
		answer["id_token"] = v.raw
	}
	v.write(w, answer)
}

func unescape(text string) string {
	plain, _ := url.QueryUnescape(text)
	return plain
}

func (v *vendor) jwt(claims map[string]any) string {
	header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": "one"}
	maps.Copy(header, v.header)
	part := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			v.t.Error(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(header) + "." + part(claims)
	key := v.key
	if v.sign != nil {
		key = v.sign
	}
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		v.t.Error(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (v *vendor) tell(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer an access token" || v.userinfo == nil {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	v.write(w, v.userinfo)
}

// with changes the provider between its answers.
func (v *vendor) with(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}

// visit is a browser at the provider: it gives what the browser is sent back with.
func (v *vendor) visit(address string) url.Values {
	v.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		v.t.Fatalf("the provider answers %s", resp.Status)
	}
	return back.Query()
}
