package shopify

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
)

// bodyForm is what a topic's body is.
type bodyForm int

const (
	wholeOrder       bodyForm = iota // the order itself
	wholeCustomer                    // the customer itself
	editOfOrder                      // {"order_edit":{"order_id":…}}
	childOfOrder                     // an object with an order_id
	goneOrder                        // {"id":…}
	goneCustomer                     // {"id":…}
	redactedCustomer                 // {"customer":{"id":…}}
)

// topic is what a webhook can be about.
type topic struct {
	name       string
	form       bodyForm
	subscribed bool
}

// topics are those that we understand, in the order in which they are subscribed to. The last is sent
// without a subscription: Shopify demands an answer to it from every app.
var topics = []topic{
	{"orders/create", wholeOrder, true},
	{"orders/updated", wholeOrder, true},
	{"orders/paid", wholeOrder, true},
	{"orders/cancelled", wholeOrder, true},
	{"orders/edited", editOfOrder, true},
	{"orders/delete", goneOrder, true},
	{"refunds/create", childOfOrder, true},
	{"customers/create", wholeCustomer, true},
	{"customers/update", wholeCustomer, true},
	{"customers/delete", goneCustomer, true},
	{"orders/fulfilled", wholeOrder, false},
	{"orders/partially_fulfilled", wholeOrder, false},
	{"customers/redact", redactedCustomer, false},
}

// testOrderID is the order of "Send test notification": no shop has it, and its sums do not add up.
const testOrderID = "820982911946154508"

// Receive proves a webhook by its signature over the bytes of its body and gives its event.
// (shopify.dev/docs/apps/build/webhooks/verify-deliveries)
func (c *conn) Receive(req connector.Request) (connector.Receipt, error) {
	if err := c.verify(req); err != nil {
		return connector.Receipt{}, err
	}
	name := strings.ToLower(req.Header.Get("X-Shopify-Topic"))
	at := slices.IndexFunc(topics, func(t topic) bool { return t.name == name })
	if at < 0 {
		return connector.Receipt{Ignored: "unknown topic " + clip(name)}, nil
	}
	// One app may be in several shops, and signs for all of them with one secret.
	sender := req.Header.Get("X-Shopify-Shop-Domain")
	if own := c.shopHost(); own != "" && sender != "" && !strings.EqualFold(own, sender) {
		return connector.Receipt{Ignored: "sent for another shop"}, nil
	}
	if req.Header.Get("X-Shopify-Test") == "true" {
		return connector.Receipt{Ignored: "test notification"}, nil
	}
	event, err := eventOf(topics[at].form, req.Body)
	if err != nil {
		return connector.Receipt{}, err
	}
	if event.Ref.ID == testOrderID {
		return connector.Receipt{Ignored: "test notification"}, nil
	}
	event.Topic, event.DeliveryID = name, req.Header.Get("X-Shopify-Webhook-Id")
	return connector.Receipt{Events: []connector.Event{event}}, nil
}

