package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// amount is a decimal for a filter.
func amount(text string) *money.Decimal {
	d, err := money.ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return &d
}

// some fills a store with tasks of all kinds and gives them as they are read one by one.
func some(t *testing.T, s *store.Store, n int) []store.TaskRow {
	t.Helper()
	routes := []store.Route{{Flow: "a", Destination: "erp", Lanes: 1}, {Flow: "b", Destination: "erp", Lanes: 1}, {Flow: "c", Destination: "crm", Lanes: 1}}
	vias := []store.Via{store.ViaWebhook, store.ViaPoll, store.ViaManual}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for i := range n {
			o := order(fmt.Sprint(i), start.Add(time.Duration(i/3)*time.Second))
			o.Connection = []string{"shop", "market"}[i%2]
			o.Kind = []string{"order", "order", "order", "customer"}[i%4]
			o.Via, o.FetchLanes, o.Body, o.Hash = vias[i%3], 0, []byte{}, fmt.Sprint(i)
			o.Routes = routes[i%2 : i%2+1+i%5/4]
			if _, err := s.Observe(ctx, tx, o); err != nil {
				return err
			}
		}
		return nil
	})
	var works []store.Work
	for _, destination := range []string{"erp", "crm"} {
		taken, err := s.TakeTasks(t.Context(), destination, 0, "run1", start.Add(time.Hour), settle, 2*n)
		if err != nil {
			t.Fatal(err)
		}
		works = append(works, taken...)
	}
	slices.SortFunc(works, func(a, b store.Work) int { return cmp.Compare(a.TaskID, b.TaskID) })
	for i, w := range works {
		at := start.Add(time.Hour + time.Duration(i*7%11)*time.Minute)
		r := store.Result{Work: w, Run: "run1", Started: at, Ended: at, Summary: &store.Summary{Number: "N" + w.SourceID, Amount: fmt.Sprintf("%d.%02d", i%13, i%7), Currency: []string{"EUR", "CHF"}[i%2]}}
		switch i % 6 {
		case 0:
			continue // working
		case 1, 2:
			r.State = store.TaskSynced
			r.Links = []store.Link{{Destination: "crm", RecordID: w.RecordID, Role: w.Kind, DocumentID: fmt.Sprint("d", i)}}
			if w.Flow != "c" {
				r.Links[0].Destination = "erp"
			}
		case 3:
			r.State, r.Cause = store.TaskHeld, &store.Cause{Flow: w.Flow, State: store.TaskHeld, Step: "map", Code: fmt.Sprint("c", i%4)}
		case 4:
			r.State, r.Cause = store.TaskFailed, &store.Cause{Flow: w.Flow, State: store.TaskFailed, Step: "write", Code: "x"}
		case 5:
			r.State = store.TaskWaiting
			if i%4 == 0 {
				r.State = store.TaskSkipped
			}
		}
		finish(t, s, r)
	}
	all, err := s.Tasks(t.Context(), store.TaskFilter{Limit: 10 * n})
	if err != nil || len(all) != len(works) {
		t.Fatalf("%d tasks of %d, %v", len(all), len(works), err)
	}
	return all
}

// chosen says whether a filter chooses a task, worked out from the task alone.
func chosen(f store.TaskFilter, t store.TaskRow) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	paid, err := money.ParseDecimal(t.Amount)
	return is(f.Flow, t.Flow) && is(f.Connection, t.Connection) && is(f.Destination, t.Destination) && is(f.Kind, t.Kind) &&
		is(string(f.Via), string(t.FirstVia)) &&
		(len(f.States) == 0 || slices.Contains(f.States, t.State)) &&
		(f.CauseID == 0 || t.CauseID == f.CauseID) &&
		!t.FirstSeen.Before(f.Since) && (f.Until.IsZero() || t.FirstSeen.Before(f.Until)) &&
		(f.MinAmount == nil || err == nil && !paid.LessThan(*f.MinAmount)) &&
		(f.MaxAmount == nil || err == nil && !paid.GreaterThan(*f.MaxAmount)) &&
		(f.HasDocument == nil || *f.HasDocument == (t.Document != "")) &&
		(f.Search == "" || t.Number == f.Search || t.SourceID == f.Search) &&
		(f.Order != store.LongestWaiting || !t.WaitingSince.IsZero())
}

