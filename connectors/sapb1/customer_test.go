package sapb1_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	b1fake "github.com/orderlyhq/orderly/connectors/sapb1/fake"
)

func eachVersion(t *testing.T, run func(t *testing.T, options ...b1fake.Option)) {
	t.Run("v1", func(t *testing.T) { run(t, b1fake.V1()) })
	t.Run("v2", func(t *testing.T) { run(t) })
}

func TestCustomerIsFoundByEachRule(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		p := open(t, nil, options...)
		who := anna()
		who.TaxIDs = []commerce.TaxID{{Scheme: "vat", Value: "DE 123.456.789"}}
		made, err := p.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-1", Customer: who})
		if err != nil {
			t.Fatal(err)
		}
		if len(made.ID) > 15 {
			t.Errorf("code %s", made.ID)
		}
		company := commerce.Customer{
			Type: commerce.Company, CompanyName: "Tea & Co", GivenName: "Bob", FamilyName: "Smith", Emails: []string{"bob@tea.example"}, TaxIDs: []commerce.TaxID{{Value: "FR99"}},
			Addresses: []commerce.Address{{Use: commerce.UseShipping, StreetAddress: "1 Rue", PostalCode: "75 001", AddressLocality: "Paris", AddressCountry: "FR"}},
		}
		firm, err := p.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-2", Customer: company})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			q    connector.CustomerQuery
			want string
		}{
			{"our key", connector.CustomerQuery{Rule: connector.MatchKey, Key: "shop-c-1"}, made.ID},
			{"another key", connector.CustomerQuery{Rule: connector.MatchKey, Key: "shop-c-3"}, ""},
			{"tax number", connector.CustomerQuery{Rule: connector.MatchTaxID, Customer: who}, made.ID},
			{"tax number typed otherwise", connector.CustomerQuery{Rule: connector.MatchTaxID, Customer: commerce.Customer{TaxIDs: []commerce.TaxID{{Value: "fr-99"}}}}, firm.ID},
			{"e-mail", connector.CustomerQuery{Rule: connector.MatchEmail, Customer: who}, made.ID},
			{"e-mail in other case", connector.CustomerQuery{Rule: connector.MatchEmail, Customer: commerce.Customer{Emails: []string{"aNNA@example.COM"}}}, made.ID},
			{"another e-mail", connector.CustomerQuery{Rule: connector.MatchEmail, Customer: commerce.Customer{Emails: []string{"nna@example.com"}}}, ""},
			{"phone and name", connector.CustomerQuery{Rule: connector.MatchPhoneName, Customer: commerce.Customer{DisplayName: "Anna O'Neill", Phones: []string{"0221 123456"}}}, made.ID},
			{"phone and another name", connector.CustomerQuery{Rule: connector.MatchPhoneName, Customer: commerce.Customer{DisplayName: "Anna", Phones: []string{"0221 123456"}}}, ""},
			{"name and another phone", connector.CustomerQuery{Rule: connector.MatchPhoneName, Customer: commerce.Customer{DisplayName: "Anna O'Neill", Phones: []string{"0221 999999"}}}, ""},
			{"company and postal code", connector.CustomerQuery{Rule: connector.MatchCompany, Customer: company, PostalCode: "75 001"}, firm.ID},
			{"company elsewhere", connector.CustomerQuery{Rule: connector.MatchCompany, Customer: company, PostalCode: "75002"}, ""},
			{"nothing to go by", connector.CustomerQuery{Rule: connector.MatchEmail}, ""},
			{"no such rule", connector.CustomerQuery{Rule: "shoe_size"}, ""},
		} {
			found, err := p.conn.Customers.FindCustomer(t.Context(), c.q)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if (c.want == "") != (len(found) == 0) || (len(found) > 0 && found[0].ID != c.want) || len(found) > 1 {
				t.Errorf("%s: %+v", c.name, found)
			}
		}
		p.healthy()
	})
}

