package fake

import (
	"encoding/json"
	"strconv"
	"strings"
)

// The same records in GraphQL's spelling.

// graphOrder is an order as this app sees it. Objects that need a further right ask for it when the query
// wants them.
func (x *execution) graphOrder(from *order, path []any) object {
	o := from
	if x.v.anonymous {
		o = x.v.shownOrder(from)
	}
	out := object{
		"__typename": "Order", "id": gid("Order", o.ID), "legacyResourceId": strconv.FormatInt(o.ID, 10), "name": o.Name,
		"createdAt": o.CreatedAt.graph(), "processedAt": o.ProcessedAt.graph(), "updatedAt": o.UpdatedAt.graph(),
		"closedAt": when(o.ClosedAt), "closed": o.ClosedAt != nil, "cancelledAt": when(o.CancelledAt), "cancelReason": upper(o.CancelReason),
		"test": o.Test, "displayFinancialStatus": strings.ToUpper(o.FinancialStatus), "displayFulfillmentStatus": "UNFULFILLED",
		"currencyCode": o.Currency, "presentmentCurrencyCode": o.PresentmentCurrency, "taxesIncluded": o.TaxesIncluded, "dutiesIncluded": o.DutiesIncluded,
		"email": text(o.Email), "phone": o.Phone, "note": o.Note, "tags": tagList(o.Tags), "poNumber": o.PONumber, "sourceName": o.SourceName,
		"customerLocale": o.CustomerLocale, "customAttributes": pairs(o.NoteAttributes), "paymentGatewayNames": o.GatewayNames,
		"discountCodes": codes(o.DiscountCodes), "paymentTerms": nil, "customer": nil,
		"billingAddress": mailing(o.BillingAddress, o.ID), "shippingAddress": mailing(o.ShippingAddress, o.ID+1),
		"taxLines": graphTaxes(o.TaxLines), "additionalFees": []object{},
		"subtotalPriceSet": bag(&o.SubtotalSet), "currentSubtotalPriceSet": bag(&o.CurrentSubtotalSet),
		"totalPriceSet": bag(&o.TotalPriceSet), "currentTotalPriceSet": bag(&o.CurrentTotalSet),
		"totalTaxSet": bag(&o.TotalTaxSet), "currentTotalTaxSet": bag(&o.CurrentTaxSet),
		"totalDiscountsSet": bag(&o.TotalDiscountsSet), "currentTotalDiscountsSet": bag(&o.CurrentDiscountsSet),
		"totalShippingPriceSet": bag(&o.TotalShippingSet), "totalTipReceivedSet": bag(&o.tip), "totalOutstandingSet": bag(&o.outstanding),
		"originalTotalDutiesSet": bag(o.DutiesSet), "originalTotalAdditionalFeesSet": nil,
		"totalCashRoundingAdjustment": object{"__typename": "CashRoundingAdjustment", "paymentSet": bag(&o.CashRounding), "refundSet": none(o)},
		"fulfillments":                []object{}, "fulfillmentOrders": connection{}, "returns": connection{},
		"totalReceivedSet": bag(&o.received), "netPaymentSet": bag(&o.received), "totalRefundedSet": none(o), "totalRefundedShippingSet": none(o),
	}
	applications := connection{}
	for i, a := range o.DiscountApplications {
		applications = append(applications, graphApplication(i, a, o.Currency))
	}
	out["discountApplications"] = applications
	lines := connection{}
	for i := range o.LineItems {
		lines = append(lines, graphLine(&o.LineItems[i], applications))
	}
	out["lineItems"] = lines
	refunds := []object{}
	for i := range o.Refunds {
		refunds = append(refunds, graphRefund(&o.Refunds[i], lines))
	}
	out["refunds"] = refunds
	deliveries := connection{}
	for i := range o.ShippingLines {
		deliveries = append(deliveries, graphDelivery(&o.ShippingLines[i], applications))
	}
	out["shippingLines"] = deliveries
	transactions := []object{}
	for i := range o.transactions {
		transactions = append(transactions, graphTransaction(&o.transactions[i]))
	}
	out["transactions"] = transactions
	if o.Customer != nil {
		out["customer"] = func(f *field, at []any) any {
			if !x.v.granted("read_customers") {
				x.deny(f.Name, "read_customers", at)
				return nil
			}
			return x.v.graphCustomer(o.Customer)
		}
	}
	for _, l := range lines {
		for _, name := range []string{"product", "variant"} {
			value := l[name]
			l[name] = func(f *field, at []any) any {
				if !x.v.granted("read_products") && value != nil {
					x.deny(f.Name, "read_products", at)
					return nil
				}
				return value
			}
		}
	}
	return out
}

