package odoo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
)

// handful bounds the candidates that a rule gives.
const handful = 5

type partner struct {
	ID        int64    `json:"id"`
	Name      api.Text `json:"name"`
	Ref       api.Text `json:"ref"`
	Email     api.Text `json:"email"`
	Phone     api.Text `json:"phone"`
	Mobile    api.Text `json:"mobile"`
	Street    api.Text `json:"street"`
	Street2   api.Text `json:"street2"`
	Zip       api.Text `json:"zip"`
	City      api.Text `json:"city"`
	State     api.Ref  `json:"state_id"`
	Country   api.Ref  `json:"country_id"`
	VAT       api.Text `json:"vat"`
	Type      api.Text `json:"type"`
	IsCompany api.Flag `json:"is_company"`
	Parent    api.Ref  `json:"parent_id"`
	Children  api.IDs  `json:"child_ids"`
	Function  api.Text `json:"function"`
	Comment   api.Text `json:"comment"`
	Lang      api.Text `json:"lang"`
	Active    api.Flag `json:"active"`
	Created   api.Time `json:"create_date"`
	Written   api.Time `json:"write_date"`
}

var partnerFields = []string{
	"id", "name", "ref", "email", "phone", "street", "street2", "zip", "city", "state_id", "country_id", "vat", "type", "is_company",
	"parent_id", "child_ids", "function", "comment", "lang", "active", "create_date", "write_date",
}

// readPartners gives contacts by a condition. Odoo up to 18 keeps a second telephone number.
func (c *conn) readPartners(ctx context.Context, op string, domain api.Domain, limit int) ([]partner, error) {
	fields := partnerFields
	if mobile, err := c.known.has(ctx, modelPartner, "mobile"); err != nil {
		return nil, err
	} else if mobile {
		fields = append(slices.Clip(fields), "mobile")
	}
	var rows []partner
	err := c.api.SearchRead(ctx, api.Query{Op: op, Model: modelPartner, Domain: domain, Fields: fields, Order: "id", Limit: limit}, &rows)
	return rows, err
}

// FindCustomer implements connector.CustomerWriter.
func (c *conn) FindCustomer(ctx context.Context, q connector.CustomerQuery) ([]connector.Candidate, error) {
	domain, fits := customerDomain(q)
	if domain == nil {
		return nil, nil
	}
	limit := handful
	if fits != nil {
		limit = chunk
	}
	domain, err := c.known.inCompany(ctx, domain)
	if err != nil {
		return nil, err
	}
	rows, err := c.readPartners(ctx, "find the customer", domain, limit)
	if err != nil {
		return nil, err
	}
	var out []connector.Candidate
	for _, p := range rows {
		if (fits == nil || fits(p)) && len(out) < handful {
			out = append(out, connector.Candidate{Document: c.partnerDocument(p), Name: p.Name.String(), Email: p.Email.String()})
		}
	}
	return out, nil
}

// customerDomain is the condition of a rule, nil where the customer lacks what it needs; the function
// narrows what Odoo cannot compare.
func customerDomain(q connector.CustomerQuery) (api.Domain, func(partner) bool) {
	customer := q.Customer
	top := api.Domain{}.Where("parent_id", "=", false)
	switch q.Rule {
	case connector.MatchKey:
		if q.Key != "" {
			return top.Where("ref", "=", string(q.Key)), nil
		}
	case connector.MatchTaxID:
		if vat := strings.TrimSpace(customer.TaxID()); vat != "" {
			return top.Where("vat", "in", []string{vat, compactVAT(vat)}), nil
		}
	case connector.MatchEmail:
		if email := strings.TrimSpace(customer.Email()); email != "" {
			return top.Where("email", "=ilike", api.Literal(email)), nil
		}
	case connector.MatchPhoneName:
		name, phone := customerName(customer), digits(customer.Phone())
		if name != "" && phone != "" {
			return top.Where("name", "=ilike", api.Literal(name)), func(p partner) bool {
				return digits(p.Phone.String()) == phone || digits(p.Mobile.String()) == phone
			}
		}
	case connector.MatchCompany:
		if customer.CompanyName != "" && q.PostalCode != "" {
			return top.Where("is_company", "=", true).Where("name", "=ilike", api.Literal(customer.CompanyName)), func(p partner) bool {
				return commerce.Fold(p.Zip.String()) == commerce.Fold(q.PostalCode)
			}
		}
	}
	return nil, nil
}

// compactVAT is a tax number as Odoo's own check writes it: without spaces and dots, in capitals.
func compactVAT(vat string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", ".", "", "-", "").Replace(vat))
}

// digits are what two spellings of a telephone number share; the international prefix 00 counts as +.
func digits(phone string) string {
	only := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	if strings.HasPrefix(strings.TrimSpace(phone), "00") {
		return strings.TrimPrefix(only, "00")
	}
	return only
}

func (c *conn) partnerDocument(p partner) connector.Document {
	id := formatID(p.ID)
	return connector.Document{Type: modelPartner, ID: id, Key: connector.Key(p.Ref.String()), URL: c.url(modelPartner, id), State: connector.DocumentConfirmed}
}

