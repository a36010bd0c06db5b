package api

import (
	"context"
	"net/http"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/desk"
	"github.com/orderlyhq/orderly/internal/people"
	"github.com/orderlyhq/orderly/internal/store"
)

const tagOrders = "Orders"

// orderQuery chooses orders, as the screen's address does.
type orderQuery struct {
	Search      string   `query:"q" doc:"an id, number, e-mail address, name, amount or SKU"`
	Flow        string   `query:"flow"`
	Source      string   `query:"source" doc:"connection that the record is of"`
	Destination string   `query:"destination"`
	States      []string `query:"state" enum:"waiting,working,synced,held,failed,skipped" doc:"one or more, separated by commas"`
	Via         string   `query:"via" enum:"webhook,poll,backfill,manual" doc:"how the record was seen first"`
	Since       string   `query:"since" doc:"first seen then or later: a day, a time in UTC, or so long ago (24h, 7d)"`
	Until       string   `query:"until"`
	Min         string   `query:"min" doc:"amount at least"`
	Max         string   `query:"max" doc:"amount at most"`
	Kind        string   `query:"kind" enum:"order,customer,all" default:"order"`
	Document    string   `query:"document" enum:"yes,no" doc:"whether the destination has a document of it"`
	Cause       int64    `query:"cause"`
	Sort        string   `query:"sort" enum:"newest,waiting" default:"newest"`
	Cursor      string   `query:"cursor" doc:"next of the page before"`
	Limit       int      `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (q orderQuery) filter() desk.OrderFilter {
	f := desk.OrderFilter{
		Search: q.Search, Flow: q.Flow, Source: q.Source, Destination: q.Destination, Via: store.Via(q.Via), Since: q.Since, Until: q.Until,
		Min: q.Min, Max: q.Max, Kind: q.Kind, Document: q.Document, Cause: q.Cause, Sort: q.Sort,
	}
	if q.Kind == "order" {
		f.Kind = desk.KindOrders
	}
	if q.Sort == "newest" {
		f.Sort = desk.SortNewest
	}
	for _, state := range q.States {
		f.States = append(f.States, store.TaskState(state))
	}
	if q.Cursor != "" {
		f.After = []string{q.Cursor}
	}
	return f
}

// byID names a thing by its number.
type byID struct {
	ID int64 `path:"id"`
}

// why is the body of a call that only gives a reason.
type why struct {
	Why string `json:"why,omitempty" maxLength:"500" doc:"stands in the audit"`
}

type bulkInput struct {
	ID string `path:"id" doc:"as the call gave it that began it"`
}

type actInput struct {
	Body struct {
		Action string  `json:"action" enum:"retry,hold,release,skip"`
		IDs    []int64 `json:"ids" minItems:"1" maxItems:"500" doc:"of orders, as the list gives them"`
		Why    string  `json:"why,omitempty" maxLength:"500" doc:"required for hold and skip"`
	}
}

func (a *API) registerOrders() {
	add(a, operation{"list-orders", http.MethodGet, "/orders", people.Viewer, tagOrders, "List orders or customers", 0},
		func(ctx context.Context, _ people.Person, in *orderQuery) (*body[page[store.TaskRow]], error) {
			list, err := a.desk.ListOrders(ctx, in.filter(), in.Limit)
			if err != nil {
				return nil, named(err, "after", "cursor")
			}
			return pageOf(list.Orders, list.Next), nil
		})
	add(a, operation{"get-order", http.MethodGet, "/orders/{id}", people.Viewer, tagOrders, "Everything that is known of an order", 0},
		func(ctx context.Context, _ people.Person, in *byID) (*body[*desk.OrderStory], error) {
			return answer(a.desk.Order(ctx, in.ID, false))
		})
	add(a, operation{"act-on-orders", http.MethodPost, "/orders/actions", people.Operator, tagOrders, "Retry, hold, release or skip orders", 0},
		func(ctx context.Context, who people.Person, in *actInput) (*body[desk.Acted], error) {
			acted, err := a.desk.Act(ctx, who, store.Action(in.Body.Action), in.Body.IDs, in.Body.Why)
			return answer(acted, named(err, "id", "ids"))
		})
	add(a, operation{"get-bulk", http.MethodGet, "/bulks/{id}", people.Operator, tagOrders, "How far an action on many orders has come", 0},
		func(ctx context.Context, _ people.Person, in *bulkInput) (*body[desk.Bulk], error) {
			return answer(a.desk.Bulk(ctx, in.ID))
		})
	add(a, operation{"stop-bulk", http.MethodPost, "/bulks/{id}/stop", people.Operator, tagOrders, "Stop an action on many orders; what it has done stays done", 0},
		func(ctx context.Context, who people.Person, in *bulkInput) (*body[desk.Bulk], error) {
			return answer(a.desk.StopBulk(ctx, who, in.ID))
		})
	add(a, operation{"resync-order", http.MethodPost, "/orders/{id}/resync", people.Operator, tagOrders, "Read an order from its source anew and deliver it", http.StatusNoContent},
		func(ctx context.Context, who people.Person, in *byID) (*done, error) {
			return &done{}, a.desk.Resync(ctx, who, in.ID, "")
		})
	add(a, operation{"link-order", http.MethodPost, "/orders/{id}/link", people.Operator, tagOrders, "Link an order to a document that the destination has already", 0},
		func(ctx context.Context, who people.Person, in *struct {
			ID   int64 `path:"id"`
			Body struct {
				Document string `json:"document" doc:"its id or number"`
				Why      string `json:"why" maxLength:"500"`
			}
		},
		) (*body[connector.Document], error) {
			return answer(a.desk.LinkDocument(ctx, who, in.ID, in.Body.Document, in.Body.Why))
		})
	add(a, operation{"preview-order", http.MethodPost, "/orders/{id}/preview", people.Operator, tagOrders, "What delivering an order now would do; nothing is written", 0},
		func(ctx context.Context, _ people.Person, in *byID) (*body[*desk.OrderPreview], error) {
			return answer(a.desk.PreviewOrder(ctx, in.ID, false))
		})
}
