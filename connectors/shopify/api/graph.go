package api

import "strings"

// The same records as GraphQL writes them. Each has a method that gives it in REST's spelling, so
// that there is one translation of amounts.

// GraphOrder is an order as the queries of this package ask for it, and tolerates orders that were
// read with other queries.
type GraphOrder struct {
	ID                   ID                      `json:"id"`
	Name                 string                  `json:"name"`
	CreatedAt            Time                    `json:"createdAt"`
	ProcessedAt          Time                    `json:"processedAt"`
	UpdatedAt            Time                    `json:"updatedAt"`
	ClosedAt             Time                    `json:"closedAt"`
	CancelledAt          Time                    `json:"cancelledAt"`
	CancelReason         string                  `json:"cancelReason"`
	Test                 bool                    `json:"test"`
	FinancialStatus      string                  `json:"displayFinancialStatus"`
	FulfillmentStatus    string                  `json:"displayFulfillmentStatus"`
	CurrencyCode         string                  `json:"currencyCode"`
	PresentmentCurrency  string                  `json:"presentmentCurrencyCode"`
	TaxesIncluded        bool                    `json:"taxesIncluded"`
	DutiesIncluded       bool                    `json:"dutiesIncluded"`
	Email                string                  `json:"email"`
	Phone                string                  `json:"phone"`
	Note                 string                  `json:"note"`
	CustomAttributes     []keyValue              `json:"customAttributes"`
	Tags                 []string                `json:"tags"`
	PONumber             string                  `json:"poNumber"`
	SourceName           string                  `json:"sourceName"`
	CustomerLocale       string                  `json:"customerLocale"`
	PaymentGatewayNames  []string                `json:"paymentGatewayNames"`
	Customer             *graphBuyer             `json:"customer"`
	BillingAddress       *graphAddress           `json:"billingAddress"`
	ShippingAddress      *graphAddress           `json:"shippingAddress"`
	PaymentTerms         *graphTerms             `json:"paymentTerms"`
	TaxLines             []graphTax              `json:"taxLines"`
	AdditionalFees       []graphFee              `json:"additionalFees"`
	DiscountCodes        []string                `json:"discountCodes"`
	TotalPriceSet        *moneyBag               `json:"totalPriceSet"`
	CurrentTotalPriceSet *moneyBag               `json:"currentTotalPriceSet"`
	TotalTaxSet          *moneyBag               `json:"totalTaxSet"`
	CurrentTotalTaxSet   *moneyBag               `json:"currentTotalTaxSet"`
	TotalDiscountsSet    *moneyBag               `json:"totalDiscountsSet"`
	TotalTipReceivedSet  *moneyBag               `json:"totalTipReceivedSet"`
	TotalOutstandingSet  *moneyBag               `json:"totalOutstandingSet"`
	OriginalTotalDuties  *moneyBag               `json:"originalTotalDutiesSet"`
	OriginalTotalFees    *moneyBag               `json:"originalTotalAdditionalFeesSet"`
	CashRounding         *cashRounding           `json:"totalCashRoundingAdjustment"`
	LineItems            nodes[graphLine]        `json:"lineItems"`
	ShippingLines        nodes[graphShipping]    `json:"shippingLines"`
	DiscountApplications nodes[graphApplication] `json:"discountApplications"`
	Refunds              []graphRefund           `json:"refunds"`
	Fulfillments         []graphFulfillment      `json:"fulfillments"`
	Transactions         []graphTransaction      `json:"transactions"`
}

// nodes is a connection.
type nodes[T any] struct {
	Nodes    []T      `json:"nodes"`
	PageInfo PageInfo `json:"pageInfo"`
}

// PageInfo says whether a connection goes on.
type PageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

type keyValue struct {
	Key   string `json:"key"`
	Value Text   `json:"value"`
}

type moneyBag struct {
	Shop        graphMoney `json:"shopMoney"`
	Presentment graphMoney `json:"presentmentMoney"`
}

