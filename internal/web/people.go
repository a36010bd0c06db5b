package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
)

func (s *Server) peopleRoutes() []route {
	return []route{
		{pattern: "GET /people", need: people.Viewer, serve: s.servePeople},
		{pattern: "POST /people", need: people.Admin, serve: s.addPerson},
		{pattern: "POST /people/{id}/{action}", need: people.Admin, serve: s.changePerson},
	}
}

// linkTime is how long a one-time sign-in link that an administrator makes is good for.
const linkTime = 24 * time.Hour

// peopleForm is what the page of people shows beside the list.
type peopleForm struct {
	name, email, role string
	wrong             map[string]string // by field
	link              string            // a one-time link that was just made
	linkFor           string
}

func (s *Server) servePeople(w http.ResponseWriter, v *visit) error {
	return s.showPeople(w, v, http.StatusOK, peopleForm{role: string(people.Operator)})
}

func (s *Server) showPeople(w http.ResponseWriter, v *visit, status int, form peopleForm) error {
	list, err := s.people.List(v.Context())
	if err != nil {
		return err
	}
	var tokens []people.APIToken
	if v.admin() {
		if tokens, err = s.people.Tokens(v.Context(), 0); err != nil {
			return err
		}
	}
	return s.write(w, v, status, s.layout(v, page{Title: "People", Nav: "/people"}, peoplePage(v, list, tokens, form)))
}

// addPerson adds a user. Without a password the user comes in by a one-time link, which is shown now.
func (s *Server) addPerson(w http.ResponseWriter, v *visit) error {
	form := peopleForm{name: v.form("name"), email: v.form("email"), role: v.form("role")}
	user, err := s.people.Add(v.Context(), v.person, people.NewUser{Name: form.name, Email: form.email, Role: people.Role(form.role)}, v.form("why"))
	if input, ok := errors.AsType[*people.InputError](err); ok {
		form.wrong = map[string]string{input.Field: input.Message}
		return s.showPeople(w, v, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.showLink(w, v, user)
}

// showLink makes a one-time sign-in link and shows it, this once.
func (s *Server) showLink(w http.ResponseWriter, v *visit, user people.User) error {
	secret, err := s.people.MakeLink(v.Context(), v.person, user.ID, linkTime, v.form("why"))
	if err != nil {
		return err
	}
	form := peopleForm{role: string(people.Operator), linkFor: user.Name, link: s.ownAddress(v) + people.LinkPath(secret)}
	return s.showPeople(w, v, http.StatusOK, form)
}

// ownAddress is this server's address as the reader's browser knows it.
func (s *Server) ownAddress(v *visit) string {
	return scheme(v) + v.Host
}

// scheme is how the reader's browser reaches this server.
func scheme(v *visit) string {
	if v.secure {
		return "https://"
	}
	return "http://"
}

func (s *Server) changePerson(w http.ResponseWriter, v *visit) error {
	id, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil {
		return people.ErrUnknown
	}
	if v.PathValue("action") == "revoke-token" {
		if err := s.people.RevokeToken(v.Context(), v.person, id, v.form("why")); err != nil {
			return err
		}
		return s.done(w, v, "/people", "The token is revoked.")
	}
	user, err := s.people.User(v.Context(), id)
	if err != nil {
		return err
	}
	notice, why := "", v.form("why")
	switch v.PathValue("action") {
	case "role":
		role, parseErr := people.ParseRole(v.form("role"))
		if parseErr != nil {
			return parseErr
		}
		err, notice = s.people.SetRole(v.Context(), v.person, id, role, why), user.Name+" is "+string(role)+" now."
	case "email":
		err, notice = s.people.SetEmail(v.Context(), v.person, id, v.form("email"), why), "The address of "+user.Name+" is changed."
	case "disable":
		err, notice = s.people.Disable(v.Context(), v.person, id, why), user.Name+" cannot sign in any more."
	case "enable":
		err, notice = s.people.Enable(v.Context(), v.person, id, why), user.Name+" can sign in again."
	case "remove":
		err, notice = s.people.Remove(v.Context(), v.person, id, why), user.Name+" is removed. The audit keeps what was done."
	case "sign-out":
		err, notice = s.people.SignOutEverywhere(v.Context(), v.person, id, why), user.Name+" is signed out everywhere."
	case "link":
		return s.showLink(w, v, user)
	default:
		return s.serveNothing(w, v)
	}
	if err != nil {
		return err
	}
	return s.done(w, v, "/people", notice)
}

// userAction is the address of an action on a user.
func userAction(u people.User, action string) string {
	return "/people/" + strconv.FormatInt(u.ID, 10) + "/" + action
}

// waysIn says how a user signs in.
func waysIn(u people.User) string {
	switch {
	case u.HasPassword && u.HasOIDC:
		return "password, provider"
	case u.HasPassword:
		return "password"
	case u.HasOIDC:
		return "provider"
	}
	return "one-time link only"
}
