package shopify

import (
	"maps"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	"github.com/orderlyhq/orderly/money"
)

// lines translates the line items. spread is the part of the order's taxes for each of them, where
// the lines have none of their own.
func (m *mapper) lines(spread [][]commerce.Tax) {
	for i := range m.o.LineItems {
		l := &m.o.LineItems[i]
		price, ok := m.amount("line_items.price", i, l.Price, l.PriceSet)
		if !ok {
			m.fail("line_items.price", i, "the line has no price")
		}
		if !l.Quantity.Given {
			m.fail("line_items.quantity", i, "the line has no quantity")
		}
		if l.IsTip() {
			m.tip(l.Title, string(l.ID), price.Mul(l.Quantity.Value))
			continue
		}
		gone := m.removed[l.ID]
		quantity := l.Quantity.Value.Sub(gone.quantity)
		parts, off := m.allocations("line_items.discount_allocations", i, l)
		m.allocated = m.allocated.Add(off)
		if !quantity.IsPositive() && gone.quantity.IsPositive() {
			continue // taken off the order altogether
		}
		full := m.round(price.Mul(l.Quantity.Value))
		amount := full.Sub(off).Sub(gone.subtotal)
		taxes := m.taxes("line_items.tax_lines", i, l.TaxLines, gone.tax)
		if spread != nil {
			taxes = spread[i]
		}
		tax, rate := taxSum(taxes)
		m.note(parts, m.round(price.Mul(quantity)).Sub(amount), rate)
		line := commerce.Line{
			LineID: string(l.ID), Type: lineType(l), SKU: l.SKU, Name: lineName(l),
			SourceProductID: string(l.ProductID), SourceVariantID: string(l.VariantID),
			Quantity: quantity, UnitPrice: m.unitPrice(price, rate), Discounts: m.lineDiscounts(parts),
			Taxes: taxes, LineTax: m.money(tax), RequiresShip: l.RequiresShipping,
			Cancelled: gone.quantity, Fulfilled: m.fulfilled(l), Refunded: m.returned(l.ID),
		}
		line.LineNet, line.LineGross = m.split(amount, tax)
		if l.VariantTitle != "" && l.VariantTitle != "Default Title" {
			line.Options = []commerce.Property{{Name: "variant", Value: l.VariantTitle}}
		}
		for _, p := range l.Properties {
			line.Properties = append(line.Properties, commerce.Property{Name: p.Name, Value: string(p.Value)})
		}
		m.out.Lines = append(m.out.Lines, line)
	}
}

func lineName(l *api.LineItem) string {
	if l.Name != "" {
		return l.Name
	}
	return l.Title
}

func lineType(l *api.LineItem) commerce.LineType {
	switch {
	case l.GiftCard:
		return commerce.LineGiftCard
	case l.ProductID == "" && l.VariantID == "" && l.SKU == "":
		return commerce.LineCustom
	}
	return commerce.LineProduct
}

func (m *mapper) unitPrice(price, rate money.Decimal) commerce.Price {
	if m.o.TaxesIncluded {
		return commerce.Price{Net: m.money(commerce.NetOfGross(price, rate)), Gross: m.money(price)}
	}
	return commerce.Price{Net: m.money(price), Gross: m.money(price.Mul(rate.Add(decimal.New(1, 0))))}
}

// part is what one discount application takes off a line.
type part struct {
	index  int // -1 where the order does not say which application it is
	amount money.Decimal
}

// allocations gives the parts of discounts that fall on a line, as sold. Old versions stated one sum.
func (m *mapper) allocations(field string, i int, l *api.LineItem) (parts []part, off money.Decimal) {
	for _, a := range l.Allocations {
		amount, _ := m.amount(field, i, a.Amount, a.AmountSet)
		parts = append(parts, part{a.Index, amount})
		off = off.Add(amount)
	}
	if l.Allocations == nil {
		if amount, _ := m.amount(field, i, l.TotalDiscount, l.TotalDiscountSet); amount.IsPositive() {
			parts, off = append(parts, part{-1, amount}), amount
		}
	}
	return parts, off
}

