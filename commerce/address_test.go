package commerce

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func home() Address {
	return Address{
		AddressID: "17", Use: UseShipping, Name: "Jörg Weiß", Company: "Weiß & Söhne GmbH",
		StreetAddress: "Hauptstraße 5", ExtendedAddress: "Hinterhaus", AddressLocality: "Köln", AddressRegion: "NW",
		PostalCode: "50667", AddressCountry: "DE", Phone: "+49 221 1234567", Email: "joerg@example.com",
	}
}

func TestTwoSpellingsOfOneAddress(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Address)
	}{
		{"capitals", func(a *Address) { a.StreetAddress, a.AddressLocality = "HAUPTSTRASSE 5", "KÖLN" }},
		{"a capital ß", func(a *Address) { a.StreetAddress = "HAUPTSTRAẞE 5" }},
		{"a street cut short", func(a *Address) { a.StreetAddress = "Hauptstr. 5" }},
		{"a street without a point", func(a *Address) { a.StreetAddress = "hauptstr 5" }},
		{"ss for ß", func(a *Address) { a.Name, a.Company = "Jörg Weiss", "WEISS + Söhne GmbH" }},
		{"spaces", func(a *Address) { a.StreetAddress, a.Name = "  Hauptstraße   5 ", "Jörg\u00a0Weiß" }},
		{"letters and marks apart", func(a *Address) { a.Name, a.AddressLocality = norm.NFD.String(a.Name), norm.NFD.String("Köln") }},
		{"wide digits", func(a *Address) { a.PostalCode = "５０６６７" }},
		{"a postal code in groups", func(a *Address) { a.PostalCode = "50 667" }},
		{"a postal code with a dash", func(a *Address) { a.PostalCode = "506-67" }},
		{"a house number apart", func(a *Address) { a.StreetAddress, a.HouseNumber = "Hauptstraße", "5" }},
		{"all in one line", func(a *Address) { a.StreetAddress, a.ExtendedAddress = "Hauptstraße 5, Hinterhaus", "" }},
		{"a name in two fields", func(a *Address) { a.Name, a.GivenName, a.FamilyName = "", "Jörg", "Weiß" }},
		{"a small country", func(a *Address) { a.AddressCountry = "de" }},
		{"who is reached there", func(a *Address) {
			a.AddressID, a.Use, a.Default, a.Phone, a.Email, a.DeliveryInstructions = "", UseBilling, true, "", "", "ring twice"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := home()
			c.change(&a)
			if a.Fingerprint() != home().Fingerprint() {
				t.Errorf("%+v has another fingerprint", a)
			}
		})
	}
	for _, pair := range [][2]string{
		{"12 Baker Street", "12 Baker St."}, {"1 Fifth Avenue", "1 FIFTH AVE"}, {"5 Park Lane", "5, park ln"},
		{"3 boulevard Voltaire", "3 Bd Voltaire"}, {"9 Long Road, Suite 4", "9 Long Rd. Ste. 4"}, {"Οδός Αθηνών 3", "ΟΔΌΣ ΑΘΗΝΏΝ 3"},
	} {
		a, b := Address{StreetAddress: pair[0]}, Address{StreetAddress: pair[1]}
		if a.Fingerprint() != b.Fingerprint() {
			t.Errorf("%q and %q have different fingerprints", pair[0], pair[1])
		}
	}
}

