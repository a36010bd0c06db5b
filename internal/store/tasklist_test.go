package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/internal/store"
)

// listed gives the source ids of the tasks that a filter chooses.
func listed(t testing.TB, s *store.Store, f store.TaskFilter) []string {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 100
	}
	tasks, err := s.Tasks(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, row := range tasks {
		ids = append(ids, row.SourceID)
	}
	return ids
}

// paged reads the tasks that a filter chooses page by page.
func paged(t testing.TB, s *store.Store, f store.TaskFilter, between func()) (ids []int64) {
	t.Helper()
	for {
		tasks, err := s.Tasks(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(tasks) > f.Limit || len(ids) > 1000 {
			t.Fatalf("a page of %d has %d tasks, after %d", f.Limit, len(tasks), len(ids))
		}
		for _, row := range tasks {
			ids = append(ids, row.ID)
		}
		if len(tasks) < f.Limit {
			return ids
		}
		f.BeforeID = tasks[len(tasks)-1].ID
		between()
	}
}

func TestTasksAreFiltered(t *testing.T) {
	toCRM := store.Route{Flow: "shop-crm", Destination: "crm", Lanes: 1}
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		customer := withBody(t, s, "a", order("c1", start))
		customer.Kind, customer.Routes = "customer", []store.Route{erp, toCRM}
		observe(t, s, customer)
		for _, id := range []string{"1", "2", "3", "4"} {
			observe(t, s, withBody(t, s, "a", order(id, start)))
		}
		for _, w := range take(t, s, "run1", start) {
			r := synced(w, "run1", start)
			switch w.SourceID {
			case "c1", "1":
				continue // worked on still
			case "2", "3":
				r.State = store.TaskHeld
				r.Cause = &store.Cause{Flow: erp.Flow, State: store.TaskHeld, Step: "map", Code: "unmapped", Message: "no article"}
			}
			finish(t, s, r)
		}
		observe(t, s, withBody(t, s, "a", order("5", start)))
		causes, err := s.Causes(t.Context(), store.CauseFilter{Flow: erp.Flow})
		if err != nil || len(causes) != 1 {
			t.Fatalf("%+v, %v", causes, err)
		}
		for _, c := range []struct {
			name   string
			filter store.TaskFilter
			want   []string // newest first
		}{
			{"by nothing", store.TaskFilter{}, []string{"5", "4", "3", "2", "1", "c1", "c1"}},
			{"by flow", store.TaskFilter{Flow: toCRM.Flow}, []string{"c1"}},
			{"by a flow that does not exist", store.TaskFilter{Flow: "shop"}, nil},
			{"by kind", store.TaskFilter{Kind: "order"}, []string{"5", "4", "3", "2", "1"}},
			{"by state", store.TaskFilter{States: []store.TaskState{store.TaskHeld}}, []string{"3", "2"}},
			{"by several states", store.TaskFilter{States: []store.TaskState{store.TaskWorking, store.TaskSynced}}, []string{"4", "1", "c1"}},
			{"by a state that does not exist", store.TaskFilter{States: []store.TaskState{"lost"}}, nil},
			{"by cause", store.TaskFilter{CauseID: causes[0].ID}, []string{"3", "2"}},
			{"by a cause that does not exist", store.TaskFilter{CauseID: causes[0].ID + 1}, nil},
			{"by all at once", store.TaskFilter{
				Flow: erp.Flow, Kind: "order", States: []store.TaskState{store.TaskHeld}, CauseID: causes[0].ID, Search: "S002",
			}, []string{"2"}},
			{"by what does not go together", store.TaskFilter{Kind: "customer", States: []store.TaskState{store.TaskHeld}}, nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				if got := listed(t, s, c.filter); !slices.Equal(got, c.want) {
					t.Errorf("%v, want %v", got, c.want)
				}
			})
		}
	})
}

// What is searched for is text: nothing in it has a meaning for the database.
func TestTasksAreSearched(t *testing.T) {
	ids := []string{"1", "100%", "1_0", "1x0", `a\b`, `a\\b`, "o'neill", "$1", "?", "gid://shop/Order/7", "Müller", "née", "--", `"`}
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.SaveConnection(ctx, tx, store.Connection{Name: "shop", System: "shop"}, start)
		})
		for _, id := range ids {
			observe(t, s, withBody(t, s, "a", order(id, start)))
		}
		for i, w := range take(t, s, "run1", start) {
			r := synced(w, "run1", start)
			r.Links[0].DocumentID, r.Links[0].Number = fmt.Sprint("doc", i, w.SourceID), "INV"+w.SourceID
			r.Summary = &store.Summary{Number: "#" + w.SourceID}
			finish(t, s, r)
			if got := listed(t, s, store.TaskFilter{Search: r.Links[0].DocumentID}); !slices.Equal(got, []string{w.SourceID}) {
				t.Errorf("by the id of its document %q is found as %q", w.SourceID, got)
			}
		}
		for _, id := range ids {
			for what, text := range map[string]string{"id": id, "number": "#" + id, "number of its document": "INV" + id} {
				if got := listed(t, s, store.TaskFilter{Search: text}); !slices.Equal(got, []string{id}) {
					t.Errorf("by the %s %q is found as %q", what, text, got)
				}
			}
		}
		for _, text := range []string{"%", "_", "1%", "1__", `\`, `\%`, "%%", "'", "' OR 1=1 --", "$2", "*", "#%", "INV%", "INV", "#", "\x00", "1\x00", "\xff", "1\xff"} {
			if got := listed(t, s, store.TaskFilter{Search: text}); len(got) != 0 {
				t.Errorf("%q finds %q", text, got)
			}
		}
	})
}

// However large the pages are, and whatever comes or changes in between, no task is left out or given twice.
func TestPagesHaveNoGapsAndNoRepeats(t *testing.T) {
	sequential(t)
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		next := 0
		add := func(n int) {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				for range n {
					next++
					o := order(fmt.Sprint(next), start.Add(time.Duration(next%3)*time.Second)) // many at the same moment
					if _, err := s.Observe(ctx, tx, o); err != nil {
						return err
					}
				}
				return nil
			})
		}
		add(23)
		rapid.Check(t, func(r *rapid.T) {
			f := store.TaskFilter{Flow: erp.Flow, Limit: rapid.IntRange(1, 40).Draw(r, "page")}
			all := paged(t, s, store.TaskFilter{Flow: erp.Flow, Limit: 10_000}, func() {})
			got := paged(t, s, f, func() {
				if next < 100 && rapid.Bool().Draw(r, "more come") {
					add(2)
				}
				if rapid.Bool().Draw(r, "one changes") {
					act(t, s, rapid.SampledFrom([]store.Action{store.ActionHold, store.ActionRelease}).Draw(r, "action"), rapid.SampledFrom(all).Draw(r, "task"), start)
				}
			})
			// What comes meanwhile may have its place behind the page that was read last.
			before := slices.DeleteFunc(slices.Clone(got), func(id int64) bool { return !slices.Contains(all, id) })
			if !slices.Equal(before, all) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
				r.Fatalf("pages of %d give %v, want %v", f.Limit, got, all)
			}
		})
	})
}

func TestPageOfNothingHasOneTask(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, order("1", start))
		observe(t, s, order("2", start))
		for _, limit := range []int{0, -1} {
			if tasks, err := s.Tasks(t.Context(), store.TaskFilter{Limit: limit}); err != nil || len(tasks) != 1 {
				t.Errorf("limit %d gives %d tasks, %v", limit, len(tasks), err)
			}
		}
	})
}
