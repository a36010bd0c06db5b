package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/money"
)

func (s *Server) flowsRoutes() []route {
	return []route{
		{pattern: "GET /flows", need: people.Viewer, serve: s.serveFlows},
		{pattern: "GET /flows/new", need: people.Admin, serve: s.serveNewFlow},
		{pattern: "POST /flows", need: people.Admin, serve: s.createFlow},
		{pattern: "GET /flows/{name}", need: people.Viewer, serve: s.serveFlow},
		{pattern: "GET /flows/{name}/edit", need: people.Admin, serve: s.serveEditFlow},
		{pattern: "POST /flows/{name}", need: people.Admin, serve: s.changeFlow},
		{pattern: "POST /flows/{name}/pause", need: people.Operator, serve: s.pauseFlow},
		{pattern: "POST /flows/{name}/remove", need: people.Admin, serve: s.removeFlow},
		{pattern: "POST /flow-preview", need: people.Admin, serve: s.previewFlow},
		{pattern: "GET /code", need: people.Viewer, serve: s.serveCode},
		{pattern: "GET /code/orderly.yaml", need: people.Viewer, serve: s.downloadCode},
	}
}

const navFlows = "/flows"

func flowAddress(name string) string { return "/flows/" + url.PathEscape(name) }

func (s *Server) serveFlows(w http.ResponseWriter, v *visit) error {
	list, err := s.desk.Flows(v.Context())
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: "Flows", Nav: navFlows, Live: true}, flowsPage(v, list))
}

func (s *Server) serveFlow(w http.ResponseWriter, v *visit) error {
	f, err := s.desk.Flow(v.Context(), v.PathValue("name"))
	if err != nil {
		return err
	}
	runs, err := s.nextRuns(f.Config.Triggers.Schedule)
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: f.Name, Nav: navFlows, Live: true}, flowPage(v, f, runs))
}

// nextRuns gives the coming runs of a schedule that is in order.
func (s *Server) nextRuns(schedule string) ([]time.Time, error) {
	runs, err := s.desk.NextRuns(schedule)
	if _, wrong := desk.Problems(err); wrong {
		return nil, nil
	}
	return runs, err
}

// flowForm is a form for a flow, with what was typed and what is wrong with it.
type flowForm struct {
	create   bool
	in       desk.FlowInput
	values   map[string][]string // by path, as they are shown
	problems map[string]string
	warnings []string
	help     map[string]string
	allowed  map[string][]string
	from, to []desk.Connection
	runs     []time.Time // the next ones of the schedule
}

func (f *flowForm) action() string {
	if f.create {
		return navFlows
	}
	return flowAddress(f.in.Name)
}

