package fake

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// loadSchema reads the fake's own schema, which a test has seen to be in order.
func loadSchema() *ast.Schema {
	return gqlparser.MustLoadSchema(&ast.Source{Name: "schema", Input: schema})
}

// maxCost is what one query may cost, in points, before it is run.
const maxCost = 1000

// maxDocuments bounds the documents that are kept parsed.
const maxDocuments = 64

// problem is an entry of "errors".
type problem struct {
	Message    string         `json:"message"`
	Locations  []place        `json:"locations,omitempty"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

type place struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// object is a value of an object type; connections and lists in it are paged and chosen from when the
// query asks for them.
type object map[string]any

// connection is a list that is paged by first and after.
type connection []object

// paged is a page of a list at the root, already cut.
type paged struct {
	nodes []object
	more  bool
	end   string
}

func (v *Vendor) graphQL(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		v.surprise("GraphQL with content type %q", kind)
		refuse(w, http.StatusBadRequest, `{"errors":"Bad Request"}`)
		return
	}
	var request struct {
		Query         string         `json:"query"`
		Variables     map[string]any `json:"variables"`
		OperationName string         `json:"operationName"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&request); err != nil || request.Query == "" {
		refuse(w, http.StatusBadRequest, `{"errors":{"query":"Required parameter missing or invalid"}}`)
		return
	}
	document, problems := v.document(request.Query)
	if problems != nil {
		v.surprise("GraphQL: %s", problems[0].Message)
		answer(w, http.StatusOK, map[string]any{"errors": problems})
		return
	}
	operation := document.Operations.ForName(request.OperationName)
	if operation == nil {
		answer(w, http.StatusOK, map[string]any{"errors": []problem{{Message: "No operation named \"" + request.OperationName + "\""}}})
		return
	}
	variables, err := validator.VariableValues(v.schema, operation, request.Variables)
	if err != nil {
		v.surprise("GraphQL: %v", err)
		answer(w, http.StatusOK, map[string]any{"errors": []problem{variableProblem(operation, err)}})
		return
	}
	x := &execution{v: v, document: document, variables: variables}
	requested := x.cost(operation.SelectionSet)
	if operation.Operation == ast.Mutation {
		requested += 10
	}
	if requested > maxCost {
		answer(w, http.StatusOK, map[string]any{"errors": []problem{{
			Message:    fmt.Sprintf("Query cost is %d, which exceeds the single query max cost limit (%d).", requested, maxCost),
			Extensions: map[string]any{"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": maxCost},
		}}})
		return
	}
	if v.points.leak(v.now()); v.points.left() < int64(requested) {
		answer(w, http.StatusOK, map[string]any{
			"errors":     []problem{{Message: "Throttled", Extensions: map[string]any{"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"}}},
			"extensions": v.costReport(requested, nil),
		})
		return
	}
	root := "QueryRoot"
	if operation.Operation == ast.Mutation {
		root, x.spent = "Mutation", 10
	}
	var data bytes.Buffer
	x.object(&data, operation.SelectionSet, v.root(root, x), nil)
	spent := min(x.spent, requested)
	v.points.add(v.now(), int64(spent))
	out := bytes.NewBufferString(`{"data":`)
	out.Write(data.Bytes())
	if len(x.problems) > 0 {
		list, _ := json.Marshal(x.problems) // texts and numbers only
		out.WriteString(`,"errors":`)
		out.Write(list)
	}
	report, _ := json.Marshal(v.costReport(requested, &spent))
	out.WriteString(`,"extensions":`)
	out.Write(report)
	out.WriteString("}")
	refuse(w, http.StatusOK, out.String())
	v.later(x.sends)
}

func (v *Vendor) costReport(requested int, actual *int) map[string]any {
	return map[string]any{"cost": map[string]any{
		"requestedQueryCost": requested, "actualQueryCost": actual,
		"throttleStatus": map[string]any{
			"maximumAvailable": v.points.size, "currentlyAvailable": v.points.left(), "restoreRate": v.points.perSecond,
		},
	}}
}

// document parses and validates a document, once.
func (v *Vendor) document(query string) (*ast.QueryDocument, []problem) {
	if known, ok := v.documents[query]; ok {
		return known, nil
	}
	document, errs := gqlparser.LoadQueryWithRules(v.schema, query, rules.NewDefaultRules())
	if errs != nil {
		var problems []problem
		for _, e := range errs {
			problems = append(problems, problem{Message: e.Message, Locations: places(e)})
		}
		return nil, problems
	}
	if len(v.documents) >= maxDocuments {
		clear(v.documents)
	}
	v.documents[query] = document
	return document, nil
}

func places(e *gqlerror.Error) []place {
	var out []place
	for _, l := range e.Locations {
		out = append(out, place{l.Line, l.Column})
	}
	return out
}

