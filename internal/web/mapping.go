package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/people"
)

func (s *Server) mappingRoutes() []route {
	return []route{
		{pattern: "GET /mapping", need: people.Viewer, serve: s.serveMapping},
		{pattern: "POST /mapping/preview", need: people.Operator, serve: s.previewMapping},
		{pattern: "POST /mapping/compare", need: people.Operator, serve: s.compareMapping},
		{pattern: "POST /mapping/plan", need: people.Admin, serve: s.planMapping},
		{pattern: "POST /mapping/save", need: people.Admin, serve: s.saveMapping},
		{pattern: "POST /mapping/undo", need: people.Admin, serve: s.undoMapping},
	}
}

// ruleRow is a field of the ERP and the expression that gives it.
type ruleRow struct{ name, expression string }

// rulesForm is the rules as a person has typed them.
type rulesForm struct {
	flow     string
	number   string // of the order that they are tried on
	rules    desk.Rules
	order    []ruleRow
	customer []ruleRow
	problems map[string]desk.RuleProblem // by path
}

// moreRules is how many empty rows for rules there are at the end.
const moreRules = 2

func mappingAddress(flow string) string { return "/mapping?flow=" + url.QueryEscape(flow) }

// formOf shows rules in a form.
func formOf(flowName, number string, rules desk.Rules) rulesForm {
	f := rulesForm{flow: flowName, number: number, rules: rules}
	f.order, f.customer = ruleRows(rules.OrderFields), ruleRows(rules.CustomerFields)
	return f
}

func ruleRows(fields map[string]string) []ruleRow {
	var rows []ruleRow
	for name, text := range fields {
		rows = append(rows, ruleRow{name, text})
	}
	slices.SortFunc(rows, func(a, b ruleRow) int { return strings.Compare(a.name, b.name) })
	return rows
}

// rulesForm reads the form. What cannot be told apart, such as two rules of one field, is a problem.
func (v *visit) rulesForm() rulesForm {
	f := rulesForm{flow: v.form("flow"), number: v.form("number"), problems: map[string]desk.RuleProblem{}}
	f.rules = desk.Rules{
		Filter: v.form("filter"), Confirm: v.form("confirm") != "", Invoice: flow.InvoicePolicy(v.form("invoice")), Edits: flow.Reaction(v.form("edits")),
		Cancellations: flow.Reaction(v.form("cancellations")), Tolerance: v.form("tolerance"), Guests: flow.GuestPolicy(v.form("guests")),
		GuestAccount: v.form("guest_account"), CreateMissing: v.form("create") != "",
	}
	for _, state := range v.PostForm["payment_state"] {
		f.rules.PaymentStates = append(f.rules.PaymentStates, commerce.PaymentState(state))
	}
	f.order, f.rules.OrderFields = v.ruleRows(&f, "order", "mapping.order_fields.")
	f.customer, f.rules.CustomerFields = v.ruleRows(&f, "customer", "mapping.customer_fields.")
	return f
}

// ruleRows reads rows of rules; a row without an expression is removed.
func (v *visit) ruleRows(f *rulesForm, kind, path string) ([]ruleRow, map[string]string) {
	names, texts := v.PostForm[kind+"_name"], v.PostForm[kind+"_expression"]
	var rows []ruleRow
	fields := map[string]string{}
	for i, name := range names {
		name = strings.TrimSpace(name)
		if i >= len(texts) || (name == "" && strings.TrimSpace(texts[i]) == "") {
			continue
		}
		text := strings.TrimSpace(strings.ReplaceAll(texts[i], "\r\n", "\n"))
		rows = append(rows, ruleRow{name, text})
		if _, twice := fields[name]; twice {
			f.problems[path+name] = desk.RuleProblem{Path: path + name, Message: "there are two rules for this field; keep one"}
		}
		if text != "" {
			fields[name] = text
		}
	}
	return rows, fields
}

// add takes problems over from the desk.
func (f *rulesForm) add(problems []desk.RuleProblem) {
	if f.problems == nil {
		f.problems = map[string]desk.RuleProblem{}
	}
	for _, p := range problems {
		if _, known := f.problems[p.Path]; !known {
			f.problems[p.Path] = p
		}
	}
}

