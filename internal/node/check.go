package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// Report is what a check of a connection found.
type Report struct {
	Connection string                   `json:"connection"`
	System     string                   `json:"system,omitempty"`
	OK         bool                     `json:"ok"`
	Kind       connector.ErrorKind      `json:"kind,omitempty"` // of the error
	Error      string                   `json:"error,omitempty"`
	Fix        string                   `json:"fix,omitempty"`
	Account    *connector.Account       `json:"account,omitempty"`
	Webhooks   []connector.Subscription `json:"webhooks,omitempty"`
	WebhookURL string                   `json:"webhook_url,omitempty"`
	Took       time.Duration            `json:"took"` // nanoseconds
}

// maxSkew is how far a vendor's clock may be from ours before polls may miss something.
const maxSkew = 2 * time.Minute

// checkTime bounds the check of one connection, for which a person may be waiting.
const checkTime = 45 * time.Second

// Check signs in to a connection, reads what the account is and may do, and compares its webhook
// subscriptions. It changes nothing at the vendor.
func (v *View) Check(ctx context.Context, name string) Report {
	report := Report{Connection: name}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	started := v.options.Now()
	defer func() { report.Took = v.options.Now().Sub(started) }()
	c, err := v.connection(name)
	if err != nil {
		report.fail(err)
		return report
	}
	report.System = c.definition.Title
	account, err := c.Conn.Connector.Check(ctx)
	if err != nil {
		report.fail(err)
		return report
	}
	if skew := started.Sub(account.ServerTime).Abs(); !account.ServerTime.IsZero() && skew > maxSkew {
		account.Findings = append(account.Findings, connector.Finding{
			Level: "warning", Text: fmt.Sprintf("the clocks of %s and of this machine are %s apart", name, skew.Round(time.Second)),
			Fix: "set this machine's clock by NTP",
		})
	}
	report.OK, report.Account = true, &account
	v.checkWebhooks(ctx, c, &report)
	for _, finding := range account.Findings {
		report.OK = report.OK && finding.Level != "error"
	}
	return report
}

// Check checks a connection as View.Check does and keeps what it found in the store.
func (n *Node) Check(ctx context.Context, name string) (Report, error) {
	v, err := n.View(ctx)
	if err != nil {
		return Report{}, err
	}
	report := v.Check(ctx, name)
	text, err := json.Marshal(report)
	if err != nil {
		return report, fmt.Errorf("report of connection %s: %w", name, err)
	}
	err = n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return n.store.SaveHealth(ctx, tx, name, string(text), n.options.Now())
	})
	if errors.Is(err, store.ErrNoRows) {
		err = nil // it was removed meanwhile
	}
	return report, err
}

func (v *View) checkWebhooks(ctx context.Context, c *Connection, report *Report) {
	if c.Conn.Receiver == nil || !v.hooks[c.Name] {
		return
	}
	source := v.sources[c.Name]
	if source.Address == "" {
		report.Account.Findings = append(report.Account.Findings, connector.Finding{
			Level: "warning", Text: "webhooks cannot arrive: Orderly has no public address",
			Fix: "set public_url in orderly.yaml; until then changes come by the schedule alone",
		})
		return
	}
	report.WebhookURL = source.Address
	if c.Conn.Registrar == nil {
		return
	}
	subscriptions, err := c.Conn.Registrar.Webhooks(ctx, source.Address)
	if err != nil {
		report.Account.Findings = append(report.Account.Findings, connector.Finding{
			Level: "warning", Text: "the webhook subscriptions cannot be read: " + err.Error(),
			Fix: "give the account the right to read webhooks, or enter the address by hand",
		})
		return
	}
	report.Webhooks = subscriptions
	for _, s := range subscriptions {
		if s.State != connector.SubscriptionActive {
			report.Account.Findings = append(report.Account.Findings, connector.Finding{
				Level: "warning", Text: fmt.Sprintf("the webhook subscription %s is %s", s.Topic, s.State),
				Fix: "a running Orderly repairs it within its next check",
			})
		}
	}
}

func (r *Report) fail(err error) {
	r.OK, r.Kind, r.Error = false, connector.KindOf(err), err.Error()
	if e, ok := asConnectorError(err); ok {
		r.Fix = e.Fix
	} else if _, ok := asSettingsError(err); ok {
		r.Kind = connector.KindInvalid
	}
}

func asConnectorError(err error) (*connector.Error, bool) {
	return errors.AsType[*connector.Error](err)
}

func asSettingsError(err error) (*connector.SettingsError, bool) {
	return errors.AsType[*connector.SettingsError](err)
}
