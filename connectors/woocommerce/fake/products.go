package fake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// product finds or makes an article.
func (v *Vendor) product(sku, name string, price decimal.Decimal) *product {
	if p := v.bySKU[sku]; p != nil {
		return p
	}
	p := &product{id: v.id(), sku: sku, name: name, price: price}
	v.addProduct(p)
	return p
}

func (v *Vendor) addProduct(p *product) {
	v.products = append(v.products, p)
	v.byProduct[p.id] = p
	if p.sku != "" {
		v.bySKU[p.sku] = p
	}
}

func (v *Vendor) renderProduct(p *product) any {
	if p.raw != nil {
		return p.raw
	}
	return map[string]any{
		"id": p.id, "name": escaped(p.name), "type": "simple", "status": "publish", "sku": p.sku, "price": p.price.StringFixed(v.places),
		"regular_price": p.price.StringFixed(v.places), "tax_class": p.class, "manage_stock": false, "stock_quantity": nil, "parent_id": p.parent,
		"virtual": p.digital, "meta_data": []any{}, "_links": v.links("products/"+strconv.FormatInt(p.id, 10), "products", "GET", "POST", "PUT", "PATCH", "DELETE"),
	}
}

func (v *Vendor) productsRoute(c *call) reply {
	switch c.method {
	case http.MethodGet:
		v.known(c, "context", "page", "per_page", "sku", "search", "include", "order", "orderby", "status")
		page, size, refused := v.window(c)
		if refused != nil {
			return *refused
		}
		items := []any{}
		for _, p := range slices.Backward(v.products) {
			wanted := strings.Split(c.query.Get("sku"), ",")
			if c.query.Get("sku") != "" && !slices.Contains(wanted, p.sku) || c.query.Get("sku") == "" && p.parent != 0 {
				continue
			}
			items = append(items, fields(c, v.renderProduct(p)))
		}
		start := min((page-1)*size, len(items))
		return v.paged(c, items[start:min(start+size, len(items))], len(items), page, size)
	case http.MethodPost:
		var in struct {
			Name  string `json:"name"`
			SKU   string `json:"sku"`
			Price string `json:"regular_price"`
		}
		if refused := v.read(c, &in); refused != nil {
			return *refused
		}
		if held := v.bySKU[in.SKU]; held != nil {
			return failed(http.StatusBadRequest, "product_invalid_sku", "Invalid or duplicated SKU.",
				map[string]any{"resource_id": held.id, "unique_sku": in.SKU + "-1"}).allow("GET, POST")
		}
		return ok(http.StatusCreated, v.renderProduct(v.product(in.SKU, in.Name, number(in.Price)))).allow("GET, POST")
	}
	return noRoute()
}

func (v *Vendor) productRoute(id int64) reply {
	p := v.byProduct[id]
	if p == nil {
		return failed(http.StatusNotFound, "woocommerce_rest_product_invalid_id", "Invalid ID.", nil)
	}
	return ok(http.StatusOK, v.renderProduct(p)).allow("GET, POST, PUT, PATCH, DELETE")
}

// updateProduct changes the stock; what is no number is ignored where stock is not managed.
func (v *Vendor) updateProduct(c *call, id int64) reply {
	p := v.byProduct[id]
	if p == nil {
		return failed(http.StatusBadRequest, "woocommerce_rest_product_invalid_id", "Invalid ID.", nil)
	}
	var in struct {
		ID    int64           `json:"id"`
		Stock json.RawMessage `json:"stock_quantity"`
	}
	if refused := v.read(c, &in); refused != nil {
		return *refused
	}
	if p.raw != nil && string(p.raw["manage_stock"]) == "true" && in.Stock != nil {
		p.raw["stock_quantity"] = in.Stock
	}
	if p.raw != nil {
		p.raw["date_modified"], p.raw["date_modified_gmt"] = text(*v.local(v.second())), text(*v.gmt(v.second()))
	}
	return ok(http.StatusOK, v.renderProduct(p))
}

func (v *Vendor) variations(c *call, parent int64) reply {
	items := []any{}
	for _, p := range slices.Backward(v.products) {
		switch {
		case p.parent != parent || parent == 0:
		case p.variation != nil:
			items = append(items, p.variation)
		default:
			items = append(items, v.renderProduct(p))
		}
	}
	return v.paged(c, items, len(items), 1, max(len(items), 1))
}

func (v *Vendor) taxes(c *call) reply {
	v.known(c, "context", "page", "per_page", "order", "orderby", "class")
	items := []any{}
	for _, r := range v.rates {
		items = append(items, map[string]any{
			"id": r.id, "country": r.country, "state": "", "postcode": "", "city": "", "rate": r.rate.Shift(2).StringFixed(4), "name": r.name,
			"priority": 1, "compound": false, "shipping": r.shipping, "order": 1, "class": r.class, "postcodes": []any{}, "cities": []any{},
			"_links": v.links("taxes/"+strconv.FormatInt(r.id, 10), "taxes", "GET", "POST", "PUT", "PATCH", "DELETE"),
		})
	}
	return v.paged(c, items, len(items), 1, max(len(items), 1))
}
