package api

import (
	"context"
	"encoding/json"

	"github.com/orderlyhq/orderly/connector"
)

// Domain is a search condition in Odoo's prefix notation: conditions stand side by side for "and".
type Domain []any

// Where is a condition on a field.
func Where(field, operator string, value any) []any { return []any{field, operator, value} }

// Where adds a condition.
func (d Domain) Where(field, operator string, value any) Domain {
	return append(d, Where(field, operator, value))
}

// Or adds "one of these conditions".
func (d Domain) Or(conditions ...[]any) Domain {
	for range len(conditions) - 1 {
		d = append(d, "|")
	}
	for _, c := range conditions {
		d = append(d, c)
	}
	return d
}

// Literal escapes what the operators like, ilike and =ilike take for wildcards, so that a text means
// itself.
func Literal(text string) string {
	escaped := make([]byte, 0, len(text)+4)
	for i := range len(text) {
		if text[i] == '%' || text[i] == '_' || text[i] == '\\' {
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, text[i])
	}
	return string(escaped)
}

// Query is a search for records.
type Query struct {
	Op     string
	Model  string
	Domain Domain
	Fields []string
	Order  string
	Limit  int // 0 is no limit
	// Context is the call's own.
	Context map[string]any
}

// SearchRead gives the records that a query finds into out, a pointer to a slice.
func (c *Client) SearchRead(ctx context.Context, q Query, out any) error {
	domain := q.Domain
	if domain == nil {
		domain = Domain{}
	}
	options := map[string]any{"fields": q.Fields}
	if q.Order != "" {
		options["order"] = q.Order
	}
	if q.Limit > 0 {
		options["limit"] = q.Limit
	}
	if q.Context != nil {
		options["context"] = q.Context
	}
	result, err := c.Execute(ctx, Call{
		Op: q.Op, Model: q.Model, Method: "search_read", Safe: true,
		Args: []Arg{{"domain", domain}}, Options: options,
	})
	if err != nil {
		return err
	}
	return decode(q.Op, result, out)
}

func decode(op string, result json.RawMessage, out any) error {
	if err := json.Unmarshal(result, out); err != nil {
		return connector.Errorf(connector.KindBug, op, "Odoo's answer has another form than expected: %w", err)
	}
	return nil
}

// SearchCount counts the records that a condition finds.
func (c *Client) SearchCount(ctx context.Context, op, model string, domain Domain) (int, error) {
	if domain == nil {
		domain = Domain{}
	}
	result, err := c.Execute(ctx, Call{
		Op: op, Model: model, Method: "search_count", Safe: true, Args: []Arg{{"domain", domain}},
	})
	if err != nil {
		return 0, err
	}
	var n int
	return n, decode(op, result, &n)
}

// Create makes records in one transaction and gives their ids, in order.
func (c *Client) Create(ctx context.Context, op, model string, values []map[string]any, callContext map[string]any) ([]int64, error) {
	call := Call{Op: op, Model: model, Method: "create", Args: []Arg{{"vals_list", values}}}
	if callContext != nil {
		call.Options = map[string]any{"context": callContext}
	}
	result, err := c.Execute(ctx, call)
	if err != nil {
		return nil, err
	}
	var ids []int64
	if err := json.Unmarshal(result, &ids); err != nil || len(ids) != len(values) {
		return nil, connector.Errorf(connector.KindMaybeApplied, op, "the answer to a create is not the ids of %d records", len(values))
	}
	return ids, nil
}

// Write changes fields of a record.
func (c *Client) Write(ctx context.Context, op, model string, id int64, values map[string]any) error {
	_, err := c.Execute(ctx, Call{
		Op: op, Model: model, Method: "write", IDs: []int64{id}, Args: []Arg{{"vals", values}},
	})
	return err
}

// Do calls a method without arguments on a record and gives its result.
func (c *Client) Do(ctx context.Context, op, model, method string, id int64, callContext map[string]any) (json.RawMessage, error) {
	call := Call{Op: op, Model: model, Method: method, IDs: []int64{id}}
	if callContext != nil {
		call.Options = map[string]any{"context": callContext}
	}
	return c.Execute(ctx, call)
}

// Field is what fields_get says of a field.
type Field struct {
	Type     string `json:"type"`
	Relation string `json:"relation"`
	// Digits are the precision and the number of decimals that the field is rounded to; nothing where
	// it keeps what it is given.
	Digits json.RawMessage `json:"digits"`
}

// Decimals is the number of decimals that a float field is rounded to, and false where it is not.
func (f Field) Decimals() (int32, bool) {
	var digits []int32
	if json.Unmarshal(f.Digits, &digits) != nil || len(digits) != 2 {
		return 0, false
	}
	return digits[1], true
}

// Fields gives the fields of a model. The names differ from release to release, and an unknown one
// makes a whole call fail.
func (c *Client) Fields(ctx context.Context, model string) (map[string]Field, error) {
	const op = "read the fields of a model"
	result, err := c.Execute(ctx, Call{
		Op: op, Model: model, Method: "fields_get", Safe: true,
		Options: map[string]any{"attributes": []string{"type", "relation", "digits"}},
	})
	if err != nil {
		return nil, err
	}
	var fields map[string]Field
	return fields, decode(op, result, &fields)
}
