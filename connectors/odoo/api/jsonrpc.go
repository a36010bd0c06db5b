package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// jsonRPC calls execute_kw at /jsonrpc. The credentials go with every call; there is no session.
type jsonRPC struct {
	account Account
	client  *httpx.Client

	lock lock
	uid  int64
}

func newJSONRPC(account Account) *jsonRPC {
	return &jsonRPC{
		account: account, lock: newLock(),
		client: &httpx.Client{Base: account.Base, HTTP: account.HTTP, Explain: explainRPC},
	}
}

func rpcRequest(service, method string, args ...any) map[string]any {
	if args == nil {
		args = []any{}
	}
	return map[string]any{
		"jsonrpc": "2.0", "method": "call", "id": 1,
		"params": map[string]any{"service": service, "method": method, "args": args},
	}
}

func (j *jsonRPC) call(ctx context.Context, op string, safe bool, service, method string, args ...any) (json.RawMessage, error) {
	var answer envelope
	_, err := j.client.Do(ctx, httpx.Call{
		Op: op, Method: http.MethodPost, Path: "/jsonrpc", Safe: safe, Out: &answer,
		JSON: rpcRequest(service, method, args...),
	})
	if err != nil {
		return nil, err
	}
	if answer.Result == nil {
		return json.RawMessage("null"), nil
	}
	return answer.Result, nil
}

// signIn gives the user's id, which goes with every call. Odoo answers a wrong login or password with
// the result false and no error.
func (j *jsonRPC) signIn(ctx context.Context) (int64, error) {
	if err := j.lock.take(ctx); err != nil {
		return 0, err
	}
	defer j.lock.free()
	if j.uid != 0 {
		return j.uid, nil
	}
	result, err := j.call(ctx, "sign in", true, "common", "authenticate",
		j.account.Database, j.account.Login, j.account.Secret.Reveal(), map[string]any{})
	if err != nil {
		return 0, err
	}
	if Empty(result) {
		e := Fault{Name: "odoo.exceptions.AccessDenied"}.Explain()
		e.Op = "sign in"
		return 0, e
	}
	if err := json.Unmarshal(result, &j.uid); err != nil {
		return 0, connector.Errorf(connector.KindBug, "sign in", "the answer is no user id")
	}
	return j.uid, nil
}

// Execute implements Caller.
func (j *jsonRPC) Execute(ctx context.Context, call Call) (json.RawMessage, error) {
	uid, err := j.signIn(ctx)
	if err != nil {
		return nil, err
	}
	args := []any{}
	if call.IDs != nil {
		args = append(args, call.IDs)
	}
	for _, a := range call.Args {
		args = append(args, a.Value)
	}
	options := call.Options
	if options == nil {
		options = map[string]any{}
	}
	return j.call(ctx, call.Op, call.Safe, "object", "execute_kw",
		j.account.Database, uid, j.account.Secret.Reveal(), call.Model, call.Method, args, options)
}
