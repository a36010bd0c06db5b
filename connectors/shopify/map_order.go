package shopify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	"github.com/orderlyhq/orderly/money"
)

// order translates an order as it stands: as it was sold, less what was taken off before it was sent
// (an edited order, cancelled units). What was sent and came back stays in it, beside the refund.
func (d decoder) order(o *api.Order) (commerce.Order, error) {
	m, err := d.mapper(o)
	if err != nil {
		return commerce.Order{}, err
	}
	out, err := m.order()
	if err != nil {
		return commerce.Order{}, err
	}
	if !d.presentment && o.PresentmentCurrency != "" && o.PresentmentCurrency != o.Currency {
		out.Presentment = d.seen(o)
	}
	return out, nil
}

// seen gives the totals that the buyer saw; nil where REST does not tell them all, as with a tip. How far
// they are paid is told in the shop's currency.
func (d decoder) seen(o *api.Order) *commerce.Totals {
	d.presentment = true
	m, err := d.mapper(o)
	if err != nil || o.TotalTip.Value.IsPositive() {
		return nil
	}
	m.unpaid = true
	out, err := m.order()
	if err != nil {
		return nil
	}
	return &out.Totals
}

// mapper translates one order in one of its currencies.
type mapper struct {
	decoder
	o        *api.Order
	currency money.Currency
	removed  map[api.ID]removal // by line item
	out      commerce.Order
	err      error
	// allocated is what lines and shipping lines were lowered by, as sold.
	allocated money.Decimal
	// saved and split are what each discount application saves, as it stands.
	saved map[int]*saving
	// dropped says that a shipping line was taken off; droppedGross and droppedTax are its amounts.
	dropped                  bool
	unpaid                   bool // payments and refunds are left out
	droppedGross, droppedTax money.Decimal
}

type saving struct{ net, tax, gross money.Decimal }

func (d decoder) mapper(o *api.Order) (*mapper, error) {
	field, code := "currency", o.Currency
	if d.presentment && o.PresentmentCurrency != "" {
		field, code = "presentment_currency", o.PresentmentCurrency
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return nil, connector.Invalid(field, "%q is no currency of ISO 4217", clip(code))
	}
	m := &mapper{decoder: d, o: o, currency: currency, saved: map[int]*saving{}}
	m.removed = m.removals()
	return m, m.err
}

func (m *mapper) order() (commerce.Order, error) {
	o := m.o
	m.out = commerce.Order{
		Source: commerce.Source{
			System: "shopify", ExternalID: string(o.ID), ExternalNumber: o.Name, UpdatedAt: o.UpdatedAt.Time,
		},
		OrderNumber: o.Name, OrderDate: o.ProcessedAt.Time, OrderType: commerce.OrderSale, OrderState: commerce.StateOpen,
		PaymentState: paymentState(o.FinancialStatus), FulfillmentState: fulfillmentState(o.FulfillmentStatus),
		CancelledAt: o.CancelledAt.Time, CancelReason: o.CancelReason, Test: o.Test, Channel: o.SourceName,
		Buyer: m.buyer(o), CustomerReference: o.PONumber,
		BillTo: address(o.BillingAddress, commerce.UseBilling), ShipTo: address(o.ShippingAddress, commerce.UseShipping),
		DocumentCurrency: m.currency, PricesIncludeTax: o.TaxesIncluded, TaxLevel: commerce.TaxByLine, RoundingMode: money.HalfUp,
		Extensions: m.extensions(),
	}
	if m.out.OrderNumber == "" {
		m.out.OrderNumber = string(o.OrderNumber)
	}
	if o.ProcessedAt.IsZero() {
		m.out.OrderDate = o.CreatedAt.Time
	}
	switch {
	case !o.CancelledAt.IsZero():
		m.out.OrderState = commerce.StateCancelled
	case !o.ClosedAt.IsZero():
		m.out.OrderState = commerce.StateComplete
	}
	if o.Note != "" {
		m.out.Notes = []commerce.Note{{Audience: "buyer", Text: o.Note}}
	}
	if o.PaymentTerms != nil {
		m.out.PaymentTerms = o.PaymentTerms.Name
	}
	if m.presentment && o.PresentmentCurrency != o.Currency {
		m.out.AccountingCurrency = money.Currency(o.Currency)
	}
	spread := m.orderTaxes()
	m.lines(spread)
	m.shipping(spread)
	m.charges()
	m.discounts()
	if !m.unpaid {
		m.payments()
		m.refunds()
		m.fulfillments()
	}
	m.totals()
	return m.out, m.err
}

