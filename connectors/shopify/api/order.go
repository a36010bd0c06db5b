package api

import "time"

// Order is an order as REST and webhooks write it. Amounts come twice: plain in the shop's currency
// and, since 2018, as a set with the currency that the buyer saw beside it.
// (shopify.dev/docs/api/admin-rest/latest/resources/order)
type Order struct {
	ID           ID     `json:"id"`
	Name         string `json:"name"` // "#1001", the number that people see
	OrderNumber  ID     `json:"order_number"`
	CreatedAt    Time   `json:"created_at"`
	ProcessedAt  Time   `json:"processed_at"`
	UpdatedAt    Time   `json:"updated_at"`
	ClosedAt     Time   `json:"closed_at"`
	CancelledAt  Time   `json:"cancelled_at"`
	CancelReason string `json:"cancel_reason"`
	Test         bool   `json:"test"`

	FinancialStatus   string `json:"financial_status"`
	FulfillmentStatus string `json:"fulfillment_status"` // null until something is sent

	Currency            string `json:"currency"`
	PresentmentCurrency string `json:"presentment_currency"`
	TaxesIncluded       bool   `json:"taxes_included"`
	DutiesIncluded      bool   `json:"duties_included"`

	Email          string      `json:"email"`
	ContactEmail   string      `json:"contact_email"`
	Phone          string      `json:"phone"`
	Note           string      `json:"note"`
	NoteAttributes []Attribute `json:"note_attributes"`
	Tags           string      `json:"tags"` // separated by commas
	PONumber       string      `json:"po_number"`
	SourceName     string      `json:"source_name"`
	CustomerLocale string      `json:"customer_locale"`
	Company        *Company    `json:"company"` // of a B2B order

	Customer        *Customer `json:"customer"`
	BillingAddress  *Address  `json:"billing_address"`
	ShippingAddress *Address  `json:"shipping_address"`

	LineItems            []LineItem            `json:"line_items"`
	ShippingLines        []ShippingLine        `json:"shipping_lines"`
	TaxLines             []TaxLine             `json:"tax_lines"`
	DiscountApplications []DiscountApplication `json:"discount_applications"`
	DiscountCodes        []DiscountCode        `json:"discount_codes"`
	Refunds              []Refund              `json:"refunds"`
	Fulfillments         []Fulfillment         `json:"fulfillments"`
	PaymentTerms         *PaymentTerms         `json:"payment_terms"`
	PaymentGatewayNames  []string              `json:"payment_gateway_names"`
	// Transactions are no part of REST's order: they are a list of their own, which a fetch puts here.
	Transactions []Transaction `json:"transactions"`
	// AdditionalFees are stated one by one in GraphQL only.
	AdditionalFees []AdditionalFee `json:"additional_fees"`

	TotalPrice          Number    `json:"total_price"`
	TotalPriceSet       *MoneySet `json:"total_price_set"`
	CurrentTotal        Number    `json:"current_total_price"`
	CurrentTotalSet     *MoneySet `json:"current_total_price_set"`
	TotalTax            Number    `json:"total_tax"`
	TotalTaxSet         *MoneySet `json:"total_tax_set"`
	CurrentTax          Number    `json:"current_total_tax"`
	CurrentTaxSet       *MoneySet `json:"current_total_tax_set"`
	TotalDiscounts      Number    `json:"total_discounts"`
	TotalDiscountsSet   *MoneySet `json:"total_discounts_set"`
	TotalTip            Number    `json:"total_tip_received"`
	TotalTipSet         *MoneySet `json:"total_tip_received_set"` // GraphQL only
	TotalOutstanding    Number    `json:"total_outstanding"`
	TotalOutstandingSet *MoneySet `json:"total_outstanding_set"` // GraphQL only
	DutiesSet           *MoneySet `json:"original_total_duties_set"`
	FeesSet             *MoneySet `json:"original_total_additional_fees_set"`
	CashRoundingSet     *MoneySet `json:"total_cash_rounding_payment_adjustment_set"`
}

// MoneySet is an amount in the shop's currency and in the one that the buyer saw (GraphQL's MoneyBag).
type MoneySet struct {
	Shop        Money `json:"shop_money"`
	Presentment Money `json:"presentment_money"`
}

// Money is an amount and its currency.
type Money struct {
	Amount   Number `json:"amount"`
	Currency string `json:"currency_code"`
}

