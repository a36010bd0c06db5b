package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// shop is a source whose webhook bodies are orders in the canonical form, and a counter of how often
// it was opened and closed.
type shop struct {
	Token  connector.Secret
	opened *opened
}

type opened struct {
	mu            sync.Mutex
	opens, closes int
	state         connector.State
	checkErr      error
	checked       []string // by token
	subscriptions []string
}

func (s *shop) Settings() []connector.Setting {
	return []connector.Setting{connector.SecretString(&s.Token, "token", "the shop's token", connector.Required())}
}

func (s *shop) Open(_ context.Context, env connector.Env) (connector.Connector, error) {
	s.opened.mu.Lock()
	defer s.opened.mu.Unlock()
	s.opened.opens++
	s.opened.state = env.State
	return s, nil
}

func (s *shop) Decoder() connector.Decoder { return s }

func (s *shop) DecodeOrder(raw connector.Raw) (o commerce.Order, err error) {
	return o, json.Unmarshal(raw.Body, &o)
}

func (s *shop) DecodeCustomer(raw connector.Raw) (c commerce.Customer, err error) {
	return c, json.Unmarshal(raw.Body, &c)
}

func (s *shop) Check(context.Context) (connector.Account, error) {
	s.opened.mu.Lock()
	defer s.opened.mu.Unlock()
	s.opened.checked = append(s.opened.checked, string(s.Token))
	return connector.Account{Name: "shop", ServerTime: time.Now().Add(-time.Hour)}, s.opened.checkErr
}

func (s *shop) Close(context.Context) error {
	s.opened.mu.Lock()
	defer s.opened.mu.Unlock()
	s.opened.closes++
	return nil
}

func (s *shop) Receive(req connector.Request) (connector.Receipt, error) {
	return connector.Receipt{Events: []connector.Event{{Ref: connector.Ref{Kind: commerce.KindOrder, ID: "1"}, Topic: "order", Change: connector.Changed, Body: req.Body}}}, nil
}

func (s *shop) Webhooks(context.Context, string) ([]connector.Subscription, error) {
	return []connector.Subscription{{Topic: "order", State: connector.SubscriptionMissing}}, nil
}

func (s *shop) EnsureWebhooks(_ context.Context, address string) ([]connector.Subscription, error) {
	s.opened.mu.Lock()
	defer s.opened.mu.Unlock()
	s.opened.subscriptions = append(s.opened.subscriptions, address)
	return []connector.Subscription{{Topic: "order", State: connector.SubscriptionActive}}, nil
}

