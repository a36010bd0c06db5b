package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Via is how an observation came about.
type Via string

// Ways of observing a record.
const (
	ViaWebhook  Via = "webhook"
	ViaPoll     Via = "poll"
	ViaManual   Via = "manual"
	ViaBackfill Via = "backfill"
	ViaFetch    Via = "fetch" // the record was read because an event was thin or stale
)

// Outcome is what an observation did to its record.
type Outcome string

// Outcomes of observations.
const (
	OutcomeChanged   Outcome = "changed"   // a new revision
	OutcomeUnchanged Outcome = "unchanged" // the same content again
	OutcomeStale     Outcome = "stale"     // older than what is known: kept, not used
	OutcomeThin      Outcome = "thin"      // it only says that the record may have changed: a fetch is due
	OutcomeDeleted   Outcome = "deleted"   // a new revision: the record is gone
	OutcomeDuplicate Outcome = "duplicate" // this delivery came before: not even kept
)

// Route is a flow that a record goes to.
type Route struct {
	Flow        string
	Destination string
	Lanes       int // of the destination
}

// Observation is one event about to be stored.
type Observation struct {
	Connection string
	Kind       string
	SourceID   string
	Via        Via
	Topic      string
	DeliveryID string
	Deleted    bool
	At         time.Time
	SourceTime time.Time // the vendor's own time of this content; zero where unknown
	Form       string
	Hash       string // of the plain body
	Body       []byte // packed by Store.Pack; nil for a thin event
	// Thin says that the record must be fetched whether or not there is a body.
	Thin bool
	// Wait holds the fetch back: what the event tells of cannot be read before. A wish that is open keeps its time, so that
	// events one after another do not put the fetch off for ever; it is then met again when the newest one can be read.
	Wait time.Duration
	// FetchLanes is the source connection's number of lanes; 0 when it cannot fetch.
	FetchLanes int
	// FetchAsked and FetchEarly, with ViaFetch, are of the wish that this fetch answers.
	FetchAsked int64
	FetchEarly bool
	Routes     []Route
	Priority   int
	// Force brings the record to its destinations again although nothing changed.
	Force bool
}

// LaneRef names a lane that has something to do.
type LaneRef struct {
	Connection string
	Number     int
	Fetch      bool // a source's lane to fetch, else a destination's to deliver
}

// Observed is what came of an observation.
type Observed struct {
	Outcome  Outcome
	RecordID int64
	EventID  int64
	Revision int64
	Wake     []LaneRef
}

type recordRow struct {
	id, revision, sourceTime, bodyEvent int64
	hash                                string
	deleted                             bool
	fetchError                          string
	// What tasks have copies of.
	firstVia  Via
	firstSeen int64
	amountE4  *int64
	currency  string
}

