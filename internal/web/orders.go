package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func (s *Server) ordersRoutes() []route {
	return []route{
		{pattern: "GET /orders", need: people.Viewer, serve: s.serveOrders},
		{pattern: "POST /orders/export", need: people.Viewer, serve: s.exportOrders},
		{pattern: "POST /orders/views", need: people.Viewer, serve: s.saveOwnView},
		{pattern: "POST /orders/views/shared", need: people.Operator, serve: s.saveSharedView},
		{pattern: "POST /orders/views/{id}/remove", need: people.Viewer, serve: s.removeOwnView},
		{pattern: "POST /orders/views/{id}/remove-shared", need: people.Operator, serve: s.removeSharedView},
	}
}

// orderList is what the screen Orders shows.
type orderList struct {
	filter  desk.OrderFilter
	field   string // of the filter that is wrong
	wrong   string // what is wrong with it
	page    desk.OrderPage
	counts  store.Counts // by state; nil when the filter chooses by more than flows
	total   int64        // that match
	more    bool         // there are more than total
	choices desk.OrderChoices
	views   []store.View
	nothing *desk.Nothing
	figures *desk.Figures
}

func (s *Server) serveOrders(w http.ResponseWriter, v *visit) error {
	l := &orderList{filter: desk.ParseOrderFilter(v.URL.Query()), figures: s.desk.Figures()}
	var err error
	if l.choices, err = s.desk.OrderChoices(v.Context()); err != nil {
		return err
	}
	if l.views, err = s.desk.OrderViews(v.Context(), v.person); err != nil {
		return err
	}
	l.page, err = s.desk.ListOrders(v.Context(), l.filter, desk.OrdersOnPage)
	if wrong, ok := errors.AsType[*desk.InputError](err); ok {
		l.field, l.wrong = wrong.Field, wrong.Message
		return s.write(w, v, http.StatusUnprocessableEntity, s.layout(v, page{Title: "Orders", Nav: "/orders"}, ordersPage(v, l)))
	}
	if err != nil {
		return err
	}
	if err := s.countOrders(v, l); err != nil {
		return err
	}
	if len(l.page.Orders) == 0 && l.page.Next == "" {
		nothing, err := s.desk.WhyNothing(v.Context(), l.filter)
		if err != nil {
			return err
		}
		l.nothing = &nothing
	}
	return s.render(w, v, page{Title: "Orders", Nav: "/orders", Live: true}, ordersPage(v, l))
}

// countOrders counts what matches: by the figures where they know it, which costs nothing.
func (s *Server) countOrders(v *visit, l *orderList) (err error) {
	if l.counts, err = s.desk.StateCounts(v.Context(), l.filter); err != nil {
		return err
	}
	if l.counts != nil {
		for _, state := range store.TaskStates {
			// What is in the ERP, or left out, waits for nothing.
			settled := state == store.TaskSynced || state == store.TaskSkipped
			if (len(l.filter.States) == 0 || l.has(state)) && !(settled && l.filter.Sort == desk.SortWaiting) {
				l.total += l.counts[state]
			}
		}
		return nil
	}
	n, more, err := s.desk.CountOrders(v.Context(), l.filter)
	l.total, l.more = int64(n), more
	return err
}

func (l *orderList) has(state store.TaskState) bool { return slices.Contains(l.filter.States, state) }

// noun is what the list is of.
func (l *orderList) noun() string {
	switch l.filter.Kind {
	case desk.KindCustomers:
		return plural(l.total, "customer", "customers") + l.orMore()
	case desk.KindAll:
		return plural(l.total, "record", "records") + l.orMore()
	}
	return plural(l.total, "order", "orders") + l.orMore()
}

func (l *orderList) orMore() string {
	if l.more {
		return " or more"
	}
	return ""
}

// filtersShown says whether the filters behind "More filters" are open.
func (l *orderList) filtersShown() bool {
	f := l.filter
	return f.Via != "" || f.Since != "" || f.Until != "" || f.Min != "" || f.Max != "" || f.Document != "" || f.Kind != "" || l.wrong != ""
}

// ordersAddress is the list that a filter chooses.
func ordersAddress(f desk.OrderFilter) string { return addressWith("/orders", f.Values()) }

