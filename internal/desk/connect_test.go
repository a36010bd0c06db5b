package desk_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/all"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/desk/desktest"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/sandbox"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// fields gives the fields that an error of a form names.
func fields(t testing.TB, err error) []string {
	t.Helper()
	problems, ok := desk.Problems(err)
	if !ok && err != nil {
		t.Fatalf("%v is not about what was entered", err)
	}
	var out []string
	for _, p := range problems {
		out = append(out, p.Field)
	}
	slices.Sort(out)
	return out
}

// TestFromNothingToABackfill is the story of the first day: connect a shop and an ERP with nothing but what
// a form has, make a flow, bring what the shop has, stop and go on.
func TestFromNothingToABackfill(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := desktest.New(t, st, all.Definitions(), "shopify", "odoo")
		ctx, d := t.Context(), w.Desk

		// Two mistakes at once are told beside their fields.
		err := d.SaveConnection(ctx, w.Anna, desk.ConnectionInput{Name: "New Shop", System: "shopify", Settings: map[string]string{"timeout": "never"}}, true)
		if got := fields(t, err); !slices.Equal(got, []string{"base_url", "name", "timeout"}) {
			t.Errorf("problems of %v: %v", got, err)
		}
		// Settings that contradict each other only when the connection opens.
		err = d.SaveConnection(ctx, w.Anna, desk.ConnectionInput{Name: "shopify", System: "shopify", Settings: map[string]string{"base_url": w.Settings("shopify")["base_url"]}}, true)
		if got := fields(t, err); !slices.Equal(got, []string{"access_token"}) {
			t.Errorf("problems of %v: %v", got, err)
		}
		// A wrong token is what the test of the connection finds, and the right one works. Nothing is stored.
		wrong := desk.ConnectionInput{Name: "shopify", System: "shopify", Settings: w.Settings("shopify")}
		for name := range wrong.Settings {
			if name == "access_token" || name == "client_secret" {
				wrong.Settings[name] = "shpat_00000000000000000000000000000000"
			}
		}
		report, err := d.TestConnection(ctx, wrong)
		if err != nil || report.OK || report.Kind != connector.KindAuth || report.Error == "" {
			t.Errorf("a wrong token gives %+v, %v", report, err)
		}
		report, err = d.TestConnection(ctx, desk.ConnectionInput{Name: "shopify", System: "shopify", Settings: w.Settings("shopify")})
		if err != nil || !report.OK || report.Account == nil || report.Account.Currency == "" {
			t.Errorf("the right token gives %+v, %v", report, err)
		}
		if list, err := d.Connections(ctx); err != nil || len(list) != 0 {
			t.Errorf("a test has stored %+v, %v", list, err)
		}

		w.Connect("shopify")
		w.Connect("odoo")
		shop, err := d.Connection(ctx, "shopify")
		if err != nil || shop.Report == nil || !shop.Report.OK || shop.Gate == nil || shop.Hooks.Address == "" || !shop.Source || shop.Destination {
			t.Fatalf("the shop stands as %+v, %v", shop, err)
		}
		secret := w.Settings("shopify")
		for _, value := range shop.Values {
			if value == secret["access_token"] || value == secret["client_secret"] {
				t.Error("a secret is shown")
			}
		}
		if len(shop.Hidden) == 0 {
			t.Error("nothing says that a secret is stored")
		}

		// The orders are there before Orderly is: only a run by hand brings them.
		if err := w.Sandbox.SetFaults("shopify", sandbox.Fault{Kind: sandbox.WebhookLost}); err != nil {
			t.Fatal(err)
		}
		const orders = 40
		if _, err := w.Sandbox.Make("shopify", sandbox.MakeOptions{N: orders}); err != nil {
			t.Fatal(err)
		}
		config := flow.NewConfig()
		config.Triggers.Schedule = flow.ScheduleOff
		in := desk.FlowInput{Name: "shop-to-erp", From: "shopify", To: "odoo", Config: config}
		in.Config.Since = "yesterday"
		if _, err := d.SaveFlow(ctx, w.Anna, in, true); !slices.Equal(fields(t, err), []string{"since"}) {
			t.Errorf("a wrong date gives %v", err)
		}
		in.Config.Since = ""
		in.Config.Mapping.Shipping = map[string]string{"*": "SHIPPING"}
		in.Config.Mapping.Charges = map[string]string{"*": "FEE"}
		in.Config.Mapping.DiscountItem, in.Config.Mapping.RoundingItem, in.Config.Mapping.GiftCardItem = "DISCOUNT", "ROUNDING", "GIFTCARD"
		if _, err := d.SaveFlow(ctx, w.Anna, in, true); err != nil {
			t.Fatal(err)
		}
		if _, err := d.SaveFlow(ctx, w.Anna, in, true); !slices.Equal(fields(t, err), []string{"name"}) {
			t.Errorf("a flow can be made twice: %v", err)
		}
		if err := second(d.RemoveConnection(ctx, w.Anna, "odoo", "not needed")); err == nil || !strings.Contains(err.Error(), "shop-to-erp") {
			t.Errorf("the ERP of a flow can be removed: %v", err)
		}

		all := desk.SyncInput{Flow: "shop-to-erp"}
		if n, err := d.CountSync(ctx, all); err != nil || n != orders {
			t.Errorf("the shop says %d, %v; want %d", n, err, orders)
		}
		started, err := d.StartSync(ctx, w.Anna, all, orders)
		if err != nil || started.Run == 0 {
			t.Fatalf("started %+v, %v", started, err)
		}
		var run *desk.Run
		w.Until("all orders are in the ERP", func() bool {
			if run, err = d.Sync(ctx, started.Run); err != nil {
				t.Fatal(err)
			}
			return run.State == store.CursorDone && !run.Delivers()
		})
		if run.Seen != orders || run.Changed != orders || run.Total != orders || run.Settled() != orders || run.Became.Synced == 0 || run.Destination != "odoo" {
			t.Errorf("at its end the run is %+v", run)
		}
		documents, err := w.Sandbox.Documents("odoo")
		if err != nil || int64(len(documents)) < run.Became.Synced {
			t.Errorf("%d documents for %d orders, %v", len(documents), run.Became.Synced, err)
		}
		runs, err := d.Runs(ctx)
		if err != nil || len(runs) != 1 || runs[0].ID != started.Run {
			t.Errorf("runs %+v, %v", runs, err)
		}
		for _, action := range []func() error{
			func() error { return d.StopSync(ctx, w.Anna, started.Run) },
			func() error { return d.ResumeSync(ctx, w.Anna, started.Run) },
		} {
			if err := action(); err == nil || !strings.Contains(err.Error(), "is done") {
				t.Errorf("a run that is done can be changed: %v", err)
			}
		}
		oneByHand(t, w, orders)
		pauses(t, w)
	})
}

