package connectortest

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

var (
	receiver  = ability{"connector.WebhookReceiver", func(c *connector.Conn) bool { return c.Receiver != nil }}
	registrar = ability{"connector.WebhookRegistrar", func(c *connector.Conn) bool { return c.Registrar != nil }}
)

// webhookChecks are about WebhookReceiver and WebhookRegistrar.
func webhookChecks() []check {
	in := []ability{receiver}
	both := []ability{receiver, registrar}
	return []check{
		{name: "webhooks/a new order is told", needs: in, run: newOrderIsTold},
		{name: "webhooks/a changed order is told", needs: in, run: changedOrderIsTold},
		{name: "webhooks/the same delivery is the same again", needs: in, run: sameDeliveryAgain},
		{name: "webhooks/another connection takes it as well", needs: in, run: otherNodeReceives},
		{name: "webhooks/an altered body is refused", needs: in, run: alteredBodyIsRefused},
		{name: "webhooks/a delivery without its proof is refused", needs: in, run: withoutProofIsRefused},
		{name: "webhooks/another secret is refused", needs: in, run: otherSecretIsRefused},
		{name: "webhooks/no secret takes nothing", needs: in, run: noSecretTakesNothing},
		{name: "webhooks/a proof made with an empty secret is refused", needs: in, run: emptySecretProvesNothing},
		{name: "webhooks/an old delivery is refused", needs: in, run: oldDeliveryIsRefused},
		{name: "webhooks/garbage is survived", needs: in, run: garbageIsSurvived},
		{name: "webhooks/a huge body is survived", needs: in, run: hugeBodyIsSurvived},
		{name: "webhooks/missing subscriptions are made", needs: both, run: missingAreMade},
		{name: "webhooks/looking changes nothing", needs: both, run: lookingChangesNothing},
		{name: "webhooks/disabled subscriptions are enabled", needs: both, run: disabledAreEnabled},
	}
}

// subscribe makes the vendor send its webhooks to us.
func (f *fixture) subscribe() {
	f.Helper()
	switch {
	case f.conn.Registrar != nil:
		if _, err := f.conn.Registrar.EnsureWebhooks(f.ctx(), hook); err != nil {
			f.Fatalf("ensure webhooks: %v", err)
		}
	case f.vendor.Subscribe != nil:
		if err := f.vendor.Subscribe(hook); err != nil {
			f.Fatalf("subscribe by hand: %v", err)
		}
	default:
		f.Fatal("the harness has no Subscribe, and the connector no WebhookRegistrar: no webhook can come")
	}
	f.settle() // pings and handshakes
}

// put makes an order in the vendor.
func (f *fixture) put(form orderForm) commerce.Order {
	f.Helper()
	return f.store(form.order())
}

func (f *fixture) store(order commerce.Order) commerce.Order {
	f.Helper()
	if f.vendor.PutOrder == nil {
		f.Fatal("the harness has no PutOrder: no order can come to be")
	}
	stated, err := f.vendor.PutOrder(order)
	if err != nil {
		f.Fatalf("put an order: %v", err)
	}
	if stated.Source.ExternalID == "" {
		f.Fatal("the vendor's PutOrder gives no id")
	}
	return stated
}

// request is a delivery as it comes in.
func request(d Delivery) connector.Request {
	return connector.Request{Method: http.MethodPost, URL: d.URL, Header: d.Header.Clone(), Body: bytes.Clone(d.Body), At: time.Now()}
}

// told gives the deliveries that speak of a record, with their events.
func (f *fixture) told(id string) (deliveries []Delivery, events []connector.Event) {
	f.Helper()
	for _, d := range f.settle() {
		receipt, err := f.conn.Receiver.Receive(request(d))
		if err != nil {
			f.Fatalf("a delivery of the vendor's own is refused: %v", err)
		}
		for _, e := range receipt.Events {
			if e.Ref.ID == id && e.Ref.Kind == commerce.KindOrder {
				deliveries, events = append(deliveries, d), append(events, e)
			}
		}
	}
	if len(events) == 0 {
		f.Fatalf("no webhook tells of order %s", id)
	}
	return deliveries, events
}

