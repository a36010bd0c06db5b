package connectortest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/httpx"
)

// wire is the way between the connector and the pretend vendor, in the place of a network: it
// writes requests down, and can be disturbed. Requests and answers are put into bytes and read
// again, as on a network.
type wire struct {
	base *url.URL

	mu      sync.Mutex
	handler http.Handler
	disturb func(exchange) *fault
	sent    []exchange
	lag     time.Duration
	panics  []string // of the vendor's handler
}

// exchange is a request as it went over the wire.
type exchange struct {
	n      int // counted from 0 since the wire was last disturbed
	method string
	url    string
	safe   bool
	fault  *fault
	// caller is what the request's context says of who makes it, and bounded that it can end.
	caller  string
	bounded bool
}

// callerKey finds the caller's name in a context.
type callerKey struct{}

// fault is how an exchange goes wrong.
type fault struct {
	kind   faultKind
	status int
	header http.Header
	body   string
}

type faultKind string

const (
	refused    faultKind = "connection refused"                    // not sent
	cutBefore  faultKind = "connection cut before the vendor acts" // sent, but not applied
	cutAfter   faultKind = "connection cut after the vendor acted" // applied, but the answer is lost
	answered   faultKind = "another answer, and the vendor does not act"
	overridden faultKind = "another answer after the vendor acted"
	hanging    faultKind = "no answer"
)

func (w *wire) serve(handler http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handler = handler
}

// trouble lets a function choose what happens to each request from now on; nil ends all trouble.
func (w *wire) trouble(choose func(exchange) *fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disturb, w.sent = choose, nil
}

// always disturbs every request in the same way.
func (w *wire) always(f fault) { w.trouble(func(exchange) *fault { return &f }) }

// exchanges gives what was sent since the wire was last disturbed or left alone.
func (w *wire) exchanges() []exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]exchange(nil), w.sent...)
}

// patience is how long a connection without an answer stays open, in virtual time.
const patience = 24 * time.Hour

// slow makes every exchange take some virtual time from now on, so that calls at once truly overlap.
func (w *wire) slow(lag time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lag = lag
}

var errCut = errors.New("connection reset by peer")

// RoundTrip brings a request to the vendor and the answer back.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		closeBody(req)
		return nil, err
	}
	raw, err := written(req)
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme != w.base.Scheme || req.URL.Host != w.base.Host {
		w.note(req)
		return nil, errors.New("no such host in this test: " + req.URL.Host)
	}
	f, handler := w.note(req)
	if err := w.travel(ctx); err != nil {
		return nil, err
	}
	if f != nil && f.kind == refused {
		return nil, errors.New("connection refused")
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	switch {
	case f == nil:
		return w.exchange(ctx, req, handler, raw)
	case f.kind == cutBefore:
		return nil, errCut
	case f.kind == answered:
		return f.answer(req), nil
	case f.kind == hanging:
		// A caller that never gives up must fail its check, not stop the bubble.
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, errCut
		}
	}
	if _, err := w.exchange(ctx, req, handler, raw); err != nil {
		return nil, err
	}
	if f.kind == overridden {
		return f.answer(req), nil
	}
	return nil, errCut
}

// travel waits for as long as an exchange takes.
func (w *wire) travel(ctx context.Context) error {
	w.mu.Lock()
	lag := w.lag
	w.mu.Unlock()
	if lag == 0 {
		return nil
	}
	timer := time.NewTimer(lag)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (w *wire) note(req *http.Request) (*fault, http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := exchange{
		n: len(w.sent), method: req.Method, url: req.URL.String(), safe: httpx.Safe(req), bounded: req.Context().Done() != nil,
	}
	e.caller, _ = req.Context().Value(callerKey{}).(string)
	if w.disturb != nil {
		e.fault = w.disturb(e)
	}
	w.sent = append(w.sent, e)
	return e.fault, w.handler
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// written is the request as it goes over a network.
func written(req *http.Request) ([]byte, error) {
	var raw bytes.Buffer
	// Write would tell the request's trace that it is on its way, before it is known whether it will be.
	if err := req.WithContext(context.Background()).Write(&raw); err != nil {
		return nil, err
	}
	return raw.Bytes(), nil
}

// exchange lets the handler answer. A context that ends meanwhile ends the exchange, as it does on a
// network; the handler goes on until it is done.
func (w *wire) exchange(ctx context.Context, req *http.Request, handler http.Handler, raw []byte) (*http.Response, error) {
	received, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, err
	}
	received.RemoteAddr = "192.0.2.1:1234"
	recorder := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.recover(req)
		http.StripPrefix(strings.TrimRight(w.base.Path, "/"), handler).ServeHTTP(recorder, received.WithContext(ctx))
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var answer bytes.Buffer
	result := recorder.Result()
	result.Request = req
	if result.Header.Get("Date") == "" {
		result.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if err := result.Write(&answer); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(&answer), req)
}

// recover writes a panic of the handler down, which a server would survive.
func (w *wire) recover(req *http.Request) {
	if reason := recover(); reason != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.panics = append(w.panics, fmt.Sprintf("%s %s: %v\n%s", req.Method, req.URL.Path, reason, debug.Stack()))
	}
}

func (f *fault) answer(req *http.Request) *http.Response {
	header := f.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "text/html")
	}
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return &http.Response{
		Status: http.StatusText(f.status), StatusCode: f.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(f.body)), ContentLength: int64(len(f.body)), Request: req,
	}
}
