package odoo

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/connectors/odoo/api"
	"github.com/orderlyhq/orderly/internal/contracttest"
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

// The lines that real servers answered, with their own noise in the amounts, and what they come to.
func TestRecordedLinesOfDocuments(t *testing.T) {
	seen := 0
	for _, e := range contracttest.Recorded(t, "odoo") {
		if path.Base(e.File) != "jsonrpc-19-sale-order-lines-read.json" {
			continue
		}
		seen++
		var answer struct {
			Result []lineHead `json:"result"`
		}
		if err := json.Unmarshal(e.Response.Body, &answer); err != nil {
			t.Fatal(err)
		}
		d, err := (&conn{}).full(orderHead{ID: 1, Currency: api.Ref{ID: 1, Name: "EUR"}}, answer.Result)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, l := range d.Lines {
			lines = append(lines, fmt.Sprintf("%s %s of %s %s + %s", l.Quantity, l.SKU, l.ItemID, l.Net, *l.Tax))
		}
		want := "2 MUG-RED of 5 25.00 EUR + 4.75 EUR, 1 BOOK-7 of 7 9.95 EUR + 0.70 EUR, 1 SHIP of 8 4.90 EUR + 0.93 EUR"
		if got := strings.Join(lines, ", "); got != want {
			t.Errorf("%s: %s\nwant %s", e.File, got, want)
		}
	}
	if seen < 3 {
		t.Errorf("%d recordings of lines; there are 3 or more", seen)
	}
}
