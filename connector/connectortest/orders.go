package connectortest

import (
	"fmt"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

var (
	orderWriter = ability{"connector.OrderWriter", func(c *connector.Conn) bool { return c.Orders != nil }}
	confirmer   = ability{"connector.OrderConfirmer", func(c *connector.Conn) bool { return c.Confirmer != nil }}
	invoicer    = ability{"connector.Invoicer", func(c *connector.Conn) bool { return c.Invoicer != nil }}
	batcher     = ability{"connector.BatchOrderWriter", func(c *connector.Conn) bool { return c.Batch != nil }}
)

// orderChecks are about OrderWriter and what comes after it.
func orderChecks() []check {
	need := []ability{orderWriter}
	checks := []check{
		{name: "orders/one that was made is found by its key", needs: need, run: orderIsFoundByKey},
		{name: "orders/many keys are looked up at once", needs: need, run: manyKeys},
		{name: "orders/saving again changes nothing", needs: need, run: orderSavedAgain},
		{name: "orders/a changed order is the same document", needs: need, run: changedOrder},
		{name: "orders/a rounding moves the total by just that much", needs: need, run: roundingMoves},
		{name: "orders/a discount on the whole order", needs: need, run: func(f *fixture) { f.writes(orderForm{discount: "5.00"}.order()) }},
		{name: "orders/a charge", needs: need, run: func(f *fixture) { f.writes(orderForm{charge: "2.50", shipping: "4.90"}.order()) }},
		{name: "orders/an article that is not there", needs: need, run: unknownArticle},
		{name: "orders/a currency that is not there", needs: need, run: unknownCurrency},
		{name: "orders/a customer that is not there", needs: need, run: unknownCustomer},
		{name: "orders/cancelling twice is fine, and it is found as cancelled", needs: need, run: cancelTwice},
		{name: "orders/an answer lost after the system acted", needs: need, run: func(f *fixture) { f.lostOrder(cutAfter) }},
		{name: "orders/a connection cut before the system acted", needs: need, run: func(f *fixture) { f.lostOrder(cutBefore) }},
		{name: "orders/eight at once all arrive", needs: need, run: eightAtOnce},
		{name: "orders/confirming twice is fine", needs: []ability{orderWriter, confirmer}, run: confirmTwice},
		{name: "orders/an invoice is made once", needs: []ability{orderWriter, invoicer}, run: invoiceOnce},
		{name: "orders/a batch has an outcome for each part", needs: []ability{orderWriter, batcher}, run: batchOutcomes},
	}
	for _, s := range samples() {
		checks = append(checks, check{name: "orders/" + s.name, needs: need, run: func(f *fixture) { f.writes(s.order) }})
	}
	return checks
}

// buyer makes the customer of a check's orders.
func (f *fixture) buyer() connector.Document {
	f.Helper()
	if f.conn.Customers == nil {
		return connector.Document{}
	}
	return f.customer("suite-c-buyer", erika("buyer@example.com"))
}

// save writes an order and settles what rounding leaves, as the engine does.
func (f *fixture) save(d connector.OrderDraft) connector.Document {
	f.Helper()
	doc, err := f.conn.Orders.SaveOrder(f.ctx(), d)
	if err != nil {
		f.Fatalf("save order %s: %v", d.Key, err)
	}
	doc = f.withTotals(doc)
	want := d.Order.Totals.TaxInclusive
	difference := want.Amount.Sub(doc.Totals.Gross.Amount)
	if difference.IsZero() {
		return doc
	}
	if difference.Abs().GreaterThan(d.Order.Tolerance()) {
		f.Fatalf("an order of %s became a document of %s: more than rounding leaves", want, doc.Totals.Gross)
	}
	d.Existing, d.Rounding = &doc, money.New(difference, want.Currency)
	after, err := f.conn.Orders.SaveOrder(f.ctx(), d)
	if err != nil {
		f.Fatalf("settle %s by a rounding: %v", d.Rounding, err)
	}
	if after.ID != doc.ID {
		f.Fatalf("a rounding made another document: %s and %s", doc.ID, after.ID)
	}
	return f.withTotals(after)
}

// withTotals reads a document's totals when its answer had none.
func (f *fixture) withTotals(d connector.Document) connector.Document {
	f.Helper()
	if d.ID == "" {
		f.Fatal("a document has no id")
	}
	if d.Totals == nil {
		var err error
		if d, err = f.conn.Orders.ReadOrder(f.ctx(), d.ID); err != nil {
			f.Fatalf("read the document: %v", err)
		}
	}
	if d.Totals == nil {
		f.Fatal("the document has no totals, also when it is read")
	}
	return d
}

// documents are the vendor's own: those that are not cancelled.
func (f *fixture) documents() []Document {
	f.Helper()
	if f.vendor.Documents == nil {
		f.Fatal("the harness has no Documents: nobody knows what the vendor holds")
	}
	var out []Document
	for _, d := range f.vendor.Documents() {
		if d.State != connector.DocumentCancelled {
			out = append(out, d)
		}
	}
	return out
}

// writes makes an order and compares the vendor's own document with it.
func (f *fixture) writes(order commerce.Order) {
	f.Helper()
	d := f.draft("suite-1001", order, f.buyer())
	doc := f.save(d)
	want := order.Totals
	if !doc.Totals.Gross.Equal(want.TaxInclusive) {
		f.Errorf("gross %s; want %s", doc.Totals.Gross, want.TaxInclusive)
	}
	if off := doc.Totals.Tax.Amount.Sub(want.Tax.Amount).Abs(); off.GreaterThan(d.Order.TaxTolerance()) {
		f.Errorf("tax %s; want %s", doc.Totals.Tax, want.Tax)
	}
	held := f.documents()
	if len(held) != 1 {
		f.Fatalf("the vendor holds %d documents; want 1", len(held))
	}
	if held[0].Totals == nil || !held[0].Totals.Gross.Equal(want.TaxInclusive) {
		f.Errorf("the vendor's own document has %+v; want %s", held[0].Totals, want.TaxInclusive)
	}
	if held[0].Key != d.Key || held[0].Currency != string(order.DocumentCurrency) {
		f.Errorf("the vendor's own document has the key %q in %s", held[0].Key, held[0].Currency)
	}
}

func (f *fixture) findOrder(key connector.Key) []connector.Document {
	f.Helper()
	found, err := f.conn.Orders.FindOrders(f.ctx(), []connector.Key{key})
	if err != nil {
		f.Fatalf("find order %s: %v", key, err)
	}
	return found[key]
}

func orderIsFoundByKey(f *fixture) {
	if found := f.findOrder("suite-1"); len(found) > 0 {
		f.Fatalf("%d documents before one was made", len(found))
	}
	doc := f.save(f.draft("suite-1", orderForm{}.order(), f.buyer()))
	found := f.findOrder("suite-1")
	if len(found) != 1 || found[0].ID != doc.ID || found[0].State == "" || found[0].State == connector.DocumentCancelled {
		f.Errorf("by its key %+v is found; want %s", found, doc.ID)
	}
	for _, other := range []connector.Key{"suite-11", "suite-", "SUITE-1", "suite-2"} {
		if len(f.findOrder(other)) > 0 {
			f.Errorf("the key %s finds the document of suite-1", other)
		}
	}
}

func manyKeys(f *fixture) {
	buyer := f.buyer()
	f.save(f.draft("suite-7", orderForm{}.order(), buyer))
	f.save(f.draft("suite-130", orderForm{}.order(), buyer))
	var keys []connector.Key
	for i := range 150 {
		keys = append(keys, connector.Key(fmt.Sprintf("suite-%d", i)))
	}
	found, err := f.conn.Orders.FindOrders(f.ctx(), keys)
	if err != nil {
		f.Fatalf("find 150 keys: %v", err)
	}
	if len(found) != 2 || len(found["suite-7"]) != 1 || len(found["suite-130"]) != 1 {
		f.Errorf("of 150 keys %d are found; want 2", len(found))
	}
}

func orderSavedAgain(f *fixture) {
	d := f.draft("suite-1", orderForm{shipping: "4.90"}.order(), f.buyer())
	doc := f.save(d)
	d.Existing = &doc
	for range 2 {
		again := f.save(d)
		if again.ID != doc.ID || !again.Totals.Gross.Equal(doc.Totals.Gross) {
			f.Errorf("saved again it is %s of %s; want %s of %s", again.ID, again.Totals.Gross, doc.ID, doc.Totals.Gross)
		}
	}
	if n := len(f.documents()); n != 1 {
		f.Errorf("%d documents; want 1", n)
	}
}

func changedOrder(f *fixture) {
	buyer := f.buyer()
	doc := f.save(f.draft("suite-1", orderForm{}.order(), buyer))
	for _, form := range []orderForm{
		{lines: []lineForm{{sku: "MUG-BLUE", quantity: "5", price: "12.50", rate: "0.19"}, defaultLines[1]}},
		{lines: defaultLines[:1]},
		{lines: append(append([]lineForm{}, defaultLines...), lineForm{sku: "POT-1L", quantity: "1", price: "39.90", rate: "0.19"}), shipping: "4.90"},
		{note: "Please ring twice"},
	} {
		order := form.order()
		d := f.draft("suite-1", order, buyer)
		d.Existing = &doc
		after := f.save(d)
		if after.ID != doc.ID {
			f.Fatalf("the changed order became another document: %s and %s", doc.ID, after.ID)
		}
		if !after.Totals.Gross.Equal(order.Totals.TaxInclusive) {
			f.Errorf("the changed order is %s; want %s", after.Totals.Gross, order.Totals.TaxInclusive)
		}
		doc = after
	}
	if n := len(f.documents()); n != 1 {
		f.Errorf("%d documents; want 1", n)
	}
}

func roundingMoves(f *fixture) {
	d := f.draft("suite-1", orderForm{}.order(), f.buyer())
	doc := f.save(d)
	for _, cents := range []string{"0.01", "-0.02"} {
		moved := d
		moved.Existing, moved.Rounding = &doc, money.New(number(cents), "EUR")
		after, err := f.conn.Orders.SaveOrder(f.ctx(), moved)
		if err != nil {
			f.Fatalf("a rounding of %s: %v", cents, err)
		}
		after = f.withTotals(after)
		if got := after.Totals.Gross.Amount.Sub(d.Order.Totals.TaxInclusive.Amount); !got.Equal(number(cents)) {
			f.Errorf("a rounding of %s moves the total by %s", cents, got)
		}
	}
}

// refused wants an error that names a field, and no document.
func (f *fixture) refusedOrder(d connector.OrderDraft, kinds ...connector.ErrorKind) {
	f.Helper()
	_, err := f.conn.Orders.SaveOrder(f.ctx(), d)
	kind := connector.KindOf(err)
	ok := false
	for _, k := range kinds {
		ok = ok || (err != nil && kind == k)
	}
	if !ok {
		f.Errorf("the order gives %v (%s); want one of %v", err, kind, kinds)
	} else if e, is := asError(err); !is || e.Field == "" {
		f.Errorf("%v names no field", err)
	}
	if n := len(f.documents()); n > 0 {
		f.Errorf("%d documents are left behind", n)
	}
}

func unknownArticle(f *fixture) {
	d := f.draft("suite-1", orderForm{}.order(), f.buyer())
	d.Lines[0].Item = connector.Item{ID: "999999", SKU: "NO-SUCH"}
	f.refusedOrder(d, connector.KindUnmapped, connector.KindInvalid, connector.KindNotFound)
}

func unknownCurrency(f *fixture) {
	d := f.draft("suite-1", orderForm{currency: "MXN"}.order(), f.buyer())
	f.refusedOrder(d, connector.KindUnmapped, connector.KindInvalid)
}

func unknownCustomer(f *fixture) {
	if f.conn.Customers == nil {
		f.applies = false
		f.Skip("the system has no customers")
	}
	d := f.draft("suite-1", orderForm{}.order(), f.buyer())
	d.Customer.ID = "999999"
	_, err := f.conn.Orders.SaveOrder(f.ctx(), d)
	if e, ok := asError(err); !ok || e.Kind != connector.KindNotFound || e.Field != "customer" {
		f.Errorf("an order of a customer that is not there gives %v; want KindNotFound with the field customer", err)
	}
	if n := len(f.documents()); n > 0 {
		f.Errorf("%d documents are left behind", n)
	}
}

func cancelTwice(f *fixture) {
	doc := f.save(f.draft("suite-1", orderForm{}.order(), f.buyer()))
	for range 2 {
		after, err := f.conn.Orders.CancelOrder(f.ctx(), doc, "cancelled in the source")
		if err != nil || after.State != connector.DocumentCancelled {
			f.Fatalf("cancel: %s, %v", after.State, err)
		}
	}
	found := f.findOrder("suite-1")
	if len(found) != 1 || found[0].State != connector.DocumentCancelled {
		f.Errorf("a cancelled order is found as %+v", found)
	}
	if n := len(f.documents()); n != 0 {
		f.Errorf("the vendor holds %d documents that are in force", n)
	}
}

// lostOrder disturbs each unsafe request of a creation in turn, and then does what the engine does: look
// by the key, and bring what is there, or a new one, to the order's state.
func (f *fixture) lostOrder(how faultKind) {
	buyer := f.buyer()
	for n := range 20 {
		key := connector.Key(fmt.Sprintf("suite-lost%d", n))
		d := f.draft(key, orderForm{shipping: "4.90"}.order(), buyer)
		unsafe := 0
		f.wire.trouble(func(e exchange) *fault {
			if e.safe {
				return nil
			}
			if unsafe++; unsafe == n+1 {
				return &fault{kind: how}
			}
			return nil
		})
		_, err := f.conn.Orders.SaveOrder(f.ctx(), d)
		f.wire.trouble(nil)
		if unsafe <= n {
			return // every request was disturbed once
		}
		if err != nil && connector.KindOf(err) != connector.KindMaybeApplied {
			f.Errorf("request %d is lost: %v (%s); want KindMaybeApplied", n+1, err, connector.KindOf(err))
		}
		if found := f.findOrder(key); len(found) > 0 {
			d.Existing = &found[0]
		}
		doc := f.save(d)
		count := 0
		for _, held := range f.documents() {
			if held.Key == key {
				count++
			}
		}
		if count != 1 || !doc.Totals.Gross.Equal(d.Order.Totals.TaxInclusive) {
			f.Errorf("after request %d was lost there are %d documents, the last of %s; want one of %s", n+1, count, doc.Totals.Gross, d.Order.Totals.TaxInclusive)
		}
	}
	f.Error("a creation takes more than twenty requests that write")
}

func eightAtOnce(f *fixture) {
	buyer := f.buyer()
	drafts := make([]connector.OrderDraft, 8)
	for i := range drafts {
		drafts[i] = f.draft(connector.Key(fmt.Sprintf("suite-%d", i)), orderForm{}.order(), buyer)
	}
	f.wire.slow(50 * time.Millisecond) // so that they truly overlap
	var group sync.WaitGroup
	failed := make([]error, len(drafts))
	for i := range drafts {
		group.Go(func() { _, failed[i] = f.conn.Orders.SaveOrder(f.ctx(), drafts[i]) })
	}
	group.Wait()
	for i, err := range failed {
		if err != nil {
			f.Errorf("order %d of eight at once: %v", i, err)
		}
	}
	if n := len(f.documents()); n != len(drafts) {
		f.Errorf("%d documents; want %d", n, len(drafts))
	}
}

func confirmTwice(f *fixture) {
	doc := f.save(f.draft("suite-1", orderForm{}.order(), f.buyer()))
	for range 2 {
		after, err := f.conn.Confirmer.ConfirmOrder(f.ctx(), doc)
		if err != nil || after.State != connector.DocumentConfirmed {
			f.Fatalf("confirm: %s, %v", after.State, err)
		}
	}
	if found := f.findOrder("suite-1"); len(found) != 1 || found[0].State != connector.DocumentConfirmed {
		f.Errorf("a confirmed order is found as %+v", found)
	}
}

func invoiceOnce(f *fixture) {
	d := f.draft("suite-1", orderForm{}.order(), f.buyer())
	doc := f.save(d)
	if f.conn.Confirmer != nil {
		var err error
		if doc, err = f.conn.Confirmer.ConfirmOrder(f.ctx(), doc); err != nil {
			f.Fatalf("confirm: %v", err)
		}
	}
	if before, err := f.conn.Invoicer.FindInvoice(f.ctx(), doc); err != nil || before != nil {
		f.Fatalf("before it is made there is the invoice %v, %v", before, err)
	}
	made, err := f.conn.Invoicer.Invoice(f.ctx(), doc, nil)
	if err != nil || made.ID == "" {
		f.Fatalf("invoice: %q, %v", made.ID, err)
	}
	found, err := f.conn.Invoicer.FindInvoice(f.ctx(), doc)
	if err != nil || found == nil || found.ID != made.ID {
		f.Errorf("the invoice is found as %v, %v; want %s", found, err, made.ID)
	}
}

func batchOutcomes(f *fixture) {
	buyer := f.buyer()
	drafts := make([]connector.OrderDraft, 4)
	for i := range drafts {
		drafts[i] = f.draft(connector.Key(fmt.Sprintf("suite-%d", i)), orderForm{}.order(), buyer)
	}
	drafts[2].Lines[0].Item = connector.Item{ID: "NO-SUCH", SKU: "NO-SUCH"}
	outcomes := f.conn.Batch.SaveOrders(f.ctx(), drafts)
	if len(outcomes) != len(drafts) {
		f.Fatalf("%d outcomes of %d drafts", len(outcomes), len(drafts))
	}
	for i, o := range outcomes {
		if bad := i == 2; (o.Err != nil) != bad {
			f.Errorf("part %d: %v", i, o.Err)
		} else if !bad && o.Document.ID == "" {
			f.Errorf("part %d has no document", i)
		}
	}
	if n := len(f.documents()); n != 3 {
		f.Errorf("%d documents; want 3", n)
	}
	f.wire.trouble(func(e exchange) *fault {
		if e.safe {
			return nil
		}
		return &fault{kind: cutAfter}
	})
	lost := f.conn.Batch.SaveOrders(f.ctx(), []connector.OrderDraft{f.draft("suite-8", orderForm{}.order(), buyer), f.draft("suite-9", orderForm{}.order(), buyer)})
	f.wire.trouble(nil)
	for i, o := range lost {
		if connector.KindOf(o.Err) != connector.KindMaybeApplied {
			f.Errorf("the answer to a batch is lost; part %d: %v; want KindMaybeApplied", i, o.Err)
		}
	}
}
