package sapb1

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/money"
)

// decoder translates the vendor's records under the settings of a connection.
type decoder struct{ config *config }

// DecodeOrder implements connector.Decoder.
func (d decoder) DecodeOrder(raw connector.Raw) (commerce.Order, error) {
	var doc api.Document
	if err := json.Unmarshal(raw.Body, &doc); err != nil {
		return commerce.Order{}, unreadable(err)
	}
	currency, err := money.ParseCurrency(d.config.iso(doc.DocCurrency))
	if err != nil {
		e := connector.Invalid("DocCurrency", "is no currency that is known")
		e.Value, e.Fix = doc.DocCurrency, "say what it is in the setting currencies, such as USD=$"
		return commerce.Order{}, e
	}
	if doc.DocEntry == 0 {
		return commerce.Order{}, connector.Invalid("DocEntry", "is missing")
	}
	t := translation{doc: doc, currency: currency, zone: d.config.zone(), foreign: !doc.DocTotalFC.IsZero()}
	return t.order()
}

func unreadable(err error) error {
	e := connector.Invalid("", "the record is not in the form that was expected")
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		e.Field = wrong.Field
	}
	e.Err = err
	return e
}

// translation is a document on its way into the canonical model.
type translation struct {
	doc      api.Document
	currency money.Currency
	zone     *time.Location
	// foreign says that the amounts of the document's own currency are in the fields with FC.
	foreign bool
}

// pick gives the one of two amounts that is in the document's currency, rounded to it: doubles carry noise.
func (t translation) pick(local, foreign api.Number) money.Decimal {
	if t.foreign {
		return foreign.Round(t.currency.Exponent())
	}
	return local.Round(t.currency.Exponent())
}

func (t translation) money(d money.Decimal) money.Money { return money.New(d, t.currency) }

func (t translation) order() (commerce.Order, error) {
	doc := t.doc
	created, _, err := moment(firstOf(doc.CreationDate, doc.DocDate), doc.DocTime, t.zone)
	if err != nil {
		return commerce.Order{}, connector.Invalid("CreationDate", "is no date")
	}
	updated, _, err := moment(firstOf(doc.UpdateDate, doc.CreationDate, doc.DocDate), doc.UpdateTime, t.zone)
	if err != nil {
		return commerce.Order{}, connector.Invalid("UpdateDate", "is no date")
	}
	due, _, err := moment(doc.DocDueDate, "", t.zone)
	if err != nil {
		return commerce.Order{}, connector.Invalid("DocDueDate", "is no date")
	}
	o := commerce.Order{
		Source: commerce.Source{
			System: "sapb1", ExternalID: strconv.FormatInt(doc.DocEntry, 10), ExternalNumber: strconv.FormatInt(doc.DocNum, 10), UpdatedAt: utc(updated),
		},
		OrderNumber: strconv.FormatInt(doc.DocNum, 10), OrderDate: utc(created), OrderType: commerce.OrderSale,
		PaymentState: commerce.PaymentPending, CustomerReference: doc.NumAtCard, DocumentCurrency: t.currency, TaxLevel: commerce.TaxByLine,
		RequestedDeliveryDate: utc(due),
		Buyer: commerce.Customer{
			Source: commerce.Source{System: "sapb1", ExternalID: doc.CardCode, ExternalNumber: doc.CardCode}, DisplayName: doc.CardName, Type: commerce.Company,
		},
	}
	if doc.FederalTaxID != "" {
		o.Buyer.TaxIDs = []commerce.TaxID{{Scheme: "vat", Value: doc.FederalTaxID}}
	}
	o.OrderState, o.FulfillmentState = t.states()
	if o.OrderState == commerce.StateCancelled {
		o.CancelledAt = updated.UTC()
	}
	if doc.Comments != "" {
		o.Notes = []commerce.Note{{Audience: "merchant", Text: doc.Comments}}
	}
	if a := doc.Addresses; a != nil {
		o.BillTo = addressOf(commerce.UseBilling, doc.CardName, api.Address{
			Name2: a.BillToAddress2, Name3: a.BillToAddress3, Street: a.BillToStreet, StreetNo: a.BillToStreetNo, Block: a.BillToBlock, Building: a.BillToBuilding,
			ZipCode: a.BillToZipCode, City: a.BillToCity, County: a.BillToCounty, State: a.BillToState, Country: a.BillToCountry,
		})
		o.ShipTo = addressOf(commerce.UseShipping, doc.CardName, api.Address{
			Name2: a.ShipToAddress2, Name3: a.ShipToAddress3, Street: a.ShipToStreet, StreetNo: a.ShipToStreetNo, Block: a.ShipToBlock, Building: a.ShipToBuilding,
			ZipCode: a.ShipToZipCode, City: a.ShipToCity, County: a.ShipToCounty, State: a.ShipToState, Country: a.ShipToCountry,
		})
	}
	t.lines(&o)
	t.expenses(&o)
	rounding := t.pick(doc.RoundingDiff, doc.RoundingDiffFC)
	tax := t.pick(doc.VatSum, doc.VatSumFC)
	gross := t.pick(doc.DocTotal, doc.DocTotalFC).Sub(rounding)
	err = o.Complete(commerce.Stated{Tax: &tax, TaxInclusive: &gross, Rounding: &rounding})
	if wrong, ok := errors.AsType[*commerce.FieldError](err); ok {
		return commerce.Order{}, connector.Invalid(wrong.Field, "%s", wrong.Message)
	}
	return o, err
}

