package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func (s *Server) mapsRoutes() []route {
	return []route{
		{pattern: "GET /maps", need: people.Viewer, serve: s.serveMaps},
		{pattern: "POST /maps", need: people.Operator, serve: s.saveMaps},
		{pattern: "GET /maps/export", need: people.Viewer, serve: s.exportMap},
		{pattern: "GET /maps/import", need: people.Operator, serve: s.serveImport},
		{pattern: "POST /maps/import", need: people.Operator, serve: s.planImport},
		{pattern: "POST /maps/import/apply", need: people.Operator, serve: s.applyImport},
		{pattern: "GET /maps/history", need: people.Viewer, serve: s.serveMapHistory},
		{pattern: "POST /maps/undo", need: people.Operator, serve: s.undoMap},
	}
}

// tableStatus is the name of the tab that says why states have no table.
const tableStatus = "status"

// mapsForm is what a person has typed into the page of a map that could not be saved as it is.
type mapsForm struct {
	table   string            // that was to be saved
	typed   map[string]string // by value of the source
	added   []desk.RowChange  // new rows
	why     string
	wrong   string               // why it was not saved
	warning map[string]string    // by value of the source
	codes   map[string]desk.Code // of what was typed
}

// newRows is how many empty rows a page offers.
const newRows = 3

