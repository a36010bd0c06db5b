package store_test

import (
	"github.com/orderlyhq/orderly/money"
)

// amount is a decimal for a filter.
func amount(text string) *money.Decimal {
	d, err := money.ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return &d
}