// The answer to a creation is lost, and it is made again.
func TestCustomerIsMadeOnce(t *testing.T) {
	for name, options := range map[string][]b1fake.Option{"with the user field": nil, "without it": {b1fake.WithoutUserField()}} {
		t.Run(name, func(t *testing.T) {
			p := open(t, map[string]string{"create_key_field": "false"}, options...)
			lost := false
			p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
				if req.Method == "POST" && strings.HasSuffix(req.URL.Path, "/BusinessPartners") && !lost {
					lost = true
					inner := req.Clone(req.Context())
					inner.Body = http.NoBody
					body := p.exchanges[len(p.exchanges)-1].body
					inner.Body = readCloser(body)
					p.vendor.ServeHTTP(discard{}, inner)
					return nil, errors.New("connection reset")
				}
				return nil, nil
			})
			draft := connector.CustomerDraft{Key: "shop-c-1", Customer: anna()}
			if _, err := p.conn.Customers.SaveCustomer(t.Context(), draft); connector.KindOf(err) != connector.KindMaybeApplied {
				t.Fatal(err)
			}
			d, err := p.conn.Customers.SaveCustomer(t.Context(), draft)
			if err != nil || d.ID == "" {
				t.Fatal(err)
			}
			if n := p.vendor.Stats().Customers; n != 1 {
				t.Errorf("%d customers", n)
			}
		})
	}
}

func TestCodeThatIsTakenByAnother(t *testing.T) {
	for _, other := range []string{`{"CardCode":"W","CardType":"cCustomer","U_OrderlyId":"other-1"}`, `{"CardCode":"W","CardType":"cSupplier","U_OrderlyId":null}`} {
		p := open(t, nil)
		p.customer("shop-c-1")
		p.setSpoil(func(req *http.Request, _ int) (*http.Response, error) {
			if req.Method == "GET" && strings.Contains(req.URL.Path, "/BusinessPartners(") {
				return answered(req, 200, other), nil
			}
			return nil, nil
		})
		if _, err := p.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-1", Customer: anna()}); connector.KindOf(err) != connector.KindConflict {
			t.Error(err)
		}
	}
}

func TestCustomersFromASeries(t *testing.T) {
	p := open(t, map[string]string{"card_series": "71", "card_group": "105"})
	d := p.customer("shop-c-1")
	if d.ID == "" || strings.HasPrefix(d.ID, "W") {
		t.Errorf("%+v", d)
	}
	found, err := p.conn.Customers.FindCustomer(t.Context(), connector.CustomerQuery{Rule: connector.MatchKey, Key: "shop-c-1"})
	if err != nil || len(found) != 1 || found[0].ID != d.ID {
		t.Errorf("%+v, %v", found, err)
	}
}

func read(t *testing.T, p *pretend, kind commerce.Kind, id string) connector.Raw {
	t.Helper()
	raw, err := p.conn.Fetcher.Fetch(t.Context(), connector.Ref{Kind: kind, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestUpdateOfACustomerEmptiesNothing(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		p := open(t, nil, options...)
		d := p.customer("shop-c-1")
		change := commerce.Customer{
			Type: commerce.Person, DisplayName: "Anna Maria O'Neill",
			Addresses: []commerce.Address{
				anna().Addresses[0], {Use: commerce.UseShipping, Name: "Anna", StreetAddress: "Neue Str. 1", PostalCode: "50668", AddressLocality: "Köln", AddressCountry: "DE"},
			},
			Contacts: []commerce.Contact{{Name: "Hotline", Emails: []string{"hot@example.com"}}},
		}
		for range 2 {
			if _, err := p.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "other-c-9", Customer: change, Existing: &d}); err != nil {
				t.Fatal(err)
			}
		}
		now, err := p.conn.Decoder.DecodeCustomer(read(t, p, commerce.KindCustomer, d.ID))
		if err != nil {
			t.Fatal(err)
		}
		if now.DisplayName != "Anna Maria O'Neill" || now.Email() != "Anna@Example.com" || now.Phone() == "" || len(now.Addresses) != 2 || len(now.Contacts) != 1 {
			t.Errorf("%+v", now)
		}
		// The key of who made it stays.
		found, err := p.conn.Customers.FindCustomer(t.Context(), connector.CustomerQuery{Rule: connector.MatchKey, Key: "shop-c-1"})
		if err != nil || len(found) != 1 {
			t.Errorf("%+v, %v", found, err)
		}
		p.healthy()
	})
}

