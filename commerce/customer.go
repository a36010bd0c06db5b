package commerce

import "time"

// CustomerType says whether a customer is a person or a company.
type CustomerType string

// Customer types.
const (
	Person  CustomerType = "person"
	Company CustomerType = "company"
)

// CustomerStatus is whether a customer may be used.
type CustomerStatus string

// Customer statuses.
const (
	CustomerActive   CustomerStatus = "active"
	CustomerDisabled CustomerStatus = "disabled"
	CustomerMerged   CustomerStatus = "merged"
	CustomerErased   CustomerStatus = "erased"
)

// Customer is who buys: a person, or a company with its contacts.
type Customer struct {
	Source Source `json:"source"` // ExternalID is empty for a guest

	Type             CustomerType   `json:"type"`
	DisplayName      string         `json:"display_name"`
	GivenName        string         `json:"given_name,omitempty"`
	FamilyName       string         `json:"family_name,omitempty"`
	CompanyName      string         `json:"company_name,omitempty"`
	Emails           []string       `json:"emails"`
	Phones           []string       `json:"phones"` // as the source gives them
	TaxIDs           []TaxID        `json:"tax_ids,omitempty"`
	CustomerGroup    string         `json:"customer_group,omitempty"`
	PriceList        string         `json:"price_list,omitempty"`
	PaymentTerms     string         `json:"payment_terms,omitempty"`
	Currency         string         `json:"currency,omitempty"`
	Language         string         `json:"language,omitempty"` // BCP 47
	TaxExempt        bool           `json:"tax_exempt,omitempty"`
	MarketingConsent *Consent       `json:"marketing_consent,omitempty"`
	Addresses        []Address      `json:"addresses,omitempty"`
	Contacts         []Contact      `json:"contacts,omitempty"`
	Status           CustomerStatus `json:"status,omitempty"`
	MergedInto       string         `json:"merged_into,omitempty"`
	CreatedAt        time.Time      `json:"created_at,omitzero"`
	Note             string         `json:"note,omitempty"`
}

// Guest says whether the source knows no account of this buyer.
func (c Customer) Guest() bool { return c.Source.ExternalID == "" }

// Email is the first e-mail address, or "".
func (c Customer) Email() string { return first(c.Emails) }

// Phone is the first telephone number, or "".
func (c Customer) Phone() string { return first(c.Phones) }

// TaxID is the first tax number, or "".
func (c Customer) TaxID() string {
	if len(c.TaxIDs) == 0 {
		return ""
	}
	return c.TaxIDs[0].Value
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// TaxID is a number under which tax is accounted for.
type TaxID struct {
	Scheme  string `json:"scheme"` // vat, gst, ein, …
	Value   string `json:"value"`
	Country string `json:"country,omitempty"`
}

// Consent is whether a customer wants advertising.
type Consent struct {
	State  string    `json:"state"`
	At     time.Time `json:"at,omitzero"`
	Source string    `json:"source,omitempty"`
}

// Contact is a person at a company.
type Contact struct {
	ContactID  string   `json:"contact_id,omitempty"`
	Name       string   `json:"name"`
	GivenName  string   `json:"given_name,omitempty"`
	FamilyName string   `json:"family_name,omitempty"`
	Emails     []string `json:"emails,omitempty"`
	Phones     []string `json:"phones,omitempty"`
	Position   string   `json:"position,omitempty"`
}

// AddressUse is what an address of a customer is for.
type AddressUse string

// Address uses.
const (
	UseBilling  AddressUse = "billing"
	UseShipping AddressUse = "shipping"
	UseOther    AddressUse = "other"
)

// Address is a postal address with the names of schema.org PostalAddress, as it was typed.
type Address struct {
	AddressID            string     `json:"address_id,omitempty"` // the source's own
	Use                  AddressUse `json:"use,omitempty"`
	Default              bool       `json:"default,omitempty"`
	Name                 string     `json:"name,omitempty"`
	GivenName            string     `json:"given_name,omitempty"`
	FamilyName           string     `json:"family_name,omitempty"`
	Company              string     `json:"company,omitempty"`
	StreetAddress        string     `json:"street_address"`
	ExtendedAddress      string     `json:"extended_address,omitempty"` // second line
	HouseNumber          string     `json:"house_number,omitempty"`     // only where it is given apart
	DependentLocality    string     `json:"dependent_locality,omitempty"`
	AddressLocality      string     `json:"address_locality"`
	AddressRegion        string     `json:"address_region,omitempty"` // ISO 3166-2 code without the country, or the text as given
	PostalCode           string     `json:"postal_code"`
	AddressCountry       string     `json:"address_country"` // ISO 3166-1 alpha-2
	Phone                string     `json:"phone,omitempty"`
	Email                string     `json:"email,omitempty"`
	DeliveryInstructions string     `json:"delivery_instructions,omitempty"`
	GLN                  string     `json:"gln,omitempty"`
}
