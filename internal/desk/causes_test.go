package desk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// theCause gives the one cause of a standing.
func (o *mapOffice) theCause(standing store.CauseState) desk.Cause {
	o.Helper()
	list, err := o.Causes(o.Context(), desk.CauseFilter{Standing: standing})
	if err != nil || len(list.Causes) != 1 || list.Counts[standing] != 1 {
		o.Fatalf("causes that are %s: %+v, %v; want one", standing, list, err)
	}
	return list.Causes[0]
}

func (o *mapOffice) story(id, tried int64) desk.CauseStory {
	o.Helper()
	story, err := o.Cause(o.Context(), id, tried)
	if err != nil {
		o.Fatal(err)
	}
	return story
}

// audited says whether the audit has an action on a subject, with a part of its reason or detail.
func (o *mapOffice) audited(action, subject, part string) {
	o.Helper()
	entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Action: action, Subject: subject, Limit: 50})
	if err != nil {
		o.Fatal(err)
	}
	if !slices.ContainsFunc(entries, func(e store.AuditEntry) bool { return e.Who == "anna" && strings.Contains(e.Why+e.Detail, part) }) {
		o.Errorf("the audit of %s %s has no %q: %+v", action, subject, part, entries)
	}
}

func TestACauseIsFixedByARowTriedOnOneOrderAndThenOnAll(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.started()
		for i := range 3 {
			o.arrive(mapSale(fmt.Sprint(1001+i), "TEA-9"))
		}
		c := o.theCause(store.CauseOpen)
		if c.Tasks != 3 || len(c.Stake) != 1 || c.Stake[0].String() != "357.00 EUR" || c.Value != "TEA-9" || c.Returned || c.Trend[23]+c.Trend[22] != 3 {
			o.Errorf("cause %+v", c)
		}
		story := o.story(c.ID, 0)
		if len(story.Orders) != 3 || story.More || len(story.Fixes) != 3 || story.Fixes[0].Table != "items" || !slices.Equal(story.Fixes[0].Keys, []string{"TEA-9"}) ||
			story.Fixes[1].Keys[0] != "unknown_item" || story.Fixes[2].Way != desk.FixOther {
			o.Fatalf("story %+v", story)
		}

		row := desk.FixInput{Table: "items", Key: "TEA-9", Value: "NOPE"}
		preview, err := o.PreviewFix(o.Context(), c.ID, row)
		if err != nil || preview.Of != 3 || len(preview.Orders) != 3 || preview.GoOn != 0 || preview.Orders[0].Would != "hold" || preview.Orders[0].Same {
			o.Errorf("preview of a row that leads nowhere %+v, %v", preview, err)
		}
		row.Value = "B"
		if preview, err = o.PreviewFix(o.Context(), c.ID, row); err != nil || preview.GoOn != 3 || preview.Orders[0].Would != "create" {
			o.Errorf("preview of the right row %+v, %v", preview, err)
		}
		if preview, err = o.PreviewFix(o.Context(), c.ID, desk.FixInput{}); err != nil || preview.GoOn != 0 || !preview.Orders[0].Same {
			o.Errorf("preview without a change %+v, %v", preview, err)
		}
		if len(o.erp.written) > 0 || o.state("1001").State != store.TaskHeld {
			o.Fatalf("a preview wrote something: %+v", o.erp.written)
		}
		if f, _ := o.node.Flow("orders"); len(f.Config.Mapping.Items) > 0 {
			o.Fatalf("a preview changed the flow that is at work: %v", f.Config.Mapping.Items)
		}

		if err := o.FixWithMapping(o.Context(), o.anna, c.ID, row); err != nil {
			o.Fatal(err)
		}
		o.audited("", "flow/orders", fmt.Sprintf("fixes cause %d", c.ID))
		tried, err := o.TryOne(o.Context(), o.anna, c.ID, 0)
		if err != nil {
			o.Fatal(err)
		}
		o.work()
		if story = o.story(c.ID, tried); story.Tried == nil || story.Tried.State != store.TaskSynced || story.Tasks != 2 || story.Standing != store.CauseOpen {
			o.Errorf("after one was tried: %+v, %+v", story.Tried, story.Cause)
		}
		all, err := o.RetryAll(o.Context(), o.anna, c.ID, "it works")
		if err != nil {
			o.Fatal(err)
		}
		if all = o.await(all.ID, func(b desk.Bulk) bool { return b.State.Ended() }); all.State != desk.BulkDone || all.Counted != 2 || all.Changed != 2 || all.Why != "it works" {
			o.Errorf("tried all: %+v", all)
		}
		if entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Action: "bulk retry", Limit: 5}); err != nil || len(entries) != 1 || entries[0].Why != "it works" {
			o.Errorf("the audit says %+v, %v", entries, err)
		}
		o.work()
		if len(o.erp.written) != 3 || o.erp.written[0].Lines[0].Item.SKU != "B" {
			o.Errorf("%d written; want three orders with the article B", len(o.erp.written))
		}
		if closed := o.theCause(store.CauseClosed); closed.ID != c.ID || closed.Tasks != 0 {
			o.Errorf("closed %+v", closed)
		}
		if _, err := o.TryOne(o.Context(), o.anna, c.ID, 0); err == nil {
			o.Error("an order of a closed cause was tried")
		}

		// It returns and is open again.
		if _, err := o.store.CloseCauses(o.Context(), time.Now()); err != nil {
			o.Fatal(err)
		}
		o.set("items", map[string]string{"TEA-9": ""})
		o.arrive(mapSale("1009", "TEA-9"))
		if again := o.theCause(store.CauseOpen); again.ID != c.ID || again.Tasks != 1 || !again.Returned {
			o.Errorf("returned %+v", again)
		}
	})
}

