package httpx

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// network is a server and a gate to it without a real network, so that both can live in the virtual
// time of testing/synctest.
type network struct {
	gate   *Gate
	client *Client

	mu       sync.Mutex
	requests int
	busy     int
	mostBusy int
}

// pipes is a net.Listener whose connections are made in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect makes a network around a handler; change may alter the options of the gate.
func connect(t testing.TB, handler http.HandlerFunc, change ...func(*Options)) *network {
	t.Helper()
	n := &network{}
	options := Options{Connection: "shop", Settings: NewSettings(connector.Traits{})}
	options.Settings.Proxy = ProxyNone
	for _, c := range change {
		c(&options)
	}
	gate, err := NewGate(options)
	if err != nil {
		t.Fatal(err)
	}
	listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	gate.transport.DialContext = listener.dial
	var running sync.WaitGroup
	requests, giveUp := context.WithCancel(context.Background())
	server := &http.Server{ReadHeaderTimeout: time.Hour, BaseContext: func(net.Listener) context.Context { return requests }, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		n.mu.Lock()
		n.requests++
		n.busy++
		n.mostBusy = max(n.mostBusy, n.busy)
		n.mu.Unlock()
		defer func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.busy--
		}()
		handler(w, r)
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		giveUp() // handlers that still wait
		gate.Close()
		running.Wait()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		if s := gate.State(); s.InFlight != 0 || s.Waiting != 0 {
			t.Errorf("at the end %d requests are on their way and %d wait", s.InFlight, s.Waiting)
		}
	})
	n.gate = gate
	n.client = &Client{Base: "http://vendor.test/api", HTTP: gate.Client()}
	return n
}

func (n *network) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests
}

// kindOf gives the kind of an error, "" for none.
func kindOf(err error) connector.ErrorKind {
	if err == nil {
		return ""
	}
	return connector.KindOf(err)
}

// detail gives the *connector.Error that an error must be.
func detail(t *testing.T, err error) *connector.Error {
	t.Helper()
	e, ok := errors.AsType[*connector.Error](err)
	if !ok {
		t.Fatalf("%v (%T) is no connector error", err, err)
	}
	return e
}

// cut ends a connection without another word.
func cut(t testing.TB, w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_ = conn.Close()
}
