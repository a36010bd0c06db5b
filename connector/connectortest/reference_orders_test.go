package connectortest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/money"
)

// sale translates a draft.
func (t *tallyConn) sale(d connector.OrderDraft) sale {
	out := sale{Key: d.Key, Currency: d.Order.DocumentCurrency, Customer: d.Customer.ID, Rounding: d.Rounding.Amount}
	one := number("1")
	add := func(codes connector.LineCodes, quantity money.Decimal, net, tax money.Money) {
		out.Rows = append(out.Rows, row{Item: codes.Item.ID, Quantity: quantity, Net: net.Amount, Tax: tax.Amount})
	}
	for i, l := range d.Order.Lines {
		add(d.Lines[i], l.Quantity, l.LineNet, l.LineTax)
	}
	for i, l := range d.Order.ShippingLines {
		add(d.Shipping[i], one, l.Net, l.Tax)
	}
	for i, l := range d.Order.Charges {
		if t.broken != "charges are left out" {
			add(d.Charges[i], one, l.Net, l.Tax)
		}
	}
	for i, l := range d.Order.Discounts {
		if !l.Allocated && t.broken != "discounts on the whole order are left out" {
			add(d.Discounts[i], one, l.Net.Neg(), l.Tax.Neg())
		}
	}
	switch t.broken {
	case "a whole unit is lost in writing":
		out.Rows[0].Net = out.Rows[0].Net.Sub(number("1000"))
	case "roundings are left out":
		out.Rounding = money.Zero
	case "documents have no key":
		out.Key = ""
	}
	return out
}

func (t *tallyConn) document(s sheet) connector.Document {
	d := s.Document
	switch t.broken {
	case "a document has no lines":
		d.Lines = nil
	case "the lines of a document are in another order":
		slices.Reverse(d.Lines)
	}
	for i := range d.Lines {
		l := &d.Lines[i]
		switch t.broken {
		case "every line has a quantity of one":
			l.Quantity = number("1")
		case "lines tell the price of one":
			l.Net.Amount = commerce.PerUnit(l.Net.Amount, l.Quantity)
		case "lines have no tax":
			l.Tax = &money.Money{Currency: l.Net.Currency}
		case "lines have no article":
			l.ItemID = ""
		}
	}
	return d
}

func (t *tallyConn) SaveOrder(ctx context.Context, d connector.OrderDraft) (connector.Document, error) {
	call := httpx.Call{Op: "create order", Method: http.MethodPost, Path: "/sales", JSON: t.sale(d)}
	if d.Existing != nil && t.broken != "a changed order becomes another document" {
		call.Op, call.Method, call.Path = "update order", http.MethodPut, "/sales/"+d.Existing.ID
	}
	switch t.broken {
	case "a currency that is not there becomes euros":
		s := t.sale(d)
		if s.Currency == "MXN" {
			s.Currency = "EUR"
		}
		call.JSON = s
	case "an order is made twice to be sure":
		if d.Existing == nil {
			_ = t.do(ctx, call)
		}
	case "a lost answer is tried again at once":
		var s sheet
		call.Out = &s
		if err := t.do(ctx, call); connector.KindOf(err) != connector.KindMaybeApplied {
			return t.document(s), err
		}
	case "writes say that they only read":
		call.Safe = true
	}
	var s sheet
	call.Out = &s
	if err := t.do(ctx, call); err != nil {
		return connector.Document{}, err
	}
	if t.broken == "a document has no id" {
		s.ID = ""
	}
	return t.document(s), nil
}

func (t *tallyConn) SaveOrders(ctx context.Context, drafts []connector.OrderDraft) []connector.Outcome {
	out := make([]connector.Outcome, len(drafts))
	var body []sale
	for _, d := range drafts {
		body = append(body, t.sale(d))
	}
	var parts []part
	err := t.do(ctx, httpx.Call{Op: "create orders", Method: http.MethodPost, Path: "/sales/batch", JSON: body, Out: &parts})
	for i := range out {
		switch {
		case err != nil:
			out[i].Err = err
		case i >= len(parts):
			out[i].Err = connector.Errorf(connector.KindBug, "create orders", "the answer has %d parts", len(parts))
		case parts[i].Problem != nil:
			out[i].Err = connector.Invalid(parts[i].Problem.Field, "%s", parts[i].Problem.Message)
		default:
			out[i].Document = t.document(*parts[i].Sale)
		}
	}
	if t.broken == "one bad part spoils a batch" && slices.ContainsFunc(out, func(o connector.Outcome) bool { return o.Err != nil }) {
		for i := range out {
			out[i] = connector.Outcome{Err: connector.Invalid("batch", "was refused")}
		}
	}
	return out
}

