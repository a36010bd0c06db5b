package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orderlyhq/orderly/money"
)

// Cause is why tasks are held, failed or tried again: failures with the same step, code, field and
// message are one cause.
type Cause struct {
	ID        int64     `json:"id"`
	Flow      string    `json:"flow"`
	State     TaskState `json:"state"`
	Step      string    `json:"step"`
	Kind      string    `json:"kind"` // of the failure: a connector.ErrorKind
	Code      string    `json:"code"`
	Field     string    `json:"field,omitempty"` // with the value, where each is a cause of its own
	Value     string    `json:"value,omitempty"` // of kind unmapped: what no map knows
	Message   string    `json:"message"`         // without parts that differ from record to record
	Fix       string    `json:"fix,omitempty"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// OpenedAt is when it came back after it was closed, else FirstSeen; ClosedAt when its last task left it.
	OpenedAt     time.Time     `json:"opened_at"`
	ClosedAt     time.Time     `json:"closed_at,omitzero"`
	Owner        string        `json:"owner,omitempty"`
	SnoozedUntil time.Time     `json:"snoozed_until,omitzero"`
	IgnoredWhy   string        `json:"ignored_why,omitempty"`
	Tasks        int           `json:"tasks"`           // that have it now
	Stake        []money.Money `json:"stake,omitempty"` // what these orders are worth, by currency
}

// CauseState is where a cause stands. It follows from the tasks that have it and from what people decided.
type CauseState string

// Cause states.
const (
	CauseOpen    CauseState = "open"
	CauseSnoozed CauseState = "snoozed" // open again after a time
	CauseIgnored CauseState = "ignored" // what comes with it is left out, and it is not counted as open
	CauseClosed  CauseState = "closed"  // no task has it any more
)

// StateAt tells where the cause stands at a time.
func (c Cause) StateAt(now time.Time) CauseState {
	switch {
	case c.Tasks == 0:
		return CauseClosed
	case c.IgnoredWhy != "":
		return CauseIgnored
	case c.SnoozedUntil.After(now):
		return CauseSnoozed
	}
	return CauseOpen
}

// CauseFilter chooses causes; empty fields choose all.
type CauseFilter struct {
	ID    int64
	Flow  string
	State CauseState // "" for all that are not closed
	Owner string
	Now   time.Time // which tells what is snoozed
	Limit int       // 0: 500
}

func (c Cause) fingerprint() string {
	hash := sha256.New()
	for _, part := range []string{c.Step, c.Code, c.Field, c.Message} {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// SaveCause notes that a cause was seen, and gives its id and why it is ignored, "" when it is not. One that was closed is
// open again.
func (s *Store) SaveCause(ctx context.Context, tx Tx, c Cause, now time.Time) (id int64, ignored string, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO causes (flow, fingerprint, state, step, kind, code, field, value, message, fix, first_seen, last_seen, opened_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11)
		ON CONFLICT (flow, fingerprint) DO UPDATE SET state = excluded.state, kind = excluded.kind, value = excluded.value, fix = excluded.fix,
			last_seen = excluded.last_seen, closed_at = 0,
			opened_at = CASE WHEN causes.closed_at > 0 THEN excluded.last_seen ELSE causes.opened_at END
		RETURNING id, ignored_why`,
		c.Flow, c.fingerprint(), string(c.State), c.Step, c.Kind, c.Code, c.Field, c.Value, c.Message, c.Fix, millis(now)).Scan(&id, &ignored)
	if err != nil {
		return 0, "", fmt.Errorf("cause in flow %s: %w", c.Flow, err)
	}
	return id, ignored, nil
}

// IgnoredReason says why a record is left out whose cause is ignored.
func IgnoredReason(causeID int64, ignored, failure string) string {
	return fmt.Sprintf("left out because its cause %d is ignored (%s): %s", causeID, ignored, failure)
}

const causeColumns = `id, flow, state, step, kind, code, field, value, message, fix, first_seen, last_seen, opened_at, closed_at, owner, snoozed_until, ignored_why`

func scanCause(row Row) (Cause, error) {
	var c Cause
	var first, last, opened, closed, snoozed int64
	err := row.Scan(&c.ID, &c.Flow, &c.State, &c.Step, &c.Kind, &c.Code, &c.Field, &c.Value, &c.Message, &c.Fix,
		&first, &last, &opened, &closed, &c.Owner, &snoozed, &c.IgnoredWhy)
	c.FirstSeen, c.LastSeen, c.OpenedAt, c.ClosedAt, c.SnoozedUntil = moment(first), moment(last), moment(opened), moment(closed), moment(snoozed)
	return c, err
}

// Causes gives the causes that the filter chooses with what is at stake: the most tasks first, closed ones by when they
// were closed.
func (s *Store) Causes(ctx context.Context, f CauseFilter) ([]Cause, error) {
	if f.Limit <= 0 {
		f.Limit = 500
	}
	var causes []Cause
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		causes = causes[:0]
		stakes, err := readStakes(ctx, tx, f.ID)
		if err != nil {
			return err
		}
		found, err := readCauses(ctx, tx, f)
		if err != nil {
			return err
		}
		for _, c := range found {
			if stake, ok := stakes[c.ID]; ok {
				c.Tasks, c.Stake, c.ClosedAt = stake.tasks, stake.sums, time.Time{}
			}
			if f.matches(c) {
				causes = append(causes, c)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("causes: %w", err)
	}
	slices.SortStableFunc(causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Tasks, a.Tasks), b.ClosedAt.Compare(a.ClosedAt), cmp.Compare(b.ID, a.ID))
	})
	return causes[:min(len(causes), f.Limit)], nil
}

