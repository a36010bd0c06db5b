package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/internal/telemetry"
	"github.com/orderlyhq/orderly/money"
)

// mapERP is a destination with a few articles, taxes and no memory for documents.
type mapERP struct {
	mu      sync.Mutex
	items   map[string][]connector.Item
	written []connector.OrderDraft
	// documents are those that somebody has entered by hand, by id.
	documents map[string]connector.Document
	// reading, if not nil, happens while a document is read.
	reading func()
	asked   int
	down    bool
	// candidates, if not nil, are the customers that every rule but the key finds.
	candidates []connector.Candidate
	// lines, if not nil, gives the lines that a document is read back with.
	lines func(connector.OrderDraft) []connector.DocumentLine
}

type mapERPConfig struct{ erp *mapERP }

func (c *mapERPConfig) Settings() []connector.Setting { return nil }
func (c *mapERPConfig) Open(_ context.Context, env connector.Env) (connector.Connector, error) {
	return &mapERPConn{mapERP: c.erp, http: env.HTTP}, nil
}

type mapERPConn struct {
	*mapERP
	http *http.Client
}

func (e *mapERPConn) Check(context.Context) (connector.Account, error) {
	return connector.Account{}, nil
}
func (e *mapERPConn) Close(context.Context) error { return nil }

func (e *mapERPConn) FindItems(_ context.Context, skus []string) (map[string][]connector.Item, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	if e.down {
		return nil, connector.Errorf(connector.KindUnavailable, "find items", "the ERP is away")
	}
	found := map[string][]connector.Item{}
	for _, sku := range skus {
		if items := e.items[sku]; items != nil {
			found[sku] = items
		}
	}
	return found, nil
}

func (e *mapERPConn) Taxes(context.Context) ([]connector.TaxCode, error) {
	return []connector.TaxCode{
		{Code: "S19", Name: "Sales 19%", Rate: decimal.RequireFromString("0.19")},
		{Code: "S7", Name: "Sales 7%", Rate: decimal.RequireFromString("0.07")}, {Code: "S7B", Name: "Books 7%", Rate: decimal.RequireFromString("0.07")},
	}, nil
}

func (e *mapERPConn) FindCustomer(_ context.Context, q connector.CustomerQuery) ([]connector.Candidate, error) {
	if e.candidates != nil {
		if q.Rule == connector.MatchKey {
			return nil, nil
		}
		return e.candidates, nil
	}
	return []connector.Candidate{{Document: connector.Document{Type: "partner", ID: "C1"}}}, nil
}

func (e *mapERPConn) SaveCustomer(context.Context, connector.CustomerDraft) (connector.Document, error) {
	return connector.Document{Type: "partner", ID: "C1"}, nil
}

func (e *mapERPConn) FindOrders(context.Context, []connector.Key) (map[connector.Key][]connector.Document, error) {
	return nil, nil
}

