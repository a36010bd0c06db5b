package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func (s *Server) bulkRoutes() []route {
	return []route{
		{pattern: "GET /bulk", need: people.Operator, serve: s.serveBulks},
		{pattern: "POST /bulk", need: people.Operator, serve: s.prepareBulk},
		{pattern: "GET /bulk/{id}", need: people.Operator, serve: s.serveBulk},
		{pattern: "POST /bulk/{id}/start", need: people.Operator, serve: s.startBulk},
		{pattern: "POST /bulk/{id}/stop", need: people.Operator, serve: s.stopBulk},
	}
}

func (s *Server) serveBulks(w http.ResponseWriter, v *visit) error {
	list, err := s.desk.Bulks(v.Context())
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: "Bulk actions", Nav: "/orders", Live: true}, bulksPage(v, list))
}

// prepareBulk counts what is selected in the list and asks whether it should be done.
func (s *Server) prepareBulk(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return err
	}
	selection := desk.Selection{All: v.form("all") == "yes", Filter: desk.ParseOrderFilter(v.URL.Query())}
	for _, text := range v.PostForm["id"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return desk.Invalid("id", "%q is no number of an order", text)
		}
		selection.IDs = append(selection.IDs, id)
	}
	if !selection.All && len(selection.IDs) == 0 {
		return s.done(w, v, ordersAddress(selection.Filter), "Select orders first: with their boxes, or j and k to move and x to select.")
	}
	b, err := s.desk.PrepareBulk(v.Context(), v.person, store.Action(v.form("action")), selection)
	if err != nil {
		return err
	}
	http.Redirect(w, v.Request, bulkAddress(b), http.StatusSeeOther)
	return nil
}

func (s *Server) serveBulk(w http.ResponseWriter, v *visit) error {
	b, err := s.desk.Bulk(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	return s.render(w, v, bulkFrame(b), bulkPage(v, b, "", ""))
}

// bulkFrame is the page of a bulk action; while somebody is to type a reason it stays as it is.
func bulkFrame(b desk.Bulk) page {
	return page{Title: bulkTitle(b), Nav: "/orders", Live: b.State != desk.BulkReady || b.Wish != ""}
}

func (s *Server) startBulk(w http.ResponseWriter, v *visit) error {
	b, err := s.desk.StartBulk(v.Context(), v.person, v.PathValue("id"), v.form("why"))
	if wrong, ok := errors.AsType[*desk.InputError](err); ok && wrong.Field == "why" {
		return s.write(w, v, http.StatusUnprocessableEntity, s.layout(v, bulkFrame(b), bulkPage(v, b, v.form("why"), wrong.Message)))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, v.Request, bulkAddress(b), http.StatusSeeOther)
	return nil
}

func (s *Server) stopBulk(w http.ResponseWriter, v *visit) error {
	b, err := s.desk.StopBulk(v.Context(), v.person, v.PathValue("id"))
	if err != nil {
		return err
	}
	if b.StartedAt.IsZero() && b.State == desk.BulkStopped {
		return s.done(w, v, bulkFrom(b), "Nothing was changed.")
	}
	if b.StartedAt.IsZero() {
		return s.done(w, v, bulkAddress(b), "It is cancelled in a moment.")
	}
	return s.done(w, v, bulkAddress(b), "It stops after the part that it is at.")
}

// bulkFrom is where a bulk action was begun: at a cause, or in the list of orders.
func bulkFrom(b desk.Bulk) string {
	if b.All && b.Filter.Cause > 0 {
		return causeAddress(b.Filter.Cause)
	}
	return ordersAddress(b.Filter)
}

func bulkAddress(b desk.Bulk) string { return "/bulk/" + b.ID }

// actionWord is an action as the beginning of a sentence.
func actionWord(action store.Action) string {
	return map[store.Action]string{store.ActionRetry: "Retry", store.ActionHold: "Hold", store.ActionRelease: "Release", store.ActionSkip: "Skip"}[action]
}

func bulkTitle(b desk.Bulk) string {
	return actionWord(b.Action) + " " + plural(b.Counted, "order", "orders")
}

// actionText says what an action does to an order.
func actionText(action store.Action) string {
	return map[store.Action]string{
		store.ActionRetry:   "Each order is brought to the ERP again, with the present mapping. Repeating is safe: Orderly looks for the document first, and nothing is written twice.",
		store.ActionHold:    "Each order is kept back, also when it changes later, until somebody releases it. One that is being delivered at this moment is held when that ends.",
		store.ActionRelease: "Each held or skipped order goes on: what was kept back is delivered.",
		store.ActionSkip:    "Each order is left out for good, also when it changes later, until somebody releases it. It will not be in the ERP.",
	}[action]
}

// othersText says what does not change.
func othersText(b desk.Bulk) string {
	n := b.Counted - b.Applies
	if n == 0 {
		return ""
	}
	return plural(n, "order is", "orders are") + " in a state to which this does not apply, and stay as they are."
}

// bulkDone says what came of it.
func bulkDone(b desk.Bulk) string {
	text := whole(b.Changed) + " of " + plural(b.Counted, "order", "orders") + " changed"
	if rest := b.Counted - b.Done; rest > 0 {
		text += "; " + plural(rest, "was", "were") + " not looked at"
	}
	return text + "."
}

func bulkTone(b desk.Bulk) string {
	switch b.State {
	case desk.BulkDone:
		return "good"
	case desk.BulkFailed:
		return "bad"
	case desk.BulkStopped:
		return "warn"
	}
	return "info"
}
