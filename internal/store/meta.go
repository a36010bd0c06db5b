package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// Names of values that hold for the whole installation.
const (
	MetaPublicURL = "public_url" // where vendors reach this Orderly
	// MetaConfigVersion is another text after each change of connections, flows or pauses, by which
	// running nodes notice it.
	MetaConfigVersion = "config_version"
)

// Meta gives a value of the installation; "" when it was never set.
func (s *Store) Meta(ctx context.Context, name string) (string, error) {
	var value string
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		err := tx.QueryRow(ctx, `SELECT value FROM meta WHERE key = $1`, name).Scan(&value)
		if errors.Is(err, ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return value, nil
}

// SetMeta sets a value of the installation.
func (s *Store) SetMeta(ctx context.Context, tx Tx, name, value string) error {
	_, err := tx.Exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, name, value)
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

// TouchConfig tells running nodes that the configuration has changed.
func (s *Store) TouchConfig(ctx context.Context, tx Tx) error {
	return s.SetMeta(ctx, tx, MetaConfigVersion, rand.Text())
}

// ErrConfigChanged says that the configuration is not the one any more that a change was worked out from.
var ErrConfigChanged = errors.New("the configuration was changed by somebody else meanwhile")

// ChangeConfig is TouchConfig for a change that was worked out when the version was from. It fails
// with ErrConfigChanged when there was another change since; of two at once, one gets through.
func (s *Store) ChangeConfig(ctx context.Context, tx Tx, from string) error {
	n, err := tx.Exec(ctx, `
		INSERT INTO meta (key, value) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value = $3`, MetaConfigVersion, rand.Text(), from)
	if err != nil {
		return fmt.Errorf("set %s: %w", MetaConfigVersion, err)
	}
	if n == 0 {
		return ErrConfigChanged
	}
	return nil
}

// TakeMeta removes a value of the installation when it is the given one; false when it is not. Of several at once, one
// gets it.
func (s *Store) TakeMeta(ctx context.Context, tx Tx, name, value string) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM meta WHERE key = $1 AND value = $2`, name, value)
	if err != nil {
		return false, fmt.Errorf("take %s: %w", name, err)
	}
	return n == 1, nil
}
