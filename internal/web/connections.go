package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
)

func (s *Server) connectionsRoutes() []route {
	return []route{
		{pattern: "GET /connections", need: people.Viewer, serve: s.serveConnections},
		{pattern: "GET /connections/new", need: people.Admin, serve: s.serveNewConnection},
		{pattern: "POST /connections", need: people.Admin, serve: s.createConnection},
		{pattern: "GET /connections/{name}", need: people.Viewer, serve: s.serveConnection},
		{pattern: "GET /connections/{name}/edit", need: people.Admin, serve: s.serveEditConnection},
		{pattern: "POST /connections/{name}", need: people.Admin, serve: s.changeConnection},
		{pattern: "POST /connections/{name}/check", need: people.Operator, serve: s.checkConnection},
		{pattern: "POST /connections/{name}/repair", need: people.Operator, serve: s.repairWebhooks},
		{pattern: "POST /connections/{name}/pause", need: people.Operator, serve: s.pauseConnection},
		{pattern: "POST /connections/{name}/remove", need: people.Admin, serve: s.removeConnection},
	}
}

const navConnections = "/connections"

func connectionAddress(name string) string { return "/connections/" + url.PathEscape(name) }

func (s *Server) serveConnections(w http.ResponseWriter, v *visit) error {
	list, err := s.desk.Connections(v.Context())
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: "Connections", Nav: navConnections, Live: true}, connectionsPage(v, list))
}

func (s *Server) serveConnection(w http.ResponseWriter, v *visit) error {
	c, err := s.desk.Connection(v.Context(), v.PathValue("name"))
	if err != nil {
		return err
	}
	system, err := s.desk.System(c.System)
	if err != nil {
		system = desk.System{Name: c.System, Title: c.System} // of an Orderly that had its connector
	}
	return s.render(w, v, page{Title: c.Name, Nav: navConnections, Live: true}, connectionPage(v, c, system))
}

// connectionForm is a form for a connection, with what was typed and what is wrong with it.
type connectionForm struct {
	create   bool
	name     string
	system   desk.System
	values   map[string]string
	hidden   []string // names of settings that have a value which is never shown
	forget   []string
	why      string
	problems map[string]string
	report   *node.Report // of a test
}

// action is where the form is sent.
func (f *connectionForm) action() string {
	if f.create {
		return navConnections
	}
	return connectionAddress(f.name)
}

// isHidden says whether a setting has a stored value that is not shown.
func (f *connectionForm) isHidden(name string) bool { return slices.Contains(f.hidden, name) }

// value is what a setting's input shows.
func (f *connectionForm) value(s desk.Setting) string {
	if s.Secret {
		return ""
	}
	if value, given := f.values[s.Name]; given {
		return value
	}
	if f.isHidden(s.Name) {
		return ""
	}
	return s.Default
}

// some gives the settings that are folded away, or the others.
func (f *connectionForm) some(advanced bool) []desk.Setting {
	return slices.DeleteFunc(slices.Clone(f.system.Settings), func(s desk.Setting) bool { return s.Advanced != advanced })
}

// unfolded says whether the settings that few people need are shown at once.
func (f *connectionForm) unfolded() bool {
	return slices.ContainsFunc(f.some(true), func(s desk.Setting) bool {
		return f.problems[s.Name] != "" || f.isHidden(s.Name) || f.value(s) != s.Default
	})
}

// rest are problems that no field of the form can show.
func (f *connectionForm) rest() []string {
	known := []string{"name", "why"}
	for _, s := range f.system.Settings {
		known = append(known, s.Name)
	}
	return restOf(f.problems, known)
}

// restOf gives the problems of fields that are not among the known ones.
func restOf(problems map[string]string, known []string) []string {
	var out []string
	for field, text := range problems {
		if !slices.Contains(known, field) {
			out = append(out, strings.TrimPrefix(field+": "+text, ": "))
		}
	}
	slices.Sort(out)
	return out
}

