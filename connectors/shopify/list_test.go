package shopify_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
	"github.com/orderlyhq/orderly/money"
)

// simple is an order of n lines.
func simple(n int) commerce.Order {
	eur := func(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }
	o := commerce.Order{DocumentCurrency: "EUR", PricesIncludeTax: true, PaymentState: commerce.PaymentPending}
	for i := range n {
		o.Lines = append(o.Lines, commerce.Line{
			Type: commerce.LineProduct, SKU: fmt.Sprintf("SKU-%03d", i), Name: "Tea", Quantity: decimal.New(1, 0),
			UnitPrice: commerce.Price{Net: eur("10.00"), Gross: eur("10.70")}, LineNet: eur("10.00"), LineTax: eur("0.70"), LineGross: eur("10.70"),
			Taxes: []commerce.Tax{{Name: "VAT", Rate: decimal.RequireFromString("0.07"), TaxAmount: eur("0.70"), Included: true}},
		})
	}
	return o
}

// put stores n orders a second apart.
func put(t *testing.T, b *bench, n int) []commerce.Order {
	t.Helper()
	var out []commerce.Order
	for range n {
		stated, err := b.vendor.PutOrder(simple(1))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, stated)
		b.clock.pass(time.Second)
	}
	return out
}

// listAll pages to the end and gives the ids in their order.
func listAll(t *testing.T, conn *connector.Conn, q connector.Query, between func(page int)) []string {
	t.Helper()
	var ids []string
	for page := 0; ; page++ {
		p, err := conn.Lister.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			ids = append(ids, e.Ref.ID)
		}
		if !p.More {
			return ids
		}
		if p.Next == q.Cursor {
			t.Fatal("the cursor does not move")
		}
		q.Cursor = p.Next
		if between != nil {
			between(page)
		}
	}
}

func eachForm(t *testing.T, f func(t *testing.T, form string)) {
	t.Helper()
	for _, form := range []string{"rest", "graphql"} {
		t.Run(form, func(t *testing.T) { f(t, form) })
	}
}

func TestAWindowIsListedOldestFirst(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form})
		orders := put(t, b, 70)
		if err := b.vendor.CancelOrder(orders[20].Source.ExternalID); err != nil { // now the newest
			t.Fatal(err)
		}
		from, to := orders[10].Source.UpdatedAt, orders[60].Source.UpdatedAt
		got := listAll(t, b.conn, connector.Query{Kind: commerce.KindOrder, Since: from.Add(300 * time.Millisecond), Until: to.Add(time.Millisecond), Limit: 7}, nil)
		var want []string
		for i, o := range orders[10:61] {
			if i != 10 {
				want = append(want, o.Source.ExternalID)
			}
		}
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("listed\n%v, want\n%v", got, want)
		}
		all := listAll(t, b.conn, connector.Query{Kind: commerce.KindOrder}, nil)
		if len(all) != 70 || all[69] != orders[20].Source.ExternalID {
			t.Errorf("%d orders; the cancelled one must be the last", len(all))
		}
		if count, err := b.conn.Counter.Count(t.Context(), connector.Query{Kind: commerce.KindOrder, Since: from, Until: to}); err != nil || count != 49 {
			t.Errorf("count %d, %v", count, err)
		}
	})
}

