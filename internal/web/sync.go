package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func (s *Server) syncRoutes() []route {
	return []route{
		{pattern: "GET /sync", need: people.Operator, serve: s.serveSync},
		{pattern: "POST /sync", need: people.Operator, serve: s.startSync},
		{pattern: "POST /sync/poll", need: people.Operator, serve: s.pollNow},
		{pattern: "GET /sync/record/{task}", need: people.Operator, serve: s.serveSyncRecord},
		{pattern: "GET /sync/{run}", need: people.Viewer, serve: s.serveRun},
		{pattern: "POST /sync/{run}", need: people.Operator, serve: s.changeRun},
	}
}

const navSync = "/sync"

func runAddress(id int64) string { return fmt.Sprintf("/sync/%d", id) }

// What is brought by hand, as the form names it.
const (
	syncRecord = "record"
	syncRange  = "range"
	syncAll    = "all"
)

// syncForm is the form of a run by hand, with what was typed and what is wrong with it.
type syncForm struct {
	flows    []desk.Flow
	zones    map[string]string // of sources, by flow: IANA names
	flow     string
	what     string
	kind     string
	record   string
	since    string // dates as they are typed
	until    string
	why      string
	problems map[string]string
	counted  bool
	count    int  // by the source; below 0 where it cannot tell
	changed  bool // since it was counted before
	runs     []desk.Run
}

// chosen is the chosen flow; nil when there is none.
func (f *syncForm) chosen() *desk.Flow {
	for i := range f.flows {
		if f.flows[i].Name == f.flow {
			return &f.flows[i]
		}
	}
	return nil
}

// zone is the time zone in which dates are meant: the source's, or UTC.
func (f *syncForm) zone() *time.Location {
	if zone := f.zones[f.flow]; zone != "" {
		if location, err := time.LoadLocation(zone); err == nil {
			return location
		}
	}
	return time.UTC
}

func (s *Server) newSyncForm(v *visit) (*syncForm, error) {
	f := &syncForm{what: syncRecord, kind: string(commerce.KindOrder), zones: map[string]string{}, problems: map[string]string{}}
	var err error
	if f.flows, err = s.desk.Flows(v.Context()); err != nil {
		return nil, err
	}
	health, err := s.desk.Health(v.Context())
	if err != nil {
		return nil, err
	}
	for _, h := range health {
		for _, flow := range f.flows {
			if flow.From == h.Name {
				f.zones[flow.Name] = h.Zone()
			}
		}
	}
	f.runs, err = s.desk.Runs(v.Context())
	return f, err
}

func (s *Server) serveSync(w http.ResponseWriter, v *visit) error {
	f, err := s.newSyncForm(v)
	if err != nil {
		return err
	}
	if f.flow = v.query("flow"); f.flow == "" && len(f.flows) > 0 {
		f.flow = f.flows[0].Name
	}
	if record := v.query("record"); record != "" {
		f.record = record
	}
	return s.showSync(w, v, http.StatusOK, f)
}

func (s *Server) showSync(w http.ResponseWriter, v *visit, status int, f *syncForm) error {
	return s.write(w, v, status, s.layout(v, page{Title: "Run now", Nav: navSync}, syncPage(v, f)))
}

// input reads what was entered; what cannot be read is told in the form's problems.
func (f *syncForm) input(v *visit) desk.SyncInput {
	f.flow, f.what, f.kind = v.form("flow"), v.form("what"), v.form("kind")
	f.record, f.since, f.until, f.why = v.form("record"), v.form("since"), v.form("until"), v.form("why")
	in := desk.SyncInput{Flow: f.flow, Kind: commerce.Kind(f.kind), Why: f.why}
	switch f.what {
	case syncRecord:
		if in.Record = f.record; in.Record == "" {
			f.problems["record"] = "enter a number or an id"
		}
	case syncRange:
		if f.since == "" && f.until == "" {
			f.problems["since"] = "enter a date, or choose everything"
		}
		in.Since = f.day("since", f.since, 0)
		in.Until = f.day("until", f.until, 1) // the day itself is meant as well
	case syncAll:
	default:
		f.problems["what"] = "choose one of the three"
	}
	return in
}

