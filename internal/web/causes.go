package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

func (s *Server) causeRoutes() []route {
	return []route{
		{pattern: "GET /causes", need: people.Viewer, serve: s.serveCauses},
		{pattern: "GET /causes/{id}", need: people.Viewer, serve: s.serveCause},
		{pattern: "GET /causes/{id}/preview", need: people.Operator, serve: s.previewFix},
		{pattern: "POST /causes/{id}/code", need: people.Operator, serve: s.suggestCode},
		{pattern: "POST /causes/{id}/fix", need: people.Operator, serve: s.fixCause},
		{pattern: "POST /causes/{id}/try", need: people.Operator, serve: s.tryOne},
		{pattern: "POST /causes/{id}/retry", need: people.Operator, serve: s.retryAll},
		{pattern: "POST /causes/{id}/snooze", need: people.Operator, serve: s.snoozeCause},
		{pattern: "POST /causes/{id}/ignore", need: people.Operator, serve: s.ignoreCause},
		{pattern: "POST /causes/{id}/assign", need: people.Operator, serve: s.assignCause},
		{pattern: "POST /causes/{id}/reopen", need: people.Operator, serve: s.reopenCause},
	}
}

// causeTabs are the standings of causes, in the order of their tabs.
var causeTabs = []store.CauseState{store.CauseOpen, store.CauseSnoozed, store.CauseIgnored, store.CauseClosed}

func (s *Server) serveCauses(w http.ResponseWriter, v *visit) error {
	f := desk.CauseFilter{Standing: store.CauseState(v.query("state")), Flow: v.query("flow"), Owner: v.query("owner")}
	if f.Standing == "" {
		f.Standing = store.CauseOpen
	}
	list, err := s.desk.Causes(v.Context(), f)
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: "Causes", Nav: "/causes", Live: true}, causesPage(v, list, f))
}

func causeAddress(id int64) string { return fmt.Sprintf("/causes/%d", id) }

// causeID reads the id of an address; what is no number is no cause.
func causeID(v *visit) (int64, error) {
	id, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil {
		return 0, &desk.NotFoundError{Text: "There is no such cause."}
	}
	return id, nil
}

// causeView is what the page of a cause shows.
type causeView struct {
	desk.CauseStory
	input   desk.FixInput     // that a person is typing
	wrong   map[string]string // by field of input
	preview *desk.FixPreview
	people  []string                 // to whom it may be given
	codes   map[string][]desk.Code   // by table: what the ERP has
	money   []money.Money            // at stake
	problem string                   // why a preview could not be made
	links   map[desk.Place]placeLink // where the rest is set
}

// placeLink leads to where something is set.
type placeLink struct{ address, text string }

func (s *Server) serveCause(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	view, err := s.causeView(v, id)
	if err != nil {
		return err
	}
	return s.showCause(w, v, http.StatusOK, view)
}

func (s *Server) showCause(w http.ResponseWriter, v *visit, status int, view *causeView) error {
	p := page{Title: short(view.Message, 60), Nav: "/causes", Live: view.preview == nil && view.problem == "" && len(view.wrong) == 0}
	return s.write(w, v, status, s.layout(v, p, causePage(v, view)))
}

func (s *Server) causeView(v *visit, id int64) (*causeView, error) {
	tried, _ := strconv.ParseInt(v.query("tried"), 10, 64) // what is no number is none
	story, err := s.desk.Cause(v.Context(), id, tried)
	if err != nil {
		return nil, err
	}
	view := &causeView{CauseStory: story, money: story.Stake, codes: map[string][]desk.Code{}, links: map[desk.Place]placeLink{}}
	for _, f := range story.Fixes {
		if f.Place != "" {
			view.links[f.Place] = placeOf(f, story.Flow)
		}
	}
	if !v.operator() {
		return view, nil
	}
	users, err := s.people.List(v.Context())
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		if !u.Disabled && u.Role.Allows(people.Operator) {
			view.people = append(view.people, u.Name)
		}
	}
	for _, f := range story.Fixes {
		if f.Codes && f.Table == "taxes" {
			if codes, _, err := s.desk.Suggest(v.Context(), story.Flow, f.Table, ""); err == nil {
				view.codes[f.Table] = codes // without them the code is typed
			}
		}
	}
	return view, nil
}

// placeOf leads to where something is set that is no part of the mapping.
func placeOf(f desk.Fix, flow string) placeLink {
	if f.Place == desk.PlaceFlow || f.Connection == "" {
		return placeLink{"/flows/" + flow, "Settings of the flow " + flow}
	}
	return placeLink{"/connections/" + f.Connection, "The connection " + f.Connection}
}

// fixInput reads the row or value that a person gives.
func fixInput(get func(string) string) desk.FixInput {
	return desk.FixInput{Table: get("table"), Key: get("key"), Value: get("value"), Why: get("why")}
}

