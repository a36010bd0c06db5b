package fake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// client calls a company under a session.
type client struct {
	*testing.T
	vendor  *b1fake.Vendor
	version string
	cookies string
	now     time.Time
}

// reply is an answer without its body.
type reply struct {
	StatusCode int
	Status     string
	Header     http.Header
}

func number(text string) money.Decimal { return decimal.RequireFromString(text) }

func newClient(t *testing.T, version string, options ...b1fake.Option) *client {
	t.Helper()
	c := &client{T: t, version: version, now: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)}
	c.vendor = b1fake.New(fake.Options{BaseURL: "https://erp.test:50000", Now: func() time.Time { return c.now }, Catalog: fake.Catalog{
		Items: []fake.CatalogItem{{SKU: "MUG", Name: "Mug", Price: number("10"), Rate: number("0.19"), Stock: 8}, {SKU: "TEA", Name: "Tea", Price: number("8"), Rate: number("0.07"), Stock: 8}},
		Rates: []money.Decimal{number("0.07"), number("0.19")}, Currencies: []money.Currency{"EUR", "USD"}, Countries: []string{"DE"},
	}}, options...)
	s := c.vendor.Settings()
	resp, _ := c.do("POST", "Login", nil, map[string]any{"CompanyDB": s["company_db"], "UserName": s["user_name"], "Password": s["password"]})
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	var cookies []string
	for _, cookie := range resp.Header.Values("Set-Cookie") {
		pair, _, _ := strings.Cut(cookie, ";")
		cookies = append(cookies, pair)
	}
	c.cookies = strings.Join(cookies, "; ")
	return c
}

func (c *client) do(method, path string, header map[string]string, body any) (reply, map[string]any) {
	c.Helper()
	encoded := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.Fatal(err)
		}
		encoded = string(b)
	}
	path = strings.NewReplacer(" ", "%20", "'", "%27").Replace(path)
	req := httptest.NewRequest(method, "/b1s/"+c.version+"/"+path, strings.NewReader(encoded))
	req.Header.Set("Cookie", c.cookies)
	for name, value := range header {
		req.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	c.vendor.ServeHTTP(recorder, req)
	var out map[string]any
	_ = json.Unmarshal(recorder.Body.Bytes(), &out)
	return reply{StatusCode: recorder.Code, Status: http.StatusText(recorder.Code), Header: recorder.Header()}, out
}

func (c *client) must(method, path string, body any) map[string]any {
	c.Helper()
	resp, out := c.do(method, path, nil, body)
	if resp.StatusCode >= 300 {
		c.Fatalf("%s %s: %d %v", method, path, resp.StatusCode, out)
	}
	return out
}

type body = map[string]any

// order is the least that an order has.
func order(change ...func(body)) body {
	o := body{"CardCode": "C1", "DocDueDate": "2026-03-10", "DocumentLines": []body{{"ItemCode": "MUG", "Quantity": 2, "UnitPrice": 10, "VatGroup": "A19"}}}
	for _, f := range change {
		f(o)
	}
	return o
}

func with(name string, value any) func(body) {
	return func(o body) {
		if o[name] = value; value == nil {
			delete(o, name)
		}
	}
}

func line(name string, value any) func(body) {
	return func(o body) { o["DocumentLines"].([]body)[0][name] = value }
}

