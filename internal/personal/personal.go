// Package personal hides personal data in texts of which only the form is known: raw records, requests and answers of
// any system. It judges fields by their names and by what stands beside them, so it errs on the side of hiding.
//
// It knows no vendor, no store and no page, and nothing of secrets: those are removed before, by package secret.
package personal

import (
	"regexp"
	"strings"
	"unicode"
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
func Text(text string) string { return emails.ReplaceAllStringFunc(text, Mask) }

// Address masks what an address of the web asks for: e-mail addresses, parameters with personal names, and texts
// between quotes.
func Address(address string) string {
	path, query, found := strings.Cut(address, "?")
	if !found {
		return Text(address)
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, found := strings.Cut(part, "=")
		if found && classOf(name) >= classPerson {
			parts[i] = name + "=" + Mask(value)
			continue
		}
		parts[i] = quoted.ReplaceAllStringFunc(part, maskQuoted)
	}
	return Text(path) + "?" + Text(strings.Join(parts, "&"))
}

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

// class is how much a field's name says about its content.
type class int

const (
	classNone  class = iota
	className        // personal beside personal fields: name, label
	classWords       // personal beside personal fields: what somebody has written
	classPlace       // personal in an address: state, region
	// From here on always.
	classPerson
	classStreet
)

// Parts of names, in lower case and without what separates words.
var (
	personParts = []string{
		"email", "phone", "mobile", "firstname", "lastname", "middlename", "surname", "givenname", "familyname", "fullname",
		"customername", "contactname", "companyname", "buyername", "recipientname", "birthday", "birthdate", "dateofbirth",
		"ipaddress", "browserip", "customerip", "remoteip", "useragent", "vatnumber", "vatid", "taxid", "taxvat", "accountholder",
	}
	personNames = map[string]bool{
		"fax": true, "company": true, "dob": true, "cardname": true, "name1": true, "name2": true, "iban": true, "latitude": true,
		"longitude": true, "recipient": true, "attention": true, "attn": true, "careof": true, "contactperson": true, "taxids": true,
		"namefirst": true, "namelast": true, "deliveryinstructions": true,
	}
	streetParts = []string{"street", "postcode", "postalcode", "zipcode", "addressline", "housenumber", "locality"}
	streetNames = map[string]bool{
		"zip": true, "city": true, "town": true, "address": true, "address1": true, "address2": true, "address3": true,
		"extendedaddress": true, "addr1": true, "addr2": true, "addr3": true, "addr4": true, "block": true, "suburb": true, "district": true,
	}
	weakNames = map[string]class{
		"name": className, "displayname": className, "label": className, "partnername": className, "completename": className,
		"note": classWords, "notes": classWords, "comment": classWords, "comments": classWords, "customernote": classWords, "memo": classWords,
		"state": classPlace, "province": classPlace, "region": classPlace, "county": classPlace, "addressregion": classPlace, "area": classPlace,
	}
	// textNames are what the text itself is called in a list of notes.
	textNames = map[string]bool{"text": true, "body": true, "content": true, "message": true, "value": true}
	// parties are parts of the names of those things that speak of somebody.
	parties = []string{
		"customer", "buyer", "billing", "billto", "shipto", "shippingaddress", "address", "contact", "person", "partner", "recipient",
		"consignee", "receiver", "lead", "member", "cardholder", "employee", "salesrep",
	}
	// things are parts of names that a party's name may have and that do not speak of somebody.
	things = []string{"line", "method", "rate", "option", "group", "currency", "reference", "status", "carrier"}
)

func classOf(name string) class {
	folded := fold(name)
	if c, ok := weakNames[folded]; ok {
		return c
	}
	switch {
	case streetNames[folded] || containsAny(folded, streetParts):
		return classStreet
	case personNames[folded] || containsAny(folded, personParts):
		return classPerson
	}
	return classNone
}

// party says whether what has this name speaks of somebody.
func party(name string) bool {
	folded := fold(name)
	return folded == "account" || containsAny(folded, parties) && !containsAny(folded, things)
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// fold leaves the letters and digits of a name, in lower case and without the prefix of a namespace.
func fold(name string) string {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// scope is where a field stands.
type scope struct {
	party   bool // somewhere inside of what speaks of somebody
	person  bool // beside a field that is always personal
	address bool // beside a field of an address
	words   bool // inside of what somebody has written: a list of notes
}

// inside is the scope of the fields of an object that stands under a name.
func (s scope) inside(name string, fields []string) scope {
	in := scope{party: s.party || party(name), words: s.words || classOf(name) == classWords}
	for _, field := range fields {
		c := classOf(field)
		in.person = in.person || c >= classPerson
		in.address = in.address || c == classStreet
	}
	return in
}

// mask gives the value as it may be shown, and whether that is another one.
func (s scope) mask(name, value string) (shown string, masked bool) {
	if strings.TrimSpace(value) == "" {
		return value, false
	}
	hide := false
	switch classOf(name) {
	case className:
		hide = (s.party || s.person) && isName(value)
	case classWords:
		hide = s.party || s.person
	case classPlace:
		hide = s.address
	case classNone:
		hide = s.words && textNames[fold(name)]
	case classPerson, classStreet:
		hide = true
	}
	if hide {
		shown = Mask(value)
	} else {
		shown = Text(value)
	}
	return shown, shown != value
}

// element is like mask for one of the values in a list, such as the name behind an id.
func (s scope) element(name, value string) (shown string, masked bool) {
	if classOf(name) == classNone && party(name) && isName(value) {
		return Mask(value), true
	}
	return s.mask(name, value)
}

// isName tells names from numbers and codes.
func isName(value string) bool {
	return strings.ContainsFunc(value, unicode.IsLetter) && (!strings.ContainsFunc(value, unicode.IsDigit) || strings.Contains(strings.TrimSpace(value), " "))
}
