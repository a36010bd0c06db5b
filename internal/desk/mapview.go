package desk

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// MapQuery chooses what of a flow's maps is shown.
type MapQuery struct {
	Flow     string // "" is the first
	Table    string // "" is the first
	Search   string // part of a value or a code
	Page     int    // from 1
	Limit    int    // rows of a page
	Unmapped int    // values without a row
}

// Limits of a page of a table.
const (
	mapRows     = 50
	mapRowsMost = 500
	unmappedFew = 20
	maxUnmapped = 500
)

func (q *MapQuery) complete() {
	q.Page = max(q.Page, 1)
	q.Limit = min(cmp.Or(max(q.Limit, 0), mapRows), mapRowsMost)
	q.Unmapped = min(cmp.Or(max(q.Unmapped, 0), unmappedFew), maxUnmapped)
	q.Table = cmp.Or(q.Table, mapTables[0].Name)
}

// MapsView is a table of a flow's mapping with what is missing in it.
type MapsView struct {
	Flow        string          `json:"flow"`
	Flows       []string        `json:"flows"`
	Source      string          `json:"source"`
	Destination string          `json:"destination"`
	Table       MapTable        `json:"table"`
	Tables      []TableCount    `json:"tables"`
	Unmapped    []UnmappedValue `json:"unmapped"` // orders wait for the first ones
	More        int             `json:"unmapped_more"`
	Waiting     int             `json:"waiting"` // orders that wait for a row of this table
	Rows        []MapRow        `json:"rows"`
	Total       int             `json:"total"`
	Matching    int             `json:"matching"`
	Page        int             `json:"page"`
	Pages       int             `json:"pages"`
	Settings    []SettingRow    `json:"settings"`
	// Taxes are those of the destination, where they can be listed.
	Taxes []connector.TaxCode `json:"taxes,omitempty"`
	// CodesProblem says why codes are not compared with the destination; "" when they are.
	CodesProblem string `json:"codes_problem,omitempty"`
}

// TableCount is how much is in a table and how many orders wait for it.
type TableCount struct {
	MapTable
	Rows    int `json:"rows"`
	Waiting int `json:"waiting"`
}

// MapRow is a row of a table.
type MapRow struct {
	Key  string `json:"key"`
	To   string `json:"to"`
	Code Code   `json:"code"` // what the destination has under To
	Seen int64  `json:"seen"` // orders with a value that takes this row, about
}

// SettingRow is a single value with what the destination has under it.
type SettingRow struct {
	MapSetting
	Code Code `json:"code"`
}

// UnmappedValue is a value of real orders that needs a row, or a row that leads nowhere.
type UnmappedValue struct {
	Key     string    `json:"key"` // of the row to be written
	To      string    `json:"to"`  // where it leads now; "" without a row
	Title   string    `json:"title,omitempty"`
	Why     string    `json:"why"`
	Seen    int64     `json:"seen"`
	Orders  int       `json:"orders"` // that wait for it
	CauseID int64     `json:"cause_id,omitempty"`
	LastAt  time.Time `json:"last_at,omitzero"`
}

