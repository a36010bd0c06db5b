package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/notice"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/personal"
	"github.com/orderlyhq/orderly/internal/store"
)

const (
	tagNow     = "Now"
	tagAudit   = "Audit and people"
	tagNotices = "Outgoing webhooks and alerts"
)

// register adds all operations.
func (a *API) register() {
	add(a, operation{"get-figures", http.MethodGet, "/now", people.Viewer, tagNow, "How everything stood a moment ago", 0},
		func(context.Context, people.Person, *struct{}) (*body[*desk.Figures], error) {
			return answer(a.desk.Figures(), nil)
		})
	a.registerOrders()
	a.registerCauses()
	a.registerConnections()
	a.registerFlows()
	a.registerAudit()
	a.registerNotices()
}

type auditQuery struct {
	Who     string    `query:"who"`
	Action  string    `query:"action"`
	Subject string    `query:"subject" doc:"begins with it: task/12, flow/"`
	Since   time.Time `query:"since"`
	Until   time.Time `query:"until"`
	PageAfter
}

func (a *API) registerAudit() {
	add(a, operation{"list-audit", http.MethodGet, "/audit", people.Viewer, tagAudit, "Who did what, when and why, the newest first", 0},
		func(ctx context.Context, _ people.Person, in *auditQuery) (*body[page[store.AuditEntry]], error) {
			list, err := a.desk.Audit(ctx, store.AuditFilter{
				Who: in.Who, Action: in.Action, Subject: in.Subject, Since: in.Since, Until: in.Until, BeforeID: in.Cursor, Limit: in.more(),
			})
			if err != nil {
				return nil, err
			}
			return cut(in.PageAfter, list, func(e store.AuditEntry) int64 { return e.ID }), nil
		})
	add(a, operation{"list-users", http.MethodGet, "/users", people.Viewer, tagAudit, "Who may sign in", 0},
		func(ctx context.Context, _ people.Person, _ *struct{}) (*body[page[people.User]], error) {
			list, err := a.people.List(ctx)
			if err != nil {
				return nil, err
			}
			for i := range list {
				list[i].Email = personal.Mask(list[i].Email)
			}
			return pageOf(list, ""), nil
		})
	add(a, operation{"get-me", http.MethodGet, "/me", people.Viewer, tagAudit, "Who calls, and with which role", 0},
		func(_ context.Context, who people.Person, _ *struct{}) (*body[me], error) {
			return answer(me{Name: who.Name, Role: string(who.Role), Token: who.Token}, nil)
		})
}

// me is who calls.
type me struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	Token string `json:"token,omitempty" doc:"name of the API token"`
}

// byText names a thing by its id.
type byText struct {
	ID string `path:"id"`
}

func (a *API) registerNotices() {
	add(a, operation{"get-alerts", http.MethodGet, "/alerts", people.Viewer, tagNotices, "Alerts that last, or those that are over", 0},
		func(ctx context.Context, _ people.Person, in *struct {
			Over bool `query:"over"`
			PageAfter
		},
		) (*body[page[notice.Alert]], error) {
			list, err := a.notices.Alerts(ctx, in.Over, in.Cursor, in.more())
			if err != nil {
				return nil, err
			}
			return cut(in.PageAfter, list, func(a notice.Alert) int64 { return a.ID }), nil
		})
	add(a, operation{"list-endpoints", http.MethodGet, "/webhook-endpoints", people.Admin, tagNotices, "Who is told of orders", 0},
		func(ctx context.Context, _ people.Person, _ *struct{}) (*body[page[notice.Endpoint]], error) {
			list, err := a.notices.Endpoints(ctx)
			if err != nil {
				return nil, err
			}
			return pageOf(list, ""), nil
		})
	add(a, operation{"create-endpoint", http.MethodPost, "/webhook-endpoints", people.Admin, tagNotices, "Add an endpoint; its secret is in the answer", http.StatusCreated},
		func(ctx context.Context, who people.Person, in *struct{ Body notice.EndpointDraft }) (*body[madeEndpoint], error) {
			endpoint, secret, err := a.notices.CreateEndpoint(ctx, in.Body, who.Who(), "")
			return answer(madeEndpoint{Endpoint: endpoint, Secret: secret}, err)
		})
	add(a, operation{"change-endpoint", http.MethodPut, "/webhook-endpoints/{id}", people.Admin, tagNotices, "Change an endpoint", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *struct {
			ID   string `path:"id"`
			Body notice.EndpointDraft
		},
		) (*done, error) {
			return &done{}, a.notices.ChangeEndpoint(ctx, in.ID, in.Body, who.Who(), "")
		})
	add(a, operation{"remove-endpoint", http.MethodDelete, "/webhook-endpoints/{id}", people.Admin, tagNotices, "Remove an endpoint", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *byText) (*done, error) {
			return &done{}, a.notices.RemoveEndpoint(ctx, in.ID, who.Who(), "")
		})
	a.registerSwitches()
	a.registerMessages()
	a.registerAlertSettings()
}

