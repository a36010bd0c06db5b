package store_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// screenQuery is a query as a screen of the dashboard makes it.
type screenQuery struct {
	name string
	run  func(ctx context.Context, s *store.Store, orders int) error
}

// lists are the lists of orders that the screens ask for; each finds something.
func lists(orders int) map[string]store.TaskFilter {
	one := firstSynced(orders)
	given, family, email := buyerOf(one)
	paid := fmt.Sprintf("%d.%02d", (one*7919%100_000+100)/100, (one*7919%100_000+100)%100)
	day := 24 * time.Hour
	yes, no := true, false
	return map[string]store.TaskFilter{
		"all":                              {},
		"orders":                           {Kind: "order"},
		"of a flow":                        {Flow: "market-erp"},
		"of a connection":                  {Connection: "shop-fr"},
		"to a destination":                 {Destination: "erp-2"},
		"by hand":                          {Via: store.ViaManual},
		"held":                             {States: []store.TaskState{store.TaskHeld}},
		"failed":                           {States: []store.TaskState{store.TaskFailed}},
		"waiting":                          {States: []store.TaskState{store.TaskWaiting}},
		"working":                          {States: []store.TaskState{store.TaskWorking}},
		"synced":                           {States: []store.TaskState{store.TaskSynced}},
		"skipped":                          {States: []store.TaskState{store.TaskSkipped}},
		"held or failed of a connection":   {Connection: "market", States: []store.TaskState{store.TaskHeld, store.TaskFailed}},
		"failed of a flow by hand":         {Flow: "shop-de-erp", Via: store.ViaManual, States: []store.TaskState{store.TaskHeld, store.TaskFailed, store.TaskSkipped}},
		"of a cause":                       {CauseID: 7},
		"of a day long ago":                {Since: filledAt.Add(-300 * day), Until: filledAt.Add(-299 * day)},
		"held of a week long ago":          {Since: filledAt.Add(-300 * day), Until: filledAt.Add(-293 * day), States: []store.TaskState{store.TaskHeld}},
		"an amount":                        {MinAmount: amount(paid), MaxAmount: amount(paid)},
		"high amounts":                     {MinAmount: amount("900")},
		"the highest amounts":              {MinAmount: amount("1000")},
		"high amounts held":                {MinAmount: amount("990"), States: []store.TaskState{store.TaskHeld}},
		"high amounts of a flow":           {MinAmount: amount("990"), Flow: "market-erp"},
		"with a document":                  {HasDocument: &yes},
		"without a document":               {HasDocument: &no},
		"longest waiting":                  {Order: store.LongestWaiting},
		"longest waiting of a flow":        {Order: store.LongestWaiting, Flow: "market-erp"},
		"longest waiting and on its way":   {Order: store.LongestWaiting, States: []store.TaskState{store.TaskWaiting, store.TaskWorking}},
		"longest held":                     {Order: store.LongestWaiting, States: []store.TaskState{store.TaskHeld}},
		"longest held or failed of a flow": {Order: store.LongestWaiting, Flow: "market-erp", States: []store.TaskState{store.TaskHeld, store.TaskFailed}},
		"longest waiting, high amounts":    {Order: store.LongestWaiting, MinAmount: amount("900")},
		"search: id":                       {Search: strconv.Itoa(500_000 + orders/2)},
		"search: number":                   {Search: fmt.Sprintf("R%d", orders/3)},
		"search: document":                 {Search: fmt.Sprintf("S%d", one)},
		"search: e-mail":                   {Search: strings.ToUpper(email)},
		"search: frequent name":            {Search: "Anna"},
		"search: frequent letters":         {Search: "mül"},
		"search: name in a state":          {Search: "müller", States: []store.TaskState{store.TaskHeld}},
		"search: rare name in a flow":      {Search: "strom", Flow: "market-erp"},
		"search: two names":                {Search: "jurgen muller"},
		"search: the beginning of a name":  {Search: "christians"},
		"search: SKU":                      {Search: skuOf(one)},
		"search: SKU and name":             {Search: skuOf(one) + " " + family},
		"search: amount":                   {Search: strings.Replace(paid, ".", ",", 1)},
		"search: amount and name":          {Search: paid + " " + given},
		"search: telephone number":         {Search: fmt.Sprintf("+49 (30) %d", 3_000_000+one*7919%300_000)},
		"search: postal code":              {Search: "10017"},
		"search: name of a day long ago":   {Search: "anna", Since: filledAt.Add(-300 * day), Until: filledAt.Add(-290 * day)},
		"search: nothing":                  {Search: "nobody-has-this"},
	}
}

