package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Wish is what somebody wants with a bulk action that another node works on.
type Wish string

// Wishes.
const (
	WishStart Wish = "start"
	WishStop  Wish = "stop"
)

// Bulk is an action on many orders as the node that works on it has written it down.
type Bulk struct {
	ID      string
	Node    string
	State   string
	Ready   bool // it can be started
	Ended   bool
	Started time.Time // zero before that
	Body    []byte
	Wish    Wish // of somebody on another node; ""
	// Quiet is how long ago its node has written here, and Seen when, both by the database's clock.
	Quiet time.Duration
	Seen  time.Time
}

func bulkContext(id string) string { return "bulk " + id }
func wishContext(id string) string { return "wish " + id }

// Clock is SQL for the database's time in milliseconds, by which nodes are told to be there whatever their own clocks say.
func (db *DB) Clock() string {
	if db.dialect == Postgres {
		return `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`
	}
	return `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
}

// SaveBulk writes down how a bulk action stands on its node. A wish goes with what fulfils it: that to start when it is
// not to be started any more, each when it has ended.
func (s *Store) SaveBulk(ctx context.Context, b Bulk) error {
	body, err := s.pack(b.Body, bulkContext(b.ID))
	if err != nil {
		return err
	}
	keep := `CASE WHEN bulks.wish = 'start' THEN '' ELSE bulks.wish END`
	switch {
	case b.Ended:
		keep = `''`
	case b.Ready:
		keep = `bulks.wish`
	}
	clock := s.Clock()
	err = s.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO bulks (id, node, state, bulk, started_at, seen_at, updated_at) VALUES ($1, $2, $3, $4, $5, `+clock+`, `+clock+`)
			ON CONFLICT (id) DO UPDATE SET state = excluded.state, bulk = excluded.bulk, wish = `+keep+`,
				started_at = excluded.started_at, seen_at = excluded.seen_at, updated_at = excluded.updated_at`,
			b.ID, b.Node, b.State, body, millis(b.Started))
		return err
	})
	if err != nil {
		return fmt.Errorf("write down bulk action %s: %w", b.ID, err)
	}
	return nil
}

// SeeBulk says that the node of a bulk action is there, where nothing else has changed.
func (s *Store) SeeBulk(ctx context.Context, id string) error {
	return s.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `UPDATE bulks SET seen_at = `+s.Clock()+` WHERE id = $1`, id)
		return err
	})
}

// Bulk gives a bulk action; ErrNoRows when there is none.
func (s *Store) Bulk(ctx context.Context, id string) (Bulk, error) {
	list, err := s.bulks(ctx, `WHERE id = $1`, id)
	if err == nil && len(list) == 0 {
		err = ErrNoRows
	}
	if err != nil {
		return Bulk{}, fmt.Errorf("bulk action %s: %w", id, err)
	}
	return list[0], nil
}

// Bulks gives the bulk actions that were started last, the newest first.
func (s *Store) Bulks(ctx context.Context, limit int) ([]Bulk, error) {
	list, err := s.bulks(ctx, `WHERE started_at > 0 ORDER BY started_at DESC, id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("bulk actions: %w", err)
	}
	return list, nil
}

func (s *Store) bulks(ctx context.Context, where string, arg any) ([]Bulk, error) {
	list, err := readList(ctx, s, scanBulk, `SELECT id, node, state, bulk, wish, started_at, seen_at, `+s.Clock()+` - seen_at FROM bulks `+where, arg)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Body, err = s.unpack(list[i].Body, bulkContext(list[i].ID)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func scanBulk(row Row) (Bulk, error) {
	var b Bulk
	var started, seen, quiet int64
	err := row.Scan(&b.ID, &b.Node, &b.State, &b.Body, &b.Wish, &started, &seen, &quiet)
	b.Started, b.Seen, b.Quiet = moment(started), moment(seen), time.Duration(quiet)*time.Millisecond
	return b, err
}

// WishBulk notes what somebody wants with a bulk action that another node works on, and who and why. It is not noted,
// which gives false, when the action is not in one of the states any more, or when the same or a stop is wished already.
func (s *Store) WishBulk(ctx context.Context, id string, wish Wish, who []byte, states ...string) (noted bool, err error) {
	sealed, err := s.pack(who, wishContext(id))
	if err != nil {
		return false, err
	}
	err = s.Write(ctx, func(ctx context.Context, tx Tx) error {
		args := []any{id, string(wish), sealed}
		for _, state := range states {
			args = append(args, state)
		}
		n, err := tx.Exec(ctx, `
			UPDATE bulks SET wish = $2, wished = $3, updated_at = `+s.Clock()+`
			WHERE id = $1 AND wish <> $2 AND wish <> 'stop' AND state IN (`+placeholders(len(states), 4)+`)`, args...)
		noted = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("wish for bulk action %s: %w", id, err)
	}
	return noted, nil
}

// BulkWish gives what somebody wants with a bulk action, and who and why; "" when nobody wants anything.
func (s *Store) BulkWish(ctx context.Context, id string) (wish Wish, who []byte, err error) {
	var sealed []byte
	err = s.Read(ctx, func(ctx context.Context, tx Tx) error {
		err := tx.QueryRow(ctx, `SELECT wish, wished FROM bulks WHERE id = $1 AND wish <> ''`, id).Scan(&wish, &sealed)
		if errors.Is(err, ErrNoRows) {
			return nil
		}
		return err
	})
	if err == nil && wish != "" {
		who, err = s.unpack(sealed, wishContext(id))
	}
	if err != nil {
		return "", nil, fmt.Errorf("wish for bulk action %s: %w", id, err)
	}
	return wish, who, nil
}

// DropBulkWish forgets a wish that cannot be fulfilled.
func (s *Store) DropBulkWish(ctx context.Context, id string, wish Wish) error {
	return s.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `UPDATE bulks SET wish = '', updated_at = `+s.Clock()+` WHERE id = $1 AND wish = $2`, id, string(wish))
		return err
	})
}
