package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestPruneTakesWhatIsOldAndNeverTheNewestBody(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		const changes = 3
		var id int64
		for i := range changes {
			id = observe(t, s, withBody(t, s, fmt.Sprint(i), order("1", start.Add(time.Duration(i)*time.Hour)))).RecordID
			w := take(t, s, "run1", start.Add(time.Duration(i)*time.Hour))[0]
			finish(t, s, synced(w, "run1", start.Add(time.Duration(i)*time.Hour)))
		}
		kept, err := s.Prune(t.Context(), store.Retention{})
		if err != nil || kept != (store.Pruned{}) {
			t.Errorf("without a retention: %+v, %v", kept, err)
		}
		later := start.Add(24 * time.Hour)
		p, err := s.Prune(t.Context(), store.Retention{Events: start.Add(time.Minute), Deliveries: later, Audit: later})
		if err != nil || p.Events != 1 || p.Deliveries != changes {
			t.Errorf("pruned %+v, %v", p, err)
		}
		if p, err = s.Prune(t.Context(), store.Retention{Events: later}); err != nil || p.Events != 1 {
			t.Errorf("pruned %+v, %v", p, err)
		}
		if body, err := s.RecordBody(t.Context(), id); err != nil || string(body.Body) != "2" {
			t.Errorf("the newest body is %q, %v", body.Body, err)
		}
		if row := task(t, s, erp.Flow, id); row.State != store.TaskSynced || row.Document == "" {
			t.Errorf("the task is %+v", row)
		}
	})
}