type graphMoney struct {
	Amount   Number `json:"amount"`
	Currency string `json:"currencyCode"`
}

func (b *moneyBag) set() *MoneySet {
	if b == nil {
		return nil
	}
	return &MoneySet{Shop: Money(b.Shop), Presentment: Money(b.Presentment)}
}

// plain is the amount as REST's field beside the set has it: in the shop's currency.
func (b *moneyBag) plain() Number {
	if b == nil {
		return Number{}
	}
	return b.Shop.Amount
}

type cashRounding struct {
	Payment *moneyBag `json:"paymentSet"`
}

type graphTerms struct {
	Name string `json:"paymentTermsName"`
}

type graphTax struct {
	Title         string    `json:"title"`
	Rate          Number    `json:"rate"`
	ChannelLiable bool      `json:"channelLiable"`
	PriceSet      *moneyBag `json:"priceSet"`
}

type graphFee struct {
	ID       ID         `json:"id"`
	Name     string     `json:"name"`
	Price    *moneyBag  `json:"price"`
	TaxLines []graphTax `json:"taxLines"`
}

type graphAllocation struct {
	AmountSet   *moneyBag `json:"allocatedAmountSet"`
	Application struct {
		Index int `json:"index"`
	} `json:"discountApplication"`
}

type graphLine struct {
	ID                  ID                `json:"id"`
	Name                string            `json:"name"`
	Title               string            `json:"title"`
	VariantTitle        string            `json:"variantTitle"`
	SKU                 string            `json:"sku"`
	Quantity            Number            `json:"quantity"`
	CurrentQuantity     Number            `json:"currentQuantity"`
	UnfulfilledQuantity Number            `json:"unfulfilledQuantity"`
	IsGiftCard          bool              `json:"isGiftCard"`
	RequiresShipping    bool              `json:"requiresShipping"`
	Taxable             *bool             `json:"taxable"`
	CustomAttributes    []keyValue        `json:"customAttributes"`
	Variant             *reference        `json:"variant"`
	Product             *reference        `json:"product"`
	OriginalUnitPrice   *moneyBag         `json:"originalUnitPriceSet"`
	Allocations         []graphAllocation `json:"discountAllocations"`
	TaxLines            []graphTax        `json:"taxLines"`
	Duties              []graphDuty       `json:"duties"`
}

type reference struct {
	ID ID `json:"id"`
}

func (r *reference) id() ID {
	if r == nil {
		return ""
	}
	return ID(r.ID.Legacy())
}

type graphDuty struct {
	ID       ID         `json:"id"`
	Price    *moneyBag  `json:"price"`
	TaxLines []graphTax `json:"taxLines"`
}

type graphShipping struct {
	ID                ID                `json:"id"`
	Title             string            `json:"title"`
	Code              string            `json:"code"`
	CarrierIdentifier string            `json:"carrierIdentifier"`
	IsRemoved         bool              `json:"isRemoved"`
	OriginalPrice     *moneyBag         `json:"originalPriceSet"`
	DiscountedPrice   *moneyBag         `json:"discountedPriceSet"`
	Allocations       []graphAllocation `json:"discountAllocations"`
	TaxLines          []graphTax        `json:"taxLines"`
}

type graphApplication struct {
	Type             string `json:"__typename"`
	Code             string `json:"code"`
	Title            string `json:"title"`
	AllocationMethod string `json:"allocationMethod"`
	TargetSelection  string `json:"targetSelection"`
	TargetType       string `json:"targetType"`
	Value            struct {
		Type       string `json:"__typename"`
		Percentage Number `json:"percentage"`
		Amount     Number `json:"amount"`
	} `json:"value"`
}

type graphTransaction struct {
	ID          ID         `json:"id"`
	Kind        string     `json:"kind"`
	Status      string     `json:"status"`
	Gateway     string     `json:"gateway"`
	Title       string     `json:"formattedGateway"`
	AmountSet   *moneyBag  `json:"amountSet"`
	PaymentID   string     `json:"paymentId"`
	CreatedAt   Time       `json:"createdAt"`
	ProcessedAt Time       `json:"processedAt"`
	Parent      *reference `json:"parentTransaction"`
}

