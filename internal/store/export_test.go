package store

import "context"

// Watched gives a view of the store whose queries are seen, each with its transaction, before they run.
func Watched(s *Store, see func(ctx context.Context, tx Tx, query string, args []any)) *Store {
	return New(&DB{engine: watching{s.engine, see}, dialect: s.dialect, sqlite: s.sqlite, postgres: s.postgres}, s.sealer)
}

type watching struct {
	engine
	see func(ctx context.Context, tx Tx, query string, args []any)
}

func (w watching) read(ctx context.Context, fn txFunc) error {
	return w.engine.read(ctx, func(ctx context.Context, tx Tx) error { return fn(ctx, watchedTx{tx, w.see}) })
}

// WatchedWrites is like Watched, and sees what is written, too. Such a write cannot ask for anything to be done when it is
// committed.
func WatchedWrites(s *Store, see func(ctx context.Context, tx Tx, query string, args []any)) *Store {
	return New(&DB{engine: watchingWrites{watching{s.engine, see}}, dialect: s.dialect, sqlite: s.sqlite, postgres: s.postgres}, s.sealer)
}

type watchingWrites struct{ watching }

func (w watchingWrites) write(ctx context.Context, fn txFunc) error {
	return w.engine.write(ctx, func(ctx context.Context, tx Tx) error { return fn(ctx, watchedTx{tx, w.see}) })
}

type watchedTx struct {
	Tx
	see func(ctx context.Context, tx Tx, query string, args []any)
}

func (t watchedTx) Query(ctx context.Context, sql string, args ...any) (Rows, error) {
	t.see(ctx, t.Tx, sql, args)
	return t.Tx.Query(ctx, sql, args...)
}

func (t watchedTx) QueryRow(ctx context.Context, sql string, args ...any) Row {
	t.see(ctx, t.Tx, sql, args)
	return t.Tx.QueryRow(ctx, sql, args...)
}

func (t watchedTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	t.see(ctx, t.Tx, sql, args)
	return t.Tx.Exec(ctx, sql, args...)
}

// Terms gives the hashes that words are found by.
func (s *Store) Terms(ctx context.Context) (func(Words) []int64, error) {
	mac, err := s.wordMAC(ctx)
	return func(w Words) []int64 { return w.terms(mac) }, err
}

// Sealed seals a buyer as the database keeps it.
func (s *Store) Sealed(b Buyer) ([]byte, error) {
	sum := Summary{Buyer: b}
	err := s.PackSummary(context.Background(), &sum)
	return sum.packed.buyer, err
}

// ScanBudget is how many rows of an index one page reads, about.
const ScanBudget = scanBudget
