package fake

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// node is a parsed condition: one of a leaf, a negation, or two joined.
type node struct {
	leaf        *leaf
	not         *node
	and         bool
	left, right *node
}

// leaf is a condition on a field, which may be of a related record: product_id.default_code.
type leaf struct {
	path     []string
	operator string
	value    any
}

var operators = []string{
	"=", "!=", "<=", "<", ">", ">=", "=?", "=like", "=ilike", "like", "not like", "ilike", "not ilike", "in", "not in", "child_of", "parent_of",
}

// parse reads a domain in Odoo's prefix notation; conditions side by side are joined by "and".
func (e *env) parse(t *table, domain any) ([]*node, *fault) {
	items, ok := domain.([]any)
	if !ok {
		if empty(domain) {
			return nil, nil
		}
		return nil, valueError("Domain() invalid item in domain: %s", pyRepr(domain))
	}
	var wrong any
	bad := false
	for _, item := range items { // the newest parser reads from the back and so complains of the last
		if text, ok := item.(string); ok && text != "&" && text != "|" && text != "!" {
			wrong, bad = item, true
		} else if !ok {
			if list, ok := item.([]any); !ok || len(list) != 3 {
				wrong, bad = item, true
			}
		}
	}
	if bad {
		switch list, isList := wrong.([]any); {
		case e.version >= 19:
			return nil, valueError("Domain() invalid item in domain: %s", pyRepr(wrong))
		case isList:
			return nil, valueError("not enough values to unpack (expected 3, got %d)", len(list))
		default:
			return nil, python("IndexError", "string index out of range")
		}
	}
	var nodes []*node
	for len(items) > 0 {
		n, rest, err := e.parseOne(t, items)
		if err != nil {
			return nil, err
		}
		nodes, items = append(nodes, n), rest
	}
	return nodes, nil
}

func (e *env) parseOne(t *table, items []any) (*node, []any, *fault) {
	if len(items) == 0 {
		return nil, nil, valueError("Domain() missing argument for operator")
	}
	if operator, ok := items[0].(string); ok {
		left, rest, err := e.parseOne(t, items[1:])
		if err != nil || operator == "!" {
			return &node{not: left}, rest, err
		}
		right, rest, err := e.parseOne(t, rest)
		return &node{and: operator == "&", left: left, right: right}, rest, err
	}
	parts := items[0].([]any)
	name, isText := parts[0].(string)
	operator, _ := parts[1].(string)
	l := &leaf{path: strings.Split(name, "."), operator: operator, value: parts[2]}
	written := "('" + name + "', '" + operator + "', " + pyRepr(parts[2]) + ")"
	if !isText || !slices.Contains(operators, operator) {
		if e.version >= 19 {
			return nil, nil, valueError("Invalid operator in condition %s", written)
		}
		return nil, nil, valueError("Invalid leaf %s", written)
	}
	at := t
	for i, part := range l.path {
		f := at.fields[part]
		if f == nil {
			return nil, nil, valueError("Invalid field %s.%s in leaf %s", at.def.name, part, written)
		}
		if i < len(l.path)-1 {
			if f.relation == "" {
				return nil, nil, valueError("Invalid field %s.%s in leaf %s", at.def.name, name, written)
			}
			at = e.table(f.relation)
			continue
		}
		if f.kind == "datetime" && !empty(l.value) {
			moment, err := e.moment(l.value)
			if err != nil {
				return nil, nil, err
			}
			l.value = moment
		}
	}
	if operator == "in" || operator == "not in" {
		if _, ok := l.value.([]any); !ok {
			l.value = []any{l.value}
		}
	}
	return &node{leaf: l}, items[1:], nil
}

