package people

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Names of the cookies. With __Host- a browser takes them over TLS only, from this host alone, for all paths.
const (
	sessionCookie = "orderly_session"
	oidcCookie    = "orderly_oidc"
	hostPrefix    = "__Host-"
)

// ErrCrossSite is what a guarded route answers when another site had the browser send a request that may change
// something.
var ErrCrossSite = errors.New("the request comes from another site")

// Guard stands before every page and every call: it finds out who asks, and compares with the least role of the route.
type Guard struct {
	service *Service
	trusted []netip.Prefix
	cross   *http.CrossOriginProtection
	warn    sync.Once // of a proxy that is not trusted
}

// NewGuard makes a guard. Proxies with an address in one of the trusted networks are believed when they say who
// called them, and whether by TLS.
func NewGuard(s *Service, trusted ...netip.Prefix) *Guard {
	return &Guard{service: s, trusted: trusted, cross: http.NewCrossOriginProtection()}
}

// Denied answers a request that is not let through. Its error is ErrSignIn, ErrCrossSite, a *RoleError, or another when
// the store cannot be asked.
type Denied = func(w http.ResponseWriter, r *http.Request, err error)

// Require lets a call through to next when it comes from somebody whose role allows the given one, by an API token or
// in a session, or from anybody when the role is Everybody. next finds the person with FromContext, and the session,
// where there is one, with SessionFromContext. Otherwise denied answers.
func (g *Guard) Require(role Role, next http.Handler, denied Denied) http.Handler {
	return g.require(role, bearer, next, denied)
}

// RequireSession is Require for pages, which people see: API tokens are not looked at. So a token that was stolen opens
// nothing that would outlive it, such as a sign-in link.
func (g *Guard) RequireSession(role Role, next http.Handler, denied Denied) http.Handler {
	return g.require(role, noToken, next, denied)
}

// tokenOf gives the API token that a request comes with; empty when it comes with none.
type tokenOf func(r *http.Request) string

func noToken(*http.Request) string { return "" }

func (g *Guard) require(role Role, token tokenOf, next http.Handler, denied Denied) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := g.identify(r, token(r))
		switch {
		case role == Everybody && (err == nil || errors.Is(err, ErrSignIn)):
			err = g.fromHere(r, token(r))
		case err == nil:
			if p, _ := FromContext(ctx); !p.Role.Allows(role) {
				err = &RoleError{Have: p.Role, Need: role}
			}
		}
		if err != nil {
			denied(w, r.WithContext(ctx), err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// identify finds out who sends a request: by the API token, or else by the session cookie. It gives the request's
// context with the person in it.
func (g *Guard) identify(r *http.Request, token string) (context.Context, error) {
	ctx := r.Context()
	if token != "" {
		p, err := g.service.Token(ctx, token)
		if err != nil {
			return ctx, err
		}
		return NewContext(ctx, p), nil
	}
	c, err := r.Cookie(g.cookieName(r, sessionCookie))
	if err != nil {
		return ctx, ErrSignIn
	}
	p, session, err := g.service.Session(ctx, c.Value)
	if err != nil {
		return ctx, err
	}
	// Browsers send cookies by themselves, also when another site makes them ask.
	if err := g.fromHere(r, token); err != nil {
		return ctx, err
	}
	return context.WithValue(NewContext(ctx, p), sessionKey{}, session), nil
}

// fromHere refuses a request that may change something and that another site had a browser send, be it to sign in as
// somebody else. Requests with an API token are no browser's own doing.
func (g *Guard) fromHere(r *http.Request, token string) error {
	if token == "" && g.cross.Check(r) != nil {
		return ErrCrossSite
	}
	return nil
}

// bearer is what an Authorization header of that scheme has; empty without one.
func bearer(r *http.Request) string {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return cmp.Or(strings.TrimSpace(text), "none")
}

type sessionKey struct{}

// SessionFromContext gives the session in which a request was made; false when it came with an API token.
func SessionFromContext(ctx context.Context) (SessionInfo, bool) {
	s, ok := ctx.Value(sessionKey{}).(SessionInfo)
	return s, ok
}

// SetSession gives a browser the token of its session.
func (g *Guard) SetSession(w http.ResponseWriter, r *http.Request, token string) {
	g.setCookie(w, r, sessionCookie, token, SessionLife)
}

// ClearSession takes the session's token from a browser.
func (g *Guard) ClearSession(w http.ResponseWriter, r *http.Request) {
	g.setCookie(w, r, sessionCookie, "", -1)
}

// SetOIDC gives a browser what BeginOIDC wants back from it.
func (g *Guard) SetOIDC(w http.ResponseWriter, r *http.Request, value string) {
	g.setCookie(w, r, oidcCookie, value, oidcTime)
}

// TakeOIDC gives what SetOIDC gave to the browser, and takes it away. Empty when there is nothing.
func (g *Guard) TakeOIDC(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(g.cookieName(r, oidcCookie))
	if err != nil {
		return ""
	}
	g.setCookie(w, r, oidcCookie, "", -1)
	return c.Value
}

func (g *Guard) cookieName(r *http.Request, name string) string {
	if g.Secure(r) {
		return hostPrefix + name
	}
	return name
}

// setCookie gives a browser a cookie for a time; a negative one takes it away.
func (g *Guard) setCookie(w http.ResponseWriter, r *http.Request, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if life < 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: g.cookieName(r, name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: g.Secure(r), SameSite: http.SameSiteLaxMode,
	})
}

// Secure tells whether the browser's connection is encrypted: ours is, or a trusted proxy says that its own is.
func (g *Guard) Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	// Where proxies have each added a value, the last is that of the one that we know.
	values := strings.Split(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",")
	return g.fromProxy(r) && strings.EqualFold(strings.TrimSpace(values[len(values)-1]), "https")
}

// From tells where a request comes from: the address of the browser, past trusted proxies, and its name.
func (g *Guard) From(r *http.Request) From {
	address := host(r.RemoteAddr)
	if g.fromProxy(r) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, text := range slices.Backward(hops) {
			hop, err := netip.ParseAddr(host(strings.TrimSpace(text)))
			if err != nil {
				break // somebody made it up, and all before it
			}
			address = hop.Unmap().String()
			if !g.trusts(hop) {
				break
			}
		}
	}
	return From{Address: address, Agent: r.UserAgent()}
}

func (g *Guard) fromProxy(r *http.Request) bool {
	ip, err := netip.ParseAddr(host(r.RemoteAddr))
	if err != nil || g.trusts(ip) {
		return err == nil
	}
	// From far away such a header is somebody's invention; from nearby it is a proxy that was forgotten.
	if ip = ip.Unmap(); (ip.IsLoopback() || ip.IsPrivate()) && (r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("X-Forwarded-Proto") != "") {
		g.warn.Do(func() {
			g.service.log.Warn("requests come through a proxy that is not trusted: all who sign in count as one address, and cookies are as without TLS; " +
				"name the proxy's address with --proxy")
		})
	}
	return false
}

func (g *Guard) trusts(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, network := range g.trusted {
		if network.Contains(ip) {
			return true
		}
	}
	return false
}

// host is an address without its port.
func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return strings.Trim(address, "[]")
}
