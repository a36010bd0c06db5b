// Package sapb1 connects SAP Business One, through its Service Layer, as a destination and as a source: business
// partners with their addresses, sales orders, articles with stock, invoices and payments.
//
// It translates between the vendor's records and package commerce; sessions and calls are the business of package api
// below it. It knows neither Orderly's store nor its flow.
package sapb1

import (
	"context"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
)

// Definition describes SAP Business One.
func Definition() connector.Definition {
	return connector.Definition{
		Name: "sapb1", Title: "SAP Business One", Group: connector.GroupERP, Roles: connector.Source | connector.Destination,
		New: func() connector.Config { return newConfig() },
		Traits: connector.Traits{
			BaseURL: connector.BaseURLRule{
				Required: true, Example: "https://erp.example.com:50000", Help: "address and port of the Service Layer, without /b1s",
			},
			// No limit is documented; the server has few nodes, and all calls share one session.
			Concurrency: 4,
			// UpdateDate is a day of the server's own calendar, without a zone.
			Overlap: 26 * time.Hour,
			// Webhooks have keys only, and some header fields at most.
			FetchAlways: true,
			// A call that the load balancer gave up can still commit; nothing is documented.
			Settle:      2 * time.Minute,
			Idempotency: connector.SearchOnly,
			SelfSigned:  true,
		},
	}
}

// Sets of records.
const (
	setOrders    = "Orders"
	setDrafts    = "Drafts"
	setInvoices  = "Invoices"
	setPayments  = "IncomingPayments"
	setPartners  = "BusinessPartners"
	setItems     = "Items"
	setAddresses = "BPAddresses"
)

// conn is an open connection whose orders have addresses of their own.
type conn struct {
	config *config
	env    connector.Env
	api    *api.Client
	known  *lookup
}

// bookConn is a connection whose orders point at addresses of the business partner.
type bookConn struct{ *conn }

// Check implements connector.Connector. It makes the fields that our key is kept in where the settings say so.
func (c *conn) Check(ctx context.Context) (connector.Account, error) {
	ctx = api.TryAgain(ctx)
	var company api.CompanyInfo
	if err := c.api.Query(ctx, "read the company", "CompanyService_GetCompanyInfo", &company); err != nil {
		return connector.Account{}, err
	}
	admin, err := c.known.admin(ctx)
	if err != nil {
		return connector.Account{}, err
	}
	account := connector.Account{
		ID: c.config.company, Name: company.CompanyName, Version: string(company.Version),
		Currency: c.config.iso(admin.LocalCurrency), TimeZone: c.config.timeZone,
	}
	if account.Name == "" {
		account.Name = c.config.company
	}
	for _, set := range []string{setOrders, setPartners} {
		if _, err := c.api.Page(ctx, api.Ask{Op: "read " + set, Set: set, Select: []string{keyOf(set)}, Size: 1}); err != nil {
			return connector.Account{}, err
		}
	}
	account.Findings = append(account.Findings, c.checkFields(ctx)...)
	findings, err := c.checkMoney(ctx, admin)
	if err != nil {
		return connector.Account{}, err
	}
	account.Findings = append(account.Findings, findings...)
	if c.config.timeZone == "" {
		account.Findings = append(account.Findings, connector.Finding{
			Level: "warning", Text: "Business One states times without a zone, so UTC is assumed", Fix: "set time_zone to the zone of the server, such as Europe/Berlin",
		})
	}
	return account, nil
}

func keyOf(set string) string {
	if set == setPartners {
		return "CardCode"
	}
	return "DocEntry"
}

// checkFields sees to the user fields that our key is kept in.
func (c *conn) checkFields(ctx context.Context) []connector.Finding {
	var findings []connector.Finding
	for _, table := range []string{tableOrders, tablePartners} {
		there, err := c.known.hasField(ctx, table, true)
		if err == nil && !there && c.config.createField {
			err = c.createField(ctx, table)
			there = err == nil
		}
		if there {
			continue
		}
		text := fmt.Sprintf("the table %s has no user field %s, so orders are found again by the customer's reference number alone", table, c.config.keyField)
		if err != nil {
			text += ": " + err.Error()
		}
		findings = append(findings, connector.Finding{
			Level: "warning", Text: text,
			Fix: fmt.Sprintf("while nobody else works in the company, add the user field %s (alphanumeric, 50) to the table %s under Tools, Customization Tools", c.config.keyField[len("U_"):], table),
		})
	}
	return findings
}

// createField needs exclusive access to the company for a moment.
func (c *conn) createField(ctx context.Context, table string) error {
	err := c.api.Create(ctx, "create the user field", "UserFieldsMD", api.Fields{
		"TableName": table, "Name": c.config.keyField[len("U_"):], "Description": "Orderly key", "Type": "db_Alpha", "SubType": "st_None", "Size": 50, "Mandatory": api.No,
	}, nil)
	if code(err) == api.CodeDuplicate {
		err = nil
	}
	if err == nil {
		c.known.fields[table].forget()
	}
	return err
}

// checkMoney finds what would make amounts differ.
func (c *conn) checkMoney(ctx context.Context, admin api.AdminInfo) ([]connector.Finding, error) {
	var findings []connector.Finding
	taxes, err := c.known.taxes(ctx)
	switch {
	case connector.KindOf(err) == connector.KindForbidden:
		findings = append(findings, connector.Finding{Level: "error", Text: "the user may not read taxes", Fix: "authorise the user for Administration, Setup, Financials, Tax"})
	case err != nil:
		return nil, err
	case len(taxes.codes) == 0:
		findings = append(findings, connector.Finding{Level: "error", Text: "the company has no taxes for sales", Fix: "set up tax groups or tax codes in Business One, or check the setting tax_field"})
	}
	if places := pricePlaces(admin); places < 4 {
		findings = append(findings, connector.Finding{
			Level: "warning", Text: fmt.Sprintf("unit prices are rounded to %d decimals, so discounted lines are written by their totals", places),
			Fix: "set the decimals of prices to 4 or more under Administration, System Initialization, General Settings, Display",
		})
	}
	return findings, nil
}

// Close implements connector.Connector: it ends the session that this connection opened.
func (c *conn) Close(ctx context.Context) error { return c.api.Close(ctx) }

var (
	_ connector.Connector        = (*conn)(nil)
	_ connector.Lister           = (*conn)(nil)
	_ connector.Counter          = (*conn)(nil)
	_ connector.Fetcher          = (*conn)(nil)
	_ connector.WebhookReceiver  = (*conn)(nil)
	_ connector.WebhookRegistrar = (*conn)(nil)
	_ connector.CustomerWriter   = (*conn)(nil)
	_ connector.AddressWriter    = (*bookConn)(nil)
	_ connector.ItemFinder       = (*conn)(nil)
	_ connector.TaxLister        = (*conn)(nil)
	_ connector.StockReader      = (*conn)(nil)
	_ connector.OrderWriter      = (*conn)(nil)
	_ connector.BatchOrderWriter = (*conn)(nil)
	_ connector.OrderConfirmer   = (*conn)(nil)
	_ connector.Invoicer         = (*conn)(nil)
	_ connector.SourceConfig     = (*config)(nil)
)