func mapsAddress(flow, table string, more ...string) string {
	q := url.Values{"flow": {flow}, "table": {table}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/maps?" + q.Encode()
}

func (s *Server) serveMaps(w http.ResponseWriter, v *visit) error {
	return s.showMaps(w, v, http.StatusOK, mapsForm{})
}

func (s *Server) showMaps(w http.ResponseWriter, v *visit, status int, form mapsForm) error {
	pageNumber, _ := strconv.Atoi(v.query("page")) // what is no number is the first page
	table := v.query("table")
	if table == tableStatus {
		table = ""
	}
	view, err := s.desk.Maps(v.Context(), desk.MapQuery{Flow: v.query("flow"), Table: table, Search: v.query("q"), Page: pageNumber})
	if err != nil {
		return err
	}
	return s.write(w, v, status, s.layout(v, page{Title: "Maps", Nav: "/maps"}, mapsPage(v, view, form)))
}

// saveMaps saves those rows of a page that were changed. Codes that the destination does not have are told
// first, and saved when the person says so.
func (s *Server) saveMaps(w http.ResponseWriter, v *visit) error {
	flow, table, why := v.form("flow"), v.form("table"), v.form("why")
	edits, form, err := v.mapEdits()
	if err != nil {
		return err
	}
	form.table, form.why = table, why
	if len(edits) == 0 {
		form.wrong = "Nothing was changed, so nothing was saved."
		return s.showMaps(w, v, http.StatusUnprocessableEntity, form)
	}
	if v.form("anyway") == "" {
		if err := s.warnOfCodes(v, flow, table, edits, &form); err != nil {
			return err
		}
		if len(form.warning) > 0 {
			return s.showMaps(w, v, http.StatusUnprocessableEntity, form)
		}
	}
	err = s.desk.EditMapRows(v.Context(), v.person, flow, table, edits, why)
	if input, ok := errors.AsType[*desk.InputError](err); ok {
		form.wrong = input.Error()
		return s.showMaps(w, v, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.done(w, v, v.URL.RequestURI(), "Saved "+plural(len(edits), "row", "rows")+". Orders that come from now on take them; held ones go on when they are retried under Causes.")
}

// mapEdits reads the rows of a form that are not as they were shown.
func (v *visit) mapEdits() ([]desk.RowChange, mapsForm, error) {
	form := mapsForm{typed: map[string]string{}, warning: map[string]string{}}
	if err := v.ParseForm(); err != nil {
		return nil, form, &problem{status: http.StatusBadRequest, title: "The form cannot be read", text: "Go back and send it again."}
	}
	keys, to, was := v.PostForm["key"], v.PostForm["to"], v.PostForm["was"]
	if len(keys) != len(to) || len(keys) != len(was) {
		return nil, form, &problem{status: http.StatusBadRequest, title: "The form cannot be read", text: "It has rows without all of their fields. Reload the page and type them again."}
	}
	var edits []desk.RowChange
	for i, key := range keys {
		code := strings.TrimSpace(to[i])
		if code != was[i] {
			edits = append(edits, desk.RowChange{Key: key, Before: was[i], After: code})
			form.typed[key] = code
		}
	}
	for _, key := range v.PostForm["remove"] {
		for i := range keys {
			if keys[i] == key && form.typed[key] == "" {
				edits = append(edits, desk.RowChange{Key: key, Before: was[i]})
				form.typed[key] = ""
			}
		}
	}
	added, codes := v.PostForm["new_key"], v.PostForm["new_to"]
	for i, key := range added {
		key = strings.TrimSpace(key)
		if i >= len(codes) || key == "" {
			continue
		}
		row := desk.RowChange{Key: key, After: strings.TrimSpace(codes[i])}
		form.added = append(form.added, row)
		if row.After != "" {
			edits = append(edits, row)
		}
	}
	return edits, form, nil
}

func (s *Server) warnOfCodes(v *visit, flow, table string, edits []desk.RowChange, form *mapsForm) error {
	var codes []string
	for _, e := range edits {
		if e.After != "" {
			codes = append(codes, e.After)
		}
	}
	found, _, err := s.desk.CheckCodes(v.Context(), flow, table, codes)
	if err != nil {
		return err
	}
	form.codes = found
	for _, e := range edits {
		if c := found[e.After]; c.Wrong() {
			form.warning[e.Key] = e.After + ": " + c.Text()
		}
	}
	return nil
}

func (s *Server) exportMap(w http.ResponseWriter, v *visit) error {
	flow, table := v.query("flow"), v.query("table")
	o := desk.CSVOptions{Semicolon: v.query("separator") == "semicolon"}
	name, export := table, s.desk.ExportCSV
	if v.query("unmapped") != "" {
		name, export = table+"-to-fill-in", s.desk.ExportUnmapped
	}
	file, err := export(v.Context(), flow, table, o)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", flow+"-"+name+".csv"))
	_, err = w.Write(file)
	return ignoreGone(err)
}

// importForm is what the page of an import shows.
type importForm struct {
	flow, table string
	replace     bool
	text        string // of the file
	wrong       string
	plan        *desk.MapImport
	missing     []desk.Code // codes of the plan that the destination does not have
}

func (s *Server) serveImport(w http.ResponseWriter, v *visit) error {
	return s.showImport(w, v, http.StatusOK, importForm{flow: v.query("flow"), table: v.query("table")})
}

func (s *Server) showImport(w http.ResponseWriter, v *visit, status int, form importForm) error {
	return s.write(w, v, status, s.layout(v, page{Title: "Import a map", Nav: "/maps"}, importPage(v, form)))
}

// planImport shows what a file would do.
func (s *Server) planImport(w http.ResponseWriter, v *visit) error {
	form, err := v.importForm()
	if err != nil {
		return err
	}
	form.plan, err = s.desk.ImportPlan(v.Context(), form.flow, form.table, []byte(form.text), form.replace)
	if input, ok := errors.AsType[*desk.InputError](err); ok {
		form.wrong = input.Message
		return s.showImport(w, v, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	form.missing, err = s.missingCodes(v, form.plan)
	if err != nil {
		return err
	}
	return s.showImport(w, v, http.StatusOK, form)
}

// maxImportCodes bounds for how many codes of a file the destination is asked.
const maxImportCodes = 1000

func (s *Server) missingCodes(v *visit, plan *desk.MapImport) ([]desk.Code, error) {
	var codes []string
	for _, list := range [][]desk.RowChange{plan.Added, plan.Changed} {
		for _, c := range list {
			if len(codes) < maxImportCodes {
				codes = append(codes, c.After)
			}
		}
	}
	found, _, err := s.desk.CheckCodes(v.Context(), plan.Flow, plan.Table, codes)
	if err != nil {
		return nil, err
	}
	var missing []desk.Code
	for _, code := range codes {
		if c, ok := found[code]; ok && c.Wrong() {
			missing = append(missing, c)
			delete(found, code)
		}
	}
	return missing, nil
}

// importForm reads the form of an import: a file that was chosen, or text.
func (v *visit) importForm() (importForm, error) {
	form := importForm{flow: v.form("flow"), table: v.form("table"), replace: v.form("replace") != ""}
	if text := v.PostFormValue("text"); text != "" {
		form.text = text
		return form, nil
	}
	file, _, err := v.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) {
		return form, nil // which the desk finds empty
	}
	if err != nil {
		return form, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	form.text = string(data)
	return form, err
}

func (s *Server) applyImport(w http.ResponseWriter, v *visit) error {
	form, err := v.importForm()
	if err != nil {
		return err
	}
	plan, err := s.desk.Import(v.Context(), v.person, form.flow, form.table, []byte(form.text), form.replace, v.form("digest"), v.form("why"))
	if input, ok := errors.AsType[*desk.InputError](err); ok {
		form.plan, form.wrong = plan, input.Message
		return s.showImport(w, v, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.done(w, v, mapsAddress(form.flow, form.table), "Imported: "+importSummary(plan)+".")
}

// importSummary says in a line what an import does.
func importSummary(m *desk.MapImport) string {
	text := fmt.Sprintf("%s added, %s changed, %s removed, %s unchanged", whole(len(m.Added)), whole(len(m.Changed)), whole(len(m.Removed)), whole(m.Unchanged))
	if bad := len(m.Bad) + m.BadMore; bad > 0 {
		text += ", " + plural(bad, "line", "lines") + " left out"
	}
	return text
}

// historyLimit is how many changes a page of the history shows.
const historyLimit = 50

func (s *Server) serveMapHistory(w http.ResponseWriter, v *visit) error {
	return s.showMapHistory(w, v, http.StatusOK, "")
}

func (s *Server) showMapHistory(w http.ResponseWriter, v *visit, status int, wrong string) error {
	f := store.MapFilter{Flow: v.query("flow"), Table: v.query("table"), Key: v.query("key"), Limit: historyLimit + 1}
	f.BeforeID, _ = strconv.ParseInt(v.query("before"), 10, 64) // what is no number is the first page
	changes, err := s.desk.History(v.Context(), f)
	if err != nil {
		return err
	}
	next := ""
	if len(changes) > historyLimit {
		changes = changes[:historyLimit]
		next = v.with("before", strconv.FormatInt(changes[historyLimit-1].ID, 10))
	}
	return s.write(w, v, status, s.layout(v, page{Title: "History of maps", Nav: "/maps"}, mapHistoryPage(v, f, changes, wrong, next)))
}

func (s *Server) undoMap(w http.ResponseWriter, v *visit) error {
	id, err := strconv.ParseInt(v.form("id"), 10, 64)
	if err != nil {
		return &desk.NotFoundError{Text: "There is no such change."}
	}
	change, err := s.desk.Undo(v.Context(), v.person, id, v.form("why"))
	if changed, ok := errors.AsType[*desk.RowChangedError](err); ok {
		return s.showMapHistory(w, v, http.StatusConflict, changed.Error())
	}
	if err != nil {
		return err
	}
	return s.done(w, v, v.URL.Path[:len("/maps")]+"/history?"+v.URL.RawQuery, "Undone: "+change.Key+" leads to "+leadsTo(change.Before)+" again.")
}

// leadsTo names a code, or that there is none.
func leadsTo(code string) string {
	if code == "" {
		return "nothing (no row)"
	}
	return code
}

// tableTitle is what people call a table of a mapping.
func tableTitle(name string) string {
	for _, t := range desk.MapTables() {
		if t.Name == name {
			return t.Title
		}
	}
	if name == desk.TableSettings {
		return "Single values"
	}
	return name
}

// typedOr gives what was typed for a row, or what it has.
func (f mapsForm) typedOr(table, key, present string) string {
	if text, ok := f.typed[key]; ok && f.table == table {
		return text
	}
	return present
}

// warningOf says what is wrong with what was typed for a row.
func (f mapsForm) warningOf(table, key string) string {
	if f.table != table {
		return ""
	}
	return f.warning[key]
}

// empty rows for new ones, those that were typed first.
func (f mapsForm) newRows(table string) []desk.RowChange {
	var rows []desk.RowChange
	if f.table == table {
		rows = append(rows, f.added...)
	}
	for range newRows {
		rows = append(rows, desk.RowChange{})
	}
	return rows
}

// isMapPattern says whether a row stands for many values.
func isMapPattern(key string) bool { return strings.ContainsAny(key, "*?") }
