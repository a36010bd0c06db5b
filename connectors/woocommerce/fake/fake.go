// Package fake is a pretend WooCommerce shop: its REST API wc/v3 and its webhooks, as strict as the
// recorded traffic of versions 11.0.1 and 7.9 shows them. It holds orders in WooCommerce's own shape
// and knows nothing of the connector that is tested against it.
//
// WooCommerce has no gift cards. One that was spent is held as the extension WooCommerce Gift Cards
// does: the order's total is lower and gift_cards names it. One that is sold is a product like any other.
// An order is paid in full or not at all, so a payment in part or an authorization is an order on hold.
package fake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/internal/fake"
)

// Credentials of the key that Settings gives, and the secret of webhooks.
const (
	consumerKey    = "ck_0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"
	consumerSecret = "cs_76543210f0e1d2c3b4a5968778695a4b3c2d1e0f"
	webhookSecret  = "orderly & sandbox <secret>"
)

// Key is a REST API key with its permission: "read", "write" or "read_write".
type Key struct{ Key, Secret, Permission string }

// release is what differs between versions.
type release struct {
	version, wordpress string
	// rich has what versions since 8 added: refunds' taxes, global_unique_id, targetHints and so on.
	rich bool
	// modified says that orders can be listed by time of change (since 5.8).
	modified bool
}

// Vendor is a pretend shop. Its methods may be called from several goroutines.
type Vendor struct {
	mu      sync.Mutex
	options fake.Options
	now     func() time.Time
	release release
	zone    *time.Location
	places  int32 // decimals that the shop shows
	atEnd   bool  // rounds taxes at the end
	include bool  // prices include tax
	stale   bool

	keys       []Key
	restricted bool
	nonces     map[string]int64

	next       int64 // ids of orders, refunds and products are of one sequence
	nextItem   int64
	nextMeta   int64
	orders     map[int64]*order
	byModified []*order // the oldest change first
	cached     []*order // those with a body in the cache, the oldest first
	customers  []*customer
	byCustomer map[int64]*customer
	products   []*product
	bySKU      map[string]*product
	byProduct  map[int64]*product
	rates      []*rate
	coupons    map[string]coupon
	webhooks   []*webhook

	requests   int
	unexpected []string
	closed     bool
}

var (
	_ fake.Shop       = (*Vendor)(nil)
	_ fake.Deleter    = (*Vendor)(nil)
	_ fake.Restricter = (*Vendor)(nil)
	_ fake.Disabler   = (*Vendor)(nil)
)

// Option chooses a variant of the vendor.
type Option func(*Vendor)

// Version79 is WooCommerce 7.9 on WordPress 6.2, with orders as posts.
func Version79() Option {
	return func(v *Vendor) { v.release = release{version: "7.9.0", wordpress: "6.2.2", modified: true} }
}

// Version55 is WooCommerce 5.5, which can list orders neither by time of change nor after one.
func Version55() Option {
	return func(v *Vendor) { v.release = release{version: "5.5.2", wordpress: "5.7"} }
}

// RoundAtEnd is the setting by which taxes are rounded in the sum and not by line.
func RoundAtEnd() Option { return func(v *Vendor) { v.atEnd = true } }

// FreshBodies lets webhooks always have the record as it is, and not as a cache last saw it.
func FreshBodies() Option { return func(v *Vendor) { v.stale = false } }

// Decimals sets how many decimals the shop shows; 2 where it is not given.
func Decimals(places int32) Option { return func(v *Vendor) { v.places = places } }

// Keys replaces the REST API keys.
func Keys(keys ...Key) Option { return func(v *Vendor) { v.keys = keys } }

// New makes a fake.
func New(o fake.Options, options ...Option) *Vendor {
	v := &Vendor{
		options: o, now: o.Clock(), places: 2, stale: true, zone: time.FixedZone("Europe/Berlin", 3600),
		release: release{version: "11.0.1", wordpress: "7.1", rich: true, modified: true},
		keys:    []Key{{consumerKey, consumerSecret, "read_write"}},
		nonces:  map[string]int64{}, next: 12, nextItem: 1, nextMeta: 1,
		orders: map[int64]*order{}, byCustomer: map[int64]*customer{}, bySKU: map[string]*product{}, byProduct: map[int64]*product{}, coupons: map[string]coupon{},
	}
	if zone, err := time.LoadLocation("Europe/Berlin"); err == nil {
		v.zone = zone
	}
	for _, option := range options {
		option(v)
	}
	for _, r := range o.Catalog.Rates {
		if r.IsPositive() {
			v.rate("DE", "VAT "+percent(r)+"%", r)
		}
	}
	for _, item := range o.Catalog.Items {
		v.product(item.SKU, item.Name, item.Price).digital = item.Digital
	}
	return v
}

func percent(rate decimal.Decimal) string { return rate.Shift(2).String() }

// ServeHTTP answers as the shop does.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	a := v.answer(r)
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=UTF-8")
	header.Set("X-Robots-Tag", "noindex")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Access-Control-Expose-Headers", "X-WP-Total, X-WP-TotalPages, Link")
	header.Set("Access-Control-Allow-Headers", "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type")
	header.Set("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private")
	header.Set("Link", "<"+v.options.BaseURL+`/wp-json/>; rel="https://api.w.org/"`)
	header.Set("Date", v.now().UTC().Format(http.TimeFormat))
	for name, value := range a.header {
		header.Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

// strange notes a request that the vendor does not know or that has a wrong form.
func (v *Vendor) strange(format string, args ...any) {
	if len(v.unexpected) < 100 {
		v.unexpected = append(v.unexpected, fmt.Sprintf(format, args...))
	}
}

// Stats implements fake.Vendor.
func (v *Vendor) Stats() fake.Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := fake.Stats{Customers: len(v.customers), Requests: v.requests, Unexpected: slices.Clone(v.unexpected)}
	for _, o := range v.orders {
		switch o.status {
		case "cancelled", "trash":
			s.Cancelled++
		case "checkout-draft", "auto-draft":
		default:
			s.Documents++
		}
	}
	return s
}

// Settings implements fake.Vendor.
func (v *Vendor) Settings() map[string]string {
	return map[string]string{
		"base_url":     v.options.BaseURL,
		"consumer_key": v.keys[0].Key, "consumer_secret": v.keys[0].Secret, "webhook_secret": webhookSecret,
	}
}

// ExpireSessions implements fake.Vendor: keys of WooCommerce do not expire.
func (v *Vendor) ExpireSessions() {}

// Restrict takes the rights from the user whose key it is.
func (v *Vendor) Restrict() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.restricted = true
}

// Close stops webhooks.
func (v *Vendor) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

func (v *Vendor) secure() bool { return !strings.HasPrefix(v.options.BaseURL, "http://") }

// second is now as a database without fractions keeps it.
func (v *Vendor) second() time.Time { return v.now().UTC().Truncate(time.Second) }
