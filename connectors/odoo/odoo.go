// Package odoo connects Odoo 16 to 19 as a destination and as a source: contacts, sales orders, stock
// and invoices.
//
// It translates between Odoo's models and package commerce; how calls travel is the business of
// package api below it. It knows neither Orderly's store nor its flow.
package odoo

import (
	"context"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
)

// Definition describes Odoo.
func Definition() connector.Definition {
	return connector.Definition{
		Name: "odoo", Title: "Odoo", Group: connector.GroupERP, Roles: connector.Source | connector.Destination,
		New: func() connector.Config { return newConfig() },
		Traits: connector.Traits{
			BaseURL: connector.BaseURLRule{
				Required: true, Example: "https://mycompany.odoo.com", Help: "the address at which people open Odoo, without a path",
			},
			// Odoo documents no limit; its workers are few and its hosting slows down who calls too much.
			Concurrency: 4,
			// write_date is the start of a transaction, and long ones commit late.
			Overlap: 10 * time.Minute,
			// Webhooks go out before the commit and without the lines.
			FetchAlways: true,
			// A worker is killed after limit_time_real, 120 seconds unless configured otherwise.
			Settle:      2 * time.Minute,
			Idempotency: connector.SearchOnly,
			SelfSigned:  true,
		},
	}
}

// Models that the connector reads and writes.
const (
	modelOrder    = "sale.order"
	modelLine     = "sale.order.line"
	modelPartner  = "res.partner"
	modelProduct  = "product.product"
	modelTax      = "account.tax"
	modelCompany  = "res.company"
	modelMove     = "account.move"
	modelCurrency = "res.currency"
)

// conn is an open connection.
type conn struct {
	config *config
	env    connector.Env
	api    *api.Client
	known  *lookup
}

// fullConn is a connection over Odoo's own APIs. The community REST module carries neither the
// wizards that make invoices nor the call that counts.
type fullConn struct{ *conn }

func (c *conn) url(model, id string) string {
	return fmt.Sprintf("%s/web#id=%s&model=%s&view_type=form", c.env.BaseURL, id, model)
}

// Check implements connector.Connector.
func (c *conn) Check(ctx context.Context) (connector.Account, error) {
	version, err := c.api.Version(ctx)
	if err != nil {
		return connector.Account{}, err
	}
	company, err := c.known.company(ctx)
	if err != nil {
		return connector.Account{}, err
	}
	account := connector.Account{ID: formatID(company.ID), Name: company.Name, Version: version.Text, Currency: company.Currency.Name}
	if version.Major < 16 {
		account.Findings = append(account.Findings, connector.Finding{
			Level: "error", Text: "Odoo " + version.Text + " is older than the releases that are supported", Fix: "use Odoo 16 or later",
		})
	}
	var orders []struct {
		ID int64 `json:"id"`
	}
	if err := c.api.SearchRead(ctx, api.Query{Op: "read sales orders", Model: modelOrder, Fields: []string{"id"}, Limit: 1}, &orders); err != nil {
		return connector.Account{}, err
	}
	taxes, err := c.Taxes(ctx)
	if connector.KindOf(err) == connector.KindForbidden {
		account.Findings = append(account.Findings, connector.Finding{
			Level: "error", Text: "the user may not read taxes", Fix: "give the user the right Invoicing: Billing",
		})
		return account, nil
	}
	if err != nil {
		return connector.Account{}, err
	}
	if len(taxes) == 0 {
		account.Findings = append(account.Findings, connector.Finding{
			Level: "error", Text: "the company has no taxes for sales", Fix: "install a fiscal localisation, or check the setting company",
		})
	}
	for _, t := range taxes {
		if t.Default {
			included := t.Included
			account.PricesIncludeTax = &included
		}
	}
	places, err := c.known.pricePlaces(ctx)
	if err != nil {
		return connector.Account{}, err
	}
	if places < 4 && version.Major < 19 {
		account.Findings = append(account.Findings, connector.Finding{
			Level: "warning", Text: fmt.Sprintf("unit prices are rounded to %d decimals, which loses cents on discounted lines", places),
			Fix: "set Settings, Technical, Decimal Accuracy, Product Price to 4 or more",
		})
	}
	return account, nil
}

// Close implements connector.Connector; there is nothing to end.
func (c *conn) Close(context.Context) error { return nil }

var (
	_ connector.Connector        = (*conn)(nil)
	_ connector.Lister           = (*conn)(nil)
	_ connector.Fetcher          = (*conn)(nil)
	_ connector.WebhookReceiver  = (*conn)(nil)
	_ connector.WebhookRegistrar = (*conn)(nil)
	_ connector.CustomerWriter   = (*conn)(nil)
	_ connector.AddressWriter    = (*conn)(nil)
	_ connector.ItemFinder       = (*conn)(nil)
	_ connector.TaxLister        = (*conn)(nil)
	_ connector.StockReader      = (*conn)(nil)
	_ connector.OrderWriter      = (*conn)(nil)
	_ connector.OrderConfirmer   = (*conn)(nil)
	_ connector.Counter          = (*fullConn)(nil)
	_ connector.Invoicer         = (*fullConn)(nil)
	_ connector.SourceConfig     = (*config)(nil)
)
