package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/internal/store"
)

// Whatever is done in whatever order, each flow has one task for every record that it has seen, in exactly one state,
// and a record that changed is either on its way or in a state that a person sees.
func TestSumOfTheStatesIsTheNumberOfRecords(t *testing.T) {
	sequential(t)
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		round := 0
		rapid.Check(t, func(r *rapid.T) {
			round++
			newMachine(t, s, fmt.Sprintf("erp%d", round)).play(r)
		})
	})
}

// machine does random things to the records of one flow, and remembers what must be true.
type machine struct {
	t      *testing.T
	s      *store.Store
	route  store.Route
	now    time.Time
	runs   int
	seen   map[string]bool  // source ids
	newest map[string]int64 // revision
	tried  map[string]int64 // revision whose delivery was held or given up
	taken  []store.Work
}

func newMachine(t *testing.T, s *store.Store, destination string) *machine {
	return &machine{t: t, s: s, route: store.Route{Flow: "to " + destination, Destination: destination, Lanes: 2}, now: start, seen: map[string]bool{}, newest: map[string]int64{}, tried: map[string]int64{}}
}

func (m *machine) play(r *rapid.T) {
	r.Repeat(map[string]func(*rapid.T){
		"observe": m.observe,
		"take":    m.take,
		"finish":  m.finish,
		"fetch":   m.fetch,
		"crash":   func(*rapid.T) { m.taken = nil; m.runs++ },
		"wait": func(r *rapid.T) {
			m.now = m.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(r, "seconds")) * time.Second)
		},
		"act": m.act,
		"":    m.check,
	})
}

func (m *machine) observe(r *rapid.T) {
	o := order(m.route.Destination+"-"+rapid.SampledFrom([]string{"1", "2", "3"}).Draw(r, "record"), m.now)
	o.Routes = []store.Route{m.route}
	if rapid.Bool().Draw(r, "has a time") {
		o.SourceTime = start.Add(time.Duration(rapid.IntRange(1, 5).Draw(r, "source time")) * time.Second)
	}
	switch rapid.SampledFrom([]string{"body", "body", "thin", "thin", "thin", "fetched", "deleted", "forced"}).Draw(r, "form") {
	case "thin":
	case "deleted":
		o.Deleted = true
	case "fetched":
		o.Via = store.ViaFetch
		o = withBody(m.t, m.s, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "body"), o)
	case "forced":
		o.Force = true
		o = withBody(m.t, m.s, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "body"), o)
	default:
		o = withBody(m.t, m.s, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "body"), o)
	}
	got := observe(m.t, m.s, o)
	if got.Revision < m.newest[o.SourceID] {
		r.Fatalf("the revision of %s went from %d to %d", o.SourceID, m.newest[o.SourceID], got.Revision)
	}
	m.seen[o.SourceID], m.newest[o.SourceID] = true, got.Revision
}

// fetch meets a wish for a record of the flow, or does not.
func (m *machine) fetch(r *rapid.T) {
	var wishes []store.FetchWish
	for _, w := range due(m.t, m.s, m.now) {
		if m.seen[w.SourceID] {
			wishes = append(wishes, w)
		}
	}
	if len(wishes) == 0 {
		r.Skip("nothing is wished for")
	}
	w := rapid.SampledFrom(wishes).Draw(r, "wish")
	o := order(w.SourceID, m.now)
	o.Routes, o.Via, o.FetchAsked = []store.Route{m.route}, store.ViaFetch, w.Asked
	switch end := rapid.SampledFrom([]string{"read", "read", "gone", "fails", "given up", "given up", "given up", "moved"}).Draw(r, "end"); end {
	case "read":
		m.newest[o.SourceID] = observe(m.t, m.s, withBody(m.t, m.s, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "body"), o)).Revision
	case "gone":
		o.Deleted = true
		m.newest[o.SourceID] = observe(m.t, m.s, o).Revision
	case "given up":
		giveUp(m.t, m.s, w, m.now)
	default:
		write(m.t, m.s, func(ctx context.Context, tx store.Tx) error {
			if end == "moved" {
				return m.s.DropFetch(ctx, tx, w, "it belongs to another", m.now)
			}
			return m.s.PostponeFetch(ctx, tx, w, "down", m.now.Add(time.Second))
		})
	}
}

func (m *machine) name() string { return fmt.Sprintf("run%d", m.runs) }

func (m *machine) take(r *rapid.T) {
	for number := range m.route.Lanes {
		works, err := m.s.TakeTasks(m.t.Context(), m.route.Destination, number, m.name(), m.now, settle, 2)
		if err != nil {
			r.Fatal(err)
		}
		for _, w := range works {
			if w.Body == nil && !w.Deleted {
				r.Fatalf("delivered before it was read: %+v", w)
			}
		}
		m.taken = append(m.taken, works...)
	}
}

