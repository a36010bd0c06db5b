package shopify

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
)

const (
	ordersResource    = "orders"
	customersResource = "customers"

	// graphOrders is how many orders a page of GraphQL has: more would cost more points than a query may.
	graphOrders    = 25
	graphCustomers = 50
	// maxListed is how many records one query is paged through before a new one begins where it is:
	// paging ends at 25,000. (shopify.dev/docs/api/usage/limits)
	maxListed = 24000
)

func resourceOf(kind commerce.Kind) (resource, graphKind string, err error) {
	switch kind {
	case commerce.KindOrder:
		return ordersResource, "Order", nil
	case commerce.KindCustomer:
		return customersResource, "Customer", nil
	}
	return "", "", connector.Errorf(connector.KindInvalid, "list", "Shopify has no records of the kind %q", kind)
}

// window is a span of time of last changes, in whole seconds as Shopify keeps them.
type window struct{ since, until time.Time }

// windowOf gives the window of a query. A change at 10.7 s is kept as 10 s, so the beginning is cut
// to the second; the end is exclusive.
func windowOf(q connector.Query) window {
	w := window{since: q.Since.UTC().Truncate(time.Second)}
	if !q.Until.IsZero() {
		w.until = q.Until.UTC().Add(time.Second - 1).Truncate(time.Second)
	}
	return w
}

// rest gives the filter of a REST list. Its bounds are both inclusive.
func (w window) rest(resource string) url.Values {
	v := url.Values{}
	if resource == ordersResource {
		v.Set("status", "any") // the default leaves closed and cancelled orders out
	}
	if !w.since.IsZero() {
		v.Set("updated_at_min", w.since.Format(time.RFC3339))
	}
	if !w.until.IsZero() {
		v.Set("updated_at_max", w.until.Add(-time.Second).Format(time.RFC3339))
	}
	return v
}

// graph gives the search of a GraphQL list.
func (w window) graph() string {
	search := ""
	if !w.since.IsZero() {
		search = "updated_at:>='" + w.since.Format(time.RFC3339) + "'"
	}
	if !w.until.IsZero() {
		if search != "" {
			search += " AND "
		}
		search += "updated_at:<'" + w.until.Format(time.RFC3339) + "'"
	}
	return search
}

// cursor is where a listing goes on.
type cursor struct {
	After string `json:"a,omitempty"` // page_info or endCursor
	// Since replaces the query's own once paging has begun anew.
	Since  time.Time `json:"s,omitzero"`
	Listed int       `json:"n,omitempty"` // since paging began
}

func (c *conn) List(ctx context.Context, q connector.Query) (connector.Page, error) {
	resource, _, err := resourceOf(q.Kind)
	if err != nil {
		return connector.Page{}, err
	}
	var at cursor
	if q.Cursor != "" {
		if err := json.Unmarshal([]byte(q.Cursor), &at); err != nil {
			return connector.Page{}, connector.Errorf(connector.KindInvalid, "list", "the cursor is not one of Shopify's connector")
		}
	}
	w := windowOf(q)
	if !at.Since.IsZero() {
		w.since = at.Since
	}
	page, err := c.listPage(ctx, resource, w, at.After, q.Limit)
	if err != nil {
		return connector.Page{}, err
	}
	out := connector.Page{More: page.next != ""}
	last := w.since
	for _, body := range page.bodies {
		event, err := c.event(q.Kind, body)
		if err != nil {
			return connector.Page{}, err
		}
		out.Events = append(out.Events, event)
		last = event.UpdatedAt
	}
	if out.More {
		at.After, at.Listed = page.next, at.Listed+len(page.bodies)
		if at.Listed >= maxListed && last.After(w.since) && page.sorted {
			at = cursor{Since: last}
		}
		next, err := json.Marshal(at)
		if err != nil {
			return connector.Page{}, connector.Errorf(connector.KindBug, "list", "encode the cursor: %w", err)
		}
		out.Next = string(next)
	}
	return out, nil
}

type listed struct {
	bodies []json.RawMessage
	next   string
	sorted bool // by time of change
}