// none is an amount of nothing.
func none(o *order) any {
	return bag(&set{amount{"0", o.Currency}, amount{"0", o.PresentmentCurrency}})
}

func when(at *stamp) any {
	if at == nil {
		return nil
	}
	return at.graph()
}

func upper(s *string) any {
	if s == nil {
		return nil
	}
	return strings.ToUpper(*s)
}

func tagList(tags string) []string {
	out := []string{}
	for tag := range strings.SplitSeq(tags, ", ") {
		if tag != "" {
			out = append(out, tag)
		}
	}
	return out
}

func codes(from []code) []string {
	out := []string{}
	for _, c := range from {
		out = append(out, c.Code)
	}
	return out
}

func pairs(from []pair) []object {
	out := []object{}
	for _, p := range from {
		out = append(out, object{"__typename": "Attribute", "key": p.Name, "value": p.Value})
	}
	return out
}

func bag(s *set) any {
	if s == nil {
		return nil
	}
	return object{"__typename": "MoneyBag", "shopMoney": moneyOf(s.Shop), "presentmentMoney": moneyOf(s.Presentment)}
}

func moneyOf(a amount) object {
	return object{"__typename": "MoneyV2", "amount": graphAmount(a.Amount), "currencyCode": a.Currency}
}

func graphTaxes(from []tax) []object {
	out := []object{}
	for i := range from {
		out = append(out, object{
			"__typename": "TaxLine", "title": from[i].Title, "rate": from[i].Rate, "channelLiable": from[i].ChannelLiable, "priceSet": bag(&from[i].PriceSet),
		})
	}
	return out
}

func graphAllocations(from []allocation, applications connection) []object {
	out := []object{}
	for i := range from {
		out = append(out, object{
			"__typename": "DiscountAllocation", "allocatedAmountSet": bag(&from[i].AmountSet), "discountApplication": applications[from[i].Index],
		})
	}
	return out
}

func graphApplication(index int, a discount, currency string) object {
	out := object{
		"__typename": "AutomaticDiscountApplication", "index": index, "allocationMethod": strings.ToUpper(a.Method),
		"targetSelection": strings.ToUpper(a.TargetSelection), "targetType": strings.ToUpper(a.TargetType), "title": a.Title,
		"value": moneyOf(amount{a.Value, currency}),
	}
	switch a.Type {
	case "discount_code":
		out["__typename"], out["code"] = "DiscountCodeApplication", a.Code
	case "manual":
		out["__typename"], out["description"] = "ManualDiscountApplication", nil
	}
	if a.ValueType == "percentage" {
		out["value"] = object{"__typename": "PricingPercentageValue", "percentage": json.Number(graphAmount(a.Value))}
	}
	return out
}