// Attribute is a name and value that the shop's theme or an app attaches.
type Attribute struct {
	Name  string `json:"name"`
	Value Text   `json:"value"`
}

// Company is the buying company of a B2B order.
type Company struct {
	ID         ID `json:"id"`
	LocationID ID `json:"location_id"`
}

// LineItem is something sold. Price is for one unit and before discounts.
type LineItem struct {
	ID               ID          `json:"id"`
	Name             string      `json:"name"`
	Title            string      `json:"title"`
	VariantTitle     string      `json:"variant_title"`
	SKU              string      `json:"sku"`
	ProductID        ID          `json:"product_id"`
	VariantID        ID          `json:"variant_id"`
	Quantity         Number      `json:"quantity"`         // as ordered
	CurrentQuantity  Number      `json:"current_quantity"` // less what was removed or refunded
	Fulfillable      Number      `json:"fulfillable_quantity"`
	GiftCard         bool        `json:"gift_card"`
	RequiresShipping bool        `json:"requires_shipping"`
	Taxable          bool        `json:"taxable"`
	Properties       []Attribute `json:"properties"`
	Price            Number      `json:"price"`
	PriceSet         *MoneySet   `json:"price_set"`
	// TotalDiscount is what old versions gave in place of allocations; since then it is "0.00" mostly.
	TotalDiscount    Number       `json:"total_discount"`
	TotalDiscountSet *MoneySet    `json:"total_discount_set"`
	TaxLines         []TaxLine    `json:"tax_lines"`
	Allocations      []Allocation `json:"discount_allocations"`
	Duties           []Duty       `json:"duties"`
	// Tip is there on a line that is a tip.
	Tip *struct{} `json:"tip"`
}

// TaxLine is one tax on a line, or the sum of it on the order. Rate 0.1 is 10 %.
type TaxLine struct {
	Title         string    `json:"title"`
	Rate          Number    `json:"rate"`
	Price         Number    `json:"price"`
	PriceSet      *MoneySet `json:"price_set"`
	ChannelLiable bool      `json:"channel_liable"`
}

// Allocation is the part of a discount application that falls on a line.
type Allocation struct {
	Amount    Number    `json:"amount"`
	AmountSet *MoneySet `json:"amount_set"`
	Index     int       `json:"discount_application_index"`
}

// DiscountApplication is a discount and how it was worked out.
type DiscountApplication struct {
	Type             string `json:"type"` // discount_code, manual, automatic, script
	Code             string `json:"code"`
	Title            string `json:"title"`
	Description      string `json:"description"`
	Value            Number `json:"value"`
	ValueType        string `json:"value_type"` // percentage, fixed_amount
	AllocationMethod string `json:"allocation_method"`
	TargetSelection  string `json:"target_selection"`
	TargetType       string `json:"target_type"` // line_item, shipping_line
}

// DiscountCode is a code that the buyer entered.
type DiscountCode struct {
	Code   string `json:"code"`
	Amount Number `json:"amount"`
	Type   string `json:"type"` // fixed_amount, percentage, shipping
}

// ShippingLine is a delivery that the buyer pays for. Price is before discounts.
type ShippingLine struct {
	ID                ID           `json:"id"`
	Title             string       `json:"title"`
	Code              string       `json:"code"`
	CarrierIdentifier string       `json:"carrier_identifier"`
	Price             Number       `json:"price"`
	PriceSet          *MoneySet    `json:"price_set"`
	DiscountedPrice   Number       `json:"discounted_price"`
	DiscountedSet     *MoneySet    `json:"discounted_price_set"`
	Removed           bool         `json:"is_removed"`
	TaxLines          []TaxLine    `json:"tax_lines"`
	Allocations       []Allocation `json:"discount_allocations"`
}

// Duty is import duty on a line.
type Duty struct {
	ID       ID        `json:"id"`
	Price    *MoneySet `json:"price_set"`
	TaxLines []TaxLine `json:"tax_lines"`
}

// AdditionalFee is a fee on top of the order.
type AdditionalFee struct {
	ID       ID        `json:"id"`
	Name     string    `json:"name"`
	Price    *MoneySet `json:"price_set"`
	TaxLines []TaxLine `json:"tax_lines"`
}

// PaymentTerms is when the buyer has to pay.
type PaymentTerms struct {
	Name string `json:"payment_terms_name"`
}

