package sapb1

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"strings"
	"unicode"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
)

// cardCode makes the code of a new customer from our key, so that a repeated creation is refused as a duplicate. It has at most 15 characters.
func (c *conn) cardCode(key connector.Key) string {
	sum := sha256.Sum256([]byte(key))
	code := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
	return c.config.cardPrefix + code[:maxCardCode-4]
}

// partnerFields translates a customer; empty fields are left out, so that an update empties nothing.
func (c *config) partnerFields(draft connector.CustomerDraft, field string, states map[string]string) (api.Fields, error) {
	who := draft.Customer
	fields := api.Fields{"CardType": api.CardCustomer, "Currency": c.cardCurrency}
	if c.cardGroup != 0 {
		fields["GroupCode"] = c.cardGroup
	}
	if field != "" {
		fields[field] = string(draft.Key)
	}
	name := partnerName(who)
	if name == "" && draft.Existing == nil {
		return nil, connector.Invalid("buyer.display_name", "the customer has neither name nor e-mail address")
	}
	put(fields, "CardName", cut(name, maxCardName))
	switch who.Type {
	case commerce.Company:
		fields["CompanyPrivate"] = "cCompany"
	case commerce.Person:
		fields["CompanyPrivate"] = "cPrivate"
	}
	if units(who.Email()) > maxEmail {
		return nil, connector.Invalid("buyer.emails[0]", "the e-mail address is longer than the %d characters that Business One keeps", maxEmail)
	}
	put(fields, "EmailAddress", who.Email())
	put(fields, "Phone1", phone(who.Phone()))
	if units(who.TaxID()) > maxTaxID {
		return nil, connector.Invalid("buyer.tax_ids[0].value", "the tax number is longer than the %d characters that Business One keeps", maxTaxID)
	}
	put(fields, "FederalTaxID", who.TaxID())
	put(fields, "FreeText", who.Note)
	addresses, err := addressList(who.Addresses, states)
	if err != nil {
		return nil, err
	}
	if len(addresses) > 0 {
		fields["BPAddresses"] = addresses
	}
	if contacts := contactList(who); len(contacts) > 0 {
		fields["ContactEmployees"] = contacts
	}
	maps.Copy(fields, draft.Fields)
	return fields, nil
}

func put(fields api.Fields, name, value string) {
	if value != "" {
		fields[name] = value
	}
}

func partnerName(who commerce.Customer) string {
	if who.Type == commerce.Company && who.CompanyName != "" {
		return who.CompanyName
	}
	return cmp.Or(who.DisplayName, strings.TrimSpace(who.GivenName+" "+who.FamilyName), who.CompanyName, who.Email())
}

// addressList gives each address once; one that is for both uses is two records.
func addressList(addresses []commerce.Address, states map[string]string) ([]api.Fields, error) {
	var out []api.Fields
	seen := map[string]bool{}
	for i, a := range addresses {
		if a.Blank() {
			continue
		}
		kinds := []string{api.AddressShipTo}
		switch a.Use {
		case commerce.UseBilling:
			kinds = []string{api.AddressBillTo}
		case commerce.UseOther, "":
			kinds = []string{api.AddressBillTo, api.AddressShipTo}
		}
		for _, kind := range kinds {
			one, err := addressFields(a, kind, states[a.AddressCountry+"/"+a.AddressRegion], fmt.Sprintf("buyer.addresses[%d]", i))
			if err != nil {
				return nil, err
			}
			if id := fmt.Sprint(kind, one["AddressName"]); !seen[id] {
				seen[id] = true
				out = append(out, one)
			}
		}
	}
	return out, nil
}

// postal is an address in the vendor's fields. What is longer than a field goes on in the next one.
func postal(a commerce.Address, state string) api.Address {
	out := api.Address{
		Name2: cut(cmp.Or(a.Name, strings.TrimSpace(a.GivenName+" "+a.FamilyName)), maxName), Name3: cut(a.Company, maxName),
		Street: cut(a.StreetAddress, maxStreet), StreetNo: cut(a.HouseNumber, maxStreet), Block: cut(a.DependentLocality, maxStreet), Building: a.ExtendedAddress,
		ZipCode: a.PostalCode, City: cut(a.AddressLocality, maxCity), Country: a.AddressCountry, State: state,
	}
	if rest := strings.TrimSpace(strings.TrimPrefix(a.StreetAddress, out.Street)); rest != "" {
		out.Building = strings.TrimSpace(rest + " " + out.Building)
	}
	if state == "" {
		out.County = cut(a.AddressRegion, maxCity)
	}
	return out
}

