package notice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// testClock is a clock that stands until it is moved.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *testClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// tally counts what is sent.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) Noticed(form string, result Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[form+" "+string(result)]++
}

func (c *tally) get(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[what]
}

// fixture is notices over an empty store.
type fixture struct {
	*Notices
	t     *testing.T
	store *store.Store
	clock *testClock
	tally *tally
}

// each runs a test on both databases.
func each(t *testing.T, test func(f *fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(newFixture(t, st)) })
}

// once runs a test on SQLite alone, where it makes no difference.
func once(t *testing.T) *fixture {
	t.Helper()
	return newFixture(t, storetest.Open(t, store.Options{Dir: t.TempDir()}))
}

func newFixture(t *testing.T, st *store.Store) *fixture {
	f := &fixture{t: t, store: st, clock: &testClock{at: time.Now().UTC().Truncate(time.Second)}, tally: &tally{n: map[string]int{}}}
	f.Notices = New(Options{
		Store: st, Meter: f.tally, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: f.clock.now, PublicURL: "https://orderly.test/", Version: "test",
		Roots: testRoots(t),
	})
	t.Cleanup(f.Close)
	return f
}

// testCertificate is one for 127.0.0.1 and example.com that testRoots vouch for.
func testCertificate(t testing.TB) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return s.TLS.Certificates[0], s.Certificate()
}

func testRoots(t testing.TB) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	_, certificate := testCertificate(t)
	pool.AddCert(certificate)
	return pool
}

// allowLoopback lets webhooks be sent to servers of the test.
func (f *fixture) allowLoopback() {
	f.t.Helper()
	f.configure(func(c *Config) { c.AllowedNetworks = []string{"127.0.0.0/8", "::1/128"} })
}

func (f *fixture) configure(change func(c *Config)) {
	f.t.Helper()
	c, err := f.Config(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	change(&c)
	if err := f.SaveConfig(f.t.Context(), c, "anna", "test"); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) write(fn func(ctx context.Context, tx store.Tx) error) {
	f.t.Helper()
	if err := f.store.Write(f.t.Context(), fn); err != nil {
		f.t.Fatal(err)
	}
}

// tell writes a message for receivers.
func (f *fixture) tell(data string, receivers ...string) (ids []int64) {
	f.t.Helper()
	f.write(func(ctx context.Context, tx store.Tx) (err error) {
		ids, err = f.store.AddMessage(ctx, tx, "order.synced", []byte(data), receivers, f.clock.now(), f.clock.now())
		return err
	})
	return ids
}

// send does what the jobs do: everything that is due now.
func (f *fixture) send() {
	f.t.Helper()
	due, err := f.store.DueReceivers(f.t.Context(), f.clock.now())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, receiver := range due {
		if err := f.Send(f.t.Context(), receiver); err != nil {
			f.t.Fatal(err)
		}
	}
}

// sendings gives what is on its way to a receiver, newest first.
func (f *fixture) sendings(receiver string) []Sending {
	f.t.Helper()
	list, err := f.Sendings(f.t.Context(), store.SendingFilter{Endpoint: receiver, Limit: 100})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// catcher is a receiver that keeps what it gets and answers as it is told.
type catcher struct {
	*httptest.Server
	mu     sync.Mutex
	got    []caught
	answer func(w http.ResponseWriter, r *http.Request)
}

type caught struct {
	header http.Header
	body   []byte
}

func catch(t testing.TB) *catcher {
	t.Helper()
	c := &catcher{}
	c.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		c.got = append(c.got, caught{r.Header, body})
		answer := c.answer
		c.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *catcher) say(status int, header ...string) {
	c.do(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	})
}

// do has each message answered so.
func (c *catcher) do(answer func(w http.ResponseWriter, r *http.Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *catcher) all() []caught {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]caught(nil), c.got...)
}

// create adds an endpoint at a receiver that wants everything.
func (f *fixture) create(url string) (Endpoint, string) {
	f.t.Helper()
	e, secret, err := f.CreateEndpoint(f.t.Context(), EndpointDraft{URL: url, Events: EventTypes()}, "anna", "test")
	if err != nil {
		f.t.Fatal(err)
	}
	return e, secret
}

func (f *fixture) endpointNow(id string) Endpoint {
	f.t.Helper()
	e, err := f.Endpoint(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}
