package faketest

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connector/connectortest"
	"github.com/orderlyhq/orderly/internal/fake"
)

// plain is a fake that can do nothing of its own; it writes down what it is told.
type plain struct{ told []string }

func (p *plain) ServeHTTP(http.ResponseWriter, *http.Request) {}
func (p *plain) Stats() fake.Stats                            { return fake.Stats{Unexpected: []string{"GET /odd"}} }
func (p *plain) Settings() map[string]string                  { return map[string]string{"token": "t"} }
func (p *plain) ExpireSessions()                              { p.tell("expire") }
func (p *plain) Close()                                       { p.tell("close") }
func (p *plain) tell(what string)                             { p.told = append(p.told, what) }

// shop is a fake of a shop.
type shop struct{ plain }

func (s *shop) PutOrder(o commerce.Order) (commerce.Order, error) {
	o.Source.ExternalID = "stated by the shop"
	return o, nil
}
func (s *shop) CancelOrder(id string) error { s.tell("cancel " + id); return nil }
func (s *shop) PutCustomer(c commerce.Customer) (commerce.Customer, error) {
	s.tell("customer")
	return c, nil
}
func (s *shop) Orders() []commerce.Order { return nil }

// erp is a fake of an ERP in which nobody changes orders.
type erp struct{ plain }

func (e *erp) Documents() []fake.Document {
	return []fake.Document{{Document: connector.Document{ID: "7", Key: "berlin-1"}, Currency: "EUR", Customer: "3", SKUs: []string{"TEA"}}}
}
func (e *erp) PutOrder(commerce.Order) (string, error) { return "made by a clerk", nil }

// office is an ERP in which clerks do everything.
type office struct{ erp }

var errLocked = errors.New("the order is locked")

func (o *office) ChangeOrder(id string, _ commerce.Order) error {
	o.tell("change " + id)
	return errLocked
}
func (o *office) CancelOrder(id string) error { o.tell("cancel " + id); return nil }
func (o *office) DeleteOrder(id string) error { o.tell("delete " + id); return nil }
func (o *office) PutCustomer(c commerce.Customer) (commerce.Customer, error) {
	o.tell("customer")
	return c, nil
}
func (o *office) Restrict()                      { o.tell("restrict") }
func (o *office) Subscribe(address string) error { o.tell("subscribe " + address); return nil }
func (o *office) DisableWebhooks()               { o.tell("disable") }

// adapted gives a fake as the suite sees it.
func adapted(t *testing.T, v fake.Vendor) *connectortest.Vendor {
	return Vendor(func(fake.Options) fake.Vendor { return v })(t, connectortest.Setup{})
}

func TestAPlainFakeHasNoMoreThanTheSuiteNeeds(t *testing.T) {
	p := &plain{}
	v := adapted(t, p)
	if v.PutOrder != nil || v.Documents != nil || v.CancelOrder != nil || v.DeleteOrder != nil || v.PutCustomer != nil || v.Restrict != nil || v.Subscribe != nil || v.DisableWebhooks != nil {
		t.Error("the suite is told of something that the fake cannot do")
	}
	v.ExpireSessions()
	v.Close()
	if !slices.Equal(p.told, []string{"expire", "close"}) || v.Settings["token"] != "t" || !slices.Equal(v.Unexpected(), []string{"GET /odd"}) {
		t.Errorf("told %v, settings %v, unexpected %v", p.told, v.Settings, v.Unexpected())
	}
}

func TestAShopStatesItsOrders(t *testing.T) {
	v := adapted(t, &shop{})
	order, err := v.PutOrder(commerce.Order{})
	if err != nil || order.Source.ExternalID != "stated by the shop" || !v.Exact {
		t.Errorf("%q, exact %t, %v", order.Source.ExternalID, v.Exact, err)
	}
	if v.CancelOrder == nil || v.PutCustomer == nil {
		t.Error("a shop's merchant can neither cancel nor make customers")
	}
}

func TestAnERPsClerkMakesAndChangesOrders(t *testing.T) {
	v := adapted(t, &erp{})
	order, err := v.PutOrder(commerce.Order{})
	if err != nil || order.Source.ExternalID != "made by a clerk" {
		t.Errorf("made %q, %v", order.Source.ExternalID, err)
	}
	if v.Exact {
		t.Error("an ERP does not give the order as it states it, but Exact says so")
	}
	if _, err := v.PutOrder(order); !errors.Is(err, errNoChanger) {
		t.Errorf("changing an order where nobody can: %v", err)
	}
	held := v.Documents()
	if len(held) != 1 || held[0].ID != "7" || held[0].Key != "berlin-1" || held[0].Currency != "EUR" || held[0].Customer != "3" || !slices.Equal(held[0].SKUs, []string{"TEA"}) {
		t.Errorf("documents %+v", held)
	}
}

func TestAnOfficeCanDoEverything(t *testing.T) {
	o := &office{}
	v := adapted(t, o)
	order := commerce.Order{Source: commerce.Source{ExternalID: "5"}}
	if _, err := v.PutOrder(order); !errors.Is(err, errLocked) {
		t.Errorf("the clerk's own error is lost: %v", err)
	}
	for _, call := range []func() error{
		func() error { return v.CancelOrder("5") },
		func() error { return v.DeleteOrder("5") },
		func() error { _, err := v.PutCustomer(commerce.Customer{}); return err },
		func() error { v.Restrict(); return nil },
		func() error { return v.Subscribe("https://orderly.test") },
		func() error { v.DisableWebhooks(); return nil },
	} {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"change 5", "cancel 5", "delete 5", "customer", "restrict", "subscribe https://orderly.test", "disable"}; !slices.Equal(o.told, want) {
		t.Errorf("the fake was told %q; want %q", o.told, want)
	}
}

func TestTheFakeIsMadeAsTheSuiteWants(t *testing.T) {
	var got fake.Options
	var sent []connectortest.Delivery
	at := time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)
	Vendor(func(o fake.Options) fake.Vendor { got = o; return &plain{} })(t, connectortest.Setup{
		BaseURL: "https://vendor.test/tea", Now: func() time.Time { return at },
		Catalog: connectortest.Catalog{
			Items:      []connectortest.CatalogItem{{SKU: "TEA", Name: "Tea", Stock: 3}},
			Currencies: nil, Countries: []string{"DE"},
		},
		Deliver: func(d connectortest.Delivery) { sent = append(sent, d) },
	})
	if got.BaseURL != "https://vendor.test/tea" || !got.Now().Equal(at) {
		t.Errorf("address %q, time %s", got.BaseURL, got.Now())
	}
	if len(got.Catalog.Items) != 1 || got.Catalog.Items[0].SKU != "TEA" || got.Catalog.Items[0].Stock != 3 || !slices.Equal(got.Catalog.Countries, []string{"DE"}) {
		t.Errorf("catalogue %+v", got.Catalog)
	}
	done := false
	got.Courier.Send(fake.Delivery{URL: "https://orderly.test", Header: http.Header{"A": {"b"}}, Body: []byte("x"), Done: func(ok bool) { done = ok }})
	if len(sent) != 1 || sent[0].URL != "https://orderly.test" || sent[0].Header.Get("A") != "b" || string(sent[0].Body) != "x" {
		t.Fatalf("sent %+v", sent)
	}
	if sent[0].Done(true); !done {
		t.Error("the fake does not hear that its delivery was taken")
	}
}
