package node_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

// caller is a connection whose check calls its system.
type caller struct{ env connector.Env }

func (c *caller) Settings() []connector.Setting { return nil }
func (c *caller) Decoder() connector.Decoder    { return nil }
func (c *caller) Close(context.Context) error   { return nil }

func (c *caller) Open(_ context.Context, env connector.Env) (connector.Connector, error) {
	return &caller{env: env}, nil
}

func (c *caller) Check(ctx context.Context) (connector.Account, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.env.BaseURL, nil)
	if err != nil {
		return connector.Account{}, err
	}
	resp, err := c.env.HTTP.Do(req)
	if err != nil {
		return connector.Account{}, err
	}
	return connector.Account{}, resp.Body.Close()
}

func TestBreakersOfANodeAreKeptUntilItStops(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		dead := httptest.NewServer(nil)
		dead.Close()
		configure(t, st, []store.Connection{{Name: "erp", System: "caller", Settings: map[string]string{"base_url": dead.URL}}})
		o := options(&opened{})
		o.Definitions = []connector.Definition{{Name: "caller", Title: "Caller", Roles: connector.Source, New: func() connector.Config { return &caller{} }}}
		n, err := node.New(t.Context(), o, st, telemetry.NewMetrics("test"))
		if err != nil {
			t.Fatal(err)
		}
		erp, err := n.Connection("erp")
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := erp.Conn.Connector.Check(t.Context()); err == nil {
				t.Fatal("a dead system answers")
			}
		}
		var list []store.OpenBreaker
		for deadline := time.Now().Add(10 * time.Second); len(list) == 0 && time.Now().Before(deadline); wait(t) {
			if list, err = st.OpenBreakers(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(list) != 1 || list[0].Connection != "erp" {
			t.Errorf("open breakers %+v", list)
		}
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if list, err = st.OpenBreakers(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("after the end: %+v, %v", list, err)
		}
	})
}

func TestANodeTellsWhatBecomesOfOrdersAndThatAFlowIsPaused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		configure(t, st, two(), store.Flow{Name: "orders", Source: "web", Destination: "erp", Config: "{}"})
		n := newNode(t, st, &opened{})
		heard := make(chan string, 100)
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var message struct {
				Type string `json:"type"`
				Data struct {
					SourceID string `json:"source_id"`
					Subject  string `json:"subject"`
				} `json:"data"`
			}
			if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
				t.Error(err)
			}
			heard <- strings.TrimSpace(message.Type + " " + message.Data.SourceID + message.Data.Subject)
		}))
		defer receiver.Close()
		config := notice.DefaultConfig()
		config.AllowedNetworks = []string{"127.0.0.0/8"}
		config.Rules.Paused.Minutes = 1
		if err := n.Notices().SaveConfig(t.Context(), config, "anna", ""); err != nil {
			t.Fatal(err)
		}
		if _, _, err := n.Notices().CreateEndpoint(t.Context(), notice.EndpointDraft{URL: receiver.URL, Events: notice.EventTypes()}, "anna", ""); err != nil {
			t.Fatal(err)
		}
		// The flow has been paused for longer than a minute already.
		err := st.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			long := time.Now().Add(-2 * time.Minute)
			_, err := st.SaveAlert(ctx, tx, store.Alert{Rule: notice.RulePaused, Subject: "connection/web", Title: "x", Since: long, Seen: long})
			if err != nil {
				return err
			}
			return st.PauseConnection(ctx, tx, "web", true, "stocktaking")
		})
		if err != nil {
			t.Fatal(err)
		}
		metrics := telemetry.NewMetrics("test")
		server := httptest.NewServer(n.Handler(metrics.Handler()))
		defer server.Close()
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := n.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		resp, err := server.Client().Post(server.URL+"/hooks/web", "application/json", strings.NewReader(`{"order_number":"1"}`))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		// The order has no currency, so it is held.
		missing := map[string]bool{"order.held 1": true, "alert.begun connection/web": true}
		timeout := time.NewTimer(30 * time.Second)
		defer timeout.Stop()
		for len(missing) > 0 {
			select {
			case what := <-heard:
				delete(missing, what)
			case <-timeout.C:
				t.Fatalf("not told: %v", missing)
			}
		}
	})
}
