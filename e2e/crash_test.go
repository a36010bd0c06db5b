package e2e

import (
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/demo"
	"github.com/orderlyhq/orderly/internal/pgtest"
)

// How much the test of crashes does; more by the environment, for a long run:
//
//	ORDERLY_CRASH_ORDERS=2000 ORDERLY_CRASH_KILLS=20 go test ./e2e -run TestKill -timeout 30m
const (
	crashOrders = 240
	crashKills  = 5
)

func fromEnv(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number from 1", name, text)
	}
	return n
}

// TestKillNine makes orders while the server is killed again and again, the ERPs fail after they have
// committed, and webhooks are lost, repeated and reordered. In the end each order has one document.
func TestKillNine(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			url := ""
			if database == "postgres" {
				url = pgtest.URL(t)
			}
			orders, kills := fromEnv(t, "ORDERLY_CRASH_ORDERS", crashOrders), fromEnv(t, "ORDERLY_CRASH_KILLS", crashKills)
			const schedule = "    triggers: {webhook: true, schedule: 2s}\n"
			w := newWorld(t, url, flowSpec{"shopify", "odoo", schedule}, flowSpec{"woocommerce", "sapb1", schedule})
			w.shortSettle()
			for _, shop := range []string{"shopify", "woocommerce"} {
				w.faults(shop, `[{"kind":"webhook_lost","rate":0.1,"seed":1},{"kind":"webhook_duplicated","rate":0.2,"seed":2},
					{"kind":"webhook_reordered","rate":0.2,"delay":"400ms","seed":3}]`)
			}
			for _, erp := range []string{"odoo", "sapb1"} {
				w.faults(erp, `[{"kind":"cut","rate":0.03,"after_commit":true,"seed":4},{"kind":"cut","rate":0.02,"seed":5},
					{"kind":"server_error","rate":0.02,"after_commit":true,"seed":6},{"kind":"rate_limited","rate":0.01,"retry_after":"1s","seed":7}]`)
			}
			w.crash(orders, kills)
			for _, system := range []string{"shopify", "woocommerce", "odoo", "sapb1"} {
				w.noFaults(system)
			}
			w.agreeWithin(4*time.Minute, "shopify", "odoo")
			w.agreeWithin(4*time.Minute, "woocommerce", "sapb1")
		})
	}
}

// shortSettle lets unclear outcomes be looked up soon: the sandbox's calls end at once.
func (w *world) shortSettle() {
	w.Helper()
	text, err := os.ReadFile(w.config)
	if err != nil {
		w.Fatal(err)
	}
	changed := regexp.MustCompile(`(?m)^    system: (odoo|sapb1)$`).ReplaceAllString(string(text), "$0\n    settle_time: 1s\n    timeout: 5s")
	if err := os.WriteFile(w.config, []byte(changed), 0o600); err != nil {
		w.Fatal(err)
	}
}

// crash makes the orders in parts and kills the server at a random instant in each.
func (w *world) crash(orders, kills int) {
	w.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	server := w.serve()
	for kill := range kills {
		half := orders / kills / 2
		w.make("shopify", half, "&unknown=20")
		w.make("woocommerce", half, "&unknown=20")
		timer := time.NewTimer(time.Duration(random.IntN(1500)) * time.Millisecond)
		select {
		case <-timer.C:
		case <-server.ended:
			w.Fatalf("the server ended by itself: %v", server.err)
		}
		server.kill()
		w.Logf("kill %d of %d", kill+1, kills)
		server = w.serve()
	}
	if rest := orders - kills*(orders/kills/2)*2; rest > 0 {
		w.make("shopify", rest, "")
	}
}

// agreeWithin waits until a shop's orders are all in an ERP, once and with equal totals, or held for
// the reason that the sandbox put there.
func (w *world) agreeWithin(patience time.Duration, shop, erp string) {
	w.Helper()
	flow := flowSpec{from: shop, to: erp}.name()
	var a demo.Agreement
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		a = demo.Agree(shop, w.holdings(shop).Orders, w.holdings(erp).Documents, held(w.tasks(flow)))
		if a.Duplicates > 0 || (a.OK() && w.settled(flow)) {
			break
		}
		pause(w.TB, 250*time.Millisecond)
	}
	if !a.OK() || a.Made == 0 {
		w.Errorf("%s and %s do not agree: %+v", shop, erp, a)
		for _, t := range w.tasks(flow) {
			if t.State != "synced" && t.State != "skipped" {
				w.Logf("%s %s: %s (%s)", t.Number, t.SourceID, t.State, t.Reason)
			}
		}
		return
	}
	w.Logf("%s: %d orders, %d in the ERP, %d held", flow, a.Made, a.InERP, a.Made-a.InERP)
}

// settled says whether nothing waits any more.
func (w *world) settled(flow string) bool {
	for _, t := range w.tasks(flow) {
		if t.State == "waiting" || t.State == "working" {
			return false
		}
	}
	return true
}

// pause waits between two looks at another process, which virtual time does not reach.
func pause(t testing.TB, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}