func newOrderIsTold(f *fixture) {
	f.subscribe()
	order := f.put(orderForm{})
	_, events := f.told(order.Source.ExternalID)
	for _, e := range events {
		if e.Topic == "" {
			f.Error("the event has no topic: nobody can see what happened")
		}
		if e.Change != connector.Changed {
			f.Errorf("a new order is told as %q", e.Change)
		}
		if e.Body != nil {
			raw := connector.Raw{Ref: e.Ref, Form: e.Form, Body: e.Body, UpdatedAt: e.UpdatedAt}
			if _, err := f.conn.Decoder.DecodeOrder(raw); err != nil {
				f.Errorf("the body of the event cannot be decoded: %v", err)
			}
		} else if f.conn.Fetcher == nil {
			f.Error("the event has no body, and the connector cannot fetch it")
		}
	}
}

func changedOrderIsTold(f *fixture) {
	f.subscribe()
	order := f.put(orderForm{})
	f.settle()
	time.Sleep(2 * time.Second) // virtual
	changed := orderForm{note: "Please ring twice"}.order()
	changed.Source.ExternalID = order.Source.ExternalID
	changed.Lines[0].Quantity = number("2")
	f.store(changed)
	f.told(order.Source.ExternalID)
}

func sameDeliveryAgain(f *fixture) {
	f.subscribe()
	order := f.put(orderForm{})
	deliveries, events := f.told(order.Source.ExternalID)
	receipt, err := f.conn.Receiver.Receive(request(deliveries[0]))
	if err != nil || len(receipt.Events) == 0 {
		f.Fatalf("the same delivery again: %d events, %v", len(receipt.Events), err)
	}
	again := receipt.Events[0]
	if again.DeliveryID != events[0].DeliveryID || again.Ref != events[0].Ref || !bytes.Equal(again.Body, events[0].Body) || !again.UpdatedAt.Equal(events[0].UpdatedAt) {
		f.Errorf("the same delivery gives %+v and then %+v", events[0], again)
	}
}

func otherNodeReceives(f *fixture) {
	f.subscribe()
	order := f.put(orderForm{})
	deliveries, _ := f.told(order.Source.ExternalID)
	here, err := f.conn.Receiver.Receive(request(deliveries[0]))
	if err != nil {
		f.Fatalf("receive: %v", err)
	}
	there, err := f.open(f.values).Receiver.Receive(request(deliveries[0]))
	if err != nil || !reflect.DeepEqual(here.Events, there.Events) {
		f.Errorf("another node makes %+v of it, %v; want %+v", there.Events, err, here.Events)
	}
}

// refuses fails the check unless the request is refused as one that is not proved.
func (f *fixture) refuses(what string, req connector.Request) {
	f.Helper()
	receipt, err := f.conn.Receiver.Receive(req)
	if connector.KindOf(err) != connector.KindForbidden || err == nil {
		f.Errorf("%s: %d events, error %v; want KindForbidden", what, len(receipt.Events), err)
	}
	if len(receipt.Events) > 0 {
		f.Errorf("%s brings %d events", what, len(receipt.Events))
	}
}

func alteredBodyIsRefused(f *fixture) {
	f.subscribe()
	deliveries, _ := f.told(f.put(orderForm{}).Source.ExternalID)
	for what, change := range map[string]func([]byte) []byte{
		"one byte changed": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"one byte more":    func(b []byte) []byte { return append(b, ' ') },
		"cut off":          func(b []byte) []byte { return b[:len(b)-2] },
		"emptied":          func([]byte) []byte { return nil },
	} {
		req := request(deliveries[0])
		req.Body = change(req.Body)
		f.refuses(what, req)
	}
}

