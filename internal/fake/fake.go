// Package fake is what the pretend vendors share: how they are made, filled, looked at and disturbed.
//
// Each connector has a stateful, strict fake of its own in connectors/<system>/fake, an http.Handler
// that behaves as the vendor does. This package knows no vendor, and nothing of Orderly's store or
// flow: what it holds is the ground truth that tests, sandbox and demo measure Orderly against.
package fake

import (
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// Options are what a fake is made with. Every field has a usable zero value but Courier, without
// which no webhook leaves.
type Options struct {
	// BaseURL is where the fake is reached, without a trailing slash: vendors put it into links.
	BaseURL string
	Now     func() time.Time
	Courier Courier
	Catalog Catalog
}

// Clock gives Now, or the real time.
func (o Options) Clock() func() time.Time {
	if o.Now != nil {
		return o.Now
	}
	return time.Now
}

// Catalog is what shops sell and ERPs know.
type Catalog struct {
	Items []CatalogItem
	// Rates are the tax rates for sales, 0.19 for 19 %.
	Rates      []money.Decimal
	Currencies []money.Currency
	// Countries are those that the ERP has.
	Countries []string
}

// CatalogItem is an article.
type CatalogItem struct {
	SKU   string
	Name  string
	Price money.Decimal // net, in the first currency
	Rate  money.Decimal
	Stock int64
	// Digital says that it is not sent.
	Digital bool
	// Missing says that only the shops know it: an order with it must be held.
	Missing bool
}

// Vendor is a pretend system.
type Vendor interface {
	http.Handler
	Stats() Stats
	// Settings are the values with which a connection to this fake opens, credentials included;
	// "base_url" is among them.
	Settings() map[string]string
	// ExpireSessions makes every token and session that was handed out invalid.
	ExpireSessions()
	Close()
}

// Stats is what a fake holds.
type Stats struct {
	Documents int `json:"documents"` // sales orders that are not cancelled
	Cancelled int `json:"cancelled"`
	Customers int `json:"customers"`
	// Duplicates counts the sales orders beyond the first with one of Orderly's keys.
	Duplicates int `json:"duplicates"`
	Requests   int `json:"requests"`
	// Unexpected lists requests that the vendor does not know or would refuse for their form, such
	// as a path that does not exist; a healthy connector causes none.
	Unexpected []string `json:"unexpected,omitempty"`
}

// Shop is a pretend system where orders come into being.
type Shop interface {
	Vendor
	// PutOrder stores an order as the shop would come to have it and sends its webhooks. An empty
	// ExternalID makes a new one with id, number and times of the shop's own; another changes the
	// order that has it. It gives the order as the shop now states it.
	PutOrder(order commerce.Order) (commerce.Order, error)
	// CancelOrder cancels as the merchant would.
	CancelOrder(id string) error
	// PutCustomer is PutOrder for a customer.
	PutCustomer(customer commerce.Customer) (commerce.Customer, error)
	// Orders gives every order as the shop states it, oldest first: the ground truth.
	Orders() []commerce.Order
}

// ERP is a pretend system where documents are made.
type ERP interface {
	Vendor
	// Documents gives every sales order: the ground truth.
	Documents() []Document
	// PutOrder makes a sales order as a clerk would, without a key of Orderly's, and gives its id.
	PutOrder(order commerce.Order) (string, error)
}

// Document is a sales order as a fake ERP holds it.
type Document struct {
	connector.Document
	Currency string   `json:"currency"`
	Customer string   `json:"customer"` // its id
	SKUs     []string `json:"skus"`
}

// Courier carries webhooks from a fake to whoever subscribed.
type Courier interface {
	Send(Delivery)
}

// Delivery is a webhook on its way.
type Delivery struct {
	URL    string
	Header http.Header
	Body   []byte
	// Retries are the waits before each further attempt; none means that the vendor tries once.
	Retries []time.Duration
	Timeout time.Duration
	// Success says whether a status means that the delivery was taken; nil is 2xx.
	Success func(status int) bool
	// Done hears how it ended after the last attempt.
	Done func(delivered bool)
}
