package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DeliverDue says whether a destination's lane has a task to take now.
func (s *Store) DeliverDue(ctx context.Context, tx Tx, destination string, number int, now time.Time) (bool, error) {
	for _, priority := range priorities {
		due, err := exists(ctx, tx, `
			SELECT 1 FROM tasks WHERE destination = $1 AND lane = $2 AND state = 'waiting' AND priority = $3 AND due_at > 0 AND due_at <= $4
			AND flow NOT IN (SELECT name FROM flows WHERE paused)
			AND NOT EXISTS (SELECT 1 FROM connections WHERE name = $1 AND paused)
			LIMIT 1`, destination, number, priority, millis(now))
		if err != nil || due {
			return due, err
		}
	}
	return false, nil
}

// FetchDue says whether a source's lane has a record to fetch now.
func (s *Store) FetchDue(ctx context.Context, tx Tx, connection string, number int, now time.Time) (bool, error) {
	return exists(ctx, tx, `
		SELECT 1 FROM records WHERE connection = $1 AND fetch_lane = $2 AND fetch_due > 0 AND fetch_due <= $3
		AND NOT EXISTS (SELECT 1 FROM connections WHERE name = $1 AND paused)
		LIMIT 1`, connection, number, millis(now))
}

// LaneDue says whether a lane has work to do now.
func (s *Store) LaneDue(ctx context.Context, tx Tx, l LaneRef, now time.Time) (bool, error) {
	if l.Fetch {
		return s.FetchDue(ctx, tx, l.Connection, l.Number, now)
	}
	return s.DeliverDue(ctx, tx, l.Connection, l.Number, now)
}

func exists(ctx context.Context, tx Tx, query string, args ...any) (bool, error) {
	var one int
	err := tx.QueryRow(ctx, query, args...).Scan(&one)
	if errors.Is(err, ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// DueLanes gives every lane that has something to do now, or rows that a crash may have left behind. It takes a few
// searches in an index for each lane, however long the backlog is.
func (s *Store) DueLanes(ctx context.Context, now time.Time) ([]LaneRef, error) {
	var lanes []LaneRef
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		lanes = lanes[:0]
		waiting, err := usedLanes(ctx, tx, false, `SELECT destination, lane FROM tasks WHERE state = 'waiting' AND due_at > 0 AND (destination, lane) > ($1, $2) ORDER BY destination, lane LIMIT 1`)
		if err != nil {
			return err
		}
		fetching, err := usedLanes(ctx, tx, true, `SELECT connection, fetch_lane FROM records WHERE fetch_due > 0 AND (connection, fetch_lane) > ($1, $2) ORDER BY connection, fetch_lane LIMIT 1`)
		if err != nil {
			return err
		}
		seen := map[LaneRef]bool{}
		for _, l := range append(waiting, fetching...) {
			due, err := s.LaneDue(ctx, tx, l, now)
			if err != nil {
				return err
			}
			if due {
				seen[l] = true
				lanes = append(lanes, l)
			}
		}
		working, err := usedLanes(ctx, tx, false, `SELECT destination, lane FROM tasks WHERE state = 'working' AND (destination, lane) > ($1, $2) ORDER BY destination, lane LIMIT 1`)
		if err != nil {
			return err
		}
		for _, l := range working {
			paused, err := exists(ctx, tx, `SELECT 1 FROM connections WHERE name = $1 AND paused`, l.Connection)
			if err != nil {
				return err
			}
			if !paused && !seen[l] {
				lanes = append(lanes, l)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lanes with work: %w", err)
	}
	return lanes, nil
}

// usedLanes steps through the lanes that an index has rows for. The query finds the first one after another.
func usedLanes(ctx context.Context, tx Tx, fetch bool, query string) ([]LaneRef, error) {
	var lanes []LaneRef
	at := LaneRef{Number: -1, Fetch: fetch}
	for {
		err := tx.QueryRow(ctx, query, at.Connection, at.Number).Scan(&at.Connection, &at.Number)
		if errors.Is(err, ErrNoRows) {
			return lanes, nil
		}
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, at)
	}
}

// SetLanes sets a connection's number of lanes and moves what is waiting to its new lane. It should be called while no
// lane of the connection runs, or for a while the old lanes and the new ones run beside each other.
func (s *Store) SetLanes(ctx context.Context, tx Tx, connection string, lanes int) error {
	lanes = max(lanes, 1)
	var now int
	if err := tx.QueryRow(ctx, `SELECT lanes FROM connections WHERE name = $1`, connection).Scan(&now); err != nil {
		return fmt.Errorf("connection %s: %w", connection, err)
	}
	if now == lanes {
		return nil
	}
	for _, statement := range []string{
		`UPDATE connections SET lanes = $2 WHERE name = $1`,
		`UPDATE records SET fetch_lane = slot % $2 WHERE connection = $1 AND fetch_due > 0`,
		// What rests finds its lane when it moves again; what is worked on stays with the lane that does it.
		`UPDATE tasks SET lane = (SELECT slot FROM records WHERE records.id = tasks.record_id) % $2
			WHERE destination = $1 AND state = 'waiting'`,
	} {
		if _, err := tx.Exec(ctx, statement, connection, lanes); err != nil {
			return fmt.Errorf("lanes of connection %s: %w", connection, err)
		}
	}
	return nil
}
