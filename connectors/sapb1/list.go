package sapb1

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/internal/odata"
)

// pageLimit bounds a page of whole records, of which each has hundreds of fields.
const pageLimit = 100

// zoneSlop is how far a server's calendar may be from UTC where its zone is not known.
const zoneSlop = 14 * time.Hour

// source is one kind of records as the vendor lists it.
type source struct {
	kind   commerce.Kind
	set    string
	key    string
	filter string
	// text says that keys are text.
	text bool
}

func sourceOf(kind commerce.Kind) (source, error) {
	switch kind {
	case commerce.KindOrder:
		return source{kind: kind, set: setOrders, key: "DocEntry"}, nil
	case commerce.KindCustomer:
		return source{kind: kind, set: setPartners, key: "CardCode", filter: odata.Eq("CardType", api.CardCustomer), text: true}, nil
	}
	return source{}, connector.Errorf(connector.KindInvalid, "list", "Business One has no records of the kind %q here", kind)
}

// window is the condition on days that a query becomes. UpdateDate is a day of the server's calendar.
func (c *conn) window(s source, q connector.Query) string {
	slop := time.Duration(0)
	if c.config.timeZone == "" {
		slop = zoneSlop
	}
	zone := c.config.zone()
	conditions := []string{s.filter}
	if !q.Since.IsZero() {
		conditions = append(conditions, "UpdateDate ge "+odata.Quote(day(q.Since.In(zone).Add(-slop))))
	}
	if !q.Until.IsZero() {
		conditions = append(conditions, "UpdateDate le "+odata.Quote(day(q.Until.In(zone).Add(slop))))
	}
	return odata.And(conditions...)
}

// List implements connector.Lister. It goes on behind the day and the key of the last record, because the vendor's own links count records to skip, and a record
// that changes meanwhile would shift the others past the page.
func (c *conn) List(ctx context.Context, q connector.Query) (connector.Page, error) {
	s, err := sourceOf(q.Kind)
	if err != nil {
		return connector.Page{}, err
	}
	filter := c.window(s, q)
	if q.Cursor != "" {
		behind, err := s.behind(q.Cursor)
		if err != nil {
			return connector.Page{}, err
		}
		filter = odata.And(filter, behind)
	}
	size := q.Limit
	if size <= 0 || size > pageLimit {
		size = pageLimit
	}
	page, err := c.api.Page(ctx, api.Ask{Op: "list " + s.set, Set: s.set, Filter: filter, OrderBy: "UpdateDate asc," + s.key + " asc", Size: size})
	if err != nil {
		return connector.Page{}, err
	}
	var out connector.Page
	for _, raw := range page.Items {
		at, err := s.stamp(raw, c.config.zone())
		if err != nil {
			return connector.Page{}, err
		}
		out.Next = at.day + " " + at.key
		// With the zone known, the time of day tells what the day alone cannot.
		if c.config.timeZone != "" && at.exact && (at.at.Before(q.Since.Truncate(time.Second)) || (!q.Until.IsZero() && !at.at.Before(q.Until))) {
			continue
		}
		out.Events = append(out.Events, connector.Event{
			Ref: connector.Ref{Kind: s.kind, ID: at.key}, Topic: "list", Change: connector.Changed, UpdatedAt: at.at.UTC(), Body: raw,
		})
	}
	out.More = len(page.Items) > 0 && (page.Next != "" || len(page.Items) >= size)
	if !out.More {
		out.Next = ""
	}
	return out, nil
}

// stamped is where a record stands in the list.
type stamped struct {
	day, key string
	at       time.Time
	exact    bool // the time of day is known
}

func (s source) stamp(raw json.RawMessage, zone *time.Location) (stamped, error) {
	var head struct {
		DocEntry               int64
		CardCode               string
		UpdateDate, UpdateTime string
		CreationDate           string
		CreateDate             string
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return stamped{}, connector.Errorf(connector.KindUnavailable, "list "+s.set, "a record is not in the form that was expected: %w", err)
	}
	key := head.CardCode
	if !s.text {
		key = strconv.FormatInt(head.DocEntry, 10)
	}
	at, exact, err := moment(firstOf(head.UpdateDate, head.CreationDate, head.CreateDate), head.UpdateTime, zone)
	if err != nil || key == "" || key == "0" {
		return stamped{}, connector.Errorf(connector.KindUnavailable, "list "+s.set, "a record has no key or no date")
	}
	return stamped{day: day(at), key: key, at: at, exact: exact}, nil
}

// moment puts a day and a time of day together. The day may be written as the beginning of a day in UTC, which it does not mean.
func moment(date, clock string, zone *time.Location) (at time.Time, exact bool, err error) {
	parsed, err := odata.ParseTime(date, time.UTC)
	if err != nil || parsed.IsZero() {
		return time.Time{}, false, err
	}
	year, month, dayOf := parsed.Date()
	at = time.Date(year, month, dayOf, 0, 0, 0, 0, zone)
	if clock == "" {
		return at, false, nil
	}
	hours, err := time.Parse(time.TimeOnly, clock)
	if err != nil {
		return at, false, nil //nolint:nilerr // a time of day in another form is none
	}
	return time.Date(year, month, dayOf, hours.Hour(), hours.Minute(), hours.Second(), 0, zone), true, nil
}

// behind is the condition of what comes after a record in the list.
func (s source) behind(cursor string) (string, error) {
	at, key, found := strings.Cut(cursor, " ")
	if _, err := time.Parse(time.DateOnly, at); err != nil || !found {
		return "", connector.Errorf(connector.KindInvalid, "list "+s.set, "the cursor is none of ours")
	}
	if s.text {
		key = odata.Quote(key)
	} else if _, err := strconv.ParseInt(key, 10, 64); err != nil {
		return "", connector.Errorf(connector.KindInvalid, "list "+s.set, "the cursor is none of ours")
	}
	return odata.Or("UpdateDate gt "+odata.Quote(at), odata.And("UpdateDate eq "+odata.Quote(at), s.key+" gt "+key)), nil
}

// Count implements connector.Counter; it counts whole days.
func (c *conn) Count(ctx context.Context, q connector.Query) (int, error) {
	s, err := sourceOf(q.Kind)
	if err != nil {
		return 0, err
	}
	return c.api.Count(ctx, "count "+s.set, s.set, c.window(s, q))
}

// Fetch implements connector.Fetcher.
func (c *conn) Fetch(ctx context.Context, ref connector.Ref) (connector.Raw, error) {
	s, err := sourceOf(ref.Kind)
	if err != nil {
		return connector.Raw{}, err
	}
	var key any = ref.ID
	if !s.text {
		if key, err = entryOf(ref.ID); err != nil {
			return connector.Raw{}, err
		}
	}
	var raw json.RawMessage
	if _, err := c.api.Get(ctx, "read "+string(ref.Kind), odata.ByKey(s.set, key), &raw); err != nil {
		return connector.Raw{}, err
	}
	at, err := s.stamp(raw, c.config.zone())
	if err != nil {
		return connector.Raw{}, err
	}
	return connector.Raw{Ref: connector.Ref{Kind: ref.Kind, ID: at.key}, Body: raw, UpdatedAt: at.at.UTC()}, nil
}
