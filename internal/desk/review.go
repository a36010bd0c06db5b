package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// Review is an order that waits for a person's decision: which customer or article is meant, or what is to
// be done about a conflict.
type Review struct {
	Task  store.TaskRow `json:"task"`
	Cause store.Cause   `json:"cause"`
	// Others is how many other orders ask the same question: the answer is theirs as well.
	Others int `json:"others"`
	// Question is nil when it is a conflict.
	Question *flow.Question `json:"-"` // personal data
	// Answers are what the question can be answered with, without personal data; New that a new one can be made.
	Answers []ReviewAnswer `json:"answers,omitempty"`
	New     bool           `json:"new,omitempty"`
	// Order is the order, where it can be read: personal data.
	Order *commerce.Order `json:"-"`
	// What differs, of a conflict about amounts.
	Compared []flow.Comparison `json:"compared,omitempty"`
	Proof    *commerce.Proof   `json:"proof,omitempty"`
	// Asks is what is to be decided, Apply and Leave what the two decisions about a conflict do.
	Asks  string `json:"asks"`
	Apply string `json:"apply,omitempty"`
	Leave string `json:"leave,omitempty"`
}

// ReviewAnswer is one of the things in the destination that may be meant. Its id is that of a Choice.
type ReviewAnswer struct {
	ID     string `json:"id"`
	Number string `json:"number,omitempty"`
	URL    string `json:"url,omitempty"` // of its page in the destination
}

// ReviewList is what waits for decisions.
type ReviewList struct {
	Matches   []Review `json:"matches"`
	Conflicts []Review `json:"conflicts"`
	// More says that there are more than are shown: decide some of these first.
	More bool `json:"more"`
}

const (
	// reviewsShown bounds how many decisions of each sort are shown at once.
	reviewsShown = 25
	// reviewsRead bounds how many orders of one cause are looked at.
	reviewsRead = 200
)

// Reviews gives the orders that wait for a person's decision.
func (d *Desk) Reviews(ctx context.Context) (ReviewList, error) {
	causes, err := d.store.Causes(ctx, store.CauseFilter{State: store.CauseOpen, Now: d.now()})
	if err != nil {
		return ReviewList{}, err
	}
	var list ReviewList
	for _, c := range causes {
		into := &list.Conflicts
		switch {
		case asks(c):
			into = &list.Matches
		case c.Kind != string(connector.KindConflict):
			continue
		}
		if len(*into) >= reviewsShown {
			list.More = true
			continue
		}
		reviews, more, err := d.reviewsOf(ctx, c)
		if err != nil {
			return ReviewList{}, err
		}
		*into = append(*into, reviews...)
		if len(*into) > reviewsShown {
			*into, more = (*into)[:reviewsShown], true
		}
		list.More = list.More || more
	}
	for _, part := range [][]Review{list.Matches, list.Conflicts} {
		for i := range part {
			if order, err := d.decodedOrder(ctx, part[i].Task); err == nil {
				part[i].Order = &order // without it there is less to compare
			}
		}
	}
	return list, nil
}

// asks says whether the orders of a cause wait for the answer to a question.
func asks(c store.Cause) bool {
	return slices.Contains([]string{flow.CodeCustomerAmbiguous, flow.CodeCustomerMissing, flow.CodeItemAmbiguous}, c.Code)
}

// reviewsOf gives the decisions of a cause: of orders that ask the same question, one.
func (d *Desk) reviewsOf(ctx context.Context, c store.Cause) (reviews []Review, more bool, err error) {
	page, err := d.store.ListTasks(ctx, store.TaskFilter{CauseID: c.ID, States: []store.TaskState{store.TaskHeld}, Limit: reviewsRead})
	if err != nil {
		return nil, false, err
	}
	details, err := d.lastDetails(ctx, page.Tasks)
	if err != nil {
		return nil, false, err
	}
	for _, t := range page.Tasks {
		detail := details[t.ID]
		if q := detail.Question; q != nil {
			if i := slices.IndexFunc(reviews, func(r Review) bool { return r.Question != nil && r.Question.SameAs(*q) }); i >= 0 {
				reviews[i].Others++
				continue
			}
		}
		r := Review{Task: t, Cause: c, Question: detail.Question, Compared: detail.Compared, Proof: detail.Proof}
		if q := detail.Question; q != nil {
			r.New = q.New
			for _, candidate := range q.Candidates {
				r.Answers = append(r.Answers, ReviewAnswer{ID: candidate.ID, Number: candidate.Number, URL: candidate.URL})
			}
		}
		r.Asks, r.Apply, r.Leave = decisions(c)
		reviews = append(reviews, r)
	}
	return reviews, page.Next != "", nil
}

