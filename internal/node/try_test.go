package node_test

import (
	"context"
	"errors"
	"testing"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestATrialKeepsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := &opened{}
		configure(t, st, two()[:1])
		n := newNode(t, st, o)
		defer func() {
			if err := n.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		entered := store.Connection{Name: "beside", System: "shop", Settings: map[string]string{"token": "secret-9"}}
		report, err := n.TryCheck(t.Context(), entered)
		if err != nil || !report.OK || report.Account == nil || report.Account.Name != "shop" {
			t.Errorf("the trial gives %+v, %v", report, err)
		}
		if o.opens != 2 || o.closes != 1 {
			t.Errorf("%d opened and %d closed; want the trial closed", o.opens, o.closes)
		}
		if _, err := o.state.Update(t.Context(), "token", func(context.Context, []byte) ([]byte, error) { return []byte("new"), nil }); err != nil {
			t.Fatal(err)
		}
		if value, err := o.state.Load(t.Context(), "token"); err != nil || string(value) != "new" {
			t.Errorf("a trial remembers %q, %v while it lasts", value, err)
		}
		if kept, err := st.LoadSecret(t.Context(), "beside", "token"); err != nil || kept != nil {
			t.Errorf("a trial has stored %q, %v", kept, err)
		}
		if list, err := st.Connections(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("connections after a trial: %+v, %v", list, err)
		}
		entered.Settings = nil
		if _, err := n.TryCheck(t.Context(), entered); !isSettings(err) {
			t.Errorf("a trial without its token gives %v", err)
		}
		if err := n.TryOpen(t.Context(), entered); !isSettings(err) {
			t.Errorf("opening without its token gives %v", err)
		}
		o.checkErr = &connector.Error{Kind: connector.KindAuth, Message: "wrong token"}
		entered.Settings = map[string]string{"token": "wrong"}
		if report, err := n.TryCheck(t.Context(), entered); err != nil || report.OK || report.Kind != connector.KindAuth {
			t.Errorf("a trial with a wrong token gives %+v, %v", report, err)
		}
		if n.HookAddress("web") != "https://orderly.test/hooks/web" {
			t.Errorf("webhooks arrive at %s", n.HookAddress("web"))
		}
	})
}

func isSettings(err error) bool {
	_, ok := errors.AsType[*connector.SettingsError](err)
	return ok
}