func TestOrdersThatAreRefused(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		c := newClient(t, version)
		c.must("POST", "BusinessPartners", body{"CardCode": "C1", "CardName": "One", "Currency": "EUR"})
		c.must("POST", "BusinessPartners", body{"CardCode": "S1", "CardName": "Supplier", "CardType": "cSupplier"})
		for name, o := range map[string]body{
			"no delivery date":           order(with("DocDueDate", nil)),
			"a delivery before the day":  order(with("DocDueDate", "2026-03-01")),
			"a date that is none":        order(with("DocDueDate", "10.03.2026")),
			"no customer":                order(with("CardCode", nil)),
			"an unknown customer":        order(with("CardCode", "C2")),
			"a supplier":                 order(with("CardCode", "S1")),
			"no lines":                   order(with("DocumentLines", []body{})),
			"an unknown property":        order(with("Colour", "red")),
			"an unknown user field":      order(with("U_Colour", "red")),
			"an unknown line property":   order(line("Colour", "red")),
			"a currency not of the card": order(with("DocCurrency", "USD")),
			"an unknown currency":        order(with("DocCurrency", "XYZ")),
			"an unknown article":         order(line("ItemCode", "mug")),
			"an unknown warehouse":       order(line("WarehouseCode", "99")),
			"an unknown tax":             order(line("VatGroup", "X9")),
			"a tax on purchases":         order(line("VatGroup", "V1")),
			"a tax that is inactive":     order(line("VatGroup", "OLD")),
			"a tax code":                 order(line("TaxCode", "T19")),
			"no quantity":                order(line("Quantity", 0)),
			"a quantity that is none":    order(line("Quantity", "many")),
			"a reference too long":       order(with("NumAtCard", strings.Repeat("x", 101))),
			"comments too long":          order(with("Comments", strings.Repeat("😀", 128))),
			"an unknown member":          order(with("Confirmed", "yes")),
			"an unknown address":         order(with("ShipToCode", "HOME")),
			"an unknown country":         order(with("AddressExtension", body{"ShipToCountry": "XX"})),
			"an unknown freight":         order(with("DocumentAdditionalExpenses", []body{{"ExpenseCode": 9, "LineTotal": 1}})),
		} {
			resp, out := c.do("POST", "Orders", nil, o)
			if resp.StatusCode != 400 || out["error"] == nil {
				t.Errorf("%s, %s: %d %v", version, name, resp.StatusCode, out)
			}
		}
		if n := len(c.vendor.Documents()); n != 0 {
			t.Errorf("%d orders were made", n)
		}
		// Numbers as text are taken, and a date in either form.
		c.must("POST", "Orders", order(line("Quantity", "2"), with("DocDueDate", "2026-03-10T00:00:00Z")))
	}
}

func TestAmounts(t *testing.T) {
	c := newClient(t, "v2")
	c.must("POST", "BusinessPartners", body{"CardCode": "C1", "CardName": "One", "Currency": "##"})
	lines := func(l ...body) func(body) { return with("DocumentLines", l) }
	for _, a := range []struct {
		name       string
		order      body
		gross, vat any
	}{
		{"by line", order(lines(body{"ItemCode": "MUG", "Quantity": 3, "UnitPrice": 1.08, "VatGroup": "A19"})), 3.86, 0.62},
		{"gross", order(lines(body{"ItemCode": "MUG", "Quantity": 3, "PriceAfterVAT": 9.99, "VatGroup": "A19"})), 29.97, 4.79},
		{"a percentage", order(lines(body{"ItemCode": "MUG", "Quantity": 1, "UnitPrice": 10, "DiscountPercent": 12.5, "VatGroup": "A19"})), 10.41, 1.66},
		{"a percentage on the document", order(with("DiscountPercent", 10)), 21.42, 3.42},
		{"an amount on the document", order(with("TotalDiscount", 5)), 17.85, 2.85},
		{"freight", order(with("DocumentAdditionalExpenses", []body{{"ExpenseCode": 1, "LineTotal": 4.9, "VatGroup": "A19"}})), 29.63, 4.73},
		{"freight below zero", order(with("DocumentAdditionalExpenses", []body{{"ExpenseCode": 3, "LineTotal": -5, "VatGroup": "A19"}})), 17.85, 2.85},
		{"rounding", order(with("Rounding", "tYES"), with("RoundingDiffAmount", 0.2)), 24.0, 3.8},
		{"rounding that is not switched on", order(with("RoundingDiffAmount", 0.2)), 23.8, 3.8},
		{"the article's own tax", order(lines(body{"ItemCode": "TEA", "Quantity": 1, "UnitPrice": 10})), 10.7, 0.7},
	} {
		out := c.must("POST", "Orders", a.order)
		if out["DocTotal"] != a.gross || out["VatSum"] != a.vat || out["DocTotalFc"] != 0.0 {
			t.Errorf("%s: %v with %v", a.name, out["DocTotal"], out["VatSum"])
		}
	}
	foreign := c.must("POST", "Orders", order(with("DocCurrency", "USD")))
	if foreign["DocTotalFc"] != 23.8 || foreign["VatSumFc"] != 3.8 || foreign["DocTotal"] != 21.9 {
		t.Errorf("%v %v %v", foreign["DocTotalFc"], foreign["VatSumFc"], foreign["DocTotal"])
	}
}

