package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/orderlyhq/orderly/internal/fake"
)

// served is a sandbox behind a real listener.
type served struct {
	*testing.T
	sandbox *Sandbox
	url     string
	client  *http.Client
}

func start(t *testing.T) *served {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := assemble(Options{BaseURL: address(listener), LongestWait: 40 * time.Millisecond}, tables())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server did not stop cleanly: %v", err)
		}
		s.Close()
		transport.CloseIdleConnections()
		if err := goleak.Find(ignore); err != nil {
			t.Errorf("goroutines are left: %v", err)
		}
	})
	return &served{T: t, sandbox: s, url: address(listener), client: &http.Client{Transport: transport, Timeout: 20 * time.Second}}
}

// ask makes a request and gives status and body; it fails when no answer comes.
func (s *served) ask(method, path, body string, header ...string) (int, string) {
	s.Helper()
	status, text, err := s.try(method, path, body, header...)
	if err != nil {
		s.Fatalf("%s %s: %v", method, path, err)
	}
	return status, text
}

func (s *served) try(method, path, body string, header ...string) (int, string, error) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err
	}
	return resp.StatusCode, string(text), nil
}

// get asks the sandbox itself and reads its answer.
func (s *served) get(out any, method, path, body string, want int) {
	s.Helper()
	status, text := s.ask(method, "/_sandbox/"+path, body)
	if status != want {
		s.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, text)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(out); err != nil {
		s.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
}

func (s *served) ok(method, path, body string) {
	s.Helper()
	status, text := s.ask(method, "/_sandbox/"+path, body)
	if status/100 != 2 {
		s.Fatalf("%s %s: status %d: %s", method, path, status, text)
	}
}

// refused asks for what must be refused and gives the error.
func (s *served) refused(method, path, body string, want int) string {
	s.Helper()
	var out struct{ Error string }
	s.get(&out, method, path, body, want)
	if out.Error == "" {
		s.Fatalf("%s %s: no error is told", method, path)
	}
	return out.Error
}

// eventually waits until a condition holds.
func (s *served) eventually(what string, holds func() bool) {
	s.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline:
			s.Fatalf("never happened: %s", what)
		}
	}
}

func (s *served) teashop() *teashop {
	v, err := s.sandbox.Vendor("teashop")
	if err != nil {
		s.Fatal(err)
	}
	return v.(shopOnly).teashop
}

func TestAVendorSeesItsOwnPaths(t *testing.T) {
	s := start(t)
	_, token := s.ask("GET", "/teashop/token", "")
	for path, want := range map[string]string{
		"/teashop/a/b?c=d":       "GET /a/b?c=d ",
		"/teashop/":              "GET / ",
		"/teashop":               "GET / ",
		"/teashop/a%2Fb/c%20d":   "GET /a%2Fb/c%20d ",
		"/teashop/teashop/twice": "GET /teashop/twice ",
	} {
		if status, got := s.ask("GET", path, "", "Authorization", token); status != 200 || got != want {
			t.Errorf("%s: the vendor saw %q (%d), want %q", path, got, status, want)
		}
	}
	if status, _ := s.ask("GET", "/books/x", "", "Authorization", token); status != 401 {
		t.Errorf("the token of one vendor opens another: %d", status)
	}
}

func TestTheOverviewNamesSystemsAndEndpoints(t *testing.T) {
	s := start(t)
	var out struct {
		Systems []struct {
			Name      string
			Shop, ERP bool
			BaseURL   string `json:"base_url"`
		}
		Endpoints []string
	}
	s.get(&out, "GET", "", "", 200)
	if len(out.Systems) != 2 || !out.Systems[0].Shop || out.Systems[0].ERP || !out.Systems[1].ERP || out.Systems[0].BaseURL != s.url+"/teashop" {
		t.Errorf("systems: %+v", out.Systems)
	}
	if len(out.Endpoints) != len(endpoints())+1 {
		t.Errorf("endpoints: %v", out.Endpoints)
	}
}

