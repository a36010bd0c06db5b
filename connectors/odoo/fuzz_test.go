package odoo_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo"
	odoofake "github.com/orderlyhq/orderly/connectors/odoo/fake"
	"github.com/orderlyhq/orderly/internal/fake"
)

// sourceRecords gives an order and a customer in the form in which the connector gives them on.
func sourceRecords(tb testing.TB) (order, customer connector.Raw) {
	tb.Helper()
	v := odoofake.New(fake.Options{BaseURL: "https://odoo.test", Catalog: fake.DefaultCatalog()})
	id, err := v.PutOrder(simple(map[string]int64{"MUG-BLUE": 2, "POT-GLASS-1L": 1}))
	if err != nil {
		tb.Fatal(err)
	}
	made, err := v.PutCustomer(commerce.Customer{DisplayName: "Erika Muster", Emails: []string{"erika@example.com"}})
	if err != nil {
		tb.Fatal(err)
	}
	conn := openConn(tb, v, nil)
	if order, err = conn.Fetcher.Fetch(tb.Context(), connector.Ref{Kind: commerce.KindOrder, ID: id}); err != nil {
		tb.Fatal(err)
	}
	if customer, err = conn.Fetcher.Fetch(tb.Context(), connector.Ref{Kind: commerce.KindCustomer, ID: made.Source.ExternalID}); err != nil {
		tb.Fatal(err)
	}
	return order, customer
}

func decoder() connector.Decoder {
	return odoo.Definition().New().(connector.SourceConfig).Decoder()
}

func TestWhatIsFetchedIsDecoded(t *testing.T) {
	order, customer := sourceRecords(t)
	o, err := decoder().DecodeOrder(order)
	if err != nil {
		t.Fatal(err)
	}
	if proof, err := o.Prove(); err != nil || !proof.AddsUp {
		t.Errorf("the totals do not add up: %+v, %v", proof, err)
	}
	if want := simple(map[string]int64{"MUG-BLUE": 2, "POT-GLASS-1L": 1}).Totals.TaxInclusive; !o.Totals.TaxInclusive.Equal(want) || len(o.Lines) != 2 || o.Lines[0].SKU != "MUG-BLUE" {
		t.Errorf("total %s in %d lines; want %s in 2", o.Totals.TaxInclusive, len(o.Lines), want)
	}
	c, err := decoder().DecodeCustomer(customer)
	if err != nil || c.DisplayName != "Erika Muster" || c.Email() != "erika@example.com" {
		t.Errorf("customer %+v, %v", c, err)
	}
	for _, body := range []string{`{`, `[]`, `{"order":5}`, `{"order":{"id":"x"}}`, `{"order":{"id":1},"lines":"none"}`} {
		if _, err := decoder().DecodeOrder(connector.Raw{Body: []byte(body)}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("%s gives %v; want KindInvalid", body, err)
		}
	}
}

func FuzzDecodeOrder(f *testing.F) {
	order, _ := sourceRecords(f)
	f.Add(order.Body)
	f.Add([]byte(`{"order":{"id":1,"name":"S1","amount_total":1e9,"currency_id":[1,"EUR"],"state":"sale"},"lines":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := decoder().DecodeOrder(connector.Raw{Ref: connector.Ref{Kind: commerce.KindOrder}, Body: body})
		if err != nil && connector.KindOf(err) != connector.KindInvalid {
			t.Fatalf("%v is %s", err, connector.KindOf(err))
		}
		if err == nil && !json.Valid(mustJSON(t, o)) {
			t.Fatal("the order cannot be written")
		}
	})
}

func FuzzDecodeCustomer(f *testing.F) {
	_, customer := sourceRecords(f)
	f.Add(customer.Body)
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := decoder().DecodeCustomer(connector.Raw{Ref: connector.Ref{Kind: commerce.KindCustomer}, Body: body}); err != nil && connector.KindOf(err) != connector.KindInvalid {
			t.Fatalf("%v is %s", err, connector.KindOf(err))
		}
	})
}

func FuzzReceive(f *testing.F) {
	v := odoofake.New(fake.Options{BaseURL: "https://odoo.test"})
	conn := openConn(f, v, nil)
	secret := v.Settings()["webhook_secret"]
	f.Add([]byte(`{"_model":"sale.order","_id":10,"state":"sale","write_date":"2026-11-23 06:31:48.249727"}`), secret)
	f.Add([]byte(`{"_model":"res.partner","_id":10,"parent_id":false}`), "guess")
	f.Fuzz(func(t *testing.T, body []byte, given string) {
		receipt, err := conn.Receiver.Receive(connector.Request{Method: http.MethodPost, URL: "https://orderly.test/hooks/erp/" + given, Body: body})
		if given != secret && len(receipt.Events) > 0 {
			t.Fatal("an event without the secret")
		}
		if err != nil && len(receipt.Events) > 0 {
			t.Fatal("events beside an error")
		}
	})
}

// FuzzAnswers lets Odoo answer anything.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"jsonrpc":"2.0","id":1,"result":[{"id":1,"name":"S1"}]}`)
	f.Add(`{"jsonrpc":"2.0","id":1,"error":{"code":200,"data":{"name":"odoo.exceptions.UserError","message":"no"}}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		conn, err := connector.Open(t.Context(), odoo.Definition(), map[string]string{"database": "d", "login": "l", "api_key": "k", "mode": "jsonrpc"}, connector.Env{
			Connection: "erp", BaseURL: "https://odoo.test", State: state{},
			HTTP: &http.Client{Transport: direct{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Orders.FindOrders(t.Context(), []connector.Key{"a"})
		_, _ = conn.Customers.FindCustomer(t.Context(), connector.CustomerQuery{Rule: connector.MatchKey, Key: "a"})
	})
}

func mustJSON(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
