package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

func ordersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "orders",
		Short: "Look at orders and act on them",
		Long:  "Orders shows what became of each order (or customer, with --kind customer) and what a person can do about it.",
	}
	c.AddCommand(ordersListCommand(), ordersShowCommand())
	for _, a := range []struct {
		action      store.Action
		short, long string
		needsWhy    bool
	}{
		{store.ActionRetry, "Try orders again now, with the present mapping", "Retry brings orders to the ERP again, whatever state they are in. Repeating is safe: nothing is written twice.", false},
		{store.ActionHold, "Keep orders back until they are released", "Hold keeps orders back, also against later changes, until somebody releases them.", true},
		{store.ActionRelease, "Let held or skipped orders go on", "Release undoes hold and skip.", false},
		{store.ActionSkip, "Leave orders out for good", "Skip leaves orders out, also when they change later, until somebody releases them.", true},
	} {
		c.AddCommand(ordersActCommand(a.action, a.short, a.long, a.needsWhy))
	}
	return c
}

// filterFlags choose orders.
type filterFlags struct {
	flow, kind, search string
	states             []string
	cause              int64
}

func (f *filterFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.flow, "flow", "", "only those of this flow")
	flags.StringVar(&f.kind, "kind", "order", "order or customer; empty for both")
	flags.StringSliceVar(&f.states, "state", nil, "only those in these states: waiting, working, synced, held, failed, skipped")
	flags.StringVar(&f.search, "search", "", "only those with this id or number, in the source or in the ERP")
	flags.Int64Var(&f.cause, "cause", 0, "only those with the cause of this number")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(stateNames(), cobra.ShellCompDirectiveNoFileComp))
}

func stateNames() []string {
	var names []string
	for _, s := range store.TaskStates {
		names = append(names, string(s))
	}
	return names
}

func (f *filterFlags) filter() (store.TaskFilter, error) {
	out := store.TaskFilter{Flow: f.flow, Kind: f.kind, Search: f.search, CauseID: f.cause}
	if f.kind != "" {
		if err := checkKind(f.kind); err != nil {
			return out, err
		}
	}
	for _, s := range f.states {
		if !slices.Contains(store.TaskStates, store.TaskState(s)) {
			return out, usageError("--state %q is none of %s", s, strings.Join(stateNames(), ", "))
		}
		out.States = append(out.States, store.TaskState(s))
	}
	return out, nil
}

func ordersListCommand() *cobra.Command {
	var data dataFlags
	var choose filterFlags
	var asJSON bool
	var limit int
	var before int64
	c := &cobra.Command{
		Use:     "list",
		Short:   "List orders, newest first",
		Example: "  orderly orders list --state held,failed\n  orderly orders list --search 1001 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := choose.filter()
			if err != nil {
				return err
			}
			if limit < 1 || limit > 10_000 {
				return usageError("--limit %d is not between 1 and 10000", limit)
			}
			filter.Limit, filter.BeforeID = limit, before
			i, err := data.open(cmd)
			if err != nil {
				return err
			}
			defer i.close()
			rows, err := i.store.Tasks(cmd.Context(), filter)
			if err != nil {
				return err
			}
			if asJSON {
				if rows == nil {
					rows = []store.TaskRow{}
				}
				return printJSON(cmd.OutOrStdout(), rows)
			}
			if len(rows) == 0 {
				return sayEmpty(cmd.Context(), cmd.OutOrStdout(), i.store, choose)
			}
			return table(cmd.OutOrStdout(), []string{"ID", "FLOW", "NUMBER", "AMOUNT", "STATE", "DOCUMENT", "SEEN", "REASON"}, orderRows(rows, time.Now()))
		},
	}
	data.add(c, "warn")
	choose.add(c)
	jsonFlag(c, &asJSON)
	c.Flags().IntVar(&limit, "limit", 50, "how many at the most")
	c.Flags().Int64Var(&before, "before", 0, "the next page: only those that come after the one with this ID")
	return c
}

func orderRows(rows []store.TaskRow, now time.Time) [][]string {
	var out [][]string
	for _, r := range rows {
		number := r.Number
		if number == "" {
			number = r.SourceID
		}
		state := string(r.State)
		if r.Pinned {
			state += " (by hand)"
		}
		out = append(out, []string{
			strconv.FormatInt(r.ID, 10), r.Flow, number, r.Price(), state, r.Document, ago(r.FirstSeen, now), shorten(r.Reason, 90),
		})
	}
	return out
}

