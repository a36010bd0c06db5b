package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/internal/fake"
)

// maxAsked bounds the body of a request to the sandbox itself, in bytes.
const maxAsked = 1 << 20

// endpoint is a thing that can be asked of the sandbox about one system.
type endpoint struct {
	pattern string // method and path below /_sandbox/{system}
	query   []string
	status  int
	answer  func(s *Sandbox, name string, r *http.Request) (any, error)
}

// done is the answer where there is nothing to tell.
var done = map[string]bool{"ok": true}

func endpoints() []endpoint {
	act := func(do func(s *Sandbox, name, id string) error) func(*Sandbox, string, *http.Request) (any, error) {
		return func(s *Sandbox, name string, r *http.Request) (any, error) {
			return done, do(s, name, r.PathValue("id"))
		}
	}
	return []endpoint{
		{pattern: "GET /stats", answer: func(s *Sandbox, name string, _ *http.Request) (any, error) { return s.Stats(name) }},
		{pattern: "GET /settings", answer: func(s *Sandbox, name string, _ *http.Request) (any, error) { return s.Settings(name) }},
		{pattern: "GET /orders", answer: (*Sandbox).holdings},
		{pattern: "POST /orders", query: []string{"n", "seed", "unknown"}, status: http.StatusCreated, answer: (*Sandbox).makeOrders},
		{pattern: "POST /orders/{id}/change", answer: act((*Sandbox).Change)},
		{pattern: "POST /orders/{id}/cancel", answer: act((*Sandbox).Cancel)},
		{pattern: "POST /orders/{id}/refund", answer: act((*Sandbox).Refund)},
		{pattern: "DELETE /orders/{id}", answer: act((*Sandbox).Delete)},
		{pattern: "GET /faults", answer: (*Sandbox).listFaults},
		{pattern: "POST /faults", status: http.StatusCreated, answer: (*Sandbox).addFaults},
		{pattern: "DELETE /faults", answer: func(s *Sandbox, name string, _ *http.Request) (any, error) { return done, s.SetFaults(name) }},
		{pattern: "POST /webhooks/subscribe", query: []string{"address"}, answer: func(s *Sandbox, name string, r *http.Request) (any, error) {
			return done, s.Subscribe(name, r.FormValue("address"))
		}},
		{pattern: "POST /webhooks/disable", answer: func(s *Sandbox, name string, _ *http.Request) (any, error) { return done, s.DisableWebhooks(name) }},
	}
}

func (s *Sandbox) adminHandler() http.Handler {
	mux := http.NewServeMux()
	var known []string
	for _, e := range endpoints() {
		method, path, _ := strings.Cut(e.pattern, " ")
		known = append(known, method+" /_sandbox/{system}"+path)
		mux.HandleFunc(method+" /_sandbox/{system}"+path, func(w http.ResponseWriter, r *http.Request) { s.ask(w, r, e) })
	}
	known = append([]string{"GET /_sandbox/"}, known...)
	mux.HandleFunc("GET /_sandbox/{$}", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.overview(known)) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.lost(w, r, known) })
	return mux
}

// ask answers one request.
func (s *Sandbox) ask(w http.ResponseWriter, r *http.Request, e endpoint) {
	name := r.PathValue("system")
	if _, err := s.host(name); err != nil {
		fail(w, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxAsked)
	for parameter := range r.URL.Query() {
		if !slices.Contains(e.query, parameter) {
			fail(w, badRequest("%q is no parameter of %s, which has: %s", parameter, e.pattern, strings.Join(append(e.query, "nothing else"), ", ")))
			return
		}
	}
	out, err := e.answer(s, name, r)
	if err != nil {
		fail(w, err)
		return
	}
	status := e.status
	if status == 0 {
		status = http.StatusOK
	}
	answer(w, status, out)
}

// overview tells what there is.
func (s *Sandbox) overview(known []string) any {
	type entry struct {
		Name    string `json:"name"`
		Shop    bool   `json:"shop"`
		ERP     bool   `json:"erp"`
		BaseURL string `json:"base_url"`
	}
	var systems []entry
	for _, name := range s.names {
		vendor := s.systems[name].vendor
		_, shop := vendor.(fake.Shop)
		_, erp := vendor.(fake.ERP)
		systems = append(systems, entry{Name: name, Shop: shop, ERP: erp, BaseURL: vendor.Settings()["base_url"]})
	}
	return map[string]any{"systems": systems, "endpoints": known}
}

// lost answers what leads nowhere.
func (s *Sandbox) lost(w http.ResponseWriter, r *http.Request, known []string) {
	rest, ours := strings.CutPrefix(r.URL.Path, "/_sandbox/")
	name, _, _ := strings.Cut(rest, "/")
	if !ours {
		name, _, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	}
	if _, err := s.host(name); err != nil {
		fail(w, err)
		return
	}
	fail(w, problemf(http.StatusNotFound, "there is no %s %s here, but: %s", r.Method, r.URL.Path, strings.Join(known, ", ")))
}

// holdings tells what a system holds.
func (s *Sandbox) holdings(name string, _ *http.Request) (any, error) {
	out := map[string]any{}
	orders, err := s.Orders(name)
	if err != nil {
		return nil, err
	}
	if orders == nil {
		orders = []Order{}
	}
	out["orders"] = orders
	if documents, err := s.Documents(name); err == nil { // else it is no ERP
		if documents == nil {
			documents = []fake.Document{}
		}
		out["documents"] = documents
	}
	return out, nil
}

// made is an order that was made, in short.
type made struct {
	ID       string `json:"id"`
	Number   string `json:"number,omitempty"`
	MustHold string `json:"must_hold,omitempty"`
}

func (s *Sandbox) makeOrders(name string, r *http.Request) (any, error) {
	o := MakeOptions{N: 1}
	var err error
	query := r.URL.Query()
	if query.Has("n") {
		if o.N, err = strconv.Atoi(query.Get("n")); err != nil {
			return nil, badRequest("n %q is no whole number", query.Get("n"))
		}
	}
	if query.Has("unknown") {
		if o.Unknown, err = strconv.Atoi(query.Get("unknown")); err != nil {
			return nil, badRequest("unknown %q is no whole number: so many orders in a thousand", query.Get("unknown"))
		}
	}
	if query.Has("seed") {
		if o.Seed, err = strconv.ParseUint(query.Get("seed"), 10, 64); err != nil {
			return nil, badRequest("seed %q is no whole number from 0", query.Get("seed"))
		}
	}
	orders, err := s.Make(name, o)
	if err != nil {
		return nil, err
	}
	short := make([]made, len(orders))
	for i, order := range orders {
		short[i] = made{ID: order.Source.ExternalID, Number: order.OrderNumber, MustHold: order.MustHold}
	}
	return map[string]any{"orders": short}, nil
}

func (s *Sandbox) listFaults(name string, _ *http.Request) (any, error) {
	list, err := s.Faults(name)
	return map[string]any{"faults": list}, err
}

func (s *Sandbox) addFaults(name string, r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badRequest("the body cannot be read, or is longer than %d bytes", maxAsked)
	}
	list, err := ParseFaults(body)
	if err != nil {
		return nil, err
	}
	if err := s.systems[name].faults.add(list); err != nil {
		return nil, err
	}
	return s.listFaults(name, r)
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if p, ok := errors.AsType[*problem](err); ok {
		status = p.status
	}
	answer(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who asked may have gone
}
