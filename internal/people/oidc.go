package people

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/orderlyhq/orderly/internal/store"
)

const (
	// oidcTime is how long a person may take at the provider.
	oidcTime = 10 * time.Minute
	// providerTime is how long a provider's description is believed.
	providerTime = 24 * time.Hour
	// oidcCallTime bounds one call to the provider, and maxProviderAnswer its answer in bytes.
	oidcCallTime      = 15 * time.Second
	maxProviderAnswer = 1 << 20
)

// ErrNoOIDC is why a sign-in through a provider cannot begin: none is configured.
var ErrNoOIDC = errors.New("signing in through a provider is not set up")

// OIDCError is a sign-in through the provider that failed. Its text is for the person who tried, and holds nothing that
// the provider or anybody else could have made up.
type OIDCError struct {
	Message string
	cause   error
}

func (e *OIDCError) Error() string { return e.Message }

// Unwrap gives the cause, for the log of who runs the server: it may quote the provider.
func (e *OIDCError) Unwrap() error { return e.cause }

func oidcError(message string, cause error) error { return &OIDCError{Message: message, cause: cause} }

// byProvider stands in the audit for what the provider has us do. No user can have its name.
var byProvider = Person{Name: "(OpenID Connect)"}

// provider is a description with the time when it was fetched.
type provider struct {
	*oidc.Provider
	fetched time.Time
}

// newClient makes the client for a provider. It is no vendor's: httpx is for those.
func newClient() *http.Client {
	return &http.Client{Timeout: oidcCallTime, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: oidcCallTime,
		MaxIdleConns: 4, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
	}}
}

// bounded bounds the bodies of answers.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxProviderAnswer), resp.Body}
	}
	return resp, err
}

// withClient gives the context under which the libraries use our client.
func (s *Service) withClient(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, s.client)
}

// provider gives the description of a provider, from memory while it is fresh.
func (s *Service) provider(ctx context.Context, issuer string) (*oidc.Provider, error) {
	s.mu.Lock()
	known := s.providers[issuer]
	s.mu.Unlock()
	now := s.now()
	if known != nil && now.Sub(known.fetched) < providerTime {
		return known.Provider, nil
	}
	ctx, cancel := context.WithTimeout(s.withClient(ctx), oidcCallTime)
	defer cancel()
	p, err := oidc.NewProvider(ctx, issuer)
	if mismatch, ok := errors.AsType[*oidc.IssuerMismatchError](err); ok {
		return nil, oidcError("the provider calls itself by another address than the one that is configured; they must be the same to the letter", mismatch)
	}
	if err != nil {
		return nil, oidcError("the provider does not answer with its description; try again, or ask an administrator to check its address", err)
	}
	s.mu.Lock()
	s.providers[issuer] = &provider{Provider: p, fetched: now}
	s.mu.Unlock()
	return p, nil
}

func (s *Service) forgetProvider(issuer string) {
	s.mu.Lock()
	delete(s.providers, issuer)
	s.mu.Unlock()
}

// flow is what a browser keeps while its person is at the provider, so that nobody else can end what it began.
type flow struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE (RFC 7636)
	Next     string    `json:"p,omitempty"`
	Began    time.Time `json:"t"`
}

// BeginOIDC begins a sign-in through the provider: address is where the browser goes, and cookie what it must keep for
// FinishOIDC (Guard.SetOIDC). redirect is the address of our page that ends it, as the provider knows it; next is the
// path of the page that the person wanted.
func (s *Service) BeginOIDC(ctx context.Context, redirect, next string) (address, cookie string, err error) {
	_, p, err := s.oidcClient(ctx, redirect)
	if err != nil {
		return "", "", err
	}
	f := flow{Verifier: oauth2.GenerateVerifier(), Next: LocalPath(next, "/"), Began: s.now()}
	f.State, _ = newSecret()
	f.Nonce, _ = newSecret()
	kept, err := json.Marshal(f)
	if err != nil {
		return "", "", wrap("begin a sign-in", err)
	}
	return p.oauth.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), base64.RawURLEncoding.EncodeToString(kept), nil
}

