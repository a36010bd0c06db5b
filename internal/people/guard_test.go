package people_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// ask sends a request through the guard to a page that needs a role. It gives who was let in, or why nobody was.
func ask(t *testing.T, g *people.Guard, need people.Role, r *http.Request) (p people.Person, s people.SessionInfo, hasSession bool, denied error) {
	t.Helper()
	called := 0
	page := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called++
		p, _ = people.FromContext(r.Context())
		s, hasSession = people.SessionFromContext(r.Context())
	})
	g.Require(need, page, func(_ http.ResponseWriter, r *http.Request, err error) {
		called++
		p, _ = people.FromContext(r.Context())
		denied = err
	}).ServeHTTP(httptest.NewRecorder(), r)
	if called != 1 {
		t.Fatalf("%d answers", called)
	}
	return p, s, hasSession, denied
}

func request(method string, change func(r *http.Request)) *http.Request {
	r := httptest.NewRequest(method, "http://orderly.example.com/orders", nil)
	if change != nil {
		change(r)
	}
	return r
}

func withCookie(name, value string) func(r *http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: value}) }
}

func withHeader(name, value string) func(r *http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestEachRouteIsOpenToItsRolesOnly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := people.NewGuard(w.Service)
		for _, have := range people.Roles() {
			u := w.add(string(have)+" user", have)
			token, p := w.signIn(u.Name)
			key, _ := w.token(p, people.NewToken{Name: "ci", Role: have})
			for _, need := range append(people.Roles(), "owner") {
				for way, r := range map[string]*http.Request{
					"session": request("GET", withCookie("orderly_session", token)), "token": request("POST", withHeader("Authorization", "Bearer "+key)),
				} {
					q, s, hasSession, err := ask(t, g, need, r)
					if q.ID != u.ID {
						t.Errorf("%s by %s is %+v", have, way, q)
					}
					if have.Allows(need) {
						if err != nil || hasSession != (way == "session") || hasSession && s.Way != people.ByPassword || (q.Token == "ci") != (way == "token") {
							t.Errorf("%s by %s at a page of %s: %v, %+v, session %v", have, way, need, err, q, hasSession)
						}
					} else if e, ok := errors.AsType[*people.RoleError](err); !ok || e.Have != have || e.Need != need {
						t.Errorf("%s by %s at a page of %s: %v", have, way, need, err)
					}
				}
			}
		}
	})
}

