package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/server"
	"github.com/orderlyhq/orderly/internal/store"
)

func serveCommand() *cobra.Command {
	var data dataFlags
	var configFile, publicURL string
	var door doorFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run Orderly: take webhooks, poll, deliver",
		Long: `Serve runs Orderly until it is told to stop (SIGTERM or Ctrl-C): then what is under way ends in order.
With --config the file is applied first, as orderly apply does. Webhooks arrive at /hooks/<connection>;
/healthz and /readyz tell how it is. The dashboard is at /, the JSON API at /api/v1. On
PostgreSQL any number of nodes may serve one database, with the same key in ORDERLY_KEY.

Numbers for Prometheus are at /metrics, for who may see everything: make an API token with the role viewer under
Password and sessions, put it into a file, and name that in the scrape configuration:
authorization: {credentials_file: /etc/prometheus/orderly-token}.

While there is no user, serve prints an address at which the first administrator is made. On anything but
loopback give --tls-cert and --tls-key, or --proxy with the networks of the proxy that does TLS.`,
		Example: "  orderly serve --config orderly.yaml --data /var/lib/orderly --listen 127.0.0.1:8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := door.check(); err != nil {
				return err
			}
			i, err := data.openOrMake(cmd)
			if err != nil {
				return err
			}
			defer i.close()
			if configFile != "" {
				if err := i.applyFile(cmd.Context(), configFile, cmd.ErrOrStderr()); err != nil {
					return err
				}
			}
			if err := i.readPublicURL(cmd.Context()); err != nil {
				return err
			}
			if publicURL != "" {
				i.options.PublicURL = publicURL
			}
			if warning := door.warning(); warning != "" {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), warning)
			}
			return i.serve(cmd.Context(), door, func(address, setupCode string) {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "orderly listens at %s\n", address)
				if setupCode != "" {
					_, _ = fmt.Fprintf(cmd.OutOrStdout(), "first start: make the administrator at %s/setup?code=%s\n", address, setupCode)
				}
			})
		},
	}
	data.add(c, "info")
	flags := c.Flags()
	flags.StringVar(&configFile, "config", "", "file to apply before serving, orderly.yaml")
	door.add(flags)
	flags.StringVar(&publicURL, "public-url", "", "where vendors reach this Orderly, when it is not public_url of the file")
	return c
}

const (
	// answerTime is how long requests that have begun may take to end when the server stops, and stopTime how long the
	// work may. Together they are less than the half minute after which most who stop a program kill it.
	answerTime = 5 * time.Second
	stopTime   = 20 * time.Second
	// watchEvery is how often a running server looks for a configuration that another process applied.
	watchEvery = 2 * time.Second
)

// serve runs a node with its HTTP server until the context ends. ready hears the address, and the code
// with which the first administrator is made while there is none.
func (i *installation) serve(ctx context.Context, door doorFlags, ready func(address, setupCode string)) (err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", door.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	i.metrics.WatchTasks(i.store, time.Now)
	n, err := node.New(ctx, i.options, i.store, i.metrics)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	running := context.WithoutCancel(ctx)
	if err := n.Start(running); err != nil {
		return errors.Join(err, n.Stop(running), listener.Close())
	}
	front, err := server.New(server.Options{
		Store: i.store, Node: n, Metrics: i.metrics.Handler(), Definitions: i.options.Definitions, Version: version, Log: i.log, Proxies: door.proxies,
	})
	if err == nil {
		err = front.Start(running)
	}
	if err != nil {
		return errors.Join(err, n.Stop(running), listener.Close())
	}
	setupCode, err := front.People().SetupCode(ctx)
	if err != nil {
		front.Stop()
		return errors.Join(err, n.Stop(running), listener.Close())
	}
	httpServer := newHTTPServer(front)
	ended := make(chan error, 1)
	go func() { ended <- door.serve(httpServer, listener) }()
	i.log.Info("serving", "address", listener.Addr().String(), "database", i.store.Dialect().String(), "version", version)
	ready(door.address(listener), setupCode)
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	seen := i.configVersion(ctx)
	for ctx.Err() == nil {
		select {
		case err := <-ended:
			front.Stop()
			return errors.Join(err, n.Stop(running))
		case <-watch.C:
			if now := i.configVersion(ctx); now != "" && now != seen {
				seen = now
				if err := n.Reload(ctx); err != nil && ctx.Err() == nil {
					i.log.Error("the new configuration cannot be read", "error", err)
				}
			}
		case <-ctx.Done():
		}
	}
	i.log.Info("stopping: what is under way ends first")
	// Intake first: a webhook that is being stored is answered; then the lanes.
	front.Stop()
	err = stopHTTP(running, httpServer)
	stopping, cancel := context.WithTimeout(running, stopTime)
	defer cancel()
	err = errors.Join(err, n.Stop(stopping))
	i.log.Info("stopped")
	return err
}

// newHTTPServer makes a server that waits for nobody for ever.
func newHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		// It counts from the end of a request's header: the body, calls to systems that a person waits for, of 45 seconds
		// at most, and the answer are in it.
		WriteTimeout:   2 * time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}

// stopHTTP ends a server in order, and without those who take longer than answerTime to send or to read: a webhook that
// was not answered is sent again.
func stopHTTP(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}

// configVersion changes with each change of the configuration; "" when it cannot be read now.
func (i *installation) configVersion(ctx context.Context) string {
	v, err := i.store.Meta(ctx, store.MetaConfigVersion)
	if err != nil {
		return ""
	}
	return v
}

// readPublicURL takes the public address from the store, unless one is set.
func (i *installation) readPublicURL(ctx context.Context) error {
	if i.options.PublicURL != "" {
		return nil
	}
	url, err := i.store.Meta(ctx, store.MetaPublicURL)
	i.options.PublicURL = url
	return err
}
