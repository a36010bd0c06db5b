package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/internal/sandbox"
)

func sandboxCommand() *cobra.Command {
	var listen string
	var o sandbox.Options
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve pretend shops and ERPs to try things with",
		Long: `Sandbox serves a strict pretend vendor for each system under /<system>/…, and under /_sandbox/<system>/…
what it holds and what can be done with it: stats, orders being made as customers would, and faults that
can be switched on. GET /_sandbox/ lists everything. Nothing is kept when it ends.`,
		Example: "  orderly sandbox --listen 127.0.0.1:8090 --systems shopify,odoo\n  curl -X POST 'http://127.0.0.1:8090/_sandbox/shopify/orders?n=10'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return sandbox.Run(cmd.Context(), listen, o, cmd.OutOrStdout())
		},
	}
	flags := c.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:8090", "address to listen at; port 0 takes a free one")
	flags.StringSliceVar(&o.Systems, "systems", nil, "systems to serve, of "+strings.Join(sandbox.Names(), ", ")+"; all when empty")
	flags.StringVar(&o.BaseURL, "base-url", "", "address under which the sandbox is reached, when it is not --listen")
	flags.Uint64Var(&o.Seed, "seed", 1, "decides which orders are made")
	flags.DurationVar(&o.LongestWait, "longest-wait", 0, "bound for the waits between attempts to deliver a webhook; 0 keeps the vendors' own, which may be hours")
	return c
}
