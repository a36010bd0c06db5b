package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	sqliteFile = "orderly.db"
	// sqliteReaders is how many reads run at once. A read holds a connection with its own page cache.
	sqliteReaders = 16
	// sqliteStatements bounds the prepared statements of one connection; more only come from queries whose text varies.
	sqliteStatements = 256
)

// Settings of the connections. The busy time-out matters only between processes: inside this one, writers take turns.
var (
	sqliteCommon = []string{"busy_timeout(15000)", "foreign_keys(1)", "temp_store(MEMORY)"}
	// FULL syncs the journal at each commit; fullfsync makes that real on macOS. A checkpoint every 16 MB instead of
	// 4 MB costs disk space and saves syncs.
	sqliteWriting = slices.Concat(sqliteCommon, []string{"journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)",
		"checkpoint_fullfsync(1)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "cache_size(-65536)"})
	sqliteReading = slices.Concat(sqliteCommon, []string{"query_only(1)", "cache_size(-8192)"})
	// What the job engine notes about its own jobs is done again when a power cut loses it.
	sqliteBookkeeping = slices.Concat(sqliteCommon, []string{"synchronous(NORMAL)", "cache_size(-8192)"})
	// A migration that rebuilds a table drops the old one, which foreign keys would forbid; they are checked after it.
	sqliteMigrating = []string{"busy_timeout(15000)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "foreign_keys(0)"}
)

// sqliteDB is a store in a SQLite file: one writer with group commit, many readers.
type sqliteDB struct {
	path string
	// turn is held by whoever writes: the writer for a batch, the bookkeeping connection for a statement or transaction.
	turn sync.Mutex

	writing     *sql.DB
	reading     *sql.DB
	bookkeeping *sql.DB

	entering sync.RWMutex // held for reading while a call enters the queue
	closed   bool         // under entering
	queue    chan *sqliteCall
	writer   sync.WaitGroup

	readers chan *sqliteConn
	closing chan struct{}
}

func openSQLite(ctx context.Context, path string, log *slog.Logger) (_ *sqliteDB, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("finding the data folder: %w", err)
	}
	if err := ownFile(path); err != nil {
		return nil, err
	}
	if err := migrateSQLite(ctx, path, log); err != nil {
		return nil, err
	}
	db := &sqliteDB{
		path:    path,
		queue:   make(chan *sqliteCall, 8*groupSize),
		readers: make(chan *sqliteConn, sqliteReaders),
		closing: make(chan struct{}),
	}
	if db.writing, err = openSQLiteFile(path, "immediate", sqliteWriting); err != nil {
		return nil, err
	}
	if db.reading, err = openSQLiteFile(path, "deferred", sqliteReading); err != nil {
		return nil, err
	}
	bookkeeping, err := sqlite.NewConnector(sqliteDSN(path, "immediate", sqliteBookkeeping))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	db.bookkeeping = sql.OpenDB(&turnConnector{Connector: bookkeeping, turn: &db.turn})
	db.bookkeeping.SetMaxOpenConns(1)
	for range sqliteReaders {
		db.readers <- &sqliteConn{pool: db.reading}
	}
	db.writer.Go(func() { db.runWriter(&sqliteConn{pool: db.writing}) })
	return db, nil
}

// ownFile makes a new database file readable by its owner alone; SQLite would let everybody read it.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("making the database: %w", err)
	}
	return f.Close()
}

func openSQLiteFile(path, lock string, pragmas []string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(sqliteDSN(path, lock, pragmas))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return sql.OpenDB(connector), nil
}

