package mapping

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestIndexKeyIsWhatTheRulesSay compares the index with the rules as they are told, row by row.
func TestIndexKeyIsWhatTheRulesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[aAkKſK/\[ß]{1,3}`)
		table := Table{}
		for _, key := range rapid.SliceOf(text).Draw(t, "keys") {
			table[key] = "to " + key
		}
		value := text.Draw(t, "value")
		key, found := table.Index().Key(value)
		want := ""
		if _, ok := table[value]; ok {
			want = value
		} else {
			for candidate := range table {
				if strings.EqualFold(candidate, value) && (want == "" || candidate < want) {
					want = candidate
				}
			}
		}
		if found != (want != "") || (found && key != want) {
			t.Fatalf("%q has the row %q, %v; want %q", value, key, found, want)
		}
	})
}

func BenchmarkFindIn50000Rows(b *testing.B) {
	table := Table{"OLD-*": "NEW", "*-X": "Y"}
	for i := range 50_000 {
		table["SKU-"+strconv.Itoa(i)] = "ARTICLE-" + strconv.Itoa(i)
	}
	index := table.Index()
	for i := 0; b.Loop(); i++ {
		if _, found := index.Find("sku-" + strconv.Itoa(i%100_000)); found != (i%100_000 < 50_000) {
			b.Fatal("a value has the wrong row")
		}
	}
}