func (o *opened) definition() connector.Definition {
	return connector.Definition{
		Name: "shop", Title: "Shop", Roles: connector.Source | connector.Destination,
		New: func() connector.Config { return &shop{opened: o} },
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func options(o *opened) node.Options {
	return node.Options{PublicURL: "https://orderly.test/", Definitions: []connector.Definition{o.definition()}, Version: "test", Log: quiet()}
}

func configure(t *testing.T, st *store.Store, connections []store.Connection, flows ...store.Flow) {
	t.Helper()
	err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
		for _, c := range connections {
			if err := st.SaveConnection(ctx, tx, c, time.Now()); err != nil {
				return err
			}
		}
		for _, f := range flows {
			if err := st.SaveFlow(ctx, tx, f, time.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func two() []store.Connection {
	return []store.Connection{
		{Name: "web", System: "shop", Settings: map[string]string{"token": "secret-1"}},
		{Name: "erp", System: "shop", Settings: map[string]string{"token": "secret-2"}},
	}
}

func newNode(t *testing.T, st *store.Store, o *opened) *node.Node {
	t.Helper()
	n, err := node.New(t.Context(), options(o), st, telemetry.NewMetrics("test"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestANodeTakesWebhooksAndKeepsSubscriptions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := &opened{}
		configure(t, st, two(), store.Flow{Name: "orders", Source: "web", Destination: "erp", Config: "{}"})
		n := newNode(t, st, o)
		metrics := telemetry.NewMetrics("test")
		metrics.WatchTasks(st, time.Now)
		server := httptest.NewServer(n.Handler(metrics.Handler()))
		defer server.Close()
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		post := func(path string) int {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(`{"order_number":"1"}`))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			return resp.StatusCode
		}
		if status := post("/hooks/web"); status != http.StatusOK {
			t.Errorf("a webhook is answered %d", status)
		}
		if status := post("/hooks/nobody"); status != http.StatusNotFound {
			t.Errorf("a webhook for an unknown connection is answered %d", status)
		}
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			resp, err := server.Client().Get(server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %d %s", path, resp.StatusCode, body)
			}
			if path == "/metrics" && !strings.Contains(string(body), `orderly_tasks{flow="orders"`) {
				t.Errorf("the numbers do not tell of tasks:\n%s", body)
			}
		}
		deadline := time.Now().Add(10 * time.Second)
		for {
			o.mu.Lock()
			subscribed := len(o.subscriptions) > 0
			o.mu.Unlock()
			if subscribed || time.Now().After(deadline) {
				break
			}
			wait(t)
		}
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if len(o.subscriptions) == 0 || o.subscriptions[0] != "https://orderly.test/hooks/web" {
			t.Errorf("subscriptions made for %q", o.subscriptions)
		}
		if o.opens != 2 || o.closes != 2 {
			t.Errorf("%d connections opened, %d closed; want two of each", o.opens, o.closes)
		}
	})
}

func wait(t *testing.T) {
	timer := time.NewTimer(10 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// A change of a flow's mapping must not call every vendor.
func TestReloadCallsOnlyWhatHasChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := &opened{}
		orders := store.Flow{Name: "orders", Source: "web", Destination: "erp", Config: "{}"}
		configure(t, st, two(), orders)
		n := newNode(t, st, o)
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		called := func(checked, subscribed int) {
			t.Helper()
			deadline := time.Now().Add(20 * time.Second)
			for {
				o.mu.Lock()
				c, s := len(o.checked), len(o.subscriptions)
				o.mu.Unlock()
				if c >= checked && s >= subscribed {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d checks and %d subscriptions; want %d and %d", c, s, checked, subscribed)
				}
				wait(t)
			}
		}
		called(2, 1)
		orders.Config = `{"mapping":{"items":{"A":"B"}}}`
		configure(t, st, nil, orders)
		if err := n.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		changed := two()[1:]
		changed[0].Settings["token"] = "secret-3"
		configure(t, st, changed)
		if err := n.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		called(3, 1)
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		slices.Sort(o.checked)
		if want := []string{"secret-1", "secret-2", "secret-3"}; !slices.Equal(o.checked, want) || len(o.subscriptions) != 1 {
			t.Errorf("checked %q, subscribed %d times; want %q and once", o.checked, len(o.subscriptions), want)
		}
	})
}

func TestARemovedFlowTakesNothingNew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		configure(t, st, two(), store.Flow{Name: "orders", Source: "web", Destination: "erp", Config: "{}"})
		n := newNode(t, st, &opened{})
		if got := n.Sources(); !slices.Equal(got, []string{"web"}) {
			t.Errorf("sources %q", got)
		}
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := st.Observe(ctx, tx, store.Observation{
				Connection: "web", Kind: "order", SourceID: "1", Via: store.ViaWebhook, At: time.Now(), Routes: []store.Route{{Flow: "orders", Destination: "erp", Lanes: 1}},
			})
			return errors.Join(err, st.RemoveFlow(ctx, tx, "orders"))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := n.Sources(); len(got) != 0 {
			t.Errorf("after its flow was removed, records are taken from %q", got)
		}
		if _, ok := n.Flow("orders"); !ok {
			t.Error("what the flow has carried cannot be read any more")
		}
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestReloadOpensOnlyWhatHasChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := &opened{}
		configure(t, st, two(), store.Flow{Name: "orders", Source: "web", Destination: "erp", Config: "{}"})
		n := newNode(t, st, o)
		if err := n.Reload(t.Context()); err != nil || o.opens != 2 {
			t.Errorf("%d opened after a reload without a change, %v; want 2", o.opens, err)
		}
		changed := two()[:1]
		changed[0].Settings["token"] = "secret-3"
		configure(t, st, changed)
		if err := n.Reload(t.Context()); err != nil || o.opens != 3 {
			t.Errorf("%d opened after one has changed, %v; want 3", o.opens, err)
		}
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if o.closes != 3 {
			t.Errorf("%d closed; want the old one as well", o.closes)
		}
	})
}

