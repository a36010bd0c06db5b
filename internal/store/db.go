// Package store keeps everything that Orderly knows, in SQLite or in PostgreSQL, with plain SQL that runs on both.
//
// This part of it gives transactions: Write commits durably, Read sees one moment. Queries are written once, with $1
// placeholders, BIGINT milliseconds for times, TEXT for decimals, and CAST(x AS BIGINT) where a type must be named;
// where the two databases really differ, a query asks Tx.Dialect. The package knows no vendor, no HTTP and no jobs.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Dialect is the database behind a store.
type Dialect int

const (
	SQLite Dialect = iota + 1
	Postgres
)

func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "sqlite"
	case Postgres:
		return "postgres"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

var (
	// ErrNoRows is what Row.Scan returns when the query found nothing.
	ErrNoRows = errors.New("no such row")
	// ErrClosed is what Write and Read return once Close was called.
	ErrClosed = errors.New("the database is closed")
	// ErrInUse is why Lock fails while another process works on the database.
	ErrInUse = errors.New("another Orderly process works on this data folder")
)

// Tx runs queries inside one transaction. It belongs to the function that got it and must not outlive it, nor be used
// by several goroutines at once. Both databases keep to the stricter one's rules: rows are read to their end or closed
// before the next statement, and after a statement has failed the transaction cannot commit any more, so the function
// returns the error.
type Tx interface {
	Exec(ctx context.Context, sql string, args ...any) (rowsAffected int64, err error)
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) Row
	Dialect() Dialect
}

// Rows are the answer to a query. Close is safe to call twice; rows left open are closed with their function.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Close() error
	Err() error
}

// Row is the first row of an answer; Scan returns ErrNoRows when there is none.
type Row interface {
	Scan(dest ...any) error
}

// Options say which database to open.
type Options struct {
	// Dir is the folder of the SQLite file orderly.db. It is made when it is missing.
	Dir string
	// URL is the address of a PostgreSQL database (postgres://user:password@host/database). It wins over Dir.
	URL string
	// Log receives what happens to the database itself: migrations, backups. The default is slog.Default().
	Log *slog.Logger
}

// DB is an open store. It is safe for use by many goroutines.
type DB struct {
	engine
	dialect  Dialect
	sqlite   *sqliteDB   // nil on PostgreSQL
	postgres *postgresDB // nil on SQLite
}

// engine is what the two databases do differently.
type engine interface {
	write(ctx context.Context, fn txFunc) error
	read(ctx context.Context, fn txFunc) error
	close() error
}

type txFunc = func(ctx context.Context, tx Tx) error

// Open opens the database and brings its tables up to date, alone: other processes that open it wait. A SQLite file
// that holds something is copied beside itself before its tables change. A database of a newer Orderly is refused.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.URL != "" {
		pg, err := openPostgres(ctx, o.URL)
		if err != nil {
			return nil, err
		}
		if err := pg.migrate(ctx, o.Log); err != nil {
			pg.pool.Close()
			return nil, err
		}
		return &DB{engine: pg, dialect: Postgres, postgres: pg}, nil
	}
	if o.Dir == "" {
		return nil, errors.New("opening the database: neither a data folder nor a PostgreSQL address is given")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	lite, err := openSQLite(ctx, filepath.Join(o.Dir, sqliteFile), o.Log)
	if err != nil {
		return nil, err
	}
	return &DB{engine: lite, dialect: SQLite, sqlite: lite}, nil
}

