package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/internal/httpx"
)

// Codes of GraphQL errors, in extensions.code.
const (
	CodeThrottled   = "THROTTLED"
	CodeDenied      = "ACCESS_DENIED"
	CodeMaxCost     = "MAX_COST_EXCEEDED"
	codeInternal    = "INTERNAL_SERVER_ERROR"
	codeTimeout     = "TIMEOUT"
	codeNotFound    = "NOT_FOUND"
	maxMessage      = 300
	statusRejection = 430 // Shopify's own: the request looks like an attack
)

func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// explainRead and explainWrite complete the errors of calls that only read, and of others.
func explainRead(resp *httpx.Response, e *connector.Error) *connector.Error {
	return explain(resp, e, connector.KindUnavailable)
}

func explainWrite(resp *httpx.Response, e *connector.Error) *connector.Error {
	return explain(resp, e, connector.KindMaybeApplied)
}

// explain completes errors from Shopify's bodies: {"errors": …} in REST, and in GraphQL with status
// 200 a list of errors beside or in place of data. unclear is the kind of a failure inside Shopify.
func explain(resp *httpx.Response, e *connector.Error, unclear connector.ErrorKind) *connector.Error {
	if e == nil {
		return graphError(resp, unclear)
	}
	explainREST(resp.Body, e)
	switch resp.Status {
	case http.StatusUnauthorized:
		e.Fix = "check the credentials and base_url"
	case http.StatusPaymentRequired:
		e.Message, e.Fix = "the shop is frozen", "the owner must pay Shopify's bill"
	case http.StatusForbidden:
		if e.Fix == "" {
			e.Fix = "give the app the access scope that is missing, and install it again"
		}
	case http.StatusLocked:
		e.Kind = connector.KindForbidden
		e.Message, e.Fix = "the shop is locked", "ask Shopify why: it locks shops after too many requests or fraud"
	case statusRejection:
		e.Kind = connector.KindForbidden
		e.Message, e.Fix = "Shopify takes the request for an attack", "check that base_url is the shop's address at myshopify.com"
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		e.Fix = "base_url must be https://{shop}.myshopify.com with the shop's present name, not its public domain"
	}
	return e
}

// explainREST reads {"errors":"Not Found"} and {"errors":{"email":["has already been taken"]}}.
func explainREST(body []byte, e *connector.Error) {
	var whole struct {
		Errors json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &whole) != nil || len(whole.Errors) == 0 {
		return
	}
	var text string
	if json.Unmarshal(whole.Errors, &text) == nil {
		e.Message = clip(text, maxMessage)
		return
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(whole.Errors, &fields) != nil {
		return
	}
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		var reasons []string
		if json.Unmarshal(fields[field], &reasons) != nil {
			var reason string
			if json.Unmarshal(fields[field], &reason) != nil {
				continue
			}
			reasons = []string{reason}
		}
		if e.Field == "" {
			e.Field = clip(field, 60)
		}
		parts = append(parts, field+" "+strings.Join(reasons, ", "))
	}
	if len(parts) > 0 {
		e.Message = clip(strings.Join(parts, "; "), maxMessage)
	}
}

// graphProblem is an error of GraphQL.
type graphProblem struct {
	Message    string `json:"message"`
	Path       []any  `json:"path"`
	Extensions struct {
		Code           string `json:"code"`
		RequiredAccess string `json:"requiredAccess"`
	} `json:"extensions"`
}

// graphError finds the error in an answer of status 200. Any error counts, even beside data: a field
// that is null because it was refused must not be taken for one that is empty.
func graphError(resp *httpx.Response, unclear connector.ErrorKind) *connector.Error {
	if !bytes.Contains(resp.Body, []byte(`"errors":`)) {
		return nil
	}
	var answer struct {
		Errors json.RawMessage `json:"errors"`
	}
	_ = json.Unmarshal(resp.Body, &answer) // what is no JSON is refused where it is decoded
	if len(answer.Errors) == 0 || string(answer.Errors) == "null" {
		return nil
	}
	var problems []graphProblem
	if json.Unmarshal(answer.Errors, &problems) != nil {
		return &connector.Error{Kind: connector.KindInvalid, Message: clip(strings.Trim(string(answer.Errors), `"`), maxMessage)}
	}
	if len(problems) == 0 {
		return nil
	}
	p := problems[0]
	e := &connector.Error{Kind: connector.KindInvalid, Code: clip(p.Extensions.Code, 60), Message: clip(p.Message, maxMessage), Field: pathText(p.Path)}
	switch p.Extensions.Code {
	case CodeThrottled:
		e.Kind, e.Message = connector.KindRateLimited, "the budget of query points is used up"
		e.RetryAfter = waitForPoints(resp.Body)
	case CodeDenied:
		e.Kind, e.Fix = connector.KindForbidden, denialFix(p)
	case codeInternal, codeTimeout:
		e.Kind = unclear
	case codeNotFound:
		e.Kind = connector.KindNotFound
	}
	return e
}

