package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// With each case a record is known that has the body "a" of 12:00:10.
func TestObservationIsComparedWithWhatIsKnown(t *testing.T) {
	sequential(t)
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
	known := func(o store.Observation) store.Observation { o.SourceTime = at(10); return o }
	for _, c := range []struct {
		name     string
		body     string
		change   func(o *store.Observation)
		outcome  store.Outcome
		revision int64
		fetch    bool   // is asked for
		newest   string // body after it
	}{
		{"new content", "b", func(o *store.Observation) { o.SourceTime = at(20) }, store.OutcomeChanged, 2, false, "b"},
		{"new content without a time", "b", func(*store.Observation) {}, store.OutcomeChanged, 2, false, "b"},
		{"the same content again", "a", func(o *store.Observation) { o.SourceTime = at(10) }, store.OutcomeUnchanged, 1, false, "a"},
		{"the same content with a later time", "a", func(o *store.Observation) { o.SourceTime = at(20) }, store.OutcomeUnchanged, 1, false, "a"},
		{"older content", "b", func(o *store.Observation) { o.SourceTime = at(9) }, store.OutcomeStale, 1, false, "a"},
		{"the same content of an earlier time", "a", func(o *store.Observation) { o.SourceTime = at(9) }, store.OutcomeStale, 1, false, "a"},
		{"other content of the same second", "b", func(o *store.Observation) { o.SourceTime = at(10) }, store.OutcomeThin, 1, true, "a"},
		{"other content of the same second, and nothing to fetch with", "b",
			func(o *store.Observation) { o.SourceTime, o.FetchLanes = at(10), 0 }, store.OutcomeChanged, 2, false, "b"},
		{"other content of the same second, fetched", "b",
			func(o *store.Observation) { o.SourceTime, o.Via = at(10), store.ViaFetch }, store.OutcomeChanged, 2, false, "b"},
		{"older content, fetched from a slow replica", "b",
			func(o *store.Observation) { o.SourceTime, o.Via = at(9), store.ViaFetch }, store.OutcomeStale, 1, false, "a"},
		{"a thin event", "", func(*store.Observation) {}, store.OutcomeThin, 1, true, "a"},
		{"a body that may be stale", "b", func(o *store.Observation) { o.SourceTime, o.Thin = at(20), true }, store.OutcomeThin, 1, true, "a"},
		{"a thin event that shall wait", "", func(o *store.Observation) { o.Wait = time.Minute }, store.OutcomeThin, 1, true, "a"},
		{"deleted", "", func(o *store.Observation) { o.SourceTime, o.Deleted = at(20), true }, store.OutcomeDeleted, 2, false, "a"},
		{"deleted without a time", "", func(o *store.Observation) { o.Deleted = true }, store.OutcomeDeleted, 2, false, "a"},
		{"deleted before it changed", "", func(o *store.Observation) { o.SourceTime, o.Deleted = at(9), true }, store.OutcomeThin, 1, true, "a"},
		{"deleted before it changed, and nothing to fetch with", "",
			func(o *store.Observation) { o.SourceTime, o.Deleted, o.FetchLanes = at(9), true, 0 }, store.OutcomeStale, 1, false, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				first := observe(t, s, known(withBody(t, s, "a", order("1", at(10)))))
				if first.Outcome != store.OutcomeChanged || first.Revision != 1 {
					t.Fatalf("the first observation is %+v", first)
				}
				o := order("1", at(30))
				if c.body != "" {
					o = withBody(t, s, c.body, o)
				}
				c.change(&o)
				got := observe(t, s, o)
				if got.Outcome != c.outcome || got.Revision != c.revision || got.RecordID != first.RecordID {
					t.Errorf("%+v, want outcome %s and revision %d", got, c.outcome, c.revision)
				}
				newest, err := s.RecordBody(t.Context(), first.RecordID)
				if err != nil || string(newest.Body) != c.newest {
					t.Errorf("the newest body is %q, %v; want %q", newest.Body, err, c.newest)
				}
				wishes := due(t, s, at(30).Add(o.Wait))
				if (len(wishes) == 1) != c.fetch {
					t.Errorf("to be fetched: %+v, want %v", wishes, c.fetch)
				}
				if o.Wait > 0 && len(due(t, s, at(30))) > 0 {
					t.Error("is fetched before its time")
				}
				if row := task(t, s, erp.Flow, first.RecordID); row.State != store.TaskWaiting || row.Wanted != c.revision {
					t.Errorf("the task is %+v, want it to wait for revision %d", row, c.revision)
				}
			})
		})
	}
}

