package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// TaskState is where a task stands. A task is in exactly one state.
type TaskState string

// Task states.
const (
	TaskWaiting TaskState = "waiting"
	TaskWorking TaskState = "working"
	TaskSynced  TaskState = "synced"
	TaskHeld    TaskState = "held"    // a person must decide
	TaskFailed  TaskState = "failed"  // gave up after its retries; a person must look
	TaskSkipped TaskState = "skipped" // a rule or a person left it out, with the reason
)

// TaskStates are all states, in the order in which people read them.
var TaskStates = []TaskState{TaskWaiting, TaskWorking, TaskSynced, TaskHeld, TaskFailed, TaskSkipped}

// Priorities of tasks: a lane takes what is new before what a backfill brings.
const (
	PriorityNew      = 0
	PriorityBackfill = 1
)

// priorities are all of them, the most urgent first. They are few, so that each is one search in the index however
// many tasks wait for a later time.
var priorities = []int{PriorityNew, PriorityBackfill}

// Work is a task that a lane has taken, with all that its delivery needs to know.
type Work struct {
	TaskID        int64
	Flow          string
	RecordID      int64
	Connection    string // the source
	Kind          string
	SourceID      string
	Revision      int64 // of the record as it is now
	Deleted       bool
	Delivered     int64
	DeliveredHash string
	Attempts      int // this one included
	Uncertain     bool
	WaitingSince  time.Time
	Form          string
	Body          []byte // plain; nil when the record was never read
	SourceTime    time.Time
	Links         map[string]Link // by role
	// Blocked is when it will be known how another flow's delivery of the record to this destination has ended; zero
	// when all are known. Before that nobody may write its document.
	Blocked time.Time
	// Damaged says why there is no body although there should be one: it cannot be opened any more.
	Damaged error

	summary int64 // hash of what lists show of the record already
}