func addressWith(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// withStates is the list in one state; "" is all of them.
func withState(f desk.OrderFilter, state store.TaskState) string {
	f = f.First()
	f.States = nil
	if state != "" {
		f.States = []store.TaskState{state}
	}
	return ordersAddress(f)
}

// orderInList is an order's page, which knows the list that it was opened from.
func orderInList(id int64, f desk.OrderFilter) string {
	q := url.Values{}
	if list := f.Values().Encode(); list != "" {
		q.Set("list", list)
	}
	return addressWith(orderAddress(id), q)
}

// previousPage and nextPage are the neighbours of the page that is open; "" where there is none.
func (l *orderList) previousPage() string {
	if before, ok := l.filter.Previous(); ok {
		return ordersAddress(before)
	}
	return ""
}

func (l *orderList) nextPage() string {
	if l.page.Next == "" {
		return ""
	}
	return ordersAddress(l.filter.Next(l.page.Next))
}

// pagerText says what the pages are of.
func (l *orderList) pagerText() string {
	if l.page.Partial {
		return "Few orders match: the search goes on on the next page."
	}
	return l.noun()
}

// viewChosen says whether a saved view is what the list shows.
func (l *orderList) viewChosen(saved store.View) bool {
	return saved.Query == l.filter.First().Values().Encode()
}

func viewAddress(saved store.View) string {
	q, err := url.ParseQuery(saved.Query)
	if err != nil {
		return "/orders"
	}
	return ordersAddress(desk.ParseOrderFilter(q))
}

// waitingTone is how urgent it is that an order waits.
func waitingTone(t store.TaskRow, now time.Time) string { return oldestTone(now.Sub(t.WaitingSince)) }

// dropText is what a list would have without a part of its filter.
func dropText(d desk.Drop) string {
	n := plural(d.N, "order", "orders")
	if d.More {
		n = whole(d.N) + " or more orders"
	}
	return n + " without " + d.Name + " “" + d.Value + "”"
}

func (s *Server) saveView(w http.ResponseWriter, v *visit, forAll bool) error {
	f := desk.ParseOrderFilter(v.URL.Query()).First()
	name := v.form("name")
	if err := s.desk.SaveOrderView(v.Context(), v.person, name, f, forAll); err != nil {
		return err
	}
	return s.done(w, v, ordersAddress(f), "The view “"+name+"” is saved.")
}

func (s *Server) saveOwnView(w http.ResponseWriter, v *visit) error { return s.saveView(w, v, false) }

func (s *Server) saveSharedView(w http.ResponseWriter, v *visit) error { return s.saveView(w, v, true) }

func (s *Server) removeView(w http.ResponseWriter, v *visit, forAll bool) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := s.desk.RemoveOrderView(v.Context(), v.person, id, forAll); err != nil {
		return err
	}
	return s.done(w, v, ordersAddress(desk.ParseOrderFilter(v.URL.Query())), "The view is removed.")
}

func (s *Server) removeOwnView(w http.ResponseWriter, v *visit) error {
	return s.removeView(w, v, false)
}

func (s *Server) removeSharedView(w http.ResponseWriter, v *visit) error {
	return s.removeView(w, v, true)
}

// removeAddress is where a form to remove a view goes.
func removeAddress(saved store.View, f desk.OrderFilter) string {
	path := "/orders/views/" + strconv.FormatInt(saved.ID, 10) + "/remove"
	if saved.Owner == "" {
		path += "-shared"
	}
	return addressWith(path, f.Values())
}

// exportTime bounds how long one page of an export may take to reach its reader.
const exportTime = time.Minute

// exportOrders streams the list as CSV. Once it has begun, its status cannot tell of a failure any more: the last line
// does.
func (s *Server) exportOrders(w http.ResponseWriter, v *visit) error {
	f := desk.ParseOrderFilter(v.URL.Query()).First()
	out := &lazyDownload{w: w, name: "orders-" + v.now.UTC().Format("2006-01-02-1504") + ".csv", control: http.NewResponseController(w)}
	err := s.desk.ExportOrders(v.Context(), v.person, f, v.reveal, out, out.flush)
	if err != nil && out.begun {
		s.log.WarnContext(v.Context(), "an export broke off", "error", err)
		_, err = out.Write([]byte("INCOMPLETE: the export broke off here; repeat it\n"))
		return ignoreGone(err)
	}
	return err
}

// lazyDownload begins a download with the first bytes of it, so that an error before them still becomes a page.
type lazyDownload struct {
	w       http.ResponseWriter
	name    string
	control *http.ResponseController
	begun   bool
}

// Write implements io.Writer.
func (l *lazyDownload) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		h := l.w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="`+l.name+`"`)
		if _, err := l.w.Write([]byte("\uFEFF")); err != nil { // without it, spreadsheets take the text for another encoding
			return 0, err
		}
	}
	return l.w.Write(p)
}

func (l *lazyDownload) flush() error {
	if err := l.control.SetWriteDeadline(time.Now().Add(exportTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := l.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// id is the number in a page's address.
func (v *visit) id() (int64, error) {
	id, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, &problem{status: http.StatusNotFound, title: "Not found", text: strings.TrimSpace(v.PathValue("id")) + " is no number of anything."}
	}
	return id, nil
}
