package connectortest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// pressureChecks are about systems in trouble, and about connections that must not write.
func pressureChecks() []check {
	return []check{
		{name: "pressure/too many requests are told with the wait", run: tooManyRequests},
		{name: "pressure/a failing system is unavailable", run: failingSystem},
		{name: "pressure/a failing system may have written", needs: []ability{orderWriter}, run: failingWrite},
		{name: "pressure/nobody listens", run: nobodyListens},
		{name: "pressure/no answer ends with the context", run: noAnswer},
		{name: "pressure/a page of HTML is no answer", run: htmlAnswer},
		{name: "pressure/an ended session is renewed", run: endedSession},
		{name: "pressure/an ended context sends nothing", run: endedContext},
		{name: "dry run/what reads works and nothing is written", run: dryRun},
	}
}

func asError(err error) (*connector.Error, bool) { return errors.AsType[*connector.Error](err) }

// reading are calls that only read, one for each ability.
func (f *fixture) reading(conn *connector.Conn) map[string]func(ctx context.Context) error {
	out := map[string]func(ctx context.Context) error{}
	if conn.Lister != nil {
		out["list"] = func(ctx context.Context) error {
			_, err := conn.Lister.List(ctx, orders(connector.Query{Limit: 5}))
			return err
		}
	}
	if conn.Counter != nil {
		out["count"] = func(ctx context.Context) error {
			_, err := conn.Counter.Count(ctx, orders(connector.Query{}))
			return err
		}
	}
	if conn.Items != nil {
		out["find items"] = func(ctx context.Context) error { _, err := conn.Items.FindItems(ctx, []string{"MUG-BLUE"}); return err }
	}
	if conn.Customers != nil {
		out["find customer"] = func(ctx context.Context) error {
			_, err := conn.Customers.FindCustomer(ctx, connector.CustomerQuery{Rule: connector.MatchEmail, Customer: erika("erika@example.com")})
			return err
		}
	}
	if conn.Orders != nil {
		out["find orders"] = func(ctx context.Context) error {
			_, err := conn.Orders.FindOrders(ctx, []connector.Key{"suite-1"})
			return err
		}
	}
	if conn.Taxes != nil {
		out["taxes"] = func(ctx context.Context) error { _, err := conn.Taxes.Taxes(ctx); return err }
	}
	if conn.Stock != nil {
		out["stock"] = func(ctx context.Context) error { _, err := conn.Stock.Stock(ctx, []string{"MUG-BLUE"}, ""); return err }
	}
	if len(out) == 0 {
		out["check"] = func(ctx context.Context) error { _, err := conn.Connector.Check(ctx); return err }
	}
	return out
}

// reads makes every reading call under a fault, each with a fresh connection, and gives the errors.
func (f *fixture) reads(fl fault, judge func(what string, err error)) {
	f.Helper()
	f.disorder = true
	for what := range f.reading(f.conn) {
		conn := f.open(f.values)
		call := f.reading(conn)[what]
		if err := call(f.ctx()); err != nil {
			f.Fatalf("%s without trouble: %v", what, err)
		}
		f.wire.always(fl)
		err := call(f.ctx())
		asked := len(f.wire.exchanges()) > 0
		f.wire.trouble(nil)
		if asked || err != nil { // what is remembered meets no trouble
			judge(what, err)
		}
	}
}

func tooManyRequests(f *fixture) {
	f.reads(fault{kind: answered, status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"37"}}}, func(what string, err error) {
		if e, ok := asError(err); !ok || e.Kind != connector.KindRateLimited || e.RetryAfter != 37*time.Second {
			f.Errorf("%s: 429 with Retry-After 37 gives %v; want KindRateLimited with that wait", what, err)
		}
	})
	f.reads(fault{kind: answered, status: http.StatusTooManyRequests}, func(what string, err error) {
		if connector.KindOf(err) != connector.KindRateLimited {
			f.Errorf("%s: 429 gives %v; want KindRateLimited", what, err)
		}
	})
}

func failingSystem(f *fixture) {
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		f.reads(fault{kind: answered, status: status, body: "<html>oops</html>"}, func(what string, err error) {
			if connector.KindOf(err) != connector.KindUnavailable {
				f.Errorf("%s: status %d gives %v (%s); want KindUnavailable", what, status, err, connector.KindOf(err))
			}
		})
	}
}

func failingWrite(f *fixture) {
	d := f.draft("suite-1", orderForm{}.order(), f.buyer())
	f.disorder = true
	f.wire.trouble(func(e exchange) *fault {
		if e.safe {
			return nil
		}
		return &fault{kind: overridden, status: http.StatusBadGateway, body: "<html>oops</html>"}
	})
	_, err := f.conn.Orders.SaveOrder(f.ctx(), d)
	f.wire.trouble(nil)
	if connector.KindOf(err) != connector.KindMaybeApplied {
		f.Errorf("a write answered by 502 gives %v (%s); want KindMaybeApplied", err, connector.KindOf(err))
	}
}

