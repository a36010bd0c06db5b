package flow_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/store"
)

// An order is found by who bought it and what is in it, whatever becomes of it.
func TestAnOrderIsFoundByWhatIsInIt(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observe("order", "1001", sale("1001", "10.00", func(o *commerce.Order) {
			o.Buyer = commerce.Customer{GivenName: "Jürgen", FamilyName: "Müller", Emails: []string{"Juergen@example.com"}}
			o.BillTo = &commerce.Address{Company: "Küchenbau AG", PostalCode: "10115", AddressCountry: "DE", Phone: "030 / 1234567"}
			o.ShipTo = &commerce.Address{Name: "Émile Zola", Email: "emile@example.com", PostalCode: "75001", AddressCountry: "FR"}
			o.Payments = []commerce.Payment{{Method: "paypal", Title: "PayPal"}, {Method: "gift", GiftCard: true}}
			o.ShippingLines = []commerce.ShippingLine{{Method: "dhl", Title: "Parcel", Taxes: o.Lines[0].Taxes}}
			o.WarehouseHint = "Berlin"
			o.Lines[0].SKU = "TEA-1"
			o.Lines[0].Warehouse = "Berlin"
		}))
		o.observe("order", "1002", sale("1002", "20.00", func(o *commerce.Order) { o.Test = true })) // which is left out
		o.work()
		for _, text := range []string{"müller", "jurgen muller", "juergen@example.com", "kuchenbau", "10115", "75001", "zola", "emile@example.com", "1234567", "tea-1", "11,90", "1001"} {
			if row := o.task(text); row.SourceID != "1001" {
				o.Errorf("%q finds %+v", text, row)
			}
		}
		row := o.task("1001")
		if want := (store.Buyer{Name: "Jürgen Müller", Email: "Juergen@example.com", Company: "Küchenbau AG", Country: "DE"}); row.Buyer != want {
			o.Errorf("the buyer is %+v, want %+v", row.Buyer, want)
		}
		if !row.OrderedAt.Equal(start) {
			o.Errorf("ordered at %s", row.OrderedAt)
		}
		if left := o.task("23.80"); left.SourceID != "1002" || left.Buyer.Name != "Anna" {
			o.Errorf("%+v", left)
		}
		for kind, want := range map[string][]string{
			store.SeenSKU: {"A", "TEA-1"}, store.SeenPayment: {"paypal"}, store.SeenShipping: {"dhl"}, store.SeenTax: {"VAT"}, store.SeenWarehouse: {"Berlin"},
		} {
			values, err := o.store.SeenValues(o.Context(), store.SeenFilter{Connection: "shop", Kind: kind, Limit: 9})
			var got []string
			for _, v := range values {
				got = append(got, v.Value)
			}
			if err != nil || !slices.Equal(got, want) {
				o.Errorf("%s: %v, %v, want %v", kind, got, err, want)
			}
		}
	})
}

// However many lines an order has, its payment and taxes are noted.
func TestValuesOfALongOrder(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observe("order", "1001", sale("1001", "1.00", func(o *commerce.Order) {
			line := o.Lines[0]
			o.Lines = nil
			for i := range 200 {
				line.LineID, line.SKU = fmt.Sprint(i), fmt.Sprintf("SKU-%03d", i)
				line.Quantity = decimal.New(1, 0)
				o.Lines = append(o.Lines, line)
			}
			o.Payments = []commerce.Payment{{Method: "paypal"}}
		}))
		o.work()
		values, err := o.store.SeenValues(o.Context(), store.SeenFilter{Connection: "shop", Kind: store.SeenPayment, Limit: 9})
		if err != nil || len(values) != 1 {
			o.Errorf("%+v, %v", values, err)
		}
	})
}

func TestACustomerIsFoundByName(t *testing.T) {
	each(t, func(_ *testing.T, o *office) {
		o.observe("customer", "c-1", commerce.Customer{
			Source: commerce.Source{System: "pretend", ExternalID: "c-1", ExternalNumber: "K100"}, Type: commerce.Company, DisplayName: "Teehaus Süd", CompanyName: "Teehaus Süd GmbH",
			Emails: []string{"info@teehaus.example"}, Contacts: []commerce.Contact{{Name: "Ida Rot", Emails: []string{"ida@teehaus.example"}}},
			Addresses: []commerce.Address{{PostalCode: "80331", AddressCountry: "DE"}},
		})
		o.work()
		for _, text := range []string{"teehaus sud", "ida@teehaus.example", "rot", "80331", "K100"} {
			if row := o.task(text); row.SourceID != "c-1" || row.Buyer.Company != "Teehaus Süd GmbH" || row.Buyer.Country != "DE" {
				o.Errorf("%q finds %+v", text, row)
			}
		}
	})
}
