package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connectors/all"
	"github.com/orderlyhq/orderly/internal/desk/desktest"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// site is a dashboard over a running node and pretend vendors, seen by people of each role.
type site struct {
	*desktest.World
	server  *Server
	cookies map[people.Role]*http.Cookie
}

func newSite(t *testing.T, systems ...string) *site {
	t.Helper()
	st := storetest.Open(t, store.Options{Dir: t.TempDir()})
	s := &site{World: desktest.New(t, st, all.Definitions(), systems...), cookies: map[people.Role]*http.Cookie{}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	service := people.New(st, people.Options{Log: log, Hashing: people.Hashing{Memory: 16, Passes: 1, Threads: 1}})
	guard := people.NewGuard(service)
	var err error
	if s.server, err = New(Options{
		Desk: s.Desk, People: service, Guard: guard, Notices: s.Node.Notices(), Describe: func() ([]byte, error) { return []byte(tinyDescription), nil },
		Version: "test", Log: log, Now: time.Now, Ended: make(chan struct{}),
	}); err != nil {
		t.Fatal(err)
	}
	for _, role := range people.Roles() {
		const password = "seven blue kettles"
		if _, err := service.Add(t.Context(), s.Anna, people.NewUser{Name: string(role), Role: role, Password: password}, "test"); err != nil {
			t.Fatal(err)
		}
		token, _, err := service.SignIn(t.Context(), string(role), password, people.From{Address: "192.0.2.1"})
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		guard.SetSession(rec, httptest.NewRequest(http.MethodGet, "/", nil), token)
		s.cookies[role] = rec.Result().Cookies()[0]
	}
	return s
}

// answer is what a page answered.
type answer struct {
	status   int
	location string
	text     string
}

func (s *site) do(role people.Role, method, path string, form url.Values) answer {
	s.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.AddCookie(s.cookies[role])
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	return answer{w.Code, w.Header().Get("Location"), w.Body.String()}
}

func (s *site) get(role people.Role, path string) answer {
	s.Helper()
	return s.do(role, http.MethodGet, path, nil)
}

func (s *site) post(role people.Role, path string, form url.Values) answer {
	s.Helper()
	return s.do(role, http.MethodPost, path, form)
}

// has fails the test unless an answer has a status and all texts.
func (a answer) has(t testing.TB, what string, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Fatalf("%s: status %d, want %d\n%s", what, a.status, status, mainOf(a.text))
	}
	for _, text := range texts {
		if !strings.Contains(a.text, text) {
			t.Errorf("%s does not say %q\n%s", what, text, mainOf(a.text))
		}
	}
}

// hasNot fails the test when an answer has one of the texts.
func (a answer) hasNot(t testing.TB, what string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if text != "" && strings.Contains(a.text, text) {
			t.Errorf("%s has %q in it", what, text)
		}
	}
}

func mainOf(page string) string {
	_, rest, found := strings.Cut(page, `<main`)
	if !found {
		return page
	}
	main, _, _ := strings.Cut(rest, `</main>`)
	return main
}

// connectionValues is the form of a pretend vendor.
func (s *site) connectionValues(system string) url.Values {
	form := url.Values{"name": {system}, "system": {system}, "set.settle_time": {"2s"}, "do": {"save"}}
	for name, value := range s.Settings(system) {
		form.Set("set."+name, value)
	}
	return form
}

