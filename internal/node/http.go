package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// Health is how a node stands.
type Health struct {
	Status   string            `json:"status"` // ok, or what is wrong
	Version  string            `json:"version"`
	Database string            `json:"database"`
	Problems map[string]string `json:"problems,omitempty"` // connections and flows that are not open
}

// Handler serves webhooks at /hooks/{connection}, /healthz (the process works), /readyz (it can store
// what comes and its connections are open) and /metrics.
func (n *Node) Handler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/hooks/{connection}", n.intake)
	mux.Handle("/hooks/{connection}/{rest...}", n.intake)
	mux.HandleFunc("GET /healthz", n.serveHealth)
	mux.HandleFunc("GET /readyz", n.serveReady)
	mux.Handle("GET /metrics", metrics)
	return secure(mux)
}

// secure sets what every answer of ours should carry: nothing of it is for embedding or guessing.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func (n *Node) serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, Health{Status: "ok", Version: n.options.Version, Database: n.store.Dialect().String()})
}

// readyTime bounds how long readiness waits for the store.
const readyTime = 2 * time.Second

func (n *Node) serveReady(w http.ResponseWriter, r *http.Request) {
	h := Health{Status: "ok", Version: n.options.Version, Database: n.store.Dialect().String()}
	status := http.StatusOK
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	if err := n.writable(ctx); err != nil {
		h.Status, status = fmt.Sprintf("the database takes no writes: %v", err), http.StatusServiceUnavailable
	}
	for name, err := range n.Problems() {
		if h.Problems == nil {
			h.Problems = map[string]string{}
		}
		h.Problems[name] = err.Error()
	}
	writeJSON(w, status, h)
}

// writable makes a write that changes nothing, so that a full disk is noticed.
func (n *Node) writable(ctx context.Context) error {
	return n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE meta SET value = value WHERE key = 'sealed_with'`)
		return err
	})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // the client may be gone
}
