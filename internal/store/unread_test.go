package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// giveUp gives the fetch of a record up.
func giveUp(t testing.TB, s *store.Store, w store.FetchWish, now time.Time) {
	t.Helper()
	cause := store.Cause{State: store.TaskFailed, Step: store.StepFetch, Kind: "forbidden", Code: "forbidden", Message: "the record could not be read from shop"}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return s.GiveUpFetch(ctx, tx, w, cause, "could not be read", now)
	})
}

// thinAndGivenUp has order 1 of the shop change to what nobody could read.
func thinAndGivenUp(t testing.TB, s *store.Store, now time.Time) {
	t.Helper()
	observe(t, s, order("1", now))
	giveUp(t, s, due(t, s, now)[0], now)
}

// fetched stores the answer to the only wish there is.
func fetched(t testing.TB, s *store.Store, body string, now time.Time) store.Observed {
	t.Helper()
	wishes := due(t, s, now)
	if len(wishes) != 1 {
		t.Fatalf("to be fetched: %+v, want one record", wishes)
	}
	o := withBody(t, s, body, order(wishes[0].SourceID, now))
	o.Via, o.FetchAsked = store.ViaFetch, wishes[0].Asked
	return observe(t, s, o)
}

func TestWhatWasNeverReadIsReadBeforeItIsDelivered(t *testing.T) {
	for _, c := range []struct {
		name    string
		givenUp bool
		actions []store.Action
	}{
		{"retried after its fetch was given up", true, []store.Action{store.ActionRetry}},
		{"held and released after its fetch was given up", true, []store.Action{store.ActionHold, store.ActionRelease}},
		{"held and released before it is fetched", false, []store.Action{store.ActionHold, store.ActionRelease}},
		{"skipped and retried before it is fetched", false, []store.Action{store.ActionSkip, store.ActionRetry}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				id := observe(t, s, order("1", start)).RecordID
				if c.givenUp {
					giveUp(t, s, due(t, s, start)[0], start)
				}
				var wake []store.LaneRef
				for _, action := range c.actions {
					write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
						_, wake, err = s.ActOn(ctx, tx, action, []int64{task(t, s, erp.Flow, id).ID}, "anna", "because", start)
						return err
					})
				}
				if !slices.ContainsFunc(wake, func(l store.LaneRef) bool { return l.Fetch && l.Connection == "shop" }) {
					t.Errorf("wakes %+v, want a lane that fetches", wake)
				}
				if works := take(t, s, "run1", start); len(works) != 0 {
					t.Fatalf("delivered before it was read: %+v", works)
				}
				if row := task(t, s, erp.Flow, id); row.State != store.TaskWaiting || row.Reason != "" || row.CauseID != 0 {
					t.Errorf("it is %+v", row)
				}
				fetched(t, s, "a", start)
				if works := take(t, s, "run1", start); len(works) != 1 || string(works[0].Body) != "a" {
					t.Errorf("read, taken %+v", works)
				}
			})
		})
	}
}

// An order was read, and it has changed to what nobody could read: what is in the destination may be old.
func TestChangeThatCannotBeReadIsNotSilent(t *testing.T) {
	held := store.Result{State: store.TaskHeld, Outcome: "held", Reason: "no article", Cause: &store.Cause{Flow: erp.Flow, Step: "map", Code: "unmapped", Message: "no article"}}
	for _, c := range []struct {
		name   string
		before func(t *testing.T, s *store.Store, w store.Work)
		after  func(t *testing.T, s *store.Store, w store.Work)
		state  store.TaskState
		reason string
	}{
		{"a synced task fails", func(t *testing.T, s *store.Store, w store.Work) { finish(t, s, synced(w, "run1", start)) },
			nil, store.TaskFailed, "could not be read"},
		{"one that a rule left out fails, because the rule may not hold any more", func(t *testing.T, s *store.Store, w store.Work) {
			finish(t, s, store.Result{Work: w, Run: "run1", State: store.TaskSkipped, Reason: "draft", Ended: start})
		}, nil, store.TaskFailed, "could not be read"},
		{"one that a person keeps back is held", func(t *testing.T, s *store.Store, w store.Work) {
			act(t, s, store.ActionHold, w.TaskID, start)
			finish(t, s, synced(w, "run1", start))
		}, nil, store.TaskHeld, "by anna: because"},
		{"one that a person left out stays so", func(t *testing.T, s *store.Store, w store.Work) {
			held.Work, held.Run, held.Ended = w, "run1", start
			finish(t, s, held)
			act(t, s, store.ActionSkip, w.TaskID, start)
		}, nil, store.TaskSkipped, "by anna: because"},
		{"one that a person must look at anyway keeps its reason", func(t *testing.T, s *store.Store, w store.Work) {
			held.Work, held.Run, held.Ended = w, "run1", start
			finish(t, s, held)
		}, nil, store.TaskHeld, "no article"},
		{"one that is being delivered fails when that went well", nil,
			func(t *testing.T, s *store.Store, w store.Work) { finish(t, s, synced(w, "run1", start)) }, store.TaskFailed, "could not be read"},
		{"one that is being delivered keeps what went wrong", nil, func(t *testing.T, s *store.Store, w store.Work) {
			held.Work, held.Run, held.Ended = w, "run1", start
			finish(t, s, held)
		}, store.TaskHeld, "no article"},
		{"one that is tried again later is delivered as it is known, and fails", func(t *testing.T, s *store.Store, w store.Work) {
			finish(t, s, store.Result{Work: w, Run: "run1", State: store.TaskWaiting, Due: start.Add(time.Minute), Ended: start})
		}, func(t *testing.T, s *store.Store, _ store.Work) {
			at := start.Add(time.Minute)
			finish(t, s, synced(take(t, s, "run1", at)[0], "run1", at))
		}, store.TaskFailed, "could not be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				id := observe(t, s, withBody(t, s, "a", order("1", start))).RecordID
				w := take(t, s, "run1", start)[0]
				if c.before != nil {
					c.before(t, s, w)
				}
				thinAndGivenUp(t, s, start)
				if c.after != nil {
					c.after(t, s, w)
				}
				row := task(t, s, erp.Flow, id)
				if row.State != c.state || row.Reason != c.reason || row.WaitingSince.IsZero() != (c.state == store.TaskSkipped) {
					t.Errorf("it is %+v, want it %s: %s", row, c.state, c.reason)
				}
				causes, err := s.Causes(t.Context(), store.CauseFilter{ID: row.CauseID, Now: start})
				if failed := c.state == store.TaskFailed; err != nil || failed && (len(causes) != 1 || causes[0].Step != store.StepFetch || causes[0].Tasks != 1) {
					t.Errorf("its cause is %+v, %v", causes, err)
				}
			})
		})
	}
}

