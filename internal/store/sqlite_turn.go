package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
)

// The job engine keeps its books with statements of its own, on a connection of its own. SQLite lets one connection
// write at a time, and one that finds the other busy sleeps and tries again, with bad luck for seconds while batch
// follows batch. So inside this process both take turns with a mutex, which is fair: a turnConn holds it for each
// statement or transaction, reads too, because a statement does not say whether it writes. All of them are short.

type turnConnector struct {
	driver.Connector
	turn *sync.Mutex
}

func (c *turnConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := conn.(fullConn)
	if !ok {
		_ = conn.Close()
		return nil, errors.New("the SQLite driver lacks an interface that it had")
	}
	return &turnConn{fullConn: full, turn: c.turn}, nil
}

// fullConn is what every connection of the SQLite driver can do.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// turnConn is used by one goroutine at a time, as database/sql promises.
type turnConn struct {
	fullConn
	turn *sync.Mutex
	held bool
}

func (c *turnConn) take() {
	c.turn.Lock()
	c.held = true
}

func (c *turnConn) give() {
	if c.held {
		c.held = false
		c.turn.Unlock()
	}
}

func (c *turnConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.take()
	tx, err := c.fullConn.BeginTx(ctx, opts)
	if err != nil {
		c.give()
		return nil, err
	}
	return &turnTx{Tx: tx, conn: c}, nil
}

func (c *turnConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !c.held {
		c.take()
		defer c.give()
	}
	return c.fullConn.ExecContext(ctx, query, args)
}

func (c *turnConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	alone := !c.held
	if alone {
		c.take()
	}
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	if alone && err != nil {
		c.give()
	}
	if !alone || err != nil {
		return rows, err
	}
	return &turnRows{Rows: rows, conn: c}, nil
}

// Prepare refuses: a prepared statement would run without a turn.
func (c *turnConn) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("the bookkeeping connection prepares no statements")
}

func (c *turnConn) Close() error {
	defer c.give()
	return c.fullConn.Close()
}

type turnTx struct {
	driver.Tx
	conn *turnConn
}

func (t *turnTx) Commit() error {
	defer t.conn.give()
	return t.Tx.Commit()
}

func (t *turnTx) Rollback() error {
	defer t.conn.give()
	return t.Tx.Rollback()
}

// turnRows keeps the turn until the statement has ended, which is when it commits.
type turnRows struct {
	driver.Rows
	conn *turnConn
}

func (r *turnRows) Close() error {
	defer r.conn.give()
	return r.Rows.Close()
}
