package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/secret"
)

const (
	// breakerFailures in a row within breakerWindow stop all calls for breakerRest; after it one call
	// finds out whether the system is back.
	breakerFailures = 5
	breakerWindow   = time.Minute
	breakerRest     = 30 * time.Second
)

// Options say how a connection's requests go out.
type Options struct {
	Connection string
	Settings   *Settings
	UserAgent  string
	// Redactor knows the connection's secrets, for traces; nil masks by names alone.
	Redactor *secret.Redactor
	// Observe, if not nil, hears of each request that was sent or refused, at its end.
	Observe func(Observation)
	// OnBreaker, if not nil, hears when the circuit breaker changes: "closed", "half-open", "open". It
	// must not use the gate.
	OnBreaker func(connection, state string)
}

// Observation is a request as metrics see it.
type Observation struct {
	Connection string
	Method     string
	Status     int // 0: no answer came
	Duration   time.Duration
}

// Gate is the one way out of a connection. All clients that it gives share its budget of requests,
// its pauses and its circuit breaker.
type Gate struct {
	options   Options
	transport *http.Transport
	pace      *pace
	breaker   *gobreaker.TwoStepCircuitBreaker[struct{}]
	openUntil atomic.Int64 // nanoseconds since 1970
}

// NewGate makes the gate of a connection. It fails with a *connector.SettingError when the CA file
// or the proxy cannot be used.
func NewGate(o Options) (*Gate, error) {
	transport, err := newTransport(o.Settings)
	if err != nil {
		return nil, err
	}
	if proxy, err := proxyURL(o.Settings.Proxy); err == nil && proxy != nil && proxy.User != nil && o.Redactor != nil {
		if password, given := proxy.User.Password(); given {
			o.Redactor.Add(password)
		}
	}
	g := &Gate{options: o, transport: transport, pace: newPace(o.Settings.Concurrency, o.Settings.RatePerSecond)}
	g.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        o.Connection,
		Interval:    breakerWindow,
		Timeout:     breakerRest,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerFailures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNotJudged) },
		OnStateChange: func(name string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				g.openUntil.Store(time.Now().Add(breakerRest).UnixNano())
			}
			if o.OnBreaker != nil {
				o.OnBreaker(name, to.String())
			}
		},
	})
	return g, nil
}

// Client gives a client whose requests pass the gate.
func (g *Gate) Client() *http.Client { return g.client(false) }

// DryRunClient gives a client that refuses every request that is not known to be safe, with an
// error that is ErrDryRun.
func (g *Gate) DryRunClient() *http.Client { return g.client(true) }

func (g *Gate) client(dry bool) *http.Client {
	return &http.Client{Transport: &door{gate: g, dry: dry}, CheckRedirect: followRedirect}
}

// Close frees idle connections.
func (g *Gate) Close() { g.transport.CloseIdleConnections() }

// Resize changes the budget while requests are on their way: when nodes come and go, each has
// another share of the connection's.
func (g *Gate) Resize(concurrency int, ratePerSecond float64) {
	g.pace.resize(concurrency, ratePerSecond)
}

// State is what a person may want to know of a connection's way out.
type State struct {
	Breaker       string    `json:"breaker"` // closed, half-open or open
	OpenUntil     time.Time `json:"open_until,omitzero"`
	PausedUntil   time.Time `json:"paused_until,omitzero"`
	InFlight      int       `json:"in_flight"`
	Waiting       int       `json:"waiting"`
	Concurrency   int       `json:"concurrency"`               // allowed at present
	RatePerSecond float64   `json:"rate_per_second,omitempty"` // allowed at present; 0 is no limit
	Share         float64   `json:"share"`                     // of the configured budget, after refusals
	Limits        *Limits   `json:"limits,omitempty"`          // as the vendor last told them
}

// State tells how the gate stands.
func (g *Gate) State() State {
	s := State{Breaker: g.breaker.State().String()}
	if g.breaker.State() == gobreaker.StateOpen {
		s.OpenUntil = time.Unix(0, g.openUntil.Load())
	}
	p := g.pace
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pausedUntil.After(time.Now()) {
		s.PausedUntil = p.pausedUntil
	}
	s.InFlight, s.Waiting, s.Concurrency, s.Share = p.busy, len(p.waiting), p.allowed(), p.share
	if p.budget > 0 {
		s.RatePerSecond = float64(p.limiter.Limit())
	}
	if p.limits != nil {
		limits := *p.limits
		s.Limits = &limits
	}
	return s
}

// ErrDryRun is the cause of the errors with which a dry run refuses requests.
var ErrDryRun = errors.New("a dry run sends nothing that could change the system")

// door is the http.RoundTripper of one client of a gate.
type door struct {
	gate *Gate
	dry  bool
}