// oneByHand brings one order that Orderly knows by its number, and refuses one that nobody knows.
func oneByHand(t *testing.T, w *desktest.World, orders int) {
	t.Helper()
	ctx, d := t.Context(), w.Desk
	tasks, err := w.Store.Tasks(ctx, store.TaskFilter{Flow: "shop-to-erp", Limit: orders})
	if err != nil || len(tasks) != orders {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	for _, name := range []string{tasks[0].Number, tasks[0].SourceID} {
		started, err := d.StartSync(ctx, w.Anna, desk.SyncInput{Flow: "shop-to-erp", Record: name}, 0)
		if err != nil || started.Task != tasks[0].ID || started.Note != "" {
			t.Errorf("order %s by hand gives %+v, %v; want task %d", name, started, err, tasks[0].ID)
		}
	}
	row, err := d.SyncedRecord(ctx, tasks[0].ID)
	if err != nil || row.SourceID != tasks[0].SourceID {
		t.Errorf("its outcome is %+v, %v", row, err)
	}
	_, err = d.StartSync(ctx, w.Anna, desk.SyncInput{Flow: "shop-to-erp", Record: "99999999999999"}, 0)
	if got := fields(t, err); !slices.Equal(got, []string{"record"}) {
		t.Errorf("an order that nobody knows gives %v", err)
	}
	made, err := w.Sandbox.Make("shopify", sandbox.MakeOptions{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	started, err := d.StartSync(ctx, w.Anna, desk.SyncInput{Flow: "shop-to-erp", Record: made[0].Source.ExternalID}, 0)
	if err != nil || started.Task == 0 {
		t.Fatalf("a new order by hand gives %+v, %v", started, err)
	}
	w.Until("the new order is in the ERP or waits for a person", func() bool {
		row, err := d.SyncedRecord(ctx, started.Task)
		if err != nil {
			t.Fatal(err)
		}
		return row.State == store.TaskSynced || row.State == store.TaskHeld
	})
}

// pauses stops a connection and a flow, and lets them go on.
func pauses(t *testing.T, w *desktest.World) {
	t.Helper()
	ctx, d := t.Context(), w.Desk
	if err := d.PauseConnection(ctx, w.Anna, "odoo", true, " "); !slices.Equal(fields(t, err), []string{"why"}) {
		t.Errorf("a pause without a reason gives %v", err)
	}
	if err := d.PauseConnection(ctx, w.Anna, "odoo", true, "month's end"); err != nil {
		t.Fatal(err)
	}
	erp, err := d.Connection(ctx, "odoo")
	if err != nil || !erp.Paused || erp.PausedWhy != "month's end" {
		t.Errorf("paused it stands as %+v, %v", erp, err)
	}
	if destination, ok := w.Node.Destination("odoo"); !ok || !destination.Paused {
		t.Error("the running node has not heard of the pause")
	}
	if err := d.PauseConnection(ctx, w.Anna, "odoo", false, ""); err != nil {
		t.Fatal(err)
	}
	if destination, ok := w.Node.Destination("odoo"); !ok || destination.Paused {
		t.Error("the running node has not heard that it goes on")
	}
	if err := d.PauseFlow(ctx, w.Anna, "shop-to-erp", true, "a new price list"); err != nil {
		t.Fatal(err)
	}
	if f, err := d.Flow(ctx, "shop-to-erp"); err != nil || !f.Paused || f.PausedWhy != "a new price list" || !f.NextPoll.IsZero() {
		t.Errorf("paused the flow stands as %+v, %v", f, err)
	}
	for _, err := range []error{d.PauseFlow(ctx, w.Anna, "none", true, "x"), d.PauseConnection(ctx, w.Anna, "none", true, "x")} {
		if _, ok := errors.AsType[*desk.NotFoundError](err); !ok {
			t.Errorf("pausing what is not there gives %v", err)
		}
	}
	// The words of who pauses something do nothing but tell why.
	if err := d.PauseFlow(ctx, w.Anna, "shop-to-erp", true, "removed from the configuration"); err != nil {
		t.Fatal(err)
	}
	if f, err := d.Flow(ctx, "shop-to-erp"); err != nil || !f.Paused {
		t.Errorf("paused with strange words it is %+v, %v", f, err)
	}
	// What has a history is kept when it is removed, and does not show.
	if kept, err := d.RemoveFlow(ctx, w.Anna, "shop-to-erp", "the shop closes"); err != nil || !kept {
		t.Errorf("removed with a history: kept %v, %v", kept, err)
	}
	if list, err := d.Flows(ctx); err != nil || len(list) != 0 {
		t.Errorf("flows after it: %+v, %v", list, err)
	}
	if kept, err := d.RemoveConnection(ctx, w.Anna, "shopify", "the shop closes"); err != nil || !kept {
		t.Errorf("removed with a history: kept %v, %v", kept, err)
	}
	if list, err := d.Connections(ctx); err != nil || len(list) != 1 {
		t.Errorf("connections after it: %+v, %v", list, err)
	}
	err = d.SaveConnection(ctx, w.Anna, desk.ConnectionInput{Name: "shopify", System: "odoo", Settings: w.Settings("odoo")}, true)
	if got := fields(t, err); !slices.Equal(got, []string{"name"}) {
		t.Errorf("another system under a kept name gives %v", err)
	}
	w.Connect("shopify")
	audited(t, w)
}

// audited looks for each kind of change in the audit, with who and why.
func audited(t *testing.T, w *desktest.World) {
	t.Helper()
	entries, err := w.Store.AuditEntries(t.Context(), store.AuditFilter{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range entries {
		told = append(told, fmt.Sprintf("%s %s %s: %s", e.Who, e.Action, e.Subject, e.Why))
		for _, secret := range w.Settings("shopify") {
			if len(secret) > 20 && !strings.HasPrefix(secret, "http") && strings.Contains(e.Detail, secret) {
				t.Errorf("the audit has a secret in it: %s", e.Subject)
			}
		}
	}
	for _, want := range []string{
		"anna create connection/shopify", "anna create flow/shop-to-erp", "anna sync flow/shop-to-erp: backfill 1 of 40 orders",
		"anna pause connection/odoo: month's end", "anna resume connection/odoo", "anna pause flow/shop-to-erp: a new price list",
		"anna remove flow/shop-to-erp: the shop closes", "anna remove connection/shopify: the shop closes", "anna restore connection/shopify",
	} {
		if !slices.ContainsFunc(told, func(text string) bool { return strings.HasPrefix(text, want) }) {
			t.Errorf("the audit does not say %q:\n%s", want, strings.Join(told, "\n"))
		}
	}
}

func TestSecretsAreKeptAndNotSentElsewhere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := desktest.New(t, st, all.Definitions(), "odoo")
		ctx, d := t.Context(), w.Desk
		w.Connect("odoo")
		values := w.Settings("odoo")
		edited := desk.ConnectionInput{Name: "odoo", Settings: map[string]string{}}
		for name, value := range values {
			if name != "api_key" && name != "webhook_secret" {
				edited.Settings[name] = value
			}
		}
		edited.Settings["timeout"] = "20s"
		edited.Settings["api_key"] = "" // left empty in the form
		if err := d.SaveConnection(ctx, w.Anna, edited, false); err != nil {
			t.Fatal(err)
		}
		c, err := d.Connection(ctx, "odoo")
		if err != nil || c.Values["timeout"] != "20s" || !slices.Contains(c.Hidden, "api_key") || c.Report == nil || !c.Report.OK {
			t.Errorf("with its key kept it stands as %+v, %v", c, err)
		}
		if report, err := d.CheckConnection(ctx, w.Anna, "odoo"); err != nil || !report.OK {
			t.Errorf("checked: %+v, %v", report, err)
		}
		if entries, err := w.Store.AuditEntries(ctx, store.AuditFilter{Limit: 1}); err != nil || entries[0].Action != "check" || entries[0].Who != "anna" || entries[0].Detail != "in order" {
			t.Errorf("the audit says %+v, %v", entries, err)
		}
		edited.System = "odoo"
		plainText := "http://" + strings.TrimPrefix(strings.TrimPrefix(values["base_url"], "http://"), "https://")
		for _, elsewhere := range []map[string]string{
			{"base_url": "https://somewhere-else.test"},
			{"base_url": strings.Replace(plainText, "http:", "https:", 1)},
			{"base_url": values["base_url"], "proxy": "http://somewhere-else.test:3128"},
		} {
			maps.Copy(edited.Settings, elsewhere)
			if _, err := d.TestConnection(ctx, edited); !slices.Contains(fields(t, err), "api_key") {
				t.Errorf("a stored key would be sent to %v: %v", elsewhere, err)
			}
			if err := d.SaveConnection(ctx, w.Anna, edited, false); !slices.Contains(fields(t, err), "api_key") {
				t.Errorf("a stored key would be sent to %v: %v", elsewhere, err)
			}
		}
		if kept, err := d.RemoveConnection(ctx, w.Anna, "odoo", "made by mistake"); err != nil || kept {
			t.Errorf("removed without a history: kept %v, %v", kept, err)
		}
		if err := d.SaveConnection(ctx, w.Anna, edited, false); !isMissing(err) {
			t.Errorf("changing what was removed gives %v", err)
		}
	})
}

func isMissing(err error) bool {
	_, ok := errors.AsType[*desk.NotFoundError](err)
	return ok
}

func TestWebhooksAreRepaired(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := desktest.New(t, st, all.Definitions(), "shopify", "odoo")
		ctx, d := t.Context(), w.Desk
		w.Connect("shopify")
		w.Connect("odoo")
		if _, err := d.RepairWebhooks(ctx, w.Anna, "shopify"); err == nil || !strings.Contains(err.Error(), "no flow takes") {
			t.Errorf("repaired without a flow: %v", err)
		}
		config := flow.NewConfig()
		if _, err := d.SaveFlow(ctx, w.Anna, desk.FlowInput{Name: "orders", From: "shopify", To: "odoo", Config: config}, true); err != nil {
			t.Fatal(err)
		}
		list, err := d.RepairWebhooks(ctx, w.Anna, "shopify")
		if err != nil || len(list) == 0 || slices.ContainsFunc(list, func(s connector.Subscription) bool { return s.State != connector.SubscriptionActive }) {
			t.Errorf("after a repair %+v, %v", list, err)
		}
		c, err := d.Connection(ctx, "shopify")
		if err != nil || !c.Hooks.Wanted || c.Report == nil || len(c.Report.Webhooks) == 0 || !slices.Equal(c.Flows, []string{"orders"}) {
			t.Errorf("the connection says of its webhooks %+v, %v", c, err)
		}
		flows, err := d.Flows(ctx)
		if err != nil || len(flows) != 1 || flows[0].NextPoll.IsZero() || flows[0].Problem != "" {
			t.Errorf("flows %+v, %v", flows, err)
		}
		source, err := d.PollNow(ctx, w.Anna, "orders")
		if err != nil || source != "shopify" {
			t.Errorf("asked %q now, %v", source, err)
		}
		yaml, err := d.ExportYAML(ctx)
		if err != nil || !strings.Contains(string(yaml), "orders:") || strings.Contains(string(yaml), w.Settings("odoo")["api_key"]) {
			t.Errorf("as code it is\n%s\n%v", yaml, err)
		}
	})
}

