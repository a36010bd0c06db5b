package commerce

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Blank says whether there is nothing to write on an envelope.
func (a *Address) Blank() bool {
	return a == nil || strings.TrimSpace(a.StreetAddress+a.ExtendedAddress+a.AddressLocality+a.PostalCode+a.Name+a.Company) == ""
}

// Fingerprint is a hash of the normalised address: two spellings of one address give the same. It
// finds candidates in an address book and never replaces what the customer typed.
func (a Address) Fingerprint() string {
	parts := []string{
		a.Name, a.Company,
		street(a.StreetAddress + " " + a.HouseNumber), a.ExtendedAddress, a.DependentLocality,
		a.AddressLocality, a.AddressRegion, strings.ReplaceAll(a.PostalCode, " ", ""), a.AddressCountry,
	}
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(Fold(part)))
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// street spells the German abbreviation out, the one that the same person types both ways.
func street(text string) string {
	text = strings.ToLower(norm.NFKC.String(text))
	text = strings.ReplaceAll(text, "straße", "str")
	text = strings.ReplaceAll(text, "strasse", "str")
	return text
}

// Fold reduces text to what two spellings of it share: compatibility forms are unified (NFKC), case,
// punctuation and runs of spaces are dropped.
func Fold(text string) string {
	var b strings.Builder
	space := false
	for _, r := range strings.ToLower(norm.NFKC.String(text)) {
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
