package connectortest

import (
	"fmt"
	"slices"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

var (
	lister  = ability{"connector.Lister", func(c *connector.Conn) bool { return c.Lister != nil }}
	counter = ability{"connector.Counter", func(c *connector.Conn) bool { return c.Counter != nil }}
	fetcher = ability{"connector.Fetcher", func(c *connector.Conn) bool { return c.Fetcher != nil }}
)

// pollingChecks are about Lister, Counter and Fetcher.
func pollingChecks() []check {
	list := []ability{lister}
	return []check{
		{name: "polling/a new order is listed", needs: list, run: newOrderIsListed},
		{name: "polling/nothing new is an empty page", needs: list, run: nothingNew},
		{name: "polling/pages have every order, the oldest change first", needs: list, run: pagesHaveEverything},
		{name: "polling/a full last page ends", needs: list, run: fullLastPageEnds},
		{name: "polling/orders of the same second are all listed", needs: list, run: sameSecond},
		{name: "polling/a change while pages are read loses nothing", needs: list, run: changeWhilePaging},
		{name: "polling/another connection goes on from the cursor", needs: list, run: anotherGoesOn},
		{name: "polling/a changed order is listed again", needs: list, run: changedIsListedAgain},
		{name: "polling/a cancelled order is listed", needs: list, run: cancelledIsListed},
		{name: "polling/the watermark is sound", needs: list, run: watermarkIsSound},
		{name: "polling/customers are listed", needs: []ability{lister, decoder}, run: customersAreListed},
		{name: "polling/the count agrees", needs: []ability{lister, counter}, run: countAgrees},
		{name: "fetch/what is listed can be fetched", needs: []ability{lister, fetcher}, run: listedCanBeFetched},
		{name: "fetch/what is not there is not found", needs: []ability{fetcher}, run: notThereIsNotFound},
	}
}

// pageLimit bounds how many pages a check reads: a list that is longer does not end.
const pageLimit = 200

// list gives all events of a query.
func (f *fixture) list(q connector.Query) []connector.Event {
	f.Helper()
	var out []connector.Event
	for range pageLimit {
		page, err := f.conn.Lister.List(f.ctx(), q)
		if err != nil {
			f.Fatalf("list: %v", err)
		}
		out = append(out, page.Events...)
		if !page.More {
			return out
		}
		if page.Next == q.Cursor {
			f.Fatal("the page after this one is this one")
		}
		q.Cursor = page.Next
	}
	f.Fatalf("the list does not end after %d pages", pageLimit)
	return nil
}

func orders(q connector.Query) connector.Query { q.Kind = commerce.KindOrder; return q }

func ids(events []connector.Event) []string {
	var out []string
	for _, e := range events {
		if !slices.Contains(out, e.Ref.ID) {
			out = append(out, e.Ref.ID)
		}
	}
	return out
}

// putMany makes orders, one each so often.
func (f *fixture) putMany(n int, every time.Duration) []string {
	f.Helper()
	var made []string
	for i := range n {
		made = append(made, f.put(orderForm{email: fmt.Sprintf("customer%d@example.com", i)}).Source.ExternalID)
		time.Sleep(every) // virtual
	}
	return made
}

// has fails the check for every id that is not in the events.
func (f *fixture) has(events []connector.Event, want []string) {
	f.Helper()
	got := ids(events)
	for _, id := range want {
		if !slices.Contains(got, id) {
			f.Errorf("order %s is not listed (%d of %d are)", id, len(got), len(want))
		}
	}
}

func newOrderIsListed(f *fixture) {
	since := time.Now()
	time.Sleep(2 * time.Second) // virtual
	id := f.put(orderForm{}).Source.ExternalID
	events := f.list(orders(connector.Query{Since: since}))
	f.has(events, []string{id})
	for _, e := range events {
		if e.Ref.Kind != commerce.KindOrder || e.Change != connector.Changed {
			f.Errorf("a list of orders has %+v", e.Ref)
		}
		if e.Body == nil && f.conn.Fetcher == nil {
			f.Error("a listed order has no body, and cannot be fetched")
		}
	}
}

func nothingNew(f *fixture) {
	f.put(orderForm{})
	time.Sleep(72 * time.Hour) // virtual: beyond lists that know days only
	for _, since := range []time.Time{time.Now(), time.Now().Add(aWhile)} {
		if events := f.list(orders(connector.Query{Since: since})); len(events) > 0 {
			f.Errorf("%d orders are listed although nothing changed since %s", len(events), since)
		}
	}
}

func pagesHaveEverything(f *fixture) {
	made := f.putMany(11, 3*time.Second)
	events := f.list(orders(connector.Query{Limit: 4}))
	f.has(events, made)
	var before time.Time
	for _, e := range events {
		if !e.UpdatedAt.IsZero() && e.UpdatedAt.Before(before) {
			f.Errorf("order %s changed at %s and comes after one of %s", e.Ref.ID, e.UpdatedAt, before)
		}
		if e.UpdatedAt.After(before) {
			before = e.UpdatedAt
		}
	}
	if pages := len(made)/4 + 1; len(events) > len(made)+pages { // the record at the edge may be on both pages
		f.Errorf("%d orders are listed %d times although nothing changes", len(made), len(events))
	}
	page, err := f.conn.Lister.List(f.ctx(), orders(connector.Query{Limit: 4}))
	if err != nil || len(page.Events) > 4 || !page.More {
		f.Errorf("of eleven orders, a page of 4 has %d and More is %v (%v)", len(page.Events), page.More, err)
	}
}

func fullLastPageEnds(f *fixture) {
	made := f.putMany(8, 3*time.Second)
	f.has(f.list(orders(connector.Query{Limit: 4})), made)
}

func sameSecond(f *fixture) {
	made := f.putMany(7, 0)
	f.has(f.list(orders(connector.Query{Limit: 3})), made)
}

func changeWhilePaging(f *fixture) {
	made := f.putMany(9, 2*time.Second)
	q := orders(connector.Query{Limit: 3})
	var events []connector.Event
	for page := range pageLimit {
		p, err := f.conn.Lister.List(f.ctx(), q)
		if err != nil {
			f.Fatalf("list: %v", err)
		}
		events = append(events, p.Events...)
		if page == 0 { // one that was listed changes: in some vendors it moves to the end
			changed := orderForm{note: "changed meanwhile"}.order()
			changed.Source.ExternalID = made[0]
			f.store(changed)
		}
		if !p.More {
			f.has(events, made)
			return
		}
		q.Cursor = p.Next
		time.Sleep(time.Second) // virtual
	}
	f.Fatal("the list does not end when something changes meanwhile")
}

func anotherGoesOn(f *fixture) {
	made := f.putMany(7, 2*time.Second)
	q := orders(connector.Query{Limit: 3})
	page, err := f.conn.Lister.List(f.ctx(), q)
	if err != nil || !page.More {
		f.Fatalf("the first page: More %v, %v", page.More, err)
	}
	f.conn = f.open(f.values)
	q.Cursor = page.Next
	f.has(append(page.Events, f.list(q)...), made)
}

func changedIsListedAgain(f *fixture) {
	id := f.put(orderForm{}).Source.ExternalID
	time.Sleep(72 * time.Hour) // virtual
	since := time.Now()
	time.Sleep(2 * time.Second)
	changed := orderForm{note: "Please ring twice", lines: []lineForm{{sku: "MUG-BLUE", quantity: "5", price: "12.50", rate: "0.19"}}}.order()
	changed.Source.ExternalID = id
	f.store(changed)
	f.has(f.list(orders(connector.Query{Since: since})), []string{id})
}

func cancelledIsListed(f *fixture) {
	if f.vendor.CancelOrder == nil {
		f.applies = false
		f.Skip("nobody can cancel orders in this vendor")
	}
	id := f.put(orderForm{}).Source.ExternalID
	time.Sleep(2 * time.Second) // virtual
	if err := f.vendor.CancelOrder(id); err != nil {
		f.Fatalf("cancel: %v", err)
	}
	events := f.list(orders(connector.Query{}))
	f.has(events, []string{id})
	order := f.read(id)
	if order.OrderState != commerce.StateCancelled {
		f.Errorf("a cancelled order is %s", order.OrderState)
	}
}

// read gives an order as it is now, fetched or from the list.
func (f *fixture) read(id string) commerce.Order {
	f.Helper()
	raw := connector.Raw{}
	if f.conn.Fetcher != nil {
		var err error
		if raw, err = f.conn.Fetcher.Fetch(f.ctx(), connector.Ref{Kind: commerce.KindOrder, ID: id}); err != nil {
			f.Fatalf("fetch order %s: %v", id, err)
		}
	} else {
		for _, e := range f.list(orders(connector.Query{})) {
			if e.Ref.ID == id {
				raw = connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body, UpdatedAt: e.UpdatedAt}
			}
		}
	}
	order, err := f.conn.Decoder.DecodeOrder(raw)
	if err != nil {
		f.Fatalf("decode order %s: %v", id, err)
	}
	return order
}

