package woocommerce

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
)

// topic is what a webhook's topic means to us.
type topic struct {
	name   string
	kind   commerce.Kind
	change connector.Change
}

// topics are those that are wanted. order.updated covers changes of status, and refunds.
func topics() []topic {
	return []topic{
		{"order.created", commerce.KindOrder, connector.Changed},
		{"order.updated", commerce.KindOrder, connector.Changed},
		{"order.deleted", commerce.KindOrder, connector.Deleted},
		{"order.restored", commerce.KindOrder, connector.Changed},
		{"customer.created", commerce.KindCustomer, connector.Changed},
		{"customer.updated", commerce.KindCustomer, connector.Changed},
		{"customer.deleted", commerce.KindCustomer, connector.Deleted},
	}
}

func topicNamed(name string) (topic, bool) {
	for _, t := range topics() {
		if t.name == name {
			return t, true
		}
	}
	return topic{}, false
}

// ping is the body of the request that creating or activating a webhook makes; it is not signed.
var ping = regexp.MustCompile(`^webhook_id=[0-9]{1,19}$`)

// Receive implements connector.WebhookReceiver.
//
// The header X-WC-Webhook-Delivery-ID is a hash of the webhook's id and the second, the same for two
// orders that change together: it is no id to trust, so the content decides.
func (c *conn) Receive(req connector.Request) (connector.Receipt, error) {
	signature := req.Header.Get("X-WC-Webhook-Signature")
	name := req.Header.Get("X-WC-Webhook-Topic")
	if signature == "" && name == "" && req.Method == http.MethodPost && ping.Match(req.Body) {
		return connector.Receipt{Ignored: "ping"}, nil
	}
	if c.config.WebhookSecret == "" {
		e := connector.Errorf(connector.KindAuth, "receive webhook", "there is no webhook_secret to prove webhooks with")
		e.Field, e.Fix = "webhook_secret", "set webhook_secret and let the webhooks be made again"
		return connector.Receipt{}, e
	}
	if !signed(req.Body, signature, c.config.WebhookSecret.Reveal()) {
		e := connector.Errorf(connector.KindForbidden, "receive webhook", "the signature is missing or does not fit the body and webhook_secret")
		e.Fix = "enter webhook_secret as the webhook's secret in WooCommerce, or delete the webhook there so that it is made again"
		return connector.Receipt{}, e
	}
	t, known := topicNamed(name)
	if !known {
		return connector.Receipt{Ignored: "topic " + limit(cmp.Or(name, "(none)"), 60)}, nil
	}
	h, err := decodeHead(req.Body)
	if err != nil {
		return connector.Receipt{}, err
	}
	event := connector.Event{
		Ref: connector.Ref{Kind: t.kind, ID: string(h.ID)}, Topic: t.name, Change: t.change, UpdatedAt: h.ModifiedGMT.Time,
	}
	if t.change == connector.Deleted {
		event.UpdatedAt = zeroTime
		return connector.Receipt{Events: []connector.Event{event}}, nil
	}
	if t.kind == commerce.KindOrder && draft(h.Status) {
		return connector.Receipt{Ignored: "unfinished checkout"}, nil
	}
	if !h.ModifiedGMT.IsZero() || h.Status != "" { // else it is only {"id":33}
		event.Form, event.Body = formOf(t.kind), req.Body
	}
	return connector.Receipt{Events: []connector.Event{event}}, nil
}

func formOf(kind commerce.Kind) string {
	if kind == commerce.KindCustomer {
		return "customer"
	}
	return formOrder
}

// signed says whether the signature is base64(HMAC-SHA256(secret, body)). WooCommerce keeps the secret
// escaped for HTML and turns that back before it signs (WC_Webhook::generate_signature), so that a
// secret which itself looks escaped is signed with as what it means.
func signed(body []byte, signature, secret string) bool {
	given, err := base64.StdEncoding.DecodeString(strings.TrimSpace(signature))
	if err != nil || len(given) != sha256.Size {
		return false
	}
	ok := hmac.Equal(given, digest(body, secret))
	if meant := html.UnescapeString(secret); meant != secret {
		return hmac.Equal(given, digest(body, meant)) || ok
	}
	return ok
}

