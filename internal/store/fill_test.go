package store_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// filledAt is the time in the filled store: its orders are of the year before.
var filledAt = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Names of people in the filled store, the frequent ones first.
var (
	givenNames  = names("Anna", "Jürgen", "Marie", "Émile", "Łukasz", "Søren", "Zoë", "Paul", "Chiara", "Tomás")
	familyNames = names("Müller", "Schmidt", "Lefèvre", "Nowak", "Jensen", "Rossi", "O'Brien", "García", "de Vries", "Christiansen")
)

// names makes many names from a few.
func names(of ...string) []string {
	all := slices.Clone(of)
	for _, a := range of {
		for _, b := range []string{"mann", "sen", "er", "ski", "ová", "etti", "son", "eau", "ić", "stein", "berg", "feld", "bach", "hof", "rath", "horn", "lund", "dal", "gren", "ström"} {
			all = append(all, a[:len(a)/2]+b)
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return strings.ToValidUTF8(s, "") != s })
}

// Places of the values of the order with a number.
func buyerOf(i int) (given, family, email string) {
	n := i * 7919 % 300_000 // customers come back
	// The product of two even spreads is one in which the first are frequent.
	given = givenNames[n%len(givenNames)*(n/7%len(givenNames))/len(givenNames)]
	family = familyNames[n%len(familyNames)*(n/11%len(familyNames))/len(familyNames)]
	return given, family, fmt.Sprintf("customer%d@example.com", n)
}

func skuOf(i int) string { return fmt.Sprintf("SKU-%d", i*31%5000) }

// fill fills a store with orders: most synced, the newest on their way, one in a hundred held or failed by one of
// forty causes, in four streams for each of three sources.
func fill(tb testing.TB, s *store.Store, orders int) {
	tb.Helper()
	began := time.Now()
	sealed, err := s.Sealed(store.Buyer{Name: "Anna Müller", Email: "anna@example.com", Country: "DE"})
	if err != nil {
		tb.Fatal(err)
	}
	now := filledAt.UnixMilli()
	step := (365 * 24 * time.Hour / time.Duration(orders)).Milliseconds()
	const numbers = `WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)`
	const source = `CASE WHEN i % 10 < 6 THEN 'shop-de' WHEN i % 10 < 9 THEN 'shop-fr' ELSE 'market' END`
	const via = `CASE WHEN i % 1000 = 0 THEN 'manual' WHEN i % 100 < 5 THEN 'poll' WHEN i % 100 < 10 THEN 'backfill' ELSE 'webhook' END`
	const cents = `(i * 7919 % 100000 + 100)`
	statements := []struct {
		text string
		args []any
	}{
		{`INSERT INTO streams (flow, connection, destination, kind, via)
			SELECT c.name || '-erp', c.name, CASE WHEN c.name = 'market' THEN 'erp-2' ELSE 'erp-1' END, 'order', v.name
			FROM (SELECT 'shop-de' AS name UNION SELECT 'shop-fr' UNION SELECT 'market') AS c
			CROSS JOIN (SELECT 'webhook' AS name UNION SELECT 'poll' UNION SELECT 'manual' UNION SELECT 'backfill') AS v`, nil},
		{`INSERT INTO records (id, connection, kind, source_id, slot, revision, hash, first_via, first_seen, last_seen, number, amount, currency, amount_e4, ordered_at, buyer, summary)
			` + numbers + ` SELECT i, ` + source + `, 'order', CAST(500000 + i AS TEXT), i % 4096, 1, 'h', ` + via + `, $2 - ($1 - i) * $3, $2 - ($1 - i) * $3, 'R' || i,
			CAST(` + cents + ` / 100 AS TEXT) || '.' || substr(CAST(100 + ` + cents + ` % 100 AS TEXT), 2),
			CASE WHEN i % 10 = 9 THEN 'CHF' ELSE 'EUR' END, ` + cents + ` * 100, $2 - ($1 - i) * $3, $4, 1 FROM n`,
			[]any{orders, now, step, sealed}},
		{`INSERT INTO causes (id, flow, fingerprint, state, step, kind, code, field, value, message, fix, first_seen, last_seen, opened_at)
			` + numbers + ` SELECT i, CASE WHEN i % 10 < 6 THEN 'shop-de-erp' ELSE 'shop-fr-erp' END, 'f' || i, 'held', 'map', 'unmapped', 'sku', 'lines[].sku SKU-' || i, 'SKU-' || i, 'no article', 'add it', $2, $2, $2 FROM n`,
			[]any{40, now}},
		{`INSERT INTO tasks (id, flow, record_id, kind, destination, lane, state, wanted, delivered, due_at, priority, cause_id, created_at, waiting_since, synced_at, updated_at, lag_ms,
				stream_id, first_seen, amount_e4, currency)
			SELECT r.id, s.flow, r.id, 'order', s.destination, r.slot % 4, r.state, 1, CASE WHEN r.state = 'synced' THEN 1 ELSE 0 END, r.first_seen, 0,
				CASE WHEN r.state IN ('held', 'failed') THEN 1 + r.id / 7 % 40 ELSE 0 END, r.first_seen,
				CASE WHEN r.state IN ('synced', 'skipped') THEN 0 ELSE r.first_seen END,
				CASE WHEN r.state = 'synced' THEN r.first_seen + 2000 + r.id % 9000 ELSE 0 END, r.first_seen, 2000 + r.id % 9000,
				s.id, r.first_seen, r.amount_e4, r.currency
			FROM (SELECT r.*, CASE WHEN id > $1 - 3000 AND id % 2 = 0 THEN 'waiting' WHEN id > $1 - 10 THEN 'working' WHEN id * 104729 % 1000 < 8 THEN 'held'
				WHEN id * 104729 % 1000 < 10 THEN 'failed' WHEN id * 104729 % 1000 < 25 THEN 'skipped' ELSE 'synced' END AS state FROM records r) AS r
			JOIN streams s ON s.connection = r.connection AND s.via = r.first_via ORDER BY r.id`, []any{orders}},
		{`INSERT INTO links (destination, record_id, role, document_type, document_id, number, url, key, state, net, tax, gross, currency, customer_id, created_at, updated_at)
			SELECT destination, record_id, 'order', 'sale.order', CAST(7000000 + record_id AS TEXT), 'S' || record_id, '', 'k', 'confirmed', '', '', '', currency, '', first_seen, first_seen
			FROM tasks WHERE state = 'synced' ORDER BY record_id, destination`, nil},
		{`INSERT INTO audit (at, who, action, subject, why, detail)
			` + numbers + ` SELECT $2 - ($1 - i) * 1000, CASE WHEN i % 50 = 0 THEN 'bert' ELSE 'anna' END, CASE WHEN i % 100 = 0 THEN 'skip' ELSE 'retry' END,
			'task/' || i, 'because', '' FROM n`, []any{max(orders/10, 1000), now}},
		{`INSERT INTO mapping_history (flow, table_name, key, before, after, at, who, why)
			` + numbers + ` SELECT 'shop-de-erp', 'items', 'SKU-' || (i % 500), '', 'A', $2, 'anna', '' FROM n`, []any{max(orders/100, 1000), now}},
		{`INSERT INTO seen_values (connection, kind, value, title, count, last_at)
			` + numbers + ` SELECT 'shop-de', 'items', 'SKU-' || i, '', 1, $2 FROM n`, []any{5000, now}},
		{`INSERT INTO meta (key, value) VALUES ('config_version', 'x')`, nil},
	}
	for _, st := range statements {
		write(tb, s, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, st.text, st.args...)
			return err
		})
	}
	fillTerms(tb, s, orders)
	write(tb, s, func(ctx context.Context, tx store.Tx) error {
		if s.Dialect() == store.SQLite {
			return nil
		}
		_, err := tx.Exec(ctx, `ANALYZE`) // as autovacuum does after a while
		return err
	})
	tb.Logf("filled with %d orders in %s", orders, time.Since(began).Round(time.Second))
}

