// Package server is everything that a node answers at one address: webhooks, health and metrics of the
// node, the dashboard and the JSON API. It puts them together, for the program and for the demo, and
// decides nothing itself.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/api"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/web"
)

// Options say what is served.
type Options struct {
	Store       *store.Store
	Node        *node.Node
	Metrics     http.Handler
	Definitions []connector.Definition
	Version     string
	Log         *slog.Logger
	Now         func() time.Time
	// Proxies are the networks of proxies that are believed when they say who called them and how.
	Proxies []netip.Prefix
	// LinksAtOnce is for the demo alone, see web.Options.
	LinksAtOnce bool
}

// Server answers at one address.
type Server struct {
	people  *people.Service
	desk    *desk.Desk
	ended   chan struct{}
	handler http.Handler
}

// New puts a server together over a node. Start must follow.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		people: people.New(o.Store, people.Options{Now: o.Now, Log: o.Log}),
		desk:   desk.New(desk.Options{Store: o.Store, Node: o.Node, Definitions: o.Definitions, Log: o.Log, Now: o.Now}),
		ended:  make(chan struct{}),
	}
	guard := people.NewGuard(s.people, o.Proxies...)
	calls := api.New(api.Options{
		Desk: s.desk, People: s.people, Guard: guard, Notices: o.Node.Notices(), Calls: o.Store, Version: o.Version, Log: o.Log,
	})
	dashboard, err := web.New(web.Options{
		Desk: s.desk, People: s.people, Guard: guard, Notices: o.Node.Notices(), Describe: calls.Description,
		LinksAtOnce: o.LinksAtOnce, Version: o.Version, Log: o.Log, Now: o.Now, Ended: s.ended,
	})
	if err != nil {
		return nil, err
	}
	machines := o.Node.Handler(o.Metrics)
	mux := http.NewServeMux()
	for _, path := range []string{"/hooks/", "/healthz", "/readyz"} {
		mux.Handle(path, machines)
	}
	// Metrics name connections and count orders. A loopback address opens nothing: proxies on this machine have it too.
	mux.Handle("/metrics", guard.Require(people.Viewer, machines, deny(o.Log)))
	mux.Handle(api.Base+"/", calls)
	mux.Handle("/", dashboard)
	s.handler = mux
	return s, nil
}

// deny answers programs that may not read the metrics.
func deny(log *slog.Logger) people.Denied {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		status, known := people.Status(err)
		switch {
		case errors.Is(err, people.ErrSignIn):
			w.Header().Set("WWW-Authenticate", `Bearer realm="Orderly"`)
			http.Error(w, "send an API token: Authorization: Bearer orderly_…", status)
		case known:
			http.Error(w, err.Error(), status)
		default:
			log.ErrorContext(r.Context(), "who asks for the metrics cannot be looked up", "error", err)
			http.Error(w, "the database cannot be asked now", http.StatusServiceUnavailable)
		}
	}
}

// People gives who uses this Orderly.
func (s *Server) People() *people.Service { return s.people }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Start begins to keep up to date what pages show.
func (s *Server) Start(ctx context.Context) error { return s.desk.Start(ctx) }

// Stop ends the streams of open pages and what Start began. It comes before the HTTP server's Shutdown,
// which waits for streams.
func (s *Server) Stop() {
	close(s.ended)
	s.desk.Stop()
}