// note scales the parts of a line's discounts to what is off now that units were removed, and adds
// them to their applications.
func (m *mapper) note(parts []part, off, rate money.Decimal) {
	weights := make([]money.Decimal, len(parts))
	sum := money.Zero
	for i, p := range parts {
		weights[i] = p.amount
		sum = sum.Add(p.amount)
	}
	if !sum.Equal(off) {
		for i, amount := range money.Allocate(decimal.Max(off, money.Zero), weights, m.currency.Exponent()) {
			parts[i].amount = amount
		}
	}
	for _, p := range parts {
		s := m.saved[p.index]
		if s == nil {
			s = new(saving)
			m.saved[p.index] = s
		}
		net, tax := p.amount, commerce.TaxOnNet(p.amount, rate, m.currency, money.HalfUp)
		if m.o.TaxesIncluded {
			tax = commerce.TaxInGross(p.amount, rate, m.currency, money.HalfUp)
			net = p.amount.Sub(tax)
		}
		s.net, s.tax, s.gross = s.net.Add(net), s.tax.Add(tax), s.gross.Add(net).Add(tax)
	}
}

func (m *mapper) lineDiscounts(parts []part) []commerce.LineDiscount {
	var out []commerce.LineDiscount
	for _, p := range parts {
		if !p.amount.IsZero() {
			out = append(out, commerce.LineDiscount{DiscountID: discountID(p.index), Amount: m.money(p.amount)})
		}
	}
	return out
}

func discountID(index int) string {
	if index < 0 {
		return ""
	}
	return strconv.Itoa(index)
}

func (m *mapper) shipping(spread [][]commerce.Tax) {
	for i := range m.o.ShippingLines {
		s := &m.o.ShippingLines[i]
		amount, _ := m.amount("shipping_lines.price", i, s.Price, s.PriceSet)
		full, parts, off := amount, []part(nil), money.Zero
		for _, a := range s.Allocations {
			less, _ := m.amount("shipping_lines.discount_allocations", i, a.Amount, a.AmountSet)
			parts, off = append(parts, part{a.Index, less}), off.Add(less)
		}
		amount = amount.Sub(off)
		if lower, ok := m.amount("shipping_lines.discounted_price", i, s.DiscountedPrice, s.DiscountedSet); ok && len(parts) == 0 && lower.LessThan(full) {
			parts, off, amount = []part{{-1, full.Sub(lower)}}, full.Sub(lower), lower
		}
		m.allocated = m.allocated.Add(off)
		taxes := m.taxes("shipping_lines.tax_lines", i, s.TaxLines, money.Zero)
		if spread != nil {
			taxes = spread[len(m.o.LineItems)+i]
		}
		tax, rate := taxSum(taxes)
		net, gross := m.split(amount, tax)
		if s.Removed && m.o.CancelledAt.IsZero() {
			m.dropped, m.droppedGross, m.droppedTax = true, m.droppedGross.Add(gross.Amount), m.droppedTax.Add(tax)
			continue
		}
		m.note(parts, off, rate)
		method := s.Code
		if method == "" {
			method = s.Title
		}
		m.out.ShippingLines = append(m.out.ShippingLines, commerce.ShippingLine{
			LineID: string(s.ID), Method: method, Title: s.Title, Carrier: s.CarrierIdentifier,
			Discounts: m.lineDiscounts(parts), Taxes: taxes, Net: net, Tax: m.money(tax), Gross: gross,
		})
	}
}

// charges translates tips, duties and fees. Duties that prices include are no amount of their own.
func (m *mapper) charges() {
	o := m.o
	if tip, _ := m.amount("total_tip_received", -1, o.TotalTip, o.TotalTipSet); tip.IsPositive() && !slices.ContainsFunc(o.LineItems, func(l api.LineItem) bool { return l.IsTip() }) {
		m.tip("Tip", "", tip)
	}
	itemised := money.Zero
	for i := range o.LineItems {
		for _, duty := range o.LineItems[i].Duties {
			amount, _ := m.amount("line_items.duties", i, api.Number{}, duty.Price)
			itemised = itemised.Add(amount)
			if !o.DutiesIncluded {
				m.charge(commerce.ChargeDuty, "Duties", string(duty.ID), amount, m.taxes("line_items.duties", i, duty.TaxLines, money.Zero))
			}
		}
	}
	if duties, _ := m.amount("original_total_duties_set", -1, api.Number{}, o.DutiesSet); duties.IsPositive() && itemised.IsZero() && !o.DutiesIncluded {
		m.charge(commerce.ChargeDuty, "Duties", "", duties, nil)
	}
	for i, fee := range o.AdditionalFees {
		amount, _ := m.amount("additional_fees.price", i, api.Number{}, fee.Price)
		m.charge(commerce.ChargeOther, fee.Name, string(api.ID(fee.ID.Legacy())), amount, m.taxes("additional_fees.tax_lines", i, fee.TaxLines, money.Zero))
	}
	if fees, _ := m.amount("original_total_additional_fees_set", -1, api.Number{}, o.FeesSet); fees.IsPositive() && len(o.AdditionalFees) == 0 {
		m.charge(commerce.ChargeOther, "Additional fees", "", fees, nil)
	}
}

