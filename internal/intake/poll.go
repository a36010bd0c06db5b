package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// pageSize is how many records a page is asked to have; vendors may give fewer.
const pageSize = 100

// Poll lists what changed at a source since the last poll and observes it. It goes on where an
// earlier poll was cut off. An error leaves the cursor where the last stored page put it, unless the system refuses that.
func (in *Intake) Poll(ctx context.Context, name string) error {
	source, ok := in.sources.Source(name)
	if !ok || source.Conn.Lister == nil || source.Paused {
		return nil
	}
	for _, kind := range source.Kinds {
		c, err := in.store.PollCursor(ctx, name, string(kind), in.now())
		if err != nil {
			return err
		}
		if err := in.pollKind(ctx, source, kind, c); err != nil {
			return fmt.Errorf("poll %s of %s: %w", kind, name, err)
		}
	}
	return nil
}

func (in *Intake) pollKind(ctx context.Context, source *Source, kind commerce.Kind, c store.Cursor) error {
	if !c.Open {
		started := in.now()
		overlap := source.Conn.Definition.Traits.Overlap
		switch {
		case c.Watermark.After(started) && !c.Since.IsZero():
			// A clock was put back: nobody knows what was missed, so the last window is listed again.
		case !c.Watermark.IsZero():
			c.Since = c.Watermark.Add(-overlap)
		case !source.Since.IsZero():
			c.Since = source.Since
		default:
			c.Since = started.Add(-overlap)
		}
		c.Open, c.Until, c.Seen, c.Changed, c.State = true, started, 0, 0, store.CursorRunning
	}
	for {
		more, err := in.page(ctx, source, kind, &c, store.ViaPoll)
		if err != nil && ctx.Err() != nil {
			return ctx.Err() // it goes on with the page that the cursor names
		}
		if err != nil {
			c.Error = err.Error()
			if kind := connector.KindOf(err); c.Position != "" && (kind == connector.KindInvalid || kind == connector.KindNotFound) {
				// The system does not know the position any more: the next poll begins the window again.
				c.Position, c.Seen, c.Changed = "", 0, 0
			}
			if saveErr := in.saveCursor(ctx, c); saveErr != nil {
				return saveErr
			}
			return err
		}
		if !more {
			return nil
		}
	}
}

// page lists one page and stores its events and the cursor behind it in one transaction.
func (in *Intake) page(ctx context.Context, source *Source, kind commerce.Kind, c *store.Cursor, via store.Via) (more bool, err error) {
	query := connector.Query{Kind: kind, Since: c.Since, Cursor: c.Position, Limit: pageSize}
	backfill := via == store.ViaBackfill
	if backfill {
		query.Until = c.Until
	}
	page, err := source.Conn.Lister.List(ctx, query)
	if err != nil {
		return false, err
	}
	if page.More && page.Next == c.Position {
		return false, connector.Errorf(connector.KindBug, "list", "the system gives the same page again; the listing stops here")
	}
	next := *c
	next.Position, next.Error, next.Tries, next.Due = page.Next, "", 0, time.Time{}
	next.Seen += int64(len(page.Events))
	if page.Watermark.After(next.Watermark) {
		next.Watermark = page.Watermark
	}
	if !page.More {
		next.Open = false
		next.State = store.CursorReady
		if backfill {
			next.State, next.Total = store.CursorDone, next.Seen
		} else if page.Watermark.IsZero() && c.Until.After(next.Watermark) {
			next.Watermark = c.Until // everything up to the start of this poll has been listed
		}
	}
	b := batch{source: source, via: via, events: in.known(source, page.Events), priority: store.PriorityNew}
	if backfill {
		b.priority, b.only = store.PriorityBackfill, c.Flow
	}
	_, err = in.observe(ctx, b, func(ctx context.Context, tx store.Tx, changed int) error {
		next.Changed = c.Changed + int64(changed)
		return in.store.SaveCursor(ctx, tx, next, in.now())
	})
	if err != nil {
		return false, err
	}
	*c = next
	return page.More, nil
}

// known drops what no flow carries.
func (in *Intake) known(source *Source, events []connector.Event) []connector.Event {
	kept := events[:0:0]
	for _, e := range events {
		if len(source.Routes[e.Ref.Kind]) > 0 {
			kept = append(kept, e)
		}
	}
	return kept
}

func (in *Intake) saveCursor(ctx context.Context, c store.Cursor) error {
	return in.store.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx store.Tx) error {
		return in.store.SaveCursor(ctx, tx, c, in.now())
	})
}

// Count says how many records a range holds at the source, -1 when it cannot tell.
func (in *Intake) Count(ctx context.Context, name string, kind commerce.Kind, since, until time.Time) (int, error) {
	source, ok := in.sources.Source(name)
	if !ok {
		return 0, fmt.Errorf("there is no source %q", name)
	}
	if source.Conn.Counter == nil {
		return -1, nil
	}
	return source.Conn.Counter.Count(ctx, connector.Query{Kind: kind, Since: since, Until: until})
}

// maxBackfillTries is how often a page of a backfill is tried before the backfill fails.
const maxBackfillTries = 20

// RunBackfills lists for every backfill that is due, for a slice of time; more says that there is
// more to do at once.
func (in *Intake) RunBackfills(ctx context.Context, slice time.Duration) (more bool, err error) {
	end := in.now().Add(slice)
	for in.now().Before(end) {
		open, err := in.store.OpenBackfills(ctx, in.now())
		if err != nil {
			return false, err
		}
		progressed := false
		for _, c := range open {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			moved, err := in.backfillPage(ctx, c)
			if err != nil {
				return false, err
			}
			progressed = progressed || moved
		}
		if !progressed {
			return false, nil
		}
	}
	return true, nil
}

// backfillPage lists one page of a backfill. An error of the source is kept with the backfill and
// tried again later, or ends it.
func (in *Intake) backfillPage(ctx context.Context, c store.Cursor) (moved bool, err error) {
	source, ok := in.sources.Source(c.Connection)
	if !ok || source.Conn.Lister == nil {
		c.State, c.Error = store.CursorFailed, "the connection is not there, or its system cannot list"
		return false, in.saveCursor(ctx, c)
	}
	if source.Paused {
		return false, nil
	}
	c.State, c.Open = store.CursorRunning, true
	_, err = in.page(ctx, source, commerce.Kind(c.Kind), &c, store.ViaBackfill)
	if err == nil {
		return true, nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	c.Error = err.Error()
	c.Tries++
	c.Due = in.now().Add(backoff(c.Tries, err))
	if !connector.KindOf(err).Temporary() || c.Tries > maxBackfillTries {
		c.State = store.CursorFailed
	}
	return false, in.saveCursor(ctx, c)
}