func TestWhatDoesNotExistIsToldInJSON(t *testing.T) {
	s := start(t)
	for name, c := range map[string]struct {
		method, path string
		status       int
		want         string
	}{
		"a misspelled system":   {"GET", "teashp/stats", 404, `no system "teashp"; did you mean "teashop"? (it has teashop, books)`},
		"a misspelled endpoint": {"GET", "teashop/stat", 404, "GET /_sandbox/{system}/stats"},
		"another method":        {"PUT", "teashop/orders", 404, "there is no PUT"},
		"an unknown parameter":  {"POST", "teashop/orders?count=3", 400, `"count" is no parameter of POST /orders, which has: n, seed, unknown`},
		"n is no number":        {"POST", "teashop/orders?n=ten", 400, `n "ten" is no whole number`},
		"n is too small":        {"POST", "teashop/orders?n=0", 400, "n 0 is not between 1 and 10000"},
		"n is too large":        {"POST", "teashop/orders?n=10001", 400, "n 10001 is not between"},
		"seed is no number":     {"POST", "teashop/orders?seed=x", 400, `seed "x"`},
		"unknown is no number":  {"POST", "teashop/orders?unknown=half", 400, `unknown "half"`},
		"unknown is too large":  {"POST", "teashop/orders?unknown=1001", 400, "unknown 1001 is not between 0 and 1000"},
		"no such order":         {"POST", "teashop/orders/99/change", 404, `no order "99"`},
		"cancel no such order":  {"POST", "teashop/orders/99/cancel", 409, "no such order"},
		"an ability it has not": {"DELETE", "teashop/orders/1", 409, "teashop does not delete orders"},
		"no hand to disable":    {"POST", "teashop/webhooks/disable", 409, "teashop does not switch webhooks off"},
		"no address":            {"POST", "teashop/webhooks/subscribe", 409, "an address is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.refused(c.method, c.path, "", c.status); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want it to say %q", got, c.want)
			}
		})
	}
	if status, text := s.ask("GET", "/nothing", ""); status != 404 || !strings.Contains(text, `{"error":"the sandbox has no system`) {
		t.Errorf("outside: %d %s", status, text)
	}
}

func TestOrdersAreMadeChangedRefundedAndCancelled(t *testing.T) {
	s := start(t)
	var made struct {
		Orders []struct {
			ID, Number string
			MustHold   string `json:"must_hold"`
		}
	}
	s.get(&made, "POST", "teashop/orders?n=20&seed=4&unknown=500", "", 201)
	if len(made.Orders) != 20 || made.Orders[0].ID != "1" || made.Orders[19].Number != "#20" {
		t.Fatalf("made %+v", made.Orders)
	}
	var held struct{ Orders []Order }
	s.get(&held, "GET", "teashop/orders", "", 200)
	if len(held.Orders) != 20 {
		t.Fatalf("the shop has %d orders", len(held.Orders))
	}
	unknown := 0
	for i, order := range held.Orders {
		proof, err := order.Prove()
		if err != nil || !proof.AddsUp {
			t.Errorf("order %d does not add up: %v %v", i, err, proof)
		}
		if order.MustHold != made.Orders[i].MustHold || order.MustHold != fake.DefaultCatalog().MustHold(order.Order) {
			t.Errorf("order %d: must hold %q, but %q when it was made", i, order.MustHold, made.Orders[i].MustHold)
		}
		if order.MustHold != "" {
			unknown++
		}
	}
	if unknown < 4 || unknown > 16 {
		t.Errorf("%d of 20 orders have an unknown article; about half was asked for", unknown)
	}

	before := text(t, held.Orders[2].Order)
	s.ok("POST", "teashop/orders/3/change", "")
	s.get(&held, "GET", "teashop/orders", "", 200)
	if text(t, held.Orders[2].Order) == before {
		t.Error("change changed nothing")
	}

	s.ok("POST", "teashop/orders/5/cancel", "")
	s.get(&held, "GET", "teashop/orders", "", 200)
	if got := held.Orders[4].OrderState; got != "cancelled" {
		t.Errorf("order 5 is %s", got)
	}
	if got := s.refused("POST", "teashop/orders/5/change", "", 409); !strings.Contains(got, "is cancelled") {
		t.Errorf("changing a cancelled order: %s", got)
	}

	refunded := 0
	for i, order := range held.Orders {
		if order.OrderState == "cancelled" {
			continue
		}
		status, body := s.ask("POST", fmt.Sprintf("/_sandbox/teashop/orders/%d/refund", i+1), "")
		switch {
		case status == 200:
			refunded++
		case status != 409 || order.Totals.Prepaid.Amount.GreaterThanOrEqual(order.Totals.TaxInclusive.Amount) && order.Totals.TaxInclusive.Amount.IsPositive():
			t.Errorf("refund of order %d (%s of %s paid): %d %s", i+1, order.Totals.Prepaid, order.Totals.TaxInclusive, status, body)
		}
	}
	s.get(&held, "GET", "teashop/orders", "", 200)
	for i, order := range held.Orders {
		if got := len(order.Refunds); got > 0 {
			refunded--
			if proof, err := order.Prove(); err != nil || !proof.AddsUp || !order.Totals.Refunded.Amount.IsPositive() || order.Refunds[0].Lines[0].LineID == "" {
				t.Errorf("refund of order %d: %v %v %+v", i+1, err, proof, order.Refunds)
			}
		}
	}
	if refunded != 0 {
		t.Errorf("%d refunds are not in the orders", refunded)
	}
}