func (m *mapper) tip(title, id string, amount money.Decimal) {
	m.charge(commerce.ChargeTip, title, id, amount, nil)
}

func (m *mapper) charge(kind commerce.ChargeType, title, id string, amount money.Decimal, taxes []commerce.Tax) {
	if amount.IsZero() {
		return
	}
	tax, _ := taxSum(taxes)
	net, gross := m.split(amount, tax)
	m.out.Charges = append(m.out.Charges, commerce.Charge{ChargeID: id, Type: kind, Title: title, Taxes: taxes, Net: net, Tax: m.money(tax), Gross: gross})
}

// discounts lists the discount applications with what they save, and what no line carries.
func (m *mapper) discounts() {
	for _, index := range slices.Sorted(maps.Keys(m.saved)) {
		s := m.saved[index]
		d := commerce.Discount{
			DiscountID: discountID(index), Kind: commerce.DiscountFixed, Target: commerce.TargetLine, Allocated: true,
			Amount: m.money(s.net), Net: m.money(s.net), Tax: m.money(s.tax), Gross: m.money(s.gross),
		}
		if m.o.TaxesIncluded {
			d.Amount = m.money(s.gross)
		}
		if index >= 0 && index < len(m.o.DiscountApplications) {
			describe(&d, &m.o.DiscountApplications[index])
		}
		m.out.Discounts = append(m.out.Discounts, d)
	}
	stated, ok := m.amount("total_discounts", -1, m.o.TotalDiscounts, m.o.TotalDiscountsSet)
	rest := stated.Sub(m.allocated)
	if !ok || !rest.IsPositive() || m.provesWithout() {
		return
	}
	d := commerce.Discount{
		Kind: commerce.DiscountFixed, Target: commerce.TargetOrder,
		Amount: m.money(rest), Net: m.money(rest), Tax: m.money(money.Zero), Gross: m.money(rest),
	}
	if len(m.o.DiscountCodes) > 0 {
		d.Code = m.o.DiscountCodes[0].Code
	}
	m.out.Discounts = append(m.out.Discounts, d)
}

// provesWithout says whether the order's total is reached without a further discount.
func (m *mapper) provesWithout() bool {
	stated, ok := m.amount("total_price", -1, m.o.TotalPrice, m.o.TotalPriceSet)
	if !ok {
		return false
	}
	sum := money.Zero
	for _, l := range m.out.Lines {
		sum = sum.Add(l.LineGross.Amount)
	}
	for _, s := range m.out.ShippingLines {
		sum = sum.Add(s.Gross.Amount)
	}
	for _, c := range m.out.Charges {
		sum = sum.Add(c.Gross.Amount)
	}
	return sum.Equal(stated)
}

func describe(d *commerce.Discount, a *api.DiscountApplication) {
	d.Code, d.Title, d.Value = a.Code, a.Title, a.Value.Value
	if d.Title == "" {
		d.Title = a.Description
	}
	switch {
	case a.TargetType == "shipping_line":
		d.Target = commerce.TargetShipping
	case a.TargetSelection == "all" && a.AllocationMethod == "across":
		d.Target = commerce.TargetOrder
	}
	switch {
	case d.Target == commerce.TargetShipping && a.ValueType == "percentage" && a.Value.Value.Equal(decimal.New(100, 0)):
		d.Kind = commerce.DiscountFreeShipping
	case a.ValueType == "percentage":
		d.Kind = commerce.DiscountPercent
	case a.Type == "manual":
		d.Kind = commerce.DiscountManual
	}
}
