package sapb1

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/internal/odata"
)

// baseOrder is the number of sales orders among the vendor's kinds of objects.
const baseOrder = 17

// FindInvoice implements connector.Invoicer. An invoice carries our key as its order does.
func (c *conn) FindInvoice(ctx context.Context, order connector.Document) (*connector.Document, error) {
	_, document, err := c.invoiceOf(ctx, order)
	return document, err
}

func (c *conn) invoiceOf(ctx context.Context, order connector.Document) (api.Document, *connector.Document, error) {
	field, err := c.known.keyField(ctx, tableOrders)
	if err != nil {
		return api.Document{}, nil, err
	}
	if order.Key == "" {
		return api.Document{}, nil, nil
	}
	by := firstOf(field, "NumAtCard")
	page, err := c.api.Page(ctx, api.Ask{
		Op: "find invoice", Set: setInvoices, Filter: odata.And(odata.Eq(by, string(order.Key)), odata.Eq("Cancelled", api.No)), OrderBy: "DocEntry", Size: 10,
		Select: []string{"DocEntry", "DocNum", "CardCode", "DocCurrency", "DocTotal", "DocTotalFc", "VatSum", "VatSumFc", "PaidToDate", "PaidToDateFC", "DocumentStatus", "Cancelled", "CancelStatus"},
	})
	if err != nil || len(page.Items) == 0 {
		return api.Document{}, nil, err
	}
	var d api.Document
	if err := json.Unmarshal(page.Items[0], &d); err != nil {
		return d, nil, connector.Errorf(connector.KindUnavailable, "find invoice", "the answer is no invoice: %w", err)
	}
	document, err := c.invoiceDocument(ctx, d, order.Key)
	return d, &document, err
}

func (c *conn) invoiceDocument(ctx context.Context, d api.Document, key connector.Key) (connector.Document, error) {
	admin, err := c.known.admin(ctx)
	if err != nil {
		return connector.Document{}, err
	}
	return connector.Document{
		Type: setInvoices, ID: strconv.FormatInt(d.DocEntry, 10), Number: strconv.FormatInt(d.DocNum, 10), Key: key, State: connector.DocumentInvoiced,
		Totals: c.config.totals(d, admin.LocalCurrency),
	}, nil
}

// Invoice implements connector.Invoicer. Cut in between, it goes on where it was: an invoice that exists is taken, and only what is not paid yet is paid.
func (c *conn) Invoice(ctx context.Context, order connector.Document, paid *connector.InvoicePayment) (connector.Document, error) {
	if paid != nil && paid.Amount.Amount.IsPositive() && c.config.paymentAccount == "" {
		return connector.Document{}, &connector.Error{
			Kind: connector.KindUnmapped, Op: "create invoice", Field: "payment_account", Message: "no account is chosen that payments go to", Fix: "set the setting payment_account to an account of the ledger",
		}
	}
	invoice, document, err := c.invoiceOf(ctx, order)
	if err != nil {
		return connector.Document{}, err
	}
	if document == nil {
		if invoice, err = c.makeInvoice(ctx, order); err != nil {
			return connector.Document{}, err
		}
		made, err := c.invoiceDocument(ctx, invoice, order.Key)
		if err != nil {
			return connector.Document{}, afterwards("read the invoice that was made", err)
		}
		document = &made
	}
	if paid != nil && paid.Amount.Amount.IsPositive() {
		if err := c.pay(ctx, invoice, *document, *paid); err != nil {
			return connector.Document{}, err
		}
	}
	return *document, nil
}

