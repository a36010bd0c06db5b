package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

func get(t *testing.T, n *network) error {
	t.Helper()
	_, err := n.client.Do(t.Context(), Call{Method: "POST", Path: "/x"}) // not repeated
	return err
}

func TestTheBreakerOpensAndFindsOutWhenTheSystemIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 500
		var heard []string
		n := connect(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, func(o *Options) {
			o.OnBreaker = func(connection, state string) { heard = append(heard, connection+" "+state) }
		})
		for range breakerFailures {
			if err := get(t, n); kindOf(err) != connector.KindMaybeApplied {
				t.Fatalf("while it is closed: %v", err)
			}
		}
		if s := n.gate.State(); s.Breaker != "open" || !s.OpenUntil.Equal(time.Now().Add(breakerRest)) {
			t.Errorf("state %+v", s)
		}
		time.Sleep(10 * time.Second)
		for range 3 {
			err := get(t, n)
			if kindOf(err) != connector.KindUnavailable || detail(t, err).RetryAfter != 20*time.Second {
				t.Errorf("while it is open: %v, RetryAfter %s", err, detail(t, err).RetryAfter)
			}
		}
		if n.count() != breakerFailures {
			t.Fatalf("%d requests were sent to a system that is down", n.count()-breakerFailures)
		}

		time.Sleep(breakerRest)
		if err := get(t, n); kindOf(err) != connector.KindMaybeApplied || n.count() != breakerFailures+1 {
			t.Errorf("the trial: %v after %d requests", err, n.count())
		}
		if err := get(t, n); kindOf(err) != connector.KindUnavailable || n.count() != breakerFailures+1 {
			t.Errorf("after a trial that failed: %v after %d requests", err, n.count())
		}

		time.Sleep(breakerRest + time.Second)
		status = 200
		if err := get(t, n); err != nil {
			t.Errorf("the second trial: %v", err)
		}
		if s := n.gate.State(); s.Breaker != "closed" || !s.OpenUntil.IsZero() {
			t.Errorf("state %+v", s)
		}
		want := "shop open,shop half-open,shop open,shop half-open,shop closed"
		if got := strings.Join(heard, ","); got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
	})
}

func TestOnlyOneTriesWhetherTheSystemIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		n := connect(t, func(w http.ResponseWriter, r *http.Request) {
			if down {
				w.WriteHeader(500)
				return
			}
			<-r.Context().Done()
		})
		for range breakerFailures {
			_ = get(t, n)
		}
		down = false
		time.Sleep(breakerRest + time.Second)
		before := n.count()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := n.client.Do(ctx, Call{Path: "/x"})
			ended <- err
		}()
		synctest.Wait()
		if err := get(t, n); kindOf(err) != connector.KindUnavailable || n.count() != before+1 {
			t.Errorf("beside the trial: %v after %d requests", err, n.count()-before)
		}
		// A trial that the caller ends proves nothing, and must not keep the next from trying.
		cancel()
		if err := <-ended; kindOf(err) != connector.KindUnavailable {
			t.Errorf("the trial: %v", err)
		}
		if got := n.gate.State().Breaker; got != "half-open" {
			t.Errorf("the breaker is %s after a trial without a result", got)
		}
		n.client.HTTP = n.gate.Client()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = n.client.Do(short, Call{Method: "POST", Path: "/x"})
		if n.count() != before+2 {
			t.Errorf("no other trial was made")
		}
	})
}

