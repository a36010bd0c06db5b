package desk

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// Selection is the orders that a person has chosen: some by their ids, or all that a filter chooses.
type Selection struct {
	IDs    []int64
	All    bool
	Filter OrderFilter // with All
}

// BulkState is how far a Bulk has come.
type BulkState string

// States of a Bulk.
const (
	BulkCounting BulkState = "counting"
	BulkReady    BulkState = "ready" // it waits for a person to start it
	BulkRunning  BulkState = "running"
	BulkDone     BulkState = "done"
	BulkStopped  BulkState = "stopped" // by a person, or because Orderly stopped
	BulkFailed   BulkState = "failed"
)

// Ended says that nothing more happens.
func (s BulkState) Ended() bool { return s == BulkDone || s == BulkStopped || s == BulkFailed }

// Bulk is an action on many orders: first counted, then started by a person, then done in parts. The orders are
// those that were counted, also when others match by then. The node that it was begun on works on it and writes down
// how far it is, so that every node can show, start and stop it; what it has done is in the store, order by order.
type Bulk struct {
	ID     string       `json:"id"`
	Action store.Action `json:"action"`
	Who    string       `json:"who"`
	Why    string       `json:"why,omitempty"`
	State  BulkState    `json:"state"`
	// All says that they are all that match Filter.
	All    bool        `json:"all"`
	Filter OrderFilter `json:"-"`

	Counted int           `json:"counted"`
	Full    bool          `json:"full"` // there are more than one Bulk takes
	Applies int           `json:"applies"`
	ByState store.Counts  `json:"by_state"`
	Money   []money.Money `json:"money"` // what those are worth to which the action applies, by currency
	Done    int           `json:"done"`
	Changed int64         `json:"changed"`
	Problem string        `json:"problem,omitempty"`
	// Wish is what somebody wants on another node than the one that works on it, until that has heard of it.
	Wish store.Wish `json:"wish,omitempty"`

	MadeAt    time.Time `json:"made_at"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// Rest is how long the rest takes at the pace so far; 0 when that cannot be told.
func (b Bulk) Rest(now time.Time) time.Duration {
	if b.State != BulkRunning || b.Done == 0 {
		return 0
	}
	return time.Duration(float64(now.Sub(b.StartedAt)) / float64(b.Done) * float64(b.Counted-b.Done)).Round(time.Second)
}

const (
	// maxBulk bounds how many orders one Bulk takes.
	maxBulk = 100_000
	// bulkPart is how many orders are changed in one transaction.
	bulkPart = 250
	// countPart is how many orders are read at once while they are counted.
	countPart = 500
	// maxBulks is how many are remembered; bulkTime is how long one that nobody starts is.
	maxBulks = 50
	bulkTime = 30 * time.Minute
	// countPatience is how long PrepareBulk waits for the count before it leaves it to the background.
	countPatience = 700 * time.Millisecond
)

// bulks are the bulk actions of this node.
type bulks struct {
	node string // names it
	mu   sync.Mutex
	ctx  context.Context //nolint:containedctx // ends with the desk
	list []*bulk
}

// bulk is a Bulk at work. Its fields are guarded by bulks.mu.
type bulk struct {
	Bulk
	ids  []int64
	ctx  context.Context //nolint:containedctx // one for counting and doing, so that a stop in between is heard
	stop context.CancelFunc
	news bool      // something of it is not written down yet
	told time.Time // when it was written down last

	saving  sync.Mutex // held from reading the fields until they are in the store, so that what is newer stays there
	hearing sync.Mutex // held while a wish is fulfilled, so that it is once
}

// begin lets bulk actions run until the context ends.
func (b *bulks) begin(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ctx = ctx
}

// add keeps a new one and forgets the oldest that are not at work. It gives the context to work with, and those that it
// has ended for that.
func (b *bulks) add(one *bulk, now time.Time) (work context.Context, dropped []*bulk, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx == nil || b.ctx.Err() != nil {
		return nil, nil, fmt.Errorf("bulk action: the desk is not open")
	}
	for i := 0; len(b.list) >= maxBulks && i < len(b.list); {
		old := b.list[i]
		if old.State == BulkReady {
			old.leave("Nobody has started it, and others were prepared since then. Nothing was changed; prepare it again.", now)
			dropped = append(dropped, old)
		} else if !old.State.Ended() {
			i++
			continue
		}
		b.list = slices.Delete(b.list, i, i+1)
	}
	if len(b.list) >= maxBulks {
		return nil, dropped, Invalid("", "%d bulk actions are running; wait until one has ended", len(b.list))
	}
	one.ctx, one.stop = context.WithCancel(b.ctx)
	one.news = true
	b.list = append(b.list, one)
	return one.ctx, dropped, nil
}

// leave ends one that nobody has started.
func (one *bulk) leave(problem string, now time.Time) {
	one.State, one.Problem, one.EndedAt, one.ids, one.news = BulkStopped, problem, now, nil, true
	one.stop()
}

// find gives one of this node, or nil.
func (b *bulks) find(id string) *bulk {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.list {
		if one.ID == id {
			return one
		}
	}
	return nil
}

// change changes one under the lock and gives a copy of what it is then.
func (b *bulks) change(id string, change func(one *bulk) error) (Bulk, error) {
	one := b.find(id)
	if one == nil {
		return Bulk{}, errNoBulk()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	err := change(one)
	one.news = true
	return one.copy(), err
}

func errNoBulk() error {
	return &NotFoundError{Text: "There is no such bulk action any more. What it has done stands in the audit."}
}

func (one *bulk) copy() Bulk {
	out := one.Bulk
	out.ByState = maps.Clone(one.ByState)
	out.Money = slices.Clone(one.Money)
	return out
}

// Bulk gives a bulk action as it stands, whichever node works on it.
func (d *Desk) Bulk(ctx context.Context, id string) (Bulk, error) {
	one := d.bulks.find(id)
	if one == nil {
		return d.otherBulk(ctx, id)
	}
	d.bulks.mu.Lock()
	defer d.bulks.mu.Unlock()
	return one.copy(), nil
}

// Bulks gives the bulk actions of all nodes that were started, the newest first.
func (d *Desk) Bulks(ctx context.Context) ([]Bulk, error) {
	list, err := d.otherBulks(ctx)
	if err != nil {
		return nil, err
	}
	d.bulks.mu.Lock()
	defer d.bulks.mu.Unlock()
	for _, one := range d.bulks.list {
		list = slices.DeleteFunc(list, func(b Bulk) bool { return b.ID == one.ID })
		if !one.StartedAt.IsZero() {
			list = append(list, one.copy())
		}
	}
	slices.SortStableFunc(list, func(a, b Bulk) int { return b.StartedAt.Compare(a.StartedAt) })
	return list[:min(len(list), maxBulks)], nil
}

// PrepareBulk counts the orders of a selection and what they are worth. It changes nothing: StartBulk does. It
// returns when they are counted, or after a moment while the count goes on.
func (d *Desk) PrepareBulk(ctx context.Context, person people.Person, action store.Action, s Selection) (Bulk, error) {
	return d.beginBulk(ctx, person, action, s, func(work context.Context, id string) error {
		d.endPart(work, id, BulkReady, nil)
		return nil
	})
}

// RunBulk counts the orders of a selection and at once does what is wanted with them, where a person has seen before
// what that is. It returns when it is being done, or after a moment while the count goes on.
func (d *Desk) RunBulk(ctx context.Context, person people.Person, action store.Action, s Selection, why string) (Bulk, error) {
	why, err := checkAction(action, why)
	if err != nil {
		return Bulk{}, err
	}
	return d.beginBulk(ctx, person, action, s, func(work context.Context, id string) error {
		_, err := d.goOnBulk(work, person, id, why, BulkCounting)
		return err
	})
}

// beginBulk counts the orders of a selection, and then lets it go on.
func (d *Desk) beginBulk(ctx context.Context, person people.Person, action store.Action, s Selection, then func(work context.Context, id string) error) (Bulk, error) {
	if !slices.Contains(Actions, action) {
		_, err := checkAction(action, "")
		return Bulk{}, err
	}
	if !s.All && len(s.IDs) == 0 {
		return Bulk{}, Invalid("id", "no order is chosen")
	}
	if !s.All && len(s.IDs) > MaxActed {
		return Bulk{}, Invalid("id", "these are %d orders; choose them by a filter", len(s.IDs))
	}
	s.Filter = s.Filter.First()
	filter, err := s.Filter.Tasks(d.now())
	if err != nil {
		return Bulk{}, err
	}
	one := &bulk{Bulk: Bulk{
		ID: rand.Text(), Action: action, Who: person.Who(), State: BulkCounting, All: s.All, Filter: s.Filter, ByState: store.Counts{}, MadeAt: d.now(),
	}}
	work, dropped, err := d.bulks.add(one, d.now())
	for _, old := range dropped {
		d.saveBulk(ctx, old)
	}
	if err != nil {
		return Bulk{}, err
	}
	d.saveBulk(ctx, one) // before anybody is sent to its page, which another node may show
	counted := make(chan struct{})
	d.running.Go(func() {
		defer close(counted)
		err := d.count(work, one.ID, s, filter)
		if err == nil {
			err = then(work, one.ID)
		}
		if err != nil {
			d.endPart(work, one.ID, BulkFailed, err)
		}
	})
	patience := time.NewTimer(countPatience)
	defer patience.Stop()
	select {
	case <-counted:
	case <-patience.C:
	case <-ctx.Done():
	}
	return d.Bulk(ctx, one.ID)
}

// count reads the orders of a selection and adds them up.
func (d *Desk) count(ctx context.Context, id string, s Selection, filter store.TaskFilter) error {
	if !s.All {
		rows, err := d.store.TaskRows(ctx, s.IDs)
		if err != nil {
			return err
		}
		_, err = d.bulks.change(id, func(one *bulk) error { return one.take(rows) })
		return err
	}
	filter.Limit = countPart
	for {
		page, err := d.store.ListTasks(ctx, filter)
		if err != nil {
			return err
		}
		full := false
		if _, err := d.bulks.change(id, func(one *bulk) error {
			err := one.take(page.Tasks)
			full = one.Counted >= maxBulk
			one.Full = full && page.Next != ""
			return err
		}); err != nil {
			return err
		}
		if page.Next == "" || full {
			return nil
		}
		filter.Cursor = page.Next
		d.watch.tell()
	}
}

// take adds orders.
func (one *bulk) take(rows []store.TaskRow) error {
	for _, row := range rows {
		if one.Counted >= maxBulk {
			return nil
		}
		one.ids = append(one.ids, row.ID)
		one.Counted++
		one.ByState[row.State]++
		if !Applies(one.Action, row) {
			continue
		}
		one.Applies++
		if err := one.addMoney(row); err != nil {
			return err
		}
	}
	return nil
}

func (one *bulk) addMoney(row store.TaskRow) error {
	if row.Amount == "" {
		return nil
	}
	amount, err := money.Parse(row.Amount, money.Currency(row.Currency))
	if err != nil {
		return fmt.Errorf("amount of task %d: %w", row.ID, err)
	}
	for i := range one.Money {
		if one.Money[i].Currency == amount.Currency {
			one.Money[i].Amount = one.Money[i].Amount.Add(amount.Amount)
			return nil
		}
	}
	one.Money = append(one.Money, amount)
	slices.SortFunc(one.Money, func(a, b money.Money) int { return cmp.Compare(a.Currency, b.Currency) })
	return nil
}

// endPart brings a bulk action into its next state when a part of its way is over.
func (d *Desk) endPart(ctx context.Context, id string, next BulkState, err error) {
	_, _ = d.bulks.change(id, func(one *bulk) error { // one that is forgotten needs no state
		switch {
		case one.State.Ended():
			return nil
		case ctx.Err() != nil:
			one.State = BulkStopped
		case err != nil:
			one.State = BulkFailed
			one.Problem = "It broke off because the database could not be asked. What was changed stays changed; the rest is as it was. Prepare it again for the rest."
			d.log.ErrorContext(ctx, "a bulk action broke off", "action", one.Action, "done", one.Done, "error", err)
		default:
			one.State = next
		}
		if one.State.Ended() {
			one.EndedAt = d.now()
			one.ids = nil
			one.stop()
		}
		return nil
	})
	d.saveBulk(ctx, d.bulks.find(id))
	d.watch.tell()
}

// StartBulk does what was prepared, in the background. Hold and skip need a reason. One of another node begins when that
// has heard of it.
func (d *Desk) StartBulk(ctx context.Context, person people.Person, id, why string) (Bulk, error) {
	b, err := d.Bulk(ctx, id)
	if err != nil {
		return Bulk{}, err
	}
	if why, err = checkAction(b.Action, why); err != nil {
		return b, err
	}
	if d.bulks.find(id) == nil {
		return d.wishStart(ctx, person, b, why)
	}
	return d.goOnBulk(ctx, person, id, why, BulkReady)
}

// goOnBulk does a bulk action that is in a state, in the background.
func (d *Desk) goOnBulk(ctx context.Context, person people.Person, id, why string, from BulkState) (Bulk, error) {
	var ids []int64
	var work context.Context
	b, err := d.bulks.change(id, func(found *bulk) error {
		if found.State != from {
			return Invalid("", "this is %s already", string(found.State))
		}
		found.State, found.Who, found.Why, found.StartedAt = BulkRunning, person.Who(), why, d.now()
		ids, work = found.ids, found.ctx
		return nil
	})
	if err != nil {
		return b, err
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return d.store.Audit(ctx, tx, person.Who(), "bulk "+string(b.Action), "orders", why, bulkDetail(b), d.now())
	})
	if err != nil {
		return d.bulks.change(id, func(found *bulk) error {
			found.State, found.StartedAt = from, time.Time{}
			return err
		})
	}
	d.saveBulk(ctx, d.bulks.find(id))
	d.running.Go(func() { d.endPart(work, id, BulkDone, d.doBulk(work, person, b, ids)) })
	return d.Bulk(ctx, id)
}

// doBulk does it, a part after the other.
func (d *Desk) doBulk(ctx context.Context, person people.Person, b Bulk, ids []int64) error {
	for part := range slices.Chunk(ids, bulkPart) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		changed, err := d.actOn(ctx, person, b.Action, part, b.Why)
		if err != nil {
			return err
		}
		if _, err := d.bulks.change(b.ID, func(one *bulk) error {
			one.Done += len(part)
			one.Changed += changed
			return nil
		}); err != nil {
			return err
		}
		d.shareBulk(ctx, d.bulks.find(b.ID))
		d.watch.tell()
	}
	return nil
}

// StopBulk stops a bulk action after the part that it is at; what it has done stays done. One of another node stops when
// that has heard of it.
func (d *Desk) StopBulk(ctx context.Context, person people.Person, id string) (Bulk, error) {
	if d.bulks.find(id) == nil {
		return d.wishStop(ctx, person, id)
	}
	b, err := d.bulks.change(id, func(one *bulk) error {
		if one.State.Ended() {
			return Invalid("", "it has ended already")
		}
		one.stop()
		if one.State != BulkRunning {
			one.State, one.EndedAt, one.ids = BulkStopped, d.now(), nil
		}
		return nil
	})
	if err != nil {
		return b, err
	}
	d.saveBulk(ctx, d.bulks.find(id))
	if b.StartedAt.IsZero() {
		return b, nil
	}
	return b, d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		return d.store.Audit(ctx, tx, person.Who(), "stop bulk "+string(b.Action), "orders", "", bulkDetail(b), d.now())
	})
}

// bulkDetail says in the audit what a bulk action is about.
func bulkDetail(b Bulk) string {
	if b.All {
		return fmt.Sprintf("%d orders that match %s", b.Counted, filterDetail(b.Filter))
	}
	return fmt.Sprintf("%d orders by hand", b.Counted)
}
