package woocommerce

import (
	"cmp"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
	"github.com/orderlyhq/orderly/money"
)

// payments gives the one payment that WooCommerce knows, and gift cards. An order is paid in full or
// not at all. Where the total is lower than its parts by more than rounding, a plug-in took a gift
// card or store credit, which leaves no line: it is money that was spent.
func (m *amounts) payments() error {
	spent := money.Zero
	n := numbers{}
	for i, g := range m.given.GiftCards {
		value := n.read("gift_cards", i, "amount", g.Amount)
		spent = spent.Add(value)
		m.giftCard(string(g.ID), lastFour(string(g.Code)), value)
	}
	if n.err != nil {
		return n.err
	}
	parts := money.Zero
	for _, list := range [][]priced{m.lines, m.shipping, m.fees} {
		for _, p := range list {
			parts = parts.Add(p.net).Add(p.tax)
		}
	}
	if missing := m.round(parts).Sub(m.total); missing.GreaterThan(m.order.Tolerance()) {
		m.giftCard("", "", missing)
		m.total, spent = m.total.Add(missing), spent.Add(missing)
	}
	o := m.given
	method := plainText(o.PaymentMethod)
	if method == "" && o.TransactionID == "" {
		return nil
	}
	p := commerce.Payment{
		Method: method, Title: plainText(o.PaymentTitle), Gateway: method, PaidAt: o.PaidGMT.Time, Reference: string(o.TransactionID),
		Amount: m.money(money.Zero),
	}
	if !o.PaidGMT.IsZero() {
		p.Amount = m.money(m.total.Sub(spent))
	}
	if p.Reference != "" {
		p.PaymentID = p.Reference
	}
	m.order.Payments = append(m.order.Payments, p)
	return nil
}

func (m *amounts) giftCard(id, code string, value money.Decimal) {
	m.order.Payments = append(m.order.Payments, commerce.Payment{
		PaymentID: id, Method: "gift_card", Title: "Gift card or store credit", State: commerce.PaymentPaid, GiftCard: true,
		Amount: m.money(value), Reference: code,
	})
}

// lastFour hides all of a gift card's code but its end: who has the code has the money.
func lastFour(code string) string {
	r := []rune(code)
	if len(r) <= 4 {
		return code
	}
	return "•••• " + string(r[len(r)-4:])
}

// refunds gives the order's refunds, with their lines where they were read by themselves.
func (m *amounts) refunds(details []api.Refund) error {
	n := numbers{}
	byID := map[api.Text]api.Refund{}
	for _, d := range details {
		byID[d.ID] = d
	}
	for i, headline := range m.given.Refunds {
		out := commerce.Refund{RefundID: string(headline.ID), Reason: plainText(headline.Reason), Amount: m.money(n.read("refunds", i, "total", headline.Total).Abs())}
		if d, found := byID[headline.ID]; found {
			out.At = d.CreatedGMT.Time
			m.refundParts(&n, i, &out, d)
		}
		m.order.Refunds = append(m.order.Refunds, out)
	}
	return n.err
}

// refundParts reads what went back. The parts of a refund are below zero.
func (m *amounts) refundParts(n *numbers, i int, out *commerce.Refund, d api.Refund) {
	for _, l := range d.Lines {
		line := commerce.RefundLine{
			LineID:   cmp.Or(metaText(l.Meta, []string{"_refunded_item_id"}), string(l.ID)),
			Quantity: n.read("refunds", i, "line_items", l.Quantity).Abs(),
			Net:      m.money(m.fit(n.read("refunds", i, "line_items", l.Total).Abs())),
			Tax:      m.money(m.fitTax(n.read("refunds", i, "line_items", l.TotalTax).Abs())),
		}
		out.Lines = append(out.Lines, line)
		for j := range m.order.Lines {
			if sold := &m.order.Lines[j]; sold.LineID == strings.TrimSpace(line.LineID) {
				sold.Refunded = sold.Refunded.Add(line.Quantity)
			}
		}
	}
	shipping := money.Zero
	for _, s := range d.Shipping {
		shipping = shipping.Add(n.read("refunds", i, "shipping_lines", s.Total)).Add(n.read("refunds", i, "shipping_lines", s.TotalTax))
	}
	if !shipping.IsZero() {
		back := m.money(m.round(shipping.Abs()))
		out.Shipping = &back
	}
}
