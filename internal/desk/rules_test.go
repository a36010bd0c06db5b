package desk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

func (o *mapOffice) rules() desk.Rules {
	o.Helper()
	v, err := o.Rules(o.Context(), "orders")
	if err != nil {
		o.Fatal(err)
	}
	return v.Rules
}

func TestRulesArePreviewedOnARealOrder(t *testing.T) {
	eachMapOffice(t, `{"mapping":{"items":{"X":"B"},"payments":{"paypal":"PP"}}}`, func(o *mapOffice) {
		if p, err := o.PreviewRules(o.Context(), "orders", o.rules(), ""); err != nil || p.Task != nil || p.Failed == "" {
			o.Errorf("without an order: %+v, %v", p, err)
		}
		o.arrive(mapSale("1001", "X"), mapSale("1002", "A"))
		before := len(o.erp.written)
		rules := o.rules()
		rules.OrderFields = map[string]string{"note": `"Web " + order.customer_reference`, "who": "order.buyer.display_name"}
		rules.CustomerFields = map[string]string{"group": "customer.customer_group"}
		p, err := o.PreviewRules(o.Context(), "orders", rules, "1001")
		if err != nil || p.Failed != "" || p.Document == nil {
			o.Fatalf("preview %+v, %v", p, err)
		}
		if p.Task.Number != "1001" || p.Order.Lines[0].SKU != "X" || p.Document.Lines[0].SKU != "B" || p.Document.Lines[0].Taxes != "Sales 19%" || p.Document.Gross != "119" {
			o.Errorf("order %+v\ndocument %+v", p.Order, p.Document)
		}
		if f := p.Document.Fields; len(f) != 2 || f[0].Value != "Web PO-1001" || f[0].Personal || f[1].Value != "Berta Beispiel" || !f[1].Personal {
			o.Errorf("fields %+v", f)
		}
		if len(p.Document.CustomerFields) != 1 {
			o.Errorf("customer fields %+v", p.Document.CustomerFields)
		}
		examples := map[string]desk.RuleName{}
		for _, n := range p.Names {
			examples[n.Path] = n
		}
		if n := examples["order.lines[0].sku"]; n.Example != "X" || n.Personal {
			o.Errorf("name %+v", n)
		}
		if n := examples["customer.emails[0]"]; n.Example != "berta@example.com" || !n.Personal {
			o.Errorf("name %+v", n)
		}
		if len(o.erp.written) != before {
			o.Error("a preview has written")
		}
		if p, err = o.PreviewRules(o.Context(), "orders", rules, ""); err != nil || p.Task == nil || p.Task.Number != "1002" {
			o.Errorf("the newest order is %+v, %v", p, err)
		}
		if _, err = o.PreviewRules(o.Context(), "orders", rules, "nobody"); err == nil {
			o.Error("an order that is not there was previewed")
		}
	})
}

func TestMistakesInRulesHaveTheirPlace(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.arrive(mapSale("1001", "A"))
		rules := o.rules()
		rules.Filter, rules.OrderFields, rules.Tolerance = "order.order_numbr == \"1\"", map[string]string{"note": "1 +", "empty": " "}, "much"
		rules.Guests = flow.GuestsOneAccount
		p, err := o.PreviewRules(o.Context(), "orders", rules, "")
		if err != nil {
			o.Fatal(err)
		}
		paths := map[string]desk.RuleProblem{}
		for _, problem := range p.Problems {
			paths[problem.Path] = problem
		}
		for _, path := range []string{"filter", "mapping.order_fields.note", "mapping.order_fields.empty", "orders.tolerance", "customers.guest_account"} {
			if _, ok := paths[path]; !ok {
				o.Errorf("nothing is wrong with %s: %+v", path, p.Problems)
			}
		}
		if at := paths["filter"]; at.Column == 0 || at.Line != 1 || strings.Contains(at.Message, "column") {
			o.Errorf("the place of a mistake: %+v", at)
		}
		if p.Order == nil || p.Document != nil {
			o.Error("with mistakes the order is shown and no document")
		}
		err = o.SaveRules(o.Context(), o.anna, "orders", rules, "")
		if _, ok := errors.AsType[*desk.RulesError](err); !ok {
			o.Errorf("rules with mistakes are saved: %v", err)
		}
	})
}

