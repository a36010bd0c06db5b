package shopify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// clock is a time that only tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, time.May, 4, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// post keeps deliveries.
type post struct {
	mu   sync.Mutex
	sent []fake.Delivery
}

func (p *post) Send(d fake.Delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, d)
}

func (p *post) take() []fake.Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.sent
	p.sent = nil
	return out
}

// state is a connector.State in memory.
type state struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (s *state) Load(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[name], nil
}

func (s *state) Update(ctx context.Context, name string, change func(context.Context, []byte) ([]byte, error)) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := change(ctx, s.values[name])
	if err != nil {
		return nil, err
	}
	if s.values == nil {
		s.values = map[string][]byte{}
	}
	s.values[name] = next
	return next, nil
}

// direct is a transport that calls a handler, and writes requests and answers down.
type direct struct {
	handler http.Handler
	mu      sync.Mutex
	log     []exchange
}

type exchange struct {
	method, path, query string
	header              http.Header
	sent, got           []byte
	status              int
}

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	e := exchange{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, header: r.Header.Clone()}
	if r.Body != nil {
		e.sent, _ = io.ReadAll(r.Body)
	}
	in := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(e.sent)).WithContext(r.Context())
	in.Header = r.Header
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, in)
	e.status, e.got = w.Code, w.Body.Bytes()
	d.mu.Lock()
	d.log = append(d.log, e)
	d.mu.Unlock()
	out := w.Result()
	out.Request = r
	return out, nil
}

func (d *direct) take() []exchange {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.log
	d.log = nil
	return out
}

// bench is a pretend shop with a connection to it.
type bench struct {
	vendor *shopifyfake.Vendor
	clock  *clock
	post   *post
	wire   *direct
	state  *state
	conn   *connector.Conn
}

const hookAddress = "https://orderly.test/hooks/shop"

// newBench opens a connection. A setting "-name" is left out.
func newBench(t testing.TB, settings map[string]string, options ...shopifyfake.Option) *bench {
	t.Helper()
	b := &bench{clock: newClock(), post: &post{}, state: &state{}}
	b.vendor = shopifyfake.New(fake.Options{BaseURL: "https://shop.test", Now: b.clock.Now, Courier: b.post, Catalog: fake.DefaultCatalog()}, options...)
	b.wire = &direct{handler: b.vendor}
	b.conn = b.open(t, settings)
	t.Cleanup(func() {
		if unexpected := b.vendor.Stats().Unexpected; len(unexpected) > 0 && !t.Failed() {
			t.Errorf("requests that Shopify does not expect:\n%s", strings.Join(unexpected, "\n"))
		}
	})
	return b
}

