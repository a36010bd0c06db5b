package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/internal/people"
)

func (s *Server) apiRoutes() []route {
	return []route{{pattern: "GET /api", need: people.Viewer, serve: s.serveAPI}}
}

// apiGroup is the operations of one tag.
type apiGroup struct {
	name       string
	operations []apiOperation
}

// apiOperation is an operation of the JSON API as its description tells it.
type apiOperation struct {
	ID          string         `json:"operationId"`
	Summary     string         `json:"summary"`
	Description string         `json:"description"`
	Tags        []string       `json:"tags"`
	Parameters  []apiParameter `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Description string `json:"description"`
		Content     map[string]struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"content"`
	} `json:"responses"`

	method, path string
}

type apiParameter struct {
	Name        string          `json:"name"`
	In          string          `json:"in"`
	Description string          `json:"description"`
	Required    bool            `json:"required"`
	Schema      json.RawMessage `json:"schema"`
}

// apiDescription is as much of an OpenAPI description as the page shows.
type apiDescription struct {
	Info struct {
		Version     string `json:"version"`
		Description string `json:"description"`
	} `json:"info"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

// serveAPI shows the API's description to people.
func (s *Server) serveAPI(w http.ResponseWriter, v *visit) error {
	text, err := s.describe()
	if err != nil {
		return err
	}
	var d apiDescription
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("description of the API: %w", err)
	}
	groups, err := d.groups()
	if err != nil {
		return err
	}
	return s.render(w, v, page{Title: "API"}, apiPage(v, d, groups))
}

// groups puts the operations in order: by tag as they come first, then by path.
func (d apiDescription) groups() ([]apiGroup, error) {
	var groups []apiGroup
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			raw, ok := d.Paths[path][method]
			if !ok {
				continue
			}
			o := apiOperation{method: strings.ToUpper(method), path: path}
			if err := json.Unmarshal(raw, &o); err != nil {
				return nil, fmt.Errorf("operation %s %s: %w", method, path, err)
			}
			tag := "Other"
			if len(o.Tags) > 0 {
				tag = o.Tags[0]
			}
			i := slices.IndexFunc(groups, func(g apiGroup) bool { return g.name == tag })
			if i < 0 {
				i = len(groups)
				groups = append(groups, apiGroup{name: tag})
			}
			groups[i].operations = append(groups[i].operations, o)
		}
	}
	return groups, nil
}

// asks is the schema of what an operation wants, or "".
func (o apiOperation) asks() string {
	for _, content := range o.RequestBody.Content {
		return indented(content.Schema)
	}
	return ""
}

// gives is the schema of what an operation answers, or "".
func (o apiOperation) gives() string {
	for _, status := range []string{"200", "201"} {
		for _, content := range o.Responses[status].Content {
			return indented(content.Schema)
		}
	}
	return ""
}

func indented(raw json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return string(raw)
	}
	return out.String()
}

// typeText says of what type a parameter is.
func (p apiParameter) typeText() string {
	var schema struct {
		Type    any   `json:"type"`
		Enum    []any `json:"enum"`
		Default any   `json:"default"`
	}
	if json.Unmarshal(p.Schema, &schema) != nil {
		return ""
	}
	text := fmt.Sprint(schema.Type)
	if len(schema.Enum) > 0 {
		words := make([]string, len(schema.Enum))
		for i, e := range schema.Enum {
			words[i] = fmt.Sprint(e)
		}
		text = strings.Join(words, ", ")
	}
	if schema.Default != nil {
		text += fmt.Sprintf("; default %v", schema.Default)
	}
	return text
}

// schemas are the names of the schemas, in their order.
func (d apiDescription) schemas() []string { return slices.Sorted(maps.Keys(d.Components.Schemas)) }
