package fake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
)

// webhook is a subscription.
type webhook struct {
	id       int64
	name     string
	status   string
	topic    string
	address  string
	secret   string
	created  time.Time
	modified time.Time
	failures int
}

const (
	// maxFailures in a row are borne; one more switches the webhook off (WC_Webhook::failed_delivery).
	maxFailures = 5
	hookTimeout = 60 * time.Second
)

// hooks are the actions of WooCommerce behind the topics, shown for information.
func hooks(topic string) []string {
	switch topic {
	case "order.created":
		return []string{"woocommerce_new_order"}
	case "order.updated":
		return []string{"woocommerce_update_order", "woocommerce_order_refunded"}
	case "order.deleted":
		return []string{"wp_trash_post", "woocommerce_trash_order"}
	case "order.restored":
		return []string{"untrashed_post", "woocommerce_untrash_order"}
	case "customer.created":
		return []string{"user_register", "woocommerce_created_customer", "woocommerce_new_customer"}
	case "customer.updated":
		return []string{"profile_update", "woocommerce_update_customer"}
	case "customer.deleted":
		return []string{"delete_user"}
	case "product.updated":
		return []string{"woocommerce_process_product_meta", "woocommerce_update_product", "woocommerce_update_product_variation"}
	default:
		return nil
	}
}

func (v *Vendor) renderWebhook(w *webhook) map[string]any {
	resource, event, _ := strings.Cut(w.topic, ".")
	return map[string]any{
		"id": w.id, "name": w.name, "status": w.status, "topic": w.topic, "resource": resource, "event": event, "hooks": hooks(w.topic),
		"delivery_url": w.address, "date_created": v.local(w.created), "date_created_gmt": v.gmt(w.created),
		"date_modified": v.local(w.modified), "date_modified_gmt": v.gmt(w.modified),
		"_links": v.links("webhooks/"+strconv.FormatInt(w.id, 10), "webhooks", "GET", "POST", "PUT", "PATCH", "DELETE"),
	}
}

func (v *Vendor) webhooksRoute(c *call) reply {
	switch c.method {
	case http.MethodGet:
		v.known(c, "context", "page", "per_page", "search", "order", "orderby", "status", "offset")
		page, size, refused := v.window(c)
		if refused != nil {
			return *refused
		}
		list := slices.Clone(v.webhooks)
		if c.query.Get("order") != "asc" && c.query.Get("order") != "" {
			slices.Reverse(list)
		}
		items := []any{}
		for _, w := range list {
			items = append(items, fields(c, v.renderWebhook(w)))
		}
		start := min((page-1)*size, len(items))
		return v.paged(c, items[start:min(start+size, len(items))], len(items), page, size)
	case http.MethodPost:
		return v.createWebhook(c)
	}
	return noRoute()
}

type webhookInput struct {
	Name    *string `json:"name"`
	Status  *string `json:"status"`
	Topic   string  `json:"topic"`
	Address string  `json:"delivery_url"`
	Secret  *string `json:"secret"`
}