// lastDetails gives the story of each task's newest delivery.
func (d *Desk) lastDetails(ctx context.Context, tasks []store.TaskRow) (map[int64]flow.Detail, error) {
	ids := make([]int64, len(tasks))
	for i, t := range tasks {
		ids[i] = t.ID
	}
	deliveries, err := d.store.LastDeliveries(ctx, ids)
	if err != nil {
		return nil, err
	}
	details := make(map[int64]flow.Detail, len(deliveries))
	for id, delivery := range deliveries {
		var detail flow.Detail
		if len(delivery.Detail) > 0 && json.Unmarshal(delivery.Detail, &detail) == nil {
			details[id] = detail
		}
	}
	return details, nil
}

// decisions says what is asked about a conflict, and what the two answers do.
func decisions(c store.Cause) (asks, apply, leave string) {
	const again, skip = "Try again", "Leave it out"
	switch c.Code {
	case flow.CodeCustomerAmbiguous:
		return "Which of these customers bought this?", "", ""
	case flow.CodeCustomerMissing:
		return "The ERP does not have this customer. Make it, or name one that is there?", "", ""
	case flow.CodeItemAmbiguous:
		return "Which of these articles is meant?", "", ""
	case "edited":
		return "The order was edited in the source after it came into the ERP. Bring the document up to date?", "Apply the edit", "Leave the document as it is"
	case "cancelled":
		return "The order was cancelled in the source after it came into the ERP. Cancel the document there, then leave the order out here.", again, "Leave the document as it is"
	case "document_cancelled":
		return "The document is cancelled in the ERP, the order is not in the source. Was that meant?", again, "Yes, leave it out"
	case "duplicate_document":
		return "The ERP has several documents of this order. Cancel all but one there, then try again.", again, skip
	case "totals_differ":
		return "The document's amounts are not the order's. Correct the tax or the mapping, then try again.", again, "Accept it as it is in the ERP"
	case "totals", "currency":
		return "The order's own amounts contradict each other. Correct it in the source, then try again.", again, skip
	}
	return "The document in the ERP is in a state that does not allow the change: " + c.Message + ".", "Apply anyway: try again", "Leave the document as it is"
}

// Choice is a person's answer to a question about an order.
type Choice struct {
	// ID is that of a candidate, or of a customer that is named without being one.
	ID string `json:"id,omitempty"`
	// New says that none of the candidates is meant and that a customer is to be made.
	New bool   `json:"new,omitempty"`
	Why string `json:"why,omitempty"`
}

