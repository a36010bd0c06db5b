package woocommerce

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
	"github.com/orderlyhq/orderly/money"
)

// decodeOrder translates an order. refunds are its refunds as they are read by themselves; without
// them the order's own list is used, which has no lines.
func decodeOrder(o api.Order, refunds []api.Refund) (commerce.Order, error) {
	switch {
	case o.ID == "" || o.ID == "0":
		return commerce.Order{}, connector.Invalid("id", "is missing: this is no order of WooCommerce")
	case o.Lines == nil:
		return commerce.Order{}, connector.Invalid("line_items", "are missing: this is no order of WooCommerce")
	}
	currency, err := money.ParseCurrency(string(o.Currency))
	if err != nil {
		e := connector.Invalid("currency", "is no ISO 4217 currency code")
		e.Value = limit(string(o.Currency), 10)
		return commerce.Order{}, e
	}
	out := commerce.Order{
		Source:           source(o.ID, o.Links.Value, "post.php?action=edit&post="),
		OrderNumber:      cmp.Or(plainText(o.Number), string(o.ID)),
		OrderDate:        o.CreatedGMT.Time,
		OrderType:        commerce.OrderSale,
		Channel:          channel(string(o.CreatedVia)),
		DocumentCurrency: currency,
		PricesIncludeTax: bool(o.PricesInclTax),
		TaxLevel:         commerce.TaxByLine,
		RoundingMode:     money.HalfUp,
	}
	if out.PricesIncludeTax {
		// WooCommerce rounds half of a cent of tax down where prices include it (wc_get_tax_rounding_mode).
		out.RoundingMode = money.HalfDown
	}
	out.Source.ExternalNumber, out.Source.UpdatedAt = out.OrderNumber, o.ModifiedGMT.Time
	people(&out, o)
	m := amounts{order: &out, given: o, sold: *o.Lines, currency: currency}
	if err := m.read(refunds); err != nil {
		return commerce.Order{}, err
	}
	states(&out, o)
	out.Extensions = extensions(o)
	stated := commerce.Stated{Tax: &m.totalTax, TaxInclusive: &m.total}
	if err := out.Complete(stated); err != nil {
		return commerce.Order{}, invalid(err)
	}
	return out, nil
}

// invalid turns an error of the model into one of the contract.
func invalid(err error) error {
	field, message, found := strings.Cut(err.Error(), " ")
	if !found {
		return connector.Invalid("body", "%s", err)
	}
	return connector.Invalid(field, "%s", message)
}

// channel names how the order came about. A "checkout" of either kind is the web shop's.
func channel(createdVia string) string {
	switch createdVia {
	case "", "checkout", "store-api":
		return "web"
	case "pos-rest-api":
		return "pos"
	default:
		return createdVia
	}
}

// people fills who bought and where it goes.
func people(out *commerce.Order, o api.Order) {
	billing := o.Billing.Value
	out.Buyer = buyer(plainText(billing.FirstName), plainText(billing.LastName), billing)
	out.Buyer.DisplayName = cmp.Or(out.Buyer.DisplayName, out.Buyer.Email())
	if id := string(o.CustomerID); id != "" && id != "0" { // 0 is a guest, known e-mail address or not
		out.Buyer.Source = commerce.Source{System: System, Store: out.Source.Store, ExternalID: id}
	}
	out.Buyer.TaxIDs = taxIDs(o.Meta, strings.ToUpper(plainText(billing.Country)))
	out.Buyer.TaxExempt = metaText(o.Meta, []string{"is_vat_exempt"}) == "yes"
	out.CustomerReference = metaText(o.Meta, purchaseOrderKeys)
	out.BillTo = address(billing, commerce.UseBilling)
	out.ShipTo = address(o.Shipping.Value, commerce.UseShipping)
	if out.ShipTo == nil && out.BillTo != nil {
		// An empty one means: the same as billing.
		same := *out.BillTo
		same.Use, same.Email = commerce.UseShipping, ""
		out.ShipTo = &same
	}
	if note := strings.TrimSpace(string(o.CustomerNote)); note != "" {
		out.Notes = []commerce.Note{{Audience: "buyer", Text: note}}
	}
}

// states translates the one status into the three states; a status of a plug-in is unknown, never
// dropped, and stands in extensions.
func states(out *commerce.Order, o api.Order) {
	paid := !o.PaidGMT.IsZero()
	out.PaymentState = commerce.PaymentPending
	if paid {
		out.PaymentState = commerce.PaymentPaid
	}
	out.FulfillmentState = commerce.FulfillmentPending
	switch strings.TrimPrefix(string(o.Status), "wc-") {
	case "pending", "on-hold":
		out.OrderState = commerce.StateOpen
	case "processing":
		out.OrderState = commerce.StateConfirmed
	case "completed":
		out.OrderState, out.FulfillmentState = commerce.StateComplete, commerce.FulfillmentShipped
	case "cancelled", "trash":
		out.OrderState, out.FulfillmentState = commerce.StateCancelled, commerce.FulfillmentCancelled
		if !paid {
			out.PaymentState = commerce.PaymentVoided
		}
	case "failed":
		out.OrderState, out.PaymentState = commerce.StateOpen, commerce.PaymentFailed
	case "refunded":
		out.OrderState, out.PaymentState, out.FulfillmentState = commerce.StateComplete, commerce.PaymentRefunded, commerce.FulfillmentUnknown
	case "checkout-draft", "auto-draft", "draft":
		out.OrderState, out.OrderType = commerce.StateOpen, commerce.OrderDraft
	default:
		out.OrderState, out.FulfillmentState = commerce.StateUnknown, commerce.FulfillmentUnknown
		if !paid {
			out.PaymentState = commerce.PaymentUnknown
		}
	}
	if out.PaymentState == commerce.PaymentPaid && len(out.Refunds) > 0 {
		out.PaymentState = commerce.PaymentPartiallyRefunded
	}
	for i := range out.Payments {
		if out.Payments[i].GiftCard {
			continue
		}
		// Money went back by refunds, which the payment itself does not say.
		out.Payments[i].State = out.PaymentState
		if paid {
			out.Payments[i].State = commerce.PaymentPaid
		}
	}
}

// draft says whether a status is that of an order that is not one yet: an unfinished checkout, or a
// form that somebody opened in the admin.
func draft(status api.Text) bool {
	switch strings.TrimPrefix(string(status), "wc-") {
	case "checkout-draft", "auto-draft", "draft":
		return true
	default:
		return false
	}
}

const (
	maxExtensions = 50
	maxExtension  = 200
)

// extensions keeps what plug-ins show of an order. Fields that begin with _ are their private state,
// which changes by itself.
func extensions(o api.Order) map[string]string {
	out := map[string]string{"status": string(o.Status)}
	if o.CreatedVia != "" {
		out["created_via"] = string(o.CreatedVia)
	}
	for _, m := range o.Meta {
		key, text := string(m.Key), m.Text()
		if key == "" || strings.HasPrefix(key, "_") || text == "" || len(text) > maxExtension || len(out) >= maxExtensions {
			continue
		}
		out["meta."+limit(key, maxExtension)] = text
	}
	return out
}

// fieldOf names a field of a part: fieldOf("line_items", 2, "total").
func fieldOf(list string, i int, name string) string { return fmt.Sprintf("%s[%d].%s", list, i, name) }
