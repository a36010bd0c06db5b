package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestTaskIsTakenFinishedAndShown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		o := observe(t, s, withBody(t, s, `{"id":1}`, order("1", start)))
		works, err := s.TakeTasks(t.Context(), "erp", o.Wake[0].Number, "run1", start, settle, 16)
		if err != nil || len(works) != 1 {
			t.Fatalf("taken %+v, %v", works, err)
		}
		w := works[0]
		if w.Flow != erp.Flow || w.Connection != "shop" || w.Kind != "order" || w.SourceID != "1" || w.Revision != 1 || w.Attempts != 1 ||
			w.Uncertain || !w.WaitingSince.Equal(start) || !bytes.Equal(w.Body, []byte(`{"id":1}`)) || len(w.Links) != 0 {
			t.Errorf("taken %+v", w)
		}
		if row := task(t, s, erp.Flow, w.RecordID); row.State != store.TaskWorking {
			t.Errorf("while it is worked on: %+v", row)
		}
		detail, err := s.PackDetail([]byte(`{"steps":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		r := synced(w, "run1", start.Add(time.Second))
		r.Detail, r.Summary = detail, &store.Summary{Number: "1001", Amount: "119.00", Currency: "EUR"}
		if finish(t, s, r) {
			t.Error("due again without news")
		}
		row := task(t, s, erp.Flow, w.RecordID)
		if row.State != store.TaskSynced || row.Delivered != 1 || row.Attempts != 0 || !row.WaitingSince.IsZero() ||
			!row.SyncedAt.Equal(start.Add(time.Second)) || row.Number != "1001" || row.Amount != "119.00" || row.Document != "S001" {
			t.Errorf("synced it is %+v", row)
		}
		story, err := s.TaskStory(t.Context(), row.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(story.Events) != 1 || len(story.Deliveries) != 1 || len(story.Links) != 1 || string(story.Deliveries[0].Detail) != `{"steps":[]}` {
			t.Errorf("its story is %+v", story)
		}
		if again := take(t, s, "run2", start.Add(time.Hour)); len(again) != 0 {
			t.Errorf("delivered twice: %+v", again)
		}
	})
}

func TestUrgentComesFirstAndNotBeforeItsTime(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		one := []store.Route{{Flow: erp.Flow, Destination: "erp", Lanes: 1}}
		for i, priority := range []int{store.PriorityBackfill, store.PriorityNew, store.PriorityNew} {
			o := withBody(t, s, "a", order(fmt.Sprint(i), start.Add(time.Duration(-i)*time.Second)))
			o.Routes, o.Priority = one, priority
			observe(t, s, o)
		}
		later := withBody(t, s, "a", order("later", start.Add(time.Minute)))
		later.Routes = one
		observe(t, s, later)
		var got []string
		for range 2 { // in two bites
			works, err := s.TakeTasks(t.Context(), "erp", 0, "run1", start, settle, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range works {
				got = append(got, w.SourceID)
			}
		}
		if fmt.Sprint(got) != "[2 1 0]" {
			t.Errorf("taken in the order %v, want [2 1 0]", got)
		}
	})
}

func TestNewsDuringTheDeliveryIsDeliveredNext(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, withBody(t, s, "a", order("1", start)))
		w := take(t, s, "run1", start)[0]
		observe(t, s, withBody(t, s, "b", order("1", start)))
		if row := task(t, s, erp.Flow, w.RecordID); row.State != store.TaskWorking || row.Wanted != 2 {
			t.Errorf("with news it is %+v", row)
		}
		if other := take(t, s, "run1", start); len(other) != 0 {
			t.Errorf("taken twice at a time: %+v", other)
		}
		if !finish(t, s, synced(w, "run1", start.Add(time.Second))) {
			t.Error("the news is lost")
		}
		row := task(t, s, erp.Flow, w.RecordID)
		if row.State != store.TaskWaiting || row.Delivered != 1 || row.WaitingSince.IsZero() {
			t.Errorf("after it: %+v", row)
		}
		w = take(t, s, "run1", start.Add(time.Second))[0]
		if w.Revision != 2 || string(w.Body) != "b" || w.Delivered != 1 || w.DeliveredHash != "canonical" || w.Links[store.RoleOrder].DocumentID != "7-1" {
			t.Errorf("taken next %+v", w)
		}
	})
}

// What is held or given up is what was delivered, not what the record has become meanwhile.
func TestNewsDuringADeliveryThatGoesWrongIsDeliveredNext(t *testing.T) {
	cause := &store.Cause{Flow: erp.Flow, Step: "map", Code: "unmapped", Message: "no article"}
	for _, c := range []struct {
		name   string
		result store.Result
		force  bool // the news is that a person wants it again
		due    time.Time
	}{
		{"it is held", store.Result{State: store.TaskHeld}, false, start.Add(time.Second)},
		{"it is given up", store.Result{State: store.TaskFailed}, false, start.Add(time.Second)},
		{"it is given up and a person wants it again", store.Result{State: store.TaskFailed}, true, start.Add(time.Second)},
		{"it is given up, and its outcome is unclear", store.Result{State: store.TaskFailed, Uncertain: true, Due: start.Add(settle)}, false, start.Add(settle)},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				observe(t, s, withBody(t, s, "a", order("1", start)))
				w := take(t, s, "run1", start)[0]
				o := withBody(t, s, "b", order("1", start))
				if c.force {
					o = withBody(t, s, "a", order("1", start))
					o.Force = true
				}
				wanted := observe(t, s, o).Revision
				r := c.result
				r.Work, r.Run, r.Cause, r.Reason, r.Outcome, r.Started, r.Ended = w, "run1", cause, "no article", "held", start, start.Add(time.Second)
				if again, want := finish(t, s, r), c.due.Equal(r.Ended); again != want {
					t.Errorf("due at once: %v, want %v", again, want)
				}
				row := task(t, s, erp.Flow, w.RecordID)
				if row.State != store.TaskWaiting || !row.Due.Equal(c.due) || row.Attempts != 0 || row.Reason != "" || row.CauseID != 0 || !row.WaitingSince.Equal(start) {
					t.Errorf("after it: %+v", row)
				}
				works := take(t, s, "run1", c.due)
				if len(works) != 1 || works[0].Revision != wanted || works[0].Uncertain != r.Uncertain {
					t.Fatalf("taken next %+v", works)
				}
				r.Work, r.Due, r.Ended = works[0], time.Time{}, c.due
				if finish(t, s, r) {
					t.Error("without news it is due again")
				}
				if row := task(t, s, erp.Flow, w.RecordID); row.State != r.State || row.Reason != "no article" || row.CauseID == 0 {
					t.Errorf("without news it is %+v", row)
				}
			})
		})
	}
}

func TestOutcomesOfADelivery(t *testing.T) {
	cause := &store.Cause{Flow: erp.Flow, State: store.TaskHeld, Step: "map", Code: "unmapped", Field: "lines[0].sku", Message: "no article"}
	for _, c := range []struct {
		name   string
		result store.Result
		want   func(row store.TaskRow) bool
		due    time.Time // when it is taken again; zero is never
	}{
		{"tried again later", store.Result{State: store.TaskWaiting, Due: start.Add(time.Minute), Reason: "busy"},
			func(r store.TaskRow) bool {
				return r.State == store.TaskWaiting && r.Attempts == 1 && r.Reason == "busy"
			}, start.Add(time.Minute)},
		{"put off without having been tried", store.Result{State: store.TaskWaiting, Due: start.Add(time.Minute), Free: true},
			func(r store.TaskRow) bool { return r.State == store.TaskWaiting && r.Attempts == 0 }, start.Add(time.Minute)},
		{"unclear", store.Result{State: store.TaskWaiting, Due: start.Add(time.Minute), Uncertain: true},
			func(r store.TaskRow) bool { return r.State == store.TaskWaiting && r.Uncertain }, start.Add(time.Minute)},
		{"held with its cause", store.Result{State: store.TaskHeld, Cause: cause, Reason: "no article"},
			func(r store.TaskRow) bool {
				return r.State == store.TaskHeld && r.CauseID > 0 && r.WaitingSince.Equal(start)
			}, time.Time{}},
		{"failed", store.Result{State: store.TaskFailed, Cause: cause},
			func(r store.TaskRow) bool {
				return r.State == store.TaskFailed && r.Attempts == 1 && r.WaitingSince.Equal(start)
			}, time.Time{}},
		{"skipped by a rule", store.Result{State: store.TaskSkipped, Reason: "draft"},
			func(r store.TaskRow) bool {
				return r.State == store.TaskSkipped && r.WaitingSince.IsZero() && r.Delivered == 0
			}, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				o := observe(t, s, withBody(t, s, "a", order("1", start)))
				r := c.result
				r.Work, r.Run, r.Started, r.Ended = take(t, s, "run1", start)[0], "run1", start, start.Add(time.Second)
				if finish(t, s, r) {
					t.Error("due again at once")
				}
				if row := task(t, s, erp.Flow, o.RecordID); !c.want(row) {
					t.Errorf("%+v", row)
				}
				if c.due.IsZero() {
					if works := take(t, s, "run2", start.Add(24*time.Hour)); len(works) != 0 {
						t.Errorf("taken again: %+v", works)
					}
				} else {
					if works := take(t, s, "run2", c.due.Add(-time.Millisecond)); len(works) != 0 {
						t.Errorf("taken before its time: %+v", works)
					}
					works := take(t, s, "run2", c.due)
					if len(works) != 1 || works[0].Uncertain != r.Uncertain {
						t.Errorf("taken when due: %+v", works)
					}
				}
				// News brings everything back, whatever became of it.
				observe(t, s, withBody(t, s, "b", order("1", start.Add(48*time.Hour))))
				if row := task(t, s, erp.Flow, o.RecordID); row.State != store.TaskWaiting && row.State != store.TaskWorking || row.Wanted != 2 {
					t.Errorf("after news: %+v", row)
				}
			})
		})
	}
}

// A crash leaves rows that say working. Nobody knows how their calls ended, nor when the last of them was made, so they
// may not be tried, nor searched for, before the destination's settle time from then on is over; news does not change
// that. The run before may have been long: its batch was taken a while before its last call.
func TestRowLeftByACrashWaitsForTheSettleTime(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, withBody(t, s, "a", order("1", start)))
		left := take(t, s, "run1", start)[0]
		later := start.Add(settle + 10*time.Second)
		if works := take(t, s, "run2", later); len(works) != 0 {
			t.Fatalf("taken before the settle time: %+v", works)
		}
		row := task(t, s, erp.Flow, left.RecordID)
		if row.State != store.TaskWaiting || !row.Uncertain || !row.Due.Equal(later.Add(settle)) {
			t.Errorf("found by the next run it is %+v", row)
		}
		observe(t, s, withBody(t, s, "b", order("1", later)))
		act(t, s, store.ActionRetry, row.ID, later)
		act(t, s, store.ActionHold, row.ID, later)
		act(t, s, store.ActionRelease, row.ID, later)
		if works := take(t, s, "run2", later.Add(settle-time.Millisecond)); len(works) != 0 {
			t.Errorf("taken before the settle time, because of news or a person: %+v", works)
		}
		// The first run was not dead but slow: its result comes too late to decide, but its document exists.
		if finish(t, s, synced(left, "run1", later)) {
			t.Error("a run that lost its task decides over it")
		}
		works := take(t, s, "run2", later.Add(settle))
		if len(works) != 1 || !works[0].Uncertain || works[0].Revision != 2 || works[0].Links[store.RoleOrder].DocumentID != "7-1" {
			t.Errorf("after the settle time, taken %+v", works)
		}
	})
}

func TestTwoRunsNeverTakeTheSameTask(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		const n = 40
		for i := range n {
			o := withBody(t, s, "a", order(fmt.Sprint(i), start))
			o.Routes = []store.Route{{Flow: erp.Flow, Destination: "erp", Lanes: 1}}
			observe(t, s, o)
		}
		var mu sync.Mutex
		taken := map[int64]int{}
		var wg sync.WaitGroup
		for range 4 {
			// All with one run's name, so that none finds the rows of another left behind.
			wg.Go(func() {
				for {
					works, err := s.TakeTasks(t.Context(), "erp", 0, "run1", start, settle, 3)
					if err != nil {
						t.Error(err)
						return
					}
					if len(works) == 0 {
						return
					}
					mu.Lock()
					for _, w := range works {
						taken[w.TaskID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(taken) != n {
			t.Errorf("%d of %d tasks taken", len(taken), n)
		}
		for id, times := range taken {
			if times != 1 {
				t.Errorf("task %d taken %d times", id, times)
			}
		}
	})
}

func TestHoldDuringTheDelivery(t *testing.T) {
	for _, c := range []struct {
		name   string
		news   bool
		failed bool
		want   store.TaskState
	}{
		{"that goes well", false, false, store.TaskSynced},
		{"that goes well, but there is news", true, false, store.TaskHeld},
		{"that fails", false, true, store.TaskHeld},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				observe(t, s, withBody(t, s, "a", order("1", start)))
				w := take(t, s, "run1", start)[0]
				if n := act(t, s, store.ActionHold, w.TaskID, start); n != 1 {
					t.Fatalf("held %d", n)
				}
				if c.news {
					observe(t, s, withBody(t, s, "b", order("1", start)))
				}
				r := synced(w, "run1", start)
				if c.failed {
					r = store.Result{Work: w, Run: "run1", State: store.TaskWaiting, Due: start, Started: start, Ended: start}
				}
				if finish(t, s, r) {
					t.Error("due again although it is held")
				}
				if row := task(t, s, erp.Flow, w.RecordID); row.State != c.want || !row.Pinned || row.Reason != "by anna: because" {
					t.Errorf("%+v", row)
				}
				// Whatever it is, the next change is not delivered, and not silently so.
				observe(t, s, withBody(t, s, "c", order("1", start.Add(time.Second))))
				if row := task(t, s, erp.Flow, w.RecordID); row.State != store.TaskHeld {
					t.Errorf("after the next change it is %+v", row)
				}
			})
		})
	}
}

func TestActionsApplyToWhatTheyCan(t *testing.T) {
	bring := map[store.TaskState]func(t *testing.T, s *store.Store, w store.Work){
		store.TaskWorking: func(*testing.T, *store.Store, store.Work) {},
		store.TaskWaiting: func(t *testing.T, s *store.Store, w store.Work) {
			finish(t, s, store.Result{Work: w, Run: "run1", State: store.TaskWaiting, Due: start.Add(time.Hour), Ended: start})
		},
		store.TaskSynced: func(t *testing.T, s *store.Store, w store.Work) { finish(t, s, synced(w, "run1", start)) },
		store.TaskHeld: func(t *testing.T, s *store.Store, w store.Work) {
			finish(t, s, store.Result{Work: w, Run: "run1", State: store.TaskHeld, Ended: start})
		},
		store.TaskFailed: func(t *testing.T, s *store.Store, w store.Work) {
			finish(t, s, store.Result{Work: w, Run: "run1", State: store.TaskFailed, Ended: start})
		},
		store.TaskSkipped: func(t *testing.T, s *store.Store, w store.Work) {
			finish(t, s, store.Result{Work: w, Run: "run1", State: store.TaskSkipped, Ended: start})
		},
	}
	applies := map[store.Action][]store.TaskState{
		store.ActionRetry:   {store.TaskWaiting, store.TaskSynced, store.TaskHeld, store.TaskFailed, store.TaskSkipped},
		store.ActionHold:    {store.TaskWaiting, store.TaskWorking, store.TaskHeld, store.TaskFailed},
		store.ActionRelease: {store.TaskHeld, store.TaskSkipped},
		store.ActionSkip:    {store.TaskWaiting, store.TaskHeld, store.TaskFailed},
	}
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		n := 0
		for action, states := range applies {
			for state, to := range bring {
				n++
				o := observe(t, s, withBody(t, s, "a", order(fmt.Sprint(n), start)))
				works := take(t, s, "run1", start)
				to(t, s, works[0])
				want := int64(0)
				for _, s := range states {
					if s == state {
						want = 1
					}
				}
				id := works[0].TaskID
				later := start.Add(time.Minute)
				var changed int64
				var wake []store.LaneRef
				write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
					changed, wake, err = s.ActOn(ctx, tx, action, []int64{id}, "anna", "because", later)
					return err
				})
				if changed != want || int64(len(wake)) != want {
					t.Errorf("%s of a %s task changes %d and wakes %+v, want %d", action, state, changed, wake, want)
				}
				row := task(t, s, erp.Flow, o.RecordID)
				if want == 1 && (action == store.ActionRetry || action == store.ActionRelease) &&
					(row.State != store.TaskWaiting || !row.Due.Equal(later) || row.WaitingSince.IsZero() || row.Attempts != 0) {
					t.Errorf("%s of a %s task makes it %+v", action, state, row)
				}
				if want == 0 && row.State != state {
					t.Errorf("%s of a %s task made it %s", action, state, row.State)
				}
				act(t, s, store.ActionSkip, id, later) // out of the way of the next
			}
		}
		if _, _, err := actOn(t, s, "dance", 1); err == nil {
			t.Error("an action that does not exist is accepted")
		}
	})
}

func actOn(t *testing.T, s *store.Store, action store.Action, id int64) (n int64, wake []store.LaneRef, err error) {
	err = s.Write(t.Context(), func(ctx context.Context, tx store.Tx) (err error) {
		n, wake, err = s.ActOn(ctx, tx, action, []int64{id}, "anna", "because", start)
		return err
	})
	return n, wake, err
}

func TestManyTasksAreActedOnAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		var ids []int64
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for i := range 1100 {
				if _, err := s.Observe(ctx, tx, order(fmt.Sprint(i), start)); err != nil {
					return err
				}
			}
			return nil
		})
		tasks, err := s.Tasks(t.Context(), store.TaskFilter{Limit: 2000})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range tasks {
			ids = append(ids, row.ID)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			n, wake, err := s.ActOn(ctx, tx, store.ActionHold, ids, "anna", "because", start)
			if n != 1100 || len(wake) != erp.Lanes {
				t.Errorf("%d changed, %d lanes to wake", n, len(wake))
			}
			return err
		})
	})
}

func TestPausedFlowIsNotDelivered(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		o := observe(t, s, withBody(t, s, "a", order("1", start)))
		pause := func(paused bool) {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return errors.Join(
					s.SaveFlow(ctx, tx, store.Flow{Name: erp.Flow, Source: "shop", Destination: "erp", Config: "{}"}, start),
					s.PauseFlow(ctx, tx, erp.Flow, paused, "test"))
			})
		}
		isDue := func() (due bool) {
			write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
				due, err = s.DeliverDue(ctx, tx, "erp", o.Wake[0].Number, start)
				return err
			})
			return due
		}
		pause(true)
		if works := take(t, s, "run1", start); len(works) != 0 || isDue() {
			t.Errorf("paused, and taken %+v", works)
		}
		pause(false)
		if !isDue() {
			t.Error("goes on, and is not due")
		}
		if works := take(t, s, "run1", start); len(works) != 1 {
			t.Errorf("goes on, and taken %+v", works)
		}
	})
}

func TestDamagedBodyHoldsUpNobodyElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		bad := withBody(t, s, "a", order("1", start))
		bad.Body[len(bad.Body)-1] ^= 1
		observe(t, s, bad)
		observe(t, s, withBody(t, s, "a", order("2", start)))
		var fine, damaged int
		for _, w := range take(t, s, "run1", start) {
			if w.Damaged != nil {
				damaged++
			} else if string(w.Body) == "a" {
				fine++
			}
		}
		if fine != 1 || damaged != 1 {
			t.Errorf("%d fine, %d damaged", fine, damaged)
		}
	})
}

func TestDamagedDetailHidesNoOtherDelivery(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		id := observe(t, s, withBody(t, s, "a", order("1", start))).RecordID
		for i := range 2 {
			at := start.Add(time.Duration(i) * time.Minute)
			r := store.Result{Work: take(t, s, "run1", at)[0], Run: "run1", State: store.TaskWaiting, Due: at.Add(time.Minute), Outcome: "retry", Started: at, Ended: at}
			detail, err := s.PackDetail([]byte(`{"error":"down"}`))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				detail[len(detail)-1] ^= 1
			}
			r.Detail = detail
			finish(t, s, r)
		}
		story, err := s.TaskStory(t.Context(), task(t, s, erp.Flow, id).ID)
		if err != nil || len(story.Deliveries) != 2 {
			t.Fatalf("%+v, %v", story.Deliveries, err)
		}
		if d := story.Deliveries; d[0].Detail != nil || d[0].Outcome != "retry" || string(d[1].Detail) != `{"error":"down"}` {
			t.Errorf("%+v", d)
		}
	})
}
