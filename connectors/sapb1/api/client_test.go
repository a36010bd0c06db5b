package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// server answers by a function, and remembers what it was asked.
type server struct {
	answer func(req *http.Request) (status int, body string)
	asked  []string
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, req.Method+" "+req.URL.RequestURI())
	status, body := 200, `{"SessionId":"s1"}`
	if !strings.HasSuffix(req.URL.Path, "/Login") {
		status, body = s.answer(req)
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: req}, nil
}

// state keeps values in memory, for one worker.
type state map[string][]byte

func (s state) Load(_ context.Context, name string) ([]byte, error) { return s[name], nil }

func (s state) Update(ctx context.Context, name string, change func(context.Context, []byte) ([]byte, error)) ([]byte, error) {
	next, err := change(ctx, s[name])
	if err == nil {
		s[name] = next
	}
	return next, err
}

func newTestClient(base string, version Version, s *server) *Client {
	return NewClient(Account{Base: base, Version: version, Company: "DB", User: "u", Password: "p", HTTP: &http.Client{Transport: s}, State: state{}, Now: time.Now})
}

// The links to further pages are relative, to the service or to the host, and the service may lie behind a proxy.
func TestPagesAreFollowed(t *testing.T) {
	for _, base := range []string{"https://erp.test:50000", "https://proxy.test/tenants/7/"} {
		for version, link := range map[Version]string{V1: `"odata.nextLink":"/b1s/v1/Items?$skip=2"`, V2: `"@odata.nextLink":"Items?$skip=2"`} {
			s := &server{}
			s.answer = func(req *http.Request) (int, string) {
				if req.URL.Query().Get("$skip") == "" {
					return 200, `{"value":[{"ItemCode":"A"},{"ItemCode":"B"}],` + link + `}`
				}
				return 200, `{"value":[{"ItemCode":"C"}]}`
			}
			var codes []string
			err := newTestClient(base, version, s).List(t.Context(), Ask{Op: "list", Set: "Items"}, func(raw json.RawMessage) error {
				var item Item
				err := json.Unmarshal(raw, &item)
				codes = append(codes, item.ItemCode)
				return err
			})
			if err != nil || strings.Join(codes, "") != "ABC" {
				t.Errorf("%s, %s: %v, %v", base, version, codes, err)
			}
			prefix := strings.TrimSuffix(strings.TrimPrefix(base, "https://"), "/")
			_, prefix, _ = strings.Cut(prefix, "/")
			if last := s.asked[len(s.asked)-1]; !strings.Contains(last, prefix+"/b1s/"+string(version)+"/Items?$skip=2") {
				t.Errorf("%s, %s: asked %s", base, version, last)
			}
		}
	}
}

func TestLinksThatLeadAstray(t *testing.T) {
	for name, link := range map[string]string{"to another host": "https://evil.test/b1s/v2/Items?$skip=2", "to itself for ever": "Items?$skip=0"} {
		s := &server{answer: func(*http.Request) (int, string) { return 200, `{"value":[],"@odata.nextLink":"` + link + `"}` }}
		err := newTestClient("https://erp.test", V2, s).List(t.Context(), Ask{Op: "list", Set: "Items"}, func(json.RawMessage) error { return nil })
		if connector.KindOf(err) != connector.KindBug {
			t.Errorf("%s: %v", name, err)
		}
		for _, asked := range s.asked {
			if strings.Contains(asked, "evil") {
				t.Error(asked)
			}
		}
	}
}

func TestCountThatIsNone(t *testing.T) {
	s := &server{answer: func(*http.Request) (int, string) { return 200, "<html>" }}
	if _, err := newTestClient("https://erp.test", V2, s).Count(t.Context(), "count", "Orders", ""); connector.KindOf(err) != connector.KindUnavailable {
		t.Error(err)
	}
	s.answer = func(*http.Request) (int, string) { return 200, "\ufeff42\n" }
	if n, err := newTestClient("https://erp.test", V2, s).Count(t.Context(), "count", "Orders", ""); err != nil || n != 42 {
		t.Errorf("%d, %v", n, err)
	}
}

// Sessions that somebody could smuggle headers in with are not taken.
func TestOddSessions(t *testing.T) {
	for _, id := range []string{"", "a\\r\\nX: y", "a; ROUTEID=x"} {
		synctest.Test(t, func(t *testing.T) {
			c := newTestClient("https://erp.test", V2, &server{})
			c.account.HTTP.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"SessionId":"` + id + `"}`)), Request: req}, nil
			})
			if _, err := c.Get(t.Context(), "read", "Items", nil); connector.KindOf(err) != connector.KindUnavailable {
				t.Errorf("%q: %v", id, err)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
