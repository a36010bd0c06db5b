package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// deliver writes the drafts of a batch and finishes what was written. New documents go in one call
// where the system can take several.
func (r *Runner) deliver(ctx context.Context, destination *Destination, attempts []*attempt) {
	r.deliverNew(ctx, destination, attempts)
	tired := false
	for _, a := range attempts {
		if !a.open() {
			continue
		}
		if tired {
			a.giveBack(r.now().Add(restTime))
			continue
		}
		ctx := a.traced(ctx)
		if a.written == "" {
			a.write(ctx)
		}
		if a.open() {
			a.finish(ctx)
		}
		tired = tired || a.tired
	}
}

// deliverNew writes the new documents of a batch in one call.
func (r *Runner) deliverNew(ctx context.Context, destination *Destination, attempts []*attempt) {
	if destination.Conn.Batch == nil {
		return
	}
	var fresh []*attempt
	var drafts []connector.OrderDraft
	for _, a := range attempts {
		if a.open() && a.written == "" && a.existing == nil {
			fresh, drafts = append(fresh, a), append(drafts, *a.draft)
		}
	}
	if len(fresh) < 2 {
		return
	}
	outcomes := destination.Conn.Batch.SaveOrders(fresh[0].traced(ctx), drafts)
	for i, a := range fresh {
		if i >= len(outcomes) {
			a.fail(StepWrite, connector.Errorf(connector.KindMaybeApplied, "write orders", "the batch gave %d outcomes for %d orders", len(outcomes), len(fresh)))
			continue
		}
		a.step(StepWrite, "part %d of a batch of %d", i+1, len(fresh))
		a.wrote(ctx, outcomes[i].Document, outcomes[i].Err)
	}
}

// write creates or updates the document.
func (a *attempt) write(ctx context.Context) {
	d, err := a.destination.Conn.Orders.SaveOrder(ctx, *a.draft)
	a.wrote(ctx, d, err)
}

// wrote takes the outcome of a write.
func (a *attempt) wrote(ctx context.Context, d connector.Document, err error) {
	if err != nil {
		a.writeFailed(ctx, err)
		return
	}
	a.document, a.written = d, OutcomeCreated
	if a.existing != nil {
		a.written = OutcomeUpdated
	}
	a.link(store.RoleOrder, d, a.draft.Customer.ID)
	a.step(StepWrite, "%s %s %s", a.written, d.Type, name(d))
}

func (a *attempt) writeFailed(ctx context.Context, err error) {
	e, ok := errors.AsType[*connector.Error](err)
	if ok && e.Kind == connector.KindNotFound && e.Field == "customer" {
		// Somebody deleted the customer in the destination: it is found or made anew.
		forget := a.runner.store.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx store.Tx) error {
			return a.runner.store.ForgetClaims(ctx, tx, a.destination.Name, a.draft.Customer.ID)
		})
		if forget == nil {
			a.step(StepCustomer, "the customer %s is gone in the destination", a.draft.Customer.ID)
			a.retry(a.runner.now().Add(jitter(firstWait)), err)
			a.giveUp()
			return
		}
		err = forget
	}
	a.fail(StepWrite, err)
}

// finish brings a written document through the rest of its way: compared, confirmed, invoiced, told.
func (a *attempt) finish(ctx context.Context) {
	if a.document.State == connector.DocumentPending {
		a.awaitApproval()
		return
	}
	if a.written != OutcomeUnchanged {
		if !a.compare(ctx) {
			return
		}
	}
	a.link(store.RoleOrder, a.document, a.customerID())
	if !a.confirm(ctx) || !a.invoice(ctx) || !a.writeBack(ctx) {
		return
	}
	a.end(store.TaskSynced, a.written, "")
}

func (a *attempt) customerID() string {
	if a.draft != nil && a.draft.Customer.ID != "" {
		return a.draft.Customer.ID
	}
	return a.work.Links[store.RoleOrder].CustomerID
}

