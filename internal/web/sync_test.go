package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/sandbox"
	"github.com/orderlyhq/orderly/internal/store"
)

// flowFormValues is the form of a flow as it comes up, for a flow from shopify to odoo that is set off by hand
// alone.
func flowFormValues() url.Values {
	return url.Values{
		"name": {"shop-to-erp"}, "from": {"shopify"}, "to": {"odoo"}, "records": {"order"}, "triggers.schedule": {"off"},
		"customers.match": {"external_id", "email"}, "customers.guests": {"by_email"}, "customers.create": {"true"}, "customers.update": {"true"},
		"orders.confirm": {"true"}, "orders.invoice": {"never"}, "orders.edits": {"apply"}, "orders.cancellations": {"apply"}, "orders.attempts": {"12"},
	}
}

func TestMakingAFlowAndRunningItByHand(t *testing.T) {
	s := newSite(t, "shopify", "odoo")
	s.get(people.Operator, "/sync").has(t, "running without a flow", http.StatusOK, "There is no flow to run")
	s.get(people.Admin, "/flows").has(t, "the empty list", http.StatusOK, "There is no flow yet")
	s.get(people.Admin, "/flows/new").has(t, "a flow without connections", http.StatusOK, "Two connections come first")
	s.Connect("shopify")
	s.Connect("odoo")
	s.get(people.Admin, "/flows/new").has(t, "the form", http.StatusOK, `value="shopify" selected`, `value="shopify-to-odoo"`, "Next polls", "Make the invoice", `value="10m"`)

	form := flowFormValues()
	form.Set("triggers.schedule", "*/10 * * *")
	form.Set("orders.tolerance", "much")
	form.Set("orders.attempts", "1000")
	bad := s.post(people.Admin, "/flows", form)
	bad.has(t, "the form with mistakes", http.StatusUnprocessableEntity, "is neither an interval", "is no number", "1000 is not between 1 and 100", `value="*/10 * * *"`)
	form.Set("create", "yes")
	s.post(people.Admin, "/flow-preview", form).has(t, "the preview of mistakes", http.StatusOK, "flow-preview", "is neither an interval")
	form = flowFormValues()
	form.Set("create", "yes")
	form.Set("triggers.schedule", "0 6 * * 1-5")
	s.post(people.Admin, "/flow-preview", form).has(t, "the preview", http.StatusOK, "06:00:00 UTC")
	if a := s.post(people.Admin, "/flows", flowFormValues()); a.status != http.StatusSeeOther || a.location != "/flows/shop-to-erp" {
		t.Fatalf("saving gives %+v", a)
	}
	again := flowFormValues()
	again.Set("name", "again")
	s.post(people.Admin, "/flows", again).has(t, "a flow that does the same", http.StatusUnprocessableEntity, "carry the same")
	edited := flowFormValues()
	edited.Set("orders.invoice", "paid")
	if a := s.post(people.Admin, "/flows/shop-to-erp", edited); a.status != http.StatusSeeOther {
		t.Fatalf("changing gives %+v", a)
	}
	s.get(people.Viewer, "/flows/shop-to-erp").has(t, "the page", http.StatusOK, "at work", "when the order is paid", "by hand alone")
	s.get(people.Viewer, "/flows").has(t, "the list", http.StatusOK, "shop-to-erp", "shopify → odoo")
	s.get(people.Admin, "/flows/shop-to-erp/edit").has(t, "the form of what is there", http.StatusOK, `value="paid" selected`, `action="/flows/shop-to-erp"`)
	code := s.get(people.Viewer, "/code")
	code.has(t, "the code", http.StatusOK, "shop-to-erp:", "invoice: paid", "${env:")
	code.hasNot(t, "the code", s.Settings("odoo")["api_key"])
	s.get(people.Viewer, "/code/orderly.yaml").has(t, "the download", http.StatusOK, "from: shopify")

	// Two orders are there; they are counted, brought, and watched to the end.
	if err := s.Sandbox.SetFaults("shopify", sandbox.Fault{Kind: sandbox.WebhookLost}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sandbox.Make("shopify", sandbox.MakeOptions{N: 2}); err != nil {
		t.Fatal(err)
	}
	s.get(people.Operator, "/sync").has(t, "the form", http.StatusOK, "shop-to-erp", "No range has been brought by hand yet")
	s.post(people.Operator, "/sync", url.Values{"flow": {"shop-to-erp"}, "kind": {"order"}, "what": {"range"}}).has(t, "a range of nothing", http.StatusUnprocessableEntity, "enter a date, or choose everything")
	s.post(people.Operator, "/sync", url.Values{"flow": {"shop-to-erp"}, "kind": {"order"}, "what": {"range"}, "since": {"2026-02-01"}, "until": {"2026-01-01"}}).
		has(t, "a range that ends before it begins", http.StatusUnprocessableEntity, "the end is not after the begin")
	s.post(people.Operator, "/sync", url.Values{"flow": {"shop-to-erp"}, "kind": {"customer"}, "what": {"all"}}).has(t, "records that the flow does not carry", http.StatusUnprocessableEntity, "does not carry")
	everything := url.Values{"flow": {"shop-to-erp"}, "kind": {"order"}, "what": {"all"}, "do": {"count"}}
	s.post(people.Operator, "/sync", everything).has(t, "the count", http.StatusOK, "shopify says 2 orders.", "Bring 2 orders", `name="total" value="2"`)
	everything.Set("do", "start")
	everything.Set("counted", "flow=shop-to-erp&kind=order&what=all")
	everything.Set("total", "2")
	started := s.post(people.Operator, "/sync", everything)
	if started.status != http.StatusSeeOther || started.location != "/sync/1" {
		t.Fatalf("starting gives %+v", started)
	}
	s.Until("the page says that it is done", func() bool {
		a := s.get(people.Viewer, "/sync/1")
		return strings.Contains(a.text, "badge good") && strings.Contains(a.text, "nothing is left")
	})
	s.get(people.Operator, "/sync/1").has(t, "the page of the run", http.StatusOK, "2 of 2", "2 new or changed")
	s.get(people.Operator, "/sync").has(t, "the list of runs", http.StatusOK, `id="run-1"`, "everything")
	s.post(people.Operator, "/sync/1", url.Values{"do": {"stop"}}).has(t, "stopping what is done", http.StatusUnprocessableEntity, "is done")
	s.get(people.Viewer, "/sync/99").has(t, "a run that is not there", http.StatusNotFound)

	tasks, err := s.Store.Tasks(t.Context(), store.TaskFilter{Flow: "shop-to-erp", Limit: 2})
	if err != nil || len(tasks) != 2 {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	one := url.Values{"flow": {"shop-to-erp"}, "kind": {"order"}, "what": {"record"}, "record": {tasks[0].Number}, "do": {"count"}}
	brought := s.post(people.Operator, "/sync", one)
	if brought.status != http.StatusSeeOther || !strings.HasPrefix(brought.location, "/sync/record/") {
		t.Fatalf("bringing one gives %+v", brought)
	}
	s.get(people.Operator, brought.location).has(t, "the outcome", http.StatusOK, "Open the order", tasks[0].SourceID)
	one.Set("record", "999999999")
	s.post(people.Operator, "/sync", one).has(t, "one that is not there", http.StatusUnprocessableEntity, "has no order with the id")
	if a := s.post(people.Operator, "/sync/poll", url.Values{"flow": {"shop-to-erp"}}); a.status != http.StatusSeeOther {
		t.Errorf("asking for changes gives %+v", a)
	}

	if a := s.post(people.Operator, "/flows/shop-to-erp/pause", url.Values{"do": {"pause"}, "why": {"new prices"}}); a.status != http.StatusSeeOther {
		t.Errorf("pausing gives %+v", a)
	}
	s.get(people.Viewer, "/flows/shop-to-erp").has(t, "the paused page", http.StatusOK, "Paused: new prices")
	if a := s.post(people.Admin, "/flows/shop-to-erp/remove", url.Values{"why": {"the shop closes"}}); a.status != http.StatusSeeOther || a.location != "/flows" {
		t.Errorf("removing gives %+v", a)
	}
	s.get(people.Viewer, "/flows").has(t, "the list after it", http.StatusOK, "There is no flow yet")
}