// sqliteDSN is the address of a SQLite file, named by its absolute path, for the driver. Lock is what BEGIN takes:
// immediate, deferred or exclusive.
func sqliteDSN(path, lock string, pragmas []string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/orderly is the path /C:/orderly of a file URL
	}
	query := url.Values{"_txlock": {lock}, "_pragma": pragmas, "_dqs": {"0"}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

func (db *sqliteDB) close() error {
	db.entering.Lock()
	if db.closed {
		db.entering.Unlock()
		return ErrClosed
	}
	db.closed = true
	db.entering.Unlock()

	close(db.closing)
	close(db.queue)
	db.writer.Wait() // for the writes under way
	for range sqliteReaders {
		(<-db.readers).close() // and the reads
	}
	return errors.Join(db.reading.Close(), db.bookkeeping.Close(), db.writing.Close())
}

func (db *sqliteDB) read(ctx context.Context, fn txFunc) error {
	select {
	case <-db.closing:
		return ErrClosed
	default:
	}
	var conn *sqliteConn
	select {
	case conn = <-db.readers:
	case <-db.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	sound := false
	defer func() {
		if !sound {
			conn.close() // whatever state it is in goes with it
		}
		db.readers <- conn
	}()
	if err := conn.open(ctx); err != nil {
		return fmt.Errorf("reading from %s: %w", db.path, err)
	}
	// The frame ignores ctx: after an interrupted BEGIN nobody knows whether the transaction has begun.
	if err := conn.exec("BEGIN"); err != nil {
		return fmt.Errorf("reading from %s: %w", db.path, err)
	}
	tx := &sqliteTx{conn: conn, stmtCtx: ctx}
	err := call(ctx, tx, fn)
	tx.closeRows()
	sound = conn.exec("ROLLBACK") == nil
	return err
}

// sqliteConn is a connection with its prepared statements. It opens when first used and again after close.
type sqliteConn struct {
	pool  *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (c *sqliteConn) open(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := c.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	c.conn, c.stmts = conn, make(map[string]*sql.Stmt)
	return nil
}

// close gives the connection up for good, so that whatever state it is in goes with it.
func (c *sqliteConn) close() {
	if c.conn == nil {
		return
	}
	for _, stmt := range c.stmts {
		_ = stmt.Close() // the connection ends with it
	}
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.conn.Close()
	c.conn, c.stmts = nil, nil
}

// stmt prepares a statement, once.
func (c *sqliteConn) stmt(query string) (*sql.Stmt, error) {
	if stmt := c.stmts[query]; stmt != nil {
		return stmt, nil
	}
	if len(c.stmts) >= sqliteStatements {
		for old, stmt := range c.stmts {
			_ = stmt.Close() // rows that it still serves end first
			delete(c.stmts, old)
			break
		}
	}
	stmt, err := c.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = stmt
	return stmt, nil
}

func (c *sqliteConn) exec(query string) error {
	stmt, err := c.stmt(query) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(context.Background())
	return err
}

// sqliteTx is the Tx of one function on a connection that is inside a transaction.
type sqliteTx struct {
	conn *sqliteConn
	// stmtCtx is what statements run under. An interrupt makes SQLite roll back the whole transaction, so in a batch
	// of several callers it is one that never ends, and the caller's is looked at between statements.
	stmtCtx context.Context
	*scope          // nil in a read
	sqlTx   *sql.Tx // nil in a read
	failed  error   // the first statement that failed
	rows    []*sqliteRows
}

func (t *sqliteTx) Dialect() Dialect { return SQLite }

// prepare makes ready to run a statement.
func (t *sqliteTx) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if t.failed != nil {
		return nil, fmt.Errorf("an earlier statement of the transaction failed: %w", t.failed)
	}
	if err := ctx.Err(); err != nil {
		return nil, t.fail(err)
	}
	if len(t.rows) > 0 {
		return nil, t.fail(errors.New("the rows of the query before are still open"))
	}
	stmt, err := t.conn.stmt(query)
	if err != nil {
		return nil, t.fail(err)
	}
	return stmt, nil
}

func (t *sqliteTx) fail(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}

func (t *sqliteTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := t.prepare(ctx, query) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(t.stmtCtx, args...)
	if err != nil {
		return 0, t.fail(err)
	}
	return res.RowsAffected()
}

func (t *sqliteTx) Query(ctx context.Context, query string, args ...any) (Rows, error) {
	rows, err := t.query(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (t *sqliteTx) query(ctx context.Context, query string, args []any) (*sqliteRows, error) {
	stmt, err := t.prepare(ctx, query) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(t.stmtCtx, args...) //nolint:rowserrcheck // sqliteRows looks at it at the end
	if err != nil {
		return nil, t.fail(err)
	}
	r := &sqliteRows{Rows: rows, tx: t}
	t.rows = append(t.rows, r)
	return r, nil
}

func (t *sqliteTx) QueryRow(ctx context.Context, query string, args ...any) Row {
	rows, err := t.query(ctx, query, args)
	return &sqliteRow{rows: rows, err: err}
}

// closeRows closes what the function has left open: an open statement would keep its part of the transaction alive.
func (t *sqliteTx) closeRows() {
	for len(t.rows) > 0 {
		_ = t.rows[len(t.rows)-1].Close() // which removes it
	}
}

type sqliteRows struct {
	*sql.Rows
	tx *sqliteTx
}

func (r *sqliteRows) Close() error {
	if n := len(r.tx.rows); n > 0 && r.tx.rows[n-1] == r {
		r.tx.rows = r.tx.rows[:n-1]
	}
	return r.Rows.Close()
}

func (r *sqliteRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	if err := r.Rows.Err(); err != nil {
		_ = r.tx.fail(err) // returned by Err
	}
	_ = r.Close()
	return false
}

type sqliteRow struct {
	rows *sqliteRows
	err  error
}

func (r *sqliteRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	// A statement with RETURNING has done all its work with its first row; closing it reports a failing end.
	return r.rows.Close()
}

// spoiled tells whether an error says that the database file or disk is in trouble, so that nothing of the batch in
// which it happened can be trusted: disk full, I/O errors, corruption, out of memory, an interrupted statement.
func spoiled(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY:
		return true
	}
	return false
}
