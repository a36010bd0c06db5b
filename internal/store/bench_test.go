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
