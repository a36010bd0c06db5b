package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/money"
)

// Number is an exact decimal that may be absent. REST writes amounts as text ("388.00"), rates and
// quantities as numbers; GraphQL writes amounts as text without trailing zeros ("13.5").
type Number struct {
	Value money.Decimal
	Given bool
}

// Numeric gives a Number that is there.
func Numeric(d money.Decimal) Number { return Number{Value: d, Given: true} }

// UnmarshalJSON reads a number, a number in quotes, or null.
func (n *Number) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	if text == "null" || text == "" {
		*n = Number{}
		return nil
	}
	d, err := money.ParseDecimal(text)
	if err != nil {
		return err
	}
	*n = Numeric(d)
	return nil
}

// ID is an identifier: digits in REST, "gid://shopify/Order/123" in GraphQL. Ids go beyond 2^53, so
// they are never numbers here.
type ID string

// UnmarshalJSON reads a whole number, a text, or null.
func (id *ID) UnmarshalJSON(data []byte) error {
	switch {
	case string(data) == "null":
		*id = ""
		return nil
	case len(data) > 0 && data[0] == '"':
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		*id = ID(text)
		return nil
	}
	for _, c := range data {
		if c < '0' || c > '9' {
			return fmt.Errorf("%.40q is no id", data)
		}
	}
	*id = ID(data)
	return nil
}

// Legacy is the number in an id of either form: what "gid://shopify/Order/123?key=value" ends with.
func (id ID) Legacy() string {
	text, _, _ := strings.Cut(string(id), "?")
	return text[strings.LastIndexByte(text, '/')+1:]
}

// Time is an ISO 8601 time with an offset; REST uses the shop's, GraphQL UTC. The zero Time is null.
type Time struct{ time.Time }

// UnmarshalJSON reads a time, null or "".
func (t *Time) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	if text == "null" || text == "" {
		*t = Time{}
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("%.40q is no time with an offset such as 2026-02-04T15:25:51+11:00", text)
	}
	*t = Time{at.UTC()}
	return nil
}

// Text is a text that some versions write as a number or a truth value, such as the value of a line
// item's property.
type Text string

// UnmarshalJSON reads a text, null, or the spelling of anything else.
func (t *Text) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*t = ""
		return nil
	}
	if len(data) > 0 && data[0] == '"' {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		*t = Text(text)
		return nil
	}
	*t = Text(data)
	return nil
}