func TestNothingIsSkippedWhileOrdersChange(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form})
		orders := put(t, b, 40)
		got := listAll(t, b.conn, connector.Query{Kind: commerce.KindOrder, Limit: 6}, func(page int) {
			// One that was listed already and one that was not move to the end.
			for _, i := range []int{page, 39 - page} {
				if page < 4 {
					if err := b.vendor.CancelOrder(orders[i].Source.ExternalID); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
		seen := map[string]int{}
		for _, id := range got {
			seen[id]++
		}
		for i, o := range orders {
			if seen[o.Source.ExternalID] == 0 {
				t.Errorf("order %d is skipped", i)
			}
		}
		if len(got) > 40+8 {
			t.Errorf("%d records for 40 orders of which 8 changed", len(got))
		}
	})
}

// TestRESTAsksForEverything looks at the parameters that bite when they are left out.
func TestRESTAsksForEverything(t *testing.T) {
	b := newBench(t, map[string]string{"api": "rest"})
	put(t, b, 5)
	b.wire.take()
	listAll(t, b.conn, connector.Query{Kind: commerce.KindOrder, Since: b.clock.Now().Add(-time.Hour), Limit: 2}, nil)
	log := b.wire.take()
	first, err := url.ParseQuery(log[0].query)
	if err != nil {
		t.Fatal(err)
	}
	if first.Get("status") != "any" || first.Get("order") != "updated_at asc" || first.Get("limit") != "2" || first.Get("updated_at_min") != "2026-05-04T08:00:05Z" {
		t.Errorf("the first page asks for %v", first)
	}
	second, err := url.ParseQuery(log[1].query)
	if err != nil {
		t.Fatal(err)
	}
	if second.Get("page_info") == "" || len(second) != 2 {
		t.Errorf("the second page asks for %v", second)
	}
}

// TestMoreLinesThanAPage reads an order of 260 lines.
func TestMoreLinesThanAPage(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form})
		stated, err := b.vendor.PutOrder(simple(260))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, b, "fetched", stated, raw)
		page, err := b.conn.Lister.List(t.Context(), connector.Query{Kind: commerce.KindOrder})
		if err != nil {
			t.Fatal(err)
		}
		if whole := page.Events[0].Body != nil; whole != (form == "rest") {
			t.Errorf("the listed order is whole: %v", whole)
		}
	})
}

func TestWhatIsNotThere(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form})
		for _, kind := range []commerce.Kind{commerce.KindOrder, commerce.KindCustomer} {
			if _, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: kind, ID: "1"}); connector.KindOf(err) != connector.KindNotFound {
				t.Errorf("%s: %v", kind, err)
			}
			for _, id := range []string{"#1001", "12a", "-1", ""} {
				_, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: kind, ID: id})
				if connector.KindOf(err) != connector.KindNotFound || !strings.Contains(err.Error(), "numbers") {
					t.Errorf("%s %q: %v", kind, id, err)
				}
			}
			page, err := b.conn.Lister.List(t.Context(), connector.Query{Kind: kind})
			if err != nil || page.More || len(page.Events) != 0 || page.Next != "" {
				t.Errorf("%s: %+v, %v", kind, page, err)
			}
		}
		if _, err := b.conn.Lister.List(t.Context(), connector.Query{Kind: "invoice"}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("a kind that Shopify has not: %v", err)
		}
		if _, err := b.conn.Lister.List(t.Context(), connector.Query{Kind: commerce.KindOrder, Cursor: "{"}); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("a cursor of another connector: %v", err)
		}
	})
}

func TestCustomersAreListedAndRead(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form})
		truth := map[string]commerce.Customer{}
		g := generator(31)
		for range 60 {
			o, err := g.Put(b.vendor)
			if err != nil {
				t.Fatal(err)
			}
			if !o.Buyer.Guest() {
				truth[o.Buyer.Source.ExternalID] = o.Buyer
			}
		}
		ids := listAll(t, b.conn, connector.Query{Kind: commerce.KindCustomer, Limit: 8}, nil)
		if len(ids) != len(truth) || len(ids) < 10 {
			t.Errorf("%d customers are listed, want %d", len(ids), len(truth))
		}
		for id, want := range truth {
			raw, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindCustomer, ID: id})
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.conn.Decoder.DecodeCustomer(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got.DisplayName != want.DisplayName || got.Email() != want.Email() || got.Phone() != want.Phone() && got.Phone() != "" || len(got.Addresses) != len(want.Addresses) ||
				len(got.Addresses) > 0 && !got.Addresses[0].Default || got.Source.ExternalID != id || raw.UpdatedAt.IsZero() {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		}
	})
}

