package connector

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SettingType is the type of a setting's value, for forms, JSON Schema and documentation.
type SettingType string

// Setting types.
const (
	TypeString   SettingType = "string"
	TypeBool     SettingType = "boolean"
	TypeInt      SettingType = "integer"
	TypeNumber   SettingType = "number"
	TypeDuration SettingType = "duration" // "30s", "10m"
	TypeList     SettingType = "list"     // of texts
)

// Setting describes one setting of a connection: it is parsed, checked, shown in forms, documented
// and hidden by this one description. It is bound to the field that it sets.
type Setting struct {
	Name     string
	Type     SettingType
	Help     string
	Default  string // as text; "" is none
	Example  string
	Required bool
	Secret   bool     // never shown, logged or exported
	Advanced bool     // folded away in forms
	Allowed  []string // the only values, where they are few

	set func(text string) error
	get func() string
}

// Option completes a Setting.
type Option func(*Setting)

// Required says that the setting must be given.
func Required() Option { return func(s *Setting) { s.Required = true } }

// Advanced says that few people need the setting.
func Advanced() Option { return func(s *Setting) { s.Advanced = true } }

// Example gives a value to show beside the help.
func Example(text string) Option { return func(s *Setting) { s.Example = text } }

// Allowed gives the only values.
func Allowed(values ...string) Option { return func(s *Setting) { s.Allowed = values } }

func setting(name string, t SettingType, help string, options []Option, get func() string, set func(string) error) Setting {
	s := Setting{Name: name, Type: t, Help: help, Default: get(), get: get, set: set}
	for _, option := range options {
		option(&s)
	}
	return s
}

// String binds a text; what the field holds now is the default.
func String(field *string, name, help string, options ...Option) Setting {
	return setting(name, TypeString, help, options,
		func() string { return *field },
		func(text string) error { *field = text; return nil })
}

// SecretString binds a text that must never be seen.
func SecretString(field *Secret, name, help string, options ...Option) Setting {
	s := setting(name, TypeString, help, options,
		func() string { return string(*field) },
		func(text string) error { *field = Secret(text); return nil })
	s.Secret, s.Default = true, ""
	return s
}

// Bool binds a truth value.
func Bool(field *bool, name, help string, options ...Option) Setting {
	return setting(name, TypeBool, help, options,
		func() string { return strconv.FormatBool(*field) },
		func(text string) (err error) {
			*field, err = strconv.ParseBool(text)
			return wrap(err, "is neither true nor false")
		})
}

// Int binds a whole number.
func Int(field *int, name, help string, options ...Option) Setting {
	return setting(name, TypeInt, help, options,
		func() string { return strconv.Itoa(*field) },
		func(text string) (err error) {
			*field, err = strconv.Atoi(text)
			return wrap(err, "is no whole number")
		})
}

// Number binds a number that is not money: a rate of requests.
func Number(field *float64, name, help string, options ...Option) Setting {
	return setting(name, TypeNumber, help, options,
		func() string { return strconv.FormatFloat(*field, 'g', -1, 64) },
		func(text string) (err error) {
			*field, err = strconv.ParseFloat(text, 64)
			if math.IsNaN(*field) || math.IsInf(*field, 0) {
				err = strconv.ErrRange
			}
			return wrap(err, "is no number")
		})
}

// Duration binds a span of time.
func Duration(field *time.Duration, name, help string, options ...Option) Setting {
	return setting(name, TypeDuration, help, options,
		func() string { return shortDuration(*field) },
		func(text string) (err error) {
			*field, err = time.ParseDuration(text)
			return wrap(err, "is no span of time such as 30s or 10m")
		})
}

// List binds texts, given as a list or separated by commas.
func List(field *[]string, name, help string, options ...Option) Setting {
	return setting(name, TypeList, help, options,
		func() string { return strings.Join(*field, ",") },
		func(text string) error {
			*field = nil
			for part := range strings.SplitSeq(text, ",") {
				if part = strings.TrimSpace(part); part != "" {
					*field = append(*field, part)
				}
			}
			return nil
		})
}

func wrap(err error, text string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s", text)
}

func shortDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Value is the setting's present value as text.
func (s Setting) Value() string { return s.get() }

// Secret is a text that prints as *** wherever it lands: in logs, errors, JSON.
type Secret string

const hidden = "***"

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format hides the secret from every verb: fmt shows the value itself where one does not fit a text.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text) // a lost part of a text to print is the printer's to tell
}

// MarshalText hides the secret from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal gives the secret itself, to be sent to the vendor it belongs to.
func (s Secret) Reveal() string { return string(s) }

// SettingError is a setting that is missing, unknown or wrong. It never holds a secret's value.
type SettingError struct {
	Setting string
	Message string
}

func (e *SettingError) Error() string { return e.Setting + ": " + e.Message }

// Bind sets settings from text values, in a fixed order, and gives every problem found: unknown
// names with the nearest known one, missing required settings with an example, values of the wrong
// type or not among the allowed ones.
func Bind(settings []Setting, values map[string]string) []*SettingError {
	var problems []*SettingError
	fail := func(name, format string, args ...any) {
		problems = append(problems, &SettingError{Setting: name, Message: fmt.Sprintf(format, args...)})
	}
	known := make([]string, 0, len(settings))
	for _, s := range settings {
		known = append(known, s.Name)
		text, given := values[s.Name]
		if !given || (text == "" && s.Type != TypeString) {
			// A number or truth value is never empty, so only what is given counts.
			if s.Required && (s.get() == "" || (s.Type != TypeString && s.Type != TypeList)) {
				fail(s.Name, "is required: %s%s", s.Help, exampleText(s))
			}
			continue
		}
		if text == "" && s.Required {
			fail(s.Name, "is empty but required: %s%s", s.Help, exampleText(s))
			continue
		}
		if len(s.Allowed) > 0 && !slices.Contains(s.Allowed, text) {
			fail(s.Name, "%s is not one of %s", shown(s, text), strings.Join(s.Allowed, ", "))
			continue
		}
		if err := s.set(text); err != nil {
			fail(s.Name, "%s %v%s", shown(s, text), err, exampleText(s))
		}
	}
	for name := range values {
		if !slices.Contains(known, name) {
			fail(name, "is no setting here; %s", suggestion(name, known))
		}
	}
	slices.SortFunc(problems, func(a, b *SettingError) int { return strings.Compare(a.Setting, b.Setting) })
	return problems
}

func shown(s Setting, text string) string {
	if s.Secret {
		return "the value"
	}
	return strconv.Quote(text)
}

func exampleText(s Setting) string {
	if s.Example == "" {
		return ""
	}
	return fmt.Sprintf(" (for example %s)", s.Example)
}
