package flow

import (
	"context"
	"slices"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

// What a question is about.
const (
	AskCustomer = "customer"
	AskItem     = "item"
)

// Question is what a person must decide before a record can go on: which of several things in the
// destination is meant, or whether a new one is to be made. It holds personal data; it is kept, sealed,
// with the delivery that asked.
type Question struct {
	About string `json:"about"`
	Rule  string `json:"rule,omitempty"` // by which the candidates were found
	SKU   string `json:"sku,omitempty"`
	// Keys are what the answer is remembered for in the destination.
	Keys       []string    `json:"keys"`
	Candidates []Candidate `json:"candidates,omitempty"`
	// New says that making a new one is an answer as well.
	New bool `json:"new,omitempty"`
}

// Candidate is something that may be meant.
type Candidate struct {
	Type   string `json:"type,omitempty"`
	ID     string `json:"id"`
	Number string `json:"number,omitempty"`
	URL    string `json:"url,omitempty"`
	Name   string `json:"name,omitempty"`
	Email  string `json:"email,omitempty"`
}

// Candidate gives the candidate with an id.
func (q Question) Candidate(id string) (Candidate, bool) {
	i := slices.IndexFunc(q.Candidates, func(c Candidate) bool { return c.ID == id })
	if i < 0 {
		return Candidate{}, false
	}
	return q.Candidates[i], true
}

// SameAs says whether an answer to the one question answers the other.
func (q Question) SameAs(other Question) bool {
	return q.About == other.About && slices.ContainsFunc(q.Keys, func(key string) bool { return slices.Contains(other.Keys, key) })
}

// Answer remembers which one is meant: this record and the next ones with the same question go on with it.
func (q Question) Answer(ctx context.Context, st *store.Store, tx store.Tx, destination string, chosen Candidate, now time.Time) error {
	return st.KeepClaims(ctx, tx, destination, q.Keys, store.Claim{DocumentType: chosen.Type, DocumentID: chosen.ID, Number: chosen.Number}, now)
}

// AnswerNew remembers that none of the candidates is meant and that a new one is to be made.
func (q Question) AnswerNew(ctx context.Context, st *store.Store, tx store.Tx, destination string, now time.Time) error {
	return st.KeepClaims(ctx, tx, destination, newKeys(q.Keys), store.Claim{DocumentType: decision, DocumentID: decidedNew}, now)
}

// A decision to make something new is remembered under keys of its own, until what is made stands under
// the keys themselves.
const (
	decision   = "decision"
	decidedNew = "new"
)

func newKeys(keys []string) []string {
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i] = decidedNew + ":" + key
	}
	return out
}

// mayBeNew says whether a person has decided that a new customer is to be made.
func (a *attempt) mayBeNew(ctx context.Context, keys []string) (bool, error) {
	claim, err := a.runner.store.ReadClaims(ctx, a.destination.Name, newKeys(keys))
	if err == nil && claim.DocumentID != "" {
		a.step(StepCustomer, "a person has decided that it is a new customer")
	}
	return claim.DocumentID != "", err
}

// askCustomer notes what a person must decide about the customer.
func (a *attempt) askCustomer(rule connector.MatchRule, keys []string, candidates []connector.Candidate) {
	q := Question{About: AskCustomer, Rule: string(rule), Keys: keys, New: true}
	for _, c := range candidates {
		q.Candidates = append(q.Candidates, Candidate{Type: c.Type, ID: c.ID, Number: c.Number, URL: c.URL, Name: c.Name, Email: c.Email})
	}
	a.detail.Question = &q
}

// chooseItem gives the one of several articles with the same SKU that a person has chosen; false, and
// the question noted, when nobody has.
func (a *attempt) chooseItem(ctx context.Context, sku string, items []connector.Item) (connector.Item, bool, error) {
	keys := []string{"item:" + sku}
	claim, err := a.runner.store.ReadClaims(ctx, a.destination.Name, keys)
	if err != nil {
		return connector.Item{}, false, err
	}
	if i := slices.IndexFunc(items, func(item connector.Item) bool { return item.ID == claim.DocumentID }); i >= 0 {
		return items[i], true, nil
	}
	q := Question{About: AskItem, SKU: sku, Keys: keys}
	for _, item := range items {
		q.Candidates = append(q.Candidates, Candidate{ID: item.ID, Number: item.SKU, Name: item.Name})
	}
	a.detail.Question = &q
	return connector.Item{}, false, nil
}
