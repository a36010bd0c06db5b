package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// watch is a fixture with an endpoint that keeps what alerts say.
type watch struct {
	*fixture
	catcher *catcher
}

// watching runs a test on both databases with one rule on.
func watching(t *testing.T, rules Rules, test func(w *watch)) {
	t.Helper()
	each(t, func(f *fixture) {
		w := &watch{fixture: f, catcher: catch(f.t)}
		f.allowLoopback()
		off := DefaultConfig().Rules
		off.OldestOrder.On, off.ConnectionDown.On, off.SubscriptionLost.On, off.CauseGrowing.On, off.Paused.On, off.EndpointDisabled.On = false, false, false, false, false, false
		f.configure(func(c *Config) {
			c.Rules = off
			switch {
			case rules.OldestOrder.On:
				c.Rules.OldestOrder = rules.OldestOrder
			case rules.ConnectionDown.On:
				c.Rules.ConnectionDown = rules.ConnectionDown
			case rules.SubscriptionLost.On:
				c.Rules.SubscriptionLost = rules.SubscriptionLost
			case rules.CauseGrowing.On:
				c.Rules.CauseGrowing = rules.CauseGrowing
			case rules.Paused.On:
				c.Rules.Paused = rules.Paused
			}
		})
		alerts := EndpointDraft{URL: w.catcher.URL, Events: []string{TypeAlertBegun, TypeAlertReminded, TypeAlertEnded}}
		if _, _, err := f.CreateEndpoint(f.t.Context(), alerts, "anna", ""); err != nil {
			f.t.Fatal(err)
		}
		f.flow("shop-erp")
		test(w)
	})
}

func (f *fixture) flow(name string) {
	f.t.Helper()
	f.write(func(ctx context.Context, tx store.Tx) error {
		for _, c := range []string{"shop", "erp"} {
			if err := f.store.SaveConnection(ctx, tx, store.Connection{Name: c, System: "x"}, f.clock.now()); err != nil {
				return err
			}
		}
		return f.store.SaveFlow(ctx, tx, store.Flow{Name: name, Source: "shop", Destination: "erp", Config: "{}"}, f.clock.now())
	})
}

// minute lets a minute go by, evaluates, sends and gives what came of it: phase and title.
func (w *watch) minute() (told []string) {
	w.t.Helper()
	w.clock.move(time.Minute)
	return w.look()
}

func (w *watch) look() (told []string) {
	w.t.Helper()
	before := len(w.catcher.all())
	if err := w.Evaluate(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.send()
	for _, got := range w.catcher.all()[before:] {
		m := w.read(got)
		told = append(told, strings.TrimPrefix(m.Type, "alert.")+" "+m.Data.Subject)
	}
	slices.Sort(told) // the order of messages is not promised
	return told
}

type alertMessage struct {
	Type string
	Data AlertNews
}

func (w *watch) read(got caught) alertMessage {
	w.t.Helper()
	var m alertMessage
	if err := json.Unmarshal(got.body, &m); err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *watch) last() AlertNews {
	w.t.Helper()
	all := w.catcher.all()
	return w.read(all[len(all)-1]).Data
}

// wait lets minutes go by and gives all that was told.
func (w *watch) wait(d time.Duration) (told []string) {
	w.t.Helper()
	for range int(d / time.Minute) {
		told = append(told, w.minute()...)
	}
	return told
}

func (w *watch) want(told []string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, told); diff != "" {
		w.t.Errorf("told (-want +got):\n%s", diff)
	}
}