// day reads a date in the source's time zone; later is how many days after it.
func (f *syncForm) day(field, text string, later int) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.ParseInLocation(time.DateOnly, text, f.zone())
	if err != nil {
		f.problems[field] = fmt.Sprintf("%q is no date; write one such as 2026-01-31", text)
		return time.Time{}
	}
	return at.AddDate(0, 0, later)
}

// counts says what a count is of, so that only that is started by who has seen it.
func (f *syncForm) counts() string {
	q := url.Values{"flow": {f.flow}, "kind": {f.kind}, "what": {f.what}}
	if f.what == syncRange {
		q.Set("since", f.since)
		q.Set("until", f.until)
	}
	return q.Encode()
}

// startSync counts first; when the count of just this was seen, or for one record, it starts.
func (s *Server) startSync(w http.ResponseWriter, v *visit) error {
	f, err := s.newSyncForm(v)
	if err != nil {
		return err
	}
	in := f.input(v)
	refuse := func(err error) error {
		problems, ok := problemsOf(err)
		if !ok {
			return err
		}
		maps.Copy(f.problems, problems)
		return s.showSync(w, v, http.StatusUnprocessableEntity, f)
	}
	if len(f.problems) > 0 {
		return s.showSync(w, v, http.StatusUnprocessableEntity, f)
	}
	start := v.form("do") == "start"
	if f.what != syncRecord && (!start || v.form("counted") != f.counts()) {
		f.changed = start
		if f.count, err = s.desk.CountSync(v.Context(), in); err != nil {
			return refuse(err)
		}
		f.counted = true
		return s.showSync(w, v, http.StatusOK, f)
	}
	total, err := strconv.Atoi(v.form("total"))
	if err != nil {
		total = -1
	}
	started, err := s.desk.StartSync(v.Context(), v.person, in, total)
	if err != nil {
		return refuse(err)
	}
	if started.Task > 0 {
		return s.done(w, v, fmt.Sprintf("/sync/record/%d", started.Task), sentence("asked for; this page shows what becomes of it. "+started.Note))
	}
	return s.done(w, v, runAddress(started.Run), "Started. It goes on when you leave this page.")
}

func (s *Server) pollNow(w http.ResponseWriter, v *visit) error {
	source, err := s.desk.PollNow(v.Context(), v.person, v.form("flow"))
	if err != nil {
		return withBack(s, v, err, navSync)
	}
	return s.done(w, v, "/orders?connection="+source, source+" is asked now for what changed since the last time; what is new appears here.")
}

func (s *Server) serveSyncRecord(w http.ResponseWriter, v *visit) error {
	id, err := strconv.ParseInt(v.PathValue("task"), 10, 64)
	if err != nil {
		return &desk.NotFoundError{Text: "There is no such order."}
	}
	t, err := s.desk.SyncedRecord(v.Context(), id)
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: "Run now: " + numberOf(*t), Nav: navSync, Live: true}, syncRecordPage(v, t))
}

func runID(v *visit) (int64, error) {
	id, err := strconv.ParseInt(v.PathValue("run"), 10, 64)
	if err != nil {
		return 0, &desk.NotFoundError{Text: "There is no such run."}
	}
	return id, nil
}

func (s *Server) serveRun(w http.ResponseWriter, v *visit) error {
	id, err := runID(v)
	if err != nil {
		return err
	}
	r, err := s.desk.Sync(v.Context(), id)
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: fmt.Sprintf("Run %d", id), Nav: navSync, Live: true}, runPage(v, r))
}

// changeRun stops a run or lets it go on.
func (s *Server) changeRun(w http.ResponseWriter, v *visit) error {
	id, err := runID(v)
	if err != nil {
		return err
	}
	change, notice := s.desk.StopSync, "Stopped. What it has listed is still delivered."
	if v.form("do") == "resume" {
		change, notice = s.desk.ResumeSync, "It goes on where it was."
	}
	if err := change(v.Context(), v.person, id); err != nil {
		return withBack(s, v, err, runAddress(id))
	}
	return s.done(w, v, runAddress(id), notice)
}

