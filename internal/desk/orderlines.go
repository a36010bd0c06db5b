package desk

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// OrderLines is an order beside its document, line by line.
type OrderLines struct {
	Rows []LinePair `json:"rows"`
	// ReadAt is when the document's lines were read back; zero where that is not known.
	ReadAt time.Time `json:"read_at,omitzero"`
	// Differing counts the rows in which order and document are not the same.
	Differing int `json:"differing"`
	// Note says what is to be known of the comparison: why the document's side is empty, or of what it is.
	Note string `json:"note,omitempty"`
}

// LinePair is a line of an order beside that of its document; one of the two may be missing.
type LinePair struct {
	State    LineState               `json:"state,omitempty"` // "" where the document's lines are not known
	Source   []SourceValue           `json:"source,omitempty"`
	Order    *flow.Part              `json:"order,omitempty"`
	Document *connector.DocumentLine `json:"document,omitempty"`
	// Differs names what is not the same: article, quantity, net, tax or gross.
	Differs []string `json:"differs,omitempty"`
}

// LineState is how a line of an order and one of its document compare.
type LineState string

// Line states.
const (
	LineEqual      LineState = "equal"
	LineDiffers    LineState = "differs"
	LineMissing    LineState = "missing"     // the document has no such line
	LineAdditional LineState = "additional"  // the order has no such line
	LineRounding   LineState = "rounding"    // settles the difference to the destination's own total
	LineTakenOff   LineState = "taken_off"   // of the order, and so no line or one of nothing in the document
	LineFree       LineState = "not_written" // nothing is to be paid for it, so that the document need not have it
)

// Differing says whether order and document are not the same in a row.
func (p LinePair) Differing() bool {
	return p.State == LineDiffers || p.State == LineMissing || p.State == LineAdditional
}

// Named says whether something of a row differs by its name.
func (p LinePair) Named(what string) bool { return slices.Contains(p.Differs, what) }

// Parts of a line that may differ.
const (
	lineArticle  = "article"
	lineQuantity = "quantity"
	lineNet      = "net"
	lineTax      = "tax"
	lineGross    = "gross"
)

// compareLines puts the order beside its document, as it was read back last.
func (s *OrderStory) compareLines(reveal bool) {
	if s.Order == nil {
		return
	}
	parts := flow.Parts(*s.Order)
	out := &OrderLines{}
	defer func() { s.Lines = out.complete(s) }()
	document := s.Document()
	if document == nil {
		out.Rows = alone(parts)
		return
	}
	read, at := s.readBack(document)
	if read == nil {
		out.Rows, out.Note = alone(parts), "The document's lines were not read back, or are not kept any more; its totals are below."
		return
	}
	out.ReadAt = at.Finished
	if at.Revision != s.Task.Wanted && s.Task.Delivered != s.Task.Wanted {
		out.Note = fmt.Sprintf("The document is of revision %d; the order has changed since, to revision %d.", at.Revision, s.Task.Wanted)
	}
	out.Rows = pairLines(parts, shownLines(read.Lines, reveal), s.articles(document), read.RoundingArticle)
	if read.More > 0 {
		out.Note = strings.TrimSpace(out.Note + fmt.Sprintf(" Further %d lines of the document are not kept.", read.More))
		for i := range out.Rows {
			if out.Rows[i].State == LineMissing {
				out.Rows[i].State = "" // it may be among them
			}
		}
	}
}

// CompareNow puts an order beside its document as somebody has read it at this moment.
func CompareNow(s *OrderStory, p *OrderPreview) *OrderLines {
	if s.Order == nil || p.Now == nil || p.Now.Lines == nil {
		return s.Lines
	}
	parts := flow.Parts(*s.Order)
	var articles []string
	rounding := ""
	if p.Draft != nil {
		articles, rounding = flow.Articles(*s.Order, p.Draft), p.Draft.RoundingItem.ID
	}
	out := &OrderLines{Rows: pairLines(parts, shownLines(p.Now.Lines, s.Revealed), articles, rounding)}
	return out.complete(s)
}

// complete counts what differs and adds what the source says.
func (l *OrderLines) complete(s *OrderStory) *OrderLines {
	for _, row := range l.Rows {
		if row.Differing() {
			l.Differing++
		}
	}
	s.sourceValues(l.Rows)
	return l
}

// readBack finds the document's lines as a delivery read them back last, and that delivery.
func (s *OrderStory) readBack(document *store.Link) (*flow.ReadBack, store.Delivery) {
	for _, d := range slices.Backward(s.Deliveries) {
		if d.Detail != nil && d.Detail.Document != nil && d.Detail.Document.ID == document.DocumentID && d.Detail.Document.Lines != nil {
			return d.Detail.Document, d.Delivery
		}
	}
	return nil, store.Delivery{}
}

// articles are what the parts of the order, as it is now, are mapped to; nil where that is not known.
func (s *OrderStory) articles(document *store.Link) []string {
	for _, d := range slices.Backward(s.Deliveries) {
		if d.Revision == s.Task.Wanted && d.Detail != nil && d.Detail.Document != nil && d.Detail.Document.ID == document.DocumentID {
			return d.Detail.Document.Articles
		}
	}
	return nil
}

// alone are the parts of an order without anything beside them.
func alone(parts []flow.Part) []LinePair {
	out := make([]LinePair, len(parts))
	for i := range parts {
		out[i].Order = &parts[i]
	}
	return out
}

