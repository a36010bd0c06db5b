package odoo

import (
	"encoding/json"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// decoder translates what Fetch reads.
type decoder struct{}

// DecodeCustomer implements connector.Decoder.
func (decoder) DecodeCustomer(raw connector.Raw) (commerce.Customer, error) {
	var record customerRecord
	if err := json.Unmarshal(raw.Body, &record); err != nil {
		return commerce.Customer{}, connector.Invalid("", "the record is not what Odoo gives: %v", err)
	}
	var p partner
	if err := field("partner", record.Partner, &p); err != nil {
		return commerce.Customer{}, err
	}
	if p.ID == 0 {
		return commerce.Customer{}, connector.Invalid("partner.id", "is missing")
	}
	customer := record.customer(p)
	for _, raw := range record.Children {
		var child partner
		if err := field("children", raw, &child); err != nil {
			return commerce.Customer{}, err
		}
		record.addChild(&customer, p, child)
	}
	return customer, nil
}

// field decodes a part of a record and names it when that fails.
func field(name string, raw json.RawMessage, out any) error {
	if len(raw) == 0 {
		return connector.Invalid(name, "is missing")
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return connector.Invalid(name, "has another form than expected: %v", err)
	}
	return nil
}

// customer is a contact without those below it.
func (at places) customer(p partner) commerce.Customer {
	customer := commerce.Customer{
		Source: commerce.Source{
			System: "odoo", ExternalID: formatID(p.ID), ExternalNumber: p.Ref.String(), UpdatedAt: p.Written.Time,
		},
		Type: commerce.Person, DisplayName: p.Name.String(), Emails: []string{}, Phones: []string{}, Status: commerce.CustomerActive,
		Language: strings.ReplaceAll(p.Lang.String(), "_", "-"), CreatedAt: p.Created.Time, Note: plainText(string(p.Comment)),
	}
	if p.IsCompany {
		customer.Type, customer.CompanyName = commerce.Company, p.Name.String()
	}
	if !p.Active {
		customer.Status = commerce.CustomerDisabled
	}
	customer.Emails = append(customer.Emails, strings.FieldsFunc(p.Email.String(), func(r rune) bool { return r == ',' || r == ';' || r == ' ' })...)
	for _, phone := range []string{p.Phone.String(), p.Mobile.String()} {
		if phone != "" {
			customer.Phones = append(customer.Phones, phone)
		}
	}
	if vat := p.VAT.String(); vat != "" && vat != "/" {
		customer.TaxIDs = []commerce.TaxID{{Scheme: "vat", Value: vat, Country: at.Countries[p.Country.ID]}}
	}
	if !p.addressBlank() {
		a := at.address(p, partner{})
		a.Use, a.Default = commerce.UseBilling, true
		customer.Addresses = []commerce.Address{a}
	}
	return customer
}

// addChild adds a contact below the customer: a person, or an address.
func (at places) addChild(customer *commerce.Customer, owner, child partner) {
	if !child.Active {
		return
	}
	switch child.Type {
	case "contact", "private":
		contact := commerce.Contact{ContactID: formatID(child.ID), Name: child.Name.String(), Position: child.Function.String()}
		if email := child.Email.String(); email != "" {
			contact.Emails = []string{email}
		}
		if phone := child.Phone.String(); phone != "" {
			contact.Phones = []string{phone}
		}
		customer.Contacts = append(customer.Contacts, contact)
		return
	}
	a := at.address(child, owner)
	switch child.Type {
	case "invoice":
		a.Use = commerce.UseBilling
	case "delivery":
		a.Use = commerce.UseShipping
	default:
		a.Use = commerce.UseOther
	}
	customer.Addresses = append(customer.Addresses, a)
}

// address is a contact as an address; owner is the contact that it belongs to.
func (at places) address(p, owner partner) commerce.Address {
	a := commerce.Address{
		AddressID: formatID(p.ID), Name: p.Name.String(), StreetAddress: p.Street.String(), ExtendedAddress: p.Street2.String(),
		AddressLocality: p.City.String(), AddressRegion: at.Regions[p.State.ID], PostalCode: p.Zip.String(),
		AddressCountry: at.Countries[p.Country.ID], Phone: p.Phone.String(), Email: p.Email.String(),
	}
	if a.AddressRegion == "" {
		a.AddressRegion = p.State.Name
	}
	if p.IsCompany {
		a.Company, a.Name = a.Name, ""
	}
	if owner.IsCompany {
		a.Company = owner.Name.String()
	}
	if a.Name == "" && a.Company == "" {
		a.Name = owner.Name.String()
	}
	return a
}
