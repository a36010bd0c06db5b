package fake

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/money"
)

// The records as REST and webhooks write them, every field that real payloads have and that this fake
// can fill with sense. The types are the fake's own and not the connector's, so that a field misspelt
// there does not read what is misspelt here.

type order struct {
	ID                   int64      `json:"id"`
	AdminID              string     `json:"admin_graphql_api_id"`
	AppID                int64      `json:"app_id"`
	CancelReason         *string    `json:"cancel_reason"`
	CancelledAt          *stamp     `json:"cancelled_at"`
	ClosedAt             *stamp     `json:"closed_at"`
	Company              *struct{}  `json:"company"`
	ConfirmationNumber   string     `json:"confirmation_number"`
	Confirmed            bool       `json:"confirmed"`
	ContactEmail         *string    `json:"contact_email"`
	CreatedAt            stamp      `json:"created_at"`
	Currency             string     `json:"currency"`
	CurrentShipping      set        `json:"current_shipping_price_set"`
	CurrentSubtotal      string     `json:"current_subtotal_price"`
	CurrentSubtotalSet   set        `json:"current_subtotal_price_set"`
	CurrentDiscounts     string     `json:"current_total_discounts"`
	CurrentDiscountsSet  set        `json:"current_total_discounts_set"`
	CurrentTotal         string     `json:"current_total_price"`
	CurrentTotalSet      set        `json:"current_total_price_set"`
	CurrentTax           string     `json:"current_total_tax"`
	CurrentTaxSet        set        `json:"current_total_tax_set"`
	CustomerLocale       string     `json:"customer_locale"`
	DiscountCodes        []code     `json:"discount_codes"`
	DutiesIncluded       bool       `json:"duties_included"`
	Email                string     `json:"email"`
	EstimatedTaxes       bool       `json:"estimated_taxes"`
	FinancialStatus      string     `json:"financial_status"`
	FulfillmentStatus    *string    `json:"fulfillment_status"`
	Name                 string     `json:"name"`
	Note                 *string    `json:"note"`
	NoteAttributes       []pair     `json:"note_attributes"`
	Number               int64      `json:"number"`
	OrderNumber          int64      `json:"order_number"`
	DutiesSet            *set       `json:"original_total_duties_set"`
	GatewayNames         []string   `json:"payment_gateway_names"`
	Phone                *string    `json:"phone"`
	PONumber             *string    `json:"po_number"`
	PresentmentCurrency  string     `json:"presentment_currency"`
	ProcessedAt          stamp      `json:"processed_at"`
	SourceName           string     `json:"source_name"`
	Subtotal             string     `json:"subtotal_price"`
	SubtotalSet          set        `json:"subtotal_price_set"`
	Tags                 string     `json:"tags"`
	TaxExempt            bool       `json:"tax_exempt"`
	TaxLines             []tax      `json:"tax_lines"`
	TaxesIncluded        bool       `json:"taxes_included"`
	Test                 bool       `json:"test"`
	CashRounding         set        `json:"total_cash_rounding_payment_adjustment_set"`
	TotalDiscounts       string     `json:"total_discounts"`
	TotalDiscountsSet    set        `json:"total_discounts_set"`
	TotalLineItems       string     `json:"total_line_items_price"`
	TotalLineItemsSet    set        `json:"total_line_items_price_set"`
	TotalOutstanding     string     `json:"total_outstanding"`
	TotalPrice           string     `json:"total_price"`
	TotalPriceSet        set        `json:"total_price_set"`
	TotalShippingSet     set        `json:"total_shipping_price_set"`
	TotalTax             string     `json:"total_tax"`
	TotalTaxSet          set        `json:"total_tax_set"`
	TotalTip             string     `json:"total_tip_received"`
	TotalWeight          int64      `json:"total_weight"`
	UpdatedAt            stamp      `json:"updated_at"`
	BillingAddress       *address   `json:"billing_address,omitempty"`
	Customer             *customer  `json:"customer,omitempty"`
	DiscountApplications []discount `json:"discount_applications"`
	Fulfillments         []shipment `json:"fulfillments"`
	LineItems            []line     `json:"line_items"`
	PaymentTerms         *struct{}  `json:"payment_terms"`
	Refunds              []refund   `json:"refunds"`
	ShippingAddress      *address   `json:"shipping_address,omitempty"`
	ShippingLines        []delivery `json:"shipping_lines"`

	transactions []transaction
	tip          set
	outstanding  set
	received     set
}

