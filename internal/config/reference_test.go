package config

import (
	"bytes"
	"strings"
	"testing"
)

func TestReferenceHasEverything(t *testing.T) {
	page := string(Reference(systems()))
	for _, d := range systems() {
		if !strings.Contains(page, "\n## "+d.Title+"\n") {
			t.Errorf("%s has no section", d.Title)
		}
		for _, s := range settingsOf(d) {
			if !strings.Contains(page, "| `"+s.Name+"` | ") {
				t.Errorf("setting %s of %s is missing", s.Name, d.Name)
			}
		}
	}
	for _, part := range []string{
		"| `access_token` | token of the app | secret, required |",
		"| `api_version` | version of the interface | string, one of `2026-07`, `2026-10`, default `2026-10` |",
		"| `orders.invoice` | make the invoice: never, when the order is paid (with its payment), always: `never`, `paid`, `always` | `never` |",
		"| `mapping.items` | ", "| `records` | ", "| `from` | ", "`system: shop`, source.", "`system: crm`, source and destination.",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is missing in\n%s", part, page)
		}
	}
	if strings.Contains(page, "shpat_") {
		t.Error("the example of a secret is on the page")
	}
	registry := systems()
	registry[0], registry[1] = registry[1], registry[0]
	if !bytes.Equal([]byte(page), Reference(registry)) {
		t.Error("the page depends on the order of the systems")
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 4 {
			t.Errorf("a row with other than three cells: %s", line)
		}
	}
}
