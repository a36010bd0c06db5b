package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/money"
)

// TaskOrder is the order of a list of tasks.
type TaskOrder string

// Orders of lists.
const (
	NewestFirst    TaskOrder = ""        // by when the record was first seen; with Search, by when it was made in the database
	LongestWaiting TaskOrder = "waiting" // only tasks that are not in their destination, the longest waiting first
)

// TaskFilter chooses tasks; empty fields choose all.
type TaskFilter struct {
	Flow        string
	Connection  string // the source
	Destination string
	Kind        string
	Via         Via // how the record was seen first
	States      []TaskState
	CauseID     int64
	Since       time.Time // the record was first seen then or later
	Until       time.Time // the record was first seen before
	MinAmount   *money.Decimal
	MaxAmount   *money.Decimal
	HasDocument *bool // whether the record has a document of its kind in the destination
	// Search is an id, a number, an e-mail address, words of names, an amount, an SKU, a telephone number or a
	// postal code; of several words each must match.
	Search string

	Order  TaskOrder // NewestFirst with Search
	Cursor string    // TaskPage.Next of the page before
	// BeforeID is like Cursor: the id of the last task of the page before.
	BeforeID int64
	Limit    int
}

// TaskPage is a part of a list of tasks.
type TaskPage struct {
	Tasks []TaskRow `json:"tasks"`
	Next  string    `json:"next,omitempty"` // Cursor of the page after; "" when this is the last one
	// Partial says that the search was stopped before the page was full, because few tasks match: Next goes on
	// from there.
	Partial bool `json:"partial,omitempty"`
}

// ErrCursor says that a cursor is none, or one of another list.
var ErrCursor = errors.New("this is no cursor of the list")

const (
	// scanBudget bounds how many rows of an index one page reads.
	scanBudget = 4_000
	// scanChunk is how many tasks are looked at together when not all of them match.
	scanChunk = 256
	// few is up to how many tasks are read as a whole instead of in their order, where an index with another order finds them.
	few = 1000
)

// ListTasks gives a page of the tasks that the filter chooses. However many there are and whatever is asked, it reads
// a bounded number of rows: walks along an index that has the list's order and leaves out what does not match.
func (s *Store) ListTasks(ctx context.Context, f TaskFilter) (TaskPage, error) {
	search, err := s.parseSearch(ctx, f.Search)
	if err != nil {
		return TaskPage{}, err
	}
	var page TaskPage
	var sealed [][]byte
	err = s.Read(ctx, func(ctx context.Context, tx Tx) error {
		page, sealed = TaskPage{}, nil
		l, err := newList(ctx, tx, f, search)
		if err != nil {
			return err
		}
		page, sealed, err = l.page(ctx, tx, max(f.Limit, 1))
		return err
	})
	if err != nil {
		return TaskPage{}, fmt.Errorf("list tasks: %w", err)
	}
	for i := range page.Tasks {
		page.Tasks[i].Buyer = s.openBuyer(sealed[i])
	}
	return page, nil
}

// Tasks gives the tasks that the filter chooses, at most f.Limit, however long that takes.
func (s *Store) Tasks(ctx context.Context, f TaskFilter) ([]TaskRow, error) {
	var list []TaskRow
	limit := max(f.Limit, 1)
	for {
		f.Limit = limit - len(list)
		page, err := s.ListTasks(ctx, f)
		if err != nil {
			return nil, err
		}
		list = append(list, page.Tasks...)
		if page.Next == "" || len(list) >= limit {
			return list, nil
		}
		f.Cursor, f.BeforeID = page.Next, 0
	}
}

