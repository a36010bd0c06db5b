package sapb1_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	"github.com/orderlyhq/orderly/money"
)

// typed makes an order as a clerk would.
func (p *pretend) typed(n int) string {
	p.Helper()
	o := p.draft(fmt.Sprint("x", n), connector.Document{}, "EUR", n%2 == 0, sold{"MUG", "3", "29.97", "0.19"}, sold{"TEA", "1", "8.39", "0.07"}).Order
	o.Source, o.OrderDate = commerce.Source{}, time.Time{}
	o.Buyer = anna()
	o.Buyer.Source = commerce.Source{}
	id, err := p.vendor.PutOrder(o)
	if err != nil {
		p.Fatal(err)
	}
	return id
}

func (p *pretend) list(q connector.Query) []connector.Event {
	p.Helper()
	var out []connector.Event
	for range 100 {
		page, err := p.conn.Lister.List(p.Context(), q)
		if err != nil {
			p.Fatal(err)
		}
		out = append(out, page.Events...)
		if !page.More {
			return out
		}
		q.Cursor = page.Next
	}
	p.Fatal("the list does not end")
	return nil
}

func TestListsEveryOrderOnce(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		p := open(t, nil, options...)
		start := p.clock()
		for i := range 45 {
			p.typed(i)
			p.wait(7 * time.Hour)
		}
		for _, limit := range []int{0, 1, 7, 45, 500} {
			seen := map[string]bool{}
			for _, e := range p.list(connector.Query{Kind: commerce.KindOrder, Since: start.Add(-time.Hour), Limit: limit}) {
				if seen[e.Ref.ID] || e.UpdatedAt.IsZero() || len(e.Body) == 0 {
					t.Errorf("%+v", e.Ref)
				}
				seen[e.Ref.ID] = true
			}
			if len(seen) != 45 {
				t.Errorf("limit %d: %d orders", limit, len(seen))
			}
		}
		if n, err := p.conn.Counter.Count(t.Context(), connector.Query{Kind: commerce.KindOrder}); err != nil || n != 45 {
			t.Errorf("%d, %v", n, err)
		}
		// A window between two times of one day.
		since, until := start.Add(7*time.Hour*10), start.Add(7*time.Hour*20)
		if got := p.list(connector.Query{Kind: commerce.KindOrder, Since: since, Until: until, Limit: 3}); len(got) != 10 {
			t.Errorf("%d orders in the window", len(got))
		}
		p.healthy()
	})
}

// Orders change while they are listed: none is missed.
func TestListWhileOrdersChange(t *testing.T) {
	p := open(t, nil)
	start := p.clock()
	var ids []string
	for i := range 30 {
		ids = append(ids, p.typed(i))
		p.wait(24 * time.Hour)
	}
	q := connector.Query{Kind: commerce.KindOrder, Since: start, Limit: 10}
	seen := map[string]bool{}
	for page := range 10 {
		got, err := p.conn.Lister.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got.Events {
			seen[e.Ref.ID] = true
		}
		if page == 0 {
			if err := p.vendor.CancelOrder(ids[2]); err != nil { // moves to the end
				t.Fatal(err)
			}
		}
		if !got.More {
			break
		}
		q.Cursor = got.Next
	}
	if len(seen) != 30 {
		t.Errorf("%d of 30 orders", len(seen))
	}
}

// Without the zone, days are compared with room for any zone.
func TestListWithoutAZone(t *testing.T) {
	p := open(t, map[string]string{"time_zone": ""})
	p.typed(1)
	now := p.clock()
	for _, since := range []time.Time{now.Add(-time.Minute), now, now.Add(13 * time.Hour)} {
		if got := p.list(connector.Query{Kind: commerce.KindOrder, Since: since}); len(got) != 1 {
			t.Errorf("since %s: %d", since, len(got))
		}
	}
	if got := p.list(connector.Query{Kind: commerce.KindOrder, Since: now.Add(72 * time.Hour)}); len(got) != 0 {
		t.Errorf("%d orders of the future", len(got))
	}
}

func TestListsCustomersAndNoSuppliers(t *testing.T) {
	p := open(t, nil)
	for i := range 25 {
		p.customer(fmt.Sprintf("shop-c-%d", i))
	}
	for _, limit := range []int{4, 25, 100} {
		if got := p.list(connector.Query{Kind: commerce.KindCustomer, Limit: limit}); len(got) != 25 {
			t.Errorf("limit %d: %d", limit, len(got))
		}
	}
	for _, cursor := range []string{"x", "2026-03-02", "yesterday 5", "2026-03-02 x"} {
		if _, err := p.conn.Lister.List(t.Context(), connector.Query{Kind: commerce.KindOrder, Cursor: cursor}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	if _, err := p.conn.Lister.List(t.Context(), connector.Query{Kind: "shoe"}); err == nil {
		t.Error("shoes are listed")
	}
	p.healthy()
}

func TestFetch(t *testing.T) {
	p := open(t, nil)
	id := p.typed(1)
	raw := read(t, p, commerce.KindOrder, id)
	if raw.Ref.ID != id || raw.UpdatedAt.IsZero() {
		t.Errorf("%+v", raw.Ref)
	}
	for _, ref := range []connector.Ref{{Kind: commerce.KindOrder, ID: "999"}, {Kind: commerce.KindCustomer, ID: "NOBODY'S"}} {
		if _, err := p.conn.Fetcher.Fetch(t.Context(), ref); connector.KindOf(err) != connector.KindNotFound {
			t.Errorf("%+v: %v", ref, err)
		}
	}
	if _, err := p.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: "9;DROP"}); connector.KindOf(err) != connector.KindInvalid {
		t.Error(err)
	}
}

