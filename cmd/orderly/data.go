package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/connectors/all"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/internal/telemetry"
)

// dataFlags say where Orderly's data is; every verb that looks at it has them.
type dataFlags struct {
	dir, database       string
	logFormat, logLevel string
}

func (f *dataFlags) add(c *cobra.Command, level string) {
	flags := c.Flags()
	flags.StringVar(&f.dir, "data", envOr("ORDERLY_DATA", "orderly-data"), "folder of the database and the key (ORDERLY_DATA)")
	flags.StringVar(&f.database, "database", os.Getenv("ORDERLY_DATABASE"), "address of a PostgreSQL database, postgres://…; without it SQLite in --data (ORDERLY_DATABASE)")
	flags.Lookup("database").DefValue = "" // it may hold a password
	flags.StringVar(&f.logFormat, "log-format", "text", "form of the log: text or json")
	flags.StringVar(&f.logLevel, "log-level", level, "what is logged: debug, info, warn or error")
	_ = c.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions(telemetry.LogFormats, cobra.ShellCompDirectiveNoFileComp))
	_ = c.MarkFlagDirname("data")
}

func envOr(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// installation is opened data.
type installation struct {
	store   *store.Store
	metrics *telemetry.Metrics
	options node.Options
	log     *slog.Logger
}

// open opens data that is there; close must follow.
func (f *dataFlags) open(cmd *cobra.Command) (*installation, error) { return f.openData(cmd, true) }

// openOrMake opens the data, and makes it where there is none: for the verbs that people begin with. close must follow.
func (f *dataFlags) openOrMake(cmd *cobra.Command) (*installation, error) {
	return f.openData(cmd, false)
}

func (f *dataFlags) openData(cmd *cobra.Command, existing bool) (*installation, error) {
	if f.dir == "" {
		return nil, usageError("--data is empty: name the folder of the database and the key")
	}
	log, err := telemetry.NewLog(cmd.ErrOrStderr(), f.logFormat, f.logLevel)
	if err != nil {
		return nil, usageError("%w", err)
	}
	i := &installation{
		log: log, metrics: telemetry.NewMetrics(version),
		options: node.Options{DataDir: f.dir, Database: f.database, Existing: existing, Definitions: all.Definitions(), Version: version, Log: log},
	}
	i.store, err = node.OpenStore(cmd.Context(), i.options)
	if none, ok := errors.AsType[*node.NoDatabaseError](err); ok {
		return nil, usageError("%w: check --data and --database; a new one is made by orderly serve, apply or users add", none)
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

func (i *installation) close() {
	if err := i.store.Close(); err != nil {
		i.log.Error("the database was not closed in order", "error", err)
	}
}

// look opens everything that the store holds, beside a node that may be running.
func (i *installation) look(ctx context.Context) (*node.View, error) {
	if err := i.readPublicURL(ctx); err != nil {
		return nil, err
	}
	return node.Look(ctx, i.options, i.store, i.metrics)
}