func TestWhatTheBreakerCounts(t *testing.T) {
	status := func(s int) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(s) } }
	for name, c := range map[string]struct {
		handler func(t testing.TB) http.HandlerFunc
		opens   bool
	}{
		"answers":           {func(testing.TB) http.HandlerFunc { return status(200) }, false},
		"wrong requests":    {func(testing.TB) http.HandlerFunc { return status(400) }, false},
		"wrong credentials": {func(testing.TB) http.HandlerFunc { return status(401) }, false},
		"conflicts":         {func(testing.TB) http.HandlerFunc { return status(409) }, false},
		"refusals":          {func(testing.TB) http.HandlerFunc { return status(429) }, false},
		"what it cannot do": {func(testing.TB) http.HandlerFunc { return status(501) }, false},
		"its own failures":  {func(testing.TB) http.HandlerFunc { return status(500) }, true},
		"a gateway's":       {func(testing.TB) http.HandlerFunc { return status(502) }, true},
		"cut connections":   {func(t testing.TB) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { cut(t, w) } }, true},
		"requests that hang": {func(testing.TB) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		}, true},
		"answers cut in half": {func(testing.TB) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := connect(t, c.handler(t), func(o *Options) { o.Settings.Timeout = time.Second })
				for range breakerFailures {
					time.Sleep(5 * time.Second) // a refusal makes a pause
					_ = get(t, n)
				}
				if open := n.gate.State().Breaker == "open"; open != c.opens {
					t.Errorf("open: %v", open)
				}
			})
		})
	}
	t.Run("one success between failures", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			served := 0
			n := connect(t, func(w http.ResponseWriter, _ *http.Request) {
				if served++; served%breakerFailures != 0 {
					w.WriteHeader(500)
				}
			})
			for range 3 * breakerFailures {
				_ = get(t, n)
			}
			if got := n.gate.State().Breaker; got != "closed" {
				t.Errorf("the breaker is %s", got)
			}
		})
	})
	t.Run("callers that give up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := connect(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			for range 2 * breakerFailures {
				short, cancel := context.WithTimeout(t.Context(), time.Second)
				_, _ = n.client.Do(short, Call{Method: "POST", Path: "/x"})
				cancel()
			}
			if got := n.gate.State().Breaker; got != "closed" {
				t.Errorf("the breaker is %s", got)
			}
		})
	})
}

func TestADryRunCannotWrite(t *testing.T) {
	for name, c := range map[string]struct {
		call    Call
		refused bool
	}{
		"a read":            {Call{}, false},
		"HEAD":              {Call{Method: "HEAD"}, false},
		"a search by POST":  {Call{Method: "POST", Safe: true}, false},
		"a sign-in":         {Call{Method: "POST", Anonymous: true}, false},
		"a write by POST":   {Call{Method: "POST", JSON: 1}, true},
		"a write by PUT":    {Call{Method: "PUT", JSON: 1}, true},
		"a write by PATCH":  {Call{Method: "PATCH", JSON: 1}, true},
		"DELETE":            {Call{Method: "DELETE"}, true},
		"an unknown method": {Call{Method: "MERGE"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := connect(t, func(http.ResponseWriter, *http.Request) {})
				n.client.HTTP = n.gate.DryRunClient()
				c.call.Path = "/x"
				_, err := n.client.Do(t.Context(), c.call)
				if c.refused != errors.Is(err, ErrDryRun) || c.refused != (err != nil) {
					t.Errorf("error %v", err)
				}
				if c.refused && (kindOf(err) != connector.KindForbidden || n.count() != 0) {
					t.Errorf("kind %s after %d requests", kindOf(err), n.count())
				}
			})
		})
	}
	t.Run("requests made without a client", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := connect(t, func(http.ResponseWriter, *http.Request) {})
			for method, refused := range map[string]bool{"GET": false, "HEAD": false, "OPTIONS": false, "POST": true, "DELETE": true} {
				req, err := http.NewRequestWithContext(t.Context(), method, "http://vendor.test/x", strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				resp, err := n.gate.DryRunClient().Do(req)
				if err == nil {
					resp.Body.Close()
				}
				if refused != errors.Is(err, ErrDryRun) {
					t.Errorf("%s: %v", method, err)
				}
			}
		})
	})
}

func TestEveryRequestIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		n := connect(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(3 * time.Second)
			if r.URL.Path == "/api/cut" {
				cut(t, w)
				return
			}
			if got := r.Header.Get("User-Agent"); got != "Orderly/1" {
				t.Errorf("User-Agent %q", got)
			}
			w.WriteHeader(404)
		}, func(o *Options) {
			o.UserAgent = "Orderly/1"
			o.Observe = func(o Observation) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, fmt.Sprint(o.Connection, " ", o.Method, " ", o.Status, " ", o.Duration))
			}
		})
		for _, path := range []string{"/x", "/cut"} {
			_, _ = n.client.Do(t.Context(), Call{Method: "POST", Path: path})
		}
		if got, want := strings.Join(seen, ", "), "shop POST 404 3s, shop POST 0 3s"; got != want {
			t.Errorf("seen %s, want %s", got, want)
		}
	})
}