// Transaction is a movement of money. (shopify.dev/docs/api/admin-rest/latest/resources/transaction)
type Transaction struct {
	ID          ID        `json:"id"`
	Kind        string    `json:"kind"`   // authorization, sale, capture, void, refund, change, …
	Status      string    `json:"status"` // success, failure, pending, error, …
	Gateway     string    `json:"gateway"`
	Title       string    `json:"formatted_gateway"` // GraphQL only
	Amount      Number    `json:"amount"`            // in Currency
	Currency    string    `json:"currency"`
	AmountSet   *MoneySet `json:"amount_set"` // GraphQL, and REST for orders in several currencies
	ParentID    ID        `json:"parent_id"`
	Reference   string    `json:"payment_id"`
	CreatedAt   Time      `json:"created_at"`
	ProcessedAt Time      `json:"processed_at"`
}

// Refund is goods that were taken off or came back, money that went back, or both.
type Refund struct {
	ID            ID                   `json:"id"`
	OrderID       ID                   `json:"order_id"`
	CreatedAt     Time                 `json:"created_at"`
	ProcessedAt   Time                 `json:"processed_at"`
	Note          string               `json:"note"`
	Lines         []RefundLine         `json:"refund_line_items"`
	ShippingLines []RefundShippingLine `json:"refund_shipping_lines"`
	Adjustments   []Adjustment         `json:"order_adjustments"`
	Transactions  []Transaction        `json:"transactions"`
	// TotalSet is the money that went back; GraphQL only.
	TotalSet *MoneySet `json:"total_refunded_set"`
}

// RefundLine is a part of a line item. Subtotal is after discounts, and holds the tax where prices
// include it.
type RefundLine struct {
	ID          ID        `json:"id"`
	LineItemID  ID        `json:"line_item_id"`
	Quantity    Number    `json:"quantity"`
	RestockType string    `json:"restock_type"` // no_restock, cancel, return, legacy_restock
	Subtotal    Number    `json:"subtotal"`
	SubtotalSet *MoneySet `json:"subtotal_set"`
	TotalTax    Number    `json:"total_tax"`
	TotalTaxSet *MoneySet `json:"total_tax_set"`
}

// RefundShippingLine is shipping that was paid back.
type RefundShippingLine struct {
	Subtotal *MoneySet `json:"subtotal_amount_set"`
	Tax      *MoneySet `json:"tax_amount_set"`
}

// Adjustment is a difference between what was worked out and what was paid back; before 2024-10 also
// refunded shipping. Amounts are negative.
type Adjustment struct {
	Kind   string `json:"kind"` // shipping_refund, refund_discrepancy
	Amount Number `json:"amount"`
	Tax    Number `json:"tax_amount"`
}

// IsShipping says that the adjustment is shipping that was paid back, as before 2024-10.
func (a Adjustment) IsShipping() bool { return a.Kind == "shipping_refund" }

// Fulfillment is goods on their way.
type Fulfillment struct {
	ID              ID                `json:"id"`
	Status          string            `json:"status"` // pending, open, success, cancelled, error, failure
	CreatedAt       Time              `json:"created_at"`
	LocationID      ID                `json:"location_id"`
	TrackingCompany string            `json:"tracking_company"`
	TrackingNumbers []string          `json:"tracking_numbers"`
	TrackingURLs    []string          `json:"tracking_urls"`
	LineItems       []FulfillmentLine `json:"line_items"`
}

// FulfillmentLine is a line item of a fulfilment; ID is the line item's.
type FulfillmentLine struct {
	ID       ID     `json:"id"`
	Quantity Number `json:"quantity"`
}

// IsTip says that the line is a tip: it has a mark of its own, or is no article and called a tip.
func (l *LineItem) IsTip() bool {
	return l.Tip != nil || l.ProductID == "" && l.VariantID == "" && l.SKU == "" && !l.RequiresShipping && l.Title == "Tip"
}

// Happened is when the money moved.
func (t *Transaction) Happened() time.Time {
	if !t.ProcessedAt.IsZero() {
		return t.ProcessedAt.Time
	}
	return t.CreatedAt.Time
}

// Happened is when the refund was made.
func (r *Refund) Happened() time.Time {
	if !r.ProcessedAt.IsZero() {
		return r.ProcessedAt.Time
	}
	return r.CreatedAt.Time
}

// Zero says that there is no amount, or one of nothing.
func (s *MoneySet) Zero() bool { return s == nil || s.Shop.Amount.Value.IsZero() }
