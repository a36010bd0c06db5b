package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/intake"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/personal"
	"github.com/orderlyhq/orderly/internal/store"
)

// callTime bounds the calls that a person waits for, so that servers and proxies still pass the answer on.
const callTime = 45 * time.Second

// OrderPreview is what delivering an order now would do.
type OrderPreview struct {
	flow.Preview
	// Now is the document as the destination has it at this moment; nil when there is none.
	Now *connector.Document `json:"now,omitempty"`
	// NowProblem says why it could not be read.
	NowProblem string `json:"now_problem,omitempty"`
}

// PreviewOrder goes the way of a delivery up to the first write, which it does not make, and reads the document that
// there is. It writes nothing anywhere.
func (d *Desk) PreviewOrder(ctx context.Context, id int64, reveal bool) (*OrderPreview, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	task, err := d.taskRow(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, ok := d.node.Flow(task.Flow); !ok {
		return nil, Invalid("", "the flow %s is not open: %s", task.Flow, d.whyNotOpen(task.Flow))
	}
	out := &OrderPreview{}
	if err := d.preview(ctx, task.Flow, nil, []store.TaskRow{task}, func(_ store.TaskRow, p *flow.Preview) { out.Preview = *p }); err != nil {
		return nil, err
	}
	if task.Kind == string(commerce.KindOrder) {
		d.readNow(ctx, task, out)
	}
	showDetail(&out.Detail, reveal)
	for _, document := range []*connector.Document{out.Existing, out.Now} {
		if document != nil && document.Lines != nil {
			document.Lines = shownLines(document.Lines, reveal)
		}
	}
	if reveal {
		return out, nil
	}
	if err := errors.Join(maskInto(&out.Order), maskInto(&out.Customer)); err != nil {
		return nil, err
	}
	out.NowProblem = personal.Text(out.NowProblem)
	return out, d.maskDraft(ctx, task.Flow, out)
}

// maskDraft masks the personal data in what a document would be made of.
func (d *Desk) maskDraft(ctx context.Context, flowName string, p *OrderPreview) error {
	if p.Draft == nil {
		return nil
	}
	_, c, err := d.flowConfig(ctx, flowName)
	if err != nil {
		return err
	}
	draft := *p.Draft
	order := &draft.Order
	if err := maskInto(&order); err != nil {
		return err
	}
	draft.Order, draft.Fields = *order, maskFields(draft.Fields, c.Mapping.OrderFields)
	p.Draft = &draft
	return nil
}

// maskFields masks the values that rules make of personal data.
func maskFields(fields map[string]any, rules map[string]string) map[string]any {
	out := make(map[string]any, len(fields))
	for name, value := range fields {
		text, isText := value.(string)
		switch {
		case isPersonal(rules[name]):
			value = personal.Mask(valueText(value))
		case isText:
			value = personal.Text(text)
		}
		out[name] = value
	}
	return out
}

func (d *Desk) whyNotOpen(flowName string) string {
	if err := d.node.Problems()[flowName]; err != nil {
		return err.Error()
	}
	return "it was removed"
}

// readNow reads the document that an order has.
func (d *Desk) readNow(ctx context.Context, task store.TaskRow, p *OrderPreview) {
	if p.Existing == nil {
		return
	}
	c, err := d.node.Connection(task.Destination)
	if err != nil || c.Conn.Orders == nil {
		return // the preview says so
	}
	ctx, trace := httpx.WithTrace(ctx)
	document, err := c.Conn.Orders.ReadOrder(ctx, p.Existing.ID)
	p.Detail.Exchanges = append(p.Detail.Exchanges, trace.Exchanges()...)
	if err != nil {
		p.NowProblem = err.Error()
		return
	}
	p.Now = &document
}

// Resync has an order read from its source again and brought to its destinations, even if it has not changed.
func (d *Desk) Resync(ctx context.Context, person people.Person, id int64, why string) error {
	task, err := d.taskRow(ctx, id)
	if err != nil {
		return err
	}
	if _, ok := d.node.Source(task.Connection); !ok {
		return Invalid("", "the source %s is not open", task.Connection)
	}
	ref := connector.Ref{Kind: commerce.Kind(task.Kind), ID: task.SourceID}
	err = d.node.Intake().SyncRecord(ctx, task.Connection, ref, func(ctx context.Context, tx store.Tx) error {
		return d.store.Audit(ctx, tx, person.Who(), "resync", taskSubject(id), strings.TrimSpace(why), "", d.now())
	})
	if cannot, ok := errors.AsType[*intake.CannotError](err); ok {
		return Invalid("", "%s", cannot.Text)
	}
	if err != nil {
		return err
	}
	d.watch.tell()
	return nil
}

func taskSubject(id int64) string { return fmt.Sprintf("task/%d", id) }

// LinkDocument links an order or customer to a document that the destination has already, by its id or number. The
// document must be there and belong to no other record. Its content stays as it is until the order is retried.
func (d *Desk) LinkDocument(ctx context.Context, person people.Person, id int64, document, why string) (connector.Document, error) {
	document, why = strings.TrimSpace(document), strings.TrimSpace(why)
	if document == "" {
		return connector.Document{}, Invalid("document", "give the document's id or number")
	}
	if why == "" {
		return connector.Document{}, Invalid("why", "say why: it is shown with the order and in the audit")
	}
	task, err := d.taskRow(ctx, id)
	if err != nil {
		return connector.Document{}, err
	}
	version, err := d.store.TaskVersion(ctx, id)
	if err != nil {
		return connector.Document{}, err
	}
	found, err := d.findDocument(ctx, task, document)
	if err != nil {
		return connector.Document{}, err
	}
	l := store.Link{
		Flow:        task.Flow,
		Destination: task.Destination, RecordID: task.RecordID, Role: task.Kind, DocumentType: found.Type, DocumentID: found.ID,
		Number: found.Number, URL: found.URL, Key: string(found.Key), State: string(found.State),
	}
	if t := found.Totals; t != nil {
		l.Net, l.Tax, l.Gross, l.Currency = t.Net.Amount.String(), t.Tax.Amount.String(), t.Gross.Amount.String(), string(t.Gross.Currency)
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := d.store.LinkByHand(ctx, tx, id, version, l, d.now()); err != nil {
			return err
		}
		detail := fmt.Sprintf("%s %s (id %s) of %s", found.Type, found.Number, found.ID, task.Destination)
		return d.store.Audit(ctx, tx, person.Who(), "link", taskSubject(id), why, detail, d.now())
	})
	if errors.Is(err, store.ErrTaskMoved) {
		return connector.Document{}, Invalid("", "the order has been delivered or changed at this moment; look at it again in a few seconds")
	}
	if taken, ok := errors.AsType[*store.LinkTakenError](err); ok {
		return connector.Document{}, Invalid("document", "this document is that of %s %s already", taken.Kind, orText(taken.Number, taken.SourceID))
	}
	if err != nil {
		return connector.Document{}, err
	}
	d.watch.tell()
	return found, nil
}

