package sapb1

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/internal/odata"
)

// Headers of webhooks. The secret's own header belongs to messages that an installation sends by itself: from the integration framework, or from a script behind
// SBO_SP_PostTransactionNotice.
const (
	headerToken     = "X-B1-Webhook-Token"
	headerSignature = "X-B1-Webhook-Signature"
	headerSecret    = "X-Orderly-Secret"
)

// maxEvents is how many events a message has at most.
const maxEvents = 1024

// tokenForm is that of a version 4 UUID, which a handshake's token is.
var tokenForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)

// Receive implements connector.WebhookReceiver.
func (c *conn) Receive(req connector.Request) (connector.Receipt, error) {
	if req.Method == http.MethodHead { // is anybody there?
		return connector.Receipt{Answer: &connector.Answer{Status: http.StatusOK}}, nil
	}
	if c.config.WebhookSecret == "" {
		return connector.Receipt{}, &connector.Error{
			Kind: connector.KindAuth, Op: "receive webhook", Field: "webhook_secret", Message: "no secret is set, so nothing proves who sends", Fix: "set webhook_secret, and the same in Business One",
		}
	}
	if req.Method == http.MethodGet {
		return c.handshake(req)
	}
	signature, shared := req.Header.Get(headerSignature), req.Header.Get(headerSecret)
	switch {
	case signature != "":
		if !c.signed(req.Body, signature) {
			return connector.Receipt{}, notProved("the signature is not that of the body")
		}
	case shared != "":
		if subtle.ConstantTimeCompare([]byte(shared), []byte(c.config.WebhookSecret.Reveal())) != 1 {
			return connector.Receipt{}, notProved("the secret is another one")
		}
	default:
		return connector.Receipt{}, notProved("there is neither a signature nor the secret")
	}
	return parse(req.Body)
}

func notProved(message string) error {
	return &connector.Error{
		Kind: connector.KindForbidden, Op: "receive webhook", Message: message, Fix: "compare webhook_secret and webhook_algorithm with those of the event subscription in Business One",
	}
}

// handshake answers the challenge by which Business One finds out that the address is ready. The token carries no data, and its signature is there with HMAC only.
func (c *conn) handshake(req connector.Request) (connector.Receipt, error) {
	token := req.Header.Get(headerToken)
	if !tokenForm.MatchString(token) {
		return connector.Receipt{}, notProved("the handshake has no token")
	}
	if signature := req.Header.Get(headerSignature); signature != "" && !c.matches([]byte(token), signature) {
		return connector.Receipt{}, notProved("the signature is not that of the handshake's token")
	}
	body, err := json.Marshal(map[string]string{"Challenge": token})
	if err != nil {
		return connector.Receipt{}, connector.Errorf(connector.KindBug, "answer the handshake", "%w", err)
	}
	return connector.Receipt{Answer: &connector.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}}, nil
}

// signed says whether the body is the vendor's. SAP's own sample signs the body as it is after parsing and writing it again, so that form counts, too.
func (c *conn) signed(body []byte, signature string) bool {
	if c.matches(body, signature) {
		return true
	}
	var compact bytes.Buffer
	return json.Compact(&compact, body) == nil && c.matches(compact.Bytes(), signature)
}

func (c *conn) matches(message []byte, signature string) bool {
	given, err := base64.StdEncoding.DecodeString(strings.TrimSpace(signature))
	return err == nil && hmac.Equal(given, c.sign(message))
}

func (c *conn) sign(message []byte) []byte {
	var algorithm func() hash.Hash
	switch c.config.webhookHash {
	case "HMACSha384":
		algorithm = sha512.New384
	case "HMACSha512":
		algorithm = sha512.New
	default:
		algorithm = sha256.New
	}
	mac := hmac.New(algorithm, []byte(c.config.WebhookSecret.Reveal()))
	mac.Write(message)
	return mac.Sum(nil)
}

// cloudEvent is one event of a message: keys, as text, and some header fields as of FP 2608.
type cloudEvent struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"` // sap.b1.Orders.Created.v1
	Subject api.Text        `json:"subject"`
	Data    json.RawMessage `json:"data"`
}