// due gives the wishes of both lanes of the shop.
func due(t testing.TB, s *store.Store, now time.Time) []store.FetchWish {
	t.Helper()
	var all []store.FetchWish
	for number := range 2 {
		wishes, err := s.DueFetches(t.Context(), "shop", number, now, 10)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, wishes...)
	}
	return all
}

func TestLateMessageDoesNotBringADeletedRecordBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, withBody(t, s, "a", order("1", start)))
		gone := order("1", start)
		gone.Deleted = true
		observe(t, s, gone)
		if got := observe(t, s, gone); got.Outcome != store.OutcomeUnchanged {
			t.Errorf("deleted twice is %s", got.Outcome)
		}
		for _, body := range []string{"a", "b"} {
			if got := observe(t, s, withBody(t, s, body, order("1", start))); got.Outcome != store.OutcomeThin {
				t.Errorf("a webhook with body %q after the deletion is %s", body, got.Outcome)
			}
		}
		wish := due(t, s, start)[0]
		back := withBody(t, s, "a", order("1", start))
		back.Via, back.FetchAsked = store.ViaFetch, wish.Asked
		if got := observe(t, s, back); got.Outcome != store.OutcomeChanged || got.Revision != 3 {
			t.Errorf("found again by a fetch it is %+v", got)
		}
	})
}

func TestDeliveryThatComesTwiceIsKeptOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		o := withBody(t, s, "a", order("1", start))
		o.DeliveryID = "d1"
		first := observe(t, s, o)
		if got := observe(t, s, o); got.Outcome != store.OutcomeDuplicate || got.RecordID != first.RecordID || len(got.Wake) != 0 {
			t.Errorf("the second is %+v", got)
		}
		other := withBody(t, s, "b", order("2", start))
		other.DeliveryID = "d1"
		if got := observe(t, s, other); got.Outcome != store.OutcomeChanged {
			t.Errorf("another record of the same delivery is %s", got.Outcome)
		}
		story, err := s.TaskStory(t.Context(), task(t, s, erp.Flow, first.RecordID).ID)
		if err != nil || len(story.Events) != 1 {
			t.Errorf("%d events, %v; want 1", len(story.Events), err)
		}
	})
}

func TestThinRecordIsFetchedThenDelivered(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		thin := observe(t, s, order("1", start))
		if len(thin.Wake) != 1 || !thin.Wake[0].Fetch {
			t.Fatalf("wakes %+v, want the fetch lane alone", thin.Wake)
		}
		if works := take(t, s, "run1", start); len(works) != 0 {
			t.Fatalf("%+v is delivered before it was read", works)
		}
		wish := due(t, s, start)[0]
		observe(t, s, order("1", start)) // more news while it is fetched
		fetched := withBody(t, s, "a", order("1", start))
		fetched.Via, fetched.FetchAsked = store.ViaFetch, wish.Asked
		got := observe(t, s, fetched)
		if got.Outcome != store.OutcomeChanged || len(got.Wake) != 1 || got.Wake[0].Fetch {
			t.Errorf("fetched: %+v", got)
		}
		wishes := due(t, s, start)
		if len(wishes) != 1 || wishes[0].Asked != wish.Asked+1 {
			t.Fatalf("the news during the fetch is lost: %+v", wishes)
		}
		again := withBody(t, s, "a", order("1", start))
		again.Via, again.FetchAsked = store.ViaFetch, wishes[0].Asked
		if got := observe(t, s, again); got.Outcome != store.OutcomeUnchanged {
			t.Errorf("fetched again: %+v", got)
		}
		if left := due(t, s, start.Add(time.Hour)); len(left) != 0 {
			t.Errorf("still to be fetched: %+v", left)
		}
		if works := take(t, s, "run1", start); len(works) != 1 || string(works[0].Body) != "a" {
			t.Errorf("taken %+v", works)
		}
	})
}