// watermarkIsSound wants no watermark in the future, and none behind which an order is still to be listed.
func watermarkIsSound(f *fixture) {
	f.putMany(5, 2*time.Second)
	for _, since := range []time.Time{{}, time.Now().Add(aWhile)} {
		f.marks(orders(connector.Query{Since: since, Limit: 2}))
	}
}

// marks reads a list to its end and looks at the watermark of each page.
func (f *fixture) marks(q connector.Query) {
	f.Helper()
	var (
		listed []string
		marked time.Time
	)
	for range pageLimit {
		page, err := f.conn.Lister.List(f.ctx(), q)
		if err != nil {
			f.Fatalf("list: %v", err)
		}
		if page.Watermark.After(time.Now()) {
			f.Errorf("the watermark %s is in the future", page.Watermark)
		}
		for _, e := range page.Events {
			if !slices.Contains(listed, e.Ref.ID) && !e.UpdatedAt.IsZero() && e.UpdatedAt.Before(marked) {
				f.Errorf("order %s changed at %s and is listed after the watermark was %s", e.Ref.ID, e.UpdatedAt, marked)
			}
			listed = append(listed, e.Ref.ID)
		}
		if page.Watermark.After(marked) {
			marked = page.Watermark
		}
		if !page.More {
			return
		}
		q.Cursor = page.Next
	}
	f.Fatalf("the list does not end after %d pages", pageLimit)
}

