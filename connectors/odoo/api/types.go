package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/money"
)

// Odoo answers the JSON value false for everything that is empty: texts, dates, relations. The types
// here read that, and null, as their zero value.

// Empty says whether a JSON value is one of those that stand for nothing.
func Empty(data []byte) bool {
	switch string(bytes.TrimSpace(data)) {
	case "", "false", "null":
		return true
	}
	return false
}

// Text is a char, text, html or selection field.
type Text string

// UnmarshalJSON reads a text, a number as its digits, or nothing.
func (t *Text) UnmarshalJSON(data []byte) error {
	*t = ""
	if Empty(data) {
		return nil
	}
	if data[0] != '"' {
		if data[0] == '{' || data[0] == '[' {
			return fmt.Errorf("a text is expected, not %s", kindOf(data))
		}
		*t = Text(data)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*t = Text(text)
	return nil
}

// String gives the text without the spaces around it.
func (t Text) String() string { return strings.TrimSpace(string(t)) }

// Ref is a many2one field: the id and the display name of another record. Webhooks give the id alone.
type Ref struct {
	ID   int64
	Name string
}

// UnmarshalJSON reads [id, "name"], an id, or nothing.
func (r *Ref) UnmarshalJSON(data []byte) error {
	*r = Ref{}
	if Empty(data) {
		return nil
	}
	if data[0] != '[' {
		return json.Unmarshal(data, &r.ID)
	}
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) == 0 {
		return nil
	}
	if err := json.Unmarshal(pair[0], &r.ID); err != nil {
		return fmt.Errorf("the id of a related record: %w", err)
	}
	if len(pair) > 1 {
		var name Text
		if err := json.Unmarshal(pair[1], &name); err != nil {
			return err
		}
		r.Name = name.String()
	}
	return nil
}

// MarshalJSON writes [id, "name"], or false for nothing, as Odoo does.
func (r Ref) MarshalJSON() ([]byte, error) {
	if r.ID == 0 {
		return []byte("false"), nil
	}
	return json.Marshal([]any{r.ID, r.Name})
}

// IDs is a one2many or many2many field.
type IDs []int64

// UnmarshalJSON reads a list of ids, or nothing.
func (ids *IDs) UnmarshalJSON(data []byte) error {
	*ids = nil
	if Empty(data) {
		return nil
	}
	return json.Unmarshal(data, (*[]int64)(ids))
}

// Number is a float or monetary field. Its digits are taken as they stand: 4.779999999999998 is what
// Odoo answers for a tax of 4.78, so amounts are to be rounded to their currency.
type Number struct{ money.Decimal }

// UnmarshalJSON reads a number, a text that is one, or nothing.
func (n *Number) UnmarshalJSON(data []byte) error {
	n.Decimal = money.Zero
	if Empty(data) {
		return nil
	}
	text := strings.Trim(string(data), `"`)
	d, err := money.ParseDecimal(text)
	if err != nil {
		return fmt.Errorf("a number is expected, not %s", kindOf(data))
	}
	n.Decimal = d
	return nil
}

// Flag is a boolean field.
type Flag bool

// UnmarshalJSON reads true or false; nothing is false.
func (f *Flag) UnmarshalJSON(data []byte) error {
	switch string(bytes.TrimSpace(data)) {
	case "true", "1", `"True"`:
		*f = true
	case "false", "null", "0", `"False"`, "":
		*f = false
	default:
		return fmt.Errorf("true or false is expected, not %s", kindOf(data))
	}
	return nil
}

// TimeLayout is how Odoo reads and writes a moment, always in UTC and without saying so. ISO 8601
// with T and Z is refused.
const TimeLayout = "2006-01-02 15:04:05"

// DateLayout is how Odoo reads and writes a day.
const DateLayout = "2006-01-02"

// Time is a datetime or date field, in UTC.
type Time struct{ time.Time }

// FormatTime writes a moment as Odoo reads it.
func FormatTime(t time.Time) string { return t.UTC().Format(TimeLayout) }

// UnmarshalJSON reads a moment with or without microseconds, a day, or nothing. The community REST
// module writes a T between day and time.
func (t *Time) UnmarshalJSON(data []byte) error {
	*t = Time{}
	var text Text
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	value := strings.TrimSuffix(strings.Replace(text.String(), "T", " ", 1), "Z")
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", DateLayout} {
		if at, err := time.Parse(layout, value); err == nil {
			t.Time = at
			return nil
		}
	}
	return fmt.Errorf("%q is no time such as 2026-11-23 06:29:48", string(text))
}

// kindOf names the kind of a JSON value for an error, without showing what is in it.
func kindOf(data []byte) string {
	switch {
	case len(data) == 0:
		return "nothing"
	case data[0] == '{':
		return "an object"
	case data[0] == '[':
		return "a list"
	case data[0] == '"':
		return "a text"
	case data[0] == 't' || data[0] == 'f':
		return "true or false"
	default:
		return "a number"
	}
}
