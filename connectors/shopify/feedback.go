package shopify

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

// WriteBack tags the order with the document's number. Tags are a set, so the same again changes
// nothing; merchants see them in the list of orders and can search for them.
func (c *conn) WriteBack(ctx context.Context, ref connector.Ref, status connector.Status) error {
	number := cmp.Or(status.Document.Number, status.Document.ID)
	if ref.Kind != commerce.KindOrder || number == "" {
		return nil
	}
	tag := c.config.TagPrefix + strings.ReplaceAll(number, ",", " ")
	if runes := []rune(tag); len(runes) > maxTag {
		tag = string(runes[:maxTag])
	}
	if c.config.API == apiGraphQL {
		return c.api.GraphAddTag(ctx, ref.ID, tag)
	}
	return c.addTagREST(ctx, ref, tag)
}

// addTagREST reads the tags and writes them with ours, because REST knows them only as one text.
func (c *conn) addTagREST(ctx context.Context, ref connector.Ref, tag string) error {
	body, err := c.api.RESTRecord(ctx, ordersResource, "order", ref.ID)
	if err != nil {
		return err
	}
	var order struct {
		Tags string `json:"tags"`
	}
	if err := json.Unmarshal(body, &order); err != nil {
		return connector.Errorf(connector.KindUnavailable, "tag order", "the order's tags cannot be read")
	}
	tags := splitTags(order.Tags)
	if slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
		return nil
	}
	return c.api.RESTSetTags(ctx, ref.ID, strings.Join(append(tags, tag), ", "))
}

// splitTags reads "a, b".
func splitTags(text string) []string {
	var tags []string
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}
