package woocommerce

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/woocommerce/api"
)

// Fields of an order that hold what became of it; the _ keeps them out of sight of buyers.
const (
	metaDocument = "_orderly_document" // the number that people see in the destination
	metaID       = "_orderly_document_id"
	metaState    = "_orderly_state"
	metaURL      = "_orderly_url"
)

// WriteBack implements connector.Feedback. It writes nothing when the shop has it already: each write
// changes the order's time of change and makes its webhooks go out. Writing a field by its name
// changes the one that is there, so a repeat makes no second.
func (c *conn) WriteBack(ctx context.Context, ref connector.Ref, status connector.Status) error {
	if ref.Kind != commerce.KindOrder || c.config.feedback == "none" {
		return nil
	}
	var order api.Order
	if _, err := c.api.Get(ctx, "read the order's fields", "orders/"+url.PathEscape(ref.ID), url.Values{"_fields": {"id,status,meta_data"}}, &order); err != nil {
		return err
	}
	doc := status.Document
	wanted := [][2]string{
		{metaDocument, cmp.Or(doc.Number, doc.ID)}, {metaID, doc.ID}, {metaState, string(doc.State)}, {metaURL, doc.URL},
	}
	var changed []map[string]string
	for _, field := range wanted {
		if metaText(order.Meta, []string{field[0]}) != field[1] {
			changed = append(changed, map[string]string{"key": field[0], "value": field[1]})
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if c.config.feedback == feedbackNote {
		// Before the fields, so that a call that is cut in between is made whole by the next.
		if err := c.note(ctx, ref.ID, status); err != nil {
			return err
		}
	}
	return c.api.Write(ctx, "write the destination's number into the order", http.MethodPut, "orders/"+url.PathEscape(ref.ID),
		map[string]any{"meta_data": changed}, nil)
}

// note leaves a private note on the order unless the same one is there.
func (c *conn) note(ctx context.Context, id string, status connector.Status) error {
	doc := status.Document
	text := strings.TrimSpace("Orderly: " + doc.Type + " " + cmp.Or(doc.Number, doc.ID) + " " + string(doc.State))
	if status.Message != "" {
		text += ". " + status.Message
	}
	route := "orders/" + url.PathEscape(id) + "/notes"
	page, err := c.api.List(ctx, "read the order's notes", route, url.Values{"type": {"internal"}})
	if err != nil {
		return err
	}
	for _, item := range page.Items {
		var n api.Note
		if unmarshal(item, &n) == nil && plainText(n.Note) == text {
			return nil
		}
	}
	return c.api.Write(ctx, "leave a note on the order", http.MethodPost, route, map[string]any{"note": text, "customer_note": false}, nil)
}
