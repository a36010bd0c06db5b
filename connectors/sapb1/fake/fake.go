// Package fake is a pretend SAP Business One with its Service Layer: a stateful http.Handler for one company, in both
// versions of OData.
//
// It is as strict as the vendor is described to be: routes are case-sensitive, an unknown property fails a request, a
// document needs its delivery date and a currency that the partner allows, pages have 20 records. It works amounts out
// line by line in decimals of the currency. It knows nothing of Orderly's store or flow.
package fake

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/money"
)

const (
	keyField      = "U_OrderlyId"
	webhookSecret = "b1-hook-5d2a9c1e"
	// sessionTimeout is the idleness after which a session ends, in minutes.
	sessionTimeout = 30
	// locksAfter is how many wrong passwords lock a user.
	locksAfter = 5
)

// login is a session.
type login struct {
	node string
	last time.Time
}

// Vendor is a pretend company.
type Vendor struct {
	options fake.Options
	version string // the addresses that Settings leads to

	companyDB, userName, password string

	now func() time.Time

	approval      bool
	branches      bool
	netPrices     bool
	salesTax      bool
	rateless      bool
	ownTotals     bool
	noUserField   bool
	priceDecimals int32
	client        *http.Client
	script        string
	localSign     string // the company's own code of its currency
	taxCodes      map[string]money.Decimal

	schema map[string]*object

	mu           sync.Mutex
	tables       map[string]*table
	userFields   map[string]bool // "ORDR.U_OrderlyId"
	userFieldsOf map[string]map[string]bool
	sessions     map[string]*login
	tokens       map[string]bool
	serial       int
	logins       int
	wrong        int // passwords in a row
	restricted   bool
	webhooks     bool // switched on for the company
	rates        map[string]money.Decimal
	currencies   map[string]money.Currency
	countries    map[string]bool
	warehouses   map[string]bool
	expenses     map[int64]string
	outbox       []fake.Delivery
	requests     int
	unexpected   []string
}

// Option chooses a variant of the company.
type Option func(*Vendor)

// V1 makes Settings lead to the addresses of OData 3; both are always there.
func V1() Option { return func(v *Vendor) { v.version = "v1" } }

// Approval sets an approval procedure up that holds every order.
func Approval() Option { return func(v *Vendor) { v.approval = true } }

// Branches gives the company two branches, of which a document must name one.
func Branches() Option { return func(v *Vendor) { v.branches = true } }

// NetPrices is a company that turns a gross price into a net one first, and works amounts and taxes out from that.
func NetPrices() Option { return func(v *Vendor) { v.netPrices = true } }

// OwnTotals is a company that replaces stated totals of lines by what the prices give, as is told of some releases (SAP Note 3697554).
func OwnTotals() Option { return func(v *Vendor) { v.ownTotals = true } }

// SalesTax is the localisation of the United States: tax codes in the place of tax groups.
func SalesTax() Option { return func(v *Vendor) { v.salesTax = true } }

// WithoutRates is a company in which nobody entered exchange rates today.
func WithoutRates() Option { return func(v *Vendor) { v.rateless = true } }

// WithoutUserField is a company in which nobody added the user field for keys yet.
func WithoutUserField() Option { return func(v *Vendor) { v.noUserField = true } }

// PriceDecimals sets how many decimals unit prices have; 6 otherwise.
func PriceDecimals(places int32) Option { return func(v *Vendor) { v.priceDecimals = places } }

// Client lets handshakes of webhooks be made over HTTP; without one they count as answered.
func Client(c *http.Client) Option { return func(v *Vendor) { v.client = c } }

// Script is an installation before FP 2602 in which a script posts a notice to an address after each transaction.
func Script(address string) Option { return func(v *Vendor) { v.script = address } }

// OwnCurrencyCode is a company that calls its own currency by a sign, as many do.
func OwnCurrencyCode(sign string) Option { return func(v *Vendor) { v.localSign = sign } }

// Account names the company's database and its user.
func Account(company, user, password string) Option {
	return func(v *Vendor) { v.companyDB, v.userName, v.password = company, user, password }
}

// TaxCode adds a code for sales tax, in percent, to a company with SalesTax.
func TaxCode(code string, percent money.Decimal) Option {
	return func(v *Vendor) { v.taxCodes[code] = percent }
}

