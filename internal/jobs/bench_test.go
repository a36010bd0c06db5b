package jobs

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func eachBench(b *testing.B, bench func(b *testing.B, st *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, storetest.Open(b, store.Options{Dir: b.TempDir()})) })
	b.Run("postgres", func(b *testing.B) { bench(b, storetest.Open(b, store.Options{URL: pgtest.URL(b)})) })
}

// One order after another, each after the last was picked up: how long until its lane has it. With idle lanes each
// pick-up takes a job; with warm ones the lane waits for more.
func BenchmarkPickUp(b *testing.B) {
	for _, lanes := range []int{1, 1000} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) {
			eachBench(b, func(b *testing.B, st *store.Store) {
				picked := make(chan time.Time, 1)
				c := newCarrier(b, st)
				r := start(b, st, Work{Lane: func(ctx context.Context, l store.LaneRef, run string, slice time.Duration) (bool, error) {
					before := c.carried.Load()
					at := time.Now()
					more, err := c.lane(ctx, l, run, slice)
					if c.carried.Load() > before {
						picked <- at
					}
					return more, err
				}}, nil, usualPace())
				var took []time.Duration
				for i := 0; b.Loop(); i++ {
					if err := observe(b.Context(), st, r, fmt.Sprint(i), lanes); err != nil {
						b.Fatal(err)
					}
					committed := time.Now()
					took = append(took, max((<-picked).Sub(committed), 0))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			})
		})
	}
}

// Orders from many callers, carried by eight lanes that do nothing with them.
func BenchmarkWakeAndRun(b *testing.B) {
	eachBench(b, func(b *testing.B, st *store.Store) {
		c := newCarrier(b, st)
		r := start(b, st, Work{Lane: c.lane}, nil, usualPace())
		b.SetParallelism(64)
		var n int
		ids := make(chan int, 1024)
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		go func() {
			for {
				select {
				case ids <- n:
					n++
				case <-ctx.Done():
					return
				}
			}
		}()
		b.ResetTimer()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := observe(b.Context(), st, r, fmt.Sprint(<-ids), 8); err != nil {
					b.Error(err)
					return
				}
			}
		})
		accepted := b.Elapsed()
		eventually(b, "all are carried", func() bool { return c.carried.Load() >= int64(b.N) })
		b.StopTimer()
		b.ReportMetric(float64(b.N)/accepted.Seconds(), "accepted/s")
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "carried/s")
	})
}
