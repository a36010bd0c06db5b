package httpx

import (
	"context"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// take enters and leaves at once; it gives how long that took.
func take(t *testing.T, p *pace) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := p.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.leave()
	return time.Since(begin)
}

func TestTheRateIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		rate     float64
		requests int
		want     time.Duration
	}{
		"no limit":               {0, 1000, 0},
		"two a second":           {2, 11, 5 * time.Second},
		"one in four seconds":    {0.25, 4, 12 * time.Second},
		"ten a second":           {10, 31, 3 * time.Second},
		"a thousand in a second": {1000, 3001, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPace(4, c.rate)
				begin := time.Now()
				for range c.requests {
					take(t, p)
				}
				// A burst of one second's requests may be saved up before.
				if took := time.Since(begin).Round(time.Millisecond); took > c.want || took < c.want-time.Second {
					t.Errorf("%d requests took %s, want %s at most and a second less at least", c.requests, took, c.want)
				}
			})
		})
	}
}

func TestNoMoreAtOnceThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(_ http.ResponseWriter, _ *http.Request) { time.Sleep(time.Second) },
			func(o *Options) { o.Settings.Concurrency = 3 })
		begin := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := get(t, n); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if s := n.gate.State(); s.InFlight != 3 || s.Waiting != 7 || s.Concurrency != 3 {
			t.Errorf("state %+v", s)
		}
		all.Wait()
		if took := time.Since(begin); took != 4*time.Second || n.mostBusy != 3 {
			t.Errorf("10 requests of a second took %s, at most %d at once", took, n.mostBusy)
		}
	})
}

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1, 0)
		if err := p.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				if err := p.enter(t.Context()); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				p.leave()
			})
			synctest.Wait()
		}
		p.leave()
		all.Wait()
		if !slices.IsSorted(order) || len(order) != 5 {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestWhoGivesUpLosesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1, 0)
		if err := p.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i%3)*time.Second)
			all.Go(func() {
				defer cancel()
				if err := p.enter(ctx); err == nil {
					p.leave()
				} else if kindOf(err) != connector.KindUnavailable {
					t.Errorf("gave up with %v", err)
				}
			})
		}
		time.Sleep(2 * time.Second) // the place comes free at the instant when some give up
		p.leave()
		all.Wait()
		if p.busy != 0 || len(p.waiting) != 0 {
			t.Errorf("%d busy and %d waiting at the end", p.busy, len(p.waiting))
		}
	})
}

func TestAPlaceThatComesToOneWhoGivesUpIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1, 0)
		for range 500 { // which of the two the waiting one sees first is chance
			if err := p.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- p.enter(ctx) }()
			synctest.Wait()
			cancel()
			p.leave()
			if err := <-ended; err == nil {
				p.leave()
			}
			if p.busy != 0 || len(p.waiting) != 0 {
				t.Fatalf("%d busy and %d waiting at the end", p.busy, len(p.waiting))
			}
		}
	})
}

func TestWhoIsRefusedTakesNobodysTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(4, 0.5)
		take(t, p)
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 5 {
			if err := p.enter(hurried); kindOf(err) != connector.KindRateLimited {
				t.Fatalf("got %v", err)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := p.enter(gone); kindOf(err) != connector.KindUnavailable {
			t.Fatalf("got %v", err)
		}
		if took := take(t, p); took != time.Second {
			t.Errorf("the next waited %s, want the second that was left", took)
		}
	})
}

func TestRefusalsHalveTheShareAndTimeBringsItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(8, 80)
		shares := func() (share float64, places int, rate float64) {
			return p.share, p.allowed(), float64(p.limiter.Limit())
		}
		expect := func(share float64, places int) {
			t.Helper()
			if s, n, r := shares(); s != share || n != places || math.Abs(r-80*share) > 1e-9 {
				t.Errorf("share %v, %d places, %v a second; want %v, %d, %v", s, n, r, share, places, 80*share)
			}
		}
		expect(1, 8)
		p.refused(0)
		expect(0.5, 4)
		p.refused(0) // of the same burst
		expect(0.5, 4)
		for range 10 {
			time.Sleep(slowEvery)
			p.refused(0)
		}
		expect(minShare, 1)
		p.accepted()
		expect(minShare, 1) // not at once
		for i := 2; i <= 16; i++ {
			time.Sleep(raiseEvery)
			p.accepted()
			p.accepted() // one step in each raiseEvery, however many are accepted
			expect(float64(i)/16, (i+1)/2)
		}
		time.Sleep(raiseEvery)
		p.accepted()
		expect(1, 8)
	})
}

func TestARefusalMakesAPause(t *testing.T) {
	for name, c := range map[string]struct {
		happen func(p *pace)
		want   time.Duration
	}{
		"nothing":                       {func(*pace) {}, 0},
		"a refusal that names a wait":   {func(p *pace) { p.refused(3 * time.Second) }, 3 * time.Second},
		"a refusal that names none":     {func(p *pace) { p.refused(0) }, time.Second},
		"two in a row":                  {func(p *pace) { p.refused(0); <-time.After(time.Second); p.refused(0) }, 2 * time.Second},
		"four in a row":                 {func(p *pace) { refuse(p, 4) }, 8 * time.Second},
		"a success between":             {func(p *pace) { refuse(p, 4); p.accepted(); <-time.After(20 * time.Second); p.refused(0) }, time.Second},
		"a success that came after it":  {func(p *pace) { p.refused(0); p.accepted(); p.refused(0) }, time.Second},
		"a shorter wait after a longer": {func(p *pace) { p.refused(9 * time.Second); p.pauseFor(time.Second) }, 9 * time.Second},
		"limits with nothing left":      {func(p *pace) { p.told(Limits{Left: 0, Wait: 4 * time.Second}) }, 4 * time.Second},
		"limits with something left":    {func(p *pace) { p.told(Limits{Left: 1, Wait: 4 * time.Second}) }, 0},
		"limits that name no wait":      {func(p *pace) { p.told(Limits{Left: 0}) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPace(2, 0)
				c.happen(p)
				if took := take(t, p); took != c.want {
					t.Errorf("the next request waited %s, want %s", took, c.want)
				}
			})
		})
	}
}