// A record that could not be read is read after all.
func TestFailedForWantOfAFetchGoesOnWithIt(t *testing.T) {
	later := start.Add(time.Hour)
	for _, c := range []struct {
		name string
		read func(t *testing.T, s *store.Store)
		want store.TaskState
	}{
		{"fetched with news", func(t *testing.T, s *store.Store) {
			observe(t, s, order("1", later))
			fetched(t, s, "b", later)
		}, store.TaskWaiting},
		{"fetched, and nothing is new", func(t *testing.T, s *store.Store) {
			observe(t, s, order("1", later))
			fetched(t, s, "a", later)
		}, store.TaskWaiting},
		{"listed, and nothing is new", func(t *testing.T, s *store.Store) {
			o := withBody(t, s, "a", order("1", later))
			o.Via = store.ViaPoll
			observe(t, s, o)
		}, store.TaskWaiting},
		{"told again by a webhook, which may be an old one", func(t *testing.T, s *store.Store) {
			observe(t, s, withBody(t, s, "a", order("1", later)))
		}, store.TaskFailed},
		{"deleted", func(t *testing.T, s *store.Store) {
			o := order("1", later)
			o.Deleted = true
			observe(t, s, o)
		}, store.TaskWaiting},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				id := observe(t, s, withBody(t, s, "a", order("1", start))).RecordID
				finish(t, s, synced(take(t, s, "run1", start)[0], "run1", start))
				thinAndGivenUp(t, s, start)
				c.read(t, s)
				if row := task(t, s, erp.Flow, id); row.State != c.want || (row.State == store.TaskWaiting) != (row.CauseID == 0 && row.Reason == "") {
					t.Errorf("it is %+v, want it %s", row, c.want)
				}
				works := take(t, s, "run1", later)
				if (len(works) == 1) != (c.want == store.TaskWaiting) {
					t.Errorf("taken %+v", works)
				}
				for _, w := range works {
					finish(t, s, synced(w, "run1", later))
					if row := task(t, s, erp.Flow, id); row.State != store.TaskSynced {
						t.Errorf("delivered, it is %+v", row)
					}
				}
			})
		})
	}
}

func TestEachFlowHasACauseOfItsOwnForWhatCannotBeRead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		o := order("1", start)
		o.Routes = []store.Route{erp, {Flow: "shop-crm", Destination: "crm", Lanes: 1}}
		id := observe(t, s, o).RecordID
		giveUp(t, s, due(t, s, start)[0], start)
		for _, flow := range []string{erp.Flow, "shop-crm"} {
			row := task(t, s, flow, id)
			causes, err := s.Causes(t.Context(), store.CauseFilter{Flow: flow, Now: start})
			if err != nil || len(causes) != 1 || causes[0].ID != row.CauseID || causes[0].Tasks != 1 {
				t.Errorf("flow %s: the task has cause %d of %+v, %v", flow, row.CauseID, causes, err)
			}
		}
	})
}

func TestNewerWishIsNotGivenUpWithAnOlderOne(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *store.Store, w store.FetchWish){
		"given up": func(t *testing.T, s *store.Store, w store.FetchWish) { giveUp(t, s, w, start) },
		"dropped": func(t *testing.T, s *store.Store, w store.FetchWish) {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return s.DropFetch(ctx, tx, w, "it belongs to another", start)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *store.Store) {
				id := observe(t, s, order("1", start)).RecordID
				wish := due(t, s, start)[0]
				observe(t, s, order("1", start))
				end(t, s, wish)
				if row := task(t, s, erp.Flow, id); row.State != store.TaskWaiting {
					t.Errorf("it is %+v", row)
				}
				fetched(t, s, "a", start)
				if works := take(t, s, "run1", start); len(works) != 1 {
					t.Errorf("taken %+v", works)
				}
			})
		})
	}
}

// Reading it may take less than the settle time, so an unclear outcome does not wait for that.
func TestUnclearOutcomeOfAnUnreadRecordKeepsItsTime(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		id := observe(t, s, withBody(t, s, "a", order("1", start))).RecordID
		w := take(t, s, "run1", start)[0]
		finish(t, s, store.Result{Work: w, Run: "run1", State: store.TaskFailed, Uncertain: true, Due: start.Add(settle), Ended: start})
		thinAndGivenUp(t, s, start)
		act(t, s, store.ActionRetry, w.TaskID, start)
		fetched(t, s, "a", start)
		if row := task(t, s, erp.Flow, id); row.State != store.TaskWaiting || !row.Due.Equal(start.Add(settle)) {
			t.Errorf("it is %+v, want it to wait for the settle time", row)
		}
	})
}
