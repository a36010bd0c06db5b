package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// MaxPage is the largest page of a REST list and the largest first of a GraphQL connection.
const MaxPage = 250

// RESTList reads a page of orders or customers. Following pages take the page_info of the one before
// and limit alone. (shopify.dev/docs/api/admin-rest/usage/pagination)
func (c *Client) RESTList(ctx context.Context, resource string, filter url.Values, pageInfo string, limit int) (records []json.RawMessage, next string, err error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if pageInfo != "" {
		query.Set("page_info", pageInfo)
	} else {
		maps.Copy(query, filter)
	}
	out := map[string][]json.RawMessage{}
	resp, err := c.do(ctx, httpx.Call{Op: "list " + resource, Path: c.path(resource + ".json"), Query: query, Out: &out})
	if err != nil {
		return nil, "", err
	}
	next, err = nextPage(resp.Header)
	return out[resource], next, err
}

// nextPage finds the page_info of the link with rel="next"; "" where there is none.
func nextPage(h http.Header) (string, error) {
	for link := range strings.SplitSeq(strings.Join(h.Values("Link"), ","), ",") {
		address, relation, ok := strings.Cut(link, ";")
		if !ok || !strings.Contains(relation, `rel="next"`) {
			continue
		}
		u, err := url.Parse(strings.Trim(strings.TrimSpace(address), "<>"))
		if err == nil && u.Query().Get("page_info") != "" {
			return u.Query().Get("page_info"), nil
		}
		return "", connector.Errorf(connector.KindBug, "list", "the link to the next page has no page_info")
	}
	return "", nil
}

// RESTCount counts what a list would give.
func (c *Client) RESTCount(ctx context.Context, resource string, filter url.Values) (int, error) {
	var out struct {
		Count int `json:"count"`
	}
	_, err := c.do(ctx, httpx.Call{Op: "count " + resource, Path: c.path(resource + "/count.json"), Query: filter, Out: &out})
	return out.Count, err
}

// RESTRecord reads one record: the value under the name of its kind ("order").
func (c *Client) RESTRecord(ctx context.Context, resource, kind, id string) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	if _, err := c.do(ctx, httpx.Call{Op: "read " + kind, Path: c.path(resource + "/" + url.PathEscape(id) + ".json"), Out: &out}); err != nil {
		return nil, err
	}
	return out[kind], nil
}

// RESTTransactions reads an order's movements of money, which the order itself does not show: in the
// shop's currency, or in the one that the buyer paid in, which is what Shopify gives unasked.
func (c *Client) RESTTransactions(ctx context.Context, order string, shopCurrency bool) (json.RawMessage, error) {
	query := url.Values{}
	if shopCurrency {
		query.Set("in_shop_currency", "true")
	}
	var out struct {
		Transactions json.RawMessage `json:"transactions"`
	}
	_, err := c.do(ctx, httpx.Call{Op: "read transactions", Path: c.path("orders/" + url.PathEscape(order) + "/transactions.json"), Query: query, Out: &out})
	return out.Transactions, err
}

// RESTSetTags replaces the tags of an order.
func (c *Client) RESTSetTags(ctx context.Context, order, tags string) error {
	body := map[string]any{"order": map[string]any{"id": json.Number(order), "tags": tags}}
	_, err := c.do(ctx, httpx.Call{Op: "tag order", Method: http.MethodPut, Path: c.path("orders/" + url.PathEscape(order) + ".json"), JSON: body})
	return err
}

// Webhook is a subscription. Topic is REST's: "orders/create".
type Webhook struct {
	ID      ID     `json:"id"`
	Topic   string `json:"topic"`
	Address string `json:"address"`
}

// RESTWebhooks lists the subscriptions that this app has made.
func (c *Client) RESTWebhooks(ctx context.Context, _ string) ([]Webhook, error) {
	var all []Webhook
	for next := ""; ; {
		page, following, err := c.RESTList(ctx, "webhooks", nil, next, MaxPage)
		if err != nil {
			return nil, err
		}
		for _, raw := range page {
			var w Webhook
			if err := json.Unmarshal(raw, &w); err != nil {
				return nil, connector.Errorf(connector.KindUnavailable, "list webhooks", "a webhook cannot be read: %w", err)
			}
			all = append(all, w)
		}
		if following == "" || following == next {
			return all, nil
		}
		next = following
	}
}

// RESTSubscribe makes a subscription.
func (c *Client) RESTSubscribe(ctx context.Context, topic, address string) (Webhook, error) {
	var out struct {
		Webhook Webhook `json:"webhook"`
	}
	body := map[string]any{"webhook": map[string]any{"topic": topic, "address": address, "format": "json"}}
	_, err := c.do(ctx, httpx.Call{Op: "subscribe to " + topic, Method: http.MethodPost, Path: c.path("webhooks.json"), JSON: body, Out: &out})
	return out.Webhook, err
}
