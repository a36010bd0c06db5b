package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// User is somebody who can sign in.
type User struct {
	ID           int64
	Name         string // as it is shown
	NameKey      string // as it is compared
	Email        string // lower case; may be empty
	Role         string
	PasswordHash string // empty when the user has no password
	Issuer       string // of the OpenID Connect provider that knows the user as Subject
	Subject      string
	Disabled     bool
	Created      time.Time
	LastSeen     time.Time
}

// ErrTaken is why a user cannot be added or changed: another one has this name, address or identity.
var ErrTaken = errors.New("it is taken by another user")

const userColumns = `u.id, u.name, u.name_key, u.email, u.role, u.password_hash, u.oidc_issuer, u.oidc_subject, u.disabled, u.created_at, u.last_seen_at`

// fields gives where userColumns are scanned to; done finishes the user after it.
func (u *User) fields() (dest []any, done func()) {
	var created, seen int64
	dest = []any{&u.ID, &u.Name, &u.NameKey, &u.Email, &u.Role, &u.PasswordHash, &u.Issuer, &u.Subject, &u.Disabled, &created, &seen}
	return dest, func() { u.Created, u.LastSeen = moment(created), moment(seen) }
}

// AnyUser tells whether there is a user.
func (s *Store) AnyUser(ctx context.Context, tx Tx) (bool, error) {
	var there bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM users)`).Scan(&there)
	return there, err
}

// AddUser adds a user and gives the new id; ErrTaken when the name, address or identity is another one's.
func (s *Store) AddUser(ctx context.Context, tx Tx, u User, now time.Time) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, `
		INSERT INTO users (name, name_key, email, role, password_hash, oidc_issuer, oidc_subject, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT DO NOTHING RETURNING id`,
		u.Name, u.NameKey, u.Email, u.Role, u.PasswordHash, u.Issuer, u.Subject, millis(now)).Scan(&id)
	if errors.Is(err, ErrNoRows) {
		return 0, ErrTaken
	}
	if err != nil {
		return 0, fmt.Errorf("add a user: %w", err)
	}
	return id, nil
}

// Users gives all users by name.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	list, err := readList(ctx, s, scanUser, `SELECT `+userColumns+` FROM users u ORDER BY u.name_key`)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	return list, nil
}

// The ways to find one user; ErrNoRows when there is none.

// UserByID finds a user by number.
func (s *Store) UserByID(ctx context.Context, tx Tx, id int64) (User, error) {
	return oneUser(ctx, tx, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id)
}

// HoldUser finds a user by number. Until the transaction ends, no other one can change this user.
func (s *Store) HoldUser(ctx context.Context, tx Tx, id int64) (User, error) {
	query := `SELECT ` + userColumns + ` FROM users u WHERE u.id = $1`
	if tx.Dialect() == Postgres {
		query += ` FOR UPDATE`
	}
	return oneUser(ctx, tx, query, id)
}

// UserByName finds a user by the name as it is compared.
func (s *Store) UserByName(ctx context.Context, tx Tx, nameKey string) (User, error) {
	return oneUser(ctx, tx, `SELECT `+userColumns+` FROM users u WHERE u.name_key = $1`, nameKey)
}

// UserByEmail finds a user by an e-mail address in lower case.
func (s *Store) UserByEmail(ctx context.Context, tx Tx, email string) (User, error) {
	return oneUser(ctx, tx, `SELECT `+userColumns+` FROM users u WHERE u.email = $1 AND u.email <> ''`, email)
}

// UserBySubject finds the user whom an OpenID Connect provider knows as subject.
func (s *Store) UserBySubject(ctx context.Context, tx Tx, issuer, subject string) (User, error) {
	return oneUser(ctx, tx, `SELECT `+userColumns+` FROM users u WHERE u.oidc_issuer = $1 AND u.oidc_subject = $2 AND u.oidc_subject <> ''`, issuer, subject)
}

func oneUser(ctx context.Context, tx Tx, query string, args ...any) (User, error) {
	return scanUser(tx.QueryRow(ctx, query, args...))
}

func scanUser(row Row) (User, error) {
	var u User
	dest, done := u.fields()
	err := row.Scan(dest...)
	done()
	return u, err
}

// OtherAdmins counts the users with this role who can sign in, with a password or through a provider, without the one
// given. Until the transaction ends, no other one can change who they are.
func (s *Store) OtherAdmins(ctx context.Context, tx Tx, role string, id int64) (others int, err error) {
	query := `SELECT id FROM users WHERE role = $1 AND NOT disabled AND (password_hash <> '' OR oidc_subject <> '') ORDER BY id`
	if tx.Dialect() == Postgres {
		query += ` FOR UPDATE`
	}
	ids, err := collect(ctx, tx, scanValue[int64], query, role)
	for _, other := range ids {
		if other != id {
			others++
		}
	}
	return others, err
}

// SetUserPassword replaces a user's password hash; empty takes the password away.
func (s *Store) SetUserPassword(ctx context.Context, tx Tx, id int64, hash string) error {
	return affectOne(tx.Exec(ctx, `UPDATE users SET password_hash = $2 WHERE id = $1`, id, hash))
}

// RehashPassword replaces a password hash by another of the same password, unless it was changed meanwhile.
func (s *Store) RehashPassword(ctx context.Context, tx Tx, id int64, from, to string) error {
	_, err := tx.Exec(ctx, `UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2`, id, from, to)
	return err
}

// SetUserRole gives a user another role.
func (s *Store) SetUserRole(ctx context.Context, tx Tx, id int64, role string) error {
	return affectOne(tx.Exec(ctx, `UPDATE users SET role = $2 WHERE id = $1`, id, role))
}

// SetUserEmail gives a user another address; the caller has looked whether it is free.
func (s *Store) SetUserEmail(ctx context.Context, tx Tx, id int64, email string) error {
	return affectOne(tx.Exec(ctx, `UPDATE users SET email = $2 WHERE id = $1`, id, email))
}

// SetUserSubject joins a user to an identity at an OpenID Connect provider; it fails when the user has one already.
func (s *Store) SetUserSubject(ctx context.Context, tx Tx, id int64, issuer, subject string) error {
	return affectOne(tx.Exec(ctx, `UPDATE users SET oidc_issuer = $2, oidc_subject = $3 WHERE id = $1 AND oidc_subject = ''`, id, issuer, subject))
}

// ForgetSubjects takes the identities at the OpenID Connect provider from all users.
func (s *Store) ForgetSubjects(ctx context.Context, tx Tx) error {
	_, err := tx.Exec(ctx, `UPDATE users SET oidc_issuer = '', oidc_subject = '' WHERE oidc_subject <> ''`)
	return err
}

// SetUserDisabled keeps a user out, or lets one in again.
func (s *Store) SetUserDisabled(ctx context.Context, tx Tx, id int64, disabled bool) error {
	return affectOne(tx.Exec(ctx, `UPDATE users SET disabled = $2 WHERE id = $1`, id, disabled))
}

// RemoveUser removes a user with all sessions, tokens and links. The audit keeps the name.
func (s *Store) RemoveUser(ctx context.Context, tx Tx, id int64) error {
	return affectOne(tx.Exec(ctx, `DELETE FROM users WHERE id = $1`, id))
}

// touchUser notes when a user was last here.
func touchUser(ctx context.Context, tx Tx, id int64, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE users SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2`, id, millis(now))
	return err
}