func digest(body []byte, secret string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

const maxWebhookPages = 20

// webhooks reads all webhooks of the shop.
func (c *conn) webhooks(ctx context.Context) ([]api.Webhook, error) {
	const op = "list webhooks"
	var out []api.Webhook
	for page := 1; page <= maxWebhookPages; page++ {
		answer, err := c.api.List(ctx, op, "webhooks", url.Values{
			"per_page": {strconv.Itoa(maxPage)}, "page": {strconv.Itoa(page)}, "orderby": {"id"}, "order": {"asc"},
		})
		if err != nil {
			return nil, err
		}
		for _, item := range answer.Items {
			var w api.Webhook
			if err := unmarshal(item, &w); err != nil {
				return nil, connector.Errorf(connector.KindUnavailable, op, "a webhook in the list cannot be read: %w", err)
			}
			out = append(out, w)
		}
		if len(answer.Items) < maxPage {
			break
		}
	}
	return out, nil
}

// Webhooks implements connector.WebhookRegistrar.
func (c *conn) Webhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	existing, err := c.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	var out []connector.Subscription
	for _, t := range topics() {
		out = append(out, subscription(existing, t.name, address))
	}
	return out, nil
}

// subscription compares one topic: an active webhook to the address wins over one that is not.
func subscription(existing []api.Webhook, topic, address string) connector.Subscription {
	out := connector.Subscription{Topic: topic, Address: address, State: connector.SubscriptionMissing}
	for _, w := range existing {
		if w.Topic != topic || strings.TrimRight(w.DeliveryURL, "/") != strings.TrimRight(address, "/") {
			continue
		}
		if w.Status == "active" {
			out.ID, out.State = w.ID.String(), connector.SubscriptionActive
			return out
		}
		if out.State == connector.SubscriptionMissing {
			// Paused by a person, or disabled by WooCommerce after more than five failures in a row.
			out.ID, out.State = w.ID.String(), connector.SubscriptionDisabled
		}
	}
	return out
}

// EnsureWebhooks implements connector.WebhookRegistrar. It gives each webhook our secret when it makes
// or enables it: WooCommerce never shows the one that it has.
func (c *conn) EnsureWebhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	if c.config.WebhookSecret == "" {
		e := connector.Errorf(connector.KindAuth, "make webhooks", "there is no webhook_secret to sign webhooks with")
		e.Field, e.Fix = "webhook_secret", "set webhook_secret to a long random text"
		return nil, e
	}
	wanted, err := c.Webhooks(ctx, address)
	if err != nil {
		return nil, err
	}
	for i := range wanted {
		s := &wanted[i]
		body := map[string]string{"status": "active", "secret": c.config.WebhookSecret.Reveal()}
		switch s.State {
		case connector.SubscriptionActive:
			continue
		case connector.SubscriptionMissing:
			body["name"], body["topic"], body["delivery_url"] = "Orderly "+s.Topic, s.Topic, address
			err = c.saveWebhook(ctx, "make webhook "+s.Topic, http.MethodPost, "webhooks", body, s)
		default:
			err = c.saveWebhook(ctx, "enable webhook "+s.Topic, http.MethodPut, "webhooks/"+s.ID, body, s)
		}
		if err != nil {
			return nil, err
		}
	}
	return wanted, nil
}

func (c *conn) saveWebhook(ctx context.Context, op, method, route string, body map[string]string, s *connector.Subscription) error {
	var saved api.Webhook
	if err := c.api.Write(ctx, op, method, route, body, &saved); err != nil {
		return err
	}
	s.ID, s.State = saved.ID.String(), connector.SubscriptionActive
	if saved.Status != "active" {
		s.State = connector.SubscriptionDisabled
	}
	return nil
}
