package httpx

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/orderlyhq/orderly/connector"
)

const (
	// maxWait is how long a request waits for its turn; longer waits are the queue's.
	maxWait = 30 * time.Second
	// minShare is the smallest share of the budget that a connection slows down to.
	minShare = 1.0 / 16
	// shareStep is what a connection gains back of its budget in each raiseEvery without a refusal.
	shareStep  = 1.0 / 16
	raiseEvery = 5 * time.Second
	// slowEvery keeps a burst of refusals, which have one cause, from counting more than once.
	slowEvery = time.Second
	// maxPause bounds the wait after refusals that name none.
	maxPause = time.Minute
)

// Limits is what a vendor says is left of its own budget.
type Limits struct {
	Left int `json:"left"`
	Max  int `json:"max,omitempty"`
	// Wait is how long to hold back when nothing is left.
	Wait time.Duration `json:"-"`
}

// pace bounds the requests of a connection: how many at once, how many a second, and none while the
// vendor wants a pause. Refusals halve its share of the budget, and time without refusals brings it
// back step by step (additive increase, multiplicative decrease).
type pace struct {
	mu      sync.Mutex
	places  int
	busy    int
	waiting []chan struct{} // first come, first served; closed when the place is theirs

	budget  rate.Limit // 0 is none
	limiter *rate.Limiter

	share       float64
	slowedAt    time.Time
	raisedAt    time.Time
	strikes     int // refusals in a row that named no wait
	pausedUntil time.Time
	limits      *Limits
}

func newPace(places int, perSecond float64) *pace {
	p := &pace{share: 1, limiter: rate.NewLimiter(rate.Inf, 1)}
	p.resize(places, perSecond)
	return p
}

// resize changes the budget; requests on their way keep their places.
func (p *pace) resize(places int, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.places, p.budget = max(places, 1), rate.Limit(perSecond)
	p.apply()
}

// apply brings the limiter to the present share and lets those in who have a place now.
func (p *pace) apply() {
	if p.budget <= 0 {
		p.limiter.SetLimit(rate.Inf)
	} else {
		limit := p.budget * rate.Limit(p.share)
		p.limiter.SetLimit(limit)
		p.limiter.SetBurst(max(1, int(limit)))
	}
	for len(p.waiting) > 0 && p.busy < p.allowed() {
		p.busy++
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
	}
}

func (p *pace) allowed() int {
	return max(1, int(math.Ceil(float64(p.places)*p.share)))
}

// enter waits for a place and for the request's turn. After a nil error leave must follow.
func (p *pace) enter(ctx context.Context) error {
	if err := p.tooLong(ctx, p.pauseLeft()); err != nil {
		return err
	}
	if err := p.place(ctx); err != nil {
		return err
	}
	if err := p.turn(ctx); err != nil {
		p.leave()
		return err
	}
	return nil
}

// place waits until fewer requests than allowed are on their way.
func (p *pace) place(ctx context.Context) error {
	p.mu.Lock()
	if p.busy < p.allowed() && len(p.waiting) == 0 {
		p.busy++
		p.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	p.waiting = append(p.waiting, ready)
	p.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.waiting {
		if other == ready {
			p.waiting = append(p.waiting[:i:i], p.waiting[i+1:]...)
			return gaveUp(ctx)
		}
	}
	// The place came at the same moment: pass it on.
	p.busy--
	p.apply()
	return gaveUp(ctx)
}

// turn waits until the vendor's pause is over and the rate allows a request.
func (p *pace) turn(ctx context.Context) error {
	for {
		wait := p.pauseLeft()
		if wait <= 0 {
			break
		}
		if err := p.tooLong(ctx, wait); err != nil {
			return err
		}
		if !pause(ctx, wait) {
			return gaveUp(ctx)
		}
	}
	reservation := p.limiter.Reserve()
	wait := reservation.Delay()
	if err := p.tooLong(ctx, wait); err != nil {
		reservation.Cancel()
		return err
	}
	if wait > 0 && !pause(ctx, wait) {
		reservation.Cancel()
		return gaveUp(ctx)
	}
	return nil
}

// tooLong refuses a wait that nobody should sit through, so that the caller can do something else.
func (p *pace) tooLong(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	deadline, bounded := ctx.Deadline()
	if wait <= maxWait && (!bounded || wait < time.Until(deadline)) {
		return nil
	}
	return &connector.Error{
		Kind:       connector.KindRateLimited,
		Message:    "the connection's budget of requests is used up, or the system asked for a pause",
		RetryAfter: wait,
	}
}

func gaveUp(ctx context.Context) error {
	return &connector.Error{
		Kind:    connector.KindUnavailable,
		Message: "gave up while waiting for the connection's turn",
		Err:     context.Cause(ctx),
	}
}

func (p *pace) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	p.apply()
}

func (p *pace) pauseLeft() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.pausedUntil)
}

// refused slows down after the vendor refused a request as one too many. A wait of 0 is none named.
func (p *pace) refused(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.slowedAt) >= slowEvery {
		p.share = max(p.share/2, minShare)
		p.slowedAt = now
		p.strikes++
		p.apply()
	}
	if wait <= 0 {
		// An answer of another request may just have set the strikes back to 0.
		wait = min(time.Second<<min(max(p.strikes-1, 0), 10), maxPause)
	}
	p.hold(now.Add(wait))
}

// pauseFor sends nothing for a time.
func (p *pace) pauseFor(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold(time.Now().Add(wait))
}

func (p *pace) hold(until time.Time) {
	if until.After(p.pausedUntil) {
		p.pausedUntil = until
	}
}

// accepted notes that the vendor took a request, and speeds up again after a while.
func (p *pace) accepted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strikes = 0
	now := time.Now()
	if p.share >= 1 || now.Sub(p.slowedAt) < raiseEvery || now.Sub(p.raisedAt) < raiseEvery {
		return
	}
	p.share = min(1, p.share+shareStep)
	p.raisedAt = now
	p.apply()
}

// told notes what the vendor says of its limits.
func (p *pace) told(limits Limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits = &limits
	if limits.Left <= 0 && limits.Wait > 0 {
		p.hold(time.Now().Add(limits.Wait))
	}
}
