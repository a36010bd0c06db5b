package shopify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
	"github.com/orderlyhq/orderly/internal/fake"
)

// raw is a shop without a connection.
type raw struct {
	*testing.T
	vendor *shopifyfake.Vendor
	wire   *direct
	clock  *clock
	post   *post
}

func newRaw(t *testing.T, options ...shopifyfake.Option) *raw {
	t.Helper()
	r := &raw{T: t, clock: newClock(), post: &post{}}
	r.vendor = shopifyfake.New(fake.Options{BaseURL: "https://shop.test", Now: r.clock.Now, Courier: r.post}, options...)
	r.wire = &direct{handler: r.vendor}
	return r
}

func (r *raw) call(method, path, body string) (int, string) {
	r.Helper()
	return r.send(method, path, body, map[string]string{"Content-Type": "application/json", "X-Shopify-Access-Token": r.vendor.Settings()["access_token"]})
}

func (r *raw) send(method, path, body string, header map[string]string) (int, string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, "https://shop.test"+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := r.wire.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

// TestTheFakeIsStrict sends what a connector must not send and expects Shopify's refusal.
func TestTheFakeIsStrict(t *testing.T) {
	const v = "/admin/api/2026-07/"
	query := func(q string, variables string) string {
		body, err := json.Marshal(map[string]any{"query": q, "variables": json.RawMessage(variables)})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	long := strings.Repeat("x", 41)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		holds              string
		surprised          bool
	}{
		"an address that is not there":        {"GET", v + "invoices.json", "", 404, `"Not Found"`, true},
		"a version that is no quarter":        {"GET", "/admin/api/2026-02/shop.json", "", 404, `"Not Found"`, true},
		"a version that is no month":          {"GET", "/admin/api/latest/shop.json", "", 404, `"Not Found"`, true},
		"a page that is too large":            {"GET", v + "orders.json?limit=500", "", 400, "limit", true},
		"a filter beside page_info":           {"GET", v + "orders.json?page_info=e30&status=any", "", 400, "cannot be passed when page_info is present", true},
		"a page_info that is none":            {"GET", v + "orders.json?page_info=!", "", 400, "page_info", false},
		"a parameter that is none":            {"GET", v + "orders.json?state=any", "", 200, `"orders":[]`, true},
		"an order of the list that is none":   {"GET", v + "orders.json?order=price", "", 200, `"orders":[]`, true},
		"a time that is none":                 {"GET", v + "orders.json?updated_at_min=yesterday", "", 400, "updated_at_min", false},
		"a count of a time that is none":      {"GET", v + "customers/count.json?updated_at_max=x", "", 400, "updated_at_max", false},
		"an order that is not there":          {"GET", v + "orders/1.json", "", 404, `"Not Found"`, false},
		"transactions of no order":            {"GET", v + "orders/1/transactions.json", "", 404, `"Not Found"`, false},
		"a customer that is not there":        {"GET", v + "customers/x.json", "", 404, `"Not Found"`, false},
		"a change of no order":                {"PUT", v + "orders/1.json", `{"order":{"id":1}}`, 404, `"Not Found"`, false},
		"a webhook over plain HTTP":           {"POST", v + "webhooks.json", `{"webhook":{"topic":"orders/create","address":"http://orderly.test/x","format":"json"}}`, 422, `{"errors":{"address":["is not allowed"]}}`, false},
		"a webhook of no topic":               {"POST", v + "webhooks.json", `{"webhook":{"topic":"orders/made","address":"https://orderly.test/x"}}`, 422, `"topic"`, false},
		"a webhook with a field that is none": {"POST", v + "webhooks.json", `{"webhook":{"topic":"orders/create","url":"https://orderly.test/x"}}`, 400, "webhook", false},
		"a webhook that is not there":         {"DELETE", v + "webhooks/1.json", "", 404, "Not Found", false},
		"a query without a field":             {"POST", v + "graphql.json", query(`{ shop { nothing } }`, "{}"), 200, `Cannot query field \"nothing\" on type \"Shop\"`, true},
		"a query that is none":                {"POST", v + "graphql.json", query(`{ shop {`, "{}"), 200, `"errors"`, true},
		"no query":                            {"POST", v + "graphql.json", `{}`, 400, "query", false},
		"a variable that does not fit":        {"POST", v + "graphql.json", query(`query($id: ID!) { order(id: $id) { id } }`, `{}`), 200, `"message":"Variable $id of type ID! was provided invalid value"`, true},
		"an id of another kind":               {"POST", v + "graphql.json", query(`query($id: ID!) { order(id: $id) { id } }`, `{"id":"gid://shopify/Product/1"}`), 200, "Invalid global id", true},
		"a list without first":                {"POST", v + "graphql.json", query(`{ orders(sortKey: UPDATED_AT) { nodes { id } } }`, "{}"), 200, "you must provide one of first or last", true},
		"a page of GraphQL that is too large": {"POST", v + "graphql.json", query(`{ orders(first: 251, sortKey: UPDATED_AT) { nodes { id } } }`, "{}"), 200, "first must be between 1 and 250", true},
		"a list in an order that skips":       {"POST", v + "graphql.json", query(`{ orders(first: 1) { nodes { id } } }`, "{}"), 200, `"nodes":[]`, true},
		"a time without quotes":               {"POST", v + "graphql.json", query(`query($q: String) { orders(first: 1, sortKey: UPDATED_AT, query: $q) { nodes { id } } }`, `{"q":"updated_at:>=2026-01-01T00:00:00Z"}`), 200, `"nodes":[]`, true},
		"a query that costs too much":         {"POST", v + "graphql.json", query(api.OrdersQuery, `{"first":250,"query":""}`), 200, `"code":"MAX_COST_EXCEEDED"`, false},
		"a cursor that is none":               {"POST", v + "graphql.json", query(api.WebhooksQuery, `{"first":1,"after":"x"}`), 200, "Invalid cursor", false},
		"tags of no order":                    {"POST", v + "graphql.json", query(api.TagsAddMutation, `{"id":"gid://shopify/Order/1","tags":["x"]}`), 200, `"userErrors":[{"field":["id"]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRaw(t)
			status, got := r.call(c.method, c.path, c.body)
			if status != c.status || !strings.Contains(got, c.holds) {
				t.Errorf("%d %s, want %d with %s", status, got, c.status, c.holds)
			}
			if surprised := len(r.vendor.Stats().Unexpected) > 0; surprised != c.surprised {
				t.Errorf("noted as unexpected: %v, want %v (%q)", surprised, c.surprised, r.vendor.Stats().Unexpected)
			}
		})
	}
	t.Run("tags", func(t *testing.T) {
		r := newRaw(t)
		stated, err := r.vendor.PutOrder(simple(1))
		if err != nil {
			t.Fatal(err)
		}
		path := v + "orders/" + stated.Source.ExternalID + ".json"
		for body, want := range map[string]int{
			`{"order":{"tags":"a, ` + long + `"}}`: 422, `{"order":{"colour":"red"}}`: 400, `[]`: 400, `{"order":{"tags":"b, a, A"}}`: 200,
		} {
			if status, got := r.call("PUT", path, body); status != want || want == 200 && !strings.Contains(got, `"tags":"a, b"`) {
				t.Errorf("%s: %d %s", body, status, got)
			}
		}
	})
	t.Run("no token", func(t *testing.T) {
		r := newRaw(t)
		for _, path := range []string{v + "shop.json", v + "graphql.json", "/admin/oauth/access_scopes.json"} {
			method := map[bool]string{true: "POST", false: "GET"}[strings.HasSuffix(path, "graphql.json")]
			if status, got := r.send(method, path, "{}", nil); status != 401 || !strings.Contains(got, "Invalid API key or access token") {
				t.Errorf("%s: %d %s", path, status, got)
			}
		}
	})
	t.Run("a query as a form", func(t *testing.T) {
		r := newRaw(t)
		if status, _ := r.send("POST", v+"graphql.json", "query=x", map[string]string{"Content-Type": "application/x-www-form-urlencoded", "X-Shopify-Access-Token": r.vendor.Settings()["access_token"]}); status != 400 {
			t.Errorf("status %d", status)
		}
	})
	t.Run("another way to sign in", func(t *testing.T) {
		r := newRaw(t, shopifyfake.ClientCredentials())
		for body, want := range map[string]string{`{"grant_type":"password"}`: "invalid_request", `{"grant_type":"client_credentials","client_id":"x"}`: "application_cannot_be_found"} {
			if status, got := r.send("POST", "/admin/oauth/access_token", body, map[string]string{"Content-Type": "application/json"}); status != 400 || !strings.Contains(got, want) {
				t.Errorf("%s: %d %s", body, status, got)
			}
		}
	})
	t.Run("points that are used up", func(t *testing.T) {
		r := newRaw(t, shopifyfake.Standard())
		body := query(api.OrdersQuery, `{"first":25,"query":""}`)
		throttled := false
		for range 1000 {
			_, got := r.call("POST", v+"graphql.json", body)
			if throttled = strings.Contains(got, `"code":"THROTTLED"`); throttled {
				if strings.Contains(got, `"data"`) || !strings.Contains(got, `"restoreRate":100`) {
					t.Errorf("throttled: %s", got)
				}
				break
			}
		}
		if !throttled {
			t.Fatal("a thousand queries at one moment are answered")
		}
		r.clock.pass(20 * time.Second)
		if _, got := r.call("POST", v+"graphql.json", body); strings.Contains(got, "THROTTLED") {
			t.Error("the points do not come back")
		}
	})
}

// TestTheDefaultsBite lists without what the connector always sends.
func TestTheDefaultsBite(t *testing.T) {
	r := newRaw(t)
	for i := range 60 {
		stated, err := r.vendor.PutOrder(simple(1))
		if err != nil {
			t.Fatal(err)
		}
		if i < 5 {
			if err := r.vendor.CancelOrder(stated.Source.ExternalID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for query, want := range map[string]int{"": 50, "?limit=250": 55, "?limit=250&status=any": 60, "?limit=250&status=cancelled": 5, "?limit=250&status=closed": 0} {
		_, got := r.call("GET", "/admin/api/2026-07/orders.json"+query, "")
		var list struct {
			Orders []json.RawMessage `json:"orders"`
		}
		if err := json.Unmarshal([]byte(got), &list); err != nil || len(list.Orders) != want {
			t.Errorf("%q gives %d orders, want %d (%v)", query, len(list.Orders), want, err)
		}
	}
	if s := r.vendor.Stats(); s.Documents != 55 || s.Cancelled != 5 {
		t.Errorf("stats %+v", s)
	}
}

func TestAnOrderVanishes(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form})
		if _, err := b.conn.Registrar.EnsureWebhooks(t.Context(), hookAddress); err != nil {
			t.Fatal(err)
		}
		orders := put(t, b, 3)
		b.post.take()
		if err := b.vendor.DeleteOrder(orders[1].Source.ExternalID); err != nil {
			t.Fatal(err)
		}
		sent := b.post.take()
		if len(sent) != 1 {
			t.Fatalf("%d webhooks", len(sent))
		}
		if e := receive(t, b, sent[0]); e.Change != connector.Deleted || e.Ref.ID != orders[1].Source.ExternalID || e.Body != nil {
			t.Errorf("%+v", e)
		}
		if ids := listAll(t, b.conn, connector.Query{Kind: commerce.KindOrder}, nil); len(ids) != 2 {
			t.Errorf("listed %v", ids)
		}
		if _, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: orders[1].Source.ExternalID}); connector.KindOf(err) != connector.KindNotFound {
			t.Errorf("%v", err)
		}
	})
}

// TestACostlyPageIsAskedForAgainWithLess, because nobody outside of Shopify knows exactly what a query
// costs.
func TestACostlyPageIsAskedForAgainWithLess(t *testing.T) {
	b := newBench(t, nil)
	put(t, b, 9)
	b.wire.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var sent struct {
			Variables struct {
				First int `json:"first"`
				Lines int `json:"lines"`
			} `json:"variables"`
		}
		if json.Unmarshal(body, &sent) == nil && (sent.Variables.First > 3 || sent.Variables.Lines > 30) {
			_, _ = io.WriteString(w, `{"errors":[{"message":"Query cost is 1200, which exceeds the single query max cost limit (1000).","extensions":{"code":"MAX_COST_EXCEEDED"}}]}`)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		b.vendor.ServeHTTP(w, r)
	})
	if ids := listAll(t, b.conn, connector.Query{Kind: commerce.KindOrder, Limit: 100}, nil); len(ids) != 9 {
		t.Errorf("%d orders", len(ids))
	}
	stated, err := b.vendor.PutOrder(simple(70))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, b, "fetched with less", stated, raw)
}

// TestAnOrderThatChangesWhileItIsRead is read again later.
func TestAnOrderThatChangesWhileItIsRead(t *testing.T) {
	b := newBench(t, nil)
	stated, err := b.vendor.PutOrder(simple(120))
	if err != nil {
		t.Fatal(err)
	}
	reads := 0
	b.wire.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reads++; reads == 2 {
			b.clock.pass(time.Minute)
			if err := b.vendor.CancelOrder(stated.Source.ExternalID); err != nil {
				t.Error(err)
			}
		}
		b.vendor.ServeHTTP(w, r)
	})
	ref := connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID}
	if _, err := b.conn.Fetcher.Fetch(t.Context(), ref); connector.KindOf(err) != connector.KindUnavailable {
		t.Errorf("%v", err)
	}
	if _, err := b.conn.Fetcher.Fetch(t.Context(), ref); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

// TestWhatShopifyHasNotIsRefused: the fake does not hold what no shop can.
func TestWhatShopifyHasNotIsRefused(t *testing.T) {
	for name, change := range map[string]func(*commerce.Order){
		"no lines":         func(o *commerce.Order) { o.Lines = nil },
		"half a unit":      func(o *commerce.Order) { o.Lines[0].Quantity = o.Lines[0].Quantity.Shift(-1) },
		"no currency":      func(o *commerce.Order) { o.DocumentCurrency = "XXX" },
		"an unknown buyer": func(o *commerce.Order) { o.Buyer.Source.ExternalID = "12" },
		"an unknown order": func(o *commerce.Order) { o.Source.ExternalID = "12" },
		"a failed payment": func(o *commerce.Order) { o.PaymentState = commerce.PaymentFailed },
	} {
		t.Run(name, func(t *testing.T) {
			r, o := newRaw(t), simple(1)
			change(&o)
			if _, err := r.vendor.PutOrder(o); err == nil {
				t.Error("it is taken")
			}
		})
	}
	r := newRaw(t)
	if r.vendor.CancelOrder("1") == nil || r.vendor.DeleteOrder("1") == nil {
		t.Error("an order that is not there can be cancelled or deleted")
	}
	if _, err := r.vendor.PutCustomer(commerce.Customer{Source: commerce.Source{ExternalID: "1"}}); err == nil {
		t.Error("a customer that is not there can be changed")
	}
	stated, err := r.vendor.PutOrder(simple(1))
	if err != nil {
		t.Fatal(err)
	}
	if r.vendor.CancelOrder(stated.Source.ExternalID) != nil || r.vendor.CancelOrder(stated.Source.ExternalID) == nil {
		t.Error("an order can be cancelled once, and no more")
	}
}

// TestAListThatMayBeCut is not taken for a whole one.
func TestAListThatMayBeCut(t *testing.T) {
	lists := func(n int, element string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
	}
	more := `{"nodes":[],"pageInfo":{"hasNextPage":true}}`
	for name, c := range map[string]struct {
		fields string
		list   string
	}{
		"discounts":             {`"discountApplications":` + more, "discountApplications"},
		"shipping lines":        {`"shippingLines":` + more, "shippingLines"},
		"transactions":          {`"transactions":` + lists(100, "{}"), "transactions"},
		"refunds":               {`"refunds":` + lists(30, "{}"), "refunds"},
		"lines of a refund":     {`"refunds":[{"refundLineItems":` + more + `}]`, "refunds"},
		"money of a refund":     {`"refunds":[{"transactions":` + more + `}]`, "refunds"},
		"fulfilments":           {`"fulfillments":` + lists(16, "{}"), "fulfillments"},
		"lines of a fulfilment": {`"fulfillments":[{"fulfillmentLineItems":` + more + `}]`, "fulfillments"},
		"none":                  {`"transactions":` + lists(99, "{}"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"id":"gid://shopify/Order/1","lineItems":{"nodes":[]},` + c.fields + `}`
			_, err := cannedClient(canned{status: 200, body: []byte(`{"data":{"order":` + body + `}}`)}).GraphWholeOrder(t.Context(), "1")
			if c.list == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := err.(*connector.Error) //nolint:errorlint // the client gives the error itself
			if !ok || e.Kind != connector.KindInvalid || e.Field != c.list || e.Fix == "" {
				t.Errorf("%v", err)
			}
			if api.Listed([]byte(body)) {
				t.Error("it is taken for whole in a list")
			}
		})
	}
	if !api.Listed([]byte(`{"lineItems":{"nodes":[]},"transactions":[{}]}`)) || api.Listed([]byte(`{"transactions":`+lists(8, "{}")+`}`)) {
		t.Error("transactions of a listed order are looked at in the wrong way")
	}
}
