// Package fake is a pretend Odoo: a stateful http.Handler that behaves as recorded traffic of real
// servers shows, in the releases 16 to 19 that differ in names, texts and rounding.
//
// It holds records of Odoo's own models and knows nothing of Orderly's store or flow. It is as strict
// as Odoo: unknown fields, wrong forms of time, rights and states are refused with Odoo's own
// exceptions, and money is worked out in floating point, noise included.
package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
)

// What a user may do with sales orders.
const (
	allSales = "all"
	ownSales = "own"
	noSales  = "none"
)

// user is who calls.
type user struct {
	id                    int64
	login, password, name string
	key                   string // an API key
	sales                 string
	settings              bool // may make automation rules
}

// Vendor is a pretend Odoo with one database.
type Vendor struct {
	options  fake.Options
	version  int
	database string
	// restModule says that the community module "restful" is installed.
	restModule    bool
	lockConfirmed bool
	load          func()         // fills the database, in the place of the catalogue
	accuracy      map[string]int // decimals by name of the accuracy
	mux           *http.ServeMux
	generic       map[string]method
	special       map[string]method

	mu             sync.Mutex
	now            func() time.Time
	tables         map[string]*table
	users          []*user
	sessions       map[string]*user // cookies of the web client
	tokens         map[string]*user // of the community module
	orderNumber    int
	invoiceNumber  int
	transferNumber int
	serial         int
	requests       int
	unexpected     []string
	closed         bool
}

// Option chooses a variant of the vendor.
type Option func(*Vendor)

// Version chooses the release: 16, 17, 18 or 19, which is the default.
func Version(major int) Option { return func(v *Vendor) { v.version = major } }

// RESTModule installs the community module "restful", with its addresses under /api.
func RESTModule() Option { return func(v *Vendor) { v.restModule = true } }

// LockConfirmed switches the setting on by which a confirmed order is locked.
func LockConfirmed() Option { return func(v *Vendor) { v.lockConfirmed = true } }

// PriceDecimals sets the decimal accuracy "Product Price", which is 2 in a new database. Odoo 19 keeps
// all decimals whatever it says.
func PriceDecimals(places int) Option {
	return func(v *Vendor) { v.accuracy["Product Price"] = places }
}

// Row is a record to begin with, in the form in which a caller would create it, under an id.
type Row struct {
	Model  string
	ID     int64
	Values map[string]any
}

// Rows replaces the catalogue by records with ids of their own: a copy of a certain database.
func Rows(database string, users []User, rows []Row) Option {
	return func(v *Vendor) {
		v.database = database
		v.users = nil
		for _, u := range users {
			v.users = append(v.users, &user{
				id: u.ID, login: u.Login, password: u.Password, name: u.Name, key: u.Key, sales: u.Sales, settings: u.Settings,
			})
		}
		v.load = func() {
			e := v.clerk()
			for _, row := range rows {
				t := e.table(row.Model)
				t.next = row.ID
				values := map[string]any{}
				for name, given := range row.Values {
					value, err := e.value(row.Model, t.fields[name], given)
					if err != nil {
						panic(fmt.Sprintf("%s %d: %v", row.Model, row.ID, err))
					}
					values[name] = value
				}
				e.insert(t, values)
				if row.Model == "sale.order" {
					v.orderNumber = int(row.ID)
				}
			}
		}
	}
}

// User is an account of Rows. Sales is "all", "own" or "none".
type User struct {
	ID                         int64
	Login, Password, Name, Key string
	Sales                      string
	Settings                   bool
}

// New makes a fake.
func New(o fake.Options, options ...Option) *Vendor {
	v := &Vendor{
		options: o, version: 19, database: "orderly", now: o.Clock(),
		accuracy: map[string]int{"Product Price": 2, "Product Unit of Measure": 2, "Product Unit": 2, "Discount": 2},
		tables:   map[string]*table{}, sessions: map[string]*user{}, tokens: map[string]*user{},
		generic: methods(), special: orderMethods(),
		users: []*user{{
			id: 2, login: "orderly@example.com", password: "orderly-password", name: "Orderly", sales: allSales, settings: true,
			key: "3f5c1d2e4b6a79880f1e2d3c4b5a69788796a5b4",
		}},
	}
	maps.Copy(v.special, invoiceMethods())
	for _, option := range options {
		option(v)
	}
	for _, def := range models(v.version) {
		v.tables[def.name] = newTable(def, v.version)
	}
	if v.load != nil {
		v.load()
	} else {
		v.seed(o.Catalog)
	}
	v.mux = v.routes()
	return v
}

// ServeHTTP answers as Odoo does.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.requests++
	v.mu.Unlock()
	v.mux.ServeHTTP(w, r)
}

// begin starts a call of a user.
func (v *Vendor) begin(u *user) *env {
	return &env{v: v, version: v.version, user: u, now: v.now().UTC().Truncate(time.Microsecond), context: map[string]any{}}
}

// clerk starts what a person does in Odoo itself.
func (v *Vendor) clerk() *env {
	e := v.begin(v.users[0])
	e.clerk = true
	return e
}

// Stats implements fake.Vendor.
func (v *Vendor) Stats() fake.Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := fake.Stats{Requests: v.requests, Unexpected: slices.Clone(v.unexpected)}
	keys := map[string]bool{}
	for _, o := range v.tables["sale.order"].all() {
		if o.text("state") == "cancel" {
			s.Cancelled++
			continue
		}
		s.Documents++
		if key := o.text("client_order_ref"); key != "" {
			if keys[key] {
				s.Duplicates++
			}
			keys[key] = true
		}
	}
	for _, p := range v.tables["res.partner"].all() {
		if p.id64("parent_id") == 0 && !v.internal(p) {
			s.Customers++
		}
	}
	return s
}

// internal says that a partner is the company itself or one of its users.
func (v *Vendor) internal(p *record) bool {
	for _, model := range []string{"res.company", "res.users"} {
		for _, r := range v.tables[model].all() {
			if r.id64("partner_id") == p.id {
				return true
			}
		}
	}
	return false
}

// Settings implements fake.Vendor. With the community module they are those of its mode.
func (v *Vendor) Settings() map[string]string {
	u := v.users[0]
	settings := map[string]string{
		"base_url": v.options.BaseURL, "database": v.database, "login": u.login, "api_key": u.key,
		"webhook_secret": "hook-4f9a2c7e81d3b650",
	}
	if v.restModule {
		settings["mode"], settings["api_key"] = "rest_module", u.password
	}
	return settings
}

// ExpireSessions implements fake.Vendor.
func (v *Vendor) ExpireSessions() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sessions, v.tokens = map[string]*user{}, map[string]*user{}
}

// Restrict takes the rights to sales away from the account.
func (v *Vendor) Restrict() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users[0].sales = noSales
}

// Close implements fake.Vendor.
func (v *Vendor) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

// surprise notes a request that a healthy caller does not make.
func (v *Vendor) surprise(format string, args ...any) {
	if len(v.unexpected) < 100 {
		v.unexpected = append(v.unexpected, fmt.Sprintf(format, args...))
	}
}

// uuid makes the next identifier; they are the same in each run.
func (v *Vendor) uuid() string {
	v.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "odoo %d", v.serial))
	h := hex.EncodeToString(sum[:])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}