// New makes a fake.
func New(o fake.Options, options ...Option) *Vendor {
	v := &Vendor{
		options: o, version: "v2", companyDB: "SBO_ORDERLY", userName: "orderly", password: "B1-pass-7f3e2c",
		taxCodes: map[string]money.Decimal{}, now: o.Clock(), priceDecimals: 6, schema: newSchema(), tables: map[string]*table{}, userFields: map[string]bool{},
		userFieldsOf: map[string]map[string]bool{}, sessions: map[string]*login{}, tokens: map[string]bool{},
	}
	for _, option := range options {
		option(v)
	}
	for _, s := range sets() {
		v.tables[s.name] = newTable(s, v.schema[s.of])
	}
	v.seed(o.Catalog)
	return v
}

// Stats implements fake.Vendor.
func (v *Vendor) Stats() fake.Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := fake.Stats{Requests: v.requests, Unexpected: slices.Clone(v.unexpected)}
	keys := map[string]bool{}
	for _, r := range v.tables["Orders"].rows {
		if r.cancelled() {
			s.Cancelled++
			continue
		}
		s.Documents++
		if key := v.keyOf(*r); key != "" {
			if keys[key] {
				s.Duplicates++
			}
			keys[key] = true
		}
	}
	for _, r := range v.tables["BusinessPartners"].rows {
		if (*r).text("CardType") == "cCustomer" {
			s.Customers++
		}
	}
	return s
}

func (r row) cancelled() bool { return r.text("Cancelled") == "tYES" }

// keyOf is the key of Orderly's that a document carries; a clerk's own reference is none.
func (v *Vendor) keyOf(r row) string {
	if v.userFields["ORDR."+keyField] {
		if key := r.text(keyField); key != "" {
			return key
		}
	}
	if r["_clerk"] != nil || v.userFields["ORDR."+keyField] {
		return ""
	}
	return r.text("NumAtCard")
}

// Settings implements fake.Vendor.
func (v *Vendor) Settings() map[string]string {
	settings := map[string]string{
		"base_url": v.options.BaseURL, "company_db": v.companyDB, "user_name": v.userName, "password": v.password, "api_version": v.version, "time_zone": "UTC",
		"webhook_secret": webhookSecret, "warehouse": "01", "payment_account": "161020",
	}
	if v.branches {
		settings["branch"] = "1"
	}
	return settings
}

// ExpireSessions implements fake.Vendor.
func (v *Vendor) ExpireSessions() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sessions, v.tokens = map[string]*login{}, map[string]bool{}
}

// Logins is how often somebody signed in.
func (v *Vendor) Logins() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.logins
}

// Sessions is how many sessions are open.
func (v *Vendor) Sessions() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.sessions)
}

// Invoices is how many invoices there are.
func (v *Vendor) Invoices() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.tables["Invoices"].rows)
}

// Restrict implements fake.Restricter.
func (v *Vendor) Restrict() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.restricted = true
}

// DisableWebhooks implements fake.Disabler.
func (v *Vendor) DisableWebhooks() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range v.tables["EventSubscriptions"].rows {
		(*r)["State"] = "Inactive"
	}
}

// Close implements fake.Vendor.
func (v *Vendor) Close() {}

// surprise notes a request that a healthy caller does not make.
func (v *Vendor) surprise(format string, args ...any) {
	if len(v.unexpected) < 100 {
		v.unexpected = append(v.unexpected, fmt.Sprintf(format, args...))
	}
}

// stamp sets when a record was changed.
func (v *Vendor) stamp(r row, dateField, timeField string) {
	now := v.now().UTC()
	r[dateField], r[timeField] = now.Format(time.DateOnly), now.Format(time.TimeOnly)
}

// change replaces a record by what a function makes of a copy of it; it stays as it was if that is refused.
func (v *Vendor) change(t *table, kept *row, do func(r row) *fault) *fault {
	before := *kept
	after := maps.Clone(before)
	if err := do(after); err != nil {
		return err
	}
	after["_version"] = before.int("_version") + 1
	*kept = after
	t.reindex(kept, before)
	return nil
}
