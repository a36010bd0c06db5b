package bench_test

import (
	"testing"

	"github.com/orderlyhq/orderly/internal/bench"
	"github.com/orderlyhq/orderly/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func each(tb testing.TB, run func(name, database string)) {
	tb.Helper()
	run("sqlite", "")
	run("postgres", pgtest.URL(tb))
}

func TestRunMeasuresEverythingAndLosesNothing(t *testing.T) {
	each(t, func(name, database string) {
		r, err := bench.Run(t.Context(), bench.Options{Orders: 200, Senders: 8, Dir: t.TempDir(), Database: database})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Documents != 200 || r.Accepts <= 0 || r.AcceptsFloor <= 0 || r.Delivered <= 0 || r.DeliveredFloor <= 0 || r.Database != name {
			t.Errorf("%s: %+v", name, r)
		}
	})
}

func BenchmarkOrderly(b *testing.B) {
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			database := ""
			if name == "postgres" {
				database = pgtest.URL(b)
			}
			orders := max(b.N, 500)
			r, err := bench.Run(b.Context(), bench.Options{Orders: orders, Senders: 64, Dir: b.TempDir(), Database: database})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(r.Accepts, "accepts/s")
			b.ReportMetric(r.AcceptsFloor, "accepts-floor/s")
			b.ReportMetric(r.Delivered, "orders/s")
			b.ReportMetric(r.DeliveredFloor, "orders-floor/s")
			b.ReportMetric(r.PeakMemory, "peak-MB")
		})
	}
}
