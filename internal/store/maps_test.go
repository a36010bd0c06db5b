package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/store"
)

func TestHistoryOfMaps(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return s.AddMapChanges(ctx, tx, []store.MapChange{
				{Flow: "f", Table: "items", Key: "A", After: "1", At: start, Who: "anna", Why: "new"},
				{Flow: "f", Table: "items", Key: "A", Before: "1", After: "2", At: start.Add(time.Minute), Who: "bert"},
				{Flow: "f", Table: "taxes", Key: "A", Before: "1", At: start, Who: "bert"},
				{Flow: "g", Table: "items", Key: "B", After: "1", At: start, Who: "anna"},
			})
		})
		for name, c := range map[string]struct {
			filter store.MapFilter
			want   []int64
		}{
			"all":        {store.MapFilter{Limit: 9}, []int64{4, 3, 2, 1}},
			"of a flow":  {store.MapFilter{Flow: "f", Limit: 9}, []int64{3, 2, 1}},
			"of a table": {store.MapFilter{Flow: "f", Table: "items", Limit: 9}, []int64{2, 1}},
			"of a row":   {store.MapFilter{Flow: "g", Table: "items", Key: "B", Limit: 9}, []int64{4}},
			"a page":     {store.MapFilter{Limit: 2}, []int64{4, 3}},
			"the next":   {store.MapFilter{BeforeID: 3, Limit: 9}, []int64{2, 1}},
			"none":       {store.MapFilter{Flow: "h", Limit: 9}, nil},
		} {
			list, err := s.MapChanges(t.Context(), c.filter)
			var ids []int64
			for _, change := range list {
				ids = append(ids, change.ID)
			}
			if err != nil || !slices.Equal(ids, c.want) {
				t.Errorf("%s: %v, %v, want %v", name, ids, err, c.want)
			}
		}
		one, err := s.MapChange(t.Context(), 2)
		if want := (store.MapChange{ID: 2, Flow: "f", Table: "items", Key: "A", Before: "1", After: "2", At: start.Add(time.Minute), Who: "bert"}); err != nil || one != want {
			t.Errorf("%+v, %v", one, err)
		}
		if _, err := s.MapChange(t.Context(), 99); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("%v", err)
		}
	})
}

// seen gives the values of a kind as "value×count".
func seen(t testing.TB, s *store.Store, kind string) (list []string) {
	t.Helper()
	values, err := s.SeenValues(t.Context(), store.SeenFilter{Connection: "shop", Kind: kind, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		list = append(list, fmt.Sprintf("%s×%d", v.Value, v.Count))
	}
	return list
}

// A value that is new is there at once; how often it comes is counted a little later.
func TestSeenValuesAreCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		n := 0
		comes := func(at time.Time, values ...store.SeenValue) {
			t.Helper()
			n++
			id := fmt.Sprint(n)
			observe(t, s, withBody(t, s, id, order(id, at)))
			for _, w := range take(t, s, "run"+id, at) {
				r := synced(w, "run"+id, at)
				r.Summary = &store.Summary{Number: id, Seen: values}
				finish(t, s, r)
			}
		}
		paypal := store.SeenValue{Kind: store.SeenPayment, Value: "paypal", Title: "PayPal"}
		comes(start, paypal, store.SeenValue{Kind: store.SeenSKU, Value: "A"}, paypal, store.SeenValue{Kind: store.SeenSKU})
		if got := seen(t, s, store.SeenPayment); !slices.Equal(got, []string{"paypal×1"}) {
			t.Errorf("%v", got)
		}
		comes(start.Add(time.Second), paypal, store.SeenValue{Kind: store.SeenSKU, Value: "B"})
		comes(start.Add(2*time.Second), paypal)
		if got := seen(t, s, store.SeenSKU); !slices.Equal(got, []string{"A×1", "B×1"}) {
			t.Errorf("%v", got)
		}
		comes(start.Add(time.Minute), paypal, store.SeenValue{Kind: store.SeenSKU, Value: "B"})
		comes(start.Add(2*time.Minute), store.SeenValue{Kind: store.SeenSKU, Value: "C"})
		if got := seen(t, s, store.SeenPayment); !slices.Equal(got, []string{"paypal×4"}) {
			t.Errorf("%v", got)
		}
		if got := seen(t, s, store.SeenSKU); !slices.Equal(got, []string{"A×1", "B×2", "C×1"}) {
			t.Errorf("%v", got)
		}
		values, err := s.SeenValues(t.Context(), store.SeenFilter{Connection: "shop", Kind: store.SeenPayment, Limit: 1})
		if err != nil || values[0].Title != "PayPal" || !values[0].LastAt.Equal(start.Add(time.Minute)) {
			t.Errorf("%+v, %v", values, err)
		}
		if values, err := s.SeenValues(t.Context(), store.SeenFilter{Connection: "shop", Kind: store.SeenSKU, After: "A", Limit: 1}); err != nil || len(values) != 1 || values[0].Value != "B" {
			t.Errorf("%+v, %v", values, err)
		}
		var many []store.SeenValue
		for i := range 100 {
			many = append(many, store.SeenValue{Kind: store.SeenWarehouse, Value: fmt.Sprint(i)})
		}
		comes(start.Add(3*time.Minute), many...)
		if got := seen(t, s, store.SeenWarehouse); len(got) != 64 {
			t.Errorf("%d values of one order", len(got))
		}
	})
}