func (v *Vendor) createWebhook(c *call) reply {
	var in webhookInput
	if refused := v.read(c, &in); refused != nil {
		return *refused
	}
	if missing := missingOf(in); len(missing) > 0 {
		return failed(http.StatusBadRequest, "rest_missing_callback_param", "Missing parameter(s): "+strings.Join(missing, ", "), map[string]any{"params": missing})
	}
	if hooks(in.Topic) == nil {
		return failed(http.StatusBadRequest, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic must be valid.", nil)
	}
	if at, err := url.Parse(in.Address); err != nil || at.Scheme != "http" && at.Scheme != "https" {
		return failed(http.StatusBadRequest, "woocommerce_rest_shop_webhook_invalid_delivery_url", "Webhook delivery URL must be a valid URL starting with http:// or https://.", nil)
	}
	if refused := webhookStatus(in.Status); refused != nil {
		return *refused
	}
	w := &webhook{id: 1, name: in.Topic, status: "active", topic: in.Topic, address: in.Address, created: v.second()}
	if n := len(v.webhooks); n > 0 {
		w.id = v.webhooks[n-1].id + 1
	}
	v.applyWebhook(w, in)
	v.webhooks = append(v.webhooks, w)
	v.ping(w)
	a := ok(http.StatusCreated, v.renderWebhook(w)).allow("GET, POST")
	a.header["Location"] = v.options.BaseURL + "/wp-json/wc/v3/webhooks/" + strconv.FormatInt(w.id, 10)
	return a
}

func missingOf(in webhookInput) []string {
	var missing []string
	if in.Topic == "" {
		missing = append(missing, "topic")
	}
	if in.Address == "" {
		missing = append(missing, "delivery_url")
	}
	return missing
}

func webhookStatus(status *string) *reply {
	if status == nil {
		return nil
	}
	return oneOf("status", *status, []string{"active", "paused", "disabled"})
}

func (v *Vendor) applyWebhook(w *webhook, in webhookInput) {
	if in.Name != nil {
		w.name = *in.Name
	}
	if in.Status != nil {
		w.status = *in.Status
	}
	if in.Secret != nil {
		// Kept as WordPress cleans texts, which escapes &, < and quotes, and turned back to sign.
		w.secret = html.EscapeString(*in.Secret)
	}
}

func (v *Vendor) webhookRoute(c *call, id int64) reply {
	i := slices.IndexFunc(v.webhooks, func(w *webhook) bool { return w.id == id })
	if i < 0 {
		return failed(http.StatusNotFound, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.", nil)
	}
	w := v.webhooks[i]
	switch c.method {
	case http.MethodGet:
	case http.MethodPut, http.MethodPost, http.MethodPatch:
		var in webhookInput
		if refused := v.read(c, &in); refused != nil {
			return *refused
		}
		if refused := webhookStatus(in.Status); refused != nil {
			return *refused
		}
		before := w.status
		v.applyWebhook(w, in)
		if in.Address != "" {
			w.address = in.Address
		}
		w.modified = v.second()
		if before != "active" && w.status == "active" {
			w.failures = 0
			v.ping(w)
		}
	case http.MethodDelete:
		if c.query.Get("force") != "true" {
			return failed(http.StatusNotImplemented, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.", nil)
		}
		v.webhooks = slices.Delete(v.webhooks, i, i+1)
	default:
		return noRoute()
	}
	return ok(http.StatusOK, v.renderWebhook(w)).allow("GET, POST, PUT, PATCH, DELETE")
}

// ping tells the address that it is a webhook's; nothing proves who sends it.
func (v *Vendor) ping(w *webhook) {
	if w.status != "active" {
		return
	}
	v.send(fake.Delivery{
		URL:    w.address,
		Header: http.Header{"User-Agent": {v.agent()}, "Content-Type": {"application/x-www-form-urlencoded"}},
		Body:   []byte("webhook_id=" + strconv.FormatInt(w.id, 10)),
	})
}

func (v *Vendor) agent() string {
	return "WooCommerce/" + v.release.version + " Hookshot (WordPress/" + v.release.wordpress + ")"
}

func (v *Vendor) send(d fake.Delivery) {
	if v.closed || v.options.Courier == nil {
		return
	}
	d.Timeout = hookTimeout
	d.Success = func(status int) bool { return status >= 200 && status <= 302 }
	v.options.Courier.Send(d)
}

// cacheSize is how many orders the shop's cache holds.
const cacheSize = 500

// tell sends an order's webhooks. The body of a change may come from a cache that has not seen it yet.
func (v *Vendor) tell(o *order, topic string, change bool) {
	if !slices.ContainsFunc(v.webhooks, func(w *webhook) bool { return w.topic == topic && w.status == "active" }) {
		return
	}
	body := []byte(`{"id":` + strconv.FormatInt(o.id, 10) + `}`)
	if topic != "order.deleted" {
		fresh, err := json.Marshal(v.render(o, -1))
		if err != nil {
			return
		}
		body = fresh
		if change && v.stale && o.last != nil {
			body = o.last
		}
		v.remember(o, fresh)
	}
	v.deliver(topic, body)
}

// remember puts an order's body into the cache.
func (v *Vendor) remember(o *order, body []byte) {
	if o.last == nil {
		v.cached = append(v.cached, o)
		if len(v.cached) > cacheSize {
			v.cached[0].last = nil
			v.cached = v.cached[1:]
		}
	}
	o.last = body
}

func (v *Vendor) tellCustomer(who *customer, topic string) {
	body := []byte(`{"id":` + strconv.FormatInt(who.id, 10) + `}`)
	if topic != "customer.deleted" {
		whole, err := json.Marshal(v.renderCustomer(who))
		if err != nil {
			return
		}
		body = whole
	}
	v.deliver(topic, body)
}

// deliver sends a signed body to everybody who wants the topic. There is one attempt.
func (v *Vendor) deliver(topic string, body []byte) {
	resource, event, _ := strings.Cut(topic, ".")
	for _, w := range v.webhooks {
		if w.topic != topic || w.status != "active" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(html.UnescapeString(w.secret)))
		mac.Write(body)
		header := http.Header{}
		for name, value := range map[string]string{
			"User-Agent": v.agent(), "Content-Type": "application/json",
			"X-WC-Webhook-Source": v.options.BaseURL + "/", "X-WC-Webhook-Topic": topic, "X-WC-Webhook-Resource": resource,
			"X-WC-Webhook-Event": event, "X-WC-Webhook-Signature": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
			"X-WC-Webhook-ID": strconv.FormatInt(w.id, 10), "X-WC-Webhook-Delivery-ID": v.deliveryID(w),
		} {
			header.Set(name, value)
		}
		v.send(fake.Delivery{URL: w.address, Header: header, Body: body, Done: func(delivered bool) { v.delivered(w, delivered) }})
	}
}

// deliveryID is a hash of webhook and second: two deliveries of one second have the same.
func (v *Vendor) deliveryID(w *webhook) string {
	sum := sha256.Sum256([]byte(strconv.FormatInt(w.id, 10) + " " + strconv.FormatInt(v.now().Unix(), 10)))
	return hex.EncodeToString(sum[:16])
}

func (v *Vendor) delivered(w *webhook, delivered bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if delivered {
		w.failures = 0
		return
	}
	if w.failures++; w.failures > maxFailures {
		w.status, w.modified = "disabled", v.second()
	}
}

// DisableWebhooks switches all webhooks off, as failures in a row do.
func (v *Vendor) DisableWebhooks() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range v.webhooks {
		w.status, w.modified = "disabled", v.second()
	}
}
