package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// usedFlows steps through the flows that a destination's lane has waiting tasks of, with one search in the index for
// each; the last row is NULL.
const usedFlows = `
	WITH RECURSIVE used (flow) AS (
		SELECT MIN(flow) FROM tasks WHERE destination = $1 AND lane = $2 AND state = 'waiting' AND due_at > 0
		UNION ALL SELECT (
			SELECT MIN(t.flow) FROM tasks t WHERE t.destination = $1 AND t.lane = $2 AND t.state = 'waiting' AND t.due_at > 0 AND t.flow > used.flow)
			FROM used WHERE used.flow IS NOT NULL)`

// DeliverDue says whether a destination's lane has a task to take now.
func (s *Store) DeliverDue(ctx context.Context, tx Tx, destination string, number int, now time.Time) (bool, error) {
	due := func(priority int) string {
		return fmt.Sprintf(`EXISTS (SELECT 1 FROM tasks t WHERE t.destination = $1 AND t.lane = $2 AND t.state = 'waiting' AND t.flow = used.flow
			AND t.priority = %d AND t.due_at > 0 AND t.due_at <= $3)`, priority)
	}
	return exists(ctx, tx, usedFlows+`
		SELECT 1 FROM used WHERE used.flow NOT IN (SELECT name FROM flows WHERE paused)
		AND NOT EXISTS (SELECT 1 FROM connections WHERE name = $1 AND paused)
		AND (`+due(PriorityNew)+` OR `+due(PriorityBackfill)+`) LIMIT 1`, destination, number, millis(now))
}

// waitingFlows gives the flows that a destination's lane has waiting tasks of and that are not paused.
func waitingFlows(ctx context.Context, tx Tx, destination string, number int) ([]string, error) {
	return collect(ctx, tx, scanValue[string], usedFlows+`
		SELECT flow FROM used WHERE flow IS NOT NULL AND flow NOT IN (SELECT name FROM flows WHERE paused)`, destination, number)
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
		waiting, err := usedLanes(ctx, tx, false, `SELECT destination, lane FROM tasks WHERE state = 'waiting' AND due_at > 0 AND (destination, lane) >= ($1, $2) ORDER BY destination, lane LIMIT 1`)
		if err != nil {
			return err
		}
		fetching, err := usedLanes(ctx, tx, true, nextFetchLane)
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
		working, err := usedLanes(ctx, tx, false, `SELECT destination, lane FROM tasks WHERE state = 'working' AND (destination, lane) >= ($1, $2) ORDER BY destination, lane LIMIT 1`)
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

const nextFetchLane = `SELECT connection, fetch_lane FROM records WHERE fetch_due > 0 AND (connection, fetch_lane) >= ($1, $2) ORDER BY connection, fetch_lane LIMIT 1`

// usedLanes steps through the lanes that an index has rows for. The query finds the first one from another on: after
// one, SQLite would read all of that one.
func usedLanes(ctx context.Context, tx Tx, fetch bool, query string) ([]LaneRef, error) {
	var lanes []LaneRef
	at := LaneRef{Fetch: fetch}
	for {
		err := tx.QueryRow(ctx, query, at.Connection, at.Number).Scan(&at.Connection, &at.Number)
		if errors.Is(err, ErrNoRows) {
			return lanes, nil
		}
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, at)
		at.Number++
	}
}

