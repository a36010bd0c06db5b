package connectortest

import (
	"context"
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// writingChecks are about writes and fetches in trouble, and about documents as they are read back.
func writingChecks() []check {
	write := []ability{orderWriter}
	return []check{
		{name: "orders/a document is read back as it was written", needs: write, run: readBack},
		{name: "orders/a document is read back line by line", needs: write, run: readLines},
		{name: "orders/a changed address is the same document", needs: write, run: changedAddress},
		{name: "orders/three rates", needs: write, run: threeRates},
		{name: "pressure/too many writes are told with the wait", needs: write, run: tooManyWrites},
		{name: "pressure/a refused connection has written nothing", needs: write, run: refusedWrite},
		{name: "pressure/a write without an answer may be done", needs: write, run: unansweredWrite},
		{name: "pressure/a fetch in trouble says which", needs: []ability{fetcher}, run: fetchInTrouble},
		{name: "dry run/the account can be checked", run: checkInDryRun},
	}
}

func readBack(f *fixture) {
	doc := f.save(f.draft("suite-1", orderForm{shipping: "4.90"}.order(), f.buyer()))
	read, err := f.conn.Orders.ReadOrder(f.ctx(), doc.ID)
	if err != nil || read.Totals == nil {
		f.Fatalf("read the document: totals %v, %v", read.Totals, err)
	}
	if read.ID != doc.ID || read.Key != "suite-1" || read.State != doc.State {
		f.Errorf("it is read as %s with the key %q, %s; want %s with suite-1, %s", read.ID, read.Key, read.State, doc.ID, doc.State)
	}
	if !read.Totals.Gross.Equal(doc.Totals.Gross) || !read.Totals.Tax.Equal(doc.Totals.Tax) || !read.Totals.Net.Equal(doc.Totals.Net) {
		f.Errorf("it is read with the totals %+v; want %+v", *read.Totals, *doc.Totals)
	}
}

// readLines compares the lines that are read with those that the vendor holds, for a new order, for a
// changed one and for one in force.
func readLines(f *fixture) {
	buyer := f.buyer()
	order := orderForm{shipping: "4.90", charge: "2.50", note: "Please ring twice"}.order()
	d := f.draft("suite-1", order, buyer)
	doc := f.save(d)
	f.sameLines("a new order", order, doc)
	order = orderForm{lines: []lineForm{{sku: "MUG-BLUE", quantity: "5", price: "12.50", rate: "0.19"}, defaultLines[1]}, shipping: "4.90"}.order()
	d = f.draft("suite-1", order, buyer)
	d.Existing = &doc
	doc = f.save(d)
	f.sameLines("a changed order", order, doc)
	if f.conn.Confirmer == nil {
		return
	}
	doc, err := f.conn.Confirmer.ConfirmOrder(f.ctx(), doc)
	if err != nil {
		f.Fatalf("confirm: %v", err)
	}
	f.sameLines("an order in force", order, doc)
}

// sameLines reads a document and compares its lines, and those of an answer that has any, with the
// vendor's own and with the order's goods.
func (f *fixture) sameLines(what string, order commerce.Order, answer connector.Document) {
	f.Helper()
	held := f.documents()
	if len(held) != 1 || held[0].Lines == nil {
		f.Fatalf("%s: the vendor holds %d documents, or does not say which lines they have", what, len(held))
	}
	read, err := f.conn.Orders.ReadOrder(f.ctx(), answer.ID)
	if err != nil {
		f.Fatalf("read the document: %v", err)
	}
	for i, l := range order.Lines {
		if i < len(read.Lines) && (read.Lines[i].SKU != l.SKU || !read.Lines[i].Quantity.Equal(l.Quantity)) {
			f.Errorf("%s: line %d is %s of %s; want %s of %s", what, i, read.Lines[i].Quantity, read.Lines[i].SKU, l.Quantity, l.SKU)
		}
	}
	f.compareLines(what+", read", read.Lines, held[0].Lines)
	if answer.Lines != nil {
		f.compareLines(what+", as it was answered", answer.Lines, held[0].Lines)
	}
}

func (f *fixture) compareLines(what string, lines, held []connector.DocumentLine) {
	f.Helper()
	if len(lines) != len(held) {
		f.Errorf("%s: %d lines; the vendor holds %d", what, len(lines), len(held))
		return
	}
	for i, want := range held {
		got := lines[i]
		if got.SKU != want.SKU || got.ItemID != want.ItemID || !got.Quantity.Equal(want.Quantity) {
			f.Errorf("%s: line %d is %s of %q (article %q); the vendor holds %s of %q (article %q)", what, i, got.Quantity, got.SKU, got.ItemID, want.Quantity, want.SKU, want.ItemID)
		}
		if !got.Net.Equal(want.Net) {
			f.Errorf("%s: line %d is of %s; the vendor holds %s", what, i, got.Net, want.Net)
		}
		if got.Tax != nil && want.Tax != nil && !got.Tax.Equal(*want.Tax) {
			f.Errorf("%s: line %d has a tax of %s; the vendor holds %s", what, i, got.Tax, want.Tax)
		}
	}
}

func changedAddress(f *fixture) {
	buyer := f.buyer()
	order := orderForm{}.order()
	doc := f.save(f.draft("suite-1", order, buyer))
	moved := *order.ShipTo
	moved.StreetAddress = "Packstation 7"
	order.ShipTo = &moved
	d := f.draft("suite-1", order, buyer)
	d.Existing = &doc
	if after := f.save(d); after.ID != doc.ID || !after.Totals.Gross.Equal(doc.Totals.Gross) {
		f.Errorf("with another address it is %s of %s; want %s of %s", after.ID, after.Totals.Gross, doc.ID, doc.Totals.Gross)
	}
	if n := len(f.documents()); n != 1 {
		f.Errorf("%d documents; want 1", n)
	}
}

func threeRates(f *fixture) {
	f.writes(orderForm{lines: append([]lineForm{{sku: "BOOK-0", quantity: "1", price: "20.00", rate: "0"}}, defaultLines...)}.order())
}

// troubled saves a new order while every request that writes meets a fault, and gives the error.
func (f *fixture) troubled(ctx context.Context, fl fault) error {
	f.Helper()
	d := f.draft("suite-1", orderForm{}.order(), f.buyer())
	f.disorder = true
	f.wire.trouble(func(e exchange) *fault {
		if e.safe {
			return nil
		}
		return &fl
	})
	_, err := f.conn.Orders.SaveOrder(ctx, d)
	f.wire.trouble(nil)
	if n := len(f.documents()); n > 0 {
		f.Errorf("the vendor holds %d documents; it was never asked for one", n)
	}
	return err
}

func tooManyWrites(f *fixture) {
	err := f.troubled(f.ctx(), fault{kind: answered, status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"37"}}})
	if e, ok := asError(err); !ok || e.Kind != connector.KindRateLimited || e.RetryAfter != 37*time.Second {
		f.Errorf("429 with Retry-After 37 gives %v; want KindRateLimited with that wait", err)
	}
}

