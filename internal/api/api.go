// Package api is the JSON API at /api/v1, over the same desk as the pages, with its OpenAPI description
// made from the code.
//
// It knows neither HTML nor the store. Who may call what is said with each operation; package people's
// guard holds to it. Personal data is masked in all of it.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/money"
)

// Base is where the API begins.
const Base = "/api/v1"

// Options say over what an API stands.
type Options struct {
	Desk    *desk.Desk
	People  *people.Service
	Guard   *people.Guard
	Notices *notice.Notices
	// Calls remembers calls with a key.
	Calls   Calls
	Version string
	Log     *slog.Logger
}

// API answers the calls below Base.
type API struct {
	desk    *desk.Desk
	people  *people.Service
	guard   *people.Guard
	notices *notice.Notices
	calls   Calls
	log     *slog.Logger
	huma    huma.API
	mux     *http.ServeMux
	needs   map[string]people.Role // least role by pattern of the mux
}

// New makes an API.
func New(o Options) *API {
	a := &API{
		desk: o.Desk, people: o.People, guard: o.Guard, notices: o.Notices, calls: o.Calls, log: o.Log,
		mux: http.NewServeMux(), needs: map[string]people.Role{},
	}
	config := huma.DefaultConfig("Orderly", o.Version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // answers have no links to schemas: the description has them
	config.RejectUnknownQueryParameters = true
	config.Info.Description = description
	config.Servers = []*huma.Server{{URL: Base}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "An API token, made under Password and sessions."},
		"session": {Type: "apiKey", In: "cookie", Name: "orderly_session", Description: "The session of a browser that is signed in. With TLS the cookie is called __Host-orderly_session."},
	}
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Components.Schemas = registry
	registry.RegisterTypeAlias(reflect.TypeFor[money.Decimal](), reflect.TypeFor[string]())
	registry.RegisterTypeAlias(reflect.TypeFor[money.Money](), reflect.TypeFor[Money]())
	a.huma = humago.New(guarded{a}, config)
	a.register()
	a.mux.Handle("GET "+Base+"/openapi.json", a.guard.Require(people.Viewer, http.HandlerFunc(a.serveDescription), a.denied))
	a.mux.Handle(Base+"/", a.guard.Require(people.Viewer, http.HandlerFunc(a.serveNothing), a.denied))
	return a
}

// schemaName names the schema of a type. Types of the desk and of the API are called as they are, others
// have their package's name before it: store.Cause is not desk.Cause.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	switch from := path.Base(t.PkgPath()); from {
	case "desk", "api", "huma", ".":
		return name
	default:
		return strings.ToUpper(from[:1]) + from[1:] + name
	}
}

const description = `What the dashboard shows and does, for programs. Some things are done on the dashboard alone: actions on all orders that a
filter chooses (here they are on up to 500 orders by their ids, or on those of a cause), the rules of a mapping, maps from files, saved views,
personal data that is shown clear, and users, tokens, sessions and the provider that people sign in through.

Lists give a cursor, ` + "`next`" + `, for the page after. Errors are problem details (RFC 9457). A call that changes something may carry an ` + "`Idempotency-Key`" + ` of its own: repeated within 24 hours with the
same key it is not done again, and the first answer is given. Personal data is masked.`

// Money is an amount with its currency: the amount is a decimal as text, so that no cent is lost on the
// way.
type Money struct {
	Amount   string `json:"amount" example:"12.50"`
	Currency string `json:"currency" example:"EUR"`
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	a.mux.ServeHTTP(w, r)
}

// Description gives the OpenAPI description, JSON.
func (a *API) Description() ([]byte, error) { return json.MarshalIndent(a.huma.OpenAPI(), "", "  ") }

func (a *API) serveDescription(w http.ResponseWriter, r *http.Request) {
	text, err := a.Description()
	if err != nil {
		a.problem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
	_, _ = w.Write(text) // the caller may be gone
}

func (a *API) serveNothing(w http.ResponseWriter, r *http.Request) {
	a.problem(w, r, huma.Error404NotFound("there is no "+r.Method+" "+r.URL.Path+"; "+Base+"/openapi.json describes what there is"))
}

// guarded is the mux of the operations, each behind the guard.
type guarded struct{ *API }

// HandleFunc implements humago.Mux. An operation whose role nobody has said is for administrators.
func (g guarded) HandleFunc(pattern string, serve func(http.ResponseWriter, *http.Request)) {
	need, ok := g.needs[pattern]
	if !ok {
		need = people.Admin
	}
	method, path, _ := strings.Cut(pattern, " ")
	g.mux.Handle(method+" "+Base+path, g.guard.Require(need, g.once(http.HandlerFunc(serve)), g.denied))
}

// operation is what a call does.
type operation struct {
	id, method, path string
	need             people.Role
	tag, summary     string
	status           int // 0: 200
}

// add adds an operation to the API. Its errors become problem details.
func add[I, O any](a *API, op operation, serve func(ctx context.Context, who people.Person, in *I) (*O, error)) {
	a.needs[op.method+" "+op.path] = op.need
	responses := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity}
	if strings.Contains(op.path, "{") {
		responses = append(responses, http.StatusNotFound)
	}
	huma.Register(a.huma, huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Tags: []string{op.tag}, Summary: op.summary, DefaultStatus: op.status,
		Description: "Needs the role " + string(op.need) + ".", Errors: responses, MaxBodyBytes: maxBody,
		Security: []map[string][]string{{"token": {}}, {"session": {}}},
	}, func(ctx context.Context, in *I) (*O, error) {
		who, _ := people.FromContext(ctx)
		out, err := serve(ctx, who, in)
		if err != nil {
			return nil, a.explain(ctx, err)
		}
		return out, nil
	})
}

