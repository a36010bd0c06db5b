// Package fake is a pretend shop on Shopify: a stateful http.Handler with the REST and the GraphQL form
// of the Admin API, its ways to sign in, its webhooks and its limits.
//
// It knows nothing of Orderly's store or flow. It is as strict as Shopify is documented to be: rights,
// versions, parameters of pages, the cost of queries and names of fields are checked, and refused with
// Shopify's own bodies.
package fake

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

// Credentials of the pretend app and shop.
const (
	staticToken    = "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"
	clientID       = "9c1e5a7b3d2f4a6c8e0b1d3f5a7c9e1b"
	clientSecret   = "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"
	adminKey       = "d41f0b6c8a2e4f7590b3c5d7e9fa1b2c3d4e5f60718293a4b5c6d7e8f9a0b1c2"
	shopDomain     = "orderly-tea.myshopify.com"
	taxIDAttribute = "vat_number"
)

// firstID is beyond 2^53, where a program that takes ids for floating-point numbers loses the last
// digit; Shopify's own test notification has such ids.
const firstID = 9007199254740993

// Vendor is a pretend shop.
type Vendor struct {
	options    fake.Options
	now        func() time.Time
	clientAuth bool
	versions   []string
	plan       plan
	allOrders  bool
	anonymous  bool
	presented  presented
	schema     *ast.Schema
	mux        *http.ServeMux

	mu         sync.Mutex
	nextID     int64
	nextNumber int64
	orders     book[*order]
	customers  book[*customer]
	truth      map[int64]*commerce.Order
	articles   map[string]int64
	countries  map[string]string
	scopes     []string
	tokens     map[string]time.Time // handed out → end
	hooks      []*hook
	served     bucket // requests of REST
	points     bucket // of GraphQL
	documents  map[string]*ast.QueryDocument
	cancelled  int
	requests   int
	unexpected []string
}

type presented struct {
	currency money.Currency
	rate     money.Decimal
}

// Option chooses a variant of the shop.
type Option func(*Vendor)

// ClientCredentials gives the app tokens that last a day in place of one that never ends.
func ClientCredentials() Option { return func(v *Vendor) { v.clientAuth = true } }

// SixtyDays takes the right to orders older than 60 days away.
func SixtyDays() Option {
	return func(v *Vendor) { v.allOrders = false }
}

// Scopes gives the app these rights in place of all that a connector can use.
func Scopes(scopes ...string) Option {
	return func(v *Vendor) {
		v.scopes, v.allOrders = scopes, slices.Contains(scopes, "read_all_orders")
	}
}

// Anonymous keeps back who the buyers are, as for an app without access to protected customer data.
func Anonymous() Option { return func(v *Vendor) { v.anonymous = true } }

// Versions are the supported versions of the API, oldest first.
func Versions(versions ...string) Option { return func(v *Vendor) { v.versions = versions } }

// Presentment says that buyers see and pay another currency, of which a unit of the order's is worth so
// many.
func Presentment(currency money.Currency, rate money.Decimal) Option {
	return func(v *Vendor) { v.presented = presented{currency, rate} }
}

// Standard gives the shop the limits of the Standard plan; without it, it has those of Plus.
func Standard() Option { return func(v *Vendor) { v.plan = standardPlan } }

// New makes a fake.
func New(o fake.Options, options ...Option) *Vendor {
	v := &Vendor{
		options: o, now: o.Clock(), allOrders: true, plan: plusPlan,
		versions: []string{"2026-01", "2026-04", "2026-07", "2026-10"},
		nextID:   firstID, nextNumber: 1001,
		truth: map[int64]*commerce.Order{}, articles: map[string]int64{}, countries: map[string]string{},
		tokens: map[string]time.Time{}, documents: map[string]*ast.QueryDocument{},
		scopes: []string{"read_orders", "write_orders", "read_all_orders", "read_customers", "read_products"},
	}
	for _, option := range options {
		option(v)
	}
	if !v.allOrders {
		v.scopes = slices.DeleteFunc(v.scopes, func(s string) bool { return s == "read_all_orders" })
	}
	v.served, v.points = v.plan.rest(), v.plan.graph()
	v.schema = loadSchema()
	v.mux = v.routes()
	return v
}

// Settings open a connection with the form of the API that its caller chooses.
func (v *Vendor) Settings() map[string]string {
	settings := map[string]string{
		"base_url": v.options.BaseURL, "client_secret": clientSecret, "webhook_secret": adminKey, "tax_id_attribute": taxIDAttribute,
	}
	if v.clientAuth {
		settings["client_id"] = clientID
	} else {
		settings["access_token"] = staticToken
	}
	return settings
}

