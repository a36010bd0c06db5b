package desk

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/store"
)

// Tone is how good or bad something is.
type Tone string

// Tones.
const (
	Good Tone = "good"
	Warn Tone = "warn"
	Bad  Tone = "bad"
	Info Tone = "info"
)

// ConnectionHealth is how a connection stands.
type ConnectionHealth struct {
	Name      string       `json:"name"`
	System    string       `json:"system"`
	Title     string       `json:"title"` // of the system
	Tone      Tone         `json:"tone"`
	Text      string       `json:"text"` // in a few words
	Fix       string       `json:"fix,omitempty"`
	Paused    bool         `json:"paused"`
	PausedWhy string       `json:"paused_why,omitempty"`
	CheckedAt time.Time    `json:"checked_at,omitzero"`
	Report    *node.Report `json:"report,omitempty"` // of the last check
	Gate      *httpx.State `json:"gate,omitempty"`   // of this node
}

// Zone is the shop's or ERP's time zone, an IANA name or "".
func (h ConnectionHealth) Zone() string {
	if h.Report == nil || h.Report.Account == nil {
		return ""
	}
	return h.Report.Account.TimeZone
}

// Health tells how the connections stand.
func (d *Desk) Health(ctx context.Context) ([]ConnectionHealth, error) {
	connections, err := d.store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]ConnectionHealth, 0, len(connections))
	for _, c := range connections {
		if c.Removed {
			continue
		}
		out = append(out, d.healthOf(c))
	}
	return out, nil
}

func (d *Desk) healthOf(c store.Connection) ConnectionHealth {
	h := ConnectionHealth{
		Name: c.Name, System: c.System, Title: d.title(c.System), Paused: c.Paused, PausedWhy: c.PausedWhy, CheckedAt: c.CheckedAt,
		Tone: Info, Text: "not checked yet",
	}
	var report node.Report
	if c.Health != "" && json.Unmarshal([]byte(c.Health), &report) == nil {
		h.Report = &report
		h.Tone, h.Text, h.Fix = Good, "signed in", ""
		if !report.OK {
			h.Tone, h.Text, h.Fix = Bad, report.Error, report.Fix
		}
		if report.Account != nil {
			for _, finding := range report.Account.Findings {
				if report.OK && h.Tone == Good {
					h.Tone, h.Text, h.Fix = Warn, finding.Text, finding.Fix
				}
			}
		}
	}
	open, err := d.node.Connection(c.Name)
	switch {
	case err != nil:
		h.Tone, h.Text = Bad, err.Error()
	default:
		state := open.Gate.State()
		h.Gate = &state
		if state.Breaker == "open" {
			h.Tone, h.Text = Bad, "does not answer; calls are stopped and orders wait"
		}
	}
	if c.Paused {
		h.Tone, h.Text, h.Fix = Warn, "paused: "+c.PausedWhy, "resume it when the reason is gone"
	}
	return h
}

// title is a system's name as people write it.
func (d *Desk) title(system string) string {
	if definition, ok := d.definition(system); ok {
		return definition.Title
	}
	return system
}

func (d *Desk) definition(system string) (connector.Definition, bool) {
	for _, definition := range d.definitions {
		if definition.Name == system {
			return definition, true
		}
	}
	return connector.Definition{}, false
}