type graphRefund struct {
	ID            ID                         `json:"id"`
	CreatedAt     Time                       `json:"createdAt"`
	ProcessedAt   Time                       `json:"processedAt"`
	Note          string                     `json:"note"`
	TotalSet      *moneyBag                  `json:"totalRefundedSet"`
	Lines         nodes[graphRefundLine]     `json:"refundLineItems"`
	ShippingLines nodes[graphRefundShipping] `json:"refundShippingLines"`
	Transactions  nodes[graphTransaction]    `json:"transactions"`
}

type graphRefundLine struct {
	ID          ID         `json:"id"`
	Quantity    Number     `json:"quantity"`
	RestockType string     `json:"restockType"`
	LineItem    *reference `json:"lineItem"`
	SubtotalSet *moneyBag  `json:"subtotalSet"`
	TotalTaxSet *moneyBag  `json:"totalTaxSet"`
}

type graphRefundShipping struct {
	Subtotal *moneyBag `json:"subtotalAmountSet"`
	Tax      *moneyBag `json:"taxAmountSet"`
}

type graphFulfillment struct {
	ID           ID     `json:"id"`
	Status       string `json:"status"`
	CreatedAt    Time   `json:"createdAt"`
	TrackingInfo []struct {
		Number  string `json:"number"`
		URL     string `json:"url"`
		Company string `json:"company"`
	} `json:"trackingInfo"`
	Lines nodes[struct {
		Quantity Number     `json:"quantity"`
		LineItem *reference `json:"lineItem"`
	}] `json:"fulfillmentLineItems"`
}

// graphBuyer and GraphCustomer are the same object, in an order and by itself.
type graphBuyer = GraphCustomer

// GraphCustomer is a customer.
type GraphCustomer struct {
	ID             ID                  `json:"id"`
	FirstName      string              `json:"firstName"`
	LastName       string              `json:"lastName"`
	Email          string              `json:"email"` // deprecated in favour of DefaultEmail
	DefaultEmail   *graphEmail         `json:"defaultEmailAddress"`
	DefaultPhone   *graphPhone         `json:"defaultPhoneNumber"`
	State          string              `json:"state"`
	Locale         string              `json:"locale"`
	Note           string              `json:"note"`
	Tags           []string            `json:"tags"`
	TaxExempt      bool                `json:"taxExempt"`
	TaxExemptions  []string            `json:"taxExemptions"`
	CreatedAt      Time                `json:"createdAt"`
	UpdatedAt      Time                `json:"updatedAt"`
	DefaultAddress *graphAddress       `json:"defaultAddress"`
	Addresses      nodes[graphAddress] `json:"addressesV2"`
}

type graphEmail struct {
	Address   string `json:"emailAddress"`
	State     string `json:"marketingState"`
	UpdatedAt Time   `json:"marketingUpdatedAt"`
}

type graphPhone struct {
	Number string `json:"phoneNumber"`
}

type graphAddress struct {
	ID           ID     `json:"id"`
	FirstName    string `json:"firstName"`
	LastName     string `json:"lastName"`
	Name         string `json:"name"`
	Company      string `json:"company"`
	Address1     string `json:"address1"`
	Address2     string `json:"address2"`
	City         string `json:"city"`
	Province     string `json:"province"`
	ProvinceCode string `json:"provinceCode"`
	Country      string `json:"country"`
	CountryCode  string `json:"countryCodeV2"`
	Zip          string `json:"zip"`
	Phone        string `json:"phone"`
}

