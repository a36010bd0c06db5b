package money

import (
	"strings"
	"testing"
)

func TestExponents(t *testing.T) {
	for _, c := range []struct {
		currency Currency
		want     int32
		text     string // twelve and a half, rounded to the currency
	}{
		{"EUR", 2, "12.50 EUR"},
		{"USD", 2, "12.50 USD"},
		{"CHF", 2, "12.50 CHF"},
		{"SEK", 2, "12.50 SEK"},
		{"HUF", 2, "12.50 HUF"},
		{"TWD", 2, "12.50 TWD"},
		{"MGA", 2, "12.50 MGA"}, // a fifth of an ariary, but two decimals in ISO 4217
		{"JPY", 0, "13 JPY"},
		{"KRW", 0, "13 KRW"},
		{"CLP", 0, "13 CLP"},
		{"ISK", 0, "13 ISK"},
		{"VND", 0, "13 VND"},
		{"XOF", 0, "13 XOF"},
		{"KWD", 3, "12.500 KWD"},
		{"BHD", 3, "12.500 BHD"},
		{"TND", 3, "12.500 TND"},
		{"CLF", 4, "12.5000 CLF"},
		{"UYW", 4, "12.5000 UYW"},
		{"HRK", 2, "12.50 HRK"}, // withdrawn in 2023; old orders have it
		{"XYZ", 2, "12.50 XYZ"}, // no currency
		{"", 2, "12.50"},
	} {
		t.Run(string(c.currency), func(t *testing.T) {
			if got := c.currency.Exponent(); got != c.want {
				t.Errorf("exponent %d, want %d", got, c.want)
			}
			if got := New(number("12.5"), c.currency).Round(HalfUp).String(); got != c.text {
				t.Errorf("text %q, want %q", got, c.text)
			}
		})
	}
}

func TestParseCurrency(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"EUR", "EUR"}, {"eur", "EUR"}, {" Jpy\n", "JPY"}, {"SLL", "SLL"},
	} {
		if got, err := ParseCurrency(c.text); err != nil || string(got) != c.want {
			t.Errorf("ParseCurrency(%q) = %q, %v; want %q", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"", "EU", "EURO", "XYZ", "€", "XXX", "BTC", "E\x00R"} {
		got, err := ParseCurrency(text)
		if err == nil || got != "" {
			t.Errorf("ParseCurrency(%q) = %q, want an error", text, got)
		} else if !strings.Contains(err.Error(), "ISO 4217") {
			t.Errorf("ParseCurrency(%q): %v does not say what is wanted", text, err)
		}
	}
}
