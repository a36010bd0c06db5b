package api

import (
	"context"
	"net/http"

	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/flow"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

const (
	tagFlows = "Flows"
	tagMaps  = "Maps"
	tagRuns  = "Runs by hand"
)

type flowInput struct {
	Name string `path:"name"`
	Body struct {
		From   string      `json:"from"`
		To     string      `json:"to"`
		Config flow.Config `json:"config" doc:"its mapping is changed under Maps and stays as it is here"`
		Why    string      `json:"why,omitempty" maxLength:"500"`
	}
}

func (in *flowInput) desk() desk.FlowInput {
	return desk.FlowInput{Name: in.Name, From: in.Body.From, To: in.Body.To, Config: in.Body.Config, Why: in.Body.Why}
}

// warnings is what may well be meant, and may well be a mistake.
type warnings struct {
	Warnings []string `json:"warnings"`
}

func (a *API) saveFlow(create bool) func(ctx context.Context, who people.Person, in *flowInput) (*body[warnings], error) {
	return func(ctx context.Context, who people.Person, in *flowInput) (*body[warnings], error) {
		list, err := a.desk.SaveFlow(ctx, who, in.desk(), create)
		if list == nil {
			list = []string{}
		}
		return answer(warnings{Warnings: list}, err)
	}
}

func (a *API) registerFlows() {
	add(a, operation{"list-flows", http.MethodGet, "/flows", people.Viewer, tagFlows, "All flows and how they stand", 0},
		func(ctx context.Context, _ people.Person, _ *struct{}) (*body[page[desk.Flow]], error) {
			list, err := a.desk.Flows(ctx)
			if err != nil {
				return nil, err
			}
			return pageOf(list, ""), nil
		})
	add(a, operation{"get-flow", http.MethodGet, "/flows/{name}", people.Viewer, tagFlows, "A flow with its configuration", 0},
		func(ctx context.Context, _ people.Person, in *byName) (*body[*desk.Flow], error) {
			return answer(a.desk.Flow(ctx, in.Name))
		})
	add(a, operation{"create-flow", http.MethodPost, "/flows/{name}", people.Admin, tagFlows, "Make a flow", 0}, a.saveFlow(true))
	add(a, operation{"change-flow", http.MethodPut, "/flows/{name}", people.Admin, tagFlows, "Change a flow", 0}, a.saveFlow(false))
	add(a, operation{"remove-flow", http.MethodDelete, "/flows/{name}", people.Admin, tagFlows, "Remove a flow; one with a history is paused and kept", 0},
		func(ctx context.Context, who people.Person, in *struct {
			Name string `path:"name"`
			Why  string `query:"why" maxLength:"500"`
		},
		) (*body[removed], error) {
			kept, err := a.desk.RemoveFlow(ctx, who, in.Name, in.Why)
			return answer(removed{Kept: kept}, err)
		})
	a.registerPauses("flow", "/flows/{name}", tagFlows, a.desk.PauseFlow)
	add(a, operation{"poll-flow", http.MethodPost, "/flows/{name}/poll", people.Operator, tagFlows, "Ask the source now for what changed, instead of at its time", 0},
		func(ctx context.Context, who people.Person, in *byName) (*body[polled], error) {
			source, err := a.desk.PollNow(ctx, who, in.Name)
			return answer(polled{Connection: source}, err)
		})
	add(a, operation{"export-configuration", http.MethodGet, "/configuration", people.Viewer, tagFlows, "The whole configuration as orderly.yaml; secrets are references", 0},
		func(ctx context.Context, _ people.Person, _ *struct{}) (*body[configuration], error) {
			text, err := a.desk.ExportYAML(ctx)
			return answer(configuration{YAML: string(text)}, err)
		})
	a.registerMaps()
	a.registerRuns()
}

// polled says which connection is asked.
type polled struct {
	Connection string `json:"connection"`
}

// configuration is the whole configuration as a file.
type configuration struct {
	YAML string `json:"yaml"`
}

type mapQuery struct {
	Flow   string `path:"name"`
	Table  string `path:"table" enum:"items,taxes,payments,terms,shipping,charges,warehouses"`
	Search string `query:"q"`
	Page   int    `query:"page" minimum:"1" default:"1"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (a *API) registerMaps() {
	add(a, operation{"get-map", http.MethodGet, "/flows/{name}/maps/{table}", people.Viewer, tagMaps, "A table of a flow's mapping, and the values that orders wait for", 0},
		func(ctx context.Context, _ people.Person, in *mapQuery) (*body[*desk.MapsView], error) {
			return answer(a.desk.Maps(ctx, desk.MapQuery{Flow: in.Flow, Table: in.Table, Search: in.Search, Page: in.Page, Limit: in.Limit, Unmapped: in.Limit}))
		})
	add(a, operation{"set-map-rows", http.MethodPatch, "/flows/{name}/maps/{table}", people.Operator, tagMaps, "Add, change or remove rows", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *struct {
			Flow  string `path:"name"`
			Table string `path:"table" enum:"items,taxes,payments,terms,shipping,charges,warehouses,settings"`
			Body  struct {
				Rows map[string]string `json:"rows" minProperties:"1" doc:"the source's value to the destination's; an empty text removes the row"`
				Why  string            `json:"why,omitempty" maxLength:"500"`
			}
		},
		) (*done, error) {
			return &done{}, a.desk.SetMapRows(ctx, who, in.Flow, in.Table, in.Body.Rows, in.Body.Why)
		})
	add(a, operation{"list-map-changes", http.MethodGet, "/flows/{name}/map-changes", people.Viewer, tagMaps, "Who changed which row, when and why, the newest first", 0},
		func(ctx context.Context, _ people.Person, in *struct {
			Flow  string `path:"name"`
			Table string `query:"table"`
			Key   string `query:"key"`
			PageAfter
		},
		) (*body[page[desk.MapHistory]], error) {
			list, err := a.desk.History(ctx, store.MapFilter{Flow: in.Flow, Table: in.Table, Key: in.Key, BeforeID: in.Cursor, Limit: in.more()})
			if err != nil {
				return nil, err
			}
			return cut(in.PageAfter, list, func(h desk.MapHistory) int64 { return h.ID }), nil
		})
	add(a, operation{"undo-map-change", http.MethodPost, "/map-changes/{id}/undo", people.Operator, tagMaps, "Undo a change of a row, by a new change", 0},
		func(ctx context.Context, who people.Person, in *whyInput) (*body[store.MapChange], error) {
			return answer(a.desk.Undo(ctx, who, in.ID, in.Body.Why))
		})
}

type syncInput struct {
	Body struct {
		desk.SyncInput
		Total int `json:"total,omitempty" doc:"what count-run gave, for the progress"`
	}
}

func (a *API) registerRuns() {
	add(a, operation{"count-run", http.MethodPost, "/runs/count", people.Operator, tagRuns, "How many records the source has of a range; -1 when it cannot tell", 0},
		func(ctx context.Context, _ people.Person, in *struct{ Body desk.SyncInput }) (*body[counted], error) {
			n, err := a.desk.CountSync(ctx, in.Body)
			return answer(counted{Records: n}, err)
		})
	add(a, operation{"start-run", http.MethodPost, "/runs", people.Operator, tagRuns, "Bring one record, a range or everything", http.StatusCreated},
		func(ctx context.Context, who people.Person, in *syncInput) (*body[desk.SyncStarted], error) {
			return answer(a.desk.StartSync(ctx, who, in.Body.SyncInput, in.Body.Total))
		})
	add(a, operation{"list-runs", http.MethodGet, "/runs", people.Viewer, tagRuns, "The newest runs", 0},
		func(ctx context.Context, _ people.Person, _ *struct{}) (*body[page[desk.Run]], error) {
			list, err := a.desk.Runs(ctx)
			if err != nil {
				return nil, err
			}
			return pageOf(list, ""), nil
		})
	add(a, operation{"get-run", http.MethodGet, "/runs/{id}", people.Viewer, tagRuns, "How far a run has come", 0},
		func(ctx context.Context, _ people.Person, in *byID) (*body[*desk.Run], error) {
			return answer(a.desk.Sync(ctx, in.ID))
		})
	add(a, operation{"stop-run", http.MethodPost, "/runs/{id}/stop", people.Operator, tagRuns, "Stop a run; it can be resumed", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *byID) (*done, error) {
			return &done{}, a.desk.StopSync(ctx, who, in.ID)
		})
	add(a, operation{"resume-run", http.MethodPost, "/runs/{id}/resume", people.Operator, tagRuns, "Let a stopped or failed run go on where it was", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *byID) (*done, error) {
			return &done{}, a.desk.ResumeSync(ctx, who, in.ID)
		})
}

// counted is how many records there are.
type counted struct {
	Records int `json:"records"`
}