// problemsOf gives what is wrong by field, when an error says so.
func problemsOf(err error) (map[string]string, bool) {
	list, ok := desk.Problems(err)
	if !ok {
		return nil, false
	}
	out := map[string]string{}
	for _, p := range list {
		if out[p.Field] != "" {
			out[p.Field] += "; "
		}
		out[p.Field] += p.Message
	}
	return out, true
}

func (s *Server) serveNewConnection(w http.ResponseWriter, v *visit) error {
	name := v.query("system")
	if name == "" {
		return s.render(w, v, page{Title: "New connection", Nav: navConnections}, systemsPage(v, s.desk.Systems()))
	}
	system, err := s.desk.System(name)
	if err != nil {
		return err
	}
	return s.showConnectionForm(w, v, http.StatusOK, &connectionForm{create: true, system: system})
}

func (s *Server) serveEditConnection(w http.ResponseWriter, v *visit) error {
	f, err := s.storedForm(v)
	if err != nil {
		return err
	}
	return s.showConnectionForm(w, v, http.StatusOK, f)
}

// storedForm is the form of a connection as it is stored.
func (s *Server) storedForm(v *visit) (*connectionForm, error) {
	c, err := s.desk.Connection(v.Context(), v.PathValue("name"))
	if err != nil {
		return nil, err
	}
	system, err := s.desk.System(c.System)
	if err != nil {
		return nil, err
	}
	return &connectionForm{name: c.Name, system: system, values: c.Values, hidden: c.Hidden}, nil
}

func (s *Server) showConnectionForm(w http.ResponseWriter, v *visit, status int, f *connectionForm) error {
	title := "Edit " + f.name
	if f.create {
		title = "New connection to " + f.system.Title
	}
	return s.write(w, v, status, s.layout(v, page{Title: title, Nav: navConnections}, connectionFormPage(v, f)))
}

func (s *Server) createConnection(w http.ResponseWriter, v *visit) error {
	system, err := s.desk.System(v.form("system"))
	if err != nil {
		return err
	}
	return s.takeConnection(w, v, &connectionForm{create: true, name: v.form("name"), system: system})
}

func (s *Server) changeConnection(w http.ResponseWriter, v *visit) error {
	f, err := s.storedForm(v)
	if err != nil {
		return err
	}
	return s.takeConnection(w, v, f)
}

// takeConnection tests or saves what was entered; with a mistake in it the form comes back.
func (s *Server) takeConnection(w http.ResponseWriter, v *visit, f *connectionForm) error {
	if err := v.ParseForm(); err != nil {
		return err
	}
	in := desk.ConnectionInput{Name: f.name, System: f.system.Name, Settings: map[string]string{}, Forget: v.PostForm["forget"], Why: v.form("why")}
	for _, setting := range f.system.Settings {
		name := "set." + setting.Name
		if setting.Type == connector.TypeBool {
			in.Settings[setting.Name] = fmt.Sprint(v.form(name) != "")
		} else if v.PostForm.Has(name) {
			in.Settings[setting.Name] = v.form(name)
		}
	}
	f.values, f.forget, f.why = in.Settings, in.Forget, in.Why
	refuse := func(err error) error {
		problems, ok := problemsOf(err)
		if !ok {
			return err
		}
		f.problems = problems
		return s.showConnectionForm(w, v, http.StatusUnprocessableEntity, f)
	}
	if v.form("do") == "test" {
		report, err := s.desk.TestConnection(v.Context(), in)
		if err != nil {
			return refuse(err)
		}
		f.report = &report
		return s.showConnectionForm(w, v, http.StatusOK, f)
	}
	if err := s.desk.SaveConnection(v.Context(), v.person, in, f.create); err != nil {
		return refuse(err)
	}
	notice := f.name + " is saved."
	if f.create {
		notice = f.name + " is connected. Next: a flow from or to it."
	}
	return s.done(w, v, connectionAddress(f.name), notice)
}