// previewFix shows the cause with what a row or value would do, without saving it.
func (s *Server) previewFix(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	view, err := s.causeView(v, id)
	if err != nil {
		return err
	}
	view.input = fixInput(v.query)
	asked := view.input
	asked.Why = ""
	preview, err := s.desk.PreviewFix(v.Context(), id, asked)
	if input, ok := errors.AsType[*desk.InputError](err); ok {
		view.wrong = wrongFields(input)
		return s.showCause(w, v, http.StatusUnprocessableEntity, view)
	}
	if err != nil {
		p := s.explain(v.Context(), err)
		view.problem = "The preview could not be made. " + p.text
		return s.showCause(w, v, p.status, view)
	}
	view.preview = &preview
	return s.showCause(w, v, http.StatusOK, view)
}

// wrongFields puts a mistake beside its field; what belongs to none of them stands at the value.
func wrongFields(e *desk.InputError) map[string]string {
	if e.Field == "key" || e.Field == "why" {
		return map[string]string{e.Field: e.Message}
	}
	return map[string]string{"value": e.Message}
}

// suggestTime bounds how long a person who types waits for the ERP.
const suggestTime = 3 * time.Second

// suggestCode says what the ERP has under the code that somebody is typing.
func (s *Server) suggestCode(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(v.Context(), suggestTime)
	defer cancel()
	story, err := s.desk.Cause(ctx, id, 0)
	if err != nil {
		return err
	}
	in := fixInput(v.form)
	codes, problem, err := s.desk.Suggest(ctx, story.Flow, in.Table, in.Value)
	if err != nil {
		problem = "the ERP cannot be asked now"
	}
	return s.write(w, v, http.StatusOK, codeHint(v.form("target"), in, codes, problem))
}

// fixCause saves a row or value, and tries one order with it if that is wanted.
func (s *Server) fixCause(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	in := fixInput(v.form)
	err = s.desk.FixWithMapping(v.Context(), v.person, id, in)
	if input, ok := errors.AsType[*desk.InputError](err); ok {
		view, err := s.causeView(v, id)
		if err != nil {
			return err
		}
		view.input, view.wrong = in, wrongFields(input)
		return s.showCause(w, v, http.StatusUnprocessableEntity, view)
	}
	if err != nil {
		return err
	}
	saved := fmt.Sprintf("Saved: %s becomes %s.", in.Key, in.Value)
	if v.form("then") != "try" {
		return s.done(w, v, causeAddress(id), saved+" No order was tried yet.")
	}
	task, err := s.desk.TryOne(v.Context(), v.person, id, 0)
	if input, ok := errors.AsType[*desk.InputError](err); ok {
		return s.done(w, v, causeAddress(id), saved+" No order was tried: "+input.Message+".")
	}
	if err != nil {
		return err
	}
	return s.done(w, v, triedAddress(id, task), saved+" One order is being tried with it.")
}

func triedAddress(cause, task int64) string { return fmt.Sprintf("/causes/%d?tried=%d", cause, task) }

func (s *Server) tryOne(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	task, _ := strconv.ParseInt(v.form("task"), 10, 64) // what is no number is the newest
	if task, err = s.desk.TryOne(v.Context(), v.person, id, task); err != nil {
		return err
	}
	return s.done(w, v, triedAddress(id, task), "One order is being tried.")
}

func (s *Server) retryAll(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	b, err := s.desk.RetryAll(v.Context(), v.person, id, v.form("why"))
	if err != nil {
		return err
	}
	return s.done(w, v, bulkAddress(b), "The orders are being tried again; those that go through leave their cause.")
}

// snoozes are the times for which a cause is snoozed.
var snoozes = []struct {
	value, text string
	time        time.Duration
}{
	{"1h", "1 hour", time.Hour},
	{"1d", "1 day", 24 * time.Hour},
	{"1w", "1 week", 7 * 24 * time.Hour},
}

func (s *Server) snoozeCause(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	until, err := snoozeUntil(v)
	if err != nil {
		return err
	}
	if err := s.desk.Snooze(v.Context(), v.person, id, until, v.form("why")); err != nil {
		return err
	}
	return s.done(w, v, v.back(causeAddress(id)), "Snoozed until "+until.UTC().Format("2 January 2006, 15:04")+" UTC. Its orders stay as they are.")
}

func snoozeUntil(v *visit) (time.Time, error) {
	for _, choice := range snoozes {
		if v.form("for") == choice.value {
			return v.now.Add(choice.time), nil
		}
	}
	until, err := time.Parse(time.DateOnly, v.form("until"))
	if err != nil {
		return time.Time{}, desk.Invalid("until", "write a day such as %s", v.now.UTC().AddDate(0, 0, 3).Format(time.DateOnly))
	}
	return until, nil
}

func (s *Server) ignoreCause(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	b, err := s.desk.Ignore(v.Context(), v.person, id, v.form("why"))
	if err != nil {
		return err
	}
	return s.done(w, v, bulkAddress(b), "Ignored. Its orders are left out with your reason.")
}

func (s *Server) assignCause(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	owner := v.form("owner")
	if owner == "me" {
		owner = v.person.Name
	}
	if err := s.desk.Assign(v.Context(), v.person, id, owner); err != nil {
		return err
	}
	notice := "It is " + owner + "'s now."
	if owner == "" {
		notice = "It is nobody's now."
	}
	return s.done(w, v, v.back(causeAddress(id)), notice)
}

