package woocommerce

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
)

const (
	// maxPage is the largest per_page.
	maxPage = 100
	// maxExclude is how many ids go into a query; a longer one may be refused by the web server.
	maxExclude = 500
)

var zeroTime time.Time

// What a listing of orders walks through. A trashed order is in no other list.
const (
	walkAny   = "any" // everything but trash and auto-draft
	walkTrash = "trash"
)

// position is where a listing goes on; it is the text of a cursor.
//
// Orders are walked by keyset and not by page number: an order that changes meanwhile moves to the end
// of the list, and each page behind it moves up by one. The next page is what changed after the last
// second seen, less the orders of that second that were seen.
type position struct {
	Status string   `json:"status,omitempty"`
	After  string   `json:"after,omitempty"` // exclusive, in the time of the walk
	Seen   []string `json:"seen,omitempty"`  // ids of the second behind After that were listed
	// Old says that the shop cannot list by time of change, so that orders are walked by their creation.
	Old bool `json:"old,omitempty"`
	// Begun is the shop's clock when the listing began.
	Begun int64 `json:"begun,omitempty"`
	// Offset and Total are for customers, who can only be counted.
	Offset int `json:"offset,omitempty"`
	Total  int `json:"total,omitempty"`
}

func (p position) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	return string(text)
}

func parsePosition(cursor string) (position, error) {
	var p position
	if cursor == "" {
		return position{Status: walkAny}, nil
	}
	if err := json.Unmarshal([]byte(cursor), &p); err != nil {
		return p, connector.Invalid("cursor", "is not one of this connector's")
	}
	return p, nil
}

// List implements connector.Lister.
func (c *conn) List(ctx context.Context, q connector.Query) (connector.Page, error) {
	at, err := parsePosition(q.Cursor)
	if err != nil {
		return connector.Page{}, err
	}
	if q.Limit <= 0 || q.Limit > maxPage {
		q.Limit = maxPage
	}
	if q.Kind == commerce.KindCustomer {
		return c.listCustomers(ctx, q, at)
	}
	page, err := c.listOrders(ctx, q, at)
	if e, ok := asError(err); ok && !at.Old && (e.Code == "rest_invalid_param" && e.Field == "orderby" || e.Code == codeUnfiltered) {
		c.env.Log.InfoContext(ctx, "the shop cannot list orders by time of change (before WooCommerce 5.8): all are read at each poll", "connection", c.env.Connection)
		return c.listOrders(ctx, q, position{Status: walkAny, Old: true, Begun: at.Begun})
	}
	return page, err
}

// codeUnfiltered is the error of a list that came without our filter.
const codeUnfiltered = "filter_ignored"

// window is the part of a query that says when orders changed. Values are in UTC without a zone, with
// the flag that says so: with a Z the shop would add its own offset, and without the flag it would
// take them for its own time. Both ends are exclusive at whole seconds.
func window(v url.Values, after, until string) {
	if after != "" {
		v.Set("modified_after", after)
	}
	if until != "" {
		v.Set("modified_before", until)
	}
	if after != "" || until != "" {
		v.Set("dates_are_gmt", "true")
	}
}

// bounds gives the exclusive bounds of a query's window.
func bounds(q connector.Query) (after, until string) {
	if !q.Since.IsZero() {
		after = q.Since.UTC().Truncate(time.Second).Add(-time.Second).Format(api.Layout)
	}
	if !q.Until.IsZero() {
		end := q.Until.UTC()
		if whole := end.Truncate(time.Second); whole.Before(end) {
			end = whole.Add(time.Second)
		}
		until = end.Format(api.Layout)
	}
	return after, until
}

func (c *conn) orderQuery(q connector.Query, at position) url.Values {
	v := url.Values{
		"status": {at.Status}, "order": {"asc"}, "per_page": {strconv.Itoa(q.Limit)}, "dp": {strconv.Itoa(c.config.decimals)},
	}
	since, until := bounds(q)
	if at.Old {
		v.Set("orderby", "date")
		if at.After != "" {
			v.Set("after", at.After)
		}
	} else {
		v.Set("orderby", "modified")
		window(v, max(at.After, since), until)
	}
	if len(at.Seen) > maxExclude {
		v.Set("page", strconv.Itoa(1+len(at.Seen)/q.Limit))
	} else if len(at.Seen) > 0 {
		v.Set("exclude", strings.Join(at.Seen, ","))
	}
	return v
}

