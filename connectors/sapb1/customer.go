package sapb1

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/internal/odata"
)

// partnerFields are what is read to tell customers apart.
var partnerFields = []string{"CardCode", "CardName", "CardType", "EmailAddress", "Phone1", "Phone2", "Cellular", "FederalTaxID", "ZipCode", "MailZipCode", "BPAddresses", "ContactEmployees"}

// handful is how many customers are looked at for one rule.
const handful = 50

// FindCustomer implements connector.CustomerWriter.
func (c *conn) FindCustomer(ctx context.Context, q connector.CustomerQuery) ([]connector.Candidate, error) {
	field, err := c.known.keyField(ctx, tablePartners)
	if err != nil {
		return nil, err
	}
	filter, matches := c.customerFilter(q, field)
	if filter == "" {
		return nil, nil
	}
	selected := partnerFields
	if field != "" {
		selected = append(slices.Clone(selected), field)
	}
	page, err := c.api.Page(ctx, api.Ask{
		Op: "find customer", Set: setPartners, Select: selected, Filter: odata.And(filter, odata.Eq("CardType", api.CardCustomer)), OrderBy: "CardCode", Size: handful, AnyCase: true,
	})
	if err != nil {
		return nil, err
	}
	var out []connector.Candidate
	for _, raw := range page.Items {
		var p api.BusinessPartner
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, connector.Errorf(connector.KindUnavailable, "find customer", "the answer is no business partner: %w", err)
		}
		if matches(p, api.UserText(raw, field)) {
			document := partnerDocument(p.CardCode, connector.Key(api.UserText(raw, field)))
			out = append(out, connector.Candidate{Document: document, Name: p.CardName, Email: p.EmailAddress})
		}
	}
	return out, nil
}

// customerFilter gives the condition of a rule, and what must hold of each customer found beyond it: the vendor compares without regard to case, and cannot
// look into telephone numbers and addresses.
func (c *conn) customerFilter(q connector.CustomerQuery, field string) (string, func(p api.BusinessPartner, key string) bool) {
	switch q.Rule {
	case connector.MatchKey:
		if q.Key == "" {
			return "", nil
		}
		own := c.cardCode(q.Key)
		conditions := []string{odata.Eq("CardCode", own)}
		if field != "" {
			conditions = append(conditions, odata.Eq(field, string(q.Key)))
		}
		return odata.Or(conditions...), func(p api.BusinessPartner, key string) bool {
			return key == string(q.Key) || (key == "" && p.CardCode == own)
		}
	case connector.MatchTaxID:
		id := q.Customer.TaxID()
		if id == "" {
			return "", nil
		}
		conditions := []string{odata.Eq("FederalTaxID", id)}
		if short := alnum(id); short != id {
			conditions = append(conditions, odata.Eq("FederalTaxID", short))
		}
		return odata.Or(conditions...), func(p api.BusinessPartner, _ string) bool { return alnum(p.FederalTaxID) == alnum(id) }
	case connector.MatchEmail:
		email := q.Customer.Email()
		if email == "" {
			return "", nil
		}
		conditions := []string{odata.Eq("EmailAddress", email)}
		if lower := strings.ToLower(email); lower != email { // should the server not know the header that ignores case
			conditions = append(conditions, odata.Eq("EmailAddress", lower))
		}
		return odata.Or(conditions...), func(p api.BusinessPartner, _ string) bool { return strings.EqualFold(p.EmailAddress, email) }
	case connector.MatchPhoneName:
		name, phone := partnerName(q.Customer), digits(q.Customer.Phone())
		if name == "" || len(phone) < 6 {
			return "", nil
		}
		return odata.Eq("CardName", cut(name, maxCardName)), func(p api.BusinessPartner, _ string) bool {
			return samePhone(phone, p.Phone1) || samePhone(phone, p.Phone2) || samePhone(phone, p.Cellular)
		}
	case connector.MatchCompany:
		zip := commerce.Fold(q.PostalCode)
		if q.Customer.CompanyName == "" || zip == "" {
			return "", nil
		}
		return odata.Eq("CardName", cut(q.Customer.CompanyName, maxCardName)), func(p api.BusinessPartner, _ string) bool {
			return commerce.Fold(p.ZipCode) == zip || commerce.Fold(p.MailZipCode) == zip ||
				slices.ContainsFunc(p.Addresses, func(a api.Address) bool { return commerce.Fold(a.ZipCode) == zip })
		}
	}
	return "", nil
}

