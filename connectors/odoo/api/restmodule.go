package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// restModule calls /api/<model> of the community module "restful" (ajepe/odoo-addons). It carries
// search_read, create, write and methods without arguments; there is neither a context nor
// fields_get.
type restModule struct {
	account Account
	client  *httpx.Client
}

// tokenState is the name under which the module's access token is kept.
const tokenState = "rest_module_token"

// usedToken is where a call keeps the token that it was made with, to tell afterwards whether that one
// or an older one was refused.
type usedToken struct{}

// all is the limit of a search without one: the module gives 80 records when it is not told.
const all = "1000000"

// ErrNotCarried says that a way of calling Odoo has no form for a call.
var ErrNotCarried = errors.New("the community REST module cannot carry this call")

func newRESTModule(account Account) *restModule {
	r := &restModule{account: account}
	r.client = &httpx.Client{
		Base: account.Base, HTTP: account.HTTP, Explain: explainREST,
		Authorize: func(ctx context.Context, req *http.Request) error {
			token, err := r.token(ctx)
			if err != nil {
				return err
			}
			if used, ok := ctx.Value(usedToken{}).(*string); ok {
				*used = token
			}
			req.Header.Set("access-token", token)
			return nil
		},
		Renew: func(ctx context.Context) error {
			_, err := account.State.Update(ctx, tokenState, func(ctx context.Context, current []byte) ([]byte, error) {
				if used, ok := ctx.Value(usedToken{}).(*string); ok && *used != string(current) {
					return current, nil // somebody else was faster
				}
				return r.signIn(ctx, nil)
			})
			return err
		},
	}
	return r
}

// token gives the access token that is kept, or gets one.
func (r *restModule) token(ctx context.Context) (string, error) {
	kept, err := r.account.State.Load(ctx, tokenState)
	if err != nil {
		return "", err
	}
	if len(kept) == 0 {
		kept, err = r.account.State.Update(ctx, tokenState, func(ctx context.Context, current []byte) ([]byte, error) {
			if len(current) > 0 {
				return current, nil
			}
			return r.signIn(ctx, nil)
		})
	}
	return string(kept), err
}

func (r *restModule) signIn(ctx context.Context, _ []byte) ([]byte, error) {
	var answer struct {
		Token string `json:"access_token"`
	}
	_, err := r.client.Do(ctx, httpx.Call{
		Op: "sign in", Path: "/api/auth/token", Anonymous: true, Out: &answer,
		Header: http.Header{
			"Login": {r.account.Login}, "Password": {r.account.Secret.Reveal()}, "Db": {r.account.Database},
		},
	})
	if err == nil && answer.Token == "" {
		err = connector.Errorf(connector.KindAuth, "sign in", "Odoo's REST module gave no token")
	}
	if e, ok := errors.AsType[*connector.Error](err); ok && e.Code != "" {
		// The module answers 401 or 403 for credentials and for a wrong database alike.
		e.Kind = connector.KindAuth
		e.Fix = "check database, login and api_key; this module takes the password"
	}
	return []byte(answer.Token), err
}

// restAnswer is the module's form of every answer.
type restAnswer struct {
	Data json.RawMessage `json:"data"`
}

// explainREST reads the module's own error body. It answers 401 for almost everything: only the type
// tells a token that has ended from a value that Odoo refused.
func explainREST(resp *httpx.Response, e *connector.Error) *connector.Error {
	if e == nil {
		return nil
	}
	var body struct {
		Type    Text `json:"type"`
		Message Text `json:"message"`
	}
	if json.Unmarshal(resp.Body, &body) != nil || body.Type == "" {
		return absent(e)
	}
	switch kind := body.Type.String(); {
	case strings.HasPrefix(kind, "access_token"), kind == "Access denied", kind == "authentication failed":
		return Fault{Name: "AccessDenied", Message: body.Message.String()}.Explain()
	case kind == "Access error":
		return Fault{Name: "AccessError", Message: body.Message.String()}.Explain()
	case kind == "missing_record", missingRecord.MatchString(body.Message.String()):
		return Fault{Name: "MissingError", Message: body.Message.String()}.Explain()
	default: // "params", "exception": Odoo raised, and the module rolled back
		return &connector.Error{Kind: connector.KindInvalid, Code: kind, Message: tidy(body.Message.String())}
	}
}