func TestNextRuns(t *testing.T) {
	st := openSQLite(t)
	w := desktest.New(t, st, all.Definitions(), "odoo")
	runs, err := w.Desk.NextRuns("0 6 * * *")
	if err != nil || len(runs) != 3 || runs[0].UTC().Hour() != 6 || runs[1].Sub(runs[0]) != 24*time.Hour {
		t.Errorf("next runs %v, %v", runs, err)
	}
	if runs, err := w.Desk.NextRuns("off"); err != nil || runs != nil {
		t.Errorf("a schedule that is off runs at %v, %v", runs, err)
	}
	if _, err := w.Desk.NextRuns("often"); !slices.Equal(fields(t, err), []string{"triggers.schedule"}) {
		t.Errorf("a schedule that is none gives %v", err)
	}
}

func TestSystemsAreDescribedByTheirSettings(t *testing.T) {
	st := openSQLite(t)
	d := desktest.New(t, st, all.Definitions(), "odoo").Desk
	systems := d.Systems()
	if len(systems) != len(all.Definitions()) {
		t.Errorf("%d systems", len(systems))
	}
	odoo, err := d.System("odoo")
	if err != nil || odoo.Group != connector.GroupERP || odoo.Settings[0].Name != "base_url" || odoo.Settings[0].Label() != "Base URL" {
		t.Errorf("odoo is described as %+v, %v", odoo, err)
	}
	for _, s := range odoo.Settings {
		if s.Help == "" || (s.Secret && s.Default != "") {
			t.Errorf("setting %+v", s)
		}
	}
	if shopify, err := d.System("shopify"); err != nil || shopify.Group != connector.GroupShop {
		t.Errorf("shopify is a %s, %v", shopify.Group, err)
	}
	if _, err := d.System("teleport"); !isMissing(err) {
		t.Errorf("a system that is not there gives %v", err)
	}
}
