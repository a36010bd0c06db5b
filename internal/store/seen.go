package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kinds of values that maps speak of: each is the name of its table in a flow's mapping.
const (
	SeenSKU       = "items"
	SeenTax       = "taxes"
	SeenPayment   = "payments"
	SeenShipping  = "shipping"
	SeenCharge    = "charges"
	SeenWarehouse = "warehouses"
)

// SeenValue is a value that was seen in orders of a source.
type SeenValue struct {
	Connection string    `json:"connection"`
	Kind       string    `json:"kind"` // SeenSKU and so on
	Value      string    `json:"value"`
	Title      string    `json:"title,omitempty"`
	Count      int64     `json:"count"` // orders with it, about: what was seen in the last seconds before a crash is lost
	LastAt     time.Time `json:"last_at"`
}

// SeenFilter chooses values; Connection and Kind must be given.
type SeenFilter struct {
	Connection, Kind string
	After            string // for paging: only values after this one
	Limit            int
}

// SeenValues gives the values that the filter chooses, by value.
func (s *Store) SeenValues(ctx context.Context, f SeenFilter) ([]SeenValue, error) {
	list, err := readList(ctx, s, func(row Row) (SeenValue, error) {
		v := SeenValue{Connection: f.Connection, Kind: f.Kind}
		var at int64
		err := row.Scan(&v.Value, &v.Title, &v.Count, &at)
		v.LastAt = moment(at)
		return v, err
	}, `SELECT value, title, count, last_at FROM seen_values WHERE connection = $1 AND kind = $2 AND value > $3 ORDER BY value LIMIT $4`,
		f.Connection, f.Kind, f.After, max(f.Limit, 1))
	if err != nil {
		return nil, fmt.Errorf("seen values of %s: %w", f.Connection, err)
	}
	return list, nil
}

const (
	// maxSeen bounds the values that are noted of one order.
	maxSeen = 64
	// seenTime is how often values that are known are counted in the database: every order has the same few payments
	// and taxes, and each of them is one row that all orders would wait for.
	seenTime = 10 * time.Second
	// maxKnown bounds how many values are remembered to be in the database.
	maxKnown = 50_000
	// maxTitle bounds what is kept of a title.
	maxTitle = 120
)

type seenKey struct{ connection, kind, value string }

// seenBuffer has the values that were seen since they were counted in the database the last time.
type seenBuffer struct {
	mu      sync.Mutex
	known   map[seenKey]bool // they are in the database
	waiting map[seenKey]SeenValue
	next    time.Time // when the waiting ones are counted
}

// take gives what must be written now: those of the values that are new, and when it is time all that wait. These go on
// waiting until written takes them out, because the transaction may fail.
func (b *seenBuffer) take(values []SeenValue, now time.Time) (fresh, due []SeenValue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range values {
		if !b.known[seenKey{v.Connection, v.Kind, v.Value}] {
			fresh = append(fresh, v)
		}
	}
	if len(b.waiting) > 0 && !now.Before(b.next) {
		b.next = now.Add(seenTime)
		due = slices.Collect(maps.Values(b.waiting))
	}
	return fresh, due
}

// written takes out what is counted in the database. Orders may have come since it was taken.
func (b *seenBuffer) written(due []SeenValue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range due {
		key := seenKey{v.Connection, v.Kind, v.Value}
		left := b.waiting[key]
		if left.Count -= v.Count; left.Count > 0 {
			b.waiting[key] = left
		} else {
			delete(b.waiting, key)
		}
	}
}

// add takes the values of a transaction that is committed: the fresh ones, which it has written, are known from now
// on; the others wait.
func (b *seenBuffer) add(values, fresh []SeenValue, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting, b.next = map[seenKey]SeenValue{}, now.Add(seenTime)
	}
	if b.known == nil || len(b.known) > maxKnown {
		b.known = map[seenKey]bool{}
	}
	written := map[seenKey]bool{}
	for _, v := range fresh {
		key := seenKey{v.Connection, v.Kind, v.Value}
		written[key], b.known[key] = true, true
	}
	for _, v := range values {
		key := seenKey{v.Connection, v.Kind, v.Value}
		if written[key] {
			continue
		}
		v.Count += b.waiting[key].Count
		b.waiting[key] = v
	}
}

// countSeen counts the values of an order of a source.
func (s *Store) countSeen(ctx context.Context, tx Tx, connection string, seen []SeenValue, now time.Time) error {
	values := make([]SeenValue, 0, len(seen))
	for _, v := range seen {
		v.Connection, v.Count, v.LastAt = connection, 1, now
		if letters := []rune(v.Title); len(letters) > maxTitle {
			v.Title = string(letters[:maxTitle])
		}
		if v.Value != "" && !slices.ContainsFunc(values, func(o SeenValue) bool { return o.Kind == v.Kind && o.Value == v.Value }) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	fresh, due := s.values.take(values, now)
	if err := writeSeen(ctx, tx, slices.Concat(fresh, due)); err != nil {
		return err
	}
	AfterCommit(tx, func() {
		s.values.written(due)
		s.values.add(values, fresh, now)
	})
	return nil
}

// FlushSeen counts what was seen and is not counted yet: before the store is closed, as much of it would be lost.
func (s *Store) FlushSeen(ctx context.Context) error {
	err := s.Write(ctx, func(ctx context.Context, tx Tx) error {
		due := s.values.all()
		if err := writeSeen(ctx, tx, due); err != nil {
			return err
		}
		AfterCommit(tx, func() { s.values.written(due) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("count seen values: %w", err)
	}
	return nil
}

// all gives everything that waits.
func (b *seenBuffer) all() []SeenValue {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Values(b.waiting))
}

// writeSeen counts values in the database.
func writeSeen(ctx context.Context, tx Tx, write []SeenValue) error {
	// In one order for all, so that two transactions cannot block each other.
	slices.SortFunc(write, func(a, b SeenValue) int {
		return cmp.Or(strings.Compare(a.Connection, b.Connection), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Value, b.Value))
	})
	for _, v := range write {
		if _, err := tx.Exec(ctx, `
			INSERT INTO seen_values (connection, kind, value, title, count, last_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (connection, kind, value) DO UPDATE SET count = seen_values.count + excluded.count,
				title = CASE WHEN excluded.title <> '' THEN excluded.title ELSE seen_values.title END,
				last_at = CASE WHEN excluded.last_at > seen_values.last_at THEN excluded.last_at ELSE seen_values.last_at END`,
			v.Connection, v.Kind, v.Value, v.Title, v.Count, millis(v.LastAt)); err != nil {
			return fmt.Errorf("seen value %s: %w", v.Kind, err)
		}
	}
	return nil
}