// Execute implements Caller.
func (r *restModule) Execute(ctx context.Context, call Call) (json.RawMessage, error) {
	var (
		request = httpx.Call{Op: call.Op, Safe: call.Safe}
		answer  restAnswer
	)
	request.Out = &answer
	path := "/api/" + call.Model
	if len(call.IDs) == 1 {
		path += "/" + strconv.FormatInt(call.IDs[0], 10)
	}
	request.Path = path
	single := len(call.IDs) == 1
	switch {
	case call.Method == "search_read":
		request.Query = url.Values{"domain": {pythonLiteral(call.arg("domain"))}, "limit": {all}}
		for _, name := range []string{"fields", "limit", "offset", "order"} {
			switch value := call.Options[name].(type) {
			case nil:
			case string:
				request.Query.Set(name, value)
			default:
				request.Query.Set(name, pythonLiteral(value))
			}
		}
	case call.Method == "create":
		values, ok := call.arg("vals_list").([]map[string]any)
		if !ok || len(values) != 1 {
			return nil, notCarried(call)
		}
		request.Method, request.Form = http.MethodPost, formOf(values[0])
	case call.Method == "write" && single:
		values, ok := call.arg("vals").(map[string]any)
		if !ok {
			return nil, notCarried(call)
		}
		request.Method, request.Form = http.MethodPut, formOf(values)
	case call.Method == "unlink" && single:
		request.Method = http.MethodDelete
	case single && len(call.Args) == 0 && !call.Safe:
		request.Method, request.JSON = http.MethodPatch, map[string]any{"_method": call.Method}
	default:
		return nil, notCarried(call)
	}
	if _, err := r.client.Do(context.WithValue(ctx, usedToken{}, new(string)), request); err != nil {
		return nil, err
	}
	return restResult(call, answer)
}

// restResult brings an answer into the form that the method itself gives.
func restResult(call Call, answer restAnswer) (json.RawMessage, error) {
	switch call.Method {
	case "search_read":
		if len(answer.Data) == 0 {
			return json.RawMessage("[]"), nil
		}
		return answer.Data, nil
	case "create":
		var made []struct {
			ID int64 `json:"id"`
		}
		if err := json.Unmarshal(answer.Data, &made); err != nil || len(made) != 1 {
			return nil, connector.Errorf(connector.KindMaybeApplied, call.Op, "the answer to a create is not the one record")
		}
		return json.Marshal([]int64{made[0].ID})
	default:
		return json.RawMessage("true"), nil
	}
}

func notCarried(call Call) error {
	e := connector.Errorf(connector.KindInvalid, call.Op, "the community REST module cannot carry %s.%s", call.Model, call.Method)
	e.Err, e.Field, e.Fix = ErrNotCarried, "mode", "use mode jsonrpc, or json2 with Odoo 19"
	return e
}

func (call Call) arg(name string) any {
	for _, a := range call.Args {
		if a.Name == name {
			return a.Value
		}
	}
	return nil
}

// formOf writes values as the module's form fields: texts and ids as they are, and what has a type of
// its own under "__api__", which the module reads as a Python literal.
func formOf(values map[string]any) url.Values {
	form := url.Values{}
	for name, value := range values {
		switch value := value.(type) {
		case string:
			form.Set(name, value)
		case int64:
			form.Set(name, strconv.FormatInt(value, 10))
		case json.Number:
			form.Set(name, value.String())
		default:
			form.Set("__api__"+name, pythonLiteral(value))
		}
	}
	return form
}

// pythonLiteral writes a value as Python reads it (ast.literal_eval): a command such as (0, 0, {…})
// and a condition are lists as well.
func pythonLiteral(value any) string {
	switch value := value.(type) {
	case nil:
		return "None"
	case bool:
		if value {
			return "True"
		}
		return "False"
	case string:
		return pythonString(value)
	case json.Number:
		return value.String()
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String: // a key, a mode
		return pythonString(v.String())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = pythonLiteral(v.Index(i).Interface())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		if fields, ok := value.(map[string]any); ok {
			parts := make([]string, 0, len(fields))
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				parts = append(parts, pythonString(name)+": "+pythonLiteral(fields[name]))
			}
			return "{" + strings.Join(parts, ", ") + "}"
		}
	}
	return fmt.Sprint(value)
}

var pythonEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\x00", "")

func pythonString(text string) string { return "'" + pythonEscapes.Replace(text) + "'" }