func customersAreListed(f *fixture) {
	if f.vendor.PutCustomer == nil {
		f.applies = false
		f.Skip("the vendor has no customers")
	}
	q := connector.Query{Kind: commerce.KindCustomer, Limit: 2}
	if _, err := f.conn.Lister.List(f.ctx(), q); connector.KindOf(err) == connector.KindInvalid && err != nil {
		f.applies = false
		f.Skipf("the connector lists no customers: %v", err)
	}
	want := map[string]string{}
	for _, email := range []string{"erika@example.com", "otto@example.com", "anna@example.com"} {
		stated, err := f.vendor.PutCustomer(erika(email))
		if err != nil {
			f.Fatalf("put a customer: %v", err)
		}
		want[stated.Source.ExternalID] = email
		time.Sleep(2 * time.Second) // virtual
	}
	for _, e := range f.list(q) {
		if e.Ref.Kind != commerce.KindCustomer {
			f.Errorf("a list of customers has %+v", e.Ref)
		}
		email, made := want[e.Ref.ID]
		if !made {
			continue // the vendor may have others
		}
		delete(want, e.Ref.ID)
		raw := connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body, UpdatedAt: e.UpdatedAt}
		if e.Body == nil {
			if f.conn.Fetcher == nil {
				f.Fatal("a listed customer has no body, and cannot be fetched")
			}
			var err error
			if raw, err = f.conn.Fetcher.Fetch(f.ctx(), e.Ref); err != nil {
				f.Fatalf("fetch the listed customer %s: %v", e.Ref.ID, err)
			}
		}
		got, err := f.conn.Decoder.DecodeCustomer(raw)
		if err != nil {
			f.Fatalf("decode the listed customer %s: %v", e.Ref.ID, err)
		}
		if got.Source.ExternalID != e.Ref.ID || got.Email() != email {
			f.Errorf("customer %s is listed as %q with another e-mail address", e.Ref.ID, got.Source.ExternalID)
		}
	}
	for id := range want {
		f.Errorf("customer %s is not listed", id)
	}
}

func countAgrees(f *fixture) {
	f.putMany(6, 2*time.Second)
	n, err := f.conn.Counter.Count(f.ctx(), orders(connector.Query{}))
	if err != nil {
		f.Fatalf("count: %v", err)
	}
	if listed := len(ids(f.list(orders(connector.Query{})))); n != -1 && n != listed {
		f.Errorf("%d are counted, %d listed", n, listed)
	}
}

func listedCanBeFetched(f *fixture) {
	f.putMany(3, 2*time.Second)
	for _, e := range f.list(orders(connector.Query{})) {
		raw, err := f.conn.Fetcher.Fetch(f.ctx(), e.Ref)
		if err != nil {
			f.Fatalf("fetch order %s: %v", e.Ref.ID, err)
		}
		fetched, err := f.conn.Decoder.DecodeOrder(raw)
		if err != nil {
			f.Fatalf("decode the fetched order: %v", err)
		}
		if e.Body == nil {
			continue
		}
		listed, err := f.conn.Decoder.DecodeOrder(connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body, UpdatedAt: e.UpdatedAt})
		if err != nil {
			f.Fatalf("decode the listed order: %v", err)
		}
		for _, problem := range contradictions(listed, fetched) {
			f.Errorf("order %s is another one in the list than when it is fetched: %s", e.Ref.ID, problem)
		}
	}
}

func notThereIsNotFound(f *fixture) {
	f.disorder = true // a vendor may find such a request odd
	for _, kind := range []commerce.Kind{commerce.KindOrder, commerce.KindCustomer} {
		if _, err := f.conn.Fetcher.Fetch(f.ctx(), connector.Ref{Kind: kind, ID: "99999999"}); connector.KindOf(err) != connector.KindNotFound {
			f.Errorf("a %s that is not there gives %v; want KindNotFound", kind, err)
		}
	}
}