// CountMatching counts the tasks that the filter chooses, up to limit; more says that there are, or may be, more.
func (s *Store) CountMatching(ctx context.Context, f TaskFilter, limit int) (n int, more bool, err error) {
	search, err := s.parseSearch(ctx, f.Search)
	if err != nil {
		return 0, false, err
	}
	f.Cursor, f.BeforeID = "", 0
	err = s.Read(ctx, func(ctx context.Context, tx Tx) error {
		l, err := newList(ctx, tx, f, search)
		if err != nil {
			return err
		}
		n, more, err = l.count(ctx, tx, limit)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("count tasks: %w", err)
	}
	return n, more, nil
}

// place is where a task stands in a list: by a time in milliseconds (in a search: the record's id) and its own id.
type place struct{ at, id int64 }

// listMode tells the lists with different orders apart; a cursor belongs to one.
type listMode string

const (
	modeNewest  listMode = "n"
	modeWaiting listMode = "w"
	modeSearch  listMode = "s"
)

// compare says which of two places comes first.
func (m listMode) compare(a, b place) int {
	c := cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
	if m == modeWaiting {
		return c
	}
	return -c
}

// begin is the place before the first one.
func (m listMode) begin() place {
	if m == modeWaiting {
		return place{}
	}
	return place{math.MaxInt64, math.MaxInt64}
}

// cursor is the text that stands for a place.
func (m listMode) cursor(p place) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s %d %d", m, p.at, p.id))
}

func (m listMode) parseCursor(text string) (place, error) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return place{}, ErrCursor
	}
	parts := strings.Split(string(plain), " ")
	if len(parts) != 3 || listMode(parts[0]) != m {
		return place{}, ErrCursor
	}
	at, err1 := strconv.ParseInt(parts[1], 10, 64)
	id, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err1 != nil || err2 != nil {
		return place{}, ErrCursor
	}
	return place{at, id}, nil
}

// step is a part of a walk.
type step struct {
	places []place // in order
	last   place   // how far it has come, found or not
	end    bool    // there is nothing after last
	read   int     // rows of indexes
}

// walk gives places in the order of its list without reading the tasks.
type walk interface {
	// next gives about n places after one.
	next(ctx context.Context, tx Tx, after place, n int) (step, error)
}

// list is a list of tasks that is about to be read.
type list struct {
	mode  listMode
	after place
	walk  walk
	// rest is what the walk does not look after.
	rest conditions
}

// newList decides which index is walked along.
func newList(ctx context.Context, tx Tx, f TaskFilter, search *search) (*list, error) {
	l := &list{mode: modeNewest}
	switch {
	case search != nil:
		l.mode = modeSearch
	case f.Order == LongestWaiting:
		l.mode = modeWaiting
	case f.Order != NewestFirst:
		return nil, fmt.Errorf("there is no order %q of tasks", f.Order)
	}
	var err error
	if l.after, err = l.begin(ctx, tx, f); err != nil {
		return nil, err
	}
	streams, err := f.streams(ctx, tx)
	if err != nil {
		return nil, err
	}
	if l.mode == modeSearch {
		l.restAmounts(f)
		l.restOf(f, streams, true, true)
		w, err := newSearchWalk(ctx, tx, search)
		w.rest, l.rest, l.walk = l.rest, conditions{}, w // which reads the tasks anyway
		return l, err
	}
	records, err := f.fewRecords(ctx, tx)
	if err != nil {
		return nil, err
	}
	if records != nil {
		l.restOf(f, streams, true, true)
		l.walk, err = newSetWalk(ctx, tx, l.mode, "record_id", records)
		return l, err
	}
	l.restAmounts(f)
	if l.mode == modeNewest {
		l.walkNewest(f, streams)
		return l, nil
	}
	return l, l.walkWaiting(ctx, tx, f, streams)
}

// begin finds the place after which the page begins.
func (l *list) begin(ctx context.Context, tx Tx, f TaskFilter) (place, error) {
	switch {
	case f.Cursor != "":
		return l.mode.parseCursor(f.Cursor)
	case f.BeforeID == 0:
		return l.mode.begin(), nil
	}
	column := map[listMode]string{modeNewest: "first_seen", modeWaiting: "waiting_since", modeSearch: "record_id"}[l.mode]
	p := place{id: f.BeforeID}
	err := tx.QueryRow(ctx, `SELECT `+column+` FROM tasks WHERE id = $1`, f.BeforeID).Scan(&p.at)
	if errors.Is(err, ErrNoRows) {
		return p, fmt.Errorf("there is no task %d: %w", f.BeforeID, ErrCursor)
	}
	return p, err
}

// maxRanges bounds how many ranges of an index are merged.
const maxRanges = 128