// verify compares the signature with those of every key that may sign, in constant time. After a
// rotation of the app's secret the old one signs for up to an hour; webhooks made in the shop's admin
// are signed with a key of their own.
func (c *conn) verify(req connector.Request) error {
	var keys []connector.Secret
	for _, key := range []connector.Secret{c.config.ClientSecret, c.config.PreviousSecret, c.config.WebhookSecret} {
		if key != "" {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return &connector.Error{
			Kind: connector.KindAuth, Op: "receive webhook", Message: "no secret is set, so that nothing can prove a webhook",
			Fix: "set client_secret (for webhooks that Orderly makes) or webhook_secret (for those made in the shop's admin)",
		}
	}
	forged := &connector.Error{
		Kind: connector.KindForbidden, Op: "receive webhook", Message: "the signature is not Shopify's",
		Fix: "webhooks made in the shop's admin need webhook_secret, those made by the app client_secret",
	}
	given, err := base64.StdEncoding.DecodeString(req.Header.Get("X-Shopify-Hmac-Sha256"))
	if err != nil || len(given) != sha256.Size {
		return forged
	}
	proved := false
	for _, key := range keys {
		mac := hmac.New(sha256.New, []byte(key.Reveal()))
		mac.Write(req.Body)
		proved = hmac.Equal(mac.Sum(nil), given) || proved
	}
	if !proved {
		return forged
	}
	return nil
}

// eventOf reads as much of a body as its event needs.
func eventOf(form bodyForm, body []byte) (connector.Event, error) {
	e := connector.Event{Ref: connector.Ref{Kind: commerce.KindOrder}, Change: connector.Changed}
	var thin struct {
		OrderID api.ID `json:"order_id"`
		Edit    *struct {
			OrderID api.ID `json:"order_id"`
		} `json:"order_edit"`
		Customer *struct {
			ID api.ID `json:"id"`
		} `json:"customer"`
	}
	switch form {
	case editOfOrder, childOfOrder, redactedCustomer:
		if err := parse(body, &thin); err != nil {
			return e, err
		}
	default:
		h, err := readHead(body)
		if err != nil {
			return e, err
		}
		e.Ref.ID, e.UpdatedAt = string(h.ID), h.Updated.Time
		if form == wholeCustomer || form == wholeOrder && h.Whole {
			e.Form, e.Body = apiREST, body
		}
	}
	field := "order_id"
	switch form {
	case editOfOrder:
		field = "order_edit.order_id"
		if thin.Edit != nil {
			e.Ref.ID = string(thin.Edit.OrderID)
		}
	case childOfOrder:
		e.Ref.ID = string(thin.OrderID)
	case redactedCustomer:
		field = "customer.id"
		if thin.Customer != nil {
			e.Ref.ID = string(thin.Customer.ID)
		}
	}
	switch form {
	case wholeCustomer, goneCustomer, redactedCustomer:
		e.Ref.Kind = commerce.KindCustomer
	}
	switch form {
	case goneOrder, goneCustomer, redactedCustomer:
		e.Change = connector.Deleted
	}
	if !isID(api.ID(e.Ref.ID)) {
		return e, connector.Invalid(field, "there is no id of the record that the webhook is about")
	}
	return e, nil
}

// wanted gives the topics to subscribe to.
func wanted() []string {
	var names []string
	for _, t := range topics {
		if t.subscribed {
			names = append(names, t.name)
		}
	}
	return names
}

func (c *conn) Webhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	list := c.api.GraphWebhooks
	if c.config.API == apiREST {
		list = c.api.RESTWebhooks
	}
	existing, err := list(ctx, address)
	if err != nil {
		return nil, err
	}
	out := make([]connector.Subscription, 0, len(wanted()))
	for _, topic := range wanted() {
		s := connector.Subscription{Topic: topic, Address: address, State: connector.SubscriptionMissing}
		for _, w := range existing {
			if w.Topic == topic && w.Address == address {
				s.ID, s.State = string(w.ID), connector.SubscriptionActive
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// EnsureWebhooks makes the subscriptions that are missing: Shopify deletes those whose deliveries
// fail eight times in a row. A topic that the app has no right to stays missing and does not keep the
// others from being made.
func (c *conn) EnsureWebhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	all, err := c.Webhooks(ctx, address)
	if err != nil {
		return nil, err
	}
	subscribe := c.api.GraphSubscribe
	if c.config.API == apiREST {
		subscribe = c.api.RESTSubscribe
	}
	for i := range all {
		s := &all[i]
		if s.State == connector.SubscriptionActive {
			continue
		}
		made, err := subscribe(ctx, s.Topic, address)
		switch {
		case err == nil:
			s.ID, s.State = cmp.Or(string(made.ID), s.ID), connector.SubscriptionActive
		case taken(err):
			s.State = connector.SubscriptionActive // somebody else has just made it
		case connector.KindOf(err) == connector.KindForbidden:
			c.env.Log.WarnContext(ctx, "the app may not subscribe to a topic", "connection", c.env.Connection, "topic", s.Topic, "error", err)
		default:
			return all, fmt.Errorf("webhook %s: %w", s.Topic, err)
		}
	}
	return all, nil
}

// taken says that a subscription was refused because there is one for its topic and address.
func taken(err error) bool {
	return connector.KindOf(err) == connector.KindInvalid && strings.Contains(err.Error(), "already been taken")
}
