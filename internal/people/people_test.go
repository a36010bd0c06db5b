package people_test

import (
	"testing"

	"github.com/orderlyhq/orderly/internal/people"
)

func TestEachRoleMayDoWhatTheLesserOnesMay(t *testing.T) {
	for _, c := range []struct {
		have, need people.Role
		want       bool
	}{
		{people.Viewer, people.Viewer, true}, {people.Viewer, people.Operator, false}, {people.Viewer, people.Admin, false},
		{people.Operator, people.Viewer, true}, {people.Operator, people.Operator, true}, {people.Operator, people.Admin, false},
		{people.Admin, people.Viewer, true}, {people.Admin, people.Operator, true}, {people.Admin, people.Admin, true},
		{"", people.Viewer, false}, {"", "", false}, {people.Admin, "", false}, {people.Admin, "owner", false}, {"owner", people.Viewer, false},
	} {
		if got := c.have.Allows(c.need); got != c.want {
			t.Errorf("%q allows %q: %v", c.have, c.need, got)
		}
	}
}

func TestRolesAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]people.Role{"viewer": people.Viewer, " Operator ": people.Operator, "ADMIN": people.Admin} {
		if got, err := people.ParseRole(text); got != want || err != nil {
			t.Errorf("%q is %q, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "owner", "admin operator"} {
		_, err := people.ParseRole(text)
		refused(t, err, "role")
	}
}

func TestTheAuditNamesTheTokenThatWasUsed(t *testing.T) {
	for want, p := range map[string]people.Person{"anna": {Name: "anna"}, "anna (token ci)": {Name: "anna", Token: "ci"}} {
		if got := p.Who(); got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
	if _, ok := people.FromContext(t.Context()); ok {
		t.Error("there is somebody in an empty context")
	}
	if p, ok := people.FromContext(people.NewContext(t.Context(), people.Person{ID: 7})); !ok || p.ID != 7 {
		t.Errorf("the context has %+v", p)
	}
}
