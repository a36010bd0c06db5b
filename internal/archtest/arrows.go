package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// arrow forbids the packages that from names to know, directly or through others, the packages that to names.
// Tests are free: they may put together what the program keeps apart.
type arrow struct {
	from, to func(folder string) bool
	why      string
}

var arrows = []arrow{
	{
		from: func(folder string) bool {
			return within(folder, "commerce", "money", "connector") && !within(folder, "connector/connectortest")
		},
		to:  func(folder string) bool { return within(folder, "internal", "cmd") },
		why: "the model and the contract stand alone, so that others can write connectors",
	},
	{
		from: func(folder string) bool { return within(folder, "commerce", "money") },
		to:   func(folder string) bool { return within(folder, "connector") },
		why:  "the model does not know how it is carried",
	},
	{
		from: func(folder string) bool { return within(folder, "money") },
		to:   func(folder string) bool { return within(folder, "commerce") },
		why:  "amounts are below the model that is made of them",
	},
	{
		from: func(folder string) bool {
			return within(folder, "internal/flow", "internal/intake", "internal/store", "internal/httpx", "internal/fake")
		},
		to:  func(folder string) bool { return within(folder, "connectors") },
		why: "the way of an order is the same for all vendors; it knows them by the abilities of package connector",
	},
	{
		from: func(folder string) bool {
			return within(folder, "connectors", "connector/connectortest", "internal/httpx", "internal/fake")
		},
		to: func(folder string) bool {
			return within(folder, "internal/store", "internal/jobs", "internal/flow", "internal/intake")
		},
		why: "a connector talks to its vendor and knows nothing of the work around it",
	},
	{
		from: func(folder string) bool { return within(folder, "internal/people") },
		to: func(folder string) bool {
			return within(folder, "internal/desk", "internal/web", "internal/api", "internal/node", "internal/flow", "internal/intake", "connector", "connectors")
		},
		why: "who may come in has nothing to do with what is inside",
	},
	{
		from: func(folder string) bool { return within(folder, "internal/notice") },
		to: func(folder string) bool {
			return within(folder, "internal/desk", "internal/web", "internal/api", "internal/node", "internal/jobs", "internal/flow", "internal/intake", "internal/httpx", "connectors")
		},
		why: "what is told stands in the store; who tells it knows no vendor, no flow and no screen",
	},
	{
		from: func(folder string) bool {
			return strings.HasPrefix(folder, "internal/") && !within(folder, "internal/web", "internal/api", "internal/server", "internal/demo", "internal/gen")
		},
		to:  func(folder string) bool { return within(folder, "internal/web", "internal/api", "internal/server") },
		why: "pages and calls are the outermost rooms; what they show is asked of the desk",
	},
	{
		from: func(folder string) bool { return within(folder, "internal/web") },
		to:   func(folder string) bool { return within(folder, "internal/api") },
		why:  "pages and calls are two ways to the same desk and do not know each other",
	},
	{
		from: func(folder string) bool { return strings.HasPrefix(folder, "internal/") },
		to:   func(folder string) bool { return within(folder, "cmd") },
		why:  "the program wires the packages, not the other way round",
	},
}

func checkArrows(t tree) []Violation {
	var violations []Violation
	for _, pkg := range t.sorted() {
		for _, arrow := range arrows {
			if !arrow.from(pkg.dir) {
				continue
			}
			if chain := t.reach(pkg.dir, arrow.to); chain != nil {
				violations = append(violations, Violation{pkg.dir, fmt.Sprintf(
					"may not know %s (%s): %s", chain[len(chain)-1], strings.Join(chain, " imports "), arrow.why)})
			}
		}
		for _, imported := range pkg.imports() {
			if within(imported, "connectors") && !mayName(pkg.dir, imported) {
				violations = append(violations, Violation{pkg.dir, fmt.Sprintf(
					"imports %s: connectors are named only by the program, the sandbox, the generators and the list connectors/all; "+
						"take what you need as a connector.Definition, or share protocol code below internal", imported)})
			}
		}
	}
	return violations
}

// mayName tells whether a package may import a package below connectors: the program, the sandbox, the generators, the
// whole-program tests and the list may, and the packages of one connector may import each other.
func mayName(importer, connector string) bool {
	if within(importer, "cmd", "internal/sandbox", "internal/gen", "connectors/all", "e2e") {
		return true
	}
	return within(importer, "connectors") && system(importer) == system(connector)
}

// system is the second element of a folder: shopify for connectors/shopify/api.
func system(folder string) string {
	_, below, _ := strings.Cut(folder, "/")
	name, _, _ := strings.Cut(below, "/")
	return name
}

// reach returns the shortest chain of imports from a folder to one that matches, both ends included; nil when none does.
func (t tree) reach(from string, match func(string) bool) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		pkg := t.packages[queue[0]]
		if pkg == nil {
			continue
		}
		for _, imported := range pkg.imports() {
			if _, seen := before[imported]; seen {
				continue
			}
			before[imported] = pkg.dir
			if match(imported) {
				var chain []string
				for folder := imported; folder != ""; folder = before[folder] {
					chain = append(chain, folder)
				}
				slices.Reverse(chain)
				return chain
			}
			queue = append(queue, imported)
		}
	}
	return nil
}