// oidcParty is our side of a sign-in: the provider and what it knows us as.
type oidcParty struct {
	*oidc.Provider
	oauth oauth2.Config
}

func (s *Service) oidcClient(ctx context.Context, redirect string) (OIDCConfig, oidcParty, error) {
	c, found, err := s.oidc(ctx)
	if err != nil {
		return c, oidcParty{}, err
	}
	if !found {
		return c, oidcParty{}, ErrNoOIDC
	}
	p, err := s.provider(ctx, c.Issuer)
	if err != nil {
		return c, oidcParty{}, err
	}
	secret, err := clientSecret(c)
	if err != nil {
		return c, oidcParty{}, oidcError("the client secret of the provider is not there; ask an administrator", err)
	}
	return c, oidcParty{Provider: p, oauth: oauth2.Config{
		ClientID: c.ClientID, ClientSecret: secret, Endpoint: p.Endpoint(), RedirectURL: redirect, Scopes: append([]string{oidc.ScopeOpenID}, c.Scopes...),
	}}, nil
}

// SignedIn is the end of a sign-in through the provider.
type SignedIn struct {
	Token  string // of the new session
	Person Person
	Next   string // the path of the page that the person wanted; "/" when unknown
}

// FinishOIDC ends what BeginOIDC began: query is what the provider sent the browser back with, cookie what the browser
// kept. The same redirect must be given. An *OIDCError says what went wrong.
func (s *Service) FinishOIDC(ctx context.Context, cookie, redirect string, query url.Values, from From) (SignedIn, error) {
	f, err := s.readFlow(cookie, query)
	if err != nil {
		return SignedIn{}, err
	}
	c, p, err := s.oidcClient(ctx, redirect)
	if err != nil {
		return SignedIn{}, err
	}
	// The answer must be of the provider that was asked (RFC 9207).
	if iss := query.Get("iss"); iss != "" && iss != c.Issuer {
		return SignedIn{}, oidcError("the answer is of another provider; sign in again", nil)
	}
	if code := query.Get("error"); code != "" {
		return SignedIn{}, oidcError("the provider did not sign you in"+inBrackets(code), nil)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*oidcCallTime)
	defer cancel()
	id, err := s.identity(s.withClient(ctx), c, p, query.Get("code"), f)
	if err != nil {
		return SignedIn{}, err
	}
	token, _ := newSecret()
	var u store.User
	err = s.store.Write(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		now := s.now()
		if u, err = s.oidcUser(ctx, tx, c, id, now); err != nil {
			return err
		}
		if err := s.startSession(ctx, tx, u.ID, ByOIDC, from, token, now); err != nil {
			return err
		}
		return s.audit(ctx, tx, action{by: person(u), what: "sign in", user: u.Name, detail: detail("way", string(ByOIDC))}, now)
	})
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Token: token, Person: person(u), Next: f.Next}, nil
}

// readFlow opens what the browser kept and holds the answer's state against it.
func (s *Service) readFlow(cookie string, query url.Values) (f flow, err error) {
	again := func(cause error) error {
		return oidcError("this sign-in was not begun in this browser, or took longer than ten minutes; sign in again", cause)
	}
	if cookie == "" || len(cookie) > 4096 {
		return f, again(nil)
	}
	kept, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return f, again(err)
	}
	if err := json.Unmarshal(kept, &f); err != nil {
		return f, again(err)
	}
	age := s.now().Sub(f.Began)
	if f.State == "" || f.Nonce == "" || f.Verifier == "" || age < 0 || age > oidcTime {
		return f, again(nil)
	}
	if subtle.ConstantTimeCompare([]byte(f.State), []byte(query.Get("state"))) != 1 {
		return f, again(nil)
	}
	f.Next = LocalPath(f.Next, "/")
	return f, nil
}

// identity is what a provider says of a person.
type identity struct {
	issuer, subject string
	email           string // as addresses are compared; empty when there is none
	verified        bool
	claims          map[string]any
}