func TestACauseIsSnoozedAssignedIgnoredAndReopened(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.started()
		o.arrive(mapSale("1001", "TEA-9"), mapSale("1002", "TEA-9"))
		c := o.theCause(store.CauseOpen)
		subject := fmt.Sprintf("cause/%d", c.ID)
		if err := o.Snooze(o.Context(), o.anna, c.ID, time.Now().Add(-time.Hour), ""); err == nil {
			o.Error("snoozed until a time that is over")
		}
		if err := o.Snooze(o.Context(), o.anna, c.ID, time.Now().Add(time.Hour), "waits for the article"); err != nil {
			o.Fatal(err)
		}
		o.audited("snooze", subject, "waits for the article")
		if err := o.Assign(o.Context(), o.anna, c.ID, "bert"); err != nil {
			o.Fatal(err)
		}
		if c = o.theCause(store.CauseSnoozed); c.Owner != "bert" {
			o.Errorf("snoozed %+v", c)
		}
		if err := o.Reopen(o.Context(), o.anna, c.ID, ""); err != nil {
			o.Fatal(err)
		}
		o.theCause(store.CauseOpen)
		if _, err := o.Ignore(o.Context(), o.anna, c.ID, " "); err == nil {
			o.Error("ignored without a reason")
		}
		b, err := o.Ignore(o.Context(), o.anna, c.ID, "samples, never billed")
		if err != nil {
			o.Fatal(err)
		}
		if b = o.await(b.ID, func(b desk.Bulk) bool { return b.State.Ended() }); b.State != desk.BulkDone || b.Changed != 2 {
			o.Errorf("ignored: %+v", b)
		}
		o.audited("ignore", subject, "samples")
		if task := o.state("1001"); task.State != store.TaskSkipped || !strings.Contains(task.Reason, "samples, never billed") {
			o.Errorf("the order is %s: %s", task.State, task.Reason)
		}
		o.arrive(mapSale("1003", "TEA-9"))
		if c = o.theCause(store.CauseIgnored); c.Tasks != 1 || c.IgnoredWhy == "" || len(c.Stake) != 1 || c.Stake[0].String() != "119.00 EUR" {
			o.Errorf("ignored %+v; want it to have the next order", c)
		}
		if task := o.state("1003"); task.State != store.TaskSkipped || task.Pinned || !strings.Contains(task.Reason, "samples, never billed") {
			o.Errorf("the next order is %s: %s", task.State, task.Reason)
		}
		o.arrive(mapSale("1003", "A"))
		if task := o.state("1003"); task.State != store.TaskSynced {
			o.Errorf("the next order was changed and is %s: %s", task.State, task.Reason)
		}
		o.arrive(mapSale("1004", "TEA-9"))
		if err := o.Reopen(o.Context(), o.anna, c.ID, "after all"); err != nil {
			o.Fatal(err)
		}
		o.audited("reopen", subject, "after all")
		if c = o.theCause(store.CauseOpen); c.Tasks != 1 {
			o.Errorf("reopened %+v; want it to have the order that it had left out", c)
		}
		o.set("items", map[string]string{"TEA-9": "B"})
		all, err := o.RetryAll(o.Context(), o.anna, c.ID, "")
		if err != nil {
			o.Fatal(err)
		}
		o.await(all.ID, func(b desk.Bulk) bool { return b.State == desk.BulkDone })
		o.work()
		if task := o.state("1004"); task.State != store.TaskSynced {
			o.Errorf("after all the next order is %s: %s", task.State, task.Reason)
		}
		for _, err := range []error{
			o.Reopen(o.Context(), o.anna, 999, ""), second(o.RetryAll(o.Context(), o.anna, 999, "")), o.Assign(o.Context(), o.anna, 999, "x"), o.FixWithMapping(o.Context(), o.anna, 999, desk.FixInput{}),
			second(o.Cause(o.Context(), 999, 0)), second(o.PreviewFix(o.Context(), 999, desk.FixInput{})),
		} {
			if _, ok := errors.AsType[*desk.NotFoundError](err); !ok {
				o.Errorf("a cause that is not there gives %v", err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestWhatIsOfferedAsAFix(t *testing.T) {
	rate := func(o *commerce.Order) {
		o.Lines[0].Taxes[0].Country = "DE"
		o.Lines[0].Taxes[0].Name = "MwSt"
	}
	card := func(o *commerce.Order) { o.Lines[0].Type = commerce.LineGiftCard }
	for _, c := range []struct {
		name, config string
		order        commerce.Order
		table        string
		keys         []string
		present      string
	}{
		{"an unknown article", `{}`, mapSale("1", "TEA"), "items", []string{"TEA"}, ""},
		{"an inactive article", `{}`, mapSale("1", "OLD"), "items", []string{"OLD"}, ""},
		{"a row that leads nowhere", `{"mapping":{"items":{"TEA":"GONE","T-*":"GONE"}}}`, mapSale("1", "TEA"), "items", []string{"T-*", "TEA"}, "GONE"},
		{"a gift card's article that is not there", `{"mapping":{"gift_card_item":"CARD"}}`, mapSale("1", "TEA", card), desk.TableSettings, []string{"gift_card_item"}, "CARD"},
		{"the article for unknown ones is unknown", `{"mapping":{"unknown_item":"MIX"}}`, mapSale("1", "TEA"), desk.TableSettings, []string{"unknown_item"}, "MIX"},
		{"no SKU", `{}`, mapSale("1", ""), desk.TableSettings, []string{"unknown_item"}, ""},
		{"a tax that is not there", `{"mapping":{"taxes":{"19%":"S20"}}}`, mapSale("1", "A", rate), "taxes", []string{"19%", "DE 19%", "MwSt"}, "S20"},
		{"the rounding's article is unknown", `{"mapping":{"rounding_item":"CENT"}}`, mapSale("1", "A"), desk.TableSettings, []string{"rounding_item"}, "CENT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachMapOffice(t, c.config, func(o *mapOffice) {
				o.arrive(c.order)
				cause := o.theCause(store.CauseOpen)
				f := o.story(cause.ID, 0).Fixes[0]
				if f.Table != c.table || !slices.Equal(f.Keys, c.keys) || f.Present[f.Keys[0]] != c.present || !f.InPlace() {
					o.Errorf("offered %+v for %+v; want %s %q with %q now", f, cause.Cause, c.table, c.keys, c.present)
				}
			})
		})
	}
}

func TestCodesAreSuggested(t *testing.T) {
	o := newMapOffice(t, openSQLite(t), `{}`)
	for _, c := range []struct {
		table, text string
		want        []desk.Code
	}{
		{"items", "A", []desk.Code{{Code: "A", Name: "Article A", State: desk.CodeKnown}}},
		{"items", "TEA", []desk.Code{{Code: "TEA", State: desk.CodeMissing}}},
		{desk.TableSettings, "OLD", []desk.Code{{Code: "OLD", Name: "Old article", State: desk.CodeInactive}}},
		{"taxes", "book", []desk.Code{{Code: "S7B", Name: "Books 7% 7%", State: desk.CodeKnown}}},
		{"payments", "paypal", nil},
		{"items", "", nil},
	} {
		if got, problem, err := o.Suggest(o.Context(), "orders", c.table, c.text); err != nil || problem != "" || !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %+v, %q, %v; want %+v", c.table, c.text, got, problem, err, c.want)
		}
	}
}