func denialFix(p graphProblem) string {
	if strings.Contains(p.Message, "protected-customer-data") || strings.Contains(p.Message, "not approved") {
		return "ask for access to protected customer data (name, address, e-mail, phone) in the app's API access requests"
	}
	if p.Extensions.RequiredAccess != "" {
		return "give the app " + clip(p.Extensions.RequiredAccess, 160) + " and install it again"
	}
	return "give the app the access scope that is missing, and install it again"
}

func pathText(path []any) string {
	var b strings.Builder
	for _, p := range path {
		switch p := p.(type) {
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(clip(p, 40))
		case float64: // an index of a list
			fmt.Fprintf(&b, "[%d]", int(p))
		}
	}
	return b.String()
}

// cost is what GraphQL says of its points in every answer.
// (shopify.dev/docs/api/usage/limits, "GraphQL Admin API rate limits")
type cost struct {
	Requested json.Number `json:"requestedQueryCost"`
	Throttle  struct {
		Maximum   json.Number `json:"maximumAvailable"`
		Available json.Number `json:"currentlyAvailable"`
		Restore   json.Number `json:"restoreRate"`
	} `json:"throttleStatus"`
}

// costOf finds extensions.cost, which stands at the end of an answer, without reading all of it.
func costOf(body []byte) (cost, bool) {
	at := bytes.LastIndex(body, []byte(`"extensions":`))
	if at < 0 {
		return cost{}, false
	}
	var extensions struct {
		Cost *cost `json:"cost"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body[at+len(`"extensions":`):]))
	if decoder.Decode(&extensions) != nil || extensions.Cost == nil {
		return cost{}, false
	}
	return *extensions.Cost, true
}

func points(n json.Number) int {
	value, err := n.Float64() // Shopify writes 100 and 100.0; it is no money
	if err != nil || value < 0 || value > 1e6 {
		return 0
	}
	return int(value)
}

// wait is how long the bucket takes to hold what the query wants.
func (c cost) wait() time.Duration {
	missing, restore := points(c.Requested)-points(c.Throttle.Available), points(c.Throttle.Restore)
	if missing <= 0 || restore <= 0 {
		return 0
	}
	return min(time.Duration(missing)*time.Second/time.Duration(restore), time.Minute)
}

func waitForPoints(body []byte) time.Duration {
	c, ok := costOf(body)
	if !ok {
		return time.Second
	}
	return max(c.wait(), 100*time.Millisecond)
}

// limits reads what is left: requests of the leaky bucket in REST ("32/40"), points in GraphQL, there
// as the number of queries like the last one that the points are enough for.
func limits(resp *httpx.Response) *httpx.Limits {
	if used, size, ok := strings.Cut(resp.Header.Get("X-Shopify-Shop-Api-Call-Limit"), "/"); ok {
		u, err1 := strconv.Atoi(used)
		s, err2 := strconv.Atoi(size)
		if err1 != nil || err2 != nil || s <= 0 {
			return nil
		}
		// Every plan empties its bucket in 20 seconds: 40 at 2/s, 80 at 4/s, 400 at 20/s.
		return &httpx.Limits{Left: s - u, Max: s, Wait: 20 * time.Second / time.Duration(s)}
	}
	spent, ok := costOf(resp.Body)
	if !ok {
		return nil
	}
	price := max(points(spent.Requested), 1)
	return &httpx.Limits{
		Left: points(spent.Throttle.Available) / price, Max: points(spent.Throttle.Maximum) / price, Wait: spent.wait(),
	}
}

// UserError is a mutation's refusal.
type UserError struct {
	Field   []string `json:"field"`
	Message string   `json:"message"`
	Code    string   `json:"code"`
}

// refusal gives the error that a mutation's userErrors are, or nil.
func refusal(op string, problems []UserError) error {
	if len(problems) == 0 {
		return nil
	}
	return &connector.Error{
		Kind: connector.KindInvalid, Op: op, Field: clip(strings.Join(problems[0].Field, "."), 80),
		Code: clip(problems[0].Code, 60), Message: clip(problems[0].Message, maxMessage),
	}
}

// ReadLimits is what an answer says of the shop's budget; nil when it says nothing.
func ReadLimits(header http.Header, body []byte) *httpx.Limits {
	return limits(&httpx.Response{Header: header, Body: body})
}