func refusedWrite(f *fixture) {
	if err := f.troubled(f.ctx(), fault{kind: refused}); err == nil || connector.KindOf(err) != connector.KindUnavailable {
		f.Errorf("a refused connection gives %v (%s); want KindUnavailable", err, connector.KindOf(err))
	}
}

func unansweredWrite(f *fixture) {
	ctx, cancel := context.WithTimeout(f.ctx(), time.Minute)
	defer cancel()
	before := time.Now()
	err := f.troubled(ctx, fault{kind: hanging})
	if waited := time.Since(before); waited > 2*time.Minute {
		f.Errorf("the write goes on for %s after its context ended", waited-time.Minute)
	}
	if err == nil || connector.KindOf(err) != connector.KindMaybeApplied {
		f.Errorf("a write without an answer gives %v (%s); want KindMaybeApplied", err, connector.KindOf(err))
	}
}

func fetchInTrouble(f *fixture) {
	ref := connector.Ref{Kind: commerce.KindOrder, ID: f.put(orderForm{}).Source.ExternalID}
	f.disorder = true
	for _, trouble := range []struct {
		fault fault
		want  connector.ErrorKind
	}{
		{fault{kind: answered, status: http.StatusTooManyRequests}, connector.KindRateLimited},
		{fault{kind: answered, status: http.StatusBadGateway, body: "<html>oops</html>"}, connector.KindUnavailable},
		{fault{kind: refused}, connector.KindUnavailable},
		{fault{kind: cutBefore}, connector.KindUnavailable},
	} {
		conn := f.open(f.values)
		f.wire.always(trouble.fault)
		_, err := conn.Fetcher.Fetch(f.ctx(), ref)
		f.wire.trouble(nil)
		if err == nil || connector.KindOf(err) != trouble.want {
			f.Errorf("%s %d: a fetch gives %v (%s); want %s", trouble.fault.kind, trouble.fault.status, err, connector.KindOf(err), trouble.want)
		}
	}
}

func checkInDryRun(f *fixture) {
	conn, err := connector.Open(f.ctx(), f.harness.Definition, f.values, f.env(dryWire{f.wire}))
	if err != nil {
		f.Fatalf("open: %v", err)
	}
	f.opened = append(f.opened, conn)
	f.account(conn)
}
