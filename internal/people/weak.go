package people

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// minPassword is in characters. There are no rules of composition (NIST SP 800-63B-4, 3.1.1.2).
	minPassword = 12
	maxPassword = 256
	// maxPasswordBytes bounds what is hashed.
	maxPasswordBytes = 1024
)

// common are words that people build passwords of. They are looked for once digits, signs and the usual replacements
// of letters are taken away.
var common = []string{
	"password", "passwort", "passord", "motdepasse", "contrasena", "parola", "senha", "kennwort", "passphrase",
	"administrator", "admin", "orderly", "welcome", "willkommen", "letmein", "changeme", "iloveyou", "secret", "geheim",
	"login", "user", "test", "guest", "root", "master", "dashboard", "shopify", "odoo", "woocommerce", "monkey", "dragon",
	"sunshine", "princess", "football", "baseball", "superman", "batman", "summer", "winter", "spring", "autumn",
	"sommer", "fruehling", "herbst", "correcthorsebatterystaple",
}

// rows are runs of characters that fingers and children know.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn",
	"qwertyuiop[]asdfghjkl;'zxcvbnm,./", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujmikolp", "!@#$%^&*()_+",
}

// checkPassword says why a password cannot be taken for this user, or nil.
func checkPassword(password string, about ...string) error {
	refuse := func(why string) error { return &InputError{Field: "password", Message: why} }
	password = normal(password)
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return refuse("it is not valid text")
	case n < minPassword:
		return refuse("it is too short: take 12 characters or more; a few words that do not belong together are good")
	case n > maxPassword || len(password) > maxPasswordBytes:
		return refuse("it is too long: take 256 characters at the most")
	}
	lower := strings.ToLower(password)
	if repeats(lower) || runs(lower) {
		return refuse("it is a pattern that is easily guessed; a few words that do not belong together are good")
	}
	for _, word := range about {
		name, _, _ := strings.Cut(strings.ToLower(word), "@")
		if little(letters(lower), strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) })...) {
			return refuse("it is made of the name")
		}
	}
	plain := letters(lower)
	for _, word := range common {
		if little(plain, word) {
			return refuse("it is made of a word that is tried first; a few words that do not belong together are good")
		}
	}
	return nil
}

// little tells whether a text is made of words, of three letters or more, and too little else.
func little(text string, words ...string) bool {
	rest := text
	for _, word := range words {
		if len(word) >= 3 {
			rest = strings.ReplaceAll(rest, letters(word), "")
		}
	}
	return rest != text && utf8.RuneCountInString(rest) < 4
}

// replacements are how people write letters as signs.
var replacements = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i", "ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss")

// letters gives the letters of a text in lower case, with what stands for letters read as such, but without the digits
// and signs that end it.
func letters(text string) string {
	text = strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("@$", r) })
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, replacements.Replace(text))
}

// repeats tells whether a text is one to four characters over and over.
func repeats(text string) bool {
	runes := []rune(text)
	for unit := 1; unit <= 4; unit++ {
		same := true
		for i := unit; i < len(runes) && same; i++ {
			same = runes[i] == runes[i-unit]
		}
		if same {
			return true
		}
	}
	return false
}

// runs tells whether a text is hardly more than runs of neighbours on a keyboard or in the alphabet, forwards or
// backwards.
func runs(text string) bool {
	runes := []rune(text)
	covered := 0
	for i := 0; i < len(runes); {
		longest := 0
		for n := 4; i+n <= len(runes); n++ {
			if !inRow(string(runes[i : i+n])) {
				break
			}
			longest = n
		}
		if longest == 0 {
			i++
			continue
		}
		covered += longest
		i += longest
	}
	return len(runes)-covered < 4
}

func inRow(part string) bool {
	for _, row := range rows {
		if strings.Contains(row, part) || strings.Contains(row, reversed(part)) {
			return true
		}
	}
	return false
}

func reversed(text string) string {
	runes := []rune(text)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}