// Maps gives a table of a flow's mapping: what is missing in it and a page of its rows.
func (d *Desk) Maps(ctx context.Context, q MapQuery) (*MapsView, error) {
	q.complete()
	table, err := mapTable(q.Table)
	if err != nil {
		return nil, err
	}
	names, err := d.flowNames(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return &MapsView{Flows: names, Table: table}, nil
	}
	stored, c, err := d.flowConfig(ctx, cmp.Or(q.Flow, names[0]))
	if err != nil {
		return nil, err
	}
	v := &MapsView{Flow: stored.Name, Flows: names, Source: stored.Source, Destination: stored.Destination, Table: table, Page: q.Page}
	rows := *table.table(&c.Mapping)
	index := rows.Index()
	seen, err := d.seenValues(ctx, stored.Source, table.seen)
	if err != nil {
		return nil, err
	}
	held, err := d.store.UnmappedValues(ctx, stored.Name)
	if err != nil {
		return nil, err
	}
	v.Tables = countTables(&c.Mapping, held)
	for _, t := range v.Tables {
		if t.Name == table.Name {
			v.Total, v.Waiting = t.Rows, t.Waiting
		}
	}

	book := d.codes.of(ctx, d, stored.Destination)
	if table.tax {
		v.Taxes = book.taxCodes(ctx)
	}
	v.pageOf(rows, index, seen, q)
	v.findUnmapped(ctx, book, c, table, index, seen, held, q.Unmapped)

	// All codes of the page are asked for together.
	var codes []string
	for _, r := range v.Rows {
		codes = append(codes, r.To)
	}
	for _, s := range mapSettings {
		value := *s.value(&c.Mapping)
		s.Value = value
		v.Settings = append(v.Settings, SettingRow{MapSetting: s})
	}
	settings := make([]string, len(v.Settings))
	for i, s := range v.Settings {
		settings[i] = s.Value
	}
	if table.article {
		codes = append(codes, settings...)
	} else {
		for i, code := range book.check(ctx, MapTable{article: true}, settings) {
			v.Settings[i].Code = code
		}
	}
	for i, code := range book.check(ctx, table, codes) {
		if i < len(v.Rows) {
			v.Rows[i].Code = code
		} else {
			v.Settings[i-len(v.Rows)].Code = code
		}
	}
	v.CodesProblem = book.problem
	return v, nil
}

