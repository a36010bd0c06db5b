package fake

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

var gateways = []struct{ method, title, gateway string }{
	{"card", "Kreditkarte", "stripe"}, {"card", "Visa •••• 4242", "adyen"}, {"paypal", "PayPal", "paypal"},
	{"klarna", "Klarna", "klarna"}, {"apple_pay", "Apple Pay", "stripe"},
}

// payments says how the buyer pays: mostly at once and in full.
func (g *Generator) payments(order *commerce.Order) {
	total := order.Totals.TaxInclusive.Amount
	if !total.IsPositive() {
		order.PaymentState = commerce.PaymentPaid
		return
	}
	if g.options.GiftCards && g.chance(60) {
		total = g.spendGiftCard(order, total)
		if total.IsZero() {
			order.PaymentState = commerce.PaymentPaid
			return
		}
	}
	cod := slices.ContainsFunc(order.Charges, func(c commerce.Charge) bool { return c.Type == commerce.ChargeCOD })
	switch {
	case cod:
		g.owe(order, commerce.Payment{Method: "cod", Title: "Nachnahme"})
	case g.chance(100):
		g.owe(order, commerce.Payment{Method: "bank_transfer", Title: "Vorkasse / Überweisung"})
	case g.chance(60):
		g.owe(order, commerce.Payment{Method: "invoice", Title: "Kauf auf Rechnung"})
	case g.chance(80):
		g.card(order, "authorization", total)
		order.Payments[len(order.Payments)-1].State = commerce.PaymentAuthorized
		order.Payments[len(order.Payments)-1].Amount.Amount = money.Zero
		order.PaymentState = commerce.PaymentAuthorized
		if len(order.Payments) > 1 {
			order.PaymentState = commerce.PaymentPartiallyPaid
		}
	case g.chance(40):
		part := money.Round(total.Div(decimal.New(3, 0)), order.DocumentCurrency.Exponent(), money.HalfUp)
		if !part.IsPositive() {
			part = total
		}
		g.card(order, "capture", part)
		order.PaymentState = commerce.PaymentPaid
		if part.LessThan(total) {
			order.PaymentState = commerce.PaymentPartiallyPaid
		}
	default:
		g.card(order, "capture", total)
		order.PaymentState = commerce.PaymentPaid
	}
}

// spendGiftCard pays all or a part with a gift card and gives what is left.
func (g *Generator) spendGiftCard(order *commerce.Order, total money.Decimal) money.Decimal {
	amount := total
	if g.chance(600) {
		amount = money.Round(total.Div(decimal.New(2, 0)), order.DocumentCurrency.Exponent(), money.HalfDown)
	}
	if !amount.IsPositive() {
		return total
	}
	order.Payments = append(order.Payments, commerce.Payment{
		Method: "gift_card", Title: "Gift card", State: commerce.PaymentPaid, GiftCard: true,
		Amount: money.New(amount, order.DocumentCurrency), Reference: fmt.Sprintf("•••• %04x", g.random.IntN(0x10000)),
	})
	return total.Sub(amount)
}

// owe is a payment that is still to come.
func (g *Generator) owe(order *commerce.Order, p commerce.Payment) {
	p.State, p.Amount = commerce.PaymentPending, money.New(money.Zero, order.DocumentCurrency)
	order.PaymentState = commerce.PaymentPending
	if len(order.Payments) > 0 {
		order.PaymentState = commerce.PaymentPartiallyPaid
	}
	order.Payments = append(order.Payments, p)
}

// card is a payment at a gateway with its one transaction.
func (g *Generator) card(order *commerce.Order, kind string, amount money.Decimal) {
	way := pick(g, gateways)
	paid := money.New(amount, order.DocumentCurrency)
	reference := fmt.Sprintf("ch_%012x", g.random.Int64N(1<<48))
	order.Payments = append(order.Payments, commerce.Payment{
		Method: way.method, Title: way.title, Gateway: way.gateway, State: commerce.PaymentPaid, Amount: paid, Reference: reference,
		Transactions: []commerce.Transaction{{ID: reference, Type: kind, State: "success", Amount: paid, Reference: reference}},
	})
}
