// Package connectortest is the conformance suite that every connector passes. It is the
// specification of how the abilities of package connector behave.
//
// A connector's test is a Harness and one call of Run. Each check works against a fresh pretend
// vendor and a fresh connection, in the virtual time of testing/synctest: waits cost nothing, and a
// goroutine that is left behind fails the check. What a connector cannot do is skipped and said so;
// what it does differently is a named exception with a reason.
//
// The package knows no vendor and nothing of Orderly's store or flow.
package connectortest

import (
	"net/http"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// Harness is what the suite must be told of a connector.
type Harness struct {
	Definition connector.Definition
	// New makes a fresh pretend vendor. It runs in a bubble of testing/synctest, so everything that
	// the vendor waits for must be in there too.
	New func(t testing.TB, setup Setup) *Vendor
	// Settings go over those that the vendor gives: the variant under test.
	Settings map[string]string
	// BaseURL is where the suite puts the vendor; "" is an https address with a path. A variant that
	// behaves differently without TLS gives "http://vendor.test".
	BaseURL string

	// WebhookSecret names the setting whose value proves a webhook; "" is the only secret there is.
	WebhookSecret string
	// ReplayWindow is how old a webhook may be where the vendor signs a time; 0 where it does not.
	ReplayWindow time.Duration
	// Enums are the enumerations in the vendor's order that the decoder translates; at least one for
	// a source.
	Enums []Enum

	// Exceptions names checks that the connector does not pass and says why it must not: "webhooks/altered
	// body is refused": "the vendor signs nothing but sends a secret". A name that is no check, that does
	// not apply, or whose check passes, fails.
	Exceptions map[string]string
}

// Enum is an enumeration in the vendor's order whose values may become more.
type Enum struct {
	// Path leads to a text in the JSON of the record, with dots and indexes:
	// "fulfillments.0.status". It must be there in an order that was paid and not yet sent.
	Path string
	// Edit puts a value that nobody knows into a body that is not JSON, or where Path cannot lead.
	Edit func(body []byte) []byte
	// State gives what the value is translated to.
	State func(commerce.Order) string
}

// Setup is what a fresh pretend vendor is made with.
type Setup struct {
	// BaseURL is where the vendor is reached, without a trailing slash. Its handler sees paths
	// without the path of BaseURL.
	BaseURL string
	Now     func() time.Time
	Catalog Catalog
	// Deliver takes a webhook that the vendor sends. It does not wait.
	Deliver func(Delivery)
}

// Catalog is what must be known to the vendor.
type Catalog struct {
	Items      []CatalogItem
	Rates      []money.Decimal // of the taxes for sales: 0.19 is 19 %
	Currencies []money.Currency
	Countries  []string // ISO 3166-1 alpha-2
}

// CatalogItem is an article.
type CatalogItem struct {
	SKU   string
	Name  string
	Price money.Decimal // net, in the first currency
	Rate  money.Decimal
	Stock int64
}

// Delivery is a webhook on its way.
type Delivery struct {
	URL    string
	Header http.Header
	Body   []byte
	// Done hears that the delivery was taken; it may be nil.
	Done func(delivered bool)
}

// Document is a sales order as the vendor holds it.
type Document struct {
	connector.Document
	Currency string
	Customer string // its id
	SKUs     []string
}

// Vendor is a pretend system. Functions that are nil are what it cannot do; a check that needs one
// fails and says so.
type Vendor struct {
	Handler http.Handler
	// Settings are the values with which a connection opens, credentials included; "base_url" may be
	// among them.
	Settings map[string]string
	// Unexpected lists requests that the vendor does not know or that have a wrong form.
	Unexpected func() []string
	// ExpireSessions makes every token and session that was handed out invalid.
	ExpireSessions func()
	// Restrict takes the rights to orders away from the account.
	Restrict func()
	// Subscribe is how a merchant enters the address for webhooks by hand; systems with a
	// connector.WebhookRegistrar need none.
	Subscribe func(address string) error
	// DisableWebhooks switches every subscription off, as vendors do after failed deliveries.
	DisableWebhooks func()
	Close           func()

	// PutOrder stores an order as it comes to be in the system and sends its webhooks: a new one when
	// its ExternalID is empty, else it changes the one that has it. It gives the order as the system
	// states it, or at least with its ExternalID.
	PutOrder func(order commerce.Order) (commerce.Order, error)
	// Exact says that PutOrder gives the whole order as the system states it.
	Exact       bool
	CancelOrder func(id string) error
	DeleteOrder func(id string) error
	PutCustomer func(customer commerce.Customer) (commerce.Customer, error)

	// Documents gives every sales order: the ground truth of a destination.
	Documents func() []Document
}
