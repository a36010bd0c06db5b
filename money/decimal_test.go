package money

import (
	"math/big"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// anyNumber draws numbers of up to eighteen digits with up to twelve decimals.
var anyNumber = rapid.Custom(func(t *rapid.T) Decimal {
	digits := rapid.Int64Range(-1e18, 1e18).Draw(t, "digits")
	if rapid.Bool().Draw(t, "small") {
		digits %= 10000
	}
	return decimal.New(digits, -rapid.Int32Range(0, 12).Draw(t, "decimals"))
})

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"12.30", "12.3"}, {"-0.5", "-0.5"}, {"+7", "7"}, {" 1 ", "1"}, {".5", "0.5"}, {"5.", "5"}, {"007", "7"},
		{"1.2e3", "1200"}, {"1.2E+3", "1200"}, {"1.2e-3", "0.0012"}, {"1e0000040", "1" + strings.Repeat("0", 40)},
		{"1e-40", "0." + strings.Repeat("0", 39) + "1"}, {"\u22125", "-5"},
		{strings.Repeat("9", 64), strings.Repeat("9", 64)},
	} {
		if got, err := ParseDecimal(c.text); err != nil || got.String() != c.want {
			t.Errorf("ParseDecimal(%q) = %s, %v; want %s", c.text, got, err, c.want)
		}
	}
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "empty"},
		{"spaces", " \t\n", "empty"},
		{"words", "abc", `"abc" is no number`},
		{"a comma", "1,5", "is no number"},
		{"thousands", "1 000", "is no number"},
		{"two points", "1.2.3", "is no number"},
		{"a point", ".", "is no number"},
		{"a sign", "-", "is no number"},
		{"two signs", "--1", "is no number"},
		{"a sign inside", "1.-5", "is no number"},
		{"infinity", "Inf", "is no number"},
		{"not a number", "NaN", "is no number"},
		{"hexadecimal", "0x10", "is no number"},
		{"an underscore", "1_000", "is no number"},
		{"an exponent without digits", "1e", "is no number"},
		{"a broken exponent", "1e1.5", "is no number"},
		{"two exponents", "1e1e1", "is no number"},
		{"a huge exponent", "1e41", "out of range"},
		{"a tiny exponent", "1e-41", "out of range"},
		{"a hostile exponent", "1e999999999", "out of range"},
		{"a hostile exponent behind zeros", "1e+000999999999", "out of range"},
		{"too many digits", strings.Repeat("9", 65), "65 characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseDecimal(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, error %v, want %q in it", got, err, c.want)
			}
			if !got.IsZero() {
				t.Errorf("%s beside an error", got)
			}
		})
	}
}

// What is accepted has a bounded size and is exactly the number that the text says.
func FuzzParseDecimal(f *testing.F) {
	for _, seed := range []string{"12.30", "-1e-40", "1e40", "1E+5", ".5", "−1", "1e99", "0x1", "1_0", "e", "", "١"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDecimal(text)
		if err != nil {
			return
		}
		written := d.String()
		if len(written) > maxDigits+maxExponent+3 {
			t.Fatalf("%q became a number of %d characters", text, len(written))
		}
		want, ok := new(big.Rat).SetString(strings.ReplaceAll(strings.TrimSpace(text), "\u2212", "-"))
		if !ok || want.Cmp(d.Rat()) != 0 {
			t.Fatalf("%q was read as %s", text, written)
		}
	})
}