func text(t *testing.T, v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestASeedGoesOnWhereItStopped(t *testing.T) {
	make10 := func(calls int) string {
		s, err := assemble(Options{}, tables())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range calls {
			if _, err := s.Make("teashop", MakeOptions{N: 10 / calls, Seed: 3}); err != nil {
				t.Fatal(err)
			}
		}
		orders, err := s.Orders("teashop")
		if err != nil {
			t.Fatal(err)
		}
		return text(t, orders)
	}
	if make10(1) != make10(5) {
		t.Error("ten orders at once are others than five times two")
	}
}

func TestAnERPsOrdersAreAClerks(t *testing.T) {
	s := start(t)
	s.ok("POST", "books/orders?n=3", "")
	var held struct {
		Orders    []Order
		Documents []fake.Document
	}
	s.get(&held, "GET", "books/orders", "", 200)
	if len(held.Orders) != 3 || len(held.Documents) != 3 || held.Documents[0].ID != "1" || held.Documents[0].Currency == "" {
		t.Errorf("got %d orders and %+v", len(held.Orders), held.Documents)
	}
	if got := s.refused("POST", "books/orders?unknown=5", "", 409); !strings.Contains(got, "does not know") {
		t.Errorf("unknown articles in an ERP: %s", got)
	}
	if got := s.refused("POST", "books/orders/1/change", "", 409); !strings.Contains(got, "books cannot change orders") {
		t.Errorf("change: %s", got)
	}
}

func TestStatsAndSettingsAreTheVendors(t *testing.T) {
	s := start(t)
	s.ask("GET", "/teashop/token", "")
	s.ok("POST", "teashop/orders?n=2", "")
	var stats map[string]any
	s.get(&stats, "GET", "teashop/stats", "", 200)
	if stats["documents"] != 2.0 || stats["requests"] != 1.0 || stats["duplicates"] != 0.0 || stats["webhooks"] == nil {
		t.Errorf("stats: %v", stats)
	}
	var settings map[string]string
	s.get(&settings, "GET", "teashop/settings", "", 200)
	if settings["base_url"] != s.url+"/teashop" || settings["token"] != "t" {
		t.Errorf("settings: %v", settings)
	}
}

func TestOnlyTheNamedSystemsAreServed(t *testing.T) {
	s, err := assemble(Options{Systems: []string{"books", "books"}}, tables())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Systems(); len(got) != 1 || got[0] != "books" {
		t.Errorf("systems %v", got)
	}
	if _, err := s.Shop("teashop"); err == nil {
		t.Error("teashop is served, though not named")
	}
	if _, err := s.Shop("books"); err == nil || !strings.Contains(err.Error(), "is no shop") {
		t.Errorf("an ERP as a shop: %v", err)
	}
	if _, err := s.ERP("books"); err != nil {
		t.Error(err)
	}
	_, err = assemble(Options{Systems: []string{"bokks"}}, tables())
	if err == nil || !strings.Contains(err.Error(), `did you mean "books"?`) {
		t.Errorf("a misspelled system: %v", err)
	}
}

func TestFaultsOfTheAPI(t *testing.T) {
	s := start(t)
	reset := func(err error) bool { return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) }
	for name, c := range map[string]struct {
		fault  string
		status int // 0: the connection ends
		noted  int // notes that the vendor then has
		retry  string
		slow   time.Duration
	}{
		"429 with Retry-After":         {fault: `{"kind":"rate_limited","retry_after":"1.5s"}`, status: 429, retry: "2"},
		"429 without":                  {fault: `{"kind":"rate_limited"}`, status: 429},
		"500":                          {fault: `{"kind":"server_error"}`, status: 500},
		"503":                          {fault: `{"kind":"server_error","status":503}`, status: 503},
		"500 after the work":           {fault: `{"kind":"server_error","after_commit":true}`, status: 500, noted: 1},
		"cut before the work":          {fault: `{"kind":"cut"}`},
		"cut after the work":           {fault: `{"kind":"cut","after_commit":true}`, noted: 1},
		"slow":                         {fault: `{"kind":"slow","delay":"60ms"}`, status: 201, noted: 1, slow: 60 * time.Millisecond},
		"slow after the work":          {fault: `{"kind":"slow","delay":"60ms","after_commit":true}`, status: 201, noted: 1, slow: 60 * time.Millisecond},
		"slow and then 500":            {fault: `[{"kind":"slow","delay":"60ms"},{"kind":"server_error"}]`, status: 500, slow: 60 * time.Millisecond},
		"the first that ends it wins":  {fault: `[{"kind":"rate_limited"},{"kind":"cut"}]`, status: 429},
		"an expired token":             {fault: `{"kind":"expired_token"}`, status: 401},
		"another method":               {fault: `{"kind":"cut","method":"GET"}`, status: 201, noted: 1},
		"this method":                  {fault: `{"kind":"server_error","method":"POST"}`, status: 500},
		"another path":                 {fault: `{"kind":"cut","path":"/note"}`, status: 201, noted: 1},
		"this path":                    {fault: `{"kind":"server_error","path":"/notes"}`, status: 500},
		"a path with a star":           {fault: `{"kind":"server_error","path":"/n*s"}`, status: 500},
		"a path with a star elsewhere": {fault: `{"kind":"server_error","path":"*/orders"}`, status: 201, noted: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s.ok("DELETE", "teashop/faults", "")
			shop := s.teashop()
			shop.mu.Lock()
			shop.notes = nil
			shop.mu.Unlock()
			_, token := s.ask("GET", "/teashop/token", "")
			s.ok("POST", "teashop/faults", c.fault)
			s.ok("GET", "teashop/stats", "") // faults are never of the sandbox's own paths

			req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/teashop/notes", strings.NewReader("hello"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", token)
			begin := time.Now()
			resp, err := s.client.Do(req)
			if took := time.Since(begin); took < c.slow {
				t.Errorf("it took %s, want at least %s", took, c.slow)
			}
			switch {
			case c.status == 0:
				if err == nil {
					resp.Body.Close()
					t.Fatalf("an answer with status %d; the connection was to end", resp.StatusCode)
				}
				if !reset(err) {
					t.Errorf("error %v, want the end of the connection", err)
				}
			case err != nil:
				t.Fatal(err)
			default:
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != c.status || resp.Header.Get("Retry-After") != c.retry {
					t.Errorf("status %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
				}
				if c.status == 201 && (string(body) != "POST /notes hello" || resp.Header.Get("Location") != s.url+"/teashop/notes/1") {
					t.Errorf("the vendor's answer did not come through: %q %v", body, resp.Header)
				}
			}
			shop.mu.Lock()
			defer shop.mu.Unlock()
			if len(shop.notes) != c.noted {
				t.Errorf("the vendor has %d notes, want %d", len(shop.notes), c.noted)
			}
		})
	}
}

