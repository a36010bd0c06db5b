package personal

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// value is a JSON value as it was written: with its order, and its numbers digit by digit.
type value struct {
	form   byte   // '{', '[', '"' for a text, 0 for all else
	text   string // of a text: the text itself; of all else: as it is written
	names  []string
	values []*value
	cut    bool // it ends before it is complete
}

// layJSON lays JSON out; false when the text is none.
func layJSON(text string, hide bool) (string, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var b strings.Builder
	for first := true; ; first = false {
		v, err := readValue(d, 0)
		if v == nil {
			if first || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return "", false
			}
			return b.String(), true
		}
		if !first {
			b.WriteByte('\n')
		}
		w := jsonWriter{Builder: &b, hide: hide}
		w.write(v, "", scope{names: names{}}, 0)
		if v.cut || err != nil {
			b.WriteString("\n… it is cut off here")
			return b.String(), isCut(err)
		}
	}
}

// isCut says that a text has ended where more should have come: else it is no JSON.
func isCut(err error) bool {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errDeep) {
		return true
	}
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	return ok && strings.Contains(syntax.Error(), "unexpected end")
}

var errDeep = errors.New("it is nested too deep")

// readValue reads one value. What it gives with an error is what there was before the text ended.
func readValue(d *json.Decoder, depth int) (*value, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if depth >= maxDepth {
			return nil, errDeep
		}
		return readMany(d, byte(t), depth)
	case string:
		return &value{form: '"', text: t}, nil
	case json.Number:
		return &value{text: t.String()}, nil
	case bool:
		return &value{text: strconv.FormatBool(t)}, nil
	}
	return &value{text: "null"}, nil
}

// readMany reads the rest of an object or list.
func readMany(d *json.Decoder, form byte, depth int) (*value, error) {
	v := &value{form: form}
	for d.More() {
		if form == '{' {
			token, err := d.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				v.cut = true
				return v, err
			}
			v.names = append(v.names, name)
		}
		inner, err := readValue(d, depth+1)
		if inner != nil {
			v.values = append(v.values, inner)
		}
		if err != nil {
			v.names, v.cut = v.names[:min(len(v.names), len(v.values))], true
			return v, err
		}
	}
	if _, err := d.Token(); err != nil {
		v.cut = true
		return v, err
	}
	return v, nil
}

type jsonWriter struct {
	*strings.Builder
	hide bool
}

// write writes a value that stands under a name.
func (w jsonWriter) write(v *value, name string, at scope, depth int) {
	switch v.form {
	case '{', '[':
		w.writeMany(v, name, at, depth)
	case '"':
		w.WriteString(quoteJSON(w.shown(name, v.text, at)))
	default:
		w.writeRaw(v, name, at)
	}
}

func (w jsonWriter) writeRaw(v *value, name string, at scope) {
	if w.hide && v.text != "null" && v.text != "true" && v.text != "false" && at.hidesNumber(name) {
		w.WriteString(quoteJSON(Mask(v.text)))
		return
	}
	w.WriteString(v.text)
}

// shown gives a text as it may be shown. One that is JSON itself is looked into.
func (w jsonWriter) shown(name, text string, at scope) string {
	if !w.hide {
		return text
	}
	if trimmed := strings.TrimSpace(text); len(trimmed) > 1 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid([]byte(trimmed)) {
		if inner, ok := layJSON(trimmed, true); ok {
			return inner
		}
	}
	return at.mask(name, text)
}

func (w jsonWriter) writeMany(v *value, name string, at scope, depth int) {
	closing := map[byte]byte{'{': '}', '[': ']'}[v.form]
	w.WriteByte(v.form)
	in := at
	if v.form == '{' {
		in = at.inside(name, v.fields())
	} else {
		name = v.nameOfElements(name)
	}
	for i, inner := range v.values {
		if i > 0 {
			w.WriteByte(',')
		}
		w.newLine(depth + 1)
		switch {
		case v.form == '{':
			key := v.names[i]
			if w.hide {
				key = Text(key)
			}
			w.WriteString(quoteJSON(key) + ": ")
			w.write(inner, v.names[i], in, depth+1)
		default:
			w.write(inner, name, in, depth+1)
		}
	}
	if v.cut {
		return
	}
	if len(v.values) > 0 {
		w.newLine(depth)
	}
	w.WriteByte(closing)
}

// fields gives the fields of an object with their texts.
func (v *value) fields() []field {
	list := make([]field, len(v.names))
	for i, name := range v.names {
		list[i].name = name
		if v.values[i].form == '"' {
			list[i].text = v.values[i].text
		}
		list[i].holds = v.values[i].holds()
	}
	return list
}

// holds says that a value is an object or a list of them.
func (v *value) holds() bool {
	return v.form == '{' || v.form == '[' && len(v.values) > 0 && v.values[0].holds()
}

// nameOfElements says by what name the elements of a list are judged. A condition names its field, [email, =, x], and
// an id may have a name beside it, [7, Anna Lind]; the company there is the merchant's own.
func (v *value) nameOfElements(name string) string {
	if len(v.values) == 3 && v.values[0].form == '"' && v.values[1].form == '"' && isOperator(v.values[1].text) {
		return v.values[0].text
	}
	if whole, ok := strings.CutSuffix(name, "_id"); ok && whole != "company" && len(v.values) == 2 && v.values[0].form == 0 && v.values[1].form == '"' {
		return whole
	}
	return name
}

func isOperator(text string) bool {
	switch strings.ToLower(text) {
	case "=", "!=", "<>", "like", "ilike", "=like", "=ilike", "not like", "in", "not in", "child_of":
		return true
	}
	return false
}

func (w jsonWriter) newLine(depth int) { w.WriteString("\n" + strings.Repeat("  ", depth)) }

// quoteJSON writes a text as JSON does, without the escapes that only a page would need.
func quoteJSON(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
