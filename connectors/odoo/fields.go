package odoo

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/odoo/api"
	"github.com/orderlyhq/orderly/money"
)

// setFields adds the fields that mapping rules set, after a look whether the model has them: an unknown
// one would make the whole call fail without telling which rule is wrong.
func (c *conn) setFields(ctx context.Context, model string, values, fields map[string]any) error {
	if len(fields) == 0 {
		return nil
	}
	known, err := c.known.model(ctx, model)
	if err != nil {
		return err
	}
	// Over the REST module only some fields are known; there Odoo itself refuses the others.
	complete := api.Mode(c.config.mode) != api.ModeRESTModule
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field, ok := known[name]
		if !ok && complete {
			e := connector.Invalid(name, "Odoo's model %s has no such field", model)
			e.Fix = "correct the mapping rule"
			if nearest := connector.Nearest(name, slices.Collect(maps.Keys(known))); nearest != "" {
				e.Fix = "correct the mapping rule: did you mean " + nearest + "?"
			}
			return e
		}
		value, err := fieldValue(field, fields[name])
		if err != nil {
			e := connector.Invalid(name, "%v", err)
			e.Fix = "correct the mapping rule"
			return e
		}
		values[name] = value
	}
	return nil
}

// fieldValue brings a value into the form that Odoo reads.
func fieldValue(field api.Field, value any) (any, error) {
	switch value := value.(type) {
	case nil:
		return false, nil
	case money.Decimal:
		return number(value), nil
	case float64:
		return json.Number(strconv.FormatFloat(value, 'f', -1, 64)), nil
	case int:
		return int64(value), nil
	case time.Time:
		if field.Type == "date" {
			return value.UTC().Format(api.DateLayout), nil
		}
		return api.FormatTime(value), nil
	case string:
		switch field.Type {
		case "many2one":
			id, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("a related record is set by its id, not by %q", value)
			}
			return id, nil
		case "datetime":
			if at, err := time.Parse(time.RFC3339, value); err == nil {
				return api.FormatTime(at), nil
			}
		}
		return value, nil
	case []any:
		if field.Type == "many2many" {
			return []any{[]any{int64(6), int64(0), value}}, nil
		}
	}
	return value, nil
}

// number writes a decimal as a JSON number with exactly its digits.
func number(d money.Decimal) json.Number { return json.Number(d.String()) }

// paragraph writes plain text as a paragraph of an html field.
func paragraph(text string) string {
	return "<p>" + strings.ReplaceAll(html.EscapeString(strings.TrimSpace(text)), "\n", "<br>") + "</p>"
}

// tags are what the text of an html field is read without.
var breaks = strings.NewReplacer("<br>", "\n", "<br/>", "\n", "<br />", "\n", "</p>", "\n", "</div>", "\n", "</li>", "\n")

// plainText reads an html field: paragraphs become lines, other tags go.
func plainText(text string) string {
	var b strings.Builder
	inside := false
	for _, r := range breaks.Replace(text) {
		switch {
		case r == '<':
			inside = true
		case r == '>' && inside:
			inside = false
		case !inside:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(html.UnescapeString(b.String()))
}
