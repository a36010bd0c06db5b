package notice

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/store"
)

// Types of messages beside those of tasks, which are kind.state: order.synced, customer.held …
const (
	TypeAlertBegun    = "alert.begun"
	TypeAlertReminded = "alert.reminded" // it lasts
	TypeAlertEnded    = "alert.ended"
	typeTest          = "test" // sent by hand alone
)

// EventTypes are the types of messages that an endpoint may want.
func EventTypes() []string {
	var types []string
	for _, kind := range []commerce.Kind{commerce.KindOrder, commerce.KindCustomer} {
		for _, state := range store.ToldStates {
			types = append(types, string(kind)+"."+string(state))
		}
	}
	return append(types, TypeAlertBegun, TypeAlertReminded, TypeAlertEnded)
}

// Endpoint is a receiver of outgoing webhooks. Its address may hold a token, so it is for administrators alone.
type Endpoint struct {
	ID          string   `json:"id"`
	URL         string   `json:"url"`
	Description string   `json:"description"`
	Events      []string `json:"events"`
	Disabled    bool     `json:"disabled"`
	// DisabledWhy says why Orderly has disabled it; "" when a person did.
	DisabledWhy  string    `json:"disabled_why,omitempty"`
	DisabledAt   time.Time `json:"disabled_at,omitzero"`
	FailingSince time.Time `json:"failing_since,omitzero"`
	NextTry      time.Time `json:"next_try,omitzero"` // of an endpoint in trouble
	// OldSecretUntil is until when the secret before the last rotation signs as well.
	OldSecretUntil time.Time `json:"old_secret_until,omitzero"`
	Waiting        int64     `json:"waiting"` // messages
	Failed         int64     `json:"failed"`  // messages that were given up
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
}

// EndpointDraft is what people set of an endpoint.
type EndpointDraft struct {
	URL         string   `json:"url"`
	Description string   `json:"description"`
	Events      []string `json:"events"`
}

const (
	mostEndpoints   = 50
	mostURL         = 2000
	mostDescription = 200
)

// oldSecretTime is how long the secret before a rotation signs as well.
const oldSecretTime = 24 * time.Hour

// Endpoints gives all endpoints, the oldest first.
func (n *Notices) Endpoints(ctx context.Context) ([]Endpoint, error) {
	list, err := n.store.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	waiting, failed, err := n.store.CountSendings(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Endpoint, len(list))
	for i, e := range list {
		out[i] = n.show(e)
		out[i].Waiting, out[i].Failed = waiting[e.ID], failed[e.ID]
	}
	return out, nil
}

