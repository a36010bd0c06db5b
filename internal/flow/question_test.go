package flow_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// question gives what the newest delivery of a record asks.
func (o *office) question(id string) flow.Question {
	o.Helper()
	task := o.task(id).ID
	deliveries, err := o.store.LastDeliveries(o.Context(), []int64{task})
	if err != nil {
		o.Fatal(err)
	}
	var detail flow.Detail
	if err := json.Unmarshal(deliveries[task].Detail, &detail); err != nil || detail.Question == nil {
		o.Fatalf("the delivery asks nothing: %v, %s", err, deliveries[task].Detail)
	}
	return *detail.Question
}

// answer remembers the answer and tries the record again.
func (o *office) answer(id string, answer func(ctx context.Context, tx store.Tx, q flow.Question) error) {
	o.Helper()
	q := o.question(id)
	o.write(func(ctx context.Context, tx store.Tx) error { return answer(ctx, tx, q) })
	o.retry(id)
	o.work()
}

func (o *office) twoAnnas() {
	o.erp.customers = []*partner{{id: "C1", email: "anna@example.com"}, {id: "C2", email: "anna@example.com"}}
}

func TestTheCustomerThatAPersonChoosesIsTakenForTheNextOrderToo(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.twoAnnas()
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.expect("1001", store.TaskHeld, "2 customers")
		o.answer("1001", func(ctx context.Context, tx store.Tx, q flow.Question) error {
			chosen, ok := q.Candidate("C2")
			if !ok || q.About != flow.AskCustomer || q.Rule != string(connector.MatchEmail) || !q.New {
				o.Errorf("question %+v; want both customers by e-mail", q)
			}
			return q.Answer(ctx, o.store, tx, "erp", chosen, o.now())
		})
		o.expect("1001", store.TaskSynced, "")
		o.observe("order", "1002", sale("1002", "20.00"))
		o.work()
		o.expect("1002", store.TaskSynced, "")
		for _, d := range o.erp.orders {
			if d.customer != "C2" {
				o.Errorf("the document of %s has the customer %s; want C2", d.order.OrderNumber, d.customer)
			}
		}
	})
}

func TestACustomerThatAPersonSaysIsNewIsMadeOnce(t *testing.T) {
	for name, setup := range map[string]func(o *office){
		"beside others":                (*office).twoAnnas,
		"although the flow makes none": func(o *office) { o.config.Customers.Create = false },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(_ *testing.T, o *office) {
				setup(o)
				before := len(o.erp.customers)
				o.observe("order", "1001", sale("1001", "10.00"))
				o.work()
				o.expect("1001", store.TaskHeld, "")
				o.answer("1001", func(ctx context.Context, tx store.Tx, q flow.Question) error {
					return q.AnswerNew(ctx, o.store, tx, "erp", o.now())
				})
				o.expect("1001", store.TaskSynced, "")
				o.observe("order", "1002", sale("1002", "20.00"))
				o.work()
				o.expect("1002", store.TaskSynced, "")
				if made := len(o.erp.customers) - before; made != 1 {
					o.Errorf("%d customers made; want one for both orders", made)
				}
			})
		})
	}
}

func TestTheArticleThatAPersonChoosesIsTaken(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.erp.items["A"] = append(o.erp.items["A"], connector.Item{ID: "item-A2", SKU: "A", Name: "Tea, new"})
		o.observe("order", "1001", sale("1001", "10.00"))
		o.work()
		o.expect("1001", store.TaskHeld, "2 articles")
		ofA := o.question("1001")
		o.answer("1001", func(ctx context.Context, tx store.Tx, q flow.Question) error {
			chosen, ok := q.Candidate("item-A2")
			if !ok || q.About != flow.AskItem || q.SKU != "A" || chosen.Name != "Tea, new" {
				o.Errorf("question %+v; want both articles", q)
			}
			return q.Answer(ctx, o.store, tx, "erp", chosen, o.now())
		})
		o.expect("1001", store.TaskSynced, "")
		// Of another SKU nothing is known by that.
		o.erp.items["B"] = append(o.erp.items["B"], connector.Item{ID: "item-B2", SKU: "B"})
		o.observe("order", "1002", sale("1002", "10.00", func(o *commerce.Order) { o.Lines[0].SKU = "B" }))
		o.work()
		o.expect("1002", store.TaskHeld, "2 articles")
		if ofA.SameAs(o.question("1002")) {
			o.Error("questions about two SKUs are the same")
		}
	})
}
