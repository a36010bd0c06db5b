package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/money"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// erp is a destination in memory. Its tables are as small as the flow's questions.
type erp struct {
	mu        sync.Mutex
	orders    []*document
	customers []*partner
	items     map[string][]connector.Item
	calls     []string
	invoices  map[string]connector.Document
	// fail, if not nil, is asked before each call takes effect, and lost after it has.
	fail, lost func(call string) error
	// drift is added to the gross of each document that has no rounding: a system that rounds otherwise.
	drift money.Decimal
	draft bool // new documents are drafts
	// pending says that new documents wait for an approval.
	pending bool
	// lines, if not nil, gives the lines that a document is read back with.
	lines func(connector.OrderDraft) []connector.DocumentLine
}

type document struct {
	connector.Document
	order    commerce.Order
	rounding money.Money
	customer string
}

type partner struct {
	id, email, key, taxID string
}

func newERP() *erp {
	e := &erp{items: map[string][]connector.Item{}, invoices: map[string]connector.Document{}}
	for _, sku := range []string{"A", "B", "SHIP", "ROUND"} {
		e.items[sku] = []connector.Item{{ID: "item-" + sku, SKU: sku}}
	}
	return e
}

func (e *erp) enter(call string) (leave func(*error), err error) {
	e.mu.Lock()
	e.calls = append(e.calls, call)
	if e.fail != nil {
		if err := e.fail(call); err != nil {
			e.mu.Unlock()
			return nil, err
		}
	}
	return func(err *error) {
		if *err == nil && e.lost != nil {
			*err = e.lost(call)
		}
		e.mu.Unlock()
	}, nil
}