func drawFilter(r *rapid.T, all []store.TaskRow) store.TaskFilter {
	var f store.TaskFilter
	task := rapid.SampledFrom(all).Draw(r, "task")
	wants := func(what string) bool { return rapid.IntRange(0, 3).Draw(r, what) == 0 }
	if wants("flow") {
		f.Flow = task.Flow
	}
	if wants("connection") {
		f.Connection = task.Connection
	}
	if wants("destination") {
		f.Destination = task.Destination
	}
	if wants("kind") {
		f.Kind = task.Kind
	}
	if wants("via") {
		f.Via = task.FirstVia
	}
	if wants("states") {
		f.States = rapid.SliceOfNDistinct(rapid.SampledFrom(store.TaskStates), 1, 3, rapid.ID).Draw(r, "state")
	}
	if wants("cause") {
		f.CauseID = task.CauseID
	}
	if wants("since") {
		f.Since = task.FirstSeen
	}
	if wants("until") {
		f.Until = task.FirstSeen.Add(time.Second)
	}
	if wants("min amount") {
		f.MinAmount = amount(rapid.SampledFrom([]string{"5", "3.03", "-1", "12.995"}).Draw(r, "min"))
	}
	if wants("max amount") {
		f.MaxAmount = amount(rapid.SampledFrom([]string{"5", "3.03", "100", "0.005"}).Draw(r, "max"))
	}
	if wants("document") {
		has := rapid.Bool().Draw(r, "has")
		f.HasDocument = &has
	}
	if rapid.IntRange(0, 7).Draw(r, "search") == 0 {
		f.Search = rapid.SampledFrom([]string{"N" + task.SourceID, task.SourceID}).Draw(r, "text")
	} else if rapid.Bool().Draw(r, "order") {
		f.Order = store.LongestWaiting
	}
	return f
}

// Whatever is combined, page after page gives what the filter chooses, in order, and the count is right.
func TestListsGiveWhatTheFilterChooses(t *testing.T) {
	sequential(t)
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		all := some(t, s, 150)
		rapid.Check(t, func(r *rapid.T) {
			f := drawFilter(r, all)
			var want []store.TaskRow
			for _, task := range all {
				if chosen(f, task) {
					want = append(want, task)
				}
			}
			slices.SortFunc(want, func(a, b store.TaskRow) int {
				switch {
				case f.Search != "":
					return cmp.Or(cmp.Compare(b.RecordID, a.RecordID), cmp.Compare(b.ID, a.ID))
				case f.Order == store.LongestWaiting:
					return cmp.Or(a.WaitingSince.Compare(b.WaitingSince), cmp.Compare(a.ID, b.ID))
				}
				return cmp.Or(b.FirstSeen.Compare(a.FirstSeen), cmp.Compare(b.ID, a.ID))
			})
			f.Limit = rapid.IntRange(1, 60).Draw(r, "limit")
			var got []store.TaskRow
			for {
				page, err := s.ListTasks(t.Context(), f)
				if err != nil {
					r.Fatal(err)
				}
				if page.Partial || len(page.Tasks) > f.Limit || page.Next != "" && len(page.Tasks) < f.Limit {
					r.Fatalf("a page of %d for %d, %q, %v", len(page.Tasks), f.Limit, page.Next, page.Partial)
				}
				got = append(got, page.Tasks...)
				if f.Cursor = page.Next; f.Cursor == "" {
					break
				}
			}
			if len(got) != len(want) {
				r.Fatalf("%+v gives %d tasks, want %d", f, len(got), len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					r.Fatalf("%+v: task %d is\n%+v, want\n%+v", f, i, got[i], want[i])
				}
			}
			limit := rapid.IntRange(1, 200).Draw(r, "count to")
			n, more, err := s.CountMatching(t.Context(), f, limit)
			if err != nil || n != min(len(want), limit) || more != (len(want) > limit) {
				r.Fatalf("%+v counts %d, %v, %v to %d, want %d", f, n, more, err, limit, len(want))
			}
		})
	})
}

