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
	"github.com/orderlyhq/orderly/internal/store"
)

func serveCommand() *cobra.Command {
	var data dataFlags
	var configFile, listen, publicURL string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run Orderly: take webhooks, poll, deliver",
		Long: `Serve runs Orderly until it is told to stop (SIGTERM or Ctrl-C): then what is under way ends in order.
With --config the file is applied first, as orderly apply does. Webhooks arrive at /hooks/<connection>;
/healthz, /readyz and /metrics tell how it is. On PostgreSQL any number of nodes may serve one database,
with the same key in ORDERLY_KEY.`,
		Example: "  orderly serve --config orderly.yaml --data /var/lib/orderly --listen 127.0.0.1:8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := data.open(cmd)
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
			return i.serve(cmd.Context(), listen, func(address string) {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "orderly listens at http://%s\n", address)
			})
		},
	}
	data.add(c, "info")
	flags := c.Flags()
	flags.StringVar(&configFile, "config", "", "file to apply before serving, orderly.yaml")
	flags.StringVar(&listen, "listen", "127.0.0.1:8080", "address to listen at; port 0 takes a free one")
	flags.StringVar(&publicURL, "public-url", "", "where vendors reach this Orderly, when it is not public_url of the file")
	return c
}

const (
	// stopTime is how long what is under way may take to end.
	stopTime = 25 * time.Second
	// watchEvery is how often a running server looks for a configuration that another process applied.
	watchEvery = 2 * time.Second
)

// serve runs a node with its HTTP server until the context ends. ready hears the address.
func (i *installation) serve(ctx context.Context, listen string, ready func(address string)) (err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
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
	server := &http.Server{
		Handler:           n.Handler(i.metrics.Handler()),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	i.log.Info("serving", "address", listener.Addr().String(), "database", i.store.Dialect().String(), "version", version)
	ready(listener.Addr().String())
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	seen := i.configVersion(ctx)
	for ctx.Err() == nil {
		select {
		case err := <-ended:
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
	stopping, cancel := context.WithTimeout(running, stopTime)
	defer cancel()
	// Intake first: a webhook that is being stored is answered; then the lanes.
	err = errors.Join(server.Shutdown(stopping), n.Stop(stopping))
	i.log.Info("stopped")
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
