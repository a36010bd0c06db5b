package connectortest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// tally is a pretend system that takes and makes orders: the simplest that has every ability. Its form
// of an order is the canonical one.
type tally struct {
	setup Setup
	mux   *http.ServeMux

	mu         sync.Mutex
	serial     int
	token      string
	restricted bool
	unexpected []string
	orders     []*commerce.Order
	statuses   map[string]connector.Status
	people     []*commerce.Customer
	documents  []*sheet
	buyers     []*buyer
	hooks      []*connector.Subscription
}

// sheet is a sales order in tally.
type sheet struct {
	connector.Document
	Currency string
	Customer string
	SKUs     []string
	Invoice  *connector.Document
}

// buyer is a customer in tally.
type buyer struct {
	ID        string
	Key       connector.Key
	Customer  commerce.Customer
	Addresses []commerce.Address
}

// sale is what tally wants to know of a sales order.
type sale struct {
	Key      connector.Key  `json:"key"`
	Currency money.Currency `json:"currency"`
	Customer string         `json:"customer"`
	Rows     []row          `json:"rows"`
	Rounding money.Decimal  `json:"rounding"`
}

type row struct {
	Item     string        `json:"item"`
	Quantity money.Decimal `json:"quantity"`
	Net      money.Decimal `json:"net"`
	Tax      money.Decimal `json:"tax"`
}

// refusal is tally's error body.
type refusal struct {
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

const (
	tallyKey        = "key-of-the-account-77"
	tallyHookSecret = "whsec-of-the-account-88"
)

func newTally(setup Setup) *tally {
	v := &tally{setup: setup, mux: http.NewServeMux(), statuses: map[string]connector.Status{}}
	v.mux.HandleFunc("POST /token", v.signIn)
	for pattern, serve := range map[string]func(*http.Request) (int, any){
		"GET /account":                   v.readAccount,
		"GET /orders":                    v.listOrders,
		"GET /orders/{id}":               v.readOrder,
		"GET /orders/{id}/status":        v.readStatus,
		"PUT /orders/{id}/status":        v.writeStatus,
		"GET /people":                    v.listPeople,
		"GET /people/{id}":               v.readPerson,
		"GET /items":                     v.listItems,
		"GET /taxes":                     v.listTaxes,
		"GET /customers":                 v.findBuyers,
		"POST /customers":                v.makeBuyer,
		"PUT /customers/{id}":            v.changeBuyer,
		"GET /customers/{id}/addresses":  v.listAddresses,
		"POST /customers/{id}/addresses": v.makeAddress,
		"GET /sales":                     v.findSales,
		"POST /sales":                    v.makeSale,
		"POST /sales/batch":              v.makeSales,
		"GET /sales/{id}":                v.readSale,
		"PUT /sales/{id}":                v.changeSale,
		"POST /sales/{id}/{state}":       v.moveSale,
		"GET /sales/{id}/invoice":        v.readInvoice,
		"POST /sales/{id}/invoice":       v.makeInvoice,
		"GET /hooks":                     v.listHooks,
		"POST /hooks":                    v.makeHook,
		"PUT /hooks/{id}":                v.enableHook,
	} {
		v.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v.mu.Lock()
			defer v.mu.Unlock()
			switch {
			case v.token == "" || r.Header.Get("Authorization") != "Bearer "+v.token:
				reply(w, http.StatusUnauthorized, refusal{Message: "the token is not valid"})
			case v.restricted:
				reply(w, http.StatusForbidden, refusal{Message: "the account may not see orders"})
			default:
				status, body := serve(r)
				reply(w, status, body)
			}
		})
	}
	return v
}

func (v *tally) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := v.mux.Handler(r); pattern == "" {
		v.mu.Lock()
		v.unexpected = append(v.unexpected, r.Method+" "+r.URL.Path)
		v.mu.Unlock()
	}
	v.mux.ServeHTTP(w, r)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func absent() (int, any) { return http.StatusNotFound, refusal{Message: "there is no such record"} }

