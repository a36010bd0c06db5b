package sapb1_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
)

const hookURL = "https://orderly.test/hooks/erp"

func signature(algorithm func() hash.Hash, key string, message []byte) string {
	mac := hmac.New(algorithm, []byte(key))
	mac.Write(message)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (p *pretend) secret() string { return p.vendor.Settings()["webhook_secret"] }

func post(headers map[string]string, body string) connector.Request {
	h := http.Header{}
	for name, value := range headers {
		h.Set(name, value)
	}
	return connector.Request{Method: http.MethodPost, URL: hookURL, Header: h, Body: []byte(body)}
}

const oneEvent = `[ {"id":"e1","type":"sap.b1.Orders.Created.v1","subject":"91","data":{"DocEntry":"91"}} ]`

func TestSignaturesOfWebhooks(t *testing.T) {
	for name, algorithm := range map[string]func() hash.Hash{"HMACSha256": sha256.New, "HMACSha384": sha512.New384, "HMACSha512": sha512.New} {
		p := open(t, map[string]string{"webhook_algorithm": name})
		good := signature(algorithm, p.secret(), []byte(oneEvent))
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(oneEvent)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name    string
			headers map[string]string
			body    string
			want    connector.ErrorKind
		}{
			{"over the raw body", map[string]string{"X-B1-Webhook-Signature": good}, oneEvent, ""},
			{"over the body written again", map[string]string{"X-B1-Webhook-Signature": signature(algorithm, p.secret(), compact.Bytes())}, oneEvent, ""},
			{"of another body", map[string]string{"X-B1-Webhook-Signature": good}, strings.Replace(oneEvent, "91", "92", 1), connector.KindForbidden},
			{"with another key", map[string]string{"X-B1-Webhook-Signature": signature(algorithm, "other", []byte(oneEvent))}, oneEvent, connector.KindForbidden},
			{"no base64", map[string]string{"X-B1-Webhook-Signature": "???"}, oneEvent, connector.KindForbidden},
			{"none", nil, oneEvent, connector.KindForbidden},
			{"another secret beside none", map[string]string{"X-Orderly-Secret": "guess"}, oneEvent, connector.KindForbidden},
			{"a wrong signature beside the secret", map[string]string{"X-B1-Webhook-Signature": "aGk=", "X-Orderly-Secret": p.secret()}, oneEvent, connector.KindForbidden},
			{"proved but broken", map[string]string{"X-B1-Webhook-Signature": signature(algorithm, p.secret(), []byte(`[{`))}, `[{`, connector.KindInvalid},
		} {
			receipt, err := p.conn.Receiver.Receive(post(c.headers, c.body))
			if (c.want == "") != (err == nil) || (err != nil && connector.KindOf(err) != c.want) || (err == nil && len(receipt.Events) != 1) {
				t.Errorf("%s, %s: %+v, %v", name, c.name, receipt, err)
			}
		}
	}
	without := open(t, map[string]string{"webhook_secret": ""})
	if _, err := without.conn.Receiver.Receive(post(nil, oneEvent)); connector.KindOf(err) != connector.KindAuth {
		t.Error(err)
	}
}

