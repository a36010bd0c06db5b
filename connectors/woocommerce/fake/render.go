package fake

import (
	"encoding/json"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Records in the shape and order of fields that the API gives. Fields that older versions have not
// are pointers or empty.

type orderJSON struct {
	ID             int64          `json:"id"`
	ParentID       int64          `json:"parent_id"`
	Status         string         `json:"status"`
	Currency       string         `json:"currency"`
	Version        string         `json:"version"`
	Include        bool           `json:"prices_include_tax"`
	Created        *string        `json:"date_created"`
	Modified       *string        `json:"date_modified"`
	DiscountTotal  string         `json:"discount_total"`
	DiscountTax    string         `json:"discount_tax"`
	ShippingTotal  string         `json:"shipping_total"`
	ShippingTax    string         `json:"shipping_tax"`
	CartTax        string         `json:"cart_tax"`
	Total          string         `json:"total"`
	TotalTax       string         `json:"total_tax"`
	Customer       int64          `json:"customer_id"`
	Key            string         `json:"order_key"`
	Billing        addr           `json:"billing"`
	Shipping       addr           `json:"shipping"`
	Method         string         `json:"payment_method"`
	MethodTitle    string         `json:"payment_method_title"`
	Transaction    string         `json:"transaction_id"`
	IP             string         `json:"customer_ip_address"`
	Agent          string         `json:"customer_user_agent"`
	CreatedVia     string         `json:"created_via"`
	Note           string         `json:"customer_note"`
	Completed      *string        `json:"date_completed"`
	Paid           *string        `json:"date_paid"`
	CartHash       string         `json:"cart_hash"`
	Number         string         `json:"number"`
	Meta           []meta         `json:"meta_data"`
	Lines          []lineJSON     `json:"line_items"`
	TaxLines       []taxLineJSON  `json:"tax_lines"`
	Ships          []shipJSON     `json:"shipping_lines"`
	Fees           []feeJSON      `json:"fee_lines"`
	Coupons        []couponJSON   `json:"coupon_lines"`
	Refunds        []refundedJSON `json:"refunds"`
	PaymentURL     string         `json:"payment_url"`
	Editable       bool           `json:"is_editable"`
	NeedsPayment   bool           `json:"needs_payment"`
	NeedsWork      bool           `json:"needs_processing"`
	CreatedGMT     *string        `json:"date_created_gmt"`
	ModifiedGMT    *string        `json:"date_modified_gmt"`
	CompletedGMT   *string        `json:"date_completed_gmt"`
	PaidGMT        *string        `json:"date_paid_gmt"`
	GiftCards      []giftCardJSON `json:"gift_cards,omitempty"`
	CurrencySymbol string         `json:"currency_symbol"`
	Links          map[string]any `json:"_links,omitempty"`
}

type lineJSON struct {
	ID          int64         `json:"id"`
	Name        string        `json:"name"`
	Product     int64         `json:"product_id"`
	Variation   int64         `json:"variation_id"`
	Quantity    json.Number   `json:"quantity"`
	Class       string        `json:"tax_class"`
	Subtotal    string        `json:"subtotal"`
	SubtotalTax string        `json:"subtotal_tax"`
	Total       string        `json:"total"`
	TotalTax    string        `json:"total_tax"`
	Taxes       []lineTaxJSON `json:"taxes"`
	Meta        []meta        `json:"meta_data"`
	SKU         *string       `json:"sku"`
	GTIN        any           `json:"global_unique_id,omitempty"`
	Price       json.Number   `json:"price"`
	Image       imageJSON     `json:"image"`
	Parent      *string       `json:"parent_name"`
}

type imageJSON struct {
	ID  any    `json:"id"`
	Src string `json:"src"`
}

type lineTaxJSON struct {
	ID       int64  `json:"id"`
	Total    string `json:"total"`
	Subtotal string `json:"subtotal"`
}

type taxLineJSON struct {
	ID       int64       `json:"id"`
	Code     string      `json:"rate_code"`
	Rate     int64       `json:"rate_id"`
	Label    string      `json:"label"`
	Compound bool        `json:"compound"`
	Tax      string      `json:"tax_total"`
	Shipping string      `json:"shipping_tax_total"`
	Percent  json.Number `json:"rate_percent"`
	Meta     []meta      `json:"meta_data"`
}

type shipJSON struct {
	ID        int64         `json:"id"`
	Title     string        `json:"method_title"`
	Method    string        `json:"method_id"`
	Instance  string        `json:"instance_id"`
	Total     string        `json:"total"`
	TotalTax  string        `json:"total_tax"`
	Taxes     []lineTaxJSON `json:"taxes"`
	TaxStatus string        `json:"tax_status,omitempty"`
	Meta      []meta        `json:"meta_data"`
}

type feeJSON struct {
	ID        int64         `json:"id"`
	Name      string        `json:"name"`
	Class     string        `json:"tax_class"`
	TaxStatus string        `json:"tax_status"`
	Amount    string        `json:"amount"`
	Total     string        `json:"total"`
	TotalTax  string        `json:"total_tax"`
	Taxes     []lineTaxJSON `json:"taxes"`
	Meta      []meta        `json:"meta_data"`
}

type couponJSON struct {
	ID       int64       `json:"id"`
	Code     string      `json:"code"`
	Discount string      `json:"discount"`
	Tax      string      `json:"discount_tax"`
	Meta     []meta      `json:"meta_data"`
	Type     string      `json:"discount_type,omitempty"`
	Nominal  json.Number `json:"nominal_amount,omitempty"`
	Free     *bool       `json:"free_shipping,omitempty"`
}

type refundedJSON struct {
	ID       int64   `json:"id"`
	Reason   string  `json:"reason"`
	Total    string  `json:"total"`
	TotalTax *string `json:"total_tax,omitempty"`
}

type giftCardJSON struct {
	ID     int64  `json:"id"`
	Code   string `json:"code"`
	Amount string `json:"amount"`
}

type refundJSON struct {
	ID         int64          `json:"id"`
	ParentID   int64          `json:"parent_id,omitempty"` // only in the list of all refunds
	Created    *string        `json:"date_created"`
	CreatedGMT *string        `json:"date_created_gmt"`
	Amount     string         `json:"amount"`
	Reason     string         `json:"reason"`
	By         int64          `json:"refunded_by"`
	Payment    bool           `json:"refunded_payment"`
	Meta       []meta         `json:"meta_data"`
	Lines      []lineJSON     `json:"line_items"`
	Ships      []shipJSON     `json:"shipping_lines"`
	TaxLines   []taxLineJSON  `json:"tax_lines"`
	Fees       []feeJSON      `json:"fee_lines"`
	Links      map[string]any `json:"_links"`
}

const layout = "2006-01-02T15:04:05"

func (v *Vendor) local(at time.Time) *string { return stamp(at.In(v.zone)) }
func (v *Vendor) gmt(at time.Time) *string   { return stamp(at.UTC()) }

func stamp(at time.Time) *string {
	if at.IsZero() {
		return nil
	}
	s := at.Format(layout)
	return &s
}

// escaped is a name as WordPress keeps titles: & < > are entities.
func escaped(name string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(html.UnescapeString(name))
}

// sums are the totals of an order.
type sums struct {
	discount, discountTax, shipping, shippingTax, cartTax, total, tax dec
}

// sum works an order's totals out: of the rounded amounts of its lines, or of the exact ones in a shop
// that rounds at the end (WC_Abstract_Order::calculate_totals).
func (v *Vendor) sum(o *order) sums {
	places := exponent(o.currency)
	net := func(d dec) dec {
		if o.exact {
			return d
		}
		return d.Round(places)
	}
	var s sums
	all := decimal.Zero
	for _, l := range o.lines {
		s.discount = s.discount.Add(net(l.subtotal)).Sub(net(l.total))
		s.discountTax = s.discountTax.Add(l.subTax).Sub(l.tax)
		s.cartTax = s.cartTax.Add(l.tax)
		all = all.Add(net(l.total))
	}
	for _, l := range o.fees {
		s.cartTax = s.cartTax.Add(l.tax)
		all = all.Add(net(l.total))
	}
	for _, l := range o.ships {
		s.shipping = s.shipping.Add(net(l.total))
		s.shippingTax = s.shippingTax.Add(l.tax)
	}
	all = all.Add(s.shipping).Add(s.cartTax).Add(s.shippingTax)
	s.tax = s.cartTax.Add(s.shippingTax)
	if o.exact {
		s.tax = roundTax(s.tax, places, o.include)
	}
	s.total = all.Round(places)
	for _, g := range o.giftCards {
		s.total = s.total.Sub(g.amount)
	}
	return s
}

// roundTax rounds an amount of tax: half a cent goes down where prices include tax.
func roundTax(d dec, places int32, include bool) dec {
	rounded := d.Round(places)
	if include && rounded.Sub(d).Abs().Equal(decimal.New(5, -places-1)) {
		return d.RoundDown(places)
	}
	return rounded
}

// render gives an order with dp decimals; below 0 that is what the shop shows.
func (v *Vendor) render(o *order, dp int32) orderJSON {
	if dp < 0 {
		dp = v.places
	}
	s := v.sum(o)
	fix := func(d dec) string { return d.StringFixed(dp) }
	base := v.options.BaseURL
	out := orderJSON{
		ID: o.id, Status: o.status, Currency: o.currency, Version: o.version, Include: o.include,
		Created: v.local(o.created), Modified: v.local(o.modified), CreatedGMT: v.gmt(o.created), ModifiedGMT: v.gmt(o.modified),
		Completed: v.local(o.completed), CompletedGMT: v.gmt(o.completed), Paid: v.local(o.paid), PaidGMT: v.gmt(o.paid),
		DiscountTotal: fix(s.discount), DiscountTax: fix(s.discountTax), ShippingTotal: fix(s.shipping), ShippingTax: fix(s.shippingTax),
		CartTax: fix(s.cartTax), Total: fix(s.total), TotalTax: fix(s.tax),
		Customer: o.customer, Key: o.key, Billing: o.billing, Shipping: o.shipping, Method: o.method, MethodTitle: escaped(o.title),
		Transaction: o.reference, IP: o.ip, CreatedVia: o.createdVia, Note: o.note, CartHash: o.cartHash, Number: o.number,
		Meta: listed(o.meta), Lines: []lineJSON{}, TaxLines: v.taxLines(o, dp), Ships: v.renderShips(o.ships, dp), Fees: []feeJSON{}, Coupons: []couponJSON{}, Refunds: []refundedJSON{},
		PaymentURL:     base + "/checkout/order-pay/" + strconv.FormatInt(o.id, 10) + "/?pay_for_order=true&key=" + o.key,
		Editable:       o.status == "pending" || o.status == "on-hold" || o.status == "auto-draft",
		CurrencySymbol: symbol(o.currency),
		Links:          v.orderLinks(o),
	}
	out.NeedsPayment = (o.status == "pending" || o.status == "failed" || o.status == "checkout-draft") && s.total.IsPositive()
	for _, l := range o.lines {
		out.Lines = append(out.Lines, v.renderLine(l, dp))
		out.NeedsWork = out.NeedsWork || v.needsWork(l)
	}
	for _, l := range o.fees {
		out.Fees = append(out.Fees, feeJSON{
			ID: l.id, Name: escaped(l.name), TaxStatus: "taxable", Amount: fix(l.total), Total: fix(l.total), TotalTax: fix(l.tax),
			Taxes: v.renderTaxes(l.taxes, dp, true), Meta: listed(l.meta),
		})
	}
	for _, c := range o.coupons {
		out.Coupons = append(out.Coupons, v.renderCoupon(c, dp))
	}
	for _, r := range o.refunds {
		j := refundedJSON{ID: r.id, Reason: r.reason, Total: fix(r.amount.Neg())}
		if v.release.rich {
			tax := fix(r.tax())
			j.TotalTax = &tax
		}
		out.Refunds = append(out.Refunds, j)
	}
	for _, g := range o.giftCards {
		out.GiftCards = append(out.GiftCards, giftCardJSON{ID: g.id, Code: g.code, Amount: fix(g.amount)})
	}
	return out
}

// tax is the tax of a refund, below zero.
func (r *refund) tax() dec {
	sum := decimal.Zero
	for _, list := range [][]*line{r.lines, r.ships} {
		for _, l := range list {
			sum = sum.Add(l.tax)
		}
	}
	return sum
}

func (v *Vendor) orderLinks(o *order) map[string]any {
	self := "orders/" + strconv.FormatInt(o.id, 10)
	links := v.links(self, "orders", "GET", "POST", "PUT", "PATCH", "DELETE")
	if v.release.rich {
		links["email_templates"] = []any{map[string]any{"embeddable": true, "href": v.options.BaseURL + "/wp-json/wc/v3/" + self + "/actions/email_templates"}}
	}
	if o.customer != 0 {
		links["customer"] = []any{map[string]any{"href": v.options.BaseURL + "/wp-json/wc/v3/customers/" + strconv.FormatInt(o.customer, 10)}}
	}
	return links
}

func (v *Vendor) needsWork(l *line) bool {
	p := v.byProduct[l.product]
	return p != nil && !p.digital
}

func (v *Vendor) renderLine(l *line, dp int32) lineJSON {
	fix := func(d dec) string { return d.StringFixed(dp) }
	price := decimal.Zero
	if !l.quantity.IsZero() {
		price = l.total.DivRound(l.quantity, 14)
	}
	j := lineJSON{
		ID: l.id, Name: escaped(l.name), Product: l.product, Variation: l.variation, Quantity: json.Number(l.quantity.String()), Class: l.class,
		Subtotal: fix(l.subtotal), SubtotalTax: fix(l.subTax), Total: fix(l.total), TotalTax: fix(l.tax),
		Taxes: v.renderTaxes(l.taxes, dp, true), Meta: listed(l.meta), Price: json.Number(price.String()), Image: imageJSON{ID: 0},
	}
	if l.imageText {
		j.Image.ID = ""
	}
	if l.hasSKU {
		j.SKU = &l.sku
	}
	if v.release.rich {
		j.GTIN = ""
		if !l.hasSKU {
			j.GTIN = (*string)(nil)
		}
	}
	if l.parent != "" {
		j.Parent = &l.parent
	}
	return j
}

// renderTaxes gives the taxes of a line. Versions before 8 show them with all their decimals,
// whatever is asked for.
func (v *Vendor) renderTaxes(taxes []lineTax, dp int32, subtotal bool) []lineTaxJSON {
	out := []lineTaxJSON{}
	for _, t := range taxes {
		j := lineTaxJSON{ID: t.rate.id, Total: v.fixTax(t.total, dp)}
		if subtotal {
			j.Subtotal = v.fixTax(t.subtotal, dp)
		}
		out = append(out, j)
	}
	return out
}

func (v *Vendor) fixTax(d dec, dp int32) string {
	if v.release.rich {
		return d.StringFixed(dp)
	}
	return d.String()
}

func (v *Vendor) renderShips(list []*line, dp int32) []shipJSON {
	out := []shipJSON{}
	for _, l := range list {
		j := shipJSON{
			ID: l.id, Title: escaped(l.name), Method: l.method, Instance: l.instance, Total: l.total.StringFixed(dp), TotalTax: l.tax.StringFixed(dp),
			Taxes: v.renderTaxes(l.taxes, dp, false), Meta: listed(l.meta),
		}
		if v.release.rich {
			j.TaxStatus = "taxable"
		}
		out = append(out, j)
	}
	return out
}

// taxLines gives the order's rates with their sums. Each gets its id when it is first there.
func (v *Vendor) taxLines(o *order, dp int32) []taxLineJSON {
	out := []taxLineJSON{}
	type pair struct{ cart, shipping dec }
	sums := map[*rate]*pair{}
	var seen []*rate
	places := exponent(o.currency)
	add := func(list []*line, shipping bool) {
		for _, l := range list {
			for _, t := range l.taxes {
				p := sums[t.rate]
				if p == nil {
					p = &pair{}
					sums[t.rate] = p
					seen = append(seen, t.rate)
				}
				amount := t.total
				if !o.exact {
					amount = roundTax(amount, places, o.include)
				}
				if shipping {
					p.shipping = p.shipping.Add(amount)
				} else {
					p.cart = p.cart.Add(amount)
				}
			}
		}
	}
	add(o.lines, false)
	add(o.fees, false)
	add(o.ships, true)
	for _, r := range seen {
		if o.taxLines[r] == 0 {
			if o.taxLines == nil {
				o.taxLines = map[*rate]int64{}
			}
			o.taxLines[r] = v.item()
		}
		out = append(out, taxLineJSON{
			ID: o.taxLines[r], Code: r.code(), Rate: r.id, Label: escaped(r.name), Percent: json.Number(r.rate.Shift(2).String()),
			Tax: sums[r].cart.StringFixed(dp), Shipping: sums[r].shipping.StringFixed(dp), Meta: []meta{},
		})
	}
	return out
}

func (r *rate) code() string {
	code := strings.ToUpper(r.name) + "-1"
	if r.country != "" {
		code = r.country + "-" + code
	}
	return code
}

// renderCoupon tells the coupon's terms in the way of the version.
func (v *Vendor) renderCoupon(c usedCoupon, dp int32) couponJSON {
	j := couponJSON{ID: c.id, Code: c.code, Discount: c.discount.StringFixed(dp), Tax: c.tax.StringFixed(dp), Meta: []meta{}}
	if v.release.rich {
		j.Type, j.Nominal, j.Free = c.kind, json.Number(c.amount.String()), &c.free
		kind := `"` + c.kind + `"`
		if c.kind == "fixed_cart" {
			kind = "null"
		}
		info := "[" + strconv.FormatInt(c.id, 10) + "," + string(text(c.code)) + "," + kind + "," + c.amount.String()
		if c.free {
			info += ",true"
		}
		j.Meta = []meta{{ID: c.id + 1000, Key: "coupon_info", Value: text(info + "]"), DisplayKey: "coupon_info", DisplayValue: text(info + "]")}}
		return j
	}
	data, err := json.Marshal(map[string]any{"id": c.id, "code": c.code, "amount": c.amount.String(), "discount_type": c.kind, "free_shipping": c.free})
	if err == nil {
		j.Meta = []meta{{ID: c.id + 1000, Key: "coupon_data", Value: data, DisplayKey: "coupon_data", DisplayValue: data}}
	}
	return j
}

// renderRefund gives a refund as it is read by itself.
func (v *Vendor) renderRefund(o *order, r *refund, dp int32, withParent bool) refundJSON {
	if dp < 0 {
		dp = v.places
	}
	order := strconv.FormatInt(o.id, 10)
	links := v.links("orders/"+order+"/refunds/"+strconv.FormatInt(r.id, 10), "orders/"+order+"/refunds", "GET", "DELETE")
	links["up"] = []any{map[string]any{"href": v.options.BaseURL + "/wp-json/wc/v3/orders/" + order}}
	j := refundJSON{
		ID: r.id, Created: v.local(r.created), CreatedGMT: v.gmt(r.created), Amount: r.amount.StringFixed(dp), Reason: r.reason, By: 1,
		Meta: listed(r.meta), Lines: []lineJSON{}, Ships: v.renderShips(r.ships, dp), TaxLines: []taxLineJSON{}, Fees: []feeJSON{}, Links: links,
	}
	if withParent {
		j.ParentID = o.id
	}
	for _, l := range r.lines {
		j.Lines = append(j.Lines, v.renderLine(l, dp))
	}
	return j
}

func listed(list []meta) []meta {
	if list == nil {
		return []meta{}
	}
	return list
}

func symbol(currency string) string {
	switch currency {
	case "EUR":
		return "€"
	case "USD":
		return "$"
	case "GBP":
		return "£"
	case "JPY":
		return "¥"
	default:
		return currency
	}
}
