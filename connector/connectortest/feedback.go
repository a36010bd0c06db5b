package connectortest

import (
	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

var feedback = ability{"connector.Feedback", func(c *connector.Conn) bool { return c.Feedback != nil }}

// feedbackChecks are about Feedback.
func feedbackChecks() []check {
	need := []ability{feedback, decoder}
	return []check{
		{name: "feedback/telling twice changes nothing more", needs: need, run: tellingTwice},
		{name: "feedback/an order that is not there", needs: need, run: tellingNobody},
	}
}

func status() connector.Status {
	return connector.Status{Document: connector.Document{Type: "order", ID: "42", Number: "SO-0042", State: connector.DocumentConfirmed, URL: "https://erp.test/42"}}
}

func tellingTwice(f *fixture) {
	order := f.put(orderForm{})
	ref := connector.Ref{Kind: commerce.KindOrder, ID: order.Source.ExternalID}
	before := f.read(ref.ID)
	if err := f.conn.Feedback.WriteBack(f.ctx(), ref, status()); err != nil {
		f.Fatalf("write back: %v", err)
	}
	f.wire.trouble(nil) // forget what was sent
	if err := f.conn.Feedback.WriteBack(f.ctx(), ref, status()); err != nil {
		f.Fatalf("write back again: %v", err)
	}
	for _, e := range f.wire.exchanges() {
		if !e.safe {
			f.Errorf("telling the same again sends %s %s", e.method, f.path(e))
		}
	}
	after := f.read(ref.ID)
	if !after.Totals.TaxInclusive.Equal(before.Totals.TaxInclusive) || len(after.Lines) != len(before.Lines) || len(after.Notes) != len(before.Notes) {
		f.Error("the order is another one after it was told of its document")
	}
}

func tellingNobody(f *fixture) {
	f.disorder = true
	err := f.conn.Feedback.WriteBack(f.ctx(), connector.Ref{Kind: commerce.KindOrder, ID: "99999999"}, status())
	if connector.KindOf(err) != connector.KindNotFound {
		f.Errorf("an order that is not there gives %v; want KindNotFound", err)
	}
}
