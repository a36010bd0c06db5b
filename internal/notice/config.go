package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// Config says what alerts there are and to whom they go. Secrets in it are never shown: they read ***, and what reads ***
// when it is saved stays as it was. The password of a mail server stays only for the same server.
type Config struct {
	Rules Rules `json:"rules"`
	// RemindMinutes is how long after an alert people are told again while it lasts; 0 is never.
	RemindMinutes int     `json:"remind_minutes"`
	Email         *Email  `json:"email,omitempty"`
	Slack         []Slack `json:"slack,omitempty"`
	// AllowedNetworks are private networks that webhooks may be sent to, such as 10.1.0.0/16.
	AllowedNetworks []string `json:"allowed_networks,omitempty"`
}

// Rules are what people are alerted of.
type Rules struct {
	OldestOrder      OldestOrder `json:"oldest_order"`
	ConnectionDown   Lasting     `json:"connection_down"`
	SubscriptionLost Lasting     `json:"subscription_lost"`
	CauseGrowing     Growing     `json:"cause_growing"`
	Paused           Lasting     `json:"paused"`
	EndpointDisabled Switch      `json:"endpoint_disabled"`
}

// OldestOrder alerts when an order is not in its destination after so many minutes.
type OldestOrder struct {
	On      bool `json:"on"`
	Minutes int  `json:"minutes"`
	// Flows have other limits than the rest; 0 is no limit.
	Flows map[string]int `json:"flows,omitempty"`
}

// Lasting alerts when something has lasted for so many minutes.
type Lasting struct {
	On      bool `json:"on"`
	Minutes int  `json:"minutes"`
}

// Growing alerts when so many orders came to a cause within an hour.
type Growing struct {
	On    bool `json:"on"`
	Tasks int  `json:"tasks"`
}

// Switch is a rule without a limit.
type Switch struct {
	On bool `json:"on"`
}

// Security is how a connection to a mail server is protected.
type Security string

// Kinds of protection.
const (
	SecurityStartTLS Security = "starttls" // usual at port 587
	SecurityTLS      Security = "tls"      // usual at port 465
	SecurityNone     Security = "none"     // only for a server on this machine
)

// Email sends alerts by a mail server.
type Email struct {
	Host     string           `json:"host"`
	Port     int              `json:"port"` // 0 is the usual one
	Security Security         `json:"security"`
	Username string           `json:"username,omitempty"` // "" signs in nowhere
	Password connector.Secret `json:"password,omitempty"`
	From     string           `json:"from"`
	To       []string         `json:"to"`
}

// Slack sends alerts to a chat that takes {"text": …} at an address: Slack, Mattermost, Rocket.Chat.
type Slack struct {
	ID   string           `json:"id"` // given when it is saved first
	Name string           `json:"name"`
	URL  connector.Secret `json:"url"`
}

// Ids of channels.
const (
	ChannelEmail = "email"
	slackPrefix  = "slack:"
)

// Channel is the id of the channel, for Notices.TestChannel.
func (s Slack) Channel() string { return slackPrefix + s.ID }

// Channels gives the ids of all channels.
func (c Config) Channels() []string {
	var ids []string
	if c.Email != nil {
		ids = append(ids, ChannelEmail)
	}
	for _, s := range c.Slack {
		ids = append(ids, s.Channel())
	}
	return ids
}

// DefaultConfig has every rule on and no channel.
func DefaultConfig() Config {
	return Config{
		Rules: Rules{
			OldestOrder:      OldestOrder{On: true, Minutes: 60},
			ConnectionDown:   Lasting{On: true, Minutes: 10},
			SubscriptionLost: Lasting{On: true, Minutes: 40}, // lost subscriptions are repaired every 30 minutes
			CauseGrowing:     Growing{On: true, Tasks: 10},
			Paused:           Lasting{On: true, Minutes: 24 * 60},
			EndpointDisabled: Switch{On: true},
		},
		RemindMinutes: 4 * 60,
	}
}

// Bounds of what can be set.
const (
	mostMinutes    = 60 * 24 * 60
	mostTasks      = 1_000_000
	mostChannels   = 20
	mostRecipients = 50
	mostNetworks   = 50
)

