package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

// ErrDisagree says that the two sides do not agree in the end.
var ErrDisagree = errors.New("the shops and the ERPs do not agree")

// unknownOf1000 is how many orders have an article that no ERP knows, so that holding can be seen.
const unknownOf1000 = 20

// quiet is how long nothing may happen before the demo stops waiting for the rest.
const quiet = 30 * time.Second

// Count makes a number of orders, waits until each is settled, and compares both sides. The error is
// ErrDisagree when they differ.
func Count(ctx context.Context, o Options) (rows []Row, took time.Duration, err error) {
	w, err := start(ctx, o)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := w.subscribed(ctx); err != nil {
		return nil, 0, err
	}
	began := time.Now()
	for i, p := range pairs {
		n := o.Orders / len(pairs)
		if i == 0 {
			n += o.Orders % len(pairs)
		}
		if err := w.make(ctx, p.from, n, unknownOf1000); err != nil {
			return nil, 0, err
		}
	}
	if err := w.wait(ctx); err != nil {
		return nil, 0, err
	}
	took = time.Since(began)
	if rows, err = w.rows(ctx); err != nil {
		return nil, took, err
	}
	if slices.ContainsFunc(rows, func(r Row) bool { return !r.OK() }) {
		return rows, took, ErrDisagree
	}
	return rows, took, nil
}

// wait waits until every order is settled, or nothing has happened for a while.
func (w *world) wait(ctx context.Context) error {
	last, since := int64(-1), time.Now()
	for {
		settled, _, err := w.settled(ctx)
		if err != nil {
			return err
		}
		if w.options.Progress != nil {
			w.options.Progress(int(settled))
		}
		if settled >= int64(w.options.Orders) {
			return nil
		}
		if settled != last {
			last, since = settled, time.Now()
		}
		if time.Since(since) > quiet {
			return nil // the comparison tells what is missing
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// Print writes the rows as a table, and what is wrong below it.
func Print(o Options, rows []Row) error {
	t := tabwriter.NewWriter(o.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "FLOW\tMADE\tIN THE ERP\tDUPLICATES\tDIFFERING TOTALS\tHELD\tMISSING\tBY WEBHOOK\tBY SCHEDULE\tBY HAND")
	for _, r := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", r.Flow, r.Made, r.InERP, r.Duplicates, r.Differing, r.heldTotal(), len(r.Missing),
			r.Via[store.ViaWebhook], r.Via[store.ViaPoll], r.Via[store.ViaManual])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		for _, reason := range slices.Sorted(maps.Keys(r.Held)) {
			_, _ = fmt.Fprintf(o.Out, "held in %s: %d × %s\n", r.Flow, r.Held[reason], reason)
		}
		for _, d := range r.Details {
			_, _ = fmt.Fprintf(o.Out, "wrong in %s: %s\n", r.Flow, d)
		}
	}
	return nil
}

// Live makes an order every second and tells what becomes of each, until the context ends.
func Live(ctx context.Context, o Options) (err error) {
	w, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(o.Out, format+"\n", args...) }
	p("The dashboard, signed in with one click (the link works once):")
	p("  %s", w.signIn)
	p("")
	p("Orderly                 %s   (/readyz, /metrics)", w.address)
	p("pretend shops and ERPs  %s/_sandbox/", w.vendors)
	p("data                    %s   (removed at the end; orderly.yaml is there, too)", w.dir)
	p("")
	p("Orders are made in Shopify and WooCommerce; one in four sends no webhook and is found by the schedule.")
	p("Ctrl-C ends it.")
	p("")
	if err := w.subscribed(ctx); err != nil {
		return ignoreEnd(ctx, err)
	}
	feed := &feed{world: w, told: map[int64]string{}, print: p}
	for n := 0; ctx.Err() == nil; n++ {
		if err := w.second(ctx, feed, n); ignoreEnd(ctx, err) != nil {
			return err
		}
		w.options.Orders = n + 1
	}
	// What is on its way ends first: else it would be told to be missing.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := w.wait(ending); ignoreEnd(ending, err) != nil {
		return err
	}
	p("\nboth sides compared:")
	rows, err := w.rows(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	return Print(o, rows)
}

// endTime is how long the orders that are on their way may take at the end.
const endTime = 10 * time.Second

// second makes an order and tells for a second what becomes of all.
func (w *world) second(ctx context.Context, feed *feed, n int) error {
	if err := w.makeOne(ctx, pairs[n%len(pairs)].from, n); err != nil {
		return err
	}
	for range 10 {
		if !pause(ctx, 100*time.Millisecond) {
			return nil
		}
		if err := feed.tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ignoreEnd drops an error that the end of the demo caused.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// makeOne makes an order: each fourth without a webhook.
func (w *world) makeOne(ctx context.Context, shop string, n int) error {
	if n%4 == 3 {
		return w.make(ctx, shop, 1, 0) // of so few, the one is left to the schedule
	}
	_, err := w.makeOrders(shop, 1, unknownOf1000)
	return err
}

// feed tells what has become of each order, once.
type feed struct {
	world *world
	told  map[int64]string
	print func(format string, args ...any)
}

func (f *feed) tell(ctx context.Context) error {
	tasks, err := f.world.store.Tasks(ctx, store.TaskFilter{Kind: "order", Limit: 50})
	if err != nil {
		return err
	}
	for _, t := range slices.Backward(tasks) {
		now := fmt.Sprint(t.State, t.Delivered)
		if f.told[t.ID] == now || t.State == store.TaskWaiting || t.State == store.TaskWorking {
			continue
		}
		f.told[t.ID] = now
		line := fmt.Sprintf("%s  %-22s %-10s %12s  by %-8s", time.Now().Format("15:04:05"), t.Flow, t.Number, t.Price(), t.FirstVia)
		if t.State == store.TaskSynced {
			f.print("%s → %s", line, t.Document)
		} else {
			f.print("%s   %s: %s", line, t.State, t.Reason)
		}
	}
	return nil
}