func shorten(text string, limit int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}

// sayEmpty says why a list is empty and what to do.
func sayEmpty(ctx context.Context, w io.Writer, st *store.Store, choose filterFlags) error {
	flows, err := st.Flows(ctx)
	if err != nil {
		return err
	}
	text := "No order matches."
	switch {
	case len(flows) == 0:
		text = "There is no flow yet. Describe one in orderly.yaml and run: orderly apply --config orderly.yaml"
	case choose.search == "" && len(choose.states) == 0 && choose.cause == 0:
		text = "No order has been seen yet. A running server (orderly serve) takes webhooks and polls; orderly sync FLOW --all brings what is there already."
	}
	_, err = fmt.Fprintln(w, text)
	return err
}

// findTask finds a task by its ID, or by an id or number of the record that only one has.
func findTask(ctx context.Context, st *store.Store, text string) (int64, error) {
	rows, err := st.Tasks(ctx, store.TaskFilter{Search: text, Limit: 2})
	if err != nil {
		return 0, err
	}
	if len(rows) > 1 {
		return 0, usageError("%q is the number of several records; give the ID from orderly orders list --search %s", text, text)
	}
	if len(rows) == 1 {
		return rows[0].ID, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, usageError("no order has the id or number %q", text)
	}
	if _, err := st.TaskStory(ctx, id); errors.Is(err, store.ErrNoRows) {
		return 0, usageError("no order has the ID, id or number %s", text)
	} else if err != nil {
		return 0, err
	}
	return id, nil
}

func ordersShowCommand() *cobra.Command {
	var data dataFlags
	var asJSON, requests bool
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show everything that happened to an order",
		Long:  "Show tells an order's whole story: every event, every delivery with its steps, its documents. ID is that of orders list, or an id or number of the order in the source or the ERP.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := data.open(cmd)
			if err != nil {
				return err
			}
			defer i.close()
			id, err := findTask(cmd.Context(), i.store, args[0])
			if err != nil {
				return err
			}
			story, err := i.store.TaskStory(cmd.Context(), id)
			if err != nil {
				return err
			}
			if asJSON {
				return printStoryJSON(cmd.OutOrStdout(), story)
			}
			return printStory(cmd.OutOrStdout(), story, requests)
		},
	}
	data.add(c, "warn")
	jsonFlag(c, &asJSON)
	c.Flags().BoolVar(&requests, "requests", false, "show the requests that deliveries made as well")
	return c
}

func printStoryJSON(w io.Writer, story store.Story) error {
	type delivery struct {
		store.Delivery
		Detail json.RawMessage `json:"detail,omitempty"`
	}
	deliveries := make([]delivery, len(story.Deliveries))
	for i, d := range story.Deliveries {
		deliveries[i] = delivery{Delivery: d, Detail: d.Detail}
	}
	return printJSON(w, map[string]any{
		"task": story.Task, "events": story.Events, "deliveries": deliveries, "links": story.Links,
		"older_events": story.OlderEvents, "older_deliveries": story.OlderDeliveries,
	})
}

func printStory(w io.Writer, story store.Story, requests bool) error {
	t := story.Task
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("%s %s of %s  (ID %d, flow %s)", t.Kind, t.SourceID, t.Connection, t.ID, t.Flow)
	if t.Number != "" {
		p("  number    %s", t.Number)
	}
	if price := t.Price(); price != "" {
		p("  amount    %s", price)
	}
	p("  state     %s", t.State)
	if t.Reason != "" {
		p("  reason    %s", t.Reason)
	}
	if t.State == store.TaskWaiting && !t.Due.IsZero() {
		p("  due       %s", t.Due.Format(time.RFC3339))
	}
	p("  revision  %d delivered of %d", t.Delivered, t.Wanted)
	for _, l := range story.Links {
		p("  %-9s %s %s %s %s", l.Role, l.DocumentType, strings.TrimSpace(l.Number+" (id "+l.DocumentID+")"), l.State, l.URL)
	}
	p("\nevents")
	if story.OlderEvents > 0 {
		p("  (%d older ones are not shown)", story.OlderEvents)
	}
	for _, e := range story.Events {
		p("  %s  %-8s %-24s %s (revision %d)", e.At.Format(time.RFC3339), e.Via, e.Topic, e.Outcome, e.Revision)
	}
	p("\ndeliveries")
	if story.OlderDeliveries > 0 {
		p("  (%d older ones are not shown)", story.OlderDeliveries)
	}
	if len(story.Deliveries) == 0 {
		p("  none yet")
	}
	for _, d := range story.Deliveries {
		p("  %s  revision %d: %s in %s", d.Started.Format(time.RFC3339), d.Revision, d.Outcome, d.Finished.Sub(d.Started).Round(time.Millisecond))
		var detail flow.Detail
		if len(d.Detail) == 0 || json.Unmarshal(d.Detail, &detail) != nil {
			continue
		}
		for _, s := range detail.Steps {
			p("      %-10s %s", s.Name, s.Note)
		}
		if !requests {
			continue
		}
		for _, e := range detail.Exchanges {
			p("      > %s %s → %d in %s", e.Method, e.URL, e.Status, e.Duration.Round(time.Millisecond))
			if e.Request.Body != "" {
				p("        %s", shorten(e.Request.Body, 2000))
			}
			if e.Response.Body != "" {
				p("        ← %s", shorten(e.Response.Body, 2000))
			}
		}
	}
	return nil
}

