package people

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	maxName  = 64  // in characters
	maxEmail = 254 // in bytes (RFC 5321, 4.5.3.1.3)
)

// parseName gives a user's or token's name as it is shown: letters, digits, single spaces and . _ - + @ '. Round
// brackets stand for a token in the audit, so no name has them.
func parseName(name string) (string, error) {
	name = strings.Join(strings.Fields(norm.NFKC.String(name)), " ")
	refuse := func(why string) (string, error) { return "", &InputError{Field: "name", Message: why} }
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return refuse("give a name")
	case n > maxName:
		return refuse("it is longer than 64 characters")
	}
	named := false
	for _, r := range name {
		named = named || unicode.IsLetter(r) || unicode.IsDigit(r)
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" ._-+@'", r) {
			return refuse("it may have letters, digits, spaces and . _ - + @ ' only")
		}
	}
	if !named {
		return refuse("it needs a letter or a digit")
	}
	return name, nil
}

// nameKey is a name as names are compared: without the difference of case, width or composition.
func nameKey(name string) string {
	return norm.NFKC.String(cases.Fold().String(strings.Join(strings.Fields(norm.NFKC.String(name)), " ")))
}

// parseEmail gives an e-mail address as addresses are compared; empty stays empty.
func parseEmail(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" {
		return "", nil
	}
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name != "" || a.Address != text || len(text) > maxEmail {
		return "", &InputError{Field: "email", Message: "it is no e-mail address"}
	}
	return text, nil
}

// printable is a text with anything that is no printable character as a space, and spaces once.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
