package flow_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// unanswered lets the first of the calls of a name end without an answer.
func unanswered(name string) func(string) error {
	done := false
	return func(call string) error {
		if call == name && !done {
			done = true
			return &connector.Error{Kind: connector.KindMaybeApplied, Message: "no answer came"}
		}
		return nil
	}
}

// What makes an order due keeps out of the settle time of a call that nobody knows the end of, also when it was the
// last try.
func TestNothingIsTriedWithinTheSettleTimeOfAnUnclearCall(t *testing.T) {
	for _, call := range []string{"create order", "save customer"} {
		for attempts, state := range map[int]store.TaskState{1: store.TaskFailed, 12: store.TaskWaiting} {
			for name, again := range map[string]func(o *office){
				"a person wants it again": func(o *office) { o.retry("1001") },
				"it has changed":          func(o *office) { o.observe("order", "1001", sale("1001", "20.00")) },
			} {
				t.Run(call+", then it is "+string(state)+" and "+name, func(t *testing.T) {
					each(t, func(_ *testing.T, o *office) {
						o.config.Orders.Attempts = attempts
						o.erp.lost = unanswered(call)
						o.observe("order", "1001", sale("1001", "10.00"))
						o.work()
						row := o.expect("1001", state, "no answer came")
						if settled := o.now().Add(o.dest.Settle); !row.Uncertain || row.Due.Before(settled) {
							o.Errorf("uncertain: %v, due %s; want at %s at the earliest", row.Uncertain, row.Due, settled)
						}
						again(o)
						before := len(o.erp.calls)
						o.work()
						o.expect("1001", store.TaskWaiting, "")
						if len(o.erp.calls) != before {
							o.Errorf("calls before the settle time is over: %v", o.erp.calls[before:])
						}
						o.later(o.dest.Settle)
						o.work()
						o.expect("1001", store.TaskSynced, "")
						if len(o.erp.orders) != 1 || len(o.erp.customers) != 1 {
							o.Errorf("%d documents and %d customers; want one of each", len(o.erp.orders), len(o.erp.customers))
						}
					})
				})
			}
		}
	}
}

// A customer may be there although no answer came: another order of it waits until that can be looked up.
func TestACustomerOfWhomNobodyKnowsIsNotMadeByAnotherOrder(t *testing.T) {
	for name, attempts := range map[string]int{"it is tried again": 12, "it was the last try": 1} {
		t.Run(name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				o.config.Orders.Attempts, o.lanes = attempts, 1
				ticking := func() time.Time { // who waits for another's claim has only so much patience
					o.later(100 * time.Millisecond)
					return o.now()
				}
				o.runner = flow.NewRunner(o.store, o, nothing{}, slog.New(slog.NewTextHandler(io.Discard, nil)), ticking)
				o.erp.fail = unanswered("save customer")
				o.observe("order", "1001", sale("1001", "10.00"))
				o.observe("order", "1002", sale("1002", "10.00"))
				o.work()
				o.expect("1002", store.TaskWaiting, "another order of the same customer")
				if n := o.erp.count("save customer"); n != 1 {
					o.Errorf("%d customers were sent; want the one that nobody knows the end of", n)
				}
				if attempts == 1 {
					o.retry("1001")
				}
				for range 4 {
					o.later(time.Minute)
					o.work()
				}
				o.expect("1001", store.TaskSynced, "")
				o.expect("1002", store.TaskSynced, "")
				if n := o.erp.count("save customer"); n != 2 || len(o.erp.customers) != 1 {
					o.Errorf("%d were sent, %d customers; want the unclear one and one more", n, len(o.erp.customers))
				}
			})
		})
	}
}
