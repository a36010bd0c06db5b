// Package commerce is Orderly's canonical model: orders, customers, addresses, lines, taxes,
// discounts, charges, payments, refunds and fulfilments as every system agrees on them, with the
// rules that hold between their amounts.
//
// Names follow schema.org, UBL and EN 16931. The package does no input or output, and knows no
// vendor: connectors translate to and from it. In JSON every name is snake_case, amounts are
// {"amount":"12.30","currency":"EUR"}, other decimals are text, and times are RFC 3339 in UTC.
package commerce

import (
	"time"

	"github.com/orderlyhq/orderly/money"
)

// Kind is what sort of record something is; the kinds of the canonical model.
type Kind string

// The kinds of records that Orderly carries.
const (
	KindOrder    Kind = "order"
	KindCustomer Kind = "customer"
)

// Source says where a record comes from. System, Store and ExternalID identify it for ever.
type Source struct {
	System         string    `json:"system"`
	Store          string    `json:"store,omitempty"` // the shop's or tenant's own name, where the record tells it
	ExternalID     string    `json:"external_id"`
	ExternalNumber string    `json:"external_number,omitempty"` // the number that people see
	AdminURL       string    `json:"admin_url,omitempty"`
	UpdatedAt      time.Time `json:"source_updated_at,omitzero"`
	Revision       string    `json:"source_revision,omitempty"` // the vendor's own version of the record, where it has one
}

// OrderType is what sort of sale an order is.
type OrderType string

// Order types.
const (
	OrderSale         OrderType = "sale"
	OrderExchange     OrderType = "exchange"
	OrderSubscription OrderType = "subscription"
	OrderSample       OrderType = "sample"
	OrderDraft        OrderType = "draft"
)

// OrderState is how far the sale as a whole has come.
type OrderState string

// Order states. A vendor's value that has no counterpart is StateUnknown, never dropped.
const (
	StateOpen      OrderState = "open"
	StateConfirmed OrderState = "confirmed"
	StateComplete  OrderState = "complete"
	StateCancelled OrderState = "cancelled"
	StateUnknown   OrderState = "unknown"
)

// PaymentState is how far the money has come.
type PaymentState string

// Payment states.
const (
	PaymentPending           PaymentState = "pending"
	PaymentAuthorized        PaymentState = "authorized"
	PaymentPartiallyPaid     PaymentState = "partially_paid"
	PaymentPaid              PaymentState = "paid"
	PaymentPartiallyRefunded PaymentState = "partially_refunded"
	PaymentRefunded          PaymentState = "refunded"
	PaymentVoided            PaymentState = "voided"
	PaymentFailed            PaymentState = "failed"
	PaymentUnknown           PaymentState = "unknown"
)

// FulfillmentState is how far the goods have come.
type FulfillmentState string

// Fulfilment states.
const (
	FulfillmentPending   FulfillmentState = "pending"
	FulfillmentOnHold    FulfillmentState = "on_hold"
	FulfillmentPartial   FulfillmentState = "partial"
	FulfillmentShipped   FulfillmentState = "shipped"
	FulfillmentDelivered FulfillmentState = "delivered"
	FulfillmentReturned  FulfillmentState = "returned"
	FulfillmentCancelled FulfillmentState = "cancelled"
	FulfillmentUnknown   FulfillmentState = "unknown"
)

// TaxLevel is where a source rounds its taxes; it decides how a total is proved.
type TaxLevel string

// Levels of tax calculation.
const (
	TaxByUnit     TaxLevel = "unit"
	TaxByLine     TaxLevel = "line"
	TaxByDocument TaxLevel = "document"
)

