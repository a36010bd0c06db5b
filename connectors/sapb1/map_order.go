package sapb1

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/money"
)

// Lengths of fields, in UTF-16 units (general knowledge of the tables; the metadata gives none).
const (
	maxCardCode  = 15
	maxCardName  = 100
	maxReference = 100
	maxComments  = 254
	maxStreet    = 100
	maxCity      = 100
	maxZip       = 20
	maxPhone     = 20
	maxEmail     = 100
	maxName      = 50 // of addresses and contacts
	maxItemCode  = 50
	maxItemName  = 100
	maxFreeText  = 100
	maxTaxID     = 32
)

// terms are what the company makes of an order beyond the draft.
type terms struct {
	keyField string // "" where the company has none
	currency string // the company's code of it
	foreign  bool   // it is not the company's own
	places   int32  // decimals of unit prices
	taxField string
	noTax    string // a tax of zero, for rounding lines; "" where there is none
	today    time.Time
	zone     *time.Location
	// billState and shipState are the regions' codes, where the company's table has them.
	billState, shipState string
}

// orderFields translates a draft to a sales order. Lines and expenses are complete, so that they can replace others.
func (c *config) orderFields(draft connector.OrderDraft, t terms) (api.Fields, error) {
	o := &draft.Order
	b := &builder{config: c, draft: &draft, terms: t}
	if err := b.body(); err != nil {
		return nil, err
	}
	posted := o.OrderDate.In(t.zone)
	if c.postingDate == postToday || o.OrderDate.IsZero() {
		posted = t.today
	}
	due := o.RequestedDeliveryDate.In(t.zone)
	if o.RequestedDeliveryDate.IsZero() || due.Before(posted) {
		due = posted.AddDate(0, 0, c.dueDays)
	}
	fields := api.Fields{
		"DocCurrency": t.currency, "Comments": cut(comments(draft, t), maxComments),
		"DocumentLines": b.lines, "DocumentAdditionalExpenses": b.expenses,
	}
	if draft.Existing == nil || !o.RequestedDeliveryDate.IsZero() {
		fields["DocDueDate"] = day(due)
	}
	if t.keyField != "" {
		fields[t.keyField] = string(draft.Key)
		fields["NumAtCard"] = cut(firstOf(o.CustomerReference, o.OrderNumber, string(draft.Key)), maxReference)
	} else {
		fields["NumAtCard"] = string(draft.Key)
	}
	if draft.Existing == nil {
		fields["CardCode"], fields["DocDate"], fields["TaxDate"] = draft.Customer.ID, day(posted), day(posted)
		fields["Confirmed"] = yesNo(c.approved)
		if c.orderSeries != 0 {
			fields["Series"] = c.orderSeries
		}
	}
	if c.branch != 0 {
		fields["BPL_IDAssignedToInvoice"] = c.branch
	}
	if draft.PaymentMethod != "" {
		fields["PaymentMethod"] = cut(draft.PaymentMethod, 15)
	}
	if draft.PaymentTerms != "" {
		group, err := strconv.Atoi(draft.PaymentTerms)
		if err != nil {
			return nil, &connector.Error{
				Kind: connector.KindUnmapped, Field: "payment_terms", Value: draft.PaymentTerms, Message: "payment terms in Business One have numbers",
				Fix: "map them to the number of the payment terms (GroupNum)",
			}
		}
		fields["PaymentGroupCode"] = group
	}
	b.addresses(fields)
	b.discountAndRounding(fields)
	for _, collection := range []string{"DocumentLines", "DocumentAdditionalExpenses"} {
		if _, found := draft.Fields[collection]; found {
			return nil, connector.Invalid("fields."+collection, "lines cannot be set by a rule for fields of the order")
		}
	}
	maps.Copy(fields, draft.Fields)
	return fields, nil
}

// builder collects the lines of a document.
type builder struct {
	config   *config
	draft    *connector.OrderDraft
	terms    terms
	lines    []api.Fields
	expenses []api.Fields
	// lowered is what the whole document is lowered by, net.
	lowered money.Decimal
}