// RoundTrip sends a request when it is allowed, affordable and promising. Errors of its own are
// *connector.Error; the request was not sent then.
func (d *door) RoundTrip(req *http.Request) (*http.Response, error) {
	g, call := d.gate, callOf(req)
	if d.dry && !Safe(req) {
		closeBody(req)
		return nil, &connector.Error{Kind: connector.KindForbidden, Message: ErrDryRun.Error(), Err: ErrDryRun}
	}
	if p := pendingOf(req.Context()); p != nil {
		p.pace = g.pace
	}
	judge, err := g.admit(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	return g.send(req, call, judge)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// errNotJudged marks an outcome that says nothing about whether the system is up.
var errNotJudged = errors.New("the caller gave up")

// admit waits until a request may go out. The function that it gives must be told the outcome.
func (g *Gate) admit(ctx context.Context) (judge func(error), err error) {
	if g.breaker.State() == gobreaker.StateOpen {
		return nil, g.down()
	}
	if err := g.pace.enter(ctx); err != nil {
		return nil, err
	}
	judge, err = g.breaker.Allow()
	if err != nil {
		g.pace.leave()
		return nil, g.down()
	}
	return judge, nil
}

func (g *Gate) down() error {
	wait := max(time.Until(time.Unix(0, g.openUntil.Load())), time.Second)
	return &connector.Error{
		Kind:       connector.KindUnavailable,
		Message:    "the system has failed repeatedly and is left alone for a while",
		RetryAfter: wait,
	}
}

// send makes the exchange and sees to its end: when the answer's body was read, or there is none.
func (g *Gate) send(original *http.Request, call Call, judge func(error)) (*http.Response, error) {
	timeout := g.options.Settings.Timeout
	ctx, cancel := context.WithTimeoutCause(original.Context(), timeout, fmt.Errorf("no complete answer within %s", timeout))
	req := original.WithContext(ctx)
	if req.Header.Get("User-Agent") == "" && g.options.UserAgent != "" {
		req.Header = req.Header.Clone()
		req.Header.Set("User-Agent", g.options.UserAgent)
	}
	trace := traceOf(ctx)
	r := &record{at: time.Now(), op: call.Op, request: req, redactor: g.options.Redactor}
	if trace != nil {
		r.sent = captureBody(req)
	}
	resp, err := g.transport.RoundTrip(req)
	finish := sync.OnceFunc(func() {
		cancel()
		r.duration = time.Since(r.at)
		judge(verdict(original.Context(), r.status, r.err))
		g.pace.leave()
		if trace != nil {
			trace.add(r)
		}
		if g.options.Observe != nil {
			g.options.Observe(Observation{
				Connection: g.options.Connection, Method: req.Method, Status: r.status, Duration: r.duration,
			})
		}
	})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		r.err = err
		finish()
		return nil, err
	}
	r.status, r.header = resp.StatusCode, resp.Header
	g.learn(resp)
	body := &answerBody{ReadCloser: resp.Body, ctx: ctx, record: r, finish: finish}
	if trace != nil {
		body.capture = &r.got
	}
	resp.Body = body
	return resp, nil
}

// learn lets the pace follow the status of an answer.
func (g *Gate) learn(resp *http.Response) {
	switch wait := RetryAfter(resp.Header, time.Now()); {
	case resp.StatusCode == http.StatusTooManyRequests:
		g.pace.refused(wait)
	case resp.StatusCode == http.StatusServiceUnavailable && wait > 0:
		g.pace.pauseFor(wait)
	case resp.StatusCode < 400:
		g.pace.accepted()
	}
}

// verdict is what an exchange says about whether the system is up: nil when it is.
func verdict(caller context.Context, status int, err error) error {
	switch {
	case err != nil && caller.Err() != nil:
		return errNotJudged
	case err != nil:
		return err
	case status >= 500 && status != http.StatusNotImplemented:
		return fmt.Errorf("status %d", status)
	}
	return nil
}

// answerBody is the body of an answer, whose end is the end of the exchange.
type answerBody struct {
	io.ReadCloser
	ctx     context.Context
	record  *record
	capture *capture
	finish  func()
	ended   bool // the record belongs to the trace
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.ended {
		return n, err
	}
	if b.capture != nil {
		_, _ = b.capture.Write(p[:n])
	}
	if err != nil {
		if !errors.Is(err, io.EOF) {
			if cause := context.Cause(b.ctx); cause != nil {
				err = cause
			}
			b.record.err = err
		}
		b.ended = true
		b.finish()
	}
	return n, err
}

func (b *answerBody) Close() error {
	err := b.ReadCloser.Close()
	b.ended = true
	b.finish()
	return err
}
