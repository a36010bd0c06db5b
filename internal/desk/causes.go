package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// Cause is why orders are held, failed or tried again, as people look at it.
type Cause struct {
	store.Cause
	// Standing is where the cause stands: open, snoozed, ignored or closed.
	Standing store.CauseState `json:"standing"`
	// Trend is how many of its orders were first seen in each of the last 24 hours, the oldest first.
	Trend []int `json:"trend,omitempty"`
	// Returned says that it was closed before and has come back.
	Returned bool `json:"returned,omitempty"`
}

// OfOrders says that the orders themselves are the cause, so that leaving them out can be meant. Otherwise it is
// something that any order can meet: the sign-in to a system, a record that is not read, or an answer that nobody expected.
func (c Cause) OfOrders() bool {
	if c.Step == "fetch" {
		return false
	}
	switch connector.ErrorKind(c.Kind) {
	case connector.KindUnmapped, connector.KindInvalid, connector.KindConflict, connector.KindNotFound:
		return true
	case connector.KindAuth, connector.KindForbidden, connector.KindRateLimited, connector.KindUnavailable, connector.KindMaybeApplied, connector.KindBug:
	}
	return false
}

// CauseFilter chooses causes; empty fields choose all.
type CauseFilter struct {
	Standing store.CauseState // "" is open
	Flow     string
	Owner    string
}

// CauseList is causes of one standing, with how many there are of each.
type CauseList struct {
	Causes []Cause                  `json:"causes"`
	Counts map[store.CauseState]int `json:"counts"` // of the closed ones only the newest
}

const (
	// trendHours is how far the trend of a cause goes back.
	trendHours = 24
	// closedCauses is how many of the causes that are closed are shown.
	closedCauses = 200
	// causeOrders is how many orders the page of a cause shows.
	causeOrders = 50
)

// Causes gives the causes that the filter chooses: those with the most orders first.
func (d *Desk) Causes(ctx context.Context, f CauseFilter) (CauseList, error) {
	if f.Standing == "" {
		f.Standing = store.CauseOpen
	}
	list := CauseList{Counts: map[store.CauseState]int{}}
	for _, state := range []store.CauseState{"", store.CauseClosed} {
		found, err := d.store.Causes(ctx, store.CauseFilter{Flow: f.Flow, State: state, Owner: f.Owner, Now: d.now(), Limit: limitOf(state)})
		if err != nil {
			return CauseList{}, err
		}
		for _, c := range found {
			cause := d.standing(c)
			list.Counts[cause.Standing]++
			if cause.Standing == f.Standing {
				list.Causes = append(list.Causes, cause)
			}
		}
	}
	return list, d.addTrends(ctx, list.Causes)
}

func limitOf(state store.CauseState) int {
	if state == store.CauseClosed {
		return closedCauses
	}
	return 0
}

// standing tells where a cause stands. One that is ignored is so whether or not orders have it now.
func (d *Desk) standing(c store.Cause) Cause {
	cause := Cause{Cause: c, Standing: c.StateAt(d.now()), Returned: c.OpenedAt.After(c.FirstSeen)}
	if c.IgnoredWhy != "" {
		cause.Standing = store.CauseIgnored
	}
	return cause
}

func (d *Desk) addTrends(ctx context.Context, causes []Cause) error {
	var ids []int64
	for _, c := range causes {
		if c.Tasks > 0 {
			ids = append(ids, c.ID)
		}
	}
	trends, err := d.store.CauseTrend(ctx, ids, trendHours, d.now())
	for i := range causes {
		causes[i].Trend = trends[causes[i].ID]
	}
	return err
}

// CauseStory is a cause with the orders that have it and what can be done about it.
type CauseStory struct {
	Cause
	// Step says in words during what it happens.
	Doing  string          `json:"doing"`
	Orders []store.TaskRow `json:"orders"` // the newest
	More   bool            `json:"more,omitempty"`
	Fixes  []Fix           `json:"fixes,omitempty"`
	// Tried is the order that was tried alone, if there is one.
	Tried *store.TaskRow `json:"tried,omitempty"`
}

