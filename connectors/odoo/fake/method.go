package fake

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// method is what can be called on a model.
type method struct {
	// params are the arguments after the ids, in their order; the first required ones must be given.
	params   []string
	required int
	// record says that it works on records, whose ids come first.
	record bool
	// reads says that it changes nothing.
	reads bool
	call  func(e *env, t *table, ids []int64, args map[string]any) (any, *fault)
}

// methods are those of every model.
func methods() map[string]method {
	return map[string]method{
		"search": {params: []string{"domain", "offset", "limit", "order"}, required: 1, reads: true, call: func(e *env, t *table, _ []int64, a map[string]any) (any, *fault) {
			rows, err := e.search(t, a)
			return idsOf(rows), err
		}},
		"search_count": {params: []string{"domain", "limit"}, required: 1, reads: true, call: func(e *env, t *table, _ []int64, a map[string]any) (any, *fault) {
			rows, err := e.search(t, map[string]any{"domain": a["domain"], "limit": a["limit"], "unsorted": true})
			return len(rows), err
		}},
		"search_read": {params: []string{"domain", "fields", "offset", "limit", "order"}, reads: true, call: searchRead},
		"read": {params: []string{"fields", "load"}, record: true, reads: true, call: func(e *env, t *table, ids []int64, a map[string]any) (any, *fault) {
			var rows []*record
			for _, id := range ids {
				if r := t.get(id); r != nil {
					if !e.sees(t, r) {
						return nil, e.ruled(t.def, "read")
					}
					rows = append(rows, r)
				}
			}
			return e.read(t, rows, a["fields"])
		}},
		"create":     {params: []string{"vals_list"}, required: 1, call: createMethod},
		"write":      {params: []string{"vals"}, required: 1, record: true, call: writeMethod},
		"unlink":     {record: true, call: unlinkMethod},
		"fields_get": {params: []string{"allfields", "attributes"}, reads: true, call: fieldsGet},
	}
}

func (e *env) method(model, name string) (method, bool) {
	if m, ok := e.v.special[model+"."+name]; ok {
		return m, true
	}
	m, ok := e.v.generic[name]
	return m, ok
}

// bind finds the method and gives each argument its name.
func (e *env) bind(t *table, name string, positional []any, named map[string]any) (method, []int64, map[string]any, *fault) {
	if strings.HasPrefix(name, "_") {
		if e.version >= 19 {
			return method{}, nil, nil, accessError("Private methods (such as '%s.%s') cannot be called remotely.", t.def.name, name)
		}
		return method{}, nil, nil, accessError("Private methods (such as %s) cannot be called remotely.", name)
	}
	m, ok := e.method(t.def.name, name)
	if !ok {
		if e.version >= 19 {
			return m, nil, nil, python("AttributeError", "The method '%s.%s' does not exist", t.def.name, name)
		}
		return m, nil, nil, python("AttributeError", "The method '%s' does not exist on the model '%s'", name, t.def.name)
	}
	args := map[string]any{}
	var ids []int64
	if m.record {
		given := named["ids"]
		if len(positional) > 0 {
			given, positional = positional[0], positional[1:]
		}
		if given != nil {
			var ok bool
			if ids, ok = asIDs(given); !ok {
				return m, nil, nil, python("TypeError", "unhashable type: '%s'", pyType(given))
			}
		}
	}
	if len(positional) > len(m.params) {
		return m, nil, nil, python("TypeError", "%s() takes %d positional arguments but %d were given", name, len(m.params)+1, len(positional)+1)
	}
	for i, value := range positional {
		args[m.params[i]] = value
	}
	for key, value := range named {
		if key == "context" || (key == "ids" && m.record) {
			continue
		}
		if !slices.Contains(m.params, key) {
			if missing := firstMissing(m, args, named); missing != "" {
				return m, nil, nil, missingArgument(missing)
			}
			return m, nil, nil, webFault("UnprocessableEntity", http.StatusUnprocessableEntity, "got an unexpected keyword argument '"+key+"'")
		}
		args[key] = value
	}
	if missing := firstMissing(m, args, nil); missing != "" {
		return m, nil, nil, missingArgument(missing)
	}
	return m, ids, args, nil
}

func firstMissing(m method, args, named map[string]any) string {
	for _, name := range m.params[:m.required] {
		if _, ok := args[name]; !ok && named[name] == nil {
			return name
		}
	}
	return ""
}

func missingArgument(name string) *fault {
	return webFault("UnprocessableEntity", http.StatusUnprocessableEntity, "missing a required argument: '"+name+"'")
}

