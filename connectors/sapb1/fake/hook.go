package fake

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
)

// maxWebhooks is how many subscriptions a company has at most.
const maxWebhooks = 16

// inCatalog says whether the event catalogue has a transaction of an object.
func inCatalog(object, transaction string) bool {
	switch object {
	case "Orders":
		return slices.Contains(strings.Fields("Created Updated Deleted Closed Cancelled Reopened"), transaction)
	case "BusinessPartners":
		return slices.Contains(strings.Fields("Created Updated Deleted"), transaction)
	}
	return false
}

// credential is how a subscription proves itself.
type credential struct{ Key, Algorithm string }

func (c credential) sign(message []byte) string {
	var algorithm func() hash.Hash
	switch strings.ToLower(c.Algorithm) {
	case "hmacsha384":
		algorithm = sha512.New384
	case "hmacsha512":
		algorithm = sha512.New
	default:
		algorithm = sha256.New
	}
	mac := hmac.New(algorithm, []byte(c.Key))
	mac.Write(message)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func credentialOf(r row) (c credential, ok bool) {
	if json.Unmarshal([]byte(r.text("AuthenticationCred")), &c) != nil || c.Key == "" {
		return c, false
	}
	return c, slices.Contains([]string{"hmacsha256", "hmacsha384", "hmacsha512"}, strings.ToLower(c.Algorithm))
}

// createSubscription makes a webhook, after its address has answered the handshake.
func (v *Vendor) createSubscription(in row) (*row, *fault) {
	t := v.tables["EventSubscriptions"]
	r := maps.Clone(in)
	switch {
	case !v.webhooks:
		return nil, refuse(-5002, "Webhooks are not enabled for this company")
	case len(t.rows) >= maxWebhooks:
		return nil, refuse(-5002, "The maximum number of webhooks is reached")
	case r.text("WebhookID") == "" || t.get(r.text("WebhookID")) != nil:
		return nil, refuse(-2035, "WebhookID is missing or not unique")
	case !strings.HasPrefix(r.text("WebhookURL"), "https://"):
		return nil, refuse(-5002, "WebhookURL must use HTTPS")
	case slices.ContainsFunc(t.rows, func(o *row) bool { return o.text("WebhookURL") == r.text("WebhookURL") }):
		return nil, refuse(-2035, "WebhookURL is not unique")
	}
	if r["AuthenticationType"] == nil {
		r["AuthenticationType"] = "HMAC"
	}
	if _, ok := credentialOf(r); r.text("AuthenticationType") != "HMAC" || !ok {
		return nil, refuse(-5002, "AuthenticationCred is not valid")
	}
	if err := checkEvents(r.rows("EventCollection")); err != nil {
		return nil, err
	}
	if r.text("Handshake") != "tNO" {
		if err := v.handshake(r); err != nil {
			return nil, err
		}
	}
	r["State"], r["WorkMode"] = "Active", "Standard"
	return t.put(r), nil
}

func checkEvents(events []row) *fault {
	if len(events) == 0 {
		return refuse(-5002, "EventCollection must contain at least one event")
	}
	for _, e := range events {
		if !inCatalog(e.text("BusinessObject"), e.text("TransactionType")) {
			return refuse(-5002, "Event '%s.%s' is not in the event catalog", e.text("BusinessObject"), e.text("TransactionType"))
		}
	}
	return nil
}

// handshake asks the address whether it is ready.
func (v *Vendor) handshake(r row) *fault {
	if v.client == nil {
		return nil
	}
	v.serial++
	token := fmt.Sprintf("5f0c7f5e-0000-4000-8000-%012d", v.serial)
	request, err := http.NewRequest(http.MethodGet, r.text("WebhookURL"), nil) //nolint:noctx // the client has a time limit
	if err != nil {
		return refuse(-5002, "WebhookURL is not valid")
	}
	request.Header.Set("X-B1-Webhook-Token", token)
	c, _ := credentialOf(r)
	request.Header.Set("X-B1-Webhook-Signature", c.sign([]byte(token)))
	response, err := v.client.Do(request)
	if err != nil {
		return refuse(-5002, "Handshake failed: no answer")
	}
	defer response.Body.Close()
	var answer struct{ Challenge string }
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.Challenge != token {
		return refuse(-5002, "Handshake failed: the challenge was not answered")
	}
	return nil
}

func (v *Vendor) changeSubscription(kept *row, in row, replace bool) *fault {
	return v.change(v.tables["EventSubscriptions"], kept, func(r row) *fault {
		for name, value := range in {
			if name != "EventCollection" {
				r[name] = value
			}
		}
		if !in.has("EventCollection") {
			return nil
		}
		if err := checkEvents(in.rows("EventCollection")); err != nil {
			return err
		}
		events := in.rows("EventCollection")
		if !replace {
			events = append(cloned(r.rows("EventCollection")), events...)
		}
		r["EventCollection"] = events
		return nil
	})
}

// tell sends events to whoever subscribed, and notices where a script does that.
func (v *Vendor) tell(object, transaction, letter, key string) {
	if v.script != "" {
		number := map[string]string{"Orders": "17", "BusinessPartners": "2"}[object]
		body, err := json.Marshal(map[string]string{"object": number, "transaction": letter, "key": key})
		if err != nil {
			panic(err) // of our own making
		}
		v.outbox = append(v.outbox, fake.Delivery{URL: v.script, Header: http.Header{"Content-Type": {"application/json"}, "X-Orderly-Secret": {webhookSecret}}, Body: body, Timeout: 10 * time.Second})
	}
	if !v.webhooks {
		return
	}
	for _, r := range v.tables["EventSubscriptions"].rows {
		wanted := slices.ContainsFunc(r.rows("EventCollection"), func(e row) bool {
			return e.text("BusinessObject") == object && e.text("TransactionType") == transaction
		})
		if r.text("State") != "Active" || !wanted {
			continue
		}
		v.serial++
		field := "DocEntry"
		if object == "BusinessPartners" {
			field = "CardCode"
		}
		body, err := json.Marshal([]map[string]any{{
			"id": fmt.Sprintf("9c1d1f0a-0000-4000-8000-%012d", v.serial), "specversion": "1.0", "source": "/default/sap.b1/" + v.companyDB, "type": "sap.b1." + object + "." + transaction + ".v1",
			"subject": key, "time": v.now().UTC().Format("2006-01-02T15:04:05.000Z"), "datacontenttype": "application/json", "data": map[string]string{field: key},
		}})
		if err != nil {
			panic(err) // of our own making
		}
		c, _ := credentialOf(*r)
		v.outbox = append(v.outbox, fake.Delivery{
			URL: r.text("WebhookURL"), Header: http.Header{"Content-Type": {"application/json"}, "X-B1-Webhook-Signature": {c.sign(body)}}, Body: body,
			Retries: []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second}, // configuration table of the manual
			Timeout: 10 * time.Second,
			Done: func(delivered bool) {
				if delivered {
					return
				}
				v.mu.Lock()
				defer v.mu.Unlock()
				(*r)["State"] = "Inactive"
			},
		})
	}
}
