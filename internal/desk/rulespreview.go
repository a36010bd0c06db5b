package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

const (
	// rulesTime bounds one dry run of rules that somebody types.
	rulesTime = 8 * time.Second
	// compareTime bounds a comparison of many orders.
	compareTime = 3 * time.Minute
	// CompareFew and CompareMost are how many orders are compared.
	CompareFew  = 50
	CompareMost = 200
)

// RulesPreview is what rules would make of one order.
type RulesPreview struct {
	Task     *store.TaskRow `json:"task"` // the order; null when there is none yet
	Order    *Paper         `json:"order"`
	Document *Paper         `json:"document"` // null when the rules have mistakes
	Would    string         `json:"would,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Steps    []flow.Step    `json:"steps,omitempty"`
	Problems []RuleProblem  `json:"problems"`
	Names    []RuleName     `json:"names"`
	// Failed says why there is no dry run: the ERP is away, the order has not been read.
	Failed string `json:"failed,omitempty"`
}

// RuleName is something that an expression can speak of, with its value in the order.
type RuleName struct {
	Path     string `json:"path"`
	Type     string `json:"type"`
	Example  string `json:"example"`
	Personal bool   `json:"personal"`
}

// Paper is an order or a document as a person reads it.
type Paper struct {
	Head   []PaperValue `json:"head"`
	Lines  []PaperLine  `json:"lines"`
	Fields []PaperValue `json:"fields"` // set by rules
	// CustomerFields are those that rules set in the customer.
	CustomerFields []PaperValue `json:"customer_fields"`
	Net            string       `json:"net"`
	Tax            string       `json:"tax"`
	Gross          string       `json:"gross"`
	// Currency is of all amounts.
	Currency string `json:"currency"`
}

// PaperValue is a value with its name.
type PaperValue struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Personal bool   `json:"personal,omitempty"`
}

// PaperLine is a line, shipping, a charge or a discount.
type PaperLine struct {
	Kind      string `json:"kind"` // product, shipping, …
	SKU       string `json:"sku"`
	Name      string `json:"name"`
	Quantity  string `json:"quantity,omitempty"`
	Net       string `json:"net"`
	Tax       string `json:"tax"`
	Gross     string `json:"gross"`
	Taxes     string `json:"taxes"`
	Warehouse string `json:"warehouse,omitempty"`
}

// PreviewRules says what a flow with other rules would make of an order: of the one with this number, or
// of the newest. Nothing is written anywhere. Mistakes in the rules are part of the answer.
func (d *Desk) PreviewRules(ctx context.Context, flowName string, rules Rules, number string) (*RulesPreview, error) {
	_, c, err := d.flowConfig(ctx, flowName)
	if err != nil {
		return nil, err
	}
	out := &RulesPreview{Problems: []RuleProblem{}, Names: []RuleName{}}
	if wrong, ok := errors.AsType[*RulesError](rules.put(&c)); ok {
		out.Problems = wrong.Problems
	}
	task, work, err := d.sample(ctx, flowName, number)
	if err != nil {
		return nil, err
	}
	if task == nil {
		out.Failed = "No order of this flow has been read yet; the first one will stand here."
		return out, nil
	}
	out.Task = task
	ctx, cancel := context.WithTimeout(ctx, rulesTime)
	defer cancel()
	order, err := d.decodeSample(flowName, *work)
	if err != nil {
		out.Failed = err.Error()
		return out, nil
	}
	out.Order, out.Names = paperOfOrder(order), ruleNames(order)
	if len(out.Problems) > 0 {
		return out, nil
	}
	err = d.withPreviewers(ctx, flowName, func(p []*node.Previewer) error {
		preview, err := p[0].Preview(ctx, *work)
		if err != nil {
			return err
		}
		out.Would, out.Reason, out.Steps = preview.Would, preview.Reason, preview.Detail.Steps
		if preview.Draft != nil {
			out.Document = paperOfDraft(preview.Draft, rules)
			out.Document.CustomerFields, err = customerFields(c, order.Buyer)
		}
		return err
	}, &c)
	switch {
	case ctx.Err() != nil:
		out.Failed = "The ERP took too long to answer."
	case err != nil:
		out.Failed = err.Error()
	}
	return out, nil
}

// withPreviewers opens dry runs of a flow under configurations, and closes them.
func (d *Desk) withPreviewers(ctx context.Context, flowName string, use func([]*node.Previewer) error, configs ...*flow.Config) error {
	view, err := d.node.View(ctx)
	if err != nil {
		return err
	}
	var open []*node.Previewer
	defer func() {
		for _, p := range open {
			p.Close(ctx)
		}
	}()
	for _, c := range configs {
		p, err := view.Previewer(ctx, flowName, c)
		if err != nil {
			return err
		}
		open = append(open, p)
	}
	return use(open)
}

// sampleTries is how many of the newest orders are looked at for one that has been read.
const sampleTries = 20

// sample gives the order with a number, or the newest one that has been read; nil when there is none.
func (d *Desk) sample(ctx context.Context, flowName, number string) (*store.TaskRow, *store.Work, error) {
	f := store.TaskFilter{Flow: flowName, Kind: string(commerce.KindOrder), Limit: sampleTries, Search: number}
	page, err := d.store.ListTasks(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	if number != "" {
		// The number itself before what it is a part of.
		slices.SortStableFunc(page.Tasks, func(a, b store.TaskRow) int {
			return cmp.Compare(exactly(b, number), exactly(a, number))
		})
	}
	for _, t := range page.Tasks {
		works, err := d.store.Works(ctx, t.Destination, []int64{t.ID})
		if err != nil {
			return nil, nil, err
		}
		if len(works) == 1 && len(works[0].Body) > 0 && !works[0].Deleted {
			works[0].DeliveredHash, works[0].Attempts = "", 1 // as after a retry
			return &t, &works[0], nil
		}
	}
	if number != "" {
		return nil, nil, Invalid("number", "no order of this flow that has been read has the number %s", number)
	}
	return nil, nil, nil
}

func exactly(t store.TaskRow, number string) int {
	if strings.EqualFold(t.Number, number) || t.SourceID == number {
		return 1
	}
	return 0
}

// decodeSample reads an order.
func (d *Desk) decodeSample(flowName string, w store.Work) (commerce.Order, error) {
	f, ok := d.node.Flow(flowName)
	if !ok {
		return commerce.Order{}, fmt.Errorf("the flow %s is not open; see the health of its connections", flowName)
	}
	order, err := f.Source.Decoder.DecodeOrder(connector.Raw{Ref: connector.Ref{Kind: commerce.KindOrder, ID: w.SourceID}, Form: w.Form, Body: w.Body})
	if err != nil {
		return order, fmt.Errorf("the order cannot be read: %w", err)
	}
	return order, nil
}

func ruleNames(order commerce.Order) []RuleName {
	var names []RuleName
	for _, n := range slices.Concat(mapping.OrderNames(order), mapping.CustomerNames(order.Buyer)) {
		names = append(names, RuleName{Path: n.Path, Type: n.Type, Example: n.Example, Personal: isPersonal(n.Path)})
	}
	return names
}

// personalNames are the parts of an order that are about persons: all of the customer and the addresses
// but what says nothing about who it is, and what people write.
var (
	personalNames = regexp.MustCompile(`\b(customer|buyer|bill_to|ship_to|notes|note|sales_person|extensions|properties|tracking)\b`)
	plainNames    = regexp.MustCompile(`\.(type|customer_group|price_list|payment_terms|currency|language|tax_exempt|status|system|store|address_country|use|default)$`)
)

// isPersonal says whether an expression speaks of personal data.
func isPersonal(expression string) bool {
	return personalNames.MatchString(expression) && !plainNames.MatchString(expression)
}

func paperOfOrder(o commerce.Order) *Paper {
	p := &Paper{Currency: string(o.DocumentCurrency)}
	p.totals(o)
	p.head("Number", o.OrderNumber)
	p.head("Date", dateText(o.OrderDate))
	p.head("Payment", string(o.PaymentState))
	p.head("State", string(o.OrderState))
	p.person("Customer", cmp.Or(o.Buyer.CompanyName, o.Buyer.DisplayName, strings.TrimSpace(o.Buyer.GivenName+" "+o.Buyer.FamilyName)))
	p.person("E-mail", o.Buyer.Email())
	p.person("Bill to", addressText(o.BillTo))
	p.person("Ship to", addressText(o.ShipTo))
	p.head("Customer's reference", o.CustomerReference)
	var methods []string
	for _, pay := range o.Payments {
		methods = append(methods, cmp.Or(pay.Title, pay.Method, pay.Gateway))
	}
	p.head("Paid by", strings.Join(methods, ", "))
	for _, l := range o.Lines {
		p.Lines = append(p.Lines, PaperLine{
			Kind: cmp.Or(string(l.Type), "product"), SKU: l.SKU, Name: l.Name, Quantity: l.Quantity.String(), Net: amountText(l.LineNet), Tax: amountText(l.LineTax), Gross: amountText(l.LineGross),
			Taxes: taxText(l.Taxes), Warehouse: l.Warehouse,
		})
	}
	for _, s := range o.ShippingLines {
		p.Lines = append(p.Lines, PaperLine{Kind: "shipping", SKU: s.Method, Name: s.Title, Net: amountText(s.Net), Tax: amountText(s.Tax), Gross: amountText(s.Gross), Taxes: taxText(s.Taxes)})
	}
	for _, c := range o.Charges {
		p.Lines = append(p.Lines, PaperLine{Kind: "charge", SKU: string(c.Type), Name: c.Title, Net: amountText(c.Net), Tax: amountText(c.Tax), Gross: amountText(c.Gross), Taxes: taxText(c.Taxes)})
	}
	for _, x := range o.Discounts {
		if !x.Allocated {
			p.Lines = append(p.Lines, PaperLine{Kind: "discount", SKU: x.Code, Name: x.Title, Net: amountText(x.Net), Tax: amountText(x.Tax), Gross: amountText(x.Gross), Taxes: taxText(x.Taxes)})
		}
	}
	return p
}

// paperOfDraft shows what would be written: the same lines in the same order, with the destination's codes.
func paperOfDraft(draft *connector.OrderDraft, rules Rules) *Paper {
	o := draft.Order
	p := &Paper{Currency: string(o.DocumentCurrency)}
	p.totals(o)
	customer := draft.Customer.Number
	if customer == "" {
		customer = draft.Customer.ID
	}
	p.head("Customer", cmp.Or(customer, "will be made"))
	if draft.BillTo != nil {
		p.head("Bill to", cmp.Or(draft.BillTo.Number, draft.BillTo.ID))
	}
	if draft.ShipTo != nil {
		p.head("Ship to", cmp.Or(draft.ShipTo.Number, draft.ShipTo.ID))
	}
	if draft.Existing != nil {
		p.head("Document", cmp.Or(draft.Existing.Number, draft.Existing.ID))
	}
	p.head("Date", dateText(o.OrderDate))
	p.head("Key", string(draft.Key))
	p.head("Customer's reference", o.CustomerReference)
	p.head("Payment method", draft.PaymentMethod)
	p.head("Payment terms", draft.PaymentTerms)
	p.head("Warehouse", draft.Warehouse)
	for i, l := range o.Lines {
		p.code(PaperLine{
			Kind: cmp.Or(string(l.Type), "product"), Name: l.Name, Quantity: l.Quantity.String(), Net: amountText(l.LineNet), Tax: amountText(l.LineTax), Gross: amountText(l.LineGross),
		}, draft.Lines, i)
	}
	for i, s := range o.ShippingLines {
		p.code(PaperLine{Kind: "shipping", Name: s.Title, Net: amountText(s.Net), Tax: amountText(s.Tax), Gross: amountText(s.Gross)}, draft.Shipping, i)
	}
	for i, c := range o.Charges {
		p.code(PaperLine{Kind: "charge", Name: c.Title, Net: amountText(c.Net), Tax: amountText(c.Tax), Gross: amountText(c.Gross)}, draft.Charges, i)
	}
	for i, x := range o.Discounts {
		if !x.Allocated {
			p.code(PaperLine{Kind: "discount", Name: x.Title, Net: amountText(x.Net), Tax: amountText(x.Tax), Gross: amountText(x.Gross)}, draft.Discounts, i)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(draft.Fields)) {
		p.Fields = append(p.Fields, PaperValue{Name: name, Value: valueText(draft.Fields[name]), Personal: isPersonal(rules.OrderFields[name])})
	}
	return p
}

// customerFields gives what rules set in a customer.
func customerFields(c flow.Config, buyer commerce.Customer) ([]PaperValue, error) {
	mapper, err := mapping.New(c.Mapping, c.Filter)
	if err != nil {
		return nil, err
	}
	fields, err := mapper.CustomerFields(buyer)
	var out []PaperValue
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, PaperValue{Name: name, Value: valueText(fields[name]), Personal: isPersonal(c.Mapping.CustomerFields[name])})
	}
	return out, err
}

func (p *Paper) totals(o commerce.Order) {
	p.Net, p.Tax, p.Gross = amountText(o.Totals.TaxExclusive), amountText(o.Totals.Tax), amountText(o.Totals.TaxInclusive)
}

func (p *Paper) head(name, value string) {
	if value != "" {
		p.Head = append(p.Head, PaperValue{Name: name, Value: value})
	}
}

func (p *Paper) person(name, value string) {
	if value != "" {
		p.Head = append(p.Head, PaperValue{Name: name, Value: value, Personal: true})
	}
}

// code adds a line with the destination's codes.
func (p *Paper) code(l PaperLine, codes []connector.LineCodes, i int) {
	if i < len(codes) {
		c := codes[i]
		l.SKU = cmp.Or(c.Item.SKU, c.Item.ID)
		l.Name = cmp.Or(c.Item.Name, l.Name)
		names := make([]string, len(c.TaxCodes))
		for j, t := range c.TaxCodes {
			names[j] = cmp.Or(t.Name, t.Code)
		}
		l.Taxes, l.Warehouse = strings.Join(names, " + "), c.Warehouse
	}
	p.Lines = append(p.Lines, l)
}

func amountText(m money.Money) string { return m.Amount.String() }

func dateText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04") + " UTC"
}

func taxText(taxes []commerce.Tax) string {
	var out []string
	for _, t := range taxes {
		rate := t.Rate.Shift(2).String() + "%"
		out = append(out, strings.TrimSpace(strings.TrimSpace(strings.TrimSuffix(t.Name, rate))+" "+rate))
	}
	return strings.Join(out, " + ")
}

func addressText(a *commerce.Address) string {
	if a == nil {
		return ""
	}
	name := cmp.Or(a.Company, a.Name, strings.TrimSpace(a.GivenName+" "+a.FamilyName))
	parts := []string{name, strings.TrimSpace(a.StreetAddress + " " + a.HouseNumber), strings.TrimSpace(a.PostalCode + " " + a.AddressLocality), a.AddressCountry}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// valueText writes what a rule gives.
func valueText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case string:
		return v
	}
	return fmt.Sprint(value)
}

// flat gives a paper as texts by what they are, to be compared.
func (p *Paper) flat() []PaperValue {
	out := slices.Clone(p.Head)
	for i, l := range p.Lines {
		at := fmt.Sprintf("%s %d: ", l.Kind, i+1)
		out = append(out, PaperValue{Name: at + "article", Value: l.SKU}, PaperValue{Name: at + "taxes", Value: l.Taxes}, PaperValue{Name: at + "warehouse", Value: l.Warehouse})
	}
	for _, f := range p.Fields {
		out = append(out, PaperValue{Name: "field " + f.Name, Value: f.Value, Personal: f.Personal})
	}
	for _, f := range p.CustomerFields {
		out = append(out, PaperValue{Name: "customer field " + f.Name, Value: f.Value, Personal: f.Personal})
	}
	return out
}