func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// ExpireSessions ends every token that was handed out. A token of a custom app never ends.
func (v *Vendor) ExpireSessions() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.tokens)
}

// Restrict takes the rights to orders away from the app.
func (v *Vendor) Restrict() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.scopes = slices.DeleteFunc(v.scopes, func(s string) bool {
		return s == "read_orders" || s == "write_orders" || s == "read_all_orders"
	})
}

// Close has nothing to end.
func (v *Vendor) Close() {}

// Stats counts what the shop holds.
func (v *Vendor) Stats() fake.Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fake.Stats{
		Documents: len(v.orders.byID) - v.cancelled, Cancelled: v.cancelled, Customers: len(v.customers.byID),
		Requests: v.requests, Unexpected: slices.Clone(v.unexpected),
	}
}

// Orders gives every order as the shop states it, oldest first.
func (v *Vendor) Orders() []commerce.Order {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]commerce.Order, 0, len(v.orders.made))
	for _, id := range v.orders.made {
		if truth, ok := v.truth[id]; ok {
			out = append(out, *truth)
		}
	}
	return out
}

// id gives the next id. All ids come from one row, which Shopify does not promise, so that ids of
// different kinds are never the same by chance.
func (v *Vendor) id() int64 {
	v.nextID++
	return v.nextID
}

// article gives the ids of the product and the variant with a SKU.
func (v *Vendor) article(sku string) (product, variant int64) {
	id, ok := v.articles[sku]
	if !ok {
		id = v.id()
		v.id()
		v.articles[sku] = id
	}
	return id, id + 1
}

// seconds is the shop's clock, which has no fractions.
func (v *Vendor) seconds() stamp { return stamp{v.now().UTC().Truncate(time.Second)} }

func (v *Vendor) PutOrder(o commerce.Order) (commerce.Order, error) {
	v.mu.Lock()
	stated, sends, err := v.putOrder(o)
	v.mu.Unlock()
	v.send(sends)
	return stated, err
}

func (v *Vendor) putOrder(o commerce.Order) (commerce.Order, []send, error) {
	var before *order
	if id := o.Source.ExternalID; id != "" {
		var ok bool
		if before, ok = v.orders.text(id); !ok {
			return o, nil, fmt.Errorf("the shop has no order %q", id)
		}
		if len(before.Refunds) > 0 {
			return o, nil, fmt.Errorf("order %q has refunds: this shop changes only orders without", id)
		}
	}
	stated, err := v.restate(o)
	if err != nil {
		return o, nil, err
	}
	now := v.seconds()
	made := &order{AppID: 580111, CreatedAt: now, ProcessedAt: now, UpdatedAt: now}
	if before == nil {
		made.ID = v.id()
		made.Name, made.OrderNumber, made.Number = fmt.Sprintf("#%d", v.nextNumber), v.nextNumber, v.nextNumber-1000
		made.ConfirmationNumber = "C" + strconv.FormatInt(made.ID%1_000_000_000, 36)
		v.nextNumber++
	} else {
		made.ID, made.Name, made.OrderNumber, made.Number = before.ID, before.Name, before.OrderNumber, before.Number
		made.ConfirmationNumber, made.CreatedAt, made.ProcessedAt, made.Tags = before.ConfirmationNumber, before.CreatedAt, before.ProcessedAt, before.Tags
		made.ClosedAt, made.FulfillmentStatus = before.ClosedAt, before.FulfillmentStatus
	}
	made.AdminID = gid("Order", made.ID)
	made.Fulfillments, made.Refunds = []shipment{}, []refund{}
	if err := v.setBuyer(&stated, made); err != nil {
		return o, nil, err
	}
	s := shaper{v: v, cur: stated.DocumentCurrency, o: &stated, out: made}
	if err := s.shape(); err != nil {
		return o, nil, err
	}
	if !stated.CancelledAt.IsZero() {
		at := stamp{stated.CancelledAt.UTC().Truncate(time.Second)}
		made.CancelledAt, made.CancelReason = &at, text(stated.CancelReason)
	}
	v.restateHead(&stated, made)
	v.orders.put(made.ID, now.Time, made)
	v.truth[made.ID] = &stated
	return stated, v.orderNews(made, before), nil
}