// notice is the form of installations before FP 2602.
type notice struct {
	Object      api.Text `json:"object"`      // 17 orders, 2 business partners
	Transaction string   `json:"transaction"` // A add, U update, D delete, C cancel, L close
	Key         api.Text `json:"key"`
	ID          string   `json:"id"`
}

func parse(body []byte) (connector.Receipt, error) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '{' {
		var n notice
		if err := json.Unmarshal(body, &n); err != nil {
			return connector.Receipt{}, unreadable(err)
		}
		return n.receipt()
	}
	var events []cloudEvent
	if err := json.Unmarshal(body, &events); err != nil {
		return connector.Receipt{}, unreadable(err)
	}
	if len(events) > maxEvents {
		return connector.Receipt{}, connector.Invalid("", "the message has %d events, more than the %d that Business One sends", len(events), maxEvents)
	}
	var receipt connector.Receipt
	for i, e := range events {
		event, known, err := e.event()
		if err != nil {
			err.Field = "[" + strconv.Itoa(i) + "]." + err.Field
			return connector.Receipt{}, err
		}
		if known {
			receipt.Events = append(receipt.Events, event)
		}
	}
	if len(receipt.Events) == 0 {
		receipt.Ignored = "no event of an order or a customer"
	}
	return receipt, nil
}

// event translates one event; false when it is of no kind that we carry.
func (e cloudEvent) event() (connector.Event, bool, *connector.Error) {
	parts := strings.Split(e.Type, ".")
	if len(parts) < 4 || parts[0] != "sap" || parts[1] != "b1" {
		return connector.Event{}, false, connector.Invalid("type", "is no type of an event of Business One")
	}
	object, action := parts[2], parts[3]
	var kind commerce.Kind
	key := ""
	var data struct {
		DocEntry api.Text
		CardCode api.Text
	}
	if len(e.Data) > 0 && json.Unmarshal(e.Data, &data) != nil {
		return connector.Event{}, false, connector.Invalid("data", "is not in the form that was expected")
	}
	switch object {
	case setOrders:
		kind, key = commerce.KindOrder, firstOf(string(data.DocEntry), string(e.Subject))
	case setPartners:
		kind, key = commerce.KindCustomer, firstOf(string(data.CardCode), string(e.Subject))
	default:
		return connector.Event{}, false, nil
	}
	if key == "" {
		return connector.Event{}, false, connector.Invalid("subject", "is missing")
	}
	event := connector.Event{Ref: connector.Ref{Kind: kind, ID: key}, Topic: object + "." + action, Change: connector.Changed, DeliveryID: e.ID}
	if action == "Deleted" {
		event.Change = connector.Deleted
	}
	// Its time is that of the message, and the record's own times have no zone: the two must not be compared.
	return event, true, nil
}

func (n notice) receipt() (connector.Receipt, error) {
	kind, set := commerce.KindOrder, setOrders
	switch n.Object {
	case "17":
	case "2":
		kind, set = commerce.KindCustomer, setPartners
	case "":
		return connector.Receipt{}, connector.Invalid("object", "is missing")
	default:
		return connector.Receipt{Ignored: "an object that is neither order nor business partner"}, nil
	}
	if n.Key == "" {
		return connector.Receipt{}, connector.Invalid("key", "is missing")
	}
	event := connector.Event{Ref: connector.Ref{Kind: kind, ID: strings.TrimSpace(string(n.Key))}, Topic: set, Change: connector.Changed, DeliveryID: n.ID}
	switch n.Transaction {
	case "A", "U", "C", "L":
	case "D":
		event.Change = connector.Deleted
	default:
		return connector.Receipt{}, connector.Invalid("transaction", "is none of A, U, D, C, L")
	}
	event.Topic += "." + n.Transaction
	return connector.Receipt{Events: []connector.Event{event}}, nil
}

// topics are what we want to hear of (event catalogue of FP 2602).
var topics = []api.Topic{
	{Object: setOrders, Event: "Created"}, {Object: setOrders, Event: "Updated"}, {Object: setOrders, Event: "Deleted"}, {Object: setOrders, Event: "Closed"},
	{Object: setOrders, Event: "Cancelled"}, {Object: setOrders, Event: "Reopened"},
	{Object: setPartners, Event: "Created"}, {Object: setPartners, Event: "Updated"}, {Object: setPartners, Event: "Deleted"},
}

