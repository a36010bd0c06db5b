package connectortest

import (
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// peopleChecks are about customers as records of a source, and about what an update leaves of one in
// a destination.
func peopleChecks() []check {
	return []check{
		{name: "fetch/a customer is fetched and decoded", needs: []ability{fetcher, decoder}, run: customerIsFetched},
		{name: "customers/an update empties nothing", needs: []ability{customers}, run: updateEmptiesNothing},
	}
}

func customerIsFetched(f *fixture) {
	if f.vendor.PutCustomer == nil {
		f.applies = false
		f.Skip("the vendor has no customers")
	}
	want := erika("erika@example.com")
	want.DisplayName, want.FamilyName = "Erika Gänsefuß-李", "Gänsefuß-李"
	stated, err := f.vendor.PutCustomer(want)
	if err != nil {
		f.Fatalf("put a customer: %v", err)
	}
	raw, err := f.conn.Fetcher.Fetch(f.ctx(), connector.Ref{Kind: commerce.KindCustomer, ID: stated.Source.ExternalID})
	if err != nil {
		f.Fatalf("fetch the customer: %v", err)
	}
	got, err := f.conn.Decoder.DecodeCustomer(raw)
	if err != nil {
		f.Fatalf("decode the customer: %v", err)
	}
	if got.Source.ExternalID != stated.Source.ExternalID {
		f.Errorf("the customer is %q; want %q", got.Source.ExternalID, stated.Source.ExternalID)
	}
	if got.Email() != want.Email() || (got.DisplayName != want.DisplayName && got.FamilyName != want.FamilyName) {
		f.Error("the customer's name or e-mail address is another one")
	}
	if at := got.Source.UpdatedAt; !at.IsZero() && at.Location() != time.UTC {
		f.Errorf("source_updated_at is %v; want UTC", at)
	}
}

// updateEmptiesNothing updates a customer with little, and wants each rule to find what it found before.
func updateEmptiesNothing(f *fixture) {
	full := erika("erika@example.com")
	full.Type, full.CompanyName = commerce.Company, "Teehaus Muster GmbH"
	full.TaxIDs = []commerce.TaxID{{Scheme: "vat", Value: "DE136695976", Country: "DE"}}
	made := f.customer("suite-c-1", full)
	rules := []connector.MatchRule{
		connector.MatchKey, connector.MatchTaxID, connector.MatchEmail, connector.MatchPhoneName, connector.MatchCompany,
	}
	finds := func(rule connector.MatchRule) bool {
		found := f.find(rule, "suite-c-1", full)
		return len(found) == 1 && found[0].ID == made.ID
	}
	before := map[connector.MatchRule]bool{}
	for _, rule := range rules {
		before[rule] = finds(rule)
	}
	thin := commerce.Customer{Type: full.Type, DisplayName: full.DisplayName, CompanyName: full.CompanyName}
	if _, err := f.conn.Customers.SaveCustomer(f.ctx(), connector.CustomerDraft{Key: "suite-c-1", Customer: thin, Existing: &made}); err != nil {
		f.Fatalf("update with little: %v", err)
	}
	for _, rule := range rules {
		if before[rule] && !finds(rule) {
			f.Errorf("by %s the customer is not found any more: the update emptied what it did not have", rule)
		}
	}
}
