package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// paths gives the paths of an *Error's problems, each with the beginning of its message.
func paths(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	problems, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v is no *Error", err)
	}
	var out []string
	for _, p := range problems.Problems {
		out = append(out, p.Path)
	}
	return strings.Join(out, " ")
}

func shopAndERP() *State {
	return &State{Connections: []store.Connection{
		{Name: "erp", System: "crm"},
		{Name: "web", System: "shop", Settings: shopValues("x")},
	}}
}

func shopValues(token string) map[string]string {
	return map[string]string{"base_url": "https://shop.test", "access_token": token}
}

func TestEnterConnection(t *testing.T) {
	for name, c := range map[string]struct {
		connection store.Connection
		want       string // paths of the problems
	}{
		"in order":           {store.Connection{Name: "web2", System: "shop", Settings: shopValues("x")}, ""},
		"no name":            {store.Connection{System: "shop", Settings: shopValues("x")}, "name"},
		"the page's name":    {store.Connection{Name: "new", System: "shop", Settings: shopValues("x")}, "name"},
		"no such system":     {store.Connection{Name: "web2", System: "teleport"}, "system"},
		"everything at once": {store.Connection{Name: "Web 2", System: "shop", Settings: map[string]string{"timeout": "never", "what": "ever"}}, "access_token base_url name timeout what"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shopAndERP()
			err := s.EnterConnection(systems(), c.connection)
			if got := paths(t, err); got != c.want {
				t.Errorf("problems at %q, want %q: %v", got, c.want, err)
			}
			if want := 2; c.want == "" {
				if want++; len(s.Connections) != want {
					t.Errorf("%d connections", len(s.Connections))
				}
			} else if len(s.Connections) != want {
				t.Errorf("a refused connection is in the state: %+v", s.Connections)
			}
		})
	}
	s := shopAndERP()
	if err := s.EnterConnection(systems(), store.Connection{Name: "web", System: "shop", Settings: shopValues("y")}); err != nil || len(s.Connections) != 2 || s.Connections[1].Settings["access_token"] != "y" {
		t.Errorf("a changed connection gives %+v, %v", s.Connections, err)
	}
}

func TestDropConnection(t *testing.T) {
	s := shopAndERP()
	if _, err := s.EnterFlow(systems(), Flow{Name: "web-to-erp", From: "web", To: "erp", Config: flow.NewConfig()}); err != nil {
		t.Fatal(err)
	}
	if err := s.DropConnection("web"); err == nil || !strings.Contains(err.Error(), "web-to-erp") {
		t.Errorf("removing what a flow needs gives %v", err)
	}
	if err := s.DropFlow("web-to-erp"); err != nil {
		t.Fatal(err)
	}
	if err := s.DropConnection("web"); err != nil || len(s.Connections) != 1 {
		t.Errorf("%v, %+v", err, s.Connections)
	}
	if _, ok := errors.AsType[*NoConnectionError](s.DropConnection("web")); !ok {
		t.Error("a connection can be removed twice")
	}
	if _, ok := errors.AsType[*NoFlowError](s.DropFlow("web-to-erp")); !ok {
		t.Error("a flow can be removed twice")
	}
}

func TestEnterFlow(t *testing.T) {
	for name, c := range map[string]struct {
		name, from, to string
		change         func(*flow.Config)
		want           string
	}{
		"in order":           {name: "web-to-erp", from: "web", to: "erp"},
		"no ends":            {name: "x", want: "from to"},
		"ends that are none": {name: "x", from: "nobody", to: "nowhere", want: "from to"},
		"to itself":          {name: "x", from: "erp", to: "erp", want: "to"},
		"a shop as the end":  {name: "x", from: "erp", to: "web", want: "to"},
		"a bad name":         {name: "new", from: "web", to: "erp", want: "name"},
		"bad values":         {name: "x", from: "web", to: "erp", change: func(c *flow.Config) { c.Triggers.Schedule, c.Since, c.Records = "often", "yesterday", nil }, want: "records since triggers.schedule"},
		"values that are none": {name: "x", from: "web", to: "erp", change: func(c *flow.Config) {
			c.Orders.Invoice, c.Records = "sometimes", []commerce.Kind{"order", "order", "parcel"}
		}, want: "orders.invoice records records"},
		"a filter that is not": {name: "x", from: "web", to: "erp", change: func(c *flow.Config) { c.Filter = "order.nothing" }, want: "filter"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shopAndERP()
			config := flow.NewConfig()
			if c.change != nil {
				c.change(&config)
			}
			_, err := s.EnterFlow(systems(), Flow{Name: c.name, From: c.from, To: c.to, Config: config})
			if got := paths(t, err); got != c.want {
				t.Errorf("problems at %q, want %q: %v", got, c.want, err)
			}
		})
	}
}

func TestEnterFlowRefusesLoops(t *testing.T) {
	s := shopAndERP()
	s.Connections = append(s.Connections, store.Connection{Name: "erp2", System: "crm"})
	enter := func(name, from, to string, records ...commerce.Kind) ([]Problem, error) {
		c := flow.NewConfig()
		c.Records = records
		return s.EnterFlow(systems(), Flow{Name: name, From: from, To: to, Config: c})
	}
	if _, err := enter("there", "erp", "erp2", commerce.KindOrder, commerce.KindCustomer); err != nil {
		t.Fatal(err)
	}
	if _, err := enter("same", "erp", "erp2", commerce.KindOrder); err == nil || !strings.Contains(err.Error(), "carry the same") {
		t.Errorf("a second flow that does the same gives %v", err)
	}
	if _, err := enter("back", "erp2", "erp", commerce.KindOrder); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("a circle of orders gives %v", err)
	}
	warnings, err := enter("back", "erp2", "erp", commerce.KindCustomer)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Message, "circle") {
		t.Errorf("a circle of customers gives %v, %v; want a warning", warnings, err)
	}
	if len(s.Flows) != 2 {
		t.Errorf("the flows are %+v", s.Flows)
	}
}

func TestFlowFieldsDescribeEveryValue(t *testing.T) {
	known := map[string]FlowField{}
	for _, f := range FlowFields() {
		if known[f.Path] = f; f.Help == "" {
			t.Errorf("%s has no help", f.Path)
		}
	}
	if f := known["orders.invoice"]; f.Default != "never" || len(f.Allowed) != 3 {
		t.Errorf("orders.invoice is described as %+v", f)
	}
	if f := known["triggers.schedule"]; f.Default != "10m" {
		t.Errorf("triggers.schedule is described as %+v", f)
	}
}
