package shopify_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify"
	shopifyfake "github.com/orderlyhq/orderly/connectors/shopify/fake"
)

const plainOrder = `{"id":5001,"updated_at":"2026-05-04T11:00:00+02:00","payment_gateway_names":["shopify_payments"],"name":"#1","line_items":[]}`

func TestReceiveByTopic(t *testing.T) {
	changed, deleted := connector.Changed, connector.Deleted
	at := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		topic, body string
		kind        commerce.Kind
		id          string
		change      connector.Change
		whole       bool
		updated     time.Time
		ignored     string
		invalid     string
	}{
		"an order is made":                       {topic: "orders/create", body: plainOrder, kind: "order", id: "5001", change: changed, whole: true, updated: at},
		"an order is changed":                    {topic: "orders/updated", body: plainOrder, kind: "order", id: "5001", change: changed, whole: true, updated: at},
		"an order is paid":                       {topic: "orders/paid", body: plainOrder, kind: "order", id: "5001", change: changed, whole: true, updated: at},
		"an order is cancelled":                  {topic: "orders/cancelled", body: plainOrder, kind: "order", id: "5001", change: changed, whole: true, updated: at},
		"an order is sent":                       {topic: "orders/fulfilled", body: plainOrder, kind: "order", id: "5001", change: changed, whole: true, updated: at},
		"two ways of payment must be looked up":  {topic: "orders/create", body: strings.Replace(plainOrder, `["shopify_payments"]`, `["gift_card","paypal"]`, 1), kind: "order", id: "5001", change: changed, updated: at},
		"fields that the merchant has chosen":    {topic: "orders/create", body: `{"id":5001,"updated_at":"2026-05-04T11:00:00+02:00"}`, kind: "order", id: "5001", change: changed, updated: at},
		"an order is edited":                     {topic: "orders/edited", body: `{"order_edit":{"id":78912328793,"order_id":9007199254740993}}`, kind: "order", id: "9007199254740993", change: changed},
		"a refund stands for its order":          {topic: "refunds/create", body: `{"id":890088186047892319,"order_id":820982911946154509,"refund_line_items":[]}`, kind: "order", id: "820982911946154509", change: changed},
		"an order is deleted":                    {topic: "orders/delete", body: `{"id":5001}`, kind: "order", id: "5001", change: deleted},
		"a customer is made":                     {topic: "customers/create", body: `{"id":77,"updated_at":"2026-05-04T11:00:00+02:00"}`, kind: "customer", id: "77", change: changed, whole: true, updated: at},
		"a customer is changed":                  {topic: "customers/update", body: `{"id":77,"updated_at":"2026-05-04T11:00:00+02:00"}`, kind: "customer", id: "77", change: changed, whole: true, updated: at},
		"a customer is deleted":                  {topic: "customers/delete", body: `{"id":77,"tax_exemptions":[]}`, kind: "customer", id: "77", change: deleted},
		"a customer wants to be forgotten":       {topic: "customers/redact", body: `{"shop_id":1,"customer":{"id":77,"email":"x@example.com"},"orders_to_redact":[]}`, kind: "customer", id: "77", change: deleted},
		"the test notification":                  {topic: "orders/create", body: `{"id":820982911946154508}`, ignored: "test notification"},
		"a topic that nobody knows":              {topic: "themes/publish", body: `{"id":1}`, ignored: "unknown topic themes/publish"},
		"no topic":                               {body: `{"id":1}`, ignored: "unknown topic "},
		"a body that is no JSON":                 {topic: "orders/create", body: `<html>`, invalid: "JSON"},
		"an order without an id":                 {topic: "orders/create", body: `{"name":"#1"}`, invalid: "id"},
		"an id that is no number":                {topic: "orders/create", body: `{"id":"../../etc"}`, invalid: "id"},
		"a refund of no order":                   {topic: "refunds/create", body: `{"id":1}`, invalid: "order_id"},
		"an edit of no order":                    {topic: "orders/edited", body: `{"order_edit":{}}`, invalid: "order_edit.order_id"},
		"nobody who wants to be forgotten":       {topic: "customers/redact", body: `{}`, invalid: "customer.id"},
		"an order whose time is no time":         {topic: "orders/create", body: `{"id":1,"updated_at":"yesterday"}`, invalid: "updated_at"},
		"a topic in other letters is understood": {topic: "Orders/Create", body: plainOrder, kind: "order", id: "5001", change: changed, whole: true, updated: at},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, map[string]string{"client_secret": "a secret of the app"})
			receipt, err := b.conn.Receiver.Receive(webhook(c.topic, sign("a secret of the app", []byte(c.body)), []byte(c.body)))
			if c.invalid != "" {
				if connector.KindOf(err) != connector.KindInvalid || !strings.Contains(err.Error(), c.invalid) {
					t.Fatalf("error %v, want an invalid %s", err, c.invalid)
				}
				return
			}
			if err != nil || receipt.Ignored != c.ignored {
				t.Fatalf("ignored %q, error %v; want ignored %q", receipt.Ignored, err, c.ignored)
			}
			if c.ignored != "" {
				if len(receipt.Events) != 0 {
					t.Errorf("events %+v of what is ignored", receipt.Events)
				}
				return
			}
			if len(receipt.Events) != 1 {
				t.Fatalf("%d events", len(receipt.Events))
			}
			e := receipt.Events[0]
			if e.Ref != (connector.Ref{Kind: c.kind, ID: c.id}) || e.Change != c.change || (e.Body != nil) != c.whole || !e.UpdatedAt.Equal(c.updated) ||
				e.Topic != strings.ToLower(c.topic) || e.DeliveryID != "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043" {
				t.Errorf("event %+v", e)
			}
			if c.whole && (e.Form != "rest" || string(e.Body) != c.body) {
				t.Errorf("form %q, body %s", e.Form, e.Body)
			}
		})
	}
}

