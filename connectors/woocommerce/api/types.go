package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Text is a value that WooCommerce and its plug-ins write as a text, a number, a truth value or null:
// amounts, ids, SKUs. Numbers keep the digits that they have in the JSON. Anything else is "".
type Text string

// UnmarshalJSON takes any JSON value.
func (t *Text) UnmarshalJSON(data []byte) error {
	*t = ""
	switch {
	case len(data) == 0 || string(data) == "null" || data[0] == '[' || data[0] == '{':
		return nil
	case data[0] == '"' && bytes.IndexByte(data, '\\') < 0 && utf8.Valid(data):
		*t = Text(data[1 : len(data)-1]) // most texts are; many thousands are read
		return nil
	case data[0] == '"':
		return json.Unmarshal(data, (*string)(t))
	}
	*t = Text(data)
	return nil
}

// Flag is a truth value that may be written as true, 1, "1", "yes" or "true".
type Flag bool

// UnmarshalJSON takes any JSON value.
func (f *Flag) UnmarshalJSON(data []byte) error {
	var t Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	*f = Flag(t == "true" || t == "1" || t == "yes")
	return nil
}

// Time is a moment as WooCommerce writes it: "2026-11-23T06:37:27", without a zone. The fields whose
// name ends in _gmt are in UTC, the others in the shop's own time.
type Time struct{ time.Time }

// Layout is how WooCommerce writes times.
const Layout = "2006-01-02T15:04:05"

