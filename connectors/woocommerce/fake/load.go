package fake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Load puts a record into the shop in the form in which the API gives it, under its own ids: a copy of
// a certain shop. Kinds are "order", "customer", "product", "variation", "tax" and "webhook".
func (v *Vendor) Load(kind string, body []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch kind {
	case "order":
		return v.loadOrder(body)
	case "customer":
		return v.loadCustomer(body)
	case "product":
		return v.loadProduct(body)
	case "variation":
		return v.loadVariation(body)
	case "tax":
		return v.loadTax(body)
	case "webhook":
		return v.loadWebhook(body)
	}
	return fmt.Errorf("woocommerce: %q is no kind of record", kind)
}

// Next sets the id that the next order gets.
func (v *Vendor) Next(id int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.next = id
}

func parseGMT(text *string) time.Time {
	if text == nil {
		return time.Time{}
	}
	at, err := time.Parse(layout, *text)
	if err != nil {
		return time.Time{}
	}
	return at
}

func (v *Vendor) loadOrder(body []byte) error {
	var j orderJSON
	if err := json.Unmarshal(body, &j); err != nil {
		return err
	}
	o := &order{
		id: j.ID, status: j.Status, currency: j.Currency, version: j.Version, include: j.Include, created: parseGMT(j.CreatedGMT), paid: parseGMT(j.PaidGMT),
		completed: parseGMT(j.CompletedGMT), customer: j.Customer, key: j.Key, number: j.Number, createdVia: j.CreatedVia, cartHash: j.CartHash, ip: j.IP,
		note: j.Note, method: j.Method, title: j.MethodTitle, reference: j.Transaction, billing: j.Billing, shipping: j.Shipping, meta: j.Meta,
	}
	if o.billing.Email == nil {
		none := ""
		o.billing.Email = &none
	}
	for _, l := range j.Lines {
		out := &line{
			id: l.ID, name: l.Name, product: l.Product, variation: l.Variation, class: l.Class, quantity: number(l.Quantity.String()), subtotal: number(l.Subtotal),
			subTax: number(l.SubtotalTax), total: number(l.Total), tax: number(l.TotalTax), taxes: v.loadTaxes(l.Taxes), meta: l.Meta, imageText: l.Image.ID == "",
		}
		if l.SKU != nil {
			out.sku, out.hasSKU = *l.SKU, true
		}
		if l.Parent != nil {
			out.parent = *l.Parent
		}
		o.lines = append(o.lines, out)
	}
	for _, s := range j.Ships {
		o.ships = append(o.ships, &line{
			id: s.ID, name: s.Title, method: s.Method, instance: s.Instance, total: number(s.Total), tax: number(s.TotalTax), taxes: v.loadTaxes(s.Taxes), meta: s.Meta,
		})
	}
	for _, c := range j.Coupons {
		o.coupons = append(o.coupons, usedCoupon{id: c.ID, code: c.Code, discount: number(c.Discount), tax: number(c.Tax), coupon: coupon{kind: "percent", amount: decimal.New(10, 0)}})
	}
	for _, r := range j.Refunds {
		o.refunds = append(o.refunds, &refund{id: r.ID, reason: r.Reason, amount: number(r.Total).Neg(), created: parseGMT(j.ModifiedGMT)})
	}
	o.taxLines = map[*rate]int64{}
	for _, t := range j.TaxLines {
		for _, r := range v.rates {
			if r.id == t.Rate {
				o.taxLines[r] = t.ID
				v.nextItem = max(v.nextItem, t.ID+1)
			}
		}
	}
	for _, c := range o.coupons {
		v.nextItem = max(v.nextItem, c.id+1)
	}
	for _, list := range [][]*line{o.lines, o.ships} {
		for _, l := range list {
			v.nextItem = max(v.nextItem, l.id+1)
		}
	}
	v.keep(o, parseGMT(j.ModifiedGMT))
	return nil
}

func (v *Vendor) loadTaxes(taxes []lineTaxJSON) []lineTax {
	var out []lineTax
	for _, t := range taxes {
		for _, r := range v.rates {
			if r.id == t.ID {
				out = append(out, lineTax{rate: r, total: number(t.Total), subtotal: number(t.Subtotal)})
			}
		}
	}
	return out
}

func (v *Vendor) loadCustomer(body []byte) error {
	var j customerJSON
	if err := json.Unmarshal(body, &j); err != nil {
		return err
	}
	who := &customer{
		id: j.ID, created: parseGMT(j.CreatedGMT), modified: parseGMT(j.ModifiedGMT), email: j.Email, first: j.FirstName, last: j.LastName,
		role: j.Role, username: j.Username, billing: j.Billing, shipping: j.Shipping, meta: j.Meta, paying: j.Paying,
	}
	v.customers = append(v.customers, who)
	v.byCustomer[who.id] = who
	return nil
}

func (v *Vendor) loadProduct(body []byte) error {
	raw := map[string]json.RawMessage{}
	var j struct {
		ID      int64  `json:"id"`
		Parent  int64  `json:"parent_id"`
		SKU     string `json:"sku"`
		Name    string `json:"name"`
		Class   string `json:"tax_class"`
		Price   string `json:"price"`
		Virtual bool   `json:"virtual"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return err
	}
	if err := json.Unmarshal(body, &j); err != nil {
		return err
	}
	v.addProduct(&product{id: j.ID, parent: j.Parent, sku: j.SKU, name: j.Name, class: j.Class, price: number(j.Price), digital: j.Virtual, raw: raw})
	return nil
}

// loadVariation keeps how a variation is shown below its parent, which is otherwise than in the list of
// products.
func (v *Vendor) loadVariation(body []byte) error {
	var j struct {
		ID int64 `json:"id"`
	}
	if err := json.Unmarshal(body, &j); err != nil {
		return err
	}
	p := v.byProduct[j.ID]
	if p == nil {
		if err := v.loadProduct(body); err != nil {
			return err
		}
		p = v.byProduct[j.ID]
	}
	return json.Unmarshal(body, &p.variation)
}

func (v *Vendor) loadTax(body []byte) error {
	var j struct {
		ID       int64  `json:"id"`
		Country  string `json:"country"`
		Rate     string `json:"rate"`
		Name     string `json:"name"`
		Class    string `json:"class"`
		Shipping bool   `json:"shipping"`
	}
	if err := json.Unmarshal(body, &j); err != nil {
		return err
	}
	v.rates = append(v.rates, &rate{id: j.ID, country: j.Country, name: j.Name, class: j.Class, rate: number(j.Rate).Shift(-2), shipping: j.Shipping})
	return nil
}

func (v *Vendor) loadWebhook(body []byte) error {
	var j struct {
		ID       int64   `json:"id"`
		Name     string  `json:"name"`
		Status   string  `json:"status"`
		Topic    string  `json:"topic"`
		Address  string  `json:"delivery_url"`
		Created  *string `json:"date_created_gmt"`
		Modified *string `json:"date_modified_gmt"`
	}
	if err := json.Unmarshal(body, &j); err != nil {
		return err
	}
	if !strings.Contains(j.Topic, ".") {
		return fmt.Errorf("woocommerce: %q is no topic", j.Topic)
	}
	v.webhooks = slices.DeleteFunc(v.webhooks, func(w *webhook) bool { return w.id == j.ID })
	v.webhooks = append(v.webhooks, &webhook{id: j.ID, name: j.Name, status: j.Status, topic: j.Topic, address: j.Address, created: parseGMT(j.Created), modified: parseGMT(j.Modified)})
	return nil
}
