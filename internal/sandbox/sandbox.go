// Package sandbox serves the pretend vendors as one HTTP server: their APIs under /<system>/…, and
// under /_sandbox/<system>/… what they hold, orders being made as customers would, and faults that
// can be switched on.
//
// It is what the demo, the whole-program tests and the benchmarks measure Orderly against, so it
// knows nothing of Orderly but the fakes: no store, no flow, no connector.
package sandbox

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/fake"
)

// Options say what a sandbox is made of.
type Options struct {
	// BaseURL is where the sandbox is reached, without a trailing slash.
	BaseURL string
	// Systems are the names of those to serve; none is all.
	Systems []string
	// Catalog is what shops sell and ERPs know; one without articles is fake.DefaultCatalog.
	Catalog fake.Catalog
	// Seed decides which orders are made when a request names no seed of its own.
	Seed uint64
	// LongestWait bounds the waits between the attempts to deliver a webhook, which for some vendors
	// are hours; 0 keeps the vendor's own.
	LongestWait time.Duration
	// Now is nil for the real time.
	Now func() time.Time
}

// Sandbox is a set of pretend vendors. It is an http.Handler and safe for concurrent use.
type Sandbox struct {
	options Options
	systems map[string]*host
	names   []string
	courier *courier
	admin   http.Handler
}

// host is a vendor with what the sandbox keeps beside it.
type host struct {
	system
	vendor fake.Vendor
	faults faults
	post   *postbox

	mu         sync.Mutex
	generators map[uint64]*fake.Generator
	// clerk holds what a clerk has entered, by id, for ERPs, which do not give it back.
	clerk map[string]commerce.Order
}

// New makes a sandbox. It fails when a name is no system. Close must be called.
func New(o Options) (*Sandbox, error) { return assemble(o, systems()) }

// Names gives every system that a sandbox can serve.
func Names() []string {
	var names []string
	for _, s := range systems() {
		names = append(names, s.name)
	}
	return names
}

func assemble(o Options, table []system) (*Sandbox, error) {
	if len(o.Catalog.Items) == 0 {
		o.Catalog = fake.DefaultCatalog()
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	chosen, err := choose(o.Systems, table)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{options: o, systems: map[string]*host{}, courier: newCourier(o.LongestWait)}
	for _, sys := range chosen {
		h := &host{system: sys, generators: map[uint64]*fake.Generator{}, clerk: map[string]commerce.Order{}}
		h.post = &postbox{courier: s.courier, faults: &h.faults}
		h.vendor = sys.open(fake.Options{BaseURL: o.BaseURL + "/" + sys.name, Now: o.Now, Courier: h.post, Catalog: o.Catalog})
		s.systems[sys.name] = h
		s.names = append(s.names, sys.name)
	}
	s.admin = s.adminHandler()
	return s, nil
}

func choose(names []string, table []system) ([]system, error) {
	if len(names) == 0 {
		return table, nil
	}
	var chosen []system
	for _, name := range names {
		i := slices.IndexFunc(table, func(s system) bool { return s.name == name })
		if i < 0 {
			return nil, unknownSystem(name, namesOf(table))
		}
		if !slices.ContainsFunc(chosen, func(s system) bool { return s.name == name }) {
			chosen = append(chosen, table[i])
		}
	}
	return chosen, nil
}

func namesOf(table []system) []string {
	names := make([]string, len(table))
	for i, s := range table {
		names[i] = s.name
	}
	return names
}

func unknownSystem(name string, known []string) error {
	hint := ""
	if near := connector.Nearest(name, known); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return problemf(http.StatusNotFound, "the sandbox has no system %q%s (it has %s)", name, hint, strings.Join(known, ", "))
}

// Close stops webhooks that are on their way and closes the vendors. It waits for all goroutines.
func (s *Sandbox) Close() {
	s.courier.close()
	for _, name := range s.names {
		s.systems[name].vendor.Close()
	}
}

// ServeHTTP gives a request to the vendor, or to the sandbox itself, whose path it has.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if h, ok := s.systems[name]; ok {
		h.serve(w, without(r, "/"+name))
		return
	}
	s.admin.ServeHTTP(w, r)
}

// without gives a request whose path lacks a prefix that needs no escapes.
func without(r *http.Request, prefix string) *http.Request {
	inner := new(http.Request)
	*inner = *r
	address := *r.URL
	address.Path = "/" + strings.TrimPrefix(strings.TrimPrefix(address.Path, prefix), "/")
	if address.RawPath != "" {
		address.RawPath = "/" + strings.TrimPrefix(strings.TrimPrefix(address.RawPath, prefix), "/")
	}
	inner.URL = &address
	return inner
}

// Systems gives the names of the systems that are served.
func (s *Sandbox) Systems() []string { return slices.Clone(s.names) }

// Vendor gives a system's pretend vendor.
func (s *Sandbox) Vendor(name string) (fake.Vendor, error) {
	h, err := s.host(name)
	if err != nil {
		return nil, err
	}
	return h.vendor, nil
}

// Shop gives a pretend vendor that is a source of orders.
func (s *Sandbox) Shop(name string) (fake.Shop, error) {
	h, err := s.host(name)
	if err != nil {
		return nil, err
	}
	if shop, ok := h.vendor.(fake.Shop); ok {
		return shop, nil
	}
	return nil, problemf(http.StatusConflict, "%s is no shop", name)
}

// ERP gives a pretend vendor that holds documents.
func (s *Sandbox) ERP(name string) (fake.ERP, error) {
	h, err := s.host(name)
	if err != nil {
		return nil, err
	}
	if erp, ok := h.vendor.(fake.ERP); ok {
		return erp, nil
	}
	return nil, problemf(http.StatusConflict, "%s is no ERP", name)
}

// Settings gives the values with which a connection to a system opens.
func (s *Sandbox) Settings(name string) (map[string]string, error) {
	h, err := s.host(name)
	if err != nil {
		return nil, err
	}
	return h.vendor.Settings(), nil
}

// Stats tells what a system holds and what became of its webhooks.
func (s *Sandbox) Stats(name string) (Stats, error) {
	h, err := s.host(name)
	if err != nil {
		return Stats{}, err
	}
	return Stats{Stats: h.vendor.Stats(), Webhooks: h.post.stats()}, nil
}

// Stats is what a vendor holds, with what became of the webhooks it sent.
type Stats struct {
	fake.Stats
	Webhooks WebhookStats `json:"webhooks"`
}

func (s *Sandbox) host(name string) (*host, error) {
	if h, ok := s.systems[name]; ok {
		return h, nil
	}
	return nil, unknownSystem(name, s.names)
}

// seed is the seed of a system's orders when a request names none: shops differ in their customers.
func (s *Sandbox) seed(name string) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name)) // never fails
	return s.options.Seed ^ hash.Sum64()
}

// problem is an error with the status that it has over HTTP.
type problem struct {
	status  int
	message string
}

func (p *problem) Error() string { return p.message }

func problemf(status int, format string, args ...any) error {
	return &problem{status: status, message: fmt.Sprintf(format, args...)}
}
