// Package jsonfield names the field of a JSON document that cannot be read, for errors that people can
// act on. It knows no vendor and shows no values.
package jsonfield

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDepth is how deep a field is named: line_items[0].tax_lines[0].price_set.shop_money.amount.
const maxDepth = 8

// Faulty gives the path of the innermost part of a document that cannot be read into a T; "" when
// the document as a whole is at fault.
func Faulty[T any](body json.RawMessage) string {
	return locate(body, maxDepth, func(part json.RawMessage) bool { return json.Unmarshal(part, new(T)) == nil })
}

// locate finds the innermost part that a reader refuses, as a path of at most so many steps.
func locate(body json.RawMessage, steps int, reads func(json.RawMessage) bool) string {
	if steps == 0 {
		return ""
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) == nil {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			only := func(part json.RawMessage) json.RawMessage { return fmt.Appendf(nil, "{%q:%s}", name, part) }
			if !reads(only(object[name])) {
				return join(name, locate(object[name], steps-1, func(part json.RawMessage) bool { return reads(only(part)) }))
			}
		}
		return ""
	}
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil {
		for i, element := range list {
			only := func(part json.RawMessage) json.RawMessage { return fmt.Appendf(nil, "[%s]", part) }
			if !reads(only(element)) {
				return join(fmt.Sprintf("[%d]", i), locate(element, steps-1, func(part json.RawMessage) bool { return reads(only(part)) }))
			}
		}
	}
	return ""
}

func join(outer, inner string) string {
	if inner == "" || strings.HasPrefix(inner, "[") {
		return outer + inner
	}
	return outer + "." + inner
}
