package mapping

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"unicode"
)

// anything is the key of the row for whatever has no other.
const anything = "*"

// Index is a table made ready for lookups, however many rows it has.
type Index struct {
	table    Table
	folded   map[string]string // letters in one case, to the key of the row
	patterns []pattern         // the one that wins first
}

// pattern is a row whose key stands for many values.
type pattern struct {
	key   string
	match string // of path.Match
	fixed int    // characters that are not free
}

// Index makes a table ready for lookups. The table must not change any more.
func (t Table) Index() *Index {
	x := &Index{table: t, folded: make(map[string]string, len(t))}
	for key := range t {
		switch {
		case key == anything:
		case IsPattern(key):
			x.patterns = append(x.patterns, pattern{key: key, match: prepare(key), fixed: len(key) - strings.Count(key, "*") - strings.Count(key, "?")})
		default:
			f := fold(key)
			if other, ok := x.folded[f]; !ok || key < other {
				x.folded[f] = key
			}
		}
	}
	slices.SortFunc(x.patterns, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(b.fixed, a.fixed), strings.Compare(a.key, b.key))
	})
	return x
}

// Find gives the destination's value for the first of the source's values that has a row.
func (x *Index) Find(values ...string) (to string, found bool) {
	key, found := x.Key(values...)
	return x.table[key], found
}

// Key gives the key of the row that Find takes.
func (x *Index) Key(values ...string) (key string, found bool) {
	for _, value := range values {
		if _, ok := x.table[value]; ok && value != anything {
			return value, true
		}
		if key, ok := x.folded[fold(value)]; ok {
			return key, true
		}
	}
	for _, value := range values {
		if key, found = x.pattern(value); found {
			return key, true
		}
	}
	_, found = x.table[anything]
	return anything, found
}

// pattern finds the row whose pattern has the most fixed characters; of equals the first by name.
func (x *Index) pattern(value string) (string, bool) {
	if len(x.patterns) == 0 {
		return "", false
	}
	text := prepare(value)
	for _, p := range x.patterns {
		if ok, err := path.Match(p.match, text); err == nil && ok {
			return p.key, true
		}
	}
	return "", false
}

// IsPattern says whether a key of a table stands for many values.
func IsPattern(key string) bool { return strings.ContainsAny(key, "*?") }

// prepare makes text fit for path.Match, for which "/", "[" and "\" are special: in a table they are
// characters like any other.
func prepare(text string) string { return special.Replace(strings.ToLower(text)) }

var special = strings.NewReplacer("/", "\x00", "[", "\x01", `\`, "\x02")

// fold gives one text for all that differ in the case of their letters alone, as strings.EqualFold does.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII {
			return unicode.ToUpper(r) // of the letters that fold to each other, the first is upper case
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, text)
}
