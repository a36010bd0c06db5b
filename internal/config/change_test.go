package config_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

// carried gives a flow an order, as if it had carried one.
func carried(ctx context.Context, st *store.Store, tx store.Tx, from, name, to string) error {
	_, err := st.Observe(ctx, tx, store.Observation{
		Connection: from, Kind: "order", SourceID: "1", Via: store.ViaWebhook, At: time.Unix(1_700_000_000, 0), Routes: []store.Route{{Flow: name, Destination: to, Lanes: 1}},
	})
	return err
}

func TestMakeChangesOneFlowAndNothingElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		now := time.Unix(1_700_000_000, 0).UTC()
		save := func(ctx context.Context, tx store.Tx) error {
			for _, f := range []string{"orders", "gone"} {
				if err := st.SaveFlow(ctx, tx, store.Flow{Name: f, Source: "web", Destination: "erp", Config: `{"filter":"true"}`}, now); err != nil {
					return err
				}
			}
			if err := carried(ctx, st, tx, "web", "gone", "erp"); err != nil {
				return err
			}
			return st.RemoveFlow(ctx, tx, "gone")
		}
		if err := st.Write(t.Context(), save); err != nil {
			t.Fatal(err)
		}
		tries := 0
		edit := config.Edit{
			Who: "anna", Why: "a test", Now: now,
			Change: func(s *config.State) error {
				tries++
				if tries == 1 { // somebody else is faster
					if err := st.Write(t.Context(), st.TouchConfig); err != nil {
						return err
					}
				}
				return s.ChangeFlow("orders", func(c *flow.Config) error {
					c.Filter = "false"
					return nil
				})
			},
		}
		plan, err := config.Make(t.Context(), st, nil, edit)
		if err != nil {
			t.Fatal(err)
		}
		if want := "~ change flow orders\n    filter: true → false\n"; plan.Text() != want {
			t.Errorf("plan %q; want %q", plan.Text(), want)
		}
		if tries != 2 {
			t.Errorf("changed %d times; want 2", tries)
		}
		state, err := config.Load(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range state.Flows {
			if got := strings.Contains(f.Config, `"filter":"false"`); got != (f.Name == "orders") {
				t.Errorf("flow %s: %s", f.Name, f.Config)
			}
			if f.Paused != (f.Name == "gone") {
				t.Errorf("flow %s is paused: %v", f.Name, f.Paused)
			}
		}
		if plan, err = config.Make(t.Context(), st, nil, edit); err != nil || !plan.Empty() {
			t.Errorf("the same again: %v, %s", err, plan.Text())
		}
		edit.Change = func(s *config.State) error { return s.ChangeFlow("gone", func(*flow.Config) error { return nil }) }
		_, err = config.Make(t.Context(), st, nil, edit)
		if missing, ok := errors.AsType[*config.NoFlowError](err); !ok || missing.Name != "gone" {
			t.Errorf("changing a removed flow: %v", err)
		}
	})
}
