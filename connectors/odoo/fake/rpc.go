package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxRequest bounds a request's body, in bytes.
const maxRequest = 32 << 20

func (v *Vendor) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/jsonrpc", v.jsonRPC)
	mux.HandleFunc("/web/session/authenticate", v.jsonRPC)
	mux.HandleFunc("/web/dataset/call_kw/{model}/{method}", v.jsonRPC)
	mux.HandleFunc("/web/hook/{uuid}", v.inbound)
	if v.version >= 19 {
		mux.HandleFunc("GET /web/version", func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, map[string]any{"version": v.release(), "version_info": v.releaseInfo()})
		})
		mux.HandleFunc("/json/2/{model}/{method}", v.json2)
	}
	if v.restModule {
		mux.HandleFunc("GET /api/auth/token", v.restToken)
		mux.HandleFunc("/api/{model}", v.rest)
		mux.HandleFunc("/api/{model}/{id}", v.rest)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		// Callers ask for the version where it may not be.
		if r.URL.Path != "/web/version" {
			v.mu.Lock()
			v.surprise("%s %s: no such address", r.Method, r.URL.Path)
			v.mu.Unlock()
		}
		htmlError(w, http.StatusNotFound, "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.")
	})
	return mux
}

func (v *Vendor) release() string { return fmt.Sprintf("%d.0", v.version) }

func (v *Vendor) releaseInfo() []any { return []any{v.version, 0, 0, "final", 0, ""} }

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // only values of our own are written
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}

// decode reads JSON with its numbers as they are written.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

// sessionCode is the code of an error that asks for a new sign-in.
const sessionCode = 100

// jsonRPC answers /jsonrpc, and the calls of the web client that have the same envelope.
func (v *Vendor) jsonRPC(w http.ResponseWriter, r *http.Request) {
	kind, route := "json", r.URL.Path
	status := http.StatusBadRequest
	if v.version >= 19 {
		kind, status = "jsonrpc", http.StatusUnsupportedMediaType
	}
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		v.mu.Lock()
		v.surprise("%s %s with content type %q", r.Method, route, r.Header.Get("Content-Type"))
		v.mu.Unlock()
		inferred, more := "[&#39;http&#39;]", ""
		if v.version >= 19 {
			more = "<br><br>Please verify the Content-Type request header and try again."
			if r.Method == http.MethodGet {
				inferred = "[&#39;http&#39;, &#39;json2&#39;]"
			}
		}
		htmlError(w, status, fmt.Sprintf("Request inferred type is compatible with %s but &#39;%s&#39; is type=&#39;%s&#39;.%s", inferred, route, kind, more))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return
	}
	var request struct {
		ID     any            `json:"id"`
		Params map[string]any `json:"params"`
	}
	if err := decode(body, &request); err != nil {
		v.mu.Lock()
		v.surprise("%s: the body is no JSON", route)
		v.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "Invalid JSON data")
		return
	}
	result, failure := v.answer(w, r, request.Params)
	reply := map[string]any{"jsonrpc": "2.0", "id": request.ID}
	switch {
	case failure != nil:
		reply["error"] = v.rpcError(failure)
		if reply["error"].(map[string]any)["code"] == sessionCode {
			reply["id"] = nil // refused before the call is looked at
		}
	case result != nil: // a method that returns None leaves the result out
		reply["result"] = result
	}
	writeJSON(w, http.StatusOK, reply)
}

func (v *Vendor) answer(w http.ResponseWriter, r *http.Request, params map[string]any) (any, *fault) {
	switch {
	case r.URL.Path == "/web/session/authenticate":
		return v.webLogin(w, params)
	case strings.HasPrefix(r.URL.Path, "/web/dataset/"):
		cookie, err := r.Cookie("session_id")
		v.mu.Lock()
		defer v.mu.Unlock()
		var u *user
		if err == nil {
			u = v.sessions[cookie.Value]
		}
		if u == nil {
			return nil, &fault{"odoo.http.SessionExpiredException", "Session expired", http.StatusForbidden}
		}
		args, _ := params["args"].([]any)
		named, _ := params["kwargs"].(map[string]any)
		return v.run(u, r.PathValue("model"), r.PathValue("method"), args, named)
	}
	args, _ := params["args"].([]any)
	v.mu.Lock()
	defer v.mu.Unlock()
	switch service, _ := params["service"].(string); service {
	case "common":
		return v.common(params["method"], args)
	case "object":
		if params["method"] != "execute_kw" || len(args) < 6 {
			v.surprise("object.%v with %d arguments", params["method"], len(args))
			return nil, python("Exception", "Method not available %v", params["method"])
		}
		database, _ := args[0].(string)
		if database != v.database {
			return nil, unknownDatabase(database)
		}
		u := v.known(args[1], args[2])
		if u == nil {
			return nil, accessDenied()
		}
		model, _ := args[3].(string)
		name, _ := args[4].(string)
		positional, ok := args[5].([]any)
		if !ok {
			return nil, python("TypeError", "args must be a list")
		}
		var named map[string]any
		if len(args) > 6 {
			named, _ = args[6].(map[string]any)
		}
		return v.run(u, model, name, positional, named)
	default:
		v.surprise("service %q", service)
		return nil, python("KeyError", "'%s'", service)
	}
}

// common is the service that needs no login.
func (v *Vendor) common(name any, args []any) (any, *fault) {
	switch name {
	case "version":
		return map[string]any{
			"server_version": v.release(), "server_version_info": v.releaseInfo(), "server_serie": v.release(), "protocol_version": 1,
		}, nil
	case "authenticate", "login":
		if len(args) < 3 {
			return nil, python("TypeError", "authenticate() missing arguments")
		}
		if database, _ := args[0].(string); database != v.database {
			return nil, unknownDatabase(database)
		}
		for _, u := range v.users {
			if u.login == args[1] && (u.password == args[2] || u.key == args[2]) {
				return u.id, nil
			}
		}
		return false, nil
	}
	v.surprise("common.%v", name)
	return nil, python("AttributeError", "no method %v", name)
}