// SaveCustomer implements connector.CustomerWriter. The customer, its contacts and its further
// addresses are written in one call, which Odoo does wholly or not at all.
func (c *conn) SaveCustomer(ctx context.Context, draft connector.CustomerDraft) (connector.Document, error) {
	const op = "save the customer"
	if draft.Existing != nil {
		return c.updateCustomer(ctx, op, draft)
	}
	values, err := c.customerValues(ctx, draft)
	if err != nil {
		return connector.Document{}, err
	}
	values["ref"] = string(draft.Key)
	if ranked, err := c.known.has(ctx, modelPartner, "customer_rank"); err != nil {
		return connector.Document{}, err
	} else if ranked {
		values["customer_rank"] = int64(1)
	}
	children, err := c.newChildren(ctx, draft.Customer, partner{}, nil)
	if err != nil {
		return connector.Document{}, err
	}
	if len(children) > 0 {
		values["child_ids"] = children
	}
	if err := c.setFields(ctx, modelPartner, values, draft.Fields); err != nil {
		return connector.Document{}, err
	}
	var id int64
	err = withoutVAT(values, "", func() error {
		ids, err := c.api.Create(ctx, op, modelPartner, []map[string]any{values}, nil)
		if err == nil {
			id = ids[0]
		}
		return err
	})
	if err != nil {
		return connector.Document{}, err
	}
	return c.partnerDocument(partner{ID: id, Ref: api.Text(draft.Key)}), nil
}

func (c *conn) updateCustomer(ctx context.Context, op string, draft connector.CustomerDraft) (connector.Document, error) {
	id, err := parseID("existing", draft.Existing.ID)
	if err != nil {
		return connector.Document{}, err
	}
	rows, err := c.readPartners(ctx, op, api.Domain{}.Where("id", "=", id), 1)
	if err != nil {
		return connector.Document{}, err
	}
	if len(rows) == 0 {
		return connector.Document{}, goneCustomer(op, draft.Existing.ID)
	}
	held := rows[0]
	var children []partner
	if len(held.Children) > 0 {
		if children, err = c.readPartners(ctx, op, api.Domain{}.Where("parent_id", "=", id), 0); err != nil {
			return connector.Document{}, err
		}
	}
	values, err := c.customerValues(ctx, draft)
	if err != nil {
		return connector.Document{}, err
	}
	if held.Ref == "" {
		values["ref"] = string(draft.Key)
	}
	if held.Comment != "" {
		delete(values, "comment")
	}
	if vat, ok := values["vat"].(string); ok && strings.Contains(held.Comment.String(), vat) {
		delete(values, "vat") // refused before
	}
	// Older orders point at this record: an address that is there stays, and another one is added.
	if !held.addressBlank() {
		for _, name := range addressNames {
			delete(values, name)
		}
	}
	fresh, err := c.newChildren(ctx, draft.Customer, held, children)
	if err != nil {
		return connector.Document{}, err
	}
	held.dropEqual(values)
	if len(fresh) > 0 {
		values["child_ids"] = fresh
	}
	if err := c.setFields(ctx, modelPartner, values, draft.Fields); err != nil {
		return connector.Document{}, err
	}
	if len(values) > 0 {
		if err := withoutVAT(values, held.Comment.String(), func() error { return c.api.Write(ctx, op, modelPartner, id, values) }); err != nil {
			return connector.Document{}, err
		}
	}
	return c.partnerDocument(held), nil
}

// goneCustomer is the error of a customer that cannot be used any more.
func goneCustomer(op, id string) error {
	e := connector.Errorf(connector.KindNotFound, op, "the customer is not in Odoo any more, or archived")
	e.Field, e.Value = "customer", id
	return e
}

// withoutVAT tries a write once more without the tax number when Odoo refuses it: module base_vat checks
// numbers, and a wrong one must not keep an order back. The number is kept in the comment, after what
// stands there. A refusal takes everything back, so that trying again is safe.
func withoutVAT(values map[string]any, comment string, write func() error) error {
	err := write()
	e, ok := errors.AsType[*connector.Error](err)
	vat, given := values["vat"].(string)
	if !ok || !given || e.Kind != connector.KindInvalid {
		return err
	}
	delete(values, "vat")
	if fresh, ok := values["comment"].(string); ok {
		comment = fresh
	}
	values["comment"] = comment + paragraph("VAT number as given, which Odoo does not accept: "+vat)
	if again := write(); again != nil {
		if connector.KindOf(again) == connector.KindInvalid {
			return err // the number was not what is wrong
		}
		return again
	}
	return nil
}

// customerName is how the customer is called in Odoo.
func customerName(customer commerce.Customer) string {
	if customer.Type == commerce.Company && customer.CompanyName != "" {
		return strings.TrimSpace(customer.CompanyName)
	}
	return personName(customer)
}

