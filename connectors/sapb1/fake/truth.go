package fake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// Documents gives every sales order with the lines and totals that it has: the ground truth.
func (v *Vendor) Documents() []fake.Document {
	v.mu.Lock()
	defer v.mu.Unlock()
	rows := v.tables["Orders"].rows
	out := make([]fake.Document, len(rows))
	for i, r := range rows {
		out[i] = v.document(*r)
	}
	return out
}

func (v *Vendor) document(r row) fake.Document {
	currency := v.currencies[r.text("DocCurrency")]
	gross, tax := r.number("DocTotal"), r.number("VatSum")
	if r.text("DocCurrency") != v.localCode() {
		gross, tax = r.number("DocTotalFc"), r.number("VatSumFc")
	}
	amount := func(d money.Decimal) money.Money { return money.New(d, currency).Round(money.HalfUp) }
	state := connector.DocumentConfirmed
	switch {
	case r.cancelled():
		state = connector.DocumentCancelled
	case r.text("DocumentStatus") == "bost_Close":
		state = connector.DocumentClosed
	case r.text("Confirmed") == "tNO":
		state = connector.DocumentDraft
	}
	lines := r.rows("DocumentLines")
	d := fake.Document{
		Document: connector.Document{
			Type: "Orders", ID: keyText(r["DocEntry"]), Number: keyText(r["DocNum"]), Key: connector.Key(v.keyOf(r)), State: state,
			Totals: &connector.DocumentTotals{Net: amount(gross.Sub(tax)), Tax: amount(tax), Gross: amount(gross)},
		},
		Currency: string(currency), Customer: r.text("CardCode"),
	}
	for _, line := range lines {
		tax := amount(line.number("_tax")) // before discounts on the document
		d.SKUs = append(d.SKUs, line.text("ItemCode"))
		d.Lines = append(d.Lines, connector.DocumentLine{
			ItemID: line.text("ItemCode"), SKU: line.text("ItemCode"), Name: line.text("ItemDescription"), Quantity: line.number("Quantity"), Net: amount(line.number("_net")), Tax: &tax,
		})
	}
	d.Lines = append(d.Lines, v.amountLines(r, amount)...)
	return d
}

// amountLines are what changes a document's total without being an article: freights, a discount and a rounding in its head.
func (v *Vendor) amountLines(r row, amount func(money.Decimal) money.Money) []connector.DocumentLine {
	own := func(of row, local, foreign string) money.Money {
		if r.text("DocCurrency") != v.localCode() {
			return amount(of.number(foreign))
		}
		return amount(of.number(local))
	}
	var out []connector.DocumentLine
	add := func(kind connector.LineKind, name string, net money.Money, tax *money.Money) {
		out = append(out, connector.DocumentLine{Kind: kind, Name: name, Quantity: decimal.New(1, 0), Net: net, Tax: tax})
	}
	for _, expense := range r.rows("DocumentAdditionalExpenses") {
		tax := own(expense, "TaxSum", "TaxSumFC")
		add("", expense.text("Remarks"), own(expense, "LineTotal", "LineTotalFC"), &tax)
	}
	if discount := own(r, "TotalDiscount", "TotalDiscountFC"); !discount.IsZero() {
		add(connector.LineDiscount, "", discount.Neg(), nil)
	}
	if rounding := own(r, "RoundingDiffAmount", "RoundingDiffAmountFC"); !rounding.IsZero() {
		add(connector.LineRounding, "", rounding, nil)
	}
	return out
}

// asClerk does what a clerk does in the client, and sends what follows from it.
func (v *Vendor) asClerk(do func() error) error {
	v.mu.Lock()
	approval := v.approval
	v.approval = false
	err := do()
	v.approval = approval
	v.flush()
	return err
}

// failed turns a fault into an error; a nil *fault must not become one.
func failed(f *fault) error {
	if f == nil {
		return nil
	}
	return f
}

// PutOrder makes a sales order as a clerk would, and gives its id.
func (v *Vendor) PutOrder(order commerce.Order) (string, error) {
	id := ""
	err := v.asClerk(func() error {
		in, err := v.orderRow(order)
		if err != nil {
			return err
		}
		if in["CardCode"], err = v.partnerOf(order.Buyer); err != nil {
			return err
		}
		in["_clerk"] = true
		kept, f := v.createOrder(in)
		if f != nil {
			return f
		}
		id = keyText((*kept)["DocEntry"])
		return nil
	})
	return id, err
}