// Order gives the order in REST's spelling.
func (g *GraphOrder) Order() *Order {
	o := &Order{
		ID: ID(g.ID.Legacy()), Name: g.Name,
		CreatedAt: g.CreatedAt, ProcessedAt: g.ProcessedAt, UpdatedAt: g.UpdatedAt, ClosedAt: g.ClosedAt,
		CancelledAt: g.CancelledAt, CancelReason: strings.ToLower(g.CancelReason), Test: g.Test,
		FinancialStatus: strings.ToLower(g.FinancialStatus), FulfillmentStatus: fulfillmentStatus(g.FulfillmentStatus),
		Currency: g.CurrencyCode, PresentmentCurrency: g.PresentmentCurrency,
		TaxesIncluded: g.TaxesIncluded, DutiesIncluded: g.DutiesIncluded,
		Email: g.Email, Phone: g.Phone, Note: g.Note, Tags: strings.Join(g.Tags, ", "), PONumber: g.PONumber,
		SourceName: g.SourceName, CustomerLocale: g.CustomerLocale, PaymentGatewayNames: g.PaymentGatewayNames,
		NoteAttributes: attributes(g.CustomAttributes), TaxLines: taxes(g.TaxLines),
		BillingAddress: g.BillingAddress.address(), ShippingAddress: g.ShippingAddress.address(),
		TotalPrice: g.TotalPriceSet.plain(), TotalPriceSet: g.TotalPriceSet.set(),
		CurrentTotal: g.CurrentTotalPriceSet.plain(), CurrentTotalSet: g.CurrentTotalPriceSet.set(),
		TotalTax: g.TotalTaxSet.plain(), TotalTaxSet: g.TotalTaxSet.set(),
		CurrentTax: g.CurrentTotalTaxSet.plain(), CurrentTaxSet: g.CurrentTotalTaxSet.set(),
		TotalDiscounts: g.TotalDiscountsSet.plain(), TotalDiscountsSet: g.TotalDiscountsSet.set(),
		TotalTip: g.TotalTipReceivedSet.plain(), TotalTipSet: g.TotalTipReceivedSet.set(),
		TotalOutstanding: g.TotalOutstandingSet.plain(), TotalOutstandingSet: g.TotalOutstandingSet.set(),
		DutiesSet: g.OriginalTotalDuties.set(), FeesSet: g.OriginalTotalFees.set(),
	}
	if o.Currency == "" {
		o.Currency = g.currency()
	}
	if g.CashRounding != nil {
		o.CashRoundingSet = g.CashRounding.Payment.set()
	}
	if g.PaymentTerms != nil {
		o.PaymentTerms = &PaymentTerms{Name: g.PaymentTerms.Name}
	}
	if g.Customer != nil {
		o.Customer = g.Customer.Customer()
	}
	for _, code := range g.DiscountCodes {
		o.DiscountCodes = append(o.DiscountCodes, DiscountCode{Code: code})
	}
	for _, f := range g.AdditionalFees {
		o.AdditionalFees = append(o.AdditionalFees, AdditionalFee{ID: f.ID, Name: f.Name, Price: f.Price.set(), TaxLines: taxes(f.TaxLines)})
	}
	if g.LineItems.Nodes != nil {
		o.LineItems = make([]LineItem, len(g.LineItems.Nodes))
	}
	for i := range g.LineItems.Nodes {
		o.LineItems[i] = g.LineItems.Nodes[i].line()
	}
	for _, s := range g.ShippingLines.Nodes {
		o.ShippingLines = append(o.ShippingLines, s.line())
	}
	for _, a := range g.DiscountApplications.Nodes {
		o.DiscountApplications = append(o.DiscountApplications, a.application())
	}
	for _, t := range g.Transactions {
		o.Transactions = append(o.Transactions, t.transaction())
	}
	for _, r := range g.Refunds {
		o.Refunds = append(o.Refunds, r.refund(o.ID))
	}
	for _, f := range g.Fulfillments {
		o.Fulfillments = append(o.Fulfillments, f.fulfillment())
	}
	return o
}

// currency is the shop's currency as some amount tells it, for queries that did not ask for it.
func (g *GraphOrder) currency() string {
	for _, bag := range []*moneyBag{g.TotalPriceSet, g.CurrentTotalPriceSet, g.TotalTaxSet} {
		if bag != nil {
			return bag.Shop.Currency
		}
	}
	for _, l := range g.LineItems.Nodes {
		if l.OriginalUnitPrice != nil {
			return l.OriginalUnitPrice.Shop.Currency
		}
	}
	return ""
}