func (e *mapERPConn) ReadOrder(_ context.Context, id string) (connector.Document, error) {
	if e.reading != nil {
		e.reading()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if d, ok := e.documents[id]; ok {
		return d, nil
	}
	return connector.Document{}, &connector.Error{Kind: connector.KindNotFound}
}

// SaveOrder asks the network first, as every connector does, so that a dry run is refused.
func (e *mapERPConn) SaveOrder(ctx context.Context, draft connector.OrderDraft) (connector.Document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:1/orders", nil)
	if err != nil {
		return connector.Document{}, err
	}
	resp, err := e.http.Do(req)
	if err == nil {
		return connector.Document{}, resp.Body.Close()
	}
	if strings.Contains(err.Error(), "dry run") {
		return connector.Document{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.written = append(e.written, draft)
	t := draft.Order.Totals
	d := connector.Document{
		Type: "order", ID: fmt.Sprint(len(e.written)), Number: fmt.Sprint("SO", len(e.written)), Key: draft.Key, State: connector.DocumentConfirmed,
		Totals: &connector.DocumentTotals{Net: t.TaxExclusive, Tax: t.Tax, Gross: t.TaxInclusive},
	}
	if e.lines != nil {
		d.Lines = e.lines(draft)
	}
	return d, nil
}

func (e *mapERPConn) CancelOrder(_ context.Context, d connector.Document, _ string) (connector.Document, error) {
	return d, nil
}

// mapShop is a source whose form is the canonical one.
type mapShop struct{}

func (*mapShop) Settings() []connector.Setting { return nil }
func (s *mapShop) Open(context.Context, connector.Env) (connector.Connector, error) {
	return s, nil
}
func (s *mapShop) Decoder() connector.Decoder                     { return s }
func (*mapShop) Check(context.Context) (connector.Account, error) { return connector.Account{}, nil }
func (*mapShop) Close(context.Context) error                      { return nil }
func (*mapShop) DecodeOrder(raw connector.Raw) (o commerce.Order, err error) {
	return o, json.Unmarshal(raw.Body, &o)
}
func (*mapShop) DecodeCustomer(connector.Raw) (c commerce.Customer, err error) { return c, nil }

type unmetered struct{}

func (unmetered) Delivered(string, store.TaskState, string, time.Duration) {}

// mapOffice is a desk over a node with the flow "orders" from shop to erp.
type mapOffice struct {
	*testing.T
	*desk.Desk
	store *store.Store
	node  *node.Node
	erp   *mapERP
	anna  people.Person
	runs  int
}

// eachMapOffice runs a test in an office on both databases.
func eachMapOffice(t *testing.T, config string, test func(o *mapOffice)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(newMapOffice(t, st, config)) })
}

func newMapOffice(t *testing.T, st *store.Store, config string) *mapOffice {
	t.Helper()
	return newMapOfficeOf(t, st, config, &mapShop{})
}

func newMapOfficeOf(t *testing.T, st *store.Store, config string, shop connector.Config) *mapOffice {
	t.Helper()
	o := &mapOffice{T: t, store: st, erp: &mapERP{items: map[string][]connector.Item{}}, anna: people.Person{ID: 1, Name: "anna", Role: people.Admin}}
	for _, sku := range []string{"A", "B", "SHIP", "MISC"} {
		o.erp.items[sku] = []connector.Item{{ID: "id-" + sku, SKU: sku, Name: "Article " + sku}}
	}
	o.erp.items["OLD"] = []connector.Item{{ID: "id-OLD", SKU: "OLD", Name: "Old article", Inactive: true}}
	definitions := []connector.Definition{
		{Name: "shop", Title: "Shop", Group: connector.GroupShop, Roles: connector.Source, New: func() connector.Config { return shop }},
		{Name: "erp", Title: "ERP", Group: connector.GroupERP, Roles: connector.Destination, New: func() connector.Config { return &mapERPConfig{erp: o.erp} }},
	}
	err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
		for _, name := range []string{"shop", "erp"} {
			if err := st.SaveConnection(ctx, tx, store.Connection{Name: name, System: name}, time.Now()); err != nil {
				return err
			}
		}
		return st.SaveFlow(ctx, tx, store.Flow{Name: "orders", Source: "shop", Destination: "erp", Config: config}, time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	o.node, err = node.New(t.Context(), node.Options{Definitions: definitions, Version: "test", Log: log}, st, telemetry.NewMetrics("test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.node.Stop(context.WithoutCancel(t.Context())) })
	o.Desk = desk.New(desk.Options{Store: st, Node: o.node, Definitions: definitions, Log: log, Now: time.Now})
	return o
}

// arrive stores orders as the shop gives them, and carries them as far as they go.
func (o *mapOffice) arrive(orders ...commerce.Order) {
	o.Helper()
	for _, order := range orders {
		body, err := json.Marshal(order)
		if err != nil {
			o.Fatal(err)
		}
		packed, err := o.store.Pack(body)
		if err != nil {
			o.Fatal(err)
		}
		err = o.store.Write(o.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := o.store.Observe(ctx, tx, store.Observation{
				Connection: "shop", Kind: string(commerce.KindOrder), SourceID: order.Source.ExternalID, Via: store.ViaPoll, At: time.Now(), SourceTime: time.Now(),
				Hash: fmt.Sprintf("%x", body), Body: packed, Routes: []store.Route{{Flow: "orders", Destination: "erp", Lanes: 1}},
			})
			return err
		})
		if err != nil {
			o.Fatal(err)
		}
	}
	o.work()
}

func (o *mapOffice) work() {
	o.Helper()
	o.runs++
	runner := flow.NewRunner(o.store, o.node, unmetered{}, slog.New(slog.NewTextHandler(io.Discard, nil)), time.Now)
	erp, err := o.node.Connection("erp")
	if err != nil {
		o.Fatal(err)
	}
	for lane := range erp.Settings.Concurrency { // what is tried again may be in any
		if _, err := runner.RunLane(o.Context(), "erp", lane, fmt.Sprint("run-", o.runs), time.Minute); err != nil {
			o.Fatal(err)
		}
	}
}

// mapSale makes an order of one line; a rate of 19 % unless changed.
func mapSale(id, sku string, change ...func(*commerce.Order)) commerce.Order {
	eur := func(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }
	o := commerce.Order{
		Source: commerce.Source{System: "shop", ExternalID: id}, OrderNumber: id, OrderDate: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC),
		OrderState: commerce.StateOpen, PaymentState: commerce.PaymentPaid, DocumentCurrency: "EUR", RoundingMode: money.HalfUp,
		CustomerReference: "PO-" + id,
		Buyer:             commerce.Customer{DisplayName: "Berta Beispiel", Emails: []string{"berta@example.com"}},
		Payments:          []commerce.Payment{{Method: "paypal", Title: "PayPal", Amount: eur("119.00")}},
		Lines: []commerce.Line{{
			LineID: "1", Type: commerce.LineProduct, SKU: sku, Name: "Tea " + sku, Quantity: decimal.New(1, 0),
			UnitPrice: commerce.Price{Net: eur("100.00"), Gross: eur("119.00")}, LineNet: eur("100.00"), LineTax: eur("19.00"), LineGross: eur("119.00"),
			Taxes: []commerce.Tax{{Name: "VAT", Rate: decimal.RequireFromString("0.19"), TaxAmount: eur("19.00")}},
		}},
	}
	for _, c := range change {
		c(&o)
	}
	if err := o.Complete(commerce.Stated{}); err != nil {
		panic(err)
	}
	return o
}

// state gives the state of an order's task.
func (o *mapOffice) state(id string) store.TaskRow {
	o.Helper()
	rows, err := o.store.Tasks(o.Context(), store.TaskFilter{Search: id, Limit: 100})
	i := slices.IndexFunc(rows, func(r store.TaskRow) bool { return r.SourceID == id })
	if err != nil || i < 0 {
		o.Fatalf("task of %s is not among %d rows, %v", id, len(rows), err)
	}
	return rows[i]
}

func (o *mapOffice) set(table string, rows map[string]string) {
	o.Helper()
	if err := o.SetMapRows(o.Context(), o.anna, "orders", table, rows, "because"); err != nil {
		o.Fatal(err)
	}
}

func (o *mapOffice) maps(q desk.MapQuery) *desk.MapsView {
	o.Helper()
	v, err := o.Maps(o.Context(), q)
	if err != nil {
		o.Fatal(err)
	}
	return v
}

func keysOf(list []desk.UnmappedValue) []string {
	var out []string
	for _, u := range list {
		out = append(out, u.Key)
	}
	return out
}

func rowKeys(list []desk.MapRow) []string {
	var out []string
	for _, r := range list {
		out = append(out, r.Key)
	}
	slices.Sort(out)
	return out
}
