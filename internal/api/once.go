package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

// Calls remembers what calls were answered.
type Calls interface {
	BeginCall(ctx context.Context, c store.Call) (*store.Answered, error)
	FinishCall(ctx context.Context, c store.Call, a store.Answered) error
	DropCall(ctx context.Context, c store.Call) error
}

const (
	// keyHeader is as in draft-ietf-httpapi-idempotency-key-header.
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotent-Replayed"
	mostKey        = 200
)

// once makes a call with a key only once: repeated, it gets the first answer. A call that failed on our
// side gives its key free.
func (a *API) once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get(keyHeader)
		if key == "" || r.Method == http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		if len(key) > mostKey {
			a.problem(w, r, huma.Error400BadRequest(keyHeader+" is longer than 200 characters"))
			return
		}
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			a.problem(w, r, huma.Error413RequestEntityTooLarge("the body is larger than 8 MiB"))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
		who, _ := people.FromContext(r.Context())
		call := store.Call{Caller: who.Who(), Key: key, Request: requestHash(r, text), At: time.Now()}
		before, err := a.calls.BeginCall(r.Context(), call)
		switch {
		case errors.Is(err, store.ErrOtherCall):
			a.problem(w, r, huma.Error422UnprocessableEntity("this "+keyHeader+" was used for another request"))
		case err != nil:
			a.problem(w, r, a.explain(r.Context(), err))
		case before == nil:
			a.first(w, r, call, next)
		case before.Status == 0:
			a.problem(w, r, huma.Error409Conflict("the same call is being worked on; ask again in a moment"))
		default:
			w.Header().Set("Content-Type", contentType(before.Status))
			w.Header().Set(replayedHeader, "true")
			w.WriteHeader(before.Status)
			_, _ = w.Write(before.Body) // the caller may be gone
		}
	})
}

// first makes a call and keeps its answer.
func (a *API) first(w http.ResponseWriter, r *http.Request, call store.Call, next http.Handler) {
	keep := &recorder{ResponseWriter: w, status: http.StatusOK}
	// Also when the caller has gone: the next one with this key is to hear what became of it.
	ctx := context.WithoutCancel(r.Context())
	finished := false
	defer func() {
		var err error
		if finished && keep.status < http.StatusInternalServerError {
			err = a.calls.FinishCall(ctx, call, store.Answered{Status: keep.status, Body: keep.body.Bytes()})
		} else {
			err = a.calls.DropCall(ctx, call)
		}
		if err != nil {
			a.log.ErrorContext(ctx, "the answer of a call is not kept: repeated, it would be made again", "error", err)
		}
	}()
	next.ServeHTTP(keep, r)
	finished = true
}

func contentType(status int) string {
	if status >= http.StatusBadRequest {
		return "application/problem+json"
	}
	return "application/json"
}

func requestHash(r *http.Request, text []byte) []byte {
	hash := sha256.New()
	for _, part := range []string{r.Method, r.URL.RequestURI()} {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	hash.Write(text)
	return hash.Sum(nil)
}

// recorder keeps an answer that it passes on.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (k *recorder) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (k *recorder) Write(p []byte) (int, error) {
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}