func TestFaultsAreOfOneSystem(t *testing.T) {
	s := start(t)
	s.ok("POST", "teashop/faults", `{"kind":"cut"}`)
	if status, _ := s.ask("GET", "/books/token", ""); status != 200 {
		t.Errorf("another system's fault strikes: %d", status)
	}
}

func TestRateAndCount(t *testing.T) {
	s := start(t)
	strikes := func(fault string, requests int) (pattern string) {
		t.Helper()
		s.ok("DELETE", "teashop/faults", "")
		s.ok("POST", "teashop/faults", fault)
		for range requests {
			if status, _ := s.ask("GET", "/teashop/token", ""); status == 500 {
				pattern += "x"
			} else {
				pattern += "."
			}
		}
		return pattern
	}
	if got := strikes(`{"kind":"server_error","count":2}`, 5); got != "xx..." {
		t.Errorf("count 2: %s", got)
	}
	half := strikes(`{"kind":"server_error","rate":0.5,"seed":1}`, 100)
	if n := strings.Count(half, "x"); n < 30 || n > 70 {
		t.Errorf("rate 0.5 struck %d of 100", n)
	}
	if again := strikes(`{"kind":"server_error","rate":0.5,"seed":1}`, 100); again != half {
		t.Errorf("the same seed struck others:\n%s\n%s", half, again)
	}
	if other := strikes(`{"kind":"server_error","rate":0.5,"seed":2}`, 100); other == half {
		t.Error("another seed struck the same")
	}
	if got := strikes(`{"kind":"server_error","rate":0.5,"count":3,"seed":1}`, 100); strings.Count(got, "x") != 3 || !strings.HasPrefix(half, strings.TrimRight(got, ".")) {
		t.Errorf("rate and count: %s", got)
	}
	var listed struct{ Faults []map[string]any }
	s.get(&listed, "GET", "teashop/faults", "", 200)
	if len(listed.Faults) != 1 || listed.Faults[0]["struck"] != 3.0 || listed.Faults[0]["rate"] != 0.5 || listed.Faults[0]["kind"] != "server_error" {
		t.Errorf("listed %v", listed.Faults)
	}
	s.ok("POST", "teashop/faults", `{"kind":"slow","delay":"1.5s","path":"/x"}`)
	s.get(&listed, "GET", "teashop/faults", "", 200)
	if len(listed.Faults) != 2 || listed.Faults[1]["delay"] != "1.5s" {
		t.Errorf("a second one is not beside the first: %v", listed.Faults)
	}
	s.ok("DELETE", "teashop/faults", "")
	s.get(&listed, "GET", "teashop/faults", "", 200)
	if len(listed.Faults) != 0 {
		t.Errorf("after DELETE: %v", listed.Faults)
	}
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	s := start(t)
	for name, c := range map[string]struct{ body, want string }{
		"nothing":                   {"", "the body names no fault"},
		"no JSON":                   {"kind=slow", "faults are a JSON object"},
		"more than JSON":            {`{"kind":"cut"} {"kind":"cut"}`, "faults are a JSON object"},
		"brackets":                  {`[{"kind":"cut"}] x`, "something after the JSON"},
		"an empty list":             {`[]`, "DELETE ends them all"},
		"an unknown field":          {`{"kind":"cut","often":1}`, `unknown field "often"`},
		"an unknown kind":           {`{"kind":"explode"}`, `kind "explode" is none of cut, expired_token, rate_limited, server_error, slow, webhook_duplicated, webhook_lost, webhook_reordered`},
		"no kind":                   {`{"rate":0.1}`, `kind "" is none of`},
		"the second of two":         {`[{"kind":"cut"},{"kind":"explode"}]`, "faults[1]: "},
		"a rate of zero":            {`{"kind":"cut","rate":0}`, "rate 0 is not above 0 and at most 1"},
		"a rate above one":          {`{"kind":"cut","rate":1.1}`, "rate 1.1 is not above 0 and at most 1"},
		"a rate of text":            {`{"kind":"cut","rate":"often"}`, "rate"},
		"a count of zero":           {`{"kind":"cut","count":0}`, "count 0 is not 1 or more"},
		"slow without a delay":      {`{"kind":"slow"}`, "slow needs a delay"},
		"a delay that is none":      {`{"kind":"slow","delay":"soon"}`, `delay "soon" is no duration`},
		"a delay below zero":        {`{"kind":"slow","delay":"-1s"}`, `delay "-1s" is no duration`},
		"a delay without end":       {`{"kind":"slow","delay":"11m"}`, `delay "11m" is no duration above 0 and up to 10m0s`},
		"a field of another kind":   {`{"kind":"cut","delay":"1s"}`, "delay is no field of cut, which has after_commit, method, path, rate, count, seed"},
		"a status that is no fault": {`{"kind":"server_error","status":404}`, "status 404 is not between 500 and 599"},
		"a status of zero":          {`{"kind":"server_error","status":0}`, "status 0 is not between 500 and 599"},
		"a method in small letters": {`{"kind":"cut","method":"post"}`, `method "post" is none of GET`},
		"a method of a webhook":     {`{"kind":"webhook_lost","method":"POST"}`, "method is no field of webhook_lost"},
		"a path that begins oddly":  {`{"kind":"cut","path":"orders"}`, `path "orders" begins with neither / nor *`},
		"a count of strikes":        {`{"kind":"cut","struck":1}`, "struck is told, not given"},
		"a seed below zero":         {`{"kind":"cut","seed":-1}`, "seed"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.refused("POST", "teashop/faults", c.body, 400); !strings.Contains(got, c.want) || strings.Contains(got, "Go ") {
				t.Errorf("got %q, want it to say %q", got, c.want)
			}
		})
	}
	if list, err := s.sandbox.Faults("teashop"); err != nil || len(list) != 0 {
		t.Errorf("refused faults are switched on: %v %v", list, err)
	}
	many := "[" + strings.Repeat(`{"kind":"cut"},`, maxFaults) + `{"kind":"cut"}]`
	if got := s.refused("POST", "teashop/faults", many, 400); !strings.Contains(got, "101 faults are more than the 100") {
		t.Errorf("too many: %s", got)
	}
	if err := s.sandbox.SetFaults("teashop", Fault{Kind: Slow}); err == nil || !strings.Contains(err.Error(), "faults[0]: slow needs a delay") {
		t.Errorf("the Go API takes what HTTP refuses: %v", err)
	}
}