func (f *flowForm) value(path string) string {
	if values := f.values[path]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (f *flowForm) has(path, value string) bool { return slices.Contains(f.values[path], value) }

// rest are problems that no field of the form can show.
func (f *flowForm) rest() []string {
	known := []string{"name", "from", "to", "why"}
	for _, g := range flowGroups {
		for _, one := range g.fields {
			known = append(known, one.path)
		}
	}
	return restOf(f.problems, known)
}

// flowInput is how a value of a flow is entered.
type flowInput string

const (
	inputCheck  flowInput = "check"  // a truth value
	inputChecks flowInput = "checks" // some of the allowed values
	inputSelect flowInput = "select" // one of the allowed values
	inputText   flowInput = "text"
	inputCode   flowInput = "code"
	inputNumber flowInput = "number"
)

// flowField is a field of the form of a flow.
type flowField struct {
	path, label string
	input       flowInput
	example     string
}

// flowGroups are the fields of the form, in the order of an order's way.
var flowGroups = []struct {
	title  string
	fields []flowField
}{
	{"What is carried, and when", []flowField{
		{"records", "Records", inputChecks, ""},
		{"triggers.webhook", "Webhooks", inputCheck, ""},
		{"triggers.schedule", "Schedule", inputText, "10m"},
		{"since", "Since", inputText, "2026-01-31"},
		{"filter", "Filter", inputCode, "order.totals.payable.amount > 0"},
		{"orders.payment_states", "Payment states", inputChecks, ""},
	}},
	{"Customers", []flowField{
		{"customers.match", "Found by", inputChecks, ""},
		{"customers.create", "Make customers", inputCheck, ""},
		{"customers.update", "Update customers", inputCheck, ""},
		{"customers.guests", "Guests", inputSelect, ""},
		{"customers.guest_account", "Guest account", inputText, "C20000"},
	}},
	{"Orders", []flowField{
		{"orders.confirm", "Confirm", inputCheck, ""},
		{"orders.invoice", "Invoice", inputSelect, ""},
		{"orders.edits", "Later changes", inputSelect, ""},
		{"orders.cancellations", "Cancellations", inputSelect, ""},
		{"orders.write_back", "Write back", inputCheck, ""},
		{"orders.tolerance", "Tolerance", inputText, "0.05"},
		{"orders.attempts", "Attempts", inputNumber, "12"},
	}},
}

// flowValues are the values of a flow as its form shows them.
func flowValues(c flow.Config) map[string][]string {
	tolerance := ""
	if c.Orders.Tolerance != nil {
		tolerance = c.Orders.Tolerance.String()
	}
	return map[string][]string{
		"records":                 textsOf(c.Records),
		"triggers.webhook":        checked(c.Triggers.Webhook),
		"triggers.schedule":       {c.Triggers.Schedule},
		"since":                   {c.Since},
		"filter":                  {c.Filter},
		"customers.match":         textsOf(c.Customers.Match),
		"customers.guests":        {string(c.Customers.Guests)},
		"customers.guest_account": {c.Customers.GuestAccount},
		"customers.create":        checked(c.Customers.Create),
		"customers.update":        checked(c.Customers.Update),
		"orders.payment_states":   textsOf(c.Orders.PaymentStates),
		"orders.confirm":          checked(c.Orders.Confirm),
		"orders.invoice":          {string(c.Orders.Invoice)},
		"orders.edits":            {string(c.Orders.Edits)},
		"orders.cancellations":    {string(c.Orders.Cancellations)},
		"orders.tolerance":        {tolerance},
		"orders.write_back":       checked(c.Orders.WriteBack),
		"orders.attempts":         {strconv.Itoa(c.Orders.Attempts)},
	}
}

func textsOf[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = string(value)
	}
	return out
}

func checked(value bool) []string {
	if value {
		return []string{"true"}
	}
	return nil
}

// readFlow reads a configuration from what was entered. What the form does not have stays as it is in
// present. Values that cannot be read are told in problems.
func readFlow(values map[string][]string, present flow.Config) (c flow.Config, problems map[string]string) {
	problems = map[string]string{}
	one := func(path string) string {
		if list := values[path]; len(list) > 0 {
			return list[0]
		}
		return ""
	}
	is := func(path string) bool { return one(path) == "true" }
	c = present
	c.Records = valuesOf[commerce.Kind](values["records"])
	c.Triggers = flow.Triggers{Webhook: is("triggers.webhook"), Schedule: one("triggers.schedule")}
	if c.Triggers.Schedule == "" {
		c.Triggers.Schedule = flow.ScheduleOff
	}
	c.Since, c.Filter = one("since"), one("filter")
	// An order of rules of somebody's own is kept as long as the rules are the same.
	if match := valuesOf[connector.MatchRule](values["customers.match"]); !sameSet(match, present.Customers.Match) {
		c.Customers.Match = match
	}
	c.Customers.Guests, c.Customers.GuestAccount = flow.GuestPolicy(one("customers.guests")), one("customers.guest_account")
	c.Customers.Create, c.Customers.Update = is("customers.create"), is("customers.update")
	c.Orders.PaymentStates = valuesOf[commerce.PaymentState](values["orders.payment_states"])
	c.Orders.Confirm, c.Orders.WriteBack = is("orders.confirm"), is("orders.write_back")
	c.Orders.Invoice = flow.InvoicePolicy(one("orders.invoice"))
	c.Orders.Edits, c.Orders.Cancellations = flow.Reaction(one("orders.edits")), flow.Reaction(one("orders.cancellations"))
	c.Orders.Tolerance = nil
	if text := one("orders.tolerance"); text != "" {
		number, err := money.ParseDecimal(text)
		if err != nil {
			problems["orders.tolerance"] = fmt.Sprintf("%q is no number; write one such as 0.05", text)
		} else {
			c.Orders.Tolerance = &number
		}
	}
	number, err := strconv.Atoi(one("orders.attempts"))
	if err != nil {
		problems["orders.attempts"] = fmt.Sprintf("%q is no whole number; write one from 1 to 100", one("orders.attempts"))
		number = 1
	}
	c.Orders.Attempts = number
	return c, problems
}

