package connector_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/connector"
)

func TestNearest(t *testing.T) {
	known := []string{"api_key", "api_secret", "company", "mode", "id"}
	for name, want := range map[string]string{
		"api_key":     "api_key",
		"apikey":      "api_key",
		"api_kye":     "api_key",
		"api_secrets": "api_secret",
		"Company":     "company",
		"comp":        "company", // three letters are missing
		"compa":       "company",
		"moed":        "mode",
		"xyzzyxyzzy":  "",
		"":            "",
		"zz":          "", // as far from "id" as two other letters are
	} {
		if got := connector.Nearest(name, known); got != want {
			t.Errorf("nearest to %q is %q; want %q", name, got, want)
		}
	}
	if got := connector.Nearest("mode", nil); got != "" {
		t.Errorf("of nothing %q is nearest", got)
	}
}

func TestNearestFindsWhatIsMistyped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z_]{6,12}`).Draw(t, "word")
		edits := rapid.IntRange(0, 3).Draw(t, "edits")
		typed := []byte(word)
		for range edits {
			at := rapid.IntRange(0, len(typed)-1).Draw(t, "at")
			switch rapid.SampledFrom([]string{"replace", "insert", "delete"}).Draw(t, "edit") {
			case "replace":
				typed[at] = '9'
			case "insert":
				typed = slices.Insert(typed, at, '9')
			default:
				typed = slices.Delete(typed, at, at+1)
			}
		}
		if got := connector.Nearest(string(typed), []string{"0000000000000000", word}); got != word {
			t.Errorf("%q is %d edits away from %q, but %q is nearest", typed, edits, word, got)
		}
	})
}

func FuzzNearest(f *testing.F) {
	f.Add("mode", "moed", "node")
	f.Add("", "", "ü")
	f.Fuzz(func(t *testing.T, name, first, second string) {
		known := []string{first, second}
		got := connector.Nearest(name, known)
		if got != "" && !slices.Contains(known, got) {
			t.Errorf("%q is none of %q", got, known)
		}
		if slices.Contains(known, name) && got != name {
			t.Errorf("%q is known, but %q is nearest", name, got)
		}
		if utf8.ValidString(name) && len(name) > len(first)+3 && len(name) > len(second)+3 && got != "" {
			t.Errorf("%q is more than three insertions away from %q", name, got)
		}
	})
}
