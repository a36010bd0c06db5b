package commerce

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/money"
)

func number(text string) money.Decimal { return decimal.RequireFromString(text) }

func eur(text string) money.Money { return money.New(number(text), "EUR") }

func vat(rate, on, amount string) Tax {
	return Tax{
		Name: "MwSt.", Code: "7", Category: "S", Rate: number(rate), Country: "DE", Region: "NW",
		TaxableAmount: new(eur(on)), TaxAmount: eur(amount), Included: true, Compound: true, CollectedBy: "merchant",
	}
}

// fullOrder has something in every field.
func fullOrder() Order {
	at := time.Date(2026, 2, 28, 23, 59, 58, 0, time.UTC)
	bill, ship := home(), home()
	for _, a := range []*Address{&bill, &ship} {
		a.Default, a.GivenName, a.FamilyName, a.HouseNumber = true, "Jörg", "Weiß", "5"
		a.DependentLocality, a.DeliveryInstructions, a.GLN = "Altstadt", "ring twice", "4012345000009"
	}
	bill.Use = UseBilling
	order := Order{
		Source: Source{
			System: "shopify", Store: "my-shop", ExternalID: "450789469", ExternalNumber: "#1001",
			AdminURL: "https://my-shop.example.com/orders/450789469", UpdatedAt: at, Revision: "3",
		},
		OrderNumber: "#1001", OrderDate: at, OrderType: OrderSale, OrderState: StateConfirmed,
		PaymentState: PaymentPaid, FulfillmentState: FulfillmentPartial, CancelledAt: at, CancelReason: "customer", Test: true,
		Channel: "web", SalesLocation: "Köln", WarehouseHint: "main",
		Buyer: Customer{
			Source: Source{System: "shopify", ExternalID: "207119551"},
			Type:   Company, DisplayName: "Jörg Weiß", GivenName: "Jörg", FamilyName: "Weiß", CompanyName: "Weiß & Söhne GmbH",
			Emails: []string{"joerg@example.com"}, Phones: []string{"+49 221 1234567"},
			TaxIDs:        []TaxID{{Scheme: "vat", Value: "DE123456789", Country: "DE"}},
			CustomerGroup: "b2b", PriceList: "dealers", PaymentTerms: "net30", Currency: "EUR", Language: "de-DE", TaxExempt: true,
			MarketingConsent: &Consent{State: "subscribed", At: at, Source: "checkout"},
			Addresses:        []Address{bill},
			Contacts: []Contact{{
				ContactID: "9", Name: "Jana Weiß", GivenName: "Jana", FamilyName: "Weiß",
				Emails: []string{"jana@example.com"}, Phones: []string{"+49 221 7654321"}, Position: "buyer",
			}},
			Status: CustomerActive, MergedInto: "8", CreatedAt: at, Note: "calls first",
		},
		CustomerReference: "PO-7", AccountingCost: "4711", SalesPerson: "Kim",
		BillTo: &bill, ShipTo: &ship,
		DocumentCurrency: "EUR", AccountingCurrency: "USD",
		ExchangeRate:     &ExchangeRate{Rate: number("1.0834"), Source: "ECB", At: at},
		PricesIncludeTax: true, TaxLevel: TaxByLine, RoundingMode: money.HalfUp,
		Lines: []Line{{
			LineID: "1", ParentLineID: "0", Type: LineProduct, SKU: "MUG-1", SourceProductID: "11", SourceVariantID: "12",
			GTIN: "4012345678901", Name: "Mug", Options: []Property{{Name: "Size", Value: "L"}},
			Properties: []Property{{Name: "Engraving", Value: "Für Dich"}},
			Quantity:   number("3"), UnitCode: "H87", UnitPrice: Price{Net: eur("8.3949579832"), Gross: eur("9.99")},
			ListPrice: new(eur("11.99")), Discounts: []LineDiscount{{DiscountID: "d1", Amount: eur("1.00")}},
			Taxes: []Tax{vat("0.19", "24.34", "4.63")}, LineNet: eur("24.34"), LineTax: eur("4.63"), LineGross: eur("28.97"),
			TaxClass: "standard", Warehouse: "main", RequestedDate: at, RequiresShip: true,
			Cancelled: number("1"), Fulfilled: number("0.5"), Refunded: number("1.5"), Extensions: map[string]string{"shopify.grams": "350"},
		}},
		ShippingLines: []ShippingLine{{
			LineID: "s1", Method: "dhl", Title: "DHL Paket", Carrier: "DHL", Discounts: []LineDiscount{{DiscountID: "d2", Amount: eur("0.90")}},
			Taxes: []Tax{vat("0.19", "4.12", "0.78")}, Net: eur("4.12"), Tax: eur("0.78"), Gross: eur("4.90"),
		}},
		Charges: []Charge{{
			ChargeID: "c1", Type: ChargeGiftWrap, Title: "Gift wrap",
			Taxes: []Tax{vat("0.19", "1.68", "0.32")}, Net: eur("1.68"), Tax: eur("0.32"), Gross: eur("2.00"),
		}},
		Discounts: []Discount{
			{
				DiscountID: "d1", Code: "WELCOME", Title: "Welcome", Kind: DiscountFixed, Target: TargetOrder, Value: number("1"),
				Amount: eur("1.00"), Allocated: true, Net: eur("0.84"), Tax: eur("0.16"), Gross: eur("1.00"),
			},
			{
				DiscountID: "d3", Title: "Loyal", Kind: DiscountLoyalty, Target: TargetOrder, Value: number("2.38"), Amount: eur("2.38"),
				Taxes: []Tax{vat("0.19", "2.00", "0.38")}, Net: eur("2.00"), Tax: eur("0.38"), Gross: eur("2.38"),
			},
		},
		TaxTotals: []Tax{vat("0.19", "28.14", "5.35")},
		Payments: []Payment{{
			PaymentID: "p1", Method: "paypal", Title: "PayPal", Gateway: "paypal", State: PaymentPaid, Amount: eur("33.49"), PaidAt: at,
			Reference: "TX1", GiftCard: true,
			Transactions: []Transaction{{ID: "t1", Type: "capture", State: "success", Amount: eur("33.49"), At: at, Reference: "TX1", Parent: "t0"}},
		}},
		Refunds: []Refund{{
			RefundID: "r1", At: at, Reason: "broken", Shipping: new(eur("1.00")), Amount: eur("10.66"),
			Lines: []RefundLine{{LineID: "1", Quantity: number("1"), Restock: true, Net: eur("8.12"), Tax: eur("1.54")}},
		}},
		Fulfillments: []Fulfillment{{
			FulfillmentID: "f1", Location: "main", Carrier: "DHL", Service: "Paket", State: FulfillmentShipped, ShippedAt: at,
			Tracking: []Tracking{{Number: "00340434161094000000", URL: "https://example.com/t/1"}},
			Lines:    []FulfillmentLine{{LineID: "1", Quantity: number("2")}},
		}},
		RequestedDeliveryDate: at, PaymentTerms: "net30", DeliveryTerms: "DAP",
		Notes:      []Note{{Audience: "buyer", Text: "Please ring twice."}},
		Risk:       &Risk{Level: "low", Reasons: []string{"known buyer"}},
		Extensions: map[string]string{"shopify.cart_token": "abc"},
	}
	if err := order.Complete(Stated{Rounding: new(number("0.01"))}); err != nil {
		panic(err)
	}
	order.Presentment = new(order.Totals)
	return order
}
