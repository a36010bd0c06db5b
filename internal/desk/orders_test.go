package desk_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// orderConfig carries orders to the pretend ERP.
const orderConfig = `{"customers":{"create":true}}`

// started opens the desk for what runs in the background.
func (o *mapOffice) started() {
	o.Helper()
	if err := o.Start(o.Context()); err != nil {
		o.Fatal(err)
	}
	o.Cleanup(o.Stop)
}

// numbers gives the orders that a filter chooses, in the order of the list.
func (o *mapOffice) numbers(f desk.OrderFilter) string {
	o.Helper()
	page, err := o.ListOrders(o.Context(), f, desk.OrdersOnPage)
	if err != nil {
		o.Fatal(err)
	}
	return numbersOf(page.Orders)
}

func numbersOf(rows []store.TaskRow) string {
	var list []string
	for _, r := range rows {
		list = append(list, r.Number)
	}
	return strings.Join(list, " ")
}

func wrongField(t *testing.T, err error, field string) {
	t.Helper()
	wrong, ok := errors.AsType[*desk.InputError](err)
	if !ok || wrong.Field != field {
		t.Errorf("got %v; want a mistake in the field %q", err, field)
	}
}

func priced(amount string) func(*commerce.Order) {
	return func(o *commerce.Order) {
		gross := money.New(decimal.RequireFromString(amount), "EUR")
		zero := money.New(money.Zero, "EUR")
		l := &o.Lines[0]
		l.UnitPrice, l.LineNet, l.LineTax, l.LineGross = commerce.Price{Net: gross, Gross: gross}, gross, zero, gross
		l.Taxes, o.Payments = nil, nil
	}
}

func bought(name, email string) func(*commerce.Order) {
	return func(o *commerce.Order) { o.Buyer = commerce.Customer{DisplayName: name, Emails: []string{email}} }
}

func TestOrdersAreFoundAndChosen(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1001", "A", bought("Anna Lind", "anna@example.com")))
		o.arrive(mapSale("1002", "X", priced("250.00")))
		o.arrive(mapSale("1003", "B", priced("12.50")))
		o.started()
		for name, c := range map[string]struct {
			filter desk.OrderFilter
			want   string
		}{
			"all, the newest first": {desk.OrderFilter{}, "1003 1002 1001"},
			"a state":               {desk.OrderFilter{States: []store.TaskState{store.TaskHeld}}, "1002"},
			"two states":            {desk.OrderFilter{States: []store.TaskState{store.TaskHeld, store.TaskSynced}}, "1003 1002 1001"},
			"a number":              {desk.OrderFilter{Search: "1002"}, "1002"},
			"an e-mail address":     {desk.OrderFilter{Search: "Anna@Example.com"}, "1001"},
			"a name":                {desk.OrderFilter{Search: "lind"}, "1001"},
			"a SKU":                 {desk.OrderFilter{Search: "B"}, "1003"},
			"an amount":             {desk.OrderFilter{Search: "250.00"}, "1002"},
			"a document":            {desk.OrderFilter{Search: "SO2"}, "1003"},
			"amounts":               {desk.OrderFilter{Min: "100", Max: "119"}, "1001"},
			"without a document":    {desk.OrderFilter{Document: "no"}, "1002"},
			"with a document":       {desk.OrderFilter{Document: "yes"}, "1003 1001"},
			"a way":                 {desk.OrderFilter{Via: store.ViaWebhook}, ""},
			"a source":              {desk.OrderFilter{Source: "shop", Destination: "erp", Flow: "orders"}, "1003 1002 1001"},
			"another source":        {desk.OrderFilter{Source: "elsewhere"}, ""},
			"the longest waiting":   {desk.OrderFilter{Sort: desk.SortWaiting}, "1002"},
			"customers":             {desk.OrderFilter{Kind: desk.KindCustomers}, ""},
			"since an hour ago":     {desk.OrderFilter{Since: "1h"}, "1003 1002 1001"},
			"until yesterday":       {desk.OrderFilter{Until: time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)}, ""},
			"until today":           {desk.OrderFilter{Until: time.Now().UTC().Format(time.DateOnly)}, "1003 1002 1001"},
		} {
			if got := o.numbers(c.filter); got != c.want {
				o.Errorf("%s gives %q; want %q", name, got, c.want)
			}
		}
		counts, err := o.StateCounts(o.Context(), desk.OrderFilter{Flow: "orders", States: []store.TaskState{store.TaskHeld}})
		if err != nil || counts[store.TaskHeld] != 1 || counts[store.TaskSynced] != 2 {
			o.Errorf("counts %v, %v", counts, err)
		}
		if counts, err := o.StateCounts(o.Context(), desk.OrderFilter{Min: "3"}); counts != nil || err != nil {
			o.Errorf("a filter that the figures do not know has the counts %v, %v", counts, err)
		}
		if n, more, err := o.CountOrders(o.Context(), desk.OrderFilter{Document: "yes"}); n != 2 || more || err != nil {
			o.Errorf("%d (more: %v) orders have a document, %v", n, more, err)
		}
	})
}

