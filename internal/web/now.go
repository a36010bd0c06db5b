package web

import (
	"fmt"
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

func (s *Server) nowRoutes() []route {
	return []route{{pattern: "GET /{$}", need: people.Viewer, serve: s.serveNow}}
}

func (s *Server) serveNow(w http.ResponseWriter, v *visit) error {
	return s.render(w, v, page{Title: "Now", Nav: "/", Live: true}, nowPage(v, s.desk.Figures()))
}

// Ages of the oldest order from which a person should look, and from which it is urgent.
const (
	oldestWarn = 15 * time.Minute
	oldestBad  = 2 * time.Hour
)

// oldestTone is how urgent the first number of the first screen is.
func oldestTone(age time.Duration) string {
	switch {
	case age >= oldestBad:
		return "bad"
	case age >= oldestWarn:
		return "warn"
	}
	return "good"
}

func orderAddress(id int64) string { return fmt.Sprintf("/orders/%d", id) }

// numberOf is what people call a record.
func numberOf(t store.TaskRow) string {
	if t.Number != "" {
		return t.Number
	}
	return t.SourceID
}

// oldestText says which order is the oldest that is not in the ERP, and why.
func oldestText(t store.TaskRow) string {
	text := numberOf(t) + " of " + t.Connection + ", " + string(t.State)
	if t.Reason != "" {
		text += ": " + short(t.Reason, 140)
	}
	return text
}

// activity is the chart of orders in and out.
func activity(minutes []store.Minute) chart {
	c := chart{
		title: fmt.Sprintf("Orders seen and orders brought into the ERP, each of the last %d minutes", len(minutes)),
		lines: []line{{name: "seen", class: "a"}, {name: "in the ERP", class: "b"}},
	}
	for i, m := range minutes {
		c.lines[0].values = append(c.lines[0].values, int64(m.Seen))
		c.lines[1].values = append(c.lines[1].values, int64(m.Synced))
		label := ""
		if back := len(minutes) - 1 - i; back%max(len(minutes)/6, 1) == 0 {
			label = m.At.UTC().Format("15:04")
		}
		c.labels = append(c.labels, label)
	}
	return c
}

// stateParts are the orders by state, in the order of their way.
func stateParts(counts store.Counts) []part {
	var parts []part
	for _, state := range []store.TaskState{store.TaskSynced, store.TaskWorking, store.TaskWaiting, store.TaskHeld, store.TaskFailed, store.TaskSkipped} {
		if n := counts[state]; n > 0 || state == store.TaskSynced {
			parts = append(parts, part{name: string(state), class: string(state), value: n})
		}
	}
	return parts
}

// backlogText says how much is on its way and how long that takes.
func backlogText(b store.Backlog) (value, note string) {
	value = whole(b.Waiting)
	if b.More {
		value += "+"
	}
	rest, moves := b.Rest()
	switch {
	case b.Waiting == 0:
		return value, "nothing waits"
	case !moves:
		return value, "nothing came through in the last 10 minutes"
	}
	return value, "about " + span(max(rest, time.Second)) + " at " + whole(b.Synced) + " in the last 10 minutes"
}

func backlogTone(b store.Backlog) string {
	if _, moves := b.Rest(); !moves {
		return "warn"
	}
	return ""
}

// todayText compares both sides of a day in words.
func todayText(t desk.Today) string {
	switch missing := t.Missing(); {
	case missing > 0:
		return plural(missing, "change is", "changes are") + " not seen yet: the next poll brings them"
	case t.States[store.TaskHeld]+t.States[store.TaskFailed] > 0:
		return "some wait for a person"
	case t.Agrees():
		return "both sides agree"
	}
	return "on their way"
}

func todayTone(t desk.Today) string {
	switch {
	case t.States[store.TaskHeld]+t.States[store.TaskFailed] > 0 || t.Missing() > 0:
		return "warn"
	case t.Agrees():
		return "good"
	}
	return "info"
}

// atSource writes what a source said, or that it cannot tell.
func atSource(t desk.Today) string {
	if t.AtSource < 0 {
		return "–"
	}
	return whole(t.AtSource)
}
