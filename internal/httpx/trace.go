package httpx

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/secret"
)

const (
	// maxBody is how much of a body a trace shows, in bytes.
	maxBody = 32 << 10
	// margin is captured beyond it and thrown away after masking, so that no secret is shown because
	// it was cut in two and no longer recognised.
	margin = 4 << 10
	// maxExchanges and maxTrace bound what one trace holds.
	maxExchanges = 200
	maxTrace     = 1 << 20
)

// Exchange is a request and its answer, with secrets removed.
type Exchange struct {
	At       time.Time     `json:"at"`
	Duration time.Duration `json:"duration"` // nanoseconds
	Op       string        `json:"op,omitempty"`
	Method   string        `json:"method"`
	URL      string        `json:"url"`
	Status   int           `json:"status,omitempty"` // 0: no answer
	Error    string        `json:"error,omitempty"`
	Request  Message       `json:"request"`
	Response Message       `json:"response"`
}

// Message is one direction of an exchange.
type Message struct {
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"`
	// Size is the length of the whole body in bytes; it is more than Body has where that was cut.
	Size int64 `json:"size"`
}

// Trace collects the exchanges that are made with a context. It is safe for concurrent use.
type Trace struct {
	mu       sync.Mutex
	recorded []*record
	held     int
	omitted  int
}

type traceKey struct{}

// WithTrace gives a context whose exchanges are collected in the trace.
func WithTrace(ctx context.Context) (context.Context, *Trace) {
	t := &Trace{}
	return context.WithValue(ctx, traceKey{}, t), t
}

// ContinueTrace gives a context whose exchanges are collected in a trace that was begun before.
func ContinueTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

// Exchanges gives what was collected, in the order in which the requests ended, secrets removed.
func (t *Trace) Exchanges() []Exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]Exchange, len(t.recorded))
	for i, r := range t.recorded {
		out[i] = r.exchange()
	}
	return out
}

// Omitted is the number of exchanges that were more than a trace holds.
func (t *Trace) Omitted() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.omitted
}

func (t *Trace) add(r *record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.recorded) >= maxExchanges {
		t.omitted++
		return
	}
	if size := len(r.sent.text) + len(r.got.text); t.held+size <= maxTrace {
		t.held += size
	} else {
		r.sent.text, r.got.text = nil, nil
	}
	t.recorded = append(t.recorded, r)
}

// record is an exchange as it was captured. Masking waits until somebody wants to read it, because
// most traces of successful calls are never read.
type record struct {
	at       time.Time
	duration time.Duration
	op       string
	request  *http.Request
	status   int
	header   http.Header
	err      error
	sent     capture
	got      capture
	redactor *secret.Redactor
}

func (r *record) exchange() Exchange {
	e := Exchange{
		At: r.at, Duration: r.duration, Op: r.op,
		Method: r.request.Method, URL: r.redactor.URL(r.request.URL), Status: r.status,
		Request:  Message{Header: r.redactor.Header(r.request.Header), Body: r.sent.masked(r.redactor), Size: r.sent.size},
		Response: Message{Header: r.redactor.Header(r.header), Body: r.got.masked(r.redactor), Size: r.got.size},
	}
	if r.err != nil {
		e.Error = r.redactor.Text(r.err.Error())
	}
	return e
}

// capture keeps the beginning of a body.
type capture struct {
	text []byte
	size int64
}

func (c *capture) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	if room := maxBody + margin - len(c.text); room > 0 {
		c.text = append(c.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (c *capture) masked(redactor *secret.Redactor) string {
	text := redactor.Body(strings.ToValidUTF8(string(c.text), "\uFFFD"))
	if int64(len(c.text)) < c.size {
		text = text[:max(0, len(text)-margin)]
	}
	if len(text) > maxBody {
		text = text[:maxBody]
	}
	return strings.ToValidUTF8(text, "")
}

// captureBody reads the beginning of a request's body without touching what is sent; a body that
// cannot be read twice is left alone.
func captureBody(req *http.Request) capture {
	var c capture
	if req.GetBody == nil || req.Body == nil {
		c.size = max(0, req.ContentLength)
		return c
	}
	body, err := req.GetBody()
	if err != nil {
		return c
	}
	defer body.Close()
	_, _ = io.Copy(&c, io.LimitReader(body, maxBody+margin))
	c.size = max(c.size, req.ContentLength)
	return c
}
