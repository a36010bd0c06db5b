package sapb1_test

import (
	"fmt"
	"testing"

	"github.com/orderlyhq/orderly/connector"
)

// BenchmarkOrders is the connector and the pretend company together: finding by key and creating.
func BenchmarkOrders(b *testing.B) {
	p := open(b, nil)
	customer := p.customer("shop-c-1")
	n := 0
	for b.Loop() {
		n++
		p.exchanges = p.exchanges[:0]
		draft := p.draft(fmt.Sprint("shop-", n), customer, "EUR", true, sold{"MUG", "3", "29.97", "0.19"}, sold{"TEA", "1", "8.98", "0.07"})
		if _, err := p.conn.Orders.FindOrders(b.Context(), []connector.Key{draft.Key}); err != nil {
			b.Fatal(err)
		}
		if _, err := p.conn.Orders.SaveOrder(b.Context(), draft); err != nil {
			b.Fatal(err)
		}
	}
}