// fulfillmentStatus gives REST's word: it has null for nothing sent, and fewer words.
func fulfillmentStatus(display string) string {
	switch display {
	case "UNFULFILLED":
		return ""
	case "PARTIALLY_FULFILLED":
		return "partial"
	}
	return strings.ToLower(display)
}

func attributes(pairs []keyValue) []Attribute {
	out := make([]Attribute, len(pairs))
	for i, p := range pairs {
		out[i] = Attribute{Name: p.Key, Value: p.Value}
	}
	return out
}

func taxes(lines []graphTax) []TaxLine {
	out := make([]TaxLine, len(lines))
	for i, t := range lines {
		out[i] = TaxLine{Title: t.Title, Rate: t.Rate, Price: t.PriceSet.plain(), PriceSet: t.PriceSet.set(), ChannelLiable: t.ChannelLiable}
	}
	return out
}

func allocations(from []graphAllocation) []Allocation {
	out := make([]Allocation, len(from))
	for i, a := range from {
		out[i] = Allocation{Amount: a.AmountSet.plain(), AmountSet: a.AmountSet.set(), Index: a.Application.Index}
	}
	return out
}

func (l *graphLine) line() LineItem {
	out := LineItem{
		ID: ID(l.ID.Legacy()), Name: l.Name, Title: l.Title, VariantTitle: l.VariantTitle, SKU: l.SKU,
		ProductID: l.Product.id(), VariantID: l.Variant.id(),
		Quantity: l.Quantity, CurrentQuantity: l.CurrentQuantity, Fulfillable: l.UnfulfilledQuantity,
		GiftCard: l.IsGiftCard, RequiresShipping: l.RequiresShipping, Taxable: l.Taxable == nil || *l.Taxable,
		Properties: attributes(l.CustomAttributes),
		Price:      l.OriginalUnitPrice.plain(), PriceSet: l.OriginalUnitPrice.set(),
		TaxLines: taxes(l.TaxLines), Allocations: allocations(l.Allocations),
	}
	for _, d := range l.Duties {
		out.Duties = append(out.Duties, Duty{ID: ID(d.ID.Legacy()), Price: d.Price.set(), TaxLines: taxes(d.TaxLines)})
	}
	return out
}

func (s *graphShipping) line() ShippingLine {
	return ShippingLine{
		ID: ID(s.ID.Legacy()), Title: s.Title, Code: s.Code, CarrierIdentifier: s.CarrierIdentifier, Removed: s.IsRemoved,
		Price: s.OriginalPrice.plain(), PriceSet: s.OriginalPrice.set(),
		DiscountedPrice: s.DiscountedPrice.plain(), DiscountedSet: s.DiscountedPrice.set(),
		TaxLines: taxes(s.TaxLines), Allocations: allocations(s.Allocations),
	}
}

func (a *graphApplication) application() DiscountApplication {
	out := DiscountApplication{
		Code: a.Code, Title: a.Title, ValueType: "fixed_amount", Value: a.Value.Amount,
		AllocationMethod: strings.ToLower(a.AllocationMethod), TargetSelection: strings.ToLower(a.TargetSelection),
		TargetType: strings.ToLower(a.TargetType),
	}
	if a.Value.Percentage.Given {
		out.ValueType, out.Value = "percentage", a.Value.Percentage
	}
	switch a.Type {
	case "DiscountCodeApplication":
		out.Type = "discount_code"
	default:
		out.Type = strings.ToLower(strings.TrimSuffix(a.Type, "DiscountApplication"))
	}
	return out
}

