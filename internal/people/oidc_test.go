package people_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// setOIDC sets signing in through the provider up, with changes.
func (w *world) setOIDC(v *vendor, change func(c *people.OIDCConfig)) {
	w.t.Helper()
	c := people.OIDCConfig{Title: "Example", Issuer: v.URL, ClientID: v.clientID, ClientSecret: v.secret, Create: true, DefaultRole: people.Viewer}
	if change != nil {
		change(&c)
	}
	if err := w.SetOIDC(w.t.Context(), root, c, "single sign-on"); err != nil {
		w.t.Fatal(err)
	}
}

// through signs in through the provider, all the way.
func (w *world) through(v *vendor) (people.SignedIn, error) {
	w.t.Helper()
	address, cookie, err := w.BeginOIDC(w.t.Context(), v.redirect, "/orders?state=held")
	if err != nil {
		w.t.Fatal(err)
	}
	return w.FinishOIDC(w.t.Context(), cookie, v.redirect, v.visit(address), home)
}

// mustThrough is through, which must succeed.
func (w *world) mustThrough(v *vendor) people.SignedIn {
	w.t.Helper()
	in, err := w.through(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

// oidcRefused checks that a sign-in was refused with these words, that nothing was kept, and that nothing of the
// provider or of the person is in the text.
func (w *world) oidcRefused(err error, words string) {
	w.t.Helper()
	e, ok := errors.AsType[*people.OIDCError](err)
	if !ok || !strings.Contains(e.Message, words) {
		w.t.Errorf("the error is %v, want %q", err, words)
		return
	}
	for _, secret := range []string{"secret of ours", "example.com", "anna"} {
		if strings.Contains(strings.ToLower(e.Error()), secret) {
			w.t.Errorf("the error tells too much: %v", e)
		}
	}
}

// sessions counts all sessions.
func (w *world) sessions() (n int) {
	w.t.Helper()
	err := w.store.Read(w.t.Context(), func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM sessions`).Scan(&n)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// eachWithProvider runs a test on each database with a provider.
func eachWithProvider(t *testing.T, test func(t *testing.T, w *world, v *vendor)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) { test(t, w, newVendor(t, w.clock)) })
}

func TestFirstSignInThroughTheProviderMakesAUser(t *testing.T) {
	eachWithProvider(t, func(t *testing.T, w *world, v *vendor) {
		w.setOIDC(v, func(c *people.OIDCConfig) { c.Domains = []string{"@Example.com", "example.org"} })
		in := w.mustThrough(v)
		if in.Next != "/orders?state=held" || in.Person.Name != "anna@example.com" || in.Person.Role != people.Viewer {
			t.Errorf("signed in as %+v", in)
		}
		if p, s := w.session(in.Token); p != in.Person || s.Way != people.ByOIDC || s.NeedsOldPassword(w.clock()) {
			t.Errorf("the session is %+v of %+v", s, p)
		}
		all := w.audit()
		if len(all) < 2 || all[len(all)-2].who != "(OpenID Connect)" || all[len(all)-2].action != "add" {
			t.Errorf("the audit has %+v", all)
		}
		w.audited("anna@example.com", "sign in", "user/anna@example.com", "")

		// The second time it is the same user, whatever the address is now.
		v.with(func() { v.claims["email"], v.claims["email_verified"] = "other@example.net", false })
		if again := w.mustThrough(v); again.Person != in.Person {
			t.Errorf("the second time %+v", again.Person)
		}
		if u, err := w.User(t.Context(), in.Person.ID); err != nil || !u.HasOIDC || u.HasPassword || u.Email != "anna@example.com" {
			t.Errorf("the user is %+v, error %v", u, err)
		}
		if n := v.calls["/.well-known/openid-configuration"]; n != 1 {
			t.Errorf("the description was fetched %d times", n)
		}
	})
}

func TestWhatTheProviderSaysMustBeProved(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world, v *vendor)
		words  string
	}{
		"wrong nonce":           {func(_ *world, v *vendor) { v.claims["nonce"] = "another" }, "another sign-in"},
		"no nonce":              {func(_ *world, v *vendor) { v.claims["nonce"] = nil }, "another sign-in"},
		"wrong audience":        {func(_ *world, v *vendor) { v.claims["aud"] = "another application" }, "could not be proved"},
		"no audience":           {func(_ *world, v *vendor) { v.claims["aud"] = nil }, "could not be proved"},
		"many, for another":     {func(_ *world, v *vendor) { v.claims["aud"], v.claims["azp"] = []string{"orderly", "x"}, "x" }, "another application"},
		"many, for nobody":      {func(_ *world, v *vendor) { v.claims["aud"] = []string{"orderly", "x"} }, "another application"},
		"expired":               {func(w *world, v *vendor) { v.claims["exp"] = w.clock().Add(-time.Second).Unix() }, "could not be proved"},
		"not valid yet":         {func(w *world, v *vendor) { v.claims["nbf"] = w.clock().Add(time.Hour).Unix() }, "could not be proved"},
		"no expiry":             {func(_ *world, v *vendor) { v.claims["exp"] = nil }, "could not be proved"},
		"wrong issuer":          {func(_ *world, v *vendor) { v.claims["iss"] = "https://evil.example" }, "could not be proved"},
		"another key":           {func(w *world, v *vendor) { v.sign = newKey(w.t) }, "could not be proved"},
		"unknown key":           {func(w *world, v *vendor) { v.sign, v.header = newKey(w.t), map[string]any{"kid": "two"} }, "could not be proved"},
		"key that it brings":    {func(_ *world, v *vendor) { v.header = map[string]any{"alg": "none"} }, "could not be proved"},
		"shared secret":         {func(_ *world, v *vendor) { v.header = map[string]any{"alg": "HS256"} }, "could not be proved"},
		"no token":              {func(_ *world, v *vendor) { v.raw = " " }, "could not be proved"},
		"no subject":            {func(_ *world, v *vendor) { v.claims["sub"] = nil }, "who you are"},
		"unverified address":    {func(_ *world, v *vendor) { v.claims["email_verified"] = false }, "not verified"},
		"unverified, as text":   {func(_ *world, v *vendor) { v.claims["email_verified"] = "false" }, "not verified"},
		"verified by nobody":    {func(_ *world, v *vendor) { v.claims["email_verified"] = nil }, "not verified"},
		"verified by a number":  {func(_ *world, v *vendor) { v.claims["email_verified"] = 1 }, "not verified"},
		"no address":            {func(_ *world, v *vendor) { v.claims["email"] = nil }, "does not tell your e-mail"},
		"no good address":       {func(_ *world, v *vendor) { v.claims["email"] = "anna" }, "does not tell your e-mail"},
		"wrong domain":          {func(_ *world, v *vendor) { v.claims["email"] = "anna@example.com.evil.net" }, "no user of Orderly"},
		"subdomain":             {func(_ *world, v *vendor) { v.claims["email"] = "anna@sub.example.com" }, "no user of Orderly"},
		"wrong secret of ours":  {func(_ *world, v *vendor) { v.secret = "changed" }, "(invalid_client)"},
		"provider out of order": {func(_ *world, v *vendor) { v.down = true }, "does not take the code"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, emptyStore(t))
			v := newVendor(t, w.clock)
			w.setOIDC(v, func(c *people.OIDCConfig) { c.Domains = []string{"example.com"} })
			address, cookie, err := w.BeginOIDC(t.Context(), v.redirect, "/")
			if err != nil {
				t.Fatal(err)
			}
			query := v.visit(address)
			v.with(func() { c.change(w, v) })
			in, err := w.FinishOIDC(t.Context(), cookie, v.redirect, query, home)
			w.oidcRefused(err, c.words)
			if in != (people.SignedIn{}) || w.sessions() != 0 {
				t.Errorf("signed in all the same: %+v", in)
			}
			if list, err := w.List(t.Context()); len(list) != 0 || err != nil {
				t.Errorf("users %v, error %v", list, err)
			}
		})
	}
}

func TestSignInBelongsToTheBrowserThatBeganIt(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	v := newVendor(t, w.clock)
	w.setOIDC(v, nil)
	begin := func() (url.Values, string) {
		address, cookie, err := w.BeginOIDC(t.Context(), v.redirect, "/")
		if err != nil {
			t.Fatal(err)
		}
		return v.visit(address), cookie
	}
	_, others := begin()
	for name, c := range map[string]struct {
		change func(query url.Values, cookie *string)
		words  string
	}{
		"wrong state":      {func(q url.Values, _ *string) { q.Set("state", "another") }, "not begun in this browser"},
		"no state":         {func(q url.Values, _ *string) { q.Del("state") }, "not begun in this browser"},
		"no cookie":        {func(_ url.Values, c *string) { *c = "" }, "not begun in this browser"},
		"another's cookie": {func(_ url.Values, c *string) { *c = others }, "not begun in this browser"},
		"broken cookie":    {func(_ url.Values, c *string) { *c = "%%%" }, "not begun in this browser"},
		"empty cookie": {func(q url.Values, c *string) {
			*c = base64.RawURLEncoding.EncodeToString([]byte(`{}`))
			q.Set("state", "")
		}, "not begun in this browser"},
		"endless cookie": {func(_ url.Values, c *string) { *c = strings.Repeat("A", 1<<20) }, "not begun in this browser"},
		"no code":        {func(q url.Values, _ *string) { q.Del("code") }, "sent no code"},
		"made-up code":   {func(q url.Values, _ *string) { q.Set("code", "made up") }, "(invalid_grant)"},
		"other provider": {func(q url.Values, _ *string) { q.Set("iss", "https://evil.example") }, "another provider"},
		"refused there":  {func(q url.Values, _ *string) { q.Set("error", "access_denied") }, "(access_denied)"},
		"made-up error":  {func(q url.Values, _ *string) { q.Set("error", "Call 0900 a secret of ours") }, "did not sign you in"},
	} {
		t.Run(name, func(t *testing.T) {
			query, cookie := begin()
			c.change(query, &cookie)
			_, err := w.FinishOIDC(t.Context(), cookie, v.redirect, query, home)
			w.oidcRefused(err, c.words)
			if w.sessions() != 0 {
				t.Error("signed in all the same")
			}
		})
	}

	// A verifier of somebody else does not fit the code: PKCE.
	query, cookie := begin()
	kept, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		t.Fatal(err)
	}
	f := map[string]any{}
	if err := json.Unmarshal(kept, &f); err != nil {
		t.Fatal(err)
	}
	f["v"] = strings.Repeat("v", 43)
	kept, _ = json.Marshal(f)
	_, err = w.FinishOIDC(t.Context(), base64.RawURLEncoding.EncodeToString(kept), v.redirect, query, home)
	w.oidcRefused(err, "(invalid_grant)")

	// Nor does a code work twice, or after too long.
	query, cookie = begin()
	if _, err := w.FinishOIDC(t.Context(), cookie, v.redirect, query, home); err != nil {
		t.Fatal(err)
	}
	_, err = w.FinishOIDC(t.Context(), cookie, v.redirect, query, home)
	w.oidcRefused(err, "(invalid_grant)")
	query, cookie = begin()
	w.pass(10*time.Minute + time.Second)
	_, err = w.FinishOIDC(t.Context(), cookie, v.redirect, query, home)
	w.oidcRefused(err, "ten minutes")
}

func TestBrowserIsSentToOurOwnPagesOnly(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	v := newVendor(t, w.clock)
	w.setOIDC(v, nil)
	for next, want := range map[string]string{
		"/orders/7?tab=proof#top": "/orders/7?tab=proof#top", "": "/", "orders": "/", "//evil.example/": "/", `/\evil.example`: "/", "https://evil.example/": "/",
		"javascript:alert(1)": "/", "/\tevil": "/", "/x\r\nSet-Cookie: a=b": "/", "\x00": "/",
	} {
		address, cookie, err := w.BeginOIDC(t.Context(), v.redirect, next)
		if err != nil {
			t.Fatal(err)
		}
		in, err := w.FinishOIDC(t.Context(), cookie, v.redirect, v.visit(address), home)
		if in.Next != want || err != nil {
			t.Errorf("%q leads to %q, error %v", next, in.Next, err)
		}
	}
}

func TestUserIsNeverFoundByAddressAlone(t *testing.T) {
	eachWithProvider(t, func(t *testing.T, w *world, v *vendor) {
		w.setOIDC(v, nil)
		// A user whose name is the address was not added with the address.
		named := w.add("anna@example.com", people.Admin)
		_, err := w.through(v)
		w.oidcRefused(err, "as a name")
		if u, err := w.User(t.Context(), named.ID); u.HasOIDC || err != nil {
			t.Errorf("%+v, error %v", u, err)
		}
		if err := w.SetEmail(t.Context(), root, named.ID, "anna@example.com", "single sign-on"); err != nil {
			t.Fatal(err)
		}
		v.with(func() { v.claims["email_verified"] = false })
		_, err = w.through(v)
		w.oidcRefused(err, "not verified")
		v.with(func() { v.claims["email_verified"] = true })
		in := w.mustThrough(v)
		if in.Person.ID != named.ID || in.Person.Role != people.Admin {
			t.Errorf("signed in as %+v", in.Person)
		}
		all := w.audit()
		if e := all[len(all)-2]; e.action != "join account" || e.who != "(OpenID Connect)" {
			t.Errorf("the audit has %+v", e)
		}
		// Somebody else who has the address now is somebody else.
		v.with(func() { v.claims["sub"] = "anna-2" })
		_, err = w.through(v)
		w.oidcRefused(err, "another account")
	})
}

func TestWhoIsNotAddedIsNotLetIn(t *testing.T) {
	eachWithProvider(t, func(t *testing.T, w *world, v *vendor) {
		w.setOIDC(v, func(c *people.OIDCConfig) { c.Create = false })
		_, err := w.through(v)
		w.oidcRefused(err, "no user of Orderly")
		// One who was added is, also with an address of another domain and with no password.
		if _, err := w.Add(t.Context(), root, people.NewUser{Name: "Anna", Email: "anna@example.com", Role: people.Operator}, ""); err != nil {
			t.Fatal(err)
		}
		in := w.mustThrough(v)
		if in.Person.Name != "Anna" || in.Person.Role != people.Operator {
			t.Errorf("signed in as %+v", in.Person)
		}
		if err := w.Disable(t.Context(), root, in.Person.ID, "left"); err != nil {
			t.Fatal(err)
		}
		_, err = w.through(v)
		w.oidcRefused(err, "taken away")
		w.gone(in.Token)
	})
}

func TestDisabledUserIsNotJoined(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	v := newVendor(t, w.clock)
	w.setOIDC(v, nil)
	u, err := w.Add(t.Context(), root, people.NewUser{Name: "Anna", Email: "anna@example.com", Role: people.Operator}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Disable(t.Context(), root, u.ID, ""); err != nil {
		t.Fatal(err)
	}
	_, err = w.through(v)
	w.oidcRefused(err, "taken away")
	if u, err = w.User(t.Context(), u.ID); u.HasOIDC || err != nil {
		t.Errorf("%+v, error %v", u, err)
	}
}

func TestRoleFollowsTheClaim(t *testing.T) {
	eachWithProvider(t, func(t *testing.T, w *world, v *vendor) {
		w.add("boss", people.Admin)
		w.setOIDC(v, func(c *people.OIDCConfig) {
			c.RoleClaim, c.DefaultRole = "realm_access.roles", ""
			c.Roles = map[string]people.Role{"orderly-admin": people.Admin, "orderly-ops": people.Operator, "staff": people.Viewer}
		})
		set := func(roles any) {
			v.with(func() { v.claims["realm_access"] = map[string]any{"roles": roles} })
		}
		for _, none := range []any{nil, "", []string{"guest"}, 7, []any{7, nil}, map[string]any{"staff": true}} {
			set(none)
			_, err := w.through(v)
			w.oidcRefused(err, "no role")
		}
		var before people.SignedIn
		for _, c := range []struct {
			roles any
			want  people.Role
		}{{"staff", people.Viewer}, {[]string{"guest", "staff", "orderly-ops"}, people.Operator}, {[]string{"orderly-admin", "staff"}, people.Admin}, {[]string{"staff"}, people.Viewer}} {
			set(c.roles)
			in := w.mustThrough(v)
			if in.Person.Role != c.want {
				t.Errorf("%v gives %s", c.roles, in.Person.Role)
			}
			if p, _ := w.session(in.Token); p.Role != c.want {
				t.Errorf("%v gives a session of %s", c.roles, p.Role)
			}
			if before.Token != "" {
				w.gone(before.Token)
			}
			before = in
		}
		all := w.audit()
		if e := all[len(all)-2]; e.action != "set role" || e.who != "(OpenID Connect)" || e.detail != `{"from":"admin","to":"viewer"}` {
			t.Errorf("the audit has %+v", e)
		}
		set([]string{})
		_, err := w.through(v)
		w.oidcRefused(err, "no role")
		w.session(before.Token) // a sign-in that fails changes nothing
	})
}

func TestClaimCannotTakeTheLastAdministratorAway(t *testing.T) {
	eachWithProvider(t, func(t *testing.T, w *world, v *vendor) {
		w.setOIDC(v, func(c *people.OIDCConfig) {
			c.RoleClaim, c.Roles = "groups", map[string]people.Role{"admins": people.Admin, "all": people.Viewer}
		})
		v.with(func() { v.claims["groups"] = "admins" })
		w.mustThrough(v)
		v.with(func() { v.claims["groups"] = "all" })
		if in := w.mustThrough(v); in.Person.Role != people.Admin {
			t.Errorf("signed in as %+v", in.Person)
		}
		w.add("boss", people.Admin)
		if in := w.mustThrough(v); in.Person.Role != people.Viewer {
			t.Errorf("with another one, signed in as %+v", in.Person)
		}
	})
}

func TestClaimIsFoundByItsNameOrInsideAnother(t *testing.T) {
	for name, claims := range map[string]map[string]any{
		"groups":                    {"groups": []string{"ops"}},
		"https://example.com/roles": {"https://example.com/roles": "ops"},
		"a.b.c":                     {"a": map[string]any{"b": map[string]any{"c": []any{"ops"}}}},
		"a.b":                       {"a.b": "ops", "a": map[string]any{"b": "staff"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, emptyStore(t))
			v := newVendor(t, w.clock)
			w.setOIDC(v, func(c *people.OIDCConfig) {
				c.RoleClaim, c.Roles = name, map[string]people.Role{"ops": people.Operator}
			})
			v.with(func() { maps.Copy(v.claims, claims) })
			if in := w.mustThrough(v); in.Person.Role != people.Operator {
				t.Errorf("signed in as %+v", in.Person)
			}
		})
	}
}

func TestAddressThatOnlyUserinfoTells(t *testing.T) {
	for name, c := range map[string]struct {
		token, info map[string]any
		words       string
	}{
		"address":             {map[string]any{"email": nil, "email_verified": nil}, map[string]any{"sub": "anna-1", "email": "anna@example.com", "email_verified": "true"}, ""},
		"not verified there":  {map[string]any{"email": nil, "email_verified": true}, map[string]any{"sub": "anna-1", "email": "anna@example.com"}, "not verified"},
		"of somebody else":    {map[string]any{"email": nil}, map[string]any{"sub": "ben-1", "email": "ben@example.com", "email_verified": true}, "two people"},
		"nothing":             {map[string]any{"email": nil}, map[string]any{"sub": "anna-1"}, "does not tell your e-mail"},
		"verified only there": {map[string]any{"email_verified": false}, map[string]any{"sub": "anna-1", "email": "anna@example.com", "email_verified": true}, "not verified"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, emptyStore(t))
			v := newVendor(t, w.clock)
			v.userinfo = c.info
			maps.Copy(v.claims, c.token)
			w.setOIDC(v, nil)
			in, err := w.through(v)
			if c.words != "" {
				w.oidcRefused(err, c.words)
			} else if err != nil || in.Person.Name != "anna@example.com" {
				t.Errorf("signed in as %+v, error %v", in.Person, err)
			}
		})
	}
}

func TestAddressesOfOnesOwnCompanyMayBeTakenAsVerified(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	v := newVendor(t, w.clock)
	w.setOIDC(v, func(c *people.OIDCConfig) { c.AssumeVerified = true })
	v.with(func() { delete(v.claims, "email_verified") })
	w.mustThrough(v)
}

func TestNewKeyOfTheProviderIsFound(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	v := newVendor(t, w.clock)
	w.setOIDC(v, nil)
	w.mustThrough(v)
	v.with(func() { v.key = newKey(t) })
	w.mustThrough(v)
	// The description is fetched again when it is old.
	w.pass(25 * time.Hour)
	w.mustThrough(v)
	if n := v.calls["/.well-known/openid-configuration"]; n != 2 {
		t.Errorf("the description was fetched %d times", n)
	}
}

func TestConfigurationOfTheProviderIsChecked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		v := newVendor(t, w.clock)
		good := people.OIDCConfig{Issuer: v.URL, ClientID: "orderly", ClientSecret: v.secret, DefaultRole: people.Viewer, Create: true}
		for name, c := range map[string]struct {
			field  string
			change func(c *people.OIDCConfig)
		}{
			"no issuer":          {"issuer", func(c *people.OIDCConfig) { c.Issuer = "" }},
			"no address":         {"issuer", func(c *people.OIDCConfig) { c.Issuer = "login" }},
			"unencrypted":        {"issuer", func(c *people.OIDCConfig) { c.Issuer = "http://login.example.com" }},
			"with a query":       {"issuer", func(c *people.OIDCConfig) { c.Issuer = v.URL + "?x=1" }},
			"with a password":    {"issuer", func(c *people.OIDCConfig) { c.Issuer = "https://a:b@login.example.com" }},
			"no client":          {"client_id", func(c *people.OIDCConfig) { c.ClientID = " " }},
			"file as secret":     {"client_secret", func(c *people.OIDCConfig) { c.ClientSecret = "${file:/etc/passwd}" }},
			"key as secret":      {"client_secret", func(c *people.OIDCConfig) { c.ClientSecret = "${env:ORDERLY_KEY}" }},
			"two references":     {"client_secret", func(c *people.OIDCConfig) { c.ClientSecret = "${env:ORDERLY_OIDC_A}${env:ORDERLY_KEY}" }},
			"variable not there": {"client_secret", func(c *people.OIDCConfig) { c.ClientSecret = "${env:ORDERLY_OIDC_NOT_THERE}" }},
			"address as domain":  {"domains", func(c *people.OIDCConfig) { c.Domains = []string{"anna@example.com"} }},
			"stars":              {"domains", func(c *people.OIDCConfig) { c.Domains = []string{"*.example.com"} }},
			"unknown role":       {"roles", func(c *people.OIDCConfig) { c.RoleClaim, c.Roles = "x", map[string]people.Role{"x": "owner"} }},
			"unknown default":    {"default_role", func(c *people.OIDCConfig) { c.DefaultRole = "owner" }},
			"roles of nothing":   {"role_claim", func(c *people.OIDCConfig) { c.Roles = map[string]people.Role{"x": people.Admin} }},
			"no role for new":    {"default_role", func(c *people.OIDCConfig) { c.DefaultRole = "" }},
		} {
			c2 := good
			c.change(&c2)
			if err := w.SetOIDC(t.Context(), root, c2, ""); err == nil {
				t.Errorf("%s was taken", name)
			} else {
				refused(t, err, c.field)
			}
		}
		v.with(func() { v.issuer = "https://evil.example" })
		w.oidcRefused(w.SetOIDC(t.Context(), root, good, ""), "another address")
		v.with(func() { v.issuer, v.down = "", true })
		w.oidcRefused(w.SetOIDC(t.Context(), root, good, ""), "does not answer")
		v.with(func() { v.down = false })
		if _, found, err := w.OIDC(t.Context()); found || err != nil {
			t.Errorf("found %v, error %v", found, err)
		}
		if _, _, err := w.BeginOIDC(t.Context(), v.redirect, ""); !errors.Is(err, people.ErrNoOIDC) {
			t.Errorf("the error is %v", err)
		}
		if err := w.SetOIDC(t.Context(), root, good, "single sign-on"); err != nil {
			t.Fatal(err)
		}
		if all := w.audit(); len(all) != 1 || all[0].subject != "setting/oidc" || all[0].action != "change" || all[0].why != "single sign-on" || strings.Contains(all[0].detail, v.secret) {
			t.Errorf("the audit has %+v", all)
		}
		if err := w.RemoveOIDC(t.Context(), root, "not any more"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.BeginOIDC(t.Context(), v.redirect, ""); !errors.Is(err, people.ErrNoOIDC) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestAdministratorsDoNotTakeTheirOnlyWayInAway(t *testing.T) {
	for what, take := range map[string]func(w *world, v, other *vendor) error{
		"removing": func(w *world, _, _ *vendor) error { return w.RemoveOIDC(w.t.Context(), root, "") },
		"another provider": func(w *world, _, other *vendor) error {
			return w.SetOIDC(w.t.Context(), root, people.OIDCConfig{Issuer: other.URL, ClientID: other.clientID, ClientSecret: other.secret}, "")
		},
		"another client": func(w *world, v, _ *vendor) error {
			return w.SetOIDC(w.t.Context(), root, people.OIDCConfig{Issuer: v.URL, ClientID: "another", ClientSecret: v.secret}, "")
		},
	} {
		t.Run(what, func(t *testing.T) {
			eachWithProvider(t, func(t *testing.T, w *world, v *vendor) {
				other := newVendor(t, w.clock)
				w.setOIDC(v, func(c *people.OIDCConfig) { c.DefaultRole = people.Admin })
				in := w.mustThrough(v)
				before := len(w.audit())
				if err := take(w, v, other); !errors.Is(err, people.ErrOnlyProvider) {
					t.Fatalf("the only administrator has no password: %v", err)
				}
				if len(w.audit()) != before {
					t.Error("the audit has what was not done")
				}
				if again := w.mustThrough(v); again.Person != in.Person {
					t.Errorf("after it %+v", again.Person)
				}
				w.add("boss", people.Admin)
				if err := take(w, v, other); err != nil {
					t.Fatal(err)
				}
				if u, err := w.User(t.Context(), in.Person.ID); u.HasOIDC || err != nil {
					t.Errorf("%+v, error %v", u, err)
				}
				w.session(in.Token)
			})
		})
	}
}

func TestUsersGoOverToAnotherProvider(t *testing.T) {
	eachWithProvider(t, func(t *testing.T, w *world, v *vendor) {
		w.setOIDC(v, nil)
		in := w.mustThrough(v)
		other := newVendor(t, w.clock)
		other.with(func() { other.claims["sub"] = "another number" })
		w.setOIDC(other, nil)
		if again := w.mustThrough(other); again.Person != in.Person {
			t.Errorf("through the other provider %+v, before %+v", again.Person, in.Person)
		}
		// A change of something else leaves everybody joined.
		w.setOIDC(other, func(c *people.OIDCConfig) { c.Title = "Company" })
		other.with(func() { other.claims["email"] = "moved@example.net" })
		if again := w.mustThrough(other); again.Person != in.Person {
			t.Errorf("after another change %+v", again.Person)
		}
	})
}

func TestClientSecretIsKeptSealedAndForItsProvider(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		v, other := newVendor(t, w.clock), newVendor(t, w.clock)
		w.setOIDC(v, nil)
		c, found, err := w.OIDC(t.Context())
		if !found || err != nil || c.ClientSecret != "" || !c.HasSecret || c.Title != "Example" {
			t.Fatalf("%+v, error %v", c, err)
		}
		err = w.store.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			var sealed []byte
			err := tx.QueryRow(ctx, `SELECT value FROM sealed_settings WHERE name = 'oidc'`).Scan(&sealed)
			if bytes.Contains(sealed, []byte(v.secret)) || bytes.Contains(sealed, []byte("orderly")) {
				t.Errorf("the store has %q", sealed)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		// Saved as it was read, the secret stays.
		c.Title = "Company"
		if err := w.SetOIDC(t.Context(), root, c, ""); err != nil {
			t.Fatal(err)
		}
		w.mustThrough(v)
		// For another provider it does not.
		c.Issuer = other.URL
		if err := w.SetOIDC(t.Context(), root, c, ""); err != nil {
			t.Fatal(err)
		}
		if c, _, err := w.OIDC(t.Context()); c.HasSecret || err != nil {
			t.Errorf("%+v, error %v", c, err)
		}
	})
}

func TestClientSecretCanComeFromTheEnvironment(t *testing.T) {
	t.Setenv("ORDERLY_OIDC_CLIENT_SECRET", "a client secret")
	w := newWorld(t, emptyStore(t))
	v := newVendor(t, w.clock)
	w.setOIDC(v, func(c *people.OIDCConfig) { c.ClientSecret = "${env:ORDERLY_OIDC_CLIENT_SECRET}" })
	w.mustThrough(v)
	if c, _, err := w.OIDC(t.Context()); c.ClientSecret != "${env:ORDERLY_OIDC_CLIENT_SECRET}" || err != nil {
		t.Errorf("%+v, error %v", c, err)
	}
}

func TestEndlessAnswersOfTheProviderAreCut(t *testing.T) {
	w := newWorld(t, emptyStore(t))
	v := newVendor(t, w.clock)
	w.setOIDC(v, nil)
	v.with(func() { v.claims["padding"] = strings.Repeat("x", 3<<20) })
	_, err := w.through(v)
	if _, ok := errors.AsType[*people.OIDCError](err); !ok {
		t.Errorf("the error is %v", err)
	}
}
