package fake

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	momentLayout = "2006-01-02 15:04:05"
	dateLayout   = "2006-01-02"
)

// pyFloat is a float as Python writes it: 2.0 and not 2.
type pyFloat float64

// MarshalJSON writes the shortest text that reads back as the same number, with a decimal point.
func (f pyFloat) MarshalJSON() ([]byte, error) {
	text := strconv.FormatFloat(float64(f), 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return []byte(text), nil
}

// roundTo is Odoo's float_round with HALF-UP: to a multiple of 10^-places, a half away from zero even
// where the float lies a little below it. Up to Odoo 17 the result is multiplied by the unit, which
// leaves 0.7000000000000001; later it is divided by its inverse.
func roundTo(value float64, places, version int) float64 {
	if value == 0 {
		return 0
	}
	scale := math.Pow(10, float64(places))
	normal := value * scale
	normal += math.Copysign(math.Pow(2, math.Log2(math.Abs(normal))-52), normal)
	rounded := math.Round(normal)
	if version < 18 && places > 0 {
		return rounded * math.Pow(10, -float64(places))
	}
	return rounded / scale
}

// asID reads the id of a record.
func asID(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case json.Number:
		id, err := strconv.ParseInt(v.String(), 10, 64)
		return id, err == nil
	case string:
		id, err := strconv.ParseInt(v, 10, 64)
		return id, err == nil
	case []any: // [id, "name"] as reads give it
		if len(v) == 2 {
			if _, ok := v[1].(string); ok {
				return asID(v[0])
			}
		}
	}
	return 0, false
}

func asIDs(v any) ([]int64, bool) {
	switch v := v.(type) {
	case []int64:
		return v, true
	case []any:
		out := make([]int64, 0, len(v))
		for _, one := range v {
			id, ok := asID(one)
			if !ok {
				return nil, false
			}
			out = append(out, id)
		}
		return out, true
	}
	if id, ok := asID(v); ok {
		return []int64{id}, true
	}
	return nil, false
}

func empty(v any) bool { return v == nil || v == false }

// value reads what a caller gives for a field, as strictly as Odoo does.
func (e *env) value(model string, f *field, given any) (any, *fault) {
	if empty(given) && f.kind != "boolean" {
		switch f.kind {
		case "integer":
			return int64(0), nil
		case "float", "monetary":
			return 0.0, nil
		case "many2many":
			return []int64{}, nil
		}
		return nil, nil
	}
	switch f.kind {
	case "char", "text":
		return pyText(given), nil
	case "html":
		text := pyText(given)
		if text != "" && !strings.HasPrefix(text, "<") {
			text = "<p>" + text + "</p>"
		}
		return text, nil
	case "boolean":
		return !empty(given) && given != "" && pyText(given) != "0", nil
	case "integer":
		n, err := strconv.ParseInt(pyText(given), 10, 64)
		if err != nil {
			return nil, valueError("invalid literal for int() with base 10: '%s'", pyText(given))
		}
		return n, nil
	case "float", "monetary":
		n, err := strconv.ParseFloat(strings.TrimSpace(pyText(given)), 64)
		if err != nil {
			return nil, valueError("could not convert string to float: '%s'", pyText(given))
		}
		if places, ok := e.v.accuracy[f.digits]; ok && f.digits != "" {
			n = roundTo(n, places, e.version)
		}
		return n, nil
	case "selection":
		text := pyText(given)
		if !slices.ContainsFunc(f.selection, func(pair [2]string) bool { return pair[0] == text }) {
			return nil, valueError("Wrong value for %s.%s: %s", model, f.name, pyRepr(given))
		}
		return text, nil
	case "date":
		return e.date(given)
	case "datetime":
		return e.moment(given)
	case "many2one":
		id, ok := asID(given)
		if !ok {
			return nil, valueError("Wrong value for %s.%s: %s", model, f.name, pyRepr(given))
		}
		if e.table(f.relation).get(id) == nil {
			return nil, missingError(f.relation, id, e.user.id)
		}
		return id, nil
	case "many2many":
		return e.many(model, f, nil, given)
	}
	return nil, valueError("Wrong value for %s.%s: %s", model, f.name, pyRepr(given))
}

func (e *env) moment(given any) (any, *fault) {
	text, ok := given.(string)
	if !ok {
		return nil, python("TypeError", "strptime() argument 1 must be str, not %s", pyType(given))
	}
	layout, format := momentLayout, "%Y-%m-%d %H:%M:%S"
	if len(text) <= len(dateLayout) {
		layout, format = dateLayout, "%Y-%m-%d"
	}
	at, err := time.Parse(layout, text)
	if err != nil || len(text) != len(layout) {
		return nil, valueError("time data '%s' does not match format '%s'", text, format)
	}
	return at, nil
}

func (e *env) date(given any) (any, *fault) {
	text := pyText(given)
	if len(text) > len(dateLayout) {
		text = text[:len(dateLayout)]
	}
	if _, err := time.Parse(dateLayout, text); err != nil {
		return nil, valueError("time data '%s' does not match format '%%Y-%%m-%%d'", text)
	}
	return text, nil
}