func TestDifferentAddresses(t *testing.T) {
	seen := map[string]string{home().Fingerprint(): "the first"}
	for _, c := range []struct {
		name   string
		change func(*Address)
	}{
		{"another person", func(a *Address) { a.Name = "Jana Weiß" }},
		{"another person in two fields", func(a *Address) { a.Name, a.GivenName, a.FamilyName = "", "Jonas", "Weiß" }},
		{"nobody", func(a *Address) { a.Name = "" }},
		{"another company", func(a *Address) { a.Company = "Weiß AG" }},
		{"another house", func(a *Address) { a.StreetAddress = "Hauptstraße 15" }},
		{"a letter behind the house number", func(a *Address) { a.StreetAddress = "Hauptstraße 5a" }},
		{"another flat", func(a *Address) { a.ExtendedAddress = "Vorderhaus" }},
		{"another village", func(a *Address) { a.DependentLocality = "Deutz" }},
		{"another town", func(a *Address) { a.AddressLocality = "Kiel" }},
		{"the town as a village", func(a *Address) { a.DependentLocality, a.AddressLocality = "Köln", "" }},
		{"another region", func(a *Address) { a.AddressRegion = "SH" }},
		{"another postal code", func(a *Address) { a.PostalCode = "50668" }},
		{"another country", func(a *Address) { a.AddressCountry = "AT" }},
	} {
		a := home()
		c.change(&a)
		fingerprint := a.Fingerprint()
		if other, found := seen[fingerprint]; found {
			t.Errorf("%s has the fingerprint of %s", c.name, other)
		}
		seen[fingerprint] = c.name
	}
}

// Text of letters keeps its meaning: only spellings of one word fold together.
func TestFold(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""}, {" \t", ""}, {"...", ""}, {"O'Brien-Smith", "o brien smith"}, {"Straße", "strasse"}, {"ＡＢＣ１２", "abc12"},
		{"ﬁsh", "fish"}, {"İstanbul", "i\u0307stanbul"}, {"  a  -  b  ", "a b"}, {"東京都 千代田区", "東京都 千代田区"}, {"№ 5", "no 5"}, {"\xff\xfe", ""},
	} {
		if got := Fold(c.text); got != c.want {
			t.Errorf("Fold(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestFoldIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		folded := Fold(text)
		if again := Fold(folded); again != folded {
			t.Fatalf("%q folds to %q and that to %q", text, folded, again)
		}
		if spelled := Fold("  " + norm.NFD.String(text) + " ."); spelled != folded {
			t.Fatalf("%q folds to %q, and spelled otherwise to %q", text, folded, spelled)
		}
	})
}

func TestFingerprintIgnoresSpellingAndNothingElse(t *testing.T) {
	word := rapid.StringMatching(`[A-Za-zäöüß0-9]{1,8}( [A-Za-zäöüß0-9]{1,8}){0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		a := Address{
			Name: word.Draw(t, "name"), StreetAddress: word.Draw(t, "street"), AddressLocality: word.Draw(t, "town"),
			PostalCode: rapid.StringMatching(`[0-9]{5}`).Draw(t, "code"), AddressCountry: "DE",
		}
		b := a
		b.Name, b.StreetAddress = strings.ToUpper(a.Name)+".", " "+strings.ReplaceAll(a.StreetAddress, " ", ", ")
		b.AddressLocality, b.PostalCode = norm.NFD.String(a.AddressLocality), a.PostalCode[:2]+" "+a.PostalCode[2:]
		if a.Fingerprint() != b.Fingerprint() {
			t.Fatalf("%+v and %+v have different fingerprints", a, b)
		}
		b.PostalCode = a.PostalCode + "0"
		c := a
		c.StreetAddress += " 1"
		if a.Fingerprint() == b.Fingerprint() || a.Fingerprint() == c.Fingerprint() {
			t.Fatalf("%+v has the fingerprint of another address", a)
		}
	})
}

func TestBlankAddress(t *testing.T) {
	var none *Address
	for _, a := range []*Address{none, {}, {AddressCountry: "DE", Use: UseBilling}, {StreetAddress: "  ", Phone: "1"}} {
		if !a.Blank() {
			t.Errorf("%+v is not blank", a)
		}
	}
	for _, a := range []*Address{{StreetAddress: "x"}, {PostalCode: "1"}, {Company: "x"}, {FamilyName: "x"}, {AddressLocality: "x"}, {ExtendedAddress: "x"}} {
		if a.Blank() {
			t.Errorf("%+v is blank", a)
		}
	}
}
