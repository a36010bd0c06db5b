package api

// Customer is a customer as REST and webhooks write it; inside an order some fields are absent.
// (shopify.dev/docs/api/admin-rest/latest/resources/customer)
type Customer struct {
	ID             ID        `json:"id"`
	Email          string    `json:"email"`
	Phone          string    `json:"phone"`
	FirstName      string    `json:"first_name"`
	LastName       string    `json:"last_name"`
	State          string    `json:"state"` // disabled, invited, enabled, declined: of the account, not the person
	Note           string    `json:"note"`
	Tags           string    `json:"tags"`
	Locale         string    `json:"locale"` // GraphQL only
	TaxExempt      bool      `json:"tax_exempt"`
	TaxExemptions  []string  `json:"tax_exemptions"`
	CreatedAt      Time      `json:"created_at"`
	UpdatedAt      Time      `json:"updated_at"`
	DefaultAddress *Address  `json:"default_address"`
	Addresses      []Address `json:"addresses"`
	EmailConsent   *Consent  `json:"email_marketing_consent"`
}

// Consent is whether a customer wants advertising.
type Consent struct {
	State     string `json:"state"`
	UpdatedAt Time   `json:"consent_updated_at"`
}

// Address is a postal address.
type Address struct {
	ID           ID     `json:"id"`
	FirstName    string `json:"first_name"`
	LastName     string `json:"last_name"`
	Name         string `json:"name"`
	Company      string `json:"company"`
	Address1     string `json:"address1"`
	Address2     string `json:"address2"`
	City         string `json:"city"`
	Province     string `json:"province"`
	ProvinceCode string `json:"province_code"` // tail of ISO 3166-2
	Country      string `json:"country"`
	CountryCode  string `json:"country_code"` // ISO 3166-1 alpha-2
	Zip          string `json:"zip"`
	Phone        string `json:"phone"`
	Default      bool   `json:"default"`
}
