package fake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxPage = 250

// fileID reads the id in "123.json".
func fileID(r *http.Request) string {
	id, ok := strings.CutSuffix(r.PathValue("file"), ".json")
	if !ok {
		return ""
	}
	return id
}

func notFound(w http.ResponseWriter) { refuse(w, http.StatusNotFound, `{"errors":"Not Found"}`) }

func (v *Vendor) getShop(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"shop": map[string]any{
		"id": 548380009, "name": "Orderly Tea", "myshopify_domain": shopDomain, "domain": "tea.example.com", "email": "owner@example.com",
		"currency": "EUR", "iana_timezone": shopZone.String(), "taxes_included": true, "plan_name": "shopify_plus", "primary_locale": "en",
	}})
}

// page is what page_info holds: the place to go on and the filter to go on with.
type page struct {
	Place int    `json:"p"`
	Since string `json:"s,omitempty"`
	Until string `json:"u,omitempty"`
	Other string `json:"o,omitempty"` // status, or order
}

func (p page) text() string {
	body, _ := json.Marshal(p) // numbers and texts only
	return base64.RawURLEncoding.EncodeToString(body)
}

// list reads the parameters of a list. It answers and gives false when one is not allowed.
func (v *Vendor) list(w http.ResponseWriter, r *http.Request, allowed ...string) (p page, limit int, ok bool) {
	query := r.URL.Query()
	limit = 50
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			v.surprise("limit=%s", text)
			refuse(w, http.StatusBadRequest, `{"errors":{"limit":"must be between 1 and 250"}}`)
			return p, 0, false
		}
		limit = n
	}
	for name := range query {
		switch {
		case name == "limit" || name == "fields":
		case query.Has("page_info") && name != "page_info":
			v.surprise("%s beside page_info", name)
			refuse(w, http.StatusBadRequest, fmt.Sprintf(`{"errors":{%q:"%s cannot be passed when page_info is present."}}`, name, name))
			return p, 0, false
		case name != "page_info" && !slices.Contains(allowed, name):
			v.surprise("the parameter %s of %s", name, r.URL.Path)
		}
	}
	if info := query.Get("page_info"); info != "" {
		body, err := base64.RawURLEncoding.DecodeString(info)
		if err != nil || json.Unmarshal(body, &p) != nil {
			refuse(w, http.StatusBadRequest, `{"errors":{"page_info":"Invalid value."}}`)
			return p, 0, false
		}
		return p, limit, true
	}
	p.Since, p.Until, p.Other = query.Get("updated_at_min"), query.Get("updated_at_max"), query.Get("status")
	return p, limit, true
}

// window reads the bounds of a list; both are inclusive.
func (p page) window(w http.ResponseWriter) (since, until time.Time, ok bool) {
	for name, bound := range map[string]*time.Time{"updated_at_min": &since, "updated_at_max": &until} {
		text := p.Since
		if name == "updated_at_max" {
			text = p.Until
		}
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Sprintf(`{"errors":{%q:"Invalid value."}}`, name))
			return since, until, false
		}
		*bound = at
	}
	if !until.IsZero() {
		until = until.Add(time.Second)
	}
	return since, until, true
}

// orderFilter is the filter of orders: without status, closed and cancelled ones are missing.
func (v *Vendor) orderFilter(since, until time.Time, status string) filter[*order] {
	return filter[*order]{since: since, until: until, keep: func(o *order) bool {
		switch status {
		case "any":
		case "closed":
			if o.ClosedAt == nil {
				return false
			}
		case "cancelled":
			if o.CancelledAt == nil {
				return false
			}
		default:
			if o.ClosedAt != nil || o.CancelledAt != nil {
				return false
			}
		}
		return v.visible(o)
	}}
}

// visible says whether an order is within the 60 days that an app sees without read_all_orders.
func (v *Vendor) visible(o *order) bool {
	return v.granted("read_all_orders") || v.now().Sub(o.CreatedAt.Time) <= 60*24*time.Hour
}

