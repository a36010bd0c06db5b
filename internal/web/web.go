// Package web is the dashboard: pages rendered on the server that stay up to date by themselves, for
// people who look after orders.
//
// It asks package desk for everything that it shows and does, and knows neither the store nor a vendor.
// Who may use which page is in the tables of routes; package people's guard holds to it.
package web

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/people"
)

//go:generate go tool -modfile=../../tools/go.mod templ generate

//go:embed assets
var embedded embed.FS

// Options say what a dashboard shows.
type Options struct {
	Desk    *desk.Desk
	People  *people.Service
	Guard   *people.Guard
	Notices *notice.Notices
	// Describe gives the OpenAPI description of the JSON API.
	Describe func() ([]byte, error)
	// LinksAtOnce lets one-time links with at=once sign in when they are opened, without a button. Only the demo, which
	// shows its link on the terminal and knows nobody's data, may have it: otherwise another page could sign a reader in.
	LinksAtOnce bool
	Version     string
	Log         *slog.Logger
	Now         func() time.Time
	// Ended, when closed, ends the streams of pages that stay up to date, so that a server can stop.
	Ended <-chan struct{}
}

// Server serves the dashboard.
type Server struct {
	desk     *desk.Desk
	people   *people.Service
	guard    *people.Guard
	notices  *notice.Notices
	describe func() ([]byte, error)
	atOnce   bool // Options.LinksAtOnce
	version  string
	log      *slog.Logger
	now      func() time.Time
	ended    <-chan struct{}
	assets   *assets
	mux      *http.ServeMux
}

// route is a page or an action of the dashboard, with the least role that may use it.
type route struct {
	pattern string // as of http.ServeMux: "GET /orders"
	need    people.Role
	serve   handler
}

// handler answers a visit. It writes nothing before it is sure not to fail: an error becomes a page
// that says what went wrong and what to do.
type handler func(w http.ResponseWriter, v *visit) error

// New makes a dashboard.
func New(o Options) (*Server, error) {
	files, err := fs.Sub(embedded, "assets")
	if err != nil {
		return nil, err
	}
	s := &Server{
		desk: o.Desk, people: o.People, guard: o.Guard, notices: o.Notices, describe: o.Describe, atOnce: o.LinksAtOnce, version: o.Version, log: o.Log, now: o.Now, ended: o.Ended, mux: http.NewServeMux(),
	}
	if s.assets, err = newAssets(files); err != nil {
		return nil, err
	}
	for _, r := range s.routes() {
		s.mux.Handle(r.pattern, unprompted(s.guard.RequireSession(r.need, s.page(r.serve), s.denied)))
	}
	s.mux.Handle("GET /assets/{version}/{name}", s.assets)
	return s, nil
}

// unprompted marks the requests that a page makes by itself before the guard finds out whose they are.
func unprompted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(fragmentHeader) == fragmentLive || r.URL.Path == livePath {
			r = r.WithContext(people.ByItself(r.Context()))
		}
		next.ServeHTTP(w, r)
	})
}

// routes are all pages and actions.
func (s *Server) routes() []route {
	var all []route
	for _, some := range [][]route{
		s.nowRoutes(), s.doorRoutes(), s.liveRoutes(), s.searchRoutes(), s.lookRoutes(),
		s.connectionsRoutes(), s.flowsRoutes(), s.syncRoutes(),
		s.ordersRoutes(), s.orderRoutes(), s.bulkRoutes(),
		s.mapsRoutes(), s.mappingRoutes(), s.causeRoutes(), s.reviewRoutes(),
		s.peopleRoutes(), s.accountRoutes(), s.auditRoutes(), s.settingRoutes(), s.apiRoutes(),
	} {
		all = append(all, some...)
	}
	return append(all, route{pattern: "/", need: people.Viewer, serve: s.serveNothing})
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header(), s.guard.Secure(r))
	s.mux.ServeHTTP(w, r)
}

// protect sets what every page carries: nothing of it comes from elsewhere, is framed elsewhere or is
// kept by others, and who has come by TLS comes by nothing else from now on.
func protect(h http.Header, secure bool) {
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
		"connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would hide the origin of our own forms
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

// maxForm bounds the body of a form, in bytes; a table of mappings is the largest.
const maxForm = 8 << 20

// page makes an http.Handler of a handler.
func (s *Server) page(serve handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		v := s.newVisit(r)
		if err := serve(w, v); err != nil {
			s.fail(w, v, err)
		}
	})
}