func (b *builder) body() error {
	o := &b.draft.Order
	for i := range o.Lines {
		if err := b.line(i); err != nil {
			return err
		}
	}
	b.expenses = []api.Fields{}
	for i, s := range o.ShippingLines {
		part := part{field: fmt.Sprintf("shipping_lines[%d]", i), text: s.Title, net: s.Net, gross: s.Gross, expense: b.config.shippingExpense, setting: "shipping_expense"}
		if err := b.extra(part, at(b.draft.Shipping, i)); err != nil {
			return err
		}
	}
	for i, s := range o.Charges {
		part := part{field: fmt.Sprintf("charges[%d]", i), text: s.Title, net: s.Net, gross: s.Gross, expense: b.config.chargeExpense, setting: "charge_expense"}
		if err := b.extra(part, at(b.draft.Charges, i)); err != nil {
			return err
		}
	}
	for i, d := range o.Discounts {
		if d.Allocated || d.Net.IsZero() && d.Gross.IsZero() {
			continue
		}
		codes := at(b.draft.Discounts, i)
		if codes.Item.ID == "" && b.config.discountExpense == 0 {
			if err := b.sameTax(i, codes); err != nil {
				return err
			}
			b.lowered = b.lowered.Add(d.Net.Amount)
			continue
		}
		part := part{
			field: fmt.Sprintf("discounts[%d]", i), text: firstOf(d.Title, d.Code, "Discount"), net: d.Net.Neg(), gross: d.Gross.Neg(), expense: b.config.discountExpense, setting: "discount_expense",
		}
		if err := b.extra(part, codes); err != nil {
			return err
		}
	}
	if r := b.draft.Rounding; !r.IsZero() && b.draft.RoundingItem.ID != "" {
		line := api.Fields{"ItemCode": b.draft.RoundingItem.ID, "Quantity": api.Amount(decimal.New(1, 0))}
		b.price(line, r.Amount, r.Amount, decimal.New(1, 0), nil)
		if b.terms.noTax != "" {
			line[b.terms.taxField] = b.terms.noTax
		}
		b.lines = append(b.lines, line)
	}
	return nil
}

func at(list []connector.LineCodes, i int) connector.LineCodes {
	if i < len(list) {
		return list[i]
	}
	return connector.LineCodes{}
}

// line adds what is sold.
func (b *builder) line(i int) error {
	l, codes, field := &b.draft.Order.Lines[i], at(b.draft.Lines, i), fmt.Sprintf("lines[%d]", i)
	if codes.Item.ID == "" {
		return &connector.Error{
			Kind: connector.KindUnmapped, Field: field + ".sku", Value: l.SKU, Message: "no article is known for the line", Fix: "create the article in Business One, or map it",
		}
	}
	quantity := l.Quantity
	if quantity.IsZero() {
		quantity = decimal.New(1, 0)
	}
	line := api.Fields{"ItemCode": codes.Item.ID, "Quantity": api.Amount(quantity)}
	if l.Name != "" && (l.Type == commerce.LineCustom || codes.Item.SKU != l.SKU) {
		line["ItemDescription"] = cut(l.Name, maxItemName)
	}
	if text := properties(l); text != "" {
		line["FreeText"] = cut(text, maxFreeText)
	}
	if w := firstOf(codes.Warehouse, b.draft.Warehouse, b.config.warehouse); w != "" {
		line["WarehouseCode"] = w
	}
	if !l.RequestedDate.IsZero() {
		line["ShipDate"] = day(l.RequestedDate.In(b.terms.zone))
	}
	b.price(line, l.LineNet.Amount, l.LineGross.Amount, quantity, l.Discounts)
	if err := b.tax(line, field, codes); err != nil {
		return err
	}
	b.lines = append(b.lines, line)
	return nil
}

// properties is what makes the variant and what the buyer had written on it.
func properties(l *commerce.Line) string {
	var parts []string
	for _, list := range [][]commerce.Property{l.Options, l.Properties} {
		for _, p := range list {
			parts = append(parts, p.Name+": "+p.Value)
		}
	}
	return strings.Join(parts, ", ")
}

// part is what an order has beside its articles.
type part struct {
	field, text string
	net, gross  money.Money
	expense     int // number of the freight that it becomes without an article
	setting     string
}