func (n *Notices) show(e store.Endpoint) Endpoint {
	out := Endpoint{
		ID: e.ID, URL: e.Settings.URL, Description: e.Description, Events: e.Events, Disabled: e.Disabled, DisabledWhy: e.DisabledWhy, DisabledAt: e.DisabledAt,
		FailingSince: e.FailingSince, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
	if now := n.now(); e.Settings.Previous != "" && e.Settings.PreviousUntil.After(now) {
		out.OldSecretUntil = e.Settings.PreviousUntil
	}
	if n.now().Before(e.RestUntil) {
		out.NextTry = e.RestUntil
	}
	return out
}

// Endpoint gives one endpoint; ErrNotFound when there is none.
func (n *Notices) Endpoint(ctx context.Context, id string) (Endpoint, error) {
	list, err := n.Endpoints(ctx)
	if err != nil {
		return Endpoint{}, err
	}
	for _, e := range list {
		if e.ID == id {
			return e, nil
		}
	}
	return Endpoint{}, noEndpoint(id)
}

func noEndpoint(id string) error { return fmt.Errorf("endpoint %s: %w", id, ErrNotFound) }

func (n *Notices) endpoint(ctx context.Context, id string) (store.Endpoint, error) {
	e, err := n.store.Endpoint(ctx, id)
	if errors.Is(err, store.ErrNoRows) {
		return e, noEndpoint(id)
	}
	return e, err
}

// check gives what is wrong with a draft, and puts its events in order.
func (n *Notices) check(ctx context.Context, d *EndpointDraft) error {
	if _, err := n.load(ctx); err != nil { // the networks that may be called
		return err
	}
	var problems []Problem
	d.URL = strings.TrimSpace(d.URL)
	if err := n.guard.checkURL(d.URL); err != nil {
		problems = append(problems, Problem{Field: "url", Message: err.Error()})
	} else if len(d.URL) > mostURL {
		problems = append(problems, Problem{Field: "url", Message: fmt.Sprintf("at most %d characters", mostURL)})
	}
	if len(d.Description) > mostDescription {
		problems = append(problems, Problem{Field: "description", Message: fmt.Sprintf("at most %d characters", mostDescription)})
	}
	known := EventTypes()
	for i, event := range d.Events {
		if !slices.Contains(known, event) {
			problems = append(problems, Problem{Field: fmt.Sprintf("events[%d]", i), Message: fmt.Sprintf("there is no event %q; there are %s", event, strings.Join(known, ", "))})
		}
	}
	if len(d.Events) == 0 {
		problems = append(problems, Problem{Field: "events", Message: "choose at least one of " + strings.Join(known, ", ")})
	}
	d.Events = slices.Clone(d.Events)
	slices.Sort(d.Events)
	d.Events = slices.Compact(d.Events)
	return invalid(problems)
}

// CreateEndpoint adds an endpoint and gives it with its secret. It fails with *InvalidError.
func (n *Notices) CreateEndpoint(ctx context.Context, d EndpointDraft, who, why string) (Endpoint, string, error) {
	if err := n.check(ctx, &d); err != nil {
		return Endpoint{}, "", err
	}
	there, err := n.store.Endpoints(ctx)
	if err != nil {
		return Endpoint{}, "", err
	}
	if len(there) >= mostEndpoints {
		return Endpoint{}, "", invalid([]Problem{{Field: "url", Message: fmt.Sprintf("there are %d endpoints already, which is the most; remove one first", mostEndpoints)}})
	}
	e := store.Endpoint{
		ID: store.EndpointPrefix + newID(), Events: d.Events, Description: d.Description,
		Settings: store.EndpointSettings{URL: d.URL, Secret: newSecret()},
	}
	err = n.change(ctx, "create", e.ID, who, why, func(ctx context.Context, tx store.Tx, now time.Time) error {
		return n.store.AddEndpoint(ctx, tx, e, now)
	})
	if err != nil {
		return Endpoint{}, "", err
	}
	created, err := n.Endpoint(ctx, e.ID)
	return created, e.Settings.Secret, err
}

// ChangeEndpoint changes what people set. It fails with *InvalidError or ErrNotFound.
func (n *Notices) ChangeEndpoint(ctx context.Context, id string, d EndpointDraft, who, why string) error {
	if err := n.check(ctx, &d); err != nil {
		return err
	}
	return n.change(ctx, "change", id, who, why, func(ctx context.Context, tx store.Tx, now time.Time) error {
		return n.store.ChangeEndpoint(ctx, tx, id, now, func(e *store.Endpoint) {
			e.Settings.URL, e.Events, e.Description = d.URL, d.Events, d.Description
		})
	})
}

// RemoveEndpoint removes an endpoint; what waits for it is not sent.
func (n *Notices) RemoveEndpoint(ctx context.Context, id, who, why string) error {
	return n.change(ctx, "remove", id, who, why, func(ctx context.Context, tx store.Tx, _ time.Time) error {
		return n.store.RemoveEndpoint(ctx, tx, id)
	})
}

// EnableEndpoint goes on with sending to an endpoint. What happened while it was disabled is not sent; what was given
// up before can be, by ResendFailed.
func (n *Notices) EnableEndpoint(ctx context.Context, id, who, why string) error {
	return n.change(ctx, "enable", id, who, why, func(ctx context.Context, tx store.Tx, now time.Time) error {
		return n.store.EnableEndpoint(ctx, tx, id, now)
	})
}

// DisableEndpoint stops sending to an endpoint. What waits for it is given up.
func (n *Notices) DisableEndpoint(ctx context.Context, id, who, why string) error {
	if _, err := n.endpoint(ctx, id); err != nil {
		return err
	}
	return n.change(ctx, "disable", id, who, why, func(ctx context.Context, tx store.Tx, now time.Time) error {
		_, err := n.store.DisableEndpoint(ctx, tx, id, "", now)
		return err
	})
}

// RevealSecret gives the secret that an endpoint's messages are signed with; that it was looked at is in the audit.
func (n *Notices) RevealSecret(ctx context.Context, id, who, why string) (string, error) {
	e, err := n.endpoint(ctx, id)
	if err != nil {
		return "", err
	}
	return e.Settings.Secret, n.change(ctx, "reveal secret", id, who, why, func(context.Context, store.Tx, time.Time) error { return nil })
}

// RotateSecret gives an endpoint a new secret. For 24 hours messages are signed with both, so that the receiver can
// change its own in between.
func (n *Notices) RotateSecret(ctx context.Context, id, who, why string) (string, error) {
	secret := newSecret()
	err := n.change(ctx, "rotate secret", id, who, why, func(ctx context.Context, tx store.Tx, now time.Time) error {
		return n.store.ChangeEndpoint(ctx, tx, id, now, func(e *store.Endpoint) {
			e.Settings.Previous, e.Settings.PreviousUntil = e.Settings.Secret, now.Add(oldSecretTime)
			e.Settings.Secret = secret
		})
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// change does something with an endpoint and writes it into the audit, both or neither.
func (n *Notices) change(ctx context.Context, action, id, who, why string, do func(ctx context.Context, tx store.Tx, now time.Time) error) error {
	now := n.now()
	err := n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := do(ctx, tx, now); err != nil {
			return err
		}
		return n.store.Audit(ctx, tx, who, action, "endpoint/"+id, why, "", now)
	})
	if errors.Is(err, store.ErrNoRows) {
		return noEndpoint(id)
	}
	if err != nil {
		return fmt.Errorf("%s endpoint %s: %w", action, id, err)
	}
	return nil
}

// newID gives an id that nothing else has.
func newID() string { return strings.ToLower(rand.Text()[:16]) }

// Sending is a message on its way to an endpoint or channel.
type Sending struct {
	ID       int64              `json:"id"`
	Endpoint string             `json:"endpoint"` // or channel
	UID      string             `json:"uid"`      // the webhook-id, the same at each attempt
	Type     string             `json:"type"`
	State    store.SendingState `json:"state"` // waiting, sent, failed
	NextTry  time.Time          `json:"next_try,omitzero"`
	Created  time.Time          `json:"created_at"`
	Data     json.RawMessage    `json:"data"`
	Attempts []Attempt          `json:"attempts"` // oldest first
}

// Attempt is one try to send a message.
type Attempt struct {
	At     time.Time `json:"at"`
	TookMS int64     `json:"took_ms"`
	Status int       `json:"status,omitempty"` // of HTTP; none when there was no answer
	Error  string    `json:"error,omitempty"`
}

// Sendings gives what was sent or is to be sent to an endpoint or channel, newest first.
func (n *Notices) Sendings(ctx context.Context, f store.SendingFilter) ([]Sending, error) {
	list, err := n.store.Sendings(ctx, f)
	if err != nil {
		return nil, err
	}
	out := make([]Sending, len(list))
	for i, s := range list {
		out[i] = Sending{
			ID: s.ID, Endpoint: s.Endpoint, UID: s.Message.UID, Type: s.Message.Type, State: s.State, NextTry: s.Due,
			Created: s.Message.CreatedAt, Data: s.Message.Data, Attempts: make([]Attempt, len(s.Tries)),
		}
		for j, a := range s.Tries {
			out[i].Attempts[j] = Attempt{At: a.At, TookMS: a.Took.Milliseconds(), Status: a.Status, Error: a.Error}
		}
	}
	return out, nil
}

// ErrDisabled says that nothing is sent to an endpoint because it is disabled.
var ErrDisabled = errors.New("the endpoint is disabled; enable it first")

// Resend has one message sent again now, whatever became of it, with the same webhook-id.
func (n *Notices) Resend(ctx context.Context, sendingID int64, who, why string) error {
	s, err := n.store.Sending(ctx, sendingID)
	if errors.Is(err, store.ErrNoRows) {
		return fmt.Errorf("sending %d: %w", sendingID, ErrNotFound)
	}
	if err != nil {
		return err
	}
	if err := n.enabled(ctx, s.Endpoint); err != nil {
		return err
	}
	return n.change(ctx, "resend", s.Endpoint, who, why, func(ctx context.Context, tx store.Tx, now time.Time) error {
		return n.store.Resend(ctx, tx, sendingID, now)
	})
}

func (n *Notices) enabled(ctx context.Context, receiver string) error {
	if !strings.HasPrefix(receiver, store.EndpointPrefix) {
		return nil
	}
	e, err := n.endpoint(ctx, receiver)
	if err == nil && e.Disabled {
		return ErrDisabled
	}
	return err
}

// ResendFailed has everything sent again that was given up and is not older than since, and gives how much that is.
func (n *Notices) ResendFailed(ctx context.Context, endpoint string, since time.Time, who, why string) (int64, error) {
	if err := n.enabled(ctx, endpoint); err != nil {
		return 0, err
	}
	var count int64
	err := n.change(ctx, "resend failed", endpoint, who, why, func(ctx context.Context, tx store.Tx, now time.Time) (err error) {
		count, err = n.store.ResendFailed(ctx, tx, endpoint, since, now)
		return err
	})
	return count, err
}
