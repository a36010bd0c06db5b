package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orderlyhq/orderly/internal/api"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// fixture is an API over an empty installation, with a token for each role.
type fixture struct {
	t      *testing.T
	server *httptest.Server
	api    *api.API
	store  *store.Store
	tokens map[people.Role]string
}

func newFixture(t *testing.T, st *store.Store) *fixture {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	n, err := node.New(t.Context(), node.Options{Version: "test", Log: log}, st, telemetry.NewMetrics("test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	d := desk.New(desk.Options{Store: st, Node: n, Log: log, Now: time.Now})
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	service := people.New(st, people.Options{Log: log, Hashing: people.Hashing{Memory: 64, Passes: 1, Threads: 1}})
	f := &fixture{t: t, store: st, tokens: map[people.Role]string{}}
	for _, role := range people.Roles() {
		user, err := service.Add(t.Context(), people.Person{Name: "test"}, people.NewUser{Name: string(role), Role: role}, "")
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := service.CreateToken(t.Context(), people.Person{ID: user.ID, Name: user.Name, Role: role}, people.NewToken{Name: "test", Role: role}, "")
		if err != nil {
			t.Fatal(err)
		}
		f.tokens[role] = text
	}
	f.api = api.New(api.Options{
		Desk: d, People: service, Guard: people.NewGuard(service), Calls: st, Version: "test", Log: log,
		Notices: notice.New(notice.Options{Store: st, Log: log, Now: time.Now, Version: "test"}),
	})
	f.server = httptest.NewServer(f.api)
	t.Cleanup(f.server.Close)
	return f
}

// answer is what a call came to.
type answer struct {
	status int
	header http.Header
	body   string
}

// call makes a call in the name of a role; "" is nobody.
func (f *fixture) call(role people.Role, method, path, body string, header ...string) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.server.URL+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if role != "" {
		req.Header.Set("Authorization", "Bearer "+f.tokens[role])
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: string(text)}
}

// description is the OpenAPI description as far as the tests look at it.
type description struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string           `json:"operationId"`
		Summary     string           `json:"summary"`
		Description string           `json:"description"`
		Tags        []string         `json:"tags"`
		Security    []map[string]any `json:"security"`
		Responses   map[string]any   `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]any `json:"schemas"`
	} `json:"components"`
}

func (f *fixture) description() description {
	f.t.Helper()
	a := f.call(people.Viewer, http.MethodGet, "/api/v1/openapi.json", "")
	if a.status != http.StatusOK {
		f.t.Fatalf("the description is answered %d: %s", a.status, a.body)
	}
	var d description
	if err := json.Unmarshal([]byte(a.body), &d); err != nil {
		f.t.Fatal(err)
	}
	return d
}

// path puts something into each parameter of a path.
func filled(path string) string {
	return strings.NewReplacer("{id}", "1", "{name}", "shop", "{table}", "items").Replace(path)
}

// secretive are the operations that read what may hold secrets.
var secretive = []string{"list-endpoints", "list-messages", "get-alert-settings"}

func TestAViewerChangesNothing(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
	for path, methods := range f.description().Paths {
		for method, operation := range methods {
			method, address := strings.ToUpper(method), api.Base+filled(path)
			if method == http.MethodGet && !slices.Contains(secretive, operation.OperationID) {
				continue
			}
			if a := f.call(people.Viewer, method, address, "{}"); a.status != http.StatusForbidden {
				t.Errorf("%s %s is answered %d to a viewer: %s", method, path, a.status, a.body)
			}
		}
	}
}

func TestReadingChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		id := f.endpoint()
		before := f.kept()
		calls := 0
		for path, methods := range f.description().Paths {
			if _, reads := methods["get"]; !reads {
				continue
			}
			for _, address := range []string{filled(path), strings.ReplaceAll(path, "{id}", id)} {
				f.call(people.Admin, http.MethodGet, api.Base+address, "")
				calls++
			}
		}
		if after := f.kept(); !slices.Equal(after, before) || calls < 30 {
			t.Errorf("after %d calls the store has %q; before it was %q", calls, after, before)
		}
	})
}

// kept gives what a change of anything would leave in the store.
func (f *fixture) kept() []string {
	f.t.Helper()
	var rows []string
	err := f.store.Read(f.t.Context(), func(ctx context.Context, tx store.Tx) error {
		rows = rows[:0]
		for _, query := range []string{
			`SELECT id, action || ' ' || subject FROM audit ORDER BY id`,
			`SELECT count(*), 'links' FROM links`, `SELECT count(*), 'tasks' FROM tasks`, `SELECT count(*), 'records' FROM records`,
			`SELECT count(*), 'messages' FROM messages`, `SELECT count(*), 'sign-in links' FROM sign_in_links`,
			`SELECT updated_at, id FROM endpoints ORDER BY id`,
		} {
			found, err := tx.Query(ctx, query)
			if err != nil {
				return err
			}
			for found.Next() {
				var number int64
				var text string
				if err := found.Scan(&number, &text); err != nil {
					return err
				}
				rows = append(rows, fmt.Sprint(number, " ", text))
			}
			found.Close()
			if err := found.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return rows
}

func TestEveryOperationKeepsToItsRole(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
	calls := 0
	for path, methods := range f.description().Paths {
		for method, operation := range methods {
			need := people.Admin
			for _, role := range people.Roles() {
				if strings.Contains(operation.Description, "the role "+string(role)+".") {
					need = role
				}
			}
			method, address := strings.ToUpper(method), api.Base+filled(path)
			if a := f.call("", method, address, "{}"); a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s lets nobody in: %d %s", method, path, a.status, a.body)
			}
			for _, role := range people.Roles() {
				calls++
				a := f.call(role, method, address, "{}")
				if refused := a.status == http.StatusForbidden; refused == role.Allows(need) {
					t.Errorf("%s %s, which needs %s, is answered %d to a %s: %s", method, path, need, a.status, role, a.body)
				}
				if a.status >= http.StatusInternalServerError {
					t.Errorf("%s %s fails: %d %s", method, path, a.status, a.body)
				}
			}
		}
	}
	if calls < 100 {
		t.Errorf("only %d calls were made; is the description empty?", calls)
	}
}

func TestUsersAreListedAsOnTheirPage(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
	service := people.New(f.store, people.Options{})
	if err := service.SetEmail(t.Context(), people.Person{Name: "test"}, 1, "vera@example.com", ""); err != nil {
		t.Fatal(err)
	}
	a := f.call(people.Viewer, http.MethodGet, "/api/v1/users", "")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"viewer"`) || !strings.Contains(a.body, "v••") || strings.Contains(a.body, "vera@") {
		t.Errorf("the users are answered %d: %s", a.status, a.body)
	}
}