// SetLanes sets a connection's number of lanes. What waits stays where it is until MoveLanes moves it; for a while the
// old lanes and the new ones run beside each other.
func (s *Store) SetLanes(ctx context.Context, tx Tx, connection string, lanes int) error {
	lanes = max(lanes, 1)
	var now int
	if err := tx.QueryRow(ctx, `SELECT lanes FROM connections WHERE name = $1`, connection).Scan(&now); err != nil {
		return fmt.Errorf("connection %s: %w", connection, err)
	}
	if now == lanes {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE connections SET lanes = $2, lanes_moving = TRUE WHERE name = $1`, connection, lanes); err != nil {
		return fmt.Errorf("lanes of connection %s: %w", connection, err)
	}
	return nil
}

// MoveLanes moves what waits to the lanes that SetLanes has given a connection. It does so in many small transactions,
// so that others write meanwhile; what one call did not end, because the program did, the next one does.
func (s *Store) MoveLanes(ctx context.Context, connection string) error {
	var lanes int
	var moves []laneMove
	err := s.Read(ctx, func(ctx context.Context, tx Tx) (err error) {
		if err := tx.QueryRow(ctx, `SELECT lanes FROM connections WHERE name = $1 AND lanes_moving`, connection).Scan(&lanes); err != nil {
			return err
		}
		moves, err = laneMoves(ctx, tx, connection)
		return err
	})
	if errors.Is(err, ErrNoRows) {
		return nil // all is where it belongs
	}
	for i := 0; err == nil && i < len(moves); i++ {
		err = s.moveLane(ctx, connection, moves[i])
	}
	if err == nil {
		err = s.Write(ctx, func(ctx context.Context, tx Tx) error {
			// Unless they have another number by now.
			_, err := tx.Exec(ctx, `UPDATE connections SET lanes_moving = FALSE WHERE name = $1 AND lanes = $2`, connection, lanes)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("moving what waits for connection %s to its lanes: %w", connection, err)
	}
	return nil
}

// laneMove walks along rows by a time and their id, and moves them.
type laneMove struct {
	next string // takes the place after which it looks, a limit, and the arguments
	args []any
	move string // takes the connection, and ends where the ids belong
}

// lanePart is how many rows are moved in one transaction.
const lanePart = 500

func laneMoves(ctx context.Context, tx Tx, connection string) ([]laneMove, error) {
	var moves []laneMove
	fetching, err := usedLanes(ctx, tx, true, nextFetchLane)
	if err != nil {
		return nil, err
	}
	for _, l := range fetching {
		if l.Connection == connection {
			moves = append(moves, laneMove{
				next: `SELECT fetch_due, id FROM records WHERE connection = $4 AND fetch_lane = $5 AND fetch_due > 0
					AND (fetch_due, id) > ($1, $2) ORDER BY fetch_due, id LIMIT $3`,
				args: []any{connection, l.Number},
				move: `UPDATE records SET fetch_lane = slot % (SELECT lanes FROM connections WHERE name = $1) WHERE fetch_due > 0 AND id IN `,
			})
		}
	}
	streams, err := readStreams(ctx, tx)
	if err != nil {
		return nil, err
	}
	for id, st := range streams {
		if st.Destination == connection {
			moves = append(moves, laneMove{
				// An index that has no lane, so that what is moved stays where it is in the walk.
				next: `SELECT first_seen, id FROM tasks WHERE stream_id = $4 AND state = 'waiting'
					AND (first_seen, id) > ($1, $2) ORDER BY first_seen, id LIMIT $3`,
				args: []any{id},
				// What rests finds its lane when it moves again; what is worked on stays with the lane that does it.
				move: `UPDATE tasks SET lane = (SELECT slot FROM records WHERE records.id = tasks.record_id) % (SELECT lanes FROM connections WHERE name = $1)
					WHERE state = 'waiting' AND id IN `,
			})
		}
	}
	return moves, nil
}

func (s *Store) moveLane(ctx context.Context, connection string, m laneMove) error {
	after := place{at: -1}
	for {
		var some []place
		err := s.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
			if some, err = collect(ctx, tx, scanPlace, m.next, append([]any{after.at, after.id, lanePart}, m.args...)...); err != nil || len(some) == 0 {
				return err
			}
			ids, args := idList(idsOf(some), 2)
			_, err = tx.Exec(ctx, m.move+`(`+ids+`)`, append([]any{connection}, args...)...)
			return err
		})
		if err != nil || len(some) < lanePart {
			return err
		}
		after = some[len(some)-1]
	}
}
