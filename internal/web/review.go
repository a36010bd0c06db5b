package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/people"
)

func (s *Server) reviewRoutes() []route {
	return []route{
		{pattern: "GET /review", need: people.Viewer, serve: s.serveReview},
		{pattern: "POST /review/{id}/choose", need: people.Operator, serve: s.choose},
		{pattern: "POST /review/{id}/decide", need: people.Operator, serve: s.decide},
	}
}

func (s *Server) serveReview(w http.ResponseWriter, v *visit) error {
	list, err := s.desk.Reviews(v.Context())
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: "Review", Nav: "/review", Live: true}, reviewPage(v, list))
}

func reviewedTask(v *visit) (int64, error) {
	id, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil {
		return 0, &desk.NotFoundError{Text: "There is no such order."}
	}
	return id, nil
}

// Values of the choice in a form: a candidate with its id, one that is named, a new one.
const (
	choiceOf    = "id:"
	choiceNamed = "named"
	choiceNew   = "new"
)

func (s *Server) choose(w http.ResponseWriter, v *visit) error {
	id, err := reviewedTask(v)
	if err != nil {
		return err
	}
	choice := desk.Choice{Why: v.form("why")}
	switch picked := v.form("choice"); picked {
	case choiceNew:
		choice.New = true
	case choiceNamed:
		choice.ID = v.form("named")
	default:
		choice.ID, _ = strings.CutPrefix(picked, choiceOf)
	}
	n, err := s.desk.Choose(v.Context(), v.person, id, choice)
	if err != nil {
		return err
	}
	return s.done(w, v, "/review", "Remembered. "+plural(n, "order goes", "orders go")+" on with it, and so do the next ones.")
}

func (s *Server) decide(w http.ResponseWriter, v *visit) error {
	id, err := reviewedTask(v)
	if err != nil {
		return err
	}
	apply := v.form("decision") == "apply"
	if err := s.desk.Decide(v.Context(), v.person, id, apply, v.form("why")); err != nil {
		return err
	}
	if apply {
		return s.done(w, v, "/review", "It is being tried again.")
	}
	return s.done(w, v, "/review", "It is left out, with your reason.")
}

// buyerFacts is what an order says of who bought, beside the candidates.
type buyerFacts struct {
	name, email, phone, company, taxID, address string
}

func reviewedBuyer(o *commerce.Order) buyerFacts {
	if o == nil {
		return buyerFacts{}
	}
	b := buyerFacts{
		name: o.Buyer.DisplayName, email: o.Buyer.Email(), phone: o.Buyer.Phone(), company: o.Buyer.CompanyName, taxID: o.Buyer.TaxID(),
	}
	for _, a := range []*commerce.Address{o.BillTo, o.ShipTo} {
		if a.Blank() {
			continue
		}
		if b.name == "" {
			b.name = a.Name
		}
		if b.company == "" {
			b.company = a.Company
		}
		if b.address == "" {
			b.address = addressLine(*a)
		}
	}
	return b
}

// addressLine writes an address in one line.
func addressLine(a commerce.Address) string {
	var parts []string
	for _, part := range []string{a.StreetAddress, a.ExtendedAddress, strings.TrimSpace(a.PostalCode + " " + a.AddressLocality), a.AddressCountry} {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// same says whether two values are the same for a person who compares them.
func same(a, b string) bool {
	return a != "" && strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// ruleText says how candidates were found.
func ruleText(rule string) string {
	words := map[connector.MatchRule]string{
		connector.MatchKey: "the source's id", connector.MatchTaxID: "the tax id", connector.MatchEmail: "the e-mail address",
		connector.MatchPhoneName: "telephone and name", connector.MatchCompany: "company and postal code",
	}
	if text, ok := words[connector.MatchRule(rule)]; ok {
		return text
	}
	return rule
}

// reviewOthers says for how many orders an answer counts.
func reviewOthers(r desk.Review) string {
	of := "of this customer"
	if r.Question != nil && r.Question.About == flow.AskItem {
		of = "with this article"
	}
	return fmt.Sprintf("and %s %s", plural(r.Others, "other order", "other orders"), of)
}

// reviewID is the id of a decision in the page.
func reviewID(r desk.Review) string { return fmt.Sprintf("review-%d", r.Task.ID) }

// difference is a line of what differs.
type difference struct {
	what, order, document string
	differs               bool
}

// differences lays out what a conflict is about, where that is known.
func differences(r desk.Review) []difference {
	var list []difference
	if n := len(r.Compared); n > 0 {
		last := r.Compared[n-1]
		for _, d := range []difference{
			{what: "net", order: last.Source.Net.String(), document: last.Document.Net.String()},
			{what: "tax", order: last.Source.Tax.String(), document: last.Document.Tax.String()},
			{what: "gross", order: last.Source.Gross.String(), document: last.Document.Gross.String()},
		} {
			d.differs = d.order != d.document
			list = append(list, d)
		}
	}
	if r.Proof != nil {
		for _, d := range r.Proof.Differences {
			list = append(list, difference{what: d.Field, order: "states " + d.Stated.String(), document: "its parts give " + d.Derived.String(), differs: true})
		}
	}
	return list
}
