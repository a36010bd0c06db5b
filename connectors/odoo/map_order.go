package odoo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
	"github.com/orderlyhq/orderly/money"
)

type sourceOrder struct {
	ID             int64      `json:"id"`
	Name           api.Text   `json:"name"`
	State          api.Text   `json:"state"`
	Ref            api.Text   `json:"client_order_ref"`
	Origin         api.Text   `json:"origin"`
	Date           api.Time   `json:"date_order"`
	Commitment     api.Time   `json:"commitment_date"`
	Created        api.Time   `json:"create_date"`
	Written        api.Time   `json:"write_date"`
	Currency       api.Ref    `json:"currency_id"`
	Partner        api.Ref    `json:"partner_id"`
	BillTo         api.Ref    `json:"partner_invoice_id"`
	ShipTo         api.Ref    `json:"partner_shipping_id"`
	Untaxed        api.Number `json:"amount_untaxed"`
	Tax            api.Number `json:"amount_tax"`
	Total          api.Number `json:"amount_total"`
	Note           api.Text   `json:"note"`
	InvoiceStatus  api.Text   `json:"invoice_status"`
	DeliveryStatus api.Text   `json:"delivery_status"`
	Terms          api.Ref    `json:"payment_term_id"`
	Warehouse      api.Ref    `json:"warehouse_id"`
	Salesperson    api.Ref    `json:"user_id"`
	Team           api.Ref    `json:"team_id"`
	Invoices       api.IDs    `json:"invoice_ids"`
	Rounding       api.Text   `json:"tax_calculation_rounding_method"`
}

type sourceLine struct {
	ID          int64      `json:"id"`
	Display     api.Text   `json:"display_type"`
	Product     api.Ref    `json:"product_id"`
	Name        api.Text   `json:"name"`
	Quantity    api.Number `json:"product_uom_qty"`
	Price       api.Number `json:"price_unit"`
	Discount    api.Number `json:"discount"`
	TaxID       api.IDs    `json:"tax_id"`
	TaxIDs      api.IDs    `json:"tax_ids"`
	Subtotal    api.Number `json:"price_subtotal"`
	Total       api.Number `json:"price_total"`
	Delivered   api.Number `json:"qty_delivered"`
	Shipping    api.Flag   `json:"is_delivery"`
	DownPayment api.Flag   `json:"is_downpayment"`
}

type sourceProduct struct {
	ID      int64    `json:"id"`
	Code    api.Text `json:"default_code"`
	Barcode api.Text `json:"barcode"`
	Name    api.Text `json:"name"`
	Type    api.Text `json:"type"`
}

// orderDecoder is an order on its way into the canonical model.
type orderDecoder struct {
	places
	head     sourceOrder
	currency money.Currency
	partners map[int64]partner
	products map[int64]sourceProduct
	taxes    map[int64]tax
	order    commerce.Order
}

// DecodeOrder implements connector.Decoder.
func (decoder) DecodeOrder(raw connector.Raw) (commerce.Order, error) {
	var record orderRecord
	if err := json.Unmarshal(raw.Body, &record); err != nil {
		return commerce.Order{}, connector.Invalid("", "the record is not what Odoo gives: %v", err)
	}
	d := orderDecoder{places: record.places, partners: map[int64]partner{}, products: map[int64]sourceProduct{}, taxes: map[int64]tax{}}
	if err := d.read(record); err != nil {
		return commerce.Order{}, err
	}
	d.header()
	for i, raw := range record.Lines {
		var l sourceLine
		if err := field(fmt.Sprintf("lines[%d]", i), raw, &l); err != nil {
			return commerce.Order{}, err
		}
		d.line(l)
	}
	if err := d.payments(record.Invoices); err != nil {
		return commerce.Order{}, err
	}
	d.fulfillment()
	taxTotal, total := d.round(d.head.Tax.Decimal), d.round(d.head.Total.Decimal)
	if err := d.order.Complete(commerce.Stated{Tax: &taxTotal, TaxInclusive: &total}); err != nil {
		return commerce.Order{}, connector.Invalid("order", "%v", err)
	}
	return d.order, nil
}

