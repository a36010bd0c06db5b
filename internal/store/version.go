package store

import (
	"context"
	"fmt"
)

// versionQuery asks for the newest of what grows or is stamped with a time.
const versionQuery = `
	SELECT COALESCE((SELECT MAX(id) FROM events), 0), COALESCE((SELECT MAX(id) FROM deliveries), 0), COALESCE((SELECT MAX(id) FROM audit), 0),
		COALESCE((SELECT MAX(id) FROM mapping_history), 0), COALESCE((SELECT MAX(updated_at) FROM cursors), 0), COALESCE((SELECT MAX(updated_at) FROM bulks), 0),
		COALESCE((SELECT MAX(checked_at) FROM connections), 0), COALESCE((SELECT value FROM meta WHERE key = '` + MetaConfigVersion + `'), '')`

// Version is a text that changes when anything may have changed that people look at. It costs a few searches in an
// index, whatever the database holds.
func (s *Store) Version(ctx context.Context) (string, error) {
	var events, deliveries, audit, maps, cursors, bulks, checked int64
	var config string
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		return tx.QueryRow(ctx, versionQuery).Scan(&events, &deliveries, &audit, &maps, &cursors, &bulks, &checked, &config)
	})
	if err != nil {
		return "", fmt.Errorf("version: %w", err)
	}
	return fmt.Sprintf("%d-%d-%d-%d-%d-%d-%d-%s", events, deliveries, audit, maps, cursors, bulks, checked, config), nil
}