// walkNewest walks by first_seen.
func (l *list) walkNewest(f TaskFilter, chosen *chosenStreams) {
	w := &rangeWalk{mode: modeNewest, column: "first_seen", since: millis(f.Since), until: math.MaxInt64}
	if !f.Until.IsZero() {
		w.until = millis(f.Until) - 1
	}
	l.walk = w
	states := f.States
	if len(states) == 0 {
		states = TaskStates
	}
	switch {
	case f.CauseID > 0:
		w.add("cause_id <> 0 AND cause_id = ?", f.CauseID)
		l.restOf(f, chosen, false, true)
	case chosen.byKind && len(f.States) == 0, len(chosen.ids)*len(states) > maxRanges:
		for _, kind := range chosen.kinds {
			w.add("kind = ?", kind)
		}
		if !chosen.byKind || len(f.States) > 0 {
			l.restOf(f, chosen, false, true)
		} else {
			l.restOf(f, nil, false, true)
		}
	default:
		for _, id := range chosen.ids {
			for _, state := range states {
				w.add("stream_id = ? AND state = ?", id, string(state))
			}
		}
		l.restOf(f, nil, false, false)
	}
}

// walkWaiting walks by waiting_since.
func (l *list) walkWaiting(ctx context.Context, tx Tx, f TaskFilter, chosen *chosenStreams) error {
	tasks, err := f.fewTasks(ctx, tx, chosen)
	if err != nil {
		return err
	}
	if tasks != nil {
		l.restOf(f, nil, true, false)
		l.walk, err = newSetWalk(ctx, tx, l.mode, "id", tasks)
		return err
	}
	w := &rangeWalk{mode: modeWaiting, column: "waiting_since", since: 1, until: math.MaxInt64}
	l.walk = w
	if stuck := !slices.ContainsFunc(f.States, func(s TaskState) bool { return s != TaskHeld && s != TaskFailed }); stuck && len(f.States) > 0 {
		for _, state := range f.States {
			w.add("state IN ('held', 'failed') AND state = ?", string(state))
		}
		l.restOf(f, chosen, true, false)
		return nil
	}
	for _, id := range chosen.ids {
		w.add("waiting_since <> 0 AND stream_id = ?", id)
	}
	l.restOf(f, nil, true, true)
	return nil
}

// restOf leaves to the check of each task what the walk does not look after, of streams (nil when it does), of times
// and of states. Causes and documents are always checked, but for the walk along a cause.
func (l *list) restOf(f TaskFilter, chosen *chosenStreams, times, states bool) {
	if chosen != nil && !chosen.all {
		l.rest.in("+t.stream_id", anys(chosen.ids))
	}
	if times && !f.Since.IsZero() {
		l.rest.add("t.first_seen >= ?", millis(f.Since))
	}
	if times && !f.Until.IsZero() {
		l.rest.add("t.first_seen < ?", millis(f.Until))
	}
	if states && len(f.States) > 0 {
		texts := make([]any, len(f.States))
		for i, state := range f.States {
			texts[i] = string(state)
		}
		l.rest.in("(t.state || '')", texts) // no index for it: the tasks are named already
	}
	if f.CauseID > 0 && (times || l.mode != modeNewest) {
		l.rest.add("+t.cause_id = ?", f.CauseID)
	}
	if f.HasDocument != nil {
		not := ""
		if !*f.HasDocument {
			not = "NOT "
		}
		l.rest.add(not + `EXISTS (SELECT 1 FROM links l WHERE l.record_id = t.record_id AND l.destination = t.destination AND l.role = t.kind AND l.document_id <> '')`)
	}
}

// restAmounts leaves the amounts to the check of each task.
func (l *list) restAmounts(f TaskFilter) {
	if f.MinAmount != nil {
		l.rest.add("t.amount_e4 >= ?", roundE4(*f.MinAmount, 1))
	}
	if f.MaxAmount != nil {
		l.rest.add("t.amount_e4 <= ?", roundE4(*f.MaxAmount, -1))
	}
}

