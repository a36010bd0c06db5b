package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
)

func files(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files like %s, %v", pattern, err)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGoodFiles(t *testing.T) {
	for _, path := range files(t, "*.good.yml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, err := Parse("orderly.yaml", read(t, path), systems())
			if err != nil {
				t.Fatal(err)
			}
			if len(file.Connections) == 0 {
				t.Error("there is no connection in it")
			}
			if warned := strings.Contains(path, "warned"); warned != (len(file.Warnings) > 0) {
				t.Errorf("warnings: %v", file.Warnings)
			}
		})
	}
}

// Each file has one mistake, and the message that it must give in its first lines.
func TestBadFiles(t *testing.T) {
	for _, path := range files(t, "*.bad.yml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data := read(t, path)
			want := expected(data, "# want: ")
			if len(want) == 0 {
				t.Fatal(`the file says nothing of what is wrong with it: begin it with "# want: "`)
			}
			file, err := Parse("f", data, systems())
			var found *Error
			if file != nil || !errors.As(err, &found) {
				t.Fatalf("accepted, error %v", err)
			}
			if diff := cmp.Diff(strings.Join(want, "\n"), strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\nf:", "\n"), "f:")); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the message has the secret in it")
			}
		})
	}
}

func expected(data []byte, prefix string) (want []string) {
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), prefix); ok {
			want = append(want, text)
		}
	}
	return want
}

func TestFileIsReadInFull(t *testing.T) {
	file, err := Parse("orderly.yaml", read(t, "testdata/full.good.yml"), systems())
	if err != nil {
		t.Fatal(err)
	}
	if file.PublicURL != "https://orderly.example.com" {
		t.Errorf("public_url %q", file.PublicURL)
	}
	wantConnections := []Connection{
		{"crm", "crm", map[string]string{}},
		{"erp", "erp", map[string]string{
			"base_url": "https://erp.example.com:50000", "company": "007", "password": "${file:erp-password}", "ca_file": "/etc/ssl/erp.pem",
			"timeout": "90s", "concurrency": "8", "rate_per_second": "2.5", "proxy": "none",
		}},
		{"shop", "shop", map[string]string{
			"base_url": "https://my-shop.example.com", "access_token": "${env:SHOP_TOKEN}", "webhook_secret": "${env:A}${env:B}",
			"api_version": "2026-07", "sandbox": "true", "page_size": "25", "budget": "0.25", "patience": "1m", "scopes": "read_orders,write_orders",
		}},
	}
	if diff := cmp.Diff(wantConnections, file.Connections); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
	full := flow.NewConfig()
	full.Records = []commerce.Kind{commerce.KindOrder, commerce.KindCustomer}
	full.Triggers = flow.Triggers{Webhook: false, Schedule: "*/5 * * * *"}
	full.Since = "2026-01-31"
	full.Filter = "order.totals.payable.amount > 0"
	full.Customers = flow.Customers{Match: []connector.MatchRule{connector.MatchEmail}, Guests: flow.GuestsOneAccount, GuestAccount: "0042"}
	full.Orders.PaymentStates = []commerce.PaymentState{commerce.PaymentPaid, commerce.PaymentAuthorized}
	full.Orders.Confirm = false
	full.Orders.Invoice = flow.InvoicePaid
	full.Orders.Edits = flow.ReactHold
	full.Orders.Cancellations = flow.ReactIgnore
	full.Orders.WriteBack = true
	full.Orders.Attempts = 3
	full.Mapping.Items = map[string]string{"OLD-*": "NEW", "1001": "0815", "a.b": "dots"}
	full.Mapping.Taxes = map[string]string{"DE 19%": "USt19", "7%": "USt7"}
	full.Mapping.Payments = map[string]string{"*": "on"}
	full.Mapping.RoundingItem = "ROUND"
	full.Mapping.OrderFields = map[string]string{"client_ref": "order.customer_reference"}
	if len(file.Flows) != 2 {
		t.Fatalf("flows %v", file.Flows)
	}
	got := file.Flows[1]
	if got.Config.Orders.Tolerance == nil || got.Config.Orders.Tolerance.String() != "0.05" {
		t.Errorf("tolerance %v", got.Config.Orders.Tolerance)
	}
	full.Orders.Tolerance = got.Config.Orders.Tolerance
	wantFlows := []Flow{
		{Name: "crm-to-erp", From: "crm", To: "erp", Config: flow.NewConfig()},
		{Name: "shop-to-erp", From: "shop", To: "erp", Config: full},
	}
	if diff := cmp.Diff(wantFlows, file.Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}

func TestAliasesAndMerges(t *testing.T) {
	file, err := Parse("orderly.yaml", read(t, "testdata/aliases.good.yml"), systems())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{"base_url": "https://one.example.com", "access_token": "${env:TOKEN}", "page_size": "10"},
		{"base_url": "https://two.example.com", "access_token": "${env:TOKEN}", "page_size": "20"},
	} {
		if diff := cmp.Diff(want, file.Connections[1+i].Settings); diff != "" {
			t.Errorf("connection %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	bomb := "a: &a [1,1,1,1,1,1,1,1,1]\n"
	for c := 'b'; c < 'i'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 8) + "1]\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"aliases that grow without end", bomb, "aliases counted"},
		{"an alias of itself", "connections: &a {shop: *a}", "nothing further up is called *a"},
		{"an alias of a table around it, merged", "connections: &a\n  <<: *a\n", "nothing further up is called *a"},
		{"brackets", strings.Repeat("[", 200_000), "nested more than"},
		{"braces", strings.Repeat("{a: ", 100_000), "nested more than"},
		{"dashes", strings.Repeat("- ", 100_000), "nested more than"},
		{"anchors", strings.Repeat("&a ", 1000) + "x", "nested more than"},
		{"steps", "a:\n" + strings.Repeat(" ", 300) + "b: 1\n", "nested more than"},
		{"a large file", strings.Repeat("# comment\n", 110_000), "more than 1048576 bytes"},
		{"no text", "connections: \xff\xfe", "UTF-8"},
		{"zeros", "\x00\x00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f", []byte(c.text), systems())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestProblemsAreInOrderAndNotTooMany(t *testing.T) {
	var b strings.Builder
	b.WriteString("connections:\n")
	for range 300 {
		b.WriteString("  Shop: {}\n")
	}
	_, err := Parse("f", []byte(b.String()), systems())
	var found *Error
	if !errors.As(err, &found) || len(found.Problems) != maxProblems {
		t.Fatalf("%d problems, %v", len(found.Problems), err)
	}
	for i, p := range found.Problems {
		if i > 0 && p.Line < found.Problems[i-1].Line {
			t.Fatalf("line %d after line %d", p.Line, found.Problems[i-1].Line)
		}
	}
}

// Whatever the bytes are, there is a file or an *Error whose places lie in the file.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.good.yml", "*.bad.yml"} {
		for _, path := range files(f, pattern) {
			f.Add(read(f, path))
		}
	}
	registry := systems()
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		file, err := Parse("f", data, registry)
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v, error %v", file, err)
		}
		if err == nil {
			return
		}
		var found *Error
		if !errors.As(err, &found) || len(found.Problems) == 0 {
			t.Fatalf("error %v", err)
		}
		for _, p := range found.Problems {
			if lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1; p.Line > lines {
				t.Fatalf("line %d of %d: %s", p.Line, lines, p.Message)
			}
			if p.Message == "" {
				t.Fatal("a problem without words")
			}
		}
	})
}