func (d *orderDecoder) read(record orderRecord) error {
	if err := field("order", record.Order, &d.head); err != nil {
		return err
	}
	if d.head.ID == 0 {
		return connector.Invalid("order.id", "is missing")
	}
	var err error
	if d.currency, err = currencyOf(d.head.Currency); err != nil {
		return err
	}
	for _, raw := range record.Partners {
		var p partner
		if err := field("partners", raw, &p); err != nil {
			return err
		}
		d.partners[p.ID] = p
	}
	for _, raw := range record.Products {
		var p sourceProduct
		if err := field("products", raw, &p); err != nil {
			return err
		}
		d.products[p.ID] = p
	}
	for _, raw := range record.Taxes {
		var t tax
		if err := field("taxes", raw, &t); err != nil {
			return err
		}
		d.taxes[t.ID] = t
	}
	return nil
}

func (d *orderDecoder) round(n money.Decimal) money.Decimal {
	return money.Round(n, d.currency.Exponent(), money.HalfUp)
}

func (d *orderDecoder) amount(n money.Decimal) money.Money { return money.New(d.round(n), d.currency) }

func (d *orderDecoder) header() {
	h := d.head
	o := &d.order
	o.Source = commerce.Source{System: "odoo", ExternalID: formatID(h.ID), ExternalNumber: h.Name.String(), UpdatedAt: h.Written.Time}
	o.OrderNumber, o.OrderDate = h.Name.String(), h.Date.Time
	if o.OrderDate.IsZero() {
		o.OrderDate = h.Created.Time
	}
	o.OrderType, o.OrderState = commerce.OrderSale, commerce.StateUnknown
	switch h.State {
	case "draft", "sent":
		o.OrderType, o.OrderState = commerce.OrderDraft, commerce.StateOpen
	case "sale", "done":
		o.OrderState = commerce.StateConfirmed
	case "cancel":
		o.OrderState, o.CancelledAt = commerce.StateCancelled, h.Written.Time
	}
	o.CustomerReference, o.PaymentTerms, o.WarehouseHint, o.SalesPerson = h.Ref.String(), h.Terms.Name, h.Warehouse.Name, h.Salesperson.Name
	o.Channel, o.RequestedDeliveryDate = h.Team.Name, h.Commitment.Time
	o.DocumentCurrency, o.RoundingMode, o.TaxLevel = d.currency, money.HalfUp, commerce.TaxByLine
	if h.Rounding == "round_globally" {
		o.TaxLevel = commerce.TaxByDocument
	}
	for name, text := range map[string]string{"origin": h.Origin.String(), "terms": plainText(string(h.Note))} {
		if text != "" {
			if o.Extensions == nil {
				o.Extensions = map[string]string{}
			}
			o.Extensions[name] = text
		}
	}
	d.parties()
}

// parties sets the buyer and the addresses. The buyer is the firm where the order is of one of its people.
func (d *orderDecoder) parties() {
	buyer := d.partners[d.head.Partner.ID]
	person := buyer
	if parent, ok := d.partners[buyer.Parent.ID]; ok {
		buyer = parent
	}
	if buyer.ID == 0 {
		d.order.Buyer = commerce.Customer{
			Source: commerce.Source{System: "odoo"}, Type: commerce.Person, DisplayName: d.head.Partner.Name,
		}
		if d.head.Partner.ID != 0 {
			d.order.Buyer.Source.ExternalID = formatID(d.head.Partner.ID)
		}
		return
	}
	d.order.Buyer = d.customer(buyer)
	if person.ID != buyer.ID {
		d.addChild(&d.order.Buyer, buyer, person)
		if len(d.order.Buyer.Emails) == 0 && person.Email != "" {
			d.order.Buyer.Emails = []string{person.Email.String()}
		}
	}
	address := func(id int64, use commerce.AddressUse) *commerce.Address {
		p, ok := d.partners[id]
		if !ok || p.addressBlank() {
			return nil
		}
		a := d.address(p, d.partners[p.Parent.ID])
		a.Use = use
		return &a
	}
	d.order.BillTo = address(d.head.BillTo.ID, commerce.UseBilling)
	d.order.ShipTo = address(d.head.ShipTo.ID, commerce.UseShipping)
}