// Cause gives a cause; tried, if not 0, is the order that was tried alone.
func (d *Desk) Cause(ctx context.Context, id, tried int64) (CauseStory, error) {
	c, err := d.cause(ctx, id)
	if err != nil {
		return CauseStory{}, err
	}
	story := CauseStory{Cause: d.standing(c), Doing: doing(c.Step)}
	page, err := d.store.ListTasks(ctx, store.TaskFilter{CauseID: id, Limit: causeOrders})
	if err != nil {
		return CauseStory{}, err
	}
	story.Orders, story.More = page.Tasks, page.Next != ""
	one := []Cause{story.Cause}
	if err := d.addTrends(ctx, one); err != nil {
		return CauseStory{}, err
	}
	story.Cause = one[0]
	if story.Fixes, err = d.fixes(ctx, c, story.Orders); err != nil {
		return CauseStory{}, err
	}
	if tried > 0 {
		story.Tried, err = d.triedOrder(ctx, c, tried)
	}
	return story, err
}

// triedOrder gives the order that was tried alone; nil when there is none of this number in the flow.
func (d *Desk) triedOrder(ctx context.Context, c store.Cause, id int64) (*store.TaskRow, error) {
	rows, err := d.store.TaskRows(ctx, []int64{id})
	if err != nil || len(rows) == 0 || rows[0].Flow != c.Flow {
		return nil, err
	}
	return &rows[0], nil
}

// taskRow gives one task.
func (d *Desk) taskRow(ctx context.Context, id int64) (store.TaskRow, error) {
	rows, err := d.store.TaskRows(ctx, []int64{id})
	if err != nil {
		return store.TaskRow{}, err
	}
	if len(rows) == 0 {
		return store.TaskRow{}, &NotFoundError{Text: fmt.Sprintf("There is no order %d.", id)}
	}
	return rows[0], nil
}

func (d *Desk) cause(ctx context.Context, id int64) (store.Cause, error) {
	found, err := d.store.Causes(ctx, store.CauseFilter{ID: id, Now: d.now()})
	if err != nil {
		return store.Cause{}, err
	}
	if len(found) == 0 {
		return store.Cause{}, &NotFoundError{Text: fmt.Sprintf("There is no cause %d.", id)}
	}
	return found[0], nil
}

// doing says in words what a step of a delivery does.
func doing(step string) string {
	words := map[string]string{
		"decode": "reading the order as the source sent it", "check": "checking that its amounts add up", "filter": "deciding whether the flow carries it",
		"find": "looking for its document in the ERP", "map": "translating its articles, taxes and methods", "customer": "finding its customer in the ERP",
		"address": "finding its addresses in the ERP", "write": "writing the document in the ERP", "compare": "comparing the document's totals with the order's",
		"confirm": "putting the document in force", "invoice": "making the invoice", "cancel": "cancelling the document", "write_back": "telling the source the document's number",
		"fetch": "reading the order from the source",
	}
	if text, ok := words[step]; ok {
		return text
	}
	return step
}

// Snooze keeps a cause from being open until a time.
func (d *Desk) Snooze(ctx context.Context, person people.Person, id int64, until time.Time, why string) error {
	if !until.After(d.now()) {
		return Invalid("until", "the time is over already; choose one that comes")
	}
	return d.changeCause(ctx, person, id, "snooze", why, "until "+until.UTC().Format(time.RFC3339), func(ctx context.Context, tx store.Tx) error {
		return d.store.SnoozeCause(ctx, tx, id, until)
	})
}

// Reopen ends a cause's being snoozed or ignored. Orders that were skipped with it stay skipped.
func (d *Desk) Reopen(ctx context.Context, person people.Person, id int64, why string) error {
	return d.changeCause(ctx, person, id, "reopen", why, "", func(ctx context.Context, tx store.Tx) error { return d.store.ReopenCause(ctx, tx, id) })
}

// Assign gives a cause to somebody; "" to nobody.
func (d *Desk) Assign(ctx context.Context, person people.Person, id int64, owner string) error {
	return d.changeCause(ctx, person, id, "assign", "", "to "+owner, func(ctx context.Context, tx store.Tx) error { return d.store.AssignCause(ctx, tx, id, owner) })
}

