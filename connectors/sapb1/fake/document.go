package fake

import (
	"maps"
	"slices"
	"time"

	"github.com/orderlyhq/orderly/money"
)

// createOrder makes a sales order, or a draft and an error where an approval procedure holds it.
func (v *Vendor) createOrder(in row) (*row, *fault) {
	r := maps.Clone(in)
	for _, line := range in.rows("DocumentLines") {
		states(line)
	}
	if err := v.header(r); err != nil {
		return nil, err
	}
	r["DocumentLines"], r["DocumentAdditionalExpenses"] = numbered(in.rows("DocumentLines")), numbered(in.rows("DocumentAdditionalExpenses"))
	if err := v.checkDocument(r); err != nil {
		return nil, err
	}
	v.workOut(r)
	r["DocObjectCode"] = "oOrders"
	if v.approval {
		t := v.tables["Drafts"]
		r["AuthorizationStatus"] = "dasPending"
		v.number(t, r)
		t.put(r)
		return nil, missing()
	}
	t := v.tables["Orders"]
	v.number(t, r)
	kept := t.put(r)
	v.tell("Orders", "Created", "A", keyText(r["DocEntry"]))
	return kept, nil
}

func (v *Vendor) number(t *table, r row) {
	r["DocEntry"], r["DocNum"] = t.next, t.next+1000
	t.next++
	now := v.now().UTC()
	r["CreationDate"], r["DocTime"] = now.Format(time.DateOnly), now.Format(time.TimeOnly)
	v.stamp(r, "UpdateDate", "UpdateTime")
}

// numbered gives lines their numbers, from 0.
func numbered(lines []row) []row {
	out := make([]row, len(lines))
	for i, line := range lines {
		out[i] = maps.Clone(line)
		out[i]["LineNum"] = int64(i)
	}
	return out
}

// header fills in and checks what is not in lines.
func (v *Vendor) header(r row) *fault {
	partner := v.tables["BusinessPartners"].get(r.text("CardCode"))
	if partner == nil {
		return missing()
	}
	if partner.text("CardType") != "cCustomer" {
		return refuse(-5002, "The business partner is no customer")
	}
	if partner.text("Frozen") == "tYES" || partner.text("Valid") == "tNO" {
		return refuse(-5002, "Business partner '%s' is inactive", r.text("CardCode"))
	}
	if r.text("DocDueDate") == "" {
		return refuse(-5002, "Enter delivery date [ORDR.DocDueDate]")
	}
	fill := func(name string, value any) {
		if r[name] == nil {
			r[name] = value
		}
	}
	today := v.now().UTC().Format(time.DateOnly)
	fill("DocDate", today)
	fill("TaxDate", r["DocDate"])
	if r.text("DocDueDate") < r.text("DocDate") {
		return refuse(-5002, "Due date cannot be before posting date")
	}
	allowed := partner.text("Currency")
	standard := allowed
	if allowed == "##" {
		standard = v.localCode()
	}
	fill("DocCurrency", standard)
	currency := r.text("DocCurrency")
	if _, known := v.currencies[currency]; !known {
		return missing()
	}
	if allowed != "##" && allowed != currency {
		return refuse(-5002, "Document currency differs from the currency of business partner '%s'", r.text("CardCode"))
	}
	rate, known := v.rates[currency]
	if currency != v.localCode() && (!known || v.rateless) {
		return refuse(-10, "Update the exchange rate , '%s'", currency)
	}
	r["DocRate"] = rate
	if v.branches && r["BPL_IDAssignedToInvoice"] == nil {
		return missing()
	}
	for field, use := range map[string]string{"ShipToCode": "bo_ShipTo", "PayToCode": "bo_BillTo"} {
		name := r.text(field)
		if name == "" {
			continue
		}
		if !slices.ContainsFunc(partner.rows("BPAddresses"), func(a row) bool { return a.text("AddressName") == name && a.text("AddressType") == use }) {
			return missing()
		}
	}
	if extension := r.row("AddressExtension"); extension != nil {
		for _, prefix := range []string{"ShipTo", "BillTo"} {
			if err := v.checkPlace(extension.text(prefix+"Country"), extension.text(prefix+"State")); err != nil {
				return err
			}
		}
	}
	fill("AddressExtension", v.copied(*partner, r))
	r["CardName"] = partner.text("CardName")
	r["FederalTaxID"] = (*partner)["FederalTaxID"]
	fill("DocType", "dDocument_Items")
	fill("Confirmed", "tYES")
	r["DocumentStatus"], r["Cancelled"], r["CancelStatus"], r["AuthorizationStatus"] = "bost_Open", "tNO", "csNo", "dasWithout"
	return nil
}

