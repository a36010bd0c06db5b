package store

import (
	"context"
	"fmt"
)

// Key is what secrets are sealed with, as far as the store must know it.
type Key interface {
	// ID names the key without telling anything about it.
	ID() string
	// Verify fails when the key with that id is not at hand; "" is no key yet.
	Verify(id string) error
}

// VerifyKey fails when the database's secrets were sealed with a key that is not at hand. The first key that a new
// database sees is the one that it remembers. It is called once after opening, before anything is sealed.
func (s *Store) VerifyKey(ctx context.Context, key Key) error {
	var id string
	err := s.Write(ctx, func(ctx context.Context, tx Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO meta (key, value) VALUES ('sealed_with', $1) ON CONFLICT (key) DO NOTHING`, key.ID()); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT value FROM meta WHERE key = 'sealed_with'`).Scan(&id)
	})
	if err != nil {
		return fmt.Errorf("the key of the database: %w", err)
	}
	return key.Verify(id)
}
