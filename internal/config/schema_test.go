package config

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orderlyhq/orderly/connector"
)

func schemaOf(t *testing.T, registry []connector.Definition) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(registry)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaID, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(schemaID)
	if err != nil {
		t.Fatalf("this is no JSON Schema: %v", err)
	}
	return schema
}

// asJSON is a YAML file as an editor sees it.
func asJSON(data []byte) (any, error) {
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

func TestSchemaAcceptsGoodFiles(t *testing.T) {
	schema := schemaOf(t, systems())
	for _, path := range files(t, "*.good.yml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			document, err := asJSON(read(t, path))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Error(err)
			}
		})
	}
}

// The schema refuses every bad file but those that say "# schema: accepts": what is wrong with them
// is more than their form.
func TestSchemaRefusesBadFiles(t *testing.T) {
	schema := schemaOf(t, systems())
	refused := 0
	for _, path := range files(t, "*.bad.yml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data := read(t, path)
			accepts := len(expected(data, "# schema: accepts")) > 0
			document, err := asJSON(data)
			if err == nil {
				err = schema.Validate(document)
			}
			if accepts != (err == nil) {
				t.Errorf("accepted: %v, expected: %v (%v)", err == nil, accepts, err)
			}
			if err != nil {
				refused++
			}
		})
	}
	if refused < 30 {
		t.Errorf("only %d files are refused", refused)
	}
}

// The schema accepts what Parse accepts of a setting that has few values, whatever its type.
func TestSchemaOfSettingsWithFewValues(t *testing.T) {
	registry := []connector.Definition{{
		Name: "shop", Title: "Shop", Roles: connector.Source,
		Traits: connector.Traits{BaseURL: connector.BaseURLRule{Example: "https://shop.example.com", Help: "address of the shop"}},
		New: func() connector.Config {
			return &testConfig{version: "2", pageSize: 50, factor: 0.5, settings: func(c *testConfig) []connector.Setting {
				return []connector.Setting{
					connector.String(&c.version, "api_version", "version of the interface", connector.Allowed("1", "2", "latest", "2026-10")),
					connector.Int(&c.pageSize, "page_size", "records a page", connector.Allowed("25", "50")),
					connector.Number(&c.factor, "budget", "share of the rate limit", connector.Allowed("0.5", "1")),
					connector.Bool(&c.sandbox, "sandbox", "a shop for tests", connector.Allowed("false")),
				}
			}}
		},
	}}
	schema := schemaOf(t, registry)
	for _, c := range []struct {
		line string
		good bool
	}{
		{"page_size: 25", true},
		{`page_size: "25"`, true},
		{"page_size: ${env:SIZE}", true},
		{"page_size: 26", false},
		{`page_size: "26"`, false},
		{"page_size: many", false},
		{"budget: 0.5", true},
		{"budget: 1", true},
		{"budget: 0.7", false},
		{"sandbox: false", true},
		{"sandbox: true", false},
		{"api_version: 2", true},
		{`api_version: "2"`, true},
		{"api_version: latest", true},
		{"api_version: 2026-10", true},
		{"api_version: 3", false},
		{"api_version: newest", false},
	} {
		t.Run(c.line, func(t *testing.T) {
			text := []byte("connections:\n  shop:\n    system: shop\n    " + c.line + "\n")
			document, err := asJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); (err == nil) != c.good {
				t.Errorf("the schema says %v, and it is good: %v", err, c.good)
			}
			if _, err := Parse("orderly.yaml", text, registry); (err == nil) != c.good {
				t.Errorf("Parse says %v, and it is good: %v", err, c.good)
			}
		})
	}
}

func TestSchemaIsTheSameEachTime(t *testing.T) {
	first, err := Schema(systems())
	if err != nil {
		t.Fatal(err)
	}
	registry := systems()
	registry[0], registry[2] = registry[2], registry[0]
	for range 5 {
		if again, err := Schema(registry); err != nil || !bytes.Equal(first, again) {
			t.Fatalf("another schema, %v", err)
		}
	}
}

// An editor shows a description for everything, and no secret has an example to copy.
func TestSchemaDescribesEverything(t *testing.T) {
	text, err := Schema(systems())
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	described := 0
	var walk func(path string, v any)
	walk = func(path string, v any) {
		o, ok := v.(map[string]any)
		if !ok {
			return
		}
		if properties, ok := o["properties"].(map[string]any); ok && !strings.Contains(path, ".if") {
			for name, p := range properties {
				property := p.(map[string]any)
				if property["description"] == nil && property["const"] == nil {
					t.Errorf("%s.%s has no description", path, name)
				}
				described++
			}
		}
		for name, inner := range o {
			if list, ok := inner.([]any); ok {
				for _, item := range list {
					walk(path+"."+name, item)
				}
			}
			walk(path+"."+name, inner)
		}
	}
	walk("", schema)
	if described < 60 {
		t.Errorf("only %d properties are there", described)
	}
	if strings.Contains(string(text), "shpat_") {
		t.Error("the example of a secret is in the schema")
	}
}