func (b *bench) open(t testing.TB, settings map[string]string) *connector.Conn {
	t.Helper()
	conn, err := b.tryOpen(settings)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (b *bench) tryOpen(settings map[string]string) (*connector.Conn, error) {
	values := b.vendor.Settings()
	for name, value := range settings {
		values[name] = value
		if left, ok := strings.CutPrefix(name, "-"); ok {
			delete(values, name)
			delete(values, left)
		}
	}
	base := values["base_url"]
	delete(values, "base_url")
	return connector.Open(context.Background(), shopify.Definition(), values, connector.Env{
		Connection: "shop", BaseURL: base, HTTP: &http.Client{Transport: b.wire}, State: b.state,
		Log: slog.New(slog.DiscardHandler), Now: b.clock.Now,
	})
}

func generator(seed uint64) *fake.Generator {
	return fake.NewGenerator(fake.GeneratorOptions{
		Seed: seed, GiftCards: true, DocumentDiscounts: true,
		Charges: []commerce.ChargeType{commerce.ChargeTip, commerce.ChargeDuty, commerce.ChargeSurcharge},
	})
}

// What is compared of two translations of one order.
var sameOrder = cmp.Options{
	cmp.Comparer(func(a, b money.Decimal) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b money.Money) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
	cmpopts.EquateEmpty(),
}

// asStated are the parts in which a translation may differ from what the shop states: what Shopify does
// not tell (what a discount is in net and tax) and what only transactions tell.
var asStated = append(cmp.Options{
	cmpopts.IgnoreFields(commerce.Discount{}, "Net", "Tax", "Gross"),
	cmpopts.IgnoreFields(commerce.Payment{}, "PaymentID", "Title", "Transactions", "PaidAt", "Reference", "State"),
	cmpopts.IgnoreFields(commerce.Order{}, "Extensions", "Presentment"),
	cmpopts.IgnoreFields(commerce.Customer{}, "Language", "Addresses"),
}, sameOrder...)

// TestEveryOrderComesBackAsTheShopStatesIt makes the sandbox's orders and reads each of them in every
// way: as listed, as fetched, and as a webhook brings it.
func TestEveryOrderComesBackAsTheShopStatesIt(t *testing.T) {
	for _, form := range []string{"rest", "graphql"} {
		t.Run(form, func(t *testing.T) {
			b := newBench(t, map[string]string{"api": form})
			if _, err := b.conn.Registrar.EnsureWebhooks(t.Context(), hookAddress); err != nil {
				t.Fatal(err)
			}
			g := generator(11)
			for i := range 250 {
				stated, err := g.Put(b.vendor)
				if err != nil {
					t.Fatal(err)
				}
				b.clock.pass(time.Minute)
				if proof, err := stated.Prove(); err != nil || !proof.AddsUp {
					t.Fatalf("order %d as the shop states it does not add up: %v %+v", i, err, proof.Differences)
				}
				raw, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID})
				if err != nil {
					t.Fatal(err)
				}
				compare(t, b, "fetched", stated, raw)
				for _, d := range b.post.take() {
					e := receive(t, b, d)
					if e.Ref.Kind == commerce.KindOrder && e.Body != nil {
						compare(t, b, "webhook", stated, connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body})
					}
				}
			}
			listed := map[string]connector.Event{}
			for q := (connector.Query{Kind: commerce.KindOrder, Limit: 100}); ; {
				page, err := b.conn.Lister.List(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Events {
					listed[e.Ref.ID] = e
				}
				if q.Cursor = page.Next; !page.More {
					break
				}
			}
			for _, stated := range b.vendor.Orders() {
				e, ok := listed[stated.Source.ExternalID]
				if !ok {
					t.Fatalf("order %s is not listed", stated.OrderNumber)
				}
				if e.Body != nil {
					compare(t, b, "listed", stated, connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body})
				}
			}
			if count, err := b.conn.Counter.Count(t.Context(), connector.Query{Kind: commerce.KindOrder}); err != nil || count != 250 {
				t.Errorf("count is %d, %v", count, err)
			}
		})
	}
}

func receive(t *testing.T, b *bench, d fake.Delivery) connector.Event {
	t.Helper()
	receipt, err := b.conn.Receiver.Receive(connector.Request{Method: http.MethodPost, URL: d.URL, Header: d.Header, Body: d.Body, At: b.clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if len(receipt.Events) != 1 {
		t.Fatalf("%s: %d events, ignored %q", d.Header.Get("X-Shopify-Topic"), len(receipt.Events), receipt.Ignored)
	}
	return receipt.Events[0]
}

func compare(t *testing.T, b *bench, way string, stated commerce.Order, raw connector.Raw) {
	t.Helper()
	got, err := b.conn.Decoder.DecodeOrder(raw)
	if err != nil {
		t.Fatalf("%s: %v", way, err)
	}
	if diff := cmp.Diff(stated, got, asStated); diff != "" {
		body, _ := json.MarshalIndent(json.RawMessage(raw.Body), "", " ")
		t.Fatalf("%s order %s differs from what the shop states (-stated +translated):\n%s\n%.3000s", way, stated.OrderNumber, diff, body)
	}
	if proof, err := got.Prove(); err != nil || !proof.AddsUp {
		t.Fatalf("%s: %v %+v", way, err, proof.Differences)
	}
}
