package notice

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestAMessageArrivesSigned(t *testing.T) {
	each(t, func(f *fixture) {
		c := catch(f.t)
		f.allowLoopback()
		e, secret := f.create(c.URL + "/hook?token=hush")
		f.tell(`{"flow":"shop-erp","amount":"19.90"}`, e.ID)
		f.clock.move(time.Second)
		f.send()
		got := c.all()
		if len(got) != 1 {
			f.t.Fatalf("%d messages", len(got))
		}
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			f.t.Fatal(err)
		}
		if err := w.Verify(got[0].body, got[0].header); err != nil {
			f.t.Error(err)
		}
		var body map[string]any
		if err := json.Unmarshal(got[0].body, &body); err != nil {
			f.t.Fatal(err)
		}
		want := map[string]any{
			"type": "order.synced", "timestamp": f.clock.now().Add(-time.Second).Format(time.RFC3339), "data": map[string]any{"flow": "shop-erp", "amount": "19.90"},
		}
		if diff := cmp.Diff(want, body); diff != "" {
			f.t.Errorf("body (-want +got):\n%s", diff)
		}
		if h := got[0].header; h.Get("Content-Type") != "application/json" || h.Get("User-Agent") != "Orderly/test" {
			f.t.Errorf("header %v", h)
		}
		s := f.sendings(e.ID)[0]
		if s.State != store.SendingSent || len(s.Attempts) != 1 || s.Attempts[0].Status != 200 || s.Attempts[0].Error != "" || s.UID != got[0].header.Get("webhook-id") {
			f.t.Errorf("sending %+v", s)
		}
		f.clock.move(time.Hour)
		if f.send(); len(c.all()) != 1 || f.tally.get("webhook sent") != 1 {
			f.t.Errorf("it arrives %d times, counted %d", len(c.all()), f.tally.get("webhook sent"))
		}
	})
}

func TestAMessageIsTriedAgainLaterAndLaterWithTheSameID(t *testing.T) {
	each(t, func(f *fixture) {
		c := catch(f.t)
		f.allowLoopback()
		e, secret := f.create(c.URL)
		c.say(http.StatusBadRequest) // the message's fault, so that the endpoint does not rest
		f.tell("{}", e.ID)
		list := waits()
		for i := range len(list) + 1 {
			f.send()
			if got := len(c.all()); got != i+1 {
				f.t.Fatalf("after wait %d there were %d attempts", i, got)
			}
			s := f.sendings(e.ID)[0]
			if i == len(list) {
				if s.State != store.SendingFailed || !s.NextTry.IsZero() {
					f.t.Errorf("after the last attempt: %+v", s)
				}
				break
			}
			if s.State != store.SendingWaiting || s.NextTry.Sub(f.clock.now()) != list[i] {
				f.t.Errorf("attempt %d is followed in %s; want %s", i+1, s.NextTry.Sub(f.clock.now()), list[i])
			}
			f.clock.move(list[i] - time.Second)
			f.send()
			f.clock.move(time.Second)
		}
		ids, stamps := map[string]bool{}, map[string]bool{}
		for _, got := range c.all() {
			ids[got.header.Get("webhook-id")], stamps[got.header.Get("webhook-timestamp")] = true, true
			if err := verify(f.t, secret, got.header, got.body); err != nil {
				f.t.Error(err)
			}
		}
		if len(ids) != 1 || len(stamps) != len(list)+1 {
			f.t.Errorf("%d ids and %d timestamps in %d attempts", len(ids), len(stamps), len(list)+1)
		}
		if f.tally.get("webhook failed") != len(list) || f.tally.get("webhook given_up") != 1 {
			f.t.Errorf("counted %v", f.tally.n)
		}
		if e := f.endpointNow(e.ID); !e.Disabled || !strings.Contains(e.DisabledWhy, "has taken no message since") {
			f.t.Errorf("after days of failing the endpoint is %+v", e)
		}
	})
}

