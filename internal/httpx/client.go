// Package httpx is the one road out to vendors: a client that turns calls into requests and answers
// into the error kinds of package connector, and under it a chain of http.RoundTrippers that paces,
// bounds, traces, redacts and, in a dry run, refuses what could write.
//
// It knows no vendor: what a vendor's error bodies mean is told to it.
package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// MaxAnswer bounds the body of an answer, in bytes.
const MaxAnswer = 64 << 20

// Client makes calls to one account of one vendor.
type Client struct {
	// Base is the address that paths are appended to, without a trailing slash.
	Base string
	HTTP *http.Client
	// Authorize adds credentials to a request; nil adds none. It is asked for every attempt.
	Authorize func(ctx context.Context, req *http.Request) error
	// Renew gets new credentials after a 401, once a call; nil lets the 401 stand.
	Renew func(ctx context.Context) error
	// Explain completes or corrects the error of an answer that has one, from the vendor's own body.
	// It is asked for every answer, so that a vendor that fails with status 200 can be understood:
	// e is nil for a status below 400, and the result nil for a success.
	Explain func(resp *Response, e *connector.Error) *connector.Error
	// Limits reads what an answer says is left of the vendor's own budget, so that the connection slows
	// down before it is refused; nil when it says nothing.
	Limits func(resp *Response) *Limits
}

// Call is one request to a vendor.
type Call struct {
	Op     string // for errors: "create order"
	Method string // "" is GET
	Path   string // appended to Base; a full address of the same host is taken as it is
	Query  url.Values
	Header http.Header
	JSON   any        // body, encoded as JSON
	Form   url.Values // body, form-encoded
	Raw    []byte     // body as it is, with its Content-Type in Header
	Out    any        // decoded from a JSON answer; nil leaves the body alone
	// Safe says that the call reads only, whatever its method: a search by POST.
	Safe bool
	// Anonymous leaves Authorize and Renew out: a sign-in. A dry run lets it pass.
	Anonymous bool
}

// Response is a vendor's answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// retries is how often a call that only reads is repeated at once; longer waits are the queue's.
const retries = 2

