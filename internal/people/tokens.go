package people

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// An API token is written orderly_, 43 characters that are 32 random bytes, and 6 that are the CRC-32 of what stands
// before them, all in base 62: scanners that look for leaked secrets can tell it from other text without asking us.
const (
	TokenPrefix = "orderly_"

	secretChars   = 43
	checksumChars = 6
	shownChars    = 8 // of the secret part: enough to tell tokens apart, too few to guess the rest
	base62        = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	longestToken = 5 * 365 * 24 * time.Hour
)

// APIToken is a token as it is listed, without its secret.
type APIToken struct {
	ID       int64     `json:"id"`
	Prefix   string    `json:"prefix"` // orderly_ and the first characters
	Name     string    `json:"name"`
	UserID   int64     `json:"user_id"`
	UserName string    `json:"user"`
	Role     Role      `json:"role"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"` // zero: never
	Used     time.Time `json:"used,omitzero"`    // to the minute
	Revoked  time.Time `json:"revoked,omitzero"`
}

func apiToken(t store.APIToken) APIToken {
	return APIToken{
		ID: t.ID, Prefix: TokenPrefix + t.Prefix, Name: t.Name, UserID: t.UserID, UserName: t.UserName, Role: Role(t.Role),
		Created: t.Created, Expires: t.Expires, Used: t.Used, Revoked: t.Revoked,
	}
}

// NewToken is a token to be created.
type NewToken struct {
	Name     string
	Role     Role
	Lifetime time.Duration // 0: it does not expire
}

// CreateToken makes an API token that acts in the maker's name, and gives its text, which nobody can see again. Its
// role is at most the maker's, now and whenever it is used. A token cannot make tokens: they would outlive it.
func (s *Service) CreateToken(ctx context.Context, by Person, n NewToken, why string) (text string, _ APIToken, _ error) {
	if err := by.inPerson(); err != nil {
		return "", APIToken{}, err
	}
	name, err := parseName(n.Name)
	if err != nil {
		return "", APIToken{}, err
	}
	role, err := ParseRole(string(n.Role))
	if err != nil {
		return "", APIToken{}, err
	}
	if !by.Role.Allows(role) {
		return "", APIToken{}, &InputError{Field: "role", Message: fmt.Sprintf("a token cannot have more rights than you: your role is %s", by.Role)}
	}
	if n.Lifetime < 0 || n.Lifetime > longestToken {
		return "", APIToken{}, &InputError{Field: "lifetime", Message: "take five years at the most, or none for a token that does not expire"}
	}
	text = newTokenText()
	t := store.APIToken{Hash: hashSecret(text), Prefix: text[len(TokenPrefix):][:shownChars], Name: name, UserID: by.ID, UserName: by.Name, Role: string(role)}
	err = s.change(ctx, func(ctx context.Context, tx store.Tx, now time.Time, a *action) error {
		if _, err := s.store.UserByID(ctx, tx, by.ID); err != nil {
			return err
		}
		*a = action{by: by, what: "create token", user: by.Name, why: why, detail: detail("token", name, "role", string(role))}
		t.Created, t.Expires = now, time.Time{}
		if n.Lifetime > 0 {
			t.Expires = now.Add(n.Lifetime)
		}
		t.ID, err = s.store.AddAPIToken(ctx, tx, t, now)
		if errors.Is(err, store.ErrTaken) {
			return &InputError{Field: "name", Message: "you have a token of this name already; revoke it or take another name"}
		}
		return err
	})
	if err != nil {
		return "", APIToken{}, err
	}
	return text, apiToken(t), nil
}

// Tokens gives the tokens of a user, or of all with 0, newest first, revoked ones included.
func (s *Service) Tokens(ctx context.Context, userID int64) ([]APIToken, error) {
	all, err := s.store.APITokens(ctx, userID)
	if err != nil {
		return nil, wrap("list the tokens", err)
	}
	list := make([]APIToken, len(all))
	for i, t := range all {
		list[i] = apiToken(t)
	}
	return list, nil
}

// APIToken gives one token, for example to see whose it is; ErrUnknown when there is none.
func (s *Service) APIToken(ctx context.Context, id int64) (APIToken, error) {
	var t store.APIToken
	err := s.store.Read(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		t, err = s.store.APIToken(ctx, tx, id)
		return err
	})
	if err != nil {
		return APIToken{}, wrap("find a token", known(err))
	}
	return apiToken(t), nil
}

// RevokeToken ends a token for good; one that was ended before stays as it is.
func (s *Service) RevokeToken(ctx context.Context, by Person, id int64, why string) error {
	return s.change(ctx, func(ctx context.Context, tx store.Tx, now time.Time, a *action) error {
		t, err := s.store.APIToken(ctx, tx, id)
		if err != nil {
			return err
		}
		*a = action{by: by, what: "revoke token", user: t.UserName, why: why, detail: detail("token", t.Name)}
		_, err = s.store.RevokeAPIToken(ctx, tx, id, now)
		return err
	})
}

// Token gives the person in whose name a token's text speaks. ErrSignIn when it is none, was revoked, has expired or
// its user may not come in any more.
func (s *Service) Token(ctx context.Context, text string) (Person, error) {
	if !validTokenText(text) {
		return Person{}, ErrSignIn // without asking the store
	}
	t, u, err := s.store.APITokenByHash(ctx, hashSecret(text))
	if errors.Is(err, store.ErrNoRows) {
		return Person{}, ErrSignIn
	}
	if err != nil {
		return Person{}, wrap("look up a token", err)
	}
	now := s.now()
	if u.Disabled || !t.Revoked.IsZero() || !t.Expires.IsZero() && !now.Before(t.Expires) {
		return Person{}, ErrSignIn
	}
	if now.Sub(t.Used) >= touchEvery {
		s.noteUse(ctx, func(ctx context.Context, tx store.Tx) error { return s.store.TouchAPIToken(ctx, tx, t.ID, u.ID, now) })
	}
	p := person(u)
	p.Token = t.Name
	if p.Role.Allows(Role(t.Role)) {
		p.Role = Role(t.Role)
	}
	return p, nil
}

func newTokenText() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // it never fails: crypto/rand ends the program instead
	body := TokenPrefix + inBase62(new(big.Int).SetBytes(raw[:]), secretChars)
	return body + checksum(body)
}

// validTokenText tells whether a text can be a token of ours.
func validTokenText(text string) bool {
	if len(text) != len(TokenPrefix)+secretChars+checksumChars || !strings.HasPrefix(text, TokenPrefix) {
		return false
	}
	body := text[:len(TokenPrefix)+secretChars]
	return text[len(body):] == checksum(body)
}

func checksum(text string) string {
	return inBase62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(text)))), checksumChars)
}

func inBase62(n *big.Int, width int) string {
	out := make([]byte, width)
	base, digit := big.NewInt(int64(len(base62))), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = base62[digit.Int64()]
	}
	return string(out)
}
