package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
)

func (s *Server) accountRoutes() []route {
	return []route{
		{pattern: "GET /account", need: people.Viewer, serve: s.serveAccount},
		{pattern: "POST /account/password", need: people.Viewer, serve: s.changePassword},
		{pattern: "POST /account/sign-out-everywhere", need: people.Viewer, serve: s.signOutEverywhere},
		{pattern: "POST /account/tokens", need: people.Viewer, serve: s.createToken},
		{pattern: "POST /account/tokens/{id}/revoke", need: people.Viewer, serve: s.revokeToken},
	}
}

// accountForm is what the page of one's own account shows beside its lists.
type accountForm struct {
	wrong map[string]string // by field
	token string            // the text of a token that was just made
}

func (s *Server) serveAccount(w http.ResponseWriter, v *visit) error {
	return s.showAccount(w, v, http.StatusOK, accountForm{})
}

func (s *Server) showAccount(w http.ResponseWriter, v *visit, status int, form accountForm) error {
	sessions, err := s.people.Sessions(v.Context(), v.person.ID)
	if err != nil {
		return err
	}
	tokens, err := s.people.Tokens(v.Context(), v.person.ID)
	if err != nil {
		return err
	}
	return s.write(w, v, status, s.layout(v, page{Title: "Your account"}, accountPage(v, sessions, tokens, form)))
}

// wrongInput shows the page of the account again when somebody gave something that cannot be taken.
func (s *Server) wrongInput(w http.ResponseWriter, v *visit, err error) error {
	if input, ok := errors.AsType[*people.InputError](err); ok {
		return s.showAccount(w, v, http.StatusUnprocessableEntity, accountForm{wrong: map[string]string{input.Field: input.Message}})
	}
	if throttled, ok := errors.AsType[*people.ThrottleError](err); ok {
		return s.showAccount(w, v, http.StatusTooManyRequests, accountForm{wrong: map[string]string{"old_password": throttled.Error()}})
	}
	return err
}

func (s *Server) changePassword(w http.ResponseWriter, v *visit) error {
	password := v.PostFormValue("password")
	if password != v.PostFormValue("again") {
		return s.wrongInput(w, v, &people.InputError{Field: "again", Message: "The two passwords differ."})
	}
	token, err := s.people.ChangePassword(v.Context(), v.person, v.session, v.PostFormValue("old_password"), password, s.guard.From(v.Request))
	if err != nil {
		return s.wrongInput(w, v, err)
	}
	s.guard.SetSession(w, v.Request, token)
	return s.done(w, v, "/account", "Your password is changed. All your other sessions have ended.")
}

func (s *Server) signOutEverywhere(w http.ResponseWriter, v *visit) error {
	if err := s.people.SignOutEverywhere(v.Context(), v.person, v.person.ID, v.form("why")); err != nil {
		return err
	}
	s.guard.ClearSession(w, v.Request)
	return s.done(w, v, "/sign-in", "You are signed out everywhere.")
}

// tokenDays are the lifetimes that a token can be given, in days.
var tokenDays = []int{30, 90, 365}

func (s *Server) createToken(w http.ResponseWriter, v *visit) error {
	role, err := people.ParseRole(v.form("role"))
	if err != nil {
		return s.wrongInput(w, v, err)
	}
	days, err := strconv.Atoi(v.form("lifetime"))
	if err != nil || days < 0 || days > 3650 {
		return s.wrongInput(w, v, &people.InputError{Field: "lifetime", Message: "Choose one of the lifetimes."})
	}
	text, _, err := s.people.CreateToken(v.Context(), v.person, people.NewToken{Name: v.form("name"), Role: role, Lifetime: time.Duration(days) * 24 * time.Hour}, v.form("why"))
	if err != nil {
		return s.wrongInput(w, v, err)
	}
	return s.showAccount(w, v, http.StatusOK, accountForm{token: text})
}

// revokeToken ends one of the person's own tokens.
func (s *Server) revokeToken(w http.ResponseWriter, v *visit) error {
	id, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil {
		return people.ErrUnknown
	}
	token, err := s.people.APIToken(v.Context(), id)
	if err != nil {
		return err
	}
	if token.UserID != v.person.ID {
		return people.ErrUnknown
	}
	if err := s.people.RevokeToken(v.Context(), v.person, id, v.form("why")); err != nil {
		return err
	}
	return s.done(w, v, "/account", "The token is revoked.")
}
