package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Minute is what happened in one minute.
type Minute struct {
	At     time.Time `json:"at"`     // its begin
	Seen   int       `json:"seen"`   // records that were first seen
	Synced int       `json:"synced"` // tasks that came into their destination
}

// PerMinute gives the last minutes, the oldest first, the one that runs included, for records of a kind ("" for all).
func (s *Store) PerMinute(ctx context.Context, kind string, minutes int, now time.Time) ([]Minute, error) {
	last := millis(now) / minuteMillis
	first := last - int64(max(minutes, 1)) + 1
	list := make([]Minute, 0, max(minutes, 1))
	var seen, synced map[int64]int
	err := s.Read(ctx, func(ctx context.Context, tx Tx) (err error) {
		if seen, err = countByMinute(ctx, tx, seenByMinute, kind, first*minuteMillis); err != nil {
			return err
		}
		synced, err = countByMinute(ctx, tx, syncedByMinute, kind, first*minuteMillis)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("activity: %w", err)
	}
	for m := first; m <= last; m++ {
		list = append(list, Minute{At: moment(m * minuteMillis), Seen: seen[m], Synced: synced[m]})
	}
	return list, nil
}

const (
	minuteMillis = 60_000
	// The cross joins keep the order in which SQLite looks: a few streams, and a range of an index for each.
	seenByMinute = `
		SELECT r.first_seen / 60000, COUNT(*) FROM (SELECT DISTINCT connection, kind FROM streams) AS s CROSS JOIN records r
		WHERE ($1 = '' OR s.kind = $1) AND r.connection = s.connection AND r.kind = s.kind AND r.first_seen >= $2
		GROUP BY r.first_seen / 60000`
	syncedByMinute = `
		SELECT t.synced_at / 60000, COUNT(*) FROM streams s CROSS JOIN tasks t
		WHERE ($1 = '' OR s.kind = $1) AND t.stream_id = s.id AND t.synced_at <> 0 AND t.synced_at >= $2
		GROUP BY t.synced_at / 60000`
)

func countByMinute(ctx context.Context, tx Tx, query, kind string, since int64) (map[int64]int, error) {
	counts := map[int64]int{}
	err := each(ctx, tx, func(row Row) error {
		var minute int64
		var n int
		if err := row.Scan(&minute, &n); err != nil {
			return err
		}
		counts[minute] = n
		return nil
	}, query, kind, since)
	return counts, err
}

// Lag is how long the newest synced tasks of a source took from being seen to being in their destination.
type Lag struct {
	Source string        `json:"source"` // connection
	Tasks  int           `json:"tasks"`  // that it is worked out from
	P50    time.Duration `json:"p50"`
	P95    time.Duration `json:"p95"`
}

// Lags gives the lag by source, of the newest 500 synced tasks of each, for records of a kind ("" for all).
func (s *Store) Lags(ctx context.Context, kind string) ([]Lag, error) {
	bySource := map[string][]syncedLag{}
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(bySource)
		streams, err := readStreams(ctx, tx)
		if err != nil {
			return err
		}
		for id, st := range streams {
			if kind != "" && st.Kind != kind {
				continue
			}
			lags, err := newestLags(ctx, tx, id)
			if err != nil {
				return err
			}
			bySource[st.Connection] = append(bySource[st.Connection], lags...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lags: %w", err)
	}
	list := make([]Lag, 0, len(bySource))
	for _, source := range slices.Sorted(maps.Keys(bySource)) {
		list = append(list, lagOf(source, bySource[source]))
	}
	return list, nil
}

// lagTasks is how many tasks a lag is worked out from.
const lagTasks = 500

// syncedLag is when a task became synced, after how long.
type syncedLag struct{ at, lag int64 }

const newestLagsQuery = `SELECT synced_at, lag_ms FROM tasks WHERE stream_id = $1 AND synced_at <> 0 ORDER BY synced_at DESC LIMIT $2`

func newestLags(ctx context.Context, tx Tx, streamID int64) ([]syncedLag, error) {
	return collect(ctx, tx, func(row Row) (syncedLag, error) {
		var l syncedLag
		err := row.Scan(&l.at, &l.lag)
		return l, err
	}, newestLagsQuery, streamID, lagTasks)
}

func lagOf(source string, lags []syncedLag) Lag {
	slices.SortFunc(lags, func(a, b syncedLag) int { return cmp.Compare(b.at, a.at) })
	lags = lags[:min(len(lags), lagTasks)]
	slices.SortFunc(lags, func(a, b syncedLag) int { return cmp.Compare(a.lag, b.lag) })
	l := Lag{Source: source, Tasks: len(lags)}
	if len(lags) > 0 {
		l.P50 = time.Duration(lags[(len(lags)-1)*50/100].lag) * time.Millisecond
		l.P95 = time.Duration(lags[(len(lags)-1)*95/100].lag) * time.Millisecond
	}
	return l
}

// OldestTask gives the longest waiting task that is not in its destination, of a flow ("" for any) and kind ("" for
// any); nil when there is none.
func (s *Store) OldestTask(ctx context.Context, flow, kind string) (*TaskRow, error) {
	page, err := s.ListTasks(ctx, TaskFilter{Flow: flow, Kind: kind, Order: LongestWaiting, Limit: 1})
	for err == nil && len(page.Tasks) == 0 && page.Next != "" {
		page, err = s.ListTasks(ctx, TaskFilter{Flow: flow, Kind: kind, Order: LongestWaiting, Limit: 1, Cursor: page.Next})
	}
	if err != nil || len(page.Tasks) == 0 {
		return nil, err
	}
	return &page.Tasks[0], nil
}

// Day is what happened to the records of a source since a time, such as the begin of the day.
type Day struct {
	Source string `json:"source"`
	// Changed is the number of records that the source changed since, as far as they are known here.
	Changed int `json:"changed"`
	Seen    int `json:"seen"`   // records first seen since
	Synced  int `json:"synced"` // tasks that came into their destination since, whenever the record was seen
	// What became of the tasks of the records that were first seen since.
	States Counts `json:"states"`
}

// Today counts by source what happened since a time, for records of a kind ("" for all).
func (s *Store) Today(ctx context.Context, kind string, since time.Time) ([]Day, error) {
	days := map[string]*Day{}
	day := func(source string) *Day {
		if days[source] == nil {
			days[source] = &Day{Source: source, States: Counts{}}
		}
		return days[source]
	}
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(days)
		if err := eachCount(ctx, tx, changedSince, []any{kind, millis(since)}, func(source, _ string, n int64) { day(source).Changed += int(n) }); err != nil {
			return err
		}
		if err := eachCount(ctx, tx, seenSince, []any{kind, millis(since)}, func(source, _ string, n int64) { day(source).Seen += int(n) }); err != nil {
			return err
		}
		if err := eachCount(ctx, tx, syncedSince, []any{kind, millis(since)}, func(source, _ string, n int64) { day(source).Synced += int(n) }); err != nil {
			return err
		}
		for _, state := range TaskStates {
			if err := eachCount(ctx, tx, statesSince, []any{kind, millis(since), string(state)}, func(source, _ string, n int64) { day(source).States[state] += n }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("counts of the day: %w", err)
	}
	list := make([]Day, 0, len(days))
	for _, source := range slices.Sorted(maps.Keys(days)) {
		list = append(list, *days[source])
	}
	return list, nil
}

const (
	seenSince = `
		SELECT s.connection, '', (SELECT COUNT(*) FROM records r WHERE r.connection = s.connection AND r.kind = s.kind AND r.first_seen >= $2)
		FROM (SELECT DISTINCT connection, kind FROM streams) AS s WHERE ($1 = '' OR s.kind = $1)`
	changedSince = `
		SELECT s.connection, '', (SELECT COUNT(*) FROM records r WHERE r.connection = s.connection AND r.kind = s.kind AND r.source_time >= $2)
		FROM (SELECT DISTINCT connection, kind FROM streams) AS s WHERE ($1 = '' OR s.kind = $1)`
	syncedSince = `
		SELECT s.connection, s.destination, (SELECT COUNT(*) FROM tasks t WHERE t.stream_id = s.id AND t.synced_at <> 0 AND t.synced_at >= $2)
		FROM streams s WHERE ($1 = '' OR s.kind = $1)`
	statesSince = `
		SELECT s.connection, s.destination, (SELECT COUNT(*) FROM tasks t WHERE t.stream_id = s.id AND t.state = $3 AND t.first_seen >= $2)
		FROM streams s WHERE ($1 = '' OR s.kind = $1)`
	waitingCount = `
		SELECT s.connection, s.destination, (SELECT COUNT(*) FROM (SELECT 1 FROM tasks t WHERE t.stream_id = s.id AND t.state = $1 LIMIT $2) AS counted)
		FROM streams s`
)

// eachCount reads counts by source and destination.
func eachCount(ctx context.Context, tx Tx, query string, args []any, take func(source, destination string, n int64)) error {
	return each(ctx, tx, func(row Row) error {
		var source, destination string
		var n int64
		if err := row.Scan(&source, &destination, &n); err != nil {
			return err
		}
		take(source, destination, n)
		return nil
	}, query, args...)
}

// Backlog is what is on its way to a destination.
type Backlog struct {
	Destination string `json:"destination"`
	Waiting     int    `json:"waiting"` // and working
	More        bool   `json:"more"`    // there are more than Waiting: it is not counted to its end
	Synced      int    `json:"synced"`  // in the last ten minutes
}

// Rest is how long the backlog takes at the rate of the last ten minutes; false when nothing moves.
func (b Backlog) Rest() (time.Duration, bool) {
	if b.Synced == 0 {
		return 0, b.Waiting == 0
	}
	return backlogTime * time.Duration(b.Waiting) / time.Duration(b.Synced), true
}

// backlogTime is what the rate of a backlog is taken from.
const backlogTime = 10 * time.Minute

// Backlogs gives what is on its way, by destination.
func (s *Store) Backlogs(ctx context.Context, now time.Time) ([]Backlog, error) {
	backlogs := map[string]*Backlog{}
	to := func(destination string) *Backlog {
		if backlogs[destination] == nil {
			backlogs[destination] = &Backlog{Destination: destination}
		}
		return backlogs[destination]
	}
	err := s.Read(ctx, func(ctx context.Context, tx Tx) error {
		clear(backlogs)
		for _, state := range []TaskState{TaskWaiting, TaskWorking} {
			if err := eachCount(ctx, tx, waitingCount, []any{string(state), backlogBound}, func(_, destination string, n int64) {
				b := to(destination)
				b.Waiting += int(n)
				b.More = b.More || n == backlogBound
			}); err != nil {
				return err
			}
		}
		return eachCount(ctx, tx, syncedSince, []any{"", millis(now.Add(-backlogTime))}, func(_, destination string, n int64) { to(destination).Synced += int(n) })
	})
	if err != nil {
		return nil, fmt.Errorf("backlogs: %w", err)
	}
	list := make([]Backlog, 0, len(backlogs))
	for _, destination := range slices.Sorted(maps.Keys(backlogs)) {
		list = append(list, *backlogs[destination])
	}
	return list, nil
}

// backlogBound is up to where the waiting tasks of one stream are counted.
const backlogBound = 200_000
