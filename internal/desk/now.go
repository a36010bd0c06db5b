package desk

import (
	"context"
	"errors"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/store"
)

// Figures is how everything stands. It is read in the background, so that a page costs nothing however
// much there is.
type Figures struct {
	At       time.Time                `json:"at"`
	Oldest   *store.TaskRow           `json:"oldest,omitempty"` // the longest waiting order that is not in its destination; none when all are
	Lags     []store.Lag              `json:"lags"`
	Minutes  []store.Minute           `json:"minutes"`
	Backlogs []store.Backlog          `json:"backlogs"`
	Causes   []store.Cause            `json:"causes"` // open, the most orders first
	Counts   map[string]store.Counts  `json:"counts"` // orders by flow and state
	Today    []Today                  `json:"today"`
	Health   []ConnectionHealth       `json:"connections"`
	Flows    int                      `json:"flows"`
	sources  map[string]sourceCounted // what sources said of today, by connection
}

// Today is a source's day beside Orderly's.
type Today struct {
	store.Day
	// AtSource is how many orders the source itself says that it has changed today, new ones included; -1 where it
	// cannot tell or was not asked yet.
	AtSource int       `json:"at_source"`
	AskedAt  time.Time `json:"asked_at,omitzero"`
}

// Missing is how many of the orders that the source has changed today are not known here as changed.
func (t Today) Missing() int { return max(0, t.AtSource-t.Changed) }

// Agrees says whether everything that the source has changed is known here, and what is new is settled.
func (t Today) Agrees() bool {
	return t.Missing() == 0 && int64(t.Seen) == t.States[store.TaskSynced]+t.States[store.TaskSkipped]
}

// Total counts the orders in each state over all flows.
func (f *Figures) Total() store.Counts {
	sum := store.Counts{}
	for _, counts := range f.Counts {
		for state, n := range counts {
			sum[state] += n
		}
	}
	return sum
}

const (
	// figuresEvery is how often the figures are read.
	figuresEvery = 2 * time.Second
	// figuresShare bounds how much of the time may go into reading them: where they take long, they are
	// read less often.
	figuresShare = 10
	// chartMinutes is how far the chart of in and out goes back.
	chartMinutes = 60
	// askSourceEvery is how often a source is asked how many orders it has of today, while somebody looks.
	askSourceEvery = 5 * time.Minute
	askSourceTime  = 20 * time.Second
)

// sourceCounted is what a source said.
type sourceCounted struct {
	day time.Time
	n   int
	at  time.Time
}

// Figures gives how everything stood a moment ago.
func (d *Desk) Figures() *Figures { return d.figures.Load() }

// OpenCauses is the number of causes that somebody should look at.
func (d *Desk) OpenCauses() int { return len(d.Figures().Causes) }

func (d *Desk) keepFigures(ctx context.Context) {
	wait := figuresEvery
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		began := time.Now()
		if err := d.readFigures(ctx); err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "the dashboard's figures cannot be read; it shows the last ones", "error", err)
		}
		wait = max(figuresEvery, figuresShare*time.Since(began))
	}
}

// readFigures reads all figures anew.
func (d *Desk) readFigures(ctx context.Context) error {
	now, kind := d.now(), string(commerce.KindOrder)
	f := &Figures{At: now, sources: d.Figures().sources}
	read := func(err error, into error) error { return errors.Join(into, err) }
	var failed, err error
	f.Oldest, err = d.store.OldestTask(ctx, "", kind)
	failed = read(err, failed)
	f.Lags, err = d.store.Lags(ctx, kind)
	failed = read(err, failed)
	f.Minutes, err = d.store.PerMinute(ctx, kind, chartMinutes, now)
	failed = read(err, failed)
	f.Backlogs, err = d.store.Backlogs(ctx, now)
	failed = read(err, failed)
	f.Causes, err = d.store.Causes(ctx, store.CauseFilter{State: store.CauseOpen, Now: now})
	failed = read(err, failed)
	f.Counts, err = d.store.CountTasks(ctx, kind)
	failed = read(err, failed)
	flows, err := d.store.Flows(ctx)
	failed = read(err, failed)
	f.Flows = len(flows)
	f.Minutes = sinceFirst(f.Minutes, f.Total().Total())
	f.Health, err = d.Health(ctx)
	failed = read(err, failed)
	day := now.UTC().Truncate(24 * time.Hour)
	days, err := d.store.Today(ctx, kind, day)
	if failed = read(err, failed); failed != nil {
		return failed
	}
	if d.watch.watched() {
		f.sources = d.askSources(ctx, f.sources, day)
	}
	for _, one := range days {
		t := Today{Day: one, AtSource: -1}
		if counted, ok := f.sources[one.Source]; ok && counted.day.Equal(day) {
			t.AtSource, t.AskedAt = counted.n, counted.at
		}
		f.Today = append(f.Today, t)
	}
	d.figures.Store(f)
	return nil
}

// fewestMinutes is what a chart has at least.
const fewestMinutes = 10

// sinceFirst leaves out the minutes before the first order of all, while that is younger than the chart is long.
func sinceFirst(minutes []store.Minute, all int64) []store.Minute {
	first, seen := len(minutes), int64(0)
	for i, m := range minutes {
		if m.Seen > 0 {
			first = min(first, i)
		}
		seen += int64(m.Seen)
	}
	if seen < all { // some came earlier
		return minutes
	}
	return minutes[max(0, min(first-1, len(minutes)-fewestMinutes)):]
}

// askSources asks those sources that were not asked for a while how many orders they have changed today.
func (d *Desk) askSources(ctx context.Context, before map[string]sourceCounted, day time.Time) map[string]sourceCounted {
	ctx, cancel := context.WithTimeout(ctx, askSourceTime)
	defer cancel()
	out := map[string]sourceCounted{}
	for _, name := range d.node.Sources() {
		last, asked := before[name]
		if asked && d.now().Sub(last.at) < askSourceEvery && last.day.Equal(day) {
			out[name] = last
			continue
		}
		n, err := d.node.Intake().Count(ctx, name, commerce.KindOrder, day, time.Time{})
		if err != nil {
			n = -1 // its health says why
		}
		out[name] = sourceCounted{day: day, n: n, at: d.now()}
	}
	return out
}
