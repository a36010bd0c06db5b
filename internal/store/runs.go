package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Became is what became of the records of a flow since a time.
type Became struct {
	Synced  int64 `json:"synced"`  // came into their destination
	Waiting int64 `json:"waiting"` // began to wait, and still do or are being worked on
	Held    int64 `json:"held"`
	Failed  int64 `json:"failed"`
	Skipped int64 `json:"skipped"` // first seen and left out
}

// CountSince counts what became of the records of a flow and kind since a time. It reads as much of some
// indexes as there was work since.
func (s *Store) CountSince(ctx context.Context, flow, kind string, since time.Time) (Became, error) {
	const ours = `stream_id IN (SELECT id FROM streams WHERE flow = $1 AND kind = $2)`
	var n Became
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		err := tx.QueryRow(ctx, `
			SELECT (SELECT COUNT(*) FROM tasks WHERE `+ours+` AND synced_at <> 0 AND synced_at >= $3),
				(SELECT COUNT(*) FROM tasks WHERE waiting_since <> 0 AND waiting_since >= $3 AND `+ours+`),
				(SELECT COUNT(*) FROM tasks WHERE state = 'held' AND waiting_since >= $3 AND `+ours+`),
				(SELECT COUNT(*) FROM tasks WHERE state = 'failed' AND waiting_since >= $3 AND `+ours+`),
				(SELECT COUNT(*) FROM tasks WHERE `+ours+` AND state = 'skipped' AND first_seen >= $3)`,
			flow, kind, millis(since)).Scan(&n.Synced, &n.Waiting, &n.Held, &n.Failed, &n.Skipped)
		n.Waiting -= n.Held + n.Failed
		return err
	})
	if err != nil {
		return Became{}, fmt.Errorf("what flow %s did since %s: %w", flow, since.UTC().Format(time.RFC3339), err)
	}
	return n, nil
}

// FindTask gives the id of the task of a record in a flow; ErrNoRows when there is none.
func (s *Store) FindTask(ctx context.Context, flow, connection, kind, sourceID string) (int64, error) {
	var id int64
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		return tx.QueryRow(ctx, `
			SELECT t.id FROM records r JOIN tasks t ON t.record_id = r.id
			WHERE r.connection = $1 AND r.kind = $2 AND r.source_id = $3 AND t.flow = $4`, connection, kind, sourceID, flow).Scan(&id)
	})
	return id, err
}

// RecordOfNumber gives the source's id of the newest record with a number; "" when there is none.
func (s *Store) RecordOfNumber(ctx context.Context, connection, kind, number string) (string, error) {
	var id string
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		err := tx.QueryRow(ctx, `
			SELECT source_id FROM records WHERE number = $3 AND number <> '' AND connection = $1 AND kind = $2 ORDER BY id DESC LIMIT 1`,
			connection, kind, number).Scan(&id)
		if errors.Is(err, ErrNoRows) {
			return nil
		}
		return err
	})
	return id, err
}

// Ignored is webhooks of a connection that were in order and brought no event, for one reason.
type Ignored struct {
	Reason string    `json:"reason"`
	Count  int64     `json:"count"`
	LastAt time.Time `json:"last_at"`
}

// IgnoredHooks gives the webhooks of a connection that brought no event, the most frequent reason first.
func (s *Store) IgnoredHooks(ctx context.Context, connection string) ([]Ignored, error) {
	return readList(ctx, s, scanIgnored, `SELECT reason, count, last_at FROM ignored WHERE connection = $1 ORDER BY count DESC, reason LIMIT 100`, connection)
}

func scanIgnored(row Row) (Ignored, error) {
	var i Ignored
	var at int64
	err := row.Scan(&i.Reason, &i.Count, &at)
	i.LastAt = moment(at)
	return i, err
}
