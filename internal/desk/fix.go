package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// FixWay is how a cause is fixed.
type FixWay string

// Ways.
const (
	FixRow    FixWay = "row"    // a row of a table of the flow's mapping
	FixValue  FixWay = "value"  // a single value of the flow's mapping
	FixChoose FixWay = "choose" // a person chooses one of several: Reviews
	FixOther  FixWay = "other"  // somewhere else: Place
)

// Place is where something is set that is no part of a mapping.
type Place string

// Places.
const (
	PlaceSource      Place = "source"      // in the source system or its connection
	PlaceDestination Place = "destination" // in the ERP or its connection
	PlaceFlow        Place = "flow"        // in the flow's configuration
)

// Fix is something that a person can do about a cause.
type Fix struct {
	Way   FixWay `json:"way"`
	Table string `json:"table,omitempty"` // of FixRow and FixValue, as SetMapRows names it
	Title string `json:"title"`           // of the table or value
	// Keys are the source's values that the row may begin with, the likeliest first; of FixValue its name.
	Keys []string `json:"keys,omitempty"`
	To   string   `json:"to,omitempty"` // what is asked for: "SKU in the ERP"
	// Present is what the keys lead to now.
	Present map[string]string `json:"present,omitempty"`
	// Codes says that Suggest knows codes of the destination for it.
	Codes bool `json:"codes,omitempty"`

	Place      Place  `json:"place,omitempty"`
	Connection string `json:"connection,omitempty"` // with PlaceSource and PlaceDestination
}

// InPlace says whether the fix is made of a key and a value.
func (f Fix) InPlace() bool { return f.Way == FixRow || f.Way == FixValue }

// fixes gives what can be done about a cause, the likeliest first.
func (d *Desk) fixes(ctx context.Context, c store.Cause, orders []store.TaskRow) ([]Fix, error) {
	f, ok := d.node.Flow(c.Flow)
	if !ok {
		return []Fix{{Way: FixOther, Place: PlaceFlow, Title: "the flow is not open"}}, nil
	}
	if c.Code == flow.CodeCustomerAmbiguous || c.Code == flow.CodeCustomerMissing || c.Code == flow.CodeItemAmbiguous {
		return []Fix{{Way: FixChoose, Title: "choose which one is meant"}}, nil
	}
	fixer := fixer{cause: c, config: f.Config.Mapping}
	if c.Kind == string(connector.KindUnmapped) {
		if len(orders) > 0 && fixer.needsSample() {
			if sample, err := d.decodedOrder(ctx, orders[0]); err == nil {
				fixer.sample = &sample // without it there is less to choose from
			}
		}
		fixer.unmapped()
	}
	fixer.elsewhere(d, f)
	return fixer.fixes, nil
}

// fixer finds what can be done about a cause.
type fixer struct {
	cause  store.Cause
	config mapping.Config
	sample *commerce.Order // one that has it
	fixes  []Fix
}

// area is the part of the order that is at fault: lines, shipping_lines, …
func (x *fixer) area() string {
	field, _, _ := strings.Cut(x.cause.Field, " ")
	area, _, _ := strings.Cut(field, "[")
	return area
}

func (x *fixer) ofTaxes() bool {
	field, _, _ := strings.Cut(x.cause.Field, " ")
	return strings.HasSuffix(field, ".taxes") || x.cause.Code == "tax"
}

// needsSample says whether an order has to be looked at to know what to offer.
func (x *fixer) needsSample() bool {
	return x.ofTaxes() || slices.Contains([]string{"shipping_lines", "charges", "payments", "payment_terms", "warehouse"}, x.area())
}

// unmapped offers what gives a value its counterpart.
func (x *fixer) unmapped() {
	value, area := x.cause.Value, x.area()
	if x.ofTaxes() {
		x.taxes()
		return
	}
	switch area {
	case "lines":
		x.line(value)
	case "shipping_lines":
		x.row("shipping", x.keysOf(x.config.Shipping, value, func(o *commerce.Order) (keys []string) {
			for _, s := range o.ShippingLines {
				keys = append(keys, s.Method, s.Title)
			}
			return keys
		}))
	case "charges":
		x.row("charges", x.keysOf(x.config.Charges, value, func(o *commerce.Order) (keys []string) {
			for _, c := range o.Charges {
				keys = append(keys, string(c.Type), c.Title)
			}
			return keys
		}))
	case "payments":
		x.row("payments", x.keysOf(x.config.Payments, value, paymentKeys))
	case "payment_terms":
		x.row("terms", x.keysOf(x.config.Terms, value, func(o *commerce.Order) []string { return append([]string{o.PaymentTerms}, paymentKeys(o)...) }))
	case "warehouse":
		x.row("warehouses", x.keysOf(x.config.Warehouses, value, func(o *commerce.Order) []string { return []string{o.WarehouseHint} }))
	case "discounts":
		x.setting("discount_item")
	case "rounding_item", "mapping.rounding_item.sku":
		x.setting("rounding_item")
	}
}

