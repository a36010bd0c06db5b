package shopify

import (
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
)

// customer translates a customer with its address book. Shopify tells no use of an address: there is
// one default.
func (d decoder) customer(c *api.Customer) commerce.Customer {
	out := commerce.Customer{
		Source: commerce.Source{System: "shopify", ExternalID: string(c.ID), UpdatedAt: c.UpdatedAt.Time},
		Type:   commerce.Person, GivenName: c.FirstName, FamilyName: c.LastName,
		DisplayName: strings.TrimSpace(c.FirstName + " " + c.LastName),
		Emails:      list(c.Email), Phones: list(c.Phone),
		Language: c.Locale, TaxExempt: c.TaxExempt || len(c.TaxExemptions) > 0,
		// A disabled account is one without a password; its customer buys all the same.
		Status: commerce.CustomerActive, CreatedAt: c.CreatedAt.Time, Note: c.Note,
	}
	if c.EmailConsent != nil {
		out.MarketingConsent = &commerce.Consent{State: c.EmailConsent.State, At: c.EmailConsent.UpdatedAt.Time, Source: "email"}
	}
	if c.DefaultAddress != nil {
		first := *address(c.DefaultAddress, commerce.UseOther)
		first.Default = true
		out.Addresses = append(out.Addresses, first)
		setCompany(&out, c.DefaultAddress.Company)
	}
	for i := range c.Addresses {
		a := &c.Addresses[i]
		if a.Default || c.DefaultAddress != nil && a.ID == c.DefaultAddress.ID && a.ID != "" {
			continue
		}
		out.Addresses = append(out.Addresses, *address(a, commerce.UseOther))
	}
	return out
}

// buyer translates who bought: the customer, and for a guest what the order and its addresses tell.
func (m *mapper) buyer(o *api.Order) commerce.Customer {
	out := commerce.Customer{Type: commerce.Person, Emails: []string{}, Phones: []string{}, Status: commerce.CustomerActive}
	if o.Customer != nil {
		out = m.customer(o.Customer)
		out.MarketingConsent = nil // GraphQL tells it with an order, REST does not
	}
	if len(out.Emails) == 0 {
		out.Emails = list(o.Email, o.ContactEmail)
	}
	if len(out.Phones) == 0 {
		out.Phones = list(o.Phone)
	}
	for _, a := range []*api.Address{o.BillingAddress, o.ShippingAddress} {
		if a == nil {
			continue
		}
		if out.GivenName == "" && out.FamilyName == "" {
			out.GivenName, out.FamilyName = a.FirstName, a.LastName
			out.DisplayName = fullName(a)
		}
		if len(out.Phones) == 0 {
			out.Phones = list(a.Phone)
		}
	}
	if o.BillingAddress != nil {
		setCompany(&out, o.BillingAddress.Company)
	}
	if o.Company != nil {
		// Shopify's order names a company by ids alone; they are the group that a rule can look at.
		out.Type, out.CustomerGroup = commerce.Company, string(o.Company.ID)
	}
	if out.DisplayName == "" {
		out.DisplayName = out.CompanyName
	}
	if out.DisplayName == "" {
		out.DisplayName = out.Email()
	}
	if out.Language == "" {
		out.Language = o.CustomerLocale
	}
	for _, a := range o.NoteAttributes {
		if m.taxIDAttribute != "" && a.Name == m.taxIDAttribute && strings.TrimSpace(string(a.Value)) != "" {
			id := commerce.TaxID{Scheme: "vat", Value: strings.TrimSpace(string(a.Value))}
			if o.BillingAddress != nil {
				id.Country = o.BillingAddress.CountryCode
			}
			out.TaxIDs = []commerce.TaxID{id}
		}
	}
	return out
}

func setCompany(c *commerce.Customer, name string) {
	if name = strings.TrimSpace(name); name != "" {
		c.Type, c.CompanyName = commerce.Company, name
	}
}

// list gives the first text that is not empty, as a list.
func list(texts ...string) []string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return []string{t}
		}
	}
	return []string{}
}

func fullName(a *api.Address) string {
	if name := strings.TrimSpace(a.FirstName + " " + a.LastName); name != "" {
		return name
	}
	return a.Name
}

// address translates an address; nil stays nil.
func address(a *api.Address, use commerce.AddressUse) *commerce.Address {
	if a == nil {
		return nil
	}
	out := &commerce.Address{
		Use: use, Name: fullName(a), GivenName: a.FirstName, FamilyName: a.LastName, Company: a.Company,
		StreetAddress: a.Address1, ExtendedAddress: a.Address2, AddressLocality: a.City, AddressRegion: a.ProvinceCode,
		PostalCode: a.Zip, AddressCountry: a.CountryCode, Phone: a.Phone,
	}
	if use == commerce.UseOther {
		out.AddressID = string(a.ID) // those of an order are copies: REST gives them no id, GraphQL one that tells nothing
	}
	if out.AddressRegion == "" {
		out.AddressRegion = a.Province
	}
	if out.AddressCountry == "" && len(a.Country) == 2 {
		out.AddressCountry = strings.ToUpper(a.Country)
	}
	return out
}
