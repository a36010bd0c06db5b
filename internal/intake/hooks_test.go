package intake

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func (s *shop) post(t testing.TB, path, secret, body string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/{connection}", s.intake)
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)).WithContext(t.Context())
	req.Header.Set("X-Secret", secret)
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, req)
	return rec
}

func TestWebhookIsAnsweredByWhatBecameOfIt(t *testing.T) {
	for _, c := range []struct {
		name, path, secret, body string
		status                   int
		tasks                    int
		counted                  string
	}{
		{"a change", "/hooks/shop", "right", `{"id":"1","body":"a"}`, 200, 1, "webhook changed"},
		{"a thin change", "/hooks/shop", "right", `{"id":"1"}`, 200, 1, "webhook thin"},
		{"a deletion", "/hooks/shop", "right", `{"id":"1","deleted":true}`, 200, 1, "webhook deleted"},
		{"a ping", "/hooks/shop", "right", `{"ignored":"ping"}`, 200, 0, "ignored ping"},
		{"a kind that no flow carries", "/hooks/shop", "right", `{"id":"1","kind":"customer","body":"a"}`, 200, 0, "ignored no flow carries records of kind customer"},
		{"what the vendor wants to hear", "/hooks/shop", "right", `{"id":"1","body":"a","say":"ok"}`, 202, 1, "webhook changed"},
		{"a forged one", "/hooks/shop", "wrong", `{"id":"1","body":"a"}`, 401, 0, "refused shop 401"},
		{"one that cannot be read", "/hooks/shop", "right", `{`, 400, 0, "refused shop 400"},
		{"an unknown connection", "/hooks/other", "right", `{"id":"1"}`, 404, 0, "refused  404"},
		{"one that is too long", "/hooks/shop", "right", strings.Repeat(" ", MaxHook+1), 413, 0, "refused shop 413"},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				s := newShop(t, st)
				res := s.post(t, c.path, c.secret, c.body)
				if res.Code != c.status {
					t.Errorf("answered %d, want %d", res.Code, c.status)
				}
				if c.status == 202 && res.Header().Get("X-Said") != "ok" {
					t.Error("the answer is not the vendor's")
				}
				if n := len(tasks(t, st, "shop-erp")); n != c.tasks {
					t.Errorf("%d tasks, want %d", n, c.tasks)
				}
				if (len(s.woken) > 0) != (c.tasks > 0) {
					t.Errorf("woken %v", s.woken)
				}
				if s.counts[c.counted] != 1 {
					t.Errorf("counted %v, want %q", s.counts, c.counted)
				}
			})
		})
	}
}

func TestWebhookThatCannotBeStoredIsAskedForAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		// What cannot be committed must not be called accepted.
		s.wakeFails = errors.New("disk full")
		if res := s.post(t, "/hooks/shop", "right", `{"id":"1","body":"a"}`); res.Code != http.StatusServiceUnavailable {
			t.Errorf("answered %d, want 503", res.Code)
		}
		if n := len(tasks(t, st, "shop-erp")); n != 0 {
			t.Errorf("%d tasks", n)
		}
	})
}

func TestRepeatedDeliveryChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		for range 2 {
			if res := s.post(t, "/hooks/shop", "right", `{"id":"1","body":"a","delivery":"d1"}`); res.Code != http.StatusOK {
				t.Errorf("answered %d", res.Code)
			}
		}
		if s.counts["webhook changed"] != 1 || s.counts["webhook duplicate"] != 1 {
			t.Errorf("counted %v", s.counts)
		}
		if row := tasks(t, st, "shop-erp")["1"]; row.Wanted != 1 {
			t.Errorf("%+v", row)
		}
	})
}

// Where a vendor's bodies may be stale, the record is read whatever came.
func TestBodyThatMayBeStaleIsFetched(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.source.Conn.Definition.Traits.FetchAlways = true
		s.put("1", "true")
		s.post(t, "/hooks/shop", "right", `{"id":"1","body":"stale"}`)
		s.runLane(t)
		if got := newest(t, st, tasks(t, st, "shop-erp")["1"].RecordID); got != "true" {
			t.Errorf("the newest body is %q", got)
		}
	})
}