func paymentKeys(o *commerce.Order) (keys []string) {
	for _, p := range o.Payments {
		keys = append(keys, p.Method, p.Gateway, p.Title)
	}
	return keys
}

// line offers what gives a line its article: the row that leads to the value, or a new one for it, or the
// value of the mapping that it comes from.
func (x *fixer) line(value string) {
	switch {
	case value != "" && value == x.config.GiftCardItem:
		x.setting("gift_card_item")
	case value != "" && value == x.config.UnknownItem:
		x.setting("unknown_item")
	case strings.HasPrefix(x.cause.Message, "the line has no SKU"):
		x.setting("unknown_item")
		return
	}
	if strings.Contains(x.cause.Field, ".warehouse") {
		x.row("warehouses", x.keysOf(x.config.Warehouses, value, nil))
		return
	}
	if keys := x.keysOf(x.config.Items, value, nil); len(keys) > 0 {
		x.row("items", keys)
	}
	if x.config.UnknownItem == "" {
		x.setting("unknown_item")
	}
}

// taxes offers the ways to speak of a tax: its name, its country with its rate, its rate.
func (x *fixer) taxes() {
	var keys []string
	rate := lastWord(x.cause.Value)
	if x.sample != nil {
		each := func(taxes []commerce.Tax) {
			for _, t := range taxes {
				of := t.Rate.Shift(2).String() + "%"
				if x.cause.Value == "" || of == rate {
					keys = append(keys, strings.TrimSpace(t.Country+" "+of), of, t.Name, t.Code)
				}
			}
		}
		for _, l := range x.sample.Lines {
			each(l.Taxes)
		}
		for _, s := range x.sample.ShippingLines {
			each(s.Taxes)
		}
		for _, c := range x.sample.Charges {
			each(c.Taxes)
		}
	}
	keys = append(keys, rate, strings.TrimSpace(strings.TrimSuffix(x.cause.Value, rate)))
	// A row that is there already decides, so it is what has to be changed.
	slices.SortStableFunc(keys, func(a, b string) int {
		_, hasA := x.config.Taxes[a]
		_, hasB := x.config.Taxes[b]
		return cmp.Compare(number(hasB), number(hasA))
	})
	x.row("taxes", keys)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func lastWord(text string) string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// keysOf gives what a row may begin with: the rows that lead to the value now; else what the orders have,
// or the value itself.
func (x *fixer) keysOf(table mapping.Table, value string, ofOrder func(*commerce.Order) []string) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if value != "" && table[key] == value {
			keys = append(keys, key)
		}
	}
	switch {
	case ofOrder == nil:
		if len(keys) == 0 {
			keys = append(keys, value)
		}
	case x.sample != nil:
		keys = append(keys, ofOrder(x.sample)...)
	}
	if ofOrder != nil {
		keys = append(keys, "*")
	}
	return keys
}

// maxKeys bounds how many keys are offered.
const maxKeys = 12

func (x *fixer) row(table string, keys []string) {
	t, err := mapTable(table)
	if err != nil {
		return // a table that is not there is not offered
	}
	f := Fix{Way: FixRow, Table: t.Name, Title: t.Title, To: t.To, Present: map[string]string{}, Codes: t.article || t.tax}
	present := *t.table(&x.config)
	for _, key := range keys {
		if key != "" && !slices.Contains(f.Keys, key) && len(f.Keys) < maxKeys {
			f.Keys = append(f.Keys, key)
			f.Present[key] = present[key]
		}
	}
	x.fixes = append(x.fixes, f)
}

func (x *fixer) setting(name string) {
	i := slices.IndexFunc(mapSettings, func(s MapSetting) bool { return s.Name == name })
	if i < 0 || slices.ContainsFunc(x.fixes, func(f Fix) bool { return slices.Contains(f.Keys, name) }) {
		return
	}
	s := mapSettings[i]
	x.fixes = append(x.fixes, Fix{
		Way: FixValue, Table: TableSettings, Title: s.Title, Keys: []string{name}, To: s.Help, Codes: true, Present: map[string]string{name: *s.value(&x.config)},
	})
}

