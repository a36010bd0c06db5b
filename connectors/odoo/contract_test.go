package odoo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo"
	odoofake "github.com/orderlyhq/orderly/connectors/odoo/fake"
	"github.com/orderlyhq/orderly/internal/contracttest"
	"github.com/orderlyhq/orderly/internal/fake"
)

// uses says which test uses a file, by the beginning of its name.
var uses = []struct{ prefix, test string }{
	{"jsonrpc-", "TestRecordedCallsAreAnsweredAsOdooDid"},
	{"http-", "TestRecordedCallsAreAnsweredAsOdooDid"},
	{"json2-calls", "TestPublishedCalls"},
	{"json2-sale-order-search-read", "TestPublishedOrders"},
	{"json2-", "TestRecordedJSON2CallsAreAnsweredAsOdooDid"},
	{"session-", "TestRecordedSessionsAreAnsweredAsOdooDid"},
	{"webhook-2", "TestRecordedWebhooksAreReceived"},
	{"webhook-0", "TestRecordedCallsThatTheConnectorDoesNotMake"},
	{"xmlrpc-", "TestRecordedCallsThatTheConnectorDoesNotMake"},
	{"fields-18.0", "TestTheFakesFieldsAreOdoos"},
	{"community-restful-module", "TestTheCommunityModulesForm"},
}

func TestEveryContractFileIsUsed(t *testing.T) {
	dir := contracttest.Dir(t, "odoo")
	seen := 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".md") {
			return err
		}
		seen++
		if !slices.ContainsFunc(uses, func(u struct{ prefix, test string }) bool { return strings.HasPrefix(entry.Name(), u.prefix) }) {
			t.Errorf("no test uses %s", path)
		}
		return nil
	})
	if err != nil || seen < 250 {
		t.Errorf("%d files, %v", seen, err)
	}
}

func contractJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(contracttest.Files(t, "odoo", name)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// openConn opens a connection to a pretend Odoo without a network.
func openConn(t testing.TB, v *odoofake.Vendor, more map[string]string) *connector.Conn {
	t.Helper()
	values := v.Settings()
	base := values["base_url"]
	delete(values, "base_url")
	maps.Copy(values, more)
	conn, err := connector.Open(t.Context(), odoo.Definition(), values, connector.Env{
		Connection: "erp", BaseURL: base, HTTP: &http.Client{Transport: direct{v}}, Now: time.Now, State: state{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// state is a connector.State for one goroutine.
type state map[string][]byte

func (s state) Load(_ context.Context, name string) ([]byte, error) { return s[name], nil }

func (s state) Update(ctx context.Context, name string, change func(context.Context, []byte) ([]byte, error)) ([]byte, error) {
	value, err := change(ctx, s[name])
	if err == nil {
		s[name] = value
	}
	return value, err
}

// direct brings requests to a handler.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.handler.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// Webhooks have no proof but the secret in their address, and tell of a record that may not be
// committed yet.
func TestRecordedWebhooksAreReceived(t *testing.T) {
	received := 0
	for _, e := range contracttest.Recorded(t, "odoo") {
		name := filepath.Base(e.File)
		if !strings.HasPrefix(name, "webhook-2") {
			continue
		}
		if !e.Delivery() { // how the rule was made that sends them
			if !bytes.Contains(e.Request.Body, []byte(`"state":"webhook"`)) {
				t.Errorf("%s makes no webhook", e.File)
			}
			continue
		}
		v := odoofake.New(fake.Options{BaseURL: "https://odoo.test"})
		conn := openConn(t, v, map[string]string{"quotations": "true"}) // the recorded order is one
		receive := func(address string) (connector.Receipt, error) {
			return conn.Receiver.Receive(connector.Request{Method: http.MethodPost, URL: address, Header: e.Request.Header, Body: e.Request.Body, At: time.Now()})
		}
		secret := v.Settings()["webhook_secret"]
		receipt, err := receive("https://orderly.test/hooks/erp/" + secret)
		if err != nil || len(receipt.Events) != 1 {
			t.Errorf("%s: %d events, %v", e.File, len(receipt.Events), err)
			continue
		}
		if event := receipt.Events[0]; event.Ref != (connector.Ref{Kind: commerce.KindOrder, ID: "10"}) || event.Body != nil || event.Wait <= 0 {
			t.Errorf("%s: event %+v; want a thin one of order 10 that waits for the commit", e.File, event)
		}
		for _, address := range []string{"https://orderly.test/hooks/erp", "https://orderly.test/hooks/erp/" + secret + "x", "https://orderly.test/hooks/erp/guess"} {
			if _, err := receive(address); connector.KindOf(err) != connector.KindForbidden {
				t.Errorf("%s at %s: %v; want KindForbidden", e.File, address, err)
			}
		}
		received++
	}
	if received < 9 {
		t.Errorf("%d deliveries were received; there are more", received)
	}
}

// The connector speaks JSON-RPC and JSON-2: XML-RPC says the same in another form, and Odoo's own
// incoming webhooks give no answer by which a document could be found. Their recordings must at least be
// what they claim to be.
func TestRecordedCallsThatTheConnectorDoesNotMake(t *testing.T) {
	twins := map[string]string{ // the fault of XML-RPC to the exception of JSON-RPC
		"xmlrpc-10-fault-access-denied": "Access Denied", "xmlrpc-12-fault-user-error": "not in a state requiring confirmation",
		"xmlrpc-14-fault-missing": "Record does not exist or has been deleted.", "xmlrpc-15-fault-unknown-field": "Invalid field",
	}
	for _, e := range contracttest.Recorded(t, "odoo") {
		name := shortName(e)
		switch {
		case strings.HasPrefix(name, "xmlrpc-"):
			if !bytes.Contains(e.Response.Body, []byte("<methodResponse>")) {
				t.Errorf("%s is no answer of XML-RPC", e.File)
			}
			if fault := strings.Contains(name, "fault"); bytes.Contains(e.Response.Body, []byte("<fault>")) != fault {
				t.Errorf("%s: a fault is there or not against its name", e.File)
			}
			if text := twins[name]; !bytes.Contains(e.Response.Body, []byte(text)) {
				t.Errorf("%s does not say %q", e.File, text)
			}
		case strings.HasPrefix(name, "webhook-0") && strings.HasPrefix(e.Request.Path, "/web/hook/"):
			var answer struct{ Status string }
			if e.Response.Status != http.StatusMethodNotAllowed && json.Unmarshal(e.Response.Body, &answer) != nil {
				t.Errorf("%s: %s", e.File, e.Response.Body)
			}
			if (answer.Status == "ok") != (e.Response.Status == http.StatusOK) {
				t.Errorf("%s: status %d with %q", e.File, e.Response.Status, answer.Status)
			}
		}
	}
}

func TestTheFakesFieldsAreOdoos(t *testing.T) {
	var published struct {
		Models map[string]map[string]struct {
			Type     string
			Relation string
		}
	}
	contractJSON(t, "fields-18.0.json", &published)
	v := odoofake.New(fake.Options{BaseURL: "https://odoo.test", Catalog: fake.DefaultCatalog()}, odoofake.Version(18))
	// Where the fake is simpler than Odoo on purpose.
	simpler := map[string]string{
		"account.payment.register.line_ids": "the fake keeps an invoice whole, without journal items",
		"res.partner.lang":                  "the fake has no table of languages",
	}
	checked := 0
	for model, fields := range published.Models {
		for name, field := range v.Fields(model) {
			known, ok := fields[name]
			if !ok { // the list leaves out what a model inherits, and fields of one's own begin with x_
				continue
			}
			checked++
			if simpler[model+"."+name] != "" {
				continue
			}
			if known.Type != field[0] || (known.Relation != "" && known.Relation != field[1]) {
				t.Errorf("%s.%s is a %s of %q in Odoo, here a %s of %q", model, name, known.Type, known.Relation, field[0], field[1])
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d fields could be compared", checked)
	}
}

func TestPublishedCalls(t *testing.T) {
	var calls map[string]json.RawMessage
	contractJSON(t, "json2-calls.json", &calls)
	for name, text := range calls {
		var call struct {
			Request struct {
				Method, Path string
				Headers      map[string]string
				Body         map[string]any
			}
		}
		if json.Unmarshal(text, &call) != nil || call.Request.Path == "" {
			continue // a remark
		}
		if name == "version" {
			if call.Request.Path != "/web/version" {
				t.Errorf("the version is asked at %s; the connector asks /web/version", call.Request.Path)
			}
			continue
		}
		rest, ok := strings.CutPrefix(call.Request.Path, "/json/2/")
		if model, method, found := strings.Cut(rest, "/"); !ok || !found || model == "" || method == "" || call.Request.Method != http.MethodPost {
			t.Errorf("%s: %s %s is no call of JSON-2", name, call.Request.Method, call.Request.Path)
		}
		if !strings.HasPrefix(call.Request.Headers["Authorization"], "bearer ") {
			t.Errorf("%s is signed in by %q; the connector sends a bearer key", name, call.Request.Headers["Authorization"])
		}
	}
}

// TestPublishedOrders decodes orders as a real Odoo 19 gave them, with false for what is empty.
func TestPublishedOrders(t *testing.T) {
	var exchange struct {
		Response struct{ Body []json.RawMessage }
	}
	contractJSON(t, "json2-sale-order-search-read.json", &exchange)
	if len(exchange.Response.Body) == 0 {
		t.Fatal("there is no order")
	}
	for _, order := range exchange.Response.Body {
		body, err := json.Marshal(map[string]json.RawMessage{"order": order, "lines": json.RawMessage("[]")})
		if err != nil {
			t.Fatal(err)
		}
		o, err := odoo.Definition().New().(connector.SourceConfig).Decoder().DecodeOrder(connector.Raw{Ref: connector.Ref{Kind: commerce.KindOrder}, Body: body})
		if err != nil {
			t.Errorf("%v\n%s", err, order)
			continue
		}
		var head struct {
			Name   string
			Total  json.Number `json:"amount_total"`
			Number int64       `json:"id"`
		}
		if err := json.Unmarshal(order, &head); err != nil {
			t.Fatal(err)
		}
		if o.OrderNumber != head.Name || o.Totals.TaxInclusive.Amount.String() != head.Total.String() || o.DocumentCurrency == "" {
			t.Errorf("order %s: number %s, total %s in %s", head.Name, o.OrderNumber, o.Totals.TaxInclusive, o.DocumentCurrency)
		}
	}
}

// TestTheCommunityModulesForm sends the calls of the module's documentation to the fake.
func TestTheCommunityModulesForm(t *testing.T) {
	var form map[string]json.RawMessage
	contractJSON(t, "community-restful-module.json", &form)
	for _, name := range []string{"token", "list", "create", "confirm"} {
		if form[name] == nil {
			t.Fatalf("the file has no %s", name)
		}
	}
	v := odoofake.New(fake.Options{BaseURL: "https://odoo.test", Catalog: fake.DefaultCatalog()}, odoofake.Version(18), odoofake.RESTModule())
	conn := openConn(t, v, nil)
	if _, err := conn.Connector.Check(t.Context()); err != nil {
		t.Fatalf("sign in and read: %v", err)
	}
	if _, err := conn.Orders.FindOrders(t.Context(), []connector.Key{"shop-1001"}); err != nil {
		t.Fatalf("search: %v", err)
	}
	if unexpected := v.Stats().Unexpected; len(unexpected) > 0 {
		t.Errorf("requests that the module does not know: %v", unexpected)
	}
}