// roundE4 is an amount times 10,000; what lies between two whole numbers goes to the one in the direction.
func roundE4(d money.Decimal, direction int) int64 {
	d = d.Shift(4)
	if direction > 0 {
		d = d.Ceil()
	} else {
		d = d.Floor()
	}
	if !d.BigInt().IsInt64() {
		if d.IsNegative() {
			return math.MinInt64
		}
		return math.MaxInt64
	}
	return d.IntPart()
}

// chosenStreams are the streams that a filter chooses.
type chosenStreams struct {
	ids   []int64
	kinds []string
	all   bool // whatever the stream is
	// byKind says that nothing but the kind chooses.
	byKind bool
}

func (f TaskFilter) streams(ctx context.Context, tx Tx) (*chosenStreams, error) {
	known, err := readStreams(ctx, tx)
	if err != nil {
		return nil, err
	}
	c := &chosenStreams{byKind: f.Flow == "" && f.Connection == "" && f.Destination == "" && f.Via == ""}
	c.all = c.byKind && f.Kind == ""
	matches := func(want, have string) bool { return want == "" || want == have }
	for _, id := range slices.Sorted(maps.Keys(known)) {
		st := known[id]
		if matches(f.Flow, st.Flow) && matches(f.Connection, st.Connection) && matches(f.Destination, st.Destination) &&
			matches(f.Kind, st.Kind) && matches(string(f.Via), string(st.Via)) {
			c.ids = append(c.ids, id)
			if !slices.Contains(c.kinds, st.Kind) {
				c.kinds = append(c.kinds, st.Kind)
			}
		}
	}
	return c, nil
}

// fewRecords gives the records with the amounts that the filter wants; nil when it wants none, or when they are many.
func (f TaskFilter) fewRecords(ctx context.Context, tx Tx) ([]int64, error) {
	if f.MinAmount == nil && f.MaxAmount == nil {
		return nil, nil
	}
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if f.MinAmount != nil {
		from = roundE4(*f.MinAmount, 1)
	}
	if f.MaxAmount != nil {
		to = roundE4(*f.MaxAmount, -1)
	}
	ids, err := collect(ctx, tx, scanValue[int64], `
		SELECT id FROM records WHERE amount_e4 IS NOT NULL AND amount_e4 >= $1 AND amount_e4 <= $2 ORDER BY amount_e4, id LIMIT $3`, from, to, few+1)
	if err != nil || len(ids) > few {
		return nil, err
	}
	return append([]int64{}, ids...), nil
}

// fewTasks gives the tasks of the chosen streams and states that are not at their end; nil when they are many, or when
// no state is chosen: then the index has them in their order.
func (f TaskFilter) fewTasks(ctx context.Context, tx Tx, chosen *chosenStreams) ([]int64, error) {
	if len(f.States) == 0 {
		return nil, nil
	}
	tasks := []int64{}
	for _, id := range chosen.ids {
		for _, state := range []TaskState{TaskWaiting, TaskWorking, TaskHeld, TaskFailed} {
			if !slices.Contains(f.States, state) {
				continue
			}
			some, err := collect(ctx, tx, scanValue[int64], `SELECT id FROM tasks WHERE stream_id = $1 AND state = $2 LIMIT $3`, id, string(state), few+1-len(tasks))
			if err != nil {
				return nil, err
			}
			if tasks = append(tasks, some...); len(tasks) > few {
				return nil, nil
			}
		}
	}
	return tasks, nil
}

// page reads a page.
func (l *list) page(ctx context.Context, tx Tx, limit int) (TaskPage, [][]byte, error) {
	var page TaskPage
	var found []place
	after, read := l.after, 0
	for {
		n := limit + 1 - len(found)
		if !l.rest.empty() {
			n = max(n, scanChunk)
		}
		st, err := l.walk.next(ctx, tx, after, n)
		if err != nil {
			return page, nil, err
		}
		matching, err := l.matching(ctx, tx, st.places)
		if err != nil {
			return page, nil, err
		}
		found = append(found, matching...)
		after, read = st.last, read+st.read
		if len(found) > limit {
			found = found[:limit]
			page.Next = l.mode.cursor(found[limit-1])
			break
		}
		if st.end {
			break
		}
		if read >= scanBudget {
			page.Next, page.Partial = l.mode.cursor(after), true
			break
		}
	}
	tasks, buyers, err := loadRows(ctx, tx, found)
	page.Tasks = tasks
	return page, buyers, err
}

