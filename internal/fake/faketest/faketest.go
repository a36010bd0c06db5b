// Package faketest brings the pretend vendors into the conformance suite. It knows no vendor.
package faketest

import (
	"errors"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector/connectortest"
	"github.com/orderlyhq/orderly/internal/fake"
)

// Vendor gives the New of a connectortest.Harness for a fake:
//
//	New: faketest.Vendor(func(o fake.Options) fake.Vendor { return shopifyfake.New(o) }),
func Vendor(open func(fake.Options) fake.Vendor) func(testing.TB, connectortest.Setup) *connectortest.Vendor {
	return func(_ testing.TB, setup connectortest.Setup) *connectortest.Vendor {
		return adapt(open(fake.Options{
			BaseURL: setup.BaseURL,
			Now:     setup.Now,
			Courier: courier(setup.Deliver),
			Catalog: catalog(setup.Catalog),
		}))
	}
}

func adapt(v fake.Vendor) *connectortest.Vendor {
	out := &connectortest.Vendor{
		Handler:        v,
		Settings:       v.Settings(),
		Unexpected:     func() []string { return v.Stats().Unexpected },
		ExpireSessions: v.ExpireSessions,
		Close:          v.Close,
	}
	if shop, ok := v.(fake.Shop); ok {
		out.PutOrder, out.Exact = shop.PutOrder, true
		out.CancelOrder, out.PutCustomer = shop.CancelOrder, shop.PutCustomer
	}
	if erp, ok := v.(fake.ERP); ok {
		out.PutOrder = clerk{erp}.putOrder
		out.Documents = func() []connectortest.Document { return documents(erp) }
	}
	if able, ok := v.(fake.Canceller); ok {
		out.CancelOrder = able.CancelOrder
	}
	if able, ok := v.(fake.Deleter); ok {
		out.DeleteOrder = able.DeleteOrder
	}
	if able, ok := v.(fake.CustomerKeeper); ok {
		out.PutCustomer = able.PutCustomer
	}
	if able, ok := v.(fake.Restricter); ok {
		out.Restrict = able.Restrict
	}
	if able, ok := v.(fake.Subscriber); ok {
		out.Subscribe = able.Subscribe
	}
	if able, ok := v.(fake.Disabler); ok {
		out.DisableWebhooks = able.DisableWebhooks
	}
	return out
}

// clerk makes and changes orders in an ERP that is a source.
type clerk struct{ erp fake.ERP }

func (c clerk) putOrder(order commerce.Order) (commerce.Order, error) {
	if order.Source.ExternalID != "" {
		changer, ok := c.erp.(fake.Changer)
		if !ok {
			return order, errNoChanger
		}
		return order, changer.ChangeOrder(order.Source.ExternalID, order)
	}
	id, err := c.erp.PutOrder(order)
	order.Source.ExternalID = id
	return order, err
}

var errNoChanger = errors.New("the fake is no fake.Changer: orders in it cannot be changed")

func documents(erp fake.ERP) []connectortest.Document {
	held := erp.Documents()
	out := make([]connectortest.Document, len(held))
	for i, d := range held {
		out[i] = connectortest.Document{Document: d.Document, Currency: d.Currency, Customer: d.Customer, SKUs: d.SKUs}
	}
	return out
}

type courier func(connectortest.Delivery)

// Send hands a delivery to the suite, which decides what becomes of it.
func (c courier) Send(d fake.Delivery) {
	c(connectortest.Delivery{URL: d.URL, Header: d.Header, Body: d.Body, Done: d.Done})
}

func catalog(c connectortest.Catalog) fake.Catalog {
	out := fake.Catalog{Rates: c.Rates, Currencies: c.Currencies, Countries: c.Countries}
	for _, i := range c.Items {
		out.Items = append(out.Items, fake.CatalogItem{SKU: i.SKU, Name: i.Name, Price: i.Price, Rate: i.Rate, Stock: i.Stock})
	}
	return out
}