func (e *erp) count(call string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, c := range e.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (e *erp) Check(context.Context) (connector.Account, error) {
	return connector.Account{Name: "pretend"}, nil
}
func (e *erp) Close(context.Context) error { return nil }

func (e *erp) FindCustomer(_ context.Context, q connector.CustomerQuery) (found []connector.Candidate, err error) {
	leave, err := e.enter("find customer")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	for _, p := range e.customers {
		if (q.Rule == connector.MatchKey && p.key == string(q.Key)) || (q.Rule == connector.MatchEmail && p.email == q.Customer.Email()) ||
			(q.Rule == connector.MatchTaxID && p.taxID == q.Customer.TaxID()) {
			found = append(found, connector.Candidate{Document: connector.Document{Type: "partner", ID: p.id}})
		}
	}
	return found, nil
}

func (e *erp) SaveCustomer(_ context.Context, draft connector.CustomerDraft) (d connector.Document, err error) {
	leave, err := e.enter("save customer")
	if err != nil {
		return d, err
	}
	defer leave(&err)
	p := &partner{id: fmt.Sprintf("C%d", len(e.customers)+1), key: string(draft.Key)}
	if draft.Existing != nil {
		i := slices.IndexFunc(e.customers, func(p *partner) bool { return p.id == draft.Existing.ID })
		p = e.customers[i]
	} else {
		e.customers = append(e.customers, p)
	}
	p.email, p.taxID = draft.Customer.Email(), draft.Customer.TaxID()
	return connector.Document{Type: "partner", ID: p.id}, nil
}

func (e *erp) FindItems(_ context.Context, skus []string) (found map[string][]connector.Item, err error) {
	leave, err := e.enter("find items")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	found = map[string][]connector.Item{}
	for _, sku := range skus {
		if items := e.items[sku]; items != nil {
			found[sku] = items
		}
	}
	return found, nil
}

func (e *erp) Taxes(context.Context) ([]connector.TaxCode, error) {
	return []connector.TaxCode{
		{Code: "S19", Name: "19%", Rate: decimal.RequireFromString("0.19")}, {Code: "Z", Name: "0%"},
	}, nil
}

func (e *erp) FindOrders(_ context.Context, keys []connector.Key) (found map[connector.Key][]connector.Document, err error) {
	leave, err := e.enter("find orders")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	found = map[connector.Key][]connector.Document{}
	for _, d := range e.orders {
		if slices.Contains(keys, d.Key) {
			found[d.Key] = append(found[d.Key], d.Document)
		}
	}
	return found, nil
}

func (e *erp) ReadOrder(_ context.Context, id string) (connector.Document, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.order(id)
	if d == nil {
		return connector.Document{}, &connector.Error{Kind: connector.KindNotFound}
	}
	return d.Document, nil
}

func (e *erp) order(id string) *document {
	i := slices.IndexFunc(e.orders, func(d *document) bool { return d.ID == id })
	if i < 0 {
		return nil
	}
	return e.orders[i]
}

func (e *erp) SaveOrder(_ context.Context, draft connector.OrderDraft) (out connector.Document, err error) {
	call := "create order"
	if draft.Existing != nil {
		call = "update order"
	}
	leave, err := e.enter(call)
	if err != nil {
		return out, err
	}
	defer leave(&err)
	return e.save(draft)
}

func (e *erp) save(draft connector.OrderDraft) (connector.Document, error) {
	if draft.Customer.ID != "" && !strings.HasPrefix(draft.Customer.ID, "COLLECTIVE") &&
		!slices.ContainsFunc(e.customers, func(p *partner) bool { return p.id == draft.Customer.ID }) {
		return connector.Document{}, &connector.Error{Kind: connector.KindNotFound, Field: "customer", Message: "there is no such customer"}
	}
	d := &document{Document: connector.Document{
		Type: "order", ID: fmt.Sprint(len(e.orders) + 1), Number: fmt.Sprintf("SO%03d", len(e.orders)+1), Key: draft.Key, State: connector.DocumentConfirmed,
	}}
	switch {
	case draft.Existing != nil:
		if d = e.order(draft.Existing.ID); d == nil {
			return connector.Document{}, &connector.Error{Kind: connector.KindNotFound, Message: "the document is gone"}
		}
		if d.State == connector.DocumentInvoiced {
			return connector.Document{}, &connector.Error{Kind: connector.KindConflict, Message: "the document is invoiced"}
		}
	default:
		if e.draft {
			d.State = connector.DocumentDraft
		}
		if e.pending {
			d.State, d.Reason = connector.DocumentPending, "credit limit"
		}
		e.orders = append(e.orders, d)
	}
	d.order, d.rounding, d.customer = draft.Order, draft.Rounding, draft.Customer.ID
	t := draft.Order.Totals
	gross := t.TaxInclusive.Amount.Add(e.drift).Add(draft.Rounding.Amount)
	d.Totals = &connector.DocumentTotals{Net: t.TaxExclusive, Tax: t.Tax, Gross: money.New(gross, t.TaxInclusive.Currency)}
	d.Lines = nil
	if e.lines != nil {
		d.Lines = e.lines(draft)
	}
	return d.Document, nil
}

func (e *erp) CancelOrder(_ context.Context, doc connector.Document, _ string) (out connector.Document, err error) {
	leave, err := e.enter("cancel order")
	if err != nil {
		return out, err
	}
	defer leave(&err)
	d := e.order(doc.ID)
	d.State = connector.DocumentCancelled
	return d.Document, nil
}

func (e *erp) ConfirmOrder(_ context.Context, doc connector.Document) (out connector.Document, err error) {
	leave, err := e.enter("confirm order")
	if err != nil {
		return out, err
	}
	defer leave(&err)
	d := e.order(doc.ID)
	d.State = connector.DocumentConfirmed
	return d.Document, nil
}

func (e *erp) FindInvoice(_ context.Context, order connector.Document) (*connector.Document, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d, ok := e.invoices[order.ID]; ok {
		return &d, nil
	}
	return nil, nil
}

func (e *erp) Invoice(_ context.Context, order connector.Document, _ *connector.InvoicePayment) (out connector.Document, err error) {
	leave, err := e.enter("invoice")
	if err != nil {
		return out, err
	}
	defer leave(&err)
	e.invoices[order.ID] = connector.Document{Type: "invoice", ID: "I" + order.ID}
	return e.invoices[order.ID], nil
}

// batching is an erp that takes several new orders in one call.
type batching struct{ *erp }

func (b batching) SaveOrders(_ context.Context, drafts []connector.OrderDraft) []connector.Outcome {
	out := make([]connector.Outcome, len(drafts))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, "batch")
	for i, draft := range drafts {
		if draft.Order.OrderNumber == "BAD" {
			out[i].Err = connector.Invalid("order_number", "is refused")
			continue
		}
		out[i].Document, out[i].Err = b.save(draft)
	}
	return out
}