// Observe stores an observation: the event, the record's new revision if there is one, and a task
// for every route. The lanes in Observed.Wake have new work once the transaction is committed.
func (s *Store) Observe(ctx context.Context, tx Tx, o Observation) (Observed, error) {
	now := millis(o.At)
	place := slot(o.Connection, o.Kind, o.SourceID)
	var r recordRow
	err := tx.QueryRow(ctx, `
		INSERT INTO records (connection, kind, source_id, slot, first_via, first_seen, last_seen)
		VALUES ($1, $2, $3, $4, $5, $6, $6)
		ON CONFLICT (connection, kind, source_id) DO UPDATE SET last_seen = excluded.last_seen
		RETURNING id, revision, source_time, body_event, hash, deleted, fetch_error, first_via, first_seen, amount_e4, currency`,
		o.Connection, o.Kind, o.SourceID, place, string(o.Via), now,
	).Scan(&r.id, &r.revision, &r.sourceTime, &r.bodyEvent, &r.hash, &r.deleted, &r.fetchError, &r.firstVia, &r.firstSeen, &r.amountE4, &r.currency)
	if err != nil {
		return Observed{}, fmt.Errorf("record %s %s of %s: %w", o.Kind, o.SourceID, o.Connection, err)
	}
	outcome := r.decide(o)
	out := Observed{Outcome: outcome, RecordID: r.id, Revision: r.revision}
	if outcome == OutcomeChanged || outcome == OutcomeDeleted {
		out.Revision++
	}
	body := o.Body
	if outcome == OutcomeUnchanged {
		body = nil // it is the newest body, which is kept
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO events (record_id, connection, via, topic, delivery_id, change, received_at, source_time, outcome, revision, form, current, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT DO NOTHING RETURNING id`,
		r.id, o.Connection, string(o.Via), o.Topic, o.DeliveryID, changeText(o.Deleted), now,
		millis(o.SourceTime), string(outcome), out.Revision, o.Form, outcome == OutcomeChanged, body,
	).Scan(&out.EventID)
	if errors.Is(err, ErrNoRows) {
		return Observed{Outcome: OutcomeDuplicate, RecordID: r.id, Revision: r.revision}, nil
	}
	if err != nil {
		return Observed{}, fmt.Errorf("event of record %s %s of %s: %w", o.Kind, o.SourceID, o.Connection, err)
	}
	if err := s.moveRecord(ctx, tx, o, r, out); err != nil {
		return Observed{}, err
	}
	if o.FetchLanes > 0 && outcome == OutcomeThin {
		fetchLane := lane(place, o.FetchLanes)
		if _, err := tx.Exec(ctx, `
			UPDATE records SET fetch_lane = $2, fetch_asked = fetch_asked + 1, fetch_tries = 0,
				fetch_due = CASE WHEN fetch_due > 0 AND fetch_due < $3 THEN fetch_due ELSE $3 END,
				fetch_ripe = CASE WHEN fetch_ripe > $3 THEN fetch_ripe ELSE $3 END
			WHERE id = $1`,
			r.id, fetchLane, millis(o.At.Add(o.Wait))); err != nil {
			return Observed{}, fmt.Errorf("ask for record %d to be fetched: %w", r.id, err)
		}
		if o.Wait <= 0 {
			out.Wake = append(out.Wake, LaneRef{Connection: o.Connection, Number: fetchLane, Fetch: true})
		}
	}
	wake, err := s.moveTasks(ctx, tx, o, r, place, out)
	out.Wake = append(out.Wake, wake...)
	return out, err
}

func changeText(deleted bool) string {
	if deleted {
		return "deleted"
	}
	return "changed"
}

// decide compares an observation with what is known. A vendor's times are often no finer than a second
// and messages overtake each other, so where only a fetch can tell what is the newest, and the source
// can be fetched from, the observation is thin.
func (r recordRow) decide(o Observation) Outcome {
	at := millis(o.SourceTime)
	fetched := o.Via == ViaFetch
	older := at > 0 && at < r.sourceTime
	canAsk := o.FetchLanes > 0 && !fetched
	switch {
	case o.Deleted && r.deleted:
		return OutcomeUnchanged
	case o.Deleted && older && !fetched:
		if canAsk {
			return OutcomeThin
		}
		return OutcomeStale
	case o.Deleted:
		return OutcomeDeleted
	case o.Thin || o.Body == nil:
		return OutcomeThin
	case older:
		return OutcomeStale
	case r.deleted && o.Via == ViaWebhook && canAsk:
		return OutcomeThin // one that was on its way when the record was deleted
	case o.Hash == r.hash && !r.deleted:
		return OutcomeUnchanged
	case at > 0 && at == r.sourceTime && r.revision > 0 && canAsk:
		return OutcomeThin
	default:
		return OutcomeChanged
	}
}

// tellsNewest says whether the record is known as it is now after the observation, so that a fetch that was given up
// is missed no more. A webhook that says nothing new may be one that is told again.
func tellsNewest(o Observation, out Observed) bool {
	switch out.Outcome {
	case OutcomeChanged, OutcomeDeleted:
		return true
	case OutcomeUnchanged:
		return o.Via != ViaWebhook
	default:
		return o.Via == ViaFetch && out.Outcome == OutcomeStale // an answer of a slow replica is the newest that can be had
	}
}

func (s *Store) moveRecord(ctx context.Context, tx Tx, o Observation, r recordRow, out Observed) error {
	var err error
	switch out.Outcome {
	case OutcomeChanged:
		_, err = tx.Exec(ctx, `
			UPDATE records SET revision = $2, hash = $3, body_event = $4, source_time = $5, deleted = FALSE WHERE id = $1`,
			r.id, out.Revision, o.Hash, out.EventID, max(millis(o.SourceTime), r.sourceTime))
		if err == nil && r.bodyEvent > 0 {
			_, err = tx.Exec(ctx, `UPDATE events SET current = FALSE WHERE id = $1`, r.bodyEvent)
		}
	case OutcomeDeleted:
		_, err = tx.Exec(ctx, `UPDATE records SET revision = $2, source_time = $3, deleted = TRUE WHERE id = $1`,
			r.id, out.Revision, max(millis(o.SourceTime), r.sourceTime))
	case OutcomeUnchanged:
		if at := millis(o.SourceTime); at > r.sourceTime {
			_, err = tx.Exec(ctx, `UPDATE records SET source_time = $2 WHERE id = $1`, r.id, at)
		}
	}
	if err == nil && o.Via == ViaFetch && o.FetchAsked > 0 {
		_, err = tx.Exec(ctx, `
			UPDATE records SET fetch_tries = 0, fetch_error = '',
				fetch_due = CASE WHEN fetch_asked = $2 AND NOT $4 THEN 0 WHEN fetch_ripe > $3 THEN fetch_ripe ELSE CAST($3 AS BIGINT) END
			WHERE id = $1`,
			r.id, o.FetchAsked, millis(o.At), o.FetchEarly)
	} else if err == nil && r.fetchError != "" && tellsNewest(o, out) {
		_, err = tx.Exec(ctx, `UPDATE records SET fetch_error = '' WHERE id = $1 AND fetch_due = 0`, r.id)
	}
	if err != nil {
		return fmt.Errorf("record %d: %w", r.id, err)
	}
	return nil
}

// moveTasks makes sure that every route has its task, and moves the tasks that have news.
func (s *Store) moveTasks(ctx context.Context, tx Tx, o Observation, r recordRow, place int, out Observed) ([]LaneRef, error) {
	m := taskMove{out: out, o: o, r: r, now: millis(o.At), due: millis(o.At)}
	m.news = out.Outcome == OutcomeChanged || out.Outcome == OutcomeDeleted
	if out.Outcome == OutcomeThin {
		m.due = 0 // the fetch brings the news
	}
	for _, route := range o.Routes {
		streamID, err := s.streamID(ctx, tx, stream{Flow: route.Flow, Connection: o.Connection, Destination: route.Destination, Kind: o.Kind, Via: r.firstVia})
		if err != nil {
			return nil, err
		}
		if err := m.route(ctx, tx, route, lane(place, route.Lanes), streamID); err != nil {
			return nil, fmt.Errorf("task of record %d in flow %s: %w", out.RecordID, route.Flow, err)
		}
	}
	if err := m.others(ctx, tx); err != nil {
		return nil, fmt.Errorf("tasks of record %d: %w", out.RecordID, err)
	}
	return m.wake, nil
}

// taskMove is what an observation does to the tasks of its record.
type taskMove struct {
	o        Observation
	r        recordRow // before it
	out      Observed
	now, due int64
	news     bool
	wake     []LaneRef
}

// newsForTask changes a task that exists. What a person has pinned stays, but a synced task that has news
// is not synced any more. What is being worked on goes on and is looked at again when it ends. An unclear
// outcome keeps the time at which it may be searched for.
const newsForTask = `
	wanted = $1,
	state = CASE WHEN tasks.state = 'working' THEN tasks.state WHEN NOT tasks.pinned THEN 'waiting'
		WHEN tasks.state = 'synced' THEN 'held' ELSE tasks.state END,
	due_at = CASE WHEN tasks.state = 'working' OR (tasks.uncertain AND tasks.due_at > $2) THEN tasks.due_at ELSE CAST($2 AS BIGINT) END,
	priority = CASE WHEN tasks.state = 'waiting' AND tasks.priority < $3 THEN tasks.priority ELSE CAST($3 AS INTEGER) END,
	attempts = CASE WHEN tasks.state = 'working' THEN tasks.attempts ELSE 0 END,
	reason = CASE WHEN tasks.pinned THEN tasks.reason ELSE '' END,
	cause_id = CASE WHEN tasks.pinned THEN tasks.cause_id ELSE 0 END,
	waiting_since = CASE WHEN tasks.waiting_since = 0 AND NOT (tasks.pinned AND tasks.state = 'skipped') THEN CAST($4 AS BIGINT) ELSE tasks.waiting_since END,
	again = tasks.again OR $5,
	updated_at = $4`

// route makes the task of a route, or moves it.
func (m *taskMove) route(ctx context.Context, tx Tx, route Route, number int, streamID int64) error {
	insert := `
		INSERT INTO tasks (wanted, due_at, priority, created_at, waiting_since, updated_at, again, flow, record_id, kind, destination, lane, state,
			stream_id, first_seen, amount_e4, currency)
		VALUES ($1, $2, $3, $4, $4, $4, $5, $6, $7, $8, $9, $10, 'waiting', $11, $12, $13, $14)
		ON CONFLICT (flow, record_id) DO `
	if m.news || m.o.Force {
		insert += `UPDATE SET lane = CASE WHEN tasks.state = 'working' THEN tasks.lane ELSE excluded.lane END, ` + newsForTask
	} else {
		insert += `NOTHING`
	}
	moved, err := tx.Exec(ctx, insert, m.out.Revision, m.due, m.o.Priority, m.now, m.o.Force,
		route.Flow, m.out.RecordID, m.o.Kind, route.Destination, number, streamID, m.r.firstSeen, m.r.amountE4, m.r.currency)
	if err == nil && moved > 0 && m.due > 0 {
		m.wake = append(m.wake, LaneRef{Connection: route.Destination, Number: number})
	}
	return err
}

// others moves the tasks of flows that this observation is not routed to, because the record has moved for
// them too, or else the tasks that have waited for this fetch, or failed for want of it, and may go on although the
// content is known.
func (m *taskMove) others(ctx context.Context, tx Tx) error {
	if m.out.Outcome == OutcomeThin || m.out.Revision <= 1 && m.news && m.o.Via != ViaFetch {
		return nil
	}
	query := `UPDATE tasks SET state = 'waiting', wanted = $1, reason = '', cause_id = 0, attempts = 0, updated_at = $2,
			due_at = CASE WHEN uncertain AND due_at > $2 THEN due_at ELSE $2 END, lane = ` + laneNow + `
		WHERE record_id = $3 AND (state = 'waiting' AND due_at = 0 OR $4 AND state = 'failed' AND cause_id IN (SELECT id FROM causes WHERE step = '` + StepFetch + `'))
		RETURNING destination, lane`
	args := []any{m.out.Revision, m.now, m.out.RecordID, tellsNewest(m.o, m.out)}
	if m.news {
		query = `UPDATE tasks SET ` + newsForTask + ` WHERE record_id = $6 AND wanted < $1 RETURNING destination, lane`
		args = []any{m.out.Revision, m.now, m.o.Priority, m.now, false, m.out.RecordID}
	}
	lanes, err := collect(ctx, tx, scanLane, query, args...)
	m.wake = append(m.wake, lanes...)
	return err
}

// FetchWish is a record that is to be fetched.
type FetchWish struct {
	RecordID int64
	Kind     string
	SourceID string
	Asked    int64
	Tries    int
	Early    bool // what the newest event tells of may not be there to be read yet
}

// DueFetches gives the records of a source's lane that are to be fetched now.
func (s *Store) DueFetches(ctx context.Context, connection string, number int, now time.Time, limit int) ([]FetchWish, error) {
	return readList(ctx, s, scanWish, `
		SELECT id, kind, source_id, fetch_asked, fetch_tries, fetch_ripe > $3 FROM records
		WHERE connection = $1 AND fetch_lane = $2 AND fetch_due > 0 AND fetch_due <= $3
		ORDER BY fetch_due, id LIMIT $4`, connection, number, millis(now), limit)
}

func scanWish(row Row) (FetchWish, error) {
	var w FetchWish
	err := row.Scan(&w.RecordID, &w.Kind, &w.SourceID, &w.Asked, &w.Tries, &w.Early)
	return w, err
}

// PostponeFetch notes a failed fetch and when it is tried again. Tasks that wait for it are given the reason.
func (s *Store) PostponeFetch(ctx context.Context, tx Tx, w FetchWish, reason string, due time.Time) error {
	if _, err := tx.Exec(ctx, `
		UPDATE records SET fetch_due = $3, fetch_tries = fetch_tries + 1, fetch_error = $4 WHERE id = $1 AND fetch_asked = $2`,
		w.RecordID, w.Asked, millis(due), reason); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE tasks SET reason = $2 WHERE record_id = $1 AND state = 'waiting' AND due_at = 0`, w.RecordID, reason)
	return err
}

// Ignore counts a request that is in order and brought no event.
func (s *Store) Ignore(ctx context.Context, tx Tx, connection, reason string, at time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO ignored (connection, reason, count, last_at) VALUES ($1, $2, 1, $3)
		ON CONFLICT (connection, reason) DO UPDATE SET count = ignored.count + 1, last_at = excluded.last_at`,
		connection, reason, millis(at))
	return err
}