// A task that waits for a fetch goes on whatever the fetch finds, and its lane is woken.
func TestFetchThatFindsNothingNewLetsTheTaskGoOn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		first := observe(t, s, withBody(t, s, "a", order("1", start)))
		for _, w := range take(t, s, "run1", start) {
			finish(t, s, synced(w, "run1", start))
		}
		asked := order("1", start)
		asked.Via, asked.Force = store.ViaManual, true
		observe(t, s, asked)
		if row := task(t, s, erp.Flow, first.RecordID); row.State != store.TaskWaiting || !row.Due.IsZero() || row.WaitingSince.IsZero() {
			t.Errorf("asked for, the task is %+v", row)
		}
		fetched := withBody(t, s, "a", order("1", start))
		fetched.Via, fetched.FetchAsked = store.ViaFetch, due(t, s, start)[0].Asked
		got := observe(t, s, fetched)
		if got.Outcome != store.OutcomeUnchanged || len(got.Wake) != 1 {
			t.Errorf("fetched: %+v", got)
		}
		works := take(t, s, "run2", start)
		if len(works) != 1 || works[0].DeliveredHash != "" {
			t.Errorf("taken %+v, want it as if it had never been delivered", works)
		}
	})
}

// Some vendors tell of a change before it can be read: a fetch waits for it, but not for ever.
func TestEventsOneAfterAnotherDoNotPutAFetchOff(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		const wait = 3 * time.Second
		var newest time.Time
		for i := range 5 {
			newest = start.Add(time.Duration(i) * 2 * time.Second)
			o := order("1", newest)
			o.Wait = wait
			observe(t, s, o)
		}
		read := func(at time.Time, body string, early bool) {
			t.Helper()
			wishes := due(t, s, at)
			if len(wishes) != 1 || wishes[0].Early != early || len(due(t, s, at.Add(-time.Millisecond))) != 0 && early {
				t.Fatalf("due at %v: %+v, want one wish", at, wishes)
			}
			o := withBody(t, s, body, order("1", at))
			o.Via, o.FetchAsked, o.FetchEarly = store.ViaFetch, wishes[0].Asked, wishes[0].Early
			observe(t, s, o)
		}
		// The first fetch is when the first event can be read. It may have missed the newest.
		read(start.Add(wait), "a", true)
		if left := due(t, s, newest.Add(wait-time.Millisecond)); len(left) != 0 {
			t.Errorf("read again before there is anything: %+v", left)
		}
		read(newest.Add(wait), "b", false)
		if left := due(t, s, newest.Add(time.Hour)); len(left) != 0 {
			t.Errorf("still to be fetched: %+v", left)
		}
		if works := take(t, s, "run1", newest.Add(wait)); len(works) != 1 || string(works[0].Body) != "b" {
			t.Errorf("taken %+v", works)
		}
	})
}

// News during a fetch is read when it can be, not at once.
func TestNewsDuringAFetchWaitsUntilItCanBeRead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, order("1", start))
		wish := due(t, s, start)[0]
		o := order("1", start.Add(time.Second))
		o.Wait = 3 * time.Second
		observe(t, s, o)
		answer := withBody(t, s, "a", order("1", start.Add(2*time.Second)))
		answer.Via, answer.FetchAsked = store.ViaFetch, wish.Asked
		observe(t, s, answer)
		if early := due(t, s, start.Add(4*time.Second-time.Millisecond)); len(early) != 0 {
			t.Errorf("read again too early: %+v", early)
		}
		if wishes := due(t, s, start.Add(4*time.Second)); len(wishes) != 1 || wishes[0].Early {
			t.Errorf("to be read again: %+v", wishes)
		}
	})
}

