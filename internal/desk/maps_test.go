package desk_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/money"
)

func TestARowFreesTheOrdersThatWaitForIt(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.arrive(mapSale("1001", "OLD-1"), mapSale("1002", "OLD-1"), mapSale("1003", "A"))
		if task := o.state("1001"); task.State != store.TaskHeld {
			o.Fatalf("the order is %s (%s); want held", task.State, task.Reason)
		}
		v := o.maps(desk.MapQuery{})
		if v.Table.Name != "items" || v.Waiting != 2 || len(v.Unmapped) != 1 {
			o.Fatalf("table %s, %d orders wait, unmapped %+v", v.Table.Name, v.Waiting, v.Unmapped)
		}
		if u := v.Unmapped[0]; u.Key != "OLD-1" || u.Orders != 2 || u.Seen != 2 || u.Title != "Tea OLD-1" || u.CauseID == 0 {
			o.Errorf("unmapped %+v", u)
		}
		o.set("items", map[string]string{"OLD-1": " B "})
		if f, ok := o.node.Flow("orders"); !ok || f.Config.Mapping.Items["OLD-1"] != "B" {
			o.Error("the change is not at work when it is saved")
		}
		o.arrive(mapSale("1004", "OLD-1"))
		if task := o.state("1004"); task.State != store.TaskSynced {
			o.Errorf("the next order is %s (%s)", task.State, task.Reason)
		}
		v = o.maps(desk.MapQuery{})
		if len(v.Rows) != 1 || v.Rows[0].To != "B" || v.Rows[0].Code.Name != "Article B" || v.Rows[0].Code.State != desk.CodeKnown {
			o.Errorf("rows %+v", v.Rows)
		}
		audit, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Subject: "flow/orders", Limit: 5})
		if err != nil || len(audit) != 1 || audit[0].Who != "anna" || audit[0].Why != "because" || !strings.Contains(audit[0].Detail, "mapping.items.OLD-1") {
			o.Errorf("audit %+v, %v", audit, err)
		}
	})
}

func TestARowThatLeadsNowhereIsShownWithItsTarget(t *testing.T) {
	eachMapOffice(t, `{"mapping":{"items":{"X-*":"GONE"},"shipping":{"*":"NOSHIP"}}}`, func(o *mapOffice) {
		o.arrive(mapSale("1001", "X-1"))
		v := o.maps(desk.MapQuery{Table: "items"})
		if len(v.Unmapped) != 1 || v.Unmapped[0].Key != "X-*" || v.Unmapped[0].To != "GONE" || v.Unmapped[0].Orders != 1 {
			o.Errorf("unmapped %+v", v.Unmapped)
		}
		if len(v.Rows) != 1 || v.Rows[0].Code.State != desk.CodeMissing || v.Rows[0].Seen != 1 {
			o.Errorf("rows %+v", v.Rows)
		}
	})
}

func TestSeenValuesWithoutARow(t *testing.T) {
	books := func(o *commerce.Order) {
		eur := func(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }
		l := &o.Lines[0]
		l.LineTax, l.LineGross, l.UnitPrice.Gross = eur("7.00"), eur("107.00"), eur("107.00")
		l.Taxes = []commerce.Tax{{Name: "VAT", Rate: decimal.RequireFromString("0.07"), TaxAmount: eur("7.00")}}
		o.Payments[0].Amount = eur("107.00")
	}
	eachMapOffice(t, `{"mapping":{"unknown_item":"MISC"}}`, func(o *mapOffice) {
		o.arrive(mapSale("1001", "A"), mapSale("1002", "ODD"), mapSale("1003", "OLD"), mapSale("1004", "A", books))
		for _, c := range []struct {
			table string
			want  []string
			why   string
		}{
			{"items", []string{"ODD", "OLD"}, "become MISC"}, // A is there under its own SKU
			{"taxes", []string{"7%"}, "held"},                // 19 % finds its code by the rate
			{"payments", []string{"paypal"}, "default"},
			{"warehouses", nil, ""},
		} {
			v := o.maps(desk.MapQuery{Table: c.table})
			if got := keysOf(v.Unmapped); !slices.Equal(got, c.want) {
				o.Errorf("%s: unmapped %q; want %q", c.table, got, c.want)
			}
			for _, u := range v.Unmapped {
				if !strings.Contains(u.Why, c.why) {
					o.Errorf("%s: %s is unmapped because %q", c.table, u.Key, u.Why)
				}
			}
		}
		o.set("payments", map[string]string{"PayPal": "PP"}) // under its title
		if v := o.maps(desk.MapQuery{Table: "payments"}); len(v.Unmapped) != 0 || v.Rows[0].Seen != 4 {
			o.Errorf("payments %+v, rows %+v", v.Unmapped, v.Rows)
		}
	})
}

