// Package odata is what vendors with an OData API share: literals and conditions of queries, the address of
// a record by its key, pages, dates, and $batch, in the forms of version 2, 3 and 4 of the protocol.
//
// It makes no calls and knows no vendor: which fields there are, and what an error means, is the business of
// the connectors above it.
package odata

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Quote writes text as a literal of a query: in single quotes, with those inside doubled
// (OData 4.01 URL conventions, 5.1.1.6.1; the same in version 2 and 3).
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// ByKey gives the path of one record, such as "Orders(91)" or "BusinessPartners('C”1')". A key that is text is quoted, a whole number
// is not. What the path cannot hold as it is gets percent-encoded.
func ByKey(set string, key any) string {
	var literal string
	switch k := key.(type) {
	case string:
		literal = Quote(k)
	case int:
		literal = strconv.Itoa(k)
	case int64:
		literal = strconv.FormatInt(k, 10)
	default:
		literal = Quote(fmt.Sprint(k))
	}
	return set + "(" + url.PathEscape(literal) + ")"
}

// Eq is the condition that a field equals a text.
func Eq(field, text string) string { return field + " eq " + Quote(text) }

// Or is true when one of the conditions is; no condition at all gives "".
func Or(conditions ...string) string { return join(" or ", conditions) }

// And is true when all of the conditions are; empty ones are left out.
func And(conditions ...string) string { return join(" and ", conditions) }

func join(word string, conditions []string) string {
	var kept []string
	for _, c := range conditions {
		if c != "" {
			kept = append(kept, c)
		}
	}
	if len(kept) > 1 {
		return "(" + strings.Join(kept, word) + ")"
	}
	return strings.Join(kept, "")
}

// AnyOf splits conditions into filters, each of them an "or" of as many as fit into limit bytes when they are
// encoded in an address. A single condition that is longer stands alone.
func AnyOf(limit int, conditions []string) []string {
	var filters, part []string
	size := 0
	for _, c := range conditions {
		length := len(Query("", c)) + len("%20or%20")
		if len(part) > 0 && size+length > limit {
			filters = append(filters, Or(part...))
			part, size = nil, 0
		}
		part = append(part, c)
		size += length
	}
	if len(part) > 0 {
		filters = append(filters, Or(part...))
	}
	return filters
}

// Query writes the options of a query behind a path: pairs of name and value, of which those with an empty value are left out. Spaces
// become %20, because "+" means a plus to some servers, and the "$" of names stays.
func Query(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		} else {
			b.WriteByte('?')
		}
		b.WriteString(pairs[i] + "=" + strings.ReplaceAll(url.QueryEscape(pairs[i+1]), "+", "%20"))
	}
	return b.String()
}

// Page is one answer to a query for many records, in whatever version's form.
type Page struct {
	Items []json.RawMessage
	// Next is the address of the next page as the server wrote it, often relative; "" on the last.
	Next string
	// Count is how many records there are in all, or -1 where the server did not say.
	Count int
}

// UnmarshalJSON reads {"value":[…]} of version 3 and 4 and {"d":{"results":[…]}} of version 2.
func (p *Page) UnmarshalJSON(data []byte) error {
	var body struct {
		Value  []json.RawMessage `json:"value"`
		Next3  string            `json:"odata.nextLink"`
		Next4  string            `json:"@odata.nextLink"`
		Count3 *number           `json:"odata.count"`
		Count4 *number           `json:"@odata.count"`
		D      json.RawMessage   `json:"d"`
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return err
	}
	*p = Page{Items: body.Value, Next: body.Next4 + body.Next3, Count: -1}
	count := body.Count4
	if count == nil {
		count = body.Count3
	}
	if len(body.D) > 0 {
		if body.D[0] == '[' { // version 1, and version 2 with $top
			return json.Unmarshal(body.D, &p.Items)
		}
		var d struct {
			Results []json.RawMessage `json:"results"`
			Next    string            `json:"__next"`
			Count   *number           `json:"__count"`
		}
		if err := json.Unmarshal(body.D, &d); err != nil {
			return err
		}
		p.Items, p.Next, count = d.Results, d.Next, d.Count
	}
	if count != nil {
		p.Count = int(*count)
	}
	return nil
}

// number is a whole number that some versions write as text.
type number int

func (n *number) UnmarshalJSON(data []byte) error {
	i, err := strconv.Atoi(strings.Trim(string(data), `"`))
	if err != nil || i < 0 {
		return fmt.Errorf("odata: %q is no count", data)
	}
	*n = number(i)
	return nil
}

// Resolve gives the full address of a link that a server wrote into an answer: complete, from the root of the
// host ("/b1s/v1/Orders?$skip=20"), or from that of the service ("Orders?$skip=20"), which root is.
func Resolve(root, link string) (string, error) {
	base, err := url.Parse(strings.TrimRight(root, "/") + "/")
	if err != nil {
		return "", err
	}
	ref, err := url.Parse(link)
	if err != nil {
		return "", fmt.Errorf("odata: the link to the next page is no address")
	}
	return base.ResolveReference(ref).String(), nil
}

// ParseTime reads a date or time in one of the protocol's forms: "2026-11-23", "2026-11-23T00:00:00", with a zone or without,
// and "/Date(1763856000000)/" with an offset in minutes or without (version 2). A time without a zone is taken in loc.
// "" and "null" give the zero time.
func ParseTime(text string, loc *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "null" {
		return time.Time{}, nil
	}
	if inner, found := strings.CutPrefix(text, "/Date("); found {
		inner, found = strings.CutSuffix(inner, ")/")
		if i := strings.LastIndexAny(inner, "+-"); i > 0 {
			inner = inner[:i] // the milliseconds are in UTC; the offset only says how to show them
		}
		ms, err := strconv.ParseInt(inner, 10, 64)
		if !found || err != nil {
			return time.Time{}, fmt.Errorf("odata: %q is no date", text)
		}
		return time.UnixMilli(ms).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, loc); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("odata: %q is no date", text)
}
