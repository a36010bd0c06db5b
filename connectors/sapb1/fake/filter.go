package fake

import (
	"slices"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/money"
)

// condition is a node of a $filter. Comparisons and their "and" and "or" are all that is understood here; functions are refused.
type condition struct {
	op          string // and, or, eq, ne, gt, ge, lt, le
	left, right *condition
	property    property
	literal     any // a text, an int64 or a decimal; nil is null
}

type filterParser struct {
	tokens []string
	object *object
	vendor *Vendor
}

// filter parses a $filter over a type.
func (v *Vendor) filter(text string, o *object) (*condition, *fault) {
	tokens, ok := tokenize(text)
	if !ok {
		return nil, refuse(201, "Invalid filter: a text has no end")
	}
	p := &filterParser{tokens: tokens, object: o, vendor: v}
	c, err := p.or(0)
	if err == nil && len(p.tokens) > 0 {
		err = refuse(201, "Invalid filter near '%s'", p.tokens[0])
	}
	return c, err
}

// tokenize keeps texts in their quotes; ” inside one stands for one quote.
func tokenize(text string) ([]string, bool) {
	var out []string
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ':
			i++
		case c == '(' || c == ')':
			out = append(out, text[i:i+1])
			i++
		case c == '\'':
			end := i + 1
			for ; end < len(text); end++ {
				if text[end] != '\'' {
					continue
				}
				if end+1 < len(text) && text[end+1] == '\'' {
					end++
					continue
				}
				break
			}
			if end >= len(text) {
				return nil, false
			}
			out = append(out, text[i:end+1])
			i = end + 1
		default:
			end := i
			for end < len(text) && !strings.ContainsRune(" ()'", rune(text[end])) {
				end++
			}
			out = append(out, text[i:end])
			i = end
		}
	}
	return out, true
}

func (p *filterParser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *filterParser) take() string {
	token := p.peek()
	if token != "" {
		p.tokens = p.tokens[1:]
	}
	return token
}

const deepest = 200

func (p *filterParser) or(depth int) (*condition, *fault) {
	left, err := p.and(depth)
	for err == nil && p.peek() == "or" {
		p.take()
		var right *condition
		right, err = p.and(depth)
		left = &condition{op: "or", left: left, right: right}
	}
	return left, err
}

func (p *filterParser) and(depth int) (*condition, *fault) {
	left, err := p.term(depth)
	for err == nil && p.peek() == "and" {
		p.take()
		var right *condition
		right, err = p.term(depth)
		left = &condition{op: "and", left: left, right: right}
	}
	return left, err
}

func (p *filterParser) term(depth int) (*condition, *fault) {
	if depth > deepest {
		return nil, refuse(201, "Invalid filter: too deep")
	}
	if p.peek() == "(" {
		p.take()
		c, err := p.or(depth + 1)
		if err == nil && p.take() != ")" {
			err = refuse(201, "Invalid filter: a bracket has no end")
		}
		return c, err
	}
	name, op, literal := p.take(), p.take(), p.take()
	found, known := p.object.byName[name]
	if !known && p.object.table != "" && p.vendor.userFields[p.object.table+"."+name] {
		found, known = property{name: name, kind: text}, true
	}
	if !known || found.kind == list || found.kind == complexT {
		return nil, refuse(-1000, "Property '%s' of '%s' is invalid", name, p.object.name)
	}
	if !slices.Contains([]string{"eq", "ne", "gt", "ge", "lt", "le"}, op) {
		return nil, refuse(201, "Operator or function '%s' is not supported", op)
	}
	c := &condition{op: op, property: found}
	quoted := strings.HasPrefix(literal, "'")
	inner := literal
	if quoted {
		inner = strings.ReplaceAll(literal[1:len(literal)-1], "''", "'")
	}
	switch {
	case literal == "null":
	case found.kind == integer && !quoted:
		n, err := strconv.ParseInt(literal, 10, 64)
		if err != nil {
			return nil, refuse(201, "Invalid value '%s'", literal)
		}
		c.literal = n
	case found.kind == double && !quoted:
		d, err := money.ParseDecimal(literal)
		if err != nil {
			return nil, refuse(201, "Invalid value '%s'", literal)
		}
		c.literal = d
	case found.kind == integer || found.kind == double || !quoted:
		return nil, refuse(201, "Invalid value '%s' for '%s'", literal, name)
	case found.kind == date:
		c.literal = strings.TrimSuffix(strings.TrimSuffix(inner, "Z"), "T00:00:00")
	default:
		c.literal = inner
	}
	return c, nil
}

// holds says whether a record fulfils the condition. Null fulfils no comparison but with null.
func (c *condition) holds(r row, anyCase bool) bool {
	if c == nil {
		return true
	}
	switch c.op {
	case "and":
		return c.left.holds(r, anyCase) && c.right.holds(r, anyCase)
	case "or":
		return c.left.holds(r, anyCase) || c.right.holds(r, anyCase)
	}
	value := r[c.property.name]
	if c.literal == nil || value == nil {
		return (c.op == "eq") == (value == nil && c.literal == nil)
	}
	order := 0
	switch want := c.literal.(type) {
	case int64:
		order = int(min(max(r.int(c.property.name)-want, -1), 1))
	case money.Decimal:
		order = r.number(c.property.name).Cmp(want)
	case string:
		have := r.text(c.property.name)
		if anyCase {
			have, want = strings.ToLower(have), strings.ToLower(want)
		}
		order = strings.Compare(have, want)
	}
	switch c.op {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	}
	return order <= 0
}

// candidates gives the records that can fulfil a condition, by key or index; false when all have to be looked at.
func (t *table) candidates(c *condition) ([]*row, bool) {
	if c == nil {
		return nil, false
	}
	switch c.op {
	case "or":
		left, ok := t.candidates(c.left)
		if !ok {
			return nil, false
		}
		right, ok := t.candidates(c.right)
		return append(slices.Clone(left), right...), ok
	case "and":
		if left, ok := t.candidates(c.left); ok {
			return left, true
		}
		return t.candidates(c.right)
	case "eq":
		if c.literal == nil {
			return nil, false
		}
		if index, found := t.index[c.property.name]; found {
			return index[folded(c.literal)], true
		}
		if c.property.name == t.set.key {
			if r := t.get(c.literal); r != nil {
				return []*row{r}, true
			}
			return nil, true
		}
	}
	return nil, false
}
