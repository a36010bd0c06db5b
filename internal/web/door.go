package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/a-h/templ"

	"github.com/orderlyhq/orderly/internal/people"
)

func (s *Server) doorRoutes() []route {
	return []route{
		{pattern: "GET /sign-in", serve: s.serveSignIn},
		{pattern: "POST /sign-in", serve: s.signIn},
		{pattern: "GET /sign-in/link", serve: s.useLink},
		{pattern: "GET /setup", serve: s.serveSetup},
		{pattern: "POST /setup", serve: s.setup},
		{pattern: "POST /sign-out", need: people.Viewer, serve: s.signOut},
	}
}

// door is a page before signing in.
func (s *Server) door(w http.ResponseWriter, v *visit, status int, title string, body templ.Component) error {
	return s.write(w, v, status, s.layout(v, page{Title: title, Bare: true}, body))
}

func (s *Server) serveSignIn(w http.ResponseWriter, v *visit) error {
	empty, err := s.people.Empty(v.Context())
	if err != nil {
		return err
	}
	if empty {
		http.Redirect(w, v.Request, "/setup", http.StatusSeeOther)
		return nil
	}
	provider, err := s.provider(v.Context())
	if err != nil {
		return err
	}
	return s.door(w, v, http.StatusOK, "Sign in", signInPage(v, "", ownPage(v.query("to"), "/"), "", provider))
}

func (s *Server) signIn(w http.ResponseWriter, v *visit) error {
	to := ownPage(v.form("to"), "/")
	token, person, err := s.people.SignIn(v.Context(), v.form("name"), v.PostFormValue("password"), s.guard.From(v.Request))
	if err != nil {
		status, text, known := doorProblem(err)
		if !known {
			return err
		}
		provider, err := s.provider(v.Context())
		if err != nil {
			return err
		}
		return s.door(w, v, status, "Sign in", signInPage(v, v.form("name"), to, text, provider))
	}
	s.guard.SetSession(w, v.Request, token)
	return s.done(w, v, to, "Welcome, "+person.Name+".")
}

// doorProblem explains why somebody was not let in.
func doorProblem(err error) (status int, text string, known bool) {
	if throttled, ok := errors.AsType[*people.ThrottleError](err); ok {
		return http.StatusTooManyRequests, throttled.Error(), true
	}
	if input, ok := errors.AsType[*people.InputError](err); ok {
		return http.StatusUnprocessableEntity, input.Message, true
	}
	switch {
	case errors.Is(err, people.ErrWrong):
		return http.StatusUnauthorized, "The name or the password is wrong.", true
	case errors.Is(err, people.ErrLink), errors.Is(err, people.ErrNotEmpty):
		return http.StatusUnauthorized, err.Error(), true
	}
	return 0, "", false
}

// useLink lets in who has a one-time link.
func (s *Server) useLink(w http.ResponseWriter, v *visit) error {
	token, person, err := s.people.UseLink(v.Context(), v.query("token"), s.guard.From(v.Request))
	if err != nil {
		status, text, known := doorProblem(err)
		if !known {
			return err
		}
		return &problem{status: status, title: "This link does not work", text: text, back: "/sign-in"}
	}
	s.guard.SetSession(w, v.Request, token)
	return s.done(w, v, ownPage(v.query("to"), "/"), "Welcome, "+person.Name+".")
}

func (s *Server) serveSetup(w http.ResponseWriter, v *visit) error {
	empty, err := s.people.Empty(v.Context())
	if err != nil {
		return err
	}
	if !empty {
		http.Redirect(w, v.Request, "/sign-in", http.StatusSeeOther)
		return nil
	}
	return s.door(w, v, http.StatusOK, "First start", setupPage(v, v.query("code"), "", ""))
}

// setup makes the first administrator.
func (s *Server) setup(w http.ResponseWriter, v *visit) error {
	code, name, password := v.form("code"), v.form("name"), v.PostFormValue("password")
	refuse := func(status int, text string) error {
		return s.door(w, v, status, "First start", setupPage(v, code, name, text))
	}
	if password != v.PostFormValue("again") {
		return refuse(http.StatusUnprocessableEntity, "The two passwords differ.")
	}
	token, person, err := s.people.FirstAdmin(v.Context(), code, name, password, s.guard.From(v.Request))
	if err != nil {
		status, text, known := doorProblem(err)
		if !known {
			return err
		}
		return refuse(status, text)
	}
	s.guard.SetSession(w, v.Request, token)
	return s.done(w, v, "/", "Welcome, "+person.Name+". You are the administrator.")
}

func (s *Server) signOut(w http.ResponseWriter, v *visit) error {
	if err := s.people.SignOut(v.Context(), v.person, v.session); err != nil {
		return err
	}
	s.guard.ClearSession(w, v.Request)
	return s.done(w, v, "/sign-in", "You are signed out.")
}

// open is the guard of pages before signing in: it lets everybody in, but no other site's forms.
func (s *Server) open(serve handler) http.Handler {
	next := s.page(serve)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.guard.SameSite(r); err != nil {
			s.denied(w, r, err)
			return
		}
		if ctx, err := s.guard.Identify(r); err == nil {
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// provider names the OpenID Connect provider that people may sign in with; "" when there is none.
func (s *Server) provider(context.Context) (string, error) { return "", nil }
