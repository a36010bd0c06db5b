package flow

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

const (
	// claimPause is how often somebody who waits for another's claim looks again.
	claimPause = 40 * time.Millisecond
	// claimPatience is how long that goes on before the record is put back.
	claimPatience = 5 * time.Second
	// claimGrace is how long making a customer may take beyond the settle time.
	claimGrace = 2 * time.Minute
)

// matchParties finds or makes the order's customer and addresses.
func (a *attempt) matchParties(ctx context.Context) {
	customer, ok := a.orderCustomer(ctx)
	if !ok {
		return
	}
	a.draft.Customer = customer
	if a.destination.Conn.Addresses == nil || a.dry {
		return
	}
	for _, part := range []struct {
		use     commerce.AddressUse
		address *commerce.Address
		to      **connector.Document
	}{
		{commerce.UseBilling, a.order.BillTo, &a.draft.BillTo},
		{commerce.UseShipping, a.order.ShipTo, &a.draft.ShipTo},
	} {
		if part.address.Blank() {
			continue
		}
		document, err := a.address(ctx, customer, part.use, *part.address)
		if err != nil {
			a.fail(StepAddress, err)
			return
		}
		*part.to = document
	}
}

// address gives the customer's address record, remembered by what is written on it.
func (a *attempt) address(ctx context.Context, customer connector.Document, use commerce.AddressUse, address commerce.Address) (*connector.Document, error) {
	key := []string{fmt.Sprintf("address:%s:%s:%s", customer.ID, use, address.Fingerprint())}
	made, err := a.runner.store.ReadClaims(ctx, a.destination.Name, key)
	if err != nil {
		return nil, err
	}
	if made.DocumentID != "" {
		return &connector.Document{Type: made.DocumentType, ID: made.DocumentID}, nil
	}
	d, err := a.destination.Conn.Addresses.SaveAddress(ctx, customer, use, address)
	if err != nil {
		return nil, err
	}
	return &d, a.keep(ctx, key, d)
}

// orderCustomer gives the destination's customer for an order; false when the attempt has ended.
func (a *attempt) orderCustomer(ctx context.Context) (connector.Document, bool) {
	policy := a.flow.Config.Customers
	buyer := a.order.Buyer
	if buyer.Guest() && policy.Guests == GuestsOneAccount {
		return connector.Document{ID: policy.GuestAccount}, true
	}
	ref := connector.Ref{Kind: commerce.KindCustomer, ID: buyer.Source.ExternalID}
	rules := policy.Match
	if buyer.Guest() {
		ref.ID = "order-" + a.work.SourceID
		if policy.Guests == GuestsPerOrder || buyer.Email() == "" {
			rules = []connector.MatchRule{connector.MatchKey}
		}
	}
	// The account's own data may be thinner than the order's: who has no address yet gets those of
	// the order.
	if len(buyer.Addresses) == 0 {
		buyer.Addresses = orderAddresses(a.order)
	}
	if buyer.DisplayName == "" {
		buyer.DisplayName = nameOfBuyer(a.order)
	}
	return a.resolve(ctx, ref, buyer, rules)
}

// nameOfBuyer gives a name to a buyer who has none: orders that were typed in or came from a till
// often say nothing of who bought, and no ERP takes a customer without a name.
func nameOfBuyer(order commerce.Order) string {
	if order.Buyer.CompanyName != "" {
		return order.Buyer.CompanyName
	}
	for _, address := range []*commerce.Address{order.BillTo, order.ShipTo} {
		if address == nil {
			continue
		}
		if name := cmp.Or(address.Name, address.Company); name != "" {
			return name
		}
	}
	if email := order.Buyer.Email(); email != "" {
		return email
	}
	return "Guest of order " + cmp.Or(order.OrderNumber, order.Source.ExternalID)
}

func orderAddresses(order commerce.Order) []commerce.Address {
	var list []commerce.Address
	if !order.BillTo.Blank() {
		bill := *order.BillTo
		bill.Use, bill.Default = commerce.UseBilling, true
		list = append(list, bill)
	}
	if !order.ShipTo.Blank() {
		ship := *order.ShipTo
		ship.Use, ship.Default = commerce.UseShipping, true
		list = append(list, ship)
	}
	return list
}

// claimKeys are the names under which a customer is made only once: its identity in the source and,
// where the rules go by e-mail, its address.
func (a *attempt) claimKeys(ref connector.Ref, customer commerce.Customer, rules []connector.MatchRule) []string {
	keys := []string{"customer:" + a.work.Connection + ":" + ref.ID}
	for _, rule := range rules {
		if email := strings.ToLower(strings.TrimSpace(customer.Email())); rule == connector.MatchEmail && email != "" {
			keys = append(keys, "email:"+email)
		}
	}
	return keys
}