func TestRecordThatMovedIsAskedForAgainWhenThatCameEarly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		id := observe(t, s, order("1", start)).RecordID
		o := order("1", start.Add(time.Second))
		o.Wait = 3 * time.Second
		observe(t, s, o)
		for _, want := range []store.TaskState{store.TaskWaiting, store.TaskSkipped} {
			wishes := due(t, s, start.Add(time.Second))
			if want == store.TaskSkipped {
				wishes = due(t, s, start.Add(4*time.Second))
			}
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return s.DropFetch(ctx, tx, wishes[0], "it belongs to another", start)
			})
			if row := task(t, s, erp.Flow, id); row.State != want {
				t.Errorf("it is %+v, want it %s", row, want)
			}
		}
	})
}

func TestFetchThatFailsIsTriedAgainAndGivenUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		thin := observe(t, s, order("1", start))
		wish := due(t, s, start)[0]
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.PostponeFetch(ctx, tx, wish, "down", start.Add(time.Minute))
		})
		if left := due(t, s, start); len(left) != 0 {
			t.Errorf("tried again at once: %+v", left)
		}
		wish = due(t, s, start.Add(time.Minute))[0]
		if wish.Tries != 1 {
			t.Errorf("tries %d", wish.Tries)
		}
		if row := task(t, s, erp.Flow, thin.RecordID); row.State != store.TaskWaiting || row.Reason != "down" {
			t.Errorf("while it is tried again the task is %+v", row)
		}
		giveUp(t, s, wish, start)
		if left := due(t, s, start.Add(time.Hour)); len(left) != 0 {
			t.Errorf("given up and still to be fetched: %+v", left)
		}
		if row := task(t, s, erp.Flow, thin.RecordID); row.State != store.TaskFailed || row.CauseID == 0 || row.Reason != "could not be read" {
			t.Errorf("the task is %+v", row)
		}
	})
}

func TestReasonOfAFailedFetchEndsWithIt(t *testing.T) {
	for _, c := range []struct {
		name  string
		known bool // the fetch brings what is known already
	}{{"with new content", false}, {"with what is known already", true}} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				if c.known {
					o := withBody(t, s, "a", order("1", start))
					o.Routes = nil
					observe(t, s, o)
				}
				thin := observe(t, s, order("1", start))
				wish := due(t, s, start)[0]
				write(t, s, func(ctx context.Context, tx store.Tx) error {
					return s.PostponeFetch(ctx, tx, wish, "down", start.Add(time.Minute))
				})
				fetched := withBody(t, s, "a", order("1", start.Add(time.Minute)))
				fetched.Via, fetched.FetchAsked = store.ViaFetch, wish.Asked
				observe(t, s, fetched)
				if row := task(t, s, erp.Flow, thin.RecordID); row.Reason != "" || row.Due.IsZero() {
					t.Errorf("fetched, the task is %+v", row)
				}
			})
		})
	}
}

func TestNewFlowGetsTheRecordsThatItSees(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		o := withBody(t, s, "a", order("1", start))
		observe(t, s, o)
		o.Routes = append(o.Routes, store.Route{Flow: "shop-crm", Destination: "crm", Lanes: 1})
		got := observe(t, s, o)
		if got.Outcome != store.OutcomeUnchanged || len(got.Wake) != 1 || got.Wake[0] != (store.LaneRef{Connection: "crm"}) {
			t.Errorf("%+v", got)
		}
		if row := task(t, s, "shop-crm", got.RecordID); row.State != store.TaskWaiting || row.Wanted != 1 {
			t.Errorf("the new flow's task is %+v", row)
		}
	})
}

