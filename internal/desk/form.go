package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// FieldProblem is what is wrong with one field of a form.
type FieldProblem struct {
	Field   string `json:"field"`   // such as access_token or triggers.schedule; "" is the whole
	Message string `json:"message"` // what is wrong and what would be right
}

// FormError is everything that is wrong with what a person entered.
type FormError struct{ Problems []FieldProblem }

func (e *FormError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = strings.TrimPrefix(p.Field+": "+p.Message, ": ")
	}
	return strings.Join(texts, "; ")
}

// Problems gives what is wrong with what a person entered, when an error says so.
func Problems(err error) ([]FieldProblem, bool) {
	if form, ok := errors.AsType[*FormError](err); ok {
		return form.Problems, true
	}
	if input, ok := errors.AsType[*InputError](err); ok {
		return []FieldProblem{{Field: input.Field, Message: input.Message}}, true
	}
	return nil, false
}

// entered turns an error about what a person entered into one that names its fields; others stay as they are.
func entered(err error) error {
	if problems, ok := errors.AsType[*config.Error](err); ok {
		form := &FormError{}
		for _, p := range problems.Problems {
			message := p.Message
			if p.Fix != "" {
				message += "; " + p.Fix
			}
			form.Problems = append(form.Problems, FieldProblem{Field: p.Path, Message: message})
		}
		return form
	}
	if problems, ok := errors.AsType[*connector.SettingsError](err); ok {
		form := &FormError{}
		for _, p := range problems.Problems {
			form.Problems = append(form.Problems, FieldProblem{Field: p.Setting, Message: p.Message})
		}
		return form
	}
	if failure, ok := errors.AsType[*connector.Error](err); ok && failure.Kind == connector.KindInvalid {
		return Invalid(failure.Field, "%s", withFix(failure.Message, failure.Fix))
	}
	if changed, ok := errors.AsType[*config.SystemChangedError](err); ok {
		return Invalid("name", "there was a connection of this name to another system, and its records are kept; choose another name for the one to %s", changed.After)
	}
	if changed, ok := errors.AsType[*config.EndsChangedError](err); ok {
		return Invalid("to", "the flow has carried records from %s to %s, which stay where they are; make a new flow for other connections, and remove this one", changed.From, changed.To)
	}
	if missing, ok := errors.AsType[*config.NoConnectionError](err); ok {
		return &NotFoundError{Text: "There is no connection " + missing.Name + "."}
	}
	if missing, ok := errors.AsType[*config.NoFlowError](err); ok {
		return &NotFoundError{Text: "There is no flow " + missing.Name + "."}
	}
	return err
}

func withFix(text, fix string) string {
	if fix == "" {
		return text
	}
	return text + "; " + fix
}

// reason checks why somebody does something; a needed one may not be empty.
func reason(why string, needed bool) error {
	switch {
	case needed && strings.TrimSpace(why) == "":
		return Invalid("why", "say why in a few words: others will read it here and in the audit")
	case utf8.RuneCountInString(why) > maxWhy:
		return Invalid("why", "the reason is longer than %d characters", maxWhy)
	}
	return nil
}

// pause pauses something of the configuration or lets it go on, here at once and soon on other nodes.
func (d *Desk) pause(ctx context.Context, person people.Person, subject string, paused bool, why string, do func(ctx context.Context, tx store.Tx) error) error {
	if err := reason(why, paused); err != nil {
		return err
	}
	action := "resume"
	if paused {
		action = "pause"
	}
	err := d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		return d.store.Audit(ctx, tx, person.Who(), action, subject, why, "", d.now())
	})
	if errors.Is(err, store.ErrNoRows) {
		return &NotFoundError{Text: fmt.Sprintf("There is no %s any more.", strings.Replace(subject, "/", " ", 1))}
	}
	if err != nil {
		return err
	}
	d.reload(ctx)
	return nil
}

// reload takes over a changed configuration on this node now; others notice it by themselves. The change
// is made, whatever becomes of who asked for it.
func (d *Desk) reload(ctx context.Context) {
	if err := d.node.Reload(context.WithoutCancel(ctx)); err != nil {
		d.log.ErrorContext(ctx, "a change of the configuration is saved but not at work yet; it is tried again", "error", err)
	}
}

// present gives the connections that are in the configuration.
func (d *Desk) present(ctx context.Context) ([]store.Connection, error) {
	list, err := d.store.Connections(ctx)
	return slices.DeleteFunc(list, func(c store.Connection) bool { return c.Removed }), err
}

// presentFlows gives the flows that are in the configuration.
func (d *Desk) presentFlows(ctx context.Context) ([]store.Flow, error) {
	list, err := d.store.Flows(ctx)
	return slices.DeleteFunc(list, func(f store.Flow) bool { return f.Removed }), err
}