func personName(customer commerce.Customer) string {
	for _, name := range []string{customer.DisplayName, customer.GivenName + " " + customer.FamilyName, customer.Email(), customer.Phone(), customer.CompanyName} {
		if name = strings.TrimSpace(name); name != "" {
			return name
		}
	}
	return ""
}

// customerValues are the fields that the draft has something for.
func (c *conn) customerValues(ctx context.Context, draft connector.CustomerDraft) (map[string]any, error) {
	customer := draft.Customer
	values := map[string]any{}
	put := func(name, text string) {
		if text = strings.TrimSpace(text); text != "" {
			values[name] = text
		}
	}
	put("name", customerName(customer))
	if values["name"] == nil {
		return nil, connector.Invalid("display_name", "the customer has neither a name nor an e-mail address nor a telephone number")
	}
	if customer.Type == commerce.Company && customer.CompanyName != "" {
		values["is_company"] = true
	}
	put("email", customer.Email())
	put("phone", customer.Phone())
	if vat := customer.TaxID(); vat != "" {
		put("vat", compactVAT(vat))
	}
	if customer.Note != "" {
		put("comment", paragraph(customer.Note))
	}
	if main := mainAddress(customer); main != nil {
		address, err := c.addressValues(ctx, *main)
		if err != nil {
			return nil, err
		}
		maps.Copy(values, address)
	}
	return values, nil
}

// mainAddress is the one that the customer's own record gets: the default billing address, else the
// first for bills, else the first.
func mainAddress(customer commerce.Customer) *commerce.Address {
	var best *commerce.Address
	rank := 0
	for i := range customer.Addresses {
		a := &customer.Addresses[i]
		if a.Blank() {
			continue
		}
		n := 1
		if a.Use == commerce.UseBilling {
			n += 2
		}
		if a.Default {
			n++
		}
		if n > rank {
			best, rank = a, n
		}
	}
	return best
}

// newChildren gives the commands that add the contacts and addresses which are not there yet.
func (c *conn) newChildren(ctx context.Context, customer commerce.Customer, held partner, children []partner) ([]any, error) {
	var commands []any
	add := func(values map[string]any) { commands = append(commands, []any{int64(0), int64(0), values}) }
	for _, contact := range contactsOf(customer) {
		known := false
		for _, child := range children {
			known = known || (child.Type == "contact" && commerce.Fold(child.Name.String()) == commerce.Fold(contact.Name))
		}
		if !known {
			values := map[string]any{"type": "contact", "name": contact.Name}
			for name, list := range map[string][]string{"email": contact.Emails, "phone": contact.Phones} {
				if len(list) > 0 && list[0] != "" {
					values[name] = list[0]
				}
			}
			if contact.Position != "" {
				values["function"] = contact.Position
			}
			add(values)
		}
	}
	main := mainAddress(customer)
	owner := partner{Name: api.Text(customerName(customer)), IsCompany: api.Flag(customer.Type == commerce.Company)}
	seen := map[string]bool{}
	for i := range customer.Addresses {
		a := customer.Addresses[i]
		if a.Blank() || (&customer.Addresses[i] == main && held.addressBlank()) {
			continue
		}
		values, err := c.childValues(ctx, owner, a.Use, a)
		if err != nil {
			return nil, err
		}
		if main != nil && held.addressBlank() {
			first, err := c.childValues(ctx, owner, main.Use, *main)
			if err != nil {
				return nil, err
			}
			seen[contentOf(first)] = true
		}
		content := contentOf(values)
		if seen[content] || same(held, children, content) {
			continue
		}
		seen[content] = true
		add(values)
	}
	return commands, nil
}

// contactsOf are the people at a company; the one who ordered is one of them.
func contactsOf(customer commerce.Customer) []commerce.Contact {
	if customer.Type != commerce.Company || customer.CompanyName == "" {
		return nil
	}
	contacts := customer.Contacts
	person := strings.TrimSpace(customer.GivenName + " " + customer.FamilyName)
	if person == "" && commerce.Fold(customer.DisplayName) != commerce.Fold(customer.CompanyName) {
		person = strings.TrimSpace(customer.DisplayName)
	}
	if person == "" {
		return contacts
	}
	for _, contact := range contacts {
		if commerce.Fold(contact.Name) == commerce.Fold(person) {
			return contacts
		}
	}
	return append([]commerce.Contact{{Name: person, Emails: customer.Emails, Phones: customer.Phones}}, contacts...)
}

// dropEqual takes out of values what the record has already, so that nothing is written for nothing.
func (p partner) dropEqual(values map[string]any) {
	held := map[string]any{
		"name": p.Name.String(), "email": p.Email.String(), "phone": p.Phone.String(), "vat": p.VAT.String(), "is_company": bool(p.IsCompany),
		"street": p.Street.String(), "street2": p.Street2.String(), "zip": p.Zip.String(), "city": p.City.String(),
		"state_id": p.State.ID, "country_id": p.Country.ID,
	}
	for name, value := range values {
		if have, ok := held[name]; ok && have == value {
			delete(values, name)
		}
	}
}
