package woocommerce_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	woofake "github.com/orderlyhq/orderly/connectors/woocommerce/fake"
)

// put stores n small orders and gives their ids.
func (s *shop) put(t testing.TB, n int) []string {
	t.Helper()
	generator := everything(5)
	var out []string
	for range n {
		order, err := s.vendor.PutOrder(generator.Order())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, order.Source.ExternalID)
	}
	return out
}

// admin does what a merchant does, by the API.
func (s *shop) admin(t testing.TB, method, route, body string) *httptest.ResponseRecorder {
	t.Helper()
	values := s.vendor.Settings()
	req := httptest.NewRequestWithContext(t.Context(), method, "/wp-json/wc/v3/"+route, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(values["consumer_key"], values["consumer_secret"])
	w := httptest.NewRecorder()
	s.vendor.ServeHTTP(w, req)
	if w.Code >= 300 {
		t.Fatalf("%s %s: %d %s", method, route, w.Code, w.Body)
	}
	return w
}

func ids(events []connector.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Ref.ID)
	}
	return out
}

func sortedUnique(list []string) []string {
	seen := map[string]bool{}
	for _, id := range list {
		seen[id] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

func mustSeeAll(t *testing.T, got, want []string) {
	t.Helper()
	if g, w := sortedUnique(got), sortedUnique(want); !slices.Equal(g, w) {
		t.Errorf("%d different orders are listed, want %d", len(g), len(w))
	}
}

func TestOrdersOfOneSecondAreListedOnceHoweverManyThereAre(t *testing.T) {
	for name, n := range map[string]int{"a page to the last": 100, "one more than a page": 101, "more than a query can exclude": 730} {
		for version, options := range map[string][]woofake.Option{"11.0": nil, "5.5": {woofake.Version55()}} {
			t.Run(name+" in "+version, func(t *testing.T) {
				s := open(t, nil, options...)
				want := s.put(t, n)
				got := ids(s.all(t, connector.Query{Kind: commerce.KindOrder}))
				mustSeeAll(t, got, want)
				if len(got) != len(want) {
					t.Errorf("%d events for %d orders", len(got), len(want))
				}
			})
		}
	}
}

func TestOrdersThatChangeWhileTheyAreListedAreNotSkipped(t *testing.T) {
	for version, options := range map[string][]woofake.Option{"11.0": nil, "7.9": {woofake.Version79()}, "5.5": {woofake.Version55()}} {
		t.Run(version, func(t *testing.T) {
			s := open(t, nil, options...)
			var want []string
			for range 30 {
				want = append(want, s.put(t, 1)...)
				s.clock.move(time.Second)
			}
			q := connector.Query{Kind: commerce.KindOrder, Limit: 4}
			var got []string
			for page := range 100 {
				p, err := s.conn.Lister.List(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, ids(p.Events)...)
				if !p.More {
					break
				}
				if q.Cursor == p.Next {
					t.Fatal("the cursor stands still")
				}
				q.Cursor = p.Next
				// An order that was listed moves to the end, and all behind it move up by one.
				if page < 10 && len(got) > 0 {
					s.clock.move(time.Second)
					s.admin(t, http.MethodPut, "orders/"+got[page], `{"status":"completed"}`)
				}
			}
			mustSeeAll(t, got, want)
		})
	}
}

func TestAWindowHasItsFirstSecondAndNotItsLast(t *testing.T) {
	for version, options := range map[string][]woofake.Option{"11.0": nil, "5.5": {woofake.Version55()}} {
		t.Run(version, func(t *testing.T) {
			s := open(t, nil, options...)
			start := s.clock.at
			var all []string
			for range 5 {
				all = append(all, s.put(t, 1)...)
				s.clock.move(time.Second)
			}
			for _, c := range []struct {
				since, until time.Duration
				want         []string
			}{
				{time.Second, 3 * time.Second, all[1:3]},
				{time.Second, 3*time.Second + time.Millisecond, all[1:4]},
				{1500 * time.Millisecond, 0, all[1:]}, // the shop's times have whole seconds
				{0, time.Second, all[:1]},
			} {
				q := connector.Query{Kind: commerce.KindOrder, Since: start.Add(c.since)}
				if c.until != 0 {
					q.Until = start.Add(c.until)
				}
				if got := ids(s.all(t, q)); !slices.Equal(got, c.want) {
					t.Errorf("from %s to %s: %v, want %v", c.since, c.until, got, c.want)
				}
				if version == "5.5" {
					continue
				}
				if n, err := s.conn.Counter.Count(t.Context(), q); err != nil || n != len(c.want) {
					t.Errorf("count from %s to %s: %d, %v; want %d", c.since, c.until, n, err, len(c.want))
				}
			}
		})
	}
}

// The zone of the shop must not matter: its times of change are an hour or two ahead of UTC.
func TestTimesAreUTCInTheShopsSummerToo(t *testing.T) {
	s := open(t, nil)
	s.clock.at = time.Date(2026, 7, 1, 23, 30, 0, 0, time.UTC)
	early := s.put(t, 1)
	s.clock.move(90 * time.Minute)
	late := s.put(t, 1)
	got := s.all(t, connector.Query{Kind: commerce.KindOrder, Since: s.clock.at.Add(-time.Minute)})
	if !slices.Equal(ids(got), late) || !got[0].UpdatedAt.Equal(s.clock.at) {
		t.Errorf("%v at %v, want %v; %v was before the window", ids(got), got, late, early)
	}
}

func TestTrashIsListedAndUnfinishedCheckoutsAreNot(t *testing.T) {
	s := open(t, nil)
	kept := s.put(t, 3)
	trashed := kept[1]
	s.clock.move(time.Minute)
	s.admin(t, http.MethodDelete, "orders/"+trashed, "")
	draft := s.admin(t, http.MethodGet, "orders/"+kept[0], "").Body.Bytes()
	draft = bytes.Replace(draft, []byte(`{"id":`+kept[0]+`,`), []byte(`{"id":9001,`), 1)
	var record map[string]any
	if err := json.Unmarshal(draft, &record); err != nil {
		t.Fatal(err)
	}
	draft = bytes.Replace(draft, fmt.Appendf(nil, `"status":%q`, record["status"]), []byte(`"status":"checkout-draft"`), 1)
	if err := s.vendor.Load("order", draft); err != nil {
		t.Fatal(err)
	}
	q := connector.Query{Kind: commerce.KindOrder}
	events := s.all(t, q)
	mustSeeAll(t, ids(events), kept)
	if n, err := s.conn.Counter.Count(t.Context(), q); err != nil || n != 3 {
		t.Errorf("count %d, %v; want 3", n, err)
	}
	i := slices.Index(ids(events), trashed)
	order, err := s.conn.Decoder.DecodeOrder(connector.Raw{Ref: events[i].Ref, Form: events[i].Form, Body: events[i].Body})
	if err != nil || order.OrderState != commerce.StateCancelled {
		t.Errorf("a trashed order is %s, %v", order.OrderState, err)
	}
	if got := s.fetch(t, trashed); got.OrderState != commerce.StateCancelled || got.FulfillmentState != commerce.FulfillmentCancelled {
		t.Errorf("a trashed order is fetched as %s", got.OrderState)
	}
	for _, id := range []string{"9001", "777777", "no-number", ""} {
		if _, err := s.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: id}); connector.KindOf(err) != connector.KindNotFound {
			t.Errorf("fetch %q: %v", id, err)
		}
	}
	if _, err := s.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindCustomer, ID: "777"}); connector.KindOf(err) != connector.KindNotFound {
		t.Errorf("fetch an unknown customer: %v", err)
	}
}