// ChangeOrder implements fake.Changer.
func (v *Vendor) ChangeOrder(id string, order commerce.Order) error {
	return v.asClerk(func() error {
		kept, err := v.orderOf(id)
		if err != nil {
			return err
		}
		in, err := v.orderRow(order)
		if err != nil {
			return err
		}
		delete(in, "DocDate")
		delete(in, "DocCurrency")
		return failed(v.changeOrder(kept, in, true))
	})
}

// CancelOrder implements fake.Canceller.
func (v *Vendor) CancelOrder(id string) error {
	return v.asClerk(func() error {
		kept, err := v.orderOf(id)
		if err != nil {
			return err
		}
		return failed(v.cancelOrder(kept))
	})
}

// DeleteOrder takes an order out of the database: nothing in the client can, but people with access to it do.
func (v *Vendor) DeleteOrder(id string) error {
	return v.asClerk(func() error {
		kept, err := v.orderOf(id)
		if err != nil {
			return err
		}
		v.tables["Orders"].remove((*kept)["DocEntry"])
		v.tell("Orders", "Deleted", "D", id)
		return nil
	})
}

// DeleteCustomer removes a business partner, or the addresses of it alone, as a clerk would.
func (v *Vendor) DeleteCustomer(code string, addressesOnly bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.tables["BusinessPartners"]
	if !addressesOnly {
		t.remove(code)
		return
	}
	if kept := t.get(code); kept != nil {
		(*kept)["BPAddresses"] = []row{}
	}
}

// PutCustomer implements fake.CustomerKeeper.
func (v *Vendor) PutCustomer(customer commerce.Customer) (commerce.Customer, error) {
	err := v.asClerk(func() error {
		if customer.Source.ExternalID == "" {
			code, err := v.partnerOf(customer)
			customer.Source.ExternalID = code
			return err
		}
		kept := v.tables["BusinessPartners"].get(customer.Source.ExternalID)
		if kept == nil {
			return fmt.Errorf("no customer %q", customer.Source.ExternalID)
		}
		return failed(v.changePartner(kept, v.partnerRow(customer)))
	})
	return customer, err
}

func (v *Vendor) orderOf(id string) (*row, error) {
	kept := v.tables["Orders"].get(id)
	if kept == nil {
		return nil, fmt.Errorf("no sales order %s", id)
	}
	return kept, nil
}

// partnerOf finds a customer by code or e-mail, or makes one.
func (v *Vendor) partnerOf(c commerce.Customer) (string, error) {
	t := v.tables["BusinessPartners"]
	if kept := t.get(c.Source.ExternalID); kept != nil {
		return kept.text("CardCode"), nil
	}
	if email := c.Email(); email != "" && c.Source.ExternalID == "" {
		if list := t.index["EmailAddress"][strings.ToLower(email)]; len(list) > 0 {
			return list[0].text("CardCode"), nil
		}
	}
	in := v.partnerRow(c)
	in["Currency"], in["Series"] = "##", int64(1)
	kept, f := v.createPartner(in)
	if f != nil {
		return "", f
	}
	return kept.text("CardCode"), nil
}

func (v *Vendor) partnerRow(c commerce.Customer) row {
	name := strings.TrimSpace(c.DisplayName)
	if name == "" {
		name = strings.TrimSpace(c.GivenName + " " + c.FamilyName)
	}
	kind := "cPrivate"
	if c.Type == commerce.Company {
		kind = "cCompany"
		if c.CompanyName != "" {
			name = c.CompanyName
		}
	}
	if name == "" {
		name = "Customer"
	}
	r := row{"CardName": name, "CompanyPrivate": kind, "CardType": "cCustomer"}
	put(r, "EmailAddress", c.Email())
	put(r, "Phone1", c.Phone())
	put(r, "FederalTaxID", c.TaxID())
	put(r, "FreeText", c.Note)
	var list []row
	for i, a := range c.Addresses {
		use := "bo_ShipTo"
		if a.Use == commerce.UseBilling {
			use = "bo_BillTo"
		}
		one := v.addressRow(a)
		one["AddressName"], one["AddressType"] = "Address "+strconv.Itoa(i+1), use
		list = append(list, one)
	}
	if len(list) > 0 {
		r["BPAddresses"] = list
	}
	return r
}

func put(r row, name, value string) {
	if value != "" {
		r[name] = value
	}
}

func (v *Vendor) addressRow(a commerce.Address) row {
	r := row{}
	put(r, "AddressName2", a.Name)
	put(r, "AddressName3", a.Company)
	put(r, "Street", a.StreetAddress)
	put(r, "StreetNo", a.HouseNumber)
	put(r, "Block", a.DependentLocality)
	put(r, "BuildingFloorRoom", a.ExtendedAddress)
	put(r, "ZipCode", a.PostalCode)
	put(r, "City", a.AddressLocality)
	put(r, "Country", a.AddressCountry)
	if v.checkPlace(a.AddressCountry, a.AddressRegion) == nil {
		put(r, "State", a.AddressRegion)
	} else {
		put(r, "County", a.AddressRegion)
	}
	return r
}

