package desk

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderlyhq/orderly/connector"
)

// CodeState is what a destination has under a code.
type CodeState string

// States of codes.
const (
	CodeUnknown   CodeState = "" // the destination cannot tell, or was not asked
	CodeKnown     CodeState = "known"
	CodeMissing   CodeState = "missing"
	CodeInactive  CodeState = "inactive"
	CodeAmbiguous CodeState = "ambiguous" // several articles have it
)

// Code is a code of a destination with what it has under it.
type Code struct {
	Code  string    `json:"code"`
	Name  string    `json:"name,omitempty"`
	State CodeState `json:"state,omitempty"`
}

// Wrong says that orders with the code would be held.
func (c Code) Wrong() bool {
	return c.State == CodeMissing || c.State == CodeInactive || c.State == CodeAmbiguous
}

// Text says what is wrong with the code, or what it is called.
func (c Code) Text() string {
	switch c.State {
	case CodeMissing:
		return "the ERP does not have it"
	case CodeInactive:
		return "it is inactive in the ERP"
	case CodeAmbiguous:
		return "several articles in the ERP have it"
	}
	return c.Name
}

const (
	// codesFor is how long it is remembered what a destination has; what it has not is asked for again.
	codesFor = 5 * time.Minute
	// codesTime bounds how long a page waits for a destination.
	codesTime = 2 * time.Second
	// maxCodes bounds what is remembered of one destination.
	maxCodes = 20_000
)

// codes is what destinations are known to have. It is safe for concurrent use.
type codes struct {
	mu    sync.Mutex
	books map[string]*codeBook // by connection
	seen  map[string]seenKept
}

// codeBook is what one destination is known to have.
type codeBook struct {
	items map[string]keptCode
	taxes []connector.TaxCode
	until time.Time // of taxes
}

type keptCode struct {
	code  Code
	until time.Time
}

// book asks one destination, and remembers.
type book struct {
	*codes
	desk *Desk
	name string
	conn *connector.Conn // nil when it cannot be asked
	end  time.Time
	// problem says why the destination could not be asked.
	problem string
}

// of gives the book of a destination for one page.
func (c *codes) of(ctx context.Context, d *Desk, connection string) *book {
	b := &book{codes: c, desk: d, name: connection, end: time.Now().Add(codesTime)}
	open, err := d.node.Connection(connection)
	switch {
	case err != nil:
		b.problem = err.Error()
	case open.Paused:
		b.problem = connection + " is paused"
	case open.Gate.State().Breaker == "open":
		b.problem = connection + " does not answer at the moment"
	default:
		b.conn = open.Conn
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.books == nil {
		c.books = map[string]*codeBook{}
	}
	if kept := c.books[connection]; kept == nil || len(kept.items) > maxCodes {
		c.books[connection] = &codeBook{items: map[string]keptCode{}}
	}
	return b
}

// check says what the destination has under codes of a table, in their order.
func (b *book) check(ctx context.Context, table MapTable, list []string) []Code {
	switch {
	case table.article:
		return b.articles(ctx, list)
	case table.tax:
		return b.taxesOf(ctx, list)
	}
	out := make([]Code, len(list))
	for i, code := range list {
		out[i] = Code{Code: code}
	}
	return out
}

func (b *book) articles(ctx context.Context, skus []string) []Code {
	out := make([]Code, len(skus))
	var ask []string
	now := b.desk.now()
	b.mu.Lock()
	items := b.books[b.name].items
	for i, sku := range skus {
		out[i] = Code{Code: sku}
		if kept, ok := items[sku]; ok && now.Before(kept.until) {
			out[i] = kept.code
		} else if sku != "" && !slices.Contains(ask, sku) {
			ask = append(ask, sku)
		}
	}
	b.mu.Unlock()
	if len(ask) == 0 || b.conn == nil || b.conn.Items == nil {
		return out
	}
	ctx, cancel := context.WithDeadline(ctx, b.end)
	defer cancel()
	found, err := b.conn.Items.FindItems(ctx, ask)
	if err != nil {
		b.problem = err.Error()
		return out
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, sku := range skus {
		if !slices.Contains(ask, sku) {
			continue
		}
		out[i] = codeOf(sku, found[sku])
		if out[i].State == CodeKnown {
			items[sku] = keptCode{code: out[i], until: now.Add(codesFor)}
		}
	}
	return out
}

func codeOf(sku string, items []connector.Item) Code {
	active := slices.DeleteFunc(slices.Clone(items), func(i connector.Item) bool { return i.Inactive })
	switch {
	case len(active) == 1:
		return Code{Code: sku, Name: active[0].Name, State: CodeKnown}
	case len(active) > 1:
		return Code{Code: sku, Name: active[0].Name, State: CodeAmbiguous}
	case len(items) > 0:
		return Code{Code: sku, Name: items[0].Name, State: CodeInactive}
	}
	return Code{Code: sku, State: CodeMissing}
}

// taxCodes lists the destination's taxes; nil where it cannot.
func (b *book) taxCodes(ctx context.Context) []connector.TaxCode {
	now := b.desk.now()
	b.mu.Lock()
	kept := b.books[b.name]
	taxes, until := kept.taxes, kept.until
	b.mu.Unlock()
	if now.Before(until) || b.conn == nil || b.conn.Taxes == nil {
		return taxes
	}
	ctx, cancel := context.WithDeadline(ctx, b.end)
	defer cancel()
	list, err := b.conn.Taxes.Taxes(ctx)
	if err != nil {
		b.problem = err.Error()
		return taxes
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	kept.taxes, kept.until = list, now.Add(codesFor)
	return list
}

// taxesOf compares codes with the list of taxes, as a mapping does: by code, else by name.
func (b *book) taxesOf(ctx context.Context, list []string) []Code {
	known := b.taxCodes(ctx)
	out := make([]Code, len(list))
	for i, code := range list {
		out[i] = Code{Code: code}
		if known == nil || code == "" {
			continue
		}
		out[i].State = CodeMissing
		at := slices.IndexFunc(known, func(t connector.TaxCode) bool { return t.Code == code })
		if at < 0 {
			at = slices.IndexFunc(known, func(t connector.TaxCode) bool { return strings.EqualFold(t.Name, code) })
		}
		if at >= 0 {
			out[i].State, out[i].Name = CodeKnown, known[at].Name
		}
	}
	return out
}

// CheckCodes says what the destination of a flow has under codes of a table, or with TableSettings under
// its single values. problem says why it could not be asked.
func (d *Desk) CheckCodes(ctx context.Context, flowName, table string, list []string) (found map[string]Code, problem string, err error) {
	t := MapTable{article: true}
	if table != TableSettings {
		if t, err = mapTable(table); err != nil {
			return nil, "", err
		}
	}
	stored, _, err := d.flowConfig(ctx, flowName)
	if err != nil {
		return nil, "", err
	}
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	book := d.codes.of(ctx, d, stored.Destination)
	found = map[string]Code{}
	for some := range slices.Chunk(list, codesChunk) {
		for _, c := range book.check(ctx, t, some) {
			found[c.Code] = c
		}
	}
	return found, book.problem, nil
}

// codesChunk is how many codes are asked for at once.
const codesChunk = 200
