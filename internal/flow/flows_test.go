package flow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// Filters of the second flow.
const (
	letsAllThrough = ""
	letsNotThrough = `order.order_number != "1001"`
)

// twoFlows runs a test in an office with a second flow, others, from the shop to the erp, by both ways of writing.
func twoFlows(t *testing.T, filter string, test func(o *office)) {
	t.Helper()
	for name, as := range map[string]func(*erp) connector.Connector{
		"one by one": func(e *erp) connector.Connector { return e },
		"together":   func(e *erp) connector.Connector { return batching{e} },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				o.open(as(o.erp))
				config := flow.NewConfig()
				config.Filter = filter
				o.lanes, o.second = 1, &config
				test(o)
			})
		})
	}
}

// in gives the task of order 1001 in a flow.
func (o *office) in(flowName string) store.TaskRow {
	o.Helper()
	rows, err := o.store.Tasks(o.Context(), store.TaskFilter{Flow: flowName, Search: "1001", Limit: 2})
	if err != nil || len(rows) != 1 {
		o.Fatalf("task in the flow %s: %d rows, %v", flowName, len(rows), err)
	}
	return rows[0]
}

func (o *office) expectIn(flowName string, state store.TaskState, reason string) {
	o.Helper()
	if t := o.in(flowName); t.State != state || !strings.Contains(t.Reason, reason) {
		o.Fatalf("in the flow %s it is %s (%s); want %s (%s)", flowName, t.State, t.Reason, state, reason)
	}
}

// oneDocument expects that order 1001 has one document, which a flow keeps.
func (o *office) oneDocument(flowName string) {
	o.Helper()
	found, err := o.erp.FindOrders(o.Context(), []connector.Key{"shop-1001"})
	documents := found["shop-1001"]
	if err != nil || len(documents) != 1 {
		o.Fatalf("%d documents of one order, %v", len(documents), err)
	}
	story, err := o.store.TaskStory(o.Context(), o.in("orders").ID)
	if err != nil || len(story.Links) != 1 || story.Links[0].Flow != flowName || story.Links[0].DocumentID != documents[0].ID {
		o.Errorf("links %+v, %v; want one, of the flow %s", story.Links, err, flowName)
	}
}

func TestAnOrderThatTwoFlowsWantIsOneDocumentOfOneOfThem(t *testing.T) {
	twoFlows(t, letsAllThrough, func(o *office) {
		const other = "the flow orders keeps its document"
		o.observe("order", "1001", sale("1001", "10.00"))
		o.observe("order", "1002", sale("1002", "10.00"))
		o.work()
		if n := len(o.erp.orders); n != 2 {
			o.Errorf("%d documents of two orders", n)
		}
		o.oneDocument("orders")
		o.expectIn("orders", store.TaskSynced, "")
		o.expectIn("others", store.TaskSkipped, other)

		o.observe("order", "1001", sale("1001", "20.00"))
		o.work()
		o.expectIn("orders", store.TaskSynced, "")
		o.expectIn("others", store.TaskSkipped, other)
		o.second.Orders.Cancellations, o.config.Orders.Cancellations = flow.ReactApply, flow.ReactIgnore
		o.observe("order", "1001", sale("1001", "20.00", func(c *commerce.Order) { c.OrderState = commerce.StateCancelled }))
		o.work()
		o.observation(store.Observation{Kind: "order", SourceID: "1001", Deleted: true})
		o.work()
		o.expectIn("others", store.TaskSkipped, other)
		if updates, cancels := o.erp.count("update order"), o.erp.count("cancel order"); updates != 1 || cancels != 0 {
			o.Errorf("%d updates, %d cancellations; want one and, by the rules of the flow that made it, none", updates, cancels)
		}
	})
}

func TestADocumentIsNotWrittenByAFlowWhoseFilterLeavesTheOrderOut(t *testing.T) {
	twoFlows(t, letsNotThrough, func(o *office) {
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.observe("order", "1001", sale("1001", "20.00"))
		o.work()
		o.oneDocument("orders")
		o.expectIn("orders", store.TaskSynced, "")
		o.expectIn("others", store.TaskSkipped, "the flow's filter leaves it out")
		if n := o.erp.count("update order"); n != 1 {
			o.Errorf("%d updates for one change; want 1", n)
		}
	})
}

func TestADocumentThatIsNotInOrderYetIsKeptByTheFlowThatMadeIt(t *testing.T) {
	twoFlows(t, letsAllThrough, func(o *office) {
		o.erp.pending = true
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.oneDocument("orders")
		o.expectIn("orders", store.TaskWaiting, "credit limit")
		o.expectIn("others", store.TaskSkipped, "the flow orders keeps its document")
	})
}