func TestHandshake(t *testing.T) {
	p := open(t, nil)
	const token = "5f0c7f5e-0000-4000-8000-000000000001"
	get := func(headers map[string]string) connector.Request {
		r := post(headers, "")
		r.Method = http.MethodGet
		return r
	}
	for _, c := range []struct {
		name    string
		request connector.Request
		body    string
	}{
		{"signed", get(map[string]string{"X-B1-Webhook-Token": token, "X-B1-Webhook-Signature": signature(sha256.New, p.secret(), []byte(token))}), `{"Challenge":"` + token + `"}`},
		{"not signed", get(map[string]string{"X-B1-Webhook-Token": token}), `{"Challenge":"` + token + `"}`},
		{"is anybody there", connector.Request{Method: http.MethodHead, URL: hookURL}, ""},
	} {
		receipt, err := p.conn.Receiver.Receive(c.request)
		if err != nil || receipt.Answer == nil || receipt.Answer.Status != 200 || string(receipt.Answer.Body) != c.body || len(receipt.Events) != 0 {
			t.Errorf("%s: %+v, %v", c.name, receipt, err)
		}
	}
	for name, headers := range map[string]map[string]string{
		"no token": nil, "a token that is a script": {"X-B1-Webhook-Token": `<script>`},
		"a wrong signature": {"X-B1-Webhook-Token": token, "X-B1-Webhook-Signature": signature(sha256.New, "other", []byte(token))},
	} {
		if _, err := p.conn.Receiver.Receive(get(headers)); connector.KindOf(err) != connector.KindForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEventsOfAMessage(t *testing.T) {
	p := open(t, nil)
	event := func(kind commerce.Kind, id, topic string, change connector.Change, delivery string) connector.Event {
		return connector.Event{Ref: connector.Ref{Kind: kind, ID: id}, Topic: topic, Change: change, DeliveryID: delivery}
	}
	for _, c := range []struct {
		name, body string
		want       []connector.Event
		ignored    bool
		invalid    string // the field at fault
	}{
		{name: "several", body: `[{"id":"a","type":"sap.b1.Orders.Updated.v1","subject":"91","data":{"DocEntry":"91"}},{"id":"b","type":"sap.b1.BusinessPartners.Created.v1","subject":"C'1","data":{"CardCode":"C'1"}}]`,
			want: []connector.Event{event("order", "91", "Orders.Updated", connector.Changed, "a"), event("customer", "C'1", "BusinessPartners.Created", connector.Changed, "b")}},
		{name: "with fields of the header", body: `[{"id":"a","type":"sap.b1.Orders.Closed.v1","subject":"91","data":{"DocEntry":91,"DocTotal":1500.0}}]`,
			want: []connector.Event{event("order", "91", "Orders.Closed", connector.Changed, "a")}},
		{name: "deleted", body: `[{"id":"a","type":"sap.b1.Orders.Deleted.v1","subject":"91"}]`, want: []connector.Event{event("order", "91", "Orders.Deleted", connector.Deleted, "a")}},
		{name: "of other objects", body: `[{"id":"a","type":"sap.b1.Items.Updated.v1","subject":"A1"}]`, ignored: true},
		{name: "nothing", body: `[]`, ignored: true},
		{name: "no key", body: `[{"id":"a","type":"sap.b1.Orders.Created.v1"}]`, invalid: "[0].subject"},
		{name: "another sender", body: `[{"id":"a","type":"com.example.Created"}]`, invalid: "[0].type"},
		{name: "odd data", body: `[{"id":"a","type":"sap.b1.Orders.Created.v1","subject":"1","data":[]}]`, invalid: "[0].data"},
		{name: "a notice", body: `{"object":"17","transaction":"A","key":"91"}`, want: []connector.Event{event("order", "91", "Orders.A", connector.Changed, "")}},
		{name: "a notice with numbers", body: `{"object":2,"transaction":"D","key":"C1","id":"n1"}`, want: []connector.Event{event("customer", "C1", "BusinessPartners.D", connector.Deleted, "n1")}},
		{name: "a notice of an invoice", body: `{"object":"13","transaction":"A","key":"5"}`, ignored: true},
		{name: "a notice without an object", body: `{"transaction":"A","key":"5"}`, invalid: "object"},
		{name: "a notice without a key", body: `{"object":"17","transaction":"A"}`, invalid: "key"},
		{name: "a notice of what", body: `{"object":"17","transaction":"Z","key":"5"}`, invalid: "transaction"},
	} {
		receipt, err := p.conn.Receiver.Receive(post(map[string]string{"X-Orderly-Secret": p.secret()}, c.body))
		if c.invalid != "" {
			if e, ok := err.(*connector.Error); !ok || e.Kind != connector.KindInvalid || e.Field != c.invalid { //nolint:errorlint // it is not wrapped
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || fmt.Sprint(receipt.Events) != fmt.Sprint(c.want) || (receipt.Ignored != "") != c.ignored {
			t.Errorf("%s: %+v, %v", c.name, receipt, err)
		}
	}
	many := "[" + strings.Repeat(`{"type":"sap.b1.Orders.Created.v1","subject":"1"},`, 1024) + `{"type":"sap.b1.Orders.Created.v1","subject":"1"}]`
	if _, err := p.conn.Receiver.Receive(post(map[string]string{"X-Orderly-Secret": p.secret()}, many)); connector.KindOf(err) != connector.KindInvalid {
		t.Error("more events than there can be are taken")
	}
}

// hook is Orderly's side of a handshake.
type hook struct{ p *pretend }

func (h hook) RoundTrip(req *http.Request) (*http.Response, error) {
	receipt, err := h.p.conn.Receiver.Receive(connector.Request{Method: req.Method, URL: req.URL.String(), Header: req.Header})
	if err != nil {
		return &http.Response{StatusCode: 403, Body: http.NoBody, Request: req}, nil //nolint:nilerr // it becomes an answer
	}
	return &http.Response{StatusCode: receipt.Answer.Status, Header: receipt.Answer.Header, Body: io.NopCloser(bytes.NewReader(receipt.Answer.Body)), Request: req}, nil
}

func TestSubscriptions(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			transport := &hook{}
			p := open(t, map[string]string{"api_version": version}, b1fake.Client(&http.Client{Transport: transport}))
			transport.p = p
			expect := func(when string, got []connector.Subscription, err error, want connector.SubscriptionState) {
				t.Helper()
				if err != nil || len(got) != 9 {
					t.Fatalf("%s: %+v, %v", when, got, err)
				}
				for _, s := range got {
					if s.State != want || s.Address != hookURL || s.Topic == "" {
						t.Errorf("%s: %+v", when, s)
					}
				}
			}
			got, err := p.conn.Registrar.Webhooks(t.Context(), hookURL)
			expect("before", got, err, connector.SubscriptionMissing)
			for range 2 {
				got, err = p.conn.Registrar.EnsureWebhooks(t.Context(), hookURL)
				expect("ensured", got, err, connector.SubscriptionActive)
			}
			if n := p.calls("POST", "/EventSubscriptions"); n != 1 {
				t.Errorf("%d subscriptions made", n)
			}
			p.vendor.DisableWebhooks()
			got, err = p.conn.Registrar.Webhooks(t.Context(), hookURL)
			expect("disabled", got, err, connector.SubscriptionDisabled)
			got, err = p.conn.Registrar.EnsureWebhooks(t.Context(), hookURL)
			expect("enabled again", got, err, connector.SubscriptionActive)

			id := p.typed(1)
			var events []connector.Event
			for _, d := range p.delivered {
				receipt, err := p.conn.Receiver.Receive(connector.Request{Method: "POST", URL: d.URL, Header: d.Header, Body: d.Body})
				if err != nil {
					t.Fatal(err)
				}
				events = append(events, receipt.Events...)
			}
			if len(events) != 2 || events[1].Ref != (connector.Ref{Kind: commerce.KindOrder, ID: id}) || events[0].Ref.Kind != commerce.KindCustomer || events[0].DeliveryID == events[1].DeliveryID {
				t.Errorf("%+v", events)
			}
			// A delivery that nobody takes makes the subscription inactive.
			p.delivered[0].Done(false)
			got, err = p.conn.Registrar.Webhooks(t.Context(), hookURL)
			expect("after failures", got, err, connector.SubscriptionDisabled)
			p.healthy()
		})
	}
}

func TestHandshakeThatFails(t *testing.T) {
	transport := &hook{}
	p := open(t, nil, b1fake.Client(&http.Client{Transport: transport}))
	transport.p = &pretend{conn: open(t, map[string]string{"webhook_secret": "another-secret"}).conn}
	if _, err := p.conn.Registrar.EnsureWebhooks(t.Context(), hookURL); connector.KindOf(err) != connector.KindInvalid {
		t.Error(err)
	}
}

func TestNoticesOfAScript(t *testing.T) {
	p := open(t, nil, b1fake.Script(hookURL))
	id := p.typed(1)
	if err := p.vendor.CancelOrder(id); err != nil {
		t.Fatal(err)
	}
	var topics []string
	for _, d := range p.delivered {
		receipt, err := p.conn.Receiver.Receive(connector.Request{Method: "POST", URL: d.URL, Header: d.Header, Body: d.Body})
		if err != nil || len(receipt.Events) != 1 {
			t.Fatalf("%+v, %v", receipt, err)
		}
		topics = append(topics, receipt.Events[0].Topic)
	}
	if fmt.Sprint(topics) != "[BusinessPartners.A Orders.A Orders.C]" {
		t.Error(topics)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte(oneEvent))
	f.Add([]byte(`{"object":"17","transaction":"A","key":"91"}`))
	f.Add([]byte(`[{"id":"a","type":"sap.b1.Orders.Created.v1","data":{"DocEntry":91}}]`))
	f.Add([]byte(`[{"type":"sap.b1..."}]`))
	p := open(f, nil)
	secret := p.secret()
	f.Fuzz(func(t *testing.T, body []byte) {
		receipt, err := p.conn.Receiver.Receive(post(map[string]string{"X-Orderly-Secret": secret}, string(body)))
		if err != nil {
			if connector.KindOf(err) != connector.KindInvalid || len(receipt.Events) != 0 {
				t.Errorf("%+v, %v", receipt, err)
			}
			return
		}
		for _, e := range receipt.Events {
			if e.Ref.ID == "" || (e.Ref.Kind != commerce.KindOrder && e.Ref.Kind != commerce.KindCustomer) {
				t.Errorf("%+v", e)
			}
		}
		if len(receipt.Events) == 0 && receipt.Ignored == "" {
			t.Error("neither events nor a reason")
		}
	})
}
