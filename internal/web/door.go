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
		{pattern: "GET /sign-in", need: people.Everybody, serve: s.serveSignIn},
		{pattern: "POST /sign-in", need: people.Everybody, serve: s.signIn},
		{pattern: "GET /sign-in/link", need: people.Everybody, serve: s.serveLink},
		{pattern: "POST /sign-in/link", need: people.Everybody, serve: s.useLink},
		{pattern: "GET /sign-in/provider", need: people.Everybody, serve: s.beginProvider},
		{pattern: "GET /sign-in/provider/done", need: people.Everybody, serve: s.finishProvider},
		{pattern: "GET /setup", need: people.Everybody, serve: s.serveSetup},
		{pattern: "POST /setup", need: people.Everybody, serve: s.setup},
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
	return s.door(w, v, http.StatusOK, "Sign in", signInPage(v, "", people.LocalPath(v.query("to"), "/"), "", provider))
}

func (s *Server) signIn(w http.ResponseWriter, v *visit) error {
	to := people.LocalPath(v.form("to"), "/")
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

// serveLink shows a button, because programs that look through mail open every link in it and would use
// this one up, and because another site could sign a reader in as somebody else. The demo's link, which is
// in no mail, goes on at once.
func (s *Server) serveLink(w http.ResponseWriter, v *visit) error {
	if s.atOnce && v.query("at") == "once" && v.Method == http.MethodGet && fromHere(v) {
		return s.useLink(w, v)
	}
	return s.door(w, v, http.StatusOK, "Sign in", linkPage(v.query("token"), people.LocalPath(v.query("to"), "/")))
}

// fromHere says that no other site had the browser open an address: a page of ours did, or a person.
func fromHere(v *visit) bool {
	switch v.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	}
	return false
}

// useLink lets in who has a one-time link.
func (s *Server) useLink(w http.ResponseWriter, v *visit) error {
	token, person, err := s.people.UseLink(v.Context(), v.FormValue("token"), s.guard.From(v.Request))
	if err != nil {
		status, text, known := doorProblem(err)
		if !known {
			return err
		}
		return &problem{status: status, title: "This link does not work", text: text, back: "/sign-in"}
	}
	s.guard.SetSession(w, v.Request, token)
	return s.done(w, v, people.LocalPath(v.FormValue("to"), "/"), "Welcome, "+person.Name+".")
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

// provider names the OpenID Connect provider that people may sign in with; "" when there is none.
func (s *Server) provider(ctx context.Context) (string, error) {
	config, found, err := s.people.OIDC(ctx)
	if err != nil || !found {
		return "", err
	}
	if config.Title == "" {
		return "your company", nil
	}
	return config.Title, nil
}

// providerDone is where the provider sends the browser back to, as it is registered there.
const providerDone = "/sign-in/provider/done"

// beginProvider sends the browser to the OpenID Connect provider.
func (s *Server) beginProvider(w http.ResponseWriter, v *visit) error {
	address, keep, err := s.people.BeginOIDC(v.Context(), s.ownAddress(v)+providerDone, v.query("to"))
	if err != nil {
		return s.providerProblem(v, err)
	}
	s.guard.SetOIDC(w, v.Request, keep)
	http.Redirect(w, v.Request, address, http.StatusSeeOther)
	return nil
}

// finishProvider lets in whom the provider has recognised.
func (s *Server) finishProvider(w http.ResponseWriter, v *visit) error {
	signed, err := s.people.FinishOIDC(v.Context(), s.guard.TakeOIDC(w, v.Request), s.ownAddress(v)+providerDone, v.URL.Query(), s.guard.From(v.Request))
	if err != nil {
		return s.providerProblem(v, err)
	}
	s.guard.SetSession(w, v.Request, signed.Token)
	return s.done(w, v, signed.Next, "Welcome, "+signed.Person.Name+".")
}

func (s *Server) providerProblem(v *visit, err error) error {
	failed, ok := errors.AsType[*people.OIDCError](err)
	if !ok && !errors.Is(err, people.ErrNoOIDC) {
		return err
	}
	text := "No provider is set up for signing in."
	if ok {
		text = failed.Error()
		s.log.WarnContext(v.Context(), "a sign-in through the provider failed", "error", failed.Error(), "cause", errors.Unwrap(failed))
	}
	return &problem{status: http.StatusUnauthorized, title: "The sign-in did not work", text: text, back: "/sign-in"}
}
