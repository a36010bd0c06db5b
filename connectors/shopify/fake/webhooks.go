package fake

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
)

// hook is a subscription.
type hook struct {
	ID        int64    `json:"id"`
	Address   string   `json:"address"`
	Topic     string   `json:"topic"`
	CreatedAt stamp    `json:"created_at"`
	UpdatedAt stamp    `json:"updated_at"`
	Format    string   `json:"format"`
	Fields    []string `json:"fields"`
	Version   string   `json:"api_version"`

	byHand   bool // made in the shop's admin: signed with its key and not visible to the app
	failures int  // in a row
}

// topics are those that the fake sends.
var topics = []string{
	"orders/create", "orders/updated", "orders/paid", "orders/cancelled", "orders/edited", "orders/delete", "orders/fulfilled",
	"orders/partially_fulfilled", "refunds/create", "customers/create", "customers/update", "customers/delete", "shop/update",
}

// retries are the waits before each of eight further attempts, four hours in all.
// (shopify.dev/changelog/updates-to-webhook-retry-mechanism; the waits in between are not published)
var retries = []time.Duration{
	time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 30 * time.Minute, 60 * time.Minute, 120 * time.Minute,
}

// maxFailures in a row delete a subscription that was made through the API.
const maxFailures = 8

// send is a delivery that is to leave once the shop is not locked any more.
type send fake.Delivery

func (v *Vendor) send(all []send) {
	if v.options.Courier == nil {
		return
	}
	for _, s := range all {
		v.options.Courier.Send(fake.Delivery(s))
	}
}

// news gives the deliveries of one event.
func (v *Vendor) news(topic string, record int64, value any) []send {
	var out []send
	var body []byte
	for _, h := range v.hooks {
		if h.Topic != topic {
			continue
		}
		if body == nil {
			encoded, err := json.Marshal(value)
			if err != nil {
				v.surprise("a webhook cannot be written: %v", err)
				return nil
			}
			body = bytes.ReplaceAll(encoded, []byte("/"), []byte(`\/`)) // as Shopify writes it
		}
		out = append(out, v.delivery(h, topic, record, body))
	}
	return out
}

func (v *Vendor) delivery(h *hook, topic string, record int64, body []byte) send {
	key := clientSecret
	if h.byHand {
		key = adminKey
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	header := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "Shopify-Captain-Hook",
		"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		"X-Shopify-Shop-Domain": shopDomain, "X-Shopify-Api-Version": v.versions[len(v.versions)-1],
		"X-Shopify-Webhook-Id":   fmt.Sprintf("b54557e4-bdd9-4b37-8a5f-%012x", v.id()),
		"X-Shopify-Event-Id":     fmt.Sprintf("98880550-7158-44d4-b7cd-%012x", record),
		"X-Shopify-Triggered-At": v.now().UTC().Format("2006-01-02T15:04:05.000000000Z"),
	} {
		header.Set(name, value)
	}
	if strings.HasPrefix(topic, "orders/") {
		header.Set("X-Shopify-Order-Id", strconv.FormatInt(record, 10))
	}
	return send{
		URL: h.Address, Header: header, Body: body, Retries: retries, Timeout: 5 * time.Second,
		Done: func(delivered bool) { v.delivered(h, delivered) },
	}
}

// delivered counts failures: a delivery that was never taken has failed at every attempt.
func (v *Vendor) delivered(h *hook, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if ok {
		h.failures = 0
		return
	}
	h.failures += 1 + len(retries)
	if h.failures >= maxFailures && !h.byHand {
		v.hooks = slices.DeleteFunc(v.hooks, func(other *hook) bool { return other == h })
	}
}

// later sends without the shop being locked by the request that caused the news.
func (v *Vendor) later(sends []send) {
	if len(sends) == 0 {
		return
	}
	v.mu.Unlock()
	defer v.mu.Lock()
	v.send(sends)
}

// orderNews are the webhooks of a new or changed order.
func (v *Vendor) orderNews(o, before *order) []send {
	shown := v.shownOrder(o)
	var out []send
	if before == nil {
		out = v.news("orders/create", o.ID, shown)
	} else {
		out = v.news("orders/updated", o.ID, shown)
		if o.CancelledAt != nil && before.CancelledAt == nil {
			out = append(out, v.news("orders/cancelled", o.ID, shown)...)
		}
		if edited(before, o) {
			out = append(out, v.news("orders/edited", o.ID, map[string]any{"order_edit": map[string]any{
				"id": v.id(), "app_id": nil, "created_at": o.UpdatedAt, "notify_customer": false, "order_id": o.ID, "staff_note": "", "user_id": nil,
			}})...)
		}
	}
	if o.FinancialStatus == "paid" && (before == nil || before.FinancialStatus != "paid") {
		out = append(out, v.news("orders/paid", o.ID, shown)...)
	}
	return out
}