// firstSynced is an order of the filled store that has a document.
func firstSynced(orders int) int {
	i := orders / 4
	for i*104729%1000 < 25 {
		i++
	}
	return i
}

// queries are all that the screens ask for.
func screenQueries(orders int) []screenQuery {
	var all []screenQuery
	for name, f := range lists(orders) {
		want := !slices.Contains([]string{"search: nothing", "search: rare name in a flow", "failed of a flow by hand"}, name)
		f.Limit = 50
		all = append(all, screenQuery{"list " + name, func(ctx context.Context, s *store.Store, _ int) error {
			page, err := s.ListTasks(ctx, f)
			if err == nil && len(page.Tasks) == 0 && page.Next == "" && want {
				err = fmt.Errorf("found none")
			}
			return err
		}})
		all = append(all, screenQuery{"count " + name, func(ctx context.Context, s *store.Store, _ int) error {
			n, more, err := s.CountMatching(ctx, f, 10_000)
			if err == nil && n == 0 && !more && want {
				err = fmt.Errorf("counted none")
			}
			return err
		}})
	}
	slices.SortFunc(all, func(a, b screenQuery) int { return strings.Compare(a.name, b.name) })
	now := filledAt.Add(time.Minute)
	something := func(n int, err error) error {
		if err == nil && n == 0 {
			return fmt.Errorf("found nothing")
		}
		return err
	}
	return append(all,
		screenQuery{"causes", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.Causes(ctx, store.CauseFilter{Now: now})
			return something(len(list), err)
		}},
		screenQuery{"one cause", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.Causes(ctx, store.CauseFilter{ID: 7, Now: now})
			return something(len(list), err)
		}},
		screenQuery{"open causes", func(ctx context.Context, s *store.Store, _ int) error { return something(s.CountOpenCauses(ctx, now)) }},
		screenQuery{"unmapped values", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.UnmappedValues(ctx, "")
			return something(len(list), err)
		}},
		screenQuery{"per minute", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.PerMinute(ctx, "order", 60, now)
			return something(len(list), err)
		}},
		screenQuery{"lags", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.Lags(ctx, "order")
			return something(len(list), err)
		}},
		screenQuery{"oldest task", func(ctx context.Context, s *store.Store, _ int) error {
			_, err := s.OldestTask(ctx, "", "order")
			return err
		}},
		screenQuery{"oldest task of a flow", func(ctx context.Context, s *store.Store, _ int) error {
			_, err := s.OldestTask(ctx, "market-erp", "order")
			return err
		}},
		screenQuery{"today", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.Today(ctx, "order", now.Add(-24*time.Hour))
			return something(len(list), err)
		}},
		screenQuery{"backlogs", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.Backlogs(ctx, now)
			return something(len(list), err)
		}},
		screenQuery{"history of maps", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.MapChanges(ctx, store.MapFilter{Limit: 50})
			return something(len(list), err)
		}},
		screenQuery{"history of a row", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.MapChanges(ctx, store.MapFilter{Flow: "shop-de-erp", Table: "items", Key: "SKU-7", Limit: 50})
			return something(len(list), err)
		}},
		screenQuery{"seen values", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.SeenValues(ctx, store.SeenFilter{Connection: "shop-de", Kind: store.SeenSKU, After: "SKU-2", Limit: 50})
			return something(len(list), err)
		}},
		screenQuery{"audit", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.AuditEntries(ctx, store.AuditFilter{Limit: 50})
			return something(len(list), err)
		}},
		screenQuery{"audit of somebody", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.AuditEntries(ctx, store.AuditFilter{Who: "bert", Action: "skip", Limit: 50})
			return something(len(list), err)
		}},
		screenQuery{"audit of a task", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.AuditEntries(ctx, store.AuditFilter{Subject: "task/77", Limit: 50})
			return something(len(list), err)
		}},
		screenQuery{"audit of tasks", func(ctx context.Context, s *store.Store, _ int) error {
			list, err := s.AuditEntries(ctx, store.AuditFilter{Subject: "task/", Since: filledAt.Add(-time.Hour), Limit: 50})
			return something(len(list), err)
		}},
		screenQuery{"views", func(ctx context.Context, s *store.Store, _ int) error {
			_, err := s.Views(ctx, "anna", "orders")
			return err
		}},
		screenQuery{"version", func(ctx context.Context, s *store.Store, _ int) error {
			v, err := s.Version(ctx)
			return something(len(v), err)
		}},
		screenQuery{"one order", func(ctx context.Context, s *store.Store, orders int) error {
			_, err := s.TaskStory(ctx, int64(orders/2))
			return err
		}},
	)
}

