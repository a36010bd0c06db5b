package desk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/people"
)

// Columns of a file of rows. Others are left out.
const (
	columnValue = "value" // of the source
	columnCode  = "code"  // of the destination; empty removes the row
)

// maxBadLines is how many wrong lines are told; more help nobody.
const maxBadLines = 50

// RowChange is what becomes of a row of a table.
type RowChange struct {
	Key    string `json:"key"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// BadLine is a line of a file that cannot be taken.
type BadLine struct {
	Line int    `json:"line"` // from 1
	Why  string `json:"why"`
}

// MapImport is what a file would do, or has done, to a table.
type MapImport struct {
	Flow      string      `json:"flow"`
	Table     string      `json:"table"`
	Replace   bool        `json:"replace"` // rows that the file does not have are removed
	Added     []RowChange `json:"added"`
	Changed   []RowChange `json:"changed"`
	Removed   []RowChange `json:"removed"`
	Unchanged int         `json:"unchanged"`
	Bad       []BadLine   `json:"bad"`      // they are left out
	BadMore   int         `json:"bad_more"` // wrong lines beyond those in Bad
	// Digest stands for all changes; Import makes no others than those that were seen.
	Digest string `json:"digest"`
}

// Empty says whether nothing would change.
func (m *MapImport) Empty() bool { return len(m.Added)+len(m.Changed)+len(m.Removed) == 0 }

// rows are the changes as SetMapRows takes them.
func (m *MapImport) rows() map[string]string {
	rows := make(map[string]string, len(m.Added)+len(m.Changed)+len(m.Removed))
	for _, c := range slices.Concat(m.Added, m.Changed, m.Removed) {
		rows[c.Key] = c.After
	}
	return rows
}

// ImportPlan says what a CSV file would do to a table, and changes nothing. replace removes the rows
// that the file does not have.
func (d *Desk) ImportPlan(ctx context.Context, flowName, table string, file []byte, replace bool) (*MapImport, error) {
	if _, err := mapTable(table); err != nil {
		return nil, err
	}
	_, c, err := d.flowConfig(ctx, flowName)
	if err != nil {
		return nil, err
	}
	present, err := presentRows(&c.Mapping, table)
	if err != nil {
		return nil, err
	}
	rows, bad, err := parseRows(file)
	if err != nil {
		return nil, err
	}
	return planImport(flowName, table, present, rows, bad, replace), nil
}

// Import makes the changes of a file. digest is that of the plan that the person has seen: when the
// table has changed since, so that other changes would be made, nothing is.
func (d *Desk) Import(ctx context.Context, person people.Person, flowName, table string, file []byte, replace bool, digest, why string) (*MapImport, error) {
	if _, err := mapTable(table); err != nil {
		return nil, err
	}
	rows, bad, err := parseRows(file)
	if err != nil {
		return nil, err
	}
	var plan *MapImport
	_, err = d.changeRows(ctx, person, flowName, table, why, func(present mapping.Table) (map[string]string, error) {
		plan = planImport(flowName, table, present, rows, bad, replace)
		if plan.Digest != digest {
			return nil, Invalid("", "the table has changed since the plan was made, and other rows would change now; look at the new plan")
		}
		return plan.rows(), nil
	})
	return plan, err
}

func planImport(flowName, table string, present mapping.Table, rows []fileRow, bad []BadLine, replace bool) *MapImport {
	m := &MapImport{Flow: flowName, Table: table, Replace: replace, Added: []RowChange{}, Changed: []RowChange{}, Removed: []RowChange{}}
	m.Bad, m.BadMore = append([]BadLine{}, bad[:min(len(bad), maxBadLines)]...), max(len(bad)-maxBadLines, 0)
	given := make(map[string]bool, len(rows))
	for _, r := range rows {
		given[r.key] = true
		was, exists := present[r.key]
		switch {
		case r.to == was:
			m.Unchanged++
		case r.to == "":
			m.Removed = append(m.Removed, RowChange{Key: r.key, Before: was})
		case exists:
			m.Changed = append(m.Changed, RowChange{Key: r.key, Before: was, After: r.to})
		default:
			m.Added = append(m.Added, RowChange{Key: r.key, After: r.to})
		}
	}
	if replace {
		for _, key := range slices.Sorted(maps.Keys(present)) {
			if !given[key] {
				m.Removed = append(m.Removed, RowChange{Key: key, Before: present[key]})
			}
		}
	}
	hash := sha256.New()
	for _, list := range [][]RowChange{m.Added, m.Changed, m.Removed} {
		slices.SortFunc(list, func(a, b RowChange) int { return strings.Compare(a.Key, b.Key) })
		for _, c := range list {
			hash.Write(fmt.Appendf(nil, "%q %q %q\n", c.Key, c.Before, c.After))
		}
	}
	m.Digest = hex.EncodeToString(hash.Sum(nil)[:16])
	return m
}

// fileRow is a row of a file that can be taken.
type fileRow struct {
	line    int
	key, to string
}

// parseRows reads a CSV file: UTF-8 with or without a byte order mark, lines that end as on Windows or
// elsewhere, columns apart by a comma, a semicolon or a tab, and a first line that names them. An error
// is about the file as a whole; lines that cannot be taken are told with the reason.
func parseRows(file []byte) (rows []fileRow, bad []BadLine, err error) {
	if bytes.HasPrefix(file, []byte("\xff\xfe")) || bytes.HasPrefix(file, []byte("\xfe\xff")) {
		return nil, nil, Invalid("file", "the file is in UTF-16; save it as CSV UTF-8")
	}
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(file)) == 0 {
		return nil, nil, Invalid("file", "the file is empty; its first line must be: %s,%s", columnValue, columnCode)
	}
	if !utf8.Valid(file) {
		return nil, nil, Invalid("file", "line %d has characters that are not in UTF-8; save the file as CSV UTF-8", badLine(file))
	}
	comma, file, skipped := delimiter(file)
	r := csv.NewReader(bytes.NewReader(file))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, true
	value, code := -1, -1
	lines := map[string]int{} // where a value stands, in whatever case
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if problem, ok := errors.AsType[*csv.ParseError](err); ok {
			if value < 0 {
				return nil, nil, Invalid("file", "the first line cannot be read: %v", problem.Err)
			}
			bad = append(bad, BadLine{Line: problem.StartLine + skipped, Why: quoteProblem(problem)})
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		line, _ := r.FieldPos(0)
		line += skipped
		if value < 0 {
			if value, code, err = columns(record); err != nil {
				return nil, nil, err
			}
			continue
		}
		if strings.Join(record, "") == "" {
			continue // spreadsheets leave such lines at the end
		}
		if len(record) <= max(value, code) {
			bad = append(bad, BadLine{Line: line, Why: fmt.Sprintf("it has %d columns, and the first line names %d", len(record), max(value, code)+1)})
			continue
		}
		row := fileRow{line: line, key: unguard(record[value]), to: strings.TrimSpace(unguard(record[code]))}
		if problem := rowProblem(row.key, row.to); problem != "" {
			bad = append(bad, BadLine{Line: line, Why: problem})
			continue
		}
		if other, twice := lines[row.key]; twice {
			bad = append(bad, BadLine{Line: line, Why: fmt.Sprintf("its value stands already in line %d", other)})
			continue
		}
		lines[row.key] = line
		rows = append(rows, row)
		if len(rows) > maxMapRows {
			return nil, nil, Invalid("file", "the file has more than %d rows", maxMapRows)
		}
	}
	return rows, bad, nil
}

// badLine is the first line that is not UTF-8.
func badLine(file []byte) int {
	for i, line := range bytes.Split(file, []byte("\n")) {
		if !utf8.Valid(line) {
			return i + 1
		}
	}
	return 0
}

// delimiter finds what keeps the columns apart, by the line "sep=;" that some spreadsheets write, or else
// by the names of the columns; skipped is how many lines were taken off.
func delimiter(file []byte) (comma rune, rest []byte, skipped int) {
	first, after, _ := bytes.Cut(file, []byte("\n"))
	line := strings.TrimRight(string(first), "\r")
	if sep, found := strings.CutPrefix(strings.ToLower(line), "sep="); found && len(sep) == 1 && strings.Contains(",;\t", sep) {
		return rune(sep[0]), after, 1
	}
	best := ','
	for _, c := range []rune{';', '\t'} {
		if strings.Count(line, string(c)) > strings.Count(line, string(best)) {
			best = c
		}
	}
	return best, file, 0
}

// columns finds the columns that count.
func columns(names []string) (value, code int, err error) {
	value, code = -1, -1
	for i, name := range names {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case columnValue:
			if value < 0 {
				value = i
			}
		case columnCode:
			if code < 0 {
				code = i
			}
		}
	}
	if value < 0 || code < 0 {
		return 0, 0, Invalid("file", "the first line must name the columns %s and %s, such as: %s,%s", columnValue, columnCode, columnValue, columnCode)
	}
	return value, code, nil
}

func quoteProblem(e *csv.ParseError) string {
	switch {
	case errors.Is(e.Err, csv.ErrBareQuote):
		return `it has a " in the middle of a value; write the value in quotes and the " twice`
	case errors.Is(e.Err, csv.ErrQuote):
		return `a value that begins with a " must end with one before the next column`
	}
	return e.Err.Error()
}