// resolve finds the customer by what is remembered, then by the rules, and makes it otherwise. Two
// who look for one customer at the same moment get the same one.
func (a *attempt) resolve(ctx context.Context, ref connector.Ref, customer commerce.Customer, rules []connector.MatchRule) (connector.Document, bool) {
	keys := a.claimKeys(ref, customer, rules)
	claim, err := a.runner.store.ReadClaims(ctx, a.destination.Name, keys)
	if err == nil && claim.DocumentID == "" && !a.dry {
		claim, err = a.claim(ctx, keys)
	}
	if err != nil {
		a.fail(StepCustomer, err)
		return connector.Document{}, false
	}
	if claim.DocumentID != "" {
		return connector.Document{Type: claim.DocumentType, ID: claim.DocumentID, Number: claim.Number}, true
	}
	key := connector.NewKey(a.work.Connection, ref)
	document, found, ok := a.match(ctx, key, keys, customer, rules)
	if ok && !found {
		document, ok = a.createCustomer(ctx, key, keys, customer)
	}
	if a.dry {
		return document, ok
	}
	if !ok {
		if !a.result.Uncertain { // else nobody else may make it before its fate can be looked up
			a.release(ctx, keys)
		}
		return document, false
	}
	if err := a.keep(ctx, keys, document); err != nil {
		a.fail(StepCustomer, err)
		return document, false
	}
	return document, true
}

// claim takes the right to make the customer, or gives what another has made meanwhile.
func (a *attempt) claim(ctx context.Context, keys []string) (store.Claim, error) {
	end := a.runner.now().Add(claimPatience)
	for {
		now := a.runner.now()
		claim, err := a.runner.store.TakeClaims(ctx, a.destination.Name, keys, a.owner(), now, now.Add(a.destination.Settle+claimGrace))
		if err != nil || claim.Won || claim.DocumentID != "" {
			return claim, err
		}
		if !now.Before(end) {
			return claim, &connector.Error{
				Kind: connector.KindUnavailable, Op: "find the customer",
				Message: "another order of the same customer is being delivered", RetryAfter: claimPatience,
			}
		}
		timer := time.NewTimer(claimPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return claim, ctx.Err()
		case <-timer.C:
		}
	}
}

func (a *attempt) owner() string { return fmt.Sprintf("task/%d", a.work.TaskID) }

func (a *attempt) release(ctx context.Context, keys []string) {
	err := a.runner.store.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx store.Tx) error {
		return a.runner.store.ReleaseClaims(ctx, tx, a.destination.Name, keys, a.owner())
	})
	if err != nil {
		a.step(StepCustomer, "the claim could not be given back; it ends by itself: %s", err)
	}
}

func (a *attempt) keep(ctx context.Context, keys []string, d connector.Document) error {
	made := store.Claim{DocumentType: d.Type, DocumentID: d.ID, Number: d.Number}
	return a.runner.store.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx store.Tx) error {
		return a.runner.store.KeepClaims(ctx, tx, a.destination.Name, keys, made, a.runner.now())
	})
}

// match goes through the rules; ok is false when the attempt has ended. What a person decides is
// remembered under keys.
func (a *attempt) match(ctx context.Context, key connector.Key, keys []string, customer commerce.Customer, rules []connector.MatchRule) (d connector.Document, found, ok bool) {
	writer := a.destination.Conn.Customers
	if writer == nil {
		a.fail(StepCustomer, connector.Errorf(connector.KindForbidden, "find the customer", "%s has no customers to find", a.destination.Conn.Definition.Title))
		return d, false, false
	}
	query := connector.CustomerQuery{Key: key, Customer: customer}
	for _, address := range customer.Addresses {
		if query.PostalCode == "" {
			query.PostalCode = address.PostalCode
		}
	}
	for _, rule := range rules {
		if !applies(rule, query) {
			continue
		}
		query.Rule = rule
		candidates, err := writer.FindCustomer(ctx, query)
		if err != nil {
			a.fail(StepCustomer, err)
			return d, false, false
		}
		switch len(candidates) {
		case 0:
			continue
		case 1:
			a.step(StepCustomer, "found %s by %s", name(candidates[0].Document), rule)
			return candidates[0].Document, true, true
		}
		return d, false, a.ambiguous(ctx, rule, keys, candidates)
	}
	return d, false, true
}

// ambiguous holds a record whose customer may be one of several; it is true when a person has decided
// that it is none of them.
func (a *attempt) ambiguous(ctx context.Context, rule connector.MatchRule, keys []string, candidates []connector.Candidate) bool {
	isNew, err := a.mayBeNew(ctx, keys)
	if err != nil {
		a.fail(StepCustomer, err)
		return false
	}
	if isNew {
		return true
	}
	var list []connector.Document
	for _, c := range candidates {
		list = append(list, c.Document)
	}
	a.askCustomer(rule, keys, candidates)
	a.hold(StepCustomer, connector.Error{
		Code: CodeCustomerAmbiguous, Field: "buyer", Value: string(rule),
		Message: fmt.Sprintf("the rule finds %d customers in the destination: %s", len(list), numbers(list)),
		Fix:     "choose the right one, merge them there, or change the rules in customers.match",
	})
	return false
}