func TestTestNotificationIsKnownByItsHeader(t *testing.T) {
	b := newBench(t, map[string]string{"client_secret": "a secret of the app"})
	req := webhook("orders/create", sign("a secret of the app", []byte(plainOrder)), []byte(plainOrder))
	req.Header.Set("X-Shopify-Test", "true")
	if receipt, err := b.conn.Receiver.Receive(req); err != nil || receipt.Ignored != "test notification" {
		t.Errorf("%+v, %v", receipt, err)
	}
}

func TestWhoMaySign(t *testing.T) {
	settings := map[string]string{"client_secret": "present", "previous_client_secret": "previous", "webhook_secret": "of the admin page"}
	body := []byte(plainOrder)
	for name, c := range map[string]struct {
		signature string
		kind      connector.ErrorKind
	}{
		"the app's secret":             {sign("present", body), ""},
		"its secret before a rotation": {sign("previous", body), ""},
		"the key of the admin's page":  {sign("of the admin page", body), ""},
		"another secret":               {sign("guessed", body), connector.KindForbidden},
		"no signature":                 {"", connector.KindForbidden},
		"a signature that is too long": {base64.StdEncoding.EncodeToString(make([]byte, 64)), connector.KindForbidden},
		"no base64":                    {"%%%", connector.KindForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, settings)
			receipt, err := b.conn.Receiver.Receive(webhook("orders/create", c.signature, body))
			if c.kind == "" {
				if err != nil || len(receipt.Events) != 1 {
					t.Errorf("%+v, %v", receipt, err)
				}
				return
			}
			if connector.KindOf(err) != c.kind || len(receipt.Events) != 0 {
				t.Errorf("%+v, %v", receipt, err)
			}
		})
	}
	t.Run("no secret at all", func(t *testing.T) {
		b := newBench(t, map[string]string{"-client_secret": "", "-webhook_secret": ""})
		if _, err := b.conn.Receiver.Receive(webhook("orders/create", sign("", body), body)); connector.KindOf(err) != connector.KindAuth {
			t.Errorf("%v", err)
		}
	})
}

