package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// longestLink is how long a one-time link may be valid.
const longestLink = 7 * 24 * time.Hour

// MakeLink gives the secret of a one-time link with which a user signs in without a password, once and within the
// lifetime (a week at most).
func (s *Service) MakeLink(ctx context.Context, by Person, userID int64, lifetime time.Duration, why string) (secret string, err error) {
	if err := by.inPerson(); err != nil {
		return "", err
	}
	if lifetime <= 0 || lifetime > longestLink {
		return "", &InputError{Field: "lifetime", Message: "take more than nothing and a week at the most"}
	}
	secret, hash := newSecret()
	err = s.change(ctx, func(ctx context.Context, tx store.Tx, now time.Time, a *action) error {
		u, err := s.store.UserByID(ctx, tx, userID)
		if err != nil {
			return err
		}
		if u.Disabled {
			return &InputError{Field: "name", Message: fmt.Sprintf("%s is disabled; enable first", u.Name)}
		}
		*a = action{by: by, what: "make sign-in link", user: u.Name, why: why, detail: detail("lifetime", lifetime.String())}
		return s.store.AddLink(ctx, tx, hash, userID, now.Add(lifetime), now)
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// UseLink uses a one-time link up and opens a session. ErrLink when it is not valid.
func (s *Service) UseLink(ctx context.Context, secret string, from From) (token string, _ Person, _ error) {
	if secret == "" || len(secret) > maxToken {
		return "", Person{}, ErrLink
	}
	token, _ = newSecret()
	var u store.User
	err := s.change(ctx, func(ctx context.Context, tx store.Tx, now time.Time, a *action) error {
		id, err := s.store.TakeLink(ctx, tx, hashSecret(secret), now)
		if errors.Is(err, store.ErrNoRows) {
			return ErrLink
		}
		if err != nil {
			return err
		}
		if u, err = s.store.UserByID(ctx, tx, id); err != nil {
			return err
		}
		if u.Disabled {
			return ErrLink
		}
		*a = action{by: person(u), what: "sign in", user: u.Name, detail: detail("way", string(ByLink))}
		return s.startSession(ctx, tx, u.ID, ByLink, from, token, now)
	})
	if err != nil {
		return "", Person{}, err
	}
	return token, person(u), nil
}

// LinkPath is the path of the page that uses a one-time link, with its secret.
func LinkPath(secret string) string { return "/sign-in/link?token=" + secret }
