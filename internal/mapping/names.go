package mapping

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// Name is something that an expression can speak of.
type Name struct {
	Path    string // as an expression has it: order.lines[0].sku
	Type    string // text, number, time, true or false
	Example string // its value in a record; "" where it is empty there
}

// OrderNames gives the names that expressions over an order can use, with their values in this one. Of a
// list the first element stands for all.
func OrderNames(o commerce.Order) []Name { return namesOf("order", reflect.ValueOf(o), nil) }

// CustomerNames is OrderNames for expressions over a customer.
func CustomerNames(c commerce.Customer) []Name { return namesOf("customer", reflect.ValueOf(c), nil) }

func namesOf(path string, v reflect.Value, names []Name) []Name {
	t := v.Type()
	switch {
	case t == decimalType:
		return append(names, Name{Path: path, Type: "number", Example: v.Interface().(money.Decimal).String()})
	case t == timeType:
		return append(names, Name{Path: path, Type: "time", Example: timeText(v.Interface().(time.Time))})
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			v = reflect.New(t.Elem())
		}
		return namesOf(path, v.Elem(), names)
	case t.Kind() == reflect.Slice:
		first := reflect.Zero(t.Elem())
		if v.Len() > 0 {
			first = v.Index(0)
		}
		return namesOf(path+"[0]", first, names)
	case t.Kind() == reflect.Map:
		texts := map[string]string{}
		for key, value := range v.Seq2() {
			texts[key.String()] = value.String()
		}
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			names = append(names, Name{Path: fmt.Sprintf("%s[%q]", path, key), Type: "text", Example: texts[key]})
		}
		return names
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			names = namesOf(path+"."+jsonName(t.Field(i)), v.Field(i), names)
		}
		return names
	case t.Kind() == reflect.Bool:
		return append(names, Name{Path: path, Type: "true or false", Example: fmt.Sprint(v.Bool())})
	case t.Kind() == reflect.String:
		return append(names, Name{Path: path, Type: "text", Example: strings.TrimSpace(v.String())})
	}
	return append(names, Name{Path: path, Type: "value", Example: fmt.Sprint(v.Interface())})
}

func timeText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