func unread(err error) (int, any) { return http.StatusBadRequest, refusal{Message: err.Error()} }

// next makes an id. The vendor is locked.
func (v *tally) next() string {
	v.serial++
	return strconv.Itoa(1000 + v.serial)
}

func (v *tally) signIn(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.FormValue("key") != tallyKey {
		reply(w, http.StatusUnauthorized, refusal{Message: "the key is not valid"})
		return
	}
	if v.token == "" {
		v.token = "token-" + v.next()
	}
	reply(w, http.StatusOK, map[string]string{"token": v.token})
}

func (v *tally) expire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.token = ""
}

func (v *tally) restrict() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.restricted = true
}

func (v *tally) readAccount(*http.Request) (int, any) {
	return http.StatusOK, connector.Account{ID: "1", Name: "Tally", Currency: "EUR", TimeZone: "Europe/Berlin", ServerTime: v.setup.Now()}
}

// Orders and people: what a source has.

func (v *tally) putOrder(order commerce.Order) (commerce.Order, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.orders, func(o *commerce.Order) bool { return o.Source.ExternalID == order.Source.ExternalID })
	switch {
	case order.Source.ExternalID == "":
		order.Source.ExternalID = v.next()
		v.orders = append(v.orders, &order)
	case i < 0:
		return order, fmt.Errorf("there is no order %s", order.Source.ExternalID)
	default:
		v.orders[i] = &order
	}
	order.Source.System, order.Source.UpdatedAt = "tally", v.setup.Now().UTC()
	order.OrderNumber = "T-" + order.Source.ExternalID
	v.tell(order)
	return order, nil
}

func (v *tally) cancelOrder(id string) error {
	for _, o := range v.orders {
		if o.Source.ExternalID == id {
			order := *o
			order.OrderState, order.CancelledAt = commerce.StateCancelled, v.setup.Now().UTC()
			_, err := v.putOrder(order)
			return err
		}
	}
	return fmt.Errorf("there is no order %s", id)
}

func (v *tally) deleteOrder(id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.orders = slices.DeleteFunc(v.orders, func(o *commerce.Order) bool { return o.Source.ExternalID == id })
	return nil
}

func (v *tally) putCustomer(c commerce.Customer) (commerce.Customer, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c.Source.ExternalID = v.next()
	c.Source.UpdatedAt = v.setup.Now().UTC()
	v.people = append(v.people, &c)
	return c, nil
}

// tell sends an order to every active hook. The signature covers the time and the body.
func (v *tally) tell(order commerce.Order) {
	body := []byte(mustJSON(order))
	for _, h := range v.hooks {
		if h.State != connector.SubscriptionActive {
			continue
		}
		at := strconv.FormatInt(v.setup.Now().Unix(), 10)
		v.setup.Deliver(Delivery{URL: h.Address, Body: body, Header: http.Header{
			"Content-Type": {"application/json"}, "X-Tally-Topic": {h.Topic}, "X-Tally-Time": {at}, "X-Tally-Delivery": {v.next()},
			"X-Tally-Signature": {signature(tallyHookSecret, at, body)},
		}})
	}
}

