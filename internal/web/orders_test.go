package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/sandbox"
	"github.com/orderlyhq/orderly/internal/store"
)

// settledSite is a site with orders that are in the ERP and one that is held for its article.
func settledSite(t *testing.T) (s *site, synced, held store.TaskRow) {
	t.Helper()
	s = newFlowSite(t, "SHIPPING")
	s.bring(sandbox.MakeOptions{N: 3}, nil)
	s.bring(sandbox.MakeOptions{N: 1, Unknown: 1000}, nil)
	s.Until("there are a synced and a held order", func() bool {
		rows, err := s.Store.Tasks(t.Context(), store.TaskFilter{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			switch row.State {
			case store.TaskSynced:
				synced = row
			case store.TaskHeld:
				held = row
			}
		}
		return len(rows) == 4 && synced.ID > 0 && held.ID > 0
	})
	return s, synced, held
}

func TestTheListOfOrders(t *testing.T) {
	s := newFlowSite(t, "SHIPPING")
	s.get(people.Viewer, "/orders").has(t, "the empty list", http.StatusOK, "Nobody looks for orders")
	s, synced, held := settledSite(t)
	list := s.get(people.Viewer, "/orders")
	list.has(t, "the list", http.StatusOK, synced.Number, synced.Document, held.Number, "LEGACY", "shop-to-erp", "badge synced", "badge held", "•")
	for _, row := range []store.TaskRow{synced, held} {
		if row.Buyer.Email != "" && strings.Contains(list.text, row.Buyer.Email) {
			t.Error("the list shows an e-mail address")
		}
	}
	list.hasNot(t, "the list for a viewer", "data-select name")
	s.get(people.Operator, "/orders").has(t, "the list for an operator", http.StatusOK, "data-select", "/bulk")

	for _, c := range []struct{ name, query, has, hasNot string }{
		{"in a state", "state=held", held.Number, synced.Document},
		{"by number", "q=" + url.QueryEscape(synced.Number), synced.Document, ">" + held.Number + "<"},
		{"by document", "q=" + url.QueryEscape(synced.Document), synced.Document, ">" + held.Number + "<"},
		{"by e-mail", "q=" + url.QueryEscape(synced.Buyer.Email), synced.Document, "Nothing matches"},
		{"by amount", "q=" + url.QueryEscape(synced.Amount), synced.Document, "Nothing matches"},
		{"without a document", "document=no", held.Number, synced.Document},
		{"of another flow", "flow=nothing", "Nothing matches", synced.Document},
		{"the longest waiting", "sort=waiting", held.Number, synced.Document},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.get(people.Viewer, "/orders?"+c.query)
			a.has(t, c.name, http.StatusOK, c.has)
			a.hasNot(t, c.name, c.hasNot)
		})
	}
	s.get(people.Viewer, "/orders?min=much&q=keep").has(t, "an amount that is none", http.StatusUnprocessableEntity, "keep", "role=\"alert\"")
	s.get(people.Viewer, "/orders?after=nonsense").has(t, "a page that is not there", http.StatusUnprocessableEntity, "begin at the first one")
}

func TestViewsAreSavedForOneselfOrForAll(t *testing.T) {
	s := newSite(t)
	if a := s.post(people.Viewer, "/orders/views?state=held", url.Values{"name": {"mine"}}); a.location != "/orders?state=held" {
		t.Fatalf("saving leads to %+v", a)
	}
	s.post(people.Viewer, "/orders/views/shared?state=held", url.Values{"name": {"ours"}}).has(t, "a viewer's view for all", http.StatusForbidden)
	s.post(people.Operator, "/orders/views/shared?state=failed", url.Values{"name": {"ours"}})
	s.get(people.Viewer, "/orders").has(t, "one's own list", http.StatusOK, "mine", "ours", "/orders?state=failed")
	s.get(people.Admin, "/orders").hasNot(t, "somebody else's list", ">mine<")
	s.post(people.Admin, "/orders/views/1/remove", url.Values{}).has(t, "removing somebody else's", http.StatusNotFound)
	s.post(people.Viewer, "/orders/views/1/remove", url.Values{})
	s.get(people.Viewer, "/orders").hasNot(t, "the list after removing", ">mine<")
}

func TestTheListIsExportedAsCSV(t *testing.T) {
	s, synced, _ := settledSite(t)
	a := s.post(people.Viewer, "/orders/export?state=synced", url.Values{})
	a.has(t, "the export", http.StatusOK, synced.Number, synced.Document)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.text, "\uFEFF"))).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		if len(row) != len(rows[0]) {
			t.Errorf("a row has %d cells, the head %d", len(row), len(rows[0]))
		}
	}
	a.hasNot(t, "the export", synced.Buyer.Email)
	s.get(people.Admin, "/audit?action=export").has(t, "the audit", http.StatusOK, "viewer")
}

