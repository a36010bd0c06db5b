package api

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// GID makes GraphQL's id of a record: GID("Order", "123") is "gid://shopify/Order/123".
func GID(kind, id string) string { return "gid://shopify/" + kind + "/" + ID(id).Legacy() }

// GraphPage is a page of records in GraphQL's form.
type GraphPage struct {
	Nodes    []json.RawMessage `json:"nodes"`
	PageInfo PageInfo          `json:"pageInfo"`
}

// GraphList reads a page of orders or customers. A page that costs more than a query may is asked for
// again with fewer records.
func (c *Client) GraphList(ctx context.Context, resource, document, filter, after string, first int) (GraphPage, error) {
	for {
		variables := map[string]any{"first": first, "query": filter}
		if after != "" {
			variables["after"] = after
		}
		out := map[string]GraphPage{}
		err := c.GraphQL(ctx, "list "+resource, document, variables, true, &out)
		if err == nil {
			return out[resource], nil
		}
		if !costly(err) || first == 1 {
			return GraphPage{}, err
		}
		first = max(1, first/2)
	}
}

// costly says that a query was refused because it may cost more than one query may.
func costly(err error) bool {
	e, ok := errors.AsType[*connector.Error](err)
	return ok && e.Code == CodeMaxCost
}

// GraphRecord reads one record; one that is not there is KindNotFound.
func (c *Client) GraphRecord(ctx context.Context, kind, document string, variables map[string]any) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	if err := c.GraphQL(ctx, "read "+kind, document, variables, true, &out); err != nil {
		return nil, err
	}
	if body := out[kind]; len(body) > 0 && string(body) != "null" {
		return body, nil
	}
	return nil, &connector.Error{Kind: connector.KindNotFound, Op: "read " + kind, Message: "the shop has no such " + kind}
}