// link writes the address of the next page as the header says it.
func (v *Vendor) link(w http.ResponseWriter, r *http.Request, p page, limit int) {
	next := url.Values{"limit": {strconv.Itoa(limit)}, "page_info": {p.text()}}
	w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, v.options.BaseURL, r.URL.Path, next.Encode()))
}

func (v *Vendor) listOrders(w http.ResponseWriter, r *http.Request) {
	p, limit, ok := v.list(w, r, "status", "updated_at_min", "updated_at_max", "order")
	if !ok {
		return
	}
	if order := r.URL.Query().Get("order"); order != "" && order != "updated_at asc" {
		v.surprise("order=%s", order)
	}
	since, until, ok := p.window(w)
	if !ok {
		return
	}
	orders, next, more := v.orders.page(v.orderFilter(since, until, p.Other), p.Place, limit)
	out := make([]*order, len(orders))
	for i, o := range orders {
		out[i] = v.shownOrder(o)
	}
	if p.Place = next; more {
		v.link(w, r, p, limit)
	}
	answer(w, http.StatusOK, map[string]any{"orders": out})
}

func (v *Vendor) countOrders(w http.ResponseWriter, r *http.Request) {
	p, _, ok := v.list(w, r, "status", "updated_at_min", "updated_at_max")
	if !ok {
		return
	}
	if since, until, ok := p.window(w); ok {
		answer(w, http.StatusOK, map[string]int{"count": v.orders.count(v.orderFilter(since, until, p.Other))})
	}
}

func (v *Vendor) getOrder(w http.ResponseWriter, r *http.Request) {
	o, ok := v.orders.text(fileID(r))
	if !ok || !v.visible(o) {
		notFound(w)
		return
	}
	answer(w, http.StatusOK, map[string]any{"order": v.shownOrder(o)})
}

func (v *Vendor) getTransactions(w http.ResponseWriter, r *http.Request) {
	o, ok := v.orders.text(r.PathValue("id"))
	if !ok || !v.visible(o) {
		notFound(w)
		return
	}
	shop := false
	for name, values := range r.URL.Query() {
		if name != "in_shop_currency" {
			v.surprise("the parameter %s of transactions", name)
		}
		shop = values[0] == "true"
	}
	out := make([]transaction, 0, len(o.transactions))
	for _, t := range o.transactions {
		if !shop { // the currency in which the buyer paid
			t.Amount, t.Currency = t.amount.Presentment.Amount, t.amount.Presentment.Currency
		}
		out = append(out, t)
	}
	answer(w, http.StatusOK, map[string]any{"transactions": out})
}

