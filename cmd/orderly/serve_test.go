package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a listener in memory, for tests whose time is not that of the network.
type wire struct {
	conns chan net.Conn
	ctx   context.Context //nolint:containedctx // it ends with Close
	end   context.CancelFunc
}

func (w wire) Accept() (net.Conn, error) {
	select {
	case conn := <-w.conns:
		return conn, nil
	case <-w.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (w wire) Close() error {
	w.end()
	return nil
}

func (w wire) Addr() net.Addr { return &net.TCPAddr{} }

// connect serves one connection and gives the client's end of it.
func connect(t *testing.T, server *http.Server) net.Conn {
	t.Helper()
	here, there := net.Pipe()
	listener := wire{conns: make(chan net.Conn)}
	listener.ctx, listener.end = context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = here.Close()
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	listener.conns <- there
	return here
}

func TestAnswerThatTookLongIsStillWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-time.After(45 * time.Second) // as a system that does not answer
			_, _ = w.Write([]byte("it does not answer"))
		})))
		send(t, client, "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n1")
		<-time.After(50 * time.Second)
		send(t, client, "2")
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); string(text) != "it does not answer" || err != nil {
			t.Errorf("%q, error %v", text, err)
		}
	})
}

func TestSlowSenderDoesNotKeepTheServerFromStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newHTTPServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
		client := connect(t, server)
		send(t, client, "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nhalf")
		began := time.Now()
		if err := stopHTTP(t.Context(), server); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > answerTime {
			t.Errorf("it took %s", took)
		}
	})
}

func send(t *testing.T, client net.Conn, text string) {
	t.Helper()
	if _, err := io.Copy(client, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}