// values are the form's fields, to be sent on from a page that does not show them.
func (f rulesForm) values() []ruleRow {
	out := []ruleRow{
		{"flow", f.flow}, {"number", f.number}, {"filter", f.rules.Filter}, {"invoice", string(f.rules.Invoice)}, {"edits", string(f.rules.Edits)},
		{"cancellations", string(f.rules.Cancellations)}, {"tolerance", f.rules.Tolerance}, {"guests", string(f.rules.Guests)}, {"guest_account", f.rules.GuestAccount},
	}
	if f.rules.Confirm {
		out = append(out, ruleRow{"confirm", "yes"})
	}
	if f.rules.CreateMissing {
		out = append(out, ruleRow{"create", "yes"})
	}
	for _, state := range f.rules.PaymentStates {
		out = append(out, ruleRow{"payment_state", string(state)})
	}
	for _, r := range f.order {
		out = append(out, ruleRow{"order_name", r.name}, ruleRow{"order_expression", r.expression})
	}
	for _, r := range f.customer {
		out = append(out, ruleRow{"customer_name", r.name}, ruleRow{"customer_expression", r.expression})
	}
	return out
}

func (s *Server) serveMapping(w http.ResponseWriter, v *visit) error {
	view, err := s.desk.Rules(v.Context(), v.query("flow"))
	if err != nil {
		return err
	}
	if view.Flow == "" {
		return s.render(w, v, page{Title: "Mapping", Nav: "/mapping"}, mappingEmpty())
	}
	return s.showMapping(w, v, http.StatusOK, view, formOf(view.Flow, v.query("order"), view.Rules))
}

// showMapping shows the editor with what the rules make of an order.
func (s *Server) showMapping(w http.ResponseWriter, v *visit, status int, view *desk.RulesView, form rulesForm) error {
	preview, err := s.desk.PreviewRules(v.Context(), form.flow, form.rules, form.number)
	if input, ok := errors.AsType[*desk.InputError](err); ok {
		preview, err = &desk.RulesPreview{Failed: input.Message}, nil
	}
	if err != nil {
		return err
	}
	form.add(preview.Problems)
	if v.isFragment() {
		return s.write(w, v, status, mappingEditor(v, view, form, preview))
	}
	return s.write(w, v, status, s.layout(v, page{Title: "Mapping", Nav: "/mapping"}, mappingPage(v, view, form, preview)))
}

// typedRules reads the form and the flow that it is about.
func (s *Server) typedRules(v *visit) (*desk.RulesView, rulesForm, error) {
	form := v.rulesForm()
	if form.flow == "" {
		return nil, form, &desk.NotFoundError{Text: "The form names no flow."}
	}
	view, err := s.desk.Rules(v.Context(), form.flow)
	return view, form, err
}

func (s *Server) previewMapping(w http.ResponseWriter, v *visit) error {
	view, form, err := s.typedRules(v)
	if err != nil {
		return err
	}
	return s.showMapping(w, v, http.StatusOK, view, form)
}

// planMapping shows what saving would change, and asks why.
func (s *Server) planMapping(w http.ResponseWriter, v *visit) error {
	view, form, err := s.typedRules(v)
	if err != nil {
		return err
	}
	return s.showPlan(w, v, view, form, "")
}

func (s *Server) showPlan(w http.ResponseWriter, v *visit, view *desk.RulesView, form rulesForm, wrong string) error {
	plan, err := s.desk.PlanRules(v.Context(), form.flow, form.rules)
	if mistakes, ok := errors.AsType[*desk.RulesError](err); ok || len(form.problems) > 0 {
		if ok {
			form.add(mistakes.Problems)
		}
		return s.showMapping(w, v, http.StatusUnprocessableEntity, view, form)
	}
	if err != nil {
		return err
	}
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusUnprocessableEntity
	}
	return s.write(w, v, status, s.layout(v, page{Title: "Save the mapping", Nav: "/mapping"}, mappingPlan(form, plan, wrong)))
}

func (s *Server) saveMapping(w http.ResponseWriter, v *visit) error {
	view, form, err := s.typedRules(v)
	if err != nil {
		return err
	}
	why := v.form("why")
	if why == "" || len(form.problems) > 0 {
		return s.showPlan(w, v, view, form, "Say why: it stands in the history and the audit.")
	}
	err = s.desk.SaveRules(v.Context(), v.person, form.flow, form.rules, why)
	if mistakes, ok := errors.AsType[*desk.RulesError](err); ok {
		form.add(mistakes.Problems)
		return s.showMapping(w, v, http.StatusUnprocessableEntity, view, form)
	}
	if err != nil {
		return err
	}
	return s.done(w, v, mappingAddress(form.flow), "Saved. Orders that come or are retried from now on follow the new rules.")
}

func (s *Server) undoMapping(w http.ResponseWriter, v *visit) error {
	flowName := v.form("flow")
	if err := s.desk.UndoRules(v.Context(), v.person, flowName, v.form("why")); err != nil {
		return err
	}
	return s.done(w, v, mappingAddress(flowName), "The last change is undone, as a change of its own.")
}