func (t translation) states() (commerce.OrderState, commerce.FulfillmentState) {
	switch stateOf(t.doc) {
	case connector.DocumentCancelled:
		return commerce.StateCancelled, commerce.FulfillmentCancelled
	case connector.DocumentClosed:
		return commerce.StateComplete, commerce.FulfillmentShipped
	case connector.DocumentDraft:
		return commerce.StateOpen, t.shipped()
	case connector.DocumentConfirmed:
		return commerce.StateConfirmed, t.shipped()
	}
	return commerce.StateUnknown, commerce.FulfillmentUnknown
}

// shipped tells by what is still open of the lines.
func (t translation) shipped() commerce.FulfillmentState {
	for _, l := range t.doc.Lines {
		if l.LineStatus == api.StatusClose || (l.RemainingOpen != nil && l.RemainingOpen.LessThan(l.Quantity.Decimal)) {
			return commerce.FulfillmentPartial
		}
	}
	return commerce.FulfillmentPending
}

// lines translates the articles. A discount on the whole document is taken off each of them in proportion, as Business One does before it works taxes out.
func (t translation) lines(o *commerce.Order) {
	discount := t.pick(t.doc.TotalDiscount, t.doc.TotalDiscountFC)
	weights := make([]money.Decimal, len(t.doc.Lines))
	for i, l := range t.doc.Lines {
		weights[i] = t.pick(l.LineTotal, l.RowTotalFC)
	}
	shares := money.Allocate(discount, weights, t.currency.Exponent())
	if !discount.IsZero() && len(t.doc.Lines) > 0 {
		o.Discounts = append(o.Discounts, commerce.Discount{
			DiscountID: "document", Kind: commerce.DiscountFixed, Target: commerce.TargetOrder, Value: discount, Amount: t.money(discount), Allocated: true, Net: t.money(discount),
			Gross: t.money(discount), Tax: t.money(money.Zero),
		})
	}
	for i, l := range t.doc.Lines {
		// With a total discount the line's tax is already of what is left.
		net := weights[i].Sub(shares[i])
		tax := t.pick(firstNumber(l.NetTaxAmount, l.TaxTotal), l.NetTaxAmountFC)
		line := commerce.Line{
			LineID: strconv.FormatInt(l.LineNum, 10), Type: commerce.LineProduct, SKU: l.ItemCode, Name: firstOf(l.ItemDescription, l.ItemCode), Quantity: l.Quantity.Decimal,
			Warehouse: l.WarehouseCode, GTIN: l.BarCode, LineNet: t.money(net), LineTax: t.money(tax), LineGross: t.money(net.Add(tax)), Taxes: t.taxes(l.VatGroup, l.TaxCode, l.TaxPercent, net, tax),
			UnitPrice: commerce.Price{Net: t.money(commerce.PerUnit(weights[i], l.Quantity.Decimal)), Gross: t.money(commerce.PerUnit(weights[i].Add(tax), l.Quantity.Decimal))},
		}
		if line.SKU == "" {
			line.Type = commerce.LineCustom
		}
		if !shares[i].IsZero() {
			line.Discounts = []commerce.LineDiscount{{DiscountID: "document", Amount: t.money(shares[i])}}
		}
		if l.RemainingOpen != nil && l.RemainingOpen.LessThan(l.Quantity.Decimal) && t.doc.Cancelled != api.Yes {
			line.Fulfilled = l.Quantity.Sub(l.RemainingOpen.Decimal)
		}
		o.Lines = append(o.Lines, line)
	}
}