// Do makes the call. Every error is a *connector.Error whose kind says what is known of the outcome:
// an unsafe call that may have reached the vendor and got no clear answer is KindMaybeApplied.
func (c *Client) Do(ctx context.Context, call Call) (*Response, error) {
	if call.Method == "" {
		call.Method = http.MethodGet
	}
	call.Safe = call.Safe || safeMethod(call.Method)
	renewed := call.Anonymous || c.Renew == nil
	for attempt := 0; ; {
		resp, failure := c.once(ctx, call)
		switch {
		case failure == nil:
			return resp, decode(call, resp)
		case failure.Kind == connector.KindAuth && !renewed:
			renewed = true
			if err := c.Renew(ctx); err != nil {
				return nil, notSent(call.Op, err)
			}
		case call.Safe && attempt < retries && failure.Kind.Temporary() && failure.RetryAfter <= 2*time.Second:
			attempt++
			if !pause(ctx, max(failure.RetryAfter, time.Duration(attempt*attempt)*100*time.Millisecond)) {
				return nil, failure
			}
		default:
			return resp, failure
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// notSent is the error of a call that was not sent, or was refused, because of an error before it.
// A sign-in whose outcome is unclear leaves no doubt about the call.
func notSent(op string, err error) *connector.Error {
	e := &connector.Error{Kind: connector.KindOf(err), Op: op, Message: err.Error(), Err: err}
	if cause, ok := errors.AsType[*connector.Error](err); ok {
		*e = *cause
		if e.Op == "" {
			e.Op = op
		}
	}
	if e.Kind == connector.KindMaybeApplied {
		e.Kind = connector.KindUnavailable
	}
	return e
}

func (c *Client) once(ctx context.Context, call Call) (*Response, *connector.Error) {
	req, err := c.request(ctx, call)
	if err != nil {
		return nil, notSent(call.Op, err)
	}
	var written atomic.Bool
	ctx, pending := withPending(withCall(ctx, call))
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	resp, err := c.HTTP.Do(req.WithContext(ctx))
	if err != nil {
		return nil, transportError(call, written.Load(), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err != nil {
		return nil, transportError(call, true, err)
	}
	if len(body) > MaxAnswer {
		return nil, tooLong(call)
	}
	out := &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if c.Limits != nil {
		pending.tell(c.Limits(out))
	}
	failure := statusError(call, out)
	if c.Explain != nil {
		failure = c.Explain(out, failure)
	}
	if failure != nil {
		failure.Op = call.Op
		return out, failure
	}
	return out, nil
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	address := call.Path
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		address = c.Base + address
	} else if !sameSystem(c.Base, address) {
		return nil, connector.Errorf(connector.KindBug, call.Op, "the vendor's link leads to another host; it is not followed")
	}
	if len(call.Query) > 0 {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + call.Query.Encode()
	}
	var body []byte
	contentType := ""
	switch {
	case call.JSON != nil:
		encoded, err := json.Marshal(call.JSON)
		if err != nil {
			return nil, connector.Errorf(connector.KindBug, call.Op, "encode the request: %w", err)
		}
		body, contentType = encoded, "application/json"
	case call.Form != nil:
		body, contentType = []byte(call.Form.Encode()), "application/x-www-form-urlencoded"
	case call.Raw != nil:
		body = call.Raw
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, address, reader)
	if err != nil {
		return nil, connector.Errorf(connector.KindBug, call.Op, "the address cannot be used: check base_url")
	}
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	maps.Copy(req.Header, call.Header)
	if c.Authorize != nil && !call.Anonymous {
		if err := c.Authorize(ctx, req); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// sameSystem says whether an address that a vendor gave may have the connection's credentials.
func sameSystem(base, address string) bool {
	b, err1 := url.Parse(base)
	a, err2 := url.Parse(address)
	return err1 == nil && err2 == nil && sameOrigin(a, b)
}

// transportError is the error of a request that got no answer. The URL that net/http puts into its
// errors is dropped: queries hold credentials.
func transportError(call Call, written bool, err error) *connector.Error {
	if e, ok := errors.AsType[*connector.Error](err); ok {
		e.Op = call.Op
		return e
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if written && !call.Safe {
		return &connector.Error{
			Kind: connector.KindMaybeApplied, Op: call.Op, Err: err,
			Message: "sent, but no whole answer came: " + words(err),
		}
	}
	return &connector.Error{Kind: connector.KindUnavailable, Op: call.Op, Err: err, Message: words(err), Fix: fixOf(err)}
}

// words says for people what the shortest errors mean.
func words(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the system closed the connection in the middle of its answer"
	case errors.Is(err, io.EOF):
		return "the system closed the connection"
	}
	return err.Error()
}

// tooLong is the error of an answer beyond MaxAnswer. Asking again would bring it again.
func tooLong(call Call) *connector.Error {
	e := &connector.Error{
		Kind: connector.KindBug, Op: call.Op,
		Message: fmt.Sprintf("the answer is longer than %d bytes", MaxAnswer),
		Fix:     "ask for less at once",
	}
	if !call.Safe {
		e.Kind = connector.KindMaybeApplied
	}
	return e
}

// statusError gives the error that a status means by itself, or nil below 400.
func statusError(call Call, resp *Response) *connector.Error {
	if resp.Status < 300 {
		return nil
	}
	e := &connector.Error{Message: fmt.Sprintf("the system answered %d %s", resp.Status, http.StatusText(resp.Status))}
	switch resp.Status {
	case http.StatusUnauthorized:
		e.Kind = connector.KindAuth
	case http.StatusPaymentRequired, http.StatusForbidden:
		e.Kind = connector.KindForbidden
	case http.StatusNotFound, http.StatusGone:
		e.Kind = connector.KindNotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusLocked:
		e.Kind = connector.KindConflict
	case http.StatusTooManyRequests:
		e.Kind = connector.KindRateLimited
	case http.StatusRequestTimeout, http.StatusTooEarly:
		e.Kind = connector.KindUnavailable
	case http.StatusNotImplemented:
		e.Kind = connector.KindInvalid
	default:
		switch {
		case resp.Status < 400:
			e.Kind = connector.KindInvalid
			e.Fix = "check base_url: the system redirects elsewhere"
		case resp.Status < 500:
			e.Kind = connector.KindInvalid
		case call.Safe:
			e.Kind = connector.KindUnavailable
		default:
			// A server that fails while it works may have done the work.
			e.Kind = connector.KindMaybeApplied
		}
	}
	if e.Kind.Temporary() {
		e.RetryAfter = RetryAfter(resp.Header, time.Now())
	}
	return e
}

// maxRetryAfter is the longest wait that is believed; what is beyond is a mistake, such as a time
// where seconds belong.
const maxRetryAfter = 7 * 24 * time.Hour

// RetryAfter reads the Retry-After header: seconds, also with decimals, or a date (RFC 9110,
// section 10.2.3). 0 is none that can be believed.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	var wait time.Duration
	if seconds, err := money.ParseDecimal(text); err == nil {
		if seconds.GreaterThan(decimal.NewFromInt(int64(maxRetryAfter / time.Second))) {
			return 0
		}
		wait = time.Duration(seconds.Shift(9).IntPart())
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	if wait < 0 || wait > maxRetryAfter {
		return 0
	}
	return wait
}

func decode(call Call, resp *Response) error {
	if call.Out == nil || len(bytes.TrimSpace(resp.Body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(resp.Body, call.Out); err != nil {
		kind := connector.KindMaybeApplied
		if call.Safe {
			kind = connector.KindUnavailable
		}
		return connector.Errorf(kind, call.Op, "the answer is not the JSON that was expected: %w", err)
	}
	return nil
}

type callKey struct{}

func withCall(ctx context.Context, call Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

// callOf gives the call that a request was made for; the zero Call when a connector made it by
// itself, which then counts as safe only by its method.
func callOf(req *http.Request) Call {
	call, ok := req.Context().Value(callKey{}).(Call)
	if !ok {
		call.Method = req.Method
		call.Safe = safeMethod(req.Method)
	}
	return call
}

func safeMethod(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
