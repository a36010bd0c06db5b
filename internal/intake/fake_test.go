package intake

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shop is a source that keeps its records in memory, and the world around an intake.
type shop struct {
	mu      sync.Mutex
	records map[string]connector.Raw
	moved   map[string]string // id asked for → id that answers
	fail    error             // of List and Fetch
	calls   []connector.Query
	page    int
	again   bool // gives the same page for ever
	onList  func()

	clock     time.Time
	woken     []store.LaneRef
	wakeFails error
	counts    map[string]int
	source    *Source
	intake    *Intake
}

func newShop(t testing.TB, st *store.Store) *shop {
	t.Helper()
	s := &shop{records: map[string]connector.Raw{}, moved: map[string]string{}, page: 2, clock: start, counts: map[string]int{}}
	s.source = &Source{
		Name: "shop", Lanes: 1, Kinds: []commerce.Kind{commerce.KindOrder}, Since: start.Add(-time.Hour), Address: "https://orderly.example/hooks/shop",
		Routes: map[commerce.Kind][]store.Route{commerce.KindOrder: {{Flow: "shop-erp", Destination: "erp", Lanes: 1}, {Flow: "shop-crm", Destination: "crm", Lanes: 1}}},
		Conn: &connector.Conn{
			Definition: connector.Definition{Name: "shop", Title: "Shop", Traits: connector.Traits{Overlap: time.Minute}},
			Receiver:   s, Lister: s, Fetcher: s, Counter: s,
		},
	}
	s.intake = New(st, s, s, s, slog.New(slog.NewTextHandler(io.Discard, nil)), func() time.Time { return s.clock })
	return s
}

func (s *shop) Source(name string) (*Source, bool) { return s.source, name == "shop" }

func (s *shop) WakeLanes(_ context.Context, _ store.Tx, lanes ...store.LaneRef) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken = append(s.woken, lanes...)
	return s.wakeFails
}

func (s *shop) Observed(_ string, via store.Via, outcome store.Outcome) {
	s.count(string(via) + " " + string(outcome))
}
func (s *shop) Ignored(_, reason string) { s.count("ignored " + reason) }
func (s *shop) Refused(connection string, status int) {
	s.count("refused " + connection + " " + strconv.Itoa(status))
}

func (s *shop) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}

// put changes a record now.
func (s *shop) put(id, body string) {
	s.records[id] = connector.Raw{Ref: connector.Ref{Kind: commerce.KindOrder, ID: id}, Body: []byte(body), UpdatedAt: s.clock}
}

// Receive reads a webhook as the tests write it.
func (s *shop) Receive(req connector.Request) (connector.Receipt, error) {
	if req.Header.Get("X-Secret") != "right" {
		return connector.Receipt{}, connector.Errorf(connector.KindForbidden, "receive", "wrong secret")
	}
	var hook struct {
		ID, Kind, Body, Delivery, Ignored, Say string
		Deleted                                bool
	}
	if err := json.Unmarshal(req.Body, &hook); err != nil {
		return connector.Receipt{}, connector.Errorf(connector.KindInvalid, "receive", "not JSON")
	}
	receipt := connector.Receipt{Ignored: hook.Ignored}
	if hook.Say != "" {
		receipt.Answer = &connector.Answer{Status: http.StatusAccepted, Header: http.Header{"X-Said": {hook.Say}}, Body: []byte(hook.Say)}
	}
	if hook.ID != "" {
		kind := commerce.KindOrder
		if hook.Kind != "" {
			kind = commerce.Kind(hook.Kind)
		}
		event := connector.Event{Ref: connector.Ref{Kind: kind, ID: hook.ID}, Topic: "order", Change: connector.Changed, DeliveryID: hook.Delivery}
		if hook.Body != "" {
			event.Body = []byte(hook.Body)
		}
		if hook.Deleted {
			event.Change = connector.Deleted
		}
		receipt.Events = append(receipt.Events, event)
	}
	return receipt, nil
}

func (s *shop) Fetch(_ context.Context, ref connector.Ref) (connector.Raw, error) {
	if s.fail != nil {
		return connector.Raw{}, s.fail
	}
	id := ref.ID
	if to, ok := s.moved[id]; ok {
		id = to
	}
	raw, ok := s.records[id]
	if !ok {
		return connector.Raw{}, connector.Errorf(connector.KindNotFound, "fetch", "gone")
	}
	return raw, nil
}

func (s *shop) List(ctx context.Context, q connector.Query) (connector.Page, error) {
	s.calls = append(s.calls, q)
	if s.onList != nil {
		s.onList()
	}
	if ctx.Err() != nil {
		return connector.Page{}, ctx.Err()
	}
	if s.fail != nil {
		return connector.Page{}, s.fail
	}
	found := s.found(q)
	from := 0
	if q.Cursor != "" {
		from, _ = strconv.Atoi(q.Cursor)
	}
	to := min(from+s.page, len(found))
	page := connector.Page{More: to < len(found)}
	for _, raw := range found[from:to] {
		page.Events = append(page.Events, connector.Event{Ref: raw.Ref, Change: connector.Changed, UpdatedAt: raw.UpdatedAt, Body: raw.Body})
	}
	if page.More {
		page.Next = strconv.Itoa(to)
	}
	if s.again {
		page.More, page.Next = true, "2"
	}
	return page, nil
}

func (s *shop) found(q connector.Query) []connector.Raw {
	var found []connector.Raw
	for _, raw := range s.records {
		if !raw.UpdatedAt.Before(q.Since) && (q.Until.IsZero() || raw.UpdatedAt.Before(q.Until)) {
			found = append(found, raw)
		}
	}
	slices.SortFunc(found, func(a, b connector.Raw) int {
		if c := a.UpdatedAt.Compare(b.UpdatedAt); c != 0 {
			return c
		}
		return compare(a.Ref.ID, b.Ref.ID)
	})
	return found
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (s *shop) Count(_ context.Context, q connector.Query) (int, error) { return len(s.found(q)), nil }

// tasks gives the tasks of a flow by source id.
func tasks(t testing.TB, st *store.Store, flow string) map[string]store.TaskRow {
	t.Helper()
	rows, err := st.Tasks(t.Context(), store.TaskFilter{Flow: flow, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]store.TaskRow{}
	for _, row := range rows {
		byID[row.SourceID] = row
	}
	return byID
}

// newest gives the newest body of a record.
func newest(t testing.TB, st *store.Store, recordID int64) string {
	t.Helper()
	e, err := st.RecordBody(t.Context(), recordID)
	if err != nil {
		t.Fatal(err)
	}
	return string(e.Body)
}
