package fake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/odata"
)

// maxBody bounds a request's body.
const maxBody = 8 << 20

// answer is what goes back.
type answer struct {
	status int
	header http.Header
	body   any // nil has none; a text goes as it is
}

// request is one call, alone or inside a batch.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	version      string
}

// ServeHTTP answers as the Service Layer does.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "Request Entity Too Large", http.StatusRequestEntityTooLarge)
		return
	}
	v.mu.Lock()
	v.requests++
	if strings.HasPrefix(r.URL.Path, "/oauth2/token") {
		a := v.token(r, body)
		v.mu.Unlock()
		a.write(w)
		return
	}
	version, path, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/b1s/"), "/")
	if !strings.HasPrefix(r.URL.Path, "/b1s/") || !found || (version != "v1" && version != "v2") {
		v.surprise("%s %s", r.Method, r.URL.Path)
		v.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	req := request{method: r.Method, path: path, query: r.URL.Query(), header: r.Header, body: body, version: version}
	a := v.serve(req, r)
	deliveries := v.outbox
	v.outbox = nil
	v.mu.Unlock()
	a.write(w)
	for _, d := range deliveries {
		v.send(d)
	}
}

func (v *Vendor) send(d fake.Delivery) {
	if v.options.Courier != nil {
		v.options.Courier.Send(d)
	}
}

func (a answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	switch body := a.body.(type) {
	case nil:
		w.WriteHeader(a.status)
	case string:
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, body)
	default:
		encoded, err := json.Marshal(body)
		if err != nil {
			panic(err) // of our own making
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "application/json;charset=utf-8")
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(encoded)
	}
}

// failure gives the error body of a version.
func failure(f *fault, version string) answer {
	if version == "v1" {
		return answer{status: f.status, body: map[string]any{"error": map[string]any{"code": f.code, "message": map[string]any{"lang": "en-us", "value": f.message}}}}
	}
	return answer{status: f.status, body: map[string]any{"error": map[string]any{"code": strconv.Itoa(f.code), "message": f.message}}}
}

func endedSession() *fault {
	return &fault{status: 401, code: 301, message: "Invalid session or session already timeout."}
}

func (v *Vendor) serve(req request, r *http.Request) answer {
	if req.path == "Login" && req.method == http.MethodPost {
		return v.login(req)
	}
	id, err := v.authenticate(r)
	if err != nil {
		return failure(err, req.version)
	}
	if req.path == "Logout" && req.method == http.MethodPost {
		delete(v.sessions, id)
		return answer{status: http.StatusNoContent}
	}
	if req.path == "$batch" && req.method == http.MethodPost {
		return v.batch(req)
	}
	a, err := v.dispatch(req)
	if err != nil {
		return failure(err, req.version)
	}
	return a
}

