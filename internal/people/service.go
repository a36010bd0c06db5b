package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// Options are what a Service may be given. The zero value is ready for use.
type Options struct {
	// Now is the clock; time.Now without it.
	Now func() time.Time
	// Log receives what happens at the door: sign-ins that failed or were throttled. No secrets, no addresses.
	Log *slog.Logger
	// Client talks to the OpenID Connect provider; without it, one with time limits.
	Client *http.Client
	// Hashing replaces the parameters of new password hashes. Tests do, to be fast.
	Hashing Hashing
}

// Service knows the people of one installation. It is safe for use by many goroutines, and several nodes may have one
// each on the same store.
type Service struct {
	store   *store.Store
	now     func() time.Time
	log     *slog.Logger
	hashing hasher
	client  *http.Client

	mu        sync.Mutex
	providers map[string]*provider // by issuer
}

// New makes a Service on a store.
func New(st *store.Store, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Client == nil {
		o.Client = newClient()
	}
	client := *o.Client
	if client.Transport == nil {
		client.Transport = newClient().Transport
	}
	client.Transport = bounded{client.Transport}
	return &Service{store: st, now: o.Now, log: o.Log, client: &client, hashing: newHasher(o.Hashing), providers: map[string]*provider{}}
}

// action is what the audit says about a change.
type action struct {
	by     Person
	what   string // in words: "set role"
	user   string // whom it concerns
	why    string
	detail string // JSON, or empty
}

// change does something and notes it in the audit, in one transaction. do may run more than once, and may complete the
// action.
func (s *Service) change(ctx context.Context, do func(ctx context.Context, tx store.Tx, now time.Time, a *action) error) error {
	return s.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		now := s.now()
		var a action
		if err := do(ctx, tx, now, &a); err != nil {
			return known(err)
		}
		return s.audit(ctx, tx, a, now)
	})
}

func (s *Service) audit(ctx context.Context, tx store.Tx, a action, now time.Time) error {
	return s.store.Audit(ctx, tx, a.by.Who(), a.what, "user/"+a.user, a.why, a.detail, now)
}

// known turns what the store says about a missing row into this package's word for it.
func known(err error) error {
	if errors.Is(err, store.ErrNoRows) {
		return ErrUnknown
	}
	return err
}

// newSecret makes 32 random bytes as text, and the hash under which the store knows them.
func newSecret() (text string, hash []byte) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // it never fails: crypto/rand ends the program instead
	text = base64.RawURLEncoding.EncodeToString(raw[:])
	return text, hashSecret(text)
}

func hashSecret(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// person is a user as the guard and the audit see one.
func person(u store.User) Person {
	return Person{ID: u.ID, Name: u.Name, Role: Role(u.Role)}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
