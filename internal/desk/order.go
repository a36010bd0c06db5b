package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/personal"
	"github.com/orderlyhq/orderly/internal/secret"
	"github.com/orderlyhq/orderly/internal/store"
	"github.com/orderlyhq/orderly/money"
)

// OrderStory is everything that is known of an order or customer in one flow. Without the wish to reveal, the
// personal data in all of it is masked; secrets never are in it.
type OrderStory struct {
	Task      store.TaskRow   `json:"task"`
	Revealed  bool            `json:"revealed"`
	Cause     *store.Cause    `json:"cause,omitempty"`
	Links     []store.Link    `json:"links"`
	SourceURL string          `json:"source_url,omitempty"` // where people see it in the source
	Moments   []Moment        `json:"moments"`              // oldest first
	Older     int             `json:"older,omitempty"`      // events and deliveries before them that are not shown
	Others    []store.TaskRow `json:"others,omitempty"`     // the same record in other flows

	Source   *OrderBody         `json:"source,omitempty"` // as the source sent it last
	Order    *commerce.Order    `json:"order,omitempty"`
	Customer *commerce.Customer `json:"customer,omitempty"`
	Unread   string             `json:"unread,omitempty"` // why there is neither
	Answer   *OrderBody         `json:"answer,omitempty"` // the document as the destination gave it last

	Proof  *commerce.Proof `json:"proof,omitempty"`
	Totals []TotalPair     `json:"totals,omitempty"` // net, tax and gross of the order and of the document
	Lines  *OrderLines     `json:"lines,omitempty"`  // of an order

	Deliveries []OrderDelivery    `json:"deliveries"`
	Audit      []store.AuditEntry `json:"audit"` // newest first
}

// OrderBody is a record or document in the form of its own system, laid out to be read.
type OrderBody struct {
	At   time.Time `json:"at"`
	Form string    `json:"form,omitempty"`
	Text string    `json:"text"`
	Size int       `json:"size"` // of the whole, in bytes; more than Text has when that was cut
	Cut  bool      `json:"cut,omitempty"`
}

// TotalPair is an amount of the order beside that of its document.
type TotalPair struct {
	Name       string       `json:"name"`
	Order      money.Money  `json:"order"`
	Document   *money.Money `json:"document,omitempty"`   // nil where there is none
	Difference *money.Money `json:"difference,omitempty"` // order less document; nil when they are equal
}

// OrderDelivery is an attempt with all that it did.
type OrderDelivery struct {
	store.Delivery
	Detail *flow.Detail `json:"detail,omitempty"`
}

// Moment is something that happened to an order.
type Moment struct {
	At    time.Time     `json:"at"`
	Took  time.Duration `json:"took,omitempty"`
	What  string        `json:"what"` // MomentEvent and so on
	Title string        `json:"title"`
	Note  string        `json:"note,omitempty"`
	Tone  Tone          `json:"tone,omitempty"`
	// Times is how often the same has been seen one after the other; At is the last time.
	Times int `json:"times,omitempty"`
	// Delivery is the number of the delivery, from 1; Steps is what it did.
	Delivery int          `json:"delivery,omitempty"`
	Steps    []MomentStep `json:"steps,omitempty"`
}

// Sorts of moments.
const (
	MomentEvent    = "event"
	MomentDelivery = "delivery"
	MomentAction   = "action"
)

// MomentStep is a step of a delivery.
type MomentStep struct {
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
	Name string        `json:"name"`
	Note string        `json:"note,omitempty"`
}

const (
	// maxShown bounds what is shown of a body, in bytes.
	maxShown = 256 << 10
	// orderAudit is how many entries of the audit an order shows.
	orderAudit = 200
	maxOthers  = 20
)

// Order tells the story of an order or customer by the id of its task.
func (d *Desk) Order(ctx context.Context, id int64, reveal bool) (*OrderStory, error) {
	told, err := d.store.TaskStory(ctx, id)
	if errors.Is(err, store.ErrNoRows) {
		return nil, &NotFoundError{Text: fmt.Sprintf("There is no order %d.", id)}
	}
	if err != nil {
		return nil, err
	}
	s := &OrderStory{Task: told.Task, Revealed: reveal, Links: told.Links}
	if s.Task.CauseID > 0 {
		if cause, err := d.cause(ctx, s.Task.CauseID); err == nil {
			s.Cause = &cause
		}
	}
	if err := d.readSource(ctx, s); err != nil {
		return nil, err
	}
	for _, delivery := range told.Deliveries {
		s.Deliveries = append(s.Deliveries, deliveryOf(delivery, reveal))
	}
	if s.Audit, err = d.orderAudit(ctx, id); err != nil {
		return nil, err
	}
	if s.Others, err = d.otherTasks(ctx, s.Task); err != nil {
		return nil, err
	}
	s.Moments, s.Older = moments(told.Events, s.Deliveries, s.Audit), told.OlderEvents+told.OlderDeliveries
	s.prove()
	s.Answer = s.answer()
	if !reveal {
		s.Task.Buyer = store.Buyer{
			Name: personal.Mask(s.Task.Buyer.Name), Email: personal.Mask(s.Task.Buyer.Email), Company: personal.Mask(s.Task.Buyer.Company), Country: s.Task.Buyer.Country,
		}
		for i := range s.Others {
			s.Others[i].Buyer = store.Buyer{}
		}
		if err := errors.Join(maskInto(&s.Order), maskInto(&s.Customer)); err != nil {
			return nil, err
		}
	}
	s.compareLines(reveal)
	return s, nil
}

