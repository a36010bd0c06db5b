package mapping

import (
	"path"
	"strings"
)

// Find gives the destination's value for the first of the source's values that has a row.
func (t Table) Find(values ...string) (to string, found bool) {
	for _, value := range values {
		if to, found = t.exact(value); found {
			return to, true
		}
	}
	for _, value := range values {
		if to, found = t.pattern(value); found {
			return to, true
		}
	}
	to, found = t[anything]
	return to, found
}

// anything is the key of the row for whatever has no other.
const anything = "*"

func (t Table) exact(value string) (string, bool) {
	if to, ok := t[value]; ok && value != anything {
		return to, true
	}
	for key, to := range t {
		if !isPattern(key) && strings.EqualFold(key, value) {
			return to, true
		}
	}
	return "", false
}

// pattern finds the row whose pattern has the most fixed characters; of equals the first by name.
func (t Table) pattern(value string) (string, bool) {
	best, bestFixed := "", -1
	for key := range t {
		if key == anything || !isPattern(key) {
			continue
		}
		if ok, err := path.Match(prepare(key), prepare(value)); err != nil || !ok {
			continue
		}
		fixed := len(key) - strings.Count(key, "*") - strings.Count(key, "?")
		if fixed > bestFixed || (fixed == bestFixed && key < best) {
			best, bestFixed = key, fixed
		}
	}
	to, ok := t[best]
	return to, ok && bestFixed >= 0
}

func isPattern(key string) bool { return strings.ContainsAny(key, "*?") }

// prepare makes text fit for path.Match, for which "/", "[" and "\" are special: in a table they are
// characters like any other.
func prepare(text string) string {
	return strings.NewReplacer("/", "\x00", "[", "\x01", `\`, "\x02").Replace(strings.ToLower(text))
}
