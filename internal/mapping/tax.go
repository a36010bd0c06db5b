package mapping

import (
	"cmp"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/money"
)

// Taxes gives the destination's tax codes for the taxes of a line, shipping line, charge or discount;
// field is where that stands in the order, for the error. inclusive says that the order's prices
// include tax: then a code whose price includes it is preferred. No taxes and a rate of zero are the
// same: a code of rate zero is taken where the destination has one.
//
// An error is KindUnmapped: no code has the rate, or several have and nothing says which to take.
func (m *Mapper) Taxes(field string, taxes []commerce.Tax, inclusive bool, known []connector.TaxCode) ([]connector.TaxCode, error) {
	if len(taxes) == 0 {
		code, err := m.tax(field, commerce.Tax{Name: "none"}, inclusive, known)
		if err != nil || code.Code == "" {
			return nil, err
		}
		return []connector.TaxCode{code}, nil
	}
	codes := make([]connector.TaxCode, 0, len(taxes))
	for _, t := range taxes {
		code, err := m.tax(field, t, inclusive, known)
		if err != nil {
			return nil, err
		}
		if code.Code != "" && !slices.ContainsFunc(codes, func(c connector.TaxCode) bool { return c.Code == code.Code }) {
			codes = append(codes, code)
		}
	}
	return codes, nil
}

func (m *Mapper) tax(field string, t commerce.Tax, inclusive bool, known []connector.TaxCode) (connector.TaxCode, error) {
	rate := t.Rate.Shift(2).String() + "%"
	if to, found := m.tables.taxes.Find(nonEmpty(t.Code, t.Name, strings.TrimSpace(t.Country+" "+rate), rate)...); found {
		i := slices.IndexFunc(known, func(c connector.TaxCode) bool { return c.Code == to })
		if i < 0 {
			i = slices.IndexFunc(known, func(c connector.TaxCode) bool { return strings.EqualFold(c.Name, to) })
		}
		if i < 0 {
			return connector.TaxCode{}, unmapped(field, "tax", t.Name+" "+rate,
				"the table mapping.taxes leads to "+to+", which the destination does not have",
				"correct the row in mapping.taxes")
		}
		return known[i], nil
	}
	same := slices.DeleteFunc(slices.Clone(known), func(c connector.TaxCode) bool { return !sameRate(c.Rate, t.Rate) })
	if len(same) == 0 {
		if t.Rate.IsZero() {
			return connector.TaxCode{}, nil // no tax needs no code where the destination has none for it
		}
		return connector.TaxCode{}, unmapped(field, "tax", t.Name+" "+rate,
			"the destination has no tax for sales of this rate",
			"add it there, or add a row to mapping.taxes")
	}
	// The best by what is known of it; a tie between codes that nothing tells apart is a person's to settle.
	score := func(c connector.TaxCode) int {
		n := 0
		if c.Included == inclusive {
			n += 4
		}
		if t.Country != "" && c.Country == t.Country {
			n += 2
		}
		if c.Default {
			n++
		}
		return n
	}
	slices.SortStableFunc(same, func(a, b connector.TaxCode) int {
		return cmp.Or(cmp.Compare(score(b), score(a)), cmp.Compare(a.Code, b.Code))
	})
	if len(same) > 1 && score(same[0]) == score(same[1]) && !t.Rate.IsZero() {
		return connector.TaxCode{}, unmapped(field, "tax", t.Name+" "+rate,
			"the destination has several taxes of this rate ("+same[0].Name+", "+same[1].Name+") and nothing says which to take",
			"add a row to mapping.taxes")
	}
	return same[0], nil
}

// sameRate compares rates as a tenth of a per cent of a per cent: sources state 0.077, 0.07700 or a rate
// worked out from amounts.
func sameRate(a, b money.Decimal) bool { return a.Round(5).Equal(b.Round(5)) }

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(t string) bool { return t == "" })
}

// unmapped is the error of a value without a counterpart; what tells kinds of values apart, so that
// their causes do not mix.
func unmapped(field, what, value, message, fix string) *connector.Error {
	return &connector.Error{Kind: connector.KindUnmapped, Code: what, Field: field, Value: strings.TrimSpace(value), Message: message, Fix: fix}
}