func TestADescriptionThatToolsCanUse(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
	d := f.description()
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %q, want 3.1", d.OpenAPI)
	}
	seen := map[string]bool{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			switch {
			case o.OperationID == "" || seen[o.OperationID]:
				t.Errorf("%s %s has no id of its own: %q", method, path, o.OperationID)
			case o.Summary == "" || len(o.Tags) != 1 || len(o.Security) != 2 || o.Responses["401"] == nil || o.Responses["403"] == nil:
				t.Errorf("%s %s is described badly: %+v", method, path, o)
			}
			seen[o.OperationID] = true
		}
	}
	text, err := f.api.Description()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("api.json", document); err != nil {
		t.Fatal(err)
	}
	for name := range d.Components.Schemas {
		if _, err := compiler.Compile("api.json#/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
}

func TestErrorsAreProblemDetails(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"an order that is not there", http.MethodGet, "/api/v1/orders/99", "", http.StatusNotFound, "99"},
		{"a connection that is not there", http.MethodGet, "/api/v1/connections/shop", "", http.StatusNotFound, "shop"},
		{"an address that is none", http.MethodGet, "/api/v1/nothing", "", http.StatusNotFound, "openapi.json"},
		{"a state that is none", http.MethodGet, "/api/v1/orders?state=lost", "", http.StatusUnprocessableEntity, "state"},
		{"a parameter that is none", http.MethodGet, "/api/v1/orders?colour=red", "", http.StatusUnprocessableEntity, "colour"},
		{"an amount that is none", http.MethodGet, "/api/v1/orders?min=much", "", http.StatusUnprocessableEntity, "min"},
		{"an action without orders", http.MethodPost, "/api/v1/orders/actions", `{"action":"retry","ids":[]}`, http.StatusUnprocessableEntity, "ids"},
		{"more orders than go at once", http.MethodPost, "/api/v1/orders/actions", `{"action":"retry","ids":[1` + strings.Repeat(",1", desk.MaxActed) + `]}`, http.StatusUnprocessableEntity, "array length"},
		{"as many orders as go at once, which there are not", http.MethodPost, "/api/v1/orders/actions", `{"action":"retry","ids":[1` + strings.Repeat(",1", desk.MaxActed-1) + `]}`, http.StatusNotFound, "no such order"},
		{"a hold without a reason", http.MethodPost, "/api/v1/orders/actions", `{"action":"hold","ids":[1]}`, http.StatusUnprocessableEntity, "why"},
		{"a cursor that is none", http.MethodGet, "/api/v1/orders?cursor=x", "", http.StatusUnprocessableEntity, `"location":"cursor"`},
		{"a body that is no JSON", http.MethodPost, "/api/v1/orders/actions", `{`, http.StatusBadRequest, "JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := f.call(people.Admin, c.method, c.path, c.body)
			var problem struct {
				Status        int
				Title, Detail string
			}
			if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
				t.Fatalf("%v: %s", err, a.body)
			}
			if a.status != c.status || problem.Status != c.status || problem.Title == "" || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("answered %d, %s: %s", a.status, a.header.Get("Content-Type"), a.body)
			}
			if !strings.Contains(a.body, c.says) {
				t.Errorf("the problem does not say %q: %s", c.says, a.body)
			}
		})
	}
}

