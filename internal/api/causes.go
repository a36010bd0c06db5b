package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

const tagCauses = "Causes"

type causeQuery struct {
	Standing string `query:"standing" enum:"open,snoozed,ignored,closed" default:"open"`
	Flow     string `query:"flow"`
	Owner    string `query:"owner"`
}

type whyInput struct {
	ID   int64 `path:"id"`
	Body why
}

func (a *API) registerCauses() {
	add(a, operation{"list-causes", http.MethodGet, "/causes", people.Viewer, tagCauses, "Why orders are held or have failed, the most orders first", 0},
		func(ctx context.Context, _ people.Person, in *causeQuery) (*body[desk.CauseList], error) {
			return answer(a.desk.Causes(ctx, desk.CauseFilter{Standing: store.CauseState(in.Standing), Flow: in.Flow, Owner: in.Owner}))
		})
	add(a, operation{"get-cause", http.MethodGet, "/causes/{id}", people.Viewer, tagCauses, "A cause with its newest orders and what can be done", 0},
		func(ctx context.Context, _ people.Person, in *byID) (*body[desk.CauseStory], error) {
			return answer(a.desk.Cause(ctx, in.ID, 0))
		})
	add(a, operation{"fix-cause", http.MethodPost, "/causes/{id}/fix", people.Operator, tagCauses, "Add the row of a map that a cause's orders need; retry them afterwards", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *struct {
			ID   int64 `path:"id"`
			Body desk.FixInput
		},
		) (*done, error) {
			return &done{}, a.desk.FixWithMapping(ctx, who, in.ID, in.Body)
		})
	add(a, operation{"preview-fix", http.MethodPost, "/causes/{id}/fix/preview", people.Operator, tagCauses, "What a fix would do to a cause's newest orders; nothing is changed", 0},
		func(ctx context.Context, _ people.Person, in *struct {
			ID   int64 `path:"id"`
			Body desk.FixInput
		},
		) (*body[desk.FixPreview], error) {
			return answer(a.desk.PreviewFix(ctx, in.ID, in.Body))
		})
	add(a, operation{"try-one", http.MethodPost, "/causes/{id}/try-one", people.Operator, tagCauses, "Try one of a cause's orders", 0},
		func(ctx context.Context, who people.Person, in *struct {
			ID   int64 `path:"id"`
			Body struct {
				Order int64 `json:"order,omitempty" doc:"0 takes the newest"`
			}
		},
		) (*body[tried], error) {
			id, err := a.desk.TryOne(ctx, who, in.ID, in.Body.Order)
			return answer(tried{Order: id}, err)
		})
	add(a, operation{"retry-cause", http.MethodPost, "/causes/{id}/retry", people.Operator, tagCauses, "Retry all orders of a cause, in the background", http.StatusAccepted},
		func(ctx context.Context, who people.Person, in *whyInput) (*body[desk.Bulk], error) {
			return answer(a.desk.RetryAll(ctx, who, in.ID, in.Body.Why))
		})
	a.registerStandings()
}

// tried says which order is being tried.
type tried struct {
	Order int64 `json:"order"`
}

// registerStandings adds what people decide about a cause as a whole.
func (a *API) registerStandings() {
	add(a, operation{"snooze-cause", http.MethodPost, "/causes/{id}/snooze", people.Operator, tagCauses, "Leave a cause alone until a time", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *struct {
			ID   int64 `path:"id"`
			Body struct {
				Until time.Time `json:"until"`
				Why   string    `json:"why,omitempty" maxLength:"500"`
			}
		},
		) (*done, error) {
			return &done{}, a.desk.Snooze(ctx, who, in.ID, in.Body.Until, in.Body.Why)
		})
	add(a, operation{"ignore-cause", http.MethodPost, "/causes/{id}/ignore", people.Operator, tagCauses, "Skip all orders of a cause for a reason, in the background", http.StatusAccepted},
		func(ctx context.Context, who people.Person, in *whyInput) (*body[desk.Bulk], error) {
			return answer(a.desk.Ignore(ctx, who, in.ID, in.Body.Why))
		})
	add(a, operation{"reopen-cause", http.MethodPost, "/causes/{id}/reopen", people.Operator, tagCauses, "Undo snooze and ignore", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *whyInput) (*done, error) {
			return &done{}, a.desk.Reopen(ctx, who, in.ID, in.Body.Why)
		})
	add(a, operation{"assign-cause", http.MethodPost, "/causes/{id}/assign", people.Operator, tagCauses, "Give a cause to somebody", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *struct {
			ID   int64 `path:"id"`
			Body struct {
				Owner string `json:"owner" doc:"name of a user; empty is nobody"`
			}
		},
		) (*done, error) {
			return &done{}, a.desk.Assign(ctx, who, in.ID, in.Body.Owner)
		})
	add(a, operation{"list-reviews", http.MethodGet, "/reviews", people.Viewer, tagCauses, "Orders that wait for a person's decision", 0},
		func(ctx context.Context, _ people.Person, _ *struct{}) (*body[desk.ReviewList], error) {
			return answer(a.desk.Reviews(ctx))
		})
	add(a, operation{"choose", http.MethodPost, "/reviews/{id}/choose", people.Operator, tagCauses, "Say which customer or article an order means", 0},
		func(ctx context.Context, who people.Person, in *struct {
			ID   int64 `path:"id" doc:"of the order"`
			Body desk.Choice
		},
		) (*body[chosen], error) {
			n, err := a.desk.Choose(ctx, who, in.ID, in.Body)
			return answer(chosen{Orders: n}, named(err, "choice", "id"))
		})
	add(a, operation{"decide", http.MethodPost, "/reviews/{id}/decide", people.Operator, tagCauses, "Decide a conflict", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *struct {
			ID   int64 `path:"id" doc:"of the order"`
			Body struct {
				Apply bool   `json:"apply" doc:"true goes on, false leaves the order out"`
				Why   string `json:"why" maxLength:"500"`
			}
		},
		) (*done, error) {
			return &done{}, a.desk.Decide(ctx, who, in.ID, in.Body.Apply, in.Body.Why)
		})
}

// chosen says how many orders a choice lets go on.
type chosen struct {
	Orders int64 `json:"orders"`
}
