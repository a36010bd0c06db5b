package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/server"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

func TestEachAddressLeadsToItsRoom(t *testing.T) {
	st := storetest.Open(t, store.Options{Dir: t.TempDir()})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	metrics := telemetry.NewMetrics("test")
	n, err := node.New(t.Context(), node.Options{Version: "test", Log: log}, st, metrics)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	front, err := server.New(server.Options{Store: st, Node: n, Metrics: metrics.Handler(), Version: "test", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := front.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer front.Stop()
	for _, c := range []struct {
		name, path string
		status     int
		kind, says string
	}{
		{"health", "/healthz", http.StatusOK, "application/json", `"ok"`},
		{"readiness", "/readyz", http.StatusOK, "application/json", `"sqlite"`},
		{"metrics", "/metrics", http.StatusOK, "text/plain", "orderly_build_info"},
		{"a webhook of nobody", "/hooks/nobody", http.StatusNotFound, "text/plain", "no connection of this name"},
		{"the API", "/api/v1/now", http.StatusUnauthorized, "application/problem+json", "Bearer"},
		{"the first screen", "/", http.StatusSeeOther, "", ""},
		{"the page before it", "/sign-in", http.StatusSeeOther, "", ""}, // nobody is there: the first start
		{"the first start", "/setup", http.StatusOK, "text/html", "Setup code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			front.ServeHTTP(w, httptest.NewRequest(http.MethodGet, c.path, nil))
			if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%s is answered %d, %s: %s", c.path, w.Code, w.Header().Get("Content-Type"), w.Body)
			}
		})
	}
}