func (c *conn) listOrders(ctx context.Context, q connector.Query, at position) (connector.Page, error) {
	const op = "list orders"
	answer, err := c.api.List(ctx, op, "orders", c.orderQuery(q, at))
	if err != nil {
		return connector.Page{}, err
	}
	if at.Begun == 0 && !answer.Date.IsZero() {
		at.Begun = answer.Date.Unix()
	}
	page := connector.Page{}
	next := at
	for _, item := range answer.Items {
		h, err := decodeHead(item)
		if err != nil {
			return connector.Page{}, err
		}
		moment := h.ModifiedGMT.Format(api.Layout)
		if since, _ := bounds(q); !at.Old && moment <= max(at.After, since) {
			e := connector.Errorf(connector.KindInvalid, op, "the shop ignores modified_after")
			e.Code = codeUnfiltered
			return connector.Page{}, e
		}
		if at.Old {
			moment = string(h.Created)
		}
		next.advance(moment, string(h.ID))
		if slices.Contains(at.Seen, string(h.ID)) || draft(h.Status) || at.Old && outside(q, h.ModifiedGMT.Time) {
			continue
		}
		page.Events = append(page.Events, orderEvent(h, item))
	}
	switch {
	case len(answer.Items) >= q.Limit:
		page.Next, page.More = next.String(), true
	case at.Status == walkAny:
		page.Next, page.More = position{Status: walkTrash, Old: at.Old, Begun: at.Begun}.String(), true
	case q.Until.IsZero() && at.Begun > 0:
		// What changed since the listing began is the next one's, by the clock that wrote the times.
		page.Watermark = time.Unix(at.Begun, 0).UTC()
	}
	return page, nil
}

// advance moves behind a record: After is the second before its own, and Seen what was listed of it.
func (p *position) advance(moment, id string) {
	at, err := time.Parse(api.Layout, moment)
	if err != nil {
		return
	}
	after := at.Add(-time.Second).Format(api.Layout)
	if after != p.After {
		p.After, p.Seen = after, nil
	}
	if !slices.Contains(p.Seen, id) {
		p.Seen = append(slices.Clip(p.Seen), id)
	}
}

func outside(q connector.Query, at time.Time) bool {
	after, until := bounds(q)
	moment := at.Format(api.Layout)
	return moment <= after || until != "" && moment >= until
}

// orderEvent gives a listed order. One with refunds must be fetched, because the list has them
// without their lines.
func orderEvent(h head, item json.RawMessage) connector.Event {
	e := connector.Event{
		Ref: connector.Ref{Kind: commerce.KindOrder, ID: string(h.ID)}, Topic: "list", Change: connector.Changed, UpdatedAt: h.ModifiedGMT.Time,
	}
	if len(h.Refunds) == 0 {
		e.Form, e.Body = formOrder, item
	}
	return e
}

// listCustomers walks the accounts by id; WooCommerce has no filter by time for them. When an account
// is deleted meanwhile the list becomes shorter, and the step is taken again from further in front.
func (c *conn) listCustomers(ctx context.Context, q connector.Query, at position) (connector.Page, error) {
	var answer api.Page
	for {
		var err error
		answer, err = c.api.List(ctx, "list customers", "customers", url.Values{
			"role": {c.config.customerRole}, "orderby": {"id"}, "order": {"asc"},
			"per_page": {strconv.Itoa(q.Limit)}, "offset": {strconv.Itoa(at.Offset)},
		})
		if err != nil {
			return connector.Page{}, err
		}
		gone := at.Total - answer.Total
		if answer.Total >= 0 {
			at.Total = answer.Total
		}
		if answer.Total < 0 || gone <= 0 || at.Offset == 0 {
			break
		}
		at.Offset = max(0, at.Offset-gone)
	}
	if at.Begun == 0 && !answer.Date.IsZero() {
		at.Begun = answer.Date.Unix()
	}
	page := connector.Page{}
	for _, item := range answer.Items {
		h, err := decodeHead(item)
		if err != nil {
			return connector.Page{}, err
		}
		changed := h.ModifiedGMT.Time
		if changed.IsZero() {
			changed = h.CreatedGMT.Time // never changed
		}
		if outside(q, changed) {
			continue
		}
		page.Events = append(page.Events, connector.Event{
			Ref: connector.Ref{Kind: commerce.KindCustomer, ID: string(h.ID)}, Topic: "list", Change: connector.Changed,
			UpdatedAt: changed, Form: formOf(commerce.KindCustomer), Body: item,
		})
	}
	if len(answer.Items) >= q.Limit {
		at.Offset += len(answer.Items)
		page.Next, page.More = at.String(), true
	} else if q.Until.IsZero() && at.Begun > 0 {
		page.Watermark = time.Unix(at.Begun, 0).UTC()
	}
	return page, nil
}