// countText says what the source has counted.
func (f *syncForm) countText() string {
	source := ""
	if flow := f.chosen(); flow != nil {
		source = flow.From
	}
	if f.count < 0 {
		return source + " cannot say how many it has."
	}
	return source + " says " + plural(f.count, f.kind, f.kind+"s") + "."
}

// rangeText is what a run lists.
func rangeText(r desk.Run) string {
	since, until := dayText(r.Cursor.Since), dayText(r.Until)
	switch {
	case r.Cursor.Since.IsZero() && r.Until.IsZero():
		return "everything"
	case r.Until.IsZero():
		return "changed since " + since
	case r.Cursor.Since.IsZero():
		return "changed before " + until
	}
	return "changed from " + since + " to " + until
}

// dayText writes a time as a date where it is the begin of a day.
func dayText(at time.Time) string {
	if at.Equal(at.Truncate(24 * time.Hour)) {
		return at.UTC().Format(time.DateOnly)
	}
	return at.UTC().Format("2006-01-02 15:04") + " UTC"
}

// runTone and runState say how a run stands.
func runTone(r desk.Run) string {
	switch r.State {
	case store.CursorDone:
		return "good"
	case store.CursorFailed:
		return "bad"
	case store.CursorStopped:
		return "warn"
	}
	return "info"
}

func runState(r desk.Run) string {
	switch r.State {
	case store.CursorReady:
		return "starting"
	case store.CursorRunning:
		return "listing"
	case store.CursorDone:
		if r.Became.Waiting > 0 {
			return "listed, delivering"
		}
		return "done"
	}
	return string(r.State)
}

// listedText says how much of the total has been listed.
func listedText(r desk.Run) string {
	if r.Total > 0 {
		return whole(r.Seen) + " of " + whole(r.Total)
	}
	return whole(r.Seen)
}

// runParts is what became of the records of a run's flow.
func runParts(b store.Became) []part {
	return []part{
		{name: "in the ERP", class: string(store.TaskSynced), value: b.Synced},
		{name: "on their way", class: string(store.TaskWaiting), value: b.Waiting},
		{name: "held", class: string(store.TaskHeld), value: b.Held},
		{name: "failed", class: string(store.TaskFailed), value: b.Failed},
		{name: "left out", class: string(store.TaskSkipped), value: b.Skipped},
	}
}

// paceOf says how fast a run goes.
func paceOf(r *desk.Run) string {
	switch {
	case r.PerMinute >= 10:
		return whole(int64(r.PerMinute+0.5)) + " a minute"
	case r.PerMinute > 0:
		return fmt.Sprintf("%.1f a minute", r.PerMinute)
	}
	return "–"
}

// leftText says how long the rest takes.
func leftText(r *desk.Run) string {
	switch {
	case !r.Delivers():
		return "nothing is left"
	case r.Rest <= 0:
		return "not known yet"
	case r.Rest < time.Minute:
		return "less than a minute"
	}
	return "about " + span(r.Rest)
}

// startText is on the button that starts a counted run.
func startText(f *syncForm) string {
	if f.count < 0 {
		return "Start"
	}
	return "Bring " + plural(f.count, f.kind, f.kind+"s")
}

// heldTone marks what a person should look at.
func heldTone(n int64) string {
	if n > 0 {
		return "warn"
	}
	return ""
}

// runNotice is how bad an error of a run is.
func runNotice(r desk.Run) string {
	if r.State == store.CursorFailed {
		return "bad"
	}
	return "warn"
}

// destinationOf names where a run delivers to.
func destinationOf(r *desk.Run) string {
	if r.Destination == "" {
		return "the destination"
	}
	return r.Destination
}

// outcomeText says in a sentence where a record stands.
func outcomeText(t store.TaskRow) string {
	switch t.State {
	case store.TaskSynced:
		return "It is in " + t.Destination + "."
	case store.TaskWorking:
		return "It is being brought to " + t.Destination + "."
	case store.TaskWaiting:
		if t.Reason != "" {
			return "It is tried again."
		}
		return "It is on its way."
	case store.TaskHeld:
		return "It is held: a person must decide."
	case store.TaskFailed:
		return "It has failed: a person must look."
	}
	return "It is left out."
}