// withoutProofIsRefused takes away whatever could be the proof: every header that is not part of plain
// HTTP, and what the address has beyond ours.
func withoutProofIsRefused(f *fixture) {
	f.subscribe()
	deliveries, _ := f.told(f.put(orderForm{}).Source.ExternalID)
	req := request(deliveries[0])
	bare := http.Header{}
	for _, name := range []string{"Content-Type", "User-Agent", "Content-Length"} {
		if values := req.Header.Values(name); len(values) > 0 {
			bare[name] = values
		}
	}
	topics := bare.Clone()
	for name, values := range req.Header { // what names the topic is no proof
		if strings.Contains(strings.ToLower(name), "topic") || strings.Contains(strings.ToLower(name), "event") {
			topics[name] = values
		}
	}
	req.URL = hook
	for _, header := range []http.Header{bare, topics} {
		req.Header = header
		f.refuses("without a proof", req)
	}
}

func (f *fixture) secretSetting() string {
	f.Helper()
	if f.harness.WebhookSecret != "" {
		return f.harness.WebhookSecret
	}
	name := ""
	for setting := range f.secrets() {
		if name != "" {
			f.Fatal("the connector has several secrets: the harness must say which proves a webhook (WebhookSecret)")
		}
		name = setting
	}
	if name == "" {
		f.Fatal("no setting is secret: nothing can prove a webhook")
	}
	return name
}

// with gives the values with one of them changed.
func (f *fixture) with(name, value string) map[string]string {
	out := maps.Clone(f.values)
	if out[name] = value; value == "" {
		delete(out, name)
	}
	return out
}

func otherSecretIsRefused(f *fixture) {
	f.subscribe()
	deliveries, _ := f.told(f.put(orderForm{}).Source.ExternalID)
	name := f.secretSetting()
	f.conn = f.open(f.with(name, strings.Repeat("z", max(len(f.values[name]), 16))))
	f.refuses("signed with another secret", request(deliveries[0]))
}

func noSecretTakesNothing(f *fixture) {
	f.subscribe()
	deliveries, _ := f.told(f.put(orderForm{}).Source.ExternalID)
	f.takesNothing("without a secret, a webhook", f.with(f.secretSetting(), ""), request(deliveries[0]))
}

// unknownTopic gives a delivery that is in order a topic of tomorrow, where a header names it.
func (f *fixture) unknownTopic(req connector.Request) {
	f.Helper()
	named := false
	for name := range req.Header {
		if strings.HasSuffix(strings.ToLower(name), "topic") {
			req.Header.Set(name, "somethings/of_tomorrow")
			named = true
		}
	}
	if !named {
		return
	}
	receipt, err := f.conn.Receiver.Receive(req)
	if len(receipt.Events) > 0 {
		f.Errorf("a topic that nobody knows brings %d events", len(receipt.Events))
	}
	if err == nil && receipt.Ignored == "" {
		f.Error("a topic that nobody knows is ignored without a reason")
	}
}

func oldDeliveryIsRefused(f *fixture) {
	if f.harness.ReplayWindow == 0 {
		f.applies = false
		f.Skip("the vendor signs no time")
	}
	f.subscribe()
	deliveries, _ := f.told(f.put(orderForm{}).Source.ExternalID)
	time.Sleep(f.harness.ReplayWindow + time.Minute) // virtual
	f.refuses("after the replay window", request(deliveries[0]))
}

func garbageIsSurvived(f *fixture) {
	f.subscribe()
	deliveries, _ := f.told(f.put(orderForm{}).Source.ExternalID)
	f.unknownTopic(request(deliveries[0]))
	body := deliveries[0].Body
	bodies := [][]byte{nil, {}, {0}, []byte("{"), []byte("[]"), []byte("null"), []byte("0"), []byte(`"x"`), []byte("<xml/>"), bytes.Repeat([]byte("["), 2000), {0xff, 0xfe}}
	for i := 0; i < len(body); i += max(len(body)/64, 1) {
		broken := bytes.Clone(body)
		broken[i] = 0
		bodies = append(bodies, broken, body[:i])
	}
	for _, b := range bodies {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodHead, "BREW"} {
			req := request(deliveries[0])
			req.Method, req.Body = method, b
			if _, err := f.conn.Receiver.Receive(req); err != nil && connector.KindOf(err) == connector.KindBug {
				f.Fatalf("a broken body is told as a bug: %v", err)
			}
		}
	}
	for name := range deliveries[0].Header {
		for _, value := range []string{"", "\x00", "=", "ÿ", "-1", "99999999999999999999", strings.Repeat("A", 5000)} {
			req := request(deliveries[0])
			req.Header.Set(name, value)
			if _, err := f.conn.Receiver.Receive(req); err != nil && connector.KindOf(err) == connector.KindBug {
				f.Fatalf("a broken %s is told as a bug: %v", name, err)
			}
		}
	}
	for _, address := range []string{"", ":", "https://orderly.test/hooks/suite?a=%zz", hook + "/" + strings.Repeat("x", 5000)} {
		req := request(deliveries[0])
		req.URL = address
		_, _ = f.conn.Receiver.Receive(req) // it must not panic
	}
}

