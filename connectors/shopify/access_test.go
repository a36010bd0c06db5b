package shopify_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
)

func TestSettingsThatContradict(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		field    string
	}{
		"no credentials":             {map[string]string{"-access_token": ""}, "access_token"},
		"two kinds of credentials":   {map[string]string{"client_id": "x"}, "client_id"},
		"an id without its secret":   {map[string]string{"-access_token": "", "client_id": "x", "-client_secret": ""}, "client_secret"},
		"a version that is none":     {map[string]string{"api_version": "v3"}, "api_version"},
		"a month that is none":       {map[string]string{"api_version": "2026-13"}, "api_version"},
		"a prefix with a comma":      {map[string]string{"tag_prefix": "a,b"}, "tag_prefix"},
		"a prefix longer than a tag": {map[string]string{"tag_prefix": strings.Repeat("x", 41)}, "tag_prefix"},
		"an address without a host":  {map[string]string{"base_url": "shop"}, "base_url"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newBench(t, nil).tryOpen(c.settings)
			e, ok := errors.AsType[*connector.Error](err)
			if !ok || e.Kind != connector.KindInvalid || e.Field != c.field || e.Fix == "" {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		options  []shopifyfake.Option
		findings []string // a part of each text
		kind     connector.ErrorKind
	}{
		"all is well": {},
		"orders of 60 days only": {
			options: []shopifyfake.Option{shopifyfake.SixtyDays()}, findings: []string{"last 60 days"},
		},
		"names are kept back": {
			options: []shopifyfake.Option{shopifyfake.Anonymous()}, findings: []string{"protected customer data"},
		},
		"a version that is not supported": {
			settings: map[string]string{"api_version": "2022-07"}, findings: []string{"version 2026-01 of its API in place of 2022-07"},
		},
		"no secret for webhooks": {
			settings: map[string]string{"-client_secret": "", "-webhook_secret": ""}, findings: []string{"without a secret"},
		},
		"no right to customers": {
			options: []shopifyfake.Option{shopifyfake.Scopes("read_orders", "write_orders", "read_all_orders", "read_products")}, findings: []string{"may not read customers"},
		},
		"rights to read alone": {
			options: []shopifyfake.Option{shopifyfake.Scopes("read_orders", "read_all_orders", "read_customers", "read_products")}, findings: []string{"may not write orders"},
		},
		"no right to orders": {
			options: []shopifyfake.Option{shopifyfake.Scopes("read_customers")}, kind: connector.KindForbidden,
		},
		"a wrong token": {
			settings: map[string]string{"access_token": "shpat_of_another_shop"}, kind: connector.KindAuth,
		},
		"a wrong client secret": {
			settings: map[string]string{"client_secret": "wrong"}, options: []shopifyfake.Option{shopifyfake.ClientCredentials()}, kind: connector.KindAuth,
		},
		"a wrong client id": {
			settings: map[string]string{"client_id": "wrong"}, options: []shopifyfake.Option{shopifyfake.ClientCredentials()}, kind: connector.KindAuth,
		},
	} {
		for _, form := range []string{"rest", "graphql"} {
			t.Run(name+", "+form, func(t *testing.T) {
				settings := map[string]string{"api": form}
				maps.Copy(settings, c.settings)
				b := newBench(t, settings, c.options...)
				g := generator(2)
				for range 5 {
					if _, err := g.Put(b.vendor); err != nil {
						t.Fatal(err)
					}
				}
				account, err := b.conn.Connector.Check(t.Context())
				if c.kind != "" {
					if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != c.kind || e.Fix == "" {
						t.Fatalf("%v, want %s with a fix", err, c.kind)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if account.Name != "Orderly Tea" || account.Currency != "EUR" || account.ID != "orderly-tea.myshopify.com" || account.PricesIncludeTax == nil || !*account.PricesIncludeTax || account.TimeZone == "" || account.Version == "" {
					t.Errorf("account %+v", account)
				}
				if len(account.Findings) != len(c.findings) {
					t.Fatalf("findings %+v, want %q", account.Findings, c.findings)
				}
				for i, text := range c.findings {
					if !strings.Contains(account.Findings[i].Text, text) || account.Findings[i].Fix == "" {
						t.Errorf("finding %+v, want %q", account.Findings[i], text)
					}
				}
			})
		}
	}
}

// grants counts the tokens that were asked for.
func grants(log []exchange) int {
	n := 0
	for _, e := range log {
		if strings.HasSuffix(e.path, "/access_token") {
			n++
		}
	}
	return n
}

func storedToken(t *testing.T, b *bench) (token struct {
	Value   string
	Expires time.Time
}) {
	t.Helper()
	kept, err := b.state.Load(t.Context(), "access_token")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(kept, &token); err != nil {
		t.Fatalf("stored is %q: %v", kept, err)
	}
	return token
}

func TestTokensAreKeptAndRenewed(t *testing.T) {
	b := newBench(t, map[string]string{"api": "rest"}, shopifyfake.ClientCredentials())
	other := b.open(t, map[string]string{"api": "rest"}) // another node
	list := func(conn *connector.Conn) {
		t.Helper()
		if _, err := conn.Lister.List(t.Context(), connector.Query{Kind: commerce.KindOrder}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when string, want int) {
		t.Helper()
		log := b.wire.take()
		if got := grants(log); got != want {
			t.Errorf("%s: %d tokens were asked for, want %d", when, got, want)
		}
		kept := storedToken(t, b)
		if last := log[len(log)-1]; last.header.Get("X-Shopify-Access-Token") != kept.Value || last.status != 200 {
			t.Errorf("%s: the token in use is not the one that is stored, or it is refused (%d)", when, last.status)
		}
	}
	list(b.conn)
	expect("at first", 1)
	list(b.conn)
	list(other)
	expect("a second call and a second node", 0)
	b.clock.pass(23*time.Hour + 56*time.Minute)
	list(b.conn)
	expect("minutes before the end", 1)
	list(other)
	expect("the other node, after that", 0)
	b.vendor.ExpireSessions()
	list(b.conn)
	expect("a token that is refused", 1)
	list(other)
	expect("the other node takes the one that was got", 0)
	b.vendor.ExpireSessions()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := b.conn.Lister.List(t.Context(), connector.Query{Kind: commerce.KindOrder}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := grants(b.wire.take()); n != 1 {
		t.Errorf("eight refused calls asked for %d tokens", n)
	}
}

func TestATokenIsStoredBeforeItIsUsed(t *testing.T) {
	b := newBench(t, map[string]string{"api": "rest"}, shopifyfake.ClientCredentials())
	b.wire.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if used := r.Header.Get("X-Shopify-Access-Token"); used != "" {
			if kept, _ := b.state.Load(r.Context(), "access_token"); !strings.Contains(string(kept), used) {
				t.Error("a token is used that is not stored")
			}
		}
		b.vendor.ServeHTTP(w, r)
	})
	if _, err := b.conn.Connector.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestAnswersOfShopify gives the kinds of errors for Shopify's statuses and bodies.
func TestAnswersOfShopify(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
		kind   connector.ErrorKind
		text   string
		wait   time.Duration
	}{
		"too many requests":       {429, http.Header{"Retry-After": {"2.5"}}, `{"errors":"Exceeded 2 calls per second"}`, connector.KindRateLimited, "Exceeded", 2500 * time.Millisecond},
		"points are used up":      {200, nil, `{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{"requestedQueryCost":600,"actualQueryCost":null,"throttleStatus":{"maximumAvailable":2000.0,"currentlyAvailable":100,"restoreRate":100.0}}}}`, connector.KindRateLimited, "points", 5 * time.Second},
		"a frozen shop":           {402, nil, `{"errors":"Payment Required"}`, connector.KindForbidden, "frozen", 0},
		"a locked shop":           {423, nil, `{"errors":"Locked"}`, connector.KindForbidden, "locked", 0},
		"taken for an attack":     {430, nil, ``, connector.KindForbidden, "attack", 0},
		"a shop that has moved":   {301, http.Header{"Location": {"https://elsewhere.test/"}}, ``, connector.KindInvalid, "", 0},
		"a page of a proxy":       {200, nil, `<html>`, connector.KindUnavailable, "JSON", 0},
		"neither data nor error":  {200, nil, `{}`, connector.KindUnavailable, "neither", 0},
		"data that is null":       {200, nil, `{"data":null}`, connector.KindUnavailable, "neither", 0},
		"an error as a text":      {200, nil, `{"errors":"Invalid API key"}`, connector.KindInvalid, "Invalid API key", 0},
		"an error inside":         {200, nil, `{"errors":[{"message":"Internal error. Looks like something went wrong on our end.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`, connector.KindUnavailable, "Internal error", 0},
		"a field that is refused": {200, nil, `{"data":{"shop":{"name":"x"}},"errors":[{"message":"This app is not approved to access the Order object. See https://shopify.dev/docs/apps/launch/protected-customer-data","path":["shop","x",0],"extensions":{"code":"ACCESS_DENIED"}}]}`, connector.KindForbidden, "not approved", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // what is temporary is tried again after a while
				_, err := cannedClient(canned{status: c.status, header: c.header, body: []byte(c.body)}).GraphShop(t.Context())
				e, ok := errors.AsType[*connector.Error](err)
				if !ok || e.Kind != c.kind || !strings.Contains(e.Error(), c.text) || e.RetryAfter != c.wait {
					t.Errorf("%#v", err)
				}
			})
		})
	}
	t.Run("validation in REST", func(t *testing.T) {
		err := cannedClient(canned{status: 422, body: []byte(`{"errors":{"tags":["is too long"],"zip":["is bad","is odd"]}}`)}).RESTSetTags(t.Context(), "1", "x")
		if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindInvalid || e.Field != "tags" || e.Message != "tags is too long; zip is bad, is odd" {
			t.Errorf("%#v", err)
		}
	})
	t.Run("a failure inside while writing", func(t *testing.T) {
		err := cannedClient(canned{status: 200, body: []byte(`{"errors":[{"message":"x","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`)}).GraphAddTag(t.Context(), "1", "x")
		if connector.KindOf(err) != connector.KindMaybeApplied {
			t.Errorf("%v", err)
		}
	})
}

func TestLimitsAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		header, body string
		left, most   int
		wait         time.Duration
	}{
		"requests":                {"32/40", `{}`, 8, 40, 500 * time.Millisecond},
		"no request left on Plus": {"400/400", `{}`, 0, 400, 50 * time.Millisecond},
		"points":                  {"", `{"data":{},"extensions":{"cost":{"requestedQueryCost":500,"actualQueryCost":40,"throttleStatus":{"maximumAvailable":2000.0,"currentlyAvailable":1960,"restoreRate":100.0}}}}`, 3, 4, 0},
		"not enough points":       {"", `{"extensions":{"cost":{"requestedQueryCost":500,"throttleStatus":{"maximumAvailable":2000.0,"currentlyAvailable":300,"restoreRate":100.0}}}}`, 0, 4, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if c.header != "" {
				h.Set("X-Shopify-Shop-Api-Call-Limit", c.header)
			}
			l := api.ReadLimits(h, []byte(c.body))
			if l == nil || l.Left != c.left || l.Max != c.most || l.Wait != c.wait {
				t.Errorf("%+v", l)
			}
		})
	}
	for _, header := range []string{"x/y", "1/0", "7"} {
		if l := api.ReadLimits(http.Header{"X-Shopify-Shop-Api-Call-Limit": {header}}, []byte(`{"extensions":{}}`)); l != nil {
			t.Errorf("%q: %+v", header, l)
		}
	}
}

func TestTheBucketOfTheShopIsObeyed(t *testing.T) { synctest.Test(t, theBucket) }

func theBucket(t *testing.T) {
	b := newBench(t, map[string]string{"api": "rest"}, shopifyfake.Standard())
	refused := 0
	for range 60 {
		if _, err := b.conn.Counter.Count(t.Context(), connector.Query{Kind: commerce.KindOrder}); connector.KindOf(err) == connector.KindRateLimited {
			refused++
			break
		}
	}
	log := b.wire.take()
	if refused == 0 || log[len(log)-1].status != http.StatusTooManyRequests {
		t.Error("the pretend shop has no limit")
	}
	b.clock.pass(20 * time.Second)
	if _, err := b.conn.Counter.Count(t.Context(), connector.Query{Kind: commerce.KindOrder}); err != nil {
		t.Errorf("after a pause: %v", err)
	}
}
