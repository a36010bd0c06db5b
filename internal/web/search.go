package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func (s *Server) searchRoutes() []route {
	return []route{{pattern: "POST /search", need: people.Viewer, serve: s.serveSearch}}
}

// found is a line of the palette.
type found struct {
	title, note, address string
}

// command is something that the palette leads to by its words.
type command struct {
	found
	need people.Role
}

// commands are what the palette knows beside the screens.
var commands = []command{
	{found{"Run now", "bring one order, a range or everything", "/sync"}, people.Operator},
	{found{"Held orders", "orders that a person must decide", "/orders?state=held"}, people.Viewer},
	{found{"Failed orders", "orders that were given up", "/orders?state=failed"}, people.Viewer},
	{found{"Waiting orders", "the longest waiting first", "/orders?state=waiting&sort=waiting"}, people.Viewer},
	{found{"New connection", "connect a shop, a CRM or an ERP", "/connections/new"}, people.Admin},
	{found{"New flow", "from one connection to another", "/flows/new"}, people.Admin},
	{found{"Alerts and webhooks", "who is told when something happens", "/settings"}, people.Viewer},
	{found{"API", "the description of the JSON API", "/api"}, people.Viewer},
	{found{"Password and sessions", "your own account", "/account"}, people.Viewer},
}

// paletteOrders is how many orders the palette shows.
const paletteOrders = 8

// serveSearch shows what the palette finds; to a form that is sent, the list of orders. The words come by
// POST, so that names and e-mail addresses that somebody tries do not stand in the logs of proxies.
func (s *Server) serveSearch(w http.ResponseWriter, v *visit) error {
	text := v.form("q")
	if !v.isFragment() {
		http.Redirect(w, v.Request, "/orders?q="+url.QueryEscape(text), http.StatusSeeOther)
		return nil
	}
	var orders []store.TaskRow
	if text != "" {
		var err error
		if orders, err = s.desk.FindOrders(v.Context(), text, paletteOrders); err != nil {
			return err
		}
	}
	return s.write(w, v, http.StatusOK, paletteResults(v, text, orders, v.screens(text)))
}

// screens gives the screens and commands whose words begin as the text says.
func (v *visit) screens(text string) []found {
	var out []found
	add := func(f found, need people.Role) {
		if v.may(need) && matches(f.title+" "+f.note, text) {
			out = append(out, f)
		}
	}
	for _, group := range navigation {
		for _, e := range group {
			add(found{title: e.title, note: "screen", address: e.path}, people.Viewer)
		}
	}
	for _, c := range commands {
		add(c.found, c.need)
	}
	return out
}

// matches says whether each word of a text begins a word of the title.
func matches(title, text string) bool {
	words := strings.Fields(strings.ToLower(title))
next:
	for want := range strings.FieldsSeq(strings.ToLower(text)) {
		for _, word := range words {
			if strings.HasPrefix(word, want) {
				continue next
			}
		}
		return false
	}
	return true
}

func orderNote(t store.TaskRow) string {
	return strings.TrimSpace(fmt.Sprintf("%s · %s · %s %s", t.Connection, t.State, t.Amount, t.Currency))
}