// orderRow is an order as somebody would type it in.
func (v *Vendor) orderRow(order commerce.Order) (row, error) {
	code := ""
	for own, currency := range v.currencies {
		if currency == order.DocumentCurrency {
			code = own
		}
	}
	if code == "" {
		return nil, fmt.Errorf("no currency %s", order.DocumentCurrency)
	}
	posted := v.now().UTC()
	if !order.OrderDate.IsZero() {
		posted = order.OrderDate.UTC()
	}
	r := row{"DocCurrency": code, "DocDate": posted.Format(time.DateOnly), "DocDueDate": posted.AddDate(0, 0, 7).Format(time.DateOnly)}
	if !order.RequestedDeliveryDate.IsZero() && order.RequestedDeliveryDate.After(posted) {
		r["DocDueDate"] = order.RequestedDeliveryDate.UTC().Format(time.DateOnly)
	}
	put(r, "NumAtCard", order.CustomerReference)
	var notes []string
	for _, n := range order.Notes {
		notes = append(notes, n.Text)
	}
	put(r, "Comments", strings.Join(notes, "\n"))
	extension := row{}
	for prefix, a := range map[string]*commerce.Address{"BillTo": order.BillTo, "ShipTo": order.ShipTo} {
		if a == nil {
			continue
		}
		for from, value := range v.addressRow(*a) {
			switch from {
			case "AddressName2", "AddressName3":
				extension[prefix+"Address"+from[len(from)-1:]] = value
			case "BuildingFloorRoom":
				extension[prefix+"Building"] = value
			default:
				extension[prefix+from] = value
			}
		}
	}
	if len(extension) > 0 {
		r["AddressExtension"] = extension
	}
	var lines, expenses []row
	for _, l := range order.Lines {
		line := row{"ItemCode": l.SKU, "Quantity": l.Quantity}
		v.priced(line, order, l.LineNet.Amount, l.LineGross.Amount, l.Quantity)
		v.taxed(line, l.Taxes)
		lines = append(lines, line)
	}
	freight := func(number int64, title string, net money.Money, taxes []commerce.Tax) {
		expense := row{"ExpenseCode": number, "LineTotal": net.Amount, "LineTotalFC": net.Amount}
		put(expense, "Remarks", title)
		v.taxed(expense, taxes)
		expenses = append(expenses, expense)
	}
	for _, s := range order.ShippingLines {
		freight(1, s.Title, s.Net, s.Taxes)
	}
	for _, c := range order.Charges {
		freight(2, c.Title, c.Net, c.Taxes)
	}
	for _, d := range order.Discounts {
		if !d.Allocated {
			freight(3, d.Title, d.Net.Neg(), d.Taxes)
		}
	}
	r["DocumentLines"], r["DocumentAdditionalExpenses"] = lines, expenses
	if len(lines) == 0 {
		return nil, errors.New("an order without lines")
	}
	return r, nil
}

func (v *Vendor) priced(line row, order commerce.Order, net, gross, quantity money.Decimal) {
	if order.PricesIncludeTax {
		line["PriceAfterVAT"] = commerce.PerUnit(gross, quantity).Round(v.priceDecimals)
		line["GrossTotal"], line["GrossTotalFC"] = gross, gross
		return
	}
	line["UnitPrice"] = commerce.PerUnit(net, quantity).Round(v.priceDecimals)
	line["LineTotal"], line["RowTotalFC"] = net, net
}

func (v *Vendor) taxed(line row, taxes []commerce.Tax) {
	rate := money.Zero
	if len(taxes) > 0 {
		rate = taxes[0].Rate
	}
	if v.salesTax {
		line["TaxCode"] = "T" + rate.Shift(2).String()
		return
	}
	line["VatGroup"] = "A" + rate.Shift(2).String()
}

var (
	_ fake.Vendor         = (*Vendor)(nil)
	_ fake.ERP            = (*Vendor)(nil)
	_ fake.Changer        = (*Vendor)(nil)
	_ fake.Canceller      = (*Vendor)(nil)
	_ fake.Deleter        = (*Vendor)(nil)
	_ fake.CustomerKeeper = (*Vendor)(nil)
	_ fake.Restricter     = (*Vendor)(nil)
	_ fake.Disabler       = (*Vendor)(nil)
)