// findDocument finds a document in the destination, as far as its connector can.
func (d *Desk) findDocument(ctx context.Context, task store.TaskRow, document string) (connector.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	c, err := d.node.Connection(task.Destination)
	if err != nil {
		return connector.Document{}, Invalid("", "%s", err.Error())
	}
	if task.Kind == string(commerce.KindCustomer) {
		return d.findCustomer(ctx, c.Conn, task, document)
	}
	if c.Conn.Orders == nil {
		return connector.Document{}, Invalid("", "%s takes no sales orders", c.Conn.Definition.Title)
	}
	found, err := c.Conn.Orders.ReadOrder(ctx, document)
	switch kind := connector.KindOf(err); {
	case err == nil && found.ID != "":
		return found, nil
	case err == nil || kind == connector.KindNotFound || kind == connector.KindInvalid:
		return connector.Document{}, Invalid("document", "%s has no sales order with the id %q; its id stands in the address of its page there", c.Conn.Definition.Title, document)
	}
	return connector.Document{}, Invalid("", "%s cannot be asked now: %s", c.Conn.Definition.Title, err)
}

// findCustomer finds a customer among those that a rule finds for the record: only these can be it.
func (d *Desk) findCustomer(ctx context.Context, conn *connector.Conn, task store.TaskRow, document string) (connector.Document, error) {
	if conn.Customers == nil {
		return connector.Document{}, Invalid("", "%s takes no customers", conn.Definition.Title)
	}
	s := &OrderStory{Task: task, Revealed: true}
	if err := d.readSource(ctx, s); err != nil {
		return connector.Document{}, err
	}
	if s.Customer == nil {
		return connector.Document{}, Invalid("", "the customer cannot be read: %s", s.Unread)
	}
	q := connector.CustomerQuery{Key: connector.NewKey(task.Connection, connector.Ref{Kind: commerce.KindCustomer, ID: task.SourceID}), Customer: *s.Customer}
	if len(s.Customer.Addresses) > 0 {
		q.PostalCode = s.Customer.Addresses[0].PostalCode
	}
	for _, rule := range []connector.MatchRule{connector.MatchKey, connector.MatchTaxID, connector.MatchEmail, connector.MatchPhoneName, connector.MatchCompany} {
		q.Rule = rule
		candidates, err := conn.Customers.FindCustomer(ctx, q)
		if err != nil {
			return connector.Document{}, Invalid("", "%s cannot be asked now: %s", conn.Definition.Title, err)
		}
		for _, candidate := range candidates {
			if candidate.ID == document || candidate.Number == document {
				return candidate.Document, nil
			}
		}
	}
	return connector.Document{}, Invalid("document", "%s has no customer %q that shares a tax number, e-mail address, telephone number or company with this one",
		conn.Definition.Title, document)
}

func orText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
