package store

import (
	"context"
	"fmt"
	"time"
)

// CauseTrend counts for each of the causes the tasks that have it by the hour in which their record was first seen: the
// last hours, the oldest first, the one that runs included.
func (s *Store) CauseTrend(ctx context.Context, ids []int64, hours int, now time.Time) (map[int64][]int, error) {
	if len(ids) == 0 || hours <= 0 {
		return nil, nil
	}
	const hour = int64(time.Hour / time.Millisecond)
	from := millis(now)/hour - int64(hours) + 1
	trend := make(map[int64][]int, len(ids))
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(trend)
		return each(ctx, tx, func(row Row) error {
			var id, at int64
			var n int
			if err := row.Scan(&id, &at, &n); err != nil {
				return err
			}
			if trend[id] == nil {
				trend[id] = make([]int, hours)
			}
			trend[id][min(max(at-from, 0), int64(hours-1))] += n
			return nil
		}, `
			SELECT cause_id, first_seen / 3600000 AS at, COUNT(*) FROM tasks
			WHERE cause_id <> 0 AND cause_id IN (`+placeholders(len(ids), 2)+`) AND first_seen >= $1 GROUP BY cause_id, at`,
			append([]any{from * hour}, anys(ids)...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("trend of causes: %w", err)
	}
	return trend, nil
}

// LastDeliveries gives the newest delivery of each of the tasks that has one, by task, with its detail. What cannot be
// opened any more has none.
func (s *Store) LastDeliveries(ctx context.Context, taskIDs []int64) (map[int64]Delivery, error) {
	found := make(map[int64]Delivery, len(taskIDs))
	if len(taskIDs) == 0 {
		return found, nil
	}
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(found)
		return each(ctx, tx, func(row Row) error {
			var task, started, finished int64
			var d Delivery
			if err := row.Scan(&task, &d.ID, &d.Revision, &started, &finished, &d.Outcome, &d.Detail); err != nil {
				return err
			}
			d.Started, d.Finished = moment(started), moment(finished)
			found[task] = d
			return nil
		}, `
			SELECT task_id, id, revision, started_at, finished_at, outcome, detail FROM deliveries
			WHERE id IN (SELECT MAX(id) FROM deliveries WHERE task_id IN (`+placeholders(len(taskIDs), 1)+`) GROUP BY task_id)`, anys(taskIDs)...)
	})
	if err != nil {
		return nil, fmt.Errorf("newest deliveries: %w", err)
	}
	for task, d := range found {
		detail, err := s.unpack(d.Detail, deliveryContext)
		if err != nil {
			detail = nil // one that is damaged must not hide the others
		}
		d.Detail = detail
		found[task] = d
	}
	return found, nil
}

// Works gives tasks of a destination as a lane would take them, without taking them: for dry runs.
func (s *Store) Works(ctx context.Context, destination string, taskIDs []int64) ([]Work, error) {
	if len(taskIDs) == 0 {
		return nil, nil
	}
	return s.loadWork(ctx, destination, taskIDs, time.Time{})
}
