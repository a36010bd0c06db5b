package desk

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// exportPart is how many orders an export reads at once.
const exportPart = 500

// EachOrder gives all orders that a filter chooses, page by page, until take fails.
func (d *Desk) EachOrder(ctx context.Context, f OrderFilter, take func([]store.TaskRow) error) error {
	filter, err := f.First().Tasks(d.now())
	if err != nil {
		return err
	}
	filter.Limit = exportPart
	for {
		page, err := d.store.ListTasks(ctx, filter)
		if err != nil {
			return err
		}
		if err := take(page.Tasks); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		filter.Cursor = page.Next
	}
}

// exportColumns are the columns of an export; those of the buyer are only there when personal data is revealed.
var (
	exportColumns = []string{
		"id", "kind", "number", "source", "source_id", "flow", "destination", "state", "amount", "currency", "ordered_at", "first_seen", "first_via",
		"waiting_since", "synced_at", "attempts", "document", "document_url", "cause", "reason",
	}
	buyerColumns = []string{"buyer_name", "buyer_email", "buyer_company", "buyer_country"}
)

// ExportOrders writes all orders that a filter chooses as CSV, page by page. The audit says so. flush, if not nil, is
// called after each page.
func (d *Desk) ExportOrders(ctx context.Context, person people.Person, f OrderFilter, reveal bool, w io.Writer, flush func() error) error {
	f = f.First()
	if _, err := f.Tasks(d.now()); err != nil {
		return err
	}
	detail := filterDetail(f)
	if reveal {
		detail += " with personal data"
	}
	if err := d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return d.store.Audit(ctx, tx, person.Who(), "export", "orders", "", detail, d.now())
	}); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	columns := exportColumns
	if reveal {
		columns = append(slices.Clip(columns), buyerColumns...)
	}
	if err := out.Write(columns); err != nil {
		return err
	}
	return d.EachOrder(ctx, f, func(rows []store.TaskRow) error {
		for _, row := range rows {
			if err := out.Write(exportRow(row, reveal)); err != nil {
				return err
			}
		}
		out.Flush()
		if err := out.Error(); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		if flush != nil {
			return flush()
		}
		return nil
	})
}

func exportRow(t store.TaskRow, reveal bool) []string {
	cause := ""
	if t.CauseID > 0 {
		cause = strconv.FormatInt(t.CauseID, 10)
	}
	row := []string{
		strconv.FormatInt(t.ID, 10), t.Kind, t.Number, t.Connection, t.SourceID, t.Flow, t.Destination, string(t.State), t.Amount, t.Currency,
		exportTime(t.OrderedAt), exportTime(t.FirstSeen), string(t.FirstVia), exportTime(t.WaitingSince), exportTime(t.SyncedAt),
		strconv.Itoa(t.Attempts), t.Document, t.DocumentURL, cause, t.Reason,
	}
	if reveal {
		row = append(row, t.Buyer.Name, t.Buyer.Email, t.Buyer.Company, t.Buyer.Country)
	}
	for i := range row {
		row[i] = Cell(row[i])
	}
	return row
}

func exportTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// Cell makes a text safe for a cell of a table: a program that opens CSV takes what begins like a formula for one. An
// apostrophe in front keeps it a text. Numbers stay numbers.
func Cell(text string) string {
	if !isFormula(strings.TrimLeft(text, "\t\r\n")) {
		return text
	}
	if _, err := money.ParseDecimal(text); err == nil {
		return text
	}
	return "'" + text
}
