package connector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind is what sort of failure something is. The flow decides by it alone.
type ErrorKind string

// Error kinds.
const (
	KindInvalid      ErrorKind = "invalid"       // the data is refused, and would be again
	KindAuth         ErrorKind = "auth"          // who we are is not accepted
	KindForbidden    ErrorKind = "forbidden"     // we are known, but may not
	KindNotFound     ErrorKind = "not_found"     // the record is not there
	KindConflict     ErrorKind = "conflict"      // the document's state or another writer is in the way
	KindUnmapped     ErrorKind = "unmapped"      // a value has no counterpart: a person adds one
	KindRateLimited  ErrorKind = "rate_limited"  // too fast; RetryAfter says when
	KindUnavailable  ErrorKind = "unavailable"   // surely not done, and may work later
	KindMaybeApplied ErrorKind = "maybe_applied" // sent, no clear answer: done or not is unknown
	KindBug          ErrorKind = "bug"           // an answer or state that should not be possible
)

// Error is a failure of a connector. Message and Err hold no secrets and no personal data.
type Error struct {
	Kind ErrorKind
	// Op is what was being done: "create order".
	Op string
	// Field is the canonical or vendor field at fault, as a path: "lines[2].sku".
	Field string
	// Value is the value at fault where showing it is harmless: a SKU, a code. Never personal data.
	Value string
	// Code is the vendor's own error code.
	Code string
	// Message says what is wrong, and Fix what to do about it, in words for a person.
	Message string
	Fix     string
	// RetryAfter is the vendor's own wish; zero where it has none.
	RetryAfter time.Duration
	Err        error
}

// Error gives the whole story in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field)
		if e.Value != "" {
			fmt.Fprintf(&b, " %q", e.Value)
		}
		b.WriteString(": ")
	}
	switch {
	case e.Message != "":
		b.WriteString(e.Message)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(strings.ReplaceAll(string(e.Kind), "_", " "))
	}
	if e.Code != "" {
		b.WriteString(" (" + e.Code + ")")
	}
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of a kind; %w wraps as in fmt.Errorf.
func Errorf(kind ErrorKind, op, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	cause := errors.Unwrap(wrapped)
	if _, several := wrapped.(interface{ Unwrap() []error }); several {
		cause = wrapped
	}
	return &Error{Kind: kind, Op: op, Message: wrapped.Error(), Err: cause}
}

// Invalid makes a KindInvalid error about a field of a record.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// KindOf gives the kind of an error: that of the first *Error in its chain, KindUnavailable for the
// end of a context, and KindBug for all else.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return KindUnavailable
	}
	return KindBug
}

// Temporary says whether the same call may succeed later without anybody doing anything.
func (k ErrorKind) Temporary() bool {
	return k == KindRateLimited || k == KindUnavailable || k == KindMaybeApplied
}
