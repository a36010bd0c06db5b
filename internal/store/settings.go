package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	Removed   bool // from the configuration; kept, and paused, because it has a history
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
	Removed     bool // as of a connection
	UpdatedAt   time.Time
}

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
		return each(ctx, tx, func(row Row) error {
			var c Connection
			var settings []byte
			var checked, updated int64
			if err := row.Scan(&c.Name, &c.System, &settings, &c.Lanes, &c.Paused, &c.PausedWhy, &c.Removed, &checked, &c.Health, &updated); err != nil {
				return err
			}
			c.CheckedAt, c.UpdatedAt = moment(checked), moment(updated)
			list, sealed = append(list, c), append(sealed, settings)
			return nil
		}, `SELECT name, system, settings, lanes, paused, paused_why, removed, checked_at, health, updated_at FROM connections ORDER BY name`)
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
	return readList(ctx, s, scanFlow, `SELECT name, source, destination, config, paused, paused_why, removed, updated_at FROM flows ORDER BY name`)
}

func scanFlow(row Row) (Flow, error) {
	var f Flow
	var updated int64
	err := row.Scan(&f.Name, &f.Source, &f.Destination, &f.Config, &f.Paused, &f.PausedWhy, &f.Removed, &updated)
	f.UpdatedAt = moment(updated)
	return f, err
}

// whyRemoved is why what was removed from the configuration is paused.
const whyRemoved = "removed from the configuration"

// RemoveFlow removes a flow. One that has carried something is kept and paused: its history says what was delivered.
// What it has not delivered is left out, a little later; see LeaveOutRemoved.
func (s *Store) RemoveFlow(ctx context.Context, tx Tx, name string) error {
	used, err := hasTasks(ctx, tx, name)
	if err != nil {
		return err
	}
	if used {
		return affectOne(tx.Exec(ctx, `UPDATE flows SET paused = $2, paused_why = $3, removed = $2 WHERE name = $1`, name, true, whyRemoved))
	}
	_, err = tx.Exec(ctx, `DELETE FROM flows WHERE name = $1`, name)
	return err
}

func hasTasks(ctx context.Context, tx Tx, flow string) (bool, error) {
	used, err := exists(ctx, tx, `SELECT 1 FROM streams s CROSS JOIN tasks t WHERE s.flow = $1 AND t.stream_id = s.id LIMIT 1`, flow)
	if err != nil {
		return false, fmt.Errorf("flow %s: %w", flow, err)
	}
	return used, nil
}

// HasTasks tells whether a flow has carried anything.
func (s *Store) HasTasks(ctx context.Context, flow string) (used bool, err error) {
	err = s.Read(ctx, func(ctx context.Context, tx Tx) error {
		used, err = hasTasks(ctx, tx, flow)
		return err
	})
	return used, err
}

// RemoveConnection removes a connection that nothing refers to, with its tokens and the places where its listings
// stood: another account that gets its name begins anew. One that has records is kept and paused.
func (s *Store) RemoveConnection(ctx context.Context, tx Tx, name string) error {
	var used int64
	if err := tx.QueryRow(ctx, `
		SELECT (SELECT COUNT(*) FROM flows WHERE source = $1 OR destination = $1) + (SELECT COUNT(*) FROM (SELECT 1 FROM records WHERE connection = $1 LIMIT 1) AS r)`,
		name).Scan(&used); err != nil {
		return fmt.Errorf("connection %s: %w", name, err)
	}
	if used > 0 {
		return affectOne(tx.Exec(ctx, `UPDATE connections SET paused = $2, paused_why = $3, removed = $2 WHERE name = $1`, name, true, whyRemoved))
	}
	for _, query := range []string{
		`DELETE FROM secrets WHERE connection = $1`, `DELETE FROM cursors WHERE connection = $1`, `DELETE FROM seen_values WHERE connection = $1`,
		`DELETE FROM connections WHERE name = $1`,
	} {
		if _, err := tx.Exec(ctx, query, name); err != nil {
			return fmt.Errorf("connection %s: %w", name, err)
		}
	}
	return nil
}

// RestoreFlow lets a flow go on that was removed. What was left out because of that goes on as if a person had released
// it.
func (s *Store) RestoreFlow(ctx context.Context, tx Tx, name string, now time.Time) error {
	if err := affectOne(tx.Exec(ctx, `UPDATE flows SET paused = $2, paused_why = '', removed = $2 WHERE name = $1`, name, false)); err != nil {
		return err
	}
	ids, err := collect(ctx, tx, scanValue[int64], `
		SELECT t.id FROM streams s CROSS JOIN tasks t WHERE s.flow = $1 AND t.stream_id = s.id AND t.state = 'skipped' AND t.reason = $2`, name, flowRemoved)
	if err != nil {
		return fmt.Errorf("flow %s: %w", name, err)
	}
	for some := range slices.Chunk(ids, actChunk) {
		// The lanes need no waking here: a sweep finds them within a second.
		if _, _, err := s.actOn(ctx, tx, ActionRelease, some, "", now); err != nil {
			return fmt.Errorf("flow %s: %w", name, err)
		}
	}
	return nil
}

// RestoreConnection lets a connection go on that was removed.
func (s *Store) RestoreConnection(ctx context.Context, tx Tx, name string) error {
	return affectOne(tx.Exec(ctx, `UPDATE connections SET paused = $2, paused_why = '', removed = $2 WHERE name = $1`, name, false))
}

const (
	// flowRemoved is why a task is skipped whose flow was removed.
	flowRemoved = "its flow was removed from the configuration"
	// leaveOutRows bounds a transaction that leaves tasks out.
	leaveOutRows = 1000
)

// LeaveOutRemoved skips what removed flows have not delivered, so that nobody waits for it; it says how much that was.
// What a person holds stays held.
func (s *Store) LeaveOutRemoved(ctx context.Context, now time.Time) (int64, error) {
	var total int64
	for {
		var n int64
		err := s.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
			n, err = tx.Exec(ctx, `
				UPDATE tasks SET state = 'skipped', reason = $1, cause_id = 0, waiting_since = 0, updated_at = $2
				WHERE state IN ('waiting', 'held', 'failed') AND NOT pinned AND id IN (
					SELECT t.id FROM flows f JOIN streams s ON s.flow = f.name CROSS JOIN tasks t
					WHERE f.removed AND t.stream_id = s.id AND t.state IN ('waiting', 'held', 'failed') AND NOT t.pinned LIMIT $3)`,
				flowRemoved, millis(now), leaveOutRows)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("leaving out what removed flows have not delivered: %w", err)
		}
		if total += n; n < leaveOutRows {
			return total, nil
		}
	}
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
