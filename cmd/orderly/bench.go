package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/internal/bench"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine: webhooks accepted and orders delivered in a second",
		Long: `Bench measures how many webhooks are accepted (committed and synced to disk) and how many orders are
delivered into an ERP without latency in a second, beside the floor: the same HTTP work without store and
jobs, in the same run. The shop that sends and the ERP that receives are in the same process and have their
part in every number. The documents that the ERP has in the end are counted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Orders < 1 || o.Senders < 1 {
				return usageError("--orders and --senders begin at 1")
			}
			dir, err := os.MkdirTemp(o.Dir, "orderly-bench-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir) //nolint:errcheck // a folder of its own, empty of what anybody needs
			o.Dir = dir
			r, err := bench.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			out := cmd.OutOrStdout()
			p := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
			p("%d orders, %d cores, %s", r.Orders, r.Cores, r.Database)
			p("accepted   %8.0f/s   floor %8.0f/s   %4.0f %%   p50 %s, p99 %s", r.Accepts, r.AcceptsFloor, 100*r.Accepts/r.AcceptsFloor, r.AcceptP50, r.AcceptP99)
			p("delivered  %8.0f/s   floor %8.0f/s   %4.0f %%   lag p50 %s, p99 %s", r.Delivered, r.DeliveredFloor, 100*r.Delivered/r.DeliveredFloor, r.LagP50, r.LagP99)
			p("CPU        %s an order, floor %s", r.CPUPerOrder, r.CPUPerOrderFloor)
			p("memory     %.0f MB of heap at the most, %.0f MB over the first half", r.PeakMemory, r.HalfMemory)
			p("documents  %d, the ERP's own count", r.Documents)
			return nil
		},
	}
	flags := c.Flags()
	flags.IntVar(&o.Orders, "orders", 10_000, "how many orders each part has")
	flags.IntVar(&o.Senders, "senders", 64, "connections over which webhooks come at once")
	flags.StringVar(&o.Dir, "dir", "", "folder for the databases: its disk is measured; the system's temporary folder when empty")
	flags.StringVar(&o.Database, "database", os.Getenv("ORDERLY_DATABASE"), "address of an empty PostgreSQL database (ORDERLY_DATABASE)")
	flags.Lookup("database").DefValue = ""
	jsonFlag(c, &asJSON)
	return c
}
