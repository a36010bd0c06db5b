package contracttest

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layout makes a checkout with a module in project/ and, beside it, the named files under shared/contracts/.
func layout(t *testing.T, files ...string) (module string) {
	t.Helper()
	root := t.TempDir()
	write := func(name string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("project/go.mod")
	write("project/deep/down/a.go")
	for _, file := range files {
		write("shared/contracts/" + file)
	}
	return filepath.Join(root, "project")
}

func TestContractsAreFoundBesideTheModuleFromAnyPackageInIt(t *testing.T) {
	module := layout(t, "shopify/order.json")
	t.Chdir(filepath.Join(module, "deep", "down"))

	got := Dir(t, "shopify")
	want := filepath.Join(filepath.Dir(module), "shared", "contracts", "shopify")
	if got != want {
		t.Errorf("Dir = %s, want %s", got, want)
	}
}

func TestAbsentFolderSkipsTheTest(t *testing.T) {
	t.Chdir(layout(t))
	contracts, err := contractsDir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := systemDir(contracts, "shopify"); !errors.Is(err, errAbsent) {
		t.Errorf("error = %v, want %v", err, errAbsent)
	}

	var after testing.TB
	t.Run("asks", func(t *testing.T) {
		after = t
		Dir(t, "shopify")
		t.Error("the test went on without contract data")
	})
	if !after.Skipped() {
		t.Error("a test without contract data was not skipped")
	}
}

func TestMissingDataInAPresentFolderIsAnError(t *testing.T) {
	t.Chdir(layout(t, "shopify/order.json", "shopify/empty.json/file", "odoo/recorded/README.md"))
	contracts, err := contractsDir()
	if err != nil {
		t.Fatal(err)
	}

	if _, err := systemDir(contracts, "shopfiy"); err == nil || errors.Is(err, errAbsent) {
		t.Errorf("unknown system: error = %v, want one that fails the test", err)
	}
	shopify := filepath.Join(contracts, "shopify")
	if _, err := matches(shopify, "customer*.json"); err == nil {
		t.Error("a pattern without a match gives no error")
	}
	if _, err := matches(shopify, "[order.json"); err == nil {
		t.Error("a malformed pattern gives no error")
	}
	for _, system := range []string{"shopify", "odoo"} {
		if _, err := recorded(filepath.Join(contracts, system)); err == nil {
			t.Errorf("%s has no recorded exchange, and that gives no error", system)
		}
	}
}

func TestFilesAreSortedAndLeaveOutFolders(t *testing.T) {
	t.Chdir(layout(t, "odoo/recorded/18.0/b.json", "odoo/recorded/17.0/c.json", "odoo/recorded/17.0/a.json", "odoo/recorded/17.0/d.json/e"))

	var got []string
	for _, file := range Files(t, "odoo", "recorded/*/*.json") {
		name, err := filepath.Rel(Dir(t, "odoo"), file)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.ToSlash(name))
	}
	want := []string{"recorded/17.0/a.json", "recorded/17.0/c.json", "recorded/18.0/b.json"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestRecordedExchangesAreReadExactly(t *testing.T) {
	got, err := recorded("testdata")
	if err != nil {
		t.Fatal(err)
	}
	const product = "A server 1.0"
	want := []Exchange{
		{
			File: "recorded/1.0/exchange.json", Title: "JSON both ways", Product: product, Note: "a note",
			Request: Request{
				Method: "POST", Path: "/orders?dp=2",
				Header: http.Header{"Host": {"127.0.0.1:8070"}, "Content-Type": {"application/json"}},
				Body:   []byte(`{"z":1,"a":[false,"ü","<"]}`),
			},
			Response: Response{
				Status: 200, Reason: "OK",
				Header: http.Header{"Set-Cookie": {"a=1", "b=2"}, "X-Wp-Total": {"7"}},
				Body:   []byte(`{"price":9.950000000000001,"total":50.0,"big":12345678901234567890}`),
			},
		},
		{
			File: "recorded/1.0/no-body.json", Title: "nothing sent, null answered", Product: product,
			Request: Request{Method: "GET", Path: "/", Header: http.Header{}},
			Response: Response{
				Status: 200, Reason: "OK",
				Header: http.Header{"Content-Length": {"4"}, "Content-Type": {"application/json"}},
				Body:   []byte("null"),
			},
		},
		{
			File: "recorded/1.0/text.json", Title: "text both ways", Product: product,
			Request:  Request{Method: "POST", Path: "/", Header: http.Header{}, Body: []byte("{bad json")},
			Response: Response{Status: 400, Reason: "Bad Request", Header: http.Header{}, Body: []byte("<!doctype html>\n")},
		},
		{
			File: "recorded/webhook.json", Title: "a delivery", Product: product, Secret: "whsec-fake",
			Request: Request{
				Method: "POST", Path: "/hook", Header: http.Header{"X-Wc-Webhook-Id": {"6"}},
				Body: []byte("{\"id\": 33,\n \"name\":\"Gr\\u00fc\\u00dfe\"}"),
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exchanges (-want +got):\n%s", diff)
	}
	for _, exchange := range got {
		if want := exchange.File == "recorded/webhook.json"; exchange.Delivery() != want {
			t.Errorf("%s: Delivery = %v, want %v", exchange.File, exchange.Delivery(), want)
		}
	}
}

func TestFilesOfAnotherFormAreRefused(t *testing.T) {
	const whole = `{"title": "t", "product": "p",
		"request": {"method": "GET", "path": "/", "headers": {}, "body": null},
		"response": {"status": 200, "reason": "OK", "headers": [["A", "b"]], "body": "x"}}`
	if _, err := decodeExchange([]byte(whole)); err != nil {
		t.Fatalf("the form that the cases start from: %v", err)
	}
	for name, change := range map[string][2]string{
		"unknown field":              {`"title"`, `"extra": 1, "title"`},
		"no title":                   {`"title": "t", `, ``},
		"no method":                  {`"method": "GET", `, ``},
		"no status":                  {`"status": 200, `, ``},
		"header without a value":     {`["A", "b"]`, `["A"]`},
		"header of a wrong type":     {`{}`, `{"A": 1}`},
		"raw body beside a response": {`"body": null`, `"body_raw": ""`},
		"no response":                {`{"status": 200, "reason": "OK", "headers": [["A", "b"]], "body": "x"}`, `null`},
		"two exchanges in one file":  {`"body": "x"}}`, `"body": "x"}} {}`},
		"cut off":                    {`"body": "x"}}`, `"body": "x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(whole, change[0], change[1], 1)
			if text == whole {
				t.Fatalf("%q is not in the text, so nothing was changed", change[0])
			}
			if exchange, err := decodeExchange([]byte(text)); err == nil {
				t.Errorf("accepted as %+v", exchange)
			}
		})
	}
}

// Servers and senders stated how long their bodies are, so it can be counted whether these come back whole.
func TestRecordedBodiesAreWhole(t *testing.T) {
	for _, system := range []string{"odoo", "prestashop", "woocommerce"} {
		t.Run(system, func(t *testing.T) {
			counted, parsed := 0, 0
			for _, exchange := range Recorded(t, system) {
				header, body := exchange.Response.Header, exchange.Response.Body
				if exchange.Delivery() {
					header, body = exchange.Request.Header, exchange.Request.Body
				}
				isJSON := strings.HasPrefix(header.Get("Content-Type"), "application/json")
				if isJSON && len(body) > 0 && exchange.Request.Method != http.MethodHead {
					parsed++
					if !json.Valid(body) {
						t.Errorf("%s: Content-Type says JSON, the body is %.60q", exchange.File, body)
					}
				}
				// Parsed bodies lost their white space, and the recorder shortened the file paths of tracebacks.
				length := header.Get("Content-Length")
				if length == "" || (isJSON && !exchange.Delivery()) || strings.Contains(string(body), "Traceback") {
					continue
				}
				counted++
				if length != strconv.Itoa(len(body)) {
					t.Errorf("%s: the body has %d bytes, Content-Length says %s", exchange.File, len(body), length)
				}
			}
			if counted == 0 || parsed == 0 {
				t.Errorf("%d bodies counted, %d of JSON: the test checks nothing", counted, parsed)
			}
		})
	}
}
