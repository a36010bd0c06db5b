package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/personal"
	"github.com/orderlyhq/orderly/internal/store"
)

// Names of the steps, as causes and deliveries have them.
const (
	StepDecode   = "decode"
	StepCheck    = "check"
	StepFilter   = "filter"
	StepFind     = "find"
	StepMap      = "map"
	StepCustomer = "customer"
	StepAddress  = "address"
	StepWrite    = "write"
	StepCompare  = "compare"
	StepConfirm  = "confirm"
	StepInvoice  = "invoice"
	StepCancel   = "cancel"
	StepFeedback = "write_back"
)

// Codes of causes that ask a person a question.
const (
	CodeCustomerAmbiguous = "customer_ambiguous"
	CodeCustomerMissing   = "customer"
	CodeItemAmbiguous     = "sku_ambiguous"
)

// Outcomes of deliveries.
const (
	OutcomeCreated   = "created"
	OutcomeUpdated   = "updated"
	OutcomeUnchanged = "unchanged"
	OutcomeCancelled = "cancelled"
	OutcomeSkipped   = "skipped"
	OutcomeHeld      = "held"
	OutcomeFailed    = "failed"
	OutcomeRetry     = "retry"
	OutcomeUnknown   = "unknown"
)

// Step is something that an attempt did.
type Step struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

// Comparison is the order's totals beside the document's.
type Comparison struct {
	Source   connector.DocumentTotals `json:"source"`
	Document connector.DocumentTotals `json:"document"`
	Equal    bool                     `json:"equal"`
}

// Detail is the whole story of a delivery.
type Detail struct {
	Steps     []Step           `json:"steps"`
	Proof     *commerce.Proof  `json:"proof,omitempty"`
	Compared  []Comparison     `json:"compared,omitempty"`
	Document  *ReadBack        `json:"document,omitempty"`
	Question  *Question        `json:"question,omitempty"`  // that a person must answer
	Exchanges []httpx.Exchange `json:"exchanges,omitempty"` // secrets removed
	Error     string           `json:"error,omitempty"`
}

// attempt is one try to bring a destination to a record's present state.
type attempt struct {
	runner      *Runner
	flow        *Flow
	destination *Destination
	work        store.Work
	dry         bool
	draftOnly   bool // a dry run that ends when the draft is made
	started     time.Time

	trace  httpx.Trace
	detail Detail
	result store.Result
	closed bool // result has a state: nothing more is to be done
	tired  bool // the system as a whole is in trouble

	key      connector.Key
	order    commerce.Order
	customer commerce.Customer
	items    map[string][]connector.Item // that the destination has, by SKU: one look for a whole batch
	draft    *connector.OrderDraft
	existing *connector.Document // the document that the record has in the destination
	other    string              // the other flow that keeps the order's document, if any
	document connector.Document
	hash     string
	written  string // the outcome so far: created, updated, unchanged
	// madeCustomer says that this attempt created the customer.
	madeCustomer bool
}

func (r *Runner) newAttempt(destination *Destination, w store.Work, dry bool) *attempt {
	return &attempt{
		runner: r, destination: destination, work: w, dry: dry, started: r.now(),
		key: connector.NewKey(w.Connection, connector.Ref{Kind: commerce.Kind(w.Kind), ID: w.SourceID}),
	}
}

// open says whether the attempt still has something to do.
func (a *attempt) open() bool { return !a.closed }

func (a *attempt) step(name, format string, args ...any) {
	a.detail.Steps = append(a.detail.Steps, Step{Name: name, At: a.runner.now(), Note: fmt.Sprintf(format, args...)})
}

// traced gives a context whose requests are kept with this attempt.
func (a *attempt) traced(ctx context.Context) context.Context {
	return httpx.ContinueTrace(ctx, &a.trace)
}

// end gives the attempt its state. Its reason is shown to everybody and leaves in messages, so e-mail addresses in
// it are masked: systems name them in their errors.
func (a *attempt) end(state store.TaskState, outcome, reason string) {
	a.closed = true
	a.result.State, a.result.Outcome, a.result.Reason = state, outcome, personal.Text(reason)
}

// giveBack puts the record back until a time without having tried it.
func (a *attempt) giveBack(until time.Time) {
	a.closed = true
	a.result.State, a.result.Free = store.TaskWaiting, true
	a.result.Uncertain = a.work.Uncertain
	a.result.Due = until
}

// close completes the result for the store.
func (a *attempt) close(ctx context.Context, run string) (store.Result, error) {
	if !a.closed {
		a.fail(StepWrite, connector.Errorf(connector.KindBug, "deliver", "the attempt ended without a result"))
	}
	r := a.result
	r.Work, r.Run, r.Started, r.Ended = a.work, run, a.started, a.runner.now()
	if r.State == store.TaskSynced {
		r.Hash = a.hash
	}
	if r.Summary != nil {
		if err := a.runner.store.PackSummary(ctx, r.Summary); err != nil {
			return r, fmt.Errorf("summary of task %d: %w", a.work.TaskID, err)
		}
	}
	if r.Outcome == "" {
		return r, nil
	}
	a.detail.Exchanges, a.detail.Document = a.trace.Exchanges(), a.readLines()
	plain, err := json.Marshal(a.detail)
	if err != nil {
		return r, fmt.Errorf("detail of task %d: %w", a.work.TaskID, err)
	}
	r.Detail, err = a.runner.store.PackDetail(plain)
	return r, err
}

// link notes the document that the record has, to be stored with the result.
func (a *attempt) link(role string, d connector.Document, customerID string) {
	l := store.Link{
		Destination: a.destination.Name, RecordID: a.work.RecordID, Role: role,
		DocumentType: d.Type, DocumentID: d.ID, Number: d.Number, URL: d.URL, Key: string(a.key), State: string(d.State), CustomerID: customerID,
		Flow: a.work.Flow,
	}
	if t := d.Totals; t != nil {
		l.Net, l.Tax, l.Gross, l.Currency = t.Net.Amount.String(), t.Tax.Amount.String(), t.Gross.Amount.String(), string(t.Gross.Currency)
	}
	for i := range a.result.Links {
		if a.result.Links[i].Role == role {
			a.result.Links[i] = l
			return
		}
	}
	a.result.Links = append(a.result.Links, l)
}

// linked gives the document of a role that was linked by an earlier delivery.
func (a *attempt) linked(role string) *connector.Document {
	l, ok := a.work.Links[role]
	if !ok {
		return nil
	}
	return &connector.Document{
		Type: l.DocumentType, ID: l.DocumentID, Number: l.Number, URL: l.URL, Key: connector.Key(l.Key), State: connector.DocumentState(l.State),
	}
}