func valuesOf[T ~string](texts []string) []T {
	var out []T
	for _, text := range texts {
		out = append(out, T(text))
	}
	return out
}

func sameSet[T comparable](a, b []T) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(one T) bool { return !slices.Contains(b, one) })
}

// newFlowForm makes a form with what the desk knows of its fields.
func (s *Server) newFlowForm(v *visit, in desk.FlowInput, create bool) (*flowForm, error) {
	f := &flowForm{create: create, in: in, values: flowValues(in.Config), help: map[string]string{}, allowed: map[string][]string{}}
	for _, one := range s.desk.FlowFields() {
		f.help[one.Path], f.allowed[one.Path] = one.Help, one.Allowed
	}
	var err error
	if f.from, f.to, err = s.desk.Ends(v.Context()); err != nil {
		return nil, err
	}
	f.runs, err = s.nextRuns(in.Config.Triggers.Schedule)
	return f, err
}

func (s *Server) showFlowForm(w http.ResponseWriter, v *visit, status int, f *flowForm) error {
	title := "Edit " + f.in.Name
	if f.create {
		title = "New flow"
	}
	return s.write(w, v, status, s.layout(v, page{Title: title, Nav: navFlows}, flowFormPage(v, f)))
}

func (s *Server) serveNewFlow(w http.ResponseWriter, v *visit) error {
	in := desk.FlowInput{From: v.query("from"), To: v.query("to"), Config: flow.NewConfig()}
	f, err := s.newFlowForm(v, in, true)
	if err != nil {
		return err
	}
	// What there is only one of is chosen already.
	if f.in.From == "" && len(f.from) > 0 && firstShop(f.from) != "" {
		f.in.From = firstShop(f.from)
	}
	if f.in.To == "" && len(f.to) == 1 {
		f.in.To = f.to[0].Name
	}
	if f.in.From != "" && f.in.To != "" {
		f.in.Name = strings.ReplaceAll(f.in.From+"-to-"+f.in.To, "_", "-")
	}
	return s.showFlowForm(w, v, http.StatusOK, f)
}

// firstShop is the only connection that can be nothing but a source; "" when there are several or none.
func firstShop(from []desk.Connection) string {
	name := ""
	for _, c := range from {
		if c.Destination {
			continue
		}
		if name != "" {
			return ""
		}
		name = c.Name
	}
	return name
}

func (s *Server) serveEditFlow(w http.ResponseWriter, v *visit) error {
	present, err := s.desk.Flow(v.Context(), v.PathValue("name"))
	if err != nil {
		return err
	}
	f, err := s.newFlowForm(v, desk.FlowInput{Name: present.Name, From: present.From, To: present.To, Config: present.Config}, false)
	if err != nil {
		return err
	}
	return s.showFlowForm(w, v, http.StatusOK, f)
}

// enteredFlow is the form with what was typed.
func (s *Server) enteredFlow(v *visit, name string, create bool) (*flowForm, error) {
	if err := v.ParseForm(); err != nil {
		return nil, err
	}
	present := flow.NewConfig()
	if !create {
		stored, err := s.desk.Flow(v.Context(), name)
		if err != nil {
			return nil, err
		}
		present = stored.Config
	}
	values := map[string][]string{}
	for _, g := range flowGroups {
		for _, one := range g.fields {
			for _, text := range v.PostForm[one.path] {
				values[one.path] = append(values[one.path], strings.TrimSpace(text))
			}
		}
	}
	config, problems := readFlow(values, present)
	f, err := s.newFlowForm(v, desk.FlowInput{Name: name, From: v.form("from"), To: v.form("to"), Config: config, Why: v.form("why")}, create)
	if err != nil {
		return nil, err
	}
	f.values, f.problems = values, problems
	return f, nil
}

