package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// Names of the rules.
const (
	RuleOldestOrder      = "oldest_order"
	RuleConnectionDown   = "connection_down"
	RuleSubscriptionLost = "subscription_lost"
	RuleCauseGrowing     = "cause_growing"
	RulePaused           = "paused"
	RuleEndpointDisabled = "endpoint_disabled"
)

// finding is something that a rule is about, as it is now.
type finding struct {
	rule, subject string
	// since is when it began; zero when that is not known: then it began when it was first seen.
	since time.Time
	// lasting is how long it must last before people are told.
	lasting     time.Duration
	title, what string
	todo        string
	path        string // of the screen
	stake       func(ctx context.Context) (store.AtStake, error)
}

func (f finding) key() string { return f.rule + "/" + f.subject }

const (
	// staleBreaker is after what time a breaker counts no more that no call has opened again; nobody calls then.
	staleBreaker = 10 * time.Minute
	// staleCheck is after what time the check of a connection counts no more.
	staleCheck = 30 * time.Minute
	// growTime is the time within which tasks of a cause are counted.
	growTime = time.Hour
)

// findings gives what is wrong now, by the rules that are switched on.
func (n *Notices) findings(ctx context.Context, c Config, now time.Time) ([]finding, error) {
	var all []finding
	for _, rule := range []struct {
		on   bool
		find func(ctx context.Context, c Config, now time.Time) ([]finding, error)
	}{
		{c.Rules.OldestOrder.On, n.lateOrders},
		{c.Rules.ConnectionDown.On || c.Rules.SubscriptionLost.On, n.connections},
		{c.Rules.CauseGrowing.On, n.growingCauses},
		{c.Rules.Paused.On, n.pauses},
		{c.Rules.EndpointDisabled.On, n.disabledEndpoints},
	} {
		if !rule.on {
			continue
		}
		found, err := rule.find(ctx, c, now)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// on says whether a rule is switched on.
func (r Rules) on(rule string) bool {
	switch rule {
	case RuleOldestOrder:
		return r.OldestOrder.On
	case RuleConnectionDown:
		return r.ConnectionDown.On
	case RuleSubscriptionLost:
		return r.SubscriptionLost.On
	case RuleCauseGrowing:
		return r.CauseGrowing.On
	case RulePaused:
		return r.Paused.On
	case RuleEndpointDisabled:
		return r.EndpointDisabled.On
	}
	return false
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

func (n *Notices) lateOrders(ctx context.Context, c Config, now time.Time) ([]finding, error) {
	oldest, err := n.store.OldestOrders(ctx)
	if err != nil {
		return nil, err
	}
	var found []finding
	for _, flow := range slices.Sorted(maps.Keys(oldest)) {
		limit := c.Rules.OldestOrder.Minutes
		if own, ok := c.Rules.OldestOrder.Flows[flow]; ok {
			limit = own
		}
		seen := oldest[flow]
		if limit == 0 || now.Sub(seen) < minutes(limit) {
			continue
		}
		found = append(found, finding{
			rule: RuleOldestOrder, subject: flow, since: seen.Add(minutes(limit)),
			title: "Orders of flow " + flow + " are late",
			what: fmt.Sprintf("The oldest order that is not in its destination has been waiting for %s, since %s; the limit is %s.",
				span(now.Sub(seen)), clock(seen), span(minutes(limit))),
			todo: "Look at the oldest orders: held and failed ones say why and what to do; when all are waiting, look whether the connection works and the flow is not paused.",
			path: "/orders?flow=" + url.QueryEscape(flow) + "&sort=waiting",
			stake: func(ctx context.Context) (store.AtStake, error) {
				return n.store.OrdersOlderThan(ctx, flow, now.Add(-minutes(limit)))
			},
		})
	}
	return found, nil
}

// health is what is read of the report of a connection's last check.
type health struct {
	OK       bool                     `json:"ok"`
	Error    string                   `json:"error"`
	Fix      string                   `json:"fix"`
	Account  *connector.Account       `json:"account"`
	Webhooks []connector.Subscription `json:"webhooks"`
}

// trouble says what the check found, in one sentence, and what to do.
func (h health) trouble() (what, fix string) {
	if h.Error != "" {
		return h.Error, h.Fix
	}
	if h.Account != nil {
		for _, f := range h.Account.Findings {
			if f.Level == "error" {
				return f.Text, f.Fix
			}
		}
	}
	return "the check failed", ""
}

func (n *Notices) connections(ctx context.Context, c Config, now time.Time) ([]finding, error) {
	list, err := n.store.Healths(ctx)
	if err != nil {
		return nil, err
	}
	breakers, err := n.store.OpenBreakers(ctx)
	if err != nil {
		return nil, err
	}
	stopped := map[string]time.Time{}
	for _, b := range breakers {
		if now.Sub(b.Seen) >= staleBreaker {
			continue
		}
		if since, ok := stopped[b.Connection]; !ok || b.Since.Before(since) {
			stopped[b.Connection] = b.Since
		}
	}
	var found []finding
	for _, conn := range list {
		if conn.Paused {
			continue // nobody expects it to work
		}
		var h health
		fresh := conn.Report != "" && now.Sub(conn.CheckedAt) < staleCheck
		if fresh {
			if err := json.Unmarshal([]byte(conn.Report), &h); err != nil {
				return nil, fmt.Errorf("the health of connection %s: %w", conn.Name, err)
			}
		}
		since, open := stopped[conn.Name]
		if c.Rules.ConnectionDown.On && (open || fresh && !h.OK) {
			found = append(found, n.down(conn.Name, since, open, fresh, h, c))
		}
		if lost := lostTopics(h); c.Rules.SubscriptionLost.On && fresh && len(lost) > 0 {
			found = append(found, finding{
				rule: RuleSubscriptionLost, subject: conn.Name, lasting: minutes(c.Rules.SubscriptionLost.Minutes),
				title: "Connection " + conn.Name + " has lost a webhook subscription",
				what:  "Not active: " + strings.Join(lost, ", ") + ". Orderly could not repair it; changes come by the schedule alone, later than usual.",
				todo:  "Look whether the account may still manage webhooks, and whether the public address of Orderly is right and reachable.",
				path:  "/connections/" + url.PathEscape(conn.Name),
			})
		}
	}
	return found, nil
}

func (n *Notices) down(name string, since time.Time, open, fresh bool, h health, c Config) finding {
	f := finding{
		rule: RuleConnectionDown, subject: name, since: since, lasting: minutes(c.Rules.ConnectionDown.Minutes),
		title: "Connection " + name + " is down",
		todo:  "Nothing is lost: what comes meanwhile waits and goes on by itself. Look whether the system works and whether its credentials are still valid.",
		path:  "/connections/" + url.PathEscape(name),
		stake: func(ctx context.Context) (store.AtStake, error) { return n.store.OrdersOf(ctx, name) },
	}
	if open {
		f.what = "Calls to it fail, so Orderly calls it only now and then."
	}
	if fresh && !h.OK {
		trouble, fix := h.trouble()
		f.what = strings.TrimSpace(f.what + " The last check says: " + shorten(trouble) + ".")
		if fix != "" {
			f.todo = "Do this: " + shorten(fix) + ". Nothing is lost: what comes meanwhile waits and goes on by itself."
		}
	}
	return f
}

func lostTopics(h health) []string {
	var lost []string
	for _, s := range h.Webhooks {
		if s.State != connector.SubscriptionActive {
			lost = append(lost, fmt.Sprintf("%s (%s)", s.Topic, s.State))
		}
	}
	return lost
}

func (n *Notices) growingCauses(ctx context.Context, c Config, now time.Time) ([]finding, error) {
	growing, err := n.store.GrowingCauses(ctx, now.Add(-growTime), c.Rules.CauseGrowing.Tasks, now)
	if err != nil {
		return nil, err
	}
	var found []finding
	for _, g := range growing {
		causes, err := n.store.Causes(ctx, store.CauseFilter{ID: g.CauseID, Now: now})
		if err != nil {
			return nil, err
		}
		if len(causes) > 0 {
			found = append(found, grows(causes[0], g.New))
		}
	}
	return found, nil
}

func grows(c store.Cause, added int) finding {
	todo := "Fix the cause for one order, try it, then for all of them."
	if c.Fix != "" {
		todo = "Do this: " + shorten(c.Fix) + ". Then try one order again, then all of them."
	}
	return finding{
		rule: RuleCauseGrowing, subject: fmt.Sprint(c.ID),
		title: fmt.Sprintf("More and more orders of flow %s stop for one reason", c.Flow),
		what:  fmt.Sprintf("%s came to it within the last hour. Step %s: %s.", plural(int64(added), "record", "records"), c.Step, shorten(c.Message)),
		todo:  todo, path: fmt.Sprintf("/causes/%d", c.ID),
		stake: func(context.Context) (store.AtStake, error) {
			return store.AtStake{Orders: int64(c.Tasks), Money: c.Stake}, nil
		},
	}
}

func (n *Notices) pauses(ctx context.Context, c Config, _ time.Time) ([]finding, error) {
	flows, err := n.store.Flows(ctx)
	if err != nil {
		return nil, err
	}
	connections, err := n.store.Healths(ctx)
	if err != nil {
		return nil, err
	}
	var found []finding
	add := func(subject, title, why, path string, stake func(ctx context.Context) (store.AtStake, error)) {
		what := "No reason was given."
		if why != "" {
			what = "The reason given: " + shorten(why) + "."
		}
		found = append(found, finding{
			rule: RulePaused, subject: subject, lasting: minutes(c.Rules.Paused.Minutes), title: title,
			what: what, todo: "Go on with it, or switch this alert off if it shall stay so.", path: path, stake: stake,
		})
	}
	for _, f := range flows {
		if f.Paused && !f.Removed {
			add("flow/"+f.Name, "Flow "+f.Name+" is paused", f.PausedWhy, "/flows/"+url.PathEscape(f.Name),
				func(ctx context.Context) (store.AtStake, error) { return n.store.OrdersOlderThan(ctx, f.Name, n.now()) })
		}
	}
	for _, conn := range connections {
		if conn.Paused {
			add("connection/"+conn.Name, "Connection "+conn.Name+" is paused", conn.PausedWhy, "/connections/"+url.PathEscape(conn.Name),
				func(ctx context.Context) (store.AtStake, error) { return n.store.OrdersOf(ctx, conn.Name) })
		}
	}
	return found, nil
}

func (n *Notices) disabledEndpoints(ctx context.Context, _ Config, _ time.Time) ([]finding, error) {
	endpoints, err := n.store.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	var found []finding
	for _, e := range endpoints {
		if !e.Disabled || e.DisabledWhy == "" {
			continue
		}
		name := e.Description
		if name == "" {
			name = e.ID
		}
		found = append(found, finding{
			rule: RuleEndpointDisabled, subject: e.ID, since: e.DisabledAt,
			title: "The webhook endpoint " + name + " was disabled",
			what:  "Orderly sends nothing to it any more, because " + e.DisabledWhy + ".",
			todo:  "Repair the receiver, enable the endpoint and send again what has failed, or remove it.",
			path:  "/settings/webhooks/" + url.PathEscape(e.ID),
		})
	}
	return found, nil
}