func nobodyListens(f *fixture) {
	f.reads(fault{kind: refused}, func(what string, err error) {
		if connector.KindOf(err) != connector.KindUnavailable {
			f.Errorf("%s: a refused connection gives %v (%s); want KindUnavailable", what, err, connector.KindOf(err))
		}
	})
	f.reads(fault{kind: cutBefore}, func(what string, err error) {
		if connector.KindOf(err) != connector.KindUnavailable {
			f.Errorf("%s: a cut connection gives %v (%s); want KindUnavailable", what, err, connector.KindOf(err))
		}
	})
}

func noAnswer(f *fixture) {
	f.disorder = true
	for what := range f.reading(f.conn) {
		conn := f.open(f.values)
		ctx, cancel := context.WithTimeout(f.ctx(), time.Minute)
		f.wire.always(fault{kind: hanging})
		before := time.Now()
		err := f.reading(conn)[what](ctx)
		f.wire.trouble(nil)
		cancel()
		if waited := time.Since(before); waited > 2*time.Minute {
			f.Errorf("%s goes on for %s after its context ended", what, waited-time.Minute)
		}
		if kind := connector.KindOf(err); err == nil || !kind.Temporary() {
			f.Errorf("%s without an answer gives %v (%s); want an error that may pass", what, err, kind)
		}
	}
}

func htmlAnswer(f *fixture) {
	f.reads(fault{kind: answered, status: http.StatusOK, body: "<html>please sign in to the proxy</html>"}, func(what string, err error) {
		if err == nil {
			f.Errorf("%s takes a page of HTML for an answer", what)
		}
	})
}

func endedSession(f *fixture) {
	if f.vendor.ExpireSessions == nil {
		f.applies = false
		f.Skip("the vendor has no sessions")
	}
	for what, call := range f.reading(f.conn) {
		if err := call(f.ctx()); err != nil {
			f.Fatalf("%s: %v", what, err)
		}
		f.vendor.ExpireSessions()
		if err := call(f.ctx()); err != nil {
			f.Errorf("%s after the session ended: %v", what, err)
		}
	}
	if f.conn.Orders == nil {
		return
	}
	d := f.draft("suite-1", orderForm{}.order(), f.buyer())
	f.vendor.ExpireSessions()
	f.save(d)
	if n := len(f.documents()); n != 1 {
		f.Errorf("%d documents; want 1", n)
	}
}

func endedContext(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx())
	cancel()
	for what := range f.reading(f.conn) {
		conn := f.open(f.values)
		f.wire.trouble(nil)
		if err := f.reading(conn)[what](ctx); err == nil && len(f.wire.exchanges()) > 0 {
			f.Errorf("%s goes on although its context has ended", what)
		}
		if n := len(f.wire.exchanges()); n > 0 {
			f.Errorf("%s sends %d requests although its context has ended", what, n)
		}
	}
}

// dryWire refuses what is not known to read only, as a dry run's client does.
type dryWire struct{ *wire }

func (d dryWire) RoundTrip(req *http.Request) (*http.Response, error) {
	if !httpx.Safe(req) {
		closeBody(req)
		return nil, &connector.Error{Kind: connector.KindForbidden, Message: httpx.ErrDryRun.Error(), Err: httpx.ErrDryRun}
	}
	return d.wire.RoundTrip(req)
}

func dryRun(f *fixture) {
	var d connector.OrderDraft
	if f.conn.Orders != nil {
		d = f.draft("suite-1", orderForm{}.order(), f.buyer())
	}
	id := ""
	if f.conn.Lister != nil && f.vendor.PutOrder != nil {
		id = f.put(orderForm{}).Source.ExternalID
	}
	before := 0
	if f.vendor.Documents != nil {
		before = len(f.documents())
	}
	conn, err := connector.Open(f.ctx(), f.harness.Definition, f.values, f.env(dryWire{f.wire}))
	if err != nil {
		f.Fatalf("open: %v", err)
	}
	f.opened = append(f.opened, conn)
	for what, call := range f.reading(conn) {
		if err := call(f.ctx()); err != nil {
			f.Errorf("%s in a dry run: %v", what, err)
		}
	}
	if conn.Fetcher != nil && id != "" {
		if _, err := conn.Fetcher.Fetch(f.ctx(), connector.Ref{Kind: commerce.KindOrder, ID: id}); err != nil {
			f.Errorf("fetch in a dry run: %v", err)
		}
	}
	if conn.Orders == nil {
		return
	}
	if _, err := conn.Orders.SaveOrder(f.ctx(), d); !errors.Is(err, httpx.ErrDryRun) {
		f.Errorf("a write in a dry run gives %v; want the refusal of the dry run", err)
	}
	if n := len(f.documents()); n != before {
		f.Errorf("a dry run has made %d documents", n-before)
	}
}