func signature(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func (v *tally) listOrders(r *http.Request) (int, any) {
	all := []listed{}
	for _, o := range v.orders {
		all = append(all, listed{o.Source, json.RawMessage(mustJSON(o))})
	}
	return window(r, all)
}

func (v *tally) listPeople(r *http.Request) (int, any) {
	all := []listed{}
	for _, p := range v.people {
		all = append(all, listed{p.Source, json.RawMessage(mustJSON(p))})
	}
	return window(r, all)
}

// window gives the records that changed in a window, after a place in the order of change.
func window(r *http.Request, all []listed) (int, any) {
	q := r.URL.Query()
	instant := func(name string) time.Time {
		at, _ := time.Parse(time.RFC3339Nano, q.Get(name))
		return at
	}
	since, until, after := instant("since"), instant("until"), q.Get("after")
	found := slices.DeleteFunc(all, func(l listed) bool {
		at := l.Source.UpdatedAt
		return at.Before(since) || (!until.IsZero() && !at.Before(until)) || l.place() <= after
	})
	slices.SortFunc(found, func(a, b listed) int { return strings.Compare(a.place(), b.place()) })
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > 50 {
		return unread(fmt.Errorf("limit is %q, not 1 to 50", q.Get("limit")))
	}
	more := len(found) > limit
	return http.StatusOK, listing{Records: found[:min(limit, len(found))], More: more, Total: len(found)}
}

// listing is a page of tally's lists.
type listing struct {
	Records []listed `json:"records"`
	More    bool     `json:"more"`
	Total   int      `json:"total"`
}

type listed struct {
	Source commerce.Source `json:"source"`
	Record json.RawMessage `json:"record"`
}

// place is where a record stands among all, by its change.
func (l listed) place() string {
	return l.Source.UpdatedAt.Format("2006-01-02T15:04:05.000000000Z") + "_" + l.Source.ExternalID
}

func (v *tally) order(r *http.Request) *commerce.Order {
	for _, o := range v.orders {
		if o.Source.ExternalID == r.PathValue("id") {
			return o
		}
	}
	return nil
}

func (v *tally) readOrder(r *http.Request) (int, any) {
	if o := v.order(r); o != nil {
		return http.StatusOK, o
	}
	return absent()
}

func (v *tally) readStatus(r *http.Request) (int, any) {
	if v.order(r) == nil {
		return absent()
	}
	return http.StatusOK, v.statuses[r.PathValue("id")]
}

func (v *tally) writeStatus(r *http.Request) (int, any) {
	var s connector.Status
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		return unread(err)
	}
	if v.order(r) == nil {
		return absent()
	}
	v.statuses[r.PathValue("id")] = s
	return http.StatusOK, s
}

func (v *tally) readPerson(r *http.Request) (int, any) {
	for _, p := range v.people {
		if p.Source.ExternalID == r.PathValue("id") {
			return http.StatusOK, p
		}
	}
	return absent()
}

// Articles, taxes, customers and sales: what a destination has.

func (v *tally) listItems(r *http.Request) (int, any) {
	out := []CatalogItem{}
	for _, i := range v.setup.Catalog.Items {
		if slices.Contains(r.URL.Query()["sku"], i.SKU) {
			out = append(out, i)
		}
	}
	return http.StatusOK, out
}

func (v *tally) listTaxes(*http.Request) (int, any) {
	out := []connector.TaxCode{}
	for _, rate := range v.setup.Catalog.Rates {
		out = append(out, connector.TaxCode{Code: "VAT" + rate.Shift(2).String(), Name: "VAT", Rate: rate})
	}
	return http.StatusOK, out
}

func (v *tally) findBuyers(r *http.Request) (int, any) {
	q := r.URL.Query()
	out := []*buyer{}
	for _, b := range v.buyers {
		if slices.Contains(tallyNames(connector.MatchRule(q.Get("rule")), b.Key, b.Customer), q.Get("value")) {
			out = append(out, b)
		}
	}
	return http.StatusOK, out
}

// tallyNames are the values under which a rule finds a customer.
func tallyNames(rule connector.MatchRule, key connector.Key, c commerce.Customer) []string {
	postal := ""
	if len(c.Addresses) > 0 {
		postal = c.Addresses[0].PostalCode
	}
	switch {
	case rule == connector.MatchKey && key != "":
		return []string{string(key)}
	case rule == connector.MatchEmail && c.Email() != "":
		return []string{strings.ToLower(c.Email())}
	case rule == connector.MatchTaxID && c.TaxID() != "":
		return []string{c.TaxID()}
	case rule == connector.MatchPhoneName && c.Phone() != "" && c.DisplayName != "":
		return []string{c.Phone() + "|" + c.DisplayName}
	case rule == connector.MatchCompany && c.CompanyName != "" && postal != "":
		return []string{c.CompanyName + "|" + postal}
	}
	return nil
}

