package connectortest

import (
	"slices"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// windowChecks are about polling as the engine does it: window after window, for ever.
func windowChecks() []check {
	list := []ability{lister}
	return []check{
		{name: "polling/the beginning of the window belongs to it", needs: list, run: beginningBelongs},
		{name: "polling/the end of the window is respected", needs: list, run: endIsRespected},
		{name: "polling/going on from the watermark loses nothing", needs: list, run: watermarkLosesNothing},
		{name: "polling/a deleted order takes no other with it", needs: list, run: deletedTakesNoOther},
		{name: "polling/a session that ends between two pages is renewed", needs: list, run: sessionEndsBetweenPages},
	}
}

// aWhile is longer than what the coarsest list of a vendor can tell apart: days.
const aWhile = 72 * time.Hour

// beginningBelongs lists again from the very time of an order's change: Since is inclusive.
func beginningBelongs(f *fixture) {
	id := f.put(orderForm{}).Source.ExternalID
	time.Sleep(aWhile) // virtual
	for _, e := range f.list(orders(connector.Query{})) {
		if e.Ref.ID == id && !e.UpdatedAt.IsZero() {
			f.has(f.list(orders(connector.Query{Since: e.UpdatedAt})), []string{id})
			return
		}
	}
	f.applies = false
	f.Skip("the list does not say when an order changed")
}

func endIsRespected(f *fixture) {
	early := f.put(orderForm{}).Source.ExternalID
	time.Sleep(aWhile) // virtual
	until := time.Now()
	time.Sleep(aWhile)
	late := f.put(orderForm{email: "late@example.com"}).Source.ExternalID
	events := f.list(orders(connector.Query{Until: until}))
	f.has(events, []string{early})
	if slices.Contains(ids(events), late) {
		f.Error("an order that changed after the end of the window is listed: it is in the next window as well")
	}
}

// watermarkLosesNothing polls as the engine does: from the last watermark, less the vendor's overlap.
func watermarkLosesNothing(f *fixture) {
	var (
		made   []string
		events []connector.Event
		since  time.Time
	)
	for range 4 {
		made = append(made, f.putMany(2, time.Second)...)
		q := orders(connector.Query{Since: since, Limit: 3})
		begun := time.Now()
		for more := true; more; {
			page, err := f.conn.Lister.List(f.ctx(), q)
			if err != nil {
				f.Fatalf("list: %v", err)
			}
			if len(events) > pageLimit {
				f.Fatal("the list does not end")
			}
			if !page.Watermark.IsZero() {
				begun = page.Watermark
			}
			events, q.Cursor, more = append(events, page.Events...), page.Next, page.More
		}
		since = begun.Add(-f.harness.Definition.Traits.Overlap)
		time.Sleep(time.Minute) // virtual
	}
	f.has(events, made)
}

func deletedTakesNoOther(f *fixture) {
	if f.vendor.DeleteOrder == nil {
		f.applies = false
		f.Skip("orders do not vanish from this vendor")
	}
	made := f.putMany(7, 2*time.Second)
	page, err := f.conn.Lister.List(f.ctx(), orders(connector.Query{Limit: 3}))
	if err != nil || !page.More {
		f.Fatalf("the first page: More %v, %v", page.More, err)
	}
	if err := f.vendor.DeleteOrder(made[0]); err != nil {
		f.Fatalf("delete: %v", err)
	}
	f.has(append(page.Events, f.list(orders(connector.Query{Limit: 3, Cursor: page.Next}))...), made[1:])
}

func sessionEndsBetweenPages(f *fixture) {
	if f.vendor.ExpireSessions == nil {
		f.applies = false
		f.Skip("the vendor has no sessions")
	}
	made := f.putMany(7, 2*time.Second)
	page, err := f.conn.Lister.List(f.ctx(), orders(connector.Query{Limit: 3}))
	if err != nil || !page.More {
		f.Fatalf("the first page: More %v, %v", page.More, err)
	}
	f.vendor.ExpireSessions()
	f.has(append(page.Events, f.list(orders(connector.Query{Limit: 3, Cursor: page.Next}))...), made)
}