func TestConnectingFromTheForm(t *testing.T) {
	s := newSite(t, "shopify", "odoo")
	s.get(people.Admin, "/connections").has(t, "the empty list", http.StatusOK, "There is no connection yet", "/connections/new")
	s.get(people.Admin, "/connections/new").has(t, "the choice of systems", http.StatusOK, "Shops", "ERPs", "Shopify", "Odoo", "/connections/new?system=odoo")
	s.get(people.Admin, "/connections/new?system=shopify").has(t, "the form", http.StatusOK, `name="set.access_token"`, `type="password"`, `name="set.base_url"`, "(required)", "Settings that few people need", `<select id="set.api"`)
	s.get(people.Admin, "/connections/new?system=teleport").has(t, "the form of nothing", http.StatusNotFound)

	form := s.connectionValues("shopify")
	secret := form.Get("set.access_token")
	if secret == "" {
		secret = form.Get("set.client_secret")
	}
	form.Set("set.timeout", "never")
	form.Set("name", "My Shop")
	bad := s.post(people.Admin, "/connections", form)
	bad.has(t, "the form with mistakes", http.StatusUnprocessableEntity, "is no name for a connection", "is no span of time", `value="My Shop"`, `value="never"`, `id="set.timeout-error"`)
	bad.hasNot(t, "the form with mistakes", secret)

	form = s.connectionValues("shopify")
	form.Set("do", "test")
	tested := s.post(people.Admin, "/connections", form)
	tested.has(t, "the test", http.StatusOK, "it works", "Currency")
	tested.hasNot(t, "the test", secret)
	for _, name := range []string{"set.access_token", "set.client_secret"} {
		if form.Has(name) {
			form.Set(name, "shpat_00000000000000000000000000000000")
		}
	}
	s.post(people.Admin, "/connections", form).has(t, "the test with a wrong token", http.StatusOK, "it does not work yet", "Not signed in:")
	s.get(people.Admin, "/connections").has(t, "the list after tests", http.StatusOK, "There is no connection yet")

	if a := s.post(people.Admin, "/connections", s.connectionValues("shopify")); a.status != http.StatusSeeOther || a.location != "/connections/shopify" {
		t.Fatalf("saving gives %+v", a)
	}
	if a := s.post(people.Admin, "/connections", s.connectionValues("odoo")); a.status != http.StatusSeeOther {
		t.Fatalf("saving gives %+v", a)
	}
	page := s.get(people.Viewer, "/connections/shopify")
	page.has(t, "the page", http.StatusOK, "signed in", "Account", "/hooks/shopify", "calls go through", "stored, never shown", "No flow begins or ends here")
	page.hasNot(t, "the page for a viewer", secret, "Check now", "Remove", `action="/connections/shopify/pause"`)
	s.get(people.Operator, "/connections/shopify").has(t, "the page for an operator", http.StatusOK, "Check now", "Pause…")
	s.get(people.Admin, "/connections").has(t, "the list", http.StatusOK, "shopify", "odoo", "calls go through")

	edit := s.get(people.Admin, "/connections/shopify/edit")
	edit.has(t, "the form of what is stored", http.StatusOK, "stored; leave empty to keep it", "The name cannot be changed", s.Settings("shopify")["base_url"])
	edit.hasNot(t, "the form of what is stored", secret)
	if a := s.post(people.Admin, "/connections/shopify", url.Values{"set.base_url": {s.Settings("shopify")["base_url"]}, "set.concurrency": {"3"}, "do": {"save"}}); a.status != http.StatusSeeOther {
		t.Errorf("saving with the secret kept gives %d\n%s", a.status, mainOf(a.text))
	}
	s.get(people.Viewer, "/connections/shopify").has(t, "the page after it", http.StatusOK, "signed in", "3 requests at once")

	if a := s.post(people.Operator, "/connections/odoo/check", nil); a.status != http.StatusSeeOther {
		t.Errorf("checking gives %+v", a)
	}
	s.post(people.Operator, "/connections/odoo/pause", url.Values{"do": {"pause"}}).has(t, "a pause without a reason", http.StatusUnprocessableEntity, "say why", `href="/connections/odoo"`)
	if a := s.post(people.Operator, "/connections/odoo/pause", url.Values{"do": {"pause"}, "why": {"month's end"}}); a.status != http.StatusSeeOther {
		t.Errorf("pausing gives %+v", a)
	}
	s.get(people.Operator, "/connections/odoo").has(t, "the paused page", http.StatusOK, "Paused: month&#39;s end", "Resume")
	s.post(people.Operator, "/connections/shopify/repair", nil).has(t, "a repair that nobody needs", http.StatusUnprocessableEntity, "no flow takes the webhooks")
	if a := s.post(people.Admin, "/connections/odoo/remove", url.Values{"why": {"a mistake"}}); a.status != http.StatusSeeOther || a.location != "/connections" {
		t.Errorf("removing gives %+v", a)
	}
	s.get(people.Viewer, "/connections/odoo").has(t, "the page of what was removed", http.StatusNotFound, "There is no connection odoo")
}

// TestWhoMayDoWhatWithConnectionsFlowsAndRuns tries each route of these screens with the role below the least one.
func TestWhoMayDoWhatWithConnectionsFlowsAndRuns(t *testing.T) {
	s := newSite(t, "odoo")
	below := map[people.Role]people.Role{people.Operator: people.Viewer, people.Admin: people.Operator}
	for _, some := range [][]route{s.server.connectionsRoutes(), s.server.flowsRoutes(), s.server.syncRoutes()} {
		for _, r := range some {
			method, path, _ := strings.Cut(r.pattern, " ")
			path = strings.NewReplacer("{name}", "x", "{run}", "1", "{task}", "1").Replace(path)
			if method == http.MethodPost && r.need == people.Viewer {
				t.Errorf("%s changes something and a viewer may", r.pattern)
			}
			if role, ok := below[r.need]; ok {
				s.do(role, method, path, nil).has(t, r.pattern+" as "+string(role), http.StatusForbidden, "Not with your role")
			}
		}
	}
}
