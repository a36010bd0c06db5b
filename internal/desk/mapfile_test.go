package desk

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/internal/mapping"
)

// FuzzParseRows holds that whatever a file has, its rows can be written and a file made of them gives
// the same rows.
func FuzzParseRows(f *testing.F) {
	for _, text := range []string{
		"value,code\nA,B\n", "\xef\xbb\xbfvalue;code\r\nA;B\r\n", "sep=;\nvalue;code\n'=A;'+B", "value\tcode\n\"A\"\"\tB\"\n", "code,value\n\"\n", "value,code,value\n'',-1,x\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, bad, err := parseRows(file)
		if err != nil {
			return
		}
		table := mapping.Table{}
		for _, r := range rows {
			if problem := rowProblem(r.key, r.to); problem != "" || !utf8.ValidString(r.key) {
				t.Fatalf("line %d is taken although %s: %q", r.line, problem, r.key)
			}
			table[r.key] = r.to
		}
		for _, b := range bad {
			if b.Line < 1 || b.Line > strings.Count(string(file), "\n")+1 || b.Why == "" {
				t.Fatalf("a bad line %+v that is not there", b)
			}
		}
		again, err := writeCSV(table, CSVOptions{Semicolon: len(rows)%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		read, bad, err := parseRows(again)
		if err != nil || len(bad) > 0 || len(read) != len(rows) {
			t.Fatalf("%d rows became %d, bad %+v, %v", len(rows), len(read), bad, err)
		}
		for _, r := range read {
			if to, ok := table[r.key]; !ok || to != r.to {
				t.Fatalf("%q leads to %q, was %q", r.key, r.to, to)
			}
		}
	})
}