func TestTheERPMayBeAway(t *testing.T) {
	eachMapOffice(t, `{"mapping":{"items":{"X":"B"}}}`, func(o *mapOffice) {
		o.erp.down = true
		v := o.maps(desk.MapQuery{})
		if v.CodesProblem == "" || len(v.Rows) != 1 || v.Rows[0].Code.State != desk.CodeUnknown {
			o.Errorf("problem %q, rows %+v", v.CodesProblem, v.Rows)
		}
	})
}

func TestRowsThatCannotBe(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		for _, c := range []struct{ name, flow, table, key, to string }{
			{"no key", "orders", "items", " ", "A"},
			{"a line end in a key", "orders", "items", "A\nB", "A"},
			{"a long code", "orders", "items", "A", strings.Repeat("x", 300)},
			{"no such table", "orders", "colours", "A", "B"},
			{"no such flow", "nothing", "items", "A", "B"},
			{"no such single value", "orders", desk.TableSettings, "colour", "B"},
		} {
			err := o.SetMapRows(o.Context(), o.anna, c.flow, c.table, map[string]string{c.key: c.to}, "")
			_, input := errors.AsType[*desk.InputError](err)
			_, missing := errors.AsType[*desk.NotFoundError](err)
			if !input && !missing {
				o.Errorf("%s: %v", c.name, err)
			}
		}
		if history, err := o.History(o.Context(), store.MapFilter{Flow: "orders", Limit: 10}); err != nil || len(history) != 0 {
			o.Errorf("history %+v, %v", history, err)
		}
	})
}

func TestPagesAndSearchOfALargeTable(t *testing.T) {
	rows := map[string]string{}
	for i := range 1234 {
		rows[fmt.Sprintf("SKU-%04d", i)] = fmt.Sprintf("ART-%d", i%7)
	}
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.set("items", rows)
		v := o.maps(desk.MapQuery{Page: 3, Limit: 100})
		if v.Total != 1234 || v.Pages != 13 || len(v.Rows) != 100 || v.Rows[0].Key != "SKU-0200" {
			o.Errorf("%d rows on %d pages, here %d from %s", v.Total, v.Pages, len(v.Rows), v.Rows[0].Key)
		}
		if v = o.maps(desk.MapQuery{Page: 99, Limit: 100}); v.Page != 13 || len(v.Rows) != 34 {
			o.Errorf("after the end: page %d with %d rows", v.Page, len(v.Rows))
		}
		if v = o.maps(desk.MapQuery{Search: "sku-001"}); v.Matching != 10 {
			o.Errorf("%d rows match a key", v.Matching)
		}
		if v = o.maps(desk.MapQuery{Search: "art-3"}); v.Matching != 176 {
			o.Errorf("%d rows match a code", v.Matching)
		}
	})
}

func TestUndoIsAChangeOfItsOwn(t *testing.T) {
	eachMapOffice(t, `{"mapping":{"items":{"X":"A"}}}`, func(o *mapOffice) {
		o.set("items", map[string]string{"X": "B", "Y": "A"})
		o.set(desk.TableSettings, map[string]string{"unknown_item": "MISC"})
		history, err := o.History(o.Context(), store.MapFilter{Flow: "orders", Limit: 10})
		if err != nil || len(history) != 3 {
			o.Fatalf("history %+v, %v", history, err)
		}
		ids := map[string]int64{}
		for _, h := range history {
			ids[h.Key] = h.ID
			if !h.Undoable || h.Who != "anna" || h.Why != "because" {
				o.Errorf("change %+v", h)
			}
		}
		for _, key := range []string{"X", "Y", "unknown_item"} {
			if _, err := o.Undo(o.Context(), o.anna, ids[key], ""); err != nil {
				o.Errorf("undo %s: %v", key, err)
			}
		}
		v := o.maps(desk.MapQuery{})
		if got := rowKeys(v.Rows); !slices.Equal(got, []string{"X"}) || v.Rows[0].To != "A" || v.Settings[3].Value != "" {
			o.Errorf("after undoing: rows %+v, settings %+v", v.Rows, v.Settings)
		}
		_, err = o.Undo(o.Context(), o.anna, ids["X"], "")
		if changed, ok := errors.AsType[*desk.RowChangedError](err); !ok || changed.Now != "A" {
			o.Errorf("undoing a change of a row that has changed since: %v", err)
		}
		if _, err = o.Undo(o.Context(), o.anna, 99999, ""); err == nil {
			o.Error("a change that is not there was undone")
		}
	})
}