func TestSeenValuesOutliveAFailureAndAStop(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		failure := errors.New("the transaction fails")
		comes := func(id string, at time.Time, fails error) {
			t.Helper()
			observe(t, s, withBody(t, s, id, order(id, at)))
			for _, w := range take(t, s, "run"+id, at) {
				r := synced(w, "run"+id, at)
				r.Summary = &store.Summary{Number: id, Seen: []store.SeenValue{{Kind: store.SeenPayment, Value: "paypal"}}}
				err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
					if _, err := s.FinishTask(ctx, tx, r); err != nil {
						return err
					}
					return fails
				})
				if !errors.Is(err, fails) {
					t.Fatal(err)
				}
			}
		}
		comes("1", start, nil)
		comes("2", start.Add(time.Second), nil)
		comes("3", start.Add(time.Minute), failure) // it would have counted the second
		if got := seen(t, s, store.SeenPayment); !slices.Equal(got, []string{"paypal×1"}) {
			t.Errorf("%v", got)
		}
		for range 2 {
			if err := s.FlushSeen(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := seen(t, s, store.SeenPayment); !slices.Equal(got, []string{"paypal×2"}) {
				t.Errorf("%v, want what came before and after the failure, once", got)
			}
		}
	})
}

func TestViewsAreSaved(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		add := func(v store.View) (id int64) {
			write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
				id, err = s.AddView(ctx, tx, v, start)
				return err
			})
			return id
		}
		add(store.View{Owner: "anna", Screen: "orders", Name: "Mine", Query: "state=held"})
		shared := add(store.View{Screen: "orders", Name: "Ours", Query: "state=failed"})
		add(store.View{Owner: "bert", Screen: "orders", Name: "Bert's", Query: "q"})
		add(store.View{Owner: "anna", Screen: "causes", Name: "Mine", Query: "q"})
		if again := add(store.View{Screen: "orders", Name: "Ours", Query: "state=held"}); again != shared {
			t.Errorf("saved again it is %d, was %d", again, shared)
		}
		list, err := s.Views(t.Context(), "anna", "orders")
		if err != nil || len(list) != 2 || list[0].Name != "Ours" || list[0].Query != "state=held" || list[1].Name != "Mine" || !list[1].CreatedAt.Equal(start) {
			t.Errorf("%+v, %v", list, err)
		}
		if v, err := s.View(t.Context(), shared); err != nil || v.Name != "Ours" {
			t.Errorf("%+v, %v", v, err)
		}
		remove := func() error {
			return s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error { return s.RemoveView(ctx, tx, shared) })
		}
		if err := remove(); err != nil {
			t.Error(err)
		}
		if err := remove(); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("%v", err)
		}
		if _, err := s.View(t.Context(), shared); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("%v", err)
		}
	})
}