// compare reads the document's totals back and proves them against the order's. A difference within
// the tolerance is settled by a rounding line; a larger one holds the order.
func (a *attempt) compare(ctx context.Context) bool {
	if !a.readBack(ctx) {
		return false
	}
	source := a.sourceTotals()
	difference := source.Gross.Amount.Sub(a.document.Totals.Gross.Amount)
	tolerance := a.tolerance()
	if !difference.IsZero() && difference.Abs().LessThanOrEqual(tolerance) {
		draft := *a.draft
		existing := a.document
		draft.Existing, draft.Rounding = &existing, money.New(difference, source.Gross.Currency)
		d, err := a.destination.Conn.Orders.SaveOrder(ctx, draft)
		if err != nil {
			a.link(store.RoleOrder, a.document, a.customerID())
			a.fail(StepCompare, err)
			return false
		}
		a.document = d
		a.step(StepCompare, "a rounding of %s settles the difference to the destination's own total", draft.Rounding)
		if !a.readBack(ctx) {
			return false
		}
		difference = source.Gross.Amount.Sub(a.document.Totals.Gross.Amount)
	}
	document := *a.document.Totals
	if !difference.IsZero() {
		return a.differs("gross", source.Gross, document.Gross)
	}
	// Net and tax may share the amount a little differently where each is rounded; a tax that differs
	// by more is another tax.
	if tax := source.Tax.Amount.Sub(document.Tax.Amount); tax.Abs().GreaterThan(a.order.TaxTolerance()) {
		return a.differs("tax", source.Tax, document.Tax)
	}
	a.step(StepCompare, "%s in both, tax %s and %s", document.Gross, source.Tax, document.Tax)
	return true
}

func (a *attempt) sourceTotals() connector.DocumentTotals {
	t := a.order.Totals
	return connector.DocumentTotals{Net: t.TaxExclusive, Tax: t.Tax, Gross: t.TaxInclusive}
}

// readBack makes sure that the document's totals are known and in the order's currency.
func (a *attempt) readBack(ctx context.Context) bool {
	if a.document.Totals == nil {
		d, err := a.destination.Conn.Orders.ReadOrder(ctx, a.document.ID)
		if err != nil {
			a.fail(StepCompare, err)
			return false
		}
		a.document = d
	}
	if a.document.Totals == nil {
		a.fail(StepCompare, connector.Errorf(connector.KindBug, "read the document", "the destination gives no totals"))
		return false
	}
	source := a.sourceTotals()
	totals := *a.document.Totals
	a.detail.Compared = append(a.detail.Compared, Comparison{Source: source, Document: totals, Equal: source.Gross.Equal(totals.Gross)})
	a.link(store.RoleOrder, a.document, a.customerID())
	if totals.Gross.Currency != source.Gross.Currency {
		a.hold(StepCompare, connector.Error{
			Code: "currency", Field: "document_currency", Value: string(source.Gross.Currency),
			Message: fmt.Sprintf("the document is in %s", totals.Gross.Currency), Fix: "set up the currency or its price list in the destination, then retry",
		})
		return false
	}
	return true
}

func (a *attempt) differs(part string, source, document money.Money) bool {
	difference := money.New(source.Amount.Sub(document.Amount), source.Currency)
	a.hold(StepCompare, connector.Error{
		Code: "totals_differ", Field: "totals." + part, Value: difference.String(),
		Message: fmt.Sprintf("the order states %s, the document %s has %s", source, name(a.document), document),
		Fix:     "check the taxes of its articles and mapping.taxes, then retry",
	})
	return false
}

func (a *attempt) confirm(ctx context.Context) bool {
	if !a.flow.Config.Orders.Confirm || a.destination.Conn.Confirmer == nil || a.document.State != connector.DocumentDraft {
		return true
	}
	d, err := a.destination.Conn.Confirmer.ConfirmOrder(ctx, a.document)
	if err != nil {
		a.fail(StepConfirm, err)
		return false
	}
	a.take(d)
	a.step(StepConfirm, "%s is in force", name(a.document))
	return true
}

