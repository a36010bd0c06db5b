package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/intake"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/store"
)

// syncFlags say what to bring.
type syncFlags struct {
	kind         string
	ids          []string
	since, until string
	all          bool
	resume       int64
	stop         int64
	yes, wait    bool
	asJSON       bool
}

func syncCommand() *cobra.Command {
	var data dataFlags
	var f syncFlags
	c := &cobra.Command{
		Use:   "sync FLOW",
		Short: "Bring one order, a range or everything by hand",
		Long: `Sync brings orders by hand: named ones, those that changed in a range of time, or all. A range is counted
first; then it is listed page by page and each order is delivered as if it had just come in, after those
that come in meanwhile. It is stored before it begins and goes on after an interruption.

Where a server runs on the same data, it does the work and sync watches it; otherwise sync does it itself.`,
		Example: `  orderly sync shop-to-erp --order 5001 --order 5002
  orderly sync shop-to-erp --since 2026-01-01 --until 2026-02-01
  orderly sync shop-to-erp --all --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
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
			stored, err := view.StoredFlow(args[0])
			if err != nil {
				return usageError("%w", err)
			}
			if f.stop > 0 {
				return view.Intake().StopBackfill(cmd.Context(), f.stop, operator())
			}
			if _, ok := view.Flow(args[0]); !ok {
				return view.Problems()[args[0]]
			}
			return (&syncing{installation: i, view: view, flow: stored, flags: f, cmd: cmd}).run(cmd.Context())
		},
	}
	data.add(c, "error")
	flags := c.Flags()
	flags.StringVar(&f.kind, "kind", string(commerce.KindOrder), "order or customer")
	flags.StringArrayVar(&f.ids, "order", nil, "id of an order (or customer) in the source; may be repeated")
	flags.StringVar(&f.since, "since", "", "from this date or time on: 2026-01-31 or 2026-01-31T08:00:00Z")
	flags.StringVar(&f.until, "until", "", "before this date or time; now when empty")
	flags.BoolVar(&f.all, "all", false, "everything that the source has")
	flags.Int64Var(&f.stop, "stop", 0, "stop the backfill of this number")
	flags.Int64Var(&f.resume, "watch", 0, "watch the backfill of this number, and do its work where no server runs")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask after counting")
	flags.BoolVar(&f.wait, "wait", true, "wait until everything is delivered or a person must look")
	jsonFlag(c, &f.asJSON)
	return c
}

func (f syncFlags) check() error {
	if err := checkKind(f.kind); err != nil {
		return err
	}
	ways := 0
	for _, given := range []bool{len(f.ids) > 0, f.since != "" || f.until != "", f.all, f.stop > 0, f.resume > 0} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return usageError("say what to bring: --order, --since (and --until), or --all; or --watch or --stop a backfill")
	}
	if slices.Contains(f.ids, "") {
		return usageError("--order is empty: give the id of an order in the source")
	}
	since, err := parseTime(f.since)
	if err != nil {
		return usageError("--since: %w", err)
	}
	until, err := parseTime(f.until)
	if err != nil {
		return usageError("--until: %w", err)
	}
	if f.until != "" && !since.Before(until) {
		return usageError("--until %s is not after --since %s", f.until, f.since)
	}
	return nil
}

func parseTime(text string) (time.Time, error) {
	config := flow.Config{Since: text}
	return config.SinceTime()
}

// syncing is one run of the verb.
type syncing struct {
	*installation
	view  *node.View
	flow  store.Flow
	flags syncFlags
	cmd   *cobra.Command
	began time.Time
}

// syncResult is what is printed at the end.
type syncResult struct {
	Backfill int64                     `json:"backfill,omitempty"`
	Listed   int64                     `json:"listed"`
	Changed  int64                     `json:"changed"`
	Records  map[store.TaskState]int64 `json:"records"`
}

func (s *syncing) run(ctx context.Context) error {
	s.began = time.Now()
	id := s.flags.resume
	if len(s.flags.ids) > 0 {
		for _, record := range s.flags.ids {
			if err := s.view.Intake().SyncOne(ctx, s.wish(), record); err != nil {
				return err
			}
		}
	} else if id == 0 {
		var err error
		if id, err = s.plan(ctx); err != nil || id == 0 {
			return err
		}
	}
	if !s.flags.wait {
		_, err := fmt.Fprintln(s.cmd.OutOrStdout(), s.later(id))
		return err
	}
	return s.work(ctx, id)
}

func (s *syncing) later(id int64) string {
	if id == 0 {
		return "asked for; a running server does it now"
	}
	return fmt.Sprintf("backfill %d is stored; a running server does it. Watch it: orderly sync %s --watch %d", id, s.flow.Name, id)
}

// plan counts a range, asks, and stores the backfill.
func (s *syncing) plan(ctx context.Context) (int64, error) {
	since, _ := parseTime(s.flags.since) // checked before
	until, _ := parseTime(s.flags.until)
	kind := commerce.Kind(s.flags.kind)
	n, err := s.view.Intake().Count(ctx, s.flow.Source, kind, since, until)
	if err != nil {
		return 0, fmt.Errorf("count at the source: %w", err)
	}
	many := fmt.Sprintf("%d", n)
	if n < 0 {
		many = "an unknown number of"
	}
	question := fmt.Sprintf("bring %s %ss of %s to %s?", many, kind, s.flow.Source, s.flow.Destination)
	if !s.flags.yes {
		ok, err := confirm(s.cmd, question)
		if err != nil || !ok {
			return 0, err
		}
	}
	return s.view.Intake().StartBackfill(ctx, intake.Backfill{Wish: s.wish(), Since: since, Until: until, Total: n})
}

func (s *syncing) wish() intake.Wish {
	return intake.Wish{Source: s.flow.Source, Flow: s.flow.Name, Kind: commerce.Kind(s.flags.kind), Who: operator()}
}

// work does the work, or watches the server that does.
func (s *syncing) work(ctx context.Context, id int64) error {
	worker, err := node.New(ctx, s.options, s.store, s.metrics)
	switch {
	case errors.Is(err, store.ErrInUse):
		worker = nil // a server runs and does it
	case err != nil:
		return err
	default:
		running := context.WithoutCancel(ctx)
		if err := worker.Start(running); err != nil {
			return errors.Join(err, worker.Stop(running))
		}
		defer func() {
			stopping, cancel := context.WithTimeout(running, stopTime)
			defer cancel()
			if err := worker.Stop(stopping); err != nil {
				s.log.Error("not stopped in order", "error", err)
			}
		}()
	}
	return s.watch(ctx, id, s.cmd.ErrOrStderr())
}

const watchPause = 200 * time.Millisecond

// watch shows how far it is until everything is delivered or waits for a person.
func (s *syncing) watch(ctx context.Context, id int64, screen io.Writer) error {
	var bar *progress
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	for {
		result, done, err := s.state(ctx, id)
		if err != nil {
			return err
		}
		total := result.Listed
		if bar == nil && total > 0 {
			bar = newProgress(screen, total, "delivering")
		}
		if bar != nil {
			bar.set(total - result.Records[store.TaskWaiting] - result.Records[store.TaskWorking])
		}
		if done {
			if bar != nil {
				bar.end()
			}
			return s.tell(result)
		}
		select {
		case <-ctx.Done():
			if id > 0 {
				return fmt.Errorf("interrupted; it is stored and goes on with: orderly sync %s --watch %d", s.flow.Name, id)
			}
			return errors.New("interrupted; it is stored and a running server goes on")
		case <-tick.C:
		}
	}
}

// state says how far it is.
func (s *syncing) state(ctx context.Context, id int64) (result syncResult, done bool, err error) {
	result = syncResult{Backfill: id, Records: map[store.TaskState]int64{}}
	if id == 0 {
		result.Listed = int64(len(s.flags.ids))
		return s.namedState(ctx, result)
	}
	c, err := s.store.Cursor(ctx, id)
	if errors.Is(err, store.ErrNoRows) {
		return result, false, usageError("there is no backfill %d", id)
	}
	if err != nil {
		return result, false, err
	}
	result.Listed, result.Changed = c.Seen, c.Changed
	counts, err := s.store.CountTasks(ctx, s.flags.kind)
	if err != nil {
		return result, false, err
	}
	maps.Copy(result.Records, counts[s.flow.Name])
	switch c.State {
	case store.CursorFailed, store.CursorStopped:
		return result, false, fmt.Errorf("the backfill has %s: %s", c.State, c.Error)
	case store.CursorDone:
		// Records that wait for a later time wait for their system: that may take long.
		return result, result.Records[store.TaskWorking] == 0 && !s.dueSoon(ctx), nil
	default:
		return result, false, nil
	}
}

// dueSoon says whether a record of the flow is to be delivered within the next moments.
func (s *syncing) dueSoon(ctx context.Context) bool {
	rows, err := s.store.Tasks(ctx, store.TaskFilter{Flow: s.flow.Name, Kind: s.flags.kind, States: []store.TaskState{store.TaskWaiting}, Limit: 200})
	soon := time.Now().Add(5 * time.Second)
	return err != nil || slices.ContainsFunc(rows, func(r store.TaskRow) bool { return r.Attempts == 0 && r.Reason == "" && r.Due.Before(soon) })
}

func (s *syncing) namedState(ctx context.Context, result syncResult) (syncResult, bool, error) {
	open := 0
	for _, id := range s.flags.ids {
		rows, err := s.store.Tasks(ctx, store.TaskFilter{Flow: s.flow.Name, Kind: s.flags.kind, Search: id, Limit: 10})
		if err != nil {
			return result, false, err
		}
		for _, r := range rows {
			if r.SourceID != id {
				continue
			}
			result.Records[r.State]++
			// A retry that waits for its time is an answer as well, with its reason.
			if r.State == store.TaskWorking || (r.State == store.TaskWaiting && r.Reason == "") {
				open++
			}
		}
	}
	return result, open == 0 && time.Since(s.began) > time.Second, nil
}

func (s *syncing) tell(result syncResult) error {
	out := s.cmd.OutOrStdout()
	if s.flags.asJSON {
		if err := printJSON(out, result); err != nil {
			return err
		}
	} else {
		_, _ = fmt.Fprintf(out, "listed %d, changed %d; now in flow %s:", result.Listed, result.Changed, s.flow.Name)
		for _, state := range store.TaskStates {
			if n := result.Records[state]; n > 0 {
				_, _ = fmt.Fprintf(out, " %d %s", n, state)
			}
		}
		_, _ = fmt.Fprintln(out)
	}
	if n := result.Records[store.TaskWaiting]; n > 0 {
		_, _ = fmt.Fprintf(s.cmd.ErrOrStderr(), "some are tried again later: orderly orders list --flow %s --state waiting\n", s.flow.Name)
	}
	if result.Records[store.TaskHeld]+result.Records[store.TaskFailed] > 0 {
		_, _ = fmt.Fprintf(s.cmd.ErrOrStderr(), "some need a person: orderly orders list --flow %s --state held,failed\n", s.flow.Name)
		return errFinding
	}
	return nil
}