// Order is a sale as the source states it. The source's amounts are authority: decoders copy what
// is given and derive only what is not.
type Order struct {
	Source Source `json:"source"`

	OrderNumber      string           `json:"order_number"`
	OrderDate        time.Time        `json:"order_date"`
	OrderType        OrderType        `json:"order_type"`
	OrderState       OrderState       `json:"order_state"`
	PaymentState     PaymentState     `json:"payment_state"`
	FulfillmentState FulfillmentState `json:"fulfillment_state"`
	CancelledAt      time.Time        `json:"cancelled_at,omitzero"`
	CancelReason     string           `json:"cancel_reason,omitempty"`
	Test             bool             `json:"test,omitempty"` // made by a vendor's "send test" button or a test gateway

	Channel       string `json:"channel,omitempty"`        // web, pos, marketplace name
	SalesLocation string `json:"sales_location,omitempty"` // branch or point of sale
	WarehouseHint string `json:"warehouse_hint,omitempty"`

	// Buyer is a frozen copy of who bought, as the order shows it. A guest has no ExternalID in
	// Buyer.Source.
	Buyer             Customer `json:"buyer"`
	CustomerReference string   `json:"customer_reference,omitempty"` // the buyer's purchase order number (UBL CustomerReference)
	AccountingCost    string   `json:"accounting_cost,omitempty"`
	SalesPerson       string   `json:"sales_person,omitempty"`

	// BillTo and ShipTo are frozen copies; nil where the source has none.
	BillTo *Address `json:"bill_to,omitempty"`
	ShipTo *Address `json:"ship_to,omitempty"`

	DocumentCurrency   money.Currency     `json:"document_currency"`
	AccountingCurrency money.Currency     `json:"accounting_currency,omitempty"` // the shop's own currency where it differs
	ExchangeRate       *ExchangeRate      `json:"exchange_rate,omitempty"`
	PricesIncludeTax   bool               `json:"prices_include_tax"`
	TaxLevel           TaxLevel           `json:"tax_calculation_level,omitempty"`
	RoundingMode       money.RoundingMode `json:"rounding_mode,omitempty"`

	Lines         []Line         `json:"lines"`
	ShippingLines []ShippingLine `json:"shipping_lines"`
	Charges       []Charge       `json:"charges"`
	Discounts     []Discount     `json:"discounts"`
	TaxTotals     []Tax          `json:"tax_totals,omitempty"`
	Payments      []Payment      `json:"payments"`
	Refunds       []Refund       `json:"refunds"`
	Fulfillments  []Fulfillment  `json:"fulfillments,omitempty"`
	Totals        Totals         `json:"totals"`

	RequestedDeliveryDate time.Time `json:"requested_delivery_date,omitzero"`
	PaymentTerms          string    `json:"payment_terms,omitempty"`
	DeliveryTerms         string    `json:"delivery_terms,omitempty"` // Incoterms
	Notes                 []Note    `json:"notes,omitempty"`
	Risk                  *Risk     `json:"risk,omitempty"`

	// Presentment holds the totals in the buyer's currency where the source states both and the
	// document is in the shop's.
	Presentment *Totals `json:"presentment,omitempty"`
	// Extensions keeps what the source says beyond this model; it is never interpreted.
	Extensions map[string]string `json:"extensions,omitempty"`
}

// ExchangeRate is how many units of the accounting currency one unit of the document currency is.
type ExchangeRate struct {
	Rate   money.Decimal `json:"rate"`
	Source string        `json:"source,omitempty"`
	At     time.Time     `json:"at,omitzero"`
}

// LineType is what is sold by a line.
type LineType string

// Line types. A gift card sold is a line of its own type; one that is spent is a payment.
const (
	LineProduct  LineType = "product"
	LineGiftCard LineType = "gift_card"
	LineService  LineType = "service"
	LineDeposit  LineType = "deposit"
	LineCustom   LineType = "custom" // typed by hand in the shop: there is no item behind it
)

// Price is a price for one unit, without and with tax, with all the decimals that the source gives
// or that the line's amounts imply (at least six).
type Price struct {
	Net   money.Money `json:"net"`
	Gross money.Money `json:"gross"`
}