func TestMistakesInAFilterNameTheirField(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for field, f := range map[string]desk.OrderFilter{
		"since": {Since: "soon"}, "until": {Until: "-3h"}, "min": {Min: "1,50"}, "max": {Max: "much"}, "kind": {Kind: "invoice"},
		"state": {States: []store.TaskState{"lost"}}, "via": {Via: "pigeon"}, "sort": {Sort: "amount"}, "document": {Document: "maybe"},
	} {
		_, err := f.Tasks(now)
		wrongField(t, err, field)
	}
	f, err := desk.OrderFilter{Since: "7d", Until: "2026-11-24"}.Tasks(now)
	if err != nil || !f.Since.Equal(now.AddDate(0, 0, -7)) || !f.Until.Equal(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("7d to 2026-11-24 is %s to %s, %v", f.Since, f.Until, err)
	}
}

func FuzzOrderFilterSurvivesItsAddress(f *testing.F) {
	f.Add("q=anna&state=held&state=failed&after=a&after=b&cause=3&kind=all")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		once := desk.ParseOrderFilter(q)
		if again := desk.ParseOrderFilter(once.Values()); !reflect.DeepEqual(once, again) && once.Cause >= 0 {
			t.Errorf("%+v comes back as %+v", once, again)
		}
		_, _ = once.Tasks(time.Now())
	})
}

func TestPagesAndNeighbours(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		var list []commerce.Order
		for i := range 2*desk.OrdersOnPage + 3 {
			list = append(list, mapSale(fmt.Sprint(5000+i), "X"))
		}
		o.arrive(list...)
		f := desk.OrderFilter{States: []store.TaskState{store.TaskHeld}}
		first, err := o.ListOrders(o.Context(), f, desk.OrdersOnPage)
		if err != nil || len(first.Orders) != desk.OrdersOnPage || first.Next == "" {
			o.Fatalf("the first page has %d, %v", len(first.Orders), err)
		}
		second := f.Next(first.Next)
		page, err := o.ListOrders(o.Context(), desk.ParseOrderFilter(second.Values()), desk.OrdersOnPage)
		if err != nil || len(page.Orders) != desk.OrdersOnPage {
			o.Fatalf("the second page has %d, %v", len(page.Orders), err)
		}
		if before, ok := second.Previous(); !ok || o.numbers(before) != numbersOf(first.Orders) {
			o.Error("the page before the second is not the first")
		}
		n, err := o.Neighbours(o.Context(), page.Orders[0].ID, second)
		if err != nil || n.Before == nil || n.Before.ID != first.Orders[len(first.Orders)-1].ID || n.After.ID != page.Orders[1].ID {
			o.Errorf("neighbours of the first of a page: %+v, %v", n, err)
		}
		last := page.Orders[len(page.Orders)-1]
		n, err = o.Neighbours(o.Context(), last.ID, second)
		if err != nil || n.After == nil || o.numbers(n.After.List) == numbersOf(page.Orders) {
			o.Errorf("neighbours of the last of a page: %+v, %v", n, err)
		}
		// One that has left the list still knows what comes after it.
		if _, err := o.Act(o.Context(), o.anna, store.ActionSkip, []int64{page.Orders[3].ID}, "not ours"); err != nil {
			o.Fatal(err)
		}
		n, err = o.Neighbours(o.Context(), page.Orders[3].ID, second)
		if err != nil || n.Before != nil || n.After == nil || n.After.ID != page.Orders[4].ID {
			o.Errorf("neighbours of one that is gone: %+v, %v", n, err)
		}
		_, err = o.ListOrders(o.Context(), desk.OrderFilter{After: []string{"nonsense"}}, 5)
		wrongField(o.T, err, "after")
	})
}

