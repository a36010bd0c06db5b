package shopify

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/shopify/api"
	"github.com/orderlyhq/orderly/internal/jsonfield"
)

// decoder translates Shopify's records. Both forms are read whatever the connection's api is: a
// webhook always has REST's.
type decoder struct {
	presentment    bool // the document is in the buyer's currency
	taxIDAttribute string
	tagPrefix      string // of the tags that we write ourselves
}

var _ connector.Decoder = decoder{}

func (d decoder) DecodeOrder(raw connector.Raw) (commerce.Order, error) {
	o, err := readOrder(raw)
	if err != nil {
		return commerce.Order{}, err
	}
	return d.order(o)
}

func (d decoder) DecodeCustomer(raw connector.Raw) (commerce.Customer, error) {
	c, err := readCustomer(raw)
	if err != nil {
		return commerce.Customer{}, err
	}
	return d.customer(c), nil
}

// envelope is a record, or what it may be wrapped in.
type envelope struct {
	ID       json.RawMessage `json:"id"`
	Data     json.RawMessage `json:"data"`
	Order    json.RawMessage `json:"order"`
	Customer json.RawMessage `json:"customer"`
	// Lines are what orders have and customers have not.
	Lines      json.RawMessage `json:"line_items"`
	GraphLines json.RawMessage `json:"lineItems"`

	OrderCreate    json.RawMessage `json:"orderCreate"`
	OrderUpdate    json.RawMessage `json:"orderUpdate"`
	CustomerSet    json.RawMessage `json:"customerSet"`
	CustomerCreate json.RawMessage `json:"customerCreate"`
	CustomerUpdate json.RawMessage `json:"customerUpdate"`
}

// inner gives what is wrapped; nil when nothing is.
func (e *envelope) inner(kind string) json.RawMessage {
	record := e.Order
	if kind == "customer" {
		record = e.Customer
	}
	for _, part := range []json.RawMessage{e.Data, e.OrderCreate, e.OrderUpdate, e.CustomerSet, e.CustomerCreate, e.CustomerUpdate, record} {
		if startsObject(part) {
			return part
		}
	}
	return nil
}

// maxWraps is how deep a record is looked for: {"data":{"orderCreate":{"order":…}}}.
const maxWraps = 4

// unwrap gives the record itself and its form: in GraphQL ids are "gid://…", in REST numbers.
func unwrap(raw connector.Raw, kind string) (body json.RawMessage, form string, err error) {
	body = raw.Body
	var e envelope
	for range maxWraps {
		e = envelope{}
		if err := json.Unmarshal(body, &e); err != nil || !startsObject(body) {
			return nil, "", connector.Invalid("", "this is no JSON object and so no %s of Shopify", kind)
		}
		inner := e.inner(kind)
		if e.ID != nil || inner == nil {
			break
		}
		body = inner
	}
	if lines := e.Lines != nil || e.GraphLines != nil; lines && kind == "customer" {
		return nil, "", connector.Invalid("line_items", "this is an order, no customer")
	}
	if len(e.ID) == 0 || string(e.ID) == "null" {
		return nil, "", connector.Invalid("id", "the %s has no id", kind)
	}
	if form = raw.Form; form == "" {
		form = apiREST
		if bytes.HasPrefix(e.ID, []byte(`"gid:`)) {
			form = apiGraphQL
		}
	}
	if form != apiREST && form != apiGraphQL {
		return nil, "", connector.Invalid("", "the form %q is neither rest nor graphql", form)
	}
	return body, form, nil
}

func startsObject(data json.RawMessage) bool {
	data = bytes.TrimSpace(data)
	return len(data) > 0 && data[0] == '{'
}

// readOrder reads an order of either form into REST's.
func readOrder(raw connector.Raw) (*api.Order, error) {
	if raw.Form == apiREST { // nearly always the record itself: look at it once
		o := new(api.Order)
		if json.Unmarshal(raw.Body, o) == nil && isID(o.ID) && o.LineItems != nil {
			return o, nil
		}
	}
	body, form, err := unwrap(raw, "order")
	if err != nil {
		return nil, err
	}
	o := new(api.Order)
	if form == apiGraphQL {
		g := new(api.GraphOrder)
		if err := parse(body, g); err != nil {
			return nil, err
		}
		o = g.Order()
	} else if err := parse(body, o); err != nil {
		return nil, err
	}
	if !isID(o.ID) {
		return nil, connector.Invalid("id", "%q is no id of an order", clip(string(o.ID)))
	}
	if o.LineItems == nil {
		return nil, connector.Invalid(map[string]string{apiREST: "line_items", apiGraphQL: "lineItems"}[form], "the order has no list of lines")
	}
	return o, nil
}

// readCustomer reads a customer of either form into REST's.
func readCustomer(raw connector.Raw) (*api.Customer, error) {
	body, form, err := unwrap(raw, "customer")
	if err != nil {
		return nil, err
	}
	c := new(api.Customer)
	if form == apiGraphQL {
		g := new(api.GraphCustomer)
		if err := parse(body, g); err != nil {
			return nil, err
		}
		c = g.Customer()
	} else if err := parse(body, c); err != nil {
		return nil, err
	}
	if !isID(c.ID) {
		return nil, connector.Invalid("id", "%q is no id of a customer", clip(string(c.ID)))
	}
	return c, nil
}

// isID says whether an id is a number as Shopify gives them.
func isID(id api.ID) bool {
	return id != "" && len(id) <= 20 && strings.Trim(string(id), "0123456789") == ""
}

func clip(text string) string {
	if len(text) > 40 {
		return strings.ToValidUTF8(text[:40], "") + "…"
	}
	return text
}

// head is what an event needs to know of a record, even when the rest of it cannot be read.
type head struct {
	ID      api.ID
	Updated api.Time
	// Whole says that an order is all there. The merchant may have chosen the fields of a webhook, and
	// REST and webhooks name only the ways of payment and the sum: with more than one way the parts are
	// in the transactions alone.
	Whole bool
}

func readHead(body json.RawMessage) (head, error) {
	var record struct {
		ID           api.ID            `json:"id"`
		Updated      api.Time          `json:"updated_at"`
		GraphUpdated api.Time          `json:"updatedAt"`
		Gateways     []string          `json:"payment_gateway_names"`
		Transactions []json.RawMessage `json:"transactions"`
		Lines        json.RawMessage   `json:"line_items"`
		GraphLines   json.RawMessage   `json:"lineItems"`
	}
	if err := parse(body, &record); err != nil {
		return head{}, err
	}
	h := head{ID: api.ID(record.ID.Legacy()), Updated: record.Updated}
	h.Whole = (record.Lines != nil || record.GraphLines != nil) && (len(record.Transactions) > 0 || len(record.Gateways) <= 1)
	if h.Updated.IsZero() {
		h.Updated = record.GraphUpdated
	}
	if !isID(h.ID) {
		return head{}, connector.Invalid("id", "%q is no id", clip(string(h.ID)))
	}
	return h, nil
}

// parse decodes JSON and names the field that cannot be read.
func parse[T any](body json.RawMessage, into *T) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	if !json.Valid(body) {
		return connector.Invalid("", "the JSON is broken: %v", err)
	}
	return connector.Invalid(jsonfield.Faulty[T](body), "the field cannot be read: %s", reason(err))
}

// reason is what is wrong with a value, without the value: it may be personal.
func reason(err error) string {
	if e, ok := err.(*json.UnmarshalTypeError); ok { //nolint:errorlint // encoding/json gives the error itself
		return "a " + e.Value + " stands where another type belongs"
	}
	return "it is no number, id or time of Shopify's form"
}