func TestTheCustomerThatIsChosenIsTakenForTheNextOrdersToo(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.erp.candidates = []connector.Candidate{
			{Document: connector.Document{Type: "partner", ID: "C1", Number: "K-1"}, Name: "Berta Beispiel", Email: "berta@example.com"},
			{Document: connector.Document{Type: "partner", ID: "C2", Number: "K-2"}, Name: "B. Beispiel"},
		}
		other := func(o *commerce.Order) { o.Buyer.Emails = []string{"other@example.com"} }
		o.arrive(mapSale("1001", "A"), mapSale("1002", "A"), mapSale("1003", "A", other))
		list, err := o.Reviews(o.Context())
		if err != nil || len(list.Matches) != 2 || len(list.Conflicts) != 0 || list.More {
			o.Fatalf("reviews %+v, %v; want two questions", list, err)
		}
		i := slices.IndexFunc(list.Matches, func(r desk.Review) bool { return r.Others == 1 })
		if i < 0 {
			o.Fatalf("no question stands for two orders: %+v", list.Matches)
		}
		r := list.Matches[i]
		if len(r.Question.Candidates) != 2 || r.Question.Candidates[0].Name != "Berta Beispiel" || r.Order == nil || r.Order.Buyer.Email() != "berta@example.com" || r.Asks == "" {
			o.Errorf("review %+v", r)
		}
		if want := []desk.ReviewAnswer{{ID: "C1", Number: "K-1"}, {ID: "C2", Number: "K-2"}}; !slices.Equal(r.Answers, want) || !r.New {
			o.Errorf("it can be answered with %+v, a new one %t", r.Answers, r.New)
		}
		o.showsNobody(list, "Beispiel", "@example")
		if story := o.story(r.Cause.ID, 0); story.Fixes[0].Way != desk.FixChoose {
			o.Errorf("the cause offers %+v", story.Fixes)
		}
		for _, bad := range []desk.Choice{{}, {ID: "C3"}} {
			if _, err := o.Choose(o.Context(), o.anna, r.Task.ID, bad); err == nil {
				o.Errorf("%+v was taken", bad)
			}
		}
		n, err := o.Choose(o.Context(), o.anna, r.Task.ID, desk.Choice{ID: "C2", Why: "asked her"})
		if err != nil || n != 2 {
			o.Fatalf("chosen for %d orders, %v; want both of hers", n, err)
		}
		o.audited("choose", fmt.Sprintf("task/%d", r.Task.ID), "asked her")
		entries, err := o.store.AuditEntries(o.Context(), store.AuditFilter{Limit: 50})
		if err != nil || slices.ContainsFunc(entries, func(e store.AuditEntry) bool { return strings.Contains(e.Detail, "@example") }) {
			o.Errorf("the audit has an e-mail address: %+v, %v", entries, err)
		}
		o.work()
		o.arrive(mapSale("1004", "A"))
		if len(o.erp.written) != 3 {
			o.Fatalf("%d written; want her three orders", len(o.erp.written))
		}
		for _, draft := range o.erp.written {
			if draft.Customer.ID != "C2" {
				o.Errorf("%s went to %s; want C2", draft.Order.OrderNumber, draft.Customer.ID)
			}
		}
		if task := o.state("1003"); task.State != store.TaskHeld {
			o.Errorf("the order of somebody else is %s", task.State)
		}
		if _, err := o.Choose(o.Context(), o.anna, r.Task.ID, desk.Choice{ID: "C1"}); err == nil {
			o.Error("an order that waits for nothing was decided")
		}
		// None of them: a new one.
		if n, err := o.Choose(o.Context(), o.anna, o.state("1003").ID, desk.Choice{New: true}); err != nil || n != 1 {
			o.Errorf("a new customer: %d, %v", n, err)
		}
		o.work()
		if task := o.state("1003"); task.State != store.TaskSynced {
			o.Errorf("the order of a new customer is %s: %s", task.State, task.Reason)
		}
	})
}