// slowQuery adds up all tasks: the dashboard asks for it in the background.
var slowQuery = screenQuery{"counts by state", func(ctx context.Context, s *store.Store, _ int) error {
	_, err := s.CountTasks(ctx, "order")
	return err
}}

// Parts of a plan that tell of reading a whole table that grows with the orders, or of sorting it.
var (
	liteScan = regexp.MustCompile(`^SCAN (tasks|t|records|r|terms|links|l|events|e|deliveries|audit)\b`)
	liteSort = regexp.MustCompile(`USE TEMP B-TREE FOR (LAST \d+ TERMS? OF |RIGHT PART OF )?(ORDER BY|GROUP BY|DISTINCT)`)
	pgScan   = regexp.MustCompile(`Seq Scan on (tasks|records|terms|links|events|deliveries|audit)\b`)
	// What groups or sorts no more than the rows of an hour, of a thousand entries, or of a few streams.
	smallSort = regexp.MustCompile(`/ 60000|SELECT DISTINCT connection, kind FROM streams|FROM views|FROM causes WHERE closed_at`)
)

// The plan of each query of the screens uses an index and sorts nothing, in both databases.
func TestScreensReadFromIndexes(t *testing.T) {
	sequential(t)
	const orders = 20_000
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		fill(t, s, orders)
		for _, q := range screenQueries(orders) {
			t.Run(q.name, func(t *testing.T) {
				seen := 0
				watched := store.Watched(s, func(ctx context.Context, tx store.Tx, query string, args []any) {
					seen++
					plan, err := explain(ctx, tx, query, args)
					if err != nil {
						t.Fatalf("%v: %s", err, query)
					}
					for _, line := range plan {
						bad := pgScan.MatchString(line)
						if tx.Dialect() == store.SQLite {
							bad = liteScan.MatchString(line) || liteSort.MatchString(line) && !smallSort.MatchString(query)
						}
						if bad {
							t.Errorf("%.900s\n%.300v\n%.2000s", query, args, strings.Join(plan, "\n"))
						}
					}
				})
				if err := q.run(t.Context(), watched, orders); err != nil {
					t.Fatal(err)
				}
				if seen == 0 {
					t.Error("no query was seen")
				}
			})
		}
		if err := slowQuery.run(t.Context(), s, orders); err != nil {
			t.Error(err)
		}
	})
}