func TestAnEndpointThatIsDownIsLeftAloneAndThenGetsEverything(t *testing.T) {
	each(t, func(f *fixture) {
		c := catch(f.t)
		f.allowLoopback()
		e, _ := f.create(c.URL)
		c.say(http.StatusServiceUnavailable)
		f.tell("{}", e.ID)
		f.send()
		f.clock.move(time.Second)
		for range 20 {
			f.tell("{}", e.ID)
		}
		f.send()
		if n := len(c.all()); n != 1 {
			f.t.Errorf("%d attempts while it rests", n)
		}
		f.clock.move(firstRest)
		f.send()
		if n := len(c.all()); n != 2 {
			f.t.Errorf("%d attempts after its rest; want one more", n)
		}
		if now := f.endpointNow(e.ID); now.NextTry.Sub(f.clock.now()) != 2*firstRest || now.FailingSince.IsZero() || now.Waiting != 21 {
			f.t.Errorf("endpoint %+v", now)
		}
		c.say(http.StatusOK)
		f.clock.move(10 * time.Minute)
		f.send()
		if now := f.endpointNow(e.ID); now.Waiting != 0 || !now.FailingSince.IsZero() || len(c.all()) != 23 {
			f.t.Errorf("endpoint %+v after %d attempts", now, len(c.all()))
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	f := once(t)
	c := catch(t)
	f.allowLoopback()
	e, _ := f.create(c.URL)
	for header, want := range map[string]time.Duration{
		"90": 90 * time.Second, f.clock.now().Add(2 * time.Minute).Format(http.TimeFormat): 2 * time.Minute, "999999999": longestWait, "soon": 5 * time.Second, "-5": 5 * time.Second,
		"Mon, 02 Jan 2006 15:04:05 GMT": 5 * time.Second,
	} {
		c.say(http.StatusTooManyRequests, "Retry-After", header)
		f.write(func(ctx context.Context, tx store.Tx) error {
			return f.store.EnableEndpoint(ctx, tx, e.ID, f.clock.now())
		})
		f.tell("{}", e.ID)
		f.send()
		s := f.sendings(e.ID)[0]
		if got := s.NextTry.Sub(f.clock.now()); got != want {
			t.Errorf("Retry-After %s: the message waits %s; want %s", header, got, want)
		}
		if got := f.endpointNow(e.ID).NextTry.Sub(f.clock.now()); got != want {
			t.Errorf("Retry-After %s: the endpoint rests %s; want %s", header, got, want)
		}
	}
}

func TestGoneDisablesAndIsTold(t *testing.T) {
	each(t, func(f *fixture) {
		c, other := catch(f.t), catch(f.t)
		f.allowLoopback()
		e, _ := f.create(c.URL)
		o, _ := f.create(other.URL)
		c.say(http.StatusGone)
		f.tell("{}", e.ID)
		f.send()
		now := f.endpointNow(e.ID)
		if !now.Disabled || !strings.Contains(now.DisabledWhy, "410 Gone") || now.Failed != 1 || now.DisabledAt.IsZero() {
			f.t.Errorf("endpoint %+v", now)
		}
		if err := f.Evaluate(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
		f.send()
		got := other.all()
		if len(got) != 1 || !strings.Contains(string(got[0].body), `"type":"alert.begun"`) || !strings.Contains(string(got[0].body), "410 Gone") ||
			!strings.Contains(string(got[0].body), `"https://orderly.test/settings/webhooks/`+e.ID+`"`) {
			f.t.Errorf("the other endpoint %s gets %q", o.ID, got)
		}
		// It is enabled again, and what has failed is sent again.
		c.say(http.StatusOK)
		if _, err := f.ResendFailed(f.t.Context(), e.ID, time.Time{}, "anna", "repaired"); err == nil {
			f.t.Error("a disabled endpoint is sent to")
		}
		if err := f.EnableEndpoint(f.t.Context(), e.ID, "anna", "repaired"); err != nil {
			f.t.Fatal(err)
		}
		n, err := f.ResendFailed(f.t.Context(), e.ID, f.clock.now().Add(-time.Hour), "anna", "repaired")
		if err != nil || n != 1 {
			f.t.Errorf("%d are sent again, %v", n, err)
		}
		if f.send(); f.sendings(e.ID)[0].State != store.SendingSent {
			f.t.Errorf("sendings %+v", f.sendings(e.ID))
		}
	})
}

func TestWhatWasWrittenBeforeACrashIsSentAfterIt(t *testing.T) {
	each(t, func(f *fixture) {
		c := catch(f.t)
		f.allowLoopback()
		e, _ := f.create(c.URL)
		// The message is committed, and the process ends in the middle of the attempt.
		f.tell(`{"n":1}`, e.ID)
		dying, die := context.WithCancel(f.t.Context())
		c.mu.Lock()
		c.answer = func(_ http.ResponseWriter, r *http.Request) {
			die()
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // so that no answer can be on its way either
		}
		c.mu.Unlock()
		if err := f.Send(dying, e.ID); err == nil {
			f.t.Error("an attempt that was cut off is a success")
		}
		if s := f.sendings(e.ID)[0]; s.State != store.SendingWaiting || len(s.Attempts) != 0 {
			f.t.Errorf("after the crash: %+v", s)
		}
		// Another process goes on.
		c.say(http.StatusOK)
		again := newFixture(f.t, f.store)
		again.send()
		got := c.all()
		if s := again.sendings(e.ID)[0]; s.State != store.SendingSent || len(got) != 2 || got[0].header.Get("webhook-id") != got[1].header.Get("webhook-id") {
			f.t.Errorf("after the restart: %+v, %d attempts", s, len(got))
		}
	})
}

func TestASlowEndpointIsCutOffAndManyAreSentAtOnce(t *testing.T) {
	f := once(t)
	release := make(chan struct{})
	slow := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	f.allowLoopback()
	f.client.Timeout = 20 * time.Millisecond
	e, _ := f.create(slow.URL)
	f.tell("{}", e.ID)
	f.send()
	if s := f.sendings(e.ID)[0]; len(s.Attempts) != 1 || s.Attempts[0].Error != "no answer within 15 seconds" || s.Attempts[0].Status != 0 {
		t.Errorf("sending %+v", s)
	}

	f.client.Timeout = sendTime
	var now, most atomic.Int64
	all := make(chan struct{})
	busy := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n := now.Add(1); n == together {
			most.Store(n)
			close(all)
		}
		<-all // nobody is answered before all are there
	}))
	defer busy.Close()
	b, _ := f.create(busy.URL)
	for range together {
		f.tell("{}", b.ID)
	}
	f.send()
	if most.Load() != together {
		t.Errorf("%d at once", most.Load())
	}
}

func TestAnswersThatAreNoSuccess(t *testing.T) {
	f := once(t)
	f.allowLoopback()
	closed := httptest.NewTLSServer(nil)
	closed.Close()
	plain := httptest.NewServer(nil)
	defer plain.Close()
	other := catch(t)
	flood := catch(t)
	flood.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for range 1000 {
			if _, err := w.Write(make([]byte, 10_000)); err != nil {
				return
			}
		}
	}
	for name, c := range map[string]struct {
		url, says string
	}{
		"nobody listens": {closed.URL + "/?token=hush", "the connection was refused"},
		"no TLS":         {strings.Replace(plain.URL, "http:", "https:", 1), "it does not speak TLS"},
		"another name":   {strings.Replace(other.URL, "127.0.0.1", "localhost", 1), "for another name"},
		"a long answer":  {flood.URL, "500 Internal Server Error"},
	} {
		e, _ := f.create(c.url)
		f.tell("{}", e.ID)
		f.send()
		s := f.sendings(e.ID)[0]
		if len(s.Attempts) != 1 || s.Attempts[0].Error == "" || !strings.Contains(s.Attempts[0].Error, c.says) || strings.Contains(s.Attempts[0].Error, "hush") {
			t.Errorf("%s: %+v", name, s.Attempts)
		}
	}
	stranger := newFixture(t, f.store)
	stranger.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
	e, _ := f.create(other.URL)
	f.tell("{}", e.ID)
	stranger.send()
	if s := f.sendings(e.ID)[0]; len(s.Attempts) != 1 || !strings.Contains(s.Attempts[0].Error, "authority") {
		t.Errorf("an unknown authority: %+v", s.Attempts)
	}
}

