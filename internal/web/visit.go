package web

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
)

// visit is a request with who makes it and how they like to see things.
type visit struct {
	*http.Request
	person  people.Person // zero before signing in
	session people.SessionInfo
	theme   string // light, dark, or "" for the system's
	clock   string // utc, local or ago
	keys    string // off, or "" where single keys are heard
	secure  bool   // the connection to the browser is encrypted
	reveal  bool   // personal data is shown
	notice  string // what the last action did
	here    string // the address that a form on this page comes back to
	now     time.Time
}

// Names of cookies. The session's is package people's.
const (
	cookieTheme  = "orderly_theme"
	cookieClock  = "orderly_clock"
	cookieKeys   = "orderly_keys"
	cookieNotice = "orderly_notice"
)

func (s *Server) newVisit(r *http.Request) *visit {
	v := &visit{Request: r, now: s.now(), clock: "ago", secure: s.guard.Secure(r), here: s.here(r)}
	v.person, _ = people.FromContext(r.Context())
	if session, ok := people.SessionFromContext(r.Context()); ok {
		v.session, v.reveal = session, session.Reveals(v.now)
	}
	if value := cookie(r, cookieTheme); value == "light" || value == "dark" {
		v.theme = value
	}
	if value := cookie(r, cookieClock); value == "utc" || value == "local" {
		v.clock = value
	}
	if value := cookie(r, cookieKeys); value == "off" {
		v.keys = value
	}
	if v.isFragment() {
		return v // what an action did is told once, on the page that it leads to
	}
	if raw, err := base64.RawURLEncoding.DecodeString(cookie(r, cookieNotice)); err == nil {
		v.notice = string(raw)
	}
	return v
}

func cookie(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// may says whether the person has a role.
func (v *visit) may(need people.Role) bool { return v.person.Role.Allows(need) }

// operator and admin are for templates, which show what a person may do.
func (v *visit) operator() bool { return v.may(people.Operator) }
func (v *visit) admin() bool    { return v.may(people.Admin) }

// The script says with a header which part of a page it asks for.
const (
	fragmentHeader = "X-Orderly-Fragment"
	fragmentLive   = "live" // what has changed on the page that is open
)

// isFragment says that a script asks for a part of a page.
func (v *visit) isFragment() bool { return v.Header.Get(fragmentHeader) != "" }

// query gives a parameter of the address, without blanks around it.
func (v *visit) query(name string) string { return clean(v.URL.Query().Get(name)) }

// form gives a value of a form, without blanks around it.
func (v *visit) form(name string) string { return clean(v.PostFormValue(name)) }

// clean leaves what a person can have typed: bytes that are no text would be refused by a database.
func clean(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", ""))
}

// with gives the page's own address with some parameters replaced: name, value, name, value …; an
// empty value takes one away.
func (v *visit) with(pairs ...string) string {
	q := v.URL.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return v.URL.Path
	}
	return v.URL.Path + "?" + q.Encode()
}

// done sends a person on after an action, and says there what it did.
func (s *Server) done(w http.ResponseWriter, v *visit, to, notice string) error {
	s.setNotice(w, v, base64.RawURLEncoding.EncodeToString([]byte(notice)), noticeTime)
	http.Redirect(w, v.Request, to, http.StatusSeeOther)
	return nil
}

// noticeTime is how long a page may take to come after an action, in seconds.
const noticeTime = 30

func (s *Server) setNotice(w http.ResponseWriter, v *visit, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieNotice, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (s *Server) clearNotice(w http.ResponseWriter, v *visit) { s.setNotice(w, v, "", -1) }

// back is where a form came from: its own field "back" if that is a page of ours, else the fallback.
func (v *visit) back(fallback string) string { return people.LocalPath(v.form("back"), fallback) }

func pathEscape(address string) string { return url.QueryEscape(address) }
