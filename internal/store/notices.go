package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// An endpoint is a receiver of outgoing webhooks; a message is something that is told, a sending is a message on its
// way to one receiver. Messages are written in the transaction of what they tell of: nothing is lost in a crash, and
// nothing is told that did not happen.

// EndpointPrefix is what the ids of endpoints begin with; other receivers have other ids.
const EndpointPrefix = "ep_"

// eventSeparator is between the types of messages that an endpoint wants.
const eventSeparator = " "

// Endpoint is a receiver of outgoing webhooks.
type Endpoint struct {
	ID           string
	Settings     EndpointSettings
	Events       []string // types of the messages that it wants
	Description  string
	Disabled     bool
	DisabledWhy  string // "" when a person did it
	DisabledAt   time.Time
	Failures     int       // attempts that failed since the last that went well
	FailingSince time.Time // zero when the last attempt went well
	RestUntil    time.Time // nothing is sent before, because it is in trouble
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// EndpointSettings are sealed: an address may have a token in it.
type EndpointSettings struct {
	URL    string `json:"url"`
	Secret string `json:"secret"`
	// Previous is the secret before the last rotation; it signs as well until a time.
	Previous      string    `json:"previous,omitempty"`
	PreviousUntil time.Time `json:"previous_until,omitzero"`
}

const endpointColumns = `id, settings, events, description, disabled, disabled_why, disabled_at, failures, failing_since, rest_until, created_at, updated_at`

const oneEndpoint = `SELECT ` + endpointColumns + ` FROM endpoints WHERE id = $1`

// AddEndpoint creates an endpoint with what people set of it: settings, events and description.
func (s *Store) AddEndpoint(ctx context.Context, tx Tx, e Endpoint, now time.Time) error {
	sealed, err := s.sealEndpoint(e)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO endpoints (id, settings, events, description, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)`,
		e.ID, sealed, strings.Join(e.Events, eventSeparator), e.Description, millis(now))
	if err != nil {
		return fmt.Errorf("endpoint %s: %w", e.ID, err)
	}
	return nil
}

// ChangeEndpoint lets change set anew what people set of an endpoint: settings, events and description. It is given the
// endpoint as it is, which nobody else can change or remove until tx ends; ErrNoRows when there is none.
func (s *Store) ChangeEndpoint(ctx context.Context, tx Tx, id string, now time.Time, change func(e *Endpoint)) error {
	query := oneEndpoint
	if tx.Dialect() == Postgres {
		query += ` FOR UPDATE`
	}
	list, err := collect(ctx, tx, s.scanEndpoint, query, id)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return noEndpoint(id)
	}
	e := list[0]
	change(&e)
	sealed, err := s.sealEndpoint(e)
	if err != nil {
		return err
	}
	return affectOne(tx.Exec(ctx, `UPDATE endpoints SET settings = $2, events = $3, description = $4, updated_at = $5 WHERE id = $1`,
		id, sealed, strings.Join(e.Events, eventSeparator), e.Description, millis(now)))
}

func (s *Store) sealEndpoint(e Endpoint) ([]byte, error) {
	plain, err := json.Marshal(e.Settings)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", e.ID, err)
	}
	sealed, err := s.sealer.Seal(plain, endpointContext(e.ID))
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", e.ID, err)
	}
	return sealed, nil
}

func endpointContext(id string) string { return "endpoint " + id }

// Endpoints gives all endpoints, the oldest first.
func (s *Store) Endpoints(ctx context.Context) ([]Endpoint, error) {
	return s.endpoints(ctx, `SELECT `+endpointColumns+` FROM endpoints ORDER BY created_at, id`)
}

// Endpoint gives one endpoint; ErrNoRows when there is none.
func (s *Store) Endpoint(ctx context.Context, id string) (Endpoint, error) {
	list, err := s.endpoints(ctx, oneEndpoint, id)
	if err == nil && len(list) == 0 {
		err = noEndpoint(id)
	}
	if err != nil {
		return Endpoint{}, err
	}
	return list[0], nil
}

func noEndpoint(id string) error { return fmt.Errorf("there is no endpoint %s: %w", id, ErrNoRows) }

func (s *Store) endpoints(ctx context.Context, query string, args ...any) ([]Endpoint, error) {
	list, err := readList(ctx, s, s.scanEndpoint, query, args...)
	if err != nil {
		return nil, fmt.Errorf("endpoints: %w", err)
	}
	return list, nil
}

func (s *Store) scanEndpoint(row Row) (Endpoint, error) {
	var e Endpoint
	var sealed []byte
	var events string
	var disabled, failing, rest, created, updated int64
	if err := row.Scan(&e.ID, &sealed, &events, &e.Description, &e.Disabled, &e.DisabledWhy, &disabled, &e.Failures, &failing, &rest, &created, &updated); err != nil {
		return Endpoint{}, err
	}
	e.Events = strings.Fields(events)
	e.DisabledAt, e.FailingSince, e.RestUntil, e.CreatedAt, e.UpdatedAt = moment(disabled), moment(failing), moment(rest), moment(created), moment(updated)
	plain, err := s.sealer.Open(sealed, endpointContext(e.ID))
	if err != nil {
		return Endpoint{}, fmt.Errorf("settings of endpoint %s: %w; is this the key that the database was made with?", e.ID, err)
	}
	if err := json.Unmarshal(plain, &e.Settings); err != nil {
		return Endpoint{}, fmt.Errorf("settings of endpoint %s: %w", e.ID, err)
	}
	return e, nil
}

// RemoveEndpoint removes an endpoint with its list of what was sent.
func (s *Store) RemoveEndpoint(ctx context.Context, tx Tx, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM sendings WHERE endpoint = $1`, id); err != nil {
		return fmt.Errorf("sendings of endpoint %s: %w", id, err)
	}
	return affectOne(tx.Exec(ctx, `DELETE FROM endpoints WHERE id = $1`, id))
}

