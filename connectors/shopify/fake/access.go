package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxBody bounds what a request may send.
const maxBody = 1 << 20

const tokenLife = 86399 // seconds

func (v *Vendor) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /admin/oauth/access_token", v.locked(v.grant))
	mux.HandleFunc("GET /admin/oauth/access_scopes.json", v.locked(v.signedIn(v.accessScopes)))
	rest := func(pattern, scope string, handle http.HandlerFunc) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /admin/api/{version}/"+path, v.locked(v.signedIn(v.versioned(v.paced(v.scoped(scope, handle))))))
	}
	rest("GET shop.json", "", v.getShop)
	rest("GET orders.json", "read_orders", v.listOrders)
	rest("GET orders/count.json", "read_orders", v.countOrders)
	rest("GET orders/{file}", "read_orders", v.getOrder)
	rest("PUT orders/{file}", "write_orders", v.updateOrder)
	rest("GET orders/{id}/transactions.json", "read_orders", v.getTransactions)
	rest("GET customers.json", "read_customers", v.listCustomers)
	rest("GET customers/count.json", "read_customers", v.countCustomers)
	rest("GET customers/{file}", "read_customers", v.getCustomer)
	rest("GET webhooks.json", "", v.listWebhooks)
	rest("POST webhooks.json", "", v.createWebhook)
	rest("DELETE webhooks/{file}", "", v.deleteWebhook)
	mux.HandleFunc("POST /admin/api/{version}/graphql.json", v.locked(v.signedIn(v.versioned(v.graphQL))))
	mux.HandleFunc("/", v.locked(func(w http.ResponseWriter, r *http.Request) {
		v.surprise("%s %s is no address of the Admin API", r.Method, r.URL.Path)
		refuse(w, http.StatusNotFound, `{"errors":"Not Found"}`)
	}))
	return mux
}

// locked lets one request at a time in.
func (v *Vendor) locked(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			refuse(w, http.StatusRequestEntityTooLarge, `{"errors":"Request body too large"}`)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		v.mu.Lock()
		defer v.mu.Unlock()
		v.requests++
		handle(w, r)
	}
}

// surprise notes a request that a healthy connector does not make.
func (v *Vendor) surprise(format string, args ...any) {
	v.unexpected = append(v.unexpected, fmt.Sprintf(format, args...))
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		refuse(w, http.StatusInternalServerError, `{"errors":"Internal Server Error"}`)
		return
	}
	refuse(w, status, string(body))
}

// signedIn lets tokens in that the shop knows.
func (v *Vendor) signedIn(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("X-Shopify-Access-Token")
		end, issued := v.tokens[token]
		if token == "" || !(issued && v.now().Before(end)) && (v.clientAuth || token != staticToken) {
			refuse(w, http.StatusUnauthorized, `{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}`)
			return
		}
		handle(w, r)
	}
}

// versioned answers as the version that is asked for, or as the oldest supported one in its place.
func (v *Vendor) versioned(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		version := r.PathValue("version")
		if at, err := time.Parse("2006-01", version); err != nil || at.Month()%3 != 1 {
			v.surprise("%q is no version of the API", version)
			refuse(w, http.StatusNotFound, `{"errors":"Not Found"}`)
			return
		}
		if !slices.Contains(v.versions, version) {
			version = v.versions[0]
		}
		w.Header().Set("X-Shopify-Api-Version", version)
		handle(w, r)
	}
}

func (v *Vendor) paced(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if v.throttle(w) {
			handle(w, r)
		}
	}
}

func (v *Vendor) scoped(scope string, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !v.granted(scope) {
			refuse(w, http.StatusForbidden, fmt.Sprintf(`{"errors":"[API] This action requires merchant approval for %s scope."}`, scope))
			return
		}
		handle(w, r)
	}
}

// granted says whether the app has a right; the right to write includes the one to read.
func (v *Vendor) granted(scope string) bool {
	return scope == "" || slices.Contains(v.scopes, scope) || slices.Contains(v.scopes, strings.Replace(scope, "read_", "write_", 1))
}

func (v *Vendor) accessScopes(w http.ResponseWriter, _ *http.Request) {
	type handle struct {
		Handle string `json:"handle"`
	}
	out := []handle{}
	for _, s := range v.scopes {
		out = append(out, handle{s})
	}
	answer(w, http.StatusOK, map[string]any{"access_scopes": out})
}

// grant hands a token out by the client credentials grant.
func (v *Vendor) grant(w http.ResponseWriter, r *http.Request) {
	form := map[string]string{}
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err == nil {
			for name := range r.PostForm {
				form[name] = r.PostForm.Get(name)
			}
		}
	case "application/json":
		_ = json.NewDecoder(r.Body).Decode(&form) // what cannot be read has no grant_type
	}
	switch {
	case form["grant_type"] != "client_credentials":
		v.surprise("grant_type %q", form["grant_type"])
		refuse(w, http.StatusBadRequest, `{"error":"invalid_request","error_description":"The request is missing a required parameter: grant_type"}`)
	case form["client_id"] != clientID:
		refuse(w, http.StatusBadRequest, `{"error":"application_cannot_be_found","error_description":"The application could not be found."}`)
	case form["client_secret"] != clientSecret:
		refuse(w, http.StatusBadRequest, `{"error":"invalid_client","error_description":"The client credentials are invalid."}`)
	default:
		token := fmt.Sprintf("shpat_%032x", v.id())
		v.tokens[token] = v.now().Add(tokenLife * time.Second)
		answer(w, http.StatusOK, map[string]any{"access_token": token, "scope": strings.Join(v.scopes, ","), "expires_in": tokenLife})
	}
}
