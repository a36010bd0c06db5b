// Package bench measures Orderly against its own floor: the same HTTP work without store and jobs, in
// the same run, on the same machine. Its pretend shop and ERP do nothing but talk HTTP, so that what is
// measured is Orderly.
//
// It is for measuring alone; nothing else may need it.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/money"
)

// shopConfig is a source whose webhooks are canonical orders.
type shopConfig struct{}

func (shopConfig) Settings() []connector.Setting { return nil }
func (shopConfig) Decoder() connector.Decoder    { return decoder{} }
func (shopConfig) Open(context.Context, connector.Env) (connector.Connector, error) {
	return shop{}, nil
}

type decoder struct{}

func (decoder) DecodeOrder(raw connector.Raw) (o commerce.Order, err error) {
	return o, json.Unmarshal(raw.Body, &o)
}

func (decoder) DecodeCustomer(raw connector.Raw) (c commerce.Customer, err error) {
	return c, json.Unmarshal(raw.Body, &c)
}

type shop struct{}

func (shop) Check(context.Context) (connector.Account, error) {
	return connector.Account{Name: "shop"}, nil
}
func (shop) Close(context.Context) error { return nil }

func (shop) Receive(req connector.Request) (connector.Receipt, error) {
	return connector.Receipt{Events: []connector.Event{{
		Ref:   connector.Ref{Kind: commerce.KindOrder, ID: req.Header.Get("X-Order")},
		Topic: "orders/create", Change: connector.Changed, Body: req.Body, DeliveryID: req.Header.Get("X-Order"),
	}}}, nil
}

// erpConfig is a destination with three calls for an order: find it and its customer, write it.
type erpConfig struct{}

func (erpConfig) Settings() []connector.Setting { return nil }
func (erpConfig) Open(_ context.Context, env connector.Env) (connector.Connector, error) {
	return &erp{client: &httpx.Client{Base: env.BaseURL, HTTP: env.HTTP}}, nil
}

type erp struct{ client *httpx.Client }

func (e *erp) Check(context.Context) (connector.Account, error) {
	return connector.Account{Name: "erp"}, nil
}
func (e *erp) Close(context.Context) error { return nil }

func (e *erp) FindCustomer(ctx context.Context, q connector.CustomerQuery) ([]connector.Candidate, error) {
	_, err := e.client.Do(ctx, httpx.Call{Op: "find customer", Path: "/customers/" + string(q.Key)})
	if connector.KindOf(err) == connector.KindNotFound {
		return nil, nil
	}
	return nil, err
}

func (e *erp) SaveCustomer(ctx context.Context, draft connector.CustomerDraft) (connector.Document, error) {
	var d connector.Document
	_, err := e.client.Do(ctx, httpx.Call{Op: "save customer", Method: http.MethodPost, Path: "/customers", JSON: draft.Customer, Out: &d})
	return d, err
}

func (e *erp) FindOrders(ctx context.Context, keys []connector.Key) (map[connector.Key][]connector.Document, error) {
	var found map[connector.Key][]connector.Document
	_, err := e.client.Do(ctx, httpx.Call{Op: "find orders", Method: http.MethodPost, Path: "/orders/search", JSON: keys, Out: &found, Safe: true})
	return found, err
}

func (e *erp) ReadOrder(ctx context.Context, id string) (d connector.Document, err error) {
	_, err = e.client.Do(ctx, httpx.Call{Op: "read order", Path: "/orders/" + id, Out: &d})
	return d, err
}

func (e *erp) SaveOrder(ctx context.Context, draft connector.OrderDraft) (d connector.Document, err error) {
	_, err = e.client.Do(ctx, httpx.Call{Op: "save order", Method: http.MethodPost, Path: "/orders", JSON: draft.Order, Header: http.Header{"X-Key": {string(draft.Key)}}, Out: &d})
	return d, err
}

func (e *erp) CancelOrder(context.Context, connector.Document, string) (connector.Document, error) {
	return connector.Document{}, connector.Errorf(connector.KindForbidden, "cancel", "not here")
}

