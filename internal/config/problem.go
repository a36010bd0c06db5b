package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
)

// Problem is one mistake in a file. It never holds a value that may be a secret.
type Problem struct {
	Line    int    `json:"line"` // from 1; 0 where no line is to blame
	Column  int    `json:"column"`
	Path    string `json:"path,omitempty"` // such as connections.shop.access_token
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"` // what to write instead
}

// Text is the problem in a file as a compiler would print it.
func (p Problem) Text(file string) string {
	var b strings.Builder
	b.WriteString(file)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Error is everything that is wrong with a file, in the order of its lines.
type Error struct {
	File     string
	Problems []Problem
}

// Error gives one problem a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Text(e.File)
	}
	return strings.Join(lines, "\n")
}

// maxProblems is how many problems are told at once; more help nobody.
const maxProblems = 100

// report collects problems.
type report struct {
	problems []Problem
	warnings []Problem
}

func (r *report) fail(at *node, path, fix, format string, args ...any) {
	r.problems = append(r.problems, problem(at, path, fix, format, args...))
}

func (r *report) warn(at *node, path, fix, format string, args ...any) {
	r.warnings = append(r.warnings, problem(at, path, fix, format, args...))
}

func problem(at *node, path, fix, format string, args ...any) Problem {
	p := Problem{Path: path, Message: fmt.Sprintf(format, args...), Fix: fix}
	if at != nil {
		p.Line, p.Column = at.line, at.column
	}
	return p
}

// err gives what was found, or nil.
func (r *report) err(file string) error {
	if len(r.problems) == 0 {
		return nil
	}
	return &Error{File: file, Problems: sorted(r.problems)}
}

func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return problems[:min(len(problems), maxProblems)]
}

// meant is the fix for a name that is none of the known ones.
func meant(name string, known []string) string {
	if nearest := connector.Nearest(name, known); nearest != "" {
		return "did you mean " + nearest + "?"
	}
	if len(known) == 0 {
		return "there are none"
	}
	return "known are " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// join makes a path; an empty one is the file itself.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// shown is a foreign text fit for a message: quoted, and cut when it is long.
func shown(text string) string {
	const longest = 60
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