func refuse(p *pace, times int) {
	for i := range times {
		if i > 0 {
			<-time.After(max(slowEvery, p.pauseLeft()))
		}
		p.refused(0)
	}
}

func TestThePauseAfterManyRefusalsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(2, 0)
		refuse(p, 100)
		if left := p.pauseLeft(); left != maxPause {
			t.Errorf("a pause of %s", left)
		}
	})
}

func TestWaitsThatAreTooLongAreTheQueues(t *testing.T) {
	for name, c := range map[string]struct {
		deadline time.Duration // 0 is none
		pause    time.Duration
		rate     float64
		want     connector.ErrorKind
		retry    time.Duration
	}{
		"a pause that fits":              {0, maxWait, 0, "", 0},
		"a pause that is too long":       {0, maxWait + time.Second, 0, connector.KindRateLimited, maxWait + time.Second},
		"a pause beyond the deadline":    {5 * time.Second, 6 * time.Second, 0, connector.KindRateLimited, 6 * time.Second},
		"a pause before the deadline":    {5 * time.Second, 4 * time.Second, 0, "", 0},
		"a rate that is too slow":        {0, 0, 0.01, connector.KindRateLimited, 100 * time.Second},
		"a rate too slow for a deadline": {5 * time.Second, 0, 0.1, connector.KindRateLimited, 10 * time.Second},
		"a rate that fits in a deadline": {5 * time.Second, 0, 0.5, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPace(2, c.rate)
				take(t, p)
				p.pauseFor(c.pause)
				ctx := t.Context()
				if c.deadline > 0 {
					short, cancel := context.WithTimeout(ctx, c.deadline)
					defer cancel()
					ctx = short
				}
				begin := time.Now()
				err := p.enter(ctx)
				if kindOf(err) != c.want {
					t.Fatalf("got %v, want %q", err, c.want)
				}
				if err != nil {
					if got := detail(t, err).RetryAfter; got.Round(time.Millisecond) != c.retry || time.Since(begin) != 0 {
						t.Errorf("RetryAfter %s after waiting %s", got, time.Since(begin))
					}
				} else {
					p.leave()
				}
				if p.busy != 0 {
					t.Errorf("%d places are kept", p.busy)
				}
			})
		})
	}
}

func TestARequestThatWaitsForItsTurnCanBeEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1, 0)
		p.pauseFor(20 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begin := time.Now()
		if err := p.enter(ctx); kindOf(err) != connector.KindUnavailable || time.Since(begin) != time.Second {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		if p.busy != 0 {
			t.Error("the place is kept")
		}
	})
}

func TestALongerPauseComesWhileOneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1, 0)
		p.pauseFor(2 * time.Second)
		time.AfterFunc(time.Second, func() { p.pauseFor(5 * time.Second) })
		if took := take(t, p); took != 6*time.Second {
			t.Errorf("waited %s", took)
		}
		p.pauseFor(2 * time.Second)
		time.AfterFunc(time.Second, func() { p.pauseFor(time.Hour) })
		if err := p.enter(t.Context()); kindOf(err) != connector.KindRateLimited {
			t.Errorf("a pause of an hour while waiting: %v", err)
		}
	})
}

func TestTheBudgetChangesWhileRequestsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connect(t, func(_ http.ResponseWriter, _ *http.Request) { time.Sleep(time.Second) },
			func(o *Options) { o.Settings.Concurrency = 1 })
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() { _ = get(t, n) })
		}
		synctest.Wait()
		n.gate.Resize(4, 0)
		synctest.Wait()
		if s := n.gate.State(); s.InFlight != 4 || s.Waiting != 5 {
			t.Errorf("after more: %+v", s)
		}
		n.gate.Resize(2, 50)
		time.Sleep(time.Second)
		synctest.Wait()
		if s := n.gate.State(); s.InFlight != 2 || s.Waiting != 3 || s.RatePerSecond != 50 {
			t.Errorf("after fewer: %+v", s)
		}
		n.gate.Resize(0, 0)
		if got := n.gate.State().Concurrency; got != 1 {
			t.Errorf("nothing is allowed any more: %d", got)
		}
		all.Wait()
	})
}

func TestTheVendorsStatusReachesThePace(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		after  string
		share  float64
		pause  time.Duration
	}{
		"200":                  {200, "", 1, 0},
		"429":                  {429, "", 0.5, time.Second},
		"429 with Retry-After": {429, "5", 0.5, 5 * time.Second},
		"503":                  {503, "", 1, 0},
		"503 with Retry-After": {503, "5", 1, 5 * time.Second},
		"500 with Retry-After": {500, "5", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := connect(t, func(w http.ResponseWriter, _ *http.Request) {
					if c.after != "" {
						w.Header().Set("Retry-After", c.after)
					}
					w.WriteHeader(c.status)
				})
				_ = get(t, n)
				s := n.gate.State()
				if pause := time.Until(s.PausedUntil); s.Share != c.share || max(pause, 0) != c.pause {
					t.Errorf("share %v and a pause of %s, want %v and %s", s.Share, pause, c.share, c.pause)
				}
			})
		})
	}
}
