package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// reply is an answer on its way.
type reply struct {
	status int
	header map[string]string
	body   []byte
}

// call is a request with what is known of it.
type call struct {
	method, path string // path as it was asked for, without the API's prefix
	query        url.Values
	rawQuery     string
	body         []byte
	request      *http.Request
}

const maxBody = 8 << 20

// answer finds and calls the route.
func (v *Vendor) answer(r *http.Request) reply {
	route := r.URL.Path
	query := r.URL.Query()
	if plain := query.Get("rest_route"); plain != "" && strings.Trim(route, "/") == "" {
		route = "/wp-json" + plain
	}
	rest, found := strings.CutPrefix(route, "/wp-json")
	if !found {
		v.strange("%s %s: no route of the REST API", r.Method, route)
		return reply{http.StatusNotFound, map[string]string{"Content-Type": "text/html; charset=UTF-8"}, []byte("<!doctype html>\n<title>Page not found</title>\n")}
	}
	if strings.Trim(rest, "/") == "" {
		return v.index()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return failed(http.StatusBadRequest, "rest_invalid_json", "Invalid JSON body passed.", nil)
	}
	c := &call{method: r.Method, query: query, rawQuery: r.URL.RawQuery, body: body, request: r}
	rest, found = strings.CutPrefix(rest, "/wc/v3/")
	if !found {
		v.strange("%s %s: no route of wc/v3", r.Method, route)
		return noRoute()
	}
	c.path = strings.Trim(rest, "/")
	if refused := v.authenticate(c); refused != nil {
		return *refused
	}
	if len(body) > 0 {
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			v.strange("%s %s: a body that is not declared as JSON", r.Method, route)
		} else if !json.Valid(body) {
			a := failed(http.StatusBadRequest, "rest_invalid_json", "Invalid JSON body passed.", map[string]any{"json_error_code": 4, "json_error_message": "Syntax error"})
			return a.allow("GET, POST")
		}
	}
	return v.route(c)
}

func (v *Vendor) route(c *call) reply {
	parts := strings.Split(c.path, "/")
	id := int64(0)
	if len(parts) > 1 {
		id, _ = strconv.ParseInt(parts[1], 10, 64)
	}
	one := len(parts) == 2 && id > 0
	switch {
	case c.path == "orders":
		return v.ordersRoute(c)
	case c.path == "orders/batch":
		return v.batch(c, v.createOrder, v.updateOrder, v.removeOrder)
	case parts[0] == "orders" && one:
		return v.orderRoute(c, id)
	case parts[0] == "orders" && len(parts) == 3 && id > 0 && parts[2] == "notes":
		return v.notesRoute(c, id)
	case parts[0] == "orders" && len(parts) == 3 && id > 0 && parts[2] == "refunds":
		return v.refundsRoute(c, id)
	case c.path == "refunds" && c.method == http.MethodGet && v.release.rich:
		return v.allRefunds()
	case c.path == "customers":
		return v.customersRoute(c)
	case parts[0] == "customers" && one:
		return v.customerRoute(c, id)
	case c.path == "products":
		return v.productsRoute(c)
	case c.path == "products/batch":
		return v.batch(c, nil, v.updateProduct, nil)
	case parts[0] == "products" && one && c.method == http.MethodGet:
		return v.productRoute(id)
	case parts[0] == "products" && len(parts) == 3 && parts[2] == "variations" && c.method == http.MethodGet:
		return v.variations(c, id)
	case c.path == "taxes" && c.method == http.MethodGet:
		return v.taxes(c)
	case c.path == "data/currencies/current" && c.method == http.MethodGet:
		return v.currency()
	case c.path == "settings/tax/woocommerce_prices_include_tax" && c.method == http.MethodGet:
		return v.pricesIncludeTax()
	case c.path == "webhooks":
		return v.webhooksRoute(c)
	case parts[0] == "webhooks" && one:
		return v.webhookRoute(c, id)
	}
	v.strange("%s %s: no such route", c.method, c.path)
	return noRoute()
}

func (v *Vendor) index() reply {
	return ok(http.StatusOK, map[string]any{
		"name": "Teehaus &amp; Söhne", "description": "", "url": v.options.BaseURL, "home": v.options.BaseURL,
		"gmt_offset": "1", "timezone_string": v.zone.String(),
		"namespaces":     []string{"oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wp/v2"},
		"authentication": map[string]any{}, "routes": map[string]any{},
	})
}

func (v *Vendor) currency() reply {
	code := "EUR"
	if known := v.options.Catalog.Currencies; len(known) > 0 {
		code = string(known[0])
	}
	return ok(http.StatusOK, map[string]any{
		"code": code, "name": "Euro", "symbol": "&euro;", "_links": v.links("data/currencies/"+code, "data/currencies", "GET"),
	}).allow("GET")
}

func (v *Vendor) pricesIncludeTax() reply {
	value := "no"
	if v.include {
		value = "yes"
	}
	return ok(http.StatusOK, map[string]any{
		"id": "woocommerce_prices_include_tax", "label": "Prices entered with tax", "type": "radio", "default": "no", "value": value, "group_id": "tax",
	})
}

// links are the _links of a record.
func (v *Vendor) links(self, collection string, allow ...string) map[string]any {
	at := map[string]any{"href": v.options.BaseURL + "/wp-json/wc/v3/" + self}
	if v.release.rich {
		at["targetHints"] = map[string]any{"allow": allow}
	}
	return map[string]any{
		"self":       []any{at},
		"collection": []any{map[string]any{"href": v.options.BaseURL + "/wp-json/wc/v3/" + collection}},
	}
}

