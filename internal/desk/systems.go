package desk

import (
	"cmp"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/config"
)

// Setting describes a setting of a connection, for forms.
type Setting struct {
	Name     string                `json:"name"`
	Type     connector.SettingType `json:"type"`
	Help     string                `json:"help"`
	Default  string                `json:"default,omitempty"`
	Example  string                `json:"example,omitempty"`
	Required bool                  `json:"required,omitempty"`
	Secret   bool                  `json:"secret,omitempty"`
	Advanced bool                  `json:"advanced,omitempty"`
	Allowed  []string              `json:"allowed,omitempty"`
}

// Label is the setting's name as people write it.
func (s Setting) Label() string { return Label(s.Name) }

// shortWords are parts of names that are written in a way of their own.
var shortWords = map[string]string{
	"url": "URL", "id": "ID", "api": "API", "ca": "CA", "tax": "tax", "sql": "SQL", "oauth": "OAuth", "sku": "SKU", "vat": "VAT", "http": "HTTP",
}

// Label writes a name such as base_url as people would: Base URL.
func Label(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '.' })
	for i, word := range words {
		if short, ok := shortWords[word]; ok {
			words[i] = short
		}
	}
	text := strings.Join(words, " ")
	return strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]
}

// System is a platform that can be connected.
type System struct {
	Name        string          `json:"name"`
	Title       string          `json:"title"`
	Group       connector.Group `json:"group"`
	Source      bool            `json:"source"`
	Destination bool            `json:"destination"`
	Settings    []Setting       `json:"settings"` // the needed ones first, those that few people need last
}

// Systems gives the platforms that can be connected, by their titles.
func (d *Desk) Systems() []System {
	systems := make([]System, 0, len(d.definitions))
	for _, definition := range d.definitions {
		systems = append(systems, systemOf(definition))
	}
	slices.SortFunc(systems, func(a, b System) int { return strings.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)) })
	return systems
}

// System gives one of the platforms.
func (d *Desk) System(name string) (System, error) {
	definition, ok := d.definition(name)
	if !ok {
		return System{}, &NotFoundError{Text: "This Orderly cannot connect a system " + name + "."}
	}
	return systemOf(definition), nil
}

func systemOf(definition connector.Definition) System {
	s := System{
		Name: definition.Name, Title: definition.Title, Group: definition.Group,
		Source: definition.Roles&connector.Source != 0, Destination: definition.Roles&connector.Destination != 0,
	}
	for _, setting := range config.SettingsOf(definition) {
		one := Setting{
			Name: setting.Name, Type: setting.Type, Help: setting.Help, Default: setting.Default, Example: setting.Example,
			Required: setting.Required, Secret: setting.Secret, Advanced: setting.Advanced, Allowed: setting.Allowed,
		}
		s.Settings = append(s.Settings, one)
	}
	slices.SortStableFunc(s.Settings, func(a, b Setting) int { return cmp.Compare(a.rank(), b.rank()) })
	return s
}

// rank orders settings in forms: the address, what is needed, what may be, what few people need.
func (s Setting) rank() int {
	switch {
	case s.Advanced:
		return 3
	case s.Name == settingBaseURL:
		return 0
	case s.Required:
		return 1
	}
	return 2
}

// settingBaseURL is the setting with the address of the system.
const settingBaseURL = "base_url"
