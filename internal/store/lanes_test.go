package store_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// setLanes sets a connection's number of lanes and moves what waits to them.
func setLanes(t testing.TB, s *store.Store, connection string, lanes int) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error { return s.SetLanes(ctx, tx, connection, lanes) })
	if err := s.MoveLanes(t.Context(), connection); err != nil {
		t.Fatal(err)
	}
}

// lanesOf gives a connection's number of lanes.
func lanesOf(t testing.TB, s *store.Store, name string) int {
	t.Helper()
	connections, err := s.Connections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range connections {
		if c.Name == name {
			return c.Lanes
		}
	}
	t.Fatalf("there is no connection %s", name)
	return 0
}

// takeEach takes what is due in each of the ERP's lanes, and gives the lane of each record.
func takeEach(t testing.TB, s *store.Store, lanes int, now time.Time) map[string]int {
	t.Helper()
	taken := map[string]int{}
	for number := range lanes {
		works, err := s.TakeTasks(t.Context(), "erp", number, "run1", now, settle, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range works {
			taken[w.SourceID] = number
		}
	}
	return taken
}

// fetchEach gives the lane of each record of the shop that is to be fetched.
func fetchEach(t testing.TB, s *store.Store, lanes int, now time.Time) map[string]int {
	t.Helper()
	wished := map[string]int{}
	for number := range lanes {
		wishes, err := s.DueFetches(t.Context(), "shop", number, now, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wishes {
			wished[w.SourceID] = number
		}
	}
	return wished
}

// connect saves the shop and the ERP.
func connect(t testing.TB, s *store.Store) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(
			s.SaveConnection(ctx, tx, store.Connection{Name: "shop", System: "shop"}, start),
			s.SaveConnection(ctx, tx, store.Connection{Name: "erp", System: "erp"}, start))
	})
}

// Whatever waits is found in the lane in which news of the same record arrives after the change: two lanes never have
// one record, and no record is in a lane that does not run.
func TestWhatWaitsMovesToTheNewLanes(t *testing.T) {
	const records = 30
	later := start.Add(time.Second)
	for _, lanes := range []int{1, 2, 3, 7, 4, 64} {
		t.Run(fmt.Sprint(lanes), func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				connect(t, s)
				setLanes(t, s, "erp", erp.Lanes)
				setLanes(t, s, "shop", 2)
				for i := range records {
					observe(t, s, withBody(t, s, "a", order(fmt.Sprint("task", i), start)))
					observe(t, s, order(fmt.Sprint("fetch", i), start))
				}
				setLanes(t, s, "erp", lanes)
				setLanes(t, s, "shop", lanes)
				wished := fetchEach(t, s, lanes, start)
				taken := takeEach(t, s, lanes, start)
				if len(taken) != records || len(wished) != records {
					t.Errorf("%d of %d tasks and %d of %d fetches are in one of %d lanes", len(taken), records, len(wished), records, lanes)
				}
				for i := range records {
					for id, at := range map[string]map[string]int{fmt.Sprint("task", i): taken, fmt.Sprint("fetch", i): wished} {
						news := withBody(t, s, "b", order(id, later))
						news.Via, news.Routes = store.ViaFetch, []store.Route{{Flow: erp.Flow, Destination: "erp", Lanes: lanes}}
						wake := observe(t, s, news).Wake
						if len(wake) == 0 || wake[0].Number != at[id] {
							t.Errorf("%s waits in lane %d of %d, and its news wakes %+v", id, at[id], lanes, wake)
						}
					}
				}
			})
		})
	}
}

func TestLanesOfOthersStay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		connect(t, s)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.SaveConnection(ctx, tx, store.Connection{Name: "crm", System: "crm"}, start)
		})
		for i := range 10 {
			observe(t, s, withBody(t, s, "a", order(fmt.Sprint("task", i), start)))
			observe(t, s, order(fmt.Sprint("fetch", i), start))
		}
		wished := fmt.Sprint(fetchEach(t, s, 2, start))
		setLanes(t, s, "crm", 5)
		setLanes(t, s, "erp", 1) // whose lanes are one already
		if n, m := lanesOf(t, s, "crm"), lanesOf(t, s, "shop"); n != 5 || m != 1 {
			t.Errorf("the CRM has %d lanes and the shop %d, want 5 and 1", n, m)
		}
		if got := fmt.Sprint(fetchEach(t, s, 2, start)); got != wished {
			t.Errorf("fetches of the shop are in %s, and were in %s", got, wished)
		}
		if taken := takeEach(t, s, erp.Lanes, start); len(taken) != 10 {
			t.Errorf("taken %v, want all 10", taken)
		}
	})
}

