package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// stopTimeout is how long requests may take to end when the sandbox stops.
	stopTimeout = 3 * time.Second
	// headerTimeout and idleTimeout bound connections that do nothing.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Run serves a sandbox at an address such as "127.0.0.1:8090" until the context ends, and says on
// out where each system is. With port 0 the system chooses one.
func Run(ctx context.Context, listen string, o Options, out io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return Serve(ctx, listener, o, out)
}

// Serve is Run on a listener, which it closes. Without Options.BaseURL, vendors give out the
// listener's address.
func Serve(ctx context.Context, listener net.Listener, o Options, out io.Writer) error {
	if o.BaseURL == "" {
		o.BaseURL = address(listener)
	}
	s, err := New(o)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer s.Close()
	if _, err := fmt.Fprintf(out, "sandbox listens at %s\n", o.BaseURL); err != nil {
		return errors.Join(err, listener.Close())
	}
	for _, name := range s.names {
		_, _ = fmt.Fprintf(out, "  %-12s %s/%s\n", name, o.BaseURL, name)
	}
	return s.Serve(ctx, listener)
}

// address is where a listener is reached from this machine.
func address(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Serve answers requests on a listener until the context ends, and closes it. The sandbox itself
// stays open.
func (s *Sandbox) Serve(ctx context.Context, listener net.Listener) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	cancel() // ends what only waits, such as a slow answer
	stop, end := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer end()
	err := server.Shutdown(stop)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
