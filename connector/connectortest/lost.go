package connectortest

import (
	"fmt"

	"github.com/orderlyhq/orderly/connector"
)

// lostChecks are about answers that are lost in the steps after an order was written.
func lostChecks() []check {
	return []check{
		{name: "orders/an answer lost when one is confirmed", needs: []ability{orderWriter, confirmer}, run: func(f *fixture) {
			f.lostStep(connector.DocumentConfirmed, func(d connector.Document) (connector.Document, error) {
				return f.conn.Confirmer.ConfirmOrder(f.ctx(), d)
			})
		}},
		{name: "orders/an answer lost when one is cancelled", needs: []ability{orderWriter}, run: func(f *fixture) {
			f.lostStep(connector.DocumentCancelled, func(d connector.Document) (connector.Document, error) {
				return f.conn.Orders.CancelOrder(f.ctx(), d, "cancelled in the source")
			})
		}},
		{name: "orders/an answer lost when one is invoiced", needs: []ability{orderWriter, invoicer}, run: lostInvoice},
	}
}

// loses lets the vendor act on the n-th request that writes, and loses its answer. It says whether there
// was such a request, and what the call gave.
func (f *fixture) loses(n int, call func() error) (lost bool, err error) {
	f.Helper()
	unsafe := 0
	f.wire.trouble(func(e exchange) *fault {
		if e.safe {
			return nil
		}
		if unsafe++; unsafe == n {
			return &fault{kind: cutAfter}
		}
		return nil
	})
	err = call()
	f.wire.trouble(nil)
	if unsafe >= n && err != nil && connector.KindOf(err) != connector.KindMaybeApplied {
		f.Errorf("the answer to request %d is lost: %v (%s); want KindMaybeApplied", n, err, connector.KindOf(err))
	}
	return unsafe >= n, err
}

// lostStep loses the answer to each request of a step in turn, and takes the step again.
func (f *fixture) lostStep(want connector.DocumentState, step func(connector.Document) (connector.Document, error)) {
	f.Helper()
	buyer := f.buyer()
	for n := 1; n <= 10; n++ {
		key := connector.Key(fmt.Sprintf("suite-lost%d", n))
		doc := f.save(f.draft(key, orderForm{}.order(), buyer))
		lost, err := f.loses(n, func() error { _, err := step(doc); return err })
		if !lost {
			if err != nil {
				f.Errorf("nothing was lost, and yet: %v", err)
			}
			return
		}
		after, err := step(doc)
		if err != nil || after.State != want {
			f.Fatalf("taken again after the answer to request %d was lost: %s, %v; want %s", n, after.State, err, want)
		}
		if found := f.findOrder(key); len(found) != 1 || found[0].State != want {
			f.Errorf("after the answer to request %d was lost %+v is found; want one that is %s", n, found, want)
		}
	}
	f.Error("the step takes more than ten requests that write")
}

// lostInvoice loses each answer in turn, and then does what the engine does: look, and make it if it is
// not there.
func lostInvoice(f *fixture) {
	buyer := f.buyer()
	for n := 1; n <= 10; n++ {
		doc := f.save(f.draft(connector.Key(fmt.Sprintf("suite-lost%d", n)), orderForm{}.order(), buyer))
		if f.conn.Confirmer != nil {
			var err error
			if doc, err = f.conn.Confirmer.ConfirmOrder(f.ctx(), doc); err != nil {
				f.Fatalf("confirm: %v", err)
			}
		}
		lost, _ := f.loses(n, func() error { _, err := f.conn.Invoicer.Invoice(f.ctx(), doc, nil); return err })
		if !lost {
			return
		}
		found, err := f.conn.Invoicer.FindInvoice(f.ctx(), doc)
		if err != nil {
			f.Fatalf("find the invoice: %v", err)
		}
		if found == nil {
			if _, err := f.conn.Invoicer.Invoice(f.ctx(), doc, nil); err != nil {
				f.Fatalf("make the invoice after the answer to request %d was lost: %v", n, err)
			}
			if found, err = f.conn.Invoicer.FindInvoice(f.ctx(), doc); err != nil {
				f.Fatalf("find the invoice: %v", err)
			}
		}
		if found == nil {
			f.Errorf("after the answer to request %d was lost no invoice is found", n)
		}
	}
	f.Error("an invoice takes more than ten requests that write")
}