// What is worked on ends in the lane that does it: that lane has work until it has none left, whatever the number of
// lanes is by now. What moves again has its new lane.
func TestWhatIsWorkedOnKeepsItsLane(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		connect(t, s)
		setLanes(t, s, "erp", erp.Lanes)
		for i := range 20 {
			observe(t, s, withBody(t, s, "a", order(fmt.Sprint(i), start)))
		}
		before := take(t, s, "run1", start)
		setLanes(t, s, "erp", 1)
		moved := map[string]bool{}
		for i, w := range before {
			r := store.Result{Work: w, Run: "run1", State: store.TaskWaiting, Due: start, Started: start, Ended: start}
			if i%2 == 1 {
				r.State, moved[w.SourceID] = store.TaskHeld, true
			}
			finish(t, s, r)
			if moved[w.SourceID] {
				act(t, s, store.ActionRetry, w.TaskID, start)
			}
		}
		lanes, err := s.DueLanes(t.Context(), start)
		if err != nil {
			t.Fatal(err)
		}
		taken := 0
		for _, l := range lanes {
			works, err := s.TakeTasks(t.Context(), l.Connection, l.Number, "run1", start, settle, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range works {
				if taken++; moved[w.SourceID] && l.Number != 0 {
					t.Errorf("%s was tried again and is in lane %d of 1", w.SourceID, l.Number)
				}
			}
		}
		if len(lanes) != erp.Lanes || taken != 20 {
			t.Errorf("%d taken from lanes %+v, want 20 from all %d", taken, lanes, erp.Lanes)
		}
	})
}

func TestLanesAreAtLeastOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		connect(t, s)
		for _, c := range []struct{ set, want int }{{3, 3}, {0, 1}, {8, 8}, {-4, 1}} {
			setLanes(t, s, "erp", c.set)
			if got := lanesOf(t, s, "erp"); got != c.want {
				t.Errorf("set to %d there are %d, want %d", c.set, got, c.want)
			}
		}
		err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return s.SetLanes(ctx, tx, "nobody", 2) })
		if !errors.Is(err, store.ErrNoRows) {
			t.Errorf("lanes of a connection that does not exist: %v", err)
		}
	})
}

// backlog puts tasks of a flow into the first lane of the ERP, each due a moment after the one before.
func backlog(t testing.TB, s *store.Store, flow string, tasks, priority int, due time.Time) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, statement := range []string{
			`WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $2)
				INSERT INTO records (connection, kind, source_id, slot, first_via, first_seen, last_seen)
				SELECT 'shop', 'order', CAST($1 AS TEXT) || '-' || i, i % 4096, 'poll', $4 + i, $4 + i FROM n WHERE $3 >= 0`,
			`INSERT INTO streams (flow, connection, destination, kind, via) SELECT CAST($1 AS TEXT), 'shop', 'erp', 'order', 'poll' WHERE CAST($2 AS BIGINT) + CAST($3 AS BIGINT) + CAST($4 AS BIGINT) > 0`,
			`INSERT INTO tasks (flow, record_id, kind, destination, lane, state, wanted, due_at, priority, created_at, waiting_since, updated_at, first_seen, stream_id)
				SELECT CAST($1 AS TEXT), id, 'order', 'erp', 0, 'waiting', 1, first_seen, $3, $4, first_seen, $4, first_seen, (SELECT MAX(id) FROM streams)
				FROM records WHERE source_id LIKE CAST($1 AS TEXT) || '-%' AND $2 >= 0`,
		} {
			if _, err := tx.Exec(ctx, statement, flow, tasks, priority, due.UnixMilli()); err != nil {
				return err
			}
		}
		if s.Dialect() == store.Postgres {
			_, err := tx.Exec(ctx, `ANALYZE tasks`)
			return err
		}
		return nil
	})
}