// compareEvery is how often the page of a comparison is told how far it is.
const compareEvery = 300 * time.Millisecond

// compareMapping compares the rules with the present ones over the last orders. The page grows while that
// goes on, and it ends when the reader leaves.
func (s *Server) compareMapping(w http.ResponseWriter, v *visit) error {
	view, form, err := s.typedRules(v)
	if err != nil {
		return err
	}
	if _, err := s.desk.PlanRules(v.Context(), form.flow, form.rules); err != nil || len(form.problems) > 0 {
		mistakes, ok := errors.AsType[*desk.RulesError](err)
		if err != nil && !ok {
			return err
		}
		if ok {
			form.add(mistakes.Problems)
		}
		return s.showMapping(w, v, http.StatusUnprocessableEntity, view, form)
	}
	orders, _ := strconv.Atoi(v.form("orders")) // what is no number is the default
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // so that nginx passes progress on at once
	control := http.NewResponseController(w)
	body := templ.ComponentFunc(func(ctx context.Context, out io.Writer) error {
		ctx = templ.ClearChildren(ctx)
		tell := func(c templ.Component) error {
			if err := control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
			if err := c.Render(ctx, out); err != nil {
				return err
			}
			return templ.Flush().Render(ctx, out)
		}
		if err := tell(compareHead(form)); err != nil {
			return err
		}
		next := time.Now()
		result, err := s.desk.CompareRules(ctx, form.flow, form.rules, orders, func(done, of int) error {
			if time.Now().Before(next) && done < of {
				return nil
			}
			next = time.Now().Add(compareEvery)
			return tell(compareStep(done, of))
		})
		if err != nil {
			result = &desk.RulesComparison{Failed: s.explain(ctx, err).text}
		}
		return tell(compareResult(v, form, result))
	})
	return ignoreGone(s.layout(v, page{Title: "What would change", Nav: "/mapping"}, body).Render(v.Context(), w))
}

// problemText says what is wrong with a rule and where.
func problemText(p desk.RuleProblem) string {
	if p.Column == 0 {
		return p.Message
	}
	if p.Line > 1 {
		return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Message)
	}
	return fmt.Sprintf("column %d: %s", p.Column, p.Message)
}

// markedPart takes an expression apart at the place of a mistake: before it, the character, after it.
func markedPart(expression string, p desk.RuleProblem) (before, at, after string) {
	lines := strings.Split(expression, "\n")
	if p.Line < 1 || p.Line > len(lines) || p.Column < 1 {
		return "", "", ""
	}
	letters := []rune(lines[p.Line-1])
	column := min(p.Column-1, len(letters))
	before = string(letters[max(column-24, 0):column])
	if column == len(letters) {
		return before, " ", ""
	}
	return before, string(letters[column]), string(letters[column+1 : min(column+25, len(letters))])
}

// wouldTone and wouldWords say what a delivery would do.
func wouldTone(would string) string {
	switch would {
	case "create", "update", "nothing":
		return "good"
	case "hold":
		return "warn"
	case "fail":
		return "bad"
	}
	return "info"
}

func wouldWords(would string) string {
	switch would {
	case "create":
		return "would be created"
	case "update":
		return "would be brought up to date"
	case "nothing":
		return "stays as it is"
	case "skip":
		return "would be left out"
	case "hold":
		return "would be held"
	case "cancel":
		return "would be cancelled"
	case "fail":
		return "would fail"
	}
	return would
}

// hasState says whether a payment state is chosen.
func (f rulesForm) hasState(state commerce.PaymentState) bool {
	return slices.Contains(f.rules.PaymentStates, state)
}

// choice is one of the values of a policy in words.
type choice struct{ value, words string }

var (
	invoiceChoices  = []choice{{"never", "never"}, {"paid", "when the order is paid"}, {"always", "always"}}
	reactionChoices = []choice{{"apply", "apply it to the document"}, {"hold", "hold and ask a person"}, {"ignore", "leave the document as it is"}}
	guestChoices    = []choice{{"by_email", "one customer for an e-mail address"}, {"per_order", "a customer of its own for each order"}, {"one_account", "all on one account"}}
)

// changedFields counts in how many orders each field differs.
func changedFields(c *desk.RulesComparison) []choice {
	counts := map[string]int{}
	var names []string
	for _, o := range c.Changed {
		for _, d := range o.Differences {
			if counts[d.Field] == 0 {
				names = append(names, d.Field)
			}
			counts[d.Field]++
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	var out []choice
	for _, name := range names {
		out = append(out, choice{name, plural(counts[name], "order", "orders")})
	}
	return out
}