func TestCustomerFieldsThatDoNotFit(t *testing.T) {
	p := open(t, nil)
	for _, c := range []struct {
		field  string
		change func(*commerce.Customer)
	}{
		{"buyer.emails[0]", func(c *commerce.Customer) { c.Emails = []string{strings.Repeat("a", 95) + "@b.example"} }},
		{"buyer.tax_ids[0].value", func(c *commerce.Customer) { c.TaxIDs = []commerce.TaxID{{Value: strings.Repeat("1", 40)}} }},
		{"buyer.addresses[0].postal_code", func(c *commerce.Customer) { c.Addresses[0].PostalCode = strings.Repeat("1", 40) }},
		{"buyer.display_name", func(c *commerce.Customer) { *c = commerce.Customer{} }},
	} {
		who := anna()
		c.change(&who)
		_, err := p.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-1", Customer: who})
		if e, ok := errors.AsType[*connector.Error](err); !ok || e.Kind != connector.KindInvalid || e.Field != c.field {
			t.Errorf("%s: %v", c.field, err)
		}
	}
	who := anna()
	who.DisplayName = strings.Repeat("😀", 80)
	who.Phones = []string{"+49 (221) 123-456 ext. 7890 please ring twice"}
	who.Addresses[0].StreetAddress = strings.Repeat("Am Ende der langen Allee ", 8)
	d, err := p.conn.Customers.SaveCustomer(t.Context(), connector.CustomerDraft{Key: "shop-c-1", Customer: who})
	if err != nil {
		t.Fatal(err)
	}
	now, err := p.conn.Decoder.DecodeCustomer(read(t, p, commerce.KindCustomer, d.ID))
	if err != nil || now.DisplayName != strings.Repeat("😀", 50) || now.Phone() != "+492211234567890" {
		t.Errorf("%+v, %v", now, err)
	}
	whole := now.Addresses[0].StreetAddress + " " + now.Addresses[0].ExtendedAddress
	if strings.TrimSpace(whole) != strings.TrimSpace(who.Addresses[0].StreetAddress) {
		t.Errorf("the street became %q", whole)
	}
}