func FuzzParseFaults(f *testing.F) {
	f.Add([]byte(`{"kind":"slow","delay":"1s","rate":0.1}`))
	f.Add([]byte(`[{"kind":"cut","after_commit":true},{"kind":"webhook_lost","path":"/hooks/*"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := ParseFaults(body)
		if (err == nil) == (len(list) == 0) {
			t.Fatalf("%d faults and error %v", len(list), err)
		}
		for _, fault := range list {
			if fault.check() != nil {
				t.Fatalf("a fault was read that is none: %+v", fault)
			}
			a := armed{Fault: fault}
			a.Rate = 0
			a.strikes(http.MethodPost, "/hooks/shop")
		}
	})
}

func TestPatternsOfPaths(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/a", "/a", true}, {"/a", "/ab", false}, {"*", "", true}, {"*", "/a/b", true}, {"/a*", "/a/b", true},
		{"/a*", "/b/a", false}, {"*/orders", "/x/orders", true}, {"*/orders", "/orders/1", false},
		{"/x/*/y", "/x/1/2/y", true}, {"/x/*/y", "/x/y", false}, {"/a*b*c", "/a1b2c", true}, {"/a*b*c", "/a1c2b", false},
		{"/aba*ba", "/aba", false}, {"/aba*ba", "/ababa", true}, {"**", "/", true},
	} {
		if got := matches(c.pattern, c.path); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.path, got)
		}
	}
}

// inbox receives webhooks over HTTP.
type inbox struct {
	url string

	mu     sync.Mutex
	bodies []string
	answer func(n int) int // status for the nth attempt, from 1; nil is 200
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		if r.Method != http.MethodPost || r.Header.Get("X-Topic") != "orders" {
			t.Errorf("the webhook came as %s with %v", r.Method, r.Header)
		}
		in.bodies = append(in.bodies, string(body))
		if in.answer != nil {
			w.Header().Set("Location", "/hooks/teashop") // which nobody may follow
			w.WriteHeader(in.answer(len(in.bodies)))
		}
	})}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in.url = address(listener) + "/hooks/teashop"
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return in
}

func (in *inbox) got() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]string(nil), in.bodies...)
}

// webhooks waits until none is pending and gives the counts.
func (s *served) webhooks() WebhookStats {
	s.Helper()
	var stats Stats
	s.eventually("no webhook is pending", func() bool {
		s.get(&stats, "GET", "teashop/stats", "", 200)
		return stats.Webhooks.Pending == 0
	})
	return stats.Webhooks
}

func (s *served) ends() []bool {
	shop := s.teashop()
	shop.mu.Lock()
	defer shop.mu.Unlock()
	return append([]bool(nil), shop.ends...)
}

func TestWebhooksArriveOverHTTP(t *testing.T) {
	in := newInbox(t)
	s := start(t)
	s.ok("POST", "teashop/webhooks/subscribe?address="+in.url, "")
	s.ok("POST", "teashop/orders?n=30", "")
	if got, want := s.webhooks(), (WebhookStats{Sent: 30, Delivered: 30, Attempts: 30}); got != want {
		t.Errorf("webhooks %+v, want %+v", got, want)
	}
	seen := map[string]bool{}
	for _, body := range in.got() {
		seen[body] = true
	}
	if len(seen) != 30 {
		t.Errorf("%d different webhooks arrived", len(seen))
	}
	s.ok("POST", "teashop/orders/7/change", "")
	s.ok("POST", "teashop/orders/7/cancel", "")
	s.webhooks()
	if got := in.got(); len(got) != 32 || got[31] != `{"id":"7"}` {
		t.Errorf("change and cancel told nothing: %v", got[30:])
	}
	if ends := s.ends(); len(ends) != 32 || !ends[0] {
		t.Errorf("the vendor heard of %d deliveries", len(ends))
	}
}

func TestWebhooksAreRetriedAsTheVendorDoes(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(n int) int
		want   WebhookStats
		end    bool
	}{
		"the second attempt is taken":  {func(n int) int { return map[int]int{1: 500}[n] + 200*min(n-1, 1) }, WebhookStats{Sent: 1, Delivered: 1, Attempts: 2}, true},
		"the last attempt is taken":    {func(n int) int { return []int{503, 404, 204}[n-1] }, WebhookStats{Sent: 1, Delivered: 1, Attempts: 3}, true},
		"no attempt is taken":          {func(int) int { return 410 }, WebhookStats{Sent: 1, Failed: 1, Attempts: 3}, false},
		"a redirect is not followed":   {func(int) int { return 302 }, WebhookStats{Sent: 1, Failed: 1, Attempts: 3}, false},
		"what is taken is not retried": {func(int) int { return 202 }, WebhookStats{Sent: 1, Delivered: 1, Attempts: 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			in.answer = c.answer
			s := start(t)
			s.ok("POST", "teashop/webhooks/subscribe?address="+in.url, "")
			s.ok("POST", "teashop/orders", "")
			if got := s.webhooks(); got != c.want {
				t.Errorf("webhooks %+v, want %+v", got, c.want)
			}
			if got := s.ends(); len(got) != 1 || got[0] != c.end {
				t.Errorf("the vendor heard %v", got)
			}
			if got := in.got(); len(got) != c.want.Attempts {
				t.Errorf("%d attempts arrived", len(got))
			}
		})
	}
}

func TestAReceiverThatIsDownIsRetried(t *testing.T) {
	s := start(t)
	s.ok("POST", "teashop/webhooks/subscribe?address=http://127.0.0.1:1/hooks", "")
	s.ok("POST", "teashop/orders", "")
	if got, want := s.webhooks(), (WebhookStats{Sent: 1, Failed: 1, Attempts: 3}); got != want {
		t.Errorf("webhooks %+v, want %+v", got, want)
	}
}

func TestFaultsOfWebhooks(t *testing.T) {
	for name, c := range map[string]struct {
		fault   string
		want    WebhookStats
		arrived int
	}{
		"lost":                {`{"kind":"webhook_lost","count":4}`, WebhookStats{Sent: 10, Delivered: 6, Lost: 4, Attempts: 6}, 6},
		"duplicated":          {`{"kind":"webhook_duplicated","count":4}`, WebhookStats{Sent: 10, Delivered: 10, Duplicated: 4, Attempts: 14}, 14},
		"reordered":           {`{"kind":"webhook_reordered","count":1,"delay":"100ms"}`, WebhookStats{Sent: 10, Delivered: 10, Reordered: 1, Attempts: 10}, 10},
		"to this address":     {`{"kind":"webhook_lost","path":"/hooks/teashop"}`, WebhookStats{Sent: 10, Lost: 10}, 0},
		"to another address":  {`{"kind":"webhook_lost","path":"/hooks/other"}`, WebhookStats{Sent: 10, Delivered: 10, Attempts: 10}, 10},
		"faults of the API":   {`{"kind":"server_error"}`, WebhookStats{Sent: 10, Delivered: 10, Attempts: 10}, 10},
		"lost and duplicated": {`[{"kind":"webhook_duplicated"},{"kind":"webhook_lost"}]`, WebhookStats{Sent: 10, Lost: 10}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			s := start(t)
			s.ok("POST", "teashop/webhooks/subscribe?address="+in.url, "")
			s.ok("POST", "teashop/faults", c.fault)
			s.ok("POST", "teashop/orders?n=10", "")
			if got := s.webhooks(); got != c.want {
				t.Errorf("webhooks %+v, want %+v", got, c.want)
			}
			got := in.got()
			if len(got) != c.arrived {
				t.Errorf("%d arrived, want %d: %v", len(got), c.arrived, got)
			}
			if c.want.Reordered > 0 && got[len(got)-1] != `{"id":"1"}` {
				t.Errorf("the first was not overtaken: %v", got)
			}
			// The vendor believes that every webhook was delivered, the lost ones too.
			s.eventually("the vendor heard of all", func() bool { return len(s.ends()) == 10 })
			for _, delivered := range s.ends() {
				if !delivered {
					t.Error("the vendor heard of a failure")
				}
			}
		})
	}
}

func TestCloseDoesNotWaitForRetries(t *testing.T) {
	s, err := assemble(Options{}, tables()) // the vendor's own waits: an hour
	if err != nil {
		t.Fatal(err)
	}
	vendor, err := s.Vendor("teashop")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Subscribe("teashop", "http://127.0.0.1:1/"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Make("teashop", MakeOptions{N: 3}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if !vendor.(shopOnly).closed {
		t.Error("the vendor is still open")
	}
	s.Close() // a second time does nothing
}

func TestRunSaysWhereItListensAndStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, "127.0.0.1:0", Options{}, writer)
		writer.Close()
	}()
	first := make([]byte, 256)
	n, err := reader.Read(first)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	url, found := strings.CutPrefix(strings.TrimSpace(string(first[:n])), "sandbox listens at ")
	if !found {
		t.Fatalf("it says %q", first[:n])
	}
	resp, err := http.Get(url + "/_sandbox/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped with %v", err)
	}
	if err := Run(t.Context(), "127.0.0.1:0", Options{Systems: []string{"nope"}}, io.Discard); err == nil || !strings.Contains(err.Error(), `no system "nope"`) {
		t.Errorf("an unknown system: %v", err)
	}
	if err := Run(t.Context(), "256.0.0.1:0", Options{}, io.Discard); err == nil {
		t.Error("an address that is none is no error")
	}
}

func TestAddressesThatVendorsGiveOut(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:0": "http://127.0.0.1:", "0.0.0.0:0": "http://localhost:", ":0": "http://localhost:",
	} {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := address(l); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", listen, got)
		}
		l.Close()
	}
}

// discard is the cheapest vendor and receiver of answers.
type discard struct{ shopOnly }

func (discard) ServeHTTP(http.ResponseWriter, *http.Request) {}

func BenchmarkServeWithoutFaults(b *testing.B) {
	for _, name := range []string{"no faults", "a fault that never strikes"} {
		b.Run(name, func(b *testing.B) {
			s, err := assemble(Options{}, []system{{name: "x", open: func(o fake.Options) fake.Vendor { return discard{shopOnly{newTeashop(o)}} }}})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if name != "no faults" {
				if err := s.SetFaults("x", Fault{Kind: Cut, Path: "/never"}); err != nil {
					b.Fatal(err)
				}
			}
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://sandbox/x/orders/1", nil)
			if err != nil {
				b.Fatal(err)
			}
			answer := &kept{header: http.Header{}}
			for b.Loop() {
				s.ServeHTTP(answer, req)
			}
		})
	}
}

func BenchmarkWebhooks(b *testing.B) {
	taken := make(chan struct{}, 1024)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { taken <- struct{}{} })}
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	c := newCourier(0)
	box := &postbox{courier: c, faults: &faults{}}
	body := make([]byte, 2000)
	begun := 0
	b.ResetTimer()
	for ; begun < b.N; begun++ {
		box.Send(fake.Delivery{URL: address(listener) + "/hooks", Body: body})
		if begun >= 512 {
			<-taken
		}
	}
	for range min(begun, 512) {
		<-taken
	}
	b.StopTimer()
	c.close()
	if err := server.Close(); err != nil {
		b.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		b.Error(err)
	}
}
