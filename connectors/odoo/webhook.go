package odoo

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
)

// commitWait is how long a fetch waits: Odoo posts inside the transaction, before it commits.
const commitWait = 3 * time.Second

// firstWebhook is the first Odoo that can send webhooks without code.
const firstWebhook = 17

// notice is what an automation rule posts. Of a record it has only the fields that the rule names.
type notice struct {
	Model   api.Text `json:"_model"`
	ID      int64    `json:"_id"`
	State   api.Text `json:"state"`
	Parent  api.Ref  `json:"parent_id"`
	Written api.Time `json:"write_date"`
}

// Receive implements connector.WebhookReceiver. Odoo signs nothing: the secret is the end of the address.
// One change is posted many times; all give the same event.
func (c *conn) Receive(req connector.Request) (connector.Receipt, error) {
	const op = "receive a webhook"
	secret := c.config.WebhookSecret.Reveal()
	if secret == "" {
		return connector.Receipt{}, &connector.Error{
			Kind: connector.KindAuth, Op: op, Field: "webhook_secret", Message: "is not set, so that nothing proves who sends",
			Fix: "enter a random text as webhook_secret and let Orderly make the automation rules again",
		}
	}
	path, _, _ := strings.Cut(req.URL, "?")
	given, err := url.PathUnescape(path[strings.LastIndex(path, "/")+1:])
	if err != nil || subtle.ConstantTimeCompare([]byte(given), []byte(secret)) != 1 {
		return connector.Receipt{}, connector.Errorf(connector.KindForbidden, op, "the address does not end with the secret")
	}
	if req.Method != http.MethodPost {
		return connector.Receipt{Ignored: "not a POST"}, nil
	}
	var n notice
	if err := json.Unmarshal(req.Body, &n); err != nil {
		return connector.Receipt{}, connector.Errorf(connector.KindInvalid, op, "the body is not what an automation rule sends: %w", err)
	}
	if n.Model == "" || n.ID <= 0 {
		return connector.Receipt{}, connector.Errorf(connector.KindInvalid, op, "the body has no _model and _id")
	}
	event := connector.Event{
		Topic: n.Model.String(), Change: connector.Changed, Wait: commitWait,
		// Here write_date has microseconds; a read of the same record has not, and must not look older.
		UpdatedAt: n.Written.Truncate(time.Second),
	}
	switch n.Model {
	case modelOrder:
		if !c.config.quotations && (n.State == "draft" || n.State == "sent") {
			return connector.Receipt{Ignored: "a quotation"}, nil
		}
		event.Ref = connector.Ref{Kind: commerce.KindOrder, ID: formatID(n.ID)}
	case modelPartner:
		event.Ref = connector.Ref{Kind: commerce.KindCustomer, ID: formatID(n.ID)}
		if n.Parent.ID > 0 {
			event.Ref.ID = formatID(n.Parent.ID)
		}
	default:
		return connector.Receipt{Ignored: "model " + n.Model.String()}, nil
	}
	return connector.Receipt{Events: []connector.Event{event}}, nil
}

// wanted is an automation rule that the connector lives by.
type wanted struct {
	model, trigger string
	fields         []string
}

func (w wanted) topic() string { return w.model + " " + w.trigger }

// rules are the wanted automation rules. A deleted record is fetched like any other, and then not found:
// a notice alone proves nothing, because the transaction may be rolled back.
func rules() []wanted {
	return []wanted{
		{modelOrder, "on_create_or_write", []string{"name", "state", "client_order_ref", "write_date"}},
		{modelOrder, "on_unlink", []string{"name", "state", "write_date"}},
		{modelPartner, "on_create_or_write", []string{"parent_id", "write_date"}},
	}
}

// rule is an automation rule at Odoo.
type rule struct {
	ID      int64    `json:"id"`
	Model   api.Ref  `json:"model_id"`
	Trigger api.Text `json:"trigger"`
	Active  api.Flag `json:"active"`
	Actions api.IDs  `json:"action_server_ids"`
}