// Line is something sold. Its amounts are after the discounts that are allocated to it, as EN 16931
// BT-131 has it, and line_net + line_tax = line_gross.
type Line struct {
	LineID          string            `json:"line_id"`
	ParentLineID    string            `json:"parent_line_id,omitempty"` // the bundle that this line is a part of
	Type            LineType          `json:"type"`
	SKU             string            `json:"sku"`
	SourceProductID string            `json:"source_product_id,omitempty"`
	SourceVariantID string            `json:"source_variant_id,omitempty"`
	GTIN            string            `json:"gtin,omitempty"`
	Name            string            `json:"name"`
	Options         []Property        `json:"options,omitempty"` // what makes the variant: Size L
	Properties      []Property        `json:"properties,omitempty"`
	Quantity        money.Decimal     `json:"quantity"`
	UnitCode        string            `json:"unit_code,omitempty"` // UN/ECE Recommendation 20
	UnitPrice       Price             `json:"unit_price"`          // before discounts
	ListPrice       *money.Money      `json:"list_price,omitempty"`
	Discounts       []LineDiscount    `json:"discounts,omitempty"`
	Taxes           []Tax             `json:"taxes"`
	LineNet         money.Money       `json:"line_net"`
	LineTax         money.Money       `json:"line_tax"`
	LineGross       money.Money       `json:"line_gross"`
	TaxClass        string            `json:"tax_class,omitempty"`
	Warehouse       string            `json:"warehouse,omitempty"`
	RequestedDate   time.Time         `json:"requested_date,omitzero"`
	RequiresShip    bool              `json:"requires_shipping,omitempty"`
	Cancelled       money.Decimal     `json:"quantity_cancelled,omitzero"`
	Fulfilled       money.Decimal     `json:"quantity_fulfilled,omitzero"`
	Refunded        money.Decimal     `json:"quantity_refunded,omitzero"`
	Extensions      map[string]string `json:"extensions,omitempty"`
}

// Property is a name and value that the source attaches, in its own words.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// LineDiscount is the part of a discount that falls on a line or a shipping line. Amount has the
// sign of a saving (positive) and is gross where the order's prices include tax, else net.
type LineDiscount struct {
	DiscountID string      `json:"discount_id,omitempty"`
	Amount     money.Money `json:"amount"`
}

// ShippingLine is what the buyer pays for the delivery, after discounts.
type ShippingLine struct {
	LineID    string         `json:"line_id,omitempty"`
	Method    string         `json:"method"` // the source's code, for the shipping map
	Title     string         `json:"title"`
	Carrier   string         `json:"carrier,omitempty"`
	Discounts []LineDiscount `json:"discounts,omitempty"`
	Taxes     []Tax          `json:"taxes"`
	Net       money.Money    `json:"net"`
	Tax       money.Money    `json:"tax"`
	Gross     money.Money    `json:"gross"`
}

// ChargeType is what a charge is for.
type ChargeType string

// Charge types.
const (
	ChargeTip       ChargeType = "tip"
	ChargeGiftWrap  ChargeType = "gift_wrap"
	ChargeCOD       ChargeType = "cod_fee"
	ChargeDuty      ChargeType = "duty"
	ChargeSurcharge ChargeType = "surcharge"
	ChargeOther     ChargeType = "other"
)

// Charge is an amount on top of the lines that is not shipping. A fee below zero in the source is a
// Discount on the order, not a negative charge.
type Charge struct {
	ChargeID string      `json:"charge_id,omitempty"`
	Type     ChargeType  `json:"type"`
	Title    string      `json:"title"`
	Taxes    []Tax       `json:"taxes"`
	Net      money.Money `json:"net"`
	Tax      money.Money `json:"tax"`
	Gross    money.Money `json:"gross"`
}

// DiscountKind is how a discount is worked out.
type DiscountKind string

// Discount kinds.
const (
	DiscountFixed        DiscountKind = "fixed"
	DiscountPercent      DiscountKind = "percent"
	DiscountBuyXGetY     DiscountKind = "buy_x_get_y"
	DiscountFreeShipping DiscountKind = "free_shipping"
	DiscountManual       DiscountKind = "manual"
	DiscountLoyalty      DiscountKind = "loyalty"
)

// DiscountTarget is what a discount lowers.
type DiscountTarget string

// Discount targets.
const (
	TargetOrder    DiscountTarget = "order"
	TargetLine     DiscountTarget = "line"
	TargetShipping DiscountTarget = "shipping"
)

// Discount is a saving. One that is Allocated is already inside the lines and shipping lines and is
// stated for information; one that is not is an allowance on the document (EN 16931 BG-20) and
// lowers the totals by Net, Tax and Gross.
type Discount struct {
	DiscountID string         `json:"discount_id,omitempty"`
	Code       string         `json:"code,omitempty"`
	Title      string         `json:"title,omitempty"`
	Kind       DiscountKind   `json:"kind"`
	Target     DiscountTarget `json:"target"`
	Value      money.Decimal  `json:"value,omitzero"` // 10 for 10 %, or the fixed amount
	Amount     money.Money    `json:"amount"`         // the saving, positive; gross where prices include tax
	Allocated  bool           `json:"allocated"`
	Taxes      []Tax          `json:"taxes,omitempty"`
	Net        money.Money    `json:"net"`
	Tax        money.Money    `json:"tax"`
	Gross      money.Money    `json:"gross"`
}