func (v *tally) makeBuyer(r *http.Request) (int, any) {
	var b buyer
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		return unread(err)
	}
	b.ID = v.next()
	v.buyers = append(v.buyers, &b)
	return http.StatusCreated, b
}

func (v *tally) buyer(id string) *buyer {
	for _, b := range v.buyers {
		if b.ID == id {
			return b
		}
	}
	return nil
}

// changeBuyer replaces what is stated and leaves what is not.
func (v *tally) changeBuyer(r *http.Request) (int, any) {
	b := v.buyer(r.PathValue("id"))
	if b == nil {
		return absent()
	}
	if err := json.NewDecoder(r.Body).Decode(b); err != nil {
		return unread(err)
	}
	return http.StatusOK, b
}

func (v *tally) listAddresses(r *http.Request) (int, any) {
	if b := v.buyer(r.PathValue("id")); b != nil {
		return http.StatusOK, b.Addresses
	}
	return absent()
}

func (v *tally) makeAddress(r *http.Request) (int, any) {
	b := v.buyer(r.PathValue("id"))
	var a commerce.Address
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		return unread(err)
	}
	if b == nil {
		return absent()
	}
	a.AddressID = v.next()
	b.Addresses = append(b.Addresses, a)
	return http.StatusCreated, a
}

// calculate fills a sheet, or says what is wrong with the sale.
func (v *tally) calculate(s *sheet, from sale) *refusal {
	if !slices.Contains(v.setup.Catalog.Currencies, from.Currency) {
		return &refusal{Field: "document_currency", Message: "the currency is not set up"}
	}
	if v.buyer(from.Customer) == nil {
		return &refusal{Field: "customer", Message: "there is no such customer"}
	}
	var net, tax money.Decimal
	var skus []string
	lines := []connector.DocumentLine{}
	for i, r := range from.Rows {
		if !slices.ContainsFunc(v.setup.Catalog.Items, func(c CatalogItem) bool { return c.SKU == r.Item }) {
			return &refusal{Field: fmt.Sprintf("lines[%d].sku", i), Message: "there is no such article"}
		}
		net, tax, skus = net.Add(r.Net), tax.Add(r.Tax), append(skus, r.Item)
		lineTax := money.New(r.Tax, from.Currency)
		lines = append(lines, connector.DocumentLine{ItemID: r.Item, SKU: r.Item, Quantity: r.Quantity, Net: money.New(r.Net, from.Currency), Tax: &lineTax})
	}
	if !from.Rounding.IsZero() {
		lines = append(lines, connector.DocumentLine{Kind: connector.LineRounding, Quantity: number("1"), Net: money.New(from.Rounding, from.Currency)})
	}
	net = net.Add(from.Rounding)
	s.Key, s.Currency, s.Customer, s.SKUs, s.Lines = from.Key, string(from.Currency), from.Customer, skus, lines
	s.Totals = &connector.DocumentTotals{
		Net: money.New(net, from.Currency), Tax: money.New(tax, from.Currency), Gross: money.New(net.Add(tax), from.Currency),
	}
	return nil
}

func (v *tally) add(from sale) (*sheet, *refusal) {
	s := &sheet{Document: connector.Document{Type: "sale", State: connector.DocumentDraft}}
	if problem := v.calculate(s, from); problem != nil {
		return nil, problem
	}
	s.ID = v.next()
	s.Number = "S-" + s.ID
	v.documents = append(v.documents, s)
	return s, nil
}

func (v *tally) makeSale(r *http.Request) (int, any) {
	var from sale
	if err := json.NewDecoder(r.Body).Decode(&from); err != nil {
		return unread(err)
	}
	s, problem := v.add(from)
	if problem != nil {
		return http.StatusUnprocessableEntity, problem
	}
	return http.StatusCreated, s
}

// part is an outcome in tally's answer to a batch.
type part struct {
	Sale    *sheet   `json:"sale,omitempty"`
	Problem *refusal `json:"problem,omitempty"`
}

