package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// sealedContext binds a sealed setting to its name.
func sealedContext(name string) string { return "setting " + name }

// SealedSetting gives a setting that is kept encrypted, or nil when it was never set.
func (s *Store) SealedSetting(ctx context.Context, name string) ([]byte, error) {
	var sealed []byte
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		err := tx.QueryRow(ctx, `SELECT value FROM sealed_settings WHERE name = $1`, name).Scan(&sealed)
		if errors.Is(err, ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the setting %s: %w", name, err)
	}
	if len(sealed) == 0 {
		return nil, nil
	}
	plain, err := s.sealer.Open(sealed, sealedContext(name))
	if err != nil {
		return nil, fmt.Errorf("open the setting %s: %w", name, err)
	}
	return plain, nil
}

// SetSealedSetting keeps a setting encrypted; nil removes it.
func (s *Store) SetSealedSetting(ctx context.Context, tx Tx, name string, value []byte, now time.Time) error {
	if value == nil {
		_, err := tx.Exec(ctx, `DELETE FROM sealed_settings WHERE name = $1`, name)
		return err
	}
	sealed, err := s.sealer.Seal(value, sealedContext(name))
	if err != nil {
		return fmt.Errorf("seal the setting %s: %w", name, err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO sealed_settings (name, value, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, name, sealed, millis(now))
	if err != nil {
		return fmt.Errorf("keep the setting %s: %w", name, err)
	}
	return nil
}
