package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/internal/store"
)

// listener adds an endpoint that wants events.
func listener(t testing.TB, s *store.Store, id string, events ...string) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return s.AddEndpoint(ctx, tx, store.Endpoint{ID: id, Events: events, Settings: store.EndpointSettings{URL: "https://example.com/?token=hush", Secret: "whsec_hush"}}, start)
	})
}

// waiting gives what is due for a receiver.
func waiting(t testing.TB, s *store.Store, receiver string, now time.Time) []store.Sending {
	t.Helper()
	list, err := s.DueSendings(t.Context(), receiver, now, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// news reads the data of a message.
func news(t testing.TB, m store.Message) store.TaskNews {
	t.Helper()
	var n store.TaskNews
	if err := json.Unmarshal(m.Data, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestATaskThatIsFinishedIsToldToThoseWhoWantIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		listener(t, s, "ep_all", "order.synced", "order.held", "order.failed")
		listener(t, s, "ep_held", "order.held")
		listener(t, s, "ep_other", "customer.synced")
		for id, state := range map[string]store.TaskState{"1": store.TaskSynced, "2": store.TaskHeld, "3": store.TaskFailed, "4": store.TaskSkipped, "5": store.TaskWaiting} {
			observe(t, s, withBody(t, s, id, order(id, start)))
			w := take(t, s, "run", start)[0]
			r := synced(w, "run", start)
			r.State, r.Summary = state, &store.Summary{Number: "#" + id, Amount: "19.90", Currency: "EUR"}
			if state != store.TaskSynced {
				r.Links, r.Hash, r.Reason = nil, "", "no such article"
				r.Cause = &store.Cause{Flow: erp.Flow, State: state, Step: "map", Code: "unmapped", Field: "lines[].sku A", Message: "no such article", Fix: "map it"}
			}
			r.Due = start.Add(time.Hour)
			finish(t, s, r)
		}
		told := map[string]store.TaskNews{}
		uids := map[string]bool{}
		for _, sending := range waiting(t, s, "ep_all", start) {
			told[sending.Message.Type], uids[sending.Message.UID] = news(t, sending.Message), true
		}
		cause := &store.NewsCause{Step: "map", Code: "unmapped", Field: "lines[].sku A", Message: "no such article", Fix: "map it"}
		for _, n := range told {
			if n.Cause != nil {
				cause.ID = n.Cause.ID
			}
		}
		base := store.TaskNews{Flow: erp.Flow, Connection: "shop", Kind: "order", Amount: "19.90", Currency: "EUR"}
		of := func(id string, state store.TaskState) store.TaskNews {
			n := base
			n.SourceID, n.Number, n.State, n.Reason = id, "#"+id, state, "no such article"
			if state == store.TaskSynced {
				n.Outcome, n.Reason, n.Document = "created", "", &store.NewsDocument{Type: "sale.order", ID: "7-" + id, Number: "S00" + id}
			} else {
				n.Cause = cause
			}
			return n
		}
		want := map[string]store.TaskNews{
			"order.synced": of("1", store.TaskSynced), "order.held": of("2", store.TaskHeld), "order.failed": of("3", store.TaskFailed),
		}
		if diff := cmp.Diff(want, told); diff != "" || cause.ID == 0 {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if len(uids) != 3 {
			t.Errorf("%d ids for 3 messages", len(uids))
		}
		if held := waiting(t, s, "ep_held", start); len(held) != 1 || held[0].Message.Type != "order.held" || !uids[held[0].Message.UID] {
			t.Errorf("the one that wants held orders gets %+v", held)
		}
		if other := waiting(t, s, "ep_other", start); len(other) != 0 {
			t.Errorf("the one that wants customers gets %+v", other)
		}
	})
}

func messages(t testing.TB, s *store.Store) (n int64) {
	t.Helper()
	err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM messages`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNothingIsWrittenWhenNobodyListensOrNothingHappened(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		deliver := func(id, run string) store.Result {
			observe(t, s, withBody(t, s, id, order(id, start)))
			return synced(take(t, s, "run", start)[0], run, start)
		}
		finish(t, s, deliver("1", "run"))
		listener(t, s, "ep_1", "order.failed")
		finish(t, s, deliver("2", "run"))
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			_, err := s.DisableEndpoint(ctx, tx, "ep_1", "", start)
			return err
		})
		listener(t, s, "ep_2", "order.synced")
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			_, err := s.DisableEndpoint(ctx, tx, "ep_2", "", start)
			return err
		})
		finish(t, s, deliver("3", "run"))
		if n := messages(t, s); n != 0 {
			t.Errorf("%d messages that nobody wants", n)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.EnableEndpoint(ctx, tx, "ep_2", start) })

		finish(t, s, deliver("4", "a run that has lost the task"))
		undone := errors.New("undone")
		r := deliver("5", "run")
		err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			if _, err := s.FinishTask(ctx, tx, r); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		if n := messages(t, s); n != 0 {
			t.Errorf("%d messages of what did not happen", n)
		}
		// It moved on while it was worked on: the next delivery tells.
		r = deliver("6", "run")
		observe(t, s, withBody(t, s, "6 is another one", order("6", start.Add(time.Second))))
		if again := finish(t, s, r); !again || messages(t, s) != 0 {
			t.Errorf("again %v, %d messages", again, messages(t, s))
		}
	})
}

func TestWhatAPersonWritesStaysInside(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		listener(t, s, "ep_1", "order.held")
		observe(t, s, withBody(t, s, "1", order("1", start)))
		w := take(t, s, "run", start)[0]
		act(t, s, store.ActionHold, w.TaskID, start)
		r := synced(w, "run", start)
		r.State, r.Reason = store.TaskWaiting, "try again"
		finish(t, s, r)
		list := waiting(t, s, "ep_1", start)
		if len(list) != 1 {
			t.Fatalf("%d messages", len(list))
		}
		if n := news(t, list[0].Message); n.State != store.TaskHeld || n.Reason != "a person holds it back" {
			t.Errorf("told %+v", n)
		}
	})
}

func TestALongReasonIsCut(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		listener(t, s, "ep_1", "order.failed")
		observe(t, s, withBody(t, s, "1", order("1", start)))
		r := synced(take(t, s, "run", start)[0], "run", start)
		r.State, r.Links, r.Reason = store.TaskFailed, nil, "x"+strings.Repeat("ä", 5000)
		finish(t, s, r)
		if n := news(t, waiting(t, s, "ep_1", start)[0].Message); len(n.Reason) != 999 || !strings.HasSuffix(n.Reason, "ä") {
			t.Errorf("%d bytes: %q", len(n.Reason), n.Reason)
		}
	})
}

func TestARecordThatCannotBeReadIsTold(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		listener(t, s, "ep_1", "order.failed")
		observed := observe(t, s, order("1", start)) // thin
		giveUp(t, s, store.FetchWish{RecordID: observed.RecordID, Asked: 1}, start)
		list := waiting(t, s, "ep_1", start)
		if len(list) != 1 {
			t.Fatalf("%d messages", len(list))
		}
		if n := news(t, list[0].Message); n.SourceID != "1" || n.State != store.TaskFailed || n.Reason != "could not be read" || n.Cause.Step != "fetch" {
			t.Errorf("told %+v", n)
		}
	})
}

func TestEndpointsAreSealedAndChange(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		listener(t, s, "ep_1", "order.synced", "order.held")
		e, err := s.Endpoint(t.Context(), "ep_1")
		if err != nil || !slices.Equal(e.Events, []string{"order.synced", "order.held"}) || e.Settings.Secret != "whsec_hush" || e.CreatedAt != start {
			t.Errorf("endpoint %+v, %v", e, err)
		}
		var raw []byte
		err = s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, `SELECT settings FROM endpoints`).Scan(&raw)
		})
		if err != nil || strings.Contains(string(raw), "hush") {
			t.Errorf("the row shows the secret: %q, %v", raw, err)
		}
		if _, err := s.Endpoint(t.Context(), "ep_2"); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("no endpoint gives %v", err)
		}
		later := start.Add(time.Hour)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			since, err := s.EndpointFails(ctx, tx, "ep_1", later, start)
			if err != nil || since != start {
				t.Errorf("failing since %s, %v", since, err)
			}
			since, err = s.EndpointFails(ctx, tx, "ep_1", start, later) // the longer rest stays
			if err != nil || since != start {
				t.Errorf("failing since %s, %v", since, err)
			}
			return nil
		})
		if e, err = s.Endpoint(t.Context(), "ep_1"); err != nil || e.Failures != 2 || e.FailingSince != start || e.RestUntil != later {
			t.Errorf("endpoint in trouble %+v, %v", e, err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.EndpointWorks(ctx, tx, "ep_1") })
		if e, err = s.Endpoint(t.Context(), "ep_1"); err != nil || e.Failures != 0 || !e.FailingSince.IsZero() || !e.RestUntil.IsZero() {
			t.Errorf("endpoint that works again %+v, %v", e, err)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.RemoveEndpoint(ctx, tx, "ep_1") })
		if list, err := s.Endpoints(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("endpoints %+v, %v", list, err)
		}
	})
}

// tell adds messages for receivers and gives their sendings.
func tell(t testing.TB, s *store.Store, messageType string, due, now time.Time, receivers ...string) (ids []int64) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		ids, err = s.AddMessage(ctx, tx, messageType, []byte(`{"n":1}`), receivers, due, now)
		return err
	})
	return ids
}

func TestSendingsAreDueTriedListedAndSentAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		listener(t, s, "ep_1", "order.synced")
		listener(t, s, "ep_2", "order.synced")
		ids := tell(t, s, "order.synced", start, start, "ep_1", "ep_2")
		later := tell(t, s, "alert.begun", start.Add(time.Hour), start, "email", "ep_1")
		due := func(now time.Time, want ...string) {
			t.Helper()
			if got, err := s.DueReceivers(t.Context(), now); err != nil || !slices.Equal(got, want) {
				t.Errorf("due at %s: %v, %v; want %v", now.Sub(start), got, err, want)
			}
		}
		due(start.Add(-time.Second))
		due(start, "ep_1", "ep_2")
		due(start.Add(time.Hour), "email", "ep_1", "ep_2")
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			_, err := s.EndpointFails(ctx, tx, "ep_2", start.Add(time.Minute), start)
			return err
		})
		due(start, "ep_1")
		if list := waiting(t, s, "ep_2", start); len(list) != 0 {
			t.Errorf("an endpoint at rest gets %+v", list)
		}

		attempt := store.Attempt{At: start, Took: 120 * time.Millisecond, Status: 503, Error: "it answered 503"}
		next := start.Add(5 * time.Second)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.FinishAttempt(ctx, tx, ids[0], attempt, store.SendingWaiting, next, start)
		})
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.FinishAttempt(ctx, tx, ids[0], attempt, store.SendingFailed, time.Time{}, next)
		})
		due(start.Add(30 * time.Second))
		list, err := s.Sendings(t.Context(), store.SendingFilter{Endpoint: "ep_1", Limit: 10})
		if err != nil || len(list) != 2 || list[0].ID != later[1] || list[1].ID != ids[0] {
			t.Fatalf("list %+v, %v", list, err)
		}
		if diff := cmp.Diff([]store.Attempt{attempt, attempt}, list[1].Tries); diff != "" || list[1].State != store.SendingFailed || list[1].Attempts != 2 || !list[1].Due.IsZero() {
			t.Errorf("sending %+v (-want +got):\n%s", list[1], diff)
		}
		if list, err = s.Sendings(t.Context(), store.SendingFilter{Endpoint: "ep_1", State: store.SendingWaiting, BeforeID: later[1] + 1, Limit: 1}); err != nil || len(list) != 1 || list[0].Due != start.Add(time.Hour) {
			t.Errorf("waiting %+v, %v", list, err)
		}
		waits, failed, err := s.CountSendings(t.Context())
		if diff := cmp.Diff(map[string]int64{"email": 1, "ep_1": 1, "ep_2": 1}, waits); diff != "" || err != nil || failed["ep_1"] != 1 {
			t.Errorf("counts %v %v, %v", waits, failed, err)
		}

		for since, want := range map[time.Time]int64{start.Add(time.Second): 0, start: 1} {
			var n int64
			write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
				n, err = s.ResendFailed(ctx, tx, "ep_1", since, next)
				return err
			})
			if n != want {
				t.Errorf("since %s %d are sent again; want %d", since.Sub(start), n, want)
			}
			if want > 0 {
				break
			}
		}
		again := waiting(t, s, "ep_1", next)
		if len(again) != 1 || again[0].Attempts != 0 || again[0].Message.UID != list[0].Message.UID && again[0].ID != ids[0] {
			t.Errorf("sent again %+v", again)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			was, err := s.DisableEndpoint(ctx, tx, "ep_1", "gone", next)
			if !was {
				t.Error("it was disabled before")
			}
			return err
		})
		if got := waiting(t, s, "ep_1", start.Add(48*time.Hour)); len(got) != 0 {
			t.Errorf("a disabled endpoint gets %+v", got)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.Resend(ctx, tx, ids[0], next) })
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := s.Resend(ctx, tx, 12345, next); !errors.Is(err, store.ErrNoRows) {
				t.Errorf("no sending gives %v", err)
			}
			return nil
		})
	})
}

func TestPruneTakesOldMessagesThatWaitForNobody(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		old := tell(t, s, "order.synced", start, start, "ep_1", "ep_2")
		tell(t, s, "order.synced", start, start, "ep_1") // waits
		fresh := tell(t, s, "order.synced", start.Add(time.Hour), start.Add(time.Hour), "ep_1")
		for _, id := range slices.Concat(old, fresh) {
			write(t, s, func(ctx context.Context, tx store.Tx) error {
				return s.FinishAttempt(ctx, tx, id, store.Attempt{At: start}, store.SendingSent, time.Time{}, start)
			})
		}
		if n, err := s.PruneNotices(t.Context(), start.Add(time.Minute)); err != nil || n != 1 {
			t.Errorf("pruned %d, %v", n, err)
		}
		var rows [3]int64
		err := s.Read(t.Context(), func(ctx context.Context, tx store.Tx) error {
			for i, table := range []string{"messages", "sendings", "attempts"} {
				if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM `+table).Scan(&rows[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || rows != [3]int64{2, 2, 1} {
			t.Errorf("left are %v messages, sendings and attempts, %v", rows, err)
		}
	})
}

func TestAlertsOpenOnceAndEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		save := func(a store.Alert) (added bool) {
			write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
				added, err = s.SaveAlert(ctx, tx, a)
				return err
			})
			return added
		}
		open := func() (list []store.Alert) {
			write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
				list, err = s.OpenAlerts(ctx, tx, true)
				return err
			})
			return list
		}
		a := store.Alert{Rule: "paused", Subject: "flow/x", Title: "x is paused", Since: start, Seen: start}
		if !save(a) || save(a) {
			t.Error("two alerts of one thing")
		}
		list := open()
		a.ID = list[0].ID
		if diff := cmp.Diff([]store.Alert{a}, list); diff != "" {
			t.Errorf("open (-want +got):\n%s", diff)
		}
		if begun, err := s.Alerts(t.Context(), false, 0, 10); err != nil || len(begun) != 0 {
			t.Errorf("people see %+v, %v before they are told", begun, err)
		}
		a.Begun, a.Told = start, start
		save(a)
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.DropAlert(ctx, tx, a.ID) }) // too late
		if begun, err := s.Alerts(t.Context(), false, 0, 10); err != nil || len(begun) != 1 {
			t.Errorf("people see %+v, %v", begun, err)
		}
		a.Ended = start.Add(time.Hour)
		save(a)
		a.ID, a.Begun, a.Told, a.Ended = 0, time.Time{}, time.Time{}, time.Time{}
		if !save(a) {
			t.Error("it cannot begin again")
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.DropAlert(ctx, tx, openAlert(ctx, t, s, tx)) })
		over, err := s.Alerts(t.Context(), true, a.ID+100, 10)
		if err != nil || len(over) != 1 || len(open()) != 0 {
			t.Errorf("over are %+v, %v", over, err)
		}
		if n, err := s.PruneNotices(t.Context(), start.Add(2*time.Hour)); err != nil || n != 1 {
			t.Errorf("pruned %d, %v", n, err)
		}
	})
}

