package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/store"
)

// Export writes what the store holds as a file that Parse accepts: what was removed is left out, and
// secrets are references to environment variables that the file's first lines name.
func Export(state State, registry []connector.Definition) ([]byte, error) {
	definitions := map[string]connector.Definition{}
	for _, d := range registry {
		definitions[d.Name] = d
	}
	e := exporter{variables: map[string]bool{}}
	if state.PublicURL != "" {
		fmt.Fprintf(&e.body, "%s: %s\n\n", keyPublicURL, scalarText(escape(state.PublicURL)))
	}
	e.body.WriteString(keyConnections + ":")
	kept := 0
	for _, c := range state.Connections {
		if c.Removed {
			continue
		}
		d, ok := definitions[c.System]
		if !ok {
			return nil, fmt.Errorf("connection %s: this Orderly has no connector for the system %q", c.Name, c.System)
		}
		e.connection(c, d)
		kept++
	}
	e.end(kept)
	fmt.Fprintf(&e.body, "\n%s:", keyFlows)
	kept = 0
	for _, f := range state.Flows {
		if f.Removed {
			continue
		}
		if err := e.flow(f); err != nil {
			return nil, err
		}
		kept++
	}
	e.end(kept)
	return append(e.head(), e.body.Bytes()...), nil
}

type exporter struct {
	body      bytes.Buffer
	variables map[string]bool
}

// end ends a table of which some rows were written.
func (e *exporter) end(rows int) {
	if rows == 0 {
		e.body.WriteString(" {}\n")
	}
}

func (e *exporter) head() []byte {
	var b bytes.Buffer
	b.WriteString("# Configuration of Orderly, to be applied with: orderly apply\n")
	if len(e.variables) > 0 {
		b.WriteString("# Secrets are not exported. Set these variables of the environment, or write ${file:PATH} in their places:\n")
		for _, name := range slices.Sorted(maps.Keys(e.variables)) {
			b.WriteString("#   " + name + "\n")
		}
	}
	b.WriteString("\n")
	return b.Bytes()
}

func (e *exporter) connection(c store.Connection, d connector.Definition) {
	fmt.Fprintf(&e.body, "\n  %s:\n    %s: %s\n", c.Name, keySystem, c.System)
	settings := settingsOf(d)
	for _, s := range settings {
		text, ok := c.Settings[s.Name]
		if !ok {
			continue
		}
		switch {
		case (s.Secret || hasPassword(text)) && text != "":
			text = `"${env:` + e.variable(c.Name, s.Name) + `}"`
		case s.Type == connector.TypeList:
			text = listText(strings.Split(escape(text), ","))
		case s.Type == connector.TypeDuration && isDuration.MatchString(text):
		case s.Type == connector.TypeString || !isTyped.MatchString(text):
			text = scalarText(escape(text))
		}
		fmt.Fprintf(&e.body, "    %s: %s\n", s.Name, text)
	}
}

// Texts that mean the same without quotes: numbers and truth values, and spans of time.
var (
	isTyped    = regexp.MustCompile(`^(true|false|-?[0-9]+(\.[0-9]+)?)$`)
	isDuration = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`)
)

// variable names the environment variable for a secret; no two secrets share one.
func (e *exporter) variable(connection, setting string) string {
	name := variable(connection, setting)
	for unique, n := name, 2; ; n++ {
		if !e.variables[unique] {
			e.variables[unique] = true
			return unique
		}
		unique = fmt.Sprintf("%s_%d", name, n)
	}
}

func (e *exporter) flow(f store.Flow) error {
	config, err := flow.ParseConfig(f.Config)
	if err != nil {
		return fmt.Errorf("flow %s: %w", f.Name, err)
	}
	fmt.Fprintf(&e.body, "\n  %s:\n    %s: %s\n    %s: %s\n", f.Name, keyFrom, f.Source, keyTo, f.Destination)
	e.table("    ", reflect.ValueOf(config), reflect.ValueOf(flow.NewConfig()))
	return nil
}

// table writes the fields of a configuration struct that are not the defaults.
func (e *exporter) table(indent string, v, defaults reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		value, preset := v.Field(f.index), defaults.Field(f.index)
		switch value.Kind() {
		case reflect.Struct:
			before := e.body.Len()
			fmt.Fprintf(&e.body, "%s%s:\n", indent, f.name)
			header := e.body.Len()
			e.table(indent+"  ", value, preset)
			if e.body.Len() == header {
				e.body.Truncate(before) // nothing in it
			}
		case reflect.Map:
			if value.Len() == 0 {
				continue
			}
			fmt.Fprintf(&e.body, "%s%s:\n", indent, f.name)
			for _, key := range sortedKeys(value) {
				fmt.Fprintf(&e.body, "%s  %s: %s\n", indent, scalarText(key.String()), scalarText(value.MapIndex(key).String()))
			}
		default:
			if leafText(value) != leafText(preset) {
				fmt.Fprintf(&e.body, "%s%s: %s\n", indent, f.name, valueText(value))
			}
		}
	}
}

func valueText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = v.Index(i).String()
		}
		return listText(items)
	case reflect.String:
		return scalarText(v.String())
	default:
		return leafText(v)
	}
}

func listText(items []string) string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = scalarText(item)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// escape keeps text that looks like a reference from being taken for one.
func escape(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// isPlain are texts that are text in YAML without quotes. It leaves out much that would be, too.
var isPlain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@+-]*(:[A-Za-z0-9_./@+-]+)*( [A-Za-z0-9_./@+-]+)*$`)

// scalarText is a text as YAML, in quotes where it could be taken for something else.
func scalarText(text string) string {
	if isPlain.MatchString(text) {
		switch strings.ToLower(text) {
		case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		default:
			return text
		}
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // a string always has a form in JSON
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