// variableProblem is the error of a variable that does not fit.
func variableProblem(operation *ast.OperationDefinition, err error) problem {
	name, kind := "", ""
	if e := new(gqlerror.Error); errors.As(err, &e) && len(e.Path) > 1 {
		name = fmt.Sprint(e.Path[1])
		if d := operation.VariableDefinitions.ForName(name); d != nil {
			kind = d.Type.String()
		}
	}
	return problem{
		Message: fmt.Sprintf("Variable $%s of type %s was provided invalid value", name, kind),
		Extensions: map[string]any{
			"code": "INVALID_VARIABLE", "value": nil, "problems": []any{map[string]any{"path": []any{}, "explanation": err.Error()}},
		},
	}
}

// execution is one run of an operation.
type execution struct {
	v         *Vendor
	document  *ast.QueryDocument
	variables map[string]any
	problems  []problem
	spent     int
	sends     []send
}

// free are the types that cost nothing: amounts and the like are parts of their object.
var free = map[string]bool{
	"MoneyBag": true, "MoneyV2": true, "PricingValue": true, "PricingPercentageValue": true, "TaxLine": true, "Attribute": true, "PageInfo": true,
	"UserError": true, "TagsAddPayload": true, "WebhookSubscriptionCreatePayload": true, "WebhookSubscriptionDeletePayload": true, "CashRoundingAdjustment": true,
}

// factor is by how much a connection of n multiplies the cost of a node. Shopify does not publish how;
// this fits what it tells of queries that people have shown.
// (community.shopify.dev/t/unexpectedly-low-graphql-query-cost-in-shopify-admin-api-seeking-clarification/23101)
func factor(n int) int {
	if n <= 0 {
		return 0
	}
	return min(n, 3+bits.Len(uint(n-1)))
}

// cost adds up what a selection may cost at most.
func (x *execution) cost(selections ast.SelectionSet) int {
	total := 0
	for _, s := range selections {
		switch s := s.(type) {
		case *ast.FragmentSpread:
			total += x.cost(x.document.Fragments.ForName(s.Name).SelectionSet)
		case *ast.InlineFragment:
			total += x.cost(s.SelectionSet)
		case *ast.Field:
			total += x.fieldCost(s)
		}
	}
	return total
}

func (x *execution) fieldCost(f *ast.Field) int {
	if len(f.SelectionSet) == 0 || f.Definition == nil {
		return 0
	}
	name := f.Definition.Type.Name()
	inner := x.cost(f.SelectionSet)
	switch {
	case strings.HasSuffix(name, "Connection"):
		return 2 + factor(x.first(f))*(inner+1)
	case free[name]:
		return inner
	case f.Definition.Type.Elem != nil && f.Arguments.ForName("first") != nil:
		return factor(x.first(f)) * (inner + 1)
	case name == "Count":
		return 10
	}
	return inner + 1
}

func (x *execution) arguments(f *ast.Field) map[string]any { return f.ArgumentMap(x.variables) }

// number reads a whole number that is a literal or a variable.
func number(value any) (int, bool) {
	switch n := value.(type) {
	case int64:
		return int(n), true
	case json.Number:
		i, err := strconv.Atoi(n.String())
		return i, err == nil
	}
	return 0, false
}

func (x *execution) first(f *ast.Field) int {
	n, _ := number(x.arguments(f)["first"])
	return n
}

func (x *execution) fail(path []any, code, format string, args ...any) {
	x.problems = append(x.problems, problem{
		Message: fmt.Sprintf(format, args...), Path: append([]any(nil), path...), Extensions: map[string]any{"code": code},
	})
}

// field is a field of an answer with every selection that is asked for below it.
type field struct {
	*ast.Field
	selections ast.SelectionSet
}

// fields collects the fields of a selection for an object of a type, in their order.
func (x *execution) fields(selections ast.SelectionSet, typeName string, into []*field) []*field {
	for _, s := range selections {
		switch s := s.(type) {
		case *ast.FragmentSpread:
			fragment := x.document.Fragments.ForName(s.Name)
			if x.applies(fragment.TypeCondition, typeName) {
				into = x.fields(fragment.SelectionSet, typeName, into)
			}
		case *ast.InlineFragment:
			if x.applies(s.TypeCondition, typeName) {
				into = x.fields(s.SelectionSet, typeName, into)
			}
		case *ast.Field:
			known := false
			for _, f := range into {
				if f.Alias == s.Alias {
					f.selections = append(slices.Clip(f.selections), s.SelectionSet...)
					known = true
				}
			}
			if !known {
				into = append(into, &field{s, s.SelectionSet})
			}
		}
	}
	return into
}

