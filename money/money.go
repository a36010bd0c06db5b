// Package money holds exact decimal amounts, ISO 4217 currencies, rounding and allocation.
//
// It is the arithmetic under every total that Orderly writes into an ERP: nothing here is a
// floating-point number, not even while a value is read from or written to JSON. The package knows
// neither orders nor vendors.
package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Decimal is an exact decimal number: amounts, unit prices, quantities and rates.
type Decimal = decimal.Decimal

// Zero is the number 0.
var Zero = decimal.Zero

// Money is an amount in a currency. Its JSON form is {"amount":"12.30","currency":"EUR"}: the
// amount is text with at least the currency's own number of decimals and more where they matter
// (unit prices). The zero Money has no currency.
type Money struct {
	Amount   Decimal
	Currency Currency
}

// New gives an amount in a currency; the amount is kept with all its decimals.
func New(amount Decimal, currency Currency) Money {
	return Money{Amount: amount, Currency: currency}
}

// Parse reads an amount from text such as "12.30" in a currency.
func Parse(amount string, currency Currency) (Money, error) {
	d, err := ParseDecimal(amount)
	if err != nil {
		return Money{}, err
	}
	return New(d, currency), nil
}

// IsZero says whether the amount is 0, in whatever currency.
func (m Money) IsZero() bool { return m.Amount.IsZero() }

// Neg gives the amount with the other sign.
func (m Money) Neg() Money { return New(m.Amount.Neg(), m.Currency) }

// Round gives the amount rounded to the decimals of its currency.
func (m Money) Round(mode RoundingMode) Money {
	return New(Round(m.Amount, m.Currency.Exponent(), mode), m.Currency)
}

// Equal says whether both are the same amount in the same currency; 1.5 and 1.50 are the same.
func (m Money) Equal(other Money) bool {
	return m.Currency == other.Currency && m.Amount.Equal(other.Amount)
}

// String gives "12.30 EUR".
func (m Money) String() string {
	return strings.TrimSpace(m.text() + " " + string(m.Currency))
}

// text is the amount with at least the currency's decimals, and no trailing zeros beyond them.
func (m Money) text() string {
	places := m.Currency.Exponent()
	if exact := decimals(m.Amount); exact > places {
		places = exact
	}
	return m.Amount.StringFixed(places)
}

// decimals is the number of decimals that a number needs to be written exactly.
func decimals(d Decimal) int32 {
	text := d.String() // without an exponent; trailing zeros may be there
	_, fraction, found := strings.Cut(text, ".")
	if !found {
		return 0
	}
	return int32(len(strings.TrimRight(fraction, "0")))
}

// MarshalJSON writes {"amount":"12.30","currency":"EUR"}.
func (m Money) MarshalJSON() ([]byte, error) {
	currency, err := json.Marshal(string(m.Currency))
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"amount":"%s","currency":%s}`, m.text(), currency), nil
}

// UnmarshalJSON reads the form that MarshalJSON writes; the amount may also be a JSON number, whose
// digits are taken as they stand.
func (m *Money) UnmarshalJSON(data []byte) error {
	var raw struct {
		Amount   digits   `json:"amount"`
		Currency Currency `json:"currency"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("money: want {\"amount\":\"12.30\",\"currency\":\"EUR\"}: %w", err)
	}
	if raw.Amount == "" {
		return errors.New(`money: "amount" is missing`)
	}
	d, err := ParseDecimal(string(raw.Amount))
	if err != nil {
		return err
	}
	*m = New(d, raw.Currency)
	return nil
}

// digits is a number as it is written in JSON, as text or as a number.
type digits string

func (d *digits) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(d))
	}
	if string(data) != "null" {
		*d = digits(data)
	}
	return nil
}

// Sum adds amounts that are all in the one currency; it fails on the first that is not. The sum of
// nothing is zero.
func Sum(currency Currency, amounts ...Money) (Money, error) {
	total := New(Zero, currency)
	for _, m := range amounts {
		if m.Currency != currency && !m.IsZero() {
			return Money{}, fmt.Errorf("money: cannot add %s to a sum in %s", m, currency)
		}
		total.Amount = total.Amount.Add(m.Amount)
	}
	return total, nil
}