func ordersActCommand(action store.Action, short, long string, needsWhy bool) *cobra.Command {
	var data dataFlags
	var choose filterFlags
	var why string
	var yes, asJSON bool
	c := &cobra.Command{
		Use:   string(action) + " [ID...]",
		Short: short,
		Long:  long + "\n\nName orders by ID, id or number, or choose them with --state, --cause, --search and --flow.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if needsWhy && strings.TrimSpace(why) == "" {
				return usageError("say why with --reason: it is shown with the order and in the audit")
			}
			filter, err := choose.filter()
			if err != nil {
				return err
			}
			chosen := len(filter.States) > 0 || filter.CauseID > 0 || filter.Search != "" || filter.Flow != ""
			if len(args) == 0 && !chosen {
				return usageError("name the orders, or choose them with --state, --cause, --search or --flow")
			}
			if len(args) > 0 && chosen {
				return usageError("name the orders or choose them, not both")
			}
			i, err := data.open(cmd)
			if err != nil {
				return err
			}
			defer i.close()
			ids, err := chooseTasks(cmd.Context(), i.store, args, filter)
			if err != nil {
				return err
			}
			if len(args) == 0 && !yes {
				ok, err := confirm(cmd, fmt.Sprintf("%s %d orders?", action, len(ids)))
				if err != nil || !ok {
					return err
				}
			}
			n, err := act(cmd.Context(), i.store, action, ids, why)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"chosen": len(ids), "changed": n})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d of %d orders%s\n", action, n, len(ids), notApplicable(action, int64(len(ids))-n))
			return err
		},
	}
	data.add(c, "warn")
	choose.add(c)
	jsonFlag(c, &asJSON)
	c.Flags().StringVar(&why, "reason", "", "why; shown with the order and in the audit")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func notApplicable(action store.Action, n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d are in a state to which %s does not apply", n, action)
}

// chooseTasks gives the tasks that are named or that the filter chooses.
func chooseTasks(ctx context.Context, st *store.Store, names []string, filter store.TaskFilter) ([]int64, error) {
	var ids []int64
	for _, name := range names {
		id, err := findTask(ctx, st, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if len(names) > 0 {
		return ids, nil
	}
	filter.Limit = 1000
	for {
		rows, err := st.Tasks(ctx, filter)
		if err != nil || len(rows) == 0 {
			return ids, err
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		filter.BeforeID = rows[len(rows)-1].ID
	}
}

// act does it in bounded transactions.
func act(ctx context.Context, st *store.Store, action store.Action, ids []int64, why string) (int64, error) {
	var total int64
	for chunk := range slices.Chunk(ids, 500) {
		var n int64
		err := st.Write(ctx, func(ctx context.Context, tx store.Tx) (err error) {
			n, _, err = st.ActOn(ctx, tx, action, chunk, operator(), why, time.Now())
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// operator is who runs the command, for the audit.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username + " (command line)"
	}
	return "command line"
}

// confirm asks a person; without a terminal it refuses and says how to go on.
func confirm(cmd *cobra.Command, question string) (bool, error) {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !isTerminal(in) {
		return false, usageError("%s Nobody is there to answer: repeat it with --yes", question)
	}
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() { // ends with the answer, or with the program
		var answer string
		_, _ = fmt.Fscanln(in, &answer)
		answers <- answer
	}()
	select {
	case answer := <-answers:
		return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), nil
	case <-cmd.Context().Done():
		return false, cmd.Context().Err()
	}
}