// What was written comes back with the same amounts, whatever way it took.
func TestOrderComesBackAsItWas(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		for _, currency := range []money.Currency{"EUR", "USD"} {
			for name, settings := range map[string]map[string]string{
				"freights": {"shipping_expense": "1", "charge_expense": "2", "discount_expense": "3"}, "total discount": {"shipping_expense": "1", "charge_expense": "2"},
			} {
				t.Run(name+" "+string(currency), func(t *testing.T) {
					p := open(t, settings, options...)
					draft := p.withExtras(p.draft("shop-1", p.customer("shop-c-1"), currency, false, sold{"MUG", "4", "50.00", "0.19"}, sold{"Q'1", "3", "10.01", "0.19"}), false)
					draft.Rounding = money.New(number("0.01"), currency)
					d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
					if err != nil {
						t.Fatal(err)
					}
					o, err := p.conn.Decoder.DecodeOrder(read(t, p, commerce.KindOrder, d.ID))
					if err != nil {
						t.Fatal(err)
					}
					proof, err := o.Prove()
					if err != nil || !proof.AddsUp {
						t.Errorf("%+v, %v", proof, err)
					}
					if !o.Totals.TaxInclusive.Amount.Equal(d.Totals.Gross.Amount.Sub(number("0.01"))) || !o.Totals.Payable.Amount.Equal(d.Totals.Gross.Amount) || !o.Totals.Rounding.Amount.Equal(number("0.01")) {
						t.Errorf("%+v of %+v", o.Totals, d.Totals)
					}
					if o.DocumentCurrency != currency || len(o.Lines) != 2 || len(o.ShippingLines) != 2 || o.OrderState != commerce.StateConfirmed {
						t.Errorf("%+v", o)
					}
				})
			}
		}
	})
}

func TestStatesOfAnOrder(t *testing.T) {
	p := open(t, nil)
	for _, c := range []struct {
		body    string
		order   commerce.OrderState
		shipped commerce.FulfillmentState
	}{
		{`"DocumentStatus":"bost_Open","Confirmed":"tYES"`, commerce.StateConfirmed, commerce.FulfillmentPending},
		{`"DocumentStatus":"bost_Open","Confirmed":"tNO"`, commerce.StateOpen, commerce.FulfillmentPending},
		{`"DocumentStatus":"bost_Open","DocumentLines":[{"Quantity":3.0,"RemainingOpenQuantity":1.0}]`, commerce.StateConfirmed, commerce.FulfillmentPartial},
		{`"DocumentStatus":"bost_Close","Cancelled":"tNO"`, commerce.StateComplete, commerce.FulfillmentShipped},
		{`"DocumentStatus":"bost_Close","Cancelled":"tYES"`, commerce.StateCancelled, commerce.FulfillmentCancelled},
		{`"DocumentStatus":"bost_NewIn2030"`, commerce.StateUnknown, commerce.FulfillmentUnknown},
	} {
		o, err := p.conn.Decoder.DecodeOrder(connector.Raw{Body: []byte(`{"DocEntry":1,"DocNum":2,"DocCurrency":"EUR","DocDate":"2026-03-02",` + c.body + `}`)})
		if err != nil || o.OrderState != c.order || o.FulfillmentState != c.shipped {
			t.Errorf("%s: %s, %s, %v", c.body, o.OrderState, o.FulfillmentState, err)
		}
	}
}

func TestRecordsThatCannotBeRead(t *testing.T) {
	p := open(t, nil)
	for _, body := range []string{
		``, `null`, `[]`, `{"DocEntry":"x"}`, `{"DocEntry":1,"DocCurrency":"??"}`, `{"DocEntry":0,"DocCurrency":"EUR"}`, `{"DocEntry":1,"DocCurrency":"EUR","DocDate":"soon"}`,
		`{"DocEntry":1,"DocCurrency":"EUR","DocTotal":"1e99"}`, `{"DocEntry":1,"DocCurrency":"EUR","UpdateDate":"x"}`, `{"DocEntry":1,"DocCurrency":"EUR","DocDueDate":"x"}`,
	} {
		if _, err := p.conn.Decoder.DecodeOrder(connector.Raw{Body: []byte(body)}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("order %s: %v", body, err)
		}
	}
	for _, body := range []string{``, `{}`, `{"CardCode":5}`, `{"CardCode":"C1","UpdateDate":"x"}`, `{"CardCode":"C1","CreateDate":"x"}`} {
		if _, err := p.conn.Decoder.DecodeCustomer(connector.Raw{Body: []byte(body)}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("customer %s: %v", body, err)
		}
	}
}