func TestTheOtherFlowMakesWhatTheFirstDoesNot(t *testing.T) {
	twoFlows(t, letsAllThrough, func(o *office) {
		o.config.Filter = letsNotThrough
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.oneDocument("others")
		o.expectIn("orders", store.TaskSkipped, "the flow's filter leaves it out")
		o.expectIn("others", store.TaskSynced, "")
	})
}

func TestAFlowTakesOverTheDocumentsOfOneThatIsGone(t *testing.T) {
	for name, end := range map[string]func(o *office){
		"it was removed":      func(o *office) { o.removed = true },
		"it cannot be opened": func(o *office) { o.gone = true },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				config := flow.NewConfig()
				o.lanes, o.second = 1, &config
				o.observe("order", "1001", sale("1001", "10.00"))
				o.work()
				o.oneDocument("orders")
				end(o)
				o.write(func(ctx context.Context, tx store.Tx) error { // its tasks are not taken any more
					return o.store.PauseFlow(ctx, tx, "orders", true, "gone")
				})
				o.observe("order", "1001", sale("1001", "20.00"))
				o.work()
				o.oneDocument("others")
				o.expectIn("others", store.TaskSynced, "")
				if gross := o.erp.orders[0].Totals.Gross.Amount.String(); gross != "23.8" {
					o.Errorf("the document has %s; want 23.8", gross)
				}
			})
		})
	}
}

// The second flow searches for the document as well, but a search tells nothing before the settle time is over.
func TestAFlowWaitsUntilItIsKnownWhatAnotherHasMade(t *testing.T) {
	const unknown = "how its delivery by another flow has ended"
	for name, attempts := range map[string]int{"it is tried again": 12, "it was the last try": 1} {
		t.Run("no answer, "+name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				config := flow.NewConfig()
				o.second, o.lanes, o.config.Orders.Attempts = &config, 1, attempts
				o.erp.fail = unanswered("create order")
				o.observe("order", "1001", sale("1001", "10.00"))
				o.work()
				o.expectIn("others", store.TaskWaiting, unknown)
				o.observe("order", "1001", sale("1001", "20.00"))
				o.work()
				o.expectIn("others", store.TaskWaiting, unknown)
				if n := o.erp.count("create order"); n != 1 {
					o.Errorf("%d documents were sent; want the one that nobody knows the end of", n)
				}
				o.later(10 * time.Minute)
				o.work()
				o.oneDocument("orders")
				o.expectIn("others", store.TaskSkipped, "the flow orders keeps its document")
			})
		})
	}
	t.Run("a crash", func(t *testing.T) {
		each(t, func(_ *testing.T, o *office) {
			config := flow.NewConfig()
			o.second, o.lanes = &config, 1
			o.observe("order", "1001", sale("1001", "10.00"))
			o.take("dead")
			o.work()
			o.expectIn("others", store.TaskWaiting, unknown)
			if n := o.erp.count("create order"); n != 0 {
				o.Errorf("%d documents were sent within the settle time", n)
			}
			o.later(o.dest.Settle)
			o.work()
			o.oneDocument("orders")
		})
	})
	t.Run("a lane of before their number was changed", func(t *testing.T) {
		each(t, func(_ *testing.T, o *office) {
			config := flow.NewConfig()
			o.second, o.lanes = &config, 1
			o.observe("order", "1001", sale("1001", "10.00"))
			o.take("old")
			o.write(func(ctx context.Context, tx store.Tx) error { return o.store.SetLanes(ctx, tx, "erp", 1000) })
			if err := o.store.MoveLanes(o.Context(), "erp"); err != nil {
				o.Fatal(err)
			}
			lanes, err := o.store.DueLanes(o.Context(), o.now())
			if err != nil || len(lanes) != 2 || lanes[0].Number == 0 {
				o.Fatalf("lanes %v, %v; want the new one and then the old one", lanes, err)
			}
			if _, err := o.runner.RunLane(o.Context(), "erp", lanes[0].Number, "new", time.Hour); err != nil {
				o.Fatal(err)
			}
			o.expectIn("others", store.TaskWaiting, unknown)
			if len(o.erp.calls) != 0 {
				o.Errorf("calls beside the other run: %v", o.erp.calls)
			}
		})
	})
}

// take takes the first task for a run that comes to no end.
func (o *office) take(run string) {
	o.Helper()
	works, err := o.store.TakeTasks(o.Context(), "erp", 0, run, o.now(), o.dest.Settle, 1)
	if err != nil || len(works) != 1 || works[0].Flow != "orders" {
		o.Fatalf("taken %+v, %v; want the order in the first flow", works, err)
	}
}
