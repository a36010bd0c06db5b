package woocommerce

import (
	"cmp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
	"github.com/orderlyhq/orderly/money"
)

// amounts translates what an order costs.
//
// WooCommerce keeps the amounts of lines with all their decimals and shows them rounded; its total is
// the sum of the rounded ones, or, in shops that round at the end (setting "Round tax at subtotal
// level"), of the exact ones. Which of both it was is seen from the total.
type amounts struct {
	order    *commerce.Order
	given    api.Order
	sold     []api.Line
	currency money.Currency
	rates    map[string]rate

	lines    []priced // in parallel to sold
	shipping []priced
	fees     []priced
	exact    bool // amounts are not rounded: the shop rounds at the end

	total, totalTax money.Decimal
}

// rate is a tax rate as the order's tax lines have it.
type rate struct {
	commerce.Tax
	known bool // the order says the percentage
}

// priced is a part of an order with its amounts; before is before discounts.
type priced struct {
	before, beforeTax, net, tax money.Decimal
	taxes                       []taxed
}

type taxed struct {
	rate   string
	amount money.Decimal
}

// read fills the order.
func (m *amounts) read(refunds []api.Refund) error {
	for _, step := range []func() error{m.parts, m.totals, m.taxRates} {
		if err := step(); err != nil {
			return err
		}
	}
	m.level()
	m.settle()
	for _, step := range []func() error{m.orderLines, m.orderCoupons} {
		if err := step(); err != nil {
			return err
		}
	}
	m.orderShipping()
	m.orderFees()
	m.taxTotals()
	if err := m.payments(); err != nil {
		return err
	}
	return m.refunds(refunds)
}

// parts reads the numbers of lines, shipping and fees.
func (m *amounts) parts() error {
	n := numbers{}
	for i, l := range m.sold {
		p := priced{
			net: n.read("line_items", i, "total", l.Total), tax: n.read("line_items", i, "total_tax", l.TotalTax),
			taxes: n.taxes("line_items", i, l.Taxes),
		}
		p.before, p.beforeTax = p.net, p.tax
		if l.Subtotal != "" {
			p.before, p.beforeTax = n.read("line_items", i, "subtotal", l.Subtotal), n.read("line_items", i, "subtotal_tax", l.SubtotalTax)
		}
		m.lines = append(m.lines, p)
	}
	for i, s := range m.given.ShippingLines {
		m.shipping = append(m.shipping, priced{
			net: n.read("shipping_lines", i, "total", s.Total), tax: n.read("shipping_lines", i, "total_tax", s.TotalTax),
			taxes: n.taxes("shipping_lines", i, s.Taxes),
		})
	}
	for i, f := range m.given.Fees {
		m.fees = append(m.fees, priced{
			net: n.read("fee_lines", i, "total", f.Total), tax: n.read("fee_lines", i, "total_tax", f.TotalTax),
			taxes: n.taxes("fee_lines", i, f.Taxes),
		})
	}
	return n.err
}

// numbers reads amounts and keeps the first error.
type numbers struct{ err error }

func (n *numbers) read(list string, i int, name string, text api.Text) money.Decimal {
	d, err := amount("", text)
	if err != nil && n.err == nil {
		_, n.err = amount(fieldOf(list, i, name), text)
	}
	return d
}

func (n *numbers) taxes(list string, i int, taxes []api.LineTax) []taxed {
	var out []taxed
	for _, t := range taxes {
		if strings.TrimSpace(string(t.Total)) == "" {
			continue // a rate of the order that does not apply here
		}
		out = append(out, taxed{rate: string(t.ID), amount: n.read(list, i, "taxes", t.Total)})
	}
	return out
}

// totals reads what the order states of itself. Gift cards lower WooCommerce's total although they
// are money and not a discount; they are put back.
func (m *amounts) totals() (err error) {
	if strings.TrimSpace(string(m.given.Total)) == "" {
		return connector.Invalid("total", "is missing: this is no order of WooCommerce")
	}
	if m.total, err = amount("total", m.given.Total); err != nil {
		return err
	}
	if m.totalTax, err = amount("total_tax", m.given.TotalTax); err != nil {
		return err
	}
	n := numbers{}
	for i, g := range m.given.GiftCards {
		m.total = m.total.Add(n.read("gift_cards", i, "amount", g.Amount))
	}
	return n.err
}

// taxRates reads the order's rates.
func (m *amounts) taxRates() error {
	m.rates = map[string]rate{}
	for i, t := range m.given.TaxLines {
		percent, err := amount(fieldOf("tax_lines", i, "rate_percent"), t.RatePercent)
		if err != nil {
			return err
		}
		r := rate{known: t.RatePercent != ""}
		r.Name, r.Code, r.Compound = plainText(t.Label), string(t.RateID), bool(t.Compound)
		r.Rate, r.Included = money.Percent(percent), m.order.PricesIncludeTax
		// The code of a rate is country-region-name-priority; each but the name may be absent.
		if country, _, found := strings.Cut(string(t.RateCode), "-"); found && len(country) == 2 && letters(country) {
			r.Country = strings.ToUpper(country)
		}
		m.rates[string(t.RateID)] = r
	}
	m.deriveRates()
	return nil
}