func TestNothingIsSentAgainToADisabledEndpoint(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
	id := f.endpoint()
	var sendings []int64
	f.write(func(ctx context.Context, tx store.Tx) (err error) {
		sendings, err = f.store.AddMessage(ctx, tx, "order.synced", []byte("{}"), []string{id}, time.Now(), time.Now())
		return err
	})
	message := fmt.Sprintf("/api/v1/webhook-messages/%d/resend", sendings[0])
	endpoint := "/api/v1/webhook-endpoints/" + id
	for _, c := range []struct {
		path   string
		status int
	}{
		{endpoint + "/disable", http.StatusNoContent},
		{message, http.StatusConflict},
		{endpoint + "/resend-failed", http.StatusConflict},
		{endpoint + "/enable", http.StatusNoContent},
		{message, http.StatusNoContent},
		{endpoint + "/resend-failed", http.StatusOK},
	} {
		if a := f.call(people.Admin, http.MethodPost, c.path, "{}"); a.status != c.status || c.status == http.StatusConflict && !strings.Contains(a.body, "enable it first") {
			t.Errorf("%s is answered %d, want %d: %s", c.path, a.status, c.status, a.body)
		}
	}
}

func TestASecretIsRotated(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
	address := "/api/v1/webhook-endpoints/" + f.endpoint() + "/rotate-secret"
	first, second := f.call(people.Admin, http.MethodPost, address, "{}"), f.call(people.Admin, http.MethodPost, address, "{}")
	if first.status != http.StatusOK || !strings.Contains(first.body, `"secret":"whsec_`) || first.body == second.body {
		t.Errorf("answered %d: %s, then %s", first.status, first.body, second.body)
	}
}

func TestTheAlertSettingsAreReadAndReplaced(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
	const address = "/api/v1/alert-settings"
	var settings map[string]any
	change := func(channels string) answer {
		if err := json.Unmarshal([]byte(f.call(people.Admin, http.MethodGet, address, "").body), &settings); err != nil {
			t.Fatal(err)
		}
		delete(settings, "$schema")
		var slack any
		if err := json.Unmarshal([]byte(channels), &slack); err != nil {
			t.Fatal(err)
		}
		settings["slack"] = slack
		text, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		return f.call(people.Admin, http.MethodPut, address+"?why=test", string(text))
	}
	if a := change(`[{"id":"one","name":"#orders","url":"https://example.com/hush"}]`); a.status != http.StatusNoContent {
		t.Fatalf("saving is answered %d: %s", a.status, a.body)
	}
	a := f.call(people.Admin, http.MethodGet, address, "")
	if strings.Contains(a.body, "hush") || !strings.Contains(a.body, "#orders") {
		t.Errorf("the settings are %s", a.body)
	}
	if a := change(`[{"id":"one","name":"#all","url":"***"}]`); a.status != http.StatusNoContent {
		t.Errorf("a secret that is kept is answered %d: %s", a.status, a.body)
	}
	if a := change(`[{"id":"one","name":" ","url":"***"}]`); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "slack[0].name") {
		t.Errorf("a name that is none is answered %d: %s", a.status, a.body)
	}
}

func TestACallWithAKeyIsMadeOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		create := func(role people.Role, key, url string) answer {
			return f.call(role, http.MethodPost, "/api/v1/webhook-endpoints", `{"url":"`+url+`","description":"","events":["order.synced"]}`, "Idempotency-Key", key)
		}
		first := create(people.Admin, "k1", "https://example.com/a")
		if first.status != http.StatusCreated {
			t.Fatalf("%d: %s", first.status, first.body)
		}
		again := create(people.Admin, "k1", "https://example.com/a")
		if again.status != first.status || again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the repeated call got another answer: %d %s", again.status, again.body)
		}
		if other := create(people.Admin, "k1", "https://example.com/b"); other.status != http.StatusUnprocessableEntity {
			t.Errorf("another request under the same key is answered %d", other.status)
		}
		list := f.call(people.Admin, http.MethodGet, "/api/v1/webhook-endpoints", "")
		if n := strings.Count(list.body, `"url"`); n != 1 {
			t.Errorf("%d endpoints were made: %s", n, list.body)
		}
		if secret := `"secret"`; strings.Contains(list.body, secret) {
			t.Error("the list shows secrets")
		}
	})
}