func (v *Vendor) known(id, secret any) *user {
	n, _ := asID(id)
	for _, u := range v.users {
		if u.id == n && secret != "" && (u.password == secret || u.key == secret) {
			return u
		}
	}
	return nil
}

func (v *Vendor) webLogin(w http.ResponseWriter, params map[string]any) (any, *fault) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if params["db"] != v.database {
		return nil, unknownDatabase(pyText(params["db"]))
	}
	for _, u := range v.users {
		if u.login == params["login"] && u.password == params["password"] {
			token := strings.ReplaceAll(v.uuid(), "-", "")
			v.sessions[token] = u
			http.SetCookie(w, &http.Cookie{Name: "session_id", Value: token, Path: "/", HttpOnly: true, MaxAge: 7 * 24 * 3600})
			return map[string]any{
				"uid": u.id, "is_system": false, "is_admin": false, "is_internal_user": true, "db": v.database, "username": u.login, "name": u.name,
				"user_context":   map[string]any{"lang": "en_US", "tz": "Europe/Berlin", "uid": u.id},
				"server_version": v.release(), "server_version_info": v.releaseInfo(),
			}, nil
		}
	}
	return nil, accessDenied()
}

// run executes a method and sends what rules have to tell about it. The lock is held.
func (v *Vendor) run(u *user, model, name string, positional []any, named map[string]any) (any, *fault) {
	e := v.begin(u)
	result, err := e.execute(model, name, positional, named)
	if err != nil {
		// A caller that knows Odoo makes no calls that the language itself refuses.
		if strings.HasPrefix(err.name, "builtins.") || strings.HasPrefix(err.name, "werkzeug.") || v.tables[model] == nil {
			v.surprise("%s.%s: %s", model, name, err.message)
		}
		return nil, err
	}
	v.tell(e.changed)
	return result, nil
}

// rpcError is the form of an exception in JSON-RPC. The code means nothing but for a lapsed session.
func (v *Vendor) rpcError(f *fault) map[string]any {
	code, message := 200, "Odoo Server Error"
	if v.version >= 19 {
		code = 0
	}
	if f.name == "odoo.http.SessionExpiredException" {
		code, message = sessionCode, "Odoo Session Expired"
	}
	return map[string]any{"code": code, "message": message, "data": map[string]any{
		"name": f.name, "message": f.message, "arguments": []any{f.message}, "context": map[string]any{},
		"debug": "Traceback (most recent call last):\n  File \"/opt/odoo/odoo/http.py\", line 1, in _serve_db\n" + f.name + ": " + f.message,
	}}
}

// json2 answers the JSON-2 API of Odoo 19: bare results, and a status of their own for exceptions.
func (v *Vendor) json2(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	refuse := func(f *fault) {
		arguments := []any{f.message}
		if strings.HasPrefix(f.name, "werkzeug.") {
			arguments = append(arguments, f.status)
		}
		writeJSON(w, f.status, map[string]any{
			"name": f.name, "message": f.message, "arguments": arguments, "context": map[string]any{}, "debug": "Traceback (most recent call last):\n  …",
		})
	}
	if r.Method != http.MethodPost {
		v.surprise("%s %s", r.Method, r.URL.Path)
		refuse(webFault("NotFound", http.StatusNotFound, "Did you mean POST /json/2/<model>/<method>?"))
		return
	}
	if database := r.Header.Get("X-Odoo-Database"); database != "" && database != v.database {
		htmlError(w, http.StatusNotFound, "No database is selected and the requested URL was not found in the server-wide controllers.")
		return
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		v.surprise("%s with content type %q", r.URL.Path, r.Header.Get("Content-Type"))
		htmlError(w, http.StatusUnsupportedMediaType, "Request inferred type is compatible with [&#39;http&#39;] but &#39;/json/2/&lt;__model__&gt;/&lt;__method__&gt;&#39; is type=&#39;json2&#39;.<br><br>Please verify the Content-Type request header and try again.")
		return
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		w.Header().Set("WWW-Authenticate", "Bearer ")
		refuse(webFault("Unauthorized", http.StatusUnauthorized, "User not authenticated, use an API Key with a Bearer Authorization header."))
		return
	}
	var caller *user
	for _, u := range v.users {
		if u.key != "" && u.key == key {
			caller = u
		}
	}
	if caller == nil {
		w.Header().Set("WWW-Authenticate", "Bearer ")
		refuse(webFault("Unauthorized", http.StatusUnauthorized, "Invalid apikey"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return
	}
	var named map[string]any
	if err := decode(body, &named); err != nil {
		v.surprise("%s: the body is no JSON object", r.URL.Path)
		refuse(webFault("BadRequest", http.StatusBadRequest, "could not parse the body as json"))
		return
	}
	model, name := r.PathValue("model"), r.PathValue("method")
	if v.tables[model] == nil {
		v.surprise("model %s", model)
		refuse(webFault("NotFound", http.StatusNotFound, "the model '"+model+"' does not exist"))
		return
	}
	result, failure := v.run(caller, model, name, nil, named)
	if failure != nil {
		if failure.name == "builtins.AttributeError" {
			failure = webFault("NotFound", http.StatusNotFound, failure.message)
		}
		refuse(failure)
		return
	}
	writeJSON(w, http.StatusOK, result)
}
