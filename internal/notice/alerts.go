package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// Alert is something that people were told of.
type Alert struct {
	ID      int64     `json:"id"`
	Rule    string    `json:"rule"`
	Subject string    `json:"subject"` // such as a flow or connection
	Title   string    `json:"title"`
	Since   time.Time `json:"since"`
	Told    time.Time `json:"told_at"` // the last time
	Ended   time.Time `json:"ended_at,omitzero"`
}

// Alerts gives the alerts that last, or those that are over, newest first. BeforeID 0 is the first page.
func (n *Notices) Alerts(ctx context.Context, over bool, beforeID int64, limit int) ([]Alert, error) {
	list, err := n.store.Alerts(ctx, over, beforeID, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Alert, len(list))
	for i, a := range list {
		out[i] = Alert{ID: a.ID, Rule: a.Rule, Subject: a.Subject, Title: a.Title, Since: a.Since, Told: a.Told, Ended: a.Ended}
	}
	return out, nil
}

// AlertNews is the data of a message about an alert. It has no people's data.
type AlertNews struct {
	Rule    string        `json:"rule"`
	Subject string        `json:"subject"`
	Title   string        `json:"title"`
	What    string        `json:"what,omitempty"`
	Since   time.Time     `json:"since,omitzero"`
	Ended   time.Time     `json:"ended_at,omitzero"`
	Orders  int64         `json:"orders"`
	Money   []money.Money `json:"money,omitempty"`
	ToDo    string        `json:"to_do,omitempty"`
	Link    string        `json:"link,omitempty"`

	kind string // of the message
}

func readAlert(m store.Message) (AlertNews, error) {
	if m.Type == typeTest {
		return testNews(), nil
	}
	var news AlertNews
	if err := json.Unmarshal(m.Data, &news); err != nil {
		return news, fmt.Errorf("the data of message %s: %w", m.UID, err)
	}
	news.kind = m.Type
	return news, nil
}

func testNews() AlertNews {
	return AlertNews{Title: "A test message", What: "Alerts of this Orderly arrive here.", kind: typeTest}
}

// headline is one line that says what happens.
func (a AlertNews) headline() string {
	switch a.kind {
	case TypeAlertReminded:
		return "Orderly: still: " + a.Title
	case TypeAlertEnded:
		return "Orderly: over: " + a.Title
	}
	return "Orderly: " + a.Title
}

// text is the whole of it, in plain text.
func (a AlertNews) text() string {
	var lines []string
	if a.What != "" {
		lines = append(lines, a.What, "")
	}
	if !a.Since.IsZero() {
		lines = append(lines, "Since: "+clock(a.Since))
	}
	if !a.Ended.IsZero() {
		lines = append(lines, fmt.Sprintf("Over: %s, after %s", clock(a.Ended), span(a.Ended.Sub(a.Since))))
	}
	if stake := a.stake(); stake != "" {
		lines = append(lines, "Concerned: "+stake)
	}
	if a.ToDo != "" {
		lines = append(lines, "", "What to do: "+a.ToDo)
	}
	if a.Link != "" {
		lines = append(lines, "", a.Link)
	}
	return strings.Join(lines, "\n") + "\n"
}

func (a AlertNews) stake() string {
	if a.Orders == 0 {
		return ""
	}
	text := plural(a.Orders, "order", "orders")
	sums := make([]string, len(a.Money))
	for i, m := range a.Money {
		sums[i] = m.String()
	}
	if len(sums) > 0 {
		text += " of " + strings.Join(sums, " and ")
	}
	return text
}

// chatEscape is what Slack wants escaped in a text.
var chatEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// chat is the text for a chat: the subject in bold, then the rest.
func (a AlertNews) chat() string {
	return "*" + chatEscape.Replace(a.headline()) + "*\n" + chatEscape.Replace(a.text())
}

// Evaluate looks whether anything is wrong that people must know of, and writes the messages that follow. Each alert is
// told once when it begins, again after a while, and when it is over. It is called every minute by one node; a second
// one at the same time does no harm.
func (n *Notices) Evaluate(ctx context.Context) error {
	config, err := n.load(ctx)
	if err != nil {
		return err
	}
	now := n.now()
	found, err := n.findings(ctx, config, now)
	if err != nil {
		return fmt.Errorf("look for what is wrong: %w", err)
	}
	// What is at stake is asked before the transaction, because that may take long, and only for what will be told.
	stakes, err := n.stakes(ctx, config, found, now)
	if err != nil {
		return err
	}
	err = n.store.Write(ctx, func(ctx context.Context, tx store.Tx) error { return n.step(ctx, tx, config, found, stakes, now) })
	if err != nil {
		return fmt.Errorf("tell what is wrong: %w", err)
	}
	return nil
}