// extra adds shipping, a charge or a discount: as the mapped article, else as freight.
func (b *builder) extra(p part, codes connector.LineCodes) error {
	one := decimal.New(1, 0)
	switch {
	case codes.Item.ID != "":
		line := api.Fields{"ItemCode": codes.Item.ID, "Quantity": api.Amount(one)}
		if p.text != "" {
			line["ItemDescription"] = cut(p.text, maxItemName)
		}
		if w := firstOf(codes.Warehouse, b.config.warehouse); w != "" {
			line["WarehouseCode"] = w
		}
		b.price(line, p.net.Amount, p.gross.Amount, one, nil)
		if err := b.tax(line, p.field, codes); err != nil {
			return err
		}
		b.lines = append(b.lines, line)
	case p.net.IsZero() && p.gross.IsZero():
		// Nothing is to be paid, and nothing says how it would be called.
	case p.expense != 0:
		expense := api.Fields{"ExpenseCode": p.expense, "LineTotal": api.Amount(p.net.Amount)}
		if b.terms.foreign {
			delete(expense, "LineTotal")
			expense["LineTotalFC"] = api.Amount(p.net.Amount)
		}
		if p.text != "" {
			expense["Remarks"] = cut(p.text, maxFreeText)
		}
		if err := b.tax(expense, p.field, codes); err != nil {
			return err
		}
		b.expenses = append(b.expenses, expense)
	default:
		return &connector.Error{
			Kind: connector.KindUnmapped, Field: p.field, Value: p.text, Message: "nothing in Business One is chosen for it",
			Fix: "map an article for it, or set the setting " + p.setting + " to the number of a freight",
		}
	}
	return nil
}

// tax states the tax of a line: Business One takes one code.
func (b *builder) tax(line api.Fields, field string, codes connector.LineCodes) error {
	switch len(codes.TaxCodes) {
	case 0:
		return nil
	case 1:
		if code := codes.TaxCodes[0].Code; code != "" {
			line[b.terms.taxField] = code
		}
		return nil
	}
	return &connector.Error{
		Kind: connector.KindUnmapped, Field: field + ".taxes", Message: "a line in Business One has one tax code, and this one has several taxes",
		Fix: "map the taxes to one combined tax code",
	}
}

// price states a line's amount so that Business One comes to the same: by the gross price for prices that include tax, else by the net one, as the price before discount
// with its percentage only where that gives the same amount. Where the company's unit prices have too few decimals, the line's total is stated as well.
func (b *builder) price(line api.Fields, net, gross, quantity money.Decimal, discounts []commerce.LineDiscount) {
	exponent := b.draft.Order.DocumentCurrency.Exponent()
	if b.draft.Order.PricesIncludeTax && b.config.grossPrices {
		unit := commerce.PerUnit(gross, quantity).Round(b.terms.places)
		line["PriceAfterVAT"] = api.Amount(unit)
		if !unit.Mul(quantity).Round(exponent).Equal(gross) {
			line[b.fc("GrossTotal", "GrossTotalFC")] = api.Amount(gross)
		}
		return
	}
	if before, percent, ok := b.discounted(net, quantity, discounts); ok {
		line["UnitPrice"], line["DiscountPercent"] = api.Amount(before), api.Amount(percent)
		return
	}
	unit := commerce.PerUnit(net, quantity).Round(b.terms.places)
	// A percentage of the business partner's own would lower the price once more.
	line["UnitPrice"], line["DiscountPercent"] = api.Amount(unit), api.Amount(money.Zero)
	if !unit.Mul(quantity).Round(exponent).Equal(net) {
		line[b.fc("LineTotal", "RowTotalFC")] = api.Amount(net)
	}
}

func (b *builder) fc(local, foreign string) string {
	if b.terms.foreign {
		return foreign
	}
	return local
}

// percentPlaces is how many decimals a percentage surely has.
const percentPlaces = 2

// discounted finds a unit price and a percentage that give exactly the amount.
func (b *builder) discounted(net, quantity money.Decimal, discounts []commerce.LineDiscount) (before, percent money.Decimal, ok bool) {
	saved := money.Zero
	for _, d := range discounts {
		saved = saved.Add(d.Amount.Amount)
	}
	if b.draft.Order.PricesIncludeTax || !saved.IsPositive() || !quantity.IsPositive() {
		return money.Zero, money.Zero, false
	}
	whole := net.Add(saved)
	before = commerce.PerUnit(whole, quantity).Round(b.terms.places)
	if !whole.IsPositive() || !before.Mul(quantity).Equal(whole) {
		return money.Zero, money.Zero, false
	}
	percent = saved.Mul(hundred).DivRound(whole, percentPlaces)
	price := before.Mul(hundred.Sub(percent)).Div(hundred).Round(b.terms.places)
	return before, percent, price.Mul(quantity).Round(b.draft.Order.DocumentCurrency.Exponent()).Equal(net)
}