// maskInto masks the personal data of a record in the canonical form.
func maskInto[T any](record **T) error {
	if *record == nil {
		return nil
	}
	plain, err := json.Marshal(*record)
	if err != nil {
		return fmt.Errorf("mask a record: %w", err)
	}
	masked := new(T)
	if err := json.Unmarshal([]byte(personal.Body(string(plain), true)), masked); err != nil {
		return fmt.Errorf("mask a record: %w", err)
	}
	*record = masked
	return nil
}

// body lays out a body for people.
func body(text string, reveal bool) OrderBody {
	clean := (*secret.Redactor)(nil).Body(strings.ToValidUTF8(text, "\uFFFD"))
	out := OrderBody{Size: len(text)}
	if len(clean) > maxShown {
		clean, out.Cut = strings.ToValidUTF8(clean[:maxShown], ""), true
	}
	out.Text = personal.Body(clean, !reveal)
	return out
}

// readSource reads the record as it came last and decodes it.
func (d *Desk) readSource(ctx context.Context, s *OrderStory) error {
	event, err := d.store.RecordBody(ctx, s.Task.RecordID)
	if errors.Is(err, store.ErrNoRows) {
		s.Unread = "Only its id is known yet: it has not been read from " + s.Task.Connection + "."
		return nil
	}
	if err != nil {
		return err
	}
	shown := body(string(event.Body), s.Revealed)
	shown.At, shown.Form = event.At, event.Form
	s.Source = &shown
	f, ok := d.node.Flow(s.Task.Flow)
	if !ok || f.Source.Decoder == nil {
		s.Unread = "The flow " + s.Task.Flow + " is not open, so nobody can translate what its source has sent."
		return nil
	}
	raw := connector.Raw{
		Ref: connector.Ref{Kind: commerce.Kind(s.Task.Kind), ID: s.Task.SourceID}, Form: event.Form, Body: event.Body, UpdatedAt: event.SourceTime,
	}
	if raw.Ref.Kind == commerce.KindCustomer {
		customer, err := f.Source.Decoder.DecodeCustomer(raw)
		if err != nil {
			s.Unread = err.Error()
			return nil //nolint:nilerr // the story says so
		}
		s.Customer, s.SourceURL = &customer, customer.Source.AdminURL
		return nil
	}
	order, err := f.Source.Decoder.DecodeOrder(raw)
	if err != nil {
		s.Unread = err.Error()
		return nil //nolint:nilerr // the story says so
	}
	s.Order, s.SourceURL = &order, order.Source.AdminURL
	return nil
}

func deliveryOf(delivery store.Delivery, reveal bool) OrderDelivery {
	out := OrderDelivery{Delivery: delivery}
	var detail flow.Detail
	if len(delivery.Detail) == 0 || json.Unmarshal(delivery.Detail, &detail) != nil {
		return out // it was pruned, or is of a version that nobody reads any more
	}
	showDetail(&detail, reveal)
	out.Detail = &detail
	return out
}

// showDetail makes the detail of a delivery fit to be shown.
func showDetail(detail *flow.Detail, reveal bool) {
	for i := range detail.Exchanges {
		showExchange(&detail.Exchanges[i], reveal)
	}
	if reveal {
		return
	}
	for i := range detail.Steps {
		detail.Steps[i].Note = personal.Text(detail.Steps[i].Note)
	}
	if detail.Document != nil {
		detail.Document.Lines = shownLines(detail.Document.Lines, reveal)
	}
	detail.Error = personal.Text(detail.Error)
}

func showExchange(e *httpx.Exchange, reveal bool) {
	e.Request.Body = body(e.Request.Body, reveal).Text
	e.Response.Body = body(e.Response.Body, reveal).Text
	if !reveal {
		e.URL, e.Error = personal.Address(e.URL), personal.Text(e.Error)
	}
}