func TestRound(t *testing.T) {
	for _, c := range []struct{ in, up, even, down string }{
		{"0.005", "0.01", "0", "0"},
		{"0.015", "0.02", "0.02", "0.01"},
		{"0.025", "0.03", "0.02", "0.02"},
		{"-0.005", "-0.01", "0", "0"},
		{"-0.015", "-0.02", "-0.02", "-0.01"},
		{"-0.025", "-0.03", "-0.02", "-0.02"},
		{"0.0049999", "0", "0", "0"},
		{"0.0050001", "0.01", "0.01", "0.01"},
		{"-0.0050001", "-0.01", "-0.01", "-0.01"},
		{"2.5", "2.5", "2.5", "2.5"},
		{"9.995", "10", "10", "9.99"},
		{"9.985", "9.99", "9.98", "9.98"},
	} {
		for mode, want := range map[RoundingMode]string{HalfUp: c.up, HalfEven: c.even, HalfDown: c.down, "": c.up, "other": c.up} {
			if got := Round(number(c.in), 2, mode); !got.Equal(number(want)) {
				t.Errorf("%s to two decimals, %q: %s, want %s", c.in, mode, got, want)
			}
		}
	}
	for mode, want := range map[RoundingMode]string{HalfUp: "1300", HalfEven: "1200", HalfDown: "1200"} {
		if got := Round(number("1250"), -2, mode); !got.Equal(number(want)) {
			t.Errorf("1250 to hundreds, %s: %s, want %s", mode, got, want)
		}
	}
}

// Rounding gives the nearest multiple of the unit; of two that are equally near, the one that the
// mode says.
func TestRoundGivesTheNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, places := anyNumber.Draw(t, "number"), rapid.Int32Range(-2, 6).Draw(t, "places")
		mode := rapid.SampledFrom([]RoundingMode{HalfUp, HalfEven, HalfDown}).Draw(t, "mode")
		got := Round(d, places, mode)
		unit := decimal.New(1, -places)
		steps, rest := got.QuoRem(unit, 0)
		if !rest.IsZero() {
			t.Fatalf("%s is no multiple of %s", got, unit)
		}
		switch twice := got.Sub(d).Abs().Mul(number("2")); twice.Cmp(unit) {
		case 1:
			t.Fatalf("%s is not the nearest to %s", got, d)
		case 0:
			away := got.Abs().GreaterThan(d.Abs())
			even := steps.BigInt().Bit(0) == 0
			if (mode == HalfUp && !away) || (mode == HalfDown && away) || (mode == HalfEven && !even) {
				t.Fatalf("half of %s went to %s by %s", d, got, mode)
			}
		}
	})
}

