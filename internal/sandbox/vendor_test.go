package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/fake"
)

// teashop is a small pretend vendor of the tests: a shop that sends a webhook for each order, with an
// API in which GET /token gives a token, POST /notes keeps a note and everything needs the token.
type teashop struct {
	options fake.Options
	retries []time.Duration

	mu       sync.Mutex
	hook     string
	token    int
	requests int
	notes    []string
	orders   []commerce.Order
	ends     []bool // of deliveries, as the courier told them
	closed   bool
}

// bookkeeper is a small pretend ERP.
type bookkeeper struct {
	teashop
}

// tables is what the sandbox of the tests is made of.
func tables() []system {
	return []system{
		{
			name:  "teashop",
			open:  func(o fake.Options) fake.Vendor { return shopOnly{newTeashop(o)} },
			knows: fake.GeneratorOptions{GiftCards: true},
		},
		{
			name: "books",
			open: func(o fake.Options) fake.Vendor { return &bookkeeper{teashop: teashop{options: o}} },
		},
	}
}

func newTeashop(o fake.Options) *teashop {
	return &teashop{options: o, retries: []time.Duration{20 * time.Millisecond, time.Hour}}
}

func (v *teashop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if r.URL.Path == "/token" {
		v.token++
		_, _ = fmt.Fprint(w, v.token)
		return
	}
	if r.Header.Get("Authorization") != fmt.Sprint(v.token) {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodPost {
		v.notes = append(v.notes, string(body))
		w.Header().Set("Location", v.options.BaseURL+"/notes/1")
		w.WriteHeader(http.StatusCreated)
	}
	_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.RequestURI(), body)
}

func (v *teashop) Stats() fake.Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fake.Stats{Documents: len(v.orders), Requests: v.requests}
}

func (v *teashop) Settings() map[string]string {
	return map[string]string{"base_url": v.options.BaseURL, "token": "t"}
}

func (v *teashop) ExpireSessions() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.token += 1000
}

func (v *teashop) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

func (v *teashop) put(order commerce.Order) (commerce.Order, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if id := order.Source.ExternalID; id != "" {
		i := slices.IndexFunc(v.orders, func(o commerce.Order) bool { return o.Source.ExternalID == id })
		if i < 0 {
			return order, errors.New("no such order")
		}
		v.orders[i] = order
	} else {
		order.Source.ExternalID = fmt.Sprint(len(v.orders) + 1)
		order.OrderNumber = "#" + order.Source.ExternalID
		for i := range order.Lines {
			order.Lines[i].LineID = fmt.Sprint(i + 1)
		}
		v.orders = append(v.orders, order)
	}
	v.send(order)
	return order, nil
}

// send tells of an order; the lock is held, as fakes do.
func (v *teashop) send(order commerce.Order) {
	if v.hook == "" {
		return
	}
	body, _ := json.Marshal(map[string]string{"id": order.Source.ExternalID})
	v.options.Courier.Send(fake.Delivery{
		URL: v.hook, Header: http.Header{"X-Topic": {"orders"}}, Body: body, Retries: v.retries,
		Done: func(delivered bool) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.ends = append(v.ends, delivered)
		},
	})
}

func (v *teashop) CancelOrder(id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.orders {
		if v.orders[i].Source.ExternalID == id {
			v.orders[i].OrderState = commerce.StateCancelled
			v.send(v.orders[i])
			return nil
		}
	}
	return errors.New("no such order")
}

func (v *teashop) Subscribe(address string) error {
	if address == "" {
		return errors.New("an address is needed")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hook = address
	return nil
}

// shopOnly makes a shop of a teashop.
type shopOnly struct{ *teashop }

func (s shopOnly) PutOrder(order commerce.Order) (commerce.Order, error) { return s.put(order) }

func (s shopOnly) PutCustomer(c commerce.Customer) (commerce.Customer, error) {
	c.Source.ExternalID = "c-" + c.Email()
	return c, nil
}

func (s shopOnly) Orders() []commerce.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.orders)
}

func (b *bookkeeper) PutOrder(order commerce.Order) (string, error) {
	stored, err := b.put(order)
	return stored.Source.ExternalID, err
}

func (b *bookkeeper) Documents() []fake.Document {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []fake.Document
	for _, o := range b.orders {
		out = append(out, fake.Document{Document: connector.Document{Type: "order", ID: o.Source.ExternalID}, Currency: string(o.DocumentCurrency)})
	}
	return out
}

var (
	_ fake.Shop = shopOnly{}
	_ fake.ERP  = (*bookkeeper)(nil)
)
