package people

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// Sign-ins that fail are counted for the name and for the remote address, in the store, so that all nodes count
// together. After freeForName or freeForAddress failures each further one makes the subject wait longer.
const (
	freeForName    = 5
	freeForAddress = 20
	firstWait      = 15 * time.Second
	longestWait    = 15 * time.Minute
	// forgetName and forgetAddress are after how long without a failure all is forgotten. An address may be that of a
	// whole office.
	forgetName    = 24 * time.Hour
	forgetAddress = time.Hour
)

// waitAfter gives how long a subject with so many failures waits when free of them cost nothing.
func waitAfter(free int) func(failures int) time.Duration {
	return func(failures int) time.Duration {
		if failures < free {
			return 0
		}
		return min(firstWait<<min(failures-free, 16), longestWait)
	}
}

// SignIn opens a session for a name and a password and gives its token. ErrWrong when they do not fit, whatever the
// reason; *ThrottleError when it was not tried.
func (s *Service) SignIn(ctx context.Context, name, password string, from From) (token string, _ Person, _ error) {
	if len(password) > maxPasswordBytes || len(name) > maxPasswordBytes {
		return "", Person{}, ErrWrong
	}
	token, _ = newSecret()
	var p Person
	err := s.verify(ctx, nameKey(name), password, from, func(ctx context.Context, tx store.Tx, u store.User, now time.Time) error {
		p = person(u)
		if err := s.startSession(ctx, tx, u.ID, ByPassword, from, token, now); err != nil {
			return err
		}
		return s.audit(ctx, tx, action{by: p, what: "sign in", user: u.Name, detail: `{"way":"password"}`}, now)
	})
	if err != nil {
		return "", Person{}, err
	}
	return token, p, nil
}

// verified does what a right password is good for. The transaction holds the user, who still has that password.
type verified func(ctx context.Context, tx store.Tx, u store.User, now time.Time) error

// errChanged is a user who was changed while the password was being checked.
var errChanged = errors.New("the user was changed meanwhile")

// verify finds the user of a name, checks the password, under the throttle, and does what it is good for. It takes the
// same time for a name that does not exist.
func (s *Service) verify(ctx context.Context, key, password string, from From, then verified) error {
	for range 2 {
		if err := s.verifyOnce(ctx, key, password, from, then); !errors.Is(err, errChanged) {
			return err
		}
	}
	return ErrWrong
}

func (s *Service) verifyOnce(ctx context.Context, key, password string, from From, then verified) error {
	byName, byAddress := subject("name", key), subject("address", network(from.Address))
	var u store.User
	// It counts as failed before it is tried, so that many at once do not get more tries.
	err := s.store.Write(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		now := s.now()
		if err := s.store.ForgetOldFailures(ctx, tx, now.Add(-forgetName)); err != nil {
			return err
		}
		if err := s.store.CountFailure(ctx, tx, byName, now.Add(-forgetName), now, waitAfter(freeForName)); err != nil {
			return err
		}
		if from.Address != "" {
			if err := s.store.CountFailure(ctx, tx, byAddress, now.Add(-forgetAddress), now, waitAfter(freeForAddress)); err != nil {
				return err
			}
		}
		u, err = s.store.UserByName(ctx, tx, key)
		if errors.Is(err, store.ErrNoRows) {
			u, err = store.User{}, nil
		}
		return err
	})
	if t, ok := errors.AsType[*store.Throttled](err); ok {
		s.log.WarnContext(ctx, "a sign-in was refused: too many have failed", "until", t.Until)
		return &ThrottleError{RetryAfter: max(t.Until.Sub(s.now()), time.Second)}
	}
	if err != nil {
		return wrap("sign in", err)
	}
	ok, stale, err := s.hashing.check(ctx, password, u.PasswordHash)
	if err != nil {
		return wrap("sign in", err)
	}
	if !ok || u.Disabled {
		s.log.InfoContext(ctx, "a sign-in failed", "user", u.ID)
		return ErrWrong
	}
	renewed := ""
	if stale {
		if renewed, err = s.hashing.hash(ctx, password); err != nil {
			return wrap("sign in", err)
		}
	}
	err = s.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		// Checking takes long: the password may have been replaced because a stranger knows it.
		present, err := s.store.HoldUser(ctx, tx, u.ID)
		if errors.Is(err, store.ErrNoRows) || err == nil && (present.Disabled || present.PasswordHash != u.PasswordHash) {
			return errChanged
		}
		if err != nil {
			return err
		}
		if err := s.store.ForgetFailures(ctx, tx, byName); err != nil {
			return err
		}
		if renewed != "" {
			if err := s.store.RehashPassword(ctx, tx, u.ID, u.PasswordHash, renewed); err != nil {
				return err
			}
		}
		if err := s.store.UncountFailure(ctx, tx, byAddress); err != nil {
			return err
		}
		return then(ctx, tx, present, s.now())
	})
	return wrap("sign in", err)
}

// subject is what failures are counted for.
func subject(kind, value string) string {
	return kind + ":" + hex.EncodeToString(hashSecret(value))
}

// network is the part of an address that one person has: the whole of IPv4, the first 64 bits of IPv6.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // 64 bits are there
	return prefix.String()
}
