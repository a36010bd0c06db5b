package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Connection is a configured account of a system.
type Connection struct {
	Name      string
	System    string
	Settings  map[string]string // plain; sealed in the database
	Lanes     int
	Paused    bool
	PausedWhy string
	CheckedAt time.Time
	Health    string // JSON of the last check
	UpdatedAt time.Time
}

// Flow carries from one connection to another.
type Flow struct {
	Name        string
	Source      string
	Destination string
	Config      string // JSON
	Paused      bool
	PausedWhy   string
	UpdatedAt   time.Time
}

// WhyRemoved is why a flow or connection is paused that is not in the configuration any more, but
// has a history.
const WhyRemoved = "removed from the configuration"

// SaveConnection creates or changes a connection; its lanes and pause stay as they are.
func (s *Store) SaveConnection(ctx context.Context, tx Tx, c Connection, now time.Time) error {
	plain, err := json.Marshal(c.Settings)
	if err != nil {
		return fmt.Errorf("connection %s: %w", c.Name, err)
	}
	sealed, err := s.sealer.Seal(plain, settingsContext+" "+c.Name)
	if err != nil {
		return fmt.Errorf("connection %s: %w", c.Name, err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO connections (name, system, settings, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET system = excluded.system, settings = excluded.settings, updated_at = excluded.updated_at`,
		c.Name, c.System, sealed, millis(now))
	if err != nil {
		return fmt.Errorf("connection %s: %w", c.Name, err)
	}
	return nil
}

// Connections gives all connections by name.
func (s *Store) Connections(ctx context.Context) ([]Connection, error) {
	var list []Connection
	var sealed [][]byte
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		list, sealed = list[:0], sealed[:0]
		rows, err := tx.Query(ctx, `SELECT name, system, settings, lanes, paused, paused_why, checked_at, health, updated_at FROM connections ORDER BY name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c Connection
			var settings []byte
			var checked, updated int64
			if err := rows.Scan(&c.Name, &c.System, &settings, &c.Lanes, &c.Paused, &c.PausedWhy, &checked, &c.Health, &updated); err != nil {
				return err
			}
			c.CheckedAt, c.UpdatedAt = moment(checked), moment(updated)
			list, sealed = append(list, c), append(sealed, settings)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("connections: %w", err)
	}
	for i := range list {
		plain, err := s.sealer.Open(sealed[i], settingsContext+" "+list[i].Name)
		if err != nil {
			return nil, fmt.Errorf("settings of connection %s: %w; is this the key that the database was made with?", list[i].Name, err)
		}
		if err := json.Unmarshal(plain, &list[i].Settings); err != nil {
			return nil, fmt.Errorf("settings of connection %s: %w", list[i].Name, err)
		}
	}
	return list, nil
}

// SaveFlow creates or changes a flow; its pause stays as it is.
func (s *Store) SaveFlow(ctx context.Context, tx Tx, f Flow, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO flows (name, source, destination, config, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (name) DO UPDATE SET source = excluded.source, destination = excluded.destination, config = excluded.config, updated_at = excluded.updated_at`,
		f.Name, f.Source, f.Destination, f.Config, millis(now))
	if err != nil {
		return fmt.Errorf("flow %s: %w", f.Name, err)
	}
	return nil
}

// Flows gives all flows by name.
func (s *Store) Flows(ctx context.Context) ([]Flow, error) {
	var list []Flow
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		list = list[:0]
		rows, err := tx.Query(ctx, `SELECT name, source, destination, config, paused, paused_why, updated_at FROM flows ORDER BY name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var f Flow
			var updated int64
			if err := rows.Scan(&f.Name, &f.Source, &f.Destination, &f.Config, &f.Paused, &f.PausedWhy, &updated); err != nil {
				return err
			}
			f.UpdatedAt = moment(updated)
			list = append(list, f)
		}
		return rows.Err()
	})
	return list, err
}

// RemoveFlow removes a flow that has carried nothing. One with tasks must be paused instead: its
// history says what was delivered.
func (s *Store) RemoveFlow(ctx context.Context, tx Tx, name string) error {
	used, err := exists(ctx, tx, `SELECT 1 FROM streams s CROSS JOIN tasks t WHERE s.flow = $1 AND t.stream_id = s.id LIMIT 1`, name)
	if err != nil {
		return fmt.Errorf("flow %s: %w", name, err)
	}
	if used {
		return s.setFlowPaused(ctx, tx, name, true, WhyRemoved)
	}
	_, err = tx.Exec(ctx, `DELETE FROM flows WHERE name = $1`, name)
	return err
}