// openAlert gives the id of the alert that lasts, inside of a transaction.
func openAlert(ctx context.Context, t testing.TB, s *store.Store, tx store.Tx) int64 {
	t.Helper()
	list, err := s.OpenAlerts(ctx, tx, true)
	if err != nil || len(list) != 1 {
		t.Fatalf("open %+v, %v", list, err)
	}
	return list[0].ID
}

func TestBreakersOfNodes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		note := func(connection, node string, at time.Time) {
			write(t, s, func(ctx context.Context, tx store.Tx) error { return s.BreakerOpened(ctx, tx, connection, node, at) })
		}
		note("erp", "a", start)
		note("erp", "a", start.Add(time.Minute))
		note("erp", "b", start)
		note("shop", "b", start)
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.BreakerClosed(ctx, tx, "erp", "b") })
		want := []store.OpenBreaker{
			{Connection: "erp", Node: "a", Since: start, Seen: start.Add(time.Minute)},
			{Connection: "shop", Node: "b", Since: start, Seen: start},
		}
		list, err := s.OpenBreakers(t.Context())
		if diff := cmp.Diff(want, list); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return s.ForgetBreakers(ctx, tx, "b") })
		if n, err := s.PruneNotices(t.Context(), start.Add(time.Hour)); err != nil || n != 1 {
			t.Errorf("pruned %d, %v", n, err)
		}
	})
}