// deriveRates works out the percentages that versions before 3.7 do not tell.
func (m *amounts) deriveRates() {
	net, tax := map[string]money.Decimal{}, map[string]money.Decimal{}
	for _, list := range [][]priced{m.lines, m.shipping, m.fees} {
		for _, p := range list {
			for _, t := range p.taxes {
				net[t.rate], tax[t.rate] = net[t.rate].Add(p.net), tax[t.rate].Add(t.amount)
			}
		}
	}
	for id, r := range m.rates {
		if !r.known && !net[id].IsZero() {
			r.Rate = tax[id].DivRound(net[id], 3) // to a tenth of a per cent, which rates in use keep to
			m.rates[id] = r
		}
	}
}

// level finds out whether the total is made of rounded or of exact amounts, and rounds them in the
// first case.
func (m *amounts) level() {
	rounded, exact := money.Zero, money.Zero
	for _, list := range [][]priced{m.lines, m.shipping, m.fees} {
		for _, p := range list {
			rounded = rounded.Add(m.round(p.net)).Add(m.roundTax(p.tax))
			exact = exact.Add(p.net).Add(p.tax)
		}
	}
	if !rounded.Equal(m.total) && m.round(exact).Equal(m.total) {
		m.exact = true
		m.order.TaxLevel = commerce.TaxByDocument
		return
	}
	for _, list := range [][]priced{m.lines, m.shipping, m.fees} {
		for i := range list {
			p := &list[i]
			p.before, p.beforeTax = m.round(p.before), m.roundTax(p.beforeTax)
			p.net, p.tax = m.round(p.net), m.roundTax(p.tax)
		}
	}
}

// settle makes the taxes of each part add up to its tax: versions before 8 show the parts unrounded,
// and some plug-ins keep none.
func (m *amounts) settle() {
	for _, list := range [][]priced{m.lines, m.shipping, m.fees} {
		for i := range list {
			p := &list[i]
			if len(p.taxes) == 0 {
				if !p.tax.IsZero() {
					p.taxes = []taxed{{rate: m.onlyRate(), amount: p.tax}}
				}
				continue
			}
			sum, largest := money.Zero, 0
			for j := range p.taxes {
				if !m.exact {
					p.taxes[j].amount = m.roundTax(p.taxes[j].amount)
				}
				if p.taxes[j].amount.Abs().GreaterThan(p.taxes[largest].amount.Abs()) {
					largest = j
				}
				sum = sum.Add(p.taxes[j].amount)
			}
			p.taxes[largest].amount = p.taxes[largest].amount.Add(p.tax.Sub(sum))
		}
	}
}

// onlyRate is the order's rate where it has one only, else "".
func (m *amounts) onlyRate() string {
	if len(m.given.TaxLines) == 1 {
		return string(m.given.TaxLines[0].RateID)
	}
	return ""
}

func (m *amounts) round(d money.Decimal) money.Decimal {
	return money.Round(d, m.currency.Exponent(), money.HalfUp)
}

func (m *amounts) roundTax(d money.Decimal) money.Decimal {
	return money.Round(d, m.currency.Exponent(), m.order.RoundingMode)
}

func (m *amounts) money(d money.Decimal) money.Money { return money.New(d, m.currency) }

// stated gives the amount of a saving in the sense of the shop's prices.
func (m *amounts) stated(net, tax money.Decimal) money.Decimal {
	if m.order.PricesIncludeTax {
		return net.Add(tax)
	}
	return net
}

// taxes gives the taxes of a part, for a discount with the other sign.
func (m *amounts) taxes(p priced, sign int64) []commerce.Tax {
	out := []commerce.Tax{}
	factor := decimal.New(sign, 0)
	for _, t := range p.taxes {
		r, found := m.rates[t.rate]
		tax := r.Tax
		if !found {
			tax.Code, tax.Included = t.rate, m.order.PricesIncludeTax
			if !p.net.IsZero() {
				tax.Rate = t.amount.DivRound(p.net, 3)
			}
		}
		base := m.money(p.net.Mul(factor))
		tax.TaxableAmount, tax.TaxAmount = &base, m.money(t.amount.Mul(factor))
		out = append(out, tax)
	}
	return out
}

