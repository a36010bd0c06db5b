package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/server"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

// newServer is a server over an empty installation.
func newServer(t *testing.T) *server.Server {
	t.Helper()
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
	t.Cleanup(front.Stop)
	return front
}

func TestEachAddressLeadsToItsRoom(t *testing.T) {
	front := newServer(t)
	for _, c := range []struct {
		name, path string
		status     int
		kind, says string
	}{
		{"health", "/healthz", http.StatusOK, "application/json", `"ok"`},
		{"readiness", "/readyz", http.StatusOK, "application/json", `"sqlite"`},
		{"metrics", "/metrics", http.StatusUnauthorized, "text/plain", "Bearer"},
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

func TestMetricsAreForWhoMaySeeEverything(t *testing.T) {
	front := newServer(t)
	host := people.Person{Name: "test"}
	user, err := front.People().Add(t.Context(), host, people.NewUser{Name: "vera", Role: people.Viewer}, "")
	if err != nil {
		t.Fatal(err)
	}
	vera := people.Person{ID: user.ID, Name: user.Name, Role: user.Role}
	text, _, err := front.People().CreateToken(t.Context(), vera, people.NewToken{Name: "prometheus", Role: people.Viewer}, "")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := front.People().MakeLink(t.Context(), host, user.ID, time.Hour, "")
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := front.People().UseLink(t.Context(), secret, people.From{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, header, value string
		status              int
	}{
		{"nobody", "X-Nothing", "", http.StatusUnauthorized},
		{"a made-up token", "Authorization", "Bearer orderly_x", http.StatusUnauthorized},
		{"a token", "Authorization", "Bearer " + text, http.StatusOK},
		{"a session", "Cookie", "orderly_session=" + session, http.StatusOK},
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = "127.0.0.1:4444"
		r.Header.Set(c.header, c.value)
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		if told := strings.Contains(w.Body.String(), "orderly_build_info"); w.Code != c.status || told != (c.status == http.StatusOK) {
			t.Errorf("%s is answered %d: %.100s", c.name, w.Code, w.Body)
		}
	}
}