// RemoveConnection removes a connection that nothing refers to; one that has records is paused.
func (s *Store) RemoveConnection(ctx context.Context, tx Tx, name string) error {
	var used int64
	if err := tx.QueryRow(ctx, `
		SELECT (SELECT COUNT(*) FROM flows WHERE source = $1 OR destination = $1) + (SELECT COUNT(*) FROM (SELECT 1 FROM records WHERE connection = $1 LIMIT 1) AS r)`,
		name).Scan(&used); err != nil {
		return fmt.Errorf("connection %s: %w", name, err)
	}
	if used > 0 {
		return s.setConnectionPaused(ctx, tx, name, true, WhyRemoved)
	}
	_, err := tx.Exec(ctx, `DELETE FROM connections WHERE name = $1`, name)
	return err
}

// RestoreFlow lets a flow go on that RemoveFlow has paused.
func (s *Store) RestoreFlow(ctx context.Context, tx Tx, name string) error {
	return s.setFlowPaused(ctx, tx, name, false, "")
}

// RestoreConnection lets a connection go on that RemoveConnection has paused.
func (s *Store) RestoreConnection(ctx context.Context, tx Tx, name string) error {
	return s.setConnectionPaused(ctx, tx, name, false, "")
}

// PauseConnection stops or goes on with all calls to a connection's system; intake goes on. Running nodes hear of it.
func (s *Store) PauseConnection(ctx context.Context, tx Tx, name string, paused bool, why string) error {
	if err := s.setConnectionPaused(ctx, tx, name, paused, why); err != nil {
		return err
	}
	return s.TouchConfig(ctx, tx)
}

// PauseFlow stops or goes on with the deliveries of a flow; intake goes on. Running nodes hear of it.
func (s *Store) PauseFlow(ctx context.Context, tx Tx, name string, paused bool, why string) error {
	if err := s.setFlowPaused(ctx, tx, name, paused, why); err != nil {
		return err
	}
	return s.TouchConfig(ctx, tx)
}

func (s *Store) setConnectionPaused(ctx context.Context, tx Tx, name string, paused bool, why string) error {
	return affectOne(tx.Exec(ctx, `UPDATE connections SET paused = $2, paused_why = $3 WHERE name = $1`, name, paused, why))
}

func (s *Store) setFlowPaused(ctx context.Context, tx Tx, name string, paused bool, why string) error {
	return affectOne(tx.Exec(ctx, `UPDATE flows SET paused = $2, paused_why = $3 WHERE name = $1`, name, paused, why))
}

// SaveHealth keeps what the last check of a connection found.
func (s *Store) SaveHealth(ctx context.Context, tx Tx, name, health string, now time.Time) error {
	return affectOne(tx.Exec(ctx, `UPDATE connections SET health = $2, checked_at = $3 WHERE name = $1`, name, health, millis(now)))
}

func affectOne(n int64, err error) error {
	if err == nil && n == 0 {
		return ErrNoRows
	}
	return err
}

// LoadSecret gives a connection's kept secret, or nil.
func (s *Store) LoadSecret(ctx context.Context, connection, name string) ([]byte, error) {
	var sealed []byte
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		err := tx.QueryRow(ctx, `SELECT value FROM secrets WHERE connection = $1 AND name = $2`, connection, name).Scan(&sealed)
		if errors.Is(err, ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || len(sealed) == 0 {
		return nil, err
	}
	return s.sealer.Open(sealed, secretContext(connection, name))
}

// LeaseSecret asks for the sole right to replace a secret until a time; false when another has it.
func (s *Store) LeaseSecret(ctx context.Context, connection, name, owner string, now, until time.Time) (bool, error) {
	var got bool
	err := s.Write(ctx, func(ctx context.Context, tx Tx) error {
		n, err := tx.Exec(ctx, `
			INSERT INTO secrets (connection, name, lease_owner, lease_until) VALUES ($1, $2, $3, $4)
			ON CONFLICT (connection, name) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
			WHERE secrets.lease_until <= $5`, connection, name, owner, millis(until), millis(now))
		got = n == 1
		return err
	})
	return got, err
}

// SaveSecret replaces a secret and ends the lease; it fails when the lease was lost meanwhile. A nil
// value ends the lease and leaves the secret.
func (s *Store) SaveSecret(ctx context.Context, connection, name, owner string, value []byte, now time.Time) error {
	sealed := []byte(nil)
	if value != nil {
		var err error
		if sealed, err = s.sealer.Seal(value, secretContext(connection, name)); err != nil {
			return err
		}
	}
	return s.Write(ctx, func(ctx context.Context, tx Tx) error {
		n, err := tx.Exec(ctx, `
			UPDATE secrets SET value = COALESCE($4, value), lease_owner = '', lease_until = 0, updated_at = $5
			WHERE connection = $1 AND name = $2 AND lease_owner = $3`, connection, name, owner, sealed, millis(now))
		if err == nil && n == 0 {
			return fmt.Errorf("the lease on secret %s of connection %s was lost", name, connection)
		}
		return err
	})
}