func (c *conn) listPage(ctx context.Context, resource string, w window, after string, limit int) (listed, error) {
	if limit <= 0 {
		limit = api.MaxPage
	}
	if c.config.API == apiREST {
		filter := w.rest(resource)
		if resource == ordersResource {
			filter.Set("order", "updated_at asc")
		}
		bodies, next, err := c.api.RESTList(ctx, resource, filter, after, min(limit, api.MaxPage))
		return listed{bodies: bodies, next: next, sorted: resource == ordersResource}, err
	}
	document, most := api.OrdersQuery, graphOrders
	if resource == customersResource {
		document, most = api.CustomersQuery, graphCustomers
	}
	page, err := c.api.GraphList(ctx, resource, document, w.graph(), after, min(limit, most))
	out := listed{bodies: page.Nodes, sorted: true}
	if page.PageInfo.HasNextPage {
		out.next = page.PageInfo.EndCursor
	}
	return out, err
}

// event makes the event of a listed record. One that the list does not show whole is to be fetched.
func (c *conn) event(kind commerce.Kind, body json.RawMessage) (connector.Event, error) {
	e := connector.Event{Ref: connector.Ref{Kind: kind}, Topic: "poll", Change: connector.Changed, Form: c.config.API, Body: body}
	h, err := readHead(body)
	if err != nil {
		return e, err
	}
	e.Ref.ID, e.UpdatedAt = string(h.ID), h.Updated.Time
	whole := kind != commerce.KindOrder || h.Whole && (c.config.API == apiREST || api.Listed(body))
	if !whole {
		e.Form, e.Body = "", nil
	}
	return e, nil
}

func (c *conn) Count(ctx context.Context, q connector.Query) (int, error) {
	resource, _, err := resourceOf(q.Kind)
	if err != nil {
		return 0, err
	}
	w := windowOf(q)
	switch {
	case c.config.API == apiREST:
		return c.api.RESTCount(ctx, resource, w.rest(resource))
	case resource == ordersResource:
		return c.api.GraphCount(ctx, w.graph())
	}
	return -1, nil
}

func (c *conn) Fetch(ctx context.Context, ref connector.Ref) (connector.Raw, error) {
	resource, graphKind, err := resourceOf(ref.Kind)
	if err != nil {
		return connector.Raw{}, err
	}
	// Shopify answers another id as a bad request, which is no word about the record.
	if _, err := strconv.ParseUint(ref.ID, 10, 64); err != nil {
		return connector.Raw{}, connector.Errorf(connector.KindNotFound, "read "+string(ref.Kind), "ids of Shopify are numbers")
	}
	raw := connector.Raw{Ref: ref, Form: c.config.API}
	switch {
	case c.config.API == apiREST:
		raw.Body, err = c.fetchREST(ctx, resource, ref)
	case resource == ordersResource:
		raw.Body, err = c.api.GraphWholeOrder(ctx, ref.ID)
	default:
		raw.Body, err = c.api.GraphRecord(ctx, "customer", api.CustomerQuery, map[string]any{"id": api.GID(graphKind, ref.ID)})
	}
	if err != nil {
		return connector.Raw{}, err
	}
	h, err := readHead(raw.Body)
	if err != nil {
		return connector.Raw{}, err
	}
	raw.Ref.ID, raw.UpdatedAt = string(h.ID), h.Updated.Time
	return raw, nil
}

// fetchREST reads a record, and for an order its transactions into it.
func (c *conn) fetchREST(ctx context.Context, resource string, ref connector.Ref) (json.RawMessage, error) {
	body, err := c.api.RESTRecord(ctx, resource, string(ref.Kind), ref.ID)
	if err != nil || resource != ordersResource {
		return body, err
	}
	transactions, err := c.api.RESTTransactions(ctx, ref.ID, !c.decoder.presentment)
	if err != nil {
		return nil, err
	}
	whole, err := api.WithField(body, "transactions", transactions)
	if err != nil {
		return nil, connector.Errorf(connector.KindUnavailable, "read order", "the order is no JSON object")
	}
	return whole, nil
}