// pageOf fills the page of rows.
func (v *MapsView) pageOf(rows mapping.Table, index *mapping.Index, seen []store.SeenValue, q MapQuery) {
	search := strings.ToLower(q.Search)
	keys := make([]string, 0, len(rows))
	for key, to := range rows {
		if search == "" || strings.Contains(strings.ToLower(key), search) || strings.Contains(strings.ToLower(to), search) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	v.Matching = len(keys)
	v.Pages = max((len(keys)+q.Limit-1)/q.Limit, 1)
	v.Page = min(v.Page, v.Pages)
	from := (v.Page - 1) * q.Limit
	keys = keys[from:min(from+q.Limit, len(keys))]
	hits := map[string]int64{}
	for _, s := range seen {
		if key, found := index.Key(candidates(s)...); found {
			hits[key] += s.Count
		}
	}
	for _, key := range keys {
		v.Rows = append(v.Rows, MapRow{Key: key, To: rows[key], Seen: hits[key]})
	}
}

// candidates are the texts of a seen value that a row may stand under.
func candidates(s store.SeenValue) []string {
	if s.Kind == store.SeenSKU {
		return []string{s.Value}
	}
	out := []string{s.Value}
	add := func(text string) {
		if text != "" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if s.Kind == store.SeenTax {
		name, rate := splitTax(s.Title)
		add(name)
		add(rate)
		return out
	}
	add(s.Title)
	return out
}

// splitTax takes "VAT 19%" apart.
func splitTax(text string) (name, rate string) {
	at := strings.LastIndexByte(text, ' ')
	if rate = text[at+1:]; !strings.HasSuffix(rate, "%") {
		return text, ""
	}
	return strings.TrimSpace(text[:max(at, 0)]), rate
}

// findUnmapped fills the list of what needs a row: first what orders wait for.
func (v *MapsView) findUnmapped(ctx context.Context, book *book, c flow.Config, table MapTable, index *mapping.Index, seen []store.SeenValue, held []store.Unmapped, limit int) {
	byText := map[string]store.SeenValue{}
	for _, s := range seen {
		byText[s.Value] = s
	}
	listed := map[string]bool{}
	add := func(u UnmappedValue) {
		if u.Key == "" || listed[u.Key] {
			return
		}
		listed[u.Key] = true
		if s, ok := byText[u.Key]; ok {
			u.Title, u.Seen = cmp.Or(u.Title, s.Title), s.Count
			if u.LastAt.Before(s.LastAt) {
				u.LastAt = s.LastAt
			}
		}
		v.Unmapped = append(v.Unmapped, u)
	}
	for _, h := range held {
		if name, _ := heldIn(h); name != table.Name {
			continue
		}
		for _, u := range heldRows(h, table, *table.table(&c.Mapping), seen) {
			add(u)
		}
	}
	byCount := slices.Clone(seen)
	slices.SortStableFunc(byCount, func(a, b store.SeenValue) int { return cmp.Compare(b.Count, a.Count) })
	for _, u := range v.withoutRow(ctx, book, c, table, index, byCount) {
		add(u)
	}
	if len(v.Unmapped) > limit {
		v.More = len(v.Unmapped) - limit
		v.Unmapped = v.Unmapped[:limit]
	}
}

// maxAsked bounds for how many articles without a row the destination is asked.
const maxAsked = 200

// withoutRow gives the seen values that have no row and no way to do without.
func (v *MapsView) withoutRow(ctx context.Context, book *book, c flow.Config, table MapTable, index *mapping.Index, seen []store.SeenValue) []UnmappedValue {
	var out []UnmappedValue
	for _, s := range seen {
		if _, found := index.Key(candidates(s)...); !found {
			out = append(out, UnmappedValue{Key: s.Value, Why: table.Without, LastAt: s.LastAt})
		}
	}
	switch {
	case table.Name == "items":
		out = out[:min(len(out), maxAsked)]
		skus := make([]string, len(out))
		for i, u := range out {
			skus[i] = u.Key
		}
		codes := book.check(ctx, table, skus)
		kept := out[:0]
		for i, u := range out {
			if codes[i].State == CodeMissing || codes[i].State == CodeInactive {
				u.Why = codes[i].Text()
				if c.Mapping.UnknownItem != "" {
					u.Why += "; its lines become " + c.Mapping.UnknownItem
				}
				kept = append(kept, u)
			}
		}
		return kept
	case table.tax && v.Taxes != nil:
		mapper, err := mapping.New(mapping.Config{}, "")
		if err != nil {
			return out
		}
		out = nil
		for _, s := range seen {
			_, found := index.Key(candidates(s)...)
			if !found && !resolvesByRate(mapper, s, v.Taxes) {
				out = append(out, UnmappedValue{Key: taxKey(s.Title, seen), Title: s.Title, Seen: s.Count, Why: "the ERP has no tax of this rate, or several", LastAt: s.LastAt})
			}
		}
		return out
	}
	return out
}

// resolvesByRate says whether a tax finds its code without a row.
func resolvesByRate(m *mapping.Mapper, s store.SeenValue, known []connector.TaxCode) bool {
	name, rateText := splitTax(s.Title)
	rate, err := money.ParseDecimal(strings.TrimSuffix(rateText, "%"))
	if err != nil {
		return false
	}
	country := ""
	if before, after, found := strings.Cut(s.Value, " "); found && after == rateText && len(before) == 2 {
		country = before
	}
	tax := []commerce.Tax{{Name: name, Country: country, Rate: rate.Shift(-2)}}
	for _, inclusive := range []bool{false, true} {
		if _, err := m.Taxes("", tax, inclusive, known); err == nil {
			return true
		}
	}
	return false
}

// heldIn gives the table in which a value is missing that orders are held by, or TableSettings with the
// name of the single value; "" where no map helps.
func heldIn(h store.Unmapped) (table, setting string) {
	area, _, _ := strings.Cut(h.Field, "[")
	switch {
	case h.Code == "tax" || strings.HasSuffix(h.Field, ".taxes"):
		return "taxes", ""
	case strings.HasSuffix(h.Field, "warehouse"):
		return "warehouses", ""
	case area == "lines":
		return "items", ""
	case area == "shipping_lines":
		return "shipping", ""
	case area == "charges":
		return "charges", ""
	case area == "discounts":
		return TableSettings, "discount_item"
	case strings.HasPrefix(h.Field, "mapping.rounding_item"):
		return TableSettings, "rounding_item"
	case area == "payments" || h.Field == "payment_method":
		return "payments", ""
	case h.Field == "payment_terms":
		return "terms", ""
	}
	return "", ""
}

// maxLeading bounds how many rows are shown that lead to one code that is not there.
const maxLeading = 20

// heldRows gives the rows to be written so that orders go on that are held by a value. The value is what
// the destination was asked for: where rows lead to it, they are to be corrected.
func heldRows(h store.Unmapped, table MapTable, rows mapping.Table, seen []store.SeenValue) []UnmappedValue {
	u := UnmappedValue{Orders: h.Tasks, CauseID: h.CauseID, LastAt: h.LastAt, Why: "orders are held by it"}
	if table.tax {
		u.Key, u.Title = taxKey(h.Value, seen), h.Value
		u.To = rows[u.Key]
		return []UnmappedValue{u}
	}
	var out []UnmappedValue
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if rows[key] == h.Value && len(out) < maxLeading {
			leads := u
			leads.Key, leads.To, leads.Why = key, h.Value, "its row leads to "+h.Value+", by which orders are held"
			out = append(out, leads)
		}
	}
	own := slices.ContainsFunc(seen, func(s store.SeenValue) bool { return s.Value == h.Value })
	if _, exists := rows[h.Value]; len(out) == 0 || (own && !exists) {
		u.Key = h.Value
		out = append(out, u)
	}
	return out
}

// taxKey gives the key under which a tax is mapped that orders name as "VAT 19%": its code where it has
// one, else its rate, because a name alone would take all rates of that name.
func taxKey(value string, seen []store.SeenValue) string {
	name, rate := splitTax(value)
	for _, s := range seen {
		if s.Title == value && s.Value != name {
			return s.Value
		}
	}
	return cmp.Or(rate, value)
}

func countTables(c *mapping.Config, held []store.Unmapped) []TableCount {
	waiting := map[string]int{}
	for _, h := range held {
		table, _ := heldIn(h)
		waiting[table] += h.Tasks
	}
	out := make([]TableCount, len(mapTables))
	for i, t := range mapTables {
		out[i] = TableCount{MapTable: t, Rows: len(*t.table(c)), Waiting: waiting[t.Name]}
	}
	return out
}

// flowNames gives the names of the flows that are there.
func (d *Desk) flowNames(ctx context.Context) ([]string, error) {
	flows, err := d.store.Flows(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, f := range flows {
		if !f.Removed {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

// flowConfig gives a flow as the store holds it.
func (d *Desk) flowConfig(ctx context.Context, name string) (store.Flow, flow.Config, error) {
	flows, err := d.store.Flows(ctx)
	if err != nil {
		return store.Flow{}, flow.Config{}, err
	}
	i := slices.IndexFunc(flows, func(f store.Flow) bool { return f.Name == name && !f.Removed })
	if i < 0 {
		return store.Flow{}, flow.Config{}, &NotFoundError{Text: "There is no flow " + name + "."}
	}
	c, err := flow.ParseConfig(flows[i].Config)
	return flows[i], c, err
}

const (
	// maxSeenValues bounds how many values of orders are looked at.
	maxSeenValues = 50_000
	// seenPage is how many are read at once.
	seenPage = 5_000
	// seenFor is how long they are remembered.
	seenFor = 20 * time.Second
)

// seenKept are values of orders as they were read a moment ago.
type seenKept struct {
	values []store.SeenValue
	until  time.Time
}

// seenValues gives the values of a kind that were seen in orders of a source.
func (d *Desk) seenValues(ctx context.Context, connection, kind string) ([]store.SeenValue, error) {
	key := connection + " " + kind
	d.codes.mu.Lock()
	kept := d.codes.seen[key]
	d.codes.mu.Unlock()
	if d.now().Before(kept.until) {
		return kept.values, nil
	}
	var all []store.SeenValue
	for f := (store.SeenFilter{Connection: connection, Kind: kind, Limit: seenPage}); len(all) < maxSeenValues; {
		some, err := d.store.SeenValues(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < seenPage {
			break
		}
		f.After = some[len(some)-1].Value
	}
	d.codes.mu.Lock()
	defer d.codes.mu.Unlock()
	if d.codes.seen == nil || len(d.codes.seen) > 100 {
		d.codes.seen = map[string]seenKept{}
	}
	d.codes.seen[key] = seenKept{values: all, until: d.now().Add(seenFor)}
	return all, nil
}