// shownLines makes the lines of a document fit to be shown: what stands below the name of an article, such as
// an engraving, may be personal.
func shownLines(lines []connector.DocumentLine, reveal bool) []connector.DocumentLine {
	out := slices.Clone(lines)
	for i := range out {
		if !reveal {
			out[i].Name, _, _ = strings.Cut(out[i].Name, "\n")
		}
	}
	return out
}

// pairing finds for each part of an order the line of the document that it became.
type pairing struct {
	parts    []flow.Part
	lines    []connector.DocumentLine
	articles []string // of parts, by their ids; nil where they are not known
	rounding string   // the id of the article that carries a rounding
	lineOf   []int    // the line of each part, -1 for none
	taken    []bool   // which lines are one's
}

// pairLines puts parts and lines side by side. Every part and every line is in exactly one row: first those of the
// order, in its order, then what the document has beyond them.
func pairLines(parts []flow.Part, lines []connector.DocumentLine, articles []string, rounding string) []LinePair {
	if len(articles) != len(parts) {
		articles = make([]string, len(parts))
	}
	p := &pairing{parts: parts, lines: lines, articles: articles, rounding: rounding, lineOf: make([]int, len(parts)), taken: make([]bool, len(lines))}
	for i := range p.lineOf {
		p.lineOf[i] = -1
	}
	// The place decides before the article does, and what is equal before what is not: the same article may be in
	// an order several times.
	p.match(true, func(i, j int) bool { return p.sameArticle(i, j) && p.sameAmounts(i, j) })
	p.match(false, func(i, j int) bool { return p.sameArticle(i, j) && p.sameAmounts(i, j) })
	p.match(true, p.sameArticle)
	p.match(false, p.sameArticle)
	p.match(false, func(i, j int) bool { return p.sameAmounts(i, j) && !parts[i].Net.IsZero() && p.maybe(i, j) })
	rows := make([]LinePair, 0, len(parts)+len(lines))
	for i := range parts {
		rows = append(rows, p.row(i))
	}
	for j := range lines {
		if !p.taken[j] {
			rows = append(rows, LinePair{State: p.unasked(j), Document: &lines[j]})
		}
	}
	return rows
}

// match pairs the parts and lines that are still free and fit: those in the same place alone, or anywhere.
func (p *pairing) match(inPlace bool, fits func(part, line int) bool) {
	for i := range p.parts {
		if p.lineOf[i] >= 0 || p.parts[i].TakenOff {
			continue
		}
		first, last := 0, len(p.lines)
		if inPlace {
			first, last = i, min(i+1, len(p.lines))
		}
		for j := first; j < last; j++ {
			if !p.taken[j] && fits(i, j) {
				p.lineOf[i], p.taken[j] = j, true
				break
			}
		}
	}
}

// maybe says whether a line can be for a part at all, by what the document tells of it.
func (p *pairing) maybe(i, j int) bool {
	part, line := p.parts[i], p.lines[j]
	return line.Kind == "" || line.Kind == part.Kind
}

// sameArticle says whether a line has the article that a part became; without one, whether it is for the same.
func (p *pairing) sameArticle(i, j int) bool {
	part, line, article := p.parts[i], p.lines[j], p.articles[i]
	switch {
	case !p.maybe(i, j):
		return false
	case article != "" && line.ItemID != "":
		return article == line.ItemID
	case part.SKU != "" && line.SKU != "":
		return strings.EqualFold(part.SKU, line.SKU)
	}
	return article == "" && part.SKU == "" && line.Kind != ""
}

func (p *pairing) sameAmounts(i, j int) bool {
	return p.parts[i].Quantity.Equal(p.lines[j].Quantity) && p.parts[i].Net.Equal(p.lines[j].Net)
}

// row is a part beside its line.
func (p *pairing) row(i int) LinePair {
	part, j := &p.parts[i], p.lineOf[i]
	if j < 0 {
		row := LinePair{State: LineMissing, Order: part}
		switch {
		case part.TakenOff:
			row.State = LineTakenOff
		case part.Kind != connector.LineGoods && part.Gross.IsZero() && p.articles[i] == "":
			row.State = LineFree
		}
		return row
	}
	line := &p.lines[j]
	row := LinePair{State: LineEqual, Order: part, Document: line}
	differs := func(what string, yes bool) {
		if yes {
			row.State, row.Differs = LineDiffers, append(row.Differs, what)
		}
	}
	differs(lineArticle, !p.sameArticle(i, j) && (p.articles[i] != "" || part.SKU != ""))
	differs(lineQuantity, !part.Quantity.Equal(line.Quantity))
	differs(lineNet, !part.Net.Equal(line.Net))
	if line.Tax != nil {
		differs(lineTax, !part.Tax.Equal(*line.Tax))
		differs(lineGross, !part.Gross.Amount.Equal(line.Net.Amount.Add(line.Tax.Amount)))
	}
	return row
}

// unasked says what a line is that no part of the order became.
func (p *pairing) unasked(j int) LineState {
	line := p.lines[j]
	switch {
	case line.Kind == connector.LineRounding || line.Kind == "" && line.ItemID != "" && line.ItemID == p.rounding:
		return LineRounding
	case line.Quantity.IsZero() && line.Net.IsZero():
		return LineTakenOff
	}
	return LineAdditional
}