func (s *Server) checkConnection(w http.ResponseWriter, v *visit) error {
	name := v.PathValue("name")
	report, err := s.desk.CheckConnection(v.Context(), v.person, name)
	if err != nil {
		return err
	}
	notice := name + " answers."
	if !report.OK {
		notice = "The check of " + name + " has found something."
	}
	return s.done(w, v, connectionAddress(name), notice)
}

func (s *Server) repairWebhooks(w http.ResponseWriter, v *visit) error {
	name := v.PathValue("name")
	list, err := s.desk.RepairWebhooks(v.Context(), v.person, name)
	if err != nil {
		return withBack(s, v, err, connectionAddress(name))
	}
	active := 0
	for _, one := range list {
		if one.State == connector.SubscriptionActive {
			active++
		}
	}
	return s.done(w, v, connectionAddress(name), fmt.Sprintf("%d of %d webhook subscriptions are active.", active, len(list)))
}

// withBack has the page of an error lead back to where the person came from.
func withBack(s *Server, v *visit, err error, to string) error {
	p := *s.explain(v.Context(), err)
	p.back = to
	return &p
}

func (s *Server) pauseConnection(w http.ResponseWriter, v *visit) error {
	name, paused := v.PathValue("name"), v.form("do") == "pause"
	if err := s.desk.PauseConnection(v.Context(), v.person, name, paused, v.form("why")); err != nil {
		return withBack(s, v, err, connectionAddress(name))
	}
	if paused {
		return s.done(w, v, connectionAddress(name), name+" is paused. Webhooks are still taken; what is to do waits.")
	}
	return s.done(w, v, connectionAddress(name), name+" goes on.")
}

func (s *Server) removeConnection(w http.ResponseWriter, v *visit) error {
	name := v.PathValue("name")
	kept, err := s.desk.RemoveConnection(v.Context(), v.person, name, v.form("why"))
	if err != nil {
		return withBack(s, v, err, connectionAddress(name))
	}
	if kept {
		return s.done(w, v, navConnections, name+" is removed. It is called no more; what it has carried stays in Orders.")
	}
	return s.done(w, v, navConnections, name+" is removed.")
}

// groups are the headings under which systems are chosen.
var groups = []struct {
	group       connector.Group
	title, text string
}{
	{connector.GroupShop, "Shops", "where orders come from"},
	{connector.GroupCRM, "CRMs", "where customers and won deals come from"},
	{connector.GroupERP, "ERPs", "where orders and customers are delivered to"},
}

func systemsIn(systems []desk.System, group connector.Group) []desk.System {
	return slices.DeleteFunc(slices.Clone(systems), func(s desk.System) bool { return s.Group != group })
}

// rolesText says what a system can be.
func rolesText(source, destination bool) string {
	switch {
	case source && destination:
		return "source and destination"
	case source:
		return "source"
	}
	return "destination"
}

// breakerTone and breakerText tell of a circuit breaker.
func breakerTone(g *httpx.State) string {
	switch g.Breaker {
	case "closed":
		return "good"
	case "open":
		return "bad"
	}
	return "warn"
}

func breakerText(g *httpx.State) string {
	switch g.Breaker {
	case "closed":
		return "calls go through"
	case "open":
		return "stopped"
	}
	return "trying whether it is back"
}

// limitsText says what the vendor left of its limit.
func limitsText(g *httpx.State) string {
	if g == nil || g.Limits == nil {
		return "–"
	}
	if g.Limits.Max > 0 {
		return whole(g.Limits.Left) + " of " + whole(g.Limits.Max)
	}
	return whole(g.Limits.Left)
}

// paceText says how fast a connection may be called now.
func paceText(g *httpx.State) string {
	text := plural(g.Concurrency, "request at once", "requests at once")
	if g.RatePerSecond > 0 {
		text += fmt.Sprintf(", %.3g a second", g.RatePerSecond)
	}
	if g.Share < 1 {
		text += fmt.Sprintf(" (%.0f %% of its budget, after refusals)", g.Share*100)
	}
	return text
}

