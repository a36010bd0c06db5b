package woocommerce

import (
	"encoding/json"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
	"github.com/orderlyhq/orderly/money"
)

// orderCoupons gives the coupons and what the lines were lowered by. A line does not say by which
// coupon; so only with one coupon does its saving carry the coupon's id. What no coupon explains was
// lowered by hand or by a plug-in.
func (m *amounts) orderCoupons() error {
	explained, saved := priced{}, priced{}
	n := numbers{}
	for i, c := range m.given.Coupons {
		net, tax := m.fit(n.read("coupon_lines", i, "discount", c.Discount)), n.read("coupon_lines", i, "discount_tax", c.DiscountTax)
		tax = m.fitTax(tax)
		explained.net, explained.tax = explained.net.Add(net), explained.tax.Add(tax)
		d := couponTerms(c)
		d.DiscountID, d.Code, d.Title, d.Allocated = string(c.ID), plainText(c.Code), plainText(c.Code), true
		d.Amount = m.money(m.stated(net, tax))
		d.Net, d.Tax, d.Gross = m.money(net), m.money(tax), m.money(net.Add(tax))
		m.order.Discounts = append(m.order.Discounts, d)
	}
	if n.err != nil {
		return n.err
	}
	discountID := ""
	if len(m.given.Coupons) == 1 {
		discountID = string(m.given.Coupons[0].ID)
	}
	for i, p := range m.lines {
		net, tax := p.before.Sub(p.net), p.beforeTax.Sub(p.tax)
		saving := m.stated(net, tax)
		if !saving.IsPositive() {
			continue
		}
		saved.net, saved.tax = saved.net.Add(net), saved.tax.Add(tax)
		m.order.Lines[i].Discounts = []commerce.LineDiscount{{DiscountID: discountID, Amount: m.money(saving)}}
	}
	net, tax := saved.net.Sub(explained.net), saved.tax.Sub(explained.tax)
	// Coupons are rounded by themselves, which may leave a cent.
	if rest := m.stated(net, tax); rest.GreaterThan(m.order.Tolerance()) {
		if len(m.given.Coupons) > 0 {
			for i := range m.order.Lines {
				for j := range m.order.Lines[i].Discounts {
					m.order.Lines[i].Discounts[j].DiscountID = ""
				}
			}
		}
		m.order.Discounts = append(m.order.Discounts, commerce.Discount{
			Kind: commerce.DiscountManual, Target: commerce.TargetLine, Allocated: true,
			Amount: m.money(rest), Net: m.money(net), Tax: m.money(tax), Gross: m.money(net.Add(tax)),
		})
	}
	return nil
}

func (m *amounts) fit(d money.Decimal) money.Decimal {
	if m.exact {
		return d
	}
	return m.round(d)
}

func (m *amounts) fitTax(d money.Decimal) money.Decimal {
	if m.exact {
		return d
	}
	return m.roundTax(d)
}

// couponTerms says how a coupon works. Newer versions tell it with the coupon line; those before 8.7
// keep a copy of the coupon in the field coupon_data, those from then on in coupon_info as the list
// [id, code, type, amount, free shipping], whose type null is fixed_cart.
func couponTerms(c api.Coupon) commerce.Discount {
	kind, value, free := string(c.DiscountType), c.Nominal, bool(c.FreeShipping)
	for _, meta := range c.Meta {
		switch meta.Key {
		case "coupon_data":
			var old struct {
				Type   api.Text `json:"discount_type"`
				Amount api.Text `json:"amount"`
				Free   api.Flag `json:"free_shipping"`
			}
			if kind == "" && json.Unmarshal(meta.Value, &old) == nil {
				kind, value, free = string(old.Type), old.Amount, bool(old.Free)
			}
		case "coupon_info":
			var short []api.Text
			if kind == "" && json.Unmarshal([]byte(meta.Text()), &short) == nil && len(short) >= 4 {
				kind, value = string(short[2]), short[3]
				if kind == "" {
					kind = "fixed_cart"
				}
				free = len(short) > 4 && (short[4] == "true" || short[4] == "1")
			}
		}
	}
	d := commerce.Discount{Kind: commerce.DiscountFixed, Target: commerce.TargetOrder}
	if number, err := money.ParseDecimal(string(value)); err == nil {
		d.Value = number
	}
	switch {
	case strings.Contains(kind, "percent"):
		d.Kind = commerce.DiscountPercent
	case kind == "fixed_product":
		d.Target = commerce.TargetLine
	}
	if free && d.Value.IsZero() {
		d.Kind, d.Target = commerce.DiscountFreeShipping, commerce.TargetShipping
	}
	return d
}
