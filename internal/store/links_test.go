package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestALinkByHandWaitsForEveryFlowThatDeliversThere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		connect(t, s)
		o := withBody(t, s, "one", order("1", start))
		o.Routes = []store.Route{erp, {Flow: "other", Destination: "erp", Lanes: 4}}
		record := observe(t, s, o).RecordID
		row := task(t, s, erp.Flow, record)
		link := func() error {
			version, err := s.TaskVersion(t.Context(), row.ID)
			if err != nil {
				t.Fatal(err)
			}
			return s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
				return s.LinkByHand(ctx, tx, row.ID, version, store.Link{Destination: "erp", RecordID: record, Role: store.RoleOrder, DocumentType: "order", DocumentID: "77"}, start)
			})
		}
		act(t, s, store.ActionHold, row.ID, start)
		works := take(t, s, "run", start)
		if len(works) != 1 || works[0].Flow != "other" {
			t.Fatalf("taken are %+v", works)
		}
		if err := link(); !errors.Is(err, store.ErrTaskMoved) {
			t.Errorf("while another flow delivers it: %v", err)
		}
		finish(t, s, store.Result{Work: works[0], Run: "run", State: store.TaskHeld, Ended: start})
		if err := link(); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}
