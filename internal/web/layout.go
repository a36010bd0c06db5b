package web

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/a-h/templ"
)

// page is what a screen says of itself.
type page struct {
	Title string
	Nav   string // the entry of the navigation that is lit: its path
	Live  bool   // the page stays up to date by itself
	Bare  bool   // without navigation: before signing in
}

// entry is a line of the navigation.
type entry struct {
	path, title, key, icon string
}

// navigation is in the order of a working day: what is there, what is wrong, what is set up.
var navigation = [][]entry{
	{
		{"/", "Now", "n", "now"},
		{"/orders", "Orders", "o", "orders"},
		{"/causes", "Causes", "i", "causes"},
		{"/review", "Review", "r", "review"},
	},
	{
		{"/flows", "Flows", "f", "flows"},
		{"/connections", "Connections", "c", "connections"},
		{"/maps", "Maps", "m", "maps"},
		{"/mapping", "Mapping", "p", "mapping"},
	},
	{
		{"/audit", "Audit", "a", "audit"},
		{"/people", "People", "e", "people"},
		{"/settings", "Settings", "s", "settings"},
	},
}

func (s *Server) layout(v *visit, p page, body templ.Component) templ.Component {
	if p.Bare || v.person.Name == "" {
		return bareFrame(s, v, p, body)
	}
	return frame(s, v, p, body)
}

// openCauses is the number that the navigation shows.
func (s *Server) openCauses() int { return s.desk.OpenCauses() }

// here is the address at which the page that answers a request can be read: its own, or for an action, which
// has none, that of the nearest screen above it.
func (s *Server) here(r *http.Request) string {
	if r.Method == http.MethodGet {
		return r.URL.RequestURI()
	}
	for at := path.Clean(r.URL.Path); at != "/" && at != "."; at = path.Dir(at) {
		address := &url.URL{Path: at}
		if _, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, URL: address, Host: r.Host}); pattern != "/" && pattern != "" {
			return address.EscapedPath()
		}
	}
	return "/"
}

// lit says whether an entry of the navigation is the present screen.
func (p page) lit(e entry) bool { return p.Nav == e.path }

// initials are what stands for a person.
func initials(name string) string {
	var out strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '.' || r == '-' || r == '_' || r == '@' }) {
		for _, r := range word {
			out.WriteRune(r)
			break
		}
		if out.Len() >= 2 {
			break
		}
	}
	return strings.ToUpper(out.String())
}
