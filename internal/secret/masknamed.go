package secret

import "strings"

// maskNamed masks the values of secret names: "name": value in JSON, name=value in forms and
// queries, <name>value</name> in XML. It reads the text once from left to right and needs no
// well-formed input, because recorded bodies are cut off.
func maskNamed(text string) string {
	if !mayHoldSecret(text) {
		return text
	}
	var out strings.Builder
	copied := 0
	for i := 0; i < len(text); {
		if !nameByte(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && nameByte(text[i]) {
			i++
		}
		name := text[start:i]
		if !SensitiveName(name) && !(sensitiveParameter(name) && i < len(text) && text[i] == '=') {
			continue
		}
		from, to := valueAfter(text, start, i)
		if from == to {
			continue
		}
		out.WriteString(text[copied:from])
		out.WriteString(Mask)
		copied, i = to, to
	}
	if copied == 0 {
		return text
	}
	out.WriteString(text[copied:])
	return out.String()
}

// mayHoldSecret is a quick look that spares most bodies the walk.
func mayHoldSecret(text string) bool {
	lower := strings.ToLower(text)
	for _, hint := range []string{
		"pass", "pwd", "secret", "token", "key", "credential", "auth", "cookie", "session", "sig", "hmac", "code=", "sid=",
	} {
		if strings.Contains(lower, hint) {
			return true
		}
	}
	return false
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// valueAfter gives the bounds of the value that belongs to the name text[start:end]; equal bounds
// say that there is none. Objects are left alone: the names inside them are judged by themselves.
func valueAfter(text string, start, end int) (from, to int) {
	i := end
	escaped := 0 // JSON inside a JSON text has \" for each quote
	if i < len(text) && text[i] == '\\' {
		escaped++
		i++
	}
	if i < len(text) && (text[i] == '"' || text[i] == '\'') {
		i = skipSpace(text, i+1)
		if i >= len(text) || text[i] != ':' {
			return 0, 0
		}
		i = skipSpace(text, i+1)
		return jsonValue(text, i, escaped > 0)
	}
	if i < len(text) && text[i] == '=' && escaped == 0 {
		return formValue(text, i+1)
	}
	if i < len(text) && escaped == 0 && openingTag(text, start) {
		return xmlValue(text, i)
	}
	return 0, 0
}

func skipSpace(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
		i++
	}
	return i
}

func jsonValue(text string, i int, escaped bool) (from, to int) {
	if escaped && i < len(text) && text[i] == '\\' {
		i++
	}
	if i >= len(text) {
		return 0, 0
	}
	if quote := text[i]; quote == '"' || quote == '\'' {
		from = i + 1
		for i = from; i < len(text) && text[i] != quote; i++ {
			if text[i] == '\\' {
				if escaped && i+1 < len(text) && text[i+1] == quote {
					break
				}
				i++
			}
		}
		return from, min(i, len(text))
	}
	if text[i] == '{' {
		return 0, 0
	}
	if text[i] == '[' {
		return i, listEnd(text, i)
	}
	from = i
	for i < len(text) && !strings.ContainsRune(",}] \t\r\n", rune(text[i])) {
		i++
	}
	if word := text[from:i]; word == "null" || word == "true" || word == "false" {
		return 0, 0
	}
	return from, i
}

// listEnd gives the index after the bracket that closes the list at text[i].
func listEnd(text string, i int) int {
	depth, quoted := 0, false
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

func formValue(text string, i int) (from, to int) {
	if i < len(text) && (text[i] == '"' || text[i] == '\'') {
		quote := text[i]
		from = i + 1
		for i = from; i < len(text) && text[i] != quote; i++ {
		}
		return from, i
	}
	from = i
	for i < len(text) && !strings.ContainsRune("&;,\"'<> \t\r\n\\", rune(text[i])) {
		i++
	}
	return from, i
}

// openingTag says whether a name is that of an XML element that opens: <name or <ns:name.
func openingTag(text string, start int) bool {
	i := start - 1
	if i >= 0 && text[i] == ':' {
		i--
		for i >= 0 && nameByte(text[i]) {
			i--
		}
	}
	return i >= 0 && text[i] == '<'
}

func xmlValue(text string, i int) (from, to int) {
	for i < len(text) && text[i] != '>' {
		if text[i] == '<' {
			return 0, 0
		}
		i++
	}
	if i >= len(text) || text[i-1] == '/' {
		return 0, 0
	}
	from = i + 1
	if strings.HasPrefix(text[from:], "<![CDATA[") {
		end := strings.Index(text[from:], "]]>")
		if end < 0 {
			return from, len(text)
		}
		return from, from + end + len("]]>")
	}
	for i = from; i < len(text) && text[i] != '<'; i++ {
	}
	return from, i
}
