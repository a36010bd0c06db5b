package demo_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/all"
	"github.com/orderlyhq/orderly/internal/demo"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/sandbox"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func options(out io.Writer, database string) demo.Options {
	return demo.Options{
		Database: database, Definitions: all.Definitions(), Version: "test", Out: out,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func TestCountOnBothDatabases(t *testing.T) {
	for _, database := range []string{"", pgtest.URL(t)} {
		var out bytes.Buffer
		o := options(&out, database)
		o.Orders = 60
		rows, _, err := demo.Count(t.Context(), o)
		if err != nil {
			t.Errorf("%v: %+v", err, rows)
		}
		var hooks int64
		for _, r := range rows {
			if r.Made != 30 || r.Via[store.ViaManual] != 1 || r.Via[store.ViaPoll] < 6 || r.Via[store.ViaPoll]+r.Via[store.ViaWebhook] != 29 {
				t.Errorf("%s: made %d, known by %v", r.Flow, r.Made, r.Via)
			}
			hooks += r.Via[store.ViaWebhook]
		}
		if hooks == 0 { // on a slow machine a poll may be faster than the webhooks of one shop, not of both
			t.Error("no order became known by its webhook")
		}
		if err := demo.Print(o, rows); err != nil || !strings.Contains(out.String(), "shopify-to-odoo") {
			t.Errorf("the table: %v\n%s", err, out.String())
		}
	}
}

func TestLiveTellsOfOrdersUntilItIsEnded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	var out bytes.Buffer
	if err := demo.Live(ctx, options(&out, "")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Orderly  ", "→ ", "both sides compared", "woocommerce-to-sapb1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out.String())
		}
	}
}

func TestAgree(t *testing.T) {
	gross := func(text string) money.Money { return money.New(decimal.RequireFromString(text), "EUR") }
	order := func(id, total string) sandbox.Order {
		o := sandbox.Order{}
		o.Source.ExternalID, o.OrderNumber, o.DocumentCurrency = id, id, "EUR"
		o.Totals = commerce.Totals{TaxInclusive: gross(total), Tax: gross("0"), TaxExclusive: gross(total)}
		return o
	}
	document := func(id, total string) fake.Document {
		d := fake.Document{}
		d.Key = connector.NewKey("shop", connector.Ref{Kind: commerce.KindOrder, ID: id})
		d.Totals = &connector.DocumentTotals{Gross: gross(total), Tax: gross("0"), Net: gross(total)}
		return d
	}
	mustHold := order("4", "1.00")
	mustHold.MustHold = "unknown SKU"
	cancelled := order("5", "1.00")
	cancelled.OrderState = commerce.StateCancelled
	for _, c := range []struct {
		name      string
		orders    []sandbox.Order
		documents []fake.Document
		held      map[string]string
		ok        bool
		in        int
	}{
		{name: "once and equal", orders: []sandbox.Order{order("1", "5.00")}, documents: []fake.Document{document("1", "5.00")}, ok: true, in: 1},
		{name: "twice", orders: []sandbox.Order{order("1", "5.00")}, documents: []fake.Document{document("1", "5.00"), document("1", "5.00")}},
		{name: "a cent off", orders: []sandbox.Order{order("1", "5.00")}, documents: []fake.Document{document("1", "5.01")}},
		{name: "missing", orders: []sandbox.Order{order("1", "5.00")}},
		{name: "held for no reason of the sandbox's", orders: []sandbox.Order{order("1", "5.00")}, held: map[string]string{"1": "totals"}},
		{name: "held for the sandbox's reason", orders: []sandbox.Order{mustHold}, held: map[string]string{"4": "sku"}, ok: true},
		{name: "held until a person decided", orders: []sandbox.Order{mustHold}, documents: []fake.Document{document("4", "1.00")}, held: map[string]string{"4": "sku"}, ok: true, in: 1},
		{name: "there although it must be held", orders: []sandbox.Order{mustHold}, documents: []fake.Document{document("4", "1.00")}},
		{name: "neither held nor there", orders: []sandbox.Order{mustHold}},
		{name: "cancelled before it came", orders: []sandbox.Order{cancelled}, ok: true, in: 1},
		{name: "cancelled but there", orders: []sandbox.Order{cancelled}, documents: []fake.Document{document("5", "1.00")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := demo.Agree("shop", c.orders, c.documents, c.held)
			if a.OK() != c.ok || a.InERP != c.in {
				t.Errorf("%+v; want ok %v and %d in the ERP", a, c.ok, c.in)
			}
			if !a.OK() && len(a.Details) == 0 {
				t.Error("it does not say what is wrong")
			}
		})
	}
}
