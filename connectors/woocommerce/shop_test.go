package woocommerce_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce"
	woofake "github.com/orderlyhq/orderly/connectors/woocommerce/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// clock is a time that stands.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)} }

func (c *clock) move(d time.Duration) { c.at = c.at.Add(d) }

func (c *clock) now() time.Time { return c.at }

// post keeps webhooks.
type post struct{ sent []fake.Delivery }

func (p *post) Send(d fake.Delivery) { p.sent = append(p.sent, d) }

func (p *post) take() []fake.Delivery {
	sent := p.sent
	p.sent = nil
	return sent
}

// toHandler brings requests to a handler without a network.
type toHandler struct {
	handler  http.Handler
	requests []*http.Request
}

func (h *toHandler) RoundTrip(r *http.Request) (*http.Response, error) {
	h.requests = append(h.requests, r)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// shop is a pretend shop with an open connection to it.
type shop struct {
	vendor  *woofake.Vendor
	conn    *connector.Conn
	clock   *clock
	post    *post
	wire    *toHandler
	log     *bytes.Buffer
	context context.Context
}

const address = "https://orderly.test/hooks/shop"

func open(t testing.TB, settings map[string]string, options ...woofake.Option) *shop {
	t.Helper()
	s := &shop{clock: newClock(), post: &post{}, log: &bytes.Buffer{}, context: t.Context()}
	base := "https://shop.test"
	if given := settings["base_url"]; given != "" {
		base = given
	}
	s.vendor = woofake.New(fake.Options{BaseURL: base, Now: s.clock.now, Courier: s.post, Catalog: fake.DefaultCatalog()}, options...)
	s.wire = &toHandler{handler: s.vendor}
	values := s.vendor.Settings()
	maps.Copy(values, settings)
	delete(values, "base_url")
	conn, err := connector.Open(t.Context(), woocommerce.Definition(), values, connector.Env{
		Connection: "shop", BaseURL: base, HTTP: &http.Client{Transport: s.wire}, Log: slog.New(slog.NewTextHandler(s.log, nil)), Now: s.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.conn = conn
	return s
}

func (s *shop) fetch(t testing.TB, id string) commerce.Order {
	t.Helper()
	raw, err := s.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	order, err := s.conn.Decoder.DecodeOrder(raw)
	if err != nil {
		t.Fatal(err)
	}
	return order
}

// all lists everything of a query, fetching what the list does not have whole.
func (s *shop) all(t testing.TB, q connector.Query) []connector.Event {
	t.Helper()
	var out []connector.Event
	for range 1000 {
		page, err := s.conn.Lister.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Events...)
		if !page.More {
			return out
		}
		q.Cursor = page.Next
	}
	t.Fatal("the list does not end")
	return nil
}

func everything(seed uint64) *fake.Generator {
	return fake.NewGenerator(fake.GeneratorOptions{
		Seed: seed, GiftCards: true, DocumentDiscounts: true, Unknown: 20,
		Charges: []commerce.ChargeType{commerce.ChargeTip, commerce.ChargeGiftWrap, commerce.ChargeCOD, commerce.ChargeSurcharge},
	})
}

// sameDecimals compares numbers by value and times by moment.
var sameDecimals = []cmp.Option{
	cmp.Comparer(func(a, b money.Decimal) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
}

func proved(t testing.TB, name string, order commerce.Order) {
	t.Helper()
	proof, err := order.Prove()
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if !proof.AddsUp {
		t.Errorf("%s does not add up: %+v", name, proof.Differences)
	}
}

// What the shop holds is what was put into it, to the cent, and what the connector reads is what the
// shop holds.
func TestOrdersOfAllKindsComeThroughWhole(t *testing.T) {
	for name, options := range map[string][]woofake.Option{"11.0": nil, "7.9": {woofake.Version79()}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, nil, options...)
			generator := everything(7)
			for range 400 {
				before := generator.Order()
				order, err := s.vendor.PutOrder(before)
				if err != nil {
					t.Fatal(err)
				}
				sameAmounts(t, before, order)
				proved(t, "the shop's order "+order.OrderNumber, order)
				got := s.fetch(t, order.Source.ExternalID)
				proved(t, "the decoded order "+order.OrderNumber, got)
				if diff := cmp.Diff(order, got, sameDecimals...); diff != "" {
					t.Fatalf("decoded otherwise than the shop states it (-shop +decoded):\n%s", diff)
				}
			}
			if stats := s.vendor.Stats(); len(stats.Unexpected) > 0 {
				t.Errorf("unexpected: %q", stats.Unexpected)
			}
		})
	}
}