// copied is the document's own copy of the addresses that it points at.
func (v *Vendor) copied(partner, r row) row {
	out := row{}
	for field, prefix := range map[string]string{"ShipToCode": "ShipTo", "PayToCode": "BillTo"} {
		use := "bo_" + prefix
		for _, a := range partner.rows("BPAddresses") {
			if a.text("AddressType") != use || (r.text(field) != "" && a.text("AddressName") != r.text(field)) {
				continue
			}
			for from, to := range map[string]string{
				"Street": "Street", "StreetNo": "StreetNo", "Block": "Block", "BuildingFloorRoom": "Building", "City": "City", "ZipCode": "ZipCode", "County": "County", "State": "State",
				"Country": "Country", "AddressName2": "Address2", "AddressName3": "Address3",
			} {
				out[prefix+to] = a[from]
			}
			break
		}
	}
	return out
}

func (v *Vendor) checkPlace(country, state string) *fault {
	if country != "" && !v.countries[country] {
		return missing()
	}
	if state == "" {
		return nil
	}
	for _, r := range v.tables["States"].rows {
		if r.text("Code") == state && r.text("Country") == country {
			return nil
		}
	}
	return missing()
}

// checkDocument checks lines and expenses against the company's tables.
func (v *Vendor) checkDocument(r row) *fault {
	lines := r.rows("DocumentLines")
	if len(lines) == 0 {
		return refuse(-5002, "Document must have at least one line")
	}
	for _, line := range lines {
		item := v.tables["Items"].get(line.text("ItemCode"))
		if item == nil {
			return missing()
		}
		if item.text("Frozen") == "tYES" || item.text("Valid") == "tNO" {
			return refuse(-5002, "Item '%s' is inactive", line.text("ItemCode"))
		}
		if w := line.text("WarehouseCode"); w != "" && !v.warehouses[w] {
			return missing()
		}
		if line["Quantity"] == nil {
			line["Quantity"] = one
		}
		if line.number("Quantity").IsZero() {
			return refuse(-5002, "Quantity must be greater than zero")
		}
		if line["ItemDescription"] == nil {
			line["ItemDescription"] = item.text("ItemName")
		}
		if err := v.checkTax(line, item.text("SalesVATGroup")); err != nil {
			return err
		}
	}
	for _, expense := range r.rows("DocumentAdditionalExpenses") {
		if _, known := v.expenses[expense.int("ExpenseCode")]; !known {
			return missing()
		}
		if err := v.checkTax(expense, ""); err != nil {
			return err
		}
	}
	return nil
}

// checkTax settles the one way of stating taxes that the localisation has.
func (v *Vendor) checkTax(line row, standard string) *fault {
	if v.salesTax {
		if line.text("VatGroup") != "" {
			return refuse(-5002, "Tax group is not valid in this localization")
		}
		code := v.tables["SalesTaxCodes"].get(line.text("TaxCode"))
		if code == nil {
			return refuse(-5002, "Tax code is missing or not valid")
		}
		line["_rate"] = code.number("Rate")
		return nil
	}
	if line.text("TaxCode") != "" {
		return refuse(-5002, "Tax code is not valid in this localization")
	}
	if line.text("VatGroup") == "" {
		line["VatGroup"] = standard
	}
	group := v.tables["VatGroups"].get(line.text("VatGroup"))
	if line.text("VatGroup") == "" {
		line["_rate"], line["VatGroup"] = money.Zero, nil
		return nil
	}
	if group == nil || group.text("Category") != "bovcOutputTax" || group.text("Inactive") == "tYES" {
		return refuse(-5002, "Tax definition '%s' is not valid", line.text("VatGroup"))
	}
	rates := group.rows("VatGroups_Lines")
	line["_rate"] = rates[len(rates)-1].number("Rate")
	return nil
}

