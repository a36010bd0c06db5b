package odoo

import (
	"encoding/json"
	"testing"
)

func TestWhatAFieldHolds(t *testing.T) {
	for _, c := range []struct {
		name, have string
		want       any
		holds      bool
	}{
		{"the same text", `"S1"`, "S1", true},
		{"the same text, escaped", `"Caf\u00e9"`, "Café", true},
		{"another text", `"S2"`, "S1", false},
		{"no text", `false`, "", true},
		{"a text where there is none", `false`, "S1", false},
		{"what is pointed at", `[7, "Anna"]`, int64(7), true},
		{"something else is pointed at", `[8, "Anna"]`, int64(7), false},
		{"nothing is pointed at", `false`, int64(7), false},
		{"a truth", `true`, true, true},
		{"nothing", `false`, nil, true},
		{"a field that is not there", ``, int64(7), false},
	} {
		if got := holds(json.RawMessage(c.have), c.want); got != c.holds {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestReferencesOfArticles(t *testing.T) {
	for display, want := range map[string]string{
		"[MUG-BLUE] Blue mug": "MUG-BLUE", "Blue mug": "", "Blue [large] mug": "", "[MUG": "", "": "", "[] Mug": "", "[A B] Mug [blue] x": "A B", "[MUG]Mug": "",
	} {
		if got := referenceOf(display); got != want {
			t.Errorf("%q: %q, want %q", display, got, want)
		}
	}
}
