package fake

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// restPage is how many records the community module gives when nobody says a limit.
const restPage = "80"

// restToken answers GET /api/auth/token of the community module.
func (v *Vendor) restToken(w http.ResponseWriter, r *http.Request) {
	database, login, password := r.Header.Get("db"), r.Header.Get("login"), r.Header.Get("password")
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case database == "" || login == "" || password == "":
		restError(w, http.StatusForbidden, "missing error", "either of the following are missing [db, username,password]")
		return
	case database != v.database:
		restError(w, http.StatusForbidden, "wrong database name", "invalid_database")
		return
	}
	for _, u := range v.users {
		if u.login == login && u.password == password {
			token := "access_token_" + strings.ReplaceAll(v.uuid(), "-", "")
			v.tokens[token] = u
			writeJSON(w, http.StatusOK, map[string]any{"uid": u.id, "access_token": token, "expires_in": "31536000", "company_id": 1})
			return
		}
	}
	restError(w, http.StatusUnauthorized, "Access denied", "Login, password or db invalid")
}

func restError(w http.ResponseWriter, status int, kind, message string) {
	writeJSON(w, status, map[string]any{"type": kind, "message": message})
}

// rest answers /api/<model> and /api/<model>/<id>.
func (v *Vendor) rest(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	u := v.tokens[r.Header.Get("access-token")]
	if r.Header.Get("access-token") == "" {
		restError(w, http.StatusUnauthorized, "access_token_not_found", "missing access token in request header")
		return
	}
	if u == nil {
		restError(w, http.StatusUnauthorized, "access_token", "token seems to have expired or invalid")
		return
	}
	model := r.PathValue("model")
	if v.tables[model] == nil {
		v.surprise("model %s", model)
		restError(w, http.StatusUnauthorized, "invalid object model", "The model "+model+" is not available in the registry.")
		return
	}
	ids := []any{}
	if id := r.PathValue("id"); id != "" {
		ids = append(ids, json.Number(id))
	}
	data, failure := v.restCall(u, r, model, ids)
	if failure == nil {
		list, isList := data.([]map[string]any)
		count := 1
		if isList {
			count = len(list)
		}
		writeJSON(w, http.StatusOK, map[string]any{"count": count, "data": data})
		return
	}
	status, kind := http.StatusUnauthorized, "params"
	switch {
	case strings.HasSuffix(failure.name, "AccessError"):
		kind = "Access error"
	case r.Method == http.MethodPatch || r.Method == http.MethodDelete:
		status, kind = http.StatusServiceUnavailable, "exception"
	case r.Method == http.MethodPut:
		kind = "exception"
	}
	restError(w, status, kind, failure.message)
}

func (v *Vendor) restCall(u *user, r *http.Request, model string, ids []any) (any, *fault) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return nil, valueError("the body broke off")
	}
	switch r.Method {
	case http.MethodGet:
		query := r.URL.Query()
		if !query.Has("limit") {
			query.Set("limit", restPage)
		}
		named := map[string]any{"order": query.Get("order")}
		for _, name := range []string{"domain", "fields", "limit", "offset"} {
			if text := query.Get(name); text != "" {
				value, err := literal(text)
				if err != nil {
					v.surprise("%s is no literal: %s", name, text)
					return nil, valueError("malformed node or string: %s", name)
				}
				named[name] = value
			}
		}
		if len(ids) > 0 {
			named["domain"] = []any{[]any{"id", "=", ids[0]}}
		}
		return v.run(u, model, "search_read", nil, named)
	case http.MethodPost, http.MethodPut:
		values, failure := v.restValues(r, body)
		if failure != nil {
			return nil, failure
		}
		if r.Method == http.MethodPut {
			if _, failure := v.run(u, model, "write", []any{ids, values}, nil); failure != nil {
				return nil, failure
			}
			return v.run(u, model, "read", []any{ids}, map[string]any{"fields": []any{"id", "display_name"}})
		}
		made, failure := v.run(u, model, "create", []any{values}, nil)
		if failure != nil {
			return nil, failure
		}
		return v.run(u, model, "read", []any{[]any{made}}, map[string]any{"fields": []any{"id", "display_name"}})
	case http.MethodPatch:
		var call struct {
			Method string `json:"_method"`
		}
		if err := decode(body, &call); err != nil || call.Method == "" {
			v.surprise("PATCH %s without _method", r.URL.Path)
			return nil, valueError("no method")
		}
		return v.run(u, model, call.Method, []any{ids}, nil)
	case http.MethodDelete:
		return v.run(u, model, "unlink", []any{ids}, nil)
	}
	v.surprise("%s %s", r.Method, r.URL.Path)
	return nil, valueError("method not allowed")
}

// restValues reads form fields: texts as they are, and what begins with __api__ as a Python literal.
func (v *Vendor) restValues(r *http.Request, body []byte) (map[string]any, *fault) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		v.surprise("%s %s with content type %q", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
		return nil, valueError("Expecting form fields")
	}
	form, err := parseForm(body)
	if err != nil {
		return nil, valueError("the form cannot be read")
	}
	values := map[string]any{}
	for name, given := range form {
		key, typed := strings.CutPrefix(name, "__api__")
		values[key] = given[0]
		if typed {
			value, err := literal(given[0])
			if err != nil {
				v.surprise("%s is no literal", name)
				return nil, valueError("malformed node or string: %s", name)
			}
			values[key] = value
		}
	}
	return values, nil
}