type set struct {
	Shop        amount `json:"shop_money"`
	Presentment amount `json:"presentment_money"`
}

type amount struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency_code"`
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type code struct {
	Code   string `json:"code"`
	Amount string `json:"amount"`
	Type   string `json:"type"`
}

type line struct {
	ID                int64        `json:"id"`
	AdminID           string       `json:"admin_graphql_api_id"`
	CurrentQuantity   int64        `json:"current_quantity"`
	Fulfillable       int64        `json:"fulfillable_quantity"`
	Service           string       `json:"fulfillment_service"`
	FulfillmentStatus *string      `json:"fulfillment_status"`
	GiftCard          bool         `json:"gift_card"`
	Grams             int64        `json:"grams"`
	Name              string       `json:"name"`
	Price             string       `json:"price"`
	PriceSet          set          `json:"price_set"`
	ProductExists     bool         `json:"product_exists"`
	ProductID         *int64       `json:"product_id"`
	Properties        []pair       `json:"properties"`
	Quantity          int64        `json:"quantity"`
	RequiresShipping  bool         `json:"requires_shipping"`
	SKU               *string      `json:"sku"`
	Taxable           bool         `json:"taxable"`
	Title             string       `json:"title"`
	TotalDiscount     string       `json:"total_discount"`
	TotalDiscountSet  set          `json:"total_discount_set"`
	VariantID         *int64       `json:"variant_id"`
	VariantTitle      *string      `json:"variant_title"`
	Vendor            *string      `json:"vendor"`
	TaxLines          []tax        `json:"tax_lines"`
	Duties            []duty       `json:"duties"`
	Allocations       []allocation `json:"discount_allocations"`
}

type tax struct {
	ChannelLiable bool        `json:"channel_liable"`
	Price         string      `json:"price"`
	PriceSet      set         `json:"price_set"`
	Rate          json.Number `json:"rate"`
	Title         string      `json:"title"`
}

type duty struct {
	ID       string `json:"id"`
	Origin   string `json:"country_code_of_origin"`
	Code     string `json:"harmonized_system_code"`
	PriceSet set    `json:"price_set"`
	TaxLines []tax  `json:"tax_lines"`
}

type allocation struct {
	Amount    string `json:"amount"`
	AmountSet set    `json:"amount_set"`
	Index     int    `json:"discount_application_index"`
}

type discount struct {
	TargetType      string `json:"target_type"`
	Type            string `json:"type"`
	Value           string `json:"value"`
	ValueType       string `json:"value_type"`
	Method          string `json:"allocation_method"`
	TargetSelection string `json:"target_selection"`
	Code            string `json:"code,omitempty"`
	Title           string `json:"title,omitempty"`
}

type delivery struct {
	ID              int64        `json:"id"`
	Carrier         *string      `json:"carrier_identifier"`
	Code            string       `json:"code"`
	CurrentSet      set          `json:"current_discounted_price_set"`
	DiscountedPrice string       `json:"discounted_price"`
	DiscountedSet   set          `json:"discounted_price_set"`
	Removed         bool         `json:"is_removed"`
	Phone           *string      `json:"phone"`
	Price           string       `json:"price"`
	PriceSet        set          `json:"price_set"`
	Source          string       `json:"source"`
	Title           string       `json:"title"`
	TaxLines        []tax        `json:"tax_lines"`
	Allocations     []allocation `json:"discount_allocations"`
}

type shipment struct {
	ID int64 `json:"id"`
}

type transaction struct {
	ID          int64   `json:"id"`
	AdminID     string  `json:"admin_graphql_api_id"`
	OrderID     int64   `json:"order_id"`
	Amount      string  `json:"amount"`
	Currency    string  `json:"currency"`
	Kind        string  `json:"kind"`
	Gateway     string  `json:"gateway"`
	Status      string  `json:"status"`
	Message     *string `json:"message"`
	CreatedAt   stamp   `json:"created_at"`
	ProcessedAt stamp   `json:"processed_at"`
	Test        bool    `json:"test"`
	ParentID    *int64  `json:"parent_id"`
	PaymentID   string  `json:"payment_id"`
	SourceName  string  `json:"source_name"`

	title  string
	amount set
}

