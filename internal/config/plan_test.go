package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/secret"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// echo gives each variable its own name as its value, but for those in set.
func echo(set map[string]string) *secret.Resolver {
	return &secret.Resolver{LookupEnv: func(name string) (string, bool) {
		if value, ok := set[name]; ok {
			return value, value != "unset"
		}
		return "value of " + name, true
	}}
}

func mustResolve(t testing.TB, text string, resolver *secret.Resolver) State {
	t.Helper()
	file, err := Parse("orderly.yaml", []byte(text), systems())
	if err != nil {
		t.Fatal(err)
	}
	state, err := file.Resolve(resolver)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

const first = `
public_url: https://orderly.example.com
connections:
  shop:
    system: shop
    base_url: https://my-shop.example.com
    access_token: ${env:TOKEN}
  erp: {system: erp, base_url: "https://erp.example.com", company: A, password: "${env:PASSWORD}"}
  crm: {system: crm}
flows:
  shop-to-erp: {from: shop, to: erp}
  crm-to-erp: {from: crm, to: erp}
`

const second = `
connections:
  shop:
    system: shop
    base_url: https://my-shop.example.com
    access_token: ${env:OTHER_TOKEN}
    page_size: 10
  erp: {system: erp, base_url: "https://erp.example.com", company: B, password: "${env:PASSWORD}"}
flows:
  shop-to-erp: {from: shop, to: erp, orders: {invoice: paid}, mapping: {items: {A: B}}}
`

const firstPlan = `~ change installation public_url
    public_url: https://orderly.example.com
+ create connection crm
    system: crm
+ create connection erp
    system: erp
    base_url: https://erp.example.com
    company: A
    password: (secret)
+ create connection shop
    system: shop
    access_token: (secret)
    base_url: https://my-shop.example.com
+ create flow crm-to-erp
    from: crm
    to: erp
+ create flow shop-to-erp
    from: shop
    to: erp
`

const secondPlan = `~ change installation public_url
    public_url: https://orderly.example.com → (none)
~ change connection erp
    company: A → B
~ change connection shop
    access_token: changed (secret)
    page_size: 10
~ change flow shop-to-erp
    mapping.items.A: B
    orders.invoice: never → paid
- remove flow crm-to-erp
    what it has carried is kept
- remove connection crm
    what it has carried is kept
`

func apply(t *testing.T, st *store.Store, text string) Plan {
	t.Helper()
	have, err := Load(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Diff(systems(), have, mustResolve(t, text, echo(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := Apply(t.Context(), st, plan, "kim", noon); err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestApply(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		if diff := cmp.Diff(firstPlan, apply(t, st, first).Text()); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
		if again := apply(t, st, first); !again.Empty() {
			t.Errorf("applying the same again: %s", again.Text())
		}
		state, err := Load(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		want := mustResolve(t, first, echo(nil))
		if diff := cmp.Diff(want, state, ignoreBooks...); diff != "" {
			t.Errorf("the store holds (-want +got):\n%s", diff)
		}
		if got := state.Connections[2].Settings["access_token"]; got != "value of TOKEN" {
			t.Errorf("the token is %q", got)
		}

		plan := apply(t, st, second)
		if diff := cmp.Diff(secondPlan, plan.Text()); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
		if again := apply(t, st, second); !again.Empty() {
			t.Errorf("applying the same again: %s", again.Text())
		}
		if state, err = Load(t.Context(), st); err != nil || len(state.Connections) != 2 || len(state.Flows) != 1 || state.PublicURL != "" {
			t.Errorf("the store holds %d connections and %d flows, %v", len(state.Connections), len(state.Flows), err)
		}
		shown, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		entries := audit(t, st)
		if len(entries) != 12 {
			t.Errorf("%d entries in the audit: %v", len(entries), entries)
		}
		for what, text := range map[string]string{"plan": plan.Text() + string(shown), "audit": strings.Join(entries, "\n")} {
			if strings.Contains(text, "value of") {
				t.Errorf("a secret is in the %s", what)
			}
		}
		if !strings.Contains(strings.Join(entries, "\n"), `kim change connection/erp [{"path":"company","before":"A","after":"B"}]`) {
			t.Errorf("the audit does not say what has changed: %s", strings.Join(entries, "\n"))
		}
	})
}

var ignoreBooks = []cmp.Option{
	cmpopts.IgnoreUnexported(State{}),
	cmpopts.IgnoreFields(store.Connection{}, "Lanes", "UpdatedAt", "Health"), cmpopts.IgnoreFields(store.Flow{}, "UpdatedAt"),
	cmpopts.EquateEmpty(),
}

func audit(t *testing.T, st *store.Store) []string {
	t.Helper()
	var entries []string
	err := st.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
		entries = nil
		rows, err := tx.Query(ctx, `SELECT who, action, subject, detail FROM audit ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var who, action, subject, detail string
			if err := rows.Scan(&who, &action, &subject, &detail); err != nil {
				return err
			}
			entries = append(entries, who+" "+action+" "+subject+" "+detail)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// crmOrder is an order that crm-to-erp carries.
var crmOrder = store.Observation{
	Connection: "crm", Kind: "order", SourceID: "1", Via: store.ViaWebhook, At: noon, Routes: []store.Route{{Flow: "crm-to-erp", Destination: "erp", Lanes: 1}},
}

// A flow and a connection that have carried something stay, paused, and come back as they were.
func TestRemovedWithHistoryIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		apply(t, st, first)
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := st.Observe(ctx, tx, crmOrder)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		without := strings.NewReplacer("  crm: {system: crm}\n", "", "  crm-to-erp: {from: crm, to: erp}\n", "").Replace(first)
		if got, want := apply(t, st, without).Text(), "- remove flow crm-to-erp\n    what it has carried is kept\n- remove connection crm\n    what it has carried is kept\n"; got != want {
			t.Errorf("plan %q, want %q", got, want)
		}
		if plan := apply(t, st, without); !plan.Empty() {
			t.Errorf("what is removed already is to be removed again: %s", plan.Text())
		}
		state, err := Load(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Export(state, systems())
		if err != nil || strings.Contains(string(text), "crm") {
			t.Errorf("%v, exported although removed:\n%s", err, text)
		}
		if got, want := apply(t, st, first).Text(), "+ restore connection crm\n+ restore flow crm-to-erp\n"; got != want {
			t.Errorf("plan %q, want %q", got, want)
		}
		if state, err = Load(t.Context(), st); err != nil || state.Connections[0].Paused || state.Flows[0].Paused {
			t.Errorf("still paused, %v", err)
		}
	})
}

// A pause by hand is no part of the file: applying it neither ends nor begins one.
func TestPausesStay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		apply(t, st, first)
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			return st.PauseFlow(ctx, tx, "shop-to-erp", true, "stocktaking")
		})
		if err != nil {
			t.Fatal(err)
		}
		apply(t, st, second)
		state, err := Load(t.Context(), st)
		if err != nil || !state.Flows[0].Paused || state.Flows[0].PausedWhy != "stocktaking" {
			t.Errorf("%+v, %v", state.Flows, err)
		}
	})
}

func TestPlanThatIsTooOldIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		have, err := Load(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		old, err := Diff(systems(), have, mustResolve(t, second, echo(nil)))
		if err != nil {
			t.Fatal(err)
		}
		apply(t, st, first)
		if err := Apply(t.Context(), st, old, "kim", noon); !errors.Is(err, store.ErrConfigChanged) {
			t.Errorf("error %v", err)
		}
		if state, err := Load(t.Context(), st); err != nil || len(state.Connections) != 3 {
			t.Errorf("%d connections, %v: the old plan was applied in part", len(state.Connections), err)
		}
		if got := len(audit(t, st)); got != 6 {
			t.Errorf("%d entries in the audit, want those of the first plan alone", got)
		}
	})
}

// Nodes that start together apply the same file at the same moment: it is applied once.
func TestEnsureByManyNodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		want := mustResolve(t, first, echo(nil))
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { _, errs[i] = Ensure(t.Context(), st, systems(), want, fmt.Sprint("node ", i), noon) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if got := len(audit(t, st)); got != 6 {
			t.Errorf("%d entries in the audit, want 6: one for each change", got)
		}
	})
}

func TestConnectionKeepsItsSystem(t *testing.T) {
	have := State{Connections: []store.Connection{{Name: "crm", System: "shop"}}}
	var found *SystemChangedError
	if _, err := Diff(systems(), have, mustResolve(t, first, echo(nil))); !errors.As(err, &found) || found.Connection != "crm" {
		t.Errorf("error %v", err)
	}
}

func TestResolveTellsEverythingThatIsWrong(t *testing.T) {
	file, err := Parse("orderly.yaml", []byte(`public_url: ${env:PUBLIC}
connections:
  shop:
    system: shop
    base_url: ${env:URL}
    access_token: ${env:TOKEN}
    page_size: ${env:SIZE}
  erp:
    system: erp
    base_url: https://erp.example.com
    company: A
    password: ${file:/does/not/exist}
`), systems())
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Resolve(echo(map[string]string{"PUBLIC": "here", "URL": "https://shop.example.com", "TOKEN": "unset", "SIZE": "10"}))
	want := `orderly.yaml:1:13: public_url: is no address that begins with https:// or http:// and a host; set the variable to an address such as https://orderly.example.com
orderly.yaml:6:19: connections.shop.access_token: ${env:TOKEN}: the environment variable TOKEN is not set
orderly.yaml:12:15: connections.erp.password: ${file:/does/not/exist}: open /does/not/exist: no such file or directory`
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	_, err = file.Resolve(echo(map[string]string{"PUBLIC": "https://o.example.com", "URL": "shop.example.com", "SIZE": "many"}))
	for _, part := range []string{"5:15: connections.shop.base_url: is no address", `7:16: connections.shop.page_size: "many" is no whole number`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want %q in it", err, part)
		}
	}
	state, err := file.Resolve(&secret.Resolver{LookupEnv: func(name string) (string, bool) { return "https://x.example.com/", true }})
	if err == nil || state.Connections != nil {
		t.Errorf("%v beside the error %v", state.Connections, err)
	}
}

func TestExport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		full := string(read(t, "testdata/full.good.yml"))
		want := mustResolve(t, full, withFile(t))
		if _, err := Ensure(t.Context(), st, systems(), want, "kim", noon); err != nil {
			t.Fatal(err)
		}
		state, err := Load(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Export(state, systems())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(read(t, "testdata/export.good.yml")), string(text)); diff != "" {
			t.Errorf("export (-want +got):\n%s", diff)
		}
		back := mustResolve(t, string(text), echo(map[string]string{
			"ERP_PASSWORD":      want.Connections[1].Settings["password"],
			"SHOP_ACCESS_TOKEN": want.Connections[2].Settings["access_token"], "SHOP_WEBHOOK_SECRET": want.Connections[2].Settings["webhook_secret"],
		}))
		if plan, err := Diff(systems(), state, back); err != nil || !plan.Empty() {
			t.Errorf("applying the export changes something, %v:\n%s", err, plan.Text())
		}
	})
}

// withFile resolves the references of the full file, one of which is to a file beside it.
func withFile(t *testing.T) *secret.Resolver {
	t.Helper()
	resolver := echo(nil)
	resolver.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(resolver.Dir, "erp-password"), []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return resolver
}

// The address of a proxy may have a password in it, although it is no secret as such.
func TestPasswordInAnAddressIsASecret(t *testing.T) {
	text := strings.Replace(first, "  crm: {system: crm}", "  crm: {system: crm, proxy: \"${env:PROXY}\"}", 1)
	want := mustResolve(t, text, echo(map[string]string{"PROXY": "http://me:hunter2@proxy.example.com:3128"}))
	plan, err := Diff(systems(), State{}, want)
	if err != nil {
		t.Fatal(err)
	}
	exported, err := Export(want, systems())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plan.Text()+string(exported), "hunter2") {
		t.Errorf("the password is shown:\n%s\n%s", plan.Text(), exported)
	}
	if !strings.Contains(string(exported), `proxy: "${env:CRM_PROXY}"`) {
		t.Errorf("no variable stands for the proxy:\n%s", exported)
	}
}

func TestExportOfNothing(t *testing.T) {
	text, err := Export(State{}, systems())
	if err != nil {
		t.Fatal(err)
	}
	file, err := Parse("f", text, systems())
	if err != nil || len(file.Connections)+len(file.Flows) != 0 {
		t.Errorf("%v, %v:\n%s", file, err, text)
	}
	if _, err := Export(State{Connections: []store.Connection{{Name: "x", System: "gone"}}}, systems()); err == nil {
		t.Error("a connection of an unknown system is exported")
	}
}

// Any text survives the way into a file and back.
func TestExportedTextsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.String(), rapid.StringMatching(`[ -~]{0,12}`), rapid.StringMatching(`[A-Za-z0-9 .:/@+_-]{1,10}`), rapid.StringMatching(`[$]{0,3}\{(env|x):A\}`),
			rapid.SampledFrom([]string{"true", "Yes", "null", "~", "0x1f", "1e3", "- a", "a: b", "a #b", "*a", "&a", "!a", "%a", "@a", "`a", "'", `"`, "2026-01-31", "\n", "\t", "\u2028", "\u0085", "<<"}),
		)
		config := flow.NewConfig()
		key, value := text.Draw(t, "key"), text.Draw(t, "value")
		config.Mapping.Items = map[string]string{key: value}
		config.Mapping.RoundingItem = text.Draw(t, "item")
		config.Customers.GuestAccount = text.Draw(t, "account")
		encoded, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		state := State{
			Connections: []store.Connection{
				{Name: "crm", System: "crm", Settings: map[string]string{}},
				{Name: "erp", System: "erp", Settings: map[string]string{"base_url": "https://erp.example.com", "company": "C" + text.Draw(t, "company"), "password": "p"}},
				{Name: "shop", System: "shop", Settings: map[string]string{
					"base_url": "https://shop.example.com", "access_token": "t", "scopes": strings.ReplaceAll(text.Draw(t, "scope"), ",", "") + ",b",
				}},
			},
			Flows: []store.Flow{{Name: "f", Source: "shop", Destination: "erp", Config: string(encoded)}},
		}
		// Invalid UTF-8 cannot be stored as JSON either.
		if strings.Contains(string(encoded), `\ufffd`) || strings.ContainsRune(state.Connections[1].Settings["company"]+state.Connections[2].Settings["scopes"], '\ufffd') {
			t.Skip("no text")
		}
		exported, err := Export(state, systems())
		if err != nil {
			t.Fatal(err)
		}
		file, err := Parse("f", exported, systems())
		if err != nil {
			t.Fatalf("%v\n%s", err, exported)
		}
		back, err := file.Resolve(echo(map[string]string{"ERP_PASSWORD": "p", "SHOP_ACCESS_TOKEN": "t"}))
		if err != nil {
			t.Fatalf("%v\n%s", err, exported)
		}
		plan, err := Diff(systems(), state, back)
		if err != nil || !plan.Empty() {
			t.Fatalf("%v\n%s\n%s", err, plan.Text(), exported)
		}
	})
}

// What a flow has delivered stays where it is: other ends are another flow's.
func TestAFlowThatHasCarriedSomethingKeepsItsEnds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		apply(t, st, first)
		other := strings.Replace(first, "from: crm, to: erp", "from: shop, to: erp, filter: \"false\"", 1)
		apply(t, st, other) // it has carried nothing yet
		apply(t, st, first)
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := st.Observe(ctx, tx, crmOrder)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		have, err := Load(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Diff(systems(), have, mustResolve(t, other, echo(nil)))
		if changed, ok := errors.AsType[*EndsChangedError](err); !ok || changed.Flow != "crm-to-erp" || changed.From != "crm" {
			t.Errorf("other ends: %v", err)
		}
	})
}

// However a mapping changes, each row has its history.
func TestApplyWritesTheHistoryOfMaps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		apply(t, st, first)
		filled := strings.Replace(first, "{from: crm, to: erp}", `{from: crm, to: erp, filter: "true", mapping: {items: {A: B}, discount_item: D, order_fields: {note: order.customer_reference}}}`, 1)
		apply(t, st, filled)
		apply(t, st, first)
		list, err := st.MapChanges(t.Context(), store.MapFilter{Flow: "crm-to-erp", Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range list {
			got = append(got, fmt.Sprintf("%s %s %q→%q", c.Table, c.Key, c.Before, c.After))
		}
		want := []string{
			`rules mapping.order_fields.note "order.customer_reference"→""`, `rules filter "true"→""`, `settings discount_item "D"→""`, `items A "B"→""`,
			`rules mapping.order_fields.note ""→"order.customer_reference"`, `rules filter ""→"true"`, `settings discount_item ""→"D"`, `items A ""→"B"`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("history\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
