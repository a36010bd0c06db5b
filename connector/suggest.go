package connector

import (
	"slices"
	"strings"
)

// suggestion says which of the known names was probably meant.
func suggestion(name string, known []string) string {
	if nearest := Nearest(name, known); nearest != "" {
		return "did you mean " + nearest + "?"
	}
	sorted := slices.Sorted(slices.Values(known))
	return "known are " + strings.Join(sorted, ", ")
}

// Nearest gives the known name that is at most three edits away from name, or "".
func Nearest(name string, known []string) string {
	best, bestDistance := "", 4
	for _, k := range known {
		if d := editDistance(name, k); d < bestDistance && d < len(k) {
			best, bestDistance = k, d
		}
	}
	return best
}

// editDistance is Levenshtein's: insertions, deletions and replacements.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			previous, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, previous+cost)
		}
	}
	return row[len(b)]
}