func TestAnEmptyListSaysWhy(t *testing.T) {
	eachMapOffice(t, `{"triggers":{"webhook":false,"schedule":"off"}}`, func(o *mapOffice) {
		o.started()
		why := func(f desk.OrderFilter) desk.Nothing {
			o.Helper()
			n, err := o.WhyNothing(o.Context(), f)
			if err != nil {
				o.Fatal(err)
			}
			return n
		}
		if n := why(desk.OrderFilter{}); n.Title != "Nobody looks for orders" || len(n.Sources) != 1 || !strings.Contains(n.Sources[0], "neither a schedule nor webhooks") {
			o.Errorf("nobody polls: %+v", n)
		}
		o.flow(`{"triggers":{"webhook":true,"schedule":"10m"}}`)
		if n := why(desk.OrderFilter{}); n.Title != "No order has been seen yet" || !strings.Contains(n.Sources[0], "polls shop (10m)") || !strings.Contains(n.Sources[0], "webhooks") {
			o.Errorf("nothing has come: %+v", n)
		}
		o.arrive(mapSale("1", "A"))
		n := why(desk.OrderFilter{States: []store.TaskState{store.TaskSynced}, Min: "500"})
		if n.Title != "Nothing matches" || len(n.Drop) != 1 || n.Drop[0].Name != "amount from" || n.Drop[0].N != 1 {
			o.Errorf("what to drop: %+v", n)
		}
		if n := why(desk.OrderFilter{Search: "nobody"}); !strings.Contains(n.Text, "“nobody”") {
			o.Errorf("nothing found: %+v", n)
		}
		if err := o.store.Write(o.Context(), func(ctx context.Context, tx store.Tx) error { return o.store.RemoveFlow(ctx, tx, "orders") }); err != nil {
			o.Fatal(err)
		}
		if n := why(desk.OrderFilter{}); !n.NoFlow {
			o.Errorf("no flow: %+v", n)
		}
	})
}

// flow gives the flow another configuration.
func (o *mapOffice) flow(config string) {
	o.Helper()
	err := o.store.Write(o.Context(), func(ctx context.Context, tx store.Tx) error {
		return o.store.SaveFlow(ctx, tx, store.Flow{Name: "orders", Source: "shop", Destination: "erp", Config: config}, time.Now())
	})
	if err == nil {
		err = o.node.Reload(o.Context())
	}
	if err != nil {
		o.Fatal(err)
	}
}

func TestViewsAreOnesOwnOrForAll(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		bert := people.Person{ID: 2, Name: "bert", Role: people.Operator}
		held := desk.OrderFilter{States: []store.TaskState{store.TaskHeld}, Search: "Anna Lind", After: []string{"x"}}
		if err := o.SaveOrderView(o.Context(), o.anna, " Mine ", held, false); err != nil {
			o.Fatal(err)
		}
		if err := o.SaveOrderView(o.Context(), o.anna, "Ours", desk.OrderFilter{Min: "100"}, true); err != nil {
			o.Fatal(err)
		}
		views, err := o.OrderViews(o.Context(), o.anna)
		if err != nil || len(views) != 2 {
			o.Fatalf("anna sees %+v, %v", views, err)
		}
		mine := views[1]
		if mine.Name != "Mine" || mine.Query != "q=Anna+Lind&state=held" {
			o.Errorf("saved as %+v", mine)
		}
		if views, err := o.OrderViews(o.Context(), bert); err != nil || len(views) != 1 || views[0].Name != "Ours" {
			o.Errorf("bert sees %+v, %v", views, err)
		}
		if err := o.RemoveOrderView(o.Context(), bert, mine.ID, false); !isNotFound(err) {
			o.Errorf("bert removes anna's view: %v", err)
		}
		if err := o.RemoveOrderView(o.Context(), bert, views[0].ID, false); !isNotFound(err) {
			o.Errorf("a view for all is removed as one's own: %v", err)
		}
		if err := o.RemoveOrderView(o.Context(), o.anna, mine.ID, false); err != nil {
			o.Error(err)
		}
		wrongField(o.T, o.SaveOrderView(o.Context(), o.anna, "  ", held, false), "name")
		wrongField(o.T, o.SaveOrderView(o.Context(), o.anna, "bad", desk.OrderFilter{Min: "x"}, false), "min")
		entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Subject: "view/", Limit: 10})
		if err != nil || len(entries) != 3 || strings.Contains(fmt.Sprint(entries), "Lind") {
			o.Errorf("the audit says %+v, %v", entries, err)
		}
	})
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*desk.NotFoundError](err)
	return ok
}