func TestAddressesOfACustomer(t *testing.T) {
	eachVersion(t, func(t *testing.T, options ...b1fake.Option) {
		p := open(t, nil, options...)
		customer := p.customer("shop-c-1")
		home := commerce.Address{Name: "Anna", StreetAddress: "Hauptstr. 5", PostalCode: "50667", AddressLocality: "Köln", AddressCountry: "DE"}
		work := commerce.Address{Name: "Anna", Company: "Tea & Co", StreetAddress: "5th Ave", PostalCode: "10001", AddressLocality: "New York", AddressRegion: "ny", AddressCountry: "US"}
		far := commerce.Address{Name: "Anna", StreetAddress: "Rue", PostalCode: "75001", AddressLocality: "Paris", AddressRegion: "Île-de-France", AddressCountry: "FR"}
		seen := map[string]bool{}
		for _, a := range []commerce.Address{home, work, far} {
			for _, use := range []commerce.AddressUse{commerce.UseBilling, commerce.UseShipping} {
				first, err := p.conn.Addresses.SaveAddress(t.Context(), customer, use, a)
				if err != nil {
					t.Fatal(err)
				}
				again, err := p.conn.Addresses.SaveAddress(t.Context(), customer, use, a)
				if err != nil || again.ID != first.ID {
					t.Errorf("%s became %s, %v", first.ID, again.ID, err)
				}
				seen[first.ID] = true
			}
		}
		if len(seen) != 3 {
			t.Errorf("names %v", seen)
		}
		now, err := p.conn.Decoder.DecodeCustomer(read(t, p, commerce.KindCustomer, customer.ID))
		if err != nil || len(now.Addresses) != 7 { // one came with the customer
			t.Errorf("%d addresses, %v", len(now.Addresses), err)
		}
		ship, err := p.conn.Addresses.SaveAddress(t.Context(), customer, commerce.UseShipping, work)
		if err != nil {
			t.Fatal(err)
		}
		draft := p.draft("shop-1", customer, "EUR", false, sold{"MUG", "1", "12.50", "0.19"})
		draft.ShipTo = &ship
		d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
		if err != nil {
			t.Fatal(err)
		}
		order, err := p.conn.Decoder.DecodeOrder(read(t, p, commerce.KindOrder, d.ID))
		if err != nil || order.ShipTo == nil || order.ShipTo.StreetAddress != "5th Ave" || order.ShipTo.AddressRegion != "NY" || order.ShipTo.Company != "Tea & Co" {
			t.Errorf("%+v, %v", order.ShipTo, err)
		}
		p.healthy()
	})
}

func TestAddressesInTheOrderAlone(t *testing.T) {
	p := open(t, map[string]string{"addresses": "order"})
	if p.conn.Addresses != nil {
		t.Fatal("addresses are kept in the business partner")
	}
	draft := p.draft("shop-1", p.customer("shop-c-1"), "EUR", false, sold{"MUG", "1", "12.50", "0.19"})
	draft.Order.BillTo = &commerce.Address{Name: "Tea Inc", StreetAddress: "5th Ave", PostalCode: "10001", AddressLocality: "New York", AddressRegion: "NY", AddressCountry: "US"}
	d, err := p.conn.Orders.SaveOrder(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	order, err := p.conn.Decoder.DecodeOrder(read(t, p, commerce.KindOrder, d.ID))
	if err != nil || order.BillTo.AddressRegion != "NY" || order.ShipTo.AddressLocality != "Paris" || order.ShipTo.Name != "Anna O'Neill" {
		t.Errorf("%+v, %+v, %v", order.BillTo, order.ShipTo, err)
	}
	p.healthy()
}

func TestArticlesTaxesAndStock(t *testing.T) {
	for name, options := range map[string][]b1fake.Option{"v1": {b1fake.V1()}, "v2": nil, "sales tax": {b1fake.SalesTax()}} {
		t.Run(name, func(t *testing.T) {
			p := open(t, nil, options...)
			p.vendor.FreezeItem("TEA")
			skus := []string{"MUG", "mug", "TEA", "Q'1", "NONE", "", strings.Repeat("x", 60)}
			found, err := p.conn.Items.FindItems(t.Context(), skus)
			if err != nil || len(found) != 3 || found["MUG"][0].ID != "MUG" || !found["TEA"][0].Inactive || found["Q'1"][0].Inactive {
				t.Errorf("%+v, %v", found, err)
			}
			taxes, err := p.conn.Taxes.Taxes(t.Context())
			if err != nil || len(taxes) != 4 {
				t.Errorf("%+v, %v", taxes, err)
			}
			for _, c := range []struct{ warehouse, want string }{{"", "100"}, {"01", "75"}, {"02", "25"}, {"99", "0"}} {
				levels, err := p.conn.Stock.Stock(t.Context(), []string{"MUG", "NONE"}, c.warehouse)
				if err != nil || len(levels) != 1 || !levels[0].OnHand.Equal(number(c.want)) || !levels[0].Available.Equal(number(c.want)) {
					t.Errorf("%q: %+v, %v", c.warehouse, levels, err)
				}
			}
			p.healthy()
		})
	}
}
