package personal

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// element is an XML element as it was written.
type element struct {
	name     string // with its prefix
	attrs    []xml.Attr
	text     string
	children []*element
	cut      bool // it ends before it is complete
}

// layXML lays XML out; false when the text is none.
func layXML(text string, hide bool) (string, bool) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // the text is UTF-8 by now
	root := &element{}
	err := readElement(d, root, 0)
	if len(root.children) == 0 || err != nil && !errors.Is(err, io.EOF) && !isXMLCut(err) {
		return "", false
	}
	var b strings.Builder
	for _, child := range root.children {
		writeElement(&b, child, scope{names: names{}}, 0, hide)
	}
	if err != nil && !errors.Is(err, io.EOF) || root.children[len(root.children)-1].cut {
		b.WriteString("… it is cut off here\n")
	}
	return strings.TrimSuffix(b.String(), "\n"), true
}

func isXMLCut(err error) bool {
	syntax, ok := errors.AsType[*xml.SyntaxError](err)
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errDeep) || ok && strings.Contains(syntax.Msg, "unexpected EOF")
}

// readElement reads what is inside of an element, up to its end.
func readElement(d *xml.Decoder, into *element, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for {
		token, err := d.RawToken()
		if err != nil {
			into.cut = true
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			child := &element{name: prefixed(t.Name), attrs: append([]xml.Attr(nil), t.Attr...)}
			into.children = append(into.children, child)
			if err := readElement(d, child, depth+1); err != nil {
				into.cut = true
				return err
			}
		case xml.EndElement:
			return nil
		case xml.CharData:
			into.text += string(t)
		}
	}
}

func prefixed(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

func writeElement(b *strings.Builder, e *element, at scope, depth int, hide bool) {
	indent := strings.Repeat("  ", depth)
	var fields []field
	for _, child := range e.children {
		fields = append(fields, field{name: child.name, text: strings.TrimSpace(child.text), holds: len(child.children) > 0})
	}
	for _, a := range e.attrs {
		fields = append(fields, field{name: a.Name.Local, text: a.Value})
	}
	in := at.inside(e.name, fields)
	b.WriteString(indent + "<" + e.name)
	for _, a := range e.attrs {
		value := a.Value
		if hide && a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			value = in.mask(a.Name.Local, value)
		}
		b.WriteString(" " + prefixed(a.Name) + `="` + escapeXML(value) + `"`)
	}
	text := strings.TrimSpace(e.text)
	if hide {
		text = at.mask(e.name, text)
	}
	switch {
	case len(e.children) == 0 && e.cut:
		b.WriteString(">\n") // its text may be half of what it was, so it is not shown
		return
	case len(e.children) == 0 && text == "":
		b.WriteString("/>\n")
		return
	case len(e.children) == 0:
		b.WriteString(">" + escapeXML(text) + "</" + e.name + ">\n")
		return
	}
	b.WriteString(">" + escapeXML(text) + "\n")
	for _, child := range e.children {
		writeElement(b, child, in, depth+1, hide)
	}
	if !e.cut {
		b.WriteString(indent + "</" + e.name + ">\n")
	}
}

func escapeXML(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}
