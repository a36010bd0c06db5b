package connectortest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// hygieneChecks are about what a connection leaves behind and lets out. What every check looks for at
// its end (goroutines, requests that the vendor does not know, secrets in the log) is in fixture.go.
func hygieneChecks() []check {
	return []check{
		{name: "hygiene/every request is made for its caller", run: requestsAreTheCallers},
		{name: "hygiene/no address holds a secret", run: addressesHoldNoSecrets},
		{name: "hygiene/errors hold neither secrets nor people's data", run: errorsHoldNoSecrets},
		{name: "hygiene/errors say what was being done", run: errorsSayWhat},
		{name: "hygiene/calls at once do not disturb each other", run: callsAtOnce},
		{name: "hygiene/closing ends although the system is gone", run: closingEnds},
	}
}

// requestsAreTheCallers gives each call a context of its own, and wants every request to have it: only
// then does it end when its caller gives up.
func requestsAreTheCallers(f *fixture) {
	for what, call := range f.reading(f.conn) {
		f.wire.trouble(nil)
		if err := call(context.WithValue(f.ctx(), callerKey{}, what)); err != nil {
			f.Fatalf("%s: %v", what, err)
		}
		for _, e := range f.wire.exchanges() {
			if e.caller != what {
				f.Errorf("%s sends %s %s under another context than its caller's", what, e.method, f.path(e))
			} else if !e.bounded {
				f.Errorf("%s sends %s %s without its caller's end", what, e.method, f.path(e))
			}
		}
	}
}

// addressesHoldNoSecrets looks at the addresses of requests, which proxies and servers write down.
func addressesHoldNoSecrets(f *fixture) {
	f.wire.trouble(nil)
	f.account(f.conn)
	for what, call := range f.reading(f.conn) {
		if err := call(f.ctx()); err != nil {
			f.Fatalf("%s: %v", what, err)
		}
	}
	for _, e := range f.wire.exchanges() {
		f.noSecretsIn("the address of "+e.method+" "+f.path(e), e.url)
	}
}

// badAnswers are the ways in which a system fails, without words of the vendor.
func badAnswers() []fault {
	out := []fault{{kind: refused}, {kind: cutBefore}, {kind: cutAfter}}
	for _, status := range []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
		http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
	} {
		out = append(out, fault{kind: answered, status: status, body: "<html></html>"}, fault{
			kind: answered, status: status, header: http.Header{"Content-Type": {"application/json"}}, body: "{}",
		})
	}
	return out
}

// failing makes every reading call under every fault and gives the errors.
func (f *fixture) failing(judge func(what string, err error)) {
	f.Helper()
	f.disorder = true
	for _, bad := range badAnswers() {
		for what := range f.reading(f.conn) {
			conn := f.open(f.values)
			f.wire.always(bad)
			err := f.reading(conn)[what](f.ctx())
			f.wire.trouble(nil)
			if err != nil {
				judge(fmt.Sprintf("%s, %s %d", what, bad.kind, bad.status), err)
			}
		}
	}
}

func errorsHoldNoSecrets(f *fixture) {
	f.failing(func(what string, err error) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			f.noSecretsIn("the error of "+what, text)
			f.noPersonIn("the error of "+what, text)
		}
	})
}

// noPersonIn fails the check when a text has what only the buyer of the suite's orders has.
func (f *fixture) noPersonIn(where, text string) {
	f.Helper()
	buyer := orderForm{}.order().Buyer
	for _, personal := range []string{buyer.Email(), buyer.Phone(), buyer.DisplayName, buyer.Addresses[0].StreetAddress} {
		if strings.Contains(text, personal) {
			f.Errorf("the data of a person is in %s", where)
		}
	}
}

func errorsSayWhat(f *fixture) {
	f.failing(func(what string, err error) {
		e, ok := asError(err)
		switch {
		case !ok:
			f.Errorf("%s: %v is no *connector.Error: the flow cannot decide", what, err)
		case e.Kind == "" || e.Kind == connector.KindBug:
			f.Errorf("%s: %v is of the kind %q", what, err, e.Kind)
		case e.Op == "" && e.Field == "":
			f.Errorf("%s: %v says not what was being done", what, err)
		case e.Message == "" && e.Err == nil:
			f.Errorf("%s: %v says not what is wrong", what, err)
		}
	})
}

// callsAtOnce makes every reading call several times at once; the race detector sees what they share.
func callsAtOnce(f *fixture) {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
	)
	f.wire.slow(50 * time.Millisecond)
	for what, call := range f.reading(f.conn) {
		for range 3 {
			group.Go(func() {
				if err := call(f.ctx()); err != nil {
					mu.Lock()
					defer mu.Unlock()
					f.Errorf("%s, with others at once: %v", what, err)
				}
			})
		}
	}
	group.Wait()
}

func closingEnds(f *fixture) {
	f.disorder = true
	for _, gone := range []fault{{kind: refused}, {kind: hanging}, {kind: answered, status: http.StatusBadGateway}} {
		conn, err := connector.Open(f.ctx(), f.harness.Definition, f.values, f.env(f.wire))
		if err != nil {
			f.Fatalf("open: %v", err)
		}
		f.account(conn)
		ctx, cancel := context.WithTimeout(f.ctx(), time.Minute)
		f.wire.always(gone)
		before := time.Now()
		_ = conn.Connector.Close(ctx) // that the session could not be ended is no matter
		f.wire.trouble(nil)
		cancel()
		if waited := time.Since(before); waited > 2*time.Minute {
			f.Errorf("%s: Close goes on for %s after its context ended", gone.kind, waited-time.Minute)
		}
	}
}
