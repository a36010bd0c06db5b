package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Roles of linked documents.
const (
	RoleOrder    = "order"
	RoleCustomer = "customer"
	RoleInvoice  = "invoice"
)

// Link joins a record and a document of a destination.
type Link struct {
	Destination  string
	RecordID     int64
	Role         string
	DocumentType string
	DocumentID   string
	Number       string
	URL          string
	Key          string
	State        string
	Net          string
	Tax          string
	Gross        string
	Currency     string
	CustomerID   string
	Flow         string // that keeps the document up to date; "" is none
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// sameTotals says that a link's document is the one that is known, and that nobody has read its totals this time.
const sameTotals = `excluded.net = '' AND excluded.tax = '' AND excluded.gross = ''
	AND links.document_type = excluded.document_type AND links.document_id = excluded.document_id`

// keptTotal keeps a column of a document's totals when nobody has read them.
func keptTotal(column string) string {
	return column + ` = CASE WHEN ` + sameTotals + ` THEN links.` + column + ` ELSE excluded.` + column + ` END`
}

var saveLink = `
	INSERT INTO links (destination, record_id, role, document_type, document_id, number, url, key, state, net, tax, gross, currency, customer_id, flow, created_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)
	ON CONFLICT (destination, role, record_id) DO UPDATE SET
		document_type = excluded.document_type, document_id = excluded.document_id, number = excluded.number, url = excluded.url,
		key = excluded.key, state = excluded.state, customer_id = excluded.customer_id, flow = excluded.flow, updated_at = excluded.updated_at,
		` + keptTotal("net") + `, ` + keptTotal("tax") + `, ` + keptTotal("gross") + `, ` + keptTotal("currency")

// SaveLink stores a link; a record has one document of each role in a destination. A link without totals leaves those that
// are known of its document.
func (s *Store) SaveLink(ctx context.Context, tx Tx, l Link, now time.Time) error {
	_, err := tx.Exec(ctx, saveLink,
		l.Destination, l.RecordID, l.Role, l.DocumentType, l.DocumentID, l.Number, l.URL, l.Key, l.State,
		l.Net, l.Tax, l.Gross, l.Currency, l.CustomerID, l.Flow, millis(now))
	if err != nil {
		return fmt.Errorf("link of record %d to %s %s: %w", l.RecordID, l.DocumentType, l.DocumentID, err)
	}
	return nil
}

// ErrTaskMoved says that a task is not any more as it was when somebody decided about it.
var ErrTaskMoved = errors.New("the order has changed since")

// LinkTakenError says that a document belongs to another record already.
type LinkTakenError struct{ Kind, Number, SourceID string }

func (e *LinkTakenError) Error() string {
	return fmt.Sprintf("the document is that of %s %s already", e.Kind, cmp.Or(e.Number, e.SourceID))
}

// TaskVersion is a mark that changes whenever a task does.
func (s *Store) TaskVersion(ctx context.Context, taskID int64) (version int64, err error) {
	err = s.Read(ctx, func(ctx context.Context, tx Tx) error {
		return tx.QueryRow(ctx, `SELECT updated_at FROM tasks WHERE id = $1`, taskID).Scan(&version)
	})
	return version, err
}

// LinkByHand stores a link that a person has chosen for the record of a task, as the task was at a version. It fails with
// ErrTaskMoved when the task has changed since or the record is being delivered there, and with a *LinkTakenError when the document
// belongs to another record.
func (s *Store) LinkByHand(ctx context.Context, tx Tx, taskID, version int64, l Link, now time.Time) error {
	lock := ""
	if tx.Dialect() == Postgres {
		lock = " FOR UPDATE"
	}
	// Another flow may be delivering the record to the same destination.
	moved := false
	if err := each(ctx, tx, func(row Row) error {
		var id, updated int64
		var state TaskState
		err := row.Scan(&id, &state, &updated)
		moved = moved || state == TaskWorking || id == taskID && updated != version
		return err
	}, `SELECT id, state, updated_at FROM tasks WHERE record_id = $1 AND destination = $2 ORDER BY id`+lock, l.RecordID, l.Destination); err != nil {
		return fmt.Errorf("task %d: %w", taskID, err)
	}
	if moved {
		return ErrTaskMoved
	}
	var taken LinkTakenError
	err := tx.QueryRow(ctx, `
		SELECT r.kind, r.number, r.source_id FROM links l JOIN records r ON r.id = l.record_id
		WHERE l.document_id = $1 AND l.destination = $2 AND l.role = $3 AND l.record_id <> $4 LIMIT 1`,
		l.DocumentID, l.Destination, l.Role, l.RecordID).Scan(&taken.Kind, &taken.Number, &taken.SourceID)
	switch {
	case err == nil:
		return &taken
	case !errors.Is(err, ErrNoRows):
		return fmt.Errorf("links of document %s: %w", l.DocumentID, err)
	}
	return s.SaveLink(ctx, tx, l, now)
}

const linkColumns = `destination, record_id, role, document_type, document_id, number, url, key, state, net, tax, gross, currency, customer_id, flow, created_at, updated_at`

func scanLink(row Row) (Link, error) {
	var l Link
	var created, updated int64
	err := row.Scan(&l.Destination, &l.RecordID, &l.Role, &l.DocumentType, &l.DocumentID, &l.Number, &l.URL, &l.Key, &l.State,
		&l.Net, &l.Tax, &l.Gross, &l.Currency, &l.CustomerID, &l.Flow, &created, &updated)
	l.CreatedAt, l.UpdatedAt = moment(created), moment(updated)
	return l, err
}

// linksOf gives the links of the records (the keys of records) in a destination, by record and role.
func (s *Store) linksOf(ctx context.Context, tx Tx, destination string, records map[int64][]int) (map[int64]map[string]Link, error) {
	args := []any{destination}
	for id := range records {
		args = append(args, id)
	}
	found := make(map[int64]map[string]Link, len(records))
	if len(records) == 0 {
		return found, nil
	}
	err := each(ctx, tx, func(row Row) error {
		l, err := scanLink(row)
		if err != nil {
			return err
		}
		if found[l.RecordID] == nil {
			found[l.RecordID] = map[string]Link{}
		}
		found[l.RecordID][l.Role] = l
		return nil
	}, `SELECT `+linkColumns+` FROM links WHERE destination = $1 AND record_id IN (`+placeholders(len(records), 2)+`)`, args...)
	return found, err
}

// Claim is the right to make something once, or the memory of what was made.
type Claim struct {
	// Won says that the caller may make it, and must keep or release the claim.
	Won          bool
	DocumentType string
	DocumentID   string // "" while it is not made
	Number       string
}

// ForgetClaims drops every memory of a document, because it is gone in the destination.
func (s *Store) ForgetClaims(ctx context.Context, tx Tx, destination, documentID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM claims WHERE destination = $1 AND document_id = $2`, destination, documentID)
	return err
}