// plainJSON is a source whose vendor's form is the canonical one.
type plainJSON struct{}

func (plainJSON) DecodeOrder(raw connector.Raw) (o commerce.Order, err error) {
	if err := json.Unmarshal(raw.Body, &o); err != nil {
		return o, connector.Invalid("body", "is no order")
	}
	return o, nil
}

func (plainJSON) DecodeCustomer(raw connector.Raw) (c commerce.Customer, err error) {
	if err := json.Unmarshal(raw.Body, &c); err != nil {
		return c, connector.Invalid("body", "is no customer")
	}
	return c, nil
}

// office is a store with a flow, shop to erp, and somebody who runs its lanes.
type office struct {
	testing.TB
	store  *store.Store
	erp    *erp
	conn   *connector.Conn
	config flow.Config
	second *flow.Config // of a second flow with the same ends, called others
	// The first flow cannot be opened, or was removed.
	gone, removed bool
	runner        *flow.Runner
	dest          *flow.Destination
	lanes         int

	mu   sync.Mutex
	time time.Time
	runs int
}

var start = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// each runs a test in an office on both databases.
func each(t *testing.T, test func(t *testing.T, o *office)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := &office{TB: t, store: st, erp: newERP(), config: flow.NewConfig(), time: start, lanes: 4}
		o.open(o.erp)
		o.runner = flow.NewRunner(st, o, nothing{}, slog.New(slog.NewTextHandler(io.Discard, nil)), o.now)
		o.write(func(ctx context.Context, tx store.Tx) error {
			for _, name := range []string{"shop", "erp"} {
				if err := st.SaveConnection(ctx, tx, store.Connection{Name: name, System: "pretend"}, start); err != nil {
					return err
				}
			}
			return st.SaveFlow(ctx, tx, store.Flow{Name: "orders", Source: "shop", Destination: "erp", Config: "{}"}, start)
		})
		test(t, o)
	})
}

func (o *office) open(c connector.Connector) {
	o.conn = &connector.Conn{Definition: connector.Definition{Name: "pretend", Title: "Pretend"}, Connector: c}
	o.conn.Customers, _ = c.(connector.CustomerWriter)
	o.conn.Items, _ = c.(connector.ItemFinder)
	o.conn.Taxes, _ = c.(connector.TaxLister)
	o.conn.Orders, _ = c.(connector.OrderWriter)
	o.conn.Batch, _ = c.(connector.BatchOrderWriter)
	o.conn.Confirmer, _ = c.(connector.OrderConfirmer)
	o.conn.Invoicer, _ = c.(connector.Invoicer)
	o.dest = flow.NewDestination("erp", o.conn, 30*time.Second, o.now)
}

func (o *office) now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.time
}

func (o *office) later(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.time = o.time.Add(d)
}

func (o *office) Flow(name string) (*flow.Flow, bool) {
	config, ok := o.config, name == "orders" && !o.gone
	if name == "others" && o.second != nil {
		config, ok = *o.second, true
	}
	mapper, err := mapping.New(config.Mapping, config.Filter)
	if err != nil {
		o.Error(err)
	}
	source := &connector.Conn{Definition: o.conn.Definition, Decoder: plainJSON{}}
	return &flow.Flow{Name: name, Config: config, Mapper: mapper, Source: source, Destination: "erp", Removed: name == "orders" && o.removed}, ok
}

func (o *office) Destination(name string) (*flow.Destination, bool) { return o.dest, name == "erp" }

func (o *office) write(fn func(ctx context.Context, tx store.Tx) error) {
	o.Helper()
	if err := o.store.Write(o.Context(), fn); err != nil {
		o.Fatal(err)
	}
}

// observe stores what the source says of a record.
func (o *office) observe(kind, id string, record any) {
	o.Helper()
	body, err := json.Marshal(record)
	if err != nil {
		o.Fatal(err)
	}
	o.observeBody(kind, id, body)
}

