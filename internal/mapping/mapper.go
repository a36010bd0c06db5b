package mapping

import (
	"fmt"
	"slices"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// Mapper maps by one configuration. It is safe for concurrent use.
type Mapper struct {
	config   Config
	tables   tables
	filter   *program
	order    fields
	customer fields
}

// tables are the configuration's, ready for lookups.
type tables struct{ items, taxes, payments, terms, shipping, charges, warehouses *Index }

func (c *Config) index() tables {
	return tables{
		items: c.Items.Index(), taxes: c.Taxes.Index(), payments: c.Payments.Index(), terms: c.Terms.Index(),
		shipping: c.Shipping.Index(), charges: c.Charges.Index(), warehouses: c.Warehouses.Index(),
	}
}

// Problem is a mistake in a configuration.
type Problem struct {
	Path    string // such as mapping.order_fields.note
	Message string
	At      *CompileError // where in the expression
}

// Check finds what is wrong with a configuration and a filter.
func Check(c Config, filter string) []Problem {
	_, problems := compileAll(c, filter)
	return problems
}

// New makes a mapper. It fails with the first mistake of the configuration.
func New(c Config, filter string) (*Mapper, error) {
	m, problems := compileAll(c, filter)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Path, problems[0].Message)
	}
	m.tables = c.index()
	return m, nil
}

func compileAll(c Config, filter string) (*Mapper, []Problem) {
	m := &Mapper{config: c}
	var problems []Problem
	if filter != "" {
		p, err := compile(filter, orderType, true)
		if err != nil {
			problems = append(problems, Problem{Path: "filter", Message: err.Error(), At: err})
		}
		m.filter = p
	}
	var found []Problem
	m.order, found = compileFields("mapping.order_fields", c.OrderFields, orderType)
	problems = append(problems, found...)
	m.customer, found = compileFields("mapping.customer_fields", c.CustomerFields, customerType)
	return m, append(problems, found...)
}

// Wanted says whether the filter lets an order through.
func (m *Mapper) Wanted(order commerce.Order) (bool, error) {
	if m.filter == nil {
		return true, nil
	}
	result, err := m.filter.run("order", order)
	if err != nil {
		return false, &connector.Error{Kind: connector.KindInvalid, Code: "filter", Field: "filter", Message: err.Error(), Fix: "correct the flow's filter"}
	}
	wanted, ok := result.(bool)
	return wanted && ok, nil
}

// OrderFields gives the fields that rules set in the destination's sales order.
func (m *Mapper) OrderFields(order commerce.Order) (map[string]any, error) {
	return m.order.values("order", order)
}

// CustomerFields gives the fields that rules set in the destination's customer.
func (m *Mapper) CustomerFields(customer commerce.Customer) (map[string]any, error) {
	return m.customer.values("customer", customer)
}

// SKUs gives the article numbers of the destination that an order needs, each once.
func (m *Mapper) SKUs(order commerce.Order) []string {
	var skus []string
	add := func(sku string) {
		if sku != "" && !slices.Contains(skus, sku) {
			skus = append(skus, sku)
		}
	}
	for i := range order.Lines {
		add(m.LineSKU(order.Lines[i]))
	}
	add(m.config.UnknownItem)
	for _, s := range order.ShippingLines {
		add(m.ShippingSKU(s))
	}
	for _, c := range order.Charges {
		add(m.ChargeSKU(c))
	}
	if slices.ContainsFunc(order.Discounts, func(d commerce.Discount) bool { return !d.Allocated }) {
		add(m.config.DiscountItem)
	}
	add(m.config.RoundingItem)
	return skus
}

// LineSKU is the destination's SKU of a line; "" when the line has none and none is configured.
func (m *Mapper) LineSKU(line commerce.Line) string {
	if line.Type == commerce.LineGiftCard && m.config.GiftCardItem != "" {
		return m.config.GiftCardItem
	}
	if to, found := m.tables.items.Find(line.SKU); found {
		return to
	}
	if line.SKU == "" {
		return m.config.UnknownItem
	}
	return line.SKU
}

// ShippingSKU is the SKU of the article that carries a shipping line; "" leaves it to the destination.
func (m *Mapper) ShippingSKU(s commerce.ShippingLine) string {
	to, _ := m.tables.shipping.Find(nonEmpty(s.Method, s.Title)...)
	return to
}

// ChargeSKU is the SKU of the article that carries a charge; "" leaves it to the destination.
func (m *Mapper) ChargeSKU(c commerce.Charge) string {
	to, _ := m.tables.charges.Find(nonEmpty(string(c.Type), c.Title)...)
	return to
}

// DiscountSKU is the SKU of the article that carries discounts on the whole order; "" leaves it to the
// destination.
func (m *Mapper) DiscountSKU() string { return m.config.DiscountItem }

// RoundingSKU is the SKU of the article that carries a difference of a cent; "" leaves it to the
// destination.
func (m *Mapper) RoundingSKU() string { return m.config.RoundingItem }

// UnknownSKU is the SKU of the article for lines whose own the destination does not have; "" holds
// the order.
func (m *Mapper) UnknownSKU() string { return m.config.UnknownItem }

// Payment gives the destination's payment method and terms of an order; "" leaves them to the
// destination.
func (m *Mapper) Payment(order commerce.Order) (method, terms string) {
	var source []string
	for _, p := range order.Payments {
		if !p.GiftCard {
			source = append(source, nonEmpty(p.Method, p.Gateway, p.Title)...)
		}
	}
	if len(source) > 0 {
		method, _ = m.tables.payments.Find(source...)
	}
	if termValues := nonEmpty(append([]string{order.PaymentTerms}, source...)...); len(termValues) > 0 {
		terms, _ = m.tables.terms.Find(termValues...)
	}
	return method, terms
}

// Warehouse gives the destination's warehouse of a source's location; "" leaves it to the destination.
func (m *Mapper) Warehouse(location string) string {
	if location == "" && len(m.config.Warehouses) == 0 {
		return ""
	}
	to, _ := m.tables.warehouses.Find(location)
	return to
}