// edited says whether an order has other goods than before.
func edited(before, after *order) bool {
	return !slices.EqualFunc(before.LineItems, after.LineItems, func(a, b line) bool {
		return a.ID == b.ID && a.Quantity == b.Quantity && a.Price == b.Price
	})
}

// Subscribe enters an address by hand on the page Settings > Notifications, for every topic.
func (v *Vendor) Subscribe(address string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, topic := range topics {
		h, problem := v.subscribe(topic, address)
		if problem != "" {
			return fmt.Errorf("%s: %s", topic, problem)
		}
		h.byHand = true
	}
	return nil
}

// DisableWebhooks deletes the subscriptions of the app, as eight failures of each would.
func (v *Vendor) DisableWebhooks() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hooks = slices.DeleteFunc(v.hooks, func(h *hook) bool { return !h.byHand })
}

// subscribe makes a subscription, or says why not.
func (v *Vendor) subscribe(topic, address string) (*hook, string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost":
		return nil, "Address is not allowed"
	case !slices.Contains(topics, topic):
		return nil, "Invalid topic specified: " + topic
	case slices.ContainsFunc(v.hooks, func(h *hook) bool { return h.Topic == topic && h.Address == address && !h.byHand }):
		return nil, "Address for this topic has already been taken"
	}
	now := v.seconds()
	h := &hook{ID: v.id(), Address: address, Topic: topic, CreatedAt: now, UpdatedAt: now, Format: "json", Fields: []string{}, Version: v.versions[len(v.versions)-1]}
	v.hooks = append(v.hooks, h)
	return h, ""
}

// topicScope is the right that a topic needs.
func topicScope(topic string) string {
	switch resource, _, _ := strings.Cut(topic, "/"); resource {
	case "orders", "refunds":
		return "read_orders"
	case "customers":
		return "read_customers"
	}
	return ""
}

// own gives the subscriptions that the app sees.
func (v *Vendor) own() []*hook {
	return slices.DeleteFunc(slices.Clone(v.hooks), func(h *hook) bool { return h.byHand })
}

func (v *Vendor) listWebhooks(w http.ResponseWriter, r *http.Request) {
	p, limit, ok := v.list(w, r, "address", "topic")
	if !ok {
		return
	}
	all := v.own()
	from := min(p.Place, len(all))
	to := min(from+limit, len(all))
	if p.Place = to; to < len(all) {
		v.link(w, r, p, limit)
	}
	answer(w, http.StatusOK, map[string]any{"webhooks": all[from:to]})
}

func (v *Vendor) createWebhook(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		refuse(w, http.StatusBadRequest, `{"errors":{"webhook":"Required parameter missing or invalid"}}`)
		return
	}
	var body struct {
		Webhook *struct {
			Topic   string `json:"topic"`
			Address string `json:"address"`
			Format  string `json:"format"`
		} `json:"webhook"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil || body.Webhook == nil {
		refuse(w, http.StatusBadRequest, `{"errors":{"webhook":"Required parameter missing or invalid"}}`)
		return
	}
	if !v.granted(topicScope(body.Webhook.Topic)) {
		refuse(w, http.StatusForbidden, fmt.Sprintf(`{"errors":"[API] This action requires merchant approval for %s scope."}`, topicScope(body.Webhook.Topic)))
		return
	}
	h, problem := v.subscribe(body.Webhook.Topic, body.Webhook.Address)
	if problem != "" {
		field, message := "address", strings.TrimPrefix(problem, "Address ")
		if strings.HasPrefix(problem, "Invalid topic") {
			field, message = "topic", problem
		}
		answer(w, http.StatusUnprocessableEntity, map[string]any{"errors": map[string][]string{field: {message}}})
		return
	}
	answer(w, http.StatusCreated, map[string]any{"webhook": h})
}

func (v *Vendor) deleteWebhook(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(fileID(r), 10, 64)
	before := len(v.hooks)
	v.hooks = slices.DeleteFunc(v.hooks, func(h *hook) bool { return h.ID == id && !h.byHand })
	if err != nil || len(v.hooks) == before {
		notFound(w)
		return
	}
	refuse(w, http.StatusOK, `{}`)
}