func TestWhatOtherRulesWouldChange(t *testing.T) {
	eachMapOffice(t, `{"mapping":{"order_fields":{"note":"order.customer_reference"}}}`, func(o *mapOffice) {
		for i := range 25 {
			o.arrive(mapSale(fmt.Sprint(1000+i), "A", func(order *commerce.Order) {
				if i%5 == 0 {
					order.PaymentState = commerce.PaymentPending
				}
			}))
		}
		asked := o.erp.asked
		rules := o.rules()
		rules.PaymentStates = []commerce.PaymentState{commerce.PaymentPaid}
		rules.OrderFields = map[string]string{"note": `order.order_number == "1007" ? "other" : order.customer_reference`}
		steps := 0
		c, err := o.CompareRules(o.Context(), "orders", rules, 20, func(done, of int) error {
			if steps++; done != steps || of != 20 {
				o.Errorf("step %d is told as %d of %d", steps, done, of)
			}
			return nil
		})
		if err != nil || c.Failed != "" || c.Wanted != 20 || c.Compared != 20 || c.Unchanged != 15 || len(c.Changed) != 5 {
			o.Fatalf("comparison %+v, %v", c, err)
		}
		for _, order := range c.Changed {
			want := desk.Difference{Field: "would", Before: "be written"}
			if order.Task.Number == "1007" {
				want = desk.Difference{Field: "field note", Before: "PO-1007", After: "other"}
			}
			got := order.Differences[0]
			if len(order.Differences) != 1 || got.Field != want.Field || got.Before != want.Before || (want.After != "" && got.After != want.After) {
				o.Errorf("order %s: %+v", order.Task.Number, order.Differences)
			}
		}
		if n := o.erp.asked - asked; n > 2 {
			o.Errorf("the ERP was asked %d times for the same article", n)
		}
		if c, err = o.CompareRules(o.Context(), "orders", o.rules(), 0, func(int, int) error { return nil }); err != nil || c.Unchanged != 25 {
			o.Errorf("the same rules: %+v, %v", c, err)
		}
		gone := errors.New("gone")
		if c, err = o.CompareRules(o.Context(), "orders", rules, 20, func(int, int) error { return gone }); err != nil || c.Compared != 1 {
			o.Errorf("a comparison whose reader has gone: %+v, %v", c, err)
		}
	})
}

func TestRulesAreSavedAndUndone(t *testing.T) {
	eachMapOffice(t, `{"filter":"true","mapping":{"order_fields":{"a":"order.order_number","b":"order.order_number"},"items":{"X":"B"}}}`, func(o *mapOffice) {
		rules := o.rules()
		if text, err := o.PlanRules(o.Context(), "orders", rules); err != nil || text != "" {
			o.Errorf("plan of nothing: %q, %v", text, err)
		}
		rules.Filter, rules.OrderFields = "", map[string]string{"b": "1", "c": "2"}
		rules.PaymentStates, rules.Confirm, rules.Tolerance = []commerce.PaymentState{commerce.PaymentPaid, commerce.PaymentAuthorized}, false, "0.05"
		text, err := o.PlanRules(o.Context(), "orders", rules)
		if err != nil || !strings.Contains(text, "mapping.order_fields.c: 2") || !strings.Contains(text, "orders.tolerance: 0.05") {
			o.Errorf("plan %s, %v", text, err)
		}
		if err := o.SaveRules(o.Context(), o.anna, "orders", rules, "for March"); err != nil {
			o.Fatal(err)
		}
		f, _ := o.node.Flow("orders")
		if f.Config.Orders.Confirm || f.Config.Mapping.OrderFields["c"] != "2" || f.Config.Mapping.Items["X"] != "B" || f.Config.Filter != "" {
			o.Errorf("at work is %+v", f.Config)
		}
		v, err := o.Rules(o.Context(), "")
		if err != nil || v.Last == nil || !v.Last.Undoable || v.Last.Why != "for March" || len(v.Last.Changes) != 7 {
			o.Fatalf("last change %+v, %v", v.Last, err)
		}
		if err := o.UndoRules(o.Context(), o.anna, "orders", "was wrong"); err != nil {
			o.Fatal(err)
		}
		now := o.rules()
		if now.Filter != "true" || len(now.OrderFields) != 2 || now.OrderFields["a"] != "order.order_number" || !now.Confirm || now.Tolerance != "" || len(now.PaymentStates) != 0 {
			o.Errorf("after undoing: %+v", now)
		}
		// Somebody changes one of the values otherwise: then the undoing of the undoing must refuse.
		err = o.store.Write(o.Context(), func(ctx context.Context, tx store.Tx) error {
			return o.store.SaveFlow(ctx, tx, store.Flow{Name: "orders", Source: "shop", Destination: "erp", Config: `{"filter":"false"}`}, v.Last.At)
		})
		if err != nil {
			o.Fatal(err)
		}
		if v, err = o.Rules(o.Context(), "orders"); err != nil || v.Last.Undoable {
			o.Errorf("last change %+v, %v", v.Last, err)
		}
		err = o.UndoRules(o.Context(), o.anna, "orders", "")
		if _, ok := errors.AsType[*desk.InputError](err); !ok {
			o.Errorf("undoing what has changed since: %v", err)
		}
	})
}