// matching gives those of the places whose tasks meet the rest of the conditions.
func (l *list) matching(ctx context.Context, tx Tx, places []place) ([]place, error) {
	if l.rest.empty() || len(places) == 0 {
		return places, nil
	}
	kept := map[int64]bool{}
	for some := range slices.Chunk(places, 2*scanChunk) {
		ids, args := idList(idsOf(some), 1)
		rest, more := l.rest.text(len(args) + 1)
		found, err := collect(ctx, tx, scanValue[int64], `SELECT t.id FROM tasks t WHERE t.id IN (`+ids+`) AND `+rest, append(args, more...)...)
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			kept[id] = true
		}
	}
	return slices.DeleteFunc(places, func(p place) bool { return !kept[p.id] }), nil
}

// loadRows reads tasks in the order of their places, with the sealed buyer of each.
func loadRows(ctx context.Context, tx Tx, places []place) ([]TaskRow, [][]byte, error) {
	byID := make(map[int64]int, len(places))
	for i, p := range places {
		byID[p.id] = i
	}
	tasks, buyers := make([]TaskRow, len(places)), make([][]byte, len(places))
	for some := range slices.Chunk(places, 2*scanChunk) {
		ids, args := idList(idsOf(some), 1)
		if err := each(ctx, tx, func(row Row) error {
			task, buyer, err := scanTaskRow(row)
			if err != nil {
				return err
			}
			i := byID[task.ID]
			tasks[i], buyers[i] = task, buyer
			return nil
		}, taskRowQuery+` WHERE t.id IN (`+ids+`)`, args...); err != nil {
			return nil, nil, err
		}
	}
	return tasks, buyers, nil
}

// idList gives ids as the arguments of a statement whose text is one of a few: the last id fills it up.
func idList(ids []int64, from int) (text string, args []any) {
	args = make([]any, padded(len(ids)))
	for i := range args {
		args[i] = ids[min(i, len(ids)-1)]
	}
	return placeholders(len(args), from), args
}

func idsOf(places []place) []int64 {
	ids := make([]int64, len(places))
	for i, p := range places {
		ids[i] = p.id
	}
	return ids
}

// count counts up to limit.
func (l *list) count(ctx context.Context, tx Tx, limit int) (n int, more bool, err error) {
	if w, ok := l.walk.(*rangeWalk); ok && l.rest.empty() {
		n, err = w.count(ctx, tx, limit+1)
		return min(n, limit), n > limit, err
	}
	after, read := l.after, 0
	for {
		st, err := l.walk.next(ctx, tx, after, 2*scanChunk)
		if err != nil {
			return 0, false, err
		}
		matching, err := l.matching(ctx, tx, st.places)
		if err != nil {
			return 0, false, err
		}
		n += len(matching)
		after, read = st.last, read+st.read
		switch {
		case n > limit:
			return limit, true, nil
		case st.end:
			return n, false, nil
		case read >= scanBudget:
			return n, true, nil
		}
	}
}

// conditions are conditions of a statement, with ? for their values.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, args ...any) {
	c.texts, c.args = append(c.texts, text), append(c.args, args...)
}

// in asks for one of some values.
func (c *conditions) in(column string, values []any) {
	if len(values) == 0 {
		c.add("1 = 0")
		return
	}
	c.add(column+" IN ("+strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")+")", values...)
}

func (c *conditions) empty() bool { return len(c.texts) == 0 }

// text is the conditions with placeholders that count from a number on.
func (c *conditions) text(from int) (string, []any) {
	var b strings.Builder
	for i, text := range c.texts {
		if i > 0 {
			b.WriteString(" AND ")
		}
		for part := range strings.SplitAfterSeq(text, "?") {
			before, found := strings.CutSuffix(part, "?")
			b.WriteString(before)
			if found {
				fmt.Fprintf(&b, "$%d", from)
				from++
			}
		}
	}
	return b.String(), c.args
}