func (n *Notices) stakes(ctx context.Context, config Config, found []finding, now time.Time) (map[string]store.AtStake, error) {
	var open map[string]store.Alert
	err := n.store.Read(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		open, err = n.open(ctx, tx, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	stakes := map[string]store.AtStake{}
	for _, f := range found {
		if _, phase := advance(open[f.key()], f, config.remind(), now); phase == "" {
			continue
		}
		if f.stake == nil {
			stakes[f.key()] = store.AtStake{}
			continue
		}
		if stakes[f.key()], err = f.stake(ctx); err != nil {
			return nil, err
		}
	}
	return stakes, nil
}

func (n *Notices) open(ctx context.Context, tx store.Tx, alone bool) (map[string]store.Alert, error) {
	list, err := n.store.OpenAlerts(ctx, tx, alone)
	open := make(map[string]store.Alert, len(list))
	for _, a := range list {
		open[a.Rule+"/"+a.Subject] = a
	}
	return open, err
}

// advance gives what an alert becomes that is there (ID 0: not yet) while its finding lasts, and the type of message to
// send, if any.
func advance(a store.Alert, f finding, remind time.Duration, now time.Time) (store.Alert, string) {
	if a.ID == 0 {
		a = store.Alert{Rule: f.rule, Subject: f.subject, Since: now}
	}
	if a.Begun.IsZero() && !f.since.IsZero() {
		a.Since = f.since
	}
	a.Seen, a.Title = now, f.title
	switch {
	case a.Begun.IsZero() && now.Sub(a.Since) >= f.lasting:
		a.Begun, a.Told = now, now
		return a, TypeAlertBegun
	case !a.Begun.IsZero() && remind > 0 && now.Sub(a.Told) >= remind:
		a.Told = now
		return a, TypeAlertReminded
	}
	return a, ""
}

// step brings the alerts of the store to what was found.
func (n *Notices) step(ctx context.Context, tx store.Tx, config Config, found []finding, stakes map[string]store.AtStake, now time.Time) error {
	open, err := n.open(ctx, tx, true)
	if err != nil {
		return err
	}
	for _, f := range found {
		before := open[f.key()]
		delete(open, f.key())
		a, phase := advance(before, f, config.remind(), now)
		stake, known := stakes[f.key()]
		if phase != "" && !known {
			continue // somebody else was quicker; the next look finds it as it is then
		}
		added, err := n.store.SaveAlert(ctx, tx, a)
		if err != nil {
			return err
		}
		if phase == "" || before.ID == 0 && !added {
			continue
		}
		news := AlertNews{
			Rule: f.rule, Subject: f.subject, Title: f.title, What: f.what, Since: a.Since, Orders: stake.Orders, Money: stake.Money, ToDo: f.todo, Link: n.link(f.path),
		}
		if err := n.announce(ctx, tx, config, phase, news, now); err != nil {
			return err
		}
	}
	for _, a := range open {
		if err := n.end(ctx, tx, config, a, now); err != nil {
			return err
		}
	}
	return nil
}

// end ends an alert whose finding is there no more.
func (n *Notices) end(ctx context.Context, tx store.Tx, config Config, a store.Alert, now time.Time) error {
	if a.Begun.IsZero() {
		return n.store.DropAlert(ctx, tx, a.ID)
	}
	on := config.Rules.on(a.Rule)
	if on && now.Sub(a.Seen) < calm(a.Rule) {
		return nil
	}
	a.Ended = now
	if _, err := n.store.SaveAlert(ctx, tx, a); err != nil {
		return err
	}
	if !on {
		return nil // nobody wants to hear of it
	}
	return n.announce(ctx, tx, config, TypeAlertEnded, AlertNews{Rule: a.Rule, Subject: a.Subject, Title: a.Title, Since: a.Since, Ended: now}, now)
}

// calmTime keeps what comes and goes from being told again and again.
const calmTime = 5 * time.Minute

// calm is how long something must be over before people are told so: what comes and goes is one alert. What people
// switch on and off is over at once.
func calm(rule string) time.Duration {
	if rule == RulePaused || rule == RuleEndpointDisabled {
		return 0
	}
	return calmTime
}

// announce writes the message of an alert for all channels and for the endpoints that want it.
func (n *Notices) announce(ctx context.Context, tx store.Tx, config Config, messageType string, news AlertNews, now time.Time) error {
	receivers, err := n.store.Wanting(ctx, tx, messageType)
	if err != nil {
		return err
	}
	if receivers = append(receivers, config.Channels()...); len(receivers) == 0 {
		return nil // it is on the screen
	}
	data, err := json.Marshal(news)
	if err != nil {
		return fmt.Errorf("message of alert %s: %w", news.Title, err)
	}
	_, err = n.store.AddMessage(ctx, tx, messageType, data, receivers, now, now)
	return err
}

// link is the address of a screen; "" where nobody knows it.
func (n *Notices) link(path string) string {
	if n.publicURL == "" {
		return ""
	}
	return n.publicURL + path
}

// TestChannel sends a test message to a channel ("email", or the Channel of a chat) now, as it is saved. The error says
// in words why it did not arrive.
func (n *Notices) TestChannel(ctx context.Context, channel string) error {
	config, err := n.load(ctx)
	if err != nil {
		return err
	}
	var r *receiver
	if channel == ChannelEmail && config.Email != nil {
		r = n.emailReceiver(*config.Email)
	}
	for _, s := range config.Slack {
		if s.Channel() == channel {
			r = n.slackReceiver(s)
		}
	}
	if r == nil {
		return fmt.Errorf("channel %s: %w", channel, ErrNotFound)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	now := n.now()
	if o := r.send(ctx, store.Message{UID: "msg_" + newID(), Type: typeTest, CreatedAt: now}, now); o.err != nil {
		return errors.New(inWords(o.err))
	}
	return nil
}