// workOut works a document's amounts out, in its own currency line by line, and from them those in the company's.
func (v *Vendor) workOut(r row) {
	places := v.places(r.text("DocCurrency"))
	foreign := r.text("DocCurrency") != v.localCode()
	total := money.Zero
	for _, line := range r.rows("DocumentLines") {
		v.lineAmounts(line, places, foreign)
		total = total.Add(line.number("_net"))
	}
	discount := r.number("TotalDiscount")
	if foreign {
		discount = r.number("TotalDiscountFC")
	}
	switch {
	case r["_discount"] == "percent" || (discount.IsZero() && !r.number("DiscountPercent").IsZero()):
		discount = total.Mul(r.number("DiscountPercent")).Div(hundred).Round(places)
	case !total.IsZero():
		r["DiscountPercent"] = discount.Mul(hundred).DivRound(total, 6)
	}
	vat := money.Zero
	for _, line := range r.rows("DocumentLines") {
		tax := line.number("_tax")
		if !discount.IsZero() && !total.IsZero() {
			base := line.number("_net").Mul(total.Sub(discount)).Div(total)
			tax = base.Mul(line.number("_rate")).Div(hundred).Round(places)
		}
		vat = vat.Add(tax)
		v.both(line, foreign, r, "LineTotal", "RowTotalFC", line.number("_net"))
		v.both(line, foreign, r, "NetTaxAmount", "NetTaxAmountFC", tax)
		v.both(line, foreign, r, "GrossTotal", "GrossTotalFC", line.number("_net").Add(tax))
		line["TaxTotal"], line["TaxPercentagePerRow"] = line["NetTaxAmount"], line.number("_rate")
		line["Currency"] = r["DocCurrency"]
		if line["LineStatus"] == nil {
			line["LineStatus"], line["RemainingOpenQuantity"] = "bost_Open", line.number("Quantity")
		}
	}
	freight := money.Zero
	for _, expense := range r.rows("DocumentAdditionalExpenses") {
		net := expense.number("LineTotal")
		if foreign {
			net = expense.number("LineTotalFC")
		}
		net = net.Round(places)
		tax := net.Mul(expense.number("_rate")).Div(hundred).Round(places)
		v.both(expense, foreign, r, "LineTotal", "LineTotalFC", net)
		v.both(expense, foreign, r, "TaxSum", "TaxSumFC", tax)
		expense["TaxPercent"], expense["Status"] = expense.number("_rate"), "bost_Open"
		freight, vat = freight.Add(net), vat.Add(tax)
	}
	rounding := money.Zero
	if r.text("Rounding") == "tYES" {
		rounding = r.number("RoundingDiffAmount")
		if foreign {
			rounding = r.number("RoundingDiffAmountFC")
		}
	}
	v.both(r, foreign, r, "TotalDiscount", "TotalDiscountFC", discount)
	v.both(r, foreign, r, "RoundingDiffAmount", "RoundingDiffAmountFC", rounding)
	v.both(r, foreign, r, "VatSum", "VatSumFc", vat)
	v.both(r, foreign, r, "DocTotal", "DocTotalFc", total.Sub(discount).Add(freight).Add(vat).Add(rounding))
	r["DocTotalSys"], r["VatSumSys"] = r["DocTotal"], r["VatSum"]
}

// both sets an amount in the document's currency and in the company's; the one with FC is zero where these are the same.
func (v *Vendor) both(to row, foreign bool, document row, local, fc string, amount money.Decimal) {
	if !foreign {
		to[local], to[fc] = amount, money.Zero
		return
	}
	to[local], to[fc] = amount.Mul(document.number("DocRate")).Round(v.places(v.localCode())), amount
}

func (v *Vendor) places(code string) int32 { return v.currencies[code].Exponent() }

