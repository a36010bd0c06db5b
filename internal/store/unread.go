package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// StepFetch is the step of causes that say that a record could not be read from its source.
const StepFetch = "fetch"

// A record is unread when a fetch of it was given up: it may have changed, and nobody knows to what. What its tasks have
// delivered is then not called the newest, until the record is read by whatever way; and a person who has them go on
// has it fetched first. fetch_error says why as long as it is unread or on the way to become so.

// DropFetch ends a wish that another record answers. Tasks that wait for it are skipped. What came early is asked for
// once more.
func (s *Store) DropFetch(ctx context.Context, tx Tx, w FetchWish, reason string, now time.Time) error {
	ended, err := tx.Exec(ctx, `
		UPDATE records SET fetch_due = CASE WHEN $3 THEN fetch_ripe ELSE 0 END, fetch_error = '' WHERE id = $1 AND fetch_asked = $2`, w.RecordID, w.Asked, w.Early)
	if err != nil || ended == 0 || w.Early {
		return err // the tasks wait for the newer wish
	}
	_, err = s.moveAndTell(ctx, tx, now, `
		UPDATE tasks SET state = 'skipped', cause_id = 0, reason = $2, waiting_since = 0, updated_at = $3
		WHERE record_id = $1 AND state = 'waiting' AND due_at = 0 RETURNING id, `+anybodyListens, w.RecordID, reason, millis(now))
	return err
}

// GiveUpFetch ends a wish that could not be met, for a reason that must not be empty: the record is unread. Tasks that
// wait for it, and those that are at rest with what was read before, fail with the cause, saved for the flow of
// each. What is on its way goes on with what is known and fails at its end; what a person has pinned is held.
func (s *Store) GiveUpFetch(ctx context.Context, tx Tx, w FetchWish, cause Cause, reason string, now time.Time) error {
	ended, err := tx.Exec(ctx, `UPDATE records SET fetch_due = 0, fetch_error = $3 WHERE id = $1 AND fetch_asked = $2`, w.RecordID, w.Asked, reason)
	if err != nil || ended == 0 {
		return err // there is a newer wish, which is tried for itself
	}
	// Locked, so that a delivery which ends at this moment either sees that the record is unread or is seen here.
	flows, err := collect(ctx, tx, scanValue[string], `UPDATE tasks SET updated_at = updated_at WHERE record_id = $1 RETURNING flow`, w.RecordID)
	if err != nil {
		return err
	}
	slices.Sort(flows)
	for _, flow := range flows {
		cause.Flow = flow
		if _, err := s.failUnread(ctx, tx, w.RecordID, cause, reason, now); err != nil {
			return err
		}
	}
	return nil
}

// failUnread fails the task of an unread record in the flow of the cause, unless it is on its way or a person must look
// at it anyway. It reports whether there was one.
func (s *Store) failUnread(ctx context.Context, tx Tx, recordID int64, cause Cause, reason string, now time.Time) (bool, error) {
	causeID, _, err := s.SaveCause(ctx, tx, cause, now)
	if err != nil {
		return false, err
	}
	moved, err := s.moveAndTell(ctx, tx, now, `
		UPDATE tasks SET state = CASE WHEN pinned THEN 'held' ELSE 'failed' END,
			cause_id = CASE WHEN pinned THEN cause_id ELSE CAST($3 AS BIGINT) END, reason = CASE WHEN pinned THEN reason ELSE $4 END,
			waiting_since = CASE WHEN waiting_since = 0 THEN $5 ELSE waiting_since END, updated_at = $5
		WHERE record_id = $1 AND flow = $2 AND (state = 'waiting' AND due_at = 0 OR state = 'synced' OR state = 'skipped' AND NOT pinned)
		RETURNING id, `+anybodyListens, recordID, cause.Flow, causeID, reason, millis(now))
	if err != nil || !moved {
		return moved, err
	}
	return true, noteRest(ctx, tx, "record_id", recordID, now)
}

// failIfUnread fails a task whose delivery went well although the record may have changed since. It must follow the
// statement that ended the delivery, or it would miss a fetch that was given up just then.
func (s *Store) failIfUnread(ctx context.Context, tx Tx, w Work, now time.Time) (bool, error) {
	var reason string
	err := tx.QueryRow(ctx, `SELECT fetch_error FROM records WHERE id = $1 AND fetch_due = 0 AND fetch_error <> ''`, w.RecordID).Scan(&reason)
	if errors.Is(err, ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	cause, err := scanCause(tx.QueryRow(ctx, `SELECT `+causeColumns+` FROM causes WHERE flow = $1 AND step = $2 ORDER BY last_seen DESC, id DESC LIMIT 1`, w.Flow, StepFetch))
	if errors.Is(err, ErrNoRows) { // the flow has the task since the fetch was given up
		cause, err = Cause{Flow: w.Flow, State: TaskFailed, Step: StepFetch, Code: "unread", Message: "the record could not be read from " + w.Connection}, nil
	}
	if err != nil {
		return false, err
	}
	return s.failUnread(ctx, tx, w.RecordID, cause, reason, now)
}

// moveAndTell runs a statement that gives the tasks it moves, each with whether somebody may want to hear of it, and
// tells of them. It reports whether there were any.
func (s *Store) moveAndTell(ctx context.Context, tx Tx, now time.Time, statement string, args ...any) (bool, error) {
	var moved bool
	var heard []int64
	if err := each(ctx, tx, func(row Row) error {
		var id int64
		var listens bool
		if err := row.Scan(&id, &listens); err != nil {
			return err
		}
		moved = true
		if listens {
			heard = append(heard, id)
		}
		return nil
	}, statement, args...); err != nil {
		return false, err
	}
	for _, id := range heard {
		if err := s.tell(ctx, tx, id, "", now); err != nil {
			return false, err
		}
	}
	return moved, nil
}

// toRead is a part of a statement on tasks that says whether the record must be read before anything can be delivered:
// it never was, or it is unread.
const toRead = `EXISTS (SELECT 1 FROM records r WHERE r.id = tasks.record_id
	AND (r.body_event = 0 AND NOT r.deleted OR r.fetch_due = 0 AND r.fetch_error <> ''))`

// askFetches wishes that records be fetched now, as far as their sources can, and gives the lanes to wake. Also where
// there is a wish already: it may be met at this moment by a fetch that does not see that a task waits for it.
func (s *Store) askFetches(ctx context.Context, tx Tx, recordIDs []int64, now time.Time) ([]LaneRef, error) {
	if len(recordIDs) == 0 {
		return nil, nil
	}
	lanes, err := collect(ctx, tx, scanLane, `
		UPDATE records SET fetch_due = $1, fetch_asked = fetch_asked + 1, fetch_tries = 0,
			fetch_lane = COALESCE((SELECT records.slot % c.lanes FROM connections c WHERE c.name = records.connection), fetch_lane)
		WHERE id IN (`+placeholders(len(recordIDs), 2)+`) AND fetch_asked > 0 RETURNING connection, fetch_lane`,
		append([]any{millis(now)}, anys(recordIDs)...)...)
	if err != nil {
		return nil, fmt.Errorf("ask for records to be fetched: %w", err)
	}
	for i := range lanes {
		lanes[i].Fetch = true
	}
	return lanes, nil
}

// scanLane scans a connection and the number of one of its lanes.
func scanLane(row Row) (LaneRef, error) {
	var l LaneRef
	err := row.Scan(&l.Connection, &l.Number)
	return l, err
}
