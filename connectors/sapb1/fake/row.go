package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/money"
)

// row is a record or a part of one: texts, int64, decimals, rows and lists of rows; what is absent is null. Names that begin with "_" are the fake's own.
type row map[string]any

func (r row) text(name string) string { s, _ := r[name].(string); return s }

func (r row) int(name string) int64 { n, _ := r[name].(int64); return n }

func (r row) number(name string) money.Decimal { d, _ := r[name].(money.Decimal); return d }

func (r row) rows(name string) []row { list, _ := r[name].([]row); return list }

func (r row) row(name string) row { inner, _ := r[name].(row); return inner }

func (r row) has(name string) bool { _, found := r[name]; return found }

// fault is a refusal of the vendor's.
type fault struct {
	status  int
	code    int
	message string
}

func (f *fault) Error() string { return fmt.Sprintf("%d: %s", f.code, f.message) }

func refuse(code int, format string, args ...any) *fault {
	return &fault{status: 400, code: code, message: fmt.Sprintf(format, args...)}
}

// noRecord is also what a missing master record looks like.
func noRecord() *fault {
	return &fault{status: 404, code: -2028, message: "No matching records found (ODBC -2028)"}
}

// missing is noRecord on a creation or change.
func missing() *fault { return refuse(-2028, "No matching records found (ODBC -2028)") }

// parse reads a JSON object as a type, as strictly as the vendor: a property that the type does not have fails.
func (v *Vendor) parse(body []byte, typeName string) (row, *fault) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil {
		return nil, refuse(-1000, "Request body is not a JSON object")
	}
	return v.typed(raw, v.schema[typeName])
}

func (v *Vendor) typed(raw map[string]any, o *object) (row, *fault) {
	out := row{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if strings.HasPrefix(name, "odata.") || strings.HasPrefix(name, "@odata.") {
			continue
		}
		p, known := o.byName[name]
		if !known && o.table != "" && v.userFields[o.table+"."+name] {
			p, known = property{name: name, kind: text, max: 50}, true
		}
		if !known {
			return nil, refuse(-1000, "Property '%s' of '%s' is invalid", name, o.name)
		}
		value, err := v.value(raw[name], p, o)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

func (v *Vendor) value(raw any, p property, o *object) (any, *fault) {
	if raw == nil {
		return nil, nil //nolint:nilnil // null is a value
	}
	invalid := refuse(-1001, "Invalid value for property '%s' of '%s'", p.name, o.name)
	written := fmt.Sprint(raw)
	switch p.kind {
	case list:
		items, ok := raw.([]any)
		if !ok {
			return nil, invalid
		}
		out := make([]row, len(items))
		for i, item := range items {
			inner, ok := item.(map[string]any)
			if !ok {
				return nil, invalid
			}
			typed, err := v.typed(inner, v.schema[p.of])
			if err != nil {
				return nil, err
			}
			out[i] = typed
		}
		return out, nil
	case complexT:
		inner, ok := raw.(map[string]any)
		if !ok {
			return nil, invalid
		}
		return v.typedOrNull(inner, v.schema[p.of])
	case integer:
		n, err := strconv.ParseInt(written, 10, 32)
		if err != nil {
			return nil, invalid
		}
		return n, nil
	case double:
		// Numbers as text are accepted.
		d, err := money.ParseDecimal(written)
		if err != nil {
			return nil, invalid
		}
		return d, nil
	}
	s, ok := raw.(string)
	if !ok {
		return nil, invalid
	}
	switch p.kind {
	case date:
		t, err := time.Parse(time.DateOnly, strings.TrimSuffix(strings.TrimSuffix(s, "Z"), "T00:00:00"))
		if err != nil {
			return nil, invalid
		}
		return t.Format(time.DateOnly), nil
	case clock:
		if _, err := time.Parse(time.TimeOnly, s); err != nil {
			return nil, invalid
		}
	case enum:
		if !slices.Contains(strings.Fields(enums()[p.of]), s) {
			return nil, invalid
		}
	case text:
		if p.max > 0 && len(utf16.Encode([]rune(s))) > p.max {
			return nil, refuse(-1004, "Value too long in property '%s' of '%s'", p.name, o.name)
		}
		if s == "" {
			return nil, nil //nolint:nilnil // the database keeps an empty text as null
		}
	}
	return s, nil
}

// typedOrNull keeps a nil row from becoming a value that is not nil.
func (v *Vendor) typedOrNull(raw map[string]any, o *object) (any, *fault) {
	inner, err := v.typed(raw, o)
	if err != nil {
		return nil, err
	}
	return inner, nil
}

// render gives a record as the vendor writes it; selected names nothing for all of it.
func (v *Vendor) render(r row, o *object, selected []string, version string) map[string]any {
	out := map[string]any{}
	want := func(name string) bool { return len(selected) == 0 || slices.Contains(selected, name) }
	for _, p := range o.properties {
		if !want(p.name) {
			continue
		}
		out[p.name] = v.renderValue(r[p.name], p, version)
	}
	if o.table != "" {
		for name := range v.userFieldsOf[o.table] {
			if want(name) {
				out[name] = r[name]
			}
		}
	}
	return out
}

func (v *Vendor) renderValue(value any, p property, version string) any {
	switch p.kind {
	case list:
		rows, _ := value.([]row)
		out := make([]map[string]any, len(rows))
		for i, r := range rows {
			out[i] = v.render(r, v.schema[p.of], nil, version)
		}
		return out
	case complexT:
		r, _ := value.(row)
		return v.render(r, v.schema[p.of], nil, version)
	case double:
		d, _ := value.(money.Decimal)
		return number(d)
	case date:
		if s, ok := value.(string); ok && version == "v2" {
			return s + "T00:00:00Z"
		}
	}
	return value
}

// number writes a double: always with a point.
func number(d money.Decimal) json.Number {
	s := strconv.FormatFloat(d.InexactFloat64(), 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return json.Number(s)
}

var (
	one     = decimal.New(1, 0)
	hundred = decimal.New(100, 0)
)
