package api

// The GraphQL documents of this connector, for version 2026-07 and its neighbours. Contract tests
// check them against the published schema.

// cash, levies, … are shared by the queries; each query names those that it needs, because a fragment
// that is not used is an error.
const (
	cash    = ` fragment Cash on MoneyBag { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }`
	levy    = ` fragment Levy on TaxLine { title rate channelLiable priceSet { ...Cash } }`
	share   = ` fragment Share on DiscountAllocation { allocatedAmountSet { ...Cash } discountApplication { index } }`
	address = ` fragment Address on MailingAddress { id firstName lastName name company address1 address2 city province provinceCode country countryCodeV2 zip phone }`
	buyer   = ` fragment Buyer on Customer { id firstName lastName state locale note tags taxExempt taxExemptions createdAt updatedAt
		defaultEmailAddress { emailAddress marketingState marketingUpdatedAt } defaultPhoneNumber { phoneNumber } defaultAddress { ...Address } }`
	line = ` fragment Line on LineItem { id name title variantTitle sku quantity currentQuantity unfulfilledQuantity isGiftCard requiresShipping taxable
		customAttributes { key value } variant { id } product { id } originalUnitPriceSet { ...Cash } discountAllocations { ...Share } taxLines { ...Levy }
		duties { id price { ...Cash } taxLines { ...Levy } } }`
	movement = ` fragment Movement on OrderTransaction { id kind status gateway formattedGateway paymentId createdAt processedAt amountSet { ...Cash } parentTransaction { id } }`
	// head is what a list and a single order share: everything but lines, refunds and fulfilments.
	head = ` fragment Head on Order {
		id name createdAt processedAt updatedAt closedAt cancelledAt cancelReason test displayFinancialStatus displayFulfillmentStatus
		currencyCode presentmentCurrencyCode taxesIncluded dutiesIncluded email phone note tags poNumber sourceName customerLocale
		customAttributes { key value } paymentGatewayNames discountCodes paymentTerms { paymentTermsName }
		customer { ...Buyer } billingAddress { ...Address } shippingAddress { ...Address }
		taxLines { ...Levy } additionalFees { id name price { ...Cash } taxLines { ...Levy } }
		totalPriceSet { ...Cash } currentTotalPriceSet { ...Cash } totalTaxSet { ...Cash } currentTotalTaxSet { ...Cash }
		totalDiscountsSet { ...Cash } totalTipReceivedSet { ...Cash } totalOutstandingSet { ...Cash }
		originalTotalDutiesSet { ...Cash } originalTotalAdditionalFeesSet { ...Cash } totalCashRoundingAdjustment { paymentSet { ...Cash } }
		discountApplications(first: 8) {
			nodes { __typename index allocationMethod targetSelection targetType
				value { __typename ... on MoneyV2 { amount currencyCode } ... on PricingPercentageValue { percentage } }
				... on DiscountCodeApplication { code } ... on ManualDiscountApplication { title } ... on AutomaticDiscountApplication { title } ... on ScriptDiscountApplication { title } }
			pageInfo { hasNextPage endCursor } }
		shippingLines(first: 3, includeRemovals: true) {
			nodes { id title code carrierIdentifier isRemoved originalPriceSet { ...Cash } discountedPriceSet { ...Cash } discountAllocations { ...Share } taxLines { ...Levy } }
			pageInfo { hasNextPage endCursor } } }` + cash + levy + share + address + buyer + movement
)

// OrdersQuery lists orders with what most of them need. Refunds, fulfilments and more lines than fit
// are left to OrderQuery: nested lists multiply the cost of a query, which may be 1,000 points.
const OrdersQuery = `query Orders($first: Int!, $after: String, $query: String) {
	orders(first: $first, after: $after, sortKey: UPDATED_AT, query: $query) {
		nodes { ...Head lineItems(first: 16) { nodes { ...Line } pageInfo { hasNextPage endCursor } }
			transactions(first: 8) { ...Movement } refunds(first: 1) { id } fulfillments(first: 4) { id status createdAt trackingInfo(first: 3) { number url company } } }
		pageInfo { hasNextPage endCursor } } }` + head + line