// makeInvoice makes the invoice of a whole order from its lines.
func (c *conn) makeInvoice(ctx context.Context, order connector.Document) (api.Document, error) {
	entry, err := entryOf(order.ID)
	if err != nil {
		return api.Document{}, err
	}
	var d api.Document
	if _, err := c.api.Get(ctx, "read order", odata.ByKey(setOrders, entry), &d); err != nil {
		return api.Document{}, err
	}
	if d.Cancelled == api.Yes || d.DocumentStatus == api.StatusClose {
		return api.Document{}, &connector.Error{
			Kind: connector.KindConflict, Op: "create invoice", Message: "the order is closed or cancelled in Business One, and none of its invoices carries its key", Fix: "look at the order there",
		}
	}
	field, err := c.known.keyField(ctx, tableOrders)
	if err != nil {
		return api.Document{}, err
	}
	today := day(c.env.Now().In(c.config.zone()))
	lines := make([]api.Fields, len(d.Lines))
	for i, l := range d.Lines {
		lines[i] = api.Fields{"BaseType": baseOrder, "BaseEntry": entry, "BaseLine": l.LineNum}
	}
	expenses := make([]api.Fields, len(d.Expenses))
	for i, e := range d.Expenses {
		expenses[i] = api.Fields{"BaseDocType": baseOrder, "BaseDocEntry": entry, "BaseDocLine": e.LineNum, "ExpenseCode": e.ExpenseCode}
	}
	fields := api.Fields{
		"CardCode": d.CardCode, "DocDate": today, "DocDueDate": today, "TaxDate": today, "NumAtCard": d.NumAtCard, "DocCurrency": d.DocCurrency,
		"DocumentLines": lines, "DocumentAdditionalExpenses": expenses, "DiscountPercent": api.Amount(d.DiscountPercent.Decimal),
	}
	if field != "" {
		fields[field] = string(order.Key)
	} else {
		fields["NumAtCard"] = string(order.Key)
	}
	if d.Branch != 0 {
		fields["BPL_IDAssignedToInvoice"] = d.Branch
	}
	if !d.RoundingDiff.IsZero() || !d.RoundingDiffFC.IsZero() {
		fields["Rounding"] = api.Yes
		if d.RoundingDiffFC.IsZero() {
			fields["RoundingDiffAmount"] = api.Amount(d.RoundingDiff.Decimal)
		} else {
			fields["RoundingDiffAmountFC"] = api.Amount(d.RoundingDiffFC.Decimal)
		}
	}
	var made api.Document
	if err := c.api.Create(ctx, "create invoice", setInvoices, fields, &made); err != nil {
		return api.Document{}, err
	}
	if made.DocEntry == 0 {
		return api.Document{}, connector.Errorf(connector.KindMaybeApplied, "create invoice", "the answer is not the invoice that was made")
	}
	return made, nil
}

// pay registers what is not registered yet of the buyer's payment.
func (c *conn) pay(ctx context.Context, invoice api.Document, document connector.Document, paid connector.InvoicePayment) error {
	admin, err := c.known.admin(ctx)
	if err != nil {
		return err
	}
	total, already := document.Totals.Gross, invoice.PaidToDate.Decimal
	foreign := invoice.DocCurrency != "" && invoice.DocCurrency != admin.LocalCurrency
	if foreign {
		already = invoice.PaidToDateFC.Decimal
	}
	if paid.Amount.Currency != total.Currency {
		return connector.Invalid("payments", "the payment is in %s and the invoice in %s", paid.Amount.Currency, total.Currency)
	}
	rest := decimal.Min(paid.Amount.Amount, total.Amount).Sub(already)
	if !rest.IsPositive() {
		return nil
	}
	at := paid.At
	if at.IsZero() {
		at = c.env.Now()
	}
	applied := api.Fields{"DocEntry": invoice.DocEntry, "InvoiceType": "it_Invoice"}
	if foreign {
		applied["AppliedFC"] = api.Amount(rest)
	} else {
		applied["SumApplied"] = api.Amount(rest)
	}
	date := day(at.In(c.config.zone()))
	fields := api.Fields{
		"CardCode": invoice.CardCode, "DocType": "rCustomer", "DocDate": day(c.env.Now().In(c.config.zone())), "DocCurrency": invoice.DocCurrency,
		"TransferAccount": c.config.paymentAccount, "TransferSum": api.Amount(rest), "TransferDate": date, "PaymentInvoices": []api.Fields{applied},
	}
	put(fields, "TransferReference", cut(paid.Reference, 27))
	put(fields, "Remarks", cut(firstOf(paid.Method, paid.Reference), maxComments))
	return c.api.Create(ctx, "register payment", setPayments, fields, nil)
}
