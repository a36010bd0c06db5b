package flow

import (
	"cmp"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/store"
)

// orderSummary is what lists show of an order and what it is found by.
func orderSummary(o commerce.Order) *store.Summary {
	s := &store.Summary{
		Number: o.OrderNumber, Amount: o.Totals.TaxInclusive.Amount.String(), Currency: string(o.DocumentCurrency), OrderedAt: o.OrderDate,
		Buyer: buyer(o.Buyer, o.BillTo, o.ShipTo),
		Words: customerWords(o.Buyer),
		Seen:  seenValues(o),
	}
	addressWords(&s.Words, o.BillTo)
	addressWords(&s.Words, o.ShipTo)
	for _, l := range o.Lines {
		s.Words.SKUs = append(s.Words.SKUs, l.SKU)
	}
	return s
}

// customerSummary is what lists show of a customer and what it is found by.
func customerSummary(c commerce.Customer) *store.Summary {
	s := &store.Summary{Number: c.Source.ExternalNumber, Words: customerWords(c)}
	var first *commerce.Address
	for i := range c.Addresses {
		if first == nil {
			first = &c.Addresses[i]
		}
		addressWords(&s.Words, &c.Addresses[i])
	}
	s.Buyer = buyer(c, first)
	return s
}

// buyer names who bought: as an account if there is one, else as the addresses do, the first one first.
func buyer(c commerce.Customer, addresses ...*commerce.Address) store.Buyer {
	b := store.Buyer{Name: fullName(c.DisplayName, c.GivenName, c.FamilyName), Email: c.Email(), Company: c.CompanyName}
	for _, a := range addresses {
		if a != nil {
			b.Name = cmp.Or(b.Name, fullName(a.Name, a.GivenName, a.FamilyName))
			b.Email, b.Company, b.Country = cmp.Or(b.Email, a.Email), cmp.Or(b.Company, a.Company), cmp.Or(b.Country, a.AddressCountry)
		}
	}
	return b
}

func fullName(whole, given, family string) string {
	return cmp.Or(whole, strings.TrimSpace(given+" "+family))
}

func customerWords(c commerce.Customer) store.Words {
	w := store.Words{
		Emails: slices.Clone(c.Emails),
		Phones: slices.Clone(c.Phones),
		Names:  []string{c.DisplayName, c.GivenName, c.FamilyName, c.CompanyName},
	}
	for _, contact := range c.Contacts {
		w.Names = append(w.Names, contact.Name, contact.GivenName, contact.FamilyName)
		w.Emails = append(w.Emails, contact.Emails...)
		w.Phones = append(w.Phones, contact.Phones...)
	}
	return w
}

func addressWords(w *store.Words, a *commerce.Address) {
	if a == nil {
		return
	}
	w.Names = append(w.Names, a.Name, a.GivenName, a.FamilyName, a.Company)
	w.Emails = append(w.Emails, a.Email)
	w.Phones = append(w.Phones, a.Phone)
	w.PostalCodes = append(w.PostalCodes, a.PostalCode)
}

// seenValues gives what the maps of a flow could speak of in an order, under the name that a map is asked for first.
func seenValues(o commerce.Order) []store.SeenValue {
	var values []store.SeenValue
	add := func(kind, title string, names ...string) {
		v := store.SeenValue{Kind: kind, Value: cmp.Or(names...), Title: title}
		if v.Value != "" && !slices.ContainsFunc(values, func(o store.SeenValue) bool { return o.Kind == v.Kind && o.Value == v.Value }) {
			values = append(values, v)
		}
	}
	addTaxes := func(taxes []commerce.Tax) {
		for _, t := range taxes {
			rate := t.Rate.Shift(2).String() + "%"
			add(store.SeenTax, strings.TrimSpace(t.Name+" "+rate), t.Code, t.Name, strings.TrimSpace(t.Country+" "+rate))
		}
	}
	for _, p := range o.Payments {
		if !p.GiftCard {
			add(store.SeenPayment, p.Title, p.Method, p.Gateway, p.Title)
		}
	}
	for _, s := range o.ShippingLines {
		add(store.SeenShipping, s.Title, s.Method, s.Title)
		addTaxes(s.Taxes)
	}
	for _, c := range o.Charges {
		add(store.SeenCharge, c.Title, string(c.Type), c.Title)
	}
	add(store.SeenWarehouse, "", o.WarehouseHint)
	for _, l := range o.Lines {
		addTaxes(l.Taxes)
		add(store.SeenWarehouse, "", l.Warehouse)
	}
	for _, l := range o.Lines { // last, because they may be many and the number is bounded
		add(store.SeenSKU, l.Name, l.SKU)
	}
	return values
}
