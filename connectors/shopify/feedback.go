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
	tags, err := c.tags(ctx, ref.ID)
	if err != nil || slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
		return err
	}
	if c.config.API == apiGraphQL {
		return c.api.GraphAddTag(ctx, ref.ID, tag)
	}
	// REST knows the tags only as one text.
	return c.api.RESTSetTags(ctx, ref.ID, strings.Join(append(tags, tag), ", "))
}

// tags reads an order's tags, so that nothing is written that is there, and one that is gone is noticed.
func (c *conn) tags(ctx context.Context, order string) ([]string, error) {
	if c.config.API == apiGraphQL {
		return c.api.GraphTags(ctx, order)
	}
	body, err := c.api.RESTRecord(ctx, ordersResource, "order", order)
	if err != nil {
		return nil, err
	}
	var out struct {
		Tags string `json:"tags"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, connector.Errorf(connector.KindUnavailable, "tag order", "the order's tags cannot be read")
	}
	return splitTags(out.Tags), nil
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