func TestRoundToStep(t *testing.T) {
	for _, c := range []struct{ name, in, step, want string }{
		{"francs down", "12.32", "0.05", "12.30"},
		{"francs up", "12.33", "0.05", "12.35"},
		{"francs half", "12.325", "0.05", "12.35"},
		{"francs below zero", "-12.325", "0.05", "-12.35"},
		{"francs exact", "12.35", "0.05", "12.35"},
		{"crowns down", "99.49", "1", "99"},
		{"crowns half", "99.50", "1", "100"},
		{"crowns below zero", "-99.50", "1", "-100"},
		{"forints", "1232", "5", "1230"},
		{"nearly a half is below it", "0.02499999999999999999999", "0.05", "0"},
		{"a step that does not divide ten", "1", "0.3", "0.9"},
		{"no step", "12.32", "0", "12.32"},
		{"a step below zero", "12.32", "-0.05", "12.32"},
		{"nothing", "0", "0.05", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := RoundToStep(number(c.in), number(c.step)); !got.Equal(number(c.want)) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestPercent(t *testing.T) {
	if got := Percent(number("7.7")); !got.Equal(number("0.077")) {
		t.Errorf("7.7 %% is %s", got)
	}
}

func texts(list []Decimal) string {
	var b []string
	for _, d := range list {
		b = append(b, d.String())
	}
	return strings.Join(b, " ")
}

func numbers(text string) []Decimal {
	var list []Decimal
	for part := range strings.FieldsSeq(text) {
		list = append(list, number(part))
	}
	return list
}

func TestAllocate(t *testing.T) {
	for _, c := range []struct {
		name, total, weights string
		places               int32
		want                 string
	}{
		{"three equal lines", "10", "1 1 1", 2, "3.34 3.33 3.33"},
		{"a credit", "-10", "1 1 1", 2, "-3.34 -3.33 -3.33"},
		{"the largest remainder first", "1", "1 2 4", 2, "0.14 0.29 0.57"},
		{"yen", "100", "1 1 1", 0, "34 33 33"},
		{"dinars", "1", "1 1 1", 3, "0.334 0.333 0.333"},
		{"one line", "9.99", "5", 2, "9.99"},
		{"a line that is free", "10", "0 1 1", 2, "0 5 5"},
		{"a weight below zero counts as nothing", "10", "-3 1 1", 2, "0 5 5"},
		{"nothing has a weight", "10", "0 0 0", 2, "3.34 3.33 3.33"},
		{"all weights are below zero", "1", "-1 -2", 2, "0.5 0.5"},
		{"nothing to spread", "0", "1 2", 2, "0 0"},
		{"less than a unit a line", "0.02", "1 1 1", 2, "0.01 0.01 0"},
		{"finer than the unit", "10.005", "1 1", 2, "5.005 5"},
		{"finer than the unit, next in line", "10.005", "1 1 1", 2, "3.34 3.335 3.33"},
		{"finer than the unit, nothing for the free line", "0.001", "0 1", 2, "0 0.001"},
		{"weights with decimals", "1", "0.1 0.2", 2, "0.33 0.67"},
		{"no lines", "1", "", 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := texts(Allocate(number(c.total), numbers(c.weights), c.places)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestAllocateAddsUp(t *testing.T) {
	weight := rapid.Custom(func(t *rapid.T) Decimal {
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			return number("0")
		}
		return anyNumber.Draw(t, "weight")
	})
	rapid.Check(t, func(t *rapid.T) {
		total := anyNumber.Draw(t, "total")
		weights := rapid.SliceOfN(weight, 1, 12).Draw(t, "weights")
		places := rapid.Int32Range(0, 4).Draw(t, "places")
		before := texts(weights)

		parts := Allocate(total, weights, places)

		if len(parts) != len(weights) || texts(weights) != before {
			t.Fatalf("%d parts of %d weights, now %s", len(parts), len(weights), texts(weights))
		}
		sum, positive := Zero, Zero
		for i := range parts {
			sum = sum.Add(parts[i])
			if weights[i].IsPositive() {
				positive = positive.Add(weights[i])
			}
		}
		if !sum.Equal(total) {
			t.Fatalf("%s add up to %s, not to %s", texts(parts), sum, total)
		}
		unit := new(big.Rat).Abs(decimal.New(1, -places).Rat())
		dusty := 0
		for i, part := range parts {
			share := new(big.Rat) // exact
			switch {
			case positive.IsZero():
				share.Quo(total.Rat(), big.NewRat(int64(len(parts)), 1))
			case weights[i].IsPositive():
				share.Quo(new(big.Rat).Mul(total.Rat(), weights[i].Rat()), positive.Rat())
			}
			if off := new(big.Rat).Sub(part.Rat(), share); off.Abs(off).Cmp(unit) >= 0 {
				t.Fatalf("part %d is %s, a unit or more from its share %s", i, part, share.FloatString(12))
			}
			if part.Sign()*total.Sign() < 0 {
				t.Fatalf("part %d is %s of %s: another sign", i, part, total)
			}
			if !part.Equal(part.Truncate(places)) {
				dusty++
			}
		}
		if dusty > 1 {
			t.Fatalf("%s: %d parts are finer than the unit", texts(parts), dusty)
		}
		for i := range parts {
			for j := i + 1; j < len(parts); j++ {
				if dusty == 0 && weights[i].Equal(weights[j]) && parts[i].Abs().LessThan(parts[j].Abs()) {
					t.Fatalf("%s of %s: of equal weights, the later part is larger", texts(parts), texts(weights))
				}
			}
		}
	})
}
