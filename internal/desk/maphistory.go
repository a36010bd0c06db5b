package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/orderlyhq/orderly/internal/mapping"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// MapHistory is a change of a row with what the row is now.
type MapHistory struct {
	store.MapChange
	Now string `json:"now"` // "" when there is no such row
	// Undoable says that the row is still as this change made it.
	Undoable bool `json:"undoable"`
}

// History gives changes of a flow's maps, newest first; fewer than the limit are all that there are.
func (d *Desk) History(ctx context.Context, f store.MapFilter) ([]MapHistory, error) {
	_, c, err := d.flowConfig(ctx, f.Flow)
	if err != nil {
		return nil, err
	}
	tables := map[string]mapping.Table{}
	out := []MapHistory{}
	for {
		changes, err := d.store.MapChanges(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, change := range changes {
			f.BeforeID = change.ID
			present, read := tables[change.Table]
			if !read {
				if present, err = presentRows(&c.Mapping, change.Table); err != nil {
					continue // of a rule, or of a table of another version: told elsewhere
				}
				tables[change.Table] = present
			}
			now := present[change.Key]
			out = append(out, MapHistory{MapChange: change, Now: now, Undoable: now == change.After && change.After != change.Before})
			if len(out) == f.Limit {
				return out, nil
			}
		}
		if len(changes) < f.Limit || len(changes) == 0 {
			return out, nil
		}
	}
}

// RowChangedError says that a change cannot be undone because the row has changed since.
type RowChangedError struct {
	Change store.MapChange
	Now    string
}

func (e *RowChangedError) Error() string {
	return fmt.Sprintf("the row %s has changed since: this change made it %s and it is %s now; change it by hand", e.Change.Key, orNone(e.Change.After), orNone(e.Now))
}

func orNone(text string) string {
	if text == "" {
		return "(no row)"
	}
	return text
}

// Undo makes a row what it was before a change, as a new change. It fails with a *RowChangedError when
// the row is not as the change made it any more.
func (d *Desk) Undo(ctx context.Context, person people.Person, id int64, why string) (store.MapChange, error) {
	change, err := d.store.MapChange(ctx, id)
	if errors.Is(err, store.ErrNoRows) {
		return store.MapChange{}, &NotFoundError{Text: fmt.Sprintf("There is no change %d of a map.", id)}
	}
	if err != nil {
		return store.MapChange{}, err
	}
	if why == "" {
		why = "undoes the change of " + change.At.UTC().Format("2006-01-02 15:04:05") + " UTC by " + change.Who
	}
	_, err = d.changeRows(ctx, person, change.Flow, change.Table, why, func(present mapping.Table) (map[string]string, error) {
		if now := present[change.Key]; now != change.After {
			return nil, &RowChangedError{Change: change, Now: now}
		}
		return map[string]string{change.Key: change.Before}, nil
	})
	return change, err
}