// The next poll begins where this one did, by the clock that wrote the times of change.
func TestTheWatermarkIsOfTheShopsClock(t *testing.T) {
	s := open(t, nil)
	s.put(t, 1)
	page, err := s.conn.Lister.List(t.Context(), connector.Query{Kind: commerce.KindOrder, Since: s.clock.at.Add(-time.Hour)})
	if err != nil || !page.More || !page.Watermark.IsZero() {
		t.Fatalf("%+v, %v: the trash is still to come", page, err)
	}
	begun := s.clock.at
	s.clock.move(time.Minute)
	last, err := s.conn.Lister.List(t.Context(), connector.Query{Kind: commerce.KindOrder, Since: s.clock.at.Add(-time.Hour), Cursor: page.Next})
	if err != nil || last.More || !last.Watermark.Equal(begun) {
		t.Errorf("watermark %s, want %s (%v)", last.Watermark, begun, err)
	}
}

func TestOrdersWithRefundsAreFetchedForTheirLines(t *testing.T) {
	s := open(t, nil)
	generator := everything(21)
	for {
		order, err := s.vendor.PutOrder(generator.Order())
		if err != nil {
			t.Fatal(err)
		}
		changed, ok := generator.Refund(order)
		if !ok {
			continue
		}
		s.clock.move(time.Minute)
		stated, err := s.vendor.PutOrder(changed)
		if err != nil {
			t.Fatal(err)
		}
		events := s.all(t, connector.Query{Kind: commerce.KindOrder, Since: s.clock.at})
		if len(events) != 1 || events[0].Body != nil {
			t.Fatalf("%+v: want one event without a body", events)
		}
		got := s.fetch(t, order.Source.ExternalID)
		want := stated.Refunds[0]
		if len(got.Refunds) != 1 || len(got.Refunds[0].Lines) != 1 || !got.Refunds[0].Amount.Equal(want.Amount) || got.Refunds[0].Lines[0].LineID != want.Lines[0].LineID ||
			!got.Refunds[0].Lines[0].Quantity.Equal(want.Lines[0].Quantity) || !got.Refunds[0].At.Equal(s.clock.at) {
			t.Errorf("refund %+v, want %+v", got.Refunds, want)
		}
		return
	}
}