// Check gives what is wrong, by field.
func (c Config) Check() []Problem {
	var problems []Problem
	fail := func(field, format string, args ...any) {
		problems = append(problems, Problem{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	limit := func(field string, value, least, most int) {
		if value < least || value > most {
			fail(field, "write a number from %d to %d", least, most)
		}
	}
	limit("rules.oldest_order.minutes", c.Rules.OldestOrder.Minutes, 1, mostMinutes)
	for _, flow := range slices.Sorted(maps.Keys(c.Rules.OldestOrder.Flows)) {
		limit("rules.oldest_order.flows."+flow, c.Rules.OldestOrder.Flows[flow], 0, mostMinutes)
	}
	limit("rules.connection_down.minutes", c.Rules.ConnectionDown.Minutes, 1, mostMinutes)
	limit("rules.subscription_lost.minutes", c.Rules.SubscriptionLost.Minutes, 1, mostMinutes)
	limit("rules.cause_growing.tasks", c.Rules.CauseGrowing.Tasks, 1, mostTasks)
	limit("rules.paused.minutes", c.Rules.Paused.Minutes, 1, mostMinutes)
	limit("remind_minutes", c.RemindMinutes, 0, mostMinutes)
	if c.Email != nil {
		c.Email.check(fail)
	}
	if len(c.Slack) > mostChannels {
		fail("slack", "at most %d channels", mostChannels)
	}
	allowed := c.networks(fail)
	var g guard
	g.allow(allowed)
	for i, s := range c.Slack {
		if strings.TrimSpace(s.Name) == "" {
			fail(fmt.Sprintf("slack[%d].name", i), "give it a name, such as the channel's")
		}
		if err := g.checkURL(string(s.URL)); err != nil {
			fail(fmt.Sprintf("slack[%d].url", i), "%v", err)
		}
	}
	return problems
}

type failFunc func(field, format string, args ...any)

func (e *Email) check(fail failFunc) {
	if e.Host == "" || strings.ContainsAny(e.Host, " /:") && !isLoopback(e.Host) {
		fail("email.host", "write the name of the mail server, such as smtp.example.com")
	}
	if e.Port < 0 || e.Port > 65535 {
		fail("email.port", "write a number from 1 to 65535, or 0 for the usual one")
	}
	switch e.Security {
	case SecurityStartTLS, SecurityTLS:
	case SecurityNone:
		if !isLoopback(e.Host) {
			fail("email.security", "without encryption only a mail server on this machine is called; choose starttls or tls")
		}
	default:
		fail("email.security", "choose starttls, tls or none")
	}
	if e.Username == "" && e.Password != "" {
		fail("email.username", "a password needs a user name")
	}
	if e.Username != "" && e.Password == "" {
		fail("email.password", "a user name needs a password; it is to be typed again when the server, port or protection is another")
	}
	if _, err := mail.ParseAddress(e.From); err != nil {
		fail("email.from", "write an e-mail address, such as orderly@example.com")
	}
	if len(e.To) == 0 || len(e.To) > mostRecipients {
		fail("email.to", "name 1 to %d recipients", mostRecipients)
	}
	for i, to := range e.To {
		if _, err := mail.ParseAddress(to); err != nil {
			fail(fmt.Sprintf("email.to[%d]", i), "write an e-mail address")
		}
	}
}

// networks gives the allowed networks, and tells fail which of them are none.
func (c Config) networks(fail failFunc) []netip.Prefix {
	var list []netip.Prefix
	if len(c.AllowedNetworks) > mostNetworks {
		fail("allowed_networks", "at most %d networks", mostNetworks)
	}
	for i, text := range c.AllowedNetworks {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			fail(fmt.Sprintf("allowed_networks[%d]", i), "write a network such as 10.1.0.0/16 or fd00:1::/32")
			continue
		}
		list = append(list, prefix.Masked())
	}
	return list
}

// Kept is the secret that stays as it was when a config is saved.
func Kept() connector.Secret { return connector.Secret(connector.Secret("x").String()) }

// sameServer says whether both are one server, called in the same way. Whoever may set the server must not have the
// password of another one sent there.
func (e *Email) sameServer(other *Email) bool {
	return e.Host == other.Host && e.Port == other.Port && e.Security == other.Security
}

// secrets gives the secrets of a config by a name that stays the same.
func (c *Config) secrets() map[string]*connector.Secret {
	out := map[string]*connector.Secret{}
	if c.Email != nil {
		out["email.password"] = &c.Email.Password
	}
	for i := range c.Slack {
		out[c.Slack[i].Channel()] = &c.Slack[i].URL
	}
	return out
}

// settingName is the sealed setting that holds a config.
const settingName = "notices"

// stored is a config as the store keeps it: secrets are apart because they hide themselves.
type stored struct {
	Config  json.RawMessage   `json:"config"`
	Secrets map[string]string `json:"secrets"`
}

// Config gives the settings of alerts.
func (n *Notices) Config(ctx context.Context) (Config, error) {
	c := DefaultConfig()
	plain, err := n.store.SealedSetting(ctx, settingName)
	if err != nil || plain == nil {
		return c, err
	}
	var s stored
	if err := json.Unmarshal(plain, &s); err != nil {
		return c, fmt.Errorf("settings of notices: %w", err)
	}
	if err := json.Unmarshal(s.Config, &c); err != nil {
		return c, fmt.Errorf("settings of notices: %w", err)
	}
	for name, secret := range c.secrets() {
		*secret = connector.Secret(s.Secrets[name])
	}
	return c, nil
}

// load gives the settings and lets their networks be called.
func (n *Notices) load(ctx context.Context) (Config, error) {
	c, err := n.Config(ctx)
	if err != nil {
		return c, err
	}
	n.guard.allow(c.networks(func(string, string, ...any) {})) // they were checked when they were saved
	return c, nil
}

// SaveConfig replaces the settings of alerts and writes it into the audit. It fails with *InvalidError.
func (n *Notices) SaveConfig(ctx context.Context, c Config, who, why string) error {
	before, err := n.Config(ctx)
	if err != nil {
		return err
	}
	c = c.complete(before)
	if err := invalid(c.Check()); err != nil {
		return err
	}
	plain, shown, err := c.pack()
	if err != nil {
		return err
	}
	now := n.now()
	err = n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := n.store.SetSealedSetting(ctx, tx, settingName, plain, now); err != nil {
			return err
		}
		for _, gone := range before.Channels() {
			if !slices.Contains(c.Channels(), gone) {
				if err := n.store.ForgetReceiver(ctx, tx, gone); err != nil {
					return err
				}
			}
		}
		return n.store.Audit(ctx, tx, who, "change", "notices", why, string(shown), now)
	})
	if err != nil {
		return fmt.Errorf("save the settings of notices: %w", err)
	}
	return nil
}