func TestTheHistoryOfMapsIsReadToItsEnd(t *testing.T) {
	eachMapOffice(t, `{"mapping":{"items":{"X":"A"}}}`, func(o *mapOffice) {
		o.set("items", map[string]string{"FIRST": "A"})
		// Changes of rules are kept in between, and shown elsewhere.
		for range 7 {
			rules := o.rules()
			rules.Confirm = !rules.Confirm
			if err := o.SaveRules(o.Context(), o.anna, "orders", rules, "because"); err != nil {
				o.Fatal(err)
			}
		}
		o.set("items", map[string]string{"LAST": "B"})
		for limit := 1; limit <= 3; limit++ {
			var keys []string
			f := store.MapFilter{Flow: "orders", Limit: limit}
			for {
				history, err := o.History(o.Context(), f)
				if err != nil {
					o.Fatal(err)
				}
				for _, h := range history {
					keys, f.BeforeID = append(keys, h.Key), h.ID
				}
				if len(history) < limit {
					break
				}
			}
			if !slices.Equal(keys, []string{"LAST", "FIRST"}) {
				o.Errorf("by %d at once the history is %v", limit, keys)
			}
		}
	})
}

func TestImport(t *testing.T) {
	eachMapOffice(t, `{"mapping":{"items":{"KEEP":"A","CHANGE":"A","DROP":"A","OTHER":"A"}}}`, func(o *mapOffice) {
		file := []byte("\xef\xbb\xbfcode;note;value\r\nA;x;KEEP\r\nB;x;CHANGE\r\n;x;DROP\r\n\"B\";\"a \"\"b\"\"\";\";\"\r\n B ;x;'=NEW\r\nA;x;KEEP\r\nA\r\n;;\r\nA;x;  \r\n")
		plan, err := o.ImportPlan(o.Context(), "orders", "items", file, false)
		if err != nil {
			o.Fatal(err)
		}
		want := "added [; → B, =NEW → B] changed [CHANGE A → B] removed [DROP A] unchanged 1 bad [7 8 10]"
		if got := importText(plan); got != want {
			o.Errorf("plan %s\nwant %s\n%+v", got, want, plan.Bad)
		}
		if _, err := o.Import(o.Context(), o.anna, "orders", "items", file, true, plan.Digest, "list of March"); err == nil {
			o.Error("a plan was followed that nobody has seen")
		}
		if _, err := o.Import(o.Context(), o.anna, "orders", "items", file, false, plan.Digest, "list of March"); err != nil {
			o.Fatal(err)
		}
		if got := rowKeys(o.maps(desk.MapQuery{}).Rows); !slices.Equal(got, []string{";", "=NEW", "CHANGE", "KEEP", "OTHER"}) {
			o.Errorf("rows %q", got)
		}
		plan, err = o.ImportPlan(o.Context(), "orders", "items", []byte("sep=,\nvalue,code\nKEEP,A\n"), true)
		if err != nil || len(plan.Removed) != 4 || plan.Unchanged != 1 || len(plan.Bad) > 0 {
			o.Errorf("replacing: %s, %v", importText(plan), err)
		}
		for _, bad := range []string{"", "\xff\xfev\x00", "value,price\nA,B\n", "value,code\nM\xfcller,A\n", "\"value,code\nA,B"} {
			if _, err := o.ImportPlan(o.Context(), "orders", "items", []byte(bad), false); err == nil {
				o.Errorf("the file %q is taken", bad)
			}
		}
	})
}

func importText(m *desk.MapImport) string {
	list := func(changes []desk.RowChange) string {
		var out []string
		for _, c := range changes {
			text := c.Key
			if c.Before != "" {
				text += " " + c.Before
			}
			if c.After != "" {
				text += " → " + c.After
			}
			out = append(out, text)
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	var bad []string
	for _, b := range m.Bad {
		bad = append(bad, fmt.Sprint(b.Line))
	}
	return fmt.Sprintf("added %s changed %s removed %s unchanged %d bad [%s]", list(m.Added), list(m.Changed), list(m.Removed), m.Unchanged, strings.Join(bad, " "))
}

// TestWhatIsExportedIsImportedWithoutAChange holds for every table that can be written.
func TestWhatIsExportedIsImportedWithoutAChange(t *testing.T) {
	o := newMapOffice(t, storetest.Open(t, store.Options{Dir: t.TempDir()}), `{}`)
	text := rapid.OneOf(rapid.StringOf(rapid.SampledFrom([]rune(` '"=+-@,;＝\.éa#`))), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.MapOfN(text, text, 1, 20).Draw(t, "rows")
		if err := o.SetMapRows(o.Context(), o.anna, "orders", "items", rows, ""); err != nil {
			t.Skip("no such table can be written")
		}
		file, err := o.ExportCSV(o.Context(), "orders", "items", desk.CSVOptions{Semicolon: rapid.Bool().Draw(t, "semicolon")})
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(file)) {
			if first := strings.TrimPrefix(line, `"`); first != "" && strings.ContainsAny(first[:1], "=+-@") {
				t.Fatalf("a spreadsheet would take this for a formula: %q", line)
			}
		}
		plan, err := o.ImportPlan(o.Context(), "orders", "items", file, true)
		if err != nil {
			t.Fatal(err)
		}
		if !plan.Empty() || len(plan.Bad) > 0 {
			t.Fatalf("%s\n%+v\n%s", importText(plan), plan.Bad, file)
		}
	})
}