// execute runs a method as one transaction.
func (e *env) execute(model, name string, positional []any, named map[string]any) (result any, failure *fault) {
	if context, ok := named["context"].(map[string]any); ok {
		e.context = context
	}
	t := e.table(model)
	if t == nil {
		return nil, userError("Object %s doesn't exist", model)
	}
	m, ids, args, err := e.bind(t, name, positional, named)
	if err != nil {
		return nil, err
	}
	verb := map[string]string{"create": "create", "write": "modify", "unlink": "delete"}[name]
	if verb == "" {
		verb = "access"
	}
	if name != "fields_get" || t.def.manager {
		if err := e.allowed(t, verb); err != nil {
			return nil, err
		}
	}
	if m.record {
		for _, id := range ids {
			if name != "read" && t.get(id) == nil {
				return nil, missingError(model, id, e.user.id)
			}
		}
	}
	result, err = m.call(e, t, ids, args)
	if err != nil {
		e.rollback()
		return nil, err
	}
	return result, nil
}

// allowed checks the rights to a model.
func (e *env) allowed(t *table, verb string) *fault {
	if e.clerk || (!t.def.sales && !t.def.manager) {
		return nil
	}
	if (t.def.sales && e.user.sales == noSales) || (t.def.manager && !e.user.settings) {
		return e.forbidden(t.def, verb)
	}
	return nil
}

// sees applies the record rules.
func (e *env) sees(t *table, r *record) bool {
	if e.clerk {
		return true
	}
	if e.user.sales == ownSales {
		order := r
		if t.def.name == "sale.order.line" {
			order = e.table("sale.order").get(r.id64("order_id"))
		} else if t.def.name != "sale.order" {
			order = nil
		}
		if order != nil && order.id64("user_id") != 0 && order.id64("user_id") != e.user.id {
			return false
		}
	}
	if t.def.company {
		if company := r.id64("company_id"); company != 0 && !slices.Contains(e.companies(), company) {
			return false
		}
	}
	return true
}

// companies are those that the call works in.
func (e *env) companies() []int64 {
	if ids, ok := asIDs(e.context["allowed_company_ids"]); ok && len(ids) > 0 {
		return ids
	}
	return []int64{1}
}

func (e *env) company() int64 { return e.companies()[0] }

func idsOf(rows []*record) []int64 {
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.id
	}
	return ids
}

// search gives the records that a domain finds and the user may see, sorted, as a page.
func (e *env) search(t *table, args map[string]any) ([]*record, *fault) {
	nodes, err := e.parse(t, args["domain"])
	if err != nil {
		return nil, err
	}
	if t.fields["active"] != nil && e.context["active_test"] != false && !speaksOf(nodes, "active") {
		nodes = append(nodes, &node{leaf: &leaf{path: []string{"active"}, operator: "=", value: true}})
	}
	var rows []*record
	for _, r := range t.candidates(nodes) {
		if e.matches(t, nodes, r) && e.sees(t, r) {
			rows = append(rows, r)
		}
	}
	if args["unsorted"] == nil {
		order := t.def.order
		if given, ok := args["order"].(string); ok && given != "" {
			order = given
		}
		if err := e.sort(t, rows, order); err != nil {
			return nil, err
		}
	}
	if n, ok := asID(args["offset"]); ok && n > 0 {
		rows = rows[min(int(n), len(rows)):]
	}
	if n, ok := asID(args["limit"]); ok && n > 0 {
		rows = rows[:min(int(n), len(rows))]
	}
	return rows, nil
}

// speaksOf says whether a condition names a field, which switches the hiding of archived records off.
func speaksOf(nodes []*node, name string) bool {
	return slices.ContainsFunc(nodes, func(n *node) bool {
		switch {
		case n.leaf != nil:
			return n.leaf.path[0] == name
		case n.not != nil:
			return speaksOf([]*node{n.not}, name)
		default:
			return speaksOf([]*node{n.left, n.right}, name)
		}
	})
}

