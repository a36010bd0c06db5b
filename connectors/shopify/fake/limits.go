package fake

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// plan is what a plan of Shopify allows: the size of REST's bucket in requests, and the points that
// GraphQL restores in a second. (shopify.dev/docs/api/usage/limits)
type plan struct{ requests, points int64 }

var (
	standardPlan = plan{requests: 40, points: 100}
	plusPlan     = plan{requests: 400, points: 1000}
)

// rest is REST's leaky bucket: every plan empties it in 20 seconds.
func (p plan) rest() bucket { return bucket{size: p.requests, perSecond: p.requests / 20} }

// graph is GraphQL's bucket: 20 seconds of points.
func (p plan) graph() bucket { return bucket{size: 20 * p.points, perSecond: p.points} }

// bucket fills by use and leaks with time. Its level is kept in thousandths.
type bucket struct {
	size, perSecond int64
	level           int64
	at              time.Time
}

// leak brings the level to the present.
func (b *bucket) leak(now time.Time) {
	if !b.at.IsZero() {
		b.level = max(0, b.level-b.perSecond*now.Sub(b.at).Milliseconds())
	}
	b.at = now
}

// add puts n into the bucket; false when there is no room.
func (b *bucket) add(now time.Time, n int64) bool {
	b.leak(now)
	if b.level+n*1000 > b.size*1000 {
		return false
	}
	b.level += n * 1000
	return true
}

func (b *bucket) used() int64 { return (b.level + 999) / 1000 }
func (b *bucket) left() int64 { return b.size - b.used() }

// throttle lets a REST request in, or answers 429.
func (v *Vendor) throttle(w http.ResponseWriter) bool {
	ok := v.served.add(v.now(), 1)
	w.Header().Set("X-Shopify-Shop-Api-Call-Limit", fmt.Sprintf("%d/%d", v.served.used(), v.served.size))
	if !ok {
		w.Header().Set("Retry-After", strconv.FormatFloat(2, 'f', 1, 64))
		refuse(w, http.StatusTooManyRequests, `{"errors":"Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."}`)
	}
	return ok
}
