package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/money"
)

// Alert is something that people are told about, from when it was seen until it is over.
type Alert struct {
	ID      int64
	Rule    string
	Subject string // such as a flow
	Title   string
	Since   time.Time // when the trouble began
	Seen    time.Time // when it was last so
	Begun   time.Time // when people were told; zero while it has not lasted long enough
	Told    time.Time // when they were told last
	Ended   time.Time // zero while it lasts
}

const alertQuery = `SELECT id, rule, subject, title, since_at, seen_at, begun_at, told_at, ended_at FROM alerts`

func scanAlert(row Row) (Alert, error) {
	var a Alert
	var since, seen, begun, told, ended int64
	err := row.Scan(&a.ID, &a.Rule, &a.Subject, &a.Title, &since, &seen, &begun, &told, &ended)
	a.Since, a.Seen, a.Begun, a.Told, a.Ended = moment(since), moment(seen), moment(begun), moment(told), moment(ended)
	return a, err
}

// OpenAlerts gives the alerts that last, those included that have not lasted long enough to be told. Alone means that
// nobody else shall change them until tx, which writes, ends.
func (s *Store) OpenAlerts(ctx context.Context, tx Tx, alone bool) ([]Alert, error) {
	query := alertQuery + ` WHERE ended_at = 0 ORDER BY id`
	if alone && tx.Dialect() == Postgres {
		query += ` FOR UPDATE`
	}
	return collect(ctx, tx, scanAlert, query)
}

// Alerts gives the alerts that people were told of, newest first: those that last, or those that are over.
func (s *Store) Alerts(ctx context.Context, over bool, beforeID int64, limit int) ([]Alert, error) {
	query := alertQuery + ` WHERE begun_at > 0 AND ended_at = 0`
	if over {
		query = alertQuery + ` WHERE begun_at > 0 AND ended_at > 0`
	}
	args := []any{max(limit, 1)}
	if beforeID > 0 {
		args = append(args, beforeID)
		query += ` AND id < $2`
	}
	list, err := readList(ctx, s, scanAlert, query+` ORDER BY id DESC LIMIT $1`, args...)
	if err != nil {
		return nil, fmt.Errorf("alerts: %w", err)
	}
	return list, nil
}

// SaveAlert adds an alert (ID 0), or changes what has changed of one. Another node's alert of the same rule and
// subject is left alone; added is then false.
func (s *Store) SaveAlert(ctx context.Context, tx Tx, a Alert) (added bool, err error) {
	if a.ID == 0 {
		n, err := tx.Exec(ctx, `
			INSERT INTO alerts (rule, subject, title, since_at, seen_at, begun_at, told_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (rule, subject) WHERE ended_at = 0 DO NOTHING`,
			a.Rule, a.Subject, a.Title, millis(a.Since), millis(a.Seen), millis(a.Begun), millis(a.Told), millis(a.Ended))
		return n == 1, err
	}
	_, err = tx.Exec(ctx, `UPDATE alerts SET title = $2, since_at = $3, seen_at = $4, begun_at = $5, told_at = $6, ended_at = $7 WHERE id = $1`,
		a.ID, a.Title, millis(a.Since), millis(a.Seen), millis(a.Begun), millis(a.Told), millis(a.Ended))
	return false, err
}

// DropAlert forgets an alert that nobody was told of.
func (s *Store) DropAlert(ctx context.Context, tx Tx, id int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM alerts WHERE id = $1 AND begun_at = 0`, id)
	return err
}

// OpenBreaker is a node that does not call a connection for a while, because it fails.
type OpenBreaker struct {
	Connection, Node string
	Since            time.Time
	Seen             time.Time // when it was opened last: each time that a call has failed again
}

// BreakerOpened notes that a node stops calling a connection.
func (s *Store) BreakerOpened(ctx context.Context, tx Tx, connection, node string, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO breakers (connection, node, since_at, seen_at) VALUES ($1, $2, $3, $3)
		ON CONFLICT (connection, node) DO UPDATE SET seen_at = excluded.seen_at`, connection, node, millis(now))
	if err != nil {
		return fmt.Errorf("breaker of %s: %w", connection, err)
	}
	return nil
}

// BreakerClosed notes that a node calls a connection again.
func (s *Store) BreakerClosed(ctx context.Context, tx Tx, connection, node string) error {
	_, err := tx.Exec(ctx, `DELETE FROM breakers WHERE connection = $1 AND node = $2`, connection, node)
	return err
}

// ForgetBreakers forgets the breakers of a node that stops.
func (s *Store) ForgetBreakers(ctx context.Context, tx Tx, node string) error {
	_, err := tx.Exec(ctx, `DELETE FROM breakers WHERE node = $1`, node)
	return err
}

// OpenBreakers gives the breakers that are open.
func (s *Store) OpenBreakers(ctx context.Context) ([]OpenBreaker, error) {
	list, err := readList(ctx, s, scanBreaker, `SELECT connection, node, since_at, seen_at FROM breakers ORDER BY connection, node`)
	if err != nil {
		return nil, fmt.Errorf("breakers: %w", err)
	}
	return list, nil
}

func scanBreaker(row Row) (OpenBreaker, error) {
	var b OpenBreaker
	var since, seen int64
	err := row.Scan(&b.Connection, &b.Node, &since, &seen)
	b.Since, b.Seen = moment(since), moment(seen)
	return b, err
}

// AtStake is how many orders something is about, and how much money: a sum for each currency.
type AtStake struct {
	Orders int64
	Money  []money.Money
}