func TestAuditIsListed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store.Store) {
		const many = 1100 // of tasks: more than are read as a whole
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for i := range many {
				if err := s.Audit(ctx, tx, "anna", "retry", fmt.Sprintf("task/%d", i), "why", "", start.Add(time.Duration(i)*time.Second)); err != nil {
					return err
				}
			}
			if err := s.Audit(ctx, tx, "bert (token ci)", "change", "flow/a_b", "", `{"x":1}`, start.Add(time.Hour)); err != nil {
				return err
			}
			return s.Audit(ctx, tx, "bert (token ci)", "change", "flow/aXb", "", "", start.Add(time.Hour))
		})
		for name, c := range map[string]struct {
			filter store.AuditFilter
			want   []string // subjects
		}{
			"newest":               {store.AuditFilter{Limit: 3}, []string{"flow/aXb", "flow/a_b", "task/1099"}},
			"next page":            {store.AuditFilter{BeforeID: many + 1, Limit: 2}, []string{"task/1099", "task/1098"}},
			"of somebody":          {store.AuditFilter{Who: "bert (token ci)", Limit: 9}, []string{"flow/aXb", "flow/a_b"}},
			"an action":            {store.AuditFilter{Action: "change", BeforeID: many + 2, Limit: 9}, []string{"flow/a_b"}},
			"exactly a subject":    {store.AuditFilter{Subject: "flow/a_b", Limit: 9}, []string{"flow/a_b"}},
			"few subjects":         {store.AuditFilter{Subject: "flow/", Limit: 9}, []string{"flow/aXb", "flow/a_b"}},
			"many subjects":        {store.AuditFilter{Subject: "task/", Limit: 2}, []string{"task/1099", "task/1098"}},
			"some subjects":        {store.AuditFilter{Subject: "task/77", Limit: 99}, []string{"task/779", "task/778", "task/777", "task/776", "task/775", "task/774", "task/773", "task/772", "task/771", "task/770", "task/77"}},
			"of a time":            {store.AuditFilter{Since: start.Add(10 * time.Second), Until: start.Add(12 * time.Second), Limit: 9}, []string{"task/11", "task/10"}},
			"all at once":          {store.AuditFilter{Who: "anna", Action: "retry", Subject: "task/1", Since: start, Until: start.Add(2 * time.Second), Limit: 9}, []string{"task/1"}},
			"subjects of nobody":   {store.AuditFilter{Subject: "task/x", Limit: 9}, nil},
			"actions of nobody":    {store.AuditFilter{Who: "anna", Action: "change", Limit: 9}, nil},
			"a sign of a pattern":  {store.AuditFilter{Subject: "flow/%", Limit: 9}, nil},
			"many, but long after": {store.AuditFilter{Subject: "task/", Since: start.Add(24 * time.Hour), Limit: 9}, nil},
		} {
			list, err := s.AuditEntries(t.Context(), c.filter)
			var subjects []string
			for _, e := range list {
				subjects = append(subjects, e.Subject)
			}
			if err != nil || !slices.Equal(subjects, c.want) {
				t.Errorf("%s: %v, %v, want %v", name, subjects, err, c.want)
			}
		}
		list, err := s.AuditEntries(t.Context(), store.AuditFilter{Subject: "flow/a_b", Limit: 1})
		if want := (store.AuditEntry{ID: many + 1, At: start.Add(time.Hour), Who: "bert (token ci)", Action: "change", Subject: "flow/a_b", Detail: `{"x":1}`}); err != nil || list[0] != want {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