// A backfill of one flow that happens upon a change must not hide it from the others.
func TestChangeMovesTheTasksOfEveryFlow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		crm := store.Route{Flow: "shop-crm", Destination: "crm", Lanes: 1}
		o := withBody(t, s, "a", order("1", start))
		o.Routes = []store.Route{erp, crm}
		first := observe(t, s, o)
		for _, w := range take(t, s, "run1", start) {
			finish(t, s, synced(w, "run1", start))
		}
		changed := withBody(t, s, "b", order("1", start.Add(time.Minute)))
		changed.Via, changed.Priority, changed.Routes = store.ViaBackfill, store.PriorityBackfill, []store.Route{crm}
		got := observe(t, s, changed)
		if len(got.Wake) != 2 {
			t.Errorf("wakes %+v, want both lanes", got.Wake)
		}
		for _, flow := range []string{erp.Flow, crm.Flow} {
			if row := task(t, s, flow, first.RecordID); row.State != store.TaskWaiting || row.Wanted != 2 {
				t.Errorf("flow %s: %+v", flow, row)
			}
		}
	})
}

func TestForceDeliversAgainWhatIsUnchanged(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		o := withBody(t, s, "a", order("1", start))
		observe(t, s, o)
		w := take(t, s, "run1", start)[0]
		o.Force = true
		observe(t, s, o) // while it is being worked on
		if !finish(t, s, synced(w, "run1", start)) {
			t.Error("what was forced during the delivery is lost")
		}
		w = take(t, s, "run1", start)[0]
		if w.DeliveredHash != "" || w.Delivered != 1 {
			t.Errorf("taken %+v", w)
		}
		if finish(t, s, synced(w, "run1", start)) {
			t.Error("forced once, delivered for ever")
		}
		observe(t, s, o)
		if works := take(t, s, "run2", start); len(works) != 1 {
			t.Errorf("taken %+v", works)
		}
	})
}

func TestPinnedTaskStaysWhateverComes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		for id, action := range map[string]store.Action{"1": store.ActionHold, "2": store.ActionSkip} {
			first := observe(t, s, withBody(t, s, "a", order(id, start)))
			row := task(t, s, erp.Flow, first.RecordID)
			if n := act(t, s, action, row.ID, start); n != 1 {
				t.Fatalf("%s changed %d tasks", action, n)
			}
			pinned := task(t, s, erp.Flow, first.RecordID)
			observe(t, s, withBody(t, s, "b", order(id, start)))
			if row := task(t, s, erp.Flow, first.RecordID); row.State != pinned.State || row.Wanted != 2 || row.Reason != "by anna: because" {
				t.Errorf("after %s and news the task is %+v", action, row)
			}
			if works := take(t, s, "run1", start); len(works) != 0 {
				t.Errorf("after %s it is delivered", action)
			}
			act(t, s, store.ActionRelease, row.ID, start)
			works := take(t, s, "run1", start)
			if len(works) != 1 || works[0].Revision != 2 {
				t.Errorf("released, taken %+v", works)
			}
			finish(t, s, synced(works[0], "run1", start))
		}
	})
}

func TestWebhookPullsABackfilledTaskForward(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		for _, id := range []string{"1", "2"} {
			o := withBody(t, s, "a", order(id, start))
			o.Via, o.Priority = store.ViaBackfill, store.PriorityBackfill
			o.Routes = []store.Route{{Flow: erp.Flow, Destination: "erp", Lanes: 1}}
			observe(t, s, o)
		}
		o := withBody(t, s, "b", order("2", start.Add(time.Second)))
		o.Routes = []store.Route{{Flow: erp.Flow, Destination: "erp", Lanes: 1}}
		observe(t, s, o)
		works := take(t, s, "run1", start.Add(time.Minute))
		if len(works) != 2 || works[0].SourceID != "2" {
			t.Errorf("taken %+v, want order 2 first", works)
		}
	})
}
