package store_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/server"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

// pages are the screens as people open them; %d is an order, %s a name in one.
func pages(orders int) []string {
	one := firstSynced(orders)
	_, family, email := buyerOf(one)
	return []string{
		"/", "/orders", "/orders?state=held", "/orders?state=waiting&sort=waiting", "/orders?flow=market-erp", "/orders?connection=shop-fr&state=failed",
		"/orders?cause=7", "/orders?min=990", "/orders?since=2026-03-01&until=2026-03-01", "/orders?via=manual", "/orders?document=no",
		"/orders?q=" + url.QueryEscape(email), "/orders?q=" + url.QueryEscape(family), "/orders?state=held&q=Anna", "/orders?q=R4711", "/orders?q=SKU-31",
		fmt.Sprintf("/orders/%d", one), fmt.Sprintf("/orders/%d?list=%s", one, url.QueryEscape("flow=market-erp")),
		"/causes", "/causes/7", "/review", "/flows", "/flows/market-erp", "/connections", "/maps?flow=shop-de-erp", "/maps/history?flow=shop-de-erp",
		"/sync", "/audit", "/audit?who=bert", "/audit?subject=task/4711", "/people", "/settings",
	}
}

// How long the dashboard's pages take on the server with a million orders in SQLite: from the request to the
// last byte, the sign-in included.
func BenchmarkMillionPages(b *testing.B) {
	orders := benchOrders(b)
	s := storetest.Open(b, store.Options{Dir: b.TempDir()})
	fill(b, s, orders)
	write(b, s, func(ctx context.Context, tx store.Tx) error {
		for _, source := range []string{"shop-de", "shop-fr", "market"} {
			destination := map[bool]string{true: "erp-2", false: "erp-1"}[source == "market"]
			for _, name := range []string{source, destination} {
				if err := s.SaveConnection(ctx, tx, store.Connection{Name: name, System: "none", Settings: map[string]string{}}, filledAt); err != nil {
					return err
				}
			}
			if err := s.SaveFlow(ctx, tx, store.Flow{Name: source + "-erp", Source: source, Destination: destination, Config: "{}"}, filledAt); err != nil {
				return err
			}
		}
		return nil
	})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	n, err := node.New(b.Context(), node.Options{Version: "bench", Log: log}, s, telemetry.NewMetrics("bench"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := n.Stop(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	})
	front, err := server.New(server.Options{Store: s, Node: n, Metrics: http.NotFoundHandler(), Version: "bench", Log: log})
	if err != nil {
		b.Fatal(err)
	}
	if err := front.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(front.Stop)
	cookie := signedIn(b, front)
	type measured struct {
		page        string
		median, max time.Duration
	}
	var all []measured
	for _, page := range pages(orders) {
		b.Run(strings.NewReplacer("/", "_", " ", "_").Replace(page), func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, page, nil)
				r.AddCookie(cookie)
				w := httptest.NewRecorder()
				began := time.Now()
				front.ServeHTTP(w, r)
				times = append(times, time.Since(began))
				if w.Code != http.StatusOK {
					b.Fatalf("%s is answered %d", page, w.Code)
				}
			}
			slices.Sort(times)
			m := measured{page, times[len(times)/2], times[len(times)-1]}
			b.ReportMetric(float64(m.median.Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(m.max.Microseconds())/1000, "ms-max")
			all = append(all, m)
		})
	}
	slices.SortFunc(all, func(x, y measured) int { return int(y.median - x.median) })
	for _, m := range all {
		b.Logf("%-60s median %8.2f ms, max %8.2f ms", m.page, m.median.Seconds()*1000, m.max.Seconds()*1000)
	}
}

// signedIn gives the cookie of an administrator.
func signedIn(b *testing.B, front *server.Server) *http.Cookie {
	b.Helper()
	user, err := front.People().Add(b.Context(), people.Person{Name: "bench"}, people.NewUser{Name: "anna", Role: people.Admin}, "")
	if err != nil {
		b.Fatal(err)
	}
	secret, err := front.People().MakeLink(b.Context(), people.Person{Name: "bench"}, user.ID, time.Hour, "")
	if err != nil {
		b.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/sign-in/link", strings.NewReader("token="+url.QueryEscape(secret)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	front.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if strings.HasSuffix(c.Name, "orderly_session") {
			return c
		}
	}
	b.Fatalf("signing in is answered %d", w.Code)
	return nil
}
