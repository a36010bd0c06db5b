package odoo_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
	odoofake "github.com/orderlyhq/orderly/connectors/odoo/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/money"
)

// cutter loses the answer of one writing request, or the request itself.
type cutter struct {
	direct
	at     int // which writing request, counted from 0; beyond the last one nothing is lost
	before bool
	seen   int
	lost   bool
}

func (c *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	if httpx.Safe(r) {
		return c.direct.RoundTrip(r)
	}
	c.seen++
	if c.seen-1 != c.at {
		return c.direct.RoundTrip(r)
	}
	c.lost = true
	if !c.before {
		resp, err := c.direct.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
	}
	return nil, errors.New("connection reset by peer")
}

func openOver(t *testing.T, v *odoofake.Vendor, transport http.RoundTripper) *connector.Conn {
	t.Helper()
	values := v.Settings()
	delete(values, "base_url")
	conn, err := connector.Open(t.Context(), odoo.Definition(), values, connector.Env{
		Connection: "erp", BaseURL: "https://odoo.test", HTTP: &http.Client{Transport: transport}, Now: time.Now, State: state{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// rows reads records of the pretend Odoo as a caller of its own would.
func rows[T any](t *testing.T, v *odoofake.Vendor, model string, fields ...string) []T {
	t.Helper()
	values := v.Settings()
	client := api.NewClient(api.Account{
		Mode: api.ModeJSONRPC, Base: "https://odoo.test", Database: values["database"], Login: values["login"], Secret: connector.Secret(values["api_key"]),
		HTTP: &http.Client{Transport: direct{v}},
	})
	var out []T
	if err := client.SearchRead(t.Context(), api.Query{Op: "look", Model: model, Fields: fields, Order: "id"}, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// An order is confirmed, invoiced and paid, and every request of that is lost once, in both ways. The
// second attempt must end as if nothing had happened.
func TestStepsThatAreCutGoOn(t *testing.T) {
	ordered := time.Date(2026, time.February, 3, 4, 5, 6, 0, time.UTC)
	for _, version := range []int{16, 17, 18, 19} {
		for _, before := range []bool{false, true} {
			for at := 0; ; at++ {
				if !cutOnce(t, version, at, before, ordered) {
					if at < 6 {
						t.Fatalf("only %d requests write; confirming, writing the date back, two wizards and posting are more", at)
					}
					break
				}
			}
		}
	}
}

func cutOnce(t *testing.T, version, at int, before bool, ordered time.Time) (lost bool) {
	t.Run(fmt.Sprintf("Odoo %d, request %d, before %t", version, at, before), func(t *testing.T) {
		o := newOffice(t, odoofake.Version(version))
		order := simple(map[string]int64{"MUG-BLUE": 2})
		order.OrderDate, order.OrderNumber = ordered, "1001"
		doc, err := o.conn.Orders.SaveOrder(t.Context(), o.draft("shop-1", order))
		if err != nil {
			t.Fatal(err)
		}
		paid := &connector.InvoicePayment{Amount: doc.Totals.Gross, At: ordered, Method: "PAY", Reference: "ch_1"}
		carry := func(conn *connector.Conn) (connector.Document, error) {
			if _, err := conn.Confirmer.ConfirmOrder(t.Context(), doc); err != nil {
				return connector.Document{}, err
			}
			return conn.Invoicer.Invoice(t.Context(), doc, paid)
		}
		cut := &cutter{direct: direct{o.vendor}, at: at, before: before}
		invoice, err := carry(openOver(t, o.vendor, cut))
		if lost = cut.lost; lost {
			if connector.KindOf(err) != connector.KindMaybeApplied && connector.KindOf(err) != connector.KindUnavailable {
				t.Fatalf("a lost request gives %v (%s)", err, connector.KindOf(err))
			}
			invoice, err = carry(openOver(t, o.vendor, direct{o.vendor}))
		}
		if err != nil {
			t.Fatal(err)
		}
		if invoice.State != connector.DocumentClosed || invoice.Totals == nil || !invoice.Totals.Gross.Equal(doc.Totals.Gross) {
			t.Errorf("the invoice is %s over %+v; want it paid, over %s", invoice.State, invoice.Totals, doc.Totals.Gross)
		}
		orders := rows[struct {
			Date api.Time `json:"date_order"`
		}](t, o.vendor, "sale.order", "date_order")
		if len(orders) != 1 || !orders[0].Date.Equal(ordered) {
			t.Errorf("the orders are %+v; want one of %s", orders, ordered)
		}
		for _, model := range []string{"account.move", "account.payment"} {
			if made := rows[struct{}](t, o.vendor, model, "id"); len(made) != 1 {
				t.Errorf("there are %d records of %s; want 1", len(made), model)
			}
		}
	})
	return lost
}

func TestAWrongTaxNumberIsNoted(t *testing.T) {
	for _, version := range []int{16, 19} {
		o := newOffice(t, odoofake.Version(version))
		customer := commerce.Customer{
			Type: commerce.Company, CompanyName: "Teehaus GmbH", DisplayName: "Anna Müller", Emails: []string{"anna@example.com"},
			TaxIDs: []commerce.TaxID{{Scheme: "vat", Value: "DE 123456789"}},
		}
		doc, err := o.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-2", Customer: customer})
		if err != nil {
			t.Fatal(err)
		}
		// Saved again, the number is not tried again, and not noted twice.
		if _, err := o.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-2", Customer: customer, Existing: &doc}); err != nil {
			t.Fatal(err)
		}
		for _, p := range rows[struct {
			Name    api.Text `json:"name"`
			VAT     api.Text `json:"vat"`
			Comment api.Text `json:"comment"`
		}](t, o.vendor, "res.partner", "name", "vat", "comment") {
			if p.Name == "Teehaus GmbH" && (p.VAT != "" || strings.Count(string(p.Comment), "DE123456789") != 1) {
				t.Errorf("the customer has the tax number %q and the comment %q", p.VAT, p.Comment)
			}
		}
	}
}

// An address that an older order points at is never changed: a customer who moves gets another record.
func TestAddressesOfOlderOrdersStay(t *testing.T) {
	o := newOffice(t)
	at := func(street string) commerce.Address {
		return commerce.Address{
			Use: commerce.UseBilling, Name: "Erika Muster", StreetAddress: street, PostalCode: "10827", AddressLocality: "Berlin", AddressCountry: "DE",
		}
	}
	save := func(street string) connector.Document {
		customer := commerce.Customer{DisplayName: "Erika Muster", Emails: []string{"erika@example.com"}, Addresses: []commerce.Address{at(street)}}
		if _, err := o.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-1", Customer: customer, Existing: &o.customer}); err != nil {
			t.Fatal(err)
		}
		doc, err := o.conn.Addresses.SaveAddress(t.Context(), o.customer, commerce.UseBilling, at(street))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	first, second, again := save("Hauptstr. 5"), save("Gasse 9"), save("Hauptstr. 5")
	if first.ID == second.ID || first.ID != again.ID {
		t.Errorf("the addresses are the records %s, %s and %s; want the first again, and another between", first.ID, second.ID, again.ID)
	}
	for _, p := range rows[struct {
		ID     int64    `json:"id"`
		Street api.Text `json:"street"`
	}](t, o.vendor, "res.partner", "street") {
		if fmt.Sprint(p.ID) == first.ID && p.Street != "Hauptstr. 5" {
			t.Errorf("the first address has become %q", p.Street)
		}
	}
}

func TestPriceListsDecideTheCurrency(t *testing.T) {
	vendor := odoofake.New(fake.Options{BaseURL: "https://odoo.test", Catalog: fake.DefaultCatalog()})
	for lists, want := range map[string]string{"USD=Public EUR": "price_lists", "USD=No such list": "price_lists"} {
		o := newOffice(t)
		o.conn = openConn(t, o.vendor, map[string]string{"price_lists": lists})
		order := simple(map[string]int64{"MUG-BLUE": 1})
		order.DocumentCurrency = money.Currency("USD")
		_, err := o.conn.Orders.SaveOrder(t.Context(), o.draft("shop-1", order))
		if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindUnmapped || e.Field != want {
			t.Errorf("price_lists %q gives %v; want KindUnmapped with the field %s", lists, err, want)
		}
	}
	values := vendor.Settings()
	delete(values, "base_url")
	values["price_lists"] = "nonsense"
	if _, err := connector.Open(t.Context(), odoo.Definition(), values, connector.Env{Connection: "erp", BaseURL: "https://odoo.test"}); connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("a price list without a currency gives %v; want KindInvalid", err)
	}
}

func TestStockOfAWarehouse(t *testing.T) {
	for _, version := range []int{16, 17, 18, 19} {
		o := newOffice(t, odoofake.Version(version))
		for warehouse, want := range map[string]int64{"": 230, "WH": 230, "Second": 0} {
			levels, err := o.conn.Stock.Stock(t.Context(), []string{"MUG-BLUE", "NO-SUCH"}, warehouse)
			if err != nil || len(levels) != 1 || !levels[0].OnHand.Equal(decimal.NewFromInt(want)) {
				t.Errorf("Odoo %d, warehouse %q: %+v, %v; want %d of one article", version, warehouse, levels, err, want)
			}
		}
		if _, err := o.conn.Stock.Stock(t.Context(), []string{"MUG-BLUE"}, "Moon"); connector.KindOf(err) != connector.KindUnmapped {
			t.Errorf("an unknown warehouse gives %v; want KindUnmapped", err)
		}
	}
}

// The community module carries no context, so that Odoo asks before it cancels an order in force.
func TestCancellingOverTheCommunityModule(t *testing.T) {
	o := newOffice(t, odoofake.Version(17), odoofake.RESTModule())
	doc, err := o.conn.Orders.SaveOrder(t.Context(), o.draft("shop-1", simple(map[string]int64{"MUG-BLUE": 1})))
	if err != nil {
		t.Fatal(err)
	}
	if doc, err = o.conn.Confirmer.ConfirmOrder(t.Context(), doc); err != nil || doc.State != connector.DocumentConfirmed {
		t.Fatalf("confirm: %s, %v", doc.State, err)
	}
	if doc, err = o.conn.Orders.CancelOrder(t.Context(), doc, ""); err != nil || doc.State != connector.DocumentCancelled {
		t.Errorf("cancel: %s, %v", doc.State, err)
	}
	if o.conn.Invoicer != nil || o.conn.Counter != nil {
		t.Error("the module carries neither invoices nor counts, but the connection says so")
	}
}