// Ignore keeps a cause from being open for good, and leaves out the orders that have it, for a reason, in the background. Orders that come with it later are skipped under it, and tried again when they change.
func (d *Desk) Ignore(ctx context.Context, person people.Person, id int64, why string) (Bulk, error) {
	if strings.TrimSpace(why) == "" {
		return Bulk{}, Invalid("why", "say why: the reason is shown with each order that is left out")
	}
	c, err := d.cause(ctx, id)
	if err != nil {
		return Bulk{}, err
	}
	if !d.standing(c).OfOrders() {
		return Bulk{}, Invalid("", "this is no fault of the orders, and ignoring it would leave out every later one; snooze it, or skip the orders themselves")
	}
	err = d.changeCause(ctx, person, id, "ignore", why, "", func(ctx context.Context, tx store.Tx) error { return d.store.IgnoreCause(ctx, tx, id, why) })
	if err != nil {
		return Bulk{}, err
	}
	return d.actOnCause(ctx, person, id, store.ActionSkip, why)
}

// changeCause makes a change of a cause and writes it into the audit.
func (d *Desk) changeCause(ctx context.Context, person people.Person, id int64, action, why, detail string, change func(context.Context, store.Tx) error) error {
	err := d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := change(ctx, tx); err != nil {
			return err
		}
		return d.store.Audit(ctx, tx, person.Who(), action, fmt.Sprintf("cause/%d", id), why, detail, d.now())
	})
	if errors.Is(err, store.ErrNoRows) {
		return &NotFoundError{Text: fmt.Sprintf("There is no cause %d.", id)}
	}
	return err
}

// Acted is what became of orders that something was done with.
type Acted struct {
	Orders  int64 `json:"orders"`  // that were chosen
	Changed int64 `json:"changed"` // those to which the action applies
}

// TryOne tries one order of a cause again, and gives its task: the named one, or for 0 the newest.
func (d *Desk) TryOne(ctx context.Context, person people.Person, causeID, taskID int64) (int64, error) {
	f := store.TaskFilter{CauseID: causeID, Limit: causeOrders}
	page, err := d.store.ListTasks(ctx, f)
	if err != nil {
		return 0, err
	}
	if taskID == 0 && len(page.Tasks) > 0 {
		taskID = page.Tasks[0].ID
	}
	if !slices.ContainsFunc(page.Tasks, func(t store.TaskRow) bool { return t.ID == taskID }) {
		row, err := d.taskRow(ctx, taskID)
		if err != nil || row.CauseID != causeID {
			return 0, Invalid("", "no order has this cause any more")
		}
	}
	n, err := d.actOn(ctx, person, store.ActionRetry, []int64{taskID}, fmt.Sprintf("one order of cause %d is tried", causeID))
	if err == nil && n == 0 {
		err = Invalid("", "the order is being worked on at this moment; look again in a few seconds")
	}
	return taskID, err
}

// RetryAll tries every order of a cause again, in the background.
func (d *Desk) RetryAll(ctx context.Context, person people.Person, causeID int64, why string) (Bulk, error) {
	if _, err := d.cause(ctx, causeID); err != nil {
		return Bulk{}, err
	}
	return d.actOnCause(ctx, person, causeID, store.ActionRetry, why)
}

// actOnCause does something with each order that has a cause, however many there are.
func (d *Desk) actOnCause(ctx context.Context, person people.Person, causeID int64, action store.Action, why string) (Bulk, error) {
	if why = strings.TrimSpace(why); why == "" {
		why = fmt.Sprintf("all orders of cause %d", causeID)
	}
	return d.RunBulk(ctx, person, action, Selection{All: true, Filter: OrderFilter{Cause: causeID, Kind: KindAll}}, why)
}

// actOn does something with tasks and wakes the lanes that have new work.
func (d *Desk) actOn(ctx context.Context, person people.Person, action store.Action, ids []int64, why string) (n int64, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		changed, lanes, err := d.store.ActOn(ctx, tx, action, ids, person.Who(), why, d.now())
		if err != nil {
			return err
		}
		n = changed
		return d.node.WakeLanes(ctx, tx, lanes...)
	})
	return n, err
}