// Count implements connector.Counter.
func (c *conn) Count(ctx context.Context, q connector.Query) (int, error) {
	if q.Kind == commerce.KindCustomer {
		if !q.Since.IsZero() || !q.Until.IsZero() {
			return -1, nil
		}
		page, err := c.api.List(ctx, "count customers", "customers", url.Values{"role": {c.config.customerRole}, "per_page": {"1"}, "_fields": {"id"}})
		return page.Total, err
	}
	total := 0
	for _, part := range []struct {
		status string
		factor int
	}{{walkAny, 1}, {walkTrash, 1}, {"checkout-draft", -1}} {
		v := url.Values{"status": {part.status}, "per_page": {"1"}, "_fields": {"id"}, "orderby": {"modified"}}
		after, until := bounds(q)
		window(v, after, until)
		page, err := c.api.List(ctx, "count orders", "orders", v)
		e, ok := asError(err)
		switch {
		case ok && e.Code == "rest_invalid_param" && e.Field == "status":
			continue // no block checkout, no drafts
		case ok && e.Code == "rest_invalid_param" && e.Field == "orderby":
			return -1, nil // too old to count by time of change
		case err != nil:
			return 0, err
		case page.Total < 0:
			return -1, nil
		}
		total += part.factor * page.Total
	}
	return max(total, 0), nil
}

// Fetch implements connector.Fetcher. An order in the trash can still be read and is a cancelled one;
// an unfinished checkout is no order yet.
func (c *conn) Fetch(ctx context.Context, ref connector.Ref) (connector.Raw, error) {
	if _, err := strconv.ParseUint(ref.ID, 10, 64); err != nil {
		return connector.Raw{}, connector.Errorf(connector.KindNotFound, "fetch "+string(ref.Kind), "ids of WooCommerce are numbers")
	}
	if ref.Kind == commerce.KindCustomer {
		return c.fetchCustomer(ctx, ref)
	}
	const op = "fetch order"
	decimals := url.Values{"dp": {strconv.Itoa(c.config.decimals)}}
	body, err := c.api.Get(ctx, op, "orders/"+ref.ID, decimals, nil)
	if err != nil {
		return connector.Raw{}, err
	}
	h, err := decodeHead(body)
	if err != nil {
		return connector.Raw{}, err
	}
	if draft(h.Status) {
		return connector.Raw{}, connector.Errorf(connector.KindNotFound, op, "it is an unfinished checkout and no order yet")
	}
	raw := connector.Raw{Ref: ref, Form: formOrder, Body: body, UpdatedAt: h.ModifiedGMT.Time}
	if len(h.Refunds) == 0 {
		return raw, nil
	}
	refunds, err := c.refunds(ctx, ref.ID)
	if err != nil {
		return connector.Raw{}, err
	}
	raw.Form = formRefunds
	raw.Body, err = json.Marshal(withRefunds{Order: body, Refunds: refunds})
	if err != nil {
		return connector.Raw{}, connector.Errorf(connector.KindBug, op, "put the order and its refunds together: %w", err)
	}
	return raw, nil
}

// refunds reads all refunds of an order.
func (c *conn) refunds(ctx context.Context, id string) (json.RawMessage, error) {
	var all []json.RawMessage
	for page := 1; ; page++ {
		answer, err := c.api.List(ctx, "fetch refunds", "orders/"+id+"/refunds", url.Values{
			"dp": {strconv.Itoa(c.config.decimals)}, "per_page": {strconv.Itoa(maxPage)}, "page": {strconv.Itoa(page)},
		})
		if err != nil {
			return nil, err
		}
		all = append(all, answer.Items...)
		if len(answer.Items) < maxPage {
			return json.Marshal(all)
		}
	}
}

func (c *conn) fetchCustomer(ctx context.Context, ref connector.Ref) (connector.Raw, error) {
	body, err := c.api.Get(ctx, "fetch customer", "customers/"+ref.ID, nil, nil)
	if err != nil {
		return connector.Raw{}, err
	}
	h, err := decodeHead(body)
	if err != nil {
		return connector.Raw{}, err
	}
	return connector.Raw{Ref: ref, Form: formOf(ref.Kind), Body: body, UpdatedAt: h.ModifiedGMT.Time}, nil
}
