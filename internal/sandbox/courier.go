package sandbox

import (
	"bytes"
	"container/heap"
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
)

const (
	// couriers is how many webhooks are on their way at once, of all systems together.
	couriers = 16
	// hookTimeout is how long an attempt takes at most where the vendor does not say.
	hookTimeout = 10 * time.Second
	// reorderDelay is how long a webhook is held back where the fault does not say.
	reorderDelay = time.Second
	// maxReply bounds what is read of a receiver's answer, in bytes.
	maxReply = 1 << 20
)

// WebhookStats counts a system's webhooks.
type WebhookStats struct {
	Sent       int `json:"sent"`      // given to the courier
	Delivered  int `json:"delivered"` // taken by the receiver, duplicates apart
	Failed     int `json:"failed"`    // given up after the last attempt
	Pending    int `json:"pending"`   // on their way or waiting for another attempt
	Attempts   int `json:"attempts"`
	Lost       int `json:"lost"` // by a fault, like the next two
	Duplicated int `json:"duplicated"`
	Reordered  int `json:"reordered"`
}

// postbox is where one vendor puts its webhooks.
type postbox struct {
	courier *courier
	faults  *faults

	mu    sync.Mutex
	count WebhookStats
}

// Send takes a webhook and does not wait.
func (p *postbox) Send(d fake.Delivery) {
	var lost, twice bool
	var held time.Duration
	if list := p.faults.webhooks.Load(); list != nil {
		path := d.URL
		if u, err := url.Parse(d.URL); err == nil {
			path = u.Path
		}
		for _, a := range *list {
			if !a.strikes(http.MethodPost, path) {
				continue
			}
			switch a.Kind {
			case WebhookLost:
				lost = true
			case WebhookDuplicated:
				twice = true
			case WebhookReordered:
				held += max(a.Delay, 0)
				if a.Delay == 0 {
					held += reorderDelay
				}
			}
		}
	}
	p.mu.Lock()
	p.count.Sent++
	switch {
	case lost:
		p.count.Lost++
	case held > 0:
		p.count.Reordered++
	}
	if twice && !lost {
		p.count.Duplicated++
		p.count.Pending++
	}
	if !lost {
		p.count.Pending++
	}
	p.mu.Unlock()
	if lost {
		if d.Done != nil {
			// Not from here: the vendor may hold its lock while it sends.
			p.courier.add(&parcel{box: p, due: time.Now(), delivery: fake.Delivery{Done: d.Done}, lost: true})
		}
		return
	}
	p.courier.add(&parcel{box: p, due: time.Now().Add(held), delivery: d})
	if twice {
		again := d
		again.Done, again.Retries = nil, nil
		p.courier.add(&parcel{box: p, due: time.Now().Add(held), delivery: again, copied: true})
	}
}

func (p *postbox) stats() WebhookStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func (p *postbox) attempted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Attempts++
}

func (p *postbox) ended(parcel *parcel, delivered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Pending--
	switch {
	case parcel.copied:
	case delivered:
		p.count.Delivered++
	default:
		p.count.Failed++
	}
}

// parcel is a webhook that waits for its next attempt.
type parcel struct {
	box      *postbox
	delivery fake.Delivery
	due      time.Time
	order    uint64 // of arrival, for those that are due together
	attempt  int
	copied   bool // the second of a duplicated one
	lost     bool // only its sender has to be told
}

// courier carries webhooks over HTTP, with the retries that the vendor has. Its goroutines end with
// close.
type courier struct {
	longestWait time.Duration
	client      *http.Client
	transport   *http.Transport
	cancel      context.CancelFunc
	ended       <-chan struct{}
	work        chan *parcel
	wake        chan struct{}
	running     sync.WaitGroup

	mu      sync.Mutex
	waiting parcels
	arrived uint64
}

func newCourier(longestWait time.Duration) *courier {
	transport := &http.Transport{MaxIdleConnsPerHost: couriers, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxReply}
	c := &courier{
		longestWait: longestWait, transport: transport,
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		work:   make(chan *parcel), wake: make(chan struct{}, 1),
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, ctx.Done()
	c.running.Go(c.dispatch)
	for range couriers {
		c.running.Go(func() {
			for {
				select {
				case p := <-c.work:
					c.carry(ctx, p)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return c
}

// close stops what is on its way; what has not arrived by then never does.
func (c *courier) close() {
	c.cancel()
	c.running.Wait()
	c.transport.CloseIdleConnections()
}

func (c *courier) add(p *parcel) {
	c.mu.Lock()
	c.arrived++
	p.order = c.arrived
	heap.Push(&c.waiting, p)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // it is awake already
	}
}

// dispatch hands out what is due.
func (c *courier) dispatch() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, in := c.next()
		if next != nil {
			select {
			case c.work <- next:
			case <-c.ended:
				return
			}
			continue
		}
		timer.Reset(in)
		select {
		case <-c.wake:
		case <-timer.C:
		case <-c.ended:
			return
		}
	}
}

// next takes a parcel that is due, or says in how long one may be.
func (c *courier) next() (*parcel, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return nil, time.Hour
	}
	if in := time.Until(c.waiting[0].due); in > 0 {
		return nil, in
	}
	return heap.Pop(&c.waiting).(*parcel), 0
}

// carry makes one attempt and decides what follows.
func (c *courier) carry(ctx context.Context, p *parcel) {
	delivered := p.lost || c.post(ctx, p)
	if ctx.Err() != nil {
		return
	}
	if !delivered && p.attempt < len(p.delivery.Retries) {
		wait := p.delivery.Retries[p.attempt]
		if c.longestWait > 0 {
			wait = min(wait, c.longestWait)
		}
		p.attempt++
		p.due = time.Now().Add(wait)
		c.add(p)
		return
	}
	if p.delivery.Done != nil {
		p.delivery.Done(delivered)
	}
	if !p.lost {
		p.box.ended(p, delivered)
	}
}

// post makes an attempt.
func (c *courier) post(ctx context.Context, p *parcel) bool {
	p.box.attempted()
	timeout := p.delivery.Timeout
	if timeout <= 0 {
		timeout = hookTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.delivery.URL, bytes.NewReader(p.delivery.Body))
	if err != nil {
		return false
	}
	req.Header = p.delivery.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxReply)) // so that the connection can be used again
	if p.delivery.Success != nil {
		return p.delivery.Success(resp.StatusCode)
	}
	return resp.StatusCode >= 200 && resp.StatusCode < 300
}

// parcels is a heap, the one that is due first on top.
type parcels []*parcel

func (q parcels) Len() int { return len(q) }
func (q parcels) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].order < q[j].order
}
func (q parcels) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *parcels) Push(x any)   { *q = append(*q, x.(*parcel)) }
func (q *parcels) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return last
}