func (s *Server) reopenCause(w http.ResponseWriter, v *visit) error {
	id, err := causeID(v)
	if err != nil {
		return err
	}
	if err := s.desk.Reopen(v.Context(), v.person, id, v.form("why")); err != nil {
		return err
	}
	return s.done(w, v, v.back(causeAddress(id)), "It is open again.")
}

// causeTone is the colour of a cause's standing.
func causeTone(c desk.Cause) string {
	switch c.Standing {
	case store.CauseOpen:
		if c.State == store.TaskFailed {
			return "bad"
		}
		return "warn"
	case store.CauseClosed:
		return "good"
	}
	return "info"
}

// causeTitle names a cause.
func causeTitle(c desk.Cause) string { return strings.TrimSuffix(sentence(short(c.Message, 140)), ".") }

// kindText says what sort of failure it is.
func kindText(c desk.Cause) string {
	if c.Code == c.Kind {
		return c.Kind
	}
	return c.Kind + ", code " + c.Code
}

// vague says that the reasons of a cause's orders say more than the cause does: what differs is left out
// of it.
func vague(c desk.Cause) bool { return strings.Contains(c.Message, "…") }

// causesEmpty says why a tab has nothing.
func causesEmpty(f desk.CauseFilter) (title, text string) {
	if f.Flow != "" || f.Owner != "" {
		return "Nothing matches", "No cause that is " + string(f.Standing) + " has this flow and owner."
	}
	switch f.Standing {
	case store.CauseSnoozed:
		return "Nothing is snoozed", "A cause that waits for something can be snoozed; it comes back by itself."
	case store.CauseIgnored:
		return "Nothing is ignored", "Causes that are ignored with a reason stand here, with the orders that were left out because they came with them later."
	case store.CauseClosed:
		return "No cause has closed yet", "A cause closes by itself when no order has it any more, and opens again when it returns."
	}
	return "Nothing is held and nothing has failed", "When orders cannot go on, those with the same reason stand here as one cause, with what to do about it."
}

// spark is a small chart of a row of counts.
type spark []int

const (
	sparkWidth, sparkHeight = 96.0, 22.0
	sparkLeast              = 1.5 // of what is not nothing
)

func (s spark) bars() []placed {
	most := 1
	for _, n := range s {
		most = max(most, n)
	}
	step := sparkWidth / float64(max(len(s), 1))
	var bars []placed
	for i, n := range s {
		if n > 0 {
			// width holds the height: the bars stand side by side.
			bars = append(bars, placed{part: part{value: int64(n)}, from: float64(i) * step, width: max(sparkHeight*float64(n)/float64(most), sparkLeast)})
		}
	}
	return bars
}

func (s spark) text() string {
	sum, last := 0, 0
	for i, n := range s {
		sum += n
		if i == len(s)-1 {
			last = n
		}
	}
	return plural(sum, "order", "orders") + " of the last 24 hours, " + whole(last) + " of this hour"
}

// previewedTone and previewedText say what a dry run found.
func previewedTone(p desk.Previewed) string {
	switch p.Would {
	case "hold", "fail":
		return "warn"
	case "skip":
		return "info"
	}
	return "good"
}

func previewedText(p desk.Previewed) string {
	switch p.Would {
	case "create":
		return "would be created"
	case "update":
		return "would be updated"
	case "cancel":
		return "would be cancelled"
	case "nothing":
		return "is in the ERP already"
	case "skip":
		return "would be left out"
	case "hold":
		if p.Same {
			return "would be held again"
		}
		return "would be held for another reason"
	}
	return "would fail"
}

// previewText sums a preview up.
func previewText(p desk.FixPreview) string {
	if len(p.Orders) == 0 {
		return "No order has this cause now."
	}
	text := fmt.Sprintf("%s of %s looked at would go on", whole(p.GoOn), plural(len(p.Orders), "order", "orders"))
	if p.Of > len(p.Orders) {
		text += fmt.Sprintf(" (%s have this cause)", whole(p.Of))
	}
	if p.Cut {
		text += ". The ERP is slow: the time was over before all were looked at"
	}
	return text + "."
}

// fieldName is a cause's field without the value.
func fieldName(c desk.Cause) string {
	name, _, _ := strings.Cut(c.Field, " ")
	return name
}

// inputOf gives what the form of a fix shows: what a person has typed in it, or the likeliest.
func (c *causeView) inputOf(f desk.Fix) desk.FixInput {
	if c.input.Table == f.Table && (f.Way == desk.FixRow || len(f.Keys) > 0 && c.input.Key == f.Keys[0]) {
		return c.input
	}
	in := desk.FixInput{Table: f.Table}
	if len(f.Keys) > 0 {
		in.Key = f.Keys[0]
		in.Value = f.Present[in.Key]
	}
	return in
}

// wrongIn gives the mistake in a field of the form of a fix.
func (c *causeView) wrongIn(f desk.Fix, field string) string {
	if c.inputOf(f) != c.input {
		return ""
	}
	return c.wrong[field]
}
