package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

func TestEveryStatusHasItsKind(t *testing.T) {
	type kinds struct{ safe, unsafe connector.ErrorKind }
	same := func(k connector.ErrorKind) kinds { return kinds{k, k} }
	broken := kinds{connector.KindUnavailable, connector.KindMaybeApplied}
	want := map[int]kinds{
		200: same(""), 201: same(""), 202: same(""), 204: same(""), 207: same(""),
		301: same(connector.KindInvalid), 302: same(connector.KindInvalid), 304: same(connector.KindInvalid), 308: same(connector.KindInvalid),
		400: same(connector.KindInvalid), 401: same(connector.KindAuth), 402: same(connector.KindForbidden), 403: same(connector.KindForbidden),
		404: same(connector.KindNotFound), 405: same(connector.KindInvalid), 406: same(connector.KindInvalid), 408: same(connector.KindUnavailable),
		409: same(connector.KindConflict), 410: same(connector.KindNotFound), 412: same(connector.KindConflict), 413: same(connector.KindInvalid),
		415: same(connector.KindInvalid), 418: same(connector.KindInvalid), 422: same(connector.KindInvalid), 423: same(connector.KindConflict),
		425: same(connector.KindUnavailable), 429: same(connector.KindRateLimited), 430: same(connector.KindInvalid),
		500: broken, 501: same(connector.KindInvalid), 502: broken, 503: broken, 504: broken, 520: broken, 599: broken,
	}
	for status, kinds := range want {
		for method, kind := range map[string]connector.ErrorKind{"GET": kinds.safe, "POST": kinds.unsafe, "DELETE": kinds.unsafe} {
			t.Run(fmt.Sprint(status, " ", method), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := connect(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
					resp, err := n.client.Do(t.Context(), Call{Op: "try", Method: method, Path: "/x"})
					if got := kindOf(err); got != kind {
						t.Fatalf("kind %q (%v), want %q", got, err, kind)
					}
					if resp == nil || resp.Status != status {
						t.Errorf("the answer is not given: %+v", resp)
					}
					if err != nil && (detail(t, err).Op != "try" || !strings.Contains(err.Error(), strconv.Itoa(status))) {
						t.Errorf("error %q names neither what was done nor the status", err)
					}
				})
			})
		}
	}
}

func TestCallsThatReadAreRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		call     Call
		statuses []int
		after    string
		want     int // requests
		kind     connector.ErrorKind
		atLeast  time.Duration
	}{
		"a read that works at once":             {Call{}, []int{200}, "", 1, "", 0},
		"a read that works the second time":     {Call{}, []int{503, 200}, "", 2, "", 100 * time.Millisecond},
		"a read that works the third time":      {Call{}, []int{500, 502, 200}, "", 3, "", 500 * time.Millisecond},
		"a read that never works":               {Call{}, []int{500, 500, 500, 200}, "", 3, connector.KindUnavailable, 500 * time.Millisecond},
		"a search by POST":                      {Call{Method: "POST", Safe: true}, []int{503, 200}, "", 2, "", 0},
		"HEAD":                                  {Call{Method: "HEAD"}, []int{503, 200}, "", 2, "", 0},
		"OPTIONS":                               {Call{Method: "OPTIONS"}, []int{503, 200}, "", 2, "", 0},
		"a write":                               {Call{Method: "POST"}, []int{503, 200}, "", 1, connector.KindMaybeApplied, 0},
		"a write that came too fast":            {Call{Method: "POST"}, []int{429, 200}, "1", 1, connector.KindRateLimited, 0},
		"a sign-in, whose token may be spent":   {Call{Method: "POST", Anonymous: true}, []int{503, 200}, "", 1, connector.KindMaybeApplied, 0},
		"a read that is wrong":                  {Call{}, []int{400, 200}, "", 1, connector.KindInvalid, 0},
		"a read that is not found":              {Call{}, []int{404, 200}, "", 1, connector.KindNotFound, 0},
		"a read that came too fast":             {Call{}, []int{429, 200}, "", 2, "", time.Second},
		"the vendor's own short wait is kept":   {Call{}, []int{503, 200}, "2", 2, "", 2 * time.Second},
		"the vendor's long wait is the queue's": {Call{}, []int{503, 200}, "3", 1, connector.KindUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				served := 0
				n := connect(t, func(w http.ResponseWriter, _ *http.Request) {
					status := c.statuses[served]
					served++
					if status >= 400 && c.after != "" {
						w.Header().Set("Retry-After", c.after)
					}
					w.WriteHeader(status)
				})
				begin := time.Now()
				c.call.Path = "/x"
				_, err := n.client.Do(t.Context(), c.call)
				if got := kindOf(err); got != c.kind || n.count() != c.want {
					t.Errorf("%d requests and kind %q (%v), want %d and %q", n.count(), got, err, c.want, c.kind)
				}
				if took := time.Since(begin); took < c.atLeast {
					t.Errorf("it took %s, want at least %s", took, c.atLeast)
				}
			})
		})
	}
}

func TestTheVendorsWaitIsInTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(429)
		})
		_, err := n.client.Do(t.Context(), Call{Method: "POST", Path: "/x"})
		if got := detail(t, err).RetryAfter; got != 17*time.Second {
			t.Errorf("RetryAfter %s", got)
		}
	})
}

func TestWhatIsKnownAfterAFailureOnTheWay(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, c := range map[string]struct {
		handler      func(t testing.TB) http.HandlerFunc
		prepare      func(n *network)
		safe, unsafe connector.ErrorKind
		message      string
	}{
		"the connection is refused": {
			func(testing.TB) http.HandlerFunc { return nil },
			func(n *network) {
				n.gate.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
			},
			connector.KindUnavailable, connector.KindUnavailable, "connection refused",
		},
		"the connection is cut before the answer": {
			func(t testing.TB) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { cut(t, w) } }, nil,
			connector.KindUnavailable, connector.KindMaybeApplied, "the system closed the connection",
		},
		"the connection is cut inside the answer": {
			func(testing.TB) http.HandlerFunc {
				return func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Length", "100")
					_, _ = w.Write([]byte("half"))
					_ = http.NewResponseController(w).Flush()
					panic(http.ErrAbortHandler)
				}
			}, nil,
			connector.KindUnavailable, connector.KindMaybeApplied, "the system closed the connection in the middle of its answer",
		},
		"no answer comes in time": {
			func(testing.TB) http.HandlerFunc { return hang }, nil,
			connector.KindUnavailable, connector.KindMaybeApplied, "no complete answer within 30s",
		},
		"the answer never ends": {
			func(testing.TB) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					_, _ = w.Write([]byte("half"))
					_ = http.NewResponseController(w).Flush()
					hang(w, r)
				}
			}, nil,
			connector.KindUnavailable, connector.KindMaybeApplied, "no complete answer within 30s",
		},
		"the answer is no HTTP": {
			func(t testing.TB) http.HandlerFunc {
				return func(w http.ResponseWriter, _ *http.Request) {
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = conn.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n\r\n"))
					_ = conn.Close()
				}
			}, nil,
			connector.KindUnavailable, connector.KindMaybeApplied, "malformed HTTP",
		},
	} {
		for method, want := range map[string]connector.ErrorKind{"GET": c.safe, "POST": c.unsafe} {
			t.Run(name+" "+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := connect(t, c.handler(t))
					if c.prepare != nil {
						c.prepare(n)
					}
					call := Call{Op: "save", Method: method, Path: "/x?token=hush", JSON: map[string]string{"a": "b"}}
					_, err := n.client.Do(t.Context(), call)
					if got := kindOf(err); got != want {
						t.Errorf("kind %q, want %q: %v", got, want, err)
					}
					if err == nil || !strings.Contains(err.Error(), c.message) || !strings.HasPrefix(err.Error(), "save: ") {
						t.Errorf("error %q, want it to say %q", err, c.message)
					}
					if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "vendor.test") {
						t.Errorf("the address, which may hold credentials, is in the error: %v", err)
					}
				})
			})
		}
	}
}

func TestACallerThatGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := n.client.Do(ended, Call{Method: "POST", Path: "/x"}); kindOf(err) != connector.KindUnavailable || n.count() != 0 {
			t.Errorf("before sending: %v after %d requests", err, n.count())
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := n.client.Do(short, Call{Method: "POST", Path: "/x"}); kindOf(err) != connector.KindMaybeApplied {
			t.Errorf("after sending: %v", err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %s after the caller gave up", took)
		}
		short, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		before := n.count()
		if _, err := n.client.Do(short, Call{Path: "/x"}); kindOf(err) != connector.KindUnavailable || n.count() != before+1 {
			t.Errorf("a read: %v after %d requests", err, n.count()-before)
		}
	})
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestAnAnswerWithoutEndIsNotKept(t *testing.T) {
	for method, want := range map[string]connector.ErrorKind{"GET": connector.KindBug, "POST": connector.KindMaybeApplied} {
		t.Run(method, func(t *testing.T) {
			n := connect(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, endless{}) })
			_, err := n.client.Do(t.Context(), Call{Method: method, Path: "/x"})
			if kindOf(err) != want || !strings.Contains(err.Error(), "longer than 67108864 bytes") {
				t.Errorf("got %v", err)
			}
			if n.count() != 1 {
				t.Errorf("%d requests for what would be too long again", n.count())
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		call        Call
		want        string // method, address, content type, accept, body
		extraHeader string
	}{
		"nothing but a path": {Call{Path: "/orders"}, "GET /api/orders  application/json ", ""},
		"a query":            {Call{Path: "/orders", Query: url.Values{"b": {"2 3"}, "a": {"ä"}}}, "GET /api/orders?a=%C3%A4&b=2+3  application/json ", ""},
		"a query beside one": {Call{Path: "/orders?x=1", Query: url.Values{"a": {"b"}}}, "GET /api/orders?x=1&a=b  application/json ", ""},
		"JSON":               {Call{Method: "PUT", Path: "/o", JSON: map[string]any{"total": json.Number("12.30")}}, `PUT /api/o application/json application/json {"total":12.30}`, ""},
		"a form":             {Call{Method: "POST", Path: "/o", Form: url.Values{"grant_type": {"x y"}}}, "POST /api/o application/x-www-form-urlencoded application/json grant_type=x+y", ""},
		"raw bytes":          {Call{Method: "POST", Path: "/o", Raw: []byte("<a/>"), Header: http.Header{"Content-Type": {"text/xml"}, "Accept": {"text/xml"}}}, "POST /api/o text/xml text/xml <a/>", ""},
		"a whole address":    {Call{Path: "http://vendor.test/next?page=2"}, "GET /next?page=2  application/json ", ""},
		"with the port":      {Call{Path: "http://vendor.test:80/next"}, "GET /next  application/json ", ""},
		"a header":           {Call{Path: "/o", Header: http.Header{"X-Company": {"7"}}}, "GET /api/o  application/json ", "7"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got, extra string
				n := connect(t, func(_ http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					got = strings.Join([]string{r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.Header.Get("Accept"), string(body)}, " ")
					extra = r.Header.Get("X-Company")
				})
				if _, err := n.client.Do(t.Context(), c.call); err != nil {
					t.Fatal(err)
				}
				if got != c.want || extra != c.extraHeader {
					t.Errorf("sent %q %q, want %q %q", got, extra, c.want, c.extraHeader)
				}
			})
		})
	}
}

func TestLinksToOtherHostsAreNotFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(http.ResponseWriter, *http.Request) {})
		n.client.Authorize = func(context.Context, *http.Request) error {
			t.Error("credentials were asked for")
			return nil
		}
		for _, link := range []string{"https://vendor.test/next", "http://evil.test/next", "http://vendor.test:81/", "http://vendor.test@evil.test/", "http://[::1", "https://"} {
			_, err := n.client.Do(t.Context(), Call{Path: link})
			if kindOf(err) != connector.KindBug || n.count() != 0 || strings.Contains(err.Error(), "evil") {
				t.Errorf("%s: %v after %d requests", link, err, n.count())
			}
		}
	})
}

func TestWhatCannotBeSentIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(http.ResponseWriter, *http.Request) {})
		if _, err := n.client.Do(t.Context(), Call{Method: "POST", Path: "/x", JSON: func() {}}); kindOf(err) != connector.KindBug {
			t.Errorf("a body that is no JSON: %v", err)
		}
		n.client.Base = "http://ven dor"
		if _, err := n.client.Do(t.Context(), Call{Path: "/x"}); kindOf(err) != connector.KindBug || !strings.Contains(err.Error(), "check base_url") {
			t.Errorf("a base that is no address: %v", err)
		}
		if n.count() != 0 {
			t.Errorf("%d requests", n.count())
		}
	})
}

func TestCredentialsAreAddedToEachAttemptAndRenewedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		accepted   string // the token that the vendor takes
		anonymous  bool
		noRenewal  bool
		renewError error
		want       connector.ErrorKind
		sent       string // tokens, in their order
	}{
		"a good token":                         {accepted: "t1", sent: "t1"},
		"a token that has expired":             {accepted: "t2", sent: "t1 t2"},
		"a token that is wrong also when new":  {accepted: "t3", sent: "t1 t2", want: connector.KindAuth},
		"a token that cannot be renewed":       {accepted: "t2", noRenewal: true, sent: "t1", want: connector.KindAuth},
		"a renewal that is refused":            {accepted: "t2", renewError: &connector.Error{Kind: connector.KindAuth, Op: "sign in"}, sent: "t1", want: connector.KindAuth},
		"a renewal whose outcome is not clear": {accepted: "t2", renewError: &connector.Error{Kind: connector.KindMaybeApplied}, sent: "t1", want: connector.KindUnavailable},
		"a renewal that is broken":             {accepted: "t2", renewError: errors.New("oops"), sent: "t1", want: connector.KindBug},
		"a sign-in":                            {accepted: "t2", anonymous: true, sent: "", want: connector.KindAuth},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token := 1
				var sent []string
				n := connect(t, func(w http.ResponseWriter, r *http.Request) {
					if got := r.Header.Get("Authorization"); got != "" {
						sent = append(sent, got)
					}
					if r.Header.Get("Authorization") != c.accepted {
						w.WriteHeader(401)
					}
				})
				n.client.Authorize = func(_ context.Context, req *http.Request) error {
					req.Header.Set("Authorization", "t"+strconv.Itoa(token))
					return nil
				}
				if !c.noRenewal {
					n.client.Renew = func(context.Context) error {
						token++
						return c.renewError
					}
				}
				_, err := n.client.Do(t.Context(), Call{Op: "save", Method: "POST", Path: "/x", JSON: 1, Anonymous: c.anonymous})
				if got := kindOf(err); got != c.want || strings.Join(sent, " ") != c.sent {
					t.Errorf("kind %q (%v) with tokens %v, want %q with %s", got, err, sent, c.want, c.sent)
				}
				if c.renewError != nil && c.renewError.Error() == "auth" {
					t.Error("the error of the renewal was changed in place")
				}
			})
		})
	}
}

func TestASignInInsideACallIsACallOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/token" {
				cut(t, w)
			}
		})
		n.client.Authorize = func(ctx context.Context, _ *http.Request) error {
			_, err := n.client.Do(ctx, Call{Op: "sign in", Method: "POST", Path: "/token", Anonymous: true})
			return err
		}
		_, err := n.client.Do(t.Context(), Call{Op: "save", Method: "POST", Path: "/x"})
		if kindOf(err) != connector.KindUnavailable || detail(t, err).Op != "sign in" {
			t.Errorf("the call was never sent, but: %v (%s)", err, kindOf(err))
		}
		n.client.Authorize = func(context.Context, *http.Request) error {
			return connector.Errorf(connector.KindAuth, "", "no token")
		}
		if _, err := n.client.Do(t.Context(), Call{Op: "save", Path: "/x"}); kindOf(err) != connector.KindAuth || detail(t, err).Op != "save" {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheVendorsOwnWordsDecide(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		explain func(*Response, *connector.Error) *connector.Error
		want    connector.ErrorKind
	}{
		"an error with status 200": {200, func(r *Response, e *connector.Error) *connector.Error {
			if e != nil {
				return connector.Errorf(connector.KindBug, "", "an error for a status below 300")
			}
			return connector.Invalid("sku", "%s", r.Body)
		}, connector.KindInvalid},
		"a success with status 404": {404, func(*Response, *connector.Error) *connector.Error { return nil }, ""},
		"another kind": {400, func(_ *Response, e *connector.Error) *connector.Error {
			e.Kind = connector.KindConflict
			return e
		}, connector.KindConflict},
		"nothing to add": {409, func(_ *Response, e *connector.Error) *connector.Error { return e }, connector.KindConflict},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := connect(t, func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(`{"id":7}`))
				})
				n.client.Explain = c.explain
				var out struct{ ID int }
				_, err := n.client.Do(t.Context(), Call{Op: "save", Method: "POST", Path: "/x", Out: &out})
				if got := kindOf(err); got != c.want {
					t.Errorf("kind %q (%v), want %q", got, err, c.want)
				}
				if err != nil && detail(t, err).Op != "save" {
					t.Errorf("the error does not say what was done: %v", err)
				}
				if err == nil && out.ID != 7 {
					t.Error("the answer was not read")
				}
			})
		})
	}
}

func TestAnAnswerThatIsNotTheExpectedJSON(t *testing.T) {
	for name, c := range map[string]struct {
		body         string
		safe, unsafe connector.ErrorKind
	}{
		"JSON":             {`{"id":7}`, "", ""},
		"nothing":          {"", "", ""},
		"spaces":           {" \n", "", ""},
		"a page":           {"<!DOCTYPE html>", connector.KindUnavailable, connector.KindMaybeApplied},
		"another type":     {`{"id":"seven"}`, connector.KindUnavailable, connector.KindMaybeApplied},
		"the half of JSON": {`{"id":`, connector.KindUnavailable, connector.KindMaybeApplied},
	} {
		for method, want := range map[string]connector.ErrorKind{"GET": c.safe, "POST": c.unsafe} {
			t.Run(name+" "+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := connect(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.body)) })
					var out struct{ ID int }
					resp, err := n.client.Do(t.Context(), Call{Op: "save", Method: method, Path: "/x", Out: &out})
					if got := kindOf(err); got != want {
						t.Errorf("kind %q (%v), want %q", got, err, want)
					}
					if resp == nil || string(resp.Body) != c.body {
						t.Errorf("the answer itself is not given: %+v", resp)
					}
				})
			})
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Second, " 30 ": 30 * time.Second, "2.0": 2 * time.Second, "0.25": 250 * time.Millisecond,
		"-1": 0, "604800": 7 * 24 * time.Hour, "604801": 0, "1772443800": 0, "1e3": 1000 * time.Second, "1e39": 0, "1e999999": 0,
		"NaN": 0, "Inf": 0, "-Inf": 0, "0x10": 0, "soon": 0, "1,5": 0, "5 seconds": 0,
		"Mon, 02 Mar 2026 09:31:00 GMT":  time.Minute,
		"Monday, 02-Mar-26 09:31:00 GMT": time.Minute,
		"Mon Mar  2 09:31:00 2026":       time.Minute,
		"Mon, 02 Mar 2026 09:29:00 GMT":  0,
		"Mon, 02 Mar 2026 09:30:00 GMT":  0,
		"Tue, 02 Mar 2027 09:30:00 GMT":  0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "1", "2.5", "NaN", "-1", "1e9", "Mon, 02 Mar 2026 09:31:00 GMT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := RetryAfter(http.Header{"Retry-After": {text}}, time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC))
		if got < 0 || got > maxRetryAfter {
			t.Errorf("%q: %s", text, got)
		}
	})
}
