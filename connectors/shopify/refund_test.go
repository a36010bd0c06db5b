package shopify_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
)

// afterRefund leaves discounts out: how a removed unit's part of them is told apart is the translation's
// own affair, as long as the line's amounts are right.
var afterRefund = append(cmp.Options{
	cmpopts.IgnoreFields(commerce.Order{}, "Discounts"),
	cmpopts.IgnoreFields(commerce.Line{}, "Discounts"),
}, asStated...)

// TestRefundsAndEdits refunds and edits every kind of order and reads it in every way.
func TestRefundsAndEdits(t *testing.T) {
	for name, way := range map[string]struct {
		restock string
		money   bool
	}{
		"units are cancelled and paid back": {shopifyfake.Cancel, true},
		"an edit takes units off":           {shopifyfake.NoRestock, false},
		"goods come back":                   {shopifyfake.Return, true},
		"goods are lost":                    {shopifyfake.NoRestock, true},
		"goods come back before the money":  {shopifyfake.Return, false},
	} {
		for _, form := range []string{"rest", "graphql"} {
			t.Run(name+", "+form, func(t *testing.T) {
				b := newBench(t, map[string]string{"api": form})
				if _, err := b.conn.Registrar.EnsureWebhooks(t.Context(), hookAddress); err != nil {
					t.Fatal(err)
				}
				g := generator(21)
				thin := 0
				for i := range 40 {
					stated, err := g.Put(b.vendor)
					if err != nil {
						t.Fatal(err)
					}
					at := i % len(stated.Lines)
					quantity := 1 + (stated.Lines[at].Quantity.IntPart()-1)/2
					b.post.take()
					for range 2 { // once some of the units, and then again where some are left
						b.clock.pass(time.Minute)
						after, err := b.vendor.RefundOrder(stated.Source.ExternalID, at, quantity, way.restock, way.money)
						if err != nil {
							break
						}
						ref := connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID}
						raw, err := b.conn.Fetcher.Fetch(t.Context(), ref)
						if err != nil {
							t.Fatal(err)
						}
						same(t, b, "fetched", after, raw)
						for _, d := range b.post.take() {
							e := receive(t, b, d)
							if e.Ref != ref {
								t.Fatalf("%s is about %v, want %v", e.Topic, e.Ref, ref)
							}
							if e.Topic == "refunds/create" && e.Body == nil {
								thin++
							}
							if e.Body != nil {
								same(t, b, "webhook", after, connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body})
							}
						}
					}
				}
				if thin < 40 {
					t.Errorf("only %d webhooks of refunds stood for their order", thin)
				}
			})
		}
	}
}

func same(t *testing.T, b *bench, way string, stated commerce.Order, raw connector.Raw) {
	t.Helper()
	got, err := b.conn.Decoder.DecodeOrder(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stated, got, afterRefund); diff != "" {
		t.Fatalf("%s order %s differs from what the shop states (-stated +translated):\n%s", way, stated.OrderNumber, diff)
	}
	if proof, err := got.Prove(); err != nil || !proof.AddsUp {
		t.Fatalf("%s: %v %+v", way, err, proof.Differences)
	}
}
