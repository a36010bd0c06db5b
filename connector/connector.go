// Package connector is the contract between Orderly and the systems that it connects.
//
// A connector is a small required core (Connector) and abilities: small interfaces that it has or
// has not, found once when a connection opens. Data crosses the contract in two forms only: raw
// bytes as the vendor gave them, and the canonical model of package commerce. The package knows
// neither a vendor nor Orderly's store or flow, so that anybody can write a connector.
//
// The conformance suite in connector/connectortest is the specification of how the abilities
// behave.
package connector

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/commerce"
)

// Role is what a system can be in a flow; a set of bits.
type Role uint8

// Roles.
const (
	Source Role = 1 << iota
	Destination
)

// Group is what people know a system as.
type Group string

// Groups.
const (
	GroupShop Group = "shop"
	GroupCRM  Group = "crm"
	GroupERP  Group = "erp"
)

// Definition describes a system to Orderly: its name, its settings and how it is opened.
type Definition struct {
	Name  string // as in configuration and addresses: "shopify"
	Title string // as people write it: "Shopify"
	Group Group
	Roles Role
	// New gives a fresh configuration with its defaults.
	New    func() Config
	Traits Traits
}

// Config is the typed configuration of a connection of one system. A connector's implementation is
// a struct whose fields its Settings are bound to.
type Config interface {
	// Settings describes every setting once, bound to the fields of the receiver.
	Settings() []Setting
	// Open opens a connection. It makes no call: Check does. It fails with KindInvalid, naming the
	// setting, when settings contradict each other.
	Open(ctx context.Context, env Env) (Connector, error)
}

// SourceConfig is a Config of a system that is a source: it can decode without a connection.
type SourceConfig interface {
	Config
	// Decoder gives the pure translation from the vendor's form under these settings.
	Decoder() Decoder
}

// Traits are the facts of a system that the engine works by.
type Traits struct {
	// BaseURL says how the address of an account is found.
	BaseURL BaseURLRule
	// Concurrency is the default number of requests at once (and so of lanes) for a connection.
	Concurrency int
	// RatePerSecond is the default budget of requests; 0 is no limit of our own.
	RatePerSecond float64
	// Overlap is how far a new poll reaches back before the last one's watermark, because the
	// vendor's index lags, its clock is coarse or its transactions commit late.
	Overlap time.Duration
	// FetchAlways says that a webhook's body may be stale: the record is fetched whatever came.
	FetchAlways bool
	// Settle is how long a call whose outcome is unknown may still take effect in the vendor;
	// before that, searching for its result proves nothing.
	Settle time.Duration
	// Idempotency is how strongly the system itself keeps an order from being made twice.
	Idempotency Idempotency
	// SelfSigned says that installations commonly have certificates of their own, so that the
	// settings' help should point at the CA file.
	SelfSigned bool
}

// BaseURLRule is how the base address of a connection is found.
type BaseURLRule struct {
	Required bool   // there is no default: each account has its own host
	Example  string // for help and forms
	Help     string
}

// Idempotency is a destination's own protection against doubles.
type Idempotency string

// Strengths, from strong to weak.
const (
	NativeKey  Idempotency = "native_key"  // a key sent with the request makes a repeat harmless
	UniqueID   Idempotency = "unique_id"   // a unique field of the document refuses the second
	SearchOnly Idempotency = "search_only" // only looking before writing helps
)

// Env is what Orderly gives to a connection that opens.
type Env struct {
	// Connection is the connection's name.
	Connection string
	// BaseURL is the configured base address without a trailing slash, or "".
	BaseURL string
	// HTTP is the one road out: it paces, bounds, traces and redacts, and refuses unsafe requests in
	// a dry run. Connectors make every request through it.
	HTTP *http.Client
	// State keeps small secrets that change while running (tokens, cookies), for all nodes.
	State State
	Log   *slog.Logger
	Now   func() time.Time
}

// State keeps a connection's small changing secrets, encrypted, shared by all workers and nodes.
type State interface {
	// Load gives the value under name, or nil.
	Load(ctx context.Context, name string) ([]byte, error)
	// Update replaces the value under name by what change makes of the present one, while no other
	// worker or node can do the same. The new value is durable before Update returns it: a refresh
	// token that works only once is never used before it is kept.
	Update(ctx context.Context, name string, change func(ctx context.Context, current []byte) ([]byte, error)) ([]byte, error)
}

