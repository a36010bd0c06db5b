package sandbox

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo"
	"github.com/orderlyhq/orderly/connectors/sapb1"
	"github.com/orderlyhq/orderly/connectors/shopify"
	"github.com/orderlyhq/orderly/connectors/woocommerce"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// definitions gives the connector of each system; a system without one fails.
func definitions() map[string]connector.Definition {
	return map[string]connector.Definition{
		"shopify":     shopify.Definition(),
		"woocommerce": woocommerce.Definition(),
		"odoo":        odoo.Definition(),
		"sapb1":       sapb1.Definition(),
	}
}

// overTLS are the systems that send webhooks to https addresses only.
var overTLS = map[string]bool{"sapb1": true}

// TestConnectorsWorkAgainstTheSandbox opens a real connection to each system, over HTTP and through
// the one road out, with the settings that the sandbox gives.
func TestConnectorsWorkAgainstTheSandbox(t *testing.T) {
	for _, sys := range systems() {
		t.Run(sys.name, func(t *testing.T) {
			t.Parallel()
			l := link(t, sys.name)
			if _, err := l.conn.Connector.Check(t.Context()); err != nil {
				t.Fatalf("check: %v", err)
			}
			if l.conn.Receiver != nil {
				l.webhooks(t)
			}
			if l.conn.Lister != nil {
				l.list(t)
			}
			if l.conn.Orders != nil {
				l.catalog(t)
			}
			if stats, err := l.sandbox.Stats(sys.name); err != nil || len(stats.Unexpected) > 0 {
				t.Errorf("stats %+v, %v", stats, err)
			}
		})
	}
}

// linked is a connection to a system of a sandbox that is served.
type linked struct {
	name    string
	sandbox *Sandbox
	conn    *connector.Conn
	decoder connector.Decoder
}

