package connectortest

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/orderlyhq/orderly/connector"
)

// connectionName is what connections are called in the suite.
const connectionName = "suite"

// hook is where Orderly takes webhooks in the suite.
const hook = "https://orderly.test/hooks/" + connectionName

// start is when every check begins, in a time that no vendor finds odd.
var start = time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)

// fixture is a fresh vendor with a connection to it.
type fixture struct {
	testing.TB
	harness Harness
	vendor  *Vendor
	wire    *wire
	state   *memoryState
	catalog Catalog
	log     *lockedBuffer
	conn    *connector.Conn
	// values open a connection; baseURL is apart.
	values  map[string]string
	baseURL string
	// applies turns false for a check that is skipped.
	applies bool
	// disorder says that the vendor may see requests it does not expect, because the check makes them.
	disorder bool
	opened   []*connector.Conn
	ignore   goleak.Option

	// items and taxes are what the vendor has, once it was asked.
	items map[string][]connector.Item
	taxes []connector.TaxCode

	mu         sync.Mutex
	deliveries []Delivery
}

func newFixture(t testing.TB, h Harness) *fixture {
	t.Helper()
	time.Sleep(time.Until(start)) // virtual
	f := &fixture{
		TB: t, harness: h, state: newState(), log: &lockedBuffer{}, applies: true,
		catalog: catalog(), ignore: goleak.IgnoreCurrent(),
	}
	f.baseURL = h.BaseURL
	if f.baseURL == "" {
		f.baseURL = "https://vendor.test/" + h.Definition.Name
	}
	base, err := url.Parse(f.baseURL)
	if err != nil {
		t.Fatalf("the harness's BaseURL: %v", err)
	}
	f.wire = &wire{base: base}
	f.vendor = h.New(t, Setup{BaseURL: f.baseURL, Now: time.Now, Catalog: f.catalog, Deliver: f.deliver})
	f.wire.serve(f.vendor.Handler)
	f.values = maps.Clone(f.vendor.Settings)
	maps.Copy(f.values, h.Settings)
	if given := f.values["base_url"]; given != "" {
		f.baseURL = strings.TrimRight(given, "/")
	}
	delete(f.values, "base_url")
	f.conn = f.open(f.values)
	return f
}

// env is what Orderly would give to a connection.
func (f *fixture) env(transport http.RoundTripper) connector.Env {
	return connector.Env{
		Connection: connectionName,
		BaseURL:    f.baseURL,
		HTTP:       &http.Client{Transport: transport, CheckRedirect: sameHostOnly},
		State:      f.state,
		Log:        slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:        time.Now,
	}
}

func sameHostOnly(req *http.Request, via []*http.Request) error {
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// open opens another connection to the vendor: another node, or the same one after a restart.
func (f *fixture) open(values map[string]string) *connector.Conn {
	f.Helper()
	conn, err := f.tryOpen(values)
	if err != nil {
		f.Fatalf("open: %v", err)
	}
	return conn
}

func (f *fixture) tryOpen(values map[string]string) (*connector.Conn, error) {
	conn, err := connector.Open(f.ctx(), f.harness.Definition, values, f.env(f.wire))
	if err == nil {
		f.opened = append(f.opened, conn)
	}
	return conn, err
}

// ctx is a context that no check waits for longer than.
func (f *fixture) ctx() context.Context { return f.Context() }

// finish closes what is open and looks for what is left behind.
func (f *fixture) finish() {
	f.wire.trouble(nil)
	for _, conn := range f.opened {
		if err := conn.Connector.Close(f.ctx()); err != nil && f.applies && !f.disorder {
			f.Errorf("close: %v", err)
		}
	}
	f.settle()
	if f.vendor.Close != nil {
		f.vendor.Close()
	}
	synctest.Wait()
	if err := goleak.Find(f.ignore); err != nil {
		f.Errorf("goroutines are left after Close: %v", err)
	}
	for _, p := range f.wire.panics {
		f.Errorf("the pretend vendor panicked: %s", p)
	}
	if unexpected := f.vendor.Unexpected(); len(unexpected) > 0 && f.applies && !f.disorder {
		f.Errorf("the connector made requests that the vendor does not expect:\n%s", strings.Join(unexpected, "\n"))
	}
	f.noSecretsIn("the log", f.log.String())
}

// deliver keeps a webhook until the check asks for it.
func (f *fixture) deliver(d Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.Header, d.Body = d.Header.Clone(), bytes.Clone(d.Body)
	f.deliveries = append(f.deliveries, d)
}

// settle tells the vendor that its webhooks were taken, and gives them.
func (f *fixture) settle() []Delivery {
	synctest.Wait()
	f.mu.Lock()
	taken := f.deliveries
	f.deliveries = nil
	f.mu.Unlock()
	for _, d := range taken {
		if d.Done != nil {
			d.Done(true)
		}
	}
	return taken
}

// secrets gives the values of the connection's secret settings.
func (f *fixture) secrets() map[string]string {
	out := map[string]string{}
	for _, s := range f.harness.Definition.New().Settings() {
		if value := f.values[s.Name]; s.Secret && len(value) >= 4 {
			out[s.Name] = value
		}
	}
	return out
}

func (f *fixture) noSecretsIn(where, text string) {
	f.Helper()
	for name, value := range f.secrets() {
		if strings.Contains(text, value) || strings.Contains(text, url.QueryEscape(value)) {
			f.Errorf("the value of the secret setting %s is in %s", name, where)
		}
	}
}

// lockedBuffer is a log that goroutines may share.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
