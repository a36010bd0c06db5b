package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/sandbox"
	"github.com/orderlyhq/orderly/internal/store"
)

// newFlowSite is a site with a flow from a shop to an ERP that is set off by hand alone.
func newFlowSite(t *testing.T, shipping string) *site {
	t.Helper()
	s := newSite(t, "shopify", "odoo")
	s.Connect("shopify")
	s.Connect("odoo")
	if a := s.post(people.Admin, "/flows", flowFormValues()); a.status != http.StatusSeeOther {
		t.Fatalf("making the flow gives %d\n%s", a.status, mainOf(a.text))
	}
	for table, rows := range map[string]map[string]string{
		"shipping": {"*": shipping}, "charges": {"*": "FEE"},
		desk.TableSettings: {"discount_item": "DISCOUNT", "rounding_item": "ROUNDING", "gift_card_item": "GIFTCARD"},
	} {
		if err := s.Desk.SetMapRows(t.Context(), s.Anna, "shop-to-erp", table, rows, "test"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Sandbox.SetFaults("shopify", sandbox.Fault{Kind: sandbox.WebhookLost}); err != nil {
		t.Fatal(err)
	}
	return s
}

// bring has orders made in the shop and brings them to the end of their way.
func (s *site) bring(o sandbox.MakeOptions, before func([]sandbox.Order)) []store.TaskRow {
	s.Helper()
	made, err := s.Sandbox.Make("shopify", o)
	if err != nil {
		s.Fatal(err)
	}
	if before != nil {
		before(made)
	}
	for _, order := range made {
		if err := s.Node.Intake().SyncRecord(s.Context(), "shopify", connector.Ref{Kind: commerce.KindOrder, ID: order.Source.ExternalID}, nil); err != nil {
			s.Fatal(err)
		}
	}
	var rows []store.TaskRow
	s.Until("all orders are settled", func() bool {
		rows, err = s.Store.Tasks(s.Context(), store.TaskFilter{Limit: 100})
		if err != nil {
			s.Fatal(err)
		}
		settled := 0
		for _, r := range rows {
			if r.State != store.TaskWaiting && r.State != store.TaskWorking {
				settled++
			}
		}
		return settled >= len(made)
	})
	return rows
}

func TestACauseIsFixedFromItsPage(t *testing.T) {
	s := newFlowSite(t, "SHIPPING")
	s.get(people.Viewer, "/causes").has(t, "the empty list", http.StatusOK, "Nothing is held and nothing has failed")
	s.get(people.Viewer, "/causes?state=closed").has(t, "the closed ones", http.StatusOK, "closes by itself")
	s.bring(sandbox.MakeOptions{N: 4, Unknown: 1000}, nil)
	list, err := s.Desk.Causes(t.Context(), desk.CauseFilter{})
	if err != nil || len(list.Causes) == 0 {
		t.Fatalf("causes %+v, %v", list, err)
	}
	c := list.Causes[0]
	at := fmt.Sprintf("/causes/%d", c.ID)
	seen := s.get(people.Viewer, "/causes")
	seen.has(t, "the list", http.StatusOK, "The destination has no article with this SKU", c.Value, "shop-to-erp", at, "of the last 24 hours", string(c.Stake[0].Currency))
	seen.hasNot(t, "the list for a viewer", "Assign to me", at+"/snooze")
	s.get(people.Operator, "/causes").has(t, "the list for an operator", http.StatusOK, `data-key="e"`, `data-key="s"`, `data-key="a"`)

	page := s.get(people.Viewer, at)
	page.has(t, "the page", http.StatusOK, "lines[].sku", c.Value, "What to do:", "/orders?cause=", "held", "an operator can fix this")
	page.hasNot(t, "the page for a viewer", at+"/fix", "Retry all")
	s.get(people.Operator, at).has(t, "the page for an operator", http.StatusOK, at+"/fix", "Save and try one order", "Or set: Article for unknown SKUs", "Retry all", `value="`+c.Value+`"`)
	s.get(people.Viewer, "/causes/99").has(t, "a cause that is not there", http.StatusNotFound, "There is no cause 99")
	s.get(people.Viewer, "/causes/x").has(t, "no number", http.StatusNotFound)

	row := url.Values{"table": {"items"}, "key": {c.Value}, "value": {"NO-SUCH"}, "target": {"fix-0-code"}}
	s.post(people.Operator, at+"/code", row).has(t, "the hint for a wrong code", http.StatusOK, `id="fix-0-code"`, "the ERP does not have it")
	s.get(people.Operator, at+"/preview?"+row.Encode()).has(t, "the preview of a wrong row", http.StatusOK, "0 of ", "would be held for another reason", `value="NO-SUCH"`)
	empty := url.Values{"table": {"items"}, "key": {c.Value}}
	s.get(people.Operator, at+"/preview?"+empty.Encode()).has(t, "the preview without a value", http.StatusUnprocessableEntity, "say what it becomes in the ERP", `id="fix-0-value-error"`)
	s.post(people.Operator, at+"/fix", empty).has(t, "the form without a value", http.StatusUnprocessableEntity, "say what it becomes in the ERP")
	s.get(people.Operator, at+"/preview").has(t, "the preview as it is", http.StatusOK, "would be held again")

	good := s.knownSKU()
	row.Set("value", good)
	s.post(people.Operator, at+"/code", row).has(t, "the hint", http.StatusOK, "badge good", good)
	preview := s.get(people.Operator, at+"/preview?"+row.Encode())
	preview.has(t, "the preview", http.StatusOK, "would be created", "Nothing was written", `value="`+good+`"`)
	preview.hasNot(t, "the preview", `data-live="/live"`)

	row.Set("then", "try")
	saved := s.post(people.Operator, at+"/fix", row)
	if saved.status != http.StatusSeeOther || !strings.HasPrefix(saved.location, at+"?tried=") {
		t.Fatalf("saving gives %+v", saved)
	}
	s.Until("the tried order is in the ERP", func() bool {
		return strings.Contains(s.get(people.Operator, saved.location).text, "It is in the ERP as")
	})
	if c.Tasks > 1 {
		s.get(people.Operator, saved.location).has(t, "the page after one was tried", http.StatusOK, "Retry the other")
		if a := s.post(people.Operator, at+"/retry", url.Values{"why": {"it works"}}); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/bulk/") {
			t.Errorf("retrying all gives %+v", a)
		} else {
			s.Until("all are tried", func() bool { return strings.Contains(s.get(people.Operator, a.location).text, "changed.") })
			s.get(people.Operator, a.location).has(t, "the bulk action", http.StatusOK, "it works", "Back to the cause", `href="`+at+`"`)
		}
	}
	s.Until("the cause has closed", func() bool { return strings.Contains(s.get(people.Viewer, at).text, "it has closed by itself") })
	s.get(people.Viewer, "/causes?state=closed").has(t, "the closed ones", http.StatusOK, c.Value)
	s.post(people.Operator, at+"/try", nil).has(t, "trying one of none", http.StatusUnprocessableEntity, "no order has this cause any more")
}

// knownSKU gives the SKU of an article that the ERP has.
func (s *site) knownSKU() string {
	s.Helper()
	made, err := s.Sandbox.Make("shopify", sandbox.MakeOptions{N: 1})
	if err != nil {
		s.Fatal(err)
	}
	return made[0].Lines[0].SKU
}

func TestAnArticleForShippingIsNamed(t *testing.T) {
	s := newFlowSite(t, "")
	rows := s.bring(sandbox.MakeOptions{N: 1}, nil)
	if rows[0].State != store.TaskHeld {
		t.Fatalf("order %+v; want it held for its shipping", rows[0])
	}
	page := s.get(people.Operator, "/causes/1")
	page.has(t, "the page", http.StatusOK, "needs a product for this", `name="table" value="shipping"`, "SKU of the ERP&#39;s article for it", `<option value="*">`)
	saved := s.post(people.Operator, "/causes/1/fix", url.Values{"table": {"shipping"}, "key": {"*"}, "value": {"SHIPPING"}, "then": {"try"}})
	if saved.status != http.StatusSeeOther {
		t.Fatalf("saving gives %d\n%s", saved.status, mainOf(saved.text))
	}
	s.Until("the order is in the ERP", func() bool {
		return strings.Contains(s.get(people.Operator, saved.location).text, "No other order has this cause")
	})
}

func TestAPreviewThatFailsTellsNothingOfTheInside(t *testing.T) {
	s := newFlowSite(t, "")
	s.bring(sandbox.MakeOptions{N: 1}, nil)
	err := s.Store.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE flows SET name = 'other'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a := s.get(people.Operator, "/causes/1/preview")
	a.has(t, "the preview", http.StatusInternalServerError, "The preview could not be made.", "log says what failed")
	a.hasNot(t, "the preview", "there is no flow")
}

func TestACauseIsPutAside(t *testing.T) {
	s := newFlowSite(t, "SHIPPING")
	s.bring(sandbox.MakeOptions{N: 1, Unknown: 1000}, nil)
	post := func(what string, form url.Values) {
		t.Helper()
		if a := s.post(people.Operator, "/causes/1/"+what, form); a.status != http.StatusSeeOther {
			t.Errorf("%s gives %d\n%s", what, a.status, mainOf(a.text))
		}
	}
	post("assign", url.Values{"owner": {"me"}, "back": {"/causes"}})
	s.get(people.Viewer, "/causes?owner=operator").has(t, "the operator's", http.StatusOK, "/causes/1", "of operator")
	s.get(people.Viewer, "/causes?owner=admin").has(t, "somebody else's", http.StatusOK, "Nothing matches")
	post("snooze", url.Values{"for": {"1d"}})
	s.get(people.Viewer, "/causes?state=snoozed").has(t, "the snoozed ones", http.StatusOK, "/causes/1", "until")
	s.post(people.Operator, "/causes/1/snooze", url.Values{"until": {"tomorrow"}}).has(t, "a day that is none", http.StatusUnprocessableEntity, "write a day such as")
	s.post(people.Operator, "/causes/1/snooze", url.Values{"until": {"2020-01-01"}}).has(t, "a day that is over", http.StatusUnprocessableEntity, "is over already")
	post("reopen", nil)
	s.get(people.Viewer, "/causes").has(t, "the open ones", http.StatusOK, "/causes/1")
	s.post(people.Operator, "/causes/1/ignore", nil).has(t, "ignoring without a reason", http.StatusUnprocessableEntity, "say why")
	post("ignore", url.Values{"why": {"samples"}})
	s.get(people.Viewer, "/causes?state=ignored").has(t, "the ignored ones", http.StatusOK, "ignored: samples")
	s.Until("the order is left out", func() bool {
		rows, err := s.Store.Tasks(t.Context(), store.TaskFilter{Limit: 2})
		return err == nil && len(rows) > 0 && rows[0].State == store.TaskSkipped
	})
}

func TestACustomerIsChosenUnderReview(t *testing.T) {
	s := newFlowSite(t, "SHIPPING")
	s.get(people.Viewer, "/review").has(t, "the empty page", http.StatusOK, "Nothing waits for a decision")
	var email string
	rows := s.bring(sandbox.MakeOptions{N: 1}, func(made []sandbox.Order) {
		email = made[0].Buyer.Email()
		erp, err := s.Node.Connection("odoo")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			draft := connector.CustomerDraft{Key: connector.Key(fmt.Sprint("twin-", i)), Customer: commerce.Customer{DisplayName: fmt.Sprint("Twin ", i), Emails: []string{email}}}
			if _, err := erp.Conn.Customers.SaveCustomer(t.Context(), draft); err != nil {
				t.Fatal(err)
			}
		}
	})
	if email == "" || len(rows) != 1 || rows[0].State != store.TaskHeld {
		t.Fatalf("the buyer is %q, the order %+v; want it held", email, rows)
	}
	page := s.get(people.Operator, "/review")
	page.has(t, "the page", http.StatusOK, "Which of these customers bought this?", "the e-mail address", rows[0].Number, "same", "make a new customer", "T•••")
	page.hasNot(t, "the page", email, "Twin 0")
	viewed := s.get(people.Viewer, "/review")
	viewed.has(t, "the page for a viewer", http.StatusOK, rows[0].Number)
	viewed.hasNot(t, "the page for a viewer", "Choose and go on")
	s.get(people.Operator, "/causes/1").has(t, "its cause", http.StatusOK, "Decide under Review")

	list, err := s.Desk.Reviews(t.Context())
	if err != nil || len(list.Matches) != 1 {
		t.Fatalf("reviews %+v, %v", list, err)
	}
	at := fmt.Sprintf("/review/%d/choose", rows[0].ID)
	s.post(people.Operator, at, nil).has(t, "no choice", http.StatusUnprocessableEntity, "choose one")
	chosen := url.Values{"choice": {choiceOf + list.Matches[0].Question.Candidates[1].ID}, "why": {"she said so"}}
	if a := s.post(people.Operator, at, chosen); a.status != http.StatusSeeOther || a.location != "/review" {
		t.Fatalf("choosing gives %d\n%s", a.status, mainOf(a.text))
	}
	s.Until("the order is in the ERP", func() bool {
		now, err := s.Store.TaskRows(t.Context(), []int64{rows[0].ID})
		return err == nil && now[0].State == store.TaskSynced
	})
	s.get(people.Viewer, "/review").has(t, "the page after it", http.StatusOK, "Nothing waits for a decision")
	s.post(people.Operator, at, chosen).has(t, "choosing again", http.StatusUnprocessableEntity, "does not wait for this any more")
	s.post(people.Operator, fmt.Sprintf("/review/%d/decide", rows[0].ID), url.Values{"decision": {"apply"}}).has(t, "deciding what is not held", http.StatusUnprocessableEntity, "is not held any more")
	s.post(people.Operator, "/review/x/decide", nil).has(t, "no number", http.StatusNotFound)
}

func TestWhoMayDoWhatWithCauses(t *testing.T) {
	s := newSite(t)
	for _, some := range [][]route{s.server.causeRoutes(), s.server.reviewRoutes()} {
		for _, r := range some {
			method, path, _ := strings.Cut(r.pattern, " ")
			path = strings.ReplaceAll(path, "{id}", "1")
			if method == http.MethodPost && r.need != people.Operator {
				t.Errorf("%s changes something and needs %s", r.pattern, r.need)
			}
			if r.need == people.Operator {
				s.do(people.Viewer, method, path, url.Values{}).has(t, r.pattern+" by a viewer", http.StatusForbidden, "Not with your role")
			}
		}
	}
}