func (t *graphTransaction) transaction() Transaction {
	out := Transaction{
		ID: ID(t.ID.Legacy()), Kind: strings.ToLower(t.Kind), Status: strings.ToLower(t.Status), Gateway: t.Gateway, Title: t.Title,
		Amount: t.AmountSet.plain(), AmountSet: t.AmountSet.set(), ParentID: t.Parent.id(), Reference: t.PaymentID,
		CreatedAt: t.CreatedAt, ProcessedAt: t.ProcessedAt,
	}
	if t.AmountSet != nil {
		out.Currency = t.AmountSet.Shop.Currency
	}
	return out
}

func (r *graphRefund) refund(order ID) Refund {
	out := Refund{ID: ID(r.ID.Legacy()), OrderID: order, CreatedAt: r.CreatedAt, ProcessedAt: r.ProcessedAt, Note: r.Note, TotalSet: r.TotalSet.set()}
	for _, l := range r.Lines.Nodes {
		out.Lines = append(out.Lines, RefundLine{
			ID: ID(l.ID.Legacy()), LineItemID: l.LineItem.id(), Quantity: l.Quantity, RestockType: strings.ToLower(l.RestockType),
			Subtotal: l.SubtotalSet.plain(), SubtotalSet: l.SubtotalSet.set(), TotalTax: l.TotalTaxSet.plain(), TotalTaxSet: l.TotalTaxSet.set(),
		})
	}
	for _, s := range r.ShippingLines.Nodes {
		out.ShippingLines = append(out.ShippingLines, RefundShippingLine{Subtotal: s.Subtotal.set(), Tax: s.Tax.set()})
	}
	for _, t := range r.Transactions.Nodes {
		out.Transactions = append(out.Transactions, t.transaction())
	}
	return out
}

func (f *graphFulfillment) fulfillment() Fulfillment {
	out := Fulfillment{ID: ID(f.ID.Legacy()), Status: strings.ToLower(f.Status), CreatedAt: f.CreatedAt}
	for _, t := range f.TrackingInfo {
		out.TrackingNumbers, out.TrackingURLs = append(out.TrackingNumbers, t.Number), append(out.TrackingURLs, t.URL)
		out.TrackingCompany = t.Company
	}
	for _, l := range f.Lines.Nodes {
		out.LineItems = append(out.LineItems, FulfillmentLine{ID: l.LineItem.id(), Quantity: l.Quantity})
	}
	return out
}

// Customer gives the customer in REST's spelling.
func (g *GraphCustomer) Customer() *Customer {
	c := &Customer{
		ID: ID(g.ID.Legacy()), Email: g.Email, FirstName: g.FirstName, LastName: g.LastName, State: strings.ToLower(g.State),
		Note: g.Note, Tags: strings.Join(g.Tags, ", "), Locale: g.Locale, TaxExempt: g.TaxExempt,
		CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt, DefaultAddress: g.DefaultAddress.address(),
	}
	for _, e := range g.TaxExemptions {
		c.TaxExemptions = append(c.TaxExemptions, strings.ToLower(e))
	}
	if g.DefaultEmail != nil {
		c.Email = g.DefaultEmail.Address
		if g.DefaultEmail.State != "" {
			c.EmailConsent = &Consent{State: strings.ToLower(g.DefaultEmail.State), UpdatedAt: g.DefaultEmail.UpdatedAt}
		}
	}
	if g.DefaultPhone != nil {
		c.Phone = g.DefaultPhone.Number
	}
	for _, a := range g.Addresses.Nodes {
		address := *a.address()
		address.Default = g.DefaultAddress != nil && a.ID == g.DefaultAddress.ID
		c.Addresses = append(c.Addresses, address)
	}
	return c
}

func (a *graphAddress) address() *Address {
	if a == nil {
		return nil
	}
	return &Address{
		ID: ID(a.ID.Legacy()), FirstName: a.FirstName, LastName: a.LastName, Name: a.Name, Company: a.Company,
		Address1: a.Address1, Address2: a.Address2, City: a.City, Province: a.Province, ProvinceCode: a.ProvinceCode,
		Country: a.Country, CountryCode: a.CountryCode, Zip: a.Zip, Phone: a.Phone,
	}
}