// Connector is the core that every open connection has.
type Connector interface {
	// Check signs in and reads what the account is and may do. Its error's kind tells wrong
	// credentials (KindAuth), missing rights (KindForbidden) and a vendor that is down
	// (KindUnavailable) apart.
	Check(ctx context.Context) (Account, error)
	// Close ends sessions and frees what the connection holds.
	Close(ctx context.Context) error
}

// Account is what Check found.
type Account struct {
	ID               string    `json:"id,omitempty"`
	Name             string    `json:"name"`
	Version          string    `json:"version,omitempty"` // of the product or API that answered
	Currency         string    `json:"currency,omitempty"`
	TimeZone         string    `json:"time_zone,omitempty"` // IANA name
	PricesIncludeTax *bool     `json:"prices_include_tax,omitempty"`
	ServerTime       time.Time `json:"server_time,omitzero"` // for the clock's skew
	Findings         []Finding `json:"findings,omitempty"`
}

// Finding is something in an account that a person should know before the first order.
type Finding struct {
	Level string `json:"level"` // "warning" or "error"
	Text  string `json:"text"`
	Fix   string `json:"fix"`
}

// Ref names a record of a source.
type Ref struct {
	Kind commerce.Kind `json:"kind"`
	ID   string        `json:"id"`
}

// Raw is a record in its vendor's form.
type Raw struct {
	Ref Ref
	// Form tells forms of one vendor apart where there are several ("rest", "graphql"); "" lets the
	// decoder find out.
	Form string
	Body []byte
	// UpdatedAt is the vendor's own time of the last change; zero where it gives none.
	UpdatedAt time.Time
}

// Decoder translates a vendor's form to the canonical one. It is pure: the same bytes give the same
// record. Its errors are KindInvalid and name the field.
type Decoder interface {
	DecodeOrder(Raw) (commerce.Order, error)
	DecodeCustomer(Raw) (commerce.Customer, error)
}

// Change is what an event says has happened to a record.
type Change string

// Changes.
const (
	Changed Change = "changed" // created or updated: only the record tells
	Deleted Change = "deleted"
)

// Event is one observation of a record: it says that the record may have changed.
type Event struct {
	Ref    Ref
	Topic  string // the vendor's word for what happened
	Change Change
	// DeliveryID is the vendor's id of this delivery, the same when it is repeated; "" where there is
	// none that can be trusted, and then the content decides.
	DeliveryID string
	// UpdatedAt is the record's time of change as the body states it; an older one never replaces a
	// newer one. Zero where unknown.
	UpdatedAt time.Time
	// Form and Body are the record itself, whole; a nil Body means that it must be fetched.
	Form string
	Body []byte
	// Wait keeps the fetch back for a vendor that tells before it commits.
	Wait time.Duration
}

// Fetcher reads one record. A record that does not exist any more is KindNotFound. The answer's Ref
// may differ from the one asked for when that was a child object (a line, a payment) or was merged
// into another record; the answer then is the record to work on.
type Fetcher interface {
	Fetch(ctx context.Context, ref Ref) (Raw, error)
}

// Query asks for the records of a kind that changed in a window of time.
type Query struct {
	Kind  commerce.Kind
	Since time.Time // inclusive; zero is from the beginning
	Until time.Time // exclusive; zero is up to now
	// Cursor is Page.Next of the page before; "" begins.
	Cursor string
	// Limit is the wanted size of the page; the vendor's own maximum bounds it.
	Limit int
}

// Page is some of the records asked for, oldest change first as far as the vendor can sort.
type Page struct {
	Events []Event
	// Next is where to go on. With More, it is the next page of this query. Without, it is where a
	// later query begins if the vendor has a change feed, else "".
	Next string
	More bool
	// Watermark is the time up to which every change has been listed once this page is stored; zero
	// where the page says nothing about that.
	Watermark time.Time
}

// Lister lists what changed. Going on from a page's Next while records change must neither repeat
// for ever nor skip a record.
type Lister interface {
	List(ctx context.Context, q Query) (Page, error)
}

// Counter counts what a Lister would list; -1 where the vendor cannot say.
type Counter interface {
	Count(ctx context.Context, q Query) (int, error)
}
