package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestTrendCountsTheTasksOfACauseByTheHour(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		now := start.Add(30 * time.Minute)
		for i, at := range []time.Time{start.Add(-30 * time.Hour), start.Add(-2 * time.Hour), start.Add(-100 * time.Minute), start, now} {
			observe(t, s, withBody(t, s, string(rune('a'+i)), order(string(rune('a'+i)), at)))
		}
		for _, w := range take(t, s, "run", now) {
			finish(t, s, store.Result{
				Work: w, Run: "run", State: store.TaskHeld, Outcome: "held", Started: now, Ended: now, Detail: packed(t, s, `{"error":"`+w.SourceID+`"}`),
				Cause: &store.Cause{Flow: "shop-erp", State: store.TaskHeld, Step: "map", Kind: "unmapped", Code: "sku", Message: "no article"},
			})
		}
		causes, err := s.Causes(t.Context(), store.CauseFilter{Now: now})
		if err != nil || len(causes) != 1 {
			t.Fatalf("causes %+v, %v", causes, err)
		}
		trend, err := s.CauseTrend(t.Context(), []int64{causes[0].ID, 999}, 3, now)
		if want := []int{2, 0, 2}; err != nil || !slices.Equal(trend[causes[0].ID], want) || trend[999] != nil {
			t.Errorf("trend %v, %v; want %v and none of a cause that nothing has", trend, err, want)
		}
		if trend, err := s.CauseTrend(t.Context(), nil, 24, now); err != nil || len(trend) != 0 {
			t.Errorf("of no cause the trend is %v, %v", trend, err)
		}
	})
}

func packed(t *testing.T, s *store.Store, text string) []byte {
	t.Helper()
	detail, err := s.PackDetail([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return detail
}

func TestNewestDeliveriesAndWorkOfTasksThatNobodyTook(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		observe(t, s, withBody(t, s, "one", order("1", start)))
		observe(t, s, withBody(t, s, "two", order("2", start)))
		var ids []int64
		for i, detail := range []string{`{"error":"first"}`, `{"error":"second"}`} {
			at := start.Add(time.Duration(i) * time.Hour)
			for _, w := range take(t, s, detail, at) {
				if w.SourceID == "2" && i == 1 {
					finish(t, s, synced(w, detail, at))
					continue
				}
				finish(t, s, store.Result{Work: w, Run: detail, State: store.TaskWaiting, Due: at, Outcome: "retry", Started: at, Ended: at, Detail: packed(t, s, detail)})
				if i == 0 {
					ids = append(ids, w.TaskID)
				}
			}
		}
		found, err := s.LastDeliveries(t.Context(), append(ids, 999))
		if err != nil || len(found) != 2 {
			t.Fatalf("newest deliveries %+v, %v; want two", found, err)
		}
		works, err := s.Works(t.Context(), "erp", ids)
		if err != nil || len(works) != 2 {
			t.Fatalf("works %+v, %v; want two", works, err)
		}
		for _, w := range works {
			want, body := `{"error":"second"}`, "one"
			if w.SourceID == "2" {
				want, body = "", "two"
			}
			if got := string(found[w.TaskID].Detail); got != want {
				t.Errorf("the newest delivery of %s is %q; want %q", w.SourceID, got, want)
			}
			if string(w.Body) != body || w.Connection != "shop" {
				t.Errorf("the work of %s is %+v", w.SourceID, w)
			}
		}
		if before, after := task(t, s, "shop-erp", works[0].RecordID), works[0]; before.Attempts != after.Attempts {
			t.Errorf("reading a task counts as an attempt: %d, %d", before.Attempts, after.Attempts)
		}
	})
}