// take notes the document's new state; an answer that leaves the totals or the lines out does not lose them.
func (a *attempt) take(d connector.Document) {
	if d.Totals == nil {
		d.Totals = a.document.Totals
	}
	if d.Lines == nil {
		d.Lines = a.document.Lines
	}
	if d.Number == "" {
		d.Number = a.document.Number
	}
	if d.URL == "" {
		d.URL = a.document.URL
	}
	a.document = d
	a.link(store.RoleOrder, d, a.customerID())
}

func (a *attempt) invoice(ctx context.Context) bool {
	policy := a.flow.Config.Orders.Invoice
	paid := a.order.PaymentState == commerce.PaymentPaid
	if policy == InvoiceNever || (policy == InvoicePaid && !paid) || a.destination.Conn.Invoicer == nil || a.linked(store.RoleInvoice) != nil {
		return true
	}
	invoicer := a.destination.Conn.Invoicer
	invoice, err := invoicer.FindInvoice(ctx, a.document)
	if err == nil && invoice == nil {
		var made connector.Document
		made, err = invoicer.Invoice(ctx, a.document, a.invoicePayment(paid))
		invoice = &made
	}
	if err != nil {
		a.fail(StepInvoice, err)
		return false
	}
	a.link(store.RoleInvoice, *invoice, a.customerID())
	a.step(StepInvoice, "invoice %s", name(*invoice))
	return true
}

func (a *attempt) invoicePayment(paid bool) *connector.InvoicePayment {
	if !paid {
		return nil
	}
	p := &connector.InvoicePayment{Amount: a.order.Totals.TaxInclusive, Method: a.draft.PaymentMethod, At: a.order.OrderDate}
	for _, payment := range a.order.Payments {
		if payment.PaidAt.After(p.At) {
			p.At = payment.PaidAt
		}
		if p.Reference == "" {
			p.Reference = payment.Reference
		}
	}
	return p
}

// writeBack tells the source the document's number, once for each number and state.
func (a *attempt) writeBack(ctx context.Context) bool {
	if !a.flow.Config.Orders.WriteBack || a.flow.Source.Feedback == nil {
		return true
	}
	if before := a.linked(store.RoleOrder); before != nil && before.Number == a.document.Number && before.State == a.document.State && a.work.DeliveredHash != "" {
		return true
	}
	ref := connector.Ref{Kind: commerce.KindOrder, ID: a.work.SourceID}
	if err := a.flow.Source.Feedback.WriteBack(ctx, ref, connector.Status{Document: a.document}); err != nil {
		a.fail(StepFeedback, err)
		a.tired = false // it is the source that is in trouble
		return false
	}
	a.step(StepFeedback, "told the source that it is %s", name(a.document))
	return true
}

// cancel brings a cancelled or deleted order's document to its end.
func (a *attempt) cancel(ctx context.Context, why string) {
	if a.existing == nil {
		a.skip(StepCancel, why+" before it was delivered")
		return
	}
	a.document = *a.existing
	policy := a.flow.Config.Orders.Cancellations
	switch {
	case a.document.State == connector.DocumentCancelled:
		a.step(StepCancel, "the document is cancelled already")
	case policy == ReactIgnore:
		a.step(StepCancel, "%s; the flow leaves the document (orders.cancellations: ignore)", why)
	case policy == ReactHold:
		a.hold(StepCancel, connector.Error{
			Code: "cancelled", Message: why + " after it was delivered",
			Fix: "cancel the document by hand and skip, or set orders.cancellations to apply and retry",
		})
		return
	case a.dry:
		a.step(StepCancel, "%s: %s would be cancelled", why, name(a.document))
	default:
		d, err := a.destination.Conn.Orders.CancelOrder(ctx, a.document, why)
		if err != nil {
			a.fail(StepCancel, err)
			return
		}
		a.take(d)
		a.step(StepCancel, "%s: %s is cancelled", why, name(a.document))
	}
	a.link(store.RoleOrder, a.document, a.work.Links[store.RoleOrder].CustomerID)
	a.hash = "cancelled"
	a.end(store.TaskSynced, OutcomeCancelled, "")
}
