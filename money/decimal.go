package money

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Bounds of a number that comes from outside. They are far beyond what any shop or ERP writes and
// keep a hostile "1e999999999" from costing memory.
const (
	maxDigits   = 64
	maxExponent = 40
)

// ParseDecimal reads a number such as "12.30", "-0.5" or "1.2e3" exactly. It refuses what is no
// number and numbers out of any sensible size.
func ParseDecimal(text string) (Decimal, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Zero, fmt.Errorf("money: empty text is no number")
	}
	if len(text) > maxDigits {
		return Zero, fmt.Errorf("money: a number of %d characters is longer than the %d that are accepted", len(text), maxDigits)
	}
	if tooLarge(text) {
		return Zero, fmt.Errorf("money: the exponent of %q is out of range", text)
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return Zero, fmt.Errorf("money: %q is no number", text)
	}
	return d, nil
}

// tooLarge says whether the text has an exponent that is a number out of bounds.
func tooLarge(text string) bool {
	_, exponent, found := strings.Cut(strings.ToLower(text), "e")
	if !found || strings.ContainsFunc(exponent, func(r rune) bool { return r != '+' && r != '-' && (r < '0' || r > '9') }) {
		return false
	}
	exponent = strings.TrimLeft(exponent, "+-0")
	return len(exponent) > 2 || (len(exponent) == 2 && exponent > strconv.Itoa(maxExponent))
}

// RoundingMode says which way a half goes.
type RoundingMode string

// Rounding modes; shops mostly round half up, commercetools defaults to half even.
const (
	HalfUp   RoundingMode = "half_up"   // away from zero
	HalfEven RoundingMode = "half_even" // to the even neighbour
	HalfDown RoundingMode = "half_down" // towards zero
)

// Round gives d with the given number of decimals. An unknown mode rounds half up.
func Round(d Decimal, places int32, mode RoundingMode) Decimal {
	switch mode {
	case HalfEven:
		return d.RoundBank(places)
	case HalfDown:
		rounded := d.Round(places)
		half := decimal.New(5, -places-1)
		if rounded.Sub(d).Abs().Equal(half) {
			return d.RoundDown(places)
		}
		return rounded
	default:
		return d.Round(places)
	}
}

// RoundToStep rounds half up to a multiple of step, as cash rounding does (CHF 0.05, SEK 1). A step
// that is not positive leaves d as it is.
func RoundToStep(d, step Decimal) Decimal {
	if !step.IsPositive() {
		return d
	}
	// Exact, because a quotient cut to some decimals may land on a half that the number is below.
	steps, rest := d.QuoRem(step, 0)
	if rest.Abs().Mul(decimal.New(2, 0)).GreaterThanOrEqual(step) {
		steps = steps.Add(decimal.New(int64(d.Sign()), 0))
	}
	return steps.Mul(step)
}

// Percent gives d per cent of one: 19 becomes 0.19.
func Percent(d Decimal) Decimal { return d.Shift(-2) }

// Allocate splits total over weights by largest remainder, in units of the given number of
// decimals: the parts always add up to total, each part differs from its exact share by less than
// one unit, and equal remainders are settled in favour of the earlier part. 10.00 over three equal
// weights is 3.34, 3.33, 3.33. A weight that is not positive gets nothing, but when all are so the
// parts are equal. A remainder of total finer than the unit stays in one piece, in the part that was
// next in line.
func Allocate(total Decimal, weights []Decimal, places int32) []Decimal {
	parts := make([]Decimal, len(weights))
	if len(weights) == 0 {
		return parts
	}
	clean, sum := cleanWeights(weights)
	units := total.Abs().Shift(places)

	// Shares are compared as exact numerators over the common denominator sum, so no division can
	// lose a digit.
	remainders := make([]Decimal, len(clean))
	left := units
	order := make([]int, len(clean))
	for i, w := range clean {
		parts[i], remainders[i] = units.Mul(w).QuoRem(sum, 0)
		left = left.Sub(parts[i])
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return remainders[b].Cmp(remainders[a]) })
	one := decimal.New(1, 0)
	for _, i := range order {
		if !left.IsPositive() {
			break
		}
		more := decimal.Min(one, left)
		parts[i] = parts[i].Add(more)
		left = left.Sub(more)
	}
	for i := range parts {
		parts[i] = parts[i].Shift(-places)
		if total.IsNegative() {
			parts[i] = parts[i].Neg()
		}
	}
	return parts
}

func cleanWeights(weights []Decimal) ([]Decimal, Decimal) {
	clean := make([]Decimal, len(weights))
	sum := Zero
	for i, w := range weights {
		if w.IsPositive() {
			clean[i] = w
		}
		sum = sum.Add(clean[i])
	}
	if sum.IsZero() {
		one := decimal.New(1, 0)
		for i := range clean {
			clean[i] = one
		}
		sum = decimal.New(int64(len(clean)), 0)
	}
	return clean, sum
}