func TestRedirects(t *testing.T) {
	for name, c := range map[string]struct {
		call     Call
		status   int
		location string
		want     string // what arrived at the end
		kind     connector.ErrorKind
	}{
		"a read on the same host":            {Call{}, 302, "/new", "GET /new ", ""},
		"a read by a whole address":          {Call{}, 301, "http://vendor.test/new", "GET /new ", ""},
		"the same port in other words":       {Call{}, 307, "http://vendor.test:80/new", "GET /new ", ""},
		"to another host":                    {Call{}, 302, "http://evil.test/new", "", connector.KindInvalid},
		"to another port":                    {Call{}, 302, "http://vendor.test:8080/new", "", connector.KindInvalid},
		"to another scheme":                  {Call{}, 302, "https://vendor.test/new", "", connector.KindInvalid},
		"a write":                            {Call{Method: "POST", JSON: 1}, 302, "/new", "", connector.KindInvalid},
		"a write that would keep its method": {Call{Method: "POST", JSON: 1}, 308, "/new", "", connector.KindInvalid},
		"a search that keeps its method":     {Call{Method: "POST", JSON: 1, Safe: true}, 307, "/new", "POST /new 1", ""},
		"a search that would become a GET":   {Call{Method: "POST", JSON: 1, Safe: true}, 302, "/new", "", connector.KindInvalid},
		"for ever":                           {Call{}, 302, "/old", "", connector.KindInvalid},
		"to nowhere":                         {Call{}, 302, "", "", connector.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				arrived := ""
				n := connect(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					if r.URL.Path != "/old" {
						arrived = r.Method + " " + r.URL.Path + " " + string(body)
						return
					}
					if c.location != "" {
						w.Header().Set("Location", c.location)
					}
					w.WriteHeader(c.status)
				})
				n.client.Base = "http://vendor.test"
				c.call.Path = "/old"
				_, err := n.client.Do(t.Context(), c.call)
				if kindOf(err) != c.kind || arrived != c.want {
					t.Errorf("arrived %q with %v, want %q and %q", arrived, err, c.want, c.kind)
				}
				if err != nil && (!strings.Contains(err.Error(), "check base_url") || strings.Contains(err.Error(), "evil")) {
					t.Errorf("the error says: %v", err)
				}
				if n.count() > maxRedirects+1 {
					t.Errorf("%d requests", n.count())
				}
			})
		})
	}
}

func TestAVendorsLimitsAreObeyedAndShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := 2
		n := connect(t, func(http.ResponseWriter, *http.Request) { left-- })
		n.client.Limits = func(resp *Response) *Limits {
			if resp.Status != 200 {
				return nil
			}
			return &Limits{Left: left, Max: 40, Wait: 7 * time.Second}
		}
		if n.gate.State().Limits != nil {
			t.Error("limits before any answer")
		}
		begin := time.Now()
		for i, want := range []time.Duration{0, 0, 7 * time.Second} {
			if err := get(t, n); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took != want {
				t.Errorf("request %d ended after %s, want %s", i, took, want)
			}
		}
		s := n.gate.State()
		if s.Limits == nil || s.Limits.Left != -1 || s.Limits.Max != 40 || s.PausedUntil.IsZero() {
			t.Errorf("state %+v", s)
		}
	})
}

func TestASlowAnswerIsReadOnlyAsLongAsAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(w http.ResponseWriter, _ *http.Request) {
			for range 10 {
				time.Sleep(time.Second)
				_, _ = w.Write([]byte("."))
				_ = http.NewResponseController(w).Flush()
			}
		}, func(o *Options) { o.Settings.Timeout = 5500 * time.Millisecond })
		begin := time.Now()
		_, err := n.client.Do(t.Context(), Call{Method: "POST", Path: "/x"})
		if took := time.Since(begin); took != 5500*time.Millisecond || !strings.Contains(err.Error(), "no complete answer within 5.5s") {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestAnAnswerThatNobodyReadsGivesItsPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<16)) })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://vendor.test/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := n.gate.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.gate.State().InFlight; got != 1 {
			t.Errorf("%d in flight while the answer is open", got)
		}
		resp.Body.Close()
		resp.Body.Close()
		if got := n.gate.State().InFlight; got != 0 {
			t.Errorf("%d in flight after Close", got)
		}
	})
}
