package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// The tables of Orderly, a folder for each database: they need different types (BLOB or BYTEA, ids that count by
// themselves, STRICT tables, partitions). A test holds that both have the same tables and columns. Files are numbered
// (0002_what_it_does.sql), are only ever added, and go forward only. The tables of the job engine are River's own
// migrations and follow its version.
//
//go:embed migrations
var migrationFiles embed.FS

// schema is a version of the tables: Orderly's and those of the job engine.
type schema struct{ orderly, river int64 }

func (s schema) String() string { return fmt.Sprintf("%d/%d", s.orderly, s.river) }

// compare tells what is to be done with a database that has the tables of version s when the program knows those of
// version want. A database that is newer in one part is refused whatever the other says.
func (s schema) compare(want schema) (pending bool, err error) {
	if s.orderly > want.orderly || s.river > want.river {
		return false, fmt.Errorf("the database has tables of a newer Orderly (version %s; this program knows up to %s): "+
			"run that newer version, or restore the backup that was made before the upgrade", s, want)
	}
	return s != want, nil
}

// migrator brings the tables of one database up to date.
type migrator struct {
	goose *goose.Provider
	want  schema
	river func(ctx context.Context) error
	// version reads which tables there are, without changing anything.
	version func(ctx context.Context) (schema, error)
}

func newMigrator[T any](dialect goose.Dialect, folder string, db *sql.DB, driver riverdriver.Driver[T]) (*migrator, error) {
	files, err := fs.Sub(migrationFiles, "migrations/"+folder)
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(dialect, db, files, goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	river, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("reading the migrations of the job engine: %w", err)
	}
	sources, versions := provider.ListSources(), river.AllVersions()
	return &migrator{
		goose: provider,
		want:  schema{orderly: sources[len(sources)-1].Version, river: int64(versions[len(versions)-1].Version)},
		river: func(ctx context.Context) error {
			_, err := river.Migrate(ctx, rivermigrate.DirectionUp, nil)
			return err
		},
		version: func(ctx context.Context) (s schema, err error) {
			if s.orderly, err = latest(ctx, db, dialect, goose.DefaultTablename, "version_id"); err != nil {
				return s, err
			}
			s.river, err = latest(ctx, db, dialect, "river_migration", "version")
			return s, err
		},
	}, nil
}

// latest is the highest version in a table of migrations, 0 where there is no such table yet.
func latest(ctx context.Context, db *sql.DB, dialect goose.Dialect, table, column string) (version int64, err error) {
	exists := "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = $1)"
	if dialect == goose.DialectPostgres {
		exists = "SELECT to_regclass($1) IS NOT NULL"
	}
	var there bool
	if err = db.QueryRowContext(ctx, exists, table).Scan(&there); err == nil && there {
		err = db.QueryRowContext(ctx, "SELECT coalesce(max("+column+"), 0) FROM "+table).Scan(&version)
	}
	if err != nil {
		return 0, fmt.Errorf("reading the version of the tables: %w", err)
	}
	return version, nil
}

// up applies what is missing. The caller holds a lock, and calls before when there is something to do.
func (m *migrator) up(ctx context.Context, log *slog.Logger, before func(have schema) error) error {
	have, err := m.version(ctx)
	if err != nil {
		return err
	}
	pending, err := have.compare(m.want)
	if err != nil || !pending {
		return err
	}
	if err := before(have); err != nil {
		return err
	}
	if _, err := m.goose.Up(ctx); err != nil {
		return fmt.Errorf("changing the tables from version %s to %s: %w", have, m.want, err)
	}
	if err := m.river(ctx); err != nil {
		return fmt.Errorf("changing the tables of the job engine from version %s to %s: %w", have, m.want, err)
	}
	log.InfoContext(ctx, "the tables are up to date", "from", have.String(), "to", m.want.String())
	return nil
}

// migrationLock is the advisory lock under which nodes change the tables of a PostgreSQL database, one at a time.
const migrationLock = 0x6f726465726c7901 // "orderly", 1

func (db *postgresDB) migrate(ctx context.Context, log *slog.Logger) error {
	std := stdlib.OpenDBFromPool(db.pool)
	defer std.Close()
	m, err := newMigrator(goose.DialectPostgres, "postgres", std, riverpgxv5.New(db.pool))
	if err != nil {
		return err
	}
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("locking the tables: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("locking the tables: %w", err)
	}
	err = m.up(ctx, log, func(schema) error { return nil })
	if _, e := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock)); e != nil {
		err = errors.Join(err, fmt.Errorf("unlocking the tables: %w", e))
	}
	return err
}

// lockPatience is how long a process waits for another one that is changing the tables of a SQLite file.
const lockPatience = 30 * time.Second

func migrateSQLite(ctx context.Context, path string, log *slog.Logger) (err error) {
	db, err := openSQLiteFile(path, "immediate", sqliteMigrating)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := newMigrator(goose.DialectSQLite3, "sqlite", db, riversqlite.New(db))
	if err != nil {
		return err
	}
	// The usual case needs no lock, so that a command can look into the database while the server runs.
	have, err := m.version(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if pending, err := have.compare(m.want); err != nil || !pending {
		return err
	}
	unlock, err := lockFile(ctx, path, lockPatience)
	if err != nil {
		return fmt.Errorf("the tables of %s need an upgrade: %w", path, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	err = m.up(ctx, log, func(have schema) error {
		if have == (schema{}) {
			return nil
		}
		copied := fmt.Sprintf("%s.before-%d.%d-%s", path, m.want.orderly, m.want.river, time.Now().UTC().Format("20060102T150405.000"))
		if err := backup(ctx, db, copied); err != nil {
			return fmt.Errorf("copying the database before its tables change: %w", err)
		}
		log.InfoContext(ctx, "copied the database before its tables change", "file", copied)
		return nil
	})
	if err != nil {
		return err
	}
	return checkForeignKeys(ctx, db)
}

// backup writes a copy of the database to a new file, which only its owner can read.
func backup(ctx context.Context, db *sql.DB, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO $1", path) // which takes an empty file
	return err
}

// checkForeignKeys finds references that a migration has broken.
func checkForeignKeys(ctx context.Context, db *sql.DB) error {
	var table, parent string
	err := db.QueryRowContext(ctx, `SELECT "table", "parent" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table, &parent)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("checking the references after the upgrade: %w", err)
	}
	return fmt.Errorf("after the upgrade a row of %s refers to no row of %s: restore the copy made before it and report this", table, parent)
}

// lockFile takes the lock of a SQLite database, which the process that works on it holds: the server, or whoever
// changes its tables. It is held on a small SQLite file of its own beside the database, because SQLite locks files on
// every system and the lock of a killed process goes with it.
func lockFile(ctx context.Context, path string, patience time.Duration) (unlock func() error, err error) {
	name := filepath.Join(filepath.Dir(path), "orderly.lock")
	db, err := openSQLiteFile(name, "exclusive", []string{fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds())})
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		err = errors.Join(err, db.Close())
		return nil, fmt.Errorf("%w (%s is locked); stop it first: %w", ErrInUse, name, err)
	}
	return func() error {
		return errors.Join(tx.Rollback(), db.Close())
	}, nil
}