// A list that has to leave out nearly everything stops, and goes on where it stopped.
func TestListOfVeryFewIsReadInParts(t *testing.T) {
	sequential(t)
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		const orders = 50_000
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for _, statement := range []string{
				`INSERT INTO streams (id, flow, connection, destination, kind, via) VALUES (1, 'f', 'shop', 'erp', 'order', 'poll')`,
				`INSERT INTO records (id, connection, kind, source_id, slot, first_via, first_seen, last_seen)
					WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
					SELECT i, 'shop', 'order', CAST(i AS TEXT), 0, 'poll', i, i FROM n`,
				`INSERT INTO tasks (id, flow, record_id, kind, destination, lane, state, wanted, due_at, priority, created_at, waiting_since, updated_at, stream_id, first_seen)
					SELECT id, 'f', id, 'order', 'erp', 0, 'synced', 1, 1, 0, 1, 0, 1, 1, first_seen FROM records WHERE id <= $1`,
				`INSERT INTO links (destination, record_id, role, document_type, document_id, number, url, key, state, net, tax, gross, currency, customer_id, created_at, updated_at)
					SELECT 'erp', id, 'order', '', 'd', '', '', '', '', '', '', '', '', '', 1, 1 FROM records WHERE id <> 7 AND id <> 8 AND id <= $1`,
			} {
				args := []any{orders}
				if statement[:19] == "INSERT INTO streams" {
					args = nil
				}
				if _, err := tx.Exec(ctx, statement, args...); err != nil {
					return err
				}
			}
			return nil
		})
		no := false
		f := store.TaskFilter{HasDocument: &no, Limit: 5}
		var found []int64
		pages := 0
		for {
			page, err := s.ListTasks(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, task := range page.Tasks {
				found = append(found, task.ID)
			}
			if f.Cursor = page.Next; f.Cursor == "" {
				if page.Partial {
					t.Error("the last page is partial")
				}
				break
			}
			if !page.Partial {
				t.Error("a page that is not full is not partial")
			}
		}
		if !slices.Equal(found, []int64{8, 7}) || pages < orders/store.ScanBudget || pages > orders/store.ScanBudget+2 {
			t.Errorf("%v in %d pages", found, pages)
		}
		if n, more, err := s.CountMatching(t.Context(), store.TaskFilter{HasDocument: &no}, 100); err != nil || n != 0 || !more {
			t.Errorf("%d, %v, %v", n, more, err)
		}
		if all, err := s.Tasks(t.Context(), store.TaskFilter{HasDocument: &no, Limit: 5}); err != nil || len(all) != 2 {
			t.Errorf("%d tasks, %v", len(all), err)
		}
	})
}

// A page of a search ends when it is full, also when it becomes full with the last record that was read.
func TestSearchStopsWhenThePageIsFull(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		const all, limit = 300, 50
		for i := range all {
			observe(t, s, order(fmt.Sprint(i), start))
		}
		terms, err := s.Terms(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for _, hash := range terms(store.Words{Names: []string{"Schmidt"}}) {
				if _, err := tx.Exec(ctx, `INSERT INTO terms (hash, record_id) SELECT CAST($1 AS BIGINT), id FROM records`, hash); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, `UPDATE tasks SET state = 'held' WHERE id = (SELECT MAX(id) - 3 FROM tasks)`)
			return err
		})
		queries := 0
		watched := store.Watched(s, func(context.Context, store.Tx, string, []any) { queries++ })
		for name, f := range map[string]store.TaskFilter{"all": {}, "one of the newest left out": {States: []store.TaskState{store.TaskWaiting}}} {
			f.Search, f.Limit = "schmidt", limit
			for number := range 2 {
				queries = 0
				page, err := watched.ListTasks(t.Context(), f)
				if err != nil || len(page.Tasks) != limit || page.Partial || page.Next == "" {
					t.Errorf("%s, page %d: %d tasks, partial %v, next %q, %v", name, number, len(page.Tasks), page.Partial, page.Next, err)
				}
				if queries > 30 {
					t.Errorf("%s, page %d: %d queries", name, number, queries)
				}
				f.Cursor = page.Next
			}
		}
	})
}

func TestCursorOfAnotherListIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		some(t, s, 9)
		page, err := s.ListTasks(t.Context(), store.TaskFilter{Limit: 2})
		if err != nil || page.Next == "" {
			t.Fatalf("%+v, %v", page, err)
		}
		for name, f := range map[string]store.TaskFilter{
			"another order":            {Cursor: page.Next, Order: store.LongestWaiting},
			"a search":                 {Cursor: page.Next, Search: "x"},
			"no cursor":                {Cursor: "%%"},
			"half a cursor":            {Cursor: page.Next[:3]},
			"a task that is not there": {BeforeID: 12345},
		} {
			if _, err := s.ListTasks(t.Context(), f); !errors.Is(err, store.ErrCursor) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.ListTasks(t.Context(), store.TaskFilter{Order: "size"}); err == nil {
			t.Error("an order that is none is taken")
		}
	})
}

// A record that goes to a second system later has its amount in the new task, too.
func TestAmountFollowsTheRecordToItsTasks(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, withBody(t, s, "a", order("1", start)))
		w := take(t, s, "run1", start)[0]
		r := synced(w, "run1", start)
		r.Summary = &store.Summary{Number: "1", Amount: "12.5", Currency: "EUR"}
		finish(t, s, r)
		o := withBody(t, s, "b", order("1", start.Add(time.Minute)))
		o.Routes = []store.Route{erp, {Flow: "second", Destination: "erp2", Lanes: 1}}
		observe(t, s, o)
		for name, f := range map[string]store.TaskFilter{
			"by amount": {MinAmount: amount("12.5"), MaxAmount: amount("12.5"), Limit: 9},
			"by search": {Search: "12,50", Limit: 9},
		} {
			if tasks, err := s.Tasks(t.Context(), f); err != nil || len(tasks) != 2 {
				t.Errorf("%s: %d tasks, %v", name, len(tasks), err)
			}
		}
		// The new content has another amount, which all of them get.
		again := take(t, s, "run2", start.Add(time.Minute))[0]
		r = synced(again, "run2", start.Add(time.Minute))
		r.Summary = &store.Summary{Number: "1", Amount: "13", Currency: "EUR"}
		finish(t, s, r)
		if tasks, err := s.Tasks(t.Context(), store.TaskFilter{MinAmount: amount("13"), Limit: 9}); err != nil || len(tasks) != 2 {
			t.Errorf("%d tasks, %v", len(tasks), err)
		}
		if tasks, err := s.Tasks(t.Context(), store.TaskFilter{Search: "12.50", Limit: 9}); err != nil || len(tasks) != 0 {
			t.Errorf("%d tasks, %v", len(tasks), err)
		}
	})
}

func TestAPriceHasTheDecimalsOfItsCurrency(t *testing.T) {
	for _, c := range []struct{ amount, currency, want string }{
		{"116.1", "EUR", "116.10 EUR"}, {"35759", "JPY", "35759 JPY"}, {"0.125", "USD", "0.125 USD"}, {"", "", ""},
	} {
		if got := (store.TaskRow{Amount: c.amount, Currency: c.currency}).Price(); got != c.want {
			t.Errorf("%s %s is written %q; want %q", c.amount, c.currency, got, c.want)
		}
	}
}