func ok(status int, body any) reply {
	text, err := json.Marshal(body)
	if err != nil {
		return failed(http.StatusInternalServerError, "internal_server_error", "There has been a critical error on this website.", nil)
	}
	return reply{status: status, header: map[string]string{}, body: text}
}

func (a reply) allow(methods string) reply {
	a.header["Allow"] = methods
	return a
}

// failed is an error as WordPress writes it; more goes into data beside the status.
func failed(status int, code, message string, more map[string]any) reply {
	data := map[string]any{"status": status}
	maps.Copy(data, more)
	return ok(status, map[string]any{"code": code, "message": message, "data": data})
}

func noRoute() reply {
	return failed(http.StatusNotFound, "rest_no_route", "No route was found matching the URL and request method.", nil)
}

// invalidParameter is the error of a parameter that the route's schema does not allow.
func invalidParameter(name, code, message string) reply {
	return failed(http.StatusBadRequest, "rest_invalid_param", "Invalid parameter(s): "+name, map[string]any{
		"params":  map[string]any{name: message},
		"details": map[string]any{name: map[string]any{"code": code, "message": message, "data": nil}},
	})
}

// paged answers with a page of a list.
func (v *Vendor) paged(c *call, items []any, total, page, size int) reply {
	a := ok(http.StatusOK, items).allow("GET, POST")
	pages := (total + size - 1) / size
	a.header["X-WP-Total"], a.header["X-WP-TotalPages"] = strconv.Itoa(total), strconv.Itoa(pages)
	link := func(to int, rel string) string {
		q := c.query
		again := url.Values{}
		maps.Copy(again, q)
		again.Set("page", strconv.Itoa(to))
		return fmt.Sprintf("<%s/wp-json/wc/v3/%s?%s>; rel=%q", v.options.BaseURL, c.path, again.Encode(), rel)
	}
	var links []string
	if page > 1 {
		links = append(links, link(min(page-1, pages), "prev"))
	}
	if page < pages {
		links = append(links, link(page+1, "next"))
	}
	if len(links) > 0 {
		a.header["Link"] = strings.Join(links, ", ")
	}
	return a
}

// window reads page and per_page.
func (v *Vendor) window(c *call) (page, size int, refused *reply) {
	page, size = 1, 10
	for _, p := range []struct {
		name   string
		value  *int
		lowest int
		most   int
		text   string
	}{
		{"per_page", &size, 1, 100, "per_page must be between 1 (inclusive) and 100 (inclusive)"},
		{"page", &page, 1, 1 << 40, "page must be greater than or equal to 1"},
	} {
		text := c.query.Get(p.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			a := invalidParameter(p.name, "rest_invalid_type", p.name+" is not of type integer.").allow("GET, POST")
			return 0, 0, &a
		}
		if n < p.lowest || n > p.most {
			a := invalidParameter(p.name, "rest_out_of_bounds", p.text).allow("GET, POST")
			return 0, 0, &a
		}
		*p.value = n
	}
	return page, size, nil
}

// known notes query parameters that the route does not have: WordPress ignores them without a word.
func (v *Vendor) known(c *call, names ...string) {
	for name := range c.query {
		name, _, _ = strings.Cut(name, "[")
		if strings.HasPrefix(name, "oauth_") || name == "consumer_key" || name == "consumer_secret" || name == "rest_route" || name == "_fields" {
			continue
		}
		found := false
		for _, k := range names {
			found = found || k == name
		}
		if !found {
			v.strange("%s %s: no parameter %q", c.method, c.path, name)
		}
	}
}

// fields keeps of a record what _fields asks for.
func fields(c *call, record any) any {
	wanted := c.query.Get("_fields")
	if wanted == "" {
		return record
	}
	text, err := json.Marshal(record)
	if err != nil {
		return record
	}
	var all, some = map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &all); err != nil {
		return record
	}
	for name := range strings.SplitSeq(wanted, ",") {
		if value, found := all[strings.TrimSpace(name)]; found {
			some[strings.TrimSpace(name)] = value
		}
	}
	return some
}

// batch does several changes and answers 200 whatever became of them.
func (v *Vendor) batch(c *call, create func(*call) reply, update, remove func(*call, int64) reply) reply {
	var b struct {
		Create []json.RawMessage `json:"create"`
		Update []json.RawMessage `json:"update"`
		Delete []int64           `json:"delete"`
	}
	if c.method != http.MethodPost || json.Unmarshal(c.body, &b) != nil {
		return noRoute()
	}
	if len(b.Create)+len(b.Update)+len(b.Delete) > 100 {
		return failed(http.StatusRequestEntityTooLarge, "woocommerce_rest_request_entity_too_large", "Unable to accept more than 100 items for this request.", nil)
	}
	out := map[string][]json.RawMessage{}
	add := func(list string, id int64, a reply) {
		body := json.RawMessage(a.body)
		if a.status >= 400 {
			body = ok(a.status, map[string]any{"id": id, "error": json.RawMessage(a.body)}).body
		}
		out[list] = append(out[list], body)
	}
	for _, item := range b.Create {
		if create != nil {
			add("create", 0, create(&call{method: http.MethodPost, path: c.path, query: url.Values{}, body: item}))
		}
	}
	for _, item := range b.Update {
		var named struct {
			ID int64 `json:"id"`
		}
		_ = json.Unmarshal(item, &named) // id 0 is answered as one that is not there
		add("update", named.ID, update(&call{method: http.MethodPut, path: c.path, query: url.Values{}, body: item}, named.ID))
	}
	for _, id := range b.Delete {
		if remove != nil {
			add("delete", id, remove(&call{method: http.MethodDelete, path: c.path, query: url.Values{"force": {"true"}}}, id))
		}
	}
	return ok(http.StatusOK, out).allow("POST, PUT, PATCH")
}
