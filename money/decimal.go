package money

import (
	"fmt"
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
	if _, exponent, found := strings.Cut(strings.ToLower(text), "e"); found {
		exponent = strings.TrimLeft(exponent, "+-0")
		if len(exponent) > 2 || (len(exponent) == 2 && exponent > fmt.Sprint(maxExponent)) {
			return Zero, fmt.Errorf("money: the exponent of %q is out of range", text)
		}
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return Zero, fmt.Errorf("money: %q is no number", text)
	}
	return d, nil
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
			return d.Truncate(places)
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
	return d.Div(step).Round(0).Mul(step)
}

// Percent gives d per cent of one: 19 becomes 0.19.
func Percent(d Decimal) Decimal { return d.Shift(-2) }

// Allocate splits total over weights by largest remainder, in units of the given number of
// decimals: the parts always add up to total, each part differs from its exact share by less than
// one unit, and equal remainders are settled in favour of the earlier part. 10.00 over three equal
// weights is 3.34, 3.33, 3.33. Weights below zero count as zero; when all are zero the parts are
// equal. A remainder of total finer than the unit goes to the first part.
func Allocate(total Decimal, weights []Decimal, places int32) []Decimal {
	parts := make([]Decimal, len(weights))
	if len(weights) == 0 {
		return parts
	}
	clean, sum := cleanWeights(weights)
	negative := total.IsNegative()
	units := total.Abs().Shift(places)
	dust := units.Sub(units.Truncate(0))
	units = units.Truncate(0)

	// Shares are compared as exact numerators over the common denominator sum, so no division can
	// lose a digit.
	remainders := make([]Decimal, len(clean))
	left := units
	for i, w := range clean {
		share, remainder := units.Mul(w).QuoRem(sum, 0)
		parts[i], remainders[i] = share, remainder
		left = left.Sub(share)
	}
	one := decimal.New(1, 0)
	for left.IsPositive() {
		best := -1
		for i, r := range remainders {
			if clean[i].IsPositive() && (best < 0 || r.GreaterThan(remainders[best])) {
				best = i
			}
		}
		parts[best] = parts[best].Add(one)
		remainders[best] = remainders[best].Sub(sum)
		left = left.Sub(one)
	}
	parts[0] = parts[0].Add(dust)
	for i := range parts {
		parts[i] = parts[i].Shift(-places)
		if negative {
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