// addressFields translates an address of a business partner, with a name made of its content.
func addressFields(a commerce.Address, kind, state, field string) (api.Fields, error) {
	if units(a.PostalCode) > maxZip {
		return nil, connector.Invalid(field+".postal_code", "the postal code is longer than the %d characters that Business One keeps", maxZip)
	}
	p := postal(a, state)
	out := api.Fields{"AddressName": addressName(a), "AddressType": kind}
	put(out, "AddressName2", p.Name2)
	put(out, "AddressName3", p.Name3)
	put(out, "Street", p.Street)
	put(out, "StreetNo", p.StreetNo)
	put(out, "Block", p.Block)
	put(out, "BuildingFloorRoom", p.Building)
	put(out, "ZipCode", p.ZipCode)
	put(out, "City", p.City)
	put(out, "County", p.County)
	put(out, "State", p.State)
	put(out, "Country", p.Country)
	put(out, "GlobalLocationNumber", cut(a.GLN, maxName))
	return out, nil
}

// addressName is readable and, by a part of the content's hash, the same for the same content alone.
func addressName(a commerce.Address) string {
	content := strings.Join([]string{
		a.Name, a.GivenName, a.FamilyName, a.Company, a.StreetAddress, a.HouseNumber, a.ExtendedAddress, a.DependentLocality, a.AddressLocality, a.AddressRegion, a.PostalCode,
		a.AddressCountry,
	}, "\x00")
	sum := sha256.Sum256([]byte(content))
	mark := fmt.Sprintf("%x", sum[:4])
	label := strings.Map(func(r rune) rune {
		if r == '\'' || r == '"' || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(a.AddressLocality+" "+a.StreetAddress))
	return strings.TrimSpace(cut(label, maxName-len(mark)-1) + " " + mark)
}

// sameAddress says whether an address of the business partner has the same content as one that is to be.
func sameAddress(a api.Address, one api.Fields) bool {
	for name, present := range map[string]string{
		"AddressName2": a.Name2, "AddressName3": a.Name3, "Street": a.Street, "StreetNo": a.StreetNo, "Block": a.Block, "BuildingFloorRoom": a.Building,
		"ZipCode": a.ZipCode, "City": a.City, "County": a.County, "State": a.State, "Country": a.Country,
	} {
		want, _ := one[name].(string)
		if want != present {
			return false
		}
	}
	return true
}

// contactList gives the people of a customer; names are unique in a business partner.
func contactList(who commerce.Customer) []api.Fields {
	contacts := who.Contacts
	if len(contacts) == 0 && who.Type == commerce.Company && who.GivenName+who.FamilyName != "" {
		contacts = []commerce.Contact{{
			Name: strings.TrimSpace(who.GivenName + " " + who.FamilyName), GivenName: who.GivenName, FamilyName: who.FamilyName, Emails: who.Emails, Phones: who.Phones,
		}}
	}
	var out []api.Fields
	seen := map[string]bool{}
	for _, p := range contacts {
		name := cut(cmp.Or(p.Name, strings.TrimSpace(p.GivenName+" "+p.FamilyName)), maxName)
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		one := api.Fields{"Name": name}
		put(one, "FirstName", cut(p.GivenName, maxName))
		put(one, "LastName", cut(p.FamilyName, maxName))
		put(one, "Position", cut(p.Position, 90))
		if len(p.Emails) > 0 && units(p.Emails[0]) <= maxEmail {
			put(one, "E_Mail", p.Emails[0])
		}
		if len(p.Phones) > 0 {
			put(one, "Phone1", phone(p.Phones[0]))
		}
		out = append(out, one)
	}
	return out
}

// phone gives a telephone number as it was typed if it fits, else without what only divides it. Half a number is worse than none.
func phone(typed string) string {
	typed = strings.TrimSpace(typed)
	if units(typed) <= maxPhone {
		return typed
	}
	short := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, typed)
	if len(short) > maxPhone {
		return ""
	}
	return short
}

func digits(phone string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, phone), "0")
}

// samePhone compares numbers of which one may have the country's code and the other not.
func samePhone(wanted, typed string) bool {
	other := digits(typed)
	if len(other) < 6 {
		return false
	}
	return wanted == other || (len(other) >= 7 && strings.HasSuffix(wanted, other)) || (len(wanted) >= 7 && strings.HasSuffix(other, wanted))
}

// alnum is a tax number without what only divides it.
func alnum(id string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, id)
}