// add adds problems to those that were found while reading; it fails with an error that is about
// something else.
func (f *flowForm) add(err error) error {
	if err == nil {
		return nil
	}
	problems, ok := problemsOf(err)
	if !ok {
		return err
	}
	for path, text := range problems {
		if f.problems[path] == "" {
			f.problems[path] = text
		}
	}
	return nil
}

// previewFlow says what is wrong with a flow while it is being entered, and when it would run.
func (s *Server) previewFlow(w http.ResponseWriter, v *visit) error {
	create := v.form("create") != ""
	f, err := s.enteredFlow(v, v.form("name"), create)
	if err != nil {
		return err
	}
	if f.warnings, err = s.desk.CheckFlow(v.Context(), f.in, create); f.add(err) != nil {
		return err
	}
	return s.write(w, v, http.StatusOK, flowPreview(v, f))
}

func (s *Server) createFlow(w http.ResponseWriter, v *visit) error {
	return s.takeFlow(w, v, v.form("name"), true)
}

func (s *Server) changeFlow(w http.ResponseWriter, v *visit) error {
	return s.takeFlow(w, v, v.PathValue("name"), false)
}

// takeFlow saves what was entered; with a mistake in it the form comes back.
func (s *Server) takeFlow(w http.ResponseWriter, v *visit, name string, create bool) error {
	f, err := s.enteredFlow(v, name, create)
	if err != nil {
		return err
	}
	if len(f.problems) > 0 {
		if _, err := s.desk.CheckFlow(v.Context(), f.in, create); f.add(err) != nil {
			return err
		}
		return s.showFlowForm(w, v, http.StatusUnprocessableEntity, f)
	}
	warnings, err := s.desk.SaveFlow(v.Context(), v.person, f.in, create)
	if err != nil {
		if err := f.add(err); err != nil {
			return err
		}
		return s.showFlowForm(w, v, http.StatusUnprocessableEntity, f)
	}
	notice := name + " is saved and at work."
	if len(warnings) > 0 {
		notice += " Look at this: " + strings.Join(warnings, "; ") + "."
	}
	return s.done(w, v, flowAddress(name), notice)
}

func (s *Server) pauseFlow(w http.ResponseWriter, v *visit) error {
	name, paused := v.PathValue("name"), v.form("do") == "pause"
	if err := s.desk.PauseFlow(v.Context(), v.person, name, paused, v.form("why")); err != nil {
		return withBack(s, v, err, flowAddress(name))
	}
	if paused {
		return s.done(w, v, flowAddress(name), name+" is paused. Its orders are taken and wait.")
	}
	return s.done(w, v, flowAddress(name), name+" goes on.")
}

func (s *Server) removeFlow(w http.ResponseWriter, v *visit) error {
	name := v.PathValue("name")
	kept, err := s.desk.RemoveFlow(v.Context(), v.person, name, v.form("why"))
	if err != nil {
		return withBack(s, v, err, flowAddress(name))
	}
	if kept {
		return s.done(w, v, navFlows, name+" is removed. What it has carried stays in Orders.")
	}
	return s.done(w, v, navFlows, name+" is removed.")
}

func (s *Server) serveCode(w http.ResponseWriter, v *visit) error {
	text, err := s.desk.ExportYAML(v.Context())
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: "Configuration as code", Nav: navFlows}, codePage(v, string(text)))
}

