package desk

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/orderlyhq/orderly/internal/config"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

const (
	// maxMapRows bounds a table: it is part of the configuration that each node keeps in memory.
	maxMapRows = 200_000
	// maxMapText bounds a value or code in a table, in characters.
	maxMapText = 250
	// maxWhy bounds a reason, in characters.
	maxWhy = 500
)

// SetMapRows sets rows of a table of a flow's mapping, or with TableSettings its single values; an empty
// value removes a row. All of them take effect together and at once.
func (d *Desk) SetMapRows(ctx context.Context, person people.Person, flowName, table string, rows map[string]string, why string) error {
	_, err := d.changeRows(ctx, person, flowName, table, why, func(mapping.Table) (map[string]string, error) { return rows, nil })
	return err
}

// changeRows sets those rows that change gives when it sees the table as it is, and says how many became
// others.
func (d *Desk) changeRows(ctx context.Context, person people.Person, flowName, table, why string,
	change func(present mapping.Table) (map[string]string, error),
) (changed int, err error) {
	if utf8.RuneCountInString(why) > maxWhy {
		return 0, Invalid("why", "the reason is longer than %d characters", maxWhy)
	}
	err = d.changeConfig(ctx, config.Edit{
		Who: person.Who(), Why: why, Now: d.now(),
		Change: func(state *config.State) error {
			return state.ChangeFlow(flowName, func(c *flow.Config) error {
				present, err := presentRows(&c.Mapping, table)
				if err != nil {
					return err
				}
				rows, err := change(present)
				if err != nil {
					return err
				}
				if rows, err = checkRows(table, rows); err != nil {
					return err
				}
				changed = 0
				for key, to := range rows {
					if present[key] != to {
						changed++
					}
				}
				return writeRows(&c.Mapping, table, rows)
			})
		},
	})
	return changed, err
}

// changeConfig makes a change of the configuration that is at work here when it returns, and soon on
// other nodes.
func (d *Desk) changeConfig(ctx context.Context, edit config.Edit) error {
	plan, err := config.Make(ctx, d.store, d.definitions, edit)
	if errors.Is(err, store.ErrConfigChanged) {
		return Invalid("", "the configuration is being changed by somebody else at the same time; try again")
	}
	if err != nil || plan.Empty() {
		return noFlow(err)
	}
	// The change is made, whatever becomes of who asked for it.
	if err := d.node.Reload(context.WithoutCancel(ctx)); err != nil {
		d.log.ErrorContext(ctx, "a change of the configuration is saved but not at work yet; it is tried again", "error", err)
	}
	return nil
}

// noFlow says that there is no such flow in the words of the desk.
func noFlow(err error) error {
	if missing, ok := errors.AsType[*config.NoFlowError](err); ok {
		return &NotFoundError{Text: "There is no flow " + missing.Name + "."}
	}
	return err
}

// presentRows gives a copy of a table or of the single values that are set.
func presentRows(c *mapping.Config, table string) (mapping.Table, error) {
	if table == TableSettings {
		rows := mapping.Table{}
		for _, s := range mapSettings {
			if value := *s.value(c); value != "" {
				rows[s.Name] = value
			}
		}
		return rows, nil
	}
	t, err := mapTable(table)
	if err != nil {
		return nil, err
	}
	return maps.Clone(*t.table(c)), nil
}

// writeRows puts rows into a configuration.
func writeRows(c *mapping.Config, table string, rows map[string]string) error {
	if table == TableSettings {
		for _, s := range mapSettings {
			if value, given := rows[s.Name]; given {
				*s.value(c) = value
			}
		}
		return nil
	}
	t, err := mapTable(table)
	if err != nil {
		return err
	}
	into := t.table(c)
	if *into == nil {
		*into = mapping.Table{}
	}
	for key, to := range rows {
		if to == "" {
			delete(*into, key)
		} else {
			(*into)[key] = to
		}
	}
	if len(*into) > maxMapRows {
		return Invalid("", "a table has at most %d rows; a pattern such as OLD-* takes many values at once", maxMapRows)
	}
	return nil
}

// checkRows gives rows that may be written: codes without blanks around them.
func checkRows(table string, rows map[string]string) (map[string]string, error) {
	if table != TableSettings {
		if _, err := mapTable(table); err != nil {
			return nil, err
		}
	}
	clean := make(map[string]string, len(rows))
	for key, to := range rows {
		if table == TableSettings && !slices.ContainsFunc(mapSettings, func(s MapSetting) bool { return s.Name == key }) {
			return nil, Invalid(key, "is no value of a mapping")
		}
		to = strings.TrimSpace(to)
		if problem := rowProblem(key, to); problem != "" {
			return nil, Invalid(key, "%s", problem)
		}
		clean[key] = to
	}
	return clean, nil
}

// rowProblem says what is wrong with a row; "" is nothing.
func rowProblem(key, to string) string {
	switch {
	case strings.TrimSpace(key) == "":
		return "the value of the source is empty"
	case utf8.RuneCountInString(key) > maxMapText:
		return "the value of the source is longer than 250 characters"
	case utf8.RuneCountInString(to) > maxMapText:
		return "the code of the ERP is longer than 250 characters"
	case !isText(key) || !isText(to):
		return "it has characters that are no text"
	}
	return ""
}

// isText says that a text can stand in a line of a file and in a database.
func isText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// EditMapRows is SetMapRows for rows that a person has seen: it changes nothing when one of them is not as
// it was seen any more.
func (d *Desk) EditMapRows(ctx context.Context, person people.Person, flowName, table string, edits []RowChange, why string) error {
	_, err := d.changeRows(ctx, person, flowName, table, why, func(present mapping.Table) (map[string]string, error) {
		rows := make(map[string]string, len(edits))
		for _, e := range edits {
			if was := present[e.Key]; was != e.Before && was != e.After {
				return nil, Invalid(e.Key, "somebody has changed this row meanwhile: it leads to %s now", orNone(was))
			}
			rows[e.Key] = e.After
		}
		return rows, nil
	})
	return err
}
