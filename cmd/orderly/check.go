package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/internal/node"
)

func checkCommand() *cobra.Command {
	var data dataFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "check [CONNECTION...]",
		Short: "Check connections: sign in, rights, webhooks",
		Long: `Check signs in to connections (all of them when none is named), reads what their accounts are and may
do, compares the webhook subscriptions that exist with those that are wanted, and says what to do about
whatever is wrong. It changes nothing at the vendors. It ends with exit code 3 when it finds something
that keeps orders from being carried.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := data.open(cmd)
			if err != nil {
				return err
			}
			defer i.close()
			view, err := i.look(cmd.Context())
			if err != nil {
				return err
			}
			defer view.Close(context.WithoutCancel(cmd.Context()))
			reports := checkAll(cmd.Context(), view, args)
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), reports); err != nil {
					return err
				}
			} else {
				printReports(cmd.OutOrStdout(), reports)
			}
			if slices.ContainsFunc(reports, func(r node.Report) bool { return !r.OK }) {
				return errFinding
			}
			return nil
		},
	}
	data.add(c, "error")
	jsonFlag(c, &asJSON)
	return c
}

// checkAll checks connections beside each other and gives the reports in order of their names.
func checkAll(ctx context.Context, view *node.View, names []string) []node.Report {
	if len(names) == 0 {
		names = view.Connections()
		for name, err := range view.Problems() {
			if _, open := view.Flow(name); !open && !slices.Contains(view.Flows(), name) && err != nil {
				names = append(names, name)
			}
		}
		slices.Sort(names)
	}
	reports := make([]node.Report, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() { reports[i] = view.Check(ctx, name) })
	}
	group.Wait()
	return reports
}

func printReports(w io.Writer, reports []node.Report) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	if len(reports) == 0 {
		p("There is no connection yet. Describe one in orderly.yaml and run: orderly apply --config orderly.yaml")
	}
	for _, r := range reports {
		mark := "ok  "
		if !r.OK {
			mark = "FAIL"
		}
		p("%s  %s  %s  (%s)", mark, r.Connection, r.System, r.Took.Round(time.Millisecond))
		if r.Error != "" {
			p("      %s", r.Error)
			if r.Fix != "" && !strings.Contains(r.Error, r.Fix) {
				p("      → %s", r.Fix)
			}
		}
		if a := r.Account; a != nil {
			p("      %s", strings.Join(slices.DeleteFunc([]string{a.Name, a.ID, a.Version, a.Currency, a.TimeZone}, func(s string) bool { return s == "" }), ", "))
			for _, f := range a.Findings {
				p("      %s: %s\n        → %s", f.Level, f.Text, f.Fix)
			}
		}
		if r.WebhookURL != "" {
			p("      webhooks arrive at %s", r.WebhookURL)
		}
		for _, s := range r.Webhooks {
			p("        %-24s %s", s.Topic, s.State)
		}
	}
}

func doctorCommand() *cobra.Command {
	var data dataFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for whatever keeps Orderly from working",
		Long: `Doctor looks at the data folder, the database, the key, the configuration and every connection with the
checks that the server uses, and at what waits. It ends with exit code 3 when something needs a person.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := data.open(cmd)
			if err != nil {
				return fmt.Errorf("the data cannot be opened: %w", err)
			}
			defer i.close()
			view, err := i.look(cmd.Context())
			if err != nil {
				return err
			}
			defer view.Close(context.WithoutCancel(cmd.Context()))
			findings, err := examine(cmd.Context(), i, view)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), findings); err != nil {
					return err
				}
			} else {
				for _, f := range findings {
					_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%-7s  %s\n", f.Level, f.Text)
					if f.Fix != "" {
						_, _ = fmt.Fprintf(cmd.OutOrStdout(), "         → %s\n", f.Fix)
					}
				}
			}
			if slices.ContainsFunc(findings, func(f finding) bool { return f.Level == "error" }) {
				return errFinding
			}
			return nil
		},
	}
	data.add(c, "error")
	jsonFlag(c, &asJSON)
	return c
}

// finding is something that doctor saw.
type finding struct {
	Level string `json:"level"` // ok, warning or error
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

func examine(ctx context.Context, i *installation, view *node.View) ([]finding, error) {
	var found []finding
	add := func(level, fix, format string, args ...any) {
		found = append(found, finding{Level: level, Text: fmt.Sprintf(format, args...), Fix: fix})
	}
	add("ok", "", "the database (%s) opens, its tables are up to date and its key is the right one", i.store.Dialect())
	problems := view.Problems()
	for _, name := range slices.Sorted(maps.Keys(problems)) {
		add("error", "correct it in orderly.yaml and run orderly apply", "%s is not open: %v", name, problems[name])
	}
	if len(view.Flows()) == 0 {
		add("warning", "describe connections and a flow in orderly.yaml and run orderly apply", "there is no flow")
	}
	for _, r := range checkAll(ctx, view, view.Connections()) {
		if r.Error != "" {
			add("error", r.Fix, "connection %s: %s", r.Connection, r.Error)
			continue
		}
		add("ok", "", "connection %s answers", r.Connection)
		for _, f := range r.Account.Findings {
			add(f.Level, f.Fix, "connection %s: %s", r.Connection, f.Text)
		}
	}
	counts, err := i.store.CountTasks(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, flow := range slices.Sorted(maps.Keys(counts)) {
		c := counts[flow]
		text := fmt.Sprintf("flow %s has seen %d records: %d synced, %d waiting, %d working, %d skipped", flow, c.Total(), c["synced"], c["waiting"], c["working"], c["skipped"])
		add("ok", "", "%s", text)
		if n := c["held"] + c["failed"]; n > 0 {
			add("warning", "orderly orders list --flow "+flow+" --state held,failed", "flow %s has %d records that a person must look at", flow, n)
		}
	}
	oldest, err := i.store.OldestWaiting(ctx, "")
	if err != nil {
		return nil, err
	}
	if age := time.Since(oldest); !oldest.IsZero() && age > time.Hour {
		add("warning", "orderly orders list --state waiting,held,failed", "the oldest record that is not in its destination came %s ago", ago(oldest, time.Now()))
	}
	return found, nil
}