func TestWhatCannotBeOpenedIsToldAndTheRestRuns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := &opened{}
		configure(t, st, append(two(),
			store.Connection{Name: "gone", System: "teleport"},
			store.Connection{Name: "bare", System: "shop"},
			store.Connection{Name: "slow", System: "shop", Settings: map[string]string{"token": "secret-4", "timeout": "never"}},
		),
			store.Flow{Name: "orders", Source: "web", Destination: "erp", Config: "{}"},
			store.Flow{Name: "lost", Source: "web", Destination: "gone", Config: "{}"},
			store.Flow{Name: "bad", Source: "web", Destination: "erp", Config: `{"mapping":{"order_fields":{"x":"order.nothing"}}}`},
		)
		n := newNode(t, st, o)
		defer func() {
			if err := n.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		for name, want := range map[string]string{
			"gone": `no connector for the system "teleport"`, "bare": "token: is required", "slow": "timeout", "lost": "gone is not open", "bad": "order_fields.x",
		} {
			if err := n.Problems()[name]; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the problem of %s is %v; want %q", name, err, want)
			}
			if err := n.Problems()[name]; err != nil && strings.Contains(err.Error(), "secret-") {
				t.Errorf("%v holds a secret", err)
			}
		}
		if _, ok := n.Flow("orders"); !ok {
			t.Error("the flow that is in order is not open")
		}
		if _, err := n.Connection("wbe"); err == nil || !strings.Contains(err.Error(), "did you mean web?") {
			t.Errorf("a wrong name gives %v", err)
		}
	})
}

func TestOnlyOneNodeWorksOnASQLiteFile(t *testing.T) {
	o := &opened{}
	st := storetest.Open(t, store.Options{Dir: t.TempDir()})
	n := newNode(t, st, o)
	if _, err := node.New(t.Context(), options(o), st, telemetry.NewMetrics("test")); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second node gives %v; want ErrInUse", err)
	}
	if err := n.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := newNode(t, st, o)
	if err := again.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStateChangesOneAtATime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := &opened{}
		configure(t, st, two()[:1])
		n := newNode(t, st, o)
		defer func() {
			if err := n.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		state := o.state
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				_, err := state.Update(t.Context(), "token", func(_ context.Context, current []byte) ([]byte, error) {
					wait(t) // a sign-in takes time
					return append(current, 'x'), nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if value, err := state.Load(t.Context(), "token"); err != nil || string(value) != "xxxxxxxx" {
			t.Errorf("after eight changes at once the value is %q, %v", value, err)
		}
		failed := errors.New("refused")
		if _, err := state.Update(t.Context(), "token", func(context.Context, []byte) ([]byte, error) { return nil, failed }); !errors.Is(err, failed) {
			t.Errorf("a change that fails gives %v", err)
		}
		if value, err := state.Load(t.Context(), "token"); err != nil || string(value) != "xxxxxxxx" {
			t.Errorf("a change that fails leaves %q, %v", value, err)
		}
	})
}

func TestCheck(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := &opened{}
		configure(t, st, two(), store.Flow{Name: "orders", Source: "web", Destination: "erp", Config: "{}"})
		view, err := node.Look(t.Context(), options(o), st, telemetry.NewMetrics("test"))
		if err != nil {
			t.Fatal(err)
		}
		defer view.Close(t.Context())
		r := view.Check(t.Context(), "web")
		texts := ""
		for _, f := range r.Account.Findings {
			texts += f.Text + "\n"
		}
		if !r.OK || !strings.Contains(texts, "clocks") || !strings.Contains(texts, "subscription order is missing") || r.WebhookURL != "https://orderly.test/hooks/web" {
			t.Errorf("report %+v\n%s", r, texts)
		}
		if len(o.subscriptions) > 0 {
			t.Error("a check has changed subscriptions")
		}
		o.checkErr = &connector.Error{Kind: connector.KindAuth, Message: "wrong token", Fix: "make a new one"}
		if r := view.Check(t.Context(), "web"); r.OK || r.Kind != connector.KindAuth || r.Fix != "make a new one" {
			t.Errorf("report of refused credentials: %+v", r)
		}
		if r := view.Check(t.Context(), "nobody"); r.OK || r.Error == "" {
			t.Errorf("report of an unknown connection: %+v", r)
		}
	})
}

func TestARunningNodeKeepsWhatItsChecksFind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		configure(t, st, two(), store.Flow{Name: "orders", Source: "web", Destination: "erp", Config: "{}"})
		n := newNode(t, st, &opened{})
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := n.Stop(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}()
		for {
			list, err := st.Connections(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(list[0].Health, `"ok":true`) && strings.Contains(list[1].Health, `"ok":true`) && !list[0].CheckedAt.IsZero() {
				break
			}
			wait(t)
		}
		report, err := n.Check(t.Context(), "nobody")
		if err != nil || report.OK || !strings.Contains(report.Error, "there is no connection") {
			t.Errorf("a check of a connection that is not there gave %+v, %v", report, err)
		}
	})
}
