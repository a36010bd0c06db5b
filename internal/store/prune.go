package store

import (
	"context"
	"fmt"
	"time"
)

// pruneRows is how many rows one transaction removes, so that others get their turn.
const pruneRows = 500

// Retention says before which time history may go.
type Retention struct {
	Events     time.Time // observations with their bodies; never a record's newest body
	Deliveries time.Time // attempts with their requests and answers
	Audit      time.Time // who did what
	Calls      time.Time // answers to calls with a key
}

// Pruned is how many rows were removed.
type Pruned struct {
	Events, Deliveries, Audit, Causes, Backfills, Bulks, Calls int64
}

// Prune removes history that is older than its retention, a little at a time. Records, tasks, links and claims stay:
// they say what is in the destination. The zero time of a retention keeps everything.
func (s *Store) Prune(ctx context.Context, r Retention) (Pruned, error) {
	var p Pruned
	for _, step := range []struct {
		what   string
		count  *int64
		before time.Time
		query  string
	}{
		{"events", &p.Events, r.Events, `DELETE FROM events WHERE id IN (
			SELECT id FROM events WHERE NOT current AND received_at < $1 ORDER BY received_at LIMIT $2)`},
		{"deliveries", &p.Deliveries, r.Deliveries, `DELETE FROM deliveries WHERE id IN (
			SELECT id FROM deliveries WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)`},
		{"audit", &p.Audit, r.Audit, `DELETE FROM audit WHERE id IN (
			SELECT id FROM audit WHERE at < $1 ORDER BY at LIMIT $2)`},
		{"causes", &p.Causes, r.Deliveries, `DELETE FROM causes WHERE id IN (
			SELECT id FROM causes WHERE last_seen < $1 AND ignored_why = '' AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.cause_id <> 0 AND tasks.cause_id = causes.id) LIMIT $2)`},
		{"calls", &p.Calls, r.Calls, `DELETE FROM calls WHERE (caller, key) IN (
			SELECT caller, key FROM calls WHERE created_at < $1 ORDER BY created_at LIMIT $2)`},
		{"backfills", &p.Backfills, r.Deliveries, `DELETE FROM cursors WHERE id IN (
			SELECT id FROM cursors WHERE purpose = 'backfill' AND state IN ('done', 'failed', 'stopped') AND updated_at < $1 LIMIT $2)`},
		{"bulk actions", &p.Bulks, r.Deliveries, `DELETE FROM bulks WHERE id IN (
			SELECT id FROM bulks WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)`},
	} {
		if step.before.IsZero() {
			continue
		}
		for {
			var n int64
			err := s.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
				n, err = tx.Exec(ctx, step.query, millis(step.before), pruneRows)
				return err
			})
			if err != nil {
				return p, fmt.Errorf("prune %s: %w", step.what, err)
			}
			*step.count += n
			if n < pruneRows {
				break
			}
		}
	}
	return p, nil
}
