package odoo

import (
	"context"
	"fmt"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
)

// addressNames are the fields of a postal address.
var addressNames = []string{"street", "street2", "zip", "city", "state_id", "country_id"}

// SaveAddress implements connector.AddressWriter: addresses are contacts below the customer. The
// customer's own record serves where its address and name are the same.
func (c *conn) SaveAddress(ctx context.Context, customer connector.Document, use commerce.AddressUse, address commerce.Address) (connector.Document, error) {
	const op = "save the address"
	id, err := parseID("customer", customer.ID)
	if err != nil {
		return connector.Document{}, err
	}
	rows, err := c.readPartners(ctx, op, api.Domain{}.Or(api.Where("id", "=", id), api.Where("parent_id", "=", id)), 0)
	if err != nil {
		return connector.Document{}, err
	}
	var owner *partner
	var children []partner
	for _, p := range rows {
		if p.ID == id {
			owner = &p
			continue
		}
		children = append(children, p)
	}
	if owner == nil {
		return connector.Document{}, goneCustomer(op, customer.ID)
	}
	values, err := c.childValues(ctx, *owner, use, address)
	if err != nil {
		return connector.Document{}, err
	}
	content := contentOf(values)
	main := *owner
	main.Phone = "" // an address without a telephone number of its own has that of its owner
	if main.content() == content {
		return c.partnerDocument(*owner), nil
	}
	// One that is for this use comes first, then any other.
	for _, wanted := range []bool{true, false} {
		for _, child := range children {
			if child.content() == content && (child.Type.String() == values["type"]) == wanted {
				return c.partnerDocument(child), nil
			}
		}
	}
	values["parent_id"] = id
	ids, err := c.api.Create(ctx, op, modelPartner, []map[string]any{values}, nil)
	if err != nil {
		return connector.Document{}, err
	}
	return c.partnerDocument(partner{ID: ids[0]}), nil
}

// childValues are the fields of an address as a contact below its owner.
func (c *conn) childValues(ctx context.Context, owner partner, use commerce.AddressUse, address commerce.Address) (map[string]any, error) {
	values, err := c.addressValues(ctx, address)
	if err != nil {
		return nil, err
	}
	values["type"] = "other"
	switch use {
	case commerce.UseBilling:
		values["type"] = "invoice"
	case commerce.UseShipping:
		values["type"] = "delivery"
	}
	values["name"] = recipient(owner, address)
	if phone := strings.TrimSpace(address.Phone); phone != "" && commerce.Fold(phone) != commerce.Fold(owner.Phone.String()) {
		values["phone"] = phone
	}
	return values, nil
}

// recipient is who an address is written to: the person, with the firm where it is not the owner's.
func recipient(owner partner, address commerce.Address) string {
	person := strings.TrimSpace(address.Name)
	if person == "" {
		person = strings.TrimSpace(address.GivenName + " " + address.FamilyName)
	}
	firm := strings.TrimSpace(address.Company)
	if commerce.Fold(firm) == commerce.Fold(owner.Name.String()) {
		firm = ""
	}
	switch {
	case person == "" && firm == "":
		return owner.Name.String()
	case firm == "":
		return person
	case person == "":
		return firm
	}
	return firm + ", " + person
}

// addressValues are the fields of a postal address.
func (c *conn) addressValues(ctx context.Context, a commerce.Address) (map[string]any, error) {
	values := map[string]any{}
	put := func(name string, parts ...string) {
		var kept []string
		for _, p := range parts {
			if p = strings.TrimSpace(p); p != "" {
				kept = append(kept, p)
			}
		}
		if len(kept) > 0 {
			values[name] = strings.Join(kept, ", ")
		}
	}
	street := strings.TrimSpace(a.StreetAddress)
	if number := strings.TrimSpace(a.HouseNumber); number != "" {
		street = strings.TrimSpace(street + " " + number)
	}
	put("street", street)
	put("street2", a.ExtendedAddress, a.DependentLocality)
	put("zip", a.PostalCode)
	region := strings.TrimSpace(a.AddressRegion)
	if code := strings.TrimSpace(a.AddressCountry); code != "" {
		country, err := c.known.country(ctx, code)
		if err != nil {
			return nil, err
		}
		values["country_id"] = country
		state, err := c.known.region(ctx, country, region)
		if err != nil {
			return nil, err
		}
		if state != 0 {
			values["state_id"], region = state, ""
		}
	}
	// A region that Odoo has no record of is written beside the town, so that nothing is lost.
	put("city", a.AddressLocality, region)
	return values, nil
}

// content is what makes two address records the same.
func (p partner) content() string {
	return contentOf(map[string]any{
		"name": p.Name.String(), "street": p.Street.String(), "street2": p.Street2.String(), "zip": p.Zip.String(), "city": p.City.String(),
		"state_id": p.State.ID, "country_id": p.Country.ID, "phone": p.Phone.String(),
	})
}

func contentOf(values map[string]any) string {
	var b strings.Builder
	for _, name := range []string{"name", "street", "street2", "zip", "city"} {
		text, _ := values[name].(string)
		b.WriteString(commerce.Fold(text) + "\x00")
	}
	for _, name := range []string{"state_id", "country_id"} {
		id, _ := values[name].(int64)
		fmt.Fprintf(&b, "%d\x00", id)
	}
	phone, _ := values["phone"].(string)
	b.WriteString(digits(phone))
	return b.String()
}

// same says whether an address is there already.
func same(held partner, children []partner, content string) bool {
	held.Phone = ""
	if held.ID != 0 && held.content() == content {
		return true
	}
	for _, child := range children {
		if child.content() == content {
			return true
		}
	}
	return false
}

func (p partner) addressBlank() bool {
	return p.Street == "" && p.Street2 == "" && p.Zip == "" && p.City == ""
}
