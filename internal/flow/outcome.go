package flow

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/store"
)

const (
	// restTime is how long a lane rests when its system is in trouble and names no time.
	restTime = 10 * time.Second
	// authRest is how long a lane rests when the credentials are refused: repeating it soon may lock
	// the user.
	authRest = time.Minute
	// firstWait doubles with each attempt up to longestWait.
	firstWait   = 2 * time.Second
	longestWait = 10 * time.Minute
	// approvalWait is how often a document that waits for somebody in the destination is looked at.
	approvalWait = 5 * time.Minute
)

// fail ends the attempt with a failure, whose kind alone decides what becomes of the record.
func (a *attempt) fail(step string, err error) {
	now := a.runner.now()
	kind := connector.KindOf(err)
	var retryAfter time.Duration
	if e, ok := errors.AsType[*connector.Error](err); ok {
		retryAfter = e.RetryAfter
	}
	a.detail.Error = err.Error()
	a.step(step, "failed: %s", err)
	cause := causeOf(a.work.Flow, step, kind, err)
	a.result.Uncertain = a.work.Uncertain && a.existing == nil

	switch kind {
	case connector.KindUnavailable, connector.KindRateLimited:
		a.retry(now.Add(max(retryAfter, jitter(restTime))), err)
		a.result.Free, a.tired = true, true
	case connector.KindAuth:
		a.retry(now.Add(max(retryAfter, jitter(authRest))), err)
		a.result.Free, a.tired = true, true
	case connector.KindMaybeApplied:
		settled := max(retryAfter, a.destination.Settle)
		a.retry(now.Add(max(settled, backoff(a.work.Attempts-1))), err)
		a.result.Outcome, a.result.Uncertain = OutcomeUnknown, true
		if a.giveUp() {
			a.result.Due = now.Add(settled) // not before this may anybody have it tried again
		}
	case connector.KindUnmapped, connector.KindConflict, connector.KindNotFound:
		a.end(store.TaskHeld, OutcomeHeld, err.Error())
	case connector.KindInvalid:
		a.end(store.TaskFailed, OutcomeFailed, err.Error())
	default:
		a.retry(now.Add(backoff(a.work.Attempts)), err)
		a.giveUp()
	}
	cause.State = a.result.State
	a.result.Cause = &cause
}

func (a *attempt) retry(due time.Time, err error) {
	a.end(store.TaskWaiting, OutcomeRetry, err.Error())
	a.result.Due = due
}

// giveUp fails a record that was tried often enough, and says whether it has.
func (a *attempt) giveUp() bool {
	attempts := NewConfig().Orders.Attempts
	if a.flow != nil {
		attempts = a.flow.Config.Orders.Attempts
	}
	if a.work.Attempts < attempts {
		return false
	}
	a.end(store.TaskFailed, OutcomeFailed, a.result.Reason)
	a.result.Due = time.Time{}
	return true
}

// hold ends the attempt with something that a person must decide: for every step that is what a
// conflict leads to.
func (a *attempt) hold(step string, e connector.Error) {
	e.Kind = connector.KindConflict
	a.fail(step, &e)
}

// skip ends the attempt because a rule leaves the record out.
func (a *attempt) skip(step, reason string) {
	a.step(step, "skipped: %s", reason)
	a.end(store.TaskSkipped, OutcomeSkipped, reason)
}

// Parts of field paths and messages that differ from record to record.
var (
	indexes = regexp.MustCompile(`\[\d+\]`)
	values  = regexp.MustCompile(`"[^"]*"|'[^']*'|[^\s"'<>(),;:=]+@[^\s"'<>(),;:]+|-?\d+(?:[.,]\d+)*`)
)

// causeOf groups failures: what differs from record to record is left out.
func causeOf(flow, step string, kind connector.ErrorKind, err error) store.Cause {
	c := store.Cause{Flow: flow, Step: step, Kind: string(kind), Code: string(kind), Message: values.ReplaceAllString(err.Error(), "…")}
	if e, ok := errors.AsType[*connector.Error](err); ok {
		if e.Code != "" {
			c.Code = e.Code
		}
		c.Field, c.Fix = indexes.ReplaceAllString(e.Field, "[]"), e.Fix
		if e.Message != "" {
			c.Message = values.ReplaceAllString(e.Message, "…")
		}
		// What a value must be mapped to is decided for each value, so each is a cause of its own.
		if kind == connector.KindUnmapped && e.Value != "" {
			c.Field, c.Value = c.Field+" "+e.Value, e.Value
		}
	}
	return c
}

// backoff doubles from two seconds to ten minutes, a little different for each record.
func backoff(attempts int) time.Duration {
	return jitter(min(firstWait<<min(max(attempts-1, 0), 20), longestWait))
}

// jitter keeps records that failed together from coming back together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/4+1)) //nolint:gosec // not a secret
}