func TestWhatIsAtStake(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		for i, amount := range []string{"0.10 EUR", "0.20 EUR", "0.20 EUR", "12.345 KWD", ""} {
			id := fmt.Sprint(i)
			observe(t, s, withBody(t, s, id, order(id, start.Add(time.Duration(i)*time.Minute))))
			w := take(t, s, "run", start.Add(time.Hour))[0]
			r := synced(w, "run", start.Add(time.Hour))
			r.State, r.Links, r.Hash = store.TaskHeld, nil, ""
			r.Cause = &store.Cause{Flow: erp.Flow, State: store.TaskHeld, Step: "map", Code: "unmapped", Message: "no such article"}
			if value, currency, ok := strings.Cut(amount, " "); ok {
				r.Summary = &store.Summary{Number: id, Amount: value, Currency: currency, Words: store.Words{SKUs: []string{"tea"}}}
			}
			finish(t, s, r)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.SaveFlow(ctx, tx, store.Flow{Name: erp.Flow, Source: "shop", Destination: "erp"}, start)
		})
		later := start.Add(time.Hour)
		growth, err := s.GrowingCauses(t.Context(), later, 5, later)
		if err != nil || len(growth) != 1 || growth[0].New != 5 {
			t.Fatalf("growing %+v, %v", growth, err)
		}
		if none, err := s.GrowingCauses(t.Context(), later.Add(time.Second), 1, later); err != nil || len(none) != 0 {
			t.Errorf("growing later %+v, %v", none, err)
		}
		for name, quiet := range map[string]func(ctx context.Context, tx store.Tx) error{
			"snoozed": func(ctx context.Context, tx store.Tx) error {
				return s.SnoozeCause(ctx, tx, growth[0].CauseID, later.Add(time.Second))
			},
			"ignored": func(ctx context.Context, tx store.Tx) error {
				return s.IgnoreCause(ctx, tx, growth[0].CauseID, "known")
			},
		} {
			write(t, s, quiet)
			if none, err := s.GrowingCauses(t.Context(), later, 1, later); err != nil || len(none) != 0 {
				t.Errorf("growing although %s: %+v, %v", name, none, err)
			}
			write(t, s, func(ctx context.Context, tx store.Tx) error { return s.ReopenCause(ctx, tx, growth[0].CauseID) })
		}
		for name, ask := range map[string]func() (store.AtStake, error){
			"of erp":  func() (store.AtStake, error) { return s.OrdersOf(t.Context(), "erp") },
			"of shop": func() (store.AtStake, error) { return s.OrdersOf(t.Context(), "shop") },
			"older":   func() (store.AtStake, error) { return s.OrdersOlderThan(t.Context(), erp.Flow, start.Add(time.Hour)) },
		} {
			stake, err := ask()
			if err != nil || stake.Orders != 5 || len(stake.Money) != 2 || stake.Money[0].String() != "0.50 EUR" || stake.Money[1].String() != "12.345 KWD" {
				t.Errorf("%s: %+v, %v", name, stake, err)
			}
		}
		if stake, err := s.OrdersOlderThan(t.Context(), erp.Flow, start.Add(time.Minute)); err != nil || stake.Orders != 1 {
			t.Errorf("older than a minute: %+v, %v", stake, err)
		}
		oldest, err := s.OldestOrders(t.Context())
		if diff := cmp.Diff(map[string]time.Time{erp.Flow: start}, oldest); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func TestHealths(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := s.SaveConnection(ctx, tx, store.Connection{Name: "erp", System: "odoo"}, start); err != nil {
				return err
			}
			if err := s.PauseConnection(ctx, tx, "erp", true, "holidays"); err != nil {
				return err
			}
			return s.SaveHealth(ctx, tx, "erp", `{"ok":true}`, start)
		})
		list, err := s.Healths(t.Context())
		want := []store.ConnectionHealth{{Name: "erp", Paused: true, PausedWhy: "holidays", CheckedAt: start, Report: `{"ok":true}`}}
		if diff := cmp.Diff(want, list); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