// applies says whether the customer has what a rule goes by.
func applies(rule connector.MatchRule, q connector.CustomerQuery) bool {
	c := q.Customer
	switch rule {
	case connector.MatchTaxID:
		return c.TaxID() != ""
	case connector.MatchEmail:
		return c.Email() != ""
	case connector.MatchPhoneName:
		return c.Phone() != "" && c.DisplayName != ""
	case connector.MatchCompany:
		return c.CompanyName != "" && q.PostalCode != ""
	default:
		return true
	}
}

func (a *attempt) createCustomer(ctx context.Context, key connector.Key, keys []string, customer commerce.Customer) (connector.Document, bool) {
	if !a.flow.Config.Customers.Create && !a.mayCreate(ctx, keys) {
		return connector.Document{}, false
	}
	if a.dry {
		a.step(StepCustomer, "would be created")
		return connector.Document{}, true
	}
	d, ok := a.saveCustomer(ctx, connector.CustomerDraft{Key: key, Customer: customer})
	if ok {
		a.madeCustomer = true
		a.step(StepCustomer, "created %s", name(d))
	}
	return d, ok
}

// mayCreate holds a record whose customer the flow does not make, unless a person has decided that it
// does.
func (a *attempt) mayCreate(ctx context.Context, keys []string) bool {
	isNew, err := a.mayBeNew(ctx, keys)
	if err != nil {
		a.fail(StepCustomer, err)
		return false
	}
	if !isNew {
		a.askCustomer("", keys, nil)
		a.hold(StepCustomer, connector.Error{
			Code: CodeCustomerMissing, Field: "buyer", Message: "the destination does not have this customer, and the flow makes none (customers.create)",
			Fix: "decide to make it, name one that is there, or create the customer there and retry",
		})
	}
	return isNew
}

func (a *attempt) saveCustomer(ctx context.Context, draft connector.CustomerDraft) (connector.Document, bool) {
	fields, err := a.flow.Mapper.CustomerFields(draft.Customer)
	if err != nil {
		a.fail(StepMap, connector.Invalid("mapping.customer_fields", "%v", err))
		return connector.Document{}, false
	}
	draft.Fields = fields
	d, err := a.destination.Conn.Customers.SaveCustomer(ctx, draft)
	if err != nil {
		a.fail(StepCustomer, err)
		return connector.Document{}, false
	}
	return d, true
}

// carryCustomer brings a customer record to the destination.
func (a *attempt) carryCustomer(ctx context.Context) {
	if a.work.Deleted {
		a.skip(StepFilter, "deleted in the source; customers stay in the destination")
		return
	}
	content := a.customer
	content.Source.UpdatedAt, content.Source.Revision = time.Time{}, ""
	hash, err := hashOf(content)
	if err != nil {
		a.fail(StepMap, connector.Errorf(connector.KindBug, "map", "%w", err))
		return
	}
	a.hash = hash
	if a.existing != nil && a.work.DeliveredHash == hash {
		a.step(StepWrite, "nothing has changed")
		a.end(store.TaskSynced, OutcomeUnchanged, "")
		return
	}
	ref := connector.Ref{Kind: commerce.KindCustomer, ID: a.work.SourceID}
	rules := a.flow.Config.Customers.Match
	document := a.existing
	outcome := OutcomeUpdated
	if document == nil {
		d, ok := a.resolve(ctx, ref, a.customer, rules)
		if !ok {
			return
		}
		document = &d
		if a.madeCustomer {
			outcome = OutcomeCreated
		}
	}
	if outcome == OutcomeUpdated && !a.dry {
		if !a.flow.Config.Customers.Update {
			a.step(StepWrite, "the flow leaves customers as they are (customers.update)")
			outcome = OutcomeUnchanged
		} else {
			key := connector.NewKey(a.work.Connection, ref)
			d, ok := a.saveCustomer(ctx, connector.CustomerDraft{Key: key, Customer: a.customer, Existing: document})
			if !ok {
				a.result.Uncertain = false // saving it again does no harm
				return
			}
			document = &d
			if err := a.keep(ctx, a.claimKeys(ref, a.customer, rules)[:1], d); err != nil {
				a.fail(StepCustomer, err)
				return
			}
		}
	}
	a.link(store.RoleCustomer, *document, "")
	a.end(store.TaskSynced, outcome, "")
}
