package fake

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// root gives the fields of the query or the mutation root. What needs a right says so as Shopify does.
func (v *Vendor) root(typeName string, x *execution) object {
	resolve := func(scope string, f func(args map[string]any, f *field, path []any) any) func(*field, []any) any {
		return func(field *field, path []any) any {
			if !v.granted(scope) {
				x.deny(field.Name, scope, path)
				return nil
			}
			return f(x.arguments(field.Field), field, path)
		}
	}
	if typeName == "Mutation" {
		return object{
			"__typename":                typeName,
			"tagsAdd":                   resolve("write_orders", x.tagsAdd),
			"webhookSubscriptionCreate": resolve("", x.subscribe),
			"webhookSubscriptionDelete": resolve("", x.unsubscribe),
		}
	}
	return object{
		"__typename": typeName,
		"shop": resolve("", func(map[string]any, *field, []any) any {
			return object{
				"__typename": "Shop", "id": gid("Shop", 548380009), "name": "Orderly Tea", "myshopifyDomain": shopDomain,
				"currencyCode": "EUR", "ianaTimezone": shopZone.String(), "taxesIncluded": true,
			}
		}),
		"order":                resolve("read_orders", x.order),
		"orders":               resolve("read_orders", x.orders),
		"ordersCount":          resolve("read_orders", x.ordersCount),
		"customer":             resolve("read_customers", x.customer),
		"customers":            resolve("read_customers", x.customers),
		"webhookSubscriptions": resolve("", x.subscriptions),
	}
}

func (x *execution) deny(field, scope string, path []any) {
	access := "`" + scope + "` access scope."
	x.problems = append(x.problems, problem{
		Message: fmt.Sprintf("Access denied for %s field. Required access: %s", field, access), Path: append([]any(nil), path...),
		Extensions: map[string]any{"code": "ACCESS_DENIED", "documentation": "https://shopify.dev/api/usage/access-scopes", "requiredAccess": access},
	})
}

// gidOf reads the number in an id of a kind.
func gidOf(kind string, value any) (int64, bool) {
	digits, ok := strings.CutPrefix(fmt.Sprint(value), "gid://shopify/"+kind+"/")
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, ok && err == nil
}

func (x *execution) order(args map[string]any, _ *field, path []any) any {
	id, ok := gidOf("Order", args["id"])
	if !ok {
		x.v.surprise("order(id: %v)", args["id"])
		x.fail(path, "argumentLiteralsIncompatible", "Invalid global id '%v'", args["id"])
		return nil
	}
	o, ok := x.v.orders.get(id)
	if !ok || !x.v.visible(o) {
		return nil
	}
	return x.graphOrder(o, path)
}

func (x *execution) orders(args map[string]any, f *field, path []any) any {
	w, ok := x.search(args, path)
	from, n, spanned := x.span(f, path)
	if !ok || !spanned {
		return nil
	}
	if key := fmt.Sprint(args["sortKey"]); key != "UPDATED_AT" {
		x.v.surprise("orders sorted by %s", key)
	}
	found, next, more := x.v.orders.page(x.v.orderFilter(w.since, w.until, w.status), from, n)
	out := paged{more: more, end: cursor(next)}
	for i, o := range found {
		out.nodes = append(out.nodes, x.graphOrder(o, append(path, "nodes", i)))
	}
	return out
}

func (x *execution) ordersCount(args map[string]any, _ *field, path []any) any {
	w, ok := x.search(args, path)
	if !ok {
		return nil
	}
	count, precision := x.v.orders.count(x.v.orderFilter(w.since, w.until, w.status)), "EXACT"
	if limit, given := number(args["limit"]); given && count > limit {
		count, precision = limit, "AT_LEAST"
	}
	return object{"__typename": "Count", "count": count, "precision": precision}
}

func (x *execution) customer(args map[string]any, _ *field, path []any) any {
	id, ok := gidOf("Customer", args["id"])
	if !ok {
		x.v.surprise("customer(id: %v)", args["id"])
		x.fail(path, "argumentLiteralsIncompatible", "Invalid global id '%v'", args["id"])
		return nil
	}
	c, ok := x.v.customers.get(id)
	if !ok {
		return nil
	}
	return x.v.graphCustomer(c)
}

func (x *execution) customers(args map[string]any, f *field, path []any) any {
	w, ok := x.search(args, path)
	from, n, spanned := x.span(f, path)
	if !ok || !spanned {
		return nil
	}
	found, next, more := x.v.customers.page(filter[*customer]{since: w.since, until: w.until}, from, n)
	out := paged{more: more, end: cursor(next)}
	for _, c := range found {
		out.nodes = append(out.nodes, x.v.graphCustomer(c))
	}
	return out
}