func TestQueries(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		c := newClient(t, version)
		for i := range 45 {
			c.must("POST", "BusinessPartners", body{"CardCode": fmt.Sprintf("C%02d", i), "CardName": "Name", "EmailAddress": fmt.Sprintf("Who%d@example.com", i)})
		}
		next, pages, total := "BusinessPartners?$select=CardCode&$orderby=CardCode", 0, 0
		for next != "" {
			resp, out := c.do("GET", next, nil, nil)
			if resp.StatusCode != 200 {
				t.Fatal(resp.Status)
			}
			pages++
			total += len(out["value"].([]any))
			link, _ := out[map[string]string{"v1": "odata.nextLink", "v2": "@odata.nextLink"}[version]].(string)
			decoded, err := url.QueryUnescape(strings.TrimPrefix(link, "/b1s/v1/"))
			if err != nil {
				t.Fatal(err)
			}
			next = decoded
		}
		if pages != 3 || total != 45 {
			t.Errorf("%s: %d records on %d pages, want pages of 20", version, total, pages)
		}
		for filter, want := range map[string]int{
			"CardCode eq 'C01'": 1, "CardCode eq 'c01'": 0, "EmailAddress eq 'who1@example.com'": 0, "EmailAddress eq 'Who1@example.com' and CardType eq 'cCustomer'": 1,
			"(CardCode eq 'C01' or CardCode eq 'C02') and CardName eq 'Name'": 2, "CardCode ge 'C40'": 5, "not_there eq 'x'": -1, "startswith(CardName,'N')": -1, "CardCode eq 5": -1,
			"CardCode eq 'C01": -1, "(CardCode eq 'C01'": -1, "BPAddresses eq 'x'": -1, "GroupCode eq 100": 45, "GroupCode eq '100'": -1, "FederalTaxID eq null": 45, "CardCode eq 'C01' xor": -1,
			"UpdateDate ge '2026-03-02'": 45, "UpdateDate gt '2026-03-02'": 0,
		} {
			resp, out := c.do("GET", "BusinessPartners?$filter="+filter, map[string]string{"Prefer": "odata.maxpagesize=0"}, nil)
			got := -1
			if resp.StatusCode == 200 {
				got = len(out["value"].([]any))
			}
			if got != want {
				t.Errorf("%s, %s: %d, want %d", version, filter, got, want)
			}
		}
		resp, out := c.do("GET", "BusinessPartners?$filter=EmailAddress eq 'who1@example.com'", map[string]string{"B1S-CaseInsensitive": "true"}, nil)
		if resp.StatusCode != 200 || len(out["value"].([]any)) != 1 {
			t.Errorf("%s: without regard to case: %v", version, out)
		}
		for _, path := range []string{"BusinessPartners?$expand=x", "BusinessPartners?$select=Colour", "BusinessPartners?$orderby=Colour", "BusinessPartners?$orderby=CardCode down", "businesspartners", "Orders('1')", "BusinessPartners(1)"} {
			if resp, _ := c.do("GET", path, nil, nil); resp.StatusCode < 400 {
				t.Errorf("%s, %s: %d", version, path, resp.StatusCode)
			}
		}
		if len(c.vendor.Stats().Unexpected) == 0 {
			t.Error("requests that no caller should make are not noted")
		}
	}
}

