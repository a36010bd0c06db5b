package money

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func number(text string) Decimal { return decimal.RequireFromString(text) }

func TestMoneyAsJSON(t *testing.T) {
	for _, c := range []struct{ amount, currency, want string }{
		{"12.3", "EUR", `{"amount":"12.30","currency":"EUR"}`},
		{"12", "EUR", `{"amount":"12.00","currency":"EUR"}`},
		{"-0.5", "EUR", `{"amount":"-0.50","currency":"EUR"}`},
		{"-0", "EUR", `{"amount":"0.00","currency":"EUR"}`},
		{"8.394958", "EUR", `{"amount":"8.394958","currency":"EUR"}`},
		{"8.3900", "EUR", `{"amount":"8.39","currency":"EUR"}`},
		{"1e3", "EUR", `{"amount":"1000.00","currency":"EUR"}`},
		{"0.1", "EUR", `{"amount":"0.10","currency":"EUR"}`}, // no float is exactly this
		{"9007199254740993.01", "EUR", `{"amount":"9007199254740993.01","currency":"EUR"}`},
		{"1000", "JPY", `{"amount":"1000","currency":"JPY"}`},
		{"1000.00", "CLP", `{"amount":"1000","currency":"CLP"}`},
		{"0.5", "JPY", `{"amount":"0.5","currency":"JPY"}`},
		{"1.5", "KWD", `{"amount":"1.500","currency":"KWD"}`},
		{"0", "", `{"amount":"0.00","currency":""}`},
		{"1", "E\"\x01", `{"amount":"1.00","currency":"E\"\u0001"}`},
	} {
		t.Run(c.want, func(t *testing.T) {
			m := New(number(c.amount), Currency(c.currency))
			got, err := json.Marshal(m)
			if err != nil || string(got) != c.want {
				t.Fatalf("written as %s, %v", got, err)
			}
			var back Money
			if err := json.Unmarshal(got, &back); err != nil || !back.Equal(m) {
				t.Errorf("read back as %s, %v", back, err)
			}
		})
	}
}

func TestMoneyFromJSON(t *testing.T) {
	for _, c := range []struct{ name, json, want string }{
		{"text", `{"amount":"12.30","currency":"EUR"}`, "12.30"},
		{"a number", `{"amount":12.30,"currency":"EUR"}`, "12.30"},
		{"a number with more digits than a float has", `{"amount":0.12345678901234567890123456789,"currency":"EUR"}`, "0.12345678901234567890123456789"},
		{"a large number", `{"amount":9007199254740993,"currency":"EUR"}`, "9007199254740993"},
		{"an exponent", `{"amount":1.23e2,"currency":"EUR"}`, "123"},
		{"escaped text", `{"amount":"1\u0032.3","currency":"EUR"}`, "12.3"},
		{"other names are ignored", `{"currency":"EUR","amount":"1","formatted":"1 €"}`, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Money
			if err := json.Unmarshal([]byte(c.json), &m); err != nil || m.Currency != "EUR" || !m.Amount.Equal(number(c.want)) {
				t.Errorf("%s, %v; want %s EUR", m, err, c.want)
			}
		})
	}
	for _, c := range []struct{ name, json, want string }{
		{"no amount", `{"currency":"EUR"}`, "missing"},
		{"an empty amount", `{"amount":"","currency":"EUR"}`, "missing"},
		{"a null amount", `{"amount":null,"currency":"EUR"}`, "missing"},
		{"nothing", `null`, "missing"},
		{"words", `{"amount":"twelve","currency":"EUR"}`, `"twelve" is no number`},
		{"a comma", `{"amount":"12,30","currency":"EUR"}`, "is no number"},
		{"true", `{"amount":true,"currency":"EUR"}`, "is no number"},
		{"an object", `{"amount":{},"currency":"EUR"}`, "is no number"},
		{"a list", `{"amount":["1"],"currency":"EUR"}`, "is no number"},
		{"a bare number", `12.30`, `want {"amount"`},
		{"a number as currency", `{"amount":"1","currency":978}`, `want {"amount"`},
		{"an exponent that costs memory", `{"amount":1e999999999,"currency":"EUR"}`, "out of range"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(number("7"), "EUR")
			err := json.Unmarshal([]byte(c.json), &m)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			if !m.Equal(New(number("7"), "EUR")) {
				t.Errorf("a failed reading has changed the amount to %s", m)
			}
		})
	}
}

func TestMoneySurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New(anyNumber.Draw(t, "amount"), rapid.SampledFrom([]Currency{"EUR", "JPY", "KWD", "CLF", ""}).Draw(t, "currency"))
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Money
		if err := json.Unmarshal(text, &back); err != nil || !back.Equal(m) {
			t.Fatalf("%s was read back as %s, %v", text, back, err)
		}
		var written struct{ Amount string }
		if err := json.Unmarshal(text, &written); err != nil {
			t.Fatal(err)
		}
		_, fraction, _ := strings.Cut(written.Amount, ".")
		if places := int(m.Currency.Exponent()); len(fraction) < places {
			t.Fatalf("%s has fewer than %d decimals", text, places)
		}
	})
}

func FuzzMoneyFromJSON(f *testing.F) {
	for _, seed := range []string{
		`{"amount":"12.30","currency":"EUR"}`, `{"amount":-1.5e-3,"currency":"KWD"}`, `{"amount":"1e40","currency":""}`,
		`{"amount":"−5","currency":"EUR"}`, `null`, `[]`, `{"amount":"0x1p-2"}`, `{"amount":".5","currency":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Money
		if json.Unmarshal(data, &m) != nil {
			return
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Money
		if err := json.Unmarshal(text, &back); err != nil || !back.Equal(m) {
			t.Fatalf("%s from %q was read back as %s, %v", text, data, back, err)
		}
	})
}

func TestParse(t *testing.T) {
	if m, err := Parse(" 12.30 ", "EUR"); err != nil || m.String() != "12.30 EUR" {
		t.Errorf("%s, %v", m, err)
	}
	if m, err := Parse("a lot", "EUR"); err == nil || m.Currency != "" {
		t.Errorf("%s, %v; want an error and nothing else", m, err)
	}
}

func TestEqual(t *testing.T) {
	if !New(number("1.5"), "EUR").Equal(New(number("1.50"), "EUR")) {
		t.Error("1.5 and 1.50 differ")
	}
	if New(number("1.5"), "EUR").Equal(New(number("1.5"), "USD")) {
		t.Error("EUR and USD are the same")
	}
	if New(number("1.5"), "EUR").Equal(New(number("1.5"), "EUR").Neg()) {
		t.Error("the sign does not count")
	}
	if !New(Zero, "EUR").IsZero() || New(number("0.001"), "EUR").IsZero() {
		t.Error("IsZero goes by rounded amounts")
	}
}

func TestSum(t *testing.T) {
	eur := func(text string) Money { return New(number(text), "EUR") }
	if got, err := Sum("EUR", eur("0.10"), eur("0.20"), eur("-0.05")); err != nil || got.String() != "0.25 EUR" {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := Sum("JPY"); err != nil || got.String() != "0 JPY" {
		t.Errorf("the sum of nothing is %s, %v", got, err)
	}
	if got, err := Sum("EUR", eur("1"), Money{}); err != nil || got.String() != "1.00 EUR" {
		t.Errorf("nothing in no currency is an obstacle: %s, %v", got, err)
	}
	got, err := Sum("EUR", eur("1"), New(number("2"), "USD"), New(number("3"), "GBP"))
	if err == nil || !strings.Contains(err.Error(), "2.00 USD") || got != (Money{}) {
		t.Errorf("%s, %v; want an error that names the first amount in another currency", got, err)
	}
}
