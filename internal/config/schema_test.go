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
