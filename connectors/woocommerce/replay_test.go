package woocommerce_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
	woofake "github.com/orderlyhq/orderly/connectors/woocommerce/fake"
	"github.com/orderlyhq/orderly/internal/contracttest"
	"github.com/orderlyhq/orderly/internal/fake"
)

// recordedKeys are the keys of the shops that were recorded.
func recordedKeys() []woofake.Key {
	key := func(digit, permission string) woofake.Key {
		return woofake.Key{Key: "ck_" + strings.Repeat(digit, 40), Secret: "cs_" + strings.Repeat(digit, 40), Permission: permission}
	}
	return []woofake.Key{key("1", "read_write"), key("2", "read"), key("3", "write")}
}

// items gives the records of a recorded list.
func items(t testing.TB, name string) []json.RawMessage {
	t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal(recordedNamed(t, name).Response.Body, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// product is an article of which the recordings do not have the whole record.
func product(id, parent int, sku, name, class, price string, virtual bool) json.RawMessage {
	return fmt.Appendf(nil, `{"id":%d,"parent_id":%d,"sku":%q,"name":%q,"tax_class":%q,"price":%q,"virtual":%v}`, id, parent, sku, name, class, price, virtual)
}

// recordedShop is a copy of the shop that was recorded with 11.0.1, as it was before the first request:
// its orders came from a checkout.
func recordedShop(t *testing.T, base string, now func() time.Time) *woofake.Vendor {
	t.Helper()
	v := woofake.New(fake.Options{BaseURL: base, Now: now}, woofake.Keys(recordedKeys()...))
	load := func(kind string, records ...json.RawMessage) {
		for _, r := range records {
			if err := v.Load(kind, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	load("tax", items(t, "rest-28-taxes")...)
	load("customer", items(t, "rest-22-customers-all-roles")...)
	load("product", items(t, "rest-23-product-by-sku")...)
	load("product", product(13, 0, "MUG-BLU", "Mug blue", "", "9.99", false))
	var batch struct {
		Update []json.RawMessage `json:"update"`
	}
	if err := json.Unmarshal(recordedNamed(t, "rest-27-batch-partly-failed").Response.Body, &batch); err != nil {
		t.Fatal(err)
	}
	load("product", batch.Update[2], product(17, 0, "EBOOK-1", "E-book", "", "7.77", true), product(18, 0, "", "Tee", "", "19.90", false))
	variations := items(t, "rest-26-variations")
	slices.Reverse(variations)
	load("product", product(19, 18, "TEE-S", "Tee - S, Blau/Weiß", "", "19.90", false))
	load("product", items(t, "rest-24-product-variation-by-sku")...)
	load("variation", variations...)
	for _, name := range []string{"rest-03-order-guest", "rest-07-order-dp6", "rest-05-order-virtual-austria", "rest-06-order-us-no-tax"} {
		load("order", recordedNamed(t, name).Response.Body)
	}
	v.Next(28)
	return v
}

// recordedShop79 is a copy of the shop that was recorded with 7.9.
func recordedShop79(t *testing.T, base string, now func() time.Time) *woofake.Vendor {
	t.Helper()
	v := woofake.New(fake.Options{BaseURL: base, Now: now}, woofake.Keys(recordedKeys()...), woofake.Version79())
	load := func(kind string, record json.RawMessage) {
		if err := v.Load(kind, record); err != nil {
			t.Fatal(err)
		}
	}
	load("tax", items(t, "rest-28-taxes")[0])
	load("customer", items(t, "wc-7.9/rest-20-customers-by-email")[0])
	mug := product(10, 0, "MUG-RED", "Mug red", "", "12.50", false)
	load("product", slices.Concat(mug[:len(mug)-1], []byte(`,"manage_stock":true,"stock_quantity":100}`)))
	load("product", product(16, 0, "", "Tee", "", "19.90", false))
	for _, order := range items(t, "wc-7.9/rest-01-orders-list") {
		if !bytes.Contains(order, []byte(`"id":28,"parent_id"`)) {
			load("order", order)
		}
	}
	v.Next(28)
	return v
}

// replayed is what a replay leaves out of the comparison: what two shops never have the same.
var replayed = map[string]bool{
	"order_key": true, "cart_hash": true, "payment_url": true, "customer_ip_address": true, "avatar_url": true,
	// What plug-ins and WooCommerce's own debug log leave in the record.
	"meta_data": true,
}

// different names the fields of single answers that differ, for these reasons: comments of WordPress have
// ids of their own sequence, and WooCommerce leaves seven of its own on a paid order; a product is shown
// with more fields, and other things to buy with it at random, when it was just written.
func different() map[string][]string {
	return map[string][]string{
		"rest-12-order-note-create":   {"id", "href", "Location"},
		"rest-13-order-notes":         {"id", "href", "note", "customer_note", "length"},
		"rest-27-batch-partly-failed": {"generated_slug", "permalink_template", "related_ids", "average_rating"},
	}
}

func replay(t *testing.T, v *woofake.Vendor, e contracttest.Exchange) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), e.Request.Method, "http://"+e.Request.Header.Get("Host")+e.Request.Path, bytes.NewReader(e.Request.Body))
	maps.Copy(req.Header, e.Request.Header)
	w := httptest.NewRecorder()
	v.ServeHTTP(w, req)
	return w
}

// Every recorded exchange, in the order in which it was recorded, at the time at which it was.
func TestTheFakeAnswersAsTheRealServersDid(t *testing.T) {
	exchanges := slices.DeleteFunc(contracttest.Recorded(t, system), contracttest.Exchange.Delivery)
	date := func(e contracttest.Exchange) time.Time {
		at, err := http.ParseTime(e.Response.Header.Get("Date"))
		if err != nil {
			t.Fatalf("%s: %v", e.File, err)
		}
		return at
	}
	slices.SortStableFunc(exchanges, func(a, b contracttest.Exchange) int {
		// In one second the shop was written to before it was read.
		reads := func(e contracttest.Exchange) int {
			if e.Request.Method == http.MethodGet || !strings.Contains(e.Request.Path, "/orders") {
				return 1
			}
			return 0
		}
		return cmp.Or(date(a).Compare(date(b)), reads(a)-reads(b))
	})
	var now time.Time
	clock := func() time.Time { return now }
	secure, plain := recordedShop(t, "https://127.0.0.1:8443", clock), recordedShop(t, "http://127.0.0.1:8081", clock)
	old := recordedShop79(t, "https://127.0.0.1:8444", clock)
	for _, e := range exchanges {
		now = date(e)
		v := secure
		switch e.Request.Header.Get("Host") {
		case "127.0.0.1:8444":
			v = old
		case "127.0.0.1:8081":
			v = plain
		}
		prepare(t, v, e)
		name := strings.TrimSuffix(strings.TrimPrefix(e.File, "recorded/"), ".json")
		except := map[string]bool{}
		for _, field := range different()[name] {
			except[field] = true
		}
		t.Run(name, func(t *testing.T) {
			w := replay(t, v, e)
			if w.Code != e.Response.Status {
				t.Fatalf("status %d, the real server said %d\n%s", w.Code, e.Response.Status, w.Body)
			}
			for _, name := range []string{"Content-Type", "X-Wp-Total", "X-Wp-Totalpages", "Location"} {
				if got, want := w.Header().Get(name), e.Response.Header.Get(name); got != want && !except[name] {
					t.Errorf("header %s is %q, the real server's %q", name, got, want)
				}
			}
			var got, want any
			if err := unmarshalNumbers(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if err := unmarshalNumbers(e.Response.Body, &want); err != nil {
				t.Fatal(err)
			}
			if e.Response.Status >= 400 {
				if a, b := text(got), text(want); a != b {
					t.Errorf("error\n%s\nthe real server's\n%s", a, b)
				}
				return
			}
			comparison{t, except}.compare("", got, want)
		})
	}
	// What the recorder tried on purpose and a connector must not do is noted, and nothing else.
	strange := slices.Concat(secure.Stats().Unexpected, old.Stats().Unexpected, plain.Stats().Unexpected)
	if want := []string{"GET nosuch: no such route", "a time with a zone and dates_are_gmt: orders are missed"}; !slices.Equal(strange, want) {
		t.Errorf("noted as unexpected: %q, want %q", strange, want)
	}
}

// prepare does what happened in the real shop between two recordings.
func prepare(t *testing.T, v *woofake.Vendor, e contracttest.Exchange) {
	t.Helper()
	var err error
	switch {
	case strings.HasSuffix(e.File, "/rest-30-webhooks.json"):
		for _, w := range items(t, "rest-30-webhooks") {
			if err == nil {
				err = v.Load("webhook", w)
			}
		}
	case strings.HasSuffix(e.File, "/rest-32-oauth1-over-http.json"):
		for _, name := range []string{"rest-16-order-with-refund", "rest-50-order-unknown-product-accepted", "rest-51-order-unknown-sku-accepted"} {
			if err == nil {
				err = v.Load("order", recordedNamed(t, name).Response.Body)
			}
		}
	case strings.HasSuffix(e.File, "/rest-33-order-trash.json"):
		err = v.Load("order", e.Response.Body)
	case strings.HasSuffix(e.File, "wc-7.9/rest-50-order-unknown-product.json"):
		for _, o := range items(t, "wc-7.9/rest-18-orders-checkout-draft") {
			err = v.Load("order", o)
		}
		v.Next(31)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unmarshalNumbers(body []byte, out *any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return d.Decode(out)
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// comparison finds where an answer differs from a real one: in its fields, their types, and the values
// of what a record says.
type comparison struct {
	*testing.T
	except map[string]bool
}

func (c comparison) compare(at string, got, want any) {
	c.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			c.Errorf("%s is %s, the real server's an object", at, text(got))
			return
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			switch _, found := g[name]; {
			case c.except[name]:
			case !found:
				c.Errorf("%s.%s is missing; the real server says %.80s", at, name, text(w[name]))
			case strings.HasPrefix(name, "date_") && within(g[name], w[name]) || replayed[name]:
			default:
				c.compare(at+"."+name, g[name], w[name])
			}
		}
		for name := range g {
			if _, found := w[name]; !found && !c.except[name] {
				c.Errorf("%s.%s is not in the real answer", at, name)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) && !c.except["length"] || len(g) == 0 && len(w) > 0 {
			c.Errorf("%s is %.200s, the real server's %.200s", at, text(got), text(want))
			return
		}
		for i := range min(len(g), len(w)) {
			c.compare(at+"["+strconv.Itoa(i)+"]", g[i], w[i])
		}
	default:
		if text(got) != text(want) {
			c.Errorf("%s is %s, the real server's %s", at, text(got), text(want))
		}
	}
}

// within says whether two times are at most a second apart: the Date of an answer is that of its
// beginning.
func within(got, want any) bool {
	g, err1 := time.Parse(api.Layout, fmt.Sprint(got))
	w, err2 := time.Parse(api.Layout, fmt.Sprint(want))
	return err1 == nil && err2 == nil && w.Sub(g).Abs() <= time.Second
}