// Tax is one tax on a line, a shipping line, a charge, or the sum of it on the order.
type Tax struct {
	Name          string        `json:"name"`
	Code          string        `json:"code,omitempty"`     // the source's own id of the rate, for the tax map
	Category      string        `json:"category,omitempty"` // EN 16931: S, Z, E, AE, K, G, O, L, M
	Rate          money.Decimal `json:"rate"`               // 0.19 is 19 %
	Country       string        `json:"country,omitempty"`  // ISO 3166-1 alpha-2, where the source tells
	Region        string        `json:"region,omitempty"`
	TaxableAmount *money.Money  `json:"taxable_amount,omitempty"`
	TaxAmount     money.Money   `json:"tax_amount"`
	Included      bool          `json:"included_in_price"`
	Compound      bool          `json:"compound,omitempty"`
	CollectedBy   string        `json:"collected_by,omitempty"` // merchant or channel
}

// Payment is a way in which the buyer paid or will pay.
type Payment struct {
	PaymentID    string        `json:"payment_id,omitempty"`
	Method       string        `json:"method"` // the source's code, for the payment map
	Title        string        `json:"title,omitempty"`
	Gateway      string        `json:"gateway,omitempty"`
	State        PaymentState  `json:"state"`
	Amount       money.Money   `json:"amount"` // paid by this payment; zero while nothing is
	PaidAt       time.Time     `json:"paid_at,omitzero"`
	Reference    string        `json:"reference,omitempty"` // the gateway's transaction
	GiftCard     bool          `json:"gift_card,omitempty"` // a gift card or store credit that was spent
	Transactions []Transaction `json:"transactions,omitempty"`
}

// Transaction is one movement at a payment gateway.
type Transaction struct {
	ID        string      `json:"id,omitempty"`
	Type      string      `json:"type"`  // authorization, capture, void, refund, chargeback, adjustment
	State     string      `json:"state"` // pending, success, failure, unknown
	Amount    money.Money `json:"amount"`
	At        time.Time   `json:"at,omitzero"`
	Reference string      `json:"reference,omitempty"`
	Parent    string      `json:"parent,omitempty"`
}

// Refund is money or goods that went back. Amounts are positive.
type Refund struct {
	RefundID string       `json:"refund_id"`
	At       time.Time    `json:"at,omitzero"`
	Reason   string       `json:"reason,omitempty"`
	Lines    []RefundLine `json:"lines,omitempty"`
	Shipping *money.Money `json:"shipping,omitempty"` // gross
	Amount   money.Money  `json:"amount"`             // gross, all together
}

// RefundLine is a part of an order's line that went back.
type RefundLine struct {
	LineID   string        `json:"line_id"`
	Quantity money.Decimal `json:"quantity"`
	Restock  bool          `json:"restock,omitempty"`
	Net      money.Money   `json:"net"`
	Tax      money.Money   `json:"tax"`
}

// Fulfillment is goods on their way.
type Fulfillment struct {
	FulfillmentID string            `json:"fulfillment_id"`
	Location      string            `json:"location,omitempty"`
	Carrier       string            `json:"carrier,omitempty"`
	Service       string            `json:"service,omitempty"`
	Tracking      []Tracking        `json:"tracking,omitempty"`
	Lines         []FulfillmentLine `json:"lines,omitempty"`
	State         FulfillmentState  `json:"state"`
	ShippedAt     time.Time         `json:"shipped_at,omitzero"`
}

// Tracking is a parcel's number and the address that shows where it is.
type Tracking struct {
	Number string `json:"number"`
	URL    string `json:"url,omitempty"`
}

// FulfillmentLine is a part of an order's line that was sent.
type FulfillmentLine struct {
	LineID   string        `json:"line_id"`
	Quantity money.Decimal `json:"quantity"`
}

// Note is text for people: from the buyer, or among the merchant's staff.
type Note struct {
	Audience string `json:"audience"` // buyer or merchant
	Text     string `json:"text"`
}

// Risk is the source's opinion of fraud.
type Risk struct {
	Level   string   `json:"level"` // low, medium, high
	Reasons []string `json:"reasons,omitempty"`
}
