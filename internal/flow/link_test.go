package flow_test

import (
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/store"
)

func (o *office) link(id string) store.Link {
	o.Helper()
	story, err := o.store.TaskStory(o.Context(), o.task(id).ID)
	if err != nil || len(story.Links) != 1 {
		o.Fatalf("%d links of %s, %v; want 1", len(story.Links), id, err)
	}
	return story.Links[0]
}

func TestADeliveryThatReadsNothingKeepsWhatTheLinkSays(t *testing.T) {
	same := func(t *testing.T, o *office) {
		t.Helper()
		before := o.link("1001")
		if before.Gross == "" || before.Currency != "EUR" || before.CustomerID != "C1" {
			o.Fatalf("before it: %+v", before)
		}
		o.later(10 * time.Minute)
		o.work()
		after := o.link("1001")
		before.UpdatedAt = after.UpdatedAt
		if after != before {
			o.Errorf("the link was\n%+v, is\n%+v", before, after)
		}
	}
	t.Run("the order is as it was", func(t *testing.T) {
		each(t, func(t *testing.T, o *office) {
			o.observe("order", "1001", sale("1001", "10.00"))
			o.work()
			o.observe("order", "1001", sale("1001", "10.00", func(c *commerce.Order) { c.PaymentState = commerce.PaymentRefunded }))
			same(t, o)
			o.expect("1001", store.TaskSynced, "")
		})
	})
	t.Run("the document waits for an approval", func(t *testing.T) {
		each(t, func(t *testing.T, o *office) {
			o.erp.pending = true
			o.observe("order", "1001", sale("1001", "10.00"))
			o.work()
			same(t, o)
			o.expect("1001", store.TaskWaiting, "credit limit")
		})
	})
}
