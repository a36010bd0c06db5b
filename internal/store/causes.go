package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Cause is why tasks are held, failed or tried again: failures with the same step, code, field and
// message are one cause.
type Cause struct {
	ID        int64     `json:"id"`
	Flow      string    `json:"flow"`
	State     TaskState `json:"state"`
	Step      string    `json:"step"`
	Code      string    `json:"code"`
	Field     string    `json:"field,omitempty"`
	Message   string    `json:"message"` // without parts that differ from record to record
	Fix       string    `json:"fix,omitempty"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Tasks     int       `json:"tasks"` // that have it now
}

func (c Cause) fingerprint() string {
	hash := sha256.New()
	for _, part := range []string{c.Step, c.Code, c.Field, c.Message} {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// SaveCause notes that a cause was seen and gives its id.
func (s *Store) SaveCause(ctx context.Context, tx Tx, c Cause, now time.Time) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, `
		INSERT INTO causes (flow, fingerprint, state, step, code, field, message, fix, first_seen, last_seen)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
		ON CONFLICT (flow, fingerprint) DO UPDATE SET state = excluded.state, fix = excluded.fix, last_seen = excluded.last_seen
		RETURNING id`,
		c.Flow, c.fingerprint(), string(c.State), c.Step, c.Code, c.Field, c.Message, c.Fix, millis(now)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("cause in flow %s: %w", c.Flow, err)
	}
	return id, nil
}

// Causes gives the causes that tasks have now, the most tasks first.
func (s *Store) Causes(ctx context.Context, flow string) ([]Cause, error) {
	var causes []Cause
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		causes = causes[:0]
		rows, err := tx.Query(ctx, `
			SELECT c.id, c.flow, c.state, c.step, c.code, c.field, c.message, c.fix, c.first_seen, c.last_seen, COUNT(t.id)
			FROM causes c JOIN tasks t ON t.cause_id = c.id
			WHERE ($1 = '' OR c.flow = $1)
			GROUP BY c.id, c.flow, c.state, c.step, c.code, c.field, c.message, c.fix, c.first_seen, c.last_seen
			ORDER BY COUNT(t.id) DESC, c.id`, flow)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c Cause
			var first, last int64
			if err := rows.Scan(&c.ID, &c.Flow, &c.State, &c.Step, &c.Code, &c.Field, &c.Message, &c.Fix, &first, &last, &c.Tasks); err != nil {
				return err
			}
			c.FirstSeen, c.LastSeen = moment(first), moment(last)
			causes = append(causes, c)
		}
		return rows.Err()
	})
	return causes, err
}