func TestWebhookForAnotherShopIsIgnored(t *testing.T) {
	config := shopify.Definition()
	b := newBench(t, nil)
	values := b.vendor.Settings()
	delete(values, "base_url")
	conn, err := connector.Open(t.Context(), config, values, connector.Env{
		Connection: "shop", BaseURL: "https://tea.myshopify.com", HTTP: &http.Client{Transport: b.wire}, State: b.state, Now: b.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for shop, ignored := range map[string]string{"tea.myshopify.com": "", "TEA.myshopify.com": "", "coffee.myshopify.com": "sent for another shop"} {
		req := webhook("orders/create", sign(values["client_secret"], []byte(plainOrder)), []byte(plainOrder))
		req.Header.Set("X-Shopify-Shop-Domain", shop)
		if receipt, err := conn.Receiver.Receive(req); err != nil || receipt.Ignored != ignored {
			t.Errorf("%s: %+v, %v", shop, receipt, err)
		}
	}
}

// TestSubscriptionsAreRepaired lets deliveries fail until the shop deletes the subscriptions.
func TestSubscriptionsAreRepaired(t *testing.T) {
	for _, form := range []string{"rest", "graphql"} {
		t.Run(form, func(t *testing.T) {
			b := newBench(t, map[string]string{"api": form})
			expect := func(when string, list func() ([]connector.Subscription, error), state connector.SubscriptionState) {
				t.Helper()
				all, err := list()
				if err != nil || len(all) != 10 {
					t.Fatalf("%s: %d subscriptions, %v", when, len(all), err)
				}
				for _, s := range all {
					if s.State != state || s.Address != hookAddress || (s.ID == "") != (state == connector.SubscriptionMissing) {
						t.Errorf("%s: %+v, want %s", when, s, state)
					}
				}
			}
			ctx := t.Context()
			look := func() ([]connector.Subscription, error) { return b.conn.Registrar.Webhooks(ctx, hookAddress) }
			ensure := func() ([]connector.Subscription, error) { return b.conn.Registrar.EnsureWebhooks(ctx, hookAddress) }
			expect("at first", look, connector.SubscriptionMissing)
			expect("made", ensure, connector.SubscriptionActive)
			b.wire.take()
			expect("made again", ensure, connector.SubscriptionActive)
			for _, e := range b.wire.take() {
				if strings.Contains(string(e.sent), "webhookSubscriptionCreate") || e.method == http.MethodPost && strings.HasSuffix(e.path, "webhooks.json") {
					t.Error("a subscription is made that is there")
				}
			}
			if other, err := b.conn.Registrar.Webhooks(ctx, "https://orderly.test/hooks/other"); err != nil || other[0].State != connector.SubscriptionMissing {
				t.Errorf("those of another address: %+v, %v", other, err)
			}
			if _, err := generator(1).Put(b.vendor); err != nil {
				t.Fatal(err)
			}
			var plan time.Duration
			for _, d := range b.post.take() {
				if len(d.Retries) != 8 || d.Timeout != 5*time.Second {
					t.Errorf("plan %v, time-out %s", d.Retries, d.Timeout)
				}
				plan = 0
				for _, wait := range d.Retries {
					plan += wait
				}
				d.Done(false)
			}
			if plan != 4*time.Hour {
				t.Errorf("the last attempt comes after %s", plan)
			}
			all, err := look()
			if err != nil {
				t.Fatal(err)
			}
			missing := 0
			for _, s := range all {
				if s.State == connector.SubscriptionMissing {
					missing++
				}
			}
			if missing == 0 {
				t.Error("eight failures have not deleted a subscription")
			}
			expect("repaired", ensure, connector.SubscriptionActive)
		})
	}
}

// TestSubscriptionsArePaged hides ours behind many of another address.
func TestSubscriptionsArePaged(t *testing.T) {
	for _, form := range []string{"rest", "graphql"} {
		t.Run(form, func(t *testing.T) {
			b := newBench(t, map[string]string{"api": form})
			for i := range 26 {
				if _, err := b.conn.Registrar.EnsureWebhooks(t.Context(), "https://orderly.test/hooks/"+string(rune('a'+i))); err != nil {
					t.Fatal(err)
				}
			}
			all, err := b.conn.Registrar.Webhooks(t.Context(), "https://orderly.test/hooks/z")
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				if s.State != connector.SubscriptionActive {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

func TestATopicWithoutARightKeepsNoOtherBack(t *testing.T) {
	for _, form := range []string{"rest", "graphql"} {
		t.Run(form, func(t *testing.T) {
			b := newBench(t, map[string]string{"api": form}, shopifyfake.Scopes("read_orders"))
			all, err := b.conn.Registrar.EnsureWebhooks(t.Context(), hookAddress)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				want := connector.SubscriptionActive
				if strings.HasPrefix(s.Topic, "customers/") {
					want = connector.SubscriptionMissing
				}
				if s.State != want {
					t.Errorf("%s is %s, want %s", s.Topic, s.State, want)
				}
			}
		})
	}
}

func TestAdminMadeWebhooksAreSignedWithTheirOwnKey(t *testing.T) {
	b := newBench(t, map[string]string{"client_secret": "not the one that signs", "-client_id": ""})
	if err := b.vendor.Subscribe(hookAddress); err != nil {
		t.Fatal(err)
	}
	if _, err := generator(4).Put(b.vendor); err != nil {
		t.Fatal(err)
	}
	sent := b.post.take()
	if len(sent) == 0 {
		t.Fatal("nothing was sent")
	}
	for _, d := range sent {
		receive(t, b, d)
	}
	if all, err := b.conn.Registrar.Webhooks(t.Context(), hookAddress); err != nil || all[0].State != connector.SubscriptionMissing {
		t.Errorf("the API shows webhooks that were made by hand: %+v, %v", all, err)
	}
}