func link(t *testing.T, name string) *linked {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{BaseURL: address(listener), Systems: []string{name}, LongestWait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.Close()
	})

	definition, known := definitions()[name]
	if !known {
		t.Fatalf("the test has no connector for %s", name)
	}
	values, err := s.Settings(name)
	if err != nil {
		t.Fatal(err)
	}
	settings, own, problems := httpx.BindSettings(definition.Traits, values)
	if len(problems) > 0 {
		t.Fatalf("the sandbox's settings: %v", problems)
	}
	gate, err := httpx.NewGate(httpx.Options{Connection: name, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := connector.Open(t.Context(), definition, own, connector.Env{
		Connection: name, BaseURL: settings.BaseURL, HTTP: gate.Client(), State: &memory{values: map[string][]byte{}},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Connector.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
		gate.Close()
	})
	return &linked{name: name, sandbox: s, conn: conn, decoder: conn.Decoder}
}

// webhooks subscribes and sees that every order that is made arrives and is proved to be the vendor's.
func (l *linked) webhooks(t *testing.T) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]bool{}
	var base string
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		receipt, err := l.conn.Receiver.Receive(connector.Request{Method: r.Method, URL: base + r.RequestURI, Header: r.Header, Body: body, At: time.Now()})
		if err != nil {
			t.Errorf("a webhook is refused: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, event := range receipt.Events {
			if event.Ref.Kind == commerce.KindOrder {
				seen[event.Ref.ID] = true
			}
		}
	})}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base = address(listener)
	url := base + "/hooks/" + l.name
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended //nolint:errcheck // that it was closed
	}()
	if l.conn.Registrar != nil {
		_, err = l.conn.Registrar.EnsureWebhooks(t.Context(), url)
	} else {
		err = l.sandbox.Subscribe(l.name, url)
	}
	if overTLS[l.name] {
		if connector.KindOf(err) != connector.KindInvalid || !strings.Contains(err.Error(), "HTTPS") {
			t.Errorf("an address without TLS is taken: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	made, err := l.sandbox.Make(l.name, MakeOptions{N: 20})
	if err != nil {
		t.Fatal(err)
	}
	all := func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, order := range made {
			if !seen[order.Source.ExternalID] {
				return false
			}
		}
		return true
	}
	(&served{T: t}).eventually("all orders arrived by webhook", all)
}

// list reads all orders and compares them with what the system states.
func (l *linked) list(t *testing.T) {
	t.Helper()
	if _, err := l.sandbox.Make(l.name, MakeOptions{N: 60, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	stated := l.stated(t)
	seen := map[string]bool{}
	query := connector.Query{Kind: commerce.KindOrder, Limit: 25}
	for pages := 0; ; pages++ {
		page, err := l.conn.Lister.List(t.Context(), query)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		for _, event := range page.Events {
			seen[event.Ref.ID] = true
			l.compare(t, event, stated)
		}
		if query.Cursor = page.Next; !page.More {
			break
		}
		if pages > 100 {
			t.Fatal("the list never ends")
		}
	}
	for id := range stated {
		if !seen[id] {
			t.Errorf("order %s is not in the list", id)
		}
	}
}

// stated gives the totals of every order as the system has them.
func (l *linked) stated(t *testing.T) map[string]connector.DocumentTotals {
	t.Helper()
	out := map[string]connector.DocumentTotals{}
	if documents, err := l.sandbox.Documents(l.name); err == nil {
		for _, d := range documents {
			out[d.ID] = *d.Totals
		}
		return out
	}
	orders, err := l.sandbox.Orders(l.name)
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range orders {
		out[order.Source.ExternalID] = connector.DocumentTotals{Net: order.Totals.TaxExclusive, Tax: order.Totals.Tax, Gross: order.Totals.TaxInclusive}
	}
	return out
}

// compare fetches what is not in the event, decodes it and compares the totals.
func (l *linked) compare(t *testing.T, event connector.Event, stated map[string]connector.DocumentTotals) {
	t.Helper()
	raw := connector.Raw{Ref: event.Ref, Form: event.Form, Body: event.Body}
	if raw.Body == nil {
		fetched, err := l.conn.Fetcher.Fetch(t.Context(), event.Ref)
		if err != nil {
			t.Fatalf("fetch %s: %v", event.Ref.ID, err)
		}
		raw = fetched
	}
	order, err := l.decoder.DecodeOrder(raw)
	if err != nil {
		t.Fatalf("decode %s: %v", event.Ref.ID, err)
	}
	want, known := stated[event.Ref.ID]
	if !known {
		t.Errorf("order %s is listed, but the system does not state it", event.Ref.ID)
		return
	}
	got := order.Totals
	if !got.TaxExclusive.Equal(want.Net) || !got.Tax.Equal(want.Tax) || !got.TaxInclusive.Equal(want.Gross) {
		t.Errorf("order %s: net %s, tax %s, gross %s; the system states %s, %s, %s",
			event.Ref.ID, got.TaxExclusive, got.Tax, got.TaxInclusive, want.Net, want.Tax, want.Gross)
	}
}

// catalog finds the articles of the catalogue in an ERP, and only those that it knows.
func (l *linked) catalog(t *testing.T) {
	t.Helper()
	if l.conn.Items == nil {
		return
	}
	var skus []string
	for _, item := range fake.DefaultCatalog().Items {
		skus = append(skus, item.SKU)
	}
	found, err := l.conn.Items.FindItems(t.Context(), skus)
	if err != nil {
		t.Fatalf("find items: %v", err)
	}
	for _, item := range fake.DefaultCatalog().Items {
		if has := len(found[item.SKU]) == 1; has == item.Missing {
			t.Errorf("article %q: found %d times", item.SKU, len(found[item.SKU]))
		}
	}
}

// memory is a connection's state for one process.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (m *memory) Load(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[name], nil
}

func (m *memory) Update(ctx context.Context, name string, change func(context.Context, []byte) ([]byte, error)) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next, err := change(ctx, m.values[name])
	if err == nil {
		m.values[name] = next
	}
	return next, err
}