func (d *Desk) orderAudit(ctx context.Context, id int64) ([]store.AuditEntry, error) {
	subject := fmt.Sprintf("task/%d", id)
	entries, err := d.store.AuditEntries(ctx, store.AuditFilter{Subject: subject, Limit: orderAudit})
	return slices.DeleteFunc(entries, func(e store.AuditEntry) bool { return e.Subject != subject }), err
}

// otherTasks gives the tasks of the same record in other flows.
func (d *Desk) otherTasks(ctx context.Context, t store.TaskRow) ([]store.TaskRow, error) {
	page, err := d.store.ListTasks(ctx, store.TaskFilter{Search: t.SourceID, Connection: t.Connection, Kind: t.Kind, Limit: maxOthers})
	return slices.DeleteFunc(page.Tasks, func(o store.TaskRow) bool { return o.RecordID != t.RecordID || o.ID == t.ID }), err
}

// moments puts everything that happened in its order.
func moments(events []store.Event, deliveries []OrderDelivery, audit []store.AuditEntry) []Moment {
	var list []Moment
	for _, e := range events {
		list = append(list, eventMoment(e))
	}
	list = gather(list)
	for _, delivery := range deliveries {
		list = append(list, deliveryMoment(delivery))
	}
	for _, a := range audit {
		list = append(list, Moment{At: a.At, What: MomentAction, Title: a.Who + ": " + a.Action, Note: a.Why, Tone: Info})
	}
	slices.SortStableFunc(list, func(a, b Moment) int { return a.At.Compare(b.At) })
	return list
}

// gather makes one of observations that said the same again and again.
func gather(list []Moment) []Moment {
	var out []Moment
	for _, m := range list {
		if last := len(out) - 1; last >= 0 && out[last].Title == m.Title && out[last].Note == m.Note && m.Note == sameAgain {
			m.Times, m.Took = max(out[last].Times, 1)+1, 0
			out[last] = m
			continue
		}
		out = append(out, m)
	}
	return out
}

// sameAgain is what an observation says that brings no news.
const sameAgain = "the same content again"

func eventMoment(e store.Event) Moment {
	m := Moment{At: e.At, What: MomentEvent, Tone: Info}
	m.Title = map[store.Via]string{
		store.ViaWebhook: "webhook", store.ViaPoll: "found by a poll", store.ViaManual: "asked for by hand", store.ViaBackfill: "listed by a backfill", store.ViaFetch: "read from the source",
	}[e.Via]
	if e.Topic != "" && e.Via == store.ViaWebhook {
		m.Title += " " + e.Topic
	}
	m.Note = map[store.Outcome]string{
		store.OutcomeChanged: fmt.Sprintf("new content: revision %d", e.Revision), store.OutcomeUnchanged: sameAgain,
		store.OutcomeStale: "older than what is known; kept, not used", store.OutcomeThin: "says only that something may have changed; the record is read",
		store.OutcomeDeleted: fmt.Sprintf("deleted in the source: revision %d", e.Revision), store.OutcomeDuplicate: "the same delivery again",
	}[e.Outcome]
	if !e.SourceTime.IsZero() && e.At.Sub(e.SourceTime) > time.Second {
		m.Took = e.At.Sub(e.SourceTime) // how long after the change in the source
	}
	return m
}

func deliveryMoment(delivery OrderDelivery) Moment {
	m := Moment{
		At: delivery.Started, Took: delivery.Finished.Sub(delivery.Started), What: MomentDelivery, Delivery: delivery.Number,
		Title: fmt.Sprintf("delivery %d of revision %d", delivery.Number, delivery.Revision), Note: delivery.Outcome, Tone: OutcomeTone(delivery.Outcome),
	}
	if delivery.Detail == nil {
		return m
	}
	before := delivery.Started
	for _, s := range delivery.Detail.Steps {
		m.Steps = append(m.Steps, MomentStep{At: s.At, Took: max(0, s.At.Sub(before)), Name: s.Name, Note: s.Note})
		before = s.At
	}
	return m
}

// OutcomeTone is how good or bad the outcome of a delivery is.
func OutcomeTone(outcome string) Tone {
	switch outcome {
	case flow.OutcomeCreated, flow.OutcomeUpdated, flow.OutcomeUnchanged, flow.OutcomeCancelled:
		return Good
	case flow.OutcomeHeld, flow.OutcomeRetry, flow.OutcomeUnknown:
		return Warn
	case flow.OutcomeFailed:
		return Bad
	}
	return Info
}

// prove proves the totals of the order, and compares them with those of the document.
func (s *OrderStory) prove() {
	if s.Order == nil {
		return
	}
	if proof, err := s.Order.Prove(); err == nil {
		s.Proof = &proof
	}
	t := s.Order.Totals
	var net, tax, gross *money.Money
	if l := s.Document(); l != nil && l.Gross != "" {
		net, tax, gross = linkMoney(l.Net, l.Currency), linkMoney(l.Tax, l.Currency), linkMoney(l.Gross, l.Currency)
	}
	s.Totals = []TotalPair{PairOf("Net", t.TaxExclusive, net), PairOf("Tax", t.Tax, tax), PairOf("Gross", t.TaxInclusive, gross)}
}