func (e *env) sort(t *table, rows []*record, order string) *fault {
	if order == "" {
		order = "id"
	}
	type key struct {
		field *field
		down  bool
	}
	var keys []key
	for part := range strings.SplitSeq(order, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 || (len(words) == 2 && !strings.EqualFold(words[1], "asc") && !strings.EqualFold(words[1], "desc")) {
			return userError("Invalid \"order\" specified (%s). A valid \"order\" specification is a comma-separated list of valid field names (optionally followed by asc/desc for the direction)", order)
		}
		f := t.fields[words[0]]
		if f == nil {
			return e.unknownField(t.def.name, words[0], "on")
		}
		keys = append(keys, key{f, len(words) == 2 && strings.EqualFold(words[1], "desc")})
	}
	slices.SortStableFunc(rows, func(a, b *record) int {
		for _, k := range keys {
			c := compareValues(e.stored(k.field, a), e.stored(k.field, b))
			if k.down {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return nil
}

func searchRead(e *env, t *table, _ []int64, a map[string]any) (any, *fault) {
	rows, err := e.search(t, a)
	if err != nil {
		return nil, err
	}
	return e.read(t, rows, a["fields"])
}

// read gives the fields of records; no fields are all of them.
func (e *env) read(t *table, rows []*record, fields any) (any, *fault) {
	var names []string
	switch list := fields.(type) {
	case []any:
		for _, one := range list {
			names = append(names, pyText(one))
		}
	case string:
		names = append(names, list)
	}
	if len(names) == 0 {
		for name := range t.fields {
			names = append(names, name)
		}
	}
	chosen := make([]*field, len(names))
	for i, name := range names {
		if chosen[i] = t.fields[name]; chosen[i] == nil {
			return nil, e.unknownField(t.def.name, name, "on")
		}
	}
	out := make([]map[string]any, len(rows))
	for i, r := range rows {
		out[i] = make(map[string]any, len(chosen)+1)
		out[i]["id"] = r.id
		for _, f := range chosen {
			out[i][f.name] = e.shown(t, f, r)
		}
	}
	return out, nil
}

func fieldsGet(e *env, t *table, _ []int64, a map[string]any) (any, *fault) {
	wanted, _ := a["allfields"].([]any)
	attributes, _ := a["attributes"].([]any)
	out := map[string]any{}
	for name, f := range t.fields {
		if len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w any) bool { return w == name }) {
			continue
		}
		all := map[string]any{
			"type": f.kind, "string": f.label, "required": f.required, "readonly": f.readonly, "store": f.value == nil, "name": name,
		}
		if f.relation != "" {
			all["relation"] = f.relation
		}
		if f.inverse != "" {
			all["relation_field"] = f.inverse
		}
		if f.kind == "selection" {
			all["selection"] = f.selection
		}
		if places, ok := e.v.accuracy[f.digits]; ok && f.digits != "" {
			all["digits"] = []int{16, places}
		}
		for key := range all {
			if len(attributes) > 0 && !slices.ContainsFunc(attributes, func(w any) bool { return w == key }) {
				delete(all, key)
			}
		}
		out[name] = all
	}
	return out, nil
}

func createMethod(e *env, t *table, _ []int64, a map[string]any) (any, *fault) {
	list, many := a["vals_list"].([]any)
	if !many {
		list = []any{a["vals_list"]}
	}
	ids := []int64{}
	for _, one := range list {
		values, ok := one.(map[string]any)
		if !ok {
			return nil, python("TypeError", "create() expects dictionaries, not %s", pyType(one))
		}
		id, err := e.create(t, values)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if !many {
		return ids[0], nil
	}
	return ids, nil
}

// create makes one record: what is given, what Odoo fills in, and then what it works out.
func (e *env) create(t *table, given map[string]any) (int64, *fault) {
	if err := e.known(t, given, "in"); err != nil {
		return 0, err
	}
	given, err := e.defaults(t, given)
	if err != nil {
		return 0, err
	}
	values := map[string]any{}
	var nested []*field
	for name, raw := range given {
		f := t.fields[name]
		switch {
		case f.computed || name == "id":
		case f.kind == "one2many":
			nested = append(nested, f)
		default:
			value, err := e.value(t.def.name, f, raw)
			if err != nil {
				return 0, err
			}
			if value != nil {
				values[name] = value
			}
		}
	}
	r := e.insert(t, values)
	for _, f := range t.def.fields {
		if f.required && t.fields[f.name] != nil && missingValue(f, values[f.name]) {
			return 0, e.mandatory(t.def, f)
		}
	}
	slices.SortFunc(nested, func(a, b *field) int { return strings.Compare(a.name, b.name) })
	for _, f := range nested {
		if err := e.command(f, r.id, given[f.name]); err != nil {
			return 0, err
		}
	}
	return r.id, e.settle(t, r.id, nil, given)
}

func missingValue(f *field, value any) bool {
	return value == nil || (value == "" && f.kind != "text")
}

func (e *env) known(t *table, given map[string]any, doing string) *fault {
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		// company_type is what forms set; it stands for is_company.
		if t.fields[name] == nil {
			return e.unknownField(t.def.name, name, doing)
		}
	}
	return nil
}

// command applies the commands of a one2many field.
func (e *env) command(f *field, id int64, given any) *fault {
	list, ok := given.([]any)
	if !ok {
		if empty(given) {
			return nil
		}
		return valueError("Wrong value for %s: %s", f.name, pyRepr(given))
	}
	t := e.table(f.relation)
	for _, one := range list {
		command, ok := one.([]any)
		if !ok || len(command) == 0 {
			return valueError("Wrong value for %s: %s", f.name, pyRepr(given))
		}
		code, _ := asID(command[0])
		var target int64
		if len(command) > 1 {
			target, _ = asID(command[1])
		}
		var values map[string]any
		if code == 0 || code == 1 {
			if len(command) < 3 {
				return python("IndexError", "list index out of range")
			}
			if values, ok = command[2].(map[string]any); !ok {
				return python("AttributeError", "'%s' object has no attribute 'items'", pyType(command[2]))
			}
		}
		var err *fault
		switch code {
		case 0:
			with := map[string]any{f.inverse: json.Number(strconv.FormatInt(id, 10))}
			maps.Copy(with, values)
			_, err = e.create(t, with)
		case 1:
			if t.get(target) == nil {
				return missingError(f.relation, target, e.user.id)
			}
			err = e.write(t, target, values)
		case 2, 3:
			if t.get(target) == nil {
				return missingError(f.relation, target, e.user.id)
			}
			err = e.unlink(t, target)
		case 4:
		case 5:
			for _, id := range e.lines(f, id) {
				if err = e.unlink(t, id); err != nil {
					break
				}
			}
		default:
			return valueError("Wrong value for %s: %s", f.name, pyRepr(given))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeMethod(e *env, t *table, ids []int64, a map[string]any) (any, *fault) {
	values, ok := a["vals"].(map[string]any)
	if !ok {
		return nil, python("AttributeError", "'%s' object has no attribute 'items'", pyType(a["vals"]))
	}
	for _, id := range ids {
		if !e.sees(t, t.get(id)) {
			return nil, e.ruled(t.def, "write")
		}
		if err := e.write(t, id, values); err != nil {
			return nil, err
		}
	}
	return true, nil
}

func (e *env) write(t *table, id int64, given map[string]any) *fault {
	if err := e.known(t, given, "in"); err != nil {
		return err
	}
	before := t.get(id)
	if err := e.guardWrite(t, before, given); err != nil {
		return err
	}
	values := map[string]any{}
	var nested []*field
	for name, raw := range given {
		f := t.fields[name]
		switch {
		case f.computed || name == "id":
		case f.kind == "one2many":
			nested = append(nested, f)
		case f.kind == "many2many" && !empty(raw):
			value, err := e.many(t.def.name, f, before.ids(name), raw)
			if err != nil {
				return err
			}
			values[name] = value
		default:
			value, err := e.value(t.def.name, f, raw)
			if err != nil {
				return err
			}
			values[name] = value
		}
	}
	for name, value := range values {
		if f := t.fields[name]; f.required && missingValue(f, value) {
			return e.mandatory(t.def, f)
		}
	}
	// Odoo sets write_date whenever something is written, be it the same.
	e.modify(t, id, values, len(values) > 0)
	slices.SortFunc(nested, func(a, b *field) int { return strings.Compare(a.name, b.name) })
	for _, f := range nested {
		if err := e.command(f, id, given[f.name]); err != nil {
			return err
		}
	}
	return e.settle(t, id, before, given)
}

func unlinkMethod(e *env, t *table, ids []int64, _ map[string]any) (any, *fault) {
	for _, id := range ids {
		if !e.sees(t, t.get(id)) {
			return nil, e.ruled(t.def, "unlink")
		}
		if err := e.unlink(t, id); err != nil {
			return nil, err
		}
	}
	return true, nil
}

func (e *env) unlink(t *table, id int64) *fault {
	r := t.get(id)
	if err := e.guardUnlink(t, r); err != nil {
		return err
	}
	for _, f := range t.fields {
		if f.kind == "one2many" && f.relation != "res.partner" && f.relation != "stock.picking" {
			for _, line := range e.table(f.relation).by(f.inverse, id) {
				e.put(e.table(f.relation), line.id, nil)
			}
		}
	}
	e.put(t, id, nil)
	if t.def.name == "sale.order.line" {
		e.totals(r.id64("order_id"))
	}
	return nil
}
