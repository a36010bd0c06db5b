package personal

import (
	"slices"
	"strings"
	"unicode"
)

// meaning is what a word of a field's name says about the value. A word may say several things.
type meaning uint16

const (
	person  meaning = 1 << iota // a datum of a person's own: email, phone, birthday
	street                      // a part of an address that leads to a door: street, city
	place                       // a part of an address that may also be something else: state, floor
	named                       // what somebody or something is called
	company                     // the name of a company
	written                     // what people write: note, comment
	party                       // somebody: customer, contact
	address                     // it is about an address: billing, ship to
	plain                       // a thing, or a datum that does not say who it is: product, tax, id
	record                      // a document, which holds data of all sorts: order, invoice
	always                      // plain whatever stands beside it in the name: currency, created
	taxed                       // a number of who pays a tax
	known                       // it only helps to take names apart
)

// vocabulary are the words that names of fields are made of, in the singular: those of the platforms, among which
// are SAP's abbreviations and German ones. A digit behind a line or name is written #.
var vocabulary = map[meaning]string{
	person: `email mail phone telephone mobile cell cellular cellphone tel telefon telf telfx telx telbx teltx telefax handy mobil fax
		firstname lastname middlename surname forename namev nmail fullname vorname nachname anrede salutation bname sortl name#
		birth birthday birthdate dob geburtstag gender passport ssn dni siret nif cif cpf cnpj iban taxvat stceg lictradnum
		ip useragent username nickname avatar facebook twitter linkedin skype whatsapp addressee attention attn
		ansprechpartner holder cardholder latitude longitude lat lng cardname`,
	street: `street cityc strasse straße stras strs hausnr hausnummer hausn city town village zip zipcode postcode postal plz pstlz
		ort stadt pfach pfort pobox locality suburb district neighborhood neighbourhood apartment`,
	street | party | address: `address addr adresse anschrift lieferadresse rechnungsadresse`,
	place:                    `state province region county regio bundesland subdivision prefecture canton area building block floor line#`,
	named:                    `name title label alias website homepage description`,
	company:                  `company firma corporation`,
	written:                  `note comment memo remark bemerkung hinweis kommentar freitext instruction greeting engraving personalization personalisation dedication edkt`,
	party: `customer buyer shopper contact person people partner recipient receiver consignee lead member employee payer payee
		guest subscriber owner sender author salesperson user staff clerk cashier spouse kunde empfänger account edka edpa kna`,
	party | address: `billing billto shipto sellto soldto deliverto`,
	address:         `shipping mailing`,
	record:          `order invoice document deal sale quote opportunity`,
	plain: `product item line variant variation sku article material position method rate option group reference status carrier
		store shop site warehouse location tax payment gateway discount coupon promotion voucher shipment tracking fulfillment
		fulfilment fee charge surcharge category brand manufacturer vendor supplier unit stage pipeline template zone module
		event topic type class channel campaign source term subsidiary team pricelist project plan package file image
		attachment webhook app application error entity merchant provider report id uuid guid gid code iso kind count number num nr no amount
		total price key token mode format url uri href link index valid verified enabled version form required consent marketing
		subscription scheme use boolean at sent notify theme newsletter optin kunnr lifnr partn parvw level rank score role risk system scope edp gln service`,
	plain | always: `country currency language locale lang timezone created updated modified changed date time timestamp datetime land`,
	known: `e hs cf primary main default other alternate parent first last middle full given family display complete formatted
		browser remote card home work house to of by for ref sales sold sell ship bill deliver care po post box vat fiscal tax sub division
		custom field property attribute data value visitor message credit debit journal despatch gift agent business rep or on bank acct reg registration identifier yomi org ledger revenue free text`,
}

