package fake

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// table holds the records of a model, with the indexes that keep searches fast.
type table struct {
	def    *modelDef
	fields map[string]*field
	rows   map[int64]*record
	ids    []int64 // ascending
	// next is the next id. Like a sequence of PostgreSQL it is not given back by a rollback.
	next    int64
	indexes map[string]map[any][]int64
}

// folded is the name of the index of a field without regard to case.
func folded(name string) string { return "~" + name }

func newTable(def *modelDef, version int) *table {
	t := &table{def: def, fields: map[string]*field{}, rows: map[int64]*record{}, next: 1, indexes: map[string]map[any][]int64{}}
	own := []*field{
		integer("id", "ID", computed), char("display_name", "Display Name", shown(displayName(def.name))),
		moment("create_date", "Created on", computed), moment("write_date", "Last Updated on", computed),
	}
	for _, f := range slices.Concat(own, def.fields) {
		if f.in == nil || f.in(version) {
			t.fields[f.name] = f
		}
	}
	for _, name := range def.indexed {
		if name != "id" {
			t.indexes[name] = map[any][]int64{}
		}
	}
	for _, name := range def.folded {
		t.indexes[folded(name)] = map[any][]int64{}
	}
	for _, f := range t.fields { // a one2many is found by its inverse
		if f.kind == "many2one" && (f.relation == "sale.order" || f.relation == "base.automation") {
			t.indexes[f.name] = map[any][]int64{}
		}
	}
	return t
}

func (t *table) get(id int64) *record { return t.rows[id] }

// by gives the records that have a value in an indexed field, oldest first.
func (t *table) by(name string, value any) []*record {
	ids := t.indexes[name][value]
	out := make([]*record, len(ids))
	for i, id := range ids {
		out[i] = t.rows[id]
	}
	return out
}

func (t *table) all() []*record {
	out := make([]*record, len(t.ids))
	for i, id := range t.ids {
		out[i] = t.rows[id]
	}
	return out
}

func (t *table) key(index string, r *record) (any, bool) {
	name, fold := strings.CutPrefix(index, "~")
	value := r.values[name]
	if text, ok := value.(string); ok && fold {
		return strings.ToLower(text), true
	}
	return value, value != nil
}

// set puts a record in the place of the one with its id; nil takes that one away.
func (t *table) set(id int64, r *record) {
	if old := t.rows[id]; old != nil {
		for index, held := range t.indexes {
			if key, ok := t.key(index, old); ok {
				if at, found := slices.BinarySearch(held[key], id); found {
					held[key] = slices.Delete(held[key], at, at+1)
				}
				if len(held[key]) == 0 {
					delete(held, key)
				}
			}
		}
	}
	at, found := slices.BinarySearch(t.ids, id)
	if r == nil {
		delete(t.rows, id)
		if found {
			t.ids = slices.Delete(t.ids, at, at+1)
		}
		return
	}
	if !found {
		t.ids = slices.Insert(t.ids, at, id)
	}
	t.rows[id] = r
	for index, held := range t.indexes {
		if key, ok := t.key(index, r); ok {
			at, _ := slices.BinarySearch(held[key], id)
			held[key] = slices.Insert(held[key], at, id)
		}
	}
}

// env is one call: who makes it, when, and what of it must be taken back when it fails.
type env struct {
	v       *Vendor
	version int
	user    *user
	now     time.Time
	context map[string]any
	undo    []func()
	// changed are the records that rules about them hear of when the call ends well, in order.
	changed []change
	// clerk says that a person works in Odoo itself, whom nothing is refused.
	clerk bool
}

type change struct {
	model   string
	id      int64
	trigger string
	record  *record // as it was, for one that is gone
}

func (e *env) table(model string) *table { return e.v.tables[model] }

// put stores a record and remembers how to take that back.
func (e *env) put(t *table, id int64, r *record) {
	old := t.rows[id]
	e.undo = append(e.undo, func() { t.set(id, old) })
	t.set(id, r)
	trigger := "on_write"
	switch {
	case r == nil:
		trigger = "on_unlink"
	case old == nil:
		trigger = "on_create"
	}
	e.changed = append(e.changed, change{model: t.def.name, id: id, trigger: trigger, record: old})
}

// insert stores a new record under the next id.
func (e *env) insert(t *table, values map[string]any) *record {
	r := &record{id: t.next, values: values, owner: e.user.id, made: e.now, written: e.now}
	t.next++
	e.put(t, r.id, r)
	return r
}

// modify stores changed values of a record; a value that is the same changes nothing, and then
// write_date stays.
func (e *env) modify(t *table, id int64, values map[string]any, touch bool) *record {
	old := t.rows[id]
	fresh := *old
	fresh.values = make(map[string]any, len(old.values)+len(values))
	maps.Copy(fresh.values, old.values)
	differs := touch
	for name, value := range values {
		if !same(fresh.values[name], value) {
			differs = true
		}
		if value == nil {
			delete(fresh.values, name)
			continue
		}
		fresh.values[name] = value
	}
	if !differs {
		return old
	}
	fresh.written = e.now
	e.put(t, id, &fresh)
	return &fresh
}

func same(a, b any) bool {
	if x, ok := a.([]int64); ok {
		y, _ := b.([]int64)
		return slices.Equal(x, y)
	}
	if _, ok := b.([]int64); ok {
		return false
	}
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return a == b
}

// rollback takes back what the call did.
func (e *env) rollback() {
	for _, back := range slices.Backward(e.undo) {
		back()
	}
	e.undo, e.changed = nil, nil
}
