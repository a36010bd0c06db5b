package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// caller is a program that uses the JSON API in the name of a user.
type caller struct {
	t      testing.TB
	base   string
	client *http.Client
}

func (o *office) caller(name string) *caller {
	o.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.Fatal(err)
	}
	c := &caller{t: o, base: o.base, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	resp, err := c.client.PostForm(o.base+"/sign-in", url.Values{"name": {name}, "password": {adminPassword}})
	if err != nil {
		o.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Request.URL.Path != "/" {
		o.Fatalf("signing in leads to %s", resp.Request.URL)
	}
	return c
}

// call makes a call and gives its answer.
func (c *caller) call(method, path, body string) (status int, text []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, text
}

func TestTheAPIAnswersAsItIsDescribed(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.make("shopify", 12, "&unknown=500")
	eventually(t, 30*time.Second, "the orders are settled", func() bool { return len(o.tasks(o.flow())) == 12 && o.settled(o.flow()) })
	c := o.caller(adminName)

	// Something of everything that there can be a list of.
	for _, change := range []struct{ method, path, body string }{
		{http.MethodPatch, "/api/v1/flows/" + o.flow() + "/maps/payments", `{"rows":{"paypal":"PP"},"why":"test"}`},
		{http.MethodPost, "/api/v1/webhook-endpoints", `{"url":"https://example.com/hook","description":"test","events":["order.synced"]}`},
		{http.MethodPost, "/api/v1/runs", `{"flow":"` + o.flow() + `"}`},
		{http.MethodPost, "/api/v1/orders/actions", `{"action":"retry","ids":[1]}`},
		{http.MethodPost, "/api/v1/connections/shopify/check", ``},
	} {
		if status, text := c.call(change.method, change.path, change.body); status >= 300 {
			t.Fatalf("%s %s is answered %d: %s", change.method, change.path, status, text)
		}
	}
	var runs struct{ Items []struct{ ID int64 } }
	_, text := c.call(http.MethodGet, "/api/v1/runs", "")
	if err := json.Unmarshal(text, &runs); err != nil || len(runs.Items) == 0 {
		t.Fatalf("runs: %v %s", err, text)
	}

	var bulk struct{ ID string }
	status, text := c.call(http.MethodPost, "/api/v1/causes/1/retry", `{"why":"test"}`)
	if err := json.Unmarshal(text, &bulk); err != nil || status != http.StatusAccepted || bulk.ID == "" {
		t.Fatalf("retrying a cause is answered %d, %v: %s", status, err, text)
	}

	_, description := c.call(http.MethodGet, "/api/v1/openapi.json", "")
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(description))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("api.json", document); err != nil {
		t.Fatal(err)
	}
	var paths struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(description, &paths); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for path, methods := range paths.Paths {
		operation, reads := methods["get"]
		if !reads {
			continue
		}
		id := "1"
		switch {
		case strings.HasPrefix(path, "/runs/"):
			id = fmt.Sprint(runs.Items[0].ID)
		case strings.HasPrefix(path, "/webhook-endpoints/"):
			id = endpointID(t, c)
		case strings.HasPrefix(path, "/bulks/"):
			id = bulk.ID
		}
		name := o.flow()
		if strings.HasPrefix(path, "/connections/") {
			name = "shopify"
		}
		address := "/api/v1" + strings.NewReplacer("{id}", id, "{name}", name, "{table}", "items").Replace(path)
		status, text := c.call(http.MethodGet, address, "")
		if status != http.StatusOK {
			t.Errorf("%s is answered %d: %s", address, status, text)
			continue
		}
		at := fmt.Sprintf("api.json#/paths/%s/get/responses/200/content/application~1json/schema", url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(path)))
		schema, err := compiler.Compile(at)
		if err != nil {
			t.Errorf("%s: %v", operation.OperationID, err)
			continue
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", operation.OperationID, err)
			continue
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s does not answer as it is described: %v\n%s", operation.OperationID, err, tail(string(text), 1500))
		}
		checked++
	}
	if checked < 15 {
		t.Errorf("only %d answers were compared", checked)
	}
}

func endpointID(t *testing.T, c *caller) string {
	t.Helper()
	var list struct{ Items []struct{ ID string } }
	_, text := c.call(http.MethodGet, "/api/v1/webhook-endpoints", "")
	if err := json.Unmarshal(text, &list); err != nil || len(list.Items) == 0 {
		t.Fatalf("endpoints: %v %s", err, text)
	}
	return list.Items[0].ID
}

func TestNoPersonalDataIsInTheAPI(t *testing.T) {
	o := furnished(t, shopifyToOdoo)
	o.make("shopify", 5, "")
	eventually(t, 30*time.Second, "the orders are settled", func() bool { return o.settled(o.flow()) })
	orders := o.holdings("shopify").Orders
	c := o.caller(adminName)
	for i := 1; i <= len(orders); i++ {
		_, text := c.call(http.MethodGet, fmt.Sprintf("/api/v1/orders/%d", i), "")
		for _, order := range orders {
			for _, email := range order.Buyer.Emails {
				if strings.Contains(string(text), email) {
					t.Errorf("order %d shows %s", i, email)
				}
			}
			if to := order.ShipTo; to != nil && len(to.StreetAddress) > 6 && strings.Contains(string(text), to.StreetAddress) {
				t.Errorf("order %d shows a street", i)
			}
		}
	}
}
