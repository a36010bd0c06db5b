package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// summed lets a shop's order come through with a summary.
func summed(t testing.TB, s *store.Store, id string, sum store.Summary) {
	t.Helper()
	at := start.Add(time.Duration(len(id)) * time.Minute)
	body := rand.Text() // new content
	observe(t, s, withBody(t, s, body, order(id, at)))
	for _, w := range take(t, s, body, at) {
		r := synced(w, body, at)
		r.Summary = &sum
		if err := s.PackSummary(t.Context(), r.Summary); err != nil {
			t.Fatal(err)
		}
		finish(t, s, r)
	}
}

// found gives the source ids of the orders that a search finds.
func found(t testing.TB, s *store.Store, text string) []string {
	t.Helper()
	tasks, err := s.Tasks(t.Context(), store.TaskFilter{Search: text, Limit: 100})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var ids []string
	for _, task := range tasks {
		ids = append(ids, task.SourceID)
	}
	slices.Sort(ids)
	return ids
}

func TestOrdersAreFoundByWhatPeopleType(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		summed(t, s, "111", store.Summary{Number: "#1001", Amount: "1234.50", Currency: "EUR", Words: store.Words{
			Emails: []string{"Jurgen.Mueller@Example.com"}, Names: []string{"Jürgen Müller", "Straßenbau O'Brien-Łukasz GmbH"},
			SKUs: []string{"AB-12/x", "Blue Shirt XL"}, Phones: []string{"+49 (0)30 123-45 67"}, PostalCodes: []string{"SW1A 1AA"}}})
		summed(t, s, "222", store.Summary{Number: "1002", Amount: "12.50", Currency: "EUR", Words: store.Words{
			Emails: []string{"anna@example.com"}, Names: []string{"Anna Müllerschön"}, SKUs: []string{"AB-12"}, PostalCodes: []string{"10115"}}})
		summed(t, s, "333", store.Summary{Number: "1003", Amount: "-7", Currency: "EUR", Words: store.Words{Names: []string{"Li Na"}}})
		for text, want := range map[string][]string{
			"111": {"111"}, "#1001": {"111"}, "1001": {"111"}, "#1002": {"222"}, "S00222": {"222"}, "7-222": {"222"},
			"jurgen.mueller@example.com": {"111"}, "JURGEN.MUELLER@EXAMPLE.COM": {"111"}, "mueller@example.com": nil, "example.com": nil,
			// Longer beginnings find what has their first six letters, when nobody has the word itself.
			"mül": {"111", "222"}, "MUL": {"111", "222"}, "mü": nil, "muller": {"111", "222"}, "müllers": {"111", "222"}, "müllexs": nil, "muellers": nil,
			"anna müller": {"222"}, "müller jürgen": {"111"}, "anna jürgen": nil, "li": {"333"}, "na li": {"333"},
			"strassenbau": {"111"}, "straßenbau gmbh": {"111"}, "o'brien": {"111"}, "lukasz": {"111"}, "brien-lukasz": {"111"},
			"ab-12": {"222"}, "AB-12/X": {"111"}, "blue shirt xl": {"111"}, "blue": nil,
			"1234567": {"111"}, "030 1234567": {"111"}, "+49301234567": {"111"}, "234567": nil, "0301234568": nil,
			"sw1a 1aa": {"111"}, "SW1A1AA": {"111"}, "10115": {"222"},
			"12.50": {"222"}, "12,50": {"222"}, "12.5": {"222"}, "€12,50": {"222"}, "1.234,50": {"111"}, "1,234.50": {"111"}, "1234,5": {"111"},
			"-7,00": {"333"}, "7,00": nil, "1234": nil, "12.51": nil, "12.5000": {"222"}, "12.50001": nil,
			"anna 12,50": {"222"}, "anna 10115 ab-12": {"222"}, "anna 1002": {"222"}, "anna 1003": nil, "ab-12 müller": {"222"},
			"": {"111", "222", "333"}, "  ": {"111", "222", "333"}, "%": nil, "a": nil, "@": nil, ",": nil,
		} {
			if got := found(t, s, text); !slices.Equal(got, want) && len(got)+len(want) > 0 {
				t.Errorf("%q finds %v, want %v", text, got, want)
			}
		}
	})
}

// What an order is found by goes with its content, and stays when the same comes again.
func TestTermsFollowTheContent(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		terms := func() (n int) {
			err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
				return tx.QueryRow(ctx, `SELECT COUNT(*) FROM terms`).Scan(&n)
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		is := func(n int, finds map[string]bool) {
			t.Helper()
			if got := terms(); got != n {
				t.Errorf("%d terms, want %d", got, n)
			}
			for text, want := range finds {
				if got := found(t, s, text); (len(got) > 0) != want {
					t.Errorf("%q finds %v", text, got)
				}
			}
		}
		summed(t, s, "1", store.Summary{Number: "A", Words: store.Words{Names: []string{"Anna Berg"}, SKUs: []string{"X1", "X2"}}})
		is(6, map[string]bool{"anna": true, "berg": true, "x1": true, "A": true}) // ann, anna, ber, berg
		summed(t, s, "1", store.Summary{Number: "B", Words: store.Words{Names: []string{"Anna Tal"}, SKUs: []string{"X2", "X3", "X2"}}})
		is(5, map[string]bool{"anna": true, "berg": false, "tal": true, "x1": false, "x2": true, "x3": true, "A": false, "B": true})
		summed(t, s, "1", store.Summary{Number: "B", Words: store.Words{Names: []string{"Anna Tal"}, SKUs: []string{"X2", "X3", "X2"}}})
		is(5, map[string]bool{"anna": true})
		summed(t, s, "1", store.Summary{Number: "B"})
		is(0, map[string]bool{"anna": false, "B": true})
		var many store.Words
		for i := range 500 {
			many.SKUs = append(many.SKUs, fmt.Sprint("sku", i))
		}
		summed(t, s, "1", store.Summary{Number: "B", Words: many})
		is(96, map[string]bool{"sku7": true, "sku499": false})
	})
}