// candidates narrows a search by an index where a condition allows it.
func (t *table) candidates(nodes []*node) []*record {
	for _, n := range nodes {
		l := n.leaf
		if l == nil || len(l.path) != 1 {
			continue
		}
		name := l.path[0]
		switch l.operator {
		case "=", "in":
			values, isList := l.value.([]any)
			if !isList {
				values = []any{l.value}
			}
			if slices.ContainsFunc(values, empty) {
				continue
			}
			if name == "id" {
				return t.pick(values)
			}
			if held, ok := t.indexes[name]; ok {
				return t.found(held, t.fields[name], values)
			}
		case "=ilike":
			text, ok := l.value.(string)
			if held, indexed := t.indexes[folded(name)]; ok && indexed {
				if plain, isPlain := unescape(text); isPlain {
					return t.found(held, t.fields[name], []any{strings.ToLower(plain)})
				}
			}
		}
	}
	return t.all()
}

func (t *table) pick(values []any) []*record {
	ids, _ := asIDs(values)
	slices.Sort(ids)
	var out []*record
	for _, id := range slices.Compact(ids) {
		if r := t.rows[id]; r != nil {
			out = append(out, r)
		}
	}
	return out
}

func (t *table) found(held map[any][]int64, f *field, values []any) []*record {
	var ids []int64
	for _, value := range values {
		key := value
		if f.kind == "many2one" {
			key, _ = asID(value)
		} else if _, isText := value.(string); !isText {
			key = pyText(value)
		}
		ids = append(ids, held[key]...)
	}
	slices.Sort(ids)
	out := make([]*record, 0, len(ids))
	for _, id := range slices.Compact(ids) {
		out = append(out, t.rows[id])
	}
	return out
}

func (e *env) matches(t *table, nodes []*node, r *record) bool {
	for _, n := range nodes {
		if !e.match(t, n, r) {
			return false
		}
	}
	return true
}

func (e *env) match(t *table, n *node, r *record) bool {
	switch {
	case n.leaf != nil:
		return e.matchLeaf(t, n.leaf, n.leaf.path, r)
	case n.not != nil:
		return !e.match(t, n.not, r)
	case n.and:
		return e.match(t, n.left, r) && e.match(t, n.right, r)
	default:
		return e.match(t, n.left, r) || e.match(t, n.right, r)
	}
}

func (e *env) matchLeaf(t *table, l *leaf, path []string, r *record) bool {
	f := t.fields[path[0]]
	if len(path) > 1 {
		related := e.table(f.relation)
		for _, id := range e.related(f, r) {
			if target := related.get(id); target != nil && e.matchLeaf(related, l, path[1:], target) {
				return true
			}
		}
		return false
	}
	if f.relation != "" && f.kind != "many2one" {
		ids := e.related(f, r)
		negative := l.operator == "not in" || l.operator == "!="
		if empty(l.value) {
			return (len(ids) == 0) != negative
		}
		wanted, _ := asIDs(l.value)
		return slices.ContainsFunc(ids, func(id int64) bool { return slices.Contains(wanted, id) }) != negative
	}
	return e.compare(f, e.stored(f, r), l)
}

func (e *env) related(f *field, r *record) []int64 {
	switch f.kind {
	case "one2many":
		return e.lines(f, r.id)
	case "many2many":
		if f.value != nil {
			ids, _ := f.value(e, r).([]int64)
			return ids
		}
		return r.ids(f.name)
	}
	if id, ok := e.stored(f, r).(int64); ok {
		return []int64{id}
	}
	return nil
}

// stored is a field's value as the database has it: write_date with its microseconds.
func (e *env) stored(f *field, r *record) any {
	switch f.name {
	case "id":
		return r.id
	case "write_date":
		return r.written
	case "create_date":
		return r.made
	}
	if f.value != nil {
		return f.value(e, r)
	}
	return r.values[f.name]
}

