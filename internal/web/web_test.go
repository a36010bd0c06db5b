package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// tinyDescription is an OpenAPI description of one operation.
const tinyDescription = `{"info": {"version": "1", "description": "All that there is."}, "paths": {"/orders": {"get": {"operationId": "list-orders",
	"summary": "List orders", "tags": ["Orders"], "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "default": 50}}],
	"responses": {"200": {"content": {"application/json": {"schema": {"type": "array"}}}}}}}}, "components": {"schemas": {"Order": {"type": "object"}}}}`

// ends are the routes after which a session is over.
var ends = []string{"POST /sign-out", "POST /account/sign-out-everywhere", "POST /account/password"}

// asked fills the parameters of a route's path.
func asked(pattern string) (method, path string) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		return http.MethodGet, "/nothing/there"
	}
	path = strings.NewReplacer("{$}", "", "{action}", "role", "{name}", "shopify", "{version}", "1").Replace(path)
	return method, regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "1")
}

func TestEveryRouteKeepsToItsRole(t *testing.T) {
	s := newSite(t, "shopify", "odoo")
	routes := s.server.routes()
	slices.SortStableFunc(routes, func(a, b route) int {
		last := func(r route) int {
			if slices.Contains(ends, r.pattern) {
				return 1
			}
			return 0
		}
		return last(a) - last(b)
	})
	var done int
	for _, r := range routes {
		if slices.Contains(ends, r.pattern) && r.need != people.Viewer {
			t.Errorf("%s, which everybody who is signed in needs, is for %s", r.pattern, r.need)
		}
		method, path := asked(r.pattern)
		if r.need == people.Everybody {
			if a := s.nobody(method, path); a.status == http.StatusForbidden || a.status >= http.StatusInternalServerError {
				t.Errorf("%s, which is open to all, is answered %d", r.pattern, a.status)
			}
			continue
		}
		switch a := s.nobody(method, path); {
		case method == http.MethodGet && (a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/sign-in?to=")):
			t.Errorf("%s sends nobody to sign in: %d %s", r.pattern, a.status, a.location)
		case method == http.MethodPost && a.status != http.StatusUnauthorized:
			t.Errorf("%s lets nobody in: %d", r.pattern, a.status)
		}
		for _, role := range people.Roles() {
			if slices.Contains(ends, r.pattern) {
				continue // all may; what it does is tested elsewhere
			}
			a := s.do(role, method, path, url.Values{})
			if refused := a.status == http.StatusForbidden; refused == role.Allows(r.need) {
				t.Errorf("%s, which needs %s, is answered %d to a %s\n%s", r.pattern, r.need, a.status, role, mainOf(a.text))
			}
			if a.status >= http.StatusInternalServerError && a.status != http.StatusBadGateway {
				t.Errorf("%s fails: %d\n%s", r.pattern, a.status, mainOf(a.text))
			}
			done++
		}
	}
	if done < 150 {
		t.Errorf("only %d combinations were tried", done)
	}
}

// nobody asks without being signed in.
func (s *site) nobody(method, path string) answer {
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return answer{w.Code, w.Header().Get("Location"), w.Body.String()}
}

// TestNoChangeIsMadeByReading opens every page, as an administrator with a good sign-in link in the address.
func TestNoChangeIsMadeByReading(t *testing.T) {
	s := newSite(t, "shopify", "odoo")
	for _, system := range []string{"shopify", "odoo"} {
		if a := s.post(people.Admin, "/connections", s.connectionValues(system)); a.status != http.StatusSeeOther {
			t.Fatalf("connecting %s: %d", system, a.status)
		}
	}
	secret, err := s.server.people.MakeLink(t.Context(), s.Anna, 1, time.Hour, "")
	if err != nil {
		t.Fatal(err)
	}
	before := s.changeable()
	opened := 0
	for _, r := range s.server.routes() {
		method, path := asked(r.pattern)
		switch {
		case method != http.MethodGet && method != http.MethodPost:
			t.Errorf("%s: pages are read by GET and change by POST", r.pattern)
		case method != http.MethodGet || path == livePath:
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			s.do(people.Admin, method, path+"?at=once&do=save&token="+secret, nil)
			opened++
			if now := s.changeable(); now != before {
				t.Fatalf("%s %s changes something: there are %s, before %s", method, r.pattern, now, before)
			}
		}
	}
	if opened < 60 {
		t.Errorf("only %d pages were opened", opened)
	}
}

// changeable counts what people's actions leave behind.
func (s *site) changeable() string {
	s.Helper()
	var counts []string
	err := s.Store.Read(s.Context(), func(ctx context.Context, tx store.Tx) error {
		counts = counts[:0]
		for _, table := range []string{"audit", "users", "sessions", "sign_in_links", "api_tokens", "connections", "flows", "mapping_history", "views"} {
			var n int
			if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
			counts = append(counts, fmt.Sprint(n, " ", table))
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return strings.Join(counts, ", ")
}

func TestPagesLetNothingElseIn(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/sign-in", "/", "/nothing"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.AddCookie(s.cookies[people.Admin])
		s.server.ServeHTTP(w, r)
		policy := w.Header().Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the content policy has no %q: %s", path, part, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", path, w.Header())
		}
		if strings.Contains(w.Body.String(), " style=") || strings.Contains(w.Body.String(), "<style") || regexp.MustCompile(`<[^>]* on[a-z]+=`).MatchString(w.Body.String()) {
			t.Errorf("%s has styles or scripts in it, which the content policy refuses", path)
		}
	}
}

func TestATokenOpensNoPage(t *testing.T) {
	s := newSite(t)
	text, _, err := s.server.people.CreateToken(t.Context(), people.Person{ID: 3, Name: "admin", Role: people.Admin}, people.NewToken{Name: "ci", Role: people.Admin}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{{http.MethodGet, "/people", http.StatusSeeOther}, {http.MethodPost, "/people/1/link", http.StatusUnauthorized}} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("Authorization", "Bearer "+text)
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		if w.Code != c.status || strings.Contains(w.Body.String(), "/sign-in/link?token=") {
			t.Errorf("%s %s is answered %d", c.method, c.path, w.Code)
		}
	}
}

// TestALinkIsUsedByAButton tries every way to open a link without a press of its button. Only the demo has one that
// works, and only for who opens it there.
func TestALinkIsUsedByAButton(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name         string
		demo         bool
		method, site string
		in           bool
	}{
		{"as everywhere", false, http.MethodGet, "none", false},
		{"by another site", false, http.MethodGet, "cross-site", false},
		{"the demo's, by another site", true, http.MethodGet, "cross-site", false},
		{"the demo's, by a neighbour", true, http.MethodGet, "same-site", false},
		{"the demo's, by a program that looks", true, http.MethodHead, "", false},
		{"the demo's", true, http.MethodGet, "none", true},
		{"the demo's, in an old browser", true, http.MethodGet, "", true},
	} {
		s.server.atOnce = c.demo
		secret, err := s.server.people.MakeLink(t.Context(), s.Anna, 1, time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(c.method, people.LinkPath(secret)+"&at=once", nil)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		if in := w.Code == http.StatusSeeOther; in != c.in {
			t.Errorf("%s: status %d", c.name, w.Code)
		}
		_, _, err = s.server.people.UseLink(t.Context(), secret, people.From{})
		if used := err != nil; used != c.in {
			t.Errorf("%s: the link is used up: %t", c.name, used)
		}
	}
}

func TestAnotherSitesFormIsRefused(t *testing.T) {
	s := newSite(t)
	r := httptest.NewRequest(http.MethodPost, "/reveal", strings.NewReader("show=yes"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.AddCookie(s.cookies[people.Admin])
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Another site") {
		t.Errorf("a form of another site is answered %d", w.Code)
	}
}

func TestNobodyIsSentElsewhere(t *testing.T) {
	s := newSite(t)
	for back, want := range map[string]string{
		"https://evil.example": "/", "//evil.example": "/", `/\evil.example`: "/", "javascript:alert(1)": "/", "": "/", "orders": "/",
		"/orders?state=held": "/orders?state=held",
	} {
		if a := s.post(people.Viewer, "/settings/look", url.Values{"back": {back}}); a.location != want {
			t.Errorf("%q leads to %q", back, a.location)
		}
	}
}

func TestPersonalDataIsMaskedUntilSomebodyAsks(t *testing.T) {
	s := newSite(t)
	if err := s.server.people.SetEmail(t.Context(), s.Anna, 1, "vera@example.com", ""); err != nil {
		t.Fatal(err)
	}
	s.get(people.Viewer, "/people").hasNot(t, "the page before", "vera@example.com")
	a := s.post(people.Viewer, "/reveal", url.Values{"show": {"yes"}, "back": {"/people"}})
	if a.status != http.StatusSeeOther || a.location != "/people" {
		t.Fatalf("%+v", a)
	}
	s.get(people.Viewer, "/people").has(t, "the page after", http.StatusOK, "vera@example.com")
	s.get(people.Operator, "/people").hasNot(t, "somebody else's page", "vera@example.com")
	s.get(people.Admin, "/audit").has(t, "the audit", http.StatusOK, "viewer", "personal data")
	s.post(people.Viewer, "/reveal", url.Values{"show": {"no"}})
	s.get(people.Viewer, "/people").hasNot(t, "the page after it was hidden", "vera@example.com")
}

func TestPeopleAreAddedAndChangedOnTheirPage(t *testing.T) {
	s := newSite(t)
	made := s.post(people.Admin, "/people", url.Values{"name": {"otto"}, "role": {"operator"}})
	made.has(t, "the page after adding", http.StatusOK, "Sign-in link for otto", "/sign-in/link?token=")
	s.post(people.Admin, "/people", url.Values{"name": {"otto"}, "role": {"operator"}}).has(t, "the same name again", http.StatusUnprocessableEntity, "add-name-error")
	link := regexp.MustCompile(`/sign-in/link\?token=[A-Za-z0-9_-]+`).FindString(made.text)
	s.nobody(http.MethodGet, link).has(t, "the link's page", http.StatusOK, "Sign in", "signs you in once")
	s.post(people.Admin, "/people/3/disable", url.Values{}).has(t, "the last administrator", http.StatusConflict, "last administrator")
	for _, change := range []struct{ action, says string }{{"role", "otto is viewer now"}, {"disable", "cannot sign in"}, {"enable", "can sign in again"}, {"remove", "is removed"}} {
		a := s.post(people.Admin, "/people/4/"+change.action, url.Values{"role": {"viewer"}, "why": {"test"}})
		if a.status != http.StatusSeeOther {
			t.Errorf("%s: %d\n%s", change.action, a.status, mainOf(a.text))
		}
	}
	s.get(people.Admin, "/people").hasNot(t, "the page after removing", ">otto<")
}

func TestWhatIsWrongStandsBesideItsField(t *testing.T) {
	s := newSite(t)
	const good = "seven blue kettles"
	password := func(old, password, again string) url.Values {
		return url.Values{"old_password": {old}, "password": {password}, "again": {again}}
	}
	for _, c := range []struct {
		name, path string
		form       url.Values
		status     int
		says       string
	}{
		{"a role that there is not", "/people", url.Values{"name": {"otto"}, "role": {"owner"}}, http.StatusUnprocessableEntity, "add-role-error"},
		{"no address", "/people", url.Values{"name": {"otto"}, "role": {"viewer"}, "email": {"nowhere"}}, http.StatusUnprocessableEntity, "add-email-error"},
		{"a short password", "/account/password", password(good, "short", "short"), http.StatusUnprocessableEntity, "password-error"},
		{"two passwords", "/account/password", password(good, good+"!", good+"?"), http.StatusUnprocessableEntity, "again-error"},
		{"a wrong password", "/account/password", password("nine green ladders", good+"!", good+"!"), http.StatusUnprocessableEntity, "old_password-error"},
		{"an endless token", "/account/tokens", url.Values{"name": {"ci"}, "role": {"viewer"}, "lifetime": {"3650"}}, http.StatusUnprocessableEntity, "five years at the most"},
		{"no lifetime", "/account/tokens", url.Values{"name": {"ci"}, "role": {"viewer"}}, http.StatusUnprocessableEntity, "one of the lifetimes"},
		{"a provider that does not answer", "/settings/sign-in", url.Values{"issuer": {"http://127.0.0.1:1"}, "client_id": {"kept as typed"}}, http.StatusUnprocessableEntity, "issuer-error"},
	} {
		s.post(people.Admin, c.path, c.form).has(t, c.name, c.status, c.says)
	}
	for range 5 {
		s.post(people.Admin, "/account/password", password("nine green ladders", good+"!", good+"!"))
	}
	s.post(people.Admin, "/account/password", password(good, good+"!", good+"!")).
		has(t, "too many wrong passwords", http.StatusTooManyRequests, "old_password-error", "too many failed")
}

// TestWhatPeopleAreToldIsNoFailure holds against both doors what package people says to a person.
func TestWhatPeopleAreToldIsNoFailure(t *testing.T) {
	s := newSite(t)
	for _, err := range []error{
		people.ErrSignIn, people.ErrWrong, people.ErrLink, people.ErrUnknown, people.ErrByToken, people.ErrLastAdmin, people.ErrOnlyProvider, people.ErrNotEmpty,
		people.ErrCrossSite, &people.InputError{Field: "name", Message: "give a name"}, &people.ThrottleError{RetryAfter: time.Minute},
		&people.OIDCError{Message: "the provider does not answer"}, &people.RoleError{Have: people.Viewer, Need: people.Admin},
	} {
		p := s.server.explain(t.Context(), fmt.Errorf("change something: %w", err))
		if p.status < 400 || p.status >= 500 || p.text == "" {
			t.Errorf("%v is told as %d %s", err, p.status, p.text)
		}
	}
}

func TestWhoCameByTLSComesByNothingElse(t *testing.T) {
	s := newSite(t)
	for scheme, want := range map[string]string{"http": "", "https": "max-age=31536000"} {
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, scheme+"://orderly.example.com/sign-in", nil))
		if got := w.Header().Get("Strict-Transport-Security"); got != want {
			t.Errorf("by %s: %q", scheme, got)
		}
	}
}