// order observes an order of flow shop-erp, and takes it into a state.
func (w *watch) order(id string, state store.TaskState, amount string, cause *store.Cause) {
	w.t.Helper()
	st, now := w.store, w.clock.now()
	packed, err := st.Pack([]byte(id))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := st.Observe(ctx, tx, store.Observation{
			Connection: "shop", Kind: "order", SourceID: id, Via: store.ViaWebhook, At: now, Body: packed, Hash: id, FetchLanes: 1,
			Routes: []store.Route{{Flow: "shop-erp", Destination: "erp", Lanes: 1}},
		})
		return err
	})
	works, err := st.TakeTasks(w.t.Context(), "erp", 0, "run", now, time.Minute, 1)
	if err != nil || len(works) != 1 {
		w.t.Fatalf("took %v, %v", works, err)
	}
	value, currency, _ := strings.Cut(amount, " ")
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := st.FinishTask(ctx, tx, store.Result{
			Work: works[0], Run: "run", State: state, Due: now.Add(24 * time.Hour), Started: now, Ended: now, Cause: cause,
			Summary: &store.Summary{Number: id, Amount: value, Currency: currency, Words: store.Words{SKUs: []string{"tea"}}},
		})
		return err
	})
}

// deliver brings all orders that wait, are held or failed into the destination.
func (w *watch) deliver() {
	w.t.Helper()
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE tasks SET state = 'synced', waiting_since = 0, cause_id = 0, updated_at = $1`, w.clock.now().UnixMilli())
		return err
	})
}

func TestLateOrdersAreToldOnceThenAgainThenThatTheyAreThere(t *testing.T) {
	watching(t, Rules{OldestOrder: OldestOrder{On: true, Minutes: 60, Flows: map[string]int{"shop-erp": 15}}}, func(w *watch) {
		w.order("1", store.TaskWaiting, "19.90 EUR", nil)
		seen := w.clock.now()
		w.clock.move(5 * time.Minute)
		w.order("2", store.TaskWaiting, "0.10 EUR", nil)
		w.order("3", store.TaskWaiting, "5 USD", nil)
		w.want(w.wait(9 * time.Minute))
		w.want(w.minute(), "begun shop-erp")
		got := w.last()
		want := AlertNews{
			Rule: RuleOldestOrder, Subject: "shop-erp", Title: "Orders of flow shop-erp are late",
			What:  "The oldest order that is not in its destination has been waiting for 15 min, since " + clock(seen) + "; the limit is 15 min.",
			Since: seen.Add(15 * time.Minute), ToDo: got.ToDo, Link: "https://orderly.test/orders?flow=shop-erp&sort=waiting",
		}
		// The one order that is over the limit by now has not waited longer than it.
		want.Orders, want.Money = got.Orders, got.Money
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(AlertNews{})); diff != "" || got.ToDo == "" {
			w.t.Errorf("(-want +got):\n%s", diff)
		}
		w.clock.move(4*time.Hour - 2*time.Minute)
		w.want(w.minute())
		w.want(w.minute(), "reminded shop-erp")
		if got := w.last(); got.stake() != "3 orders of 20.00 EUR and 5.00 USD" || !strings.Contains(got.What, "4 h 15 min") || !got.Since.Equal(seen.Add(15*time.Minute)) {
			w.t.Errorf("reminded of %s: %s", got.stake(), got.What)
		}
		open, err := w.Alerts(w.t.Context(), false, 0, 10)
		if err != nil || len(open) != 1 || open[0].Rule != RuleOldestOrder || !open[0].Ended.IsZero() {
			w.t.Errorf("open %+v, %v", open, err)
		}
		w.deliver()
		w.want(w.wait(calmTime - time.Minute))
		w.want(w.minute(), "ended shop-erp")
		if got := w.last(); !got.Ended.Equal(w.clock.now()) {
			w.t.Errorf("ended %+v", got)
		}
		w.want(w.wait(10 * time.Minute))
		if over, err := w.Alerts(w.t.Context(), true, 0, 10); err != nil || len(over) != 1 || !over[0].Ended.Equal(w.clock.now().Add(-10*time.Minute)) {
			w.t.Errorf("over %+v, %v", over, err)
		}
	})
}

func TestAFlowWithoutALimitIsNeverLate(t *testing.T) {
	watching(t, Rules{OldestOrder: OldestOrder{On: true, Minutes: 60, Flows: map[string]int{"shop-erp": 0}}}, func(w *watch) {
		w.order("1", store.TaskHeld, "19.90 EUR", nil)
		w.clock.move(48 * time.Hour)
		w.want(w.look())
	})
}

// report saves what the check of a connection found.
func (w *watch) report(connection, report string) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx store.Tx) error {
		return w.store.SaveHealth(ctx, tx, connection, report, w.clock.now())
	})
}

func TestAConnectionThatIsDown(t *testing.T) {
	const refused = `{"connection":"erp","ok":false,"kind":"auth","error":"the password is wrong","fix":"enter the new one"}`
	watching(t, Rules{ConnectionDown: Lasting{On: true, Minutes: 10}}, func(w *watch) {
		w.order("1", store.TaskWaiting, "19.90 EUR", nil)
		w.report("shop", `{"ok":true}`)
		w.report("erp", refused)
		w.want(w.look())
		w.want(w.wait(9 * time.Minute))
		// It works again for a moment, and begins anew.
		w.report("erp", `{"ok":true}`)
		w.want(w.minute())
		w.report("erp", refused)
		w.want(w.look())
		w.want(w.wait(9 * time.Minute))
		w.want(w.minute(), "begun erp")
		got := w.last()
		if !strings.Contains(got.What, "the password is wrong") || !strings.Contains(got.ToDo, "enter the new one") || got.stake() != "1 order of 19.90 EUR" ||
			got.Link != "https://orderly.test/connections/erp" || !got.Since.Equal(w.clock.now().Add(-10*time.Minute)) {
			w.t.Errorf("alert %+v", got)
		}
		// What comes and goes is one alert.
		for range 3 {
			w.report("erp", `{"ok":true}`)
			w.want(w.wait(2 * time.Minute))
			w.report("erp", refused)
			w.want(w.wait(2 * time.Minute))
		}
		w.report("erp", `{"ok":true}`)
		w.want(w.wait(10*time.Minute), "ended erp")
	})
}

func TestAConnectionWhoseBreakerIsOpen(t *testing.T) {
	watching(t, Rules{ConnectionDown: Lasting{On: true, Minutes: 10}}, func(w *watch) {
		opened := func(node string) {
			w.write(func(ctx context.Context, tx store.Tx) error {
				return w.store.BreakerOpened(ctx, tx, "erp", node, w.clock.now())
			})
		}
		opened("a")
		w.want(w.wait(5 * time.Minute))
		opened("a") // a call has failed again
		opened("b")
		w.want(w.wait(4 * time.Minute))
		w.want(w.minute(), "begun erp")
		// Nobody calls any more, so nobody knows.
		w.want(w.wait(4 * time.Minute))
		w.want(w.wait(6*time.Minute), "ended erp")
	})
}

func TestAPausedConnectionIsNotDown(t *testing.T) {
	watching(t, Rules{ConnectionDown: Lasting{On: true, Minutes: 1}}, func(w *watch) {
		w.report("erp", `{"ok":false,"error":"off"}`)
		w.write(func(ctx context.Context, tx store.Tx) error {
			return w.store.PauseConnection(ctx, tx, "erp", true, "it is being moved")
		})
		w.want(w.wait(5 * time.Minute))
		w.write(func(ctx context.Context, tx store.Tx) error {
			return w.store.PauseConnection(ctx, tx, "erp", false, "")
		})
		w.clock.move(staleCheck)
		w.want(w.wait(5 * time.Minute)) // what was found so long ago says nothing
	})
}

func TestALostSubscription(t *testing.T) {
	state := func(s connector.SubscriptionState) string {
		return fmt.Sprintf(`{"ok":true,"webhooks":[{"topic":"orders/create","state":"active"},{"topic":"orders/updated","state":%q}]}`, s)
	}
	watching(t, Rules{SubscriptionLost: Lasting{On: true, Minutes: 20}}, func(w *watch) {
		w.report("shop", state(connector.SubscriptionDisabled))
		w.want(w.look())
		w.want(w.wait(19 * time.Minute))
		w.want(w.minute(), "begun shop")
		if got := w.last(); !strings.Contains(got.What, "orders/updated (disabled)") || strings.Contains(got.What, "orders/create") {
			w.t.Errorf("alert %+v", got)
		}
		w.report("shop", state(connector.SubscriptionActive))
		w.want(w.wait(6*time.Minute), "ended shop")
	})
}

func TestACauseThatGrows(t *testing.T) {
	watching(t, Rules{CauseGrowing: Growing{On: true, Tasks: 3}}, func(w *watch) {
		cause := &store.Cause{Flow: "shop-erp", State: store.TaskHeld, Step: "map", Code: "unmapped", Field: "lines[].sku A", Message: "no article A", Fix: "map A"}
		w.order("1", store.TaskHeld, "1.00 EUR", cause)
		w.clock.move(61 * time.Minute) // too slow
		w.order("2", store.TaskHeld, "2.00 EUR", cause)
		w.order("3", store.TaskHeld, "3.00 EUR", cause)
		w.want(w.minute())
		w.order("4", store.TaskHeld, "4.00 EUR", cause)
		if told := w.minute(); len(told) != 1 || !strings.HasPrefix(told[0], "begun ") {
			w.t.Fatalf("told %v", told)
		}
		got := w.last()
		if got.stake() != "4 orders of 10.00 EUR" || !strings.Contains(got.What, "3 records came") || !strings.Contains(got.What, "no article A") || !strings.Contains(got.ToDo, "map A") ||
			got.Link != "https://orderly.test/causes/"+got.Subject {
			w.t.Errorf("alert %+v", got)
		}
		if told := w.wait(66 * time.Minute); len(told) != 1 || told[0] != "ended "+got.Subject {
			w.t.Errorf("when it grows no more: %v", told)
		}
	})
}

func TestWhatIsPausedForLong(t *testing.T) {
	watching(t, Rules{Paused: Lasting{On: true, Minutes: 30}}, func(w *watch) {
		w.order("1", store.TaskWaiting, "19.90 EUR", nil)
		pause := func(paused bool, why string) {
			w.write(func(ctx context.Context, tx store.Tx) error {
				if err := w.store.PauseFlow(ctx, tx, "shop-erp", paused, why); err != nil {
					return err
				}
				return w.store.PauseConnection(ctx, tx, "shop", paused, why)
			})
		}
		pause(true, "stocktaking")
		w.want(w.look())
		w.want(w.wait(29 * time.Minute))
		w.want(w.minute(), "begun connection/shop", "begun flow/shop-erp")
		if got := w.last(); !strings.Contains(got.What, "stocktaking") || got.stake() != "1 order of 19.90 EUR" {
			w.t.Errorf("alert %+v", got)
		}
		pause(false, "")
		if told := w.minute(); len(told) != 2 || !strings.HasPrefix(told[0], "ended") {
			w.t.Errorf("at the end: %v", told)
		}
		w.write(func(ctx context.Context, tx store.Tx) error {
			return errors.Join(w.store.RemoveFlow(ctx, tx, "shop-erp"), w.store.RemoveConnection(ctx, tx, "shop"))
		})
		w.want(w.wait(60 * time.Minute))
	})
}

func TestARuleThatIsSwitchedOffEndsInSilence(t *testing.T) {
	watching(t, Rules{Paused: Lasting{On: true, Minutes: 1}}, func(w *watch) {
		w.write(func(ctx context.Context, tx store.Tx) error { return w.store.PauseFlow(ctx, tx, "shop-erp", true, "") })
		w.want(w.wait(2*time.Minute), "begun flow/shop-erp")
		if got := w.last(); got.What != "No reason was given." {
			w.t.Errorf("alert %+v", got)
		}
		w.configure(func(c *Config) { c.Rules.Paused.On = false })
		w.want(w.wait(2 * time.Minute))
		if open, err := w.Alerts(w.t.Context(), false, 0, 10); err != nil || len(open) != 0 {
			w.t.Errorf("open %+v, %v", open, err)
		}
	})
}

func TestSeveralNodesTellOnce(t *testing.T) {
	watching(t, Rules{Paused: Lasting{On: true, Minutes: 1}}, func(w *watch) {
		w.write(func(ctx context.Context, tx store.Tx) error { return w.store.PauseFlow(ctx, tx, "shop-erp", true, "x") })
		phases := 0
		for step, move := range []time.Duration{0, time.Minute, 4 * time.Hour} {
			w.clock.move(move)
			if step == 2 {
				w.clock.move(time.Second)
			}
			var group sync.WaitGroup
			for range 6 {
				group.Go(func() {
					if err := w.Evaluate(w.t.Context()); err != nil {
						w.t.Error(err)
					}
				})
			}
			group.Wait()
			w.send()
			if n := len(w.catcher.all()); n != step {
				w.t.Errorf("after %s there are %d messages; want %d", move, n, step)
			}
			phases++
		}
		if phases != 3 {
			w.t.Error("not all was looked at")
		}
	})
}

func TestWithoutRemindersAnAlertIsToldOnce(t *testing.T) {
	watching(t, Rules{Paused: Lasting{On: true, Minutes: 1}}, func(w *watch) {
		w.configure(func(c *Config) { c.RemindMinutes = 0 })
		w.write(func(ctx context.Context, tx store.Tx) error { return w.store.PauseFlow(ctx, tx, "shop-erp", true, "x") })
		w.want(w.wait(2*time.Minute), "begun flow/shop-erp")
		w.clock.move(100 * time.Hour)
		w.want(w.minute())
	})
}

func TestAlertsArriveInAChat(t *testing.T) {
	f := once(t)
	c := catch(t)
	f.allowLoopback()
	f.configure(func(config *Config) {
		config.Slack = []Slack{{Name: "#orders", URL: connector.Secret(c.URL + "/hush")}}
		config.Rules.Paused.Minutes = 1
	})
	config, err := f.Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	channel := config.Slack[0].Channel()
	if err := f.TestChannel(t.Context(), channel); err != nil {
		t.Error(err)
	}
	f.flow("a<b>&c")
	f.write(func(ctx context.Context, tx store.Tx) error { return f.store.PauseFlow(ctx, tx, "a<b>&c", true, "x") })
	for range 2 {
		if err := f.Evaluate(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.clock.move(time.Minute)
	}
	f.send()
	got := c.all()
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	for i, want := range []string{"*Orderly: A test message*\n", "*Orderly: Flow a&lt;b&gt;&amp;c is paused*\n"} {
		var body map[string]string
		if err := json.Unmarshal(got[i].body, &body); err != nil || len(body) != 1 || !strings.HasPrefix(body["text"], want) || got[i].header.Get("webhook-signature") != "" {
			t.Errorf("message %s, %v", got[i].body, err)
		}
	}
	c.say(http.StatusNotFound)
	if err := f.TestChannel(t.Context(), channel); err == nil || err.Error() != "it answered 404 Not Found" {
		t.Errorf("a channel that is gone gives %v", err)
	}
	c.Close()
	if err := f.TestChannel(t.Context(), channel); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("a server that is gone gives %v", err)
	}
	for _, channel := range []string{ChannelEmail, "slack:nobody", "ep_1", ""} {
		if err := f.TestChannel(t.Context(), channel); !errors.Is(err, ErrNotFound) {
			t.Errorf("channel %q gives %v", channel, err)
		}
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 min", 59 * time.Second: "0 min", 61 * time.Second: "1 min", time.Hour: "1 h", 125 * time.Minute: "2 h 5 min", 24 * time.Hour: "1 d", 50*time.Hour + time.Minute: "2 d 2 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is %s; want %s", d, got, want)
		}
	}
}
