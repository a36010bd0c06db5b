package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestACallIsMadeOnceUnderItsKey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		call := store.Call{Caller: "anna", Key: "k1", Request: []byte("hash"), At: start}
		begin := func(c store.Call, now time.Time) *store.Answered {
			t.Helper()
			c.At = now
			answered, err := s.BeginCall(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			return answered
		}
		if begin(call, start) != nil {
			t.Fatal("the first call of a key was answered without being made")
		}
		if a := begin(call, start.Add(time.Second)); a == nil || a.Status != 0 {
			t.Errorf("a call that is being worked on gave %+v", a)
		}
		if err := s.FinishCall(ctx, call, store.Answered{Status: 201, Body: []byte(`{"id":1}`)}); err != nil {
			t.Fatal(err)
		}
		if a := begin(call, start.Add(time.Hour)); a == nil || a.Status != 201 || string(a.Body) != `{"id":1}` {
			t.Errorf("a repeated call gave %+v", a)
		}
		if _, err := s.BeginCall(ctx, store.Call{Caller: "anna", Key: "k1", Request: []byte("other"), At: start}); !errors.Is(err, store.ErrOtherCall) {
			t.Errorf("another request under the same key: %v", err)
		}
		if begin(store.Call{Caller: "ben", Key: "k1", Request: []byte("other")}, start) != nil {
			t.Error("somebody else's key is not one's own")
		}
		if p, err := s.Prune(ctx, store.Retention{Calls: start.Add(time.Minute)}); err != nil || p.Calls != 2 {
			t.Errorf("pruned %+v, %v; want both calls", p, err)
		}
		if begin(call, start) != nil {
			t.Error("a key that was pruned still answers")
		}
	})
}

func TestACallThatCameToNothingCanBeMadeAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		call := store.Call{Caller: "anna", Key: "k1", Request: []byte("hash"), At: start}
		for _, step := range []struct {
			name string
			do   func() error
			at   time.Time
			made bool
		}{
			{"the first time", nil, start, true},
			{"after it was dropped", func() error { return s.DropCall(ctx, call) }, start, true},
			{"while its node may live", nil, start.Add(time.Minute), false},
			{"after its node has died", nil, start.Add(10 * time.Minute), true},
		} {
			if step.do != nil {
				if err := step.do(); err != nil {
					t.Fatal(err)
				}
			}
			call.At = step.at
			answered, err := s.BeginCall(ctx, call)
			if err != nil || (answered == nil) != step.made {
				t.Errorf("%s: %+v, %v", step.name, answered, err)
			}
		}
	})
}

// A call that lasts so long that another one takes its key over ends after that.
func TestACallEndsForItselfAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		slow := store.Call{Caller: "anna", Key: "k1", Request: []byte("hash"), At: start}
		next, third := slow, slow
		next.At, third.At = start.Add(10*time.Minute), start.Add(11*time.Minute)
		for _, c := range []store.Call{slow, next} {
			if answered, err := s.BeginCall(ctx, c); err != nil || answered != nil {
				t.Fatalf("begun: %+v, %v", answered, err)
			}
		}
		if err := s.DropCall(ctx, slow); err != nil {
			t.Fatal(err)
		}
		if a, err := s.BeginCall(ctx, third); err != nil || a == nil || a.Status != 0 {
			t.Errorf("dropped by the slow call, the key of the next one is free: %+v, %v", a, err)
		}
		if err := s.FinishCall(ctx, slow, store.Answered{Status: 500}); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("the slow call answers for the next one: %v", err)
		}
		if err := s.FinishCall(ctx, next, store.Answered{Status: 201}); err != nil {
			t.Fatal(err)
		}
		if a, err := s.BeginCall(ctx, third); err != nil || a == nil || a.Status != 201 {
			t.Errorf("the next call was answered %+v, %v", a, err)
		}
	})
}