// maxBody bounds the body of a call, in bytes; a table of mappings is the largest.
const maxBody = 8 << 20

// body is an answer of one thing.
type body[T any] struct{ Body T }

func answer[T any](value T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{Body: value}, nil
}

// page is a part of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"cursor of the page after; none on the last one"`
}

func pageOf[T any](items []T, next string) *body[page[T]] {
	if items == nil {
		items = []T{}
	}
	return &body[page[T]]{Body: page[T]{Items: items, Next: next}}
}

// PageAfter is the query of a page of a list that is read by ids. It is exported because huma reads it by reflection.
type PageAfter struct {
	Cursor int64 `query:"cursor" minimum:"1" doc:"next of the page before"`
	Limit  int   `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// more is what a list is asked for: one more than is shown says whether there is a page after.
func (p PageAfter) more() int { return p.Limit + 1 }

// cut makes a page of a list that was asked for more. id is what the page after begins behind.
func cut[T any](p PageAfter, list []T, id func(T) int64) *body[page[T]] {
	if len(list) <= p.Limit {
		return pageOf(list, "")
	}
	return pageOf(list[:p.Limit], strconv.FormatInt(id(list[p.Limit-1]), 10))
}

// done is the answer of a call that only does something.
type done struct{}

// explain makes a problem of an error. Only those that were written for people are told.
func (a *API) explain(ctx context.Context, err error) error {
	if _, ok := errors.AsType[huma.StatusError](err); ok {
		return err
	}
	if e, ok := errors.AsType[*desk.NotFoundError](err); ok {
		return huma.Error404NotFound(e.Error())
	}
	if e, ok := errors.AsType[*desk.InputError](err); ok {
		return huma.Error422UnprocessableEntity(e.Error(), &huma.ErrorDetail{Location: e.Field, Message: e.Message})
	}
	if e, ok := errors.AsType[*desk.FormError](err); ok {
		var details []error
		for _, p := range e.Problems {
			details = append(details, &huma.ErrorDetail{Location: p.Field, Message: p.Message})
		}
		return huma.Error422UnprocessableEntity(e.Error(), details...)
	}
	if errors.Is(err, notice.ErrDisabled) {
		return huma.Error409Conflict(err.Error())
	}
	if e, ok := errors.AsType[*desk.RowChangedError](err); ok {
		return huma.Error409Conflict(e.Error())
	}
	if e, ok := errors.AsType[*notice.InvalidError](err); ok {
		var details []error
		for _, p := range e.Problems {
			details = append(details, &huma.ErrorDetail{Location: p.Field, Message: p.Message})
		}
		return huma.Error422UnprocessableEntity(e.Error(), details...)
	}
	if errors.Is(err, notice.ErrNotFound) {
		return huma.Error404NotFound(err.Error())
	}
	if status, ok := people.Status(err); ok {
		var details []error
		if e, ok := errors.AsType[*people.InputError](err); ok {
			details = append(details, &huma.ErrorDetail{Location: e.Field, Message: e.Message})
		}
		return huma.NewError(status, err.Error(), details...)
	}
	a.log.ErrorContext(ctx, "a call of the API failed", "error", err)
	return huma.Error500InternalServerError("the call failed; the server's log says why")
}

// named gives a mistake the name that the API has for a field of the desk.
func named(err error, field, here string) error {
	if e, ok := errors.AsType[*desk.InputError](err); ok && e.Field == field {
		return &desk.InputError{Field: here, Message: e.Message}
	}
	return err
}

// denied answers who may not call.
func (a *API) denied(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, people.ErrSignIn) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Orderly"`)
		err = huma.Error401Unauthorized("send an API token: Authorization: Bearer orderly_…")
	} else {
		err = a.explain(r.Context(), err)
	}
	a.problem(w, r, err)
}

// problem writes an error as problem details.
func (a *API) problem(w http.ResponseWriter, _ *http.Request, err error) {
	status, ok := errors.AsType[huma.StatusError](err)
	if !ok {
		status = huma.Error500InternalServerError("the call failed")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status.GetStatus())
	_ = json.NewEncoder(w).Encode(status) // the caller may be gone
}