// denied answers who may not see a page.
func (s *Server) denied(w http.ResponseWriter, r *http.Request, err error) {
	v := s.newVisit(r)
	if errors.Is(err, people.ErrSignIn) && r.Method == http.MethodGet && !v.isFragment() {
		http.Redirect(w, r, "/sign-in?to="+pathEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	s.fail(w, v, err)
}

// render writes a whole page.
func (s *Server) render(w http.ResponseWriter, v *visit, p page, body templ.Component) error {
	return s.write(w, v, http.StatusOK, s.layout(v, p, body))
}

// write writes HTML once it is complete, so that an error can still become an error page.
func (s *Server) write(w http.ResponseWriter, v *visit, status int, c templ.Component) error {
	buffer := templ.GetBuffer()
	defer templ.ReleaseBuffer(buffer)
	if err := c.Render(v.Context(), buffer); err != nil {
		return err
	}
	if v.notice != "" {
		s.clearNotice(w, v)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(buffer.Bytes())
	return ignoreGone(err)
}

// ignoreGone drops an error of writing to somebody who has gone.
func ignoreGone(error) error { return nil }

// fail writes the page of an error.
func (s *Server) fail(w http.ResponseWriter, v *visit, err error) {
	p := s.explain(v.Context(), err)
	if writeErr := s.write(w, v, p.status, s.layout(v, page{Title: p.title}, failure(p))); writeErr != nil {
		s.log.ErrorContext(v.Context(), "the page of an error cannot be rendered", "error", writeErr)
		http.Error(w, p.title, http.StatusInternalServerError)
	}
}

// problem is an error as a person reads it.
type problem struct {
	status      int
	title, text string
	back        string // where to go on
}

func (p *problem) Error() string { return p.title + ": " + p.text }

// explain makes a problem of any error. Only those that were written for people are shown.
func (s *Server) explain(ctx context.Context, err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if errors.Is(err, notice.ErrDisabled) {
		return &problem{status: http.StatusConflict, title: "That cannot be done", text: err.Error() + ".", back: "/settings/webhooks"}
	}
	if e, ok := errors.AsType[*desk.NotFoundError](err); ok {
		return &problem{status: http.StatusNotFound, title: "Not found", text: e.Error()}
	}
	if e, ok := errors.AsType[*desk.FormError](err); ok {
		return &problem{status: http.StatusUnprocessableEntity, title: "That cannot be done", text: e.Error()}
	}
	if e, ok := errors.AsType[*desk.InputError](err); ok {
		return &problem{status: http.StatusUnprocessableEntity, title: "That cannot be done", text: e.Error()}
	}
	if errors.Is(err, notice.ErrNotFound) {
		return &problem{status: http.StatusNotFound, title: "Not found", text: "There is no such endpoint or message (any more).", back: "/settings/webhooks"}
	}
	if status, ok := people.Status(err); ok {
		return refused(status, err)
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{status: http.StatusRequestEntityTooLarge, title: "Too large", text: e.Error()}
	}
	if errors.Is(err, http.ErrNotMultipart) || errors.Is(err, http.ErrMissingBoundary) || errors.Is(err, http.ErrMissingFile) {
		return &problem{status: http.StatusBadRequest, title: "There is no file", text: "Choose a file and send the form again."}
	}
	if errors.Is(err, context.Canceled) {
		return &problem{status: http.StatusServiceUnavailable, title: "Interrupted", text: "The request was interrupted before it was answered."}
	}
	s.log.ErrorContext(ctx, "a page failed", "error", err)
	return &problem{
		status: http.StatusInternalServerError, title: "Something failed",
		text: "Orderly could not answer this. Nothing that was accepted is lost: intake and deliveries go on without the dashboard. The server's log says what failed.",
	}
}

// refused makes a problem of what package people says to a person.
func refused(status int, err error) *problem {
	if errors.Is(err, people.ErrSignIn) {
		return &problem{status: status, title: "You are signed out", text: "Your session has ended. Sign in again; nothing was changed."}
	}
	if errors.Is(err, people.ErrCrossSite) {
		return &problem{status: status, title: "Refused", text: "Another site had your browser send this. Nothing was changed."}
	}
	if role, ok := errors.AsType[*people.RoleError](err); ok {
		return &problem{
			status: status, title: "Not with your role",
			text: "This needs the role " + string(role.Need) + "; you are signed in as " + string(role.Have) + ". An administrator can change that under People.",
		}
	}
	title := "That cannot be done"
	if status == http.StatusNotFound {
		title = "Not found"
	}
	return &problem{status: status, title: title, text: sentence(err.Error())}
}

func (s *Server) serveNothing(_ http.ResponseWriter, v *visit) error {
	return &problem{status: http.StatusNotFound, title: "There is no such page", text: "The address " + v.URL.Path + " leads nowhere. Press Ctrl-K to search for an order or a screen."}
}
