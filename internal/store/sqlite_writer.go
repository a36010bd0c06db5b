package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// A batch takes what waits, up to this many writes or until this much time was spent on them.
const (
	groupSize = 128
	groupTime = 8 * time.Millisecond
)

// sqliteCall is one Write on its way through the writer.
type sqliteCall struct {
	ctx    context.Context
	fn     txFunc
	taken  atomic.Bool // by the writer, which then answers, or by the caller, who has gone
	answer chan error  // holds one, so that the writer never waits for a caller
}

func (db *sqliteDB) write(ctx context.Context, fn txFunc) error {
	c := &sqliteCall{ctx: ctx, fn: fn, answer: make(chan error, 1)}
	if err := db.enter(c); err != nil {
		return err
	}
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-c.answer // it runs: only the answer says whether it was committed
	}
}

func (db *sqliteDB) enter(c *sqliteCall) error {
	db.entering.RLock()
	defer db.entering.RUnlock()
	if db.closed {
		return ErrClosed
	}
	select {
	case db.queue <- c:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// runWriter is the writer. It ends when the database closes, with everything done that was queued.
func (db *sqliteDB) runWriter(conn *sqliteConn) {
	done := false
	defer func() {
		conn.close()
		if !done {
			// A function has called runtime.Goexit, as t.FailNow does. The writer outlives it.
			db.writer.Go(func() { db.runWriter(&sqliteConn{pool: db.writing}) })
		}
	}()
	for c := range db.queue {
		// The callers of the batch before were answered just now: let them queue their next writes behind this one.
		runtime.Gosched()
		db.writeBatch(conn, c)
	}
	done = true
}

// writeBatch runs the first call and those that wait behind it in one transaction and answers them all.
func (db *sqliteDB) writeBatch(conn *sqliteConn, first *sqliteCall) {
	db.turn.Lock()
	defer db.turn.Unlock()
	b := &batch{conn: conn}
	err := errors.New("a function of the same batch ended its goroutine (runtime.Goexit)")
	defer func() { b.finish(err) }()
	if err = b.run(first, db.queue); err != nil {
		err = fmt.Errorf("writing to %s: %w", db.path, err)
	}
}

// batch is a transaction that several calls share.
type batch struct {
	conn  *sqliteConn
	sqlTx *sql.Tx
	scope scope
	calls []*sqliteCall // that are answered when the batch is finished
}

// run returns an error when the batch as a whole has failed.
func (b *batch) run(first *sqliteCall, queue <-chan *sqliteCall) error {
	if err := b.begin(); err != nil {
		b.take(first)
		return err
	}
	start := time.Now()
	for c, n := first, 1; ; n++ {
		if b.take(c) {
			if err := b.runCall(c); err != nil {
				return err
			}
		}
		if n >= groupSize || time.Since(start) >= groupTime {
			break
		}
		select {
		case c = <-queue:
		default:
			c = nil
		}
		if c == nil { // nobody waits, or the database is closing
			break
		}
	}
	frame := b.tx(&b.scope)
	defer frame.closeRows()
	if err := b.scope.runAtCommit(context.Background(), frame); err != nil {
		return err
	}
	frame.closeRows()
	if frame.failed != nil {
		return frame.failed
	}
	if err := b.sqlTx.Commit(); err != nil {
		return err
	}
	b.sqlTx = nil
	b.scope.runAfterCommit()
	return nil
}

func (b *batch) begin() (err error) {
	if err := b.conn.open(context.Background()); err != nil {
		return err
	}
	b.sqlTx, err = b.conn.conn.BeginTx(context.Background(), nil)
	return err
}

// take makes the batch answer for a call. It reports whether the caller still waits.
func (b *batch) take(c *sqliteCall) bool {
	if !c.taken.CompareAndSwap(false, true) {
		return false
	}
	b.calls = append(b.calls, c)
	return true
}

// runCall runs the function of the call that was taken last. It answers the call itself when that fails alone, and
// returns an error when the batch has failed with it.
func (b *batch) runCall(c *sqliteCall) error {
	if err := c.ctx.Err(); err != nil {
		b.reject(err)
		return nil
	}
	if err := b.conn.exec("SAVEPOINT call"); err != nil {
		return err
	}
	tx := b.tx(&scope{})
	err := call(c.ctx, tx, c.fn)
	tx.closeRows()
	if spoiled(tx.failed) {
		return tx.failed
	}
	if err == nil && tx.failed != nil {
		err = fmt.Errorf("a statement failed and its error was not returned: %w", tx.failed)
	}
	if err == nil {
		b.scope.add(tx.scope)
		return b.conn.exec("RELEASE call")
	}
	if err := b.conn.exec("ROLLBACK TO call"); err != nil {
		return err // SQLite has rolled back everything
	}
	if err := b.conn.exec("RELEASE call"); err != nil {
		return err
	}
	b.reject(err)
	return nil
}

// reject answers the call that was taken last.
func (b *batch) reject(err error) {
	last := len(b.calls) - 1
	b.calls[last].answer <- err
	b.calls = b.calls[:last]
}

func (b *batch) tx(s *scope) *sqliteTx {
	return &sqliteTx{conn: b.conn, stmtCtx: context.Background(), scope: s, sqlTx: b.sqlTx}
}

// finish answers the calls of the batch. After a failure the connection goes, with whatever state it is in; the next
// batch opens a new one.
func (b *batch) finish(err error) {
	if err != nil {
		if b.sqlTx != nil {
			_ = b.sqlTx.Rollback() // it may be rolled back already
		}
		b.conn.close()
	}
	for _, c := range b.calls {
		c.answer <- err
	}
}