// Two flows that carry the same order write what it is found by once; what the later content says wins.
func TestTwoFlowsShareASummary(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		o := withBody(t, s, "a", order("1", start))
		o.Routes = []store.Route{{Flow: "a", Destination: "erp", Lanes: 1}, {Flow: "b", Destination: "erp", Lanes: 1}}
		observe(t, s, o)
		works, err := s.TakeTasks(t.Context(), "erp", 0, "run", start, settle, 9)
		if err != nil || len(works) != 2 {
			t.Fatal(len(works), err)
		}
		for i, name := range []string{"Anna", "Bert"} { // as if the first had read older content
			r := synced(works[i], "run", start)
			r.Summary = &store.Summary{Number: "1", Words: store.Words{Names: []string{name, "Berg"}}}
			finish(t, s, r)
		}
		for text, want := range map[string]int{"anna": 0, "bert": 2, "berg": 2} {
			if got := found(t, s, text); len(got) != want {
				t.Errorf("%q finds %v", text, got)
			}
		}
	})
}

// The key of the search is kept: a database that is opened again is searched as before, by another node too.
func TestSearchOutlivesARestart(t *testing.T) {
	box := storetest.Box(t)
	for name, o := range map[string]store.Options{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: pgtest.URL(t)}} {
		t.Run(name, func(t *testing.T) {
			open := func() *store.Store {
				db, err := store.Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { db.Close() })
				return store.New(db, box)
			}
			summed(t, open(), "1", store.Summary{Words: store.Words{Names: []string{"Anna"}}})
			if got := found(t, open(), "anna"); len(got) != 1 {
				t.Errorf("found %v", got)
			}
		})
	}
}

// Nothing that a record is found by can be read in the file, nor guessed without the key.
func TestPersonalDataIsNotReadable(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, store.Options{Dir: dir})
	words := store.Words{Emails: []string{"hildegard@secret.example"}, Names: []string{"Hildegard Quandt"}, SKUs: []string{"SKU-UNIQUE-1"}, Phones: []string{"0301234567"}, PostalCodes: []string{"98765"}}
	summed(t, s, "1", store.Summary{Number: "R-READABLE", Amount: "5", Currency: "EUR", Words: words,
		Buyer: store.Buyer{Name: "Hildegard Quandt", Email: "hildegard@secret.example", Company: "Quandt KG", Country: "DE"}})
	if row := task(t, s, erp.Flow, 1); row.Buyer.Name != "Hildegard Quandt" || row.Buyer.Country != "DE" || !row.OrderedAt.IsZero() {
		t.Errorf("%+v", row.Buyer)
	}
	story, err := s.TaskStory(t.Context(), 1)
	if err != nil || story.Task.Buyer.Company != "Quandt KG" {
		t.Errorf("%+v, %v", story.Task.Buyer, err)
	}
	var all []byte
	for _, name := range []string{"orderly.db", "orderly.db-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.ToLower(content)...)
	}
	if !bytes.Contains(all, []byte("r-readable")) {
		t.Fatal("the number is not in the file: the test reads the wrong one")
	}
	for _, text := range []string{"hildegard", "quandt", "secret.example", "sku-unique", "1234567", "98765"} {
		if bytes.Contains(all, []byte(text)) {
			t.Errorf("%q can be read in the file", text)
		}
	}
	mine, err := s.Terms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := storetest.Open(t, store.Options{Dir: t.TempDir()}).Terms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range other(words) {
		if slices.Contains(mine(words), hash) {
			t.Error("two databases have the same hash of a word")
		}
	}
	if len(mine(words)) < 8 {
		t.Errorf("%d terms", len(mine(words)))
	}
}

// FuzzSearch looks for whatever text: it neither fails nor finds what is not there.
func FuzzSearch(f *testing.F) {
	s := storetest.Open(f, store.Options{Dir: f.TempDir()})
	summed(f, s, "1", store.Summary{Number: "1", Amount: "12.50", Words: store.Words{Names: []string{"Anna"}}})
	for _, text := range []string{"anna", "12,50", "€ 1.000", "a@b", "+49", "'", "\x00", "1e400", "-.,", "ﬀ ǆ", strings.Repeat("x ", 50), "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := s.ListTasks(t.Context(), store.TaskFilter{Search: text, Limit: 5}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