// What is asked of a backlog each minute, or on the first screen, is a search in the index that is made for it: neither
// what waits for something else nor the history is read.
func TestBacklogsAreAskedOfTheirIndexes(t *testing.T) {
	sequential(t)
	now := filledAt.Add(time.Minute)
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		fill(t, s, 5000)
		for name, c := range map[string]struct {
			index string
			run   func(ctx context.Context, s *store.Store) error
		}{
			"oldest task of a kind": {`tasks_waiting_since`, func(ctx context.Context, s *store.Store) error {
				row, err := s.OldestTask(ctx, "", "order")
				if err == nil && row == nil {
					err = fmt.Errorf("there is none")
				}
				return err
			}},
			"oldest task of a flow": {`tasks_waiting_since`, func(ctx context.Context, s *store.Store) error {
				_, err := s.OldestTask(ctx, "market-erp", "")
				return err
			}},
			"oldest orders": {`tasks_waiting_since`, func(ctx context.Context, s *store.Store) error {
				oldest, err := s.OldestOrders(ctx)
				if err == nil && len(oldest) != 3 {
					err = fmt.Errorf("oldest orders of %v", oldest)
				}
				return err
			}},
			"old orders of a flow": {`tasks_waiting_since`, func(ctx context.Context, s *store.Store) error {
				_, err := s.OrdersOlderThan(ctx, "market-erp", now.Add(-300*24*time.Hour))
				return err
			}},
			"growing causes": {`tasks_rested`, func(ctx context.Context, s *store.Store) error {
				_, err := s.GrowingCauses(ctx, now.Add(-time.Hour), 10, now)
				return err
			}},
		} {
			var plans []string
			watched := store.Watched(s, func(ctx context.Context, tx store.Tx, query string, args []any) {
				plan, err := explain(ctx, tx, query, args)
				if err != nil {
					t.Fatal(err)
				}
				plans = append(plans, plan...)
			})
			if err := c.run(t.Context(), watched); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			text := strings.Join(plans, "\n")
			others := regexp.MustCompile(`\btasks_(stream|seen|stuck|cause|stake|synced)\b|SCAN (tasks|t)\b|Seq Scan on tasks\b`)
			if !strings.Contains(text, c.index) || others.MatchString(text) {
				t.Errorf("%s:\n%s", name, text)
			}
		}
	})
}

func explain(ctx context.Context, tx store.Tx, query string, args []any) ([]string, error) {
	verb := "EXPLAIN QUERY PLAN "
	if tx.Dialect() == store.Postgres {
		verb = "EXPLAIN "
		// A table that is small is read as a whole wherever that is cheaper; when it is forbidden, it happens only
		// where no index helps.
		if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
			return nil, err
		}
	}
	rows, err := tx.Query(ctx, verb+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var a, b, c int
		var line string
		if tx.Dialect() == store.Postgres {
			err = rows.Scan(&line)
		} else {
			err = rows.Scan(&a, &b, &c, &line)
		}
		if err != nil {
			return nil, err
		}
		plan = append(plan, line)
	}
	return plan, rows.Err()
}

// How long the queries of the screens take with a million orders, or as many as ORDERLY_BENCH_ORDERS says.
func BenchmarkMillion(b *testing.B) {
	orders := benchOrders(b)
	b.Run("sqlite", func(b *testing.B) { benchScreens(b, storetest.Open(b, store.Options{Dir: b.TempDir()}), orders) })
	b.Run("postgres", func(b *testing.B) { benchScreens(b, storetest.Open(b, store.Options{URL: pgtest.URL(b)}), orders) })
}

// benchOrders is how many orders there are in a benchmark.
func benchOrders(b *testing.B) int {
	b.Helper()
	text := os.Getenv("ORDERLY_BENCH_ORDERS")
	if text == "" {
		return 1_000_000
	}
	orders, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return orders
}

func benchScreens(b *testing.B, s *store.Store, orders int) {
	fill(b, s, orders)
	type measured struct {
		name        string
		median, max time.Duration
	}
	var all []measured
	for _, q := range append(screenQueries(orders), slowQuery) {
		b.Run(strings.ReplaceAll(q.name, " ", "_"), func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := q.run(b.Context(), s, orders); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			slices.Sort(times)
			m := measured{q.name, times[len(times)/2], times[len(times)-1]}
			b.ReportMetric(float64(m.median.Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(m.max.Microseconds())/1000, "ms-max")
			all = append(all, m)
		})
	}
	slices.SortFunc(all, func(x, y measured) int { return int(y.median - x.median) })
	for _, m := range all[:min(len(all), 12)] {
		b.Logf("%-40s median %8.2f ms, max %8.2f ms", m.name, m.median.Seconds()*1000, m.max.Seconds()*1000)
	}
}
