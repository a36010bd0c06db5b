package store

import (
	"context"
	"slices"
	"strconv"
)

// rangeWalk walks along ranges of an index that all have the list's order, side by side.
type rangeWalk struct {
	mode   listMode
	column string // the time that the order goes by
	ranges []conditions
	// since and until bound the column, both included.
	since, until int64
}

// add adds a range.
func (w *rangeWalk) add(text string, args ...any) {
	var c conditions
	c.add(text, args...)
	w.ranges = append(w.ranges, c)
}

func (w *rangeWalk) next(ctx context.Context, tx Tx, after place, n int) (step, error) {
	st := step{last: after, end: true}
	since, until := w.since, w.until
	for _, r := range w.ranges {
		places, err := w.read(ctx, tx, r, after, since, until, n)
		if err != nil {
			return step{}, err
		}
		st.read += len(places)
		st.places = append(st.places, places...)
		if len(st.places) < n {
			continue
		}
		// What comes after the n that are found already need not be read from the other ranges.
		slices.SortFunc(st.places, w.mode.compare)
		st.places, st.end = st.places[:n], false
		if w.mode == modeWaiting {
			until = st.places[n-1].at
		} else {
			since = st.places[n-1].at
		}
	}
	slices.SortFunc(st.places, w.mode.compare)
	if len(st.places) > 0 {
		st.last = st.places[len(st.places)-1]
	}
	return st, nil
}

func (w *rangeWalk) read(ctx context.Context, tx Tx, r conditions, after place, since, until int64, n int) ([]place, error) {
	query, args := w.query(r, after, since, until, n)
	return collect(ctx, tx, scanPlace, query, args...)
}

func (w *rangeWalk) query(r conditions, after place, since, until int64, n int) (string, []any) {
	where, args := r.text(1)
	number := func(value int64) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	comparison, direction := "<", "DESC"
	if w.mode == modeWaiting {
		comparison, direction = ">", "ASC"
	}
	return `SELECT ` + w.column + `, id FROM tasks WHERE ` + where +
		` AND ` + w.column + ` >= ` + number(since) + ` AND ` + w.column + ` <= ` + number(until) +
		` AND (` + w.column + `, id) ` + comparison + ` (` + number(after.at) + `, ` + number(after.id) + `)` +
		` ORDER BY ` + w.column + ` ` + direction + `, id ` + direction + ` LIMIT ` + number(int64(n)), args
}

func scanPlace(row Row) (place, error) {
	var p place
	err := row.Scan(&p.at, &p.id)
	return p, err
}

// count counts up to limit.
func (w *rangeWalk) count(ctx context.Context, tx Tx, limit int) (int, error) {
	n := 0
	for _, r := range w.ranges {
		if n >= limit {
			break
		}
		query, args := w.countQuery(r, limit-n)
		var some int
		if err := tx.QueryRow(ctx, query, args...).Scan(&some); err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}

func (w *rangeWalk) countQuery(r conditions, limit int) (string, []any) {
	c := conditions{texts: slices.Clone(r.texts), args: slices.Clone(r.args)}
	c.add(w.column+" >= ?", w.since)
	c.add(w.column+" <= ?", w.until)
	where, args := c.text(1)
	return `SELECT COUNT(*) FROM (SELECT 1 FROM tasks WHERE ` + where + ` LIMIT $` + strconv.Itoa(len(args)+1) + `) AS counted`, append(args, limit)
}

// setWalk walks along a few tasks.
type setWalk struct {
	mode   listMode
	places []place // in order
}

// newSetWalk walks along the tasks that have one of some ids in a column.
func newSetWalk(ctx context.Context, tx Tx, mode listMode, column string, ids []int64) (*setWalk, error) {
	w := &setWalk{mode: mode}
	at := "first_seen"
	if mode == modeWaiting {
		at = "waiting_since"
	}
	for some := range slices.Chunk(ids, 2*scanChunk) {
		places, err := tasksWith(ctx, tx, at, column, some, conditions{})
		if err != nil {
			return nil, err
		}
		w.places = append(w.places, places...)
	}
	if mode == modeWaiting {
		w.places = slices.DeleteFunc(w.places, func(p place) bool { return p.at == 0 })
	}
	slices.SortFunc(w.places, mode.compare)
	return w, nil
}

// tasksWith gives the tasks that have one of some ids in a column and meet conditions, with a time or number of each.
func tasksWith(ctx context.Context, tx Tx, at, column string, some []int64, rest conditions) ([]place, error) {
	if len(some) == 0 {
		return nil, nil
	}
	ids, args := idList(some, 1)
	query := `SELECT t.` + at + `, t.id FROM tasks t WHERE t.` + column + ` IN (` + ids + `)`
	if !rest.empty() {
		text, more := rest.text(len(args) + 1)
		query, args = query+` AND `+text, append(args, more...)
	}
	return collect(ctx, tx, scanPlace, query, args...)
}

func (w *setWalk) next(_ context.Context, _ Tx, after place, n int) (step, error) {
	from, _ := slices.BinarySearchFunc(w.places, after, w.mode.compare)
	for from < len(w.places) && w.mode.compare(w.places[from], after) <= 0 {
		from++
	}
	to := min(from+n, len(w.places))
	st := step{places: slices.Clone(w.places[from:to]), last: after, end: to == len(w.places), read: to - from}
	if to > from {
		st.last = w.places[to-1]
	}
	return st, nil
}
