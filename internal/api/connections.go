package api

import (
	"context"
	"net/http"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/node"
	"github.com/orderlyhq/orderly/internal/people"
)

const tagConnections = "Connections"

// byName names a thing by its name.
type byName struct {
	Name string `path:"name"`
}

type pauseInput struct {
	Name string `path:"name"`
	Body why
}

// removed says what became of a thing that was removed.
type removed struct {
	Kept bool `json:"kept" doc:"it has a history, so it is paused and kept"`
}

type connectionInput struct {
	Name string `path:"name"`
	Body struct {
		System   string            `json:"system" example:"shopify"`
		Settings map[string]string `json:"settings" doc:"texts by name; a secret that is left out stays as it is stored"`
		Forget   []string          `json:"forget,omitempty" doc:"secrets whose stored value is to go"`
		Why      string            `json:"why,omitempty" maxLength:"500"`
	}
}

func (in *connectionInput) desk() desk.ConnectionInput {
	return desk.ConnectionInput{Name: in.Name, System: in.Body.System, Settings: in.Body.Settings, Forget: in.Body.Forget, Why: in.Body.Why}
}

func (a *API) registerConnections() {
	add(a, operation{"list-systems", http.MethodGet, "/systems", people.Viewer, tagConnections, "What can be connected, with the settings of each", 0},
		func(context.Context, people.Person, *struct{}) (*body[page[desk.System]], error) {
			return pageOf(a.desk.Systems(), ""), nil
		})
	add(a, operation{"list-connections", http.MethodGet, "/connections", people.Viewer, tagConnections, "All connections and how they stand", 0},
		func(ctx context.Context, _ people.Person, _ *struct{}) (*body[page[desk.Connection]], error) {
			list, err := a.desk.Connections(ctx)
			if err != nil {
				return nil, err
			}
			return pageOf(list, ""), nil
		})
	add(a, operation{"get-connection", http.MethodGet, "/connections/{name}", people.Viewer, tagConnections, "A connection with its settings; secrets are never shown", 0},
		func(ctx context.Context, _ people.Person, in *byName) (*body[*desk.ConnectionDetail], error) {
			return answer(a.desk.Connection(ctx, in.Name))
		})
	add(a, operation{"create-connection", http.MethodPost, "/connections/{name}", people.Admin, tagConnections, "Make a connection", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *connectionInput) (*done, error) {
			return &done{}, a.desk.SaveConnection(ctx, who, in.desk(), true)
		})
	add(a, operation{"change-connection", http.MethodPut, "/connections/{name}", people.Admin, tagConnections, "Change a connection", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *connectionInput) (*done, error) {
			return &done{}, a.desk.SaveConnection(ctx, who, in.desk(), false)
		})
	add(a, operation{"test-connection", http.MethodPost, "/connections/{name}/test", people.Admin, tagConnections, "Sign in with settings that are not saved", 0},
		func(ctx context.Context, _ people.Person, in *connectionInput) (*body[node.Report], error) {
			return answer(a.desk.TestConnection(ctx, in.desk()))
		})
	add(a, operation{"remove-connection", http.MethodDelete, "/connections/{name}", people.Admin, tagConnections, "Remove a connection; one with a history is paused and kept", 0},
		func(ctx context.Context, who people.Person, in *struct {
			Name string `path:"name"`
			Why  string `query:"why" maxLength:"500"`
		},
		) (*body[removed], error) {
			kept, err := a.desk.RemoveConnection(ctx, who, in.Name, in.Why)
			return answer(removed{Kept: kept}, err)
		})
	add(a, operation{"check-connection", http.MethodPost, "/connections/{name}/check", people.Operator, tagConnections, "Sign in now and say what was found", 0},
		func(ctx context.Context, who people.Person, in *byName) (*body[node.Report], error) {
			return answer(a.desk.CheckConnection(ctx, who, in.Name))
		})
	add(a, operation{"repair-webhooks", http.MethodPost, "/connections/{name}/webhooks/repair", people.Operator, tagConnections, "Put a connection's webhook subscriptions in order", 0},
		func(ctx context.Context, who people.Person, in *byName) (*body[page[connector.Subscription]], error) {
			list, err := a.desk.RepairWebhooks(ctx, who, in.Name)
			if err != nil {
				return nil, err
			}
			return pageOf(list, ""), nil
		})
	a.registerPauses("connection", "/connections/{name}", tagConnections, a.desk.PauseConnection)
}

// registerPauses adds pausing and resuming of connections or flows.
func (a *API) registerPauses(what, path, tag string, pause func(ctx context.Context, who people.Person, name string, paused bool, why string) error) {
	add(a, operation{"pause-" + what, http.MethodPost, path + "/pause", people.Operator, tag, "Stop deliveries; what comes in waits", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *pauseInput) (*done, error) {
			return &done{}, pause(ctx, who, in.Name, true, in.Body.Why)
		})
	add(a, operation{"resume-" + what, http.MethodPost, path + "/resume", people.Operator, tag, "Let deliveries go on", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *pauseInput) (*done, error) {
			return &done{}, pause(ctx, who, in.Name, false, in.Body.Why)
		})
}
