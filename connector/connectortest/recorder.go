package connectortest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// recorder is a testing.TB that keeps failures instead of failing: for exceptions, and for the tests
// of the suite itself.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	skipped  string
}

// do runs a function to its end, be it by FailNow or SkipNow.
func (r *recorder) do(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (r *recorder) fail(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, strings.TrimSpace(text))
}

func (r *recorder) Helper()        {}
func (r *recorder) Log(...any)     {}
func (r *recorder) Fail()          { r.fail("failed") }
func (r *recorder) Error(a ...any) { r.fail(fmt.Sprintln(a...)) }
func (r *recorder) Fatal(a ...any) { r.fail(fmt.Sprintln(a...)); runtime.Goexit() }
func (r *recorder) FailNow()       { r.fail("failed"); runtime.Goexit() }
func (r *recorder) Skip(a ...any)  { r.skip(fmt.Sprintln(a...)) }
func (r *recorder) SkipNow()       { r.skip("skipped") }

func (r *recorder) Logf(string, ...any)            {}
func (r *recorder) Errorf(format string, a ...any) { r.fail(fmt.Sprintf(format, a...)) }
func (r *recorder) Fatalf(format string, a ...any) {
	r.fail(fmt.Sprintf(format, a...))
	runtime.Goexit()
}
func (r *recorder) Skipf(format string, a ...any) { r.skip(fmt.Sprintf(format, a...)) }

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

func (r *recorder) Skipped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skipped != ""
}

func (r *recorder) skip(text string) {
	r.mu.Lock()
	r.skipped = strings.TrimSpace(text)
	r.mu.Unlock()
	runtime.Goexit()
}
