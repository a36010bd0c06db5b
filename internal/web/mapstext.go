package web

import (
	"strconv"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/store"
)

// seenText writes in how many orders a value was seen.
func seenText(n int64) string {
	if n == 0 {
		return "–"
	}
	return whole(n)
}

// rowsText says how many rows there are and which are shown.
func rowsText(m *desk.MapsView, search string) string {
	if search != "" {
		return whole(m.Matching) + " of " + plural(m.Total, "row", "rows")
	}
	return plural(m.Total, "row", "rows")
}

func noRowsText(m *desk.MapsView, search string) string {
	if search != "" {
		return "No row of this table has " + search + " in its value or code."
	}
	return "There is no row yet. " + m.Table.Without
}

// newRowHint shows in the first empty row what belongs there.
func newRowHint(i int, t desk.MapTable) string {
	if i > 0 {
		return ""
	}
	switch t.Name {
	case "items":
		return "such as OLD-SKU or SET-*"
	case "taxes":
		return "such as DE 19%"
	case "payments", "terms":
		return "such as paypal"
	case "shipping":
		return "such as express, or * for all"
	case "charges":
		return "such as tip"
	}
	return "such as main"
}

// mapsPageAddress is the page before or after; "" where there is none.
func mapsPageAddress(v *visit, m *desk.MapsView, by int) string {
	next := m.Page + by
	if next < 1 || next > m.Pages {
		return ""
	}
	return v.with("page", strconv.Itoa(next))
}

func whyOf(f mapsForm, table string) string {
	if f.table != table {
		return ""
	}
	return f.why
}

func removedText(m *desk.MapImport) string {
	if m.Replace {
		return "also those that the file does not have"
	}
	return "have an empty code"
}

func removedTone(m *desk.MapImport) string {
	if len(m.Removed) > 0 {
		return "warn"
	}
	return ""
}

func badTone(m *desk.MapImport) string {
	if len(m.Bad) > 0 {
		return "bad"
	}
	return ""
}

// historyTable is the table that a history leads back to.
func historyTable(f store.MapFilter) string {
	if f.Table == desk.TableSettings {
		return ""
	}
	return f.Table
}