// Webhooks implements connector.WebhookRegistrar.
func (c *conn) Webhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	target, err := c.hookAddress(ctx, address)
	if err != nil {
		return nil, err
	}
	var out []connector.Subscription
	for _, w := range rules() {
		s := connector.Subscription{Topic: w.topic(), Address: address, State: connector.SubscriptionMissing}
		found, err := c.findRule(ctx, w, target)
		if err != nil {
			return nil, err
		}
		if found != nil {
			s.ID, s.State = formatID(found.ID), connector.SubscriptionActive
			if !found.Active {
				s.State = connector.SubscriptionDisabled
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// hookAddress is the address that Odoo posts to: ours, with the secret at its end.
func (c *conn) hookAddress(ctx context.Context, address string) (string, error) {
	const op = "set up webhooks"
	secret := c.config.WebhookSecret.Reveal()
	if secret == "" {
		return "", &connector.Error{
			Kind: connector.KindAuth, Op: op, Field: "webhook_secret", Message: "is not set", Fix: "enter a random text as webhook_secret",
		}
	}
	version, err := c.api.Version(ctx)
	if err != nil {
		return "", err
	}
	if version.Major < firstWebhook {
		e := connector.Errorf(connector.KindInvalid, op, "Odoo %s cannot send webhooks without code; changes are found by polling", version.Text)
		e.Fix = "update to Odoo 17 or later, or see the connector's README for an automated action with Python code"
		return "", e
	}
	return strings.TrimRight(address, "/") + "/" + url.PathEscape(secret), nil
}

// findRule gives the rule that posts to the address, or nil.
func (c *conn) findRule(ctx context.Context, w wanted, target string) (*rule, error) {
	const op = "read automation rules"
	var found []rule
	err := c.api.SearchRead(ctx, api.Query{
		Op: op, Model: "base.automation", Order: "id", Fields: []string{"id", "model_id", "trigger", "active", "action_server_ids"},
		Domain: anyState(api.Domain{}.Where("model_id.model", "=", w.model).Where("trigger", "=", w.trigger)),
	}, &found)
	if err != nil {
		return nil, automationRights(err)
	}
	var best *rule
	for _, r := range found {
		if len(r.Actions) == 0 {
			continue
		}
		var actions []struct {
			URL api.Text `json:"webhook_url"`
		}
		err := c.api.SearchRead(ctx, api.Query{
			Op: op, Model: "ir.actions.server", Domain: api.Domain{}.Where("id", "in", r.Actions).Where("state", "=", "webhook"),
			Fields: []string{"webhook_url"},
		}, &actions)
		if err != nil {
			return nil, automationRights(err)
		}
		for _, a := range actions {
			same := subtle.ConstantTimeCompare([]byte(a.URL), []byte(target)) == 1
			if same && (best == nil || (!bool(best.Active) && bool(r.Active))) {
				best = &r
			}
		}
	}
	return best, nil
}

// automationRights says what a user needs who may not see automation rules.
func automationRights(err error) error {
	if e, ok := err.(*connector.Error); ok && e.Kind == connector.KindForbidden { //nolint:errorlint // the error of this very call is changed
		e.Fix = "give the user the right Administration: Settings while Orderly sets webhooks up, or make the rules by hand (see the connector's README)"
	}
	return err
}

// EnsureWebhooks implements connector.WebhookRegistrar.
func (c *conn) EnsureWebhooks(ctx context.Context, address string) ([]connector.Subscription, error) {
	const op = "make an automation rule"
	target, err := c.hookAddress(ctx, address)
	if err != nil {
		return nil, err
	}
	for _, w := range rules() {
		found, err := c.findRule(ctx, w, target)
		if err != nil {
			return nil, err
		}
		switch {
		case found == nil:
			err = c.makeRule(ctx, op, w, target)
		case !bool(found.Active):
			err = c.api.Write(ctx, op, "base.automation", found.ID, map[string]any{"active": true})
		}
		if err != nil {
			return nil, automationRights(err)
		}
	}
	return c.Webhooks(ctx, address)
}

func (c *conn) makeRule(ctx context.Context, op string, w wanted, target string) error {
	var models []row
	err := c.api.SearchRead(ctx, api.Query{Op: op, Model: "ir.model", Domain: api.Domain{}.Where("model", "=", w.model), Fields: []string{"id"}}, &models)
	if err != nil {
		return err
	}
	if len(models) == 0 {
		return connector.Errorf(connector.KindInvalid, op, "Odoo has no model %s", w.model)
	}
	var fields []row
	err = c.api.SearchRead(ctx, api.Query{
		Op: op, Model: "ir.model.fields", Domain: api.Domain{}.Where("model", "=", w.model).Where("name", "in", w.fields), Fields: []string{"id"},
	}, &fields)
	if err != nil {
		return err
	}
	ids := make([]int64, len(fields))
	for i, f := range fields {
		ids[i] = f.ID
	}
	slices.Sort(ids)
	_, err = c.api.Create(ctx, op, "base.automation", []map[string]any{{
		"name": fmt.Sprintf("Orderly %s: %s", c.env.Connection, w.topic()), "model_id": models[0].ID, "trigger": w.trigger,
		"action_server_ids": []any{[]any{int64(0), int64(0), map[string]any{
			"name": "Orderly", "model_id": models[0].ID, "state": "webhook", "webhook_url": target,
			"webhook_field_ids": []any{[]any{int64(6), int64(0), ids}},
		}}},
	}}, nil)
	return err
}
