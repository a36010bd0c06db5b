package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// choreKey is what the keys of chores begin with.
const choreKey = "ran:"

// ChoresRan gives when each recurring chore was last due, by its name.
func (s *Store) ChoresRan(ctx context.Context) (map[string]time.Time, error) {
	ran := map[string]time.Time{}
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(ran)
		return each(ctx, tx, func(row Row) error {
			var key, value string
			if err := row.Scan(&key, &value); err != nil {
				return err
			}
			at, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fmt.Errorf("time of %s: %w", key, err)
			}
			ran[strings.TrimPrefix(key, choreKey)] = moment(at)
			return nil
		}, `SELECT key, value FROM meta WHERE key LIKE $1`, choreKey+"%")
	})
	return ran, err
}

// SetChoreRan notes when a chore was due.
func (s *Store) SetChoreRan(ctx context.Context, tx Tx, chore string, at time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
		choreKey+chore, strconv.FormatInt(millis(at), 10))
	return err
}