// DisableEndpoint stops sending to an endpoint. What waits for it fails: it can be sent again by hand. Why is "" when
// a person wants it. It says whether the endpoint was not disabled before.
func (s *Store) DisableEndpoint(ctx context.Context, tx Tx, id, why string, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE endpoints SET disabled = TRUE, disabled_why = $2, disabled_at = $3, updated_at = $3 WHERE id = $1 AND NOT disabled`, id, why, millis(now))
	if err != nil || n == 0 {
		return false, err
	}
	return true, s.GiveUp(ctx, tx, id, now)
}

// EnableEndpoint goes on with sending to an endpoint; what happened meanwhile is not told.
func (s *Store) EnableEndpoint(ctx context.Context, tx Tx, id string, now time.Time) error {
	return affectOne(tx.Exec(ctx, `
		UPDATE endpoints SET disabled = FALSE, disabled_why = '', disabled_at = 0, failures = 0, failing_since = 0, rest_until = 0, updated_at = $2
		WHERE id = $1`, id, millis(now)))
}

// Message is something that is told to others.
type Message struct {
	ID        int64
	UID       string // the webhook-id
	Type      string
	Data      json.RawMessage
	CreatedAt time.Time
}

// Wanting gives the endpoints that want messages of a type.
func (s *Store) Wanting(ctx context.Context, tx Tx, messageType string) ([]string, error) {
	var ids []string
	err := each(ctx, tx, func(row Row) error {
		var id, events string
		if err := row.Scan(&id, &events); err != nil {
			return err
		}
		if slices.Contains(strings.Fields(events), messageType) {
			ids = append(ids, id)
		}
		return nil
	}, `SELECT id, events FROM endpoints WHERE NOT disabled ORDER BY id`)
	return ids, err
}

// AddMessage writes a message for receivers, to be sent from a time on, and gives the ids of its sendings.
func (s *Store) AddMessage(ctx context.Context, tx Tx, messageType string, data []byte, receivers []string, due, now time.Time) ([]int64, error) {
	var message int64
	if err := tx.QueryRow(ctx, `INSERT INTO messages (uid, type, data, created_at) VALUES ($1, $2, $3, $4) RETURNING id`,
		"msg_"+rand.Text(), messageType, string(data), millis(now)).Scan(&message); err != nil {
		return nil, fmt.Errorf("message %s: %w", messageType, err)
	}
	ids := make([]int64, len(receivers))
	for i, receiver := range receivers {
		if err := tx.QueryRow(ctx, `INSERT INTO sendings (message_id, endpoint, state, due_at, updated_at) VALUES ($1, $2, 'waiting', $3, $4) RETURNING id`,
			message, receiver, millis(due), millis(now)).Scan(&ids[i]); err != nil {
			return nil, fmt.Errorf("message %s for %s: %w", messageType, receiver, err)
		}
	}
	return ids, nil
}

// TaskNews is the data of the message that a task has come to a state, as receivers get it. It has no people's data.
type TaskNews struct {
	Flow       string        `json:"flow"`
	Connection string        `json:"connection"`
	Kind       string        `json:"kind"`
	SourceID   string        `json:"source_id"`
	Number     string        `json:"number,omitempty"`
	Amount     string        `json:"amount,omitempty"` // a decimal
	Currency   string        `json:"currency,omitempty"`
	State      TaskState     `json:"state"`
	Outcome    string        `json:"outcome,omitempty"` // of the delivery: created, updated, unchanged, cancelled; with synced
	Document   *NewsDocument `json:"document,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	Cause      *NewsCause    `json:"cause,omitempty"`
}

