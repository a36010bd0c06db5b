package shopify_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
	"github.com/orderlyhq/orderly/internal/contracttest"
)

// contractFiles says which test uses a file of the contract data.
var contractFiles = map[string]string{
	"SOURCES.md":                                    "for people",
	"admin.2026-07.slice.graphql":                   "TestDocumentsAreValid, TestFakeSchemaIsShopifys, TestFakeAnswersAreValid",
	"graphql.bulkOperation.completed.json":          "TestCostsAreRead",
	"graphql.bulkOperation.result.jsonl":            "TestBulkResult",
	"graphql.bulkOperationRunQuery.userErrors.json": "TestCostsAreRead",
	"graphql.customerByIdentifier.response.json":    "TestCustomers",
	"graphql.customerSet.json":                      "TestCustomers",
	"graphql.error.access-denied.json":              "TestErrors",
	"graphql.error.customid-not-found.json":         "TestErrors",
	"graphql.error.invalid-variable.json":           "TestErrors",
	"graphql.order.read.query.graphql":              "TestReplay",
	"graphql.order.read.response.json":              "TestOrders",
	"graphql.orderCreate.response.json":             "TestOrders",
	"graphql.orderCreate.variables.json":            "TestOrders",
	"graphql.orders.list.response.json":             "TestReplay",
	"graphql.webhookSubscriptionCreate.json":        "TestReplay",
	"rest.customer.json":                            "TestCustomers",
	"rest.order.json":                               "TestOrders",
	"rest.transactions.json":                        "TestTransactions",
	"rest.webhook.json":                             "TestReplay",
	"signature.vector.json":                         "TestSignature",
	"webhook.orders-cancelled.sample.json":          "TestOrders, TestRealWebhooks",
	"webhook.orders-create.aud-tax-included.json":   "TestOrders, TestRealWebhooks, TestFakeOrderHasShopifysFields",
}

func TestEveryContractFileIsUsed(t *testing.T) {
	var found []string
	for _, file := range contracttest.Files(t, "shopify", "*") {
		name := filepath.Base(file)
		found = append(found, name)
		if contractFiles[name] == "" {
			t.Errorf("no test uses %s", name)
		}
	}
	for name := range contractFiles {
		if !slices.Contains(found, name) {
			t.Errorf("%s is gone", name)
		}
	}
}