// GraphWholeOrder reads an order with all of its lines, however many they are.
func (c *Client) GraphWholeOrder(ctx context.Context, id string) (json.RawMessage, error) {
	gid := GID("Order", id)
	asked := wholeAmounts
	body, err := c.GraphRecord(ctx, "order", OrderQuery, asked.variables(gid))
	for costly(err) && asked.lines > 1 {
		asked = asked.less()
		body, err = c.GraphRecord(ctx, "order", OrderQuery, asked.variables(gid))
	}
	if err != nil {
		return nil, err
	}
	var head struct {
		UpdatedAt Time      `json:"updatedAt"`
		LineItems GraphPage `json:"lineItems"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, connector.Errorf(connector.KindUnavailable, "read order", "the order cannot be read: %w", err)
	}
	if err := whole(body, asked); err != nil {
		return nil, err
	}
	if !head.LineItems.PageInfo.HasNextPage {
		return body, nil
	}
	lines := head.LineItems
	for lines.PageInfo.HasNextPage {
		more, updated, err := c.moreLines(ctx, gid, asked.lines, lines.PageInfo.EndCursor)
		if err != nil {
			return nil, err
		}
		if !updated.Equal(head.UpdatedAt.Time) {
			return nil, &connector.Error{Kind: connector.KindUnavailable, Op: "read order", Message: "the order changed while its lines were read"}
		}
		if more.PageInfo.HasNextPage && more.PageInfo.EndCursor == lines.PageInfo.EndCursor {
			return nil, connector.Errorf(connector.KindBug, "read order", "the shop gives the same page of lines again")
		}
		lines.Nodes, lines.PageInfo = append(lines.Nodes, more.Nodes...), more.PageInfo
	}
	return replaceField(body, "lineItems", lines)
}

func (c *Client) moreLines(ctx context.Context, gid string, first int, after string) (GraphPage, time.Time, error) {
	var out struct {
		Order *struct {
			UpdatedAt Time      `json:"updatedAt"`
			LineItems GraphPage `json:"lineItems"`
		} `json:"order"`
	}
	if err := c.GraphQL(ctx, "read order lines", LinesQuery, map[string]any{"id": gid, "lines": first, "after": after}, true, &out); err != nil {
		return GraphPage{}, time.Time{}, err
	}
	if out.Order == nil {
		return GraphPage{}, time.Time{}, &connector.Error{Kind: connector.KindNotFound, Op: "read order lines", Message: "the shop has no such order"}
	}
	return out.Order.LineItems, out.Order.UpdatedAt.Time, nil
}

// replaceField gives a JSON object with another value of one field.
func replaceField(body json.RawMessage, name string, value any) (json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	fields[name] = encoded
	return json.Marshal(fields)
}

// WithField gives a record with a further field.
func WithField(body json.RawMessage, name string, value json.RawMessage) (json.RawMessage, error) {
	return replaceField(body, name, value)
}

// whole fails when a list inside an order, other than its lines, has more than one page: such an order
// would be incomplete.
func whole(body json.RawMessage, asked amounts) error {
	if list := cutList(body, asked); list != "" {
		return &connector.Error{
			Kind: connector.KindInvalid, Op: "read order", Field: list,
			Message: "the list is longer than one query gives", Fix: "set api: rest for this connection",
		}
	}
	return nil
}

// cutList names a list inside an order, other than its lines, that is or may be cut; "" when none is. Some
// are plain lists that do not say that there is more: one that is as long as was asked for may be cut.
func cutList(body json.RawMessage, asked amounts) string {
	type list struct {
		PageInfo PageInfo `json:"pageInfo"`
	}
	var o struct {
		Applications list              `json:"discountApplications"`
		Shipping     list              `json:"shippingLines"`
		Transactions []json.RawMessage `json:"transactions"`
		Refunds      []struct {
			Lines        list `json:"refundLineItems"`
			Transactions list `json:"transactions"`
		} `json:"refunds"`
		Fulfillments []struct {
			Lines list `json:"fulfillmentLineItems"`
		} `json:"fulfillments"`
	}
	if json.Unmarshal(body, &o) != nil {
		return ""
	}
	switch {
	case o.Applications.PageInfo.HasNextPage:
		return "discountApplications"
	case o.Shipping.PageInfo.HasNextPage:
		return "shippingLines"
	case len(o.Transactions) >= asked.transactions:
		return "transactions"
	case len(o.Refunds) >= asked.refunds:
		return "refunds"
	case len(o.Fulfillments) >= asked.shipments:
		return "fulfillments"
	}
	for _, r := range o.Refunds {
		if r.Lines.PageInfo.HasNextPage || r.Transactions.PageInfo.HasNextPage {
			return "refunds"
		}
	}
	for _, f := range o.Fulfillments {
		if f.Lines.PageInfo.HasNextPage {
			return "fulfillments"
		}
	}
	return ""
}

// Listed says whether an order of OrdersQuery is whole as it is.
func Listed(body json.RawMessage) bool {
	var o struct {
		Lines struct {
			PageInfo PageInfo `json:"pageInfo"`
		} `json:"lineItems"`
	}
	return json.Unmarshal(body, &o) == nil && !o.Lines.PageInfo.HasNextPage && cutList(body, listedAmounts) == ""
}

// GraphCount counts orders.
func (c *Client) GraphCount(ctx context.Context, filter string) (int, error) {
	var out struct {
		Count struct {
			Count     int    `json:"count"`
			Precision string `json:"precision"`
		} `json:"ordersCount"`
	}
	if err := c.GraphQL(ctx, "count orders", OrdersCountQuery, map[string]any{"query": filter}, true, &out); err != nil {
		return 0, err
	}
	if out.Count.Precision != "EXACT" {
		return -1, nil
	}
	return out.Count.Count, nil
}

// GraphShop reads the shop.
func (c *Client) GraphShop(ctx context.Context) (Shop, error) {
	var out struct {
		Shop struct {
			ID            ID     `json:"id"`
			Name          string `json:"name"`
			Domain        string `json:"myshopifyDomain"`
			Currency      string `json:"currencyCode"`
			TimeZone      string `json:"ianaTimezone"`
			TaxesIncluded bool   `json:"taxesIncluded"`
		} `json:"shop"`
	}
	err := c.GraphQL(ctx, "read the shop", ShopQuery, nil, true, &out)
	return Shop(out.Shop), err
}

// GraphTags reads the tags of an order.
func (c *Client) GraphTags(ctx context.Context, order string) ([]string, error) {
	body, err := c.GraphRecord(ctx, "order", TagsQuery, map[string]any{"id": GID("Order", order)})
	if err != nil {
		return nil, err
	}
	var out struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, connector.Errorf(connector.KindUnavailable, "read order", "the order's tags cannot be read: %w", err)
	}
	return out.Tags, nil
}

// GraphAddTag adds a tag to an order.
func (c *Client) GraphAddTag(ctx context.Context, order, tag string) error {
	var out struct {
		TagsAdd struct {
			UserErrors []UserError `json:"userErrors"`
		} `json:"tagsAdd"`
	}
	err := c.GraphQL(ctx, "tag order", TagsAddMutation, map[string]any{"id": GID("Order", order), "tags": []string{tag}}, false, &out)
	if err != nil {
		return err
	}
	return refusal("tag order", out.TagsAdd.UserErrors)
}

// graphTopic gives GraphQL's name of a topic: "orders/create" is ORDERS_CREATE.
func graphTopic(topic string) string { return strings.ToUpper(strings.ReplaceAll(topic, "/", "_")) }

// restTopic is the way back.
func restTopic(topic string) string { return strings.ToLower(strings.Replace(topic, "_", "/", 1)) }

type graphWebhook struct {
	ID    ID     `json:"id"`
	Topic string `json:"topic"`
	URI   string `json:"uri"`
}

func (w graphWebhook) webhook() Webhook {
	return Webhook{ID: ID(w.ID.Legacy()), Topic: restTopic(w.Topic), Address: w.URI}
}

// GraphWebhooks lists the subscriptions that this app has made for an address.
func (c *Client) GraphWebhooks(ctx context.Context, address string) ([]Webhook, error) {
	var all []Webhook
	variables := map[string]any{"first": 100, "uri": address}
	for {
		var out struct {
			Page struct {
				Nodes    []graphWebhook `json:"nodes"`
				PageInfo PageInfo       `json:"pageInfo"`
			} `json:"webhookSubscriptions"`
		}
		if err := c.GraphQL(ctx, "list webhooks", WebhooksQuery, variables, true, &out); err != nil {
			return nil, err
		}
		for _, w := range out.Page.Nodes {
			all = append(all, w.webhook())
		}
		if !out.Page.PageInfo.HasNextPage || out.Page.PageInfo.EndCursor == variables["after"] {
			return all, nil
		}
		variables["after"] = out.Page.PageInfo.EndCursor
	}
}

// GraphSubscribe makes a subscription.
func (c *Client) GraphSubscribe(ctx context.Context, topic, address string) (Webhook, error) {
	op := "subscribe to " + topic
	var out struct {
		Create struct {
			Webhook    graphWebhook `json:"webhookSubscription"`
			UserErrors []UserError  `json:"userErrors"`
		} `json:"webhookSubscriptionCreate"`
	}
	variables := map[string]any{"topic": graphTopic(topic), "webhook": map[string]any{"uri": address, "format": "JSON"}}
	if err := c.GraphQL(ctx, op, SubscribeMutation, variables, false, &out); err != nil {
		return Webhook{}, err
	}
	if err := refusal(op, out.Create.UserErrors); err != nil {
		return Webhook{}, err
	}
	return out.Create.Webhook.webhook(), nil
}
