package connectortest

import (
	"context"
	"slices"
	"sync"
)

// memoryState is a connector.State as strict as the real one: one change of a name at a time, and a
// value is kept before anybody sees it.
type memoryState struct {
	mu     sync.Mutex
	values map[string][]byte
	locks  map[string]chan struct{}
}

func newState() *memoryState {
	return &memoryState{values: map[string][]byte{}, locks: map[string]chan struct{}{}}
}

func (s *memoryState) Load(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values[name]), nil
}

func (s *memoryState) Update(ctx context.Context, name string, change func(context.Context, []byte) ([]byte, error)) ([]byte, error) {
	lock := s.lock(name)
	select {
	case lock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-lock }()
	current, err := s.Load(ctx, name)
	if err != nil {
		return nil, err
	}
	next, err := change(ctx, slices.Clone(current))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[name] = slices.Clone(next)
	return slices.Clone(next), nil
}

func (s *memoryState) lock(name string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks[name] == nil {
		s.locks[name] = make(chan struct{}, 1)
	}
	return s.locks[name]
}