func hugeBodyIsSurvived(f *fixture) {
	f.subscribe()
	deliveries, _ := f.told(f.put(orderForm{}).Source.ExternalID)
	req := request(deliveries[0])
	req.Body = append([]byte(`{"x":"`), bytes.Repeat([]byte("a"), 4<<20)...)
	if receipt, err := f.conn.Receiver.Receive(req); err == nil && len(receipt.Events) > 0 {
		f.Error("a body that nobody signed is accepted")
	}
}

// states gives how each wanted subscription stands.
func (f *fixture) states(list []connector.Subscription, err error) map[string]connector.SubscriptionState {
	f.Helper()
	if err != nil {
		f.Fatalf("webhooks: %v", err)
	}
	if len(list) == 0 {
		f.Fatal("no subscription is wanted")
	}
	out := map[string]connector.SubscriptionState{}
	for _, s := range list {
		if s.Topic == "" {
			f.Error("a subscription has no topic")
		}
		out[s.Topic] = s.State
	}
	return out
}

func missingAreMade(f *fixture) {
	for topic, state := range f.states(f.conn.Registrar.Webhooks(f.ctx(), hook)) {
		if state != connector.SubscriptionMissing {
			f.Errorf("before anything was made, %s is %s", topic, state)
		}
	}
	for topic, state := range f.states(f.conn.Registrar.EnsureWebhooks(f.ctx(), hook)) {
		if state != connector.SubscriptionActive {
			f.Errorf("after EnsureWebhooks, %s is %s", topic, state)
		}
	}
	for topic, state := range f.states(f.conn.Registrar.Webhooks(f.ctx(), hook)) {
		if state != connector.SubscriptionActive {
			f.Errorf("%s is said to be made, and is %s", topic, state)
		}
	}
	for topic, state := range f.states(f.conn.Registrar.Webhooks(f.ctx(), "https://elsewhere.test/hooks/suite")) {
		if state == connector.SubscriptionActive {
			f.Errorf("%s is active for an address that nobody subscribed", topic)
		}
	}
}

func lookingChangesNothing(f *fixture) {
	f.subscribe()
	f.wire.trouble(nil) // forget what was sent
	f.states(f.conn.Registrar.Webhooks(f.ctx(), hook))
	for _, e := range f.wire.exchanges() {
		if !e.safe {
			f.Errorf("looking at subscriptions sends %s %s", e.method, f.path(e))
		}
	}
	f.wire.trouble(nil)
	f.states(f.conn.Registrar.EnsureWebhooks(f.ctx(), hook))
	for _, e := range f.wire.exchanges() {
		if !e.safe {
			f.Errorf("making sure of what is in order sends %s %s", e.method, f.path(e))
		}
	}
}

// path is a request's path, without a query that may hold credentials.
func (f *fixture) path(e exchange) string {
	u, err := url.Parse(e.url)
	if err != nil {
		return "?"
	}
	return u.Path
}

func disabledAreEnabled(f *fixture) {
	if f.vendor.DisableWebhooks == nil {
		f.applies = false
		f.Skip("the vendor switches no subscription off")
	}
	f.subscribe()
	f.vendor.DisableWebhooks()
	off := 0
	for _, state := range f.states(f.conn.Registrar.Webhooks(f.ctx(), hook)) {
		if state != connector.SubscriptionActive {
			off++
		}
	}
	if off == 0 {
		f.Error("what the vendor switched off is told as active")
	}
	f.subscribe()
	f.told(f.put(orderForm{}).Source.ExternalID)
}
