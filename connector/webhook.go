package connector

import (
	"context"
	"net/http"
	"time"
)

// Request is an inbound HTTP request as a vendor made it, its body read and bounded.
type Request struct {
	Method string
	// URL is the address as the sender knows it: made from configuration, not from the Host header,
	// because signatures over the address must survive a proxy. It has the query.
	URL    string
	Header http.Header
	Body   []byte
	At     time.Time
}

// Receipt is what came of a request.
type Receipt struct {
	// Events are the records that it speaks of: none (a ping, an unknown topic) or hundreds.
	Events []Event
	// Ignored says why a request that is in order brings no event: it is counted under this reason.
	Ignored string
	// Answer is what the sender wants to hear once everything is stored; nil is an empty 200.
	Answer *Answer
}

// Answer is the reply to a webhook.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// WebhookReceiver turns requests of the vendor into events. Receive verifies before it parses: a
// request that is not proved to be the vendor's is KindForbidden and nothing of it is used; one that
// is proved but cannot be read is KindInvalid; a missing secret is KindAuth. It makes no calls.
//
// Requests that the vendor sends without a proof before any data flows (a ping, a handshake) are
// answered and bring no events.
type WebhookReceiver interface {
	Receive(req Request) (Receipt, error)
}

// SubscriptionState is how a webhook subscription stands.
type SubscriptionState string

// Subscription states.
const (
	SubscriptionActive   SubscriptionState = "active"
	SubscriptionDisabled SubscriptionState = "disabled" // there, but the vendor has switched it off
	SubscriptionMissing  SubscriptionState = "missing"  // wanted, and not there
)

// Subscription is a vendor's promise to call us.
type Subscription struct {
	ID      string            `json:"id,omitempty"`
	Topic   string            `json:"topic"`
	Address string            `json:"address,omitempty"`
	State   SubscriptionState `json:"state"`
	Expires time.Time         `json:"expires,omitzero"` // zero where it does not
}

// WebhookRegistrar keeps subscriptions at the vendor.
type WebhookRegistrar interface {
	// Webhooks compares the wanted subscriptions with those that exist for address: one entry a
	// wanted topic.
	Webhooks(ctx context.Context, address string) ([]Subscription, error)
	// EnsureWebhooks creates what is missing, enables what is disabled and renews what ends soon, and
	// gives the state after it. Calling it again changes nothing.
	EnsureWebhooks(ctx context.Context, address string) ([]Subscription, error)
}
