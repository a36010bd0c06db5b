package store

import "context"

// each runs a query and has scan read one row of the answer after the other, up to the first error. The answer is open
// meanwhile, so scan runs no statement; it is closed when each returns.
func each(ctx context.Context, tx Tx, scan func(Row) error, query string, args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for row := Row(rows); rows.Next(); {
		if err := scan(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// collect gives what scan makes of each row of an answer, as a list that is nil when there is none. It begins a new list
// each time, so a transaction that runs again may call it again.
func collect[T any](ctx context.Context, tx Tx, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	var list []T
	err := each(ctx, tx, func(row Row) error {
		v, err := scan(row)
		if err == nil {
			list = append(list, v)
		}
		return err
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// readList is collect in a transaction of its own that only reads.
func readList[T any](ctx context.Context, s *Store, scan func(Row) (T, error), query string, args ...any) (list []T, err error) {
	err = s.Read(ctx, func(ctx context.Context, tx Tx) (err error) {
		list, err = collect(ctx, tx, scan, query, args...)
		return err
	})
	return list, err
}

// scanValue scans the only column of a row.
func scanValue[T any](row Row) (T, error) {
	var v T
	err := row.Scan(&v)
	return v, err
}