func firstNumber(a, b api.Number) api.Number {
	if a.IsZero() {
		return b
	}
	return a
}

func (t translation) taxes(vatGroup, taxCode string, percent api.Number, net, tax money.Decimal) []commerce.Tax {
	code := firstOf(vatGroup, taxCode)
	if code == "" && tax.IsZero() {
		return nil
	}
	rate := money.Percent(percent.Decimal)
	if rate.IsZero() && !tax.IsZero() && !net.IsZero() {
		rate = tax.DivRound(net, 4)
	}
	base := t.money(net)
	return []commerce.Tax{{Name: firstOf(code, "tax"), Code: code, Rate: rate, TaxableAmount: &base, TaxAmount: t.money(tax)}}
}

// expenses translates freights: what is charged is shipping, what is below zero a discount.
func (t translation) expenses(o *commerce.Order) {
	for i, e := range t.doc.Expenses {
		net, tax := t.pick(e.LineTotal, e.LineTotalFC), t.pick(e.TaxSum, e.TaxSumFC)
		taxes := t.taxes(e.VatGroup, e.TaxCode, e.TaxPercent, net, tax)
		title := firstOf(e.Remarks, "freight "+strconv.FormatInt(e.ExpenseCode, 10))
		if net.IsNegative() {
			for j := range taxes {
				base := t.money(net.Neg())
				taxes[j].TaxableAmount, taxes[j].TaxAmount = &base, t.money(tax.Neg())
			}
			o.Discounts = append(o.Discounts, commerce.Discount{
				DiscountID: fmt.Sprintf("freight-%d", i), Title: title, Kind: commerce.DiscountFixed, Target: commerce.TargetOrder, Value: net.Neg(), Amount: t.money(net.Neg()), Taxes: taxes,
				Net: t.money(net.Neg()), Tax: t.money(tax.Neg()), Gross: t.money(net.Add(tax).Neg()),
			})
			continue
		}
		o.ShippingLines = append(o.ShippingLines, commerce.ShippingLine{
			LineID: strconv.FormatInt(e.LineNum, 10), Method: strconv.FormatInt(e.ExpenseCode, 10), Title: title, Taxes: taxes, Net: t.money(net), Tax: t.money(tax), Gross: t.money(net.Add(tax)),
		})
	}
}

