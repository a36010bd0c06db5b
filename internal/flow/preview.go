package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/store"
)

// Preview is what a delivery would do.
type Preview struct {
	Flow     string                `json:"flow"`
	Would    string                `json:"would"` // create, update, cancel, nothing, skip, hold, fail
	Reason   string                `json:"reason,omitempty"`
	Order    *commerce.Order       `json:"order,omitempty"`
	Customer *commerce.Customer    `json:"customer,omitempty"`
	Draft    *connector.OrderDraft `json:"draft,omitempty"`
	Existing *connector.Document   `json:"existing,omitempty"`
	Detail   Detail                `json:"detail"`
}

// Preview goes the way of a delivery up to the first write, and writes nothing: neither into the
// store nor, because the destination must have been opened with a client that refuses to, into the
// system. The work need not be in the store.
func (r *Runner) Preview(ctx context.Context, destination *Destination, w store.Work) (*Preview, error) {
	a := r.newAttempt(destination, w, true)
	attempts := []*attempt{a}
	a.begin()
	r.find(ctx, destination, attempts)
	r.readItems(ctx, destination, attempts)
	a.prepare(ctx)
	p := &Preview{Flow: w.Flow, Draft: a.draft, Existing: a.existing}
	switch {
	case a.isOrder() && a.order.OrderNumber != "":
		p.Order = &a.order
	case !a.isOrder():
		p.Customer = &a.customer
	}
	if a.open() && a.written == "" && a.draft != nil {
		if err := a.proveDry(ctx); err != nil {
			return nil, err
		}
	}
	p.Would, p.Reason = a.would(), a.result.Reason
	a.detail.Exchanges = a.trace.Exchanges()
	p.Detail = a.detail
	return p, nil
}

// PreviewDraft says what the document of an order would be made of. Unlike Preview it looks neither for
// the document nor for the customer, so that many orders can be compared without asking the destination
// more than which articles and taxes it has.
func (r *Runner) PreviewDraft(ctx context.Context, destination *Destination, w store.Work) *Preview {
	a := r.newAttempt(destination, w, true)
	a.draftOnly = true
	a.begin()
	r.readItems(ctx, destination, []*attempt{a})
	a.prepare(ctx)
	p := &Preview{Flow: w.Flow, Draft: a.draft, Would: a.would(), Reason: a.result.Reason, Detail: a.detail}
	if a.order.OrderNumber != "" {
		p.Order = &a.order
	}
	return p
}

func (a *attempt) would() string {
	if a.open() {
		switch {
		case a.written == OutcomeUnchanged:
			return "nothing"
		case a.existing != nil:
			return "update"
		}
		return "create"
	}
	switch a.result.State {
	case store.TaskSkipped:
		return "skip"
	case store.TaskHeld:
		return "hold"
	case store.TaskSynced:
		switch {
		case a.result.Outcome == OutcomeCancelled:
			return "cancel"
		case a.result.Outcome == OutcomeUnchanged:
			return "nothing"
		case a.existing != nil:
			return "update"
		}
		return "create"
	default:
		return "fail"
	}
}

// proveDry makes the write itself, whose first request must be refused on this side: so that what
// the connector says against the draft is seen as well, and so that a dry run is one.
func (a *attempt) proveDry(ctx context.Context) error {
	if a.draft.Customer.ID == "" {
		a.step(StepWrite, "the order would be written when the customer is there; a dry run sends none of it")
		return nil
	}
	_, err := a.destination.Conn.Orders.SaveOrder(a.traced(ctx), *a.draft)
	switch {
	case errors.Is(err, httpx.ErrDryRun):
		a.step(StepWrite, "the request would be sent here; a dry run sends none")
	case err != nil:
		a.fail(StepWrite, err)
	case a.existing != nil:
		a.written = OutcomeUnchanged // nothing was refused, because nothing had to be sent
		a.step(StepWrite, "%s shows it all already", name(*a.existing))
	default:
		return fmt.Errorf("the destination %s was written to in a dry run: it was not opened with a client that refuses that", a.destination.Name)
	}
	return nil
}
