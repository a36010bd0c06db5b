package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Call is a call of the JSON API that is repeated under the same key until it was answered.
type Call struct {
	Caller  string // who calls: keys of others are others
	Key     string
	Request []byte // hash of what is asked for
	// At is when it is made, by which it is told from one that takes its key over.
	At time.Time
}

// Answered is what a call was answered.
type Answered struct {
	Status int // 0: somebody works on it at this moment
	Body   []byte
}

// ErrOtherCall says that a key was used before for another request.
var ErrOtherCall = errors.New("this key was used for another request")

// callContext binds sealed answers to their place.
const callContext = "call"

// callTime is how long a call that was never answered, because its node died, keeps its key.
const callTime = 5 * time.Minute

// BeginCall takes a key for a call; nil means that the call is to be made now, and that FinishCall or
// DropCall must follow. Otherwise it gives what the same call was answered before.
func (s *Store) BeginCall(ctx context.Context, c Call) (*Answered, error) {
	var answered *Answered
	var sealed []byte
	err := s.Write(ctx, func(ctx context.Context, tx Tx) error {
		answered, sealed = nil, nil
		n, err := tx.Exec(ctx, `
			INSERT INTO calls (caller, key, request, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (caller, key) DO UPDATE SET request = excluded.request, created_at = excluded.created_at
			WHERE calls.status = 0 AND calls.created_at < $5`, c.Caller, c.Key, c.Request, millis(c.At), millis(c.At.Add(-callTime)))
		if err != nil || n == 1 {
			return err
		}
		answered = &Answered{}
		var request []byte
		if err := tx.QueryRow(ctx, `SELECT request, status, answer FROM calls WHERE caller = $1 AND key = $2`, c.Caller, c.Key).
			Scan(&request, &answered.Status, &sealed); err != nil {
			return err
		}
		if !bytes.Equal(request, c.Request) {
			return ErrOtherCall
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("key of a call: %w", err)
	}
	if len(sealed) > 0 {
		if answered.Body, err = s.unpack(sealed, callContext); err != nil {
			return nil, fmt.Errorf("answer of a call: %w", err)
		}
	}
	return answered, nil
}

// FinishCall keeps what a call was answered. It fails with ErrNoRows when that took so long that another call has taken
// the key over: the answer that is kept is the other's.
func (s *Store) FinishCall(ctx context.Context, c Call, a Answered) error {
	packed, err := s.pack(a.Body, callContext)
	if err != nil {
		return err
	}
	return s.Write(ctx, func(ctx context.Context, tx Tx) error {
		return affectOne(tx.Exec(ctx, `
			UPDATE calls SET status = $4, answer = $5 WHERE caller = $1 AND key = $2 AND created_at = $3 AND status = 0`,
			c.Caller, c.Key, millis(c.At), a.Status, packed))
	})
}

// DropCall gives a key free, for a call that came to nothing and may be made again, unless another call has taken it
// over.
func (s *Store) DropCall(ctx context.Context, c Call) error {
	return s.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM calls WHERE caller = $1 AND key = $2 AND created_at = $3 AND status = 0`, c.Caller, c.Key, millis(c.At))
		return err
	})
}
