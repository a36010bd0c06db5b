package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/connectors/all"
	"github.com/orderlyhq/orderly/internal/demo"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

func demoCommand() *cobra.Command {
	var orders int
	var exit, asJSON bool
	var database, logLevel string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show orders on their way between pretend shops and ERPs, with no account anywhere",
		Long: `Demo starts pretend shops and ERPs, Orderly between them in a temporary folder, and shows orders arriving
by webhook and by schedule, live.

With --orders N --exit it makes N orders instead, waits until each is settled, compares both sides by their
ground truth and prints a table. It ends with 0 only if every order is in the ERP exactly once with equal
totals, or held for a reason that the sandbox put there; otherwise with 3.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if orders < 0 || exit != (orders > 0) {
				return usageError("--orders and --exit go together: how many to make before the end")
			}
			log, err := telemetry.NewLog(cmd.ErrOrStderr(), "text", logLevel)
			if err != nil {
				return usageError("%w", err)
			}
			o := demo.Options{
				Orders: orders, Database: database, Definitions: all.Definitions(), Version: version, Log: log, Out: cmd.OutOrStdout(),
			}
			if !exit {
				return demo.Live(cmd.Context(), o)
			}
			bar := newProgress(cmd.ErrOrStderr(), int64(orders), "orders settled")
			o.Progress = func(settled int) { bar.set(int64(settled)) }
			rows, took, err := demo.Count(cmd.Context(), o)
			bar.end()
			if rows == nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), rows); err != nil {
					return err
				}
			} else {
				if err := demo.Print(o, rows); err != nil {
					return err
				}
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%d orders settled in %s\n", orders, took.Round(10*time.Millisecond))
			}
			if err != nil {
				return &exitError{code: exitFinding, err: err}
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.IntVar(&orders, "orders", 0, "make so many orders, with --exit")
	flags.BoolVar(&exit, "exit", false, "end when all orders are settled")
	flags.StringVar(&database, "database", os.Getenv("ORDERLY_DATABASE"), "address of an empty PostgreSQL database, postgres://…; SQLite without it (ORDERLY_DATABASE)")
	flags.Lookup("database").DefValue = ""
	flags.StringVar(&logLevel, "log-level", "error", "what is logged: debug, info, warn or error")
	jsonFlag(c, &asJSON)
	return c
}
