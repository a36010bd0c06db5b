package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orderlyhq/orderly/money"
)

// TaskRow is a task as people look at it.
type TaskRow struct {
	ID           int64     `json:"id"`
	Flow         string    `json:"flow"`
	Connection   string    `json:"connection"`
	Kind         string    `json:"kind"`
	SourceID     string    `json:"source_id"`
	Number       string    `json:"number,omitempty"`
	Amount       string    `json:"amount,omitempty"`
	Currency     string    `json:"currency,omitempty"`
	Destination  string    `json:"destination"`
	State        TaskState `json:"state"`
	Pinned       bool      `json:"pinned,omitempty"`
	Wanted       int64     `json:"revision_wanted"`
	Delivered    int64     `json:"revision_delivered"`
	Attempts     int       `json:"attempts"`
	Uncertain    bool      `json:"uncertain,omitempty"`
	Due          time.Time `json:"due,omitzero"`
	Reason       string    `json:"reason,omitempty"`
	CauseID      int64     `json:"cause_id,omitempty"`
	FirstVia     Via       `json:"first_via"`
	FirstSeen    time.Time `json:"first_seen"`
	WaitingSince time.Time `json:"waiting_since,omitzero"`
	SyncedAt     time.Time `json:"synced_at,omitzero"`
	RecordID     int64     `json:"-"`
	OrderedAt    time.Time `json:"ordered_at,omitzero"`
	Buyer        Buyer     `json:"-"`                  // personal data
	Document     string    `json:"document,omitempty"` // number or id of the linked order or customer
	DocumentURL  string    `json:"document_url,omitempty"`
}

// Price is the amount as people write it: "12.30 EUR"; "" where none is known.
func (t TaskRow) Price() string {
	amount, err := money.Parse(t.Amount, money.Currency(t.Currency))
	if err != nil {
		return ""
	}
	return amount.String()
}

const taskRowQuery = `
	SELECT t.id, t.flow, r.connection, r.kind, r.source_id, r.number, r.amount, r.currency, t.destination, t.state, t.pinned, t.wanted, t.delivered,
		t.attempts, t.uncertain, t.due_at, t.reason, t.cause_id, r.first_via, r.first_seen, t.waiting_since, t.synced_at, t.record_id, r.ordered_at, r.buyer,
		COALESCE(CASE WHEN l.number <> '' THEN l.number ELSE l.document_id END, ''), COALESCE(l.url, '')
	FROM tasks t JOIN records r ON r.id = t.record_id
	LEFT JOIN links l ON l.destination = t.destination AND l.record_id = t.record_id AND l.role = r.kind`

// scanTaskRow scans a row of taskRowQuery; the buyer is still sealed.
func scanTaskRow(row Row) (t TaskRow, buyer []byte, err error) {
	var due, first, since, synced, ordered int64
	err = row.Scan(&t.ID, &t.Flow, &t.Connection, &t.Kind, &t.SourceID, &t.Number, &t.Amount, &t.Currency, &t.Destination, &t.State, &t.Pinned,
		&t.Wanted, &t.Delivered, &t.Attempts, &t.Uncertain, &due, &t.Reason, &t.CauseID, &t.FirstVia, &first, &since, &synced, &t.RecordID,
		&ordered, &buyer, &t.Document, &t.DocumentURL)
	t.Due, t.FirstSeen, t.WaitingSince, t.SyncedAt, t.OrderedAt = moment(due), moment(first), moment(since), moment(synced), moment(ordered)
	return t, buyer, err
}

// Counts is how many tasks are in each state.
type Counts map[TaskState]int64

// Total is the number of tasks: of records that the flow has seen.
func (c Counts) Total() int64 {
	var n int64
	for _, state := range TaskStates {
		n += c[state]
	}
	return n
}