// atStake adds up the orders that a condition chooses among what is not in its destination.
func (s *Store) atStake(ctx context.Context, condition string, args ...any) (AtStake, error) {
	var total AtStake
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		total = AtStake{}
		return each(ctx, tx, func(row Row) error {
			var currency money.Currency
			var n, known, sum int64
			if err := row.Scan(&currency, &n, &known, &sum); err != nil {
				return err
			}
			total.Orders += n
			if known > 0 {
				total.Money = append(total.Money, money.New(decimalOfE4(sum), currency))
			}
			return nil
		}, `
			SELECT currency, COUNT(*), COUNT(amount_e4), CAST(COALESCE(SUM(amount_e4), 0) AS BIGINT) FROM tasks
			WHERE waiting_since <> 0 AND waiting_since > 0 AND `+condition+` GROUP BY currency ORDER BY currency`, args...)
	})
	if err != nil {
		return AtStake{}, fmt.Errorf("orders and money: %w", err)
	}
	return total, nil
}

// OrdersOlderThan adds up the orders of a flow that have not been in the destination since before a time.
func (s *Store) OrdersOlderThan(ctx context.Context, flow string, before time.Time) (AtStake, error) {
	return s.atStake(ctx, `waiting_since < $2 AND stream_id IN (SELECT id FROM streams WHERE flow = $1 AND kind = 'order')`, flow, millis(before))
}

// OrdersOf adds up the orders of a connection, or for it, that are not in their destination.
func (s *Store) OrdersOf(ctx context.Context, connection string) (AtStake, error) {
	return s.atStake(ctx, `stream_id IN (SELECT id FROM streams WHERE (connection = $1 OR destination = $1) AND kind = 'order')`, connection)
}

// OldestOrders gives since when the longest waiting order of each flow is not in its destination; flows whose orders
// are all there are left out.
func (s *Store) OldestOrders(ctx context.Context) (map[string]time.Time, error) {
	millisOf := map[string]int64{}
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(millisOf)
		return countInto(ctx, tx, millisOf, `
			SELECT flow, MIN(since) FROM (
				SELECT s.flow, (SELECT MIN(t.waiting_since) FROM tasks t WHERE t.stream_id = s.id AND t.waiting_since <> 0 AND t.waiting_since > 0) AS since
				FROM streams s WHERE s.kind = 'order') AS oldest
			WHERE since IS NOT NULL GROUP BY flow`)
	})
	if err != nil {
		return nil, fmt.Errorf("oldest orders: %w", err)
	}
	oldest := make(map[string]time.Time, len(millisOf))
	for flow, ms := range millisOf {
		oldest[flow] = moment(ms)
	}
	return oldest, nil
}

// Growth is a cause to which tasks came lately.
type Growth struct {
	CauseID int64
	New     int // tasks that came to rest in it
}

// GrowingCauses gives the causes that are neither snoozed nor ignored and in which at least so many tasks came to rest,
// held or failed, since a time. A task that was tried again and came back to its cause is not counted anew.
func (s *Store) GrowingCauses(ctx context.Context, since time.Time, atLeast int, now time.Time) ([]Growth, error) {
	// No index for causes and states: the tasks of a while are few.
	list, err := readList(ctx, s, scanGrowth, `
		SELECT c.id, n.count FROM causes c JOIN (
			SELECT +cause_id AS cause_id, COUNT(*) AS count FROM tasks
			WHERE rested_at <> 0 AND rested_at >= $1 AND +cause_id <> 0 AND (state || '') IN ('held', 'failed') GROUP BY +cause_id) n ON n.cause_id = c.id
		WHERE n.count >= $2 AND c.ignored_why = '' AND c.snoozed_until <= $3 ORDER BY c.id`, millis(since), atLeast, millis(now))
	if err != nil {
		return nil, fmt.Errorf("growing causes: %w", err)
	}
	return list, nil
}

func scanGrowth(row Row) (Growth, error) {
	var g Growth
	err := row.Scan(&g.CauseID, &g.New)
	return g, err
}

// noteRest notes since when the tasks with an id in a column rest in their cause.
func noteRest(ctx context.Context, tx Tx, column string, id int64, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE tasks SET rested_at = CASE WHEN last_cause = cause_id AND rested_at >= synced_at THEN rested_at ELSE $2 END, last_cause = cause_id
		WHERE `+column+` = $1 AND +cause_id <> 0 AND (state || '') IN ('held', 'failed')`, id, millis(now))
	if err != nil {
		return fmt.Errorf("cause of a task: %w", err)
	}
	return nil
}

// Healths gives of each connection that was not removed what its last check found and whether it is paused.
func (s *Store) Healths(ctx context.Context) ([]ConnectionHealth, error) {
	list, err := readList(ctx, s, scanHealth, `SELECT name, paused, paused_why, checked_at, health FROM connections WHERE NOT removed ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("healths: %w", err)
	}
	return list, nil
}

func scanHealth(row Row) (ConnectionHealth, error) {
	var h ConnectionHealth
	var checked int64
	err := row.Scan(&h.Name, &h.Paused, &h.PausedWhy, &checked, &h.Report)
	h.CheckedAt = moment(checked)
	return h, err
}

// ConnectionHealth is what the last check of a connection found.
type ConnectionHealth struct {
	Name      string
	Paused    bool
	PausedWhy string
	CheckedAt time.Time // zero when it was never checked
	Report    string    // JSON; "" when it was never checked
}
