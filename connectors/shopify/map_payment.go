package shopify

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	"github.com/orderlyhq/orderly/money"
)

const giftCardGateway = "gift_card"

func paymentState(status string) commerce.PaymentState {
	switch status {
	case "pending", "expired":
		return commerce.PaymentPending
	case "authorized":
		return commerce.PaymentAuthorized
	case "partially_paid":
		return commerce.PaymentPartiallyPaid
	case "paid":
		return commerce.PaymentPaid
	case "partially_refunded":
		return commerce.PaymentPartiallyRefunded
	case "refunded":
		return commerce.PaymentRefunded
	case "voided":
		return commerce.PaymentVoided
	}
	return commerce.PaymentUnknown
}

func fulfillmentState(status string) commerce.FulfillmentState {
	switch status {
	case "", "unfulfilled", "pending", "pending_fulfillment", "open", "in_progress", "scheduled", "request_declined":
		return commerce.FulfillmentPending
	case "partial":
		return commerce.FulfillmentPartial
	case "fulfilled":
		return commerce.FulfillmentShipped
	case "restocked":
		return commerce.FulfillmentReturned
	case "on_hold":
		return commerce.FulfillmentOnHold
	}
	return commerce.FulfillmentUnknown
}

// payments gives one payment for each way of paying: from the transactions where they are known, else
// from the names of the ways and the sum that was received, which is certain for one way only.
func (m *mapper) payments() {
	if len(m.o.Transactions) > 0 {
		if payments, ok := m.settled(); ok {
			m.out.Payments = payments
			return
		}
	}
	received := m.received()
	for i, gateway := range m.o.PaymentGatewayNames {
		p := commerce.Payment{Method: gateway, Gateway: gateway, GiftCard: gateway == giftCardGateway, Amount: m.money(money.Zero), State: m.out.PaymentState}
		if i == 0 {
			p.Amount = m.money(received)
		}
		m.out.Payments = append(m.out.Payments, p)
	}
	if len(m.o.PaymentGatewayNames) == 0 && received.IsPositive() {
		m.out.Payments = []commerce.Payment{{Method: "unknown", State: m.out.PaymentState, Amount: m.money(received)}}
	}
}

// received is the money that came in, less nothing that went back.
func (m *mapper) received() money.Decimal {
	switch m.out.PaymentState {
	case commerce.PaymentPaid, commerce.PaymentPartiallyPaid, commerce.PaymentPartiallyRefunded, commerce.PaymentRefunded:
	default:
		return money.Zero
	}
	due, ok := m.amount("current_total_price", -1, m.o.CurrentTotal, m.o.CurrentTotalSet)
	if !ok {
		due, _ = m.amount("total_price", -1, m.o.TotalPrice, m.o.TotalPriceSet)
	} else {
		for i := range m.o.Refunds {
			due = due.Add(m.moneyBack(&m.o.Refunds[i]))
		}
	}
	outstanding, ok := m.amount("total_outstanding", -1, m.o.TotalOutstanding, m.o.TotalOutstandingSet)
	if !ok && m.out.PaymentState == commerce.PaymentPartiallyPaid {
		return money.Zero // how much is not told
	}
	return decimal.Max(due.Sub(outstanding), money.Zero)
}

// settled gives the payments from the transactions; ok is false where these are in another currency.
func (m *mapper) settled() (payments []commerce.Payment, ok bool) {
	for i := range m.o.Transactions {
		t := &m.o.Transactions[i]
		amount, known := m.transacted(t)
		if !known {
			return nil, false
		}
		kind := transactionType(t.Kind)
		if kind == "" {
			continue // a suggestion, not a movement
		}
		at := slices.IndexFunc(payments, func(p commerce.Payment) bool { return p.Gateway == t.Gateway })
		if at < 0 {
			payments = append(payments, commerce.Payment{
				PaymentID: string(t.ID), Method: t.Gateway, Title: t.Title, Gateway: t.Gateway,
				GiftCard: t.Gateway == giftCardGateway, State: commerce.PaymentPending, Amount: m.money(money.Zero),
			})
			at = len(payments) - 1
		}
		apply(&payments[at], t, kind, amount)
		payments[at].Transactions = append(payments[at].Transactions, commerce.Transaction{
			ID: string(t.ID), Type: kind, State: transactionState(t.Status), Amount: m.money(amount),
			At: t.Happened(), Reference: t.Reference, Parent: string(t.ParentID),
		})
	}
	return payments, true
}

// apply brings a payment forward by one transaction.
func apply(p *commerce.Payment, t *api.Transaction, kind string, amount money.Decimal) {
	if t.Status != "success" {
		if p.State == commerce.PaymentPending && (t.Status == "failure" || t.Status == "error") {
			p.State = commerce.PaymentFailed
		}
		return
	}
	switch kind {
	case "capture":
		p.Amount.Amount = p.Amount.Amount.Add(amount)
		p.State, p.PaidAt = commerce.PaymentPaid, t.Happened()
		if p.Reference == "" {
			p.Reference = t.Reference
		}
	case "adjustment": // change that was given out in cash
		p.Amount.Amount = p.Amount.Amount.Sub(amount)
	case "authorization":
		if p.State != commerce.PaymentPaid {
			p.State = commerce.PaymentAuthorized
		}
	case "void":
		if p.State != commerce.PaymentPaid {
			p.State = commerce.PaymentVoided
		}
	}
}

func transactionType(kind string) string {
	switch kind {
	case "sale", "capture":
		return "capture"
	case "authorization", "emv_authorization":
		return "authorization"
	case "void", "refund":
		return kind
	case "change":
		return "adjustment"
	case "suggested_refund":
		return ""
	}
	return "adjustment"
}

func transactionState(status string) string {
	switch status {
	case "success":
		return "success"
	case "failure", "error":
		return "failure"
	case "pending", "awaiting_response":
		return "pending"
	}
	return "unknown"
}

// transacted gives a transaction's amount in the document's currency; ok is false where it is stated
// in another.
func (m *mapper) transacted(t *api.Transaction) (money.Decimal, bool) {
	if t.AmountSet != nil {
		return m.amount("transactions.amount_set", -1, t.Amount, t.AmountSet)
	}
	if t.Currency != "" && !strings.EqualFold(t.Currency, string(m.currency)) {
		return money.Zero, false
	}
	return t.Amount.Value, t.Amount.Given
}