func (s *Server) downloadCode(w http.ResponseWriter, v *visit) error {
	text, err := s.desk.ExportYAML(v.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="orderly.yaml"`)
	_, err = w.Write(text)
	return ignoreGone(err)
}

// Words for the values of a flow, where the value itself is not enough.
var flowWords = map[string]string{
	"order": "orders", "customer": "customers", "by_email": "one customer for an e-mail address", "per_order": "one customer for each order",
	"one_account": "all on one account", "never": "never", "paid": "when the order is paid", "always": "always",
	"apply": "carry it out in the ERP", "hold": "ask a person", "ignore": "leave the document as it is",
	"external_id": "Orderly's key", "tax_id": "tax number", "email": "e-mail address", "phone_and_name": "telephone number and name",
	"company_and_postcode": "company and postal code", "partially_paid": "partly paid", "partially_refunded": "partly refunded",
}

// flowWord writes an allowed value as people say it. The invoice's "paid" is not the payment's.
func flowWord(path, value string) string {
	if path == "orders.payment_states" && value == "paid" {
		return value
	}
	if word, ok := flowWords[value]; ok {
		return word
	}
	return strings.ReplaceAll(value, "_", " ")
}

// flowOption is an allowed value in a list of a form: with the word of orderly.yaml, which the help has.
func flowOption(path, value string) string {
	word := flowWord(path, value)
	if word == value {
		return value
	}
	return word + " (" + value + ")"
}

// triggersText says what sets a flow off.
func triggersText(c flow.Config) string {
	var parts []string
	if c.Triggers.Webhook {
		parts = append(parts, "webhooks")
	}
	if schedule := scheduleText(c.Triggers.Schedule); schedule != "" {
		parts = append(parts, schedule)
	}
	if len(parts) == 0 {
		return "by hand alone"
	}
	return strings.Join(parts, ", ")
}

func scheduleText(schedule string) string {
	if schedule == "" || schedule == flow.ScheduleOff {
		return ""
	}
	if _, err := time.ParseDuration(schedule); err == nil {
		return "every " + schedule
	}
	return "cron " + schedule
}

func recordsText(c flow.Config) string {
	var words []string
	for _, kind := range c.Records {
		words = append(words, flowWord("records", string(kind)))
	}
	return strings.Join(words, ", ")
}

// flowTone and flowState say how a flow stands.
func flowTone(f desk.Flow) string {
	switch {
	case f.Problem != "":
		return "bad"
	case f.Paused:
		return "warn"
	}
	return "good"
}

func flowState(f desk.Flow) string {
	switch {
	case f.Problem != "":
		return "does not run"
	case f.Paused:
		return "paused"
	}
	return "at work"
}

// flowRows are the values of a flow as its page lists them, those that are empty left out.
func flowRows(c flow.Config) [][2]string {
	values := flowValues(c)
	var rows [][2]string
	for _, g := range flowGroups {
		for _, one := range g.fields {
			words := slices.Clone(values[one.path])
			for i, word := range words {
				if one.input == inputChecks || one.input == inputSelect {
					words[i] = flowWord(one.path, word)
				}
			}
			text := strings.Join(words, ", ")
			if one.input == inputCheck {
				text = "no"
				if len(words) > 0 {
					text = "yes"
				}
			}
			if text != "" {
				rows = append(rows, [2]string{one.label, text})
			}
		}
	}
	return rows
}

// hasMapping says whether a flow has rules of its own.
func hasMapping(c flow.Config) bool {
	m := c.Mapping
	return len(m.Items)+len(m.Taxes)+len(m.Payments)+len(m.Terms)+len(m.Shipping)+len(m.Charges)+len(m.Warehouses)+len(m.OrderFields)+len(m.CustomerFields) > 0
}

func flowFormTitle(f *flowForm) string {
	if f.create {
		return "New flow"
	}
	return "Edit " + f.in.Name
}

// flowBack is where a form is left to.
func flowBack(f *flowForm) string {
	if f.create {
		return navFlows
	}
	return flowAddress(f.in.Name)
}

// told are the problems of the form with the labels of their fields, in the order of the form.
func (f *flowForm) told() [][2]string {
	var out [][2]string
	add := func(path, label string) {
		if text := f.problems[path]; text != "" {
			out = append(out, [2]string{label, text})
		}
	}
	add("name", "Name")
	add("from", "From")
	add("to", "To")
	for _, g := range flowGroups {
		for _, one := range g.fields {
			add(one.path, one.label)
		}
	}
	for _, text := range f.rest() {
		out = append(out, [2]string{"Flow", text})
	}
	return out
}