// registerSwitches adds what is done to an endpoint that is there.
func (a *API) registerSwitches() {
	add(a, operation{"enable-endpoint", http.MethodPost, "/webhook-endpoints/{id}/enable", people.Admin, tagNotices, "Send to an endpoint again; what happened meanwhile is not sent", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *endpointInput) (*done, error) {
			return &done{}, a.notices.EnableEndpoint(ctx, in.ID, who.Who(), in.Body.Why)
		})
	add(a, operation{"disable-endpoint", http.MethodPost, "/webhook-endpoints/{id}/disable", people.Admin, tagNotices, "Send nothing more to an endpoint; what waits is given up", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *endpointInput) (*done, error) {
			return &done{}, a.notices.DisableEndpoint(ctx, in.ID, who.Who(), in.Body.Why)
		})
	add(a, operation{"rotate-secret", http.MethodPost, "/webhook-endpoints/{id}/rotate-secret", people.Admin, tagNotices, "Give an endpoint a new secret; for 24 hours the old one signs as well", 0},
		func(ctx context.Context, who people.Person, in *endpointInput) (*body[rotated], error) {
			secret, err := a.notices.RotateSecret(ctx, in.ID, who.Who(), in.Body.Why)
			return answer(rotated{Secret: secret}, err)
		})
	add(a, operation{"resend-failed", http.MethodPost, "/webhook-endpoints/{id}/resend-failed", people.Admin, tagNotices, "Send everything again that was given up", 0},
		func(ctx context.Context, who people.Person, in *struct {
			ID   string `path:"id"`
			Body struct {
				Since time.Time `json:"since,omitzero" doc:"only messages that are not older; none sends all"`
				Why   string    `json:"why,omitempty" maxLength:"500"`
			}
		},
		) (*body[resent], error) {
			n, err := a.notices.ResendFailed(ctx, in.ID, in.Body.Since, who.Who(), in.Body.Why)
			return answer(resent{Messages: n}, err)
		})
}

type endpointInput struct {
	ID   string `path:"id"`
	Body why
}

// rotated is a new secret.
type rotated struct {
	Secret string `json:"secret" doc:"to verify signatures with"`
}

// resent says how many messages are sent again.
type resent struct {
	Messages int64 `json:"messages"`
}

// registerAlertSettings adds who is told of what.
func (a *API) registerAlertSettings() {
	add(a, operation{"get-alert-settings", http.MethodGet, "/alert-settings", people.Admin, tagNotices, "What people are told of, and where; secrets read ***", 0},
		func(ctx context.Context, _ people.Person, _ *struct{}) (*body[notice.Config], error) {
			return answer(a.notices.Config(ctx))
		})
	add(a, operation{"change-alert-settings", http.MethodPut, "/alert-settings", people.Admin, tagNotices, "Replace what people are told of, and where; a secret that reads *** stays", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *struct {
			Why  string `query:"why" maxLength:"500"`
			Body notice.Config
		},
		) (*done, error) {
			return &done{}, a.notices.SaveConfig(ctx, in.Body, who.Who(), in.Why)
		})
}

// registerMessages adds what was sent to endpoints.
func (a *API) registerMessages() {
	add(a, operation{"list-messages", http.MethodGet, "/webhook-endpoints/{id}/messages", people.Admin, tagNotices, "What was sent, with each attempt", 0},
		func(ctx context.Context, _ people.Person, in *struct {
			ID    string `path:"id"`
			State string `query:"state" enum:"waiting,sent,failed"`
			PageAfter
		},
		) (*body[page[notice.Sending]], error) {
			list, err := a.notices.Sendings(ctx, store.SendingFilter{Endpoint: in.ID, State: store.SendingState(in.State), BeforeID: in.Cursor, Limit: in.more()})
			if err != nil {
				return nil, err
			}
			return cut(in.PageAfter, list, func(s notice.Sending) int64 { return s.ID }), nil
		})
	add(a, operation{"resend-message", http.MethodPost, "/webhook-messages/{id}/resend", people.Admin, tagNotices, "Send a message again", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *byID) (*done, error) {
			return &done{}, a.notices.Resend(ctx, in.ID, who.Who(), "")
		})
	add(a, operation{"test-endpoint", http.MethodPost, "/webhook-endpoints/{id}/test", people.Admin, tagNotices, "Send a test message and say what came of it", 0},
		func(ctx context.Context, who people.Person, in *byText) (*body[notice.Attempt], error) {
			return answer(a.notices.TestEndpoint(ctx, in.ID, who.Who(), ""))
		})
}

// madeEndpoint is an endpoint that was just made.
type madeEndpoint struct {
	notice.Endpoint
	Secret string `json:"secret" doc:"to verify signatures with"`
}
