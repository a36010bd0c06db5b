// Package desktest gives tests of what people do a desk over a running node, with pretend vendors that it
// can connect. It is for tests alone.
package desktest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/sandbox"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

// World is a desk, its node and the vendors around it.
type World struct {
	testing.TB

	Store   *store.Store
	Node    *node.Node
	Desk    *desk.Desk
	Sandbox *sandbox.Sandbox
	// Anna is an administrator.
	Anna people.Person
}

// New starts a node over an empty store, and a sandbox of some systems. Nothing is connected yet.
func New(t testing.TB, st *store.Store, definitions []connector.Definition, systems ...string) *World {
	t.Helper()
	w := &World{TB: t, Store: st, Anna: people.Person{ID: 1, Name: "anna", Role: people.Admin}}
	var vendors atomic.Pointer[sandbox.Sandbox]
	vendorServer := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { vendors.Load().ServeHTTP(rw, r) }))
	t.Cleanup(vendorServer.Close)
	var err error
	if w.Sandbox, err = sandbox.New(sandbox.Options{BaseURL: vendorServer.URL, Systems: systems, Seed: 1, LongestWait: time.Second}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Sandbox.Close)
	vendors.Store(w.Sandbox)

	var ours atomic.Pointer[http.Handler]
	hooks := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*ours.Load()).ServeHTTP(rw, r) }))
	t.Cleanup(hooks.Close)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	w.Node, err = node.New(t.Context(), node.Options{PublicURL: hooks.URL, Definitions: definitions, Version: "test", Log: log}, st, telemetry.NewMetrics("test"))
	if err != nil {
		t.Fatal(err)
	}
	handler := w.Node.Handler(http.NotFoundHandler())
	ours.Store(&handler)
	running := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		stopping, cancel := context.WithTimeout(running, 20*time.Second)
		defer cancel()
		if err := w.Node.Stop(stopping); err != nil {
			t.Error(err)
		}
	})
	if err := w.Node.Start(running); err != nil {
		t.Fatal(err)
	}
	w.Desk = desk.New(desk.Options{Store: st, Node: w.Node, Definitions: definitions, Log: log, Now: time.Now})
	if err := w.Desk.Start(running); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Desk.Stop)
	return w
}

// Settings are the values with which a connection to a pretend vendor opens.
func (w *World) Settings(system string) map[string]string {
	w.Helper()
	values, err := w.Sandbox.Settings(system)
	if err != nil {
		w.Fatal(err)
	}
	return values
}

// Connect connects a pretend vendor under the name of its system.
func (w *World) Connect(system string) {
	w.Helper()
	in := desk.ConnectionInput{Name: system, System: system, Settings: w.Settings(system)}
	in.Settings["settle_time"] = "2s"
	if err := w.Desk.SaveConnection(w.Context(), w.Anna, in, true); err != nil {
		w.Fatalf("connect %s: %v", system, err)
	}
}

// Until waits until something is so, and fails the test when the time of the test is over.
func (w *World) Until(what string, is func() bool) {
	w.Helper()
	deadline := time.Now().Add(waitTime)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			w.Fatalf("not within %s: %s", waitTime, what)
		}
		select {
		case <-tick.C:
		case <-w.Context().Done():
			w.Fatalf("the test ended before: %s", what)
		}
	}
}

// waitTime is longer than anything should take.
const waitTime = 40 * time.Second