func contract(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(contracttest.Dir(t, "shopify"), name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func contractInto(t testing.TB, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(contract(t, name), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func decoder(t testing.TB) connector.Decoder {
	t.Helper()
	config, ok := shopify.Definition().New().(connector.SourceConfig)
	if !ok {
		t.Fatal("the configuration is no source's")
	}
	return config.Decoder()
}

// TestOrders decodes every real order and checks its numbers.
func TestOrders(t *testing.T) {
	for file, want := range map[string]struct {
		number, lines, net, tax, gross, prepaid, refunded, payable string
		state                                                      commerce.OrderState
		payment                                                    commerce.PaymentState
		differences                                                []string // and why
		check                                                      func(t *testing.T, o commerce.Order)
	}{
		"webhook.orders-create.aud-tax-included.json": {
			number: "#BHQ1952", lines: "82804GM 2 × 45.08 = 81.96 + 8.20 = 90.16",
			net: "81.96", tax: "8.20", gross: "90.16", prepaid: "90.16", refunded: "0.00", payable: "0.00",
			state: commerce.StateOpen, payment: commerce.PaymentPaid,
			check: func(t *testing.T, o commerce.Order) {
				if o.Source.ExternalID != "7024924328248" || !o.OrderDate.Equal(time.Date(2026, 2, 4, 4, 25, 46, 0, time.UTC)) {
					t.Errorf("id %s, date %s", o.Source.ExternalID, o.OrderDate)
				}
				if o.ShipTo == nil || o.ShipTo.AddressCountry != "AU" || o.ShipTo.AddressRegion != "ACT" || o.ShipTo.PostalCode != "2611" {
					t.Errorf("ship to %+v", o.ShipTo)
				}
				if o.Buyer.Email() != "test.buyer@example.com" || o.Buyer.Source.ExternalID != "9974938960184" {
					t.Errorf("buyer %+v", o.Buyer)
				}
				if len(o.ShippingLines) != 1 || !o.ShippingLines[0].Gross.IsZero() || len(o.Payments) != 1 || o.Payments[0].Method != "shopify_payments" {
					t.Errorf("shipping %+v payments %+v", o.ShippingLines, o.Payments)
				}
			},
		},
		// Shopify's test notification: no discount is allocated, so its 20.00 lower the document.
		"webhook.orders-cancelled.sample.json": {
			number: "#9999", lines: "IPOD2008PINK 1 × 199.00 = 199.00 + 0.00 = 199.00; IPOD2008PINK 1 × 199.00 = 199.00 + 0.00 = 199.00",
			net: "388.00", tax: "0.00", gross: "388.00", prepaid: "0.00", refunded: "0.00", payable: "388.00",
			state: commerce.StateCancelled, payment: commerce.PaymentVoided,
			check: func(t *testing.T, o commerce.Order) {
				if !o.Test || o.CancelReason != "customer" || o.CancelledAt.IsZero() || o.Source.ExternalID != "820982911946154508" {
					t.Errorf("test %v, reason %q, at %s, id %s", o.Test, o.CancelReason, o.CancelledAt, o.Source.ExternalID)
				}
				if len(o.Discounts) != 1 || o.Discounts[0].Allocated || o.Discounts[0].Amount.String() != "20.00 USD" {
					t.Errorf("discounts %+v", o.Discounts)
				}
				if o.Extensions["tags"] != "tag1, tag2" {
					t.Errorf("extensions %v", o.Extensions)
				}
			},
		},
		// An order of 2016: no sets, no allocations, the discount stands on the line.
		"rest.order.json": {
			number: "#9999", lines: " 1 × 0.00 = 0.00 + 0.00 = 0.00;  1 × 5.00 = 0.00 + 0.00 = 0.00",
			net: "10.00", tax: "0.00", gross: "10.00", prepaid: "0.00", refunded: "0.00", payable: "10.00",
			state: commerce.StateCancelled, payment: commerce.PaymentVoided,
			check: func(t *testing.T, o commerce.Order) {
				if !o.Buyer.Guest() || o.Buyer.Email() != "john@test.com" || o.Buyer.CompanyName != "My Company" || o.BillTo.FamilyName != "Biller" {
					t.Errorf("buyer %+v", o.Buyer)
				}
			},
		},
		// Written by hand: the line's tax is 10.00 and the shipping's 1.50, the order's 12.50. The query asks
		// for no allocations, so the discount lowers the document.
		"graphql.order.read.response.json": {
			number: "#1401", lines: "TEE-MERCHANT 2 × 45.00 = 90.00 + 10.00 = 100.00; MUG-MERCHANT 1 × 30.00 = 30.00 + 0.00 = 30.00",
			net: "122.00", tax: "12.50", gross: "134.50", prepaid: "134.50", refunded: "30.00", payable: "0.00",
			state: commerce.StateOpen, payment: commerce.PaymentPartiallyRefunded,
			differences: []string{"totals.tax 1.00 CAD", "totals.tax_inclusive 1.00 CAD"},
			check: func(t *testing.T, o commerce.Order) {
				if o.CustomerReference != "PO-1401" || o.FulfillmentState != commerce.FulfillmentShipped || o.Buyer.CompanyName != "Analytical Engines Ltd" {
					t.Errorf("reference %q, fulfilment %s, company %q", o.CustomerReference, o.FulfillmentState, o.Buyer.CompanyName)
				}
				if r := o.Refunds; len(r) != 1 || r[0].Amount.String() != "30.00 CAD" || len(r[0].Lines) != 1 || r[0].Lines[0].LineID != "7002" || !r[0].Lines[0].Restock {
					t.Errorf("refunds %+v", r)
				}
				if f := o.Fulfillments; len(f) != 1 || f[0].Tracking[0].Number != "TRACK1401" || !f[0].Lines[0].Quantity.Equal(o.Lines[0].Quantity) || !o.Lines[0].Fulfilled.Equal(o.Lines[0].Quantity) {
					t.Errorf("fulfilments %+v", f)
				}
				if p := o.Payments; len(p) != 1 || p[0].Method != "manual" || len(p[0].Transactions) != 2 || p[0].Transactions[1].Type != "refund" {
					t.Errorf("payments %+v", p)
				}
			},
		},
		// A live answer: 2 × 20.00 less 5.00, shipping 5.00, taxes 2.00 and 0.50. Its query asks for no
		// transactions and for the current total alone.
		"graphql.orderCreate.response.json": {
			number: "#1314", lines: "hermes-order-parity-plan-20260418 2 × 20.00 = 40.00 + 2.00 = 42.00",
			net: "40.00", tax: "2.50", gross: "42.50", prepaid: "42.50", refunded: "0.00", payable: "0.00",
			state: commerce.StateOpen, payment: commerce.PaymentPaid,
			check: func(t *testing.T, o commerce.Order) {
				var sent struct {
					Order struct {
						Email        string `json:"email"`
						Transactions []struct {
							AmountSet struct {
								Shop struct{ Amount string } `json:"shopMoney"`
							} `json:"amountSet"`
						} `json:"transactions"`
						DiscountCode struct {
							Fixed struct{ Code string } `json:"itemFixedDiscountCode"`
						} `json:"discountCode"`
					} `json:"order"`
				}
				contractInto(t, "graphql.orderCreate.variables.json", &sent)
				if o.Buyer.Email() != sent.Order.Email || o.Totals.TaxInclusive.Amount.StringFixed(2) != sent.Order.Transactions[0].AmountSet.Shop.Amount || o.Discounts[0].Code != sent.Order.DiscountCode.Fixed.Code {
					t.Errorf("what came back is not what was sent: %+v", sent)
				}
				if o.Extensions["note_attribute.channel"] != "cron-orders-bootstrap" {
					t.Errorf("extensions %v", o.Extensions)
				}
			},
		},
	} {
		t.Run(file, func(t *testing.T) {
			o, err := decoder(t).DecodeOrder(connector.Raw{Body: contract(t, file)})
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, l := range o.Lines {
				price := l.UnitPrice.Net
				if o.PricesIncludeTax {
					price = l.UnitPrice.Gross
				}
				lines = append(lines, fmt.Sprintf("%s %s × %s = %s + %s = %s", l.SKU, l.Quantity, price.Amount.StringFixed(2), l.LineNet.Amount.StringFixed(2), l.LineTax.Amount.StringFixed(2), l.LineGross.Amount.StringFixed(2)))
			}
			totals := o.Totals
			for name, pair := range map[string][2]string{
				"number": {want.number, o.OrderNumber}, "lines": {want.lines, strings.Join(lines, "; ")},
				"net": {want.net, totals.TaxExclusive.Amount.StringFixed(2)}, "tax": {want.tax, totals.Tax.Amount.StringFixed(2)},
				"gross": {want.gross, totals.TaxInclusive.Amount.StringFixed(2)}, "prepaid": {want.prepaid, totals.Prepaid.Amount.StringFixed(2)},
				"refunded": {want.refunded, totals.Refunded.Amount.StringFixed(2)}, "payable": {want.payable, totals.Payable.Amount.StringFixed(2)},
				"state": {string(want.state), string(o.OrderState)}, "payment": {string(want.payment), string(o.PaymentState)},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s is %q, want %q", name, pair[1], pair[0])
				}
			}
			proof, err := o.Prove()
			if err != nil {
				t.Fatal(err)
			}
			var differences []string
			for _, d := range proof.Differences {
				differences = append(differences, d.Field+" "+d.Amount.String())
			}
			if !slices.Equal(differences, want.differences) {
				t.Errorf("differences %q, want %q", differences, want.differences)
			}
			want.check(t, o)
		})
	}
}

func TestCustomers(t *testing.T) {
	c, err := decoder(t).DecodeCustomer(connector.Raw{Body: contract(t, "rest.customer.json")})
	if err != nil {
		t.Fatal(err)
	}
	if c.Source.ExternalID != "1" || c.DisplayName != "Test Citizen" || c.Email() != "test@example.com" || len(c.Addresses) != 1 ||
		c.Addresses[0].AddressLocality != "BRISBANE" || c.Addresses[0].AddressRegion != "QLD" || !c.Addresses[0].Default ||
		c.MarketingConsent.State != "not_subscribed" || c.CreatedAt.IsZero() {
		t.Errorf("rest.customer.json: %+v", c)
	}
	var found struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	contractInto(t, "graphql.customerByIdentifier.response.json", &found)
	c, err = decoder(t).DecodeCustomer(connector.Raw{Body: found.Data["byId"]})
	if err != nil {
		t.Fatal(err)
	}
	if c.Source.ExternalID != "9522206933298" || c.GivenName != "Karine" || c.FamilyName != "Ruby" || c.Email() != "karine.ruby@example.com" ||
		c.Phone() != "+16135550142" || c.Addresses[0].PostalCode != "K2P2L8" || !c.Source.UpdatedAt.Equal(time.Date(2026, 5, 6, 2, 40, 36, 0, time.UTC)) {
		t.Errorf("byId: %+v", c)
	}
	if _, err := decoder(t).DecodeCustomer(connector.Raw{Body: found.Data["missingEmail"]}); connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("a customer that is null: %v", err)
	}
	var set struct {
		Response json.RawMessage `json:"response"`
	}
	contractInto(t, "graphql.customerSet.json", &set)
	c, err = decoder(t).DecodeCustomer(connector.Raw{Body: set.Response})
	if err != nil {
		t.Fatal(err)
	}
	if c.Source.ExternalID != "10870502162738" || c.GivenName != "Email" || !strings.HasPrefix(c.Email(), "hermes-customerset") {
		t.Errorf("customerSet: %+v", c)
	}
}

// TestTransactions puts real transactions into an order, as a fetch does.
func TestTransactions(t *testing.T) {
	var file struct {
		Transactions json.RawMessage `json:"transactions"`
	}
	contractInto(t, "rest.transactions.json", &file)
	body, err := api.WithField([]byte(`{"id":450789469,"name":"#1001","currency":"USD","financial_status":"authorized","total_price":"409.94","line_items":[{"id":1,"sku":"X","quantity":1,"price":"409.94"}]}`), "transactions", file.Transactions)
	if err != nil {
		t.Fatal(err)
	}
	o, err := decoder(t).DecodeOrder(connector.Raw{Body: body})
	if err != nil {
		t.Fatal(err)
	}
	p := o.Payments
	if len(p) != 1 || p[0].Method != "bogus" || p[0].State != commerce.PaymentAuthorized || !p[0].Amount.IsZero() ||
		p[0].Transactions[0].Amount.String() != "409.94 USD" || p[0].Transactions[0].Type != "authorization" || p[0].Transactions[0].ID != "389404469" {
		t.Errorf("payments %+v", p)
	}
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func webhook(topic, signature string, body []byte) connector.Request {
	header := http.Header{}
	header.Set("X-Shopify-Topic", topic)
	header.Set("X-Shopify-Hmac-Sha256", signature)
	header.Set("X-Shopify-Webhook-Id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043")
	return connector.Request{Method: http.MethodPost, URL: hookAddress, Header: header, Body: body}
}

func TestSignature(t *testing.T) {
	var vector struct{ Secret, Body, Value string }
	contractInto(t, "signature.vector.json", &vector)
	b := newBench(t, map[string]string{"client_secret": vector.Secret, "-webhook_secret": ""})
	receipt, err := b.conn.Receiver.Receive(webhook("orders/create", vector.Value, []byte(vector.Body)))
	if err != nil || receipt.Ignored != "test notification" {
		t.Errorf("the vector: %+v, %v", receipt, err)
	}
	altered := strings.Replace(vector.Body, `\/`, `/`, 1) // the same JSON, other bytes
	if _, err := b.conn.Receiver.Receive(webhook("orders/create", vector.Value, []byte(altered))); connector.KindOf(err) != connector.KindForbidden {
		t.Errorf("other bytes with the same signature: %v", err)
	}
}

func TestRealWebhooks(t *testing.T) {
	b := newBench(t, map[string]string{"client_secret": "hush-hush-hush"})
	body := contract(t, "webhook.orders-create.aud-tax-included.json")
	receipt, err := b.conn.Receiver.Receive(webhook("orders/create", sign("hush-hush-hush", body), body))
	if err != nil || len(receipt.Events) != 1 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	e := receipt.Events[0]
	if e.Ref.ID != "7024924328248" || !e.UpdatedAt.Equal(time.Date(2026, 2, 4, 4, 25, 53, 0, time.UTC)) || !bytes.Equal(e.Body, body) || e.DeliveryID == "" {
		t.Errorf("event %+v", e)
	}
	body = contract(t, "webhook.orders-cancelled.sample.json")
	receipt, err = b.conn.Receiver.Receive(webhook("orders/cancelled", sign("hush-hush-hush", body), body))
	if err != nil || receipt.Ignored != "test notification" || len(receipt.Events) != 0 {
		t.Errorf("the test notification: %+v, %v", receipt, err)
	}
}

// canned answers every request with the same body.
type canned struct {
	status int
	header http.Header
	body   []byte
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	header := c.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: c.status, Header: header, Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

func cannedClient(c canned) *api.Client {
	client := &http.Client{Transport: c, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return api.New(api.Options{BaseURL: "https://shop.test", Version: "2026-07", HTTP: client, Token: "shpat_x", Now: time.Now})
}

func TestErrors(t *testing.T) {
	for file, want := range map[string]struct {
		kind               connector.ErrorKind
		code, field, inFix string
	}{
		"graphql.error.access-denied.json":      {connector.KindForbidden, "ACCESS_DENIED", "shopifyPaymentsAccount", "read_shopify_payments"},
		"graphql.error.customid-not-found.json": {connector.KindNotFound, "NOT_FOUND", "customId", ""},
		"graphql.error.invalid-variable.json":   {connector.KindInvalid, "INVALID_VARIABLE", "", ""},
	} {
		t.Run(file, func(t *testing.T) {
			_, err := cannedClient(canned{status: 200, body: contract(t, file)}).GraphShop(t.Context())
			e, ok := errors.AsType[*connector.Error](err)
			if !ok || e.Kind != want.kind || e.Code != want.code || e.Field != want.field || !strings.Contains(e.Fix, want.inFix) || e.Message == "" {
				t.Errorf("%#v", err)
			}
		})
	}
	// The fake refuses with the same words.
	var real struct {
		Errors []struct {
			Extensions map[string]any `json:"extensions"`
			Path       []any          `json:"path"`
		} `json:"errors"`
	}
	contractInto(t, "graphql.error.access-denied.json", &real)
	b := newBench(t, nil)
	b.vendor.Restrict()
	got := b.graphQL(t, `query($id: ID!) { order(id: $id) { id } }`, map[string]any{"id": "gid://shopify/Order/1"})
	extensions := got["errors"].([]any)[0].(map[string]any)["extensions"].(map[string]any)
	for name := range real.Errors[0].Extensions {
		if extensions[name] == nil {
			t.Errorf("the fake's refusal has no extensions.%s", name)
		}
	}
	if extensions["code"] != "ACCESS_DENIED" || got["data"].(map[string]any)["order"] != nil {
		t.Errorf("the fake's refusal: %v", got)
	}
}

// graphQL sends a document to the fake as it is.
func (b *bench) graphQL(t *testing.T, query string, variables map[string]any) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return b.post200(t, "/admin/api/2026-07/graphql.json", body)
}

func (b *bench) post200(t *testing.T, path string, body []byte) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.test"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Access-Token", b.vendor.Settings()["access_token"])
	resp, err := b.wire.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %v", path, resp.StatusCode, out)
	}
	return out
}

// TestReplay sends what was recorded to the fake and compares the shapes of the answers.
func TestReplay(t *testing.T) {
	b := newBench(t, nil)
	stated, err := generator(3).Put(b.vendor)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("an order read with its returns", func(t *testing.T) {
		got := b.graphQL(t, string(contract(t, "graphql.order.read.query.graphql")), map[string]any{"id": api.GID("Order", stated.Source.ExternalID)})
		var real map[string]any
		contractInto(t, "graphql.order.read.response.json", &real)
		sameShape(t, "", real["data"], got["data"])
	})
	t.Run("a list and a count", func(t *testing.T) {
		got := b.graphQL(t, `query($id: ID!) {
			existing: order(id: $id) { email note tags processedAt }
			visible: orders(first: 2, sortKey: UPDATED_AT) { nodes { email note tags processedAt } pageInfo { hasNextPage hasPreviousPage } }
			total: ordersCount { count precision } }`, map[string]any{"id": api.GID("Order", stated.Source.ExternalID)})
		var real map[string]any
		contractInto(t, "graphql.orders.list.response.json", &real)
		sameShape(t, "", real, got)
	})
	t.Run("a subscription by GraphQL", func(t *testing.T) {
		var file struct {
			Variables map[string]any `json:"variables"`
			Response  map[string]any `json:"response"`
		}
		contractInto(t, "graphql.webhookSubscriptionCreate.json", &file)
		got := b.graphQL(t, `mutation($topic: WebhookSubscriptionTopic!, $webhookSubscription: WebhookSubscriptionInput!) {
			webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhookSubscription) {
				webhookSubscription { id topic format createdAt updatedAt } userErrors { field message } } }`, file.Variables)
		made := got["data"].(map[string]any)["webhookSubscriptionCreate"].(map[string]any)
		real := file.Response["data"].(map[string]any)["webhookSubscriptionCreate"].(map[string]any)
		for _, name := range []string{"topic", "format"} {
			want := real["webhookSubscription"].(map[string]any)[name]
			if value := made["webhookSubscription"].(map[string]any)[name]; value != want {
				t.Errorf("%s is %v, want %v", name, value, want)
			}
		}
		sameShape(t, "", file.Response["extensions"], got["extensions"])
	})
	t.Run("a subscription by REST", func(t *testing.T) {
		var real struct {
			Webhook map[string]any `json:"webhook"`
		}
		contractInto(t, "rest.webhook.json", &real)
		got := b.post200(t, "/admin/api/2026-07/webhooks.json", []byte(`{"webhook":{"topic":"orders/create","address":"https://orderly.test/x","format":"json"}}`))
		made := got["webhook"].(map[string]any)
		for _, name := range []string{"id", "address", "topic", "created_at", "updated_at", "format", "fields", "api_version"} {
			if fmt.Sprintf("%T", made[name]) != fmt.Sprintf("%T", real.Webhook[name]) {
				t.Errorf("%s is %v, recorded is %v", name, made[name], real.Webhook[name])
			}
		}
		var w api.Webhook
		contractInto(t, "rest.webhook.json", &struct{ Webhook *api.Webhook }{&w})
		if w.ID != "4759306" || w.Topic != "orders/create" || w.Address != "http://apple.com" {
			t.Errorf("%+v", w)
		}
	})
}

// sameShape compares names and types; a null, and what is in an empty list, may be anything.
func sameShape(t *testing.T, at string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok && got != nil {
			t.Errorf("%s is %T, want an object", at, got)
		}
		for name, value := range want {
			if _, there := have[name]; ok && !there {
				t.Errorf("%s.%s is missing", at, name)
			}
			if ok {
				sameShape(t, at+"."+name, value, have[name])
			}
		}
	case []any:
		have, ok := got.([]any)
		if !ok {
			t.Errorf("%s is %T, want a list", at, got)
		} else if len(want) > 0 && len(have) > 0 {
			sameShape(t, at+"[0]", want[0], have[0])
		}
	case nil:
	default:
		if got != nil && fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("%s is %T, want %T", at, got, want)
		}
	}
}