func TestActionsNeedAReasonAndAreAudited(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "X"))
		id := o.state("1").ID
		for _, action := range []store.Action{store.ActionHold, store.ActionSkip} {
			_, err := o.Act(o.Context(), o.anna, action, []int64{id}, "  ")
			wrongField(o.T, err, "why")
		}
		_, err := o.Act(o.Context(), o.anna, "explode", []int64{id}, "x")
		wrongField(o.T, err, "action")
		_, err = o.Act(o.Context(), o.anna, store.ActionRetry, nil, "")
		wrongField(o.T, err, "id")
		if _, err := o.Act(o.Context(), o.anna, store.ActionRetry, []int64{id + 99}, ""); !isNotFound(err) {
			o.Errorf("an order that is not there gives %v", err)
		}
		for _, step := range []struct {
			action  store.Action
			changed int64
			state   store.TaskState
		}{
			{store.ActionSkip, 1, store.TaskSkipped}, {store.ActionHold, 0, store.TaskSkipped}, {store.ActionRelease, 1, store.TaskWaiting},
			{store.ActionHold, 1, store.TaskHeld}, {store.ActionRetry, 1, store.TaskWaiting},
		} {
			row := o.state("1")
			if applies := desk.Applies(step.action, row); applies != (step.changed == 1) {
				o.Errorf("%s applies to %s: %v", step.action, row.State, applies)
			}
			acted, err := o.Act(o.Context(), o.anna, step.action, []int64{id}, "because of the test")
			if err != nil || acted.Changed != step.changed || o.state("1").State != step.state {
				o.Errorf("%s: %+v, %v; the order is %s", step.action, acted, err, o.state("1").State)
			}
		}
		story, err := o.Order(o.Context(), id, false)
		if err != nil || len(story.Audit) != 4 || story.Audit[0].Who != "anna" || story.Audit[0].Why != "because of the test" {
			o.Errorf("the audit of the order: %+v, %v", story.Audit, err)
		}
	})
}

func TestExport(t *testing.T) {
	eachMapOffice(t, orderConfig, func(o *mapOffice) {
		o.arrive(mapSale("1", "A", bought("=HYPERLINK(\"http://evil\")", "eve@example.com"), func(c *commerce.Order) { c.OrderNumber = "+1;cmd" }), mapSale("2", "X"))
		export := func(f desk.OrderFilter, reveal bool) [][]string {
			o.Helper()
			var out bytes.Buffer
			flushed := 0
			if err := o.ExportOrders(o.Context(), o.anna, f, reveal, &out, func() error { flushed++; return nil }); err != nil {
				o.Fatal(err)
			}
			rows, err := csv.NewReader(&out).ReadAll()
			if err != nil || flushed == 0 {
				o.Fatalf("the export is no CSV: %v; flushed %d times", err, flushed)
			}
			return rows
		}
		rows := export(desk.OrderFilter{}, false)
		if len(rows) != 3 || strings.Contains(fmt.Sprint(rows), "eve@example.com") {
			o.Errorf("exported %q", rows)
		}
		revealed := export(desk.OrderFilter{States: []store.TaskState{store.TaskSynced}}, true)
		line := strings.Join(revealed[1], "|")
		if len(revealed) != 2 || !strings.Contains(line, "|'+1;cmd|") || !strings.Contains(line, "|'=HYPERLINK") || !strings.Contains(line, "eve@example.com") || !strings.Contains(line, "|119|EUR|") {
			o.Errorf("exported %q", revealed)
		}
		entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Action: "export", Limit: 10})
		if err != nil || len(entries) != 2 || !strings.Contains(entries[0].Detail, "with personal data") {
			o.Errorf("the audit says %+v, %v", entries, err)
		}
		failed := errors.New("the reader has gone")
		err = o.ExportOrders(o.Context(), o.anna, desk.OrderFilter{}, false, &bytes.Buffer{}, func() error { return failed })
		if !errors.Is(err, failed) {
			o.Errorf("a reader who has gone gives %v", err)
		}
	})
}

func TestCellsAreNoFormulas(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "1001": "1001", "-12.50": "-12.50", "+49": "+49", "=1+1": "'=1+1", "@SUM(A1)": "'@SUM(A1)", "-cmd": "'-cmd", "\t=1": "'\t=1", "＝1+1": "'＝1+1", "a=b": "a=b",
	} {
		if got := desk.Cell(in); got != want {
			t.Errorf("%q becomes %q; want %q", in, got, want)
		}
	}
}
