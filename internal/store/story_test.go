package store_test

import (
	"context"
	"testing"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestAStoryTellsTheNewestAndSaysWhatItLeavesOut(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, withBody(t, s, "a", order("1", start)))
		w := take(t, s, "run", start)[0]
		finish(t, s, synced(w, "run", start))
		const more = 229
		err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			for i := range more {
				if _, err := tx.Exec(ctx, `
					INSERT INTO deliveries (task_id, revision, started_at, finished_at, outcome, detail) SELECT task_id, $2, started_at, finished_at, outcome, detail
					FROM deliveries WHERE task_id = $1 ORDER BY id LIMIT 1`, w.TaskID, i+2); err != nil {
					return err
				}
				again := withBody(t, s, "a", order("1", start))
				again.Topic = "again"
				if _, err := s.Observe(ctx, tx, again); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		story, err := s.TaskStory(t.Context(), w.TaskID)
		if err != nil {
			t.Fatal(err)
		}
		deliveries, events := story.Deliveries, story.Events
		if len(deliveries) != 200 || story.OlderDeliveries != 30 || deliveries[0].Number != 31 || deliveries[0].Revision != 31 || deliveries[199].Number != 230 || deliveries[199].Revision != 230 {
			t.Errorf("%d deliveries and %d older, from %+v to %+v", len(deliveries), story.OlderDeliveries, deliveries[0], deliveries[len(deliveries)-1])
		}
		if len(events) != 200 || story.OlderEvents != 30 || events[0].ID >= events[199].ID || events[0].Topic != "again" {
			t.Errorf("%d events and %d older, from %+v to %+v", len(events), story.OlderEvents, events[0], events[len(events)-1])
		}
	})
}

func TestAnUnchangedDocumentKeepsItsTotals(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, withBody(t, s, "a", order("1", start)))
		w := take(t, s, "run", start)[0]
		r := synced(w, "run", start)
		l := &r.Links[0]
		l.Net, l.Tax, l.Gross, l.Currency = "100.00", "19.00", "119.00", "EUR"
		finish(t, s, r)
		save := func(change func(*store.Link)) store.Link {
			next := r.Links[0]
			next.Net, next.Tax, next.Gross, next.Currency = "", "", "", ""
			change(&next)
			if err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return s.SaveLink(ctx, tx, next, start) }); err != nil {
				t.Fatal(err)
			}
			story, err := s.TaskStory(t.Context(), w.TaskID)
			if err != nil {
				t.Fatal(err)
			}
			return story.Links[0]
		}
		if got := save(func(*store.Link) {}); got.Net != "100.00" || got.Tax != "19.00" || got.Gross != "119.00" || got.Currency != "EUR" {
			t.Errorf("the totals of an unchanged document became %+v", got)
		}
		if got := save(func(l *store.Link) { l.Net, l.Tax, l.Gross, l.Currency = "1.00", "", "1.00", "SEK" }); got.Net != "1.00" || got.Tax != "" || got.Currency != "SEK" {
			t.Errorf("new totals became %+v", got)
		}
		if got := save(func(l *store.Link) { l.DocumentID = "another" }); got.Gross != "" {
			t.Errorf("another document has the totals of the one before: %+v", got)
		}
	})
}
