package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/sandbox"
	"github.com/orderlyhq/orderly/internal/store"
)

func TestAMapIsFilledIn(t *testing.T) {
	s := newFlowSite(t, "SHIPPING")
	s.bring(sandbox.MakeOptions{N: 3, Unknown: 1000}, nil)
	v, err := s.Desk.Maps(t.Context(), desk.MapQuery{})
	if err != nil || len(v.Unmapped) == 0 {
		t.Fatalf("unmapped %+v, %v", v, err)
	}
	missing, known := v.Unmapped[0], s.knownSKU()
	at := "/maps?flow=shop-to-erp&table=items"
	page := s.get(people.Operator, at)
	page.has(t, "the page", http.StatusOK, "Needs a row", missing.Key, fmt.Sprintf("/causes/%d", missing.CauseID), "wait", `name="new_key"`)
	s.get(people.Viewer, at).hasNot(t, "the page for a viewer", `name="new_key"`, `name="to"`, "Import into")

	row := url.Values{"flow": {"shop-to-erp"}, "table": {"items"}, "key": {missing.Key}, "was": {""}, "to": {"NOWHERE"}, "new_key": {"OLD-*", ""}, "new_to": {known, ""}, "why": {"a new article"}}
	s.post(people.Operator, at, row).has(t, "a code that is not there", http.StatusUnprocessableEntity, "NOWHERE: the ERP does not have it", `value="NOWHERE"`, `value="OLD-*"`, "Save although")
	row.Set("to", known)
	if a := s.post(people.Operator, at, row); a.status != http.StatusSeeOther || a.location != at {
		t.Fatalf("saving gives %d to %s\n%s", a.status, a.location, mainOf(a.text))
	}
	s.get(people.Operator, at).has(t, "the saved rows", http.StatusOK, `id="row-1"`, "pattern", known)
	s.post(people.Operator, at, row).has(t, "saving over somebody else's change", http.StatusSeeOther, "") // the same change is no other one
	row.Set("was", "ELSE")
	row.Set("to", "OTHER")
	row.Set("anyway", "yes")
	s.post(people.Operator, at, row).has(t, "saving what has changed since", http.StatusUnprocessableEntity, "somebody has changed this row meanwhile")
	s.post(people.Operator, at, url.Values{"flow": {"shop-to-erp"}, "table": {"items"}}).has(t, "saving nothing", http.StatusUnprocessableEntity, "Nothing was changed")

	history := s.get(people.Operator, "/maps/history?flow=shop-to-erp")
	history.has(t, "the history", http.StatusOK, missing.Key, "a new article", "Undo")
	changes, err := s.Desk.History(t.Context(), store.MapFilter{Flow: "shop-to-erp", Key: missing.Key, Limit: 5})
	if err != nil || len(changes) != 1 {
		t.Fatalf("history %+v, %v", changes, err)
	}
	undo := url.Values{"id": {fmt.Sprint(changes[0].ID)}}
	s.post(people.Viewer, "/maps/undo?flow=shop-to-erp", undo).has(t, "a viewer who undoes", http.StatusForbidden, "operator")
	s.post(people.Operator, "/maps/undo?flow=shop-to-erp", undo).has(t, "undoing", http.StatusSeeOther, "")
	s.post(people.Operator, "/maps/undo?flow=shop-to-erp", undo).has(t, "undoing twice", http.StatusConflict, "has changed since")

	s.post(people.Operator, at, url.Values{"flow": {"shop-to-erp"}, "table": {desk.TableSettings}, "key": {"unknown_item"}, "was": {""}, "to": {known}}).
		has(t, "a single value", http.StatusSeeOther, "")
	s.get(people.Viewer, "/maps?table=status").has(t, "why states have no table", http.StatusOK, "need no map")
}

func TestAMapGoesOutAndIn(t *testing.T) {
	s := newFlowSite(t, "SHIPPING")
	at := "/maps?flow=shop-to-erp&table=payments"
	rows := url.Values{"flow": {"shop-to-erp"}, "table": {"payments"}, "new_key": {"=paypal", "klarna"}, "new_to": {"PP", "KL"}}
	s.post(people.Operator, at, rows).has(t, "new rows", http.StatusSeeOther, "")
	out := s.get(people.Viewer, "/maps/export?flow=shop-to-erp&table=payments&separator=semicolon")
	if want := "\xef\xbb\xbfvalue;code\r\n'=paypal;PP\r\nklarna;KL\r\n"; out.text != want {
		t.Errorf("the file is %q; want %q", out.text, want)
	}
	file := strings.Replace(out.text, "KL", "KLARNA", 1) + "cash;CA\r\n\"broken;\r\n"
	form := url.Values{"flow": {"shop-to-erp"}, "table": {"payments"}, "text": {file}}
	s.get(people.Operator, "/maps/import?flow=shop-to-erp&table=payments").has(t, "the form", http.StatusOK, `type="file"`)
	plan := s.post(people.Operator, "/maps/import", form)
	plan.has(t, "the plan", http.StatusOK, "1 added, 1 changed, 0 removed, 1 unchanged, 1 line left out", "KLARNA", "must end with one")
	_, digest, _ := strings.Cut(plan.text, `name="digest" value="`)
	digest, _, _ = strings.Cut(digest, `"`)
	form.Set("digest", "another")
	s.post(people.Operator, "/maps/import/apply", form).has(t, "a plan that nobody has seen", http.StatusUnprocessableEntity, "look at the new plan")
	form.Set("digest", digest)
	s.post(people.Viewer, "/maps/import/apply", form).has(t, "a viewer who imports", http.StatusForbidden, "operator")
	s.post(people.Operator, "/maps/import/apply", form).has(t, "importing", http.StatusSeeOther, "")
	s.get(people.Viewer, at).has(t, "what was imported", http.StatusOK, "KLARNA", "cash", "=paypal")
	form.Set("text", "a,b\nc,d")
	s.post(people.Operator, "/maps/import", form).has(t, "a file without the columns", http.StatusUnprocessableEntity, "must name the columns")
}