// lineAmounts works out a line's net and tax before discounts on the document. What the caller stated last decides: a gross price, a total, or a net price with a percentage.
func (v *Vendor) lineAmounts(line row, places int32, foreign bool) {
	quantity, rate := line.number("Quantity"), line.number("_rate").Div(hundred)
	total, grossTotal := "LineTotal", "GrossTotal"
	if foreign {
		total, grossTotal = "RowTotalFC", "GrossTotalFC"
	}
	if line["_stated"] == nil { // what says nothing of the price keeps it
		net := line.number("Price").Mul(quantity).Round(places)
		if !net.Equal(line.number("_net")) {
			line["_net"], line["_tax"] = net, net.Mul(rate).Round(places)
		}
		return
	}
	stated := line.row("_stated")
	delete(line, "_stated")
	if v.ownTotals {
		for _, name := range []string{"LineTotal", "RowTotalFC", "GrossTotal", "GrossTotalFC"} {
			delete(stated, name)
		}
	}
	unit := func(amount money.Decimal) money.Decimal { return amount.DivRound(quantity, v.priceDecimals) }
	var net, tax money.Decimal
	switch {
	case stated["PriceAfterVAT"] != nil || stated["GrossPrice"] != nil:
		after := stated.number("PriceAfterVAT")
		if stated["PriceAfterVAT"] == nil {
			after = stated.number("GrossPrice")
		}
		after = after.Round(v.priceDecimals)
		gross := after.Mul(quantity).Round(places)
		if stated[grossTotal] != nil {
			gross = stated.number(grossTotal).Round(places)
		}
		if v.netPrices {
			price := after.DivRound(one.Add(rate), v.priceDecimals)
			net = price.Mul(quantity).Round(places)
			tax = net.Mul(rate).Round(places)
		} else {
			net = gross.DivRound(one.Add(rate), 12).Round(places)
			tax = gross.Sub(net)
		}
		line["UnitPrice"], line["Price"], line["DiscountPercent"] = unit(net), unit(net), money.Zero
		line["PriceAfterVAT"], line["GrossPrice"] = after, after
	default:
		before, percent := stated.number("UnitPrice").Round(v.priceDecimals), stated.number("DiscountPercent").Round(2)
		price := before.Mul(hundred.Sub(percent)).Div(hundred).Round(v.priceDecimals)
		net = price.Mul(quantity).Round(places)
		if stated[total] != nil {
			net = stated.number(total).Round(places)
			price = unit(net)
			if percent.IsZero() {
				before = price
			}
		}
		tax = net.Mul(rate).Round(places)
		line["UnitPrice"], line["Price"], line["DiscountPercent"] = before, price, percent
		after := price.Mul(one.Add(rate)).Round(v.priceDecimals)
		line["PriceAfterVAT"], line["GrossPrice"] = after, after
	}
	line["_net"], line["_tax"] = net, tax
}

// states keeps what a caller stated of a line's price.
func states(line row) {
	if slices.ContainsFunc([]string{"UnitPrice", "PriceAfterVAT", "GrossPrice", "LineTotal", "RowTotalFC", "GrossTotal", "GrossTotalFC"}, line.has) {
		line["_stated"] = maps.Clone(line)
		return
	}
}

// changeOrder merges a change into an order. Lines are matched by their numbers; others are added, and with replace those that are not there go.
func (v *Vendor) changeOrder(kept *row, in row, replace bool) *fault {
	for _, line := range in.rows("DocumentLines") {
		states(line)
	}
	err := v.change(v.tables["Orders"], kept, func(r row) *fault {
		if r.text("DocumentStatus") == "bost_Close" {
			return refuse(-5006, "The document is closed and cannot be changed")
		}
		for _, fixed := range []string{"CardCode", "DocCurrency"} {
			if value := in.text(fixed); value != "" && value != r.text(fixed) {
				return refuse(-5002, "%s cannot be changed", fixed)
			}
		}
		for name, value := range in {
			switch name {
			case "DocumentLines", "DocumentAdditionalExpenses":
			case "AddressExtension":
				merged := maps.Clone(r.row(name))
				maps.Copy(merged, in.row(name))
				r[name] = merged
			default:
				r[name] = value
			}
		}
		if in.has("DiscountPercent") {
			delete(r, "TotalDiscount")
			delete(r, "TotalDiscountFC")
		}
		if r.text("Rounding") == "tNO" {
			delete(r, "RoundingDiffAmount")
			delete(r, "RoundingDiffAmountFC")
		}
		// Pointing at another address copies it anew.
		if in.has("ShipToCode") || in.has("PayToCode") {
			partner := v.tables["BusinessPartners"].get(r.text("CardCode"))
			if partner == nil {
				return missing()
			}
			merged := maps.Clone(r.row("AddressExtension"))
			maps.Copy(merged, v.copied(*partner, r))
			r["AddressExtension"] = merged
		}
		for _, collection := range []string{"DocumentLines", "DocumentAdditionalExpenses"} {
			if !in.has(collection) {
				r[collection] = cloned(r.rows(collection))
				continue
			}
			merged, err := merge(r.rows(collection), in.rows(collection), replace)
			if err != nil {
				return err
			}
			r[collection] = merged
		}
		if err := v.header(r); err != nil {
			return err
		}
		if err := v.checkDocument(r); err != nil {
			return err
		}
		v.workOut(r)
		v.stamp(r, "UpdateDate", "UpdateTime")
		return nil
	})
	if err == nil {
		v.tell("Orders", "Updated", "U", keyText((*kept)["DocEntry"]))
	}
	return err
}

