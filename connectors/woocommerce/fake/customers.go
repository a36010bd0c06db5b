package fake

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type customerJSON struct {
	ID          int64          `json:"id"`
	Created     *string        `json:"date_created"`
	CreatedGMT  *string        `json:"date_created_gmt"`
	Modified    *string        `json:"date_modified"`
	ModifiedGMT *string        `json:"date_modified_gmt"`
	Email       string         `json:"email"`
	FirstName   string         `json:"first_name"`
	LastName    string         `json:"last_name"`
	Role        string         `json:"role"`
	Username    string         `json:"username"`
	Billing     addr           `json:"billing"`
	Shipping    addr           `json:"shipping"`
	Paying      bool           `json:"is_paying_customer"`
	Avatar      string         `json:"avatar_url"`
	Meta        []meta         `json:"meta_data"`
	Links       map[string]any `json:"_links,omitempty"`
}

func (v *Vendor) renderCustomer(c *customer) customerJSON {
	allow := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	if c.role == "administrator" {
		allow = allow[:4]
	}
	return customerJSON{
		ID: c.id, Created: v.local(c.created), CreatedGMT: v.gmt(c.created), Modified: v.local(c.modified), ModifiedGMT: v.gmt(c.modified),
		Email: c.email, FirstName: c.first, LastName: c.last, Role: c.role, Username: c.username, Billing: c.billing, Shipping: c.shipping, Paying: c.paying,
		Avatar: "https://secure.gravatar.com/avatar/?s=96&d=mm&r=g", Meta: listed(c.meta),
		Links: v.links("customers/"+strconv.FormatInt(c.id, 10), "customers", allow...),
	}
}

func (v *Vendor) customersRoute(c *call) reply {
	switch c.method {
	case http.MethodGet:
		return v.listCustomers(c)
	case http.MethodPost:
		return v.createCustomer(c)
	}
	return noRoute()
}

func (v *Vendor) listCustomers(c *call) reply {
	v.known(c, "context", "page", "per_page", "search", "exclude", "include", "offset", "order", "orderby", "email", "role")
	page, size, refused := v.window(c)
	if refused != nil {
		return *refused
	}
	for _, p := range []struct {
		name    string
		allowed []string
	}{
		{"order", []string{"asc", "desc"}}, {"orderby", []string{"id", "include", "name", "registered_date"}},
		{"role", []string{"all", "administrator", "editor", "author", "contributor", "subscriber", "customer", "shop_manager"}},
	} {
		if refused := oneOf(p.name, c.query.Get(p.name), p.allowed); refused != nil {
			return *refused
		}
	}
	role := cmp.Or(c.query.Get("role"), "customer")
	var chosen []*customer
	for _, who := range v.customers {
		if role != "all" && who.role != role ||
			c.query.Get("email") != "" && !strings.EqualFold(who.email, c.query.Get("email")) ||
			c.query.Get("search") != "" && !strings.Contains(who.email+" "+who.username, c.query.Get("search")) {
			continue
		}
		chosen = append(chosen, who)
	}
	if c.query.Get("order") == "desc" {
		slices.Reverse(chosen)
	}
	total := len(chosen)
	start := (page - 1) * size
	if given := c.query.Get("offset"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 0 {
			return invalidParameter("offset", "rest_invalid_type", "offset is not of type integer.")
		}
		start = n
	}
	start = min(start, total)
	items := []any{}
	for _, who := range chosen[start:min(start+size, total)] {
		items = append(items, fields(c, v.renderCustomer(who)))
	}
	return v.paged(c, items, total, page, size)
}

type customerInput struct {
	Email     string      `json:"email"`
	FirstName *string     `json:"first_name"`
	LastName  *string     `json:"last_name"`
	Username  string      `json:"username"`
	Billing   *addr       `json:"billing"`
	Shipping  *addr       `json:"shipping"`
	Meta      []metaInput `json:"meta_data"`
}

func (v *Vendor) createCustomer(c *call) reply {
	var in customerInput
	if refused := v.read(c, &in); refused != nil {
		return *refused
	}
	if in.Email == "" {
		return failed(http.StatusBadRequest, "rest_missing_callback_param", "Missing parameter(s): email", map[string]any{"params": []string{"email"}})
	}
	if v.withEmail(in.Email) != nil {
		return failed(http.StatusBadRequest, "registration-error-email-exists",
			"An account is already registered with "+in.Email+". Please log in or use a different email address.", nil).allow("GET, POST")
	}
	who := v.newCustomer(in.Email)
	v.applyCustomer(who, in)
	v.tellCustomer(who, "customer.created")
	a := ok(http.StatusCreated, v.renderCustomer(who)).allow("GET, POST")
	a.header["Location"] = v.options.BaseURL + "/wp-json/wc/v3/customers/" + strconv.FormatInt(who.id, 10)
	return a
}

func (v *Vendor) withEmail(email string) *customer {
	for _, who := range v.customers {
		if email != "" && strings.EqualFold(who.email, email) {
			return who
		}
	}
	return nil
}

// newCustomer makes an account; ids of users are a sequence of their own, whose first is the admin.
func (v *Vendor) newCustomer(email string) *customer {
	id := int64(2)
	if n := len(v.customers); n > 0 {
		id = v.customers[n-1].id + 1
	}
	name, _, _ := strings.Cut(email, "@")
	who := &customer{id: id, created: v.second(), email: email, role: "customer", username: name}
	none := ""
	who.billing.Email = &none
	v.customers = append(v.customers, who)
	v.byCustomer[id] = who
	return who
}

func (v *Vendor) applyCustomer(who *customer, in customerInput) {
	if in.FirstName != nil {
		who.first = *in.FirstName
	}
	if in.LastName != nil {
		who.last = *in.LastName
	}
	if in.Billing != nil {
		who.billing = *in.Billing
	}
	if who.billing.Email == nil {
		none := ""
		who.billing.Email = &none
	}
	if in.Shipping != nil {
		who.shipping = *in.Shipping
		who.shipping.Email = nil
	}
	for _, m := range in.Meta {
		who.meta = append(who.meta, meta{ID: v.metaID(), Key: m.Key, Value: m.Value})
	}
}

func (v *Vendor) customerRoute(c *call, id int64) reply {
	who := v.byCustomer[id]
	if who == nil {
		return failed(http.StatusNotFound, "wc_user_invalid_id", "Invalid user ID.", nil)
	}
	switch c.method {
	case http.MethodGet:
		v.known(c, "context")
		return ok(http.StatusOK, fields(c, v.renderCustomer(who))).allow("GET, POST, PUT, PATCH, DELETE")
	case http.MethodPut, http.MethodPost, http.MethodPatch:
		var in customerInput
		if refused := v.read(c, &in); refused != nil {
			return *refused
		}
		v.applyCustomer(who, in)
		who.modified = v.second()
		v.tellCustomer(who, "customer.updated")
		return ok(http.StatusOK, v.renderCustomer(who)).allow("GET, POST, PUT, PATCH, DELETE")
	case http.MethodDelete:
		if c.query.Get("force") != "true" {
			return failed(http.StatusNotImplemented, "woocommerce_rest_trash_not_supported", "Customers do not support trashing.", nil)
		}
		shown := v.renderCustomer(who)
		v.customers = slices.DeleteFunc(v.customers, func(other *customer) bool { return other == who })
		delete(v.byCustomer, id)
		v.tellCustomer(who, "customer.deleted")
		return ok(http.StatusOK, shown)
	}
	return noRoute()
}
