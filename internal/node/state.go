package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// connectionState keeps a connection's small changing secrets for all nodes: connector.State.
type connectionState struct {
	store      *store.Store
	connection string
	owner      string // of leases: this node
	now        func() time.Time
}

const (
	// leaseTime bounds how long one change of a secret may take: a sign-in.
	leaseTime = 2 * time.Minute
	// leasePause is how often somebody who waits for another's change looks again.
	leasePause = 50 * time.Millisecond
)

// Load gives the value under name, or nil.
func (s *connectionState) Load(ctx context.Context, name string) ([]byte, error) {
	return s.store.LoadSecret(ctx, s.connection, name)
}

// Update replaces the value under name by what change makes of it, while nobody else can.
func (s *connectionState) Update(ctx context.Context, name string, change func(ctx context.Context, current []byte) ([]byte, error)) ([]byte, error) {
	owner, err := s.lease(ctx, name)
	if err != nil {
		return nil, err
	}
	value, err := s.change(ctx, name, change)
	// The lease must end whatever happened; without a value it leaves the secret as it is. What a
	// vendor gave is kept even when the caller has gone: it may be good only once.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTime/4)
	defer cancel()
	if saveErr := s.store.SaveSecret(keep, s.connection, name, owner, value, s.now()); saveErr != nil {
		return nil, errors.Join(err, fmt.Errorf("keep %s of connection %s: %w", name, s.connection, saveErr))
	}
	return value, err
}

func (s *connectionState) change(ctx context.Context, name string, change func(ctx context.Context, current []byte) ([]byte, error)) ([]byte, error) {
	current, err := s.Load(ctx, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, leaseTime/2) // so that it ends before the lease does
	defer cancel()
	value, err := change(ctx, current)
	if err != nil {
		return nil, err
	}
	return value, nil
}

// lease waits for the sole right to change a secret. Each lease has an owner of its own, because
// workers of one node exclude each other as well.
func (s *connectionState) lease(ctx context.Context, name string) (owner string, err error) {
	owner = s.owner + "/" + newName()
	for {
		now := s.now()
		got, err := s.store.LeaseSecret(ctx, s.connection, name, owner, now, now.Add(leaseTime))
		if err != nil || got {
			return owner, err
		}
		timer := time.NewTimer(leasePause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		case <-timer.C:
		}
	}
}
