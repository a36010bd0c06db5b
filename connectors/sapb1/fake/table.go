package fake

import (
	"fmt"
	"strings"
)

// table is the records of a set, in the order in which they came to be.
type table struct {
	set    set
	object *object
	rows   []*row
	byKey  map[string]*row
	// index finds records by a field's value without regard to case; what it gives is looked at again.
	index map[string]map[string][]*row
	next  int64
}

func newTable(s set, o *object) *table {
	t := &table{set: s, object: o, byKey: map[string]*row{}, index: map[string]map[string][]*row{}, next: 1}
	for _, field := range s.indexed {
		t.index[field] = map[string][]*row{}
	}
	return t
}

func keyText(value any) string { return fmt.Sprint(value) }

func folded(value any) string {
	s, _ := value.(string)
	return strings.ToLower(s)
}

func (t *table) get(key any) *row { return t.byKey[keyText(key)] }

func (t *table) put(r row) *row {
	kept := &r
	t.rows = append(t.rows, kept)
	t.byKey[keyText(r[t.set.key])] = kept
	t.reindex(kept, row{})
	return kept
}

// reindex follows a change of a record.
func (t *table) reindex(kept *row, before row) {
	for field, index := range t.index {
		was, is := folded(before[field]), folded((*kept)[field])
		if was == is && len(before) > 0 {
			continue
		}
		if was != "" {
			list := index[was]
			for i, r := range list {
				if r == kept {
					index[was] = append(list[:i:i], list[i+1:]...)
					break
				}
			}
		}
		if is != "" {
			index[is] = append(index[is], kept)
		}
	}
}

// addIndex begins to find records by a field.
func (t *table) addIndex(field string) {
	t.index[field] = map[string][]*row{}
	for _, r := range t.rows {
		if is := folded((*r)[field]); is != "" {
			t.index[field][is] = append(t.index[field][is], r)
		}
	}
}

func (t *table) remove(key any) {
	kept := t.get(key)
	if kept == nil {
		return
	}
	delete(t.byKey, keyText(key))
	for i, r := range t.rows {
		if r == kept {
			t.rows = append(t.rows[:i:i], t.rows[i+1:]...)
			break
		}
	}
	before := *kept
	empty := row{}
	*kept = empty
	t.reindex(kept, before)
}