// pairs are words that mean something else when they follow each other.
var pairs = map[[2]string]meaning{
	{"first", "name"}: person, {"last", "name"}: person, {"middle", "name"}: person, {"given", "name"}: person, {"family", "name"}: person,
	{"full", "name"}: person, {"user", "name"}: person, {"card", "name"}: person, {"business", "name"}: person, {"care", "of"}: person,
	{"user", "agent"}: person, {"work", "number"}: person, {"home", "number"}: person, {"avatar", "url"}: person,
	{"birth", "date"}: person, {"of", "birth"}: person, {"vat", "id"}: taxed, {"tax", "id"}: taxed,
	{"vat", "number"}: person, {"vat", "reg"}: person, {"vat", "registration"}: person, {"tax", "identifier"}: person, {"on", "acct"}: person, {"bank", "account"}: person, {"vat", "no"}: person, {"tax", "number"}: person, {"tax", "vat"}: person, {"fiscal", "code"}: person,
	{"house", "number"}: street, {"house", "no"}: street, {"po", "box"}: street, {"post", "box"}: street, {"post", "code"}: street,
	{"sub", "division"}: place,
	{"gift", "message"}: written, {"customer", "message"}: written, {"buyer", "message"}: written, {"message", "to"}: written, {"free", "text"}: written,
	{"bill", "to"}: party | address, {"ship", "to"}: party | address, {"sell", "to"}: party | address, {"sold", "to"}: party | address,
	{"deliver", "to"}: party | address, {"sales", "rep"}: party,
	// What the customer or merchant is shown of a thing.
	{"name", "customer"}: plain, {"name", "merchant"}: plain, {"value", "customer"}: plain, {"value", "merchant"}: plain,
	{"org", "name"}: company, {"card", "company"}: plain, {"price", "list"}: plain,
	// Accounts of a ledger or a provider.
	{"merchant", "account"}: plain, {"revenue", "account"}: plain, {"to", "account"}: plain, {"ledger", "account"}: plain,
	// Papers, not what somebody has written.
	{"credit", "note"}: plain, {"delivery", "note"}: plain, {"debit", "note"}: plain, {"despatch", "note"}: plain,
	{"credit", "memo"}: plain, {"debit", "memo"}: plain, {"journal", "memo"}: plain, {"work", "instruction"}: plain,
}

// words are the meanings of the words in the vocabulary.
var words = func() map[string]meaning {
	all := map[string]meaning{}
	for m, list := range vocabulary {
		for word := range strings.FieldsSeq(list) {
			all[word] |= m
		}
	}
	return all
}()

// lookUp gives the meaning of a word in the singular or plural, and the word as it is in the vocabulary.
func lookUp(word string) (string, meaning) {
	for _, ending := range []string{"", "s", "es"} {
		if singular, ok := strings.CutSuffix(word, ending); ok {
			if m, ok := words[singular]; ok {
				return singular, m
			}
		}
	}
	if stem, ok := strings.CutSuffix(word, "ies"); ok {
		if m, ok := words[stem+"y"]; ok {
			return stem + "y", m
		}
	}
	return word, 0
}

const (
	// longestName is how much of a name is looked at, in bytes.
	longestName = 100
	// longestWord is more than what the longest word of the vocabulary has, in bytes.
	longestWord = 20
)

// split takes a name apart into words in lower case: at what is no letter, at capitals, and where it is nothing but
// words of the vocabulary written together.
func split(name string) []string {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:] // the prefix of a namespace
	}
	if len(name) > longestName {
		name = name[:longestName]
	}
	var list []string
	letters := []rune(name)
	for start := 0; start < len(letters); {
		if !unicode.IsLetter(letters[start]) {
			numbered := unicode.IsDigit(letters[start]) && len(list) > 0 && (list[len(list)-1] == "line" || list[len(list)-1] == "name")
			if numbered {
				list[len(list)-1] += "#"
			}
			start++
			continue
		}
		end := start + 1
		for end < len(letters) && unicode.IsLetter(letters[end]) && !newWord(letters, start, end) {
			end++
		}
		list = append(list, together(strings.ToLower(string(letters[start:end])))...)
		start = end
	}
	return list
}

// newWord says whether a word begins at a capital: after a small letter, or as the last of several capitals.
func newWord(letters []rune, start, at int) bool {
	if !unicode.IsUpper(letters[at]) {
		return false
	}
	return unicode.IsLower(letters[at-1]) || at+1 < len(letters) && unicode.IsLower(letters[at+1]) && at > start
}

// together takes words apart that are written together. What is not made of known words stays as it is.
func together(run string) []string {
	if word, m := lookUp(run); m != 0 {
		return []string{word}
	}
	// parts[i] is the fewest words that run[:i] is made of.
	parts := make([][]string, len(run)+1)
	parts[0] = []string{}
	for end := 2; end <= len(run); end++ {
		for start := max(0, end-longestWord); start < end-1; start++ {
			if parts[start] == nil || parts[end] != nil && len(parts[end]) <= len(parts[start])+1 {
				continue
			}
			if word, m := lookUp(run[start:end]); m != 0 {
				parts[end] = append(slices.Clone(parts[start]), word)
			}
		}
	}
	if whole := parts[len(run)]; whole != nil {
		return whole
	}
	return endOf(run)
}

// endOf takes the end off a word, where that is a datum of somebody's, or what he is called: alt email.
func endOf(run string) []string {
	const shortest = 5 // mail and city are the end of too much
	for start := max(1, len(run)-longestWord); start <= len(run)-shortest; start++ {
		if word, m := lookUp(run[start:]); m&(person|street) != 0 && len(word) >= shortest {
			return []string{run[:start], word}
		}
	}
	if start, ok := strings.CutSuffix(run, "name"); ok {
		return []string{start, "name"}
	}
	return []string{run}
}