func cloned(lines []row) []row {
	out := make([]row, len(lines))
	for i, line := range lines {
		out[i] = maps.Clone(line)
	}
	return out
}

// merge changes lines with a number, adds those without, and with replace drops those that are not given.
func merge(present, given []row, replace bool) ([]row, *fault) {
	var out []row
	next := int64(0)
	for _, line := range present {
		next = max(next, line.int("LineNum")+1)
		i := slices.IndexFunc(given, func(g row) bool { return g["LineNum"] != nil && g.int("LineNum") == line.int("LineNum") })
		switch {
		case i >= 0:
			merged := maps.Clone(line)
			maps.Copy(merged, given[i])
			merged["LineStatus"], merged["RemainingOpenQuantity"] = line["LineStatus"], merged["Quantity"]
			if stated := given[i]["_stated"]; stated != nil {
				merged["_stated"] = stated
			}
			out = append(out, merged)
		case !replace:
			out = append(out, maps.Clone(line))
		}
	}
	for _, line := range given {
		if line["LineNum"] != nil {
			if !slices.ContainsFunc(present, func(p row) bool { return p.int("LineNum") == line.int("LineNum") }) {
				return nil, missing()
			}
			continue
		}
		added := maps.Clone(line)
		added["LineNum"] = next
		next++
		out = append(out, added)
	}
	return out, nil
}

func (v *Vendor) cancelOrder(kept *row) *fault {
	err := v.change(v.tables["Orders"], kept, func(r row) *fault {
		if r.text("DocumentStatus") == "bost_Close" {
			return refuse(-5006, "The document is closed and cannot be cancelled")
		}
		for _, line := range r.rows("DocumentLines") {
			if line.text("LineStatus") == "bost_Close" {
				return refuse(-5006, "The document is a base document of another one and cannot be cancelled")
			}
		}
		r["Cancelled"], r["CancelStatus"], r["DocumentStatus"] = "tYES", "csYes", "bost_Close"
		v.stamp(r, "UpdateDate", "UpdateTime")
		return nil
	})
	if err == nil {
		v.tell("Orders", "Cancelled", "C", keyText((*kept)["DocEntry"]))
	}
	return err
}

func (v *Vendor) closeOrder(kept *row) *fault {
	err := v.change(v.tables["Orders"], kept, func(r row) *fault {
		if r.text("DocumentStatus") == "bost_Close" {
			return refuse(-5006, "The document is closed")
		}
		r["DocumentStatus"] = "bost_Close"
		v.stamp(r, "UpdateDate", "UpdateTime")
		return nil
	})
	if err == nil {
		v.tell("Orders", "Closed", "L", keyText((*kept)["DocEntry"]))
	}
	return err
}

