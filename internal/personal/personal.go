// Package personal hides personal data in texts of which only the form is known: raw records, requests and answers of
// any system. It takes the names of fields apart into words and judges by what these say, by what the field stands in and
// by what stands beside it: a name is hidden in a customer or beside a street, not in a product. Inside of somebody it
// hides what it does not know, elsewhere it shows it.
//
// It knows no vendor, no store and no page, and nothing of secrets: those are removed before, by package secret.
package personal

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Mask keeps the first letter of each word, so that a person who knows whom they look for finds them. What is masked
// already stays as it is.
func Mask(value string) string {
	words := strings.Fields(value)
	for i, word := range words {
		r, size := utf8.DecodeRuneInString(word)
		dots := min(max(utf8.RuneCountInString(word[size:]), 2), 6)
		words[i] = string(r) + strings.Repeat("•", dots)
	}
	return strings.Join(words, " ")
}

// emails finds e-mail addresses, also in addresses of the web.
var emails = regexp.MustCompile(`[\p{L}\p{N}._%+\-]+(?:@|%40)[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+`)

// quoted finds texts between quotes in a query that is part of an address, as it is written or escaped.
var quoted = regexp.MustCompile(`(?:'|%27)([^'&]*?)(?:'|%27)`)

// Text masks the e-mail addresses in a text that people have written.
func Text(text string) string {
	if !strings.Contains(text, "@") && !strings.Contains(text, "%40") {
		return text
	}
	return emails.ReplaceAllStringFunc(text, Mask)
}

// Address masks what an address of the web asks for: e-mail addresses, parameters with personal names, and, unless it
// asks for things, texts between quotes.
func Address(address string) string {
	path, query, found := strings.Cut(address, "?")
	if !found {
		return Text(address)
	}
	// A name is that of somebody, unless things are asked for.
	at := scope{person: true, thing: asksForThings(path)}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, found := strings.Cut(part, "=")
		plain := unescaped(value)
		if found && (at.hides(lastPart(unescaped(name)), plain) || isSearch(name) && !at.thing && isTerm(plain)) {
			parts[i] = name + "=" + Mask(value)
			continue
		}
		if !at.thing {
			parts[i] = quoted.ReplaceAllStringFunc(part, maskQuoted)
		}
	}
	return Text(path) + "?" + Text(strings.Join(parts, "&"))
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// asksForThings says whether what a path ends in are things, such as products, and nobody stands before them.
func asksForThings(path string) bool {
	path = strings.TrimRight(path, "/")
	var last meaning
	for segment := range strings.SplitSeq(path, "/") {
		list := split(segment)
		if len(list) == 0 {
			continue
		}
		last = words[list[len(list)-1]]
		if last&party != 0 {
			return false
		}
	}
	return last&plain != 0
}

// isSearch says whether a parameter holds what somebody looks for.
func isSearch(name string) bool {
	switch strings.ToLower(name) {
	case "q", "query", "search", "term", "keyword", "keywords", "$search":
		return true
	}
	return false
}

// isTerm tells a name that is looked for from a query in a language of its own.
func isTerm(value string) bool { return isName(value) && !strings.ContainsAny(value, ":=<>'\"{(*") }

func maskQuoted(text string) string {
	for _, quote := range []string{"'", "%27"} {
		if inner, ok := strings.CutPrefix(text, quote); ok {
			inner = strings.TrimSuffix(strings.TrimSuffix(inner, "'"), "%27")
			if inner == "" {
				return text
			}
			return quote + Mask(inner) + quote
		}
	}
	return text
}