func (m *mapper) extensions() map[string]string {
	out := map[string]string{}
	tags := slices.DeleteFunc(splitTags(m.o.Tags), func(t string) bool {
		return m.tagPrefix != "" && strings.HasPrefix(strings.ToLower(t), strings.ToLower(m.tagPrefix))
	})
	if len(tags) > 0 {
		slices.Sort(tags)
		out["tags"] = strings.Join(tags, ", ")
	}
	for _, a := range m.o.NoteAttributes {
		out["note_attribute."+a.Name] = string(a.Value)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// fail keeps the first error; index -1 is none.
func (m *mapper) fail(field string, index int, format string, args ...any) {
	if m.err == nil {
		if index >= 0 {
			list, rest, _ := strings.Cut(field, ".")
			field = fmt.Sprintf("%s[%d].%s", list, index, rest)
		}
		m.err = connector.Invalid(field, format, args...)
	}
}

// amount gives an amount in the document's currency: from the set where there is one, else the plain
// one, which is in the shop's. ok is false where neither is stated.
func (m *mapper) amount(field string, index int, plain api.Number, set *api.MoneySet) (amount money.Decimal, ok bool) {
	if set != nil {
		stated := set.Shop
		if m.presentment {
			stated = set.Presentment
		}
		if stated.Amount.Given {
			if stated.Currency != "" && stated.Currency != string(m.currency) {
				m.fail(field, index, "the amount is in %q but the order is in %q", clip(stated.Currency), m.currency)
			}
			return stated.Amount.Value, true
		}
	}
	if !plain.Given {
		return money.Zero, false
	}
	if m.presentment && string(m.currency) != m.o.Currency && !plain.Value.IsZero() {
		m.fail(field, index, "the amount is stated in the shop's currency only; set amounts: shop")
	}
	return plain.Value, true
}

func (m *mapper) money(d money.Decimal) money.Money { return money.New(d, m.currency) }

func (m *mapper) round(d money.Decimal) money.Decimal {
	return money.Round(d, m.currency.Exponent(), money.HalfUp)
}

// split gives net and gross of an amount in the sense of the order's prices.
func (m *mapper) split(amount, tax money.Decimal) (net, gross money.Money) {
	if m.o.TaxesIncluded {
		return m.money(amount.Sub(tax)), m.money(amount)
	}
	return m.money(amount), m.money(amount.Add(tax))
}

// incomplete names the field of an order that cannot be completed.
func incomplete(err error) error {
	if e, ok := errors.AsType[*commerce.FieldError](err); ok {
		return connector.Invalid(e.Field, "%s", e.Message)
	}
	return connector.Invalid("", "%v", err)
}

// totals states what the order states: its own sums while nothing was taken off, its current ones
// where all that was refunded was taken off, and else its own less what was taken off.
func (m *mapper) totals() {
	o := m.o
	total, hasTotal := m.amount("total_price", -1, o.TotalPrice, o.TotalPriceSet)
	tax, hasTax := m.amount("total_tax", -1, o.TotalTax, o.TotalTaxSet)
	current, hasCurrent := m.amount("current_total_price", -1, o.CurrentTotal, o.CurrentTotalSet)
	currentTax, hasCurrentTax := m.amount("current_total_tax", -1, o.CurrentTax, o.CurrentTaxSet)
	refunded := money.Zero
	for _, r := range m.out.Refunds {
		refunded = refunded.Add(r.Amount.Amount)
	}
	gone, goneTax := m.droppedGross, m.droppedTax
	for _, r := range m.removed {
		gone, goneTax = gone.Add(r.gross(o.TaxesIncluded)), goneTax.Add(r.tax)
	}
	changed := m.dropped || len(m.removed) > 0
	if !changed {
		m.out.TaxTotals = m.taxes("tax_lines", -1, o.TaxLines, money.Zero)
	}
	switch {
	case changed && hasCurrent && hasCurrentTax && !m.anyReturn():
		total, hasTotal, tax, hasTax = current, true, currentTax, true
	case changed:
		total, tax = total.Sub(gone), tax.Sub(goneTax)
	case !hasTotal && hasCurrent:
		total, hasTotal = current.Add(refunded), true
	}
	var stated commerce.Stated
	if hasTotal {
		stated.TaxInclusive = &total
	}
	if hasTax {
		stated.Tax = &tax
	}
	if rounding, ok := m.amount("total_cash_rounding_payment_adjustment_set", -1, api.Number{}, o.CashRoundingSet); ok && !rounding.IsZero() {
		stated.Rounding = &rounding
	}
	if back := m.removedMoney(); back.IsPositive() && !m.unpaid {
		prepaid := back.Neg()
		for _, p := range m.out.Payments {
			prepaid = prepaid.Add(p.Amount.Amount)
		}
		refunded = refunded.Sub(back)
		stated.Prepaid, stated.Refunded = &prepaid, &refunded
	}
	if m.err != nil {
		return
	}
	if err := m.out.Complete(stated); err != nil {
		m.err = incomplete(err)
		return
	}
	if shop, ok := o.TotalPrice, o.TotalPrice.Given; ok && m.out.AccountingCurrency != "" && total.IsPositive() && hasTotal {
		m.out.ExchangeRate = &commerce.ExchangeRate{Rate: shop.Value.DivRound(total, 10), Source: "shopify", At: m.out.OrderDate}
	}
}