// NewsDocument is what the record became in its destination.
type NewsDocument struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Number string `json:"number,omitempty"`
	URL    string `json:"url,omitempty"`
}

// NewsCause is why a task is held or failed.
type NewsCause struct {
	ID      int64  `json:"id"`
	Step    string `json:"step"`
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// ToldStates are the states of tasks that messages tell of; the type of a message is kind.state, such as order.synced.
var ToldStates = []TaskState{TaskSynced, TaskHeld, TaskFailed}

// anybodyListens is a part of a statement that says whether any endpoint may want a message, so that nothing more is
// asked where there is none.
const anybodyListens = `EXISTS (SELECT 1 FROM endpoints WHERE NOT disabled)`

// mostReason bounds the reason in a message, in bytes.
const mostReason = 1000

// tell writes the message of the state that a task has come to, when an endpoint wants it.
func (s *Store) tell(ctx context.Context, tx Tx, taskID int64, outcome string, now time.Time) error {
	var news TaskNews
	var pinned bool
	var d NewsDocument
	var c NewsCause
	err := tx.QueryRow(ctx, `
		SELECT t.flow, r.connection, r.kind, r.source_id, r.number, r.amount, r.currency, t.state, t.reason, t.pinned,
			COALESCE(l.document_type, ''), COALESCE(l.document_id, ''), COALESCE(l.number, ''), COALESCE(l.url, ''),
			COALESCE(c.id, 0), COALESCE(c.step, ''), COALESCE(c.code, ''), COALESCE(c.field, ''), COALESCE(c.message, ''), COALESCE(c.fix, '')
		FROM tasks t JOIN records r ON r.id = t.record_id
		LEFT JOIN links l ON l.destination = t.destination AND l.record_id = t.record_id AND l.role = r.kind
		LEFT JOIN causes c ON c.id = t.cause_id AND t.cause_id <> 0
		WHERE t.id = $1`, taskID).Scan(
		&news.Flow, &news.Connection, &news.Kind, &news.SourceID, &news.Number, &news.Amount, &news.Currency, &news.State, &news.Reason, &pinned,
		&d.Type, &d.ID, &d.Number, &d.URL, &c.ID, &c.Step, &c.Code, &c.Field, &c.Message, &c.Fix)
	if err != nil {
		return fmt.Errorf("message of task %d: %w", taskID, err)
	}
	if !slices.Contains(ToldStates, news.State) {
		return nil
	}
	if pinned {
		news.Reason = "a person holds it back" // and what people write is theirs
	}
	if len(news.Reason) > mostReason {
		news.Reason = strings.ToValidUTF8(news.Reason[:mostReason], "")
	}
	if news.State == TaskSynced {
		news.Outcome = outcome
	}
	if d.ID != "" {
		news.Document = &d
	}
	if c.ID > 0 {
		news.Cause = &c
	}
	messageType := news.Kind + "." + string(news.State)
	receivers, err := s.Wanting(ctx, tx, messageType)
	if err != nil || len(receivers) == 0 {
		return err
	}
	data, err := json.Marshal(news)
	if err != nil {
		return fmt.Errorf("message of task %d: %w", taskID, err)
	}
	_, err = s.AddMessage(ctx, tx, messageType, data, receivers, now, now)
	return err
}

// SendingState is where a sending stands.
type SendingState string

// Sending states.
const (
	SendingWaiting SendingState = "waiting"
	SendingSent    SendingState = "sent"
	SendingFailed  SendingState = "failed" // given up
)

// Sending is a message on its way to a receiver.
type Sending struct {
	ID        int64
	Endpoint  string
	State     SendingState
	Attempts  int // since it was last asked for
	Due       time.Time
	UpdatedAt time.Time
	Message   Message
	Tries     []Attempt // all of them, oldest first; only from Sendings
}

// Attempt is one try to send a message.
type Attempt struct {
	At     time.Time
	Took   time.Duration
	Status int    // of HTTP; 0 where there was no answer
	Error  string // "" when it went well
}

const sendingQuery = `
	SELECT s.id, s.endpoint, s.state, s.attempts, s.due_at, s.updated_at, m.id, m.uid, m.type, m.data, m.created_at
	FROM sendings s JOIN messages m ON m.id = s.message_id`

func scanSending(row Row) (Sending, error) {
	var s Sending
	var due, updated, created int64
	var data string
	err := row.Scan(&s.ID, &s.Endpoint, &s.State, &s.Attempts, &due, &updated, &s.Message.ID, &s.Message.UID, &s.Message.Type, &data, &created)
	s.UpdatedAt, s.Message.CreatedAt, s.Message.Data = moment(updated), moment(created), json.RawMessage(data)
	if s.State == SendingWaiting {
		s.Due = moment(due)
	}
	return s, err
}

// DueReceivers gives the receivers for which something is to be sent now.
func (s *Store) DueReceivers(ctx context.Context, now time.Time) ([]string, error) {
	var due []string
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		due = due[:0]
		receiver := ""
		for { // a search in the index for each receiver, however much waits
			err := tx.QueryRow(ctx, `SELECT endpoint FROM sendings WHERE state = 'waiting' AND endpoint > $1 ORDER BY endpoint LIMIT 1`, receiver).Scan(&receiver)
			if errors.Is(err, ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			is, err := exists(ctx, tx, `
				SELECT 1 FROM sendings WHERE state = 'waiting' AND endpoint = $1 AND due_at <= $2
				AND NOT EXISTS (SELECT 1 FROM endpoints WHERE id = $1 AND rest_until > $2) LIMIT 1`, receiver, millis(now))
			if err != nil {
				return err
			}
			if is {
				due = append(due, receiver)
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("receivers of messages: %w", err)
	}
	return due, nil
}

// DueSendings gives what is to be sent to a receiver now, what was due first before the rest.
func (s *Store) DueSendings(ctx context.Context, receiver string, now time.Time, limit int) ([]Sending, error) {
	return s.sendings(ctx, sendingQuery+` WHERE s.state = 'waiting' AND s.endpoint = $1 AND s.due_at <= $2
		AND NOT EXISTS (SELECT 1 FROM endpoints WHERE id = $1 AND rest_until > $2)
		ORDER BY s.due_at, s.id LIMIT $3`, receiver, millis(now), limit)
}

// Sending gives one sending without its tries; ErrNoRows when there is none.
func (s *Store) Sending(ctx context.Context, id int64) (Sending, error) {
	list, err := s.sendings(ctx, sendingQuery+` WHERE s.id = $1`, id)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("there is no sending %d: %w", id, ErrNoRows)
	}
	if err != nil {
		return Sending{}, err
	}
	return list[0], nil
}

// SendingFilter chooses sendings.
type SendingFilter struct {
	Endpoint string
	State    SendingState // "" for all
	BeforeID int64        // for paging: only those with a smaller id
	Limit    int
}

// Sendings gives the sendings to a receiver, newest first, with all their tries.
func (s *Store) Sendings(ctx context.Context, f SendingFilter) ([]Sending, error) {
	query, args := sendingQuery+` WHERE s.endpoint = $1`, []any{f.Endpoint}
	if f.State != "" {
		args = append(args, string(f.State))
		query += fmt.Sprintf(` AND s.state = $%d`, len(args))
	}
	if f.BeforeID > 0 {
		args = append(args, f.BeforeID)
		query += fmt.Sprintf(` AND s.id < $%d`, len(args))
	}
	args = append(args, max(f.Limit, 1))
	list, err := s.sendings(ctx, query+fmt.Sprintf(` ORDER BY s.id DESC LIMIT $%d`, len(args)), args...)
	if err != nil || len(list) == 0 {
		return list, err
	}
	place := make(map[int64]int, len(list))
	ids := make([]int64, len(list))
	for i := range list {
		place[list[i].ID], ids[i] = i, list[i].ID
	}
	err = s.Read(ctx, func(ctx context.Context, tx Tx) error {
		for i := range list {
			list[i].Tries = nil
		}
		return each(ctx, tx, func(row Row) error {
			var id, at, took int64
			var a Attempt
			if err := row.Scan(&id, &at, &took, &a.Status, &a.Error); err != nil {
				return err
			}
			a.At, a.Took = moment(at), time.Duration(took)*time.Millisecond
			list[place[id]].Tries = append(list[place[id]].Tries, a)
			return nil
		}, `SELECT sending_id, at, took_ms, status, error FROM attempts WHERE sending_id IN (`+placeholders(len(ids), 1)+`) ORDER BY id`, anys(ids)...)
	})
	if err != nil {
		return nil, fmt.Errorf("attempts: %w", err)
	}
	return list, nil
}

func (s *Store) sendings(ctx context.Context, query string, args ...any) ([]Sending, error) {
	list, err := readList(ctx, s, scanSending, query, args...)
	if err != nil {
		return nil, fmt.Errorf("sendings: %w", err)
	}
	return list, nil
}

// CountSendings counts the sendings to each receiver that wait and that were given up.
func (s *Store) CountSendings(ctx context.Context) (waiting, failed map[string]int64, err error) {
	waiting, failed = map[string]int64{}, map[string]int64{}
	err = s.Read(ctx, func(ctx context.Context, tx Tx) error {
		for query, counts := range map[string]map[string]int64{
			`SELECT endpoint, COUNT(*) FROM sendings WHERE state = 'waiting' GROUP BY endpoint`: waiting,
			`SELECT endpoint, COUNT(*) FROM sendings WHERE state = 'failed' GROUP BY endpoint`:  failed,
		} {
			clear(counts)
			if err := countInto(ctx, tx, counts, query); err != nil {
				return err
			}
		}
		return nil
	})
	return waiting, failed, err
}

func countInto[K comparable](ctx context.Context, tx Tx, counts map[K]int64, query string, args ...any) error {
	return each(ctx, tx, func(row Row) error {
		var key K
		var n int64
		if err := row.Scan(&key, &n); err != nil {
			return err
		}
		counts[key] = n
		return nil
	}, query, args...)
}

// FinishAttempt records an attempt: the sending's new state, and when it is due again if it waits.
func (s *Store) FinishAttempt(ctx context.Context, tx Tx, sendingID int64, a Attempt, state SendingState, due, now time.Time) error {
	n, err := tx.Exec(ctx, `UPDATE sendings SET state = $2, due_at = $3, attempts = attempts + 1, updated_at = $4 WHERE id = $1`,
		sendingID, string(state), millis(due), millis(now))
	if err != nil {
		return fmt.Errorf("sending %d: %w", sendingID, err)
	}
	if n == 0 {
		return nil // its endpoint was removed meanwhile
	}
	if _, err := tx.Exec(ctx, `INSERT INTO attempts (sending_id, at, took_ms, status, error) VALUES ($1, $2, $3, $4, $5)`,
		sendingID, millis(a.At), a.Took.Milliseconds(), a.Status, a.Error); err != nil {
		return fmt.Errorf("attempt of sending %d: %w", sendingID, err)
	}
	return nil
}

// EndpointWorks notes that an endpoint has taken a message.
func (s *Store) EndpointWorks(ctx context.Context, tx Tx, id string) error {
	_, err := tx.Exec(ctx, `UPDATE endpoints SET failures = 0, failing_since = 0, rest_until = 0 WHERE id = $1 AND failing_since > 0`, id)
	return err
}

// EndpointFails notes that an endpoint has not taken a message, and lets it rest until a time; the zero time is no
// rest. It gives since when it fails.
func (s *Store) EndpointFails(ctx context.Context, tx Tx, id string, rest, now time.Time) (time.Time, error) {
	var since int64
	err := tx.QueryRow(ctx, `
		UPDATE endpoints SET failures = failures + 1, failing_since = CASE WHEN failing_since = 0 THEN CAST($3 AS BIGINT) ELSE failing_since END,
			rest_until = CASE WHEN rest_until > $2 THEN rest_until ELSE CAST($2 AS BIGINT) END
		WHERE id = $1 RETURNING failing_since`, id, millis(rest), millis(now)).Scan(&since)
	if errors.Is(err, ErrNoRows) {
		return time.Time{}, nil
	}
	return moment(since), err
}

// Resend has a sending sent again now, whatever became of it.
func (s *Store) Resend(ctx context.Context, tx Tx, id int64, now time.Time) error {
	return affectOne(tx.Exec(ctx, `UPDATE sendings SET state = 'waiting', attempts = 0, due_at = $2, updated_at = $2 WHERE id = $1`, id, millis(now)))
}

// ResendFailed has everything sent again that was given up and whose message is not older than since.
func (s *Store) ResendFailed(ctx context.Context, tx Tx, endpoint string, since, now time.Time) (int64, error) {
	n, err := tx.Exec(ctx, `
		UPDATE sendings SET state = 'waiting', attempts = 0, due_at = $3, updated_at = $3
		WHERE endpoint = $1 AND state = 'failed' AND message_id IN (SELECT id FROM messages WHERE created_at >= $2)`,
		endpoint, millis(since), millis(now))
	if err != nil {
		return 0, fmt.Errorf("sendings of endpoint %s: %w", endpoint, err)
	}
	return n, nil
}

// PruneNotices removes messages and ended alerts that are older than a time, a little at a time. What waits stays.
func (s *Store) PruneNotices(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for _, query := range []string{
		`DELETE FROM messages WHERE id IN (SELECT m.id FROM messages m WHERE m.created_at < $1
			AND NOT EXISTS (SELECT 1 FROM sendings s WHERE s.message_id = m.id AND s.state = 'waiting') ORDER BY m.created_at LIMIT $2)`,
		`DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE ended_at > 0 AND ended_at < $1 LIMIT $2)`,
		`DELETE FROM breakers WHERE (connection, node) IN (SELECT connection, node FROM breakers WHERE seen_at < $1 LIMIT $2)`, // of nodes that have died
	} {
		for {
			var n int64
			err := s.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
				n, err = tx.Exec(ctx, query, millis(before), pruneRows)
				return err
			})
			if err != nil {
				return total, fmt.Errorf("prune messages: %w", err)
			}
			total += n
			if n < pruneRows {
				break
			}
		}
	}
	return total, nil
}

// ForgetReceiver removes the list of what was sent to a receiver that is no endpoint.
func (s *Store) ForgetReceiver(ctx context.Context, tx Tx, receiver string) error {
	_, err := tx.Exec(ctx, `DELETE FROM sendings WHERE endpoint = $1`, receiver)
	return err
}

// GiveUp gives up all that waits for a receiver.
func (s *Store) GiveUp(ctx context.Context, tx Tx, receiver string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE sendings SET state = 'failed', updated_at = $2 WHERE endpoint = $1 AND state = 'waiting'`, receiver, millis(now))
	return err
}
