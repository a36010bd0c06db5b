package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/money"
)

// decoder fills a struct from a table by its yaml tags, checking names, forms and the values that
// its jsonschema tags allow. The schema of the file is made from the same tags.
type decoder struct {
	report *report
	// beside are keys of the outermost table that are read elsewhere.
	beside []string
}

// field is a field of a configuration struct, by its tags.
type field struct {
	name    string
	index   int
	help    string
	allowed []string // of the value, or of each value of a list
	minimum string
	maximum string
}

// fieldsOf gives the fields of a struct in the order in which they are declared.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		read := field{name: name, index: i, help: f.Tag.Get("jsonschema_description")}
		for part := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
			key, value, _ := strings.Cut(part, "=")
			switch key {
			case "enum":
				read.allowed = append(read.allowed, value)
			case "minimum":
				read.minimum = value
			case "maximum":
				read.maximum = value
			}
		}
		fields = append(fields, read)
	}
	return fields
}

// decode fills into, a pointer to a struct. What the table does not have stays as it is.
func (d *decoder) decode(n *node, path string, into any) {
	d.table(n, path, reflect.ValueOf(into).Elem(), d.beside)
}

func (d *decoder) table(n *node, path string, into reflect.Value, beside []string) {
	fields := fieldsOf(into.Type())
	for _, e := range n.table {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == e.key.text })
		if i < 0 {
			if slices.Contains(beside, e.key.text) {
				continue
			}
			known := slices.Clone(beside)
			for _, f := range fields {
				known = append(known, f.name)
			}
			d.report.fail(e.key, join(path, e.key.text), meant(e.key.text, known), "is not known here")
			continue
		}
		d.value(e.value, join(path, e.key.text), into.Field(fields[i].index), fields[i])
	}
}

var decimalType = reflect.TypeFor[money.Decimal]()

func (d *decoder) value(n *node, path string, into reflect.Value, f field) {
	t := into.Type()
	if n.form == formBroken {
		return
	}
	if n.form == formNull {
		d.report.fail(n, path, "write "+wanted(t, f)+" or leave the line out", "has no value")
		return
	}
	if form := formOf(t); n.form != form {
		d.report.fail(n, path, "write "+wanted(t, f), "must be %s, not %s", form, n.form)
		return
	}
	switch {
	case t.Kind() == reflect.Struct:
		d.table(n, path, into, nil)
	case t.Kind() == reflect.Slice:
		list := reflect.MakeSlice(t, 0, len(n.list))
		for i, item := range n.list {
			v := reflect.New(t.Elem()).Elem()
			at := fmt.Sprintf("%s[%d]", path, i)
			d.value(item, at, v, f)
			for j := range list.Len() {
				if v.Kind() == reflect.String && list.Index(j).String() == v.String() && v.String() != "" {
					d.report.fail(item, at, "keep one", "%s stands twice in this list", shown(v.String()))
				}
			}
			list = reflect.Append(list, v)
		}
		into.Set(list)
	case t.Kind() == reflect.Map:
		rows := reflect.MakeMapWithSize(t, len(n.table))
		for _, e := range n.table {
			v := reflect.New(t.Elem()).Elem()
			d.value(e.value, join(path, e.key.text), v, field{})
			rows.SetMapIndex(reflect.ValueOf(e.key.text).Convert(t.Key()), v)
		}
		into.Set(rows)
	default:
		d.scalar(n, path, into, f)
	}
}

func (d *decoder) scalar(n *node, path string, into reflect.Value, f field) {
	t := into.Type()
	if len(f.allowed) > 0 && !slices.Contains(f.allowed, n.text) {
		d.report.fail(n, path, meant(n.text, f.allowed), "%s is not one of the values here", shown(n.text))
		return
	}
	refuse := func() {
		d.report.fail(n, path, "write "+wanted(t, f), "%s is no such value", shown(n.text))
	}
	switch {
	case t == reflect.PointerTo(decimalType):
		number, err := money.ParseDecimal(n.text)
		if err != nil {
			refuse()
			return
		}
		into.Set(reflect.ValueOf(&number))
	case t.Kind() == reflect.Bool:
		if n.text != "true" && n.text != "false" {
			refuse()
			return
		}
		into.SetBool(n.text == "true")
	case t.Kind() == reflect.Int:
		number, err := strconv.Atoi(n.text)
		if err != nil || !within(number, f) {
			refuse()
			return
		}
		into.SetInt(int64(number))
	default:
		into.SetString(n.text)
	}
}

func within(number int, f field) bool {
	for _, bound := range []struct {
		text string
		sign int
	}{{f.minimum, 1}, {f.maximum, -1}} {
		if limit, err := strconv.Atoi(bound.text); err == nil && (number-limit)*bound.sign < 0 {
			return false
		}
	}
	return true
}

func formOf(t reflect.Type) form {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return formTable
	case reflect.Slice:
		return formList
	default:
		return formText
	}
}

// wanted says what to write for a value of a type.
func wanted(t reflect.Type, f field) string {
	switch {
	case t.Kind() == reflect.Slice && len(f.allowed) > 0:
		return "a list of " + strings.Join(f.allowed, ", ") + ", such as [" + f.allowed[0] + "]"
	case len(f.allowed) > 0:
		return "one of " + strings.Join(f.allowed, ", ")
	case t.Kind() == reflect.Struct:
		var names []string
		for _, inner := range fieldsOf(t) {
			names = append(names, inner.name)
		}
		return "a table of " + strings.Join(names, ", ")
	case t.Kind() == reflect.Map:
		return "a table, a row for each value"
	case t.Kind() == reflect.Slice:
		return "a list, such as [a, b]"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int && f.minimum != "" && f.maximum != "":
		return "a whole number from " + f.minimum + " to " + f.maximum
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t == reflect.PointerTo(decimalType):
		return "a number, such as 0.05"
	}
	return "text"
}