// TakeTasks marks the due tasks of a destination's lane as worked on by run and gives them, most
// urgent first. Rows that an earlier run left behind are not taken: nobody knows how its calls ended, nor when
// it made the last one, so they become due again, as uncertain, the destination's settle time from now.
//
// The caller must be the only worker of the lane.
func (s *Store) TakeTasks(ctx context.Context, destination string, number int, run string, now time.Time, settle time.Duration, limit int) ([]Work, error) {
	var ids []int64
	err := s.Write(ctx, func(ctx context.Context, tx Tx) error {
		ids = ids[:0]
		if _, err := tx.Exec(ctx, `
			UPDATE tasks SET state = 'waiting', uncertain = TRUE, run = '', due_at = CAST($4 AS BIGINT), updated_at = $5
			WHERE destination = $1 AND lane = $2 AND state = 'working' AND run <> $3`,
			destination, number, run, millis(now.Add(settle)), millis(now)); err != nil {
			return err
		}
		flows, err := waitingFlows(ctx, tx, destination, number)
		if err != nil {
			return err
		}
		for _, priority := range priorities {
			if len(ids) == limit || len(flows) == 0 {
				break
			}
			some, err := s.takePriority(ctx, tx, destination, number, run, now, priority, limit-len(ids), flows)
			if err != nil {
				return err
			}
			ids = append(ids, some...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("take tasks of lane %d of %s: %w", number, destination, err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return s.loadWork(ctx, destination, ids, now.Add(settle))
}

// takePriority takes the most urgent tasks of one priority. They are searched flow by flow, so that those of other
// flows, which may be many and paused, are passed over.
func (s *Store) takePriority(ctx context.Context, tx Tx, destination string, number int, run string, now time.Time, priority, limit int, flows []string) ([]int64, error) {
	args := []any{destination, number, run, millis(now), priority, limit}
	searches := make([]string, len(flows))
	for i, flow := range flows {
		args = append(args, flow)
		searches[i] = fmt.Sprintf(`
			SELECT id, due_at FROM (
				SELECT id, due_at FROM tasks
				WHERE destination = $1 AND lane = $2 AND state = 'waiting' AND flow = $%d AND priority = $5 AND due_at > 0 AND due_at <= $4
				ORDER BY due_at, id LIMIT $6) AS flow%d`, len(args), i)
	}
	return collect(ctx, tx, scanValue[int64], `
		UPDATE tasks SET state = 'working', run = $3, attempts = attempts + 1, intent_at = $4, updated_at = $4,
			delivered_hash = CASE WHEN again THEN '' ELSE delivered_hash END, again = FALSE
		WHERE state = 'waiting' AND id IN (
			SELECT id FROM (`+strings.Join(searches, ` UNION ALL `)+`) AS due ORDER BY due_at, id LIMIT $6)
		RETURNING id`, args...)
}

// loadWork reads the taken tasks with their records' newest bodies and links. blocked is when it will be known how a
// delivery ends that another run is at this moment making of one of the records.
func (s *Store) loadWork(ctx context.Context, destination string, ids []int64, blocked time.Time) ([]Work, error) {
	byRecord := make(map[int64][]int, len(ids))
	var works []Work
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		works = works[:0]
		clear(byRecord)
		if err := each(ctx, tx, func(row Row) error {
			var w Work
			var since, sourceTime, until int64
			var body []byte
			if err := row.Scan(&w.TaskID, &w.Flow, &w.RecordID, &w.Delivered, &w.DeliveredHash, &w.Attempts, &w.Uncertain, &since,
				&w.Connection, &w.Kind, &w.SourceID, &w.Revision, &w.Deleted, &sourceTime, &w.summary, &w.Form, &body, &until); err != nil {
				return err
			}
			w.WaitingSince, w.SourceTime, w.Blocked = moment(since), moment(sourceTime), moment(until)
			w.Body = body
			byRecord[w.RecordID] = append(byRecord[w.RecordID], len(works))
			works = append(works, w)
			return nil
		}, `
			SELECT t.id, t.flow, t.record_id, t.delivered, t.delivered_hash, t.attempts, t.uncertain, t.waiting_since,
				r.connection, r.kind, r.source_id, r.revision, r.deleted, r.source_time, r.summary, COALESCE(e.form, ''), e.body,
				COALESCE((SELECT MAX(CASE WHEN o.state = 'working' THEN CAST($1 AS BIGINT) ELSE o.due_at END) FROM tasks o
					WHERE o.record_id = t.record_id AND o.id <> t.id AND o.destination = t.destination
					AND CASE WHEN o.state = 'working' THEN o.run <> t.run ELSE o.uncertain END), 0)
			FROM tasks t JOIN records r ON r.id = t.record_id LEFT JOIN events e ON e.id = r.body_event
			WHERE t.id IN (`+placeholders(len(ids), 2)+`) ORDER BY t.priority, t.due_at, t.id`, append([]any{millis(blocked)}, anys(ids)...)...); err != nil {
			return err
		}
		links, err := s.linksOf(ctx, tx, destination, byRecord)
		if err != nil {
			return err
		}
		for i := range works {
			works[i].Links = links[works[i].RecordID]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read taken tasks: %w", err)
	}
	for i := range works {
		works[i].Body, works[i].Damaged = s.unpack(works[i].Body, bodyContext) // one bad body must not hold up its lane
	}
	return works, nil
}

// placeholders gives "$from, $from+1, …", n of them.
func placeholders(n, from int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// Result is how a delivery ended, to be recorded in one transaction.
type Result struct {
	Work      Work
	Run       string
	State     TaskState // synced, waiting (again later), held, failed, skipped
	Due       time.Time // of waiting, and of what is uncertain
	Uncertain bool
	// Free says that the attempt does not count: the work was put off without having been tried.
	Free    bool
	Hash    string // of the canonical record that the destination now has; with synced
	Reason  string
	Cause   *Cause
	Links   []Link
	Outcome string // of the delivery: created, updated, …
	Started time.Time
	Ended   time.Time
	Detail  []byte // packed by PackDetail
	Summary *Summary
}

// PackDetail compresses and seals the detail of a delivery, outside of any transaction.
func (s *Store) PackDetail(plain []byte) ([]byte, error) { return s.pack(plain, deliveryContext) }

// FinishTask records a result: links, delivery, cause, the task's new state and the message of it. When the record has
// moved on meanwhile, a task that is not tried again later anyway is due at once, or when an unclear outcome may be
// searched for: what was held or failed was an older revision. again is then true. A result of a run that no longer
// owns the task changes no state; its links are kept, because the documents exist. What would be held or failed by a
// cause that is ignored is skipped; new content of the record is tried again.
func (s *Store) FinishTask(ctx context.Context, tx Tx, r Result) (again bool, err error) {
	for _, l := range r.Links {
		if err := s.SaveLink(ctx, tx, l, r.Ended); err != nil {
			return false, err
		}
	}
	var causeID int64
	if r.Cause != nil {
		var ignored string
		if causeID, ignored, err = s.SaveCause(ctx, tx, *r.Cause, r.Ended); err != nil {
			return false, err
		}
		// Whether an unclear attempt made a document has to be found out all the same.
		if ignored != "" && !r.Uncertain && (r.State == TaskHeld || r.State == TaskFailed) {
			r.State, r.Outcome, r.Reason = TaskSkipped, string(TaskSkipped), IgnoredReason(causeID, ignored, r.Reason)
		}
	}
	if r.Outcome != "" {
		if _, err := tx.Exec(ctx, `
			INSERT INTO deliveries (task_id, revision, started_at, finished_at, outcome, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
			r.Work.TaskID, r.Work.Revision, millis(r.Started), millis(r.Ended), r.Outcome, r.Detail); err != nil {
			return false, fmt.Errorf("delivery of task %d: %w", r.Work.TaskID, err)
		}
	}
	if r.Summary != nil {
		if err := s.saveSummary(ctx, tx, r.Work, r.Summary, r.Ended); err != nil {
			return false, fmt.Errorf("record %d: %w", r.Work.RecordID, err)
		}
	}
	attempt := 0
	if r.Free {
		attempt = 1
	}
	done := r.State == TaskSynced || r.State == TaskSkipped
	due := millis(r.Due)
	if r.State == TaskWaiting && due == 0 {
		due = millis(r.Ended)
	}
	// The decision "the record moved on" is made by the database, in the row's own lock.
	const news = `(wanted > $4 OR again)`
	var dueNow int
	var heard bool
	err = tx.QueryRow(ctx, `
		UPDATE tasks SET
			state = CASE WHEN pinned AND (NOT $3 OR `+news+`) THEN 'held' WHEN `+news+` THEN 'waiting' ELSE $5 END,
			due_at = CASE WHEN $14 AND `+news+` AND NOT ($11 AND CAST($7 AS BIGINT) > $6) THEN $6 ELSE CAST($7 AS BIGINT) END,
			delivered = CASE WHEN $8 THEN CAST($4 AS BIGINT) ELSE delivered END,
			delivered_hash = CASE WHEN $8 THEN $9 ELSE delivered_hash END,
			synced_at = CASE WHEN $8 THEN CAST($6 AS BIGINT) ELSE synced_at END,
			lag_ms = CASE WHEN $8 AND waiting_since > 0 THEN CAST($6 AS BIGINT) - waiting_since ELSE lag_ms END,
			waiting_since = CASE WHEN NOT $3 THEN waiting_since WHEN `+news+` THEN CAST($6 AS BIGINT) ELSE 0 END,
			attempts = CASE WHEN $3 OR ($14 AND `+news+`) THEN 0 ELSE attempts - $10 END,
			reason = CASE WHEN pinned THEN reason WHEN $14 AND `+news+` THEN '' ELSE $12 END,
			cause_id = CASE WHEN pinned THEN cause_id WHEN $14 AND `+news+` THEN 0 ELSE CAST($13 AS BIGINT) END,
			uncertain = $11, run = '', updated_at = $6
		WHERE id = $1 AND run = $2 AND state = 'working'
		RETURNING CASE WHEN state = 'waiting' AND due_at <= $6 THEN 1 ELSE 0 END, state <> 'waiting' AND `+anybodyListens,
		r.Work.TaskID, r.Run, done, r.Work.Revision, string(r.State), millis(r.Ended), due,
		r.State == TaskSynced, r.Hash, attempt, r.Uncertain, r.Reason, causeID, r.State != TaskWaiting,
	).Scan(&dueNow, &heard)
	if errors.Is(err, ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("task %d: %w", r.Work.TaskID, err)
	}
	if causeID > 0 {
		if err := noteRest(ctx, tx, "id", r.Work.TaskID, r.Ended); err != nil {
			return false, err
		}
	}
	if done {
		failed, err := s.failIfUnread(ctx, tx, r.Work, r.Ended)
		if err != nil {
			return false, fmt.Errorf("task %d: %w", r.Work.TaskID, err)
		}
		heard = heard && !failed // that is told
	}
	if heard {
		if err := s.tell(ctx, tx, r.Work.TaskID, r.Outcome, r.Ended); err != nil {
			return false, err
		}
	}
	return dueNow == 1, nil
}
