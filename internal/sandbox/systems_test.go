package sandbox

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/fake"
)

// TestEverySystem makes each vendor do what the sandbox offers. Its fakes are tested beside their
// connectors; here it is that they and the generator fit.
func TestEverySystem(t *testing.T) {
	for _, sys := range systems() {
		t.Run(sys.name, func(t *testing.T) {
			s, err := New(Options{BaseURL: "http://sandbox.test", Systems: []string{sys.name}, LongestWait: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			settings, err := s.Settings(sys.name)
			if err != nil || settings["base_url"] != "http://sandbox.test/"+sys.name {
				t.Errorf("settings %v, %v", settings, err)
			}
			made, err := s.Make(sys.name, MakeOptions{N: 300})
			if err != nil {
				t.Fatal(err)
			}
			ids := map[string]bool{}
			for _, order := range made {
				ids[order.Source.ExternalID] = true
				if order.MustHold != "" {
					t.Errorf("order %s must be held, though that was not asked for: %s", order.OrderNumber, order.MustHold)
				}
				mustProve(t, order.Order)
			}
			if len(ids) != 300 || ids[""] {
				t.Errorf("300 orders have %d ids", len(ids))
			}
			if stats, err := s.Stats(sys.name); err != nil || stats.Documents != 300 || stats.Duplicates != 0 || len(stats.Unexpected) > 0 {
				t.Errorf("stats %+v, %v", stats, err)
			}
			if _, err := s.Shop(sys.name); err == nil {
				testShop(t, s, sys)
			}
			if _, err := s.ERP(sys.name); err == nil {
				documents, err := s.Documents(sys.name)
				if err != nil || len(documents) != 300 {
					t.Errorf("%d documents, %v", len(documents), err)
				}
			}
			changed, cancelled := 0, 0
			for _, order := range made[:60] {
				changed += count(t, s.Change(sys.name, order.Source.ExternalID))
				cancelled += count(t, s.Cancel(sys.name, order.Source.ExternalID))
			}
			if _, shop := s.systems[sys.name].vendor.(fake.Shop); shop && (changed < 50 || cancelled < 50) {
				t.Errorf("%d of 60 orders could be changed and %d cancelled", changed, cancelled)
			}
		})
	}
}

// count is 1 for no error, and 0 for a refusal that says why.
func count(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 1
	}
	if p, ok := errors.AsType[*problem](err); !ok || p.status != 409 || len(p.message) < 10 {
		t.Errorf("got %v", err)
	}
	return 0
}

func mustProve(t *testing.T, order commerce.Order) {
	t.Helper()
	if proof, err := order.Prove(); err != nil || !proof.AddsUp {
		t.Errorf("order %s does not add up: %v %+v", order.OrderNumber, err, proof.Differences)
	}
}

// testShop checks what only shops do.
func testShop(t *testing.T, s *Sandbox, sys system) {
	t.Helper()
	held, err := s.Make(sys.name, MakeOptions{N: 50, Seed: 9, Unknown: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range held {
		if !strings.Contains(order.MustHold, "does not know the article") {
			t.Errorf("order %s has an unknown article, but it is not told: %q", order.OrderNumber, order.MustHold)
		}
	}
	refunded := 0
	for _, order := range held {
		refunded += count(t, s.Refund(sys.name, order.Source.ExternalID))
	}
	if refunded < 20 {
		t.Errorf("%d of 50 orders could be refunded", refunded)
	}
	stated, err := s.Orders(sys.name)
	if err != nil {
		t.Fatal(err)
	}
	withRefund := 0
	for _, order := range stated {
		mustProve(t, order.Order)
		if order.Totals.Refunded.Amount.IsPositive() {
			withRefund++
		}
	}
	if withRefund != refunded {
		t.Errorf("%d orders were refunded and %d say so", refunded, withRefund)
	}
	discounted, paid, untaxed := 0, 0, 0
	for _, order := range stated {
		if len(order.Discounts) > 0 {
			discounted++
		}
		if order.Totals.Prepaid.Amount.IsPositive() {
			paid++
		}
		if !order.PricesIncludeTax {
			untaxed++
		}
	}
	if discounted < 20 || paid < 100 {
		t.Errorf("of %d orders %d have a discount, %d are paid and %d have prices without tax", len(stated), discounted, paid, untaxed)
	}
}
