package personal

import (
	"net/url"
	"strings"
)

// maxDepth bounds how deep a body is looked into; what is deeper is left out.
const maxDepth = 100

// Body lays a body out to be read, with one field on a line, whether it is JSON, XML, a form or a text with such
// parts; and masks the personal data in it when hide says so. The body may be cut off anywhere.
func Body(text string, hide bool) string {
	trimmed := strings.TrimSpace(strings.TrimPrefix(text, "\uFEFF"))
	if trimmed == "" {
		return ""
	}
	var out string
	var ok bool
	switch trimmed[0] {
	case '{', '[':
		out, ok = layJSON(trimmed, hide)
	case '<':
		out, ok = layXML(trimmed, hide)
	default:
		out, ok = layForm(trimmed, hide)
	}
	if ok {
		return out
	}
	return layLines(trimmed, hide)
}

// layForm lays a form out, one field on a line; false when the text is none.
func layForm(text string, hide bool) (string, bool) {
	if !strings.Contains(text, "=") || strings.ContainsAny(text, " \n\t<{") {
		return "", false
	}
	var list, values []string
	beside := map[string][]field{} // by what they stand in
	for part := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(part, "=")
		plainName, err := url.QueryUnescape(name)
		plainValue, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil {
			plainName, plainValue = name, value
		}
		list, values = append(list, plainName), append(values, plainValue)
		in := within(plainName)
		beside[in] = append(beside[in], field{name: lastPart(plainName), text: plainValue})
	}
	var b strings.Builder
	top, scopes := scope{names: names{}}, map[string]scope{}
	for in, fields := range beside {
		scopes[in] = top.insideAll(in, fields)
	}
	for i, name := range list {
		value := values[i]
		if hide {
			value = scopes[within(name)].mask(lastPart(name), value)
			name = Text(name)
		}
		b.WriteString(name + " = " + value + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n"), true
}

// within is what the field stands in: billing[address of billing[address][city].
func within(name string) string {
	i := strings.LastIndexByte(strings.TrimRight(name, "]"), '[')
	return name[:max(i, 0)]
}

// insideAll is the scope of fields whose name tells all that they stand in.
func (s scope) insideAll(name string, fields []field) scope {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '[' || r == ']' })
	if len(parts) == 0 {
		parts = []string{""}
	}
	for i, part := range parts {
		if i == len(parts)-1 {
			return s.inside(part, fields)
		}
		s = s.inside(part, nil)
	}
	return s
}

// lastPart is the field in a name such as billing_address[first_name].
func lastPart(name string) string {
	name = strings.TrimRight(name, "]")
	if i := strings.LastIndexByte(name, '['); i >= 0 {
		return name[i+1:]
	}
	return name
}

// layLines keeps a text of another form as it is, such as a batch of requests, but for lines that are a body of
// their own.
func layLines(text string, hide bool) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		if trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') {
			if out, ok := layJSON(trimmed, hide); ok {
				lines[i] = out
				continue
			}
		}
		if !hide {
			continue
		}
		if method, rest, found := strings.Cut(trimmed, " "); found && isMethod(method) {
			lines[i] = method + " " + Address(rest)
			continue
		}
		if name, value, found := strings.Cut(line, ":"); found && !strings.Contains(strings.TrimSpace(name), " ") && (scope{}).hides(name, value) {
			lines[i] = name + ": " + Mask(value)
			continue
		}
		lines[i] = Text(line)
	}
	return strings.Join(lines, "\n")
}

func isMethod(word string) bool {
	switch word {
	case "GET", "POST", "PUT", "PATCH", "DELETE":
		return true
	}
	return false
}