// searched is what a search asks for. Without a status all states come.
type searched struct {
	since, until time.Time
	status       string
}

// search reads the part of Shopify's search syntax that the fake knows. Shopify ignores what it does
// not understand, which would list too much: the fake notes it.
func (x *execution) search(args map[string]any, path []any) (searched, bool) {
	out := searched{status: "any"}
	text, _ := args["query"].(string)
	for term := range strings.SplitSeq(text, " AND ") {
		if term = strings.TrimSpace(term); term == "" {
			continue
		}
		name, value, _ := strings.Cut(term, ":")
		bound, quoted := strings.TrimLeft(value, "<>="), strings.Contains(value, "'")
		at, err := time.Parse(time.RFC3339, strings.Trim(bound, "'"))
		comparator := value[:len(value)-len(bound)]
		switch {
		case name == "updated_at" && err == nil && quoted && comparator == ">=":
			out.since = at
		case name == "updated_at" && err == nil && quoted && comparator == "<":
			out.until = at
		default:
			x.v.surprise("the search term %q", term)
		}
	}
	if !out.until.IsZero() && out.until.Before(out.since) {
		x.fail(path, "BAD_REQUEST", "the search ends before it begins")
		return out, false
	}
	return out, true
}

func userErrors(field []string, message string) []object {
	if message == "" {
		return []object{}
	}
	return []object{{"__typename": "UserError", "field": field, "message": message}}
}

func (x *execution) tagsAdd(args map[string]any, _ *field, _ []any) any {
	payload := object{"__typename": "TagsAddPayload", "node": nil}
	id, ok := gidOf("Order", args["id"])
	o, found := x.v.orders.get(id)
	if !ok || !found {
		payload["userErrors"] = userErrors([]string{"id"}, "Resource does not exist")
		return payload
	}
	tags := strings.Split(o.Tags, ",")
	list, _ := args["tags"].([]any)
	for _, t := range list {
		tags = append(tags, fmt.Sprint(t))
	}
	clean, problem := cleanTags(tags)
	payload["userErrors"] = userErrors([]string{"tags"}, problem)
	if problem == "" {
		changed := *o
		changed.Tags = strings.Join(clean, ", ")
		x.sends = append(x.sends, x.v.touch(o, &changed)...)
		payload["node"] = object{"__typename": "Order", "id": gid("Order", o.ID)}
	}
	return payload
}

func (x *execution) subscribe(args map[string]any, f *field, path []any) any {
	topic := strings.ToLower(strings.Replace(fmt.Sprint(args["topic"]), "_", "/", 1))
	input, _ := args["webhookSubscription"].(map[string]any)
	address, _ := input["uri"].(string)
	if address == "" {
		address, _ = input["callbackUrl"].(string)
	}
	if scope := topicScope(topic); !x.v.granted(scope) {
		x.deny(f.Name, scope, path)
		return nil
	}
	payload := object{"__typename": "WebhookSubscriptionCreatePayload", "webhookSubscription": nil}
	h, problem := x.v.subscribe(topic, address)
	payload["userErrors"] = userErrors([]string{"webhookSubscription", "callbackUrl"}, problem)
	if problem == "" {
		payload["webhookSubscription"] = graphHook(h)
	}
	return payload
}

func (x *execution) unsubscribe(args map[string]any, _ *field, _ []any) any {
	payload := object{"__typename": "WebhookSubscriptionDeletePayload", "deletedWebhookSubscriptionId": nil}
	id, _ := gidOf("WebhookSubscription", args["id"])
	for i, h := range x.v.hooks {
		if h.ID == id && !h.byHand {
			x.v.hooks = append(x.v.hooks[:i:i], x.v.hooks[i+1:]...)
			payload["deletedWebhookSubscriptionId"], payload["userErrors"] = args["id"], userErrors(nil, "")
			return payload
		}
	}
	payload["userErrors"] = userErrors([]string{"id"}, "Webhook subscription does not exist")
	return payload
}

func (x *execution) subscriptions(args map[string]any, _ *field, _ []any) any {
	out := connection{}
	for _, h := range x.v.own() {
		if uri, _ := args["uri"].(string); uri == "" || uri == h.Address {
			out = append(out, graphHook(h))
		}
	}
	return out
}

func graphHook(h *hook) object {
	return object{
		"__typename": "WebhookSubscription", "id": gid("WebhookSubscription", h.ID), "legacyResourceId": strconv.FormatInt(h.ID, 10),
		"topic": strings.ToUpper(strings.ReplaceAll(h.Topic, "/", "_")), "uri": h.Address, "format": "JSON",
		"createdAt": h.CreatedAt.graph(), "updatedAt": h.UpdatedAt.graph(),
	}
}
