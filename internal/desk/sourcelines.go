package desk

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/internal/flow"
)

// SourceValue is what the source itself says of a line, in its own words.
type SourceValue struct {
	Name  string `json:"name"` // with dots where it stands deeper
	Value string `json:"value"`
}

const (
	maxSourceValues = 8  // of a line
	maxSourceDepth  = 32 // of a record
)

// Names under which systems keep what an order shows of a line: whole ones, and parts of those of amounts.
var (
	sourceNames   = []string{"sku", "itemcode", "name", "title", "method_title", "itemdescription", "remarks", "quantity", "product_uom_qty"}
	sourceAmounts = []string{"price", "total", "amount", "tax", "discount"}
	sourceOthers  = []string{"class", "status", "code", "currency", "percent"} // parts of names that are no amounts
)

// jsonNode is a JSON value with its names in their order.
type jsonNode struct {
	text   string // of a text, number or truth
	scalar bool
	list   bool
	names  []string
	values []*jsonNode
}

// sourceValues finds in the record as the source sent it what it says of each line.
func (s *OrderStory) sourceValues(rows []LinePair) {
	if s.Source == nil || s.Source.Cut {
		return
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(s.Source.Text)))
	dec.UseNumber()
	root := readNode(dec, 0)
	if root == nil {
		return
	}
	byID := map[string][]*jsonNode{}
	root.elements(byID)
	for i := range rows {
		if part := rows[i].Order; part != nil && part.LineID != "" {
			rows[i].Source = sourceOf(byID[part.LineID], part)
		}
	}
}

// readNode reads a value; nil for what is no JSON, or too deep.
func readNode(dec *json.Decoder, depth int) *jsonNode {
	token, err := dec.Token()
	if err != nil || depth > maxSourceDepth {
		return nil
	}
	switch t := token.(type) {
	case json.Delim:
		n := &jsonNode{list: t == '['}
		for dec.More() {
			name := ""
			if !n.list {
				key, err := dec.Token()
				if err != nil {
					return nil
				}
				name, _ = key.(string)
			}
			value := readNode(dec, depth+1)
			if value == nil {
				return nil
			}
			n.names, n.values = append(n.names, name), append(n.values, value)
		}
		if _, err := dec.Token(); err != nil {
			return nil
		}
		return n
	case string:
		return &jsonNode{scalar: true, text: t}
	case json.Number:
		return &jsonNode{scalar: true, text: t.String()}
	}
	return &jsonNode{scalar: true} // a truth or nothing: of no interest here
}

// elements collects the objects of lists by the ids that they have; those that stand higher come first.
func (n *jsonNode) elements(byID map[string][]*jsonNode) {
	level := []*jsonNode{n}
	for len(level) > 0 {
		var next []*jsonNode
		for _, parent := range level {
			for _, child := range parent.values {
				if child.scalar {
					continue
				}
				next = append(next, child)
				if id := child.id(); parent.list && id != "" {
					byID[id] = append(byID[id], child)
				}
			}
		}
		level = next
	}
}

// id is by what an object of a source is known: its number, or the last part of a global one.
func (n *jsonNode) id() string {
	for i, name := range n.names {
		switch strings.ToLower(name) {
		case "id", "line_id", "linenum", "charge_id", "discount_id":
			if text := n.values[i].text; text != "" {
				return text[strings.LastIndexByte(text, '/')+1:]
			}
		}
	}
	return ""
}

// sourceOf gives what the source says of a part, from the first object with its id that also has its SKU or name:
// ids of different things may be equal.
func sourceOf(objects []*jsonNode, part *flow.Part) []SourceValue {
	for _, object := range objects {
		all := object.flat("", nil)
		if !slices.ContainsFunc(all, func(v SourceValue) bool { return speaksOf(v.Value, part) }) {
			continue
		}
		var out []SourceValue
		for _, v := range all {
			if len(out) < maxSourceValues && worthShowing(v, part, out) {
				out = append(out, v)
			}
		}
		return out
	}
	return nil
}

// worthShowing says whether a value says something of a part that is not shown yet.
func worthShowing(v SourceValue, part *flow.Part, shown []SourceValue) bool {
	switch {
	case v.Value == "" || v.Value == part.Name: // the name stands beside it
		return false
	case isZero(v.Value) && !part.Gross.IsZero():
		return false
	case slices.ContainsFunc(shown, func(o SourceValue) bool { return o.Value == v.Value && firstName(o.Name) == firstName(v.Name) }):
		return false
	}
	return isSourceName(v.Name) || speaksOf(v.Value, part)
}

func speaksOf(text string, part *flow.Part) bool {
	return text != "" && (text == part.SKU || text == part.Name || part.SKU != "" && strings.Contains(text, "["+part.SKU+"]"))
}

// firstName is the name at the top: an amount may stand below it in several currencies.
func firstName(name string) string {
	first, _, _ := strings.Cut(name, ".")
	return first
}

func isZero(text string) bool { return strings.Trim(text, "0.") == "" }

func isSourceName(name string) bool {
	name = strings.ToLower(name)
	within := func(part string) bool { return strings.Contains(name, part) }
	if slices.Contains(sourceNames, name) {
		return true
	}
	return slices.ContainsFunc(sourceAmounts, within) && !slices.ContainsFunc(sourceOthers, within)
}

// flat gives the texts and numbers of an object with their names. Of lists only those of two values are looked into,
// which is how Odoo writes what a field points at.
func (n *jsonNode) flat(prefix string, out []SourceValue) []SourceValue {
	for i, value := range n.values {
		name := prefix + n.names[i]
		switch {
		case value.scalar:
			out = append(out, SourceValue{Name: name, Value: value.text})
		case !value.list:
			out = value.flat(name+".", out)
		case len(value.values) == 2 && value.values[0].scalar && value.values[1].scalar:
			out = append(out, SourceValue{Name: name, Value: value.values[1].text})
		}
	}
	return out
}