// identity takes the code to the provider and checks what comes back (OpenID Connect Core 1.0, 3.1.3.7).
func (s *Service) identity(ctx context.Context, c OIDCConfig, p oidcParty, code string, f flow) (id identity, err error) {
	if code == "" {
		return id, oidcError("the provider sent no code; sign in again", nil)
	}
	tokens, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		message := "the provider does not take the code"
		if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
			message += inBrackets(answer.ErrorCode)
		}
		return id, oidcError(message+"; sign in again, or ask an administrator to check the client id and secret", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return id, oidcError("the provider sent no ID token; ask an administrator to check what the client may have", nil)
	}
	verifier := p.Verifier(&oidc.Config{ClientID: c.ClientID, Now: s.now})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return id, oidcError("what the provider says of you could not be proved to be from it, for us and of now; sign in again", err)
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(f.Nonce)) != 1 {
		return id, oidcError("what the provider says of you belongs to another sign-in; sign in again", nil)
	}
	if err := token.Claims(&id.claims); err != nil {
		return id, oidcError("what the provider says of you cannot be read", err)
	}
	if party, _ := id.claims["azp"].(string); len(token.Audience) > 1 && party != c.ClientID || party != "" && party != c.ClientID {
		return id, oidcError("what the provider says of you is for another application", nil)
	}
	if token.Subject == "" {
		return id, oidcError("the provider does not say who you are", nil)
	}
	id.issuer, id.subject = c.Issuer, token.Subject
	if err := s.moreClaims(ctx, c, p, tokens, &id); err != nil {
		return id, err
	}
	if id.email, err = parseEmail(claimText(id.claims, "email")); err != nil {
		id.email = ""
	}
	id.verified = c.AssumeVerified || claimText(id.claims, "email_verified") == "true"
	return id, nil
}

// moreClaims asks the provider's userinfo for what the ID token does not say.
func (s *Service) moreClaims(ctx context.Context, c OIDCConfig, p oidcParty, tokens *oauth2.Token, id *identity) error {
	_, email := id.claims["email"]
	role := c.RoleClaim == "" || len(claimValues(id.claims, c.RoleClaim)) > 0
	if email && role || p.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return oidcError("the provider does not tell your address or role; try again", err)
	}
	if info.Subject != id.subject {
		return oidcError("what the provider says of you is of two people", nil)
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return oidcError("what the provider says of you cannot be read", err)
	}
	if email {
		// The address and whether it is verified must come from one place.
		delete(more, "email")
		delete(more, "email_verified")
	} else {
		delete(id.claims, "email_verified")
	}
	for name, value := range more {
		if _, told := id.claims[name]; !told {
			id.claims[name] = value
		}
	}
	return nil
}

// oidcUser gives the user of an identity: the one that it belongs to, or who was added with its address, or a new one.
func (s *Service) oidcUser(ctx context.Context, tx store.Tx, c OIDCConfig, id identity, now time.Time) (store.User, error) {
	role := c.role(id.claims)
	u, err := s.store.UserBySubject(ctx, tx, id.issuer, id.subject)
	if errors.Is(err, store.ErrNoRows) {
		u, err = s.newIdentity(ctx, tx, c, id, role, now)
	}
	if err != nil {
		return u, err
	}
	if u.Disabled {
		return u, oidcError("your access to Orderly was taken away; ask an administrator", nil)
	}
	if c.RoleClaim == "" || Role(u.Role) == role {
		return u, nil
	}
	if role == "" {
		return u, errNoRole()
	}
	if err := s.keepAdmin(ctx, tx, u); err != nil && role != Admin {
		if errors.Is(err, ErrLastAdmin) {
			return u, nil // somebody must be left; the next sign-in tries again
		}
		return u, err
	}
	if err := s.store.SetUserRole(ctx, tx, u.ID, string(role)); err != nil {
		return u, err
	}
	if _, err := s.store.EndSessions(ctx, tx, u.ID); err != nil {
		return u, err
	}
	a := action{by: byProvider, what: "set role", user: u.Name, why: "the provider's claim", detail: detail("from", u.Role, "to", string(role))}
	u.Role = string(role)
	return u, s.audit(ctx, tx, a, now)
}