type refund struct {
	ID           int64         `json:"id"`
	AdminID      string        `json:"admin_graphql_api_id"`
	OrderID      int64         `json:"order_id"`
	CreatedAt    stamp         `json:"created_at"`
	ProcessedAt  stamp         `json:"processed_at"`
	Note         *string       `json:"note"`
	Restock      bool          `json:"restock"`
	Lines        []refundLine  `json:"refund_line_items"`
	Transactions []transaction `json:"transactions"`
	Adjustments  []struct{}    `json:"order_adjustments"`
	Shipping     []struct{}    `json:"refund_shipping_lines"`
	Duties       []struct{}    `json:"duties"`

	back    set  // the money that went back
	removal bool // the goods were never sent
}

type refundLine struct {
	ID          int64       `json:"id"`
	LineItemID  int64       `json:"line_item_id"`
	LocationID  *int64      `json:"location_id"`
	Quantity    int64       `json:"quantity"`
	RestockType string      `json:"restock_type"`
	Subtotal    json.Number `json:"subtotal"`
	SubtotalSet set         `json:"subtotal_set"`
	TotalTax    json.Number `json:"total_tax"`
	TotalTaxSet set         `json:"total_tax_set"`
}

type customer struct {
	ID             int64      `json:"id"`
	AdminID        string     `json:"admin_graphql_api_id"`
	CreatedAt      stamp      `json:"created_at"`
	UpdatedAt      stamp      `json:"updated_at"`
	FirstName      *string    `json:"first_name"`
	LastName       *string    `json:"last_name"`
	State          string     `json:"state"`
	Note           *string    `json:"note"`
	VerifiedEmail  bool       `json:"verified_email"`
	Multipass      *string    `json:"multipass_identifier"`
	TaxExempt      bool       `json:"tax_exempt"`
	Email          *string    `json:"email"`
	Phone          *string    `json:"phone"`
	Currency       string     `json:"currency"`
	Tags           string     `json:"tags"`
	TaxExemptions  []string   `json:"tax_exemptions"`
	Consent        *consent   `json:"email_marketing_consent,omitempty"` // not in an order
	Addresses      []*address `json:"addresses,omitempty"`
	DefaultAddress *address   `json:"default_address,omitempty"`
}

type consent struct {
	State     string `json:"state"`
	OptIn     string `json:"opt_in_level"`
	UpdatedAt *stamp `json:"consent_updated_at"`
}

type address struct {
	ID           int64   `json:"id,omitempty"` // of a customer's address book only
	CustomerID   int64   `json:"customer_id,omitempty"`
	FirstName    *string `json:"first_name"`
	LastName     *string `json:"last_name"`
	Company      *string `json:"company"`
	Address1     *string `json:"address1"`
	Address2     *string `json:"address2"`
	City         *string `json:"city"`
	Province     *string `json:"province"`
	Country      *string `json:"country"`
	Zip          *string `json:"zip"`
	Phone        *string `json:"phone"`
	Name         string  `json:"name"`
	ProvinceCode *string `json:"province_code"`
	CountryCode  *string `json:"country_code"`
	Default      *bool   `json:"default,omitempty"`
}

// stamp is a time as REST writes it: to the second, with the shop's offset.
type stamp struct{ time.Time }

// shopZone is the zone of the pretend shop, which has no summer time.
var shopZone = time.FixedZone("Africa/Algiers", 3600)

func (s stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + s.In(shopZone).Format(time.RFC3339) + `"`), nil
}

// graph is the time as GraphQL writes it.
func (s stamp) graph() string { return s.UTC().Format(time.RFC3339) }

// text gives a pointer to a text, nil for none: Shopify writes null for what is not there.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func gid(kind string, id int64) string {
	return "gid://shopify/" + kind + "/" + strconv.FormatInt(id, 10)
}

// plain writes an amount with the decimals of its currency, as REST does.
func plain(d money.Decimal, c money.Currency) string { return d.StringFixed(c.Exponent()) }

// graphAmount writes an amount as GraphQL does: no zeros at the end, but one decimal at least.
func graphAmount(rest string) string {
	whole, fraction, _ := strings.Cut(rest, ".")
	fraction = strings.TrimRight(fraction, "0")
	if fraction == "" {
		fraction = "0"
	}
	return whole + "." + fraction
}
