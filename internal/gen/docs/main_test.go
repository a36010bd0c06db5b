package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orderlyhq/orderly/connectors/all"
	"github.com/orderlyhq/orderly/internal/config"
)

// example is a block of YAML in a page.
var example = regexp.MustCompile("(?s)```ya?ml\n(.*?)```")

// schema is the one that is shipped, made anew.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := config.Schema(all.Definitions())
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("orderly.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("orderly.schema.json")
	if err != nil {
		t.Fatalf("this is no JSON Schema: %v", err)
	}
	return compiled
}

// Every whole orderly.yaml that a page shows is one that Orderly takes, and that editors do not mark.
func TestExamplesInPagesAreRight(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	pages := []string{filepath.Join(dir, "settings.md")}
	for _, pattern := range []string{"../../../*.md", "../../../docs/*.md", "../../../docs/*/*.md", "../../../connectors/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	checked, shipped := 0, schema(t)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range example.FindAllSubmatch(text, -1) {
			if !bytes.Contains(block[1], []byte("connections:")) || !bytes.Contains(block[1], []byte("flows:")) {
				continue // a part of a file
			}
			checked++
			if _, err := config.Parse(page, block[1], all.Definitions()); err != nil {
				t.Errorf("%v\n%s", err, block[1])
				continue
			}
			text, err := yaml.YAMLToJSON(block[1])
			if err != nil {
				t.Fatal(err)
			}
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := shipped.Validate(document); err != nil {
				t.Errorf("%s: %v\n%s", page, err, block[1])
			}
		}
	}
	if checked == 0 {
		t.Error("no page has an example")
	}
}

func TestRunIsDeterministic(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		if err := run(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"settings.md", "orderly.schema.json"} {
		a, errA := os.ReadFile(filepath.Join(first, name))
		b, errB := os.ReadFile(filepath.Join(second, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) || len(a) == 0 {
			t.Errorf("%s differs from run to run, or is missing: %v, %v", name, errA, errB)
		}
		if strings.Contains(string(a), os.TempDir()) {
			t.Errorf("%s has paths of this machine", name)
		}
	}
}