func (t *tallyConn) FindOrders(ctx context.Context, keys []connector.Key) (map[connector.Key][]connector.Document, error) {
	q := url.Values{}
	for _, k := range keys {
		q.Add("key", string(k))
	}
	var found []sheet
	if err := t.do(ctx, httpx.Call{Op: "find orders", Path: "/sales", Query: q, Out: &found}); err != nil {
		return nil, err
	}
	out := map[connector.Key][]connector.Document{}
	for _, s := range found {
		if s.State == connector.DocumentCancelled && t.broken == "cancelled documents are not found" {
			continue
		}
		out[s.Key] = append(out[s.Key], t.document(s))
	}
	switch t.broken {
	case "only the first fifty keys are looked up":
		for i, k := range keys {
			if i >= 50 {
				delete(out, k)
			}
		}
	case "a key finds those that begin with it":
		if len(keys) == 1 && strings.HasSuffix(string(keys[0]), "-") {
			out[keys[0]] = []connector.Document{{ID: "1"}}
		}
	}
	return out, nil
}

func (t *tallyConn) ReadOrder(ctx context.Context, id string) (connector.Document, error) {
	var s sheet
	err := t.do(ctx, httpx.Call{Op: "read order", Path: "/sales/" + id, Out: &s})
	return t.document(s), err
}

func (t *tallyConn) move(ctx context.Context, op string, d connector.Document, state connector.DocumentState) (connector.Document, error) {
	var s sheet
	path := "/sales/" + d.ID
	if err := t.do(ctx, httpx.Call{Op: op, Path: path, Out: &s}); err != nil {
		return connector.Document{}, err
	}
	if s.State == state {
		if t.broken == "what is done already is an error" {
			return connector.Document{}, connector.Errorf(connector.KindConflict, op, "it is %s already", state)
		}
		return t.document(s), nil
	}
	err := t.do(ctx, httpx.Call{Op: op, Method: http.MethodPost, Path: path + "/" + string(state), Out: &s})
	return t.document(s), err
}

func (t *tallyConn) CancelOrder(ctx context.Context, d connector.Document, _ string) (connector.Document, error) {
	return t.move(ctx, "cancel order", d, connector.DocumentCancelled)
}

func (t *tallyConn) ConfirmOrder(ctx context.Context, d connector.Document) (connector.Document, error) {
	confirmed, err := t.move(ctx, "confirm order", d, connector.DocumentConfirmed)
	if t.broken == "confirming forgets half of the lines" {
		confirmed.Lines = confirmed.Lines[:len(confirmed.Lines)/2]
	}
	return confirmed, err
}

func (t *tallyConn) FindInvoice(ctx context.Context, order connector.Document) (*connector.Document, error) {
	var out connector.Document
	err := t.do(ctx, httpx.Call{Op: "find invoice", Path: "/sales/" + order.ID + "/invoice", Out: &out})
	if connector.KindOf(err) == connector.KindNotFound {
		return nil, nil
	}
	if err != nil || t.broken == "an invoice is not found" {
		return nil, err
	}
	return &out, nil
}

func (t *tallyConn) Invoice(ctx context.Context, order connector.Document, _ *connector.InvoicePayment) (connector.Document, error) {
	var out connector.Document
	err := t.do(ctx, httpx.Call{Op: "make invoice", Method: http.MethodPost, Path: "/sales/" + order.ID + "/invoice", Out: &out})
	return out, err
}

var (
	_ connector.SourceConfig     = (*tallyConfig)(nil)
	_ connector.WebhookReceiver  = (*tallyConn)(nil)
	_ connector.WebhookRegistrar = (*tallyConn)(nil)
	_ connector.Lister           = (*tallyConn)(nil)
	_ connector.Counter          = (*tallyConn)(nil)
	_ connector.Fetcher          = (*tallyConn)(nil)
	_ connector.Feedback         = (*tallyConn)(nil)
	_ connector.CustomerWriter   = (*tallyConn)(nil)
	_ connector.AddressWriter    = (*tallyConn)(nil)
	_ connector.ItemFinder       = (*tallyConn)(nil)
	_ connector.TaxLister        = (*tallyConn)(nil)
	_ connector.StockReader      = (*tallyConn)(nil)
	_ connector.OrderWriter      = (*tallyConn)(nil)
	_ connector.BatchOrderWriter = (*tallyConn)(nil)
	_ connector.OrderConfirmer   = (*tallyConn)(nil)
	_ connector.Invoicer         = (*tallyConn)(nil)
)
