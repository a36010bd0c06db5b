package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"
)

// AuditEntry is something that somebody did.
type AuditEntry struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Action  string    `json:"action"`
	Subject string    `json:"subject"`
	Why     string    `json:"why,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// AuditFilter chooses entries of the audit; empty fields choose all.
type AuditFilter struct {
	Who      string
	Action   string
	Subject  string // the subject begins with it, such as task/12 or task/
	Since    time.Time
	Until    time.Time
	BeforeID int64 // for paging: only entries with a smaller id
	Limit    int
}

// AuditEntries gives the entries that the filter chooses, newest first.
func (s *Store) AuditEntries(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	var list []AuditEntry
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		few, err := f.fewSubjects(ctx, tx)
		if err != nil {
			return err
		}
		query, args := f.query(few, tx.Dialect())
		list, err = collect(ctx, tx, scanAuditEntry, query, args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return list, nil
}

func scanAuditEntry(row Row) (AuditEntry, error) {
	var e AuditEntry
	var at int64
	err := row.Scan(&e.ID, &at, &e.Who, &e.Action, &e.Subject, &e.Why, &e.Detail)
	e.At = moment(at)
	return e, err
}

// fewEntries is up to how many entries of a subject are read as a whole instead of going through all entries.
const fewEntries = 1000

// begins asks that a text begins with another. PostgreSQL compares letter by letter, as its index does, whatever the
// language of the database.
func begins(text string, d Dialect) string {
	if d == Postgres {
		return text + " ~>=~ ? AND " + text + " ~<~ ?"
	}
	return text + " >= ? AND " + text + " < ?"
}

// lastLetter comes after all letters that subjects have.
const lastLetter = "\U0010FFFF"

// fewSubjects gives the entries whose subject begins as wanted; nil when nothing is wanted, or when they are many.
func (f AuditFilter) fewSubjects(ctx context.Context, tx Tx) ([]int64, error) {
	if f.Subject == "" {
		return nil, nil
	}
	var c conditions
	c.add(begins("subject", tx.Dialect()), f.Subject, f.Subject+lastLetter)
	where, args := c.text(1)
	ids, err := collect(ctx, tx, scanValue[int64], `SELECT id FROM audit WHERE `+where+` LIMIT $3`, append(args, fewEntries+1)...)
	if err != nil || len(ids) > fewEntries {
		return nil, err
	}
	return append([]int64{}, ids...), nil
}

func (f AuditFilter) query(few []int64, d Dialect) (string, []any) {
	var c conditions
	c.add("id < ?", cmp.Or(f.BeforeID, math.MaxInt64))
	switch {
	case few != nil:
		c.in("id", anys(few))
	case f.Subject != "": // not by its index, which has another order
		c.add(begins("(subject || '')", d), f.Subject, f.Subject+lastLetter)
	}
	if f.Who != "" {
		c.add("who = ?", f.Who)
	}
	if f.Action != "" {
		c.add("action = ?", f.Action)
	}
	if !f.Since.IsZero() {
		c.add("at >= ?", millis(f.Since))
	}
	if !f.Until.IsZero() {
		c.add("at < ?", millis(f.Until))
	}
	where, args := c.text(1)
	return `SELECT id, at, who, action, subject, why, detail FROM audit WHERE ` + where +
		fmt.Sprintf(" ORDER BY id DESC LIMIT $%d", len(args)+1), append(args, max(f.Limit, 1))
}