func TestTokensAreShownOnce(t *testing.T) {
	s := newSite(t)
	a := s.post(people.Operator, "/account/tokens", url.Values{"name": {"nightly"}, "role": {"viewer"}, "lifetime": {"30"}})
	a.has(t, "the page after making", http.StatusOK, "Your new token")
	token := regexp.MustCompile(`orderly_[A-Za-z0-9]{20,}`).FindString(a.text)
	if token == "" {
		t.Fatal("the token is not shown")
	}
	s.get(people.Operator, "/account").hasNot(t, "the page later", token)
	s.post(people.Operator, "/account/tokens", url.Values{"name": {"more"}, "role": {"admin"}, "lifetime": {"30"}}).
		has(t, "a token with more rights than its maker", http.StatusUnprocessableEntity, "role")
	s.post(people.Viewer, "/account/tokens/1/revoke", url.Values{}).has(t, "somebody else's token", http.StatusNotFound)
	if a := s.post(people.Operator, "/account/tokens/1/revoke", url.Values{}); a.status != http.StatusSeeOther {
		t.Errorf("revoking: %d", a.status)
	}
	s.get(people.Operator, "/account").has(t, "the page after revoking", http.StatusOK, "revoked")
}

func TestAlertsAndEndpointsAreSetUp(t *testing.T) {
	s := newSite(t)
	page := s.get(people.Viewer, "/settings")
	page.has(t, "the page for a viewer", http.StatusOK, "What people are told of", "There is no alert at the moment")
	page.hasNot(t, "the page for a viewer", "Mail server", "Outgoing webhooks")
	form := url.Values{
		"rules.oldest_order.on": {"yes"}, "rules.oldest_order.minutes": {"30"}, "rules.connection_down.minutes": {"5"}, "rules.subscription_lost.minutes": {"40"},
		"rules.cause_growing.tasks": {"10"}, "rules.paused.minutes": {"60"}, "remind_minutes": {"240"},
		"email.host": {"smtp.example.com"}, "email.security": {"starttls"}, "email.username": {"orderly"}, "email.password": {"mail secret"},
		"email.from": {"orderly@example.com"}, "email.to": {"no address"},
	}
	s.post(people.Admin, "/settings/alerts", form).has(t, "a wrong recipient", http.StatusUnprocessableEntity, "email.to", "role=\"alert\"", "smtp.example.com")
	form.Set("email.to", "ops@example.com, boss@example.com")
	if a := s.post(people.Admin, "/settings/alerts", form); a.status != http.StatusSeeOther {
		t.Fatalf("saving: %d\n%s", a.status, mainOf(a.text))
	}
	saved := s.get(people.Admin, "/settings")
	saved.has(t, "the saved page", http.StatusOK, "ops@example.com, boss@example.com", `value="30"`)
	saved.hasNot(t, "the saved page", "mail secret")

	s.post(people.Admin, "/settings/webhooks", url.Values{"url": {"http://example.com/hook"}, "events": {"order.synced"}}).
		has(t, "an address without TLS", http.StatusUnprocessableEntity, "url-error")
	made := s.post(people.Admin, "/settings/webhooks", url.Values{"url": {"https://example.com/hook"}, "description": {"the warehouse"}, "events": {"order.synced", "order.held"}})
	made.has(t, "the page after adding", http.StatusOK, "whsec_", "the warehouse")
	at := regexp.MustCompile(`/settings/webhooks/ep_[a-z0-9]+`).FindString(made.text)
	s.get(people.Admin, at).has(t, "the endpoint's page", http.StatusOK, "the warehouse", "Nothing was sent yet")
	s.get(people.Admin, at).hasNot(t, "the endpoint's page", "whsec_")
	for _, action := range []string{"disable", "enable", "remove"} {
		if a := s.post(people.Admin, at+"/"+action, url.Values{"why": {"test"}}); a.status != http.StatusSeeOther {
			t.Errorf("%s: %d", action, a.status)
		}
	}
	s.get(people.Admin, at).has(t, "an endpoint that was removed", http.StatusNotFound)
}

func TestTheAPIsDescriptionIsShown(t *testing.T) {
	newSite(t).get(people.Viewer, "/api").has(t, "the page", http.StatusOK, "All that there is.", "List orders", "limit", "integer; default 50", "schema-Order")
}

func TestThePaletteFindsScreensAndOrders(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name, text string
		role       people.Role
		says       string
		not        string
	}{
		{"a screen by its beginning", "aud", people.Viewer, "/audit", "/maps"},
		{"a command", "run", people.Operator, "/sync", ""},
		{"no command that somebody may not use", "run", people.Viewer, "", "/sync"},
		{"nothing", "xyzzy", people.Viewer, "Nothing matches", ""},
	} {
		r := httptest.NewRequest(http.MethodPost, "/search", strings.NewReader(url.Values{"q": {c.text}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Orderly-Fragment", "search")
		r.AddCookie(s.cookies[c.role])
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), c.says) || (c.not != "" && strings.Contains(w.Body.String(), c.not)) {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	if a := s.post(people.Viewer, "/search", url.Values{"q": {"1001"}}); a.location != "/orders?q=1001" {
		t.Errorf("without a script the search leads to %q", a.location)
	}
}
