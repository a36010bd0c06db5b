package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"
)

// MapChange is a change of a row of a flow's map.
type MapChange struct {
	ID     int64     `json:"id"`
	Flow   string    `json:"flow"`
	Table  string    `json:"table"` // such as items, taxes, payments
	Key    string    `json:"key"`
	Before string    `json:"before"` // "" when the row is new
	After  string    `json:"after"`  // "" when the row is removed
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	Why    string    `json:"why,omitempty"`
}

// AddMapChanges writes changes of maps into their history; their ids are ignored.
func (s *Store) AddMapChanges(ctx context.Context, tx Tx, changes []MapChange) error {
	for _, c := range changes {
		if _, err := tx.Exec(ctx, `
			INSERT INTO mapping_history (flow, table_name, key, before, after, at, who, why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			c.Flow, c.Table, c.Key, c.Before, c.After, millis(c.At), c.Who, c.Why); err != nil {
			return fmt.Errorf("history of %s of flow %s: %w", c.Table, c.Flow, err)
		}
	}
	return nil
}

// MapFilter chooses changes of maps; empty fields choose all.
type MapFilter struct {
	Flow, Table, Key string
	BeforeID         int64 // for paging: only changes with a smaller id
	Limit            int
}

// MapChanges gives the changes that the filter chooses, newest first.
func (s *Store) MapChanges(ctx context.Context, f MapFilter) ([]MapChange, error) {
	query, args := f.query()
	list, err := readList(ctx, s, scanMapChange, query, args...)
	if err != nil {
		return nil, fmt.Errorf("history of maps: %w", err)
	}
	return list, nil
}

const mapChangeColumns = `SELECT id, flow, table_name, key, before, after, at, who, why FROM mapping_history WHERE `

func (f MapFilter) query() (string, []any) {
	var c conditions
	c.add("id < ?", cmp.Or(f.BeforeID, math.MaxInt64))
	for _, choice := range []struct{ column, value string }{{"flow", f.Flow}, {"table_name", f.Table}, {"key", f.Key}} {
		if choice.value != "" {
			c.add(choice.column+" = ?", choice.value)
		}
	}
	where, args := c.text(1)
	return mapChangeColumns + where + fmt.Sprintf(" ORDER BY id DESC LIMIT $%d", len(args)+1), append(args, max(f.Limit, 1))
}

func scanMapChange(row Row) (MapChange, error) {
	var c MapChange
	var at int64
	err := row.Scan(&c.ID, &c.Flow, &c.Table, &c.Key, &c.Before, &c.After, &at, &c.Who, &c.Why)
	c.At = moment(at)
	return c, err
}

// MapChange gives one change, for undoing it.
func (s *Store) MapChange(ctx context.Context, id int64) (MapChange, error) {
	var c MapChange
	err := s.Read(ctx, func(ctx context.Context, tx Tx) (err error) {
		c, err = scanMapChange(tx.QueryRow(ctx, mapChangeColumns+`id = $1`, id))
		return err
	})
	if err != nil {
		return MapChange{}, fmt.Errorf("change %d of a map: %w", id, err)
	}
	return c, nil
}

// Unmapped is a value that orders wait for to be mapped.
type Unmapped struct {
	CauseID int64     `json:"cause_id"`
	Flow    string    `json:"flow"`
	Code    string    `json:"code"`  // such as sku or tax
	Field   string    `json:"field"` // of the order, such as lines[].sku
	Value   string    `json:"value"`
	Tasks   int       `json:"tasks"`
	LastAt  time.Time `json:"last_at"`
}

// kindUnmapped is the connector.ErrorKind of a value that no map knows.
const kindUnmapped = "unmapped"

// UnmappedValues gives the values that tasks of a flow ("" for any) are held by now, those with the most tasks first.
func (s *Store) UnmappedValues(ctx context.Context, flow string) ([]Unmapped, error) {
	causes, err := s.Causes(ctx, CauseFilter{Flow: flow, Limit: math.MaxInt})
	if err != nil {
		return nil, err
	}
	var list []Unmapped
	for _, c := range causes {
		if c.Kind == kindUnmapped && c.Value != "" {
			list = append(list, Unmapped{
				CauseID: c.ID, Flow: c.Flow, Code: c.Code, Field: strings.TrimSuffix(c.Field, " "+c.Value), Value: c.Value, Tasks: c.Tasks, LastAt: c.LastSeen,
			})
		}
	}
	return list, nil
}
