package connectortest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/orderlyhq/orderly/connector"
)

// check is one rule of the contract.
type check struct {
	name string
	// needs says which abilities the check is about; a connector without one of them skips it.
	needs []ability
	run   func(f *fixture)
}

// ability is something that a connection may have.
type ability struct {
	name string
	has  func(c *connector.Conn) bool
}

// Run checks the connector. Each check is a subtest of its name. Tests that run in parallel must not
// be started before it.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.New == nil || h.Definition.New == nil {
		t.Fatal("the harness needs Definition and New")
	}
	checks := h.checks()
	for _, problem := range h.wrongExceptions(checks) {
		t.Error(problem)
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { h.run(t, c) })
	}
}

// wrongExceptions says which exceptions are none.
func (h Harness) wrongExceptions(checks []check) []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(h.Exceptions)) {
		if !slices.ContainsFunc(checks, func(c check) bool { return c.name == name }) {
			problems = append(problems, fmt.Sprintf("the exception %q names no check; nearest is %q", name, nearest(name, checks)))
		}
		if strings.TrimSpace(h.Exceptions[name]) == "" {
			problems = append(problems, fmt.Sprintf("the exception %q gives no reason", name))
		}
	}
	return problems
}

func nearest(name string, checks []check) string {
	var known []string
	for _, c := range checks {
		known = append(known, c.name)
	}
	if n := connector.Nearest(name, known); n != "" {
		return n
	}
	area, _, _ := strings.Cut(name, "/")
	return strings.Join(slices.DeleteFunc(known, func(k string) bool { return !strings.HasPrefix(k, area) }), ", ")
}

// run makes one check, or sees to it that an exception is one.
func (h Harness) run(t *testing.T, c check) {
	reason, excepted := h.Exceptions[c.name]
	skipped := false
	synctest.Test(t, func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		if !excepted {
			h.perform(t, c)
			return
		}
		r := &recorder{TB: t}
		r.do(func() { h.perform(r, c) })
		if problem := r.needless(reason); problem != "" {
			t.Error(problem)
			return
		}
		t.Skipf("exception: %s\n%s", reason, strings.Join(r.failures, "\n"))
	})
	if skipped { // the bubble's own test was, and this one would count as passed
		t.SkipNow()
	}
}

// needless says why the exception of a check that was made is not needed, or "".
func (r *recorder) needless(reason string) string {
	switch {
	case r.skipped != "":
		return fmt.Sprintf("the exception is not needed: the check does not apply (%s)", r.skipped)
	case len(r.failures) == 0:
		return fmt.Sprintf("the exception is not needed: the check passes (it says %q)", reason)
	}
	return ""
}

// perform makes one check against a fresh vendor and a fresh connection.
func (h Harness) perform(t testing.TB, c check) {
	t.Helper()
	f := newFixture(t, h)
	defer f.finish()
	for _, a := range c.needs {
		if !a.has(f.conn) {
			f.applies = false
			t.Skipf("has no %s", a.name)
		}
	}
	c.run(f)
}
