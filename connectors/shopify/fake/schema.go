package fake

// schema is the part of the Admin API that the fake answers, in the schema language: names, arguments
// and types as version 2026-07 has them. A contract test compares it with the published schema. Codes
// of currencies, countries and tax exemptions are long enumerations there and plain texts here.
const schema = `
schema { query: QueryRoot mutation: Mutation }
scalar DateTime scalar Decimal scalar URL scalar UnsignedInt64 scalar CurrencyCode scalar CountryCode scalar TaxExemption
union PricingValue = MoneyV2 | PricingPercentageValue
type QueryRoot {
	customer(id: ID!): Customer
	customers(first: Int, after: String, last: Int, before: String, reverse: Boolean = false, sortKey: CustomerSortKeys = ID, query: String): CustomerConnection!
	order(id: ID!): Order
	orders(first: Int, after: String, last: Int, before: String, reverse: Boolean = false, sortKey: OrderSortKeys = PROCESSED_AT, query: String): OrderConnection!
	ordersCount(query: String, limit: Int = 10000): Count
	shop: Shop!
	webhookSubscriptions(first: Int, after: String, last: Int, before: String, reverse: Boolean = false, sortKey: WebhookSubscriptionSortKeys = CREATED_AT, query: String, callbackUrl: URL, uri: String, format: WebhookSubscriptionFormat, topics: [WebhookSubscriptionTopic!]): WebhookSubscriptionConnection!
}
type Mutation {
	tagsAdd(id: ID!, tags: [String!]!): TagsAddPayload
	webhookSubscriptionCreate(topic: WebhookSubscriptionTopic!, webhookSubscription: WebhookSubscriptionInput!): WebhookSubscriptionCreatePayload
	webhookSubscriptionDelete(id: ID!): WebhookSubscriptionDeletePayload
}
type Order implements Node {
	additionalFees: [AdditionalFee!]!
	billingAddress: MailingAddress
	cancelReason: OrderCancelReason
	cancelledAt: DateTime
	closed: Boolean!
	closedAt: DateTime
	createdAt: DateTime!
	currencyCode: CurrencyCode!
	currentSubtotalPriceSet: MoneyBag!
	currentTotalDiscountsSet: MoneyBag!
	currentTotalPriceSet: MoneyBag!
	currentTotalTaxSet: MoneyBag!
	customAttributes: [Attribute!]!
	customer: Customer
	customerLocale: String
	discountApplications(first: Int, after: String, last: Int, before: String, reverse: Boolean = false): DiscountApplicationConnection!
	discountCodes: [String!]!
	displayFinancialStatus: OrderDisplayFinancialStatus
	displayFulfillmentStatus: OrderDisplayFulfillmentStatus!
	dutiesIncluded: Boolean!
	email: String
	fulfillmentOrders(displayable: Boolean = false, first: Int, after: String, last: Int, before: String, reverse: Boolean = false, query: String): FulfillmentOrderConnection!
	fulfillments(first: Int, query: String): [Fulfillment!]!
	id: ID!
	legacyResourceId: UnsignedInt64!
	lineItems(first: Int, after: String, last: Int, before: String, reverse: Boolean = false): LineItemConnection!
	name: String!
	netPaymentSet: MoneyBag!
	note: String
	originalTotalAdditionalFeesSet: MoneyBag
	originalTotalDutiesSet: MoneyBag
	paymentGatewayNames: [String!]!
	paymentTerms: PaymentTerms
	phone: String
	poNumber: String
	presentmentCurrencyCode: CurrencyCode!
	processedAt: DateTime!
	refunds(first: Int): [Refund!]!
	returns(first: Int, after: String, last: Int, before: String, reverse: Boolean = false, query: String): ReturnConnection!
	shippingAddress: MailingAddress
	shippingLines(includeRemovals: Boolean = false, first: Int, after: String, last: Int, before: String, reverse: Boolean = false): ShippingLineConnection!
	sourceName: String
	subtotalPriceSet: MoneyBag
	tags: [String!]!
	taxLines: [TaxLine!]!
	taxesIncluded: Boolean!
	test: Boolean!
	totalCashRoundingAdjustment: CashRoundingAdjustment!
	totalDiscountsSet: MoneyBag
	totalOutstandingSet: MoneyBag!
	totalPriceSet: MoneyBag!
	totalReceivedSet: MoneyBag!
	totalRefundedSet: MoneyBag!
	totalRefundedShippingSet: MoneyBag!
	totalShippingPriceSet: MoneyBag!
	totalTaxSet: MoneyBag
	totalTipReceivedSet: MoneyBag!
	transactions(first: Int, capturable: Boolean, manuallyResolvable: Boolean): [OrderTransaction!]!
	updatedAt: DateTime!
}
type FulfillmentOrder implements Node {
	assignedLocation: FulfillmentOrderAssignedLocation!
	id: ID!
	lineItems(first: Int, after: String, last: Int, before: String, reverse: Boolean = false): FulfillmentOrderLineItemConnection!
	requestStatus: FulfillmentOrderRequestStatus!
	status: FulfillmentOrderStatus!
}
type FulfillmentOrderLineItem implements Node {
	id: ID!
	lineItem: LineItem!
	remainingQuantity: Int!
	totalQuantity: Int!
}
type FulfillmentOrderAssignedLocation {
	name: String!
}
type Return implements Node {
	id: ID!
	status: ReturnStatus!
}
type LineItem implements Node {
	currentQuantity: Int!
	customAttributes: [Attribute!]!
	discountAllocations: [DiscountAllocation!]!
	duties: [Duty!]!
	id: ID!
	isGiftCard: Boolean!
	name: String!
	originalUnitPriceSet: MoneyBag!
	product: Product
	quantity: Int!
	requiresShipping: Boolean!
	sku: String
	taxLines(first: Int): [TaxLine!]!
	taxable: Boolean!
	title: String!
	unfulfilledQuantity: Int!
	variant: ProductVariant
	variantTitle: String
}
type ShippingLine {
	carrierIdentifier: String
	code: String
	discountAllocations: [DiscountAllocation!]!
	discountedPriceSet: MoneyBag!
	id: ID
	isRemoved: Boolean!
	originalPriceSet: MoneyBag!
	source: String
	taxLines: [TaxLine!]!
	title: String!
}
type TaxLine {
	channelLiable: Boolean
	priceSet: MoneyBag!
	rate: Float
	title: String!
}
type DiscountAllocation {
	allocatedAmountSet: MoneyBag!
	discountApplication: DiscountApplication!
}
interface DiscountApplication {
	allocationMethod: DiscountApplicationAllocationMethod!
	index: Int!
	targetSelection: DiscountApplicationTargetSelection!
	targetType: DiscountApplicationTargetType!
	value: PricingValue!
}
type DiscountCodeApplication implements DiscountApplication {
	allocationMethod: DiscountApplicationAllocationMethod!
	code: String!
	index: Int!
	targetSelection: DiscountApplicationTargetSelection!
	targetType: DiscountApplicationTargetType!
	value: PricingValue!
}
type ManualDiscountApplication implements DiscountApplication {
	allocationMethod: DiscountApplicationAllocationMethod!
	description: String
	index: Int!
	targetSelection: DiscountApplicationTargetSelection!
	targetType: DiscountApplicationTargetType!
	title: String!
	value: PricingValue!
}
type AutomaticDiscountApplication implements DiscountApplication {
	allocationMethod: DiscountApplicationAllocationMethod!
	index: Int!
	targetSelection: DiscountApplicationTargetSelection!
	targetType: DiscountApplicationTargetType!
	title: String!
	value: PricingValue!
}
type ScriptDiscountApplication implements DiscountApplication {
	allocationMethod: DiscountApplicationAllocationMethod!
	index: Int!
	targetSelection: DiscountApplicationTargetSelection!
	targetType: DiscountApplicationTargetType!
	title: String!
	value: PricingValue!
}
type PricingPercentageValue {
	percentage: Float!
}
type MoneyBag {
	presentmentMoney: MoneyV2!
	shopMoney: MoneyV2!
}
type MoneyV2 {
	amount: Decimal!
	currencyCode: CurrencyCode!
}
type OrderTransaction implements Node {
	amountSet: MoneyBag!
	createdAt: DateTime!
	formattedGateway: String
	gateway: String
	id: ID!
	kind: OrderTransactionKind!
	parentTransaction: OrderTransaction
	paymentId: String
	processedAt: DateTime
	status: OrderTransactionStatus!
}
type Refund implements Node {
	createdAt: DateTime
	id: ID!
	note: String
	processedAt: DateTime!
	refundLineItems(first: Int, after: String, last: Int, before: String, reverse: Boolean = false): RefundLineItemConnection!
	refundShippingLines(first: Int, after: String, last: Int, before: String, reverse: Boolean = false): RefundShippingLineConnection!
	totalRefundedSet: MoneyBag!
	transactions(first: Int, after: String, last: Int, before: String, reverse: Boolean = false): OrderTransactionConnection!
}
type RefundLineItem {
	id: ID
	lineItem: LineItem!
	quantity: Int!
	restockType: RefundLineItemRestockType!
	subtotalSet: MoneyBag!
	totalTaxSet: MoneyBag!
}
type RefundShippingLine implements Node {
	id: ID!
	subtotalAmountSet: MoneyBag!
	taxAmountSet: MoneyBag!
}
type Fulfillment implements Node {
	createdAt: DateTime!
	displayStatus: FulfillmentDisplayStatus
	fulfillmentLineItems(first: Int, after: String, last: Int, before: String, reverse: Boolean = false): FulfillmentLineItemConnection!
	id: ID!
	status: FulfillmentStatus!
	trackingInfo(first: Int): [FulfillmentTrackingInfo!]!
	updatedAt: DateTime!
}
type FulfillmentLineItem implements Node {
	id: ID!
	lineItem: LineItem!
	quantity: Int
}
type FulfillmentTrackingInfo {
	company: String
	number: String
	url: URL
}
type MailingAddress implements Node {
	address1: String
	address2: String
	city: String
	company: String
	country: String
	countryCodeV2: CountryCode
	firstName: String
	id: ID!
	lastName: String
	name: String
	phone: String
	province: String
	provinceCode: String
	zip: String
}
type Customer implements Node {
	addressesV2(first: Int, after: String, last: Int, before: String, reverse: Boolean = false): MailingAddressConnection!
	createdAt: DateTime!
	defaultAddress: MailingAddress
	defaultEmailAddress: CustomerEmailAddress
	defaultPhoneNumber: CustomerPhoneNumber
	displayName: String!
	email: String
	firstName: String
	id: ID!
	lastName: String
	legacyResourceId: UnsignedInt64!
	locale: String!
	note: String
	phone: String
	state: CustomerState!
	tags: [String!]!
	taxExempt: Boolean!
	taxExemptions: [TaxExemption!]!
	updatedAt: DateTime!
}
type CustomerEmailAddress {
	emailAddress: String!
	marketingState: CustomerEmailAddressMarketingState!
	marketingUpdatedAt: DateTime
}
type CustomerPhoneNumber {
	phoneNumber: String!
}
type Duty implements Node {
	id: ID!
	price: MoneyBag!
	taxLines: [TaxLine!]!
}
type AdditionalFee implements Node {
	id: ID!
	name: String!
	price: MoneyBag!
	taxLines: [TaxLine!]!
}
type CashRoundingAdjustment {
	paymentSet: MoneyBag!
	refundSet: MoneyBag!
}
type Attribute {
	key: String!
	value: String
}
type PaymentTerms implements Node {
	id: ID!
	paymentTermsName: String!
}
type ProductVariant implements Node {
	id: ID!
	legacyResourceId: UnsignedInt64!
	sku: String
}
type Product implements Node {
	id: ID!
	legacyResourceId: UnsignedInt64!
	title: String!
}
type Shop implements Node {
	currencyCode: CurrencyCode!
	ianaTimezone: String!
	id: ID!
	myshopifyDomain: String!
	name: String!
	taxesIncluded: Boolean!
}
type Count {
	count: Int!
	precision: CountPrecision!
}
type PageInfo {
	endCursor: String
	hasNextPage: Boolean!
	hasPreviousPage: Boolean!
	startCursor: String
}
type WebhookSubscription implements Node {
	createdAt: DateTime!
	format: WebhookSubscriptionFormat!
	id: ID!
	legacyResourceId: UnsignedInt64!
	topic: WebhookSubscriptionTopic!
	updatedAt: DateTime!
	uri: String!
}
type TagsAddPayload {
	node: Node
	userErrors: [UserError!]!
}
type UserError {
	field: [String!]
	message: String!
}
type WebhookSubscriptionCreatePayload {
	userErrors: [UserError!]!
	webhookSubscription: WebhookSubscription
}
type WebhookSubscriptionDeletePayload {
	deletedWebhookSubscriptionId: ID
	userErrors: [UserError!]!
}
interface Node {
	id: ID!
}
type OrderConnection {
	nodes: [Order!]!
	pageInfo: PageInfo!
}
type LineItemConnection {
	nodes: [LineItem!]!
	pageInfo: PageInfo!
}
type ShippingLineConnection {
	nodes: [ShippingLine!]!
	pageInfo: PageInfo!
}
type DiscountApplicationConnection {
	nodes: [DiscountApplication!]!
	pageInfo: PageInfo!
}
type RefundLineItemConnection {
	nodes: [RefundLineItem!]!
	pageInfo: PageInfo!
}
type RefundShippingLineConnection {
	nodes: [RefundShippingLine!]!
	pageInfo: PageInfo!
}
type OrderTransactionConnection {
	nodes: [OrderTransaction!]!
	pageInfo: PageInfo!
}
type FulfillmentLineItemConnection {
	nodes: [FulfillmentLineItem!]!
	pageInfo: PageInfo!
}
type CustomerConnection {
	nodes: [Customer!]!
	pageInfo: PageInfo!
}
type MailingAddressConnection {
	nodes: [MailingAddress!]!
	pageInfo: PageInfo!
}
type WebhookSubscriptionConnection {
	nodes: [WebhookSubscription!]!
	pageInfo: PageInfo!
}
type FulfillmentOrderConnection {
	nodes: [FulfillmentOrder!]!
	pageInfo: PageInfo!
}
type FulfillmentOrderLineItemConnection {
	nodes: [FulfillmentOrderLineItem!]!
	pageInfo: PageInfo!
}
type ReturnConnection {
	nodes: [Return!]!
	pageInfo: PageInfo!
}
input WebhookSubscriptionInput {
	format: WebhookSubscriptionFormat
	includeFields: [String!]
	filter: String
	metafieldNamespaces: [String!]
	name: String
	callbackUrl: URL
	uri: String
}
enum OrderSortKeys { CREATED_AT CURRENT_TOTAL_PRICE CUSTOMER_NAME DESTINATION FINANCIAL_STATUS FULFILLMENT_STATUS ID ORDER_NUMBER PO_NUMBER PROCESSED_AT RELEVANCE TOTAL_ITEMS_QUANTITY TOTAL_PRICE UPDATED_AT }
enum CustomerSortKeys { CREATED_AT ID LOCATION NAME RELEVANCE UPDATED_AT }
enum OrderCancelReason { CUSTOMER DECLINED FRAUD INVENTORY STAFF OTHER }
enum OrderDisplayFinancialStatus { PENDING AUTHORIZED PARTIALLY_PAID PARTIALLY_REFUNDED VOIDED PAID REFUNDED EXPIRED }
enum OrderDisplayFulfillmentStatus { UNFULFILLED PARTIALLY_FULFILLED FULFILLED RESTOCKED PENDING_FULFILLMENT OPEN IN_PROGRESS ON_HOLD SCHEDULED REQUEST_DECLINED }
enum DiscountApplicationAllocationMethod { ACROSS EACH ONE }
enum DiscountApplicationTargetSelection { ALL ENTITLED EXPLICIT }
enum DiscountApplicationTargetType { LINE_ITEM SHIPPING_LINE }
enum OrderTransactionKind { SALE CAPTURE AUTHORIZATION VOID REFUND CHANGE EMV_AUTHORIZATION SUGGESTED_REFUND }
enum OrderTransactionStatus { SUCCESS FAILURE PENDING ERROR AWAITING_RESPONSE UNKNOWN }
enum RefundLineItemRestockType { RETURN CANCEL LEGACY_RESTOCK NO_RESTOCK }
enum FulfillmentStatus { PENDING OPEN SUCCESS CANCELLED ERROR FAILURE }
enum CustomerState { DECLINED DISABLED ENABLED INVITED }
enum CustomerEmailAddressMarketingState { INVALID NOT_SUBSCRIBED PENDING SUBSCRIBED UNSUBSCRIBED }
enum CountPrecision { EXACT AT_LEAST }
enum FulfillmentOrderStatus { OPEN IN_PROGRESS CANCELLED INCOMPLETE CLOSED SCHEDULED ON_HOLD }
enum FulfillmentOrderRequestStatus { UNSUBMITTED SUBMITTED ACCEPTED REJECTED CANCELLATION_REQUESTED CANCELLATION_ACCEPTED CANCELLATION_REJECTED CLOSED }
enum ReturnStatus { CANCELED CLOSED OPEN REQUESTED DECLINED }
enum FulfillmentDisplayStatus { ATTEMPTED_DELIVERY CANCELED CONFIRMED DELAYED DELIVERED FAILURE FULFILLED CARRIER_PICKED_UP IN_TRANSIT LABEL_PRINTED LABEL_PURCHASED LABEL_VOIDED MARKED_AS_FULFILLED NOT_DELIVERED OUT_FOR_DELIVERY READY_FOR_PICKUP PICKED_UP SUBMITTED }
enum WebhookSubscriptionFormat { JSON XML }
enum WebhookSubscriptionSortKeys { CREATED_AT ID }
enum WebhookSubscriptionTopic { ORDERS_CREATE ORDERS_UPDATED ORDERS_PAID ORDERS_CANCELLED ORDERS_EDITED ORDERS_DELETE ORDERS_FULFILLED ORDERS_PARTIALLY_FULFILLED REFUNDS_CREATE CUSTOMERS_CREATE CUSTOMERS_UPDATE CUSTOMERS_DELETE SHOP_UPDATE }
`

// Schema is what the fake answers, for the test that compares it with the published schema.
func Schema() string { return schema }
