package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func TestAPageThatKeepsItselfUpToDateIsNoUseOfTheSession(t *testing.T) {
	s := newSite(t)
	longAgo := time.Now().Add(-time.Hour).UnixMilli()
	used := func(r *http.Request) bool {
		t.Helper()
		err := s.Store.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE sessions SET used_at = $1`, longAgo)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(s.cookies[people.Viewer])
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // /live would go on
		defer cancel()
		s.server.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		var at int64
		err = s.Store.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, `SELECT MAX(used_at) FROM sessions`).Scan(&at)
		})
		if err != nil {
			t.Fatal(err)
		}
		return at != longAgo
	}
	again := httptest.NewRequest(http.MethodGet, "/orders", nil)
	again.Header.Set("X-Orderly-Fragment", "live")
	if used(again) || used(httptest.NewRequest(http.MethodGet, "/live", nil)) {
		t.Error("a page that somebody left open keeps the session")
	}
	if !used(httptest.NewRequest(http.MethodGet, "/orders", nil)) {
		t.Error("a visit to a page is not noted as use of the session")
	}
}
