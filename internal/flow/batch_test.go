package flow_test

import (
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/store"
)

// An article that was remembered when a batch began is there until its end, however slow the destination is.
func TestABatchKeepsTheArticlesThatItHasSeen(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.lanes = 1
		o.observe("order", "1000", sale("1000", "10.00"))
		o.work()
		o.later(5*time.Minute - 5*time.Second) // the article is remembered for a few seconds more
		for _, id := range []string{"1001", "1002"} {
			o.observe("order", id, sale(id, "10.00", func(c *commerce.Order) { c.Buyer.Emails = []string{id + "@example.com"} }))
		}
		o.erp.fail = func(call string) error {
			if call == "find customer" {
				o.later(10 * time.Second)
			}
			return nil
		}
		o.work()
		o.expect("1001", store.TaskSynced, "")
		o.expect("1002", store.TaskSynced, "")
	})
}