// UnmarshalJSON reads a time; null, false and "" are the zero time.
func (t *Time) UnmarshalJSON(data []byte) error {
	var text Text
	if err := text.UnmarshalJSON(data); err != nil {
		return err
	}
	*t = Time{}
	if text == "" || text == "false" {
		return nil
	}
	for _, layout := range []string{Layout, time.RFC3339, "2006-01-02 15:04:05"} {
		if at, err := time.Parse(layout, string(text)); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("%.40q is no time such as 2026-11-23T06:37:27", string(text))
}

// List is a JSON list, or the object with numbers as names that PHP makes of a list with gaps; null,
// false and "" are an empty one.
type List[T any] []T

// UnmarshalJSON reads either form.
func (l *List[T]) UnmarshalJSON(data []byte) error {
	*l = nil
	switch data[0] {
	case '[':
		return json.Unmarshal(data, (*[]T)(l))
	case '{':
		var numbered map[string]T
		if err := json.Unmarshal(data, &numbered); err != nil {
			return err
		}
		names := make([]string, 0, len(numbered))
		for name := range numbered {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int {
			x, err1 := strconv.Atoi(a)
			y, err2 := strconv.Atoi(b)
			if err1 == nil && err2 == nil {
				return x - y
			}
			return strings.Compare(a, b)
		})
		for _, name := range names {
			*l = append(*l, numbered[name])
		}
		return nil
	default:
		if bytes.Equal(data, []byte("null")) || bytes.Equal(data, []byte("false")) || bytes.Equal(data, []byte(`""`)) {
			return nil
		}
		return fmt.Errorf("%.40s is no list", data)
	}
}

// Object is a JSON object, or the empty list or null that PHP makes of one without fields.
type Object[T any] struct{ Value T }

// UnmarshalJSON reads either form.
func (o *Object[T]) UnmarshalJSON(data []byte) error {
	var zero T
	o.Value = zero
	if data[0] == '{' {
		return json.Unmarshal(data, &o.Value)
	}
	return nil
}

// Order is an order of wc/v3. Amounts are without tax unless the name says tax, also where the shop's
// prices include it.
type Order struct {
	ID            Text            `json:"id"`
	ParentID      Text            `json:"parent_id"`
	Number        Text            `json:"number"`
	Key           Text            `json:"order_key"`
	CreatedVia    Text            `json:"created_via"`
	Version       Text            `json:"version"`
	Status        Text            `json:"status"`
	Currency      Text            `json:"currency"`
	CreatedLocal  Text            `json:"date_created"`
	CreatedGMT    Time            `json:"date_created_gmt"`
	ModifiedGMT   Time            `json:"date_modified_gmt"`
	PaidGMT       Time            `json:"date_paid_gmt"`
	CompletedGMT  Time            `json:"date_completed_gmt"`
	PricesInclTax Flag            `json:"prices_include_tax"`
	CustomerID    Text            `json:"customer_id"`
	CustomerNote  Text            `json:"customer_note"`
	Billing       Object[Address] `json:"billing"`
	Shipping      Object[Address] `json:"shipping"`
	PaymentMethod Text            `json:"payment_method"`
	PaymentTitle  Text            `json:"payment_method_title"`
	TransactionID Text            `json:"transaction_id"`
	Total         Text            `json:"total"`
	TotalTax      Text            `json:"total_tax"`
	Meta          List[Meta]      `json:"meta_data"`
	// Lines are nil where there are none at all, which tells other records from orders.
	Lines         *List[Line]      `json:"line_items"`
	TaxLines      List[TaxLine]    `json:"tax_lines"`
	ShippingLines List[Shipping]   `json:"shipping_lines"`
	Fees          List[Fee]        `json:"fee_lines"`
	Coupons       List[Coupon]     `json:"coupon_lines"`
	Refunds       List[RefundHead] `json:"refunds"`
	GiftCards     List[GiftCard]   `json:"gift_cards"` // of the extension WooCommerce Gift Cards
	Links         Object[Links]    `json:"_links"`
}

// Address is a billing or shipping address; what is missing is "".
type Address struct {
	FirstName Text `json:"first_name"`
	LastName  Text `json:"last_name"`
	Company   Text `json:"company"`
	Address1  Text `json:"address_1"`
	Address2  Text `json:"address_2"`
	City      Text `json:"city"`
	State     Text `json:"state"`
	Postcode  Text `json:"postcode"`
	Country   Text `json:"country"`
	Email     Text `json:"email"`
	Phone     Text `json:"phone"`
}

// Meta is a field that a plug-in keeps with a record; its value may be anything.
type Meta struct {
	ID           Text            `json:"id"`
	Key          Text            `json:"key"`
	Value        json.RawMessage `json:"value"`
	DisplayKey   Text            `json:"display_key"`
	DisplayValue Text            `json:"display_value"`
}

// Text is the value where it is no list and no object.
func (m Meta) Text() string {
	var t Text
	if err := t.UnmarshalJSON(m.Value); err != nil {
		return ""
	}
	return string(t)
}

// Line is something sold. Its price is a JSON number with the noise of floating point and is not
// read: subtotal (before coupons) and total (after them) are exact.
type Line struct {
	ID          Text          `json:"id"`
	Name        Text          `json:"name"`
	ProductID   Text          `json:"product_id"`
	VariationID Text          `json:"variation_id"`
	Quantity    Text          `json:"quantity"`
	TaxClass    Text          `json:"tax_class"`
	Subtotal    Text          `json:"subtotal"`
	SubtotalTax Text          `json:"subtotal_tax"`
	Total       Text          `json:"total"`
	TotalTax    Text          `json:"total_tax"`
	Taxes       List[LineTax] `json:"taxes"`
	Meta        List[Meta]    `json:"meta_data"`
	SKU         Text          `json:"sku"`
	GTIN        Text          `json:"global_unique_id"`
	BundledBy   Text          `json:"bundled_by"`       // of the extension Product Bundles
	Composite   Text          `json:"composite_parent"` // of the extension Composite Products
}

// LineTax is a rate's part of a line's tax; an empty total says that the rate does not apply.
type LineTax struct {
	ID       Text `json:"id"` // of the rate
	Total    Text `json:"total"`
	Subtotal Text `json:"subtotal"`
}

// TaxLine is a rate with the taxes that it makes on the order.
type TaxLine struct {
	ID          Text `json:"id"`
	RateCode    Text `json:"rate_code"` // country-region-name-priority
	RateID      Text `json:"rate_id"`
	Label       Text `json:"label"`
	Compound    Flag `json:"compound"`
	TaxTotal    Text `json:"tax_total"`
	ShippingTax Text `json:"shipping_tax_total"`
	RatePercent Text `json:"rate_percent"` // absent before 3.7
}

// Shipping is a way of delivery and what it costs.
type Shipping struct {
	ID          Text          `json:"id"`
	MethodTitle Text          `json:"method_title"`
	MethodID    Text          `json:"method_id"`
	Total       Text          `json:"total"`
	TotalTax    Text          `json:"total_tax"`
	Taxes       List[LineTax] `json:"taxes"`
}

// Fee is an amount on top or, when it is below zero, off.
type Fee struct {
	ID       Text          `json:"id"`
	Name     Text          `json:"name"`
	Total    Text          `json:"total"`
	TotalTax Text          `json:"total_tax"`
	Taxes    List[LineTax] `json:"taxes"`
}

// Coupon is a code that was used; its discount is inside the lines already.
type Coupon struct {
	ID           Text       `json:"id"`
	Code         Text       `json:"code"`
	Discount     Text       `json:"discount"`
	DiscountTax  Text       `json:"discount_tax"`
	DiscountType Text       `json:"discount_type"`  // since 8.x
	Nominal      Text       `json:"nominal_amount"` // since 8.x
	FreeShipping Flag       `json:"free_shipping"`  // since 8.x
	Meta         List[Meta] `json:"meta_data"`
}

// RefundHead is a refund as an order names it; its total is below zero.
type RefundHead struct {
	ID     Text `json:"id"`
	Reason Text `json:"reason"`
	Total  Text `json:"total"`
}

// Refund is a refund as it is read by itself: its amount is positive, those of its parts are below zero.
type Refund struct {
	ID         Text           `json:"id"`
	CreatedGMT Time           `json:"date_created_gmt"`
	Amount     Text           `json:"amount"`
	Reason     Text           `json:"reason"`
	Lines      List[Line]     `json:"line_items"`
	Shipping   List[Shipping] `json:"shipping_lines"`
}

// GiftCard is a gift card that paid for a part of an order.
type GiftCard struct {
	ID     Text `json:"id"`
	Code   Text `json:"code"`
	Amount Text `json:"amount"`
}

// Links are the addresses of a record in the API.
type Links struct {
	Self List[struct {
		Href Text `json:"href"`
	}] `json:"self"`
}

// Customer is an account of the shop.
type Customer struct {
	ID          Text            `json:"id"`
	CreatedGMT  Time            `json:"date_created_gmt"`
	ModifiedGMT Time            `json:"date_modified_gmt"`
	Email       Text            `json:"email"`
	FirstName   Text            `json:"first_name"`
	LastName    Text            `json:"last_name"`
	Role        Text            `json:"role"`
	Username    Text            `json:"username"`
	Billing     Object[Address] `json:"billing"`
	Shipping    Object[Address] `json:"shipping"`
	Meta        List[Meta]      `json:"meta_data"`
	Links       Object[Links]   `json:"_links"`
}

// Webhook is a subscription. Its secret is never shown.
type Webhook struct {
	ID          json.Number `json:"id"`
	Name        string      `json:"name"`
	Status      string      `json:"status"` // active, paused or disabled
	Topic       string      `json:"topic"`
	DeliveryURL string      `json:"delivery_url"`
}

// Note is a remark on an order.
type Note struct {
	ID   json.Number `json:"id"`
	Note string      `json:"note"`
}