// What waits is moved a part at a time, and what a crash has interrupted is gone on with.
func TestLanesAreMovedInParts(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		connect(t, s)
		const tasks, parts = 1700, 4
		backlog(t, s, "shop-erp", tasks, store.PriorityNew, start)
		count := func(where string) (n int) {
			t.Helper()
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return tx.QueryRow(ctx, `SELECT COUNT(*) FROM tasks t JOIN records r ON r.id = t.record_id WHERE `+where).Scan(&n)
			})
			return n
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE records SET fetch_due = 1`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE tasks SET due_at = 0 WHERE id % 3 = 0`)
			return err
		})
		for connection, table := range map[string]string{"erp": "tasks", "shop": "records"} {
			write(t, s, func(ctx context.Context, tx store.Tx) error { return s.SetLanes(ctx, tx, connection, 7) })
			ctx, stop := context.WithCancel(t.Context())
			moves := 0
			watched := store.WatchedWrites(s, func(_ context.Context, _ store.Tx, query string, _ []any) {
				if strings.Contains(query, "UPDATE "+table) {
					if moves++; moves == 2 {
						stop()
					}
				}
			})
			if err := watched.MoveLanes(ctx, connection); err == nil {
				t.Error("a movement that was cut ends well")
			}
			stop()
			lane := map[string]string{"erp": "t.lane", "shop": "r.fetch_lane"}[connection]
			if n := count(lane + " > 0"); n == 0 || n > tasks/2 {
				t.Errorf("%s: %d of %d are moved in the first part", connection, n, tasks)
			}
			if err := watched.MoveLanes(t.Context(), connection); err != nil {
				t.Fatal(err)
			}
			if n := count(lane + " <> r.slot % 7"); n != 0 || moves < parts+2 {
				t.Errorf("%s: %d are not in their lanes after %d parts", connection, n, moves)
			}
			moves = 0
			if err := watched.MoveLanes(t.Context(), connection); err != nil || moves != 0 {
				t.Errorf("%s: when all is moved, %d parts are moved again, %v", connection, moves, err)
			}
		}
	})
}

// A lane searches the tasks of its flows one by one, and merges them: it never reads through those of a paused flow.
func TestBacklogOfAPausedFlowIsPassedOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			err := s.SaveFlow(ctx, tx, store.Flow{Name: "paused", Source: "shop", Destination: "erp", Config: "{}"}, start)
			return errors.Join(err, s.PauseFlow(ctx, tx, "paused", true, "because"))
		})
		backlog(t, s, "paused", 2000, store.PriorityNew, start.Add(-time.Hour))
		backlog(t, s, "a", 3, store.PriorityNew, start.Add(-time.Minute))
		backlog(t, s, "b", 3, store.PriorityNew, start.Add(-time.Minute-time.Millisecond)) // between those of a
		backlog(t, s, "old", 3, store.PriorityBackfill, start.Add(-2*time.Hour))
		searched := 0
		watched := store.WatchedWrites(s, func(ctx context.Context, tx store.Tx, query string, args []any) {
			if !strings.Contains(query, "priority = ") {
				return
			}
			searched++
			plan, err := explain(ctx, tx, query, args)
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(plan, "\n"); !regexp.MustCompile(`flow=\? AND priority=\?|Index Cond: .*flow = .*priority = `).MatchString(text) || pgScan.MatchString(text) {
				t.Errorf("%s\n%s", query, text)
			}
		})
		if lanes, err := watched.DueLanes(t.Context(), start); err != nil || len(lanes) != 1 {
			t.Errorf("lanes with work: %+v, %v", lanes, err)
		}
		works, err := watched.TakeTasks(t.Context(), "erp", 0, "run", start, settle, 8)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range works {
			got = append(got, w.SourceID)
		}
		if want := "[b-1 a-1 b-2 a-2 b-3 a-3 old-1 old-2]"; fmt.Sprint(got) != want || searched < 3 {
			t.Errorf("taken %v with %d searches, want %s", got, searched, want)
		}
		if works, err := s.TakeTasks(t.Context(), "erp", 0, "run", start, settle, 8); err != nil || len(works) != 1 {
			t.Errorf("then %d are taken, %v", len(works), err)
		}
		if lanes, err := s.DueLanes(t.Context(), start); err != nil || len(lanes) != 1 { // what is worked on
			t.Errorf("lanes with work: %+v, %v", lanes, err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.PauseFlow(ctx, tx, "paused", false, "") })
		if works, err := s.TakeTasks(t.Context(), "erp", 0, "run", start, settle, 8); err != nil || len(works) != 8 || works[0].SourceID != "paused-1" {
			t.Errorf("of the flow that goes on %d are taken, %v", len(works), err)
		}
	})
}