// restateHead sets what the shop decides by itself.
func (v *Vendor) restateHead(o *commerce.Order, made *order) {
	o.Source.ExternalID, o.Source.ExternalNumber = strconv.FormatInt(made.ID, 10), made.Name
	o.Source.UpdatedAt, o.Source.Store, o.Source.AdminURL, o.Source.Revision = made.UpdatedAt.Time, "", "", ""
	o.OrderNumber, o.OrderDate = made.Name, made.ProcessedAt.Time
	o.FulfillmentState = commerce.FulfillmentPending
	o.OrderState = commerce.StateOpen
	if made.CancelledAt != nil {
		o.OrderState, o.CancelledAt = commerce.StateCancelled, made.CancelledAt.Time
	}
}

// setBuyer puts the customer on the order; a guest's name is on the addresses alone.
func (v *Vendor) setBuyer(o *commerce.Order, made *order) error {
	made.CustomerLocale = o.Buyer.Language
	if made.CustomerLocale == "" {
		made.CustomerLocale = "en"
	}
	made.Email, made.ContactEmail, made.Phone = o.Buyer.Email(), text(o.Buyer.Email()), nil
	var known *customer
	if id := o.Buyer.Source.ExternalID; id != "" {
		var ok bool
		if known, ok = v.customers.text(id); !ok {
			return fmt.Errorf("buyer: the shop has no customer %q", id)
		}
		made.Customer = known
		if made.Email == "" {
			made.Email, made.ContactEmail = deref(known.Email), known.Email
		}
	} else if o.BillTo == nil || o.BillTo.Phone == "" {
		made.Phone = text(o.Buyer.Phone())
	}
	buyer := commerce.Customer{
		Type: commerce.Person, Emails: []string{}, Phones: []string{}, Status: commerce.CustomerActive, Language: made.CustomerLocale,
	}
	if known != nil {
		buyer = v.customerTruth(known)
		buyer.MarketingConsent = nil
	}
	if len(buyer.Emails) == 0 && made.Email != "" {
		buyer.Emails = []string{made.Email}
	}
	for _, phone := range []string{deref(made.Phone), phoneOf(o.BillTo), phoneOf(o.ShipTo)} {
		if len(buyer.Phones) == 0 && phone != "" {
			buyer.Phones = []string{phone}
		}
	}
	for _, a := range []*commerce.Address{o.BillTo, o.ShipTo} {
		if a != nil && buyer.GivenName == "" && buyer.FamilyName == "" {
			buyer.GivenName, buyer.FamilyName, buyer.DisplayName = a.GivenName, a.FamilyName, a.Name
		}
	}
	if o.BillTo != nil && o.BillTo.Company != "" {
		buyer.Type, buyer.CompanyName = commerce.Company, o.BillTo.Company
	}
	for _, name := range []string{buyer.CompanyName, made.Email} {
		if buyer.DisplayName == "" {
			buyer.DisplayName = name
		}
	}
	if id := o.Buyer.TaxID(); id != "" {
		buyer.TaxIDs = []commerce.TaxID{{Scheme: "vat", Value: id}}
		if o.BillTo != nil {
			buyer.TaxIDs[0].Country = o.BillTo.AddressCountry
		}
	}
	if buyer.Language == "" {
		buyer.Language = made.CustomerLocale
	}
	o.Buyer = buyer
	return nil
}

func phoneOf(a *commerce.Address) string {
	if a == nil {
		return ""
	}
	return a.Phone
}

// CancelOrder cancels as the merchant would in the shop's admin.
func (v *Vendor) CancelOrder(id string) error {
	v.mu.Lock()
	o, ok := v.orders.text(id)
	if !ok {
		v.mu.Unlock()
		return fmt.Errorf("the shop has no order %q", id)
	}
	if o.CancelledAt != nil {
		v.mu.Unlock()
		return errors.New("the order is cancelled already")
	}
	stated := *v.truth[o.ID]
	stated.CancelledAt, stated.CancelReason = v.now().UTC().Truncate(time.Second), "customer"
	if stated.PaymentState == commerce.PaymentPending || stated.PaymentState == commerce.PaymentAuthorized {
		stated.PaymentState = commerce.PaymentVoided
	}
	_, sends, err := v.putOrder(stated)
	if err == nil {
		v.cancelled++
	}
	v.mu.Unlock()
	v.send(sends)
	return err
}

// DeleteOrder removes an order without a trace; a webhook with its id alone is sent.
func (v *Vendor) DeleteOrder(id string) error {
	v.mu.Lock()
	o, ok := v.orders.text(id)
	if !ok {
		v.mu.Unlock()
		return fmt.Errorf("the shop has no order %q", id)
	}
	if o.CancelledAt != nil {
		v.cancelled--
	}
	v.orders.drop(o.ID)
	delete(v.truth, o.ID)
	sends := v.news("orders/delete", o.ID, map[string]int64{"id": o.ID})
	v.mu.Unlock()
	v.send(sends)
	return nil
}

