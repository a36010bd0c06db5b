package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/sandbox"
)

// ruleValues is the form of rules of the flow as it is, with one rule.
func ruleValues(name, expression string) url.Values {
	return url.Values{
		"flow": {"shop-to-erp"}, "filter": {""}, "confirm": {"yes"}, "invoice": {"never"}, "edits": {"apply"}, "cancellations": {"apply"}, "tolerance": {""},
		"guests": {"by_email"}, "guest_account": {""}, "create": {"yes"}, "order_name": {name, ""}, "order_expression": {expression, ""}, "orders": {"20"},
	}
}

func TestRulesAreTriedAndSaved(t *testing.T) {
	s := newFlowSite(t, "SHIPPING")
	s.get(people.Viewer, "/mapping").has(t, "the page without an order", http.StatusOK, "No order of this flow has been read yet")
	rows := s.bring(sandbox.MakeOptions{N: 4}, nil)
	page := s.get(people.Viewer, "/mapping")
	page.has(t, "the page", http.StatusOK, "Document in odoo", "disabled", rows[0].Number, "order.lines[0].sku", "class=\"masked\"")
	page.hasNot(t, "the page for a viewer", "Review and save", "@example")

	rule := ruleValues("note", `"Web " + order.order_number`)
	s.post(people.Operator, "/mapping/preview", rule).has(t, "a try", http.StatusOK, "Web "+rows[0].Number, "Fields by rules", "mapping-editor")
	wrong := ruleValues("note", "order.order_numbr")
	s.post(people.Operator, "/mapping/preview", wrong).has(t, "a mistake", http.StatusOK, "column", "order_numbr", "1 rule has a mistake")
	s.post(people.Operator, "/mapping/compare", wrong).has(t, "comparing a mistake", http.StatusUnprocessableEntity, "order_numbr")

	compared := s.post(people.Operator, "/mapping/compare", rule)
	compared.has(t, "the comparison", http.StatusOK, "4 of 4 orders", "field note", "Web "+rows[0].Number, "Compared")
	if !strings.HasSuffix(strings.TrimSpace(compared.text), "</html>") {
		t.Error("the page of a comparison has no end")
	}

	s.post(people.Operator, "/mapping/plan", rule).has(t, "an operator who saves", http.StatusForbidden, "admin")
	s.post(people.Admin, "/mapping/plan", rule).has(t, "the plan", http.StatusOK, "change flow shop-to-erp", "mapping.order_fields.note", `name="why"`)
	s.post(people.Admin, "/mapping/save", rule).has(t, "saving without a reason", http.StatusUnprocessableEntity, "Say why")
	rule.Set("why", "the warehouse wants it")
	s.post(people.Admin, "/mapping/save", rule).has(t, "saving", http.StatusSeeOther, "")
	s.get(people.Admin, "/mapping").has(t, "the saved rules", http.StatusOK, "order.order_number", "the warehouse wants it", "Undo this change")
	twice := rule
	twice["order_name"], twice["order_expression"] = []string{"note", "note"}, []string{"1", "2"}
	s.post(people.Admin, "/mapping/save", twice).has(t, "two rules of one field", http.StatusUnprocessableEntity, "two rules for this field")

	s.post(people.Operator, "/mapping/undo", url.Values{"flow": {"shop-to-erp"}}).has(t, "an operator who undoes", http.StatusForbidden, "admin")
	s.post(people.Admin, "/mapping/undo", url.Values{"flow": {"shop-to-erp"}, "why": {"no"}}).has(t, "undoing", http.StatusSeeOther, "")
	f, _ := s.Node.Flow("shop-to-erp")
	if len(f.Config.Mapping.OrderFields) != 0 {
		t.Errorf("at work is %+v", f.Config.Mapping.OrderFields)
	}
}
