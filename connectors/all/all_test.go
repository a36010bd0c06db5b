package all

import (
	"os"
	"slices"
	"testing"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/gen"
)

func TestEveryConnectorIsListed(t *testing.T) {
	folders, err := gen.Systems(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, d := range Definitions() {
		listed = append(listed, d.Name)
	}
	if !slices.Equal(folders, listed) {
		t.Errorf("folders with a Definition: %v; listed: %v; run make generate, and call each system like its folder", folders, listed)
	}
}

// What forms, documentation and the JSON Schema are made of is there for every setting.
func TestDefinitionsAreWhole(t *testing.T) {
	titles := map[string]bool{}
	for _, d := range Definitions() {
		t.Run(d.Name, func(t *testing.T) {
			if d.Title == "" || titles[d.Title] {
				t.Errorf("title %q is empty or another system's", d.Title)
			}
			titles[d.Title] = true
			if d.Roles&(connector.Source|connector.Destination) == 0 {
				t.Error("it can be neither source nor destination")
			}
			if d.Traits.BaseURL.Required && (d.Traits.BaseURL.Help == "" || d.Traits.BaseURL.Example == "") {
				t.Error("the base address is required, and nothing says what it is")
			}
			seen := map[string]bool{"system": true}
			for _, s := range d.New().Settings() {
				switch {
				case seen[s.Name]:
					t.Errorf("setting %s is described twice", s.Name)
				case s.Help == "":
					t.Errorf("setting %s has no help", s.Name)
				case s.Required && s.Default != "":
					t.Errorf("setting %s is required and has a default", s.Name)
				case s.Default != "" && len(s.Allowed) > 0 && !slices.Contains(s.Allowed, s.Default):
					t.Errorf("setting %s has the default %q, which is not allowed", s.Name, s.Default)
				}
				seen[s.Name] = true
				acceptsOwnValues(t, d, s)
			}
			if first, second := d.New(), d.New(); first == second {
				t.Error("New gives the same configuration twice")
			}
		})
	}
}

// acceptsOwnValues says whether a setting takes what its own description shows: the example, the
// default and each allowed value.
func acceptsOwnValues(t *testing.T, d connector.Definition, s connector.Setting) {
	t.Helper()
	for _, value := range append([]string{s.Example, s.Default}, s.Allowed...) {
		if value == "" {
			continue
		}
		for _, problem := range connector.Bind(d.New().Settings(), map[string]string{s.Name: value}) {
			if problem.Setting == s.Name {
				t.Errorf("the value %q that is shown for it is refused: %v", value, problem)
			}
		}
	}
}
