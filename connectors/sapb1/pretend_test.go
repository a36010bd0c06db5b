package sapb1_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

const vendorURL = "https://erp.test:50000"

// exchange is a request with its answer.
type exchange struct {
	method, url string
	header      http.Header
	body        []byte
	status      int
	answer      []byte
	answered    http.Header
}

// pretend is a company with a connection to it, and what went between the two.
type pretend struct {
	testing.TB
	vendor *b1fake.Vendor
	conn   *connector.Conn
	state  *sharedState
	now    time.Time
	taxes  []connector.TaxCode // read before, where a test makes calls fail

	mu sync.Mutex
	// spoil may answer in the place of the vendor; nil lets it pass.
	spoil     func(req *http.Request, n int) (*http.Response, error)
	exchanges []exchange
	delivered []fake.Delivery
}

func number(text string) money.Decimal { return decimal.RequireFromString(text) }

func catalog() fake.Catalog {
	item := func(sku, price, rate string) fake.CatalogItem {
		return fake.CatalogItem{SKU: sku, Name: "Article " + sku, Price: number(price), Rate: number(rate), Stock: 100}
	}
	return fake.Catalog{
		Items: []fake.CatalogItem{
			item("TEA", "8.39", "0.07"), item("MUG", "12.50", "0.19"), item("Q'1", "5", "0.19"), item("SHIPPING", "0", "0.19"), item("DISCOUNT", "0", "0.19"), item("ROUNDING", "0", "0"),
		},
		Rates:      []money.Decimal{number("0"), number("0.07"), number("0.19"), number("0.055")},
		Currencies: []money.Currency{"EUR", "USD", "JPY", "KWD"},
		Countries:  []string{"DE", "US", "FR", "JP"},
	}
}

func open(t testing.TB, settings map[string]string, options ...b1fake.Option) *pretend {
	t.Helper()
	p := &pretend{TB: t, state: &sharedState{values: map[string][]byte{}}, now: time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)}
	p.vendor = b1fake.New(fake.Options{BaseURL: vendorURL, Now: p.clock, Courier: p, Catalog: catalog()}, options...)
	p.conn = p.connect(settings)
	return p
}

func (p *pretend) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *pretend) wait(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// Send implements fake.Courier.
func (p *pretend) Send(d fake.Delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delivered = append(p.delivered, d)
}

// connect opens another connection to the same company.
func (p *pretend) connect(settings map[string]string) *connector.Conn {
	p.Helper()
	values := p.vendor.Settings()
	base := values["base_url"]
	delete(values, "base_url")
	for name, value := range settings {
		if values[name] = value; value == "" {
			delete(values, name)
		}
	}
	conn, err := connector.Open(p.Context(), sapb1.Definition(), values, connector.Env{
		Connection: "erp", BaseURL: base, HTTP: &http.Client{Transport: p}, State: p.state, Log: slog.New(slog.DiscardHandler), Now: p.clock,
	})
	if err != nil {
		p.Fatal(err)
	}
	return conn
}

// RoundTrip brings a request to the vendor.
func (p *pretend) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	p.mu.Lock()
	spoil, n := p.spoil, len(p.exchanges)
	p.exchanges = append(p.exchanges, exchange{method: req.Method, url: req.URL.String(), header: req.Header.Clone(), body: body})
	p.mu.Unlock()
	if spoil != nil {
		if resp, err := spoil(req, n); resp != nil || err != nil {
			return resp, err
		}
	}
	inner := req.Clone(req.Context())
	inner.Body = io.NopCloser(bytes.NewReader(body))
	inner.RequestURI = req.URL.RequestURI()
	recorder := httptest.NewRecorder()
	p.vendor.ServeHTTP(recorder, inner)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &p.exchanges[n]
	e.status, e.answer, e.answered = recorder.Code, recorder.Body.Bytes(), recorder.Header()
	return recorder.Result(), nil
}

// calls counts requests since the beginning whose method and address contain a text.
func (p *pretend) calls(method, part string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.exchanges {
		if e.method == method && strings.Contains(e.url, part) {
			n++
		}
	}
	return n
}

// healthy fails where the vendor saw what it does not expect.
func (p *pretend) healthy() {
	p.Helper()
	if list := p.vendor.Stats().Unexpected; len(list) > 0 {
		p.Errorf("the vendor did not expect:\n%s", strings.Join(list, "\n"))
	}
}

func (p *pretend) setSpoil(f func(req *http.Request, n int) (*http.Response, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil = f
}

func answered(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/html"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}
}

// sharedState is the state of a connection as all nodes share it.
type sharedState struct {
	mu, update sync.Mutex
	values     map[string][]byte
}

func (s *sharedState) Load(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values[name]), nil
}

