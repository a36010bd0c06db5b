package connectortest

import (
	"fmt"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

var (
	customers = ability{"connector.CustomerWriter", func(c *connector.Conn) bool { return c.Customers != nil }}
	addresses = ability{"connector.AddressWriter", func(c *connector.Conn) bool { return c.Addresses != nil }}
)

// customerChecks are about CustomerWriter and AddressWriter.
func customerChecks() []check {
	need := []ability{customers}
	return []check{
		{name: "customers/one that was made is found by its key", needs: need, run: madeIsFoundByKey},
		{name: "customers/one is found by what the rules go by", needs: need, run: foundByRules},
		{name: "customers/nobody is no error", needs: need, run: nobodyIsFound},
		{name: "customers/special characters match nobody else", needs: need, run: specialCharacters},
		{name: "customers/saving again makes no second one", needs: need, run: savingAgain},
		{name: "customers/an answer lost after one was made", needs: need, run: lostCustomer},
		{name: "addresses/the same content is the same record", needs: []ability{customers, addresses}, run: sameAddress},
	}
}

func erika(email string) commerce.Customer {
	o := orderForm{email: email}.order()
	c := o.Buyer
	c.TaxIDs = nil
	return c
}

// customer makes a customer.
func (f *fixture) customer(key connector.Key, c commerce.Customer) connector.Document {
	f.Helper()
	d, err := f.conn.Customers.SaveCustomer(f.ctx(), connector.CustomerDraft{Key: key, Customer: c})
	if err != nil {
		f.Fatalf("save a customer: %v", err)
	}
	if d.ID == "" {
		f.Fatal("a saved customer has no id")
	}
	return d
}

func (f *fixture) find(rule connector.MatchRule, key connector.Key, c commerce.Customer) []connector.Candidate {
	f.Helper()
	q := connector.CustomerQuery{Rule: rule, Key: key, Customer: c}
	if len(c.Addresses) > 0 {
		q.PostalCode = c.Addresses[0].PostalCode
	}
	found, err := f.conn.Customers.FindCustomer(f.ctx(), q)
	if err != nil {
		f.Fatalf("find a customer by %s: %v", rule, err)
	}
	return found
}

func madeIsFoundByKey(f *fixture) {
	d := f.customer("suite-c-1", erika("erika@example.com"))
	found := f.find(connector.MatchKey, "suite-c-1", commerce.Customer{})
	if len(found) != 1 || found[0].ID != d.ID {
		f.Errorf("by its key %d customers are found; want the one that was made", len(found))
	}
	if found := f.find(connector.MatchKey, "suite-c-2", commerce.Customer{}); len(found) > 0 {
		f.Error("another key finds it as well")
	}
}

func foundByRules(f *fixture) {
	c := erika("erika@example.com")
	d := f.customer("suite-c-1", c)
	f.customer("suite-c-2", erika("otto@example.com"))
	found := f.find(connector.MatchEmail, "", c)
	if len(found) != 1 || found[0].ID != d.ID {
		f.Errorf("by e-mail %d customers are found; want one", len(found))
	}
	upper := c
	upper.Emails = []string{"Erika@Example.COM"}
	if found := f.find(connector.MatchEmail, "", upper); len(found) > 1 || (len(found) == 1 && found[0].ID != d.ID) {
		f.Errorf("by an e-mail address in capitals %d customers are found", len(found))
	}
	for _, candidate := range f.find(connector.MatchPhoneName, "", c) {
		if candidate.ID == "" {
			f.Error("a candidate has no id")
		}
	}
}

func nobodyIsFound(f *fixture) {
	nobody := commerce.Customer{
		DisplayName: "Nobody", Emails: []string{"nobody@example.com"}, Phones: []string{"+49 1"}, CompanyName: "None Ltd",
		TaxIDs: []commerce.TaxID{{Scheme: "vat", Value: "DE999999999", Country: "DE"}}, Addresses: []commerce.Address{{PostalCode: "00000"}},
	}
	for _, rule := range []connector.MatchRule{connector.MatchKey, connector.MatchTaxID, connector.MatchEmail, connector.MatchPhoneName, connector.MatchCompany} {
		if found := f.find(rule, "suite-c-none", nobody); len(found) > 0 {
			f.Errorf("%s finds %d customers although there is none", rule, len(found))
		}
	}
}

func specialCharacters(f *fixture) {
	f.customer("suite-c-1", erika("erika@example.com"))
	for _, email := range []string{"%", "%@example.com", "_rika@example.com", "erika@example.com' or '1' eq '1", "' or 1=1 --", `erika\@example.com`} {
		if found := f.find(connector.MatchEmail, "", commerce.Customer{Emails: []string{email}}); len(found) > 0 {
			f.Errorf("the e-mail address %q finds %d customers", email, len(found))
		}
	}
	odd := erika("o'brien+tag@example.com")
	odd.DisplayName, odd.FamilyName = "Sinéad O'Brien 小明", "O'Brien"
	d := f.customer("suite-c-2", odd)
	if found := f.find(connector.MatchEmail, "", odd); len(found) != 1 || found[0].ID != d.ID {
		f.Errorf("an address with an apostrophe is found %d times", len(found))
	}
}

func savingAgain(f *fixture) {
	c := erika("erika@example.com")
	d := f.customer("suite-c-1", c)
	thin := commerce.Customer{Type: commerce.Person, DisplayName: c.DisplayName, Emails: c.Emails}
	for _, again := range []commerce.Customer{c, thin} {
		after, err := f.conn.Customers.SaveCustomer(f.ctx(), connector.CustomerDraft{Key: "suite-c-1", Customer: again, Existing: &d})
		if err != nil || after.ID != d.ID {
			f.Fatalf("saving it again: %s, %v; want %s", after.ID, err, d.ID)
		}
	}
	if found := f.find(connector.MatchEmail, "", c); len(found) != 1 {
		f.Errorf("%d customers after saving one three times", len(found))
	}
	if found := f.find(connector.MatchPhoneName, "", c); len(found) > 1 {
		f.Errorf("%d customers by telephone number and name", len(found))
	}
}

// lostCustomer loses each answer in turn and then does what the engine does: look by the key, and make
// the customer if it is not there.
func lostCustomer(f *fixture) {
	for n := range 20 {
		key := connector.Key(fmt.Sprintf("suite-c-%d", n))
		c := erika(fmt.Sprintf("lost%d@example.com", n))
		unsafe := 0
		f.wire.trouble(func(e exchange) *fault {
			if e.safe {
				return nil
			}
			unsafe++
			if unsafe == n+1 {
				return &fault{kind: cutAfter}
			}
			return nil
		})
		_, err := f.conn.Customers.SaveCustomer(f.ctx(), connector.CustomerDraft{Key: key, Customer: c})
		f.wire.trouble(nil)
		if unsafe <= n {
			return // every request was lost once
		}
		if err != nil && connector.KindOf(err) != connector.KindMaybeApplied {
			f.Errorf("the answer to request %d is lost: %v; want KindMaybeApplied", n+1, err)
		}
		if found := f.find(connector.MatchKey, key, c); len(found) == 0 {
			f.customer(key, c)
		}
		if found := f.find(connector.MatchKey, key, c); len(found) != 1 {
			f.Errorf("after the answer to request %d was lost there are %d customers", n+1, len(found))
		}
	}
}

func sameAddress(f *fixture) {
	customer := f.customer("suite-c-1", erika("erika@example.com"))
	address := *orderForm{}.order().ShipTo
	address.StreetAddress = "Packstation 7"
	save := func(a commerce.Address) connector.Document {
		d, err := f.conn.Addresses.SaveAddress(f.ctx(), customer, commerce.UseShipping, a)
		if err != nil || d.ID == "" {
			f.Fatalf("save an address: %q, %v", d.ID, err)
		}
		return d
	}
	first := save(address)
	if again := save(address); again.ID != first.ID {
		f.Errorf("the same address is %s and then %s", first.ID, again.ID)
	}
	moved := address
	moved.StreetAddress = "Packstation 8"
	if other := save(moved); other.ID == first.ID {
		f.Error("another address has the same record: documents that point at it would change")
	}
	if again := save(address); again.ID != first.ID {
		f.Error("the first address is gone after another was saved")
	}
}