// sameTax makes sure that lowering the whole document lowers the tax that the discount is of.
func (b *builder) sameTax(i int, codes connector.LineCodes) error {
	want := ""
	if len(codes.TaxCodes) > 0 {
		want = codes.TaxCodes[0].Code
	}
	for j := range b.draft.Order.Lines {
		line := at(b.draft.Lines, j)
		if b.draft.Order.Lines[j].LineGross.IsZero() {
			continue
		}
		if len(line.TaxCodes) > 0 && want != "" && line.TaxCodes[0].Code != want {
			return &connector.Error{
				Kind: connector.KindUnmapped, Field: fmt.Sprintf("discounts[%d]", i), Message: "the order has several taxes, and a total discount would be spread over all of them",
				Fix: "map an article for discounts, or set the setting discount_expense to the number of a freight",
			}
		}
	}
	return nil
}

// discountAndRounding states what concerns the whole document. On a change what was there is taken away.
func (b *builder) discountAndRounding(fields api.Fields) {
	if b.lowered.IsZero() {
		fields["DiscountPercent"] = api.Amount(money.Zero)
	} else {
		fields[b.fc("TotalDiscount", "TotalDiscountFC")] = api.Amount(b.lowered)
	}
	r := b.draft.Rounding
	switch {
	case !r.IsZero() && b.draft.RoundingItem.ID == "":
		fields["Rounding"] = api.Yes
		fields[b.fc("RoundingDiffAmount", "RoundingDiffAmountFC")] = api.Amount(r.Amount)
	case b.draft.Existing != nil:
		fields["Rounding"] = api.No
	}
}

// addresses points at addresses of the business partner, or writes the order's own.
func (b *builder) addresses(fields api.Fields) {
	own := api.Fields{}
	if b.draft.BillTo != nil {
		fields["PayToCode"] = b.draft.BillTo.ID
	} else if !b.draft.Order.BillTo.Blank() {
		extend(own, "BillTo", *b.draft.Order.BillTo, b.terms.billState)
	}
	if b.draft.ShipTo != nil {
		fields["ShipToCode"] = b.draft.ShipTo.ID
	} else if !b.draft.Order.ShipTo.Blank() {
		extend(own, "ShipTo", *b.draft.Order.ShipTo, b.terms.shipState)
	}
	if len(own) > 0 {
		fields["AddressExtension"] = own
	}
}

func extend(own api.Fields, prefix string, a commerce.Address, state string) {
	p := postal(a, state)
	for name, value := range map[string]string{
		"Street": p.Street, "StreetNo": p.StreetNo, "Block": p.Block, "Building": p.Building, "City": p.City, "ZipCode": p.ZipCode, "County": p.County, "State": p.State,
		"Country": p.Country, "Address2": p.Name2, "Address3": p.Name3,
	} {
		if value != "" {
			own[prefix+name] = value
		}
	}
}

// comments tells people what has no field of its own.
func comments(draft connector.OrderDraft, t terms) string {
	var parts []string
	if t.keyField == "" || draft.Order.CustomerReference != "" {
		parts = append(parts, draft.Order.OrderNumber)
	}
	for _, n := range draft.Order.Notes {
		parts = append(parts, n.Text)
	}
	if a := draft.Order.ShipTo; a != nil && a.DeliveryInstructions != "" {
		parts = append(parts, a.DeliveryInstructions)
	}
	return strings.TrimSpace(strings.Join(parts, "\n"))
}

// cut shortens a text to a field's length, between characters.
func cut(text string, units int) string {
	if len(text) <= units {
		return text
	}
	n := 0
	for i, r := range text {
		size := utf16.RuneLen(r)
		if n += max(size, 1); n > units {
			return strings.TrimSpace(text[:i])
		}
	}
	return text
}

func units(text string) int {
	n := 0
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

func day(t time.Time) string { return t.Format(time.DateOnly) }

func yesNo(b bool) string {
	if b {
		return api.Yes
	}
	return api.No
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
