package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// sqlite opens the file of a store beside it.
func sqlite(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestBothDatabasesHaveTheSameTables(t *testing.T) {
	shapes := map[store.Dialect][]string{}
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		query := `SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`
		if s.Dialect() == store.Postgres {
			query = `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'`
		}
		err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			rows, err := tx.Query(ctx, query)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var column string
				if err := rows.Scan(&column); err != nil {
					return err
				}
				if !strings.HasPrefix(column, "river_") && !strings.HasPrefix(column, "goose_") && !strings.HasPrefix(column, "sqlite_") {
					shapes[s.Dialect()] = append(shapes[s.Dialect()], column)
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(shapes[s.Dialect()])
	})
	lite, pg := shapes[store.SQLite], shapes[store.Postgres]
	if len(lite) < 100 {
		t.Errorf("SQLite has %d columns", len(lite))
	}
	if len(pg) > 0 && !slices.Equal(lite, pg) {
		t.Errorf("SQLite has %v\nPostgreSQL has %v", lite, pg)
	}
}

func TestOpeningAgainKeepsEverything(t *testing.T) {
	for name, o := range map[string]store.Options{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: pgtest.URL(t)}} {
		t.Run(name, func(t *testing.T) {
			for i := range 2 {
				db, err := store.Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				if err := db.Write(t.Context(), set(fmt.Sprintf("test%d", i), "")); err != nil {
					t.Error(err)
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}
			if n := keys(t, storetest.Open(t, o)); n != 2 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

func TestDatabaseOfANewerOrderlyIsRefused(t *testing.T) {
	const newer = `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		if err := storetest.Open(t, store.Options{Dir: dir}).Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, newer)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		refused(t, store.Options{Dir: dir})
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.URL(t)
		storetest.Open(t, store.Options{URL: url})
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		refused(t, store.Options{URL: url})
	})
}

func refused(t *testing.T, o store.Options) {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err == nil {
		db.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "newer Orderly") {
		t.Errorf("%v", err)
	}
}

// A database of which only the first part was made is brought up to date, and copied before.
func TestDatabaseIsCopiedBeforeItsTablesChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "orderly.db")
	old := sqlite(t, path)
	for _, statement := range []string{
		`CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))`,
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1)`,
		`CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)`,
		`INSERT INTO meta (key, value) VALUES ('test', 'kept')`,
	} {
		if _, err := old.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s := storetest.Open(t, store.Options{Dir: dir})
	if n := keys(t, s); n != 1 {
		t.Errorf("%d rows are kept", n)
	}
	copies, err := filepath.Glob(path + ".before-*")
	if err != nil || len(copies) != 1 {
		t.Fatalf("copies %v, %v", copies, err)
	}
	var value string
	if err := sqlite(t, copies[0]).QueryRowContext(t.Context(), `SELECT value FROM meta WHERE key = 'test'`).Scan(&value); err != nil || value != "kept" {
		t.Errorf("the copy holds %q, %v", value, err)
	}
	db, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if copies, _ := filepath.Glob(path + ".before-*"); len(copies) != 1 {
		t.Errorf("copied again although nothing changed: %v", copies)
	}
}
