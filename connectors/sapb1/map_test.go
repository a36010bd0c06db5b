package sapb1

import (
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

func TestTextsAreCutBetweenCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		limit := rapid.IntRange(0, 40).Draw(t, "limit")
		got := cut(text, limit)
		length := len(utf16.Encode([]rune(got)))
		if length > limit || !strings.HasPrefix(text, got) && got != strings.TrimSpace(got) {
			t.Fatalf("%q cut to %d is %q", text, limit, got)
		}
		if whole := len(utf16.Encode([]rune(text))); whole <= limit && got != text {
			t.Fatalf("%q fits into %d and became %q", text, limit, got)
		}
		if units(got) != length {
			t.Fatalf("%q has %d units, counted %d", got, length, units(got))
		}
	})
}

func TestCodesOfCustomers(t *testing.T) {
	c := &conn{config: newConfig()}
	seen := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-z]{1,8}-c-[0-9]{1,12}`).Draw(t, "key")
		code := c.cardCode(connector.Key(key))
		if len(code) > maxCardCode || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" || code != c.cardCode(connector.Key(key)) {
			t.Fatalf("%s has the code %q", key, code)
		}
		if other, found := seen[code]; found && other != key {
			t.Fatalf("%s and %s have the code %q", key, other, code)
		}
		seen[code] = key
	})
	c.config.cardPrefix = "SHOP"
	if code := c.cardCode("x"); len(code) != maxCardCode || !strings.HasPrefix(code, "SHOP") {
		t.Error(code)
	}
}

// The name of an address fits, is the same for the same content, and another for any other.
func TestNamesOfAddresses(t *testing.T) {
	text := rapid.String()
	rapid.Check(t, func(t *rapid.T) {
		a := commerce.Address{Name: text.Draw(t, "name"), StreetAddress: text.Draw(t, "street"), AddressLocality: text.Draw(t, "town"), PostalCode: text.Draw(t, "code"), AddressCountry: "DE"}
		name := addressName(a)
		if n := len(utf16.Encode([]rune(name))); n == 0 || n > maxName || strings.ContainsAny(name, "'\"\n") || name != strings.TrimSpace(name) {
			t.Fatalf("%+v is called %q", a, name)
		}
		again := a
		again.Phone, again.Use = "1", commerce.UseBilling
		if addressName(again) != name {
			t.Fatalf("%+v is called otherwise the second time", a)
		}
		other := a
		other.StreetAddress += "1"
		if addressName(other) == name {
			t.Fatalf("%+v and another address are both called %q", a, name)
		}
	})
}

func TestPhones(t *testing.T) {
	for typed, want := range map[string]string{
		" 0221 123456 ": "0221 123456", "+49 (0) 221 / 12 34 56 78": "+49022112345678", "+49 221 123456789012345678901": "", "": "",
	} {
		if got := phone(typed); got != want {
			t.Errorf("%q became %q, want %q", typed, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"+49 221 123456", "0221/123456", true}, {"0049 221 123456", "+49 221 123456", true}, {"123456", "123457", false}, {"12345", "12345", false}, {"0221 123456", "0211 123456", false},
	} {
		if got := samePhone(digits(c.a), c.b); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

func TestMoments(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		date, clock, want string
		exact             bool
	}{
		{"2026-03-02", "17:00:00", "2026-03-02T08:00:00Z", true}, {"2026-03-02T00:00:00Z", "17:00:00", "2026-03-02T08:00:00Z", true}, {"2026-03-02", "", "2026-03-01T15:00:00Z", false},
		{"2026-03-02", "1700", "2026-03-01T15:00:00Z", false}, {"", "17:00:00", "0001-01-01T00:00:00Z", false},
	} {
		at, exact, err := moment(c.date, c.clock, tokyo)
		if err != nil || exact != c.exact || at.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%s %s: %s, %v, %v", c.date, c.clock, at.UTC(), exact, err)
		}
	}
}