// TestOrdersBeyondSixtyDays are not seen without the right to all of them.
func TestOrdersBeyondSixtyDays(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form}, shopifyfake.SixtyDays())
		old := put(t, b, 1)[0]
		b.clock.pass(61 * 24 * time.Hour)
		put(t, b, 1)
		if ids := listAll(t, b.conn, connector.Query{Kind: commerce.KindOrder}, nil); len(ids) != 1 || ids[0] == old.Source.ExternalID {
			t.Errorf("listed %v", ids)
		}
		if _, err := b.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: old.Source.ExternalID}); connector.KindOf(err) != connector.KindNotFound {
			t.Errorf("%v", err)
		}
	})
}

func TestTheNumberIsWrittenBackOnce(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form})
		if _, err := b.conn.Registrar.EnsureWebhooks(t.Context(), hookAddress); err != nil {
			t.Fatal(err)
		}
		stated := put(t, b, 1)[0]
		ref := connector.Ref{Kind: commerce.KindOrder, ID: stated.Source.ExternalID}
		b.post.take()
		status := connector.Status{Document: connector.Document{ID: "7", Number: "SO,2026/00042"}}
		for range 2 {
			if err := b.conn.Feedback.WriteBack(t.Context(), ref, status); err != nil {
				t.Fatal(err)
			}
		}
		sent := b.post.take()
		if len(sent) != 1 || !strings.Contains(string(sent[0].Body), `"tags":"erp-SO 2026\/00042"`) {
			t.Errorf("%d webhooks: %s", len(sent), sent[0].Body)
		}
		// Our own tag is no news: the order is translated as before.
		e := receive(t, b, sent[0])
		compare(t, b, "tagged", b.vendor.Orders()[0], connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body})
		o, err := b.conn.Decoder.DecodeOrder(connector.Raw{Body: e.Body})
		if err != nil || o.Extensions["tags"] != "" {
			t.Errorf("extensions %v, %v", o.Extensions, err)
		}
		long := connector.Status{Document: connector.Document{Number: strings.Repeat("9", 60)}}
		if err := b.conn.Feedback.WriteBack(t.Context(), ref, long); err != nil {
			t.Errorf("a number longer than a tag: %v", err)
		}
		for name, err := range map[string]error{
			"a document without a number": b.conn.Feedback.WriteBack(t.Context(), ref, connector.Status{}),
			"a customer":                  b.conn.Feedback.WriteBack(t.Context(), connector.Ref{Kind: commerce.KindCustomer, ID: "1"}, status),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		gone := b.conn.Feedback.WriteBack(t.Context(), connector.Ref{Kind: commerce.KindOrder, ID: "1"}, status)
		if connector.KindOf(gone) != connector.KindNotFound {
			t.Errorf("an order that is gone: %v", gone)
		}
	})
}

// TestPagingBeginsAnew before it reaches the 25,000 records at which Shopify ends it.
func TestPagingBeginsAnew(t *testing.T) {
	eachForm(t, func(t *testing.T, form string) {
		b := newBench(t, map[string]string{"api": form})
		orders := put(t, b, 20)
		q := connector.Query{Kind: commerce.KindOrder, Limit: 4}
		page, err := b.conn.Lister.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		q.Cursor = strings.Replace(page.Next, `"n":4`, `"n":23998`, 1)
		if q.Cursor == page.Next {
			t.Fatalf("the cursor %s does not count", page.Next)
		}
		page, err = b.conn.Lister.List(t.Context(), q)
		if err != nil || !page.More || strings.Contains(page.Next, `"a"`) {
			t.Fatalf("next is %s, %v", page.Next, err)
		}
		q.Cursor = page.Next
		rest := listAll(t, b.conn, q, nil)
		if len(rest) != 13 || rest[0] != orders[7].Source.ExternalID || rest[12] != orders[19].Source.ExternalID {
			t.Errorf("%d records follow, from %s", len(rest), rest[0])
		}
	})
}