func graphLine(l *line, applications connection) object {
	out := object{
		"__typename": "LineItem", "id": gid("LineItem", l.ID), "name": l.Name, "title": l.Title, "variantTitle": l.VariantTitle, "sku": l.SKU,
		"quantity": l.Quantity, "currentQuantity": l.CurrentQuantity, "unfulfilledQuantity": l.Fulfillable, "isGiftCard": l.GiftCard,
		"requiresShipping": l.RequiresShipping, "taxable": l.Taxable, "customAttributes": pairs(l.Properties), "variant": nil, "product": nil,
		"originalUnitPriceSet": bag(&l.PriceSet), "discountAllocations": graphAllocations(l.Allocations, applications), "taxLines": graphTaxes(l.TaxLines),
	}
	if l.ProductID != nil {
		out["product"] = object{"__typename": "Product", "id": gid("Product", *l.ProductID), "legacyResourceId": strconv.FormatInt(*l.ProductID, 10), "title": l.Title}
		out["variant"] = object{"__typename": "ProductVariant", "id": gid("ProductVariant", *l.VariantID), "legacyResourceId": strconv.FormatInt(*l.VariantID, 10), "sku": l.SKU}
	}
	duties := []object{}
	for i := range l.Duties {
		d := &l.Duties[i]
		duties = append(duties, object{"__typename": "Duty", "id": "gid://shopify/Duty/" + d.ID, "price": bag(&d.PriceSet), "taxLines": graphTaxes(d.TaxLines), "countryCodeOfOrigin": d.Origin, "harmonizedSystemCode": d.Code})
	}
	out["duties"] = duties
	return out
}

func graphDelivery(d *delivery, applications connection) object {
	return object{
		"__typename": "ShippingLine", "id": gid("ShippingLine", d.ID), "title": d.Title, "code": d.Code, "source": d.Source, "carrierIdentifier": d.Carrier,
		"isRemoved": d.Removed, "originalPriceSet": bag(&d.PriceSet), "discountedPriceSet": bag(&d.DiscountedSet),
		"discountAllocations": graphAllocations(d.Allocations, applications), "taxLines": graphTaxes(d.TaxLines),
	}
}

func graphTransaction(t *transaction) object {
	return object{
		"__typename": "OrderTransaction", "id": t.AdminID, "kind": strings.ToUpper(t.Kind), "status": strings.ToUpper(t.Status), "gateway": t.Gateway,
		"formattedGateway": t.title, "paymentId": t.PaymentID, "createdAt": t.CreatedAt.graph(), "processedAt": t.ProcessedAt.graph(),
		"amountSet": bag(&t.amount), "parentTransaction": nil,
	}
}

func mailing(a *address, id int64) any {
	if a == nil {
		return nil
	}
	if a.ID != 0 {
		id = a.ID
	}
	return object{
		"__typename": "MailingAddress", "id": gid("MailingAddress", id), "firstName": a.FirstName, "lastName": a.LastName, "name": text(a.Name),
		"company": a.Company, "address1": a.Address1, "address2": a.Address2, "city": a.City, "province": a.Province, "provinceCode": a.ProvinceCode,
		"country": a.Country, "countryCodeV2": a.CountryCode, "zip": a.Zip, "phone": a.Phone,
	}
}

func (v *Vendor) graphCustomer(from *customer) object {
	c := v.shownCustomer(from)
	out := object{
		"__typename": "Customer", "id": gid("Customer", c.ID), "legacyResourceId": strconv.FormatInt(c.ID, 10), "firstName": c.FirstName, "lastName": c.LastName,
		"displayName": joined(deref(c.FirstName), deref(c.LastName)), "email": c.Email, "phone": c.Phone, "state": strings.ToUpper(c.State), "locale": "en",
		"note": c.Note, "tags": tagList(c.Tags), "taxExempt": c.TaxExempt, "taxExemptions": []string{},
		"createdAt": c.CreatedAt.graph(), "updatedAt": c.UpdatedAt.graph(), "defaultEmailAddress": nil, "defaultPhoneNumber": nil,
		"defaultAddress": mailing(c.DefaultAddress, 0),
	}
	if c.Email != nil {
		out["defaultEmailAddress"] = object{"__typename": "CustomerEmailAddress", "emailAddress": *c.Email, "marketingState": strings.ToUpper(c.Consent.State), "marketingUpdatedAt": when(c.Consent.UpdatedAt)}
	}
	if c.Phone != nil {
		out["defaultPhoneNumber"] = object{"__typename": "CustomerPhoneNumber", "phoneNumber": *c.Phone}
	}
	addresses := connection{}
	for _, a := range c.Addresses {
		if o, ok := mailing(a, 0).(object); ok {
			addresses = append(addresses, o)
		}
	}
	out["addressesV2"] = addresses
	return out
}
