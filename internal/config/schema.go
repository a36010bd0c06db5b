package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
)

// schemaID is where the schema of the current version is published.
const schemaID = "https://raw.githubusercontent.com/orderlyhq/orderly/main/docs/orderly.schema.json"

// Patterns of values that are references, or begin with one.
const (
	onlyReferences = `^(\$\{(env|file):[^}]+\})+$`
	hasReference   = `\$\{(env|file):[^}]+\}`
	duration       = `^[0-9.]+(ns|us|µs|ms|s|m|h)([0-9.]+(ns|us|µs|ms|s|m|h))*$|` + hasReference
)

// object is a JSON object; encoding/json sorts its names.
type object = map[string]any

// Schema describes the file for editors, as a JSON Schema (draft 2020-12) made from the settings of
// the systems and the tags of the configuration's types. It says less than Parse does: what hangs
// together over several places, expressions and addresses are beyond it.
func Schema(registry []connector.Definition) ([]byte, error) {
	systems := slices.Clone(registry)
	slices.SortFunc(systems, func(a, b connector.Definition) int { return strings.Compare(a.Name, b.Name) })
	defs := object{"flow": flowSchema()}
	names, branches := []string{}, []any{}
	for _, d := range systems {
		names = append(names, d.Name)
		branches = append(branches, object{
			"if":   object{"properties": object{keySystem: object{"const": d.Name}}, "required": []string{keySystem}},
			"then": object{"$ref": "#/$defs/" + d.Name + "_connection"},
		})
		defs[d.Name+"_connection"] = connectionSchema(d)
	}
	connection := object{"type": "object", "required": []string{keySystem}, "properties": object{
		keySystem: object{"enum": names, "description": "the platform that the account is of"},
	}}
	if len(branches) > 0 {
		connection["allOf"] = branches
	}
	schema := object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         schemaID,
		"title":       "orderly.yaml",
		"description": "connections and flows of Orderly",
		"type":        "object",
		"properties": object{
			keyPublicURL: object{
				"type": "string", "pattern": `^https?://|` + hasReference, "examples": []string{publicURLExample},
				"description": "where vendors reach this Orderly with their webhooks",
			},
			keyConnections: object{
				"type": "object", "description": "accounts of systems, by name",
				"propertyNames": object{"pattern": connectionPattern}, "additionalProperties": connection,
			},
			keyFlows: object{
				"type": "object", "description": "what is carried from where to where, by name",
				"propertyNames": object{"pattern": flowPattern}, "additionalProperties": object{"$ref": "#/$defs/flow"},
			},
		},
		"additionalProperties": false,
		"$defs":                defs,
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(schema)
	return b.Bytes(), err
}

func connectionSchema(d connector.Definition) object {
	properties := object{keySystem: object{"const": d.Name}}
	required := []string{keySystem}
	for _, s := range settingsOf(d) {
		properties[s.Name] = settingSchema(s)
		if s.Required && s.Default == "" {
			required = append(required, s.Name)
		}
	}
	return object{
		"title": "connection of " + d.Title, "type": "object",
		"properties": properties, "required": required, "additionalProperties": false,
	}
}

func settingSchema(s connector.Setting) object {
	o := object{"description": s.Help}
	if s.Example != "" && !s.Secret {
		o["examples"] = []string{s.Example}
	}
	if s.Default != "" {
		o["default"] = s.Default
		if s.Type == connector.TypeBool || s.Type == connector.TypeInt || s.Type == connector.TypeNumber {
			o["default"] = json.RawMessage(s.Default)
		}
	}
	reference := object{"type": "string", "pattern": hasReference}
	either := func(other object) { o["anyOf"] = []any{other, reference} }
	switch {
	case s.Secret:
		o["type"], o["pattern"] = "string", onlyReferences
		o["examples"] = []string{"${env:" + strings.ToUpper(s.Name) + "}", "${file:PATH}"}
		o["description"] = s.Help + "; a secret: write a reference"
	case len(s.Allowed) > 0:
		either(object{"enum": choices(s)})
	case s.Type == connector.TypeBool:
		either(object{"type": "boolean"})
	case s.Type == connector.TypeInt:
		either(object{"type": "integer"})
	case s.Type == connector.TypeNumber:
		either(object{"type": "number"})
	case s.Type == connector.TypeDuration:
		o["type"], o["pattern"] = "string", duration
	case s.Type == connector.TypeList:
		o["anyOf"] = []any{object{"type": "array", "items": object{"type": []string{"string", "number"}}}, object{"type": "string"}}
	default:
		o["type"] = []string{"string", "number", "boolean"} // a value without quotes is text as it is written
	}
	return o
}

// choices are the allowed values of a setting as a file may have them. A number or truth value without quotes is none
// of the texts, not even where the setting is a text.
func choices(s connector.Setting) []any {
	var values []any
	for _, text := range s.Allowed {
		values = append(values, text)
		if json.Valid([]byte(text)) {
			values = append(values, json.RawMessage(text))
		}
	}
	return values
}

func flowSchema() object {
	defaults := reflect.ValueOf(flow.NewConfig())
	o := structSchema(defaults.Type(), defaults)
	properties := o["properties"].(object)
	properties[keyFrom] = object{"type": "string", "pattern": connectionPattern, "description": "the connection that records come from"}
	properties[keyTo] = object{"type": "string", "pattern": connectionPattern, "description": "the connection that records are delivered to"}
	o["required"] = []string{keyFrom, keyTo}
	return o
}

// structSchema describes a configuration struct; defaults has the values of what is left out.
func structSchema(t reflect.Type, defaults reflect.Value) object {
	properties := object{}
	for _, f := range fieldsOf(t) {
		value := defaults.Field(f.index)
		o := valueSchema(value.Type(), f, value)
		if f.help != "" {
			o["description"] = f.help
		}
		properties[f.name] = o
	}
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

// texts is what a value that is text may be written as: without quotes, 007 is a number in YAML.
var texts = []string{"string", "number", "boolean"}

func valueSchema(t reflect.Type, f field, value reflect.Value) object {
	o := object{}
	switch {
	case t.Kind() == reflect.Struct:
		return structSchema(t, value)
	case t.Kind() == reflect.Slice:
		o["type"], o["uniqueItems"] = "array", true
		o["items"] = valueSchema(t.Elem(), f, reflect.Zero(t.Elem()))
		if value.Len() > 0 {
			o["default"] = value.Interface()
		}
	case t.Kind() == reflect.Map:
		o["type"], o["additionalProperties"] = "object", object{"type": texts}
	case t.Kind() == reflect.Bool:
		o["type"], o["default"] = "boolean", value.Bool()
	case t.Kind() == reflect.Int:
		o["type"], o["default"] = "integer", value.Int()
		for name, text := range map[string]string{"minimum": f.minimum, "maximum": f.maximum} {
			if limit, err := strconv.Atoi(text); err == nil {
				o[name] = limit
			}
		}
	case t == reflect.PointerTo(decimalType):
		o["type"], o["pattern"] = []string{"number", "string"}, `^[0-9.]+$`
		o["minimum"] = 0
	case len(f.allowed) > 0:
		o["enum"] = f.allowed
	default:
		o["type"] = texts
	}
	if t.Kind() == reflect.String && value.String() != "" {
		o["default"] = value.String()
	}
	return o
}