// webhookID names our subscription for an address; there are at most 16 in a company, so one carries all topics.
func webhookID(address string) string {
	sum := sha256.Sum256([]byte(address))
	return "orderly-" + hex.EncodeToString(sum[:6])
}

// subscription reads the one for an address, whoever made it; nil when there is none.
func (c *conn) subscription(ctx context.Context, address string) (*api.Subscription, error) {
	var list []api.Subscription
	err := c.api.V2().List(ctx, api.Ask{Op: "list webhooks", Set: "EventSubscriptions"}, decodeInto(&list))
	kind := connector.KindOf(err)
	if kind == connector.KindNotFound || kind == connector.KindInvalid || (kind == connector.KindAuth && code(err) == api.CodeSession) {
		e := *asError(err)
		e.Kind, e.Message = connector.KindNotFound, "this release of Business One has no webhooks"
		e.Fix = "webhooks need SAP Business One 10.0 FP 2602 or later, with EnableWebhook in the company's settings; poll, or send notices as README.md describes"
		return nil, &e
	}
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].URL == address {
			return &list[i], nil
		}
	}
	return nil, nil
}

// Webhooks implements connector.WebhookRegistrar.
func (c *conn) Webhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	present, err := c.subscription(ctx, address)
	if err != nil {
		return nil, err
	}
	return compared(present, address), nil
}

func compared(present *api.Subscription, address string) []connector.Subscription {
	out := make([]connector.Subscription, len(topics))
	for i, topic := range topics {
		out[i] = connector.Subscription{Topic: topic.Object + "." + topic.Event, Address: address, State: connector.SubscriptionMissing}
		if present == nil || !slices.Contains(present.Events, topic) {
			continue
		}
		out[i].ID, out[i].State = present.ID, connector.SubscriptionActive
		if present.State == "Inactive" {
			out[i].State = connector.SubscriptionDisabled
		}
	}
	return out
}

// EnsureWebhooks implements connector.WebhookRegistrar.
func (c *conn) EnsureWebhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	if c.config.WebhookSecret == "" {
		return nil, &connector.Error{Kind: connector.KindAuth, Op: "create webhook", Field: "webhook_secret", Message: "no secret is set to sign with", Fix: "set webhook_secret"}
	}
	present, err := c.subscription(ctx, address)
	if err != nil {
		return nil, err
	}
	v2 := c.api.V2()
	path := ""
	if present != nil {
		path = odata.ByKey("EventSubscriptions", present.ID)
	}
	changed := false
	switch {
	case present == nil:
		changed = true
		err = c.subscribe(ctx, v2, address)
	case slices.ContainsFunc(topics, func(t api.Topic) bool { return !slices.Contains(present.Events, t) }):
		changed = true
		missing := slices.DeleteFunc(slices.Clone(topics), func(t api.Topic) bool { return slices.Contains(present.Events, t) })
		err = v2.Update(ctx, "complete webhook", path, api.Fields{"EventCollection": missing})
	}
	if err == nil && present != nil && present.State == "Inactive" {
		changed = true
		err = v2.Act(ctx, "resume webhook", path+"/Resume", nil)
	}
	if err != nil {
		return nil, err
	}
	if changed {
		if present, err = c.subscription(ctx, address); err != nil {
			return nil, err
		}
	}
	return compared(present, address), nil
}

func (c *conn) subscribe(ctx context.Context, v2 *api.Client, address string) error {
	if err := v2.Act(ctx, "enable webhooks", "CompanyService_UpdateAdminInfo", api.Fields{"AdminInfo": api.Fields{"EnableWebhook": api.Yes}}); err != nil {
		return err
	}
	credential, err := json.Marshal(map[string]string{"Key": c.config.WebhookSecret.Reveal(), "Algorithm": c.config.webhookHash})
	if err != nil {
		return connector.Errorf(connector.KindBug, "create webhook", "%w", err)
	}
	return v2.Create(ctx, "create webhook", "EventSubscriptions", api.Fields{
		"WebhookID": webhookID(address), "WebhookURL": address, "AuthenticationType": "HMAC", "AuthenticationCred": string(credential),
		"VerifyCertificate": api.Yes, "Handshake": api.Yes, "EventCollection": topics,
	}, nil)
}