// CountTasks counts the tasks of each flow by state. The sum for a flow and kind is the number of
// records that the flow has seen.
func (s *Store) CountTasks(ctx context.Context, kind string) (map[string]Counts, error) {
	counts := map[string]Counts{}
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(counts)
		streams, err := readStreams(ctx, tx)
		if err != nil {
			return err
		}
		return each(ctx, tx, func(row Row) error {
			var streamID, n int64
			var state TaskState
			if err := row.Scan(&streamID, &state, &n); err != nil {
				return err
			}
			st := streams[streamID]
			if kind != "" && st.Kind != kind {
				return nil
			}
			if counts[st.Flow] == nil {
				counts[st.Flow] = Counts{}
			}
			counts[st.Flow][state] += n
			return nil
		}, `SELECT stream_id, state, COUNT(*) FROM tasks GROUP BY stream_id, state`)
	})
	return counts, err
}

// CountRecords counts the records of a connection by how they were seen first.
func (s *Store) CountRecords(ctx context.Context, connection, kind string) (map[Via]int64, error) {
	counts := map[Via]int64{}
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(counts)
		return countInto(ctx, tx, counts, `SELECT first_via, COUNT(*) FROM records WHERE connection = $1 AND kind = $2 GROUP BY first_via`, connection, kind)
	})
	return counts, err
}

// OldestWaiting is since when the longest waiting record of a flow ("" for any) is not in its
// destination; zero when there is none.
func (s *Store) OldestWaiting(ctx context.Context, flow string) (time.Time, error) {
	task, err := s.OldestTask(ctx, flow, "")
	if err != nil || task == nil {
		return time.Time{}, err
	}
	return task.WaitingSince, nil
}

// Event is an observation as people look at it.
type Event struct {
	ID         int64     `json:"id"`
	Via        Via       `json:"via"`
	Topic      string    `json:"topic,omitempty"`
	Change     string    `json:"change"`
	At         time.Time `json:"at"`
	SourceTime time.Time `json:"source_time,omitzero"`
	Outcome    Outcome   `json:"outcome"`
	Revision   int64     `json:"revision"`
	Form       string    `json:"form,omitempty"`
	Body       []byte    `json:"-"` // plain; only from RecordBody
}

// Delivery is an attempt as people look at it.
type Delivery struct {
	ID       int64     `json:"id"`
	Number   int       `json:"number"` // among those of its task that are kept, from 1
	Revision int64     `json:"revision"`
	Started  time.Time `json:"started_at"`
	Finished time.Time `json:"finished_at"`
	Outcome  string    `json:"outcome"`
	Detail   []byte    `json:"-"` // plain JSON; nil when it cannot be opened any more
}

// Story is everything that is known of a task's record. Of many events or deliveries it has the newest.
type Story struct {
	Task            TaskRow
	Events          []Event
	Deliveries      []Delivery
	Links           []Link
	OlderEvents     int // that are kept and not told
	OlderDeliveries int
}

// storyLimit bounds how many events and deliveries a story tells.
const storyLimit = 200

// TaskStory gives a task with its newest events and deliveries, and its links, oldest first.
func (s *Store) TaskStory(ctx context.Context, taskID int64) (Story, error) {
	var story Story
	var buyer []byte
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		story = Story{}
		var err error
		if story.Task, buyer, err = scanTaskRow(tx.QueryRow(ctx, taskRowQuery+` WHERE t.id = $1`, taskID)); err != nil {
			return err
		}
		if story.Events, story.OlderEvents, err = s.events(ctx, tx, story.Task.RecordID); err != nil {
			return err
		}
		if story.Deliveries, story.OlderDeliveries, err = s.deliveries(ctx, tx, taskID); err != nil {
			return err
		}
		links, err := s.linksOf(ctx, tx, story.Task.Destination, map[int64][]int{story.Task.RecordID: nil})
		for _, role := range []string{RoleCustomer, RoleOrder, RoleInvoice} {
			if l, ok := links[story.Task.RecordID][role]; ok {
				story.Links = append(story.Links, l)
			}
		}
		return err
	})
	if errors.Is(err, ErrNoRows) {
		return Story{}, fmt.Errorf("there is no task %d: %w", taskID, err)
	}
	if err != nil {
		return Story{}, err
	}
	story.Task.Buyer = s.openBuyer(buyer)
	for i := range story.Deliveries {
		detail, err := s.unpack(story.Deliveries[i].Detail, deliveryContext)
		if err != nil {
			detail = nil // one that is damaged must not hide the others
		}
		story.Deliveries[i].Detail = detail
	}
	return story, nil
}