func TestATestMessageIsSentAtOnceAndOnce(t *testing.T) {
	each(t, func(f *fixture) {
		c := catch(f.t)
		f.allowLoopback()
		e, secret := f.create(c.URL)
		a, err := f.TestEndpoint(f.t.Context(), e.ID, "anna", "try")
		if err != nil || a.Status != 200 || a.Error != "" {
			f.t.Errorf("attempt %+v, %v", a, err)
		}
		got := c.all()
		if err := verify(f.t, secret, got[0].header, got[0].body); err != nil || !strings.Contains(string(got[0].body), `"type":"test"`) {
			f.t.Errorf("message %s, %v", got[0].body, err)
		}
		c.say(http.StatusUnauthorized)
		if a, err = f.TestEndpoint(f.t.Context(), e.ID, "anna", "try"); err != nil || a.Status != 401 || a.Error == "" {
			f.t.Errorf("attempt %+v, %v", a, err)
		}
		f.clock.move(24 * time.Hour)
		f.send()
		if s := f.sendings(e.ID); len(s) != 2 || s[0].State != store.SendingFailed || s[1].State != store.SendingSent || len(c.all()) != 2 {
			f.t.Errorf("sendings %+v", s)
		}
		if _, err := f.TestEndpoint(f.t.Context(), "ep_nobody", "anna", "try"); err == nil {
			f.t.Error("an endpoint that is not there is tested")
		}
	})
}

