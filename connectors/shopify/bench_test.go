package shopify_test

import (
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// BenchmarkOrders measures the parts of an order's way that are Shopify's: the shop makes it and writes
// its webhooks, a webhook is received, and its body translated.
func BenchmarkOrders(b *testing.B) {
	bed := newBench(b, nil)
	if _, err := bed.conn.Registrar.EnsureWebhooks(b.Context(), hookAddress); err != nil {
		b.Fatal(err)
	}
	g := generator(51)
	orders := make([]commerce.Order, 500)
	for i := range orders {
		orders[i] = g.Order()
	}
	made := 0
	b.Run("made in the shop", func(b *testing.B) {
		for b.Loop() {
			if _, err := bed.vendor.PutOrder(orders[made%len(orders)]); err != nil {
				b.Fatal(err)
			}
			made++
			bed.post.take()
		}
	})
	bed.post.take()
	var requests []connector.Request
	for _, o := range orders {
		if _, err := bed.vendor.PutOrder(o); err != nil {
			b.Fatal(err)
		}
	}
	for _, d := range bed.post.take() {
		requests = append(requests, connector.Request{URL: d.URL, Header: d.Header, Body: d.Body})
	}
	n := 0
	b.Run("received", func(b *testing.B) {
		for b.Loop() {
			if _, err := bed.conn.Receiver.Receive(requests[n%len(requests)]); err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
	b.Run("translated", func(b *testing.B) {
		for b.Loop() {
			if _, err := bed.conn.Decoder.DecodeOrder(connector.Raw{Form: "rest", Body: requests[n%len(requests)].Body}); err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
}
