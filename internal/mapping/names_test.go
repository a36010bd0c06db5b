package mapping

import "testing"

// TestEveryNameCanBeUsed compiles and runs an expression of each name.
func TestEveryNameCanBeUsed(t *testing.T) {
	order := sampleOrder()
	names := OrderNames(order)
	if len(names) < 100 {
		t.Fatalf("only %d names", len(names))
	}
	examples := map[string]string{}
	for _, n := range names {
		m, err := New(Config{OrderFields: map[string]string{"x": n.Path}}, "")
		if err != nil {
			t.Errorf("%s: %v", n.Path, err)
			continue
		}
		if n.Example != "" { // an element that is not there cannot be asked for
			if _, err := m.OrderFields(order); err != nil && n.Example != "0" && n.Example != "false" {
				t.Errorf("%s: %v", n.Path, err)
			}
		}
		examples[n.Path] = n.Example
	}
	for path, want := range map[string]string{
		"order.lines[0].sku": "A", "order.totals.payable.amount": "35.78", "order.buyer.emails[0]": "anna@example.com", "order.order_date": "2026-03-02T09:30:00Z",
		"order.bill_to.postal_code": "",
	} {
		if got, ok := examples[path]; !ok || got != want {
			t.Errorf("%s is %q, %v; want %q", path, got, ok, want)
		}
	}
	for _, n := range CustomerNames(order.Buyer) {
		if _, err := New(Config{CustomerFields: map[string]string{"x": n.Path}}, ""); err != nil {
			t.Errorf("%s: %v", n.Path, err)
		}
	}
}

func TestAMistakeHasItsPlace(t *testing.T) {
	problems := Check(Config{OrderFields: map[string]string{"note": "order.lines[0].sku +\n  order.order_numbr"}}, "")
	if len(problems) != 1 || problems[0].At == nil || problems[0].At.Line != 2 || problems[0].At.Column < 3 {
		t.Errorf("problems %+v", problems)
	}
}