func fillTerms(tb testing.TB, s *store.Store, orders int) {
	tb.Helper()
	terms, err := s.Terms(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	type row struct{ hash, record int64 }
	byName := map[string][]int64{}
	for _, name := range slices.Concat(givenNames, familyNames) {
		byName[name] = terms(store.Words{Names: []string{name}})
	}
	rows := make([]row, 0, orders*12)
	for i := 1; i <= orders; i++ {
		given, family, email := buyerOf(i)
		hashes := slices.Concat(byName[given], byName[family], terms(store.Words{
			Emails: []string{email}, SKUs: []string{skuOf(i), skuOf(i + 1)}, Phones: []string{fmt.Sprint(3_000_000 + i*7919%300_000)}, PostalCodes: []string{fmt.Sprint(10_000 + i%8000)}}))
		slices.Sort(hashes)
		for _, hash := range slices.Compact(hashes) {
			rows = append(rows, row{hash, int64(i)})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.record, b.record)) })
	const some = 1000
	values := strings.TrimSuffix(strings.Repeat("(?), ", some), ", ")
	for i := 1; i <= some; i++ {
		values = strings.Replace(values, "(?)", fmt.Sprintf("($%d, $%d)", 2*i-1, 2*i), 1)
	}
	for batch := range slices.Chunk(rows, 100*some) {
		write(tb, s, func(ctx context.Context, tx store.Tx) error {
			for chunk := range slices.Chunk(batch, some) {
				args := make([]any, 0, 2*some)
				for i := range some { // the last row fills it up
					r := chunk[min(i, len(chunk)-1)]
					args = append(args, r.hash, r.record)
				}
				if _, err := tx.Exec(ctx, `INSERT INTO terms (hash, record_id) VALUES `+values+` ON CONFLICT DO NOTHING`, args...); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