func errNoRole() error {
	return oidcError("the provider gives you no role in Orderly; ask an administrator", nil)
}

// newIdentity finds or makes the user of an identity that is not known yet.
func (s *Service) newIdentity(ctx context.Context, tx store.Tx, c OIDCConfig, id identity, role Role, now time.Time) (u store.User, err error) {
	if id.email == "" {
		return u, oidcError("the provider does not tell your e-mail address; ask an administrator to check what the client may have", nil)
	}
	if !id.verified {
		return u, oidcError("your e-mail address is not verified at the provider; verify it there and sign in again", nil)
	}
	u, err = s.store.UserByEmail(ctx, tx, id.email)
	switch {
	case err == nil && u.Subject != "":
		return u, oidcError("your address belongs to a user who signs in by another account; ask an administrator", nil)
	case err == nil && u.Disabled:
		return u, nil // the caller says so
	case err == nil:
		if err := s.store.SetUserSubject(ctx, tx, u.ID, id.issuer, id.subject); err != nil {
			return u, err
		}
		return u, s.audit(ctx, tx, action{by: byProvider, what: "join account", user: u.Name, why: "first sign-in with the address of this user"}, now)
	case !errors.Is(err, store.ErrNoRows):
		return u, err
	}
	_, domain, _ := strings.Cut(id.email, "@")
	if !c.Create || len(c.Domains) > 0 && !slices.Contains(c.Domains, domain) {
		return u, oidcError("you are no user of Orderly yet; ask an administrator to add you with your e-mail address", nil)
	}
	if role == "" {
		return u, errNoRole()
	}
	name, err := parseName(id.email)
	if err != nil {
		return u, oidcError("your address cannot be a user's name here; ask an administrator to add you with your e-mail address", nil)
	}
	u = store.User{Name: name, NameKey: nameKey(name), Email: id.email, Role: string(role), Issuer: id.issuer, Subject: id.subject}
	if u.ID, err = s.store.AddUser(ctx, tx, u, now); errors.Is(err, store.ErrTaken) {
		return u, oidcError("another user has your address as a name; ask an administrator", nil)
	} else if err != nil {
		return u, err
	}
	return u, s.audit(ctx, tx, action{by: byProvider, what: "add", user: u.Name, why: "first sign-in", detail: detail("role", u.Role)}, now)
}

// role gives the role that claims give: the greatest of those that are mapped, or the default.
func (c OIDCConfig) role(claims map[string]any) Role {
	var role Role
	if c.RoleClaim != "" {
		for _, value := range claimValues(claims, c.RoleClaim) {
			if r := c.Roles[value]; r.Allows(role) || role == "" {
				role = r
			}
		}
	}
	if role == "" {
		return c.DefaultRole
	}
	return role
}

// claimValues gives the texts of a claim: one, or a list. The name is taken as it is, or else as names with dots.
func claimValues(claims map[string]any, name string) []string {
	value, found := claims[name]
	if !found {
		value = any(claims)
		for part := range strings.SplitSeq(name, ".") {
			object, _ := value.(map[string]any)
			value = object[part]
		}
	}
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, one := range value {
			if text, ok := one.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

// claimText gives a claim that is a text or, as some providers mix them, a truth value.
func claimText(claims map[string]any, name string) string {
	switch value := claims[name].(type) {
	case string:
		return value
	case bool:
		if value {
			return "true"
		}
	}
	return ""
}

var plainCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// inBrackets quotes an error code of OAuth 2.0, when it is one.
func inBrackets(code string) string {
	if !plainCode.MatchString(code) {
		return ""
	}
	return " (" + code + ")"
}

// LocalPath gives an address if it is a path on this server, and else the fallback, so that nobody is sent elsewhere.
func LocalPath(path, fallback string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return fallback
	}
	return path
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
