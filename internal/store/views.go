package store

import (
	"context"
	"fmt"
	"time"
)

// View is a filter of a screen that somebody has saved.
type View struct {
	ID        int64     `json:"id"`
	Owner     string    `json:"owner"` // name of the user; "" is for all
	Screen    string    `json:"screen"`
	Name      string    `json:"name"`
	Query     string    `json:"query"` // of the screen's address
	CreatedAt time.Time `json:"created_at"`
}

// AddView saves a view and gives its id. One of the same owner, screen and name is replaced.
func (s *Store) AddView(ctx context.Context, tx Tx, v View, now time.Time) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, `
		INSERT INTO views (owner, screen, name, query, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (screen, owner, name) DO UPDATE SET query = excluded.query RETURNING id`,
		v.Owner, v.Screen, v.Name, v.Query, millis(now)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("save the view %s: %w", v.Name, err)
	}
	return id, nil
}

// Views gives the views of a screen that a user sees: those for all and the user's own after them, by name.
func (s *Store) Views(ctx context.Context, owner, screen string) ([]View, error) {
	list, err := readList(ctx, s, scanView, viewColumns+`screen = $1 AND owner IN ('', $2) ORDER BY owner, name`, screen, owner)
	if err != nil {
		return nil, fmt.Errorf("views of %s: %w", screen, err)
	}
	return list, nil
}

const viewColumns = `SELECT id, owner, screen, name, query, created_at FROM views WHERE `

func scanView(row Row) (View, error) {
	var v View
	var created int64
	err := row.Scan(&v.ID, &v.Owner, &v.Screen, &v.Name, &v.Query, &created)
	v.CreatedAt = moment(created)
	return v, err
}

// View gives one view; ErrNoRows when there is none.
func (s *Store) View(ctx context.Context, id int64) (View, error) {
	var v View
	err := s.Read(ctx, func(ctx context.Context, tx Tx) (err error) {
		v, err = scanView(tx.QueryRow(ctx, viewColumns+`id = $1`, id))
		return err
	})
	if err != nil {
		return View{}, fmt.Errorf("view %d: %w", id, err)
	}
	return v, nil
}

// RemoveView removes a view; ErrNoRows when there is none.
func (s *Store) RemoveView(ctx context.Context, tx Tx, id int64) error {
	if err := affectOne(tx.Exec(ctx, `DELETE FROM views WHERE id = $1`, id)); err != nil {
		return fmt.Errorf("remove view %d: %w", id, err)
	}
	return nil
}
