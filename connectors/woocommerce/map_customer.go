package woocommerce

import (
	"cmp"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
)

// decodeCustomer translates an account of the shop.
func decodeCustomer(c api.Customer) (commerce.Customer, error) {
	if c.ID == "" || c.ID == "0" {
		return commerce.Customer{}, connector.Invalid("id", "is missing: this is no customer of WooCommerce")
	}
	if c.Role == "" && c.Username == "" {
		return commerce.Customer{}, connector.Invalid("role", "is missing: this is no customer of WooCommerce")
	}
	billing, shipping := c.Billing.Value, c.Shipping.Value
	given, family := plainText(c.FirstName), plainText(c.LastName)
	if given == "" && family == "" {
		given, family = plainText(billing.FirstName), plainText(billing.LastName)
	}
	out := buyer(given, family, billing)
	out.Source = source(c.ID, c.Links.Value, "user-edit.php?user_id=")
	out.Source.UpdatedAt = c.ModifiedGMT.Time
	if out.Source.UpdatedAt.IsZero() {
		out.Source.UpdatedAt = c.CreatedGMT.Time
	}
	email := plainText(c.Email)
	out.Emails = texts(email)
	if other := plainText(billing.Email); !strings.EqualFold(other, email) {
		out.Emails = texts(email, other)
	}
	out.DisplayName = cmp.Or(out.DisplayName, email, plainText(c.Username))
	out.TaxIDs = taxIDs(c.Meta, strings.ToUpper(plainText(billing.Country)))
	out.CreatedAt = c.CreatedGMT.Time
	out.Status = commerce.CustomerActive
	for _, a := range []*commerce.Address{address(billing, commerce.UseBilling), address(shipping, commerce.UseShipping)} {
		if a != nil {
			a.Default = true
			out.Addresses = append(out.Addresses, *a)
		}
	}
	return out, nil
}

// buyer is what an order and an account say of a customer in the same way.
func buyer(given, family string, billing api.Address) commerce.Customer {
	c := commerce.Customer{
		Type: commerce.Person, GivenName: given, FamilyName: family, CompanyName: plainText(billing.Company),
		Emails: texts(plainText(billing.Email)), Phones: texts(plainText(billing.Phone)),
	}
	if c.CompanyName != "" {
		c.Type = commerce.Company
	}
	c.DisplayName = cmp.Or(strings.TrimSpace(given+" "+family), c.CompanyName)
	return c
}
