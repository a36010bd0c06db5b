package store

import (
	"context"
	"fmt"
)

// TaskRows gives the tasks with these ids, as far as there are some, in the order of the ids.
func (s *Store) TaskRows(ctx context.Context, ids []int64) ([]TaskRow, error) {
	places := make([]place, len(ids))
	for i, id := range ids {
		places[i].id = id
	}
	var rows []TaskRow
	var sealed [][]byte
	err := s.Read(ctx, func(ctx context.Context, tx Tx) (err error) {
		rows, sealed, err = nil, nil, nil
		if len(places) > 0 {
			rows, sealed, err = loadRows(ctx, tx, places)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tasks: %w", err)
	}
	list := rows[:0]
	for i, row := range rows {
		if row.ID == 0 {
			continue // there is none with this id
		}
		row.Buyer = s.openBuyer(sealed[i])
		list = append(list, row)
	}
	return list, nil
}
