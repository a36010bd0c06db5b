package personal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scope is where a field stands: inside of what, and beside what.
//
// What it does not know it shows, and what stands inside of somebody, such as a customer, it shows only if it is
// known to say nothing of who that is.
type scope struct {
	names names

	party   bool // inside of what speaks of somebody
	thing   bool // inside of what speaks of a thing: a product, a tax
	all     bool // inside of what is a datum of somebody's own: a list of phones
	address bool // inside of an address, or beside a part of one
	text    bool // inside of what is personal where it holds the text itself: a list of notes
	person  bool // beside a field that is always personal
	human   bool // beside a first or last name
	// pair is the name of what stands in a field called value, where another field beside it holds that name.
	pair string
	key  string // the field that holds it
}

// names remembers what the names of one text say: the same ones come again and again.
type names map[string]judged

func (n names) judge(name string) judged {
	if j, ok := n[name]; ok {
		return j
	}
	j := judge(name)
	if n != nil {
		n[name] = j
	}
	return j
}

// field is a field of an object.
type field struct {
	name, text string // the text is empty where there is none
	holds      bool   // it holds an object
}

// inside is the scope of the fields of an object that stands under a name.
func (s scope) inside(name string, fields []field) scope {
	isPair := s.pair != "" && isValue(name)
	if isPair {
		name = s.pair
	}
	j := s.names.judge(name)
	in := scope{names: s.names, party: s.party, thing: s.thing, all: s.all, address: s.address, text: s.text}
	switch {
	case j.class == classWritten, j.class == classTax:
		in.text = true
	case j.class == classPerson:
		in.all = true
	case j.class == classPlace || j.meaning == 0:
		// it says nothing of what is in it
	case strings.EqualFold(name, "entity"), j.head&company != 0 && !s.thing, j.class == classOwner, j.head&party != 0 && !isMember(name, fields):
		in.party, in.thing, in.all = true, false, false
		in.address = j.meaning&address != 0
	case j.head&record != 0, j.word == "item":
		in = scope{names: s.names} // data of all sorts
	case j.head&plain != 0:
		in = scope{names: s.names, thing: true}
	}
	for _, f := range fields {
		if f.holds {
			continue
		}
		j := s.names.judge(f.name)
		in.person = in.person || j.class >= classPerson || j.class == classOwner || j.word == "vat"
		in.human = in.human || j.human
		in.address = in.address || j.class == classStreet
	}
	in.key, in.pair = pairOf(fields, in.party && j.head != known)
	if in.pair == "" && isPair {
		in.pair = s.pair
	}
	return in
}

// isMember says that something is not a member of anything but one of the pairs that XML-RPC writes.
func isMember(name string, fields []field) bool {
	return name == "member" && len(fields) == 2 && fields[0].name == "name" && fields[1].name == "value"
}

// pairOf finds a name and its value that stand in two fields. Beside somebody's, a name is the name of somebody.
func pairOf(fields []field, party bool) (key, name string) {
	value := false
	for _, f := range fields {
		value = value || isValue(f.name)
		switch strings.ToLower(f.name) {
		case "key", "field", "attribute", "property", "propertyname":
		case "name":
			if party {
				continue
			}
		default:
			continue
		}
		if key == "" && f.text != "" {
			key, name = f.name, f.text
		}
	}
	if !value {
		return "", ""
	}
	return key, name
}

// isValue says whether a name is one of those under which the value of a pair stands, in XML-RPC with its type.
func isValue(name string) bool {
	switch strings.ToLower(name) {
	case "value", "propertyvalue", "display_value", "string":
		return true
	}
	return false
}

// textNames are what the text itself is called in a list of notes.
var textNames = map[string]bool{"text": true, "body": true, "content": true, "message": true, "value": true, "tdline": true}

// mask gives the value of a field as it may be shown.
func (s scope) mask(name, value string) string {
	if strings.TrimSpace(value) == "" {
		return value
	}
	if s.hides(name, value) {
		return Mask(value)
	}
	if isURL(value) {
		return Address(value)
	}
	if isQuery(value) {
		return Text(quoted.ReplaceAllStringFunc(value, maskQuoted))
	}
	return Text(value)
}

func (s scope) hides(name, value string) bool {
	if s.key != "" && name == s.key {
		return false
	}
	if s.pair != "" && isValue(name) {
		name = s.pair
	}
	if s.text && textNames[strings.ToLower(name)] {
		return true
	}
	j := s.names.judge(name)
	switch j.class {
	case classPerson:
		return true
	case classWritten, classStreet:
		return !isURL(value)
	case classPlain:
		return false
	case classCompany:
		return !s.thing
	case classTax:
		return s.all || !s.thing && isTaxNumber(value)
	case classOwner:
		return isName(value)
	case classPlace:
		return s.address && !s.thing && hasLetter(value)
	case className:
		return s.all || s.party && hasLetter(value) || s.person && !s.thing && isName(value)
	case classTitle:
		return s.all || (s.party || s.human && !s.thing) && isName(value)
	case classParty:
		return j.head&party != 0 && isName(value) || isProse(value)
	}
	return s.all || s.party && isProse(value)
}

// hidesNumber says whether a number of this name is personal.
func (s scope) hidesNumber(name string) bool {
	if s.pair != "" && isValue(name) {
		name = s.pair
	}
	return s.names.judge(name).class >= classPerson
}

// isURL says that a value is an address of the web, with a host or without.
func isURL(value string) bool {
	if strings.Contains(value, " ") {
		return false
	}
	return strings.HasPrefix(value, "https://") || strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "/") && strings.Contains(value, "?")
}

// isQuery says that a value is a query in SQL or what vendors made of it.
func isQuery(value string) bool {
	const start = "select "
	return len(value) > len(start) && strings.EqualFold(value[:len(start)], start) && strings.Contains(strings.ToLower(value), " where ")
}

func hasLetter(value string) bool { return strings.ContainsFunc(value, unicode.IsLetter) }

// isName tells names from numbers and codes.
func isName(value string) bool {
	return hasLetter(value) && (!strings.ContainsFunc(value, unicode.IsDigit) || strings.Contains(strings.TrimSpace(value), " "))
}

// isProse tells names and what people write from words of the system, such as enabled, NEW or not_subscribed.
func isProse(value string) bool {
	value = strings.TrimSpace(value)
	if !isName(value) {
		return false
	}
	first, _ := utf8.DecodeRuneInString(value)
	if strings.Contains(value, " ") {
		return true
	}
	return unicode.IsLetter(first) && !unicode.IsLower(first) && value != strings.ToUpper(value) || isCaseless(first)
}

// isCaseless says that a letter is of a script without capitals.
func isCaseless(r rune) bool {
	return unicode.IsLetter(r) && !unicode.IsLower(r) && !unicode.IsUpper(r)
}

// isTaxNumber tells the number of who pays a tax from the rate and the short id of the tax itself.
func isTaxNumber(value string) bool {
	digits := 0
	for _, r := range value {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return digits > 4
}
