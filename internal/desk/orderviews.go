package desk

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// screenOrders is the list of orders, among the screens that have saved views.
const screenOrders = "orders"

// maxViewName bounds the name of a view, in characters.
const maxViewName = 60

// OrderViews gives the saved views of the list of orders that a person sees: those for all and their own.
func (d *Desk) OrderViews(ctx context.Context, person people.Person) ([]store.View, error) {
	return d.store.Views(ctx, person.Name, screenOrders)
}

// SaveOrderView saves a filter under a name, for the person or for all. A view of the same name is replaced.
func (d *Desk) SaveOrderView(ctx context.Context, person people.Person, name string, f OrderFilter, forAll bool) error {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return Invalid("name", "give the view a name")
	case utf8.RuneCountInString(name) > maxViewName:
		return Invalid("name", "the name is longer than %d characters", maxViewName)
	}
	f = f.First()
	if _, err := f.Tasks(d.now()); err != nil {
		return err
	}
	v := store.View{Screen: screenOrders, Name: name, Query: f.Values().Encode()}
	if !forAll {
		v.Owner = person.Name
	}
	return d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := d.store.AddView(ctx, tx, v, d.now()); err != nil {
			return err
		}
		return d.store.Audit(ctx, tx, person.Who(), "save view", "view/"+name, "", viewDetail(v), d.now())
	})
}

// RemoveOrderView removes a view: one for all when forAll says so, else one of the person's own.
func (d *Desk) RemoveOrderView(ctx context.Context, person people.Person, id int64, forAll bool) error {
	gone := &NotFoundError{Text: "There is no such view any more."}
	v, err := d.store.View(ctx, id)
	if errors.Is(err, store.ErrNoRows) {
		return gone
	}
	if err != nil {
		return err
	}
	if v.Screen != screenOrders || forAll != (v.Owner == "") || !forAll && v.Owner != person.Name {
		return gone
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := d.store.RemoveView(ctx, tx, id); err != nil {
			return err
		}
		return d.store.Audit(ctx, tx, person.Who(), "remove view", "view/"+v.Name, "", viewDetail(v), d.now())
	})
	if errors.Is(err, store.ErrNoRows) {
		return gone
	}
	return err
}

func viewDetail(v store.View) string {
	f := OrderFilter{}
	if q, err := url.ParseQuery(v.Query); err == nil {
		f = ParseOrderFilter(q)
	}
	if v.Owner == "" {
		return "for all: " + filterDetail(f)
	}
	return "own: " + filterDetail(f)
}

// filterDetail writes a filter for the audit, without what somebody searched for: it may be a name.
func filterDetail(f OrderFilter) string {
	f = f.First()
	if f.Search != "" {
		f.Search = "…"
	}
	if text := f.Values().Encode(); text != "" {
		return text
	}
	return "everything"
}