func TestManyOrdersAreActedOnAtOnce(t *testing.T) {
	s, _, held := settledSite(t)
	prepared := s.post(people.Operator, "/bulk?state=held", url.Values{"all": {"yes"}, "action": {"skip"}})
	if prepared.status != http.StatusSeeOther {
		t.Fatalf("preparing: %d\n%s", prepared.status, mainOf(prepared.text))
	}
	at := prepared.location
	s.Until("the orders are counted", func() bool { return strings.Contains(s.get(people.Operator, at).text, ">ready<") })
	page := s.get(people.Operator, at)
	page.has(t, "the question", http.StatusOK, "What it would do", held.Currency, "/start")
	s.post(people.Operator, at+"/start", url.Values{}).has(t, "skipping without a reason", http.StatusUnprocessableEntity, "why")
	if a := s.post(people.Operator, at+"/start", url.Values{"why": {"a test order"}}); a.status != http.StatusSeeOther {
		t.Fatalf("starting: %d\n%s", a.status, mainOf(a.text))
	}
	s.Until("it is done", func() bool { return strings.Contains(s.get(people.Operator, at).text, ">done<") })
	s.get(people.Viewer, orderAddress(held.ID)).has(t, "the order", http.StatusOK, "skipped", "a test order")
	s.get(people.Operator, "/bulk").has(t, "the list of bulk actions", http.StatusOK, at)
}

func TestAnOrdersPage(t *testing.T) {
	s, synced, held := settledSite(t)
	page := s.get(people.Viewer, orderAddress(synced.ID))
	page.has(t, "a synced order", http.StatusOK, "Order "+synced.Number, synced.Document, "Timeline", "delivery 1 of revision 1", "created", "The order&#39;s own amounts add up.",
		"equal", "As the source sent it", "Requests and answers", "secrets are removed")
	page.hasNot(t, "a synced order", synced.Buyer.Email, "Authorization: Bearer", `/act"`)
	s.get(people.Operator, orderAddress(held.ID)).has(t, "a held order", http.StatusOK, "LEGACY", "/causes/", `value="retry"`, `value="skip"`, "Preview")
	s.get(people.Viewer, "/orders/9999").has(t, "an order that is not there", http.StatusNotFound, "9999")
	s.get(people.Viewer, "/orders/none").has(t, "no number", http.StatusNotFound)

	s.get(people.Operator, orderAddress(held.ID)+"/preview").has(t, "the preview of a held order", http.StatusOK, "It would be held")
	s.get(people.Operator, orderAddress(synced.ID)+"/preview").has(t, "the preview of a synced order", http.StatusOK, "Nothing would change")

	inList := s.get(people.Viewer, fmt.Sprintf("/orders/%d?list=", held.ID)+url.QueryEscape("state=held"))
	inList.has(t, "the order in its list", http.StatusOK, "/orders?state=held")

	act := func(id int64, form url.Values) answer { return s.post(people.Operator, orderAddress(id)+"/act", form) }
	act(held.ID, url.Values{"action": {"hold"}}).has(t, "holding without a reason", http.StatusUnprocessableEntity, "why")
	for _, c := range []struct{ action, says string }{{"skip", "skipped"}, {"release", "LEGACY"}, {"hold", "by operator: because"}} {
		if a := act(held.ID, url.Values{"action": {c.action}, "why": {"because"}}); a.status != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", c.action, a.status, mainOf(a.text))
		}
		s.Until("the page says "+c.says, func() bool { return strings.Contains(s.get(people.Viewer, orderAddress(held.ID)).text, c.says) })
	}
	s.get(people.Viewer, orderAddress(held.ID)).has(t, "what people did", http.StatusOK, "hold", "because", "operator")

	if a := s.post(people.Operator, orderAddress(synced.ID)+"/resync", url.Values{}); a.status != http.StatusSeeOther {
		t.Errorf("resync: %d\n%s", a.status, mainOf(a.text))
	}
	s.post(people.Operator, orderAddress(held.ID)+"/link", url.Values{"document": {"NO-SUCH"}, "why": {"test"}}).
		has(t, "linking to nothing", http.StatusUnprocessableEntity, "NO-SUCH")
	s.post(people.Operator, orderAddress(held.ID)+"/link", url.Values{"document": {synced.Document}, "why": {"test"}}).
		has(t, "linking to another order's document", http.StatusUnprocessableEntity)
}

func TestPersonalDataOfAnOrderIsShownWhenAsked(t *testing.T) {
	s, synced, _ := settledSite(t)
	s.post(people.Operator, "/reveal", url.Values{"show": {"yes"}})
	page := s.get(people.Operator, orderAddress(synced.ID))
	page.has(t, "the page", http.StatusOK, synced.Buyer.Email)
	if regexp.MustCompile(`class="masked"`).MatchString(page.text) {
		t.Error("something is still masked")
	}
}