// updateOrder takes what a connector may change: tags and the note.
func (v *Vendor) updateOrder(w http.ResponseWriter, r *http.Request) {
	o, ok := v.orders.text(fileID(r))
	if !ok {
		notFound(w)
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		refuse(w, http.StatusBadRequest, `{"errors":{"order":"Required parameter missing or invalid"}}`)
		return
	}
	var body struct {
		Order *struct {
			ID   int64   `json:"id"`
			Tags *string `json:"tags"`
			Note *string `json:"note"`
		} `json:"order"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil || body.Order == nil {
		refuse(w, http.StatusBadRequest, `{"errors":{"order":"Required parameter missing or invalid"}}`)
		return
	}
	if body.Order.ID != 0 && body.Order.ID != o.ID {
		v.surprise("the order in the body is not the one in the address")
	}
	changed := *o
	if body.Order.Tags != nil {
		tags, problem := cleanTags(strings.Split(*body.Order.Tags, ","))
		if problem != "" {
			refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf(`{"errors":{"tags":[%q]}}`, problem))
			return
		}
		changed.Tags = strings.Join(tags, ", ")
	}
	if body.Order.Note != nil {
		changed.Note = text(*body.Order.Note)
	}
	sends := v.touch(o, &changed)
	stored, _ := v.orders.get(o.ID)
	answer(w, http.StatusOK, map[string]any{"order": v.shownOrder(stored)})
	v.later(sends)
}

// touch stores a changed order, if it is one, and gives the news of it.
func (v *Vendor) touch(before, changed *order) []send {
	if before.Tags == changed.Tags && deref(before.Note) == deref(changed.Note) {
		return nil
	}
	changed.UpdatedAt = v.seconds()
	v.orders.put(changed.ID, changed.UpdatedAt.Time, changed)
	if truth := v.truth[changed.ID]; truth != nil {
		next := *truth
		next.Source.UpdatedAt = changed.UpdatedAt.Time
		v.truth[changed.ID] = &next
	}
	return v.news("orders/updated", changed.ID, v.shownOrder(changed))
}

// cleanTags sorts tags and drops empty and double ones, as Shopify does without looking at case.
func cleanTags(from []string) (tags []string, problem string) {
	for _, tag := range from {
		tag = strings.TrimSpace(tag)
		switch {
		case tag == "" || slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) }):
			continue
		case len([]rune(tag)) > 40:
			return nil, "is too long (maximum is 40 characters)"
		}
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags, ""
}

func (v *Vendor) listCustomers(w http.ResponseWriter, r *http.Request) {
	p, limit, ok := v.list(w, r, "updated_at_min", "updated_at_max")
	if !ok {
		return
	}
	since, until, ok := p.window(w)
	if !ok {
		return
	}
	customers, next, more := v.customers.page(filter[*customer]{since: since, until: until}, p.Place, limit)
	out := make([]*customer, len(customers))
	for i, c := range customers {
		out[i] = v.shownCustomer(c)
	}
	if p.Place = next; more {
		v.link(w, r, p, limit)
	}
	answer(w, http.StatusOK, map[string]any{"customers": out})
}

func (v *Vendor) countCustomers(w http.ResponseWriter, r *http.Request) {
	p, _, ok := v.list(w, r, "updated_at_min", "updated_at_max")
	if !ok {
		return
	}
	if since, until, ok := p.window(w); ok {
		answer(w, http.StatusOK, map[string]int{"count": v.customers.count(filter[*customer]{since: since, until: until})})
	}
}

func (v *Vendor) getCustomer(w http.ResponseWriter, r *http.Request) {
	c, ok := v.customers.text(fileID(r))
	if !ok {
		notFound(w)
		return
	}
	answer(w, http.StatusOK, map[string]any{"customer": v.shownCustomer(c)})
}

// shownOrder is an order as this app sees it; its customer comes without the address book.
func (v *Vendor) shownOrder(o *order) *order {
	shown := *o
	if o.Customer != nil {
		buyer := *o.Customer
		buyer.Addresses, buyer.Consent = nil, nil
		shown.Customer = &buyer
	}
	if !v.granted("read_customers") {
		shown.Customer = nil
	}
	if v.anonymous {
		shown.Email, shown.ContactEmail, shown.Phone = "", nil, nil
		shown.BillingAddress, shown.ShippingAddress = blank(o.BillingAddress), blank(o.ShippingAddress)
		if shown.Customer != nil {
			shown.Customer = v.shownCustomer(shown.Customer)
		}
	}
	return &shown
}

// shownCustomer is a customer as this app sees it.
func (v *Vendor) shownCustomer(c *customer) *customer {
	if !v.anonymous {
		return c
	}
	shown := *c
	shown.FirstName, shown.LastName, shown.Email, shown.Phone = nil, nil, nil, nil
	shown.DefaultAddress, shown.Addresses = blank(c.DefaultAddress), nil
	return &shown
}

// blank leaves of an address what is not protected.
func blank(a *address) *address {
	if a == nil {
		return nil
	}
	return &address{ID: a.ID, CustomerID: a.CustomerID, Province: a.Province, Country: a.Country, ProvinceCode: a.ProvinceCode, CountryCode: a.CountryCode}
}