func TestCustomersThatGoWhileTheyAreListedHideNoOther(t *testing.T) {
	s := open(t, nil)
	var want []string
	for i := range 12 {
		c, err := s.vendor.PutCustomer(commerce.Customer{GivenName: "Customer", FamilyName: fmt.Sprint(i), Emails: []string{fmt.Sprintf("c%d@example.com", i)}})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, c.Source.ExternalID)
	}
	q := connector.Query{Kind: commerce.KindCustomer, Limit: 5}
	if n, err := s.conn.Counter.Count(t.Context(), q); err != nil || n != 12 {
		t.Errorf("count %d, %v", n, err)
	}
	var got []string
	for {
		page, err := s.conn.Lister.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids(page.Events)...)
		if !page.More {
			break
		}
		q.Cursor = page.Next
		if len(got) == 5 {
			for _, id := range want[:3] {
				s.admin(t, http.MethodDelete, "customers/"+id+"?force=true", "")
			}
		}
	}
	mustSeeAll(t, got, want)
	s.clock.move(time.Minute)
	if later := s.all(t, connector.Query{Kind: commerce.KindCustomer, Since: s.clock.at}); len(later) != 0 {
		t.Errorf("%d customers changed, want none", len(later))
	}
}

// A shop that takes the parameters of a list and ignores them is read as an old one is.
func TestAShopThatIgnoresTheFilterIsReadWhole(t *testing.T) {
	s := open(t, nil)
	early := s.put(t, 3)
	s.clock.move(time.Hour)
	late := s.put(t, 2)
	s.wire.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("modified_after")
		q.Del("modified_before")
		r.URL.RawQuery = q.Encode()
		s.vendor.ServeHTTP(w, r)
	})
	if got := ids(s.all(t, connector.Query{Kind: commerce.KindOrder, Since: s.clock.at})); !slices.Equal(got, late) {
		t.Errorf("%v, want %v and not %v", got, late, early)
	}
}

func TestACursorOfAnotherKindIsRefused(t *testing.T) {
	s := open(t, nil)
	_, err := s.conn.Lister.List(t.Context(), connector.Query{Kind: commerce.KindOrder, Cursor: "page=2"})
	if connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("%v", err)
	}
}