func partnerDocument(code string, key connector.Key) connector.Document {
	return connector.Document{Type: setPartners, ID: code, Number: code, Key: key}
}

// SaveCustomer implements connector.CustomerWriter.
func (c *conn) SaveCustomer(ctx context.Context, draft connector.CustomerDraft) (connector.Document, error) {
	field, err := c.known.keyField(ctx, tablePartners)
	if err != nil {
		return connector.Document{}, err
	}
	states, err := c.states(ctx, draft.Customer.Addresses)
	if err != nil {
		return connector.Document{}, err
	}
	if draft.Existing != nil {
		return c.changeCustomer(ctx, draft, field, states)
	}
	fields, err := c.config.partnerFields(draft, field, states)
	if err != nil {
		return connector.Document{}, err
	}
	if c.config.cardSeries != 0 {
		fields["Series"] = c.config.cardSeries
	} else {
		fields["CardCode"] = c.cardCode(draft.Key)
	}
	var made api.BusinessPartner
	err = c.api.Create(ctx, "create customer", setPartners, fields, &made)
	if code(err) == api.CodeDuplicate && c.config.cardSeries == 0 {
		return c.createdBefore(ctx, draft, field, states)
	}
	if err != nil {
		return connector.Document{}, err
	}
	if made.CardCode == "" {
		return connector.Document{}, connector.Errorf(connector.KindMaybeApplied, "create customer", "the answer is not the customer that was made")
	}
	return partnerDocument(made.CardCode, draft.Key), nil
}

// createdBefore takes the customer whose code is made of our key: an earlier attempt made it, although no answer came.
func (c *conn) createdBefore(ctx context.Context, draft connector.CustomerDraft, field string, states map[string]string) (connector.Document, error) {
	code := c.cardCode(draft.Key)
	selected := []string{"CardCode", "CardType"}
	if field != "" {
		selected = append(selected, field)
	}
	var raw json.RawMessage
	if _, err := c.api.Get(ctx, "read customer", odata.ByKey(setPartners, code)+odata.Query("$select", strings.Join(selected, ",")), &raw); err != nil {
		return connector.Document{}, err
	}
	if key := api.UserText(raw, field); (key != "" && key != string(draft.Key)) || api.UserText(raw, "CardType") != api.CardCustomer {
		return connector.Document{}, &connector.Error{
			Kind: connector.KindConflict, Op: "create customer", Field: "card_prefix", Value: code, Message: "the customer's code is taken by another business partner",
			Fix: "choose another card_prefix",
		}
	}
	existing := partnerDocument(code, draft.Key)
	draft.Existing = &existing
	return c.changeCustomer(ctx, draft, field, states)
}