func (e *env) compare(f *field, have any, l *leaf) bool {
	switch l.operator {
	case "in", "not in":
		hit := slices.ContainsFunc(l.value.([]any), func(want any) bool { return e.equal(f, have, want) })
		return hit == (l.operator == "in")
	case "=", "=?":
		return e.equal(f, have, l.value)
	case "!=":
		return !e.equal(f, have, l.value)
	case "child_of", "parent_of":
		return e.equal(f, have, l.value)
	case "<", "<=", ">", ">=":
		return e.ordered(f, have, l)
	}
	text, _ := have.(string)
	if f.kind == "many2one" {
		if target := e.table(f.relation).get(idOf(have)); target != nil {
			text = e.name(f.relation, target)
		}
	}
	pattern := pyText(l.value)
	negative := strings.HasPrefix(l.operator, "not ")
	kind := strings.TrimPrefix(l.operator, "not ")
	if strings.HasSuffix(kind, "ilike") {
		text, pattern = strings.ToLower(text), strings.ToLower(pattern)
	}
	if !strings.HasPrefix(kind, "=") {
		pattern = "%" + pattern + "%"
	}
	return (have != nil && like([]rune(text), []rune(pattern))) != negative
}

func idOf(v any) int64 {
	id, _ := v.(int64)
	return id
}

func (e *env) equal(f *field, have, want any) bool {
	if empty(want) {
		switch have := have.(type) {
		case bool:
			return !have
		case string:
			return have == ""
		}
		return have == nil
	}
	switch have := have.(type) {
	case nil:
		return false
	case string:
		return have == pyText(want)
	case bool:
		truth := want == true || pyText(want) == "1"
		return have == truth
	case int64:
		id, ok := asID(want)
		return ok && id == have
	case float64:
		n, err := strconv.ParseFloat(pyText(want), 64)
		return err == nil && n == have
	case time.Time:
		at, ok := want.(time.Time)
		return ok && e.second(have).Equal(at)
	}
	return false
}

// second is a moment as Odoo compares it: with microseconds up to Odoo 18, in whole seconds later.
func (e *env) second(at time.Time) time.Time {
	if e.version >= 19 {
		return at.Truncate(time.Second)
	}
	return at
}

func (e *env) ordered(f *field, have any, l *leaf) bool {
	var sign int
	switch have := have.(type) {
	case time.Time:
		at, ok := l.value.(time.Time)
		if !ok {
			return false
		}
		sign = e.second(have).Compare(at)
	case string:
		sign = strings.Compare(have, pyText(l.value))
	case int64, float64:
		want, err := strconv.ParseFloat(pyText(l.value), 64)
		if err != nil {
			return false
		}
		n, isFloat := have.(float64)
		if !isFloat {
			n = float64(have.(int64))
		}
		switch {
		case n < want:
			sign = -1
		case n > want:
			sign = 1
		}
	default:
		return false
	}
	switch l.operator {
	case "<":
		return sign < 0
	case "<=":
		return sign <= 0
	case ">":
		return sign > 0
	default:
		return sign >= 0
	}
}

// unescape gives the text that a pattern without wildcards stands for.
func unescape(pattern string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '%', '_':
			return "", false
		case '\\':
			i++
			if i == len(pattern) {
				return "", false
			}
		}
		b.WriteByte(pattern[i])
	}
	return b.String(), true
}

// like is SQL's LIKE with "\" as its escape.
func like(text, pattern []rune) bool {
	for len(pattern) > 0 {
		switch pattern[0] {
		case '%':
			for len(pattern) > 0 && pattern[0] == '%' {
				pattern = pattern[1:]
			}
			if len(pattern) == 0 {
				return true
			}
			for i := range len(text) + 1 {
				if like(text[i:], pattern) {
					return true
				}
			}
			return false
		case '_':
			if len(text) == 0 {
				return false
			}
		default:
			if pattern[0] == '\\' && len(pattern) > 1 {
				pattern = pattern[1:]
			}
			if len(text) == 0 || text[0] != pattern[0] {
				return false
			}
		}
		text, pattern = text[1:], pattern[1:]
	}
	return len(text) == 0
}