func TestAMissingCustomerIsNamedOrMade(t *testing.T) {
	eachMapOffice(t, `{"customers":{"create":false}}`, func(o *mapOffice) {
		o.erp.candidates = []connector.Candidate{}
		o.arrive(mapSale("1001", "A"))
		task := o.state("1001")
		for _, bad := range []string{"", strings.Repeat("x", 300), "a\nb"} {
			if _, err := o.Choose(o.Context(), o.anna, task.ID, desk.Choice{ID: bad}); err == nil {
				o.Errorf("%q was taken as an id", bad)
			}
		}
		if _, err := o.Choose(o.Context(), o.anna, task.ID, desk.Choice{ID: "C77"}); err != nil {
			o.Fatal(err)
		}
		o.work()
		if len(o.erp.written) != 1 || o.erp.written[0].Customer.ID != "C77" {
			o.Errorf("%d written; want it for C77", len(o.erp.written))
		}
	})
}

func TestAnArticleIsChosen(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.erp.items["A"] = append(o.erp.items["A"], connector.Item{ID: "id-A2", SKU: "A", Name: "Article A, new"})
		o.arrive(mapSale("1001", "A"), mapSale("1002", "A"))
		list, err := o.Reviews(o.Context())
		if err != nil || len(list.Matches) != 1 || list.Matches[0].Others != 1 || list.Matches[0].Question.SKU != "A" {
			o.Fatalf("reviews %+v, %v", list, err)
		}
		if _, err := o.Choose(o.Context(), o.anna, list.Matches[0].Task.ID, desk.Choice{New: true}); err == nil {
			o.Error("an article was made")
		}
		if n, err := o.Choose(o.Context(), o.anna, list.Matches[0].Task.ID, desk.Choice{ID: "id-A2"}); err != nil || n != 2 {
			o.Fatalf("chosen for %d, %v", n, err)
		}
		o.work()
		if len(o.erp.written) != 2 || o.erp.written[1].Lines[0].Item.ID != "id-A2" {
			o.Errorf("%d written; want both with the chosen article", len(o.erp.written))
		}
	})
}

