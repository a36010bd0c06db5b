package commerce

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Blank says whether there is nothing to write on an envelope.
func (a *Address) Blank() bool {
	return a == nil || strings.TrimSpace(a.StreetAddress+a.ExtendedAddress+a.AddressLocality+a.PostalCode+a.person()+a.Company) == ""
}

// person is the name of who lives there.
func (a *Address) person() string {
	return cmp.Or(a.Name, strings.TrimSpace(a.GivenName+" "+a.FamilyName))
}

// Fingerprint is a hash of the normalised address: two spellings of one address give the same. It
// finds candidates in an address book and never replaces what the customer typed. Who is reached
// there and how (telephone, e-mail, instructions) does not count.
func (a Address) Fingerprint() string {
	hash := sha256.New()
	for _, part := range []string{
		Fold(a.person()), Fold(a.Company),
		street(a.StreetAddress + " " + a.HouseNumber + " " + a.ExtendedAddress), Fold(a.DependentLocality),
		Fold(a.AddressLocality), Fold(a.AddressRegion),
		strings.ReplaceAll(Fold(a.PostalCode), " ", ""), Fold(a.AddressCountry),
	} {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// street is a folded street with the words shortened that the same person types both ways.
func street(text string) string {
	words := strings.Fields(strings.ReplaceAll(Fold(text), "strasse", "str"))
	for i, word := range words {
		words[i] = cmp.Or(shortStreet(word), word)
	}
	return strings.Join(words, " ")
}

func shortStreet(word string) string {
	switch word {
	case "street":
		return "st"
	case "road":
		return "rd"
	case "avenue", "av":
		return "ave"
	case "boulevard", "bd":
		return "blvd"
	case "lane":
		return "ln"
	case "drive":
		return "dr"
	case "suite":
		return "ste"
	case "apartment":
		return "apt"
	}
	return ""
}

// Fold reduces text to what two spellings of it share: compatibility forms and case are unified
// (NFKC and Unicode case folding, so that ß is ss), punctuation and runs of spaces are one space.
func Fold(text string) string {
	// Lower case comes last because folding takes Cherokee to capitals.
	folded := strings.ToLower(cases.Fold().String(norm.NFKC.String(text)))
	var b strings.Builder
	space := false
	for _, r := range norm.NFKC.String(folded) {
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(r)
		default:
			space = true
		}
	}
	return b.String()
}
