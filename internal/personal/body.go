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
	var names, values []string
	for part := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(part, "=")
		plainName, err := url.QueryUnescape(name)
		plainValue, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil {
			plainName, plainValue = name, value
		}
		names, values = append(names, plainName), append(values, plainValue)
	}
	in := scope{}.inside("", names)
	var b strings.Builder
	for i, name := range names {
		value := values[i]
		if hide {
			value, _ = in.mask(lastPart(name), value)
		}
		b.WriteString(name + " = " + value + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n"), true
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
		if name, value, found := strings.Cut(line, ":"); found && classOf(name) >= classPerson {
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
