package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// postgresConns is how many connections a node opens at most, unless its address says pool_max_conns. PostgreSQL's
	// own default allows 100 for all nodes together.
	postgresConns = 24
	// postgresAttempts is how often a transaction runs that loses against others each time.
	postgresAttempts = 10
)

// postgresDB is a store in a PostgreSQL database, which many nodes share.
type postgresDB struct {
	pool   *pgxpool.Pool
	closed atomic.Bool
}

func openPostgres(ctx context.Context, address string) (*postgresDB, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("the PostgreSQL address is not valid: %w", err) // pgx leaves the password out
	}
	if !strings.Contains(address, "pool_max_conns") {
		config.MaxConns = postgresConns
	}
	if params := config.ConnConfig.RuntimeParams; params["application_name"] == "" {
		params["application_name"] = "orderly"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening PostgreSQL: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	return &postgresDB{pool: pool}, nil
}

func (db *postgresDB) close() error {
	if db.closed.Swap(true) {
		return ErrClosed
	}
	db.pool.Close() // waits for the transactions under way
	return nil
}

func (db *postgresDB) write(ctx context.Context, fn txFunc) error {
	var err error
	for attempt := range postgresAttempts {
		if attempt > 0 {
			if err := pause(ctx, attempt); err != nil {
				return err
			}
		}
		if err = db.writeOnce(ctx, fn); !lost(err) {
			return err
		}
	}
	return fmt.Errorf("the transaction lost against others %d times: %w", postgresAttempts, err)
}

func (db *postgresDB) writeOnce(ctx context.Context, fn txFunc) error {
	pgTx, err := db.begin(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
	if err != nil {
		return err
	}
	defer rollback(ctx, pgTx) // does nothing after the commit
	tx := &postgresTx{tx: pgTx, scope: &scope{}}
	if err := tx.call(ctx, fn); err != nil {
		return err
	}
	if err := tx.runAtCommit(ctx, tx); err != nil {
		return err
	}
	tx.closeRows()
	if err := pgTx.Commit(ctx); err != nil {
		if errors.Is(err, pgx.ErrTxCommitRollback) {
			return errors.New("a statement failed and its error was not returned")
		}
		return fmt.Errorf("committing to PostgreSQL: %w", err)
	}
	tx.runAfterCommit()
	return nil
}

func (db *postgresDB) read(ctx context.Context, fn txFunc) error {
	pgTx, err := db.begin(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer rollback(ctx, pgTx)
	return (&postgresTx{tx: pgTx}).call(ctx, fn)
}

func (db *postgresDB) begin(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error) {
	tx, err := db.pool.BeginTx(ctx, options)
	if err != nil {
		if db.closed.Load() {
			return nil, ErrClosed
		}
		return nil, fmt.Errorf("beginning a transaction in PostgreSQL: %w", err)
	}
	return tx, nil
}

// rollback ends a transaction also when the caller's context has ended, so that its connection can serve again.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = tx.Rollback(ctx) // a connection that cannot roll back is closed by pgx
}

// Error codes of PostgreSQL (its manual, appendix A).
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
)

// lost tells whether a transaction lost against another one and may be run again.
func lost(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == serializationFailure || e.Code == deadlockDetected)
}

// pause waits a little longer after each lost attempt, with jitter so that the same two do not meet again.
func pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(rand.N(time.Millisecond << min(attempt, 7))) //nolint:gosec // it only spreads attempts over time
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// postgresTx is the Tx of one attempt.
type postgresTx struct {
	tx     pgx.Tx
	*scope          // nil in a read
	rows   pgx.Rows // the latest answer; the connection serves one at a time
}

func (t *postgresTx) call(ctx context.Context, fn txFunc) error {
	err := call(ctx, t, fn)
	t.closeRows()
	return err
}

// closeRows closes the answer that the function has left open.
func (t *postgresTx) closeRows() {
	if t.rows != nil {
		t.rows.Close()
		t.rows = nil
	}
}

func (t *postgresTx) Dialect() Dialect { return Postgres }

func (t *postgresTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (t *postgresTx) Query(ctx context.Context, query string, args ...any) (Rows, error) {
	rows, err := t.tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	t.rows = rows
	return postgresRows{rows}, nil
}

func (t *postgresTx) QueryRow(ctx context.Context, query string, args ...any) Row {
	rows, err := t.tx.Query(ctx, query, args...)
	t.rows = rows
	return postgresRow{rows: rows, err: err}
}

type postgresRows struct{ pgx.Rows }

func (r postgresRows) Close() error {
	r.Rows.Close()
	return r.Err()
}

type postgresRow struct {
	rows pgx.Rows
	err  error
}

func (r postgresRow) Scan(dest ...any) error {
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
	r.rows.Close()
	return r.rows.Err()
}
