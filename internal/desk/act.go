package desk

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// MaxActed bounds how many orders Act takes at once; more are a Bulk. The API's description says the same number.
const MaxActed = 500

// Act does what a person wants with orders, at once. Held and skipped orders need a reason.
func (d *Desk) Act(ctx context.Context, person people.Person, action store.Action, ids []int64, why string) (Acted, error) {
	why, err := checkAction(action, why)
	if err != nil {
		return Acted{}, err
	}
	if len(ids) == 0 {
		return Acted{}, Invalid("id", "no order is chosen")
	}
	if len(ids) > MaxActed {
		return Acted{}, Invalid("id", "these are %d orders; at most %d go at once", len(ids), MaxActed)
	}
	rows, err := d.store.TaskRows(ctx, ids)
	if err != nil {
		return Acted{}, err
	}
	if len(rows) == 0 {
		return Acted{}, &NotFoundError{Text: "There is no such order."}
	}
	changed, err := d.actOn(ctx, person, action, ids, why)
	d.watch.tell()
	return Acted{Orders: int64(len(rows)), Changed: changed}, err
}

// NeedsWhy says whether an action needs a reason.
func NeedsWhy(action store.Action) bool {
	return action == store.ActionHold || action == store.ActionSkip
}

// Actions are all of them, in the order in which people read them.
var Actions = []store.Action{store.ActionRetry, store.ActionHold, store.ActionRelease, store.ActionSkip}

func checkAction(action store.Action, why string) (string, error) {
	why = strings.TrimSpace(why)
	switch {
	case !slices.Contains(Actions, action):
		return "", Invalid("action", "there is no action %q; there are retry, hold, release and skip", string(action))
	case NeedsWhy(action) && why == "":
		return "", Invalid("why", "say why: it is shown with the order and in the audit")
	case utf8.RuneCountInString(why) > maxWhy:
		return "", Invalid("why", "the reason is longer than %d characters", maxWhy)
	}
	return why, nil
}

// Applies says whether an action changes an order in a state, as the store decides it.
func Applies(action store.Action, t store.TaskRow) bool {
	switch action {
	case store.ActionRetry:
		return t.State != store.TaskWorking && (t.State != store.TaskWaiting || !t.Due.IsZero())
	case store.ActionRelease:
		return t.State == store.TaskHeld || t.State == store.TaskSkipped
	case store.ActionHold:
		return t.State != store.TaskSynced && t.State != store.TaskSkipped
	case store.ActionSkip:
		return t.State == store.TaskWaiting || t.State == store.TaskHeld || t.State == store.TaskFailed
	}
	return false
}
