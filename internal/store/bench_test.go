package store_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func eachBench(b *testing.B, bench func(b *testing.B, s *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, storetest.Open(b, store.Options{Dir: b.TempDir()})) })
	b.Run("postgres", func(b *testing.B) { bench(b, storetest.Open(b, store.Options{URL: pgtest.URL(b)})) })
}

// New orders of 900 bytes that do not compress, each committed before the next of its caller.
func BenchmarkObserve(b *testing.B) {
	for _, callers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			eachBench(b, func(b *testing.B, s *store.Store) {
				packed, err := s.Pack([]byte(rand.Text() + string(make([]byte, 870))))
				if err != nil {
					b.Fatal(err)
				}
				body := make([]byte, 900)
				copy(body, packed)
				var n atomic.Int64
				b.SetParallelism(max(callers/2, 1)) // two cores
				b.ReportAllocs()
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						o := order(fmt.Sprint(n.Add(1)), start)
						o.Body, o.Hash = body, o.SourceID
						err := s.Write(b.Context(), func(ctx context.Context, tx store.Tx) error {
							_, err := s.Observe(ctx, tx, o)
							return err
						})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		})
	}
}

// A lane's way with sixteen orders at a time.
func BenchmarkTakeFinish(b *testing.B) {
	eachBench(b, func(b *testing.B, s *store.Store) {
		const some = 16
		one := []store.Route{{Flow: erp.Flow, Destination: "erp", Lanes: 1}}
		packed, err := s.Pack(make([]byte, 900))
		if err != nil {
			b.Fatal(err)
		}
		err = s.Write(b.Context(), func(ctx context.Context, tx store.Tx) error {
			for i := range 10000 {
				o := order(fmt.Sprint(i), start)
				o.Body, o.Hash, o.Routes = packed, "h", one
				if _, err := s.Observe(ctx, tx, o); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		now := start
		for b.Loop() {
			now = now.Add(time.Second)
			works, err := s.TakeTasks(b.Context(), "erp", 0, "run1", now, settle, some)
			if err != nil || len(works) != some {
				b.Fatal(len(works), err)
			}
			err = s.Write(b.Context(), func(ctx context.Context, tx store.Tx) error {
				for _, w := range works {
					// Again later, so that there is always work.
					if _, err := s.FinishTask(ctx, tx, store.Result{Work: w, Run: "run1", State: store.TaskWaiting, Due: now.Add(time.Second), Outcome: "later", Started: now, Ended: now}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*some)/b.Elapsed().Seconds(), "orders/s")
	})
}

// The whole way of new orders, sixteen at a time: with what lists show of them and what they are found by, and without.
func BenchmarkCarry(b *testing.B) {
	for name, summary := range map[string]bool{"bare": false, "summary": true} {
		b.Run(name, func(b *testing.B) {
			eachBench(b, func(b *testing.B, s *store.Store) { benchCarry(b, s, summary) })
		})
	}
}

func benchCarry(b *testing.B, s *store.Store, summary bool) {
	const some = 16
	one := []store.Route{{Flow: erp.Flow, Destination: "erp", Lanes: 1}}
	packed, err := s.Pack(make([]byte, 900))
	if err != nil {
		b.Fatal(err)
	}
	n, now := 0, start
	for b.Loop() {
		now = now.Add(time.Second)
		write(b, s, func(ctx context.Context, tx store.Tx) error {
			for range some {
				n++
				o := order(fmt.Sprint(n), now)
				o.Body, o.Hash, o.Routes = packed, "h", one
				if _, err := s.Observe(ctx, tx, o); err != nil {
					return err
				}
			}
			return nil
		})
		works, err := s.TakeTasks(b.Context(), "erp", 0, "run1", now, settle, some)
		if err != nil || len(works) != some {
			b.Fatal(len(works), err)
		}
		results := make([]store.Result, some)
		for i, w := range works {
			results[i] = synced(w, "run1", now)
			if summary {
				given, family, email := buyerOf(n + i)
				results[i].Summary = &store.Summary{
					Number: w.SourceID, Amount: "12.50", Currency: "EUR", OrderedAt: now, Buyer: store.Buyer{Name: given + " " + family, Email: email, Country: "DE"},
					Words: store.Words{Emails: []string{email}, Names: []string{given, family}, SKUs: []string{skuOf(n + i), skuOf(n + i + 1)}, Phones: []string{fmt.Sprint(3_000_000 + n + i)}, PostalCodes: []string{fmt.Sprint(10_000 + n%8000)}},
					Seen:  []store.SeenValue{{Kind: store.SeenPayment, Value: "paypal"}, {Kind: store.SeenTax, Value: "VAT"}, {Kind: store.SeenShipping, Value: "dhl"}, {Kind: store.SeenSKU, Value: skuOf(n + i)}, {Kind: store.SeenSKU, Value: skuOf(n + i + 1)}},
				}
				if err := s.PackSummary(b.Context(), results[i].Summary); err != nil {
					b.Fatal(err)
				}
			}
		}
		write(b, s, func(ctx context.Context, tx store.Tx) error {
			for _, r := range results {
				if _, err := s.FinishTask(ctx, tx, r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.ReportMetric(float64(b.N*some)/b.Elapsed().Seconds(), "orders/s")
}
