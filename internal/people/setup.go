package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// metaSetup is where the store keeps the hash of the setup code.
const metaSetup = "setup_code"

// Empty tells whether there is no user yet, so that the first one has to be made.
func (s *Service) Empty(ctx context.Context) (bool, error) {
	var there bool
	err := s.store.Read(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		there, err = s.store.AnyUser(ctx, tx)
		return err
	})
	return !there, wrap("look for users", err)
}

// SetupCode makes a new code with which the first administrator is made, and makes earlier ones void. It is shown where
// only the operator of the server sees it. Empty when there is a user already.
func (s *Service) SetupCode(ctx context.Context) (string, error) {
	code := rand.Text()
	err := s.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		there, err := s.store.AnyUser(ctx, tx)
		if err != nil {
			return err
		}
		if there {
			return ErrNotEmpty
		}
		return s.store.SetMeta(ctx, tx, metaSetup, hashText(code))
	})
	if errors.Is(err, ErrNotEmpty) {
		return "", nil
	}
	if err != nil {
		return "", wrap("make a setup code", err)
	}
	return code, nil
}

// FirstAdmin makes the first user, an administrator, and signs in. ErrNotEmpty when there is a user already; an
// *InputError names what cannot be taken, the code included.
func (s *Service) FirstAdmin(ctx context.Context, code, name, password string, from From) (token string, _ Person, _ error) {
	// The code comes first: nobody else may have us hash passwords or learn what they must be like.
	if err := s.checkSetupCode(ctx, code); err != nil {
		return "", Person{}, err
	}
	if password == "" {
		return "", Person{}, checkPassword("")
	}
	u, err := s.prepare(ctx, NewUser{Name: name, Role: Admin, Password: password})
	if err != nil {
		return "", Person{}, err
	}
	token, _ = newSecret()
	err = s.change(ctx, func(ctx context.Context, tx store.Tx, now time.Time, a *action) error {
		*a = action{by: person(u), what: "add", user: u.Name, why: "first administrator", detail: detail("role", u.Role)}
		there, err := s.store.AnyUser(ctx, tx)
		if err != nil {
			return err
		}
		if there {
			return ErrNotEmpty
		}
		// Of several at once, one takes the code away.
		if took, err := s.store.TakeMeta(ctx, tx, metaSetup, hashText(strings.TrimSpace(code))); err != nil {
			return err
		} else if !took {
			return errCode()
		}
		if err := s.insert(ctx, tx, &u, now); err != nil {
			return err
		}
		return s.startSession(ctx, tx, u.ID, BySetup, from, token, now)
	})
	if err != nil {
		return "", Person{}, err
	}
	return token, person(u), nil
}

func (s *Service) checkSetupCode(ctx context.Context, code string) error {
	if empty, err := s.Empty(ctx); err != nil {
		return err
	} else if !empty {
		return ErrNotEmpty
	}
	want, err := s.store.Meta(ctx, metaSetup)
	if err != nil {
		return err
	}
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(hashText(strings.TrimSpace(code)))) != 1 {
		return errCode()
	}
	return nil
}

func errCode() error {
	return &InputError{Field: "code", Message: "it is not the setup code that this server printed when it last started"}
}

func hashText(text string) string { return hex.EncodeToString(hashSecret(text)) }
