package people

import (
	"context"
	"errors"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

const (
	// SessionIdle is how long a session lives without use.
	SessionIdle = 12 * time.Hour
	// SessionLife is how long a session lives at most.
	SessionLife = 7 * 24 * time.Hour
	// RevealTime is how long personal data is shown once somebody asked for it.
	RevealTime = 15 * time.Minute

	// touchEvery is how often a use is written down, so that reading pages does not mean writing.
	touchEvery = time.Minute
	// freshTime is how long a sign-in by link or provider is as good as the old password.
	freshTime = 15 * time.Minute
	// maxAgent bounds what is kept of a browser's name, in runes.
	maxAgent = 120
	// maxToken bounds what is looked at of a token that somebody sends, in bytes.
	maxToken = 200
)

// Way is how a person signed in.
type Way string

const (
	ByPassword Way = "password"
	ByLink     Way = "link"
	ByOIDC     Way = "oidc"
	BySetup    Way = "setup"
)

// From is where a request comes from.
type From struct {
	Address string // IP address of the browser, without a port; for throttling only
	Agent   string // User-Agent
}

// SessionInfo is a session of a browser, without the secret that opens it.
type SessionInfo struct {
	Way         Way
	Agent       string
	Created     time.Time
	Expires     time.Time // at the latest
	Used        time.Time // to the minute
	RevealUntil time.Time

	key []byte // its hash in the store
}

// Reveals tells whether personal data is shown in this session.
func (i SessionInfo) Reveals(now time.Time) bool { return now.Before(i.RevealUntil) }

// NeedsOldPassword tells whether ChangePassword asks for the old one: not right after a sign-in by link, because who
// uses one has lost it, or through the provider.
func (i SessionInfo) NeedsOldPassword(now time.Time) bool {
	return i.Way != ByLink && i.Way != ByOIDC || now.Sub(i.Created) > freshTime
}

// Is tells whether two are the same session.
func (i SessionInfo) Is(other SessionInfo) bool {
	return len(i.key) > 0 && string(i.key) == string(other.key)
}

func sessionInfo(n store.Session) SessionInfo {
	return SessionInfo{Way: Way(n.Way), Agent: n.Agent, Created: n.Created, Expires: n.Expires, Used: n.Used, RevealUntil: n.RevealUntil, key: n.Hash}
}

// startSession opens a session for a user inside a transaction. The token is the browser's alone.
func (s *Service) startSession(ctx context.Context, tx store.Tx, userID int64, way Way, from From, token string, now time.Time) error {
	return s.store.AddSession(ctx, tx, store.Session{
		Hash: hashSecret(token), UserID: userID, Way: string(way), Agent: cut(from.Agent, maxAgent), Expires: now.Add(SessionLife),
	}, now.Add(-SessionIdle), now)
}

// Session gives the person to whom a session token belongs. ErrSignIn when it is none, has expired or its user may not
// come in any more.
func (s *Service) Session(ctx context.Context, token string) (Person, SessionInfo, error) {
	if token == "" || len(token) > maxToken {
		return Person{}, SessionInfo{}, ErrSignIn
	}
	n, u, err := s.store.Session(ctx, hashSecret(token))
	if errors.Is(err, store.ErrNoRows) {
		return Person{}, SessionInfo{}, ErrSignIn
	}
	if err != nil {
		return Person{}, SessionInfo{}, wrap("look up a session", err)
	}
	now := s.now()
	if u.Disabled || !now.Before(n.Expires) || now.Sub(n.Used) >= SessionIdle {
		return Person{}, SessionInfo{}, ErrSignIn
	}
	if now.Sub(n.Used) >= touchEvery && !byItself(ctx) {
		if s.noteUse(ctx, func(ctx context.Context, tx store.Tx) error { return s.store.TouchSession(ctx, tx, n.Hash, u.ID, now) }) {
			n.Used = now
		}
	}
	return person(u), sessionInfo(n), nil
}

type byItselfKey struct{}

// ByItself marks a request that a page makes by itself, to keep itself up to date: a session does not live on because
// somebody left a page open.
func ByItself(ctx context.Context) context.Context {
	return context.WithValue(ctx, byItselfKey{}, true)
}

func byItself(ctx context.Context) bool {
	marked, _ := ctx.Value(byItselfKey{}).(bool)
	return marked
}

// noteUse writes down that something is in use. A store that takes no writes now, because its disk is full, is no reason
// to keep people from seeing that.
func (s *Service) noteUse(ctx context.Context, touch func(ctx context.Context, tx store.Tx) error) bool {
	err := s.store.Write(ctx, touch)
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "a use was not noted", "error", err)
	}
	return err == nil
}

// Sessions gives the sessions of a user that are alive, the one used last first.
func (s *Service) Sessions(ctx context.Context, userID int64) ([]SessionInfo, error) {
	all, err := s.store.SessionsOf(ctx, userID)
	if err != nil {
		return nil, wrap("list the sessions of a user", err)
	}
	now := s.now()
	var alive []SessionInfo
	for _, n := range all {
		if now.Before(n.Expires) && now.Sub(n.Used) < SessionIdle {
			alive = append(alive, sessionInfo(n))
		}
	}
	return alive, nil
}

// SignOut ends one session.
func (s *Service) SignOut(ctx context.Context, p Person, session SessionInfo) error {
	return s.change(ctx, func(ctx context.Context, tx store.Tx, _ time.Time, a *action) error {
		*a = action{by: p, what: "sign out", user: p.Name}
		return s.store.EndSession(ctx, tx, session.key)
	})
}

// SignOutEverywhere ends all sessions of a user, and makes one-time links void.
func (s *Service) SignOutEverywhere(ctx context.Context, by Person, userID int64, why string) error {
	return s.change(ctx, func(ctx context.Context, tx store.Tx, _ time.Time, a *action) error {
		u, err := s.store.UserByID(ctx, tx, userID)
		if err != nil {
			return err
		}
		*a = action{by: by, what: "sign out everywhere", user: u.Name, why: why}
		_, err = s.store.EndSessions(ctx, tx, userID)
		return err
	})
}

// Reveal shows personal data in one session for RevealTime.
func (s *Service) Reveal(ctx context.Context, p Person, session SessionInfo, why string) error {
	return s.change(ctx, func(ctx context.Context, tx store.Tx, now time.Time, a *action) error {
		*a = action{by: p, what: "show personal data", user: p.Name, why: why}
		return s.store.RevealSession(ctx, tx, session.key, now.Add(RevealTime))
	})
}

// Hide masks personal data in one session again.
func (s *Service) Hide(ctx context.Context, p Person, session SessionInfo) error {
	return s.change(ctx, func(ctx context.Context, tx store.Tx, _ time.Time, a *action) error {
		*a = action{by: p, what: "hide personal data", user: p.Name}
		return s.store.RevealSession(ctx, tx, session.key, time.Time{})
	})
}

// cut shortens a text to a number of runes and takes out what is no printable text.
func cut(text string, limit int) string {
	runes := []rune(printable(text))
	if len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return string(runes)
}
