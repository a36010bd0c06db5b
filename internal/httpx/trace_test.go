package httpx

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/internal/secret"
)

// secrets are what must be seen nowhere.
var secrets = []string{"s3cret-t0ken", "hunter22", "cookie-value", "fresh-token", "query-key"}

func TestATraceShowsAllButSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			if r.URL.Path == "/api/cut" {
				cut(t, w)
				return
			}
			w.Header().Set("Set-Cookie", "session=cookie-value")
			w.Header().Set("X-Request-Id", "abc")
			w.WriteHeader(422)
			_, _ = w.Write([]byte(`{"error":"no such SKU: TEA-1","access_token":"fresh-token"}`))
		}, func(o *Options) { o.Redactor = secret.NewRedactor("s3cret-t0ken", "cookie-value") })
		ctx, trace := WithTrace(t.Context())
		begin := time.Now()
		_, _ = n.client.Do(ctx, Call{
			Op: "create order", Method: "POST", Path: "/orders?key=query-key&page=2", JSON: map[string]string{"sku": "TEA-1", "password": "hunter22", "note": "a s3cret-t0ken b"},
			Header: http.Header{"Authorization": {"Bearer s3cret-t0ken"}, "X-Company": {"7"}},
		})
		_, _ = n.client.Do(ctx, Call{Op: "send", Method: "POST", Path: "/cut", Raw: []byte("x")})
		_, _ = n.client.Do(t.Context(), Call{Op: "untraced", Method: "POST", Path: "/orders"})

		got := trace.Exchanges()
		if len(got) != 2 {
			t.Fatalf("%d exchanges", len(got))
		}
		e := got[0]
		if !e.At.Equal(begin) || e.Duration != 2*time.Second || e.Op != "create order" || e.Method != "POST" || e.Status != 422 || e.Error != "" ||
			e.URL != "http://vendor.test/api/orders?key=***&page=2" {
			t.Errorf("got %+v", e)
		}
		if e.Request.Header.Get("X-Company") != "7" || e.Request.Header.Get("Authorization") != "***" ||
			e.Request.Body != `{"note":"a *** b","password":"***","sku":"TEA-1"}` || e.Request.Size != int64(len(`{"note":"a s3cret-t0ken b","password":"hunter22","sku":"TEA-1"}`)) {
			t.Errorf("request %+v", e.Request)
		}
		if e.Response.Header.Get("X-Request-Id") != "abc" || e.Response.Body != `{"error":"no such SKU: TEA-1","access_token":"***"}` {
			t.Errorf("response %+v", e.Response)
		}
		if e := got[1]; e.Status != 0 || !strings.Contains(e.Error, "EOF") || e.Op != "send" || e.Response.Size != 0 {
			t.Errorf("a request without an answer: %+v", e)
		}
		for _, s := range secrets {
			if text := fmt.Sprintf("%+v", got); strings.Contains(text, s) {
				t.Errorf("%q is in the trace: %s", s, text)
			}
		}
		if trace.Omitted() != 0 {
			t.Errorf("%d omitted", trace.Omitted())
		}
	})
}

func TestLongBodiesAreCutAndHideSecretsStill(t *testing.T) {
	// The secret lies over the place where the capture ends, and again where the shown text ends.
	for _, at := range []int{maxBody - 5, maxBody + margin - 5, maxBody + margin - 11} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := strings.Repeat("ä", at/2) + "s3cret-t0ken" + strings.Repeat("ö", maxBody)
				n := connect(t, func(w http.ResponseWriter, r *http.Request) {
					received, _ := io.ReadAll(r.Body)
					if string(received) != body {
						t.Error("what is sent differs from what was given")
					}
					_, _ = w.Write(received)
				}, func(o *Options) { o.Redactor = secret.NewRedactor("s3cret-t0ken") })
				ctx, trace := WithTrace(t.Context())
				resp, err := n.client.Do(ctx, Call{Method: "POST", Path: "/x", Raw: []byte(body)})
				if err != nil || string(resp.Body) != body {
					t.Fatalf("the answer differs from what was sent: %v", err)
				}
				e := trace.Exchanges()[0]
				for _, m := range []Message{e.Request, e.Response} {
					if m.Size != int64(len(body)) || len(m.Body) > maxBody || len(m.Body) < maxBody-margin || !utf8.ValidString(m.Body) {
						t.Errorf("%d of %d bytes are shown, valid: %v", len(m.Body), m.Size, utf8.ValidString(m.Body))
					}
					if strings.Contains(m.Body, "s3c") {
						t.Error("a part of the secret is shown")
					}
				}
			})
		})
	}
}

func TestMaskingThatShortensABodyShowsNoHalfSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := "begin" + strings.Repeat("s3cret-t0ken", maxBody)
		n := connect(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, func(o *Options) { o.Redactor = secret.NewRedactor("s3cret-t0ken") })
		ctx, trace := WithTrace(t.Context())
		if _, err := n.client.Do(ctx, Call{Method: "POST", Path: "/x", Raw: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		if got := trace.Exchanges()[0].Request.Body; !strings.HasPrefix(got, "begin***") || strings.Trim(got, "begin*") != "" {
			t.Errorf("shown are %q … %q", got[:20], got[len(got)-20:])
		}
	})
}

func TestABodyThatIsNoText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0xfe, 'a', 0, 'b'}) })
		ctx, trace := WithTrace(t.Context())
		if _, err := n.client.Do(ctx, Call{Path: "/x"}); err != nil {
			t.Fatal(err)
		}
		if got := trace.Exchanges()[0].Response; !utf8.ValidString(got.Body) || !strings.Contains(got.Body, "a") || got.Size != 5 {
			t.Errorf("got %q of %d bytes", got.Body, got.Size)
		}
	})
}

func TestATraceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), maxBody)) })
		ctx, trace := WithTrace(t.Context())
		for range maxExchanges + 7 {
			if _, err := n.client.Do(ctx, Call{Path: "/x"}); err != nil {
				t.Fatal(err)
			}
		}
		shown := 0
		got := trace.Exchanges()
		for _, e := range got {
			shown += len(e.Response.Body)
			if e.Response.Size != maxBody || e.Status != 200 {
				t.Errorf("an exchange without its size: %+v", e)
			}
		}
		if len(got) != maxExchanges || trace.Omitted() != 7 || shown > maxTrace || shown < maxTrace-maxBody {
			t.Errorf("%d exchanges with %d bytes, %d omitted", len(got), shown, trace.Omitted())
		}
	})
}

func TestABodyThatCannotBeReadTwiceIsSentWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var received []byte
		n := connect(t, func(_ http.ResponseWriter, r *http.Request) { received, _ = io.ReadAll(r.Body) })
		ctx, trace := WithTrace(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://vendor.test/x", io.MultiReader(strings.NewReader("stream")))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := n.gate.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if string(received) != "stream" || len(trace.Exchanges()) != 1 || trace.Exchanges()[0].Request.Body != "" {
			t.Errorf("received %q, trace %+v", received, trace.Exchanges())
		}
	})
}
