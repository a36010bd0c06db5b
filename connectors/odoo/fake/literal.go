package fake

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

var errLiteral = errors.New("malformed node or string")

func parseForm(body []byte) (url.Values, error) { return url.ParseQuery(string(body)) }

// literal reads a Python literal as ast.literal_eval does: texts, numbers, True, False, None, lists,
// tuples and dictionaries. A tuple becomes a list.
func literal(text string) (any, error) {
	p := &literalParser{rest: strings.TrimSpace(text)}
	value, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.rest != "" {
		return nil, errLiteral
	}
	return value, nil
}

// maxDepth bounds how deep a literal may be nested.
const maxDepth = 50

type literalParser struct{ rest string }

func (p *literalParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *literalParser) take(prefix string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, prefix)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *literalParser) value(depth int) (any, error) {
	p.space()
	if p.rest == "" || depth > maxDepth {
		return nil, errLiteral
	}
	switch {
	case p.take("["):
		return p.list("]", depth)
	case p.take("("):
		return p.list(")", depth)
	case p.take("{"):
		return p.dict(depth)
	case p.rest[0] == '\'' || p.rest[0] == '"':
		return p.text()
	case p.take("True"):
		return true, nil
	case p.take("False"):
		return false, nil
	case p.take("None"):
		return nil, nil
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return !strings.ContainsRune("+-.0123456789eE", r) })
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	if _, err := strconv.ParseFloat(word, 64); err != nil {
		return nil, errLiteral
	}
	p.rest = p.rest[end:]
	return json.Number(word), nil
}

func (p *literalParser) list(end string, depth int) (any, error) {
	out := []any{}
	for !p.take(end) {
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
		if !p.take(",") {
			if p.take(end) {
				return out, nil
			}
			return nil, errLiteral
		}
	}
	return out, nil
}

func (p *literalParser) dict(depth int) (any, error) {
	out := map[string]any{}
	for !p.take("}") {
		key, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok || !p.take(":") {
			return nil, errLiteral
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out[name] = value
		if !p.take(",") {
			if p.take("}") {
				return out, nil
			}
			return nil, errLiteral
		}
	}
	return out, nil
}

func (p *literalParser) text() (any, error) {
	quote := p.rest[0]
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case quote:
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case '\n':
			return nil, errLiteral
		case '\\':
			i++
			if i == len(p.rest) {
				return nil, errLiteral
			}
			switch p.rest[i] {
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 't':
				b.WriteByte('\t')
			case '\\', '\'', '"':
				b.WriteByte(p.rest[i])
			default:
				b.WriteByte('\\')
				b.WriteByte(p.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return nil, errLiteral
}
