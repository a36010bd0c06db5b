package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Purposes of cursors.
const (
	PurposePoll     = "poll"
	PurposeBackfill = "backfill"
)

// CursorState is where a listing stands.
type CursorState string

// Cursor states. A poll is ready between its runs.
const (
	CursorReady   CursorState = "ready"
	CursorRunning CursorState = "running"
	CursorDone    CursorState = "done"
	CursorFailed  CursorState = "failed"
	CursorStopped CursorState = "stopped"
)

// Cursor is how far the listing of a connection's records has come.
type Cursor struct {
	ID         int64       `json:"id"`
	Connection string      `json:"connection"`
	Kind       string      `json:"kind"`
	Purpose    string      `json:"purpose"`
	Flow       string      `json:"flow,omitempty"`
	Since      time.Time   `json:"since,omitzero"`
	Until      time.Time   `json:"until,omitzero"`
	Position   string      `json:"-"`
	Watermark  time.Time   `json:"watermark,omitzero"`
	Open       bool        `json:"open"` // a window is being listed and Position is inside it
	Total      int64       `json:"total"`
	Seen       int64       `json:"seen"`
	Changed    int64       `json:"changed"`
	State      CursorState `json:"state"`
	Error      string      `json:"error,omitempty"`
	Tries      int         `json:"tries,omitempty"`
	Due        time.Time   `json:"due,omitzero"`
	CreatedAt  time.Time   `json:"created_at"`
	UpdatedAt  time.Time   `json:"updated_at"`
}

const cursorColumns = `id, connection, kind, purpose, flow, since_at, until_at, cursor, watermark, open_window, total, seen, changed, state, error, tries, due_at, created_at, updated_at`

func scanCursor(row Row) (Cursor, error) {
	var c Cursor
	var since, until, watermark, due, created, updated int64
	err := row.Scan(&c.ID, &c.Connection, &c.Kind, &c.Purpose, &c.Flow, &since, &until, &c.Position, &watermark, &c.Open,
		&c.Total, &c.Seen, &c.Changed, &c.State, &c.Error, &c.Tries, &due, &created, &updated)
	c.Since, c.Until, c.Watermark, c.Due = moment(since), moment(until), moment(watermark), moment(due)
	c.CreatedAt, c.UpdatedAt = moment(created), moment(updated)
	return c, err
}

// PollCursor gives the standing poll's cursor of a connection and kind, made when there is none.
func (s *Store) PollCursor(ctx context.Context, connection, kind string, now time.Time) (Cursor, error) {
	var c Cursor
	err := s.Write(ctx, func(ctx context.Context, tx Tx) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO cursors (connection, kind, purpose, state, created_at, updated_at) VALUES ($1, $2, 'poll', 'ready', $3, $3)
			ON CONFLICT DO NOTHING`, connection, kind, millis(now)); err != nil {
			return err
		}
		var err error
		c, err = scanCursor(tx.QueryRow(ctx, `SELECT `+cursorColumns+` FROM cursors WHERE connection = $1 AND kind = $2 AND purpose = 'poll'`, connection, kind))
		return err
	})
	if err != nil {
		return Cursor{}, fmt.Errorf("poll cursor of %s %s: %w", connection, kind, err)
	}
	return c, nil
}

// AddBackfill adds a backfill that is ready to run and gives its id.
func (s *Store) AddBackfill(ctx context.Context, tx Tx, c Cursor, now time.Time) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, `
		INSERT INTO cursors (connection, kind, purpose, flow, since_at, until_at, total, state, created_at, updated_at)
		VALUES ($1, $2, 'backfill', $3, $4, $5, $6, 'ready', $7, $7) RETURNING id`,
		c.Connection, c.Kind, c.Flow, millis(c.Since), millis(c.Until), c.Total, millis(now)).Scan(&id)
	return id, err
}

// Cursor reads one cursor.
func (s *Store) Cursor(ctx context.Context, id int64) (Cursor, error) {
	var c Cursor
	err := s.Read(ctx, func(ctx context.Context, tx Tx) (err error) {
		c, err = scanCursor(tx.QueryRow(ctx, `SELECT `+cursorColumns+` FROM cursors WHERE id = $1`, id))
		return err
	})
	if errors.Is(err, ErrNoRows) {
		return Cursor{}, fmt.Errorf("there is no backfill %d: %w", id, ErrNoRows)
	}
	return c, err
}

// Cursors gives the cursors of a purpose, newest first; all of them for "".
func (s *Store) Cursors(ctx context.Context, purpose string, limit int) ([]Cursor, error) {
	return s.cursors(ctx, `($1 = '' OR purpose = $1) ORDER BY id DESC LIMIT $2`, purpose, limit)
}

// backfillsAtOnce is how many backfills of one connection take turns.
const backfillsAtOnce = 20

// OpenBackfills gives the backfills that have work to do now: of each connection that is not paused the oldest few, so
// that none keeps those of another from their turn.
func (s *Store) OpenBackfills(ctx context.Context, now time.Time) ([]Cursor, error) {
	return s.cursors(ctx, `id IN (
		SELECT id FROM (
			SELECT id, ROW_NUMBER() OVER (PARTITION BY connection ORDER BY id) AS turn FROM cursors
			WHERE purpose = 'backfill' AND state IN ('ready', 'running') AND due_at <= $1
			AND connection NOT IN (SELECT name FROM connections WHERE paused)) AS open
		WHERE turn <= $2) ORDER BY id`, millis(now), backfillsAtOnce)
}

func (s *Store) cursors(ctx context.Context, where string, args ...any) ([]Cursor, error) {
	return readList(ctx, s, scanCursor, `SELECT `+cursorColumns+` FROM cursors WHERE `+where, args...)
}

// SaveCursor stores where a listing stands now. A backfill that a person has stopped stays stopped.
func (s *Store) SaveCursor(ctx context.Context, tx Tx, c Cursor, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE cursors SET since_at = $2, until_at = $3, cursor = $4, watermark = $5, open_window = $6, total = $7, seen = $8, changed = $9,
			state = CASE WHEN state = 'stopped' THEN state ELSE $10 END, error = $11, tries = $12, due_at = $13, updated_at = $14
		WHERE id = $1`,
		c.ID, millis(c.Since), millis(c.Until), c.Position, millis(c.Watermark), c.Open, c.Total, c.Seen, c.Changed,
		string(c.State), c.Error, c.Tries, millis(c.Due), millis(now))
	return err
}

// StopBackfill ends a backfill before its end. It fails with ErrNoRows when it does not run.
func (s *Store) StopBackfill(ctx context.Context, tx Tx, id int64, now time.Time) error {
	err := affectOne(tx.Exec(ctx, `
		UPDATE cursors SET state = 'stopped', updated_at = $2 WHERE id = $1 AND purpose = 'backfill' AND state IN ('ready', 'running')`, id, millis(now)))
	if err != nil {
		return fmt.Errorf("backfill %d does not run: %w", id, err)
	}
	return nil
}

// ResumeBackfill goes on with a backfill that was stopped or has failed, where it was. It fails with
// ErrNoRows when it is neither.
func (s *Store) ResumeBackfill(ctx context.Context, tx Tx, id int64, now time.Time) error {
	err := affectOne(tx.Exec(ctx, `
		UPDATE cursors SET state = 'ready', error = '', tries = 0, due_at = 0, updated_at = $2
		WHERE id = $1 AND purpose = 'backfill' AND state IN ('stopped', 'failed')`, id, millis(now)))
	if err != nil {
		return fmt.Errorf("backfill %d cannot go on: %w", id, err)
	}
	return nil
}