// class is what the name of a field says about its value.
type class int

const (
	classNone    class = iota
	classPlain         // nothing personal
	className          // personal beside personal fields: name
	classTitle         // personal beside the name of a person: title, description
	classPlace         // personal in an address: state, region
	classTax           // the number of who pays a tax, or that of the tax itself
	classParty         // somebody, or something that somebody has
	classOwner         // the name, company or region of somebody who is named with it: billing name
	classCompany       // personal unless it is that of a carrier
	classWritten       // from here on always personal
	classPerson
	classStreet
)

// judged is what a name says.
type judged struct {
	class   class
	meaning meaning // of all its words
	head    meaning // of its last word that says something, an id aside
	word    string  // the name, if it is a single word
	human   bool    // it is a first or last name
}

// judge says what a name says.
func judge(name string) judged {
	list := split(name)
	var all []meaning
	for i, word := range list {
		m := words[word]
		all = append(all, m)
		if i == 0 {
			continue
		}
		if m, ok := pairs[[2]string{list[i-1], word}]; ok {
			all[i-1], all[i] = m, m
		}
	}
	var j judged
	if len(list) == 0 {
		return j
	}
	own := all
	for len(own) > 1 && (own[len(own)-1] == known || isRef(list[len(own)-1]) && own[len(own)-1]&plain != 0) {
		own = own[:len(own)-1]
	}
	for i, m := range all {
		j.meaning |= m
		j.human = j.human || m&person != 0 && slices.Contains(humanNames, list[i]) || i > 0 && m == person && list[i] == "name" && list[i-1] != "user"
	}
	j.head = own[len(own)-1]
	if isBy(list) {
		j.meaning, j.head = j.meaning&^always|party, party
	}
	if len(list) == 1 {
		j.word = list[0]
	}
	j.class = classify(list, all, j)
	return j
}

// humanNames are the words for first and last names.
var humanNames = []string{"firstname", "lastname", "surname", "forename", "vorname", "nachname"}

// deeds are what somebody has done to a record, whose name stands in a field such as created_by.
var deeds = []string{"created", "updated", "modified", "changed", "edited", "deleted", "signed", "approved", "authorized", "activated", "accepted", "assigned"}

func isBy(list []string) bool {
	last := len(list) - 1
	return last > 0 && list[last] == "by" && slices.Contains(deeds, list[last-1])
}

func isRef(word string) bool {
	return word == "id" || word == "ref" || word == "uuid" || word == "guid"
}

// classify judges from the surest sign to the weakest.
func classify(list []string, all []meaning, j judged) class {
	last := len(list) - 1
	head := all[last]
	if isBy(list) {
		head = party
	}
	has := func(m meaning) bool { return j.meaning&m != 0 }
	// Numbers, codes and lines belong to what stands before them: phone number, postal code, address line.
	tail := slices.Contains([]string{"number", "num", "nr", "no", "code", "line", "line#"}, list[last])
	switch {
	case head == taxed, tail && has(taxed), j.word == "vat":
		return classTax
	case j.word == "long":
		return classStreet // beside lat
	case has(place) && !has(person|street) && isPlace(list, all):
		return classPlace
	case slices.Contains(list, "subdivision"):
		return classOwner
	case has(always) && head&(person|street) == 0:
		return classPlain
	case head&plain != 0 && !(tail && (has(person|street) || has(place) && has(address))), list[0] == "id", isRef(list[last]) && head&person == 0:
		return classPlain
	case has(written):
		return classWritten
	case head&street != 0, has(street) && !has(person) && head&(named|company) == 0:
		return classStreet
	case has(person):
		return classPerson
	case has(place):
		if has(address) {
			return classOwner
		}
		return classPlain
	}
	return classifyName(list, j)
}

// isPlace says that a name is only that of a place: state, region code.
func isPlace(list []string, all []meaning) bool {
	for i, m := range all {
		if m&place == 0 && m != known && !slices.Contains([]string{"code", "name", "id", "iso"}, list[i]) {
			return false
		}
	}
	return true
}

// classifyName judges names of what is called something.
func classifyName(list []string, j judged) class {
	has := func(m meaning) bool { return j.meaning&m != 0 }
	isName := list[len(list)-1] == "name"
	switch {
	case j.head&company != 0, has(company) && j.head&named != 0:
		return classCompany
	case j.head&named == 0 && has(party):
		return classParty
	case j.head&named == 0:
		return classNone
	case has(plain | record), !isName && has(party|address): // product name, shipping description
		return classPlain
	case !isName:
		return classTitle
	case has(party | address):
		return classOwner
	}
	return className
}
