package store

import (
	"context"
	"fmt"
	"sync"
)

// stream is what the tasks of one flow have in common that came the same way. There are few streams, and they never
// change or go.
type stream struct {
	Flow, Connection, Destination, Kind string
	Via                                 Via
}

// streamIDs remembers the ids of streams, so that a task is made without looking for its stream.
type streamIDs struct {
	mu    sync.RWMutex
	known map[stream]int64
}

func (c *streamIDs) get(st stream) (int64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.known[st]
	return id, ok
}

func (c *streamIDs) put(st stream, id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[stream]int64{}
	}
	c.known[st] = id
}

// streamID gives the id of a stream, which is made when it is new.
func (s *Store) streamID(ctx context.Context, tx Tx, st stream) (int64, error) {
	if id, ok := s.streams.get(st); ok {
		return id, nil
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO streams (flow, connection, destination, kind, via) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		st.Flow, st.Connection, st.Destination, st.Kind, string(st.Via)); err != nil {
		return 0, fmt.Errorf("stream of flow %s: %w", st.Flow, err)
	}
	var id int64
	if err := tx.QueryRow(ctx, `
		SELECT id FROM streams WHERE flow = $1 AND connection = $2 AND destination = $3 AND kind = $4 AND via = $5`,
		st.Flow, st.Connection, st.Destination, st.Kind, string(st.Via)).Scan(&id); err != nil {
		return 0, fmt.Errorf("stream of flow %s: %w", st.Flow, err)
	}
	AfterCommit(tx, func() { s.streams.put(st, id) })
	return id, nil
}

// readStreams gives all streams by id.
func readStreams(ctx context.Context, tx Tx) (map[int64]stream, error) {
	streams := map[int64]stream{}
	err := each(ctx, tx, func(row Row) error {
		var id int64
		var st stream
		if err := row.Scan(&id, &st.Flow, &st.Connection, &st.Destination, &st.Kind, &st.Via); err != nil {
			return err
		}
		streams[id] = st
		return nil
	}, `SELECT id, flow, connection, destination, kind, via FROM streams`)
	return streams, err
}
