package commerce

import (
	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/money"
)

// pricePlaces is the number of decimals kept when a price for one unit is worked out from a line's
// amounts; peers of ours lose cents by keeping fewer than six.
const pricePlaces = 10

// LineNet is price × quantity ÷ base quantity, rounded once to the currency's decimals
// (EN 16931 BT-131 before allowances).
func LineNet(price, quantity, base money.Decimal, currency money.Currency, mode money.RoundingMode) money.Decimal {
	if base.IsZero() {
		base = decimal.New(1, 0)
	}
	return money.Round(price.Mul(quantity).DivRound(base, 20), currency.Exponent(), mode)
}

// TaxOnNet is net × rate, rounded to the currency's decimals.
func TaxOnNet(net, rate money.Decimal, currency money.Currency, mode money.RoundingMode) money.Decimal {
	return money.Round(net.Mul(rate), currency.Exponent(), mode)
}

// TaxInGross is the tax that is inside a gross amount, rounded to the currency's decimals.
func TaxInGross(gross, rate money.Decimal, currency money.Currency, mode money.RoundingMode) money.Decimal {
	return money.Round(gross.Sub(NetOfGross(gross, rate)), currency.Exponent(), mode)
}

// NetOfGross is gross ÷ (1 + rate) with ten decimals: an amount to go on calculating with, not one
// to book.
func NetOfGross(gross, rate money.Decimal) money.Decimal {
	divisor := rate.Add(decimal.New(1, 0))
	if divisor.IsZero() {
		return gross
	}
	return gross.DivRound(divisor, pricePlaces)
}

// PerUnit is amount ÷ quantity with ten decimals; the amount itself when the quantity is zero.
func PerUnit(amount, quantity money.Decimal) money.Decimal {
	if quantity.IsZero() {
		return amount
	}
	return amount.DivRound(quantity, pricePlaces)
}