// CSVOptions say how a file is written.
type CSVOptions struct {
	Semicolon bool // between the columns: what spreadsheets expect where the comma is in numbers
}

// ExportCSV writes the rows of a table as a file that ImportPlan reads: with a byte order mark, so that
// spreadsheets see UTF-8, and guarded so that they take no value for a formula.
func (d *Desk) ExportCSV(ctx context.Context, flowName, table string, o CSVOptions) ([]byte, error) {
	if _, err := mapTable(table); err != nil {
		return nil, err
	}
	_, c, err := d.flowConfig(ctx, flowName)
	if err != nil {
		return nil, err
	}
	rows, err := presentRows(&c.Mapping, table)
	if err != nil {
		return nil, err
	}
	return writeCSV(rows, o)
}

// ExportUnmapped writes the values that have no row yet, with empty codes to be filled in.
func (d *Desk) ExportUnmapped(ctx context.Context, flowName, table string, o CSVOptions) ([]byte, error) {
	page, err := d.Maps(ctx, MapQuery{Flow: flowName, Table: table, Limit: 1, Unmapped: maxUnmapped})
	if err != nil {
		return nil, err
	}
	rows := mapping.Table{}
	for _, u := range page.Unmapped {
		rows[u.Key] = u.To
	}
	return writeCSV(rows, o)
}

func writeCSV(rows mapping.Table, o CSVOptions) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("\xef\xbb\xbf")
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	if o.Semicolon {
		w.Comma = ';'
	}
	if err := w.Write([]string{columnValue, columnCode}); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if err := w.Write([]string{guard(key), guard(rows[key])}); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// guard puts a ' before a value that a spreadsheet would take for a formula, and before one that looks
// guarded already, so that unguard gives back every value.
func guard(value string) string {
	if isFormula(strings.TrimLeft(value, "'")) {
		return "'" + value
	}
	return value
}

func unguard(value string) string {
	if rest, found := strings.CutPrefix(value, "'"); found && isFormula(strings.TrimLeft(rest, "'")) {
		return rest
	}
	return value
}

// isFormula says whether a text begins as formulas do, in full width too.
func isFormula(text string) bool {
	text = strings.TrimLeft(text, " ")
	return text != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(text)[0])
}