func definitions() []connector.Definition {
	return []connector.Definition{
		{Name: "shop", Title: "Shop", Group: connector.GroupShop, Roles: connector.Source, New: func() connector.Config { return shopConfig{} }},
		{
			Name: "erp", Title: "ERP", Group: connector.GroupERP, Roles: connector.Destination, New: func() connector.Config { return erpConfig{} },
			Traits: connector.Traits{Concurrency: lanes, Idempotency: connector.SearchOnly},
		},
	}
}

// lanes is how many requests the ERP takes at once.
const lanes = 16

// erpServer is an ERP without latency that counts its documents by key.
type erpServer struct {
	*httptest.Server
	mu        sync.Mutex
	documents map[connector.Key]connector.Document
	arrived   map[connector.Key]time.Time
	writes    atomic.Int64
	customers atomic.Int64
}

func newERPServer() *erpServer {
	e := &erpServer{documents: map[connector.Key]connector.Document{}, arrived: map[connector.Key]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /customers/{key}", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "none", http.StatusNotFound) })
	mux.HandleFunc("POST /customers", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		reply(w, connector.Document{Type: "customer", ID: strconv.FormatInt(e.customers.Add(1), 10)})
	})
	mux.HandleFunc("POST /orders/search", func(w http.ResponseWriter, r *http.Request) {
		var keys []connector.Key
		_ = json.NewDecoder(r.Body).Decode(&keys) // it comes from this package
		found := map[connector.Key][]connector.Document{}
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, k := range keys {
			if d, ok := e.documents[k]; ok {
				found[k] = append(found[k], d)
			}
		}
		reply(w, found)
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		// The order is read as bytes: what an ERP does with it is not measured.
		_, _ = io.Copy(io.Discard, r.Body)
		key := connector.Key(r.Header.Get("X-Key"))
		n := e.writes.Add(1)
		d := connector.Document{
			Type: "order", ID: strconv.FormatInt(n, 10), Key: key, State: connector.DocumentConfirmed,
			Totals: &connector.DocumentTotals{Net: sampleTotals.TaxExclusive, Tax: sampleTotals.Tax, Gross: sampleTotals.TaxInclusive},
		}
		e.mu.Lock()
		e.documents[key] = d
		e.arrived[key] = time.Now()
		e.mu.Unlock()
		reply(w, d)
	})
	e.Server = httptest.NewServer(mux)
	return e
}

func (e *erpServer) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.documents)
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the client is in this process
}

// sampleOrder is an order of three lines, about two kilobytes.
func sampleOrder(n int) commerce.Order {
	eur := func(text string) money.Money { m, _ := money.Parse(text, "EUR"); return m }
	o := commerce.Order{
		Source: commerce.Source{System: "shop", ExternalID: strconv.Itoa(n)}, OrderNumber: strconv.Itoa(n), DocumentCurrency: "EUR",
		OrderState: commerce.StateOpen, PaymentState: commerce.PaymentPaid, RoundingMode: money.HalfUp,
		Buyer:  commerce.Customer{DisplayName: "Anna Müller", Emails: []string{fmt.Sprintf("customer%d@example.com", n%5000)}},
		BillTo: &commerce.Address{Name: "Anna Müller", StreetAddress: "Invalidenstraße 116", PostalCode: "10115", AddressLocality: "Berlin", AddressCountry: "DE"},
	}
	rate, _ := money.ParseDecimal("0.19")
	for _, sku := range []string{"TEA-100", "MUG-BLUE", "POT-1L"} {
		quantity, _ := money.ParseDecimal("2")
		o.Lines = append(o.Lines, commerce.Line{
			LineID: sku, Type: commerce.LineProduct, SKU: sku, Name: "Article " + sku, Quantity: quantity,
			UnitPrice: commerce.Price{Net: eur("10.00"), Gross: eur("11.90")}, LineNet: eur("20.00"), LineTax: eur("3.80"), LineGross: eur("23.80"),
			Taxes: []commerce.Tax{{Name: "VAT", Rate: rate, TaxAmount: eur("3.80")}},
		})
	}
	if err := o.Complete(commerce.Stated{}); err != nil {
		panic(err) // the order is ours
	}
	return o
}

var sampleTotals = sampleOrder(0).Totals