// line adds what a line is: goods, shipping, a discount on the order, or a note.
func (d *orderDecoder) line(l sourceLine) {
	switch l.Display {
	case "":
	case "line_note":
		if text := strings.TrimSpace(string(l.Name)); text != "" {
			d.order.Notes = append(d.order.Notes, commerce.Note{Audience: "buyer", Text: text})
		}
		return
	default: // a heading
		return
	}
	net, gross := d.amount(l.Subtotal.Decimal), d.amount(l.Total.Decimal)
	taxAmount := money.New(gross.Amount.Sub(net.Amount), d.currency)
	taxes, rate, included := d.lineTaxes(l, net, taxAmount)
	d.order.PricesIncludeTax = d.order.PricesIncludeTax || included
	id := formatID(l.ID)
	switch {
	case bool(l.Shipping):
		d.order.ShippingLines = append(d.order.ShippingLines, commerce.ShippingLine{
			LineID: id, Method: d.products[l.Product.ID].Code.String(), Title: l.Name.String(), Taxes: taxes, Net: net, Tax: taxAmount, Gross: gross,
		})
		return
	case l.Price.IsNegative() && l.Quantity.IsPositive():
		d.discount(l, net, taxAmount, gross, taxes, included)
		return
	}
	p := d.products[l.Product.ID]
	line := commerce.Line{
		LineID: id, Type: commerce.LineProduct, SKU: p.Code.String(), GTIN: p.Barcode.String(), Name: l.Name.String(),
		Quantity: l.Quantity.Decimal, Taxes: taxes, LineNet: net, LineTax: taxAmount, LineGross: gross, Fulfilled: l.Delivered.Decimal,
		RequiresShip: p.ID != 0 && p.Type != "service",
	}
	if p.ID != 0 {
		line.SourceVariantID = formatID(p.ID)
	}
	switch {
	case bool(l.DownPayment):
		line.Type = commerce.LineDeposit
	case p.ID == 0:
		line.Type = commerce.LineCustom
	case p.Type == "service":
		line.Type = commerce.LineService
	}
	price := l.Price.Decimal
	if included {
		line.UnitPrice = commerce.Price{Net: money.New(commerce.NetOfGross(price, rate), d.currency), Gross: money.New(price, d.currency)}
	} else {
		line.UnitPrice = commerce.Price{Net: money.New(price, d.currency), Gross: money.New(price.Add(price.Mul(rate)), d.currency)}
	}
	if l.Discount.IsPositive() {
		saving := d.round(price.Mul(l.Quantity.Decimal)).Sub(net.Amount)
		if included {
			saving = d.round(price.Mul(l.Quantity.Decimal)).Sub(gross.Amount)
		}
		discount := commerce.Discount{
			DiscountID: "line-" + id, Kind: commerce.DiscountPercent, Target: commerce.TargetLine, Value: l.Discount.Decimal,
			Amount: money.New(saving, d.currency), Allocated: true,
		}
		line.Discounts = []commerce.LineDiscount{{DiscountID: discount.DiscountID, Amount: discount.Amount}}
		d.order.Discounts = append(d.order.Discounts, discount)
	}
	d.order.Lines = append(d.order.Lines, line)
}

// discount adds a line with a price below zero: a discount on the whole order.
func (d *orderDecoder) discount(l sourceLine, net, taxAmount, gross money.Money, taxes []commerce.Tax, included bool) {
	saving := net.Neg()
	if included {
		saving = gross.Neg()
	}
	for i := range taxes {
		taxes[i].TaxAmount = taxes[i].TaxAmount.Neg()
		if base := taxes[i].TaxableAmount; base != nil {
			negative := base.Neg()
			taxes[i].TaxableAmount = &negative
		}
	}
	d.order.Discounts = append(d.order.Discounts, commerce.Discount{
		DiscountID: "line-" + formatID(l.ID), Title: l.Name.String(), Kind: commerce.DiscountFixed, Target: commerce.TargetOrder,
		Value: saving.Amount, Amount: saving, Taxes: taxes, Net: net.Neg(), Tax: taxAmount.Neg(), Gross: gross.Neg(),
	})
}