// elsewhere names the place where the rest is set.
func (x *fixer) elsewhere(d *Desk, f *flow.Flow) {
	switch x.cause.Step {
	case flow.StepDecode, flow.StepCheck, flow.StepFeedback, "fetch":
		x.fixes = append(x.fixes, Fix{Way: FixOther, Place: PlaceSource, Connection: d.sourceOf(x.cause.Flow), Title: "the source"})
	case flow.StepFilter:
		x.fixes = append(x.fixes, Fix{Way: FixOther, Place: PlaceFlow, Title: "the flow"})
	default:
		x.fixes = append(x.fixes, Fix{Way: FixOther, Place: PlaceDestination, Connection: f.Destination, Title: "the ERP"})
	}
}

// sourceOf gives the connection that a flow takes its records from; "" when that cannot be told.
func (d *Desk) sourceOf(flowName string) string {
	for _, name := range d.node.Sources() {
		if source, ok := d.node.Source(name); ok {
			for _, routes := range source.Routes {
				if slices.ContainsFunc(routes, func(r store.Route) bool { return r.Flow == flowName }) {
					return name
				}
			}
		}
	}
	return ""
}

// decodedOrder gives an order as the source last sent it, in the canonical form.
func (d *Desk) decodedOrder(ctx context.Context, t store.TaskRow) (commerce.Order, error) {
	f, ok := d.node.Flow(t.Flow)
	if !ok || f.Source.Decoder == nil {
		return commerce.Order{}, Invalid("", "the flow %s is not open", t.Flow)
	}
	body, err := d.store.RecordBody(ctx, t.RecordID)
	if err != nil {
		return commerce.Order{}, err
	}
	return f.Source.Decoder.DecodeOrder(connector.Raw{
		Ref: connector.Ref{Kind: commerce.Kind(t.Kind), ID: t.SourceID}, Form: body.Form, Body: body.Body, UpdatedAt: body.SourceTime,
	})
}

// FixInput is a row or a value of the mapping that a person gives.
type FixInput struct {
	Table string `json:"table"` // of the mapping, or TableSettings
	Key   string `json:"key"`
	Value string `json:"value"`
	Why   string `json:"why,omitempty"`
}

func (in FixInput) check() error {
	switch {
	case strings.TrimSpace(in.Key) == "":
		return Invalid("key", "say which value of the source is meant")
	case strings.TrimSpace(in.Value) == "":
		return Invalid("value", "say what it becomes in the ERP")
	}
	return nil
}

// FixWithMapping sets the row or value of the mapping that a cause's orders need. They are not tried by
// that: TryOne and RetryAll do it.
func (d *Desk) FixWithMapping(ctx context.Context, person people.Person, causeID int64, in FixInput) error {
	c, err := d.cause(ctx, causeID)
	if err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	why := cmp.Or(strings.TrimSpace(in.Why), fmt.Sprintf("fixes cause %d: %s", c.ID, c.Message))
	return d.SetMapRows(ctx, person, c.Flow, in.Table, map[string]string{in.Key: in.Value}, cut(why, maxWhy))
}

func cut(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit])
	}
	return text
}

// Previewed is what trying an order again would do.
type Previewed struct {
	Task   store.TaskRow `json:"task"`
	Would  string        `json:"would"` // create, update, cancel, nothing, skip, hold, fail
	Reason string        `json:"reason,omitempty"`
	// Same says that it would be stopped by the cause that it has now.
	Same bool `json:"same,omitempty"`
}

// FixPreview is what a fix would do to some of a cause's orders.
type FixPreview struct {
	Orders []Previewed `json:"orders"`
	Of     int         `json:"of"`      // orders that have the cause
	GoOn   int         `json:"go_on"`   // of Orders, those that would come into the ERP or be settled otherwise
	Cut    bool        `json:"cut_off"` // the time was over before all were looked at
}

const (
	// previewOrders is how many orders a preview looks at.
	previewOrders = 10
	previewTime   = 25 * time.Second
)

