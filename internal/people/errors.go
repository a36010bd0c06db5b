package people

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

var (
	// ErrSignIn is what a guarded route answers to nobody: no session, no token, or one that is not valid any more.
	ErrSignIn = errors.New("sign in first")
	// ErrWrong is a sign-in that failed. It does not say whether the name, the password or the link was wrong.
	ErrWrong = errors.New("the name or the password is wrong")
	// ErrLink is a one-time link that was used already, has expired or never was.
	ErrLink = errors.New("this link was used already or has expired; ask an administrator for a new one")
	// ErrUnknown is a user, token or session that does not exist.
	ErrUnknown = errors.New("there is no such user or token")
	// ErrByToken is why an API token cannot do what would outlive it: make tokens and sign-in links, and say who may sign in
	// and as what.
	ErrByToken = errors.New("this cannot be done with an API token; sign in to do it")
	// ErrLastAdmin keeps the door from closing behind everybody.
	ErrLastAdmin = errors.New("this is the last administrator who can sign in; make somebody else one first")
	// ErrOnlyProvider keeps administrators from taking their only way in away.
	ErrOnlyProvider = errors.New("administrators sign in through this provider only; set a password for one of them first, so that somebody can still come in")
	// ErrNotEmpty is why a setup code is refused once there is a user.
	ErrNotEmpty = errors.New("there are users already; sign in, or have an administrator add you")
)

// InputError is a value that a person gave and that cannot be taken. It holds no secret and can be shown beside the
// field.
type InputError struct {
	Field   string // name, password, role, email, lifetime, code …
	Message string // what is wrong and what would be right
}

func (e *InputError) Error() string { return e.Field + ": " + e.Message }

// Status gives the HTTP status of an error that says to a person why what they asked for was not done; false for any
// other error, which is for the log.
func Status(err error) (status int, ok bool) {
	switch {
	case isOf[*InputError](err), isOf[*OIDCError](err):
		return http.StatusUnprocessableEntity, true
	case isOf[*ThrottleError](err):
		return http.StatusTooManyRequests, true
	case isOf[*RoleError](err), errors.Is(err, ErrByToken), errors.Is(err, ErrCrossSite):
		return http.StatusForbidden, true
	case errors.Is(err, ErrSignIn), errors.Is(err, ErrWrong), errors.Is(err, ErrLink):
		return http.StatusUnauthorized, true
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound, true
	case errors.Is(err, ErrLastAdmin), errors.Is(err, ErrOnlyProvider), errors.Is(err, ErrNotEmpty):
		return http.StatusConflict, true
	}
	return 0, false
}

func isOf[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// RoleError is what a guarded route answers to a person whose role is too small.
type RoleError struct{ Have, Need Role }

func (e *RoleError) Error() string {
	return fmt.Sprintf("this needs the role %s; you have the role %s", e.Need, e.Have)
}

// ThrottleError is a sign-in that was not even tried, because too many have failed.
type ThrottleError struct{ RetryAfter time.Duration }

func (e *ThrottleError) Error() string {
	return fmt.Sprintf("too many failed sign-ins; wait %s and try again", e.RetryAfter.Round(time.Second))
}