// OrderQuery reads one order, with a page of its lines. How much of its lists is asked for are variables,
// because nobody outside of Shopify knows exactly what a query costs.
const OrderQuery = `query Order($id: ID!, $lines: Int!, $transactions: Int!, $refunds: Int!, $shipments: Int!, $parts: Int!) {
	order(id: $id) { ...Head
		lineItems(first: $lines) { nodes { ...Line } pageInfo { hasNextPage endCursor } }
		transactions(first: $transactions) { ...Movement }
		refunds(first: $refunds) { id createdAt processedAt note totalRefundedSet { ...Cash }
			refundLineItems(first: $parts) { nodes { id quantity restockType lineItem { id } subtotalSet { ...Cash } totalTaxSet { ...Cash } } pageInfo { hasNextPage endCursor } }
			refundShippingLines(first: 3) { nodes { subtotalAmountSet { ...Cash } taxAmountSet { ...Cash } } pageInfo { hasNextPage endCursor } }
			transactions(first: 5) { nodes { ...Movement } pageInfo { hasNextPage endCursor } } }
		fulfillments(first: $shipments) { id status createdAt trackingInfo(first: 3) { number url company }
			fulfillmentLineItems(first: $parts) { nodes { quantity lineItem { id } } pageInfo { hasNextPage endCursor } } } } }` + head + line

// LinesQuery reads more lines of an order.
const LinesQuery = `query Lines($id: ID!, $lines: Int!, $after: String) {
	order(id: $id) { updatedAt lineItems(first: $lines, after: $after) { nodes { ...Line } pageInfo { hasNextPage endCursor } } } }` + line + cash + levy + share

// amounts are how much of an order's lists is asked for.
type amounts struct{ lines, transactions, refunds, shipments, parts int }

// listedAmounts are those of OrdersQuery, wholeAmounts those that OrderQuery begins with.
var (
	listedAmounts = amounts{lines: 16, transactions: 8, refunds: 1, shipments: 4}
	wholeAmounts  = amounts{lines: 100, transactions: 100, refunds: 30, shipments: 16, parts: 50}
)

// less asks for half of it.
func (a amounts) less() amounts {
	return amounts{max(1, a.lines/2), max(1, a.transactions/2), max(1, a.refunds/2), max(1, a.shipments/2), max(1, a.parts/2)}
}

func (a amounts) variables(id string) map[string]any {
	return map[string]any{"id": id, "lines": a.lines, "transactions": a.transactions, "refunds": a.refunds, "shipments": a.shipments, "parts": a.parts}
}

// OrdersCountQuery counts orders; a limit of null counts beyond 10,000.
const OrdersCountQuery = `query OrdersCount($query: String) { ordersCount(query: $query, limit: null) { count precision } }`

// CustomersQuery lists customers.
const CustomersQuery = `query Customers($first: Int!, $after: String, $query: String) {
	customers(first: $first, after: $after, sortKey: UPDATED_AT, query: $query) {
		nodes { ...Buyer addressesV2(first: 20) { nodes { ...Address } pageInfo { hasNextPage endCursor } } }
		pageInfo { hasNextPage endCursor } } }` + buyer + address

// CustomerQuery reads one customer.
const CustomerQuery = `query Customer($id: ID!) {
	customer(id: $id) { ...Buyer addressesV2(first: 250) { nodes { ...Address } pageInfo { hasNextPage endCursor } } } }` + buyer + address

// ShopQuery reads the shop.
const ShopQuery = `query Shop { shop { id name myshopifyDomain currencyCode ianaTimezone taxesIncluded } }`

// TagsQuery reads the tags of an order.
const TagsQuery = `query Tags($id: ID!) { order(id: $id) { tags } }`

// TagsAddMutation adds tags; one that is there already stays alone.
const TagsAddMutation = `mutation TagsAdd($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { userErrors { field message } } }`

// WebhooksQuery lists the subscriptions that this app has made for an address.
const WebhooksQuery = `query Webhooks($first: Int!, $after: String, $uri: String) {
	webhookSubscriptions(first: $first, after: $after, uri: $uri) { nodes { id topic uri } pageInfo { hasNextPage endCursor } } }`

// SubscribeMutation makes a subscription.
const SubscribeMutation = `mutation Subscribe($topic: WebhookSubscriptionTopic!, $webhook: WebhookSubscriptionInput!) {
	webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhook) {
		webhookSubscription { id topic uri } userErrors { field message } } }`

// Documents gives every document by its name, for tests against a schema.
func Documents() map[string]string {
	return map[string]string{
		"Orders": OrdersQuery, "Order": OrderQuery, "Lines": LinesQuery, "OrdersCount": OrdersCountQuery,
		"Customers": CustomersQuery, "Customer": CustomerQuery, "Shop": ShopQuery, "Tags": TagsQuery, "TagsAdd": TagsAddMutation,
		"Webhooks": WebhooksQuery, "Subscribe": SubscribeMutation,
	}
}