// addressOf translates an address; nil when there is nothing in it.
func addressOf(use commerce.AddressUse, name string, a api.Address) *commerce.Address {
	out := commerce.Address{
		Use: use, AddressID: a.Name, Name: firstOf(a.Name2, name), Company: a.Name3, StreetAddress: a.Street, HouseNumber: a.StreetNo, DependentLocality: a.Block,
		ExtendedAddress: strings.TrimSpace(a.Building), PostalCode: a.ZipCode, AddressLocality: a.City, AddressRegion: firstOf(a.State, a.County), AddressCountry: a.Country, GLN: a.GlobalLocNo,
	}
	if strings.TrimSpace(a.Street+a.ZipCode+a.City+a.Block+a.Building) == "" {
		return nil
	}
	return &out
}

// DecodeCustomer implements connector.Decoder.
func (d decoder) DecodeCustomer(raw connector.Raw) (commerce.Customer, error) {
	var p api.BusinessPartner
	if err := json.Unmarshal(raw.Body, &p); err != nil {
		return commerce.Customer{}, unreadable(err)
	}
	if p.CardCode == "" {
		return commerce.Customer{}, connector.Invalid("CardCode", "is missing")
	}
	zone := d.config.zone()
	updated, _, err := moment(firstOf(p.UpdateDate, p.CreateDate), p.UpdateTime, zone)
	if err != nil {
		return commerce.Customer{}, connector.Invalid("UpdateDate", "is no date")
	}
	created, _, err := moment(p.CreateDate, "", zone)
	if err != nil {
		return commerce.Customer{}, connector.Invalid("CreateDate", "is no date")
	}
	c := commerce.Customer{
		Source: commerce.Source{System: "sapb1", ExternalID: p.CardCode, ExternalNumber: p.CardCode, UpdatedAt: utc(updated)},
		Type:   commerce.Company, DisplayName: p.CardName, CompanyName: p.CardName, Status: commerce.CustomerActive, CreatedAt: utc(created), Note: p.FreeText,
		Emails: []string{}, Phones: []string{},
	}
	if p.CompanyPrivate == "cPrivate" || p.CompanyPrivate == "cEmployee" {
		c.Type, c.CompanyName = commerce.Person, ""
		if given, family, found := cutLast(p.CardName); found {
			c.GivenName, c.FamilyName = given, family
		}
	}
	if p.EmailAddress != "" {
		c.Emails = append(c.Emails, p.EmailAddress)
	}
	for _, number := range []string{p.Phone1, p.Phone2, p.Cellular} {
		if number != "" {
			c.Phones = append(c.Phones, number)
		}
	}
	if p.FederalTaxID != "" {
		c.TaxIDs = []commerce.TaxID{{Scheme: "vat", Value: p.FederalTaxID}}
	}
	if currency, err := money.ParseCurrency(d.config.iso(p.Currency)); err == nil { // "##" is all of them
		c.Currency = string(currency)
	}
	if p.Frozen == api.Yes || p.Valid == api.No {
		c.Status = commerce.CustomerDisabled
	}
	for _, a := range p.Addresses {
		use, standard := commerce.UseShipping, p.ShipToDefault
		if a.Type == api.AddressBillTo {
			use, standard = commerce.UseBilling, p.BillToDefault
		}
		if address := addressOf(use, p.CardName, a); address != nil {
			address.Default = a.Name == standard
			c.Addresses = append(c.Addresses, *address)
		}
	}
	for _, person := range p.Contacts {
		contact := commerce.Contact{
			ContactID: strconv.FormatInt(person.InternalCode, 10), Name: person.Name, GivenName: person.FirstName, FamilyName: person.LastName, Position: person.Position,
		}
		if person.Email != "" {
			contact.Emails = []string{person.Email}
		}
		for _, number := range []string{person.Phone, person.Mobile} {
			if number != "" {
				contact.Phones = append(contact.Phones, number)
			}
		}
		c.Contacts = append(c.Contacts, contact)
	}
	return c, nil
}

// utc leaves the zero time as it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// cutLast takes a person's name apart at its last space.
func cutLast(name string) (before, last string, found bool) {
	i := strings.LastIndex(name, " ")
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}