func TestATestMessageIsSentOnceAlsoWhenTheCallerGoes(t *testing.T) {
	each(t, func(f *fixture) {
		c := catch(f.t)
		f.allowLoopback()
		e, _ := f.create(c.URL)
		ctx, leave := context.WithCancel(f.t.Context())
		defer leave()
		c.do(func(w http.ResponseWriter, _ *http.Request) {
			leave()
			w.WriteHeader(http.StatusInternalServerError)
		})
		if a, err := f.TestEndpoint(ctx, e.ID, "anna", "try"); err != nil || a.Status != http.StatusInternalServerError {
			f.t.Errorf("attempt %+v, %v", a, err)
		}
		// One that was left behind, as after a crash, is sent once as well.
		f.write(func(ctx context.Context, tx store.Tx) error {
			_, err := f.store.AddMessage(ctx, tx, typeTest, []byte("{}"), []string{e.ID}, f.clock.now(), f.clock.now())
			return err
		})
		for range 3 {
			f.clock.move(24 * time.Hour)
			f.send()
		}
		for _, s := range f.sendings(e.ID) {
			if s.State != store.SendingFailed || len(s.Attempts) != 1 {
				f.t.Errorf("sending %+v", s)
			}
		}
		if n := len(c.all()); n != 2 {
			f.t.Errorf("%d messages were sent; want 2", n)
		}
	})
}

func TestWhatWaitsForAReceiverThatIsGoneIsGivenUp(t *testing.T) {
	f := once(t)
	f.tell("{}", ChannelEmail, "slack:gone", "ep_gone")
	f.send()
	for _, receiver := range []string{ChannelEmail, "slack:gone", "ep_gone"} {
		if s := f.sendings(receiver); len(s) != 1 || s[0].State != store.SendingFailed {
			t.Errorf("%s: %+v", receiver, s)
		}
	}
}
