package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/orderlyhq/orderly/internal/httpx"
)

// json2 calls /json/2/<model>/<method> with all arguments by name and a bearer key.
type json2 struct{ client *httpx.Client }

func newJSON2(account Account) *json2 {
	return &json2{client: &httpx.Client{
		Base: account.Base, HTTP: account.HTTP, Explain: explainJSON2,
		Authorize: func(_ context.Context, req *http.Request) error {
			req.Header.Set("Authorization", "bearer "+account.Secret.Reveal())
			if account.Database != "" {
				req.Header.Set("X-Odoo-Database", account.Database)
			}
			return nil
		},
	}}
}

// Execute implements Caller.
func (j *json2) Execute(ctx context.Context, call Call) (json.RawMessage, error) {
	body := map[string]any{}
	maps.Copy(body, call.Options)
	for _, a := range call.Args {
		body[a.Name] = a.Value
	}
	if call.IDs != nil {
		body["ids"] = call.IDs
	}
	var result json.RawMessage
	_, err := j.client.Do(ctx, httpx.Call{
		Op: call.Op, Method: http.MethodPost, Path: "/json/2/" + call.Model + "/" + call.Method,
		JSON: body, Safe: call.Safe, Out: &result,
	})
	if err != nil {
		return nil, err
	}
	if result == nil {
		return json.RawMessage("null"), nil
	}
	return result, nil
}