func TestOpenRouteKnowsWhoIsSignedIn(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	g := people.NewGuard(w.Service)
	anna := w.add("anna", people.Viewer)
	token, p := w.signIn("anna")
	key, _ := w.token(p, people.NewToken{Name: "ci", Role: people.Viewer})
	for name, c := range map[string]struct {
		change func(r *http.Request)
		id     int64
	}{
		"session": {withCookie("orderly_session", token), anna.ID}, "token": {withHeader("Authorization", "Bearer "+key), anna.ID},
		"nobody": {nil, 0}, "an old session": {withCookie("orderly_session", "old"), 0}, "no good token": {withHeader("Authorization", "Bearer "), 0},
	} {
		if q, _, _, err := ask(t, g, people.Everybody, request("GET", c.change)); q.ID != c.id || err != nil {
			t.Errorf("%s: %+v, error %v", name, q, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := ask(t, g, people.Everybody, request("GET", withCookie("orderly_session", token)).WithContext(ctx)); err == nil {
		t.Error("a store that cannot be asked is not told")
	}
}

func TestFullDiskKeepsNobodyFromLooking(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	w.add("anna", people.Viewer)
	token, p := w.signIn("anna")
	key, _ := w.token(p, people.NewToken{Name: "ci", Role: people.Viewer})
	err := w.store.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TRIGGER full BEFORE UPDATE ON users BEGIN SELECT RAISE(FAIL, 'the disk is full'); END`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	if q, s := w.session(token); q != p || !s.Used.Equal(start) {
		t.Errorf("%+v, used %s", q, s.Used)
	}
	if _, err := w.Token(t.Context(), key); err != nil {
		t.Error(err)
	}
	if !w.logs.has("a use was not noted") {
		t.Error("nobody is told")
	}
}

func TestNobodyIsAskedToSignIn(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	g := people.NewGuard(w.Service)
	w.add("anna", people.Admin)
	token, p := w.signIn("anna")
	key, _ := w.token(p, people.NewToken{Name: "ci", Role: people.Admin})
	for name, change := range map[string]func(r *http.Request){
		"nothing":                      nil,
		"empty cookie":                 withCookie("orderly_session", ""),
		"made-up cookie":               withCookie("orderly_session", "made up"),
		"other cookie":                 withCookie("session", token),
		"cookie of the encrypted site": withCookie("__Host-orderly_session", token),
		"token in the cookie":          withCookie("orderly_session", key),
		"session in the header":        withHeader("Authorization", "Bearer "+token),
		"token of another scheme":      withHeader("Authorization", "Basic "+key),
		"token without a scheme":       withHeader("Authorization", key),
		"made-up token": func(r *http.Request) { // and no second try with the cookie
			withHeader("Authorization", "Bearer made-up")(r)
			withCookie("orderly_session", token)(r)
		},
		"token in the address": func(r *http.Request) { r.URL.RawQuery = "token=" + key },
	} {
		if q, _, _, err := ask(t, g, people.Viewer, request("GET", change)); !errors.Is(err, people.ErrSignIn) || q != (people.Person{}) {
			t.Errorf("%s: %+v, error %v", name, q, err)
		}
	}
	for name, change := range map[string]func(r *http.Request){
		"session":             withCookie("orderly_session", token),
		"token":               withHeader("Authorization", "Bearer "+key),
		"token, small letter": withHeader("Authorization", "bearer  "+key),
		"session behind a proxy that signs in itself": func(r *http.Request) {
			withHeader("Authorization", "Basic YTpi")(r)
			withCookie("orderly_session", token)(r)
		},
	} {
		if _, _, _, err := ask(t, g, people.Viewer, request("GET", change)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPagesLookAtNoToken(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	g := people.NewGuard(w.Service)
	w.add("anna", people.Admin)
	session, p := w.signIn("anna")
	key, _ := w.token(p, people.NewToken{Name: "ci", Role: people.Admin})
	token := withHeader("Authorization", "Bearer "+key)
	for _, c := range []struct {
		name    string
		need    people.Role
		method  string
		changes []func(r *http.Request)
		want    error
		who     int64
	}{
		{"a token", people.Viewer, "POST", []func(r *http.Request){token}, people.ErrSignIn, 0},
		{"a token where all may come", people.Everybody, "GET", []func(r *http.Request){token}, nil, 0},
		{"a session beside a token", people.Admin, "POST", []func(r *http.Request){token, withCookie("orderly_session", session)}, nil, p.ID},
		{"another site's form with a token", people.Everybody, "POST", []func(r *http.Request){token, withHeader("Sec-Fetch-Site", "cross-site")}, people.ErrCrossSite, 0},
	} {
		var who people.Person
		var err error
		page := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { who, _ = people.FromContext(r.Context()) })
		r := request(c.method, nil)
		for _, change := range c.changes {
			change(r)
		}
		g.RequireSession(c.need, page, func(_ http.ResponseWriter, _ *http.Request, e error) { err = e }).ServeHTTP(httptest.NewRecorder(), r)
		if !errors.Is(err, c.want) || who.ID != c.who || who.Token != "" {
			t.Errorf("%s: %+v, error %v", c.name, who, err)
		}
	}
}

func TestGuardSaysWhenTheStoreCannotBeAsked(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	w.add("anna", people.Viewer)
	token, _ := w.signIn("anna")
	r := request("GET", withCookie("orderly_session", token))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := ask(t, people.NewGuard(w.Service), people.Viewer, r.WithContext(ctx)); err == nil || errors.Is(err, people.ErrSignIn) {
		t.Errorf("the error is %v: who is signed in would be sent to sign in again", err)
	}
}

func TestOtherSitesCannotChangeAnything(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	g := people.NewGuard(w.Service)
	w.add("anna", people.Admin)
	token, p := w.signIn("anna")
	key, _ := w.token(p, people.NewToken{Name: "ci", Role: people.Admin})
	for name, c := range map[string]struct {
		method, header, value string
		refused               bool
	}{
		"a form of another site":          {"POST", "Sec-Fetch-Site", "cross-site", true},
		"a form of a neighbour":           {"POST", "Sec-Fetch-Site", "same-site", true},
		"an old browser at another site":  {"POST", "Origin", "https://evil.example", true},
		"a deletion by another site":      {"DELETE", "Sec-Fetch-Site", "cross-site", true},
		"a form of ours":                  {"POST", "Sec-Fetch-Site", "same-origin", false},
		"an old browser at ours":          {"POST", "Origin", "http://orderly.example.com", false},
		"a link from another site":        {"GET", "Sec-Fetch-Site", "cross-site", false},
		"a program without such a header": {"POST", "X-Nothing", "", false},
	} {
		r := request(c.method, withCookie("orderly_session", token))
		r.Header.Set(c.header, c.value)
		if _, _, _, err := ask(t, g, people.Viewer, r); errors.Is(err, people.ErrCrossSite) != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// Nor can they sign somebody in as another.
		r = request(c.method, withHeader(c.header, c.value))
		if _, _, _, err := ask(t, g, people.Everybody, r); errors.Is(err, people.ErrCrossSite) != c.refused || !c.refused && err != nil {
			t.Errorf("%s before sign-in: %v", name, err)
		}
		// A token is not sent by a browser on its own.
		r = request(c.method, withHeader("Authorization", "Bearer "+key))
		r.Header.Set(c.header, c.value)
		if _, _, _, err := ask(t, g, people.Viewer, r); err != nil {
			t.Errorf("%s with a token: %v", name, err)
		}
	}
}

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestForgottenProxyIsTold(t *testing.T) {
	const text = "a proxy that is not trusted"
	for name, c := range map[string]struct {
		address, header string
		told            int
	}{
		"on this machine":     {"127.0.0.1:4444", "X-Forwarded-For", 1},
		"by IPv6":             {"[::1]:4444", "X-Forwarded-Proto", 1},
		"in this network":     {"192.168.1.2:4444", "X-Forwarded-For", 1},
		"one that is trusted": {"10.1.2.3:4444", "X-Forwarded-For", 0},
		"a visitor's own":     {"192.0.2.9:4444", "X-Forwarded-For", 0},
		"no proxy":            {"127.0.0.1:4444", "X-Nothing", 0},
	} {
		w := newWorld(t, emptyStore(t))
		g := people.NewGuard(w.Service, proxies...)
		for range 3 {
			g.From(request("GET", func(r *http.Request) {
				r.RemoteAddr = c.address
				r.Header.Set(c.header, "192.0.2.7")
			}))
		}
		if told := w.logs.count(text); told != c.told {
			t.Errorf("%s: told %d times", name, told)
		}
	}
}

func TestCookieIsAsSafeAsTheConnection(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	g := people.NewGuard(w.Service, proxies...)
	w.add("anna", people.Viewer)
	for name, c := range map[string]struct {
		change func(r *http.Request)
		secure bool
	}{
		"plain":         {nil, false},
		"TLS":           {func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, true},
		"trusted proxy": {func(r *http.Request) { r.RemoteAddr = "10.1.2.3:4444"; r.Header.Set("X-Forwarded-Proto", "https") }, true},
		"trusted proxy, IPv6": {func(r *http.Request) {
			r.RemoteAddr = "[fd00::1]:4444"
			r.Header.Set("X-Forwarded-Proto", "HTTPS")
		}, true},
		"trusted proxy, plain": {func(r *http.Request) { r.RemoteAddr = "10.1.2.3:4444"; r.Header.Set("X-Forwarded-Proto", "http") }, false},
		"trusted proxy, after what the browser made up": {func(r *http.Request) {
			r.RemoteAddr = "10.1.2.3:4444"
			r.Header.Set("X-Forwarded-Proto", "https, http")
		}, false},
		"somebody else":        {func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, false},
		"trusted, but silent":  {func(r *http.Request) { r.RemoteAddr = "10.1.2.3:4444" }, false},
		"an address of no use": {func(r *http.Request) { r.RemoteAddr = "@"; r.Header.Set("X-Forwarded-Proto", "https") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			token, _ := w.signIn("anna")
			r := request("GET", c.change)
			answer := httptest.NewRecorder()
			g.SetSession(answer, r, token)
			set := answer.Result().Cookies()
			if len(set) != 1 {
				t.Fatalf("cookies %v", set)
			}
			got, want := set[0], "orderly_session"
			if c.secure {
				want = "__Host-orderly_session"
			}
			if got.Name != want || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" || got.MaxAge != 7*24*3600 || got.Value != token {
				t.Errorf("the cookie is %+v", got)
			}
			r.AddCookie(got)
			if _, _, _, err := ask(t, g, people.Viewer, r); err != nil {
				t.Errorf("with the cookie: %v", err)
			}
			answer = httptest.NewRecorder()
			g.ClearSession(answer, r)
			if gone := answer.Result().Cookies(); len(gone) != 1 || gone[0].Name != want || gone[0].MaxAge != -1 || gone[0].Value != "" || gone[0].Secure != c.secure {
				t.Errorf("taking it away gives %+v", gone)
			}
		})
	}
}

func TestBrowserKeepsWhatTheProviderNeeds(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	g := people.NewGuard(w.Service)
	answer := httptest.NewRecorder()
	r := request("GET", nil)
	g.SetOIDC(answer, r, "kept")
	set := answer.Result().Cookies()
	if len(set) != 1 || !set[0].HttpOnly || set[0].MaxAge != 600 || set[0].SameSite != http.SameSiteLaxMode {
		t.Fatalf("cookies %+v", set)
	}
	r.AddCookie(set[0])
	answer = httptest.NewRecorder()
	if got := g.TakeOIDC(answer, r); got != "kept" {
		t.Errorf("%q was kept", got)
	}
	if gone := answer.Result().Cookies(); len(gone) != 1 || gone[0].MaxAge != -1 {
		t.Errorf("it is not taken away: %+v", gone)
	}
	if got := g.TakeOIDC(httptest.NewRecorder(), request("GET", nil)); got != "" {
		t.Errorf("%q from a browser that has nothing", got)
	}
}

func TestAddressOfTheBrowserIsFoundBehindTrustedProxiesOnly(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	g := people.NewGuard(w.Service, proxies...)
	for name, c := range map[string]struct{ remote, forwarded, want string }{
		"no proxy":                      {"192.0.2.7:1234", "", "192.0.2.7"},
		"IPv6":                          {"[2001:db8::7]:1234", "", "2001:db8::7"},
		"somebody makes one up":         {"192.0.2.7:1234", "198.51.100.1", "192.0.2.7"},
		"one proxy":                     {"10.0.0.1:1234", "198.51.100.1", "198.51.100.1"},
		"two proxies":                   {"10.0.0.1:1234", "198.51.100.1, 10.0.0.2", "198.51.100.1"},
		"two proxies, one is not known": {"10.0.0.1:1234", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		"the browser makes some up":     {"10.0.0.1:1234", "10.9.9.9, 1.2.3.4, 198.51.100.1", "198.51.100.1"},
		"the browser makes text up":     {"10.0.0.1:1234", "unknown, 10.0.0.2", "10.0.0.2"},
		"with a port":                   {"10.0.0.1:1234", "198.51.100.1:5555", "198.51.100.1"},
		"IPv6 in brackets":              {"[fd00::1]:1234", "[2001:db8::7]:5555", "2001:db8::7"},
		"IPv4 as IPv6":                  {"[::ffff:10.0.0.1]:1234", "::ffff:198.51.100.1", "198.51.100.1"},
		"a proxy that says nothing":     {"10.0.0.1:1234", "", "10.0.0.1"},
		"inside":                        {"10.0.0.1:1234", "10.0.0.5", "10.0.0.5"},
	} {
		r := request("GET", func(r *http.Request) {
			r.RemoteAddr = c.remote
			r.Header.Set("User-Agent", "a browser")
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
		})
		if got := g.From(r); got != (people.From{Address: c.want, Agent: "a browser"}) {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}

func TestSessionNotesTheBrowserCutShort(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	w.add("anna", people.Viewer)
	long := make([]byte, 10_000)
	for i := range long {
		long[i] = 'x'
	}
	for agent, want := range map[string]int{string(long): 120, "a\x00b\n<c>": 7, "": 0} {
		token, _, err := w.SignIn(t.Context(), "anna", goodPassword, people.From{Agent: agent})
		if err != nil {
			t.Fatal(err)
		}
		if _, s := w.session(token); len([]rune(s.Agent)) != want {
			t.Errorf("the agent is %q", s.Agent)
		}
		w.pass(time.Minute)
	}
}