func (m *machine) finish(r *rapid.T) {
	if len(m.taken) == 0 {
		r.Skip("nothing is taken")
	}
	w := m.taken[0]
	m.taken = m.taken[1:]
	result := synced(w, m.name(), m.now)
	result.State = rapid.SampledFrom([]store.TaskState{store.TaskSynced, store.TaskSynced, store.TaskWaiting, store.TaskHeld, store.TaskFailed, store.TaskSkipped}).Draw(r, "state")
	if result.State != store.TaskSynced {
		result.Links = nil
		result.Cause = &store.Cause{Flow: m.route.Flow, State: result.State, Step: "deliver", Message: "no"}
	}
	if result.State == store.TaskWaiting {
		result.Due = m.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(r, "again in")) * time.Second)
		result.Uncertain = rapid.Bool().Draw(r, "uncertain")
		result.Free = rapid.Bool().Draw(r, "free")
	}
	if result.State == store.TaskHeld || result.State == store.TaskFailed {
		m.tried[w.SourceID] = w.Revision
	}
	finish(m.t, m.s, result)
}

func (m *machine) act(r *rapid.T) {
	tasks := m.tasks(r)
	if len(tasks) == 0 {
		r.Skip("there are no tasks")
	}
	action := rapid.SampledFrom([]store.Action{store.ActionRetry, store.ActionHold, store.ActionRelease, store.ActionSkip}).Draw(r, "action")
	act(m.t, m.s, action, rapid.SampledFrom(tasks).Draw(r, "task").ID, m.now)
}

func (m *machine) tasks(r *rapid.T) []store.TaskRow {
	tasks, err := m.s.Tasks(m.t.Context(), store.TaskFilter{Flow: m.route.Flow, Limit: 100})
	if err != nil {
		r.Fatal(err)
	}
	return tasks
}

func (m *machine) check(r *rapid.T) {
	counts, err := m.s.CountTasks(m.t.Context(), "order")
	if err != nil {
		r.Fatal(err)
	}
	if got := counts[m.route.Flow].Total(); got != int64(len(m.seen)) {
		r.Fatalf("the states add up to %d, the flow has seen %d records: %v", got, len(m.seen), counts[m.route.Flow])
	}
	var all int64
	for _, n := range counts[m.route.Flow] {
		all += n
	}
	tasks := m.tasks(r)
	if all != counts[m.route.Flow].Total() || len(tasks) != len(m.seen) {
		r.Fatalf("a task has a state of its own, or there is more than one for a record: %v, %d tasks", counts, len(tasks))
	}
	for _, row := range tasks {
		if row.Wanted != m.newest[row.SourceID] {
			r.Fatalf("the task wants revision %d of %s, which is at %d", row.Wanted, row.SourceID, m.newest[row.SourceID])
		}
		if row.State == store.TaskSynced && row.Delivered != row.Wanted {
			r.Fatalf("called synced with revision %d of %d", row.Delivered, row.Wanted)
		}
		if (row.State == store.TaskHeld || row.State == store.TaskFailed) && !row.Pinned && m.tried[row.SourceID] != row.Wanted && !m.missed(r, row) {
			r.Fatalf("a %s task with news: revision %d was tried, %d is wanted", row.State, m.tried[row.SourceID], row.Wanted)
		}
		if atRest(row) && !(row.State == store.TaskSkipped && row.Pinned) && m.unread(r, row.RecordID) {
			r.Fatalf("a %s task of a record that could not be read: %+v", row.State, row)
		}
		if row.Attempts < 0 {
			r.Fatalf("%d attempts", row.Attempts)
		}
		if atRest(row) != row.WaitingSince.IsZero() {
			r.Fatalf("a %s task waits since %v", row.State, row.WaitingSince)
		}
		// What waits is found by the sweep when its time comes, unless its record must be fetched first: then that is.
		if row.State == store.TaskWaiting && row.Due.IsZero() && !m.fetchDue(r, row.RecordID) {
			r.Fatalf("task %+v waits for nothing", row)
		}
	}
	lanes, err := m.s.DueLanes(m.t.Context(), m.now.Add(24*time.Hour))
	if err != nil {
		r.Fatal(err)
	}
	for _, row := range tasks {
		if row.State == store.TaskWorking || row.State == store.TaskWaiting && !row.Due.IsZero() {
			found := false
			for _, l := range lanes {
				found = found || l.Connection == row.Destination && !l.Fetch
			}
			if !found {
				r.Fatalf("no sweep finds task %+v", row)
			}
		}
	}
}

// atRest says whether nobody has to do anything about a task.
func atRest(row store.TaskRow) bool {
	return row.State == store.TaskSynced || row.State == store.TaskSkipped
}

// missed says whether a task has failed because its record could not be read.
func (m *machine) missed(r *rapid.T, row store.TaskRow) bool {
	return m.holds(r, `SELECT COUNT(*) FROM causes WHERE id = $1 AND step = 'fetch'`, row.CauseID)
}

// unread says whether nobody knows what the record is now.
func (m *machine) unread(r *rapid.T, recordID int64) bool {
	return m.holds(r, `SELECT COUNT(*) FROM records WHERE id = $1 AND fetch_due = 0 AND fetch_error <> ''`, recordID)
}

func (m *machine) fetchDue(r *rapid.T, recordID int64) bool {
	return m.holds(r, `SELECT COUNT(*) FROM records WHERE id = $1 AND fetch_due > 0`, recordID)
}

func (m *machine) holds(r *rapid.T, query string, id int64) bool {
	var n int
	err := m.s.Read(m.t.Context(), func(ctx context.Context, tx store.Tx) error { return tx.QueryRow(ctx, query, id).Scan(&n) })
	if err != nil {
		r.Fatal(err)
	}
	return n > 0
}