// orderLines fills the lines.
func (m *amounts) orderLines() error {
	bundles := bundleKeys(m.sold)
	for i, l := range m.sold {
		quantity, err := amount(fieldOf("line_items", i, "quantity"), l.Quantity)
		if err != nil {
			return err
		}
		p := m.lines[i]
		line := commerce.Line{
			LineID: string(l.ID), ParentLineID: parent(l, bundles), Type: commerce.LineProduct,
			SKU: plainText(l.SKU), SourceProductID: id(l.ProductID), SourceVariantID: id(l.VariationID), GTIN: plainText(l.GTIN),
			Name: plainText(l.Name), Quantity: quantity, TaxClass: string(l.TaxClass),
			UnitPrice: commerce.Price{
				Net:   m.money(commerce.PerUnit(p.before, quantity)),
				Gross: m.money(commerce.PerUnit(p.before.Add(p.beforeTax), quantity)),
			},
			Taxes: m.taxes(p, 1), LineNet: m.money(p.net), LineTax: m.money(p.tax), LineGross: m.money(p.net.Add(p.tax)),
		}
		if line.SourceProductID == "" {
			line.Type = commerce.LineCustom
		}
		line.Options, line.Properties = properties(l, line.SourceVariantID != "")
		m.order.Lines = append(m.order.Lines, line)
	}
	return nil
}

// id is an id that is not 0.
func id(t api.Text) string {
	if t == "0" {
		return ""
	}
	return string(t)
}

// bundleKeys finds the lines that the extension Product Bundles names by its keys.
func bundleKeys(lines []api.Line) map[string]string {
	out := map[string]string{}
	for _, l := range lines {
		if key := metaText(l.Meta, []string{"_bundle_cart_key"}); key != "" {
			out[key] = string(l.ID)
		}
	}
	return out
}

// parent is the line that a line is a part of: a bundle or a composite product.
func parent(l api.Line, bundles map[string]string) string {
	return cmp.Or(id(l.BundledBy), bundles[metaText(l.Meta, []string{"_bundled_by"})], id(l.Composite))
}

// properties gives what the buyer chose or typed. Fields that begin with _ are for machines.
func properties(l api.Line, variation bool) (options, others []commerce.Property) {
	for _, meta := range l.Meta {
		text := plainText(cmp.Or(string(meta.DisplayValue), meta.Text()))
		if strings.HasPrefix(string(meta.Key), "_") || meta.Key == "" || text == "" {
			continue
		}
		name := plainText(cmp.Or(meta.DisplayKey, meta.Key))
		if variation {
			options = append(options, commerce.Property{Name: name, Value: text})
		} else {
			others = append(others, commerce.Property{Name: name, Value: text})
		}
	}
	return options, others
}

func (m *amounts) orderShipping() {
	for i, s := range m.given.ShippingLines {
		p := m.shipping[i]
		method, _, _ := strings.Cut(string(s.MethodID), ":") // old versions put the instance behind it
		m.order.ShippingLines = append(m.order.ShippingLines, commerce.ShippingLine{
			LineID: string(s.ID), Method: method, Title: plainText(s.MethodTitle), Taxes: m.taxes(p, 1),
			Net: m.money(p.net), Tax: m.money(p.tax), Gross: m.money(p.net.Add(p.tax)),
		})
	}
}

// orderFees gives fees as charges; one below zero is how plug-ins give a discount on the order.
func (m *amounts) orderFees() {
	for i, f := range m.given.Fees {
		p := m.fees[i]
		if p.net.Add(p.tax).IsNegative() {
			net, tax := p.net.Neg(), p.tax.Neg()
			saving := m.money(m.stated(net, tax))
			m.order.Discounts = append(m.order.Discounts, commerce.Discount{
				DiscountID: string(f.ID), Title: plainText(f.Name), Kind: commerce.DiscountFixed, Target: commerce.TargetOrder,
				Value: saving.Amount, Amount: saving, Taxes: m.taxes(p, -1),
				Net: m.money(net), Tax: m.money(tax), Gross: m.money(net.Add(tax)),
			})
			continue
		}
		m.order.Charges = append(m.order.Charges, commerce.Charge{
			ChargeID: string(f.ID), Type: commerce.ChargeOther, Title: plainText(f.Name), Taxes: m.taxes(p, 1),
			Net: m.money(p.net), Tax: m.money(p.tax), Gross: m.money(p.net.Add(p.tax)),
		})
	}
}

// taxTotals gives the taxes of the order by rate, from its parts: the order's own tax lines round
// once more.
func (m *amounts) taxTotals() {
	at := map[string]int{}
	for _, list := range [][]priced{m.lines, m.shipping, m.fees} {
		for _, p := range list {
			for i, tax := range m.taxes(p, 1) {
				key := p.taxes[i].rate
				n, found := at[key]
				if !found {
					at[key] = len(m.order.TaxTotals)
					m.order.TaxTotals = append(m.order.TaxTotals, tax)
					continue
				}
				sum := &m.order.TaxTotals[n]
				base := m.money(sum.TaxableAmount.Amount.Add(tax.TaxableAmount.Amount))
				sum.TaxableAmount, sum.TaxAmount = &base, m.money(sum.TaxAmount.Amount.Add(tax.TaxAmount.Amount))
			}
		}
	}
	if m.exact {
		return
	}
	for i := range m.order.TaxTotals {
		m.order.TaxTotals[i].TaxAmount.Amount = m.roundTax(m.order.TaxTotals[i].TaxAmount.Amount)
	}
}
