package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
)

func (s *Server) lookRoutes() []route {
	return []route{
		{pattern: "POST /settings/look", need: people.Viewer, serve: s.setLook},
		{pattern: "POST /reveal", need: people.Viewer, serve: s.reveal},
	}
}

// lookTime is how long a browser remembers how its reader likes things.
const lookTime = 365 * 24 * time.Hour

// setLook keeps how somebody likes to see things, in their browser.
func (s *Server) setLook(w http.ResponseWriter, v *visit) error {
	for _, choice := range []struct {
		name, cookie string
		allowed      []string
	}{
		{"theme", cookieTheme, []string{"", "light", "dark"}},
		{"clock", cookieClock, []string{"ago", "utc", "local"}},
		{"keys", cookieKeys, []string{"", "off"}},
	} {
		if value := v.form(choice.name); v.PostForm.Has(choice.name) && slices.Contains(choice.allowed, value) {
			http.SetCookie(w, &http.Cookie{ // not a secret; the page's script changes the clock as well
				Name: choice.cookie, Value: value, Path: "/", MaxAge: int(lookTime / time.Second), SameSite: http.SameSiteLaxMode, Secure: s.guard.Secure(v.Request),
			})
		}
	}
	http.Redirect(w, v.Request, v.back("/"), http.StatusSeeOther)
	return nil
}

// reveal shows or hides personal data in this session; showing it is audited.
func (s *Server) reveal(w http.ResponseWriter, v *visit) error {
	if v.form("show") != "yes" {
		if err := s.people.Hide(v.Context(), v.person, v.session); err != nil {
			return err
		}
		return s.done(w, v, v.back("/"), "Personal data is hidden again.")
	}
	if err := s.people.Reveal(v.Context(), v.person, v.session, v.form("why")); err != nil {
		return err
	}
	return s.done(w, v, v.back("/"), "Personal data is shown for 15 minutes. The audit says so.")
}