// changeCustomer fills and changes what the draft has. Addresses and contacts are added where they are new and stay as they are where not.
func (c *conn) changeCustomer(ctx context.Context, draft connector.CustomerDraft, field string, states map[string]string) (connector.Document, error) {
	path := odata.ByKey(setPartners, draft.Existing.ID)
	selected := []string{"CardCode", "BPAddresses", "ContactEmployees"}
	if field != "" {
		selected = append(selected, field)
	}
	var raw json.RawMessage
	if _, err := c.api.Get(ctx, "read customer", path+odata.Query("$select", strings.Join(selected, ",")), &raw); err != nil {
		return connector.Document{}, ofCustomer(err)
	}
	var present api.BusinessPartner
	if err := json.Unmarshal(raw, &present); err != nil {
		return connector.Document{}, connector.Errorf(connector.KindUnavailable, "read customer", "the answer is no business partner: %w", err)
	}
	key := connector.Key(api.UserText(raw, field))
	fields, err := c.config.partnerFields(draft, field, states)
	if err != nil {
		return connector.Document{}, err
	}
	for _, name := range []string{"CardType", "Currency", "GroupCode"} {
		delete(fields, name)
	}
	if key != "" { // another source made it or matched it first; its key stays
		delete(fields, field)
	} else if field != "" {
		key = draft.Key
	}
	keepNew(fields, "BPAddresses", func(one api.Fields) bool {
		return slices.ContainsFunc(present.Addresses, func(a api.Address) bool {
			return a.Type == one["AddressType"] && (a.Name == one["AddressName"] || sameAddress(a, one))
		})
	})
	keepNew(fields, "ContactEmployees", func(one api.Fields) bool {
		return slices.ContainsFunc(present.Contacts, func(p api.Contact) bool { return p.Name == one["Name"] })
	})
	if err := c.api.Update(ctx, "change customer", path, fields); err != nil {
		return connector.Document{}, err
	}
	return partnerDocument(draft.Existing.ID, key), nil
}

// ofCustomer says that what is not there is the customer.
func ofCustomer(err error) error {
	if connector.KindOf(err) != connector.KindNotFound {
		return err
	}
	e := *asError(err)
	e.Field, e.Message = "customer", "the customer does not exist in Business One any more"
	return &e
}

func keepNew(fields api.Fields, name string, there func(api.Fields) bool) {
	list, _ := fields[name].([]api.Fields)
	list = slices.DeleteFunc(list, there)
	if len(list) == 0 {
		delete(fields, name)
		return
	}
	fields[name] = list
}

// states gives the codes of the regions of addresses, by country and region.
func (c *conn) states(ctx context.Context, addresses []commerce.Address) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range addresses {
		state, err := c.known.state(ctx, a.AddressCountry, a.AddressRegion)
		if err != nil {
			return nil, err
		}
		out[a.AddressCountry+"/"+a.AddressRegion] = state
	}
	return out, nil
}

// SaveAddress implements connector.AddressWriter. The name of an address is made of its content, so saving it twice gives one record.
func (c *bookConn) SaveAddress(ctx context.Context, customer connector.Document, use commerce.AddressUse, address commerce.Address) (connector.Document, error) {
	state, err := c.known.state(ctx, address.AddressCountry, address.AddressRegion)
	if err != nil {
		return connector.Document{}, err
	}
	kind := api.AddressShipTo
	if use == commerce.UseBilling {
		kind = api.AddressBillTo
	}
	one, err := addressFields(address, kind, state, "address")
	if err != nil {
		return connector.Document{}, err
	}
	path := odata.ByKey(setPartners, customer.ID)
	var present api.BusinessPartner
	if _, err := c.api.Get(ctx, "read addresses", path+odata.Query("$select", "CardCode,BPAddresses"), &present); err != nil {
		return connector.Document{}, ofCustomer(err)
	}
	for _, a := range present.Addresses {
		if a.Type == kind && sameAddress(a, one) {
			return connector.Document{Type: setAddresses, ID: a.Name, Number: a.Name}, nil
		}
	}
	name, _ := one["AddressName"].(string)
	if slices.ContainsFunc(present.Addresses, func(a api.Address) bool { return a.Type == kind && a.Name == name }) {
		// A clerk changed the address that we made; older orders point at it as it is now.
		name = cut(name, maxName-2) + "+2"
		one["AddressName"] = name
	}
	if err := c.api.Update(ctx, "add address", path, api.Fields{"BPAddresses": []api.Fields{one}}); err != nil {
		return connector.Document{}, err
	}
	return connector.Document{Type: setAddresses, ID: name, Number: name}, nil
}
