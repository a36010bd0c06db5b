package woocommerce_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	woofake "github.com/orderlyhq/orderly/connectors/woocommerce/fake"
	"github.com/orderlyhq/orderly/internal/fake"
)

// subscribe makes the webhooks and takes their pings.
func (s *shop) subscribe(t testing.TB) {
	t.Helper()
	subscriptions, err := s.conn.Registrar.EnsureWebhooks(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	pings := s.post.take()
	if len(subscriptions) != 7 || len(pings) != 7 {
		t.Fatalf("%d subscriptions, %d pings", len(subscriptions), len(pings))
	}
	for _, ping := range pings {
		if receipt := s.receive(t, ping); receipt.Ignored != "ping" || len(receipt.Events) != 0 || receipt.Answer != nil {
			t.Errorf("a ping gives %+v", receipt)
		}
	}
}

func (s *shop) receive(t testing.TB, d fake.Delivery) connector.Receipt {
	t.Helper()
	receipt, err := s.conn.Receiver.Receive(connector.Request{Method: http.MethodPost, URL: d.URL, Header: d.Header, Body: d.Body, At: s.clock.at})
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func topicsOf(sent []fake.Delivery) []string {
	var out []string
	for _, d := range sent {
		out = append(out, d.Header.Get("X-WC-Webhook-Topic"))
	}
	return out
}

func TestTheLifeOfAnOrderInWebhooks(t *testing.T) {
	for version, options := range map[string][]woofake.Option{"11.0": nil, "7.9": {woofake.Version79()}} {
		t.Run(version, func(t *testing.T) {
			s := open(t, nil, options...)
			s.subscribe(t)
			id := s.put(t, 1)[0]
			sent := s.post.take()
			if got := topicsOf(sent); !slices.Equal(got, []string{"order.updated", "order.created"}) {
				t.Fatalf("topics of a new order: %v", got)
			}
			for _, d := range sent {
				e := s.receive(t, d).Events[0]
				if e.Ref != (connector.Ref{Kind: commerce.KindOrder, ID: id}) || e.Change != connector.Changed || e.DeliveryID != "" || !e.UpdatedAt.Equal(s.clock.at) || e.Body == nil {
					t.Errorf("%+v", e)
				}
			}
			s.clock.move(time.Minute)
			if err := s.vendor.CancelOrder(id); err != nil {
				t.Fatal(err)
			}
			e := s.receive(t, s.post.take()[0]).Events[0]
			stale, err := s.conn.Decoder.DecodeOrder(connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body})
			if err != nil || stale.OrderState == commerce.StateCancelled {
				t.Errorf("the body should be a stale one, is %s (%v)", stale.OrderState, err)
			}
			if got := s.fetch(t, id); got.OrderState != commerce.StateCancelled {
				t.Errorf("the order read is %s", got.OrderState)
			}
			if !s.conn.Definition.Traits.FetchAlways {
				t.Error("bodies are stale, so records must be fetched always")
			}
			s.admin(t, http.MethodDelete, "orders/"+id, "")
			sent = s.post.take()
			gone := s.receive(t, sent[0]).Events[0]
			if string(sent[0].Body) != `{"id":`+id+`}` || gone.Change != connector.Deleted || gone.Body != nil || gone.Ref.ID != id {
				t.Errorf("%s gives %+v", sent[0].Body, gone)
			}
		})
	}
}

func TestRefundsTouchTheOrderAndNotesDoNot(t *testing.T) {
	s := open(t, nil)
	s.subscribe(t)
	id := s.put(t, 1)[0]
	s.post.take()
	before := s.fetch(t, id)
	s.clock.move(time.Minute)
	s.admin(t, http.MethodPost, "orders/"+id+"/notes", `{"note":"packed"}`)
	if sent := s.post.take(); len(sent) != 0 {
		t.Errorf("a note sends %v", topicsOf(sent))
	}
	if got := s.fetch(t, id); !got.Source.UpdatedAt.Equal(before.Source.UpdatedAt) {
		t.Error("a note changes the order's time of change")
	}
	s.admin(t, http.MethodPost, "orders/"+id+"/refunds", `{"amount":"0.01","reason":"scratch","api_refund":false}`)
	if got := topicsOf(s.post.take()); !slices.Equal(got, []string{"order.updated"}) {
		t.Errorf("a refund sends %v", got)
	}
	got := s.fetch(t, id)
	if !got.Source.UpdatedAt.Equal(s.clock.at) || got.Totals.Refunded.Amount.String() != "0.01" || got.Refunds[0].Reason != "scratch" {
		t.Errorf("refunded %s at %s, %+v", got.Totals.Refunded, got.Source.UpdatedAt, got.Refunds)
	}
}

func TestWebhooksThatAreNotProvedAreRefused(t *testing.T) {
	s := open(t, nil)
	s.subscribe(t)
	s.put(t, 1)
	d := s.post.take()[0]
	try := func(change func(r *connector.Request)) error {
		req := connector.Request{Method: http.MethodPost, URL: address, Header: d.Header.Clone(), Body: slices.Clone(d.Body)}
		change(&req)
		receipt, err := s.conn.Receiver.Receive(req)
		if err != nil && len(receipt.Events) > 0 {
			t.Error("events beside an error")
		}
		return err
	}
	for name, change := range map[string]func(r *connector.Request){
		"no signature":                  func(r *connector.Request) { r.Header.Del("X-WC-Webhook-Signature") },
		"a signature in hex":            func(r *connector.Request) { r.Header.Set("X-WC-Webhook-Signature", strings.Repeat("ab", 32)) },
		"an empty signature":            func(r *connector.Request) { r.Header.Set("X-WC-Webhook-Signature", "") },
		"another body":                  func(r *connector.Request) { r.Body[len(r.Body)-1] = ' ' },
		"a ping with a topic":           func(r *connector.Request) { r.Body = []byte("webhook_id=1"); r.Header.Del("X-WC-Webhook-Signature") },
		"a ping with more in it":        func(r *connector.Request) { r.Body = []byte("webhook_id=1&id=5"); r.Header = http.Header{} },
		"a request without any content": func(r *connector.Request) { r.Body = nil; r.Header = http.Header{} },
	} {
		if err := try(change); connector.KindOf(err) != connector.KindForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := try(func(*connector.Request) {}); err != nil {
		t.Errorf("the delivery itself: %v", err)
	}
	without := open(t, map[string]string{"webhook_secret": ""})
	if _, err := without.conn.Receiver.Receive(connector.Request{Method: http.MethodPost, Header: d.Header, Body: d.Body}); connector.KindOf(err) != connector.KindAuth {
		t.Errorf("without a secret: %v", err)
	}
	if _, err := without.conn.Registrar.EnsureWebhooks(t.Context(), address); connector.KindOf(err) != connector.KindAuth {
		t.Errorf("webhooks without a secret: %v", err)
	}
}

func states(list []connector.Subscription) map[connector.SubscriptionState]int {
	out := map[connector.SubscriptionState]int{}
	for _, s := range list {
		out[s.State]++
	}
	return out
}

func TestWebhooksAreMadeEnabledAndLeftAlone(t *testing.T) {
	s := open(t, nil)
	// Somebody else's, and one of ours that went to another address.
	s.admin(t, http.MethodPost, "webhooks", `{"name":"CRM","topic":"order.created","delivery_url":"https://crm.example.com/hook","secret":"x"}`)
	s.post.take()
	missing, err := s.conn.Registrar.Webhooks(t.Context(), address)
	if err != nil || states(missing)[connector.SubscriptionMissing] != 7 {
		t.Fatalf("%v %v", states(missing), err)
	}
	s.subscribe(t)
	s.clock.move(time.Minute)
	requests := len(s.wire.requests)
	again, err := s.conn.Registrar.EnsureWebhooks(t.Context(), address)
	if err != nil || states(again)[connector.SubscriptionActive] != 7 || len(s.post.take()) != 0 || len(s.wire.requests) != requests+1 {
		t.Errorf("again: %v, %v, %d requests", states(again), err, len(s.wire.requests)-requests)
	}
	s.admin(t, http.MethodPut, "webhooks/"+again[0].ID, `{"status":"paused"}`)
	s.admin(t, http.MethodPut, "webhooks/"+again[1].ID, `{"status":"disabled"}`)
	s.admin(t, http.MethodDelete, "webhooks/"+again[2].ID+"?force=true", "")
	s.admin(t, http.MethodPut, "webhooks/"+again[3].ID, `{"delivery_url":"https://elsewhere.example.com/hook"}`)
	broken, err := s.conn.Registrar.Webhooks(t.Context(), address)
	if got := states(broken); err != nil || got[connector.SubscriptionDisabled] != 2 || got[connector.SubscriptionMissing] != 2 || got[connector.SubscriptionActive] != 3 {
		t.Errorf("%v %v", got, err)
	}
	repaired, err := s.conn.Registrar.EnsureWebhooks(t.Context(), address)
	if err != nil || states(repaired)[connector.SubscriptionActive] != 7 || len(s.post.take()) != 4 {
		t.Errorf("%v %v", states(repaired), err)
	}
	if repaired[0].ID != again[0].ID || repaired[2].ID == again[2].ID {
		t.Errorf("ids %v, were %v", repaired, again)
	}
}

func TestMoreWebhooksThanAPage(t *testing.T) {
	s := open(t, nil)
	for range 120 {
		s.admin(t, http.MethodPost, "webhooks", `{"topic":"order.created","delivery_url":"https://crm.example.com/hook"}`)
	}
	s.post.take()
	s.subscribe(t)
	if list, err := s.conn.Registrar.Webhooks(t.Context(), address); err != nil || states(list)[connector.SubscriptionActive] != 7 {
		t.Errorf("%v %v", states(list), err)
	}
}

// WooCommerce switches a webhook off after more than five failures in a row, and never on again.
func TestAWebhookThatFailsIsSwitchedOffAndOnAgain(t *testing.T) {
	s := open(t, nil)
	s.subscribe(t)
	fail := func(times int, delivered bool) {
		for range times {
			s.put(t, 1)
			for _, d := range s.post.take() {
				if len(d.Retries) != 0 {
					t.Fatal("WooCommerce does not send twice")
				}
				d.Done(delivered)
			}
		}
	}
	disabled := func() int {
		list, err := s.conn.Registrar.Webhooks(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		return states(list)[connector.SubscriptionDisabled]
	}
	fail(5, false)
	fail(1, true)
	fail(5, false)
	if n := disabled(); n != 0 {
		t.Errorf("%d webhooks are off after five failures in a row", n)
	}
	fail(1, false)
	if n := disabled(); n != 2 {
		t.Errorf("%d webhooks are off after six failures in a row, want order.created and order.updated", n)
	}
	if fail(1, false); len(s.post.sent) != 0 {
		t.Error("a webhook that is off is sent")
	}
	if _, err := s.conn.Registrar.EnsureWebhooks(t.Context(), address); err != nil || disabled() != 0 {
		t.Errorf("%d are off after repair, %v", disabled(), err)
	}
	s.post.take()
	s.put(t, 1)
	if got := s.post.take(); len(got) != 2 {
		t.Errorf("%d deliveries after repair", len(got))
	}
}

// The id of a delivery is a hash of webhook and second, so two orders share it.
func TestDeliveryIDsAreNotTrusted(t *testing.T) {
	s := open(t, nil)
	s.subscribe(t)
	s.put(t, 2)
	sent := s.post.take()
	if a, b := sent[0].Header.Get("X-WC-Webhook-Delivery-ID"), sent[2].Header.Get("X-WC-Webhook-Delivery-ID"); a != b || a == "" {
		t.Errorf("delivery ids %q and %q of one second", a, b)
	}
	for _, d := range sent {
		if e := s.receive(t, d).Events[0]; e.DeliveryID != "" {
			t.Errorf("delivery id %q", e.DeliveryID)
		}
	}
}

func TestUnknownTopicsAndUnfinishedCheckoutsAreIgnoredWithAReason(t *testing.T) {
	s := open(t, nil)
	for topic, want := range map[string]string{
		"product.updated": "topic product.updated", "action.wc_custom": "topic action.wc_custom", "": "topic (none)",
	} {
		if receipt, err := s.conn.Receiver.Receive(s.signed(topic, `{"id":5,"status":"processing"}`)); err != nil || receipt.Ignored != want || len(receipt.Events) != 0 {
			t.Errorf("%q: %+v, %v", topic, receipt, err)
		}
	}
	if receipt, err := s.conn.Receiver.Receive(s.signed("order.updated", `{"id":5,"status":"checkout-draft"}`)); err != nil || receipt.Ignored != "unfinished checkout" {
		t.Errorf("%+v, %v", receipt, err)
	}
	// What a shop sends when the webhook's user may not read orders any more.
	if _, err := s.conn.Receiver.Receive(s.signed("order.updated", `{"code":"woocommerce_rest_cannot_view","message":"Sorry"}`)); connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("%v", err)
	}
	if receipt, err := s.conn.Receiver.Receive(s.signed("order.restored", `{"id":"00"}`)); err == nil && receipt.Events[0].Body != nil {
		t.Errorf("a body that is only an id is no record: %+v", receipt)
	}
}
