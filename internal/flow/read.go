package flow

import (
	"fmt"
	"slices"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// begin decodes the record and does all that needs no call: checks, rules and filters.
func (a *attempt) begin() {
	flow, ok := a.runner.registry.Flow(a.work.Flow)
	if !ok {
		a.fail(StepDecode, connector.Errorf(connector.KindUnavailable, "deliver", "the flow %s is not open; see the health of its connections", a.work.Flow))
		a.tired = false // it is the flow that is in trouble, not the destination
		return
	}
	a.flow = flow
	if !a.dry && a.runner.now().Before(a.work.Blocked) {
		a.giveBack(a.work.Blocked)
		a.result.Reason = "waits until it is known how its delivery by another flow has ended"
		return
	}
	if l := a.work.Links[a.work.Kind]; a.isOrder() && l.Flow != a.work.Flow {
		a.other = l.Flow
	}
	if a.other == "" {
		a.existing = a.linked(a.work.Kind)
	}
	if a.work.Deleted {
		a.step(StepDecode, "deleted in the source")
		if a.other != "" {
			a.leave()
		}
		return
	}
	if err := a.work.Damaged; err != nil {
		a.fail(StepDecode, connector.Errorf(connector.KindInvalid, "decode", "what is stored of the record cannot be read: %w; "+
			"with the right key retry it, else bring it from the source again (orderly sync)", err))
		return
	}
	raw := connector.Raw{
		Ref:  connector.Ref{Kind: commerce.Kind(a.work.Kind), ID: a.work.SourceID},
		Form: a.work.Form, Body: a.work.Body, UpdatedAt: a.work.SourceTime,
	}
	if flow.Source.Decoder == nil {
		a.fail(StepDecode, connector.Errorf(connector.KindBug, "decode", "%s cannot be decoded: it is no source", flow.Source.Definition.Title))
		return
	}
	if raw.Ref.Kind == commerce.KindCustomer {
		a.beginCustomer(raw)
	} else {
		a.beginOrder(raw)
	}
}

func (a *attempt) beginCustomer(raw connector.Raw) {
	customer, err := a.flow.Source.Decoder.DecodeCustomer(raw)
	if err != nil {
		a.fail(StepDecode, err)
		return
	}
	a.customer = customer
	a.result.Summary = customerSummary(customer)
	if !slices.Contains([]commerce.CustomerStatus{"", commerce.CustomerActive}, customer.Status) && a.existing == nil {
		a.skip(StepFilter, fmt.Sprintf("the customer is %s in the source", customer.Status))
	}
}

func (a *attempt) beginOrder(raw connector.Raw) {
	order, err := a.flow.Source.Decoder.DecodeOrder(raw)
	if err != nil {
		a.fail(StepDecode, err)
		return
	}
	a.order = order
	a.result.Summary = orderSummary(order)
	if order.Test {
		a.skip(StepFilter, "a test order of the source")
		return
	}
	wanted, err := a.flow.Mapper.Wanted(order)
	if err != nil {
		a.fail(StepFilter, err)
		return
	}
	if !wanted && a.existing == nil {
		a.skip(StepFilter, "the flow's filter leaves it out")
		return
	}
	states := a.flow.Config.Orders.PaymentStates
	if a.existing == nil && len(states) > 0 && !slices.Contains(states, order.PaymentState) && order.OrderState != commerce.StateCancelled {
		a.skip(StepFilter, fmt.Sprintf("not carried while its payment is %s", order.PaymentState))
		return
	}
	if a.other != "" && !a.takeOver() {
		a.leave()
		return
	}
	a.checkTotals()
}

// leave skips an order whose document another flow keeps: two flows with rules of their own would write it in turn.
func (a *attempt) leave() {
	a.skip(StepFilter, fmt.Sprintf("the flow %s keeps its document: an order has one document in a destination, and one flow that writes it", a.other))
}

// takeOver goes on with the document of a flow that is gone, which leaves it to who comes next.
func (a *attempt) takeOver() bool {
	if other, open := a.runner.registry.Flow(a.other); open && !other.Removed {
		return false
	}
	a.existing = a.linked(store.RoleOrder)
	a.step(StepFilter, "takes the document over from the flow %s, which is gone", a.other)
	return true
}

// checkTotals holds an order whose own amounts contradict each other: no document could be right.
func (a *attempt) checkTotals() {
	if a.order.OrderState == commerce.StateCancelled {
		return // what is cancelled is not written, whatever its amounts
	}
	proof, err := a.order.Prove()
	if err != nil {
		a.hold(StepCheck, connector.Error{Code: "currency", Field: "totals", Message: err.Error(), Fix: "correct the order in the source"})
		return
	}
	a.detail.Proof = &proof
	if !proof.Within(a.tolerance()) {
		d := worst(proof)
		a.hold(StepCheck, connector.Error{
			Code: "totals", Field: d.Field, Value: d.Amount.String(),
			Message: fmt.Sprintf("the order's own amounts do not add up: it states %s where its parts give %s", d.Stated, d.Derived),
			Fix:     "correct the order in the source, or release it to deliver it with a larger tolerance (orders.tolerance)",
		})
		return
	}
	a.step(StepCheck, "the totals add up to %s", a.order.Totals.TaxInclusive)
}

func worst(p commerce.Proof) commerce.Difference {
	return slices.MaxFunc(p.Differences, func(x, y commerce.Difference) int {
		return x.Amount.Amount.Abs().Cmp(y.Amount.Amount.Abs())
	})
}
