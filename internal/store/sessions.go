package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Session is a browser that is signed in. It is found by the hash of its token, which only the browser has.
type Session struct {
	Hash        []byte
	UserID      int64
	Way         string // how the user signed in: password, link, oidc, setup
	Agent       string // the browser, as it calls itself, cut short
	Created     time.Time
	Expires     time.Time
	Used        time.Time
	RevealUntil time.Time // personal data is shown until then
}

// expiredRows is how many old rows a sign-in takes away with it.
const expiredRows = 500

// AddSession starts a session, and forgets some that ended: by their end, or because nobody used them since idle.
func (s *Store) AddSession(ctx context.Context, tx Tx, n Session, idle, now time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at < $1 OR used_at < $2 LIMIT $3)`,
		millis(now), millis(idle), expiredRows); err != nil {
		return fmt.Errorf("forget old sessions: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO sessions (hash, user_id, way, agent, created_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $5)`,
		n.Hash, n.UserID, n.Way, n.Agent, millis(now), millis(n.Expires)); err != nil {
		return fmt.Errorf("start a session: %w", err)
	}
	return touchUser(ctx, tx, n.UserID, now)
}

// Session finds a session and its user; ErrNoRows when there is none. It may have expired.
func (s *Store) Session(ctx context.Context, hash []byte) (Session, User, error) {
	n := Session{Hash: hash}
	var u User
	dest, done := u.fields()
	var created, expires, used, reveal int64
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		return tx.QueryRow(ctx, `
			SELECT s.way, s.agent, s.created_at, s.expires_at, s.used_at, s.reveal_until, `+userColumns+`
			FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = $1`, hash).
			Scan(append([]any{&n.Way, &n.Agent, &created, &expires, &used, &reveal}, dest...)...)
	})
	done()
	n.UserID = u.ID
	n.Created, n.Expires, n.Used, n.RevealUntil = moment(created), moment(expires), moment(used), moment(reveal)
	return n, u, err
}

// TouchSession notes that a session and its user are in use.
func (s *Store) TouchSession(ctx context.Context, tx Tx, hash []byte, userID int64, now time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE sessions SET used_at = $2 WHERE hash = $1 AND used_at < $2`, hash, millis(now)); err != nil {
		return fmt.Errorf("note the use of a session: %w", err)
	}
	return touchUser(ctx, tx, userID, now)
}

// RevealSession shows personal data in a session until a time; the zero time hides it.
func (s *Store) RevealSession(ctx context.Context, tx Tx, hash []byte, until time.Time) error {
	return affectOne(tx.Exec(ctx, `UPDATE sessions SET reveal_until = $2 WHERE hash = $1`, hash, millis(until)))
}

// EndSession forgets a session; one that is gone already is no error.
func (s *Store) EndSession(ctx context.Context, tx Tx, hash []byte) error {
	_, err := tx.Exec(ctx, `DELETE FROM sessions WHERE hash = $1`, hash)
	return err
}

// EndSessions forgets all sessions of a user, and the links with which new ones could be started, and gives how many
// sessions there were.
func (s *Store) EndSessions(ctx context.Context, tx Tx, userID int64) (int64, error) {
	n, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1`, userID)
	if err != nil {
		return 0, fmt.Errorf("end the sessions of user %d: %w", userID, err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM sign_in_links WHERE user_id = $1`, userID); err != nil {
		return 0, fmt.Errorf("end the links of user %d: %w", userID, err)
	}
	return n, nil
}

// SessionsOf gives the sessions of a user, the one used last first.
func (s *Store) SessionsOf(ctx context.Context, userID int64) ([]Session, error) {
	return readList(ctx, s, scanSession, `
		SELECT hash, user_id, way, agent, created_at, expires_at, used_at, reveal_until FROM sessions WHERE user_id = $1 ORDER BY used_at DESC, hash`, userID)
}

func scanSession(row Row) (Session, error) {
	var n Session
	var created, expires, used, reveal int64
	err := row.Scan(&n.Hash, &n.UserID, &n.Way, &n.Agent, &created, &expires, &used, &reveal)
	n.Created, n.Expires, n.Used, n.RevealUntil = moment(created), moment(expires), moment(used), moment(reveal)
	return n, err
}

// AddLink keeps a one-time sign-in link of a user.
func (s *Store) AddLink(ctx context.Context, tx Tx, hash []byte, userID int64, expires, now time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM sign_in_links WHERE expires_at <= $1`, millis(now)); err != nil {
		return fmt.Errorf("forget old links: %w", err)
	}
	_, err := tx.Exec(ctx, `INSERT INTO sign_in_links (hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)`, hash, userID, millis(now), millis(expires))
	return err
}

// TakeLink uses a link up and gives its user; ErrNoRows when there is none that is valid now.
func (s *Store) TakeLink(ctx context.Context, tx Tx, hash []byte, now time.Time) (userID int64, err error) {
	err = tx.QueryRow(ctx, `DELETE FROM sign_in_links WHERE hash = $1 AND expires_at > $2 RETURNING user_id`, hash, millis(now)).Scan(&userID)
	return userID, err
}

// Throttled is a subject of sign-ins, a name or an address, that must wait.
type Throttled struct{ Until time.Time }

func (t *Throttled) Error() string { return "too many failed sign-ins" }

// CountFailure notes a sign-in that failed, or that is about to be tried and must count until it succeeds. What was
// last noted before since is forgotten. The subject is blocked for the time that wait gives for the number of its
// failures; one that is blocked already gives a *Throttled and is not counted.
func (s *Store) CountFailure(ctx context.Context, tx Tx, subject string, since, now time.Time, wait func(failures int) time.Duration) error {
	var failures int
	err := tx.QueryRow(ctx, `
		INSERT INTO sign_in_failures AS f (subject, failures, last_at, blocked_until) VALUES ($1, 1, $2, 0)
		ON CONFLICT (subject) DO UPDATE SET failures = CASE WHEN f.last_at < $3 THEN 1 ELSE f.failures + 1 END, last_at = excluded.last_at
		WHERE f.blocked_until <= $2 RETURNING failures`, subject, millis(now), millis(since)).Scan(&failures)
	if errors.Is(err, ErrNoRows) {
		var until int64
		if err := tx.QueryRow(ctx, `SELECT blocked_until FROM sign_in_failures WHERE subject = $1`, subject).Scan(&until); err != nil {
			return fmt.Errorf("count a sign-in: %w", err)
		}
		return &Throttled{Until: moment(until)}
	}
	if err != nil {
		return fmt.Errorf("count a sign-in: %w", err)
	}
	if d := wait(failures); d > 0 {
		_, err = tx.Exec(ctx, `UPDATE sign_in_failures SET blocked_until = $2 WHERE subject = $1`, subject, millis(now.Add(d)))
	}
	return err
}

// ForgetFailures forgets all that failed for a subject.
func (s *Store) ForgetFailures(ctx context.Context, tx Tx, subject string) error {
	_, err := tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE subject = $1`, subject)
	return err
}

// UncountFailure takes back one CountFailure, because the sign-in succeeded.
func (s *Store) UncountFailure(ctx context.Context, tx Tx, subject string) error {
	_, err := tx.Exec(ctx, `UPDATE sign_in_failures SET failures = failures - 1, blocked_until = 0 WHERE subject = $1 AND failures > 0`, subject)
	return err
}

// ForgetOldFailures forgets some of what was last noted before a time.
func (s *Store) ForgetOldFailures(ctx context.Context, tx Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE subject IN (SELECT subject FROM sign_in_failures WHERE last_at < $1 LIMIT $2)`, millis(before), expiredRows)
	return err
}