// Document is the link to the order or customer in the destination; nil when there is none.
func (s *OrderStory) Document() *store.Link {
	for i := range s.Links {
		if s.Links[i].Role == s.Task.Kind {
			return &s.Links[i]
		}
	}
	return nil
}

func linkMoney(amount, currency string) *money.Money {
	if amount == "" {
		return nil
	}
	m, err := money.Parse(amount, money.Currency(currency))
	if err != nil {
		return nil
	}
	return &m
}

// PairOf puts an amount of an order beside that of its document, nil where there is none.
func PairOf(name string, order money.Money, document *money.Money) TotalPair {
	p := TotalPair{Name: name, Order: order, Document: document}
	if document != nil && (!order.Amount.Equal(document.Amount) || order.Currency != document.Currency) {
		difference := money.New(order.Amount.Sub(document.Amount), order.Currency)
		p.Difference = &difference
	}
	return p
}

// answer finds the document as the destination gave it last, in its own form.
func (s *OrderStory) answer() *OrderBody {
	l := s.Document()
	if l == nil {
		return nil
	}
	for _, delivery := range slices.Backward(s.Deliveries) {
		if delivery.Detail == nil {
			continue
		}
		for _, e := range slices.Backward(delivery.Detail.Exchanges) {
			if e.Status/100 == 2 && names(e.Response.Body, l) && !s.ofSource(e.URL) {
				return &OrderBody{At: e.At, Text: e.Response.Body, Size: int(e.Response.Size), Form: strings.TrimSpace(e.Method + " " + e.Op)}
			}
		}
	}
	return nil
}

// ofSource says whether an address is one of the source: deliveries tell it of the document as well.
func (s *OrderStory) ofSource(address string) bool {
	to, err := url.Parse(address)
	from, err2 := url.Parse(s.SourceURL)
	return err == nil && err2 == nil && to.Host != "" && to.Host == from.Host
}

// names says whether a body speaks of a document.
func names(text string, l *store.Link) bool {
	id := cmp.Or(l.DocumentID, l.Number)
	return len(text) > 2 && (strings.Contains(text, id) || l.Number != "" && strings.Contains(text, l.Number))
}

// Neighbours are the orders before and after one in a list.
type Neighbours struct {
	Before, After *Neighbour
}

// Neighbour is an order beside another one, with the page of the list that it is on.
type Neighbour struct {
	ID   int64
	List OrderFilter
}

// Neighbours gives the orders beside one in the list whose page the filter chooses.
func (d *Desk) Neighbours(ctx context.Context, id int64, f OrderFilter) (Neighbours, error) {
	page, err := d.ListOrders(ctx, f, OrdersOnPage)
	if err != nil {
		return Neighbours{}, err
	}
	at := slices.IndexFunc(page.Orders, func(t store.TaskRow) bool { return t.ID == id })
	if at < 0 {
		return d.afterGone(ctx, id, f)
	}
	var n Neighbours
	if at > 0 {
		n.Before = &Neighbour{ID: page.Orders[at-1].ID, List: f}
	} else if before, ok := f.Previous(); ok {
		last, err := d.ListOrders(ctx, before, OrdersOnPage)
		if err != nil {
			return n, err
		}
		if len(last.Orders) > 0 {
			n.Before = &Neighbour{ID: last.Orders[len(last.Orders)-1].ID, List: before}
		}
	}
	if at+1 < len(page.Orders) {
		n.After = &Neighbour{ID: page.Orders[at+1].ID, List: f}
	} else if page.Next != "" {
		next := f.Next(page.Next)
		first, err := d.ListOrders(ctx, next, 1)
		if err != nil {
			return n, err
		}
		if len(first.Orders) > 0 {
			n.After = &Neighbour{ID: first.Orders[0].ID, List: next}
		}
	}
	return n, nil
}

// afterGone gives what comes after an order that is not in the list any more, such as one that was just released
// from the list of held ones.
func (d *Desk) afterGone(ctx context.Context, id int64, f OrderFilter) (Neighbours, error) {
	tasks, err := f.First().Tasks(d.now())
	if err != nil {
		return Neighbours{}, err
	}
	tasks.BeforeID, tasks.Limit = id, 1
	page, err := d.store.ListTasks(ctx, tasks)
	if err != nil || len(page.Tasks) == 0 {
		return Neighbours{}, err
	}
	return Neighbours{After: &Neighbour{ID: page.Tasks[0].ID, List: f}}, nil
}
