package web

import (
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/internal/desk"
)

// withEmptyRules adds the empty rows in which new rules are typed.
func withEmptyRules(rows []ruleRow) []ruleRow {
	return append(slices.Clip(rows), make([]ruleRow, moreRules)...)
}

// ruleHeight is how many lines an expression's field shows.
func ruleHeight(expression string) int {
	const wide = 44 // characters that fit on a line
	lines := 0
	for line := range strings.SplitSeq(expression, "\n") {
		lines += 1 + len(line)/wide
	}
	return min(max(lines, 1), 12)
}

func placeholderOf(i int, text string) string {
	if i == 0 {
		return text
	}
	return ""
}

// lineNote is what stands below a line's article.
func lineNote(l desk.PaperLine) string {
	note := short(l.Name, 60)
	if l.Kind != "product" {
		note = strings.TrimSpace(l.Kind + " " + note)
	}
	if l.Warehouse != "" {
		note += " · " + l.Warehouse
	}
	return note
}

func compareTone(c *desk.RulesComparison) string {
	if len(c.Changed) > 0 {
		return "warn"
	}
	return "good"
}