func sameAmounts(t *testing.T, before, after commerce.Order) {
	t.Helper()
	for i, l := range before.Lines {
		got := after.Lines[i]
		if !got.LineNet.Equal(l.LineNet) || !got.LineTax.Equal(l.LineTax) || !got.LineGross.Equal(l.LineGross) || !got.Quantity.Equal(l.Quantity) || got.SKU != l.SKU {
			t.Errorf("lines[%d] was %v %s + %s, is %v %s + %s", i, l.SKU, l.LineNet, l.LineTax, got.SKU, got.LineNet, got.LineTax)
		}
	}
	for _, total := range []struct {
		name        string
		want, given money.Money
	}{
		{"lines_net", before.Totals.LinesNet, after.Totals.LinesNet},
		{"allowances", before.Totals.Allowances, after.Totals.Allowances},
		{"charges", before.Totals.Charges, after.Totals.Charges},
		{"tax", before.Totals.Tax, after.Totals.Tax},
		{"tax_inclusive", before.Totals.TaxInclusive, after.Totals.TaxInclusive},
	} {
		if !total.want.Equal(total.given) {
			t.Errorf("%s was %s, is %s", total.name, total.want, total.given)
		}
	}
	if before.PaymentState == commerce.PaymentPaid && !before.Totals.Prepaid.Equal(after.Totals.Prepaid) {
		t.Errorf("prepaid was %s, is %s", before.Totals.Prepaid, after.Totals.Prepaid)
	}
	if after.PricesIncludeTax != before.PricesIncludeTax || after.DocumentCurrency != before.DocumentCurrency {
		t.Error("currency or meaning of prices changed")
	}
}

func TestShopsThatRoundAtTheEndAreProvedAllTheSame(t *testing.T) {
	s := open(t, nil, woofake.RoundAtEnd())
	generator := everything(11)
	exact := 0
	for range 400 {
		order, err := s.vendor.PutOrder(generator.Order())
		if err != nil {
			t.Fatal(err)
		}
		got := s.fetch(t, order.Source.ExternalID)
		if got.TaxLevel == commerce.TaxByDocument {
			exact++
		}
		proof, err := got.Prove()
		if err != nil || !proof.Within(got.Tolerance()) {
			t.Errorf("order %s: %v %+v", order.OrderNumber, err, proof.Differences)
		}
		if !got.Totals.TaxInclusive.Equal(order.Totals.TaxInclusive) {
			t.Errorf("order %s: total %s, want %s", order.OrderNumber, got.Totals.TaxInclusive, order.Totals.TaxInclusive)
		}
	}
	if exact == 0 {
		t.Error("no order was different when rounded at the end: the test checks nothing")
	}
}

// BenchmarkAnOrder is the way of an order from the pretend shop to the model: made, its webhooks sent and
// received, read and decoded.
func BenchmarkAnOrder(b *testing.B) {
	s := open(b, nil)
	if _, err := s.conn.Registrar.EnsureWebhooks(b.Context(), address); err != nil {
		b.Fatal(err)
	}
	generator := everything(1)
	for b.Loop() {
		order, err := generator.Put(s.vendor)
		if err != nil {
			b.Fatal(err)
		}
		for _, d := range s.post.take() {
			if d.Header.Get("X-WC-Webhook-Topic") == "order.updated" {
				s.receive(b, d)
			}
		}
		s.fetch(b, order.Source.ExternalID)
		s.wire.requests = nil
	}
}

func BenchmarkDecodeOrder(b *testing.B) {
	body := sample(b)
	for b.Loop() {
		decode(b, body)
	}
}