// subscriptionTone is how good the state of a subscription is.
func subscriptionTone(state connector.SubscriptionState) string {
	switch state {
	case connector.SubscriptionActive:
		return "good"
	case connector.SubscriptionMissing:
		return "bad"
	}
	return "warn"
}

// findingTone is how bad a finding is.
func findingTone(f connector.Finding) string {
	if f.Level == "error" {
		return "bad"
	}
	return "warn"
}

// suggestedName suggests a name for a connection of a system.
func suggestedName(system desk.System) string {
	name := strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			return r
		}
		return -1
	}, strings.ToLower(system.Name))
	return name[:min(len(name), 20)]
}

// inputType is the type of a setting's input.
func inputType(s desk.Setting) string {
	switch {
	case s.Secret:
		return "password"
	case s.Name == "base_url":
		return "url"
	}
	return "text"
}

// inputMode helps the keyboards of phones.
func inputMode(s desk.Setting) string {
	switch s.Type {
	case connector.TypeInt:
		return "numeric"
	case connector.TypeNumber:
		return "decimal"
	}
	return ""
}

// typeHelp says how values of a type are written.
func typeHelp(t connector.SettingType) string {
	switch t {
	case connector.TypeDuration:
		return "A span of time such as 30s, 10m or 1h."
	case connector.TypeList:
		return "Several are separated by commas."
	}
	return ""
}

// settingHelp is the text below a setting.
func settingHelp(s desk.Setting) string {
	text := sentence(s.Help)
	if more := typeHelp(s.Type); more != "" {
		text += " " + more
	}
	if s.Default != "" && s.Type != connector.TypeBool && len(s.Allowed) == 0 {
		text += " Default: " + s.Default + "."
	}
	return text
}

// sentence begins a text with a capital and ends it with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	r := []rune(text)
	if next := string(r[1:min(2, len(r))]); strings.ToUpper(next) != next { // not an abbreviation such as URL or a name such as iX
		text = strings.ToUpper(string(r[:1])) + string(r[1:])
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// yesNo writes a truth value that may be unknown.
func yesNo(value *bool) string {
	switch {
	case value == nil:
		return ""
	case *value:
		return "yes"
	}
	return "no"
}

// connectionWord says how a connection stands in a word.
func connectionWord(h desk.ConnectionHealth) string {
	switch {
	case h.Paused:
		return "paused"
	case h.Tone == desk.Good:
		return "signed in"
	case h.Tone == desk.Bad && h.Gate != nil && h.Gate.Breaker == "open":
		return "down"
	case h.Tone == desk.Bad:
		return "not signed in"
	}
	return toneWord(h.Tone)
}

// reportWord begins the telling of a check that has failed.
func reportWord(r *node.Report) string {
	switch r.Kind {
	case connector.KindAuth:
		return "Not signed in:"
	case connector.KindForbidden:
		return "A right is missing:"
	case connector.KindUnavailable:
		return "It does not answer:"
	case connector.KindRateLimited:
		return "Its limit is used up:"
	}
	return "It does not work:"
}

// withoutFix is the error of a check without what to do about it, which is shown apart.
func withoutFix(r *node.Report) string { return strings.TrimSuffix(r.Error, "; "+r.Fix) }

func formTitle(f *connectionForm) string {
	if f.create {
		return "Connect " + f.system.Title
	}
	return "Edit " + f.name
}

// placeholder is what an empty input shows.
func placeholder(f *connectionForm, s desk.Setting) string {
	if f.isHidden(s.Name) {
		return "stored; leave empty to keep it"
	}
	return s.Example
}

func hasText(list []string, text string) bool { return slices.Contains(list, text) }

// digits is a number as an attribute has it.
func digits(n int) string { return strconv.Itoa(n) }