func (o *office) observeBody(kind, id string, body []byte) {
	o.Helper()
	o.later(time.Second)
	packed, err := o.store.Pack(body)
	if err != nil {
		o.Fatal(err)
	}
	o.observation(store.Observation{Kind: kind, SourceID: id, Hash: fmt.Sprintf("%x", body), Body: packed})
}

func (o *office) observation(ob store.Observation) {
	o.Helper()
	ob.Connection, ob.Via, ob.At, ob.SourceTime = "shop", store.ViaPoll, o.now(), o.now()
	ob.Routes = []store.Route{{Flow: "orders", Destination: "erp", Lanes: o.lanes}}
	if o.second != nil {
		ob.Routes = append(ob.Routes, store.Route{Flow: "others", Destination: "erp", Lanes: o.lanes})
	}
	o.write(func(ctx context.Context, tx store.Tx) error {
		_, err := o.store.Observe(ctx, tx, ob)
		return err
	})
}

// work runs every lane once, one beside the other.
func (o *office) work() {
	o.Helper()
	o.mu.Lock()
	o.runs++
	run := fmt.Sprintf("run-%d", o.runs)
	o.mu.Unlock()
	var group sync.WaitGroup
	for lane := range o.lanes {
		group.Go(func() {
			if _, err := o.runner.RunLane(o.Context(), "erp", lane, run, time.Hour); err != nil && !errors.Is(err, context.Canceled) {
				o.Errorf("lane %d: %v", lane, err)
			}
		})
	}
	group.Wait()
}

// task gives the only task of a record.
func (o *office) task(id string) store.TaskRow {
	o.Helper()
	rows, err := o.store.Tasks(o.Context(), store.TaskFilter{Search: id, Limit: 2})
	if err != nil || len(rows) != 1 {
		o.Fatalf("task of %s: %d rows, %v", id, len(rows), err)
	}
	return rows[0]
}

// expect compares a record's state, and a part of its reason.
func (o *office) expect(id string, state store.TaskState, reason string) store.TaskRow {
	o.Helper()
	t := o.task(id)
	if t.State != state || !strings.Contains(t.Reason, reason) {
		o.Fatalf("record %s is %s (%s); want %s (%s)", id, t.State, t.Reason, state, reason)
	}
	return t
}

func (o *office) retry(id string) {
	o.Helper()
	o.write(func(ctx context.Context, tx store.Tx) error {
		_, _, err := o.store.ActOn(ctx, tx, store.ActionRetry, []int64{o.task(id).ID}, "anna", "fixed", o.now())
		return err
	})
}

type nothing struct{}

func (nothing) Delivered(string, store.TaskState, string, time.Duration) {}

// sale makes an order of one line at 19 % with a buyer; id is its number as well.
func sale(id, net string, change ...func(*commerce.Order)) commerce.Order {
	eur := func(d money.Decimal) money.Money { return money.New(d, "EUR") }
	n := decimal.RequireFromString(net)
	tax := commerce.TaxOnNet(n, decimal.RequireFromString("0.19"), "EUR", money.HalfUp)
	o := commerce.Order{
		Source: commerce.Source{System: "pretend", ExternalID: id}, OrderNumber: id, OrderDate: start, OrderState: commerce.StateOpen,
		PaymentState: commerce.PaymentPaid, DocumentCurrency: "EUR", RoundingMode: money.HalfUp,
		Buyer: commerce.Customer{DisplayName: "Anna", Emails: []string{"anna@example.com"}},
		Lines: []commerce.Line{{
			LineID: "1", Type: commerce.LineProduct, SKU: "A", Name: "Tea", Quantity: decimal.New(1, 0),
			UnitPrice: commerce.Price{Net: eur(n), Gross: eur(n.Add(tax))}, LineNet: eur(n), LineTax: eur(tax), LineGross: eur(n.Add(tax)),
			Taxes: []commerce.Tax{{Name: "VAT", Rate: decimal.RequireFromString("0.19"), TaxAmount: eur(tax)}},
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