// PreviewFix says what trying a cause's orders again would do with a row or value of the mapping that is
// not saved; with an empty input, with what is configured now. Nothing is written anywhere.
func (d *Desk) PreviewFix(ctx context.Context, causeID int64, in FixInput) (FixPreview, error) {
	c, err := d.cause(ctx, causeID)
	if err != nil {
		return FixPreview{}, err
	}
	with, err := d.configWith(c.Flow, in)
	if err != nil {
		return FixPreview{}, err
	}
	page, err := d.store.ListTasks(ctx, store.TaskFilter{CauseID: c.ID, Limit: previewOrders})
	if err != nil {
		return FixPreview{}, err
	}
	out := FixPreview{Of: c.Tasks, Orders: []Previewed{}}
	if len(page.Tasks) == 0 {
		return out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, previewTime)
	defer cancel()
	err = d.preview(ctx, c.Flow, with, page.Tasks, func(t store.TaskRow, p *flow.Preview) {
		row := Previewed{Task: t, Would: p.Would, Reason: p.Reason, Same: p.Reason != "" && p.Reason == t.Reason}
		if p.Would != "hold" && p.Would != "fail" {
			out.GoOn++
		}
		out.Orders = append(out.Orders, row)
	})
	if errors.Is(err, context.DeadlineExceeded) {
		out.Cut, err = true, nil
	}
	return out, err
}

// configWith gives a flow's configuration with a row or value that is not saved.
func (d *Desk) configWith(flowName string, in FixInput) (*flow.Config, error) {
	f, ok := d.node.Flow(flowName)
	if !ok {
		return nil, Invalid("", "the flow %s is not open; see the health of its connections", flowName)
	}
	if in == (FixInput{}) {
		return nil, nil
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	rows, err := checkRows(in.Table, map[string]string{in.Key: in.Value})
	if err != nil {
		return nil, err
	}
	with := f.Config
	if in.Table != TableSettings {
		t, err := mapTable(in.Table)
		if err != nil {
			return nil, err
		}
		table := t.table(&with.Mapping)
		*table = maps.Clone(*table) // the flow's own is at work
	}
	return &with, writeRows(&with.Mapping, in.Table, rows)
}

// preview makes dry runs of tasks of a flow, over one connection.
func (d *Desk) preview(ctx context.Context, flowName string, with *flow.Config, tasks []store.TaskRow, hear func(store.TaskRow, *flow.Preview)) error {
	view, err := d.node.View(ctx)
	if err != nil {
		return err
	}
	previewer, err := view.Previewer(ctx, flowName, with)
	if err != nil {
		return err
	}
	defer previewer.Close(ctx)
	byID := map[int64]store.TaskRow{}
	ids := make([]int64, len(tasks))
	for i, t := range tasks {
		ids[i], byID[t.ID] = t.ID, t
	}
	works, err := d.store.Works(ctx, tasks[0].Destination, ids)
	if err != nil {
		return err
	}
	slices.SortFunc(works, func(a, b store.Work) int {
		return cmp.Compare(slices.Index(ids, a.TaskID), slices.Index(ids, b.TaskID))
	})
	for _, w := range works {
		w.DeliveredHash, w.Attempts = "", 1 // as after a retry
		p, err := previewer.Preview(ctx, w)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		hear(byID[w.TaskID], p)
	}
	return nil
}

// maxSuggested bounds how many codes are suggested.
const maxSuggested = 200

// Suggest gives codes of a flow's destination for a table of its mapping: the taxes that have the text in
// code or name; of articles what it has under exactly this SKU. It gives none where it cannot tell, and
// the problem when it could not be asked.
func (d *Desk) Suggest(ctx context.Context, flowName, table, text string) (list []Code, problem string, err error) {
	text = strings.TrimSpace(text)
	if t, err := mapTable(table); err == nil && t.tax {
		stored, _, err := d.flowConfig(ctx, flowName)
		if err != nil {
			return nil, "", err
		}
		book := d.codes.of(ctx, d, stored.Destination)
		for _, tax := range book.taxCodes(ctx) {
			if len(list) < maxSuggested && strings.Contains(strings.ToLower(tax.Code+" "+tax.Name), strings.ToLower(text)) {
				list = append(list, Code{Code: tax.Code, Name: strings.TrimSpace(tax.Name + " " + tax.Rate.Shift(2).String() + "%"), State: CodeKnown})
			}
		}
		return list, book.problem, nil
	}
	if text == "" {
		return nil, "", nil
	}
	found, problem, err := d.CheckCodes(ctx, flowName, table, []string{text})
	if c, ok := found[text]; ok && c.State != CodeUnknown {
		list = append(list, c)
	}
	return list, problem, err
}