func (s *sharedState) Update(ctx context.Context, name string, change func(context.Context, []byte) ([]byte, error)) ([]byte, error) {
	s.update.Lock()
	defer s.update.Unlock()
	current, err := s.Load(ctx, name)
	if err != nil {
		return nil, err
	}
	next, err := change(ctx, current)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[name] = slices.Clone(next)
	return next, nil
}

// customer makes one and gives its document.
func (p *pretend) customer(key string) connector.Document {
	p.Helper()
	d, err := p.conn.Customers.SaveCustomer(p.Context(), connector.CustomerDraft{Key: connector.Key(key), Customer: anna()})
	if err != nil {
		p.Fatal(err)
	}
	return d
}

func anna() commerce.Customer {
	return commerce.Customer{
		Source: commerce.Source{System: "shopify", ExternalID: "7"}, Type: commerce.Person, DisplayName: "Anna O'Neill", GivenName: "Anna", FamilyName: "O'Neill",
		Emails: []string{"Anna@Example.com"}, Phones: []string{"+49 (221) 123-456"},
		Addresses: []commerce.Address{{Use: commerce.UseBilling, Name: "Anna O'Neill", StreetAddress: "Hauptstraße 5", PostalCode: "50667", AddressLocality: "Köln", AddressCountry: "DE"}},
	}
}

// tax gives the codes of a rate.
func (p *pretend) tax(rate string) []connector.TaxCode {
	p.Helper()
	taxes := p.taxes
	if taxes == nil {
		var err error
		if taxes, err = p.conn.Taxes.Taxes(p.Context()); err != nil {
			p.Fatal(err)
		}
	}
	for _, t := range taxes {
		if t.Rate.Equal(number(rate)) {
			return []connector.TaxCode{t}
		}
	}
	p.Fatalf("no tax of %s among %+v", rate, taxes)
	return nil
}

// sold is a line of an order: a SKU, a quantity, an amount in the sense of the order's prices, and a rate.
type sold struct{ sku, quantity, amount, rate string }

// draft is an order of lines, completed.
func (p *pretend) draft(key string, customer connector.Document, currency money.Currency, gross bool, lines ...sold) connector.OrderDraft {
	p.Helper()
	o := commerce.Order{
		Source: commerce.Source{System: "shopify", ExternalID: key}, OrderNumber: "#" + key, OrderDate: time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC), DocumentCurrency: currency, PricesIncludeTax: gross,
		ShipTo: &commerce.Address{Name: "Anna O'Neill", StreetAddress: "Rue 1", PostalCode: "75001", AddressLocality: "Paris", AddressCountry: "FR"},
	}
	d := connector.OrderDraft{Key: connector.Key(key), Customer: customer}
	for _, l := range lines {
		net, tax, total := p.split(number(l.amount), number(l.rate), currency, gross)
		base := money.New(net, currency)
		o.Lines = append(o.Lines, commerce.Line{
			Type: commerce.LineProduct, SKU: l.sku, Name: l.sku, Quantity: number(l.quantity), LineNet: base, LineTax: money.New(tax, currency), LineGross: money.New(total, currency),
			Taxes: []commerce.Tax{{Rate: number(l.rate), TaxableAmount: &base, TaxAmount: money.New(tax, currency)}},
		})
		d.Lines = append(d.Lines, connector.LineCodes{Item: connector.Item{ID: l.sku, SKU: l.sku}, TaxCodes: p.tax(l.rate)})
	}
	if err := o.Complete(commerce.Stated{}); err != nil {
		p.Fatal(err)
	}
	d.Order = o
	return d
}

func (p *pretend) split(amount, rate money.Decimal, currency money.Currency, gross bool) (net, tax, total money.Decimal) {
	if gross {
		tax = commerce.TaxInGross(amount, rate, currency, money.HalfUp)
		return amount.Sub(tax), tax, amount
	}
	tax = commerce.TaxOnNet(amount, rate, currency, money.HalfUp)
	return amount, tax, amount.Add(tax)
}

// totals checks a document's totals against an order's.
func (p *pretend) totals(d connector.Document, o commerce.Order) {
	p.Helper()
	if d.Totals == nil {
		p.Fatal("no totals")
	}
	if !d.Totals.Gross.Equal(o.Totals.TaxInclusive) || !d.Totals.Tax.Equal(o.Totals.Tax) || !d.Totals.Net.Equal(o.Totals.TaxExclusive) {
		p.Errorf("the document has %s + %s = %s, the order %s + %s = %s", d.Totals.Net, d.Totals.Tax, d.Totals.Gross, o.Totals.TaxExclusive, o.Totals.Tax, o.Totals.TaxInclusive)
	}
}

func readCloser(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }

// discard is where an answer goes that is lost.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