func TestSessions(t *testing.T) {
	c := newClient(t, "v2")
	session, _, _ := strings.Cut(c.cookies, "; ")
	whole := c.cookies
	for name, cookies := range map[string]string{"none": "", "without its node": session, "another node": session + "; ROUTEID=.node9", "an unknown one": "B1SESSION=x; ROUTEID=.node1"} {
		c.cookies = cookies
		if resp, _ := c.do("GET", "Items", nil, nil); resp.StatusCode != 401 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	c.cookies = whole
	c.now = c.now.Add(29 * time.Minute)
	c.must("GET", "Items", nil)
	c.now = c.now.Add(29 * time.Minute)
	c.must("GET", "Items", nil)
	c.now = c.now.Add(31 * time.Minute)
	if resp, _ := c.do("GET", "Items", nil, nil); resp.StatusCode != 401 {
		t.Errorf("an idle session: %d", resp.StatusCode)
	}
	s := c.vendor.Settings()
	login := body{"CompanyDB": s["company_db"], "UserName": s["user_name"], "Password": "wrong"}
	for range 5 {
		if resp, _ := c.do("POST", "Login", nil, login); resp.StatusCode != 401 {
			t.Error(resp.Status)
		}
	}
	login["Password"] = s["password"]
	if resp, out := c.do("POST", "Login", nil, login); resp.StatusCode != 401 || !strings.Contains(fmt.Sprint(out), "locked") {
		t.Errorf("after five wrong passwords: %v", out)
	}
}

func TestChanges(t *testing.T) {
	c := newClient(t, "v1")
	c.must("POST", "BusinessPartners", body{"CardCode": "C1", "CardName": "One", "BPAddresses": []body{{"AddressName": "HOME", "AddressType": "bo_BillTo", "Street": "A", "City": "B"}}})
	if resp, out := c.do("POST", "BusinessPartners", nil, body{"CardCode": "C1"}); resp.StatusCode != 400 || !strings.Contains(fmt.Sprint(out), "-2035") {
		t.Errorf("a code twice: %v", out)
	}
	c.must("PATCH", "BusinessPartners('C1')", body{"BPAddresses": []body{{"AddressName": "HOME", "AddressType": "bo_BillTo", "Street": "C"}, {"AddressName": "HOME", "AddressType": "bo_ShipTo"}}})
	addresses := c.must("GET", "BusinessPartners('C1')", nil)["BPAddresses"].([]any)
	if first := addresses[0].(body); len(addresses) != 2 || first["Street"] != "C" || first["City"] != "B" {
		t.Errorf("%v", addresses)
	}
	c.must("POST", "Orders", order())
	resp, _ := c.do("GET", "Orders(1)", nil, nil)
	tag := resp.Header.Get("ETag")
	c.must("PATCH", "Orders(1)", body{"DocumentLines": []body{{"LineNum": 0, "Quantity": 3}, {"ItemCode": "TEA", "Quantity": 1, "UnitPrice": 5}}})
	now := c.must("GET", "Orders(1)", nil)
	if lines := now["DocumentLines"].([]any); len(lines) != 2 || now["DocTotal"] != 41.05 {
		t.Errorf("%v with %v", now["DocTotal"], lines)
	}
	c.must("PATCH", "Orders(1)", body{"Comments": "x"})
	if n := len(c.must("GET", "Orders(1)", nil)["DocumentLines"].([]any)); n != 2 {
		t.Errorf("%d lines after a change of something else", n)
	}
	if resp, out := c.do("PATCH", "Orders(1)", map[string]string{"If-Match": tag}, body{"Comments": "y"}); resp.StatusCode != 412 || !strings.Contains(fmt.Sprint(out), "-2039") {
		t.Errorf("a change of what was read before: %d", resp.StatusCode)
	}
	if resp, _ := c.do("PATCH", "Orders(1)", map[string]string{"B1S-ReplaceCollectionsOnPatch": "true"}, body{"DocumentLines": []body{{"LineNum": 1}}}); resp.StatusCode != 204 {
		t.Error(resp.Status)
	}
	if n := len(c.must("GET", "Orders(1)", nil)["DocumentLines"].([]any)); n != 1 {
		t.Errorf("%d lines after their replacement", n)
	}
	c.must("POST", "Orders(1)/Cancel", nil)
	for method, path := range map[string]string{"PATCH": "Orders(1)", "POST": "Orders(1)/Cancel"} {
		if resp, _ := c.do(method, path, nil, body{"Comments": "z"}); resp.StatusCode != 400 {
			t.Errorf("%s of a cancelled order: %d", method, resp.StatusCode)
		}
	}
	if s := c.vendor.Stats(); s.Cancelled != 1 || s.Documents != 0 || s.Customers != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDuplicatesAreCounted(t *testing.T) {
	c := newClient(t, "v2")
	c.must("POST", "BusinessPartners", body{"CardCode": "C1", "CardName": "One"})
	for range 3 {
		c.must("POST", "Orders", order(with("U_OrderlyId", "shop-1")))
	}
	if _, err := c.vendor.PutOrder(commerce.Order{
		DocumentCurrency: "EUR", CustomerReference: "shop-1", Lines: []commerce.Line{{SKU: "MUG", Quantity: number("1"), LineNet: money.New(number("1"), "EUR"), Taxes: []commerce.Tax{{Rate: number("0.19")}}}},
	}); err != nil {
		t.Fatal(err)
	}
	if s := c.vendor.Stats(); s.Duplicates != 2 || s.Documents != 4 {
		t.Errorf("%+v", s)
	}
}