func (x *execution) applies(condition, typeName string) bool {
	if condition == "" || condition == typeName {
		return true
	}
	for _, possible := range x.v.schema.PossibleTypes[condition] {
		if possible.Name == typeName {
			return true
		}
	}
	return false
}

// object writes what is asked for of an object.
func (x *execution) object(w *bytes.Buffer, selections ast.SelectionSet, o object, path []any) {
	typeName, _ := o["__typename"].(string)
	if !free[typeName] && typeName != "QueryRoot" && typeName != "Mutation" {
		x.spent++
	}
	w.WriteByte('{')
	for i, f := range x.fields(selections, typeName, nil) {
		if i > 0 {
			w.WriteByte(',')
		}
		x.scalar(w, f.Alias)
		w.WriteByte(':')
		value, ok := o[f.Name]
		if !ok {
			x.v.surprise("the fake has no value for %s.%s", typeName, f.Name)
		}
		if resolve, ok := value.(func(*field, []any) any); ok {
			value = resolve(f, append(path, f.Alias))
		}
		x.value(w, f, value, append(path, f.Alias))
	}
	w.WriteByte('}')
}

func (x *execution) scalar(w *bytes.Buffer, value any) {
	encoded, err := json.Marshal(value)
	if err != nil {
		encoded = []byte("null")
		x.v.surprise("a value cannot be written: %v", err)
	}
	w.Write(encoded)
}

func (x *execution) value(w *bytes.Buffer, f *field, value any, path []any) {
	switch value := value.(type) {
	case nil:
		w.WriteString("null")
	case object:
		if value == nil {
			w.WriteString("null")
			return
		}
		x.object(w, f.selections, value, path)
	case []object:
		if n, given := number(x.arguments(f.Field)["first"]); given {
			value = value[:min(max(n, 0), len(value))]
		}
		x.objects(w, f.selections, value, path)
	case connection:
		x.connection(w, f, value, path)
	case paged:
		x.page(w, f, value, path)
	default:
		x.scalar(w, value)
	}
}

func (x *execution) objects(w *bytes.Buffer, selections ast.SelectionSet, list []object, path []any) {
	w.WriteByte('[')
	for i, o := range list {
		if i > 0 {
			w.WriteByte(',')
		}
		x.object(w, selections, o, append(path, i))
	}
	w.WriteByte(']')
}

// connection pages a list that is there as a whole.
func (x *execution) connection(w *bytes.Buffer, f *field, list connection, path []any) {
	from, n, ok := x.span(f, path)
	if !ok {
		w.WriteString("null")
		return
	}
	from = min(from, len(list))
	to := min(from+n, len(list))
	x.page(w, f, paged{nodes: list[from:to], more: to < len(list), end: cursor(to)}, path)
}

// span reads first and after. A connection without first is refused, as is one of more than 250.
func (x *execution) span(f *field, path []any) (from, n int, ok bool) {
	args := x.arguments(f.Field)
	n, given := number(args["first"])
	if !given {
		x.v.surprise("%s without first", f.Name)
		x.fail(path, "BAD_REQUEST", "you must provide one of first or last")
		return 0, 0, false
	}
	if n < 1 || n > maxPage {
		x.v.surprise("%s(first: %d)", f.Name, n)
		x.fail(path, "BAD_REQUEST", "first must be between 1 and 250")
		return 0, 0, false
	}
	if after, _ := args["after"].(string); after != "" {
		if from, ok = place64(after); !ok {
			x.fail(path, "BAD_REQUEST", "Invalid cursor for current pagination sort.")
			return 0, 0, false
		}
	}
	return from, n, true
}

// cursor writes a place in a list; place64 reads it.
func cursor(at int) string {
	return base64.StdEncoding.EncodeToString([]byte("at:" + strconv.Itoa(at)))
}

func place64(text string) (int, bool) {
	body, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(body), "at:")
	at, err := strconv.Atoi(digits)
	return at, ok && err == nil && at >= 0
}

func (x *execution) page(w *bytes.Buffer, f *field, p paged, path []any) {
	x.spent += 2
	w.WriteByte('{')
	for i, part := range x.fields(f.selections, f.Definition.Type.Name(), nil) {
		if i > 0 {
			w.WriteByte(',')
		}
		x.scalar(w, part.Alias)
		w.WriteByte(':')
		switch part.Name {
		case "nodes":
			x.objects(w, part.selections, p.nodes, append(path, part.Alias))
		case "pageInfo":
			info := object{"__typename": "PageInfo", "hasNextPage": p.more, "hasPreviousPage": false, "startCursor": nil, "endCursor": nil}
			if len(p.nodes) > 0 {
				info["endCursor"] = p.end
			}
			x.object(w, part.selections, info, append(path, part.Alias))
		default:
			x.scalar(w, f.Definition.Type.Name()) // __typename
		}
	}
	w.WriteByte('}')
}