// TestCostsAreRead reads the points of every recorded answer that tells them.
func TestCostsAreRead(t *testing.T) {
	read := 0
	for _, file := range contracttest.Files(t, "shopify", "graphql.*.json") {
		var whole any
		if err := json.Unmarshal(contract(t, filepath.Base(file)), &whole); err != nil {
			t.Fatal(err)
		}
		answers(whole, func(answer map[string]any) {
			read++
			body, err := json.Marshal(answer)
			if err != nil {
				t.Fatal(err)
			}
			limits := api.ReadLimits(http.Header{}, body)
			if limits == nil || limits.Max <= 0 || limits.Left <= 0 || limits.Left > limits.Max || limits.Wait != 0 {
				t.Errorf("%s: %+v", filepath.Base(file), limits)
			}
		})
	}
	if read < 9 {
		t.Errorf("only %d answers with points were found", read)
	}
	var refused map[string]struct {
		Response struct {
			Data struct {
				Run struct {
					UserErrors []api.UserError `json:"userErrors"`
				} `json:"bulkOperationRunQuery"`
			} `json:"data"`
		} `json:"response"`
	}
	contractInto(t, "graphql.bulkOperationRunQuery.userErrors.json", &refused)
	for name, r := range refused {
		if e := r.Response.Data.Run.UserErrors; len(e) != 1 || e[0].Code != "INVALID" || e[0].Field[0] != "query" || e[0].Message == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// answers finds every object that has extensions.cost.
func answers(value any, found func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		if extensions, ok := value["extensions"].(map[string]any); ok && extensions["cost"] != nil {
			found(value)
		}
		for _, inner := range value {
			answers(inner, found)
		}
	case []any:
		for _, inner := range value {
			answers(inner, found)
		}
	}
}

// TestBulkResult reads the lines of a bulk result: their ids have the form that api.ID reads.
func TestBulkResult(t *testing.T) {
	children := map[string]int{}
	for line := range bytes.Lines(contract(t, "graphql.bulkOperation.result.jsonl")) {
		var row struct {
			ID     api.ID `json:"id"`
			Parent api.ID `json:"__parentId"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if strings.Trim(row.ID.Legacy(), "0123456789") != "" {
			t.Errorf("id %q", row.ID)
		}
		children[row.Parent.Legacy()]++
	}
	if children[""] != 1 || children["10243914727730"] != 3 {
		t.Errorf("children by parent: %v", children)
	}
}

func publishedSchema(t testing.TB) *ast.Schema {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "slice", Input: string(contract(t, "admin.2026-07.slice.graphql"))})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestDocumentsAreValid(t *testing.T) {
	schema := publishedSchema(t)
	documents := api.Documents()
	documents["recorded"] = string(contract(t, "graphql.order.read.query.graphql"))
	for name, text := range documents {
		if _, errs := gqlparser.LoadQueryWithRules(schema, text, rules.NewDefaultRules()); errs != nil {
			t.Errorf("%s: %v", name, errs)
		}
	}
	if _, errs := gqlparser.LoadQueryWithRules(schema, "{ shop { nothing } }", rules.NewDefaultRules()); errs == nil {
		t.Error("a field that does not exist is not found")
	}
}

// TestFakeSchemaIsShopifys compares every type, field, argument and value of the fake's schema with the
// published one.
func TestFakeSchemaIsShopifys(t *testing.T) {
	published := publishedSchema(t)
	own := gqlparser.MustLoadSchema(&ast.Source{Name: "fake", Input: shopifyfake.Schema()})
	for name, def := range own.Types {
		real := published.Types[name]
		if def.BuiltIn || strings.HasPrefix(name, "__") {
			continue
		}
		if real == nil {
			t.Errorf("Shopify has no type %s", name)
			continue
		}
		if def.Kind != real.Kind && (def.Kind != ast.Scalar || real.Kind != ast.Enum) {
			t.Errorf("%s is %s, not %s", name, real.Kind, def.Kind)
		}
		for _, f := range def.Fields {
			theirs := real.Fields.ForName(f.Name)
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			if theirs == nil || theirs.Type.String() != f.Type.String() {
				t.Errorf("%s.%s: %s is not Shopify's", name, f.Name, f.Type)
				continue
			}
			for _, a := range f.Arguments {
				if arg := theirs.Arguments.ForName(a.Name); arg == nil || arg.Type.String() != a.Type.String() {
					t.Errorf("%s.%s(%s: %s) is not Shopify's", name, f.Name, a.Name, a.Type)
				}
			}
		}
		for _, v := range def.EnumValues {
			if real.EnumValues.ForName(v.Name) == nil {
				t.Errorf("%s has no %s", name, v.Name)
			}
		}
	}
}

// TestFakeAnswersAreValid runs the connector against the fake and checks every answer against the
// published schema.
func TestFakeAnswersAreValid(t *testing.T) {
	schema := publishedSchema(t)
	b := newBench(t, nil)
	g := generator(5)
	ctx := context.Background()
	if _, err := b.conn.Registrar.EnsureWebhooks(ctx, hookAddress); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		stated, err := g.Put(b.vendor)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.conn.Fetcher.Fetch(ctx, connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID}); err != nil {
			t.Fatal(err)
		}
		if err := b.conn.Feedback.WriteBack(ctx, connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID}, connector.Status{Document: connector.Document{Number: "S00042"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.conn.Connector.Check(ctx); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []commerce.Kind{commerce.KindOrder, commerce.KindCustomer} {
		page, err := b.conn.Lister.List(ctx, connector.Query{Kind: kind, Limit: 100})
		if err != nil || len(page.Events) == 0 {
			t.Fatalf("%s: %d events, %v", kind, len(page.Events), err)
		}
		if kind == commerce.KindCustomer {
			if _, err := b.conn.Fetcher.Fetch(ctx, page.Events[0].Ref); err != nil {
				t.Fatal(err)
			}
		}
	}
	checked := 0
	for _, e := range b.wire.take() {
		if !strings.HasSuffix(e.path, "/graphql.json") {
			continue
		}
		checked++
		var sent struct {
			Query string `json:"query"`
		}
		var got struct {
			Data   map[string]any `json:"data"`
			Errors []any          `json:"errors"`
		}
		decoder := json.NewDecoder(bytes.NewReader(e.got))
		decoder.UseNumber()
		if err := errors.Join(json.Unmarshal(e.sent, &sent), decoder.Decode(&got)); err != nil || len(got.Errors) > 0 {
			t.Fatal(err, got.Errors)
		}
		document, errs := gqlparser.LoadQueryWithRules(schema, sent.Query, rules.NewDefaultRules())
		if errs != nil {
			t.Fatal(errs)
		}
		v := answerChecker{t: t, schema: schema, document: document}
		operation := document.Operations[0]
		v.object(schema.Types[map[ast.Operation]string{ast.Query: "QueryRoot", ast.Mutation: "Mutation"}[operation.Operation]], operation.SelectionSet, got.Data, "data")
	}
	if checked < 130 {
		t.Errorf("only %d answers were checked", checked)
	}
}

// answerChecker holds an answer against the types of a schema.
type answerChecker struct {
	t        *testing.T
	schema   *ast.Schema
	document *ast.QueryDocument
}

func (c answerChecker) object(def *ast.Definition, selections ast.SelectionSet, value map[string]any, at string) {
	for _, s := range selections {
		switch s := s.(type) {
		case *ast.FragmentSpread:
			f := c.document.Fragments.ForName(s.Name)
			c.object(c.schema.Types[f.TypeCondition], f.SelectionSet, value, at)
		case *ast.InlineFragment:
			if name, ok := value["__typename"].(string); !ok || name == s.TypeCondition {
				c.object(c.schema.Types[s.TypeCondition], s.SelectionSet, value, at)
			}
		case *ast.Field:
			if s.Name == "__typename" {
				continue
			}
			got, there := value[s.Alias]
			if !there {
				c.t.Errorf("%s.%s is missing", at, s.Alias)
				continue
			}
			c.value(def.Fields.ForName(s.Name).Type, s.SelectionSet, got, at+"."+s.Alias)
		}
	}
}

func (c answerChecker) value(kind *ast.Type, selections ast.SelectionSet, got any, at string) {
	if got == nil {
		if kind.NonNull {
			c.t.Errorf("%s is null, which a %s never is", at, kind)
		}
		return
	}
	if kind.Elem != nil {
		list, ok := got.([]any)
		if !ok {
			c.t.Errorf("%s is no list", at)
		}
		for i, element := range list {
			c.value(kind.Elem, selections, element, fmt.Sprintf("%s[%d]", at, i))
		}
		return
	}
	def := c.schema.Types[kind.NamedType]
	fits := false
	switch def.Kind {
	case ast.Object, ast.Interface, ast.Union:
		if o, ok := got.(map[string]any); ok {
			fits = true
			c.object(def, selections, o, at)
		}
	case ast.Enum:
		text, ok := got.(string)
		fits = ok && def.EnumValues.ForName(text) != nil
	default:
		fits = scalarFits(def.Name, got)
	}
	if !fits {
		c.t.Errorf("%s: %v is no %s", at, got, kind)
	}
}

func scalarFits(name string, got any) bool {
	switch name {
	case "Int":
		n, ok := got.(json.Number)
		_, err := n.Int64()
		return ok && err == nil
	case "Float":
		_, ok := got.(json.Number)
		return ok
	case "Boolean":
		_, ok := got.(bool)
		return ok
	case "DateTime":
		text, _ := got.(string)
		at, err := time.Parse(time.RFC3339, text)
		return err == nil && at.Location() == time.UTC
	case "Decimal":
		text, _ := got.(string)
		return strings.Contains(text, ".") && (strings.HasSuffix(text, ".0") || !strings.HasSuffix(text, "0"))
	}
	_, ok := got.(string)
	return ok
}

// TestFakeOrderHasShopifysFields holds the fake's webhook against a real one: every name that it has must
// be there, with the same type.
func TestFakeOrderHasShopifysFields(t *testing.T) {
	var real map[string]any
	contractInto(t, "webhook.orders-create.aud-tax-included.json", &real)
	// What the real order, a plain one, has no example of.
	notInSample := []string{".refunds", ".discount_codes", ".discount_applications", ".line_items.duties", ".line_items.discount_allocations", ".shipping_lines.discount_allocations", ".note_attributes", ".original_total_duties_set", ".customer.tags"}
	b := newBench(t, nil)
	if _, err := b.conn.Registrar.EnsureWebhooks(t.Context(), hookAddress); err != nil {
		t.Fatal(err)
	}
	g := generator(9)
	for range 80 {
		if _, err := g.Put(b.vendor); err != nil {
			t.Fatal(err)
		}
	}
	orders := 0
	for _, d := range b.post.take() {
		if !strings.HasPrefix(d.Header.Get("X-Shopify-Topic"), "orders/") {
			continue
		}
		orders++
		var got map[string]any
		if err := json.Unmarshal(d.Body, &got); err != nil {
			t.Fatal(err)
		}
		known(t, "", real, got, notInSample)
		if bytes.Contains(d.Body, []byte("/")) && !bytes.Contains(d.Body, []byte(`\/`)) {
			t.Error("the slashes are not escaped")
		}
	}
	if orders < 80 {
		t.Errorf("only %d webhooks of orders", orders)
	}
}

func known(t *testing.T, at string, real, got any, except []string) {
	t.Helper()
	if slices.Contains(except, at) {
		return
	}
	switch got := got.(type) {
	case map[string]any:
		theirs, ok := real.(map[string]any)
		if !ok {
			if real != nil {
				t.Errorf("%s is an object, Shopify's is %T", at, real)
			}
			return
		}
		for name, value := range got {
			if _, there := theirs[name]; !there && !slices.Contains(except, at+"."+name) {
				t.Errorf("Shopify has no %s.%s", at, name)
			}
			known(t, at+"."+name, theirs[name], value, except)
		}
	case []any:
		theirs, ok := real.([]any)
		if !ok && real != nil {
			t.Errorf("%s is a list, Shopify's is %T", at, real)
		}
		for _, element := range got {
			if len(theirs) > 0 {
				known(t, at, theirs[0], element, except)
			}
		}
	default:
		if got != nil && real != nil && fmt.Sprintf("%T", got) != fmt.Sprintf("%T", real) {
			t.Errorf("%s is %T, Shopify's is %T", at, got, real)
		}
	}
}