// createInvoice makes an invoice from lines of orders, which are closed by it.
func (v *Vendor) createInvoice(in row) (*row, *fault) {
	r := maps.Clone(in)
	if err := v.header(r); err != nil {
		return nil, err
	}
	var lines []row
	orders := map[int64]*row{}
	for _, line := range in.rows("DocumentLines") {
		order := v.tables["Orders"].get(line.int("BaseEntry"))
		if line.int("BaseType") != 17 || order == nil {
			return nil, missing()
		}
		base := slices.IndexFunc(order.rows("DocumentLines"), func(l row) bool { return l.int("LineNum") == line.int("BaseLine") })
		if base < 0 || order.rows("DocumentLines")[base].text("LineStatus") == "bost_Close" || order.text("DocumentStatus") == "bost_Close" {
			return nil, refuse(-5002, "Base document line is closed or does not exist")
		}
		copied := maps.Clone(order.rows("DocumentLines")[base])
		maps.Copy(copied, line)
		delete(copied, "_stated")
		lines = append(lines, copied)
		orders[line.int("BaseEntry")] = order
	}
	var expenses []row
	for _, expense := range in.rows("DocumentAdditionalExpenses") {
		order := v.tables["Orders"].get(expense.int("BaseDocEntry"))
		if order == nil {
			return nil, missing()
		}
		base := slices.IndexFunc(order.rows("DocumentAdditionalExpenses"), func(e row) bool { return e.int("LineNum") == expense.int("BaseDocLine") })
		if base < 0 {
			return nil, missing()
		}
		copied := maps.Clone(order.rows("DocumentAdditionalExpenses")[base])
		maps.Copy(copied, expense)
		expenses = append(expenses, copied)
	}
	r["DocumentLines"], r["DocumentAdditionalExpenses"] = renumbered(lines), renumbered(expenses)
	r["_discount"] = "percent"
	if err := v.checkDocument(r); err != nil {
		return nil, err
	}
	for _, line := range r.rows("DocumentLines") {
		line["LineStatus"] = "bost_Open"
	}
	v.workOut(r)
	r["DocObjectCode"] = "oInvoices"
	t := v.tables["Invoices"]
	v.number(t, r)
	kept := t.put(r)
	for _, order := range orders {
		if err := v.change(v.tables["Orders"], order, func(o row) *fault {
			o["DocumentLines"] = cloned(o.rows("DocumentLines"))
			open := false
			for _, line := range o.rows("DocumentLines") {
				if slices.ContainsFunc(lines, func(l row) bool {
					return l.int("BaseEntry") == o.int("DocEntry") && l.int("BaseLine") == line.int("LineNum")
				}) {
					line["LineStatus"], line["RemainingOpenQuantity"] = "bost_Close", money.Zero
				}
				open = open || line.text("LineStatus") == "bost_Open"
			}
			if !open {
				o["DocumentStatus"] = "bost_Close"
			}
			v.stamp(o, "UpdateDate", "UpdateTime")
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func renumbered(lines []row) []row {
	for i, line := range lines {
		line["LineNum"] = int64(i)
	}
	return lines
}

// createPayment registers a payment of invoices.
func (v *Vendor) createPayment(in row) (*row, *fault) {
	r := maps.Clone(in)
	if v.tables["BusinessPartners"].get(r.text("CardCode")) == nil {
		return nil, missing()
	}
	if r.number("TransferSum").IsPositive() && r.text("TransferAccount") != "161020" {
		return nil, missing()
	}
	sum := money.Zero
	for _, applied := range r.rows("PaymentInvoices") {
		invoice := v.tables["Invoices"].get(applied.int("DocEntry"))
		if invoice == nil || applied.text("InvoiceType") != "it_Invoice" {
			return nil, missing()
		}
		foreign := invoice.text("DocCurrency") != v.localCode()
		amount, total, paid := applied.number("SumApplied"), invoice.number("DocTotal"), invoice.number("PaidToDate")
		if foreign {
			amount, total, paid = applied.number("AppliedFC"), invoice.number("DocTotalFc"), invoice.number("PaidToDateFC")
		}
		if !amount.IsPositive() || paid.Add(amount).GreaterThan(total) {
			return nil, refuse(-5002, "Invoice is already closed or the amount is larger than its balance")
		}
		sum = sum.Add(amount)
		if err := v.change(v.tables["Invoices"], invoice, func(i row) *fault {
			v.both(i, foreign, i, "PaidToDate", "PaidToDateFC", paid.Add(amount))
			if paid.Add(amount).Equal(total) {
				i["DocumentStatus"] = "bost_Close"
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if !sum.Equal(r.number("TransferSum")) {
		return nil, refuse(-5002, "Unbalanced payment")
	}
	t := v.tables["IncomingPayments"]
	r["DocEntry"], r["DocNum"] = t.next, t.next+500
	t.next++
	return t.put(r), nil
}