func (v *tally) makeSales(r *http.Request) (int, any) {
	var all []sale
	if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
		return unread(err)
	}
	out := []part{}
	for _, from := range all {
		s, problem := v.add(from)
		out = append(out, part{s, problem})
	}
	return http.StatusOK, out
}

func (v *tally) sheet(r *http.Request) *sheet {
	for _, s := range v.documents {
		if s.ID == r.PathValue("id") {
			return s
		}
	}
	return nil
}

func (v *tally) readSale(r *http.Request) (int, any) {
	if s := v.sheet(r); s != nil {
		return http.StatusOK, s
	}
	return absent()
}

func (v *tally) changeSale(r *http.Request) (int, any) {
	s := v.sheet(r)
	if s == nil {
		return absent()
	}
	var from sale
	if err := json.NewDecoder(r.Body).Decode(&from); err != nil {
		return unread(err)
	}
	if problem := v.calculate(s, from); problem != nil {
		return http.StatusUnprocessableEntity, problem
	}
	return http.StatusOK, s
}

func (v *tally) moveSale(r *http.Request) (int, any) {
	s := v.sheet(r)
	if s == nil {
		return absent()
	}
	s.State = connector.DocumentState(r.PathValue("state"))
	return http.StatusOK, s
}

func (v *tally) findSales(r *http.Request) (int, any) {
	out := []*sheet{}
	for _, s := range v.documents {
		if slices.Contains(r.URL.Query()["key"], string(s.Key)) {
			out = append(out, s)
		}
	}
	return http.StatusOK, out
}

func (v *tally) readInvoice(r *http.Request) (int, any) {
	if s := v.sheet(r); s != nil && s.Invoice != nil {
		return http.StatusOK, s.Invoice
	}
	return absent()
}

func (v *tally) makeInvoice(r *http.Request) (int, any) {
	s := v.sheet(r)
	if s == nil {
		return absent()
	}
	s.Invoice = &connector.Document{Type: "invoice", ID: v.next(), State: connector.DocumentInvoiced, Totals: s.Totals}
	return http.StatusCreated, s.Invoice
}

func (v *tally) listHooks(*http.Request) (int, any) { return http.StatusOK, v.hooks }

func (v *tally) makeHook(r *http.Request) (int, any) {
	var h connector.Subscription
	if err := json.NewDecoder(r.Body).Decode(&h); err != nil {
		return unread(err)
	}
	h.ID, h.State = v.next(), connector.SubscriptionActive
	v.hooks = append(v.hooks, &h)
	return http.StatusCreated, h
}

func (v *tally) enableHook(r *http.Request) (int, any) {
	for _, h := range v.hooks {
		if h.ID == r.PathValue("id") {
			h.State = connector.SubscriptionActive
			return http.StatusOK, h
		}
	}
	return absent()
}

func (v *tally) disableHooks() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, h := range v.hooks {
		h.State = connector.SubscriptionDisabled
	}
}

// vendor gives the pretend system to the suite.
func (v *tally) vendor() *Vendor {
	return &Vendor{
		Handler:         v,
		Settings:        map[string]string{"company": "tea", "key": tallyKey, "hook_secret": tallyHookSecret},
		Unexpected:      func() []string { v.mu.Lock(); defer v.mu.Unlock(); return slices.Clone(v.unexpected) },
		ExpireSessions:  v.expire,
		Restrict:        v.restrict,
		DisableWebhooks: v.disableHooks,
		PutOrder:        v.putOrder, Exact: true,
		CancelOrder: v.cancelOrder, DeleteOrder: v.deleteOrder, PutCustomer: v.putCustomer,
		Documents: func() []Document {
			v.mu.Lock()
			defer v.mu.Unlock()
			out := []Document{}
			for _, s := range v.documents {
				out = append(out, Document{Document: s.Document, Currency: s.Currency, Customer: s.Customer, SKUs: s.SKUs})
			}
			return out
		},
	}
}