func (f CauseFilter) matches(c Cause) bool {
	state := c.StateAt(f.Now)
	if f.State != "" && state != f.State || f.State == "" && f.ID == 0 && state == CauseClosed {
		return false
	}
	return (f.Flow == "" || c.Flow == f.Flow) && (f.Owner == "" || c.Owner == f.Owner)
}

// readCauses reads the rows that may match. That a cause is closed is noted late and may be noted wrongly for a moment
// when it comes back just then, so the tasks decide; but of the closed ones only the newest are looked at.
func readCauses(ctx context.Context, tx Tx, f CauseFilter) ([]Cause, error) {
	if f.ID > 0 {
		return collect(ctx, tx, scanCause, `SELECT `+causeColumns+` FROM causes WHERE id = $1`, f.ID)
	}
	// Both are chosen before the limit, so that one flow's closed causes do not push another's out.
	const chosen = `($1 = '' OR flow = $1) AND ($2 = '' OR owner = $2)`
	causes, err := collect(ctx, tx, scanCause, `SELECT `+causeColumns+` FROM causes WHERE closed_at = 0 AND `+chosen, f.Flow, f.Owner)
	if err != nil {
		return nil, err
	}
	closed, err := collect(ctx, tx, scanCause, `SELECT `+causeColumns+` FROM causes WHERE closed_at > 0 AND `+chosen+` ORDER BY closed_at DESC, id DESC LIMIT $3`, f.Flow, f.Owner, f.Limit)
	return append(causes, closed...), err
}

// stake is what hangs on a cause.
type stake struct {
	tasks int
	sums  []money.Money
}

const stakesQuery = `SELECT cause_id, currency, COUNT(*), COUNT(amount_e4), CAST(COALESCE(SUM(amount_e4), 0) AS BIGINT) FROM tasks WHERE cause_id <> 0 AND cause_id > 0`

// readStakes adds up the tasks that causes have, of one cause or, for 0, of all.
func readStakes(ctx context.Context, tx Tx, causeID int64) (map[int64]stake, error) {
	query, args := stakesQuery, []any(nil)
	if causeID > 0 {
		query, args = query+` AND cause_id = $1`, []any{causeID}
	}
	stakes := map[int64]stake{}
	err := each(ctx, tx, func(row Row) error {
		var id, sum int64
		var tasks, known int
		var currency money.Currency
		if err := row.Scan(&id, &currency, &tasks, &known, &sum); err != nil {
			return err
		}
		st := stakes[id]
		st.tasks += tasks
		if known > 0 {
			st.sums = append(st.sums, money.New(decimalOfE4(sum), currency))
		}
		stakes[id] = st
		return nil
	}, query+` GROUP BY cause_id, currency ORDER BY cause_id, currency`, args...)
	return stakes, err
}

// usedCauses steps through the causes that tasks have, with one search in the index for each.
const usedCauses = `
	WITH RECURSIVE used (id) AS (
		SELECT MIN(cause_id) FROM tasks WHERE cause_id <> 0
		UNION ALL SELECT (SELECT MIN(t.cause_id) FROM tasks t WHERE t.cause_id <> 0 AND t.cause_id > used.id) FROM used WHERE used.id IS NOT NULL)`

// CountOpenCauses counts the causes that are open.
func (s *Store) CountOpenCauses(ctx context.Context, now time.Time) (int, error) {
	var n int
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		return tx.QueryRow(ctx, usedCauses+`
			SELECT COUNT(*) FROM used JOIN causes c ON c.id = used.id WHERE c.ignored_why = '' AND c.snoozed_until <= $1`, millis(now)).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("count open causes: %w", err)
	}
	return n, nil
}

// SnoozeCause keeps a cause from being open until a time; the zero time ends that.
func (s *Store) SnoozeCause(ctx context.Context, tx Tx, id int64, until time.Time) error {
	return changeCause(tx.Exec(ctx, `UPDATE causes SET snoozed_until = $2 WHERE id = $1`, id, millis(until)))
}

// IgnoreCause keeps a cause from being open for good, for a reason. Its tasks stay as they are; those that get it later are
// skipped under it.
func (s *Store) IgnoreCause(ctx context.Context, tx Tx, id int64, why string) error {
	if why == "" {
		return errors.New("ignoring a cause needs a reason")
	}
	return changeCause(tx.Exec(ctx, `UPDATE causes SET ignored_why = $2 WHERE id = $1`, id, why))
}

// AssignCause gives a cause to somebody; "" to nobody.
func (s *Store) AssignCause(ctx context.Context, tx Tx, id int64, owner string) error {
	return changeCause(tx.Exec(ctx, `UPDATE causes SET owner = $2 WHERE id = $1`, id, owner))
}

// ReopenCause undoes SnoozeCause and IgnoreCause.
func (s *Store) ReopenCause(ctx context.Context, tx Tx, id int64) error {
	return changeCause(tx.Exec(ctx, `UPDATE causes SET snoozed_until = 0, ignored_why = '' WHERE id = $1`, id))
}

func changeCause(n int64, err error) error {
	if err := affectOne(n, err); err != nil {
		return fmt.Errorf("change a cause: %w", err)
	}
	return nil
}

// CloseCauses notes which causes their last task has left, and gives how many: a small chore.
func (s *Store) CloseCauses(ctx context.Context, now time.Time) (int64, error) {
	var n int64
	err := s.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		n, err = tx.Exec(ctx, `
			UPDATE causes SET closed_at = $1 WHERE closed_at = 0
			AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.cause_id <> 0 AND tasks.cause_id = causes.id)`, millis(now))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("close causes: %w", err)
	}
	return n, nil
}