// complete gives new channels an id and takes secrets that were not given again from what there was. It changes nothing
// that c shares with others.
func (c Config) complete(before Config) Config {
	c.Slack = slices.Clone(c.Slack)
	if c.Email != nil {
		email := *c.Email
		c.Email = &email
	}
	for i := range c.Slack {
		if c.Slack[i].ID == "" {
			c.Slack[i].ID = newID()
		}
	}
	if c.Email != nil && before.Email != nil && !c.Email.sameServer(before.Email) {
		before.Email = nil
	}
	had := before.secrets()
	for name, secret := range c.secrets() {
		if *secret == Kept() {
			*secret = ""
			if old := had[name]; old != nil {
				*secret = *old
			}
		}
	}
	return c
}

// pack gives a config as the store keeps it, and as it may be shown.
func (c Config) pack() (plain, shown []byte, err error) {
	if shown, err = json.Marshal(c); err != nil {
		return nil, nil, fmt.Errorf("settings of notices: %w", err)
	}
	s := stored{Config: shown, Secrets: map[string]string{}}
	for name, secret := range c.secrets() {
		s.Secrets[name] = string(*secret)
	}
	if plain, err = json.Marshal(s); err != nil {
		return nil, nil, fmt.Errorf("settings of notices: %w", err)
	}
	return plain, shown, nil
}

func (c Config) remind() time.Duration { return time.Duration(c.RemindMinutes) * time.Minute }