func (s *Store) events(ctx context.Context, tx Tx, recordID int64) (list []Event, older int, err error) {
	list, err = collect(ctx, tx, scanEvent, `
		SELECT id, via, topic, change, received_at, source_time, outcome, revision, form FROM events WHERE record_id = $1 ORDER BY id DESC LIMIT $2`, recordID, storyLimit)
	if err != nil {
		return nil, 0, err
	}
	slices.Reverse(list)
	older, err = countOlder(ctx, tx, `SELECT COUNT(*) FROM events WHERE record_id = $1`, recordID, len(list))
	return list, older, err
}

func scanEvent(row Row) (Event, error) {
	var e Event
	var at, sourceTime int64
	err := row.Scan(&e.ID, &e.Via, &e.Topic, &e.Change, &at, &sourceTime, &e.Outcome, &e.Revision, &e.Form)
	e.At, e.SourceTime = moment(at), moment(sourceTime)
	return e, err
}

func (s *Store) deliveries(ctx context.Context, tx Tx, taskID int64) (list []Delivery, older int, err error) {
	list, err = collect(ctx, tx, scanDelivery, `
		SELECT id, revision, started_at, finished_at, outcome, detail FROM deliveries WHERE task_id = $1 ORDER BY id DESC LIMIT $2`, taskID, storyLimit)
	if err != nil {
		return nil, 0, err
	}
	slices.Reverse(list)
	older, err = countOlder(ctx, tx, `SELECT COUNT(*) FROM deliveries WHERE task_id = $1`, taskID, len(list))
	for i := range list {
		list[i].Number = older + i + 1
	}
	return list, older, err
}

func scanDelivery(row Row) (Delivery, error) {
	var d Delivery
	var started, finished int64
	err := row.Scan(&d.ID, &d.Revision, &started, &finished, &d.Outcome, &d.Detail)
	d.Started, d.Finished = moment(started), moment(finished)
	return d, err
}

// countOlder says how many there are beside those that are told.
func countOlder(ctx context.Context, tx Tx, query string, id int64, told int) (int, error) {
	if told < storyLimit {
		return 0, nil
	}
	var all int
	err := tx.QueryRow(ctx, query, id).Scan(&all)
	return all - told, err
}

// RecordBody gives the newest body of a record, plain, with its form.
func (s *Store) RecordBody(ctx context.Context, recordID int64) (Event, error) {
	var e Event
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		var at, sourceTime int64
		err := tx.QueryRow(ctx, `
			SELECT e.id, e.via, e.topic, e.received_at, e.source_time, e.revision, e.form, e.body FROM records r JOIN events e ON e.id = r.body_event WHERE r.id = $1`,
			recordID).Scan(&e.ID, &e.Via, &e.Topic, &at, &sourceTime, &e.Revision, &e.Form, &e.Body)
		e.At, e.SourceTime = moment(at), moment(sourceTime)
		return err
	})
	if errors.Is(err, ErrNoRows) {
		return Event{}, fmt.Errorf("record %d has not been read yet: %w", recordID, err)
	}
	if err != nil {
		return Event{}, err
	}
	e.Body, err = s.unpack(e.Body, bodyContext)
	return e, err
}

// Action is what a person does with a task.
type Action string

// Actions.
const (
	ActionRetry   Action = "retry"   // try again now, with the present mapping
	ActionHold    Action = "hold"    // keep it back until released
	ActionRelease Action = "release" // undo hold or skip
	ActionSkip    Action = "skip"    // leave it out for good
)