// login opens a session on one of the nodes.
func (v *Vendor) login(req request) answer {
	var in struct{ CompanyDB, UserName, Password, Language string }
	decoder := json.NewDecoder(strings.NewReader(string(req.body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		v.surprise("a login that is not in order")
		return failure(refuse(-1000, "Request body is not a login"), req.version)
	}
	if v.wrong >= locksAfter {
		return failure(&fault{status: 401, code: -304, message: "The user is locked. Contact your system administrator"}, req.version)
	}
	if in.CompanyDB != v.companyDB || in.UserName != v.userName || in.Password != v.password {
		v.wrong++
		return failure(&fault{status: 401, code: -304, message: "Fail to get DB Credentials from SLD: user name or password is incorrect"}, req.version)
	}
	v.wrong = 0
	v.logins++
	v.serial++
	id, node := fmt.Sprintf("B1-%06d-7f2c-11f0-8000-0a1b2c3d4e5f", v.serial), fmt.Sprintf(".node%d", 1+v.serial%2)
	v.sessions[id] = &login{node: node, last: v.now()}
	context := "odata.metadata"
	if req.version == "v2" {
		context = "@odata.context"
	}
	return answer{
		status: http.StatusOK, header: http.Header{"Set-Cookie": {"B1SESSION=" + id + ";HttpOnly;", "ROUTEID=" + node + "; path=/b1s"}},
		body: map[string]any{
			context: v.options.BaseURL + "/b1s/" + req.version + "/$metadata#B1Sessions/@Element", "SessionId": id, "Version": "1000220", "SessionTimeout": sessionTimeout,
		},
	}
}

// authenticate finds the session. Without the cookie for its node a request goes to another one, which does not know it.
func (v *Vendor) authenticate(r *http.Request) (string, *fault) {
	if bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found {
		if !v.tokens[bearer] || r.Header.Get("X-B1-COMPANYID") != "7" {
			return "", endedSession()
		}
		return "", nil
	}
	cookie, err := r.Cookie("B1SESSION")
	if err != nil {
		return "", endedSession()
	}
	s := v.sessions[cookie.Value]
	route, err := r.Cookie("ROUTEID")
	if s == nil || err != nil || route.Value != s.node {
		return "", endedSession()
	}
	if v.now().Sub(s.last) > sessionTimeout*time.Minute {
		delete(v.sessions, cookie.Value)
		return "", endedSession()
	}
	s.last = v.now()
	return cookie.Value, nil
}

// token is the identity provider's.
func (v *Vendor) token(r *http.Request, body []byte) answer {
	form, err := url.ParseQuery(string(body))
	user, secret, ok := r.BasicAuth()
	if err != nil || r.Method != http.MethodPost || form.Get("grant_type") != "client_credentials" || !ok || user != "orderly-app" || secret != "app-secret-9d1" {
		return answer{status: http.StatusUnauthorized, body: map[string]string{"error": "invalid_client"}}
	}
	v.serial++
	token := fmt.Sprintf("token-%d", v.serial)
	v.tokens[token] = true
	return answer{status: http.StatusOK, body: map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600}}
}

// OAuthSettings are the values with which a connection signs in at the identity provider.
func (v *Vendor) OAuthSettings() map[string]string {
	return map[string]string{
		"user_name": "", "password": "", "token_url": v.options.BaseURL + "/oauth2/token", "client_id": "orderly-app", "client_secret": "app-secret-9d1", "company_id": "7",
	}
}

var resource = regexp.MustCompile(`^([A-Za-z_]+)(?:\((.+)\))?(?:/([A-Za-z$]+))?$`)

// dispatch answers everything that needs a session.
func (v *Vendor) dispatch(req request) (answer, *fault) {
	if service, found := v.services()[req.path]; found && req.method == http.MethodPost {
		return service(req)
	}
	match := resource.FindStringSubmatch(req.path)
	var t *table
	if match != nil {
		t = v.tables[match[1]]
	}
	if t == nil || (t.set.name == "EventSubscriptions" && req.version == "v1") {
		// A route that is not there is answered like a session that is not.
		v.surprise("%s %s", req.method, req.path)
		return answer{}, endedSession()
	}
	if v.restricted && slices.Contains([]string{"Orders", "Drafts", "Invoices"}, t.set.name) {
		return answer{}, &fault{status: 403, code: -5002, message: "You are not permitted to perform this action"}
	}
	literal, action := match[2], match[3]
	if literal == "" {
		switch {
		case action == "$count" && req.method == http.MethodGet:
			return v.count(t, req)
		case action == "" && req.method == http.MethodGet:
			return v.query(t, req)
		case action == "" && req.method == http.MethodPost && strings.Contains(t.set.methods, "POST"):
			return v.create(t, req)
		}
	} else {
		kept, err := v.find(t, literal)
		if err != nil {
			return answer{}, err
		}
		switch {
		case action != "" && req.method == http.MethodPost:
			return v.act(t, kept, action)
		case action == "" && req.method == http.MethodGet:
			return v.readOne(t, kept, req)
		case action == "" && req.method == http.MethodPatch && strings.Contains(t.set.methods, "PATCH"):
			return v.patch(t, kept, req)
		case action == "" && req.method == http.MethodDelete && strings.Contains(t.set.methods, "DELETE"):
			t.remove((*kept)[t.set.key])
			return answer{status: http.StatusNoContent}, nil
		}
	}
	v.surprise("%s %s", req.method, req.path)
	return answer{}, &fault{status: 405, code: -1, message: "Method not allowed"}
}

func (v *Vendor) find(t *table, literal string) (*row, *fault) {
	key := literal
	quoted := len(literal) >= 2 && literal[0] == '\'' && literal[len(literal)-1] == '\''
	if p := t.object.byName[t.set.key]; quoted == (p.kind == integer) {
		v.surprise("a key of the wrong type: %s(%s)", t.set.name, literal)
		return nil, refuse(-1000, "Invalid key")
	}
	if quoted {
		key = strings.ReplaceAll(literal[1:len(literal)-1], "''", "'")
	}
	kept := t.get(key)
	if kept == nil {
		return nil, noRecord()
	}
	return kept, nil
}

// options of a query that are understood.
var queryOptions = regexp.MustCompile(`^\$(filter|select|orderby|top|skip|count|inlinecount)$`)

func (v *Vendor) matching(t *table, req request) ([]*row, *fault) {
	for name := range req.query {
		if !queryOptions.MatchString(name) {
			v.surprise("the query option %s", name)
			return nil, refuse(201, "Query option '%s' is not supported", name)
		}
	}
	var c *condition
	if text := req.query.Get("$filter"); text != "" {
		var err *fault
		if c, err = v.filter(text, t.object); err != nil {
			v.surprise("the filter %s: %s", text, err.message)
			return nil, err
		}
	}
	rows, narrowed := t.candidates(c)
	if !narrowed {
		rows = t.rows
	}
	anyCase := req.header.Get("B1s-Caseinsensitive") == "true"
	out := make([]*row, 0, min(len(rows), 64))
	seen := map[*row]bool{}
	for _, r := range rows {
		if (!narrowed || !seen[r]) && c.holds(*r, anyCase) {
			out = append(out, r)
			seen[r] = narrowed
		}
	}
	return out, nil
}

func (v *Vendor) count(t *table, req request) (answer, *fault) {
	rows, err := v.matching(t, req)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain"}}, body: strconv.Itoa(len(rows))}, nil
}

// defaultPage is how many records are on a page where the caller wishes nothing.
const defaultPage = 20

func (v *Vendor) query(t *table, req request) (answer, *fault) {
	rows, err := v.matching(t, req)
	if err != nil {
		return answer{}, err
	}
	total := len(rows)
	if err := sortRows(t, rows, req.query.Get("$orderby")); err != nil {
		v.surprise("the order %s", req.query.Get("$orderby"))
		return answer{}, err
	}
	selected, err := v.selected(t, req)
	if err != nil {
		return answer{}, err
	}
	skip, _ := strconv.Atoi(req.query.Get("$skip"))
	rows = rows[min(max(skip, 0), len(rows)):]
	if top, err := strconv.Atoi(req.query.Get("$top")); err == nil {
		rows = rows[:min(max(top, 0), len(rows))]
	}
	size, header := defaultPage, http.Header{}
	if wish, found := strings.CutPrefix(req.header.Get("Prefer"), "odata.maxpagesize="); found {
		if n, err := strconv.Atoi(wish); err == nil && n >= 0 {
			size = cmp.Or(n, len(rows)+1)
			header.Set("Preference-Applied", req.header.Get("Prefer"))
		}
	}
	prefix := "odata."
	if req.version == "v2" {
		prefix = "@odata."
	}
	body := map[string]any{prefix + "metadata": v.options.BaseURL + "/b1s/" + req.version + "/$metadata#" + t.set.name}
	if req.version == "v2" {
		body = map[string]any{"@odata.context": v.options.BaseURL + "/b1s/v2/$metadata#" + t.set.name}
	}
	if req.query.Get("$inlinecount") == "allpages" || req.query.Get("$count") == "true" {
		body[prefix+"count"] = total
		if req.version == "v1" {
			body[prefix+"count"] = strconv.Itoa(total)
		}
	}
	if len(rows) > size {
		rows = rows[:size]
		next := url.Values{}
		maps.Copy(next, req.query)
		next.Set("$skip", strconv.Itoa(skip+size))
		link := t.set.name + "?" + strings.ReplaceAll(next.Encode(), "+", "%20")
		if req.version == "v1" { // both forms are seen
			link = "/b1s/v1/" + link
		}
		body[prefix+"nextLink"] = link
	}
	items := make([]map[string]any, len(rows))
	for i, r := range rows {
		items[i] = v.render(*r, t.object, selected, req.version)
	}
	body["value"] = items
	return answer{status: http.StatusOK, header: header, body: body}, nil
}

func (v *Vendor) selected(t *table, req request) ([]string, *fault) {
	text := req.query.Get("$select")
	if text == "" {
		return nil, nil
	}
	names := strings.Split(text, ",")
	for _, name := range names {
		if _, known := t.object.byName[name]; !known && !v.userFields[t.object.table+"."+name] {
			v.surprise("the selected property %s of %s", name, t.object.name)
			return nil, refuse(-1000, "Property '%s' of '%s' is invalid", name, t.object.name)
		}
	}
	return names, nil
}

func sortRows(t *table, rows []*row, order string) *fault {
	type by struct {
		property property
		down     bool
	}
	var list []by
	for word := range strings.SplitSeq(order, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		name, direction, _ := strings.Cut(word, " ")
		p, known := t.object.byName[name]
		if !known || (direction != "" && direction != "asc" && direction != "desc") {
			return refuse(-1000, "Property '%s' of '%s' is invalid", name, t.object.name)
		}
		list = append(list, by{p, direction == "desc"})
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		for _, s := range list {
			n := 0
			switch s.property.kind {
			case integer:
				n = cmp.Compare(a.int(s.property.name), b.int(s.property.name))
			case double:
				n = a.number(s.property.name).Cmp(b.number(s.property.name))
			default:
				n = cmp.Compare(a.text(s.property.name), b.text(s.property.name))
			}
			if s.down {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
	return nil
}

func tag(r row) string { return fmt.Sprintf(`W/"%s%032x"`, "5A00", r.int("_version")+1) }

func (v *Vendor) readOne(t *table, kept *row, req request) (answer, *fault) {
	selected, err := v.selected(t, req)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, header: http.Header{"Etag": {tag(*kept)}}, body: v.render(*kept, t.object, selected, req.version)}, nil
}

func (v *Vendor) create(t *table, req request) (answer, *fault) {
	in, err := v.parse(req.body, t.set.of)
	if err != nil {
		v.noteUnknown(err)
		return answer{}, err
	}
	makers := map[string]func(row) (*row, *fault){
		"Orders": v.createOrder, "Drafts": nil, "Invoices": v.createInvoice, "IncomingPayments": v.createPayment, "BusinessPartners": v.createPartner,
		"UserFieldsMD": v.createField, "EventSubscriptions": v.createSubscription,
	}
	maker := makers[t.set.name]
	if maker == nil {
		v.surprise("POST %s", t.set.name)
		return answer{}, &fault{status: 405, code: -1, message: "Method not allowed"}
	}
	kept, err := maker(in)
	if err != nil {
		return answer{}, err
	}
	key := (*kept)[t.set.key]
	header := http.Header{"Location": {v.options.BaseURL + "/b1s/" + req.version + "/" + odata.ByKey(t.set.name, key)}, "Etag": {tag(*kept)}}
	if req.header.Get("Prefer") == "return-no-content" {
		return answer{status: http.StatusNoContent, header: header}, nil
	}
	return answer{status: http.StatusCreated, header: header, body: v.render(*kept, t.object, nil, req.version)}, nil
}

// noteUnknown notes a property that the vendor does not know: a bug of the caller, unless a person's setting names the field.
func (v *Vendor) noteUnknown(err *fault) {
	if err.code == -1000 && !strings.Contains(err.message, "'U_") {
		v.surprise("%s", err.message)
	}
}

func (v *Vendor) patch(t *table, kept *row, req request) (answer, *fault) {
	in, err := v.parse(req.body, t.set.of)
	if err != nil {
		v.noteUnknown(err)
		return answer{}, err
	}
	if match := req.header.Get("If-Match"); match != "" && match != "*" && match != tag(*kept) {
		return answer{}, &fault{status: 412, code: -2039, message: "Another user or another operation modified data; to continue, open the window again (ODBC -2039)"}
	}
	replace := req.header.Get("B1s-Replacecollectionsonpatch") == "true"
	switch t.set.name {
	case "Orders":
		err = v.changeOrder(kept, in, replace)
	case "BusinessPartners":
		err = v.changePartner(kept, in)
	case "EventSubscriptions":
		err = v.changeSubscription(kept, in, replace)
	default:
		v.surprise("PATCH %s", t.set.name)
		err = &fault{status: 405, code: -1, message: "Method not allowed"}
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

func (v *Vendor) act(t *table, kept *row, action string) (answer, *fault) {
	var err *fault
	switch t.set.name + "/" + action {
	case "Orders/Cancel":
		err = v.cancelOrder(kept)
	case "Orders/Close":
		err = v.closeOrder(kept)
	case "EventSubscriptions/Resume":
		(*kept)["State"] = "Active"
	default:
		v.surprise("POST %s/%s", t.set.name, action)
		err = endedSession()
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

// services are calls that belong to no set.
func (v *Vendor) services() map[string]func(request) (answer, *fault) {
	ok := func(body map[string]any) (answer, *fault) { return answer{status: http.StatusOK, body: body}, nil }
	return map[string]func(request) (answer, *fault){
		"CompanyService_GetCompanyInfo": func(request) (answer, *fault) {
			return ok(map[string]any{"CompanyName": "Orderly Tea Trading GmbH", "Version": 1000220, "EnableExpensesManagement": "tYES"})
		},
		"CompanyService_GetAdminInfo": func(request) (answer, *fault) {
			return ok(map[string]any{
				"CompanyName": "Orderly Tea Trading GmbH", "Country": "DE", "LocalCurrency": v.localCode(), "SystemCurrency": v.localCode(), "PriceAccuracy": v.priceDecimals,
				"TotalsAccuracy": 2, "PercentageAccuracy": 2,
			})
		},
		"CompanyService_UpdateAdminInfo": func(req request) (answer, *fault) {
			var in struct {
				AdminInfo struct{ EnableWebhook string }
			}
			if json.Unmarshal(req.body, &in) != nil || in.AdminInfo.EnableWebhook == "" {
				v.surprise("%s", req.path)
				return answer{}, refuse(-1000, "Invalid AdminInfo")
			}
			v.webhooks = in.AdminInfo.EnableWebhook == "tYES"
			return answer{status: http.StatusNoContent}, nil
		},
	}
}