func (v *Vendor) PutCustomer(c commerce.Customer) (commerce.Customer, error) {
	v.mu.Lock()
	stated, sends, err := v.putCustomer(c)
	v.mu.Unlock()
	v.send(sends)
	return stated, err
}

func (v *Vendor) putCustomer(c commerce.Customer) (commerce.Customer, []send, error) {
	now := v.seconds()
	made := &customer{CreatedAt: now, State: "disabled", VerifiedEmail: true, TaxExemptions: []string{}}
	topic := "customers/create"
	if id := c.Source.ExternalID; id != "" {
		before, ok := v.customers.text(id)
		if !ok {
			return c, nil, fmt.Errorf("the shop has no customer %q", id)
		}
		made.ID, made.CreatedAt, made.Addresses = before.ID, before.CreatedAt, before.Addresses
		topic = "customers/update"
	} else {
		made.ID = v.id()
	}
	made.AdminID, made.UpdatedAt = gid("Customer", made.ID), now
	made.Consent = &consent{State: "not_subscribed", OptIn: "single_opt_in"}
	if c.MarketingConsent != nil && c.MarketingConsent.State == "subscribed" {
		made.Consent.State, made.Consent.UpdatedAt = "subscribed", &now
	}
	made.FirstName, made.LastName = text(c.GivenName), text(c.FamilyName)
	if c.GivenName == "" && c.FamilyName == "" {
		made.LastName = text(c.DisplayName)
	}
	made.Email, made.Phone, made.Note = text(c.Email()), text(c.Phone()), text(c.Note)
	made.TaxExempt, made.Currency = c.TaxExempt, c.Currency
	if made.Currency == "" {
		made.Currency = "EUR"
	}
	if c.Addresses != nil {
		made.Addresses = nil
		for i := range c.Addresses {
			a := restateAddress(&c.Addresses[i], commerce.UseOther)
			written := v.address(a)
			written.ID, written.CustomerID = v.id(), made.ID
			if digits(a.AddressID) {
				written.ID, _ = strconv.ParseInt(a.AddressID, 10, 64)
			}
			first := i == 0
			written.Default = &first
			made.Addresses = append(made.Addresses, written)
		}
	}
	if len(made.Addresses) > 0 {
		made.DefaultAddress = made.Addresses[0]
	}
	v.customers.put(made.ID, now.Time, made)
	return v.customerTruth(made), v.news(topic, made.ID, v.shownCustomer(made)), nil
}

// customerTruth is a customer as the shop states it.
func (v *Vendor) customerTruth(c *customer) commerce.Customer {
	out := commerce.Customer{
		Source: commerce.Source{System: "shopify", ExternalID: strconv.FormatInt(c.ID, 10), UpdatedAt: c.UpdatedAt.Time},
		Type:   commerce.Person, GivenName: deref(c.FirstName), FamilyName: deref(c.LastName), Emails: []string{}, Phones: []string{},
		TaxExempt: c.TaxExempt, Status: commerce.CustomerActive, CreatedAt: c.CreatedAt.Time, Note: deref(c.Note),
	}
	if c.Consent != nil {
		out.MarketingConsent = &commerce.Consent{State: c.Consent.State, Source: "email"}
		if c.Consent.UpdatedAt != nil {
			out.MarketingConsent.At = c.Consent.UpdatedAt.Time
		}
	}
	out.DisplayName = joined(out.GivenName, out.FamilyName)
	if c.Email != nil {
		out.Emails = []string{*c.Email}
	}
	if c.Phone != nil {
		out.Phones = []string{*c.Phone}
	}
	for i, a := range c.Addresses {
		region := deref(a.ProvinceCode)
		if region == "" {
			region = deref(a.Province)
		}
		out.Addresses = append(out.Addresses, commerce.Address{
			AddressID: strconv.FormatInt(a.ID, 10), Use: commerce.UseOther, Default: i == 0, Name: a.Name,
			GivenName: deref(a.FirstName), FamilyName: deref(a.LastName), Company: deref(a.Company),
			StreetAddress: deref(a.Address1), ExtendedAddress: deref(a.Address2), AddressLocality: deref(a.City), AddressRegion: region,
			PostalCode: deref(a.Zip), AddressCountry: deref(a.CountryCode), Phone: deref(a.Phone),
		})
		if i == 0 && a.Company != nil {
			out.Type, out.CompanyName = commerce.Company, *a.Company
		}
	}
	return out
}

func joined(given, family string) string {
	if given == "" || family == "" {
		return given + family
	}
	return given + " " + family
}