// ActOn does what a person wants with those of the tasks that the action applies to, writes it into the
// audit, and gives how many were changed and the lanes to wake. Tasks that are being worked on are held
// when their attempt ends.
func (s *Store) ActOn(ctx context.Context, tx Tx, action Action, ids []int64, who, why string, now time.Time) (int64, []LaneRef, error) {
	var n int64
	var wake []LaneRef
	for some := range slices.Chunk(ids, actChunk) {
		acted, lanes, err := s.actOn(ctx, tx, action, some, fmt.Sprintf("by %s: %s", who, why), now)
		if err != nil {
			return 0, nil, fmt.Errorf("%s tasks: %w", action, err)
		}
		for _, id := range acted {
			if err := s.Audit(ctx, tx, who, string(action), fmt.Sprintf("task/%d", id), why, "", now); err != nil {
				return 0, nil, err
			}
		}
		n += int64(len(acted))
		for _, l := range lanes {
			if !slices.Contains(wake, l) {
				wake = append(wake, l)
			}
		}
	}
	return n, wake, nil
}

// laneNow is a part of a statement on tasks: the lane of its destination that the task belongs to now.
const laneNow = `COALESCE((SELECT r.slot % c.lanes FROM records r, connections c WHERE r.id = tasks.record_id AND c.name = tasks.destination), lane)`

// actChunk is how many tasks one statement changes.
const actChunk = 500

func (s *Store) actOn(ctx context.Context, tx Tx, action Action, ids []int64, reason string, now time.Time) (acted []int64, lanes []LaneRef, err error) {
	// An unclear outcome keeps the time at which it may be searched for; else what must be read first waits for that.
	// The number of lanes may have changed while the task was at rest.
	const goOn = `state = 'waiting', pinned = FALSE, attempts = 0, reason = '', cause_id = 0,
		due_at = CASE WHEN uncertain AND due_at > $1 THEN due_at WHEN ` + toRead + ` THEN 0 ELSE $1 END,
		waiting_since = CASE WHEN waiting_since = 0 THEN $1 ELSE waiting_since END,
		lane = ` + laneNow
	var set, from string
	args := []any{millis(now)}
	switch action {
	case ActionRetry:
		set = goOn + `, again = TRUE`
		from = `(state IN ('held', 'failed', 'skipped', 'synced') OR (state = 'waiting' AND due_at > 0))`
	case ActionRelease:
		set = goOn
		from = `state IN ('held', 'skipped')`
	case ActionHold:
		set = `state = CASE WHEN state = 'working' THEN state ELSE 'held' END, pinned = TRUE, cause_id = 0, reason = $2`
		from = `state IN ('waiting', 'working', 'failed', 'held')`
		args = append(args, reason)
	case ActionSkip:
		set = `state = 'skipped', pinned = TRUE, cause_id = 0, waiting_since = 0, reason = $2`
		from = `state IN ('waiting', 'held', 'failed')`
		args = append(args, reason)
	default:
		return nil, nil, fmt.Errorf("there is no action %q", action)
	}
	query := `UPDATE tasks SET ` + set + `, updated_at = $1 WHERE id IN (` + placeholders(len(ids), len(args)+1) + `) AND ` + from + ` RETURNING id, destination, lane, record_id, state = 'waiting' AND ` + toRead
	var records []int64 // that must be read for the tasks
	err = each(ctx, tx, func(row Row) error {
		var id, recordID int64
		var read bool
		var l LaneRef
		if err := row.Scan(&id, &l.Connection, &l.Number, &recordID, &read); err != nil {
			return err
		}
		acted, lanes = append(acted, id), append(lanes, l)
		if read {
			records = append(records, recordID)
		}
		return nil
	}, query, append(args, anys(ids)...)...)
	if err != nil {
		return nil, nil, err
	}
	fetching, err := s.askFetches(ctx, tx, records, now)
	return acted, append(lanes, fetching...), err
}

// Audit notes that somebody did something.
func (s *Store) Audit(ctx context.Context, tx Tx, who, action, subject, why, detail string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit (at, who, action, subject, why, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
		millis(now), who, action, subject, why, detail)
	if err != nil {
		return fmt.Errorf("audit %s %s: %w", action, subject, err)
	}
	return nil
}
