package store

import (
	"context"
	"fmt"
	"time"
)

// APIToken is a key with which a program calls the API in a user's name. Only its hash is kept.
type APIToken struct {
	ID       int64
	Hash     []byte
	Prefix   string // the beginning of its secret part, to tell tokens apart
	Name     string
	UserID   int64
	UserName string // set when read
	Role     string
	Created  time.Time
	Expires  time.Time // zero: never
	Used     time.Time
	Revoked  time.Time
}

// AddAPIToken keeps a token and gives its id; ErrTaken when the user has one of that name that is not revoked.
func (s *Store) AddAPIToken(ctx context.Context, tx Tx, t APIToken, now time.Time) (id int64, err error) {
	var taken bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM api_tokens WHERE user_id = $1 AND name = $2 AND revoked_at = 0)`, t.UserID, t.Name).Scan(&taken); err != nil {
		return 0, fmt.Errorf("add a token: %w", err)
	}
	if taken {
		return 0, ErrTaken
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO api_tokens (hash, prefix, name, user_id, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
		t.Hash, t.Prefix, t.Name, t.UserID, t.Role, millis(now), millis(t.Expires)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("add a token: %w", err)
	}
	return id, nil
}

const tokenColumns = `t.id, t.hash, t.prefix, t.name, t.user_id, t.role, t.created_at, t.expires_at, t.used_at, t.revoked_at`

func (t *APIToken) fields() (dest []any, done func()) {
	var created, expires, used, revoked int64
	dest = []any{&t.ID, &t.Hash, &t.Prefix, &t.Name, &t.UserID, &t.Role, &created, &expires, &used, &revoked}
	return dest, func() {
		t.Created, t.Expires, t.Used, t.Revoked = moment(created), moment(expires), moment(used), moment(revoked)
	}
}

// APITokenByHash finds a token and its user; ErrNoRows when there is none. It may be revoked or have expired.
func (s *Store) APITokenByHash(ctx context.Context, hash []byte) (APIToken, User, error) {
	var t APIToken
	var u User
	tokenDest, tokenDone := t.fields()
	userDest, userDone := u.fields()
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		return tx.QueryRow(ctx, `SELECT `+tokenColumns+`, `+userColumns+` FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1`, hash).
			Scan(append(tokenDest, userDest...)...)
	})
	tokenDone()
	userDone()
	t.UserName = u.Name
	return t, u, err
}

// APIToken finds a token by number.
func (s *Store) APIToken(ctx context.Context, tx Tx, id int64) (APIToken, error) {
	return scanAPIToken(tx.QueryRow(ctx, `SELECT `+tokenColumns+`, u.name FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.id = $1`, id))
}

// APITokens gives the tokens of a user, or of all with 0, newest first. Revoked ones are among them.
func (s *Store) APITokens(ctx context.Context, userID int64) ([]APIToken, error) {
	return readList(ctx, s, scanAPIToken, `
		SELECT `+tokenColumns+`, u.name FROM api_tokens t JOIN users u ON u.id = t.user_id
		WHERE t.user_id = $1 OR CAST($1 AS BIGINT) = 0 ORDER BY t.id DESC`, userID)
}

// scanAPIToken scans tokenColumns and the name of the user.
func scanAPIToken(row Row) (APIToken, error) {
	var t APIToken
	dest, done := t.fields()
	err := row.Scan(append(dest, &t.UserName)...)
	done()
	return t, err
}

// TouchAPIToken notes that a token and its user are in use.
func (s *Store) TouchAPIToken(ctx context.Context, tx Tx, id, userID int64, now time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE api_tokens SET used_at = $2 WHERE id = $1 AND used_at < $2`, id, millis(now)); err != nil {
		return fmt.Errorf("note the use of token %d: %w", id, err)
	}
	return touchUser(ctx, tx, userID, now)
}

// RevokeAPIToken ends a token; false when it was ended before.
func (s *Store) RevokeAPIToken(ctx context.Context, tx Tx, id int64, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`, id, millis(now))
	return n == 1, err
}