// Exists says whether there is a database that has been opened before, with a key. It changes nothing.
func Exists(ctx context.Context, o Options) (bool, error) {
	if o.URL == "" {
		_, err := os.Stat(filepath.Join(o.Dir, sqliteFile))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("looking for the database: %w", err)
		}
		return true, nil
	}
	pg, err := openPostgres(ctx, o.URL)
	if err != nil {
		return false, err
	}
	defer pg.pool.Close()
	var there bool
	err = pg.pool.QueryRow(ctx, `SELECT to_regclass('meta') IS NOT NULL`).Scan(&there)
	if err == nil && there {
		err = pg.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'sealed_with')`).Scan(&there)
	}
	if err != nil {
		return false, fmt.Errorf("looking for the tables of Orderly: %w", err)
	}
	return there, nil
}

// Write runs fn in a transaction and commits it. What fn did is durable, committed and synced to disk, when Write
// returns nil, and undone when it returns an error.
//
// On SQLite many callers share one commit; a failing fn undoes only its own part. On PostgreSQL fn runs again when the
// transaction lost against another one (serialisation failure, deadlock). So fn may run more than once, must not
// touch anything but tx and its own variables, which it sets and never adds to, and must not take long: on SQLite it
// holds up every other write. A fn that panics gives a *PanicError.
//
// Cancelling ctx keeps a waiting fn from running and makes the next statement of a running one fail.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return db.write(ctx, fn)
}

// Read runs fn in a read-only transaction that sees the database as it was at one moment; what other callers write
// meanwhile is invisible to it. Many run at once. On SQLite a long one keeps the journal from shrinking, so long
// exports read page by page.
func (db *DB) Read(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return db.read(ctx, fn)
}

// Close waits for the writes that are under way and closes the database.
func (db *DB) Close() error { return db.close() }

// Dialect tells which database this is.
func (db *DB) Dialect() Dialect { return db.dialect }

// PanicError is a panic in a function given to Write or Read: a bug of ours, kept from taking others down.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("a bug: panic in a transaction: %v", e.Value) }

// call runs fn and turns a panic into an error.
func call(ctx context.Context, tx Tx, fn txFunc) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return fn(ctx, tx)
}

// scope collects what the functions of one transaction want done at its end.
type scope struct {
	atCommit    map[string]txFunc
	afterCommit []func()
}

// add takes over what an inner scope has collected.
func (s *scope) add(inner *scope) {
	if len(inner.atCommit) > 0 {
		if s.atCommit == nil {
			s.atCommit = make(map[string]txFunc)
		}
		maps.Copy(s.atCommit, inner.atCommit)
	}
	s.afterCommit = append(s.afterCommit, inner.afterCommit...)
}

// runAtCommit runs the AtCommit functions, ordered by key so that transactions take locks in one order.
func (s *scope) runAtCommit(ctx context.Context, tx Tx) error {
	for _, key := range slices.Sorted(maps.Keys(s.atCommit)) {
		if err := call(ctx, tx, s.atCommit[key]); err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) runAfterCommit() {
	for _, fn := range s.afterCommit {
		fn()
	}
}

func (s *scope) scoped() *scope { return s }

// scopeOf finds the scope of a transaction that Write opened.
func scopeOf(tx Tx) *scope {
	if t, ok := tx.(interface{ scoped() *scope }); ok {
		if s := t.scoped(); s != nil {
			return s
		}
	}
	panic("AtCommit and AfterCommit need the transaction of a Write")
}

// AtCommit has fn run in the same transaction just before it commits: once for each key, however many callers that
// share the commit ask for it. A caller that fails takes its wish back; an error of fn fails all of them.
func AtCommit(tx Tx, key string, fn func(ctx context.Context, tx Tx) error) {
	s := scopeOf(tx)
	if s.atCommit == nil {
		s.atCommit = make(map[string]txFunc)
	}
	s.atCommit[key] = fn
}

// AfterCommit has fn run once the transaction is committed, before Write returns. It must be quick and must not use the
// store. It does not run when the transaction fails, and a crash may keep it from running: it is for hints only.
func AfterCommit(tx Tx, fn func()) {
	s := scopeOf(tx)
	s.afterCommit = append(s.afterCommit, fn)
}

// What follows is for package jobs, which runs River on the same database.

// PgxTx is the PostgreSQL transaction under tx.
func PgxTx(tx Tx) pgx.Tx { return tx.(*postgresTx).tx }

// SQLTx is the SQLite transaction under tx, which other callers may share: it must be left open, and a statement that
// fails in it must be returned as an error by an AtCommit function or fail the whole Write.
func SQLTx(tx Tx) *sql.Tx { return tx.(*sqliteTx).sqlTx }

// Pool is the pool of a PostgreSQL database; nil on SQLite.
func (db *DB) Pool() *pgxpool.Pool {
	if db.postgres == nil {
		return nil
	}
	return db.postgres.pool
}

// Bookkeeping is a pool of one connection to a SQLite database, for writes that a power cut may lose; nil on
// PostgreSQL. It takes turns with Write, so it must not be used from inside one.
func (db *DB) Bookkeeping() *sql.DB {
	if db.sqlite == nil {
		return nil
	}
	return db.sqlite.bookkeeping
}

// Lock makes this process the one that works on a SQLite database, until release is called or the process ends. It
// fails when another process holds the lock. On PostgreSQL, which nodes share, it does nothing.
func (db *DB) Lock(ctx context.Context) (release func() error, err error) {
	if db.sqlite == nil {
		return func() error { return nil }, nil
	}
	return lockFile(ctx, db.sqlite.path, 0)
}