// lineTaxes gives the taxes of a line, whose amounts together are the line's tax, the sum of their
// rates, and whether one is inside the price.
func (d *orderDecoder) lineTaxes(l sourceLine, net, amount money.Money) ([]commerce.Tax, money.Decimal, bool) {
	ids := slices.Concat(l.TaxID, l.TaxIDs)
	rates := make([]money.Decimal, len(ids))
	total, included := money.Zero, false
	for i, id := range ids {
		rates[i] = d.taxes[id].rate()
		total = total.Add(rates[i])
		included = included || bool(d.taxes[id].Included)
	}
	parts := money.Allocate(amount.Amount, rates, d.currency.Exponent())
	out := make([]commerce.Tax, len(ids))
	for i, id := range ids {
		t, base := d.taxes[id], net
		out[i] = commerce.Tax{
			Name: t.Name.String(), Code: formatID(id), Category: "S", Rate: rates[i], Country: d.Countries[t.Country.ID],
			TaxableAmount: &base, TaxAmount: money.New(parts[i], d.currency), Included: bool(t.Included),
		}
		if rates[i].IsZero() {
			out[i].Category = "Z"
		}
	}
	return out, total, included
}

// payments tells from the invoices how far the money has come.
func (d *orderDecoder) payments(rows []json.RawMessage) error {
	d.order.PaymentState = commerce.PaymentPending
	if rows == nil {
		d.order.PaymentState = commerce.PaymentUnknown
		return nil
	}
	paid, open := false, false
	for i, raw := range rows {
		var m move
		if err := field(fmt.Sprintf("invoices[%d]", i), raw, &m); err != nil {
			return err
		}
		if m.State != "posted" || m.Type != "out_invoice" {
			continue
		}
		switch m.Payment {
		case "paid", "in_payment":
			paid = true
		case "partial":
			paid, open = true, true
		case "not_paid":
			open = true
		case "reversed":
			d.order.PaymentState = commerce.PaymentRefunded
		default:
			d.order.PaymentState = commerce.PaymentUnknown
			return nil
		}
		if settled := m.Total.Sub(m.Residual.Decimal); settled.IsPositive() {
			d.order.Payments = append(d.order.Payments, commerce.Payment{
				PaymentID: formatID(m.ID), Method: "invoice", Title: m.Name.String(), State: commerce.PaymentPaid, Amount: d.amount(settled),
			})
		}
	}
	switch {
	case paid && open:
		d.order.PaymentState = commerce.PaymentPartiallyPaid
	case paid:
		d.order.PaymentState = commerce.PaymentPaid
	}
	return nil
}

func (d *orderDecoder) fulfillment() {
	o := &d.order
	switch d.head.DeliveryStatus {
	case "pending", "started":
		o.FulfillmentState = commerce.FulfillmentPending
	case "partial":
		o.FulfillmentState = commerce.FulfillmentPartial
	case "full":
		o.FulfillmentState = commerce.FulfillmentShipped
	case "": // without the app for stock, or before anything is to be delivered
		o.FulfillmentState = commerce.FulfillmentPending
		var ordered, delivered decimal.Decimal
		for _, l := range o.Lines {
			ordered, delivered = ordered.Add(l.Quantity), delivered.Add(l.Fulfilled)
		}
		switch {
		case delivered.IsPositive() && delivered.GreaterThanOrEqual(ordered):
			o.FulfillmentState = commerce.FulfillmentShipped
		case delivered.IsPositive():
			o.FulfillmentState = commerce.FulfillmentPartial
		}
	default:
		o.FulfillmentState = commerce.FulfillmentUnknown
	}
	if o.OrderState == commerce.StateCancelled {
		o.FulfillmentState = commerce.FulfillmentCancelled
	}
}