// Choose answers the question that an order waits for: the answer is remembered for the customer or
// article, and this order and the others with the same question go on. It gives how many.
func (d *Desk) Choose(ctx context.Context, person people.Person, taskID int64, choice Choice) (int64, error) {
	row, q, err := d.question(ctx, taskID)
	if err != nil {
		return 0, err
	}
	chosen, err := choice.check(q)
	if err != nil {
		return 0, err
	}
	ids, err := d.sameQuestion(ctx, row, q)
	if err != nil {
		return 0, err
	}
	detail, err := json.Marshal(map[string]any{"about": q.About, "chosen": chosen.ID, "new": choice.New, "remembered_for": harmless(q.Keys), "orders": len(ids)})
	if err != nil {
		return 0, err
	}
	var n int64
	err = d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		now := d.now()
		if choice.New {
			err = q.AnswerNew(ctx, d.store, tx, row.Destination, now)
		} else {
			err = q.Answer(ctx, d.store, tx, row.Destination, chosen, now)
		}
		if err != nil {
			return err
		}
		if err := d.store.Audit(ctx, tx, person.Who(), "choose", fmt.Sprintf("task/%d", row.ID), choice.Why, string(detail), now); err != nil {
			return err
		}
		n = 0
		for some := range slices.Chunk(ids, MaxActed) {
			changed, lanes, err := d.store.ActOn(ctx, tx, store.ActionRetry, some, person.Who(), "the question is answered", now)
			if err != nil {
				return err
			}
			n += changed
			if err := d.node.WakeLanes(ctx, tx, lanes...); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// question gives an order that waits for an answer, with its question.
func (d *Desk) question(ctx context.Context, taskID int64) (store.TaskRow, flow.Question, error) {
	row, err := d.taskRow(ctx, taskID)
	if err != nil {
		return row, flow.Question{}, err
	}
	details, err := d.lastDetails(ctx, []store.TaskRow{row})
	if err != nil {
		return row, flow.Question{}, err
	}
	q := details[taskID].Question
	if q == nil || row.State != store.TaskHeld {
		return row, flow.Question{}, Invalid("", "the order does not wait for this any more; its page says how it stands")
	}
	return row, *q, nil
}

// check gives the candidate that is chosen.
func (c Choice) check(q flow.Question) (flow.Candidate, error) {
	id := strings.TrimSpace(c.ID)
	switch {
	case c.New && !q.New:
		return flow.Candidate{}, Invalid("choice", "a new one cannot be made from here; make it in the ERP and try again")
	case c.New:
		return flow.Candidate{}, nil
	case id == "":
		return flow.Candidate{}, Invalid("choice", "choose one")
	}
	chosen, ok := q.Candidate(id)
	switch {
	case ok:
		return chosen, nil
	case len(q.Candidates) > 0:
		return flow.Candidate{}, Invalid("choice", "%q is none of those that were found", id)
	case len(id) > maxMapText || !isText(id):
		return flow.Candidate{}, Invalid("choice", "that is no id of a customer")
	}
	return flow.Candidate{ID: id}, nil
}

// maxAnswered bounds how many orders one answer lets go on; more ask once more.
const maxAnswered = 5000

// sameQuestion gives the held orders that ask the same question, the named one first.
func (d *Desk) sameQuestion(ctx context.Context, row store.TaskRow, q flow.Question) ([]int64, error) {
	ids := []int64{row.ID}
	if row.CauseID == 0 {
		return ids, nil
	}
	held := store.TaskFilter{CauseID: row.CauseID, States: []store.TaskState{store.TaskHeld}, Limit: reviewsRead}
	for {
		page, err := d.store.ListTasks(ctx, held)
		if err != nil {
			return nil, err
		}
		details, err := d.lastDetails(ctx, page.Tasks)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Tasks {
			if other := details[t.ID].Question; t.ID != row.ID && other != nil && other.SameAs(q) {
				ids = append(ids, t.ID)
			}
		}
		if held.Cursor = page.Next; held.Cursor == "" || len(ids) >= maxAnswered {
			return ids[:min(len(ids), maxAnswered)], nil
		}
	}
}

// harmless gives the keys that may stand in the audit: an e-mail address may not.
func harmless(keys []string) []string {
	out := []string{}
	for _, key := range keys {
		kind, _, _ := strings.Cut(key, ":")
		if kind == "email" {
			key = "the customer's e-mail address"
		}
		out = append(out, key)
	}
	return out
}

// Decide settles a conflict: with apply, the order is brought to the ERP once more as it is now, else it
// is left out with the reason.
func (d *Desk) Decide(ctx context.Context, person people.Person, taskID int64, apply bool, why string) error {
	action := store.ActionRetry
	if why = strings.TrimSpace(why); !apply {
		action = store.ActionSkip
		if why == "" {
			return Invalid("why", "say why: the reason is shown with the order")
		}
	}
	row, err := d.taskRow(ctx, taskID)
	if err != nil {
		return err
	}
	if row.State != store.TaskHeld {
		return Invalid("", "the order is not held any more: it is %s", row.State)
	}
	_, err = d.actOn(ctx, person, action, []int64{taskID}, why)
	return err
}