func TestAnAnswerReachesAllWhoAsk(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.erp.items["A"] = append(o.erp.items["A"], connector.Item{ID: "id-A2", SKU: "A", Name: "Article A, new"})
		const orders = 230 // more than the screen reads at once
		var sales []commerce.Order
		for i := range orders {
			sales = append(sales, mapSale(fmt.Sprint(5000+i), "A"))
		}
		o.arrive(sales...)
		if n, err := o.Choose(o.Context(), o.anna, o.state("5000").ID, desk.Choice{ID: "id-A2"}); err != nil || n != orders {
			o.Errorf("chosen for %d orders, %v; want all %d", n, err, orders)
		}
	})
}

func TestAConflictIsAppliedOrLeft(t *testing.T) {
	edited := func(o *commerce.Order) { o.CustomerReference = "changed" }
	eachMapOffice(t, `{"orders":{"edits":"hold"},"mapping":{"order_fields":{"ref":"order.customer_reference"}}}`, func(o *mapOffice) {
		o.arrive(mapSale("1001", "A"), mapSale("1002", "A"))
		o.arrive(mapSale("1001", "A", edited), mapSale("1002", "A", edited))
		list, err := o.Reviews(o.Context())
		if err != nil || len(list.Conflicts) != 2 || list.Conflicts[0].Apply != "Apply the edit" || list.Conflicts[0].Question != nil {
			o.Fatalf("reviews %+v, %v", list, err)
		}
		if err := o.Decide(o.Context(), o.anna, o.state("1001").ID, false, ""); err == nil {
			o.Error("left without a reason")
		}
		if err := o.Decide(o.Context(), o.anna, o.state("1001").ID, false, "agreed with the buyer"); err != nil {
			o.Fatal(err)
		}
		if err := o.Decide(o.Context(), o.anna, o.state("1002").ID, true, ""); err != nil {
			o.Fatal(err)
		}
		o.work()
		if left, applied := o.state("1001"), o.state("1002"); left.State != store.TaskSkipped || applied.State != store.TaskSynced || len(o.erp.written) != 3 {
			o.Errorf("left is %s, applied is %s, %d written", left.State, applied.State, len(o.erp.written))
		}
		if err := o.Decide(o.Context(), o.anna, o.state("1002").ID, true, ""); err == nil {
			o.Error("an order that is not held was decided")
		}
	})
}

func openSQLite(t *testing.T) *store.Store {
	t.Helper()
	return storetest.Open(t, store.Options{Dir: t.TempDir()})
}

func TestOnlyACauseThatIsOfTheOrdersIsIgnored(t *testing.T) {
	eachMapOffice(t, `{}`, func(o *mapOffice) {
		o.started()
		for _, c := range []struct {
			step string
			kind connector.ErrorKind
			want bool
		}{
			{"map", connector.KindUnmapped, true}, {"write", connector.KindInvalid, true}, {"compare", connector.KindConflict, true},
			{"write", connector.KindForbidden, false}, {"write", connector.KindAuth, false}, {"write", connector.KindBug, false}, {"fetch", connector.KindInvalid, false},
		} {
			var id int64
			err := o.store.Write(o.Context(), func(ctx context.Context, tx store.Tx) (err error) {
				id, _, err = o.store.SaveCause(ctx, tx, store.Cause{Flow: "orders", State: store.TaskFailed, Step: c.step, Kind: string(c.kind), Code: string(c.kind), Message: "no"}, time.Now())
				return err
			})
			if err != nil {
				o.Fatal(err)
			}
			if _, err := o.Ignore(o.Context(), o.anna, id, "because"); (err == nil) != c.want {
				o.Errorf("ignoring a fault of kind %s while it was at %s gives %v", c.kind, c.step, err)
			}
		}
	})
}
