package store

import (
	"hash/fnv"
	"time"
)

// Store is the domain's rows on a DB: records, events, tasks, links and what belongs to them. Its
// methods that take a Tx take part in the caller's transaction, so that what belongs together is
// committed together.
type Store struct {
	*DB
	sealer  Sealer
	streams streamIDs
	words   wordKey
	values  seenBuffer
}

// Sealer encrypts what must not be readable in the database file. The context binds a sealed value
// to its place, so that it cannot be moved to another.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// New gives the domain's view of db.
func New(db *DB, sealer Sealer) *Store {
	return &Store{DB: db, sealer: sealer}
}

// slots is how many hash values identities are spread over; the number of lanes divides them.
const slots = 1 << 12

// slot is the place of a record's identity in the lanes' hash space.
func slot(connection, kind, sourceID string) int {
	h := fnv.New32a()
	for _, part := range []string{connection, kind, sourceID} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return int(h.Sum32() % slots)
}

func lane(slot, lanes int) int { return slot % max(lanes, 1) }

// millis is a time as the database keeps it; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the time of a value in the database; 0 is the zero time.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