// many applies the commands for a many2many field to the ids that it has.
func (e *env) many(model string, f *field, has []int64, given any) (any, *fault) {
	list, ok := given.([]any)
	if !ok {
		return nil, valueError("Wrong value for %s.%s: %s", model, f.name, pyRepr(given))
	}
	ids := slices.Clone(has)
	for _, one := range list {
		command, isCommand := one.([]any)
		if !isCommand {
			id, ok := asID(one)
			if !ok {
				return nil, valueError("Wrong value for %s.%s: %s", model, f.name, pyRepr(given))
			}
			ids = append(ids, id)
			continue
		}
		if len(command) == 0 {
			return nil, valueError("Wrong value for %s.%s: %s", model, f.name, pyRepr(given))
		}
		code, _ := asID(command[0])
		var id int64
		if len(command) > 1 {
			id, _ = asID(command[1])
		}
		switch code {
		case 3:
			ids = slices.DeleteFunc(ids, func(have int64) bool { return have == id })
		case 4:
			ids = append(ids, id)
		case 5:
			ids = nil
		case 6:
			var ok bool
			if len(command) < 3 {
				return nil, python("IndexError", "list index out of range")
			}
			if ids, ok = asIDs(command[2]); !ok {
				return nil, valueError("Wrong value for %s.%s: %s", model, f.name, pyRepr(given))
			}
		default:
			return nil, valueError("Wrong value for %s.%s: %s", model, f.name, pyRepr(given))
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids {
		if e.table(f.relation).get(id) == nil {
			return nil, missingError(f.relation, id, e.user.id)
		}
	}
	if ids == nil {
		ids = []int64{}
	}
	return ids, nil
}

// shown gives what reads answer for a field: false for every empty value, [id, name] for a relation.
func (e *env) shown(t *table, f *field, r *record) any {
	switch f.name {
	case "id":
		return r.id
	case "write_date":
		return r.written.UTC().Format(momentLayout)
	case "create_date":
		return r.made.UTC().Format(momentLayout)
	}
	if f.kind == "one2many" {
		ids := e.lines(f, r.id)
		if ids == nil {
			ids = []int64{}
		}
		return ids
	}
	value := r.values[f.name]
	if f.value != nil {
		value = f.value(e, r)
	}
	switch f.kind {
	case "boolean":
		b, _ := value.(bool)
		return b
	case "integer":
		n, _ := value.(int64)
		return n
	case "float", "monetary":
		n, _ := value.(float64)
		return pyFloat(n)
	case "many2many":
		ids, _ := value.([]int64)
		if ids == nil {
			ids = []int64{}
		}
		return ids
	}
	if value == nil {
		return false
	}
	switch f.kind {
	case "datetime":
		return value.(time.Time).UTC().Format(momentLayout)
	case "many2one":
		id := value.(int64)
		target := e.table(f.relation).get(id)
		if target == nil {
			return false
		}
		return []any{id, e.name(f.relation, target)}
	}
	return value
}

// lines gives the ids in a one2many field.
func (e *env) lines(f *field, id int64) []int64 {
	t := e.table(f.relation)
	rows := t.by(f.inverse, id)
	rows = slices.DeleteFunc(rows, func(r *record) bool {
		active, has := r.values["active"].(bool)
		return has && !active
	})
	if f.relation == "sale.order.line" {
		slices.SortStableFunc(rows, func(a, b *record) int {
			return int(a.values["sequence"].(int64) - b.values["sequence"].(int64))
		})
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.id
	}
	return ids
}

// name is a record's display name.
func (e *env) name(model string, r *record) string {
	switch model {
	case "res.partner":
		name := r.text("name")
		if parent := e.table(model).get(r.id64("parent_id")); parent != nil && !r.flag("is_company") {
			if name == "" {
				name = map[string]string{"invoice": "Invoice", "delivery": "Delivery Address", "other": "Other Address"}[r.text("type")]
			}
			name = parent.text("name") + ", " + name
		}
		return name
	case "product.product":
		if code := r.text("default_code"); code != "" {
			return "[" + code + "] " + r.text("name")
		}
	case "product.pricelist":
		if c := e.table("res.currency").get(r.id64("currency_id")); c != nil {
			return r.text("name") + " (" + c.text("name") + ")"
		}
	}
	return r.text("name")
}

func displayName(model string) func(*env, *record) any {
	return func(e *env, r *record) any { return e.name(model, r) }
}

// pyText is str() of a value.
func pyText(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case string:
		return v
	case bool:
		if v {
			return "1"
		}
		return "0"
	}
	return fmt.Sprint(v)
}

// pyRepr is repr() of a value: what error texts quote.
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return "'" + v + "'"
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			parts[i] = pyRepr(one)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v)
}

func pyType(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case json.Number, int64:
		return "int"
	case []any:
		return "list"
	case map[string]any:
		return "dict"
	}
	return "str"
}
