package fake

import (
	"sort"
	"strconv"
	"time"
)

// book holds records by id, and in the order of their last change: a change puts a record at the end,
// so that a page is found without looking at all of them.
type book[T any] struct {
	byID map[int64]*entry[T]
	made []int64 // ids, oldest first
	log  []*entry[T]
}

type entry[T any] struct {
	record T
	id     int64
	at     time.Time // of the change, in whole seconds
	old    bool      // changed again, or gone
}

func (b *book[T]) put(id int64, at time.Time, record T) {
	if b.byID == nil {
		b.byID = map[int64]*entry[T]{}
	}
	if before, ok := b.byID[id]; ok {
		before.old = true
	} else {
		b.made = append(b.made, id)
	}
	e := &entry[T]{record: record, id: id, at: at}
	b.byID[id] = e
	b.log = append(b.log, e)
}

func (b *book[T]) drop(id int64) {
	if e, ok := b.byID[id]; ok {
		e.old = true
		delete(b.byID, id)
	}
}

func (b *book[T]) get(id int64) (T, bool) {
	e, ok := b.byID[id]
	if !ok {
		var none T
		return none, false
	}
	return e.record, true
}

func (b *book[T]) text(id string) (T, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		n = 0
	}
	return b.get(n)
}

// filter chooses records by their last change, the end exclusive, and by a further condition.
type filter[T any] struct {
	since, until time.Time
	keep         func(T) bool
}

// page gives up to n records from a place in the order of changes, with the place after the last and
// whether there are more.
func (b *book[T]) page(f filter[T], from, n int) (records []T, next int, more bool) {
	start := sort.Search(len(b.log), func(i int) bool { return !b.log[i].at.Before(f.since) })
	for i := max(start, from); i < len(b.log); i++ {
		e := b.log[i]
		if !f.until.IsZero() && !e.at.Before(f.until) {
			break
		}
		if e.old || f.keep != nil && !f.keep(e.record) {
			continue
		}
		if len(records) == n {
			return records, next, true
		}
		records, next = append(records, e.record), i+1
	}
	return records, next, false
}

func (b *book[T]) count(f filter[T]) int {
	records, _, _ := b.page(f, 0, len(b.log)+1)
	return len(records)
}
